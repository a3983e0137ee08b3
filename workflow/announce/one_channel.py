"""One message to one channel: the call, and its result in the ledger and timeline.

Neither a chat nor a webhook takes an idempotency key. So the call is recorded before it is made, it
is made only while its lease holds, and only its own answer decides. An internal group gets a mail:
one delivery, sent exactly once like a customer's. The text is one Markdown source, which each
channel formats.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from workflow import templates
from workflow.chat.channels import Channel, ChannelBad, ChannelKind
from workflow.chat.posting import ChatAnswer, Outcome
from workflow.errors import BadInput
from workflow.google.transport import only_while
from workflow.incident.timeline import record_entry, record_rewording, record_strike
from workflow.ledger import announcements, deliveries, incidents, notices, plans
from workflow.ledger.announcements import Announcement, Reminder
from workflow.ledger.claims import holder_name, is_gone
from workflow.ledger.notices import Notice
from workflow.ledger.plans import PlannedMail
from workflow.mail.escape import one_line
from workflow.mail.faces import parse_body
from workflow.mail.lists.columns import AddressBad, read_address
from workflow.mail.template import MailRenderer, parse_template, shared_variables
from workflow.model import DeliveryState, Incident, Stage, TimelineEntry
from workflow.sending.deliver import Watcher, deliver
from workflow.sending.sender import Ending
from workflow.times.clocks import Lease
from workflow.workspace import Workspace, new_id

# Google Chat accepts 4,096 characters of text, and Slack recommends no more than 4,000.
_LONGEST = 3_800
_WORDS_LIMIT = 200


@dataclass(frozen=True)
class Message:
    """A message for a channel. `words` is the timeline's line, `subject` is a mail's.

    `given` is the person's text, with which the message can be written again later; None for one
    that is sent unchanged.
    """

    words: str
    subject: str
    markdown: str
    given: str | None = None


def write_message(workspace: Workspace, incident: Incident, text: str) -> Message:
    """The current message: who is affected, the severity, the status and the doc's link.

    `text` is what the person adds, "" for nothing. Raises `BadInput`, or `MailTemplateBad` for a
    template that can't be used.
    """
    found = templates.load_announcement_template(workspace)
    config = workspace.settings.config
    given = {"organisation": config.organisation, "support": config.support}
    shared = shared_variables(
        incident, now=workspace.now(), given={**given, **incident.variables}
    ) | {"text": text.strip(), "doc_url": incident.doc_url}
    template = parse_template(found.name, found.source)
    renderer = MailRenderer(template, shared, lambda name: templates.include(found, name))
    rendered = renderer.render({})
    if len(rendered.markdown) > _LONGEST:
        raise BadInput(
            f"The message has {len(rendered.markdown):,} characters, and the chats take about "
            f"{_LONGEST:,}. Say less, and put the rest into the doc. Nobody was told."
        )
    words = one_line(text, _WORDS_LIMIT) or one_line(incident.impact, _WORDS_LIMIT)
    words = words or one_line(incident.title, _WORDS_LIMIT)
    return Message(words, rendered.subject, rendered.markdown, text.strip())


# A separate kind of notice: not counted for customers, not copied into the doc, ignored by
# `resume`.
MODE = "announce"


@dataclass(frozen=True)
class Mailed:
    """The mail's state. `answer` is None while Gmail has not answered."""

    answer: ChatAnswer | None
    sign_in: str = ""


def check_group(channel: Channel) -> None:
    """Check a group's address. Raises `ChannelBad`."""
    try:
        read_address(channel.address)
    except AddressBad as bad:
        raise ChannelBad(f"{channel.name}: {channel.address}: {bad}") from bad


def plan_group_mail(
    connection: Connection,
    workspace: Workspace,
    said: Announcement | Reminder,
    channel: Channel,
    message: Message,
) -> None:
    """Freeze the mail: a notice to one recipient, with the announcement's or reminder's id."""
    to = read_address(channel.address)
    key = f"announce-{said.id}"
    notice = Notice(
        id=said.id,
        incident_id=said.incident_id,
        mode=MODE,
        stage=Stage.UPDATE,
        content_key=key,
        plan_hash=key,
        template_name="announce",
        template_source="",
        subject=message.subject,
        copy_markdown=message.markdown,
        sender="",
        recipients=1,
        said_at=said.said_at if isinstance(said, Announcement) else said.due_at,
        created_at=workspace.wall(),
        place=workspace.place,
        steps=1 if workspace.settings.config.sending.one_step else 2,
    )
    mail = PlannedMail(1, to.email, to.key, to.name, message.subject, message.markdown)
    plans.add_notice(connection, notice, [mail])


def rewrite_group_mail(
    connection: Connection, announcement: Announcement, message: Message
) -> bool:
    """Change the mail's text; False if it already has a draft."""
    return plans.rewrite_planned(
        connection, announcement.id, subject=message.subject, markdown=message.markdown
    )


def plan_group_mail_again(connection: Connection, announcement: Announcement) -> None:
    """Plan a mail again after Gmail refused it."""
    deliveries.plan_again(connection, announcement.id, DeliveryState.FAILED)


def send_group_mail(workspace: Workspace, mail_id: str) -> Mailed:
    """Send the mail of that announcement or reminder, or continue. Returns its state."""
    with workspace.ledger.read() as connection:
        notice = notices.notice_by_id(connection, mail_id)
    watcher = Watcher(lambda _counts: None, threading.Event(), threading.Event())
    sent = deliver(workspace, notice, watcher)
    with workspace.ledger.read() as connection:
        (delivery,) = deliveries.deliveries_of(connection, mail_id)
    why = sent.fault.sentence if sent.fault else ""
    sign_in = why if sent.ending is Ending.SIGN_IN else ""
    match delivery.state:
        case DeliveryState.SENT:
            inferred = delivery.evidence if delivery.evidence.startswith("inferred") else ""
            return Mailed(ChatAnswer(Outcome.TOLD, inferred, delivery.message_id))
        case DeliveryState.FAILED:
            return Mailed(ChatAnswer(Outcome.REFUSED, delivery.reason))
        case DeliveryState.UNKNOWN:
            return Mailed(ChatAnswer(Outcome.UNKNOWN, delivery.reason))
        case DeliveryState.SENDING:
            return Mailed(None, sign_in)
        case _:  # planned, or at most a draft: certainly not sent
            return Mailed(ChatAnswer(Outcome.NOT_NOW, why or "Gmail could not be reached"), sign_in)


_S = DeliveryState
_STATES = {
    Outcome.TOLD: _S.SENT,
    Outcome.REFUSED: _S.FAILED,
    Outcome.NOT_NOW: _S.PLANNED,
    Outcome.UNKNOWN: _S.UNKNOWN,
}


def tell(workspace: Workspace, incident: Incident, each: Announcement) -> str:
    """Notify one channel and record the result. Returns what the mail's sign-in lacks, or ""."""
    if each.channel == ChannelKind.MAIL:
        return _mail(workspace, incident, each)
    if each.state is _S.SENDING:
        if _is_over(workspace, each):
            reason = "the program was stopped before the answer came"
            _record(workspace, incident, each, ChatAnswer(Outcome.UNKNOWN, reason), each.call_id)
        return ""
    # Once more if this program was suspended right before its call.
    for _ in range(2):
        call = _begin(workspace, each)
        if call is None:
            break
        answer = _say(workspace, each, call)
        _record(workspace, incident, each, answer, call.id)
        if answer.outcome is not Outcome.NOT_NOW or call.lease.holds():
            break
    return ""


def _mail(workspace: Workspace, incident: Incident, each: Announcement) -> str:
    """Send a group its mail, or continue. The mail's delivery holds the claim."""
    if each.state is _S.PLANNED and _begin(workspace, each) is None:
        return ""
    mailed = send_group_mail(workspace, each.id)
    if mailed.answer is not None:
        _record(workspace, incident, each, mailed.answer)
    return mailed.sign_in


def problem_of(workspace: Workspace, channel: Channel) -> str:
    """Why a channel can't be used as it is configured; "" if it can."""
    try:
        if channel.kind is ChannelKind.MAIL:
            check_group(channel)
        else:
            workspace.chats.check(channel)
    except ChannelBad as bad:
        return str(bad)
    return ""


@dataclass(frozen=True)
class _Call:
    """A recorded call. It may only be made while its lease holds."""

    id: str
    lease: Lease


def _begin(workspace: Workspace, each: Announcement) -> _Call | None:
    """Record that the channel is about to be notified; None if it can't be, or already is.

    A missing set-up may be there next time; a channel that is no longer configured is over.
    """
    channel = _channel_of(workspace, each)
    problem = problem_of(workspace, channel) if channel else ""
    # It ends before others count the call as lost, so that no call begins after that.
    lease = Lease(timedelta(seconds=workspace.chats.timeout_seconds))
    call = _Call(new_id(10), lease)
    with workspace.ledger.write() as connection:
        if channel is None:
            reason = "the config does not name it any more"
            announcements.move(connection, each.id, _S.PLANNED, _S.FAILED, reason=reason)
            return None
        if problem:
            announcements.note_reason(connection, each.id, problem)
            return None
        is_ours = announcements.move(
            connection,
            each.id,
            _S.PLANNED,
            _S.SENDING,
            reason="",
            called_at=workspace.wall(),
            called_by=holder_name(),
            call_id=call.id,
        )
    return call if is_ours else None


def _channel_of(workspace: Workspace, each: Announcement) -> Channel | None:
    known = workspace.settings.config.announce
    return next((one for one in known if (one.kind, one.name) == (each.channel, each.target)), None)


def _say(workspace: Workspace, each: Announcement, call: _Call) -> ChatAnswer:
    channel = _channel_of(workspace, each)
    assert channel is not None  # noqa: S101 - `_begin` has seen it
    with only_while(call.lease.holds):
        return workspace.chats.tell(channel, parse_body(each.markdown))


def _is_over(workspace: Workspace, each: Announcement) -> bool:
    """Whether a call without a recorded answer can't be under way any more.

    Its process is gone, or it took too long, by a clock that somebody may have set back since. If
    its answer arrives anyway, that decides.
    """
    if each.called_at is None or is_gone(each.called_by):
        return True
    settle = timedelta(seconds=2 * workspace.chats.timeout_seconds + 1)
    return abs(workspace.wall() - each.called_at) > settle


def _record(
    workspace: Workspace,
    incident: Incident,
    each: Announcement,
    answer: ChatAnswer,
    call_id: str | None = None,
) -> None:
    """Record a message's result and its timeline entry, both or neither.

    `call_id` is the answered call; None for a mail, whose delivery knows it.
    """
    with workspace.ledger.write() as connection:
        before = announcements.announcement_by_id(connection, each.id).state
        after, reason = _STATES[answer.outcome], answer.reason
        if before is _S.UNKNOWN:
            # Others gave up on a call whose answer arrived after all.
            if after is _S.UNKNOWN or (call_id is None and after is not _S.SENT):
                return
            if after is _S.PLANNED and announcements.was_told_again(connection, each):
                after, reason = _S.FAILED, "it was told again by another message since"
        elif before is not _S.SENDING:
            return
        now = workspace.now()
        moved = announcements.move(
            connection,
            each.id,
            before,
            after,
            answered_call=call_id,
            reason=reason,
            message_id=answer.message_id,
            sent_at=now if after is _S.SENT else None,
        )
        if moved:
            _show_in_timeline(connection, incident, each, after, now)


def _show_in_timeline(
    connection: Connection,
    incident: Incident,
    each: Announcement,
    state: DeliveryState,
    at: datetime,
) -> None:
    """Update the message's timeline entry to its current state."""
    entry = incidents.entry_if_there(connection, f"told{each.id}")
    perhaps = entry if entry is not None and entry.struck_at is None else None
    if state not in {_S.SENT, _S.UNKNOWN}:
        if perhaps is not None:
            record_strike(connection, incident, perhaps, at)
        return
    text = _entry_text(each, state)
    if perhaps is not None:
        record_rewording(connection, incident, perhaps, text, at, markdown=False)
    else:
        entry_id = f"told{each.id}" if entry is None else f"told{new_id(10)}"
        record_entry(connection, incident, TimelineEntry(entry_id, at, text, at))


def _entry_text(each: Announcement, state: DeliveryState) -> str:
    where = f"at {each.target}" if each.channel == ChannelKind.MAIL else f"in {each.target}"
    doubt = " (no answer came)" if state is _S.UNKNOWN else ""
    return f"Told colleagues {where}{doubt}: {each.words}"
