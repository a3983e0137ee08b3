"""Constraints on a delivery's state, and the new address of a ledger that was moved."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_KNOWN = "state IN ('planned', 'drafting', 'drafted', 'sending', 'sent', 'failed', 'unknown')"


def upgrade() -> None:
    """From revision 0004: all states are known, and no ledger was moved."""
    # SQLite adds a constraint by writing the table again, and loses the option for its ids.
    with op.batch_alter_table("deliveries", table_kwargs={"sqlite_autoincrement": True}) as table:
        table.create_check_constraint("known_state", _KNOWN)
    op.create_table(
        "moved_to",
        sa.Column("place", sa.Text, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
