"""The customers of an incident with their mails, and suppressed addresses.

Says who was told that it is resolved, and what one customer was told over all incidents. An address
is suppressed because its owner asked for it, left, or can't be reached.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import groupby

from sqlalchemy import delete, exists, insert, select, update
from sqlalchemy.engine import Connection

from workflow.ledger import bounces as came_back
from workflow.ledger import edited_drafts, plans
from workflow.ledger.bounces import Bounce, Replies
from workflow.ledger.deliveries import Delivery, delivery_of
from workflow.ledger.edited_drafts import EditedContent
from workflow.ledger.forgetting import FORGOTTEN
from workflow.ledger.incidents import incident_by_id
from workflow.ledger.notices import Notice, notice_by_id
from workflow.ledger.plans import Proposal
from workflow.ledger.tables import bounces, deliveries, incidents, known, notices, suppressions
from workflow.model import DeliveryState, Incident, Stage

_ENDS = frozenset({Stage.RESOLVED, Stage.POSTMORTEM})


@dataclass(frozen=True)
class Word:
    """One mail of an incident to one customer, and its result."""

    notice_id: str
    stage: Stage
    said_at: datetime
    state: DeliveryState
    bounced: bool = False

    @property
    def stands(self) -> bool:
        """Whether it was accepted and didn't bounce."""
        return self.state is DeliveryState.SENT and not self.bounced


@dataclass(frozen=True)
class Customer:
    """A customer of an incident with all mails to them, in the order of the notices.

    `gets_no_mail`: a person suppressed the address, or the customer was forgotten.
    """

    key: str
    email: str
    name: str
    words: tuple[Word, ...]
    gets_no_mail: bool = False

    @property
    def told(self) -> tuple[Word, ...]:
        """The mails that were accepted and didn't bounce."""
        return tuple(word for word in self.words if word.stands)

    def undecided(self) -> tuple[Word, ...]:
        """Failed or unknown mails without a later mail to the same customer."""
        last = max((at for at, word in enumerate(self.words) if word.stands), default=-1)
        return tuple(
            word
            for word in self.words[last + 1 :]
            if word.state in (DeliveryState.FAILED, DeliveryState.UNKNOWN)
        )

    def knows_the_end(self) -> bool:
        """Whether the customer's last notice told them that the incident is resolved.

        A correction doesn't count: it leaves the customer's knowledge as it was.
        """
        knows = False
        for word in self.told:
            if word.stage is not Stage.CORRECTION:
                knows = word.stage in _ENDS
        return knows


def customers_of(connection: Connection, incident_id: str) -> Iterator[Customer]:
    """Every customer whom a notice of the incident was planned for, streamed; without tests."""
    profile = select(incidents.c.profile).where(incidents.c.id == incident_id).scalar_subquery()
    is_suppressed = exists().where(
        suppressions.c.profile == profile,
        suppressions.c.recipient_key == deliveries.c.recipient_key,
        suppressions.c.kind == AddedBy.SAID.value,
    )
    query = (
        select(
            deliveries.c.recipient_key,
            deliveries.c.email,
            deliveries.c.name,
            deliveries.c.state,
            is_suppressed.label("is_suppressed"),
            notices.c.id,
            notices.c.stage,
            notices.c.said_at,
            exists().where(bounces.c.delivery_id == deliveries.c.id).label("bounced"),
        )
        .join(notices, notices.c.id == deliveries.c.notice_id)
        .where(notices.c.incident_id == incident_id, notices.c.mode == "send")
        .order_by(deliveries.c.recipient_key, notices.c.created_at, notices.c.id)
    )
    rows = connection.execute(query, execution_options={"yield_per": 500})
    for key, mails in groupby(rows, key=lambda row: row.recipient_key):
        listed = list(mails)
        words = tuple(
            Word(
                row.id,
                known(Stage, row.stage, "A notice's stage"),
                row.said_at,
                known(DeliveryState, row.state, "A delivery"),
                bool(row.bounced),
            )
            for row in listed
        )
        name = next((row.name for row in reversed(listed) if row.name), "")
        last = listed[-1]
        gets_no_mail = bool(last.is_suppressed) or last.email == FORGOTTEN
        yield Customer(key, last.email, name, words, gets_no_mail)


class AddedBy(StrEnum):
    """Who added an address: a person, or a bounce."""

    SAID = "said"
    BOUNCED = "bounced"


@dataclass(frozen=True)
class Suppression:
    """A suppressed address. `recipient_key` is the same for every spelling of it."""

    recipient_key: str
    email: str
    kind: AddedBy
    reason: str
    added_at: datetime


def suppress(connection: Connection, profile: str, entry: Suppression) -> None:
    """Suppress an address, or update the reason. A bounce never replaces a person's reason."""
    present = suppressed_among(connection, profile, [entry.recipient_key]).get(entry.recipient_key)
    if present is not None and present.kind is AddedBy.SAID and entry.kind is AddedBy.BOUNCED:
        return
    unsuppress(connection, profile, entry.recipient_key)
    connection.execute(
        insert(suppressions).values(profile=profile, **vars(entry) | {"kind": entry.kind.value})
    )


def unsuppress(connection: Connection, profile: str, recipient_key: str) -> bool:
    """Allow mail to an address again; whether it was suppressed."""
    found = connection.execute(
        delete(suppressions).where(
            suppressions.c.profile == profile, suppressions.c.recipient_key == recipient_key
        )
    )
    return found.rowcount > 0


def all_suppressed(connection: Connection, profile: str) -> list[Suppression]:
    """Every suppressed address, the newest first."""
    query = select(suppressions).where(suppressions.c.profile == profile)
    rows = connection.execute(query.order_by(suppressions.c.added_at.desc()))
    return [
        Suppression(row.recipient_key, row.email, AddedBy(row.kind), row.reason, row.added_at)
        for row in rows
    ]


def suppressed_among(
    connection: Connection, profile: str, keys: Sequence[str]
) -> dict[str, Suppression]:
    """The suppressed ones among these recipients."""
    query = select(suppressions).where(
        suppressions.c.profile == profile, suppressions.c.recipient_key.in_(list(keys))
    )
    return {
        row.recipient_key: Suppression(
            row.recipient_key, row.email, AddedBy(row.kind), row.reason, row.added_at
        )
        for row in connection.execute(query)
    }


def forget(connection: Connection, recipient_key: str, hashed: str) -> bool:
    """Keep an address suppressed under its hash alone; whether it was suppressed."""
    entered = rename(connection, recipient_key, hashed)
    known = {AddedBy.SAID: "asked for no mails", AddedBy.BOUNCED: "bounced"}
    for kind, reason in known.items():
        connection.execute(
            update(suppressions)
            .where(suppressions.c.recipient_key == hashed, suppressions.c.kind == kind.value)
            .values(email=FORGOTTEN, reason=reason)
        )
    return entered


def rename(connection: Connection, recipient_key: str, hashed: str) -> bool:
    """Replace a recipient's key by its hash; whether they were suppressed."""
    found = connection.execute(
        update(suppressions)
        .where(suppressions.c.recipient_key.in_((recipient_key, hashed)))
        .values(recipient_key=hashed)
    )
    return found.rowcount > 0


@dataclass(frozen=True)
class CustomerMail:
    """One mail to the customer, with its notice, its incident and its bounce.

    `left` is its content if it was sent with other text than ours; `approval` is the plan that was
    proposed and approved.
    """

    incident: Incident
    notice: Notice
    delivery: Delivery
    bounce: Bounce | None
    replies: Replies
    left: EditedContent | None = None
    approval: Proposal | None = None


def told(connection: Connection, recipient_key: str, *, profile: str) -> list[CustomerMail]:
    """Every mail that was planned for a customer, the oldest first; tests are left out."""
    query = (
        select(deliveries)
        .join(notices, notices.c.id == deliveries.c.notice_id)
        .join(incidents, incidents.c.id == notices.c.incident_id)
        .where(
            deliveries.c.recipient_key == recipient_key,
            notices.c.mode == "send",
            incidents.c.profile == profile,
        )
        .order_by(notices.c.created_at, deliveries.c.id)
    )
    mails = [delivery_of(row) for row in connection.execute(query)]
    left = edited_drafts.contents_sent(connection, [mail.id for mail in mails])
    bounced = came_back.bounces_of_deliveries(connection, [mail.id for mail in mails])
    found = []
    for mail in mails:
        notice = notice_by_id(connection, mail.notice_id)
        incident = incident_by_id(connection, notice.incident_id)
        replies = came_back.replies_to_delivery(connection, mail.id)
        approval = plans.of_notice(connection, notice.id)
        back = bounced.get(mail.id)
        found.append(
            CustomerMail(incident, notice, mail, back, replies, left.get(mail.id), approval)
        )
    return found


@dataclass(frozen=True)
class CustomerMatch:
    """A customer who matches a search. `mails` counts the mails planned for them."""

    key: str
    email: str
    name: str
    mails: int


def matching(connection: Connection, words: str, *, profile: str) -> list[CustomerMatch]:
    """Customers whose address, name or list cells contain every word of this text, by address.

    Case, accents, apostrophes and the order of words don't count: `Lee, Ann`, `oneil` and
    `Soehne` find Ann Lee, O'Neil and Söhne. A domain also matches its subdomains.
    """
    wanted = _Wanted(words.strip().removeprefix("@"))
    query = (
        select(deliveries.c.recipient_key, deliveries.c.email, deliveries.c.name)
        .add_columns(deliveries.c.cells)
        .join(notices, notices.c.id == deliveries.c.notice_id)
        .join(incidents, incidents.c.id == notices.c.incident_id)
        .where(notices.c.mode == "send", incidents.c.profile == profile)
        .where(deliveries.c.email != FORGOTTEN)
        .order_by(deliveries.c.email)
    )
    found: dict[str, CustomerMatch] = {}
    for key, email, name, cells in connection.execute(query):
        if wanted.fits([email, name, *map(str, cells or ())]):
            earlier = found.get(key)
            found[key] = CustomerMatch(key, email, name, 1 + (earlier.mails if earlier else 0))
    return list(found.values())


_APOSTROPHES = str.maketrans("", "", "'’‘`´ʼ")
# As people type these letters on a keyboard that lacks them.
_TYPED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa", "æ": "ae"})


class _Wanted:
    """The words of a search, ready to be compared with many customers."""

    def __init__(self, text: str) -> None:
        plain = _plain(text)
        self._words = [each for each in re.split(r"[\s,;]+", plain) if each]
        self._letters = _letters(plain)

    def fits(self, values: Iterable[str]) -> bool:
        """Whether a customer's values hold every word, or one of them all letters and digits."""
        given = [each for each in values if each]
        plain = [_plain(each) for each in given]
        shown = "\n".join(plain)
        if not shown.isascii() or not "".join(given).isascii():
            shown += "\n" + "\n".join(_plain(each.lower().translate(_TYPED)) for each in given)
        if all(word in shown for word in self._words):
            return bool(self._words)
        return len(self._letters) > 1 and any(self._letters in _letters(each) for each in plain)


def _plain(text: str) -> str:
    """A text in small letters, without accents and apostrophes."""
    if text.isascii():
        return text.translate(_APOSTROPHES).lower()
    parts = unicodedata.normalize("NFKD", text.replace("ø", "o").replace("Ø", "O"))
    bare = "".join(each for each in parts if not unicodedata.combining(each))
    return bare.translate(_APOSTROPHES).casefold()


def _letters(text: str) -> str:
    return "".join(each for each in text if each.isalnum())
