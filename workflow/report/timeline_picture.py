"""The incident as a picture to scale: how it stood, its turns, when customers were written to."""

from __future__ import annotations

from datetime import datetime

from workflow.incident import clock_text, date_text, duration_text, moment_text
from workflow.report import svg
from workflow.report.facts import IncidentFacts, Milestone
from workflow.report.scale import NARROWEST_PX, Label, Scale, lay_out, scale_over

_LANE_PX = 42.0
_BAND_PX = 16.0
_NUMBER_PX = 20.0
_MOST_LANES = 12


def timeline_picture(facts: IncidentFacts) -> str:
    """The picture as SVG markup. Labels stay apart whether things are seconds or days apart."""
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
        length = duration_text((phase.end - phase.start).total_seconds())
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
