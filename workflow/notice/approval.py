"""Approve a plan by its hash before it is sent. The approver can't be the proposer.

A proposal freezes the list and every mail. To send it, everything is read and rendered again; any
difference (a row, a word, an attachment, the sender) gives another hash, which nobody has approved.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from unicodedata import normalize

from sqlalchemy.engine import Connection

from workflow.doc.push import Brought, bring_to_doc
from workflow.errors import BadInput, NotSetUp
from workflow.google.drive import Comment
from workflow.google.faults import GoogleFault
from workflow.ledger import changes, deliveries, incidents, plans
from workflow.ledger.changes import PROPOSAL, RecordedChange
from workflow.ledger.plans import Proposal, ProposalState
from workflow.model import doc_id_in, moment_text
from workflow.notice.plan import Plan, make_plan
from workflow.notice.plan_file import (
    PlanFile,
    check_content,
    frozen_plan,
    hash_of,
    head_of,
    own_public_key,
    packed,
    read_plan_file,
    request_from,
    request_record,
    unpacked,
    write_decision,
    write_plan_file,
)
from workflow.notice.wording import copy_markdown
from workflow.workspace import Workspace, new_id

_SHORTEST_REFERENCE = 6


@dataclass(frozen=True)
class Decided:
    """A plan with a decision, and the state of the doc; None without a ledger."""

    plan_hash: str
    stage: str
    subject: str
    recipients: int
    proposed_by: str
    copy_markdown: str
    brought: Brought | None
    state: ProposalState
    key: str = ""


@dataclass(frozen=True)
class Comments:
    """The open comments on a proposal in the doc. `unread` is why they were not read, or ""."""

    open: tuple[Comment, ...] = ()
    unread: str = ""


def plan_hash(plan: Plan) -> str:
    """The hash of everything that a plan sends: recipients, text, files, sender and transport."""
    return hash_of(head_of(plan), plan.count.hash)


def propose(workspace: Workspace, plan: Plan, plan_out: Path | None = None) -> Proposal:
    """Freeze a plan for approval and add it to the doc, or find it proposed already.

    With `plan_out` the plan is also written to a file, for an approver without this ledger. If
    Google can't be reached, the doc's part stays recorded. Raises `BadInput`.
    """
    if not plan.new:
        raise BadInput("Nothing was proposed: everybody on the list already has this text.")
    plan_id = plan_hash(plan)
    proposal = _open_proposal(workspace, plan_id)
    if proposal is None:
        frozen = frozen_plan(plan)
        proposal = Proposal(
            id=new_id(10),
            incident_id=plan.incident.id,
            plan_hash=plan_id,
            stage=plan.stage,
            subject=plan.copy.subject,
            recipients=plan.new,
            copy_markdown=copy_markdown(plan.wordings, plan.count.wordings.count),
            proposed_by=workspace.person,
            proposed_at=workspace.now(),
            request=packed(request_record(plan.request)),
            content=packed(frozen),
        )
        with workspace.ledger.write() as connection:
            plans.add(connection, proposal)
            show_in_doc(connection, workspace, proposal)
    if plan_out is not None:
        write_plan_file(plan_out, _plan_file(proposal))
    return proposal


def bring(workspace: Workspace, proposal: Proposal) -> Brought:
    """Add a proposal to the doc, open for comments."""
    return bring_to_doc(workspace, proposal.incident_id)


def decide(workspace: Workspace, reference: str, *, approved: bool, reason: str = "") -> Decided:
    """Approve or refuse a plan: by its hash in this ledger, or by its file.

    The person who proposed it can't approve it; if they refuse it, it is withdrawn. Raises
    `BadInput` for a plan that doesn't exist, has a decision, or would be approved by its proposer.
    """
    if not approved and not reason.strip():
        raise BadInput(
            'Give a reason for the person who proposed it: --refuse "the date is wrong".'
        )
    path = Path(reference)
    if path.is_file():
        return _decide_by_file(workspace, path, approved=approved, reason=reason.strip())
    proposal = find(workspace, reference)
    facts: dict[str, object] = {"decided_by": workspace.person, "decided_at": workspace.now()}
    state = ProposalState.APPROVED if approved else ProposalState.REFUSED
    if not approved and _is_same_person(workspace.person, proposal.proposed_by):
        state, facts = ProposalState.WITHDRAWN, {}  # an approval stays in the record
    else:
        _refuse_own(workspace.person, proposal.proposed_by, proposal.short, proposal.short)
    if proposal.content is not None:
        check_content(unpacked(proposal.content), proposal.plan_hash)
    with workspace.ledger.write() as connection:
        moved = plans.move(connection, proposal.id, state, reason=reason.strip(), **facts)
        if moved:
            show_in_doc(connection, workspace, proposal)
    if not moved:
        raise BadInput(f"Plan {proposal.short} is {proposal.state} already. Nothing was changed.")
    return Decided(
        plan_hash=proposal.plan_hash,
        stage=proposal.stage.value,
        subject=proposal.subject,
        recipients=proposal.recipients,
        proposed_by=proposal.proposed_by,
        copy_markdown=proposal.copy_markdown,
        brought=bring_to_doc(workspace, proposal.incident_id),
        state=state,
    )


def find(workspace: Workspace, reference: str) -> Proposal:
    """The plan with this hash, or the start of it. Raises `BadInput`."""
    wanted = reference.strip().lower()
    if wanted.endswith(".json") or "/" in wanted or "\\" in wanted:
        raise BadInput(f"There is no file {reference}. Nothing was changed.")
    if len(wanted) < _SHORTEST_REFERENCE or not set(wanted) <= set("0123456789abcdef"):
        raise BadInput(
            f"{reference}: a plan is named by its hash, at least {_SHORTEST_REFERENCE} characters "
            "of it, or by its file."
        )
    with workspace.ledger.read() as connection:
        found = plans.by_hash(connection, wanted, profile=workspace.settings.profile)
    if not found:
        raise BadInput(
            f"There is no plan {reference} in this ledger. Nothing was changed. If it was proposed "
            "elsewhere, give its file (notify … --propose --plan-out FILE)."
        )
    if len({each.plan_hash for each in found}) > 1:
        names = ", ".join(sorted({each.short for each in found}))
        raise BadInput(f"{reference} fits more than one plan: {names}. Type more of it.")
    return found[0]


def comments_on(workspace: Workspace, reference: str) -> Comments:
    """The open comments on the plan of that hash or file. Raises `BadInput` for no such plan.

    Those are the comments written after it was proposed, and those on words of it.
    """
    path = Path(reference)
    if path.is_file():
        found = read_plan_file(path)
        doc_url, words = str(found.frozen["doc_url"]), str(found.frozen["copy_markdown"])
        subject, proposed_at = str(found.frozen["subject"]), found.proposed_at
    else:
        proposal = find(workspace, reference)
        with workspace.ledger.read() as connection:
            doc_url = incidents.incident_by_id(connection, proposal.incident_id).doc_url
        words, subject = proposal.copy_markdown, proposal.subject
        proposed_at = proposal.proposed_at
    doc_id = doc_id_in(doc_url)
    if not doc_id:
        return Comments(unread="the incident has no doc yet")
    try:
        comments = workspace.google.drive.open_comments(doc_id)
    except (GoogleFault, NotSetUp) as fault:
        return Comments(unread=str(fault))
    text = _letters(f"{subject} {words}")
    return Comments(
        tuple(
            each
            for each in comments
            if _written_at(each) >= proposed_at
            or (len(_letters(each.quoted)) > 1 and _letters(each.quoted) in text)
        )
    )


def _written_at(comment: Comment) -> datetime:
    try:
        return datetime.fromisoformat(comment.at)
    except ValueError:  # better one comment too many
        return datetime.max.replace(tzinfo=UTC)


def _letters(text: str) -> str:
    """A text without Markdown's marks and spaces, which a quote from the doc lacks."""
    return "".join(each for each in unescape(text) if each.isalnum()).casefold()


def approved_plan(workspace: Workspace, reference: str) -> tuple[Proposal, Plan]:
    """The plan to send: approved, and unchanged since. Raises `BadInput`."""
    proposal = approved_proposal(workspace, reference)
    assert proposal.request is not None  # noqa: S101 - kept as long as a plan can be sent
    request = request_from(unpacked(proposal.request))
    workspace.incident_reference = proposal.incident_id
    plan = make_plan(workspace, request)
    refuse_other(proposal, plan)
    return proposal, plan


def approved_proposal(workspace: Workspace, reference: str) -> Proposal:
    """The approved plan with this hash or file. Raises `BadInput`."""
    path = Path(reference)
    is_file = path.is_file()
    proposal = _taken_from_file(workspace, path) if is_file else find(workspace, reference)
    _refuse_unapproved(workspace, proposal)
    return proposal


def refuse_other(proposal: Proposal, plan: Plan) -> None:
    """Raise `BadInput` if a plan differs from the approved one, with the difference."""
    now = plan_hash(plan)
    if now == proposal.plan_hash:
        return
    raise BadInput(
        f"Nothing was sent: this is not plan {proposal.short} any more, it would be {now[:8]}"
        f"{_difference(proposal, plan)}. Propose it again: the same command with --propose."
    )


def refuse_without_approval(workspace: Workspace, plan: Plan) -> None:
    """Raise `BadInput` if the config requires an approval and there is none."""
    if workspace.settings.config.needs_approval(plan.new):
        raise BadInput(
            f"Nothing was sent: writing to {plan.new:,} needs the approval of a second person "
            "(require_approval in the config). Propose it: the same command with --propose in "
            "place of --send."
        )


def note_sent(
    connection: Connection, workspace: Workspace, proposal: Proposal, notice_id: str
) -> None:
    """Write down that an approved plan becomes a notice, in the same transaction.

    Raises `BadInput` if it was sent or withdrawn meanwhile.
    """
    moved = plans.move(
        connection,
        proposal.id,
        ProposalState.SENT,
        notice_id=notice_id,
        sent_by=workspace.person,
        sent_at=workspace.now(),
    )
    if not moved:
        raise BadInput(f"Nothing was sent: plan {proposal.short} was sent or withdrawn meanwhile.")
    show_in_doc(connection, workspace, proposal)


def note_undone(
    connection: Connection, workspace: Workspace, proposal: Proposal, notice_id: str
) -> None:
    """Take `note_sent` back, in the transaction that undoes the notice."""
    plans.take_back(connection, proposal, notice_id)
    show_in_doc(connection, workspace, proposal)


def _decide_by_file(workspace: Workspace, path: Path, *, approved: bool, reason: str) -> Decided:
    found = read_plan_file(path)
    short = found.plan_hash[:8]
    if not approved and _is_same_person(workspace.person, found.proposed_by):
        raise BadInput(
            f"Plan {short} is your own proposal. To withdraw it, name it by its hash: "
            f'postmortem approve {short} --refuse "why"'
        )
    _refuse_own(workspace.person, found.proposed_by, short, path)
    if found.decided_by:
        raise BadInput(f"{path}: {found.decided_by} has decided about plan {short} already.")
    signed = write_decision(
        path,
        replace(
            found,
            decided_by=workspace.person,
            decided_at=workspace.now(),
            is_approved=approved,
            reason=reason,
        ),
        workspace.settings.profile_folder,
    )
    frozen = found.frozen
    return Decided(
        plan_hash=found.plan_hash,
        stage=frozen["head"]["stage"],
        subject=frozen["subject"],
        recipients=found.mails,
        proposed_by=found.proposed_by,
        copy_markdown=frozen["copy_markdown"],
        brought=None,
        state=ProposalState.APPROVED if approved else ProposalState.REFUSED,
        key=signed.key,
    )


def _taken_from_file(workspace: Workspace, path: Path) -> Proposal:
    """The proposal in a plan's file, with the decision that was written into the file."""
    found = read_plan_file(path)
    with workspace.ledger.read() as connection:
        here = plans.by_hash(connection, found.plan_hash, profile=workspace.settings.profile)
    if not here:
        raise BadInput(
            f"Nothing was sent: plan {found.plan_hash[:8]} is of another ledger, which alone can "
            f"send it. Give {found.proposed_by} the file. There: postmortem notify --send --plan "
            f"{path}"
        )
    proposal = find(workspace, found.plan_hash)
    if proposal.state is not ProposalState.PROPOSED or not found.decided_by:
        return proposal
    _refuse_own(found.decided_by, proposal.proposed_by, proposal.short, path)
    _refuse_strange_file(workspace, path, found, proposal)
    state = ProposalState.APPROVED if found.is_approved else ProposalState.REFUSED
    with workspace.ledger.write() as connection:
        plans.move(
            connection,
            proposal.id,
            state,
            decided_by=found.decided_by,
            decided_at=found.decided_at,
            reason=found.reason,
        )
        show_in_doc(connection, workspace, proposal)
        decided = plans.by_id(connection, proposal.id)
    bring_to_doc(workspace, proposal.incident_id)  # else it waits for `sync`
    return decided


def _refuse_strange_file(
    workspace: Workspace, path: Path, found: PlanFile, proposal: Proposal
) -> None:
    """Raise `BadInput` if the file isn't the proposed one, or its signer may not approve."""
    frozen = unpacked(proposal.content) if proposal.content is not None else None
    if frozen != found.frozen or found.proposed_by != proposal.proposed_by:
        raise BadInput(
            f"Nothing was sent: {path} is not the file that was proposed as plan "
            f"{proposal.short}; its text was changed before {found.decided_by} decided."
        )
    if found.key == own_public_key(workspace.settings.profile_folder):
        raise BadInput(
            f"Nothing was sent: plan {proposal.short} was approved with the key of this very "
            f"machine. Somebody else has to approve it on theirs: postmortem approve {path}"
        )
    known = [each.split()[-1] for each in workspace.settings.config.approver_keys if each.split()]
    if known and found.key not in known:
        raise BadInput(
            f"Nothing was sent: plan {proposal.short} was approved by {found.decided_by} with the "
            f"key {found.key}, which is not in approver_keys of the config."
        )


def _refuse_own(person: str, proposed_by: str, short: str, named: str | Path) -> None:
    """Raise `BadInput` for one's own plan; `named` is what the second person types."""
    if _is_same_person(person, proposed_by):
        raise BadInput(
            f"Plan {short} is your own proposal. Somebody else has to approve it: "
            f"postmortem approve {named}"
        )


def _is_same_person(one: str, other: str) -> bool:
    return _one_spelling(one) == _one_spelling(other)


def _one_spelling(person: str) -> str:
    """`Ann@laptop.lan` and `ann@laptop` are one person: a laptop's domain changes with networks."""
    user, _, host = normalize("NFKC", person).casefold().rpartition("@")
    return f"{user.strip()}@{host.strip().partition('.')[0]}"


def _refuse_unapproved(workspace: Workspace, proposal: Proposal) -> None:
    short = proposal.short
    with workspace.ledger.read() as connection:
        zone = incidents.incident_by_id(connection, proposal.incident_id).zone
        withdrawn = deliveries.count_withdrawn(connection, proposal.notice_id)
    decided = (
        f"{proposal.decided_by}, {moment_text(proposal.decided_at, zone)}"
        if (proposal.decided_at)
        else proposal.decided_by
    )
    match proposal.state:
        case ProposalState.PROPOSED:
            raise BadInput(
                f"Nothing was sent: nobody has approved plan {short} yet. Somebody else than "
                f"{proposal.proposed_by} does so with: postmortem approve {short}"
            )
        case ProposalState.REFUSED:
            raise BadInput(
                f"Nothing was sent: plan {short} was refused ({decided}): {proposal.reason}"
            )
        case ProposalState.WITHDRAWN:
            raise BadInput(f"Nothing was sent: plan {short} was withdrawn. {proposal.reason}")
        case ProposalState.SENT if withdrawn == proposal.recipients:
            raise BadInput(
                f"Nothing was sent: all mails of plan {short} were withdrawn. To send them after "
                f"all: postmortem resume {proposal.notice_id} --retry-failed"
            )
        case ProposalState.SENT:
            raise BadInput(
                f"Nothing was sent: plan {short} was sent already. How it went: "
                f"postmortem resume {proposal.notice_id}"
            )


def _open_proposal(workspace: Workspace, plan_id: str) -> Proposal | None:
    with workspace.ledger.read() as connection:
        found = plans.by_hash(connection, plan_id, profile=workspace.settings.profile)
    return next((each for each in found if each.content is not None), None)


def show_in_doc(connection: Connection, workspace: Workspace, proposal: Proposal) -> None:
    """Record that the doc must show a plan's current state."""
    change = RecordedChange(
        f"{PROPOSAL}-{proposal.id}-{new_id(4)}", PROPOSAL, {"plan": proposal.id}, workspace.now()
    )
    changes.record_change(connection, proposal.incident_id, change)


def _difference(proposal: Proposal, plan: Plan) -> str:
    """How a plan differs from the approved one, in words; "" if unknown."""
    if proposal.content is None:
        return ""
    frozen = unpacked(proposal.content)
    head = head_of(plan)
    found = [_HEAD_WORDS[name] for name, value in frozen["head"].items() if head.get(name) != value]
    before = {each["key"]: (each["subject"], each["markdown"]) for each in frozen["mails"]}
    now = {mail.recipient_key: (mail.subject, mail.markdown) for mail in plan.mails()}
    if gone := len(before.keys() - now.keys()):
        found.append(f"{gone:,} fewer of its customers")
    if more := len(now.keys() - before.keys()):
        found.append(f"{more:,} other customers")
    if other := sum(before[key] != now[key] for key in before.keys() & now.keys()):
        found.append(f"other words for {other:,}")
    return f" ({', '.join(found)})" if found else " (other files for single customers)"


_HEAD_WORDS = {
    "incident": "another incident",
    "stage": "another stage",
    "from": "another sender",
    "from_name": "another sender's name",
    "reply_to": "another reply-to address",
    "transport": "another transport",
    "next_update": "another time of the next update",
    "attachments": "other attachments",
}


def _plan_file(proposal: Proposal) -> PlanFile:
    assert proposal.content is not None  # noqa: S101 - of an open one
    return PlanFile(
        frozen=unpacked(proposal.content),
        plan_hash=proposal.plan_hash,
        proposed_by=proposal.proposed_by,
        proposed_at=proposal.proposed_at,
    )
