"""A picture at a public address, looked at as Docs will: without a sign-in, from anywhere."""

from __future__ import annotations

import ipaddress
import re
import threading
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from workflow.google.endpoint import Endpoint, is_public, origin
from workflow.google.faults import Unreachable

if TYPE_CHECKING:
    import requests

_MOST_REDIRECTS = 5
_LONGEST_ADDRESS_BYTES = 2048  # reference, InsertInlineImageRequest.uri
_CHUNK_BYTES = 1 << 16
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)


class NotPublic(ValueError):
    """Docs could not have it from there. `str()` is a sentence, without the address' query."""


class PublicPictures:
    """What can be had from the web for a doc of the Google at `endpoint`.

    For the real one that is any https address of the open internet. A stand-in fetches from
    itself alone, so that nothing of a rehearsal leaves this machine. `timeout_seconds` bounds the
    connecting and each wait for bytes, and twice that the whole, so that nobody who sends a byte
    now and then can hold a person up.
    """

    def __init__(self, endpoint: Endpoint, timeout_seconds: float) -> None:
        self._endpoint = endpoint
        self._timeout_seconds = timeout_seconds

    def check_address(self, address: str) -> None:
        """Raise `NotPublic` for an address that Docs could not fetch from."""
        try:
            parts = urlsplit(address)
            host, place = parts.hostname or "", origin(address)
        except ValueError:  # an unclosed bracket, a port that is no number
            raise NotPublic("That is not an address that can be read.") from None
        if parts.username is not None or parts.password is not None:
            raise NotPublic("An address with a name and a password in it is not a public one.")
        if len(address.encode()) > _LONGEST_ADDRESS_BYTES:
            raise NotPublic("The address is longer than the 2 kB that Docs takes.")
        if self._endpoint.root_url is not None:
            if place not in self._endpoint.origins:
                raise NotPublic(
                    f"In a rehearsal nothing is fetched from {host}: only from the rehearsal "
                    "itself. Give a file, with --publish."
                )
        elif parts.scheme != "https" or not _on_the_internet(host):
            raise NotPublic(
                f"{host or 'That'} can't be reached by everybody: a public address starts with "
                "https:// and is on the internet. Give a file instead."
            )

    def fetch(self, address: str, most_bytes: int) -> bytes:
        """What is there, up to one byte more than `most_bytes`.

        Raises `NotPublic` where there is nothing that Docs could have, or not in time, and
        `Unreachable` where nobody answered.
        """
        from concurrent.futures import Future  # noqa: PLC0415 - only for a command that fetches

        session = self._session()
        had: Future[bytes] = Future()

        def have() -> None:
            try:
                had.set_result(self._had(session, address, most_bytes))
            except BaseException as fault:  # raised where it is waited for
                had.set_exception(fault)

        # A daemon: nobody waits for a call that a byte is dripped to now and then.
        threading.Thread(target=have, daemon=True).start()
        seconds = 2 * self._timeout_seconds
        try:
            return had.result(seconds)
        except TimeoutError:
            raise NotPublic(f"The picture did not come within {seconds:g} s.") from None

    def _had(self, session: requests.Session, address: str, most_bytes: int) -> bytes:
        from requests import RequestException  # noqa: PLC0415
        from urllib3.exceptions import HTTPError  # noqa: PLC0415

        from workflow.google.open_internet import NotOnTheInternet  # noqa: PLC0415

        try:
            with session:
                return self._followed(session, address, most_bytes)
        except NotOnTheInternet as inside:
            raise NotPublic(
                f"{inside.name} leads to {inside.address} from here, which not everybody can "
                "reach. Give a file instead."
            ) from None
        except (RequestException, HTTPError) as fault:
            host = urlsplit(address).hostname
            raise Unreachable(f"{host} could not be reached.", detail=repr(fault)) from fault

    def _session(self) -> requests.Session:
        import requests  # noqa: PLC0415

        from workflow.google.open_internet import OpenInternet  # noqa: PLC0415

        session = requests.Session()
        # What is packed is not unpacked: a kilobyte may become a gigabyte.
        session.headers["Accept-Encoding"] = "identity"
        if self._endpoint.root_url is None:
            session.mount("https://", OpenInternet())
        else:
            # A stand-in is on this machine: a proxy would carry the call away from it.
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
        raise NotPublic("It leads from one address to the next, and on.")


def _content(answer: requests.Response, most_bytes: int) -> bytes:
    if answer.status_code != 200:
        raise NotPublic(
            f"It answers with {answer.status_code}, so not everybody can see what is there."
        )
    content = bytearray()
    for chunk in answer.raw.stream(_CHUNK_BYTES, decode_content=False):
        content += chunk
        if len(content) > most_bytes:
            break
    return bytes(content[: most_bytes + 1])


def _nobody(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """No sign-in: requests would else look one up in a .netrc file."""
    return request


def _on_the_internet(host: str) -> bool:
    try:
        return is_public(ipaddress.ip_address(host))
    except ValueError:
        pass
    # A name; one without a dot is of this machine or its network, and one that ends in a number
    # (127.1, 0x7f.1) is an address after all (WHATWG URL, "ends in a number").
    labels = host.removesuffix(".").split(".")
    return len(labels) > 1 and all(labels) and not _NUMBER.fullmatch(labels[-1])
