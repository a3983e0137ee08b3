"""createHeader, createFooter, deleteHeader, deleteFooter: for the document, not for sections."""

from __future__ import annotations

from typing import Literal

from .editing import Edit
from .errors import RequestError, UnsupportedRequestError
from .model import Json, Segment, blank_paragraph
from .places import tab_of

_Kind = Literal["header", "footer"]


def create_header(edit: Edit, request: Json) -> Json:
    """Give the document its default header: one empty paragraph."""
    return {"createHeader": {"headerId": _create(edit, request, "header")}}


def create_footer(edit: Edit, request: Json) -> Json:
    """Give the document its default footer: one empty paragraph."""
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
    section = request.get("sectionBreakLocation", {})
    if section.get("index", 0):
        raise UnsupportedRequestError("sections are not part of the rehearsal Google")
    tab = tab_of(edit.doc, section.get("tabId"))
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
