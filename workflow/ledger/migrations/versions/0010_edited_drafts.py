"""People's edits of drafts in Gmail, and the decisions about them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_KNOWN = (
    "state IN ('planned', 'drafting', 'drafted', 'edited', 'sending', 'sent', 'failed', 'unknown')"
)
_DECISIONS = (
    "decision IN ('open', 'as edited', 'restore', 'leave out', 'overtaken', 'by hand', 'unchanged')"
)


def upgrade() -> None:
    """From revision 0009: no draft is known to be edited."""
    # SQLite changes a constraint by writing the table again, and loses the option for its ids.
    with op.batch_alter_table("deliveries", table_kwargs={"sqlite_autoincrement": True}) as table:
        table.drop_constraint("known_state", type_="check")
        table.create_check_constraint("known_state", _KNOWN)
    op.create_table(
        "edited_drafts",
        sa.Column("delivery_id", sa.Integer, sa.ForeignKey("deliveries.id"), primary_key=True),
        sa.Column("message_id", sa.String(64), primary_key=True),
        sa.Column("raw", sa.LargeBinary),
        sa.Column("found_at", sa.BigInteger, nullable=False),
        sa.Column("decision", sa.String(12), nullable=False),
        sa.CheckConstraint(_DECISIONS, "known_decision"),
    )
