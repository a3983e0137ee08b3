"""What fills an incident's new doc: its template, with all that is known at the start."""

from __future__ import annotations

from workflow.config import Config
from workflow.document.chips import NativePart
from workflow.document.new_document import fill_new_document
from workflow.document.requests import Request
from workflow.document.template import parse_template
from workflow.incident import Incident


def filling(
    incident: Incident, template_source: str, config: Config, parts: frozenset[NativePart]
) -> list[Request]:
    """One batch that fills the incident's new doc from its template, with these native parts."""
    template = parse_template(template_source)
    return fill_new_document(template, incident, doc_values(incident, config), parts)


def doc_values(incident: Incident, config: Config) -> dict[str, str]:
    """What the config adds to the values that a doc's template may ask for."""
    return {
        name: value
        for name, value in (("support", config.support), ("organisation", config.organisation))
        if value and name not in incident.variables
    }
