"""Corrections of timeline entries: other words for one, or a line through it.

Our own words are replaced only where they stand to the letter as this program wrote them. Where a
person has changed the line, theirs stays and the correction is put beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from workflow.document.changes import RewordEntry, StrikeEntry
from workflow.document.draft import EditDraft
from workflow.document.names import CORRECTION, ENTRY, correction_name
from workflow.document.splice import Join, Spot, Struck, Words
from workflow.document.text import NON_TEXT, clean_text, utf16_length
from workflow.document.timeline import late_mark, link_text
from workflow.document.view import Paragraph, Range
from workflow.incident import TimelineEntry, clock_text, moment_text

Correction = RewordEntry | StrikeEntry


def correct_entries(draft: EditDraft, changes: Sequence[Correction]) -> None:
    """Bring each entry's last wording and its line through it into the doc, once.

    An entry that comes into the doc with the same batch has them already.
    """
    made = draft.doc.own.get(CORRECTION, {})
    draft.already_there.update(change.id for change in changes if change.id in made)
    grown: dict[str, int] = {}
    for kind in (RewordEntry, StrikeEntry):
        last = {change.entry.id: change for change in changes if isinstance(change, kind)}
        for change in last.values():
            found = _stamp_and_line(draft, change)
            if change.id in made or found is None:
                continue
            stamp, line = found
            draft.name(replace(stamp, name=correction_name(change.id)))
            if isinstance(change, RewordEntry):
                grown[change.entry.id] = _reword(draft, change, line)
            else:
                _strike(draft, change, line, grown.get(change.entry.id, 0))


def _stamp_and_line(draft: EditDraft, change: Correction) -> tuple[Range, Paragraph] | None:
    """The entry's time and its line in the doc as it was read."""
    for own in draft.doc.own_ranges(ENTRY, change.entry.id):
        line = draft.doc.paragraph_of(own.range)
        if line is not None:
            return own.range, line
    if change.entry.id not in draft.added_entries:
        at = moment_text(change.entry.at, change.zone)
        draft.say(f"The entry of {at} is no longer in the doc; its correction is recorded.")
    return None


def _reword(draft: EditDraft, change: RewordEntry, line: Paragraph) -> int:
    """Put the new words in the place of ours; by how many code units those grow."""
    new = clean_text(change.entry.text)
    if _shape(change, [change.entry.text]).fullmatch(line.text):
        return 0
    found = _shape(change, change.earlier).fullmatch(line.text)
    if found is None:
        spot = Spot(line.tab_id, line.end - 1, Join.INSTEAD, line.end - 1, line.cell)
        draft.add(Words(spot, new, lead=" (corrected: ", trail=")"))
        draft.say(
            f"The entry of {moment_text(change.entry.at, change.zone)} was changed by hand; "
            "the correction was put beside it."
        )
        return 0
    start, end = (line.start + utf16_length(line.text[:at]) for at in found.span("words"))
    words = Words(Spot(line.tab_id, end, Join.INSTEAD, start, line.cell), new)
    draft.add(words)
    return words.growth


def _strike(draft: EditDraft, change: StrikeEntry, line: Paragraph, grown: int) -> None:
    """Strike what is ours at the line's start; all of a line that a person has made their own."""
    shape = _shape(change, (change.entry.text, *change.earlier))
    found = shape.fullmatch(line.text) or shape.match(line.text)
    length = utf16_length(found[0] if found else line.text)
    spot = Spot(line.tab_id, line.start, Join.INSTEAD, line.start, line.cell)
    draft.add(Struck(spot, line.start + length + grown))


def _shape(change: Correction, wordings: Iterable[str]) -> re.Pattern[str]:
    """An entry's line with one of these wordings, each part as text or as a chip."""
    entry, zone = change.entry, change.zone
    words = sorted({clean_text(text) for text in wordings}, key=len, reverse=True)
    shape = f"{_either(clock_text(entry.at, zone))}  (?P<words>{'|'.join(map(re.escape, words))})"
    return re.compile(f"{shape}{_tail(entry)}(?:{re.escape(late_mark(entry, zone))})?")


def _tail(entry: TimelineEntry) -> str:
    link = rf" \({_either(clean_text(link_text(entry.link)))}\)" if entry.link else ""
    by = f" — {_either(clean_text(entry.by))}" if entry.by else ""
    return link + by


def _either(text: str) -> str:
    return f"(?:{re.escape(text)}|{NON_TEXT})"
