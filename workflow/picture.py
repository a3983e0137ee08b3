"""Which pictures Google Docs can show, told by the file's own first bytes.

Docs takes PNG, JPEG and GIF, of less than 50 MB and at most 25 megapixels (reference,
InsertInlineImageRequest).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LARGEST_BYTES = 50_000_000 - 1
_MOST_PIXELS = 25_000_000
# A JPEG's size stands in its frame header; C4, C8 and CC are other segments (ITU-T T.81, B.1.1.3).
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Markers that stand alone, without a length behind them: RSTn and TEM.
_LONE_MARKERS = frozenset({0x01, *range(0xD0, 0xD8)})


class NotAPicture(ValueError):
    """Docs can't show it. `str()` says why, to go on a sentence that begins with its name."""


@dataclass(frozen=True)
class Picture:
    """What a picture is, and how large, in pixels."""

    media_type: str
    width: int
    height: int


def look_at(content: bytes) -> Picture:
    """The picture that these bytes are. Raises `NotAPicture`."""
    found = _png(content) or _gif(content) or _jpeg(content)
    if found is None or not found.width or not found.height:
        raise NotAPicture("is not a PNG, JPEG or GIF picture")
    if len(content) > LARGEST_BYTES:
        raise NotAPicture(f"has {len(content) / 1e6:.0f} MB; Docs shows pictures of less than 50")
    pixels = found.width * found.height
    if pixels > _MOST_PIXELS:
        raise NotAPicture(f"has {pixels / 1e6:.0f} megapixels; Docs shows at most 25")
    return found


def _png(content: bytes) -> Picture | None:
    head = re.match(rb"\x89PNG\r\n\x1a\n....IHDR(?P<width>.{4})(?P<height>.{4})", content, re.S)
    if head is None:
        return None
    return Picture("image/png", int.from_bytes(head["width"]), int.from_bytes(head["height"]))


def _gif(content: bytes) -> Picture | None:
    head = re.match(rb"GIF8[79]a(?P<width>..)(?P<height>..)", content, re.S)
    if head is None:
        return None
    width, height = (int.from_bytes(head[side], "little") for side in ("width", "height"))
    return Picture("image/gif", width, height)


def _jpeg(content: bytes) -> Picture | None:
    if not content.startswith(b"\xff\xd8\xff"):
        return None
    at = 2
    while at + 4 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker in _FRAME_MARKERS:
            frame = content[at + 5 : at + 9]
            return Picture("image/jpeg", int.from_bytes(frame[2:]), int.from_bytes(frame[:2]))
        if marker == 0xFF:  # filling before a marker
            at += 1
        elif marker in _LONE_MARKERS:
            at += 2
        else:
            at += 2 + int.from_bytes(content[at + 2 : at + 4])
    return None
