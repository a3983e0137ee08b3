"""What a database says, as a sentence for a person. Never repeats what a password may stand in."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from workflow.ledger.faults import LedgerOutOfReach, LedgerUnavailable


@dataclass(frozen=True)
class _Said:
    """What is the matter, and what a person can do. `passes`: it may be over in a moment."""

    what: str
    mend: str
    passes: bool = False

    def as_fault(self, place: str) -> LedgerUnavailable:
        what = self.what.format(place=place)
        if self.passes:
            return LedgerOutOfReach(what, self.mend)
        return LedgerUnavailable(f"{what}. {self.mend}")


@contextlib.contextmanager
def in_words(place: str) -> Iterator[None]:
    """Turn what the database says into a `LedgerUnavailable`; a defect of ours stays a traceback.

    `place` is where the ledger is, as people may see it. What may pass by itself is a
    `LedgerOutOfReach`.
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
    """What a fault means for a person; None for one that is no trouble of the ledger."""
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


# Names of hosts, users and databases, in which any word may stand.
_QUOTED = re.compile(r"\"[^\"]*\"|(?<=host )'[^']*'")

_LOCKED = _Said(
    "The ledger {place} is locked by another program", "Try again in a moment.", passes=True
)
_FULL = _Said("The disk is full: the ledger {place} can't be written", "Make room, try again.")
_DISK = _Said("The ledger {place} can't be written (disk error)", "Check the disk.")
_DAMAGED = _Said("The ledger {place} is damaged", "Bring it back from a backup.")
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
    "There is no database {place}", "Make it with createdb, or mend POSTMORTEM_DATABASE_URL."
)
_RIGHTS = _Said(
    "This user may not use the ledger's tables in {place}",
    "Ask the database's owner for the right to CREATE there, or give postmortem a database of "
    "its own.",
)
# It passes: where a standby takes over, both are standbys for a moment.
_STANDBY = _Said(
    "The ledger's database {place} only lets us look: it is a standby, or set to read-only",
    "Point POSTMORTEM_DATABASE_URL to the one that takes writes.",
    passes=True,
)
_CROSSED = _Said(
    "Another program wanted the same rows of the ledger {place} at the same moment",
    "Nothing is lost: run the same command again.",
    passes=True,
)
_SLOW = _Said(
    "The ledger's database {place} broke off a command that took it too long",
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
# SQLite's words, and libpq's about a connection that did not come to be, which have no code.
_BY_WORDS: tuple[tuple[str, _Said], ...] = (
    ("database is locked", _LOCKED),
    ("disk is full", _FULL),
    ("disk i/o error", _DISK),
    ("readonly database", _Said("The ledger {place} is read-only", "Check the file's rights.")),
    ("unable to open", _Said("The ledger {place} can't be opened", "Check the folder's rights.")),
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
            "Check sslmode and sslrootcert in POSTMORTEM_DATABASE_URL.",
        ),
    ),
    (
        "ssl",
        _Said(
            "The ledger's database {place} and this machine do not agree on TLS",
            "Check sslmode in POSTMORTEM_DATABASE_URL.",
        ),
    ),
    ("resolve host", _LOST),
    ("connection", _LOST),
    ("server", _LOST),
)
