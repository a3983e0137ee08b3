"""The commands that end an incident's day: close, and reopen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workflow.cli.commands import Asked, command
from workflow.cli.help_page import DAY
from workflow.cli.incident_commands import At, as_typed, moment

if TYPE_CHECKING:
    from workflow.flows.close import Closed
    from workflow.flows.closing_checks import Findings, OpenEnd
    from workflow.flows.workspace import Workspace
    from workflow.incident import Incident


@command("close", panel=DAY, epilog='Example: postmortem close --at "6:45 PM"')
def close(
    asked: Asked,
    at: At = None,
    force: Annotated[
        str,
        typer.Option(metavar="REASON", help="Close with something left open; the record says why."),
    ] = "",
    lock: Annotated[
        bool, typer.Option("--lock", help="Lock the doc against edits, once it shows everything.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only say what is left open; change nothing.")
    ] = False,
    not_told: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Only write a list of the customers who were told of it and not of its end.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Close the loop: checks, final status, duration, closing entry, what customers were told."""
    from workflow.cli.opening import open_workspace  # noqa: PLC0415
    from workflow.flows import close as flow  # noqa: PLC0415
    from workflow.flows import closing_checks  # noqa: PLC0415

    workspace = open_workspace(asked)
    if not_told is not None:
        _write_not_told(asked, workspace, not_told)
        return
    incident = workspace.incident()
    reason = _reason(force)
    said: set[str] = set()
    if check or (incident.closed_at is None and not reason):
        findings = flow.check(workspace)
        if check or findings.stopping:
            doc_ends = closing_checks.look_at_doc(workspace, incident)
            reason = _go_on_anyway(asked, incident, findings, doc_ends, asks=not check)
            said = {each.sentence for each in (*findings.open_ends, *doc_ends)}
        if check:
            return
    request = flow.CloseRequest(moment(workspace, at, incident.zone), reason, lock)
    _show_closed(asked, flow.close(workspace, request), said)


@command("reopen", panel=DAY, epilog='Example: postmortem reopen "It has come back for 3 of them"')
def reopen(
    asked: Asked,
    reason: Annotated[str, typer.Argument(help="Why, in a few words.", show_default=False)] = "",
) -> None:
    """Go on with a closed incident: status as it was, and the doc's lock taken off."""
    from workflow.cli import showing  # noqa: PLC0415
    from workflow.cli.opening import open_workspace  # noqa: PLC0415
    from workflow.flows import close as flow  # noqa: PLC0415

    logged = flow.reopen(open_workspace(asked), as_typed(reason))
    speaker, incident = asked.speaker, logged.brought.incident
    if speaker.as_json:
        speaker.document(showing.logged_json(logged) | {"locked": incident.locked_at is not None})
    speaker.say(f"Open again, {incident.status.value}: {incident.title}", "good")
    speaker.say(showing.entry_words(incident, logged.entry))
    showing.show_brought(speaker, logged.brought)
    showing.raise_if_waiting(logged.brought)


def _reason(force: str) -> str:
    reason = as_typed(force).strip()
    if force and not reason:
        raise typer.BadParameter("say why it is closed all the same.", param_hint="--force")
    return " ".join(reason.split())


def _write_not_told(asked: Asked, workspace: Workspace, path: Path) -> None:
    from workflow.cli.notice_outcome import people  # noqa: PLC0415
    from workflow.flows.close import write_not_told  # noqa: PLC0415

    count = write_not_told(workspace, path)
    if asked.speaker.as_json:
        file = str(path) if count else None
        asked.speaker.document({"file": file, "customers": count})
    if not count:
        asked.speaker.say("Everybody who was told of it was told of its end. No file was written.")
        return
    asked.speaker.say(f"Written to {path}: {people(count)}")
    asked.speaker.next_step(f"postmortem notify {path} --stage resolved")


def _go_on_anyway(
    asked: Asked,
    incident: Incident,
    findings: Findings,
    doc_ends: Sequence[OpenEnd],
    *,
    asks: bool,
) -> str:
    """Show all that is left open; the reason to close all the same, from a person at a terminal.

    Ends the command with 3 where something stops it and no reason is given.
    """
    speaker = asked.speaker
    _say_figures(asked, incident, findings)
    for each in (*findings.open_ends, *doc_ends):
        (speaker.wrong if each.stops else speaker.warn)(f"  {each.sentence}")
    if not findings.stopping:
        if not doc_ends:
            speaker.say("Nothing is left open.", "good")
        _document_ends(asked, incident, findings, doc_ends, error=None)
        return ""
    if asks and speaker.is_interactive:
        why = speaker.ask("Close it all the same? Say why, or press Enter to leave it open: ")
        if why.strip():
            return " ".join(why.split())
    error = 'Not closed, nothing was changed. To close all the same: postmortem close --force "why"'
    speaker.wrong(error)
    _document_ends(asked, incident, findings, doc_ends, error=error)
    raise typer.Exit(3)


def _document_ends(
    asked: Asked,
    incident: Incident,
    findings: Findings,
    doc_ends: Sequence[OpenEnd],
    *,
    error: str | None,
) -> None:
    if asked.speaker.as_json:
        failed = {"error": error, "exit_code": 3} if error else {}
        ends = (*findings.open_ends, *doc_ends)
        asked.speaker.document(
            {"incident": incident.id, **_ends_json(ends), **_figures(incident, findings), **failed}
        )


def _show_closed(asked: Asked, closed: Closed, said: set[str]) -> None:
    """What was done, and what is left open, as far as it was not `said` before."""
    from workflow.cli import showing  # noqa: PLC0415
    from workflow.flows.faults import NotSetUp  # noqa: PLC0415

    speaker, incident = asked.speaker, closed.brought.incident
    ends = (*closed.findings.open_ends, *closed.doc_ends)
    if speaker.as_json:
        speaker.document(
            {
                "incident": incident.id,
                "status": incident.status.value,
                "closed_at": showing.local_instant(incident.closed_at, incident),
                "duration": closed.duration,
                **_figures(incident, closed.findings),
                "reason": incident.close_reason or None,
                **_ends_json(ends),
                "doc_url": incident.doc_url or None,
                "locked": incident.locked_at is not None,
                "synced": closed.brought.synced,
            }
        )
    speaker.say(f"Closed after {closed.duration}: {incident.title}", "good")
    if not said:
        _say_figures(asked, incident, closed.findings)
    for each in ends:
        if each.sentence in said:
            continue
        (speaker.say if each.kind == "not_checked" else speaker.warn)(each.sentence)
    if incident.locked_at is not None:
        speaker.say("The doc is locked against edits; postmortem reopen takes the lock off.")
    showing.show_brought(speaker, closed.brought)
    showing.raise_if_waiting(closed.brought)
    if closed.lock_refused:
        raise NotSetUp("The incident is closed, and its doc is not locked.")
    speaker.next_step("postmortem export DIR keeps the whole record")


def _say_figures(asked: Asked, incident: Incident, findings: Findings) -> None:
    from workflow.cli.notice_outcome import people  # noqa: PLC0415
    from workflow.flows.communications import time_to  # noqa: PLC0415

    reached = findings.reached
    if reached.first_word is None:
        return
    asked.speaker.say(
        f"First word to customers after {time_to(incident, reached.first_word)}; "
        f"{people(reached.told)} told, {reached.of_the_end:,} of the end"
    )


def _figures(incident: Incident, findings: Findings) -> dict[str, Any]:
    from workflow.flows.communications import time_to  # noqa: PLC0415

    reached = findings.reached
    first = reached.first_word
    return {
        "time_to_first_notice": time_to(incident, first) if first else None,
        "customers": {
            "told": reached.told,
            "told_of_the_end": reached.of_the_end,
            "bounced": reached.bounced,
        },
    }


def _ends_json(ends: Sequence[OpenEnd]) -> dict[str, Any]:
    return {
        "open_ends": [each.sentence for each in ends],
        "checks": [
            {
                "kind": each.kind,
                "stops": each.stops,
                "text": each.words,
                "command": each.command or None,
            }
            for each in ends
        ],
    }
