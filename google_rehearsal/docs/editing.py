"""The edits under every request: insert pieces, delete content, change a paragraph.

Each keeps the invariants of a Google Doc: paragraphs end with a newline, a segment and a cell end
with a paragraph, a table has a paragraph before it, no surrogate pair is split, and named ranges
follow their content. Indexes and offsets are in UTF-16 code units.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from google_rehearsal.docs import places, world
from google_rehearsal.docs.errors import RequestError
from google_rehearsal.docs.places import Point, cell_contents, spot_at
from google_rehearsal.docs.world import (
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

Pieces = tuple[Piece, ...]


def cut(pieces: Pieces, at: int) -> tuple[Pieces, Pieces]:
    """The pieces before and after the offset `at`."""
    left: list[Piece] = []
    for position, piece in enumerate(pieces):
        if at >= piece.length:
            left.append(piece)
            at -= piece.length
            continue
        if at == 0:
            return tuple(left), pieces[position:]
        before, after = _halves(piece, at)
        return (*left, before), (after, *pieces[position + 1 :])
    return tuple(left), ()


def joined(pieces: Iterable[Piece]) -> Pieces:
    """The pieces as the API shows them: no empty runs, neighbours of equal style merged."""
    result: list[Piece] = []
    for piece in pieces:
        if not piece.length:
            continue
        last = result[-1] if result else None
        if isinstance(piece, Run) and isinstance(last, Run) and _alike(last, piece):
            result[-1] = replace(last, text=last.text + piece.text)
        else:
            result.append(piece)
    return tuple(result)


def rebuilt(paragraph: Paragraph, pieces: Iterable[Piece]) -> Paragraph:
    """The paragraph with other pieces, its style and bullet kept."""
    return Paragraph(joined(pieces), paragraph.style, paragraph.bullet)


def restyled(
    paragraph: Paragraph, start: int, end: int, change: Callable[[Piece], Piece]
) -> Paragraph:
    """The paragraph with `change` applied between two offsets."""
    before, rest = cut(paragraph.pieces, max(start, 0))
    inside, after = cut(rest, min(end, paragraph.length) - max(start, 0))
    return rebuilt(paragraph, (*before, *(change(piece) for piece in inside), *after))


def lines(pieces: Iterable[Piece]) -> list[list[Piece]]:
    """The pieces split after each newline; the last line is what follows the last newline."""
    result: list[list[Piece]] = [[]]
    for piece in pieces:
        if not isinstance(piece, Run):
            result[-1].append(piece)
            continue
        first, *others = piece.text.split("\n")
        result[-1].append(replace(piece, text=first))
        for text in others:
            result[-1].append(replace(piece, text="\n"))
            result.append([replace(piece, text=text)])
    return result


def style_for_insertion(paragraph: Paragraph, at: int) -> Json:
    """The text style of text inserted at the offset `at`.

    It is that of the text immediately before, at a paragraph's start that of the text after (API
    reference, InsertTextRequest.text). A link continues only if both neighbours have it: links do
    not grow at their ends.
    """
    before, after = cut(paragraph.pieces, at)
    if not before:
        return _without_link(after[0].style)
    style = before[-1].style
    if "link" not in style or (after and after[0].style.get("link") == style["link"]):
        return style
    return _without_link(style)


def _halves(piece: Piece, at: int) -> tuple[Piece, Piece]:
    if not isinstance(piece, Run):
        raise TypeError("an element of one unit cannot be cut")
    return replace(piece, text=piece.text[:at]), replace(piece, text=piece.text[at:])


def _without_link(style: Json) -> Json:
    if "link" not in style:
        return style
    # The colour and underline belong to the link, so they don't continue either.
    return {k: v for k, v in style.items() if k not in ("link", "foregroundColor", "underline")}


def _alike(one: Run, other: Run) -> bool:
    return (
        one.style == other.style
        and one.insertions == other.insertions
        and one.deletions == other.deletions
    )


FetchPicture = Callable[[str], FetchedPicture | None]

UNDELETABLE = "Invalid deletion range. Cannot delete the requested range."


@dataclass(frozen=True, slots=True)
class Edit:
    """A batch at work on its own copy of a document.

    `new_id` gives a fresh random token at each call. `suggestion` is the suggestion id of the
    present request, empty for a plain edit. `fetch` returns the picture at an address, None if
    there is none.
    """

    doc: DocumentModel
    new_id: Callable[[], str]
    suggestion: str = ""
    fetch: FetchPicture = lambda _address: None

    def fresh_id(self, prefix: str) -> str:
        """An id of Google's look: the prefix and at most twelve letters and digits."""
        return prefix + (re.sub("[^A-Za-z0-9]", "", self.new_id())[-12:].lower() or "0")


def insert_pieces(edit: Edit, point: Point, pieces: Sequence[Piece]) -> None:
    """Insert pieces at a point; each newline in them makes a paragraph.

    The new paragraphs copy style and bullet of the surrounding one (API reference,
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
    """Move the named ranges for an insertion of `length` units at a point."""
    places.note_insertion(
        point.tab, point.segment.id, point.index, length, edit.doc.boundary_inserts
    )


def like(edit: Edit, paragraph: Paragraph) -> Paragraph:
    """A paragraph of the same kind; a heading gets a new heading id."""
    if "headingId" not in paragraph.style:
        return paragraph
    style = {**paragraph.style, "headingId": edit.fresh_id("h.")}
    return Paragraph(paragraph.pieces, style, paragraph.bullet)


def delete(tab: Tab, segment: Segment, start: int, end: int) -> None:
    """Delete the content between two indexes. Raises `RequestError` if Google would refuse."""
    take_out(segment, start, end)
    places.note_deletion(tab, segment.id, start, end)


def take_out(segment: Segment, start: int, end: int) -> None:
    """Delete, without the effect on named ranges."""
    siblings, first = _holder(segment.content, 0, start, end)
    if end >= first + sum(block.length for block in siblings):
        if siblings is segment.content:
            raise RequestError(
                "The range cannot include the newline character at the end of the segment."
            )
        raise RequestError(UNDELETABLE)
    _take_out_of(siblings, first, start, end)


def check_deletable(segment: Segment, start: int, end: int) -> None:
    """Raise what `delete` would raise, without changing anything."""
    take_out(copied_segment(segment), start, end)


def _holder(
    blocks: list[Block], index_of_first: int, start: int, end: int
) -> tuple[list[Block], int]:
    """The innermost list of blocks with the whole range, and its first index."""
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
    # The paragraph with remaining text decides; if the first has none, the last does.
    model = first if head and isinstance(first, Paragraph) else tail
    siblings[first_position : tail_position + 1] = [rebuilt(model, (*head, *rest))]


def _indexed(blocks: list[Block], index_of_first: int) -> Iterator[tuple[int, int, Block]]:
    index = index_of_first
    for position, block in enumerate(blocks):
        yield position, index, block
        index += block.length


def _check_whole(touched: list[tuple[int, int, Block]], start: int, end: int) -> None:
    """Require whole tables, tables of contents and section breaks, and unsplit surrogate pairs."""
    for _, index, block in touched:
        if isinstance(block, Paragraph):
            text = block.text
            if world.splits_pair(text, start - index) or world.splits_pair(text, end - index):
                raise RequestError(UNDELETABLE)
        elif start > index or end < index + block.length:
            raise RequestError(UNDELETABLE)


def _check_newline_before(
    siblings: list[Block], last_position: int, last_end: int, end: int
) -> None:
    """The newline before a table, table of contents or section break is only deleted with it."""
    following = siblings[last_position + 1] if last_end == end else None
    if isinstance(following, Table | TableOfContents | SectionBreak):
        raise RequestError(UNDELETABLE)


def text_pieces(edit: Edit, text: str, style: Json) -> tuple[Run, ...]:
    """A run of text, marked as a suggested insertion where the batch suggests."""
    marks = (edit.suggestion,) if edit.suggestion else ()
    return (Run(text, style, insertions=marks),)
