"""The first ledger: incidents and their journal, notices and their deliveries, the pace.

The tables are written out, not taken from `tables`, so that later changes don't affect them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables of revision 0001."""
    _incidents()
    _journal()
    _notices()
    _deliveries()
    _pace()


def _incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("profile", sa.String(60), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("impact", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("resolved_at", sa.BigInteger),
        sa.Column("closed_at", sa.BigInteger),
        sa.Column("time_zone", sa.String(64), nullable=False),
        sa.Column("variables", sa.JSON, nullable=False),
        sa.Column("template_name", sa.Text, nullable=False),
        sa.Column("template_source", sa.Text, nullable=False),
        sa.Column("folder", sa.Text, nullable=False),
        sa.Column("doc_id", sa.String(200), nullable=False),
        sa.Column("doc_url", sa.Text, nullable=False),
        sa.Column("doc_state", sa.String(12), nullable=False),
        sa.Column("doc_called_at", sa.BigInteger),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_index("incidents_by_profile", "incidents", ["profile", "created_at"])
    op.create_table(
        "current_incidents",
        sa.Column("profile", sa.String(60), primary_key=True),
        sa.Column("person", sa.String(200), primary_key=True),
        sa.Column("incident_id", sa.String(40), sa.ForeignKey("incidents.id"), nullable=False),
    )
    op.create_table(
        "shares",
        sa.Column("incident_id", sa.String(40), sa.ForeignKey("incidents.id"), primary_key=True),
        sa.Column("who", sa.String(320), primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("error", sa.Text, nullable=False),
    )


def _journal() -> None:
    op.create_table(
        "entries",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(40), nullable=False, unique=True),
        sa.Column("incident_id", sa.String(40), sa.ForeignKey("incidents.id"), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("link", sa.Text, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_entries_incident_id", "entries", ["incident_id"])
    op.create_table(
        "changes",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(40), nullable=False, unique=True),
        sa.Column("incident_id", sa.String(40), sa.ForeignKey("incidents.id"), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("payload", sa.JSON, nullable=False),
        sa.Column("said_at", sa.BigInteger, nullable=False),
        sa.Column("done_at", sa.BigInteger),
    )
    op.create_index("changes_pending", "changes", ["incident_id", "done_at"])


def _notices() -> None:
    op.create_table(
        "notices",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("incident_id", sa.String(40), sa.ForeignKey("incidents.id"), nullable=False),
        sa.Column("mode", sa.String(8), nullable=False),
        sa.Column("stage", sa.String(20), nullable=False),
        sa.Column("content_key", sa.String(64), nullable=False),
        sa.Column("plan_hash", sa.String(64), nullable=False),
        sa.Column("template_name", sa.Text, nullable=False),
        sa.Column("template_source", sa.Text, nullable=False),
        sa.Column("variables", sa.JSON, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("copy_markdown", sa.Text, nullable=False),
        sa.Column("sender", sa.String(320), nullable=False),
        sa.Column("from_address", sa.Text, nullable=False),
        sa.Column("sender_name", sa.Text, nullable=False),
        sa.Column("reply_to", sa.Text, nullable=False),
        sa.Column("next_update", sa.BigInteger),
        sa.Column("steps", sa.Integer, nullable=False),
        sa.Column("list_name", sa.Text, nullable=False),
        sa.Column("recipients", sa.Integer, nullable=False),
        sa.Column("skipped", sa.Integer, nullable=False),
        sa.Column("said_at", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("held", sa.Boolean, nullable=False),
        sa.Column("approved_by", sa.Text, nullable=False),
        sa.Column("orphans_possible", sa.Boolean, nullable=False),
        sa.Column("facts_written", sa.JSON, nullable=False),
    )
    op.create_index("ix_notices_incident_id", "notices", ["incident_id"])
    op.create_table(
        "attachments",
        sa.Column("notice_id", sa.String(40), sa.ForeignKey("notices.id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("filename", sa.Text, nullable=False),
        sa.Column("media_type", sa.String(127), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("notice_id", sa.String(40), sa.ForeignKey("notices.id"), nullable=False),
        sa.Column("content_key", sa.String(64), nullable=False),
        sa.Column("row", sa.Integer, nullable=False),
        sa.Column("email", sa.String(320), nullable=False),
        sa.Column("recipient_key", sa.String(320), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("markdown", sa.Text, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("reply_to_message", sa.Text, nullable=False),
        sa.Column("draft_id", sa.Text, nullable=False),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("thread_id", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("asked", sa.Integer, nullable=False),
        sa.Column("called_at", sa.BigInteger),
        sa.Column("sent_at", sa.BigInteger),
        sa.Column("claimed_by", sa.String(200), nullable=False),
        sa.Column("claimed_until", sa.BigInteger),
        sa.UniqueConstraint("content_key", "recipient_key", name="one_mail_per_recipient"),
        sqlite_autoincrement=True,
    )
    op.create_index("deliveries_by_state", "deliveries", ["notice_id", "state", "id"])
    op.create_index("deliveries_by_recipient", "deliveries", ["recipient_key"])
    op.create_index("deliveries_by_sent", "deliveries", ["sent_at"])


def _pace() -> None:
    op.create_table(
        "units_spent",
        sa.Column("sender", sa.String(320), primary_key=True),
        sa.Column("second", sa.BigInteger, primary_key=True),
        sa.Column("units", sa.Integer, nullable=False),
    )
    op.create_table(
        "sender_pauses",
        sa.Column("sender", sa.String(320), primary_key=True),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Not supported: an older program would misread the ledger."""
    raise NotImplementedError("a ledger is never taken back to an older revision")
