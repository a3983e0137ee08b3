"""Struck-out entries, and the native parts that Docs refused for a doc."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """From revision 0001: no entry is struck out, and nothing was refused."""
    op.add_column("entries", sa.Column("struck_at", sa.BigInteger))
    op.add_column(
        "incidents", sa.Column("refused_parts", sa.JSON, nullable=False, server_default="[]")
    )
