"""Writing to the customers: agree on a plan, freeze it, send it, and copy it back into the doc."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from workflow.config import Sending
from workflow.flows.copy_back import copy_back, record_copy
from workflow.flows.delivering import PLACE, Watcher, deliver
from workflow.flows.dividing import dealt_out
from workflow.flows.doc import Brought
from workflow.flows.faults import BadInput
from workflow.flows.list_reading import Count, counted
from workflow.flows.notice_words import doc_says_how_it_stands
from workflow.flows.planning import Plan
from workflow.flows.sending import Ending, Sent
from workflow.flows.showing import NoticeStanding, notice_standing
from workflow.flows.workspace import Workspace, new_id
from workflow.google.faults import Refused, SignInNeeded
from workflow.incident import DeliveryState, MailTransport
from workflow.ledger import deliveries, incidents, notices, plans, rows_left_out
from workflow.ledger.notices import Notice
from workflow.ledger.plans import PlannedMail
from workflow.ledger.rows_left_out import RowLeftOut
from workflow.mail.addresses import AddressBad, read_address


@dataclass(frozen=True)
class Notified:
    """A notice after sending: how the sender ended, how it stands, and how far the doc has come."""

    standing: NoticeStanding
    sent: Sent
    brought: Brought | None = None


def send(workspace: Workspace, plan: Plan, watcher: Watcher) -> Notified:
    """Freeze the plan and send it. Raises `BadInput` when there is nobody to send it to."""
    refuse_unsendable(plan)
    notice = _freeze(workspace, plan, "send", plan.content_key)
    count = Count()
    with workspace.ledger.write() as connection:
        mails = dealt_out(counted(plan.reader.read(), count), plan.division)
        plans.add_notice(connection, notice, mails)
        if count.hash != plan.count.hash:
            # What was agreed to is no longer what would be sent; leaving by this undoes the plan.
            raise BadInput(
                "Nothing was sent: a colleague began to write to customers of this list a moment "
                "ago. See how it goes with: postmortem show"
            )
        plans.add_attachments(connection, notice.id, list(plan.attachments))
        left_out = (RowLeftOut(bad.row, bad.value, bad.reason) for bad in count.bad_rows)
        rows_left_out.add_rows(connection, notice.id, left_out)
    return finish(workspace, notice, watcher)


def refuse_unsendable(plan: Plan) -> None:
    """Raise `BadInput` for a plan that must not be sent: bad rows, errors in the words, nobody."""
    _refuse_errors(plan)
    if plan.bad_rows and not plan.request.skip_bad:
        first = plan.bad_rows[0]
        more = f" and {len(plan.bad_rows) - 1} more" if len(plan.bad_rows) > 1 else ""
        where = f"{plan.request.list_name}, row {first.row}"
        raise BadInput(
            f"Nothing was sent: {where}: {first.reason.rstrip('.')}{more}. "
            "Mend the list, or leave these rows out with --skip-bad."
        )
    if not plan.recipients:
        raise BadInput(f"{plan.request.list_name} names nobody{_why(plan)}. Nothing was sent.")


def _why(plan: Plan) -> str:
    count = len(plan.bad_rows)
    if not count:
        return ": it has a header and no rows"
    rows = "its 1 row is bad" if count == 1 else f"its {count:,} rows are bad"
    return f" that can be written to: {rows}"


def _refuse_errors(plan: Plan) -> None:
    """Raise `BadInput` for a plan with errors in its words or its list, bad rows aside."""
    errors = [finding for finding in plan.findings if finding.level == "error"]
    if errors:
        raise BadInput(
            "Nothing was sent. "
            + " ".join(f"{finding.where}: {finding.message}" for finding in errors[:5])
        )


def send_test(
    workspace: Workspace, plan: Plan, address: str, row: int | None, watcher: Watcher
) -> Notified:
    """Send one recipient's rendered mail to `address` alone; recorded, never counted."""
    try:
        to = read_address(address)
    except AddressBad as bad:
        raise BadInput(f"--test {address}: {bad}") from bad
    mail = _mail_of_row(plan, row)
    key = f"test-{new_id(16)}"
    notice = _freeze(workspace, plan, "test", key)
    sender = mail.sender or next((share.sender for share in plan.division), "")
    test = PlannedMail(
        *(mail.row, to.email, to.key, to.name, mail.subject, mail.markdown), sender=sender
    )
    with workspace.ledger.write() as connection:
        plans.add_notice(connection, notice, [test])
        plans.add_attachments(connection, notice.id, list(plan.attachments))
    sent = deliver(workspace, notice, watcher)
    return Notified(notice_standing(workspace, notice), sent)


def _mail_of_row(plan: Plan, row: int | None) -> PlannedMail:
    if row is None and plan.first is not None:
        return plan.first
    mail = next((mail for mail in plan.mails() if mail.row == row), None)
    if mail is None:
        where = f"row {row}" if row is not None else "any row"
        raise BadInput(f"{plan.request.list_name} has no recipient in {where}. Nothing was sent.")
    return mail


def _freeze(workspace: Workspace, plan: Plan, mode: str, content_key: str) -> Notice:
    config = workspace.settings.config
    return Notice(
        id=new_id(),
        incident_id=plan.incident.id,
        mode=mode,
        stage=plan.stage,
        content_key=content_key,
        plan_hash=plan.count.hash,
        template_name=plan.template_name,
        template_source=plan.template_source,
        subject=plan.copy.subject,
        copy_markdown=_copy_markdown(plan),
        sender=_sender(plan),
        sender_name=config.sender_name if _sender(plan) else "",
        from_address=plan.from_address,
        reply_to=plan.reply_to,
        next_update=plan.request.next_update,
        steps=1 if _in_one_step(plan, config.sending) else 2,
        transport=plan.transport,
        list_name=plan.request.list_name,
        recipients=1 if mode == "test" else plan.recipients,
        said_at=workspace.now(),
        created_at=workspace.wall(),
        variables={**plan.variables, PLACE: workspace.place},
        held=plan.request.draft_only,
        approved_by=plan.request.approved_by,
    )


def _sender(plan: Plan) -> str:
    """Who sends the notice, where Google need not be asked: the first of several, a relay's."""
    if plan.division:
        return plan.division[0].sender
    return plan.from_address if plan.transport is MailTransport.SMTP_RELAY else ""


def _in_one_step(plan: Plan, sending: Sending) -> bool:
    relays = plan.transport is MailTransport.SMTP_RELAY
    return relays or plan.request.one_step or sending.one_step


def _copy_markdown(plan: Plan) -> str:
    """The text that the doc shows: the usual one, then each other language under its name."""
    usual, *others = plan.copies
    parts = [usual[1].markdown]
    for name, copy in others:
        parts += [f"**{name}**", f"*{copy.subject}*", copy.markdown]
    return "\n\n".join(parts)


def finish(workspace: Workspace, notice: Notice, watcher: Watcher) -> Notified:
    """Send what a notice still has to send, and bring its copy in the doc up to date."""
    sent = deliver(workspace, notice, watcher)
    brought = None
    if sent.ending is Ending.STOPPED:  # whoever presses Ctrl-C does not wait for the doc
        record_copy(workspace, notice)
    else:
        brought = copy_back(workspace, notice)
    with workspace.ledger.read() as connection:
        notice = notices.notice_by_id(connection, notice.id)
    return Notified(notice_standing(workspace, notice), sent, brought)


def as_it_stands(workspace: Workspace, notice_id: str) -> Notified:
    """A notice to which nothing is to be done."""
    with workspace.ledger.read() as connection:
        notice = notices.notice_by_id(connection, notice_id)
    return Notified(notice_standing(workspace, notice), Sent(Ending.DONE))


def check_alias(workspace: Workspace, address: str) -> str:
    """See whether mail may be sent from an address; a sentence where that can't be known.

    Gmail puts the account's own address in place of one that is not its alias, and says nothing.
    Raises `BadInput` for an address that Gmail does not list.
    """
    try:
        known = workspace.google.gmail.send_as()
    except (SignInNeeded, Refused):
        return (
            f"Whether {address} may be used is not known: this sign-in can't read the account's "
            "aliases. If it is not one, Gmail writes the account's own address instead."
        )
    if address.casefold() not in {each.casefold() for each in known}:
        raise BadInput(
            f"Nothing was sent: {address} is not an address that this account may send from. "
            f"Gmail knows: {', '.join(known)}."
        )
    return ""


def release(workspace: Workspace, notice: Notice, approved_by: str = "") -> Notice:
    """Let the drafts of a held notice be sent, after the person agreed."""
    with workspace.ledger.write() as connection:
        notices.release_hold(connection, notice.id, said_at=workspace.now())
        if approved_by:
            notices.set_approved(connection, notice.id, approved_by)
        return notices.notice_by_id(connection, notice.id)


def notice_with_these_words(workspace: Workspace, plan: Plan) -> NoticeStanding | None:
    """The notice by which the plan's customers have its words already, if there is one."""
    with workspace.ledger.read() as connection:
        found = notices.latest_with_words(connection, plan.content_key)
    return None if found is None else notice_standing(workspace, found)


def notice_to_resume(workspace: Workspace, reference: str) -> Notice | None:
    """The notice that a person means: by id or the beginning of it, else the one unfinished.

    None: there is nothing to resume. Raises `BadInput` when it is not clear which is meant.
    """
    profile = workspace.settings.profile
    with workspace.ledger.read() as connection:
        if not reference:
            unfinished = notices.unfinished_notices(connection, profile=profile)
            if len(unfinished) > 1 and any(notice.held for notice in unfinished):
                names = ", ".join(f"{each.id} ({each.subject[:40]})" for each in unfinished)
                raise BadInput(
                    f"More than one notice waits: {names}. Name the one that is meant; "
                    "resume NOTICE --discard withdraws drafts that are not to be sent."
                )
            return unfinished[0] if unfinished else _without_copy(connection, profile)
        found = notices.notices_by_prefix(connection, reference.lower(), profile=profile)
    if len(found) == 1:
        return found[0]
    if not found:
        raise BadInput(f"There is no notice {reference!r}. `postmortem show` lists them.")
    names = ", ".join(notice.id for notice in found)
    raise BadInput(f"{reference!r} fits more than one notice: {names}. Give more of it.")


def notice_to_write_again(workspace: Workspace, states: Sequence[DeliveryState]) -> Notice | None:
    """The one notice of the incident with deliveries in these states; None: there is none.

    Raises `BadInput` when there are several.
    """
    incident = workspace.incident()
    with workspace.ledger.read() as connection:
        found = notices.notices_with(connection, incident.id, states)
    if len(found) > 1:
        names = ", ".join(f"{notice.id} ({notice.stage})" for notice in found)
        raise BadInput(f"More than one notice has {' or '.join(states)} mails: {names}. Name one.")
    return found[0] if found else None


def _without_copy(connection: Connection, profile: str) -> Notice | None:
    """The first notice of an open incident of which the doc does not say how it stands."""
    for incident in incidents.all_incidents(connection, profile=profile):
        if incident.closed_at is None:
            for notice in notices.notices_of(connection, incident.id):
                if not doc_says_how_it_stands(connection, incident, notice):
                    return notice
    return None


def plan_again(workspace: Workspace, notice: Notice, state: DeliveryState) -> int:
    """Plan anew what failed or is unknown, after the person agreed. Returns how many.

    Each gets a draft of its own; one that was refused may still lie in the mailbox, where somebody
    could send it by hand: it is cleared away afterwards.
    """
    with workspace.ledger.write() as connection:
        notices.set_orphans_possible(connection, notice.id)
        return deliveries.plan_again(connection, notice.id, state)
