"""The way to the open internet alone, and never into the network that this machine stands in."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.util.connection import create_connection

from workflow.google.endpoint import is_public


class NotOnTheInternet(ValueError):
    """A name leads to an address that not everybody can reach; nothing was sent there."""

    def __init__(self, name: str, address: str) -> None:
        super().__init__(f"{name} leads to {address}")
        self.name = name
        self.address = address


class OpenInternet(HTTPAdapter):
    """Carries the calls of a session that is to reach public addresses, over https.

    A name is looked up once: each address it leads to is checked, and the connection is made to
    one of just these, so that no second look-up can answer otherwise (DNS rebinding). The
    certificate is still asked for by the name. Where the environment names a proxy, that looks
    names up, and says itself where it goes.

    A call raises `NotOnTheInternet` where one of the addresses is not public.
    """

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any
    ) -> None:
        """As requests asks of an adapter; the proxies' pools are made elsewhere."""
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
    """Each address of a host once, the best first. Raises OSError where there is none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[0]) for *_, place in found))
