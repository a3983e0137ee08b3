"""Fetching a public picture: from the checked address, never from a private network."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import certify
from tests.google.misbehaving_server import Behaviour, MisbehavingServer, answers, running
from workflow.google.endpoint import Endpoint
from workflow.google.faults import Unreachable
from workflow.google.public_pictures import NotPublic, PublicPictures

OPEN = "198.41.0.4"  # any address of the open internet
_PROXIES = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY")


class World:
    """Host names with test addresses, and an open internet that is one local server."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: dict[str, list[str]] = {}
        self.looked_up: list[str] = []
        self.connected_to: list[str] = []
        self.port = 0
        real_look_up, real_connect = socket.getaddrinfo, socket.socket.connect

        def look_up(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
            if re.fullmatch(r"[0-9a-f.:]+", host):
                return real_look_up(host, port, *args, **kwargs)
            self.looked_up.append(host)
            if host not in self.names:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            return [
                (socket.AF_INET6 if ":" in each else socket.AF_INET, 1, 6, "", (each, port))
                for each in self.names[host]
            ]

        def connect(opened: socket.socket, address: Any) -> None:
            self.connected_to.append(address[0])
            if address[0] == OPEN:
                address = ("127.0.0.1", self.port)
            elif address[0] != "127.0.0.1":
                raise ConnectionRefusedError
            real_connect(opened, address)

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        monkeypatch.setattr(socket.socket, "connect", connect)
        for name in _PROXIES:
            monkeypatch.delenv(name, raising=False)

    @contextmanager
    def server(self, behave: Behaviour, certificates: Path) -> Iterator[MisbehavingServer]:
        """The server that answers at `OPEN`."""
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
        with running(behave, tls) as server:
            self.port = server.port
            yield server


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A certificate for pictures.example, of an authority that is trusted."""
    folder = certify("pictures.example", tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(folder / "cert.pem"))
    return folder


def had(address: str = "https://pictures.example/graph.png") -> bytes:
    return PublicPictures(Endpoint(), 2).fetch(address, 100)


def test_the_address_that_was_looked_at_is_the_one_that_is_called(
    world: World, trusted: Path
) -> None:
    world.names["pictures.example"] = [OPEN]
    with world.server(answers(200, b"picture"), trusted) as server:
        assert had() == b"picture"
        (request,) = server.received
    assert request.headers["host"] == "pictures.example"
    assert world.looked_up == ["pictures.example"]
    assert world.connected_to == [OPEN]


def test_a_password_of_netrc_does_not_go_along(
    world: World, trusted: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine pictures.example login ann password hunter2\n", encoding="ascii")
    monkeypatch.setenv("NETRC", str(netrc))
    world.names["pictures.example"] = [OPEN]
    with world.server(answers(200, b"picture"), trusted) as server:
        assert had() == b"picture"
        (request,) = server.received
    assert not {"authorization", "cookie"} & request.headers.keys()


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.5",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "::1",
        "fe80::1",
        "fd00::5",
        "::ffff:10.0.0.5",
        "64:ff9b::a00:5",
        "2002:a00:5::1",
    ],
)
def test_a_public_name_that_leads_into_a_network_here_is_not_asked(
    world: World, address: str
) -> None:
    world.names["pictures.example"] = [address]
    with pytest.raises(NotPublic) as refused:
        had()
    assert str(refused.value) == (
        f"pictures.example leads to {address}, a private address. Attach a file instead."
    )
    assert world.connected_to == []


def test_one_such_address_among_others_is_enough(world: World) -> None:
    world.names["pictures.example"] = [OPEN, "192.168.1.9"]
    with pytest.raises(NotPublic, match=re.escape("leads to 192.168.1.9, a private address")):
        had()
    assert world.connected_to == []


def test_a_redirect_leads_no_further_than_the_first_address(world: World, trusted: Path) -> None:
    world.names |= {"pictures.example": [OPEN], "inner.example": ["10.0.0.5"]}
    moved = answers(302, b"", {"Location": "https://inner.example/"})
    with (
        world.server(moved, trusted),
        pytest.raises(NotPublic, match=re.escape("inner.example leads to 10.0.0.5")),
    ):
        had()
    assert world.connected_to == [OPEN]


def test_where_the_first_address_is_dead_the_next_is_called(world: World, trusted: Path) -> None:
    world.names["pictures.example"] = ["198.41.0.9", OPEN]
    with world.server(answers(200, b"picture"), trusted):
        assert had() == b"picture"
    assert world.connected_to == ["198.41.0.9", OPEN]


def test_who_does_not_prove_to_be_that_name_is_asked_for_nothing(
    world: World, trusted: Path
) -> None:
    world.names["other.example"] = [OPEN]
    with (
        world.server(answers(200, b"picture"), trusted) as server,
        pytest.raises(Unreachable, match=re.escape("other.example could not be reached.")),
    ):
        had("https://other.example/graph.png")
    assert server.received == []


def test_a_name_that_is_not_known_can_be_tried_again(world: World) -> None:
    with pytest.raises(Unreachable, match=re.escape("pictures.example could not be reached.")):
        had()


def test_a_proxy_looks_names_up_itself(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(answers(502, b"")) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        with pytest.raises(Unreachable):
            had()
        (request,) = proxy.received
    assert (request.method, request.target) == ("CONNECT", "pictures.example:443")
    assert world.looked_up == []
