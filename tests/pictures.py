"""Small pictures in the three formats that Google Docs accepts."""

from __future__ import annotations

import struct
import zlib


def png(width: int = 40, height: int = 20, *, shade: int = 0xC0) -> bytes:
    """A grey rectangle. `width` and `height` are in pixels."""
    rows = zlib.compress((b"\0" + bytes([shade]) * width) * height)
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in ((b"IHDR", head), (b"IDAT", rows), (b"IEND", b""))
    )


def png_head(width: int, height: int) -> bytes:
    """Only the head of a picture, which may be far larger than a test should hold."""
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", width, height)


def gif(width: int = 40, height: int = 20) -> bytes:
    """The head of a GIF."""
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\0\0\0;"


def jpeg(width: int = 40, height: int = 20) -> bytes:
    """The head of a JPEG, with a comment and filling bytes before the size."""
    comment = b"\xff\xfe" + struct.pack(">H", 7) + b"hello"
    frame = b"\xff\xff\xc2" + struct.pack(">HBHH", 11, 8, height, width) + b"\1\1\x11\0"
    return b"\xff\xd8" + comment + frame + b"\xff\xd9"
