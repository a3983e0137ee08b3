"""Proposed plans, the audit trail, reminders, answered replies and forgotten customers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """From revision 0015: nothing was proposed, and only the number of earlier replies is known."""
    for name, kind in (
        ("sender", sa.String(320)),
        ("excerpt", sa.Text),
        ("mailbox", sa.String(320)),
        ("thread_id", sa.Text),
    ):
        op.add_column("replies", sa.Column(name, kind, nullable=False, server_default=""))
    stop = sa.Column("asks_to_stop", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("replies", stop)
    op.add_column("replies", sa.Column("answered_at", sa.BigInteger))
    _make_proposals()
    _make_audit_log()
    _make_reminders()
    op.create_table(
        "forgotten",
        sa.Column("recipient_key", sa.String(80), primary_key=True),
        sa.Column("why", sa.String(10), nullable=False),
        sa.Column("forgotten_by", sa.String(200), nullable=False),
        sa.Column("forgotten_at", sa.BigInteger, nullable=False),
    )
    op.create_table("forgetting_key", sa.Column("key", sa.String(64), primary_key=True))


def _text(name: str, kind: sa.types.TypeEngine[str]) -> sa.Column[str]:
    return sa.Column(name, kind, nullable=False, server_default="")


def _incident() -> sa.Column[str]:
    return sa.Column(
        "incident_id", sa.String(40), sa.ForeignKey("incidents.id"), nullable=False, index=True
    )


def _make_proposals() -> None:
    op.create_table(
        "proposals",
        sa.Column("id", sa.String(40), primary_key=True),
        _incident(),
        sa.Column("plan_hash", sa.String(64), nullable=False, index=True),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("stage", sa.String(20), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("recipients", sa.Integer, nullable=False),
        sa.Column("copy_markdown", sa.Text, nullable=False),
        sa.Column("request", sa.LargeBinary),
        sa.Column("content", sa.LargeBinary),
        sa.Column("proposed_by", sa.String(200), nullable=False),
        sa.Column("proposed_at", sa.BigInteger, nullable=False),
        _text("decided_by", sa.String(200)),
        sa.Column("decided_at", sa.BigInteger),
        _text("reason", sa.Text()),
        _text("notice_id", sa.String(40)),
        _text("sent_by", sa.String(200)),
        sa.Column("sent_at", sa.BigInteger),
        sa.Column("facts_written", sa.JSON, nullable=False, server_default="[]"),
        sa.CheckConstraint(
            "state IN ('proposed', 'approved', 'refused', 'withdrawn', 'sent')", "known_proposal"
        ),
    )


def _make_audit_log() -> None:
    op.create_table(
        "audit_log",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("person", sa.String(200), nullable=False),
        sa.Column("command", sa.String(40), nullable=False),
        sa.Column("incident_id", sa.String(40), nullable=False),
        sa.Column("changes", sa.JSON, nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    only_added = "rows of audit_log are only added"
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE OR REPLACE FUNCTION audit_log_only_appended() RETURNS trigger AS $$ "
            f"BEGIN RAISE EXCEPTION '{only_added}'; END $$ LANGUAGE plpgsql"
        )
        op.execute(
            "CREATE TRIGGER audit_log_only_appended BEFORE UPDATE OR DELETE ON audit_log "
            "FOR EACH ROW EXECUTE FUNCTION audit_log_only_appended()"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_log_no_{verb.lower()} BEFORE {verb} ON audit_log "
            f"BEGIN SELECT RAISE(ABORT, '{only_added}'); END"
        )


def _make_reminders() -> None:
    op.create_table(
        "reminders",
        sa.Column("id", sa.String(40), primary_key=True),
        _incident(),
        sa.Column("notice_id", sa.String(40), sa.ForeignKey("notices.id"), nullable=False),
        sa.Column("channel", sa.String(20), nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        _text("message_id", sa.Text()),
        _text("reason", sa.Text()),
        sa.Column("called_at", sa.BigInteger),
        sa.CheckConstraint(
            "state IN ('planned', 'scheduling', 'scheduled', 'withdrawing', 'withdrawn', "
            "'sending', 'sent', 'failed', 'unknown')",
            "known_reminder",
        ),
        sa.UniqueConstraint(
            "notice_id", "channel", "target", "kind", "due_at", name="one_reminder"
        ),
    )
