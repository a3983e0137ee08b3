"""A whole rehearsed incident, as `make demo` runs it: real commands, each in its own process."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import IO

import pytest

from tests.command_line import Postmortem
from workflow.cli import processes
from workflow.flows.faults import BadInput
from workflow.flows.scenario import load_scenario
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
    done = rehearse(person, "mixed-up-message", "--json")
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
    assert "6:39 PM  $ postmortem notify mixed-up-message-customers.csv" in done.stderr


def test_a_rehearsal_does_not_take_the_place_of_an_incident_that_is_open(
    person: Postmortem, tmp_path: Path
) -> None:
    mine = person.json("--profile", "rehearsal", "start", "My own drill")["incident"]
    scenario = tmp_path / "own.toml"
    scenario.write_text(
        'title = "Own"\nday = "2026-01-05"\ntime_zone = "Europe/Berlin"\n'
        '[[step]]\nat = "10:00"\nrun = ["start", "A story", "--at", "9:00"]\n',
        encoding="utf-8",
    )
    done = rehearse(person, str(scenario))
    assert done.returncode == 0, done.stderr
    assert "your own incident again: My own drill" in done.stdout
    assert person.json("--profile", "rehearsal", "show")["incident"] == mine


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


def test_the_shipped_scenarios_are_listed_with_what_they_are_about(person: Postmortem) -> None:
    listed = person.json("rehearse", "list")
    assert [each["name"] for each in listed] == [
        "data-exposure",
        "mixed-up-message",
        "outage",
        "wrong-mail",
    ]
    assert "nobody is told twice" in person("rehearse", "list").out


# Name, customers, promises made and kept, seconds to the doc and to the first word.
SCENARIOS = [
    ("wrong-mail", 9, (0, 0), 7 * 60, 36 * 60),
    ("outage", 10, (3, 2), 3 * 60, 8 * 60),
    ("data-exposure", 11, (2, 2), 12 * 60, 65 * 60),
]


@pytest.mark.parametrize(("name", "customers", "promises", "to_doc", "to_word"), SCENARIOS)
def test_a_shipped_scenario_runs_with_its_faults_and_is_scored(
    person: Postmortem,
    name: str,
    customers: int,
    promises: tuple[int, int],
    to_doc: int,
    to_word: int,
) -> None:
    done = rehearse(person, name, "--json")
    assert done.returncode == 0, done.stderr
    left = json.loads(done.stdout)
    assert left["score"] == {
        "seconds_to_doc": to_doc,
        "seconds_to_first_word": to_word,
        "promises": promises[0],
        "promises_kept": promises[1],
        "customers": customers,
        "customers_missed": [],
    }
    shown = json.loads((Path(left["record"]) / "record.json").read_text(encoding="utf-8"))
    assert shown["status"] == "resolved"
    assert shown["pending_sync"] == 0


def test_a_step_may_be_about_a_refusal_and_no_other_end_will_do(
    person: Postmortem, tmp_path: Path
) -> None:
    scenario = tmp_path / "own.toml"
    scenario.write_text(
        'title = "Own"\nday = "2026-01-05"\ntime_zone = "Europe/Berlin"\n'
        '[[step]]\nat = "10:00"\nrun = ["start", "Own", "--at", "9:00"]\n'
        '[[step]]\nat = "10:01"\nrun = ["log", "kept"]\n'
        'google = [{calls = "docs.*", kind = "503"}]\nexpect = 5\n'
        '[[step]]\nat = "10:02"\nrun = ["sync"]\ngoogle = []\n'
        '[[step]]\nat = "10:03"\nrun = ["log", "fine"]\nexpect = 3\n',
        encoding="utf-8",
    )
    done = rehearse(person, str(scenario))
    assert done.returncode == 3
    assert "ended with exit code 0, not 3" in done.stderr


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('google = [{calls = "docs.*", kind = "tired"}]', "step at 10:00: kind is one of"),
        ('google = [{kind = "503"}]', "it has no calls"),
        ("at = 10", "is not TOML that can be read"),
    ],
)
def test_a_scenario_that_makes_no_sense_is_refused_in_words(
    person: Postmortem, tmp_path: Path, line: str, said: str
) -> None:
    scenario = tmp_path / "own.toml"
    scenario.write_text(
        'title = "Own"\nday = "2026-01-05"\ntime_zone = "Europe/Berlin"\n'
        f'[[step]]\nat = "10:00"\nrun = ["list"]\n{line}\n',
        encoding="utf-8",
    )
    done = rehearse(person, str(scenario))
    assert done.returncode == 3
    assert said in done.stderr


@pytest.mark.parametrize(
    ("run", "said"),
    [
        ('["start", "x", "--profile", "google"]', "all of a rehearsal stays in its own"),
        (
            '["notify", "x.csv", "--profile=google", "--send"]',
            "all of a rehearsal stays in its own",
        ),
        ('["rehearse", "outage"]', "a step can't be 'rehearse'"),
        ('["auth", "logout"]', "a step can't be 'auth'"),
        ("[]", "run is a list of texts"),
        ('"list"', "run is a list of texts"),
        ("[5]", "run is a list of texts"),
    ],
)
def test_no_step_of_a_story_leaves_the_rehearsal(tmp_path: Path, run: str, said: str) -> None:
    scenario = tmp_path / "own.toml"
    scenario.write_text(
        'title = "Own"\nday = "2026-01-05"\ntime_zone = "Europe/Berlin"\n'
        f'[[step]]\nat = "10:00"\nrun = {run}\n',
        encoding="utf-8",
    )
    with pytest.raises(BadInput, match=said):
        load_scenario(str(scenario), tmp_path)


def test_a_live_drill_tells_the_story_and_scores_what_the_team_did(person: Postmortem) -> None:
    drill = person.start_process("rehearse", "outage", "--live", "--json", stdin=subprocess.PIPE)
    assert drill.stderr is not None
    try:
        told = _read_until(drill.stderr, "One way: postmortem start")
        assert "Type your commands in another terminal" in told
        person("--profile", "rehearsal", "start", "Checkout is down")
        out, told = drill.communicate("\n" * 20, timeout=60)
    finally:
        drill.kill()
        lifecycle.stop(person.home / "rehearsal" / "google")
    assert "First word, with a promise" in told
    assert drill.returncode == 0, told
    score = json.loads(out)["score"]
    assert score["seconds_to_doc"] < 60
    assert score["seconds_to_first_word"] is None
    assert len(score["customers_missed"]) == 10


def test_a_live_drill_in_which_nothing_was_started_has_no_score(person: Postmortem) -> None:
    said = person("rehearse", "outage", "--live", typed="\n" * 20, expect=3).err
    lifecycle.stop(person.home / "rehearsal" / "google")
    assert "nothing to score" in said


def _read_until(stream: IO[str], sign: str) -> str:
    """What a process says until a line with `sign` in it, that line included."""
    said = ""
    for line in stream:
        said += line
        if sign in line:
            return said
    raise AssertionError(f"{sign!r} was never said:\n{said}")


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
