"""Taking part in an incident that a colleague started on another machine."""

from __future__ import annotations

from workflow.document.doc_template import sections_markdown
from workflow.document.header import field_shown
from workflow.document.names import HINT, INCIDENT, SECTION, Identity, identity_of
from workflow.document.sections import find_place
from workflow.document.template import Section, section_key
from workflow.document.view import FIELDS, DocView, read_document
from workflow.flows import templates
from workflow.flows.faults import BadInput
from workflow.flows.templates import doc_id_in
from workflow.flows.workspace import Workspace
from workflow.incident import Incident, Status
from workflow.ledger import doc_making, incidents


def join(workspace: Workspace, url: str) -> Incident:
    """Make the incident of that doc the current one here; all that is needed is in the doc.

    Drive is not asked: an app with `drive.file` does not see a file that somebody else's sign-in
    made. Raises `BadInput` for an address that is no incident's doc, and `GoogleFault`.
    """
    doc_id = doc_id_in(url)
    if not doc_id:
        raise BadInput(
            f"{url} is not the address of a Google Doc. Copy it from the browser: "
            "https://docs.google.com/document/d/…"
        )
    document = workspace.google.docs.get(doc_id, f"title,{FIELDS}")
    view = read_document(document)
    identity = _identity(view)
    if identity is None:
        raise BadInput(
            f"{url} does not say which incident it is of: it was not made by postmortem, or its "
            "title and first heading were removed."
        )
    with workspace.ledger.write() as connection:
        known = [one.id for one in incidents.all_incidents(connection, profile=_profile(workspace))]
        if identity.incident_id not in known:
            incidents.add_incident(
                connection,
                _incident(identity, view, str(document.get("title", ""))),
                profile=_profile(workspace),
                template_name="postmortem",
                template_source=_sections_source(workspace, view),
                folder="",
                wanted=[],
                created_at=workspace.now(),
            )
            address = url.partition("?")[0].partition("#")[0]
            doc_making.doc_joined(connection, identity.incident_id, doc_id=doc_id, doc_url=address)
        incidents.make_current(
            connection,
            identity.incident_id,
            profile=_profile(workspace),
            person=workspace.person,
        )
        return incidents.incident_by_id(connection, identity.incident_id)


def _profile(workspace: Workspace) -> str:
    return workspace.settings.profile


def _identity(view: DocView) -> Identity | None:
    named = (own.name for ranges in view.own.get(INCIDENT, {}).values() for own in ranges)
    return next((one for one in map(identity_of, named) if one is not None), None)


def _incident(identity: Identity, view: DocView, title: str) -> Incident:
    shown = field_shown(view, "status")
    status = next((each for each in Status if each.label == shown), Status.INVESTIGATING)
    return Incident(
        id=identity.incident_id,
        title=title,
        started_at=identity.started_at,
        time_zone=identity.time_zone,
        status=status,
        severity=field_shown(view, "severity"),
    )


def _sections_source(workspace: Workspace, view: DocView) -> str:
    """A template of the sections that the doc has now, in its order and words."""
    found: list[tuple[int, Section]] = []
    # A heading typed anew may have lost its range; the hint below it still tells the section.
    for key in dict.fromkeys((*view.own.get(SECTION, {}), *view.own.get(HINT, {}))):
        place = find_place(view, Section(key, key), ())
        if place is not None and section_key(key) == key:
            title = place.heading.text.strip() or key
            found.append((view.paragraphs.index(place.heading), Section(key, title)))
    if not found:
        return templates.load_doc_template(workspace, "").source
    return sections_markdown(section for _, section in sorted(found, key=lambda one: one[0]))
