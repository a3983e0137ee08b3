"""A failed mail no longer prevents another notice with the same text to its customer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_NAME = "one_mail_per_recipient"


def upgrade() -> None:
    """From revision 0011: every row counted, even failed ones."""
    # SQLite drops a constraint by writing the table again, and loses the option for its ids.
    with op.batch_alter_table("deliveries", table_kwargs={"sqlite_autoincrement": True}) as table:
        table.drop_constraint(_NAME, type_="unique")
    not_failed = sa.text("state <> 'failed'")
    op.create_index(
        _NAME,
        "deliveries",
        ["content_key", "recipient_key"],
        unique=True,
        sqlite_where=not_failed,
        postgresql_where=not_failed,
    )
