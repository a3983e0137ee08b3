"""The header lines of the doc: a label, and a value that changes as the incident goes on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from workflow.document.changes import SetField
from workflow.document.draft import EditDraft
from workflow.document.header_line import NOT_KNOWN, field_line, field_value
from workflow.document.names import FIELD, field_name
from workflow.document.sections import after, before
from workflow.document.splice import Join, Selected, Spot, Words
from workflow.document.text import clean_text, fingerprint, text_from, utf16_length
from workflow.document.view import DocView, OwnRange, Paragraph, Range
from workflow.incident import Status

SEPARATOR = " · "
"""Between our value and what a person wrote in its place."""


@dataclass(frozen=True)
class Value:
    """A field's value as it stands: from `start` to the end of its paragraph.

    `lead` is the space that has to come in front of a new value, where none is.
    """

    paragraph: Paragraph
    start: int
    text: str
    ranges: tuple[OwnRange, ...]
    lead: str

    def ours(self, known_values: Sequence[str]) -> str | None:
        """What of the text this program wrote: all of it, or what is in front of a person's."""
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
    """What the doc shows for a field, in a dropdown too; "" where it has none or none is known."""
    value = _find(doc, name)
    if value is None:
        return ""
    chosen = next((one for one in value.paragraph.dropdowns if one.start == value.start), None)
    words = chosen.shown if chosen else value.text.partition(SEPARATOR)[0].strip()
    return "" if words == NOT_KNOWN else words


def _reword(draft: EditDraft, change: SetField, value: Value) -> None:
    if _select_in_dropdown(draft, change, value):
        return
    new = field_value(change.value)
    old = value.ours(change.known_values)
    if old == new:
        return
    for own in value.ranges:
        draft.forget(own.range)
    if old is None and value.text.strip():
        draft.say(
            f"The line “{_label(change.name)}” was changed by hand (“{value.text.strip()}”); "
            "the new value was put in front of it."
        )
    tab_id, start, cell = value.paragraph.tab_id, value.start, value.paragraph.cell
    spot = Spot(tab_id, start + utf16_length(old or ""), Join.INSTEAD, start, cell)
    trail = SEPARATOR if old is None and value.text.strip() else ""
    draft.add(Words(spot, new, field_name(change.name, new), value.lead, trail))


def _select_in_dropdown(draft: EditDraft, change: SetField, value: Value) -> bool:
    """Choose the status in the dropdown that stands for it; False where none does."""
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
    draft.say(f"The line “{_label(change.name)}” was gone; it was put back at the top.")


def _find(doc: DocView, name: str) -> Value | None:
    """The value by its range, else by the label in front of it, above the first heading."""
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
    """How much of a paragraph is the label and the space behind it; 0 where it has another."""
    label = rf"\s*{re.escape(_label(name))}\s*:\s*"
    match = re.match(label, paragraph.text, re.IGNORECASE)
    return utf16_length(match[0]) if match else 0


def _value(paragraph: Paragraph, start: int, ranges: tuple[OwnRange, ...]) -> Value:
    text = text_from(paragraph.text, start - paragraph.start)
    label = paragraph.text.removesuffix(text)
    return Value(paragraph, start, text, ranges, lead=" " if label.endswith(":") else "")


def top_of(doc: DocView) -> list[Paragraph]:
    """What comes before the first heading of the first tab."""
    top: list[Paragraph] = []
    for paragraph in doc.in_tab(doc.tabs[0].id):
        if paragraph.named_style.startswith("HEADING_"):
            break
        top.append(paragraph)
    return top


def _place_for_line(doc: DocView) -> Spot:
    """Behind the last header line that is left, else behind the title, else at the very top."""
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
