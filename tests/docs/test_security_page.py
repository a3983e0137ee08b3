"""SECURITY.md names a test for each promise, and each of them exists."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`(tests/[\w/]+\.py|…)::(test_\w+)`")


def test_every_test_that_the_page_names_is_there() -> None:
    page = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    file, found = "", 0
    for place, name in NAMED.findall(page):
        file = file if place == "…" else place
        found += 1
        assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), f"{file}::{name}"
    assert found > 25
    assert page.count("::test_") == found
