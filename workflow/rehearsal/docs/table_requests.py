"""insertTable, rows and columns, updateTableCellStyle. Cells are never merged here."""

from __future__ import annotations

from dataclasses import dataclass, replace

from . import editing, masks, ranges
from .editing import Edit
from .errors import OneofError, RequestError
from .model import Block, Cell, Json, Row, Run, Segment, Tab, Table, blank_paragraph
from .named_styles import CELL_STYLE, points
from .pieces import style_for_insertion
from .places import Point, cell_contents, point_of, segment_of, spot_at


@dataclass(frozen=True, slots=True)
class _TableSpot:
    """A table where it stands."""

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
        # Structure never grows a range at its ends: there is no text for it to continue.
        ranges.note_insertion(self.tab, self.segment.id, at, length, "outside")


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
    """Insert an empty row above or below a cell's, its cells styled as that row's."""
    found, row, _ = _cell_of(edit, request)
    model = found.table.rows[row]
    new = Row([Cell([blank_paragraph()], cell.style) for cell in model.cells], model.style)
    position = row + bool(request.get("insertBelow"))
    found.note_insertion(found.row_start(position), new.length)
    found.table.rows.insert(position, new)
    return {}


def delete_table_row(edit: Edit, request: Json) -> Json:
    """Delete a cell's row; with its last row the table goes."""
    found, row, _ = _cell_of(edit, request)
    if len(found.table.rows) == 1:
        return _delete_table(found)
    start = found.row_start(row)
    end = start + found.table.rows.pop(row).length
    ranges.note_deletion(found.tab, found.segment.id, start, end)
    return {}


def insert_table_column(edit: Edit, request: Json) -> Json:
    """Insert an empty column left or right of a cell's, its cells styled as that column's."""
    found, _, column = _cell_of(edit, request)
    position = column + bool(request.get("insertRight"))
    for row in reversed(range(len(found.table.rows))):
        cells = found.table.rows[row].cells
        new = Cell([blank_paragraph()], cells[column].style)
        found.note_insertion(found.cell_start(row, position), new.length)
        cells.insert(position, new)
    _set_column_count(found)
    return {}


def delete_table_column(edit: Edit, request: Json) -> Json:
    """Delete a cell's column; with its last column the table goes."""
    found, _, column = _cell_of(edit, request)
    if found.table.columns == 1:
        return _delete_table(found)
    for row in reversed(range(len(found.table.rows))):
        start = found.cell_start(row, column)
        end = start + found.table.rows[row].cells.pop(column).length
        ranges.note_deletion(found.tab, found.segment.id, start, end)
    _set_column_count(found)
    return {}


def update_table_cell_style(edit: Edit, request: Json) -> Json:
    """Set or reset the style of a table's cells, or of a rectangle of them."""
    listed = masks.paths(request.get("fields"), masks.CELL_STYLE)
    style = request.get("tableCellStyle", {})
    for cell in _cells_of(edit, request):
        cell.style = {**CELL_STYLE, **masks.merged(cell.style, style, listed)}
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
    ranges.note_deletion(found.tab, found.segment.id, found.start, end)
    return {}


def _blank_row(columns: int, text_style: Json) -> Row:
    cells = [Cell([blank_paragraph(text_style)], CELL_STYLE) for _ in range(columns)]
    return Row(cells, {"minRowHeight": points(0)})


def _set_column_count(found: _TableSpot) -> None:
    columns = [{"widthType": "EVENLY_DISTRIBUTED"}] * found.table.columns
    found.siblings[found.position] = replace(found.table, style={"tableColumnProperties": columns})
