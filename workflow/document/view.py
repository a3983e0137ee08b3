"""A fetched doc as flat values: its paragraphs, with true indexes, and its named ranges."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from workflow.document.requests import NON_TEXT, OwnName, parse_name, text_from, text_until


def _table(content: str) -> str:
    """The mask of a table whose cells hold `content`."""
    return f"table/tableRows(startIndex,endIndex,tableCells/content({content}))"


_SUGGESTED = "suggestedInsertionIds,suggestedDeletionIds,suggestedTextStyleChanges"
_SUGGESTED_STYLES = "suggestedParagraphStyleChanges,suggestedBulletChanges"
_OF_AN_ELEMENT = (*_SUGGESTED.split(","), "suggestedDateElementPropertiesChanges")
_PARAGRAPH = (
    "startIndex,endIndex,paragraph(elements(startIndex,endIndex,"
    f"textRun(content,{_SUGGESTED}),person({_SUGGESTED}),"
    f"dateElement({_SUGGESTED},suggestedDateElementPropertiesChanges),"
    f"richLink({_SUGGESTED}),inlineObjectElement({_SUGGESTED}),"
    f"dropdown(dropdownId,dropdownProperties/displayValue,{_SUGGESTED})),"
    f"paragraphStyle/namedStyleType,bullet/listId,{_SUGGESTED_STYLES})"
)
_TAB = (
    "tabProperties(tabId,title),documentTab(namedRanges,"
    f"body/content({_PARAGRAPH},{_table(_PARAGRAPH + ',' + _table(_PARAGRAPH))}))"
)
# Tabs nest three deep; a mask can't recurse, so it names each depth.
FIELDS = f"revisionId,tabs({_TAB},childTabs({_TAB},childTabs({_TAB},childTabs)))"
"""The `fields` mask for `documents.get`: all that `read_document` needs, without text styles."""


@dataclass(frozen=True, slots=True)
class Dropdown:
    """A dropdown chip: its place, its id, and the selected choice."""

    start: int
    id: str
    shown: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of a tab's body. `start` and `end` are UTF-16 indexes; `end` is past its newline.

    `text` is without the newline and has U+E907 for each unit of a non-text element. `cell` is 0 in
    the body itself, else a number of the table cell. `follows_paragraph`: the element before it, in
    the body or cell, is a paragraph and not a table or nothing. `is_suggested`: the whole line is
    only a suggestion; if it is rejected, the text after it moves to its start.
    """

    tab_id: str
    start: int
    end: int
    text: str
    named_style: str
    list_id: str
    cell: int
    follows_paragraph: bool
    dropdowns: tuple[Dropdown, ...] = ()
    is_suggested: bool = False

    @property
    def heading_level(self) -> int:
        """1 to 6 for a heading, 1 for a title, 0 for anything else and for an empty line."""
        if not self.text.strip():
            return 0
        if self.named_style.startswith("HEADING_"):
            return int(self.named_style[-1])
        return 1 if self.named_style == "TITLE" else 0


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: its indexes, and the `cell` number of each of its cells."""

    start: int
    end: int
    cells: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a tab's body, with its `start` for requests. `cell`: the cell around it."""

    tab_id: str
    start: int
    cell: int
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A suggestion on a piece of text: to insert, delete or restyle it."""

    tab_id: str
    start: int
    end: int
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """A named range of the doc. A split range counts from its first to its last piece.

    A suggestion at its start is not part of it, though Docs may let the range grow over it.
    """

    name: str
    id: str
    tab_id: str
    start: int
    end: int


@dataclass(frozen=True)
class OwnRange:
    """A range of ours, with its parsed name."""

    name: OwnName
    range: Range


@dataclass(frozen=True)
class Tab:
    """A tab: its id, empty in a doc without tabs, and its title."""

    id: str
    title: str


@dataclass(frozen=True)
class DocView:
    """A doc as it was read. Paragraphs and ranges come tab by tab, a parent before its children."""

    revision_id: str
    tabs: tuple[Tab, ...]
    paragraphs: tuple[Paragraph, ...]
    ranges: tuple[Range, ...]
    suggestions: tuple[Suggestion, ...] = ()
    tables: tuple[Table, ...] = ()

    def in_cell(self, tab_id: str, cell: int) -> tuple[Paragraph, ...]:
        """The paragraphs of one cell."""
        return tuple(one for one in self.in_tab(tab_id) if one.cell == cell)

    def suggested_in(self, tab_id: str, start: int, end: int) -> tuple[str, ...]:
        """The ids of suggestions on any of the text from `start` up to `end`."""
        found = (
            one.ids
            for one in self.suggestions
            if one.tab_id == tab_id and one.start < end and start < one.end
        )
        return tuple(dict.fromkeys(suggestion for ids in found for suggestion in ids))

    @cached_property
    def own(self) -> Mapping[str, Mapping[str, tuple[OwnRange, ...]]]:
        """Our ranges by kind and key, those of one key in the order of the doc."""
        found: dict[str, dict[str, tuple[OwnRange, ...]]] = {}
        for given in self.ranges:
            name = parse_name(given.name)
            if name is not None:
                keys = found.setdefault(name.kind, {})
                keys[name.key] = (*keys.get(name.key, ()), OwnRange(name, given))
        return found

    def own_ranges(self, kind: str, key: str) -> tuple[OwnRange, ...]:
        """Our ranges of that kind and key; empty if there are none."""
        return self.own.get(kind, {}).get(key, ())

    def starts_of(self, kind: str) -> set[tuple[str, int]]:
        """The start of each paragraph with a range of ours of that kind, and its tab."""
        owned = (one for ranges in self.own.get(kind, {}).values() for one in ranges)
        paragraphs = (self.paragraph_of(each.range) for each in owned)
        return {(one.tab_id, one.start) for one in paragraphs if one is not None}

    def in_tab(self, tab_id: str) -> tuple[Paragraph, ...]:
        """A tab's paragraphs, those in its tables included."""
        return self._by_tab.get(tab_id, ())

    def position_of(self, given: Range) -> int | None:
        """The position in `in_tab` of the paragraph where a range starts; None if there is none."""
        at = bisect_right(self._starts.get(given.tab_id, []), given.start) - 1
        if at < 0 or self.in_tab(given.tab_id)[at].end <= given.start:
            return None
        return at

    def index_of(self, paragraph: Paragraph) -> int:
        """The position in `in_tab` of a paragraph of this view."""
        return bisect_right(self._starts[paragraph.tab_id], paragraph.start) - 1

    def own_at(self, tab_id: str, start: int) -> list[Range]:
        """Our ranges that start at that index."""
        return [
            own.range
            for keys in self.own.values()
            for ranges in keys.values()
            for own in ranges
            if (own.range.tab_id, own.range.start) == (tab_id, start)
        ]

    def text_between(self, tab_id: str, start: int, end: int) -> str:
        """The text of a tab from `start` up to `end`, its paragraphs separated by spaces."""
        pieces = [
            text_from(text_until(one.text, end - one.start), max(0, start - one.start))
            for one in self.in_tab(tab_id)
            if one.start < end and start < one.end
        ]
        return " ".join(piece for piece in pieces if piece)

    def paragraph_of(self, given: Range) -> Paragraph | None:
        """The paragraph that a range starts in."""
        at = self.position_of(given)
        return None if at is None else self.in_tab(given.tab_id)[at]

    @cached_property
    def _by_tab(self) -> Mapping[str, tuple[Paragraph, ...]]:
        grouped: dict[str, list[Paragraph]] = {tab.id: [] for tab in self.tabs}
        for paragraph in self.paragraphs:
            grouped[paragraph.tab_id].append(paragraph)
        return {tab_id: tuple(paragraphs) for tab_id, paragraphs in grouped.items()}

    @cached_property
    def _starts(self) -> Mapping[str, list[int]]:
        return {
            tab_id: [paragraph.start for paragraph in paragraphs]
            for tab_id, paragraphs in self._by_tab.items()
        }


def read_document(document: Mapping[str, Any]) -> DocView:
    """The view of a `Document` resource, with its `tabs` or in the older form of the first tab.

    Fetch it with `suggestionsViewMode=SUGGESTIONS_INLINE`, the only mode whose indexes fit edits
    (reference, Document). Headers, footers and footnotes are left out, and so is a table of
    contents: its lines only repeat headings.
    """
    tabs: list[Tab] = []
    paragraphs: list[Paragraph] = []
    ranges: list[Range] = []
    suggestions: list[Suggestion] = []
    tables: list[Table] = []
    for tab, content in _tabs_of(document):
        tabs.append(tab)
        body = _Body(tab.id)
        paragraphs.extend(body.read(content.get("body", {}).get("content", ()), cell=0))
        ranges.extend(_ranges_of(tab.id, content.get("namedRanges", {}), body.suggested))
        suggestions.extend(body.suggestions)
        tables.extend(body.tables)
    revision_id = document.get("revisionId", "")
    return DocView(
        revision_id,
        tuple(tabs),
        tuple(paragraphs),
        tuple(ranges),
        tuple(suggestions),
        tuple(tables),
    )


def paragraphs_of(tab_id: str, content: list[dict[str, Any]]) -> list[Paragraph]:
    """The paragraphs of one segment, such as a header; with the segment's own indexes."""
    return list(_Body(tab_id).read(content, cell=0))


def _tabs_of(document: Mapping[str, Any]) -> Iterator[tuple[Tab, Mapping[str, Any]]]:
    if "tabs" not in document:
        yield Tab("", document.get("title", "")), document
        return
    waiting = list(reversed(document["tabs"]))
    while waiting:
        tab = waiting.pop()
        properties = tab.get("tabProperties", {})
        yield (
            Tab(properties.get("tabId", ""), properties.get("title", "")),
            tab.get("documentTab", {}),
        )
        waiting.extend(reversed(tab.get("childTabs", ())))


class _Body:
    """Read structural elements; number the cells of one tab.

    `suggested` maps the start of each suggested insertion to its end; `suggestions` are all
    suggestions, also those on existing text.
    """

    def __init__(self, tab_id: str) -> None:
        self.tab_id = tab_id
        self.cells = 0
        self.suggested: dict[int, int] = {}
        self.suggestions: list[Suggestion] = []
        self.tables: list[Table] = []

    def read(self, content: list[dict[str, Any]], *, cell: int) -> Iterator[Paragraph]:
        after_paragraph = goes_on = False
        for element in content:
            paragraph = element.get("paragraph")
            if paragraph is not None:
                read = self.paragraph(element, paragraph, cell, after_paragraph)
                if goes_on:
                    read = replace(read, is_suggested=False)
                # The line stays, but its newline is only suggested: the next line would join it.
                goes_on = not read.is_suggested and _ends_in_suggestion(paragraph)
                yield read
            if "table" in element:
                yield from self.table(element, cell)
            after_paragraph = paragraph is not None

    def table(self, element: dict[str, Any], cell: int) -> Iterator[Paragraph]:
        rows: list[Row] = []
        for row in element["table"].get("tableRows", ()):
            numbers: list[int] = []
            for inner in row.get("tableCells", ()):
                self.cells += 1
                numbers.append(self.cells)
                yield from self.read(inner.get("content", []), cell=self.cells)
            rows.append(Row(row.get("startIndex", 0), row.get("endIndex", 0), tuple(numbers)))
        start = element.get("startIndex", 0)
        self.tables.append(Table(self.tab_id, start, cell, tuple(rows)))

    def paragraph(
        self,
        element: dict[str, Any],
        paragraph: dict[str, Any],
        cell: int,
        follows_paragraph: bool,
    ) -> Paragraph:
        elements = paragraph.get("elements", ())
        suggested = [each for each in elements if _is_suggested(each)]
        for each in suggested:
            self.suggested[each.get("startIndex", 0)] = each["endIndex"]
        for each in elements:
            if ids := _suggestions_of(each):
                start = each.get("startIndex", 0)
                self.suggestions.append(Suggestion(self.tab_id, start, each["endIndex"], ids))
        if styles := _style_suggestions(paragraph):
            whole = (element.get("startIndex", 0), element["endIndex"])
            self.suggestions.append(Suggestion(self.tab_id, *whole, styles))
        return Paragraph(
            tab_id=self.tab_id,
            start=element.get("startIndex", 0),
            end=element["endIndex"],
            text="".join(map(_text_of, elements)).removesuffix("\n"),
            named_style=paragraph.get("paragraphStyle", {}).get("namedStyleType", "NORMAL_TEXT"),
            list_id=paragraph.get("bullet", {}).get("listId", ""),
            cell=cell,
            follows_paragraph=follows_paragraph,
            dropdowns=tuple(_dropdown(each) for each in elements if "dropdown" in each),
            is_suggested=bool(elements) and len(suggested) == len(elements),
        )


def _ends_in_suggestion(paragraph: Mapping[str, Any]) -> bool:
    elements = paragraph.get("elements", ())
    return bool(elements) and _is_suggested(elements[-1])


def _is_suggested(element: dict[str, Any]) -> bool:
    kinds = (part for part in element.values() if isinstance(part, dict))
    return any(part.get("suggestedInsertionIds") for part in kinds)


def _suggestions_of(element: dict[str, Any]) -> tuple[str, ...]:
    kinds = [part for part in element.values() if isinstance(part, dict)]
    return tuple(
        suggestion for part in kinds for kind in _OF_AN_ELEMENT for suggestion in part.get(kind, ())
    )


def _style_suggestions(paragraph: Mapping[str, Any]) -> tuple[str, ...]:
    """The ids of suggestions of another paragraph style or list."""
    kinds = _SUGGESTED_STYLES.split(",")
    return tuple(suggestion for kind in kinds for suggestion in paragraph.get(kind, ()))


def _dropdown(element: dict[str, Any]) -> Dropdown:
    chip = element["dropdown"]
    shown = chip.get("dropdownProperties", {}).get("displayValue", "")
    return Dropdown(element.get("startIndex", 0), chip.get("dropdownId", ""), shown)


def _text_of(element: dict[str, Any]) -> str:
    run = element.get("textRun")
    if run is not None:
        return str(run.get("content", ""))
    return NON_TEXT * int(element.get("endIndex", 0) - element.get("startIndex", 0))


def _ranges_of(
    tab_id: str, groups: Mapping[str, Any], suggested: Mapping[int, int]
) -> Iterator[Range]:
    for group in groups.values():
        for named in group.get("namedRanges", ()):
            pieces = [
                (piece.get("startIndex", 0), piece.get("endIndex", 0))
                for piece in named.get("ranges", ())
                if not piece.get("segmentId")
            ]
            # A range can remain as an empty point after its text was deleted.
            pieces = [(start, end) for start, end in pieces if start < end]
            if pieces:
                start, end = min(pieces)[0], max(end for _, end in pieces)
                while suggested.get(start, end) < end:
                    start = suggested[start]
                yield Range(named["name"], named["namedRangeId"], tab_id, start, end)
