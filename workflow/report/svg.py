"""Pictures as SVG within a page, and a layout whose labels never overlap.

All text goes through the serializer, so none of it is markup. Places along the picture are percent
of its width; letters keep their size. So labels that don't overlap at the narrowest width never
overlap, and they are laid out for that width.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

from workflow.model import clock_text, date_text

NARROWEST_PX = 280.0
_LETTER_PX = 7.2  # at 13 px; a little wide, so that no font overflows
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
    """A span of time, from 0 to 100 percent."""

    start: datetime
    end: datetime

    def percent(self, at: datetime) -> float:
        """The place of an instant; one outside is at the edge."""
        share = (at - self.start) / (self.end - self.start)
        return round(100 * min(max(share, 0.0), 1.0), 3)


def scale_over(instants: Sequence[datetime], least: timedelta = timedelta(minutes=1)) -> Scale:
    """The scale from the first of these instants to the last, at least `least` long."""
    start, end = min(instants), max(instants)
    return Scale(start, max(end, start + least))


@dataclass(frozen=True)
class Label:
    """Text at a place. `lane` counts from the axis outwards.

    `shift` is how far in px it begins left of its place: 0 for a label to the right of it,
    `-width` for one to the left, between them where neither side has the room.
    """

    words: tuple[str, ...]
    percent: float
    width: float
    lane: int
    shift: float

    @property
    def is_left(self) -> bool:
        """Whether it ends at its place."""
        return self.shift <= -self.width


def lay_out(places: Sequence[tuple[float, tuple[str, ...]]]) -> list[Label]:
    """Labels, each with its text in lines, in lanes without overlaps.

    Labels to the right of their place are laid out from the last to the first, and those to the
    left from the first to the last: so no label covers a line down from another on its side.
    """
    sides = [_side(percent, words) for percent, words in places]
    rightward = [number for number, side in enumerate(sides) if not side.is_left]
    leftward = [number for number, side in enumerate(sides) if side.is_left]
    lanes: list[list[tuple[float, float]]] = []
    for number in (*reversed(rightward), *leftward):
        label = sides[number]
        at = label.percent / 100 * NARROWEST_PX
        start, end = at + label.shift, at + label.shift + label.width
        free = (lane for lane, taken in enumerate(lanes) if _is_free(taken, start, end))
        lane = next(free, len(lanes))
        if lane == len(lanes):
            lanes.append([])
        lanes[lane].append((start, end))
        sides[number] = replace(label, lane=lane)
    return sides


def _side(percent: float, words: tuple[str, ...]) -> Label:
    width = max(text_width(line) for line in words) + 2 * _GAP_PX
    at = percent / 100 * NARROWEST_PX
    if at + width <= NARROWEST_PX:
        shift = 0.0
    elif at - width >= 0:
        shift = -width
    else:
        shift = NARROWEST_PX - width - at
    return Label(words, percent, width, 0, shift)


def text_width(text: str) -> float:
    """The estimated width of a text in px at 13 px, rather too much."""
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
    """Round times along a scale, few enough that their labels never touch."""
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
    # On the local clock: a day's tick stays at midnight when the clocks change.
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


Element = ElementTree.Element


def picture(key: str, height: float, title: str, description: str) -> Element:
    """An empty picture as wide as its place. Title and description are read aloud."""
    names = f"{key}-title {key}-desc"
    root = Element(
        "svg", {"class": "picture", "role": "img", "aria-labelledby": names, "width": "100%"}
    )
    root.set("height", number(height))
    add(root, "title", title, id=f"{key}-title")
    add(root, "desc", description, id=f"{key}-desc")
    return root


def add(parent: Element, tag: str, words: str = "", **attributes: str | float) -> Element:
    """Add an element; `class_` is its class, and an underscore in a name becomes a hyphen."""
    child = ElementTree.SubElement(parent, tag)
    for name, value in attributes.items():
        shown = value if isinstance(value, str) else number(value)
        child.set(name.rstrip("_").replace("_", "-"), shown)
    child.text = _drawable(words) or None
    return child


def add_label(parent: Element, label: Label, top: float, line_height: float = 16) -> None:
    """A label on its own card, so that a line behind it does not cross the text."""
    group = add(
        parent,
        "svg",
        x=percent(label.percent),
        y=top,
        width=label.width,
        height=len(label.words) * line_height + 4,
        overflow="visible",
        class_="label",
    )
    add(
        group,
        "rect",
        x=label.shift,
        y=0,
        width=label.width,
        height=len(label.words) * line_height + 4,
        rx=4,
        class_="card",
    )
    anchor, inset = ("end", -6.0) if label.is_left else ("start", label.shift + 6.0)
    for line, words in enumerate(label.words):
        shown = "name" if line == 0 else "when"
        y = line_height * line + 14
        add(group, "text", words, x=inset, y=y, text_anchor=anchor, class_=shown)


def add_axis(parent: Element, scale: Scale, zone: ZoneInfo, top: float) -> None:
    """Round times below the axis, with a short line up to it."""
    for tick in ticks(scale, zone):
        x = percent(tick.percent)
        add(parent, "line", x1=x, x2=x, y1=top, y2=top + 5, class_="tick")
        add(parent, "text", tick.words, x=x, y=top + 19, text_anchor=tick.anchor, class_="when")


def as_markup(root: Element) -> str:
    """The picture as markup for a page."""
    return ElementTree.tostring(root, encoding="unicode")


def percent(value: float) -> str:
    """A place along the picture, in percent."""
    return f"{number(value)}%"


def number(value: float) -> str:
    """A number with no more digits than a picture shows."""
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _drawable(text: str) -> str:
    """Text without control characters that XML can't hold."""
    return "".join(letter if letter.isprintable() or letter == " " else "\ufffd" for letter in text)
