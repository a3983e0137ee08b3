"""Files attached to an incident: kept here from the moment they are named."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection

from workflow.ledger.tables import files


@dataclass(frozen=True)
class KeptFile:
    """A file as it was when it was attached.

    `drive_id` is the id that it has or will have in Drive, empty until one was given; `url` is
    empty until it is there.
    """

    id: str
    name: str
    media_type: str
    caption: str
    content: bytes
    drive_id: str = ""
    url: str = ""


def add_file(connection: Connection, incident_id: str, file: KeptFile) -> None:
    """Keep a file."""
    connection.execute(
        insert(files).values(
            id=file.id,
            incident_id=incident_id,
            name=file.name,
            media_type=file.media_type,
            caption=file.caption,
            content=file.content,
            drive_id=file.drive_id,
            url=file.url,
        )
    )


def file_by_id(connection: Connection, file_id: str) -> KeptFile:
    """One file with its content."""
    row = connection.execute(select(files).where(files.c.id == file_id)).one()
    return KeptFile(
        row.id, row.name, row.media_type, row.caption, row.content, row.drive_id, row.url
    )


def files_waiting(connection: Connection, incident_id: str) -> list[str]:
    """The ids of those that are not in Drive yet."""
    query = select(files.c.id).where(files.c.incident_id == incident_id, files.c.url == "")
    return list(connection.execute(query).scalars())


def set_drive_id(connection: Connection, file_id: str, drive_id: str) -> None:
    """The id that the file will have in Drive: asking twice then makes it once."""
    connection.execute(update(files).where(files.c.id == file_id).values(drive_id=drive_id))


def set_url(connection: Connection, file_id: str, url: str) -> None:
    """The file is in Drive."""
    connection.execute(update(files).where(files.c.id == file_id).values(url=url))
