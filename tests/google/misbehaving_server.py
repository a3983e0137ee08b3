"""A TCP server that reads and counts requests, and then behaves as configured."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Behaviour = Callable[[socket.socket, "Received"], None]


@dataclass(frozen=True)
class Received:
    """One request, read completely."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class MisbehavingServer:
    """The received requests, and the behaviour. A connection ends when `behave` raises."""

    behave: Behaviour
    tls: ssl.SSLContext | None = None
    port: int = 0
    received: list[Received] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def posts(self) -> int:
        """The number of POSTs received. Waits, as a client may give up before they are read."""
        deadline = time.monotonic() + 5
        while not self.received and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.count("POST")

    def count(self, method: str) -> int:
        return sum(request.method == method for request in self.received)


@contextmanager
def running(behave: Behaviour, tls: ssl.SSLContext | None = None) -> Iterator[MisbehavingServer]:
    server = MisbehavingServer(behave, tls)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.port = listener.getsockname()[1]
        accepting = threading.Thread(target=_accept, args=(listener, server), daemon=True)
        accepting.start()
        try:
            yield server
        finally:
            # A call that waits at a closed socket can continue with the next one of its number, and
            # take the connections of another test's server.
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join(timeout=5)


def http_answer(
    status: int, body: bytes | dict[str, object], headers: dict[str, str] | None = None
) -> bytes:
    content = json.dumps(body).encode() if isinstance(body, dict) else body
    fields = {
        "Content-Type": "application/json; charset=UTF-8",
        "Content-Length": str(len(content)),
        **(headers or {}),
    }
    lines = [f"HTTP/1.1 {status} Said", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode() + content


def answers(
    status: int, body: bytes | dict[str, object], headers: dict[str, str] | None = None
) -> Behaviour:
    """Give every request the same answer, and keep the connection open."""
    return lambda connection, _: connection.sendall(http_answer(status, body, headers))


def says(raw: bytes) -> Behaviour:
    """Write these bytes and close."""

    def behave(connection: socket.socket, _: Received) -> None:
        connection.sendall(raw)
        raise ConnectionAbortedError

    return behave


def drips(first: bytes) -> Behaviour:
    """Write these bytes, and then one every 20 ms, until the client gives up."""

    def behave(connection: socket.socket, _: Received) -> None:
        connection.sendall(first)
        ends_at = time.monotonic() + 5
        while time.monotonic() < ends_at:
            time.sleep(0.02)
            connection.sendall(b"x")
        raise ConnectionAbortedError

    return behave


def closes(connection: socket.socket, _: Received) -> None:
    """Send FIN, without an answer."""
    raise ConnectionAbortedError


def resets(connection: socket.socket, _: Received) -> None:
    """Send RST, without an answer."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise ConnectionAbortedError


def hangs(connection: socket.socket, _: Received) -> None:
    """Don't answer until the client gives up."""
    connection.recv(1)
    raise ConnectionAbortedError


def _accept(listener: socket.socket, server: MisbehavingServer) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        server.connections += 1
        threading.Thread(target=_serve, args=(connection, server), daemon=True).start()


def _serve(connection: socket.socket, server: MisbehavingServer) -> None:
    connection.settimeout(5)
    try:
        if server.tls is not None:
            connection = server.tls.wrap_socket(connection, server_side=True)
        with connection, connection.makefile("rb") as stream:
            while line := stream.readline():
                request = _read(line, stream.readline, stream.read)
                server.received.append(request)
                server.behave(connection, request)
    except (OSError, ValueError):  # the client closed, or it was not HTTP
        return


def _read(first: bytes, readline: Callable[[], bytes], read: Callable[[int], bytes]) -> Received:
    method, target, _ = first.decode("latin-1").split(" ", 2)
    headers: dict[str, str] = {}
    while line := readline().strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    return Received(method, target, headers, read(int(headers.get("content-length", 0))))
