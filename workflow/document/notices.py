"""The copies of notices, and the summary of them, in the section for what customers were told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from workflow.document.blocks import Block, Kind, Span, heading_kind
from workflow.document.changes import PutCommunications, PutNotice
from workflow.document.draft import EditDraft
from workflow.document.names import (
    COMMUNICATIONS,
    COMMUNICATIONS_FACTS,
    FACTS,
    NOTICE,
    communications_facts_name,
    communications_name,
    facts_name,
    notice_name,
)
from workflow.document.sections import CUSTOMER_FACING_RESPONSE, after
from workflow.document.splice import Join, Spot
from workflow.document.text import LINE_BREAK, clean_text
from workflow.document.view import OwnRange, Paragraph


@dataclass(frozen=True)
class _Block:
    """A heading of ours with a paragraph of facts below it, and what is written only once."""

    id: str
    heading: str
    facts: tuple[str, ...]
    previous_facts: tuple[tuple[str, ...], ...]
    body: tuple[Block, ...]
    kinds: tuple[str, str]
    heading_name: str
    facts_name: Callable[[str, str], str]


def put_notices(draft: EditDraft, changes: Sequence[PutNotice]) -> None:
    """Write each notice that the doc lacks; bring the facts of those that it has up to date."""
    for change in {change.id: change for change in changes}.values():
        name = notice_name(change.id)
        kinds = (NOTICE, FACTS)
        _put(draft, _Block(**vars(change), kinds=kinds, heading_name=name, facts_name=facts_name))


def put_communications(draft: EditDraft, changes: Sequence[PutCommunications]) -> None:
    """Write the summary of all notices where the doc lacks it; else bring it up to date."""
    for change in {change.id: change for change in changes}.values():
        block = _Block(
            **vars(change),
            body=(),
            kinds=(COMMUNICATIONS, COMMUNICATIONS_FACTS),
            heading_name=communications_name(change.id),
            facts_name=communications_facts_name,
        )
        _put(draft, block)


def _put(draft: EditDraft, block: _Block) -> None:
    headings, facts = (draft.doc.own_ranges(kind, block.id) for kind in block.kinds)
    if headings or facts:
        _update_facts(draft, block, headings, facts)
    else:
        draft.append(draft.section(CUSTOMER_FACING_RESPONSE), _whole(block))


def _whole(block: _Block) -> list[Block]:
    heading = Block(Kind.HEADING_3, (Span(clean_text(block.heading) or "Notice"),))
    return [
        heading.marked(block.heading_name),
        *_facts(block),
        *(_quoted(each) for each in block.body if each.spans or each.rows),
    ]


def _facts(block: _Block) -> list[Block]:
    text = _facts_text(block.facts)
    if not text:
        return []
    return [Block(Kind.NORMAL, (Span(text),)).marked(block.facts_name(block.id, text))]


def _facts_text(lines: Sequence[str]) -> str:
    return LINE_BREAK.join(map(clean_text, lines))


def _quoted(block: Block) -> Block:
    """A mail's paragraph, set in; its headings below that of the notice, so that none ends it."""
    level = block.kind.heading_level
    kind = heading_kind(level + 3) if level else block.kind
    return replace(block, kind=kind, quote=block.quote + 1)


def _update_facts(
    draft: EditDraft,
    change: _Block,
    headings: Sequence[OwnRange],
    facts: Sequence[OwnRange],
) -> None:
    new = _facts_text(change.facts)
    paragraph = _facts_paragraph(draft, change, headings, facts)
    if not new or (paragraph is not None and paragraph.text == new):
        draft.already_there.add(change.id)
        return
    for own in facts:
        draft.forget(own.range)
    if paragraph is not None and _is_ours(paragraph, change, facts):
        start, at = paragraph.start, paragraph.end - 1
        spot = Spot(paragraph.tab_id, at, Join.INSTEAD, start, paragraph.cell)
    else:
        anchor = paragraph or _paragraph_of(draft, headings)
        if anchor is None:
            return
        spot = after(anchor)
        if paragraph is not None:
            draft.say(
                f"What stands under “{change.heading}” was changed by hand; the new facts were put "
                "below."
            )
    draft.insert(spot, _facts(change))


def _facts_paragraph(
    draft: EditDraft,
    change: _Block,
    headings: Sequence[OwnRange],
    facts: Sequence[OwnRange],
) -> Paragraph | None:
    """The facts by their range, else by their words directly under the notice's heading."""
    found = _paragraph_of(draft, facts)
    heading = _paragraph_of(draft, headings)
    if found is not None or heading is None:
        return found
    tab = draft.doc.in_tab(heading.tab_id)
    below = tab[draft.doc.index_of(heading) + 1 :][:1]
    known = {_facts_text(lines) for lines in (*change.previous_facts, change.facts)}
    return next((one for one in below if one.text in known and one.text), None)


def _is_ours(paragraph: Paragraph, change: _Block, facts: Sequence[OwnRange]) -> bool:
    written = change.facts_name(change.id, paragraph.text)
    known = (_facts_text(lines) for lines in change.previous_facts)
    return any(own.range.name == written for own in facts) or paragraph.text in known


def _paragraph_of(draft: EditDraft, ranges: Sequence[OwnRange]) -> Paragraph | None:
    found = (draft.doc.paragraph_of(own.range) for own in ranges)
    return next((paragraph for paragraph in found if paragraph is not None), None)
