"""After a send: the copy in the doc, unsent mails withdrawn, and drafts under review.

Withdrawing covers drafts and mails without a draft. A sent mail can't be withdrawn.

Gmail gives a draft a new message id with every edit. So drafts are checked before they are sent:
one list names the message ids of 500 drafts, and only those that changed are read. An edited draft
waits until a person decides about exactly the content that was shown.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from workflow.doc.push import Brought, PendingWork, bring_to_doc, look_while_recording
from workflow.errors import BadInput, PostmortemError
from workflow.google.faults import Refused
from workflow.google.gmail import DraftRead, Gmail
from workflow.google.transport import only_while
from workflow.incident.timeline import record_entry, record_field, record_rewording
from workflow.ledger import changes, claims, deliveries, edited_drafts, incidents, notices, plans
from workflow.ledger.changes import RecordedChange
from workflow.ledger.claims import holder_name, is_gone
from workflow.ledger.deliveries import LEFT_OUT, Delivery, Transition
from workflow.ledger.edited_drafts import EditedContent
from workflow.ledger.notices import Notice
from workflow.ledger.plans import AttachedFile
from workflow.mail.content import Difference, MailContent, goes_to, read_content
from workflow.model import (
    OF_A_NOTICE,
    DeliveryCounts,
    DeliveryState,
    DraftDecision,
    Incident,
    MailTransport,
    TimelineEntry,
)
from workflow.sending.deliver import (
    NO_DRAFTS_LEFT,
    DraftsLeft,
    Watcher,
    clear_orphans,
    deliver,
    differences_from,
    gmail_of,
    may_have_left_edited,
    note_words_that_left,
    our_content,
    says_the_same,
)
from workflow.sending.delivery_steps import after_deletion
from workflow.sending.mail_writer import write_mail
from workflow.sending.mailbox import MailReader
from workflow.sending.sender import Ending, Order, SenderEnd
from workflow.standing.notice_words import (
    doc_says_how_it_stands,
    notice_facts,
    refresh_summary,
)
from workflow.times.clocks import Lease
from workflow.workspace import Workspace, new_id

# --- Copied and withdrawn -------------------------------------------------------------------------

_EMAILED = "Emailed "


def copy_back(workspace: Workspace, notice: Notice) -> Brought:
    """Record that the doc must show the notice's current state, and update the doc.

    If mails were sent with other text than ours, these are read first.
    """
    waiting: PendingWork | None = None
    with workspace.ledger.write() as connection:
        is_edited = may_have_left_edited(connection, notice)
        if not is_edited:
            _record(connection, workspace, notice)
            waiting = look_while_recording(connection, workspace, notice.incident_id)
    if is_edited:
        note_words_that_left(workspace, notice)
        record_copy(workspace, notice)
    return bring_to_doc(workspace, notice.incident_id, waiting, after_mails=True)


def record_missing_copies(workspace: Workspace, of: Incident | None = None) -> None:
    """Record the results that a process could not: it died after its last mail, before this.

    Of one incident, else of every open one. Notices with mails still to send are left to `resume`.
    """
    with workspace.ledger.read() as connection:
        every = (
            [of] if of else incidents.all_incidents(connection, profile=workspace.settings.profile)
        )
        lacking = [
            notice
            for incident in every
            if incident.closed_at is None
            for notice in notices.notices_of(connection, incident.id)
            if _lacks_its_copy(connection, incident, notice)
        ]
    for notice in lacking:
        note_words_that_left(workspace, notice)
        record_copy(workspace, notice)


def _lacks_its_copy(connection: Connection, incident: Incident, notice: Notice) -> bool:
    copies = _copies(connection, notice)
    if copies and not changes.is_done(connection, copies[-1].id):
        return False
    counts = notices.count_deliveries(connection, notice)
    return not counts.pending and not doc_says_how_it_stands(connection, incident, notice)


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
        record_field(connection, incident, "customers", f"{customers:,} notified by email", now)
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
    if copies and not changes.is_done(connection, copies[-1].id):
        return False
    written = notice.facts_written  # none yet: then they needn't be worked out to know
    if written and written == notice_facts(connection, incident, notice):
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
    rest = ", ".join(f"{count:,} {words}" for count, words in counts.rest)
    return f"{_EMAILED}{counts.sent:,} of {who}; {rest}: “{notice.subject}”"


@dataclass(frozen=True)
class Withdrawn:
    """The result of a withdrawal: how many mails were withdrawn, and why it ended.

    `sent_meanwhile` counts the mails that turned out to be sent, and `unknown` those whose drafts
    somebody sent or deleted in Gmail, so that their state is unknown. `left` tells about second
    drafts that may be left.
    """

    count: int
    sent_meanwhile: int
    unknown: int
    sent: SenderEnd
    brought: Brought
    left: DraftsLeft = NO_DRAFTS_LEFT


def withdraw(workspace: Workspace, notice: Notice, watcher: Watcher) -> Withdrawn:
    """Withdraw a notice's unsent mails; their customers count as not notified.

    A draft is checked and deleted before its row changes, so an interrupted withdrawal continues
    with the same command. Raises `BadInput` if nothing is left to withdraw.
    """
    with workspace.ledger.read() as connection:
        before = notices.count_deliveries(connection, notice)
        already = deliveries.count_withdrawn(connection, notice.id)
    if not before.pending:
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
    left = NO_DRAFTS_LEFT
    if sent.ending is Ending.DONE:
        left = clear_orphans(workspace, notice, watcher)
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
        left=left,
    )


def _withdraw_without_asking(workspace: Workspace, notice: Notice) -> None:
    """Withdraw mails without a draft, all at once: no call is needed."""
    with workspace.ledger.write() as connection:
        gone = [each for each in claims.claim_holders(connection, notice.id) if is_gone(each)]
        free = claims.free_for(holder_name(), gone, workspace.wall())
        deliveries.withdraw_planned(connection, notice.id, free=free)


# --- Drafts under review --------------------------------------------------------------------------

_IN_GMAIL = (DeliveryState.DRAFTED, DeliveryState.EDITED)
_LEASE = timedelta(minutes=3)
_AT_ONCE = 100_000
_PATIENCE_SECONDS = 3.0
# Gmail's units for drafts.update and drafts.delete (quota table of its reference).
_UNITS = {DraftDecision.RESTORE: 15, DraftDecision.LEAVE_OUT: 10}


@dataclass(frozen=True)
class EditedDraft:
    """A draft that a person changed in Gmail: our text, and its current text."""

    delivery: Delivery
    content: EditedContent
    ours: MailContent
    theirs: MailContent
    differences: tuple[Difference, ...]

    @property
    def reaches_its_customer(self) -> bool:
        """Whether the draft's own customer is still among its recipients."""
        return goes_to(self.theirs, self.delivery.email)

    @property
    def new_recipients(self) -> tuple[str, ...]:
        """Recipients that the edit added."""
        return tuple(each for each in self.theirs.recipients if not goes_to(self.ours, each))

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about recipients that the edit added or removed, by name."""
        customer, others = self.delivery.email, ", ".join(self.new_recipients)
        if not self.theirs.recipients:
            return (f"The draft has no recipient: {customer} would not get it.",)
        if not self.reaches_its_customer:
            return (
                f"It would go to {', '.join(self.theirs.recipients)} and not to {customer}, who "
                "would count as not notified.",
            )
        return (f"It would also go to {others}.",) if others else ()


@dataclass(frozen=True)
class Review:
    """What a review found. `gone` are drafts that somebody sent or deleted."""

    edited: tuple[EditedDraft, ...] = ()
    gone: tuple[Delivery, ...] = ()


@dataclass(frozen=True)
class Touched:
    """How many waiting drafts were changed in Gmail, and how many were sent or deleted there."""

    changed: int = 0
    gone: int = 0

    @property
    def words(self) -> str:
        """`1 draft was changed in Gmail, 2 drafts were sent or deleted in Gmail`; "" for none."""
        said = []
        if self.changed:
            said.append(f"{_drafts(self.changed)} changed in Gmail")
        if self.gone:
            said.append(f"{_drafts(self.gone)} sent or deleted in Gmail")
        return ", ".join(said)


def _drafts(count: int) -> str:
    return "1 draft was" if count == 1 else f"{count:,} drafts were"


def look(workspace: Workspace, notice: Notice) -> Review:
    """Find and record which of a notice's drafts people have edited.

    Drafts that another process is sending are skipped: it checks them itself. Second drafts of a
    held notice are deleted first. Raises GoogleFault, and `BadInput` if one of those was edited.
    """
    if notice.transport is not MailTransport.GMAIL or notice.steps == 1:
        return Review()
    if notice.held and notice.orphans_possible:  # nobody should review a mail twice
        edited = clear_orphans(workspace, notice).edited
        if edited:
            raise BadInput(f"Nothing more was sent: {second_edits(notice, edited)}")
    gone: list[Delivery] = []
    for mailbox in _mailboxes(workspace, notice):
        gmail = gmail_of(workspace, notice, mailbox)
        reader = MailReader(workspace, mailbox, gmail=gmail)
        listed = reader.drafts()
        with _Claimed(workspace, notice, mailbox) as claimed:
            for delivery in claimed.deliveries:
                if delivery.draft_id not in listed:
                    gone += claimed.note_gone(delivery)
                elif listed[delivery.draft_id] != claimed.known_message(
                    delivery
                ) or claimed.is_edit_undone(delivery):
                    claimed.note(delivery, reader.draft(delivery.draft_id))
    return Review(tuple(edited_of(workspace, notice)), tuple(gone))


def second_edits(notice: Notice, edited: Sequence[str]) -> str:
    """A sentence about second drafts for these customers, which people edited in Gmail."""
    those = ", ".join(edited[:5]) + (" and others" if len(edited) > 5 else "")
    return (
        f"Gmail holds two drafts for {those}, and the one that was edited is not the one of this "
        "notice. Copy the edit into the other draft if it is needed, and delete this one. Then: "
        f"postmortem resume {notice.id}"
    )


def glance(workspace: Workspace, notice: Notice) -> Touched:
    """What a list of a notice's drafts tells, for a command that only shows: nothing is written.

    Quick, and never a fault: nothing where Gmail does not answer at once.
    """
    if notice.transport is not MailTransport.GMAIL or notice.steps == 1:
        return Touched()
    answers: list[Touched] = []

    def ask() -> None:
        with contextlib.suppress(PostmortemError):
            answers.append(_touched(workspace, notice))

    # A daemon: who asks how things stand does not wait for a call that hangs.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(_PATIENCE_SECONDS)
    return answers[0] if answers else Touched()


def _touched(workspace: Workspace, notice: Notice) -> Touched:
    listed: dict[str, str] = {}
    for mailbox in _mailboxes(workspace, notice):
        drafts = gmail_of(workspace, notice, mailbox).list_drafts()
        listed |= {draft.id: draft.message_id for draft in drafts}
    with workspace.ledger.read() as connection:
        ours = {
            each.draft_id: each.draft_message_id
            for each in deliveries.deliveries_of(connection, notice.id, DeliveryState.DRAFTED)
        }
    here = [draft for draft in ours if draft in listed]
    changed = sum(listed[draft] != ours[draft] for draft in here)
    return Touched(changed, len(ours) - len(here))


def edited_of(workspace: Workspace, notice: Notice) -> Iterator[EditedDraft]:
    """A notice's drafts that are known to be edited, by row of the list. Makes no call."""
    with workspace.ledger.read() as connection:
        found = edited_drafts.waiting(connection, notice.id)
        files = plans.attachments_of(connection, notice.id) if found else []
    for delivery, content in found:
        ours = our_content(workspace, notice, files, delivery)
        theirs = read_content(content.raw or b"")
        differ = differences_from(notice, delivery, ours, theirs)
        yield EditedDraft(delivery, content, ours, theirs, tuple(differ))


def decide(workspace: Workspace, decisions: Iterable[tuple[EditedDraft, DraftDecision]]) -> None:
    """Record decisions about edited drafts. Raises `BadInput` for what can't be done."""
    chosen = list(decisions)
    for edited, decision in chosen:
        if decision is DraftDecision.AS_EDITED and not edited.theirs.recipients:
            raise BadInput(
                f"The draft for {edited.delivery.email} has no recipient any more, so it can't be "
                "sent as edited. Nothing was sent. Use --restore or --leave-out for it."
            )
        if decision is DraftDecision.AS_EDITED:
            _refuse_edited_plan(workspace, edited)
    with workspace.ledger.write() as connection:
        for edited, decision in chosen:
            edited_drafts.decide(
                connection, edited.delivery.id, edited.content.message_id, decision
            )


def _refuse_edited_plan(workspace: Workspace, edited: EditedDraft) -> None:
    """Raise `BadInput` if the draft's text isn't what the approver saw."""
    with workspace.ledger.read() as connection:
        proposal = plans.of_notice(connection, edited.delivery.notice_id)
    if proposal is not None:
        raise BadInput(
            f"The draft for {edited.delivery.email} was edited after {proposal.decided_by} "
            f"approved plan {proposal.short}, so it can't be sent as edited. Nothing was sent. Use "
            "--restore or --leave-out, and propose the new words as another plan."
        )


def give_back(workspace: Workspace, notice: Notice) -> None:
    """Treat edited drafts as unedited ones again, so that all can be withdrawn alike."""
    with workspace.ledger.read() as connection:
        mailboxes = deliveries.senders_of(connection, notice.id)
    for mailbox in mailboxes:
        with _Claimed(workspace, notice, mailbox, (DeliveryState.EDITED,)) as claimed:
            for delivery in claimed.deliveries:
                message_id = claimed.known_message(delivery)
                claimed.move(delivery, DeliveryState.DRAFTED, draft_message_id=message_id)


def carry_out(workspace: Workspace, notice: Notice) -> None:
    """Carry out the decisions: keep the edit, restore our mail, or delete the draft.

    Each draft is checked right before. One that was edited again, sent or deleted since is left
    alone and found by the next review. Safe to run any number of times. Raises GoogleFault.
    """
    with workspace.ledger.read() as connection:
        waiting = edited_drafts.waiting(connection, notice.id)
        files = plans.attachments_of(connection, notice.id)
    mailboxes = {delivery.sender for delivery, _ in waiting}
    decided = {delivery.id: content for delivery, content in waiting}
    for mailbox in sorted(mailboxes):
        gmail = gmail_of(workspace, notice, mailbox)
        reader = MailReader(workspace, mailbox, gmail=gmail)
        with _Claimed(workspace, notice, mailbox, (DeliveryState.EDITED,)) as claimed:
            for delivery in claimed.deliveries:
                content = decided.get(delivery.id)
                if content is None or content.decision is DraftDecision.OPEN:
                    continue
                if content.decision in _UNITS:
                    # Wait now, so that the change follows the look at once.
                    reader.wait_for(_UNITS[content.decision])
                with claimed.extended(delivery) as is_ours:
                    if not is_ours:
                        continue  # this took long, and another process has it now
                    seen = reader.draft_seen(delivery.draft_id)
                    if seen is None or seen.is_sent or seen.message_id != content.message_id:
                        claimed.note(delivery, reader.draft(delivery.draft_id))
                    elif content.decision is DraftDecision.AS_EDITED:
                        kept = {"draft_message_id": seen.message_id}
                        claimed.move(delivery, DeliveryState.DRAFTED, **kept)
                    elif content.decision is DraftDecision.RESTORE:
                        ours = write_mail(notice, delivery, files, workspace)
                        _restore(claimed, reader, gmail, delivery, ours, seen.message_id)
                    else:
                        _leave_out(claimed, gmail, delivery)


def _restore(
    claimed: _Claimed,
    reader: MailReader,
    gmail: Gmail,
    delivery: Delivery,
    ours: bytes,
    message_id: str,
) -> None:
    """Put our mail back into a draft whose message is `message_id`. Raises GoogleFault."""
    # A new subject moves a draft to a thread of its own, and the thread it was in may be gone.
    threads = dict.fromkeys([delivery.thread_id or None, None])
    for tried, thread_id in enumerate(threads):
        if tried:
            reader.wait_for(_UNITS[DraftDecision.RESTORE])
        try:
            draft = gmail.update_draft(delivery.draft_id, ours, thread_id)
        except Refused as refused:
            if refused.status not in {400, 404}:
                raise
            read = reader.draft(delivery.draft_id)
            if read is None or read.seen.is_sent or read.seen.message_id != message_id:
                claimed.note(delivery, read)  # sent, deleted or edited at this moment
                return
            if thread_id is None:
                raise  # the draft is as it was, so our mail itself is refused
            continue
        placed = {"draft_message_id": draft.message_id, "thread_id": draft.thread_id}
        claimed.move(delivery, DeliveryState.DRAFTED, **placed)
        return


def _leave_out(claimed: _Claimed, gmail: Gmail, delivery: Delivery) -> None:
    """Delete a draft that was there a moment ago. Raises GoogleFault."""
    try:
        gmail.delete_draft(delivery.draft_id)
    except Refused as refused:
        if refused.status != 404:
            raise
        claimed.note(delivery, None)
        return
    claimed.note_left_out(delivery)


class _Claimed:
    """A mailbox's drafts of a notice, claimed while they are checked."""

    def __init__(
        self,
        workspace: Workspace,
        notice: Notice,
        mailbox: str,
        states: tuple[DeliveryState, ...] = _IN_GMAIL,
    ) -> None:
        self._workspace = workspace
        self._notice = notice
        self._mailbox = mailbox
        self._states = states
        self._holder = holder_name()
        self._known: Mapping[int, str] = {}
        self._files: list[AttachedFile] = []
        self.deliveries: list[Delivery] = []

    def __enter__(self) -> _Claimed:
        now = self._workspace.wall()
        with self._workspace.ledger.write() as connection:
            self._files = plans.attachments_of(connection, self._notice.id)
            self.deliveries = claims.claim(
                connection,
                self._notice.id,
                sender=self._mailbox,
                holder=self._holder,
                gone=(),
                limit=_AT_ONCE,
                now=now,
                until=now + _LEASE,
                states=self._states,
            )
            self._known = {
                delivery.id: content.message_id
                for delivery, content in edited_drafts.waiting(connection, self._notice.id)
            }
        return self

    def __exit__(self, *_: object) -> None:
        with self._workspace.ledger.write() as connection:
            claims.release_claims(connection, self._notice.id, holder=self._holder)

    @contextlib.contextmanager
    def extended(self, delivery: Delivery) -> Iterator[bool]:
        """Extend the claim on a delivery; inside, calls are made only as long as it lasts.

        Gives False if another process has the delivery now.
        """
        lease = Lease(_LEASE)
        with self._workspace.ledger.write() as connection:
            until = self._workspace.wall() + _LEASE
            is_ours = claims.renew_claim(connection, delivery.id, holder=self._holder, until=until)
        with only_while(lease.holds):
            yield is_ours

    def known_message(self, delivery: Delivery) -> str:
        """The message id that a draft had when it was last seen."""
        if delivery.state is DeliveryState.EDITED:
            return self._known.get(delivery.id, "")
        return delivery.draft_message_id

    def is_edit_undone(self, delivery: Delivery) -> bool:
        """Whether the last content that was seen of an edited draft is our own again."""
        if delivery.state is not DeliveryState.EDITED:
            return False
        with self._workspace.ledger.read() as connection:
            seen = edited_drafts.content(connection, delivery.id, self.known_message(delivery))
        return (
            seen is not None
            and seen.raw is not None
            and says_the_same(self._workspace, self._notice, self._files, delivery, seen.raw)
        )

    def note_gone(self, delivery: Delivery) -> list[Delivery]:
        """Leave a draft that isn't listed to the sender, which finds out why."""
        if delivery.state is DeliveryState.EDITED:
            self.note(delivery, None)
        return [delivery]

    def note(self, delivery: Delivery, read: DraftRead | None) -> None:
        """Record a draft's state: as we wrote it, edited, or gone."""
        if read is None or read.seen.is_sent:
            if delivery.state is DeliveryState.EDITED:
                gone_at = self._workspace.wall()
                self.move(delivery, DeliveryState.DRAFTED, gone_at=gone_at)
            return
        if says_the_same(self._workspace, self._notice, self._files, delivery, read.raw):
            self.move(delivery, DeliveryState.DRAFTED, draft_message_id=read.seen.message_id)
            return
        with self._workspace.ledger.write() as connection:
            if delivery.state is DeliveryState.EDITED or self._moved(
                connection, delivery, DeliveryState.EDITED
            ):
                edited_drafts.note_content(
                    connection,
                    delivery.id,
                    read.seen.message_id,
                    read.raw,
                    at=self._workspace.wall(),
                )

    def move(self, delivery: Delivery, after: DeliveryState, **facts: object) -> None:
        """Move a delivery, if we still hold it; decisions about other contents are overtaken."""
        with self._workspace.ledger.write() as connection:
            kept = str(facts.get("draft_message_id", ""))
            if self._moved(connection, delivery, after, **facts):
                edited_drafts.overtake(connection, [delivery.id], but=kept)

    def note_left_out(self, delivery: Delivery) -> None:
        """Record that a draft was deleted, also if another process has its delivery now."""
        move = after_deletion(delivery, LEFT_OUT)
        with self._workspace.ledger.write() as connection:
            if self._moved(connection, delivery, move.after, **move.facts):
                edited_drafts.overtake(connection, [delivery.id], but="")
            elif move.after is DeliveryState.FAILED:
                deliveries.prove_deleted(
                    connection, delivery.id, deleted_draft=delivery.draft_id, facts=move.facts
                )

    def _moved(
        self, connection: Connection, delivery: Delivery, after: DeliveryState, **facts: object
    ) -> bool:
        transition = Transition(delivery.id, delivery.state, after, facts, call_id=delivery.call_id)
        return not deliveries.move_all(connection, [transition], holder=self._holder)


def _mailboxes(workspace: Workspace, notice: Notice) -> list[str]:
    with workspace.ledger.read() as connection:
        return [
            mailbox
            for mailbox in deliveries.senders_of(connection, notice.id)
            if deliveries.count_in(connection, notice.id, _IN_GMAIL, sender=mailbox)
        ]
