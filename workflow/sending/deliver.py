"""Deliver a notice from the ledger with all its mailboxes at once.

Also finds two exceptions in the mailboxes. Mails that people sent with other text than ours: what
they sent, and to whom. And drafts without a row in the ledger: their creation was requested and the
answer was lost.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from email import message_from_bytes, policy
from itertools import groupby
from typing import TypeVar

from sqlalchemy.engine import Connection

from workflow.doc.notices import ground_of, reserve
from workflow.google.client import Google
from workflow.google.drive import Account
from workflow.google.faults import GoogleFault, Refused, SignInNeeded, Undecided, Unreachable
from workflow.google.gmail import Gmail
from workflow.ledger import deliveries, edited_drafts, notices, plans
from workflow.ledger.databases.storage import Ledger
from workflow.ledger.deliveries import Delivery
from workflow.ledger.faults import LedgerOutOfReach
from workflow.ledger.notices import Notice, RowLeftOut
from workflow.ledger.plans import AttachedFile
from workflow.mail.content import (
    Difference,
    MailContent,
    address_key,
    differences,
    goes_to,
    read_content,
)
from workflow.mail.faces import parse_body, text_face
from workflow.mail.list_columns import AddressBad, read_address
from workflow.model import DeliveryCounts, DeliveryState, DraftDecision, MailTransport
from workflow.sending.delivery_steps import AFTER_A_LOOK, BY_A_PERSON, FOUND_SENT, Call
from workflow.sending.hands import LedgerWait, Limits, Pacing, rerun
from workflow.sending.mail_writer import MailWriter, own_message_id, visible_sender, write_mail
from workflow.sending.mailbox import (
    Carrier,
    DraftsInMailbox,
    GmailCarrier,
    MailReader,
    RelayCarrier,
    side_by_side,
)
from workflow.sending.sender import Ending, Order, Sender, SenderEnd, give_up
from workflow.workspace import Workspace

# More than Google's clock and ours may differ.
_CLOCKS_DIFFER = timedelta(days=1)
_TRIES_TO_CLEAR = 3
# A longer wait is told.
_SILENT_SECONDS = 3.0


@dataclass(frozen=True)
class DraftsLeft:
    """What a search for drafts without a row left behind.

    `fault` is why it could not search. `edited` are the customers whose second draft has other text
    by now: a person has to look at it.
    """

    fault: GoogleFault | None = None
    edited: tuple[str, ...] = ()


NO_DRAFTS_LEFT = DraftsLeft()


def clear_orphans(
    workspace: Workspace, notice: Notice, watcher: Watcher | None = None
) -> DraftsLeft:
    """Delete a notice's drafts without a row in the ledger, from all its mailboxes.

    Somebody could send such a draft by hand. It is deleted only if it is exactly what this program
    wrote, to a recipient of this notice whose mail no process is drafting right now. A lost answer
    is tried again. The notice counts as searched (`orphans_possible`) only after a whole search at
    a time when Gmail has carried out all that was asked; with a `watcher`, wait for that time.
    """
    left = DraftsLeft()
    for _ in range(_TRIES_TO_CLEAR):
        with workspace.ledger.read() as connection:
            notice = notices.notice_by_id(connection, notice.id)
            mailboxes = deliveries.senders_of(connection, notice.id)
        if not notice.orphans_possible:
            return DraftsLeft()
        if watcher is not None and not _drafting_is_over(workspace, notice, watcher):
            return left
        began_at = workspace.wall()
        search = _Search(workspace, notice)
        try:
            if makes_drafts(notice):
                for mailbox in mailboxes:
                    search.clear(mailbox)
        except (Undecided, Unreachable) as fault:
            left = DraftsLeft(fault)
            continue
        except GoogleFault as fault:
            return DraftsLeft(fault)
        if search.is_whole:
            with workspace.ledger.write() as connection:
                notices.clear_orphans_possible(connection, notice.id, began_at)
        return DraftsLeft(edited=tuple(search.edited))
    return left


def makes_drafts(notice: Notice) -> bool:
    """Whether the notice's mails are drafts in Gmail first."""
    return notice.transport is MailTransport.GMAIL and notice.steps == 2


def _drafting_is_over(workspace: Workspace, notice: Notice, watcher: Watcher) -> bool:
    """Wait until Gmail makes no more drafts of the notice; False if the person ended the wait."""
    seconds = 0.0
    if notice.orphans_until is not None:
        seconds = (notice.orphans_until - workspace.wall()).total_seconds()
    if not 0 < seconds <= notices.LONGEST_DRAFTING.total_seconds():
        return True
    if seconds > _SILENT_SECONDS:
        watcher.say(
            f"Checking for {round(seconds)} s that Gmail makes no draft twice. Everything is "
            "recorded: Ctrl-C ends the check, and resume repeats it."
        )
    watcher.at_work.set()
    try:
        return not watcher.stop.wait(seconds)
    finally:
        watcher.at_work.clear()


class _Search:
    """A search for one notice's drafts without a row."""

    def __init__(self, workspace: Workspace, notice: Notice) -> None:
        self._workspace = workspace
        self._notice = notice
        self.edited: list[str] = []
        self._is_whole = True

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left to look at or to decide."""
        return self._is_whole and not self.edited

    def clear(self, mailbox: str) -> None:
        """Search one mailbox, as far as the pace has room. Raises GoogleFault."""
        gmail = gmail_of(self._workspace, self._notice, mailbox)
        pacing = _pacing(self._workspace, self._notice, mailbox)
        drafts = DraftsInMailbox(gmail, self._workspace.wall)
        with self._workspace.ledger.read() as connection:
            known = deliveries.known_draft_ids(connection)
        since = self._notice.created_at - _CLOCKS_DIFFER
        if not self._may(pacing, Call.LOOK):
            return
        for draft in gmail.list_drafts(f"after:{int(since.timestamp())}"):
            if draft.id in known:
                continue
            if not self._may(pacing, Call.LOOK):
                return
            mine = self._delivery_of(draft.id, gmail.draft_headers(draft.id))
            if mine is None:  # a person's own, which is read no further
                continue
            if not self._may(pacing, Call.LOOK, Call.WITHDRAW):
                return
            if _has_words_of(mine, gmail.get_draft_raw(draft.id)):
                drafts.take_back(draft.id)
            else:
                self.edited.append(mine.email)

    def _may(self, pacing: Pacing, *calls: Call) -> bool:
        """Whether the pace has room for these calls, which are counted then."""
        with self._workspace.ledger.share() as connection:
            pacing.look(connection)
            may = all(pacing.take(call) for call in calls)
            pacing.spend(connection)
        self._is_whole &= may
        return may

    def _delivery_of(self, draft_id: str, headers: dict[str, str]) -> Delivery | None:
        """The delivery that a draft without a row was made for, by its recipient and subject.

        None for a draft that belongs to another row by now, or may: any notice's, in this moment.
        """
        read = policy.default.header_factory
        addresses = list(getattr(read("to", headers.get("to", "")), "addresses", ()))
        if len(addresses) != 1:
            return None
        try:
            key = read_address(addresses[0].addr_spec).key
        except AddressBad:
            return None
        with self._workspace.ledger.read() as connection:
            rows = deliveries.deliveries_to(connection, key)
        subject = str(read("subject", headers.get("subject", "")))
        mine = next((each for each in rows if each.notice_id == self._notice.id), None)
        if mine is None or subject != mine.subject:
            return None
        if any(each.draft_id == draft_id for each in rows):
            return None
        if any(each.state is DeliveryState.DRAFTING for each in rows):
            self._is_whole = False  # its answer may be on its way to another process
            return None
        return mine


def _has_words_of(delivery: Delivery, raw: bytes) -> bool:
    body = message_from_bytes(raw, policy=policy.default).get_body(("plain",))
    written = text_face(parse_body(delivery.markdown))
    return body is not None and str(body.get_content()).split() == written.split()


def says_the_same(
    workspace: Workspace,
    notice: Notice,
    files: list[AttachedFile],
    delivery: Delivery,
    raw: bytes,
) -> bool:
    """Whether a message reads as the mail that we wrote for a delivery. Makes no call."""
    ours = our_content(workspace, notice, files, delivery)
    return not differences_from(notice, delivery, ours, read_content(raw))


def _is_as_agreed(
    workspace: Workspace,
    notice: Notice,
    files: list[AttachedFile],
    delivery: Delivery,
    raw: bytes,
) -> bool:
    """Whether a draft with a new message id still reads as the mail that a person agreed to.

    If they agreed to an edit of it, our own text is another change: the record would show the edit.
    """
    with workspace.ledger.read() as connection:
        agreed = edited_drafts.content(connection, delivery.id, delivery.draft_message_id)
    if agreed is not None and agreed.decision is DraftDecision.AS_EDITED:
        return False
    return says_the_same(workspace, notice, files, delivery, raw)


def our_content(
    workspace: Workspace, notice: Notice, files: list[AttachedFile], delivery: Delivery
) -> MailContent:
    """The content of the mail that we wrote for a delivery."""
    dated = replace(delivery, sent_at=notice.created_at)
    return read_content(write_mail(notice, dated, files, workspace))


def differences_from(
    notice: Notice, delivery: Delivery, ours: MailContent, theirs: MailContent
) -> list[Difference]:
    """The differences between a message and our mail; Gmail may have replaced our From."""
    mailbox = delivery.sender or notice.sender
    own = (mailbox, visible_sender(notice, delivery))
    return differences(ours, theirs, may_be_from=frozenset(map(address_key, own)))


# Gmail's quota since May 2026; it was 5 before.
_UNITS_OF_MESSAGES_GET = 20
# Report one ending of several mailboxes: the one that needs a person most.
_GRAVEST_FIRST = (
    *(Ending.STOPPED, Ending.SIGN_IN, Ending.UNREACHABLE, Ending.SLOW_DOWN, Ending.DAILY_LIMIT),
    *(Ending.DRAFTED, Ending.DONE),
)


_T = TypeVar("_T")

# A database that starts again is back by then, and a person at a terminal still waits.
_PATIENCE_SECONDS = 20.0


@dataclass(frozen=True)
class Watcher:
    """Follow a long job and end it: `report` gets the counts, `stop` ends it.

    `at_work` is set while the job checks `stop`; at any other time it can simply be killed.
    `wait_for_ledger` gets the failure of an unreachable ledger and returns once it is reachable, or
    raises the failure. `say` shows a line about a long wait.
    """

    report: Callable[[DeliveryCounts], None]
    stop: threading.Event
    at_work: threading.Event
    wait_for_ledger: Callable[[LedgerOutOfReach], None] = give_up
    say: Callable[[str], None] = lambda _line: None

    def patient(self, ledger: Ledger) -> Watcher:
        """The same, that waits a little for the ledger if nobody waits for it already."""
        if self.wait_for_ledger is not give_up:
            return self
        waits = LedgerWait(ledger, self.say, _PATIENCE_SECONDS)
        return replace(self, wait_for_ledger=waits.until_reached)

    def through(self, job: Callable[[], _T]) -> _T:
        """Run a job that may be run again, and rerun it each time the ledger is lost."""
        return rerun(job, self.until_reached)

    def until_reached(self, fault: LedgerOutOfReach) -> None:
        """Wait for the ledger in the middle of the work, where the person may interrupt it.

        Raises `LedgerOutOfReach` if nobody waits, or the person has ended the job.
        """
        if self.stop.is_set():
            raise fault
        was_at_work = self.at_work.is_set()
        self.at_work.clear()
        try:
            self.wait_for_ledger(fault)
        finally:
            if was_at_work:
                self.at_work.set()


def deliver(
    workspace: Workspace, notice: Notice, watcher: Watcher, order: Order = Order.SEND
) -> SenderEnd:
    """Send what the notice still has to send, or withdraw it, as `order` says.

    Never raises for Google: the result says why it stopped. Raises `Overlooked` if another ledger
    wrote to customers and nobody agreed to it.
    """
    watcher = watcher.patient(workspace.ledger)
    try:
        _refuse_another_google(workspace, notice)
        account = None if notice.sender else _account(workspace.google)
    except GoogleFault as fault:
        return SenderEnd(_ending_of(fault), fault)
    ledger = workspace.ledger
    with ledger.read() if account is None else ledger.write() as connection:
        if account is not None:
            notice = _with_sender(connection, workspace, notice, account)
        mailboxes = deliveries.senders_with_work(connection, notice.id)
        files = plans.attachments_of(connection, notice.id)
        may_have_orphans = notices.notice_by_id(connection, notice.id).orphans_possible
        ground = None
        if mailboxes and notice.mode == "send" and order is Order.SEND:
            ground = ground_of(connection, notice)
    try:
        if account is None and "" in mailboxes:
            _refuse_another_account(workspace, notice)
    except GoogleFault as fault:
        return SenderEnd(_ending_of(fault), fault)
    if ground is not None:
        reserve(workspace, notice, ground)
    jobs = [
        functools.partial(_send_from, workspace, notice, files, watcher, mailbox, order)
        for mailbox in mailboxes
    ]
    watcher.at_work.set()
    try:
        endings = side_by_side(jobs, watcher.stop)
        if watcher.stop.is_set():
            return SenderEnd(Ending.STOPPED)
        sent = _together(endings)
        may_have_orphans = may_have_orphans or any(each.orphans_possible for each in endings)
        if sent.ending in {Ending.DONE, Ending.DRAFTED} and may_have_orphans:
            clear_orphans(workspace, notice)
        return sent
    finally:
        watcher.at_work.clear()


def _together(endings: list[SenderEnd]) -> SenderEnd:
    """The ending that needs a person most, and the first instant at which any part continues."""
    if not endings:
        return SenderEnd(Ending.DONE)
    gravest = min(endings, key=lambda sent: _GRAVEST_FIRST.index(sent.ending))
    instants = [sent.resume_at for sent in endings if sent.resume_at is not None]
    return SenderEnd(
        gravest.ending, gravest.fault, min(instants) if instants else None, gravest.sender
    )


def _send_from(
    workspace: Workspace,
    notice: Notice,
    files: list[AttachedFile],
    watcher: Watcher,
    mailbox: str,
    order: Order,
) -> SenderEnd:
    """Send, or withdraw, one mailbox's mails; "" is the notice's own mailbox."""
    try:
        carrier = _carrier(workspace, notice, files, mailbox)
    except GoogleFault as fault:
        return SenderEnd(_ending_of(fault), fault, sender=mailbox)
    sender = Sender(
        workspace.ledger,
        notice,
        carrier,
        _pacing(workspace, notice, mailbox),
        workspace.wall,
        mailbox=mailbox,
        order=order,
        timeout_seconds=workspace.settings.config.sending.timeout_seconds,
        stop=watcher.stop,
        report=watcher.report,
        until_reached=watcher.until_reached,
        say=watcher.say,
    )
    return sender.run()


def _pacing(workspace: Workspace, notice: Notice, mailbox: str) -> Pacing:
    limits = _limits(workspace, notice)
    return Pacing(mailbox or notice.sender, limits, workspace.wall, notice.transport)


def _limits(workspace: Workspace, notice: Notice) -> Limits:
    sending, smtp = workspace.settings.config.sending, workspace.settings.config.smtp
    if notice.transport is MailTransport.SMTP_RELAY:
        return Limits(smtp.messages_per_minute, smtp.daily_limit, sending.in_flight)
    return Limits(
        sending.units_per_minute,
        sending.daily_limit,
        sending.in_flight,
        units_to_read_a_thread=_UNITS_OF_MESSAGES_GET if sending.read_threads else 0,
    )


def _carrier(
    workspace: Workspace, notice: Notice, files: list[AttachedFile], mailbox: str
) -> Carrier:
    """The carrier of this mailbox's mails. Raises GoogleFault if it can't be used.

    Only the mailbox that created a draft can say what happened to it: in another one every draft is
    missing, which would look like sent. So check who is signed in before anything else.
    """
    if notice.transport is MailTransport.SMTP_RELAY:
        return RelayCarrier(
            workspace.relay,
            notice.from_address or notice.sender,
            MailWriter(workspace, notice, files).write,
            functools.partial(own_message_id, notice),
        )
    gmail, name = mailbox_of(workspace, mailbox) if mailbox else (workspace.google.gmail, "")
    writer = MailWriter(workspace, notice, files, gmail=gmail, own_name=name)
    is_as_agreed = functools.partial(_is_as_agreed, workspace, notice, files)
    return GmailCarrier(gmail, writer.write, workspace.wall, is_as_agreed)


def gmail_of(workspace: Workspace, notice: Notice, mailbox: str) -> Gmail:
    """The mailbox of a notice that holds a draft; "" is its own. Raises GoogleFault for another."""
    if mailbox:
        return mailbox_of(workspace, mailbox)[0]
    if notice.sender:  # else this very run has set the sender
        _refuse_another_account(workspace, notice)
    return workspace.google.gmail


def mailbox_of(workspace: Workspace, mailbox: str) -> tuple[Gmail, str]:
    """One of several mailboxes, and the name of its account. Raises GoogleFault."""
    google = workspace.google_as(mailbox)
    try:
        account = _account(google)
    except SignInNeeded as needed:
        if needed.reason != "invalid_grant" or not workspace.settings.config.senders:
            raise
        raise SignInNeeded(
            f"Google does not let the service account act for {mailbox}. See that there is such a "
            "mailbox, and that the key in sign_in.file still holds.",
            reason=needed.reason,
            detail=needed.detail,
        ) from needed
    _refuse_another(account, mailbox, "These mails are sent by")
    return google.gmail, account.name


def _ending_of(fault: GoogleFault) -> Ending:
    return Ending.SIGN_IN if isinstance(fault, SignInNeeded) else Ending.UNREACHABLE


def _with_sender(
    connection: Connection, workspace: Workspace, notice: Notice, account: Account
) -> Notice:
    """The notice with the account that sends it; the account stays from the first mail on."""
    name = notice.sender_name or workspace.settings.config.sender_name or account.name
    notices.set_sender(connection, notice.id, account.email, name)
    return notices.notice_by_id(connection, notice.id)


def _refuse_another_account(workspace: Workspace, notice: Notice) -> None:
    """Raise `SignInNeeded` if another account is signed in than the notice's sender.

    A relay needs nobody's mailbox, so anybody may continue.
    """
    if notice.transport is not MailTransport.SMTP_RELAY:
        _refuse_another(_account(workspace.google), notice.sender, "This notice is sent by")


def _refuse_another_google(workspace: Workspace, notice: Notice) -> None:
    """Raise if the notice began at another Google server.

    An account of the same name there has another mailbox, without our drafts.
    """
    begun_at = notice.place or workspace.place
    if begun_at != workspace.place:
        raise SignInNeeded(
            f"This notice was begun at {begun_at}, and this command talks to {workspace.place}. "
            "Continue there: see POSTMORTEM_GOOGLE_URL and google_url in the config.",
            reason="otherGoogle",
        )


def _refuse_another(account: Account, sender: str, said: str) -> None:
    if account.email.casefold() != sender.casefold():
        raise SignInNeeded(
            f"{said} {sender}, and {account.email} is signed in. Sign in as {sender} to continue.",
            reason="otherAccount",
        )


def _account(google: Google) -> Account:
    """The signed-in account. A sign-in without Drive asks Gmail. Raises GoogleFault."""
    try:
        return google.drive.account()
    except (Refused, SignInNeeded) as no_drive:
        try:
            return Account(google.gmail.address(), "")
        except (Refused, SignInNeeded):
            raise no_drive from None


# If our call's answer was lost and the mail is found sent, a person may have sent it first, edited.
_MAY_BE_EDITED = (BY_A_PERSON, FOUND_SENT)


def may_have_left_edited(connection: Connection, notice: Notice) -> bool:
    """Whether `note_words_that_left` has anything to read or report."""
    unread = (*_MAY_BE_EDITED, AFTER_A_LOOK)
    by_hand = edited_drafts.unread_sent_by_hand(connection, notice.id, unread)
    return bool(by_hand) or bool(edited_drafts.edited_and_sent(connection, notice.id))


def note_words_that_left(workspace: Workspace, notice: Notice) -> None:
    """Read mails that people sent by hand, and check the recipients of edited mails.

    What can't be read now is read later: it doesn't keep a notice from being finished.
    """
    with workspace.ledger.read() as connection:
        by_hand = edited_drafts.unread_sent_by_hand(connection, notice.id, _MAY_BE_EDITED)
    for delivery in by_hand:
        _read_sent_by_hand(workspace, notice, delivery)
    _read_what_was_looked_at(workspace, notice)
    with workspace.ledger.write() as connection:
        for delivery, left in edited_drafts.edited_and_sent(connection, notice.id):
            if left.raw is not None:
                _readdress(connection, delivery, read_content(left.raw))


def _read_what_was_looked_at(workspace: Workspace, notice: Notice) -> None:
    """Compare drafts that were checked and then sent with the sent mails, if mails may be read.

    A person could edit a draft between the check and the sending, which follow at once.
    """
    with workspace.ledger.read() as connection:
        looked_at = edited_drafts.unread_sent_by_hand(connection, notice.id, (AFTER_A_LOOK,))
        files = plans.attachments_of(connection, notice.id)
    for mailbox, mine in groupby(sorted(looked_at, key=_mailbox), key=_mailbox):
        try:
            reader = MailReader(workspace, gmail=gmail_of(workspace, notice, mailbox))
            for delivery in mine:
                raw = reader.raw(delivery.message_id)
                _note(workspace, notice, files, delivery, raw)
        except GoogleFault:  # most sign-ins can't read mail
            continue


def _mailbox(delivery: Delivery) -> str:
    return delivery.sender


def _read_sent_by_hand(workspace: Workspace, notice: Notice, delivery: Delivery) -> None:
    try:
        raw = _sent_mail(gmail_of(workspace, notice, delivery.sender), delivery)
    except GoogleFault:
        return
    with workspace.ledger.read() as connection:
        files = plans.attachments_of(connection, notice.id)
    _note(workspace, notice, files, delivery, raw)


def _note(
    workspace: Workspace,
    notice: Notice,
    files: list[AttachedFile],
    delivery: Delivery,
    raw: bytes | None,
) -> None:
    """Write down the content of a sent mail; None if it is unknown."""
    unchanged = raw is not None and says_the_same(workspace, notice, files, delivery, raw)
    with workspace.ledger.write() as connection:
        edited_drafts.note_sent_by_hand(
            connection,
            delivery.id,
            delivery.message_id,
            raw,
            at=workspace.wall(),
            unchanged=unchanged,
        )


def _sent_mail(gmail: Gmail, delivery: Delivery) -> bytes | None:
    """Read a mail that a person sent, by the draft's id or its own; None: not possible.

    The draft's id can outlive the sending.
    """
    read = gmail.read_draft(delivery.draft_id) if delivery.draft_id else None
    if read is not None and read.seen.is_sent:
        return read.raw
    if not delivery.message_id:
        return None
    try:
        return gmail.message_raw(delivery.message_id)  # needs a scope that reads mail
    except (Refused, SignInNeeded):
        return None


def _readdress(connection: Connection, delivery: Delivery, content: MailContent) -> None:
    """Record a mail that went to another address than its customer's.

    The customer then counts as left out, and can be written to again.
    """
    if goes_to(content, delivery.email) or not content.recipients:
        return
    went_to = content.recipients[0]
    key = address_key(went_to)
    deliveries.readdress(connection, delivery.id, email=went_to, recipient_key=key)
    reason = f"{notices.WENT_ELSEWHERE}{', '.join(content.recipients)}"
    left_out = RowLeftOut(delivery.row, delivery.email, reason)
    notices.add_rows_left_out(connection, delivery.notice_id, [left_out])
