"""A pasted chat history, log or list of notes: an entry for each line with a time.

`workflow.paste.lines` reads each line by itself; here the lines become entries: the author (the
line above a lone time, a name in brackets), the entry's other lines, and what is left out.
Supported are

- Slack (app, browser, the older copy), Teams, Google Chat, Discord, Telegram, Zoom
- WhatsApp's exports and copies, IRC logs (irssi, weechat, HexChat, ZNC)
- lists, tables and quotes of Markdown, tables copied from a spreadsheet
- updates of status pages, with their time above or below
- log lines (syslog, journald, ISO 8601, web servers, logfmt)
- `show`, its JSON, the doc and its export in Markdown

Nothing that was matched is lost: no zone, weekday, date line or author.

A time with a date is on that day. One without is on the day of the date line above it, of `--at`,
or of the dated line of notes above or below it; and on the next day once the times jump back by
more than half a day. If nothing names a day, the last entry is the latest time that has passed, and
those before it go back from there: `11:50 PM`, `12:04 AM` are last night and this morning.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

from workflow.paste.context import GatheredEntry, Gathering, PasteUnclear, lines_of
from workflow.paste.lines import NEW, Line, LineKind, Reader, Shape
from workflow.paste.noise import is_noise
from workflow.paste.own_pages import own_entry, recorded_entries
from workflow.times.reading import placed, refuse_future, year_note
from workflow.times.spoken_time import (
    MINUTES_OF_A_DAY,
    Clock,
    DateOrder,
    Habits,
    Moment,
    Setting,
    Spoken,
    WhenUnclear,
)
from workflow.times.zones import ABBREVIATIONS, fixed_zone, names_of

_HALF_A_DAY = timedelta(hours=12)
_DAY = timedelta(days=1)
_FEWEST_NEWEST_FIRST = 3


@dataclass(frozen=True)
class Timed:
    """A time of a paste. `when` is as typed; `day_line` is the date line right above it.

    `keeps_day` marks lines of notes and logs, whose date holds for the times below. In a chat a
    time without a date is today's, unless it `follows` the message above. `may_lack_half` marks
    `8:06` among times with AM and PM. What `is_within` a message doesn't date the next one.
    """

    when: str
    said: Spoken
    line: int
    day_line: Spoken | None = None
    follows: bool = False
    keeps_day: bool = False
    may_lack_half: bool = False
    is_within: bool = False


class TimeUnclear(PasteUnclear):
    """A time of a paste that is unclear. `str()` has the line."""


@dataclass(frozen=True)
class _Frame:
    now: datetime
    zone: ZoneInfo
    habits: Habits


def moments_of(
    times: Sequence[Timed], *, now: datetime, zone: ZoneInfo, first: datetime | None, habits: Habits
) -> list[Moment]:
    """The instant of each time, in order. `first` is an instant of the first one's day.

    Raises `TimeUnclear`, also for a time in the future.
    """
    frame = _Frame(now, zone, _habits_shown(times, habits))
    times = _with_halves(times)
    _refuse_open_halves(times)
    found: list[Moment | None] = [None] * len(times)
    if _is_newest_first(times):
        _downwards(times, found, frame, first)
        return _all_past(times, found, frame)
    _forwards(times, found, frame, first)
    _backwards(times, found, frame)
    _refuse_between_dates(times, found)
    return _all_past(times, found, frame)


def _forwards(
    times: Sequence[Timed], found: list[Moment | None], frame: _Frame, first: datetime | None
) -> None:
    """Place the times that have a date, or one above them; `first` is an instant of their day."""
    anchor = first.astimezone(_zone_of(times[0].said, frame)).date() if first and times else None
    before: _Placed | None = None
    outside: tuple[date | None, _Placed | None] | None = None  # of the message around
    for at, timed in enumerate(times):
        said = timed.said
        if outside is not None and not timed.is_within:
            (anchor, before), outside = outside, None
        if timed.day_line is not None and said.clock is not None:
            anchor, before = _day(timed, timed.day_line, frame), None
        if said.has_day or said.span is not None:
            outside = outside or ((anchor, before) if timed.is_within else None)
            found[at] = moment = _placed_on_a_day(timed, said, frame, None)
            before = _Placed(timed, moment, frame)
            anchor = before.day if timed.keeps_day else None
            continue
        if anchor is None and timed.is_within and before is not None and at and found[at - 1]:
            # On the day of the message around it.
            outside = outside or (anchor, before)
            found[at] = moment = _placed_on_a_day(timed, said, frame, before.day)
            before = _Placed(timed, moment, frame)
            continue
        if anchor is None and timed.follows and before is not None and at and found[at - 1]:
            anchor = before.day
        if anchor is not None:
            moment = _near(timed, before, anchor, frame)
            if before is not None and before.moment.at - moment.at > _HALF_A_DAY:
                anchor += _DAY
                moment = _placed_on_a_day(timed, said, frame, anchor)
            found[at] = moment
            before = _Placed(timed, moment, frame)
            anchor = before.day


def _all_past(
    times: Sequence[Timed], found: Sequence[Moment | None], frame: _Frame
) -> list[Moment]:
    _refuse_open_zones(times, found, frame)
    begun = found[0].at if len(found) > 1 and found[0] else None
    begun = begun - _DAY if begun is not None and begun > frame.now else begun
    return [_past(timed, moment, frame, begun) for timed, moment in zip(times, found, strict=True)]


def _is_newest_first(times: Sequence[Timed]) -> bool:
    """Whether times without any day go back: read upwards they cover less than a day.

    The first may have a date; then they cover less than half a day. Raises `TimeUnclear` if a date
    line above the first may be the day of all.
    """
    if len(times) < _FEWEST_NEWEST_FIRST or any(
        timed.said.span or len(set(timed.said.zones)) > 1 for timed in times
    ):
        return False
    if any(timed.said.has_day or timed.day_line for timed in times[1:]):
        return False
    is_dated = times[0].said.has_day and times[0].keeps_day
    has_day = times[0].said.has_day or times[0].day_line is not None
    goes_down = _goes_down(times, MINUTES_OF_A_DAY // (2 if has_day else 1))
    if is_dated or not has_day:
        return goes_down
    if goes_down:
        _refuse_midnight(times)
    return False


def _goes_down(times: Sequence[Timed], longest: int) -> bool:
    """Whether times go back, and cover less than `longest` minutes."""
    steps = [second - first for first, second in pairwise(_minutes(times))]
    down = sum(-step % MINUTES_OF_A_DAY for step in steps)
    return 0 < down < min(longest, sum(step % MINUTES_OF_A_DAY for step in steps))


def _refuse_midnight(times: Sequence[Timed]) -> None:
    """Raise `TimeUnclear` for `23:58` below `0:10`, where one date is above both."""
    for above, timed in pairwise(times):
        first, second = above.said.clock, timed.said.clock
        if first and second and first.minute_of_day(first.half) < second.minute_of_day(second.half):
            raise TimeUnclear(
                f"Line {timed.line}: {timed.when!r} below {above.when!r} may be of the day before, "
                "because the times go back. Add its date. Nothing was recorded."
            )


def _downwards(
    times: Sequence[Timed], found: list[Moment | None], frame: _Frame, first: datetime | None
) -> None:
    """Place times of which the newest comes first; `first` is an instant of its day."""
    day = first.astimezone(_zone_of(times[0].said, frame)).date() if first else None
    above: _Placed | None = None
    for at, timed in enumerate(times):
        moment = (
            _near(timed, above, day, frame)
            if day and not timed.said.has_day
            else _placed_on_a_day(timed, timed.said, frame, None)
        )
        if above is not None and moment.at - above.moment.at > _HALF_A_DAY:
            moment = _placed_on_a_day(timed, timed.said, frame, above.day - _DAY)
        found[at], above = moment, _Placed(timed, moment, frame)
        day = above.day


@dataclass(frozen=True)
class _Placed:
    """A time that has its instant."""

    timed: Timed
    moment: Moment
    frame: _Frame

    @property
    def day(self) -> date:
        """Its date, in the zone that it names."""
        return self.moment.day or self.moment.at.astimezone(self.frame.zone).date()


def _zone_of(said: Spoken, frame: _Frame) -> tzinfo:
    """The zone in which a time is read; of an abbreviation, its first meaning."""
    name = said.zones[0] if said.zones else ""
    meanings = ABBREVIATIONS.get(name, ())
    return fixed_zone(name) or (ZoneInfo(meanings[0].key) if meanings else frame.zone)


def _near(timed: Timed, other: _Placed | None, day: date, frame: _Frame) -> Moment:
    """A time on a day; if the other time names another zone, where their days differ, close to it.

    `1:05 UTC` is on another day than the `8:05 PM EST` five minutes earlier.
    """
    if other is None or other.timed.said.zones == timed.said.zones:
        return _placed_on_a_day(timed, timed.said, frame, day)
    moments = []
    for beside in (day, day - _DAY, day + _DAY):
        # Where the clocks change, EST is in use on one of two days.
        with suppress(TimeUnclear):
            moments.append(_placed_on_a_day(timed, timed.said, frame, beside))
    nearest = min(moments, key=lambda each: abs(each.at - other.moment.at), default=None)
    if nearest is None or abs(nearest.at - other.moment.at) > _HALF_A_DAY:
        return _placed_on_a_day(timed, timed.said, frame, day)
    return nearest


def _backwards(times: Sequence[Timed], found: list[Moment | None], frame: _Frame) -> None:
    """Place the times without any day, backwards from the last of each run.

    Times above a date line are of an earlier day than the line's.
    """
    later: _Placed | None = None
    latest_day: date | None = None  # what the date line below leaves
    for at in range(len(times) - 1, -1, -1):
        timed, known = times[at], found[at]
        if known is not None and timed.is_within and timed.said.has_day:
            continue
        if known is not None:
            placed_here = _Placed(timed, known, frame)
            latest_day = placed_here.day - _DAY if timed.day_line is not None else None
            is_note = timed.keeps_day and timed.said.has_day and timed.day_line is None
            later = placed_here if is_note else None
            continue
        if later is not None and later.timed.said.has_day and timed.keeps_day:
            moment = _above_a_date(timed, later, frame)
        elif later is None or later.timed.said.has_day:
            moment = _placed_on_a_day(timed, timed.said, frame, latest_day)
        else:
            moment = _near(timed, later, later.day, frame)
            is_ahead = moment.at > frame.now + timedelta(minutes=2)
            if moment.at - later.moment.at > _HALF_A_DAY or is_ahead:
                day = _Placed(timed, moment, frame).day
                moment = _placed_on_a_day(timed, timed.said, frame, day - _DAY)
        found[at] = moment
        later = _Placed(timed, moment, frame)


def _above_a_date(timed: Timed, dated: _Placed, frame: _Frame) -> Moment:
    """A note without a date right above one with a date: not later than that.

    Raises `TimeUnclear` if only the next day, or a list with the newest first, would explain it.
    """
    moment = _near(timed, dated, dated.day, frame)
    if moment.at - dated.moment.at > _HALF_A_DAY:
        return _placed_on_a_day(timed, timed.said, frame, dated.day - _DAY)
    if moment.at > dated.moment.at:
        raise _no_date(timed, dated.timed)
    return moment


def _refuse_between_dates(times: Sequence[Timed], found: Sequence[Moment | None]) -> None:
    """Raise `TimeUnclear` for a note that is later than both dated ones around it.

    The dates may go from the newest to the oldest.
    """
    above: Moment | None = None
    for timed, moment, below in zip(times, found, _dated_below(times), strict=True):
        if timed.said.has_day or timed.said.span is not None or timed.day_line is not None:
            above = moment if timed.keeps_day and not timed.is_within else None
            continue
        last = found[below] if below is not None and not times[below].is_within else None
        if above is None or moment is None or last is None or below is None:
            continue
        if last.at < above.at and moment.at - above.at > _BACK:
            raise _no_date(timed, times[below])


def _dated_below(times: Sequence[Timed]) -> list[int | None]:
    """For each time, the place of the next one with a date."""
    found: list[int | None] = [None] * len(times)
    for at in range(len(times) - 2, -1, -1):
        found[at] = at + 1 if times[at + 1].said.has_day else found[at + 1]
    return found


def _no_date(timed: Timed, dated: Timed) -> TimeUnclear:
    return TimeUnclear(
        f"Line {timed.line}: {timed.when!r} has no date, and {dated.when!r} in line {dated.line} "
        "is earlier. Add the date. Nothing was recorded."
    )


def _with_halves(times: Sequence[Timed]) -> list[Timed]:
    """`8:06` below `8:05 PM` is PM too: the half of the day that comes next after the one above.

    In a list with the newest first, it is the half that comes next after the one below. Raises
    `TimeUnclear` if two lines alone may be such a list.
    """
    down = _with_halves_downwards(times)
    up = _with_halves_downwards(times[::-1])[::-1]
    is_over_midnight = any(second < first for first, second in pairwise(_minutes(down)))
    if up == down or not is_over_midnight or _length(down) <= _length(up[::-1]):
        return down
    if len(times) >= _FEWEST_NEWEST_FIRST and _goes_down(up, MINUTES_OF_A_DAY):
        return up
    timed = next(below for below, above in zip(down, up, strict=True) if below != above)
    raise TimeUnclear(
        f"Line {timed.line}: {timed.when!r} may be AM or PM. Write it with AM or PM. Nothing was "
        "recorded."
    )


def _with_halves_downwards(times: Sequence[Timed]) -> list[Timed]:
    """Times that only go forward, with AM or PM; those above the first one with it go back."""
    found = list(times)
    clocks = [(at, timed) for at, timed in enumerate(found) if timed.said.clock is not None]
    begin = next((at for at, (_, timed) in enumerate(clocks) if not timed.may_lack_half), 0)
    above = clocks[: begin + 1] if clocks and _has_half(clocks[begin][1]) else []
    for step, order in ((-1, above[::-1]), (1, clocks[begin:])):
        for (before, _), (at, timed) in pairwise(order):
            if timed.may_lack_half:
                (last,) = _minutes([found[before]])
                found[at] = _with_nearest_half(timed, last, step)
    return found


def _has_half(timed: Timed) -> bool:
    """Whether a time has AM or PM, and no zone that the others lack."""
    return not timed.said.zones and timed.said.clock is not None and bool(timed.said.clock.half)


def _with_nearest_half(timed: Timed, last: int, step: int) -> Timed:
    """A time in the half of the day that is next to `last`: after it, or with `step` -1 before."""
    clock = timed.said.clock
    assert clock is not None  # noqa: S101 - asked by the caller
    away = {half: step * (clock.minute_of_day(half) - last) % MINUTES_OF_A_DAY for half in "ap"}
    clock = replace(clock, half=min(away, key=lambda half: away[half]))
    return replace(timed, said=replace(timed.said, clock=clock))


def _minutes(times: Sequence[Timed]) -> list[int]:
    """The minutes of the day that times show."""
    clocks = [timed.said.clock for timed in times]
    return [clock.minute_of_day(clock.half) for clock in clocks if clock is not None]


def _length(times: Sequence[Timed]) -> int:
    """The minutes that times cover, if each is the next one after the one above."""
    steps = (second - first for first, second in pairwise(_minutes(times)))
    return sum(step % MINUTES_OF_A_DAY for step in steps)


def _refuse_open_zones(
    times: Sequence[Timed], found: Sequence[Moment | None], frame: _Frame
) -> None:
    """Raise `TimeUnclear` for `14:06` below `14:05 EST`, if it is earlier as it stands."""
    for (above, before), (timed, moment) in pairwise(zip(times, found, strict=True)):
        zones = above.said.zones
        is_said = timed.said.zones or timed.said.span or timed.said.has_day
        if before is None or moment is None or not zones or is_said:
            continue
        is_back = _BACK < before.at - moment.at < _DAY
        if not is_back or timed.day_line is not None:
            continue
        said = replace(timed.said, zones=zones)
        carried = _placed_on_a_day(timed, said, frame, _Placed(above, before, frame).day)
        if timedelta(0) <= carried.at - before.at < _HALF_A_DAY:
            raise TimeUnclear(
                f"Line {timed.line}: {timed.when!r} names no time zone, but {above.when!r} above "
                f"it does. Add {zones[0]} if it is meant, or the incident's zone. Nothing was "
                "recorded."
            )


def _has_zero(typed: str) -> bool:
    """Whether a time is written as by 24 hours: `01:05`."""
    return typed.lstrip(" [(*_`>-").startswith("0")


_BACK = timedelta(minutes=10)
_LAST_BEFORE_NOON, _FIRST_AFTER = 10, 3


def _refuse_open_halves(times: Sequence[Timed]) -> None:
    """Raise `TimeUnclear` for `1:05` below `12:15`: PM, or at night."""
    for above, timed in pairwise(times):
        first, second = above.said.clock, timed.said.clock
        is_dated = timed.said.has_day or timed.day_line is not None or timed.said.zones
        if first is None or second is None or is_dated or first.half or second.half:
            continue
        is_over = _LAST_BEFORE_NOON <= first.hour <= 12 and 1 <= second.hour <= _FIRST_AFTER
        if is_over and not _has_zero(timed.when):
            raise TimeUnclear(
                f"Line {timed.line}: {timed.when!r} below {above.when!r} may be AM or PM. Write "
                "these times with AM or PM, or like 13:05. Nothing was recorded."
            )


def _day(timed: Timed, said: Spoken, frame: _Frame) -> date:
    """The day of a date line, in the zone of the times below it."""
    # Noon is on every date's clocks; a weekday's first minute has passed, even today's.
    clock = Clock(12) if said.date is not None else Clock(0)
    moment = _placed_on_a_day(timed, replace(said, clock=clock, zones=()), frame, None)
    return _Placed(timed, moment, frame).day


def _placed_on_a_day(timed: Timed, said: Spoken, frame: _Frame, day: date | None) -> Moment:
    setting = Setting(frame.now, frame.zone, habits=frame.habits, day=day)
    try:
        return placed(timed.when, said, setting)
    except WhenUnclear as unclear:
        is_open = said.date is not None and said.date.is_open and frame.habits.order is None
        hint = " For all dates of the paste: --dates day-first or month-first." if is_open else ""
        raise TimeUnclear(f"Line {timed.line}: {unclear}{hint} Nothing was recorded.") from unclear


def _past(timed: Timed, moment: Moment | None, frame: _Frame, begun: datetime | None) -> Moment:
    """The moment with its line in its notes. Raises `TimeUnclear` for one in the future.

    `begun` is when a paste of several times may have begun.
    """
    assert moment is not None  # noqa: S101 - each was placed forwards or backwards
    has_day = timed.said.has_day or timed.day_line is not None
    try:
        refuse_future(
            timed.when,
            moment.at,
            now=frame.now,
            zone=frame.zone,
            has_day=has_day,
        )
    except WhenUnclear as unclear:
        hint = ""
        if begun is not None and not has_day:
            first = f"{begun.astimezone(frame.zone):%Y-%m-%d %H:%M}"
            hint = f' To date all lines: --at "{first}".'
        raise TimeUnclear(f"Line {timed.line}: {unclear}{hint} Nothing was recorded.") from unclear
    notes = moment.notes
    if timed.day_line is not None:
        notes += year_note(timed.day_line, moment.day, Setting(frame.now, frame.zone))
    notes = tuple(f"Line {timed.line}: {note}" for note in notes)
    return Moment(moment.at.astimezone(frame.zone), notes)


def _habits_shown(times: Sequence[Timed], habits: Habits) -> Habits:
    """The order of day and month in the paste's own dates, else the locale's."""
    dates = [said.date for timed in times for said in (timed.said, timed.day_line) if said]
    shown = {date.shows for date in dates if date is not None and date.shows}
    if len(shown) == 1:
        order = DateOrder.DAY_FIRST if shown == {"day"} else DateOrder.MONTH_FIRST
        return replace(habits, order=order)
    return habits


@dataclass(frozen=True)
class PastedEntry:
    """One entry of a paste. `line` is the number of its first line, from 1.

    `source` identifies its origin, if it can be recognized later: `entry:rr5s2fkbsm`. `is_edited`
    marks a message that its author changed later.
    """

    at: datetime
    text: str
    by: str
    line: int
    link: str = ""
    source: str = ""
    is_edited: bool = False

    @property
    def place(self) -> str:
        """Its place, for people: `Line 3`, `Message 3`."""
        return f"{'Message' if self.source.startswith('slack:') else 'Line'} {self.line}"


@dataclass(frozen=True)
class Paste:
    """An understood paste.

    `left_out` are the numbers of lines that aren't anybody's text, `timeless` of those without a
    time (under another heading), `outside` of those with a time in other sections than the
    timeline, `struck` of withdrawn entries, `unread` of lines with a time that
    was not read. `notes` say how times were understood.
    """

    entries: tuple[PastedEntry, ...] = ()
    left_out: tuple[int, ...] = ()
    timeless: tuple[int, ...] = ()
    outside: tuple[int, ...] = ()
    struck: tuple[int, ...] = ()
    unread: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def said(self) -> tuple[str, ...]:
        """Notes on the reading: how times were understood, and lines left out as noise."""
        if not self.left_out:
            return self.notes
        words = f"Left out (headings, reactions, joins and the like): {_lines(self.left_out)}."
        return (*self.notes, words)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings: lines that may be somebody's text and are in no entry."""
        found = []
        if self.timeless:
            found.append(f"Left out (no time above): {_lines(self.timeless)}.")
        if self.outside:
            found.append(f"Left out (not under the heading Timeline): {_lines(self.outside)}.")
        if self.struck:
            found.append(f"Left out (struck through): {_lines(self.struck)}.")
        if self.unread:
            where = _lines(self.unread)
            found.append(f"A time in {where} was not read; it is part of the entry's text.")
        return tuple(found)


def numbers(lines: Iterable[int]) -> str:
    """Line numbers in words: `1-3, 7`."""
    runs: list[list[int]] = []
    for number in sorted(set(lines)):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)


def _lines(found: Sequence[int]) -> str:
    return f"line {found[0]}" if len(found) == 1 else f"lines {numbers(found)}"


_NO_HABITS = Habits()


def read_paste(
    text: str,
    *,
    now: datetime,
    zone: ZoneInfo,
    first: datetime | None = None,
    habits: Habits = _NO_HABITS,
) -> Paste:
    """A paste with everything understood in it; no entries if no line has its own time.

    A line without a time belongs to the entry above it. A time of day is the last one that has
    passed; with `first`, an instant of the paste's first day, it is on that day, and on the next
    day once the times jump back by more than twelve hours. Raises `PasteUnclear` for lines above
    the first time, and for a time that can't be read or is in the future.
    """
    recorded = recorded_entries(text)
    if recorded is not None:
        return Paste(
            tuple(
                PastedEntry(
                    each.at.astimezone(zone),
                    each.entry.text,
                    each.entry.by,
                    number,
                    each.entry.link,
                    f"entry:{each.entry.id}",
                )
                for number, each in enumerate(recorded, 1)
                if not each.entry.is_struck
            ),
            struck=tuple(at for at, each in enumerate(recorded, 1) if each.entry.is_struck),
        )
    reader = Reader(habits.language, frozenset(names_of(zone, now)))
    gathering = Gathering(lines_of(text, reader, has_day=first is not None), reader)
    gathering.gather()
    return _placed(gathering, now, zone, first, habits)


def _placed(
    gathering: Gathering,
    now: datetime,
    zone: ZoneInfo,
    first: datetime | None,
    habits: Habits,
) -> Paste:
    """The entries at their times, without those that hold nobody's text."""
    timed = [_timed(part, gathering) for part in gathering.parts]
    try:
        moments = moments_of(timed, now=now, zone=zone, first=first, habits=habits)
    except TimeUnclear as unclear:
        raise PasteUnclear(str(unclear)) from unclear
    entries: list[PastedEntry] = []
    left_out, struck = list(gathering.left_out), []
    for part, moment in zip(gathering.parts, moments, strict=True):
        entry, is_struck = _entry(part, moment.at)
        if is_struck:
            struck.append(part.head.number)
        elif entry is None:
            left_out.append(part.head.number)
        else:
            entries.append(entry)
    notes = (*gathering.notes, *(note for moment in moments for note in moment.notes))
    unread = gathering.unread
    if not entries and not struck:  # a time with no words: the paste is one text
        unread = sorted({*unread, *(part.head.number for part in gathering.parts)})
    return Paste(
        tuple(entries),
        left_out=tuple(sorted(left_out)),
        timeless=tuple(gathering.timeless),
        outside=tuple(gathering.outside),
        struck=tuple(struck),
        unread=tuple(unread),
        notes=notes,
    )


def _timed(part: GatheredEntry, gathering: Gathering) -> Timed:
    head = part.head
    clock = head.said.clock
    # At the start of a line, `9h05` is no length of time.
    said = replace(head.said, clock=replace(clock, has_h=False)) if clock else head.said
    if clock == Clock(24) and not said.has_day and part.day_line is None:
        said = replace(said, clock=Clock(0))  # of the day after the one above
    return Timed(
        _typed(head),
        said,
        head.number,
        part.day_line,
        follows=part.follows,
        is_within=part.is_within,
        keeps_day=head.kind is LineKind.HEAD and head.shape in {Shape.LEADING, Shape.OWN},
        may_lack_half=not said.has_day
        and not said.zones
        and not part.is_within
        and not _has_zero(_typed(head))
        and gathering.has_halves
        and clock is not None
        and clock.may_lack_half,
    )


def _typed(head: Line) -> str:
    """The time of a head as it was typed, as closely as possible."""
    words = head.raw.strip()
    if head.text:
        words = words.partition(head.text)[0].strip(" -–—:|[]") or words
    return words[:60]


def _entry(part: GatheredEntry, at: datetime) -> tuple[PastedEntry | None, bool]:
    """The entry of a part, None if nobody said anything; and whether it was struck."""
    number = part.head.number
    if part.is_own:
        is_markdown = part.head.raw.lstrip().startswith("**")
        own = own_entry(
            part.lines,
            is_markdown=is_markdown,
            is_of_show=part.head.is_indented,
        )
        source = f"entry:{own.id}" if own.id else ""
        return PastedEntry(at, own.text, own.by, number, own.link, source), own.is_struck
    text = part.text()
    is_chats_own = (
        is_noise(text.strip())
        and text.strip() not in NEW
        and (part.is_said or bool(part.head.by) or part.head.shape is Shape.BRACKET)
    )
    if is_chats_own or (not text and (part.lines or part.has_noise or not part.head.by)):
        return None, False
    # A name without text below it was no name.
    by = part.by if text else ""
    return PastedEntry(at, text or part.by, by, number, part.head.link), False
