"""The bad rows of a list that a person left out of a notice."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """From revision 0005: the rows left out of earlier notices are unknown."""
    op.create_table(
        "rows_left_out",
        sa.Column("notice_id", sa.String(40), sa.ForeignKey("notices.id"), primary_key=True),
        sa.Column("row", sa.Integer, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
