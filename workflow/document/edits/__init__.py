"""Edits of the doc: computed from one read, applied in one batch."""
