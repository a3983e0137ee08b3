"""Send a message to a channel: its secret, its format, its one call."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin

from markdown_it.token import Token

from workflow.chat import posting, slack
from workflow.chat.channels import Channel, ChannelBad, ChannelKind, check_address, read_secret
from workflow.chat.posting import ChatAnswer, chat_answer, chat_face, slack_face, webhook_answer
from workflow.chat.slack import SlackReader, SlackSchedule

# Slack and Google Chat answer within a second; a person waits at the terminal.
TIMEOUT_SECONDS = 10.0
_REHEARSAL_TOKEN = "xoxb-rehearsal"  # noqa: S105 - known to all


@dataclass(frozen=True)
class Chats:
    """Slack and Google Chat as this run may reach them.

    `stand_in` is the base address of a rehearsal server, "" for the real ones; with one, nothing
    goes to another machine. `timeout_seconds` limits each wait.
    """

    config_path: Path
    stand_in: str = ""
    timeout_seconds: float = field(default_factory=lambda: TIMEOUT_SECONDS)
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def check(self, channel: Channel) -> None:
        """Check that a channel can be used, as far as this machine knows. Raises `ChannelBad`."""
        self._address_and_secret(channel)
        if channel.kind is ChannelKind.SLACK_BOT and not slack.is_installed():
            raise ChannelBad(
                f"{channel.name}: a bot needs the Python package slack_sdk, which is not "
                "installed here. Install the extra: postmortem-workflow[slack]."
            )

    def tell(self, channel: Channel, tokens: Sequence[Token]) -> ChatAnswer:
        """Post a message to a channel, once. Raises `ChannelBad` as `check`."""
        address, secret = self._address_and_secret(channel)
        if channel.kind is ChannelKind.SLACK_BOT:
            return slack.post_message(
                secret,
                channel.channel,
                slack_face(tokens),
                api_url=address,
                timeout_seconds=self.timeout_seconds,
            )
        is_slack = channel.kind is ChannelKind.SLACK_WEBHOOK
        text = slack_face(tokens) if is_slack else chat_face(tokens)
        read = webhook_answer if is_slack else chat_answer
        try:
            status, body, retry_after = posting.post(address, {"text": text}, self.timeout_seconds)
        except posting.NotPosted as fault:
            return fault.answer
        return read(status, body, retry_after=retry_after)

    def schedule(self, channel: Channel) -> SlackSchedule:
        """A bot's scheduled messages at Slack. Raises `ChannelBad` as `check`."""
        self.check(channel)
        address, secret = self._address_and_secret(channel)
        return SlackSchedule(secret, address, self.timeout_seconds)

    def slack_reader(self, channel: Channel) -> SlackReader:
        """Read with the token of a Slack bot. Raises `ChannelBad` as `check`."""
        self.check(channel)
        address, secret = self._address_and_secret(channel)
        return SlackReader(secret, address, self.timeout_seconds)

    def rehearsal_reader(self) -> SlackReader:
        """Read the rehearsal's Slack with its public token."""
        return SlackReader(_REHEARSAL_TOKEN, urljoin(self.stand_in, "/api/"), self.timeout_seconds)

    def _address_and_secret(self, channel: Channel) -> tuple[str, str]:
        secret = read_secret(channel, self.environment, self.config_path)
        address = channel.api_url if channel.kind is ChannelKind.SLACK_BOT else secret
        if self.stand_in and address.startswith("/"):
            address = urljoin(self.stand_in, address)
        check_address(channel, address, only_here=bool(self.stand_in))
        return address, secret
