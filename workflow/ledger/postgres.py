"""A ledger that a team shares, in PostgreSQL.

One advisory lock orders the writers. A transaction that writes ALONE holds it for itself, SHARED
ones hold it together: whatever reads and then writes is as safe as on SQLite, while senders work
side by side. A holder that vanishes lets go, at the latest when the server's time-outs end it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import String

from workflow.ledger.faults import LedgerAddressBad, LedgerUnavailable
from workflow.ledger.transactions import OPTION, Kind

if TYPE_CHECKING:
    import psycopg

# "postmort" in ASCII. An advisory lock is one database's own, as the ledger's tables are.
LOCK = 0x706F73746D6F7274
_BEGIN = {
    Kind.LOOK: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    Kind.ALONE: f"BEGIN; SELECT pg_advisory_xact_lock({LOCK})",
    Kind.SHARED: f"BEGIN; SELECT pg_advisory_xact_lock_shared({LOCK})",
}
# Sent with each begin, so that it costs no trip of its own; read after the lock was waited for.
_CLOCK = "SELECT extract(epoch FROM clock_timestamp())::float8"

# How long a lock is waited for, as on SQLite; and how long the server bears with a client that is
# in a transaction and says nothing: a laptop that was shut must not stop its colleagues.
_SESSION = "SET lock_timeout = '30s'; SET idle_in_transaction_session_timeout = '60s'"
# libpq's own default is to wait for ever, for a server that is gone without a word too.
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
    """The server's clock, by which leases and quotas of machines with differing clocks go."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def heard(self, seconds: float) -> None:
        """The server has just said what time it has, in seconds since 1970."""
        self._ahead = timedelta(seconds=seconds - time.time())

    def at(self, here: datetime) -> datetime:
        """What the server's clock shows when this machine's shows `here`."""
        return here + self._ahead


def place_of(url: str) -> str:
    """Where the database is, for people: no name, no password, no options.

    Raises `LedgerUnavailable` for a URL that libpq can't read, without repeating any of it: what
    stands in the wrong place may be a password.
    """
    told = _read(url)
    host = told.get("host") or told.get("hostaddr") or ""
    port = f":{told['port']}" if "port" in told and "," not in host else ""
    where = "" if host.startswith("/") else f"{host}{port}"
    return f"postgresql://{where}/{told.get('dbname', '')}"


def make_engine(url: str, clock: ServerClock, environment: Mapping[str, str]) -> Engine:
    """An engine for a URL that libpq reads, with its service files, password files and TLS.

    `environment` says what libpq is told by variables. Raises `LedgerUnavailable` where the URL
    can't be read or psycopg is not installed.
    """
    told = _read(url)
    patience = {
        key: value
        for key, value in _PATIENCE.items()
        if key not in told and _SET_BY_ENVIRONMENT.get(key, "") not in environment
    }
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://",
        connect_args={**told, **patience},
        isolation_level="AUTOCOMMIT",  # `begin` says BEGIN itself, and the lock in the same breath
        use_native_hstore=False,
        pool_pre_ping=True,
        max_overflow=30,
    )

    def begin(connection: Connection) -> None:
        _begin(connection, clock)

    sqlalchemy.event.listen(engine, "connect", _prepare)
    sqlalchemy.event.listen(engine, "begin", begin)
    return engine


def _read(url: str) -> dict[str, Any]:
    psycopg = _psycopg()
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415

    scheme, _, rest = url.partition("://")
    if scheme not in {"postgresql", "postgres", "postgresql+psycopg"}:
        raise LedgerAddressBad(
            "POSTMORTEM_DATABASE_URL names another driver. PostgreSQL is spoken to by psycopg: "
            "write postgresql://host/database."
        )
    try:
        told = conninfo_to_dict(f"postgresql://{rest}")
    except psycopg.Error:
        raise _unreadable() from None
    ports = str(told.get("port", "")).split(",")
    hosts = str(told.get("host", "")).split(",")
    if not all(map(_can_be_a_host, hosts)) or not all(each.isdigit() or not each for each in ports):
        raise _unreadable()
    return dict(told)


def _can_be_a_host(name: str) -> bool:
    """Whether a name can be looked up; a socket's folder, and what is left to libpq, need not be.

    An @ comes from a password that was written without its code.
    """
    try:
        if not name.startswith("/"):
            name.encode("idna")
    except UnicodeError:  # as for db..example
        return False
    return "@" not in name


def _unreadable() -> LedgerAddressBad:
    return LedgerAddressBad(
        "POSTMORTEM_DATABASE_URL can't be read. Write postgresql://user@host:5432/database; in a "
        "name or password each of @ : / ? # % is written as its code, like %40 for @."
    )


def _psycopg() -> Any:
    try:
        import psycopg  # noqa: PLC0415
    except ImportError as missing:
        raise LedgerUnavailable(
            "A ledger in PostgreSQL needs the Python package psycopg, which is not installed here. "
            'Run: pip install "postmortem-workflow[postgres]"'
        ) from missing
    return psycopg


def _prepare(connection: psycopg.Connection[Any], _record: object) -> None:
    from psycopg.types.string import StrDumperUnknown  # noqa: PLC0415

    class WithoutNul(StrDumperUnknown):
        """PostgreSQL can't keep U+0000 in a text, and Docs shows none."""

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


def _begin(connection: Connection, clock: ServerClock) -> None:
    psycopg = _psycopg()
    driver: Any = connection.connection.driver_connection
    words = _BEGIN[connection.get_execution_options().get(OPTION, Kind.LOOK)]
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
    """PostgreSQL keeps a text of any length alike; a limit would only refuse what was said."""
    return "TEXT"
