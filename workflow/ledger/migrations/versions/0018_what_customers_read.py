"""The title and the impact in the customers' version."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """From revision 0017: customers read the same as colleagues."""
    for name in ("customer_title", "customer_impact"):
        op.add_column("incidents", sa.Column(name, sa.Text, nullable=False, server_default=""))
