"""Telling colleagues: each channel once, written down before anything leaves this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby

from sqlalchemy.engine import Connection

from workflow.colleagues.answers import Answer, Outcome
from workflow.colleagues.channels import Channel, ChannelBad, ChannelKind
from workflow.flows import announcing_by_mail
from workflow.flows.announcement_words import Message, write_message
from workflow.flows.doc import Brought, bring_to_doc
from workflow.flows.faults import BadInput, NotSetUp
from workflow.flows.log import record_entry
from workflow.flows.workspace import Workspace, new_id
from workflow.incident import DeliveryState, Incident, TimelineEntry
from workflow.ledger import announcements, incidents
from workflow.ledger.announcements import Announcement
from workflow.mail.faces import parse_body

_S = DeliveryState
_STATES = {
    Outcome.TOLD: _S.SENT,
    Outcome.REFUSED: _S.FAILED,
    Outcome.NOT_NOW: _S.PLANNED,
    Outcome.UNKNOWN: _S.UNKNOWN,
}


@dataclass(frozen=True)
class Announced:
    """What came of telling colleagues of an incident: each channel's message as it stands.

    `had_it` are the ids of those that had the same message before. `sign_in` says what a mail's
    sign-in lacks, "" for nothing.
    """

    incident: Incident
    told: tuple[Announcement, ...]
    brought: Brought
    had_it: frozenset[str] = frozenset()
    sign_in: str = ""


def channels_to_tell(workspace: Workspace, names: Sequence[str] = ()) -> list[Channel]:
    """The configured channels, or those of these names, each seen to be usable.

    Raises `NotSetUp` where there is none or one can't be used, `BadInput` for a name that is none.
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
    which = "fits more than one channel" if wanted and found else "is no channel"
    raise BadInput(f"{name!r} {which}. The config has: {names}. Nobody was told.")


def problem_of(workspace: Workspace, channel: Channel) -> str:
    """Why a channel can't be told as it is set up, "" where it can."""
    try:
        if channel.kind is ChannelKind.MAIL:
            announcing_by_mail.check(channel)
        else:
            workspace.chats.check(channel)
    except ChannelBad as bad:
        return str(bad)
    return ""


def announce(workspace: Workspace, text: str = "", *, only: Sequence[str] = ()) -> Announced:
    """Tell each channel what is known now, with `text` if there is one, and log it.

    `only` names some channels; none means all. A channel that has this very message is not told
    twice. Raises `NotSetUp` or `BadInput` before anything is recorded.
    """
    incident = workspace.incident()
    channels = channels_to_tell(workspace, only)
    message = write_message(workspace, incident, text)
    with workspace.ledger.write() as connection:
        announcements.lock_incident(connection, incident.id)
        planned = [
            _planned(connection, workspace, incident, channel, message) for channel in channels
        ]
    had_it = frozenset(each.id for each in planned if each.state not in announcements.UNDECIDED)
    return _finish(workspace, incident, planned, had_it)


def tell_again(workspace: Workspace, name: str) -> Announced:
    """Tell a channel its last message once more, after the person agreed. Raises as `announce`."""
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
    """What a channel was last to be told of the incident. Raises `BadInput` for nothing."""
    incident = workspace.incident()
    channel = _named(workspace.settings.config.announce, name)
    with workspace.ledger.read() as connection:
        told = announcements.announcements_of(connection, incident.id)
    mine = [each for each in told if each.target == channel.name]
    if not mine:
        raise BadInput(f"{channel.name} was told nothing of this incident yet: postmortem announce")
    return mine[-1]


def finish_waiting(workspace: Workspace) -> list[Announced]:
    """Tell what was surely not told yet, and decide what was under way, over all incidents."""
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
    """The row of this message to this channel: the one that is there, or a new one."""
    last = announcements.latest_with_words(
        connection, incident.id, channel.kind.value, channel.name, message.markdown
    )
    if last is None:
        return _plan_anew(connection, workspace, incident, channel, message)
    if last.state is _S.FAILED:
        announcements.move(connection, last.id, _S.FAILED, _S.PLANNED, reason="")
        if channel.kind is ChannelKind.MAIL:
            announcing_by_mail.plan_again(connection, last)
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
    )
    announcements.add_announcement(connection, fresh)
    if channel.kind is ChannelKind.MAIL:
        announcing_by_mail.plan(connection, workspace, fresh, channel, message)
    return fresh


def _finish(
    workspace: Workspace,
    incident: Incident,
    planned: Sequence[Announcement],
    had_it: frozenset[str],
) -> Announced:
    """Tell each channel in turn, then bring the timeline to the doc."""
    sign_in = ""
    for each in planned:
        if each.id not in had_it:
            sign_in = _tell(workspace, incident, each) or sign_in
    brought = bring_to_doc(workspace, incident.id)
    with workspace.ledger.read() as connection:
        told = tuple(announcements.announcement_by_id(connection, each.id) for each in planned)
    return Announced(brought.incident, told, brought, had_it, sign_in)


def _tell(workspace: Workspace, incident: Incident, each: Announcement) -> str:
    """Tell one channel and write down what came of it; what a mail's sign-in lacks, or ""."""
    if each.state is _S.PLANNED and not _begin(workspace, each):
        return ""
    if each.channel == ChannelKind.MAIL:
        mailed = announcing_by_mail.send(workspace, each)
        if mailed.answer is not None:
            _record(workspace, incident, each, mailed.answer)
        return mailed.sign_in
    if each.state is _S.PLANNED:
        _record(workspace, incident, each, _say(workspace, each))
    elif _is_over(workspace, each):
        reason = "the program was stopped before the answer came"
        _record(workspace, incident, each, Answer(Outcome.UNKNOWN, reason))
    return ""


def _begin(workspace: Workspace, each: Announcement) -> bool:
    """Write down that the channel is about to be told; False when it can't be, or is already.

    What the set-up lacks may be there the next time; a channel that nobody names any more is over.
    """
    channel = _channel_of(workspace, each)
    problem = problem_of(workspace, channel) if channel else ""
    with workspace.ledger.write() as connection:
        if channel is None:
            reason = "the config does not name it any more"
            announcements.move(connection, each.id, _S.PLANNED, _S.FAILED, reason=reason)
            return False
        if problem:
            announcements.note_reason(connection, each.id, problem)
            return False
        return announcements.move(
            connection, each.id, _S.PLANNED, _S.SENDING, reason="", called_at=workspace.wall()
        )


def _channel_of(workspace: Workspace, each: Announcement) -> Channel | None:
    known = workspace.settings.config.announce
    return next((one for one in known if (one.kind, one.name) == (each.channel, each.target)), None)


def _say(workspace: Workspace, each: Announcement) -> Answer:
    channel = _channel_of(workspace, each)
    assert channel is not None  # noqa: S101 - `_begin` has seen it
    return workspace.chats.tell(channel, parse_body(each.markdown))


def _is_over(workspace: Workspace, each: Announcement) -> bool:
    """Whether a call that nobody wrote an answer down for can't be under way any more."""
    settle = timedelta(seconds=2 * workspace.chats.timeout_seconds + 1)
    return each.called_at is None or workspace.wall() - each.called_at > settle


def _record(workspace: Workspace, incident: Incident, each: Announcement, answer: Answer) -> None:
    """Write down what came of a message, and its entry in the timeline, both or neither."""
    now = workspace.now()
    sent_at = now if answer.outcome is Outcome.TOLD else None
    with workspace.ledger.write() as connection:
        moved = announcements.move(
            connection,
            each.id,
            _S.SENDING,
            _STATES[answer.outcome],
            reason=answer.reason,
            message_id=answer.message_id,
            sent_at=sent_at,
        )
        if moved and answer.outcome in {Outcome.TOLD, Outcome.UNKNOWN}:
            text = _entry_text(each, answer.outcome)
            record_entry(connection, incident, TimelineEntry(f"told{each.id}", now, text, now))


def _entry_text(each: Announcement, outcome: Outcome) -> str:
    where = f"at {each.target}" if each.channel == ChannelKind.MAIL else f"in {each.target}"
    doubt = ", as far as is known (no answer came)" if outcome is Outcome.UNKNOWN else ""
    return f"Told colleagues {where}{doubt}: {each.words}"
