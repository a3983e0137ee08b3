"""The JSON forms of the contract, and the same as text.

Also shows other ledgers' notices, asks about them before a send, and shows the result of an
announcement with its exit code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import typer

from workflow.announce import announcements
from workflow.cli.app import Asked
from workflow.cli.terminal import Speaker
from workflow.doc import notices, push
from workflow.errors import PARTLY, Recorded
from workflow.ledger import incidents
from workflow.mail import faces
from workflow.model import (
    DeliveryState,
    Incident,
    TimelineEntry,
    clock_text,
    date_text,
    moment_text,
)
from workflow.notice import outcome
from workflow.standing import closing_checks, notice_words, other_ledgers, overview

if TYPE_CHECKING:
    from workflow.announce.announcements import Announced
    from workflow.doc.push import Brought
    from workflow.incident.many_entries import LoggedMany
    from workflow.incident.timeline import Logged
    from workflow.ledger.announcements import Announcement
    from workflow.ledger.elsewhere import Compared, NoticeElsewhere
    from workflow.ledger.incidents import Share
    from workflow.ledger.notices import Notice
    from workflow.ledger.plans import Proposal
    from workflow.standing.doc_standing import DocFinding, Missing
    from workflow.standing.overview import MailTest, NoticeStanding, Standing
    from workflow.workspace import Workspace


def settle_ledgers(
    asked: Asked, workspace: Workspace, incident: Incident, *, accepted: bool
) -> list[str]:
    """Look for other ledgers' notices before a send, and show what a person overrides.

    Returns what is agreed to. Raises `Overlooked` if something is found and nothing was accepted.
    """
    with workspace.ledger.one_look():
        notices.refuse_given_away(workspace, incident)
        is_filled = other_ledgers.is_doc_filled(workspace, incident)
    seen, agreed = other_ledgers.settle(workspace, incident, accepted=accepted, is_filled=is_filled)
    for each in seen.compared.found:
        asked.speaker.warn(other_ledgers.words(each, incident))
    return agreed


def settle_notice(
    asked: Asked, workspace: Workspace, notice: Notice, *, accepted: bool
) -> tuple[tuple[NoticeElsewhere, ...], list[str]]:
    """The same before a notice continues: what is new since the last agreement."""
    new, agreed = outcome.settle_notice(workspace, notice, accepted=accepted)
    if new:
        with workspace.ledger.read() as connection:
            incident = incidents.incident_by_id(connection, notice.incident_id)
        for each in new:
            asked.speaker.warn(other_ledgers.words(each, incident))
    return new, agreed


def glance_at_ledgers(asked: Asked, workspace: Workspace, incident: Incident) -> Compared:
    """Show what is known about other ledgers, quickly, for a command that sends nothing."""
    compared = other_ledgers.glance(workspace, incident)
    show_elsewhere(asked.speaker, compared, incident)
    return compared


def show_elsewhere(
    speaker: Speaker,
    compared: Compared,
    incident: Incident,
    tell: Callable[[str], None] | None = None,
) -> None:
    """List notices that are in the doc but not in this ledger, and docs that could not be read.

    `tell` shows the notices; by default on stderr.
    """
    for each in compared.found:
        (tell or speaker.warn)(other_ledgers.words(each, incident))
    if compared.problem:
        why = compared.problem.rstrip(".")
        speaker.say(f"Not compared with the doc, which other ledgers write to: {why}.", "faint")


def elsewhere_json(compared: Compared, incident: Incident) -> dict[str, Any]:
    """The same for scripts."""
    return {
        "compared_at": compared.at.isoformat().replace("+00:00", "Z") if compared.at else None,
        "problem": compared.problem or None,
        "notices": [
            {
                "notice": each.id,
                "why": each.why.value,
                "ledger": each.ledger or None,
                "stage": each.stage or None,
                "began_at": each.began_at or None,
                "customers": None if each.customers < 0 else each.customers,
                "sent": None if each.sent < 0 else each.sent,
                "undecided": None if each.undecided < 0 else each.undecided,
                "words": other_ledgers.words(each, incident),
            }
            for each in compared.found
        ],
    }


_ALL = 1_000_000  # of the people that `show` names


def instant(at: datetime | None) -> str | None:
    """An instant as RFC 3339 in UTC, or None."""
    return None if at is None else at.isoformat().replace("+00:00", "Z")


def local_instant(at: datetime | None, incident: Incident) -> str | None:
    """An instant as RFC 3339 in the incident's zone, or None."""
    return None if at is None else at.astimezone(incident.zone).isoformat()


def share_json(share: Share) -> dict[str, Any]:
    """One share of `start --json`."""
    return {
        "who": share.who,
        "role": share.role,
        "ok": share.state == "done",
        "error": share.error or None,
    }


def started_json(brought: Brought) -> dict[str, Any]:
    """The shape of `start --json`."""
    incident = brought.incident
    return {
        "incident": incident.id,
        "title": incident.title,
        "doc_id": incident.doc_id or None,
        "doc_url": incident.doc_url or None,
        "status": incident.status.value,
        "shared": [share_json(share) for share in brought.shared],
        "synced": brought.synced,
    }


def entry_json(incident: Incident, entry: TimelineEntry) -> dict[str, Any]:
    """One entry of a timeline."""
    return {
        "entry": entry.id,
        "at": local_instant(entry.at, incident),
        "text": entry.text,
        "by": entry.by or None,
        "link": entry.link or None,
        **({"struck_at": local_instant(entry.struck_at, incident)} if entry.struck_at else {}),
    }


def entry_words(incident: Incident, entry: TimelineEntry) -> str:
    """An entry as a line, with the id for correcting it."""
    struck = "(struck) " if entry.struck_at else ""
    author = f" — {entry.by}" if entry.by else ""
    return f"{moment_text(entry.at, incident.zone)}  {struck}{entry.text}{author}  [{entry.id}]"


def logged_many_json(logged: LoggedMany) -> dict[str, Any]:
    """The form of `log --json` for several entries: a list."""
    incident = logged.brought.incident
    return {
        "incident": incident.id,
        "entries": [entry_json(incident, entry) for entry in logged.entries],
        "status": incident.status.value,
        "synced": logged.brought.synced,
    }


def logged_json(logged: Logged) -> dict[str, Any]:
    """The shape of `log --json`."""
    incident = logged.brought.incident
    return {
        "incident": incident.id,
        **entry_json(incident, logged.entry),
        "status": incident.status.value,
        "synced": logged.brought.synced,
    }


def notice_json(standing: NoticeStanding, mode: str) -> dict[str, Any]:
    """The shape of `notify --json` and `resume --json`."""
    notice, counts = standing.notice, standing.counts
    return {
        "incident": notice.incident_id,
        "notice": notice.id,
        "stage": notice.stage.value,
        "subject": notice.subject,
        "recipients": notice.recipients,
        "counts": {
            "sent": counts.sent,
            "failed": counts.failed,
            "unknown": counts.unknown,
            "pending": counts.pending,
            "skipped": counts.skipped,
        },
        "waiting": standing.waiting,
        "failures": [
            {"email": each.email, "row": each.row, "reason": each.reason}
            for each in standing.shortfalls
        ],
        "bounced": [
            {"email": each.email, "row": each.row, "reason": each.reason}
            for each in standing.bounced
        ],
        "left_out": [
            {"row": each.row, "value": each.value, "reason": each.reason}
            for each in standing.left_out
        ],
        "edited": [
            {"email": each.email, "row": each.row, "waits": each.waits} for each in standing.edited
        ],
        "replies": {"people": standing.replies.people, "automatic": standing.replies.automatic},
        "approval": approval_json(standing.approval),
        "copied_back": standing.copied_back,
        "mode": mode,
        "sent_at": instant(notice.said_at),
    }


def approval_json(proposal: Proposal | None) -> dict[str, Any] | None:
    """Who proposed, approved and sent a notice; None if nobody proposed it."""
    if proposal is None:
        return None
    return {
        "plan": proposal.plan_hash,
        "state": proposal.state.value,
        "proposed_by": proposal.proposed_by,
        "proposed_at": instant(proposal.proposed_at),
        "decided_by": proposal.decided_by or None,
        "decided_at": instant(proposal.decided_at),
        "reason": proposal.reason or None,
        "sent_by": proposal.sent_by or None,
        "sent_at": instant(proposal.sent_at),
    }


def standing_json(standing: Standing) -> dict[str, Any]:
    """The shape of `show --json`."""
    incident = standing.incident
    return {
        "incident": incident.id,
        "title": incident.title,
        "status": incident.status.value,
        "severity": incident.severity or None,
        "impact": incident.impact or None,
        "customer_title": incident.customer_title or None,
        "customer_impact": incident.customer_impact or None,
        "started_at": local_instant(incident.started_at, incident),
        "closed_at": local_instant(incident.closed_at, incident),
        "doc_id": incident.doc_id or None,
        "doc_url": incident.doc_url or None,
        "pending_sync": standing.pending,
        "refused_by_docs": [_missing_json(each) for each in standing.missing],
        "timeline": [entry_json(incident, entry) for entry in standing.timeline],
        "notices": [notice_json(notice, "send") for notice in standing.notices],
        "tests": [_test_json(incident, each) for each in standing.tests],
        "announcements": [announcement_json(incident, each) for each in standing.announcements],
        "next_update": _next_update_json(standing),
        "other_ledgers": elsewhere_json(standing.elsewhere, incident),
        "plans": [approval_json(each) for each in standing.proposals],
    }


def _missing_json(missing: Missing) -> dict[str, Any]:
    return {
        "change": missing.id,
        "entry": missing.entry or None,
        "words": missing.words,
        "reason": missing.reason,
    }


def announcement_json(incident: Incident, each: Announcement) -> dict[str, Any]:
    """One message to one channel of colleagues."""
    return {
        "announcement": each.id,
        "channel": each.target,
        "kind": each.channel,
        "state": each.state.value,
        "reason": each.reason or None,
        "said_at": local_instant(each.said_at, incident),
        "told_at": local_instant(each.sent_at, incident),
    }


def _next_update_json(standing: Standing) -> dict[str, Any] | None:
    word = standing.next_word
    if word is None:
        return None
    due_at = local_instant(word.due_at, standing.incident)
    return {"due_at": due_at, "state": word.state, "minutes": word.minutes}


def show_standing(speaker: Speaker, standing: Standing) -> None:
    """`show` in words."""
    incident = standing.incident
    speaker.answer(incident.title, "strong")
    facts = [incident.status.label, incident.severity, f"incident {incident.id}"]
    speaker.answer(" · ".join(fact for fact in facts if fact))
    speaker.answer(f"Started  {moment_text(incident.started_at, incident.zone)}")
    if incident.closed_at:
        speaker.answer(f"Closed   {moment_text(incident.closed_at, incident.zone)}")
    _show_words(speaker, incident)
    speaker.answer(f"Doc      {incident.doc_url or 'not made yet'}")
    if waiting := standing.pending - len(standing.missing):
        speaker.answer(f"{waiting} not in the doc yet: postmortem sync", "warn")
    for missing in standing.missing:
        speaker.answer(missing.sentence, "warn")
    _show_next_word(speaker, standing)
    for each in standing.untold:
        speaker.answer(f"{each.target}: {overview.untold_words(each)}", "warn")
    _show_timeline(speaker, standing)
    for notice in standing.notices:
        _show_notice(speaker, incident, notice)
    show_elsewhere(speaker, standing.elsewhere, incident, partial(speaker.answer, style="warn"))
    _show_plans(speaker, standing)
    _show_tests(speaker, standing)


def _show_words(speaker: Speaker, incident: Incident) -> None:
    """The impact, and the title and impact that customers read instead."""
    if incident.impact:
        speaker.answer(f"Impact   {' '.join(incident.impact.split())}")
    if incident.customer_title not in {"", incident.title}:
        speaker.answer(f"Customers read the title: {incident.customer_title}")
    if incident.customer_impact not in {"", incident.impact}:
        speaker.answer(f"Customers read the impact: {' '.join(incident.customer_impact.split())}")


def _test_json(incident: Incident, each: MailTest) -> dict[str, Any]:
    return {
        "notice": each.notice.id,
        "stage": each.notice.stage.value,
        "subject": each.notice.subject,
        "email": each.address,
        "state": each.state.value,
        "said_at": local_instant(each.notice.said_at, incident),
    }


def _show_plans(speaker: Speaker, standing: Standing) -> None:
    """Plans that wait for approval or sending."""
    waiting = [each for each in standing.proposals if each.content is not None]
    if waiting:
        speaker.answer("")
        speaker.answer("Proposed, not sent", "strong")
    for each in waiting:
        speaker.answer(f"  {each.stage.value}: {each.subject}")
        speaker.answer(f"    {notice_words.approval_words(each, standing.incident)}")


def _show_tests(speaker: Speaker, standing: Standing) -> None:
    """Mails to ourselves, shown so that nobody takes one for a customer's; never counted."""
    if not standing.tests:
        return
    speaker.answer("")
    speaker.answer("Test mails (no customer got these)", "strong")
    for each in standing.tests:
        when = moment_text(each.notice.said_at, standing.incident.zone)
        speaker.answer(f"  {when}  to {each.address}, {each.state.value}: {each.notice.subject}")
        if each.waits:
            speaker.answer(f"    still to send: postmortem resume {each.notice.id}", "warn")


def _show_next_word(speaker: Speaker, standing: Standing) -> None:
    word = standing.next_word
    if word is None:
        return
    due = moment_text(word.due_at, standing.incident.zone)
    style = "bad" if word.state == "late" else "warn" if word.is_near else "strong"
    speaker.answer(f"Next update {word.words} ({due})", style)


def _show_timeline(speaker: Speaker, standing: Standing) -> None:
    day = ""
    speaker.answer("")
    for entry in standing.timeline:
        today = date_text(entry.at, standing.incident.zone)
        if today != day:
            speaker.answer(today, "faint")
            day = today
        stamp = clock_text(entry.at, standing.incident.zone)
        author = f"  — {entry.by}" if entry.by else ""
        body = entry.text.replace("\n", "\n" + " " * (len(stamp) + 4))
        struck = "(struck) " if entry.struck_at else ""
        speaker.answer(f"  {stamp}  {struck}{body}{author}  [{entry.id}]")


def _show_notice(speaker: Speaker, incident: Incident, standing: NoticeStanding) -> None:
    notice, counts = standing.notice, standing.counts
    speaker.answer("")
    speaker.answer(
        f"Notice {notice.id}  {notice.stage.value}, {moment_text(notice.said_at, incident.zone)}",
        "strong",
    )
    speaker.answer(f"  {notice.subject}")
    speaker.answer(f"  {overview.counts_text(standing)}")
    if standing.approval is not None:
        speaker.answer(f"  {notice_words.approval_words(standing.approval, incident)}", "faint")
    tell = partial(speaker.answer, style="warn")  # the whole state is one answer, on stdout
    show_shortfalls(tell, standing, _ALL)
    show_left_out(tell, standing, _ALL)
    show_not_in_doc(tell, standing)
    for each in standing.edited:
        what = "draft edited in Gmail, waits for a decision" if each.waits else "sent as edited"
        speaker.answer(f"  row {each.row}  {each.email}: {what}")
    for warning in outcome.extra_drafts(standing):
        tell(f"  {warning}")
    if counts.pending:
        tell(f"  {_still_to_send(incident, standing)}")


def _still_to_send(incident: Incident, standing: NoticeStanding) -> str:
    """How many mails wait, and the command for them: one that the incident's status allows."""
    notice, words = standing.notice, f"{standing.counts.pending} still to send"
    waits = notice.held or bool(standing.waiting)
    return ": ".join(closing_checks.way_on(words, notice, incident.status, waits=waits))


def show_shortfalls(tell: Callable[[str], None], standing: NoticeStanding, most: int = 20) -> None:
    """The failed and unknown recipients, and the bounced ones."""
    lines = [f"  row {each.row}  {each.email}: {each.reason}" for each in standing.shortfalls]
    lines += [f"  row {each.row}  {each.email} bounced: {each.reason}" for each in standing.bounced]
    for line in lines[:most]:
        tell(line)
    if len(lines) > most:
        tell(f"  …and {len(lines) - most} more: postmortem show")


def show_not_in_doc(tell: Callable[[str], None], standing: NoticeStanding) -> None:
    """Say that other ledgers could not see the notice before its first mail."""
    if standing.not_in_doc:
        why = standing.not_in_doc.rstrip(".")
        tell(
            f"  This notice was not in the doc before it was sent ({why}), so other ledgers could "
            f"not see it."
        )


def show_left_out(tell: Callable[[str], None], standing: NoticeStanding, most: int = 20) -> None:
    """The bad rows that were left out of a notice: customers who were not notified."""
    if standing.left_out:
        tell(f"  Left out of {standing.notice.list_name}:")
    for each in standing.left_out[:most]:
        tell(f"    row {each.row}{notice_words.in_brackets(each.value)}: {each.reason}")
    if len(standing.left_out) > most:
        tell(f"    …and {len(standing.left_out) - most} more: postmortem show")


def show_brought(speaker: Speaker, brought: Brought) -> None:
    """Warnings about the doc: headings added again, people it could not be shared with."""
    for words in push.remarks(brought):
        speaker.warn(words)


def raise_if_lost(speaker: Speaker, lost: Sequence[tuple[Incident, DocFinding]]) -> None:
    """Name docs with a problem; raise `Recorded` if one is lost."""
    for incident, finding in lost:
        if not finding.is_lost:
            speaker.warn(f"{incident.title}: {finding.sentence}")
    for incident, finding in lost:
        if finding.is_lost:
            raise Recorded(f"{incident.title}: {finding.sentence} --incident {incident.id}")


def raise_if_waiting(brought: Brought) -> None:
    """Raise `Recorded` or `NotSetUp` if the doc does not show everything yet."""
    fault = push.waiting_fault(brought)
    if fault is not None:
        raise fault


def raise_if_incomplete(brought: Brought) -> None:
    """Raise `Recorded` for changes that are not in the doc; `show_brought` has named them."""
    if not push.is_all_there(brought):
        raise Recorded("Not everything is in the doc: see above.")


def announced_json(announced: Announced) -> dict[str, Any]:
    """The shape of `announce --json`."""
    incident = announced.incident
    return {
        "incident": incident.id,
        "text": faces.text_face(faces.parse_body(announced.told[0].markdown)),
        "channels": [announcement_json(incident, each) for each in announced.told],
        "synced": announced.brought.synced,
    }


def show_announced(speaker: Speaker, announced: Announced) -> None:
    """A line for each channel, and the message once."""
    for is_told, words in announcements.announced_lines(announced):
        if is_told:
            speaker.say(words, "good")
        else:
            speaker.warn(words)
    if any(each.id not in announced.had_it for each in announced.told):
        speaker.say("")
        for line in faces.text_face(faces.parse_body(announced.told[0].markdown)).splitlines():
            speaker.say(f"  {line}".rstrip(), "faint")


def raise_if_untold(announced: Sequence[Announced]) -> None:
    """Raise the right exit code: 4 or 5 for waiting messages, 6 for failed or unknown ones."""
    fault = announcements.untold_fault(announced)
    if fault is not None:
        raise fault
    told = [each for one in announced for each in one.told]
    if any(each.state in {DeliveryState.FAILED, DeliveryState.UNKNOWN} for each in told):
        raise typer.Exit(PARTLY)
