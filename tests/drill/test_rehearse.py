"""A whole rehearsed incident, as `make demo` runs it: real commands in separate processes."""

from __future__ import annotations

import json
import re
import shlex
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest
import typer
from typer.core import TyperGroup
from typer.models import TyperPath

from google_rehearsal import lifecycle
from tests.command_line import Postmortem
from tests.google_world import GoogleWorld
from workflow.cli.app import app
from workflow.cli.commands import rehearse as drills
from workflow.drill import (
    _COMMANDS,
    _OPTIONS,
    ClosedWorld,
    LeavesTheStory,
    load_scenario,
    stands_alone,
)
from workflow.errors import BadInput


@pytest.fixture
def person(tmp_path: Path) -> Postmortem:
    """A person with no Google but the rehearsal."""
    return Postmortem(tmp_path / "home")


def rehearse(
    person: Postmortem, *arguments: str, **settings: str
) -> subprocess.CompletedProcess[str]:
    quiet = subprocess.DEVNULL
    process = person.start_process("rehearse", *arguments, stdin=quiet, **settings)
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


def test_a_proxy_of_the_environment_sees_nothing_of_a_rehearsal(
    person: Postmortem, tmp_path: Path
) -> None:
    (tmp_path / "one.csv").write_text("email\nann@x.example\n", encoding="utf-8")
    scenario = tmp_path / "own.toml"
    scenario.write_text(
        'title = "Own"\nday = "2026-01-05"\ntime_zone = "Europe/Berlin"\n'
        'customers = "one.csv"\n'
        '[[step]]\nat = "10:00"\nrun = ["start", "Own", "--impact", "x", "--at", "9:00",'
        ' "--announce"]\n'
        '[[step]]\nat = "10:01"\nrun = ["notify", "{customers}", "--send", "--confirm", "1"]\n'
        '[[step]]\nat = "10:02"\nrun = ["attach", "one.csv"]\n',
        encoding="utf-8",
    )
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.settimeout(0.01)
        address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        names = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY")
        done = rehearse(person, str(scenario), "--json", **dict.fromkeys(names, address))
        assert done.returncode == 0, done.stderr
        with pytest.raises(TimeoutError):
            proxy.accept()
    assert "Told colleagues in #incidents (rehearsal)" in done.stderr


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
    assert "Your current incident is again: My own drill" in done.stdout
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


def test_colleagues_of_a_scenario_act_in_gmail_and_in_the_doc(
    person: Postmortem, tmp_path: Path
) -> None:
    (tmp_path / "two.csv").write_text("email\nann@x.example\nbo@x.example\n", encoding="utf-8")
    scenario = tmp_path / "own.toml"
    scenario.write_text(
        'title = "Own"\nday = "2026-01-05"\ntime_zone = "Europe/Berlin"\n'
        'customers = "two.csv"\n'
        '[[step]]\nat = "10:00"\nrun = ["start", "Own", "--impact", "x", "--at", "9:00"]\n'
        '[[step]]\nat = "10:01"\nrun = ["notify", "{customers}", "--send", "--confirm", "2",'
        ' "--draft-only"]\n'
        '[[step]]\nat = "10:02"\nsay = "A colleague is quicker."\n'
        'people = [{does = "send_draft", draft = "bo@x.example"},'
        ' {does = "type", text = "Kim was here."}]\n'
        '[[step]]\nat = "10:03"\nrun = ["log", "Went on"]\n',
        encoding="utf-8",
    )
    done = rehearse(person, str(scenario), "--json")
    assert done.returncode == 0, done.stderr
    assert "10:02 AM  Somebody sends the draft to bo@x.example in Gmail" in done.stderr
    record = Path(json.loads(done.stdout)["record"])
    assert "Kim was here." in (record / "postmortem.md").read_text(encoding="utf-8")
    with lifecycle.serve_in_thread(person.home / "rehearsal" / "google") as server:
        assert list(GoogleWorld(server).copies_per_recipient()) == ["bo@x.example"]


def test_what_colleagues_of_a_scenario_cannot_do_stops_it_with_a_sentence(
    person: Postmortem, tmp_path: Path
) -> None:
    scenario = tmp_path / "own.toml"
    scenario.write_text(
        'title = "Own"\nday = "2026-01-05"\ntime_zone = "Europe/Berlin"\n'
        '[[step]]\nat = "10:00"\npeople = [{does = "send_draft", draft = "bo@x.example"}]\n',
        encoding="utf-8",
    )
    done = rehearse(person, str(scenario))
    assert done.returncode == 3
    assert "step at 10:00" in done.stderr
    assert "has no draft with the id or recipient 'bo@x.example'" in done.stderr


def test_the_shipped_scenarios_are_listed_with_what_they_are_about(person: Postmortem) -> None:
    listed = person.json("rehearse", "list")
    assert [each["name"] for each in listed] == [
        "data-exposure",
        "mixed-up-message",
        "outage",
        "wrong-mail",
    ]
    assert "nobody is told twice" in person("rehearse", "list").out


# Name, customers, promises made and kept, seconds to the doc and to the first notice, and the
# emails that people edited before they were sent.
SCENARIOS = [
    ("wrong-mail", 9, (0, 0), 7 * 60, 36 * 60, []),
    ("outage", 10, (3, 2), 3 * 60, 8 * 60, []),
    ("data-exposure", 11, (2, 2), 12 * 60, 65 * 60, ["bridget@corkglass.example"]),
]


@pytest.mark.parametrize(
    ("name", "customers", "promises", "to_doc", "to_word", "edited"), SCENARIOS
)
def test_a_shipped_scenario_runs_with_its_faults_and_is_scored(
    person: Postmortem,
    name: str,
    customers: int,
    promises: tuple[int, int],
    to_doc: int,
    to_word: int,
    edited: list[str],
) -> None:
    person.home.mkdir(mode=0o700)
    person.configure('time_zone = "Asia/Tokyo"\n')  # a story has its own zone anyway
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
    assert [each["email"] for notice in shown["notices"] for each in notice["edited"]] == edited


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
        ("expect = inf", "is not a scenario"),
        ('google = [{calls = "docs.*", kind = [[]]}]', "kind is one of"),
        ('[[step]]\nat = "10:00"\nrun = 5', "run is a list of texts"),
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
        ('["start", "x", "--{p}=google"]', "a step can't have --/"),
        ('["start", "x", "--{p}", "google"]', "a step can't have --/"),
        ('["{r}", "logout"]', "a step can't be"),
        ('["export", "../record"]', "it may write below"),
        ('["export", "{output}/../../record"]', "it may write below"),
        ('["report", "--to", "/tmp/x.html"]', "it may write below"),
        ('["report", "--to=~/x.html"]', "it may write below"),
        ('["publish", "--to", "{output}/link/x"]', "it may write below"),
        ('["close", "--not-told", "../x.csv"]', "it may write below"),
        ('["report", "--open"]', "a step can't have --open"),
        ('["notify", "a.csv", "--transport", "smtp"]', "a step can't have --transport"),
        ('["notify", "sql:all.sql"]', "its lists lie beside the scenario"),
        ('["notify", "-"]', "its lists lie beside the scenario"),
        ('["notify", "link/passwd"]', "its files lie beside the scenario"),
        ('["notify", "--", "/etc/passwd"]', "its files lie beside the scenario"),
        ('["notify", "--stage", "update", "/etc/passwd"]', "its files lie beside the scenario"),
        ('["start", "x", "--template", "..\\\\x.md"]', "its files lie beside the scenario"),
        ('["notify", "a.csv", "--attach=/etc/passwd"]', "its files lie beside the scenario"),
        ('["notify", "/etc/passwd"]', "its files lie beside the scenario"),
        ('["attach", "../secret.txt"]', "its files lie beside the scenario"),
        ('["notify", "a.csv", "--template=~/x.md"]', "its files lie beside the scenario"),
        # An option's value may look like an option, or like the end of all options.
        ('["notify", "--set", "a=b", "/etc/passwd"]', "its files lie beside the scenario"),
        ('["notify", "--stage", "--set", "/etc/passwd"]', "its lists lie beside the scenario"),
        ('["start", "x", "--by", "--", "--profile=google"]', "all of a rehearsal stays in its own"),
        ('["log", "--by=x", "--at", "--", "--profile", "google"]', "all of a rehearsal stays"),
        ('["report", "--to", "--", "--to", "../x.html"]', "it may write below"),
        ('["export", "--format", "md", "../record"]', "it may write below"),
        ('["approve", "--json", "../plan.json"]', "a story's plan is named by its hash"),
        ('["report", "--to"]', "has --to without its value"),
        ('["list", "--json=yes"]', "--json takes no value"),
        ("[]", "run is a list of texts"),
        ('"list"', "run is a list of texts"),
        ("[5]", "run is a list of texts"),
    ],
)
def test_no_step_of_a_story_leaves_the_rehearsal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    scenario = Path("own.toml")
    Path("link").symlink_to("/etc")
    Path("output").mkdir()
    Path("output/link").symlink_to("/tmp")
    for name in ("profile", "auth"):
        Path(name).write_text("email\nann@customer.example\n", encoding="utf-8")
    scenario.write_text(
        'title = "Own"\nday = "2026-01-05"\ntime_zone = "Europe/Berlin"\n'
        'lists = {p = "profile", r = "auth"}\n'
        f'[[step]]\nat = "10:00"\nrun = {run}\n',
        encoding="utf-8",
    )
    with pytest.raises(BadInput, match=said):
        load_scenario(str(scenario), tmp_path)


def commands_of_a_story() -> Iterator[tuple[str, Any]]:
    """Each command that a step may be, with its parameters."""
    whole = typer.main.get_command(app)
    assert isinstance(whole, TyperGroup)
    for name in sorted(_COMMANDS):
        command = whole.get_command(typer.Context(whole), name)
        assert command is not None
        yield name, command


def file_options() -> list[tuple[str, ...]]:
    """Each way to name a file or a folder in a story's commands, by the commands' own help."""
    found: list[tuple[str, ...]] = []
    for name, command in commands_of_a_story():
        for each in command.params:
            takes_file = re.match("FILE|DIR|PLAN|LIST", each.metavar or "")
            if takes_file or isinstance(each.type, TyperPath):
                is_option = each.opts[0].startswith("-")
                found.append((name, each.opts[0]) if is_option else (name,))
    return found


def test_no_file_of_any_command_is_outside_the_story(tmp_path: Path) -> None:
    world = ClosedWorld(tmp_path / "story", tmp_path / "output")
    ways = file_options()
    assert {("told", "--mails"), ("approve",), ("notify",), ("export",)} < set(ways)
    for way in ways:
        for file in ("../x", str(tmp_path / "x"), "~/x", r"..\x"):
            at_once = [(way[0], f"{way[1]}={file}")] if len(way) == 2 else []
            for words in [(*way, file), *at_once]:
                with pytest.raises(LeavesTheStory):
                    world.held(words)
            for before in (("--set", "a=b"), ("--format", "md"), ("--why", "x"), ("--json",)):
                with pytest.raises(LeavesTheStory):
                    world.held((way[0], *before, *way[1:], file))


def test_the_words_of_a_step_are_read_in_one_way_alone(tmp_path: Path) -> None:
    world = ClosedWorld(tmp_path / "story", tmp_path / "output")
    step = ["log", "--by", "--at", "Checkout is slow", "-v", "--link=https://x.example/?a=b", "--"]
    assert world.held([*step, "--yes"]) == (
        *("log", "--by=--at", "-v", "--link=https://x.example/?a=b"),
        *("--", "Checkout is slow", "--yes"),
    )
    for name, command in commands_of_a_story():
        for each in command.params:
            for option in _OPTIONS.intersection(each.opts):
                is_flag = getattr(each, "is_flag", False) or getattr(each, "count", False)
                assert stands_alone(name, option) == is_flag, (name, option)


def test_a_story_at_the_ends_of_time_is_refused(tmp_path: Path) -> None:
    for day in ("0001-01-01", "9999-12-31"):
        scenario = tmp_path / "own.toml"
        scenario.write_text(
            f'title = "Own"\nday = "{day}"\ntime_zone = "Asia/Tokyo"\n'
            '[[step]]\nat = "00:00"\nrun = ["list"]\n',
            encoding="utf-8",
        )
        with pytest.raises(BadInput, match="nothing happens in the year"):
            load_scenario(str(scenario), tmp_path)


@pytest.mark.parametrize("file", ["../all.csv", "/etc/passwd", "link/passwd", "~/all.csv"])
def test_a_list_of_a_story_lies_beside_the_scenario(tmp_path: Path, file: str) -> None:
    (tmp_path / "all.csv").write_text("email\n", encoding="utf-8")
    folder = tmp_path / "story"
    folder.mkdir()
    (folder / "link").symlink_to("/etc")
    scenario = folder / "own.toml"
    scenario.write_text(
        'title = "Own"\nday = "2026-01-05"\ntime_zone = "Europe/Berlin"\n'
        f'customers = "{file}"\n[[step]]\nat = "10:00"\nrun = ["list"]\n',
        encoding="utf-8",
    )
    with pytest.raises(BadInput, match="its files lie beside the scenario"):
        load_scenario(str(scenario), folder)


def test_a_story_reads_beside_its_scenario_and_writes_into_the_rehearsal(
    person: Postmortem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, elsewhere = tmp_path / "story", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    (folder / "one.csv").write_text("email\nann@x.example\n", encoding="utf-8")
    scenario = folder / "own.toml"
    scenario.write_text(
        'title = "Own"\nday = "2026-01-05"\ntime_zone = "Europe/Berlin"\n'
        '[[step]]\nat = "10:00"\nrun = ["start", "/checkout is down", "--at", "9:00"]\n'
        '[[step]]\nat = "10:01"\nrun = ["log", "See ../logs/checkout: it stopped"]\n'
        '[[step]]\nat = "10:02"\nrun = ["attach", "one.csv"]\n'
        '[[step]]\nat = "10:03"\nrun = ["report", "--to", "{output}/pages/story.html"]\n'
        '[[step]]\nat = "10:04"\nrun = ["report"]\n',
        encoding="utf-8",
    )
    done = rehearse(person, str(scenario), "--json")
    assert done.returncode == 0, done.stderr
    record = Path(json.loads(done.stdout)["record"])
    assert record.is_relative_to(person.home / "rehearsal")
    assert (record / "pages" / "story.html").is_file()
    assert len(list(record.glob("postmortem-report-*.html"))) == 1
    assert sorted(each.name for each in folder.iterdir()) == ["one.csv", "own.toml"]
    assert list(elsewhere.iterdir()) == []


def test_what_a_step_says_of_its_incident_names_no_folder(
    person: Postmortem, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    scenario = tmp_path / "own.toml"
    said = f"ann\\nIncident {elsewhere}\\n:boss"  # the refusal repeats all of it
    scenario.write_text(
        'title = "Own"\nday = "2026-01-05"\ntime_zone = "Europe/Berlin"\n'
        f'[[step]]\nat = "10:00"\nrun = ["start", "x", "--share", "{said}"]\nexpect = 3\n'
        '[[step]]\nat = "10:01"\nrun = ["report", "--all", "--to", "{output}/x.html"]\n',
        encoding="utf-8",
    )
    rehearse(person, str(scenario))
    assert not elsewhere.exists()
    assert (person.home / "rehearsal" / "records" / "x.html").is_file()


def test_a_live_drill_tells_the_story_and_scores_what_the_team_did(person: Postmortem) -> None:
    drill = person.start_process("rehearse", "outage", "--live", "--json", stdin=subprocess.PIPE)
    assert drill.stderr is not None
    try:
        told = _read_until(drill.stderr, "postmortem start")
        assert "Type your commands in another terminal" in told
        _paste(person, told)
        out, told = drill.communicate("\n" * 20, timeout=60)
    finally:
        drill.kill()
        lifecycle.stop(person.home / "rehearsal" / "google")
    assert "The first notice, with a promise" in told
    assert drill.returncode == 0, told
    score = json.loads(out)["score"]
    assert score["seconds_to_doc"] == 180  # the story's 1:01 PM to 1:04 PM
    assert score["seconds_to_first_word"] is None
    assert len(score["customers_missed"]) == 10


def test_a_drills_command_does_nothing_outside_the_rehearsal(person: Postmortem) -> None:
    story = "2026-11-24T14:30:00+01:00"
    said = person("log", "Seen", expect=4, POSTMORTEM_REHEARSAL_NOW=story).err
    assert "Nothing was done. Add --profile rehearsal." in said
    said = person(
        *("--profile", "rehearsal", "log", "Seen"), expect=4, POSTMORTEM_REHEARSAL_NOW="soon"
    ).err
    assert "POSTMORTEM_REHEARSAL_NOW is 'soon'. It is a time with its zone" in said


def test_a_live_drill_in_which_nothing_was_started_has_no_score(person: Postmortem) -> None:
    said = person("rehearse", "outage", "--live", typed="\n" * 20, expect=3).err
    lifecycle.stop(person.home / "rehearsal" / "google")
    assert "nothing to score" in said


def _paste(person: Postmortem, told: str) -> None:
    """Do what a person's shell would: the settings, then the last shown command."""
    lines = [line.strip() for line in told.splitlines()]
    settings = next(line for line in lines if line.startswith("export "))
    *before, command = next(line for line in reversed(lines) if "postmortem start" in line).split(
        "postmortem ", 1
    )
    given: dict[str, Any] = dict(
        word.split("=", 1) for word in shlex.split(f"{settings[7:]} {' '.join(before)}")
    )
    person(*shlex.split(command), **given)


def test_a_drill_whose_input_ends_ends_in_words(person: Postmortem) -> None:
    person.home.mkdir(mode=0o700, exist_ok=True)
    ended = person("rehearse", "outage", "--live", typed="", expect=3)
    lifecycle.stop(person.home / "rehearsal" / "google")
    assert "The drill ends here." in ended.err
    assert "defect" not in ended.err


def test_a_drill_that_is_interrupted_scores_what_was_done(person: Postmortem) -> None:
    drill = person.start_process("rehearse", "outage", "--live", stdin=subprocess.PIPE)
    assert drill.stdout is not None
    try:
        _paste(person, _read_until(drill.stdout, "postmortem start"))
        drill.send_signal(signal.SIGINT)
        said, told = drill.communicate(timeout=60)
    finally:
        drill.kill()
        lifecycle.stop(person.home / "rehearsal" / "google")
    assert drill.returncode == 130
    assert "The drill ends here." in told
    assert "time to doc" in said


def _read_until(stream: IO[str], sign: str) -> str:
    """Read a process's output up to and including the line that contains `sign`."""
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
        monkeypatch.setattr(drills, "_CAN_FORK", can_fork)
        ended.append(
            drills.run_command(["list"], environment, errors=subprocess.STDOUT, folder=person.home)
        )
    assert ended[0] == ended[1]
    assert ended[0].code == 0
    assert "No incident yet." in ended[0].said
