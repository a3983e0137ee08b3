"""Make a doc exactly once: each call is written down before it is made, and so is its result.

Drive has no idempotency key. So a lost answer makes no second doc: the row says that Drive was
asked, and the doc is looked for before Drive is asked again. The incident's own doc and the public
ones go through the same states, in the columns `doc_state`, `doc_called_at`, `doc_id` and
`doc_url` of their rows.

A public version is a row of its own for each text, so that every text that this program ever wrote
into a public doc is known, and what people wrote there can be told apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Row, Table, insert, select, update
from sqlalchemy.engine import Connection

from workflow.ledger.faults import MoveRefused
from workflow.ledger.incidents import DocState, update_incident
from workflow.ledger.tables import deliveries, incidents, known, notices, publications
from workflow.model import DeliveryState

_D = DocState
# Where the making of a doc may go from each state.
ALLOWED: Mapping[DocState, frozenset[DocState]] = {
    # A doc that somebody else made is filled at once.
    _D.NONE: frozenset({_D.CREATING, _D.FILLED}),
    # A call is made again when the last one can't be under way any more, and nothing was found.
    _D.CREATING: frozenset({_D.CREATING, _D.NONE, _D.CREATED, _D.FILLED}),
    _D.CREATED: frozenset({_D.FILLING, _D.FILLED, _D.NONE}),
    _D.FILLING: frozenset({_D.FILLING, _D.CREATED, _D.FILLED, _D.NONE}),
    # Lost, or replaced by another doc.
    _D.FILLED: frozenset({_D.FILLED, _D.NONE}),
}


class Making(Protocol):
    """How far the making of one doc has come, as its row was read."""

    @property
    def state(self) -> DocState:
        """The state of the doc."""

    @property
    def called_at(self) -> datetime | None:
        """When Google was last asked; None before the first call."""


@dataclass(frozen=True)
class DocRow:
    """The row that keeps how a doc is made: an incident's, or that of a public version."""

    table: Table
    id: str


def incident_doc(incident_id: str) -> DocRow:
    """The row of an incident's own doc."""
    return DocRow(incidents, incident_id)


def public_doc(publication_id: str) -> DocRow:
    """The row of a public version."""
    return DocRow(publications, publication_id)


def move(
    connection: Connection,
    row: DocRow,
    before: Iterable[DocState],
    after: DocState,
    *conditions: ColumnElement[bool],
    **facts: object,
) -> bool:
    """Move a doc on from one of the states `before`, with `facts` as columns of its row.

    False where it was in another state or a condition did not hold: somebody was quicker. Raises
    `MoveRefused` for a move that is not in `ALLOWED`.
    """
    origins = list(before)
    for each in origins:
        if after not in ALLOWED[each]:
            raise MoveRefused(f"a doc does not go from {each} to {after}")
    table = row.table
    found = connection.execute(
        update(table)
        .where(table.c.id == row.id, table.c.doc_state.in_(origins), *conditions)
        .values(doc_state=after.value, **facts)
    )
    return found.rowcount == 1


def asked_to_create(connection: Connection, row: DocRow, seen: Making, *, at: datetime) -> bool:
    """Drive is about to be asked to create the doc; False when somebody was quicker than `seen`."""
    return _ask(connection, row, seen, _D.CREATING, at)


def not_created(connection: Connection, row: DocRow) -> None:
    """Drive said plainly that it created no doc."""
    move(connection, row, [_D.CREATING], _D.NONE)


def created(connection: Connection, row: DocRow, *, doc_id: str, doc_url: str) -> None:
    """Record that Drive created the doc, still empty. A second call changes nothing."""
    move(connection, row, [_D.CREATING], _D.CREATED, doc_id=doc_id, doc_url=doc_url)


def asked_to_fill(connection: Connection, row: DocRow, seen: Making, *, at: datetime) -> bool:
    """Docs is about to be asked to fill the doc; False when somebody was quicker than `seen`."""
    return _ask(connection, row, seen, _D.FILLING, at)


def not_filled(connection: Connection, row: DocRow) -> None:
    """Docs said plainly that it wrote nothing."""
    move(connection, row, [_D.FILLING], _D.CREATED)


def filled(connection: Connection, row: DocRow) -> None:
    """The doc holds what it was made for."""
    move(connection, row, [_D.CREATED, _D.FILLING], _D.FILLED)


def joined(
    connection: Connection, incident_id: str, *, doc_id: str, doc_url: str, at: datetime
) -> None:
    """The doc is a colleague's: it was made and filled on another machine."""
    place = {"doc_id": doc_id, "doc_url": doc_url}
    move(connection, incident_doc(incident_id), DocState, _D.FILLED, joined_at=at, **place)


def lost(connection: Connection, incident_id: str) -> None:
    """The doc is gone: the incident has none, and a new one may be made."""
    move(
        connection,
        incident_doc(incident_id),
        [state for state in DocState if state is not _D.NONE],
        _D.NONE,
        doc_called_at=None,
        doc_id="",
        doc_url="",
        refused_parts=[],
        locked_at=None,
    )


def adopted(connection: Connection, incident_id: str, *, doc_id: str, doc_url: str) -> None:
    """Another doc takes the place of the incident's; it has its sections already."""
    place = {"doc_id": doc_id, "doc_url": doc_url}
    row = incident_doc(incident_id)
    move(connection, row, DocState, _D.FILLED, refused_parts=[], locked_at=None, **place)


def set_template(connection: Connection, incident_id: str, name: str, source: str) -> None:
    """Record the doc's template, once that is known."""
    update_incident(connection, incident_id, template_name=name, template_source=source)


def _ask(connection: Connection, row: DocRow, seen: Making, after: DocState, at: datetime) -> bool:
    is_as_seen = row.table.c.doc_called_at.is_not_distinct_from(seen.called_at)
    return move(connection, row, [seen.state], after, is_as_seen, doc_called_at=at)


@dataclass(frozen=True)
class Publication:
    """One version, and how far its doc has come.

    `called_at` is when Drive was last asked to create the doc. `left_out` has kind and text of what
    is not in it.
    """

    id: str
    incident_id: str
    markdown: str
    left_out: list[dict[str, str]]
    created_at: datetime
    state: DocState = DocState.NONE
    called_at: datetime | None = None
    doc_id: str = ""
    doc_url: str = ""


def add_publication(
    connection: Connection, publication: Publication, *, after: Publication | None
) -> bool:
    """Record a version; False if somebody recorded another since `after` was the latest."""
    # SQLite has one writer anyway; PostgreSQL needs a lock.
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
            doc_state=publication.state.value,
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
    """The latest version, if there is one."""
    found = publications_of(connection, incident_id)
    return found[-1] if found else None


def unfinished_publications(connection: Connection, *, profile: str) -> list[Publication]:
    """Each incident's latest version whose doc isn't filled yet; the oldest first."""
    mine = select(incidents.c.id).where(incidents.c.profile == profile)
    begun = (
        select(publications.c.incident_id)
        .where(publications.c.doc_state != _D.FILLED.value, publications.c.incident_id.in_(mine))
        .distinct()
    )
    latest = (latest_publication(connection, each) for each in connection.execute(begun).scalars())
    waiting = [each for each in latest if each is not None and each.state is not _D.FILLED]
    return sorted(waiting, key=lambda each: each.created_at)


def publication_by_id(connection: Connection, publication_id: str) -> Publication:
    """One version by its id."""
    query = select(publications).where(publications.c.id == publication_id)
    return _publication(connection.execute(query).one())


def customers_told(
    connection: Connection, incident_id: str
) -> Iterator[tuple[str, str, str, str, str]]:
    """Everybody who was sent anything of the incident, each once, in order.

    Address, name, the `locale` and the `timezone` of their row, "" if the list had none, and the
    language of their mail.
    """
    query = (
        select(
            deliveries.c.recipient_key,
            deliveries.c.email,
            deliveries.c.name,
            deliveries.c.cells,
            deliveries.c.lang,
            notices.c.list_headers,
        )
        .join(notices, notices.c.id == deliveries.c.notice_id)
        .where(
            notices.c.incident_id == incident_id,
            notices.c.mode == "send",
            deliveries.c.state == DeliveryState.SENT.value,
        )
        .order_by(deliveries.c.id)
    )
    seen: set[str] = set()
    for key, email, name, cells, lang, headers in connection.execute(query):
        if key not in seen:
            seen.add(key)
            titles = (str(header).strip().casefold() for header in headers)
            row = dict(zip(titles, cells, strict=False))
            yield email, name, row.get("locale", ""), row.get("timezone", ""), lang


def _publication(row: Row[Any]) -> Publication:
    return Publication(
        id=row.id,
        incident_id=row.incident_id,
        markdown=row.markdown,
        left_out=list(row.left_out),
        created_at=row.created_at,
        state=known(DocState, row.doc_state, "The public doc"),
        called_at=row.doc_called_at,
        doc_id=row.doc_id,
        doc_url=row.doc_url,
    )
