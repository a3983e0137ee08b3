"""The named styles, document style and section style of a new Google Doc.

Values as a blank document shows them; where a recorded document leaves out a value at its default,
so does this.
"""

from __future__ import annotations

from typing import Final

from .model import Json

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
    """What text of a paragraph with this named style looks like when it has no style of its own."""
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
