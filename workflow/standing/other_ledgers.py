"""Find other ledgers' notices in the doc, so that none is overlooked.

All ledgers of an incident share the doc. Each notice is noted there before its first mail (see
`workflow.doc.notices`), so comparing the two shows what a ledger lacks: a colleague's notice, or
one that was sent after a backup was made. Only a notice that certainly reached nobody is left out.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from workflow.document.edits import changes as doc_changes
from workflow.document.edits.notices import CANCELLED, NoticeInDoc, NoticesInDoc, notices_in
from workflow.document.view import FIELDS, DocView, read_document
from workflow.errors import BadInput
from workflow.google.faults import GoogleFault
from workflow.ledger import changes, elsewhere, incidents
from workflow.ledger.databases import transfers
from workflow.ledger.elsewhere import Compared, LedgerIdentity, NoticeElsewhere, OwnNotice, Why
from workflow.ledger.faults import LedgerUnavailable, UnknownIncident
from workflow.model import Incident, Status, address_of_doc, counted, moment_text, people
from workflow.standing import doc_standing
from workflow.workspace import Workspace

# A read-only command waits for a slow Google no longer than this.
_PATIENCE_SECONDS = 3.0
# It doesn't ask again within this time.
_FRESH = timedelta(minutes=5)
# The same finding is recorded again at most this often.
_NOTED_FOR = timedelta(minutes=1)

OPTION = "--not-in-this-ledger"


class Overlooked(BadInput):
    """Other ledgers wrote to customers, or may have: a person has to decide. Nothing was sent."""

    def __init__(self, sentence: str, found: Iterable[NoticeElsewhere] = ()) -> None:
        super().__init__(sentence)
        self.found = tuple(found)


@dataclass(frozen=True)
class DocLook:
    """One look at a doc. `view` is None if it could not be read: `compared.problem` says why.

    `is_news`: something was found that the last look did not show. `status` is the doc's, if this
    ledger has another one; a joined incident takes it over (`is_taken`).
    """

    compared: Compared
    view: DocView | None = None
    is_news: bool = False
    status: Status | None = None
    is_taken: bool = False


def look(workspace: Workspace, incident: Incident, *, is_filled: bool | None = None) -> DocLook:
    """Read the incident's doc and compare it with the ledger.

    A doc that was not made yet is a problem for a restored ledger alone.

    `is_filled` is the result of `is_doc_filled`, if known. The result is stored, for commands that
    don't ask Google.
    """
    if not (is_doc_filled(workspace, incident) if is_filled is None else is_filled):
        return DocLook(Compared(workspace.wall(), problem=_unmade(workspace, incident)))
    read = read_doc(workspace, incident)
    return read if isinstance(read, DocLook) else note(workspace, incident, read)


def _unmade(workspace: Workspace, incident: Incident) -> str:
    """Why a doc that this ledger did not make yet is a problem; "" if there can't be another.

    A restored ledger may have made it after the backup, and have sent mails since.
    """
    if is_the_only_one(workspace, incident):
        return ""
    return "This ledger has not made it yet. To make or find it: postmortem sync"


def is_doc_filled(workspace: Workspace, incident: Incident) -> bool:
    """Whether the doc is filled: before that it can't show other ledgers."""
    with workspace.ledger.read() as connection:
        return incidents.doc_record(connection, incident.id).state is incidents.DocState.FILLED


def read_doc(workspace: Workspace, incident: Incident) -> DocView | DocLook:
    """The current doc, to be compared; or a look that says why it can't be read."""
    try:
        return read_document(workspace.google.docs.get(incident.doc_id, FIELDS))
    except GoogleFault as fault:
        with workspace.ledger.read() as connection:
            before = elsewhere.last_comparison(connection, incident.id)
        told = doc_standing.named(workspace, incident, fault)
        return DocLook(replace(before, problem=told.sentence_in(incident.zone)))


def note(workspace: Workspace, incident: Incident, view: DocView) -> DocLook:
    """Compare a doc that was just read with the ledger, and store the result."""
    with workspace.ledger.read() as connection:
        seen, is_to_be_kept = _compare(connection, workspace, incident, view)
    if workspace.ledger.is_writable and is_to_be_kept:
        # A ledger that can't be written (a backup, a full disk) is still compared.
        with contextlib.suppress(LedgerUnavailable), workspace.ledger.write() as connection:
            _keep(connection, workspace, incident, seen)
    return seen


def note_within(
    connection: Connection, workspace: Workspace, incident: Incident, view: DocView
) -> DocLook:
    """The same as `note`, in a transaction that writes anyway."""
    seen, is_to_be_kept = _compare(connection, workspace, incident, view)
    if is_to_be_kept:
        _keep(connection, workspace, incident, seen)
    return seen


def _compare(
    connection: Connection, workspace: Workspace, incident: Incident, view: DocView
) -> tuple[DocLook, bool]:
    """What a doc shows of other ledgers, and whether to store it: it is new, or the stored one is
    old.
    """
    in_place = elsewhere.is_in_its_place(connection, incident.id, workspace.ledger.mark)
    known = elsewhere.own_notices(connection, incident.id, workspace.ledger.mark)
    found = tuple(_found(connection, incident.id, notices_in(view), known, in_place=in_place))
    before = elsewhere.last_comparison(connection, incident.id)
    now = workspace.wall()
    is_stale = before.at is None or before.found != found or now - before.at > _NOTED_FOR
    status = _status_in_doc(connection, incident, view)
    is_news = bool(set(found) - set(before.found))
    is_joined = incidents.joined_at(connection, incident.id) is not None
    is_taken = status is not None and is_joined
    seen = DocLook(Compared(now, found), view, is_news, status, is_taken)
    return seen, is_stale or not in_place or is_taken


def _status_in_doc(connection: Connection, incident: Incident, view: DocView) -> Status | None:
    """The doc's status, if this ledger has another one: another ledger or a person set it there.

    This ledger's own status counts until it is in the doc.
    """
    shown = doc_changes.field_shown(view, "status")
    status = next((each for each in Status if each.label == shown), None)
    held = incidents.incident_by_id(connection, incident.id)
    if status in {None, held.status} or held.closed_at is not None:
        return None
    aside = (each.change for each in changes.changes_set_aside(connection, incident.id))
    for change in (*changes.pending_changes(connection, incident.id), *aside):
        if change.kind == "field" and change.payload["name"] == "status":
            return None
    return status


def _keep(connection: Connection, workspace: Workspace, incident: Incident, seen: DocLook) -> None:
    found = seen.compared.found
    elsewhere.note_comparison(
        connection, incident.id, found, at=seen.compared.at or workspace.wall()
    )
    elsewhere.note_place(connection, incident.id, workspace.ledger.mark, is_complete=not found)
    if seen.is_taken and seen.status is not None:
        incidents.set_status(connection, incident.id, seen.status, workspace.now())


def with_status_in_doc(workspace: Workspace, incident: Incident) -> Incident:
    """The incident with the doc's status, if it was joined: another ledger may have set it.

    That costs one read of the doc, and only for a joined incident.
    """
    with workspace.ledger.read() as connection:
        is_joined = incidents.joined_at(connection, incident.id) is not None
    seen = look(workspace, incident) if is_joined else None
    if seen is None or seen.status is None or not seen.is_taken:
        return incident
    return replace(incident, status=seen.status)


def news(seen: DocLook, incident: Incident) -> list[str]:
    """Sentences about what a look at the doc found and the last one did not."""
    found = [words(each, incident) for each in seen.compared.found] if seen.is_news else []
    return [*found, *([_status_words(seen, incident)] if seen.status else [])]


def _status_words(seen: DocLook, incident: Incident) -> str:
    """A sentence about a status that another ledger, or a person, wrote into the doc."""
    if seen.is_taken:
        return f"The status is now “{seen.status}”, as in the doc."
    command = f"postmortem status {seen.status}"
    return doc_standing.value_in_doc("status", str(seen.status), str(incident.status), command)


def glance(workspace: Workspace, incident: Incident) -> Compared:
    """What is known of other ledgers, for a read-only command: quick, and never an error.

    The doc is read unless it was read in the last minutes, and only if Google answers at once.
    """
    with workspace.ledger.read() as connection:
        before = elsewhere.last_comparison(connection, incident.id)
    now = workspace.wall()
    if not incident.doc_id:
        return before
    if before.at is not None and timedelta(0) <= now - before.at < _FRESH:
        return before
    answers: list[Compared] = []

    def ask() -> None:
        try:
            answers.append(look(workspace, incident).compared)
        except Exception as fault:
            answers.append(replace(before, problem=str(fault)))

    # A daemon: a read-only command doesn't wait for a call that hangs.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(_PATIENCE_SECONDS)
    return answers[0] if answers else replace(before, problem="Google did not answer at once.")


def glance_at_all(workspace: Workspace) -> list[tuple[Incident, Compared]]:
    """What is known of other ledgers over all incidents; the current one is checked again."""
    profile = workspace.settings.profile
    current: list[Incident] = []
    with contextlib.suppress(UnknownIncident):
        current.append(workspace.incident())
    found = [(incident, glance(workspace, incident)) for incident in current]
    with workspace.ledger.read() as connection:
        others = elsewhere.incidents_elsewhere(connection, profile=profile)
        for incident_id in others:
            if all(incident.id != incident_id for incident in current):
                incident = incidents.incident_by_id(connection, incident_id)
                found.append((incident, elsewhere.last_comparison(connection, incident_id)))
    return found


def _found(
    connection: Connection,
    incident_id: str,
    in_doc: NoticesInDoc,
    known: Mapping[str, OwnNotice],
    *,
    in_place: bool,
) -> Iterator[NoticeElsewhere]:
    mine = elsewhere.identity(connection)
    yield from lacking(mine, known, in_doc, in_place=in_place)
    yield from _given(connection, incident_id, in_doc, mine.id)
    for doc_id in in_doc.replaced_by:
        yield NoticeElsewhere(f"doc-{doc_id}", Why.REPLACED, shown=doc_id)


def lacking(
    mine: LedgerIdentity,
    known: Mapping[str, OwnNotice],
    in_doc: NoticesInDoc,
    *,
    in_place: bool,
) -> Iterator[NoticeElsewhere]:
    """The doc's notices that a ledger doesn't have, or has less of. Pure.

    `known` are the ledger's own notices by their ids. `in_place` is False if its file may be a
    copy: then mails of a notice that began in the original may be missing.
    """
    may_be_copied = not in_place and in_doc.runs.get(mine.id, 0) == mine.run
    for told in in_doc.notices:
        notice = known.get(told.id)
        is_mine = bool(mine.id) and told.ledger == mine.id
        if notice is None:
            if (told.sent, told.undecided) != (0, 0):  # else it was withdrawn: nobody has it
                yield _elsewhere(Why.BACKUP if is_mine else Why.UNKNOWN, told)
            continue
        if told.sent > notice.sent:
            yield replace(_elsewhere(Why.BEHIND, told), known=notice.sent, stage=notice.stage)
        elif may_be_copied and is_mine and not notice.is_all_here and told.undecided != 0:
            # The backup may be from the middle of that run: mails sent later are not in it.
            yield replace(_elsewhere(Why.COPY, told), known=notice.sent, stage=notice.stage)
    is_older = bool(mine.id) and in_doc.runs.get(mine.id, 0) > mine.run
    unknown = (told for told in in_doc.notices if told.id not in known)
    if is_older and all(told.ledger != mine.id for told in unknown):  # else the others say more
        yield NoticeElsewhere(f"run-{in_doc.runs[mine.id]}", Why.OLDER, ledger=mine.id)


def _given(
    connection: Connection, incident_id: str, in_doc: NoticesInDoc, mine: str
) -> Iterator[NoticeElsewhere]:
    """A handover of this incident that this ledger doesn't know: it is an older backup.

    It counts no more once the incident was handed back: then this ledger has taken it as often as
    it gave it away, and once more if it did not begin it.
    """
    known = transfers.transfers_of(connection, incident_id)
    given = [
        each
        for each in in_doc.transfers
        if mine and each.giver == mine and each.taker not in {mine, CANCELLED}
    ]
    taken = sum(each.state is transfers.TransferState.TAKEN for each in known.values())
    began_here = incidents.joined_at(connection, incident_id) is None
    if taken + began_here > len(given):
        return
    for each in given:
        if each.id not in known:
            yield NoticeElsewhere(each.id, Why.GIVEN, ledger=each.taker)


def _elsewhere(why: Why, told: NoticeInDoc) -> NoticeElsewhere:
    return NoticeElsewhere(
        id=told.id,
        why=why,
        ledger=told.ledger,
        stage=told.stage,
        began_at=told.began_at.isoformat() if told.began_at else "",
        customers=told.customers,
        sent=told.sent,
        undecided=told.undecided,
        shown=told.heading,
    )


def settle(
    workspace: Workspace, incident: Incident, *, accepted: bool, is_filled: bool | None = None
) -> tuple[DocLook, list[str]]:
    """Look at the doc before something is sent; the look, and what the person accepted.

    Raises `Overlooked` for anything found, unless the person has `accepted` it. The acceptance is a
    list of keys, to be stored with the notice. Raises `BadInput` if the status has changed.
    """
    seen = look(workspace, incident, is_filled=is_filled)
    if seen.is_taken:  # the mails were written for the status before
        raise BadInput(
            f"Nothing was sent. {_status_words(seen, incident)} Check the mails again before you "
            "send them."
        )
    keys = [elsewhere.key_of(each) for each in seen.compared.found]
    if seen.compared.problem:
        keys.append(BLIND)
    if not accepted:
        refuse_overlooked(workspace, incident, seen)
        return seen, []
    return seen, keys


def refuse_overlooked(
    workspace: Workspace, incident: Incident, seen: DocLook, agreed: Iterable[str] = ()
) -> None:
    """Raise `Overlooked` if another ledger wrote to customers, or may have, without acceptance.

    `agreed` are the keys of what a person accepted. A doc that can't be read doesn't stop the
    ledger that began the incident, as long as nothing points to another one.
    """
    already = set(agreed)
    found = [each for each in seen.compared.found if elsewhere.key_of(each) not in already]
    if found:
        raise Overlooked(
            f"Nothing was sent: {all_words(found, incident)}\n{ways(found)}",
            found,
        )
    if seen.compared.problem and BLIND not in already and not is_the_only_one(workspace, incident):
        why = seen.compared.problem.rstrip(".")
        raise Overlooked(
            f"Nothing was sent: the doc can't be read ({why}), and this ledger did not begin the "
            f"incident or was restored: another may have written to these customers.\n{WAYS}"
        )


BLIND = "blind"
"""The key of accepting that the doc could not be read at all."""


def is_the_only_one(workspace: Workspace, incident: Incident) -> bool:
    """Whether nothing points to another ledger: it began here, and its file is no copy."""
    with workspace.ledger.read() as connection:
        joined_at = incidents.joined_at(connection, incident.id)
        in_place = elsewhere.is_in_its_place(connection, incident.id, workspace.ledger.mark)
    return joined_at is None and in_place


def words(other: NoticeElsewhere, incident: Incident) -> str:
    """A sentence about a notice that the doc has and this ledger lacks."""
    match other.why:
        case Why.BEHIND:
            accepted = counted(other.sent, "mail was", "mails were")
            return (
                f"Of the {other.stage} notice {other.id} the doc says that {accepted} accepted; "
                f"this ledger knows of {other.known:,}, so it was restored from a backup or is a "
                "copy."
            )
        case Why.COPY:
            return (
                "This ledger's file is a copy, or was restored from a backup, and the doc says "
                f"that the {other.stage} notice {other.id} is not finished: mails that left after "
                "the copy was made are not in it."
            )
        case Why.OLDER:
            return (
                "The doc has seen a later run of sending of this very ledger, so it was restored "
                "from a backup or is a copy."
            )
        case Why.GIVEN:
            return (
                f"This incident was handed over to ledger {other.ledger}, and this ledger was "
                "restored from an older backup."
            )
        case Why.REPLACED:
            return (
                "The incident has another doc now, and mails that are listed there may be missing "
                f"here. To use it: postmortem doc adopt {address_of_doc(other.shown)}"
            )
        case _:
            return _who_wrote(other, incident)


def _who_wrote(other: NoticeElsewhere, incident: Incident) -> str:
    if other.why is Why.BACKUP:
        restored = "it does not know that, so it was restored from an older backup"
        return f"This ledger {_wrote(other, incident)}; {restored}."
    return f"Another ledger {_wrote(other, incident)}."


def all_words(found: Iterable[NoticeElsewhere], incident: Incident) -> str:
    """A sentence for each notice of other ledgers."""
    return " ".join(words(each, incident) for each in found)


def _wrote(other: NoticeElsewhere, incident: Incident) -> str:
    """`wrote to 20 customers at 28 Nov 2026, 3:05 PM CET (resolved notice k3f7x2gh)`."""
    stage = f"{other.stage} notice" if other.stage else "notice"
    when = f"{_when(other, incident)} ({stage} {other.id})"
    if other.sent > 0:
        ended = f"; how {other.undecided:,} more ended is not known" if other.undecided > 0 else ""
        return f"wrote to {people(other.sent)}{when}{ended}"
    if other.undecided < 0:
        return f"wrote to {people(other.customers) if other.customers >= 0 else 'customers'}{when}"
    return f"began to write to {people(max(other.customers, other.undecided))}{when}"


def _when(other: NoticeElsewhere, incident: Incident) -> str:
    if other.began_at:
        began_at = datetime.fromisoformat(other.began_at)
        return f" on {moment_text(began_at, incident.zone)}"
    return f" (“{other.shown}”)" if other.shown else ""


_NOTICES = (Why.UNKNOWN, Why.BACKUP)


def customers_elsewhere(found: Iterable[NoticeElsewhere]) -> int:
    """How many customers other ledgers wrote to, as far as the doc says."""
    return sum(max(each.customers, each.sent, 0) for each in found if each.why in _NOTICES)


_ONLY_IF_SURE = f"Only if you are sure that nobody gets a second mail: {OPTION}"
WAYS = (
    "To go on: let that ledger send (postmortem resume there); or take the incident over with all "
    "its mails (there: postmortem handover FILE, here: postmortem join URL --with FILE); or share "
    "one ledger (postmortem ledger copy --to postgresql://…); or, if your sign-in may read the "
    f"sender's mailbox: postmortem ledger rebuild. {_ONLY_IF_SURE}"
)
_WAYS_OF_A_BACKUP = (
    "To go on: put the newest copy of this ledger back, or use the machine that has it; or, if "
    f"your sign-in may read the sender's mailbox: postmortem ledger rebuild. {_ONLY_IF_SURE}"
)
_OF_THIS_LEDGER = frozenset({Why.BACKUP, Why.BEHIND, Why.COPY, Why.OLDER})


def ways(found: Collection[NoticeElsewhere]) -> str:
    """What to do about notices that this ledger lacks.

    A ledger can't take over from itself, so a restored one has fewer ways.
    """
    is_backup = bool(found) and all(each.why in _OF_THIS_LEDGER for each in found)
    return _WAYS_OF_A_BACKUP if is_backup else WAYS
