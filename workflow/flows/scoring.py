"""How an incident was handled, in four figures: what a team goes through after a rehearsal."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from workflow.flows.next_word import Promise, promises, told_at
from workflow.flows.workspace import Workspace
from workflow.incident import Incident, duration_text
from workflow.ledger import incidents, plans
from workflow.ledger.promises import WordGiven, words_given
from workflow.mail.recipients import RecipientList, read_recipients

# Promises are made to the minute.
_ONE_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Score:
    """The figures of one incident. Times count from its first sign; None is never.

    `missed` names those of the list who had no mail: an address, or a row that can't be read.
    """

    doc_after: timedelta | None
    first_word_after: timedelta | None
    promises: int
    promises_kept: int
    customers: int
    missed: tuple[str, ...]

    @property
    def lines(self) -> list[tuple[str, str]]:
        """What each figure is of, and the figure, in words."""
        kept = f"{self.promises_kept} of {self.promises}" if self.promises else "none was made"
        missed = f"{len(self.missed)} of {self.customers}" if self.missed else "none"
        named = f": {', '.join(self.missed[:5])}" if self.missed else ""
        return [
            ("time to doc", _length(self.doc_after)),
            ("time to first word", _length(self.first_word_after)),
            ("promises kept", kept),
            ("customers missed", missed + named),
        ]


def score(workspace: Workspace, incident: Incident, customers: Path | None) -> Score:
    """Score an incident against the list of everybody who was hit, where there is one."""
    hit = read_recipients(customers.read_bytes()) if customers else None
    keys = [each.key for each in hit.recipients] if hit else []
    with workspace.ledger.read() as connection:
        began_doc = incidents.said_at(connection, incident.id)
        given = words_given(connection, incident.id)
        told = plans.told_before(connection, incident.id, keys)
    made = promises(given)
    return Score(
        doc_after=began_doc - incident.started_at if incident.doc_id else None,
        first_word_after=_first(given, incident.started_at),
        promises=len(made),
        promises_kept=sum(1 for each in made if _is_kept(each)),
        customers=len(keys) + (len(hit.bad_rows) if hit else 0),
        missed=_missed(hit, told.keys()) if hit else (),
    )


def latest_since(workspace: Workspace, at: datetime) -> Incident | None:
    """The newest incident of the profile that was recorded since an instant."""
    with workspace.ledger.read() as connection:
        for incident in incidents.all_incidents(connection, profile=workspace.settings.profile):
            if incidents.said_at(connection, incident.id) >= at:
                return incident
    return None


def _missed(hit: RecipientList, told: Set[str]) -> tuple[str, ...]:
    without = [each.email for each in hit.recipients if each.key not in told]
    return (*without, *(f"row {each.row} of the list" for each in hit.bad_rows))


def _first(given: list[WordGiven], started_at: datetime) -> timedelta | None:
    return told_at(given[0]) - started_at if given else None


def _is_kept(promise: Promise) -> bool:
    return promise.given_at is not None and promise.given_at < promise.due_at + _ONE_MINUTE


def _length(time: timedelta | None) -> str:
    return "never" if time is None else duration_text(time.total_seconds())
