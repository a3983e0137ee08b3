"""Incidents, their timeline and whom their doc is shared with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.engine import Connection

from workflow.incident import Incident, Statement, Status, TimelineEntry
from workflow.ledger.faults import UnknownIncident
from workflow.ledger.tables import current_incidents, entries, incidents, shares


@dataclass(frozen=True)
class DocRecord:
    """What is known of an incident's doc.

    `state` is none → creating → created → filling → filled; `called_at` is when Google was last
    asked, so that a lost answer can be told from a call that was never made.
    """

    state: str
    doc_id: str
    doc_url: str
    called_at: datetime | None
    template_name: str
    template_source: str
    folder: str
    refused_parts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Share:
    """One person, group or domain that the doc is shared with, and what came of it.

    `state` is pending, asked (the answer was lost), done or refused.
    """

    who: str
    role: str
    state: str = "pending"
    error: str = ""


def add_incident(
    connection: Connection,
    incident: Incident,
    *,
    profile: str,
    template_name: str,
    template_source: str,
    folder: str,
    wanted: list[Share],
    created_at: datetime,
) -> None:
    """Record a new incident and whom to share it with."""
    connection.execute(
        insert(incidents).values(
            id=incident.id,
            profile=profile,
            title=incident.title,
            impact=incident.impact,
            severity=incident.severity,
            status=incident.status.value,
            owner=incident.owner,
            started_at=incident.started_at,
            time_zone=incident.time_zone,
            variables=incident.variables,
            template_name=template_name,
            template_source=template_source,
            folder=folder,
            created_at=created_at,
        )
    )
    for position, share in enumerate(wanted):
        connection.execute(
            insert(shares).values(
                incident_id=incident.id, who=share.who, role=share.role, position=position
            )
        )


def make_current(connection: Connection, incident_id: str, *, profile: str, person: str) -> None:
    """Make an incident the one that this person's next commands speak of."""
    mine = (current_incidents.c.profile == profile) & (current_incidents.c.person == person)
    found = connection.execute(
        update(current_incidents).where(mine).values(incident_id=incident_id)
    )
    if not found.rowcount:
        connection.execute(
            insert(current_incidents).values(
                profile=profile, person=person, incident_id=incident_id
            )
        )


def find_incident(connection: Connection, reference: str, *, profile: str, person: str) -> Incident:
    """The incident by id, unique prefix of it, or doc address; "" is the current one.

    Raises `UnknownIncident` with a sentence for the person.
    """
    of_profile = select(incidents).where(incidents.c.profile == profile)
    if not reference:
        return _current(connection, of_profile, profile=profile, person=person)
    doc_id = reference.partition("/d/")[2].partition("/")[0]
    if doc_id:
        rows = connection.execute(of_profile.where(incidents.c.doc_id == doc_id)).all()
    else:
        prefix = incidents.c.id.startswith(reference.lower(), autoescape=True)
        rows = connection.execute(of_profile.where(prefix).limit(9)).all()
    exact = [row for row in rows if row.id == reference.lower()]
    if len(exact or rows) == 1:
        return _incident((exact or rows)[0])
    if rows:
        names = ", ".join(row.id for row in rows)
        raise UnknownIncident(
            f"{reference!r} fits more than one incident: {names}. Give more of it."
        )
    raise UnknownIncident(f"No incident {reference!r} here. `postmortem list` shows them all.")


def _current(connection: Connection, of_profile: Any, *, profile: str, person: str) -> Incident:
    mine = select(current_incidents.c.incident_id).where(
        current_incidents.c.profile == profile, current_incidents.c.person == person
    )
    row = connection.execute(of_profile.where(incidents.c.id.in_(mine))).first()
    if row is None:
        row = connection.execute(of_profile.order_by(incidents.c.created_at.desc())).first()
    if row is None:
        raise UnknownIncident(
            'There is no incident yet. Begin one: postmortem start "What went wrong"'
        )
    return _incident(row)


def all_incidents(connection: Connection, *, profile: str) -> list[Incident]:
    """Every incident of a profile, the newest first."""
    query = select(incidents).where(incidents.c.profile == profile)
    return [
        _incident(row) for row in connection.execute(query.order_by(incidents.c.created_at.desc()))
    ]


def incidents_since(connection: Connection, since: datetime, *, profile: str) -> list[Incident]:
    """The incidents that were recorded since then, the newest first."""
    query = select(incidents).where(incidents.c.profile == profile, incidents.c.created_at >= since)
    return [
        _incident(row) for row in connection.execute(query.order_by(incidents.c.created_at.desc()))
    ]


def incident_by_id(connection: Connection, incident_id: str) -> Incident:
    """The incident as the ledger has it now."""
    return _incident(
        connection.execute(select(incidents).where(incidents.c.id == incident_id)).one()
    )


def said_at(connection: Connection, incident_id: str) -> datetime:
    """When the incident was recorded, by the clock of its story."""
    query = select(incidents.c.created_at).where(incidents.c.id == incident_id)
    at: datetime = connection.execute(query).scalar_one()
    return at


def set_status(connection: Connection, incident_id: str, status: Status, at: datetime) -> None:
    """Where the incident stands, and since when; it counts as resolved until it no longer is."""
    resolved_at = at if status is Status.RESOLVED else None
    update_incident(connection, incident_id, status=status.value, resolved_at=resolved_at)


def set_statement(
    connection: Connection, incident: Incident, statement: Statement, value: str
) -> None:
    """What is said now of an incident, also where its template had been given a value by name."""
    variables = incident.variables
    if statement.value in variables:
        variables = {**variables, statement.value: value}
    update_incident(connection, incident.id, variables=variables, **{statement.value: value})


def doc_record(connection: Connection, incident_id: str) -> DocRecord:
    """How far the doc's making has come, and from what it is made."""
    row = connection.execute(select(incidents).where(incidents.c.id == incident_id)).one()
    return DocRecord(
        state=row.doc_state,
        doc_id=row.doc_id,
        doc_url=row.doc_url,
        called_at=row.doc_called_at,
        template_name=row.template_name,
        template_source=row.template_source,
        folder=row.folder,
        refused_parts=tuple(row.refused_parts),
    )


def refuse_parts(connection: Connection, incident_id: str, parts: Iterable[str]) -> None:
    """Docs refused these native parts for the incident's doc; it is not asked for them again."""
    refused = set(doc_record(connection, incident_id).refused_parts) | set(parts)
    update_incident(connection, incident_id, refused_parts=sorted(refused))


def update_incident(connection: Connection, incident_id: str, **values: Any) -> None:
    """Set columns of an incident's row."""
    connection.execute(update(incidents).where(incidents.c.id == incident_id).values(**values))


def wanted_shares(connection: Connection, incident_id: str) -> list[Share]:
    """Whom the doc is shared with, in the order in which the person named them."""
    query = select(shares).where(shares.c.incident_id == incident_id).order_by(shares.c.position)
    return [Share(row.who, row.role, row.state, row.error) for row in connection.execute(query)]


def set_share(
    connection: Connection, incident_id: str, who: str, *, state: str, error: str = ""
) -> None:
    """What came of sharing the doc with `who`."""
    connection.execute(
        update(shares)
        .where(shares.c.incident_id == incident_id, shares.c.who == who)
        .values(state=state, error=error)
    )


def add_entry(connection: Connection, incident_id: str, entry: TimelineEntry) -> None:
    """Write down a timeline entry."""
    connection.execute(
        insert(entries).values(
            id=entry.id,
            incident_id=incident_id,
            at=entry.at,
            text=entry.text,
            by=entry.by,
            link=entry.link,
            recorded_at=entry.recorded_at,
        )
    )


def reword_entry(connection: Connection, entry_id: str, text: str) -> None:
    """Give an entry other words; the journal keeps those that it had."""
    connection.execute(update(entries).where(entries.c.id == entry_id).values(text=text))


def strike_entry(connection: Connection, entry_id: str, *, at: datetime) -> None:
    """Take an entry back: it stays, struck through."""
    connection.execute(update(entries).where(entries.c.id == entry_id).values(struck_at=at))


def find_entry(connection: Connection, incident_id: str, reference: str) -> TimelineEntry:
    """The entry of an incident by its id or an unmistakable beginning of it.

    Raises `UnknownIncident` with a sentence for the person.
    """
    mine = select(entries).where(entries.c.incident_id == incident_id)
    wanted = entries.c.id.startswith(reference.lower(), autoescape=True)
    rows = connection.execute(mine.where(wanted).limit(9)).all() if reference else []
    exact = [row for row in rows if row.id == reference.lower()]
    if len(exact or rows) == 1:
        return entry_of((exact or rows)[0])
    if rows:
        names = ", ".join(row.id for row in rows)
        raise UnknownIncident(f"{reference!r} fits more than one entry: {names}. Give more of it.")
    raise UnknownIncident(
        f"No entry {reference!r} in this incident. `postmortem show` names each entry's id."
    )


def timeline(connection: Connection, incident_id: str) -> list[TimelineEntry]:
    """The incident's entries by time, those of one instant in the order in which they were said."""
    query = (
        select(entries)
        .where(entries.c.incident_id == incident_id)
        .order_by(entries.c.at, entries.c.seq)
    )
    return [entry_of(row) for row in connection.execute(query)]


def entry_by_id(connection: Connection, entry_id: str) -> TimelineEntry:
    """One entry of a timeline."""
    return entry_of(connection.execute(select(entries).where(entries.c.id == entry_id)).one())


def entry_of(row: Row[Any]) -> TimelineEntry:
    """A row of the entries table as a plain value."""
    return TimelineEntry(
        id=row.id,
        at=row.at,
        text=row.text,
        recorded_at=row.recorded_at,
        by=row.by,
        link=row.link,
        struck_at=row.struck_at,
    )


def _incident(row: Row[Any]) -> Incident:
    return Incident(
        id=row.id,
        title=row.title,
        started_at=row.started_at,
        time_zone=row.time_zone,
        status=Status(row.status),
        impact=row.impact,
        severity=row.severity,
        owner=row.owner,
        resolved_at=row.resolved_at,
        closed_at=row.closed_at,
        doc_id=row.doc_id,
        doc_url=row.doc_url,
        variables=dict(row.variables),
        close_reason=row.close_reason,
        locked_at=row.locked_at,
    )
