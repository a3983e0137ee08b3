"""Where a section stands in a doc that people have worked on, and where new paragraphs go in it."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from workflow.document.blocks import Block, Span, heading_kind
from workflow.document.names import (
    COMMUNICATIONS,
    COMMUNICATIONS_FACTS,
    DAY,
    ENTRY,
    FACTS,
    HINT,
    NOTICE,
    SECTION,
    TEXT,
    hint_name,
    section_name,
)
from workflow.document.splice import Join, Spot
from workflow.document.template import Section
from workflow.document.text import clean_text
from workflow.document.view import DocView, OwnRange, Paragraph, Range

TIMELINE = "timeline"
CUSTOMER_FACING_RESPONSE = "customer_facing_response"
SUPPORTING_DATA = "supporting_data"

_KINDS_INSIDE = {
    TIMELINE: (DAY, ENTRY),
    CUSTOMER_FACING_RESPONSE: (NOTICE, FACTS, COMMUNICATIONS, COMMUNICATIONS_FACTS),
}


@dataclass(frozen=True)
class Place:
    """A section as it stands: its heading, what follows in it, and what ends it.

    `inside` holds all paragraphs up to the end, those in tables too. `stop` is the paragraph
    that the next section starts with, None at the end of the body or cell.
    """

    section: Section
    heading: Paragraph
    inside: tuple[Paragraph, ...]
    stop: Paragraph | None
    found_by_range: bool

    @property
    def end(self) -> Spot:
        """Behind the section's last words; empty lines at its end stay behind what is added."""
        if self.stop is not None and not self.stop.follows_paragraph:
            return _at_start(self.stop)
        beside = [one for one in self.inside if one.cell == self.heading.cell]
        last = _last_with_words([self.heading, *beside])
        following = next((one for one in beside if one.start == last.end), self.stop)
        return _behind(last, following)


@dataclass(frozen=True)
class Hint:
    """A section's hint, still to the letter as it was written, and its range if that is left."""

    paragraphs: tuple[Paragraph, ...]
    ranges: tuple[Range, ...]

    @property
    def spot(self) -> Spot:
        """The hint's own place."""
        first, last = self.paragraphs[0], self.paragraphs[-1]
        return Spot(first.tab_id, last.end - 1, Join.INSTEAD, first.start, first.cell)


def heading_of(section: Section) -> Block:
    """A section's heading as it stands in the doc, to be found again by its range."""
    heading = Block(heading_kind(section.level), (Span(clean_text(section.title)),))
    return heading.marked(section_name(section.key))


def after(paragraph: Paragraph) -> Spot:
    """Directly behind a paragraph, before its newline, so that no range has its edge there."""
    at = paragraph.end - 1
    return Spot(paragraph.tab_id, at, Join.AFTER, at, paragraph.cell)


def before(doc: DocView, paragraph: Paragraph) -> Spot:
    """Directly before a paragraph: behind the one in front of it wherever there is one."""
    if not paragraph.follows_paragraph:
        return _at_start(paragraph)
    return _behind(doc.in_tab(paragraph.tab_id)[doc.index_of(paragraph) - 1], paragraph)


def end_behind(doc: DocView, paragraph: Paragraph, level: int) -> Spot:
    """The end of what a paragraph stands in: up to the next heading of that level or a higher."""
    section = Section("", "", level=level)
    position = doc.index_of(paragraph)
    return _place(doc, section, paragraph.tab_id, position, found_by_range=True).end


def end_of_tab(doc: DocView, tab_id: str) -> Spot:
    """Behind the last words of a tab. An empty tab's one paragraph is used, not left above."""
    body = [one for one in doc.in_tab(tab_id) if not one.cell]
    last = _last_with_words(body)
    if not last.text and last.start == body[0].start:
        return Spot(tab_id, last.start, Join.INSTEAD, last.start)
    return after(last)


def find_place(doc: DocView, section: Section, sections: Iterable[Section]) -> Place | None:
    """Where a section stands, in any tab: by its own range, by its heading's words, by its content.

    A heading typed anew in other words has lost its range; what this program wrote below it still
    tells which section it is, as long as it is not the heading of another of `sections`, which
    are looked at only then.
    """
    for own in doc.own_ranges(SECTION, section.key):
        position = _heading_position(doc, own.range, section.title)
        if position is not None:
            return _place(doc, section, own.range.tab_id, position, found_by_range=True)
    wanted = folded(section.title)
    for tab in doc.tabs:
        for position, paragraph in enumerate(doc.in_tab(tab.id)):
            is_heading = paragraph.named_style.startswith("HEADING_")
            if is_heading and folded(paragraph.text) == wanted:
                return _place(doc, section, tab.id, position, found_by_range=False)
    return _renamed(doc, section, sections)


def section_in_doc(doc: DocView, key: str) -> Section | None:
    """The section of that key, by the doc alone: without its hint, and titled as it is there.

    None where the section's range is gone, or is not over one heading and nothing else.
    """
    for own in doc.own_ranges(SECTION, key)[:1]:
        over = _paragraphs_over(doc, own.range)
        if len(over) == 1 and over[0].heading_level:
            return Section(key, over[0].text)
    return None


def untouched_hint(doc: DocView, place: Place) -> Hint | None:
    """The hint, if nobody has changed a letter of it."""
    for own in doc.own_ranges(HINT, place.section.key):
        paragraphs = paragraphs_as_written(doc, own, hint_name)
        if paragraphs and paragraphs[0] in place.inside:
            return Hint(paragraphs, (own.range,))
    # Its range may be lost where a section was cut and pasted; its words tell it as well.
    words = tuple(block.text for block in place.section.hint)
    paragraphs = place.inside[: len(words)]
    if words and tuple(one.text for one in paragraphs) == words and stand_together(paragraphs):
        return Hint(paragraphs, ())
    return None


def folded(title: str) -> str:
    """A heading's words without what people change in passing: case, spaces, a colon."""
    text = unicodedata.normalize("NFKC", title).casefold()
    return " ".join(text.split()).strip(" :.")


def _at_start(paragraph: Paragraph) -> Spot:
    """At a paragraph's start, for one that comes behind a table or at the very top."""
    at = paragraph.start
    return Spot(paragraph.tab_id, at, Join.BEFORE, at, paragraph.cell)


def _behind(paragraph: Paragraph, following: Paragraph | None) -> Spot:
    """Behind a paragraph, where what is written there stays by itself.

    Before the newline of a line that is only suggested, it would be joined to what follows once
    that is turned down; at the start of what follows it has a newline of its own.
    """
    if not paragraph.is_suggested or following is None or following.start != paragraph.end:
        return after(paragraph)
    return _at_start(following)


def _heading_position(doc: DocView, given: Range, title: str) -> int | None:
    """The heading that a range is over: what was put in right above it may have come into it."""
    first = doc.position_of(given)
    if first is None:
        return None
    over = list(enumerate(_paragraphs_over(doc, given), start=first))
    named = (position for position, one in over if folded(one.text) == folded(title))
    headings = (position for position, one in over if one.heading_level)
    return next(named, next(headings, first))


def _paragraphs_over(doc: DocView, given: Range) -> tuple[Paragraph, ...]:
    """The paragraphs that a range is over, in part at least."""
    first = doc.position_of(given)
    if first is None:
        return ()
    tab = doc.in_tab(given.tab_id)
    end = first + 1
    while end < len(tab) and tab[end].start < given.end:
        end += 1
    return tab[first:end]


def _renamed(doc: DocView, section: Section, sections: Iterable[Section]) -> Place | None:
    titles: frozenset[str] | None = None
    for given in _ranges_inside(doc, section.key):
        position = doc.position_of(given)
        tab = doc.in_tab(given.tab_id)
        above = range(position, -1, -1) if position is not None else ()
        heading = next((at for at in above if 0 < tab[at].heading_level <= section.level), None)
        if heading is None or not tab[heading].named_style.startswith("HEADING_"):
            continue
        if tab[heading].start in _section_starts(doc, given.tab_id):
            continue
        titles = titles or frozenset(folded(other.title) for other in sections)
        if folded(tab[heading].text) not in titles:
            return _place(doc, section, given.tab_id, heading, found_by_range=False)
    return None


def _ranges_inside(doc: DocView, key: str) -> Iterator[Range]:
    """Ranges that this program made within the section of that key."""
    for own in doc.own_ranges(HINT, key):
        yield own.range
    for kind in _KINDS_INSIDE.get(key, ()):
        for ranges in doc.own.get(kind, {}).values():
            yield from (own.range for own in ranges)
    for ranges in doc.own.get(TEXT, {}).values():
        yield from (own.range for own in ranges if own.name.notes == (key,))


def _place(
    doc: DocView, section: Section, tab_id: str, position: int, *, found_by_range: bool
) -> Place:
    tab = doc.in_tab(tab_id)
    heading = tab[position]
    level = heading.heading_level or section.level
    others = _section_starts(doc, tab_id) - {heading.start}
    inside: list[Paragraph] = []
    stop = None
    for paragraph in tab[position + 1 :]:
        if paragraph.cell == heading.cell and _ends(paragraph, level, others):
            stop = paragraph
            break
        if heading.cell in (0, paragraph.cell):
            inside.append(paragraph)
    return Place(section, heading, tuple(inside), stop, found_by_range)


def _ends(paragraph: Paragraph, level: int, starts: frozenset[int]) -> bool:
    """Whether a section of that level ends before this paragraph."""
    if paragraph.heading_level:
        return paragraph.heading_level <= level
    return paragraph.start in starts  # A section's heading that a person made plain text.


def _section_starts(doc: DocView, tab_id: str) -> frozenset[int]:
    ranges = (own.range for key in doc.own.get(SECTION, {}).values() for own in key)
    found = (_heading_position(doc, one, "") for one in ranges if one.tab_id == tab_id)
    return frozenset(doc.in_tab(tab_id)[at].start for at in found if at is not None)


def paragraphs_as_written(
    doc: DocView, own: OwnRange, naming: Callable[[str, tuple[str, ...]], str]
) -> tuple[Paragraph, ...]:
    """The paragraphs that a range of ours counts, if nobody has changed a letter of them.

    `naming` gives the range's name from its key and their texts.
    """
    first = doc.position_of(own.range)
    count = int(own.name.notes[0]) if own.name.notes and own.name.notes[0].isdecimal() else 0
    if first is None or not count:
        return ()
    paragraphs = doc.in_tab(own.range.tab_id)[first : first + count]
    written = naming(own.name.key, tuple(one.text for one in paragraphs))
    return paragraphs if written == own.range.name and stand_together(paragraphs) else ()


def stand_together(paragraphs: Sequence[Paragraph]) -> bool:
    """Whether nothing but these paragraphs stands between the first and the last."""
    return all(one.follows_paragraph for one in paragraphs[1:])


def _last_with_words(paragraphs: Sequence[Paragraph]) -> Paragraph:
    """The last that is not an empty line; one that a table must have behind it is kept."""
    last = len(paragraphs) - 1
    while last > 0 and not paragraphs[last].text and paragraphs[last].follows_paragraph:
        last -= 1
    return paragraphs[last]
