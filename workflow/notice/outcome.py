"""The result of sending or withdrawing a notice in words, and the numbers a person types.

Says why a notice stopped and how to continue. Before mails go that were not part of this run, a
person types their number: drafts under review, the rest after the first mails, failed or unknown
ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import tzinfo

from workflow.doc.notices import refuse_given_away
from workflow.doc.push import waiting_fault
from workflow.errors import BadInput, NotSetUp, PostmortemError, Recorded
from workflow.ledger import elsewhere, incidents
from workflow.ledger.elsewhere import NoticeElsewhere
from workflow.ledger.notices import Notice
from workflow.mail.template import parse_template
from workflow.model import STATUSES_OF_STAGE, DeliveryState, MailTransport, Stage, people
from workflow.notice.copy_back import Withdrawn
from workflow.notice.send import Notified, settled_elsewhere
from workflow.sending.sender import Ending, SenderEnd
from workflow.standing import other_ledgers
from workflow.standing.overview import NoticeStanding
from workflow.workspace import Workspace

_DAY_FULL = "This account has reached its limit of mails in 24 hours."


def unfinished(notified: Notified) -> PostmortemError | None:
    """The error for an unfinished notice, with the way on; None if it is finished or waits.

    Also None if the person stopped it.
    """
    sent, counts = notified.sent, notified.standing.counts
    if sent.ending in {Ending.STOPPED, Ending.DRAFTED}:
        return None
    waiting = notified.standing.waiting
    if waiting and waiting == counts.pending - counts.edited and sent.fault is None:
        return None
    if counts.pending > counts.edited:
        zone = notified.brought.incident.zone if notified.brought else None
        resume_at = sent.resume_at and sent.resume_at.astimezone(zone)
        when = f" from {resume_at:%Y-%m-%d %H:%M} on" if resume_at else ""
        return _as_fault(
            sent,
            f"{_why(sent, zone)} {counts.sent:,} sent, {counts.pending:,} still to send. To "
            f"continue{when}: postmortem resume {notified.standing.notice.id}",
        )
    if notified.brought is not None and not notified.standing.shortfalls:
        return waiting_fault(notified.brought)
    return None


def next_steps(notified: Notified) -> Iterator[str]:
    """The next steps for a notice that waits for a person."""
    standing = notified.standing
    if standing.notice.held and standing.counts.pending:
        yield f"look at the drafts in Gmail, then postmortem resume {standing.notice.id}"
    if standing.waiting:
        yield (
            f"check the first mails for bounces (postmortem bounces), then postmortem resume "
            f"{standing.notice.id} --confirm {standing.waiting} sends the others"
        )


def steps_for_shortfalls(standing: NoticeStanding) -> Iterator[str]:
    """Advice for failed and unknown deliveries, one for each kind."""
    if standing.counts.failed:
        yield f"postmortem resume {standing.notice.id} --retry-failed"
    if standing.counts.unknown:
        yield step_for_unknown(standing)


def step_for_unknown(standing: NoticeStanding) -> str:
    """What to do about mails that may or may not have been sent."""
    by_relay = standing.notice.transport is MailTransport.SMTP_RELAY
    log = "the relay's log" if by_relay else "Gmail's Sent folder"
    again = f"postmortem resume {standing.notice.id} --resend-unknown"
    return f"look in {log}, then {again} (some people may get two mails)"


def withdrawn_words(withdrawn: Withdrawn, standing: NoticeStanding) -> Iterator[str]:
    """The result of a withdrawal; a second sentence, if there is one, is a warning."""
    counts = standing.counts
    before = counts.sent - withdrawn.sent_meanwhile
    if counts.sent == counts.unknown == 0:
        rest = "Nothing was sent."
    else:
        rest = f"{people(before)} already had it." if before else ""
    yield f"Withdrawn: {people(withdrawn.count)} will not get this mail. {rest}".rstrip()
    if withdrawn.sent_meanwhile:
        yield (
            f"{people(withdrawn.sent_meanwhile)} got it anyway: the draft was sent before it could "
            "be withdrawn. The record shows them as sent."
        )


def not_yet_withdrawn(withdrawn: Withdrawn, standing: NoticeStanding) -> PostmortemError | None:
    """The error for an unfinished withdrawal; None if it is finished or the person stopped it."""
    pending = standing.counts.pending
    if not pending or withdrawn.sent.ending is Ending.STOPPED:
        return None
    zone = withdrawn.brought.incident.zone
    return _as_fault(
        withdrawn.sent,
        f"{_why(withdrawn.sent, zone)} {pending:,} still to withdraw. To continue: "
        f"postmortem resume {standing.notice.id} --discard",
    )


def _as_fault(sent: SenderEnd, words: str) -> PostmortemError:
    return NotSetUp(words) if sent.ending is Ending.SIGN_IN else Recorded(words)


def _why(sent: SenderEnd, zone: tzinfo | None) -> str:
    """Why a sender stopped."""
    why = sent.fault.sentence_in(zone) if sent.fault else _DAY_FULL
    return f"{sent.sender}: {why}" if sent.sender else why


def typed_number(text: str) -> int:
    """The number that a person typed, with or without commas; -1 if it isn't one."""
    digits = text.strip().replace(",", "")
    return int(digits) if digits.isascii() and digits.isdecimal() else -1


def refuse_overtaken(
    workspace: Workspace, standing: NoticeStanding, states: Sequence[DeliveryState] = ()
) -> None:
    """Raise `BadInput` if the incident's status has changed and contradicts mails that wait.

    For mails that a person agrees to after they waited: drafts, the rest after the first ones, and
    those in `states` to be sent again, which may be late but not early: nobody is told that an
    incident is resolved that is not. A notice whose template names no stage is not checked.
    """
    notice = standing.notice
    fitting = STATUSES_OF_STAGE.get(notice.stage)
    again, _ = to_write_again(workspace, standing, states)
    waiting = standing.counts.pending if notice.held else standing.waiting
    again = again if notice.stage in {Stage.RESOLVED, Stage.POSTMORTEM} else 0
    if notice.mode != "send" or fitting is None or not (waiting or again):
        return
    is_said = notice.stage is not Stage.UPDATE or (
        parse_template(notice.template_name, notice.template_source).stage is not None
    )
    with workspace.ledger.read() as connection:
        status = incidents.incident_by_id(connection, notice.incident_id).status
    if not is_said or status in fitting:
        return
    words = (
        f"Nothing was sent. The mails say “{notice.stage}”, and the incident's status is now "
        f"“{status}”. If the mails are right, run this first: postmortem status {fitting[0]}"
    )
    if standing.counts.pending:
        words = f"{words}. To withdraw the mails: postmortem resume {notice.id} --discard"
    raise BadInput(words)


def refuse_other_drafts(waiting: int, count: int, typed: int | None) -> None:
    """Raise `BadInput` unless the number of drafts under review was typed.

    `count` of the `waiting` drafts would be sent, and the others left out: either number is
    accepted.
    """
    if typed not in {count, waiting}:
        raise BadInput(
            f"Nothing was sent: {count} drafts wait in Gmail. To send them, add --confirm {count}."
        )


def refuse_other_rest(standing: NoticeStanding, typed: int | None) -> None:
    """Raise `BadInput` unless the number of mails after the first ones was typed."""
    waiting = standing.waiting
    if typed != waiting:
        raise BadInput(
            f"Nothing was sent: {people(waiting)} wait; {standing.counts.sent:,} already have the "
            f"mail. To send to them: postmortem resume {standing.notice.id} --confirm {waiting}"
        )


def refuse_other_pending(pending: int, typed: int | None) -> None:
    """Raise `BadInput` unless the number of mails was typed that go despite another ledger."""
    if typed != pending:
        raise BadInput(
            f"Nothing was sent: this would send to {people(pending)}. To confirm, add "
            f"--not-in-this-ledger --confirm {pending}."
        )


def to_write_again(
    workspace: Workspace, standing: NoticeStanding, states: Sequence[DeliveryState]
) -> tuple[int, int]:
    """How many in these states would be sent again, and how many another notice covers."""
    counts = {
        DeliveryState.FAILED: standing.counts.failed,
        DeliveryState.UNKNOWN: standing.counts.unknown,
    }
    again = sum(counts[state] for state in states)
    settled = settled_elsewhere(workspace, standing.notice, states) if again else 0
    return again - settled, settled


def settled_words(settled: int) -> str:
    """A sentence about customers whom another notice reached, or may reach."""
    return (
        f"{people(settled)} of these {'is' if settled == 1 else 'are'} in another notice with "
        "the same text, or in a later one. Nothing was sent to them again."
    )


def refuse_other_again(again: int, drafts: int, typed: int | None) -> None:
    """Raise `BadInput` unless the number of mails to send again was typed.

    `drafts` of the same notice, under review, are included in that number.
    """
    total = again + drafts
    if typed != total:
        included = ", drafts included" if drafts else ""
        raise BadInput(
            f"Nothing was sent again: this would send to {people(total)}{included}. "
            f"To confirm, add --confirm {total}."
        )


def settle_notice(
    workspace: Workspace, notice: Notice, *, accepted: bool
) -> tuple[tuple[NoticeElsewhere, ...], list[str]]:
    """Look for other ledgers' notices before a notice continues.

    Returns what was found beyond the earlier agreement, and what is agreed to now. Raises
    `Overlooked` if something was found and nothing was accepted.
    """
    with workspace.ledger.read() as connection:
        incident = incidents.incident_by_id(connection, notice.incident_id)
        already = elsewhere.agreed_to(connection, notice.id)
    refuse_given_away(workspace, incident)
    seen = other_ledgers.look(workspace, incident)
    if not accepted:
        other_ledgers.refuse_overlooked(workspace, incident, seen, already)
        return (), []
    new = tuple(each for each in seen.compared.found if elsewhere.key_of(each) not in already)
    keys = [elsewhere.key_of(each) for each in new]
    return new, [*keys, *([other_ledgers.BLIND] if seen.compared.problem else [])]
