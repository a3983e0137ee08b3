"""Suggestions to change a style: of text, of paragraphs, of list items.

A suggested change leaves content and indexes as they are (guide "Work with suggestions"). The API
shows it beside the style, by the suggestion's id: the new values, and the state that says which
fields the suggestion changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from google_rehearsal.docs.editing import Edit, Extent, Spot, restyled, spots_within
from google_rehearsal.docs.world import Json, Paragraph, Piece

_TEXT, _PARAGRAPH = "suggestedTextStyleChanges", "suggestedParagraphStyleChanges"
_BULLET = "suggestedBulletChanges"
_SUGGESTED, _STATE = "Suggested", "SuggestionState"
Paths = list[tuple[str, ...]]


def suggest_text_style(edit: Edit, extent: Extent, style: Json, listed: Paths) -> None:
    """Suggest another text style for a range."""
    change = _change("textStyle", style, listed)

    def with_change(piece: Piece) -> Piece:
        return replace(piece, changes=(*piece.changes, (_TEXT, edit.suggestion, change)))

    for spot in spots_within(extent.segment, extent.start, extent.end):
        start, end = extent.start - spot.start, extent.end - spot.start
        spot.put(restyled(spot.paragraph, start, end, with_change))


def suggest_paragraph_style(edit: Edit, spot: Spot, style: Json, listed: Paths) -> None:
    """Suggest another style for a paragraph."""
    _suggest(edit, spot, _PARAGRAPH, _change("paragraphStyle", style, listed))


def suggest_bullet(edit: Edit, spots: Iterable[Spot], bullet: Json) -> None:
    """Suggest that paragraphs become list items, or no longer are any (`bullet` is empty)."""
    for spot in spots:
        _suggest(edit, spot, _BULLET, _change("bullet", bullet, [("listId",)]))


def _suggest(edit: Edit, spot: Spot, kind: str, change: Json) -> None:
    changes = (*spot.paragraph.changes, (kind, edit.suggestion, change))
    spot.put(replace(spot.paragraph, changes=changes))


def _change(kind: str, style: Json, listed: Paths) -> Json:
    """The resource of a suggested change, such as `SuggestedTextStyle`."""
    names = dict.fromkeys(path[0] for path in listed)
    state: Json = {f"{name}{_SUGGESTED}": True for name in names if name != "shading"}
    if "shading" in names:
        state[f"shading{_STATE}"] = {f"backgroundColor{_SUGGESTED}": True}
    values = {name: style[name] for name in names if name in style}
    return {kind: values, f"{kind}{_STATE}": state}


def changes_of(part: Paragraph | Piece) -> Json:
    """The fields of a resource that show the suggested changes of a style."""
    shown: Json = {}
    for kind, suggestion, change in part.changes:
        shown.setdefault(kind, {})[suggestion] = change
    return shown


def settled_piece(piece: Piece, *, accept: bool) -> Piece:
    """A piece with its suggested style, or without the suggestion."""
    style = piece.style
    for _, _, change in piece.changes if accept else ():
        style = _changed(style, change, "textStyle")
    return replace(piece, style=style, changes=())


def settled_paragraph(paragraph: Paragraph, *, accept: bool) -> Paragraph:
    """A paragraph with its suggested style and bullet, or without the suggestions."""
    style, bullet = paragraph.style, paragraph.bullet
    for kind, _, change in paragraph.changes if accept else ():
        if kind == _PARAGRAPH:
            style = _changed(style, change, "paragraphStyle")
        else:
            bullet = {"textStyle": {}, **change["bullet"]} if change["bullet"] else None
    return replace(paragraph, style=style, bullet=bullet, changes=())


def _changed(style: Json, change: Json, kind: str) -> Json:
    names = {each.removesuffix(_SUGGESTED).removesuffix(_STATE) for each in change[kind + _STATE]}
    kept: Json = {name: value for name, value in style.items() if name not in names}
    return {**kept, **change[kind]}
