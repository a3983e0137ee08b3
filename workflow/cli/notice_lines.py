"""The result of a notice, its drafts, a share or a publication, as text and JSON.

Also asks, before anything is sent, for decisions about drafts that a person edited in Gmail.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from workflow.cli import output
from workflow.cli.app import Asked
from workflow.cli.terminal import Speaker, fault_json
from workflow.errors import BAD_INPUT, DONE, PARTLY, RECORDED, BadInput, Recorded
from workflow.google import faults
from workflow.mail import content
from workflow.mail.escape import one_line
from workflow.model import DraftDecision, counted
from workflow.notice import outcome
from workflow.sending import sender
from workflow.standing import overview

if TYPE_CHECKING:
    from workflow.doc.sharing import Shared
    from workflow.google.faults import GoogleFault
    from workflow.ledger.notices import Notice
    from workflow.model import Incident
    from workflow.notice.approval import Comments
    from workflow.notice.copy_back import Withdrawn
    from workflow.notice.draft_review import EditedDraft, Review
    from workflow.notice.send import Notified
    from workflow.publication.doc import FinishedPublication
    from workflow.standing.overview import NoticeStanding
    from workflow.workspace import Workspace


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
    _say_what_was_edited(speaker, standing)
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


def _say_what_was_edited(speaker: Speaker, standing: NoticeStanding) -> None:
    """Name drafts that were edited after the person's decision, or while a notice was sent."""
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
