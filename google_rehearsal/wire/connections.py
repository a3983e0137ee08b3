"""Connections to the rehearsal, and who opened them.

A drill may use a real list, and every user of the machine can reach loopback. Linux says who
connected (sock_diag(7), and slower in /proc/net/tcp), and somebody else's connection is closed.
Where nothing says it, a caller must show the home's secret: see `visitors`.
"""

from __future__ import annotations

import os
import socket
import socketserver
import struct
import sys
from contextlib import suppress
from enum import Enum
from pathlib import Path
from threading import Lock, Thread
from typing import Any

_TABLE = Path("/proc/net/tcp")
# The columns after the two addresses: state, queues, timer, retransmissions, and then the user.
_USER_COLUMN = 4
_INODE_COLUMN = 6
# A socket that its process has closed has no inode, and the kernel says that it is user 0's.
_NOBODY = -1
# linux/netlink.h, linux/sock_diag.h and linux/inet_diag.h
_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST = 1
_NLMSG_ERROR = 2
_HEADER = struct.Struct("=LHHLL")
_REQUEST = struct.Struct("=BBBBL" + "4s16s16s" + "LLL")
_ANY_COOKIE = 0xFFFFFFFF
_USER_OFFSET = _HEADER.size + 4 + 48 + 3 * 4

Address = tuple[str, int]


class Opener(Enum):
    """The user who opened a connection, as far as this machine says it."""

    OURS = "ours"
    """This user, or the administrator."""
    SOMEBODY_ELSE = "somebody else"
    UNKNOWN = "unknown"


class OwnConnections(socketserver.TCPServer):
    """A server on loopback that hangs up on other users; it closes what is open when it stops."""

    allow_reuse_address = sys.platform != "win32"

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._lock = Lock()
        self._connections: set[socket.socket] = set()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.server_address[1])

    def stop(self) -> None:
        """Stop listening and close every connection."""
        ending = Thread(target=self.shutdown)
        ending.start()
        with suppress(OSError):  # it wakes the loop, which sees only at its next turn that it ends
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        ending.join()
        self.server_close()
        with self._lock:
            for connection in self._connections:
                shut(connection)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Reject other users of this machine."""
        del client_address
        return opener_of(request) is not Opener.SOMEBODY_ELSE

    def opened(self, connection: socket.socket) -> None:
        """Remember a connection, to close it at the end."""
        with self._lock:
            self._connections.add(connection)

    def closed(self, connection: socket.socket) -> None:
        """Forget a connection."""
        with self._lock:
            self._connections.discard(connection)


def shut(connection: socket.socket) -> None:
    """End a connection; the client may have been faster."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def opener_of(connection: socket.socket) -> Opener:
    """The user at the other end. One that is closed already is somebody else's."""
    if sys.platform != "linux" or connection.family != socket.AF_INET:
        return Opener.UNKNOWN
    try:
        theirs, ours = connection.getpeername(), connection.getsockname()
    except OSError:  # it was closed
        return Opener.SOMEBODY_ELSE
    found = _user_by_netlink(theirs, ours)
    if found is None:
        found = _user_by_table(theirs, ours)
    if found is None:
        return Opener.UNKNOWN
    return Opener.OURS if found in {0, os.getuid()} else Opener.SOMEBODY_ELSE


def says_who_opens() -> bool:
    """Whether this machine says who opened a connection; tried with one of our own."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()),
    ):
        connection, _ = server.accept()
        with connection:
            return opener_of(connection) is not Opener.UNKNOWN


def _user_by_netlink(theirs: Address, ours: Address) -> int | None:
    """The user id of the socket at `theirs`, asking for just this one.

    None if the kernel does not answer such questions, or knows no such socket.
    """
    if sys.platform != "linux":
        return None
    ports = struct.pack(">HH", theirs[1], ours[1])
    places = [socket.inet_aton(host).ljust(16, b"\0") for host in (theirs[0], ours[0])]
    question = _REQUEST.pack(
        *(socket.AF_INET, socket.IPPROTO_TCP, 0, 0, 0xFFFFFFFF),
        *(ports, *places, 0, _ANY_COOKIE, _ANY_COOKIE),
    )
    size = _HEADER.size + len(question)
    header = _HEADER.pack(size, _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 1, 0)
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _NETLINK_SOCK_DIAG) as kernel:
            kernel.settimeout(1)
            kernel.send(header + question)
            answer = kernel.recv(4096)
    except OSError:
        return None
    if len(answer) < _USER_OFFSET + 8 or _HEADER.unpack_from(answer)[1] != _SOCK_DIAG_BY_FAMILY:
        return None
    user, inode = struct.unpack_from("=LL", answer, _USER_OFFSET)
    return int(user) if inode else _NOBODY


def _user_by_table(theirs: Address, ours: Address) -> int | None:
    """The same from the table of all sockets; `_NOBODY` if it is gone already."""
    try:
        table = _TABLE.read_bytes()
    except OSError:
        return None
    if b" " + _as_listed(ours) + b" " not in table:  # the table lacks even our own end
        return None
    _, found, rest = table.partition(b" " + _as_listed(theirs) + b" " + _as_listed(ours) + b" ")
    columns = rest.split(None, _INODE_COLUMN + 1)
    is_open = found and columns[_INODE_COLUMN] != b"0"
    return int(columns[_USER_COLUMN]) if is_open else _NOBODY


def _as_listed(address: Address) -> bytes:
    """`0100007F:1F90`: the address as a number of this machine's byte order, and the port."""
    host, port = address
    number = int.from_bytes(socket.inet_aton(host), sys.byteorder)
    return f"{number:08X}:{port:04X}".encode()
