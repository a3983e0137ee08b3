"""Why the ledger refuses. `str()` of each is what a person sees."""

from __future__ import annotations


class LedgerUnavailable(Exception):
    """The ledger can't be read or written; nothing was changed."""


class LedgerOutOfReach(LedgerUnavailable):
    """The ledger does not answer, or somebody holds it up: the same may go through in a moment.

    `what` is what is the matter, without a full stop; `str()` adds what a person can do.
    """

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(f"{what}. {mend}")
        self.what = what


class LedgerAddressBad(LedgerUnavailable):
    """The address names no ledger, whatever can be reached; it is not repeated."""


class NewerLedger(LedgerUnavailable):
    """A newer version of this program wrote the ledger: writing to it could damage it."""


class LedgerMoved(LedgerUnavailable):
    """The ledger was moved, and is only read where it was."""


class CopyDiffers(LedgerUnavailable):
    """A copy of the ledger does not read as it was written; it was taken back."""


class UnknownIncident(LookupError):
    """No incident, or more than one, goes by that reference."""


class MoveRefused(RuntimeError):
    """A delivery is not where the caller believed: somebody else moved it, or has claimed it."""
