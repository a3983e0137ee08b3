"""The doc's text about notices: facts, summary, and edits made in Gmail.

Facts stand above a notice's sent text. The summary of all notices is written into the doc of a
closed incident. The sent text is ours, or a person's edit of a draft in Gmail.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from unicodedata import category

from sqlalchemy.engine import Connection

from workflow.document import parse
from workflow.document.blocks import Block, plain
from workflow.document.edits.changes import PutCommunications
from workflow.document.requests import NoticeOrigin, Tally
from workflow.ledger import (
    bounces,
    changes,
    deliveries,
    edited_drafts,
    elsewhere,
    incidents,
    notices,
    plans,
)
from workflow.ledger.bounces import Replies
from workflow.ledger.changes import SUMMARY, RecordedChange
from workflow.ledger.deliveries import Delivery
from workflow.ledger.edited_drafts import FOUND_IN_SENT, EditedContent
from workflow.ledger.elsewhere import Reserved
from workflow.ledger.forgetting import FORGOTTEN
from workflow.ledger.notices import Notice, words_given
from workflow.ledger.plans import Proposal, ProposalState
from workflow.mail import content as mail_content
from workflow.mail import faces
from workflow.model import (
    DeliveryCounts,
    DraftDecision,
    Incident,
    MailTransport,
    Shortfall,
    between_text,
    moment_text,
    people,
)
from workflow.standing import closing_checks, other_ledgers
from workflow.standing.closing_checks import Promise, promise_words, promises
from workflow.workspace import new_id

# The doc names this many; `postmortem show` and the export name all of them.
_NAMED = 20
_LONGEST_VALUE = 60
_UNSEEN = "\ufffd"


def notice_heading(incident: Incident, notice: Notice) -> str:
    """The heading of a notice's copy: its stage, and when it was sent."""
    return f"{notice.stage.value.capitalize()} – {moment_text(notice.said_at, incident.zone)}"


def notice_origin(notice: Notice, ledger: str) -> NoticeOrigin:
    """A notice's origin, for the doc's marks that other ledgers read."""
    return NoticeOrigin(ledger, notice.stage.value, notice.said_at, notice.recipients)


def notice_tally(connection: Connection, notice: Notice) -> Tally:
    """A notice's progress, for the doc's marks that other ledgers read."""
    counts = notices.count_deliveries(connection, notice)
    return Tally(counts.sent, counts.unknown + counts.pending)


def reserved_facts(
    connection: Connection, incident: Incident, notice: Notice, ledger: str
) -> list[str]:
    """The doc's lines about a notice before its first mail."""
    who = "1 customer" if notice.recipients == 1 else f"{notice.recipients:,} customers"
    when = moment_text(notice.said_at, incident.zone)
    words = f"Being sent to {who} since {when} (ledger {ledger})"
    if notice.held:
        words = f"Drafts for {who} since {when} (ledger {ledger}): nothing is sent yet"
    return [f"From: {_senders(connection, notice)}", f"Subject: {notice.subject}", words]


def notice_facts(connection: Connection, incident: Incident, notice: Notice) -> list[str]:
    """The doc's lines about a notice, above its text."""
    counts = notices.count_deliveries(connection, notice)
    lines = [
        f"From: {_senders(connection, notice)}",
        f"Subject: {notice.subject}",
        _counted(counts, notice.transport),
        *_edited(connection, notice, counts.sent),
    ]
    proposal = plans.of_notice(connection, notice.id)
    if proposal is not None:
        lines.append(approval_words(proposal, incident))
    elif notice.approved_by:
        lines.append(f"Approved by: {notice.approved_by} (plan {notice.plan_hash[:8]})")
    if notice.next_update:
        kept = {each.notice_id: each for each in promises(words_given(connection, incident.id))}
        promise = kept.get(notice.id, Promise(notice.id, notice.next_update))
        lines.append(promise_words(promise, incident.zone))
    reserved = elsewhere.reservation_of(connection, notice.id)
    if reserved is not None and reserved.state is Reserved.NOT_WRITTEN:
        lines.append(f"Not in the doc before it was sent: {reserved.reason}")
    bounced = bounces.bounces_of(connection, notice.id)
    returned = returned_words(len(bounced), bounces.replies_to(connection, notice.id))
    if returned:
        lines.append(f"Bounces and replies: {', '.join(returned)}")
    named = [f"Bounced: {each.email} – {each.reason}" for each in bounced]
    if notice.names_repliers:
        replied = bounces.replies_of(connection, incident.id)
        people = [each for each in replied if each.notice_id == notice.id and not each.automatic]
        who = dict.fromkeys(each.answer.sender or each.email for each in people)
        named += [f"Replied: {each}" for each in who]
    return [
        *lines,
        *_first_of(named),
        *_named(notices.shortfalls(connection, notice.id)),
        *rows_not_told(connection, notice),
    ]


def proposal_facts(incident: Incident, proposal: Proposal) -> list[str]:
    """The doc's lines about a proposed plan, above its wordings."""
    who = "1 customer" if proposal.recipients == 1 else f"{proposal.recipients:,} customers"
    lines = [
        f"Subject: {proposal.subject}",
        f"Stage: {proposal.stage.value}, to {who}",
        approval_words(proposal, incident),
    ]
    if proposal.state is ProposalState.PROPOSED:
        lines.append(f"Comment here. To approve: postmortem approve {proposal.short}")
    if proposal.reason:
        lines.append(f"Reason: {proposal.reason}")
    return lines


def approval_words(proposal: Proposal, incident: Incident) -> str:
    """Who proposed, approved and sent a plan, and when, as one line."""
    zone = incident.zone
    parts = [f"Proposed by {proposal.proposed_by}, {moment_text(proposal.proposed_at, zone)}"]
    if proposal.decided_at is not None:
        did = "refused" if proposal.state is ProposalState.REFUSED else "approved"
        parts.append(f"{did} by {proposal.decided_by}, {moment_text(proposal.decided_at, zone)}")
    if proposal.sent_at is not None:
        parts.append(f"sent by {proposal.sent_by}, {moment_text(proposal.sent_at, zone)}")
    if proposal.state is ProposalState.WITHDRAWN:
        parts.append("withdrawn")
    return f"{'; '.join(parts)} (plan {proposal.short})"


def _edited(connection: Connection, notice: Notice, sent: int) -> list[str]:
    """Lines about mails that a person edited; most notices have none."""
    left = edited_drafts.edited_and_sent(connection, notice.id)
    if not left:
        return []

    return edited_lines(left, sent)


def rows_not_told(connection: Connection, notice: Notice) -> list[str]:
    """A line for each bad row that was left out of a notice: its number, its cell, the reason."""
    left_out = notices.rows_left_out_of(connection, notice.id)
    return _first_of(
        [
            f"Not notified: row {each.row} of {notice.list_name}{in_brackets(each.value)} – "
            f"{each.reason}"
            for each in left_out
        ]
    )


def in_brackets(value: str) -> str:
    """A cell's content on one line, shortened; "" for an empty one.

    Invisible characters, and those that change the writing direction, are shown as a mark.
    """
    words = "".join(_UNSEEN if category(each) == "Cf" else each for each in " ".join(value.split()))
    short = words if len(words) <= _LONGEST_VALUE else f"{words[: _LONGEST_VALUE - 1]}…"
    return f" ({short})" if short else ""


def returned_words(bounced: int, replies: Replies) -> list[str]:
    """The bounces and replies of a notice: `2 bounced`, `3 replies`, `1 automatic reply`."""
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
    """Whether the notice's copy is in the doc, with the current numbers.

    If a process died between its last mail and the doc, the next process updates it.
    """
    return notice.facts_written == notice_facts(connection, incident, notice)


def _senders(connection: Connection, notice: Notice) -> str:
    """A notice's sender: one address, or each mailbox that sent a part of it."""
    own = notice.from_address or notice.sender
    mailboxes = [each or own for each in deliveries.senders_of(connection, notice.id)] or [own]
    shown = ", ".join(mailboxes)
    return f"{notice.sender_name} <{shown}>" if notice.sender_name else shown


def _counted(counts: DeliveryCounts, by: MailTransport) -> str:
    rest = [f"{number:,} {words}" for number, words in counts.rest_and_skipped]
    return ", ".join([f"Accepted by {by.label}: {counts.sent:,} of {counts.total:,}", *rest])


def _named(shortfalls: list[Shortfall]) -> list[str]:
    return _first_of([f"Failed or unknown: {each.email} – {each.reason}" for each in shortfalls])


def _first_of(lines: list[str]) -> list[str]:
    if len(lines) <= _NAMED:
        return lines
    more = len(lines) - _NAMED
    return [*lines[:_NAMED], f"…and {more:,} more; `postmortem show` names them."]


_HEADING = "Communications summary"


def record_summary(
    connection: Connection, incident: Incident, at: datetime, facts: Mapping[str, Any]
) -> None:
    """Record the current summary for the doc; `facts` are stored with it.

    If no customer was written to, there is nothing to show, and nothing waits.
    """
    lines = _lines(connection, incident)
    change = RecordedChange(f"{SUMMARY}-{new_id(10)}", SUMMARY, {"lines": lines, **facts}, at)
    changes.record_change(connection, incident.id, change)
    if not lines:
        changes.changes_done(connection, [change.id], at=at)


def refresh_summary(connection: Connection, incident_id: str, at: datetime) -> None:
    """Update an existing summary if anything in it has changed."""
    earlier = changes.changes_of_kind(connection, incident_id, SUMMARY)
    incident = incidents.incident_by_id(connection, incident_id)
    if earlier and earlier[-1].payload["lines"] != _lines(connection, incident):
        record_summary(connection, incident, at, {})


def wanted_summary(connection: Connection, incident: Incident) -> list[PutCommunications]:
    """The last recorded summary, with the ones before it; none if no customer was written to."""
    written = [
        tuple(change.payload["lines"])
        for change in changes.changes_of_kind(connection, incident.id, SUMMARY)
    ]
    shown = [lines for lines in written if lines]
    if not shown:
        return []
    return [PutCommunications(incident.id, _HEADING, shown[-1], tuple(shown[:-1]))]


def _lines(connection: Connection, incident: Incident) -> list[str]:
    """A line for the whole and one for each notice; none if no customer was written to."""
    listed = notices.notices_of(connection, incident.id)
    found = elsewhere.last_comparison(connection, incident.id).found
    others = [other_ledgers.words(each, incident) for each in found]
    if not listed:
        return others
    reached = closing_checks.look(connection, incident).reached
    promised = {
        promise.notice_id: promise_words(promise, incident.zone)
        for promise in promises(words_given(connection, incident.id))
    }
    lines = [_first_word(incident, reached.first_word)]
    lines.append(f"Notified: {people(reached.told)}; told it is resolved: {reached.of_the_end:,}")
    for notice in listed:
        lines.append(_of_notice(connection, incident, notice))
        if notice.id in promised:
            lines.append(promised[notice.id])
        lines += rows_not_told(connection, notice)
    lines += others
    if incident.close_reason:
        lines.append(f"Closed with something left open: {incident.close_reason}")
    return lines


def _first_word(incident: Incident, at: datetime | None) -> str:
    if at is None:
        return "First notice to customers: none"
    return (
        f"First notice to customers: {moment_text(at, incident.zone)}, "
        f"{time_to(incident, at)} after the start"
    )


def time_to(incident: Incident, at: datetime) -> str:
    """The time from the incident's start to an event, in words."""
    return between_text(incident.started_at, at)


def _of_notice(connection: Connection, incident: Incident, notice: Notice) -> str:
    when = moment_text(notice.said_at, incident.zone)
    counts = _counted_in_summary(notices.count_deliveries(connection, notice), notice.transport)
    returned = returned_words(
        len(bounces.bounces_of(connection, notice.id)), bounces.replies_to(connection, notice.id)
    )
    return f"{notice.stage.value.capitalize()}, {when}: {', '.join([counts, *returned])}"


def _counted_in_summary(counts: DeliveryCounts, by: MailTransport) -> str:
    words = [f"{counts.sent:,} of {counts.total:,} accepted by {by.label}"]
    words += [f"{counts.refused:,} failed", f"{counts.unknown:,} unknown"]
    if counts.withdrawn:
        words.append(f"{counts.withdrawn:,} withdrawn")
    if counts.pending:
        words.append(f"{counts.pending:,} never sent")
    return ", ".join(words)


# The doc quotes this many edits; `postmortem told ADDRESS --full` shows each.
_QUOTED = 20
_NOT_KNOWN = "The text is unknown: a person sent this mail in Gmail."
_ONLY_FOUND = "The text is not in this ledger: the mail was found in the Sent folder."


@dataclass(frozen=True)
class SentText:
    """A mail's text. `text` is None if it is unknown; `raw` has the bytes of an edited mail."""

    subject: str
    text: str | None
    raw: bytes | None = None
    ours: bool = True
    why_unknown: str = ""

    @property
    def shown(self) -> str:
        """The text, or a sentence that it is unknown."""
        return self.why_unknown if self.text is None else self.text

    @property
    def kind(self) -> str:
        """`ours`, `edited` or `unknown`, for programs."""
        return "ours" if self.ours else "unknown" if self.text is None else "edited"


def words_of(delivery: Delivery, left: EditedContent | None) -> SentText:
    """A mail's text; `left` is the text that was sent instead of ours, if it differs."""
    if left is None and delivery.evidence == FOUND_IN_SENT:
        return SentText(delivery.subject, None, ours=False, why_unknown=_ONLY_FOUND)
    if left is None:
        return SentText(delivery.subject, our_text(delivery))
    if left.raw is None and delivery.email == FORGOTTEN:
        return SentText(FORGOTTEN, FORGOTTEN, ours=False)
    if left.raw is None:
        return SentText(delivery.subject, None, ours=False, why_unknown=_NOT_KNOWN)
    content = mail_content.read_content(left.raw)
    return SentText(content.subject, content.text, left.raw, ours=False)


def our_text(delivery: Delivery) -> str:
    """The text of a mail as it was planned."""
    return faces.text_face(faces.parse_body(delivery.markdown)).rstrip("\n")


def _our_html_words(delivery: Delivery) -> str:
    """The words of a mail's HTML as it was planned."""
    tokens = faces.parse_body(delivery.markdown)
    pictures = dict.fromkeys(faces.picture_names(tokens), "cid:")
    html = faces.html_face(tokens, subject=delivery.subject, lang=delivery.lang, pictures=pictures)
    return mail_content.words_of_html(html)


def text_that_left(connection: Connection, notice: Notice) -> tuple[Block, ...]:
    """The text of a notice as it was sent.

    If every mail was sent with the same edited text, that text is given instead of ours.
    """
    left = edited_drafts.edited_and_sent(connection, notice.id)
    sent = notices.count_deliveries(connection, notice).sent
    texts = {mail_content.read_content(each.raw).text if each.raw else "" for _, each in left}
    if left and len(left) == sent and len(texts) == 1 and (text := texts.pop()):
        return tuple(plain(line) for line in text.split("\n") if line.strip())
    return tuple(parse.blocks_from_markdown(notice.copy_markdown))


def edited_counts(left: Sequence[tuple[Delivery, EditedContent]], sent: int) -> list[str]:
    """How many sent mails differ from ours.

    `sent` is the number of the notice's sent mails.
    """
    by_hand = DraftDecision.BY_HAND
    unread = sum(each.raw is None and each.decision is by_hand for _, each in left)
    edited = len(left) - unread
    lines = []
    if edited:
        were = "was" if edited == 1 else "were"
        lines.append(f"{edited:,} of {sent:,} {were} edited before sending")
    if unread:
        lines.append(f"{unread:,} of {sent:,} sent by a person in Gmail (text unknown)")
    return lines


def edited_lines(left: Sequence[tuple[Delivery, EditedContent]], sent: int) -> list[str]:
    """The doc's lines about sent mails that differ from ours: how many, and their text.

    `sent` is as for `edited_counts`.
    """
    edited = [each for each in left if each[1].raw is not None]
    alike: dict[str, list[str]] = {}
    for delivery, content in edited:
        alike.setdefault(_changes_in_words(delivery, content), []).append(delivery.email)
    quoted = [f"Edited for {_named_customers(who)}: {words}" for words, who in alike.items()]
    if len(quoted) > _QUOTED:
        more = len(quoted) - _QUOTED
        quoted = [*quoted[:_QUOTED], f"…and {more:,} more edits: postmortem told ADDRESS --full"]
    return edited_counts(left, sent) + quoted


def _changes_in_words(delivery: Delivery, left: EditedContent) -> str:
    theirs = mail_content.read_content(left.raw or b"")
    ours = replace(
        theirs,
        subject=delivery.subject,
        text=our_text(delivery),
        html_words=_our_html_words(delivery),
        to=theirs.to if mail_content.goes_to(theirs, delivery.email) else (delivery.email,),
    )
    return (
        "; ".join(_in_words(mail_content.differences(ours, theirs)))
        or "recipients, formatting or attachments"
    )


# How the lines of each body are introduced.
_BODIES = {"Text": "", "HTML": "HTML "}


def _in_words(found: list[mail_content.Difference]) -> Iterator[str]:
    for each in found:
        if each.what not in _BODIES:
            yield f"{each.what} “{each.theirs}”"
            continue
        says = " / ".join(line.strip() for line in mail_content.new_lines(each))
        yield _BODIES[each.what] + (f"“{says}”" if says else "some lines removed")


def _named_customers(addresses: list[str]) -> str:
    if len(addresses) <= 3:
        return ", ".join(addresses)
    return f"{len(addresses):,} customers"
