"""The bytes of a list as text: which encoding they are in, and a clear no where none fits."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator

_CHUNK = 1 << 20
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What people hand over in place of a CSV, by its first bytes.
_OTHER_FILES = (
    (b"PK\x03\x04", "an Excel or OpenDocument workbook"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"%PDF", "a PDF"),
    (b"{\\rtf", "a rich text document"),
    (b"\x1f\x8b", "a compressed file"),
    (b"\x89PNG", "a picture"),
)


class ListUnreadable(ValueError):
    """A list that can't be read as one. The message says what, where and what to do."""


def open_text(content: bytes) -> tuple[io.TextIOBase, str]:
    """The list as a text stream with line ends untouched, and the name of its encoding.

    UTF-8, UTF-16 and Windows-1252, with or without a byte order mark. Memory stays flat.

    Raises:
        ListUnreadable: another kind of file, NUL bytes, or text in none of the encodings.
    """
    for start, kind in _OTHER_FILES:
        if content.startswith(start):
            raise ListUnreadable(f"the list is {kind}, not a CSV. Export it as CSV and try again.")
    encoding = _encoding(content)
    name = encoding.removesuffix("-sig")
    return io.TextIOWrapper(io.BytesIO(content), encoding=encoding, newline=""), name


def _encoding(content: bytes) -> str:
    for bom, encoding in _BOMS:
        if content.startswith(bom):
            _check(content, encoding, f"the list says that it is {encoding.removesuffix('-sig')}")
            return encoding
    wide = _wide_without_mark(content)
    if wide:
        _check(content, wide, f"the list looks like {wide}")
        return wide
    if b"\0" in content:
        line = content.count(b"\n", 0, content.index(b"\0")) + 1
        raise ListUnreadable(
            f"the list has a NUL byte on line {line}: it is damaged or not a text file. "
            "Export it again as CSV in UTF-8."
        )
    if _decodes(content, "utf-8") is None:
        return "utf-8"
    _refuse_broken_utf8(content)
    _check(content, "cp1252", "the list is neither UTF-8 nor UTF-16 nor Windows-1252 text")
    return "cp1252"


def _wide_without_mark(content: bytes) -> str:
    """UTF-16 shows in its first two characters: a header starts with ASCII letters."""
    first = content[:4]
    if len(first) < 4:
        return ""
    if first[1] == first[3] == 0 and first[0] and first[2]:
        return "utf-16-le"
    if first[0] == first[2] == 0 and first[1] and first[3]:
        return "utf-16-be"
    return ""


def _pieces(content: bytes, encoding: str, errors: str = "strict") -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    for at in range(0, len(content), _CHUNK):
        yield decoder.decode(content[at : at + _CHUNK], final=at + _CHUNK >= len(content))


def _decodes(content: bytes, encoding: str) -> int | None:
    """None when all of it decodes, else the line (from 1) where it stops doing so."""
    line = 1
    try:
        for piece in _pieces(content, encoding):
            if "\0" in piece:
                return line + piece[: piece.index("\0")].count("\n")
            line += piece.count("\n")
    except UnicodeDecodeError as error:
        done = error.object[: error.start] if isinstance(error.object, bytes) else b""
        return line + done.count(b"\n")
    return None


def _check(content: bytes, encoding: str, complaint: str) -> None:
    line = _decodes(content, encoding)
    if line is not None:
        raise ListUnreadable(
            f"{complaint}, but line {line} can't be read so. Export it again as CSV in UTF-8."
        )


def _refuse_broken_utf8(content: bytes) -> None:
    """Refuse UTF-8 with a few broken bytes: read as Windows-1252, it would garble every name."""
    whole, broken = 0, 0
    for piece in _pieces(content, "utf-8", "replace"):
        broken += piece.count("\ufffd")
        whole += sum(1 for char in piece if char > "\x7f" and char != "\ufffd")
    if whole > broken:
        line = _decodes(content, "utf-8")
        raise ListUnreadable(
            f"the list is UTF-8 with a broken character on line {line}. "
            "Mend that line, or export the list again."
        )
