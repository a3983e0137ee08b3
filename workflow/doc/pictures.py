"""Pictures and chips in the doc, and the fallback if Docs refuses one.

A picture is made public only if a person allowed it. Its state is stored beside the change that
waits for it:

wanted → ready                        published, and its address is known unseen → ready
an address that could not be read when it was given wanted, unseen, ready → (no picture)  refused:
the doc gets the link alone ready → withdraw → (no picture)       published and refused by Docs:
made private first

Docs fetches a picture once and keeps its own copy (reports on insertInlineImage). So the request to
make it private again is recorded with the picture, and carried out once the doc shows it.

A project or a tenant may lack a native part, such as a chip, and Docs then answers 400. That is
decided once for each doc: the ledger remembers it, and the same command continues with the part's
plain-text form.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy.engine import Connection

from workflow.document.blocks import (
    LARGEST_BYTES,
    InlinePicture,
    NativePart,
    NotAPicture,
    Picture,
    look_at,
    native_part_of,
    native_parts_in,
    pictures_of,
)
from workflow.document.requests import Request
from workflow.google.faults import GoogleFault, Refused
from workflow.google.public_pictures import NotPublic
from workflow.ledger import changes, incidents
from workflow.ledger.changes import KeptFile, RecordedChange
from workflow.ledger.incidents import DocRecord
from workflow.workspace import Workspace

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
