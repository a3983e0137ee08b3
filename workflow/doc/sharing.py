"""Access to the doc: sharing, locking, and other people's suggestions.

Drive keeps only the last of several permission changes at once, so sharing goes one by one. A lock
or unlock is a change like any other, recorded before Drive is asked: a lock comes after everything
that the doc must show, an unlock before it. If somebody's suggestion blocks an edit, its author is
named as far as Google tells.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, cast

from sqlalchemy.engine import Connection

from workflow.doc import push
from workflow.document.edits.changes import LeftAlone
from workflow.errors import BadInput
from workflow.google.client import Json
from workflow.google.drive import Role, Who
from workflow.google.faults import GoogleFault, Refused, SignInNeeded, Undecided
from workflow.ledger import changes, incidents
from workflow.ledger.changes import RecordedChange
from workflow.ledger.incidents import Share, ShareState
from workflow.model import Incident, moment_text
from workflow.workspace import Workspace, new_id

if TYPE_CHECKING:
    from workflow.doc.push import Brought


_ROLES = {"reader": "reader", "commenter": "commenter", "writer": "writer", "editor": "writer"}
# An address as mail programs copy it: `Ann Lee <ann@example.com>`.
_NAMED = re.compile(r"^[^<>]*<(?:mailto:)?(?P<address>[^<>\s]+@[^<>\s]+)>")
_WAITING = (ShareState.PENDING, ShareState.ASKED)


@dataclass(frozen=True)
class Target:
    """A party to share with. `address` is an email address, or a domain."""

    kind: Who
    address: str


@dataclass(frozen=True)
class Shared:
    """The result of sharing: the state of each named person, and of the doc."""

    shares: tuple[Share, ...]
    brought: Brought


def parse_share(text: str, usual_role: Role = "writer") -> Share:
    """Parse `ann@example.com`, `group:team@example.com:reader` or `example.com:commenter`.

    The role is `usual_role` unless it is named. Raises `BadInput`.
    """
    words = _NAMED.sub(r"\g<address>", text.strip())
    head, _, last = words.rpartition(":")
    role: str = usual_role
    if head and head.lower() != "group":
        words = head
        role = _ROLES.get(last.lower(), "")
        if not role:
            raise BadInput(
                f"{text}: {last!r} is not a role. Roles are reader, commenter and writer."
            )
    target = target_of(words)
    name = target.address
    if (
        " " in name
        or "." not in name.rpartition("@")[2]
        or name.startswith("@")
        or not name.isprintable()
    ):
        raise BadInput(
            f"{name!r} is neither an email address nor a domain. "
            "Write it like ann@example.com, group:team@example.com:reader or example.com."
        )
    return Share(words, role)


def is_waiting(share: Share) -> bool:
    """Whether a share is still to be granted or removed."""
    return share.state in {*_WAITING, ShareState.LEAVING}


def target_of(who: str) -> Target:
    """The kind of address that `who` is."""
    prefix, _, rest = who.partition(":")
    if prefix.lower() == "group":
        return Target("group", rest)
    return Target("user" if "@" in who else "domain", who)


def share_with(workspace: Workspace, who: Sequence[str], *, notify: bool = False) -> Shared:
    """Share the incident's doc with more people, or with another role, through Drive.

    `notify` lets Google write to them. Raises `BadInput` before anything is recorded.
    """
    wanted = [replace(parse_share(each), notify=notify) for each in who]
    incident = workspace.incident()
    with workspace.ledger.write() as connection:
        for share in wanted:
            incidents.want_share(connection, incident.id, share)
    return _brought(workspace, incident.id, [share.who for share in wanted])


def unshare(workspace: Workspace, who: str) -> Shared:
    """Stop sharing the incident's doc with a person. Raises `BadInput` if it was not shared."""
    incident = workspace.incident()
    named = parse_share(who).who
    with workspace.ledger.write() as connection:
        wanted = incidents.wanted_shares(connection, incident.id)
        known = next((one for one in wanted if one.who.casefold() == named.casefold()), None)
        if known is None:
            names = ", ".join(one.who for one in wanted if one.state is not ShareState.LEFT)
            raise BadInput(
                f"This program did not share the doc with {named}. It did with: "
                f"{names or 'nobody'}. Remove others in Google Docs, under Share."
            )
        incidents.set_share(connection, incident.id, known.who, state=ShareState.LEAVING)
    return _brought(workspace, incident.id, [known.who])


def _brought(workspace: Workspace, incident_id: str, who: Sequence[str]) -> Shared:
    brought = push.bring_to_doc(workspace, incident_id)
    return Shared(tuple(share for share in brought.shared if share.who in who), brought)


def share_doc(workspace: Workspace, incident_id: str) -> None:
    """Carry out the pending shares and removals of the doc.

    A refusal is recorded and does not stop the rest. Raises `GoogleFault` if Google can't be asked
    at all; the others stay pending.
    """
    with workspace.ledger.read() as connection:
        incident = incidents.incident_by_id(connection, incident_id)
        wanted = incidents.wanted_shares(connection, incident_id)
    if not incident.doc_id:
        return
    for share in (each for each in wanted if each.state is ShareState.LEAVING):
        _take_off(workspace, incident_id, incident.doc_id, share)
    waiting = [share for share in wanted if share.state in _WAITING]
    if not waiting:
        return
    present: list[Json] | None = None
    if any(share.state is ShareState.ASKED or share.changed for share in waiting):
        present = workspace.google.drive.permissions(incident.doc_id)
    for share in waiting:
        held = _permission(share, present or [])
        if held is not None and held.get("role") in {share.role, "owner"}:
            _write_down(workspace, incident_id, share, ShareState.DONE)
        elif held is not None and share.changed:
            _change_role(workspace, incident_id, incident.doc_id, share, str(held["id"]))
        elif held is not None:
            _write_down(workspace, incident_id, share, ShareState.DONE)
        else:
            _share_one(workspace, incident_id, incident.doc_id, share)


def _share_one(workspace: Workspace, incident_id: str, doc_id: str, share: Share) -> None:
    target = target_of(share.who)
    mail = "" if share.notify or workspace.settings.config.share_notify else None
    _write_down(workspace, incident_id, share, ShareState.ASKED)
    try:
        workspace.google.drive.share(
            doc_id, target.kind, target.address, cast("Role", share.role), mail=mail
        )
    except (Refused, SignInNeeded) as fault:
        # "Shared, but the mail could not be sent" is a refusal too: check who has access.
        if is_among(share, workspace.google.drive.permissions(doc_id)):
            _write_down(workspace, incident_id, share, ShareState.DONE)
            return
        why = _why_refused(fault, share, is_mailed=mail is not None)
        _write_down(workspace, incident_id, share, ShareState.REFUSED, why)
    except Undecided:
        raise
    except GoogleFault:
        _write_down(workspace, incident_id, share, ShareState.PENDING)
        raise
    else:
        _write_down(workspace, incident_id, share, ShareState.DONE)


def _why_refused(fault: Refused | SignInNeeded, share: Share, *, is_mailed: bool) -> str:
    """Google's sentence; if only an invitation by mail would help, how to send it.

    Drive refuses an address without a Google account unless it may write to it (several reports).
    """
    if fault.reason != "invalidSharingRequest" or is_mailed or "@" not in share.who:
        return fault.sentence
    return (
        f"{fault.sentence} If {share.who} has no Google account, let Google send its invitation: "
        f"postmortem share {share.who}:{share.role} --notify"
    )


def _change_role(
    workspace: Workspace, incident_id: str, doc_id: str, share: Share, permission_id: str
) -> None:
    """Change a person's role: sharing again would keep the higher one."""
    try:
        workspace.google.drive.set_role(doc_id, permission_id, cast("Role", share.role))
    except (Refused, SignInNeeded) as fault:
        _write_down(workspace, incident_id, share, ShareState.REFUSED, fault.sentence)
    else:
        _write_down(workspace, incident_id, share, ShareState.DONE)


def _take_off(workspace: Workspace, incident_id: str, doc_id: str, share: Share) -> None:
    held = _permission(share, workspace.google.drive.permissions(doc_id))
    try:
        if held is not None:
            workspace.google.drive.unshare(doc_id, str(held["id"]))
    except Refused as fault:
        if fault.status != 404:
            _write_down(workspace, incident_id, share, ShareState.DONE, fault.sentence)
            return
    _write_down(workspace, incident_id, share, ShareState.LEFT)


def is_among(share: Share, present: list[Json]) -> bool:
    """Whether a file's `present` permissions already give the person access."""
    return _permission(share, present) is not None


def _permission(share: Share, present: list[Json]) -> Json | None:
    address = target_of(share.who).address.casefold()
    for each in present:
        names = {each.get("emailAddress", ""), each.get("domain", "")}
        if address in {name.casefold() for name in names}:
            return each
    return None


def _write_down(
    workspace: Workspace, incident_id: str, share: Share, state: ShareState, error: str = ""
) -> None:
    with workspace.ledger.write() as connection:
        incidents.set_share(connection, incident_id, share.who, state=state, error=error)


LOCK, UNLOCK = "lock", "unlock"
LOCK_KINDS = frozenset({LOCK, UNLOCK})

# How Docs answers an edit of a locked doc (nodejs client, issue 3437: for a sheet).
_NO_EDIT = (403, "docs.documents.batchUpdate")


def wish_to_lock_or_unlock(
    connection: Connection, workspace: Workspace, incident_id: str, kind: str
) -> None:
    """Record that the doc should be locked or unlocked; replaces an earlier request."""
    now = workspace.now()
    changes.changes_done(connection, [each.id for each in _wishes(connection, incident_id)], at=now)
    change = RecordedChange(f"{kind}-{new_id(10)}", kind, {}, now)
    changes.record_change(connection, incident_id, change)


def lock_was_wished(connection: Connection, incident_id: str) -> bool:
    """Whether a lock of the doc is requested and not done yet."""
    return any(wish.kind == LOCK for wish in _wishes(connection, incident_id))


def lock_or_unlock(workspace: Workspace, incident_id: str, kind: str, said: list[str]) -> None:
    """Lock or unlock the doc if requested and not done yet.

    What Drive refuses is reported and not retried. Raises other kinds of `GoogleFault`; then the
    request stays.
    """
    with workspace.ledger.read() as connection:
        wishes = [each for each in _wishes(connection, incident_id) if each.kind == kind]
        incident = incidents.incident_by_id(connection, incident_id)
    if not wishes:
        return
    try:
        (_lock if kind == LOCK else _unlock)(workspace, incident)
    except Refused as refused:
        said.append(_REFUSED[kind].format(why=refused.sentence))
    with workspace.ledger.write() as connection:
        changes.changes_done(connection, [wish.id for wish in wishes], at=workspace.now())


def _lock(workspace: Workspace, incident: Incident) -> None:
    """Lock the doc. It counts as locked from before the call: the answer may be lost."""
    _remember(workspace, incident, workspace.now())
    try:
        workspace.google.drive.lock(incident.doc_id, _reason(incident))
    except Undecided:
        raise
    except GoogleFault:
        _remember(workspace, incident, None)
        raise


def _unlock(workspace: Workspace, incident: Incident) -> None:
    workspace.google.drive.unlock(incident.doc_id)
    _remember(workspace, incident, None)


def _remember(workspace: Workspace, incident: Incident, locked_at: datetime | None) -> None:
    with workspace.ledger.write() as connection:
        incidents.set_locked(connection, incident.id, locked_at)


def told_of_lock(fault: GoogleFault, before: Incident, now: Incident) -> GoogleFault:
    """Explain a failure for a doc that we locked: Docs only says that it can't be edited.

    `before` is the incident when the command began.
    """
    if not isinstance(fault, Refused) or (fault.status, fault.method) != _NO_EDIT:
        return fault
    if now.locked_at is not None:
        when = moment_text(now.locked_at, now.zone)
        words = f"The doc was locked at {when}. To unlock it: postmortem reopen"
    elif before.locked_at is not None:
        words = "The doc was unlocked just now. Google may need some minutes."
    else:
        return fault
    return Refused(
        words, status=fault.status, reason=fault.reason, detail=fault.detail, method=fault.method
    )


def _wishes(connection: Connection, incident_id: str) -> list[RecordedChange]:
    pending = changes.pending_changes(connection, incident_id)
    return [change for change in pending if change.kind in LOCK_KINDS]


def _reason(incident: Incident) -> str:
    when = incident.closed_at
    closed = f" on {moment_text(when, incident.zone)}" if when else ""
    return f"The incident was closed{closed}. To unlock the doc: postmortem reopen"


_REFUSED = {
    LOCK: "The doc is not locked: {why} Ask its owner to lock it, or try again: postmortem close "
    "--lock",
    UNLOCK: "The doc could not be unlocked: {why} Ask its owner to unlock it in Google Docs.",
}


_LONGEST = 60  # characters of a text to show


def left_alone_words(
    workspace: Workspace, doc_id: str, left_alone: Sequence[LeftAlone]
) -> list[str]:
    """A sentence for each text that was left alone, with the person's next step."""
    authors = _authors(workspace, doc_id)
    return [_words(left, authors) for left in left_alone]


def _words(left: LeftAlone, authors: Mapping[str, str]) -> str:
    names = dict.fromkeys(authors[each] for each in left.suggestion_ids if each in authors)
    who = " and ".join(names) or "Somebody"
    suggests = "suggest" if len(names) > 1 or "You" in names else "suggests"
    text = left.text.replace("\v", " ").strip()
    shown = f"{text[:_LONGEST]}…" if len(text) > _LONGEST else text
    return (
        f"{who} {suggests} a change to “{shown}” in the doc. That text was not changed; the new "
        "text was added beside it. Accept or reject the suggestion, then delete the outdated "
        "text."
    )


def _authors(workspace: Workspace, doc_id: str) -> dict[str, str]:
    """The author of each suggestion in a doc, by its id; empty if Google doesn't tell."""
    try:
        threads = workspace.google.docs.suggestions(doc_id)
    except GoogleFault:
        # Not every project may read comments (the reference calls that a preview), nor may every
        # person see them. The edit is made anyway, also for other people's suggestions.
        return {}
    found = {}
    for thread in threads:
        author = thread.get("headPost", {}).get("author", {})
        name = "You" if author.get("me") else author.get("displayName", "")
        if name and thread.get("suggestionId"):
            found[thread["suggestionId"]] = name
    return found
