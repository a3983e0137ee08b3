"""The command that writes the report: of one incident, or of all."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workflow.cli.commands import Asked, command
from workflow.cli.help_page import RECORD

if TYPE_CHECKING:
    from workflow.report.facts import IncidentFacts, LedgerFacts, NoticeFacts


@command(
    "report",
    panel=RECORD,
    epilog="Example: postmortem report --to report.html; postmortem report --all",
)
def report(
    asked: Asked,
    to: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", help="Where to; a file of that name is replaced."),
    ] = None,
    every: Annotated[
        bool,
        typer.Option("--all", help="Over all incidents: how soon, how long, what comes back."),
    ] = False,
    with_recipients: Annotated[
        bool,
        typer.Option("--with-recipients", help="Name those who were not surely told."),
    ] = False,
    open_it: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
) -> None:
    """One page that opens anywhere: the timeline to scale, the mails, promises and actions.

    It names nobody on a list unless asked.
    """
    if every and with_recipients:
        raise typer.BadParameter("it goes with one incident.", param_hint="--with-recipients")
    path, document = _all(asked, to) if every else _one(asked, to, is_naming=with_recipients)
    speaker = asked.speaker
    if speaker.as_json:
        speaker.document({**document, "file": str(path)})
    for note in document["notes"]:
        speaker.warn(note)
    speaker.say("The report is written:", "good")
    speaker.answer(f"  {path}", "link")
    if open_it:
        webbrowser.open(path.resolve().as_uri())


def _one(asked: Asked, to: Path | None, *, is_naming: bool) -> tuple[Path, dict[str, Any]]:
    from workflow.cli.opening import open_workspace  # noqa: PLC0415
    from workflow.flows import reporting  # noqa: PLC0415

    workspace = open_workspace(asked)
    facts = reporting.report_facts(workspace)
    if is_naming:
        facts = reporting.with_recipients(workspace, facts)
    path = to or Path(f"postmortem-report-{facts.incident.id}.html")
    reporting.write_report(facts, path)
    return path, _incident_json(facts)


def _all(asked: Asked, to: Path | None) -> tuple[Path, dict[str, Any]]:
    from workflow.cli.opening import open_workspace  # noqa: PLC0415
    from workflow.flows import reporting_all  # noqa: PLC0415

    facts = reporting_all.ledger_facts(open_workspace(asked))
    path = to or Path("postmortem-report-all.html")
    reporting_all.write_ledger_report(facts, path)
    return path, _ledger_json(facts)


def _incident_json(facts: IncidentFacts) -> dict[str, Any]:
    from workflow.cli.showing import entry_json, local_instant  # noqa: PLC0415

    incident = facts.incident
    return {
        "incident": incident.id,
        "title": incident.title,
        "status": incident.status.value,
        "started_at": local_instant(incident.started_at, incident),
        "closed_at": local_instant(incident.closed_at, incident),
        "milestones": [
            {
                "key": each.key,
                "at": local_instant(each.at, incident),
                "known_from": each.known_from,
            }
            for each in facts.milestones
        ],
        "timeline": [entry_json(incident, entry) for entry in facts.entries],
        "customers": facts.customers,
        "notices": [_notice_json(each) for each in facts.notices],
        "promises": [
            {
                "due_at": local_instant(each.due_at, incident),
                "given_at": local_instant(each.given_at, incident),
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
    from workflow.cli.showing import instant  # noqa: PLC0415

    counts = notice.counts
    return {
        "notice": notice.id,
        "stage": notice.stage,
        "subject": notice.subject,
        "said_at": instant(notice.said_at),
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
    from workflow.cli.showing import instant  # noqa: PLC0415
    from workflow.report.causes import shared_causes  # noqa: PLC0415

    return {
        "incidents": [
            {
                "incident": row.id,
                "title": row.title,
                "severity": row.severity or None,
                "status": row.status,
                "started_at": instant(row.started_at),
                "first_word_seconds": row.first_word_seconds,
                "duration_seconds": row.duration_seconds,
                "customers": row.customers,
                "promises": {"kept": row.promises_kept, "due": row.promises_due},
                "open_actions": list(row.open_actions or ()),
            }
            for row in facts.rows
        ],
        "causes": [
            {
                "words": cause.words,
                "basis": cause.basis,
                "incidents": [row.id for row in cause.rows],
            }
            for cause in shared_causes(facts.rows)
        ],
        "notes": list(facts.notes),
    }
