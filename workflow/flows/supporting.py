"""Supporting data: a file goes to Drive, and the doc gets a line about it."""

from __future__ import annotations

import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from workflow.flows.doc import Brought, bring_to_doc
from workflow.flows.faults import BadInput
from workflow.flows.pictures import (
    PICTURE,
    PictureState,
    fetch_picture,
    is_public_still,
    picture_payload,
    record_publication,
)
from workflow.flows.workspace import Workspace, new_id
from workflow.google.faults import Unreachable
from workflow.google.public_pictures import NotPublic
from workflow.incident import Incident
from workflow.ledger import changes, files
from workflow.ledger.changes import RecordedChange
from workflow.ledger.files import KeptFile
from workflow.picture import NotAPicture, look_at

_LARGEST_BYTES = 20 * 1024 * 1024  # kept in the ledger, which is no place for more


@dataclass(frozen=True)
class Attached:
    """A file that was taken, whether the doc shows it as a picture, and how far the doc is.

    `is_public` is whether anyone who has its link can see it, because this program let them.
    """

    file: KeptFile
    is_picture: bool
    brought: Brought
    is_public: bool = False


def attach(workspace: Workspace, path: Path, caption: str = "") -> Attached:
    """Keep a file as it is now, upload it to the incident's folder and name it in the doc.

    Who may see it follows from the folder; it is never made public. Raises `BadInput` for a file
    that can't be read, is empty or larger than 20 MB.
    """
    return _record(workspace, workspace.incident(), _kept(path, _read(path), caption), {})


def attach_published(workspace: Workspace, path: Path, caption: str = "") -> Attached:
    """`attach`, and let anyone who has the link see the file until the doc has its own copy.

    Whoever calls this has asked the person. Raises `BadInput` as `publishable` does.
    """
    content = publishable(path)
    picture = picture_payload(PictureState.WANTED, picture=look_at(content))
    file = _kept(path, content, caption)
    return _record(workspace, workspace.incident(), file, {PICTURE: picture})


def publishable(path: Path) -> bytes:
    """A file that the doc could show, were it public. Raises `BadInput` for any other."""
    content = _read(path)
    try:
        look_at(content)
    except NotAPicture as bad:
        raise BadInput(f"{path} {bad}. Without --publish it is attached as a link.") from bad
    return content


def attach_address(workspace: Workspace, address: str, caption: str = "") -> Attached:
    """Show the picture at a public address in the doc; nothing is uploaded.

    Where nobody answers now it is recorded, and looked at before it goes into the doc. Raises
    `BadInput` for an address that is not public or where there is no picture that Docs takes.
    """
    incident = workspace.incident()
    shown = _without_secrets(address)
    try:
        workspace.google.pictures.check_address(address)
        picture = picture_payload(PictureState.READY, address, fetch_picture(workspace, address))
    except NotPublic as bad:
        raise BadInput(f"{shown}: {bad}") from bad
    except NotAPicture as bad:
        raise BadInput(f"{shown} {bad}. A link is logged by: log TEXT --link URL") from bad
    except Unreachable:
        picture = picture_payload(PictureState.UNSEEN, address)
    name = unquote(PurePosixPath(urlsplit(address).path).name) or str(urlsplit(address).hostname)
    media_type = mimetypes.guess_type(name)[0] or "image/*"
    # It is where it is: an address of its own, no bytes, nothing to upload.
    file = KeptFile(new_id(10), name, media_type, caption.strip(), b"", url=address)
    return _record(workspace, incident, file, {PICTURE: picture})


def _record(
    workspace: Workspace, incident: Incident, file: KeptFile, more: dict[str, Any]
) -> Attached:
    payload = {"file": file.id, **more}
    is_published = PICTURE in more and not file.url  # an address is public by itself
    change = RecordedChange(f"file-{file.id}", "file", payload, workspace.now())
    with workspace.ledger.write() as connection:
        files.add_file(connection, incident.id, file)
        changes.record_change(connection, incident.id, change)
        if is_published:
            record_publication(connection, incident.id, change)
    brought = bring_to_doc(workspace, incident.id)
    with workspace.ledger.read() as connection:
        is_picture = PICTURE in changes.payload_of(connection, change.id)
        is_public = is_published and is_public_still(connection, change)
        return Attached(files.file_by_id(connection, file.id), is_picture, brought, is_public)


def _without_secrets(address: str) -> str:
    """An address as an error may show it: a name, a password and a query may let somebody in."""
    return re.sub(r"//[^/]*@", "//", address.partition("?")[0])


def _kept(path: Path, content: bytes, caption: str) -> KeptFile:
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return KeptFile(new_id(10), path.name, media_type, caption.strip(), content)


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > _LARGEST_BYTES:
            raise BadInput(
                f"{path} has {size / 1024 / 1024:.0f} MB; 20 MB is the most. Put it into Drive "
                'yourself and link to it: postmortem section supporting-data "…"'
            )
        content = path.read_bytes()
    except OSError as fault:
        raise BadInput(f"{path} can't be read: {fault.strerror}.") from fault
    if not content:
        raise BadInput(f"{path} is empty. Nothing was recorded.")
    return content
