"""A document as the `Document` resource that `documents.get` returns.

Also previews: with all suggestions accepted, or with none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from google_rehearsal.docs import editing, world
from google_rehearsal.docs.chip_requests import inline_objects
from google_rehearsal.docs.editing import all_spots, rebuilt, take_out
from google_rehearsal.docs.errors import RequestError
from google_rehearsal.docs.new_documents import named_styles
from google_rehearsal.docs.suggested_styles import changes_of, settled_paragraph, settled_piece
from google_rehearsal.docs.world import (
    Block,
    Cell,
    DocumentModel,
    Inline,
    Json,
    NamedRange,
    Paragraph,
    Piece,
    Row,
    Segment,
    Tab,
    Table,
    TableOfContents,
    copied,
    own,
)

ACCEPTED = "PREVIEW_SUGGESTIONS_ACCEPTED"
WITHOUT = "PREVIEW_WITHOUT_SUGGESTIONS"


def previewed(doc: DocumentModel, mode: str) -> DocumentModel:
    """The document in one of the two preview modes, with its indexes there."""
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
            # Separately suggested pieces of a structure can only be removed together; it stays.
            continue
        editing.note_deletion(tab, segment.id, start, end)
    for spot in all_spots(segment):
        spot.put(_unmarked(spot.paragraph, accept=accept))
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


def _unmarked(paragraph: Paragraph, *, accept: bool) -> Paragraph:
    marked = (each.insertions or each.deletions or each.changes for each in paragraph.pieces)
    if not paragraph.changes and not any(marked):
        return paragraph
    settled = settled_paragraph(paragraph, accept=accept)
    return rebuilt(settled, (_plain(piece, accept=accept) for piece in paragraph.pieces))


def _plain(piece: Piece, *, accept: bool) -> Piece:
    return replace(settled_piece(piece, accept=accept), insertions=(), deletions=())


_INLINE_VIEW = "SUGGESTIONS_INLINE"


def render_document(
    doc: DocumentModel,
    *,
    suggestions_view_mode: str,
    include_tabs_content: bool,
    picture_address: Callable[[str], str] = lambda key: key,
) -> Json:
    """A `Document` resource, with the indexes of the requested view.

    `suggestions_view_mode` is a value of the API's enum; `DEFAULT_FOR_CURRENT_ACCESS` (or empty)
    means an editor's, `SUGGESTIONS_INLINE`. With `include_tabs_content` the content is in `tabs`,
    without it the first tab's content is in the resource itself. `picture_address` gives the
    `contentUri` of a kept picture by its key. Raises `ValueError` for an unknown mode.
    """
    mode = suggestions_view_mode
    if mode in ("", "DEFAULT_FOR_CURRENT_ACCESS"):
        mode = _INLINE_VIEW
    shown = doc if mode == _INLINE_VIEW else previewed(doc, mode)
    resource: Json = {
        "documentId": doc.id,
        "title": doc.title,
        "revisionId": doc.revision,
        "suggestionsViewMode": mode,
    }
    if include_tabs_content:
        resource["tabs"] = [
            _tab(tab, picture_address, parent_id="", position=i, depth=0)
            for i, tab in enumerate(shown.tabs)
        ]
        return resource
    content = _tab_content(shown.tabs[0], picture_address)
    # Dropdown definitions came after tabs, so the resource has no legacy field for them.
    content.pop("dropdownDefinitions", None)
    return resource | content


def _tab(
    tab: Tab, address: Callable[[str], str], *, parent_id: str, position: int, depth: int
) -> Json:
    result: Json = {
        "tabProperties": tab_properties(tab, parent_id=parent_id, position=position, depth=depth),
        "documentTab": _tab_content(tab, address),
    }
    if tab.children:
        result["childTabs"] = [
            _tab(child, address, parent_id=tab.id, position=i, depth=depth + 1)
            for i, child in enumerate(tab.children)
        ]
    return result


def tab_properties(tab: Tab, *, parent_id: str, position: int, depth: int) -> Json:
    """A `TabProperties` resource. `position` counts from zero among the tabs of one parent."""
    result: Json = {"tabId": tab.id, "title": tab.title, "index": position}
    if parent_id:
        result |= {"parentTabId": parent_id, "nestingLevel": depth}
    if tab.icon:
        result["iconEmoji"] = tab.icon
    return result


def _tab_content(tab: Tab, address: Callable[[str], str]) -> Json:
    result: Json = {
        "body": {"content": _blocks(tab.body.content, 0)},
        "documentStyle": own(tab.style),
        "namedStyles": own(named_styles()),
    }
    parts = {
        "headers": _segments(tab, "header"),
        "footers": _segments(tab, "footer"),
        "footnotes": _segments(tab, "footnote"),
        "lists": own(tab.lists),
        "namedRanges": _named_ranges(tab),
        "dropdownDefinitions": own(tab.dropdowns),
        "inlineObjects": inline_objects(tab, address),
    }
    return result | {name: part for name, part in parts.items() if part}


def _segments(tab: Tab, kind: str) -> Json:
    return {
        segment.id: {f"{kind}Id": segment.id, "content": _blocks(segment.content, 0)}
        for segment in tab.segments.values()
        if segment.kind == kind
    }


def _named_ranges(tab: Tab) -> Json:
    result: Json = {}
    for each in tab.named_ranges:
        group = result.setdefault(each.name, {"name": each.name, "namedRanges": []})
        group["namedRanges"].append(_named_range(each))
    return result


def _named_range(named_range: NamedRange) -> Json:
    # Reported of live documents: the ranges name their segment and not their tab.
    place = {"segmentId": named_range.segment_id} if named_range.segment_id else {}
    return {
        "namedRangeId": named_range.id,
        "name": named_range.name,
        "ranges": [
            {"startIndex": start, "endIndex": end} | place for start, end in named_range.spans
        ],
    }


def _blocks(blocks: Iterable[Block], index: int) -> list[Json]:
    result = []
    for block in blocks:
        end = index + block.length
        result.append(_indexes(index, end) | _block(block, index))
        index = end
    return result


def _block(block: Block, index: int) -> Json:
    if isinstance(block, Paragraph):
        return {"paragraph": _paragraph(block, index)}
    if isinstance(block, Table):
        return {"table": _table(block, index)}
    if isinstance(block, TableOfContents):
        return {"tableOfContents": {"content": _blocks(block.content, index + 1)}}
    return {"sectionBreak": {"sectionStyle": own(block.style)}}


def _paragraph(paragraph: Paragraph, index: int) -> Json:
    elements = []
    for piece in paragraph.pieces:
        end = index + piece.length
        elements.append(_indexes(index, end) | _element(piece))
        index = end
    result: Json = {"elements": elements, "paragraphStyle": own(paragraph.style)}
    if paragraph.bullet is not None:
        result["bullet"] = own(paragraph.bullet)
    result |= own(changes_of(paragraph))
    return result


def _element(piece: Piece) -> Json:
    if isinstance(piece, Inline):
        kind, body = piece.kind, own(piece.body)
    else:
        kind, body = "textRun", {"content": world.from_units(piece.text)}
    marks = _suggested(piece.insertions, piece.deletions) | own(changes_of(piece))
    return {kind: {**body, "textStyle": own(piece.style), **marks}}


def _suggested(insertions: tuple[str, ...], deletions: tuple[str, ...]) -> Json:
    result: Json = {}
    if insertions:
        result["suggestedInsertionIds"] = list(insertions)
    if deletions:
        result["suggestedDeletionIds"] = list(deletions)
    return result


def _table(table: Table, index: int) -> Json:
    rows = []
    start = index + 1
    for row in table.rows:
        rows.append(_row(row, start))
        start += row.length
    return {
        "rows": len(table.rows),
        "columns": table.columns,
        "tableRows": rows,
        "tableStyle": own(table.style),
    } | _suggested((), table.deletions)


def _row(row: Row, index: int) -> Json:
    cells = []
    start = index + 1
    for cell in row.cells:
        cells.append(_cell(cell, start))
        start += cell.length
    return _indexes(index, start) | {"tableCells": cells, "tableRowStyle": own(row.style)}


def _cell(cell: Cell, index: int) -> Json:
    return _indexes(index, index + cell.length) | {
        "content": _blocks(cell.content, index + 1),
        "tableCellStyle": own(cell.style),
    }


def _indexes(start: int, end: int) -> Json:
    # An index of zero is left out, as the API leaves out every default.
    return {"startIndex": start, "endIndex": end} if start else {"endIndex": end}
