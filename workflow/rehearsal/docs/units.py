"""Text as UTF-16 code units, the unit of every index in a Google Doc.

Inside the engine a string holds one character per code unit: a character outside the Basic
Multilingual Plane is stored as its two surrogates. So `len`, slicing and searching count as Google
counts, and no index is ever converted. `to_units` and `from_units` are the two doors.
"""

from __future__ import annotations

import re
from typing import Final

_ASTRAL: Final = re.compile("[\U00010000-\U0010ffff]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_UNPAIRED: Final = re.compile(
    "[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]"
)
# Docs API reference, InsertTextRequest.text: these are stripped from inserted text.
_STRIPPED: Final = re.compile("[\u0000-\u0008\u000c-\u001f\ue000-\uf8ff]")


def to_units(text: str) -> str:
    """The text with one character per UTF-16 code unit."""
    if _ASTRAL.search(text) is None:
        return text
    return "".join(_pair(c) if c > "\uffff" else c for c in text)


def from_units(units: str) -> str:
    """The text whose code units these are; an unpaired surrogate stays as it is."""
    if _SURROGATE.search(units) is None:
        return units
    return units.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def has_unpaired_surrogate(units: str) -> bool:
    """Whether a surrogate stands alone, which no valid text has."""
    return _SURROGATE.search(units) is not None and _UNPAIRED.search(units) is not None


def splits_pair(units: str, at: int) -> bool:
    """Whether a cut before the unit at `at` (code units) would halve a surrogate pair."""
    return (
        0 < at < len(units)
        and "\ud800" <= units[at - 1] <= "\udbff"
        and "\udc00" <= units[at] <= "\udfff"
    )


def insertable(units: str) -> str:
    """The text as Google stores it: control and private use characters are dropped."""
    return _STRIPPED.sub("", units)


def _pair(character: str) -> str:
    offset = ord(character) - 0x10000
    return chr(0xD800 + (offset >> 10)) + chr(0xDC00 + (offset & 0x3FF))
