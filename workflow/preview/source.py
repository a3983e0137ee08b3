"""What the preview page shows, as plain values, and what it asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


class NoSuchMail(LookupError):
    """The list has no mail for this row."""


class NotReadYet(LookupError):
    """A long list is still being read, and this row has not been come to; ask again."""


@dataclass(frozen=True)
class Remark:
    """One thing to look at: an error stops the notice, a warning asks.

    `where` says in words where to look: `line` is the line of the mail's plain text that it names,
    from 1, or 0; `rows` are the list's rows in it that have a mail. What stands between backquotes
    in `message` is quoted from the mail.
    """

    level: Literal["error", "warning"]
    where: str
    message: str
    line: int = 0
    rows: Sequence[int] = ()


@dataclass(frozen=True)
class Sheet:
    """The pre-flight sheet. `lines` are labels and texts; `bad_rows` can't be written to."""

    title: str
    lines: Sequence[tuple[str, str]]
    remarks: Sequence[Remark] = ()
    bad_rows: Sequence[Remark] = ()


@dataclass(frozen=True)
class Recipient:
    """A line in the list of recipients."""

    row: int
    email: str
    name: str


@dataclass(frozen=True)
class Found:
    """Recipients in the order of the list, as far as it has been read.

    `has_more`: there are others after the last one here. `is_whole`: the list was looked through
    to its end, or to a recipient more than was asked for; otherwise asking again looks further.
    """

    recipients: Sequence[Recipient]
    has_more: bool
    is_whole: bool


@dataclass(frozen=True)
class Mail:
    """One recipient's mail as it would be sent. `position` counts mails from 1.

    The rows before and after are None at the ends of the list.
    """

    position: int
    recipient: Recipient
    subject: str
    text: str
    html: str
    remarks: Sequence[Remark]
    previous_row: int | None
    next_row: int | None


class PreviewSource(Protocol):
    """A notice to look at. Its methods may be called from several threads."""

    @property
    def sheet(self) -> Sheet:
        """The pre-flight sheet."""

    @property
    def headers(self) -> Sequence[tuple[str, str]]:
        """Headers that are the same in every mail, in words: `("Answers go to", …)`."""

    @property
    def count(self) -> int:
        """How many mails there are."""

    @property
    def read(self) -> int:
        """How many of them have been read so far."""

    def recipients(self, query: str, *, after_row: int, limit: int) -> Found:
        """The first `limit` recipients after a row whose address or name has every word."""

    def mail(self, row: int) -> Mail:
        """The mail for the recipient in this row. Raises `NoSuchMail` and `NotReadYet`."""
