"""Documents come into being here: blank, or as the copy of another."""

from __future__ import annotations

from collections.abc import Callable

from .model import DocumentModel, SectionBreak, Segment, Tab, blank_paragraph, copied
from .named_styles import SECTION_STYLE, document_style

FIRST_TAB_ID = "t.0"


def blank_document(document_id: str, title: str, new_id: Callable[[], str]) -> DocumentModel:
    """A document as `documents.create` leaves it: one tab, one empty paragraph.

    `new_id` gives a fresh random token at each call.
    """
    revision = new_revision(new_id)
    tab = blank_tab(FIRST_TAB_ID, "Tab 1")
    return DocumentModel(document_id, title, [tab], revision, [revision])


def blank_tab(tab_id: str, title: str) -> Tab:
    """A tab with one empty paragraph after the section break that every body begins with."""
    body = Segment("", "body", [SectionBreak(SECTION_STYLE), blank_paragraph()])
    return Tab(tab_id, title, body, style=document_style())


def copy_document(
    doc: DocumentModel, new_document_id: str, title: str, new_id: Callable[[], str]
) -> DocumentModel:
    """A document with the same content under another id, as Drive's `files.copy` makes it."""
    result = copied(doc)
    result.id, result.title, result.revision = new_document_id, title, new_revision(new_id)
    result.recent_revisions = [result.revision]
    return result


def new_revision(new_id: Callable[[], str]) -> str:
    """A revision id: opaque, different at each call."""
    return f"ALBJ4L{new_id()}"
