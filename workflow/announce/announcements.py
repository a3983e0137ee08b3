"""Announcements to colleagues: once per channel, recorded before they are sent.

`announced_lines` and `untold_fault` give the result of each channel in words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy.engine import Connection

from workflow.announce import one_channel
from workflow.announce.one_channel import Message, problem_of, tell, write_message
from workflow.chat.channels import Channel, ChannelKind
from workflow.doc.push import Brought, bring_to_doc, waiting_fault
from workflow.errors import BadInput, NotSetUp, PostmortemError, Recorded
from workflow.ledger import announcements, incidents
from workflow.ledger.announcements import UNDECIDED, Announcement
from workflow.ledger.changes import Run
from workflow.model import DeliveryState, Incident
from workflow.same_command import record_run
from workflow.standing.overview import untold_words
from workflow.workspace import Workspace, new_id

_S = DeliveryState


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
    incident = workspace.incident()
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
            one_channel.plan_group_mail_again(connection, last)
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
        one_channel.plan_group_mail(connection, workspace, fresh, channel, message)
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
        if other is not None or (
            is_mail and not one_channel.rewrite_group_mail(connection, each, message)
        ):
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
