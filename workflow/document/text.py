"""Text as Google Docs keeps it: what survives an insert, and its length in UTF-16 units."""

from __future__ import annotations

import hashlib
import re

LINE_BREAK = "\v"
"""U+000B, a new line inside one paragraph."""

NON_TEXT = "\ue907"
"""What stands in a paragraph's text for each unit of a chip, picture or other non-text element."""

# Stripped from an insert: U+0000-0008, U+000C-001F, U+E000-F8FF (reference, InsertTextRequest).
# Lone surrogates are no text at all. Carriage returns are line ends and are dealt with before.
_LOST = re.compile("[\x00-\x08\x0c\x0e-\x1f\ud800-\udfff\ue000-\uf8ff]")
_LINE_END = re.compile("\r\n|[\n\r\v\x85\u2028\u2029]")


def clean_text(text: str) -> str:
    """The text of one paragraph, to the letter as Docs will keep it.

    Each character that Docs would strip becomes U+FFFD, so that lengths are known before the
    text is sent; each kind of line end becomes U+000B, so that it stays one paragraph.
    """
    return _LOST.sub("\ufffd", _LINE_END.sub(LINE_BREAK, text))


def utf16_length(text: str) -> int:
    """The length in UTF-16 code units, the unit of every index in a doc."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def inner_length(text: str) -> int:
    """The length of a text without its last character, or of all of it where it has but one.

    A range of that length leaves the end of its paragraph out: what is later inserted there is
    not at the range's edge, where Docs does not say whether a range grows.
    """
    return utf16_length(text[:-1] or text)


def text_from(text: str, offset: int) -> str:
    """What is left of `text` from `offset`, which counts UTF-16 code units."""
    return text.encode("utf-16-le", "surrogatepass")[2 * offset :].decode("utf-16-le", "replace")


def fingerprint(text: str) -> str:
    """Sixteen hex digits that tell, later, whether a text is still to the letter the same."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
