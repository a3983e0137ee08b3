"""Who holds a claim: a process, by a name that tells whether it still lives."""

from __future__ import annotations

import os
import socket
import uuid


def holder_name() -> str:
    """A name for this process that no other has had: host, process id, and a random part."""
    return f"{socket.gethostname()}/{os.getpid()}/{uuid.uuid4().hex[:8]}"


def is_gone(holder: str) -> bool:
    """Whether a holder surely is gone: a process of this machine that no longer runs.

    A process id that was given to another program since looks alive: then the lease decides.
    """
    host, _, rest = holder.partition("/")
    pid = rest.partition("/")[0]
    if host != socket.gethostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
