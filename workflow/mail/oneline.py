"""Text made fit for one header line: subjects and display names."""

from __future__ import annotations

import re
import unicodedata

SUBJECT_LIMIT = 200
NAME_LIMIT = 120

# Everything that ends a line somewhere, and every control character.
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\s]+")
# Bidirectional embeddings, overrides and isolates reach past the text that holds them and can
# make the rest of a header read backwards. The marks (LRM, RLM, ALM) only act in place, and stay.
_REACHING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_JOINER = "\u200d"


def one_line(text: str, limit: int = SUBJECT_LIMIT) -> str:
    """`text` on one line: no control characters, single spaces, at most `limit` code points.

    A longer text is cut at a word where there is one near, never inside a character that people
    see as one (a letter and its accents, a joined emoji), and ends in `…`. Half of a surrogate
    pair becomes U+FFFD, because no mail can carry it.
    """
    line = _SURROGATES.sub("\ufffd", _REACHING.sub("", text))
    line = _BREAKS.sub(" ", line).strip()
    return line if len(line) <= limit else _cut(line, limit)


def _cut(line: str, limit: int) -> str:
    end = limit - 1
    while end > 0 and _joins(line, end):
        end -= 1
    space = line.rfind(" ", 0, end + 1)
    if space > limit * 2 // 3:
        end = space
    return line[:end].rstrip() + "…"


def _joins(line: str, at: int) -> bool:
    """Whether a cut before `line[at]` would split what people see as one character."""
    here = line[at]
    return (
        unicodedata.combining(here) != 0
        or unicodedata.category(here) in {"Mn", "Me", "Mc"}
        or here == _JOINER
        or line[at - 1] == _JOINER
        or "\U0001f3fb" <= here <= "\U0001f3ff"  # skin tones
    )
