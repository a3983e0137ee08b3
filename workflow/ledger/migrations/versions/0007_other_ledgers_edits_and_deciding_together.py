"""From the first draft of 0.1.0 to its release: all that came since, in one step.

Edited drafts and failed mails that may be sent again; rows of lists, and whom not to mail; other
ledgers of the same incident; runs of commands, and changes of the doc that were set aside; what
colleagues are told and who tells them; shares that change; deciding together, and forgetting; what
customers read; known states of docs; the facts of a notice in columns of their own.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """From revision 0006: what was not recorded until now is unknown, empty or not done."""
    _change_deliveries()
    _change_notices_and_lists()
    _make_suppressions()
    _know_other_ledgers()
    _make_runs()
    _set_changes_aside()
    _change_announcements()
    _change_shares()
    _change_replies()
    _make_proposals()
    _make_audit_log()
    _make_reminders()
    _make_forgetting()
    _change_incidents_and_docs()
    _move_facts_of_notices()


def _text(name: str, kind: sa.types.TypeEngine[str] | None = None) -> sa.Column[str]:
    return sa.Column(name, kind or sa.Text(), nullable=False, server_default="")


def _json(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.JSON, nullable=False, server_default="[]")


def _no(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false())


def _incident() -> sa.Column[str]:
    return sa.Column(
        "incident_id", sa.String(40), sa.ForeignKey("incidents.id"), nullable=False, index=True
    )


# --- mails ----------------------------------------------------------------------------------------


def _change_deliveries() -> None:
    """The call that an answer belongs to, the draft's message, edits in Gmail, the list's row.

    A failed mail no longer prevents another notice with the same text to its customer.
    """
    once = "one_mail_per_recipient"
    op.add_column("deliveries", _text("call_id", sa.String(16)))
    op.add_column("deliveries", _text("draft_message_id"))
    op.add_column("deliveries", sa.Column("gone_at", sa.BigInteger))
    # SQLite changes a constraint by writing the table again, and loses the option for its ids.
    with op.batch_alter_table("deliveries", table_kwargs={"sqlite_autoincrement": True}) as table:
        table.drop_constraint("known_state", type_="check")
        table.create_check_constraint(
            "known_state",
            "state IN ('planned', 'drafting', 'drafted', 'edited', 'sending', 'sent', 'failed', "
            "'unknown')",
        )
        table.drop_constraint(once, type_="unique")
    not_failed = sa.text("state <> 'failed'")
    op.create_index(
        once,
        "deliveries",
        ["content_key", "recipient_key"],
        unique=True,
        sqlite_where=not_failed,
        postgresql_where=not_failed,
    )
    for column in (_json("cells"), _text("lang", sa.String(35)), _json("files"), _no("waits")):
        op.add_column("deliveries", column)
    op.create_table(
        "edited_drafts",
        sa.Column("delivery_id", sa.Integer, sa.ForeignKey("deliveries.id"), primary_key=True),
        sa.Column("message_id", sa.String(64), primary_key=True),
        sa.Column("raw", sa.LargeBinary),
        sa.Column("found_at", sa.BigInteger, nullable=False),
        sa.Column("decision", sa.String(12), nullable=False),
        sa.CheckConstraint(
            "decision IN ('open', 'as edited', 'restore', 'leave out', 'overtaken', 'by hand', "
            "'unchanged')",
            "known_decision",
        ),
    )


def _change_notices_and_lists() -> None:
    """The rows of a list as they stood, files per customer, and a notice's facts."""
    op.add_column("notices", _json("list_headers"))
    op.add_column(
        "notices", sa.Column("bounces_accepted", sa.Integer, nullable=False, server_default="0")
    )
    op.add_column("notices", _text("place"))
    op.add_column("notices", _text("began_in", sa.String(64)))
    op.add_column("notices", _no("names_repliers"))
    op.add_column("notices", sa.Column("orphans_until", sa.BigInteger))
    op.add_column(
        "attachments", sa.Column("is_shared", sa.Boolean, nullable=False, server_default=sa.true())
    )
    op.add_column("rows_left_out", _json("cells"))


def _make_suppressions() -> None:
    op.create_table(
        "suppressions",
        sa.Column("profile", sa.String(60), primary_key=True),
        sa.Column("recipient_key", sa.String(320), primary_key=True),
        sa.Column("email", sa.String(320), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("added_at", sa.BigInteger, nullable=False),
        sa.CheckConstraint("kind IN ('said', 'bounced')", name="known_suppression"),
    )


def _change_replies() -> None:
    """Of earlier replies only the number is known."""
    for name, kind in (
        ("sender", sa.String(320)),
        ("excerpt", sa.Text()),
        ("mailbox", sa.String(320)),
        ("thread_id", sa.Text()),
    ):
        op.add_column("replies", _text(name, kind))
    op.add_column("replies", _no("asks_to_stop"))
    op.add_column("replies", sa.Column("answered_at", sa.BigInteger))


def _move_facts_of_notices() -> None:
    """Move two facts of a notice from the template's variables to their columns."""
    moved = place, names = "postmortem/google", "names_repliers"
    notices = sa.table(
        "notices",
        sa.column("id", sa.String),
        sa.column("variables", sa.JSON),
        sa.column("place", sa.Text),
        sa.column(names, sa.Boolean),
    )
    connection = op.get_bind()
    found = connection.execute(sa.select(notices.c.id, notices.c.variables)).all()
    for identity, variables in found:
        own = {name: value for name, value in variables.items() if name not in moved}
        if own != variables:
            connection.execute(
                notices.update()
                .where(notices.c.id == identity)
                .values(
                    variables=own,
                    place=variables.get(place, ""),
                    names_repliers=bool(variables.get(names)),
                )
            )


# --- other ledgers of the same incident -----------------------------------------------------------


def _know_other_ledgers() -> None:
    """The ledger's id, other ledgers' notices as the doc knows them, and transferred incidents."""
    op.create_table(
        "ledger_identity",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("run", sa.Integer, nullable=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "ledger_place",
        sa.Column("incident_id", sa.String(40), sa.ForeignKey("incidents.id"), primary_key=True),
        sa.Column("mark", sa.String(64), nullable=False),
    )
    op.create_table(
        "doc_comparisons",
        sa.Column("incident_id", sa.String(40), sa.ForeignKey("incidents.id"), primary_key=True),
        sa.Column("compared_at", sa.BigInteger, nullable=False),
        sa.Column("found", sa.JSON, nullable=False),
    )
    op.create_table(
        "agreed_elsewhere",
        sa.Column("notice_id", sa.String(40), sa.ForeignKey("notices.id"), primary_key=True),
        sa.Column("other", sa.String(80), primary_key=True),
    )
    op.create_table(
        "reservations",
        sa.Column("notice_id", sa.String(40), sa.ForeignKey("notices.id"), primary_key=True),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("ledger", sa.String(16), nullable=False),
        sa.Column("run", sa.Integer, nullable=False),
        _text("reason"),
        sa.CheckConstraint(
            "state IN ('asked', 'written', 'not_written')", name="known_reservation"
        ),
    )
    op.create_table(
        "transfers",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("incident_id", sa.String(40), sa.ForeignKey("incidents.id"), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        _text("other_ledger", sa.String(16)),
        _text("file"),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.CheckConstraint("state IN ('given', 'cancelled', 'taken')", name="known_transfer"),
    )
    op.create_index("ix_transfers_incident_id", "transfers", ["incident_id"])


# --- the doc and its changes ----------------------------------------------------------------------


def _make_runs() -> None:
    """The records of each run of a command, and whether the person was told."""
    op.create_table(
        "runs",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("profile", sa.String(60), nullable=False),
        sa.Column("person", sa.String(200), nullable=False),
        sa.Column("incident_id", sa.String(40), sa.ForeignKey("incidents.id"), nullable=False),
        sa.Column("command", sa.String(20), nullable=False),
        sa.Column("words_key", sa.String(64), nullable=False),
        sa.Column("made", sa.JSON, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.Column("told_at", sa.BigInteger),
    )
    op.create_index("runs_by_words", "runs", ["words_key", "recorded_at"])


def _set_changes_aside() -> None:
    """A change was done or not, and a refused one delayed the rest."""
    with op.batch_alter_table("changes") as table:
        table.add_column(
            sa.Column("state", sa.String(10), nullable=False, server_default="pending")
        )
        table.add_column(_text("reason"))
        table.add_column(_text("refused_at"))
        table.add_column(_text("version", sa.String(40)))
    op.execute("UPDATE changes SET state = 'done' WHERE done_at IS NOT NULL")
    with op.batch_alter_table("changes") as table:
        table.create_check_constraint(
            "known_change_state", "state IN ('pending', 'done', 'set aside', 'dropped')"
        )
        table.drop_index("changes_pending")
        table.create_index("changes_pending", ["incident_id", "state"])


def _change_shares() -> None:
    """Shares name each person once, and Google has emailed nobody."""
    with op.batch_alter_table("shares") as table:
        table.add_column(_no("notify"))
        table.add_column(_no("changed"))
        table.create_check_constraint(
            "known_share", "state IN ('pending', 'asked', 'done', 'refused', 'leaving', 'left')"
        )


def _change_incidents_and_docs() -> None:
    """What customers read is what colleagues read; no other state of a doc was ever written."""
    op.add_column("incidents", sa.Column("joined_at", sa.BigInteger))
    op.add_column("incidents", _text("customer_title"))
    op.add_column("incidents", _text("customer_impact"))
    for table, name in (
        ("incidents", "known_doc_state"),
        ("publications", "known_public_doc_state"),
    ):
        with op.batch_alter_table(table) as batch:
            batch.create_check_constraint(
                name, "doc_state IN ('none', 'creating', 'created', 'filling', 'filled')"
            )


# --- colleagues -----------------------------------------------------------------------------------


def _change_announcements() -> None:
    """The call that an answer belongs to, a person's own words, and the process that posts."""
    op.add_column("announcements", _text("call_id", sa.String(16)))
    op.add_column("announcements", sa.Column("given", sa.Text))
    op.add_column("announcements", _text("called_by", sa.String(200)))


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
        _text("reason"),
        _text("notice_id", sa.String(40)),
        _text("sent_by", sa.String(200)),
        sa.Column("sent_at", sa.BigInteger),
        _json("facts_written"),
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
        _text("message_id"),
        _text("reason"),
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


def _make_forgetting() -> None:
    op.create_table(
        "forgotten",
        sa.Column("recipient_key", sa.String(80), primary_key=True),
        sa.Column("why", sa.String(10), nullable=False),
        sa.Column("forgotten_by", sa.String(200), nullable=False),
        sa.Column("forgotten_at", sa.BigInteger, nullable=False),
    )
    op.create_table("forgetting_key", sa.Column("key", sa.String(64), primary_key=True))
