"""A whole rehearsed incident, as `make demo` runs it: real commands, each in its own process."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.command_line import Postmortem
from workflow.cli import processes
from workflow.rehearsal import lifecycle


@pytest.fixture
def person(tmp_path: Path) -> Postmortem:
    """Somebody without any Google but the rehearsal's."""
    return Postmortem(tmp_path / "home")


def rehearse(person: Postmortem, *arguments: str) -> subprocess.CompletedProcess[str]:
    process = person.start_process("rehearse", *arguments)
    out, err = process.communicate(timeout=120)
    lifecycle.stop(person.home / "rehearsal" / "google")
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def test_the_seeds_day_runs_from_its_first_sign_to_its_closed_loop(person: Postmortem) -> None:
    done = rehearse(person, "wrong-mail", "--json")
    assert done.returncode == 0, done.stderr
    left = json.loads(done.stdout)
    record = Path(left["record"])
    shown = json.loads((record / "record.json").read_text(encoding="utf-8"))
    assert shown["status"] == "resolved"
    assert shown["pending_sync"] == 0
    assert [each["counts"]["sent"] for each in shown["notices"]] == [12]
    assert len(list(record.glob("mails/*/*.eml"))) == 12
    doc = (record / "postmortem.md").read_text(encoding="utf-8")
    assert "2:39 PM EST" in doc
    assert doc.index("2:39 PM EST") < doc.index("6:45 PM EST")
    assert "6:39 PM  $ postmortem notify wrong-mail-customers.csv" in done.stderr


def test_a_step_that_fails_stops_the_rehearsal(person: Postmortem, tmp_path: Path) -> None:
    scenario = tmp_path / "own.toml"
    scenario.write_text(
        'title = "Own"\nday = "2026-01-05"\ntime_zone = "Europe/Berlin"\n'
        '[[step]]\nat = "10:00"\nrun = ["start", "Own", "--at", "9:00"]\n'
        '[[step]]\nat = "10:01"\nrun = ["log", "x", "--at", "8:00"]\n'
        '[[step]]\nat = "10:02"\nrun = ["log", "never"]\n',
        encoding="utf-8",
    )
    done = rehearse(person, str(scenario))
    assert done.returncode == 3
    assert "before the incident began" in done.stdout
    assert "never" not in done.stdout


def test_a_command_does_the_same_where_nothing_can_be_forked(
    person: Postmortem, monkeypatch: pytest.MonkeyPatch
) -> None:
    person.home.mkdir()
    environment = {"POSTMORTEM_HOME": str(person.home), "PATH": "/usr/bin:/bin"}
    ended = []
    for can_fork in (True, False):
        monkeypatch.setattr(processes, "_CAN_FORK", can_fork)
        ended.append(processes.run_command(["list"], environment, errors=subprocess.STDOUT))
    assert ended[0] == ended[1]
    assert ended[0].code == 0
    assert "No incident yet." in ended[0].said
