"""A doc of the rehearsal Google, as a person and as the program sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from google_rehearsal.docs import FetchedPicture, apply_batch, blank_document, render_document
from workflow.document.blocks import NativePart, native_part_of
from workflow.document.edits.batch import compute_edit
from workflow.document.edits.changes import AddEntry, Change, Edit
from workflow.document.edits.new_document import fill_new_document
from workflow.document.requests import ENTRY, EntryTime, entry_time
from workflow.document.template import PostmortemTemplate, parse_template
from workflow.document.view import DocView, Paragraph, read_document
from workflow.model import Incident, TimelineEntry

PARIS = ZoneInfo("Europe/Paris")
START = datetime(2026, 11, 24, 14, 39, tzinfo=PARIS)
SHIPPED = Path(__file__).parents[2] / "templates" / "postmortem.md"

# Small, so that the edits of people and of the program often meet.
SMALL = parse_template("""
# {{ title }}

**Status:** {{ status }}

**Duration:** {{ duration }}

## Summary

*What went wrong.*

## Timeline

*What happened.*

## Customer-facing response

## Next

- [ ] *Action*
- [ ] *Another*
""")

Boundary = Literal["outside", "inside"]


def shipped_template() -> PostmortemTemplate:
    return parse_template(SHIPPED.read_text(encoding="utf-8"))


def an_incident(title: str = "Wrong prices in the October mail", impact: str = "") -> Incident:
    return Incident("INC-1", title, START, "Europe/Paris", impact=impact, severity="S2")


def an_entry(
    entry_id: str,
    minutes: float,
    text: str = "something happened",
    *,
    said_after: float = 0,
    by: str = "",
    link: str = "",
) -> AddEntry:
    """An entry `minutes` after the start, logged `said_after` minutes after it happened."""
    at = START + timedelta(minutes=minutes)
    said = at + timedelta(minutes=said_after)
    return AddEntry(TimelineEntry(entry_id, at, text, said, by, link), PARIS)


@dataclass
class Page:
    """A doc filled from the shipped template, or from another."""

    boundary: Boundary = "outside"
    incident: Incident = field(default_factory=an_incident)
    template: PostmortemTemplate = field(default_factory=shipped_template)
    values: dict[str, str] = field(default_factory=dict)
    parts: frozenset[NativePart] = frozenset()
    deleted: list[str] = field(default_factory=list)  # the text that the program deleted
    pictures: dict[str, FetchedPicture] = field(default_factory=dict)  # what Docs can fetch

    def __post_init__(self) -> None:
        numbers = count(1)
        self._new_id = lambda *_: f"id{next(numbers)}"
        self.model = blank_document("doc", self.incident.title, self._new_id)
        self.model.boundary_inserts = self.boundary
        self.by_hand(*fill_new_document(self.template, self.incident, self.values, self.parts))

    # Edits by the program

    def edit(self, *changes: Change) -> Edit:
        """Run one command: read, compute, write. Keeps the deleted text."""
        view = self.view()
        edit = compute_edit(view, changes, self.template.sections, self.parts)
        self.deleted += _deleted_texts(view, edit.requests)
        if edit.requests:
            lock = {"requiredRevisionId": view.revision_id}
            self._apply({"requests": edit.requests, "writeControl": lock})
        return edit

    # Edits by a person

    def by_hand(self, *requests: dict[str, Any]) -> None:
        self.model.suggested_deletes = "work"  # in the doc's window, unlike through its API
        self._apply({"requests": list(requests)})
        self.model.suggested_deletes = "fail"

    def type_at(self, index: int, text: str) -> None:
        self.by_hand({"insertText": {"location": {"index": index}, "text": text}})

    def type_line_below(self, words: str, line: str) -> None:
        """Put the cursor at the end of the line that has `words`, press Enter, type."""
        self.type_at(self.line(words).end - 1, f"\n{line}")

    def type_line_above(self, words: str, line: str) -> None:
        self.type_at(self.line(words).start, f"{line}\n")

    def replace(self, words: str, by: str) -> None:
        paragraph = self.line(words)
        start = paragraph.start + _units(paragraph.text[: paragraph.text.index(words)])
        self.type_at(start + _units(words), by)
        self.delete(start, start + _units(words))

    def suggest_at(self, index: int, text: str) -> None:
        """Type in suggestion mode."""
        self.suggest({"insertText": {"location": {"index": index}, "text": text}})

    def suggest(self, request: dict[str, Any]) -> None:
        self._apply({"requests": [request], "writeControl": {"writeMode": "SUGGEST"}})

    def suggest_without(self, words: str) -> None:
        """Suggest to take words out."""
        paragraph = self.line(words)
        start = paragraph.start + _units(paragraph.text[: paragraph.text.index(words)])
        gone = {"startIndex": start, "endIndex": start + _units(words)}
        self.suggest({"deleteContentRange": {"range": gone}})

    def suggest_line_above(self, words: str, line: str) -> None:
        self.suggest_at(self.line(words).start, f"{line}\n")

    def suggest_line_below(self, words: str, line: str) -> None:
        self.suggest_at(self.line(words).end - 1, f"\n{line}")

    def lines_once(self, decided: Literal["accepted", "turned down"]) -> list[str]:
        """The lines of the doc after all suggestions are accepted or turned down."""
        mode = {
            "accepted": "PREVIEW_SUGGESTIONS_ACCEPTED",
            "turned down": "PREVIEW_WITHOUT_SUGGESTIONS",
        }[decided]
        document = render_document(
            self.model, suggestions_view_mode=mode, include_tabs_content=True
        )
        return [paragraph.text for paragraph in read_document(document).paragraphs]

    def delete(self, start: int, end: int) -> None:
        self.by_hand({"deleteContentRange": {"range": {"startIndex": start, "endIndex": end}}})

    def delete_line(self, words: str) -> None:
        paragraph = self.line(words)
        self.delete(paragraph.start, paragraph.end)

    def forget_ranges(self, prefix: str) -> None:
        for given in self.view().ranges:
            if given.name.startswith(prefix):
                self.by_hand({"deleteNamedRange": {"namedRangeId": given.id}})

    # The contents

    def document(self) -> dict[str, Any]:
        return render_document(
            self.model, suggestions_view_mode="SUGGESTIONS_INLINE", include_tabs_content=True
        )

    def view(self) -> DocView:
        return read_document(self.document())

    @property
    def lines(self) -> list[str]:
        return [paragraph.text for paragraph in self.view().paragraphs]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def line(self, words: str) -> Paragraph:
        """The first paragraph that has these words."""
        return next(one for one in self.view().paragraphs if words in one.text)

    def under(self, heading: str) -> list[str]:
        """The lines between a heading and the next one of HEADING_1."""
        paragraphs = self.view().paragraphs
        start = next(
            number
            for number, one in enumerate(paragraphs)
            if one.text == heading and one.heading_level
        )
        lines: list[str] = []
        for one in paragraphs[start + 1 :]:
            if one.text and one.named_style == "HEADING_1":
                break
            lines.append(one.text)
        return lines

    def styles_of(self, words: str) -> list[dict[str, Any]]:
        """The text styles of the runs of the line that has these words."""
        found = self.line(words)
        tab = next(
            tab for tab in self.document()["tabs"] if tab["tabProperties"]["tabId"] == found.tab_id
        )
        element = _paragraph_at(tab["documentTab"]["body"]["content"], found.start)
        return [
            run["textRun"].get("textStyle", {})
            for run in element["paragraph"]["elements"]
            if "textRun" in run
        ]

    @property
    def entry_ids(self) -> list[str]:
        return [entry.id for entry in entries_in(self.view())]

    def _apply(self, body: dict[str, Any]) -> None:
        apply_batch(self.model, body, new_id=self._new_id, fetch=self.pictures.get)


def _paragraph_at(content: Sequence[dict[str, Any]], start: int) -> dict[str, Any]:
    return next(one for one in content if one.get("startIndex", 0) == start and "paragraph" in one)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _deleted_texts(view: DocView, requests: Sequence[dict[str, Any]]) -> list[str]:
    """The text that an edit deletes.

    An edit works from the end of a tab to its start, so the indexes of a deletion are still those
    of the doc as it was read.
    """
    texts = []
    for before, request in zip([{}, *requests], requests, strict=False):
        gone = request.get("deleteContentRange", {}).get("range")
        is_stand_in = native_part_of(before) is not None  # a chip's, which came with it
        if gone is not None and not is_stand_in:
            texts.append(_text_between(view, gone))
    return texts


def _text_between(view: DocView, gone: dict[str, Any]) -> str:
    text = ""
    for one in view.in_tab(gone["tabId"]):
        units = f"{one.text}\n".encode("utf-16-le")
        low, high = max(gone["startIndex"], one.start), min(gone["endIndex"], one.end)
        if low < high:
            text += units[2 * (low - one.start) : 2 * (high - one.start)].decode("utf-16-le")
    return text


@dataclass(frozen=True)
class EntryInDoc:
    """An entry in the doc. `time` is None if the range's name doesn't give it."""

    id: str
    time: EntryTime | None
    text: str


def entries_in(doc: DocView) -> list[EntryInDoc]:
    """All entries with a remaining range, in the order of the doc, with their whole line."""
    found: list[tuple[int, int, EntryInDoc]] = []
    order = {tab.id: number for number, tab in enumerate(doc.tabs)}
    for ranges in doc.own.get(ENTRY, {}).values():
        own = ranges[0]
        paragraph = doc.paragraph_of(own.range)
        if paragraph is not None:
            entry = EntryInDoc(own.name.key, entry_time(own.name), paragraph.text)
            found.append((order[own.range.tab_id], own.range.start, entry))
    return [entry for _, _, entry in sorted(found, key=lambda one: one[:2])]
