"""Any text as Markdown that reads back as that text, letter by letter.

A variable of a template is text, whoever wrote it: `<b>`, `[x](y)`, `# `, `1.` in a customer's
name are those characters. `as_text` escapes one value while a template renders; `settle` then
looks at the whole body, because where a line break may stand depends on the line around it.
The result is plain CommonMark: any parser reads it the same way.
"""

from __future__ import annotations

import re
from functools import lru_cache

# Two marks that live only between `as_text` and `settle`, from a private plane that `clean`
# takes out of every value.
_BREAK = "\U000f000a"
_NUMBER = "\U000f0001"

_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_UNPRINTABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_UNSENDABLE = re.compile("[\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff\U000f0000-\U000f00ff]")

_ALWAYS = re.compile(r"[\\|`*_\[\]<>&~()#]")
# A table's own splitting of cells looks at the character before a bar, so a backslash in front
# of one would be read twice: both go as entities.
_ENTITIES = {"\\": "&#92;", "|": "&#124;"}
_AT_START = re.compile(r"^(?:[-+=.]|\d{1,9}\.)")


def clean(text: str) -> str:
    r"""`text` as a mail can carry it: line ends are `\n`, control characters are gone.

    Half surrogate pairs and non-characters become U+FFFD. Line breaks at either end are dropped:
    an editor's last newline is not part of what was said.
    """
    text = _LINE_ENDS.sub("\n", text)
    text = _UNPRINTABLE.sub("", text)
    return _UNSENDABLE.sub("\ufffd", text).strip("\n")


def as_text(value: object) -> str:
    """One variable's value, escaped; the rendered body must go through `settle`."""
    return _escaped(str(value))


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
    if escaped.endswith("!"):  # before a link of the template it would make a picture
        escaped = escaped[:-1] + "\\!"
    return _as_entities(line[:start]) + escaped + _as_entities(line[start + len(words) :])


def _as_entities(spaces: str) -> str:
    """Spaces at the edge of a line, which Markdown would read as layout or drop."""
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
    """A rendered body with the line breaks of its values in place.

    A value that stands in a paragraph, a list item or a quotation breaks its lines there, and its
    blank lines make paragraphs. Inside emphasis or a link a blank line is a line break; in a
    heading or a table, which are one line in Markdown, every break is a space.
    """
    if _BREAK in body:
        body = "\n".join(_settle_line(line) for line in body.split("\n"))
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
    """Whether emphasis, code or a link of the template is still open at the end of `words`."""
    marks = [found[0][0] for found in _AUTHORS_MARKS.finditer(words)]
    brackets = _AUTHORS_BRACKETS.findall(words)
    uneven = any(marks.count(mark) % 2 for mark in set(marks))
    return uneven or brackets.count("[") > brackets.count("]")


def _number_as_text(found: re.Match[str]) -> str:
    digits = found[2].replace(_NUMBER, "")
    return f"{found[1]}&#{ord(digits[0])};{digits[1:]}"
