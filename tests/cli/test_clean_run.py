"""A day's commands as real processes, with Python's own warnings as errors."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.command_line import Postmortem, write_customers

PYTHONS_OWN = re.compile(r"\w+Warning\b|Exception ignored|Traceback")


def test_nothing_is_left_open_and_nothing_is_out_of_date(tmp_path: Path) -> None:
    person = Postmortem(tmp_path / "home")
    customers = str(write_customers(tmp_path / "people.csv", 2))
    commands = (
        ("start", "Wrong amounts", "--impact", "Invoices show wrong amounts"),
        ("log", "Found the cause"),
        ("status", "resolved"),
        ("notify", customers, "--stage", "resolved", "--send", "--confirm", "2"),
        ("doctor",),
        ("export", str(tmp_path / "record")),
        ("close",),
    )
    environment = {**os.environ, "POSTMORTEM_HOME": str(person.home)}
    environment["POSTMORTEM_PROFILE"] = "rehearsal"
    try:
        for command in commands:
            done = subprocess.run(
                [sys.executable, "-X", "dev", "-W", "error", "-m", "workflow", *command],
                env=environment,
                capture_output=True,
                text=True,
                encoding="utf-8",
                timeout=60,
                check=False,
            )
            assert done.returncode == 0, (command, done.stderr)
            assert not PYTHONS_OWN.search(done.stderr), (command, done.stderr)
    finally:
        person("rehearse", "stop")
