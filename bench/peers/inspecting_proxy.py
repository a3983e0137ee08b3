"""Lead a program that only knows https://….googleapis.com to a server on this machine.

It works like a firewall that inspects TLS, so the program needs no change: it gets the proxy
(HTTPS_PROXY) and one more trusted authority. Requests for Gmail go to the server; the sign-in is
answered with a token that the server knows, the API's description with the one in
google-api-python-client. Any other host is refused: nothing leaves the machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import googleapiclient

from bench.peers.serving import served

TOKEN = "rehearsal:you@rehearsal.example:gmail.compose"
_HOSTS = frozenset({"gmail.googleapis.com", "www.googleapis.com", "oauth2.googleapis.com"})
_NAMES = ",".join(f"DNS:{host}" for host in sorted(_HOSTS))
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_DROPPED = re.compile(rb"(?i)\r\n(?:host|authorization|expect):[^\r\n]*")
_MOST_BYTES = 2**20


@dataclass(frozen=True)
class Authority:
    """A self-signed certificate for Google's names, made for one run, and its key."""

    certificate: Path
    key: Path


class NoOpenSsl(RuntimeError):
    """The `openssl` command, which makes the certificate, is missing."""


def make_authority(folder: Path) -> Authority:
    """An authority that only the bench's own processes trust. Raises `NoOpenSsl`."""
    made = Authority(folder / "authority.pem", folder / "authority.key")
    command = [
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
        *("-subj", "/CN=bench", "-addext", f"subjectAltName={_NAMES}"),
        *("-keyout", str(made.key), "-out", str(made.certificate)),
    ]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as fault:
        raise NoOpenSsl("the openssl command is needed for this peer") from fault
    return made


@contextmanager
def inspecting_proxy(upstream: str, authority: Authority) -> Iterator[str]:
    """A proxy whose Google is the server at `upstream`; returns its address."""
    words = (upstream, str(authority.certificate), str(authority.key))
    with served("bench.peers.inspecting_proxy", *words) as address:
        yield address


class _Proxy:
    def __init__(self, upstream: str, tls: ssl.SSLContext) -> None:
        address = urlsplit(upstream)
        self._host, self._port = str(address.hostname), int(address.port or 80)
        self._tls = tls

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of a client, and one to the server behind it."""
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            head = await reader.readuntil(b"\r\n\r\n")
            verb, target, _ = head.split(b"\r\n", 1)[0].decode("ascii").split(" ")
            if verb == "CONNECT" and target.partition(":")[0] in _HOSTS:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await writer.start_tls(self._tls)
                await self._relay(reader, writer)
            else:
                writer.write(b"HTTP/1.1 403 Only Google\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
        writer.close()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(
            self._host, self._port, limit=_MOST_BYTES
        )
        try:
            while True:
                head, body = await _message(reader)
                answer = _own_answer(head)
                if answer is None:
                    server_writer.write(self._addressed(head) + body)
                    answer = b"".join(await _message(server_reader))
                writer.write(answer)
                await writer.drain()
        finally:
            server_writer.close()

    def _addressed(self, head: bytes) -> bytes:
        """The head as the server needs it: with its own name and a token that it knows."""
        line, _, rest = _DROPPED.sub(b"", head).partition(b"\r\n")
        own = f"Host: {self._host}:{self._port}\r\nAuthorization: Bearer {TOKEN}\r\n"
        return line + b"\r\n" + own.encode("ascii") + rest


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    return head, await reader.readexactly(int(length[1])) if length else b""


def _own_answer(head: bytes) -> bytes | None:
    path = head.split(b" ", 2)[1].partition(b"?")[0]
    if path == b"/token":
        token = {"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"}
        return _json_answer(json.dumps(token).encode())
    if path == b"/$discovery/rest":
        package = Path(str(googleapiclient.__file__)).parent
        return _json_answer((package / "discovery_cache/documents/gmail.v1.json").read_bytes())
    return None


def _json_answer(content: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(content)}"
    return head.encode("ascii") + b"\r\n\r\n" + content


async def _main(upstream: str, certificate: str, key: str) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    proxy = _Proxy(upstream, tls)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, limit=_MOST_BYTES)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
