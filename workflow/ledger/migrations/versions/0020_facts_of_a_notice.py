"""Columns of their own for facts of a notice, instead of template variables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"

_PLACE, _NAMES = "postmortem/google", "names_repliers"


def upgrade() -> None:
    """From revision 0019: move both facts out of the variables."""
    op.add_column("notices", sa.Column("place", sa.Text, nullable=False, server_default=""))
    names = sa.Column(_NAMES, sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("notices", names)
    notices = sa.table(
        "notices",
        sa.column("id", sa.String),
        sa.column("variables", sa.JSON),
        sa.column("place", sa.Text),
        sa.column(_NAMES, sa.Boolean),
    )
    connection = op.get_bind()
    found = connection.execute(sa.select(notices.c.id, notices.c.variables)).all()
    for identity, variables in found:
        own = {name: value for name, value in variables.items() if name not in {_PLACE, _NAMES}}
        if own != variables:
            connection.execute(
                notices.update()
                .where(notices.c.id == identity)
                .values(
                    variables=own,
                    place=variables.get(_PLACE, ""),
                    names_repliers=bool(variables.get(_NAMES)),
                )
            )
