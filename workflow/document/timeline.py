"""The timeline: how an entry reads, and where it goes among entries and people's own lines.

An entry goes directly before the first entry that is later than it (before that day's date
line, where it opens a day), else to the end of the section. So whatever a person typed under an
entry stays with the entry it follows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from workflow.document.blocks import Block, Kind, Mark, Span
from workflow.document.changes import AddEntry
from workflow.document.chips import DateChip, NativePart, as_chip, link_chip, person_chip
from workflow.document.draft import EditDraft
from workflow.document.names import (
    DAY,
    ENTRY,
    EntryTime,
    OwnName,
    day_name,
    entry_name,
    entry_time,
    time_of,
)
from workflow.document.sections import TIMELINE, Place, before, end_behind
from workflow.document.splice import Spot
from workflow.document.styling import is_link
from workflow.document.template import Section
from workflow.document.text import clean_text, inner_length
from workflow.document.view import DocView, Paragraph
from workflow.incident import TimelineEntry, clock_text, date_text, moment_text

_LATE_AFTER = timedelta(minutes=10)

_BEGINNING = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, order=True)
class SortKey:
    """The order in a timeline: by day, the date line first, then by time, then as recorded."""

    day: date
    is_entry: bool
    time: EntryTime


@dataclass(frozen=True)
class Item:
    """An entry or a date line that the doc holds: its order, and its paragraph."""

    key: SortKey
    paragraph: Paragraph
    position: int


@dataclass(frozen=True)
class EntryInDoc:
    """An entry as it stands in the doc. `time` is None where the range's name does not tell."""

    id: str
    time: EntryTime | None
    text: str


def entries_in(doc: DocView) -> list[EntryInDoc]:
    """All entries whose ranges are left, in the order of the doc, with their whole line."""
    found: list[tuple[int, int, EntryInDoc]] = []
    order = {tab.id: number for number, tab in enumerate(doc.tabs)}
    for ranges in doc.own.get(ENTRY, {}).values():
        own = ranges[0]
        paragraph = doc.paragraph_of(own.range)
        if paragraph is not None:
            entry = EntryInDoc(own.name.key, entry_time(own.name), paragraph.text)
            found.append((order[own.range.tab_id], own.range.start, entry))
    return [entry for _, _, entry in sorted(found, key=lambda one: one[:2])]


def add_entries(draft: EditDraft, changes: Sequence[AddEntry]) -> None:
    """Sort the entries that the doc does not hold yet into its timeline."""
    there = draft.doc.own.get(ENTRY, {})
    draft.already_there.update(change.entry.id for change in changes if change.entry.id in there)
    fresh = {change.entry.id: change for change in changes if change.entry.id not in there}
    if not fresh:
        return
    draft.added_entries.update(fresh)
    ordered = sorted(fresh.values(), key=lambda change: time_of(change.entry))
    section = draft.section_of(TIMELINE)
    place = draft.place(section)
    zone = ordered[0].zone
    items = _items(draft.doc, place, zone)
    days = {item.key.day for item in items}
    times = [item.key.time for item in items if item.key.is_entry]
    times += [time_of(change.entry) for change in ordered]
    for change in ordered:
        key = _key(time_of(change.entry), change.zone)
        blocks = [] if key.day in days else [_date_line(change)]
        days.add(key.day)
        blocks.append(
            entry_block(
                change.entry,
                change.zone,
                is_late=_is_late(change.entry, times),
                parts=draft.parts,
            )
        )
        spot = _spot(draft, section, items, key)
        if spot is None:
            draft.append(section, blocks)
        else:
            draft.insert(spot, blocks)
    if place is None and items:
        draft.say(f"The heading “{section.title}” is gone; entries were put with those there.")


def entry_block(
    entry: TimelineEntry,
    zone: ZoneInfo,
    *,
    is_late: bool,
    parts: Collection[NativePart] = frozenset(),
) -> Block:
    """An entry as one line: bold time, text, link, author, and whether it was added later.

    Time, link and author are chips where `parts` allow them.
    """
    clock = Span(clock_text(entry.at, zone), bold=True)
    stamp = as_chip(clock, DateChip(entry.at, zone), parts)
    spans = [stamp, Span(f"  {clean_text(entry.text)}")]
    if entry.link:
        link = Span(clean_text(link_text(entry.link)), link=entry.link)
        spans += [Span(" ("), as_chip(link, link_chip(entry.link), parts), Span(")")]
    if entry.by:
        author = Span(clean_text(entry.by))
        spans += [Span(" — "), as_chip(author, person_chip(entry.by), parts)]
    if is_late:
        spans.append(Span(late_mark(entry, zone), italic=True, faint=True))
    if entry.struck_at is not None:
        spans = [replace(span, strike=True) for span in spans]
    mark = Mark(entry_name(entry), 0, inner_length(stamp.text))
    return Block(Kind.NORMAL, tuple(spans), marks=(mark,))


def late_mark(entry: TimelineEntry, zone: ZoneInfo) -> str:
    """What stands behind an entry that was said when later things had been said already."""
    return f" (added later, {_said_at(entry, zone)})"


def link_text(address: str) -> str:
    """Where a link goes, short enough for a line: its host. The whole of what is no link."""
    return (urlsplit(address).hostname or address) if is_link(address) else address


def _date_line(change: AddEntry) -> Block:
    day = date_text(change.entry.at, change.zone)
    name = day_name(change.entry.at.astimezone(change.zone).date())
    return Block(Kind.NORMAL, (Span(day, bold=True),)).marked(name)


def _is_late(entry: TimelineEntry, times: Sequence[EntryTime]) -> bool:
    """Whether something later was already said when this was."""
    if entry.recorded_at - entry.at <= _LATE_AFTER:
        return False
    return any(one.at > entry.at and one.recorded_at < entry.recorded_at for one in times)


def _said_at(entry: TimelineEntry, zone: ZoneInfo) -> str:
    same_day = entry.at.astimezone(zone).date() == entry.recorded_at.astimezone(zone).date()
    return (clock_text if same_day else moment_text)(entry.recorded_at, zone)


def _key(time: EntryTime, zone: ZoneInfo) -> SortKey:
    return SortKey(time.at.astimezone(zone).date(), is_entry=True, time=time)


def _items(doc: DocView, place: Place | None, zone: ZoneInfo) -> list[Item]:
    """The entries and date lines to sort among, in the order of the doc.

    They need not be under the heading: people part a timeline with headings of their own, or take
    its heading away. Those that came into a table are left to whoever made it.
    """
    found = sorted(_all_items(doc, zone), key=lambda one: (one.position, one.key))
    if place is not None:
        tab_id, cell = place.heading.tab_id, place.heading.cell
    else:
        tab_id, cell = next(((one.paragraph.tab_id, 0) for one in found), ("", 0))
    return [one for one in found if (one.paragraph.tab_id, one.paragraph.cell) == (tab_id, cell)]


def _all_items(doc: DocView, zone: ZoneInfo) -> Iterator[Item]:
    for kind in (DAY, ENTRY):
        for own in (ranges[0] for ranges in doc.own.get(kind, {}).values()):
            key = _day_key(own.name.key) if kind == DAY else _entry_key(own.name, zone)
            position = doc.position_of(own.range)
            if key is not None and position is not None:
                yield Item(key, doc.in_tab(own.range.tab_id)[position], position)


def _day_key(day: str) -> SortKey | None:
    try:
        first = EntryTime(_BEGINNING, _BEGINNING)
        return SortKey(date.fromisoformat(day), is_entry=False, time=first)
    except ValueError:
        return None


def _entry_key(name: OwnName, zone: ZoneInfo) -> SortKey | None:
    time = entry_time(name)
    return None if time is None else _key(time, zone)


def _spot(draft: EditDraft, section: Section, items: Sequence[Item], key: SortKey) -> Spot | None:
    """Before the first item that is later, else behind the last; None where there are no items."""
    if not items:
        return None
    later = next((item for item in items if item.key > key), None)
    if later is not None:
        return before(draft.doc, later.paragraph)
    place = draft.place(section)
    level = (place.heading.heading_level if place else 0) or section.level
    return end_behind(draft.doc, items[-1].paragraph, level)
