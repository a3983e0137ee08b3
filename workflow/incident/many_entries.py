"""Many entries at once, from a paste or from Slack: all or none, and each of them once.

A Slack message or thread becomes entries with exact times, names and links, without Slack's own
lines.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import Connection

from workflow.chat.channels import Channel, ChannelBad, ChannelKind
from workflow.chat.slack import (
    SlackAway,
    SlackLink,
    SlackReader,
    SlackRefused,
    read_slack_link,
)
from workflow.config import REHEARSAL
from workflow.doc.push import Brought, bring_to_doc
from workflow.errors import BadInput, NotReached, NotSetUp
from workflow.incident.timeline import BEFORE_START, new_entry, record_entry, record_rewording
from workflow.ledger import announcements, changes, incidents
from workflow.model import Incident, TimelineEntry
from workflow.paste.reading import PastedEntry
from workflow.paste.records import markdown_of, said_in, users_in
from workflow.same_command import record_run
from workflow.workspace import Workspace

if TYPE_CHECKING:
    from workflow.ledger.changes import Run


# The source of a rewording that was made in Slack.
SLACK = "slack"
# 60 bits: two sources in one timeline never share an id.
_ID_LENGTH = 12


@dataclass(frozen=True)
class LoggedMany:
    """The entries of a paste, in its order, and the state of the doc.

    `known` are the ids of those that the timeline already had; `updated` are those among them that
    got new text, because the message was edited in Slack. `kept` are edited messages whose entries
    a person changed here: they stay, with Slack's new text.
    """

    entries: tuple[TimelineEntry, ...]
    brought: Brought
    known: frozenset[str] = frozenset()
    updated: frozenset[str] = frozenset()
    kept: tuple[tuple[TimelineEntry, str], ...] = ()


def log_many(
    workspace: Workspace,
    said: Sequence[PastedEntry],
    *,
    by: str = "",
    link: str = "",
    earliest: datetime | None = None,
    plain: bool = False,
) -> LoggedMany:
    """Record every entry, or none, and bring them to the doc together.

    `by` and `link` are for entries without their own. An entry whose source the timeline already
    has is skipped, unless its message was edited later. With `plain` no text is read as Markdown.
    Raises `BadInput` as `log` does, with the line.
    """
    incident = workspace.incident()
    entries = entries_of(workspace, said, by=by, link=link, earliest=earliest)
    with workspace.ledger.write() as connection:
        there = [_known(connection, incident, each) for each in said]
        for entry, known in zip(entries, there, strict=True):
            if known is None:
                record_entry(connection, incident, entry, markdown=not plain)
        edited = [
            (known, entry.text)
            for each, entry, known in zip(said, entries, there, strict=True)
            if known is not None and each.is_edited and _differs(known, entry.text)
        ]
        touched = _reworded_here(connection, incident.id)
        for known, words in edited:
            if known.id not in touched:
                record_rewording(
                    connection,
                    incident,
                    known,
                    words,
                    workspace.now(),
                    markdown=not plain,
                    source=SLACK,
                )
        kept = tuple(
            incidents.entry_by_id(connection, known.id) if known else entry
            for entry, known in zip(entries, there, strict=True)
        )
        record_run(connection, workspace, incident.id, entries=[entry.id for entry in kept])
    return LoggedMany(
        kept,
        bring_to_doc(workspace, incident.id),
        frozenset(known.id for known in there if known is not None),
        frozenset(known.id for known, _ in edited if known.id not in touched),
        tuple((known, words) for known, words in edited if known.id in touched),
    )


def _differs(known: TimelineEntry, words: str) -> bool:
    """Whether an entry that stands has other words."""
    return known.struck_at is None and known.text.rstrip() != words.rstrip()


def _reworded_here(connection: Connection, incident_id: str) -> set[str]:
    """The entries that a person gave other words with `log --edit`."""
    return {
        str(each.payload["entry"])
        for each in changes.changes_of_kind(connection, incident_id, "reword")
        if each.payload.get("source") != SLACK
    }


def known_sources(workspace: Workspace, said: Sequence[PastedEntry]) -> set[str]:
    """Those of these sources that the timeline already has."""
    incident = workspace.incident()
    with workspace.ledger.read() as connection:
        return {each.source for each in said if _known(connection, incident, each) is not None}


def logged_by(workspace: Workspace, run: Run) -> LoggedMany:
    """Finish an earlier run: its timeline entries, brought to the doc if needed."""
    with workspace.ledger.read() as connection:
        entries = [incidents.entry_by_id(connection, each) for each in run.made["entries"]]
    return LoggedMany(tuple(entries), bring_to_doc(workspace, run.incident_id))


def entries_of(
    workspace: Workspace,
    said: Sequence[PastedEntry],
    *,
    by: str = "",
    link: str = "",
    earliest: datetime | None = None,
) -> list[TimelineEntry]:
    """The entries that would be recorded. Raises `BadInput` as `log` does, with the line."""
    incident = workspace.incident()
    return [_entry(workspace, incident, each, by, link, earliest) for each in said]


def _entry(
    workspace: Workspace,
    incident: Incident,
    each: PastedEntry,
    by: str,
    link: str,
    earliest: datetime | None,
) -> TimelineEntry:
    try:
        entry = new_entry(
            workspace,
            incident,
            each.text,
            at=each.at,
            by=each.by or by,
            link=each.link or link,
            earliest=earliest,
            remedy=BEFORE_START,
        )
    except BadInput as bad:
        raise BadInput(f"{each.place}: {bad} Nothing was recorded.") from bad
    return replace(entry, id=_ids(incident, each)[0]) if each.source else entry


def _ids(incident: Incident, each: PastedEntry) -> tuple[str, str]:
    """The id that an entry gets from its source, and that of the entry that is the source.

    So it is recorded once, even by two ledgers with one doc.
    """
    digest = hashlib.sha256(f"{incident.id} {each.source}".encode()).digest()
    own = base64.b32encode(digest).decode().lower()[:_ID_LENGTH]
    return own, each.source.removeprefix("entry:")


def _known(connection: Connection, incident: Incident, each: PastedEntry) -> TimelineEntry | None:
    """The entry from the same source, or the one that is itself the source."""
    if not each.source:
        return None
    return incidents.entry_with_id(connection, incident.id, _ids(incident, each))


# Slack's page on message events: a channel's own messages, and deleted ones.
_OWN_KINDS = frozenset(
    {"channel_join", "channel_leave", "channel_topic", "channel_purpose", "channel_name"}
    | {
        "channel_archive",
        "channel_unarchive",
        "channel_convert_to_private",
        "channel_posting_permissions",
    }
    | {"group_join", "group_leave", "group_topic", "group_purpose", "group_name", "group_archive"}
    | {"bot_add", "bot_remove", "pinned_item", "unpinned_item", "reminder_add", "tombstone"}
    | {"ekm_access_denied", "huddle_thread", "sh_room_created"}
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_GONE = frozenset({"thread_not_found", "message_not_found"})


@dataclass(frozen=True)
class SlackMessages:
    """A link's entries, the number of messages left out, and notes for the person."""

    entries: tuple[PastedEntry, ...]
    left_out: int
    note: str = ""


def read_slack(workspace: Workspace, text: str) -> SlackMessages:
    """Read the thread that a link leads to, or the one message.

    Raises `SlackLinkBad` and `BadInput` for a link that leads nowhere, `NotSetUp` for a missing
    token or permission, `NotReached` if Slack is away.
    """
    link = read_slack_link(text)
    reader = _reader(workspace, link)
    try:
        messages = _messages(reader, link)
        if not messages:
            raise BadInput(_nothing_there(text))
        own = _told_by_us(workspace)
        told = [each for each in messages if _is_said(each) and str(each.get("ts")) not in own]
        entries = tuple(
            _entry_of_message(reader, link, each, number) for number, each in enumerate(told, 1)
        )
    except SlackRefused as refused:
        if refused.word in _GONE:
            raise BadInput(_nothing_there(text)) from refused
        raise NotSetUp(f"Slack was not read: {refused}. Nothing was recorded.") from refused
    except SlackAway as away:
        raise NotReached(f"{away}. Nothing was recorded. Run the command again.") from away
    return SlackMessages(entries, len(messages) - len(told), _note(link))


def _nothing_there(text: str) -> str:
    return f"{text}: there is no such message, or it was deleted. Nothing was recorded."


def _note(link: SlackLink) -> str:
    if not link.is_reply:
        return ""
    whole = link.permalink(link.thread_ts)
    return f"This is one reply of a thread. The whole thread: postmortem log --slack '{whole}'"


def _reader(workspace: Workspace, link: SlackLink) -> SlackReader:
    bots = [
        each for each in workspace.settings.config.announce if each.kind is ChannelKind.SLACK_BOT
    ]
    if not bots and workspace.settings.profile == REHEARSAL and workspace.chats.stand_in:
        return workspace.chats.rehearsal_reader()
    if not bots:
        raise NotSetUp(
            "No Slack bot is set up, so Slack can't be read. Add one to "
            f'{workspace.settings.config_path}: [[announce]] with kind = "slack_bot", '
            'channel = "#incidents", token_file = "slack-token". Its token needs the scopes '
            "channels:history and users:read. Nothing was recorded."
        )
    try:
        return workspace.chats.slack_reader(_bot_for(bots, link))
    except ChannelBad as bad:
        raise NotSetUp(f"{bad} Nothing was recorded.") from bad


def _bot_for(bots: list[Channel], link: SlackLink) -> Channel:
    """The bot of the message's own channel, else the first."""
    return next((bot for bot in bots if bot.channel == link.channel), bots[0])


def _messages(reader: SlackReader, link: SlackLink) -> list[dict[str, Any]]:
    """A link's messages: one reply, a thread, or a message without a thread."""
    if link.is_reply:
        thread = reader.thread(link.channel, link.thread_ts)
        return [each for each in thread if each.get("ts") == link.ts]
    if link.thread_ts:
        return reader.thread(link.channel, link.ts)
    message = reader.message(link.channel, link.ts)
    if message is None:
        # A reply that was also sent to the channel, or one whose link lost its thread.
        return [each for each in reader.thread(link.channel, link.ts) if each.get("ts") == link.ts]
    return reader.thread(link.channel, link.ts) if message.get("reply_count") else [message]


def _told_by_us(workspace: Workspace) -> set[str]:
    """The messages that `announce` posted: the timeline has them already."""
    incident = workspace.incident()
    with workspace.ledger.read() as connection:
        told = announcements.announcements_of(connection, incident.id)
    return {each.message_id for each in told if each.message_id}


def _is_said(message: dict[str, Any]) -> bool:
    return message.get("subtype") not in _OWN_KINDS and bool(said_in(message))


def _entry_of_message(
    reader: SlackReader, link: SlackLink, message: dict[str, Any], number: int
) -> PastedEntry:
    ts = str(message["ts"])
    words = said_in(message)
    names = {user: reader.name(user) for user in users_in(words) if not user.startswith("B")}
    return PastedEntry(
        _moment(ts),
        markdown_of(words, names),
        _author(reader, message),
        number,
        link.permalink(ts, str(message.get("thread_ts") or "")),
        f"slack:{link.channel}:{ts}",
        is_edited=bool(message.get("edited")),
    )


def _moment(ts: str) -> datetime:
    """A message's `ts` is its time in seconds, with six digits behind the point."""
    seconds, _, fraction = ts.partition(".")
    return _EPOCH + timedelta(seconds=int(seconds), microseconds=int(fraction.ljust(6, "0")[:6]))


def _author(reader: SlackReader, message: dict[str, Any]) -> str:
    """The author: a person by name, an app by its own name."""
    bot = message.get("bot_profile") or {}
    named = message.get("username") or (bot.get("name") if not message.get("user") else "")
    if named:
        return str(named)
    user = str(message.get("user") or "")
    return reader.name(user) if user else str(message.get("bot_id") or "")
