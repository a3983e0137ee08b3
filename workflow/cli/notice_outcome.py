"""What came of a notice, in words and with its exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from workflow.cli.commands import Asked

if TYPE_CHECKING:
    from workflow.cli.speaking import Speaker
    from workflow.flows.notify import Notified
    from workflow.flows.showing import NoticeStanding


def people(count: int) -> str:
    """`1 customer`, `1,200 customers`."""
    return "1 customer" if count == 1 else f"{count:,} customers"


def exit_code(pending: int, short: int) -> int:
    """The exit code of a notice with so many undecided and so many not surely told."""
    from workflow.cli.faults import DONE, PARTLY, RECORDED  # noqa: PLC0415

    if pending:
        return RECORDED
    return PARTLY if short else DONE


def show_outcome(asked: Asked, notified: Notified, mode: str) -> None:
    """Show how a notice went, and raise what gives the right exit code."""
    from workflow.cli import showing  # noqa: PLC0415

    speaker, standing = asked.speaker, notified.standing
    if speaker.as_json:
        speaker.document(showing.notice_json(standing, mode))
    style = "good" if standing.counts.sent == standing.counts.total else "warn"
    speaker.say(f"{standing.notice.subject}: {showing.counts_text(standing)}", style)
    showing.show_shortfalls(speaker, standing)
    showing.show_left_out(speaker, standing)
    if notified.brought is not None:
        showing.show_brought(speaker, notified.brought)
    _raise_if_unfinished(notified)
    if standing.notice.held:
        words = f"look at the drafts in Gmail, then postmortem resume {standing.notice.id}"
        speaker.next_step(words)
    if mode == "send" and standing.copied_back:
        speaker.say("The text that was sent is in the doc.")
    if standing.shortfalls:
        _advise(speaker, standing)
        raise typer.Exit(exit_code(0, len(standing.shortfalls)))


def _advise(speaker: Speaker, standing: NoticeStanding) -> None:
    """What can be done about those who did not surely get it: each kind has its own way."""
    from workflow.incident import MailTransport  # noqa: PLC0415

    again = f"postmortem resume {standing.notice.id}"
    if standing.counts.failed:
        speaker.next_step(f"{again} --retry-failed")
    if standing.counts.unknown:
        log = "Gmail's Sent folder"
        if standing.notice.transport is MailTransport.SMTP_RELAY:
            log = "the relay's log"
        speaker.next_step(f"look in {log}; then {again} --resend-unknown, which may mail twice")


def _raise_if_unfinished(notified: Notified) -> None:
    """Say why it stopped and how it goes on, with the right exit code."""
    from workflow.cli import showing  # noqa: PLC0415
    from workflow.flows.faults import NotSetUp, Recorded  # noqa: PLC0415
    from workflow.flows.sending import Ending  # noqa: PLC0415

    sent, counts = notified.sent, notified.standing.counts
    if sent.ending is Ending.STOPPED:
        raise KeyboardInterrupt
    if sent.ending is Ending.DRAFTED:
        return
    if counts.pending:
        zone = notified.brought.incident.zone if notified.brought else None
        why = sent.fault.sentence_in(zone) if sent.fault else _DAY_FULL
        why = f"{sent.sender}: {why}" if sent.sender else why
        resume_at = sent.resume_at and sent.resume_at.astimezone(zone)
        when = f" from {resume_at:%Y-%m-%d %H:%M} on" if resume_at else ""
        words = (
            f"{why} {counts.sent:,} sent, {counts.pending:,} still to send; the plan is kept. "
            f"Go on{when} with: postmortem resume {notified.standing.notice.id}"
        )
        raise NotSetUp(words) if sent.ending is Ending.SIGN_IN else Recorded(words)
    if notified.brought is not None and not notified.standing.shortfalls:
        showing.raise_if_waiting(notified.brought)


_DAY_FULL = "This account has sent all that it may in 24 hours."
