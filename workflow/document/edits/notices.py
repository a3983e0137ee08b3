"""The copies of notices in a doc, their summary, and their named ranges.

`notices_in` reads the ranges back: which ledger sent a notice, and how far it came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from workflow.document.blocks import Block, BlockKind, Span, heading_kind
from workflow.document.edits.changes import EditDraft, PutCommunications, PutNotice, PutProposal
from workflow.document.edits.splice import CUSTOMER_FACING_RESPONSE, Join, NewValue, Spot, after
from workflow.document.requests import (
    COMMUNICATIONS,
    COMMUNICATIONS_FACTS,
    ENTRY,
    FACTS,
    LINE_BREAK,
    NOTICE,
    PROPOSAL,
    PROPOSAL_FACTS,
    REPLACED,
    RESERVED,
    RUN,
    TRANSFER,
    OwnName,
    clean_text,
    communications_facts_name,
    communications_name,
    facts_name,
    fingerprint,
    notice_name,
    proposal_facts_name,
    proposal_name,
    run_name,
)
from workflow.document.view import DocView, OwnRange, Paragraph, Range


@dataclass(frozen=True)
class _Block:
    """A heading of ours with a paragraph of facts below it, and a body that is written once.

    `is_whole`: its `body` belongs in the doc by now. `heading_names` are the ranges over its
    heading, `facts_name` gives the one over its facts, and `kinds` are the kinds of both.
    """

    id: str
    heading: str
    facts: tuple[str, ...]
    previous_facts: tuple[tuple[str, ...], ...]
    body: tuple[Block, ...]
    kinds: tuple[str, str]
    heading_names: tuple[str, ...]
    facts_name: Callable[[str], str]
    is_whole: bool = True


def put_notices(draft: EditDraft, changes: Sequence[PutNotice]) -> None:
    """Write each notice that the doc lacks; update the facts of the others."""
    for change in {change.id: change for change in changes}.values():
        block = _Block(
            change.id,
            change.heading,
            change.facts,
            change.previous_facts,
            change.body,
            kinds=(NOTICE, FACTS),
            heading_names=_heading_names(change),
            facts_name=partial(_notice_facts_name, change),
            is_whole=not change.reserved,
        )
        _put(draft, block)
        _note_run(draft, change)


def _heading_names(change: PutNotice) -> tuple[str, ...]:
    named = notice_name(change.id, change.origin, reserved_as=_reserved_as(change))
    return (named, *_run_names(change))


def _notice_facts_name(change: PutNotice, text: str) -> str:
    return facts_name(change.id, text, change.tally)


def _reserved_as(change: PutNotice) -> str:
    return clean_text(change.heading) if change.reserved else ""


def _run_names(change: PutNotice) -> tuple[str, ...]:
    if change.run is None or change.origin is None:
        return ()
    return (run_name(change.id, change.origin.ledger, change.run),)


def _note_run(draft: EditDraft, change: PutNotice) -> None:
    """Note in the doc in which run of sending an existing notice was last worked on."""
    headings = draft.doc.own_ranges(NOTICE, change.id) or draft.doc.own_ranges(FACTS, change.id)
    before = draft.doc.own_ranges(RUN, change.id)
    names = _run_names(change)
    if not names or not headings or names[0] in {own.range.name for own in before}:
        return
    for own in before:
        draft.forget(own.range)
    at = headings[0].range
    draft.name(Range(names[0], "", at.tab_id, at.start, at.end))


def put_communications(draft: EditDraft, changes: Sequence[PutCommunications]) -> None:
    """Write the summary of all notices if the doc lacks it; else update it."""
    for change in {change.id: change for change in changes}.values():
        block = _Block(
            **vars(change),
            body=(),
            kinds=(COMMUNICATIONS, COMMUNICATIONS_FACTS),
            heading_names=(communications_name(change.id),),
            facts_name=partial(communications_facts_name, change.id),
        )
        _put(draft, block)


def put_proposals(draft: EditDraft, changes: Sequence[PutProposal]) -> None:
    """Write each proposed plan that the doc lacks; update the facts of the others."""
    for change in {change.id: change for change in changes}.values():
        block = _Block(
            **vars(change),
            kinds=(PROPOSAL, PROPOSAL_FACTS),
            heading_names=(proposal_name(change.id),),
            facts_name=partial(proposal_facts_name, change.id),
        )
        _put(draft, block)


def _put(draft: EditDraft, block: _Block) -> None:
    headings, facts = (draft.doc.own_ranges(kind, block.id) for kind in block.kinds)
    if headings or facts:
        lacks_body = block.is_whole and any(map(_is_reserved, headings))
        _update_facts(draft, block, headings, facts, _body(block) if lacks_body else [])
        if lacks_body:
            _update_heading(draft, block, headings)
    else:
        draft.append(draft.section(CUSTOMER_FACING_RESPONSE), _whole(block))


def _whole(block: _Block) -> list[Block]:
    heading = Block(BlockKind.HEADING_3, (Span(clean_text(block.heading) or "Notice"),))
    for name in block.heading_names:
        heading = heading.marked(name)
    return [heading, *_facts(block), *(_body(block) if block.is_whole else [])]


def _body(block: _Block) -> list[Block]:
    return [_quoted(each) for each in block.body if each.spans or each.rows]


def _facts(block: _Block) -> list[Block]:
    text = _facts_text(block.facts)
    if not text:
        return []
    return [Block(BlockKind.NORMAL, (Span(text),)).marked(block.facts_name(text))]


def _is_reserved(own: OwnRange) -> bool:
    return RESERVED in own.name.notes


def _update_heading(draft: EditDraft, block: _Block, headings: Sequence[OwnRange]) -> None:
    """Note that the text is below the heading now; update its time if nobody edited it."""
    paragraph = _paragraph_of(draft, headings)
    if paragraph is None:
        return
    for own in headings:
        draft.forget(own.range)
    name = block.heading_names[0]
    words = clean_text(block.heading)
    is_ours = any(own.name.notes[-1] == fingerprint(paragraph.text) for own in headings)
    start, at = paragraph.start, paragraph.end - 1
    is_other = is_ours and words and words != paragraph.text
    if is_other and draft.may_replace(paragraph.tab_id, start, at):
        spot = Spot(paragraph.tab_id, at, Join.INSTEAD, start, paragraph.cell)
        draft.add(NewValue(spot, words, name))
        return
    kept = headings[0].range
    draft.name(Range(name, "", kept.tab_id, kept.start, kept.end))


def _facts_text(lines: Sequence[str]) -> str:
    return LINE_BREAK.join(map(clean_text, lines))


def _quoted(block: Block) -> Block:
    """A mail's paragraph, indented; its headings are lowered so that none ends the notice."""
    level = block.kind.heading_level
    kind = heading_kind(level + 3) if level else block.kind
    return replace(block, kind=kind, quote=block.quote + 1)


def _update_facts(
    draft: EditDraft,
    change: _Block,
    headings: Sequence[OwnRange],
    facts: Sequence[OwnRange],
    body: list[Block],
) -> None:
    """Update the facts, and put the `body` below them if it was still missing."""
    new = _facts_text(change.facts)
    paragraph = _facts_paragraph(draft, change, headings, facts)
    if not body and (not new or (paragraph is not None and paragraph.text == new)):
        draft.already_there.add(change.id)
        return
    for own in facts:
        draft.forget(own.range)
    is_ours = paragraph is not None and _is_ours(paragraph, change, facts)
    if (
        paragraph is not None
        and is_ours
        and draft.may_replace(paragraph.tab_id, paragraph.start, paragraph.end - 1)
    ):
        start, at = paragraph.start, paragraph.end - 1
        spot = Spot(paragraph.tab_id, at, Join.INSTEAD, start, paragraph.cell)
    else:
        anchor = paragraph or _paragraph_of(draft, headings)
        if anchor is None:
            return
        spot = after(anchor)
        if paragraph is not None and not is_ours:
            draft.say(
                f"The text under “{change.heading}” was edited by hand. The new facts were added "
                f"below."
            )
    written = _facts(change)
    if written:
        draft.insert(spot, written)
    if body:
        draft.insert(spot.behind, body)


def _facts_paragraph(
    draft: EditDraft,
    change: _Block,
    headings: Sequence[OwnRange],
    facts: Sequence[OwnRange],
) -> Paragraph | None:
    """The facts by their range, else by their text directly under the notice's heading."""
    found = _paragraph_of(draft, facts)
    heading = _paragraph_of(draft, headings)
    if found is not None or heading is None:
        return found
    tab = draft.doc.in_tab(heading.tab_id)
    below = tab[draft.doc.index_of(heading) + 1 :][:1]
    known = {_facts_text(lines) for lines in (*change.previous_facts, change.facts)}
    return next((one for one in below if one.text in known and one.text), None)


def _is_ours(paragraph: Paragraph, change: _Block, facts: Sequence[OwnRange]) -> bool:
    now = fingerprint(paragraph.text)
    known = (_facts_text(lines) for lines in change.previous_facts)
    return any(now in own.name.notes[:1] for own in facts) or paragraph.text in known


def _paragraph_of(draft: EditDraft, ranges: Sequence[OwnRange]) -> Paragraph | None:
    found = (draft.doc.paragraph_of(own.range) for own in ranges)
    return next((paragraph for paragraph in found if paragraph is not None), None)


NOTICE_ENTRY = "notice"
"""The prefix of the id of a timeline entry about a notice."""


@dataclass(frozen=True)
class NoticeInDoc:
    """A notice in a doc. What the doc doesn't say is "", None or -1.

    `customers` is its number of recipients, `sent` how many mails were accepted, `undecided` how
    many are not known yet. `heading` is the line above its copy.
    """

    id: str
    ledger: str = ""
    stage: str = ""
    began_at: datetime | None = None
    customers: int = -1
    sent: int = -1
    undecided: int = -1
    heading: str = ""


CANCELLED = "cancelled"
"""The taker of a handover that its giver cancelled."""


@dataclass(frozen=True)
class TransferMark:
    """An incident's move from the ledger `giver` to the ledger `taker`, or to `CANCELLED`."""

    id: str
    giver: str
    taker: str


@dataclass(frozen=True)
class NoticesInDoc:
    """Everything that a doc knows of notices. `runs`: the last run of sending of each ledger.

    `replaced_by` are the ids of docs that took this one's place.
    """

    notices: tuple[NoticeInDoc, ...]
    runs: dict[str, int]
    transfers: tuple[TransferMark, ...]
    replaced_by: tuple[str, ...] = ()


def notices_in(view: DocView) -> NoticesInDoc:
    """Read the marks of notices in a doc; any remaining mark identifies its notice."""
    found: dict[str, NoticeInDoc] = {}
    for key, ranges in view.own.get(ENTRY, {}).items():
        if key.startswith(NOTICE_ENTRY):
            notice_id = key.removeprefix(NOTICE_ENTRY)
            began_at = _instant(ranges[0].name.notes[0]) if ranges[0].name.notes else None
            found[notice_id] = NoticeInDoc(notice_id, began_at=began_at)
    for key, ranges in view.own.get(NOTICE, {}).items():
        before = found.get(key, NoticeInDoc(key))
        found[key] = _with_heading(replace(before, heading=_text(view, ranges)), ranges[0].name)
    for key, ranges in view.own.get(FACTS, {}).items():
        before = found.get(key, NoticeInDoc(key))
        found[key] = _with_tally(before, ranges)
    replaced_by = tuple(view.own.get(REPLACED, {}))
    return NoticesInDoc(tuple(found.values()), _runs(view), tuple(_transfers(view)), replaced_by)


def _with_heading(notice: NoticeInDoc, name: OwnName) -> NoticeInDoc:
    if len(name.notes) < 4:  # written by an older version
        return notice
    ledger, stage, began_at, customers = name.notes[:4]
    return replace(
        notice,
        ledger=ledger,
        stage=stage,
        began_at=_instant(began_at) or notice.began_at,
        customers=_number(customers),
    )


def _with_tally(notice: NoticeInDoc, ranges: tuple[OwnRange, ...]) -> NoticeInDoc:
    """The counts; of several ranges (somebody copied a paragraph) the highest."""
    tallies = [own.name.notes[1:3] for own in ranges if len(own.name.notes) >= 3]
    if not tallies:
        return notice
    sent, undecided = max((_number(sent), _number(rest)) for sent, rest in tallies)
    return replace(notice, sent=sent, undecided=undecided)


def _runs(view: DocView) -> dict[str, int]:
    runs: dict[str, int] = {}
    for ranges in view.own.get(RUN, {}).values():
        for own in ranges:
            if len(own.name.notes) == 2:
                ledger, run = own.name.notes[0], _number(own.name.notes[1])
                runs[ledger] = max(run, runs.get(ledger, 0))
    return runs


def _transfers(view: DocView) -> Iterator[TransferMark]:
    for key, ranges in view.own.get(TRANSFER, {}).items():
        if len(ranges[0].name.notes) == 2:
            yield TransferMark(key, *ranges[0].name.notes)


def _text(view: DocView, ranges: tuple[OwnRange, ...]) -> str:
    found = (view.paragraph_of(own.range) for own in ranges)
    return next((paragraph.text for paragraph in found if paragraph is not None), "").strip()


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() else -1


def _instant(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else None
