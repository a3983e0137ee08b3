"""Send a notice: approve a plan, freeze it, send it, copy it into the doc; and workers.

A worker starts no notice: a person agreed to everything it works on. It leaves drafts under review
alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import or_
from sqlalchemy.engine import Connection

from workflow.config import Sending
from workflow.doc.push import Brought
from workflow.errors import BadInput
from workflow.google.faults import Refused, SignInNeeded
from workflow.ledger import deliveries, elsewhere, incidents, notices, plans
from workflow.ledger.faults import LedgerOutOfReach, UnknownIncident
from workflow.ledger.notices import Notice, RowLeftOut
from workflow.ledger.plans import AttachedFile, PlannedMail, Proposal
from workflow.mail.list_columns import AddressBad, read_address
from workflow.model import DeliveryState, Incident, MailTransport, moment_text, people
from workflow.notice import approval
from workflow.notice.approval import plan_hash
from workflow.notice.draft_review import copy_back, record_copy
from workflow.notice.left_out import (
    Repeat,
    asked_about,
    dealt_out,
    must_be_asked,
    not_overridden,
    waiting_after,
)
from workflow.notice.plan import Plan
from workflow.notice.recipients import Count, counted
from workflow.notice.wording import copy_markdown
from workflow.sending.deliver import (
    NO_DRAFTS_LEFT,
    DraftsLeft,
    Watcher,
    clear_orphans,
    deliver,
    makes_drafts,
)
from workflow.sending.sender import Ending, SenderEnd
from workflow.standing.closing_checks import is_overtaken
from workflow.standing.notice_words import doc_says_how_it_stands
from workflow.standing.other_ledgers import Overlooked
from workflow.standing.overview import NoticeStanding, notice_standing
from workflow.workspace import Workspace, new_id

# --- A notice -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Notified:
    """A notice after sending: how the sender ended, its state, and the state of the doc.

    `left` tells about second drafts that may be left in Gmail.
    """

    standing: NoticeStanding
    sent: SenderEnd
    brought: Brought | None = None
    left: DraftsLeft = NO_DRAFTS_LEFT


def send(
    workspace: Workspace,
    plan: Plan,
    watcher: Watcher,
    agreed: Sequence[str] = (),
    proposal: Proposal | None = None,
) -> Notified:
    """Freeze the plan and send it. Raises as `agree` and `send_agreed` do."""
    return send_agreed(workspace, agree(workspace, plan, agreed, proposal), watcher, proposal)


def agree(
    workspace: Workspace,
    plan: Plan,
    agreed: Sequence[str] = (),
    proposal: Proposal | None = None,
) -> Notice:
    """Freeze the plan: from now on exactly these mails will be sent. Sends nothing yet.

    `agreed` are notices of other ledgers that a person accepted, as `other_ledgers.settle` gives
    them. `proposal` is the approved plan; without one, the config's `require_approval` is checked.
    Raises `BadInput` if there is nobody to send to, or the plan has changed since it was agreed to.
    """
    refuse_unsendable(plan)
    refuse_while_others_wait(plan)
    if proposal is None:
        approval.refuse_without_approval(workspace, plan)
    notice = _freeze(workspace, plan, "send", plan.content_key)
    _refuse_passed_promise(workspace, plan, notice)
    if proposal is not None:
        notice = replace(notice, approved_by=proposal.decided_by)
    count = Count()
    with workspace.ledger.write() as connection:
        _refuse_new_status(connection, plan, notice)
        mails = dealt_out(counted(plan.reader.read(), count), plan.division)
        mails = waiting_after(mails, plan.request.first)
        plans.add_notice(connection, notice, mails)
        if count.hash != plan.count.hash or count.waiting != plan.count.waiting:
            # The plan has changed since it was agreed to; raising here rolls it back.
            raise BadInput(_what_changed(plan.count, count))
        plans.add_attachments(connection, notice.id, _files(plan))
        notices.add_rows_left_out(connection, notice.id, _left_out(count))
        elsewhere.agree(connection, notice.id, agreed)
        if proposal is not None:
            approval.note_sent(connection, workspace, proposal, notice.id)
    return notice


def _refuse_passed_promise(workspace: Workspace, plan: Plan, notice: Notice) -> None:
    """Raise `BadInput` if the mails promise an update for a time that has passed meanwhile."""
    if notice.next_update is not None and notice.next_update <= workspace.now():
        when = moment_text(notice.next_update, plan.incident.zone)
        raise BadInput(
            f"Nothing was sent: the mails promise the next update for {when}, and that time has "
            "passed. Run or propose the same command again with another --next-update."
        )


def _refuse_new_status(connection: Connection, plan: Plan, notice: Notice) -> None:
    """Raise `BadInput` if the mails contradict a status that was set after they were shown."""
    status = incidents.incident_by_id(connection, notice.incident_id).status
    if status is not plan.incident.status and is_overtaken(notice, status):
        raise BadInput(
            f"Nothing was sent. The mails say “{notice.stage}”, and the incident's status is now "
            f"“{status}”: it was changed a moment ago. Check the mails again before you send them."
        )


def _what_changed(before: Count, now: Count) -> str:
    """Why a plan isn't the one that was agreed to any more, as sentences."""
    is_same_list = len(now.do_not_mail) == len(before.do_not_mail)
    if is_same_list and _progress(now) != _progress(before):
        return (
            "Nothing was sent: a colleague started to send to customers of this list a moment "
            "ago. See its progress with: postmortem show"
        )
    return (
        "Nothing was sent: a customer of this list was suppressed, allowed again or forgotten a "
        "moment ago. Check the list again, then send."
    )


def _progress(count: Count) -> tuple[object, ...]:
    """What a reading of the list says of the mails that its customers have, or wait for."""
    return count.has_it, count.had_stage, count.waiting, count.told_before, count.repeats


def send_agreed(
    workspace: Workspace, notice: Notice, watcher: Watcher, proposal: Proposal | None = None
) -> Notified:
    """Send a notice that was just agreed to; `proposal` is the approved plan that it came from.

    Raises `Overlooked` for notices of other ledgers that nobody accepted; this one is then undone,
    and its plan can still be sent.
    """
    try:
        return finish(workspace, notice, watcher)
    except Overlooked:  # a colleague began at the same moment: undo this notice
        with workspace.ledger.write() as connection:
            if plans.drop_notice(connection, notice.id) and proposal is not None:
                approval.note_undone(connection, workspace, proposal, notice.id)
        raise


def _files(plan: Plan) -> Iterator[AttachedFile]:
    """The files of all mails, then those of single customers, each read when it is stored."""
    yield from plan.attachments
    if plan.reader.own_files is not None:
        yield from plan.reader.own_files.frozen()


def _left_out(count: Count) -> Iterator[RowLeftOut]:
    """The list's rows that name somebody but get no mail."""
    for bad in count.bad_rows:
        yield RowLeftOut(bad.row, bad.value, bad.reason, bad.cells)
    named = [(each.recipient, each.reason) for each in count.not_reached]
    named += [(each.recipient, each.reason) for each in count.do_not_mail]
    for recipient, reason in named:
        yield RowLeftOut(recipient.row, recipient.email, reason, recipient.cells)


def words_to_settle(workspace: Workspace, incident: Incident) -> dict[str, str]:
    """The internal `title` and `impact` that customers would read, where nobody was asked yet.

    It is asked once, before the first notice of the incident.
    """
    with workspace.ledger.read() as connection:
        if notices.notices_of(connection, incident.id):
            return {}
    found = {
        "title": (incident.title, incident.customer_title),
        "impact": (incident.impact, incident.customer_impact),
    }
    return {name: internal for name, (internal, given) in found.items() if internal and not given}


def refuse_unsendable(plan: Plan) -> None:
    """Raise `BadInput` for a plan that must not be sent: bad rows, errors, no recipients."""
    _refuse_errors(plan)
    if plan.bad_rows and not plan.request.skip_bad:
        first, number = plan.bad_rows[0], len(plan.bad_rows)
        rows = "a bad row, row" if number == 1 else f"{number:,} bad rows, the first is row"
        raise BadInput(
            f"Nothing was sent: {plan.request.list_name} has {rows} {first.row}: "
            f"{first.reason.rstrip('.')}. "
            f"Fix the list, or leave {'it' if number == 1 else 'them'} out with --skip-bad."
        )
    if not plan.recipients:
        raise BadInput(f"{plan.request.list_name} has no recipients{_why(plan)}. Nothing was sent.")


def refuse_while_others_wait(plan: Plan) -> None:
    """Raise `BadInput` if a notice that nobody named has unsent mails to the same customers."""
    waiting = not_overridden(plan.waiting, plan.request.despite)
    if waiting:
        words = " ".join(f"{each.sentence} {each.ways_on}" for each in waiting[:3])
        more = f" {len(waiting) - 3:,} more notices wait." if len(waiting) > 3 else ""
        raise BadInput(f"Nothing was sent. {words}{more}")


def refuse_silent_repeat(plan: Plan) -> None:
    """Raise `BadInput` if some customers would get a stage twice and nobody allowed it."""
    count = plan.count
    if plan.request.again or not must_be_asked(count.repeats, count.mails):
        return
    again = f"Send to all {count.mails:,} with --again --confirm {count.mails}"
    fresh = plan.never_had_stage
    if fresh:
        new = "the new one" if fresh == 1 else f"the {fresh:,} new ones"
        again = f"Send to {new} with --only-new --confirm {fresh}. {again}"
    raise BadInput(f"Nothing was sent: {repeat_words(plan)} {again}.")


def question(plan: Plan) -> str:
    """The question before anything is sent: `Type 12 to send to 12 customers`."""
    now = plan.request.first if 0 < plan.request.first < plan.new else plan.new
    of_all = f" of {people(plan.new)}" if now < plan.new else ""
    whom = f"the first {now:,}{of_all}" if of_all else people(plan.new)
    return f"Type {now} to send to {whom}"


def refuse_other_number(plan: Plan, typed: int) -> None:
    """Raise `BadInput` for a number other than the plan's; -1 means that no number was typed.

    If the first mails are sent first, either number is accepted.
    """
    first = plan.request.first
    if typed == plan.new or 0 < typed == first < plan.new:
        return
    given = "" if typed < 0 else f", not {typed:,}"
    skipped = f" ({plan.skipped:,} already have it)" if plan.skipped else ""
    whom = f"the first {first:,} of {plan.new:,}" if 0 < first < plan.new else f"{plan.new:,}"
    raise BadInput(f"Nothing was sent: this would send to {whom}{skipped}{given}.")


def repeat_words(plan: Plan) -> str:
    """A sentence about listed customers who had the stage before, and with what text."""
    asked, total = asked_about(plan.count.repeats), plan.count.mails
    if plan.count.repeats[Repeat.ALMOST_SAME]:
        how = "with almost the same text"
    elif plan.count.repeats[Repeat.UNKNOWN_WORDS]:
        how = "with text that this ledger does not know"
    elif plan.count.repeats[Repeat.OTHER_WORDS]:
        how = "with different text"
    else:
        how = "with another time for the next update"
    return f"{asked:,} of {total:,} already got the “{plan.stage}” notice, {how}."


def _why(plan: Plan) -> str:
    bad, suppressed = len(plan.bad_rows), len(plan.count.do_not_mail)
    if not bad and not suppressed:
        return ": it has a header and no rows"
    words = []
    if bad:
        words.append("its 1 row is bad" if bad == 1 else f"its {bad:,} rows are bad")
    if suppressed:
        which = "1 address is" if suppressed == 1 else f"{suppressed:,} addresses are"
        words.append(f"{'' if bad else 'its '}{which} suppressed")
    return f" that can be written to: {' and '.join(words)}"


def _refuse_errors(plan: Plan) -> None:
    """Raise `BadInput` for errors in the text or the list, except bad rows."""
    errors = [finding for finding in plan.findings if finding.level == "error"]
    if errors:
        raise BadInput(
            "Nothing was sent. "
            + "\n".join(f"{finding.where}: {finding.message}" for finding in errors[:5])
        )


def send_test(
    workspace: Workspace, plan: Plan, address: str, row: int | None, watcher: Watcher
) -> Notified:
    """Send one recipient's mail to `address` alone; recorded, never counted."""
    try:
        to = read_address(address)
    except AddressBad as bad:
        raise BadInput(f"--test {address}: {bad}") from bad
    mail = _mail_of_row(plan, row)
    key = f"test-{new_id(16)}"
    notice = _freeze(workspace, plan, "test", key)
    sender = mail.sender or next((share.sender for share in plan.division), "")
    test = replace(
        mail,
        email=to.email,
        recipient_key=to.key,
        name=to.name,
        # Its own, so that no test stands for a customer's mail, or for another test.
        content_key=key,
        sender=sender,
        thread_id="",
        reply_to_message="",
    )
    with workspace.ledger.write() as connection:
        plans.add_notice(connection, notice, [test])
        plans.add_attachments(connection, notice.id, _files(plan))
    sent = deliver(workspace, notice, watcher)
    return Notified(notice_standing(workspace, notice), sent)


def _mail_of_row(plan: Plan, row: int | None) -> PlannedMail:
    if row is None and plan.first is not None:
        return plan.first
    mails = replace(plan.reader, for_a_test=True).mails()
    mail = next((mail for mail in mails if row in {None, mail.row}), None)
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
        plan_hash=plan_hash(plan),
        template_name=plan.template_name,
        template_source=plan.template_source,
        subject=plan.copy.subject,
        copy_markdown=copy_markdown(plan.wordings, plan.count.wordings.count),
        sender=_sender(plan),
        sender_name=plan.from_name or (config.sender_name if _sender(plan) else ""),
        from_address=plan.from_address,
        reply_to=plan.reply_to,
        next_update=plan.promised,
        steps=1 if _in_one_step(plan, config.sending) else 2,
        transport=plan.transport,
        list_name=plan.request.list_name,
        list_headers=list(plan.headers),
        recipients=1 if mode == "test" else plan.recipients,
        said_at=workspace.now(),
        created_at=workspace.wall(),
        variables=dict(plan.variables),
        place=workspace.place,
        began_in=workspace.ledger.mark,
        held=plan.request.draft_only,
        approved_by=plan.request.approved_by,
    )


def _sender(plan: Plan) -> str:
    """The notice's sender, if Google needn't be asked: the first of several, or a relay's."""
    if plan.division:
        return plan.division[0].sender
    return plan.from_address if plan.transport is MailTransport.SMTP_RELAY else ""


def _in_one_step(plan: Plan, sending: Sending) -> bool:
    relays = plan.transport is MailTransport.SMTP_RELAY
    return relays or plan.request.one_step or sending.one_step


def finish(workspace: Workspace, notice: Notice, watcher: Watcher) -> Notified:
    """Send what a notice still has to send, and bring its copy in the doc up to date.

    Each part may be run again, so a ledger that is lost in one of them is waited for.
    """
    watcher = watcher.patient(workspace.ledger)
    sent = watcher.through(partial(deliver, workspace, notice, watcher))
    brought = None
    if sent.ending is Ending.STOPPED:  # after Ctrl-C a person doesn't wait for the doc
        record_copy(workspace, notice)
    else:
        brought = watcher.through(partial(copy_back, workspace, notice))
    standing = watcher.through(partial(_standing_at_the_end, workspace, notice))
    left = NO_DRAFTS_LEFT
    if sent.ending in {Ending.DONE, Ending.DRAFTED} and standing.notice.orphans_possible:
        left = watcher.through(partial(clear_orphans, workspace, notice, watcher))
        standing = watcher.through(partial(notice_standing, workspace, notice))
    return Notified(standing, sent, brought, left)


def _standing_at_the_end(workspace: Workspace, notice: Notice) -> NoticeStanding:
    with workspace.ledger.one_look(), workspace.ledger.read() as connection:
        workspace.at_the_end(connection)
        return notice_standing(workspace, notice)


def with_extra_drafts(workspace: Workspace) -> list[Notice]:
    """The notices that may have second drafts in Gmail."""
    profile = workspace.settings.profile
    with workspace.ledger.read() as connection:
        return notices.notices_with_orphans(connection, profile=profile)


def clear_all_extra_drafts(workspace: Workspace) -> None:
    """Delete the second drafts of all notices from Gmail, as far as it can be reached."""
    for notice in with_extra_drafts(workspace):
        clear_orphans(workspace, notice)


def clear_extra_drafts(workspace: Workspace, notice: Notice, watcher: Watcher) -> Notified:
    """Delete a notice's second drafts from Gmail. Sends nothing."""
    left = clear_orphans(workspace, notice, watcher)
    return Notified(notice_standing(workspace, notice), SenderEnd(Ending.DONE), left=left)


def as_it_stands(workspace: Workspace, notice_id: str) -> Notified:
    """A notice that needs no sending, in its current state."""
    with workspace.ledger.read() as connection:
        notice = notices.notice_by_id(connection, notice_id)
    return Notified(notice_standing(workspace, notice), SenderEnd(Ending.DONE))


def check_alias(workspace: Workspace, address: str) -> str:
    """Check that mail may be sent from an address; a sentence if that can't be known.

    Gmail silently replaces an address that isn't an alias of the account with the account's own.
    Raises `BadInput` for an address that Gmail doesn't list.
    """
    try:
        known = workspace.google.gmail.send_as()
    except (SignInNeeded, Refused):
        return (
            f"It is unknown whether {address} is an alias: this sign-in can't read the account's "
            f"aliases. If it is not one, Gmail uses the account's own address."
        )
    if address.casefold() not in {each.casefold() for each in known}:
        raise BadInput(
            f"Nothing was sent: {address} is not an address that this account may send from. "
            f"Gmail knows: {', '.join(known)}."
        )
    return ""


def go_on_despite(workspace: Workspace, notice: Notice, agreed: Sequence[str]) -> None:
    """Write down that a person wants the notice sent despite other ledgers' notices."""
    with workspace.ledger.write() as connection:
        elsewhere.agree(connection, notice.id, agreed)


def release(workspace: Workspace, notice: Notice, approved_by: str = "") -> Notice:
    """Let the drafts of a held notice be sent, after the person agreed."""
    with workspace.ledger.write() as connection:
        notices.release_hold(connection, notice.id, said_at=workspace.now())
        if approved_by:
            notices.set_approved(connection, notice.id, approved_by)
        return notices.notice_by_id(connection, notice.id)


def notice_with_these_words(workspace: Workspace, plan: Plan) -> NoticeStanding | None:
    """The notice that gave the plan's customers this text already, if there is one."""
    if not plan.count.had_by:
        return None
    with workspace.ledger.read() as connection:
        found = [notices.notice_by_id(connection, each) for each in plan.count.had_by]
    return notice_standing(workspace, max(found, key=lambda notice: notice.created_at))


def notice_to_resume(
    workspace: Workspace, reference: str, *, withdraws: bool = False
) -> Notice | None:
    """The notice that a person means: by id or the start of it, else the unfinished one.

    None: there is nothing to resume. Raises `BadInput` if it isn't clear which one to use, or if
    drafts of another incident than the current one would be sent, or `withdraws` its mails.
    """
    profile = workspace.settings.profile
    with workspace.ledger.read() as connection:
        if not reference:
            return _unfinished_notice(connection, workspace, withdraws) or _without_copy(
                connection, workspace
            )
        found = notices.notices_by_prefix(connection, reference.lower(), profile=profile)
    if len(found) == 1:
        return found[0]
    if not found:
        raise BadInput(f"There is no notice {reference!r}. `postmortem show` lists them.")
    names = ", ".join(notice.id for notice in found)
    raise BadInput(f"{reference!r} fits more than one notice: {names}. Type more of it.")


def _unfinished_notice(
    connection: Connection, workspace: Workspace, withdraws: bool
) -> Notice | None:
    """The unfinished notice of the incident that is named, else of the current one or another."""
    profile = workspace.settings.profile
    unfinished = notices.unfinished_notices(
        connection, profile=profile
    ) or notices.unfinished_notices(connection, profile=profile, mode="test")
    current = _current_incident(connection, workspace)
    mine = [each for each in unfinished if current and each.incident_id == current.id]
    if mine or workspace.incident_reference:
        unfinished = mine
    if len(unfinished) > 1 and (withdraws or any(notice.held for notice in unfinished)):
        names = ", ".join(f"{each.id} ({each.subject[:40]})" for each in unfinished)
        raise BadInput(
            f"More than one notice is unfinished: {names}. Add the id of one. To withdraw "
            f"unsent drafts: postmortem resume NOTICE --discard"
        )
    if not unfinished:
        return None
    first = unfinished[0]
    if current and not mine and (withdraws or first.held):
        title = incidents.incident_by_id(connection, first.incident_id).title
        raise BadInput(
            f"Nothing was changed: the unfinished notice is of another incident, “{title[:60]}”. "
            f"If you mean it: postmortem resume {first.id}{' --discard' if withdraws else ''}"
        )
    return first


def _current_incident(connection: Connection, workspace: Workspace) -> Incident | None:
    """The incident that is named, else the current one if it is open. Raises `UnknownIncident`."""
    named, profile = workspace.incident_reference, workspace.settings.profile
    try:
        incident = incidents.find_incident(
            connection, named, profile=profile, person=workspace.person
        )
    except UnknownIncident:
        if named:
            raise
        return None
    return incident if named or incident.closed_at is None else None


def notice_to_write_again(workspace: Workspace, states: Sequence[DeliveryState]) -> Notice | None:
    """The incident's only notice with deliveries in these states, or None.

    Raises `BadInput` if there are several.
    """
    incident = workspace.incident()
    with workspace.ledger.read() as connection:
        found = notices.notices_with(connection, incident.id, states)
    if len(found) > 1:
        names = ", ".join(f"{notice.id} ({notice.stage})" for notice in found)
        raise BadInput(
            f"More than one notice has {' or '.join(states)} mails: {names}. Add the id of one."
        )
    return found[0] if found else None


def _without_copy(connection: Connection, workspace: Workspace) -> Notice | None:
    """The first notice of an open incident whose result isn't in the doc."""
    named = _current_incident(connection, workspace) if workspace.incident_reference else None
    wanted = named.id if named else ""
    for incident in incidents.all_incidents(connection, profile=workspace.settings.profile):
        if incident.closed_at is None and wanted in {"", incident.id}:
            for notice in notices.notices_of(connection, incident.id):
                if not doc_says_how_it_stands(connection, incident, notice):
                    return notice
    return None


def not_sent_again(
    workspace: Workspace, notice: Notice, states: Sequence[DeliveryState]
) -> plans.NotSentAgain:
    """The deliveries in these states that another notice covers, and the suppressed ones."""
    with workspace.ledger.read() as connection:
        return plans.count_not_sent_again(connection, notice, states)


def plan_again(workspace: Workspace, notice: Notice, states: Sequence[DeliveryState]) -> int:
    """Plan failed or unknown deliveries again, after the person agreed. Returns how many.

    Skips customers whom another notice has reached since, or may still reach, and suppressed
    addresses. Each of the others gets a new draft. A refused draft may still be in the mailbox,
    where somebody could send it by hand: it is deleted afterwards.
    """
    covered = or_(plans.settled_by_another_notice(notice), plans.is_suppressed(notice))
    with workspace.ledger.write() as connection:
        if makes_drafts(notice):
            notices.set_orphans_possible(connection, notice.id, workspace.wall())
        return sum(
            deliveries.plan_again(connection, notice.id, state, unless=covered) for state in states
        )


# --- A worker -------------------------------------------------------------------------------------

# How often to look for work in the ledger.
LOOK_EVERY = timedelta(seconds=2)
# The pause before a stopped notice is retried, if no instant was given.
_TRY_AGAIN = timedelta(seconds=60)
_DAY_IS_FULL = "its sender has reached the limit of mails in 24 hours"


@dataclass(frozen=True)
class Orders:
    """A worker's orders: only `notice`, or "" for any; `until_idle` ends when no work is left."""

    notice: str = ""
    until_idle: bool = False


@dataclass(frozen=True)
class Waits:
    """There is nothing to do now; `words` say what the worker waits for."""

    words: str


@dataclass(frozen=True)
class _PutOff:
    """A notice to leave alone before `until`, and why."""

    until: datetime
    why: str


class Worker:
    """Look for work, help with it, and remember which notices have to wait."""

    def __init__(self, workspace: Workspace, orders: Orders) -> None:
        self._workspace = workspace
        self._orders = orders
        self._put_off: dict[str, _PutOff] = {}

    def next_job(self) -> Notice | Waits | None:
        """The next notice to work on; or what to wait for; or None if the orders are done."""
        waiting = self._under_way()
        now = self._workspace.wall()
        for notice in waiting:
            put_off = self._put_off.get(notice.id)
            if not self._waits_for_a_person(notice) and (put_off is None or put_off.until <= now):
                return notice
        if self._is_over(waiting):
            return None
        return Waits(self._words(waiting))

    def take_part(self, notice: Notice, watcher: Watcher) -> Notified:
        """Send unsent mails, beside other workers, until the notice is done or has to wait."""
        try:
            notified = finish(self._workspace, notice, watcher)
        except LedgerOutOfReach:
            if watcher.stop.is_set():  # after Ctrl-C a person doesn't wait for a ledger
                raise KeyboardInterrupt from None
            raise
        except Overlooked as refused:  # a person has to decide; the others continue meanwhile
            until = self._workspace.wall() + _TRY_AGAIN
            self._put_off[notice.id] = _PutOff(until, str(refused).partition("\n")[0])
            return as_it_stands(self._workspace, notice.id)
        if notified.standing.counts.pending:
            self._put_off[notice.id] = _put_off(notified.sent, self._workspace.wall())
        return notified

    def _under_way(self) -> list[Notice]:
        """Notices with undecided mails, the oldest first."""
        profile = self._workspace.settings.profile
        with self._workspace.ledger.read() as connection:
            unfinished = notices.unfinished_notices(connection, profile=profile)
            # Skip a notice that waits for somebody to check its first mails.
            unfinished = [
                each
                for each in unfinished
                if each.held or deliveries.senders_with_work(connection, each.id)
            ]
        return [each for each in unfinished if self._orders.notice in {"", each.id}]

    def _is_over(self, waiting: list[Notice]) -> bool:
        if self._orders.notice:
            return not waiting
        return self._orders.until_idle and all(map(self._waits_for_a_person, waiting))

    def _waits_for_a_person(self, notice: Notice) -> bool:
        """Whether the notice waits for approval of its drafts or a decision about edited ones."""
        if notice.held:
            return True
        with self._workspace.ledger.read() as connection:
            counts = notices.count_deliveries(connection, notice)
        return counts.edited == counts.pending > 0

    def _words(self, waiting: list[Notice]) -> str:
        if not waiting:
            return "Waiting for a notice to send."
        at_work = (each for each in waiting if not self._waits_for_a_person(each))
        first = next(at_work, waiting[0])
        if first.held:
            return f"Notice {first.id} waits for approval of its drafts."
        if self._waits_for_a_person(first):
            return f"Notice {first.id} waits for a decision about edited drafts."
        put_off = self._put_off[first.id]
        when = put_off.until.astimezone()
        return f"Notice {first.id} goes on at {when:%Y-%m-%d %H:%M:%S}: {put_off.why}"


def _put_off(sent: SenderEnd, now: datetime) -> _PutOff:
    until = sent.resume_at or now + _TRY_AGAIN
    why = sent.fault.sentence_in(None) if sent.fault else _DAY_IS_FULL
    if sent.ending is Ending.DONE:  # more mails were planned meanwhile
        until, why = now, ""
    return _PutOff(max(until, now + LOOK_EVERY), f"{sent.sender}: {why}" if sent.sender else why)
