"""Check a picture's public address as Docs does: without a sign-in.

Requests go to the public internet only, never to a private network.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from requests import RequestException, Session
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.util.connection import create_connection

from workflow.errors import BadInput
from workflow.google.endpoint import Endpoint, is_public, origin
from workflow.google.faults import Unreachable

if TYPE_CHECKING:
    import requests


FAULTS = (RequestException, HTTPError)
"""The failures on the way."""


class NotOnTheInternet(ValueError):
    """A name leads to an address that isn't public; nothing was sent there."""

    def __init__(self, name: str, address: str) -> None:
        super().__init__(f"{name} leads to {address}")
        self.name = name
        self.address = address


class OpenInternet(HTTPAdapter):
    """Carry a session's calls to public addresses only, over https.

    A name is looked up once. Each address is checked, and the connection is made to one of exactly
    these, so that a second look-up can't answer differently (DNS rebinding). The certificate is
    still checked for the name. If the environment names a proxy, the proxy looks names up and
    decides by itself.

    A call raises `NotOnTheInternet` if one of the addresses is not public.
    """

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any
    ) -> None:
        """The signature that requests needs; the proxies' pools are made elsewhere."""
        super().init_poolmanager(connections, maxsize, block, **pool_kwargs)
        self.poolmanager.pool_classes_by_scheme = {"https": _Pool}


class _Connection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        addresses = _looked_up(self.host, self.port)
        for address in addresses:
            if not is_public(ipaddress.ip_address(address)):
                raise NotOnTheInternet(self.host, address)
        return self._connected_to_one_of(addresses)

    def _connected_to_one_of(self, addresses: list[str]) -> socket.socket:
        *others, last = addresses
        for address in others:
            try:
                return self._connected(address)
            except OSError:  # the next may be up
                continue
        return self._connected(last)

    def _connected(self, address: str) -> socket.socket:
        return create_connection(
            (address, self.port), self.timeout, socket_options=self.socket_options
        )


class _Pool(HTTPSConnectionPool):
    ConnectionCls = _Connection


def _looked_up(host: str, port: int) -> list[str]:
    """Each address of a host once, the best first. Raises OSError if there is none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[0]) for *_, place in found))


_MOST_REDIRECTS = 5
_LONGEST_ADDRESS_BYTES = 2048  # reference, InsertInlineImageRequest.uri
_CHUNK_BYTES = 1 << 16
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)


class NotPublic(BadInput):
    """Docs can't fetch from there. `str()` is a sentence, without the address' query."""


class PublicPictures:
    """Pictures from the web, for a doc of the Google at `endpoint`.

    The real Google may use any public https address. A rehearsal fetches only from itself, so that
    it sends nothing to the internet. `timeout_seconds` limits the connecting and each wait for
    bytes, and twice that limits the whole, so that a server that drips bytes can't delay a person
    for long.
    """

    def __init__(self, endpoint: Endpoint, timeout_seconds: float) -> None:
        self._endpoint = endpoint
        self._timeout_seconds = timeout_seconds

    def check_address(self, address: str) -> None:
        """Raise `NotPublic` for an address that Docs can't fetch from."""
        try:
            parts = urlsplit(address)
            host, place = parts.hostname or "", origin(address)
        except ValueError:  # an unclosed bracket, a port that isn't a number
            raise NotPublic("That is not a valid address.") from None
        if parts.username is not None or parts.password is not None:
            raise NotPublic("An address with a name and a password in it is not a public one.")
        if len(address.encode()) > _LONGEST_ADDRESS_BYTES:
            raise NotPublic("The address is longer than the 2 kB that Docs takes.")
        if self._endpoint.root_url is not None:
            if place not in self._endpoint.origins:
                raise NotPublic(
                    f"A rehearsal fetches nothing from {host}. Attach a file with --publish "
                    f"instead."
                )
        elif parts.scheme != "https" or not _on_the_internet(host):
            raise NotPublic(
                f"{host or 'That'} is not public: a public address starts with https:// and is on "
                "the internet. Attach a file instead."
            )

    def fetch(self, address: str, most_bytes: int) -> bytes:
        """The content, up to one byte more than `most_bytes`.

        Raises `NotPublic` if there is nothing that Docs could fetch, or not in time, and
        `Unreachable` if nobody answered.
        """
        session = self._session()
        had: Future[bytes] = Future()

        def have() -> None:
            try:
                had.set_result(self._had(session, address, most_bytes))
            except BaseException as fault:  # raised where the result is awaited
                had.set_exception(fault)

        # A daemon: nobody waits for a call to a server that drips bytes.
        threading.Thread(target=have, daemon=True).start()
        seconds = 2 * self._timeout_seconds
        try:
            return had.result(seconds)
        except TimeoutError:
            raise NotPublic(f"The picture did not arrive within {seconds:g} s.") from None

    def _had(self, session: requests.Session, address: str, most_bytes: int) -> bytes:
        try:
            with session:
                return self._followed(session, address, most_bytes)
        except NotOnTheInternet as inside:
            raise NotPublic(
                f"{inside.name} leads to {inside.address}, a private address. Attach a file "
                f"instead."
            ) from None
        except FAULTS as fault:
            host = urlsplit(address).hostname
            raise Unreachable(f"{host} could not be reached.", detail=repr(fault)) from fault

    def _session(self) -> requests.Session:
        session = Session()
        # Don't accept compression: a kilobyte may unpack to a gigabyte.
        session.headers["Accept-Encoding"] = "identity"
        if self._endpoint.root_url is None:
            session.mount("https://", OpenInternet())
        else:
            # A rehearsal server is on this machine: a proxy would carry the call elsewhere.
            session.trust_env = False
        return session

    def _followed(self, session: requests.Session, address: str, most_bytes: int) -> bytes:
        for _ in range(_MOST_REDIRECTS + 1):
            self.check_address(address)
            with session.get(
                address,
                timeout=self._timeout_seconds,
                allow_redirects=False,
                stream=True,
                auth=_nobody,
            ) as answer:
                if not answer.is_redirect:
                    return _content(answer, most_bytes)
                address = urljoin(address, answer.headers["Location"])
        raise NotPublic("It redirects too many times.")


def _content(answer: requests.Response, most_bytes: int) -> bytes:
    if answer.status_code != 200:
        raise NotPublic(f"It answers with {answer.status_code}, so the picture is not public.")
    content = bytearray()
    for chunk in answer.raw.stream(_CHUNK_BYTES, decode_content=False):
        content += chunk
        if len(content) > most_bytes:
            break
    return bytes(content[: most_bytes + 1])


def _nobody(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """No sign-in: otherwise requests would look one up in a .netrc file."""
    return request


def _on_the_internet(host: str) -> bool:
    try:
        return is_public(ipaddress.ip_address(host))
    except ValueError:
        pass
    # A name without a dot belongs to this machine or its network, and one that ends in a number
    # (127.1, 0x7f.1) is an address (WHATWG URL, "ends in a number").
    labels = host.removesuffix(".").split(".")
    return len(labels) > 1 and all(labels) and not _NUMBER.fullmatch(labels[-1])
