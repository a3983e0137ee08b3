"""The timeline: an entry's text, and its place among other entries and people's lines.

An entry goes directly before the first later entry (before that day's date line, if it is the first
of its day), else to the end of the section. So text that a person typed under an entry stays under
it. In a timeline that is a table, entries are rows, in the columns that its first row names.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from workflow.document.blocks import (
    Block,
    BlockKind,
    DateChip,
    Mark,
    NativePart,
    Span,
    as_chip,
    link_chip,
    person_chip,
    plain,
)
from workflow.document.edits.changes import AddEntry, EditDraft
from workflow.document.edits.splice import (
    TIMELINE,
    Join,
    NewValue,
    Place,
    Spot,
    TableRow,
    before,
    end_behind,
)
from workflow.document.requests import (
    DAY,
    ENTRY,
    NON_TEXT,
    EntryTime,
    OwnName,
    clean_text,
    day_name,
    entry_name,
    entry_time,
    inner_length,
    time_of,
)
from workflow.document.styling import is_link
from workflow.document.template import Section
from workflow.document.typed import blocks_from_typed, spans_from_typed
from workflow.document.view import DocView, Paragraph, Row, Table
from workflow.model import TimelineEntry, clock_text, date_text, moment_text
from workflow.times.reading import spoken

_TIME = re.compile(
    r"\b(?:time|when|timestamp|date|clock|zeit|uhrzeit|wann|heure|hora)\b|⏱|🕒", re.IGNORECASE
)
_BY = re.compile(r"\b(?:who|by|author|owner|person|actor|reporter|wer|qui)\b", re.IGNORECASE)
_LINK = re.compile(r"\b(?:links?|source|reference|url|evidence)\b", re.IGNORECASE)
_UTC = re.compile(r"\b(?:UTC|GMT|Z)\b")


@dataclass(frozen=True)
class TimelineTable:
    """A timeline's table, and the column of each part; -1 if it has none."""

    table: Table
    time: int
    words: int
    by: int
    link: int
    is_utc: bool

    def zone(self, zone: ZoneInfo) -> ZoneInfo:
        """The zone of its times: the incident's, unless the table says UTC."""
        return ZoneInfo("UTC") if self.is_utc else zone

    def row_of(self, paragraph: Paragraph) -> Row | None:
        """The row with a paragraph."""
        is_here = paragraph.tab_id == self.table.tab_id
        return next(
            (row for row in self.table.rows if is_here and paragraph.cell in row.cells), None
        )

    def spans(
        self, entry: TimelineEntry, *, markdown: bool, late: str
    ) -> Mapping[int, tuple[Span, ...]]:
        """The texts of an entry's columns, without its time. `late` is the mark of a late one."""
        words = spans_from_typed(entry.text) if markdown else (Span(clean_text(entry.text)),)
        cells: dict[int, list[Span]] = {self.words: list(words)}
        if entry.link:
            link = Span(clean_text(entry.link), link=entry.link)
            cells.setdefault(self.link if self.link >= 0 else self.words, []).extend(
                [link] if self.link >= 0 else [Span(" ("), link, Span(")")]
            )
        if entry.by:
            by = Span(clean_text(entry.by))
            cells.setdefault(self.by if self.by >= 0 else self.words, []).extend(
                [by] if self.by >= 0 else [Span(" — "), by]
            )
        if late:
            cells[self.words].append(Span(late, italic=True, faint=True))
        if entry.struck_at is not None:
            cells = {at: [replace(one, strike=True) for one in cell] for at, cell in cells.items()}
        return {at: tuple(cell) for at, cell in cells.items()}


def timeline_table(doc: DocView, place: Place) -> TimelineTable | None:
    """The first table in a timeline's section whose first row names a column for times."""
    end = place.stop.start if place.stop is not None else None
    for table in doc.tables:
        is_inside = (
            (table.tab_id, table.cell) == (place.heading.tab_id, place.heading.cell)
            and table.start >= place.heading.end
            and (end is None or table.start < end)
        )
        found = _columns(doc, table, place.heading.text) if is_inside else None
        if found is not None:
            return found
    return None


def entry_times(doc: DocView, given: TimelineTable) -> dict[int, EntryTime]:
    """The table's entries, by row number."""
    found: dict[int, EntryTime] = {}
    numbers = {cell: at for at, row in enumerate(given.table.rows) for cell in row.cells}
    for ranges in doc.own.get(ENTRY, {}).values():
        paragraph = doc.paragraph_of(ranges[0].range)
        time = entry_time(ranges[0].name)
        is_here = paragraph is not None and paragraph.tab_id == given.table.tab_id
        if paragraph is not None and is_here and paragraph.cell in numbers and time is not None:
            found[numbers[paragraph.cell]] = time
    return found


def add_rows(
    draft: EditDraft, given: TimelineTable, changes: Sequence[AddEntry], late: Mapping[str, str]
) -> None:
    """Put each entry into a row: before the first later one, else after the last used row.

    An empty row is filled before one is added. `late` has the marks of late entries, by their ids.
    """
    there = entry_times(draft.doc, given)
    zone = given.zone(changes[0].zone)
    everyone = [*there.values(), *(time_of(change.entry) for change in changes)]
    first_day = min(time.at for time in everyone).astimezone(zone).date()
    free = _empty_rows(draft.doc, given)
    last = max((at for at in range(len(given.table.rows)) if at not in free), default=0)
    for change in changes:
        time = time_of(change.entry)
        later = next((at for at in sorted(there) if there[at] > time), None)
        cells = dict(
            given.spans(change.entry, markdown=change.markdown, late=late.get(change.entry.id, ""))
        )
        cells[given.time] = (Span(_stamp(change.entry, zone, first_day), bold=True),)
        if later is None and last + 1 in free:
            last += 1
            free.discard(last)
            _fill(draft, given, given.table.rows[last], change.entry, cells)
            continue
        below = last if later is None else later - 1
        row = given.table.rows[below]
        spot = Spot(given.table.tab_id, row.end, Join.BEFORE, row.end, given.table.cell)
        listed = tuple(cells.get(column, ()) for column in range(len(row.cells)))
        name = entry_name(change.entry)
        draft.add(TableRow(spot, given.table.start, below, listed, name, given.time))


def _columns(doc: DocView, table: Table, heading: str) -> TimelineTable | None:
    if not table.rows:
        return None
    heads = [
        " ".join(one.text for one in doc.in_cell(table.tab_id, cell))
        for cell in table.rows[0].cells
    ]
    time = _first(heads, _TIME, ())
    by = _first(heads, _BY, (time,))
    link = _first(heads, _LINK, (time, by))
    words = next((at for at in range(len(heads)) if at not in (time, by, link)), -1)
    if time < 0 or words < 0 or any(len(row.cells) != len(heads) for row in table.rows):
        return None
    is_utc = bool(_UTC.search(heads[time]) or _UTC.search(heading))
    return TimelineTable(table, time, words, by, link, is_utc)


def _first(heads: Sequence[str], shape: re.Pattern[str], taken: Sequence[int]) -> int:
    found = (at for at, head in enumerate(heads) if at not in taken and shape.search(head))
    return next(found, -1)


def _empty_rows(doc: DocView, given: TimelineTable) -> set[int]:
    """The empty rows at the table's end."""
    empty: set[int] = set()
    for at in reversed(range(1, len(given.table.rows))):
        row = given.table.rows[at]
        cells = [doc.in_cell(given.table.tab_id, cell) for cell in row.cells]
        if any(len(cell) != 1 or cell[0].text.strip() for cell in cells):
            break
        empty.add(at)
    return empty


def _stamp(entry: TimelineEntry, zone: ZoneInfo, first_day: date) -> str:
    is_first = entry.at.astimezone(zone).date() == first_day
    return (clock_text if is_first else moment_text)(entry.at, zone)


def _fill(
    draft: EditDraft,
    given: TimelineTable,
    row: Row,
    entry: TimelineEntry,
    cells: Mapping[int, tuple[Span, ...]],
) -> None:
    for column, spans in cells.items():
        number = row.cells[column]
        start = draft.doc.in_cell(given.table.tab_id, number)[0].start
        spot = Spot(given.table.tab_id, start, Join.INSTEAD, start, number)
        name = entry_name(entry) if column == given.time else ""
        draft.add(NewValue(spot, "".join(span.text for span in spans), name, spans=spans))


# An entry is late if it was logged this long after it happened while later things were logged
# already. After half a day it is always late: nobody logged it as it happened.
_LATE_AFTER = timedelta(minutes=10)
_LATE_IN_ANY_CASE = timedelta(hours=12)

_BEGINNING = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, order=True)
class SortKey:
    """The order in a timeline: by day, the date line first, then by time, then as recorded."""

    day: date
    is_entry: bool
    time: EntryTime


@dataclass(frozen=True)
class Item:
    """An entry or a date line in the doc: its order, and its paragraph."""

    key: SortKey
    paragraph: Paragraph
    position: int


def add_entries(draft: EditDraft, changes: Sequence[AddEntry]) -> None:
    """Sort new entries into the doc's timeline."""
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
    ranged = _items(draft.doc, place, zone)
    items = _with_lines(draft.doc, place, ranged, zone)
    days = {item.key.day for item in items}
    times = [item.key.time for item in ranged if item.key.is_entry]
    times += [time_of(change.entry) for change in ordered]
    given = timeline_table(draft.doc, place) if place is not None and not items else None
    if given is not None:
        times += entry_times(draft.doc, given).values()
        late = {
            change.entry.id: late_mark(change.entry, change.zone)
            for change in ordered
            if _is_late(change.entry, times)
        }
        add_rows(draft, given, ordered, late)
        return
    for change in ordered:
        key = _key(time_of(change.entry), change.zone)
        blocks = [] if key.day in days else [_date_line(change)]
        days.add(key.day)
        blocks += entry_blocks(
            change.entry,
            change.zone,
            is_late=_is_late(change.entry, times),
            parts=draft.parts,
            markdown=change.markdown,
        )
        spot = _spot(draft, section, items, key)
        if spot is None:
            draft.append(section, blocks)
        else:
            draft.insert(spot, blocks)
    if place is None and items:
        draft.say(
            f"The heading “{section.title}” is missing. Entries were added to the existing ones."
        )


def entry_blocks(
    entry: TimelineEntry,
    zone: ZoneInfo,
    *,
    is_late: bool,
    parts: Collection[NativePart] = frozenset(),
    markdown: bool = False,
) -> list[Block]:
    """An entry: a line, and below it the lists, tables and code of its text.

    The line has the time in bold, the text, the link, the author, and whether the entry was added
    later. Time, link and author are chips if `parts` allow them.
    """
    clock = Span(clock_text(entry.at, zone), bold=True)
    stamp = as_chip(clock, DateChip(entry.at, zone), parts)
    words, below = entry_words(entry.text, markdown=markdown)
    spans = [stamp, Span("  "), *words] if words else [stamp]
    if entry.link:
        link = Span(clean_text(link_text(entry.link)), link=entry.link)
        spans += [Span(" ("), as_chip(link, link_chip(entry.link), parts), Span(")")]
    if entry.by:
        author = Span(clean_text(entry.by))
        spans += [Span(" — "), as_chip(author, person_chip(entry.by), parts)]
    if is_late:
        spans.append(Span(late_mark(entry, zone), italic=True, faint=True))
    mark = Mark(entry_name(entry), 0, inner_length(stamp.text))
    blocks = [Block(BlockKind.NORMAL, tuple(spans), marks=(mark,)), *below]
    return blocks if entry.struck_at is None else list(map(_struck, blocks))


def entry_words(text: str, *, markdown: bool) -> tuple[tuple[Span, ...], list[Block]]:
    """The text of an entry's line, and the paragraphs and tables below it."""
    if not markdown:
        return (Span(clean_text(text)),), []
    blocks = list(map(_in_timeline, blocks_from_typed(text)))
    first, others = (blocks or [plain(text)])[0], blocks[1:]
    if first.kind is BlockKind.NORMAL:
        return first.spans, others
    return (), [first, *others]


def _in_timeline(block: Block) -> Block:
    """Turn a heading into a bold line: it would split the timeline."""
    if not block.kind.heading_level:
        return block
    spans = tuple(replace(span, bold=True) for span in block.spans)
    return replace(block, kind=BlockKind.NORMAL, spans=spans)


def _struck(block: Block) -> Block:
    spans = tuple(replace(span, strike=True) for span in block.spans)
    rows = tuple(
        tuple(tuple(replace(span, strike=True) for span in cell) for cell in row)
        for row in block.rows
    )
    return replace(block, spans=spans, rows=rows)


def late_mark(entry: TimelineEntry, zone: ZoneInfo) -> str:
    """The mark of an entry that was logged well after the fact; see `_is_late`."""
    return f" (added later, {_said_at(entry, zone)})"


def entry_line(entry: TimelineEntry, zone: ZoneInfo, words: str) -> re.Pattern[str]:
    """A pattern for an entry's line with this text; other parts may be text or chips."""
    spaced = f"  (?P<words>{re.escape(words)})" if words else "(?P<words>)"
    stamp = f"(?P<stamp>{_either(clock_text(entry.at, zone))})"
    late = f"(?P<late>{re.escape(late_mark(entry, zone))})?"
    return re.compile(f"{stamp}{spaced}{_tail(entry)}{late}")


def _tail(entry: TimelineEntry) -> str:
    link = rf" \({_either(clean_text(link_text(entry.link)))}\)" if entry.link else ""
    by = f" — {_either(clean_text(entry.by))}" if entry.by else ""
    return link + by


def _either(text: str) -> str:
    return f"(?:{re.escape(text)}|{NON_TEXT})"


def link_text(address: str) -> str:
    """A short text for a link: its host. Anything else is returned unchanged."""
    return (urlsplit(address).hostname or address) if is_link(address) else address


def _date_line(change: AddEntry) -> Block:
    day = date_text(change.entry.at, change.zone)
    name = day_name(change.entry.at.astimezone(change.zone).date())
    return Block(BlockKind.NORMAL, (Span(day, bold=True),)).marked(name)


def _is_late(entry: TimelineEntry, times: Sequence[EntryTime]) -> bool:
    """Whether it was logged well after the fact, or after something later."""
    delay = entry.recorded_at - entry.at
    if delay <= _LATE_AFTER or delay > _LATE_IN_ANY_CASE:
        return delay > _LATE_AFTER
    return any(one.at > entry.at and one.recorded_at < entry.recorded_at for one in times)


def _said_at(entry: TimelineEntry, zone: ZoneInfo) -> str:
    same_day = entry.at.astimezone(zone).date() == entry.recorded_at.astimezone(zone).date()
    return (clock_text if same_day else moment_text)(entry.recorded_at, zone)


def _key(time: EntryTime, zone: ZoneInfo) -> SortKey:
    return SortKey(time.at.astimezone(zone).date(), is_entry=True, time=time)


def _items(doc: DocView, place: Place | None, zone: ZoneInfo) -> list[Item]:
    """The entries and date lines to sort among, in the order of the doc.

    They need not be under the heading: people split a timeline with headings of their own, or
    delete its heading. Those in a table are left alone.
    """
    found = sorted(_all_items(doc, zone), key=lambda one: (one.position, one.key))
    if place is not None:
        tab_id, cell = place.heading.tab_id, place.heading.cell
    else:
        tab_id, cell = next(((one.paragraph.tab_id, 0) for one in found), ("", 0))
    return [one for one in found if (one.paragraph.tab_id, one.paragraph.cell) == (tab_id, cell)]


def _with_lines(
    doc: DocView, place: Place | None, ranged: Sequence[Item], zone: ZoneInfo
) -> list[Item]:
    """The items, and the lines of that form without a range: somebody cut and pasted them.

    People also type such lines, at places of their own. So a line only counts if its time fits
    between those around it. `ranged` is in the order of the doc, and so is the answer.
    """
    heading = place.heading if place is not None else None
    positions = [one.position for one in ranged]
    found: list[Item] = []
    day: date | None = None
    for paragraph in place.lines if place is not None else ():
        if heading is None or paragraph.cell != heading.cell:
            continue
        position = doc.index_of(paragraph)
        first, after = bisect_left(positions, position), bisect_right(positions, position)
        here = list(ranged[first:after])
        key = here[-1].key if here else _key_of_line(paragraph.text, day, zone)
        if key is None:
            continue
        day = key.day
        below = ranged[after].key if after < len(ranged) else key
        if not here and (not found or found[-1].key <= key) and key <= below:
            here = [Item(key, paragraph, position)]
        found += here
    places = {one.position for one in found}
    outside = (one for one in ranged if one.position not in places)
    return sorted((*found, *outside), key=lambda one: (one.position, one.key))


_DAY_LINE = re.compile(r"\d{1,2} [A-Z][a-z]{2} \d{4}")
_ENTRY_LINE = re.compile(r"(?P<clock>(?P<h>\d{1,2}):(?P<m>\d{2}) (?P<half>[AP])M \S+)  ")


def _key_of_line(text: str, day: date | None, zone: ZoneInfo) -> SortKey | None:
    """The order of a line in the form of a date line, or of an entry below one; else None."""
    if _DAY_LINE.fullmatch(text):
        said = spoken(text)
        named = said.date if said is not None else None
        if named is None or named.year is None:
            return None
        return _day_key(f"{named.year:04}-{named.month:02}-{named.day:02}")
    found = _ENTRY_LINE.match(text)
    if found is None or day is None or int(found["m"]) > 59:
        return None
    hour = int(found["h"]) % 12 + (12 if found["half"] == "P" else 0)
    for fold in (0, 1):
        at = datetime(
            day.year, day.month, day.day, hour, int(found["m"]), tzinfo=zone, fold=fold
        ).astimezone(UTC)
        if clock_text(at, zone) == found["clock"]:
            return _key(EntryTime(at, _BEGINNING), zone)
    return None


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
    """Before the first later item, else after the last; None if there are no items."""
    if not items:
        return None
    later = next((item for item in items if item.key > key), None)
    if later is not None:
        return before(draft.doc, later.paragraph)
    place = draft.place(section)
    level = (place.heading.heading_level if place else 0) or section.level
    return end_behind(draft.doc, items[-1].paragraph, level)
