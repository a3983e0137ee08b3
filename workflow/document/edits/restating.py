"""Updates of the impact, the severity and the like, in each place of the doc's template.

Our own text is replaced only if it is exactly what this program wrote. If a person has edited it,
their text stays and the new text is put beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from workflow.document.blocks import Block, Kind, Span, blocks_from_text
from workflow.document.edits.changes import Restate, SetField
from workflow.document.edits.draft import EditDraft
from workflow.document.edits.header import set_fields, top_of
from workflow.document.edits.new_document import worded
from workflow.document.edits.sections import (
    after,
    find_place,
    paragraphs_as_written,
    section_in_doc,
    stand_together,
)
from workflow.document.edits.splice import Join, Paragraphs, Spot, Words
from workflow.document.names import FIELD, INCIDENT, STATED, stated_name
from workflow.document.requests import clean_text, utf16_length
from workflow.document.styling import lay_out
from workflow.document.template import (
    PLACEHOLDER,
    Section,
    field_of,
    lone_placeholder,
    placeholders_of,
)
from workflow.document.view import DocView, Paragraph

_PLAIN = Block(Kind.NORMAL, (Span(""),))


@dataclass(frozen=True)
class _Home:
    """A template's line with the statement, and the paragraphs where it can be."""

    line: Block
    among: Sequence[Paragraph]

    @property
    def is_alone(self) -> bool:
        """Whether the statement is the whole line, and so may be several paragraphs."""
        return bool(lone_placeholder(self.line)) and self.line.kind is not Kind.TITLE


def restate(draft: EditDraft, changes: Sequence[Restate]) -> None:
    """Bring the last value of each statement into the doc; skip one that is there already."""
    for change in {change.statement: change for change in changes}.values():
        _Restating(draft, change).carry_out()


class _Restating:
    """One statement's update. `taken` are the starts of paragraphs already handled."""

    def __init__(self, draft: EditDraft, change: Restate) -> None:
        self.draft = draft
        self.doc = draft.doc
        self.change = change
        self.key = change.statement.value
        self.new = clean_text(change.value)
        self.taken: set[int] = set()
        self.replaced: list[tuple[str, int, int]] = []

    def carry_out(self) -> None:
        homes = list(_homes(self.doc, self.change))
        look = next((home.line for home in homes if home.is_alone), _PLAIN)
        found = [
            self._in_header_line(),
            self._by_ranges(look),
            *(self._alone(home) for home in homes if home.is_alone),
            *(self._within(line, home.among) for home in homes for line in _texts(home)),
        ]
        if not any(found):
            self._in_section(look, homes)
        if self.change.identity:
            self._say_whose()

    def _say_whose(self) -> None:
        """Update the ranges that name the doc's incident.

        If a title was replaced, its range is named again over the new text.
        """
        for ranges in self.doc.own.get(INCIDENT, {}).values():
            for own in ranges:
                grown = sum(
                    growth
                    for tab_id, start, growth in self.replaced
                    if tab_id == own.range.tab_id and own.range.start <= start < own.range.end
                )
                if own.range.name == self.change.identity and not grown:
                    continue
                self.draft.forget(own.range)
                kept = own.range
                self.draft.name(
                    replace(kept, name=self.change.identity, id="", end=kept.end + grown)
                )

    def _in_header_line(self) -> bool:
        ranges = self.doc.own_ranges(FIELD, self.key)
        opening = self.change.template.opening
        if not ranges and not any(_is_header_line(line, self.key) for line in opening):
            return False
        field = SetField(self.key, self.change.value, self.change.earlier)
        set_fields(self.draft, [field])
        lines = (self.doc.paragraph_of(own.range) for own in ranges)
        self.taken.update(line.start for line in lines if line is not None)
        return True

    def _by_ranges(self, look: Block) -> bool:
        """Update statements with their own range: the doc shows whether a person edited them."""
        ranges = self.doc.own_ranges(STATED, self.key)
        for own in ranges:
            ours = paragraphs_as_written(self.doc, own, stated_name)
            first = self.doc.paragraph_of(own.range)
            if ours:
                self._replace(ours, look)
            elif first is not None:
                self.draft.forget(own.range)
                self.taken.add(first.start)
                self.draft.insert(after(first), self._blocks(look))
                self._say_beside()
        return bool(ranges)

    def _alone(self, home: _Home) -> bool:
        """Update statements that are whole paragraphs, identified by their text."""
        found = False
        for value in (self.change.value, *self.change.earlier):
            for words in _wordings(value):
                for at in range(len(home.among) - len(words) + 1):
                    run = home.among[at : at + len(words)]
                    if tuple(one.text for one in run) == words and self._is_free(run):
                        self._replace(run, home.line)
                        found = True
        return found

    def _is_free(self, run: Sequence[Paragraph]) -> bool:
        return stand_together(run) and not any(one.start in self.taken for one in run)

    def _within(self, line: str, among: Sequence[Paragraph]) -> bool:
        """Update statements inside a line whose other words identify it."""
        shape = _shape(line, self.key, (self.change.value, *self.change.earlier))
        found = False
        for paragraph in among:
            match = shape.fullmatch(paragraph.text)
            if match is None or paragraph.start in self.taken:
                continue
            self.taken.add(paragraph.start)
            found = True
            for group in range(1, len(match.groups()) + 1):
                if match[group] != self.new:
                    start = paragraph.start + utf16_length(paragraph.text[: match.start(group)])
                    end = start + utf16_length(match[group])
                    self._put_words(paragraph, start, end)
        return found

    def _put_words(self, paragraph: Paragraph, start: int, end: int) -> None:
        """Replace our text within a line, else put the new text in brackets after it."""
        if self.draft.may_replace(paragraph.tab_id, start, end):
            spot = Spot(paragraph.tab_id, end, Join.INSTEAD, start, paragraph.cell)
            words = Words(spot, self.new)
            self.draft.add(words)
            self.replaced.append((paragraph.tab_id, start, words.growth))
        else:
            spot = Spot(paragraph.tab_id, end, Join.INSTEAD, end, paragraph.cell)
            self.draft.add(Words(spot, self.new, lead=" (now: ", trail=")"))

    def _replace(self, run: Sequence[Paragraph], look: Block) -> None:
        self.taken.update(one.start for one in run)
        words = tuple(one.text for one in run)
        if words in _wordings(self.change.value):
            return
        first, last = run[0], run[-1]
        for own in self.doc.own_ranges(STATED, self.key):
            if self.doc.paragraph_of(own.range) == first:
                self.draft.forget(own.range)
        blocks = self._blocks(look)
        if not self.draft.may_replace(first.tab_id, first.start, last.end - 1):
            self.draft.insert(after(last), blocks)
            return
        spot = Spot(first.tab_id, last.end - 1, Join.INSTEAD, first.start, first.cell)
        if len(run) == len(blocks) == 1:  # in its current style
            text = blocks[0].text
            self.draft.add(Words(spot, text, stated_name(self.key, (text,))))
        else:
            self.draft.add(Paragraphs(spot, lay_out(blocks)))

    def _in_section(self, look: Block, homes: Sequence[_Home]) -> None:
        section = _section(self.doc, self.change)
        if section is None:
            self.draft.say(f"The doc has no place for the {self.key}. It is in the timeline.")
            return
        if homes and any(self.change.earlier) and not self.change.is_first:
            self._say_beside()
        self.draft.append(section, self._blocks(look))

    def _blocks(self, look: Block) -> list[Block]:
        return worded(look, self.key, self.change.value)

    def _say_beside(self) -> None:
        self.draft.say(
            f"The {self.key} in the doc was edited by hand. The new text was added below it."
        )


def _homes(doc: DocView, change: Restate) -> Iterator[_Home]:
    """Every template line with the statement, without header lines."""
    key, template = change.statement.value, change.template
    for line in template.opening:
        if key in placeholders_of(line) and not _is_header_line(line, key):
            yield _Home(line, top_of(doc))
    for section in template.sections:
        lines = [line for line in section.standing if key in placeholders_of(line)]
        place = find_place(doc, section, template.sections) if lines else None
        if place is not None:
            yield from (_Home(line, place.inside) for line in lines)


def _is_header_line(line: Block, key: str) -> bool:
    field = field_of(line)
    return field is not None and field.key == key


def _texts(home: _Home) -> Iterator[str]:
    """The texts around a statement: the line itself, or each cell of a table."""
    if home.is_alone:
        return
    cells = ("".join(span.text for span in cell) for row in home.line.rows for cell in row)
    yield from (home.line.text, *cells)


def _wordings(value: str) -> list[tuple[str, ...]]:
    """The paragraphs that a value becomes, or the single one in a copied doc."""
    parted = tuple(block.text for block in blocks_from_text(value))
    whole = (clean_text(value),)
    return [words for words in dict.fromkeys((parted, whole)) if any(words)]


def _shape(line: str, key: str, values: Sequence[str]) -> re.Pattern[str]:
    """A pattern for a filled template line: our values are groups, other values match anything."""
    own = "|".join(re.escape(one) for one in sorted(map(clean_text, values), key=len, reverse=True))
    parts: list[str] = []
    end = 0
    for match in PLACEHOLDER.finditer(line):
        parts.append(re.escape(clean_text(line[end : match.start()])))
        parts.append(f"({own})" if match[1] == key else ".*?")
        end = match.end()
    parts.append(re.escape(clean_text(line[end:])))
    return re.compile("".join(parts) if f"({own})" in parts else r"(?!)", re.DOTALL)


def _section(doc: DocView, change: Restate) -> Section | None:
    key = change.statement.value
    listed = (section for section in change.template.sections if section.key == key)
    return next(listed, None) or section_in_doc(doc, key)
