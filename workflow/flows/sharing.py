"""Sharing the doc: one at a time, for Drive keeps only the last of several changes at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from workflow.flows.faults import BadInput
from workflow.flows.workspace import Workspace
from workflow.google import Role, Who
from workflow.google.client import Json
from workflow.google.faults import GoogleFault, Refused, SignInNeeded, Undecided
from workflow.ledger import incidents
from workflow.ledger.incidents import Share

_ROLES = {"reader": "reader", "commenter": "commenter", "writer": "writer", "editor": "writer"}


@dataclass(frozen=True)
class Target:
    """Whom a doc is shared with. `address` is an email address, or a domain."""

    kind: Who
    address: str


def parse_share(text: str, usual_role: Role = "writer") -> Share:
    """`ann@example.com`, `group:team@example.com:reader`, `example.com:commenter`.

    The role is `usual_role` unless it is named. Raises `BadInput`.
    """
    words = text.strip()
    head, _, last = words.rpartition(":")
    role: str = usual_role
    if head and head.lower() != "group":
        words = head
        role = _ROLES.get(last.lower(), "")
        if not role:
            raise BadInput(
                f"--share {text}: {last!r} is not a role. Roles are reader, commenter and writer."
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
            f"--share {text}: {name!r} is neither an email address nor a domain. "
            "Write it like ann@example.com, group:team@example.com:reader or example.com."
        )
    return Share(words, role)


def target_of(who: str) -> Target:
    """What kind of address `who` is."""
    prefix, _, rest = who.partition(":")
    if prefix.lower() == "group":
        return Target("group", rest)
    return Target("user" if "@" in who else "domain", who)


def share_doc(workspace: Workspace, incident_id: str) -> None:
    """Share the doc with everybody who is still waited for.

    A refusal is written down and does not stop the rest. Raises `GoogleFault` when Google can't be
    asked at all; whoever is left stays pending.
    """
    with workspace.ledger.read() as connection:
        incident = incidents.incident_by_id(connection, incident_id)
        wanted = incidents.wanted_shares(connection, incident_id)
    waiting = [share for share in wanted if share.state in {"pending", "asked"}]
    if not waiting or not incident.doc_id:
        return
    present: list[Json] | None = None
    if any(share.state == "asked" for share in waiting):
        present = workspace.google.drive.permissions(incident.doc_id)
    for share in waiting:
        if present is not None and is_among(share, present):
            _write_down(workspace, incident_id, share, "done")
            continue
        _share_one(workspace, incident_id, incident.doc_id, share)


def _share_one(workspace: Workspace, incident_id: str, doc_id: str, share: Share) -> None:
    target = target_of(share.who)
    mail = "" if workspace.settings.config.share_notify else None
    _write_down(workspace, incident_id, share, "asked")
    try:
        workspace.google.drive.share(
            doc_id, target.kind, target.address, cast("Role", share.role), mail=mail
        )
    except (Refused, SignInNeeded) as fault:
        # "Shared, but the mail could not be sent" is a refusal too: what counts is who is there.
        if is_among(share, workspace.google.drive.permissions(doc_id)):
            _write_down(workspace, incident_id, share, "done")
            return
        _write_down(workspace, incident_id, share, "refused", fault.sentence)
    except Undecided:
        raise
    except GoogleFault:
        _write_down(workspace, incident_id, share, "pending")
        raise
    else:
        _write_down(workspace, incident_id, share, "done")


def is_among(share: Share, present: list[Json]) -> bool:
    """Whether a file's `present` permissions let in who is meant."""
    address = target_of(share.who).address.casefold()
    named = ({each.get("emailAddress", ""), each.get("domain", "")} for each in present)
    return any(address in {name.casefold() for name in names} for names in named)


def _write_down(
    workspace: Workspace, incident_id: str, share: Share, state: str, error: str = ""
) -> None:
    with workspace.ledger.write() as connection:
        incidents.set_share(connection, incident_id, share.who, state=state, error=error)
