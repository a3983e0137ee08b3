"""The shared variables of every template, all of them defined."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from workflow.mail.sandbox import MomentText
from workflow.mail.template import KNOWN_OPTIONAL
from workflow.model import Incident, length_text

# The doc's sections that a mail can quote, by the names in `postmortem section`.
SECTIONS = (
    *("summary", "impact", "root_cause", "timeline", "solution", "what_we_learned"),
    *("next_time", "supporting_data", "contact"),
)


def incident_facts(incident: Incident, *, now: datetime) -> dict[str, object]:
    """The variable `incident` of a template. Times are text in the incident's zone.

    `started_at` and `closed_at` are instants for the filters `moment`, `clock` and `date`, which
    show them in the recipient's zone; `duration` runs to `now` while the incident is open.
    """
    closed, ended = incident.closed_at, incident.ended_at
    return {
        "id": incident.id,
        "title": incident.title,
        "impact": incident.impact,
        "severity": incident.severity,
        "status": incident.status.label,
        "started": MomentText(incident.started_at, incident.zone),
        "started_at": incident.started_at,
        "closed": MomentText(closed, incident.zone) if closed else "",
        "closed_at": closed or "",
        "ended": MomentText(ended, incident.zone) if ended else "",
        "duration": length_text(incident, now),
        "time_zone": incident.time_zone,
    }


def shared_variables(
    incident: Incident,
    *,
    now: datetime,
    sections: Mapping[str, str] | None = None,
    given: Mapping[str, str] | None = None,
) -> dict[str, object]:
    """All variables that are the same for every recipient of a notice.

    `sections` is the doc's text, by section name; `given` is what the team said with `--set`, the
    config and the options. Unset values are "".
    """
    facts = incident_facts(incident, now=now)
    return {
        **dict.fromkeys(KNOWN_OPTIONAL, ""),
        "resolved_at": facts["ended"],
        **incident.variables,
        **(given or {}),
        "incident": facts,
        "sections": dict.fromkeys(SECTIONS, "") | dict(sections or {}),
    }
