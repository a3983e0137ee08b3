"""A connected Google: its Docs, Drive and Gmail over one session."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workflow.google import public_pictures
from workflow.google import transport as google_transport
from workflow.google.client import Api, Docs
from workflow.google.drive import Drive
from workflow.google.endpoint import Endpoint
from workflow.google.gmail import Gmail

if TYPE_CHECKING:
    import requests

    from workflow.google.transport import Transport


@dataclass(frozen=True)
class Google:
    """The three APIs, over one session and pool of connections. Thread-safe.

    `pictures` are public ones, fetched without that session.
    """

    docs: Docs
    drive: Drive
    gmail: Gmail
    pictures: public_pictures.PublicPictures
    close: Callable[[], None]
    """Close every connection. Calls under way in other threads become Undecided."""


def connect(
    endpoint: Endpoint,
    session_factory: Callable[[], requests.Session],
    timeout_seconds: float,
) -> Google:
    """Google at `endpoint`, reached through the session that `session_factory` makes.

    Nothing is imported, signed in or connected until the first call to a gateway; each API's client
    is built on first use. `session_factory` is called once, and its errors are raised by that first
    call. `timeout_seconds` limits each wait.
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
        pictures=public_pictures.PublicPictures(endpoint, timeout_seconds),
        close=close,
    )


def _transport(
    endpoint: Endpoint,
    session_factory: Callable[[], requests.Session],
    timeout_seconds: float,
) -> Transport:
    # Imports requests and httplib2, which offline commands don't need.

    return google_transport.Transport(
        session_factory(), origins=endpoint.origins, timeout_seconds=timeout_seconds
    )


def _made_once(make: Callable[[], Transport]) -> Callable[[], Transport]:
    """`make`, called at most once even by many threads; repeated only if it raised."""
    lock = threading.Lock()
    cached = functools.cache(make)

    def made() -> Transport:
        with lock:
            return cached()

    return made
