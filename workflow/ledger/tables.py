"""The ledger's tables. What each state may become is in `moves`; who may change a row is in
the modules beside this one, and nowhere else.

Instants are stored as whole milliseconds since 1970 UTC, so that SQLite and PostgreSQL sort and
compare them alike, and are read back as aware datetimes.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
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
)

from workflow.incident import DeliveryState

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Instant(TypeDecorator[datetime]):
    """An aware datetime as milliseconds since 1970 UTC."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> int | None:
        """Refuse a naive datetime: an hour lost here would be told to customers."""
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
    # none → creating → created → filling → filled: how far the doc's own making has come.
    Column("doc_state", String(12), nullable=False, default="none"),
    Column("doc_called_at", Instant),
    # The native parts (dropdown, person, date, rich_link) that Docs refused for this doc.
    Column("refused_parts", JSON, nullable=False, default=list, server_default="[]"),
    Column("created_at", Instant, nullable=False),
    # Why it was closed although something was left open; "" when nothing was.
    Column("close_reason", Text, nullable=False, default="", server_default=""),
    Column("locked_at", Instant),  # when the doc was locked against edits
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
    Column("state", String(10), nullable=False, default="pending"),  # pending, asked, done, refused
    Column("error", Text, nullable=False, default=""),
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
    Index("changes_pending", "incident_id", "done_at"),
)

notices = Table(
    "notices",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("incident_id", ForeignKey("incidents.id"), nullable=False, index=True),
    Column("mode", String(8), nullable=False),  # send, test
    Column("stage", String(20), nullable=False),
    # The same words for the same incident and stage: what nobody is to get twice.
    Column("content_key", String(64), nullable=False),
    # The same words and the same rows: the plan that a person agreed to.
    Column("plan_hash", String(64), nullable=False),
    Column("template_name", Text, nullable=False),
    Column("template_source", Text, nullable=False),
    Column("variables", JSON, nullable=False),
    Column("subject", Text, nullable=False),  # as the doc shows it, columns by their names
    Column("copy_markdown", Text, nullable=False),
    Column("sender", String(320), nullable=False),
    # What the customer sees as the sender; "" is the account itself.
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
    # Left as drafts until somebody has looked and says `resume`.
    Column("held", Boolean, nullable=False, default=False),
    Column("approved_by", Text, nullable=False, default=""),
    Column("orphans_possible", Boolean, nullable=False, default=False),
    Column("facts_written", JSON, nullable=False, default=list),
    # gmail, or smtp-relay: what carries the mails of this plan.
    Column("transport", String(12), nullable=False, default="gmail", server_default="gmail"),
)

attachments = Table(
    "attachments",
    metadata,
    Column("notice_id", ForeignKey("notices.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("filename", Text, nullable=False),
    Column("media_type", String(127), nullable=False),
    Column("content", LargeBinary, nullable=False),
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
    # The last mail that this customer had of the incident: its thread is gone on with.
    Column("reply_to_message", Text, nullable=False, default=""),
    Column("draft_id", Text, nullable=False, default=""),
    Column("message_id", Text, nullable=False, default=""),
    Column("thread_id", Text, nullable=False, default=""),
    Column("reason", Text, nullable=False, default=""),
    Column("evidence", Text, nullable=False, default=""),
    # How often Gmail was asked to send this draft without a clear answer that it did not.
    Column("asked", Integer, nullable=False, default=0),
    Column("called_at", Instant),
    Column("sent_at", Instant),
    Column("claimed_by", String(200), nullable=False, default=""),
    Column("claimed_until", Instant),
    # The mailbox that this one mail leaves from; "" is the notice's own sender.
    Column("sender", String(320), nullable=False, default="", server_default=""),
    # The last line of defence: two people who press send together still make one row a customer.
    UniqueConstraint("content_key", "recipient_key", name="one_mail_per_recipient"),
    # A delivery in a state that nobody counts would be a customer whom nobody misses.
    CheckConstraint(f"state IN ({', '.join(map(repr, map(str, DeliveryState)))})", "known_state"),
    Index("deliveries_by_state", "notice_id", "state", "id"),
    Index("deliveries_by_recipient", "recipient_key"),
    Index("deliveries_by_sent", "sent_at"),
    sqlite_autoincrement=True,
)

# The bad rows of its list that a person left out of a notice: see `rows_left_out`.
rows_left_out = Table(
    "rows_left_out",
    metadata,
    Column("notice_id", ForeignKey("notices.id"), primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("value", Text, nullable=False),  # what stood where the address is to be
    Column("reason", Text, nullable=False),
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
    Column("state", String(10), nullable=False, default="planned"),
    Column("draft_id", Text, nullable=False, default=""),
    Column("message_id", Text, nullable=False, default=""),
    Column("reason", Text, nullable=False, default=""),
    Column("said_at", Instant, nullable=False),
    Column("called_at", Instant),
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
)

# Where this ledger was moved to, if it was: a row here, and nobody writes to it any more.
moved_to = Table(
    "moved_to",
    metadata,
    Column("place", Text, primary_key=True),
    Column("at", Instant, nullable=False),
)
