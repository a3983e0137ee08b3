"""A notice in words: the sheet to check before it is sent, and the result afterwards.

Says why a notice stopped and how to continue. Before mails go that were not part of this run, a
person types their number: drafts under review, the rest after the first mails, failed or unknown
ones.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Literal

from workflow.doc.notices import refuse_given_away
from workflow.doc.push import waiting_fault
from workflow.errors import BadInput, NotSetUp, PostmortemError, Recorded
from workflow.ledger import elsewhere, incidents, plans
from workflow.ledger.elsewhere import NoticeElsewhere
from workflow.ledger.notices import Notice
from workflow.model import (
    STATUSES_OF_STAGE,
    DeliveryState,
    MailTransport,
    Stage,
    counted,
    duration_text,
    moment_text,
    people,
)
from workflow.notice.draft_review import Withdrawn, second_edits
from workflow.notice.left_out import asked_about, not_overridden, withdrawal_words
from workflow.notice.plan import Plan
from workflow.notice.send import Notified, not_sent_again, repeat_words
from workflow.notice.wording import wordings_text
from workflow.sending.deliver import DraftsLeft
from workflow.sending.sender import Ending, SenderEnd
from workflow.standing import other_ledgers
from workflow.standing.closing_checks import is_overtaken
from workflow.standing.overview import NoticeStanding
from workflow.workspace import Workspace

# --- The result -----------------------------------------------------------------------------------

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


def extra_drafts(standing: NoticeStanding, left: DraftsLeft | None = None) -> Iterator[str]:
    """Warnings about second drafts in Gmail that somebody could send by hand.

    `left` tells what the last search for them met.
    """
    notice, counts = standing.notice, standing.counts
    under_way = counts.pending - counts.edited - standing.waiting
    if not notice.orphans_possible or (under_way and not notice.held):
        return
    if left is not None and left.edited:
        yield second_edits(notice, left.edited)
        return
    why = f" ({left.fault.sentence.rstrip('.')})" if left is not None and left.fault else ""
    yield (
        f"Gmail may still hold extra drafts of this notice{why}. To delete them: "
        f"postmortem resume {notice.id}"
    )


def steps_for_shortfalls(standing: NoticeStanding) -> Iterator[str]:
    """Advice for failed and unknown deliveries, one for each kind."""
    if standing.counts.failed:
        again = f"postmortem resume {standing.notice.id} --retry-failed"
        yield again if standing.counts.refused else f"to send them after all: {again}"
    if standing.counts.unknown:
        yield step_for_unknown(standing)


def step_for_unknown(standing: NoticeStanding) -> str:
    """What to do about mails that may or may not have been sent."""
    by_relay = standing.notice.transport is MailTransport.SMTP_RELAY
    log = "the relay's log" if by_relay else "Gmail's Sent folder"
    again = f"postmortem resume {standing.notice.id} --resend-unknown"
    return f"look in {log}, then {again} (some people may get two mails)"


def withdrawn_words(withdrawn: Withdrawn, standing: NoticeStanding) -> Iterator[str]:
    """The result of a withdrawal; the sentences after the first are warnings."""
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
    yield from extra_drafts(standing, withdrawn.left)


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


def refuse_what_changed(
    workspace: Workspace, standing: NoticeStanding, states: Sequence[DeliveryState] = ()
) -> None:
    """Raise `BadInput` if mails that wait must not be sent any more.

    Their address was suppressed, or the incident's status contradicts them. Those in `states` will
    be sent again.
    """
    _refuse_suppressed(workspace, standing)
    _refuse_overtaken(workspace, standing, states)


def _refuse_suppressed(workspace: Workspace, standing: NoticeStanding) -> None:
    notice = standing.notice
    if notice.mode != "send" or not standing.counts.pending:
        return
    with workspace.ledger.read() as connection:
        found = plans.waiting_for_suppressed(connection, notice)
    if not found:
        return
    others = f" and {len(found) - 1} more" if len(found) > 1 else ""
    raise BadInput(
        f"Nothing was sent: notice {notice.id} still has an email to {found[0]}{others}, "
        f"suppressed meanwhile. {withdrawal_words(notice.id)} To send to that address after all: "
        f"postmortem suppress {shlex.quote(found[0])} --remove"
    )


def _refuse_overtaken(
    workspace: Workspace, standing: NoticeStanding, states: Sequence[DeliveryState]
) -> None:
    """Raise `BadInput` if the incident's status has changed and contradicts mails that wait.

    For mails that a person agrees to after they waited: drafts, the rest after the first ones, and
    those in `states` to be sent again, which may be late but not early: nobody is told that an
    incident is resolved that is not. A notice whose template names no stage is not checked.
    """
    notice = standing.notice
    again = to_write_again(workspace, standing, states).count
    waiting = standing.counts.pending if notice.held else standing.waiting
    again = again if notice.stage in {Stage.RESOLVED, Stage.POSTMORTEM} else 0
    if not (waiting or again):
        return
    with workspace.ledger.read() as connection:
        status = incidents.incident_by_id(connection, notice.incident_id).status
    if not is_overtaken(notice, status):
        return
    words = (
        f"Nothing was sent. The mails say “{notice.stage}”, and the incident's status is now "
        f"“{status}”. If the mails are right, run this first: postmortem status "
        f"{STATUSES_OF_STAGE[notice.stage][0]}"
    )
    if standing.counts.pending:
        words = f"{words}. To withdraw the mails: postmortem resume {notice.id} --discard"
    raise BadInput(words)


def passed_promise(workspace: Workspace, standing: NoticeStanding) -> Iterator[str]:
    """A warning if mails that wait promise an update for a time that has passed meanwhile."""
    notice, counts = standing.notice, standing.counts
    if notice.mode != "send" or not counts.pending or notice.next_update is None:
        return
    if notice.next_update <= workspace.now():
        with workspace.ledger.read() as connection:
            zone = incidents.incident_by_id(connection, notice.incident_id).zone
        when = moment_text(notice.next_update, zone)
        yield (
            f"The mails that wait promise the next update for {when}, and that time has passed. "
            f"To withdraw them: postmortem resume {notice.id} --discard. Then send them again with "
            "another --next-update."
        )


def refuse_other_drafts(waiting: int, count: int, typed: int | None) -> None:
    """Raise `BadInput` unless the number of drafts under review was typed.

    `count` of the `waiting` drafts would be sent, and the others left out: either number is
    accepted.
    """
    if typed not in {count, waiting}:
        raise BadInput(
            f"Nothing was sent: {counted(count, 'mail')} {_are(count)} still to send. To confirm, "
            f"add --confirm {count}."
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


@dataclass(frozen=True)
class WriteAgain:
    """How many would be sent again, and how many are not, because of what happened since."""

    count: int
    settled: int = 0
    suppressed: int = 0

    @property
    def warnings(self) -> Iterator[str]:
        """A sentence for each reason why some are not sent again."""
        if self.settled:
            yield (
                f"{people(self.settled)} of these {_are(self.settled)} in another notice with "
                "the same text, or in a later one. Nothing was sent to them again."
            )
        if self.suppressed:
            yield (
                f"{people(self.suppressed)} of these {_are(self.suppressed)} suppressed. Nothing "
                "was sent to them again."
            )

    def refuse_nobody(self) -> None:
        """Raise `BadInput` if nobody is left because of what happened since."""
        if self.suppressed:
            raise BadInput(
                "Nothing was sent again: all of them are suppressed, or another notice was sent "
                "to them."
            )
        if self.settled:
            raise BadInput("Nothing was sent again: another notice was sent to all of them.")


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def to_write_again(
    workspace: Workspace, standing: NoticeStanding, states: Sequence[DeliveryState]
) -> WriteAgain:
    """How many in these states would be sent again."""
    counts = {
        DeliveryState.FAILED: standing.counts.failed,
        DeliveryState.UNKNOWN: standing.counts.unknown,
    }
    again = sum(counts[state] for state in states)
    if not again:
        return WriteAgain(0)
    found = not_sent_again(workspace, standing.notice, states)
    return WriteAgain(again - found.settled - found.suppressed, found.settled, found.suppressed)


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


# --- The pre-flight sheet -------------------------------------------------------------------------

_SHOWN_CHANGES = 6


@dataclass(frozen=True)
class SheetLine:
    """A line of the sheet: a label with its text, a faint line below one, or a warning."""

    label: str
    text: str
    tone: Literal["plain", "faint", "warning"] = "plain"


def sheet_title(plan: Plan) -> str:
    """`Resolved notice to 12 customers`."""
    count = "1 customer" if plan.new == 1 else f"{plan.new:,} customers"
    return f"{plan.stage.value.capitalize()} notice to {count}"


def sheet_lines(workspace: Workspace, plan: Plan) -> Iterator[SheetLine]:
    """The sheet without its rows and findings, which the plan holds as they are."""
    yield SheetLine("List", f"{plan.request.list_name}: {_list_words(plan)}")
    yield SheetLine("Time", _time_words(workspace, plan))
    yield SheetLine("Today", _today_words(plan))
    yield from _way(workspace, plan)
    if plan.new:
        yield SheetLine("Words", wordings_text(plan.count.wordings.customers))
    read = plan.incident.for_customers
    yield SheetLine("Title", read.title)
    if read.impact:
        yield SheetLine("Impact", " ".join(read.impact.split()))
    for stage, told in plan.count.told_before.items():
        words = f"{told:,} of them already got the “{stage}” notice of this incident"
        yield SheetLine("Before", words)
    yield from _repeats(plan)
    attached = [file.filename for file in plan.attachments]
    if plan.reader.own_files is not None and plan.reader.own_files.words:
        attached.append(plan.reader.own_files.words)
    if attached:
        yield SheetLine("Attached", ", ".join(attached))
    yield from _earlier(plan)


def labels_and_texts(workspace: Workspace, plan: Plan) -> Iterator[tuple[str, str]]:
    """The sheet's lines without warnings, for a page that shows those elsewhere."""
    for line in sheet_lines(workspace, plan):
        if line.tone != "warning":
            yield line.label, line.text


def has_errors(plan: Plan) -> bool:
    """Whether a finding blocks sending."""
    return any(finding.level == "error" for finding in plan.findings)


def what_to_mend(plan: Plan) -> str:
    """What to do before `--send` works; "" if nothing is missing."""
    if has_errors(plan):
        return "fix the errors above, then run the same command again"
    if plan.bad_rows and not plan.request.skip_bad:
        return "fix the bad rows, or leave them out with --skip-bad"
    return ""


def blocking_notices(plan: Plan) -> str:
    """What to do about unfinished notices for the same customers; "" if there are none."""
    if not not_overridden(plan.waiting, plan.request.despite):
        return ""
    return "finish or withdraw the unfinished notices (see above), then run the same command again"


def _earlier(plan: Plan) -> Iterator[SheetLine]:
    earlier = plan.earlier
    if earlier is None:
        return
    when = moment_text(earlier.said_at, plan.incident.zone)
    same = "Same text." if plan.new or plan.count.has_it else ""
    changed = "Changed since then:" if earlier.changed else same
    yield SheetLine("Last", f"“{earlier.stage}”, {when}. {changed}".rstrip())
    for line in earlier.changed[:_SHOWN_CHANGES]:
        yield SheetLine("", line, "faint")
    if len(earlier.changed) > _SHOWN_CHANGES:
        yield SheetLine("", f"…and {len(earlier.changed) - _SHOWN_CHANGES} more lines", "faint")
    if earlier.not_on_list:
        count = earlier.not_on_list
        words = f"who got an earlier notice of this incident {_are(count)} not on this list."
        yield SheetLine("", f"{people(count)} {words}", "warning")


def _repeats(plan: Plan) -> Iterator[SheetLine]:
    """Listed customers who had this stage already, or have an unsent mail of another notice."""
    if asked_about(plan.count.repeats):
        left = plan.never_had_stage
        way = "Add --only-new to leave them out." if left else "All of them would get it again."
        yield SheetLine("", f"{repeat_words(plan)} {way}", "warning")
    for each in plan.waiting:
        yield SheetLine("", each.sentence, "warning")
        yield SheetLine("", f"  {each.ways_on}", "warning")


def _today_words(plan: Plan) -> str:
    words = f"{plan.today.sent:,} of {plan.today.limit:,} sent in the last 24 hours"
    if waiting := _waiting(plan):
        words += f"; {waiting:,} must wait until tomorrow"
    return words


def _waiting(plan: Plan) -> int:
    """The number of mails that have to wait: one mailbox may be full while others aren't."""
    if plan.division:
        return sum(share.waiting for share in plan.division)
    return max(0, plan.new - plan.today.left)


def _way(workspace: Workspace, plan: Plan) -> Iterator[SheetLine]:
    """The transport of the mails: the relay, or each mailbox with its share."""
    if plan.transport is MailTransport.SMTP_RELAY:
        words = f"{workspace.relay.name}, which only confirms that it accepted a mail"
        yield SheetLine("Through", words)
    for share in plan.division:
        threads = f", {share.bound:,} in threads that it began" if share.bound else ""
        left = f"{share.left_today:,} left today"
        yield SheetLine("From", f"{share.sender}: {share.mails:,}{threads} ({left})")
    if _waiting(plan) and plan.transport is MailTransport.GMAIL:
        yield SheetLine(
            "",
            "That is more than this account can send today. It stops at the limit, and resume "
            "continues the next day. Or add senders in the config, or use --transport smtp-relay.",
            "warning",
        )


def _list_words(plan: Plan) -> str:
    words = [counted(plan.recipients, "person", "people")]
    if plan.skipped:
        words.append(f"{plan.skipped:,} left out ({_why_left_out(plan)})")
    if plan.duplicates:
        words.append(f"{counted(len(plan.duplicates), 'repeated row', 'repeated rows')} left out")
    if plan.bad_rows:
        words.append(counted(len(plan.bad_rows), "bad row", "bad rows"))
    return ", ".join(words)


def _why_left_out(plan: Plan) -> str:
    reasons = [
        (plan.count.has_it, "already in a notice with this text"),
        (plan.count.not_wronged, "never got the mail that this corrects"),
        (plan.count.had_stage, "already had this stage"),
    ]
    given = [(number, why) for number, why in reasons if number]
    if len(given) == 1:
        return given[0][1]
    return "; ".join(f"{number:,} {why}" for number, why in given)


def _time_words(workspace: Workspace, plan: Plan) -> str:
    config = workspace.settings.config
    per_minute = config.sending.units_per_minute // (100 if config.sending.one_step else 110)
    if plan.transport is MailTransport.SMTP_RELAY:
        per_minute = config.smtp.messages_per_minute
    per_minute *= max(1, len(plan.division))
    count, a_day, left = plan.new, plan.today.limit, plan.today.left
    if count <= per_minute:
        return "less than a minute"
    days = math.ceil(max(0, count - left) / a_day) + (1 if left else 0)
    over = f", over {days} days" if days > 1 else ""
    return f"about {duration_text(60 * count / per_minute)} at {per_minute} a minute{over}"
