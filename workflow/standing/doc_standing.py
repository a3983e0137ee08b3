"""The state of an incident's doc (deleted, trashed, unreadable, locked), with the fix.

Docs only says "not found" and "no permission". Drive says more, if this sign-in can see the file.

Some changes are missing in the doc: Docs refused them permanently, or a newer version recorded
them. None of them blocks the others. A missing change stays recorded, is named by its text, and is
retried once the doc has changed; a correction or `sync --drop` ends it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.engine import Connection

from workflow import __version__
from workflow.errors import BadInput
from workflow.google.drive import FileStanding
from workflow.google.faults import GoogleFault, Refused, SignInNeeded
from workflow.ledger import changes, incidents, notices
from workflow.ledger.changes import ChangeState, RecordedChange, SetAside
from workflow.model import Incident, moment_text, with_full_stop
from workflow.workspace import Workspace

_WAYS = (
    "To recreate it from this ledger: postmortem doc recreate. To use a copy or a restored doc: "
    "postmortem doc adopt URL"
)


def value_in_doc(what: str, shown: str, held: str, command: str) -> str:
    """A value that differs in the doc and in this ledger, and the command that takes the doc's."""
    differ = with_full_stop(f"The {what} in the doc is “{shown}”, and here it is “{held}”")
    return f"{differ} To use the doc's value: {command}"


class DocTrouble(StrEnum):
    """What keeps a doc from being read or written."""

    GONE = "gone"
    HIDDEN = "hidden"
    TRASHED = "trashed"
    LOCKED = "locked"
    READ_ONLY = "read_only"


@dataclass(frozen=True)
class DocFinding:
    """The problem with a doc in a sentence, and what to do."""

    trouble: DocTrouble
    says: str
    way_on: str

    @property
    def is_lost(self) -> bool:
        """Whether this sign-in can no longer read the doc."""
        return self.trouble in {DocTrouble.GONE, DocTrouble.HIDDEN}

    @property
    def sentence(self) -> str:
        """Both, for a person."""
        return f"{self.says} {self.way_on}"


def examine(workspace: Workspace, incident: Incident) -> DocFinding | None:
    """The problem with the incident's doc; None if there is none, or no doc.

    Raises `GoogleFault` where Google can't be asked.
    """
    if not incident.doc_id:
        return None
    try:
        workspace.google.docs.get(incident.doc_id, "documentId")
        refused = None
    except Refused as fault:
        if fault.status not in {403, 404}:
            raise
        refused = fault
    seen = _seen_by_drive(workspace, incident)
    if refused is not None and seen is None:
        return _lost(workspace, refused)
    return _of_file(incident, seen) if seen is not None else None


def named(workspace: Workspace, incident: Incident, fault: GoogleFault) -> GoogleFault:
    """A refusal that explains the doc's state; any other failure unchanged."""
    is_of_doc = isinstance(fault, Refused) and fault.method.startswith("docs.documents.")
    if not is_of_doc or not isinstance(fault, Refused) or fault.status not in {403, 404}:
        return fault
    if incident.locked_at is not None:  # our own lock has its own message
        return fault
    try:
        finding = examine(workspace, incident)
    except GoogleFault:
        return fault
    if finding is None:
        return fault
    return Refused(
        finding.sentence,
        status=fault.status,
        reason=fault.reason,
        detail=fault.detail,
        method=fault.method,
    )


def trash_words(workspace: Workspace, incident: Incident) -> list[str]:
    """A warning if the doc is in the trash: Google deletes it after 30 days.

    A joined doc is skipped: Drive usually doesn't show it to this sign-in.
    """
    with workspace.ledger.read() as connection:
        joined_at = incidents.joined_at(connection, incident.id)
    if not incident.doc_id or joined_at is not None:
        return []
    seen = _seen_by_drive(workspace, incident)
    if seen is None or not seen.trashed:
        return []
    return [_trashed(incident).sentence]


def _seen_by_drive(workspace: Workspace, incident: Incident) -> FileStanding | None:
    try:
        return workspace.google.drive.standing(incident.doc_id)
    except GoogleFault:
        return None


def _lost(workspace: Workspace, refused: Refused) -> DocFinding:
    try:
        who = workspace.google.drive.account().email
    except (GoogleFault, SignInNeeded):
        who = "this sign-in"
    if refused.status == 403:
        says = f"{who} may not see or edit the doc. Ask its owner to share it."
        return DocFinding(DocTrouble.HIDDEN, says, _WAYS)
    says = f"The doc was deleted, or it belongs to somebody else and {who} can't see it."
    return DocFinding(DocTrouble.GONE, says, _WAYS)


def _of_file(incident: Incident, seen: FileStanding) -> DocFinding | None:
    if seen.trashed:
        return _trashed(incident)
    if seen.is_locked:
        by = f" by {seen.locked_by}" if seen.locked_by else ""
        why = f" ({seen.locked_why})" if seen.locked_why else ""
        if incident.locked_at is not None:
            when = moment_text(incident.locked_at, incident.zone)
            says = f"The doc was locked at {when}."
            return DocFinding(DocTrouble.LOCKED, says, "To unlock it: postmortem reopen")
        way_on = "Unlock it in Google Docs (File, then Unlock), then: postmortem sync"
        return DocFinding(DocTrouble.LOCKED, f"The doc was locked{by}{why}.", way_on)
    if not seen.can_edit:
        who = "its owner or a manager of its shared drive"
        way_on = f"Ask {who} for edit access, then: postmortem sync"
        return DocFinding(DocTrouble.READ_ONLY, "This sign-in may only read the doc.", way_on)
    return None


def _trashed(incident: Incident) -> DocFinding:
    return DocFinding(
        DocTrouble.TRASHED,
        "The doc is in the trash, and Google deletes it after 30 days.",
        f"To restore it: postmortem doc adopt {incident.doc_url}. To recreate it from this "
        f"ledger: postmortem doc recreate",
    )


KNOWN_KINDS = frozenset({"entry", "reword", "strike", "field", "section", "file", "notice"}) | {
    changes.STATEMENT,
    changes.SUMMARY,
    changes.PROPOSAL,
}
"""The kinds of changes in the doc that this version knows."""

_LONGEST_WORDS = 80


@dataclass(frozen=True)
class Missing:
    """A change that the doc lacks, for people. `entry` is an entry's id, "" for others."""

    id: str
    words: str
    reason: str
    entry: str = ""

    @property
    def sentence(self) -> str:
        """The change, the reason, and what to do."""
        fix = f'postmortem log --edit {self.entry} "…" with other words, or ' if self.entry else ""
        missing = with_full_stop(f"Not in the doc: {self.words}")
        return (
            f"{missing} {self.reason.rstrip('.')}. To end it: {fix}postmortem sync --drop {self.id}"
        )


def missing_changes(connection: Connection, incident_id: str) -> tuple[Missing, ...]:
    """The changes that are missing in an incident's doc, in their order."""
    return tuple(
        Missing(
            each.change.id,
            _words(connection, each.change),
            each.reason,
            each.change.payload["entry"] if each.change.kind == "entry" else "",
        )
        for each in changes.changes_set_aside(connection, incident_id)
    )


def newer_changes(recorded: Iterable[RecordedChange], known: frozenset[str]) -> list[str]:
    """A sentence for each kind among them that needs a newer version."""
    found: dict[tuple[str, str], int] = {}
    for change in recorded:
        if change.kind not in known:
            key = (change.kind, change.version)
            found[key] = found.get(key, 0) + 1
    return [
        f"{_count(count)} not in the doc: {'it was' if count == 1 else 'they were'} recorded by "
        f"postmortem {version or 'of a newer version'}, and this is {__version__}, which does not "
        f"know “{kind}”. Update postmortem on this machine, then: postmortem sync"
        for (kind, version), count in found.items()
    ]


def set_aside(
    workspace: Workspace, change: RecordedChange, refused: Refused, revision: str
) -> None:
    """Set aside a change that Docs refused, so that the others continue."""
    with workspace.ledger.write() as connection:
        changes.set_aside(
            connection, change.id, reason=refused.sentence, refused_at=_refused_at(revision)
        )


def try_again(workspace: Workspace, incident_id: str) -> None:
    """Retry changes that were set aside, if the doc or this program has changed.

    Raises `GoogleFault` if the doc can't be read.
    """
    with workspace.ledger.read() as connection:
        aside = changes.changes_set_aside(connection, incident_id)
        incident = incidents.incident_by_id(connection, incident_id)
    if not aside or not incident.doc_id:
        return
    revision = workspace.google.docs.get(incident.doc_id, "revisionId").get("revisionId", "")
    now = _refused_at(revision)
    again = [each.change.id for each in aside if each.refused_at != now]
    if again:
        with workspace.ledger.write() as connection:
            changes.move(connection, again, ChangeState.PENDING)


def drop_change(workspace: Workspace, reference: str) -> tuple[str, str]:
    """Leave a change out of the doc permanently; the ledger keeps it. Its incident and text.

    `reference` is the id of a change that was set aside, or the start of it. Raises `BadInput`.
    """
    with workspace.ledger.write() as connection:
        found = [
            (incident_id, each)
            for incident_id in changes.incidents_waiting(
                connection, profile=workspace.settings.profile
            )
            for each in changes.changes_set_aside(connection, incident_id)
            if _is_named(each, reference)
        ]
        if len(found) != 1:
            raise BadInput(_not_one(reference, [each.change.id for _, each in found]))
        incident_id, aside = found[0]
        changes.drop(connection, aside.change.id)
        return incident_id, _words(connection, aside.change)


def end_what_was_said_anew(
    connection: Connection, incident_id: str, done: Iterable[RecordedChange], workspace: Workspace
) -> None:
    """Drop refused changes that a newer value in the doc has replaced."""
    subjects = {subject for change in done if (subject := _subject(change))}
    over = [
        each.change.id
        for each in changes.changes_set_aside(connection, incident_id)
        if _subject(each.change) in subjects
    ]
    if over:
        changes.changes_done(connection, over, at=workspace.now())


def _is_named(aside: SetAside, reference: str) -> bool:
    wanted = reference.strip().lower()
    names = (aside.change.id, aside.change.id.partition("-")[2])
    return bool(wanted) and any(name.lower().startswith(wanted) for name in names)


def _not_one(reference: str, ids: list[str]) -> str:
    if ids:
        return f"{reference!r} fits more than one: {', '.join(ids)}. Type more of it."
    return (
        f"Nothing that Google Docs refused has the id {reference!r}. postmortem show names what "
        "is not in the doc. Nothing was changed."
    )


def _refused_at(revision: str) -> str:
    return f"{revision} {__version__}"


def _subject(change: RecordedChange) -> tuple[str, str] | None:
    """The thing whose current value a change states; None for a change that is made once."""
    match change.kind:
        case "field":
            return ("field", change.payload["name"])
        case changes.STATEMENT:
            return (changes.STATEMENT, change.payload["statement"])
        case "reword":
            return ("reword", change.payload["entry"])
        case "notice":
            return ("notice", change.payload["notice"])
        case changes.SUMMARY:
            return (changes.SUMMARY, "")
    return None


def _words(connection: Connection, change: RecordedChange) -> str:
    """The text by which a person recognizes a change."""
    payload = change.payload
    match change.kind:
        case "entry":
            entry = incidents.entry_by_id(connection, payload["entry"])
            words = f"the entry “{_short(entry.text)}”"
        case "strike":
            entry = incidents.entry_by_id(connection, payload["entry"])
            words = f"the line through “{_short(entry.text)}”"
        case "reword":
            words = f"the new text “{_short(payload['text'])}”"
        case "field":
            words = f"{payload['name'].replace('_', ' ')}: {_short(payload['value'])}"
        case changes.STATEMENT:
            words = f"{payload['statement']}: {_short(payload['value'])}"
        case "section":
            section = payload["section"].replace("_", " ")
            words = f"the text for {section} “{_short(payload['text'])}”"
        case "file":
            words = f"the file {changes.file_by_id(connection, payload['file']).name}"
        case "notice":
            # Loaded only here: every `log` uses this module, and few meet a notice that Docs
            # refused.

            words = f"the notice “{notices.notice_by_id(connection, payload['notice']).subject}”"
        case _:
            words = "the summary of what customers were told"
    return words


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _LONGEST_WORDS else words[: _LONGEST_WORDS - 1] + "…"


def _count(count: int) -> str:
    return "1 change is" if count == 1 else f"{count} changes are"
