"""What a template can say of an incident: the shared variables, every one of them defined."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from workflow.incident import Incident, duration_text, moment_text
from workflow.mail.template import KNOWN_OPTIONAL

# The doc's sections a mail can quote, by the names that `postmortem section` uses.
SECTIONS = (
    *("summary", "impact", "root_cause", "timeline", "solution", "what_we_learned"),
    *("next_time", "supporting_data", "contact"),
)


def incident_facts(incident: Incident, *, now: datetime) -> dict[str, object]:
    """`incident.…` of a template. Times are words in the incident's zone.

    `started_at` and `closed_at` are instants for the filters `moment`, `clock`, `date`, which say
    them in the recipient's zone; `duration` runs to `now` while the incident is open.
    """
    closed = incident.closed_at
    return {
        "id": incident.id,
        "title": incident.title,
        "impact": incident.impact,
        "severity": incident.severity,
        "status": incident.status.label,
        "started": moment_text(incident.started_at, incident.zone),
        "started_at": incident.started_at,
        "closed": moment_text(closed, incident.zone) if closed else "",
        "closed_at": closed or "",
        "duration": duration_text(((closed or now) - incident.started_at).total_seconds()),
        "time_zone": incident.time_zone,
    }


def shared_variables(
    incident: Incident,
    *,
    now: datetime,
    sections: Mapping[str, str] | None = None,
    given: Mapping[str, str] | None = None,
) -> dict[str, object]:
    """Everything that is the same for all recipients of a notice.

    `sections` is what was written in the doc, by section name; `given` is what the team said with
    `--set`, the config and the options. What nobody said is "".
    """
    facts = incident_facts(incident, now=now)
    return {
        **dict.fromkeys(KNOWN_OPTIONAL, ""),
        "resolved_at": facts["closed"],
        **incident.variables,
        **(given or {}),
        "incident": facts,
        "sections": dict.fromkeys(SECTIONS, "") | dict(sections or {}),
    }
