"""The preview page's data as plain values, and a plan as its source.

Each mail is rendered once and kept on disk, to be shown in any order with little memory.
"""

from __future__ import annotations

import json
import re
import sqlite3
import threading
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal, Protocol

from workflow.ledger.plans import PlannedMail
from workflow.mail.faces import html_face, parse_body, text_face
from workflow.mail.list_recipients import BadRow
from workflow.mail.template import RenderedMail
from workflow.mail.word_rules import check_words
from workflow.model import Finding, Level
from workflow.notice.composing import as_addresses
from workflow.notice.plan import Plan, word_rules
from workflow.notice.recipients import Ready
from workflow.workspace import Workspace


class NoSuchMail(LookupError):
    """The list has no mail for this row."""


class NotReadYet(LookupError):
    """A long list is still being read and has not reached this row; ask again."""


@dataclass(frozen=True)
class Remark:
    """One remark: an error stops the notice, a warning asks.

    `where` says in words where to look. `line` is the line in the mail's plain text, from 1, or 0.
    `rows` are the list's rows in it that have a mail. Text between backquotes in `message` is
    quoted from the mail.
    """

    level: Literal["error", "warning"]
    where: str
    message: str
    line: int = 0
    rows: Sequence[int] = ()


@dataclass(frozen=True)
class Sheet:
    """The pre-flight sheet. `lines` are labels and texts; `bad_rows` can't get a mail.

    `changed` are the added (`+ `) and removed (`- `) lines since the last notice.
    """

    title: str
    lines: Sequence[tuple[str, str]]
    remarks: Sequence[Remark] = ()
    bad_rows: Sequence[Remark] = ()
    changed: Sequence[str] = ()


@dataclass(frozen=True)
class ListedRecipient:
    """A line in the list of recipients.

    `lang` is the language of their mail, a tag such as `de`. `is_new`: they had no notice of the
    incident yet, while others had one.
    """

    row: int
    email: str
    name: str
    lang: str = ""
    is_new: bool = False


@dataclass(frozen=True)
class Found:
    """Recipients in the order of the list, as far as it has been read.

    `has_more`: there are others after the last one here. `is_whole`: the search reached the end of
    the list, or one recipient more than requested; otherwise asking again continues it.
    """

    recipients: Sequence[ListedRecipient]
    has_more: bool
    is_whole: bool


@dataclass(frozen=True)
class Mail:
    """One recipient's mail as it would be sent. `position` counts mails from 1.

    The previous and next rows are None at the ends of the list.
    """

    position: int
    recipient: ListedRecipient
    subject: str
    text: str
    html: str
    remarks: Sequence[Remark]
    previous_row: int | None
    next_row: int | None


class PreviewSource(Protocol):
    """A notice to preview. Its methods may be called from several threads."""

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


_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE mails (position INTEGER PRIMARY KEY, row INTEGER, sought TEXT, packed BLOB);
CREATE INDEX mails_by_row ON mails (row);
"""


class MailShelf:
    """Mails in the order of the list, taken from `mails` only as far as needed.

    They are kept in SQLite's private temporary file, which has no name and disappears with the
    process. Positions count from 1. Not safe for several threads at once.
    """

    def __init__(self, mails: Iterator[PlannedMail]) -> None:
        self._mails = mails
        # An empty name is a temporary database on disk: https://www.sqlite.org/inmemorydb.html
        self._shelf = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._shelf.executescript(_TABLES)
        self._like_first = b""
        self.read = 0
        self.is_whole = False

    def read_on(self, most: int) -> None:
        """Read up to `most` further mails; the end of the list makes `is_whole` true."""
        taken = [self._packed_row(mail) for mail in islice(self._mails, most)]
        self._shelf.executemany("INSERT INTO mails VALUES (?, ?, ?, ?)", taken)
        self.is_whole = len(taken) < most

    def position_of(self, row: int) -> int | None:
        """The position of the mail for this row of the list, if it has been read."""
        found = self._shelf.execute(
            "SELECT position FROM mails WHERE row = ? LIMIT 1", [row]
        ).fetchone()
        return None if found is None else int(found[0])

    def last_row(self) -> int:
        """The row of the last mail that was read, 0 when there is none."""
        found = self._shelf.execute("SELECT max(row) FROM mails").fetchone()
        return int(found[0] or 0)

    def at(self, position: int) -> PlannedMail | None:
        """The mail at a position, if it has been read."""
        found = self._shelf.execute("SELECT packed FROM mails WHERE position = ?", [position])
        packed = found.fetchone()
        return None if packed is None else self._unpacked(packed[0])

    def find(
        self, words: Sequence[str], *, after_row: int, after_position: int, limit: int
    ) -> list[PlannedMail]:
        """The first mails read whose address or name holds every word (as `sought_form`)."""
        query = " AND ".join(["position > ?", "row > ?", *["instr(sought, ?) > 0"] * len(words)])
        found = self._shelf.execute(
            f"SELECT packed FROM mails WHERE {query} ORDER BY position LIMIT ?",  # noqa: S608 - ours
            [after_position, after_row, *words, limit],
        )
        return [self._unpacked(packed) for (packed,) in found]

    def _packed_row(self, mail: PlannedMail) -> tuple[int, int, str, bytes]:
        self.read += 1
        return self.read, mail.row, sought_form(mail), self._packed(mail)

    def _packed(self, mail: PlannedMail) -> bytes:
        """The mail as a difference from the first one, which is nearly equal: about 100 bytes."""
        content = json.dumps(vars(mail)).encode()
        self._like_first = self._like_first or content
        packer = zlib.compressobj(zdict=self._like_first)
        return packer.compress(content) + packer.flush()

    def _unpacked(self, packed: bytes) -> PlannedMail:
        content = zlib.decompressobj(zdict=self._like_first).decompress(packed)
        values = json.loads(content)
        lists = {name: tuple(values[name]) for name in ("cells", "files")}
        return PlannedMail(**values | lists)


def sought_form(mail: PlannedMail) -> str:
    """The text that a search looks through: address and name, the domain in both forms."""
    domain = mail.email.rpartition("@")[2]
    text = f"{mail.email} {_international(domain)} {mail.name}".casefold()
    # SQLite can't store half of a surrogate pair.
    return text.encode("utf-8", "replace").decode()


def _international(domain: str) -> str:
    if "xn--" not in domain:
        return ""
    try:
        return domain.encode("ascii").decode("idna")
    except UnicodeError:
        return ""


# About a second of reading and rendering: no page waits for a whole long list.
_READ_PER_QUESTION = 5_000
_BATCH = 500
_BAD_ROWS_SHOWN = 100

_LINE = re.compile(r"text, line (\d+)")
_ROWS = re.compile(r"rows? (\d+(?:, \d+)*)(?: and \d+ more)?")


class PlanPreview:
    """A plan's sheet and mails. Implements `workflow.notice.preview.source.PreviewSource`.

    The mails come from the plan's own reading of the list, in order and only as far as needed.
    """

    def __init__(
        self,
        workspace: Workspace,
        plan: Plan,
        sheet_lines: Sequence[tuple[str, str]],
        *,
        read_per_question: int = _READ_PER_QUESTION,
    ) -> None:
        """`sheet_lines` are labels and texts of the pre-flight sheet; see `Sheet.lines`."""
        self._plan = plan
        self._allowed_findings = workspace.settings.config.allowed_findings
        self._pictures = as_addresses(plan.attachments)
        self._own_rules = word_rules(workspace.settings.config)
        self._read_per_question = read_per_question
        self._new_rows: set[int] = set()
        self._shelf = MailShelf(self._mails())
        self._lock = threading.Lock()
        self.sheet = _sheet(plan, sheet_lines)
        self.headers = _headers(plan)
        self.count = plan.new

    def _mails(self) -> Iterator[PlannedMail]:
        """Every mail, noting which customers had no notice of the incident while others had."""
        for read in self._plan.reader.read():
            if isinstance(read, Ready):
                if self._plan.earlier is not None and not read.told_before:
                    self._new_rows.add(read.mail.row)
                yield read.mail

    @property
    def read(self) -> int:
        """How many mails have been read so far."""
        return self._shelf.read

    def recipients(self, query: str, *, after_row: int, limit: int) -> Found:
        """As the protocol says; reads on for about a second at most."""
        words = query.casefold().split()
        found: list[PlannedMail] = []
        seen = 0
        with self._lock:
            ends_at = self._shelf.read + self._read_per_question
            while True:
                found += self._shelf.find(
                    words,
                    after_row=after_row,
                    after_position=seen,
                    limit=limit + 1 - len(found),
                )
                seen = self._shelf.read
                is_whole = len(found) > limit or self._shelf.is_whole
                if is_whole or seen >= ends_at:
                    break
                self._shelf.read_on(_BATCH)
        return Found(tuple(map(self._recipient, found[:limit])), len(found) > limit, is_whole)

    def mail(self, row: int) -> Mail:
        """As the protocol says; reads on for about a second at most."""
        with self._lock:
            position = self._position(row)
            # Read one more, to know whether there is a next one.
            if position == self._shelf.read and not self._shelf.is_whole:
                self._shelf.read_on(_BATCH)
            before, planned, after = (self._shelf.at(position + step) for step in (-1, 0, 1))
        if planned is None:
            raise NoSuchMail(row)
        return self._faces(planned, position, before, after)

    def _position(self, row: int) -> int:
        ends_at = self._shelf.read + self._read_per_question
        while (position := self._shelf.position_of(row)) is None:
            if self._shelf.is_whole or self._shelf.last_row() > row:
                raise NoSuchMail(row)
            if self._shelf.read >= ends_at:
                raise NotReadYet(row)
            self._shelf.read_on(_BATCH)
        return position

    def _recipient(self, planned: PlannedMail) -> ListedRecipient:
        return ListedRecipient(
            planned.row,
            planned.email,
            _whole(planned.name),
            planned.lang,
            planned.row in self._new_rows,
        )

    def _faces(
        self,
        planned: PlannedMail,
        position: int,
        before: PlannedMail | None,
        after: PlannedMail | None,
    ) -> Mail:
        tokens = parse_body(planned.markdown)
        findings = check_words(
            RenderedMail(planned.subject, planned.markdown),
            stage=self._plan.stage,
            doc_url=self._plan.incident.doc_url,
            extra_rules=self._own_rules,
            allowed=self._allowed_findings,
        )
        return Mail(
            position=position,
            recipient=self._recipient(planned),
            subject=_whole(planned.subject),
            text=_whole(text_face(tokens)),
            html=_whole(
                html_face(
                    tokens, subject=planned.subject, lang=planned.lang, pictures=self._pictures
                )
            ),
            remarks=tuple(map(_remark, findings)),
            previous_row=None if before is None else before.row,
            next_row=None if after is None else after.row,
        )


def _sheet(plan: Plan, lines: Sequence[tuple[str, str]]) -> Sheet:
    count = "1 customer" if plan.new == 1 else f"{plan.new:,} customers"
    level: Level = "warning" if plan.request.skip_bad else "error"
    return Sheet(
        title=f"{plan.stage.value.capitalize()} notice to {count}",
        # The page itself shows how the text changed, each line in its colour.
        lines=tuple(each for each in lines if each[0]),
        remarks=tuple(map(_remark, plan.findings)),
        bad_rows=tuple(_bad_row(bad, level) for bad in plan.bad_rows[:_BAD_ROWS_SHOWN]),
        changed=tuple(map(_whole, plan.earlier.changed)) if plan.earlier else (),
    )


def _bad_row(bad: BadRow, level: Level) -> Remark:
    where = f"row {bad.row}, {bad.column}" if bad.column else f"row {bad.row}"
    message = f"`{bad.value[:80]}`: {bad.reason}" if bad.value else bad.reason
    return Remark(level, _whole(where), _whole(message))


def _headers(plan: Plan) -> tuple[tuple[str, str], ...]:
    attached = ", ".join(file.filename for file in plan.attachments)
    named = (
        ("From", _from_words(plan)),
        ("Reply-To", plan.reply_to),
        ("Attached", attached),
    )
    return tuple((name, _whole(value)) for name, value in named if value)


def _from_words(plan: Plan) -> str:
    address = plan.from_address or "the account that is signed in"
    return f"{plan.from_name} <{address}>" if plan.from_name else address


def _remark(finding: Finding) -> Remark:
    line, rows = _LINE.search(finding.where), _ROWS.fullmatch(finding.where)
    return Remark(
        finding.level,
        _whole(finding.where),
        _whole(finding.message),
        line=int(line[1]) if line else 0,
        rows=tuple(map(int, rows[1].split(", "))) if rows else _first_row(finding),
    )


def _first_row(finding: Finding) -> tuple[int, ...]:
    return (finding.row,) if finding.row else ()


def _whole(text: str) -> str:
    """Text without half surrogate pairs, which neither a mail nor a page can carry."""
    return text.encode("utf-8", "replace").decode()
