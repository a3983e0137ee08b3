"""The call that an answer belongs to, and the message that a draft had at its creation."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """From revision 0006: no call has an id, and the messages of drafts are unknown."""
    for table in ("deliveries", "announcements"):
        op.add_column(table, sa.Column("call_id", sa.String(16), nullable=False, server_default=""))
    op.add_column(
        "deliveries", sa.Column("draft_message_id", sa.Text, nullable=False, server_default="")
    )
    op.add_column("deliveries", sa.Column("gone_at", sa.BigInteger))
