"""The report over all incidents of the ledger: how soon, how long, what was kept, what is open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.engine import Connection

from workflow.flows.file_writing import write_whole
from workflow.flows.next_word import told_at
from workflow.flows.reporting import (
    NEXT_TIME,
    ROOT_CAUSE,
    FromDoc,
    promise_facts,
    read_doc,
)
from workflow.flows.workspace import Workspace
from workflow.google.faults import Refused
from workflow.incident import Incident
from workflow.ledger import changes, incidents, notices
from workflow.ledger.promises import words_given
from workflow.report.facts import IncidentRow, LedgerFacts
from workflow.report.page import ledger_page


def ledger_facts(workspace: Workspace) -> LedgerFacts:
    """Figures of every incident of the profile, the newest first.

    Root causes and actions are read from the docs for as long as Google answers; of the rest only
    what was said to this program is known, and the facts say of how many.
    """
    with workspace.ledger.read() as connection:
        listed = incidents.all_incidents(connection, profile=workspace.settings.profile)
    docs = _Docs(workspace)
    rows = [_row(workspace, incident, docs.of(incident)) for incident in listed]
    rows.sort(key=lambda row: row.started_at, reverse=True)
    return LedgerFacts(tuple(rows), workspace.now(), workspace.settings.zone, tuple(docs.notes()))


def write_ledger_report(facts: LedgerFacts, path: Path) -> None:
    """Write the page. Raises `BadInput` where that can't be done."""
    write_whole(path, ledger_page(facts).encode("utf-8", "replace"))


class _Docs:
    """Reads docs until Google says that it can't be asked; one that is gone stops nothing."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._unread = 0
        self._why = ""
        self._is_over = False

    def of(self, incident: Incident) -> FromDoc:
        """What an incident's doc says."""
        found = FromDoc() if self._is_over else read_doc(self._workspace, incident)
        if found.fault is not None:
            self._why = self._why or found.fault.sentence_in(incident.zone)
            self._is_over = not isinstance(found.fault, Refused)
        self._unread += found.actions is None
        return found

    def notes(self) -> Iterator[str]:
        """How many docs were not read, and why."""
        if self._unread:
            docs = "1 doc was" if self._unread == 1 else f"{self._unread:,} docs were"
            yield (
                f"{docs} not read: of these the root cause and the actions are what was said to "
                f"postmortem, and open actions may be missing. {self._why}".strip()
            )


def _row(workspace: Workspace, incident: Incident, from_doc: FromDoc) -> IncidentRow:
    begun = incident.started_at
    ended = incident.resolved_at or incident.closed_at
    with workspace.ledger.read() as connection:
        given = words_given(connection, incident.id)
        promised = list(promise_facts(incident, given, workspace.now()))
        customers = notices.count_customers(connection, incident.id)
        said_cause = _section(connection, incident, ROOT_CAUSE)
        said_actions = _section(connection, incident, NEXT_TIME)
    first = min((told_at(each) for each in given), default=None)
    if from_doc.actions is not None:
        actions: list[str] = [each.text for each in from_doc.actions if not each.is_done]
    else:
        actions = [line.strip() for line in said_actions.splitlines() if line.strip()]
    return IncidentRow(
        id=incident.id,
        title=incident.title,
        severity=incident.severity,
        status="closed" if incident.closed_at else incident.status.value,
        started_at=begun,
        first_word_seconds=(first - begun).total_seconds() if first else None,
        duration_seconds=(ended - begun).total_seconds() if ended else None,
        customers=customers,
        promises_kept=sum(each.state == "kept" for each in promised),
        promises_due=sum(each.state != "open" for each in promised),
        cause=incident.variables.get("cause", ""),
        root_cause=from_doc.root_cause or said_cause,
        open_actions=tuple(actions),
    )


def _section(connection: Connection, incident: Incident, key: str) -> str:
    """What was said for a section through this program."""
    filled = changes.changes_of_kind(connection, incident.id, "section")
    return "\n".join(each.payload["text"] for each in filled if each.payload["section"] == key)
