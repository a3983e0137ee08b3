"""updateTextStyle, updateParagraphStyle."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from . import masks
from .editing import Edit
from .errors import RequestError
from .model import Json, Paragraph, Piece, Run
from .named_styles import LINK_COLOR, inherited_text_style
from .pieces import cut, rebuilt, restyled
from .places import Extent, Spot, spots_within, text_extent_of

Paths = list[tuple[str, ...]]


def update_text_style(edit: Edit, request: Json) -> Json:
    """Set or reset text style over a range, bullets of fully covered list paragraphs included."""
    extent = text_extent_of(edit.doc, request)
    style = request.get("textStyle", {})
    listed = masks.paths(request.get("fields"), masks.TEXT_STYLE)
    _check_text_style(style, listed)
    for spot in spots_within(extent.segment, extent.start, extent.end):
        spot.put(_with_text_style(spot, extent, style, listed))
    return {}


def update_paragraph_style(edit: Edit, request: Json) -> Json:
    """Set or reset the style of every paragraph that a range overlaps."""
    extent = text_extent_of(edit.doc, request)
    style = request.get("paragraphStyle", {})
    listed = masks.paths(request.get("fields"), masks.PARAGRAPH_STYLE)
    for spot in spots_within(extent.segment, extent.start, extent.end):
        _check_page_break_before(spot, extent, style, listed)
        spot.put(_with_paragraph_style(edit, spot.paragraph, style, listed))
    return {}


def _check_text_style(style: Json, listed: Paths) -> None:
    names = {path[0] for path in listed}
    # Seen live: "Links must include at least one type."
    if "link" in names and "link" in style and not any(style["link"].values()):
        raise RequestError("Links must include at least one type.")
    font = style.get("weightedFontFamily")
    if "weightedFontFamily" in names and font is not None and not font.get("fontFamily"):
        raise RequestError("The font family must be set with a non-empty value.")


def _with_text_style(spot: Spot, extent: Extent, style: Json, listed: Paths) -> Paragraph:
    paragraph = spot.paragraph
    start, end = extent.start - spot.start, extent.end - spot.start
    whole = start <= 0 and end >= paragraph.length - 1
    if whole:
        end = paragraph.length  # "The range may be extended to include adjacent newlines."
    if any(path[0] == "link" for path in listed):
        start, end = _over_whole_links(paragraph, max(start, 0), end, style, listed)
    inherited = inherited_text_style(paragraph.style["namedStyleType"])
    before = _style_before(paragraph, start)
    change = partial(_piece_with_style, style, listed, inherited, before)
    result = restyled(_newline_apart(paragraph), start, end, change)
    if not whole or paragraph.bullet is None:
        return result
    unlinked = [path for path in listed if path[0] != "link"]
    own = masks.merged(paragraph.bullet.get("textStyle", {}), style, unlinked)
    return Paragraph(result.pieces, result.style, {**paragraph.bullet, "textStyle": own})


def _piece_with_style(
    style: Json, listed: Paths, inherited: Json, before: Json, piece: Piece
) -> Piece:
    is_newline = isinstance(piece, Run) and piece.text == "\n"
    effective = [path for path in listed if path[0] != "link" or not is_newline]
    names = {path[0] for path in effective}
    base = piece.style
    if "link" in names and "link" in style:
        base = {**base, "foregroundColor": LINK_COLOR, "underline": True}
    elif "link" in names and "link" in base:
        base = before
    result = masks.merged(base, style, effective)
    # "If the value for a particular style matches that of the parent, that style will be set to
    # inherit." (UpdateTextStyleRequest)
    kept = {k: v for k, v in result.items() if k not in names or v != inherited.get(k, _UNLIKE)}
    return replace(piece, style=kept)


_UNLIKE = object()


def _style_before(paragraph: Paragraph, start: int) -> Json:
    """What text whose link is removed looks like: the text before it, unless that is a link too."""
    before = cut(paragraph.pieces, max(start, 0))[0]
    return before[-1].style if before and "link" not in before[-1].style else {}


def _newline_apart(paragraph: Paragraph) -> Paragraph:
    """The paragraph with its newline as a run of its own, so that it can stay without a link."""
    text, newline = cut(paragraph.pieces, paragraph.length - 1)
    return Paragraph((*text, *newline), paragraph.style, paragraph.bullet)


def _over_whole_links(
    paragraph: Paragraph, start: int, end: int, style: Json, listed: Paths
) -> tuple[int, int]:
    """The range grown over links that it cuts: a new address goes to the whole of a link."""
    if "link" not in style or ("link",) not in listed:
        return start, end
    index = 0
    for piece in paragraph.pieces:
        after = index + piece.length
        if "link" in piece.style and index < end and after > start:
            start, end = min(start, index), max(end, after)
        index = after
    return start, end


def _check_page_break_before(spot: Spot, extent: Extent, style: Json, listed: Paths) -> None:
    unsupported = spot.in_table or extent.segment.kind != "body"
    if unsupported and style.get("pageBreakBefore") and ("pageBreakBefore",) in listed:
        raise RequestError(
            "Page break before cannot be set in tables, headers, footers or footnotes."
        )


def _with_paragraph_style(
    edit: Edit, paragraph: Paragraph, style: Json, listed: Paths
) -> Paragraph:
    result = paragraph
    if ("namedStyleType",) in listed:
        kind = style.get("namedStyleType", "NORMAL_TEXT")
        result = _with_named_style(edit, paragraph, kind)
    others = [path for path in listed if path != ("namedStyleType",)]
    return Paragraph(result.pieces, masks.merged(result.style, style, others), result.bullet)


def _with_named_style(edit: Edit, paragraph: Paragraph, kind: str) -> Paragraph:
    """The paragraph under another named style, which is applied before all else.

    As in the editor, what the paragraph had of its own gives way to the named style: paragraph
    properties (the indent of a list item excepted), and text properties that all of its text has.
    That text properties are reset is reported by users of the API, not documented.
    """
    if kind == "NAMED_STYLE_TYPE_UNSPECIFIED":
        raise RequestError("Named style type is required.")
    kept = {"direction"} | ({"indentStart", "indentFirstLine"} if paragraph.bullet else set())
    style = {"namedStyleType": kind}
    style |= {key: value for key, value in paragraph.style.items() if key in kept}
    if kind.startswith("HEADING_"):
        style["headingId"] = paragraph.style.get("headingId") or edit.fresh_id("h.")
    return rebuilt(Paragraph((), style, paragraph.bullet), _without_common(paragraph))


def _without_common(paragraph: Paragraph) -> tuple[Piece, ...]:
    first, *others = (piece.style for piece in paragraph.pieces)
    common = {
        key
        for key, value in first.items()
        if key != "link" and "link" not in first and all(s.get(key) == value for s in others)
    }
    if not common:
        return paragraph.pieces
    return tuple(
        replace(piece, style={k: v for k, v in piece.style.items() if k not in common})
        for piece in paragraph.pieces
    )
