"""The records of each run of a command, and whether the person was told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """From revision 0008: no run is known, so the next one of each command is its first."""
    op.create_table(
        "runs",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("profile", sa.String(60), nullable=False),
        sa.Column("person", sa.String(200), nullable=False),
        sa.Column("incident_id", sa.String(40), sa.ForeignKey("incidents.id"), nullable=False),
        sa.Column("command", sa.String(20), nullable=False),
        sa.Column("words_key", sa.String(64), nullable=False),
        sa.Column("made", sa.JSON, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.Column("told_at", sa.BigInteger),
    )
    op.create_index("runs_by_words", "runs", ["words_key", "recorded_at"])
