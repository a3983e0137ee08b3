"""The channels of the config, and how a message is sent to one."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urljoin, urlsplit

from workflow.chat import posting, slack
from workflow.errors import NotSetUp, shown_name
from workflow.google.endpoint import is_loopback

if TYPE_CHECKING:
    from markdown_it.token import Token


# --- The config's channels ------------------------------------------------------------------------


class ChannelBad(NotSetUp):
    """A channel that can't be used. `str()` says which, why, and what to do; never its secret."""


class ChannelKind(StrEnum):
    """What carries the message."""

    SLACK_WEBHOOK = "slack_webhook"
    SLACK_BOT = "slack_bot"
    GOOGLE_CHAT = "google_chat"
    MAIL = "mail"


@dataclass(frozen=True)
class Secret:
    """A webhook's address or a bot's token: itself, or the file or variable that holds it.

    Its text never shows the value, so that no error, log or test prints it.
    """

    value: str = field(default="", repr=False)
    file: str = ""
    env: str = ""


@dataclass(frozen=True)
class Channel:
    """A place where colleagues read. `name` is what people call it, such as `#incidents`.

    `secret` is a webhook's address or a bot's token. `channel` is a bot's channel, `api_url` its
    Web API if that isn't Slack's own. `address` is a mail group's.
    """

    kind: ChannelKind
    name: str
    secret: Secret = Secret()
    channel: str = ""
    api_url: str = "https://slack.com/api/"
    address: str = ""


# What each kind needs besides its name, and its options.
_SECRET_OF = {
    ChannelKind.SLACK_WEBHOOK: "url",
    ChannelKind.GOOGLE_CHAT: "url",
    ChannelKind.SLACK_BOT: "token",
}
_OTHERS = {
    ChannelKind.SLACK_BOT: ("channel", "api_url"),
    ChannelKind.MAIL: ("address",),
}
_NAME_LIMIT = 80
_SIGNS_OF_AN_ADDRESS = ("://", "/services/", "/v1/spaces/")


def read_channels(tables: object) -> tuple[Channel, ...]:
    """The channels of a config's `announce` tables, in their order. Raises `ChannelBad`."""
    if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
        raise ChannelBad("announce is a list of tables: [[announce]].")
    found: list[Channel] = []
    for table in tables:
        channel = _read(table)
        if channel.name.casefold() in {each.name.casefold() for each in found}:
            raise ChannelBad(f"two [[announce]] tables are called {channel.name!r}.")
        found.append(channel)
    return tuple(found)


def _read(table: Mapping[str, object]) -> Channel:
    kind = _kind(table)
    secret = _SECRET_OF.get(kind, "")
    sources = (secret, f"{secret}_file", f"{secret}_env") if secret else ()
    known = ("kind", "name", *sources, *_OTHERS.get(kind, ()))
    for key, value in table.items():
        if key not in known:
            raise ChannelBad(
                f"[[announce]] of kind {kind} has no {shown_name(key)!r}; "
                f"it has {', '.join(known)}."
            )
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            raise ChannelBad(f"[[announce]] of kind {kind}: {key} is one line of text in quotes.")
    given = {key: str(value).strip() for key, value in table.items()}
    name = _name(given, kind)
    needed = {ChannelKind.SLACK_BOT: "channel", ChannelKind.MAIL: "address"}.get(kind)
    if needed and needed not in given:
        raise ChannelBad(f"[[announce]] {name}: say its {needed}.")
    if secret and sum(source in given for source in sources) != 1:
        raise ChannelBad(
            f"[[announce]] {name}: say its {secret} in one way: {secret}_file, {secret}_env, "
            f"or {secret} in a config that only you may read."
        )
    return Channel(
        kind=kind,
        name=name,
        secret=Secret(*(given.get(source, "") for source in sources)),
        **{key: given[key] for key in ("channel", "api_url", "address") if key in given},
    )


def _kind(table: Mapping[str, object]) -> ChannelKind:
    try:
        return ChannelKind(str(table.get("kind", "")))
    except ValueError:
        raise ChannelBad(
            f"each [[announce]] has a kind: one of {', '.join(ChannelKind)}."
        ) from None


def _name(given: Mapping[str, str], kind: ChannelKind) -> str:
    name = given.get("name") or given.get("channel") or given.get("address")
    if not name:
        raise ChannelBad(f'[[announce]] of kind {kind}: say what people call it: name = "#…".')
    if any(sign in name for sign in _SIGNS_OF_AN_ADDRESS) or len(name) > _NAME_LIMIT:
        # It is shown and stored everywhere, so it must not be a webhook's address.
        raise ChannelBad(f"[[announce]] of kind {kind}: name is a channel's name, not an address.")
    return name


_HOSTS = {
    ChannelKind.SLACK_WEBHOOK: ("hooks.slack.com", "/services/"),
    ChannelKind.SLACK_BOT: ("slack.com", "/api/"),
    ChannelKind.GOOGLE_CHAT: ("chat.googleapis.com", "/v1/spaces/"),
}


def check_address(channel: Channel, url: str, *, only_here: bool) -> None:
    """Refuse an address where no message of this channel may go. Raises `ChannelBad`.

    Allowed are the service's own over https, or a rehearsal server on this machine; with
    `only_here` only the latter. The sentence does not repeat the address.
    """
    host, path = _HOSTS[channel.kind]
    try:
        parts = urlsplit(url)
        name, port = parts.hostname or "", parts.port
    except ValueError:
        raise ChannelBad(f"{channel.name}: its address can't be read.") from None
    here = is_loopback(name) and parts.scheme in {"http", "https"}
    if only_here and not here:
        raise ChannelBad(
            f"{channel.name} is a real channel, and this is a rehearsal. Real channels are not "
            "told from a rehearsal."
        )
    real = parts.scheme == "https" and name == host and port in {None, 443}
    if not (here or real) or not parts.path.startswith(path) or parts.username is not None:
        raise ChannelBad(
            f"{channel.name}: its address is not one of {channel.kind}; "
            f"that begins with https://{host}{path}."
        )
    if (
        channel.kind is ChannelKind.GOOGLE_CHAT
        and not {"key", "token"} <= parse_qs(parts.query).keys()
    ):
        raise ChannelBad(f"{channel.name}: a webhook of Google Chat has ?key=…&token=… at its end.")


_LARGEST_BYTES = 4096


def read_secret(channel: Channel, environment: Mapping[str, str], config_path: Path) -> str:
    """The webhook's address or the bot's token, without the spaces around it.

    A relative file path starts from the config's folder. Raises `ChannelBad`, also for a file or
    config that others on this machine may read.
    """
    secret = channel.secret
    if secret.env:
        found = environment.get(secret.env, "").strip()
        if not found:
            raise ChannelBad(f"{channel.name}: the variable {secret.env} is not set.")
    elif secret.file:
        path = config_path.parent / Path(secret.file).expanduser()
        _refuse_readable_by_others(channel, path)
        found = _read_secret_file(channel, path)
    else:
        found = secret.value
        if not found.startswith("/"):  # a path at the rehearsal server is no secret
            _refuse_readable_by_others(channel, config_path)
    if not found.isprintable() or " " in found or not found.isascii():
        raise ChannelBad(f"{channel.name}: its secret must be one line without spaces.")
    return found


def _read_secret_file(channel: Channel, path: Path) -> str:
    try:
        with path.open("rb") as file:
            found = file.read(_LARGEST_BYTES).decode("ascii").strip()
    except UnicodeDecodeError:
        raise ChannelBad(f"{channel.name}: {path} is not plain text.") from None
    except OSError as fault:
        raise ChannelBad(f"{channel.name}: {path} can't be read: {fault.strerror}.") from fault
    if not found:
        raise ChannelBad(f"{channel.name}: {path} is empty.")
    return found


def _refuse_readable_by_others(channel: Channel, path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as fault:
        raise ChannelBad(f"{channel.name}: {path} can't be read: {fault.strerror}.") from fault
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ChannelBad(
            f"{channel.name}: others on this machine may read {path}, which holds its secret. "
            f"Run `chmod 600 {path}`."
        )


# --- A message to a channel -----------------------------------------------------------------------

# Slack and Google Chat answer within a second; a person waits at the terminal.
TIMEOUT_SECONDS = 10.0
_REHEARSAL_TOKEN = "xoxb-rehearsal"  # noqa: S105 - known to all


@dataclass(frozen=True)
class Chats:
    """Slack and Google Chat as this run may reach them.

    `stand_in` is the base address of a rehearsal server, "" for the real ones; with one, nothing
    goes to another machine. `stand_in_secret` goes out with the rehearsal's public token.
    `timeout_seconds` limits each wait.
    """

    config_path: Path
    stand_in: str = ""
    timeout_seconds: float = field(default_factory=lambda: TIMEOUT_SECONDS)
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    stand_in_secret: str = field(default="", repr=False)

    def check(self, channel: Channel) -> None:
        """Check that a channel can be used, as far as this machine knows. Raises `ChannelBad`."""
        self._address_and_secret(channel)
        if channel.kind is ChannelKind.SLACK_BOT and not slack.is_installed():
            raise ChannelBad(
                f"{channel.name}: a bot needs the Python package slack_sdk, which is not "
                "installed here. Install the extra: postmortem-workflow[slack]."
            )

    def tell(self, channel: Channel, tokens: Sequence[Token]) -> posting.ChatAnswer:
        """Post a message to a channel, once. Raises `ChannelBad` as `check`."""
        address, secret = self._address_and_secret(channel)
        if channel.kind is ChannelKind.SLACK_BOT:
            return slack.post_message(
                secret,
                channel.channel,
                posting.slack_face(tokens),
                api_url=address,
                timeout_seconds=self.timeout_seconds,
            )
        is_slack = channel.kind is ChannelKind.SLACK_WEBHOOK
        text = posting.slack_face(tokens) if is_slack else posting.chat_face(tokens)
        read = posting.webhook_answer if is_slack else posting.chat_answer
        try:
            status, body, retry_after = posting.post(address, {"text": text}, self.timeout_seconds)
        except posting.NotPosted as fault:
            return fault.answer
        return read(status, body, retry_after=retry_after)

    def schedule(self, channel: Channel) -> slack.SlackSchedule:
        """A bot's scheduled messages at Slack. Raises `ChannelBad` as `check`."""
        self.check(channel)
        address, secret = self._address_and_secret(channel)
        return slack.SlackSchedule(secret, address, self.timeout_seconds)

    def slack_reader(self, channel: Channel) -> slack.SlackReader:
        """Read with the token of a Slack bot. Raises `ChannelBad` as `check`."""
        self.check(channel)
        address, secret = self._address_and_secret(channel)
        return slack.SlackReader(secret, address, self.timeout_seconds)

    def rehearsal_reader(self) -> slack.SlackReader:
        """Read the rehearsal's Slack with its own token."""
        return slack.SlackReader(
            self._rehearsals_token(), urljoin(self.stand_in, "/api/"), self.timeout_seconds
        )

    def _rehearsals_token(self) -> str:
        secret = self.stand_in_secret
        return f"{_REHEARSAL_TOKEN}-{secret}" if secret else _REHEARSAL_TOKEN

    def _address_and_secret(self, channel: Channel) -> tuple[str, str]:
        secret = read_secret(channel, self.environment, self.config_path)
        address = channel.api_url if channel.kind is ChannelKind.SLACK_BOT else secret
        if self.stand_in and address.startswith("/"):
            address = urljoin(self.stand_in, address)
        check_address(channel, address, only_here=bool(self.stand_in))
        return address, self._rehearsals_token() if secret == _REHEARSAL_TOKEN else secret
