"""Start an incident or join one; close it and reopen it.

`join` adds an incident that a colleague started on another machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.engine import Connection

from workflow import files, templates
from workflow.doc import create, sharing
from workflow.doc.push import Brought, bring_to_doc
from workflow.doc.recovery import doc_at
from workflow.doc.sharing import parse_share
from workflow.document.edits.changes import field_shown
from workflow.document.edits.new_document import leftovers, sections_markdown
from workflow.document.edits.splice import find_place
from workflow.document.requests import HINT, INCIDENT, SECTION, Identity, identity_of
from workflow.document.template import Section, parse_template, section_key
from workflow.document.view import FIELDS, DocView, read_document
from workflow.errors import BadInput
from workflow.incident import many_entries
from workflow.incident.facts import customer_title
from workflow.incident.handover import Parcel, take_over
from workflow.incident.timeline import Logged, new_entry, record_entry, record_field
from workflow.ledger import changes, doc_making, elsewhere, incidents
from workflow.ledger.changes import Run
from workflow.ledger.elsewhere import Compared, NoticeElsewhere
from workflow.ledger.incidents import Share
from workflow.model import Incident, Status, TimelineEntry, length_text, moment_text
from workflow.same_command import record_run
from workflow.standing import closing_checks, notice_words, other_ledgers
from workflow.templates import TemplateText
from workflow.workspace import Workspace, new_id

# --- Start and join -------------------------------------------------------------------------------

_TWINS_WITHIN = timedelta(minutes=10)


@dataclass(frozen=True)
class StartRequest:
    """A person's request to start an incident. `at` is when it began; None: now."""

    title: str
    impact: str = ""
    customer_title: str = ""
    customer_impact: str = ""
    severity: str = ""
    at: datetime | None = None
    shares: tuple[str, ...] = ()
    template: str = ""
    variables: dict[str, str] = field(default_factory=dict)


def twin_of(workspace: Workspace, title: str) -> Incident | None:
    """An open incident with the same title, started minutes ago: perhaps a duplicate."""
    since = workspace.now() - _TWINS_WITHIN
    with workspace.ledger.read() as connection:
        recent = incidents.incidents_since(connection, since, profile=workspace.settings.profile)
    wanted = " ".join(title.split()).casefold()
    same = (one for one in recent if one.title.casefold() == wanted and one.closed_at is None)
    return next(same, None)


def start(workspace: Workspace, request: StartRequest) -> Brought:
    """Record a new incident, make it the current one, and create its doc.

    Raises `BadInput` before anything is recorded.
    """
    config = workspace.settings.config
    if not request.title.strip():
        raise BadInput('The title is empty. Add what went wrong: postmortem start "…"')
    wanted = _shares(request.shares or config.share)
    template = templates.load_doc_template(workspace, request.template)
    now = workspace.now()
    incident = Incident(
        id=new_id(),
        title=" ".join(request.title.split()),
        started_at=request.at or now,
        time_zone=workspace.settings.zone.key,
        impact=request.impact.strip(),
        customer_title=customer_title(request.customer_title),
        customer_impact=request.customer_impact.strip(),
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
        elsewhere.note_place(connection, incident.id, workspace.ledger.mark)
        incidents.make_current(
            connection, incident.id, profile=workspace.settings.profile, person=workspace.person
        )
        record_run(connection, workspace, incident.id)
    brought = bring_to_doc(workspace, incident.id)
    return replace(brought, said=(*brought.said, *_about_template(workspace, incident, template)))


def started_by(workspace: Workspace, run: Run) -> Brought:
    """Finish an earlier `start`: make its incident current, and create its doc if needed."""
    with workspace.ledger.write() as connection:
        incidents.make_current(
            connection, run.incident_id, profile=workspace.settings.profile, person=workspace.person
        )
    return bring_to_doc(workspace, run.incident_id)


def _about_template(workspace: Workspace, incident: Incident, asked: TemplateText) -> Iterator[str]:
    """Warnings about the template: it could not be read, or placeholders are left."""
    with workspace.ledger.read() as connection:
        record = incidents.doc_record(connection, incident.id)
    if record.template_name != asked.name:
        yield (
            f"{asked.name} could not be copied: it does not exist, or this sign-in can't see it. "
            "The doc was created from the default template."
        )
    values = create.doc_values(incident, workspace.settings.config)
    open_ones = leftovers(parse_template(record.template_source), incident, values)
    if open_ones:
        names = ", ".join(f"{{{{ {name} }}}}" for name in open_ones)
        yield f"Nothing fills {names} in the template. To fill one: --set {open_ones[0]}=…"


def _shares(texts: tuple[str, ...]) -> list[Share]:
    """The shares, each once, in the order named."""
    found: dict[str, Share] = {}
    for text in texts:
        share = parse_share(text)
        found.setdefault(share.who.casefold(), share)
    return list(found.values())


@dataclass(frozen=True)
class Joined:
    """An incident that was joined, and other ledgers' notices in its doc."""

    incident: Incident
    compared: Compared


class OtherDoc(BadInput):
    """This ledger knows the incident by another doc than the one named: a person has to say which.

    `incident` is as this ledger knows it.
    """

    def __init__(self, incident: Incident, sentence: str) -> None:
        super().__init__(sentence)
        self.incident = incident


def join(workspace: Workspace, url: str, parcel: Parcel | None = None) -> Joined:
    """Join the incident of a doc and make it current; the doc holds everything needed.

    With a `parcel` that another ledger handed over, its mails are included. Drive isn't asked: an
    app with `drive.file` can't see a file that another sign-in created. Raises `BadInput` for an
    address that is no incident's doc, and `GoogleFault`.
    """
    doc_id = doc_at(workspace, url)
    document = workspace.google.docs.get(doc_id, f"title,{FIELDS}")
    view = read_document(document)
    identity = _identity(view)
    if identity is None:
        raise BadInput(
            f"{url} does not say which incident it is of: it was not made by postmortem, or its "
            "title and first heading were removed."
        )
    _refuse_another_doc(workspace, identity.incident_id, doc_id, url)
    if parcel is not None:
        take_over(workspace, parcel, identity.incident_id, doc_id)
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
            doc_making.joined(
                connection,
                identity.incident_id,
                doc_id=doc_id,
                doc_url=address,
                at=workspace.wall(),
            )
        incidents.make_current(
            connection,
            identity.incident_id,
            profile=_profile(workspace),
            person=workspace.person,
        )
        incident = incidents.incident_by_id(connection, identity.incident_id)
    return Joined(incident, other_ledgers.note(workspace, incident, view).compared)


def _refuse_another_doc(workspace: Workspace, incident_id: str, doc_id: str, url: str) -> None:
    """Raise `BadInput` if this ledger has another doc for the incident."""
    profile = _profile(workspace)
    with workspace.ledger.read() as connection:
        known = {one.id: one for one in incidents.all_incidents(connection, profile=profile)}
    incident = known.get(incident_id)
    if incident is None or incident.doc_id in {"", doc_id}:
        return
    raise OtherDoc(
        incident,
        f"Two docs claim to belong to this incident: {incident.doc_url}, which this ledger "
        f"writes to, and {url}. To use that one from now on: postmortem doc adopt {url} "
        f"--incident {incident_id}; if not, use the first. Nothing was changed.",
    )


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
        owner=field_shown(view, "owner").replace("\ue907", "").strip(),
    )


def _sections_source(workspace: Workspace, view: DocView) -> str:
    """A template with the doc's current sections, in its order and titles."""
    found: list[tuple[int, Section]] = []
    # A retyped heading may have lost its range; the hint below it still identifies the section.
    for key in dict.fromkeys((*view.own.get(SECTION, {}), *view.own.get(HINT, {}))):
        place = find_place(view, Section(key, key), ())
        if place is not None and section_key(key) == key:
            title = place.heading.text.strip() or key
            found.append((view.paragraphs.index(place.heading), Section(key, title)))
    if not found:
        return templates.load_doc_template(workspace, "").source
    return sections_markdown(section for _, section in sorted(found, key=lambda one: one[0]))


# --- Close and reopen -----------------------------------------------------------------------------


@dataclass(frozen=True)
class CloseRequest:
    """How to close. `reason`: why, if something is open; `lock`: lock the doc.

    `not_in_this_ledger`: a person knows of the notices that other ledgers sent.
    """

    at: datetime | None = None
    reason: str = ""
    lock: bool = False
    not_in_this_ledger: bool = False


@dataclass(frozen=True)
class Closed:
    """The result of `close`. `findings` are as of the closing; `doc_ends` is what the doc lacks.

    `duration` is the incident's length, in words.
    """

    brought: Brought
    duration: str
    findings: closing_checks.Findings
    doc_ends: tuple[closing_checks.OpenEnd, ...]
    lock_refused: bool


def check(workspace: Workspace, compared: Compared | None = None) -> closing_checks.Findings:
    """Find what is still open in the ledger, and in the doc's notes about other ledgers.

    `compared` is the result of a comparison just made; None: compare now.
    """
    incident = workspace.incident()
    compared = compared or other_ledgers.look(workspace, incident).compared
    not_compared = _not_compared(workspace, incident, compared)
    with workspace.ledger.read() as connection:
        findings = closing_checks.look(connection, incident)
    return replace(findings, open_ends=(*findings.open_ends, *not_compared))


def close(workspace: Workspace, request: CloseRequest) -> Closed:
    """Close: set the final status, duration, closing entry and summary of notices.

    Raises `BadInput` for an incident that is closed already, unless its doc should be locked now,
    and for one with something open that stops it, unless a reason is given.
    """
    incident = workspace.incident()
    if incident.closed_at is not None:
        return _lock_later(workspace, incident, request)
    seen = other_ledgers.look(workspace, incident).compared  # a question may have taken a while
    not_compared = _not_compared(workspace, incident, seen)
    entry = new_entry(
        workspace, incident, "Closed the incident", at=request.at, earliest=incident.started_at
    )
    with workspace.ledger.write() as connection:
        incident = incidents.incident_by_id(connection, incident.id)
        if incident.closed_at is not None:
            raise BadInput(_closed_already(incident))
        findings = closing_checks.look(connection, incident)
        findings = replace(findings, open_ends=(*findings.open_ends, *not_compared))
        if findings.elsewhere and not request.not_in_this_ledger:
            known = " ".join(f"{each.words}." for each in findings.elsewhere)
            raise BadInput(f"The incident was not closed: {known}\n{findings.ways}")
        if findings.stopping and not request.reason:
            raise BadInput(
                "The incident was not closed: "
                + "; ".join(each.words for each in findings.stopping)
                + "."
            )
        entry = replace(entry, text=_entry_text(findings, request.reason))
        _record(connection, incident, entry, request.reason)
        if request.lock:
            sharing.wish_to_lock_or_unlock(connection, workspace, incident.id, sharing.LOCK)
        record_run(connection, workspace, incident.id)
    return _closed(workspace, incident.id, findings, request)


def refuse_other_count(
    found: Sequence[NoticeElsewhere], incident: Incident, typed: int | None
) -> None:
    """Raise `BadInput` unless the number of customers of other ledgers was typed."""
    count = other_ledgers.customers_elsewhere(found)
    if typed != count:
        known = other_ledgers.all_words(found, incident)
        raise BadInput(
            f"The incident was not closed: {known} If those customers know it is resolved, add "
            f"{other_ledgers.OPTION} --confirm {count}."
        )


def closed_by(workspace: Workspace, run: Run, request: CloseRequest) -> Closed:
    """Finish an earlier run of `close`: update the doc if needed."""
    with workspace.ledger.read() as connection:
        incident = incidents.incident_by_id(connection, run.incident_id)
        findings = closing_checks.look(connection, incident)
    return _closed(workspace, incident.id, findings, request)


def write_not_told(workspace: Workspace, path: Path) -> int:
    """Write a list for `notify`: customers who were notified but not told it is resolved.

    Returns how many; for nobody no file is written. Raises `BadInput` for a path that is taken.
    """
    incident = workspace.incident()
    with workspace.ledger.read() as connection:
        found = closing_checks.customers_not_told(connection, incident)
    rows = [["email", "name", "told", "last_told"]]
    for customer in found:
        stages = " ".join(word.stage.value for word in customer.told)
        when = customer.told[-1].said_at.astimezone(incident.zone).isoformat(timespec="minutes")
        rows.append([customer.email, customer.name, stages, when])
    if found:
        files.write_new_list(path, rows)
    return len(found)


def reopen(workspace: Workspace, reason: str = "") -> Logged:
    """Reopen a closed incident with its last status, and unlock its doc.

    Raises `BadInput` for an incident that is not closed.
    """
    incident = workspace.incident()
    if incident.closed_at is None:
        raise BadInput("This incident is not closed; there is nothing to reopen.")
    words = f"Reopened: {reason.strip()}" if reason.strip() else "Reopened"
    entry = new_entry(workspace, incident, words)
    with workspace.ledger.write() as connection:
        status = _status_before(connection, incident)
        incidents.set_reopened(connection, incident.id, status)
        if status is not incident.status:
            record_field(connection, incident, "status", status.label, entry.recorded_at)
        record_field(connection, incident, "duration", "", entry.recorded_at)
        record_entry(connection, incident, entry)
        if incident.locked_at or sharing.lock_was_wished(connection, incident.id):
            sharing.wish_to_lock_or_unlock(connection, workspace, incident.id, sharing.UNLOCK)
        record_run(connection, workspace, incident.id, entries=[entry.id])
    return Logged(entry, bring_to_doc(workspace, incident.id))


def reopened_by(workspace: Workspace, run: Run) -> Logged:
    """Finish an earlier run of `reopen`: update the doc if needed."""
    logged = many_entries.logged_by(workspace, run)
    return Logged(logged.entries[0], logged.brought)


def _not_compared(
    workspace: Workspace, incident: Incident, compared: Compared
) -> tuple[closing_checks.OpenEnd, ...]:
    """The open item if the doc could not be compared and another ledger may exist."""
    problem = compared.problem.rstrip(".")
    if not problem or other_ledgers.is_the_only_one(workspace, incident):
        return ()
    words = f"Whether another ledger wrote to customers is not known: {problem}"
    return (closing_checks.OpenEnd(closing_checks.NOT_COMPARED, words),)


def _record(connection: Connection, incident: Incident, entry: TimelineEntry, reason: str) -> None:
    incidents.set_closed(connection, incident.id, entry.at, reason=reason)
    if incident.status is not Status.RESOLVED:
        record_field(connection, incident, "status", Status.RESOLVED.label, entry.recorded_at)
    closed = incidents.incident_by_id(connection, incident.id)
    record_field(connection, incident, "duration", length_text(closed), entry.recorded_at)
    record_entry(connection, incident, entry)
    before = {"status_before": incident.status.value}
    notice_words.record_summary(connection, closed, entry.recorded_at, before)


def _closed(
    workspace: Workspace, incident_id: str, findings: closing_checks.Findings, request: CloseRequest
) -> Closed:
    brought = bring_to_doc(workspace, incident_id)
    incident = brought.incident
    if brought.synced:
        # Looked at before the changes were brought to the doc.
        rest = (each for each in findings.open_ends if each.kind != closing_checks.NOT_IN_DOC)
        findings = replace(findings, open_ends=tuple(rest))
    doc_ends = (
        closing_checks.look_at_doc(workspace, incident)
        if brought.synced
        else (closing_checks.doc_not_checked("does not show everything yet"),)
    )
    refused = request.lock and brought.synced and incident.locked_at is None
    return Closed(brought, length_text(incident), findings, doc_ends, refused)


def _lock_later(workspace: Workspace, incident: Incident, request: CloseRequest) -> Closed:
    if not request.lock or incident.locked_at is not None:
        raise BadInput(_closed_already(incident))
    with workspace.ledger.write() as connection:
        findings = closing_checks.look(connection, incident)
        sharing.wish_to_lock_or_unlock(connection, workspace, incident.id, sharing.LOCK)
    return _closed(workspace, incident.id, findings, request)


def _entry_text(findings: closing_checks.Findings, reason: str) -> str:
    if not reason and not findings.elsewhere:
        return "Closed the incident"
    if not reason:
        known = " ".join(f"{each.words}." for each in findings.elsewhere)
        return f"Closed the incident, though not all of it is in one ledger: {known}"
    ends = (*findings.elsewhere, *findings.stopping)
    left = "; ".join(each.recorded_words for each in ends) or "nothing"
    return f"Closed the incident. Still open: {left}. Reason: {reason}"


def _closed_already(incident: Incident) -> str:
    assert incident.closed_at is not None  # noqa: S101 - asked for closed ones alone
    when = moment_text(incident.closed_at, incident.zone)
    locked = ", and its doc is locked" if incident.locked_at else ""
    return f"This incident was already closed at {when}{locked}. To reopen it: postmortem reopen"


def _status_before(connection: Connection, incident: Incident) -> Status:
    """The incident's status before it was last closed."""
    recorded = changes.changes_of_kind(connection, incident.id, changes.SUMMARY)
    told = [each.payload["status_before"] for each in recorded if "status_before" in each.payload]
    return Status(told[-1]) if told else incident.status
