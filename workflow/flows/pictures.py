"""Pictures that the doc is to show: made public where a person said so, and never else.

What becomes of a picture stands beside the change that waits for it:

    wanted → ready                        published, and where it can be had is known
    unseen → ready                        an address that could not be looked at when it was given
    wanted, unseen, ready → (no picture)  refused: the doc gets the link alone
    ready → withdraw → (no picture)       published and refused by Docs: taken back first
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any

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
    """Whether the doc can have a change now, with its picture or without."""
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
    try:
        workspace.google.drive.unshare(file.drive_id, _ANYONE)
    except Refused as refused:
        if refused.status != 404:  # somebody took it back already
            raise
    _drop(workspace, change)


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
