"""The pre-flight sheet: everything to check before the mails are sent."""

from __future__ import annotations

import difflib
from typing import Any

from workflow.cli.terminal import Speaker
from workflow.mail.faces import parse_body, text_face
from workflow.model import people
from workflow.notice.left_out import Repeat
from workflow.notice.outcome import blocking_notices, sheet_lines, sheet_title, what_to_mend
from workflow.notice.plan import Plan
from workflow.notice.wording import KEPT, OneWording
from workflow.workspace import Workspace

_SHOWN = 10
_SHOWN_CHANGES = 6


def plan_json(plan: Plan, mode: str = "preview") -> dict[str, Any]:
    """The form of `notify --json` for a plan: of a preview, or of one that was not sent."""
    return {
        "incident": plan.incident.id,
        "notice": None,
        "stage": plan.stage.value,
        "subject": plan.first.subject if plan.first else plan.copy.subject,
        "recipients": plan.new,
        "counts": {"sent": 0, "failed": 0, "unknown": 0, "pending": plan.new}
        | {"skipped": plan.skipped},
        "failures": [
            {"email": row.value, "row": row.row, "reason": row.reason} for row in plan.bad_rows
        ],
        "copied_back": False,
        "mode": mode,
        "duplicates": [{"row": each.row, "first_row": each.first_row} for each in plan.duplicates],
        "told_before": dict(plan.count.told_before),
        "findings": [
            {
                "level": each.level,
                "code": each.code,
                "where": each.where,
                "message": each.message,
                "row": each.row or None,
                "rows": each.rows or None,
            }
            for each in plan.findings
        ],
        "wordings": {
            "count": plan.count.wordings.count,
            "customers": plan.count.wordings.customers[:KEPT],
            "shown": [_wording_json(each) for each in plan.wordings if each.first],
        },
        "sent_today": plan.today.sent,
        "left_today": plan.today.left,
        "transport": plan.transport.value,
        "senders": [
            {"email": each.sender, "mails": each.mails, "left_today": each.left_today}
            for each in plan.division
        ],
        "had_stage": {kind.value: plan.count.repeats[kind] for kind in Repeat},
        "unfinished": [
            {
                "notice": each.notice_id,
                "incident": each.incident_title,
                "subject": each.subject,
                "customers": each.customers,
            }
            for each in plan.waiting
        ],
        "earlier": _earlier_json(plan),
        "preview": _first_mail_json(plan),
    }


def _wording_json(wording: OneWording) -> dict[str, Any]:
    first = wording.first
    return {
        "template": wording.template or None,
        "customers": wording.customers,
        "first_row": first.row if first else None,
        "subject": wording.copy.subject,
        "text": text_face(parse_body(wording.copy.markdown)),
    }


def _earlier_json(plan: Plan) -> dict[str, Any] | None:
    if plan.earlier is None:
        return None
    return {
        "stage": plan.earlier.stage.value,
        "changed": list(plan.earlier.changed),
        "not_on_list": plan.earlier.not_on_list,
    }


def _first_mail_json(plan: Plan) -> dict[str, Any] | None:
    if plan.first is None:
        return None
    text = text_face(parse_body(plan.first.markdown))
    return {"to": plan.first.email, "subject": plan.first.subject, "text": text}


_CHANGE_STYLES = {"+ ": "good", "- ": "bad"}  # of added and removed lines


def show(speaker: Speaker, workspace: Workspace, plan: Plan, *, with_mail: bool = True) -> None:
    """The sheet in words, and the first recipient's mail."""
    speaker.say(sheet_title(plan), "strong")
    for line in sheet_lines(workspace, plan):
        if line.tone == "warning":
            speaker.warn(f"  {line.text}")
        else:
            style = _CHANGE_STYLES.get(line.text[:2], "faint") if line.tone == "faint" else ""
            speaker.say(f"  {line.label:<9} {line.text}", style)
    _show_rows(speaker, plan)
    show_findings(speaker, plan)
    if with_mail:
        _show_mail(speaker, plan)


def show_findings(speaker: Speaker, plan: Plan) -> None:
    """The problems of the text or the list, errors first."""
    for finding in plan.findings:
        tell = speaker.wrong if finding.level == "error" else speaker.warn
        tell(f"  {finding.level.capitalize()}: {finding.where}: {finding.message}")


def _show_rows(speaker: Speaker, plan: Plan) -> None:
    for row in plan.bad_rows[:_SHOWN]:
        where = f", column {row.column}" if row.column else ""
        value = f" ({row.value[:60]})" if row.value else ""
        speaker.warn(f"  Row {row.row}{where}{value}: {row.reason}")
    if len(plan.bad_rows) > _SHOWN:
        speaker.warn(f"  …and {len(plan.bad_rows) - _SHOWN} more bad rows: add --json for all")


def show_left_out(speaker: Speaker, plan: Plan) -> None:
    """The bad rows that `--skip-bad` leaves out, each by its number and address."""
    if plan.bad_rows:
        speaker.warn(f"Left out of {plan.request.list_name}:")
        _show_rows(speaker, plan)


def _show_mail(speaker: Speaker, plan: Plan) -> None:
    is_refused = bool(what_to_mend(plan)) or not plan.recipients  # explained below
    if plan.first is None:
        if not is_refused:
            speaker.warn("Nothing was sent: all valid rows are left out (see above).")
        return
    speaker.say()
    speaker.say(f"To:       {plan.first.email}", "faint")
    speaker.say(f"Subject:  {plan.first.subject}", "strong")
    speaker.say()
    speaker.say(text_face(parse_body(plan.first.markdown)).rstrip())
    speaker.say()
    _show_other_wordings(speaker, plan)
    if not is_refused:
        speaker.say("Nothing was sent.", "good")
        speaker.next_step(
            blocking_notices(plan)
            or "add --test you@example.com to see it in your own mailbox, then --send"
        )


def _show_other_wordings(speaker: Speaker, plan: Plan) -> None:
    """The difference of each wording from the mail that was shown."""
    first = plan.first
    shown = next((each for each in plan.wordings if each.first == first), plan.wordings[0])
    others = [(each, each.first) for each in plan.wordings if each is not shown and each.first]
    for each, mail in others[:_SHOWN]:
        where = f"row {mail.row}, {mail.email}"
        speaker.say(f"Different text for {people(each.customers)} (first: {where}):", "strong")
        for line in _differing_lines(shown, each)[:_SHOWN_CHANGES]:
            speaker.say(f"  {line}")
        speaker.say()
    if len(others) > _SHOWN:
        speaker.say(f"…and {len(others) - _SHOWN} more wordings: add --json, or --preview")


def _differing_lines(shown: OneWording, other: OneWording) -> list[str]:
    before, after = (
        [f"Subject: {each.copy.subject}", *text_face(parse_body(each.copy.markdown)).splitlines()]
        for each in (shown, other)
    )
    changed = difflib.ndiff(before, after)
    return [line for line in changed if line[:2] in {"+ ", "- "} and line[2:].strip()]
