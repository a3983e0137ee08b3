"""The report as one HTML file: styles and pictures inside, nothing to fetch, no script.

The timeline picture shows statuses, milestones and notices to scale. The deliveries picture shows
how many mails had been accepted by when, a line for each notice. The months picture counts the
incidents of each month, a row for each, so that it fits a phone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from statistics import median
from zoneinfo import ZoneInfo

import jinja2
from markupsafe import Markup

from workflow.model import between_text, clock_text, date_text, duration_text, moment_text
from workflow.report import svg
from workflow.report.facts import (
    IncidentFacts,
    IncidentRow,
    LedgerFacts,
    Milestone,
    NoticeFacts,
    Step,
    shared_causes,
)
from workflow.report.svg import NARROWEST_PX, Label, Scale, lay_out, scale_over

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
    root = svg.picture(
        "timeline",
        axis + _BAND_PX + 30 + depth,
        f"Timeline of {facts.incident.title}",
        _spoken(facts, known),
    )
    _draw_phases(root, facts, scale, axis)
    for label in labels:
        x = svg.percent(label.percent)
        svg.add(root, "line", x1=x, x2=x, y1=_top(label, axis), y2=axis + _BAND_PX, class_="pole")
    for label in labels:
        svg.add_label(root, label, _top(label, axis))
    for entry in facts.entries:
        if entry.struck_at is None:
            x = svg.percent(scale.percent(entry.at))
            svg.add(root, "circle", cx=x, cy=axis + _BAND_PX / 2, r=3, class_="entry")
    svg.add_axis(root, scale, facts.zone, axis + _BAND_PX)
    for place, number, lane in lanes:
        top = axis + _BAND_PX + 30 + _NUMBER_PX * lane
        _draw_number(root, place, number, top)
    return svg.as_markup(root)


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


def _draw_phases(root: svg.Element, facts: IncidentFacts, scale: Scale, axis: float) -> None:
    svg.add(root, "rect", x="0", y=axis, width="100%", height=_BAND_PX, class_="band")
    for phase in facts.phases:
        start, end = scale.percent(phase.start), scale.percent(phase.end)
        bar = svg.add(
            root,
            "rect",
            x=svg.percent(start),
            y=axis,
            width=svg.percent(max(end - start, 0.2)),
            height=_BAND_PX,
            class_=f"phase {phase.status.value}",
        )
        length = between_text(phase.start, phase.end)
        svg.add(bar, "title", f"{phase.status.label}: {length}")


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


def _draw_number(root: svg.Element, place: float, number: int, top: float) -> None:
    """A notice's number in a square that stays inside the picture."""
    is_late = place / 100 * NARROWEST_PX > NARROWEST_PX - _NUMBER_PX
    left = -18.0 if is_late else 0.0
    group = svg.add(
        root, "svg", x=svg.percent(place), y=top, width=18, height=18, overflow="visible"
    )
    svg.add(group, "rect", x=left, y=0, width=18, height=18, rx=4, class_="notice")
    svg.add(group, "text", str(number), x=left + 9, y=13, text_anchor="middle", class_="number")


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
    root = svg.picture(
        "deliveries",
        top + _PLOT_PX + 26,
        "Mails accepted over time",
        _spoken_deliveries(drawn, zone),
    )
    bottom = top + _PLOT_PX
    for share in (0.0, 0.5, 1.0):
        y = bottom - _PLOT_PX * share
        svg.add(root, "line", x1="0", x2="100%", y1=y, y2=y, class_="grid")
    plot = svg.add(
        root,
        "svg",
        x=0,
        y=top,
        width="100%",
        height=_PLOT_PX,
        viewBox=f"0 0 {svg.number(_UNITS)} {svg.number(_PLOT_PX)}",
        preserveAspectRatio="none",
        overflow="visible",
    )
    for notice in drawn:
        svg.add(
            plot,
            "path",
            d=_line(notice.steps, scale, most),
            vector_effect="non-scaling-stroke",
            class_=f"series c{notice.number % _COLOURS}",
        )
    for notice, label in zip(drawn, labels, strict=True):
        x = svg.percent(label.percent)
        reached = bottom - _PLOT_PX * notice.steps[-1].count / most
        label_top = top - _NOTICE_LANE_PX * (label.lane + 1)
        svg.add(root, "line", x1=x, x2=x, y1=label_top, y2=reached, class_="pole")
        svg.add_label(root, label, label_top)
    svg.add_axis(root, scale, zone, bottom)
    return svg.as_markup(root)


def _line(steps: Sequence[Step], scale: Scale, most: int) -> str:
    """A line that rises where mails were accepted, and is level in between."""
    at = scale.percent(steps[0].at) * _UNITS / 100
    parts = [f"M{svg.number(at)} {svg.number(_PLOT_PX)}"]
    for step in steps:
        at = scale.percent(step.at) * _UNITS / 100
        height = _PLOT_PX * (1 - step.count / most)
        parts.append(f"H{svg.number(at)}V{svg.number(height)}")
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
    most = max(counts.values())
    told = ", ".join(f"{_name(month, zone)}: {counts[month]}" for month in months if counts[month])
    root = svg.picture("months", _ROW_PX * len(months) + 4, "Incidents by month", told)
    for line, month in enumerate(reversed(months)):
        middle = _ROW_PX * line + _ROW_PX / 2
        svg.add(root, "text", _name(month, zone), x=0, y=middle + 4, class_="when")
        width = 58 * counts[month] / most
        svg.add(
            root,
            "rect",
            x="30%",
            y=middle - 8,
            width=svg.percent(width),
            height=16,
            rx=3,
            class_="bar",
        )
        count = str(counts[month])
        svg.add(root, "text", count, x=svg.percent(31.5 + width), y=middle + 4, class_="name")
    return svg.as_markup(root)


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
