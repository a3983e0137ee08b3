"""Escape any text for Markdown so that it reads back exactly.

A template's variable is always text: `<b>`, `[x](y)`, `# `, `1.` in a customer's name stay those
characters. `as_text` escapes one value while a template renders; `settle` then processes the whole
body, because the place of a line break depends on the line around it. The result is plain
CommonMark, which any parser reads the same way.

`one_line` prepares text for a header: subjects and display names.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Two marks that exist only between `as_text` and `settle`, from a private plane that `clean`
# removes from every value.
_BREAK = "\U000f000a"
_NUMBER = "\U000f0001"
# A third one, in templates: an empty line that the author did not write. See `faces`.
EMPTY_LINE = "\U000f0002"

_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_UNPRINTABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_UNSENDABLE = re.compile("[\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff\U000f0000-\U000f00ff]")

_ALWAYS = re.compile(r"[\\|`*_\[\]<>&~()#]")
# Splitting a table's cells reads the character before a bar, so a backslash in front of one would
# be read twice: both become entities.
_ENTITIES = {"\\": "&#92;", "|": "&#124;"}
_AT_START = re.compile(r"^(?:[-+=.]|\d{1,9}\.)")


def clean(text: str) -> str:
    r"""`text` as a mail can carry it: line ends are `\n`, control characters are gone.

    Half surrogate pairs and non-characters become U+FFFD. Line breaks at either end are dropped: an
    editor's last newline is not part of what was said.
    """
    if text.isprintable():  # as nearly all are: no line ends, controls or non-characters
        return text
    text = _LINE_ENDS.sub("\n", text)
    text = _UNPRINTABLE.sub("", text)
    return _UNSENDABLE.sub("\ufffd", text).strip("\n")


def as_text(value: object) -> str:
    """One variable's value, escaped; the rendered body must go through `settle`.

    A number that the template itself counts, as in `{{ loop.index }}. {{ name }}`, is its author's:
    the values of customers are text.
    """
    return str(value) if type(value) is int else _escaped(str(value))


@lru_cache(maxsize=1024)  # most values of a mail are the same for every recipient
def _escaped(text: str) -> str:
    lines = clean(text).split("\n")
    return _BREAK.join(_escape_line(line) for line in lines)


def _escape_line(line: str) -> str:
    if line.isascii() and line.isdigit():
        return _NUMBER + line
    words = line.strip()
    start = len(line) - len(line.lstrip())
    escaped = _ALWAYS.sub(lambda found: _ENTITIES.get(found[0], "\\" + found[0]), words)
    escaped = _AT_START.sub(lambda found: found[0][:-1] + "\\" + found[0][-1], escaped)
    if escaped.endswith("!"):  # before the template's link it would make a picture
        escaped = escaped[:-1] + "\\!"
    return _as_entities(line[:start]) + escaped + _as_entities(line[start + len(words) :])


def _as_entities(spaces: str) -> str:
    """Spaces at the edge of a line, which Markdown would drop or read as layout."""
    return "".join(f"&#{ord(space)};" for space in spaces)


_LEAD = re.compile(r"(?:[ ]{0,3}(?:[-*+]|\d{1,9}[.)])[ ]+|[ ]{0,3}>[ ]?|[ ]+)*")
_AUTHORS_MARKS = re.compile(r"(?<!\\)(?:\*+|_+|~+|`+)")
_AUTHORS_BRACKETS = re.compile(r"(?<!\\)[\[\]]")
_BREAKS = re.compile(rf"{_BREAK}(?:(?:&#\d+;)*{_BREAK})*")  # blank lines may hold spaces
_ONE_LINE_BLOCK = re.compile(r"[ ]{0,3}#{1,6}[ ]|.*(?<!\\)\|")
_NUMBER_AT_START = re.compile(
    rf"^((?:[ ]|>|[-*+][ ]|\d+[.)][ ])*)((?:{_NUMBER}\d+)+)(?=[.)])", re.MULTILINE
)


def settle(body: str) -> str:
    """A rendered body with its values' line breaks in place.

    In a paragraph, a list item or a quotation, a value's line breaks stay, and its blank lines make
    paragraphs. Inside emphasis or a link a blank line is a line break; in a heading or a table,
    which are one line in Markdown, every break is a space.
    """
    if _BREAK in body:
        body = "\n".join(_settle_line(line) for line in body.split("\n"))
    body = body.replace(EMPTY_LINE, "\n")
    if _NUMBER in body:
        body = _NUMBER_AT_START.sub(_number_as_text, body).replace(_NUMBER, "")
    return body


def _settle_line(line: str) -> str:
    if _BREAK not in line:
        return line
    if _ONE_LINE_BLOCK.match(line):
        return re.sub(f"{_BREAK}+", " ", line)
    found = _LEAD.match(line)
    lead = found[0] if found else ""
    following = "".join(">" if mark == ">" else " " for mark in lead)
    words = line[len(lead) :]

    def broken(found: re.Match[str]) -> str:
        blank = found[0].count(_BREAK) > 1
        if blank and not _opens_something(words[: found.start()]):
            return f"\n{following.rstrip()}\n{following}"
        return f"\\\n{following}"

    return lead + _BREAKS.sub(broken, words)


def _opens_something(words: str) -> bool:
    """Whether the template's emphasis, code or link is still open at the end of `words`."""
    marks = [found[0][0] for found in _AUTHORS_MARKS.finditer(words)]
    brackets = _AUTHORS_BRACKETS.findall(words)
    uneven = any(marks.count(mark) % 2 for mark in set(marks))
    return uneven or brackets.count("[") > brackets.count("]")


def _number_as_text(found: re.Match[str]) -> str:
    digits = found[2].replace(_NUMBER, "")
    return f"{found[1]}&#{ord(digits[0])};{digits[1:]}"


SUBJECT_LIMIT = 200
NAME_LIMIT = 120

# Everything that any program takes for a line end, and every control character.
_LINE_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\s]+")
# Bidirectional embeddings, overrides and isolates reach past their text and can make the rest of a
# header read backwards. The marks (LRM, RLM, ALM) only act in place, and stay.
_REACHING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_JOINER = "\u200d"


def one_line(text: str, limit: int = SUBJECT_LIMIT) -> str:
    """`text` on one line: no control characters, single spaces, at most `limit` code points.

    A longer text is cut at a nearby word if there is one, never inside a visible character (a
    letter and its accents, a joined emoji), and ends in `…`. Half of a surrogate pair becomes
    U+FFFD, because no mail can carry it.
    """
    if text.isprintable() and "  " not in text:  # as nearly all are
        line = text.strip()
    else:
        line = _SURROGATES.sub("\ufffd", _REACHING.sub("", text))
        line = _LINE_BREAKS.sub(" ", line).strip()
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
    """Whether a cut before `line[at]` would split a visible character."""
    here = line[at]
    return (
        unicodedata.combining(here) != 0
        or unicodedata.category(here) in {"Mn", "Me", "Mc"}
        or here == _JOINER
        or line[at - 1] == _JOINER
        or "\U0001f3fb" <= here <= "\U0001f3ff"  # skin tones
    )
