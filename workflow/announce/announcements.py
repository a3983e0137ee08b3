"""Announcements to colleagues: once per channel, recorded before they are sent.

Neither a chat nor a webhook takes an idempotency key. So the call is recorded before it is made, it
is made only while its lease holds, and only its own answer decides. An internal group gets a mail:
one delivery, sent exactly once like a customer's. The text is one Markdown source, which each
channel formats.

`announced_lines` and `untold_fault` give the result of each channel in words.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from sqlalchemy.engine import Connection

from workflow import templates
from workflow.chat.channels import Channel, ChannelBad, ChannelKind
from workflow.chat.posting import ChatAnswer, PostState
from workflow.doc.push import Brought, bring_to_doc, waiting_fault
from workflow.errors import BadInput, NotSetUp, PostmortemError, Recorded
from workflow.google.transport import only_while
from workflow.incident.timeline import record_entry, record_rewording, record_strike
from workflow.ledger import announcements, deliveries, incidents, notices, plans
from workflow.ledger.announcements import UNDECIDED, Announcement, Reminder
from workflow.ledger.changes import Run
from workflow.ledger.claims import holder_name, is_gone
from workflow.ledger.notices import Notice
from workflow.ledger.plans import PlannedMail
from workflow.mail.escape import one_line
from workflow.mail.faces import parse_body
from workflow.mail.list_columns import AddressBad, read_address
from workflow.mail.template import MailRenderer, parse_template, shared_variables
from workflow.model import DeliveryState, Incident, Stage, TimelineEntry
from workflow.same_command import record_run
from workflow.sending.deliver import Watcher, deliver
from workflow.sending.sender import Ending
from workflow.standing import other_ledgers
from workflow.standing.overview import untold_words
from workflow.times.clocks import Lease
from workflow.workspace import Workspace, new_id

# --- One channel ----------------------------------------------------------------------------------

_S = DeliveryState

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
            return Mailed(ChatAnswer(PostState.TOLD, inferred, delivery.message_id))
        case DeliveryState.FAILED:
            return Mailed(ChatAnswer(PostState.REFUSED, delivery.reason))
        case DeliveryState.UNKNOWN:
            return Mailed(ChatAnswer(PostState.UNKNOWN, delivery.reason))
        case DeliveryState.SENDING:
            return Mailed(None, sign_in)
        case _:  # planned, or at most a draft: certainly not sent
            return Mailed(
                ChatAnswer(PostState.NOT_NOW, why or "Gmail could not be reached"), sign_in
            )


_STATES = {
    PostState.TOLD: _S.SENT,
    PostState.REFUSED: _S.FAILED,
    PostState.NOT_NOW: _S.PLANNED,
    PostState.UNKNOWN: _S.UNKNOWN,
}


def tell(workspace: Workspace, incident: Incident, each: Announcement) -> str:
    """Notify one channel and record the result. Returns what the mail's sign-in lacks, or ""."""
    if each.channel == ChannelKind.MAIL:
        return _mail(workspace, incident, each)
    if each.state is _S.SENDING:
        if _is_over(workspace, each):
            reason = "the program was stopped before the answer came"
            _record(workspace, incident, each, ChatAnswer(PostState.UNKNOWN, reason), each.call_id)
        return ""
    # Once more if this program was suspended right before its call.
    for _ in range(2):
        call = _begin(workspace, each)
        if call is None:
            break
        answer = _say(workspace, each, call)
        _record(workspace, incident, each, answer, call.id)
        if answer.outcome is not PostState.NOT_NOW or call.lease.holds():
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


# --- All channels ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Announced:
    """The result of an announcement: the state of each channel's message.

    `had_it` are the ids of those that had the same message before. `sign_in` says what a mail's
    sign-in lacks, "" for nothing.
    """

    incident: Incident
    told: tuple[Announcement, ...]
    brought: Brought
    had_it: frozenset[str] = frozenset()
    sign_in: str = ""


def channels_to_tell(workspace: Workspace, names: Sequence[str] = ()) -> list[Channel]:
    """The configured channels, or those with these names. Each is checked.

    Raises `NotSetUp` if there is none or one can't be used, `BadInput` for an unknown name.
    """
    known = workspace.settings.config.announce
    if not known:
        raise NotSetUp(
            "No channel for colleagues is set up, and nothing was recorded. Add one to "
            f'{workspace.settings.config_path}: [[announce]] with kind = "slack_webhook", '
            'name = "#incidents", url_file = "slack-webhook".'
        )
    chosen = [_named(known, name) for name in names] or list(known)
    problems = [problem for channel in chosen if (problem := problem_of(workspace, channel))]
    if problems:
        rest = len(chosen) > len(problems)
        way_out = " Or tell the others alone with --to." if rest else ""
        raise NotSetUp(f"Nobody was told. {' '.join(problems)}{way_out}")
    return list(dict.fromkeys(chosen))


def _named(known: Sequence[Channel], name: str) -> Channel:
    wanted = name.strip().lstrip("#").casefold()
    found = [each for each in known if each.name.lstrip("#").casefold().startswith(wanted)]
    exact = [each for each in found if each.name.lstrip("#").casefold() == wanted]
    if wanted and len(exact or found) == 1:
        return (exact or found)[0]
    names = ", ".join(channel.name for channel in known)
    which = "fits more than one channel" if wanted and found else "is not a channel"
    raise BadInput(f"{name!r} {which}. The config has: {names}. Nobody was told.")


def announce(workspace: Workspace, text: str = "", *, only: Sequence[str] = ()) -> Announced:
    """Send each channel the current state, with `text` if given, and log it.

    `only` names some channels; none means all. A channel that already has exactly this message is
    skipped. Raises `NotSetUp` or `BadInput` before anything is recorded.
    """
    incident = other_ledgers.with_status_in_doc(workspace, workspace.incident())
    channels = channels_to_tell(workspace, only)
    message = write_message(workspace, incident, text)
    with workspace.ledger.write() as connection:
        announcements.lock_incident(connection, incident.id)
        planned = [
            _planned(connection, workspace, incident, channel, message) for channel in channels
        ]
        record_run(connection, workspace, incident.id, announcements=[each.id for each in planned])
    had_it = frozenset(each.id for each in planned if each.state not in announcements.UNDECIDED)
    return _finish(workspace, incident, planned, had_it)


def announced_by(workspace: Workspace, run: Run) -> Announced:
    """Send the messages of an earlier run that were certainly not sent."""
    with workspace.ledger.read() as connection:
        incident = incidents.incident_by_id(connection, run.incident_id)
        planned = [
            announcements.announcement_by_id(connection, each) for each in run.made["announcements"]
        ]
    had_it = frozenset(each.id for each in planned if each.state not in announcements.UNDECIDED)
    return _finish(workspace, incident, planned, had_it)


def tell_again(workspace: Workspace, name: str) -> Announced:
    """Send a channel its last message again, after the person agreed. Raises as `announce`."""
    incident = workspace.incident()
    (channel,) = channels_to_tell(workspace, [name])
    last = last_told(workspace, channel.name)
    message = Message(last.words, f"{incident.title} ({incident.status.label})", last.markdown)
    with workspace.ledger.write() as connection:
        announcements.lock_incident(connection, incident.id)
        planned = _planned(connection, workspace, incident, channel, message)
        if planned.state in {_S.SENT, _S.UNKNOWN}:
            planned = _plan_anew(connection, workspace, incident, channel, message)
    return _finish(workspace, incident, [planned], frozenset())


def last_told(workspace: Workspace, name: str) -> Announcement:
    """The last message to a channel about the incident. Raises `BadInput` if there is none."""
    incident = workspace.incident()
    channel = _named(workspace.settings.config.announce, name)
    with workspace.ledger.read() as connection:
        told = announcements.announcements_of(connection, incident.id)
    mine = [each for each in told if each.target == channel.name]
    if not mine:
        raise BadInput(f"{channel.name} was told nothing of this incident yet: postmortem announce")
    return mine[-1]


def finish_waiting(workspace: Workspace) -> list[Announced]:
    """Send unsent messages of all incidents, and decide those that were interrupted."""
    with workspace.ledger.read() as connection:
        waiting = announcements.undecided(connection, profile=workspace.settings.profile)
    waiting.sort(key=lambda each: each.incident_id)
    found = []
    for incident_id, rows in groupby(waiting, key=lambda each: each.incident_id):
        with workspace.ledger.read() as connection:
            incident = incidents.incident_by_id(connection, incident_id)
        found.append(_finish(workspace, incident, list(rows), frozenset()))
    return found


def _planned(
    connection: Connection,
    workspace: Workspace,
    incident: Incident,
    channel: Channel,
    message: Message,
) -> Announcement:
    """The row of this message to this channel: the existing one, or a new one."""
    last = announcements.latest_with_words(
        connection, incident.id, channel.kind.value, channel.name, message.markdown
    )
    if last is None:
        return _plan_anew(connection, workspace, incident, channel, message)
    if last.state is _S.FAILED:
        announcements.move(connection, last.id, _S.FAILED, _S.PLANNED, reason="")
        if channel.kind is ChannelKind.MAIL:
            plan_group_mail_again(connection, last)
    return announcements.announcement_by_id(connection, last.id)


def _plan_anew(
    connection: Connection,
    workspace: Workspace,
    incident: Incident,
    channel: Channel,
    message: Message,
) -> Announcement:
    fresh = Announcement(
        id=new_id(10),
        incident_id=incident.id,
        channel=channel.kind.value,
        target=channel.name,
        words=message.words,
        markdown=message.markdown,
        said_at=workspace.now(),
        given=message.given,
    )
    announcements.add_announcement(connection, fresh)
    if channel.kind is ChannelKind.MAIL:
        plan_group_mail(connection, workspace, fresh, channel, message)
    return fresh


def _finish(
    workspace: Workspace,
    incident: Incident,
    planned: Sequence[Announcement],
    had_it: frozenset[str],
) -> Announced:
    """Notify each channel in turn, then update the doc's timeline."""
    sign_in = ""
    for each in planned:
        if each.id not in had_it:
            as_of_now = _as_of_now(workspace, each)
            sign_in = tell(workspace, incident, as_of_now) or sign_in
    brought = bring_to_doc(workspace, incident.id)
    with workspace.ledger.read() as connection:
        told = tuple(announcements.announcement_by_id(connection, each.id) for each in planned)
    return Announced(brought.incident, told, brought, had_it, sign_in)


def _as_of_now(workspace: Workspace, each: Announcement) -> Announcement:
    """An unsent message, with the current status and doc link.

    Unchanged if the person chose its text, if a mail already has a draft, or if another message
    will tell the channel the same.
    """
    if each.state is not _S.PLANNED or each.given is None:
        return each
    with workspace.ledger.read() as connection:
        incident = incidents.incident_by_id(connection, each.incident_id)
    try:
        message = write_message(workspace, incident, each.given)
    except BadInput:  # the template was changed since
        return each
    if message.markdown == each.markdown:
        return each
    with workspace.ledger.write() as connection:
        announcements.lock_incident(connection, incident.id)
        other = announcements.latest_with_words(
            connection, incident.id, each.channel, each.target, message.markdown
        )
        is_mail = each.channel == ChannelKind.MAIL
        if other is not None or (is_mail and not rewrite_group_mail(connection, each, message)):
            return each
        announcements.rewrite(connection, each.id, message.words, message.markdown)
        return announcements.announcement_by_id(connection, each.id)


def announced_lines(announced: Announced) -> Iterator[tuple[bool, str]]:
    """A line for each channel, and whether it has the message."""
    for each in announced.told:
        if each.id in announced.had_it and each.state is DeliveryState.SENT:
            yield True, f"{each.target} already has this message. It was not sent again."
        elif each.state is DeliveryState.SENT:
            inferred = f" ({each.reason})" if each.reason else ""
            yield True, f"Told colleagues {where(each)}{inferred}"
        else:
            yield False, f"{each.target}: {untold_words(each)}"


def where(each: Announcement) -> str:
    """The place of a channel's readers: `in #incidents`, `at team@example.com`."""
    return f"at {each.target}" if each.channel == "mail" else f"in {each.target}"


def untold_fault(announced: Sequence[Announced]) -> PostmortemError | None:
    """The channels without the message, and the next step; None if there are none."""
    told = [each for one in announced for each in one.told]
    waiting = [each for each in told if each.state in UNDECIDED]
    sign_in = next((one.sign_in for one in announced if one.sign_in), "")
    names = ", ".join(dict.fromkeys(each.target for each in waiting))
    if sign_in:
        return NotSetUp(f"Recorded, but {names} was not told yet. {sign_in} Then: postmortem sync")
    if waiting:
        words = f"Recorded, but {names} may not have the message yet. Later: postmortem sync"
        return Recorded(words)
    faults = (waiting_fault(one.brought) for one in announced)
    return next((fault for fault in faults if fault is not None), None)
