"""The report as one HTML file: styles and pictures inside, nothing to be fetched, no script."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from statistics import median
from zoneinfo import ZoneInfo

import jinja2
from markupsafe import Markup

from workflow.incident import duration_text, moment_text
from workflow.report.causes import shared_causes
from workflow.report.deliveries_picture import deliveries_picture
from workflow.report.facts import IncidentFacts, LedgerFacts
from workflow.report.months_picture import MOST_MONTHS, months_picture
from workflow.report.timeline_picture import timeline_picture

_PAGES = Path(__file__).parent / "pages"


def incident_page(facts: IncidentFacts) -> str:
    """The report of one incident. Everything that a person typed is escaped."""
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
            length=lambda phase: _length((phase.end - phase.start).total_seconds()),
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
    seconds = (at - begun).total_seconds()
    if not seconds:
        return "–"
    return duration_text(seconds) if seconds >= 0 else f"{duration_text(-seconds)} before"


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
