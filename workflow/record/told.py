"""What one customer was sent and when, in all incidents, with the mails."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from workflow.errors import BadInput
from workflow.files import write_whole
from workflow.ledger import customers as ledger
from workflow.ledger import plans
from workflow.ledger.customers import Match, Told
from workflow.ledger.forgetting import hashes
from workflow.ledger.forgetting.hashes import FORGOTTEN
from workflow.mail.lists.addresses import AddressBad, read_address
from workflow.model import DeliveryState
from workflow.sending.mail_writer import write_mail
from workflow.standing.notice_words import Words, words_of
from workflow.workspace import Workspace

_SHORTEST = 2


def customers_like(workspace: Workspace, words: str) -> list[Match]:
    """The customers that a caller may mean: by address, name, company or domain.

    A whole address means that customer alone, whether written to or not. Raises `BadInput` for a
    text that is too short to search for.
    """
    with contextlib.suppress(AddressBad):
        address = read_address(words)
        return [Match(address.key, address.email, "", 0)]
    if len(words.strip().strip("@.")) < _SHORTEST:
        raise BadInput(f"{words!r} is too short. Give a part of the address, name or company.")
    with workspace.ledger.read() as connection:
        return ledger.matching(connection, words, profile=workspace.settings.profile)


def told_to(workspace: Workspace, customer: Match) -> list[Told]:
    """Every mail to a customer, the oldest first, including failed and waiting ones."""
    with workspace.ledger.read() as connection:
        key = hashes.stored_key(connection, customer.key)
        return ledger.told(connection, key, profile=workspace.settings.profile)


def words(told: Told) -> Words:
    """A mail's text as the customer reads it: from the frozen plan, or as a person edited it."""
    return words_of(told.delivery, told.left)


def state_of(told: Told) -> str:
    """The known state of a mail; an undecided one is waiting."""
    if told.bounce is not None:
        return "bounced"
    decided = {DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.UNKNOWN}
    return told.delivery.state.value if told.delivery.state in decided else "waits"


def write_mails(workspace: Workspace, mails: Sequence[Told], folder: Path) -> list[str]:
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
