"""Files that a person asked for: each whole or not at all, readable by their owner only."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from workflow.flows.faults import BadInput

_NO_LINK = getattr(os, "O_NOFOLLOW", 0)  # not there on Windows


def write_whole(path: Path, content: bytes) -> None:
    """Write a file in the place of whatever has its name; folders are made.

    Raises `BadInput` where that can't be done; then what was there before is still there.
    """
    if not path.name:
        raise BadInput(f"{path} names no file.")
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # What was left of a run that was killed, or a link that somebody put there, is not
        # written through: it goes.
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        part.replace(path)
    except OSError as fault:
        with suppress(OSError):
            part.unlink()
        raise BadInput(f"{path} can't be written: {fault.strerror}.") from fault
