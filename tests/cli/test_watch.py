"""An incident on one screen: due updates, waiting changes, customers without a mail."""

from __future__ import annotations

import io
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from tests.command_line import CustomerList, Postmortem
from tests.google_world import GoogleWorld
from workflow.cli.lasting_jobs import page
from workflow.ledger.notices import Notice
from workflow.model import DeliveryCounts, Incident, Shortfall, Stage, TimelineEntry
from workflow.standing.closing_checks import NextWord
from workflow.standing.overview import IncidentLook, NoticeStanding, Standing, delivery_bar

Customers = Callable[[int], CustomerList]
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def test_one_frame_tells_all_that_matters(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    postmortem("start", "Wrong amounts", "--severity", "SEV2")
    google.misbehave("404", "gmail.users.drafts.create", times=1)
    words = ("notify", str(customers(3)), "--next-update", "30m", "--send", "--confirm", "3")
    postmortem(*words, expect=6)
    postmortem("log", "Seen by Ann", expect=5, POSTMORTEM_GOOGLE_URL="http://127.0.0.1:9")
    google.forget_calls()
    frame = postmortem("watch").out
    assert google.calls() == {}
    lines = frame.splitlines()
    assert lines[0] == "Wrong amounts"
    # A busy machine may need more than a minute for the commands above.
    assert re.match(r"Investigating · SEV2 · open for (less than a minute|\d min) · ", lines[1])
    for shown in (
        "Next update  due in 30 min",
        "Doc          1 change waits: postmortem sync",
        "2 of 3, failed 1",
        "person",
        "Seen by Ann",
    ):
        assert shown in frame
    assert "\x1b" not in frame
    assert postmortem("watch", "--once").out.splitlines()[2:] == lines[2:]


def test_as_json_it_is_the_document_that_show_gives(postmortem: Postmortem) -> None:
    postmortem("start", "Wrong amounts")
    assert postmortem.json("watch") == postmortem.json("show")
    assert postmortem("watch", "--incident", "zzzz", expect=3).err


LONG = "A very long thing that somebody wrote under stress, with no end in sight, " * 4


def crowded() -> IncidentLook:
    """An incident with more of everything than fits on a screen."""
    incident = Incident("abcd2345", f"{LONG}\x1b[2J", NOON, "Europe/Berlin", severity="SEV1")
    notice = Notice(
        content_key="k",
        plan_hash="k",
        template_name="investigating",
        template_source="",
        copy_markdown="",
        sender="",
        id="n",
        incident_id=incident.id,
        mode="send",
        stage=Stage.INVESTIGATING,
        subject=LONG,
        recipients=1000,
        said_at=NOON,
        created_at=NOON,
    )
    counts = DeliveryCounts(sent=600, failed=3, unknown=1, pending=396, skipped=12)
    short = tuple(Shortfall(f"p{row}@x.example", row, LONG) for row in range(9))
    entries = tuple(
        TimelineEntry(f"e{at}", NOON + timedelta(minutes=at), f"[bold]{at} {LONG}", NOON, by="Ann")
        for at in range(60)
    )
    standing = Standing(
        incident,
        pending=4,
        timeline=entries,
        notices=(NoticeStanding(notice, counts, short, copied_back=False),) * 6,
        next_word=NextWord(NOON, "late", 12),
    )
    return IncidentLook(standing, NOON + timedelta(hours=1))


def drawn(look: IncidentLook, width: int, height: int, **console: Any) -> str:
    out = io.StringIO()
    terminal = Console(file=out, width=width, height=height, highlight=False, **console)
    terminal.print(page(look, terminal, height))
    return out.getvalue()


@pytest.mark.parametrize(("width", "height"), [(80, 24), (60, 24), (45, 24), (200, 60)])
def test_a_frame_fits_the_terminal_however_much_there_is(width: int, height: int) -> None:
    lines = drawn(crowded(), width, height).rstrip("\n").split("\n")
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    assert "\x1b" not in "".join(lines)
    assert any("12 min late" in line for line in lines)
    assert any("59 A very long" in line for line in lines)  # the newest entry is there
    assert any("postmortem sync" in line for line in lines)


@given(st.integers(30, 220), st.integers(20, 80))
def test_no_size_breaks_the_frame(width: int, height: int) -> None:
    lines = drawn(crowded(), width, height).rstrip("\n").split("\n")
    assert max(map(len, lines)) <= width
    assert len(lines) <= max(height, 24)


@pytest.mark.parametrize(
    ("word", "colour"),
    [
        (NextWord(NOON, "due", 25), "\x1b[32m"),
        (NextWord(NOON, "due", 6), "\x1b[1;33m"),
        (NextWord(NOON, "late", 1), "\x1b[1;31m"),
    ],
)
def test_the_next_word_is_amber_when_it_is_near_and_red_when_it_is_late(
    word: NextWord, colour: str
) -> None:
    look = crowded()
    look = replace(look, standing=replace(look.standing, next_word=word))
    styled = drawn(look, 80, 24, force_terminal=True, color_system="standard")
    assert f"{colour}{word.words}" in styled
    plain = drawn(look, 80, 24, force_terminal=True, color_system="standard", no_color=True)
    assert "\x1b[32m" not in plain
    assert "33m" not in plain
    assert word.words in plain


@given(st.integers(0, 5000), st.integers(0, 50), st.integers(0, 50), st.integers(0, 5000))
def test_a_bar_is_as_wide_as_it_is_and_hides_no_failure(
    sent: int, failed: int, unknown: int, pending: int
) -> None:
    (notice, *_), counts = (
        crowded().standing.notices,
        DeliveryCounts(sent, failed, unknown, pending),
    )
    cells = delivery_bar(replace(notice, counts=counts), 24)
    assert sum(cells) == 24
    assert min(cells) >= 0
    assert (cells[1] > 0) == (failed + unknown > 0)
    assert pending == 0 or cells[2] > 0 or cells[1] == 24


@pytest.mark.skipif(os.name != "posix", reason="a pseudo-terminal")
def test_on_a_terminal_it_is_live_and_ctrl_c_leaves_it_with_the_last_frame(
    postmortem: Postmortem,
) -> None:
    postmortem("start", "Wrong amounts")
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "workflow", "watch"],
        env={**os.environ, **postmortem.environment, "POSTMORTEM_HOME": str(postmortem.home)}
        | {"TERM": "xterm", "LANG": "C.UTF-8", "TZ": "Europe/Berlin"},
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    try:
        seen = read_until(leader, "No entry yet.")
        postmortem("log", "Seen by Ann")
        seen = read_until(leader, "Seen by Ann")
        process.send_signal(signal.SIGINT)
        seen = read_until(leader, "Seen by Ann")
        assert process.wait(timeout=20) == 0
        assert "Interrupted" not in seen
    finally:
        process.kill()
        process.wait(timeout=20)
        os.close(leader)


def read_until(descriptor: int, words: str, seconds: float = 60) -> str:
    """The terminal's output, read until it contains the words."""
    deadline, seen = time.monotonic() + seconds, ""
    while words not in seen:
        assert time.monotonic() < deadline, seen
        ready, _, _ = select.select([descriptor], [], [], 0.1)
        if ready:
            seen += os.read(descriptor, 65536).decode("utf-8", "replace")
    return seen
