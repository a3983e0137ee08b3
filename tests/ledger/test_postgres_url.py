"""POSTMORTEM_DATABASE_URL: which values are accepted, and errors that don't repeat the value."""

from __future__ import annotations

import os
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from tests.certificates import certify
from tests.command_line import Postmortem
from tests.postgres_server import GUARDED, PASSWORD, PostgresServer
from workflow.ledger.databases.storage import open_ledger, place_of, proof_of_the_server
from workflow.ledger.faults import LedgerUnavailable

SECRET = "hunter2"
ASKS_FOR_TLS = bytes.fromhex("0000000804d2162f")


@dataclass
class Listener:
    """A server that is not PostgreSQL, and the bytes sent to it, in clear or within TLS."""

    port: int
    received: list[bytes] = field(default_factory=list)

    def url(self, host: str, more: str = "") -> str:
        """A URL of this server with any host name."""
        here = f"hostaddr=127.0.0.1&port={self.port}&connect_timeout=5"
        return f"postgresql://ann:{SECRET}@{host}/ledger?{here}{more}"

    def service(self, file: Path, more: str = "") -> dict[str, str]:
        """The environment in which the service `team` is this server, by a libpq service file."""
        file.write_text(
            f"[team]\nhost=db.example\nhostaddr=127.0.0.1\nport={self.port}\n{more}\n",
            encoding="utf-8",
        )
        return {"PGSERVICEFILE": str(file)}


@contextmanager
def listening(certificates: Path | None = None) -> Iterator[Listener]:
    """A server that offers TLS with the certificate in a folder, or no TLS."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        listener = Listener(server.getsockname()[1])

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with suppress(OSError), connection:
                    connection.settimeout(5)
                    listener.received.append(connection.recv(1024))
                    if listener.received[-1] != ASKS_FOR_TLS:
                        continue
                    connection.sendall(b"S" if certificates else b"N")
                    if certificates:
                        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                        context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
                        connection = context.wrap_socket(connection, server_side=True)
                    listener.received.append(connection.recv(1024))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener
        # Closing does not end a waiting accept; a connection does.
        server.shutdown(socket.SHUT_RDWR)
        thread.join(timeout=5)


@pytest.mark.parametrize("more", ["", "&application_name=x"])
def test_nothing_goes_to_another_machine_in_clear_text(postmortem: Postmortem, more: str) -> None:
    with listening() as server:
        url = server.url("db.example", more)
        result = postmortem("list", expect=4, POSTMORTEM_DATABASE_URL=url)
    assert "could not agree on TLS" in result.err
    assert "?sslmode=disable" in result.err
    assert set(server.received) <= {ASKS_FOR_TLS, b""}


@pytest.mark.parametrize("url", ["postgresql://?service=team", "postgresql:///ledger"])
def test_a_service_file_that_says_nothing_of_tls_sends_nothing_in_clear_text(
    postmortem: Postmortem, tmp_path: Path, url: str
) -> None:
    by_name = {} if "service" in url else {"PGSERVICE": "team"}
    with listening() as server:
        settings = server.service(tmp_path / "services") | by_name
        result = postmortem("list", expect=4, POSTMORTEM_DATABASE_URL=url, **settings)
        assert "could not agree on TLS" in result.err
        assert set(server.received) <= {ASKS_FOR_TLS, b""}
        settings = server.service(tmp_path / "services", "sslmode=disable") | by_name
        postmortem("list", expect=4, POSTMORTEM_DATABASE_URL=url, **settings)
        assert server.received[-1] not in {ASKS_FOR_TLS, b""}


@pytest.mark.parametrize(
    ("url", "environment"),
    [
        ("postgresql://localhost/ledger?hostaddr=192.0.2.1", {}),
        ("postgresql:///ledger?host=/run/postgresql&hostaddr=192.0.2.1", {}),
        ("postgresql:///ledger?hostaddr=127.0.0.1,192.0.2.1", {}),
        ("postgresql://localhost/ledger", {"PGHOSTADDR": "192.0.2.1"}),
        ("postgresql:///ledger", {"PGHOST": "db.example"}),
    ],
)
def test_a_host_on_this_machine_does_not_hide_an_address_elsewhere(
    monkeypatch: pytest.MonkeyPatch, url: str, environment: dict[str, str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    told = psycopg.conninfo.conninfo_to_dict(url)
    assert proof_of_the_server(told, os.environ)["sslmode"] == "verify-full"


def test_a_server_that_can_not_prove_its_name_is_sent_nothing(
    postmortem: Postmortem, tmp_path: Path
) -> None:
    with listening(certify("db.example", tmp_path)) as server:
        result = postmortem("list", expect=4, POSTMORTEM_DATABASE_URL=server.url("db.example"))
        assert "?sslrootcert=FILE" in result.err
        other = server.url("other.example", f"&sslrootcert={tmp_path / 'cert.pem'}")
        assert (
            "as the certificate names it"
            in postmortem("list", expect=4, POSTMORTEM_DATABASE_URL=other).err
        )
        assert set(server.received) <= {ASKS_FOR_TLS, b""}
        proved = server.url("db.example", f"&sslrootcert={tmp_path / 'cert.pem'}")
        postmortem("list", expect=4, POSTMORTEM_DATABASE_URL=proved)
        assert b"ledger" in server.received[-1]  # the user and the database, within TLS


@pytest.mark.parametrize(
    ("host", "more", "settings"),
    [
        ("127.0.0.1", "", {}),
        ("localhost", "", {}),
        ("db.example", "&sslmode=disable", {}),
        ("db.example", "&sslmode=prefer", {}),
        ("db.example", "", {"PGSSLMODE": "disable"}),
    ],
)
def test_on_this_machine_or_where_somebody_says_so_no_tls_is_needed(
    postmortem: Postmortem, host: str, more: str, settings: dict[str, str]
) -> None:
    with listening() as server:
        url = server.url(host, more)
        postmortem("list", expect=4, POSTMORTEM_DATABASE_URL=url, **settings)
    assert b"ledger" in server.received[-1]


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql://db.example/ledger", "postgresql://db.example/ledger"),
        ("postgres://db.example/ledger", "postgresql://db.example/ledger"),
        ("postgresql+psycopg://db.example:6432/ledger", "postgresql://db.example:6432/ledger"),
        (f"postgresql://ann:{SECRET}@db.example/ledger", "postgresql://db.example/ledger"),
        (f"postgresql://db.example/ledger?password={SECRET}", "postgresql://db.example/ledger"),
        (f"postgresql://ann:p%40{SECRET}@db.example/l", "postgresql://db.example/l"),
        ("postgresql:///ledger?host=/run/postgresql", "postgresql:///ledger"),
        ("postgresql://one,two:6432/ledger", "postgresql://one,two/ledger"),
        ("postgresql://?service=team", "postgresql:///"),
    ],
)
def test_where_a_ledger_is_is_told_without_its_secrets(url: str, place: str) -> None:
    assert place_of(url) == place


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://ann:{SECRET}@db.example:port/ledger",
        f"postgresql://ann:{SECRET}/x@db.example/ledger",
        f"postgresql://ann:x@{SECRET}@db.example/ledger",
        f"postgresql://ann:{SECRET}%zz@db.example/ledger",
        f"postgresql://db.example/ledger?passwort={SECRET}",
        f"postgresql://ann:{SECRET}@[::1/ledger",
        f"postgresql://ann:{SECRET}@db..example/ledger",
        f"postgresql+psycopg2://ann:{SECRET}@db.example/ledger",
        f"postgresql+asyncpg://ann:{SECRET}@db.example/ledger",
        f"postgresql:ann:{SECRET}@db.example/ledger",
        f"postgres{SECRET}",
        f"mysql://ann:{SECRET}@db.example/ledger",
        f"ann:{SECRET}@db.example",
        f"sqlite+aiosqlite:///{SECRET}",
        f"oracle://ann:{SECRET}@db.example:port/ledger",
        " ",
    ],
)
def test_what_names_no_ledger_is_refused_in_a_sentence_that_repeats_none_of_it(
    postmortem: Postmortem, url: str
) -> None:
    result = postmortem("list", expect=4, POSTMORTEM_DATABASE_URL=url)
    assert "POSTMORTEM_DATABASE_URL" in result.err
    assert len(result.err.strip().splitlines()) <= 2
    for words in (result, postmortem("list", "-v", expect=4, POSTMORTEM_DATABASE_URL=url)):
        assert SECRET not in words.out + words.err


def test_a_database_that_nobody_answers_for_is_said_to_be_out_of_reach(
    postmortem: Postmortem,
) -> None:
    url = f"postgresql://ann:{SECRET}@127.0.0.1:1/ledger"
    result = postmortem("log", "Seen", expect=4, POSTMORTEM_DATABASE_URL=url)
    assert result.err.startswith(
        "The ledger's database postgresql://127.0.0.1:1/ledger can't be reached."
    )
    for words in (result, postmortem("list", "-v", expect=4, POSTMORTEM_DATABASE_URL=url)):
        assert SECRET not in words.out + words.err


@pytest.mark.parametrize("host", ["db.invalid", "the-role-of-ssl.invalid"])
def test_a_host_whose_name_nobody_knows_is_out_of_reach_whatever_it_is_called(
    postmortem: Postmortem, host: str
) -> None:
    result = postmortem("list", expect=4, POSTMORTEM_DATABASE_URL=f"postgresql://{host}/ledger")
    assert f"The ledger's database postgresql://{host}/ledger can't be reached." in result.err


def test_a_wrong_password_is_said_to_be_and_not_repeated(
    postmortem: Postmortem, postgres: PostgresServer
) -> None:
    url = f"{postgres.url().replace('user=postgres', f'user={GUARDED}')}&password={SECRET}"
    result = postmortem("list", expect=4, POSTMORTEM_DATABASE_URL=url)
    assert "does not let this user in. Check the user and the password" in result.err
    for words in (result, postmortem("list", "-v", expect=4, POSTMORTEM_DATABASE_URL=url)):
        assert SECRET not in words.out + words.err


def test_a_password_may_come_from_where_libpq_looks_for_it(
    postmortem: Postmortem, postgres: PostgresServer
) -> None:
    url = postgres.new_database()
    name = url.removeprefix("postgresql:///").partition("?")[0]
    postgres("GRANT ALL ON SCHEMA public TO {}", GUARDED, database=name)
    guarded = url.replace("user=postgres", f"user={GUARDED}")
    postmortem("list", POSTMORTEM_DATABASE_URL=guarded, PGPASSWORD=PASSWORD)
    kept = postmortem.home / "pgpass"
    kept.write_text(f"*:*:*:{GUARDED}:{PASSWORD}\n", encoding="ascii")
    kept.chmod(0o600)
    postmortem("list", POSTMORTEM_DATABASE_URL=guarded, PGPASSFILE=str(kept))
    postmortem("list", POSTMORTEM_DATABASE_URL=guarded, expect=4)


def test_a_user_without_rights_a_database_that_is_not_there_and_a_standby_are_told_apart(
    postmortem: Postmortem, postgres: PostgresServer
) -> None:
    url = postgres.new_database()
    guarded = url.replace("user=postgres", f"user={GUARDED}") + "&password=" + PASSWORD
    result = postmortem("list", expect=4, POSTMORTEM_DATABASE_URL=guarded.replace(" ", "%20"))
    assert "may not use the ledger's tables" in result.err
    result = postmortem("list", expect=4, POSTMORTEM_DATABASE_URL=postgres.url("nowhere"))
    assert "There is no database postgresql:///nowhere. Make it with createdb" in result.err
    postmortem("list", POSTMORTEM_DATABASE_URL=url)
    only_looks = f"{url}&options=-cdefault_transaction_read_only%3Don"
    postmortem("list", POSTMORTEM_DATABASE_URL=only_looks)
    result = postmortem("start", "Outage", expect=4, POSTMORTEM_DATABASE_URL=only_looks)
    assert "is read-only" in result.err


def test_a_database_that_can_not_hold_every_name_is_refused(
    postmortem: Postmortem, postgres: PostgresServer
) -> None:
    postgres("CREATE DATABASE {} ENCODING latin1 TEMPLATE template0", "western")
    result = postmortem("list", expect=4, POSTMORTEM_DATABASE_URL=postgres.url("western"))
    assert "keeps text as LATIN1" in result.err


def test_without_psycopg_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(LedgerUnavailable, match=r"pip install .postmortem-workflow\[postgres\]"):
        open_ledger("postgresql://db.example/ledger")
