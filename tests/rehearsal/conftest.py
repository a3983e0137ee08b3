from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rehearsal.caller import Google
from workflow.rehearsal.lifecycle import serve_in_thread


@pytest.fixture
def google(tmp_path: Path) -> Iterator[Google]:
    """A fresh rehearsal Google on a real socket; a test may find no defect of its own in it."""
    with serve_in_thread(tmp_path / "world") as server:
        caller = Google(server)
        yield caller
        assert caller.admin("GET", "requests")["defects"] == []
        caller.session.close()
