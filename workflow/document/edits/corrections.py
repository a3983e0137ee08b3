"""Updates of what the doc says: timeline entries, and the impact, the severity and the like.

Our own text is replaced only if it is exactly what this program wrote. If a person has edited it,
their text stays and the new text is put beside it. An entry in a timeline's table is corrected in
the cell with its text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from workflow.document.blocks import Block, BlockKind, Mark, Span, blocks_from_text
from workflow.document.edits import new_document
from workflow.document.edits.changes import (
    EditDraft,
    Restate,
    RewordEntry,
    SetField,
    StrikeEntry,
    set_fields,
    top_of,
)
from workflow.document.edits.splice import (
    TIMELINE,
    Join,
    NewValue,
    Paragraphs,
    Spot,
    Struck,
    after,
    find_place,
    paragraphs_as_written,
    section_in_doc,
    stand_together,
)
from workflow.document.edits.timeline import (
    TimelineTable,
    entry_blocks,
    entry_line,
    entry_words,
    late_mark,
    timeline_table,
)
from workflow.document.requests import (
    CORRECTION,
    ENTRY,
    FIELD,
    INCIDENT,
    STATED,
    clean_text,
    correction_name,
    entry_name,
    stated_name,
    utf16_length,
)
from workflow.document.styling import lay_out
from workflow.document.template import (
    PLACEHOLDER,
    Section,
    field_of,
    lone_placeholder,
    placeholders_of,
)
from workflow.document.view import DocView, Paragraph, Range
from workflow.model import moment_text

# --- Entries --------------------------------------------------------------------------------------


def correct_row(
    draft: EditDraft,
    reword: RewordEntry | None,
    strike: StrikeEntry | None,
    given: TimelineTable,
    cell: Paragraph,
) -> None:
    """Reword and strike an entry in a table row; a person's text in the cell stays."""
    grown = _reword_row(draft, reword, given, cell) if reword is not None else 0
    if strike is not None:
        spot = Spot(cell.tab_id, cell.start, Join.INSTEAD, cell.start, cell.cell)
        draft.add(Struck(spot, cell.end - 1 + grown))


def beside_words(change: RewordEntry) -> str:
    """The message for an entry that a person has edited."""
    at = moment_text(change.entry.at, change.zone)
    return f"The entry of {at} was edited by hand. The correction was added beside it."


def _reword_row(
    draft: EditDraft, change: RewordEntry, given: TimelineTable, cell: Paragraph
) -> int:
    """Replace our text; gives the growth in UTF-16 code units."""
    start, end = cell.start, cell.end - 1
    forms = _forms(given, change, (change.entry.text, *change.earlier))
    late = next((late for text, late in forms if text == cell.text), None)
    spans = given.spans(change.entry, markdown=change.markdown, late=late or "")[given.words]
    text = "".join(span.text for span in spans)
    if text == cell.text:
        return 0
    if late is not None and draft.may_replace(cell.tab_id, start, end):
        spot = Spot(cell.tab_id, end, Join.INSTEAD, start, cell.cell)
        words = NewValue(spot, text, spans=spans)
        draft.add(words)
        return words.growth
    spot = Spot(cell.tab_id, end, Join.INSTEAD, end, cell.cell)
    draft.add(NewValue(spot, clean_text(change.entry.text), lead=" (corrected: ", trail=")"))
    if late is None:
        draft.say(beside_words(change))
    return 0


def _forms(
    given: TimelineTable, change: RewordEntry, wordings: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """Each text that the cell may hold, and its mark that the entry was added later."""
    for text in wordings:
        for markdown in (True, False):
            for late in ("", late_mark(change.entry, change.zone)):
                entry = replace(change.entry, text=text)
                spans = given.spans(entry, markdown=markdown, late=late)[given.words]
                yield "".join(span.text for span in spans), late


Correction = RewordEntry | StrikeEntry


@dataclass(frozen=True)
class _Written:
    """An entry exactly as this program wrote it, from its line to `last`.

    `words` is the position of its text in the line; `is_late`: the line says that it was added
    later.
    """

    line: Paragraph
    last: Paragraph
    words: tuple[int, int]
    is_late: bool

    @property
    def is_one_line(self) -> bool:
        """Whether the entry is only one line."""
        return self.last == self.line


def correct_entries(draft: EditDraft, changes: Sequence[Correction]) -> None:
    """Bring each entry's last text and its strike-through into the doc, once.

    An entry that is added in the same batch has them already.
    """
    made = draft.doc.own.get(CORRECTION, {})
    draft.already_there.update(change.id for change in changes if change.id in made)
    rewords = {one.entry.id: one for one in changes if isinstance(one, RewordEntry)}
    strikes = {one.entry.id: one for one in changes if isinstance(one, StrikeEntry)}
    for entry_id in dict.fromkeys((*rewords, *strikes)):
        todo = [one for one in (rewords.get(entry_id), strikes.get(entry_id)) if one is not None]
        found = _stamp_and_line(draft, todo[0])
        todo = [one for one in todo if one.id not in made]
        if found is not None and todo:
            _correct(draft, todo, *found)


def _stamp_and_line(draft: EditDraft, change: Correction) -> tuple[Range, Paragraph] | None:
    """The entry's time and its line in the doc that was read.

    A range without an id is not in the doc: somebody cut and pasted the line.
    """
    for own in draft.doc.own_ranges(ENTRY, change.entry.id):
        line = draft.doc.paragraph_of(own.range)
        if line is not None:
            return own.range, line
    if (pasted := _pasted(draft, change)) is not None:
        return pasted
    if change.entry.id not in draft.added_entries:
        at = moment_text(change.entry.at, change.zone)
        draft.say(f"The entry of {at} is no longer in the doc; its correction is recorded.")
    return None


def _pasted(draft: EditDraft, change: Correction) -> tuple[Range, Paragraph] | None:
    """The only line without a range that says exactly what this entry said."""
    taken = draft.doc.starts_of(ENTRY)
    lines = [
        entry_line(change.entry, change.zone, words)
        for words, _ in _lines((change.entry.text, *change.earlier))
    ]
    found = [
        (paragraph, match)
        for paragraph in draft.doc.paragraphs
        if (paragraph.tab_id, paragraph.start) not in taken
        and (match := next(filter(None, (each.fullmatch(paragraph.text) for each in lines)), None))
    ]
    if len(found) != 1:
        return None
    ((line, match),) = found
    end = line.start + utf16_length(match["stamp"])
    return Range(entry_name(change.entry), "", line.tab_id, line.start, end), line


def _correct(draft: EditDraft, todo: Sequence[Correction], stamp: Range, line: Paragraph) -> None:
    """Reword and strike one entry, as requested."""
    reword = next((one for one in todo if isinstance(one, RewordEntry)), None)
    strike = next((one for one in todo if isinstance(one, StrikeEntry)), None)
    names = [correction_name(one.id) for one in todo]
    if not stamp.id:
        names.insert(0, stamp.name)
    in_row = _row_of(draft, line)
    if in_row is not None:
        for name in names:
            draft.name(replace(stamp, name=name))
        correct_row(draft, reword, strike, *in_row)
        return
    grown = 0
    if reword is not None and not _find(draft, reword, line, [reword.entry.text]):
        found = _find(draft, reword, line, reword.earlier)
        written = found if found and _is_free(draft, found) else None
        blocks = _blocks(draft, reword, is_late=written is not None and written.is_late)
        if written is not None and (len(blocks) > 1 or not written.is_one_line):
            _write_whole(draft, written, blocks, stamp, names)
            return  # with the strike-through, if any
        grown = _reword(draft, reword, line, written)
        if found is None:
            draft.say(beside_words(reword))
    for name in names:
        draft.name(replace(stamp, name=name))
    if strike is not None:
        _strike(draft, strike, line, grown)


def _row_of(draft: EditDraft, line: Paragraph) -> tuple[TimelineTable, Paragraph] | None:
    """The timeline's table and the cell with the text, for an entry that is a row."""
    place = draft.place(draft.section_of(TIMELINE)) if line.cell else None
    given = timeline_table(draft.doc, place) if place is not None else None
    row = given.row_of(line) if given is not None else None
    if given is None or row is None:
        return None
    return given, draft.doc.in_cell(line.tab_id, row.cells[given.words])[-1]


def _is_free(draft: EditDraft, written: _Written) -> bool:
    """Whether nobody has a suggestion in the text that a correction deletes."""
    start, end = written.line.start, written.last.end - 1
    return draft.may_replace(written.line.tab_id, start, end)


def _blocks(draft: EditDraft, change: RewordEntry, *, is_late: bool) -> list[Block]:
    return entry_blocks(
        change.entry, change.zone, is_late=is_late, parts=draft.parts, markdown=change.markdown
    )


def _write_whole(
    draft: EditDraft,
    written: _Written,
    blocks: Sequence[Block],
    stamp: Range,
    names: Iterable[str],
) -> None:
    """Rewrite an entry in its place, with all names that its time had."""
    had = [own for own in draft.doc.own_at(stamp.tab_id, stamp.start) if own.name != stamp.name]
    for own in (stamp, *had):
        if own.id:
            draft.forget(own)
    first, *others = blocks
    (mark,) = first.marks
    again = dict.fromkeys((mark.name, *(own.name for own in had), *names))
    marks = tuple(Mark(name, mark.start, mark.end) for name in again)
    start, at = written.line.start, written.last.end - 1
    spot = Spot(stamp.tab_id, at, Join.INSTEAD, start, written.line.cell)
    draft.add(Paragraphs(spot, lay_out([replace(first, marks=marks), *others])))


def _reword(
    draft: EditDraft, change: RewordEntry, line: Paragraph, written: _Written | None
) -> int:
    """Replace our text in the line; gives the growth in UTF-16 code units."""
    if written is None:
        beside = clean_text(change.entry.text)
        spot = Spot(line.tab_id, line.end - 1, Join.INSTEAD, line.end - 1, line.cell)
        draft.add(NewValue(spot, beside, lead=" (corrected: ", trail=")"))
        return 0
    spans, _ = entry_words(change.entry.text, markdown=change.markdown)
    start, end = (line.start + utf16_length(line.text[:at]) for at in written.words)
    spot = Spot(line.tab_id, end, Join.INSTEAD, start, line.cell)
    words = NewValue(spot, "".join(span.text for span in spans), spans=spans)
    draft.add(words)
    return words.growth


def _strike(draft: EditDraft, change: StrikeEntry, line: Paragraph, grown: int) -> None:
    """Strike our text at the line's start; the whole line if a person has edited it."""
    wordings = (change.entry.text, *change.earlier)
    written = _find(draft, change, line, wordings)
    spot = Spot(line.tab_id, line.start, Join.INSTEAD, line.start, line.cell)
    if written is not None:
        draft.add(Struck(spot, written.last.end - 1 + grown))
        return
    starts = (
        entry_line(change.entry, change.zone, each).match(line.text) for each, _ in _lines(wordings)
    )
    ours = max((found[0] for found in starts if found), key=len, default=line.text)
    draft.add(Struck(spot, line.start + utf16_length(ours) + grown))


def _find(
    draft: EditDraft, change: Correction, line: Paragraph, wordings: Iterable[str]
) -> _Written | None:
    """The entry, if it is exactly as written with one of these texts."""
    for words, below in _lines(wordings):
        found = entry_line(change.entry, change.zone, words).fullmatch(line.text)
        last = _end_of(draft, line, below) if found else None
        if found is not None and last is not None:
            return _Written(line, last, found.span("words"), bool(found["late"]))
    return None


def _lines(wordings: Iterable[str]) -> list[tuple[str, Sequence[Block]]]:
    """The line for each text, the longest first, and the blocks below it.

    The text is unformatted if it was logged with --plain, or by a version without Markdown.
    """
    found = []
    for text in wordings:
        for markdown in (True, False):
            spans, below = entry_words(text, markdown=markdown)
            found.append(("".join(span.text for span in spans), below))
    return sorted(found, key=lambda pair: len(pair[0]), reverse=True)


def _end_of(draft: EditDraft, line: Paragraph, below: Sequence[Block]) -> Paragraph | None:
    """The last paragraph of an entry that has exactly these blocks below its line."""
    tab = draft.doc.in_tab(line.tab_id)
    if not below:
        return line
    laid = lay_out([Block(BlockKind.NORMAL), *below])  # the line, without its text
    first = draft.doc.index_of(line) + 1
    paragraphs = tab[first : first + len(laid.paragraphs) - 1]
    if tuple(one.text for one in paragraphs) != laid.paragraphs[1:]:
        return None
    return paragraphs[-1] if paragraphs[-1].end - line.end == laid.length else None


# --- Impact, severity and the like ----------------------------------------------------------------

_PLAIN = Block(BlockKind.NORMAL, (Span(""),))


@dataclass(frozen=True)
class _Home:
    """A template's line with the statement, and the paragraphs where it can be."""

    line: Block
    among: Sequence[Paragraph]

    @property
    def is_alone(self) -> bool:
        """Whether the statement is the whole line, and so may be several paragraphs."""
        return bool(lone_placeholder(self.line)) and self.line.kind is not BlockKind.TITLE


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
            words = NewValue(spot, self.new)
            self.draft.add(words)
            self.replaced.append((paragraph.tab_id, start, words.growth))
        else:
            spot = Spot(paragraph.tab_id, end, Join.INSTEAD, end, paragraph.cell)
            self.draft.add(NewValue(spot, self.new, lead=" (now: ", trail=")"))

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
            self.draft.add(NewValue(spot, text, stated_name(self.key, (text,))))
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
        return new_document.worded(look, self.key, self.change.value)

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
