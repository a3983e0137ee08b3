"""Rows of lists, files per customer, mails that wait for the first ones, and exclusions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """From revision 0012: the rows of earlier lists are unknown, and nobody is excluded."""
    op.add_column("notices", _json("list_headers"))
    op.add_column(
        "notices", sa.Column("bounces_accepted", sa.Integer, nullable=False, server_default="0")
    )
    op.add_column(
        "attachments", sa.Column("is_shared", sa.Boolean, nullable=False, server_default=sa.true())
    )
    op.add_column("rows_left_out", _json("cells"))
    op.add_column("deliveries", _json("cells"))
    op.add_column("deliveries", sa.Column("lang", sa.String(35), nullable=False, server_default=""))
    op.add_column("deliveries", _json("files"))
    op.add_column(
        "deliveries", sa.Column("waits", sa.Boolean, nullable=False, server_default=sa.false())
    )
    op.create_table(
        "suppressions",
        sa.Column("profile", sa.String(60), primary_key=True),
        sa.Column("recipient_key", sa.String(320), primary_key=True),
        sa.Column("email", sa.String(320), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("added_at", sa.BigInteger, nullable=False),
        sa.CheckConstraint("kind IN ('said', 'bounced')", name="known_suppression"),
    )


def _json(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.JSON, nullable=False, server_default="[]")
