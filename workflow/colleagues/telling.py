"""Telling a channel: its secret, its dialect, its one call."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin

from markdown_it.token import Token

from workflow.colleagues import posting, slack_bot
from workflow.colleagues.answers import Answer, chat_answer, webhook_answer
from workflow.colleagues.channels import Channel, ChannelBad, ChannelKind, check_address
from workflow.colleagues.faces import chat_face, slack_face
from workflow.colleagues.secret_files import read_secret

# Slack and Google Chat answer within a second; a person waits at the terminal.
TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class Chats:
    """Slack and Google Chat as this run may reach them.

    `stand_in` is the base address of a server that stands in for them, "" for the real ones; with
    one, nothing goes to another machine. `timeout_seconds` bounds each wait.
    """

    config_path: Path
    stand_in: str = ""
    timeout_seconds: float = field(default_factory=lambda: TIMEOUT_SECONDS)
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def check(self, channel: Channel) -> None:
        """See that a channel can be told as far as this machine knows. Raises `ChannelBad`."""
        self._address_and_secret(channel)
        if channel.kind is ChannelKind.SLACK_BOT and not slack_bot.is_installed():
            raise ChannelBad(
                f"{channel.name}: a bot needs the Python package slack_sdk, which is not "
                "installed here. Install the extra: postmortem-workflow[slack]."
            )

    def tell(self, channel: Channel, tokens: Sequence[Token]) -> Answer:
        """Say a message in a channel, once. Raises `ChannelBad` as `check` does."""
        address, secret = self._address_and_secret(channel)
        if channel.kind is ChannelKind.SLACK_BOT:
            return slack_bot.post_message(
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

    def _address_and_secret(self, channel: Channel) -> tuple[str, str]:
        secret = read_secret(channel, self.environment, self.config_path)
        address = channel.api_url if channel.kind is ChannelKind.SLACK_BOT else secret
        if self.stand_in and address.startswith("/"):
            address = urljoin(self.stand_in, address)
        check_address(channel, address, only_here=bool(self.stand_in))
        return address, secret
