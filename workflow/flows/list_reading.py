"""The list of customers as a plan reads it: grouped, looked up in the ledger, rendered, counted.

Rows go through in batches, so that what customers were told before is asked once for many, and
memory does not grow with the list. (`--group-by` has to see every row first, and keeps them.)
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from workflow.flows.wording import Wording
from workflow.flows.workspace import Workspace
from workflow.incident import Stage
from workflow.ledger import plans
from workflow.ledger.plans import PlannedMail, ToldBefore
from workflow.mail.recipients import BadRow, Duplicate, Recipient, open_list
from workflow.mail.template import ValueMissing

_BATCH = 500
_NEVER = ToldBefore((), "", "")


@dataclass(frozen=True)
class Addressee:
    """One customer to write to, with all rows of the list that are theirs."""

    recipient: Recipient
    rows: tuple[dict[str, str], ...]


@dataclass(frozen=True)
class LeftOut:
    """A customer of the list who gets no mail: has these words already, or is not concerned."""

    recipient: Recipient
    reason: str


HAS_IT = "has these words already"
NOT_WRONGED = "never got the mail that is corrected"


@dataclass(frozen=True)
class Ready:
    """A customer's mail, and the stages of this incident that they were told before."""

    mail: PlannedMail
    recipient: Recipient
    told_before: tuple[str, ...]


Read = Ready | LeftOut | BadRow | Duplicate


@dataclass
class ListReader:
    """Reads a list again and again, each time to the same mails.

    `others_told`: customers were written to about this incident before, so that who was not is
    caught up. `senders` are the mailboxes among which the list is divided; none where there is one.
    """

    workspace: Workspace
    incident_id: str
    content: bytes
    email_column: str
    group_by: str
    stage: Stage
    wording: Wording
    content_key: str
    others_told: bool
    senders: tuple[str, ...] = ()

    def read(self) -> Iterator[Read]:
        """Every row of the list: as a mail, or why it makes none."""
        addressees: list[Addressee] = []
        for row in self._addressees():
            if not isinstance(row, Addressee):
                yield row
                continue
            addressees.append(row)
            if len(addressees) == _BATCH:
                yield from self._mails(addressees)
                addressees = []
        yield from self._mails(addressees)

    def mails(self) -> Iterator[PlannedMail]:
        """The mails alone."""
        return (each.mail for each in self.read() if isinstance(each, Ready))

    def _addressees(self) -> Iterator[Addressee | BadRow | Duplicate]:
        rows = iter(open_list(self.content, email_column=self.email_column or None))
        if self.group_by:
            yield from grouped(rows, self.group_by)
            return
        for row in rows:
            yield Addressee(row, (row.columns,)) if isinstance(row, Recipient) else row

    def _mails(self, addressees: list[Addressee]) -> Iterator[Ready | LeftOut | BadRow]:
        keys = [each.recipient.key for each in addressees]
        if not keys:
            return
        with self.workspace.ledger.read() as connection:
            planned = plans.already_planned(connection, self.content_key, keys)
            told = plans.told_before(connection, self.incident_id, keys)
        for each in addressees:
            if each.recipient.key in planned:
                yield LeftOut(each.recipient, HAS_IT)
            elif self.stage is Stage.CORRECTION and each.recipient.key not in told:
                yield LeftOut(each.recipient, NOT_WRONGED)
            else:
                yield self._mail(each, told.get(each.recipient.key, _NEVER))

    def _mail(self, addressee: Addressee, before: ToldBefore) -> Ready | BadRow:
        recipient = addressee.recipient
        values = {
            "rows": list(addressee.rows),
            "told_before": ", ".join(before.stages),
            "catch_up": "yes" if self.others_told and not before.stages else "",
        }
        try:
            rendered = self.wording.render({**recipient.columns, **values})
        except ValueMissing as missing:
            return BadRow(recipient.row, "", recipient.email, str(missing))
        # A thread lies in one mailbox: another can't go on with it.
        holder = before.sender.lower() if before.sender.lower() in self.senders else ""
        goes_on = bool(holder) or not self.senders
        mail = PlannedMail(
            row=recipient.row,
            email=recipient.email,
            recipient_key=recipient.key,
            name=recipient.columns.get("name", ""),
            subject=rendered.subject,
            markdown=rendered.markdown,
            thread_id=before.thread_id if goes_on else "",
            reply_to_message=before.message_id,
            sender=holder,
        )
        return Ready(mail, recipient, before.stages)


def grouped(
    rows: Iterable[Recipient | BadRow | Duplicate], column: str
) -> Iterator[Addressee | BadRow | Duplicate]:
    """One addressee for each value of a column: the first row's address, and all the rows.

    Rows without a value stand alone. A repeated address within a group is one more row of it.
    """
    groups: dict[str, list[Recipient]] = {}
    for row in rows:
        if isinstance(row, BadRow):
            yield row
            continue
        recipient = row.recipient if isinstance(row, Duplicate) else row
        value = recipient.columns.get(column, "").strip().casefold()
        groups.setdefault(value or f"\x00{recipient.row}", []).append(recipient)
    written: dict[str, int] = {}
    for members in groups.values():
        first = next((each for each in members if each.key not in written), None)
        if first is None:
            reason = "this address gets another group's mail; name another contact for this group."
            yield BadRow(members[0].row, column, members[0].email, reason)
            continue
        written[first.key] = first.row
        yield Addressee(first, tuple(each.columns for each in members))


@dataclass
class Count:
    """What one reading of a list comes to. `hash` is over every mail, in order.

    `bound` counts the mails that go on in a thread, by the mailbox that holds it.
    """

    mails: int = 0
    has_it: int = 0
    not_wronged: int = 0
    first: PlannedMail | None = None
    told_before: Counter[str] = field(default_factory=Counter)
    bad_rows: list[BadRow] = field(default_factory=list)
    duplicates: list[Duplicate] = field(default_factory=list)
    follow_ups: int = 0
    bound: Counter[str] = field(default_factory=Counter)
    _hash: hashlib._Hash = field(default_factory=hashlib.sha256)

    def take(self, read: Read) -> None:
        """Count one row."""
        if isinstance(read, Ready):
            self.mails += 1
            self.follow_ups += bool(read.told_before)
            self.told_before.update(set(read.told_before))
            self.first = self.first or read.mail
            if read.mail.sender:
                self.bound[read.mail.sender] += 1
            self._hash.update(_bytes(read.mail))
        elif isinstance(read, LeftOut):
            self.has_it += read.reason == HAS_IT
            self.not_wronged += read.reason == NOT_WRONGED
        elif isinstance(read, BadRow):
            self.bad_rows.append(read)
        else:
            self.duplicates.append(read)

    @property
    def hash(self) -> str:
        """The same for the same mails to the same people."""
        return self._hash.hexdigest()


def counted(rows: Iterable[Read], count: Count) -> Iterator[PlannedMail]:
    """The mails of a reading, each counted as it goes by."""
    for row in rows:
        count.take(row)
        if isinstance(row, Ready):
            yield row.mail


def _bytes(mail: PlannedMail) -> bytes:
    parts = (mail.recipient_key, mail.subject, mail.markdown)
    return "\x1f".join(parts).encode("utf-8", "surrogatepass") + b"\x1e"
