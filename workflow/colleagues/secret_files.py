"""Reading a channel's secret from where the config says it is."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from workflow.colleagues.channels import Channel, ChannelBad

_LARGEST_BYTES = 4096


def read_secret(channel: Channel, environment: Mapping[str, str], config_path: Path) -> str:
    """The webhook's address or the bot's token, without the spaces around it.

    A file is looked for beside the config. Raises `ChannelBad`, also for a file or config that
    others on this machine may read.
    """
    secret = channel.secret
    if secret.env:
        found = environment.get(secret.env, "").strip()
        if not found:
            raise ChannelBad(f"{channel.name}: the variable {secret.env} is not set.")
    elif secret.file:
        path = config_path.parent / Path(secret.file).expanduser()
        _refuse_readable_by_others(channel, path)
        found = _read(channel, path)
    else:
        found = secret.value
        if not found.startswith("/"):  # a path at the stand-in is no secret
            _refuse_readable_by_others(channel, config_path)
    if not found.isprintable() or " " in found or not found.isascii():
        raise ChannelBad(f"{channel.name}: its secret is not one word on one line.")
    return found


def _read(channel: Channel, path: Path) -> str:
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
