"""Supporting data: a file is uploaded to Drive, and the doc gets a line about it."""

from __future__ import annotations

import mimetypes
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from workflow.doc.changes import (
    PICTURE,
    PictureState,
    fetch_picture,
    is_public_still,
    picture_payload,
    record_publication,
)
from workflow.doc.push import Brought, bring_to_doc
from workflow.document.blocks import NotAPicture, look_at
from workflow.errors import BadInput, why_refused
from workflow.google.faults import Unreachable
from workflow.google.public_pictures import NotPublic
from workflow.ledger import changes
from workflow.ledger.changes import KeptFile, RecordedChange, Run
from workflow.model import Incident
from workflow.same_command import record_run
from workflow.workspace import Workspace, new_id

_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}")
_LARGEST_BYTES = 20 * 1024 * 1024  # kept in the ledger, which shouldn't hold larger files


@dataclass(frozen=True)
class Attached:
    """An attached file, whether the doc shows it as a picture, and the state of the doc.

    `is_public`: this program let anyone with the link see it.
    """

    file: KeptFile
    is_picture: bool
    brought: Brought
    is_public: bool = False


def fingerprint(path: Path) -> str:
    """A hash of the file's current content. Raises `BadInput` as `attach` does."""
    return sha256(_read(path)).hexdigest()


def attach(
    workspace: Workspace, path: Path, caption: str = "", *, link_alone: bool = False
) -> Attached:
    """Keep a file as it is now, upload it to the incident's folder and name it in the doc.

    With `link_alone` the doc links it without its content. The folder decides who may see it; it is
    never made public. Raises `BadInput` for a file that can't be read, is empty or larger than 20
    MB.
    """
    more = {changes.LINK_ALONE: True} if link_alone else {}
    return _record(workspace, workspace.incident(), _kept(path, _read(path), caption), more)


def addresses_in(workspace: Workspace, path: Path) -> int:
    """The number of mail addresses in a file, without the team's own; 0 for a binary file.

    Raises `BadInput` for a file that can't be read.
    """
    config = workspace.settings.config
    own = {domain.casefold() for domain in config.own_domains}
    given = " ".join((config.support, config.reply_to, *config.senders)).casefold()
    found = {match.casefold() for match in _ADDRESS.findall(_words_of(_read(path)))}
    return sum(each not in given and each.rpartition("@")[2] not in own for each in found)


def holds_words(name: str, count: int) -> str:
    """A sentence: a file holds mail addresses, so it is linked without its content."""
    return f"{holds(name, count)}: the doc has only a link to it."


def holds(name: str, count: int) -> str:
    """The number of mail addresses in a file, in words without a full stop."""
    return f"{name} holds {'1 email address' if count == 1 else f'{count:,} email addresses'}"


def _words_of(content: bytes) -> str:
    """A file's text, to search for addresses: they are ASCII in every usual encoding."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    return content.decode("utf-8", "replace") if b"\x00" not in content else ""


def record_text(workspace: Workspace, text: str) -> str:
    """Keep typed or pasted text as a file that the doc only links; returns its name.

    It reaches the doc with the incident's next change.
    """
    incident, now = workspace.incident(), workspace.now()
    name = f"pasted-{now.astimezone(incident.zone):%Y-%m-%d-%H%M%S}.txt"
    file = KeptFile(new_id(10), name, "text/plain", "", text.encode("utf-8", "replace"))
    payload = {"file": file.id, changes.LINK_ALONE: True}
    with workspace.ledger.write() as connection:
        changes.add_file(connection, incident.id, file)
        change = RecordedChange(f"file-{file.id}", "file", payload, now)
        changes.record_change(connection, incident.id, change)
    return name


def attach_published(workspace: Workspace, path: Path, caption: str = "") -> Attached:
    """Attach a picture, and make it public by link until the doc has its own copy.

    The caller has asked the person. Raises `BadInput` as `publishable` does.
    """
    content = publishable(path)
    picture = picture_payload(PictureState.WANTED, picture=look_at(content))
    file = _kept(path, content, caption)
    return _record(workspace, workspace.incident(), file, {PICTURE: picture})


def publishable(path: Path) -> bytes:
    """The content of a file that the doc could show if public. Raises `BadInput` for others."""
    content = _read(path)
    try:
        look_at(content)
    except NotAPicture as bad:
        raise BadInput(f"{path} {bad}. Without --publish it is attached as a link.") from bad
    return content


def attach_address(workspace: Workspace, address: str, caption: str = "") -> Attached:
    """Show the picture at a public address in the doc; nothing is uploaded.

    If nobody answers now, it is recorded, and checked before it goes into the doc. Raises
    `BadInput` for an address that isn't public, or without a picture that Docs takes.
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
    # The picture stays at its address: no bytes, nothing to upload.
    file = KeptFile(new_id(10), name, media_type, caption.strip(), b"", url=address)
    return _record(workspace, incident, file, {PICTURE: picture})


def _record(
    workspace: Workspace, incident: Incident, file: KeptFile, more: dict[str, Any]
) -> Attached:
    payload = {"file": file.id, **more}
    is_published = PICTURE in more and not file.url  # an address is public by itself
    change = RecordedChange(f"file-{file.id}", "file", payload, workspace.now())
    with workspace.ledger.write() as connection:
        changes.add_file(connection, incident.id, file)
        changes.record_change(connection, incident.id, change)
        if is_published:
            record_publication(connection, incident.id, change)
        record_run(connection, workspace, incident.id, change=change.id, is_published=is_published)
    return _attached(workspace, incident.id, change.id, is_published=is_published)


def attached_by(workspace: Workspace, run: Run) -> Attached:
    """Finish an earlier `attach`: bring its file to Drive and the doc if needed."""
    made = run.made
    return _attached(workspace, run.incident_id, made["change"], is_published=made["is_published"])


def _attached(
    workspace: Workspace, incident_id: str, change_id: str, *, is_published: bool
) -> Attached:
    brought = bring_to_doc(workspace, incident_id)
    with workspace.ledger.read() as connection:
        payload = changes.payload_of(connection, change_id)
        file = changes.file_by_id(connection, payload["file"])
        is_public = is_published and is_public_still(connection, file.id)
        return Attached(file, PICTURE in payload, brought, is_public)


def _without_secrets(address: str) -> str:
    """An address without user name, password and query, which may grant access."""
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
        raise BadInput(f"{path} can't be read: {why_refused(fault)}.") from fault
    if not content:
        raise BadInput(f"{path} is empty. Nothing was recorded.")
    return content
