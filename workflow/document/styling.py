"""How blocks look in a doc: the requests that style paragraphs whose text is already there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

from workflow.document.blocks import Block, Kind, Span
from workflow.document.requests import (
    Request,
    create_bullets,
    delete_bullets,
    update_paragraphs,
    update_text,
)
from workflow.document.text import utf16_length

PRESETS = {
    Kind.BULLET: "BULLET_DISC_CIRCLE_SQUARE",
    Kind.NUMBER: "NUMBERED_DECIMAL_ALPHA_ROMAN",
    Kind.CHECK: "BULLET_CHECKBOX",
}

# A new paragraph copies the style of the one it was split from, so all of it is set anew.
_RESET = (
    "namedStyleType,alignment,direction,lineSpacing,spacingMode,spaceAbove,spaceBelow,"
    "indentStart,indentFirstLine,indentEnd,borderTop,borderBottom,borderLeft,borderRight,"
    "borderBetween,shading,keepWithNext,keepLinesTogether,avoidWidowAndOrphan"
)
_LINK_SCHEMES = ("http", "https", "mailto", "tel")
_GREY = {"color": {"rgbColor": {"red": 0.45, "green": 0.45, "blue": 0.45}}}
_PALE = {"color": {"rgbColor": {"red": 0.95, "green": 0.95, "blue": 0.95}}}
_STEP = 18  # points that a quotation is set in
_GAP = 8  # points between its paragraphs, as a mail shows them
# Points below other paragraphs: entries and facts are told apart, and stay together.
_BELOW = {Kind.NORMAL: 4, Kind.CODE: 8}


@dataclass(frozen=True)
class Placed:
    """A block and where its text starts, with the tabs that nest a list item still in front."""

    block: Block
    start: int

    @property
    def end(self) -> int:
        """The index of the paragraph's newline."""
        return self.start + utf16_length(raw_text(self.block))


def raw_text(block: Block) -> str:
    """What is inserted for a block: list items with a tab for each level, as Docs wants it."""
    return "\t" * block.level + block.text if block.kind.in_list else block.text


def style_paragraphs(
    tab_id: str, placed: Sequence[Placed], *, anywhere: Sequence[str] = ()
) -> Iterator[Request]:
    """Give paragraphs their look and nothing of their neighbours'; lists are made by `bullets`.

    `anywhere` names further paragraph fields to reset. The last newline is left alone: it may be
    the last of the body.
    """
    start, end = placed[0].start, placed[-1].end
    # Taking bullets away leaves an indent in their place (reference), hence before the reset.
    yield delete_bullets(tab_id, start, end)
    fields = ",".join((_RESET, *anywhere))
    yield update_paragraphs(tab_id, start, end, {"namedStyleType": "NORMAL_TEXT"}, fields)
    yield update_text(tab_id, start, end, {}, "*")
    for style, run in _runs(placed):
        yield update_paragraphs(tab_id, run[0].start, run[-1].end, style, ",".join(style))
    for one in placed:
        yield from _style_spans(tab_id, one)


def bullets(tab_id: str, placed: Sequence[Placed]) -> Iterator[tuple[int, Request]]:
    """For each list its start and request, first to last. Issue them last to first.

    Making a list removes its items' leading tabs, which shifts whatever stands behind.
    """
    for kind, members in groupby(placed, key=lambda one: one.block.kind):
        run = list(members)
        if kind.in_list:
            start, end = run[0].start, run[-1].end
            yield start, create_bullets(tab_id, start, end, PRESETS[kind])


def span_style(span: Span) -> dict[str, Any]:
    """The `TextStyle` of a span; empty for plain text."""
    style: dict[str, Any] = {}
    if span.bold:
        style["bold"] = True
    if span.italic:
        style["italic"] = True
    if span.strike:
        style["strikethrough"] = True
    if span.code:
        style["weightedFontFamily"] = {"fontFamily": "Roboto Mono", "weight": 400}
    if span.faint:
        style["foregroundColor"] = _GREY
    if is_link(span.link):
        style["link"] = {"url": span.link}
    return style


def is_link(address: str) -> bool:
    """Whether an address may be a link: the schemes that a mail keeps, and nothing odd in it."""
    try:
        scheme = urlsplit(address).scheme.lower()
    except ValueError:
        return False
    return scheme in _LINK_SCHEMES and address.isprintable() and " " not in address


def _style_spans(tab_id: str, placed: Placed) -> Iterator[Request]:
    at = placed.end - utf16_length(placed.block.text)
    for span in placed.block.spans:
        end = at + utf16_length(span.text)
        # No request ticks a box; Docs strikes through what is ticked, and so does this.
        style = span_style(replace(span, strike=span.strike or placed.block.checked))
        if style:
            yield update_text(tab_id, at, end, style, ",".join(style))
        at = end


def _runs(placed: Sequence[Placed]) -> Iterator[tuple[dict[str, Any], list[Placed]]]:
    for style, members in groupby(placed, key=lambda one: _paragraph_style(one.block)):
        if style:
            yield style, list(members)


def _paragraph_style(block: Block) -> dict[str, Any]:
    style: dict[str, Any] = {}
    if block.kind is Kind.TITLE or block.kind.heading_level:
        style["namedStyleType"] = block.kind.value.upper()
    if block.right_to_left:
        style["direction"] = "RIGHT_TO_LEFT"
    indent = _STEP * (block.quote + 2 * block.level)
    if indent and not block.kind.in_list:
        style["indentStart"] = style["indentFirstLine"] = {"magnitude": indent, "unit": "PT"}
    below = _GAP if block.quote else _BELOW.get(block.kind, 0)
    if below and not block.kind.in_list:
        style["spaceBelow"] = {"magnitude": below, "unit": "PT"}
    if block.quote:
        style["borderLeft"] = {
            "color": _GREY,
            "width": {"magnitude": 2, "unit": "PT"},
            "padding": {"magnitude": 8, "unit": "PT"},
            "dashStyle": "SOLID",
        }
    if block.kind is Kind.CODE:
        style["shading"] = {"backgroundColor": _PALE}
    return style
