"""The allowed sources of pictures: public addresses, or the rehearsal's own."""

from __future__ import annotations

import gzip
import re
import socket
import time
from pathlib import Path

import pytest

from tests.google.misbehaving_server import (
    Behaviour,
    Received,
    answers,
    closes,
    drips,
    hangs,
    http_answer,
    resets,
    running,
    says,
)
from workflow.google.endpoint import Endpoint
from workflow.google.faults import Unreachable
from workflow.google.public_pictures import NotPublic, PublicPictures

MOST_BYTES = 100


def had(behave: Behaviour, path: str = "/graph.png") -> bytes:
    with running(behave) as server:
        return PublicPictures(Endpoint(server.url), 0.5).fetch(server.url + path, MOST_BYTES)


@pytest.mark.parametrize(
    "address",
    [
        "https://status.example/graph.png",
        "https://status.example:8443/graph.png?size=2",
        "https://8.8.8.8/graph.png",
        "https://[2001:4860:4860::8888]/graph.png",
    ],
)
def test_docs_may_fetch_from_anywhere_on_the_internet(address: str) -> None:
    PublicPictures(Endpoint(), 1).check_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "http://status.example/graph.png",
        "ftp://status.example/graph.png",
        "file:///etc/passwd",
        "https://localhost/graph.png",
        "https://wiki/graph.png",
        "https://127.0.0.1/graph.png",
        "https://[::1]/graph.png",
        "https://10.0.0.5/graph.png",
        "https://192.168.1.9/graph.png",
        "https://169.254.169.254/latest/meta-data",
        "https:///graph.png",
        "https://ann@status.example/graph.png",
        "https://ann:hunter2@status.example/graph.png",
        "https://[::1/graph.png",
        "https://status.example:port/graph.png",
        "https://status.example/" + "a" * 2048,
    ],
)
def test_what_not_everybody_can_reach_is_refused_before_a_call_is_made(address: str) -> None:
    with pytest.raises(NotPublic) as refused:
        PublicPictures(Endpoint(), 1).fetch(address, MOST_BYTES)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("address", ["https://status.example/a.png", "http://127.0.0.1:9/a.png"])
def test_a_stand_in_fetches_from_itself_alone(address: str) -> None:
    with pytest.raises(NotPublic, match="A rehearsal fetches nothing from"):
        PublicPictures(Endpoint("http://127.0.0.1:8080"), 1).fetch(address, MOST_BYTES)


def test_nobody_is_signed_in_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ann password hunter2\n", encoding="ascii")
    monkeypatch.setenv("NETRC", str(netrc))
    with running(answers(200, b"picture")) as server:
        had = PublicPictures(Endpoint(server.url), 1).fetch(f"{server.url}/a.png", MOST_BYTES)
        assert had == b"picture"
        (request,) = server.received
    assert not {"authorization", "cookie"} & request.headers.keys()


def test_no_more_is_read_than_was_asked_for() -> None:
    assert len(had(answers(200, b"x" * 5000))) == MOST_BYTES + 1


def test_a_redirect_is_followed_within_what_may_be_reached() -> None:
    def behave(connection: socket.socket, request: Received) -> None:
        if request.target == "/moved":
            answers(302, b"", {"Location": "/graph.png"})(connection, request)
        else:
            answers(200, b"picture")(connection, request)

    assert had(behave, "/moved") == b"picture"


def test_a_redirect_leads_nowhere_else_and_not_for_ever() -> None:
    with pytest.raises(NotPublic, match=re.escape("fetches nothing from 10.0.0.5")):
        had(answers(302, b"", {"Location": "https://10.0.0.5/"}))
    with pytest.raises(NotPublic, match="redirects too many times"):
        had(answers(302, b"", {"Location": "/again"}))


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_what_is_not_shown_to_everybody_is_not_public(status: int) -> None:
    with pytest.raises(NotPublic, match=f"answers with {status}"):
        had(answers(status, b"no"))


@pytest.mark.parametrize("behave", [closes, resets, hangs, says(b"nonsense\r\n\r\n")])
def test_where_nobody_answers_it_can_be_tried_again(behave: Behaviour) -> None:
    with pytest.raises(Unreachable, match=re.escape("127.0.0.1 could not be reached.")):
        had(behave)


@pytest.mark.parametrize(
    "begun",
    [b"", b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n"],
    ids=["status", "headers", "content"],
)
def test_who_sends_a_byte_now_and_then_holds_nobody_up(begun: bytes) -> None:
    began_at = time.monotonic()
    with pytest.raises(NotPublic, match=re.escape("did not arrive within 1 s.")):
        had(drips(begun))
    assert time.monotonic() - began_at < 4


def test_what_is_packed_is_not_unpacked() -> None:
    """A kilobyte that unpacks into a gigabyte would pass any limit on the bytes read."""
    packed = gzip.compress(b"x" * 5000)
    behave = says(http_answer(200, packed, {"Content-Encoding": "gzip"}))
    assert had(behave) == packed
