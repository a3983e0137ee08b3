"""What a database says, as a sentence for a person. Never repeats what a password may stand in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from workflow.ledger.faults import LedgerUnavailable


@contextlib.contextmanager
def in_words(place: str) -> Iterator[None]:
    """Turn what the database says into a `LedgerUnavailable`; a defect of ours stays a traceback.

    `place` is where the ledger is, as people may see it.
    """
    try:
        yield
    except PoolTimeout as fault:
        raise LedgerUnavailable(_BUSY.format(place=place)) from fault
    except DBAPIError as fault:
        sentence = _sentence(fault)
        if not sentence:
            raise
        raise LedgerUnavailable(sentence.format(place=place)) from fault


def _sentence(fault: DBAPIError) -> str:
    """The sentence with a gap for the place, or "" for a fault that is no trouble of the ledger."""
    code = getattr(fault.orig, "sqlstate", None) or ""
    for sign, words in _BY_CODE:
        if code.startswith(sign):
            return words
    if code:
        return ""
    said = str(fault.orig).lower()
    for sign, words in _BY_WORDS:
        if sign in said:
            return words
    return _LOST if fault.connection_invalidated else ""


_LOCKED = "The ledger {place} is locked by another program. Try again in a moment."
_FULL = "The disk is full: the ledger {place} can't be written. Make room, try again."
_DISK = "The ledger {place} can't be written (disk error). Check the disk."
_DAMAGED = "The ledger {place} is damaged. Bring it back from a backup."
_BUSY = "The ledger's database {place} has no connection free. Try again in a moment."
_LOST = (
    "The ledger's database {place} can't be reached. What was recorded before is safe: try again, "
    "or ask its owner."
)
_SIGN_IN = (
    "The ledger's database {place} does not let this user in. Check the user and the password in "
    "POSTMORTEM_DATABASE_URL, PGPASSWORD or ~/.pgpass."
)
_NO_DATABASE = (
    "There is no database {place}. Make it with createdb, or mend POSTMORTEM_DATABASE_URL."
)
_RIGHTS = (
    "This user may not use the ledger's tables in {place}. Ask the database's owner for the right "
    "to CREATE there, or give postmortem a database of its own."
)
_STANDBY = (
    "The ledger's database {place} only lets us look: it is a standby, or set to read-only. "
    "Point POSTMORTEM_DATABASE_URL to the one that takes writes."
)
_CROSSED = (
    "Another program wanted the same rows of the ledger {place} at the same moment. Nothing is "
    "lost: run the same command again."
)
_SLOW = "The ledger's database {place} broke off a command that took it too long. Try again."

# By SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html
_BY_CODE: tuple[tuple[str, str], ...] = (
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
_BY_WORDS: tuple[tuple[str, str], ...] = (
    ("database is locked", _LOCKED),
    ("disk is full", _FULL),
    ("disk i/o error", _DISK),
    ("readonly database", "The ledger {place} is read-only. Check the file's rights."),
    ("unable to open", "The ledger {place} can't be opened. Check the folder's rights."),
    ("not a database", "{place} is not a ledger. Move the file away, or point to another."),
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
        "The TLS certificate of the ledger's database {place} is not one that this machine "
        "trusts. Check sslmode and sslrootcert in POSTMORTEM_DATABASE_URL.",
    ),
    (
        "ssl",
        "The ledger's database {place} and this machine do not agree on TLS. Check sslmode in "
        "POSTMORTEM_DATABASE_URL.",
    ),
    ("connection", _LOST),
    ("server", _LOST),
)
