"""The rehearsal in a browser: its docs as Google Docs would show them, and its mailbox."""

from workflow.rehearsal.pages.views import blueprint

__all__ = ["blueprint"]
