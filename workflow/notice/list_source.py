"""The customer list from its source: a file, stdin, a Google Sheet or an SQL query.

A Google Sheet is read through Drive's exports. Drive exports only the first tab as CSV and ignores
the `gid` of an address (FACTS: OpenRefine#291, gdrive#111), so a sheet of several tabs is exported
as a workbook and its tab is chosen by name.

A query is one SELECT, in a transaction that can only read.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import sqlalchemy
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from workflow.errors import BadInput, NotSetUp, why_refused
from workflow.files import read_stdin
from workflow.google.faults import Refused, SignInNeeded
from workflow.ledger.databases import storage
from workflow.mail.list_recipients import ListReading, open_list
from workflow.mail.list_rows import (
    hidden_rows,
    is_workbook,
    read_workbook,
    sheet_options,
    sheets_with_addresses,
    tab_names,
)
from workflow.model import Finding
from workflow.workspace import Workspace


@dataclass(frozen=True)
class ListSource:
    """The content of a list as CSV, with the columns and encoding that a person named.

    `columns` maps variables to the headers of columns; "" means no column.
    """

    content: bytes
    email_column: str
    columns: Mapping[str, str]
    encoding: str

    def open(self) -> ListReading:
        """Open the list at its first row. Raises `ListUnreadable`."""
        return open_list(
            self.content,
            email_column=self.email_column or None,
            columns=self.columns,
            encoding=self.encoding,
        )


_HOST = re.compile(r"(?:https?:)?//|(?:docs|drive|spreadsheets)\.google\.com/", re.IGNORECASE)
_PATH = re.compile(r"(?:/a/[^/]+)?/spreadsheets/(?:u/\d+/)?d/(?P<id>[A-Za-z0-9_-]{10,})(?:/|$)")
_PUBLISHED = re.compile(r"(?:/a/[^/]+)?/spreadsheets/(?:u/\d+/)?d/e/")
_OLD_PATH = re.compile(r"(?:/a/[^/]+)?/(?:spreadsheets?/(?:u/\d+/)?)?(?:ccc|pub|open|lv)$")
_FILE_PATH = re.compile(r"/file/(?:u/\d+/)?d/(?P<id>[A-Za-z0-9_-]{10,})")
_ID = re.compile(r"[A-Za-z0-9_-]{10,}")
_WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_INSTEAD = "Download it as CSV (File, Download) and give that file instead."


@dataclass(frozen=True)
class SheetAddress:
    """The parts of a Sheet's address: the file, and a tab by its `gid`, "" for none.

    `is_published` marks the address of a web page that Google made of a Sheet; it has another id.
    `part` is what the address shows of the tab, in words: a range or a filter view; "" for all.
    """

    id: str
    gid: str = ""
    is_published: bool = False
    part: str = ""


def is_web_address(text: str) -> bool:
    """Whether a list's name is a web address, with or without its scheme."""
    return _HOST.match(text.strip("<> ")) is not None


def sheet_address(text: str) -> SheetAddress | None:
    """The Sheet that an address leads to; None for any other address.

    Understands every form that Google gives out: `/d/ID/edit#gid=0`, `/u/1/d/ID`, `/a/DOMAIN/…`,
    `?key=ID`, `open?id=ID`, `drive.google.com/file/d/ID`, and without `https://`.
    """
    text = text.strip("<> ")
    if not is_web_address(text):
        return None
    parts = urlsplit(text if "//" in text.partition("?")[0] else f"https://{text}")
    said = parse_qs(parts.query) | parse_qs(parts.fragment)
    gid = next(iter(said.get("gid", ())), "")
    part = _part_shown(said)
    if _PUBLISHED.match(parts.path):
        return SheetAddress("", gid, is_published=True)
    found = _PATH.match(parts.path) or _FILE_PATH.match(parts.path)
    if found:
        return SheetAddress(found["id"], gid, part=part)
    if _OLD_PATH.match(parts.path):
        key = next(iter(said.get("key", said.get("id", ()))), "")
        return SheetAddress(key, gid, part=part) if _ID.fullmatch(key) else None
    return None


def _part_shown(said: Mapping[str, list[str]]) -> str:
    if cells := next(iter(said.get("range", ())), ""):
        return f"the range {cells[:40]}"
    return "a filter view" if said.get("fvid") else ""


@dataclass(frozen=True)
class ExportedSheet:
    """A tab as CSV, or the whole workbook as .xlsx with the name of the tab to read.

    `hidden_rows` counts those of a CSV, which has them all.
    """

    content: bytes
    tab: str = ""
    hidden_rows: int = 0


def read_sheet(workspace: Workspace, address: SheetAddress, tab: str = "") -> ExportedSheet:
    """Read the Sheet's only tab, or the tab with this name.

    Raises `BadInput` or `NotSetUp` with what to do instead, also for several tabs when none is
    named.
    """
    if address.is_published:
        raise BadInput(
            "This is the address of a published page, whose sheet can't be told from it. Open the "
            "sheet itself and give the address that the browser shows then, or download it as CSV."
        )
    workbook = _export(workspace, address, _WORKBOOK)
    tabs = tab_names(workbook)
    if len(tabs) > 1 and not tab:
        number = f" The gid={address.gid} of the address is not passed on by Drive." * bool(
            address.gid
        )
        named = ", ".join(f"`{name}`" for name in tabs)
        likely = sheets_with_addresses(workbook) or tabs
        raise BadInput(
            f"This sheet has {len(tabs)} tabs: {named}.{number} "
            f"Choose the one with the list: {sheet_options(likely)}."
        )
    if len(tabs) > 1 or tab:
        return ExportedSheet(workbook, tab)
    # One tab: as CSV, numbers and dates look as they do in the sheet.
    hidden = hidden_rows(workbook, tabs[0]) if tabs else 0
    return ExportedSheet(_export(workspace, address, "text/csv"), hidden_rows=hidden)


def _export(workspace: Workspace, address: SheetAddress, media_type: str) -> bytes:
    try:
        return workspace.google.drive.export(address.id, media_type)
    except Refused as refused:
        raise BadInput(
            "This sheet can't be read: with the usual sign-in this program sees only files that it "
            f"made or was given ({refused.sentence}) {_INSTEAD}"
        ) from refused
    except SignInNeeded as needed:
        raise NotSetUp(f"This sheet can't be read. {needed.sentence} {_INSTEAD}") from needed


QUERY_PREFIX = "sql:"
_LARGEST_QUERY_BYTES = 1_000_000
_LARGEST_LIST_BYTES = 512 * 1024 * 1024
_FETCHED_AT_ONCE = 2_000
# Comments and quoted text: words inside them aren't SQL statements.
_ASIDE = re.compile(
    r"--[^\n]*|/\*[\s\S]*?\*/|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`"
    r"|\$(?P<tag>\w*)\$[\s\S]*?\$(?P=tag)\$"
)
_CHANGES = re.compile(
    r"\b(?:insert|update|delete|merge|into|create|drop|alter|truncate|grant|revoke|attach|detach|"
    r"copy|lock|call|vacuum|pragma)\b",
    re.IGNORECASE,
)


def read_query(database_url: str, path: Path) -> bytes:
    """The rows that a query in a file finds, as CSV with its column names.

    Raises `BadInput` for a file that isn't one SELECT or a query that fails, and `NotSetUp` if no
    database is configured or it can't be reached.
    """
    query = _one_select(path)
    if not database_url:
        raise NotSetUp(
            "A query needs a database. Set list_database_url in the config, with a read-only "
            "user: postgresql://reader:…@host/shop, mysql+pymysql://… or "
            "sqlite:///file."
        )
    engine = _engine(database_url)
    try:
        with _reading_only(engine) as connection:
            return _csv_of(connection.exec_driver_sql(query), path)
    except SQLAlchemyError as fault:
        raise BadInput(f"The query {path} failed: {_first_line(fault)}") from None
    finally:
        engine.dispose()


def _one_select(path: Path) -> str:
    """The query in a file. Raises `BadInput`."""
    try:
        if path.stat().st_size > _LARGEST_QUERY_BYTES:
            raise BadInput(f"{path} is larger than 1 MB, which is too large for a query.")
        query = path.read_text(encoding="utf-8-sig").strip()
    except UnicodeDecodeError:
        raise BadInput(f"{path} is not UTF-8 text. Save it as UTF-8 and try again.") from None
    except OSError as fault:
        raise BadInput(f"The query {path} can't be read: {why_refused(fault)}.") from fault
    plain = _ASIDE.sub(" ", query).strip()
    statements = [part for part in plain.split(";") if part.strip()]
    if len(statements) != 1:
        raise BadInput(f"{path} has {len(statements)} statements. Write one SELECT.")
    if not re.match(r"\(*\s*(?:select|with)\b", statements[0].strip(), re.IGNORECASE):
        first = statements[0].split()[0][:40]
        raise BadInput(f"{path} begins with `{first}`. Write one SELECT; nothing else is run.")
    change = _CHANGES.search(statements[0])
    if change:
        raise BadInput(
            f"{path} has `{change[0]}`, which is not allowed in a read-only query. Write one "
            "SELECT, or put it in double quotes if it is a column's name."
        )
    return query.rstrip("; \t\r\n")


def _engine(database_url: str) -> Engine:
    try:
        url = sqlalchemy.make_url(database_url)
    except (ArgumentError, ValueError):
        raise NotSetUp("list_database_url in the config is not a database's address.") from None
    url = _with_driver(url)
    try:
        if url.get_backend_name() == "sqlite":
            return _sqlite_engine(url)
        if url.get_backend_name() in {"postgresql", "mysql", "mariadb"}:
            return sqlalchemy.create_engine(
                url, connect_args={"connect_timeout": 20, **_proof_of_the_server(url)}
            )
    except (NoSuchModuleError, ImportError) as fault:
        raise NotSetUp(
            f"list_database_url needs a driver that is not installed here: {fault}. "
            "For PostgreSQL install postmortem-workflow[postgres]."
        ) from None
    raise NotSetUp(
        f"list_database_url: {url.get_backend_name()} can't be read by this program safely. "
        "It reads PostgreSQL, MySQL, MariaDB and SQLite; or export the list as CSV."
    )


def _proof_of_the_server(url: URL) -> dict[str, str]:
    """TLS settings that verify a database on another machine, unless its address has its own.

    Only psycopg's are known here. Raises `NotSetUp` for another driver without any, and ImportError
    if psycopg is not installed.
    """
    dialect: Any = url.get_dialect()()
    _, told = dialect.create_connect_args(url)
    if url.drivername == _PSYCOPG:
        url.get_dialect().import_dbapi()
        return storage.proof_of_the_server(told, os.environ)
    host = str(told.get("host") or "")
    if storage.is_this_machine(host) or any(name.startswith("ssl") for name in url.query):
        return {}
    raise NotSetUp(
        f"list_database_url: nothing says that {host} is spoken to over TLS, so others could read "
        "the password and the list. Add the driver's setting to it, such as ?ssl_ca=FILE; or "
        "?ssl_disabled=true where nobody else can listen."
    )


_PSYCOPG = "postgresql+psycopg"


def _with_driver(url: URL) -> URL:
    """The URL, with the driver of the `postgres` extra if it names none."""
    if url.drivername in {"postgres", "postgresql"}:
        return url.set(drivername=_PSYCOPG)
    return url


def _sqlite_engine(url: URL) -> Engine:
    """An engine for an existing file, opened read-only."""
    path = Path(url.database or "").expanduser().absolute()
    if not path.is_file():
        raise NotSetUp(f"list_database_url: there is no SQLite file {path}.")
    address = f"{path.as_uri()}?mode=ro"
    engine = sqlalchemy.create_engine(f"sqlite:///{address}&uri=true")

    def prepare(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA query_only=ON")

    sqlalchemy.event.listen(engine, "connect", prepare)
    return engine


@contextmanager
def _reading_only(engine: Engine) -> Iterator[Connection]:
    """A connection whose transaction is read-only in the database itself."""
    try:
        connection = engine.connect()
    except SQLAlchemyError as fault:
        raise NotSetUp(
            f"The database of list_database_url can't be reached: {_first_line(fault)}"
        ) from None
    with connection:
        backend = engine.url.get_backend_name()
        # Without parameters, so that a % in the query is a %.
        options: dict[str, Any] = {"no_parameters": True, "stream_results": True}
        if backend == "postgresql":
            options["postgresql_readonly"] = True
        connection = connection.execution_options(**options)
        if backend in {"mysql", "mariadb"}:
            connection.exec_driver_sql("SET SESSION TRANSACTION READ ONLY")
            connection.rollback()
        try:
            yield connection
        finally:
            connection.rollback()


def _csv_of(result: Any, path: Path) -> bytes:
    page = io.StringIO()
    writer = csv.writer(page)  # its line ends are CR and LF: a cell with either is quoted
    writer.writerow(result.keys())
    while rows := result.fetchmany(_FETCHED_AT_ONCE):
        writer.writerows([_text(cell) for cell in row] for row in rows)
        if page.tell() > _LARGEST_LIST_BYTES:
            raise BadInput(
                f"The query {path} finds more than 512 MB, which is too large for a list."
            )
    return page.getvalue().encode("utf-8", "replace")


def _text(cell: Any) -> str:
    return "" if cell is None else str(cell)


def _first_line(fault: SQLAlchemyError) -> str:
    """The database's message, without the statement and without anything from the URL."""
    said = str(getattr(fault, "orig", None) or fault).strip().split("\n")[0]
    return f"{said[:200].rstrip('.')}."


_LARGEST_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True)
class FetchedList:
    """A list as CSV. `name` is what the record calls it.

    `folder` is where the files named in its rows are looked for, None if the list isn't a file.
    `notes` tell the person how it was read. `unformatted` are the variables whose cells look
    different in the workbook than in a mail, each with an example.
    """

    name: str
    content: bytes
    folder: Path | None = None
    notes: tuple[Finding, ...] = ()
    unformatted: Mapping[str, str] = field(default_factory=dict)


def fetch_list(workspace: Workspace, name: str, sheet: str = "") -> FetchedList:
    """Fetch the list that a person names: a path, `-`, a Sheet's address or `sql:FILE`.

    `sheet` is the sheet or tab of a workbook. Raises `BadInput`, `NotSetUp` and `ListUnreadable`.
    """
    if name.startswith(QUERY_PREFIX):
        path = Path(name.removeprefix(QUERY_PREFIX)).expanduser()
        content = read_query(workspace.settings.config.list_database_url, path)
        return _as_csv(FetchedList(path.name, content), sheet)
    if is_web_address(name):
        address = sheet_address(name)
        if address is None:
            raise BadInput(
                f"{name} is not the address of a Google Sheet. Download the list and give the file."
            )
        exported = read_sheet(workspace, address, sheet)
        notes = (*_hidden(exported.hidden_rows), *_whole_tab(address.part))
        return _as_csv(FetchedList("Google Sheet", exported.content, notes=notes), exported.tab)
    if name == "-":
        content = read_stdin(_LARGEST_BYTES + 1)
        _refuse_large("Standard input", len(content))
        return _as_csv(FetchedList("standard input", content), sheet)
    return _as_csv(_file(name), sheet)


def _file(name: str) -> FetchedList:
    path = Path(name)
    try:
        _refuse_large(name, path.stat().st_size)
        return FetchedList(path.name, path.read_bytes(), path.parent)
    except OSError as fault:
        raise BadInput(f"The list {name} can't be read: {why_refused(fault)}.") from fault


def _refuse_large(name: str, size: int) -> None:
    if size > _LARGEST_BYTES:
        raise BadInput(f"{name} is larger than 512 MB, which is too large for a list.")


def _as_csv(fetched: FetchedList, sheet: str) -> FetchedList:
    """The list as CSV; a workbook is converted."""
    if not is_workbook(fetched.content):
        if sheet:
            raise BadInput(
                f"--sheet {sheet}: {fetched.name} is not a workbook, so it has no sheets."
            )
        return fetched
    read = read_workbook(fetched.content, sheet)
    return FetchedList(
        f"{fetched.name}, sheet {read.sheet}",
        read.content,
        fetched.folder,
        (*_hidden(read.hidden_rows), *fetched.notes),
        read.unformatted,
    )


def _whole_tab(part: str) -> tuple[Finding, ...]:
    """Warn about an address that shows a part of a tab: Drive exports all of it."""
    if not part:
        return ()
    words = (
        f"the address shows {part}, but all rows of the tab are included. Copy the rows to a tab "
        "of their own, or download them as CSV, to write to no one else."
    )
    return (Finding("warning", "whole_tab", "list", words),)


def _hidden(rows: int) -> tuple[Finding, ...]:
    """Warn about hidden rows: they are in the file and would get a mail."""
    if not rows:
        return ()
    hidden, they_are = (
        ("1 row is hidden", "it is") if rows == 1 else (f"{rows:,} rows are hidden", "they are")
    )
    words = (
        f"{hidden} in the workbook, by a filter or by hand, but {they_are} included. Delete what "
        "is hidden from the list to leave those customers out."
    )
    return (Finding("warning", "hidden_rows", "list", words),)
