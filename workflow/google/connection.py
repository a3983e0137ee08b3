"""A connected Google: its Docs, Drive and Gmail over one session."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workflow.google.client import Api
from workflow.google.docs import Docs
from workflow.google.drive import Drive
from workflow.google.endpoint import Endpoint
from workflow.google.gmail import Gmail
from workflow.google.public_pictures import PublicPictures

if TYPE_CHECKING:
    import requests

    from workflow.google.transport import Transport


@dataclass(frozen=True)
class Google:
    """The three APIs, over one session and pool of connections. Safe for many threads.

    `pictures` are those that anybody can see, had without that session.
    """

    docs: Docs
    drive: Drive
    gmail: Gmail
    pictures: PublicPictures
    close: Callable[[], None]
    """Close every connection. Calls that other threads have under way are Undecided then."""


def connect(
    endpoint: Endpoint,
    session_factory: Callable[[], requests.Session],
    timeout_seconds: float,
) -> Google:
    """Google at `endpoint`, reached through the session that `session_factory` makes.

    Nothing is imported, signed in or connected until the first call to one of the gateways;
    each API's client is built when that API is first used. `session_factory` is called once,
    and what it raises comes out of that first call. `timeout_seconds` bounds each wait.
    """
    opened: list[Transport] = []

    def open_transport() -> Transport:
        transport = _transport(endpoint, session_factory, timeout_seconds)
        opened.append(transport)
        return transport

    def close() -> None:
        for each in opened:
            each.close()

    transport = _made_once(open_transport)
    return Google(
        docs=Docs(Api("docs", "v1", endpoint, transport)),
        drive=Drive(Api("drive", "v3", endpoint, transport)),
        gmail=Gmail(Api("gmail", "v1", endpoint, transport)),
        pictures=PublicPictures(endpoint, timeout_seconds),
        close=close,
    )


def _transport(
    endpoint: Endpoint,
    session_factory: Callable[[], requests.Session],
    timeout_seconds: float,
) -> Transport:
    # Brings in requests and httplib2, which a command that calls nobody does not need.
    from workflow.google.transport import Transport  # noqa: PLC0415

    return Transport(session_factory(), origins=endpoint.origins, timeout_seconds=timeout_seconds)


def _made_once(make: Callable[[], Transport]) -> Callable[[], Transport]:
    """`make`, called at most once even by many threads; a call that raises is made again."""
    lock = threading.Lock()
    cached = functools.cache(make)

    def made() -> Transport:
        with lock:
            return cached()

    return made
