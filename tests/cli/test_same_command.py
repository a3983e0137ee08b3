"""The same command again: after a crash it finishes the work, and never doubles it.

The crashes are real: a process kills itself at each commit and each call. The doc, Drive and the
chats show the result.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.both_ledgers import on_both_ledgers
from tests.command_line import Postmortem, running
from tests.conftest import CONFIG
from tests.google_world import GoogleWorld
from tests.plug import died_at, dies_at, dies_in, wait_until
from tests.terminal import at_a_terminal

STOPPED = "The same command was interrupted before. This run finishes it."
_MOST_POINTS = 60


def each_point(
    postmortem: Postmortem, command: Callable[[int], tuple[str, ...]], *, step: int = 1
) -> Iterator[tuple[str, ...]]:
    """A command for each `step`th point at which it can die: killed there, then run again."""
    for point in range(1, _MOST_POINTS, step):
        words = command(point)
        if not died_at(point, postmortem, *words):
            assert point > 6, "it came to hardly any commit or call"
            return
        postmortem(*words)
        yield words
    raise AssertionError("it never came to its end")


@pytest.fixture(autouse=True)
def short_waits(postmortem: Postmortem) -> None:
    """Shorten the wait for a dead process's call."""
    postmortem.configure(CONFIG.replace("timeout_seconds = 5", "timeout_seconds = 2"))


@on_both_ledgers
def test_a_line_is_logged_once_wherever_the_first_run_was_killed(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    doc_id = postmortem.json("start", "Wrong amounts")["doc_id"]
    said = [words[1] for words in each_point(postmortem, lambda at: ("log", f"Line {at}."))]
    text = google.text(doc_id)
    assert [text.count(line) for line in said] == [1] * len(said)
    told = [entry["text"] for entry in postmortem.json("show")["timeline"]]
    assert sorted(told) == sorted([*said, f"Line {len(said) + 1}."])


def test_a_status_is_set_once_wherever_the_first_run_was_killed(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    doc_id = postmortem.json("start", "Wrong amounts")["doc_id"]
    notes = [
        words[2]
        for words in each_point(
            postmortem, lambda at: ("status", "identified", f"Cause {at}."), step=2
        )
    ]
    text = google.text(doc_id)
    assert [text.count(f"Status: Identified – {note}") for note in notes] == [1] * len(notes)


def test_a_section_is_filled_once_wherever_the_first_run_was_killed(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    doc_id = postmortem.json("start", "Wrong amounts")["doc_id"]
    said = [
        words[2]
        for words in each_point(
            postmortem, lambda at: ("section", "root-cause", f"Cause {at}."), step=2
        )
    ]
    text = google.text(doc_id)
    assert [text.count(each) for each in said] == [1] * len(said)


def test_a_file_is_attached_once_wherever_the_first_run_was_killed(
    postmortem: Postmortem, google: GoogleWorld, tmp_path: Path
) -> None:
    doc_id = postmortem.json("start", "Wrong amounts")["doc_id"]
    file = tmp_path / "evidence.bin"
    file.write_bytes(b"\x00\x01\x02")
    captions = [
        words[3]
        for words in each_point(
            postmortem, lambda at: ("attach", str(file), "--caption", f"Caption {at}."), step=4
        )
    ]
    text = google.text(doc_id)
    assert [text.count(each) for each in captions] == [1] * len(captions)
    files = google._pages("drive/v3/files", "files", fields="nextPageToken,files(name)")
    copies = [each for each in files if each["name"] == "evidence.bin"]
    assert len(copies) == len(captions) + 1


def test_an_incident_is_started_once_wherever_the_first_run_was_killed(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    titles = [
        words[1] for words in each_point(postmortem, lambda at: ("start", f"Fault {at}."), step=3)
    ]
    listed = [each["title"] for each in postmortem.json("list")]
    assert len(listed) == len(titles) + 1  # and the last, which was not killed
    assert set(titles) < set(listed)
    docs = [each["name"] for each in google.documents()]
    assert sorted(docs) == sorted(listed)


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (("impact", "40 customers"), "  Impact: 40 customers"),
        (("severity", "SEV1"), "  Severity: SEV1"),
    ],
)
def test_a_statement_is_made_once_wherever_the_first_run_was_killed(
    postmortem: Postmortem, google: GoogleWorld, command: tuple[str, ...], line: str
) -> None:
    doc_id = postmortem.json("start", "Wrong amounts")["doc_id"]
    for point in (1, 2, 4):
        dies_at(point, postmortem, command[0], f"{command[1]} {point}")
        postmortem(command[0], f"{command[1]} {point}")
        assert google.text(doc_id).count(f"{line} {point}") == 1


CHANNEL = """
[[announce]]
kind = "slack_webhook"
name = "#incidents"
url_env = "HOOK"
"""


def set_up_channel(postmortem: Postmortem, google: GoogleWorld) -> None:
    hook = "/services/TREHEARSAL/BINCIDENTS/told-on-this-machine"
    postmortem.environment["HOOK"] = f"{google.url}{hook}"
    postmortem.configure(f"{CONFIG}{CHANNEL}")


def test_colleagues_are_told_once_wherever_the_first_run_was_killed(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    set_up_channel(postmortem, google)
    postmortem("start", "Wrong amounts")
    for point in (1, 2, 8, 9):  # before the call, and after its answer was written down
        dies_at(point, postmortem, "announce", f"Seen {point}.")
        postmortem("announce", f"Seen {point}.")
        told = [each for each in google.told() if f"Seen {point}." in str(each)]
        assert len(told) == 1


def test_a_start_that_died_before_colleagues_were_told_tells_them(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    set_up_channel(postmortem, google)
    for point in (2, 8, 12):
        dies_at(point, postmortem, "start", f"Fault {point}.", "--announce")
        postmortem("start", f"Fault {point}.", "--announce")
        assert len([each for each in google.told() if f"Fault {point}." in str(each)]) == 1


def test_a_close_that_was_killed_is_finished(postmortem: Postmortem, google: GoogleWorld) -> None:
    doc_id = postmortem.json("start", "Wrong amounts")["doc_id"]
    dies_at(3, postmortem, "close")  # still comparing: nothing was written yet
    dies_in("workflow.incident.lifecycle", "bring_to_doc", postmortem, "close")
    closed = postmortem("close")
    assert STOPPED in closed.out + closed.err
    dies_at(3, postmortem, "reopen", "It is back")
    postmortem("reopen", "It is back")
    text = google.text(doc_id)
    assert text.count("Closed the incident") == text.count("Reopened: It is back") == 1


def test_what_an_interruption_cut_short_is_finished_too(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    doc_id = postmortem.json("start", "Wrong amounts")["doc_id"]
    postmortem.configure(CONFIG)
    google.misbehave("slow", "docs.documents.batchUpdate", times=1, seconds=4)
    with running(postmortem.start_process("log", "Seen by support")) as process:
        wait_until(lambda: postmortem.json("show")["pending_sync"] == 1)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    assert postmortem.json("log", "Seen by support")["recorded_before"] is True
    assert google.text(doc_id).count("Seen by support") == 1


@on_both_ledgers
def test_a_command_that_was_done_is_not_doubled_where_nobody_can_be_asked(
    postmortem: Postmortem, google: GoogleWorld, tmp_path: Path
) -> None:
    file = tmp_path / "log.txt"
    file.write_text("a line\n", encoding="utf-8")
    first_doc = postmortem.json("start", "Wrong amounts", "--impact", "x")["doc_id"]
    for command in (
        ("start", "Wrong amounts", "--impact", "x"),
        ("log", "Seen by support"),
        ("status", "identified", "A stale list"),
        ("section", "root-cause", "A stale list was loaded."),
        ("attach", str(file), "--caption", "The log"),
    ):
        postmortem(*command)
        again = postmortem(*command)
        assert "Nothing was added. To record it again, add --again" in again.err
        assert postmortem.json(*command)["recorded_before"] is True
    text = google.text(first_doc)
    for line in ("Seen by support", "  Status: Identified", "A stale list was loaded.", "The log"):
        assert text.count(line) == 1
    assert len(google.documents()) == 1


def test_it_is_recorded_again_where_that_is_said(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    doc_id = postmortem.json("start", "Wrong amounts")["doc_id"]
    for _ in range(3):
        entry = postmortem.json("log", "Another call", "--again")
        assert "recorded_before" not in entry
        postmortem("status", "identified", "--again")
        postmortem("section", "root-cause", "One more.", "--again")
    text = google.text(doc_id)
    lines = ("Another call", "  Status: Identified", "One more.")
    assert [text.count(each) for each in lines] == [3, 3, 3]
    postmortem("start", "Wrong amounts", "--again")
    assert len(google.documents()) == 2


@pytest.mark.parametrize(("answer", "count"), [("y", 2), ("", 1), ("n", 1)])
def test_at_a_terminal_it_is_asked_about(
    postmortem: Postmortem, google: GoogleWorld, answer: str, count: int
) -> None:
    doc_id = postmortem.json("start", "Wrong amounts")["doc_id"]
    postmortem("log", "Another call")
    asked = at_a_terminal(postmortem, "log", "Another call", typed=answer)
    assert asked.code == 0
    assert "Record it again? [y/N]" in asked.out
    assert google.text(doc_id).count("Another call") == count


def test_other_words_another_time_or_another_incident_are_recorded(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    other = postmortem.json("start", "Other")
    doc_id = postmortem.json("start", "Wrong amounts", "--at", "2026-11-24 08:00")["doc_id"]
    lines = [
        ("log", "Another call"),
        ("log", "Another call", "--at", "2026-11-24 08:30"),
        ("log", "Another call", "--by", "Ann"),
        ("log", "Another call", "--link", "https://wiki.example/1"),
        ("--incident", other["incident"], "log", "Another call"),
    ]
    for line in lines:
        postmortem(*line)
    assert google.text(doc_id).count("Another call") == 4
    assert google.text(other["doc_id"]).count("Another call") == 1


def test_a_status_that_comes_back_is_set_again(postmortem: Postmortem, google: GoogleWorld) -> None:
    doc_id = postmortem.json("start", "Wrong amounts")["doc_id"]
    for state in ("monitoring", "identified", "monitoring"):
        postmortem("status", state)
    text = google.text(doc_id)
    assert text.count("  Status: Monitoring") == 2
    assert postmortem.json("show")["status"] == "monitoring"


def test_the_same_words_an_hour_later_are_meant(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    postmortem.environment["POSTMORTEM_PROFILE"] = "rehearsal"
    now = datetime.fromisoformat("2026-11-24T14:00:00+01:00")

    def at(minutes: int, *words: str) -> None:
        later = (now + timedelta(minutes=minutes)).isoformat()
        postmortem(*words, POSTMORTEM_REHEARSAL_NOW=later)

    at(0, "start", "Wrong amounts")
    at(1, "log", "Another call")
    at(3, "log", "Another call")
    at(12, "log", "Another call")
    timeline = postmortem.json("show")["timeline"]
    assert [entry["text"] for entry in timeline] == ["Another call", "Another call"]


@pytest.mark.usefixtures("little_patience")
def test_what_waits_for_google_was_said_to_wait_and_is_not_doubled(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    doc_id = postmortem.json("start", "Wrong amounts")["doc_id"]
    google.misbehave("503", "docs.documents.batchUpdate")
    postmortem("log", "Seen by support", expect=5)
    google.behave()
    postmortem("log", "Seen by support")
    assert google.text(doc_id).count("Seen by support") == 1
