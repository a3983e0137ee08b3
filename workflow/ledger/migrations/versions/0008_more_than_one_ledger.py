"""The ledger's id, other ledgers' notices as the doc knows them, and transferred incidents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """From revision 0007: the ledger has no id, and no doc was compared with it."""
    op.add_column("incidents", sa.Column("joined_at", sa.BigInteger))
    op.create_table(
        "ledger_identity",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("run", sa.Integer, nullable=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
    )
    op.create_table("ledger_place", sa.Column("mark", sa.String(64), primary_key=True))
    op.create_table(
        "doc_comparisons",
        sa.Column("incident_id", sa.String(40), sa.ForeignKey("incidents.id"), primary_key=True),
        sa.Column("compared_at", sa.BigInteger, nullable=False),
        sa.Column("found", sa.JSON, nullable=False),
    )
    op.create_table(
        "agreed_elsewhere",
        sa.Column("notice_id", sa.String(40), sa.ForeignKey("notices.id"), primary_key=True),
        sa.Column("other", sa.String(80), primary_key=True),
    )
    op.create_table(
        "reservations",
        sa.Column("notice_id", sa.String(40), sa.ForeignKey("notices.id"), primary_key=True),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("ledger", sa.String(16), nullable=False),
        sa.Column("run", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False, server_default=""),
        sa.CheckConstraint(
            "state IN ('asked', 'written', 'not_written')", name="known_reservation"
        ),
    )
    op.create_table(
        "transfers",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("incident_id", sa.String(40), sa.ForeignKey("incidents.id"), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("other_ledger", sa.String(16), nullable=False, server_default=""),
        sa.Column("file", sa.Text, nullable=False, server_default=""),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.CheckConstraint("state IN ('given', 'cancelled', 'taken')", name="known_transfer"),
    )
    op.create_index("ix_transfers_incident_id", "transfers", ["incident_id"])
