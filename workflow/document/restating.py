"""The impact or the severity said anew, in each place that the doc's template has for it.

Our own words are replaced only where they stand to the letter as this program wrote them. Where a
person has changed them, theirs stay and the new ones are put beside them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from workflow.document.blocks import Block, Kind, Span, blocks_from_text
from workflow.document.changes import Restate, SetField
from workflow.document.draft import EditDraft
from workflow.document.header import set_fields, top_of
from workflow.document.names import FIELD, STATED, stated_name
from workflow.document.new_document import worded
from workflow.document.paragraphs import lay_out
from workflow.document.sections import (
    after,
    find_place,
    paragraphs_as_written,
    section_in_doc,
    stand_together,
)
from workflow.document.splice import Join, Paragraphs, Spot, Words
from workflow.document.template import (
    PLACEHOLDER,
    Section,
    field_of,
    lone_placeholder,
    placeholders_of,
)
from workflow.document.text import clean_text, utf16_length
from workflow.document.view import DocView, Paragraph

_PLAIN = Block(Kind.NORMAL, (Span(""),))


@dataclass(frozen=True)
class _Home:
    """A line of the template that has the statement, and the paragraphs among which it stands."""

    line: Block
    among: Sequence[Paragraph]

    @property
    def is_alone(self) -> bool:
        """Whether the statement is all of the line, and so may be several paragraphs."""
        return bool(lone_placeholder(self.line)) and self.line.kind is not Kind.TITLE


def restate(draft: EditDraft, changes: Sequence[Restate]) -> None:
    """Bring the last value of each statement into the doc; one that is there already stays."""
    for change in {change.statement: change for change in changes}.values():
        _Restating(draft, change).carry_out()


class _Restating:
    """One statement on its way into a doc. `taken` are the starts of paragraphs dealt with."""

    def __init__(self, draft: EditDraft, change: Restate) -> None:
        self.draft = draft
        self.doc = draft.doc
        self.change = change
        self.key = change.statement.value
        self.new = clean_text(change.value)
        self.taken: set[int] = set()

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
        """Where it has a range of its own: the doc itself tells whether a person changed it."""
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
        """Where the statement is paragraphs of its own that nothing but their words tells."""
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
        """Where the statement stands in a line with other words, which tell the line."""
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
                    spot = Spot(paragraph.tab_id, end, Join.INSTEAD, start, paragraph.cell)
                    self.draft.add(Words(spot, self.new))
        return found

    def _replace(self, run: Sequence[Paragraph], look: Block) -> None:
        self.taken.update(one.start for one in run)
        words = tuple(one.text for one in run)
        if words in _wordings(self.change.value):
            return
        first, last = run[0], run[-1]
        for own in self.doc.own_ranges(STATED, self.key):
            if self.doc.paragraph_of(own.range) == first:
                self.draft.forget(own.range)
        spot = Spot(first.tab_id, last.end - 1, Join.INSTEAD, first.start, first.cell)
        blocks = self._blocks(look)
        if len(run) == len(blocks) == 1:  # in the looks that it has now
            text = blocks[0].text
            self.draft.add(Words(spot, text, stated_name(self.key, (text,))))
        else:
            self.draft.add(Paragraphs(spot, lay_out(blocks)))

    def _in_section(self, look: Block, homes: Sequence[_Home]) -> None:
        section = _section(self.doc, self.change)
        if section is None:
            self.draft.say(f"The doc has no place for the {self.key}; its timeline tells it.")
            return
        if homes and any(self.change.earlier):
            self._say_beside()
        self.draft.append(section, self._blocks(look))

    def _blocks(self, look: Block) -> list[Block]:
        return worded(look, self.key, self.change.value)

    def _say_beside(self) -> None:
        self.draft.say(
            f"The {self.key} in the doc was changed by hand; what is said now was put below it."
        )


def _homes(doc: DocView, change: Restate) -> Iterator[_Home]:
    """Every line of the template that has the statement, header lines left out."""
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
    """What stands with other words: the line itself, or each cell of a table."""
    if home.is_alone:
        return
    cells = ("".join(span.text for span in cell) for row in home.line.rows for cell in row)
    yield from (home.line.text, *cells)


def _wordings(value: str) -> list[tuple[str, ...]]:
    """The paragraphs that a value becomes, or the one that it is in a copied doc."""
    parted = tuple(block.text for block in blocks_from_text(value))
    whole = (clean_text(value),)
    return [words for words in dict.fromkeys((parted, whole)) if any(words)]


def _shape(line: str, key: str, values: Sequence[str]) -> re.Pattern[str]:
    """A template's line filled: each value of ours is a group, what else was filled is anything."""
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
