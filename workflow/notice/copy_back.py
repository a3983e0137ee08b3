"""Copy the sent text, the counts and the failures into the doc, and withdraw unsent mails.

Withdrawing covers drafts and mails without a draft. A sent mail can't be withdrawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection

from workflow.doc.push import Brought, Waiting, bring_to_doc, look_while_recording
from workflow.errors import BadInput
from workflow.incident.timeline import record_entry, record_field, record_rewording
from workflow.ledger import changes, claims, deliveries, incidents, notices
from workflow.ledger.changes import RecordedChange
from workflow.ledger.claims import holder_name, is_gone
from workflow.ledger.notices import Notice
from workflow.model import OF_A_NOTICE, DeliveryCounts, Incident, TimelineEntry
from workflow.sending.deliver import Watcher, deliver, may_have_left_edited, note_words_that_left
from workflow.sending.sender import Ending, Order, SenderEnd
from workflow.standing.notice_words import notice_facts, refresh_summary
from workflow.workspace import Workspace, new_id

_EMAILED = "Emailed "


def copy_back(workspace: Workspace, notice: Notice) -> Brought:
    """Record that the doc must show the notice's current state, and update the doc.

    If mails were sent with other text than ours, these are read first.
    """
    waiting: Waiting | None = None
    with workspace.ledger.write() as connection:
        is_edited = may_have_left_edited(connection, notice)
        if not is_edited:
            _record(connection, workspace, notice)
            waiting = look_while_recording(connection, workspace, notice.incident_id)
    if is_edited:
        note_words_that_left(workspace, notice)
        record_copy(workspace, notice)
    return bring_to_doc(workspace, notice.incident_id, waiting)


def record_copy(workspace: Workspace, notice: Notice) -> None:
    """Record that the doc must show the notice's current state: the next command updates it."""
    with workspace.ledger.write() as connection:
        _record(connection, workspace, notice)


def _record(connection: Connection, workspace: Workspace, notice: Notice) -> None:
    incident = incidents.incident_by_id(connection, notice.incident_id)
    notice = notices.notice_by_id(connection, notice.id)
    counts = notices.count_deliveries(connection, notice)
    if notice.mode != "send" or counts.total == counts.pending:
        return
    now = workspace.now()
    _record_entry(connection, incident, notice, counts, now)
    if _record_facts(connection, incident, notice, now):
        customers = notices.count_customers(connection, incident.id)
        record_field(connection, incident, "customers", f"{customers:,} told by mail", now)
    for earlier in notices.notices_of(connection, incident.id):
        # This notice may have kept the earlier one's promise.
        if earlier.next_update and earlier.id != notice.id and earlier.facts_written:
            _record_facts(connection, incident, earlier, now)
    refresh_summary(connection, incident.id, now)


def _record_facts(
    connection: Connection, incident: Incident, notice: Notice, now: datetime
) -> bool:
    """Record that the doc must state the notice's result, unless it does or is about to."""
    copies = _copies(connection, notice)
    pending = copies and not changes.is_done(connection, copies[-1].id)
    if pending or notice.facts_written == notice_facts(connection, incident, notice):
        return False
    change = RecordedChange(f"notice-{notice.id}-{new_id(4)}", "notice", {"notice": notice.id}, now)
    changes.record_change(connection, incident.id, change)
    return True


def _copies(connection: Connection, notice: Notice) -> list[RecordedChange]:
    return [
        change
        for change in changes.changes_of_kind(connection, notice.incident_id, "notice")
        if change.payload["notice"] == notice.id
    ]


def _record_entry(
    connection: Connection,
    incident: Incident,
    notice: Notice,
    counts: DeliveryCounts,
    now: datetime,
) -> None:
    """Put the notice's result so far into its timeline entry, and reword it when there is more.

    An entry by an older version of the program stays if everybody got the mail.
    """
    entry_id, words = f"{OF_A_NOTICE}{notice.id}", entry_words(notice, counts)
    entry = incidents.entry_if_there(connection, entry_id)
    if entry is None:
        entry = TimelineEntry(entry_id, notice.said_at, words, recorded_at=notice.said_at)
        record_entry(connection, incident, entry)
        return
    is_of_an_earlier_version = not entry.text.startswith(_EMAILED)
    if entry.text == words or (is_of_an_earlier_version and counts.sent == counts.total):
        return
    record_rewording(connection, incident, entry, words, now, markdown=False)


def entry_words(notice: Notice, counts: DeliveryCounts) -> str:
    """The timeline's text for a notice, from the states of its deliveries.

    `Emailed 3 customers: “…”`, `Emailed 2 of 3 customers; 1 failed: “…”`.
    """
    who = "1 customer" if counts.total == 1 else f"{counts.total:,} customers"
    if counts.sent == counts.total:
        return f"{_EMAILED}{who}: “{notice.subject}”"
    rest = ", ".join(
        f"{count:,} {words}"
        for count, words in (
            (counts.failed, "failed"),
            (counts.unknown, "unknown"),
            (counts.pending, "still to send"),
        )
        if count
    )
    return f"{_EMAILED}{counts.sent:,} of {who}; {rest}: “{notice.subject}”"


@dataclass(frozen=True)
class Withdrawn:
    """The result of a withdrawal: how many mails were withdrawn, and why it ended.

    `sent_meanwhile` counts the mails that turned out to be sent, and `unknown` those whose drafts
    somebody sent or deleted in Gmail, so that their state is unknown.
    """

    count: int
    sent_meanwhile: int
    unknown: int
    sent: SenderEnd
    brought: Brought


def withdraw(workspace: Workspace, notice: Notice, watcher: Watcher) -> Withdrawn:
    """Withdraw a notice's unsent mails; their customers count as not notified.

    A draft is checked and deleted before its row changes, so an interrupted withdrawal continues
    with the same command. Raises `BadInput` if nothing is left to withdraw.
    """
    with workspace.ledger.read() as connection:
        mailboxes = deliveries.senders_with_work(connection, notice.id)
        before = notices.count_deliveries(connection, notice)
        already = deliveries.count_withdrawn(connection, notice.id)
    if not mailboxes:
        raise BadInput(f"Notice {notice.id} has no unsent mails to withdraw.")
    _withdraw_without_asking(workspace, notice)
    with workspace.ledger.read() as connection:
        mailboxes = deliveries.senders_with_work(connection, notice.id)
    # Google isn't needed if nothing of the notice has reached it.
    sent = (
        deliver(workspace, notice, watcher, Order.WITHDRAW) if mailboxes else SenderEnd(Ending.DONE)
    )
    note_words_that_left(workspace, notice)
    brought = copy_back(workspace, notice)
    with workspace.ledger.write() as connection:
        after = notices.count_deliveries(connection, notice)
        withdrawn = deliveries.count_withdrawn(connection, notice.id)
        if not after.pending:  # no draft waits for a review any more
            notices.end_hold(connection, notice.id)
    return Withdrawn(
        count=withdrawn - already,
        sent_meanwhile=after.sent - before.sent,
        unknown=after.unknown - before.unknown,
        sent=sent,
        brought=brought,
    )


def _withdraw_without_asking(workspace: Workspace, notice: Notice) -> None:
    """Withdraw mails without a draft, all at once: no call is needed."""
    with workspace.ledger.write() as connection:
        gone = [each for each in claims.claim_holders(connection, notice.id) if is_gone(each)]
        free = claims.free_for(holder_name(), gone, workspace.wall())
        deliveries.withdraw_planned(connection, notice.id, free=free)
