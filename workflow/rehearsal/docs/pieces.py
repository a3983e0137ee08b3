"""Cutting, joining and restyling the pieces of a paragraph. Offsets are in UTF-16 code units."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from .model import Json, Paragraph, Piece, Run

Pieces = tuple[Piece, ...]


def cut(pieces: Pieces, at: int) -> tuple[Pieces, Pieces]:
    """What stands before the offset `at` and what stands after it."""
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
    """The paragraph with `change` made to all that stands between two offsets."""
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
    """The text style that typed text takes at the offset `at`.

    That of the text immediately before, at a paragraph's start that of the text after (API
    reference, InsertTextRequest.text). A link goes on only when both neighbours carry it: links do
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
    # The colour and the line came with the link, so they stay behind with it.
    return {k: v for k, v in style.items() if k not in ("link", "foregroundColor", "underline")}


def _alike(one: Run, other: Run) -> bool:
    return (
        one.style == other.style
        and one.insertions == other.insertions
        and one.deletions == other.deletions
    )
