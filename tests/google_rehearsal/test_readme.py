"""The rehearsal's README is for other projects: its examples must run as they are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import requests

import google_rehearsal
from google_rehearsal.lifecycle import serve_in_thread

README = Path(google_rehearsal.__file__).with_name("README.md")


def test_its_fixture_and_its_test_run(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    shown: dict[str, Any] = {}
    for block in blocks:
        exec(block, shown)
    with serve_in_thread(tmp_path / "google") as server:
        shown["test_a_doc_holds_what_is_written"](server)


def test_every_kind_of_fault_that_it_names_is_one(tmp_path: Path) -> None:
    named = re.findall(r'"kind": "(\w+)"', README.read_text(encoding="utf-8"))
    assert named
    with serve_in_thread(tmp_path / "google") as server:
        for kind in named:
            switch = [{"match": {"method": "*"}, "kind": kind}]
            switch_on(server, switch)


def switch_on(server: Any, faults: list[dict[str, Any]]) -> None:
    answer = requests.post(
        f"{server.base_url}/rehearsal/faults",
        json=faults,
        headers={"X-Rehearsal-Key": server.key},
        timeout=10,
    )
    assert answer.ok, answer.text
