"""What every test of a user's session stands on: a Google of its own, and a home folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.command_line import CustomerList, Postmortem, write_customers
from tests.google_world import GoogleWorld
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


@pytest.fixture
def postmortem(tmp_path: Path, google: GoogleWorld) -> Postmortem:
    """A person whose tool talks to that Google."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    person = Postmortem(home, {"POSTMORTEM_GOOGLE_URL": google.url})
    person.configure(CONFIG)
    return person


@pytest.fixture
def customers(tmp_path: Path) -> Callable[[int], CustomerList]:
    """Lists of customers of any length."""

    def make(count: int) -> CustomerList:
        return write_customers(tmp_path / f"customers-{count}.csv", count)

    return make
