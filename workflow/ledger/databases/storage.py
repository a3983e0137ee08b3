"""Open the ledger: an SQLite file by default, a shared one in PostgreSQL for a team.

One advisory lock orders the writers. A transaction that writes ALONE holds it exclusively, SHARED
ones hold it together: reading and then writing is as safe as on SQLite, while senders work side by
side. If a holder disappears, the lock is released, at the latest by the server's time-outs.

A transaction is one of three kinds. `write()` keeps all other writers out from its start, so that
what it read is still true when it commits. `share()` works beside others of its kind. `read()` sees
one moment and never blocks a writer.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import shutil
import sqlite3
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import String

from workflow.google.endpoint import is_loopback
from workflow.ledger.databases import OPTION, TransactionKind, audit, migrate, transfers
from workflow.ledger.databases.transfers import Moved
from workflow.ledger.faults import (
    LedgerAddressBad,
    LedgerMoved,
    LedgerUnavailable,
    LedgerUnwritable,
    NewerLedger,
    NewerRecord,
    in_words,
)
from workflow.ledger.tables import name_version
from workflow.times.clocks import seconds_since_boot

if TYPE_CHECKING:
    import psycopg


# --- A server -------------------------------------------------------------------------------------

# "postmort" in ASCII. An advisory lock belongs to one database, as the ledger's tables do.
LOCK = 0x706F73746D6F7274
_BEGIN_SERVER = {
    TransactionKind.LOOK: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    TransactionKind.ALONE: f"BEGIN; SELECT pg_advisory_xact_lock({LOCK})",
    TransactionKind.SHARED: f"BEGIN; SELECT pg_advisory_xact_lock_shared({LOCK})",
}
# Sent with each BEGIN, so that it costs no extra round trip; read after waiting for the lock.
_CLOCK = "SELECT extract(epoch FROM clock_timestamp())::float8"

# How long to wait for a lock, as on SQLite; and how long the server waits for an idle client in a
# transaction: a closed laptop must not block its colleagues.
_SESSION = "SET lock_timeout = '30s'; SET idle_in_transaction_session_timeout = '60s'"
# libpq's default is to wait for ever, also for a server that disappeared silently.
# https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
_PATIENCE: Mapping[str, str] = {
    "connect_timeout": "10",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
    "application_name": "postmortem",
    "client_encoding": "UTF8",
}
_SET_BY_ENVIRONMENT = {"connect_timeout": "PGCONNECT_TIMEOUT", "application_name": "PGAPPNAME"}


class ServerClock:
    """The server's clock for leases and quotas, because machines' clocks differ."""

    def __init__(self) -> None:
        self._heard: tuple[datetime, float] | None = None

    def heard(self, seconds: float) -> None:
        """Set the clock: the server has just told its time, in seconds since 1970."""
        self._heard = datetime.fromtimestamp(seconds, UTC), seconds_since_boot()

    def at(self, here: datetime) -> datetime:
        """The server's current time; `here`, this machine's, if the server never told one.

        Counted from its last answer, even if this machine's clock is changed meanwhile.
        """
        if self._heard is None:
            return here
        said, at = self._heard
        return said + timedelta(seconds=seconds_since_boot() - at)


def place_of(url: str) -> str:
    """The database's place for people: no user name, no password, no options.

    Raises `LedgerUnavailable` for a URL that libpq can't read, without repeating any of it: a
    misplaced part may be a password.
    """
    told = _read(url)
    host = told.get("host") or told.get("hostaddr") or ""
    port = f":{told['port']}" if "port" in told and "," not in host else ""
    where = "" if host.startswith("/") else f"{host}{port}"
    return f"postgresql://{where}/{told.get('dbname', '')}"


def make_server_engine(url: str, clock: ServerClock, environment: Mapping[str, str]) -> Engine:
    """An engine for a URL that libpq reads, with its service files, password files and TLS.

    `environment` holds libpq's variables. Raises `LedgerUnavailable` if the URL can't be read or
    psycopg is not installed.
    """
    told = _read(url)
    patience = {
        key: value
        for key, value in _PATIENCE.items()
        if key not in told and _SET_BY_ENVIRONMENT.get(key, "") not in environment
    }
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://",
        connect_args={**told, **patience, **proof_of_the_server(told, environment)},
        isolation_level="AUTOCOMMIT",  # `begin` sends BEGIN itself, together with the lock
        use_native_hstore=False,
        pool_pre_ping=True,
        max_overflow=30,
    )

    def begin(connection: Connection) -> None:
        _begin_server(connection, clock)

    sqlalchemy.event.listen(engine, "connect", _prepare_server)
    sqlalchemy.event.listen(engine, "begin", begin)
    return engine


def proof_of_the_server(told: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, str]:
    """TLS settings that verify the server, unless it is on this machine or configured otherwise.

    libpq by itself falls back to clear text if a server offers no TLS, and accepts any certificate:
    https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION. `told` are its
    parameters; it takes others from a service file and the environment.
    """
    if "sslmode" in told or "PGSSLMODE" in environment:
        return {}
    known = {**_found_by_libpq(told), **told}
    if known["sslmode"] != _FALLS_BACK:
        return {}
    # `hostaddr` is where the connection goes, whatever `host` says.
    places = (str(known.get(name) or "").split(",") for name in ("host", "hostaddr"))
    if all(map(is_this_machine, itertools.chain.from_iterable(places))):
        return {}
    has_roots = "sslrootcert" in known or _has_own_roots(environment)
    return {"sslmode": "verify-full", **({} if has_roots else {"sslrootcert": _roots()})}


_FALLS_BACK = "prefer"  # libpq's default for sslmode


def _found_by_libpq(told: Mapping[str, Any]) -> dict[str, str]:
    """The parameters that libpq takes from the service that is told, and from the environment."""
    before = os.environ.get("PGSERVICE")
    if "service" in told:
        os.environ["PGSERVICE"] = str(told["service"])
    try:
        found = _psycopg().pq.Conninfo.get_defaults()
    finally:
        os.environ.pop("PGSERVICE", None)
        if before is not None:
            os.environ["PGSERVICE"] = before
    return {each.keyword.decode(): each.val.decode() for each in found if each.val is not None}


def is_this_machine(host: str) -> bool:
    """Whether a libpq host is this machine: none, a socket's folder, or a loopback address."""
    return not host or host.startswith(("/", "@")) or is_loopback(host)


def _has_own_roots(environment: Mapping[str, str]) -> bool:
    """Whether libpq finds an authority's certificates by itself."""
    return "PGSSLROOTCERT" in environment or Path("~/.postgresql/root.crt").expanduser().exists()


def _roots() -> str:
    """The authorities that this machine trusts. psycopg's own OpenSSL looks elsewhere."""
    found = ssl.get_default_verify_paths().cafile
    if found:
        return found
    import certifi  # noqa: PLC0415 - only where this machine names no authorities

    return certifi.where()


def _read(url: str) -> dict[str, Any]:
    psycopg = _psycopg()

    scheme, _, rest = url.partition("://")
    if scheme not in {"postgresql", "postgres", "postgresql+psycopg"}:
        raise LedgerAddressBad(
            "POSTMORTEM_DATABASE_URL names another driver. PostgreSQL is spoken to by psycopg: "
            "write postgresql://host/database."
        )
    try:
        told = psycopg.conninfo.conninfo_to_dict(f"postgresql://{rest}")
    except psycopg.Error:
        raise _unreadable() from None
    ports = str(told.get("port", "")).split(",")
    hosts = str(told.get("host", "")).split(",")
    if not all(map(_can_be_a_host, hosts)) or not all(each.isdigit() or not each for each in ports):
        raise _unreadable()
    return dict(told)


def _can_be_a_host(name: str) -> bool:
    """Whether a name can be looked up. A socket's folder, or an empty name, is accepted.

    An @ comes from a password that wasn't percent-encoded.
    """
    try:
        if not name.startswith("/"):
            name.encode("idna")
    except UnicodeError:  # such as db..example
        return False
    return "@" not in name


def _unreadable() -> LedgerAddressBad:
    return LedgerAddressBad(
        "POSTMORTEM_DATABASE_URL can't be read. Write postgresql://user@host:5432/database; in a "
        "name or password each of @ : / ? # % is written as its code, like %40 for @."
    )


def _psycopg() -> Any:
    try:
        import psycopg  # noqa: PLC0415 - an extra, 0.1 s; for a ledger in PostgreSQL alone
    except ImportError as missing:
        raise LedgerUnavailable(
            "A ledger in PostgreSQL needs the Python package psycopg, which is not installed here. "
            'Run: pip install "postmortem-workflow[postgres]"'
        ) from missing
    return psycopg


def _prepare_server(connection: psycopg.Connection[Any], _record: object) -> None:
    class WithoutNul(_psycopg().types.string.StrDumperUnknown):  # type: ignore[misc]
        """Text without U+0000, which PostgreSQL can't store and Docs doesn't show."""

        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\0", ""))

    connection.adapters.register_dumper(str, WithoutNul)
    connection.execute(_SESSION)
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise LedgerUnavailable(
            f"The ledger's database keeps text as {encoding}, which can't hold every name. "
            "Make one with: createdb --encoding=UTF8 --template=template0"
        )


def _begin_server(connection: Connection, clock: ServerClock) -> None:
    psycopg = _psycopg()
    driver: Any = connection.connection.driver_connection
    words = _BEGIN_SERVER[connection.get_execution_options().get(OPTION, TransactionKind.LOOK)]
    try:
        cursor = driver.execute(f"{words}; {_CLOCK}")
        while cursor.nextset():
            pass
        (seconds,) = cursor.fetchone()
    except psycopg.Error as fault:
        if driver.closed:
            connection.invalidate(fault)
        raise DBAPIError(words, None, fault) from fault
    clock.heard(seconds)


@compiles(String, "postgresql")
def _text(_type: String, _compiler: Any, **_more: Any) -> str:
    """PostgreSQL stores any length of text alike; a limit would only refuse input."""
    return "TEXT"


# --- The ledger -----------------------------------------------------------------------------------

_BUSY_SECONDS = 30.0
# The room that SQLite needs beside a file before it writes, with some pages of its journal.
_LEAST_ROOM_BYTES = 64 * 1024
# SQLite always has one writer at a time.
_BEGIN = {
    TransactionKind.LOOK: "BEGIN",
    TransactionKind.ALONE: "BEGIN IMMEDIATE",
    TransactionKind.SHARED: "BEGIN IMMEDIATE",
}


def url_of(path: Path) -> str:
    """The URL of a ledger file."""
    return f"sqlite:///{path}"


def make_engine(address: URL) -> Engine:
    """An engine for the file. Raises `LedgerUnavailable` where it can't be made."""
    if address.database:
        _make_private_file(Path(address.database))
    engine = sqlalchemy.create_engine(
        address, connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False}
    )
    sqlalchemy.event.listen(engine, "connect", _prepare)
    sqlalchemy.event.listen(engine, "begin", _begin)
    return engine


def mark_of(address: URL) -> str:
    """An id of a ledger's file that a copy or a restored backup doesn't have; see `elsewhere`."""
    if not address.drivername.startswith("sqlite") or not address.database:
        return "database"
    try:
        return f"file {Path(address.database).stat().st_ino}"
    except OSError:
        return "file"


def _make_private_file(path: Path) -> None:
    """Create the file for its owner only: the ledger names every affected customer.

    A file that can be written is not opened here: to close it would drop the locks of this
    process's other connections, and another process would then delete the WAL that they write to
    (https://www.sqlite.org/howtocorrupt.html, 2.2).
    """
    if path.is_file() and os.access(path, os.R_OK | os.W_OK):
        return
    try:
        for folder in reversed(path.parents):  # `parents` of mkdir would open those to others
            if not folder.exists():
                folder.mkdir(mode=0o700, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as fault:
        way_out = (
            "Make room on that disk, then try again."
            if is_full(fault)
            else "Check the folder's rights, or point POSTMORTEM_HOME somewhere else."
        )
        kind = LedgerUnwritable if path.is_file() else LedgerUnavailable
        raise kind(
            f"The ledger {path} can't be opened to write ({fault.strerror}). {way_out}"
        ) from fault


def no_room(path: Path) -> LedgerUnwritable | None:
    """The error for a full disk, None if it isn't. For some files SQLite only says "disk I/O
    error".
    """
    try:
        free_bytes = shutil.disk_usage(path.parent).free
    except OSError:
        return None
    if free_bytes > _LEAST_ROOM_BYTES:
        return None
    return LedgerUnwritable(
        f"The disk is full: the ledger {path} can't be written. Make room, then try again."
    )


def is_full(fault: OSError) -> bool:
    """Whether the disk, or this person's quota on it, is full."""
    return fault.errno in {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    """Set WAL with a sync at each commit: committed data survives a power cut."""
    # The driver must not begin transactions by itself: `_begin` chooses the kind.
    connection.isolation_level = None
    # Overwrite deleted data, so that a forgotten customer isn't left in a free page.
    wanted = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON")
    for pragma in wanted:
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(
        _BEGIN[connection.get_execution_options().get(OPTION, TransactionKind.LOOK)]
    )


class Ledger:
    """An open ledger. Safe to use from several threads and several processes.

    `place` is where it is, for people: without a password. `moved` is where its rows had gone when
    it was opened, if they had: a moved ledger is read-only. `mark` distinguishes its file from a
    copy. `unwritable` is why it is read-only here, on a disk that is full or read-only. `acting` is
    who changes it, for the audit trail; None: no entries.
    """

    def __init__(
        self,
        engine: Engine,
        place: str,
        clock: ServerClock,
        moved: Moved | None,
        mark: str = "database",
    ) -> None:
        self._engine = engine
        self._clock = clock
        self.place = place
        self.moved = moved
        self.mark = mark
        self.unwritable: LedgerUnwritable | None = None
        self.when_closed: Callable[[], None] = lambda: None
        self.acting: audit.Acting | None = None
        self._looks = threading.local()
        sqlalchemy.event.listen(engine, "after_execute", audit.note)

    @property
    def is_writable(self) -> bool:
        """Whether it can be written: not if it was moved, or the disk is full or read-only."""
        return self.moved is None and self.unwritable is None

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that may change rows, committed at the end or not at all.

        No other may change any meanwhile. Raises `LedgerUnavailable` if the disk is full, the
        ledger stays locked or its database can't be reached, and `LedgerMoved`.
        """
        with self._transaction(TransactionKind.ALONE) as connection:
            yield connection

    @contextlib.contextmanager
    def share(self) -> Iterator[Connection]:
        """One transaction like that of `write`, beside others that share.

        Only for statements that are right whatever the others do at the same time. On SQLite, which
        has one writer, it is `write`.
        """
        with self._transaction(TransactionKind.SHARED) as connection:
            yield connection

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent look at the ledger; inside `one_look`, that one."""
        under_way: Connection | None = getattr(self._looks, "connection", None)
        if under_way is not None:
            yield under_way
            return
        with self._transaction(TransactionKind.LOOK) as connection:
            yield connection

    @contextlib.contextmanager
    def one_look(self) -> Iterator[None]:
        """Let every `read` of this thread inside it see the same moment, in one transaction.

        Not around anything that waits for a person or a call, or that writes.
        """
        with self.read() as connection:
            outer, self._looks.connection = getattr(self._looks, "connection", None), connection
            try:
                yield
            finally:
                self._looks.connection = outer

    @contextlib.contextmanager
    def _transaction(self, kind: TransactionKind) -> Iterator[Connection]:
        if kind is not TransactionKind.LOOK and self.unwritable is not None:
            raise LedgerUnwritable(str(self.unwritable))
        recorder = (
            audit.Recorder() if kind is TransactionKind.ALONE and self.acting is not None else None
        )
        options = {OPTION: kind, audit.OPTION: recorder}
        with (
            in_words(self.place),
            self._engine.connect() as plain,
            plain.execution_options(**options).begin() as transaction,
        ):
            if kind is not TransactionKind.LOOK:
                # Checked each time, under the lock: it may have moved while a worker waited.
                _refuse_where_moved(transfers.moved(transaction.connection))
            try:
                yield transaction.connection
                if recorder is not None and self.acting is not None:
                    audit.append(transaction.connection, self.acting, recorder)
            except NewerRecord as newer:
                name_version(transaction.connection, newer)
                raise

    def compact(self) -> None:
        """Rewrite a ledger's file, so that no removed data stays in free pages.

        A database server does that by itself, later. Raises `LedgerUnavailable` if the file stays
        in use.
        """
        if self._engine.dialect.name != "sqlite":
            return
        with in_words(self.place), self._engine.connect() as plain:
            driver: Any = plain.connection.driver_connection
            driver.execute("VACUUM")
            driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def clock(self, here: datetime) -> datetime:
        """The current time by the clock that all users of the ledger share.

        `here` is this machine's time. A ledger in a file is used by this machine alone. If several
        machines share one, any of their clocks may be wrong, so the database's clock counts.
        """
        return self._clock.at(here)

    def close(self) -> None:
        """Close every file and socket; a later transaction opens new ones."""
        self._engine.dispose()
        self.when_closed()


def open_ledger(url: str) -> Ledger:
    """Open the ledger at `sqlite:///path` or `postgresql://…`, creating or migrating its tables.

    A file that can't be written is opened read-only. Raises `LedgerAddressBad` for a URL that names
    none, else `LedgerUnavailable` for a ledger that a newer version wrote, is damaged, or can't be
    reached.
    """
    clock = ServerClock()
    if url.startswith("postgres"):
        place = place_of(url)
        return _opened(make_server_engine(url, clock, os.environ), place, clock)
    address = _address_of_file(url)
    place = address.render_as_string()
    try:
        engine = make_engine(address)  # creates the file, which has no mark before
        return _opened(engine, place, clock, mark_of(address))
    except LedgerUnwritable as unwritable:
        path = Path(address.database or "")
        why = no_room(path) or unwritable
        try:
            return _opened_to_read(path, place, clock, mark_of(address), why)
        except (LedgerUnavailable, DBAPIError, OSError) as fault:
            if isinstance(fault, NewerLedger):
                raise
            raise why from fault


def _opened(engine: Engine, place: str, clock: ServerClock, mark: str = "database") -> Ledger:
    with in_words(place):
        moved = migrate.bring_up_to_date(engine, place)
    return Ledger(engine, place, clock, moved, mark)


def _opened_to_read(
    path: Path, place: str, clock: ServerClock, mark: str, why: LedgerUnwritable
) -> Ledger:
    file = migrate.ReadOnlyFile(path, place)
    with file.engine.connect() as connection:
        moved = transfers.moved(connection)
    ledger = Ledger(file.engine, place, clock, moved, mark)
    ledger.unwritable = why
    ledger.when_closed = file.close
    return ledger


def _refuse_where_moved(moved: Moved | None) -> None:
    if moved is not None:
        raise LedgerMoved(
            f"This ledger was moved to {moved.place} on {moved.at:%Y-%m-%d}; here it "
            "can only be read. Set POSTMORTEM_DATABASE_URL to where it is now."
        )


def sqlite_url(path: Path) -> str:
    """The URL of a ledger file."""
    return url_of(path)


def _names_a_file(address: URL) -> bool:
    """Whether it is an SQLite file: a ledger in memory would be lost with the command."""
    in_memory = address.database == ":memory:" or address.query.get("mode") == "memory"
    is_kept = bool(address.database) and not in_memory
    return address.drivername in {"sqlite", "sqlite+pysqlite"} and is_kept


def _address_of_file(url: str) -> URL:
    try:
        address = sqlalchemy.make_url(url)
    except (ArgumentError, ValueError):
        address = None
    if address is None or not _names_a_file(address):
        raise LedgerAddressBad(
            "POSTMORTEM_DATABASE_URL names no ledger. It begins with postgresql:// for a database "
            "that a team shares, or with sqlite:/// for a file; unset, the ledger is a file in "
            "POSTMORTEM_HOME."
        )
    return address
