"""Corrections of timeline entries: a new text, or a strike-through.

Our own text is replaced only if it is exactly what this program wrote. If a person has edited the
entry, their text stays and the correction is put beside it. An entry in a timeline's table is
corrected in the cell with its text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from workflow.document.blocks import Block, Kind, Mark
from workflow.document.edits.changes import RewordEntry, StrikeEntry
from workflow.document.edits.draft import EditDraft
from workflow.document.edits.sections import TIMELINE
from workflow.document.edits.splice import Join, Paragraphs, Spot, Struck, Words
from workflow.document.edits.timeline import (
    TimelineTable,
    entry_blocks,
    entry_line,
    entry_words,
    late_mark,
    timeline_table,
)
from workflow.document.names import CORRECTION, ENTRY, correction_name
from workflow.document.requests import clean_text, utf16_length
from workflow.document.styling import lay_out
from workflow.document.view import Paragraph, Range
from workflow.model import moment_text


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
        words = Words(spot, text, spans=spans)
        draft.add(words)
        return words.growth
    spot = Spot(cell.tab_id, end, Join.INSTEAD, end, cell.cell)
    draft.add(Words(spot, clean_text(change.entry.text), lead=" (corrected: ", trail=")"))
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
    """The entry's time and its line in the doc that was read."""
    for own in draft.doc.own_ranges(ENTRY, change.entry.id):
        line = draft.doc.paragraph_of(own.range)
        if line is not None:
            return own.range, line
    if change.entry.id not in draft.added_entries:
        at = moment_text(change.entry.at, change.zone)
        draft.say(f"The entry of {at} is no longer in the doc; its correction is recorded.")
    return None


def _correct(draft: EditDraft, todo: Sequence[Correction], stamp: Range, line: Paragraph) -> None:
    """Reword and strike one entry, as requested."""
    reword = next((one for one in todo if isinstance(one, RewordEntry)), None)
    strike = next((one for one in todo if isinstance(one, StrikeEntry)), None)
    names = [correction_name(one.id) for one in todo]
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
        draft.forget(own)
    first, *others = blocks
    (mark,) = first.marks
    again = dict.fromkeys((*(own.name for own in had), *names))
    marks = (mark, *(Mark(name, mark.start, mark.end) for name in again))
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
        draft.add(Words(spot, beside, lead=" (corrected: ", trail=")"))
        return 0
    spans, _ = entry_words(change.entry.text, markdown=change.markdown)
    start, end = (line.start + utf16_length(line.text[:at]) for at in written.words)
    spot = Spot(line.tab_id, end, Join.INSTEAD, start, line.cell)
    words = Words(spot, "".join(span.text for span in spans), spans=spans)
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
    laid = lay_out([Block(Kind.NORMAL), *below])  # the line, without its text
    first = draft.doc.index_of(line) + 1
    paragraphs = tab[first : first + len(laid.paragraphs) - 1]
    if tuple(one.text for one in paragraphs) != laid.paragraphs[1:]:
        return None
    return paragraphs[-1] if paragraphs[-1].end - line.end == laid.length else None
