"""A line of the doc's header: a label, and a value that is found again by its range."""

from __future__ import annotations

from workflow.document.blocks import Block, Kind, Mark, Span
from workflow.document.chips import Chip, NativePart, as_chip
from workflow.document.names import field_name
from workflow.document.text import NON_TEXT, clean_text, utf16_length

NOT_KNOWN = "not known yet"
"""What a header line says until somebody gives it a value."""


def field_line(
    label: str,
    key: str,
    value: str,
    chip: Chip | None = None,
    parts: frozenset[NativePart] = frozenset(),
) -> Block:
    """A header line, its value to be found again by its range; as a `chip` if `parts` allow it."""
    shown = as_chip(Span(field_value(value)), chip, parts)
    spans = (Span(f"{clean_text(label)}:", bold=True), Span(" "), shown)
    start = utf16_length(spans[0].text) + 1
    written = shown.text if shown.chip is None else NON_TEXT  # what will be read back
    mark = Mark(field_name(key, written), start, start + utf16_length(written))
    return Block(Kind.NORMAL, spans, marks=(mark,))


def field_value(value: str) -> str:
    """A value as a header line shows it."""
    return clean_text(value.strip()) or NOT_KNOWN
