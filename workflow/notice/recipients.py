"""The customer list for a plan: grouped, matched with the ledger, compared, rendered.

Rows are processed in batches: the ledger is asked once for many, and memory doesn't grow with the
list. (`--group-by` has to see every row first, and keeps them.)

In a list by groups, every contact of an account gets the mail with all rows of that account.
"""

from __future__ import annotations

import difflib
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from workflow.ledger import customers, forgetting, notices, plans
from workflow.ledger.plans import PlannedMail, StageHad, ToldBefore
from workflow.mail.faces import parse_body, text_face
from workflow.mail.list_recipients import BadRow, Duplicate, Recipient
from workflow.mail.list_rules import group_in
from workflow.mail.message import HeaderBad, MessageTooBig
from workflow.mail.sandbox import zone_named
from workflow.mail.template import RenderedMail, ValueMissing
from workflow.model import Finding, Incident, Stage
from workflow.notice.composing import FileMissing, OwnFile, OwnFiles, SenderIdentity
from workflow.notice.left_out import (
    DoNotMail,
    NewWords,
    Repeat,
    repeat_of,
    stages_before,
    stages_that_end,
)
from workflow.notice.list_source import ListSource
from workflow.notice.wording import CustomersMail, Wording, Wordings
from workflow.workspace import Workspace

# --- The list -------------------------------------------------------------------------------------

_SHOWN = 5


@dataclass(frozen=True)
class Addressee:
    """One customer to write to, with all their rows of the list."""

    recipient: Recipient
    rows: tuple[dict[str, str], ...]


@dataclass(frozen=True)
class InOtherGroup:
    """A contact of a group who gets another group's mail: one address gets one mail.

    The group is reached through its other contacts.
    """

    recipient: Recipient
    group: str
    other_group: str

    @property
    def reason(self) -> str:
        """Why the contact gets no mail of this group, as a sentence."""
        return f"this contact of {self.group} already gets the mail of {self.other_group}."


def grouped(
    rows: Iterable[Recipient | BadRow | Duplicate], column: str
) -> Iterator[Addressee | InOtherGroup | BadRow]:
    """Each contact of each group, with all rows of the group, in the order of the list.

    Rows without a value, or with a filler such as `N/A`, stand alone; `ListCheck` warns of them. A
    repeated address within a group is one more row of it. If all contacts of a group get another
    group's mail, the group is a bad row: nobody would get its mail.
    """
    groups: dict[str, list[Recipient]] = {}
    for row in rows:
        if isinstance(row, BadRow):
            yield row
            continue
        recipient = row.recipient if isinstance(row, Duplicate) else row
        value = group_in(recipient, column).casefold()
        groups.setdefault(value or f"\x00{recipient.row}", []).append(recipient)
    group_of: dict[str, str] = {}
    for members in groups.values():
        yield from _contacts(members, column, group_of)


def _contacts(
    members: list[Recipient], column: str, group_of: dict[str, str]
) -> Iterator[Addressee | InOtherGroup | BadRow]:
    """The contacts of one group; `group_of` has the group of everybody who gets a mail."""
    name = group_in(members[0], column)
    contacts = {each.key: each for each in reversed(members)}  # each by their first row
    in_order = sorted(contacts.values(), key=lambda each: each.row)
    if all(each.key in group_of for each in in_order):
        first = in_order[0]
        reason = (
            f"this address gets the mail of {group_of[first.key]}, another group; "
            "choose another contact for this group."
            if name
            else f"`{column}` names no group, and this address already gets the mail of "
            f"{group_of[first.key]}. Fill in the cell, or remove the row."
        )
        yield BadRow(first.row, column, first.email, reason, first.cells)
        return
    rows = tuple(each.columns for each in members)
    for contact in in_order:
        if contact.key in group_of:
            yield InOtherGroup(contact, name, group_of[contact.key])
        else:
            group_of[contact.key] = name or f"row {contact.row}"
            yield Addressee(contact, rows)


def not_reached_finding(contacts: list[InOtherGroup]) -> Iterator[Finding]:
    """Warn about contacts in the list who get no mail of their group."""
    if not contacts:
        return
    shown = contacts[:_SHOWN]
    rows = ", ".join(str(each.recipient.row) for each in shown)
    words = "; ".join(
        f"{each.recipient.email} gets the mail of {each.other_group}, not that of {each.group} too"
        for each in shown
    )
    more = f"; and {len(contacts) - _SHOWN} more" if len(contacts) > _SHOWN else ""
    where = f"row {rows}" if len(contacts) == 1 else f"rows {rows}"
    yield Finding("warning", "not_reached", where, f"{words}{more}.")


_BATCH = 500
_NEVER = ToldBefore((), "", "")


@dataclass(frozen=True)
class LeftOut:
    """A listed customer who gets no mail: they have this text already, or are left out.

    `notice_id` is the notice that gave them this text; `was_told` says that they were sent a mail
    of this incident.
    """

    recipient: Recipient
    reason: str
    notice_id: str = ""
    was_told: bool = False


HAS_IT = "already has this text"
NOT_WRONGED = "never got the mail that this corrects"
HAD_STAGE = "already had this stage"


@dataclass(frozen=True)
class Ready:
    """A customer's mail, and the stages of this incident that they were notified of.

    `repeat` is how it relates to the last one of its stage, None for the first. `waits_in` are the
    notices with another unsent mail to the same customer.
    """

    mail: PlannedMail
    recipient: Recipient
    told_before: tuple[str, ...]
    words: CustomersMail
    repeat: Repeat | None = None
    waits_in: tuple[str, ...] = ()


Read = Ready | LeftOut | InOtherGroup | DoNotMail | BadRow | Duplicate


@dataclass
class ListReader:
    """Read a list repeatedly, each time with the same mails as the result.

    `others_told`: customers were notified of this incident before, so new ones get a catch-up.
    `senders` are the mailboxes among which the list is divided; none if there is one. `for_a_test`
    also reads the mails of customers who have it already. `key_parts` identify this notice's text.
    `promised` is the next update that mails state, `anchor` identifies it. `sender` writes each
    mail's headers; `only_new` leaves out customers who had the stage. `reads_threads`: the
    Message-ID of an earlier mail can be read. `own_files` are the files that the column
    `attach_column` names, or the template's head without one; None if all customers get the same.
    """

    workspace: Workspace
    incident_id: str
    source: ListSource
    group_by: str
    stage: Stage
    wording: Wording
    key_parts: tuple[str, ...]
    others_told: bool
    now: datetime
    zone: ZoneInfo
    promised: datetime | None = None
    anchor: str = ""
    sender: SenderIdentity = field(default_factory=SenderIdentity)
    only_new: bool = False
    senders: tuple[str, ...] = ()
    for_a_test: bool = False
    reads_threads: bool = False
    own_files: OwnFiles | None = None
    attach_column: str = ""

    def read(self) -> Iterator[Read]:
        """Every row of the list: as a mail, or the reason why it gets none."""
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

    def _addressees(self) -> Iterator[Addressee | InOtherGroup | BadRow | Duplicate]:
        rows = iter(self.source.open())
        if self.group_by:
            yield from grouped(rows, self.group_by)
            return
        for row in rows:
            yield Addressee(row, (row.columns,)) if isinstance(row, Recipient) else row

    def _mails(self, addressees: list[Addressee]) -> Iterator[Ready | LeftOut | DoNotMail | BadRow]:
        keys = [each.recipient.key for each in addressees]
        if not keys:
            return
        with self.workspace.ledger.read() as connection:
            # A forgotten customer is known by a hash only, and still gets nothing twice.
            hashed = forgetting.stored_keys(connection, keys)
            keys = [hashed.get(key, key) for key in keys]
            planned = plans.already_planned(connection, keys)
            told = plans.told_before(connection, self.incident_id, keys)
            had, undone = plans.stage_had(
                *(connection, self.incident_id, self.stage, keys),
                undone_by=stages_before(self.stage),
                ended_by=stages_that_end(self.stage),
            )
            profile = self.workspace.settings.profile
            waiting = plans.waiting_in(connection, keys, profile=profile)
            suppressed = customers.suppressed_among(connection, profile, keys)
        for each, key in zip(addressees, keys, strict=True):
            if key in suppressed and not self.for_a_test:
                yield DoNotMail(each.recipient, suppressed[key], was_told=key in told)
                continue
            read = self._mail(each, key, told.get(key, _NEVER))
            if isinstance(read, BadRow) or self.for_a_test:
                yield read
            elif (again := self._news_again(read, planned, undone.get(key, ""))) is not None:
                yield replace(again, waits_in=waiting.get(key, ()))
            elif notice := planned.get((key, read.mail.content_key)):
                yield LeftOut(each.recipient, HAS_IT, notice, was_told=key in told)
            elif self.stage is Stage.CORRECTION and key not in told:
                yield LeftOut(each.recipient, NOT_WRONGED)
            elif self.only_new and key in had:
                yield LeftOut(each.recipient, HAD_STAGE, was_told=key in told)
            else:
                yield self._beside_earlier(read, had.get(key), waiting.get(key, ()))

    def _news_again(
        self, ready: Ready, planned: Mapping[tuple[str, str], str], undone_by: str
    ) -> Ready | None:
        """A mail whose text the customer has, if a notice has undone it since; else None.

        `resolved` after a reopening may say the same words, and they are news. So may an earlier
        stage after `resolved`. A person is asked.
        """
        mail = ready.mail
        if not undone_by or self.only_new or (mail.recipient_key, mail.content_key) not in planned:
            return None
        key = f"{mail.content_key}-{undone_by}"
        return replace(ready, mail=replace(mail, content_key=key), repeat=Repeat.ALMOST_SAME)

    def _beside_earlier(self, ready: Ready, had: StageHad | None, waits: tuple[str, ...]) -> Ready:
        if had is None and not waits:
            return ready
        promised = self.promised if ready.words.promises else None
        new = NewWords(ready.mail.subject, ready.mail.markdown, promised)
        if had is None:
            return replace(ready, waits_in=waits)
        zone = zone_named(ready.recipient.columns.get("timezone", "")) or self.zone
        repeat = repeat_of(had, new, now=self.now, zone=zone, lang=ready.mail.lang)
        return replace(ready, repeat=repeat, waits_in=waits)

    def _mail(self, addressee: Addressee, key: str, before: ToldBefore) -> Ready | BadRow:
        recipient = addressee.recipient
        values = {
            "rows": list(addressee.rows),
            "told_before": ", ".join(before.stages),
            "catch_up": "yes" if self.others_told and not before.stages else "",
        }
        try:
            words = self.wording.mail({**recipient.columns, **values})
            files = self._own_files(addressee)
        except (ValueMissing, FileMissing) as missing:
            return BadRow(recipient.row, "", recipient.email, str(missing), recipient.cells)
        rendered = words.traced.mail
        # A thread is in one mailbox: another can't continue it.
        holder = before.sender.lower() if before.sender.lower() in self.senders else ""
        goes_on = bool(holder) or not self.senders
        mail = PlannedMail(
            row=recipient.row,
            email=recipient.email,
            recipient_key=key,
            name=recipient.columns.get("name", ""),
            subject=self._subject(rendered.subject, before) if goes_on else rendered.subject,
            markdown=rendered.markdown,
            thread_id=before.thread_id if goes_on else "",
            reply_to_message=before.message_id,
            sender=holder,
            lang=rendered.lang,
            cells=recipient.cells,
            files=tuple(each.position for each in files),
            files_hash=" ".join(each.hash for each in files),
            content_key=words.content_key(
                *self.key_parts,
                self.anchor if self.promised and words.promises else "",
                *(each.hash for each in files),
            ),
        )
        try:
            self.sender.headers(mail)
            if self.own_files is not None:
                self.own_files.check_size(self.sender, mail, files)
        except (HeaderBad, MessageTooBig) as bad:
            return BadRow(recipient.row, "", recipient.email, str(bad), recipient.cells)
        return Ready(mail, recipient, before.stages, words)

    def _subject(self, subject: str, before: ToldBefore) -> str:
        """The subject of a mail that continues a customer's thread.

        Gmail threads by the subject, at the sender's and at the customer's (Gmail reference,
        threadId); other mail programs thread by the Message-ID. So if that can be read, or is our
        own, the thread's subject stays. A subject that a person gave is sent unchanged.
        """
        is_known = self.reads_threads or before.message_id.startswith("<")
        if not (is_known and before.message_id and before.subject) or self.wording.has_own_subject:
            return subject
        first = before.subject.removeprefix("Re: ")
        return subject if first == subject else f"Re: {first}"

    def _own_files(self, addressee: Addressee) -> tuple[OwnFile, ...]:
        """The files that the customer's rows name. Raises `FileMissing`."""
        if self.own_files is None:
            return ()
        name = self.attach_column
        cells = [
            row.get(name, "") if name else self.wording.own_file(row) for row in addressee.rows
        ]
        recipient = addressee.recipient
        group = group_in(recipient, self.group_by) if self.group_by else ""
        return self.own_files.of(cells, owner=group or recipient.key, row=recipient.row)


@dataclass
class Count:
    """The counts of one reading of a list. `hash` is over every mail, in order.

    `bound` counts the mails that continue a thread, by the mailbox that holds it; `repeats` those
    to customers who had the stage, by kind; `waiting` the customers with an unsent mail, by its
    notice; `had_by` those who have this text, by the notice that gave it; `promising` the mails
    that state the next update; `told_left_out` the customers of earlier notices whom this one
    leaves out; `largest` is the longest mail.
    """

    mails: int = 0
    has_it: int = 0
    not_wronged: int = 0
    had_stage: int = 0
    told_left_out: int = 0
    first: PlannedMail | None = None
    told_before: Counter[str] = field(default_factory=Counter)
    bad_rows: list[BadRow] = field(default_factory=list)
    duplicates: list[Duplicate] = field(default_factory=list)
    not_reached: list[InOtherGroup] = field(default_factory=list)
    do_not_mail: list[DoNotMail] = field(default_factory=list)
    follow_ups: int = 0
    bound: Counter[str] = field(default_factory=Counter)
    repeats: Counter[Repeat] = field(default_factory=Counter)
    waiting: Counter[str] = field(default_factory=Counter)
    had_by: Counter[str] = field(default_factory=Counter)
    promising: int = 0
    wordings: Wordings = field(default_factory=Wordings)
    largest: PlannedMail | None = None
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
            if read.repeat is not None:
                self.repeats[read.repeat] += 1
            self.waiting.update(read.waits_in)
            self.promising += read.words.promises
            self.wordings.take(read.words, read.mail)
            if self.largest is None or len(read.mail.markdown) > len(self.largest.markdown):
                self.largest = read.mail
            mail = read.mail
            self._hash.update(
                mail_bytes(mail.recipient_key, mail.subject, mail.markdown, mail.files_hash)
            )
        elif isinstance(read, LeftOut):
            self.has_it += read.reason == HAS_IT
            if read.notice_id:
                self.had_by[read.notice_id] += 1
            self.not_wronged += read.reason == NOT_WRONGED
            self.had_stage += read.reason == HAD_STAGE
            self.told_left_out += read.was_told
        elif isinstance(read, BadRow):
            self.bad_rows.append(read)
        elif isinstance(read, InOtherGroup):
            self.not_reached.append(read)
        elif isinstance(read, DoNotMail):
            self.do_not_mail.append(read)
        else:
            self.duplicates.append(read)

    @property
    def hash(self) -> str:
        """The same hash for the same mails to the same people."""
        return self._hash.hexdigest()


def counted(rows: Iterable[Read], count: Count) -> Iterator[PlannedMail]:
    """The mails of a reading, each counted as it passes."""
    for row in rows:
        count.take(row)
        if isinstance(row, Ready):
            yield row.mail


def mail_bytes(key: str, subject: str, markdown: str, files_hash: str) -> bytes:
    """One mail as bytes for a plan's hash."""
    parts = [key, subject, markdown]
    if files_hash:
        parts.append(files_hash)
    return "\x1f".join(parts).encode("utf-8", "surrogatepass") + b"\x1e"


# --- The last notice ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Earlier:
    """The last notice of the incident, compared with the new one.

    `changed` are added (`+ `) and removed (`- `) lines. `not_on_list` counts customers who were
    notified before and are not on this list.
    """

    stage: Stage
    said_at: datetime
    changed: tuple[str, ...]
    not_on_list: int


def compare_with_last(
    workspace: Workspace, incident: Incident, copy: RenderedMail, count: Count
) -> Earlier | None:
    """Compare the last notice with the new text and list; None for the first notice."""
    with workspace.ledger.read() as connection:
        sent = notices.notices_of(connection, incident.id)
        customers = notices.count_customers(connection, incident.id)
    if not sent:
        return None
    last = sent[-1]
    before = _lines(RenderedMail(last.subject, last.copy_markdown))
    lines = difflib.ndiff(before, _lines(copy))
    # Where nobody gets a mail, there is no new text to compare.
    changed = tuple(
        line for line in lines if count.mails and line[:2] in {"+ ", "- "} and line[2:].strip()
    )
    suppressed = sum(each.was_told for each in count.do_not_mail)
    on_list = count.follow_ups + count.told_left_out + suppressed
    return Earlier(last.stage, last.said_at, changed, max(0, customers - on_list))


def _lines(mail: RenderedMail) -> list[str]:
    return [f"Subject: {mail.subject}", *text_face(parse_body(mail.markdown)).splitlines()]
