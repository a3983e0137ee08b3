from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from google_rehearsal.lifecycle import serve_in_thread
from tests.google_rehearsal.caller import Google


@pytest.fixture
def google(tmp_path: Path) -> Iterator[Google]:
    """A fresh rehearsal Google on a real socket; a test may not cause a bug in it."""
    with serve_in_thread(tmp_path / "world") as server:
        caller = Google(server)
        yield caller
        assert caller.admin("GET", "requests")["defects"] == []
        caller.session.close()
