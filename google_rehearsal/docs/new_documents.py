"""New documents: blank, or a copy of another.

With the named styles, document style and section style of a new Google Doc. Values at their default
are left out where recorded documents leave them out.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Final

from google_rehearsal.docs.world import (
    DocumentModel,
    Json,
    SectionBreak,
    Segment,
    Tab,
    blank_paragraph,
    copied,
)

NAMED_STYLE_TYPES: Final = (
    "NORMAL_TEXT",
    "HEADING_1",
    "HEADING_2",
    "HEADING_3",
    "HEADING_4",
    "HEADING_5",
    "HEADING_6",
    "TITLE",
    "SUBTITLE",
)

LINK_COLOR: Final[Json] = {
    "color": {"rgbColor": {"red": 0.06666667, "green": 0.33333334, "blue": 0.8}}
}

SECTION_STYLE: Final[Json] = {
    "columnSeparatorStyle": "NONE",
    "contentDirection": "LEFT_TO_RIGHT",
    "sectionType": "CONTINUOUS",
}

CELL_STYLE: Final[Json] = {
    "rowSpan": 1,
    "columnSpan": 1,
    "backgroundColor": {},
    "paddingLeft": {"magnitude": 5, "unit": "PT"},
    "paddingRight": {"magnitude": 5, "unit": "PT"},
    "paddingTop": {"magnitude": 5, "unit": "PT"},
    "paddingBottom": {"magnitude": 5, "unit": "PT"},
    "contentAlignment": "TOP",
}


def points(magnitude: float) -> Json:
    """A length in points; zero has no magnitude, as the API leaves defaults out."""
    return {"magnitude": magnitude, "unit": "PT"} if magnitude else {"unit": "PT"}


_NO_BORDER: Final[Json] = {
    "color": {},
    "width": points(0),
    "padding": points(0),
    "dashStyle": "SOLID",
}

_NORMAL_TEXT: Final[Json] = {
    "bold": False,
    "italic": False,
    "underline": False,
    "strikethrough": False,
    "smallCaps": False,
    "backgroundColor": {},
    "foregroundColor": {"color": {"rgbColor": {}}},
    "fontSize": points(11),
    "weightedFontFamily": {"fontFamily": "Arial", "weight": 400},
    "baselineOffset": "NONE",
}

_NORMAL_PARAGRAPH: Final[Json] = {
    "namedStyleType": "NORMAL_TEXT",
    "alignment": "START",
    "lineSpacing": 115,
    "direction": "LEFT_TO_RIGHT",
    "spacingMode": "COLLAPSE_LISTS",
    "spaceAbove": points(0),
    "spaceBelow": points(0),
    "borderBetween": _NO_BORDER,
    "borderTop": _NO_BORDER,
    "borderBottom": _NO_BORDER,
    "borderLeft": _NO_BORDER,
    "borderRight": _NO_BORDER,
    "indentFirstLine": points(0),
    "indentStart": points(0),
    "indentEnd": points(0),
    "keepLinesTogether": False,
    "keepWithNext": False,
    "avoidWidowAndOrphan": True,
    "shading": {"backgroundColor": {}},
    "pageBreakBefore": False,
}

# Recorded of live tables: each paragraph of a new cell has all of this itself, and no
# pageBreakBefore, which a table refuses.
CELL_PARAGRAPH_STYLE: Final[Json] = {
    **{name: value for name, value in _NORMAL_PARAGRAPH.items() if name != "pageBreakBefore"},
    "lineSpacing": 100,
    "avoidWidowAndOrphan": False,
}


def _grey(level: float) -> Json:
    return {"color": {"rgbColor": {"red": level, "green": level, "blue": level}}}


# Text style, space above and space below in points.
_HEADINGS: Final[dict[str, tuple[Json, float, float]]] = {
    "HEADING_1": ({"fontSize": points(20)}, 20, 6),
    "HEADING_2": ({"bold": False, "fontSize": points(16)}, 18, 6),
    "HEADING_3": (
        {"bold": False, "foregroundColor": _grey(0.2627451), "fontSize": points(14)},
        16,
        4,
    ),
    "HEADING_4": ({"foregroundColor": _grey(0.4), "fontSize": points(12)}, 14, 4),
    "HEADING_5": ({"foregroundColor": _grey(0.4), "fontSize": points(11)}, 12, 4),
    "HEADING_6": (
        {"italic": True, "foregroundColor": _grey(0.4), "fontSize": points(11)},
        12,
        4,
    ),
    "TITLE": ({"fontSize": points(26)}, 0, 3),
    "SUBTITLE": (
        {
            "italic": False,
            "foregroundColor": _grey(0.4),
            "fontSize": points(15),
            "weightedFontFamily": {"fontFamily": "Arial", "weight": 400},
        },
        0,
        16,
    ),
}


def _heading(kind: str) -> Json:
    text, above, below = _HEADINGS[kind]
    return {
        "namedStyleType": kind,
        "textStyle": text,
        "paragraphStyle": {
            "namedStyleType": kind,
            "direction": "LEFT_TO_RIGHT",
            "spaceAbove": points(above),
            "spaceBelow": points(below),
            "keepLinesTogether": True,
            "keepWithNext": True,
        },
    }


def named_styles() -> Json:
    """A `NamedStyles` resource with one entry for each type."""
    normal = {
        "namedStyleType": "NORMAL_TEXT",
        "textStyle": _NORMAL_TEXT,
        "paragraphStyle": _NORMAL_PARAGRAPH,
    }
    return {"styles": [normal, *(_heading(kind) for kind in NAMED_STYLE_TYPES[1:])]}


def inherited_text_style(kind: str) -> Json:
    """The inherited look of text in a paragraph with this named style."""
    own = _HEADINGS[kind][0] if kind in _HEADINGS else {}
    return {**_NORMAL_TEXT, **own}


def document_style() -> Json:
    """The page set-up of a new document: letter paper, one inch margins."""
    inch = points(72)
    return {
        "background": {"color": {}},
        "pageNumberStart": 1,
        "marginTop": inch,
        "marginBottom": inch,
        "marginRight": inch,
        "marginLeft": inch,
        "marginHeader": points(36),
        "marginFooter": points(36),
        "pageSize": {"height": points(792), "width": points(612)},
        "useCustomHeaderFooterMargins": True,
    }


FIRST_TAB_ID = "t.0"


def blank_document(document_id: str, title: str, new_id: Callable[[], str]) -> DocumentModel:
    """A document as `documents.create` makes it: one tab, one empty paragraph.

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
    """A revision id: opaque, different at each call, and as long as Google's."""
    long = base64.urlsafe_b64encode(hashlib.sha512(new_id().encode()).digest()).decode()
    return f"ALBJ4L{long.rstrip('=')}{new_id()}"[:110]
