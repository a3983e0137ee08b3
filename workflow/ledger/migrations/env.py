"""How Alembic runs a step here: inside the one transaction that `migrate` has opened.

All steps are committed together or not at all, on SQLite too: its driver is told not to commit
before DDL.
"""

from __future__ import annotations

from alembic import context

from workflow.ledger.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite can't alter a column in place
)
with context.begin_transaction():
    context.run_migrations()
