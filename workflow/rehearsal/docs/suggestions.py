"""A document as it would be with all its suggestions accepted, or with none of them."""

from __future__ import annotations

from dataclasses import replace

from . import ranges
from .editing import take_out
from .errors import RequestError
from .model import DocumentModel, Paragraph, Piece, Segment, Tab, Table, copied
from .pieces import rebuilt
from .places import all_spots

ACCEPTED = "PREVIEW_SUGGESTIONS_ACCEPTED"
WITHOUT = "PREVIEW_WITHOUT_SUGGESTIONS"


def previewed(doc: DocumentModel, mode: str) -> DocumentModel:
    """The document in one of the two preview modes, with the indexes that it has there."""
    if mode not in (ACCEPTED, WITHOUT):
        raise ValueError(f"unknown suggestions view mode {mode!r}")
    result = copied(doc)
    for tab in result.all_tabs():
        for segment in tab.all_segments():
            _settle(tab, segment, accept=mode == ACCEPTED)
    return result


def _settle(tab: Tab, segment: Segment, *, accept: bool) -> None:
    for start, end in reversed(_going(segment, accept=accept)):
        try:
            take_out(segment, start, end)
        except RequestError:
            # Suggested apart, the pieces of a structure can go together only; it stays.
            continue
        ranges.note_deletion(tab, segment.id, start, end)
    for spot in all_spots(segment):
        spot.put(_unmarked(spot.paragraph))
    for block in segment.content:
        if isinstance(block, Table):
            block.deletions = ()


def _going(segment: Segment, *, accept: bool) -> list[tuple[int, int]]:
    """The spans that are not part of the preview, joined where they touch."""
    spans: list[tuple[int, int]] = []
    for start, end in sorted(
        (*_going_pieces(segment, accept=accept), *_going_tables(segment, accept=accept))
    ):
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return spans


def _going_pieces(segment: Segment, *, accept: bool) -> list[tuple[int, int]]:
    spans = []
    for spot in all_spots(segment):
        index = spot.start
        for piece in spot.paragraph.pieces:
            if piece.deletions if accept else piece.insertions:
                spans.append((index, index + piece.length))
            index += piece.length
    return spans


def _going_tables(segment: Segment, *, accept: bool) -> list[tuple[int, int]]:
    spans = []
    index = 0
    for block in segment.content:
        if isinstance(block, Table) and block.deletions and accept:
            spans.append((index, index + block.length))
        index += block.length
    return spans


def _unmarked(paragraph: Paragraph) -> Paragraph:
    if not any(piece.insertions or piece.deletions for piece in paragraph.pieces):
        return paragraph
    return rebuilt(paragraph, (_plain(piece) for piece in paragraph.pieces))


def _plain(piece: Piece) -> Piece:
    return replace(piece, insertions=(), deletions=())
