"""Where things stand in a picture that grows and shrinks with the page, and still can be read.

Places along the picture are percent of its width; letters keep their size. So what does not
overlap at the narrowest width overlaps at none, and that width is what labels are laid out for.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from workflow.incident import clock_text, date_text

NARROWEST_PX = 280.0
_LETTER_PX = 7.2  # at 13 px, a little wide so that no font overflows
_GAP_PX = 6.0
_SECONDS = (1, 2, 5, 10, 15, 30)
_MINUTES = (1, 2, 5, 10, 15, 30)
_HOURS = (1, 2, 3, 6, 12)
_DAYS = (1, 2, 7, 14, 28, 91, 182, 364, 1820, 3640)
_STEPS = (
    *(timedelta(seconds=each) for each in _SECONDS),
    *(timedelta(minutes=each) for each in _MINUTES),
    *(timedelta(hours=each) for each in _HOURS),
    *(timedelta(days=each) for each in _DAYS),
)


@dataclass(frozen=True)
class Scale:
    """A stretch of time laid out from 0 to 100 percent."""

    start: datetime
    end: datetime

    def percent(self, at: datetime) -> float:
        """Where an instant stands; what is outside stands at the edge."""
        share = (at - self.start) / (self.end - self.start)
        return round(100 * min(max(share, 0.0), 1.0), 3)


def scale_over(instants: Sequence[datetime], least: timedelta = timedelta(minutes=1)) -> Scale:
    """The scale from the first of these instants to the last, `least` at any rate."""
    start, end = min(instants), max(instants)
    return Scale(start, max(end, start + least))


@dataclass(frozen=True)
class Label:
    """Words at a place. `lane` counts from the axis outwards; `is_left` is left of its place."""

    words: tuple[str, ...]
    percent: float
    width: float
    lane: int
    is_left: bool


def lay_out(places: Sequence[tuple[float, tuple[str, ...]]]) -> list[Label]:
    """Labels, each with its words in lines, in lanes in which none touches another.

    Those on the right of their place are laid out from the last to the first, and those on its
    left from the first to the last: so no label lies over a line down from another of its side.
    """
    sides = [_side(percent, words) for percent, words in places]
    rightward = [number for number, side in enumerate(sides) if not side.is_left]
    leftward = [number for number, side in enumerate(sides) if side.is_left]
    lanes: list[list[tuple[float, float]]] = []
    for number in (*reversed(rightward), *leftward):
        label = sides[number]
        at = label.percent / 100 * NARROWEST_PX
        start, end = (at - label.width, at) if label.is_left else (at, at + label.width)
        free = (lane for lane, taken in enumerate(lanes) if _is_free(taken, start, end))
        lane = next(free, len(lanes))
        if lane == len(lanes):
            lanes.append([])
        lanes[lane].append((start, end))
        sides[number] = replace(label, lane=lane)
    return sides


def _side(percent: float, words: tuple[str, ...]) -> Label:
    width = max(text_width(line) for line in words) + 2 * _GAP_PX
    is_left = percent / 100 * NARROWEST_PX + width > NARROWEST_PX
    return Label(words, percent, width, 0, is_left)


def text_width(text: str) -> float:
    """About how many px a text takes at 13 px, rather too many."""
    return sum(
        _LETTER_PX * (1.9 if unicodedata.east_asian_width(letter) in "WF" else 1)
        for letter in text
        if not unicodedata.combining(letter)
    )


@dataclass(frozen=True)
class Tick:
    """A time on the axis. `anchor` is start, middle or end, so that it stays inside."""

    percent: float
    words: str
    anchor: str


def ticks(scale: Scale, zone: ZoneInfo) -> list[Tick]:
    """Round times along a scale, so few that their words never touch."""
    step = next(
        (each for each in _STEPS if (scale.end - scale.start) / each <= 5),
        (scale.end - scale.start) / 4,
    )
    found: list[Tick] = []
    free_from = 0.0
    for at in _round_times(scale, step, zone):
        percent = scale.percent(at)
        words = _tick_words(at, step, zone)
        width, middle = text_width(words), percent / 100 * NARROWEST_PX
        anchor, start = _anchored(middle, width)
        if start >= free_from and start + width <= NARROWEST_PX:
            found.append(Tick(percent, words, anchor))
            free_from = start + width + 2 * _GAP_PX
    return found


def _anchored(middle: float, width: float) -> tuple[str, float]:
    if middle < width / 2:
        return "start", middle
    if middle > NARROWEST_PX - width / 2:
        return "end", middle - width
    return "middle", middle - width / 2


def _round_times(scale: Scale, step: timedelta, zone: ZoneInfo) -> list[datetime]:
    """Multiples of the step counted from a local midnight."""
    local = scale.start.astimezone(zone)
    # Arithmetic on the local clock: a day's tick stays at midnight when the clocks change.
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    first = (local.replace(tzinfo=None) - midnight) // step
    found: list[datetime] = []
    for number in range(first, first + 12):
        at = (midnight + number * step).replace(tzinfo=zone)
        if scale.start <= at <= scale.end:
            found.append(at)
    return found


def _tick_words(at: datetime, step: timedelta, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    if step >= timedelta(days=1):
        return date_text(at, zone) if step > timedelta(days=300) else _short_date(at, zone)
    clock = clock_text(at, zone).rpartition(" ")[0]
    if step < timedelta(minutes=1):
        hours, _, half = clock.partition(" ")
        return f"{hours}:{local:%S} {half}"
    return _short_date(at, zone) if local.hour == local.minute == 0 else clock


def _short_date(at: datetime, zone: ZoneInfo) -> str:
    return date_text(at, zone).rpartition(" ")[0]


def _is_free(taken: Sequence[tuple[float, float]], start: float, end: float) -> bool:
    return all(end + _GAP_PX <= one or start >= other + _GAP_PX for one, other in taken)
