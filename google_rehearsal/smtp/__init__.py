"""The rehearsal's mail relay: an SMTP server on this machine that forwards nothing.

As strict as RFC 5321 and Google's relay: the order of the commands, their grammar, the header.
"""

from google_rehearsal.smtp.conversation import Rules
from google_rehearsal.smtp.server import RelayServer

__all__ = ["RelayServer", "Rules"]
