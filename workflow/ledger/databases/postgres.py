"""A team's shared ledger in PostgreSQL.

One advisory lock orders the writers. A transaction that writes ALONE holds it exclusively, SHARED
ones hold it together: reading and then writing is as safe as on SQLite, while senders work side by
side. If a holder disappears, the lock is released, at the latest by the server's time-outs.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import String

from workflow.google.endpoint import is_loopback
from workflow.ledger.databases import OPTION, Kind
from workflow.ledger.faults import LedgerAddressBad, LedgerUnavailable
from workflow.times.clocks import seconds_since_boot

if TYPE_CHECKING:
    import psycopg


# "postmort" in ASCII. An advisory lock belongs to one database, as the ledger's tables do.
LOCK = 0x706F73746D6F7274
_BEGIN = {
    Kind.LOOK: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    Kind.ALONE: f"BEGIN; SELECT pg_advisory_xact_lock({LOCK})",
    Kind.SHARED: f"BEGIN; SELECT pg_advisory_xact_lock_shared({LOCK})",
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


def make_engine(url: str, clock: ServerClock, environment: Mapping[str, str]) -> Engine:
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
        connect_args={**told, **patience, **_proof_of_the_server(told, environment)},
        isolation_level="AUTOCOMMIT",  # `begin` sends BEGIN itself, together with the lock
        use_native_hstore=False,
        pool_pre_ping=True,
        max_overflow=30,
    )

    def begin(connection: Connection) -> None:
        _begin(connection, clock)

    sqlalchemy.event.listen(engine, "connect", _prepare)
    sqlalchemy.event.listen(engine, "begin", begin)
    return engine


def _proof_of_the_server(told: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, str]:
    """TLS settings that verify the server, unless it is on this machine or configured otherwise.

    libpq by itself falls back to clear text if a server offers no TLS, and accepts any certificate:
    https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION
    """
    if "sslmode" in told or "PGSSLMODE" in environment:
        return {}
    if "service" in told or "PGSERVICE" in environment:
        return {}  # these would override a service file; `_refuse_clear_text` checks instead
    hosts = told.get("host") or told.get("hostaddr") or environment.get("PGHOST", "")
    if all(map(_is_this_machine, str(hosts).split(","))):
        return {}
    roots = (
        {} if "sslrootcert" in told or _has_own_roots(environment) else {"sslrootcert": _roots()}
    )
    return {"sslmode": "verify-full", **roots}


def _is_this_machine(host: str) -> bool:
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


def _refuse_clear_text(connection: psycopg.Connection[Any]) -> None:
    """Raise `LedgerUnavailable` for another machine without TLS, unless the address allows it."""
    info = connection.info
    asked = info.get_parameters().get("sslmode", "prefer") != "prefer"
    if asked or connection.pgconn.ssl_in_use or _is_this_machine(info.host):
        return
    raise LedgerUnavailable(
        f"The ledger's database on {info.host} would be spoken to in clear text.",
        "Set sslmode=verify-full in its service file, or sslmode=disable where nobody else can "
        "listen.",
    )


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


def _prepare(connection: psycopg.Connection[Any], _record: object) -> None:
    class WithoutNul(_psycopg().types.string.StrDumperUnknown):  # type: ignore[misc]
        """Text without U+0000, which PostgreSQL can't store and Docs doesn't show."""

        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\0", ""))

    _refuse_clear_text(connection)
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
    """PostgreSQL stores any length of text alike; a limit would only refuse input."""
    return "TEXT"
