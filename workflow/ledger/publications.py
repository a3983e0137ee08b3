"""The customers' versions of a postmortem: a row for each that was brought to a Google Doc.

Later versions of one doc are rows of their own, so that every text that this program ever wrote
into it is known, and what people wrote there can be told apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.engine import Connection

from workflow.incident import DeliveryState
from workflow.ledger.tables import deliveries, incidents, notices, publications


@dataclass(frozen=True)
class Publication:
    """One version. `state` of its doc is none → creating → created → filled.

    `called_at` is when Drive was last asked to make the doc. `left_out` has kind and text of what
    is not in it.
    """

    id: str
    incident_id: str
    markdown: str
    left_out: list[dict[str, str]]
    created_at: datetime
    state: str = "none"
    called_at: datetime | None = None
    doc_id: str = ""
    doc_url: str = ""


def add_publication(
    connection: Connection, publication: Publication, *, after: Publication | None
) -> bool:
    """Record a version; False when somebody recorded another since `after` was the latest."""
    # SQLite's one writer is enough; PostgreSQL needs to be told.
    mine = select(incidents.c.id).where(incidents.c.id == publication.incident_id)
    connection.execute(mine.with_for_update())
    latest = latest_publication(connection, publication.incident_id)
    if (latest.id if latest else "") != (after.id if after else ""):
        return False
    connection.execute(
        insert(publications).values(
            id=publication.id,
            incident_id=publication.incident_id,
            markdown=publication.markdown,
            left_out=publication.left_out,
            doc_state=publication.state,
            doc_called_at=publication.called_at,
            doc_id=publication.doc_id,
            doc_url=publication.doc_url,
            created_at=publication.created_at,
        )
    )
    return True


def publications_of(connection: Connection, incident_id: str) -> list[Publication]:
    """The incident's versions, the oldest first."""
    query = (
        select(publications)
        .where(publications.c.incident_id == incident_id)
        .order_by(publications.c.created_at, publications.c.id)
    )
    return [_publication(row) for row in connection.execute(query)]


def latest_publication(connection: Connection, incident_id: str) -> Publication | None:
    """The last version, if there is one."""
    found = publications_of(connection, incident_id)
    return found[-1] if found else None


def unfinished_publications(connection: Connection, *, profile: str) -> list[Publication]:
    """The last version of each incident, where its doc does not hold it yet; the oldest first."""
    mine = select(incidents.c.id).where(incidents.c.profile == profile)
    begun = (
        select(publications.c.incident_id)
        .where(publications.c.doc_state != "filled", publications.c.incident_id.in_(mine))
        .distinct()
    )
    latest = (latest_publication(connection, each) for each in connection.execute(begun).scalars())
    waiting = [each for each in latest if each is not None and each.state != "filled"]
    return sorted(waiting, key=lambda each: each.created_at)


def publication_by_id(connection: Connection, publication_id: str) -> Publication:
    """One version as it stands."""
    query = select(publications).where(publications.c.id == publication_id)
    return _publication(connection.execute(query).one())


def doc_asked_for(connection: Connection, seen: Publication, *, at: datetime) -> bool:
    """Drive is about to be asked to make the doc; False when somebody was quicker than `seen`."""
    found = connection.execute(
        update(publications)
        .where(
            publications.c.id == seen.id,
            publications.c.doc_state == seen.state,
            publications.c.doc_called_at.is_not_distinct_from(seen.called_at),
        )
        .values(doc_state="creating", doc_called_at=at)
    )
    return bool(found.rowcount == 1)


def doc_not_made(connection: Connection, publication_id: str) -> None:
    """Drive said plainly that it made no doc."""
    _move(connection, publication_id, "creating", doc_state="none")


def doc_made(connection: Connection, publication_id: str, *, doc_id: str, doc_url: str) -> None:
    """Drive made the doc; it is still empty. Whoever says so second changes nothing."""
    _move(
        connection,
        publication_id,
        "creating",
        doc_state="created",
        doc_id=doc_id,
        doc_url=doc_url,
    )


def doc_filled(connection: Connection, publication_id: str) -> None:
    """The doc holds this version."""
    _move(connection, publication_id, "created", doc_state="filled")


def customers_told(connection: Connection, incident_id: str) -> Iterator[tuple[str, str]]:
    """Address and name of everybody who was sent anything of the incident, each once, in order."""
    query = (
        select(deliveries.c.recipient_key, deliveries.c.email, deliveries.c.name)
        .join(notices, notices.c.id == deliveries.c.notice_id)
        .where(
            notices.c.incident_id == incident_id,
            notices.c.mode == "send",
            deliveries.c.state == DeliveryState.SENT.value,
        )
        .order_by(deliveries.c.id)
    )
    seen: set[str] = set()
    for key, email, name in connection.execute(query):
        if key not in seen:
            seen.add(key)
            yield email, name


def _move(connection: Connection, publication_id: str, before: str, **values: Any) -> None:
    connection.execute(
        update(publications)
        .where(publications.c.id == publication_id, publications.c.doc_state == before)
        .values(**values)
    )


def _publication(row: Row[Any]) -> Publication:
    return Publication(
        id=row.id,
        incident_id=row.incident_id,
        markdown=row.markdown,
        left_out=list(row.left_out),
        created_at=row.created_at,
        state=row.doc_state,
        called_at=row.doc_called_at,
        doc_id=row.doc_id,
        doc_url=row.doc_url,
    )
