"""The rehearsal in a browser: its docs, and its mailbox."""

from google_rehearsal.pages.views import blueprint

__all__ = ["blueprint"]
