"""The header lines of the doc: a label, and a value that is found again by its range."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from workflow.document.blocks import Block, Chip, Kind, Mark, NativePart, Span, as_chip
from workflow.document.edits.changes import EditDraft, SetField
from workflow.document.edits.sections import after, before
from workflow.document.edits.splice import Join, Selected, Spot, Words
from workflow.document.names import FIELD, field_name
from workflow.document.requests import NON_TEXT, clean_text, fingerprint, text_from, utf16_length
from workflow.document.view import DocView, OwnRange, Paragraph, Range
from workflow.model import Status

NOT_KNOWN = "not known yet"
"""The text of a header line without a value."""


def field_line(
    label: str,
    key: str,
    value: str,
    chip: Chip | None = None,
    parts: frozenset[NativePart] = frozenset(),
) -> Block:
    """A header line with a named range on its value; as a `chip` if `parts` allow it."""
    shown = as_chip(Span(field_value(value)), chip, parts)
    spans = (Span(f"{clean_text(label)}:", bold=True), Span(" "), shown)
    start = utf16_length(spans[0].text) + 1
    written = shown.text if shown.chip is None else NON_TEXT  # this text is read back
    mark = Mark(field_name(key, written), start, start + utf16_length(written))
    return Block(Kind.NORMAL, spans, marks=(mark,))


def field_value(value: str) -> str:
    """A value as a header line shows it."""
    return clean_text(value.strip()) or NOT_KNOWN


SEPARATOR = " · "
"""Between our value and a person's text in its place."""


@dataclass(frozen=True)
class Value:
    """A field's current value: from `start` to the end of its paragraph.

    `lead` is the space that a new value needs in front, if there is none.
    """

    paragraph: Paragraph
    start: int
    text: str
    ranges: tuple[OwnRange, ...]
    lead: str

    def ours(self, known_values: Sequence[str]) -> str | None:
        """The part of the text that this program wrote: all of it, or what precedes a person's."""
        prints = {own.name.notes[0] for own in self.ranges if own.name.notes}
        prints |= {fingerprint(field_value(value)) for value in (*known_values, NOT_KNOWN)}
        end = len(self.text)
        while end >= 0:
            if fingerprint(self.text[:end]) in prints:
                return self.text[:end]
            end = self.text.rfind(SEPARATOR, 0, end)
        return None


def set_fields(draft: EditDraft, changes: Sequence[SetField]) -> None:
    """Set each field to the last value given for it."""
    for change in {change.name: change for change in changes}.values():
        value = _find(draft.doc, change.name)
        if value is None:
            _put_back(draft, change)
        else:
            _reword(draft, change, value)


def field_shown(doc: DocView, name: str) -> str:
    """The doc's value of a field, also in a dropdown; "" if it has none."""
    value = _find(doc, name)
    if value is None:
        return ""
    chosen = next((one for one in value.paragraph.dropdowns if one.start == value.start), None)
    words = chosen.shown if chosen else value.text.partition(SEPARATOR)[0].strip()
    return "" if words == NOT_KNOWN else words


def title_shown(doc: DocView) -> str:
    """The first line in the title style; "" if the doc has none."""
    lines = (one for one in doc.in_tab(doc.tabs[0].id) if one.named_style == "TITLE")
    return next((one.text.strip() for one in lines if one.text.strip()), "")


def _reword(draft: EditDraft, change: SetField, value: Value) -> None:
    if _select_in_dropdown(draft, change, value):
        return
    new = field_value(change.value)
    old = value.ours(change.known_values)
    if old == new:
        return
    for own in value.ranges:
        draft.forget(own.range)
    tab_id, start, cell = value.paragraph.tab_id, value.start, value.paragraph.cell
    if old and not draft.may_replace(tab_id, start, start + utf16_length(old)):
        old = None
    elif old is None and value.text.strip():
        draft.say(
            f"The line “{_label(change.name)}” was edited by hand (“{value.text.strip()}”). The "
            f"new value was put before it."
        )
    spot = Spot(tab_id, start + utf16_length(old or ""), Join.INSTEAD, start, cell)
    trail = SEPARATOR if old is None and value.text.strip() else ""
    draft.add(Words(spot, new, field_name(change.name, new), value.lead, trail))


def _select_in_dropdown(draft: EditDraft, change: SetField, value: Value) -> bool:
    """Choose the status in its dropdown; False if there is none."""
    status = next((each for each in Status if each.label == change.value), None)
    dropdown = next((one for one in value.paragraph.dropdowns if one.start == value.start), None)
    if change.name != "status" or status is None or dropdown is None:
        return False
    if dropdown.shown != status.label:
        spot = Spot(
            value.paragraph.tab_id, value.start, Join.INSTEAD, value.start, value.paragraph.cell
        )
        draft.add(Selected(spot, dropdown.id, status))
    return True


def _put_back(draft: EditDraft, change: SetField) -> None:
    line = field_line(_label(change.name), change.name, change.value)
    draft.insert(_place_for_line(draft.doc), [line])
    draft.say(f"The line “{_label(change.name)}” was missing. It was added again at the top.")


def _find(doc: DocView, name: str) -> Value | None:
    """The value by its range, else by its label above the first heading."""
    ranges = doc.own_ranges(FIELD, name)
    for own in ranges:
        paragraph = doc.paragraph_of(own.range)
        if paragraph is not None:
            start = max(own.range.start, paragraph.start + _label_length(paragraph, name))
            return _value(paragraph, start, ranges)
    for paragraph in top_of(doc):
        length = _label_length(paragraph, name)
        if length:
            return _value(paragraph, paragraph.start + length, ranges)
    return None


def _label_length(paragraph: Paragraph, name: str) -> int:
    """The length of the label and the space after it; 0 for another label."""
    label = rf"\s*{re.escape(_label(name))}\s*:\s*"
    match = re.match(label, paragraph.text, re.IGNORECASE)
    return utf16_length(match[0]) if match else 0


def _value(paragraph: Paragraph, start: int, ranges: tuple[OwnRange, ...]) -> Value:
    text = text_from(paragraph.text, start - paragraph.start)
    label = paragraph.text.removesuffix(text)
    return Value(paragraph, start, text, ranges, lead=" " if label.endswith(":") else "")


def top_of(doc: DocView) -> list[Paragraph]:
    """The paragraphs before the first heading of the first tab."""
    top: list[Paragraph] = []
    for paragraph in doc.in_tab(doc.tabs[0].id):
        if paragraph.named_style.startswith("HEADING_"):
            break
        top.append(paragraph)
    return top


def _place_for_line(doc: DocView) -> Spot:
    """After the last remaining header line, else after the title, else at the very top."""
    lines = [paragraph for paragraph in map(doc.paragraph_of, _all_ranges(doc)) if paragraph]
    body = [paragraph for paragraph in lines if not paragraph.cell]
    if body:
        return after(max(body, key=lambda one: one.start))
    first = doc.in_tab(doc.tabs[0].id)[0]
    return after(first) if first.named_style == "TITLE" else before(doc, first)


def _all_ranges(doc: DocView) -> list[Range]:
    return [own.range for ranges in doc.own.get(FIELD, {}).values() for own in ranges]


def _label(name: str) -> str:
    return clean_text(name.replace("_", " ")).capitalize()
