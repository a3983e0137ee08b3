"""Until when Gmail may still make a draft of a notice whose answer was lost."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """From revision 0007: a search for such drafts is not too early."""
    op.add_column("notices", sa.Column("orphans_until", sa.BigInteger))
