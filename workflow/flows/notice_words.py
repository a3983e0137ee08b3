"""What the doc says of a notice, above the text that was sent."""

from __future__ import annotations

from unicodedata import category

from sqlalchemy.engine import Connection

from workflow.flows.next_word import Promise, promise_words, promises
from workflow.incident import DeliveryCounts, Incident, MailTransport, Shortfall, moment_text
from workflow.ledger import bounces, deliveries, notices, rows_left_out
from workflow.ledger.bounces import Replies
from workflow.ledger.notices import Notice
from workflow.ledger.promises import words_given

# The doc names so many; `postmortem show` and the export name all of them.
_NAMED = 20
_LONGEST_VALUE = 60
_UNSEEN = "\ufffd"


def notice_heading(incident: Incident, notice: Notice) -> str:
    """The heading of a notice's copy: its stage, and when it was sent."""
    return f"{notice.stage.value.capitalize()} – {moment_text(notice.said_at, incident.zone)}"


def notice_facts(connection: Connection, incident: Incident, notice: Notice) -> list[str]:
    """What the doc says of a notice above its text, a line each."""
    counts = notices.count_deliveries(connection, notice)
    lines = [
        f"From: {_senders(connection, notice)}",
        f"Subject: {notice.subject}",
        _counted(counts, notice.transport),
    ]
    if notice.approved_by:
        lines.append(f"Agreed by: {notice.approved_by} (plan {notice.plan_hash[:8]})")
    if notice.next_update:
        kept = {each.notice_id: each for each in promises(words_given(connection, incident.id))}
        promise = kept.get(notice.id, Promise(notice.id, notice.next_update))
        lines.append(promise_words(promise, incident.zone))
    bounced = bounces.bounces_of(connection, notice.id)
    returned = returned_words(len(bounced), bounces.replies_to(connection, notice.id))
    if returned:
        lines.append(f"Came back: {', '.join(returned)}")
    named = [f"Bounced: {each.email} – {each.reason}" for each in bounced]
    return [
        *lines,
        *_first_of(named),
        *_named(notices.shortfalls(connection, notice.id)),
        *rows_not_told(connection, notice),
    ]


def rows_not_told(connection: Connection, notice: Notice) -> list[str]:
    """A line for each bad row that was left out of a notice: its number, what stood there, why."""
    left_out = rows_left_out.rows_of(connection, notice.id)
    return _first_of(
        [
            f"Not told: row {each.row} of {notice.list_name}{in_brackets(each.value)} – "
            f"{each.reason}"
            for each in left_out
        ]
    )


def in_brackets(value: str) -> str:
    """What stands in a cell, on one line and cut where it is long; "" for an empty one.

    What nobody sees, and what turns the writing's direction, is shown as a mark.
    """
    words = "".join(_UNSEEN if category(each) == "Cf" else each for each in " ".join(value.split()))
    short = words if len(words) <= _LONGEST_VALUE else f"{words[: _LONGEST_VALUE - 1]}…"
    return f" ({short})" if short else ""


def returned_words(bounced: int, replies: Replies) -> list[str]:
    """What came back of a notice: `2 bounced`, `3 replies`, `1 automatic reply`; what there is."""
    answers = "1 reply" if replies.people == 1 else f"{replies.people:,} replies"
    automatic = "1 automatic reply"
    if replies.automatic != 1:
        automatic = f"{replies.automatic:,} automatic replies"
    return [
        words
        for count, words in (
            (bounced, f"{bounced:,} bounced"),
            (replies.people, answers),
            (replies.automatic, automatic),
        )
        if count
    ]


def doc_says_how_it_stands(connection: Connection, incident: Incident, notice: Notice) -> bool:
    """Whether the notice's copy is in the doc, with the numbers of now.

    A process that died between its last mail and the doc leaves this to whoever comes next.
    """
    return notice.facts_written == notice_facts(connection, incident, notice)


def _senders(connection: Connection, notice: Notice) -> str:
    """Who a notice is from: one address, or each mailbox that sent a part of it."""
    own = notice.from_address or notice.sender
    mailboxes = [each or own for each in deliveries.senders_of(connection, notice.id)] or [own]
    shown = ", ".join(mailboxes)
    return f"{notice.sender_name} <{shown}>" if notice.sender_name else shown


def _counted(counts: DeliveryCounts, by: MailTransport) -> str:
    rest = [
        f"{number:,} {words}"
        for number, words in (
            (counts.failed, "failed"),
            (counts.unknown, "unknown"),
            (counts.pending, "still to send"),
            (counts.skipped, "skipped (had it already)"),
        )
        if number
    ]
    return ", ".join([f"Accepted by {by.label}: {counts.sent:,} of {counts.total:,}", *rest])


def _named(shortfalls: list[Shortfall]) -> list[str]:
    return _first_of([f"Not surely told: {each.email} – {each.reason}" for each in shortfalls])


def _first_of(lines: list[str]) -> list[str]:
    if len(lines) <= _NAMED:
        return lines
    more = len(lines) - _NAMED
    return [*lines[:_NAMED], f"…and {more:,} more; `postmortem show` names them."]
