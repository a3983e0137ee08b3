"""Requests on text and named ranges, on tables, tabs, headers and footers.

insertTable, rows and columns, updateTableCellStyle; cells are never merged here. addDocumentTab,
updateDocumentTabProperties, deleteTab. createHeader, createFooter, deleteHeader, deleteFooter: for
the document, not for sections.

insertText, deleteContentRange, replaceAllText, createNamedRange, deleteNamedRange,
replaceNamedRangeContent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final, Literal

from google_rehearsal.docs import editing, style_requests, world
from google_rehearsal.docs.editing import (
    OUTSIDE_PARAGRAPHS,
    Edit,
    Point,
    Spot,
    all_spots,
    cell_contents,
    cut,
    extent_of,
    lines,
    point_of,
    rebuilt,
    restyled,
    segment_of,
    spot_at,
    spots_within,
    style_for_insertion,
    tab_of,
    tabs_of,
    text_extent_of,
)
from google_rehearsal.docs.errors import DocsError, OneofError, RequestError
from google_rehearsal.docs.new_documents import (
    CELL_PARAGRAPH_STYLE,
    CELL_STYLE,
    blank_tab,
    points,
)
from google_rehearsal.docs.render import tab_properties
from google_rehearsal.docs.world import (
    Block,
    Cell,
    DocumentModel,
    Json,
    NamedRange,
    Paragraph,
    Piece,
    Row,
    Run,
    Segment,
    Tab,
    Table,
    blank_paragraph,
)

# A doc holds about a million characters (stewartmcgown/uds). What Docs says to a table that would
# not fit isn't recorded.
_LONGEST: Final = 1_020_000


@dataclass(frozen=True, slots=True)
class _TableSpot:
    """A table and its place."""

    tab: Tab
    segment: Segment
    siblings: list[Block]
    position: int
    start: int
    table: Table

    def row_start(self, row: int) -> int:
        return self.start + 1 + sum(each.length for each in self.table.rows[:row])

    def cell_start(self, row: int, column: int) -> int:
        before = self.table.rows[row].cells[:column]
        return self.row_start(row) + 1 + sum(each.length for each in before)

    def note_insertion(self, at: int, length: int) -> None:
        # Structure never extends a range at its ends: it has no text to continue.
        editing.move_for_insertion(self.tab, self.segment.id, at, length, "outside")


def insert_table(edit: Edit, request: Json) -> Json:
    """Insert a newline and a table of empty cells after it.

    Seen live: the cells' empty paragraphs take the text style at the point.
    """
    rows, columns = request.get("rows", 0), request.get("columns", 0)
    if rows < 1 or columns < 1:
        raise RequestError("The number of rows and columns must be at least 1.")
    if rows * (1 + 2 * columns) > _LONGEST:
        raise RequestError("The table is too large for a document.")
    point = point_of(edit.doc, request)
    if point.segment.kind == "footnote":
        raise RequestError("Tables cannot be inserted inside a footnote.")
    spot = spot_at(point.segment, point.index)
    style = style_for_insertion(spot.paragraph, point.index - spot.start)
    editing.insert_pieces(edit, point, (Run("\n", style),))
    table = Table(
        [_blank_row(columns, style) for _ in range(rows)],
        {"tableColumnProperties": [{"widthType": "EVENLY_DISTRIBUTED"}] * columns},
    )
    before = spot_at(point.segment, point.index)
    before.siblings.insert(before.position + 1, table)
    editing.note_insertion(edit, Point(point.tab, point.segment, point.index + 1), table.length)
    return {}


def insert_table_row(edit: Edit, request: Json) -> Json:
    """Insert an empty row above or below a cell's, with that row's cell styles."""
    found, row, _ = _cell_of(edit, request)
    model = found.table.rows[row]
    new = Row([Cell([_empty()], cell.style) for cell in model.cells], model.style)
    position = row + bool(request.get("insertBelow"))
    found.note_insertion(found.row_start(position), new.length)
    found.table.rows.insert(position, new)
    return {}


def delete_table_row(edit: Edit, request: Json) -> Json:
    """Delete a cell's row; deleting the last row deletes the table."""
    found, row, _ = _cell_of(edit, request)
    if len(found.table.rows) == 1:
        return _delete_table(found)
    start = found.row_start(row)
    end = start + found.table.rows.pop(row).length
    editing.note_deletion(found.tab, found.segment.id, start, end)
    return {}


def insert_table_column(edit: Edit, request: Json) -> Json:
    """Insert an empty column left or right of a cell's, with that column's cell styles."""
    found, _, column = _cell_of(edit, request)
    position = column + bool(request.get("insertRight"))
    for row in reversed(range(len(found.table.rows))):
        cells = found.table.rows[row].cells
        new = Cell([_empty()], cells[column].style)
        found.note_insertion(found.cell_start(row, position), new.length)
        cells.insert(position, new)
    _set_column_count(found)
    return {}


def delete_table_column(edit: Edit, request: Json) -> Json:
    """Delete a cell's column; deleting the last column deletes the table."""
    found, _, column = _cell_of(edit, request)
    if found.table.columns == 1:
        return _delete_table(found)
    for row in reversed(range(len(found.table.rows))):
        start = found.cell_start(row, column)
        end = start + found.table.rows[row].cells.pop(column).length
        editing.note_deletion(found.tab, found.segment.id, start, end)
    _set_column_count(found)
    return {}


def update_table_cell_style(edit: Edit, request: Json) -> Json:
    """Set or reset the style of a table's cells, or of a rectangle of them."""
    listed = style_requests.mask_paths(request.get("fields"), style_requests.CELL_STYLE)
    style = request.get("tableCellStyle", {})
    style_requests.check_borders(style, listed, ("width",))
    style_requests.check_values(style, listed)
    for cell in _cells_of(edit, request):
        cell.style = {**CELL_STYLE, **style_requests.merged_style(cell.style, style, listed)}
    return {}


def _cells_of(edit: Edit, request: Json) -> list[Cell]:
    if "tableRange" in request and "tableStartLocation" in request:
        raise OneofError("cells", "tableStartLocation")
    if "tableRange" not in request:
        table = _table_at(edit, request.get("tableStartLocation", {})).table
        return [cell for row in table.rows for cell in row.cells]
    extent = request["tableRange"]
    found, row, column = _cell_of(edit, extent)
    last_row, last_column = row + extent.get("rowSpan", 0), column + extent.get("columnSpan", 0)
    if not (
        row < last_row <= len(found.table.rows) and column < last_column <= found.table.columns
    ):
        raise RequestError("The table range is outside of the table.")
    return [
        cell for each in found.table.rows[row:last_row] for cell in each.cells[column:last_column]
    ]


def _cell_of(edit: Edit, request: Json) -> tuple[_TableSpot, int, int]:
    location = request.get("tableCellLocation", {})
    found = _table_at(edit, location.get("tableStartLocation", {}))
    row, column = location.get("rowIndex", 0), location.get("columnIndex", 0)
    if not 0 <= row < len(found.table.rows):
        raise RequestError(f"Row index {row} is outside of the table.")
    if not 0 <= column < found.table.columns:
        raise RequestError(f"Column index {column} is outside of the table.")
    return found, row, column


def _table_at(edit: Edit, location: Json) -> _TableSpot:
    tab, segment = segment_of(edit.doc, location)
    found = _find(segment.content, 0, location.get("index", 0))
    if found is None:
        # Seen live.
        raise RequestError("The provided table start location is invalid.")
    siblings, position, table = found
    return _TableSpot(tab, segment, siblings, position, location["index"], table)


def _find(
    blocks: list[Block], index_of_first: int, wanted: int
) -> tuple[list[Block], int, Table] | None:
    index = index_of_first
    for position, block in enumerate(blocks):
        if isinstance(block, Table) and index <= wanted < index + block.length:
            if index == wanted:
                return blocks, position, block
            inner = (
                _find(content, first, wanted) for content, first in cell_contents(block, index)
            )
            return next((each for each in inner if each), None)
        index += block.length
    return None


def _delete_table(found: _TableSpot) -> Json:
    end = found.start + found.table.length
    del found.siblings[found.position]
    editing.note_deletion(found.tab, found.segment.id, found.start, end)
    return {}


def _blank_row(columns: int, text_style: Json) -> Row:
    cells = [Cell([_empty(text_style)], CELL_STYLE) for _ in range(columns)]
    return Row(cells, {"minRowHeight": points(0)})


def _empty(text_style: Json | None = None) -> Paragraph:
    """The empty paragraph of a new cell."""
    return Paragraph((Run("\n", text_style or {}),), CELL_PARAGRAPH_STYLE)


def _set_column_count(found: _TableSpot) -> None:
    columns = [{"widthType": "EVENLY_DISTRIBUTED"}] * found.table.columns
    found.siblings[found.position] = replace(found.table, style={"tableColumnProperties": columns})


_DEEPEST: Final = 3  # levels of tabs that the Docs editor allows
_WRITABLE: Final[style_requests.Fields] = {
    "title": {},
    "iconEmoji": {},
    "index": {},
    "parentTabId": {},
}


def add_document_tab(edit: Edit, request: Json) -> Json:
    """Add an empty tab, by default last among its siblings."""
    properties = request.get("tabProperties", {})
    if "tabId" in properties:
        # Seen live.
        raise RequestError("Tab ID should not be specified in the properties when adding a tab.")
    title = properties.get("title") or f"Tab {len(list(edit.doc.all_tabs())) + 1}"
    _check_title(edit.doc, title, own_id="")
    tab = blank_tab(edit.fresh_id("t."), title)
    tab.icon = properties.get("iconEmoji", "")
    parent_id = properties.get("parentTabId", "")
    siblings = _children_of(edit.doc, parent_id)
    _place(siblings, tab, properties.get("index", len(siblings)))
    return {"addDocumentTab": {"tabProperties": _properties(edit.doc, tab, parent_id)}}


def update_document_tab_properties(edit: Edit, request: Json) -> Json:
    """Rename a tab, change its icon, or move it."""
    properties = request.get("tabProperties", {})
    if not properties.get("tabId"):
        raise RequestError("The tab ID must be specified.")
    tab = tab_of(edit.doc, properties["tabId"])
    names = {path[0] for path in style_requests.mask_paths(request.get("fields"), _WRITABLE)}
    if "title" in names:
        _check_title(edit.doc, properties.get("title", ""), own_id=tab.id)
        tab.title = properties["title"]
    if "iconEmoji" in names:
        tab.icon = properties.get("iconEmoji", "")
    if names & {"index", "parentTabId"}:
        _move(edit.doc, tab, properties, names)
    return {}


def delete_tab(edit: Edit, request: Json) -> Json:
    """Delete a tab with its child tabs; a document keeps at least one tab."""
    if not request.get("tabId"):
        raise RequestError("The tab ID must be specified.")
    tab = tab_of(edit.doc, request["tabId"])
    _, siblings = _parent_of(edit.doc, tab)
    if siblings is edit.doc.tabs and len(siblings) == 1:
        raise RequestError("Cannot delete the last tab in the document.")
    siblings.remove(tab)
    return {}


def _check_title(doc: DocumentModel, title: str, *, own_id: str) -> None:
    if not title:
        raise RequestError("The tab title must not be empty.")
    if any(tab.title == title and tab.id != own_id for tab in doc.all_tabs()):
        # Seen live.
        raise RequestError("Tab title must be unique")


def _children_of(doc: DocumentModel, parent_id: str) -> list[Tab]:
    if not parent_id:
        return doc.tabs
    parent = tab_of(doc, parent_id)
    if _depth(doc, parent) + 1 >= _DEEPEST:
        raise RequestError("Tabs cannot be nested deeper than 3 levels.")
    return parent.children


def _depth(doc: DocumentModel, tab: Tab) -> int:
    parent, _ = _parent_of(doc, tab)
    return 0 if parent is None else 1 + _depth(doc, parent)


def _parent_of(doc: DocumentModel, tab: Tab) -> tuple[Tab | None, list[Tab]]:
    """The parent, None for a tab at the root, and the list with the tab."""
    for candidate in doc.all_tabs():
        if any(child is tab for child in candidate.children):
            return candidate, candidate.children
    return None, doc.tabs


def _place(siblings: list[Tab], tab: Tab, index: int) -> None:
    if not 0 <= index <= len(siblings):
        raise RequestError(f"Tab index {index} is out of bounds.")
    siblings.insert(index, tab)


def _move(doc: DocumentModel, tab: Tab, properties: Json, names: set[str]) -> None:
    _, siblings = _parent_of(doc, tab)
    siblings.remove(tab)
    if "parentTabId" in names:
        siblings = _children_of(doc, properties.get("parentTabId", ""))
    _place(siblings, tab, properties.get("index", len(siblings)))


def _properties(doc: DocumentModel, tab: Tab, parent_id: str) -> Json:
    _, siblings = _parent_of(doc, tab)
    return tab_properties(
        tab, parent_id=parent_id, position=siblings.index(tab), depth=_depth(doc, tab)
    )


_Kind = Literal["header", "footer"]


def create_header(edit: Edit, request: Json) -> Json:
    """Create the document's default header: one empty paragraph."""
    return {"createHeader": {"headerId": _create(edit, request, "header")}}


def create_footer(edit: Edit, request: Json) -> Json:
    """Create the document's default footer: one empty paragraph."""
    return {"createFooter": {"footerId": _create(edit, request, "footer")}}


def delete_header(edit: Edit, request: Json) -> Json:
    """Delete a header with its content."""
    return _delete(edit, request, "header")


def delete_footer(edit: Edit, request: Json) -> Json:
    """Delete a footer with its content."""
    return _delete(edit, request, "footer")


def _create(edit: Edit, request: Json, kind: _Kind) -> str:
    if request.get("type") != "DEFAULT":
        # Seen live for headers.
        raise RequestError(f"{kind.capitalize()} type not specified")
    if "sectionBreakLocation" in request:
        # Reported of createHeader; that createFooter does the same is a guess.
        raise DocsError(500, "Internal error encountered.", "INTERNAL")
    tab = tab_of(edit.doc, None)
    if _style_field(kind) in tab.style:
        # Seen live for headers.
        raise RequestError(f"Default {kind} already exists.")
    segment = Segment(edit.fresh_id("kix."), kind, [blank_paragraph()])
    tab.segments[segment.id] = segment
    tab.style = {**tab.style, _style_field(kind): segment.id}
    return segment.id


def _delete(edit: Edit, request: Json, kind: _Kind) -> Json:
    tab = tab_of(edit.doc, request.get("tabId"))
    segment_id = request.get(f"{kind}Id", "")
    segment = tab.segments.get(segment_id)
    if segment is None or segment.kind != kind:
        raise RequestError(f"{kind.capitalize()} with ID {segment_id} was not found.")
    del tab.segments[segment_id]
    tab.style = {name: value for name, value in tab.style.items() if value != segment_id}
    tab.named_ranges = [each for each in tab.named_ranges if each.segment_id != segment_id]
    return {}


def _style_field(kind: _Kind) -> str:
    return f"default{kind.capitalize()}Id"


def insert_text(edit: Edit, request: Json) -> Json:
    """Insert text at a location or at the end of a segment."""
    text = stored_text(request.get("text", ""))
    if not request.get("text"):
        raise RequestError("Insert text requests must specify text to insert.")
    point = point_of(edit.doc, request)
    spot = spot_at(point.segment, point.index)
    style = style_for_insertion(spot.paragraph, point.index - spot.start)
    if text:
        editing.insert_pieces(edit, point, editing.text_pieces(edit, text, style))
    return {}


def delete_content_range(edit: Edit, request: Json) -> Json:
    """Delete a range, or mark it as suggested for deletion."""
    extent = extent_of(edit.doc, request)
    if edit.suggestion:
        editing.check_deletable(extent.segment, extent.start, extent.end)
        _suggest_deletion(edit, extent.segment, extent.start, extent.end)
    else:
        if edit.doc.suggested_deletes == "fail":
            _refuse_suggested(extent.segment, extent.start, extent.end)
        editing.delete(extent.tab, extent.segment, extent.start, extent.end)
    return {}


def replace_all_text(edit: Edit, request: Json) -> Json:
    """Replace every match within a paragraph, in all segments of the selected tabs."""
    pattern = _pattern(request.get("containsText", {}))
    text = stored_text(request.get("replaceText", ""))
    changed = sum(
        _replace_in(edit, tab, segment, pattern, text)
        for tab in tabs_of(edit.doc, request.get("tabsCriteria"))
        for segment in tab.all_segments()
    )
    return {"replaceAllText": {"occurrencesChanged": changed} if changed else {}}


def stored_text(text: str) -> str:
    """The code units that Google stores for a text. Refuses an unpaired surrogate."""
    stored = world.insertable(world.to_units(text))
    if world.has_unpaired_surrogate(stored):
        raise RequestError("The text cannot contain an unpaired surrogate.")
    return stored


def _pattern(criteria: Json) -> re.Pattern[str]:
    text = world.to_units(criteria.get("text", ""))
    if not text:
        raise RequestError("The text to find cannot be empty.")
    flags = re.NOFLAG if criteria.get("matchCase") else re.IGNORECASE
    try:
        return re.compile(text if criteria.get("searchByRegex") else re.escape(text), flags)
    except re.error as fault:
        raise RequestError(f"Invalid regular expression: {fault}") from fault


def _replace_in(edit: Edit, tab: Tab, segment: Segment, pattern: re.Pattern[str], text: str) -> int:
    found = [
        (spot, start, end)
        for spot in all_spots(segment)
        for start, end in _matches(pattern, spot.paragraph.text[:-1])
    ]
    # From the last to the first, so that the remaining places stay valid.
    for spot, start, end in reversed(found):
        _replace_once(edit, spot, slice(start, end), text)
        editing.note_replacement(tab, segment.id, spot.start + start, spot.start + end, len(text))
    return len(found)


def _replace_once(edit: Edit, spot: Spot, offsets: slice, text: str) -> None:
    """Replace a part of one paragraph by `text`, in the style of the first replaced unit."""
    paragraph = spot.current()
    before, rest = cut(paragraph.pieces, offsets.start)
    old, after = cut(rest, offsets.stop - offsets.start)
    # Nothing follows the paragraph's own newline, so the last line is empty.
    *rows, _ = lines((*before, *editing.text_pieces(edit, text, old[0].style), *after))
    spot.siblings[spot.position : spot.position + 1] = [
        rebuilt(paragraph if i == 0 else editing.like(edit, paragraph), row)
        for i, row in enumerate(rows)
    ]


def _matches(pattern: re.Pattern[str], text: str) -> list[tuple[int, int]]:
    """Start and end of each non-empty match of text alone, in whole characters."""
    spans = dict.fromkeys(
        (
            match.start() - world.splits_pair(text, match.start()),
            match.end() + world.splits_pair(text, match.end()),
        )
        for match in pattern.finditer(text)
        if match.end() > match.start()
    )
    return [span for span in spans if "\ue907" not in text[slice(*span)]]


def _refuse_suggested(segment: Segment, start: int, end: int) -> None:
    """Fail as Google does on text with a suggestion (report hermes 181)."""
    for spot in all_spots(segment):
        index = spot.start
        for piece in spot.paragraph.pieces:
            overlaps = index < end and start < index + piece.length
            changes = piece.changes or spot.paragraph.changes
            if overlaps and (piece.insertions or piece.deletions or changes):
                raise DocsError(500, "Internal error encountered.", "INTERNAL")
            index += piece.length


def _suggest_deletion(edit: Edit, segment: Segment, start: int, end: int) -> None:
    def marked(piece: Piece) -> Piece:
        return replace(piece, deletions=(*piece.deletions, edit.suggestion))

    for spot in spots_within(segment, start, end):
        spot.put(restyled(spot.paragraph, start - spot.start, end - spot.start, marked))
    _mark_tables(edit, segment, start, end)


def _mark_tables(edit: Edit, segment: Segment, start: int, end: int) -> None:
    index = 0
    for block in segment.content:
        if isinstance(block, Table) and start <= index and index + block.length <= end:
            block.deletions = (*block.deletions, edit.suggestion)
        index += block.length


_LONGEST_NAME: Final = 256  # UTF-16 code units; API reference, CreateNamedRangeRequest.name


def create_named_range(edit: Edit, request: Json) -> Json:
    """Name a range. Names need not be unique."""
    name = world.to_units(request.get("name", ""))
    if not 1 <= len(name) <= _LONGEST_NAME:
        raise RequestError(
            "Named range names must be at least 1 character and no more than 256 characters."
        )
    extent = text_extent_of(edit.doc, request)
    span = (extent.start, extent.end)
    named_range = NamedRange(edit.fresh_id("kix."), request["name"], extent.segment.id, (span,))
    extent.tab.named_ranges.append(named_range)
    return {"createNamedRange": {"namedRangeId": named_range.id}}


def delete_named_range(edit: Edit, request: Json) -> Json:
    """Delete one named range by its id, or all with a name; the content stays."""
    for tab, named_range in _selected(edit, request, "name"):
        tab.named_ranges.remove(named_range)
    return {}


def replace_named_range_content(edit: Edit, request: Json) -> Json:
    """Replace the content of a named range, or of each one with a name.

    If a range has several spans, the first gets the text, and the others are deleted with their
    content (API reference).
    """
    text = stored_text(request.get("text", ""))
    for _, chosen in _selected(edit, request, "namedRangeName"):
        _replace_content(edit, chosen.id, text)
    return {}


def _selected(edit: Edit, request: Json, name_field: str) -> list[tuple[Tab, NamedRange]]:
    if name_field in request and "namedRangeId" in request:
        raise OneofError("named_range_reference", name_field)
    wanted_id, wanted_name = request.get("namedRangeId"), request.get(name_field)
    if not wanted_id and not wanted_name:
        # Seen live for deleteNamedRange.
        raise RequestError("ID or name for named range must be set")
    tabs = tabs_of(edit.doc, request.get("tabsCriteria"))
    found = [
        (tab, each)
        for tab in tabs
        for each in tab.named_ranges
        if (each.id == wanted_id if wanted_id else each.name == wanted_name)
    ]
    if wanted_id and not found:
        raise RequestError(f"Named range with ID {wanted_id} was not found.")
    return found


def _replace_content(edit: Edit, range_id: str, text: str) -> None:
    tab, named_range = _present(edit, range_id)
    if named_range is None:
        return
    segment = tab.segment(named_range.segment_id)
    if segment is None:
        raise RequestError(f"Segment with ID {named_range.segment_id} was not found.")
    first, *others = named_range.spans
    for start, end in reversed(others):
        editing.delete(tab, segment, start, end)
    start, end = first
    spots = list(spots_within(segment, start, end))
    if not spots:
        raise RequestError(OUTSIDE_PARAGRAPHS)
    style = cut(spots[0].paragraph.pieces, max(start - spots[0].start, 0))[1][0].style
    editing.take_out(segment, start, end)
    if not text:
        editing.note_deletion(tab, segment.id, start, end)
        return
    kept = tab.named_ranges
    tab.named_ranges = []
    editing.insert_pieces(edit, Point(tab, segment, start), editing.text_pieces(edit, text, style))
    tab.named_ranges = kept
    editing.note_replacement(tab, segment.id, start, end, len(text))


def _present(edit: Edit, range_id: str) -> tuple[Tab, NamedRange | None]:
    for tab in edit.doc.all_tabs():
        for each in tab.named_ranges:
            if each.id == range_id:
                return tab, each
    return edit.doc.tabs[0], None
