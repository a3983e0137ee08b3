"""The numbers before the items of a numbered list, as a reader sees them."""

from __future__ import annotations

_ROMAN = (
    (1000, "m"),
    (900, "cm"),
    (500, "d"),
    (400, "cd"),
    (100, "c"),
    (90, "xc"),
    (50, "l"),
    (40, "xl"),
    (10, "x"),
    (9, "ix"),
    (5, "v"),
    (4, "iv"),
    (1, "i"),
)


def numeral(number: int, glyph_type: str) -> str:
    """A list's number in its glyph type: 4 is `4`, `04`, `d`, `D`, `iv` or `IV`.

    `glyph_type` is one of the Docs API's `GlyphType`s; an unknown one counts in decimals.
    """
    if glyph_type == "ZERO_DECIMAL":
        return f"{number:02}"
    if glyph_type.endswith("ALPHA"):
        return _cased(_letters(number), glyph_type)
    if glyph_type.endswith("ROMAN"):
        return _cased(_roman(number), glyph_type)
    return str(number)


def _cased(text: str, glyph_type: str) -> str:
    return text.upper() if glyph_type.startswith("UPPER") else text


def _letters(number: int) -> str:
    text = ""
    while number > 0:
        number, letter = divmod(number - 1, 26)
        text = chr(ord("a") + letter) + text
    return text


def _roman(number: int) -> str:
    text = ""
    for value, sign in _ROMAN:
        count, number = divmod(number, value)
        text += sign * count
    return text
