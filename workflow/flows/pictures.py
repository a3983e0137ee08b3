"""Pictures that the doc is to show: made public where a person said so, and never else.

What becomes of a picture stands beside the change that waits for it:

    wanted → ready                        published, and where it can be had is known
    unseen → ready                        an address that could not be looked at when it was given
    wanted, unseen, ready → (no picture)  refused: the doc gets the link alone
    ready → withdraw → (no picture)       published and refused by Docs: taken back first

Docs fetches a picture once and keeps its own copy (reports on insertInlineImage). So the wish to
make it private again is written down with the picture, and carried out once the doc shows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy.engine import Connection

from workflow.document.pictures import InlinePicture, pictures_of
from workflow.document.requests import Request
from workflow.flows.workspace import Workspace
from workflow.google.faults import GoogleFault, Refused
from workflow.google.public_pictures import NotPublic
from workflow.ledger import changes, files
from workflow.ledger.changes import RecordedChange
from workflow.ledger.files import KeptFile
from workflow.picture import LARGEST_BYTES, NotAPicture, Picture, look_at

PICTURE = "picture"
UNPUBLISH = "unpublish"
"""The kind of a change that takes back what let Docs fetch a picture; it is not in the doc."""

_REFUSED = "refused"
# The id that Drive gives to every permission of `anyone` (seen in its answers).
_ANYONE = "anyoneWithLink"


class PictureState(StrEnum):
    """How far a picture has come on its way into the doc."""

    WANTED = "wanted"
    UNSEEN = "unseen"
    READY = "ready"
    WITHDRAW = "withdraw"


def picture_payload(
    state: PictureState, uri: str = "", picture: Picture | None = None
) -> dict[str, Any]:
    """What is kept of a picture beside its change. `uri` is where Docs can have it, once known."""
    size = (picture.width, picture.height) if picture else (0, 0)
    return {"state": state.value, "uri": uri, "size": list(size)}


def inline_picture(change: RecordedChange) -> InlinePicture | None:
    """The picture that the doc is to show for a change, if it is to show one."""
    kept = change.payload.get(PICTURE)
    return InlinePicture(kept["uri"], *kept["size"]) if kept else None


def is_settled(change: RecordedChange) -> bool:
    """Whether the doc can have a change now, with its picture or without; never an `UNPUBLISH`."""
    if change.kind == UNPUBLISH:
        return False
    kept = change.payload.get(PICTURE)
    return kept is None or kept["state"] == PictureState.READY


def fetch_picture(workspace: Workspace, address: str) -> Picture:
    """The picture at a public address, as Docs would get it.

    Raises `NotPublic`, `NotAPicture`, and `Unreachable` where nobody answers.
    """
    return look_at(workspace.google.pictures.fetch(address, LARGEST_BYTES))


def settle_pictures(workspace: Workspace, incident_id: str, said: list[str]) -> GoogleFault | None:
    """Bring every picture that waits as far as it goes; the fault that stopped it."""
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
    """Write down that the picture of a change is to be private again, once the doc has it."""
    wish = RecordedChange(
        _wish_id(change), UNPUBLISH, {"file": change.payload["file"]}, change.said_at
    )
    changes.record_change(connection, incident_id, wish)


def is_public_still(connection: Connection, change: RecordedChange) -> bool:
    """Whether the picture of a change is public for all that is known."""
    refused = _REFUSED in changes.payload_of(connection, _wish_id(change))
    return refused or not changes.is_done(connection, _wish_id(change))


def make_private(workspace: Workspace, incident_id: str, said: list[str]) -> GoogleFault | None:
    """Take back each publication that Docs has no more need of; the fault that stopped it.

    What Drive plainly refuses is told and not tried again; else the wish stays.
    """
    with workspace.ledger.read() as connection:
        pending = changes.pending_changes(connection, incident_id)
        needed = {change.payload["file"] for change in pending if PICTURE in change.payload}
        wishes = [
            (change, files.file_by_id(connection, change.payload["file"]))
            for change in pending
            if change.kind == UNPUBLISH and change.payload["file"] not in needed
        ]
    for wish, file in wishes:
        try:
            _unshare(workspace, file)
        except Refused as refused:
            said.append(
                f"{_still_public(file)} {refused.sentence} In Drive its owner can take that "
                f"away: {file.url}"
            )
            _note_refusal(workspace, wish, refused)
        except GoogleFault as fault:
            said.append(f"{_still_public(file)} postmortem sync takes that back.")
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
    """Let each picture that a refused batch was stopped by be a link; whether there were any.

    One that was published for this is taken back before the doc goes on.
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
        if refused.status != 404:  # somebody took it back already
            raise


def _waiting(workspace: Workspace, incident_id: str) -> Iterator[tuple[RecordedChange, KeptFile]]:
    for change, file in _with_picture(workspace, incident_id):
        if not is_settled(change):
            yield change, file


def _with_picture(workspace: Workspace, incident_id: str) -> list[tuple[RecordedChange, KeptFile]]:
    with workspace.ledger.read() as connection:
        return [
            (change, files.file_by_id(connection, change.payload["file"]))
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
