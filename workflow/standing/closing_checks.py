"""What is still owed: the next update to customers, and what is open before closing.

A promise is kept by the next notice with other text that reached anybody, late or not: the same
text for customers who were found later is no news to those who have it. The last text's promise is
the open one, and its earliest time counts.

`overdue_sentences` reports overdue updates in every command.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from workflow.document.edits import action_items
from workflow.document.template import parse_template
from workflow.document.view import FIELDS, read_document
from workflow.google.faults import GoogleFault
from workflow.ledger import (
    announcements,
    bounces,
    changes,
    deliveries,
    elsewhere,
    incidents,
    notices,
    plans,
)
from workflow.ledger.announcements import SNOOZED, ReminderState
from workflow.ledger.bounces import Reply
from workflow.ledger.customers import Customer, customers_of
from workflow.ledger.notices import Notice, RowLeftOut, WordGiven, words_given
from workflow.mail import template as mail_template
from workflow.model import (
    STATUSES_OF_STAGE,
    DeliveryState,
    Incident,
    Stage,
    Status,
    clock_text,
    date_text,
    duration_text,
    minutes_between,
    moment_text,
    people,
)
from workflow.standing import doc_standing, other_ledgers
from workflow.standing.doc_standing import missing_changes
from workflow.workspace import Workspace

# --- The next update to customers -----------------------------------------------------------------

# Writing, checking and sending a notice takes about this long.
NEAR_MINUTES = 10

# Two instants of one command. A longer gap means two clocks, or that somebody waited.
_ONE_MOMENT = timedelta(seconds=30)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Promise:
    """An update that a notice promised. `given_at` is None until it was given."""

    notice_id: str
    due_at: datetime
    given_at: datetime | None = None

    @property
    def is_kept(self) -> bool:
        """Whether the update came, and not a minute late."""
        return self.given_at is not None and minutes_late(self.due_at, self.given_at) <= 0


@dataclass(frozen=True)
class NextWord:
    """The open promise. `minutes` until it is due, or since it was; never negative.

    `state` is due or late.
    """

    due_at: datetime
    state: str
    minutes: int

    @property
    def is_near(self) -> bool:
        """Whether it is due so soon that it should be written now."""
        return self.state == "due" and self.minutes <= NEAR_MINUTES

    @property
    def words(self) -> str:
        """`due in 6 min`, `12 min late`."""
        if self.state == "late":
            return f"{_length(self.minutes)} late" if self.minutes else "due now"
        return f"due in {_length(self.minutes)}"


def promises(given: Sequence[WordGiven]) -> list[Promise]:
    """Every promise of the notices, which are in order, and when it was kept."""
    kept: list[Promise] = []
    news: WordGiven | None = None
    for word, after in zip(reversed(given), [None, *reversed(given)], strict=False):
        if after is not None and after.words != word.words:
            news = after
        if word.promised is not None:
            at = told_at(news) if news else None
            kept.append(Promise(word.notice_id, word.promised, at))
    return kept[::-1]


def told_at(word: WordGiven) -> datetime:
    """When the notice reached the first customer, by the clock of the story.

    Mails are stamped by the wall clock. If that differs from the story's (a rehearsal), or drafts
    waited for release, the notice's own instant is used.
    """
    one_clock = abs(word.said_at - word.planned_at) < _ONE_MOMENT
    return max(word.accepted_at, word.said_at) if one_clock else word.said_at


def minutes_late(due_at: datetime, at: datetime) -> int:
    """How many minutes after it was due, in the minutes that are shown; below 0: before that.

    Everything that decides or reports lateness uses this, so all agree.
    """
    return minutes_between(due_at, at)


def next_word(given: Sequence[WordGiven], now: datetime) -> NextWord | None:
    """The open promise, if there is one."""
    last_words = takewhile(lambda word: word.words == given[-1].words, reversed(given))
    due_at = min((word.promised for word in last_words if word.promised), default=None)
    if due_at is None:
        return None
    left = due_at - now
    if left > timedelta(0):
        return NextWord(due_at, "due", -(-left // _MINUTE))
    return NextWord(due_at, "late", minutes_late(due_at, now))


def promise_words(promise: Promise, zone: ZoneInfo) -> str:
    """The doc's text about a promise: its time, and when it was kept."""
    promised = f"Next update promised for {moment_text(promise.due_at, zone)}"
    if promise.given_at is None:
        return promised
    same_day = date_text(promise.given_at, zone) == date_text(promise.due_at, zone)
    say = clock_text if same_day else moment_text
    return f"{promised} – given at {say(promise.given_at, zone)}, {_kept(promise)}"


def _kept(promise: Promise) -> str:
    assert promise.given_at is not None  # noqa: S101 - asked for kept promises alone
    late = minutes_late(promise.due_at, promise.given_at)
    if late == 0:
        return "on time"
    return f"{_length(late)} late" if late > 0 else f"{_length(-late)} early"


def _length(minutes: int) -> str:
    return duration_text(minutes * 60)


def overdue_sentences(workspace: Workspace, incident_ids: Sequence[str]) -> list[str]:
    """A sentence for each of these incidents whose promised update is late and not snoozed."""
    now = workspace.now()
    found = []
    with workspace.ledger.read() as connection:
        for incident_id in incident_ids:
            incident = incidents.incident_by_id(connection, incident_id)
            word = next_word(words_given(connection, incident_id), now)
            if word is None or word.state != "late":
                continue
            snoozed = [
                each
                for each in announcements.of_incident(connection, incident_id)
                if each.kind == SNOOZED
                and each.due_at > now
                and each.state is not ReminderState.WITHDRAWN
            ]
            if snoozed:
                continue
            due = moment_text(word.due_at, incident.zone)
            found.append(
                f"The update to customers of “{incident.title[:60]}” is {word.words} (promised for "
                f"{due}). Send it: postmortem notify LIST --incident {incident.id}, or remind me "
                f"later: postmortem snooze 15m --incident {incident.id}"
            )
    return found


# --- Before closing -------------------------------------------------------------------------------

# Name this many actions and sections: a longer list would hide the rest.
_NAMED = 5


@dataclass(frozen=True)
class OpenEnd:
    """An open item, and the command that fixes it; "" if there is none.

    `kind` is other_ledger, pending, failed, unknown, not_told, not_compared or refused, which stop
    a close; or not_mailed, extra_drafts, bounced, left_out, unanswered, proposed, not_in_doc,
    placeholders, sections, actions or not_checked, which don't. `rows` are the rows of lists
    concerned, each in its own words.
    """

    kind: str
    words: str
    command: str = ""
    in_the_record: str = ""
    rows: tuple[str, ...] = ()

    @property
    def recorded_words(self) -> str:
        """The timeline's text for it: text that Docs refused isn't put into the doc again."""
        return self.in_the_record or self.words

    @property
    def stops(self) -> bool:
        """Whether it stops a close until a person decides."""
        return self.kind == OTHER_LEDGER or self.kind in _STOPPING

    @property
    def sentence(self) -> str:
        """The text with its command."""
        return f"{self.words}: {self.command}" if self.command else self.words


OTHER_LEDGER, NOT_COMPARED = "other_ledger", "not_compared"
REFUSED, NOT_IN_DOC = "refused", "not_in_doc"
_STOPPING = frozenset({"pending", "failed", "unknown", "not_told", NOT_COMPARED, REFUSED})


@dataclass(frozen=True)
class Reached:
    """The customers whom the incident's notices reached. `first_word`: the first send time."""

    told: int
    of_the_end: int
    bounced: int
    first_word: datetime | None


@dataclass(frozen=True)
class Findings:
    """Everything that was found in the ledger. `ways`: what to do about other ledgers' notices."""

    open_ends: tuple[OpenEnd, ...]
    reached: Reached
    ways: str

    @property
    def stopping(self) -> tuple[OpenEnd, ...]:
        """The findings that need a reason before the incident can be closed."""
        return tuple(each for each in self.open_ends if each.kind in _STOPPING)

    @property
    def elsewhere(self) -> tuple[OpenEnd, ...]:
        """Notices of other ledgers: a reason isn't enough, a person has to say that they know."""
        return tuple(each for each in self.open_ends if each.kind == OTHER_LEDGER)


def look(connection: Connection, incident: Incident) -> Findings:
    """Check the incident's mails and customers in the ledger. Doesn't call Google."""
    found = _Customers()
    for customer in customers_of(connection, incident.id):
        found.take(customer)
    listed = notices.notices_of(connection, incident.id)
    ends = [
        end
        for notice in listed
        for end in _of_notice(connection, incident, notice, found.undecided)
    ]
    ends += _not_told(found, incident.status)
    if found.bounced:
        ends.append(
            OpenEnd(
                "bounced",
                f"The mail to {people(found.bounced)} bounced. Contact them another way",
                "postmortem bounces",
            )
        )
    if left_out := notices.still_left_out(connection, incident.id):
        ends.append(_left_out(left_out))
    for plan in plans.of_incident(connection, incident.id):
        if plan.content is not None:
            words = f"Plan {plan.short} was proposed and is neither sent nor refused"
            command = f'postmortem approve {plan.short} --refuse "why"'
            ends.append(OpenEnd("proposed", words, command))
    if count := changes.count_pending(connection, incident.id) - len(
        missing_changes(connection, incident.id)
    ):
        are = "1 change is" if count == 1 else f"{count:,} changes are"
        ends.append(OpenEnd(NOT_IN_DOC, f"{are} not in the doc yet", "postmortem sync"))
    if waiting := [each for each in bounces.replies_of(connection, incident.id) if each.waits]:
        ends.append(_unanswered(waiting))
    ends += [
        OpenEnd(
            REFUSED,
            f"Google Docs refuses {missing.words}",
            f"postmortem sync --drop {missing.id}",
            "a change that Google Docs refuses",
        )
        for missing in missing_changes(connection, incident.id)
    ]
    unknown_here = elsewhere.last_comparison(connection, incident.id).found
    for each in unknown_here:
        ends.append(OpenEnd(OTHER_LEDGER, other_ledgers.words(each, incident).rstrip(".")))
    reached = Reached(found.told, found.told - found.not_told, found.bounced, found.first_word)
    return Findings(tuple(ends), reached, other_ledgers.ways(unknown_here))


def customers_not_told(connection: Connection, incident: Incident) -> list[Customer]:
    """The customers who were notified but not told it is resolved, and can be told by mail."""
    return [
        customer
        for customer in customers_of(connection, incident.id)
        if customer.told and not customer.knows_the_end() and not customer.gets_no_mail
    ]


def look_at_doc(workspace: Workspace, incident: Incident) -> tuple[OpenEnd, ...]:
    """Find what the doc still lacks; if it can't be read, a sentence about what was not checked."""
    if not incident.doc_id:
        return (doc_not_checked("is not made yet"),)
    try:
        view = read_document(workspace.google.docs.get(incident.doc_id, FIELDS))
    except GoogleFault as fault:
        fault = doc_standing.named(workspace, incident, fault)
        why = fault.sentence_in(incident.zone).rstrip(".")
        return (doc_not_checked(f"can't be read ({why})"),)
    with workspace.ledger.read() as connection:
        source = incidents.doc_record(connection, incident.id).template_source
    sections = parse_template(source).sections
    ends = [OpenEnd("trash", words) for words in doc_standing.trash_words(workspace, incident)]
    if left := action_items.placeholders_left(view):
        ends.append(OpenEnd("placeholders", f"Placeholders are left in the doc: {_named(left)}"))
    if empty := action_items.empty_sections(view, sections):
        words = f"Still empty in the doc: {', '.join(empty)}"
        ends.append(OpenEnd("sections", words, 'postmortem section NAME "…"'))
    ends += _of_actions(action_items.actions(view, sections))
    return tuple(ends)


def doc_not_checked(why: str) -> OpenEnd:
    """The item for a doc that was not checked; `why` follows the words “the doc”."""
    return OpenEnd("not_checked", f"The doc {why}, so its sections and actions were not checked")


class _Customers:
    """The sums over all customers, added one by one; `not_mailed` are a part of `not_told`."""

    def __init__(self) -> None:
        self.told = self.not_told = self.not_mailed = self.bounced = 0
        self.first_word: datetime | None = None
        self.undecided: Counter[tuple[str, DeliveryState]] = Counter()

    def take(self, customer: Customer) -> None:
        told = customer.told
        if told:
            self.told += 1
            self.not_told += not customer.knows_the_end()
            self.not_mailed += customer.gets_no_mail and not customer.knows_the_end()
            first = told[0].said_at
            self.first_word = min(first, self.first_word or first)
        self.bounced += bool(customer.words) and customer.words[-1].bounced
        self.undecided.update(
            (word.notice_id, word.state)
            for word in customer.undecided()
            # A failed mail to somebody who gets none any more can't be sent again.
            if word.state is not DeliveryState.FAILED or not customer.gets_no_mail
        )


def is_overtaken(notice: Notice, status: Status) -> bool:
    """Whether the incident's status contradicts a notice's mails, so that none of them may go.

    A notice whose template names no stage says none.
    """
    fitting = STATUSES_OF_STAGE.get(notice.stage)
    if notice.mode != "send" or fitting is None or status in fitting:
        return False
    if notice.stage is not Stage.UPDATE:
        return True
    template = mail_template.parse_template(notice.template_name, notice.template_source)
    return template.stage is not None


def asks_in_vain(connection: Connection, incident: Incident, notice: Notice) -> bool:
    """Whether mails that wait for a person's word contradict the status: `resume` refuses them."""
    return _waits(connection, notice) and is_overtaken(notice, incident.status)


def _waits(connection: Connection, notice: Notice) -> bool:
    return notice.held or deliveries.count_waiting(connection, notice.id) > 0


def way_on(words: str, notice: Notice, status: Status, *, waits: bool) -> tuple[str, str]:
    """A sentence about mails still to send, and the command for them that the status allows.

    `waits`: they wait for a person's word, so that `resume` refuses mails that contradict it.
    """
    resume = f"postmortem resume {notice.id}"
    if waits and is_overtaken(notice, status):
        return f"{words}, and the incident's status is now “{status}”", f"{resume} --discard"
    return words, resume


def _of_notice(
    connection: Connection,
    incident: Incident,
    notice: Notice,
    undecided: Counter[tuple[str, DeliveryState]],
) -> list[OpenEnd]:
    name = f"The {notice.stage.value} notice"
    resume = f"postmortem resume {notice.id}"
    ends = []
    counts = notices.count_deliveries(connection, notice)
    pending = counts.pending
    if pending:
        words = f"{name} still has {pending:,} to send"
        waits = _waits(connection, notice)
        ends.append(OpenEnd("pending", *way_on(words, notice, incident.status, waits=waits)))
    if failed := undecided[notice.id, DeliveryState.FAILED]:
        words = f"{name} failed for {people(failed)}"
        if not counts.refused:
            words = f"{name} was withdrawn for {people(failed)}. To send it after all"
        ends.append(OpenEnd("failed", words, f"{resume} --retry-failed"))
    if unknown := undecided[notice.id, DeliveryState.UNKNOWN]:
        words = f"It is unknown whether the {notice.stage.value} notice reached {people(unknown)}"
        ends.append(OpenEnd("unknown", words, f"{resume} --resend-unknown"))
    if notice.orphans_possible and not pending:
        words = f"Gmail may hold extra drafts of the {notice.stage.value} notice"
        ends.append(OpenEnd("extra_drafts", words, resume))
    return ends


def _not_told(found: _Customers, status: Status) -> Iterator[OpenEnd]:
    """The items for customers who were not told it is resolved: by a mail, or by no mail at all."""
    count, closed = found.not_told - found.not_mailed, found.not_mailed
    if count:
        first = "" if status is Status.RESOLVED else "postmortem status resolved, then "
        was = "was" if count == 1 else "were"
        yield OpenEnd(
            "not_told",
            f"{people(count)} {was} notified but not told it is resolved",
            f"{first}postmortem close --not-told end.csv, then postmortem notify end.csv "
            "--stage resolved",
        )
    if closed:
        was, are = ("was", "is") if closed == 1 else ("were", "are")
        yield OpenEnd(
            "not_mailed",
            f"{people(closed)} {was} notified but not told it is resolved, and {are} suppressed or "
            "forgotten. Contact them another way",
            "postmortem suppress",
        )


def _left_out(rows: Sequence[tuple[str, RowLeftOut]]) -> OpenEnd:
    """The item for rows left out, with their own words: a report's footer is no customer."""
    count = len(rows)
    has_good_ones = not all(row.is_bad for _, row in rows)
    kind = "" if has_good_ones else "bad "
    who = f"1 {kind}row was" if count == 1 else f"{count:,} {kind}rows were"
    whom = "this customer" if count == 1 else "these customers"
    was = "was" if count == 1 else "were"
    without = "did not get that mail" if has_good_ones else f"{was} not notified"
    return OpenEnd(
        "left_out",
        f"{who} left out, so {whom} {without}",
        "postmortem export DIR --format csv",
        rows=tuple(f"row {row.row} of {name}: {_stood(row)}" for name, row in rows),
    )


def _stood(row: RowLeftOut) -> str:
    """What stood in the place of the address; without anything, what else the row says."""
    if row.value:
        return _short(row.value)
    words = ", ".join(filter(None, row.cells))
    return f"no address ({_short(words)})" if words else "no address"


def _unanswered(waiting: Sequence[Reply]) -> OpenEnd:
    """The item for customers without an answer; the record says how many, not who."""
    who = list(dict.fromkeys(each.answer.sender or each.email for each in waiting))
    words = f"{people(len(who))} replied and {'has' if len(who) == 1 else 'have'} no answer"
    return OpenEnd("unanswered", words, "postmortem replies", rows=tuple(who))


def _of_actions(listed: list[action_items.Action]) -> list[OpenEnd]:
    incomplete = [action for action in listed if not (action.has_owner and action.has_date)]
    if not incomplete:
        return []
    lacking = [f"“{_short(action.text)}” lacks {_lacks(action)}" for action in incomplete]
    return [OpenEnd("actions", f"Incomplete actions: {_named(lacking)}")]


def _lacks(action: action_items.Action) -> str:
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
