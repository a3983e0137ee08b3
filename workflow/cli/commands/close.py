"""`close`: close the incident."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workflow import model, same_command
from workflow.cli import output, session
from workflow.cli.app import Asked, command
from workflow.cli.terminal import run_to_finish
from workflow.cli.typed import At, as_typed, moment
from workflow.errors import BadInput, NotSetUp
from workflow.incident import lifecycle as flow
from workflow.model import people
from workflow.notice import draft_review, outcome
from workflow.standing import closing_checks, notice_words, other_ledgers

if TYPE_CHECKING:
    from workflow.cli.terminal import Speaker
    from workflow.incident.lifecycle import Closed
    from workflow.ledger.elsewhere import Compared
    from workflow.model import Incident
    from workflow.standing.closing_checks import Findings, OpenEnd
    from workflow.workspace import Workspace

_ROWS_SHOWN = 10
_NOT_CLOSED = "The incident was not closed."


@command("close", epilog='Example: postmortem close --at "6:45 PM"')
def close(
    asked: Asked,
    at: At = None,
    force: Annotated[
        str,
        typer.Option(metavar="REASON", help="Close although something is open, and record why."),
    ] = "",
    not_in_this_ledger: Annotated[
        bool,
        typer.Option(
            "--not-in-this-ledger", help="Close although another ledger emailed customers."
        ),
    ] = False,
    confirm: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="With --not-in-this-ledger: the number of customers it emailed. Skips the "
            "question.",
        ),
    ] = None,
    lock: Annotated[
        bool, typer.Option("--lock", help="Lock the doc against edits after the last change.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only list what is open. Changes nothing.")
    ] = False,
    not_told: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Only write a list of customers who were notified but not told it is resolved.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Close the incident: check what is open, record the duration and the notices."""
    workspace = session.open_workspace(asked)
    if not_told is not None:
        _write_not_told(asked, workspace, not_told)
        return
    incident = workspace.incident()
    reason = _reason(force)
    said: set[str] = set()
    same_command.begin(workspace, "close", [at, force, lock])
    earlier = None if check else run_to_finish(asked.speaker, workspace, incident.id)
    if earlier is not None and incident.closed_at is not None:
        request = flow.CloseRequest(incident.closed_at, reason, lock)
        _show_closed(asked, flow.closed_by(workspace, earlier, request), said)
        return
    if confirm is not None and not not_in_this_ledger:
        raise typer.BadParameter("works only with --not-in-this-ledger.", param_hint="--confirm")
    compared = None
    if not check and incident.closed_at is None:
        draft_review.record_missing_copies(workspace, incident)
        compared = _settle_ledgers(asked, workspace, incident, not_in_this_ledger, confirm)
    if check or (incident.closed_at is None and not reason):
        findings = flow.check(workspace, compared)
        if check or findings.stopping:
            doc_ends = closing_checks.look_at_doc(workspace, incident)
            reason = _go_on_anyway(asked, incident, findings, doc_ends, asks=not check)
            said = {each.sentence for each in (*findings.open_ends, *doc_ends)}
        if check:
            return
    when = moment(workspace, at, incident.zone, asked.speaker)
    request = flow.CloseRequest(when, reason, lock, not_in_this_ledger)
    _show_closed(asked, flow.close(workspace, request), said)


def _settle_ledgers(
    asked: Asked, workspace: Workspace, incident: Incident, accepted: bool, confirm: int | None
) -> Compared:
    """Let a person say that they know of other ledgers' notices; else raise `BadInput`.

    Returns the comparison with the doc, for later checks.
    """
    compared = other_ledgers.look(workspace, incident).compared
    found = compared.found
    if not found:
        return compared
    known = other_ledgers.all_words(found, incident)
    if not accepted:
        raise BadInput(f"The incident was not closed: {known}\n{other_ledgers.ways(found)}")
    count = other_ledgers.customers_elsewhere(found)
    if confirm is None and asked.speaker.is_interactive:
        asked.speaker.warn(known)
        answer = asked.speaker.ask(f"Type {count} to close anyway: ", undone=_NOT_CLOSED)
        confirm = outcome.typed_number(answer)
    flow.refuse_other_count(found, incident, confirm)
    return compared


def _reason(force: str) -> str:
    reason = as_typed(force).strip()
    if force and not reason:
        raise typer.BadParameter("give the reason for closing it anyway.", param_hint="--force")
    return " ".join(reason.split())


def _write_not_told(asked: Asked, workspace: Workspace, path: Path) -> None:
    count = flow.write_not_told(workspace, path)
    if asked.speaker.as_json:
        file = str(path) if count else None
        asked.speaker.document({"file": file, "customers": count})
    if not count:
        asked.speaker.say(
            "Everybody who was notified was told it is resolved. No file was written."
        )
        return
    asked.speaker.say(f"Written to {path}: {people(count)}")
    notify = f"postmortem notify {shlex.quote(str(path))} --stage resolved"
    is_resolved = workspace.incident().status is model.Status.RESOLVED
    asked.speaker.next_step(notify if is_resolved else f"postmortem status resolved, then {notify}")


def _go_on_anyway(
    asked: Asked,
    incident: Incident,
    findings: Findings,
    doc_ends: Sequence[OpenEnd],
    *,
    asks: bool,
) -> str:
    """Show what is open. Returns the reason to close anyway, asked at a terminal.

    Ends the command with 3 if something stops it and no reason is given.
    """
    speaker = asked.speaker
    _say_figures(asked, incident, findings)
    for each in (*findings.open_ends, *doc_ends):
        (speaker.wrong if each.stops else speaker.warn)(f"  {each.sentence}")
        for row in each.rows[:_ROWS_SHOWN]:
            speaker.say(f"    {row}", "faint")
        if len(each.rows) > _ROWS_SHOWN:
            speaker.say(f"    …and {len(each.rows) - _ROWS_SHOWN} more: add --json for all")
    if not findings.stopping and (asks or not findings.elsewhere):
        if not (findings.open_ends or doc_ends or findings.elsewhere):
            speaker.say("Nothing is open.", "good")
        _document_ends(asked, incident, findings, doc_ends, error=None)
        return ""
    if asks and speaker.is_interactive and (why := _why_anyway(speaker)):
        return why
    error = 'Not closed. Nothing was changed. To close anyway: postmortem close --force "why"'
    if findings.elsewhere:
        error = f"Not closed. Nothing was changed. {findings.ways}"
    speaker.wrong(error)
    _document_ends(asked, incident, findings, doc_ends, error=error)
    raise typer.Exit(3)


def _why_anyway(speaker: Speaker) -> str:
    """The reason to close with something open; "" for any answer but yes."""
    if speaker.ask("Close anyway? Type yes: ", undone=_NOT_CLOSED).strip().casefold() not in {
        "yes",
        "y",
    }:
        return ""
    return " ".join(speaker.ask("Reason (goes into the record): ", undone=_NOT_CLOSED).split())


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
    """Show what was done and what is open, without what was `said` before."""
    speaker, incident = asked.speaker, closed.brought.incident
    ends = (*closed.findings.open_ends, *closed.doc_ends)
    if speaker.as_json:
        speaker.document(
            {
                "incident": incident.id,
                "status": incident.status.value,
                "closed_at": output.local_instant(incident.closed_at, incident),
                "duration": closed.duration,
                **_figures(incident, closed.findings),
                "reason": incident.close_reason or None,
                **_ends_json(ends),
                "doc_url": incident.doc_url or None,
                "locked": incident.locked_at is not None,
                "synced": closed.brought.synced,
            }
        )
    speaker.say(f"{_length(closed)}: {incident.title}", "good")
    if not said:
        _say_figures(asked, incident, closed.findings)
    for each in ends:
        if each.sentence in said:
            continue
        (speaker.say if each.kind == "not_checked" else speaker.warn)(each.sentence)
    if incident.locked_at is not None:
        speaker.say("The doc is locked against edits. To unlock it: postmortem reopen")
    output.show_brought(speaker, closed.brought)
    output.raise_if_waiting(closed.brought)
    if closed.lock_refused:
        raise NotSetUp("The incident is closed, and its doc is not locked.")
    speaker.next_step("postmortem export DIR saves the whole record")


def _length(closed: Closed) -> str:
    """`Closed after 40 min`; with both durations if it was resolved before it was closed."""
    incident = closed.brought.incident
    at, resolved = incident.closed_at, incident.resolved_at
    if at is None or resolved is None or resolved == at:
        return f"Closed after {closed.duration}"
    whole = model.between_text(incident.started_at, at)
    same = whole == closed.duration
    return f"Closed after {whole}" + ("" if same else f", resolved after {closed.duration}")


def _say_figures(asked: Asked, incident: Incident, findings: Findings) -> None:
    reached = findings.reached
    if reached.first_word is None:
        return
    asked.speaker.say(
        f"First notice to customers after {notice_words.time_to(incident, reached.first_word)}; "
        f"{people(reached.told)} notified, {reached.of_the_end:,} told it is resolved"
    )


def _figures(incident: Incident, findings: Findings) -> dict[str, Any]:
    reached = findings.reached
    first = reached.first_word
    return {
        "time_to_first_notice": notice_words.time_to(incident, first) if first else None,
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
                **({"rows": list(each.rows)} if each.rows else {}),
            }
            for each in ends
        ],
    }
