"""What an SMTP server's reply means for the mail in hand.

Google's words: its help pages "SMTP relay service error messages" and "Gmail SMTP errors and
codes". For any other server the class of the code decides (RFC 5321, 4.2.1).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from workflow.google.faults import GoogleFault, Refused, SignInNeeded, SlowDown, Unreachable

_SHOWN = 200
# `550 5.7.1 Daily SMTP relay limit exceeded`, `550 5.4.5 Daily user sending quota exceeded`.
_DAILY = re.compile(r"\bdaily\b.*\b(limit|quota)\b|\b5\.4\.5\b", re.IGNORECASE | re.DOTALL)
# `550 5.7.1 Invalid credentials for relay`, `554 5.7.1 Relay access denied` (Postfix).
_NOT_LET_IN = re.compile(
    r"credentials for relay|relay (access )?denied|relaying (is )?(denied|not)"
    r"|authentication required",
    re.IGNORECASE,
)


class Part(Enum):
    """What the server was asked for."""

    SIGN_IN = "sign-in"
    SENDER = "the sender"
    RECIPIENT = "the recipient"
    DATA = "the mail"
    MAIL = "the whole mail"
    RESET = "a new start"


@dataclass(frozen=True)
class Reply:
    """A server's answer: its code, and its words on one line. Code -1 is no reply of SMTP."""

    code: int
    text: str

    @property
    def is_none(self) -> bool:
        """Whether it can't be read as a reply that decides anything."""
        return self.code // 100 not in {2, 4, 5}

    @property
    def closes(self) -> bool:
        """Whether the server closes the connection with it."""
        return self.code in {221, 421, -1}

    @property
    def words(self) -> str:
        """What it says: short, on one line, without control characters."""
        return " ".join("".join(c if c.isprintable() else " " for c in self.text).split())[:_SHOWN]

    @property
    def shown(self) -> str:
        """The reply as a person sees it: its code and its words."""
        return f"{self.code} {self.words}".strip().rstrip(".")

    def agrees_to(self, part: Part) -> bool:
        """Whether the server agreed to what it was asked for."""
        return self.code == 354 if part is Part.DATA else self.code // 100 == 2


def sort_reply(reply: Reply, part: Part) -> GoogleFault:
    """The fault that a reply without agreement stands for. The server has not taken the mail.

    What concerns every mail alike stops all and keeps the plan; a mail or a recipient that is
    refused stops that one alone; what is only for now is tried later,
    and a recipient of whom that is said does not hold the others up.
    """
    said = f"The mail relay says: {reply.shown}."
    if reply.code // 100 == 4:
        later = f"The mail relay asks to try later: {reply.shown}."
        # Of one recipient it says nothing about the others.
        return (
            Unreachable(later) if part is Part.RECIPIENT and not reply.closes else SlowDown(later)
        )
    if reply.code // 100 != 5:
        return Unreachable(f"The mail relay's answer could not be read: {reply.shown}.")
    if _DAILY.search(reply.text):
        return SlowDown(f"The mail relay's limit of the day is reached: {reply.shown}.", daily=True)
    if part is Part.SIGN_IN:
        return SignInNeeded(
            f"{said} See to user and password under [smtp] in the config.", reason="relaySignIn"
        )
    if part is Part.SENDER or reply.code == 530 or _NOT_LET_IN.search(reply.text):
        return SignInNeeded(
            f"{said} The relay has to let this machine or user send as this sender: see to its "
            "settings, and to [smtp] in the config.",
            reason="relayDenied",
        )
    return Refused(said, status=reply.code, reason="relayRefused")
