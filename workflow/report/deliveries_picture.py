"""How many mails had been accepted by when, each notice a line of its own, to scale."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from workflow.incident import moment_text
from workflow.report import svg
from workflow.report.facts import NoticeFacts, Step
from workflow.report.scale import Scale, lay_out, scale_over

_PLOT_PX = 120.0
_LANE_PX = 26.0
_COLOURS = 6
_UNITS = 1000.0  # of the plot's own coordinates, which are stretched to the page


def deliveries_picture(notices: Sequence[NoticeFacts], zone: ZoneInfo) -> str:
    """The picture as SVG markup; "" where no mail was accepted."""
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
    top = 4 + _LANE_PX * (1 + max(label.lane for label in labels))
    root = svg.picture(
        "deliveries", top + _PLOT_PX + 26, "Mails accepted over time", _spoken(drawn, zone)
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
        label_top = top - _LANE_PX * (label.lane + 1)
        svg.add(root, "line", x1=x, x2=x, y1=label_top, y2=reached, class_="pole")
        svg.add_label(root, label, label_top)
    svg.add_axis(root, scale, zone, bottom)
    return svg.as_markup(root)


def _line(steps: Sequence[Step], scale: Scale, most: int) -> str:
    """A line that goes up where mails were accepted, and stays level in between."""
    at = scale.percent(steps[0].at) * _UNITS / 100
    parts = [f"M{svg.number(at)} {svg.number(_PLOT_PX)}"]
    for step in steps:
        at = scale.percent(step.at) * _UNITS / 100
        height = _PLOT_PX * (1 - step.count / most)
        parts.append(f"H{svg.number(at)}V{svg.number(height)}")
    return "".join(parts)


def _spoken(notices: Sequence[NoticeFacts], zone: ZoneInfo) -> str:
    told = [
        f"Notice {each.number}, {each.stage}: {each.steps[-1].count:,} accepted from "
        f"{moment_text(each.steps[0].at, zone)} to {moment_text(each.steps[-1].at, zone)}"
        for each in notices
    ]
    return f"{'; '.join(told)}. The table below has the counts."
