"""Slack: a bot that posts, now or later, links to messages, and reading a channel.

A bot posts and reads through slack_sdk: conversations.history gives a channel's messages and
conversations.replies a thread's, with its first message, both in pages with a cursor. A refusal for
a missing scope names it in `needed`.

A link to a message has the form of "Copy link" or of the address bar (Slack's page on
chat.getPermalink: `…/archives/C1H9RESGL/p135854651700023`, and for a reply in a thread
`?thread_ts=1358546515.000008&cid=C1H9RESGL` after it).

A message's text is converted to Markdown with names for ids (Slack's page on formatting text for
app surfaces: `<@U…>`, `<#C…|name>`, `<!here>`, `<url|words>`, `*bold*`, `~struck~`, and only `&`,
`<`, `>` as entities). Links and text are pure.

Slack schedules up to 120 days ahead. It can't delete a message that was posted or will be within 60
seconds, and answers `invalid_scheduled_message_id` for those (page of chat.deleteScheduledMessage).
After a lost answer, the list of scheduled messages shows the result.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import re
import socket
import time
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.parse import parse_qs, urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from workflow.chat.posting import ChatAnswer, PostState, bot_answer, lost, reason_of
from workflow.errors import BadInput
from workflow.google.endpoint import is_loopback
from workflow.google.faults import NotCalled
from workflow.google.transport import refuse_if_over

if TYPE_CHECKING:
    from slack_sdk import WebClient


# --- Messages, links and channels -----------------------------------------------------------------

_LARGEST_ANSWER_BYTES = 1 << 20


def is_installed() -> bool:
    """Whether slack_sdk is there: it comes with the extra `slack`."""
    return importlib.util.find_spec("slack_sdk") is not None


def _slack_sdk() -> Any:
    import slack_sdk.errors  # noqa: PLC0415 - an extra, 0.1 s; for a bot and `log --slack` alone

    return slack_sdk


def post_message(
    token: str, channel: str, text: str, *, api_url: str, timeout_seconds: float
) -> ChatAnswer:
    """Post a text in mrkdwn to a channel, once."""
    host = urlsplit(api_url).hostname or ""
    client = make_client(token, api_url, timeout_seconds)
    try:
        refuse_if_over()
        response = client.chat_postMessage(
            channel=channel, text=text, link_names=False, unfurl_links=False, unfurl_media=False
        )
    except _slack_sdk().errors.SlackClientError as said:
        answer = getattr(said, "response", None)
        if answer is None:
            return lost(host, reached=True)
        return bot_answer(
            int(answer.status_code),
            False,
            str(answer.get("error") or ""),
            retry_after=str(_header(answer.headers, "retry-after")),
        )
    except NotCalled:
        return lost(host, reached=False)
    except URLError as fault:
        # urllib wraps every failure before the request is written; these two are certain.
        refused = isinstance(fault.reason, ConnectionRefusedError | socket.gaierror)
        return lost(host, reached=not refused)
    except (OSError, HTTPException, UnicodeError):
        return lost(host, reached=True)
    return bot_answer(
        int(response.status_code), bool(response.get("ok")), "", timestamp=str(response.get("ts"))
    )


def make_client(token: str, api_url: str, timeout_seconds: float) -> WebClient:
    """A client of Slack's Web API that calls once, and only that host."""
    return _client_class()(
        token=token,
        base_url=api_url,
        timeout=max(1, round(timeout_seconds)),
        # Its own handlers repeat a POST after a broken connection: the message would be posted
        # twice.
        retry_handlers=[],
        logger=_silent(),
    )


class _Stay(HTTPRedirectHandler):
    """Follow no redirect: it would send the token to any host that an answer names."""

    def redirect_request(self, *_: object) -> None:
        return None


def _client_class() -> type[WebClient]:
    class Once(_slack_sdk().WebClient):  # type: ignore[misc]
        """A client whose one call goes only to its own host."""

        def _perform_urllib_http_request_internal(self, url: str, req: Request) -> dict[str, Any]:
            # A rehearsal server is on this machine: a proxy would carry the token elsewhere.
            direct = [ProxyHandler({})] if is_loopback(urlsplit(url).hostname or "") else []
            try:
                answer = build_opener(_Stay, *direct).open(req, timeout=self.timeout)
            except HTTPError as said:
                answer = said
            with answer:
                body = answer.read(_LARGEST_ANSWER_BYTES)
                return {
                    "status": answer.code,
                    "headers": answer.headers,
                    "body": _object_or_nothing(body.decode("utf-8", "replace")),
                }

    return Once


def _object_or_nothing(body: str) -> str:
    """Slack's answer if it is an object; slack_sdk fails on anything else."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    return body if isinstance(found, dict) else "{}"


def _header(headers: dict[str, str], name: str) -> str:
    return next((value for key, value in headers.items() if key.lower() == name), "")


def _silent() -> logging.Logger:
    """A silent logger: without one, slack_sdk writes its failures to stderr."""
    logger = logging.getLogger("workflow.chat.slack_sdk")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger


class SlackLinkBad(BadInput):
    """A link that is not to a Slack message. `str()` says what is wrong and how to get the link."""


@dataclass(frozen=True)
class SlackLink:
    """A message: the workspace's address, the channel's id, the message's `ts`.

    `thread_ts` is the first message of its thread, "" for a message of the channel.
    """

    workspace: str
    channel: str
    ts: str
    thread_ts: str = ""

    @property
    def is_reply(self) -> bool:
        """Whether it is one message of a thread, and not the thread's first."""
        return bool(self.thread_ts) and self.thread_ts != self.ts

    def permalink(self, ts: str, thread_ts: str = "") -> str:
        """The link to another message of the channel."""
        link = f"{self.workspace}/archives/{self.channel}/p{ts.replace('.', '')}"
        if thread_ts and thread_ts != ts:
            link += f"?thread_ts={thread_ts}&cid={self.channel}"
        return link


_ARCHIVE = re.compile(r"/archives/(?P<channel>[CDG][A-Z0-9]{2,})(?:/p(?P<ts>\d{16}))?/?")
_CLIENT = re.compile(
    r"/client/[TE][A-Z0-9]+/[CDG][A-Z0-9]+/thread/(?P<channel>[CDG][A-Z0-9]+)-(?P<ts>\d{10}\.\d{6})"
)
_TIMESTAMP = re.compile(r"\d{10}\.\d{6}")
_HOST = "slack.com"
_HOW = (
    "In Slack, point at the message and choose Copy link; it looks like "
    "https://TEAM.slack.com/archives/C0123ABCD/p1764000000123456."
)


def read_slack_link(text: str) -> SlackLink:
    """The message that a link leads to. Raises `SlackLinkBad`."""
    words = text.strip().strip("<>")
    try:
        parts = urlsplit(words)
        host = parts.hostname or ""
    except ValueError:
        raise SlackLinkBad(f"{text!r} is not a link. {_HOW}") from None
    is_slack = parts.scheme == "https" and (host == _HOST or host.endswith(f".{_HOST}"))
    if not is_slack and not (is_loopback(host) and parts.scheme in {"http", "https"}):
        raise SlackLinkBad(f"{text!r} is not a link to a Slack message. {_HOW}")
    workspace = f"{parts.scheme}://{parts.netloc}"
    if found := _CLIENT.fullmatch(parts.path):
        return SlackLink(workspace, found["channel"], found["ts"], found["ts"])
    archive = _ARCHIVE.fullmatch(parts.path)
    if archive is None or archive["ts"] is None:
        what = "a channel and no message" if archive else "no message"
        raise SlackLinkBad(f"{text!r} leads to {what}. {_HOW}")
    ts = f"{archive['ts'][:10]}.{archive['ts'][10:]}"
    thread = parse_qs(parts.query).get("thread_ts", [""])[0]
    if thread and not _TIMESTAMP.fullmatch(thread):
        raise SlackLinkBad(f"{text!r}: its thread_ts is not a time of Slack's. {_HOW}")
    return SlackLink(workspace, archive["channel"], ts, thread)


# Slack's maximum page, though it may give fewer.
_PAGE = 200
# Enough for an incident's thread; more would be another channel's history.
_MOST_PAGES = 50
# A wait that a person at the terminal accepts.
_LONGEST_WAIT_SECONDS = 30
_MOST_WAITS = 3


class SlackUnread(Exception):
    """Slack did not give what was asked. `str()` is the reason, for people."""


class SlackAway(SlackUnread):
    """Slack could not be reached, or wants a pause: later it may work."""


class SlackRefused(SlackUnread):
    """Slack refused. `word` is its own word for it."""

    def __init__(self, word: str, reason: str) -> None:
        super().__init__(reason)
        self.word = word


@dataclass
class SlackReader:
    """Read messages with a bot's token, each person's name once. Reading may be repeated."""

    token: str
    api_url: str
    timeout_seconds: float
    _names: dict[str, str] = field(default_factory=dict)

    def message(self, channel: str, ts: str) -> dict[str, Any] | None:
        """One message of a channel that is not a reply, or None."""
        answer = self.call(
            "conversations.history", channel=channel, latest=ts, oldest=ts, inclusive=True, limit=1
        )
        return next((each for each in answer.get("messages", []) if each.get("ts") == ts), None)

    def thread(self, channel: str, ts: str) -> list[dict[str, Any]]:
        """A thread from its first message on, in order."""
        found: dict[str, dict[str, Any]] = {}
        cursor = ""
        for _ in range(_MOST_PAGES):
            more = {"cursor": cursor} if cursor else {}
            answer = self.call("conversations.replies", channel=channel, ts=ts, limit=_PAGE, **more)
            # Slack repeats the first message on every page.
            found |= {str(each.get("ts")): each for each in answer.get("messages", [])}
            cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                break
        return [found[at] for at in sorted(found)]

    def name(self, user: str) -> str:
        """A person's display name; the id if the bot may not see the person."""
        if user not in self._names:
            try:
                found = self.call("users.info", user=user).get("user") or {}
            except SlackRefused as refused:
                if refused.word not in {"user_not_found", "user_not_visible"}:
                    raise
                found = {}
            self._names[user] = _name_of(found) or user
        return self._names[user]

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One method's answer. Raises `SlackRefused`, and `SlackAway`."""
        client = make_client(self.token, self.api_url, self.timeout_seconds)
        for _ in range(_MOST_WAITS):
            wait = self._asked(client, method, params)
            if isinstance(wait, dict):
                return wait
            if wait > _LONGEST_WAIT_SECONDS:
                raise SlackAway(f"Slack asks to wait for {wait} seconds")
            time.sleep(wait)
        raise SlackAway("Slack asks to wait again and again")

    def _asked(
        self, client: WebClient, method: str, params: dict[str, Any]
    ) -> dict[str, Any] | int:
        """The answer, or the number of seconds to wait."""
        errors = _slack_sdk().errors
        try:
            answer = client.api_call(method, params=params)
        except errors.SlackApiError as said:
            status, word = int(said.response.status_code), str(said.response.get("error") or "")
            if status == 429 or word in {"ratelimited", "rate_limited"}:
                return _seconds(said.response.headers)
            if status >= 500 or not word:
                raise SlackAway(f"Slack answered {status}") from said
            needed = str(said.response.get("needed") or "")
            raise SlackRefused(word, reason_of(word, needed)) from said
        except (errors.SlackClientError, URLError, OSError, ValueError) as fault:
            raise SlackAway("Slack could not be reached") from fault
        return dict(answer.data) if isinstance(answer.data, dict) else {}


def _seconds(headers: dict[str, str]) -> int:
    told = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    return int(told) if str(told).isdecimal() else 1


def _name_of(user: dict[str, Any]) -> str:
    """The name that Slack shows beside a message: the person's own choice first."""
    profile = user.get("profile") or {}
    names = (profile.get("display_name"), profile.get("real_name"), user.get("real_name"))
    return next((str(name) for name in (*names, user.get("name")) if name), "")


# --- Messages that Slack posts later --------------------------------------------------------------

_TOO_LATE = "invalid_scheduled_message_id"
_SCHEDULED_PAGE = 100


@dataclass(frozen=True)
class Scheduled:
    """A scheduled message. `post_at` is in whole seconds since 1970."""

    id: str
    channel_id: str
    post_at: int
    text: str

    @property
    def name(self) -> str:
        """Its name for deleting, as the ledger stores it: `C012:Q345`."""
        return f"{self.channel_id}:{self.id}"


@dataclass(frozen=True)
class SlackSchedule:
    """A bot's scheduled messages. No call that writes is retried."""

    token: str
    api_url: str
    timeout_seconds: float

    def add(self, channel: str, text: str, post_at: int) -> ChatAnswer:
        """Schedule a text for a channel; the answer's `message_id` is a `Scheduled.name`."""
        answer, found = self._call(
            "chat.scheduleMessage", channel=channel, text=text, post_at=post_at
        )
        if answer.outcome is not PostState.TOLD:
            return answer
        name = f"{found.get('channel', '')}:{found.get('scheduled_message_id', '')}"
        return ChatAnswer(PostState.TOLD, message_id=name)

    def remove(self, name: str) -> ChatAnswer:
        """Delete a scheduled message; REFUSED if it was posted, is about to be, or is gone."""
        channel, _, message_id = name.partition(":")
        answer, _ = self._call(
            "chat.deleteScheduledMessage", channel=channel, scheduled_message_id=message_id
        )
        return answer

    def listed(self) -> list[Scheduled]:
        """Everything that is scheduled. Raises `SlackAway` or `SlackRefused`."""
        reader = SlackReader(self.token, self.api_url, self.timeout_seconds)
        found: list[Scheduled] = []
        cursor = ""
        while True:
            more = {"cursor": cursor} if cursor else {}
            answer = reader.call("chat.scheduledMessages.list", limit=_SCHEDULED_PAGE, **more)
            found += [
                Scheduled(
                    str(each.get("id", "")),
                    str(each.get("channel_id", "")),
                    int(each.get("post_at", 0)),
                    str(each.get("text", "")),
                )
                for each in answer.get("scheduled_messages", [])
            ]
            cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return found

    def _call(self, method: str, **params: Any) -> tuple[ChatAnswer, dict[str, Any]]:
        from slack_sdk.errors import SlackClientError  # noqa: PLC0415 - an extra

        host = urlsplit(self.api_url).hostname or ""
        client = make_client(self.token, self.api_url, self.timeout_seconds)
        try:
            refuse_if_over()
            response = client.api_call(method, json=params)
        except SlackClientError as said:
            return _refusal(getattr(said, "response", None), host), {}
        except NotCalled:
            return lost(host, reached=False), {}
        except URLError as fault:
            refused = isinstance(fault.reason, ConnectionRefusedError | socket.gaierror)
            return lost(host, reached=not refused), {}
        except (OSError, HTTPException, UnicodeError):
            return lost(host, reached=True), {}
        data = response.data if isinstance(response.data, dict) else {}
        return bot_answer(int(response.status_code), bool(data.get("ok")), ""), data


def _refusal(answer: Any, host: str) -> ChatAnswer:
    """The meaning of a slack_sdk error with this answer from Slack, or with none."""
    if answer is None:
        return lost(host, reached=True)
    word = str(answer.get("error") or "")
    if word == _TOO_LATE:
        return ChatAnswer(PostState.REFUSED, "it was said already, or will be within a minute")
    return bot_answer(int(answer.status_code), False, word)
