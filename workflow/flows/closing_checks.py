"""What stands in the way of closing an incident, and what is merely left undone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection

from workflow.customers import Customer
from workflow.document import gaps
from workflow.document.template import parse_template
from workflow.document.view import FIELDS, read_document
from workflow.flows.workspace import Workspace
from workflow.google.faults import GoogleFault
from workflow.incident import DeliveryState, Incident
from workflow.ledger import incidents, notices, rows_left_out
from workflow.ledger.customers import customers_of
from workflow.ledger.notices import Notice

# So many actions and sections are named; a longer list would hide the rest.
_NAMED = 5


@dataclass(frozen=True)
class OpenEnd:
    """Something left undone, and the command that sees to it, "" where words alone help.

    `kind` is pending, failed, unknown or not_told, which stop a close; or bounced, left_out,
    placeholders, sections, actions or not_checked, which do not.
    """

    kind: str
    words: str
    command: str = ""

    @property
    def stops(self) -> bool:
        """Whether the incident is not to be closed without a reason."""
        return self.kind in _STOPPING

    @property
    def sentence(self) -> str:
        """The words with the command behind them."""
        return f"{self.words}: {self.command}" if self.command else self.words


_STOPPING = frozenset({"pending", "failed", "unknown", "not_told"})


@dataclass(frozen=True)
class Reached:
    """Whom the incident's notices reached. `first_word` is when the first of them was sent."""

    told: int
    of_the_end: int
    bounced: int
    first_word: datetime | None


@dataclass(frozen=True)
class Findings:
    """All that was found in the ledger."""

    open_ends: tuple[OpenEnd, ...]
    reached: Reached

    @property
    def stopping(self) -> tuple[OpenEnd, ...]:
        """What stands in the way."""
        return tuple(each for each in self.open_ends if each.stops)


def look(connection: Connection, incident: Incident) -> Findings:
    """What the ledger says of the incident's mails and customers. Google is not asked."""
    found = _Customers(incident.resolved_at)
    for customer in customers_of(connection, incident.id):
        found.take(customer)
    listed = notices.notices_of(connection, incident.id)
    ends = [end for notice in listed for end in _of_notice(connection, notice, found.undecided)]
    if found.not_told:
        ends.append(_not_told(found.not_told))
    if found.bounced:
        ends.append(
            OpenEnd(
                "bounced",
                f"The mail to {_people(found.bounced)} came back: reach them another way",
                "postmortem bounces",
            )
        )
    if left_out := rows_left_out.count_still_left_out(connection, incident.id):
        ends.append(_left_out(left_out))
    reached = Reached(found.told, found.told - found.not_told, found.bounced, found.first_word)
    return Findings(tuple(ends), reached)


def customers_not_told(connection: Connection, incident: Incident) -> list[Customer]:
    """The customers who were told of the incident and not of its end."""
    return [
        customer
        for customer in customers_of(connection, incident.id)
        if customer.told and not customer.knows_the_end(incident.resolved_at)
    ]


def look_at_doc(workspace: Workspace, incident: Incident) -> tuple[OpenEnd, ...]:
    """What the doc still lacks; where it can't be read, a sentence about what was not checked."""
    if not incident.doc_id:
        return (doc_not_checked("is not made yet"),)
    try:
        view = read_document(workspace.google.docs.get(incident.doc_id, FIELDS))
    except GoogleFault as fault:
        why = fault.sentence_in(incident.zone).rstrip(".")
        return (doc_not_checked(f"can't be read ({why})"),)
    with workspace.ledger.read() as connection:
        source = incidents.doc_record(connection, incident.id).template_source
    sections = parse_template(source).sections
    ends = []
    if left := gaps.placeholders_left(view):
        ends.append(OpenEnd("placeholders", f"Placeholders are left in the doc: {_named(left)}"))
    if empty := gaps.empty_sections(view, sections):
        words = f"Still empty in the doc: {', '.join(empty)}"
        ends.append(OpenEnd("sections", words, 'postmortem section NAME "…"'))
    ends += _of_actions(gaps.actions(view, sections))
    return tuple(ends)


def doc_not_checked(why: str) -> OpenEnd:
    """That the doc was not looked at; `why` follows the words “the doc”."""
    return OpenEnd("not_checked", f"The doc {why}, so its sections and actions were not checked")


class _Customers:
    """What all customers together come to, taken one by one."""

    def __init__(self, resolved_at: datetime | None) -> None:
        self._resolved_at = resolved_at
        self.told = self.not_told = self.bounced = 0
        self.first_word: datetime | None = None
        self.undecided: Counter[tuple[str, DeliveryState]] = Counter()

    def take(self, customer: Customer) -> None:
        told = customer.told
        if told:
            self.told += 1
            self.not_told += not customer.knows_the_end(self._resolved_at)
            first = told[0].said_at
            self.first_word = min(first, self.first_word or first)
        self.bounced += bool(customer.words) and customer.words[-1].bounced
        self.undecided.update((word.notice_id, word.state) for word in customer.undecided())


def _of_notice(
    connection: Connection, notice: Notice, undecided: Counter[tuple[str, DeliveryState]]
) -> list[OpenEnd]:
    name = f"The {notice.stage.value} notice"
    resume = f"postmortem resume {notice.id}"
    ends = []
    pending = notices.count_deliveries(connection, notice).pending
    if pending:
        ends.append(OpenEnd("pending", f"{name} still has {pending:,} to send", resume))
    if failed := undecided[notice.id, DeliveryState.FAILED]:
        words = f"{name} failed for {_people(failed)}"
        ends.append(OpenEnd("failed", words, f"{resume} --retry-failed"))
    if unknown := undecided[notice.id, DeliveryState.UNKNOWN]:
        words = f"Nobody knows whether the {notice.stage.value} notice reached {_people(unknown)}"
        ends.append(OpenEnd("unknown", words, f"{resume} --resend-unknown"))
    return ends


def _not_told(count: int) -> OpenEnd:
    return OpenEnd(
        "not_told",
        f"{_people(count)} {'was' if count == 1 else 'were'} told of it and not of its end",
        "postmortem close --not-told end.csv, then postmortem notify end.csv --stage resolved",
    )


def _left_out(count: int) -> OpenEnd:
    who = "1 bad row was" if count == 1 else f"{count:,} bad rows were"
    whom = "this customer was" if count == 1 else "these customers were"
    return OpenEnd(
        "left_out",
        f"{who} left out of what was sent, so {whom} not told",
        "postmortem export DIR --format csv",
    )


def _of_actions(listed: list[gaps.Action]) -> list[OpenEnd]:
    incomplete = [action for action in listed if not (action.has_owner and action.has_date)]
    if not incomplete:
        return []
    lacking = [f"“{_short(action.text)}” lacks {_lacks(action)}" for action in incomplete]
    return [OpenEnd("actions", f"What will be done next time: {_named(lacking)}")]


def _lacks(action: gaps.Action) -> str:
    lacking = [
        name
        for name, there in (("an owner", action.has_owner), ("a date", action.has_date))
        if not there
    ]
    return " and ".join(lacking)


def _named(items: list[str]) -> str:
    more = f" and {len(items) - _NAMED} more" if len(items) > _NAMED else ""
    return ", ".join(items[:_NAMED]) + more


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"


def _people(count: int) -> str:
    return "1 customer" if count == 1 else f"{count:,} customers"
