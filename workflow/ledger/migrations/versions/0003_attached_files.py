"""Files attached to an incident's doc, kept until they are in Drive."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """From revision 0002: no files."""
    op.create_table(
        "files",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("incident_id", sa.String(40), sa.ForeignKey("incidents.id"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("media_type", sa.String(127), nullable=False),
        sa.Column("caption", sa.Text, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("drive_id", sa.String(200), nullable=False),
        sa.Column("url", sa.Text, nullable=False),
    )
    op.create_index("ix_files_incident_id", "files", ["incident_id"])
