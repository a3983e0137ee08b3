"""addDocumentTab, updateDocumentTabProperties, deleteTab."""

from __future__ import annotations

from typing import Final

from . import masks
from .documents import blank_tab
from .editing import Edit
from .errors import RequestError
from .model import DocumentModel, Json, Tab
from .places import tab_of
from .render import tab_properties

_DEEPEST: Final = 3  # levels of tabs that the Docs editor allows
_WRITABLE: Final[masks.Fields] = {"title": {}, "iconEmoji": {}, "index": {}, "parentTabId": {}}


def add_document_tab(edit: Edit, request: Json) -> Json:
    """Add an empty tab, last among its siblings unless an index is given."""
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
    names = {path[0] for path in masks.paths(request.get("fields"), _WRITABLE)}
    if "title" in names:
        _check_title(edit.doc, properties.get("title", ""), own_id=tab.id)
        tab.title = properties["title"]
    if "iconEmoji" in names:
        tab.icon = properties.get("iconEmoji", "")
    if names & {"index", "parentTabId"}:
        _move(edit.doc, tab, properties, names)
    return {}


def delete_tab(edit: Edit, request: Json) -> Json:
    """Delete a tab with its child tabs; a document keeps one tab at least."""
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
    """The parent, none for a tab at the root, and the list that the tab stands in."""
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
