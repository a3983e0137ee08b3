"""Telling an internal group by mail: one delivery, sent exactly once as a customer's is."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from workflow.colleagues.answers import Answer, Outcome
from workflow.colleagues.channels import Channel, ChannelBad
from workflow.flows.announcement_words import Message
from workflow.flows.delivering import PLACE, Watcher, deliver
from workflow.flows.sending import Ending
from workflow.flows.workspace import Workspace
from workflow.incident import DeliveryState, Stage
from workflow.ledger import deliveries, notices, plans
from workflow.ledger.announcements import Announcement
from workflow.ledger.notices import Notice
from workflow.ledger.plans import PlannedMail
from workflow.mail.addresses import AddressBad, read_address

# A notice of its own kind: no count of customers, no copy in the doc, no `resume` sees it.
MODE = "announce"


@dataclass(frozen=True)
class Mailed:
    """How the mail stands. `answer` is None while Gmail has been asked and has not said."""

    answer: Answer | None
    sign_in: str = ""


def check(channel: Channel) -> None:
    """See that a group's address is one. Raises `ChannelBad`."""
    try:
        read_address(channel.address)
    except AddressBad as bad:
        raise ChannelBad(f"{channel.name}: {channel.address}: {bad}") from bad


def plan(
    connection: Connection,
    workspace: Workspace,
    announcement: Announcement,
    channel: Channel,
    message: Message,
) -> None:
    """Freeze the mail: a notice to one, which goes by the announcement's id."""
    to = read_address(channel.address)
    key = f"announce-{announcement.id}"
    notice = Notice(
        id=announcement.id,
        incident_id=announcement.incident_id,
        mode=MODE,
        stage=Stage.UPDATE,
        content_key=key,
        plan_hash=key,
        template_name="announce",
        template_source="",
        subject=message.subject,
        copy_markdown=message.markdown,
        sender="",
        recipients=1,
        said_at=announcement.said_at,
        created_at=workspace.wall(),
        variables={PLACE: workspace.place},
        steps=1 if workspace.settings.config.sending.one_step else 2,
    )
    mail = PlannedMail(1, to.email, to.key, to.name, message.subject, message.markdown)
    plans.add_notice(connection, notice, [mail])


def plan_again(connection: Connection, announcement: Announcement) -> None:
    """Plan a mail anew that Gmail refused."""
    deliveries.plan_again(connection, announcement.id, DeliveryState.FAILED)


def send(workspace: Workspace, announcement: Announcement) -> Mailed:
    """Send the mail, or go on with it, and say how it stands."""
    with workspace.ledger.read() as connection:
        notice = notices.notice_by_id(connection, announcement.id)
    watcher = Watcher(lambda _counts: None, threading.Event(), threading.Event())
    sent = deliver(workspace, notice, watcher)
    with workspace.ledger.read() as connection:
        (delivery,) = deliveries.deliveries_of(connection, announcement.id)
    why = sent.fault.sentence if sent.fault else ""
    sign_in = why if sent.ending is Ending.SIGN_IN else ""
    match delivery.state:
        case DeliveryState.SENT:
            inferred = delivery.evidence if delivery.evidence.startswith("inferred") else ""
            return Mailed(Answer(Outcome.TOLD, inferred, delivery.message_id))
        case DeliveryState.FAILED:
            return Mailed(Answer(Outcome.REFUSED, delivery.reason))
        case DeliveryState.UNKNOWN:
            return Mailed(Answer(Outcome.UNKNOWN, delivery.reason))
        case DeliveryState.SENDING:
            return Mailed(None, sign_in)
        case _:  # planned, or a draft at the most: surely not sent
            return Mailed(Answer(Outcome.NOT_NOW, why or "Gmail could not be reached"), sign_in)
