"""Letting others read the customers' version: only who was named, one at a time, on the record."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from workflow.flows.doc import bring_to_doc
from workflow.flows.faults import BadInput
from workflow.flows.log import new_entry, record_entry
from workflow.flows.sharing import is_among, parse_share, target_of
from workflow.flows.workspace import Workspace
from workflow.google import Role
from workflow.google.client import Json
from workflow.google.faults import Refused, SignInNeeded
from workflow.incident import Incident
from workflow.ledger.incidents import Share
from workflow.ledger.publications import Publication

ANYONE = "anyone"


def parse_public_share(text: str) -> Share:
    """As `parse_share`, and `anyone` for everybody with the link; a reader unless a role is named.

    Raises `BadInput`.
    """
    who, _, role = text.strip().partition(":")
    if who.lower() != ANYONE:
        return parse_share(text, "reader")
    if role.lower() not in {"", "reader"}:
        raise BadInput(f"--share {text}: whoever has the link may only read.")
    return Share(ANYONE, "reader")


def share_publication(
    workspace: Workspace, incident: Incident, publication: Publication, wanted: list[Share]
) -> list[Share]:
    """Share the doc; each answer has the state done or refused. Who was let in is in the timeline.

    Raises `GoogleFault` when Google can't be asked: the same command goes on from there, since a
    share that is there already is left as it is.
    """
    present = workspace.google.drive.permissions(publication.doc_id)
    shared: list[Share] = []
    for share in wanted:
        if _is_there(share, present):
            shared.append(replace(share, state="done"))
            continue
        shared.append(_share(workspace, publication, share))
        if shared[-1].state == "done":
            _put_on_record(workspace, incident, publication, share)
    if any(share.state == "done" for share in shared):
        bring_to_doc(workspace, incident.id)
    return shared


def _share(workspace: Workspace, publication: Publication, share: Share) -> Share:
    drive = workspace.google.drive
    role = cast("Role", share.role)
    mail = "" if workspace.settings.config.share_notify else None
    try:
        if share.who == ANYONE:
            drive.share(publication.doc_id, "anyone", "", role)
        else:
            target = target_of(share.who)
            drive.share(publication.doc_id, target.kind, target.address, role, mail=mail)
    except (Refused, SignInNeeded) as fault:
        # "Shared, but the mail could not be sent" is a refusal too: what counts is who is there.
        if _is_there(share, drive.permissions(publication.doc_id)):
            return replace(share, state="done")
        return replace(share, state="refused", error=fault.sentence)
    return replace(share, state="done")


def _is_there(share: Share, present: list[Json]) -> bool:
    if share.who == ANYONE:
        return any(each.get("type") == "anyone" for each in present)
    return is_among(share, present)


def _put_on_record(
    workspace: Workspace, incident: Incident, publication: Publication, share: Share
) -> None:
    who = "anyone with the link" if share.who == ANYONE else share.who
    words = f"The customers' version was shared with {who} ({share.role})"
    entry = new_entry(workspace, incident, words, link=publication.doc_url)
    with workspace.ledger.write() as connection:
        record_entry(connection, incident, entry)
