"""`init`: the first config, with and without a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.command_line import Postmortem
from workflow.setup.init import QUESTIONS, read_answer, write_config

ANSWERS = (
    *("--organisation", 'Müller & "Söhne"', "--time-zone", "Europe/Vienna"),
    *("--share", "team@example.com", "--share", "example.com:reader"),
    *("--sender-name", "Müller Support", "--support", "support@example.com"),
)


@pytest.fixture
def newcomer(tmp_path: Path) -> Postmortem:
    """A person without any files yet."""
    return Postmortem(tmp_path / "new-home")


def config(person: Postmortem) -> dict[str, object]:
    return tomllib.loads((person.home / "config.toml").read_text(encoding="utf-8"))


def test_every_answer_can_be_given_without_a_terminal(newcomer: Postmortem) -> None:
    result = newcomer("init", *ANSWERS)
    assert "Wrote" in result.out
    assert config(newcomer) == {
        "organisation": 'Müller & "Söhne"',
        "time_zone": "Europe/Vienna",
        "share": ["team@example.com", "example.com:reader"],
        "sender_name": "Müller Support",
        "support": "support@example.com",
    }


def test_without_answers_the_file_explains_every_setting_and_sets_none(
    newcomer: Postmortem,
) -> None:
    newcomer("init")
    assert config(newcomer) == {}
    text = (newcomer.home / "config.toml").read_text(encoding="utf-8")
    for key in ("organisation", "share", "folder", "scopes", "units_per_minute", "kind"):
        assert f"# {key} = " in text


def test_what_stands_commented_in_the_file_is_good_when_the_mark_is_taken_away(
    newcomer: Postmortem,
) -> None:
    newcomer("init")
    path = newcomer.home / "config.toml"
    lines = path.read_text(encoding="utf-8").splitlines()
    settings_alone = (
        line.removeprefix("# ") if " = " in line or line.startswith("# [") else line
        for line in lines
    )
    path.write_text("\n".join(settings_alone), encoding="utf-8")
    newcomer("list")


def test_a_second_run_keeps_what_is_there_and_adds_what_is_not(newcomer: Postmortem) -> None:
    newcomer.home.mkdir(mode=0o700)
    newcomer.configure('# mine\nsupport = "help@example.com"\n[sending]\ndaily_limit = 100\n')
    result = newcomer("init", *ANSWERS)
    assert "support stays as it is" in result.err
    text = (newcomer.home / "config.toml").read_text(encoding="utf-8")
    assert text.endswith('# mine\nsupport = "help@example.com"\n[sending]\ndaily_limit = 100\n')
    found = config(newcomer)
    assert found["support"] == "help@example.com"
    assert found["time_zone"] == "Europe/Vienna"
    assert found["sending"] == {"daily_limit": 100}
    again = newcomer.json("init", *ANSWERS)
    assert again["added"] == []
    assert (newcomer.home / "config.toml").read_text(encoding="utf-8") == text


def test_the_templates_are_copied_and_an_edited_one_stays(
    newcomer: Postmortem, tmp_path: Path
) -> None:
    folder = tmp_path / "ours"
    first = newcomer.json("init", "--templates", str(folder))
    assert first["templates"]["copied"] > 5
    (folder / "email" / "update.md").write_text("---\nsubject: Ours\n---\nOurs\n")
    second = newcomer.json("init", "--templates", str(folder))
    assert second["templates"]["copied"] == 0
    assert "Ours" in (folder / "email" / "update.md").read_text()
    assert config(newcomer)["templates"] == str(folder)


def test_a_file_in_place_of_the_folder_of_templates_is_named(
    newcomer: Postmortem, tmp_path: Path
) -> None:
    there = tmp_path / "notes.txt"
    there.write_text("mine", encoding="utf-8")
    refused = newcomer("init", "--templates", str(there), expect=4)
    assert "can't be written: a part of its path is a file, not a folder" in refused.err
    assert there.read_text(encoding="utf-8") == "mine"
    assert not (newcomer.home / "config.toml").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--time-zone", "Berlin"], "not a zone's name"),
        (["--share", "nobody"], "neither an email address nor a domain"),
        (["--organisation", "two\nlines"], "one line"),
    ],
)
def test_an_answer_that_makes_no_sense_writes_nothing(
    newcomer: Postmortem, arguments: list[str], words: str
) -> None:
    assert words in newcomer("init", *arguments, expect=3).err
    assert not (newcomer.home / "config.toml").exists()


def test_a_config_that_cannot_be_read_is_left_alone(newcomer: Postmortem) -> None:
    newcomer.home.mkdir(mode=0o700)
    newcomer.configure("organisation = ")
    assert "Fix it first" in newcomer("init", *ANSWERS, expect=4).err
    assert (newcomer.home / "config.toml").read_text() == "organisation = "


def test_a_config_named_by_the_environment_is_made_there(
    newcomer: Postmortem, tmp_path: Path
) -> None:
    path = tmp_path / "elsewhere" / "our.toml"
    newcomer("init", *ANSWERS, POSTMORTEM_CONFIG=str(path))
    assert tomllib.loads(path.read_text(encoding="utf-8"))["time_zone"] == "Europe/Vienna"


def test_a_person_at_a_terminal_is_asked_and_asked_again(newcomer: Postmortem) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "workflow", "init"],
        env={**os.environ, "POSTMORTEM_HOME": str(newcomer.home), "TZ": "Europe/Berlin"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    said = ["Example Ltd", "", "nobody", "a@example.com, b@example.com", "", "support@example.com"]
    seen, answered = "", 0
    try:
        while "Next:" not in seen:
            seen += os.read(ours, 4096).decode()
            if seen.count("?") + seen.count("between") > answered < len(said):
                os.write(ours, (said[answered] + "\n").encode())
                answered += 1
        assert process.wait(timeout=20) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert "neither an email address nor a domain" in seen
    assert config(newcomer) == {
        "organisation": "Example Ltd",
        "time_zone": "Europe/Berlin",
        "share": ["a@example.com", "b@example.com"],
        "support": "support@example.com",
    }


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp", "Cf")), min_size=1))
def test_any_answer_reads_back_as_it_was_given(
    tmp_path_factory: pytest.TempPathFactory, words: str
) -> None:
    path = tmp_path_factory.mktemp("config") / "config.toml"
    question = QUESTIONS[0]
    if not words.isprintable():
        return
    answer = read_answer(question, words)
    write_config(path, {question.key: answer})
    expected = {question.key: words.strip()} if words.strip() else {}
    assert tomllib.loads(path.read_text(encoding="utf-8")) == expected
