"""The kinds of transaction that a ledger knows; each database says them in its own words."""

from __future__ import annotations

from enum import StrEnum

# The execution option under which a connection carries its kind.
OPTION = "ledger_transaction"


class Kind(StrEnum):
    """How a transaction stands to others that are under way.

    LOOK sees one moment of the ledger and holds nobody up. ALONE may change rows while nobody else
    does, so that what it read is still true when it commits. SHARED may change rows beside others
    that are SHARED: each statement has to guard its own rows.
    """

    LOOK = "look"
    ALONE = "alone"
    SHARED = "shared"
