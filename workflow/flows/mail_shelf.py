"""The mails of a list, each rendered once, to be looked at in any order in little memory."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from itertools import islice

from workflow.ledger.plans import PlannedMail

_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE mails (position INTEGER PRIMARY KEY, row INTEGER, sought TEXT, packed BLOB);
CREATE INDEX mails_by_row ON mails (row);
"""


class MailShelf:
    """Mails in the order of the list, taken from `mails` only as far as they are asked for.

    What was read lies in SQLite's private temporary file, which has no name and goes with the
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
        """Take up to `most` further mails; the end of the list makes `is_whole` true."""
        taken = [self._packed_row(mail) for mail in islice(self._mails, most)]
        self._shelf.executemany("INSERT INTO mails VALUES (?, ?, ?, ?)", taken)
        self.is_whole = len(taken) < most

    def position_of(self, row: int) -> int | None:
        """Where the mail for this row of the list stands, if it has been read."""
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
        """The mail as a difference to the first, which it mostly repeats: about 100 bytes."""
        content = json.dumps(vars(mail)).encode()
        self._like_first = self._like_first or content
        packer = zlib.compressobj(zdict=self._like_first)
        return packer.compress(content) + packer.flush()

    def _unpacked(self, packed: bytes) -> PlannedMail:
        content = zlib.decompressobj(zdict=self._like_first).decompress(packed)
        return PlannedMail(**json.loads(content))


def sought_form(mail: PlannedMail) -> str:
    """What a search looks through: address and name in any case, the domain in both its forms."""
    domain = mail.email.rpartition("@")[2]
    text = f"{mail.email} {_international(domain)} {mail.name}".casefold()
    # SQLite holds no half of a surrogate pair.
    return text.encode("utf-8", "replace").decode()


def _international(domain: str) -> str:
    if "xn--" not in domain:
        return ""
    try:
        return domain.encode("ascii").decode("idna")
    except UnicodeError:
        return ""
