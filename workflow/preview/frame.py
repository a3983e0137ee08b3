"""How large a frame a mail needs: a guess, because a sandboxed one can't be measured."""

from __future__ import annotations

import math
import unicodedata
from enum import StrEnum

_LETTER_PX = 7.6  # on average, at the 16 px that mails are written in
_LINE_PX = 25
_GAP_PX = 16
_MARGIN_PX = 40
_AIR_PX = 90
_LOWEST_PX, _HIGHEST_PX = 240, 1600
_PHONE_SCREEN_PX = 780


class Width(StrEnum):
    """The screens on which a mail is shown."""

    DESKTOP = "desktop"
    PHONE = "phone"

    @property
    def px(self) -> int:
        """CSS pixels from edge to edge of the mail."""
        return 375 if self is Width.PHONE else 680

    @property
    def other(self) -> Width:
        """The other one."""
        return Width.DESKTOP if self is Width.PHONE else Width.PHONE


def height_px(text: str, width: Width) -> int:
    """About the height in CSS pixels that a mail with this plain text takes at a width.

    A little too much rather than too little. A phone's frame is never higher than its screen.
    """
    room = (width.px - _MARGIN_PX) / _LETTER_PX
    lines = sum(math.ceil(_columns(line) / room) for line in text.splitlines())
    gaps = sum(not line for line in text.splitlines())
    wanted = _AIR_PX + lines * _LINE_PX + gaps * _GAP_PX
    highest = _PHONE_SCREEN_PX if width is Width.PHONE else _HIGHEST_PX
    return min(max(wanted, _LOWEST_PX), highest)


def _columns(line: str) -> int:
    """The line's length in letters, those of East Asia and emoji counted as two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in line)
