"""From the ledger to the doc: the edit for each recorded change, its pictures and chips.

A picture is made public only if a person allowed it. Its state is stored beside the change that
waits for it:

- wanted → ready: published, and its address is known
- unseen → ready: an address that could not be read when it was given
- wanted, unseen, ready → (no picture): refused; the doc gets the link alone
- ready → withdraw → (no picture): published and refused by Docs; made private first

Docs fetches a picture once and keeps its own copy (reports on insertInlineImage). So the request to
make it private again is recorded with the picture, and carried out once the doc shows it.

A project or a tenant may lack a native part, such as a chip, and Docs then answers 400. That is
decided once for each doc: the ledger remembers it, and the same command continues with the part's
plain-text form.

The impact or the severity is computed from all its recorded updates. Edits that people made in the
doc by hand, and that the ledger doesn't have, are reported with a command to adopt them.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy.engine import Connection

from workflow.doc import notices
from workflow.document.blocks import (
    LARGEST_BYTES,
    Block,
    InlinePicture,
    NativePart,
    NotAPicture,
    Picture,
    blocks_from_text,
    look_at,
    native_part_of,
    native_parts_in,
    pictures_of,
)
from workflow.document.edits.action_items import file_blocks, with_chips
from workflow.document.edits.changes import (
    NOT_KNOWN,
    AddEntry,
    Change,
    FillSection,
    PutNotice,
    PutProposal,
    Restate,
    RewordEntry,
    SetField,
    StrikeEntry,
    field_shown,
    title_shown,
)
from workflow.document.edits.splice import SUPPORTING_DATA
from workflow.document.requests import NON_TEXT, Request, clean_text, incident_name
from workflow.document.template import Section, TemplateSections, parse_template
from workflow.document.typed import blocks_from_typed
from workflow.document.view import DocView
from workflow.google.faults import GoogleFault, Refused
from workflow.google.public_pictures import NotPublic
from workflow.ledger import changes, incidents
from workflow.ledger.changes import STATEMENT, KeptFile, RecordedChange
from workflow.ledger.incidents import DocRecord
from workflow.model import Incident, Statement, Status
from workflow.standing import doc_standing, notice_words
from workflow.workspace import Workspace

# --- Pictures and chips ---------------------------------------------------------------------------

PICTURE = "picture"
UNPUBLISH = "unpublish"
"""The kind of a change that makes a published picture private; it is not in the doc."""

_REFUSED = "refused"
# The id that Drive gives to every permission of `anyone` (seen in its answers).
_ANYONE = "anyoneWithLink"


class PictureState(StrEnum):
    """The state of a picture on its way into the doc."""

    WANTED = "wanted"
    UNSEEN = "unseen"
    READY = "ready"
    WITHDRAW = "withdraw"


def picture_payload(
    state: PictureState, uri: str = "", picture: Picture | None = None
) -> dict[str, Any]:
    """The stored record of a picture. `uri` is where Docs can fetch it, once known."""
    size = (picture.width, picture.height) if picture else (0, 0)
    return {"state": state.value, "uri": uri, "size": list(size)}


def inline_picture(change: RecordedChange) -> InlinePicture | None:
    """The picture that the doc must show for a change, if any."""
    kept = change.payload.get(PICTURE)
    return InlinePicture(kept["uri"], *kept["size"]) if kept else None


def is_settled(change: RecordedChange) -> bool:
    """Whether a change can go into the doc now, with or without its picture.

    Never for an `UNPUBLISH`.
    """
    if change.kind == UNPUBLISH:
        return False
    kept = change.payload.get(PICTURE)
    return kept is None or kept["state"] == PictureState.READY


def fetch_picture(workspace: Workspace, address: str) -> Picture:
    """The picture at a public address, as Docs would fetch it.

    Raises `NotPublic`, `NotAPicture`, and `Unreachable` if nobody answers.
    """
    return look_at(workspace.google.pictures.fetch(address, LARGEST_BYTES))


def settle_pictures(workspace: Workspace, incident_id: str, said: list[str]) -> GoogleFault | None:
    """Advance every waiting picture as far as possible. Returns the failure that stopped it."""
    try:
        for change, file in _waiting(workspace, incident_id):
            match PictureState(change.payload[PICTURE]["state"]):
                case PictureState.WANTED if file.url:
                    _publish(workspace, change, file, said)
                case PictureState.UNSEEN:
                    _look(workspace, change, file, said)
                case PictureState.WITHDRAW:
                    _withdraw(workspace, change, file)
    except GoogleFault as fault:
        return fault
    return None


def record_publication(connection: Connection, incident_id: str, change: RecordedChange) -> None:
    """Record that the picture of a change must be made private, once the doc has it."""
    wish = RecordedChange(
        _wish_id(change), UNPUBLISH, {"file": change.payload["file"]}, change.said_at
    )
    changes.record_change(connection, incident_id, wish)


def is_public_still(connection: Connection, file_id: str) -> bool:
    """Whether a published picture is still public, as far as we know."""
    wish_id = f"{UNPUBLISH}-{file_id}"
    refused = _REFUSED in changes.payload_of(connection, wish_id)
    return refused or not changes.is_done(connection, wish_id)


def make_private(workspace: Workspace, incident_id: str, said: list[str]) -> GoogleFault | None:
    """Make private each picture that Docs no longer needs. Returns the failure that stopped it.

    What Drive refuses is reported and not retried; else the request stays.
    """
    with workspace.ledger.read() as connection:
        pending = changes.pending_changes(connection, incident_id)
        needed = {change.payload["file"] for change in pending if PICTURE in change.payload}
        wishes = [
            (change, changes.file_by_id(connection, change.payload["file"]))
            for change in pending
            if change.kind == UNPUBLISH and change.payload["file"] not in needed
        ]
    for wish, file in wishes:
        try:
            _unshare(workspace, file)
        except Refused as refused:
            said.append(
                f"{_still_public(file)} {refused.sentence} Its owner can make it private in "
                f"Drive: {file.url}"
            )
            _note_refusal(workspace, wish, refused)
        except GoogleFault as fault:
            said.append(f"{_still_public(file)} To make it private: postmortem sync")
            return fault
        with workspace.ledger.write() as connection:
            changes.changes_done(connection, [wish.id], at=workspace.now())
    return None


def _note_refusal(workspace: Workspace, wish: RecordedChange, refused: Refused) -> None:
    with workspace.ledger.write() as connection:
        changes.set_payload(connection, wish.id, {**wish.payload, _REFUSED: refused.sentence})


def _still_public(file: KeptFile) -> str:
    return f"Anyone who has its link can still see {file.name}."


def _wish_id(change: RecordedChange) -> str:
    return f"{UNPUBLISH}-{change.payload['file']}"


def remember_refusal(
    workspace: Workspace,
    incident_id: str,
    refused: Refused,
    requests: Sequence[Request],
    said: list[str],
) -> bool:
    """Replace each picture that stopped a batch by its link; whether there were any.

    A picture that was published for this is made private first.
    """
    uris = pictures_of(requests, refused.request_index) if refused.status == 400 else frozenset()
    found = False
    for change, file in _with_picture(workspace, incident_id):
        if change.payload[PICTURE]["uri"] not in uris:
            continue
        found = True
        said.append(f"Google Docs could not show {file.name} as a picture. It is linked instead.")
        if file.drive_id:
            _keep(workspace, change, PictureState.WITHDRAW)
        else:
            _drop(workspace, change)
    return found


def _publish(workspace: Workspace, change: RecordedChange, file: KeptFile, said: list[str]) -> None:
    drive = workspace.google.drive
    try:
        drive.share(file.drive_id, "anyone", "", "reader")
    except Refused as refused:
        said.append(f"{file.name} was not made public, and is linked instead. {refused.sentence}")
        _drop(workspace, change)
        with workspace.ledger.write() as connection:
            changes.changes_done(connection, [_wish_id(change)], at=workspace.now())
        return
    kept = {**change.payload[PICTURE], "uri": drive.public_link(file.drive_id)}
    _write(workspace, change, {**kept, "state": PictureState.READY.value})


def _look(workspace: Workspace, change: RecordedChange, file: KeptFile, said: list[str]) -> None:
    try:
        found = fetch_picture(workspace, file.url)
    except (NotPublic, NotAPicture) as bad:
        said.append(f"{file.name} can't be shown as a picture, and is linked instead: {bad}")
        _drop(workspace, change)
    else:
        _write(workspace, change, picture_payload(PictureState.READY, file.url, found))


def _withdraw(workspace: Workspace, change: RecordedChange, file: KeptFile) -> None:
    _unshare(workspace, file)
    _drop(workspace, change)


def _unshare(workspace: Workspace, file: KeptFile) -> None:
    try:
        workspace.google.drive.unshare(file.drive_id, _ANYONE)
    except Refused as refused:
        if refused.status != 404:  # somebody made it private already
            raise


def _waiting(workspace: Workspace, incident_id: str) -> Iterator[tuple[RecordedChange, KeptFile]]:
    for change, file in _with_picture(workspace, incident_id):
        if not is_settled(change):
            yield change, file


def _with_picture(workspace: Workspace, incident_id: str) -> list[tuple[RecordedChange, KeptFile]]:
    with workspace.ledger.read() as connection:
        return [
            (change, changes.file_by_id(connection, change.payload["file"]))
            for change in changes.pending_changes(connection, incident_id)
            if PICTURE in change.payload
        ]


def _keep(workspace: Workspace, change: RecordedChange, state: PictureState) -> None:
    _write(workspace, change, {**change.payload[PICTURE], "state": state.value})


def _drop(workspace: Workspace, change: RecordedChange) -> None:
    _write(workspace, change, None)


def _write(workspace: Workspace, change: RecordedChange, kept: dict[str, Any] | None) -> None:
    others = {name: value for name, value in change.payload.items() if name != PICTURE}
    payload = others if kept is None else {**others, PICTURE: kept}
    with workspace.ledger.write() as connection:
        changes.set_payload(connection, change.id, payload)


def allowed_parts(workspace: Workspace, record: DocRecord) -> frozenset[NativePart]:
    """The chips that the doc may get: all or none, without the refused ones."""
    if not workspace.settings.config.native_chips:
        return frozenset()
    return frozenset(NativePart) - {NativePart(part) for part in record.refused_parts}


def remember_refused_chip(
    workspace: Workspace, incident_id: str, refused: Refused, requests: Sequence[Request]
) -> bool:
    """Record the native parts that a refusal is about; whether there are any.

    Google names the request that it stopped at; if it names none, it may be about any part.
    """
    parts = _parts_refused(refused, requests)
    if parts:
        with workspace.ledger.write() as connection:
            incidents.refuse_parts(connection, incident_id, parts)
    return bool(parts)


def _parts_refused(refused: Refused, requests: Sequence[Request]) -> frozenset[NativePart]:
    if refused.status != 400:
        return frozenset()
    index = refused.request_index
    if index is None or index >= len(requests):
        return native_parts_in(requests)
    part = native_part_of(requests[index])
    return frozenset({part}) if part else frozenset()


# --- Changes --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wanted:
    """The next edit of the doc. `ids` are the recorded changes, `facts` each notice's lines."""

    ids: tuple[str, ...]
    changes: tuple[Change, ...]
    sections: Sequence[Section]
    facts: dict[str, list[str]]


def wanted_changes(
    connection: Connection,
    incident: Incident,
    pending: list[RecordedChange],
    parts: frozenset[NativePart],
) -> Wanted:
    """The edit for the pending changes, from the ledger as it is now.

    Reads nothing that a timeline entry doesn't need: most runs bring only that.
    """
    source = incidents.doc_record(connection, incident.id).template_source
    facts: dict[str, list[str]] = {}
    found: list[Change] = []
    for change in pending:
        match change.kind:
            case "entry":
                entry = incidents.entry_by_id(connection, change.payload["entry"])
                markdown = bool(change.payload.get("markdown"))
                only = incidents.is_only_one(connection, incident.id, entry)
                found.append(AddEntry(entry, incident.zone, markdown, only))
            case "reword" | "strike":
                found.append(_correction(connection, incident, change))
            case "field":
                found.append(_field(connection, incident, change))
            case changes.STATEMENT:
                found.append(wanted_statement(connection, incident, change, source, pending))
            case "section":
                blocks = tuple(_section_blocks(incident, change, parts))
                only = changes.is_said_once(connection, incident.id, change)
                found.append(FillSection(change.id, change.payload["section"], blocks, only))
            case changes.SUMMARY:
                found += notice_words.wanted_summary(connection, incident)
            case "file":
                found.append(_file(connection, change, parts))
            case "notice" | changes.PROPOSAL:
                key, put = _notice_or_proposal(connection, incident, change)
                facts[key] = list(put.facts)
                found.append(put)
    ids = tuple(change.id for change in pending)
    return Wanted(ids, tuple(found), TemplateSections(source), facts)


def _notice_or_proposal(
    connection: Connection, incident: Incident, change: RecordedChange
) -> tuple[str, PutNotice | PutProposal]:
    """A notice or a plan for the doc, and the key of its facts in `Wanted`."""
    if change.kind == changes.PROPOSAL:
        proposed = notices.wanted_proposal(connection, incident, change.payload["plan"])
        return f"{changes.PROPOSAL}-{proposed.id}", proposed
    put = notices.wanted_notice(connection, incident, change.payload["notice"])
    return put.id, put


def _section_blocks(
    incident: Incident, change: RecordedChange, parts: frozenset[NativePart]
) -> list[Block]:
    """A section's text; unformatted with `--plain`, or if an old version recorded it."""
    text = change.payload["text"]
    if not change.payload.get("markdown"):
        return blocks_from_text(text)
    return [with_chips(block, incident.zone, parts) for block in blocks_from_typed(text)]


def _file(
    connection: Connection, change: RecordedChange, parts: frozenset[NativePart]
) -> FillSection:
    file = changes.file_by_id(connection, change.payload["file"])
    picture = inline_picture(change)
    content = b"" if change.payload.get(changes.LINK_ALONE) else file.content
    blocks = file_blocks(file.name, file.caption, file.url, content, parts, picture)
    return FillSection(change.id, SUPPORTING_DATA, tuple(blocks))


def _correction(
    connection: Connection, incident: Incident, change: RecordedChange
) -> RewordEntry | StrikeEntry:
    """The entry as it is now, with every earlier wording to recognize our text in the doc."""
    entry = incidents.entry_by_id(connection, change.payload["entry"])
    rewords = [
        each.payload
        for each in changes.changes_of_kind(connection, incident.id, "reword")
        if each.payload["entry"] == entry.id
    ]
    earlier = tuple(each["was"] for each in rewords)
    if change.kind == "strike":
        return StrikeEntry(change.id, entry, incident.zone, earlier)
    markdown = bool(rewords[-1].get("markdown"))
    return RewordEntry(change.id, entry, incident.zone, earlier, markdown)


def _field(connection: Connection, incident: Incident, change: RecordedChange) -> SetField:
    """The field's last value, whatever the order in the journal: fields have no history."""
    name = change.payload["name"]
    recorded = [
        each.payload["value"]
        for each in changes.changes_of_kind(connection, incident.id, "field")
        if each.payload["name"] == name
    ]
    if name == "status":  # the last status announced, not the last one recorded
        labels = [status.label for status in Status]
        return SetField(name, incident.status.label, (NOT_KNOWN, *labels))
    return SetField(name, recorded[-1], (NOT_KNOWN, *recorded))


def wanted_statement(
    connection: Connection,
    incident: Incident,
    change: RecordedChange,
    template_source: str,
    pending: Sequence[RecordedChange],
) -> Restate:
    """The statement's last value, wherever this change is in the journal.

    Earlier values help to recognize our text in the doc. `template_source` is the Markdown of the
    doc's template. `pending` are all changes that the doc lacks, in their order.
    """
    statement = Statement(change.payload["statement"])
    recorded = statements_of(connection, incident.id, statement)
    earlier = [value for each in recorded for value in (each.payload["was"], each.payload["value"])]
    last = recorded[-1].payload["value"]
    template = parse_template(template_source)
    # The title is also in the doc's identity line, and so is the start.
    is_identity = statement in {Statement.TITLE, Statement.STARTED}
    identity = incident_name(incident) if is_identity else ""
    waiting = {one.id for one in pending}
    is_first = not next(each.payload["was"] for each in recorded if each.id in waiting)
    return Restate(statement, last, tuple(dict.fromkeys(earlier)), template, identity, is_first)


def statements_of(
    connection: Connection, incident_id: str, statement: Statement
) -> list[RecordedChange]:
    """Every update of a statement, in the order they were made."""
    return [
        each
        for each in changes.changes_of_kind(connection, incident_id, changes.STATEMENT)
        if each.payload["statement"] == statement.value
    ]


def hand_edits(view: DocView, incident: Incident, pending: Iterable[RecordedChange]) -> list[str]:
    """A sentence for a title or owner edited by hand, with the command to adopt the edit.

    Nothing is adopted automatically. A `pending` change is about to be written and isn't reported.
    """
    waiting = {one.payload.get("statement") for one in pending if one.kind == STATEMENT}
    found = []
    title = title_shown(view)
    held = incident.variables.get("title", incident.title)
    if title and clean_text(held).strip() not in title and Statement.TITLE.value not in waiting:
        found.append(_offer("title", title, held))
    owner = field_shown(view, "owner")
    held = incident.variables.get("owner", incident.owner)
    is_text = owner and NON_TEXT not in owner  # a person chip is left to people
    if is_text and owner != clean_text(held).strip() and Statement.OWNER.value not in waiting:
        found.append(_offer("owner", owner, held))
    return found


def _offer(what: str, shown: str, held: str) -> str:
    command = f"postmortem edit --{what} {shlex.quote(shown)}"
    return doc_standing.value_in_doc(what, shown, held or "nobody", command)
