"""One paragraph's text as Markdown that renders to the same text, whatever the text is.

CommonMark with GitHub's tables and strikethrough is the judge. Only white space at the end of a
line, which no reader sees, is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from urllib.parse import quote

_ALWAYS = re.compile(r"[\\`*_\[\]<~|$]|&(?=[#A-Za-z0-9])")
_LINE_START = re.compile(r"(?P<lead>\d{0,9})(?P<hazard>(?<=\d)[.)](?=\s|$)|(?<!\d)[#+\-=>:])")
_CLOSING_HASHES = re.compile(r"(?<=\s)#+$")
_LINE_BREAK = re.compile(r"[\v\r\n]")
_EDGES = re.compile(r"(\s*)(.*?)(\s*)", re.DOTALL)
_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")

BOLD, ITALIC, STRUCK = "**", "_", "~~"


@dataclass(frozen=True)
class Span:
    """Text with the markers around it (`BOLD`, `ITALIC`, `STRUCK`) and the link it carries.

    `is_markdown` text (an image, a footnote's reference) is written as it is.
    """

    text: str
    markers: frozenset[str] = frozenset()
    href: str = ""
    is_markdown: bool = False


def markdown_lines(spans: Sequence[Span]) -> list[str]:
    """The paragraph's lines as Markdown, cut at soft line breaks; empty ones at the end dropped.

    The caller joins them: with a backslash and a newline in a paragraph, with `<br>` in a cell.
    """
    lines = [_line(line) for line in _split_at_breaks(spans)]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def heading_line(lines: Sequence[str]) -> str:
    """A heading's lines in one, with a `#` at its end kept as text."""
    joined = "<br>".join(lines)
    return _CLOSING_HASHES.sub(lambda m: m[0].replace("#", r"\#"), joined)


def link_target(address: str) -> str:
    """An address as it may stand between the parentheses of a Markdown link."""
    return quote(address, safe="/:?#@!$&'*+,;=%~-._").replace("&", "&amp;")


def _split_at_breaks(spans: Sequence[Span]) -> list[list[Span]]:
    lines: list[list[Span]] = [[]]
    for span in spans:
        first, *others = _LINE_BREAK.split(span.text)
        lines[-1].append(replace(span, text=first))
        lines.extend([replace(span, text=text)] for text in others)
    return lines


def _line(spans: Sequence[Span]) -> str:
    return _Writer(_tidy(spans)).written()


def _tidy(spans: Sequence[Span]) -> list[Span]:
    """The line's spans, white space at their edges set apart: a marker never touches a space.

    A space between two words keeps the markers and the link that both of them have; none where a
    link begins or ends.
    """
    parts = [part for span in spans for part in _parts(span)]
    while parts and parts[-1].text.isspace():
        parts.pop()
    for at, part in enumerate(parts):
        if part.text.isspace():
            before = next((p for p in reversed(parts[:at]) if not p.text.isspace()), Span(""))
            after = next(p for p in parts[at:] if not p.text.isspace())
            parts[at] = _space_between(part.text, before, after)
    return _merged(parts)


def _space_between(space: str, before: Span, after: Span) -> Span:
    if before.href != after.href:
        return Span(space)
    return Span(space, before.markers & after.markers, before.href)


def _parts(span: Span) -> list[Span]:
    if span.is_markdown:
        return [span]
    edges = _EDGES.fullmatch(span.text)
    texts = edges.groups() if edges else (span.text,)
    return [replace(span, text=text) for text in texts if text]


def _merged(parts: Sequence[Span]) -> list[Span]:
    def look(part: Span) -> tuple[frozenset[str], str, bool, bool]:
        return part.markers, part.href, part.is_markdown, part.text.isspace()

    groups = (list(group) for _, group in groupby(parts, key=look))
    return [replace(group[0], text="".join(part.text for part in group)) for group in groups]


class _Writer:
    """Writes one line, opening and closing markers so that CommonMark's flanking rules hold.

    Where a marker would stand against a letter that stops it from working, that letter is written
    as a character reference: its `&` or `;` counts as punctuation, and the text stays the same.
    """

    def __init__(self, spans: Sequence[Span]) -> None:
        self._spans = spans
        self._out: list[str] = []
        self._open: list[str] = []
        self._href = ""
        self._encode_next = False
        self._last_is_source = False

    def written(self) -> str:
        hazard = _hazard("".join(span.text for span in self._spans))
        position = 0
        for span in self._spans:
            self._turn_to(span)
            self._write(span, hazard - position)
            position += len(span.text)
        self._turn_to(Span(""))
        return "".join(self._out)

    def _turn_to(self, span: Span) -> None:
        stays_in_link = span.href == self._href
        following = span.text[:1] if stays_in_link else "]" if self._href else "["
        kept = 0
        while stays_in_link and kept < len(self._open) and self._open[kept] in span.markers:
            kept += 1
        for marker in reversed(self._open[kept:]):
            self._close(marker, following)
        del self._open[kept:]
        if self._href and not stays_in_link:
            self._put(f"]({link_target(self._href)})")
            self._href = ""
        if not span.text.isspace():
            self._begin(span)

    def _begin(self, span: Span) -> None:
        if span.href and not self._href:
            self._put("[")
            self._href = span.href
        fresh = [m for m in (BOLD, ITALIC, STRUCK) if m in span.markers and m not in self._open]
        for marker, following in zip(fresh, [*fresh[1:], span.text[:1]], strict=False):
            self._start(marker, following)
        self._open += fresh

    def _start(self, marker: str, following: str) -> None:
        previous = self._last
        works_inside_word = marker != ITALIC and previous.isalnum() and following.isalnum()
        if self._last_is_source and not (_is_gap(previous) or works_inside_word):
            self._out[-1] = f"{self._out[-1][:-1]}&#{ord(previous)};"
        self._put(marker)

    def _close(self, marker: str, following: str) -> None:
        works_inside_word = marker != ITALIC and self._last.isalnum() and following.isalnum()
        if following and not (_is_gap(following) or works_inside_word):
            self._encode_next = True
        self._put(marker)

    def _put(self, syntax: str) -> None:
        self._out.append(syntax)
        self._last_is_source = False

    @property
    def _last(self) -> str:
        return self._out[-1][-1] if self._out else ""

    def _write(self, span: Span, hazard: int) -> None:
        text = span.text
        if not text:
            return
        if span.is_markdown:
            self._put(text)
            return
        if not self._out and text.isspace():
            self._put("".join(f"&#{ord(space)};" for space in text))
            return
        encoded = ""
        if self._encode_next and not text.isspace():
            encoded, text, hazard = f"&#{ord(text[0])};", text[1:], hazard - 1
        self._encode_next = False
        self._out.append(encoded + _escaped(text, hazard))
        self._last_is_source = bool(text)


def _is_gap(character: str) -> bool:
    return not character or character.isspace() or character in _PUNCTUATION


def _hazard(line: str) -> int:
    """Where the line's start would read as a list, a heading, a quote…; -1 where it would not."""
    found = _LINE_START.match(line)
    return found.start("hazard") if found else -1


def _escaped(text: str, hazard: int) -> str:
    if 0 <= hazard < len(text):
        before, sign, after = text[:hazard], text[hazard], text[hazard + 1 :]
        return f"{before}\\{sign}{_escaped(after, -1)}"
    return _ALWAYS.sub(_backslash, text)


def _backslash(found: re.Match[str]) -> str:
    return f"\\{found[0]}"
