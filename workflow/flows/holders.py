"""Who holds a claim: a process, by a name that tells whether it still lives."""

from __future__ import annotations

import functools
import os
import socket
import uuid
from hashlib import sha256
from pathlib import Path


def holder_name() -> str:
    """A name for this process that no other has had: where it runs, process id, a random part."""
    return f"{_here()}/{os.getpid()}/{uuid.uuid4().hex[:8]}"


def is_gone(holder: str) -> bool:
    """Whether a holder surely is gone: a process of this machine that no longer runs.

    Of another machine's processes nothing is known: their lease decides, and so it does for a
    process id that was given to another program since, which looks alive.
    """
    where, _, rest = holder.partition("/")
    pid = rest.partition("/")[0]
    if where != _here() or not pid.isdigit() or os.name != "posix":
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


@functools.cache
def _here() -> str:
    """Within what a process id means one process: this host, since it started, this container.

    A host's name alone is not enough: laptops and containers of a team may bear the same.
    """
    boot, space = _read(Path("/proc/sys/kernel/random/boot_id")), _link(Path("/proc/self/ns/pid"))
    signs = [boot or str(uuid.getnode()), space]
    return f"{socket.gethostname()}-{sha256(' '.join(signs).encode()).hexdigest()[:8]}"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _link(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        return ""
