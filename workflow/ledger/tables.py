"""The ledger's tables. Only the modules in this package change a row.

Instants are stored as whole milliseconds since 1970 UTC, so that SQLite and PostgreSQL sort and
compare them alike, and are read back as aware datetimes. States and kinds are stored as words;
`known` refuses one that this version doesn't know.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import (
    DDL,
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    event,
    false,
    select,
    text,
    true,
)
from sqlalchemy.engine import Connection

from workflow import __version__
from workflow.ledger.faults import NewerRecord
from workflow.model import DeliveryState, DraftDecision

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Instant(TypeDecorator[datetime]):
    """An aware datetime as milliseconds since 1970 UTC."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> int | None:
        """Refuse a naive datetime: customers would read a time that is hours off."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone: {value!r}")
        return (value - _EPOCH) // timedelta(milliseconds=1)

    def process_result_value(self, value: Any, dialect: Any) -> datetime | None:
        """Milliseconds back to an aware datetime in UTC."""
        return None if value is None else _EPOCH + timedelta(milliseconds=int(value))


metadata = MetaData()

incidents = Table(
    "incidents",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("profile", String(60), nullable=False),
    Column("title", Text, nullable=False),
    Column("impact", Text, nullable=False, default=""),
    Column("severity", Text, nullable=False, default=""),
    Column("status", String(20), nullable=False),
    Column("owner", Text, nullable=False, default=""),
    Column("started_at", Instant, nullable=False),
    Column("resolved_at", Instant),
    Column("closed_at", Instant),
    Column("time_zone", String(64), nullable=False),
    Column("variables", JSON, nullable=False, default=dict),
    Column("template_name", Text, nullable=False),
    Column("template_source", Text, nullable=False),
    Column("folder", Text, nullable=False, default=""),
    Column("doc_id", String(200), nullable=False, default=""),
    Column("doc_url", Text, nullable=False, default=""),
    Column("doc_state", String(12), nullable=False, default="none"),  # see `incidents.DocState`
    Column("doc_called_at", Instant),
    # The native parts (dropdown, person, date, rich_link) that Docs refused for this doc.
    Column("refused_parts", JSON, nullable=False, default=list, server_default="[]"),
    Column("created_at", Instant, nullable=False),
    # Why it was closed with something open; "" if nothing was.
    Column("close_reason", Text, nullable=False, default="", server_default=""),
    Column("locked_at", Instant),  # when the doc was locked against edits
    # What customers read instead of the title and the impact; "" for the same.
    Column("customer_title", Text, nullable=False, default="", server_default=""),
    Column("customer_impact", Text, nullable=False, default="", server_default=""),
    # When it was joined by its doc's address; NULL in the ledger that began it.
    Column("joined_at", Instant),
    CheckConstraint(
        "doc_state IN ('none', 'creating', 'created', 'filling', 'filled')", "known_doc_state"
    ),
    Index("incidents_by_profile", "profile", "created_at"),
)

current_incidents = Table(
    "current_incidents",
    metadata,
    Column("profile", String(60), primary_key=True),
    Column("person", String(200), primary_key=True),
    Column("incident_id", ForeignKey("incidents.id"), nullable=False),
)

entries = Table(
    "entries",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String(40), nullable=False, unique=True),
    Column("incident_id", ForeignKey("incidents.id"), nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("text", Text, nullable=False),
    Column("by", Text, nullable=False, default=""),
    Column("link", Text, nullable=False, default=""),
    Column("recorded_at", Instant, nullable=False),
    Column("struck_at", Instant),
)

shares = Table(
    "shares",
    metadata,
    Column("incident_id", ForeignKey("incidents.id"), primary_key=True),
    Column("who", String(320), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("role", String(20), nullable=False),
    Column("state", String(10), nullable=False, default="pending"),  # see `incidents.ShareState`
    Column("error", Text, nullable=False, default=""),
    # Google writes to them: people without a Google account need that.
    Column("notify", Boolean, nullable=False, default=False, server_default=false()),
    # They were named before, perhaps with another role.
    Column("changed", Boolean, nullable=False, default=False, server_default=false()),
    CheckConstraint(
        "state IN ('pending', 'asked', 'done', 'refused', 'leaving', 'left')", "known_share"
    ),
)

changes = Table(
    "changes",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String(40), nullable=False, unique=True),
    Column("incident_id", ForeignKey("incidents.id"), nullable=False),
    Column("kind", String(12), nullable=False),  # see `changes.RecordedChange`
    Column("payload", JSON, nullable=False),
    Column("said_at", Instant, nullable=False),
    Column("done_at", Instant),
    # pending → done, set aside or dropped: see `changes.ALLOWED`.
    Column("state", String(10), nullable=False, default="pending", server_default="pending"),
    Column("reason", Text, nullable=False, default="", server_default=""),
    Column("refused_at", Text, nullable=False, default="", server_default=""),
    # The version of the program that recorded it; "" in old rows.
    Column("version", String(40), nullable=False, default="", server_default=""),
    CheckConstraint("state IN ('pending', 'done', 'set aside', 'dropped')", "known_change_state"),
    Index("changes_pending", "incident_id", "state"),
)

notices = Table(
    "notices",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("incident_id", ForeignKey("incidents.id"), nullable=False, index=True),
    Column("mode", String(8), nullable=False),  # send, test
    Column("stage", String(20), nullable=False),
    # The same text for the same incident and stage: nobody may get it twice.
    Column("content_key", String(64), nullable=False),
    # The same text and the same rows: the plan that a person approved.
    Column("plan_hash", String(64), nullable=False),
    Column("template_name", Text, nullable=False),
    Column("template_source", Text, nullable=False),
    Column("variables", JSON, nullable=False),
    Column("subject", Text, nullable=False),  # as the doc shows it, with columns by their names
    Column("copy_markdown", Text, nullable=False),
    Column("sender", String(320), nullable=False),
    # The sender that the customer sees; "" is the account itself.
    Column("from_address", Text, nullable=False, default=""),
    Column("sender_name", Text, nullable=False, default=""),
    Column("reply_to", Text, nullable=False, default=""),
    Column("next_update", Instant),
    Column("steps", Integer, nullable=False, default=2),  # 2: draft, then send; 1: send at once
    Column("list_name", Text, nullable=False, default=""),
    Column("recipients", Integer, nullable=False),
    Column("skipped", Integer, nullable=False, default=0),
    Column("said_at", Instant, nullable=False),
    Column("created_at", Instant, nullable=False),
    # Stays as drafts until somebody has reviewed them and runs `resume`.
    Column("held", Boolean, nullable=False, default=False),
    Column("approved_by", Text, nullable=False, default=""),
    Column("orphans_possible", Boolean, nullable=False, default=False),
    # By then Gmail has made every draft that was asked for: only a later search finds all of them.
    Column("orphans_until", Instant),
    Column("facts_written", JSON, nullable=False, default=list),
    # The header of the list, word by word: see `deliveries.cells`.
    Column("list_headers", JSON, nullable=False, default=list, server_default="[]"),
    # Bounces that a person had seen when they chose to send the rest anyway.
    Column("bounces_accepted", Integer, nullable=False, default=0, server_default="0"),
    # gmail, or smtp-relay: the transport of this plan's mails.
    Column("transport", String(12), nullable=False, default="gmail", server_default="gmail"),
    # The Google that it began at; "" where that was not recorded.
    Column("place", Text, nullable=False, default="", server_default=""),
    # The mark of the ledger's file that it began in: see `elsewhere`.
    Column("began_in", String(64), nullable=False, default="", server_default=""),
    # Whether the doc names the customers who replied.
    Column("names_repliers", Boolean, nullable=False, default=False, server_default=false()),
)

attachments = Table(
    "attachments",
    metadata,
    Column("notice_id", ForeignKey("notices.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("filename", Text, nullable=False),
    Column("media_type", String(127), nullable=False),
    Column("content", LargeBinary, nullable=False),
    # Whether every mail has it; the others are named by `deliveries.files`.
    Column("is_shared", Boolean, nullable=False, default=True, server_default=true()),
)

files = Table(
    "files",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("incident_id", ForeignKey("incidents.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("media_type", String(127), nullable=False),
    Column("caption", Text, nullable=False, default=""),
    Column("content", LargeBinary, nullable=False),
    Column("drive_id", String(200), nullable=False, default=""),
    Column("url", Text, nullable=False, default=""),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("notice_id", ForeignKey("notices.id"), nullable=False),
    Column("content_key", String(64), nullable=False),
    Column("row", Integer, nullable=False),
    Column("email", String(320), nullable=False),
    Column("recipient_key", String(320), nullable=False),
    Column("name", Text, nullable=False, default=""),
    Column("subject", Text, nullable=False),
    Column("markdown", Text, nullable=False),
    Column("state", String(10), nullable=False, default="planned"),
    # The original row of the list, cell by cell.
    Column("cells", JSON, nullable=False, default=list, server_default="[]"),
    Column("lang", String(35), nullable=False, default="", server_default=""),
    # This customer's own attachments, by their positions.
    Column("files", JSON, nullable=False, default=list, server_default="[]"),
    # Sent only after somebody has checked the first ones and runs `resume`.
    Column("waits", Boolean, nullable=False, default=False, server_default=false()),
    # The customer's last mail of the incident: the new one continues its thread.
    Column("reply_to_message", Text, nullable=False, default=""),
    Column("draft_id", Text, nullable=False, default=""),
    Column("message_id", Text, nullable=False, default=""),
    Column("thread_id", Text, nullable=False, default=""),
    Column("reason", Text, nullable=False, default=""),
    Column("evidence", Text, nullable=False, default=""),
    # How often Gmail was asked to send this draft without a clear answer that it did not.
    Column("asked", Integer, nullable=False, default=0),
    Column("called_at", Instant),
    # The call that was made last; only its answer may move this row.
    Column("call_id", String(16), nullable=False, default="", server_default=""),
    # The draft's message as we made it: Gmail gives it a new id with every edit.
    Column("draft_message_id", Text, nullable=False, default="", server_default=""),
    # When Gmail first said that the draft doesn't exist, never seen since; one such answer is no
    # proof.
    Column("gone_at", Instant),
    Column("sent_at", Instant),
    Column("claimed_by", String(200), nullable=False, default=""),
    Column("claimed_until", Instant),
    # The mailbox of this one mail; "" is the notice's own sender.
    Column("sender", String(320), nullable=False, default="", server_default=""),
    # The last safeguard: if two people press send together, there is still one row a customer. A
    # failed mail reached nobody, so it does not block another try.
    Index(
        "one_mail_per_recipient",
        "content_key",
        "recipient_key",
        unique=True,
        sqlite_where=text("state <> 'failed'"),  # and see `_condition_in_postgres`
    ),
    # With a state that isn't counted, a customer would be missing from the counts.
    CheckConstraint(f"state IN ({', '.join(map(repr, map(str, DeliveryState)))})", "known_state"),
    Index("deliveries_by_state", "notice_id", "state", "id"),
    Index("deliveries_by_recipient", "recipient_key"),
    Index("deliveries_by_sent", "sent_at"),
    sqlite_autoincrement=True,
)


@event.listens_for(deliveries, "before_create")
def _condition_in_postgres(table: Table, connection: Connection, **_: object) -> None:
    """Give the partial index its condition in PostgreSQL too.

    `postgresql_where` in the table would load all of that dialect for a ledger in a file (0.03 s).
    """
    if connection.dialect.name == "postgresql":
        index = next(each for each in table.indexes if each.name == "one_mail_per_recipient")
        options = index.dialect_options
        options["postgresql"]["where"] = options["sqlite"]["where"]


# Drafts that people edited in Gmail: each content other than ours that was seen.
edited_drafts = Table(
    "edited_drafts",
    metadata,
    Column("delivery_id", ForeignKey("deliveries.id"), primary_key=True),
    Column("message_id", String(64), primary_key=True),  # an edit gives a draft a new one
    Column("raw", LargeBinary),  # as Gmail had it; NULL if it can't be read any more
    Column("found_at", Instant, nullable=False),
    Column("decision", String(12), nullable=False),
    CheckConstraint(
        f"decision IN ({', '.join(map(repr, map(str, DraftDecision)))})", "known_decision"
    ),
)

# The bad rows that a person left out of a notice's list: see `notices.RowLeftOut`.
rows_left_out = Table(
    "rows_left_out",
    metadata,
    Column("notice_id", ForeignKey("notices.id"), primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("value", Text, nullable=False),  # the cell in place of the address
    Column("reason", Text, nullable=False),
    # The original row, cell by cell; a row that can't be split is stored as one cell.
    Column("cells", JSON, nullable=False, default=list, server_default="[]"),
)

units_spent = Table(
    "units_spent",
    metadata,
    Column("sender", String(320), primary_key=True),
    Column("second", BigInteger, primary_key=True),  # whole seconds since 1970
    Column("units", Integer, nullable=False),
)

sender_pauses = Table(
    "sender_pauses",
    metadata,
    Column("sender", String(320), primary_key=True),
    Column("until", Instant, nullable=False),
    Column("reason", Text, nullable=False),
)

announcements = Table(
    "announcements",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String(40), nullable=False, unique=True),
    Column("incident_id", ForeignKey("incidents.id"), nullable=False, index=True),
    Column("channel", String(20), nullable=False),  # slack, google_chat, mail
    # As a person names it: #incidents, a group's address. Never the secret of a webhook.
    Column("target", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("given", Text),  # what the person added to it; NULL: it is sent unchanged
    Column("state", String(10), nullable=False, default="planned"),
    Column("draft_id", Text, nullable=False, default=""),
    Column("message_id", Text, nullable=False, default=""),
    Column("reason", Text, nullable=False, default=""),
    Column("said_at", Instant, nullable=False),
    Column("called_at", Instant),
    # Only the answer to this call may move the row, as in deliveries.
    Column("call_id", String(16), nullable=False, default="", server_default=""),
    Column("called_by", String(200), nullable=False, default="", server_default=""),
    Column("sent_at", Instant),
)

bounces = Table(
    "bounces",
    metadata,
    Column("message_id", String(200), primary_key=True),  # of the report in the sender's mailbox
    Column("delivery_id", ForeignKey("deliveries.id"), nullable=False, index=True),
    Column("status", String(20), nullable=False, default=""),  # RFC 3463, like 5.1.1
    Column("reason", Text, nullable=False, default=""),
    Column("received_at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
)

replies = Table(
    "replies",
    metadata,
    Column("message_id", String(200), primary_key=True),
    Column("delivery_id", ForeignKey("deliveries.id"), nullable=False, index=True),
    Column("automatic", Boolean, nullable=False, default=False),  # an out-of-office note
    Column("received_at", Instant, nullable=False),
    # Who wrote it, and the first lines without quoted text.
    Column("sender", String(320), nullable=False, default="", server_default=""),
    Column("excerpt", Text, nullable=False, default="", server_default=""),
    # Its place: the mailbox and Gmail's thread.
    Column("mailbox", String(320), nullable=False, default="", server_default=""),
    Column("thread_id", Text, nullable=False, default="", server_default=""),
    Column("asks_to_stop", Boolean, nullable=False, default=False, server_default=false()),
    # When a colleague wrote in the thread after it.
    Column("answered_at", Instant),
)

publications = Table(
    "publications",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("incident_id", ForeignKey("incidents.id"), nullable=False, index=True),
    Column("markdown", Text, nullable=False),
    # What was left out of the customers' version, for a person to check: [{"kind", "text"}].
    Column("left_out", JSON, nullable=False, default=list),
    Column("doc_state", String(12), nullable=False, default="none"),  # as an incident's
    Column("doc_called_at", Instant),
    Column("doc_id", String(200), nullable=False, default=""),
    Column("doc_url", Text, nullable=False, default=""),
    Column("created_at", Instant, nullable=False),
    CheckConstraint(
        "doc_state IN ('none', 'creating', 'created', 'filling', 'filled')",
        "known_public_doc_state",
    ),
)

# What each run of a command recorded: see `changes.Run`.
runs = Table(
    "runs",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("profile", String(60), nullable=False),
    Column("person", String(200), nullable=False),
    Column("incident_id", ForeignKey("incidents.id"), nullable=False),
    Column("command", String(20), nullable=False),
    Column("words_key", String(64), nullable=False),
    Column("made", JSON, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("told_at", Instant),
    Index("runs_by_words", "words_key", "recorded_at"),
)

# Addresses that no notice goes to, and why.
suppressions = Table(
    "suppressions",
    metadata,
    Column("profile", String(60), primary_key=True),
    Column("recipient_key", String(320), primary_key=True),
    Column("email", String(320), nullable=False),
    Column("kind", String(10), nullable=False),  # said, bounced
    Column("reason", Text, nullable=False),
    Column("added_at", Instant, nullable=False),
    CheckConstraint("kind IN ('said', 'bounced')", name="known_suppression"),
)

# Where this ledger was moved to: with a row here, it is read-only.
moved_to = Table(
    "moved_to",
    metadata,
    Column("place", Text, primary_key=True),
    Column("at", Instant, nullable=False),
)

# This ledger's identity: one row, made when it first sends. See `elsewhere`.
ledger_identity = Table(
    "ledger_identity",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("run", Integer, nullable=False),
    Column("made_at", Instant, nullable=False),
)

# The ledger's file when an incident's doc last confirmed it. A copy of the file has another mark.
ledger_place = Table(
    "ledger_place",
    metadata,
    Column("incident_id", ForeignKey("incidents.id"), primary_key=True),
    Column("mark", String(64), nullable=False),
)

# The incident's notices that a doc has and this ledger lacks. See `elsewhere`.
doc_comparisons = Table(
    "doc_comparisons",
    metadata,
    Column("incident_id", ForeignKey("incidents.id"), primary_key=True),
    Column("compared_at", Instant, nullable=False),
    Column("found", JSON, nullable=False),
)

# Other ledgers' notices that a person accepted for this one.
agreed_elsewhere = Table(
    "agreed_elsewhere",
    metadata,
    Column("notice_id", ForeignKey("notices.id"), primary_key=True),
    Column("other", String(80), primary_key=True),
)

# Whether the doc says that a notice is being sent, from before its first mail on.
reservations = Table(
    "reservations",
    metadata,
    Column("notice_id", ForeignKey("notices.id"), primary_key=True),
    Column("state", String(12), nullable=False),
    Column("ledger", String(16), nullable=False),
    Column("run", Integer, nullable=False),
    Column("reason", Text, nullable=False, default="", server_default=""),
    CheckConstraint("state IN ('asked', 'written', 'not_written')", "known_reservation"),
)

# Incidents that were moved to or from another ledger with their deliveries. See `transfers`.
transfers = Table(
    "transfers",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("incident_id", ForeignKey("incidents.id"), nullable=False, index=True),
    Column("state", String(10), nullable=False),
    Column("other_ledger", String(16), nullable=False, default="", server_default=""),
    Column("file", Text, nullable=False, default="", server_default=""),
    Column("at", Instant, nullable=False),
    CheckConstraint("state IN ('given', 'cancelled', 'taken')", "known_transfer"),
)

# A proposed plan, and the decision about it. See `plans`.
proposals = Table(
    "proposals",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("incident_id", ForeignKey("incidents.id"), nullable=False, index=True),
    Column("plan_hash", String(64), nullable=False, index=True),
    Column("state", String(10), nullable=False),
    Column("stage", String(20), nullable=False),
    Column("subject", Text, nullable=False),
    Column("recipients", Integer, nullable=False),
    Column("copy_markdown", Text, nullable=False),
    # The request, and every mail as it was frozen; NULL once it is finally decided.
    Column("request", LargeBinary),
    Column("content", LargeBinary),
    Column("proposed_by", String(200), nullable=False),
    Column("proposed_at", Instant, nullable=False),
    Column("decided_by", String(200), nullable=False, default="", server_default=""),
    Column("decided_at", Instant),
    Column("reason", Text, nullable=False, default="", server_default=""),
    Column("notice_id", String(40), nullable=False, default="", server_default=""),
    Column("sent_by", String(200), nullable=False, default="", server_default=""),
    Column("sent_at", Instant),
    Column("facts_written", JSON, nullable=False, default=list, server_default="[]"),
    CheckConstraint(
        "state IN ('proposed', 'approved', 'refused', 'withdrawn', 'sent')", "known_proposal"
    ),
)

# Who changed what: one row for each transaction of a person, chained by a hash. See `audit`.
audit_log = Table(
    "audit_log",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False),
    Column("person", String(200), nullable=False),
    Column("command", String(40), nullable=False),
    Column("incident_id", String(40), nullable=False),
    Column("changes", JSON, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)
_ONLY_ADDED = "rows of audit_log are only added"
_GUARDS = {
    "sqlite": tuple(
        f"CREATE TRIGGER audit_log_no_{verb.lower()} BEFORE {verb} ON audit_log "
        f"BEGIN SELECT RAISE(ABORT, '{_ONLY_ADDED}'); END"
        for verb in ("UPDATE", "DELETE")
    ),
    "postgresql": (
        "CREATE OR REPLACE FUNCTION audit_log_only_appended() RETURNS trigger AS $$ "
        f"BEGIN RAISE EXCEPTION '{_ONLY_ADDED}'; END $$ LANGUAGE plpgsql",
        "CREATE TRIGGER audit_log_only_appended BEFORE UPDATE OR DELETE ON audit_log "
        "FOR EACH ROW EXECUTE FUNCTION audit_log_only_appended()",
    ),
}
for _dialect, _statements in _GUARDS.items():
    for _statement in _statements:
        event.listen(audit_log, "after_create", DDL(_statement).execute_if(dialect=_dialect))  # type: ignore[no-untyped-call]

# A reminder to colleagues that an update to customers is due. See `reminders`.
reminders = Table(
    "reminders",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("incident_id", ForeignKey("incidents.id"), nullable=False, index=True),
    Column("notice_id", ForeignKey("notices.id"), nullable=False),
    Column("channel", String(20), nullable=False),
    Column("target", Text, nullable=False),
    Column("kind", String(10), nullable=False),  # before, due, snoozed
    Column("due_at", Instant, nullable=False),
    Column("text", Text, nullable=False),
    Column("state", String(12), nullable=False),
    Column("message_id", Text, nullable=False, default="", server_default=""),
    Column("reason", Text, nullable=False, default="", server_default=""),
    Column("called_at", Instant),
    CheckConstraint(
        "state IN ('planned', 'scheduling', 'scheduled', 'withdrawing', 'withdrawn', 'sending', "
        "'sent', 'failed', 'unknown')",
        "known_reminder",
    ),
    UniqueConstraint("notice_id", "channel", "target", "kind", "due_at", name="one_reminder"),
)

# Forgotten customers, only as a keyed hash of their address. See `forgetting`.
forgotten = Table(
    "forgotten",
    metadata,
    Column("recipient_key", String(80), primary_key=True),
    Column("why", String(10), nullable=False),  # asked, retention
    Column("forgotten_by", String(200), nullable=False),
    Column("forgotten_at", Instant, nullable=False),
)

# The key of those hashes, made with the first of them.
forgetting_key = Table("forgetting_key", metadata, Column("key", String(64), primary_key=True))


E = TypeVar("E", bound=StrEnum)


def known(kind: type[E], value: str, what: str) -> E:
    """The member of `kind` with this value. `what` is the row, for people.

    Raises `NewerRecord` for a value that only a newer version can have written.
    """
    try:
        return kind(value)
    except ValueError:
        raise NewerRecord(f"{what} has “{value}”") from None


def name_version(connection: Connection, fault: NewerRecord) -> None:
    """Add to an error which other version wrote last, as far as the ledger knows."""
    other = select(changes.c.version).where(changes.c.version.not_in(("", __version__)))
    newest = connection.execute(other.order_by(changes.c.seq.desc()).limit(1)).scalar()
    fault.version = fault.version or newest or ""
