"""Where Google is: the real one, or a Google-compatible server on this machine."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from urllib.parse import urlsplit

REAL_ORIGINS = frozenset(
    {
        "https://docs.googleapis.com",
        "https://www.googleapis.com",
        "https://gmail.googleapis.com",
    }
)
# Where an IPv4 address is reached from a network without IPv4 (RFC 6052, 2.1), and all of IPv6
# that is given out (RFC 3587, 3): Python counts more as global.
_NAT64 = IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = IPv6Network("2000::/3")


@dataclass(frozen=True)
class Endpoint:
    """The Google that calls go to.

    `root_url` is None for the real one, else the base address of a Google-compatible server
    that serves Docs, Drive and Gmail alike: `http://127.0.0.1:8765`. Plain http is for this
    machine alone. Raises ValueError, with a sentence, for any other address.
    """

    root_url: str | None = None

    def __post_init__(self) -> None:
        if self.root_url is not None:
            _check(self.root_url)

    @property
    def origins(self) -> frozenset[str]:
        """Every `scheme://host:port` that calls to this Google may reach."""
        return REAL_ORIGINS if self.root_url is None else frozenset({origin(self.root_url)})

    @property
    def is_loopback(self) -> bool:
        """Whether this is a server on this machine."""
        return self.root_url is not None and is_loopback(urlsplit(self.root_url).hostname or "")


def origin(url: str) -> str:
    """The `scheme://host:port` of an address, in lower case, without the scheme's own port."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = parts.port
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in {None, usual} else "")


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine and no other."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is one machine's on the open internet, where everybody can reach it."""
    if isinstance(address, IPv6Address) and address in _NAT64:
        address = IPv4Address(int(address) & 0xFFFFFFFF)
    elif isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address.sixtofour or address
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    return address.is_global and not address.is_multicast


def _check(root_url: str) -> None:
    if "@" in root_url:
        # Not shown: what stands before it may be a password.
        raise ValueError(
            "The address holds a name or a password, which is for no server here. Write it as"
            " http://127.0.0.1:8765."
        )
    try:
        parts = urlsplit(root_url)
        readable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # an unclosed bracket, a port that is no number or too large
        readable = False
    if not readable or not root_url.isprintable() or " " in root_url:
        raise ValueError(
            f"{root_url!r} is not the address of a server. Write it as http://127.0.0.1:8765."
        )
    if parts.query or parts.fragment:
        raise ValueError(f"{root_url!r} holds more than scheme, host, port and path.")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ValueError(
            f"{root_url!r} is plain http to another machine, which anyone on the way could read."
            " Use https, or a server on this machine."
        )
