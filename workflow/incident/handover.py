"""Move an incident with its deliveries to a colleague's ledger, exactly once.

Both ledgers can see in the doc who has the incident. The taker notes the transfer there before
anything is written in its ledger, and the giver's copy sends nothing from the moment the file is
written.
"""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Connection

from workflow import files
from workflow.document.edits.notices import CANCELLED, notices_in
from workflow.document.edits.notices import TransferMark as NotedTransfer
from workflow.document.requests import INCIDENT, TRANSFER, create_range, transfer_name
from workflow.document.view import FIELDS, DocView, read_document
from workflow.errors import BadInput, why_refused
from workflow.files import SealBroken, write_whole
from workflow.google.faults import StaleRevision
from workflow.incident.timeline import settle
from workflow.ledger import claims, elsewhere, forgetting, incidents, notices
from workflow.ledger.claims import is_gone
from workflow.ledger.databases import migrate, transfers
from workflow.ledger.databases.transfers import RowsUnreadable, Transfer, TransferState
from workflow.ledger.forgetting import Carried, carried, is_hash, stored_keys, take
from workflow.model import Incident, address_of_doc, moment_text
from workflow.standing import closing_checks
from workflow.workspace import Workspace, new_id

_ATTEMPTS = 8
_KEYS_AT_A_TIME = 500
_LARGEST_FILE_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True)
class HandedOver:
    """The written incident, and how many notices and customers it includes."""

    incident: Incident
    file: Path
    notices: int
    customers: int


@dataclass(frozen=True)
class Parcel:
    """An incident to move: the transfer's id, the giving ledger, and all its rows.

    With `forgotten`, the taker writes to no forgotten customer a second time.
    """

    transfer: str
    giver: str
    incident_id: str
    title: str
    doc_id: str
    rows: transfers.Rows
    forgotten: Carried | None = None


def hand_over(workspace: Workspace, file: Path, passphrase: str) -> HandedOver:
    """Write the incident with its deliveries into a sealed file, and stop sending here.

    Raises `BadInput` for an incident without a doc, that was handed over, or with an unfinished
    notice.
    """
    incident = workspace.incident()
    refuse_to_give(workspace, incident, file)
    transfer_id = new_id()
    with workspace.ledger.write() as connection:
        _refuse_unfinished(workspace, connection, incident)
        me = elsewhere.settle_identity(connection, at=workspace.wall())
        rows = transfers.rows_of_incident(connection, incident.id)
        sent = notices.notices_of(connection, incident.id)
        customers = notices.count_customers(connection, incident.id)
        content = {
            "transfer": transfer_id,
            "giver": me.id,
            "incident": incident.id,
            "title": incident.title,
            "doc_id": incident.doc_id,
            "rows": rows,
        }
        forgotten = carried(connection, _forgotten_in(rows))
        if forgotten is not None:
            content["forgotten"] = {"keys": forgotten.keys, "customers": forgotten.forgotten}
        packed = gzip.compress(json.dumps(content, ensure_ascii=False).encode("utf-8"))
        sealed = files.seal(packed, passphrase, schema=migrate.REVISIONS[-1])
        given = TransferState.GIVEN
        now = Transfer(transfer_id, incident.id, given, workspace.wall(), file=file.name)
        transfers.set_transfer(connection, now)
        # Before the commit: if the file can't be written, nothing is closed. If the machine stops
        # between the two, the doc tells this ledger as soon as somebody takes the file.
        write_whole(file, sealed)
    return HandedOver(incident, file, len(sent), customers)


def refuse_to_give(workspace: Workspace, incident: Incident, file: Path) -> None:
    """Raise `BadInput` for what can't be handed over, before asking for a passphrase."""
    with workspace.ledger.read() as connection:
        given = transfers.given_away(connection, incident.id)
        is_filled = incidents.doc_record(connection, incident.id).state is incidents.DocState.FILLED
        if given is None:
            _refuse_unfinished(workspace, connection, incident)
    if given is not None:
        raise BadInput(
            f"This incident was handed over on {moment_text(given.at, incident.zone)} "
            f"({given.file}). If nobody has taken that file: postmortem handover --cancel"
        )
    if not is_filled:
        raise BadInput(
            "The incident has no doc yet, and a colleague joins by its address. First: "
            "postmortem sync"
        )
    if file.exists():
        raise BadInput(f"{file} already exists. Use a new file name. Nothing was handed over.")


def _refuse_unfinished(workspace: Workspace, connection: Any, incident: Incident) -> None:
    holders = claims.holders_at_work(connection, now=workspace.wall())
    if any(not is_gone(holder) for holder in holders):
        raise BadInput("A notice is being sent now. Hand over when it has ended.")
    for notice in notices.notices_of(connection, incident.id):
        pending = notices.count_deliveries(connection, notice).pending
        if pending:
            finish = f"Finish it with postmortem resume {notice.id}, or withdraw"
            if closing_checks.asks_in_vain(connection, incident, notice):
                finish = f"The incident's status is now “{incident.status}”, so withdraw"
            raise BadInput(
                f"Notice {notice.id} still has {pending:,} to send, and its drafts are in your "
                f"mailbox. {finish} it with postmortem resume {notice.id} --discard; then hand "
                "over."
            )


def cancel(workspace: Workspace) -> Incident:
    """Cancel a handover whose file nobody has taken, so that nobody can take it any more.

    Raises `BadInput` if there is none, or somebody has taken it; and `GoogleFault`.
    """
    incident = workspace.incident()
    with workspace.ledger.read() as connection:
        given = transfers.given_away(connection, incident.id)
    if given is None:
        raise BadInput("This incident was not handed over; there is nothing to cancel.")
    taker = note_in_doc(workspace, incident.doc_id, given.id, _giver(workspace), CANCELLED)
    if taker != CANCELLED:
        raise BadInput(
            f"Ledger {taker} has taken this incident over. To take it back: there postmortem "
            "handover FILE, here postmortem join URL --with FILE"
        )
    with workspace.ledger.write() as connection:
        now = replace(given, state=TransferState.CANCELLED)
        transfers.set_transfer(connection, now)
    return incident


def _giver(workspace: Workspace) -> str:
    with workspace.ledger.read() as connection:
        return elsewhere.identity(connection).id


_NO_PARCEL = (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError)


def read_parcel(file: Path, passphrase: str) -> Parcel:
    """Open a file that `hand_over` wrote. Raises `BadInput`."""
    try:
        opened = files.unseal(file_content(file), passphrase)
        content = json.loads(gzip.decompress(opened.content))
        return Parcel(
            str(content["transfer"]),
            str(content["giver"]),
            str(content["incident"]),
            str(content["title"]),
            str(content["doc_id"]),
            content["rows"],
            _carried_in(content.get("forgotten")),
        )
    except SealBroken as broken:
        raise BadInput(f"{file} {broken}. Nothing was taken over.") from broken
    except (*_NO_PARCEL, RecursionError) as bad:
        raise BadInput(f"{file} holds no incident. Nothing was taken over.") from bad


def _forgotten_in(rows: transfers.Rows) -> set[str]:
    """The hashes of forgotten customers in an incident's rows."""
    values = (value for table in rows.values() for row in table for value in row.values())
    return {value for value in values if isinstance(value, str) and is_hash(value)}


def _know_forgotten(connection: Connection, rows: transfers.Rows) -> None:
    """Replace the keys of customers whom this ledger forgot, so that they get no second mail."""
    keys = sorted({str(row["recipient_key"]) for row in rows.get("deliveries", [])})
    for start in range(0, len(keys), _KEYS_AT_A_TIME):
        known = stored_keys(connection, keys[start : start + _KEYS_AT_A_TIME])
        for key, hashed in known.items():
            forgetting.rename(connection, key, hashed)


def _carried_in(given: Any) -> Carried | None:
    if given is None:
        return None
    customers = tuple(
        {str(name): str(value) for name, value in each.items()} for each in given["customers"]
    )
    return Carried(tuple(str(key) for key in given["keys"]), customers)


def file_content(file: Path) -> bytes:
    """A file's bytes, if this version can read it. Raises `BadInput`."""
    try:
        if file.stat().st_size > _LARGEST_FILE_BYTES:
            raise BadInput(f"{file} is larger than 512 MB, so it is not a handover file.")
        content = file.read_bytes()
    except OSError as fault:
        raise BadInput(f"{file} can't be read: {why_refused(fault)}.") from fault
    try:
        schema = files.schema_of(content)
    except SealBroken as broken:
        raise BadInput(f"{file} {broken}. Nothing was taken over.") from broken
    if schema not in migrate.REVISIONS:
        raise BadInput(
            f"{file} was written by a newer postmortem (schema {schema}, this one knows "
            f"{migrate.REVISIONS[-1]}). Update postmortem here. Nothing was taken over."
        )
    return content


def take_over(workspace: Workspace, parcel: Parcel, incident_id: str, doc_id: str) -> None:
    """Write the incident's rows into this ledger, after the doc names it as the taker.

    Raises `BadInput` for a file of another incident, one that was taken or cancelled before, and
    `GoogleFault`; then nothing was changed here.
    """
    if parcel.incident_id != incident_id:
        raise BadInput(
            f"The file is of another incident: “{parcel.title}” ({parcel.incident_id}), and the "
            f"doc of that address is of {incident_id}. Nothing was taken over."
        )
    if parcel.doc_id != doc_id:
        raise BadInput(
            "The file's doc is another one: this address is of a copy. Join with "
            f"{address_of_doc(parcel.doc_id)}. Nothing was taken over."
        )
    with workspace.ledger.write() as connection:
        me = elsewhere.settle_identity(connection, at=workspace.wall())
        known = transfers.transfers_of(connection, incident_id).get(parcel.transfer)
    if known is not None and known.state is TransferState.TAKEN:
        raise BadInput("This file was taken over here already; the incident is in this ledger.")
    if parcel.giver == me.id:
        raise BadInput(
            "This file was written by this very ledger. To take the incident back: "
            "postmortem handover --cancel"
        )
    taker = note_in_doc(workspace, doc_id, parcel.transfer, parcel.giver, me.id)
    if taker == CANCELLED:
        raise BadInput(
            "This handover was cancelled by its sender. Ask for a new file. Nothing was taken over."
        )
    if taker != me.id:
        raise BadInput(
            f"This file was taken over by ledger {taker} already, and one ledger alone sends. "
            "Nothing was taken over."
        )
    with workspace.ledger.write() as connection:
        try:
            _write_rows(connection, workspace, parcel)
        except (RowsUnreadable, KeyError, ValueError, TypeError, AttributeError) as bad:
            raise BadInput(f"The file can't be taken over: {bad}. Nothing was changed.") from bad
        taken = Transfer(
            parcel.transfer,
            incident_id,
            TransferState.TAKEN,
            workspace.wall(),
            other_ledger=parcel.giver,
        )
        transfers.set_transfer(connection, taken)


def _write_rows(connection: Connection, workspace: Workspace, parcel: Parcel) -> None:
    """Write a parcel's rows beside those that this ledger has of the incident."""
    profile, incident_id = workspace.settings.profile, parcel.incident_id
    was_given = transfers.given_away(connection, incident_id) is not None
    known = {each.id for each in incidents.all_incidents(connection, profile=profile)}
    rows = _for_profile(parcel.rows, profile)
    transfers.add_rows_of_incident(connection, rows, replace=was_given)
    if parcel.forgotten is not None:
        take(connection, parcel.forgotten)
    _know_forgotten(connection, rows)
    if incident_id not in known:
        incidents.update_incident(connection, incident_id, joined_at=workspace.wall())
    elif not was_given:
        # Both ledgers set statuses: the latest one counts.
        settle(connection, incident_id)


def _for_profile(rows: transfers.Rows, profile: str) -> transfers.Rows:
    """The rows with this machine's name of the profile."""
    return {**rows, "incidents": [{**row, "profile": profile} for row in rows["incidents"]]}


def note_in_doc(workspace: Workspace, doc_id: str, transfer_id: str, giver: str, taker: str) -> str:
    """Note in the doc who takes a transfer, unless it is noted already; returns who has it.

    Raises `GoogleFault`.
    """
    docs = workspace.google.docs
    for attempt in range(_ATTEMPTS):
        view = read_document(docs.get(doc_id, FIELDS))
        noted = _noted(view, transfer_id)
        if noted is not None:
            return noted.taker
        place = next(
            (own.range for ranges in view.own.get(INCIDENT, {}).values() for own in ranges), None
        )
        if place is None:
            raise BadInput("The doc does not say any more which incident it is of.")
        name = transfer_name(transfer_id, giver, taker)
        request = create_range(place.tab_id, place.start, place.end, name)
        try:
            docs.batch_update(doc_id, [request], required_revision=view.revision_id or None)
        except StaleRevision:
            if attempt == _ATTEMPTS - 1:
                raise
            continue
        return taker
    raise AssertionError("the last attempt returns or raises")


def _noted(view: DocView, transfer_id: str) -> NotedTransfer | None:
    if transfer_id not in view.own.get(TRANSFER, {}):
        return None
    return next(each for each in notices_in(view).transfers if each.id == transfer_id)
