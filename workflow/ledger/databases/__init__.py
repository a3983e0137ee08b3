"""The ledger's kinds of transaction, in each database's dialect."""

from __future__ import annotations

from enum import StrEnum

# The execution option that carries a connection's kind.
OPTION = "ledger_transaction"


class TransactionKind(StrEnum):
    """How a transaction relates to concurrent ones.

    LOOK sees one moment of the ledger and blocks nobody. ALONE may change rows while nobody else
    does, so that what it read is still true when it commits. SHARED may change rows beside other
    SHARED ones: each statement has to guard its own rows.
    """

    LOOK = "look"
    ALONE = "alone"
    SHARED = "shared"
