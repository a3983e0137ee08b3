"""Switching faults of a running rehearsal Google from another process, by its switchboard."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Sequence
from typing import Any

from workflow.rehearsal.lifecycle import RunningServer
from workflow.rehearsal.proof import KEY_HEADER

_SECONDS = 10.0


class SwitchRefused(ValueError):
    """The switchboard does not take a fault; the text says why."""


def set_faults(server: RunningServer, faults: Sequence[dict[str, Any]]) -> None:
    """Switch these faults on and all others off. Raises `SwitchRefused`, and `OSError`."""
    _call(server, "DELETE")
    if faults:
        _call(server, "POST", json.dumps(list(faults)))


def _call(server: RunningServer, method: str, body: str = "") -> None:
    headers = {KEY_HEADER: server.key, "Content-Type": "application/json"}
    host = server.base_url.removeprefix("http://")
    with contextlib.closing(http.client.HTTPConnection(host, timeout=_SECONDS)) as connection:
        connection.request(method, "/rehearsal/faults", body or None, headers)
        answer = connection.getresponse()
        said = answer.read()
    if answer.status != http.client.OK:
        raise SwitchRefused(str(json.loads(said).get("error", said.decode())))
