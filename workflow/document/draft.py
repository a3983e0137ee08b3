"""An edit while it is put together: pieces, ranges, sentences, and where the sections stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from workflow.document.blocks import Block
from workflow.document.changes import Edit
from workflow.document.chips import NativePart
from workflow.document.names import SECTION, section_name
from workflow.document.paragraphs import lay_out
from workflow.document.sections import (
    Place,
    end_of_tab,
    find_place,
    heading_of,
    section_in_doc,
    untouched_hint,
)
from workflow.document.splice import Join, Paragraphs, Piece, Spot, batch
from workflow.document.template import Section, find_section, section_key
from workflow.document.text import inner_length
from workflow.document.view import DocView, Range


class EditDraft:
    """Collects what one batch will do to one doc.

    `sections` are the template's. They are looked at only where the doc does not tell by itself.
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
        self._places: dict[str, Place | None] = {}
        self._ends: dict[str, Spot] = {}
        self._put_back: dict[str, list[Block]] = {}

    def say(self, sentence: str) -> None:
        """Tell the user, once."""
        if sentence not in self._sentences:
            self._sentences.append(sentence)

    def add(self, piece: Piece) -> None:
        """Take a piece into the batch."""
        self._pieces.append(piece)

    def forget(self, gone: Range) -> None:
        """Drop a named range; its text stays."""
        self._forget.append(gone)

    def name(self, kept: Range) -> None:
        """Name a range over text that stays, in the coordinates of the doc as it was read."""
        self._name.append(kept)

    def insert(self, spot: Spot, blocks: Sequence[Block]) -> None:
        """Put paragraphs at a spot. Own ranges that start right there are named anew behind them.

        Whether Docs grows a range when text comes in at its very start is not documented.
        """
        self.add(Paragraphs(spot, lay_out(blocks)))
        if spot.join is not Join.BEFORE:
            return
        for own in self.doc.own_at(spot.tab_id, spot.at):
            self._forget.append(own)
            self._name.append(own)

    def section(self, name: str) -> Section:
        """The section that a key or title means; one that the template lacks is made."""
        found = find_section(self._sections(), name)
        if found is None:
            found = Section(section_key(name), name.strip() or name)
            self._added.append(found)
        return found

    def section_of(self, key: str) -> Section:
        """The section of that key: as the doc has it if it has, else as the template does."""
        return section_in_doc(self.doc, key) or self.section(key)

    def place(self, section: Section) -> Place | None:
        """Where a section stands. One that was found by its heading gets its range back."""
        if section.key not in self._places:
            place = find_place(self.doc, section, self._sections())
            self._places[section.key] = place
            if place is not None and not place.found_by_range:
                self._restore_range(place)
        return self._places[section.key]

    def append(self, section: Section, blocks: Sequence[Block]) -> None:
        """Put paragraphs at a section's end, in the place of a hint that nobody has touched.

        A section that is gone is put back at the end of the doc, with them in it.
        """
        place = self.place(section)
        if place is None:
            self._put_back.setdefault(section.key, []).extend(blocks)
            return
        spot = self._ends.get(section.key) or self._first_spot(place)
        self._ends[section.key] = spot.behind
        self.insert(spot, blocks)

    def finish(self) -> Edit:
        """The edit: everything in one batch."""
        if self._put_back:
            self._put_back_sections()
        requests = batch(self._pieces, forget=self._forget, name=self._name)
        return Edit(requests, tuple(self._sentences), frozenset(self.already_there))

    def _sections(self) -> Iterator[Section]:
        yield from self._expected
        yield from self._added

    def _first_spot(self, place: Place) -> Spot:
        # Where its range does not tell the hint, its words in the template do.
        hint = untouched_hint(self.doc, place) or untouched_hint(
            self.doc, replace(place, section=self.section(place.section.key))
        )
        if hint is None:
            return place.end
        self._forget.extend(hint.ranges)
        return hint.spot

    def _restore_range(self, place: Place) -> None:
        heading = place.heading
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
                    f"The section “{section.title}” was gone; it was put back at the end."
                    if section.key in expected
                    else f"There was no section “{section.title}”; it was added at the end."
                )
        self.insert(end_of_tab(self.doc, self._home_tab()), blocks)

    def _home_tab(self) -> str:
        """The tab that holds most of the sections, the first one if none does."""
        sections = self.doc.own.get(SECTION, {}).values()
        homes = [own.range.tab_id for ranges in sections for own in ranges]
        return max((tab.id for tab in self.doc.tabs), key=homes.count)
