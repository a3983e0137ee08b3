"""Mistakes in the timeline: an entry gets other words, or a line through it; nothing is removed."""

from __future__ import annotations

from workflow.flows.copy_back import is_of_a_notice
from workflow.flows.doc import bring_to_doc
from workflow.flows.faults import BadInput
from workflow.flows.log import Logged
from workflow.flows.workspace import Workspace, new_id
from workflow.incident import TimelineEntry
from workflow.ledger import changes, incidents
from workflow.ledger.changes import RecordedChange


def reword(workspace: Workspace, reference: str, text: str) -> Logged:
    """Give an entry other words, in the ledger and in the doc. The journal keeps both.

    `reference` is the entry's id or the beginning of it. Raises `BadInput` for no words, for an
    entry that was struck or tells of a notice, and `UnknownIncident` for no such entry.
    """
    incident = workspace.incident()
    words = text.rstrip("\n")
    if not words.strip():
        raise BadInput(
            "There are no words to put in its place. To take the entry back: "
            f"postmortem log --strike {reference}"
        )
    with workspace.ledger.write() as connection:
        entry = incidents.find_entry(connection, incident.id, reference)
        _refuse_notice(entry)
        if entry.struck_at is not None:
            raise BadInput(f"Entry {entry.id} is struck through. Log what is right as a new one.")
        if words != entry.text:
            payload = {"entry": entry.id, "was": entry.text, "text": words}
            change = RecordedChange(f"reword-{new_id(10)}", "reword", payload, workspace.now())
            incidents.reword_entry(connection, entry.id, words)
            changes.record_change(connection, incident.id, change)
        entry = incidents.entry_by_id(connection, entry.id)
    return Logged(entry, bring_to_doc(workspace, incident.id))


def strike(workspace: Workspace, reference: str) -> Logged:
    """Take an entry back: it stays, struck through. Doing so again changes nothing.

    `reference` is as for `reword`. Raises `BadInput` for an entry that tells of a notice, and
    `UnknownIncident` for no such entry.
    """
    incident = workspace.incident()
    with workspace.ledger.write() as connection:
        entry = incidents.find_entry(connection, incident.id, reference)
        _refuse_notice(entry)
        if entry.struck_at is None:
            now = workspace.now()
            change = RecordedChange(f"strike-{entry.id}", "strike", {"entry": entry.id}, now)
            incidents.strike_entry(connection, entry.id, at=now)
            changes.record_change(connection, incident.id, change)
        entry = incidents.entry_by_id(connection, entry.id)
    return Logged(entry, bring_to_doc(workspace, incident.id))


def _refuse_notice(entry: TimelineEntry) -> None:
    """Customers were written to, whatever is thought of it later: that is not taken back."""
    if is_of_a_notice(entry):
        raise BadInput(
            f"Entry {entry.id} tells that customers were written to, and they were: it stays as it "
            'is. Log what was wrong with it as a new entry: postmortem log "…"'
        )
