"""A notice as text and JSON: its pre-flight sheet, its result, its drafts; and shares.

Also asks, before anything is sent, for decisions about drafts that a person edited in Gmail.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from workflow.cli import output
from workflow.cli.app import Asked
from workflow.cli.terminal import Speaker, fault_json
from workflow.errors import BAD_INPUT, DONE, PARTLY, RECORDED, BadInput, Recorded
from workflow.google import faults
from workflow.mail import content, faces
from workflow.mail.escape import one_line
from workflow.model import DraftDecision, counted, people
from workflow.notice import left_out, outcome, wording
from workflow.sending import sender
from workflow.standing import overview

if TYPE_CHECKING:
    from workflow.doc.sharing import Shared
    from workflow.google.faults import GoogleFault
    from workflow.ledger.notices import Notice
    from workflow.model import Incident
    from workflow.notice.approval import Comments
    from workflow.notice.draft_review import EditedDraft, Review, Withdrawn
    from workflow.notice.plan import Plan
    from workflow.notice.send import Notified
    from workflow.notice.wording import OneWording
    from workflow.publication.doc import FinishedPublication
    from workflow.standing.overview import NoticeStanding
    from workflow.workspace import Workspace


# --- Results --------------------------------------------------------------------------------------

_QUOTED_LIMIT, _COMMENT_LIMIT = 60, 300


def exit_code(pending: int, short: int) -> int:
    """The exit code for these numbers of undecided, and of failed or unknown, deliveries."""

    if pending:
        return RECORDED
    return PARTLY if short else DONE


def agree_despite_comments(speaker: Speaker, comments: Comments, *, does: str, undone: str) -> None:
    """Show the open comments on a proposal, and ask a person whether to go on. Raises `BadInput`.

    `does` is what would be done, such as `Approve`.
    """
    if comments.unread:
        speaker.warn(f"Comments in the doc were not read: {comments.unread}")
        return
    if not comments.open:
        return
    speaker.warn(f"{counted(len(comments.open), 'open comment')} on this proposal in the doc:")
    for each in comments.open:
        about = f" on “{one_line(each.quoted, _QUOTED_LIMIT)}”" if each.quoted else ""
        speaker.warn(f"  {each.author or 'Somebody'}{about}: {one_line(each.text, _COMMENT_LIMIT)}")
    if speaker.is_interactive:
        answer = speaker.ask(f"{does} anyway? Type yes: ", undone=undone)
        if answer.casefold() != "yes":
            raise BadInput(f"{undone} Answer or resolve the comments in the doc.")


def comments_json(comments: Comments) -> list[dict[str, str]] | None:
    """The open comments on a proposal; None if they were not read."""
    if comments.unread:
        return None
    return [{"by": each.author, "on": each.quoted, "text": each.text} for each in comments.open]


def show_outcome(asked: Asked, notified: Notified, mode: str) -> None:
    """Show the result of a notice, and raise the right exit code."""
    speaker, standing = asked.speaker, notified.standing
    if speaker.as_json:
        speaker.document(output.notice_json(standing, mode))
    style = "good" if standing.counts.sent == standing.counts.total else "warn"
    speaker.say(f"{standing.notice.subject}: {overview.counts_text(standing)}", style)
    output.show_shortfalls(speaker.warn, standing)
    output.show_left_out(speaker.warn, standing)
    output.show_not_in_doc(speaker.warn, standing)
    if notified.brought is not None:
        output.show_brought(speaker, notified.brought)
    _say_what_is_in_gmail(speaker, notified)
    if notified.sent.ending is sender.Ending.STOPPED:
        raise KeyboardInterrupt
    if (fault := outcome.unfinished(notified)) is not None:
        raise fault
    if standing.counts.edited and not standing.notice.held:
        raise typer.Exit(PARTLY if standing.counts.sent else BAD_INPUT)
    for step in outcome.next_steps(notified):
        speaker.next_step(step)
    if mode == "send" and standing.copied_back and standing.counts.sent:
        speaker.say("The text that was sent is in the doc.")
    if standing.shortfalls:
        for step in outcome.steps_for_shortfalls(standing):
            speaker.next_step(step)
        raise typer.Exit(exit_code(0, len(standing.shortfalls)))


def show_withdrawn(asked: Asked, withdrawn: Withdrawn, standing: NoticeStanding) -> None:
    """Show the result of a withdrawal, and raise the right exit code."""
    speaker = asked.speaker
    if speaker.as_json:
        speaker.document(output.notice_json(standing, "send"))
    words, *warnings = outcome.withdrawn_words(withdrawn, standing)
    speaker.say(words)
    for warning in warnings:
        speaker.warn(warning)
    if withdrawn.sent.ending is sender.Ending.STOPPED:
        raise KeyboardInterrupt
    if (fault := outcome.not_yet_withdrawn(withdrawn, standing)) is not None:
        raise fault
    if withdrawn.unknown:
        output.show_shortfalls(speaker.warn, standing)
        speaker.next_step(outcome.step_for_unknown(standing))
        raise typer.Exit(exit_code(0, withdrawn.unknown))


def _say_what_is_in_gmail(speaker: Speaker, notified: Notified) -> None:
    """Name drafts that were edited after the person's decision, or while a notice was sent.

    Also says if there may be extra drafts.
    """
    standing = notified.standing
    for warning in outcome.extra_drafts(standing, notified.left):
        speaker.warn(warning)
    waiting = [each for each in standing.edited if each.waits]
    for each in waiting[:20]:
        speaker.warn(f"  row {each.row}  {each.email}: the draft was edited in Gmail")
    if waiting:
        wait = "It waits" if len(waiting) == 1 else f"{len(waiting):,} drafts wait"
        speaker.warn(f"{wait} for your decision: postmortem resume {standing.notice.id}")


def show_shared(asked: Asked, shared: Shared) -> None:
    """Show the result, and raise the right exit code."""
    speaker, brought = asked.speaker, shared.brought
    if speaker.as_json:
        speaker.document(
            {
                "incident": brought.incident.id,
                "doc_url": brought.incident.doc_url or None,
                "shared": [output.share_json(each) for each in shared.shares],
                "synced": brought.synced,
            }
        )
    for each in shared.shares:
        match each.state:
            case "done":
                speaker.say(f"Shared with {each.who} ({each.role}).", "good")
            case "left":
                speaker.say(f"No longer shared with {each.who}.", "good")
    output.show_brought(speaker, brought)
    output.raise_if_waiting(brought)
    if any(each.state == "refused" or each.error for each in shared.shares):
        raise typer.Exit(5)


DOC_WORDS = {
    "made": "The public postmortem has a Google Doc. Only you can see it.",
    "updated": "The Google Doc is updated.",
    "unchanged": "The Google Doc is already up to date.",
    "edited": "People edited the Google Doc, so it was not changed. "
    "`postmortem publish --doc --again` creates a new one.",
}


def waits(incident: Incident, fault: GoogleFault) -> Recorded:
    """The error for a public version that is recorded and not in its doc yet."""

    return Recorded(
        f"The public postmortem is not in its Google Doc yet. {fault.sentence_in(incident.zone)} "
        "Later: postmortem sync"
    )


def show_finished(speaker: Speaker, finished: Sequence[FinishedPublication]) -> None:
    """The results of `sync` for public versions, in words."""
    for each in finished:
        name = f"The public postmortem of “{each.incident.title[:60]}”"
        if each.said:
            speaker.warn(each.said)
        elif each.outcome == "edited":
            speaker.warn(f"{name}: {DOC_WORDS['edited']}")
        elif each.outcome:
            speaker.say(f"{name}: its Google Doc is updated.", "good")


def finished_json(finished: Sequence[FinishedPublication]) -> list[dict[str, Any]]:
    """The public versions in the form of `sync --json`; a null outcome means waiting."""
    return [
        {
            "incident": each.incident.id,
            "outcome": each.outcome or None,
            "doc_id": each.publication.doc_id or None,
            "doc_url": each.publication.doc_url or None,
        }
        for each in finished
    ]


def raise_if_unfinished(finished: Sequence[FinishedPublication]) -> None:
    """Raise what stopped a public version: `Recorded`, or `SignInNeeded`."""
    for each in finished:
        if isinstance(each.fault, faults.SignInNeeded):
            raise each.fault
        if each.fault is not None:
            raise waits(each.incident, each.fault) from each.fault


Decided = list[tuple["EditedDraft", DraftDecision]]

_LETTERS = {
    "e": DraftDecision.AS_EDITED,
    "r": DraftDecision.RESTORE,
    "l": DraftDecision.LEAVE_OUT,
}
_QUESTION = (
    "Send it as (e)dited, (r)estore our mail, or (l)eave this customer out? Use E, R, L for all "
    "that follow: "
)
_TRIES = 3
_SHOWN = 20


def chosen_by_option(*, as_edited: bool, restore: bool, leave_out: bool) -> DraftDecision | None:
    """The options' decision for all drafts. Raises `BadInput` for several."""

    named = [
        decision
        for wanted, decision in (
            (as_edited, DraftDecision.AS_EDITED),
            (restore, DraftDecision.RESTORE),
            (leave_out, DraftDecision.LEAVE_OUT),
        )
        if wanted
    ]
    if len(named) > 1:
        raise BadInput("Choose one of --as-edited, --restore and --leave-out.")
    return named[0] if named else None


def get_decisions(
    asked: Asked,
    workspace: Workspace,
    notice: Notice,
    review: Review,
    choice: DraftDecision | None,
) -> Decided:
    """The decision about each edited draft: from the options, else by asking.

    A draft that was decided before and is unchanged isn't asked about again. Raises `BadInput` if
    nobody decides; nothing is sent or changed then.
    """
    show_gone(asked.speaker, review)
    to_decide = [
        edited
        for edited in review.edited
        if choice is not None or edited.content.decision is DraftDecision.OPEN
    ]
    if not to_decide:
        return []
    waiting = len(to_decide)
    words = "1 draft was" if waiting == 1 else f"{waiting:,} drafts were"
    asked.speaker.warn(f"{words} edited in Gmail.")
    if choice is not None:
        for edited in to_decide[:_SHOWN]:
            show_edited(asked.speaker, edited)
        return [(edited, choice) for edited in to_decide]
    if asked.speaker.is_interactive:
        return _ask(asked, to_decide)
    for edited in to_decide[:_SHOWN]:
        show_edited(asked.speaker, edited)
    raise _nobody_decides(asked, workspace, notice, to_decide)


def _ask(asked: Asked, to_decide: Sequence[EditedDraft]) -> Decided:

    decided: Decided = []
    for_all: DraftDecision | None = None
    for edited in to_decide:
        if for_all is None:
            show_edited(asked.speaker, edited)
            answer = _letter(asked.speaker)
            if not answer:
                raise BadInput("Nothing was sent and nothing was changed: no decision was made.")
            decision = _LETTERS[answer.lower()]
            for_all = decision if answer.isupper() else None
        else:
            decision = for_all
        decided.append((edited, decision))
    return decided


def _letter(speaker: Speaker) -> str:
    for _ in range(_TRIES):
        answer = speaker.ask(_QUESTION)
        if not answer:
            return ""
        if answer.lower() in _LETTERS:
            return answer
        speaker.warn("Type one letter: e, r or l.")
    return ""


def _nobody_decides(
    asked: Asked, workspace: Workspace, notice: Notice, to_decide: Sequence[EditedDraft]
) -> Exception:
    names = ", ".join(edited.delivery.email for edited in to_decide[:3])
    more = f" and {len(to_decide) - 3:,} more" if len(to_decide) > 3 else ""
    again = f"postmortem resume {notice.id}"
    edits = "An edited draft waits" if len(to_decide) == 1 else "Edited drafts wait"
    sentence = (
        f"Nothing was sent. {edits} for your decision: {names}{more}. Send as edited with "
        f"{again} --as-edited, put our email back with --restore, or leave these customers out "
        "with --leave-out."
    )
    if asked.speaker.as_json:
        document = output.notice_json(overview.notice_standing(workspace, notice), notice.mode)
        shown = [edited_json(edited) for edited in to_decide]
        asked.speaker.document(document | {"edited": shown} | fault_json(sentence, BAD_INPUT))
    return BadInput(sentence)


def show_gone(speaker: Speaker, review: Review) -> None:
    """Name the customers whose drafts are no longer in Gmail."""
    for delivery in review.gone[:_SHOWN]:
        speaker.warn(
            f"Row {delivery.row}  {delivery.email}: the draft is not in Gmail any more. Somebody "
            "sent or deleted it."
        )


def show_edited(speaker: Speaker, edited: EditedDraft) -> None:
    """An edited draft as a difference: `-` our text, `+` the current text."""
    speaker.say()
    speaker.say(f"Row {edited.delivery.row}  {edited.delivery.email}", "strong")
    for difference in edited.differences:
        speaker.say(f"  {difference.what}")
        for line in content.changed_lines(difference):
            style = {"-": "bad", "+": "good"}.get(line[:1], "faint")
            speaker.say(f"    {line}", style)
    for sentence in edited.warnings:
        speaker.warn(f"  {sentence}")


def edited_json(edited: EditedDraft) -> dict[str, Any]:
    """An edited draft for scripts."""
    return {
        "email": edited.delivery.email,
        "row": edited.delivery.row,
        "decision": None
        if edited.content.decision is DraftDecision.OPEN
        else edited.content.decision.value.replace(" ", "-"),
        "recipients": list(edited.theirs.recipients),
        "changes": [
            {"what": each.what, "ours": each.ours, "in_gmail": each.theirs}
            for each in edited.differences
        ],
    }


# --- The pre-flight sheet -------------------------------------------------------------------------

_SHOWN_ROWS = 10
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
            "customers": plan.count.wordings.customers[: wording.KEPT],
            "shown": [_wording_json(each) for each in plan.wordings if each.first],
        },
        "sent_today": plan.today.sent,
        "left_today": plan.today.left,
        "transport": plan.transport.value,
        "senders": [
            {"email": each.sender, "mails": each.mails, "left_today": each.left_today}
            for each in plan.division
        ],
        "had_stage": {kind.value: plan.count.repeats[kind] for kind in left_out.Repeat},
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
        "text": faces.text_face(faces.parse_body(wording.copy.markdown)),
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
    text = faces.text_face(faces.parse_body(plan.first.markdown))
    return {"to": plan.first.email, "subject": plan.first.subject, "text": text}


_CHANGE_STYLES = {"+ ": "good", "- ": "bad"}  # of added and removed lines


def show(speaker: Speaker, workspace: Workspace, plan: Plan, *, with_mail: bool = True) -> None:
    """The sheet in words, and the first recipient's mail."""
    speaker.say(outcome.sheet_title(plan), "strong")
    for line in outcome.sheet_lines(workspace, plan):
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
    for row in plan.bad_rows[:_SHOWN_ROWS]:
        where = f", column {row.column}" if row.column else ""
        value = f" ({row.value[:60]})" if row.value else ""
        speaker.warn(f"  Row {row.row}{where}{value}: {row.reason}")
    if len(plan.bad_rows) > _SHOWN_ROWS:
        speaker.warn(f"  …and {len(plan.bad_rows) - _SHOWN_ROWS} more bad rows: add --json for all")


def show_left_out(speaker: Speaker, plan: Plan) -> None:
    """The bad rows that `--skip-bad` leaves out, each by its number and address."""
    if plan.bad_rows:
        speaker.warn(f"Left out of {plan.request.list_name}:")
        _show_rows(speaker, plan)


def _show_mail(speaker: Speaker, plan: Plan) -> None:
    is_refused = bool(outcome.what_to_mend(plan)) or not plan.recipients  # explained below
    if plan.first is None:
        if not is_refused:
            speaker.warn("Nothing was sent: all valid rows are left out (see above).")
        return
    speaker.say()
    speaker.say(f"To:       {plan.first.email}", "faint")
    speaker.say(f"Subject:  {plan.first.subject}", "strong")
    speaker.say()
    speaker.say(faces.text_face(faces.parse_body(plan.first.markdown)).rstrip())
    speaker.say()
    _show_other_wordings(speaker, plan)
    if not is_refused:
        speaker.say("Nothing was sent.", "good")
        speaker.next_step(
            outcome.blocking_notices(plan)
            or "add --test you@example.com to see it in your own mailbox, then --send"
        )


def _show_other_wordings(speaker: Speaker, plan: Plan) -> None:
    """The difference of each wording from the mail that was shown."""
    first = plan.first
    shown = next((each for each in plan.wordings if each.first == first), plan.wordings[0])
    others = [(each, each.first) for each in plan.wordings if each is not shown and each.first]
    for each, mail in others[:_SHOWN_ROWS]:
        where = f"row {mail.row}, {mail.email}"
        speaker.say(f"Different text for {people(each.customers)} (first: {where}):", "strong")
        lines = _differing_lines(shown, each)
        for line in lines[:_SHOWN_CHANGES]:
            speaker.say(f"  {line}")
        if more := len(lines[_SHOWN_CHANGES:]):
            speaker.say(f"  …and {counted(more, 'more line')}: add --preview", "warn")
        speaker.say()
    if len(others) > _SHOWN_ROWS:
        speaker.say(f"…and {len(others) - _SHOWN_ROWS} more wordings: add --json, or --preview")


def _differing_lines(shown: OneWording, other: OneWording) -> list[str]:
    before, after = (
        [
            f"Subject: {each.copy.subject}",
            *faces.text_face(faces.parse_body(each.copy.markdown)).splitlines(),
        ]
        for each in (shown, other)
    )
    changed = difflib.ndiff(before, after)
    return [line for line in changed if line[:2] in {"+ ", "- "} and line[2:].strip()]
