"""A constraint on a doc's state: one of this version's states."""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"

_KNOWN = "doc_state IN ('none', 'creating', 'created', 'filling', 'filled')"


def upgrade() -> None:
    """From revision 0018: no other state was ever written."""
    for table, name in (
        ("incidents", "known_doc_state"),
        ("publications", "known_public_doc_state"),
    ):
        with op.batch_alter_table(table) as batch:
            batch.create_check_constraint(name, _KNOWN)
