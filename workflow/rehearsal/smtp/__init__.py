"""The rehearsal's mail relay: an SMTP server on this machine that takes mails and sends none on.

As strict as RFC 5321 and Google's relay: the order of the commands, their grammar, the header.
"""

from workflow.rehearsal.smtp.conversation import Rules
from workflow.rehearsal.smtp.server import RelayServer

__all__ = ["RelayServer", "Rules"]
