"""`report`: a report on one incident, or on all."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workflow.cli import output, session
from workflow.cli.app import Asked, command
from workflow.report import facts as report_facts
from workflow.report import reports

if TYPE_CHECKING:
    from workflow.report.facts import IncidentFacts, LedgerFacts, NoticeFacts


@command(
    "report",
    epilog="Example: postmortem report --to report.html\npostmortem report --all",
)
def report(
    asked: Asked,
    to: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", help="File to write. An existing file is replaced."),
    ] = None,
    every: Annotated[
        bool,
        typer.Option(
            "--all", help="Compare all incidents: response times, durations, repeated causes."
        ),
    ] = False,
    with_recipients: Annotated[
        bool,
        typer.Option(
            "--with-recipients", help="List the customers who were not notified or are unknown."
        ),
    ] = False,
    open_it: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Make a report in one HTML page: timeline, deliveries, promises, actions.

    It names no customer unless you ask for it.
    """
    if every and with_recipients:
        raise typer.BadParameter("works only for one incident.", param_hint="--with-recipients")
    path, document = _all(asked, to) if every else _one(asked, to, is_naming=with_recipients)
    speaker = asked.speaker
    if speaker.as_json:
        speaker.document({**document, "file": str(path)})
    for note in document["notes"]:
        speaker.warn(note)
    speaker.say("Report written:", "good")
    speaker.answer(f"  {path}", "link")
    if open_it:
        webbrowser.open(path.resolve().as_uri())


def _one(asked: Asked, to: Path | None, *, is_naming: bool) -> tuple[Path, dict[str, Any]]:
    workspace = session.open_workspace(asked)
    facts = reports.report_facts(workspace)
    if is_naming:
        facts = reports.with_recipients(workspace, facts)
    path = to or Path(f"postmortem-report-{facts.incident.id}.html")
    reports.write_report(facts, path)
    return path, _incident_json(facts)


def _all(asked: Asked, to: Path | None) -> tuple[Path, dict[str, Any]]:
    facts = reports.ledger_facts(session.open_workspace(asked))
    path = to or Path("postmortem-report-all.html")
    reports.write_ledger_report(facts, path)
    return path, _ledger_json(facts)


def _incident_json(facts: IncidentFacts) -> dict[str, Any]:
    incident = facts.incident
    return {
        "incident": incident.id,
        "title": incident.title,
        "status": incident.status.value,
        "started_at": output.local_instant(incident.started_at, incident),
        "closed_at": output.local_instant(incident.closed_at, incident),
        "milestones": [
            {
                "key": each.key,
                "at": output.local_instant(each.at, incident),
                "known_from": each.known_from,
            }
            for each in facts.milestones
        ],
        "timeline": [output.entry_json(incident, entry) for entry in facts.entries],
        "customers": facts.customers,
        "notices": [_notice_json(each) for each in facts.notices],
        "promises": [
            {
                "due_at": output.local_instant(each.due_at, incident),
                "given_at": output.local_instant(each.given_at, incident),
                "state": each.state,
            }
            for each in facts.promises
        ],
        "actions": None
        if facts.actions is None
        else [
            {
                "text": each.text,
                "done": each.is_done,
                "has_owner": each.has_owner,
                "has_date": each.has_date,
            }
            for each in facts.actions
        ],
        "notes": list(facts.notes),
    }


def _notice_json(notice: NoticeFacts) -> dict[str, Any]:
    counts = notice.counts
    return {
        "notice": notice.id,
        "stage": notice.stage,
        "subject": notice.subject,
        "said_at": output.instant(notice.said_at),
        "counts": {
            "sent": counts.sent,
            "failed": counts.failed,
            "unknown": counts.unknown,
            "pending": counts.pending,
            "skipped": counts.skipped,
        },
        "bounced": notice.bounced,
        "replies": notice.replies,
        "reasons": [{"reason": reason, "count": count} for reason, count in notice.reasons],
        "failures": [
            {"email": each.email, "row": each.row, "reason": each.reason}
            for each in notice.shortfalls
        ],
    }


def _ledger_json(facts: LedgerFacts) -> dict[str, Any]:
    return {
        "incidents": [
            {
                "incident": row.id,
                "title": row.title,
                "severity": row.severity or None,
                "status": row.status,
                "started_at": output.instant(row.started_at),
                "first_word_seconds": row.first_word_seconds,
                "duration_seconds": row.duration_seconds,
                "customers": row.customers,
                "promises": {"kept": row.promises_kept, "due": row.promises_due},
                "open_actions": list(row.open_actions or ()),
                "overdue_actions": row.overdue_actions,
            }
            for row in facts.rows
        ],
        "causes": [
            {
                "words": cause.words,
                "basis": cause.basis,
                "incidents": [row.id for row in cause.rows],
            }
            for cause in report_facts.shared_causes(facts.rows)
        ],
        "notes": list(facts.notes),
    }
