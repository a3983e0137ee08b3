"""What one customer was told and when, over all incidents, with the mails themselves."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from workflow.flows.faults import BadInput
from workflow.flows.file_writing import write_whole
from workflow.flows.mail_writing import write_mail
from workflow.flows.workspace import Workspace
from workflow.incident import DeliveryState
from workflow.ledger import plans
from workflow.ledger import told as ledger
from workflow.ledger.told import Told
from workflow.mail.addresses import Address, AddressBad, read_address
from workflow.mail.faces import parse_body, text_face


def customer_address(typed: str) -> Address:
    """The address that a person means, however it is spelled. Raises `BadInput`."""
    try:
        return read_address(typed)
    except AddressBad as bad:
        raise BadInput(f"{typed}: {bad}") from bad


def told_to(workspace: Workspace, address: Address) -> list[Told]:
    """Every mail to a customer, the oldest first, those that failed or still wait too."""
    with workspace.ledger.read() as connection:
        return ledger.told(connection, address.key, profile=workspace.settings.profile)


def mail_text(told: Told) -> str:
    """The text of a mail as the customer reads it, from the frozen plan."""
    return text_face(parse_body(told.delivery.markdown)).rstrip("\n")


def write_mails(workspace: Workspace, mails: Sequence[Told], folder: Path) -> list[str]:
    """Write each mail that was accepted as a file of RFC 5322; the files' names.

    Raises `BadInput` for a folder that can't be written.
    """
    names = []
    for told in mails:
        if told.delivery.state is not DeliveryState.SENT:
            continue
        with workspace.ledger.read() as connection:
            files = plans.attachments_of(connection, told.notice.id)
        day = told.notice.said_at.astimezone(told.incident.zone)
        stage, address = told.notice.stage.value, _safe(told.delivery.email)
        name = f"{day:%Y-%m-%d-%H%M}-{stage}-{told.notice.id}-{address}.eml"
        dated = replace(told.delivery, sent_at=told.notice.said_at)
        write_whole(folder / name, write_mail(told.notice, dated, files, workspace))
        names.append(name)
    return names


def _safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9@._-]", "_", text)[:80]
