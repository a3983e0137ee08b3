"""How many incidents began in each month: a row for each, so that it fits a phone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from workflow.incident import date_text
from workflow.report import svg
from workflow.report.facts import IncidentRow

MOST_MONTHS = 24
_ROW_PX = 26.0


def months_picture(rows: Sequence[IncidentRow], zone: ZoneInfo) -> str:
    """The picture as SVG markup, of the last months that had an incident; "" for no incident."""
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
