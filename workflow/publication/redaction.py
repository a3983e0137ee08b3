"""Replace internal text with neutral words, and list what was replaced.

Only a few neutral words are added. Text that a person keeps (`public`) stays. `read_sections` reads
a doc's sections for the public version, without hints, unaccepted suggestions, pictures and
footnotes. Pure.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from workflow.document.blocks import Block, Span, joined
from workflow.document.edits.splice import Place, find_place, untouched_hint
from workflow.document.exports import read_tabs
from workflow.document.template import Section
from workflow.document.view import DocView, read_document
from workflow.publication.patterns import (
    Folded,
    Match,
    RedactedKind,
    fold,
    folded_words,
    matches_by_form,
    name_forms,
    without_tricks,
)

# The first one without an internal word is used; the last can't hold one.
_NEUTRAL: dict[RedactedKind, tuple[str, ...]] = {
    RedactedKind.PERSON: ("an engineer", "a colleague", "somebody", "…"),
    RedactedKind.CUSTOMER: ("a customer", "somebody", "…"),
    RedactedKind.ADDRESS: ("an email address", "an address", "…"),
    RedactedKind.LINK: ("an internal page", "a link", "…"),
    RedactedKind.HOST: ("one of our systems", "a system", "…"),
    RedactedKind.TICKET: ("an internal reference", "a reference", "…"),
    RedactedKind.WORD: ("…",),
}
# A replacement may form new internal text with its neighbours, so repeat.
_ROUNDS = 12
_LOOK_BACK = 20  # letters that show whether a sentence begins
# Scripts without spaces between words, so a name there has no edges.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]"
)
_SENTENCE_END = re.compile(r"(?:^|[.!?:…]\s+|[\n\v]\s*|\s\s)$")


@dataclass(frozen=True)
class Internal:
    """The known internal terms, and in `public` the ones that may stay.

    `people` are names and addresses, `customers` full names, `words` anything else that a person
    named.
    """

    people: tuple[str, ...] = ()
    customers: tuple[str, ...] = ()
    own_domains: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    public: tuple[str, ...] = ()


@dataclass(frozen=True)
class LeftOutText:
    """Text left out of the public version, as it was written."""

    kind: RedactedKind
    text: str


class Redactor:
    """Remove internal text from texts and blocks. `left_out` lists it, each once."""

    def __init__(self, internal: Internal) -> None:
        self._domains = internal.own_domains
        names = name_forms(internal.people)
        customers = {folded_words(name) for name in internal.customers}
        self._words = [
            (_any_of(names.whole), RedactedKind.PERSON),
            (_any_of(words for words in customers if words), RedactedKind.CUSTOMER),
            (_any_of(folded_words(word) for word in internal.words), RedactedKind.WORD),
        ]
        self._capital = _any_of(names.capital)
        self._public = _phrases(internal.public)
        self._links = frozenset(fold(text).text.rstrip("/") for text in internal.public)
        self._found: dict[LeftOutText, None] = {}
        self._neutral = {kind: self._first_clean(choice) for kind, choice in _NEUTRAL.items()}

    @property
    def left_out(self) -> tuple[LeftOutText, ...]:
        """Everything left out so far, in order."""
        return tuple(self._found)

    def note(self, kind: RedactedKind, text: str) -> None:
        """Note that something was left out elsewhere."""
        self._found.setdefault(LeftOutText(kind, text))

    def find(self, text: str) -> list[Match]:
        """The internal parts of a text, in order and without overlaps."""
        folded, plain = fold(text), without_tricks(text)
        found = [
            Match(*plain.span(each.start, each.end), each.kind)
            for each in matches_by_form(plain.text, self._domains)
        ]
        for pattern, kind in self._words:
            found += _placed(pattern, folded, kind)
        found += [
            each
            for each in _placed(self._capital, folded, RedactedKind.PERSON)
            if _has_capital(text, each)
        ]
        told = [(each.start, each.end) for each in _placed(self._public, folded, RedactedKind.WORD)]
        hidden = [
            each
            for each in found
            if not any(start <= each.start and each.end <= end for start, end in told)
        ]
        return _apart(hidden)

    def text(self, text: str) -> str:
        """The text without internal parts; unchanged if there are none."""
        return "".join(span.text for span in self.spans((Span(text),)))

    def spans(self, spans: Sequence[Span]) -> tuple[Span, ...]:
        """A paragraph's spans without internal parts and links to internal pages."""
        kept = [self._without_link(span) for span in self._without_struck(spans)]
        for _ in range(_ROUNDS):
            text = "".join(span.text for span in kept)
            found = self.find(text)
            if not found:
                break
            for match in found:
                self.note(match.kind, text[match.start : match.end])
            kept = list(_with_words(kept, [(each, self._words_for(text, each)) for each in found]))
        else:
            kept = [Span("…")]
        return joined(kept)

    def blocks(self, blocks: Iterable[Block]) -> list[Block]:
        """Blocks without internal parts; emptied blocks are removed."""
        kept = [
            replace(
                block,
                spans=self.spans(block.spans),
                rows=tuple(tuple(map(self.spans, row)) for row in block.rows),
            )
            for block in blocks
        ]
        return [block for block in kept if block.rows or block.text.strip()]

    def _without_struck(self, spans: Sequence[Span]) -> Iterator[Span]:
        for span in spans:
            if span.strike and span.text.strip():
                self.note(RedactedKind.STRUCK, span.text)
            else:
                yield span

    def _without_link(self, span: Span) -> Span:
        target = span.link
        if not target or fold(target.removeprefix("mailto:")).text.rstrip("/") in self._links:
            return span
        self.note(RedactedKind.LINK, target)
        return replace(span, link="")

    def _words_for(self, text: str, match: Match) -> str:
        words = self._neutral[match.kind]
        before = text[max(0, match.start - _LOOK_BACK) : match.start]
        return words[0].upper() + words[1:] if _SENTENCE_END.search(before) else words

    def _first_clean(self, choice: Sequence[str]) -> str:
        clean = (words for words in choice if not self.find(words) and not self.find(words.title()))
        return next(clean, choice[-1])


def _any_of(phrases: Iterable[tuple[str, ...]]) -> re.Pattern[str]:
    """A pattern for any of these phrases, with any separators; matches nothing if empty."""
    ordered = sorted({words for words in phrases if words}, key=lambda w: (-len("".join(w)), w))
    return re.compile("|".join(map(_phrase, ordered)) or "(?!)")


def _phrase(words: tuple[str, ...]) -> str:
    first, last = words[0][0], words[-1][-1]
    before = "" if _UNSPACED.match(first) else r"(?<![^\W_])"
    behind = "" if _UNSPACED.match(last) else r"(?![^\W_])"
    return before + r"[\W_]+".join(map(re.escape, words)) + behind


def _phrases(texts: Iterable[str]) -> re.Pattern[str]:
    """A pattern for any of these exact texts, in folded form."""
    folded = sorted({fold(text).text.strip() for text in texts} - {""}, key=len, reverse=True)
    return re.compile("|".join(rf"(?<!\w){re.escape(each)}(?!\w)" for each in folded) or "(?!)")


def _placed(pattern: re.Pattern[str], folded: Folded, kind: RedactedKind) -> list[Match]:
    return [
        Match(*folded.span(found.start(), found.end()), kind)
        for found in pattern.finditer(folded.text)
    ]


def _has_capital(text: str, match: Match) -> bool:
    first = text[match.start]
    return first.isupper() or first.istitle() or first.upper() == first.lower()


def _apart(found: list[Match]) -> list[Match]:
    """Overlapping matches merged, with the kind of the longest."""
    kept: list[Match] = []
    for match in sorted(found, key=lambda one: (one.start, -one.end)):
        if kept and match.start < kept[-1].end:
            last = kept[-1]
            longest = max(last, match, key=lambda one: one.end - one.start)
            kept[-1] = Match(last.start, max(last.end, match.end), longest.kind)
        else:
            kept.append(match)
    return kept


def _with_words(spans: Iterable[Span], replacements: Sequence[tuple[Match, str]]) -> Iterator[Span]:
    """Spans with each match replaced, in the style of the first span that it touches.

    Matches are in order and don't overlap.
    """
    start = 0
    waiting = deque(replacements)
    for span in spans:
        end, at = start + len(span.text), start
        while waiting and waiting[0][0].start < end:
            match, words = waiting[0]
            if match.start >= start:
                yield replace(span, text=span.text[at - start : match.start - start])
                yield replace(span, text=words)
            at = min(match.end, end)
            if match.end > end:
                break
            waiting.popleft()
        yield replace(span, text=span.text[at - start :])
        start = end


Json = Mapping[str, Any]


@dataclass
class DocSections:
    """`blocks` by the section's key; `people` from person chips; `left_out` lists removed parts."""

    blocks: dict[str, list[Block]] = field(default_factory=dict)
    people: list[str] = field(default_factory=list)
    left_out: list[tuple[RedactedKind, str]] = field(default_factory=list)


def read_sections(document: Json, sections: Sequence[Section], keys: Sequence[str]) -> DocSections:
    """The content of the sections with these keys. `document` is fetched whole (`tabs`)."""
    view = read_document(document)
    found = DocSections(people=list(_people(document)))
    for section in sections:
        place = find_place(view, section, sections) if section.key in keys else None
        if place is not None:
            found.blocks[section.key] = _blocks(document, view, place, found)
    return found


def _blocks(document: Json, view: DocView, place: Place, found: DocSections) -> list[Block]:
    tab = next(tab for tab in _tabs(document) if _tab_id(tab) == place.heading.tab_id)
    content = tab.get("documentTab", tab)
    hint = untouched_hint(view, place)
    skipped = {one.start for one in hint.paragraphs} if hint else set()
    stop = place.stop.start if place.stop is not None else None
    elements = [
        kept
        for each in _siblings(
            content.get("body", {}).get("content", ()),
            place.heading.start,
            behind=int(not place.is_cell),
        )
        if (start := each.get("startIndex", 0)) not in skipped and (stop is None or start < stop)
        if (kept := _settled(each, found)) is not None
    ]
    bare = {"lists": content.get("lists", {}), "body": {"content": elements}}
    return list(read_tabs(bare)[0].blocks)


def _tabs(document: Json) -> Iterator[Json]:
    waiting = list(document.get("tabs", [document]))
    while waiting:
        tab = waiting.pop()
        yield tab
        waiting += tab.get("childTabs", ())


def _tab_id(tab: Json) -> str:
    return str(tab.get("tabProperties", {}).get("tabId", ""))


def _siblings(content: Sequence[Json], heading_start: int, *, behind: int) -> Sequence[Json]:
    """The elements after the heading, in the body or in its table cell.

    With `behind` 0, the first is the element that starts there: a cell that is a section has no
    heading.
    """
    for number, element in enumerate(content):
        if "paragraph" in element and element.get("startIndex", 0) == heading_start:
            return content[number + behind :]
        for row in element.get("table", {}).get("tableRows", ()):
            for cell in row.get("tableCells", ()):
                if rest := _siblings(cell.get("content", ()), heading_start, behind=behind):
                    return rest
    return ()


def _settled(element: Json, found: DocSections) -> Json | None:
    """An element without suggestions, pictures and footnotes."""
    if "paragraph" in element:
        paragraph = element["paragraph"]
        kept = [_unmarked(each) for each in paragraph.get("elements", ()) if _stays(each, found)]
        return {**element, "paragraph": {**paragraph, "elements": kept}}
    if "table" in element:
        rows = [
            {**row, "tableCells": [_cell(cell, found) for cell in row.get("tableCells", ())]}
            for row in element["table"].get("tableRows", ())
            if not row.get("suggestedInsertionIds")
        ]
        return {**element, "table": {**element["table"], "tableRows": rows}} if rows else None
    return element


def _cell(cell: Json, found: DocSections) -> Json:
    inner = (_settled(each, found) for each in cell.get("content", ()))
    return {**cell, "content": [each for each in inner if each is not None]}


def _stays(element: Json, found: DocSections) -> bool:
    run = element.get("textRun", {})
    for kind in ("textRun", "person", "richLink", "inlineObjectElement", "footnoteReference"):
        if element.get(kind, {}).get("suggestedInsertionIds"):
            found.left_out.append(
                (RedactedKind.SUGGESTION, str(run.get("content", "")).strip() or kind)
            )
            return False
    if "inlineObjectElement" in element:
        found.left_out.append((RedactedKind.PICTURE, "a picture"))
        return False
    if "footnoteReference" in element:
        number = element["footnoteReference"].get("footnoteNumber", "")
        found.left_out.append((RedactedKind.FOOTNOTE, f"footnote {number}".strip()))
        return False
    return True


def _unmarked(element: Json) -> Json:
    """An element without the mark of a suggested deletion: until accepted, it stays."""
    return {
        name: {key: each for key, each in part.items() if key != "suggestedDeletionIds"}
        if isinstance(part, Mapping)
        else part
        for name, part in element.items()
    }


def _people(value: Any) -> Iterator[str]:
    """The names and addresses of all person chips."""
    if isinstance(value, Mapping):
        properties = value.get("personProperties")
        if isinstance(properties, Mapping):
            yield from (str(properties[key]) for key in ("name", "email") if properties.get(key))
        for inner in value.values():
            yield from _people(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _people(inner)
