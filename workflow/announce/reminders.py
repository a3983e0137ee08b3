"""Remind colleagues of a due update to customers: before and when it is due, once each.

A Slack bot's channel gets its reminders from Slack, scheduled as soon as the update is promised, so
that they come even if every laptop is closed. Other channels, and mail groups, are notified by any
of our programs that runs at the time (`watch`, `resume --watch`, the console). A reminder is
withdrawn when the update was given or the incident is closed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from workflow.announce import announcements as one_channel
from workflow.chat.channels import Channel, ChannelBad, ChannelKind
from workflow.chat.posting import PostState, slack_face
from workflow.chat.slack import Scheduled, SlackUnread
from workflow.errors import BadInput
from workflow.ledger import announcements, deliveries, incidents
from workflow.ledger.announcements import BEFORE, DUE, SNOOZED, Reminder, ReminderState
from workflow.ledger.notices import words_given
from workflow.mail.faces import parse_body
from workflow.model import DeliveryState, Incident, clock_text
from workflow.standing.closing_checks import next_word
from workflow.workspace import Workspace, new_id

_S = ReminderState
_BEFORE = timedelta(minutes=5)
# Slack refuses a time that has passed when the call arrives.
_LEAST_AHEAD = timedelta(seconds=5)
_MOST_AHEAD = timedelta(days=119)


@dataclass(frozen=True)
class _Wanted:
    """A reminder that an open promise needs."""

    notice_id: str
    kind: str
    due_at: datetime


def settle(workspace: Workspace) -> list[str]:
    """Plan, schedule, send and withdraw reminders as needed. Returns sentences about problems.

    Safe to run any number of times, and after a stop at any point. Makes no call if there is
    nothing to do.
    """
    channels = list(workspace.settings.config.announce)
    profile = workspace.settings.profile
    with workspace.ledger.read() as connection:
        opened = incidents.open_incidents(connection, profile=profile)
        wanted = {each.id: list(_wanted(connection, workspace, each)) for each in opened}
        known = announcements.open_ones(connection, profile=profile)
        missing = list(_missing(connection, workspace, opened, wanted, channels))
    if missing:
        with workspace.ledger.write() as connection:
            for each in missing:
                announcements.add(connection, each)
        known = sorted([*known, *missing], key=lambda each: each.due_at)
    by_name = {(each.kind.value, each.name): each for each in channels}
    problems: list[str] = []
    for each in known:
        kept = _is_wanted(each, wanted.get(each.incident_id, []))
        channel = by_name.get((each.channel, each.target))
        try:
            problem = _step(workspace, each, channel, is_wanted=kept)
        except ChannelBad as bad:
            problem = str(bad)
        if problem:
            problems.append(f"{each.target}: the reminder was not settled: {problem}")
    return list(dict.fromkeys(problems))


def snooze(workspace: Workspace, until: datetime) -> tuple[Incident, datetime]:
    """Delay the reminder to another time; the promise itself stays.

    Raises `BadInput` if no update is promised.
    """
    incident = workspace.incident()
    now = workspace.now()
    if until <= now:
        raise BadInput("A reminder is for a time to come. Nothing was changed.")
    with workspace.ledger.write() as connection:
        word = next_word(words_given(connection, incident.id), now)
        notice_id = _promising(connection, incident, word.due_at) if word else ""
        if word is None or not notice_id:
            raise BadInput(f"No update to customers of “{incident.title}” is promised.")
        for each in announcements.of_incident(connection, incident.id):
            if each.kind == SNOOZED and each.state is _S.PLANNED:
                announcements.move_reminder(connection, each.id, _S.PLANNED, _S.WITHDRAWN)
        channels = workspace.settings.config.announce
        targets = [(each.kind.value, each.name) for each in channels] or [("", "")]
        for kind, target in targets:
            text = _text(incident, SNOOZED, word.due_at)
            announcements.add(
                connection,
                Reminder(*(new_id(10), incident.id, notice_id, kind, target, SNOOZED, until, text)),
            )
    return incident, until


def _wanted(connection: Connection, workspace: Workspace, incident: Incident) -> Iterator[_Wanted]:
    """The reminders for an incident's open promise; none if the update was given."""
    now = workspace.now()
    word = next_word(words_given(connection, incident.id), now)
    notice_id = _promising(connection, incident, word.due_at) if word else ""
    if word is None or not notice_id:
        return
    snoozed = [
        each
        for each in announcements.of_incident(connection, incident.id)
        if each.kind == SNOOZED and each.notice_id == notice_id and each.state is not _S.WITHDRAWN
    ]
    for each in snoozed:
        yield _Wanted(notice_id, SNOOZED, each.due_at)
    for kind, due_at in ((BEFORE, word.due_at - _BEFORE), (DUE, word.due_at)):
        is_over = now >= word.due_at if kind == BEFORE else False
        is_snoozed = any(each.due_at > due_at for each in snoozed)
        if not is_over and not is_snoozed:
            yield _Wanted(notice_id, kind, due_at)


def _promising(connection: Connection, incident: Incident, due_at: datetime) -> str:
    """The notice that promised the open update."""
    given = words_given(connection, incident.id)
    return next((each.notice_id for each in reversed(given) if each.promised == due_at), "")


def _missing(
    connection: Connection,
    workspace: Workspace,
    opened: list[Incident],
    wanted: dict[str, list[_Wanted]],
    channels: list[Channel],
) -> Iterator[Reminder]:
    """Needed reminders that are still ahead and have no row yet."""
    now = workspace.now()
    for incident in opened:
        there = {
            (each.notice_id, each.channel, each.target, each.kind, each.due_at)
            for each in announcements.of_incident(connection, incident.id)
        }
        for each in wanted[incident.id]:
            if each.due_at <= now or each.kind == SNOOZED:
                continue
            promised = each.due_at + _BEFORE if each.kind == BEFORE else each.due_at
            for channel in channels:
                kind = channel.kind.value
                if (each.notice_id, kind, channel.name, each.kind, each.due_at) in there:
                    continue
                text = _text(incident, each.kind, promised)
                yield Reminder(
                    *(new_id(10), incident.id, each.notice_id, kind, channel.name),
                    *(each.kind, each.due_at, text),
                )


def _is_wanted(reminder: Reminder, wanted: list[_Wanted]) -> bool:
    found = _Wanted(reminder.notice_id, reminder.kind, reminder.due_at)
    return found in wanted


def _text(incident: Incident, kind: str, promised: datetime) -> str:
    when = clock_text(promised, incident.zone)
    words = {
        BEFORE: f"The update to customers is due in 5 minutes, at {when}.",
        DUE: f"The update to customers is due now ({when}).",
        SNOOZED: f"The update to customers was promised for {when} and is not sent yet.",
    }
    link = f" [The doc]({incident.doc_url})" if incident.doc_url else ""
    return f"{incident.title}: {words[kind]}{link}"


def _step(workspace: Workspace, each: Reminder, channel: Channel | None, *, is_wanted: bool) -> str:
    """Advance one reminder by one step; returns why that failed, "" if it didn't."""
    if channel is None:
        if each.state is _S.PLANNED and each.target and not is_wanted:
            _move(workspace, each, _S.WITHDRAWN)
        return ""
    if each.state in {_S.SCHEDULING, _S.WITHDRAWING, _S.SENDING}:
        return _go_on(workspace, each, channel, is_wanted=is_wanted)
    if each.state is _S.SCHEDULED:
        return _after_scheduling(workspace, each, channel, is_wanted=is_wanted)
    if not is_wanted:
        _move(workspace, each, _S.WITHDRAWN)
        return ""
    ahead = each.due_at - workspace.now()
    if channel.kind is ChannelKind.SLACK_BOT and _LEAST_AHEAD < ahead < _MOST_AHEAD:
        return _schedule(workspace, each, channel)
    return _say(workspace, each, channel) if ahead <= timedelta(0) else ""


def _go_on(workspace: Workspace, each: Reminder, channel: Channel, *, is_wanted: bool) -> str:
    """Go on where a program was stopped, or got no answer."""
    if channel.kind is ChannelKind.MAIL:
        return _go_on_mailing(workspace, each, is_wanted=is_wanted)
    return _find_out(workspace, each, channel)


def _schedule(workspace: Workspace, each: Reminder, channel: Channel) -> str:
    workspace.chats.check(channel)
    if not _move(workspace, each, _S.SCHEDULING, called_at=workspace.wall()):
        return ""
    text = slack_face(parse_body(each.text))
    answer = workspace.chats.schedule(channel).add(channel.channel, text, _post_at(workspace, each))
    now = _at(each, _S.SCHEDULING)
    match answer.outcome:
        case PostState.TOLD:
            _move(workspace, now, _S.SCHEDULED, message_id=answer.message_id)
        case PostState.NOT_NOW:
            _move(workspace, now, _S.PLANNED)
        case PostState.REFUSED:
            _move(workspace, now, _S.FAILED, reason=answer.reason)
        case PostState.UNKNOWN:
            return answer.reason  # the list of scheduled messages will tell
    return "" if answer.outcome is PostState.TOLD else answer.reason


def _after_scheduling(
    workspace: Workspace, each: Reminder, channel: Channel, *, is_wanted: bool
) -> str:
    if workspace.now() >= each.due_at:
        _move(workspace, each, _S.SENT)
        return ""
    if is_wanted:
        return ""
    workspace.chats.check(channel)
    if not _move(workspace, each, _S.WITHDRAWING, called_at=workspace.wall()):
        return ""
    return _take_back(workspace, _at(each, _S.WITHDRAWING), channel)


def _take_back(workspace: Workspace, each: Reminder, channel: Channel) -> str:
    answer = workspace.chats.schedule(channel).remove(each.message_id)
    if answer.outcome is PostState.TOLD:
        _move(workspace, each, _S.WITHDRAWN)
        return ""
    if answer.outcome is PostState.REFUSED:  # too late: Slack has posted it, or is about to
        _move(workspace, each, _S.SENT, reason=answer.reason)
        return f"it could not be taken back: {answer.reason}"
    return answer.reason


def _say(workspace: Workspace, each: Reminder, channel: Channel) -> str:
    if channel.kind is ChannelKind.MAIL:
        return _mail(workspace, each, channel)
    workspace.chats.check(channel)
    if not _move(workspace, each, _S.SENDING, called_at=workspace.wall()):
        return ""
    answer = workspace.chats.tell(channel, parse_body(each.text))
    after = {
        PostState.TOLD: _S.SENT,
        PostState.NOT_NOW: _S.PLANNED,
        PostState.REFUSED: _S.FAILED,
        PostState.UNKNOWN: _S.UNKNOWN,
    }[answer.outcome]
    _move(workspace, _at(each, _S.SENDING), after, reason=answer.reason)
    return "" if answer.outcome is PostState.TOLD else answer.reason


def _mail(workspace: Workspace, each: Reminder, channel: Channel) -> str:
    """Send a group its reminder: plan the mail with the move, then send it exactly once."""
    one_channel.check_group(channel)
    message = one_channel.Message("", _subject(each), each.text)
    with workspace.ledger.write() as connection:
        is_ours = announcements.move_reminder(
            connection, each.id, _S.PLANNED, _S.SENDING, called_at=workspace.wall()
        )
        if is_ours:
            one_channel.plan_group_mail(connection, workspace, each, channel, message)
    sending = _at(each, _S.SENDING)
    return _go_on_mailing(workspace, sending, is_wanted=True) if is_ours else ""


def _go_on_mailing(workspace: Workspace, each: Reminder, *, is_wanted: bool) -> str:
    """Send the planned mail, or continue. The mail's delivery holds the claim."""
    if not is_wanted and _has_no_draft(workspace, each):
        _move(workspace, each, _S.FAILED, reason="the update was given before it could be sent")
        return ""
    mailed = one_channel.send_group_mail(workspace, each.id)
    answer = mailed.answer
    if answer is None or answer.outcome is PostState.NOT_NOW:  # tried again by the next command
        return mailed.sign_in or (answer.reason if answer else "")
    after = {
        PostState.TOLD: _S.SENT,
        PostState.REFUSED: _S.FAILED,
        PostState.UNKNOWN: _S.UNKNOWN,
    }[answer.outcome]
    _move(workspace, each, after, reason=answer.reason)
    return "" if answer.outcome is PostState.TOLD else answer.reason


def _has_no_draft(workspace: Workspace, each: Reminder) -> bool:
    with workspace.ledger.read() as connection:
        (delivery,) = deliveries.deliveries_of(connection, each.id)
    return delivery.state is DeliveryState.PLANNED


def _subject(each: Reminder) -> str:
    """The reminder without its link, as a mail's subject."""
    return each.text.partition(" [The doc](")[0]


def _find_out(workspace: Workspace, each: Reminder, channel: Channel) -> str:
    """Find out the result of a call without a recorded answer."""
    settled = timedelta(seconds=2 * workspace.chats.timeout_seconds + 1)
    if each.called_at is not None and workspace.wall() - each.called_at < settled:
        return ""
    if each.state is _S.SENDING:
        _move(workspace, each, _S.UNKNOWN, reason="the program was stopped before the answer")
        return ""
    try:
        found = _at_slack(workspace, each, channel)
    except SlackUnread as fault:
        return str(fault)
    is_over = workspace.now() >= each.due_at
    if each.state is _S.SCHEDULING:
        if found is not None:
            _move(workspace, each, _S.SCHEDULED, message_id=found.name)
        elif is_over:
            _move(workspace, each, _S.UNKNOWN, reason="it may have been said at its time")
        else:
            _move(workspace, each, _S.PLANNED)
        return ""
    if found is None:
        _move(workspace, each, _S.SENT if is_over else _S.WITHDRAWN)
        return ""
    return _take_back(workspace, each, channel)


def _at_slack(workspace: Workspace, each: Reminder, channel: Channel) -> Scheduled | None:
    """The reminder among Slack's scheduled messages."""
    post_at = _post_at(workspace, each)
    text = slack_face(parse_body(each.text))
    for one in workspace.chats.schedule(channel).listed():
        if one.name == each.message_id:
            return one
        # To the second: the clock may have been read a moment apart.
        if not each.message_id and abs(one.post_at - post_at) <= 1 and one.text == text:
            return one
    return None


def _post_at(workspace: Workspace, each: Reminder) -> int:
    """When Slack should post it, by the wall clock: a drill's story has another."""
    at = each.due_at - workspace.now() + workspace.wall()
    return round(at.timestamp())


def _move(workspace: Workspace, each: Reminder, after: ReminderState, **facts: object) -> bool:
    with workspace.ledger.write() as connection:
        return announcements.move_reminder(connection, each.id, each.state, after, **facts)


def _at(each: Reminder, state: ReminderState) -> Reminder:
    return replace(each, state=state)
