"""The edits under every request: put pieces in, take content out, change a paragraph.

Each keeps what a Google Doc always is: paragraphs end with a newline, a segment and a cell end with
a paragraph, a table has a paragraph before it, no surrogate pair is halved, and named ranges follow
their content. Indexes are UTF-16 code units.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from . import ranges, units
from .errors import RequestError
from .model import (
    Block,
    DocumentModel,
    FetchedPicture,
    Json,
    Paragraph,
    Piece,
    Run,
    SectionBreak,
    Segment,
    Tab,
    Table,
    TableOfContents,
    copied_segment,
)
from .pieces import cut, lines, rebuilt
from .places import Point, cell_contents, spot_at

FetchPicture = Callable[[str], FetchedPicture | None]

UNDELETABLE = "Invalid deletion range. Cannot delete the requested range."


@dataclass(frozen=True, slots=True)
class Edit:
    """A batch at work on its own copy of a document.

    `new_id` gives a fresh random token at each call. `suggestion` is the suggestion id under which
    the present request is to be recorded, empty when it is a plain edit. `fetch` gets the picture
    behind an address, None where there is none that may be had.
    """

    doc: DocumentModel
    new_id: Callable[[], str]
    suggestion: str = ""
    fetch: FetchPicture = lambda _address: None

    def fresh_id(self, prefix: str) -> str:
        """An id of Google's look: the prefix and at most twelve letters and digits."""
        return prefix + (re.sub("[^A-Za-z0-9]", "", self.new_id())[-12:].lower() or "0")


def insert_pieces(edit: Edit, point: Point, pieces: Sequence[Piece]) -> None:
    """Put pieces in at a point; each newline in them makes a paragraph.

    The new paragraphs copy style and bullet of the one they are put into (API reference,
    InsertTextRequest.text). A heading's id stays with the part that holds the heading's old text.
    """
    spot = spot_at(point.segment, point.index)
    offset = point.index - spot.start
    left, right = cut(spot.paragraph.pieces, offset)
    rows = lines(pieces)
    rows[0][:0] = left
    rows[-1].extend(right)
    keeper = 0 if offset else len(rows) - 1
    spot.siblings[spot.position : spot.position + 1] = [
        rebuilt(spot.paragraph if i == keeper else like(edit, spot.paragraph), row)
        for i, row in enumerate(rows)
    ]
    note_insertion(edit, point, sum(piece.length for piece in pieces))


def note_insertion(edit: Edit, point: Point, length: int) -> None:
    """Let the named ranges follow an insertion of `length` units at a point."""
    ranges.note_insertion(
        point.tab, point.segment.id, point.index, length, edit.doc.boundary_inserts
    )


def like(edit: Edit, paragraph: Paragraph) -> Paragraph:
    """A paragraph of the same kind; a heading gets a heading id of its own."""
    if "headingId" not in paragraph.style:
        return paragraph
    style = {**paragraph.style, "headingId": edit.fresh_id("h.")}
    return Paragraph(paragraph.pieces, style, paragraph.bullet)


def delete(tab: Tab, segment: Segment, start: int, end: int) -> None:
    """Take out what stands between two indexes. Raises `RequestError` where Google refuses."""
    take_out(segment, start, end)
    ranges.note_deletion(tab, segment.id, start, end)


def take_out(segment: Segment, start: int, end: int) -> None:
    """`delete`, without its effect on named ranges."""
    siblings, first = _holder(segment.content, 0, start, end)
    if end >= first + sum(block.length for block in siblings):
        if siblings is segment.content:
            raise RequestError(
                "The range cannot include the newline character at the end of the segment."
            )
        raise RequestError(UNDELETABLE)
    _take_out_of(siblings, first, start, end)


def check_deletable(segment: Segment, start: int, end: int) -> None:
    """Raise what `delete` would raise, and change nothing."""
    take_out(copied_segment(segment), start, end)


def _holder(
    blocks: list[Block], index_of_first: int, start: int, end: int
) -> tuple[list[Block], int]:
    """The innermost list of blocks that holds the whole range, with its first index."""
    index = index_of_first
    for block in blocks:
        after = index + block.length
        if start < after:
            break
        index = after
    if isinstance(block, Table) and end < after:
        for content, first in cell_contents(block, index):
            if first <= start and end <= first + sum(each.length for each in content):
                return _holder(content, first, start, end)
    return blocks, index_of_first


def _take_out_of(siblings: list[Block], index_of_first: int, start: int, end: int) -> None:
    touched = [
        (position, index, block)
        for position, index, block in _indexed(siblings, index_of_first)
        if index < end and index + block.length > start
    ]
    _check_whole(touched, start, end)
    first_position, first_index, first = touched[0]
    last_position, last_index, last = touched[-1]
    _check_newline_before(siblings, last_position, last_index + last.length, end)
    head = cut(first.pieces, start - first_index)[0] if isinstance(first, Paragraph) else ()
    tail_position = last_position + (last_index + last.length == end)
    tail = siblings[tail_position]
    rest: tuple[Piece, ...] = ()
    if tail_position == last_position and isinstance(last, Paragraph):
        rest = cut(last.pieces, end - last_index)[1]
    elif head and isinstance(tail, Paragraph):
        rest = tail.pieces
    if not head and tail_position > last_position:
        siblings[first_position:tail_position] = []
        return
    if not isinstance(tail, Paragraph):
        raise RequestError(UNDELETABLE)
    # The paragraph of which text is left decides; when none is left of the first, the last does.
    model = first if head and isinstance(first, Paragraph) else tail
    siblings[first_position : tail_position + 1] = [rebuilt(model, (*head, *rest))]


def _indexed(blocks: list[Block], index_of_first: int) -> Iterator[tuple[int, int, Block]]:
    index = index_of_first
    for position, block in enumerate(blocks):
        yield position, index, block
        index += block.length


def _check_whole(touched: list[tuple[int, int, Block]], start: int, end: int) -> None:
    """Tables, tables of contents and section breaks go whole; no surrogate pair is halved."""
    for _, index, block in touched:
        if isinstance(block, Paragraph):
            text = block.text
            if units.splits_pair(text, start - index) or units.splits_pair(text, end - index):
                raise RequestError(UNDELETABLE)
        elif start > index or end < index + block.length:
            raise RequestError(UNDELETABLE)


def _check_newline_before(
    siblings: list[Block], last_position: int, last_end: int, end: int
) -> None:
    """The newline before a table, table of contents or section break goes only with it."""
    following = siblings[last_position + 1] if last_end == end else None
    if isinstance(following, Table | TableOfContents | SectionBreak):
        raise RequestError(UNDELETABLE)


def text_pieces(edit: Edit, text: str, style: Json) -> tuple[Run, ...]:
    """A run of text, marked as a suggested insertion where the batch suggests."""
    marks = (edit.suggestion,) if edit.suggestion else ()
    return (Run(text, style, insertions=marks),)
