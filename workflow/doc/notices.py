"""A notice in the doc: its facts, its counts and its text, and the note before it is sent.

The note tells every other ledger that a notice is being sent. Each run of sending writes it: the
doc is read, compared with the ledger, and written with the revision that was read. If two ledgers
begin at the same moment, the second one's write is refused, and its next look shows the first one's
note.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from workflow.doc import changes
from workflow.document.edits.batch import compute_edit
from workflow.document.edits.changes import PutNotice, PutProposal
from workflow.document.edits.notices import notices_in
from workflow.document.parse import blocks_from_markdown
from workflow.document.template import TemplateSections
from workflow.document.view import DocView
from workflow.google.faults import GoogleFault, StaleRevision
from workflow.ledger import elsewhere, incidents, notices, plans
from workflow.ledger.databases import transfers
from workflow.ledger.elsewhere import LedgerIdentity, Reservation, Reserved
from workflow.ledger.incidents import DocRecord
from workflow.ledger.notices import Notice
from workflow.model import Incident, moment_text
from workflow.standing import other_ledgers
from workflow.standing.notice_words import (
    notice_facts,
    notice_heading,
    notice_origin,
    notice_tally,
    proposal_facts,
    reserved_facts,
    text_that_left,
)
from workflow.workspace import Workspace


def wanted_notice(connection: Connection, incident: Incident, notice_id: str) -> PutNotice:
    """The copy of a notice, from the ledger as it is now."""
    notice = notices.notice_by_id(connection, notice_id)
    return PutNotice(
        id=notice.id,
        heading=notice_heading(incident, notice),
        facts=tuple(notice_facts(connection, incident, notice)),
        body=text_that_left(connection, notice),
        previous_facts=(tuple(notice.facts_written),) if notice.facts_written else (),
        origin=notice_origin(notice, elsewhere.identity(connection).id),
        tally=notice_tally(connection, notice),
    )


def wanted_proposal(connection: Connection, incident: Incident, proposal_id: str) -> PutProposal:
    """A proposed plan with every wording, and the decision about it."""
    proposal = plans.by_id(connection, proposal_id)
    return PutProposal(
        id=proposal.id,
        heading=f"Proposed response (plan {proposal.short})",
        facts=tuple(proposal_facts(incident, proposal)),
        body=tuple(blocks_from_markdown(proposal.copy_markdown)),
        previous_facts=(tuple(proposal.facts_written),) if proposal.facts_written else (),
    )


# Somebody types in the doc, or a colleague notes a notice: reread it at most this often.
_ATTEMPTS = 8


@dataclass(frozen=True)
class Ground:
    """What to know about a notice's incident before its doc is read.

    `given` is the handover since which another ledger sends for it. `agreed` are other ledgers'
    notices that a person accepted for this one.
    """

    incident: Incident
    given: transfers.Transfer | None
    agreed: set[str]
    is_doc_filled: bool


def ground_of(connection: Connection, notice: Notice) -> Ground:
    """The ground for sending a notice, from the ledger as it is now."""
    incident = incidents.incident_by_id(connection, notice.incident_id)
    return Ground(
        incident,
        transfers.given_away(connection, incident.id),
        elsewhere.agreed_to(connection, notice.id),
        incidents.doc_record(connection, incident.id).state is incidents.DocState.FILLED,
    )


def reserve(workspace: Workspace, notice: Notice, ground: Ground) -> None:
    """Note in the doc that this notice is being sent, and check for other ledgers' notices.

    Raises `Overlooked` if another ledger wrote to customers, or may have, and no person agreed;
    also for an incident that was handed over. If the doc can't be written and this is the only
    ledger, the notice continues: its record then says that the note is missing.
    """
    incident, agreed = ground.incident, ground.agreed
    _refuse_given(incident, ground.given)
    if not ground.is_doc_filled:  # nobody can have joined by a doc without the incident's mark
        return
    me: LedgerIdentity | None = None
    for _ in range(_ATTEMPTS):
        view = other_ledgers.read_doc(workspace, incident)
        if isinstance(view, other_ledgers.DocLook):
            other_ledgers.refuse_overlooked(workspace, incident, view, agreed)
            me = me or _begin_unread_run(workspace, notice)
            _not_written(workspace, incident, notice, me, view.compared.problem, agreed)
            return
        me, record, change = _begin_run(workspace, incident, notice, view, agreed, me)
        try:
            _write(workspace, incident, record, change, view)
        except StaleRevision as stale:
            problem: GoogleFault = stale
            continue
        except GoogleFault as fault:
            if not _is_there(workspace, incident, notice):
                _not_written(
                    workspace, incident, notice, me, fault.sentence_in(incident.zone), agreed
                )
                return
        _note(workspace, notice, Reservation(Reserved.WRITTEN, me.id, me.run))
        return
    assert me is not None  # noqa: S101 - at least one attempt was made
    _not_written(workspace, incident, notice, me, problem.sentence_in(incident.zone), agreed)


def refuse_given_away(workspace: Workspace, incident: Incident) -> None:
    """Raise `Overlooked` for an incident that was handed over to another ledger."""
    with workspace.ledger.read() as connection:
        given = transfers.given_away(connection, incident.id)
    _refuse_given(incident, given)


def _refuse_given(incident: Incident, given: transfers.Transfer | None) -> None:
    if given is not None:
        raise other_ledgers.Overlooked(
            f"Nothing was sent: this incident was handed over on "
            f"{moment_text(given.at, incident.zone)} ({given.file}), and only the ledger that "
            "took the file sends for it. If nobody has taken it: postmortem handover --cancel"
        )


def _begin_run(
    workspace: Workspace,
    incident: Incident,
    notice: Notice,
    view: DocView,
    agreed: set[str],
    me: LedgerIdentity | None,
) -> tuple[LedgerIdentity, DocRecord, PutNotice]:
    """Compare the doc that was read; then count this run above those that it has seen.

    What a person agreed to is accepted. `me` is the run if an earlier try has counted it. Returns
    what the doc should say. Raises `Overlooked`; what was found is stored anyway.
    """
    begun: tuple[LedgerIdentity, DocRecord, PutNotice] | other_ledgers.Overlooked
    with workspace.ledger.write() as connection:
        seen = other_ledgers.note_within(connection, workspace, incident, view)
        try:
            other_ledgers.refuse_overlooked(workspace, incident, seen, agreed)
        except other_ledgers.Overlooked as overlooked:
            begun = overlooked
        else:
            me = me or _count_run(connection, workspace, notice, notices_in(view).runs)
            record = incidents.doc_record(connection, incident.id)
            begun = me, record, _reserved(connection, incident, notice, me)
    if isinstance(begun, other_ledgers.Overlooked):
        raise begun
    return begun


def _begin_unread_run(workspace: Workspace, notice: Notice) -> LedgerIdentity:
    """Count this run without the doc, which can't be read."""
    with workspace.ledger.write() as connection:
        return _count_run(connection, workspace, notice, {})


def _count_run(
    connection: Connection, workspace: Workspace, notice: Notice, runs: Mapping[str, int]
) -> LedgerIdentity:
    """Count a run above those in the doc, and record that the doc must note it."""
    seen = runs.get(elsewhere.identity(connection).id, 0)
    me = elsewhere.begin_run(connection, at=workspace.wall(), after=seen)
    elsewhere.set_reservation(connection, notice.id, Reservation(Reserved.ASKED, me.id, me.run))
    return me


def _reserved(
    connection: Connection, incident: Incident, notice: Notice, me: LedgerIdentity
) -> PutNotice:
    """The doc's note of a notice before its first mail, or before more of them."""
    notice = notices.notice_by_id(connection, notice.id)
    facts = notice.facts_written or reserved_facts(connection, incident, notice, me.id)
    return PutNotice(
        id=notice.id,
        heading=notice_heading(incident, notice),
        facts=tuple(facts),
        body=(),
        previous_facts=(tuple(facts),),
        origin=notice_origin(notice, me.id),
        tally=notice_tally(connection, notice),
        reserved=True,
        run=me.run,
    )


def _write(
    workspace: Workspace,
    incident: Incident,
    record: DocRecord,
    change: PutNotice,
    view: DocView,
) -> None:
    parts = changes.allowed_parts(workspace, record)
    edit = compute_edit(view, [change], TemplateSections(record.template_source), parts)
    if edit.requests:
        docs = workspace.google.docs
        revision = view.revision_id or None
        docs.batch_update(incident.doc_id, edit.requests, required_revision=revision)


def _is_there(workspace: Workspace, incident: Incident, notice: Notice) -> bool:
    """Whether the note is in the doc although the answer to its writing was lost."""
    seen = other_ledgers.look(workspace, incident)
    return seen.view is not None and bool(seen.view.own_ranges("notice", notice.id))


def _not_written(
    workspace: Workspace,
    incident: Incident,
    notice: Notice,
    me: LedgerIdentity,
    why: str,
    agreed: set[str],
) -> None:
    """Continue without a note in the doc, if nothing points to another ledger."""
    if other_ledgers.BLIND not in agreed and not other_ledgers.is_the_only_one(workspace, incident):
        raise other_ledgers.Overlooked(
            f"Nothing was sent: the doc can't be written ({why.rstrip('.')}), so other ledgers "
            f"could not see this notice.\n{other_ledgers.WAYS}"
        )
    _note(workspace, notice, Reservation(Reserved.NOT_WRITTEN, me.id, me.run, why))


def _note(workspace: Workspace, notice: Notice, now: Reservation) -> None:
    with workspace.ledger.write() as connection:
        elsewhere.set_reservation(connection, notice.id, now)
