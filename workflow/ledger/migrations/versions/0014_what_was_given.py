"""The values that a person set in a message for colleagues, so that it can be updated."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """From revision 0013: older messages have no such values, and are sent as they are."""
    op.add_column("announcements", sa.Column("given", sa.Text))
