"""The tools' mail servers: a Google, a proxy for tools that know only the real one, SMTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.peers import tools
from bench.peers.inspecting_proxy import Authority, NoOpenSsl, inspecting_proxy, make_authority
from bench.peers.installing import NotInstalled
from bench.peers.smtp_sink import SmtpSink, smtp_sink
from bench.peers.tools import Peer


@dataclass(frozen=True)
class Place:
    """The servers of one run. `authority` is None if no certificate can be made."""

    google_url: str
    proxy_url: str
    authority: Authority | None
    sink: SmtpSink


@contextmanager
def place(folder: Path, google_url: str, smtp_latency_seconds: float) -> Iterator[Place]:
    """An SMTP sink, and a proxy before the Google at `google_url`, while the block runs."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as running:
        sink = running.enter_context(smtp_sink(smtp_latency_seconds))
        try:
            authority = make_authority(folder)
        except NoOpenSsl:
            yield Place(google_url, "", None, sink)
            return
        proxy_url = running.enter_context(inspecting_proxy(google_url, authority))
        yield Place(google_url, proxy_url, authority, sink)


Maker = Callable[[Path, Place], Peer]


def others(*, fetch: bool) -> dict[str, Maker]:
    """How to create each other tool in a folder. Raises `NotInstalled` when called."""
    return {
        "plain loop": lambda _folder, at: tools.plain_loop(at.google_url),
        "plain loop, num_retries=3": lambda _folder, at: tools.plain_loop(at.google_url, 3),
        "mailmerge": lambda folder, at: tools.mailmerge(folder, at.sink.port, fetch=fetch),
        "draftmachine": lambda folder, at: tools.draftmachine(
            folder, at.proxy_url, _authority(at), fetch=fetch
        ),
        "GAM7": lambda folder, at: tools.gam(folder, at.proxy_url, _authority(at), fetch=fetch),
    }


def _authority(at: Place) -> Authority:
    if at.authority is None:
        raise NotInstalled("openssl, with which the way to it is made, is not here")
    return at.authority
