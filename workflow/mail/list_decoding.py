"""Decode a list's bytes: find the encoding, or refuse clearly.

A one-byte encoding is guessed by the words in the list. It fits a word if the letters beyond ASCII
are those of one language written in it: `Dvořák` is a Czech word in Windows-1250, but `Dvoøák` in
Windows-1252 is no word. General detectors need longer texts than a column of names
(charset-normalizer takes `Dvořák; Łukasz` in Windows-1250 for Big5).
"""

from __future__ import annotations

import codecs
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from workflow.errors import BadInput

_MOST_WORDS = 20_000
_LONGEST_WORD = 40
_WORD = re.compile(rb"[A-Za-z\x80-\xff]*[\x80-\xff][A-Za-z\x80-\xff]*")
# Characters at the edge of a word that aren't its letters.
_AT_EDGES = "“”„‚‘’«»‹›–—…®™©°€·•\u00a0"
_RARE = 0.5  # so rare that another language with the same bytes is likelier

NAMES = {
    "cp1252": "Windows-1252 (Western European)",
    "cp1250": "Windows-1250 (Central European)",
    "cp1251": "Windows-1251 (Cyrillic)",
    "cp1253": "Windows-1253 (Greek)",
    "cp1254": "Windows-1254 (Turkish)",
    "cp1255": "Windows-1255 (Hebrew)",
    "cp1256": "Windows-1256 (Arabic)",
    "cp1257": "Windows-1257 (Baltic)",
    "iso8859_2": "ISO 8859-2 (Central European)",
    "mac_roman": "Mac Roman",
    "cp850": "DOS 850 (Western European)",
    "cp852": "DOS 852 (Central European)",
    "cp866": "DOS 866 (Cyrillic)",
    "koi8_r": "KOI8-R (Cyrillic)",
}

_WESTERN = (
    *("äöüß", "àâæçéèêëîïôœùûüÿ", "áéíñóúüç", "ãáâàçéêíóôõúü", "àèéìíîòóùú", "æøåéóôü"),
    *("åäöéü", "áéëïíóöúü", "àéèíïóòúüç"),
)
_ICELANDIC = "áðéíóúýþæö"
_CENTRAL = (
    *("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "čćđšž", "ăâîşţșț", "çë"),
)
_BALTIC = ("āčēģīķļņšūž", "ąčęėįšųūž", "äõöüšž")
_TURKISH = ("çğıöşüâi\u0307",)
_CYRILLIC, _GREEK, _HEBREW, _ARABIC = "CYRILLIC", "GREEK", "HEBREW", "ARABIC"

# The languages of each encoding: letters, or the name of a whole script. The order is by
# likelihood, if nothing else decides.
_LANGUAGES: dict[str, tuple[str, ...]] = {
    "cp1252": (*_WESTERN, _ICELANDIC),
    "cp1250": _CENTRAL,
    "cp1251": (_CYRILLIC,),
    "cp1253": (_GREEK,),
    "cp1254": _TURKISH,
    "cp1255": (_HEBREW,),
    "cp1256": (_ARABIC,),
    "cp1257": _BALTIC,
    "iso8859_2": _CENTRAL,
    "mac_roman": _WESTERN,
    "cp850": _WESTERN,
    "cp852": _CENTRAL,
    "cp866": (_CYRILLIC,),
    "koi8_r": (_CYRILLIC,),
}
# How often a list has this encoding: decides if the words fit several.
_USED = {"cp1250": 0.95, "iso8859_2": 0.9} | dict.fromkeys(
    ("cp1257", "mac_roman", "cp850", "cp852", "cp866", "koi8_r"), 0.8
)
# The letters that make up most of a text in a script.
_COMMON = {
    _CYRILLIC: set("оеаинтсрвлкмяийьы"),
    _GREEK: set("αοιετσνηυρπκλμως"),
    _HEBREW: set("יוהלאמרבשתנדםחק"),
    _ARABIC: set("اليمنرتودبسعحقة"),
}


@dataclass(frozen=True)
class Guess:
    """The encoding that explains most of a list's words, and the next best, "" for none."""

    encoding: str
    rival: str = ""


def guesses(content: bytes) -> list[Guess]:
    """The possible encodings of a text, the likeliest first; empty if none explains a word.

    `content` is neither ASCII nor UTF-8 nor UTF-16. Not every guess decodes all of it.
    """
    words = Counter(found[0] for found in islice(_WORD.finditer(content), _MOST_WORDS))
    scores = {name: _score(words, name) for name in _LANGUAGES}
    ranked = sorted((name for name in scores if scores[name] > 0), key=lambda name: -scores[name])
    return [
        Guess(name, next((other for other in ranked if _differ(words, name, other)), ""))
        for name in ranked
    ]


def reads_differently(text: str, encoding: str, rival: str) -> str:
    """`text` in the rival encoding; "" if it is the same or can't be decoded."""
    if not rival or text.isascii():
        return ""
    try:
        other = text.encode(encoding).decode(rival)
    except UnicodeError:
        return ""
    return "" if other == text else other


def _differ(words: Counter[bytes], name: str, other: str) -> bool:
    return other != name and any(_read(word, name) != _read(word, other) for word in words)


def _score(words: Counter[bytes], encoding: str) -> float:
    """How many words the encoding explains; higher if more of them are of one language.

    A list of customers is mostly from one country: Turkish names read as Windows-1250 would need
    Romanian, Czech and Croatian ones.
    """
    languages = _LANGUAGES[encoding]
    fits = [
        (count, [_fits(word, encoding, language) for language in languages])
        for word, count in words.items()
    ]
    in_any = sum(count * max(each) for count, each in fits)
    in_one = max(sum(count * each[at] for count, each in fits) for at in range(len(languages)))
    return _USED.get(encoding, 1.0) * (in_any + in_one) / 2


def _read(word: bytes, encoding: str) -> str:
    return word.decode(encoding, "replace")


def _fits(word: bytes, encoding: str, language: str) -> float:
    """1 for a word of a language in this encoding, 0 for none, in between for an odd one."""
    text = _read(word, encoding).strip(_AT_EDGES)
    letters = {char for char in text if not char.isascii() and char != "’"}
    if (
        not 0 < len(text) <= _LONGEST_WORD
        or not letters
        or not all(char.isalpha() for char in letters)
        or _is_mixed_case(text)
    ):
        return 0.0
    if language in _COMMON:
        return _share_of_common(text, language)
    small = frozenset("".join(letters).lower())
    return 0.0 if small - set(language) else _RARE if language is _ICELANDIC else 1.0


def _is_mixed_case(text: str) -> bool:
    """Whether a capital beyond ASCII is inside a word of small letters, as in `JŸrgen`."""
    return not text.isupper() and any(char.isupper() and not char.isascii() for char in text[1:])


def _share_of_common(text: str, script: str) -> float:
    """The share of a word's letters that are common in the script; 0 with any of another script."""
    if any(_script(char) != script for char in text if char.isalpha()):
        return 0.0
    # A name begins with a capital if the script has any.
    weight = _RARE if text.islower() or text.isupper() else 1.0
    plain = [unicodedata.normalize("NFD", char)[0] for char in text.lower() if char.isalpha()]
    return weight * sum(char in _COMMON[script] for char in plain) / len(plain)


@lru_cache(maxsize=512)
def _script(char: str) -> str:
    return unicodedata.name(char, "").partition(" ")[0]


_CHUNK = 1 << 20
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Other files that people give instead of a CSV, by their first bytes.
_OTHER_FILES = (
    (b"PK\x03\x04", "an Excel or OpenDocument workbook"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"%PDF", "a PDF"),
    (b"{\\rtf", "a rich text document"),
    (b"\x1f\x8b", "a compressed file"),
    (b"\x89PNG", "a picture"),
)
# The same for text files.
_OTHER_TEXTS = (
    (re.compile(r"mime-version:|from: .*\n.*multipart/related"), "a web archive (MHTML)"),
    (re.compile(r"<\?xml[\s\S]*?<(?:\w+:)?workbook\b"), "an XML spreadsheet"),
    (
        re.compile(
            r"(?:<\?xml.*?\?>\s*)?(?:<!--[\s\S]*?-->\s*)*<(?:!doctype html|html|head|meta|"
            r"style|body|table|div|p|tr)\b"
        ),
        "an HTML page",
    ),
    (re.compile(r"<\?xml\b"), "an XML file"),
    (re.compile(r"begin:vcard"), "a file of contacts (vCard)"),
    (re.compile(r"[\[{]\s*[\[{\"]"), "a JSON file"),
)
# Python encodings that no file has.
_NOT_OF_FILES = {"idna", "punycode", "raw-unicode-escape", "unicode-escape", "undefined"}
_LOOKED_AT = 4_000  # characters to read at the start of a text


@dataclass(frozen=True)
class OpenedText:
    """A list as text. `encoding` is how it was read.

    `rival` is another encoding that could be meant, "" if none is likely or the encoding is
    certain. `is_guessed`: nothing in the file names the encoding.
    """

    stream: io.TextIOBase
    encoding: str
    is_guessed: bool = False
    rival: str = ""


class ListUnreadable(BadInput):
    """A list that can't be read as one. The message says what, where and what to do."""


def open_text(content: bytes, encoding: str = "") -> OpenedText:
    """The list as a text stream with line ends untouched, and how it was read.

    UTF-8 and UTF-16, with or without a byte order mark, and the one-byte encodings of
    `guesses`. `encoding` is one that a person names. Memory stays flat.

    Raises:
        ListUnreadable: another kind of file, NUL bytes, text in none of the encodings, or not in
            the one that is named.
    """
    for start, kind in _OTHER_FILES:
        if content.startswith(start):
            raise ListUnreadable(f"the list is {kind}, not a CSV. Export it as CSV and try again.")
    opened = _named(content, encoding) if encoding else _recognised(content)
    _refuse_other_texts(opened.stream)
    return opened


def _stream(content: bytes, encoding: str) -> io.TextIOBase:
    return io.TextIOWrapper(io.BytesIO(content), encoding=encoding, newline="")


def _refuse_other_texts(stream: io.TextIOBase) -> None:
    start = stream.tell()
    text = stream.read(_LOOKED_AT).lstrip("\ufeff \t\r\n").lower()
    stream.seek(start)
    kind = next((kind for pattern, kind in _OTHER_TEXTS if pattern.match(text)), "")
    if kind:
        raise ListUnreadable(
            f"the list is {kind}, not a CSV, though its name may say otherwise. Open it in a "
            "spreadsheet program, save it as CSV or .xlsx, and give that file."
        )


def _named(content: bytes, encoding: str) -> OpenedText:
    """The text in the encoding that a person names."""
    name = _python_name(encoding)
    if not name or name in _NOT_OF_FILES:
        known = ", ".join(["utf-8", "utf-16", *NAMES, "shift_jis", "gb18030", "big5", "euc_kr"])
        raise ListUnreadable(
            f"there is no encoding `{encoding[:40]}`. Known are {known}, among others."
        )
    if name == "utf-8":
        name = "utf-8-sig"  # which also reads a text without a mark
    _check(content, name, f"the list is not {encoding}", or_another=True)
    return OpenedText(_stream(content, name), name.removesuffix("-sig"))


def _python_name(encoding: str) -> str:
    """Python's own name of a text encoding, "" for none."""
    try:
        name = codecs.lookup(encoding.strip()).name
        "".encode(name)
    except (LookupError, UnicodeError):
        return ""
    return name


def _recognised(content: bytes) -> OpenedText:
    for bom, encoding in _BOMS:
        if content.startswith(bom):
            _check(content, encoding, f"the list says that it is {encoding.removesuffix('-sig')}")
            return OpenedText(_stream(content, encoding), encoding.removesuffix("-sig"))
    wide = _wide_without_mark(content)
    if wide:
        _check(content, wide, f"the list looks like {wide}")
        return OpenedText(_stream(content, wide), wide)
    if b"\0" in content:
        line = content.count(b"\n", 0, content.index(b"\0")) + 1
        raise ListUnreadable(
            f"the list has a NUL byte on line {line}: it is damaged or not a text file. "
            "Export it again as CSV in UTF-8."
        )
    if _decodes(content, "utf-8") is None:
        return OpenedText(_stream(content, "utf-8"), "utf-8")
    _refuse_broken_utf8(content)
    return _guessed(content)


def _guessed(content: bytes) -> OpenedText:
    """The text in the one-byte encoding that explains most of its words, else Windows-1252."""
    for guess in guesses(content):
        if _decodes(content, guess.encoding) is None:
            stream = _stream(content, guess.encoding)
            return OpenedText(stream, guess.encoding, is_guessed=True, rival=guess.rival)
    _check(
        content,
        "cp1252",
        "the list is neither UTF-8 nor UTF-16 nor Windows-1252 text",
        or_another=True,
    )
    return OpenedText(_stream(content, "cp1252"), "cp1252", is_guessed=True)


def _wide_without_mark(content: bytes) -> str:
    """Recognize UTF-16 without a mark by its first two characters: a header starts with ASCII."""
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
    """None if all of it decodes, else the line (from 1) of the first failure."""
    line = 1
    try:
        for piece in _pieces(content, encoding):
            if "\0" in piece:
                return line + piece[: piece.index("\0")].count("\n")
            line += piece.count("\n")
    except UnicodeDecodeError as error:
        done = error.object[: error.start] if isinstance(error.object, bytes) else b""
        return line + done.count(b"\n")
    except UnicodeError:  # UTF-16 without its mark
        return line
    return None


def _check(content: bytes, encoding: str, complaint: str, *, or_another: bool = False) -> None:
    line = _decodes(content, encoding)
    if line is not None:
        other = ", or name its encoding with --encoding" if or_another else ""
        raise ListUnreadable(
            f"{complaint}: line {line} can't be read that way. Export it again as CSV in "
            f"UTF-8{other}."
        )


def _refuse_broken_utf8(content: bytes) -> None:
    """Refuse UTF-8 with a few broken bytes: read as Windows-1252, every name would be garbled."""
    whole, broken = 0, 0
    for piece in _pieces(content, "utf-8", "replace"):
        broken += piece.count("\ufffd")
        whole += sum(1 for char in piece if char > "\x7f" and char != "\ufffd")
    if whole > broken:
        line = _decodes(content, "utf-8")
        raise ListUnreadable(
            f"the list is UTF-8 with a broken character on line {line}. "
            "Fix that line, or export the list again."
        )
