"""Habits of any command line: where you are, what was meant, what to type instead."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.command_line import CustomerList, Postmortem
from tests.google_world import GoogleWorld
from tests.terminal import at_a_terminal
from workflow.cli.terminal import wrapped
from workflow.model import between_text, clock_text

Customers = Callable[[int], CustomerList]


def _started(postmortem: Postmortem, title: str) -> str:
    return str(postmortem.json("start", title)["incident"])


class TestSeveralIncidents:
    def test_the_list_marks_the_current_one_and_use_switches(self, postmortem: Postmortem) -> None:
        one, two = _started(postmortem, "Wrong amounts"), _started(postmortem, "Slow logins")
        assert f"* {two}" in postmortem("list").out
        said = postmortem("use", one[:5]).out
        assert "Current incident: Wrong amounts" in said
        assert [(each["incident"], each["current"]) for each in postmortem.json("list")] == [
            (two, False),
            (one, True),
        ]
        assert postmortem.json("log", "Rolled back")["incident"] == one

    @pytest.mark.parametrize("reference", ["slow logins", "logins", "  Slow   Logins "])
    def test_an_incident_goes_by_its_title(self, postmortem: Postmortem, reference: str) -> None:
        wanted = _started(postmortem, "Slow logins")
        _started(postmortem, "Wrong amounts")
        assert postmortem.json("use", reference)["incident"] == wanted
        assert postmortem.json("show", "--incident", reference)["incident"] == wanted

    @pytest.mark.parametrize(
        "form",
        [
            "https://docs.google.com/document/d/{}/edit?usp=sharing",
            "https://docs.google.com/document/u/0/d/{}?tab=t.0#heading=h.1",
            "https://docs.google.com/open?id={}",
        ],
    )
    def test_an_incident_goes_by_its_docs_address_in_any_form(
        self, postmortem: Postmortem, form: str
    ) -> None:
        wanted = postmortem.json("start", "Slow logins")
        _started(postmortem, "Wrong amounts")
        found = postmortem.json("use", form.format(wanted["doc_id"]))
        assert found["incident"] == wanted["incident"]

    def test_words_that_fit_two_titles_name_both(self, postmortem: Postmortem) -> None:
        ids = {_started(postmortem, "Slow logins"), _started(postmortem, "Slow exports")}
        said = postmortem("use", "slow", expect=3).err
        assert all(each in said for each in ids)
        assert "Slow logins" in said

    def test_a_reference_that_fits_nothing_changes_nothing(self, postmortem: Postmortem) -> None:
        one = _started(postmortem, "Slow logins")
        assert "postmortem list" in postmortem("use", "nothing", expect=3).err
        assert f"* {one}" in postmortem("list").out

    def test_a_command_says_which_incident_it_is_about(self, postmortem: Postmortem) -> None:
        one = _started(postmortem, "Wrong amounts")
        assert "Incident " not in postmortem("log", "Alone").err
        _started(postmortem, "Slow logins")
        postmortem("use", one)
        assert f"Incident {one}: Wrong amounts (1 other is open)" in postmortem("log", "Two").err
        assert "Incident" not in postmortem("log", "Quietly", "-q").err
        assert postmortem.json("log", "For a script")["incident"] == one

    def test_a_closed_incident_is_no_other_one(self, postmortem: Postmortem) -> None:
        _started(postmortem, "Wrong amounts")
        postmortem("close", "--force", "a drill")
        _started(postmortem, "Slow logins")
        assert "other" not in postmortem("log", "Alone").err


def test_start_says_which_time_and_zone_it_understood(postmortem: Postmortem) -> None:
    said = postmortem("start", "Slow logins", "--at", "2026-01-05 14:39").out
    assert "Began 5 Jan 2026, 2:39 PM CET (Europe/Berlin)" in said


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["start", "Wrong", "amounts"], 'postmortem start "Wrong amounts"'),
        (
            ["log", "Sales", "asks", "customers", "to", "wait", "--by", "Ann"],
            'postmortem log "Sales asks customers to wait" --by Ann',
        ),
        (
            ["log", "--at", "2:39 PM", "An", "alarm"],
            'postmortem log --at "2:39 PM" "An alarm"',
        ),
        (["status", "identified", "A", "list"], 'postmortem status identified "A list"'),
        (["log", "It", "cost", "$5"], "postmortem log 'It cost $5'"),
    ],
)
def test_words_without_quotes_are_answered_with_the_line_that_was_meant(
    postmortem: Postmortem, typed: list[str], meant: str
) -> None:
    said = postmortem(*typed, expect=2).err
    assert "quotes" in said
    assert meant in " ".join(said.split())


class TestCompletion:
    def _offered(self, postmortem: Postmortem, words: str) -> str:
        return postmortem(
            expect=None,
            _POSTMORTEM_COMPLETE="complete_bash",
            COMP_WORDS=words,
            COMP_CWORD=str(len(words.split()) - (not words.endswith(" "))),
        ).out

    def test_it_knows_incidents_sections_stages_templates_and_states(
        self, postmortem: Postmortem
    ) -> None:
        one = _started(postmortem, "Slow logins")
        assert one in self._offered(postmortem, "postmortem use ")
        assert one in self._offered(postmortem, f"postmortem log --incident {one[:3]}")
        assert "root_cause" in self._offered(postmortem, "postmortem section ro")
        assert "monitoring" in self._offered(postmortem, "postmortem notify a.csv --stage mon")
        assert "correction" in self._offered(postmortem, "postmortem notify a.csv --template co")
        assert "resolved" in self._offered(postmortem, "postmortem status res")

    def test_it_offers_nothing_where_there_is_nothing(self, postmortem: Postmortem) -> None:
        assert self._offered(postmortem, "postmortem use ").strip() == ""
        postmortem.configure("this is no config")
        assert self._offered(postmortem, "postmortem use ").strip() == ""


def test_no_title_is_code_of_the_shell(postmortem: Postmortem) -> None:
    one = _started(postmortem, r"Slow \$(id) \`id\` \" ) ; id ' [/b] logins" + "\x1b")
    for shell in ("bash", "zsh", "fish", "powershell"):
        offered = postmortem(
            expect=None,
            _POSTMORTEM_COMPLETE=f"complete_{shell}",
            _TYPER_COMPLETE_ARGS="postmortem use ",
            _TYPER_COMPLETE_FISH_ACTION="get-args",
            _TYPER_COMPLETE_WORD_TO_COMPLETE="",
            COMP_WORDS="postmortem use ",
            COMP_CWORD="2",
        ).out
        assert one in offered, shell
        # zsh has each offer in double quotes, within single quotes.
        outside = re.sub(r"""_arguments|'\*: :\(\((?:"[^"]*":"[^"]*"\n?)+\)\)'""", "", offered)
        assert not set(outside) & set("\\$`\"'\x1b"), offered
        assert not set(offered) & set("\\$`\x1b"), offered


def test_show_holds_all_of_the_state_on_stdout(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    _started(postmortem, "Slow logins")
    google.misbehave("400", "gmail.users.drafts.create", times=1, skip=3)
    postmortem("notify", str(customers(30)), "--send", "--confirm", "30", expect=6)
    postmortem("log", "Not in the doc", POSTMORTEM_GOOGLE_URL="http://127.0.0.1:9", expect=5)
    shown = postmortem("show", POSTMORTEM_GOOGLE_URL="http://127.0.0.1:9")
    assert sum(each in shown.out for each in customers(30).addresses) == 1
    assert "1 not in the doc yet" in shown.out
    assert shown.err == ""


class TestAQuestion:
    def test_ctrl_c_says_that_nothing_was_sent(
        self, postmortem: Postmortem, google: GoogleWorld, customers: Customers
    ) -> None:
        postmortem("start", "Slow logins", "--customer-title", "Slow logins")
        code, said = _ctrl_c_at("Type 3", postmortem, "notify", str(customers(3)), "--send")
        assert code == 130
        assert "Nothing was sent." in said
        assert google.copies_per_recipient() == {}

    @pytest.mark.parametrize("how", ["ctrl_c", "ctrl_d"])
    def test_no_passphrase_says_that_nothing_was_handed_over(
        self, postmortem: Postmortem, tmp_path: Path, how: str
    ) -> None:
        postmortem("start", "Slow logins")
        file = tmp_path / "file"
        words = ("handover", str(file))
        if how == "ctrl_c":
            code, said = _ctrl_c_at("to create one", postmortem, *words)
            assert code == 130
        else:
            code, said = _ctrl_c_at("to create one", postmortem, *words, key=b"\x04")
            assert code == 3
        assert "Nothing was handed over." in said
        assert "is recorded" not in said
        assert not file.exists()
        postmortem("handover", str(file), POSTMORTEM_PASSPHRASE="correct horse battery")

    def test_no_to_closing_anyway_closes_nothing(
        self, postmortem: Postmortem, customers: Customers
    ) -> None:
        _started(postmortem, "Slow logins")
        postmortem("notify", str(customers(1)), "--send", "--confirm", "1")
        said = at_a_terminal(postmortem, "close", typed="no")
        assert said.code == 3
        assert "Reason" not in said.out
        assert postmortem.json("show")["closed_at"] is None


def _ctrl_c_at(
    question: str, postmortem: Postmortem, *arguments: str, key: bytes = b""
) -> tuple[int, str]:
    """Press Ctrl-C when a command asks, or another `key`; returns its exit code and all output."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "workflow", *arguments],
        env=postmortem._environment({}),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    said = b""
    until = time.monotonic() + 30
    while question.encode() not in said and time.monotonic() < until:
        if select.select([ours], [], [], 0.2)[0]:
            said += os.read(ours, 65536)
    time.sleep(0.1)  # until it reads the answer
    if key:
        os.write(ours, key)
    else:
        process.send_signal(signal.SIGINT)
    code = process.wait(timeout=30)
    os.set_blocking(ours, False)
    try:
        while more := os.read(ours, 65536):
            said += more
    except OSError:
        pass
    os.close(ours)
    return code, said.decode("utf-8", "replace")


def test_without_an_editor_of_ones_own_the_platforms_is_opened(
    postmortem: Postmortem, tmp_path: Path
) -> None:
    _started(postmortem, "Slow logins")
    folder = tmp_path / "bin"
    folder.mkdir()
    nano = folder / "nano"
    nano.write_text('#!/bin/sh\n/bin/sed -i "1i An index was missing." "$1"\n', encoding="utf-8")
    nano.chmod(0o755)
    assert at_a_terminal(postmortem, "section", "root", PATH=str(folder)).code == 0
    assert "no terminal" in postmortem("section", "root", expect=3).err


class TestAtSixtyColumns:
    LONG = "There is no editor here: give the text in quotes, or read it from standard input with -"

    def test_lines_break_between_words(self) -> None:
        lines = wrapped(f"  {self.LONG}", 60).split("\n")
        assert all(len(line) <= 60 for line in lines)
        assert " ".join(" ".join(lines).split()) == self.LONG

    def test_a_command_to_copy_stays_in_one_line(self) -> None:
        shown = wrapped(
            'Not closed. Nothing was changed. To close anyway: postmortem close --force "why"', 60
        )
        assert 'postmortem close --force "why"' in shown.split("\n")[-1]

    @pytest.mark.parametrize(
        "command",
        [
            'POSTMORTEM_REHEARSAL_NOW=2026-05-19T13:04:00-05:00 postmortem start "Down." --at x',
            "export POSTMORTEM_PROFILE=rehearsal POSTMORTEM_REHEARSAL_ZONE=America/Chicago",
            "POSTMORTEM_HOME=/somewhere/far/away /opt/tools/bin/postmortem rehearse serve --port 8",
        ],
    )
    @pytest.mark.parametrize("before", ["", "  ", "          Example: "])
    def test_a_command_wider_than_the_terminal_is_copied_whole(
        self, before: str, command: str
    ) -> None:
        assert wrapped(f"{before}{command}", 60).split("\n")[-1].strip() == command

    def test_each_of_two_commands_stays_in_one_line(self) -> None:
        first, second = "postmortem close --not-told end.csv", "postmortem notify end.csv --stage x"
        shown = wrapped(f"  2 customers were not told: {first}, then {second}", 60).split("\n")
        assert [line.strip() for line in shown[-2:]] == [f"{first}, then", second]

    def test_a_sentence_that_names_a_command_is_no_command(self) -> None:
        sentence = "To set it up, run: postmortem init, then follow docs/google-setup.md. Then go."
        assert all(len(line) <= 60 for line in wrapped(sentence, 60).split("\n"))

    @given(st.text(alphabet=st.characters(exclude_categories=["C", "Z"]) | st.just(" ")))
    def test_no_word_is_broken_or_lost(self, text: str) -> None:
        lines = wrapped(text, 30).split("\n")
        assert " ".join(lines).split() == text.split()

    @pytest.mark.parametrize("command", ["start", "notify", "resume", "close"])
    def test_help_breaks_no_word(self, postmortem: Postmortem, command: str) -> None:
        narrow = postmortem(command, "--help", COLUMNS="60").out.split()
        wide = postmortem(command, "--help", COLUMNS="200").out.split()
        assert set(narrow) - {"\\"} <= set(wide)


class TestDurations:
    @given(
        st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2030, 1, 1)),  # noqa: DTZ001
        st.integers(0, 3 * 24 * 3600),
    )
    def test_they_are_what_a_reader_counts_from_the_minutes(
        self, begun: datetime, seconds: int
    ) -> None:
        begun = begun.replace(tzinfo=UTC)
        ended = begun + timedelta(seconds=seconds)
        shown = [each.replace(second=0, microsecond=0) for each in (begun, ended)]
        assert between_text(begun, ended) == between_text(*shown)

    def test_the_seeds_day_is_4_hours_and_6_minutes(self) -> None:
        begun = datetime(2026, 11, 24, 13, 39, 50, tzinfo=UTC)
        ended = datetime(2026, 11, 24, 17, 45, 10, tzinfo=UTC)
        assert clock_text(begun, UTC).startswith("1:39 PM")  # type: ignore[arg-type]
        assert between_text(begun, ended) == "4 h 6 min"


def test_every_page_counts_a_duration_alike(postmortem: Postmortem, tmp_path: Path) -> None:
    story: dict[str, Any] = {}
    postmortem("start", "Slow logins", "--at", "2026-01-05 14:39:50", **story)
    postmortem("status", "resolved", "--at", "2026-01-05 18:45:10")
    closed = postmortem("close", "--at", "2026-01-05 18:45:10", "--force", "a drill").out
    postmortem("report", "--to", str(tmp_path / "report.html"))
    postmortem("export", str(tmp_path / "record"))
    assert "4 h 6 min" in closed
    assert "4 h 6 min" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "4 h 6 min" in (tmp_path / "record/postmortem.md").read_text(encoding="utf-8")
    assert "4 h 6 min" in (tmp_path / "record/postmortem.html").read_text(encoding="utf-8")


def test_an_incident_is_as_long_as_customers_had_it_however_late_it_is_closed(
    postmortem: Postmortem, google: GoogleWorld, tmp_path: Path
) -> None:
    doc_id = postmortem.json("start", "Slow logins", "--at", "2026-01-05 14:00")["doc_id"]
    postmortem("section", "summary", "Logins were slow.")
    postmortem("status", "resolved", "--at", "2026-01-05 14:40")
    closed = postmortem.json("close", "--at", "2026-01-06 10:00", "--force", "a drill")
    assert closed["duration"] == "40 min"
    assert "Duration: 40 min" in google.text(doc_id)
    report = postmortem.json("report", "--all", "--to", str(tmp_path / "all.html"))
    (row,) = report["incidents"]
    assert row["duration_seconds"] == 40 * 60
    postmortem("publish", "--to", str(tmp_path / "public"))
    public = "".join(each.read_text("utf-8") for each in (tmp_path / "public").glob("*.md"))
    assert "Ended 5 Jan 2026, 2:40 PM CET" in public


class TestAFirstRun:
    """Nothing is set up: no config, no sign-in, no client."""

    @pytest.fixture
    def newcomer(self, tmp_path: Path) -> Postmortem:
        home = tmp_path / "new"
        home.mkdir(mode=0o700)
        return Postmortem(home)

    def test_start_says_what_is_missing_and_both_ways_on(self, newcomer: Postmortem) -> None:
        said = newcomer("start", "Slow logins", expect=4)
        shown = newcomer.json("list")[0]["incident"]
        assert f"Incident {shown}" in said.out
        assert "Google is not set up yet" in said.err
        for way in ("postmortem init", "docs/google-setup.md", "--profile rehearsal"):
            assert way in said.err
        assert "Recorded" in said.err

    def test_signing_in_without_a_client_says_where_to_get_one(self, newcomer: Postmortem) -> None:
        said = newcomer("auth", "login", expect=4).err
        assert str(newcomer.home / "credentials.json") in said
        assert "docs/google-setup.md" in said

    def test_with_a_client_it_is_the_sign_in_that_is_missing(self, newcomer: Postmortem) -> None:
        (newcomer.home / "credentials.json").write_text("{}", encoding="utf-8")
        said = newcomer("start", "Slow logins", expect=4).err
        assert "Nobody is signed in" in said
        assert "postmortem auth login" in said


def test_a_struck_entry_looks_struck_without_colour(postmortem: Postmortem) -> None:
    _started(postmortem, "Slow logins")
    entry = postmortem.json("log", "Rolled back")["entry"]
    postmortem("log", "--strike", entry)
    assert "(struck) Rolled back" in postmortem("show").out
    assert "(struck) Rolled back" in postmortem("watch", "--once").out


def test_watch_says_how_many_notices_it_does_not_show(
    postmortem: Postmortem, customers: Customers
) -> None:
    _started(postmortem, "Slow logins")
    for number in range(6):
        sent = ("--send", "--confirm", "1", "--subject", f"News {number}", "--again")
        postmortem("notify", str(customers(1)), *sent)
    assert "…and 2 earlier notices: postmortem show" in postmortem("watch", "--once").out


def test_the_list_of_templates_is_aligned(postmortem: Postmortem) -> None:
    lines = postmortem("template", "list").out.splitlines()
    assert len({line.index(line.split()[1], 10) for line in lines}) == 1
