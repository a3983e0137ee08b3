"""The ledger's errors. `str()` of each is what a person sees.

`in_words` turns a database's message into a sentence. It never repeats a part that may hold a
password.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from workflow import __version__
from workflow.errors import BadInput, NotSetUp


class LedgerUnavailable(NotSetUp):
    """The ledger can't be read or written; nothing was changed."""


class LedgerOutOfReach(LedgerUnavailable):
    """The ledger doesn't answer, or is locked: the same may succeed in a moment.

    `what` is the cause, without a full stop; `str()` adds what a person can do.
    """

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}.", remedy)
        self.what = what


class LedgerUnwritable(LedgerUnavailable):
    """The ledger can't be written here; perhaps it can be read."""

    asks_what_is_kept = True


class LedgerAddressBad(LedgerUnavailable):
    """The address is not that of a ledger. The error doesn't repeat it: it may hold a password."""


class NewerLedger(LedgerUnavailable):
    """A newer version of this program wrote the ledger: writing to it could damage it."""


class NewerRecord(LedgerUnavailable):
    """A row holds a value of a newer version of this program; other rows can be used.

    `what` is the row and the value, such as `Incident abc has the status “postponed”`. `version` is
    the newest other version that wrote to this ledger, "" if none is known.
    """

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what
        self.version = ""

    def __str__(self) -> str:
        by = f"postmortem {self.version}" if self.version else "a newer postmortem"
        return (
            f"{self.what}, which {by} wrote. This is postmortem {__version__}, which does not know "
            "it. Nothing was changed. Update postmortem on this machine."
        )


class LedgerMoved(LedgerUnavailable):
    """The ledger was moved; the old one is read-only."""


class CopyDiffers(LedgerUnavailable):
    """A copy of the ledger differs from what was written; it was rolled back."""


class UnknownIncident(BadInput):
    """No incident, or more than one, matches the reference."""


class MoveRefused(RuntimeError):
    """A delivery isn't in the state the caller believed: another process moved or claimed it."""


@dataclass(frozen=True)
class _Said:
    """The cause, and what a person can do.

    `passes`: it may be over in a moment; `is_readable`: perhaps the ledger can be read.
    """

    what: str
    remedy: str
    passes: bool = False
    is_readable: bool = False

    def as_fault(self, place: str) -> LedgerUnavailable:
        what = self.what.format(place=place)
        if self.passes:
            return LedgerOutOfReach(what, self.remedy)
        kind = LedgerUnwritable if self.is_readable else LedgerUnavailable
        return kind(f"{what}.", self.remedy)


@contextlib.contextmanager
def in_words(place: str) -> Iterator[None]:
    """Turn a database's error into a `LedgerUnavailable`; our own bugs stay tracebacks.

    `place` is where the ledger is, as people may see it. A failure that may pass by itself becomes
    a `LedgerOutOfReach`.
    """
    try:
        yield
    except PoolTimeout as fault:
        raise _BUSY.as_fault(place) from fault
    except DBAPIError as fault:
        said = _meaning(fault)
        if said is None:
            raise
        raise said.as_fault(place) from fault


def _meaning(fault: DBAPIError) -> _Said | None:
    """The meaning of a database's error; None if it isn't about the ledger."""
    code = getattr(fault.orig, "sqlstate", None) or ""
    for sign, said in _BY_CODE:
        if code.startswith(sign):
            return said
    if code:
        return None
    words = _QUOTED.sub("", str(fault.orig).lower())
    for sign, said in _BY_WORDS:
        if sign in words:
            return said
    return _LOST if fault.connection_invalidated else None


# Names of hosts, users and databases, which may contain any word.
_QUOTED = re.compile(r"\"[^\"]*\"|(?<=host )'[^']*'")

_LOCKED = _Said(
    "The ledger {place} is locked by another program", "Try again in a moment.", passes=True
)
_FULL = _Said(
    "The disk is full: the ledger {place} can't be written",
    "Make room, then try again.",
    is_readable=True,
)
_DISK = _Said(
    "The ledger {place} can't be written: the disk is full or has a fault",
    "Make room or check the disk, then try again.",
    is_readable=True,
)
_DAMAGED = _Said(
    "The ledger {place} is damaged",
    "Move the file away. Then restore a backup, or start a new ledger with postmortem join and "
    "the address of the incident's doc. Both may lack recent notices; postmortem compares them "
    "with the doc and sends nothing before you decide. To recover who was notified: postmortem "
    "ledger rebuild (it reads the Sent folder), or a colleague's postmortem handover.",
)
_BUSY = _Said(
    "The ledger's database {place} has no connection free", "Try again in a moment.", passes=True
)
_LOST = _Said(
    "The ledger's database {place} can't be reached",
    "What was recorded before is safe: try again, or ask its owner.",
    passes=True,
)
_SIGN_IN = _Said(
    "The ledger's database {place} does not let this user in",
    "Check the user and the password in POSTMORTEM_DATABASE_URL, PGPASSWORD or ~/.pgpass.",
)
_NO_DATABASE = _Said(
    "There is no database {place}", "Make it with createdb, or fix POSTMORTEM_DATABASE_URL."
)
_RIGHTS = _Said(
    "This user may not use the ledger's tables in {place}",
    "Ask the database's owner for the right to CREATE there, or give postmortem a database of "
    "its own.",
)
# It passes: during a failover, both servers are standbys for a moment.
_STANDBY = _Said(
    "The ledger's database {place} is read-only: it is a standby, or set to read-only",
    "Point POSTMORTEM_DATABASE_URL to the one that takes writes.",
    passes=True,
)
_CROSSED = _Said(
    "Another program wanted the same rows of the ledger {place} at the same moment",
    "Nothing is lost: run the same command again.",
    passes=True,
)
_SLOW = _Said(
    "The ledger's database {place} cancelled a command that took too long",
    "Try again.",
    passes=True,
)

# By SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html
_BY_CODE: tuple[tuple[str, _Said], ...] = (
    ("08", _LOST),
    ("25006", _STANDBY),
    ("25P03", _LOST),
    ("28", _SIGN_IN),
    ("3D000", _NO_DATABASE),
    ("3F000", _RIGHTS),
    ("40", _CROSSED),
    ("42501", _RIGHTS),
    ("53100", _FULL),
    ("53300", _BUSY),
    ("53", _LOST),
    ("55P03", _LOCKED),
    ("57014", _SLOW),
    ("57P", _LOST),
    ("58", _DISK),
    ("XX001", _DAMAGED),
    ("XX002", _DAMAGED),
)
# SQLite's messages, and libpq's about failed connections, which have no code.
_BY_WORDS: tuple[tuple[str, _Said], ...] = (
    ("database is locked", _LOCKED),
    ("disk is full", _FULL),
    ("disk i/o error", _DISK),
    (
        "readonly database",
        _Said("The ledger {place} is read-only", "Check the file's rights.", is_readable=True),
    ),
    (
        "unable to open",
        _Said("The ledger {place} can't be opened", "Check the folder's rights.", is_readable=True),
    ),
    (
        "not a database",
        _Said("{place} is not a ledger", "Move the file away, or point to another."),
    ),
    ("malformed", _DAMAGED),
    ("password", _SIGN_IN),
    ("authentication", _SIGN_IN),
    ("pg_hba", _SIGN_IN),
    ("role", _SIGN_IN),
    ("does not exist", _NO_DATABASE),
    ("too many", _BUSY),
    ("connection slots", _BUSY),
    (
        "certificate",
        _Said(
            "The TLS certificate of the ledger's database {place} is not one that this machine "
            "trusts",
            "Name the certificates of its authority: ?sslrootcert=FILE at the end of "
            "POSTMORTEM_DATABASE_URL; and write the host as the certificate names it.",
        ),
    ),
    (
        "ssl",
        _Said(
            "The ledger's database {place} and this machine could not agree on TLS",
            "Turn TLS on at the server. If the network to it is private, add ?sslmode=disable to "
            "the end of POSTMORTEM_DATABASE_URL.",
        ),
    ),
    ("resolve host", _LOST),
    ("connection", _LOST),
    ("server", _LOST),
)
