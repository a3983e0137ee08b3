"""Any number of changes to a doc turned into one batch, computed against one reading of it.

The doc belongs to the people in it. What they typed is never deleted or rewritten: text goes
only where it is, to the letter, what this program wrote there. Send the batch with the view's
`revision_id` as `requiredRevisionId`; when that is refused, read the doc and compute again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from workflow.document.blocks import Block, heading_kind
from workflow.document.changes import (
    AddEntry,
    Change,
    Edit,
    FillSection,
    PutCommunications,
    PutNotice,
    Restate,
    RewordEntry,
    SetField,
    StrikeEntry,
)
from workflow.document.chips import NativePart
from workflow.document.corrections import correct_entries
from workflow.document.draft import EditDraft
from workflow.document.header import set_fields
from workflow.document.names import TEXT, text_name
from workflow.document.notices import put_communications, put_notices
from workflow.document.paragraphs import LEAD
from workflow.document.sections import find_place, untouched_hint
from workflow.document.template import Section, find_section
from workflow.document.text import LINE_BREAK
from workflow.document.timeline import add_entries
from workflow.document.view import DocView


def compute_edit(
    doc: DocView,
    changes: Sequence[Change],
    template_sections: Sequence[Section],
    parts: frozenset[NativePart] = frozenset(),
) -> Edit:
    """One batch for all changes; what the doc holds already is left out of it.

    `template_sections` give the order and the words of sections that have to be put back. The
    order of `changes` counts for what goes to the same place; entries sort by themselves. `parts`
    are the native parts that the doc may be given; all others are written as text.
    """
    draft = EditDraft(doc, template_sections, parts)
    set_fields(draft, [change for change in changes if isinstance(change, SetField)])
    add_entries(draft, [change for change in changes if isinstance(change, AddEntry)])
    correct_entries(
        draft, [change for change in changes if isinstance(change, RewordEntry | StrikeEntry)]
    )
    _restate(draft, [change for change in changes if isinstance(change, Restate)])
    _fill_sections(draft, [change for change in changes if isinstance(change, FillSection)])
    put_notices(draft, [change for change in changes if isinstance(change, PutNotice)])
    put_communications(
        draft, [change for change in changes if isinstance(change, PutCommunications)]
    )
    return draft.finish()


def section_text(doc: DocView, key: str, template_sections: Sequence[Section]) -> str:
    """What stands in a section: a line for each paragraph, nothing while its hint is untouched."""
    section = find_section(template_sections, key)
    place = find_place(doc, section, template_sections) if section else None
    if place is None:
        return ""
    hint = untouched_hint(doc, place)
    left_out = hint.paragraphs if hint else ()
    lines = [one.text.replace(LINE_BREAK, "\n") for one in place.inside if one not in left_out]
    return "\n".join(lines).strip("\n")


def _restate(draft: EditDraft, changes: Sequence[Restate]) -> None:
    if changes:  # seldom, and most runs bring an entry alone
        from workflow.document.restating import restate  # noqa: PLC0415

        restate(draft, changes)


def _fill_sections(draft: EditDraft, changes: Sequence[FillSection]) -> None:
    written = draft.doc.own.get(TEXT, {})
    draft.already_there.update(change.id for change in changes if change.id in written)
    for change in {change.id: change for change in changes if change.id not in written}.values():
        section = draft.section(change.section)
        place = draft.place(section)
        level = (place.heading.heading_level if place else 0) or section.level
        blocks = _below(level, [block for block in change.blocks if block.spans or block.rows])
        if blocks:
            draft.append(section, _marked(blocks, text_name(change.id, section.key)))


def _below(level: int, blocks: Sequence[Block]) -> list[Block]:
    """Headings made lower than the section's own, which one of its level would end."""
    levels = [block.kind.heading_level for block in blocks if block.kind.heading_level]
    shift = level + 1 - min(levels, default=0)
    return [
        replace(block, kind=heading_kind(block.kind.heading_level + shift))
        if block.kind.heading_level
        else block
        for block in blocks
    ]


def _marked(blocks: Sequence[Block], name: str) -> list[Block]:
    """The range goes to the first block, or to the line that comes before a table."""
    first, *others = blocks if blocks[0].spans else (LEAD, *blocks)
    return [first.marked(name), *others]
