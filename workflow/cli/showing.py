"""The JSON shapes of the contract, and the same things in words."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from workflow.cli.speaking import Speaker
from workflow.flows.faults import NotSetUp, Recorded
from workflow.google.faults import SignInNeeded
from workflow.incident import (
    DeliveryState,
    Incident,
    TimelineEntry,
    clock_text,
    date_text,
    moment_text,
)

if TYPE_CHECKING:
    from workflow.flows.doc import Brought
    from workflow.flows.log import Logged, LoggedMany
    from workflow.flows.showing import MailTest, NoticeStanding, Standing
    from workflow.ledger.announcements import Announcement
    from workflow.ledger.incidents import Share


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
    """An entry as a line, with the id by which it can be corrected."""
    struck = "(struck) " if entry.struck_at else ""
    author = f" — {entry.by}" if entry.by else ""
    return f"{moment_text(entry.at, incident.zone)}  {struck}{entry.text}{author}  [{entry.id}]"


def logged_many_json(logged: LoggedMany) -> dict[str, Any]:
    """The shape of `log --json` for more than one entry: they are a list."""
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
        "replies": {"people": standing.replies.people, "automatic": standing.replies.automatic},
        "copied_back": standing.copied_back,
        "mode": mode,
        "sent_at": instant(notice.said_at),
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
        "started_at": local_instant(incident.started_at, incident),
        "closed_at": local_instant(incident.closed_at, incident),
        "doc_id": incident.doc_id or None,
        "doc_url": incident.doc_url or None,
        "pending_sync": standing.pending,
        "timeline": [entry_json(incident, entry) for entry in standing.timeline],
        "notices": [notice_json(notice, "send") for notice in standing.notices],
        "tests": [_test_json(incident, each) for each in standing.tests],
        "announcements": [announcement_json(incident, each) for each in standing.announcements],
        "next_update": _next_update_json(standing),
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
    speaker.answer(f"Doc      {incident.doc_url or 'not made yet'}")
    if standing.pending:
        speaker.warn(f"{standing.pending} not in the doc yet: postmortem sync")
    _show_next_word(speaker, standing)
    for each in standing.untold:
        speaker.warn(f"{each.target}: {untold_words(each)}")
    _show_timeline(speaker, standing)
    for notice in standing.notices:
        _show_notice(speaker, incident, notice)
    _show_tests(speaker, standing)


def _test_json(incident: Incident, each: MailTest) -> dict[str, Any]:
    return {
        "notice": each.notice.id,
        "stage": each.notice.stage.value,
        "subject": each.notice.subject,
        "email": each.address,
        "state": each.state.value,
        "said_at": local_instant(each.notice.said_at, incident),
    }


def _show_tests(speaker: Speaker, standing: Standing) -> None:
    """Mails to ourselves: said, so that nobody takes one for a customer's, and in no count."""
    if not standing.tests:
        return
    speaker.answer("")
    speaker.answer("Tests, which no customer got", "strong")
    for each in standing.tests:
        when = moment_text(each.notice.said_at, standing.incident.zone)
        speaker.answer(f"  {when}  to {each.address}, {each.state.value}: {each.notice.subject}")


def _show_next_word(speaker: Speaker, standing: Standing) -> None:
    word = standing.next_word
    if word is None:
        return
    due = moment_text(word.due_at, standing.incident.zone)
    style = "bad" if word.state == "late" else "warn" if word.is_near else "strong"
    speaker.answer(f"Next word {word.words} ({due})", style)


def untold_words(each: Announcement) -> str:
    """What is known of a message that was not surely told, and what to do."""
    reason, again = each.reason.rstrip("."), f'postmortem announce --again "{each.target}"'
    match each.state:
        case DeliveryState.FAILED:
            return f"not told: {reason}. Mend it, then: {again}"
        case DeliveryState.UNKNOWN:
            return f"perhaps told: {reason}. Look there; if it is not there: {again}"
        case DeliveryState.SENDING:
            return "perhaps under way still; in a moment: postmortem sync"
        case _:
            return f"not told yet: {reason}. Later: postmortem sync"


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
    speaker.answer(f"  {counts_text(standing)}")
    show_shortfalls(speaker, standing)
    show_left_out(speaker, standing)
    if counts.pending:
        speaker.warn(f"  {counts.pending} still to send: postmortem resume {notice.id}")


def counts_text(standing: NoticeStanding) -> str:
    """How a notice stands: `accepted by Gmail 11 of 12, failed 1`."""
    from workflow.flows.notice_words import returned_words  # noqa: PLC0415 - for notices alone

    counts = standing.counts
    by = standing.notice.transport.label
    words = [f"accepted by {by} {counts.sent:,} of {counts.total:,}"]
    for number, name in (
        (counts.failed, "failed"),
        (counts.unknown, "unknown"),
        (counts.pending, "still to send"),
        (counts.skipped, "skipped (had it already)"),
    ):
        if number:
            words.append(f"{name} {number:,}")
    return ", ".join([*words, *returned_words(len(standing.bounced), standing.replies)])


def show_shortfalls(speaker: Speaker, standing: NoticeStanding, most: int = 20) -> None:
    """Who did not surely get the mail, and whose mail came back."""
    lines = [f"  row {each.row}  {each.email}: {each.reason}" for each in standing.shortfalls]
    lines += [f"  row {each.row}  {each.email} bounced: {each.reason}" for each in standing.bounced]
    for line in lines[:most]:
        speaker.warn(line)
    if len(lines) > most:
        speaker.warn(f"  …and {len(lines) - most} more: postmortem show --json")


def show_left_out(speaker: Speaker, standing: NoticeStanding, most: int = 20) -> None:
    """The bad rows that were left out of a notice: customers whom nobody told by it."""
    from workflow.flows.notice_words import in_brackets  # noqa: PLC0415 - for notices alone

    if standing.left_out:
        speaker.warn(f"  Left out of {standing.notice.list_name}:")
    for each in standing.left_out[:most]:
        speaker.warn(f"    row {each.row}{in_brackets(each.value)}: {each.reason}")
    if len(standing.left_out) > most:
        speaker.warn(f"    …and {len(standing.left_out) - most} more: postmortem show --json")


def show_brought(speaker: Speaker, brought: Brought) -> None:
    """What else a person should know of the doc: what was put back, who it is not shared with."""
    for words in brought.said:
        speaker.warn(words)
    for share in brought.shared:
        if share.state == "refused":
            speaker.warn(f"Not shared with {share.who}: {share.error}")


def raise_if_waiting(brought: Brought) -> None:
    """Raise `Recorded` or `NotSetUp` when the doc does not show everything yet."""
    if brought.synced:
        return
    zone = brought.incident.zone
    why = brought.fault.sentence_in(zone) if brought.fault else "Part of it waits."
    words = f"Recorded, but not in the doc yet. {why}"
    if isinstance(brought.fault, SignInNeeded):
        raise NotSetUp(f"{words} Then: postmortem sync")
    raise Recorded(f"{words} Later: postmortem sync")
