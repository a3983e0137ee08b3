"""Incidents, their timeline, their doc's shares, and how they end.

An incident is closed or reopened, and its doc locked or unlocked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, insert, select, update
from sqlalchemy.engine import Connection

from workflow.ledger.elsewhere import settle_identity
from workflow.ledger.faults import NewerRecord, UnknownIncident
from workflow.ledger.tables import (
    current_incidents,
    entries,
    incidents,
    known,
    name_version,
    notices,
    shares,
)
from workflow.model import Incident, Statement, Status, TimelineEntry, doc_id_in


class DocState(StrEnum):
    """How far the making of a doc has come. `doc_making.ALLOWED` has the moves."""

    NONE = "none"
    CREATING = "creating"  # Drive was asked; its answer may be lost
    CREATED = "created"  # it is there, and empty
    FILLING = "filling"  # Docs was asked; its answer may be lost
    FILLED = "filled"


@dataclass(frozen=True)
class DocRecord:
    """The state of an incident's doc.

    `called_at` is when Google was last asked, so that a lost answer can be told from a call that
    was never made.
    """

    state: DocState
    doc_id: str
    doc_url: str
    called_at: datetime | None
    template_name: str
    template_source: str
    folder: str
    refused_parts: tuple[str, ...] = ()


class ShareState(StrEnum):
    """The state of one share of the doc. `SHARE_MOVES` has the allowed moves."""

    PENDING = "pending"
    ASKED = "asked"  # the answer was lost
    DONE = "done"
    REFUSED = "refused"
    LEAVING = "leaving"
    LEFT = "left"


_H = ShareState
SHARE_MOVES: Mapping[ShareState, frozenset[ShareState]] = {
    _H.PENDING: frozenset({_H.PENDING, _H.ASKED, _H.DONE, _H.REFUSED, _H.LEAVING}),
    _H.ASKED: frozenset({_H.PENDING, _H.ASKED, _H.DONE, _H.REFUSED, _H.LEAVING}),
    _H.DONE: frozenset({_H.PENDING, _H.LEAVING}),
    _H.REFUSED: frozenset({_H.PENDING, _H.LEAVING}),
    _H.LEAVING: frozenset({_H.LEAVING, _H.LEFT, _H.DONE, _H.PENDING}),
    _H.LEFT: frozenset({_H.PENDING, _H.LEAVING}),
}


@dataclass(frozen=True)
class Share:
    """One person, group or domain that the doc is shared with, and its state.

    `notify` lets Google write to them. `changed`: they were named before, perhaps with another
    role; then Drive is asked for their current one.
    """

    who: str
    role: str
    state: ShareState = ShareState.PENDING
    error: str = ""
    notify: bool = False
    changed: bool = False


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
    """Record a new incident and its shares."""
    settle_identity(connection, at=created_at)
    connection.execute(
        insert(incidents).values(
            id=incident.id,
            profile=profile,
            title=incident.title,
            impact=incident.impact,
            severity=incident.severity,
            customer_title=incident.customer_title,
            customer_impact=incident.customer_impact,
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
    """Make an incident the current one of this person's next commands."""
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
    """The incident by id, a unique start of it, title or doc address; "" is the current one.

    A title matches in any case, if it is the whole title or the only one with this text. Raises
    `UnknownIncident` with a sentence for the person.
    """
    of_profile = select(incidents).where(incidents.c.profile == profile)
    if not reference.strip():
        return _current(connection, of_profile, profile=profile, person=person)
    wanted = reference.strip()
    doc_id = doc_id_in(wanted)
    if doc_id:
        rows = connection.execute(of_profile.where(incidents.c.doc_id == doc_id)).all()
    else:
        prefix = incidents.c.id.startswith(wanted.lower(), autoescape=True)
        rows = connection.execute(of_profile.where(prefix).limit(9)).all()
        rows = rows or _with_title(connection.execute(of_profile).all(), wanted)
    exact = [row for row in rows if row.id == wanted.lower()]
    if len(exact or rows) == 1:
        return _incident((exact or rows)[0])
    if rows:
        names = ", ".join(f"{row.id} (“{row.title[:60]}”)" for row in rows[:9])
        raise UnknownIncident(f"{wanted!r} fits more than one incident: {names}. Give the id.")
    raise UnknownIncident(f"There is no incident {wanted!r} here. See them all: postmortem list")


def _with_title(rows: Sequence[Row[Any]], wanted: str) -> list[Row[Any]]:
    """The incidents with that title, or else those whose title contains it."""
    words = " ".join(wanted.split()).casefold()
    titles = [(row, row.title.casefold()) for row in rows]
    whole = [row for row, title in titles if title == words]
    return whole or [row for row, title in titles if words in title]


def others_open(connection: Connection, incident_id: str, *, profile: str) -> int:
    """How many other incidents of the profile are not closed."""
    query = select(func.count()).where(
        incidents.c.profile == profile,
        incidents.c.id != incident_id,
        incidents.c.closed_at.is_(None),
    )
    return int(connection.execute(query).scalar_one())


def _current(connection: Connection, of_profile: Any, *, profile: str, person: str) -> Incident:
    mine = select(current_incidents.c.incident_id).where(
        current_incidents.c.profile == profile, current_incidents.c.person == person
    )
    row = connection.execute(of_profile.where(incidents.c.id.in_(mine))).first()
    if row is None:
        row = connection.execute(of_profile.order_by(incidents.c.created_at.desc())).first()
    if row is None:
        raise UnknownIncident(
            'There is no incident yet. Start one: postmortem start "What went wrong"'
        )
    return _incident(row)


def all_incidents(connection: Connection, *, profile: str) -> list[Incident]:
    """Every incident of a profile that this version can read, the newest first."""
    return _readable(connection, incidents.c.profile == profile)[0]


def open_incidents(connection: Connection, *, profile: str) -> list[Incident]:
    """The incidents of a profile that are not closed, the newest first."""
    which = (incidents.c.profile == profile) & incidents.c.closed_at.is_(None)
    return _readable(connection, which)[0]


def newer_incidents(connection: Connection, *, profile: str) -> list[NewerRecord]:
    """An error for each incident of a profile that needs a newer version."""
    return _readable(connection, incidents.c.profile == profile)[1]


def _readable(
    connection: Connection, which: ColumnElement[bool]
) -> tuple[list[Incident], list[NewerRecord]]:
    found, newer = [], []
    query = select(incidents).where(which).order_by(incidents.c.created_at.desc())
    for row in connection.execute(query):
        try:
            found.append(_incident(row))
        except NewerRecord as fault:
            name_version(connection, fault)
            newer.append(fault)
    return found, newer


def incidents_since(connection: Connection, since: datetime, *, profile: str) -> list[Incident]:
    """The incidents that were recorded since then, the newest first."""
    of_profile = incidents.c.profile == profile
    return _readable(connection, and_(of_profile, incidents.c.created_at >= since))[0]


def incident_by_id(connection: Connection, incident_id: str) -> Incident:
    """The incident by its id."""
    return _incident(
        connection.execute(select(incidents).where(incidents.c.id == incident_id)).one()
    )


def said_at(connection: Connection, incident_id: str) -> datetime:
    """When the incident was recorded, by the clock of its story."""
    query = select(incidents.c.created_at).where(incidents.c.id == incident_id)
    at: datetime = connection.execute(query).scalar_one()
    return at


def joined_at(connection: Connection, incident_id: str) -> datetime | None:
    """When the incident was joined by its doc's address; None for one that began here."""
    query = select(incidents.c.joined_at).where(incidents.c.id == incident_id)
    at: datetime | None = connection.execute(query).scalar_one()
    return at


def set_status(connection: Connection, incident_id: str, status: Status, at: datetime) -> None:
    """Set the status and since when; it counts as resolved until that changes."""
    resolved_at = at if status is Status.RESOLVED else None
    update_incident(connection, incident_id, status=status.value, resolved_at=resolved_at)


def set_statement(
    connection: Connection, incident: Incident, statement: Statement, value: str
) -> None:
    """Set a statement of an incident, also in a value that its template was given by name."""
    variables = incident.variables
    if statement.value in variables:
        variables = {**variables, statement.value: value}
    update_incident(connection, incident.id, variables=variables, **{statement.value: value})


def doc_record(connection: Connection, incident_id: str) -> DocRecord:
    """The state of creating the doc, and its template."""
    row = connection.execute(select(incidents).where(incidents.c.id == incident_id)).one()
    return DocRecord(
        state=known(DocState, row.doc_state, "The incident's doc"),
        doc_id=row.doc_id,
        doc_url=row.doc_url,
        called_at=row.doc_called_at,
        template_name=row.template_name,
        template_source=row.template_source,
        folder=row.folder,
        refused_parts=tuple(row.refused_parts),
    )


def refuse_parts(connection: Connection, incident_id: str, parts: Iterable[str]) -> None:
    """Record native parts that Docs refused for the incident's doc; it isn't asked again."""
    refused = set(doc_record(connection, incident_id).refused_parts) | set(parts)
    update_incident(connection, incident_id, refused_parts=sorted(refused))


def update_incident(connection: Connection, incident_id: str, **values: Any) -> None:
    """Set columns of an incident's row."""
    connection.execute(update(incidents).where(incidents.c.id == incident_id).values(**values))


def wanted_shares(connection: Connection, incident_id: str) -> list[Share]:
    """The doc's shares, in the order the person named them."""
    query = select(shares).where(shares.c.incident_id == incident_id).order_by(shares.c.position)
    return [
        Share(row.who, row.role, ShareState(row.state), row.error, row.notify, row.changed)
        for row in connection.execute(query)
    ]


def want_share(connection: Connection, incident_id: str, share: Share) -> None:
    """Request a share of the doc: a new one, or another role."""
    known = next(
        (
            each
            for each in wanted_shares(connection, incident_id)
            if each.who.casefold() == share.who.casefold()
        ),
        None,
    )
    if known is None:
        last = select(func.coalesce(func.max(shares.c.position), -1))
        position = connection.execute(last.where(shares.c.incident_id == incident_id)).scalar_one()
        connection.execute(
            insert(shares).values(
                incident_id=incident_id,
                who=share.who,
                role=share.role,
                position=position + 1,
                notify=share.notify,
            )
        )
        return
    set_share(connection, incident_id, known.who, state=ShareState.PENDING)
    connection.execute(
        update(shares)
        .where(shares.c.incident_id == incident_id, shares.c.who == known.who)
        .values(role=share.role, notify=share.notify or known.notify, changed=True)
    )


def set_share(
    connection: Connection, incident_id: str, who: str, *, state: ShareState, error: str = ""
) -> None:
    """Record the result of sharing the doc with `who`; refuses moves not in `SHARE_MOVES`."""
    origins = [each.value for each, onward in SHARE_MOVES.items() if state in onward]
    connection.execute(
        update(shares)
        .where(
            shares.c.incident_id == incident_id,
            shares.c.who == who,
            shares.c.state.in_(origins),
        )
        .values(state=state.value, error=error)
    )


def share_again(connection: Connection, incident_id: str) -> None:
    """Share a new doc again with everybody who had access before."""
    connection.execute(
        update(shares)
        .where(shares.c.incident_id == incident_id, shares.c.state.in_(("done", "asked")))
        .values(state=ShareState.PENDING.value, error="")
    )


def add_entry(connection: Connection, incident_id: str, entry: TimelineEntry) -> None:
    """Record a timeline entry."""
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


def entry_with_id(
    connection: Connection, incident_id: str, ids: Iterable[str]
) -> TimelineEntry | None:
    """The entry of an incident that has one of these ids."""
    row = connection.execute(
        select(entries).where(entries.c.incident_id == incident_id, entries.c.id.in_(list(ids)))
    ).first()
    return entry_of(row) if row else None


def reword_entry(connection: Connection, entry_id: str, text: str) -> None:
    """Replace an entry's text; the journal keeps the earlier ones."""
    connection.execute(update(entries).where(entries.c.id == entry_id).values(text=text))


def strike_entry(connection: Connection, entry_id: str, *, at: datetime) -> None:
    """Withdraw an entry: it stays, struck through."""
    connection.execute(update(entries).where(entries.c.id == entry_id).values(struck_at=at))


def find_entry(connection: Connection, incident_id: str, reference: str) -> TimelineEntry:
    """The entry of an incident by its id or a unique start of it.

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
        raise UnknownIncident(f"{reference!r} fits more than one entry: {names}. Type more of it.")
    raise UnknownIncident(
        f"No entry {reference!r} in this incident. `postmortem show` names each entry's id."
    )


def timeline(connection: Connection, incident_id: str) -> list[TimelineEntry]:
    """The incident's entries by time; at the same instant, in the order they were logged."""
    query = (
        select(entries)
        .where(entries.c.incident_id == incident_id)
        .order_by(entries.c.at, entries.c.seq)
    )
    return [entry_of(row) for row in connection.execute(query)]


def entry_by_id(connection: Connection, entry_id: str) -> TimelineEntry:
    """One entry of a timeline."""
    return entry_of(connection.execute(select(entries).where(entries.c.id == entry_id)).one())


def entry_if_there(connection: Connection, entry_id: str) -> TimelineEntry | None:
    """One entry of a timeline, or None."""
    row = connection.execute(select(entries).where(entries.c.id == entry_id)).one_or_none()
    return None if row is None else entry_of(row)


def is_only_one(connection: Connection, incident_id: str, entry: TimelineEntry) -> bool:
    """Whether no other entry of the incident has the same text."""
    same = select(entries.c.id).where(
        entries.c.incident_id == incident_id,
        entries.c.text == entry.text,
        entries.c.id != entry.id,
    )
    return connection.execute(same.limit(1)).first() is None


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
        status=known(Status, row.status, f"The status of incident {row.id} (“{row.title[:60]}”)"),
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
        customer_title=row.customer_title,
        customer_impact=row.customer_impact,
    )


def set_closed(connection: Connection, incident_id: str, at: datetime, *, reason: str) -> None:
    """Record that the incident was closed at `at`; `reason`: why, if something was still open."""
    update_incident(
        connection,
        incident_id,
        status=Status.RESOLVED.value,
        closed_at=at,
        close_reason=reason,
    )


def set_reopened(connection: Connection, incident_id: str, status: Status) -> None:
    """Reopen the incident with its last status."""
    values: dict[str, Any] = {"status": status.value, "closed_at": None, "close_reason": ""}
    if status is not Status.RESOLVED:
        values["resolved_at"] = None
    update_incident(connection, incident_id, **values)


def set_locked(connection: Connection, incident_id: str, at: datetime | None) -> None:
    """Set since when the doc is locked against edits; None: it is not."""
    update_incident(connection, incident_id, locked_at=at)


def incidents_overdue(connection: Connection, now: datetime, *, profile: str) -> list[str]:
    """The open incidents with a promised update whose time is over.

    `closing_checks.next_word` decides whether it was given since.
    """
    query = (
        select(incidents.c.id)
        .distinct()
        .join(notices, notices.c.incident_id == incidents.c.id)
        .where(
            incidents.c.profile == profile,
            incidents.c.closed_at.is_(None),
            notices.c.mode == "send",
            notices.c.next_update <= now,
        )
    )
    return sorted(connection.execute(query).scalars())
