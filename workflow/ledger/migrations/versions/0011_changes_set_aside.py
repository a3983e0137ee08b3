"""The state of each change of a doc (done, set aside or dropped), and who recorded it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_KNOWN = "state IN ('pending', 'done', 'set aside', 'dropped')"


def upgrade() -> None:
    """From revision 0010: a change was done or not, and a refused one delayed the rest."""
    with op.batch_alter_table("changes") as table:
        table.add_column(
            sa.Column("state", sa.String(10), nullable=False, server_default="pending")
        )
        table.add_column(sa.Column("reason", sa.Text, nullable=False, server_default=""))
        table.add_column(sa.Column("refused_at", sa.Text, nullable=False, server_default=""))
        table.add_column(sa.Column("version", sa.String(40), nullable=False, server_default=""))
    op.execute("UPDATE changes SET state = 'done' WHERE done_at IS NOT NULL")
    with op.batch_alter_table("changes") as table:
        table.create_check_constraint("known_change_state", _KNOWN)
        table.drop_index("changes_pending")
        table.create_index("changes_pending", ["incident_id", "state"])
