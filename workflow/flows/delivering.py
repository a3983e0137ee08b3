"""Delivering a notice from the ledger: which mailboxes send it, all at once, and what is left."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from dataclasses import dataclass

from workflow.flows.carriers import Carrier, GmailCarrier, RelayCarrier
from workflow.flows.leftovers import clear_orphans
from workflow.flows.mail_writing import MailWriter, own_message_id
from workflow.flows.pacing import Limits, Pacing
from workflow.flows.sending import Ending, Sender, Sent, give_up
from workflow.flows.side_by_side import side_by_side
from workflow.flows.workspace import Workspace
from workflow.google import Google
from workflow.google.drive import Account
from workflow.google.faults import GoogleFault, Refused, SignInNeeded
from workflow.google.gmail import Gmail
from workflow.incident import DeliveryCounts, MailTransport
from workflow.ledger import deliveries, notices, plans
from workflow.ledger.faults import LedgerOutOfReach
from workflow.ledger.notices import Notice
from workflow.ledger.plans import AttachedFile

# Gmail's quota since May 2026; five before.
_UNITS_OF_MESSAGES_GET = 20
# Where a notice's variables say which Google it was begun at: no template can name it so.
PLACE = "postmortem/google"
# What counts of several mailboxes' endings: the one that a person has most to do about.
_GRAVEST_FIRST = (
    *(Ending.STOPPED, Ending.SIGN_IN, Ending.UNREACHABLE, Ending.SLOW_DOWN, Ending.DAILY_LIMIT),
    *(Ending.DRAFTED, Ending.DONE),
)


@dataclass(frozen=True)
class Watcher:
    """How a person follows a long job and ends it: `report` gets the counts, `stop` ends it.

    `at_work` is set as long as `stop` is heeded; at any other time the job can simply be broken
    off. `wait_for_ledger` gets the fault of a ledger that can't be reached, and returns once it can
    be; where nobody waits for that, it raises the fault.
    """

    report: Callable[[DeliveryCounts], None]
    stop: threading.Event
    at_work: threading.Event
    wait_for_ledger: Callable[[LedgerOutOfReach], None] = give_up

    def until_reached(self, fault: LedgerOutOfReach) -> None:
        """Wait for the ledger in the middle of the work, where the person may break it off.

        Raises `LedgerOutOfReach` where nobody waits, or the person has ended the job.
        """
        if self.stop.is_set():
            raise fault
        self.at_work.clear()
        try:
            self.wait_for_ledger(fault)
        finally:
            self.at_work.set()


def deliver(workspace: Workspace, notice: Notice, watcher: Watcher) -> Sent:
    """Send what the notice still has to send. Never raises for Google: the answer says why not."""
    with workspace.ledger.read() as connection:
        mailboxes = deliveries.senders_with_work(connection, notice.id)
        files = plans.attachments_of(connection, notice.id)
    try:
        _refuse_another_google(workspace, notice)
        if "" in mailboxes:
            notice = _with_sender(workspace, notice)
    except GoogleFault as fault:
        return Sent(_ending_of(fault), fault)
    jobs = [functools.partial(_send_from, workspace, notice, files, watcher, m) for m in mailboxes]
    watcher.at_work.set()
    try:
        endings = side_by_side(jobs, watcher.stop)
    finally:
        watcher.at_work.clear()
    if watcher.stop.is_set():
        return Sent(Ending.STOPPED)
    sent = _together(endings)
    if sent.ending is Ending.DONE:
        clear_orphans(workspace, notice)
    return sent


def _together(endings: list[Sent]) -> Sent:
    """What a person has most to do about, and the first instant at which any of it goes on."""
    if not endings:
        return Sent(Ending.DONE)
    gravest = min(endings, key=lambda sent: _GRAVEST_FIRST.index(sent.ending))
    instants = [sent.resume_at for sent in endings if sent.resume_at is not None]
    return Sent(gravest.ending, gravest.fault, min(instants) if instants else None, gravest.sender)


def _send_from(
    workspace: Workspace,
    notice: Notice,
    files: list[AttachedFile],
    watcher: Watcher,
    mailbox: str,
) -> Sent:
    """Send what one mailbox has to send; "" is the notice's own."""
    try:
        carrier = _carrier(workspace, notice, files, mailbox)
    except GoogleFault as fault:
        return Sent(_ending_of(fault), fault, sender=mailbox)
    sender = Sender(
        workspace.ledger,
        notice,
        carrier,
        Pacing(
            mailbox or notice.sender, _limits(workspace, notice), workspace.wall, notice.transport
        ),
        workspace.wall,
        mailbox=mailbox,
        timeout_seconds=workspace.settings.config.sending.timeout_seconds,
        stop=watcher.stop,
        report=watcher.report,
        until_reached=watcher.until_reached,
    )
    return sender.run()


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
    """What carries this mailbox's mails. Raises GoogleFault where it can't be used.

    Only the mailbox that began a mail can say what became of its draft: in another one every draft
    is gone, which would look like sent. So who is signed in is asked before anything else.
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
    return GmailCarrier(gmail, writer.write)


def gmail_of(workspace: Workspace, notice: Notice, mailbox: str) -> Gmail:
    """The mailbox of a notice that holds a draft; "" is its own. Raises GoogleFault for another."""
    if mailbox:
        return mailbox_of(workspace, mailbox)[0]
    _with_sender(workspace, notice)
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


def _with_sender(workspace: Workspace, notice: Notice) -> Notice:
    """The notice with the account that sends it, which it keeps from the first mail on.

    A relay needs nobody's mailbox: there anybody may go on. Raises `SignInNeeded` for another
    account.
    """
    relays = notice.transport is MailTransport.SMTP_RELAY
    if relays and notice.sender:
        return notice
    account = _account(workspace.google)
    if notice.sender:
        _refuse_another(account, notice.sender, "This notice is sent by")
        return notice
    name = workspace.settings.config.sender_name or account.name
    with workspace.ledger.write() as connection:
        notices.set_sender(connection, notice.id, account.email, name)
        return notices.notice_by_id(connection, notice.id)


def _refuse_another_google(workspace: Workspace, notice: Notice) -> None:
    """An account of the same name at another server has another mailbox, without our drafts."""
    begun_at = notice.variables.get(PLACE, workspace.place)
    if begun_at != workspace.place:
        raise SignInNeeded(
            f"This notice was begun at {begun_at}, and this command talks to {workspace.place}. "
            "Go on with it there: see POSTMORTEM_GOOGLE_URL and google_url in the config.",
            reason="otherGoogle",
        )


def _refuse_another(account: Account, sender: str, said: str) -> None:
    if account.email.casefold() != sender.casefold():
        raise SignInNeeded(
            f"{said} {sender}, and {account.email} is signed in. "
            f"Sign in as {sender} to go on with it.",
            reason="otherAccount",
        )


def _account(google: Google) -> Account:
    """Who is signed in. A sign-in without Drive can still ask Gmail. Raises GoogleFault."""
    try:
        return google.drive.account()
    except (Refused, SignInNeeded) as no_drive:
        try:
            return Account(google.gmail.address(), "")
        except (Refused, SignInNeeded):
            raise no_drive from None
