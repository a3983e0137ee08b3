"""The process that posts an announcement: one that has ended need not be waited for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """From revision 0016: the processes of earlier calls are unknown."""
    column = sa.Column("called_by", sa.String(200), nullable=False, server_default="")
    op.add_column("announcements", column)
