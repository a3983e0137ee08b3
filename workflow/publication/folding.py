"""Text as it is compared: without case, accents and characters that nobody sees.

What looks the same to a reader is the same here, so that a name is found however it was typed.
Each letter knows where it stood in the text as it was written.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

# Letters by their category, and yet nothing is drawn: Hangul and Khmer fillers.
_BLANK_LETTERS = frozenset("\u115f\u1160\u17b4\u17b5\u3164\uffa0")
_UNSEEN = frozenset({"Cf", "Mn", "Me", "Cs"})


@dataclass(frozen=True)
class Folded:
    """`text` as it is compared; `places` has for each letter its index in `written`."""

    written: str
    text: str
    places: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where letters `start` up to `end` stand in `written`, with what nobody sees behind."""
        first, last = self.places[start], self.places[end - 1] + 1
        while last < len(self.written) and is_unseen(self.written[last]):
            last += 1
        return first, last


def fold(text: str) -> Folded:
    """The text for finding words in: case and accents count for nothing."""
    return _mapped(text, _caseless)


def without_tricks(text: str) -> Folded:
    """The text for finding patterns in: it keeps its case."""
    return _mapped(text, _plain)


@cache
def is_unseen(letter: str) -> bool:
    """Whether a character draws nothing of its own: a joiner, a mark, a control."""
    category = unicodedata.category(letter)
    is_control = category == "Cc" and not letter.isspace()
    return category in _UNSEEN or is_control or letter in _BLANK_LETTERS


@cache
def _caseless(letter: str) -> str:
    return unicodedata.normalize("NFKD", _plain(letter).casefold())


@cache
def _plain(letter: str) -> str:
    """A character by the plain ones that it looks like: of full width, any digit, any dash."""
    digit = unicodedata.decimal(letter, None)
    if digit is not None:
        return str(digit)
    plain = unicodedata.normalize("NFKD", letter)
    return "".join("-" if unicodedata.category(each) == "Pd" else each for each in plain)


def _mapped(text: str, compared: Callable[[str], str]) -> Folded:
    letters: list[str] = []
    places: list[int] = []
    for place, written in enumerate(text):
        if is_unseen(written):
            continue
        for letter in compared(written):
            if not is_unseen(letter):
                letters.append(letter)
                places.append(place)
    return Folded(text, "".join(letters), tuple(places))
