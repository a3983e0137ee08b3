"""One customer in the record: what they were sent and when, and forgetting them.

Each mail's result stays, with a keyed hash in place of the address: a notice's counts stay true,
and nobody is written to twice. What this program can't reach is named.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy.engine import Connection

from workflow.doc import push
from workflow.errors import BadInput
from workflow.files import write_whole
from workflow.ledger import changes, customers, forgetting, incidents, notices, plans
from workflow.ledger.changes import RecordedChange
from workflow.ledger.customers import CustomerMail, CustomerMatch
from workflow.ledger.forgetting import FORGOTTEN, CustomerNames, Emptied
from workflow.ledger.plans import Proposal, ProposalState
from workflow.mail.list_columns import Address, AddressBad, key_of, read_address, typed_address
from workflow.model import DeliveryState, Incident, moment_text
from workflow.notice import approval, plan_file
from workflow.sending.mail_writer import write_mail
from workflow.standing import notice_words
from workflow.standing.notice_words import refresh_summary, words_of
from workflow.workspace import Workspace, new_id

# --- What a customer was sent ---------------------------------------------------------------------

_SHORTEST = 2


def customers_like(workspace: Workspace, words: str) -> list[CustomerMatch]:
    """The customers that a caller may mean: by address, name, company or domain.

    A whole address means that customer alone, whether written to or not. Raises `BadInput` for a
    text that is too short to search for.
    """
    with contextlib.suppress(AddressBad):
        address = read_address(words)
        return [CustomerMatch(address.key, address.email, "", 0)]
    if len(words.strip().strip("@.")) < _SHORTEST:
        raise BadInput(f"{words!r} is too short. Give a part of the address, name or company.")
    with workspace.ledger.read() as connection:
        return customers.matching(connection, words, profile=workspace.settings.profile)


def told_to(workspace: Workspace, customer: CustomerMatch) -> list[CustomerMail]:
    """Every mail to a customer, the oldest first, including failed and waiting ones."""
    with workspace.ledger.read() as connection:
        key = forgetting.stored_key(connection, customer.key)
        return customers.told(connection, key, profile=workspace.settings.profile)


def words(told: CustomerMail) -> notice_words.SentText:
    """A mail's text as the customer reads it: from the frozen plan, or as a person edited it."""
    return words_of(told.delivery, told.left)


def state_of(told: CustomerMail) -> str:
    """The known state of a mail; an undecided one is waiting."""
    if told.bounce is not None:
        return "bounced"
    decided = {DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.UNKNOWN}
    return told.delivery.state.value if told.delivery.state in decided else "waits"


def write_mails(workspace: Workspace, mails: Sequence[CustomerMail], folder: Path) -> list[str]:
    """Write each accepted mail as an RFC 5322 file; the files' names.

    Raises `BadInput` for a folder that can't be written.
    """
    names = []
    for told in mails:
        said = words(told)
        if told.delivery.state is not DeliveryState.SENT or said.text in {None, FORGOTTEN}:
            continue
        with workspace.ledger.read() as connection:
            files = plans.attachments_of(connection, told.notice.id)
        day = told.notice.said_at.astimezone(told.incident.zone)
        stage, address = told.notice.stage.value, _safe(told.delivery.email)
        name = f"{day:%Y-%m-%d-%H%M}-{stage}-{told.notice.id}-{address}.eml"
        dated = replace(told.delivery, sent_at=told.notice.said_at)
        mail = said.raw or write_mail(told.notice, dated, files, workspace)
        write_whole(folder / name, mail)
        names.append(name)
    return names


def _safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9@._-]", "_", text)[:80]


# --- Forgetting a customer ------------------------------------------------------------------------

_ASKED, _RETENTION = "asked", "retention"
_LARGEST_LOOKED_AT = 20 * 1024 * 1024  # bytes of a file in the program's folder


@dataclass(frozen=True)
class Forgotten:
    """What was removed, and what this program can't reach, a sentence each.

    `is_suppressed`: no notice goes to the address, as before. `plans` are proposals to write to the
    customer, now withdrawn. `brought` is the state of the docs.
    """

    email: str
    emptied: Emptied
    plans: tuple[str, ...]
    is_suppressed: bool
    unreached: tuple[str, ...]
    brought: tuple[push.Brought, ...] = ()


def forget(workspace: Workspace, typed: str) -> Forgotten:
    """Remove a customer from the ledger. Safe to run any number of times.

    Raises `BadInput` for an invalid address, and while a mail to the customer is undecided.
    """
    address = typed_address(typed)
    now = workspace.now()
    with workspace.ledger.write() as connection:
        _refuse_while_pending(connection, address)
        # A customer who was forgotten and written to again is known by the hash.
        key = forgetting.stored_key(connection, address.key)
        names, spelled = forgetting.names_and_addresses(connection, key)
        concerned = [
            incidents.incident_by_id(connection, each)
            for each in forgetting.incidents_of(connection, [key])
        ]
        hashed = forgetting.settle_hash(
            connection, address.key, why=_ASKED, by=workspace.person, at=now
        )
        words = _words_of({address.email, *spelled}, names)
        emptied = forgetting.empty_mails(connection, key, hashed, words)
        emptied.rows = forgetting.empty_rows_left_out(connection, words)
        withdrawn = _withdraw_plans(connection, workspace, address, key)
        forgetting.sweep(connection, words, emptied)
        is_suppressed = customers.forget(connection, address.key, hashed)
        _tell_docs(connection, workspace, emptied)
    workspace.ledger.compact()
    docs = _docs_to_bring(workspace, emptied) | {each.incident_id for each in withdrawn}
    return Forgotten(
        email=address.email,
        emptied=emptied,
        plans=tuple(each.short for each in withdrawn),
        is_suppressed=is_suppressed,
        unreached=tuple(_unreached(workspace, address, concerned, names, emptied)),
        brought=tuple(push.bring_to_doc(workspace, each) for each in sorted(docs)),
    )


def forget_after_retention(workspace: Workspace) -> int:
    """Forget the customers of incidents closed `retention_days` ago; how many mails.

    If a customer is also in a younger incident, only the old incident's mails are emptied.
    """
    days = workspace.settings.config.retention_days
    if not days or not workspace.ledger.is_writable:
        return 0
    before = workspace.now() - timedelta(days=days)
    with workspace.ledger.read() as connection:
        due = forgetting.closed_before(connection, before, profile=workspace.settings.profile)
    count = sum(_empty_incident(workspace, each) for each in due)
    if due:
        workspace.ledger.compact()
    return count


def _empty_incident(workspace: Workspace, incident_id: str) -> int:
    """Forget every customer of one incident; how many mails were emptied."""
    emptied = Emptied()
    names: set[str] = set()
    spelled: set[str] = set()
    with workspace.ledger.write() as connection:
        for key, email, name in forgetting.recipients_of(connection, incident_id):
            hashed = key
            if not forgetting.is_hash(key):
                hashed = forgetting.settle_hash(
                    connection, key, why=_RETENTION, by=workspace.person, at=workspace.now()
                )
            words = _words_of({email}, {name})
            found = forgetting.empty_mails(connection, key, hashed, words, incident_id=incident_id)
            emptied.mails += found.mails
            forgetting.rename(connection, key, hashed)
            customers.rename(connection, key, hashed)
            names.add(name)
            spelled.add(email)
        words = _words_of(spelled, names)
        listed = [each.id for each in notices.notices_of(connection, incident_id)]
        forgetting.empty_rows_left_out(connection, words, listed, all_of_them=True)
        forgetting.sweep(connection, words, emptied, incident_id=incident_id)
        for proposal in plans.of_incident(connection, incident_id):
            plans.move(connection, proposal.id, ProposalState.WITHDRAWN)
        _tell_docs(connection, workspace, emptied)
    return emptied.mails


def _words_of(spelled: set[str], names: set[str]) -> CustomerNames:
    """What identifies the customers in a text. A first name alone belongs to many people."""
    keys = {key_of(each) for each in spelled if each}
    full = frozenset(each for each in names if len(each.split()) > 1)
    return CustomerNames(full, lambda typed: key_of(typed) in keys)


def _refuse_while_pending(connection: Connection, address: Address) -> None:
    key = forgetting.stored_key(connection, address.key)
    waiting = forgetting.pending_notices(connection, key)
    if waiting:
        raise BadInput(
            f"A mail to {address.email} is still to be decided in notice {waiting[0]}. Nothing was "
            f"changed. Finish it or withdraw it first: postmortem resume {waiting[0]}"
        )


def _withdraw_plans(
    connection: Connection, workspace: Workspace, address: Address, key: str
) -> list[Proposal]:
    """Withdraw the plans that would write to the customer: their mails name them."""
    withdrawn = []
    for proposal in plans.open_ones(connection):
        if plan_file.names_customer(proposal, key, address.email):
            reason = "A customer in it was forgotten."
            plans.move(connection, proposal.id, ProposalState.WITHDRAWN, reason=reason)
            approval.show_in_doc(connection, workspace, proposal)
            withdrawn.append(proposal)
    return withdrawn


def _tell_docs(connection: Connection, workspace: Workspace, emptied: Emptied) -> None:
    """Rewrite our lines in the docs that named a customer."""
    now = workspace.now()
    for notice_id in sorted(emptied.notices):
        notice = notices.notice_by_id(connection, notice_id)
        change = RecordedChange(
            f"notice-{notice_id}-{new_id(4)}", "notice", {"notice": notice_id}, now
        )
        changes.record_change(connection, notice.incident_id, change)
    for incident_id in sorted(emptied.summaries):
        refresh_summary(connection, incident_id, now)


def _docs_to_bring(workspace: Workspace, emptied: Emptied) -> set[str]:
    """The incidents whose doc has lines of ours that named the customer."""
    with workspace.ledger.read() as connection:
        found = {notices.notice_by_id(connection, each).incident_id for each in emptied.notices}
    return found | emptied.summaries


def _unreached(
    workspace: Workspace,
    address: Address,
    concerned: list[Incident],
    names: set[str],
    emptied: Emptied,
) -> list[str]:
    found = list(_in_docs(workspace, emptied))
    found += [
        f"The doc of “{each.title}”, in what people typed: {each.doc_url}"
        for each in concerned
        if each.doc_url
    ]
    if concerned:
        found.append(f"Gmail: search Sent, Drafts and the inbox for {address.email}")
        found.append("Messages to colleagues in chat, where somebody named the customer")
    found.append("Exports, plan files, handover files and lists that were written before")
    where = (
        "old versions of rows until VACUUM, and " if "postgres" in workspace.ledger.place else ""
    )
    found.append(f"Backups of the ledger{': ' + where + 'the WAL archive' if where else ''}")
    found += [f"This file: {path}" for path in _files_with(workspace, address, names)]
    for name in sorted(each for each in names if len(each.split()) == 1):
        found.append(f"Entries with the name “{name}” alone: it may be somebody else's too")
    return found


def _in_docs(workspace: Workspace, emptied: Emptied) -> Iterator[str]:
    """Each text of people that named the customer and that a doc still shows."""
    named = emptied.facts | emptied.entries
    with workspace.ledger.read() as connection:
        for incident_id in sorted({incident for incident, _ in named}):
            incident = incidents.incident_by_id(connection, incident_id)
            if not incident.doc_url:
                continue
            doc = f"The doc of “{incident.title}”"
            for entry in incidents.timeline(connection, incident_id):
                if (incident_id, entry.id) in emptied.entries:
                    yield f"{doc}, the entry of {moment_text(entry.at, incident.zone)}"
            yield from (
                f"{doc}, the {what}" for of, what in sorted(emptied.facts) if of == incident_id
            )


def _files_with(workspace: Workspace, address: Address, names: set[str]) -> list[Path]:
    """The profile's files, besides the ledger, that name the customer."""
    needles = [address.email.lower().encode()]
    needles += [each.encode() for each in names if len(each.split()) > 1]
    found = []
    for path in sorted(workspace.settings.profile_folder.rglob("*")):
        is_other = path.name.startswith("ledger.sqlite3") or "google" in path.parts
        if is_other or path.is_symlink() or not path.is_file():
            continue
        if path.stat().st_size <= _LARGEST_LOOKED_AT:
            content = path.read_bytes()
            if any(each in content or each in content.lower() for each in needles):
                found.append(path)
    return found
