"""A PostgreSQL for the tests: made in a temporary folder, removed with the tests.

The server listens only on a Unix socket in that folder. It runs as `postgres` if the tests run as
root, which PostgreSQL refuses, and the kernel ends it when the tests are killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from workflow.ledger.databases.storage import open_ledger

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PORT = "5432"  # part of the socket's name; nothing listens on the network
_START_SECONDS = 30.0
GUARDED, PASSWORD = "guarded", "kept to itself"


class NoPostgres(Exception):
    """PostgreSQL isn't available; `str()` says why."""


@dataclass
class PostgresServer:
    """A running server. `url` is an existing database; `new_database` makes others."""

    folder: Path
    process: subprocess.Popen[bytes]
    _begin: Callable[[], subprocess.Popen[bytes]]
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def url(self, database: str = "postgres") -> str:
        """The address of a database, in the form of POSTMORTEM_DATABASE_URL."""
        return f"postgresql:///{database}?host={self.folder}&port={_PORT}&user=postgres"

    def new_database(self) -> str:
        """The address of a new, empty database."""
        name = f"ledger{next(self._numbers)}"
        self("CREATE DATABASE {} STRATEGY FILE_COPY", name)
        return self.url(name)

    def new_ledger(self) -> str:
        """The address of a new ledger, whose tables are copied from one made by the program."""
        name = f"ledger{next(self._numbers)}"
        self("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", name, self._pattern)
        return self.url(name)

    @functools.cached_property
    def _pattern(self) -> str:
        url = self.new_database()
        open_ledger(url).close()
        return _name(url)

    def __call__(self, statement: str, *names: str, database: str = "postgres") -> list[Any]:
        """Run a statement as the server's owner, each {} a quoted name; its rows, if any."""
        query = sql.SQL(statement).format(*map(sql.Identifier, names))
        with psycopg.connect(self.url(database), autocommit=True, connect_timeout=10) as plain:
            cursor = plain.execute(query)
            return cursor.fetchall() if cursor.description else []

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT closes all sessions in order, SIGQUIT is a crash."""
        self.process.send_signal(how)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(timeout=10)

    def start_again(self) -> None:
        """Start it again after it was stopped, and wait until it answers."""
        self.process = self._begin()
        _wait_until_it_answers(self)

    def cut_off(self, url: str) -> None:
        """End every connection to a database, as a server that shuts down does."""
        name = _name(url)
        self(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
            f"'{name}' AND pid <> pg_backend_pid()"
        )


def _name(url: str) -> str:
    return url.removeprefix("postgresql:///").partition("?")[0]


@contextlib.contextmanager
def running_postgres(*settings: str) -> Iterator[PostgresServer]:
    """A server for as long as it is needed, with settings like "fsync=off". Raises `NoPostgres`."""
    programs = _programs()
    owner = _owner()
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        if owner is not None:
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        _initialise(programs, folder, owner)
        begin = functools.partial(_start, programs, folder, owner, settings)
        server = PostgresServer(folder, begin(), begin)
        try:
            _wait_until_it_answers(server)
            server(f"CREATE ROLE {GUARDED} LOGIN PASSWORD '{PASSWORD}'")
            yield server
        finally:
            server.stop(signal.SIGQUIT)  # at once, without a clean end
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    """The folder of initdb and postgres: Debian keeps them out of the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_version)
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        raise NoPostgres("PostgreSQL is not installed: tests/system-packages installs it")
    return found[-1].parent if found else Path(str(on_path)).resolve().parent


def _version(program: Path) -> int:
    return int(program.parent.parent.name)


def _owner() -> pwd.struct_passwd | None:
    """The user who runs the server: None for the user of the tests."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        raise NoPostgres("PostgreSQL does not run as root, and there is no user postgres") from None


def _initialise(programs: Path, folder: Path, owner: pwd.struct_passwd | None) -> None:
    command = (programs / "initdb", "-D", folder / "data", "-U", "postgres", "-A", "trust")
    done = subprocess.run(
        [*command, "-E", "UTF8", "--locale=C", "--no-sync"],
        **_as_owner(owner, folder),
        capture_output=True,
        timeout=60,
        check=False,
    )
    if done.returncode:
        raise NoPostgres(f"initdb failed: {done.stderr.decode(errors='replace')[-400:]}")
    rules = f"local all {GUARDED} scram-sha-256\nlocal all all trust\n"
    (folder / "data" / "pg_hba.conf").write_text(rules, encoding="ascii")


def _start(
    programs: Path, folder: Path, owner: pwd.struct_passwd | None, settings: Sequence[str]
) -> subprocess.Popen[bytes]:
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [
                *(programs / "postgres", "-D", folder / "data", "-k", folder, "-p", _PORT),
                *("-c", "listen_addresses=", "-c", "shared_buffers=32MB"),
                *chain.from_iterable(("-c", each) for each in settings),
            ],
            **_as_owner(owner, folder),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=_end_with_the_tests,  # noqa: PLW1509 - one call to the kernel
        )


def _as_owner(owner: pwd.struct_passwd | None, folder: Path) -> dict[str, Any]:
    plain = {"cwd": folder, "env": {"PATH": os.environ["PATH"], "LC_ALL": "C"}}
    if owner is None:
        return plain
    return plain | {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}


def _end_with_the_tests() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)


def _wait_until_it_answers(server: PostgresServer) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            server("SELECT 1")
        except psycopg.OperationalError as fault:
            if server.process.poll() is not None or time.monotonic() > deadline:
                log = (server.folder / "log").read_text(errors="replace")[-400:]
                raise NoPostgres(f"the server does not answer: {log}") from fault
            time.sleep(0.05)
        else:
            return
