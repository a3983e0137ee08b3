"""Drafts that no row of the ledger knows: their making was asked for and the answer lost."""

from __future__ import annotations

from email import message_from_bytes, policy

from workflow.flows.workspace import Workspace
from workflow.google.faults import GoogleFault
from workflow.google.gmail import Gmail
from workflow.ledger import deliveries, notices
from workflow.ledger.notices import Notice
from workflow.mail.faces import parse_body, text_face


def clear_orphans(workspace: Workspace, notice: Notice) -> None:
    """Delete a notice's drafts that no row knows, from every mailbox that it leaves from.

    Only a draft that is to the letter what this program wrote, to somebody of this notice, is
    deleted. It is harmless where it lies, so a fault here is no reason to bother anybody.
    """
    with workspace.ledger.read() as connection:
        notice = notices.notice_by_id(connection, notice.id)
        known = deliveries.known_draft_ids(connection, notice.id)
        mailboxes = deliveries.senders_of(connection, notice.id)
    if not notice.orphans_possible:
        return
    try:
        for mailbox in mailboxes:
            _clear(workspace, notice, workspace.google_as(mailbox).gmail, known)
    except GoogleFault:
        return
    with workspace.ledger.write() as connection:
        notices.clear_orphans_possible(connection, notice.id)


def _clear(workspace: Workspace, notice: Notice, gmail: Gmail, known: set[str]) -> None:
    for draft in gmail.list_drafts():
        if draft.id not in known and _is_ours(workspace, notice, gmail.get_draft_raw(draft.id)):
            gmail.delete_draft(draft.id)


def _is_ours(workspace: Workspace, notice: Notice, raw: bytes) -> bool:
    message = message_from_bytes(raw, policy=policy.default)
    addresses = list(getattr(message.get("To"), "addresses", ()))
    body = message.get_body(("plain",))
    if len(addresses) != 1 or body is None:
        return False
    with workspace.ledger.read() as connection:
        mine = deliveries.delivery_to(connection, notice.id, addresses[0].addr_spec)
    if mine is None or str(message.get("Subject", "")) != mine.subject:
        return False
    written = text_face(parse_body(mine.markdown))
    return str(body.get_content()).split() == written.split()
