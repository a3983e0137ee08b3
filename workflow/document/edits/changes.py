"""The changes that a doc can get, an edit in progress, and the header lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from workflow.document.blocks import Block, BlockKind, Chip, Mark, NativePart, Span, as_chip
from workflow.document.edits.splice import (
    Join,
    NewValue,
    Paragraphs,
    Piece,
    Place,
    Selected,
    Spot,
    after,
    batch,
    before,
    end_of_tab,
    find_place,
    heading_of,
    section_in_doc,
    untouched_hint,
)
from workflow.document.requests import (
    FIELD,
    NON_TEXT,
    SECTION,
    NoticeOrigin,
    Request,
    Tally,
    clean_text,
    field_name,
    fingerprint,
    inner_length,
    section_name,
    text_from,
    utf16_length,
)
from workflow.document.styling import LEAD, lay_out
from workflow.document.template import PostmortemTemplate, Section, find_section, section_key
from workflow.document.view import DocView, OwnRange, Paragraph, Range
from workflow.model import Statement, Status, TimelineEntry

# --- The changes ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class AddEntry:
    """Add an entry to the timeline; `zone` is the one in which people read its time.

    `markdown`: a person typed its text, so lists, links and code in it become parts of the doc.
    `is_only_one`: no other entry has this text, so a line with it must be this entry.
    """

    entry: TimelineEntry
    zone: ZoneInfo
    markdown: bool = False
    is_only_one: bool = False


@dataclass(frozen=True)
class RewordEntry:
    """Replace an entry's text with the current one; `earlier` are all previous texts.

    `id` is the correction's, which is found again, so it is made once. `markdown` is about the
    current text.
    """

    id: str
    entry: TimelineEntry
    zone: ZoneInfo
    earlier: tuple[str, ...]
    markdown: bool = False


@dataclass(frozen=True)
class StrikeEntry:
    """Strike an entry through; its text stays. `earlier` are all its previous texts."""

    id: str
    entry: TimelineEntry
    zone: ZoneInfo
    earlier: tuple[str, ...] = ()


@dataclass(frozen=True)
class SetField:
    """Set a header line's value: `status`, `severity`, `duration`, `customers`, …

    `known_values` are values that this program may have written before, for a line whose named
    range is lost. With the range, the doc itself shows what was written.
    """

    name: str
    value: str
    known_values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Restate:
    """Update the impact, the title or the like everywhere that the doc's template has it.

    `earlier` are all previous values, "" for none; they identify our own text. `identity` is the
    range that names the doc's incident, if that changes too. `is_first`: the doc had no value yet.
    """

    statement: Statement
    value: str
    earlier: tuple[str, ...]
    template: PostmortemTemplate
    identity: str = ""
    is_first: bool = False


@dataclass(frozen=True)
class FillSection:
    """Write into a section, named by its key or title. `id` is found again, so it is written once.

    `is_only_one`: this text was recorded once for this section.
    """

    id: str
    section: str
    blocks: tuple[Block, ...]
    is_only_one: bool = False


@dataclass(frozen=True)
class PutNotice:
    """The copy of a notice in the section for the customer-facing response.

    It is written once; put again with other `facts` (lines: when, from whom, how many accepted),
    only the facts are updated. `previous_facts` are earlier versions, for facts whose named range
    is lost. `reserved` means before the first mail: only the heading and the facts, so that other
    ledgers see it; the body follows with the next change. `run` is the run of sending that the doc
    should know of.
    """

    id: str
    heading: str
    facts: tuple[str, ...]
    body: tuple[Block, ...]
    previous_facts: tuple[tuple[str, ...], ...] = ()
    origin: NoticeOrigin | None = None
    tally: Tally | None = None
    reserved: bool = False
    run: int | None = None


@dataclass(frozen=True)
class PutCommunications:
    """The summary of all notices, in the customer-facing response.

    One block for each incident, with its `id`: written once, then its lines are updated like a
    notice's.
    """

    id: str
    heading: str
    facts: tuple[str, ...]
    previous_facts: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class PutProposal:
    """A proposed plan, in the customer-facing response.

    Written once with its `body`, every wording; then its facts are updated like a notice's.
    """

    id: str
    heading: str
    facts: tuple[str, ...]
    body: tuple[Block, ...]
    previous_facts: tuple[tuple[str, ...], ...] = ()


Change = (
    AddEntry
    | RewordEntry
    | StrikeEntry
    | SetField
    | Restate
    | FillSection
    | PutNotice
    | PutCommunications
    | PutProposal
)


@dataclass(frozen=True)
class LeftAlone:
    """Our text that should be deleted but stays, because somebody has a suggestion in it.

    Docs answers such a deletion with an error 500 (report hermes 181, confirmed by Google).
    """

    text: str
    suggestion_ids: tuple[str, ...]


@dataclass(frozen=True)
class Edit:
    """One batch that makes all changes, or none if `requests` is empty.

    `notices_to_user` are sentences about people's edits and how they were treated. `already_there`
    has the ids of entries, texts and notices that the doc already holds.
    """

    requests: list[Request]
    notices_to_user: tuple[str, ...] = ()
    already_there: frozenset[str] = frozenset()
    left_alone: tuple[LeftAlone, ...] = ()


# --- An edit in progress --------------------------------------------------------------------------


class EditDraft:
    """Collect everything that one batch does to one doc.

    `sections` are the template's. They are used only if the doc itself doesn't show its sections.
    """

    def __init__(
        self, doc: DocView, sections: Sequence[Section], parts: frozenset[NativePart]
    ) -> None:
        self.doc = doc
        self.parts = parts
        self._expected = sections
        self._added: list[Section] = []
        self.already_there: set[str] = set()
        self.added_entries: set[str] = set()
        self._pieces: list[Piece] = []
        self._forget: list[Range] = []
        self._name: list[Range] = []
        self._sentences: list[str] = []
        self._left_alone: dict[LeftAlone, None] = {}
        self._places: dict[str, Place | None] = {}
        self._ends: dict[str, Spot] = {}
        self._put_back: dict[str, list[Block]] = {}

    def say(self, sentence: str) -> None:
        """Tell the person something, once."""
        if sentence not in self._sentences:
            self._sentences.append(sentence)

    def may_replace(self, tab_id: str, start: int, end: int) -> bool:
        """Whether text may be deleted; it stays if somebody has a suggestion in it.

        The new text is then put beside it.
        """
        ids = self.doc.suggested_in(tab_id, start, end)
        if ids:
            left = LeftAlone(self.doc.text_between(tab_id, start, end), ids)
            self._left_alone.setdefault(left, None)
        return not ids

    def add(self, piece: Piece) -> None:
        """Add a piece to the batch."""
        self._pieces.append(piece)

    def forget(self, gone: Range) -> None:
        """Drop a named range; its text stays."""
        self._forget.append(gone)

    def name(self, kept: Range) -> None:
        """Name a range over text that stays, in the coordinates of the doc that was read."""
        self._name.append(kept)

    def insert(self, spot: Spot, blocks: Sequence[Block]) -> None:
        """Insert paragraphs at a spot. Our own ranges that start there are named again after them.

        Docs doesn't document whether a range grows when text is inserted at its very start.
        """
        self.add(Paragraphs(spot, lay_out(blocks)))
        if spot.join is not Join.BEFORE:
            return
        for own in self.doc.own_at(spot.tab_id, spot.at):
            self._forget.append(own)
            self._name.append(own)

    def section(self, name: str) -> Section:
        """The section for a key or title; one that the template lacks is created."""
        found = find_section(self._sections(), name)
        if found is None:
            found = Section(section_key(name), name.strip() or name)
            self._added.append(found)
        return found

    def section_of(self, key: str) -> Section:
        """The section with that key: as in the doc if it is there, else as in the template."""
        return section_in_doc(self.doc, key) or self.section(key)

    def place(self, section: Section) -> Place | None:
        """The place of a section. One that was found by its heading gets its range back."""
        if section.key not in self._places:
            place = find_place(self.doc, section, self._sections())
            self._places[section.key] = place
            if place is not None and not place.found_by_range:
                self._restore_range(place)
        return self._places[section.key]

    def append(self, section: Section, blocks: Sequence[Block]) -> None:
        """Append paragraphs to a section, or replace its untouched hint.

        A missing section is restored at the end of the doc, with these paragraphs.
        """
        place = self.place(section)
        if place is None:
            self._put_back.setdefault(section.key, []).extend(blocks)
            return
        if place.is_cell and not place.heading.text.strip() and section.key not in self._ends:
            blocks = self._instead_of_blank(place, blocks)
        spot = self._ends.get(section.key) or self._first_spot(place)
        self._ends[section.key] = spot.behind
        self.insert(spot, blocks)

    def finish(self) -> Edit:
        """Finish the edit: everything in one batch."""
        if self._put_back:
            self._put_back_sections()
        requests = batch(self._pieces, forget=self._forget, name=self._name)
        there = frozenset(self.already_there)
        return Edit(requests, tuple(self._sentences), there, tuple(self._left_alone))

    def _sections(self) -> Iterator[Section]:
        yield from self._expected
        yield from self._added

    def _instead_of_blank(self, place: Place, blocks: Sequence[Block]) -> list[Block]:
        """Replace the placeholder of an empty cell by its first text, and keep its name."""
        blank = place.heading
        for own in self.doc.own_at(blank.tab_id, blank.start):
            self._forget.append(own)
        first, *others = blocks if blocks[0].spans else (LEAD, *blocks)
        return [first.marked(section_name(place.section.key)), *others]

    def _first_spot(self, place: Place) -> Spot:
        # If its range doesn't identify the hint, its text in the template does.
        blank = place.heading
        if place.is_cell and not blank.text.strip():
            at = blank.end - 1
            return Spot(blank.tab_id, at, Join.INSTEAD, blank.start, blank.cell)
        hint = untouched_hint(self.doc, place) or untouched_hint(
            self.doc, replace(place, section=self.section(place.section.key))
        )
        if hint is None:
            return place.end
        spot = hint.spot
        if not self.may_replace(spot.tab_id, spot.delete_from, spot.at):
            return place.end
        self._forget.extend(hint.ranges)
        return spot

    def _restore_range(self, place: Place) -> None:
        heading = place.heading
        if not heading.text.strip():
            return  # an empty cell: its first text brings the range
        end = heading.start + inner_length(heading.text)
        name = section_name(place.section.key)
        self._name.append(Range(name, "", heading.tab_id, heading.start, end))

    def _put_back_sections(self) -> None:
        blocks: list[Block] = []
        expected = {section.key for section in self._expected}
        for section in self._sections():
            content = self._put_back.get(section.key)
            if content:
                blocks += [heading_of(section), *content]
                self.say(
                    f"The section “{section.title}” was missing. It was added again at the end."
                    if section.key in expected
                    else f"There was no section “{section.title}”. It was added at the end."
                )
        self.insert(end_of_tab(self.doc, self._home_tab()), blocks)

    def _home_tab(self) -> str:
        """The tab that holds most of the sections, the first one if none does."""
        sections = self.doc.own.get(SECTION, {}).values()
        homes = [own.range.tab_id for ranges in sections for own in ranges]
        return max((tab.id for tab in self.doc.tabs), key=homes.count)


# --- Header lines ---------------------------------------------------------------------------------

NOT_KNOWN = "not known yet"
"""The text of a header line without a value."""


def field_line(
    label: str,
    key: str,
    value: str,
    chip: Chip | None = None,
    parts: frozenset[NativePart] = frozenset(),
) -> Block:
    """A header line with a named range on its value; as a `chip` if `parts` allow it."""
    shown = as_chip(Span(field_value(value)), chip, parts)
    spans = (Span(f"{clean_text(label)}:", bold=True), Span(" "), shown)
    start = utf16_length(spans[0].text) + 1
    written = shown.text if shown.chip is None else NON_TEXT  # this text is read back
    mark = Mark(field_name(key, written), start, start + utf16_length(written))
    return Block(BlockKind.NORMAL, spans, marks=(mark,))


def field_value(value: str) -> str:
    """A value as a header line shows it."""
    return clean_text(value.strip()) or NOT_KNOWN


SEPARATOR = " · "
"""Between our value and a person's text in its place."""


@dataclass(frozen=True)
class Value:
    """A field's current value: from `start` to the end of its paragraph.

    `lead` is the space that a new value needs in front, if there is none.
    """

    paragraph: Paragraph
    start: int
    text: str
    ranges: tuple[OwnRange, ...]
    lead: str

    def ours(self, known_values: Sequence[str]) -> str | None:
        """The part of the text that this program wrote: all of it, or what precedes a person's."""
        prints = {own.name.notes[0] for own in self.ranges if own.name.notes}
        prints |= {fingerprint(field_value(value)) for value in (*known_values, NOT_KNOWN)}
        end = len(self.text)
        while end >= 0:
            if fingerprint(self.text[:end]) in prints:
                return self.text[:end]
            end = self.text.rfind(SEPARATOR, 0, end)
        return None


def set_fields(draft: EditDraft, changes: Sequence[SetField]) -> None:
    """Set each field to the last value given for it."""
    for change in {change.name: change for change in changes}.values():
        value = _find(draft.doc, change.name)
        if value is None:
            _put_back(draft, change)
        else:
            _reword(draft, change, value)


def field_shown(doc: DocView, name: str) -> str:
    """The doc's value of a field, also in a dropdown; "" if it has none."""
    value = _find(doc, name)
    if value is None:
        return ""
    chosen = next((one for one in value.paragraph.dropdowns if one.start == value.start), None)
    words = chosen.shown if chosen else value.text.partition(SEPARATOR)[0].strip()
    return "" if words == NOT_KNOWN else words


def title_shown(doc: DocView) -> str:
    """The first line in the title style; "" if the doc has none."""
    lines = (one for one in doc.in_tab(doc.tabs[0].id) if one.named_style == "TITLE")
    return next((one.text.strip() for one in lines if one.text.strip()), "")


def _reword(draft: EditDraft, change: SetField, value: Value) -> None:
    if _select_in_dropdown(draft, change, value):
        return
    new = field_value(change.value)
    old = value.ours(change.known_values)
    if old == new:
        return
    for own in value.ranges:
        draft.forget(own.range)
    tab_id, start, cell = value.paragraph.tab_id, value.start, value.paragraph.cell
    if old and not draft.may_replace(tab_id, start, start + utf16_length(old)):
        old = None
    elif old is None and value.text.strip():
        draft.say(
            f"The line “{_label(change.name)}” was edited by hand (“{value.text.strip()}”). The "
            f"new value was put before it."
        )
    spot = Spot(tab_id, start + utf16_length(old or ""), Join.INSTEAD, start, cell)
    trail = SEPARATOR if old is None and value.text.strip() else ""
    draft.add(NewValue(spot, new, field_name(change.name, new), value.lead, trail))


def _select_in_dropdown(draft: EditDraft, change: SetField, value: Value) -> bool:
    """Choose the status in its dropdown; False if there is none."""
    status = next((each for each in Status if each.label == change.value), None)
    dropdown = next((one for one in value.paragraph.dropdowns if one.start == value.start), None)
    if change.name != "status" or status is None or dropdown is None:
        return False
    if dropdown.shown != status.label:
        spot = Spot(
            value.paragraph.tab_id, value.start, Join.INSTEAD, value.start, value.paragraph.cell
        )
        draft.add(Selected(spot, dropdown.id, status))
    return True


def _put_back(draft: EditDraft, change: SetField) -> None:
    line = field_line(_label(change.name), change.name, change.value)
    draft.insert(_place_for_line(draft.doc), [line])
    draft.say(f"The line “{_label(change.name)}” was missing. It was added again at the top.")


def _find(doc: DocView, name: str) -> Value | None:
    """The value by its range, else by its label above the first heading."""
    ranges = doc.own_ranges(FIELD, name)
    for own in ranges:
        paragraph = doc.paragraph_of(own.range)
        if paragraph is not None:
            start = max(own.range.start, paragraph.start + _label_length(paragraph, name))
            return _value(paragraph, start, ranges)
    for paragraph in top_of(doc):
        length = _label_length(paragraph, name)
        if length:
            return _value(paragraph, paragraph.start + length, ranges)
    return None


def _label_length(paragraph: Paragraph, name: str) -> int:
    """The length of the label and the space after it; 0 for another label."""
    label = rf"\s*{re.escape(_label(name))}\s*:\s*"
    match = re.match(label, paragraph.text, re.IGNORECASE)
    return utf16_length(match[0]) if match else 0


def _value(paragraph: Paragraph, start: int, ranges: tuple[OwnRange, ...]) -> Value:
    text = text_from(paragraph.text, start - paragraph.start)
    label = paragraph.text.removesuffix(text)
    return Value(paragraph, start, text, ranges, lead=" " if label.endswith(":") else "")


def top_of(doc: DocView) -> list[Paragraph]:
    """The paragraphs before the first heading of the first tab."""
    top: list[Paragraph] = []
    for paragraph in doc.in_tab(doc.tabs[0].id):
        if paragraph.named_style.startswith("HEADING_"):
            break
        top.append(paragraph)
    return top


def _place_for_line(doc: DocView) -> Spot:
    """After the last remaining header line, else after the title, else at the very top."""
    lines = [paragraph for paragraph in map(doc.paragraph_of, _all_ranges(doc)) if paragraph]
    body = [paragraph for paragraph in lines if not paragraph.cell]
    if body:
        return after(max(body, key=lambda one: one.start))
    first = doc.in_tab(doc.tabs[0].id)[0]
    return after(first) if first.named_style == "TITLE" else before(doc, first)


def _all_ranges(doc: DocView) -> list[Range]:
    return [own.range for ranges in doc.own.get(FIELD, {}).values() for own in ranges]


def _label(name: str) -> str:
    return clean_text(name.replace("_", " ")).capitalize()
