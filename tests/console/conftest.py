"""A running console, and a person who uses it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.command_line import Postmortem
from tests.console.visitor import Visitor, served
from workflow.console.app import ConsoleServer


@pytest.fixture
def server(postmortem: Postmortem) -> Iterator[ConsoleServer]:
    """The console of the person whose commands `postmortem` runs."""
    with served(postmortem) as server:
        yield server


@pytest.fixture
def visitor(server: ConsoleServer) -> Visitor:
    """That person's browser."""
    return Visitor(server)
