"""Fixtures for tests of a user's session: a Google and a home folder for each."""

from __future__ import annotations

import gc
import hashlib
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from google_rehearsal.lifecycle import serve_in_thread
from google_rehearsal.store import Settings
from tests.both_ledgers import postgres_or_skip
from tests.command_line import CustomerList, Postmortem, write_customers
from tests.compiled_once import (
    compile_addresses_when_needed,
    create_tables_from_what_was_said,
    derive_each_key_once,
    share_compiled_statements,
)
from tests.google_world import GoogleWorld
from tests.postgres_server import PostgresServer
from workflow.__main__ import _NEW_OBJECTS
from workflow.doc import push

# The same examples each time, so that a failure is due to the change being tested. `pytest
# --hypothesis-profile=wide` looks for new ones.
settings.register_profile(
    "steady", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("wide", deadline=None)
settings.load_profile("steady")

# A shell ignores Ctrl-C for what it starts in the background, and so would every program that a
# test starts and interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)

share_compiled_statements()
create_tables_from_what_was_said()
derive_each_key_once()
compile_addresses_when_needed()

# Quota tests set their own limits; the others should not wait for a minute to pass.
NO_LIMITS = Settings(
    gmail_units_per_minute=0,
    docs_reads_per_minute=0,
    docs_writes_per_minute=0,
    daily_sends=0,
)
COLLEAGUE = "ann@team.example"
CONFIG = """
time_zone = "Europe/Berlin"
[sending]
units_per_minute = 1000000
daily_limit = 100000
timeout_seconds = 5
"""


@pytest.fixture
def google(tmp_path: Path) -> Iterator[GoogleWorld]:
    """A fresh rehearsal Google on a real socket."""
    with serve_in_thread(tmp_path / "google", NO_LIMITS) as server:
        yield GoogleWorld(server)


def pytest_configure() -> None:
    """Keep the tests' folders in memory, where there is room for them.

    A ledger and a mailbox wait for the disk after each change. The tests kill programs, never the
    machine, and those waits were a fifth of their time (measured). Folders of tests that passed are
    removed at once (`tmp_path_retention_policy`).
    """
    memory = "/dev/shm"
    if "TMPDIR" in os.environ or not os.access(memory, os.W_OK):
        return
    if shutil.disk_usage(memory).free > _ROOM_FOR_TESTS:
        os.environ["TMPDIR"] = tempfile.tempdir = memory


_ROOM_FOR_TESTS = 2 << 30  # bytes


def pytest_xdist_auto_num_workers() -> int:
    """Three workers a processor, at most eight more than processors: each loads all tests.

    A test waits for a process, a page or a clock for half of its time.
    """
    processors = os.cpu_count() or 1
    return processors + min(2 * processors, 8)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mix the files, so that at any time some tests wait while others compute.

    Each worker begins with an equal part of the list, and in the order of folders nearly all tests
    that wait are in one part.
    """
    items.sort(key=lambda item: hashlib.sha256(item.path.name.encode()).digest())


def pytest_collection_finish() -> None:
    """Leave what is loaded out of each garbage collection, as a command does (measured: 6 %)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--ledger",
        choices=("sqlite", "postgres"),
        default="sqlite",
        help="where tests keep a person's ledger, unless they say so themselves",
    )


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL for all tests of this process; they are skipped where there is none."""
    with postgres_or_skip() as server:
        yield server


@pytest.fixture
def ledger_url(request: pytest.FixtureRequest) -> str:
    """The address of a person's ledger: "" for the file in their home. See `tests.both_ledgers`."""
    kind = getattr(request, "param", request.config.getoption("--ledger"))
    if kind == "sqlite":
        return ""
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_ledger()


def a_person(folder: Path, google_url: str) -> Postmortem:
    """A person whose home is in that folder and whose commands use that Google."""
    home = folder / "home"
    home.mkdir(mode=0o700)
    person = Postmortem(home, {"POSTMORTEM_GOOGLE_URL": google_url})
    person.configure(CONFIG)
    return person


@pytest.fixture
def postmortem(tmp_path: Path, google: GoogleWorld, ledger_url: str) -> Postmortem:
    """A person whose commands use that Google."""
    person = a_person(tmp_path, google.url)
    if ledger_url:
        person.environment["POSTMORTEM_DATABASE_URL"] = ledger_url
    return person


@pytest.fixture
def colleague(tmp_path: Path, google: GoogleWorld) -> Postmortem:
    """A second laptop: its own ledger, and a sign-in with its own mailbox."""
    folder = tmp_path / "colleague"
    folder.mkdir()
    person = a_person(folder, google.url)
    person.configure(f'google_url_token = "rehearsal:{COLLEAGUE}"\n{CONFIG}')
    return person


@pytest.fixture
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two attempts per change of the doc, for tests in which Docs often fails."""
    monkeypatch.setattr(push, "_ATTEMPTS", 2)


@pytest.fixture
def customers(tmp_path: Path) -> Callable[[int], CustomerList]:
    """Lists of customers of any length."""

    def make(count: int) -> CustomerList:
        return write_customers(tmp_path / f"customers-{count}.csv", count)

    return make
