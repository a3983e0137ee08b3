"""The report as one HTML file: styles and pictures inside, nothing to fetch, no script.

All text goes through the serializer, so none of it is markup. Places along the picture are percent
of its width; letters keep their size. So labels that don't overlap at the narrowest width never
overlap, and they are laid out for that width.

The timeline picture shows statuses, milestones and notices to scale. The deliveries picture shows
how many mails had been accepted by when, a line for each notice. The months picture counts the
incidents of each month, a row for each, so that it fits a phone.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache, partial
from itertools import dropwhile
from pathlib import Path
from statistics import median
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import jinja2
from markupsafe import Markup

from workflow.model import between_text, clock_text, date_text, duration_text, moment_text
from workflow.report.facts import (
    AcceptedCount,
    IncidentFacts,
    IncidentRow,
    LedgerFacts,
    Milestone,
    NoticeFacts,
    shared_causes,
)

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


_LANE_PX = 42.0
_BAND_PX = 16.0
_NUMBER_PX = 20.0
_MOST_LANES = 12


def timeline_picture(facts: IncidentFacts) -> str:
    """The picture as SVG markup. Labels never overlap, whether seconds or days apart."""
    known = sorted((each for each in facts.milestones if each.at is not None), key=_at)
    instants = [_at(each) for each in known]
    instants += [entry.at for entry in facts.entries if entry.struck_at is None]
    instants += [notice.said_at for notice in facts.notices if notice.counts.sent]
    scale = scale_over(instants)
    labels = lay_out([(scale.percent(_at(each)), _words(facts, each)) for each in known])
    axis = 8 + _LANE_PX * (1 + max((label.lane for label in labels), default=0))
    lanes = _notice_lanes(facts, scale)
    depth = _NUMBER_PX * (1 + max((lane for _, _, lane in lanes), default=-1))
    root = picture(
        "timeline",
        axis + _BAND_PX + 30 + depth,
        f"Timeline of {facts.incident.title}",
        _spoken(facts, known),
    )
    _draw_phases(root, facts, scale, axis)
    for label in labels:
        x = percent(label.percent)
        add(root, "line", x1=x, x2=x, y1=_top(label, axis), y2=axis + _BAND_PX, class_="pole")
    for label in labels:
        add_label(root, label, _top(label, axis))
    for entry in facts.entries:
        if entry.struck_at is None:
            x = percent(scale.percent(entry.at))
            add(root, "circle", cx=x, cy=axis + _BAND_PX / 2, r=3, class_="entry")
    add_axis(root, scale, facts.zone, axis + _BAND_PX)
    for place, number, lane in lanes:
        top = axis + _BAND_PX + 30 + _NUMBER_PX * lane
        _draw_number(root, place, number, top)
    return as_markup(root)


def _at(milestone: Milestone) -> datetime:
    assert milestone.at is not None  # noqa: S101 - only known ones are drawn
    return milestone.at


def _top(label: Label, axis: float) -> float:
    return axis - _LANE_PX * (label.lane + 1)


def _words(facts: IncidentFacts, milestone: Milestone) -> tuple[str, str]:
    at, begun = _at(milestone), facts.incident.started_at
    same_day = date_text(at, facts.zone) == date_text(begun, facts.zone)
    clock = clock_text(at, facts.zone).rpartition(" ")[0]
    day = "" if same_day else f"{date_text(at, facts.zone).rpartition(' ')[0]}, "
    return milestone.label, f"{day}{clock}"


def _draw_phases(root: Element, facts: IncidentFacts, scale: Scale, axis: float) -> None:
    add(root, "rect", x="0", y=axis, width="100%", height=_BAND_PX, class_="band")
    for phase in facts.phases:
        start, end = scale.percent(phase.start), scale.percent(phase.end)
        bar = add(
            root,
            "rect",
            x=percent(start),
            y=axis,
            width=percent(max(end - start, 0.2)),
            height=_BAND_PX,
            class_=f"phase {phase.status.value}",
        )
        length = between_text(phase.start, phase.end)
        add(bar, "title", f"{phase.status.label}: {length}")


def _notice_lanes(facts: IncidentFacts, scale: Scale) -> list[tuple[float, int, int]]:
    """Place, number and lane of each notice that reached somebody."""
    free_from: list[float] = []
    found: list[tuple[float, int, int]] = []
    for notice in facts.notices:
        if not notice.counts.sent:
            continue
        place = scale.percent(notice.said_at)
        at = place / 100 * NARROWEST_PX
        free = (lane for lane, taken in enumerate(free_from) if taken <= at)
        lane = min(next(free, len(free_from)), _MOST_LANES)
        if lane >= len(free_from):
            free_from.append(0.0)
        free_from[lane] = at + _NUMBER_PX + 2
        found.append((place, notice.number, lane))
    return found


def _draw_number(root: Element, place: float, number: int, top: float) -> None:
    """A notice's number in a square that stays inside the picture."""
    is_late = place / 100 * NARROWEST_PX > NARROWEST_PX - _NUMBER_PX
    left = -18.0 if is_late else 0.0
    group = add(root, "svg", x=percent(place), y=top, width=18, height=18, overflow="visible")
    add(group, "rect", x=left, y=0, width=18, height=18, rx=4, class_="notice")
    add(group, "text", str(number), x=left + 9, y=13, text_anchor="middle", class_="number")


def _spoken(facts: IncidentFacts, known: list[Milestone]) -> str:
    turns = [f"{each.label} {moment_text(_at(each), facts.zone)}" for each in known]
    unknown = [each.label for each in facts.milestones if each.at is None]
    missing = f" Not known: {', '.join(unknown)}." if unknown else ""
    return f"{'; '.join(turns)}.{missing} The table below says the same."


_PLOT_PX = 120.0
_NOTICE_LANE_PX = 26.0
_COLOURS = 6
_UNITS = 1000.0  # of the plot's own coordinates, which are stretched to the page


def deliveries_picture(notices: Sequence[NoticeFacts], zone: ZoneInfo) -> str:
    """The picture as SVG markup; "" if no mail was accepted."""
    drawn = [notice for notice in notices if notice.steps]
    if not drawn:
        return ""
    scale = scale_over(
        [step.at for notice in drawn for step in notice.steps], least=timedelta(seconds=1)
    )
    most = max(notice.steps[-1].count for notice in drawn)
    labels = lay_out(
        [(scale.percent(each.steps[-1].at), (f"{each.number}: {each.steps[-1].count:,}",))
         for each in drawn]
    )  # fmt: skip
    top = 4 + _NOTICE_LANE_PX * (1 + max(label.lane for label in labels))
    root = picture(
        "deliveries",
        top + _PLOT_PX + 26,
        "Mails accepted over time",
        _spoken_deliveries(drawn, zone),
    )
    bottom = top + _PLOT_PX
    for share in (0.0, 0.5, 1.0):
        y = bottom - _PLOT_PX * share
        add(root, "line", x1="0", x2="100%", y1=y, y2=y, class_="grid")
    plot = add(
        root,
        "svg",
        x=0,
        y=top,
        width="100%",
        height=_PLOT_PX,
        viewBox=f"0 0 {number(_UNITS)} {number(_PLOT_PX)}",
        preserveAspectRatio="none",
        overflow="visible",
    )
    for notice in drawn:
        add(
            plot,
            "path",
            d=_line(notice.steps, scale, most),
            vector_effect="non-scaling-stroke",
            class_=f"series c{notice.number % _COLOURS}",
        )
    for notice, label in zip(drawn, labels, strict=True):
        x = percent(label.percent)
        reached = bottom - _PLOT_PX * notice.steps[-1].count / most
        label_top = top - _NOTICE_LANE_PX * (label.lane + 1)
        add(root, "line", x1=x, x2=x, y1=label_top, y2=reached, class_="pole")
        add_label(root, label, label_top)
    add_axis(root, scale, zone, bottom)
    return as_markup(root)


def _line(steps: Sequence[AcceptedCount], scale: Scale, most: int) -> str:
    """A line that rises where mails were accepted, and is level in between."""
    at = scale.percent(steps[0].at) * _UNITS / 100
    parts = [f"M{number(at)} {number(_PLOT_PX)}"]
    for step in steps:
        at = scale.percent(step.at) * _UNITS / 100
        height = _PLOT_PX * (1 - step.count / most)
        parts.append(f"H{number(at)}V{number(height)}")
    return "".join(parts)


def _spoken_deliveries(notices: Sequence[NoticeFacts], zone: ZoneInfo) -> str:
    told = [
        f"Notice {each.number}, {each.stage}: {each.steps[-1].count:,} accepted from "
        f"{moment_text(each.steps[0].at, zone)} to {moment_text(each.steps[-1].at, zone)}"
        for each in notices
    ]
    return f"{'; '.join(told)}. The table below has the counts."


MOST_MONTHS = 24
_ROW_PX = 26.0


def months_picture(rows: Sequence[IncidentRow], zone: ZoneInfo) -> str:
    """The picture as SVG markup, of the last months with an incident; "" for no incident."""
    if not rows:
        return ""
    counts = Counter(_month(row, zone) for row in rows)
    months = _every_month(min(counts), max(counts))[-MOST_MONTHS:]
    months = list(dropwhile(lambda month: not counts[month], months))
    most = max(counts.values())
    told = ", ".join(f"{_name(month, zone)}: {counts[month]}" for month in months if counts[month])
    root = picture("months", _ROW_PX * len(months) + 4, "Incidents by month", told)
    for line, month in enumerate(reversed(months)):
        middle = _ROW_PX * line + _ROW_PX / 2
        add(root, "text", _name(month, zone), x=0, y=middle + 4, class_="when")
        width = 58 * counts[month] / most
        add(
            root,
            "rect",
            x="30%",
            y=middle - 8,
            width=percent(width),
            height=16,
            rx=3,
            class_="bar",
        )
        count = str(counts[month])
        add(root, "text", count, x=percent(31.5 + width), y=middle + 4, class_="name")
    return as_markup(root)


def _month(row: IncidentRow, zone: ZoneInfo) -> date:
    local = row.started_at.astimezone(zone)
    return date(local.year, local.month, 1)


def _name(month: date, zone: ZoneInfo) -> str:
    noon = datetime(month.year, month.month, 1, 12, tzinfo=zone)
    return date_text(noon, zone).partition(" ")[2]


def _every_month(first: date, last: date) -> list[date]:
    found = [first]
    while found[-1] < last:
        year, month = divmod(found[-1].month, 12)
        found.append(date(found[-1].year + year, month + 1, 1))
    return found


_PAGES = Path(__file__).parent / "pages"


def incident_page(facts: IncidentFacts) -> str:
    """The report of one incident. All text from people is escaped."""
    return (
        _environment()
        .get_template("incident.html")
        .render(
            facts=facts,
            incident=facts.incident,
            timeline=Markup(timeline_picture(facts)),  # noqa: S704 - made by the serializer
            deliveries=Markup(deliveries_picture(facts.notices, facts.zone)),  # noqa: S704 - as above
            totals=_totals(facts),
            moment=partial(_moment, zone=facts.zone),
            after=partial(_after, facts.incident.started_at),
            length=lambda phase: between_text(phase.start, phase.end),
            css=_css(),
        )
    )


def ledger_page(facts: LedgerFacts) -> str:
    """The report over all incidents of a ledger."""
    known_words = [
        row.first_word_seconds for row in facts.rows if row.first_word_seconds is not None
    ]
    known_lengths = [row.duration_seconds for row in facts.rows if row.duration_seconds is not None]
    return (
        _environment()
        .get_template("ledger.html")
        .render(
            facts=facts,
            months=Markup(months_picture(facts.rows, facts.zone)),  # noqa: S704 - as above
            most_months=MOST_MONTHS,
            first_word=_middle(known_words),
            known_words=len(known_words),
            duration=_middle(known_lengths) if known_lengths or not facts.rows else "not yet",
            known_lengths=len(known_lengths),
            kept=sum(row.promises_kept for row in facts.rows),
            due=sum(row.promises_due for row in facts.rows),
            severities=Counter(row.severity or "none given" for row in facts.rows).most_common(),
            causes=shared_causes(facts.rows),
            overdue=sum(row.overdue_actions for row in facts.rows),
            actions=[(row, text) for row in facts.rows for text in row.open_actions or ()],
            moment=partial(_moment, zone=facts.zone),
            length=_length,
            css=_css(),
        )
    )


def _totals(facts: IncidentFacts) -> dict[str, int]:
    counts = [notice.counts for notice in facts.notices]
    return {
        "sent": sum(each.sent for each in counts),
        "failed": sum(each.failed for each in counts),
        "unknown": sum(each.unknown for each in counts),
        "pending": sum(each.pending for each in counts),
        "bounced": sum(notice.bounced for notice in facts.notices),
        "replies": sum(notice.replies for notice in facts.notices),
    }


def _middle(values: Iterable[float]) -> str:
    """The median in words: one very long incident does not move it."""
    listed = list(values)
    return _length(median(listed)) if listed else "not known"


def _length(seconds: float | None) -> str:
    return "not known" if seconds is None else duration_text(max(seconds, 0.0))


def _moment(at: datetime, zone: ZoneInfo) -> str:
    return moment_text(at, zone)


def _after(begun: datetime, at: datetime) -> str:
    if at == begun:
        return "–"
    return between_text(begun, at) if at > begun else f"{between_text(at, begun)} before"


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_PAGES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _css() -> Markup:
    return Markup((_PAGES / "report.css").read_text(encoding="utf-8"))  # noqa: S704 - our own
