"""The user at the other end of a connection on this machine.

A drill may use a real list. Every user of the machine can reach loopback, so the server asks the
kernel who connected, and rejects anybody else. Linux says it (sock_diag(7), and slower in
/proc/net/tcp); elsewhere nobody is rejected.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
from pathlib import Path

_TABLE = Path("/proc/net/tcp")
# The columns after the two addresses: state, queues, timer, retransmissions, and then the user.
_USER_COLUMN = 4
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


def is_of_somebody_else(connection: socket.socket) -> bool:
    """Whether another user of this machine opened a connection. The administrator is allowed."""
    if sys.platform != "linux" or connection.family != socket.AF_INET:
        return False
    try:
        theirs, ours = connection.getpeername(), connection.getsockname()
    except OSError:  # it was closed
        return True
    found = _user_by_netlink(theirs, ours)
    if found is None:
        found = _user_by_table(theirs, ours)
    return found is not None and found not in {0, os.getuid()}


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
    if len(answer) < _USER_OFFSET + 4 or _HEADER.unpack_from(answer)[1] != _SOCK_DIAG_BY_FAMILY:
        return None
    return int(struct.unpack_from("=L", answer, _USER_OFFSET)[0])


def _user_by_table(theirs: Address, ours: Address) -> int | None:
    """The same from the table of all sockets; `_NOBODY` if it is gone already."""
    try:
        table = _TABLE.read_bytes()
    except OSError:
        return None
    if b" " + _as_listed(ours) + b" " not in table:  # the table lacks even our own end
        return None
    _, found, rest = table.partition(b" " + _as_listed(theirs) + b" " + _as_listed(ours) + b" ")
    return int(rest.split(None, _USER_COLUMN + 1)[_USER_COLUMN]) if found else _NOBODY


def _as_listed(address: Address) -> bytes:
    """`0100007F:1F90`: the address as a number of this machine's byte order, and the port."""
    host, port = address
    number = int.from_bytes(socket.inet_aton(host), sys.byteorder)
    return f"{number:08X}:{port:04X}".encode()
