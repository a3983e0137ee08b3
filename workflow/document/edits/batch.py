"""Many changes to a doc as one batch, computed from one read.

The doc belongs to the people in it. Their text is never deleted or rewritten: text is replaced only
if it is exactly what this program wrote there. Send the batch with the view's `revision_id` as
`requiredRevisionId`; if that is refused, read the doc and compute again.

If somebody cuts and pastes text, its named range is lost. If the answer to a write was lost as
well, only the words show that the text is in the doc. So the words are searched for before they are
written again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from workflow.document.blocks import STAND_IN, Block, NativePart, heading_kind
from workflow.document.edits import corrections
from workflow.document.edits.changes import (
    AddEntry,
    Change,
    Edit,
    EditDraft,
    FillSection,
    PutCommunications,
    PutNotice,
    PutProposal,
    Restate,
    RewordEntry,
    SetField,
    StrikeEntry,
    set_fields,
)
from workflow.document.edits.corrections import correct_entries
from workflow.document.edits.notices import put_communications, put_notices, put_proposals
from workflow.document.edits.splice import Place, find_place, untouched_hint
from workflow.document.edits.timeline import add_entries, entry_line, entry_words
from workflow.document.requests import (
    ENTRY,
    LINE_BREAK,
    NON_TEXT,
    TEXT,
    entry_name,
    text_name,
    utf16_length,
)
from workflow.document.styling import LEAD, lay_out
from workflow.document.template import Section, find_section
from workflow.document.view import DocView, Paragraph, Range


def pasted_entry(draft: EditDraft, change: AddEntry) -> bool:
    """Whether the entry's line is in the doc without its range, which is then restored."""
    if not change.is_only_one:
        return False
    words, _ = entry_words(change.entry.text, markdown=change.markdown)
    line = entry_line(change.entry, change.zone, "".join(span.text for span in words))
    taken = draft.doc.starts_of(ENTRY)
    for paragraph in draft.doc.paragraphs:
        found = line.fullmatch(paragraph.text)
        if found is not None and (paragraph.tab_id, paragraph.start) not in taken:
            length = utf16_length(found["stamp"])
            _name(draft, entry_name(change.entry), paragraph, length)
            return True
    return False


def pasted_text(
    draft: EditDraft, change: FillSection, place: Place | None, blocks: Sequence[Block]
) -> bool:
    """Whether the whole text is in its section without its range, which is then restored."""
    if not change.is_only_one or place is None:
        return False
    texts = [text.replace(STAND_IN, NON_TEXT) for text in lay_out(blocks).paragraphs]
    hint = untouched_hint(draft.doc, place)
    inside = [one for one in place.inside if hint is None or one not in hint.paragraphs]
    taken = draft.doc.starts_of(TEXT)
    for at, first in enumerate(inside):
        here = inside[at : at + len(texts)]
        if [one.text for one in here] == texts and (first.tab_id, first.start) not in taken:
            _name(draft, text_name(change.id, place.section.key), first, utf16_length(first.text))
            return True
    return False


def _name(draft: EditDraft, name: str, paragraph: Paragraph, length: int) -> None:
    if length:
        start = paragraph.start
        draft.name(Range(name, "", paragraph.tab_id, start, start + length))


def compute_edit(
    doc: DocView,
    changes: Sequence[Change],
    template_sections: Sequence[Section],
    parts: frozenset[NativePart] = frozenset(),
) -> Edit:
    """One batch for all changes, without what the doc already holds.

    `template_sections` give the order and titles of sections that have to be restored. The order of
    `changes` counts for those at the same place; entries are sorted by time. `parts` are the native
    parts that the doc may get; all others are written as text.
    """
    draft = EditDraft(doc, template_sections, parts)
    set_fields(draft, [change for change in changes if isinstance(change, SetField)])
    entries = [change for change in changes if isinstance(change, AddEntry)]
    add_entries(draft, _not_pasted(draft, entries))
    correct_entries(
        draft, [change for change in changes if isinstance(change, RewordEntry | StrikeEntry)]
    )
    _restate(draft, [change for change in changes if isinstance(change, Restate)])
    _fill_sections(draft, [change for change in changes if isinstance(change, FillSection)])
    put_proposals(draft, [change for change in changes if isinstance(change, PutProposal)])
    put_notices(draft, [change for change in changes if isinstance(change, PutNotice)])
    put_communications(
        draft, [change for change in changes if isinstance(change, PutCommunications)]
    )
    return draft.finish()


def section_text(doc: DocView, key: str, template_sections: Sequence[Section]) -> str:
    """The text of a section: a line for each paragraph, empty while its hint is untouched."""
    section = find_section(template_sections, key)
    place = find_place(doc, section, template_sections) if section else None
    if place is None:
        return ""
    hint = untouched_hint(doc, place)
    left_out = hint.paragraphs if hint else ()
    lines = [one.text.replace(LINE_BREAK, "\n") for one in place.lines if one not in left_out]
    return "\n".join(lines).strip("\n")


def _not_pasted(draft: EditDraft, changes: Sequence[AddEntry]) -> list[AddEntry]:
    """The entries whose lines aren't already in the doc without their ranges."""
    there = draft.doc.own.get(ENTRY, {})
    pasted = {
        change.entry.id
        for change in changes
        if change.entry.id not in there and pasted_entry(draft, change)
    }
    draft.already_there.update(pasted)
    return [change for change in changes if change.entry.id not in pasted]


def _restate(draft: EditDraft, changes: Sequence[Restate]) -> None:
    if changes:  # rarely needed: most runs bring only an entry
        corrections.restate(draft, changes)


def _fill_sections(draft: EditDraft, changes: Sequence[FillSection]) -> None:
    written = draft.doc.own.get(TEXT, {})
    draft.already_there.update(change.id for change in changes if change.id in written)
    for change in {change.id: change for change in changes if change.id not in written}.values():
        section = draft.section(change.section)
        place = draft.place(section)
        level = (place.heading.heading_level if place else 0) or section.level
        blocks = _below(level, [block for block in change.blocks if block.spans or block.rows])
        if blocks and pasted_text(draft, change, place, blocks):
            draft.already_there.add(change.id)
        elif blocks:
            draft.append(section, _marked(blocks, text_name(change.id, section.key)))


def _below(level: int, blocks: Sequence[Block]) -> list[Block]:
    """Headings lowered below the section's own level, so that none ends the section."""
    levels = [block.kind.heading_level for block in blocks if block.kind.heading_level]
    shift = level + 1 - min(levels, default=0)
    return [
        replace(block, kind=heading_kind(block.kind.heading_level + shift))
        if block.kind.heading_level
        else block
        for block in blocks
    ]


def _marked(blocks: Sequence[Block], name: str) -> list[Block]:
    """Name the first block, or a line inserted before a table."""
    first, *others = blocks if blocks[0].spans else (LEAD, *blocks)
    return [first.marked(name), *others]
