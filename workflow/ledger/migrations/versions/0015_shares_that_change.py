"""Changes and removals of shares, and whether Google emailed a person."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

_KNOWN = "state IN ('pending', 'asked', 'done', 'refused', 'leaving', 'left')"


def upgrade() -> None:
    """From revision 0014: shares name each person once, and Google has emailed nobody."""
    with op.batch_alter_table("shares") as table:
        for name in ("notify", "changed"):
            column = sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false())
            table.add_column(column)
        table.create_check_constraint("known_share", _KNOWN)
