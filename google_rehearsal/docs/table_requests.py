"""Requests on tables, tabs, headers and footers.

insertTable, rows and columns, updateTableCellStyle; cells are never merged here. addDocumentTab,
updateDocumentTabProperties, deleteTab. createHeader, createFooter, deleteHeader, deleteFooter: for
the document, not for sections.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

from google_rehearsal.docs import editing, style_requests
from google_rehearsal.docs.editing import (
    Edit,
    Point,
    cell_contents,
    point_of,
    segment_of,
    spot_at,
    style_for_insertion,
    tab_of,
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
    Paragraph,
    Row,
    Run,
    Segment,
    Tab,
    Table,
    blank_paragraph,
)


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
