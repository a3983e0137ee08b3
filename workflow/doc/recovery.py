"""Docs after an outage: update all with what waits, find lost ones, and replace one.

`doc_blocks` writes the postmortem from the ledger, for a doc that can't be read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from sqlalchemy.engine import Connection

from workflow.config import REHEARSAL
from workflow.doc import push, sharing
from workflow.doc.push import Brought, bring_to_doc
from workflow.document.blocks import Block, BlockKind, Span, blocks_from_text, plain
from workflow.document.edits.notices import notices_in
from workflow.document.parse import blocks_from_markdown
from workflow.document.requests import (
    INCIDENT,
    REPLACED,
    create_range,
    delete_range,
    identity_of,
    incident_name,
    replaced_name,
)
from workflow.document.template import find_section, parse_template
from workflow.document.typed import blocks_from_typed
from workflow.document.view import FIELDS, DocView, read_document
from workflow.errors import BadInput
from workflow.google.endpoint import Endpoint, is_loopback, origin
from workflow.google.faults import GoogleFault, SignInNeeded, SlowDown, Undecided, Unreachable
from workflow.ledger import changes, doc_making, elsewhere, incidents, notices
from workflow.ledger.databases import transfers
from workflow.ledger.databases.transfers import TransferState
from workflow.ledger.faults import NewerRecord
from workflow.model import Incident, doc_id_in, moment_text
from workflow.standing import doc_standing, other_ledgers
from workflow.standing.doc_standing import DocFinding, DocTrouble
from workflow.standing.notice_words import notice_facts, notice_heading
from workflow.workspace import Workspace

# --- A lost doc -----------------------------------------------------------------------------------

# Changes to the doc's file, which a new doc doesn't need.
_ABOUT_THE_DOC = frozenset({*sharing.LOCK_KINDS, *push.FILING_KINDS, "unpublish"})


@dataclass(frozen=True)
class Recovered:
    """The incident's new doc. `before` is the address of the previous one."""

    before: str
    brought: Brought
    was_restored: bool = False


def recreate(workspace: Workspace, *, is_complete: bool = False) -> Recovered:
    """Create the incident's doc again, with all that the ledger has, and share it again.

    With `is_complete` a person vouches for a restored ledger. Raises `BadInput` while the doc still
    exists, and `GoogleFault` if Google can't be asked.
    """
    incident = workspace.incident()
    _refuse_part_of_it(workspace, incident)
    if not is_complete:
        _refuse_restored(workspace, incident, "postmortem doc recreate")
    if incident.doc_id:
        finding = doc_standing.examine(workspace, incident)
        _refuse_if_there(incident, finding)
    with workspace.ledger.write() as connection:
        doc_making.lost(connection, incident.id)
        elsewhere.note_place(connection, incident.id, workspace.ledger.mark)
        _want_all_again(connection, incident.id, ())
    brought = bring_to_doc(workspace, incident.id)
    _mark_replaced(workspace, incident.doc_id, by=brought.incident.doc_id)
    return Recovered(incident.doc_url, brought)


def _mark_replaced(workspace: Workspace, doc_id: str, *, by: str) -> None:
    """Mark a replaced doc, for colleagues' ledgers that still use it.

    If it can't be marked, it is lost for most colleagues too, and their ledgers stop.
    """
    if not doc_id or not by:
        return
    with suppress(GoogleFault):
        view = read_document(workspace.google.docs.get(doc_id, FIELDS))
        _name_first_words(workspace, doc_id, view, replaced_name(by))


def _unmark_replaced(workspace: Workspace, doc_id: str, view: DocView) -> None:
    """Remove the marks of a doc that is used again, or that is a copy of a replaced one."""
    marks = [own for ranges in view.own.get(REPLACED, {}).values() for own in ranges]
    if marks:
        requests = [delete_range(own.range.id) for own in marks]
        workspace.google.docs.batch_update(doc_id, requests, required_revision=None)


def _refuse_part_of_it(workspace: Workspace, incident: Incident) -> None:
    """Raise `BadInput` for a ledger without others' records: the new doc would lack them."""
    with workspace.ledger.read() as connection:
        joined_at = incidents.joined_at(connection, incident.id)
        moved = transfers.transfers_of(connection, incident.id).values()
        given = transfers.given_away(connection, incident.id)
        found = elsewhere.last_comparison(connection, incident.id).found
    has_all = joined_at is None or any(each.state is TransferState.TAKEN for each in moved)
    if found or given is not None or not has_all:
        known = " ".join(other_ledgers.words(each, incident) for each in found)
        raise BadInput(
            "This ledger has only part of the incident, so a new doc would lack the rest. "
            f"{known or 'It joined by the address of the doc.'} Run postmortem doc recreate "
            "where the incident was started, then join the new doc here. Nothing was changed."
        )


def _refuse_restored(workspace: Workspace, incident: Incident, command: str) -> None:
    """Raise `BadInput` for a restored ledger: another doc can't tell what it lacks.

    The first look at that doc would confirm the ledger, and the next send would go to everybody
    again.
    """
    with workspace.ledger.read() as connection:
        if elsewhere.is_in_its_place(connection, incident.id, workspace.ledger.mark):
            return
    raise BadInput(
        "This ledger's file is a copy, or was restored from a backup. Mails may have been sent "
        "that it does not know, and another doc may not list them. Nothing was changed.\n"
        "To go on: put the newest copy of this ledger back, or use the machine that has it. Only "
        "if you are sure that this ledger knows every mail that was sent: "
        f"{command} {other_ledgers.OPTION}"
    )


def _refuse_if_there(incident: Incident, finding: DocFinding | None) -> None:
    lost = (DocTrouble.GONE, DocTrouble.HIDDEN, DocTrouble.TRASHED)
    if finding is not None and finding.trouble in lost:
        return
    why = f" {finding.sentence}" if finding is not None else ""
    raise BadInput(
        f"The doc is there: {incident.doc_url}.{why} To create a new one anyway, move this one to "
        "the trash first. Nothing was changed."
    )


def doc_at(workspace: Workspace, url: str) -> str:
    """The id of the doc at an address, for a doc that people will be given.

    Raises `BadInput` for an address that is not a doc's, or on a host that is neither Google's nor
    the configured one: the link would lead people there.
    """
    doc_id = doc_id_in(url)
    if not doc_id or not _is_docs_host(workspace, url):
        raise BadInput(
            f"{url} is not the address of a Google Doc. Copy it from the browser: "
            "https://docs.google.com/document/d/…"
        )
    return doc_id


def _is_docs_host(workspace: Workspace, url: str) -> bool:
    settings = workspace.settings
    own = settings.config.google_url
    try:
        host = urlsplit(url).hostname or ""
        if origin(url) == "https://docs.google.com" and "@" not in url:
            return True
        if settings.profile == REHEARSAL or (own and Endpoint(own).is_loopback):
            return is_loopback(host)  # its port changes with every start
        return bool(own) and origin(url) == origin(own)
    except ValueError:
        return False


def adopt(workspace: Workspace, url: str, *, is_complete: bool = False) -> Recovered:
    """Adopt another doc for the incident: a copy, or one that was restored.

    What the ledger has and the doc lacks is written into it. With `is_complete` a person vouches
    for a restored ledger. Raises `BadInput` for an address that isn't a doc's, or another
    incident's doc, and `GoogleFault`.
    """
    incident = workspace.incident()
    doc_id = doc_at(workspace, url)
    if doc_id != incident.doc_id and not is_complete:
        _refuse_restored(workspace, incident, f"postmortem doc adopt {url}")
    was_restored = _restore(workspace, doc_id)
    view = read_document(workspace.google.docs.get(doc_id, FIELDS))
    _refuse_another(view, incident)
    _refuse_without_notices(workspace, incident, view)
    if doc_id == incident.doc_id:
        _unmark_replaced(workspace, doc_id, view)
        return Recovered(incident.doc_url, bring_to_doc(workspace, incident.id), was_restored)
    is_named = incident.id in view.own.get(INCIDENT, {})
    if not is_named:
        _name_incident(workspace, incident, doc_id, view)
    _unmark_replaced(workspace, doc_id, view)
    address = url.partition("?")[0].partition("#")[0]
    with workspace.ledger.write() as connection:
        has = () if is_named else tuple(_shown(connection, incident, view))
        doc_making.adopted(connection, incident.id, doc_id=doc_id, doc_url=address)
        _want_all_again(connection, incident.id, has)
    brought = bring_to_doc(workspace, incident.id)
    _mark_replaced(workspace, incident.doc_id, by=doc_id)
    return Recovered(incident.doc_url, brought, was_restored)


def _restore(workspace: Workspace, doc_id: str) -> bool:
    """Restore the doc from the trash; True if it was there."""
    try:
        trashed = workspace.google.drive.standing(doc_id).trashed
    except GoogleFault:  # Drive doesn't see it: then Docs says whether it can be read
        return False
    if trashed:
        workspace.google.drive.restore(doc_id)
    return trashed


def _refuse_another(view: DocView, incident: Incident) -> None:
    named = [own.name for ranges in view.own.get(INCIDENT, {}).values() for own in ranges]
    for identity in filter(None, map(identity_of, named)):
        if identity.incident_id != incident.id:
            raise BadInput(
                f"That doc is of another incident ({identity.incident_id}). Nothing was changed."
            )


def _refuse_without_notices(workspace: Workspace, incident: Incident, view: DocView) -> None:
    """Raise `BadInput` for a doc without other ledgers' notices: they would be overlooked."""
    with workspace.ledger.read() as connection:
        found = elsewhere.last_comparison(connection, incident.id).found
    there = {each.id for each in notices_in(view).notices}
    missing = [
        each for each in found if each.why is not elsewhere.Why.REPLACED and each.id not in there
    ]
    if missing:
        known = " ".join(other_ledgers.words(each, incident) for each in missing)
        raise BadInput(
            f"That doc does not list what other ledgers sent, and this ledger does not know it "
            f"either: {known} Get those notices first with postmortem join URL --with FILE or "
            "postmortem ledger "
            "rebuild. Nothing was changed."
        )


def _name_incident(workspace: Workspace, incident: Incident, doc_id: str, view: DocView) -> None:
    """Mark a doc with its incident's name, by which colleagues join."""
    if not _name_first_words(workspace, doc_id, view, incident_name(incident)):
        raise BadInput("That doc is empty. To create one from the ledger: postmortem doc recreate")


def _name_first_words(workspace: Workspace, doc_id: str, view: DocView, name: str) -> bool:
    """Name the first words of a doc that was just read; False if it has none."""
    first = next((one for one in view.paragraphs if one.text.strip() and not one.cell), None)
    if first is None:
        return False
    request = create_range(first.tab_id, first.start, first.end - 1, name)
    workspace.google.docs.batch_update(
        doc_id, [request], required_revision=view.revision_id or None
    )
    return True


def _shown(connection: Connection, incident: Incident, view: DocView) -> list[str]:
    """The changes whose text is in a doc without our marks."""
    text = "\n".join(paragraph.text for paragraph in view.paragraphs)
    shown = []
    for entry in incidents.timeline(connection, incident.id):
        first = entry.text.strip().partition("\n")[0]
        if first and first in text:
            shown += [f"entry-{entry.id}"]
    for change in changes.changes_of_kind(connection, incident.id, "section"):
        lines = [line.strip(" -*#") for line in change.payload["text"].splitlines()]
        if all(line in text for line in lines if line):
            shown.append(change.id)
    for notice in notices.notices_of(connection, incident.id):
        if notice.subject in text:
            shown += [
                each.id
                for each in changes.changes_of_kind(connection, incident.id, "notice")
                if each.payload["notice"] == notice.id
            ]
    return shown


def _want_all_again(connection: Connection, incident_id: str, has: tuple[str, ...]) -> None:
    changes.changes_wanted_again(connection, incident_id, _ABOUT_THE_DOC, but=has)
    incidents.share_again(connection, incident_id)
    notices.forget_facts_written(connection, incident_id)
    elsewhere.forget_comparison(connection, incident_id)


def doc_blocks(connection: Connection, incident: Incident, why: str) -> list[Block]:
    """The incident's content in the order of a postmortem; `why` the doc is missing."""
    return [
        Block(BlockKind.TITLE, (Span(incident.title),)),
        plain(f"Written from the ledger, without edits that people made in the doc. {why}"),
        *_facts(incident),
        *_sections(connection, incident),
        *_timeline(connection, incident),
        *_notices(connection, incident),
    ]


def _facts(incident: Incident) -> Iterator[Block]:
    yield plain(f"Status: {incident.status.label}")
    if incident.severity:
        yield plain(f"Severity: {incident.severity}")
    yield plain(f"Started: {moment_text(incident.started_at, incident.zone)}")
    if incident.closed_at:
        yield plain(f"Closed: {moment_text(incident.closed_at, incident.zone)}")
    if incident.owner:
        yield plain(f"Owner: {incident.owner}")
    if incident.impact:
        yield plain("Impact", BlockKind.HEADING_2)
        yield from blocks_from_text(incident.impact)


def _sections(connection: Connection, incident: Incident) -> Iterator[Block]:
    source = incidents.doc_record(connection, incident.id).template_source
    known = parse_template(source).sections
    filled: dict[str, list[str]] = {}
    for change in changes.changes_of_kind(connection, incident.id, "section"):
        section = find_section(known, change.payload["section"])
        title = section.title if section is not None else change.payload["section"]
        filled.setdefault(title, []).append(change.payload["text"])
    for title, texts in filled.items():
        yield plain(title, BlockKind.HEADING_2)
        for text in texts:
            yield from blocks_from_typed(text)


def _timeline(connection: Connection, incident: Incident) -> Iterator[Block]:
    yield plain("Timeline", BlockKind.HEADING_2)
    for entry in incidents.timeline(connection, incident.id):
        words = Span(entry.text, strike=entry.struck_at is not None)
        by = f" — {entry.by}" if entry.by else ""
        stamp = Span(f"{moment_text(entry.at, incident.zone)}  ", bold=True)
        yield Block(BlockKind.BULLET, (stamp, words, *([Span(by)] if by else [])))


def _notices(connection: Connection, incident: Incident) -> Iterator[Block]:
    sent = notices.notices_of(connection, incident.id)
    if sent:
        yield plain("Customer-facing response", BlockKind.HEADING_2)
    for notice in sent:
        yield plain(notice_heading(incident, notice), BlockKind.HEADING_3)
        for line in notice_facts(connection, incident, notice):
            yield plain(line)
        for block in blocks_from_markdown(notice.copy_markdown):
            yield Block(**{**vars(block), "quote": block.quote + 1})


# --- All docs -------------------------------------------------------------------------------------

# The number of open incidents' docs to check; older ones hardly matter.
_MOST_DOCS = 5


def sync_all(workspace: Workspace) -> list[Brought]:
    """Bring over everything that waits, oldest incident first.

    Stops at the first incident for which Google can't be reached: the next would fail too.
    """
    with workspace.ledger.read() as connection:
        waiting = changes.incidents_waiting(connection, profile=workspace.settings.profile)
    found: list[Brought] = []
    for incident_id in waiting:
        with suppress(NewerRecord):  # `list` names incidents that need a newer version
            with suppress(GoogleFault):  # the update then fails the same way, and reports it
                doc_standing.try_again(workspace, incident_id)
            found.append(bring_to_doc(workspace, incident_id))
        if is_cut_short(found):
            break
    return found


def lost_docs(workspace: Workspace) -> list[tuple[Incident, DocFinding]]:
    """The open incidents whose doc is lost, in the trash or read-only, the newest first.

    Incidents for which Google can't be asked are skipped.
    """
    profile = workspace.settings.profile
    with workspace.ledger.read() as connection:
        every = incidents.all_incidents(connection, profile=profile)
    found = []
    for incident in [one for one in every if one.closed_at is None][:_MOST_DOCS]:
        with suppress(GoogleFault):
            finding = doc_standing.examine(workspace, incident)
            if finding is not None:
                found.append((incident, finding))
    return found


def is_cut_short(found: Sequence[Brought]) -> bool:
    """Whether Google could not be reached for the last change, so the rest would fail too."""
    out_of_reach = (SignInNeeded, SlowDown, Undecided, Unreachable)
    return bool(found) and isinstance(found[-1].fault, out_of_reach)
