"""Copy the ledger to another database, or rebuild what it lost.

`copy_ledger` moves a ledger from a file to PostgreSQL, or back. `rebuild` finds out who was written
to: the doc says which notices there are, the Sent folder to whom. A mail belongs to a notice by its
subject and time. If the same subject was sent twice, the mail belongs to the last notice that had
begun by then.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import getaddresses
from enum import StrEnum

from sqlalchemy.engine import Connection

from workflow.document.edits.notices import notices_in
from workflow.document.requests import FACTS, LINE_BREAK
from workflow.document.view import DocView
from workflow.errors import BadInput, NotSetUp
from workflow.google.faults import Refused, SignInNeeded
from workflow.google.gmail import Listed
from workflow.ledger import claims, deliveries, edited_drafts, elsewhere, notices
from workflow.ledger.claims import is_gone
from workflow.ledger.databases import transfers
from workflow.ledger.databases.storage import Ledger, open_ledger
from workflow.ledger.edited_drafts import SentMail
from workflow.ledger.elsewhere import Compared, Why
from workflow.ledger.faults import LedgerAddressBad, LedgerUnavailable
from workflow.ledger.notices import Notice
from workflow.mail.list_columns import AddressBad, read_address
from workflow.model import DeliveryState, Incident, Stage
from workflow.sending.mailbox import MailReader
from workflow.standing import other_ledgers
from workflow.workspace import Workspace


class Purpose(StrEnum):
    """The purpose of a copy, which decides which of the two ledgers stays in use.

    Two ledgers that both know the recipients would both write: only one of them stays open. A copy
    made by RESTORE is open although its source isn't, because that one's successor is lost.
    """

    MOVE = "move"
    BACKUP = "backup"
    RESTORE = "restore"


@dataclass(frozen=True)
class LedgerCopied:
    """The source, the target, and each table's number of verified rows."""

    source: str
    target: str
    rows: dict[str, int]

    @property
    def total(self) -> int:
        """All rows together."""
        return sum(self.rows.values())


def copy_ledger(
    workspace: Workspace,
    to: str,
    purpose: Purpose,
    report: Callable[[int, int], None],
) -> LedgerCopied:
    """Copy every row to the empty ledger at the URL `to`; nobody writes meanwhile.

    `report` gets the number of copied rows and the total. Raises `BadInput` while a notice is being
    sent, if `to` names no ledger or one with content, and `LedgerUnavailable`.
    """
    source = workspace.ledger
    _refuse_purpose(source, purpose)
    with source.read() as connection:
        _refuse_while_sending(connection, workspace)
    target = _open_target(to)
    try:
        with target.read() as connection:
            _refuse_what_is_there(connection, target)
        with source.read() if purpose is Purpose.RESTORE else source.write() as reading:
            _refuse_while_sending(reading, workspace)
            with target.write() as writing:
                _refuse_what_is_there(writing, target)
                rows = _copy(reading, writing, report)
                if purpose is Purpose.BACKUP:
                    transfers.note_moved(writing, source.place, at=workspace.wall())
            # Last, so that after any failure one ledger can still be written.
            if purpose is Purpose.MOVE:
                transfers.note_moved(reading, target.place, at=workspace.wall())
    finally:
        target.close()
    return LedgerCopied(source.place, target.place, rows)


def _refuse_purpose(source: Ledger, purpose: Purpose) -> None:
    if source.moved is not None and purpose is not Purpose.RESTORE:
        raise BadInput(
            f"The rows of {source.place} are in {source.moved.place} since "
            f"{source.moved.at:%Y-%m-%d}. Copy from there; only if that one is lost, copy this "
            "one with --restore."
        )
    if source.moved is None and purpose is Purpose.RESTORE:
        raise BadInput(
            f"{source.place} is in use: --restore is for a backup, or for a ledger whose moved "
            "copy is lost. Nothing was copied."
        )


def _open_target(to: str) -> Ledger:
    try:
        return open_ledger(to)
    except LedgerAddressBad as bad:
        raise BadInput(
            "--to names no ledger. Write sqlite:////home/ann/ledger.sqlite3 for a file, or "
            "postgresql://db.example/postmortem for a database. Nothing was copied."
        ) from bad
    except LedgerUnavailable as fault:
        # The same errors as for the ledger in use, but for the address given here.
        raise LedgerUnavailable(str(fault).replace("POSTMORTEM_DATABASE_URL", "--to")) from fault


def _copy(
    source: Connection, target: Connection, report: Callable[[int, int], None]
) -> dict[str, int]:
    total = sum(transfers.count_rows(source).values())
    done = 0

    def written(more: int) -> None:
        nonlocal done
        done += more
        report(done, total)

    return {name: each.rows for name, each in transfers.copy_rows(source, target, written).items()}


def _refuse_what_is_there(connection: Connection, ledger: Ledger) -> None:
    there = {name: count for name, count in transfers.count_rows(connection).items() if count}
    if there:
        held = ", ".join(f"{name} {count:,}" for name, count in there.items())
        raise BadInput(
            f"{ledger.place} is a ledger with rows of its own ({held}). Nothing was copied: give "
            "a database or file with nothing in it."
        )


def _refuse_while_sending(connection: Connection, workspace: Workspace) -> None:
    holders = claims.holders_at_work(connection, now=workspace.wall())
    alive = [holder for holder in holders if not is_gone(holder)]
    if alive:
        where = ", ".join(sorted({holder.rpartition("/")[0] for holder in alive}))
        raise BadInput(
            f"A notice is being sent now ({where}). Nothing was copied: wait until it ends, "
            "or stop it with Ctrl-C there, then copy."
        )


# Clocks differ, and a notice is noted in the doc a moment before or after its first mail.
_MARGIN = timedelta(minutes=10)
_HEADERS = ("To", "Subject")
_COLUMN = re.compile(r"‹[^›]*›|\{[^}]*\}")
_UNDECIDED = (
    *(DeliveryState.PLANNED, DeliveryState.DRAFTING, DeliveryState.DRAFTED),
    *(DeliveryState.SENDING, DeliveryState.UNKNOWN, DeliveryState.FAILED),
)


@dataclass(frozen=True)
class RebuiltNotice:
    """A notice that was searched for: how many of its mails were found, and how many are new.

    `accepted` is the doc's count of accepted mails, -1 if it gives none.
    """

    id: str
    stage: str
    found: int
    news: int
    accepted: int


@dataclass(frozen=True)
class Rebuilt:
    """What was found in whose Sent folder, and what the doc still knows better."""

    incident: Incident
    mailbox: str
    notices: tuple[RebuiltNotice, ...]
    compared: Compared


@dataclass(frozen=True)
class _Wanted:
    """A notice to search for, its subjects' pattern, and the doc's count of accepted mails."""

    notice: Notice
    subject: re.Pattern[str]
    accepted: int


def rebuild(workspace: Workspace) -> Rebuilt:
    """Find and record mails in the Sent folder that the doc knows and this ledger doesn't.

    Raises `NotSetUp` for a sign-in that can't read the mailbox, `BadInput` while a notice is being
    sent, and `GoogleFault`. Safe to run any number of times.
    """
    incident = workspace.incident()
    with workspace.ledger.read() as connection:
        holders = claims.holders_at_work(connection, now=workspace.wall())
    if any(not is_gone(holder) for holder in holders):
        raise BadInput("A notice is being sent now. Run the command again when it has ended.")
    seen = other_ledgers.look(workspace, incident)
    if seen.view is None:
        why = seen.compared.problem or "it is not made yet"
        raise BadInput(f"The doc can't be read, and it says which notices there are: {why}")
    reader = _reader(workspace)
    wanted = list(_wanted(workspace, incident, seen.view, seen.compared, reader.address))
    found = _search(workspace, incident, reader, wanted) if wanted else {}
    rebuilt = []
    for each in wanted:
        mails = found.get(each.notice.id, [])
        with workspace.ledger.write() as connection:
            news = edited_drafts.add_sent(connection, each.notice, mails) if mails else 0
        rebuilt.append(
            RebuiltNotice(each.notice.id, each.notice.stage.value, len(mails), news, each.accepted)
        )
    with workspace.ledger.write() as connection:
        mine = elsewhere.identity(connection).id
        elsewhere.catch_up(connection, notices_in(seen.view).runs.get(mine, 0))
    after = other_ledgers.look(workspace, incident).compared
    return Rebuilt(incident, reader.address, tuple(rebuilt), after)


def _reader(workspace: Workspace) -> MailReader:
    try:
        reader = MailReader(workspace)
        next(reader.search("in:sent newer_than:1h"))
    except (Refused, SignInNeeded) as fault:
        raise NotSetUp(
            "This sign-in can't read the Sent folder. Allow it: postmortem auth login --scope read"
        ) from fault
    return reader


def _wanted(
    workspace: Workspace, incident: Incident, view: DocView, compared: Compared, mailbox: str
) -> Iterator[_Wanted]:
    """Notices that the doc knows better, and this ledger's with mails not known as sent."""
    by_id = {each.id: each for each in compared.found}
    with workspace.ledger.read() as connection:
        known = notices.notices_of(connection, incident.id)
        unsure = {
            notice.id
            for notice in known
            for state in _UNDECIDED
            if next(deliveries.deliveries_of(connection, notice.id, state), None) is not None
        }
    for notice in known:
        if notice.id in unsure or notice.id in by_id or not notice.plan_hash:
            accepted = by_id[notice.id].sent if notice.id in by_id else -1
            yield _Wanted(notice, _subject_pattern(notice.subject), accepted)
    for other in compared.found:
        if other.why not in (Why.UNKNOWN, Why.BACKUP):
            continue
        facts = _facts(view, other.id)
        began_at = _began_at(other.began_at) or incident.started_at
        subject = facts.get("Subject", "")
        notice = Notice(
            id=other.id,
            incident_id=incident.id,
            mode="send",
            stage=_stage(other.stage, other.shown),
            content_key=f"rebuilt-{other.id}",
            plan_hash="",
            template_name="",
            template_source="",
            subject=subject,
            copy_markdown="",
            sender=mailbox,
            recipients=max(other.customers, other.sent, 0),
            said_at=began_at,
            created_at=began_at,
            list_name="the Sent folder",
        )
        if subject:
            yield _Wanted(notice, _subject_pattern(subject), other.sent)


def _search(
    workspace: Workspace, incident: Incident, reader: MailReader, wanted: list[_Wanted]
) -> dict[str, list[SentMail]]:
    """The mails of each wanted notice, by the notice's id."""
    first = min(each.notice.created_at for each in wanted) - _MARGIN
    with workspace.ledger.read() as connection:
        known = edited_drafts.known_messages(connection, incident.id)
    found: dict[str, list[SentMail]] = {}
    for page in reader.search(f"in:sent after:{int(first.timestamp())}"):
        for listed in page:
            if listed.id not in known:
                _sort_in(reader, listed, wanted, found)
    return found


def _sort_in(
    reader: MailReader,
    listed: Listed,
    wanted: list[_Wanted],
    found: dict[str, list[SentMail]],
) -> None:
    facts = reader.facts(listed.id, _HEADERS)
    subject = facts.headers.get("subject", "")
    fitting = [
        each
        for each in wanted
        if each.subject.fullmatch(_one_line(subject))
        and each.notice.created_at - _MARGIN <= facts.received_at
    ]
    if not fitting:
        return
    notice = max(fitting, key=lambda each: each.notice.created_at).notice
    for name, address in getaddresses([facts.headers.get("to", "")]):
        try:
            to = read_address(address)
        except AddressBad:
            continue
        mail = SentMail(
            listed.id, listed.thread_id, to.email, to.key, name, subject, facts.received_at
        )
        found.setdefault(notice.id, []).append(mail)


def _facts(view: DocView, notice_id: str) -> dict[str, str]:
    """The doc's lines above a notice's text: `Subject`, `From` and the like."""
    facts: dict[str, str] = {}
    for own in view.own_ranges(FACTS, notice_id):
        paragraph = view.paragraph_of(own.range)
        for line in paragraph.text.split(LINE_BREAK) if paragraph else ():
            name, _, value = line.partition(": ")
            facts.setdefault(name, value)
    return facts


def _subject_pattern(subject: str) -> re.Pattern[str]:
    """A pattern for a subject, with anything in place of a list's column."""
    parts = [re.escape(_one_line(part)) for part in _COLUMN.split(subject)]
    return re.compile(r"\s*(?:(?:Re|Aw): )?" + ".*".join(parts) + r"\s*", re.IGNORECASE)


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def _stage(told: str, heading: str) -> Stage:
    for word in (told, heading.partition(" ")[0].lower()):
        if word in set(Stage):
            return Stage(word)
    return Stage.UPDATE


def _began_at(told: str) -> datetime | None:
    return datetime.fromisoformat(told) if told else None
