"""Filling a section of the doc."""

from __future__ import annotations

from workflow.document.template import Section
from workflow.document.template import find_section as section_named
from workflow.flows import templates
from workflow.flows.doc import Brought, bring_to_doc
from workflow.flows.faults import BadInput
from workflow.flows.workspace import Workspace, new_id
from workflow.incident import Incident
from workflow.ledger import changes
from workflow.ledger.changes import RecordedChange


def fill_section(workspace: Workspace, name: str, text: str) -> Brought:
    """Record a text for a section and bring it to the doc, after what stands there already.

    Raises `BadInput` for a section that the doc's template does not have, or for no text.
    """
    incident = workspace.incident()
    section = find_section(workspace, incident, name)
    if not text.strip():
        raise BadInput(f"There is no text for {section.title!r}. Nothing was changed.")
    change = RecordedChange(
        f"section-{new_id(10)}",
        "section",
        {"section": section.key, "text": text.strip("\n")},
        workspace.now(),
    )
    with workspace.ledger.write() as connection:
        changes.record_change(connection, incident.id, change)
    return bring_to_doc(workspace, incident.id)


def find_section(workspace: Workspace, incident: Incident, name: str) -> Section:
    """The section that a person means: by key, title, or an unmistakable beginning of either."""
    sections = templates.sections_of(workspace, incident)
    found = section_named(sections, name) if name.strip() else None
    if found is None:
        names = ", ".join(section.key for section in sections)
        raise BadInput(f"{name!r} names no section, or more than one. The doc's sections: {names}.")
    return found
