"""Starting an incident: write it down, make the doc, fill it, share it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from workflow.document.new_document import leftovers
from workflow.document.template import parse_template
from workflow.flows import doc_filling, templates
from workflow.flows.doc import Brought, bring_to_doc
from workflow.flows.faults import BadInput
from workflow.flows.sharing import parse_share
from workflow.flows.templates import TemplateText
from workflow.flows.workspace import Workspace, new_id
from workflow.incident import Incident
from workflow.ledger import incidents
from workflow.ledger.incidents import Share

_TWINS_WITHIN = timedelta(minutes=10)


@dataclass(frozen=True)
class StartRequest:
    """What a person says when something goes wrong. `at` is when it began; None: now."""

    title: str
    impact: str = ""
    severity: str = ""
    at: datetime | None = None
    shares: tuple[str, ...] = ()
    template: str = ""
    variables: dict[str, str] = field(default_factory=dict)


def twin_of(workspace: Workspace, title: str) -> Incident | None:
    """An open incident of the same title that was started minutes ago, perhaps by a slip."""
    since = workspace.now() - _TWINS_WITHIN
    with workspace.ledger.read() as connection:
        recent = incidents.incidents_since(connection, since, profile=workspace.settings.profile)
    wanted = " ".join(title.split()).casefold()
    same = (one for one in recent if one.title.casefold() == wanted and one.closed_at is None)
    return next(same, None)


def start(workspace: Workspace, request: StartRequest) -> Brought:
    """Record a new incident, make it the current one, and bring its doc into being.

    Raises `BadInput` before anything is recorded.
    """
    config = workspace.settings.config
    if not request.title.strip():
        raise BadInput('The title is empty. Say what went wrong: postmortem start "…"')
    wanted = _shares(request.shares or config.share)
    template = templates.load_doc_template(workspace, request.template)
    now = workspace.now()
    incident = Incident(
        id=new_id(),
        title=" ".join(request.title.split()),
        started_at=request.at or now,
        time_zone=workspace.settings.zone.key,
        impact=request.impact.strip(),
        severity=request.severity.strip(),
        owner=config.owner,
        variables=request.variables,
    )
    with workspace.ledger.write() as connection:
        incidents.add_incident(
            connection,
            incident,
            profile=workspace.settings.profile,
            template_name=template.name,
            template_source=template.source,
            folder=config.folder,
            wanted=wanted,
            created_at=now,
        )
        incidents.make_current(
            connection, incident.id, profile=workspace.settings.profile, person=workspace.person
        )
    brought = bring_to_doc(workspace, incident.id)
    return replace(brought, said=(*brought.said, *_about_template(workspace, incident, template)))


def _about_template(workspace: Workspace, incident: Incident, asked: TemplateText) -> Iterator[str]:
    """What a person should know of the template: that it could not be had, what it left open."""
    with workspace.ledger.read() as connection:
        record = incidents.doc_record(connection, incident.id)
    if record.template_name != asked.name:
        yield (
            f"{asked.name} could not be copied: it is not there, or this sign-in may not see it. "
            "The doc was made from the usual template."
        )
    values = doc_filling.doc_values(incident, workspace.settings.config)
    open_ones = leftovers(parse_template(record.template_source), incident, values)
    if open_ones:
        names = ", ".join(f"{{{{ {name} }}}}" for name in open_ones)
        yield f"Nothing fills {names} in the template. A value is given by --set {open_ones[0]}=…"


def _shares(texts: tuple[str, ...]) -> list[Share]:
    """Whom to share with, each once, in the order named."""
    found: dict[str, Share] = {}
    for text in texts:
        share = parse_share(text)
        found.setdefault(share.who.casefold(), share)
    return list(found.values())
