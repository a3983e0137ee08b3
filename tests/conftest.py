"""What every test of a user's session stands on: a Google of its own, and a home folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.both_ledgers import postgres_or_skip
from tests.command_line import CustomerList, Postmortem, write_customers
from tests.google_world import GoogleWorld
from tests.postgres_server import PostgresServer
from workflow.rehearsal.lifecycle import serve_in_thread
from workflow.rehearsal.settings import Settings

# Quota tests set their own limits; all others are not to wait for a minute to pass.
NO_LIMITS = Settings(
    gmail_units_per_minute=0,
    docs_reads_per_minute=0,
    docs_writes_per_minute=0,
    daily_sends=0,
)
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
    """Where a person's ledger is: "" for the file in their home. See `tests.both_ledgers`."""
    kind = getattr(request, "param", request.config.getoption("--ledger"))
    if kind == "sqlite":
        return ""
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture
def postmortem(tmp_path: Path, google: GoogleWorld, ledger_url: str) -> Postmortem:
    """A person whose tool talks to that Google."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    person = Postmortem(home, {"POSTMORTEM_GOOGLE_URL": google.url})
    if ledger_url:
        person.environment["POSTMORTEM_DATABASE_URL"] = ledger_url
    person.configure(CONFIG)
    return person


@pytest.fixture
def customers(tmp_path: Path) -> Callable[[int], CustomerList]:
    """Lists of customers of any length."""

    def make(count: int) -> CustomerList:
        return write_customers(tmp_path / f"customers-{count}.csv", count)

    return make
