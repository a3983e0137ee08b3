"""`log -` reads a chat's history: one entry for each line that has a time."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.command_line import Postmortem
from tests.google_world import GoogleWorld
from workflow.paste.context import PasteUnclear
from workflow.paste.reading import read_paste

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 24, 18, 0, tzinfo=BERLIN)


def read(text: str, first: datetime | None = None) -> list[tuple[str, str, str]]:
    found = read_paste(text, now=NOW, zone=BERLIN, first=first).entries
    return [(f"{each.at:%d %H:%M}", each.by, each.text) for each in found]


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("14:39 Seen\n14:43 - Alerted", [("24 14:39", "", "Seen"), ("24 14:43", "", "Alerted")]),
        ("2:39 PM Seen\n2:43pm: Alerted", [("24 14:39", "", "Seen"), ("24 14:43", "", "Alerted")]),
        ("2026-11-23 14:39 Seen", [("23 14:39", "", "Seen")]),
        ("2026-11-23T14:39:00+01:00 Seen", [("23 14:39", "", "Seen")]),
        ("[2:43 PM] Ann: Hello: you", [("24 14:43", "Ann", "Hello: you")]),
        ("[14:43] Just text", [("24 14:43", "", "Just text")]),
        (
            "Ann Example  2:43 PM\nFirst line\nsecond line\n\nBob  2:44 PM\nYes",
            [("24 14:43", "Ann Example", "First line\nsecond line"), ("24 14:44", "Bob", "Yes")],
        ),
        (
            "Ann Example\n  2:43 PM\nHello\nBob\n  2:44\u202fPM\nYes",
            [("24 14:43", "Ann Example", "Hello"), ("24 14:44", "Bob", "Yes")],
        ),
        (
            "Ann Example, Nov 23, 2:43 PM\nHello\nBob, Mon, Nov 23, 2026, 2:44 PM\nYes",
            [("23 14:43", "Ann Example", "Hello"), ("23 14:44", "Bob", "Yes")],
        ),
        ("Ann, Dec 30, 2:43 PM\nLast year", [("30 14:43", "Ann", "Last year")]),
        (
            "14:39 One\n  of two lines\n14:40 Two",
            [("24 14:39", "", "One\n  of two lines"), ("24 14:40", "", "Two")],
        ),
        ("We restarted it, 14:50 or so\nno times", []),
        ("Rollback, 14:50", [("24 14:50", "", "Rollback")]),
        ("It began at 14:39", []),
        ("", []),
    ],
)
def test_each_shape_is_read(text: str, entries: list[tuple[str, str, str]]) -> None:
    assert read(text) == entries


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        (
            "[8:05 AM] Doe, Jane\nDeploy\n[8:06 AM] Roe, Max\nThis message has been deleted.\n"
            "[8:07 AM] Roe, Max\nalert",
            [("24 08:05", "Doe, Jane", "Deploy"), ("24 08:07", "Roe, Max", "alert")],
        ),
        (  # a picture
            "[8:05 AM] Doe, Jane\nDeploy\n[8:06 AM] Roe, Max\n[8:07 AM] Roe, Max\n\nalert",
            [("24 08:05", "Doe, Jane", "Deploy"), ("24 08:07", "Roe, Max", "alert")],
        ),
        (
            "[14:05] Deploy\nv1.2.3 to prod\n[14:09] Rollback\nto v1.2.2",
            [("24 14:05", "", "Deploy\nv1.2.3 to prod"), ("24 14:09", "", "Rollback\nto v1.2.2")],
        ),
        (
            "[14:05] Deploy\nv1.2.3 to prod\n[14:09] Doe, Jane\nThanks",
            [("24 14:05", "", "Deploy\nv1.2.3 to prod"), ("24 14:09", "Doe, Jane", "Thanks")],
        ),
        (
            "Ann Lee  8:05 AM\njoined #inc-123.\nBob Roe  8:06 AM\nhere",
            [("24 08:06", "Bob Roe", "here")],
        ),
    ],
)
def test_authors_are_neither_lost_nor_made_up(
    text: str, entries: list[tuple[str, str, str]]
) -> None:
    assert read(text) == entries


def test_a_paste_that_runs_past_midnight_goes_on_with_the_next_day() -> None:
    first = datetime(2026, 11, 22, 12, 0, tzinfo=BERLIN)
    assert [at for at, _, _ in read("0:10 a\n23:50 b\n0:05 c\n0:03 d", first)] == [
        *("22 00:10", "22 23:50", "23 00:05", "23 00:03")
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("What we saw:\n14:39 Seen", "Line 1 is above the first line with a time"),
        ("14:39 Seen\n23:10 Ahead", "Line 2: .*still ahead"),
        ("14:39 Seen\n25:10 No time", "Line 2: .*not a time of day"),
    ],
)
def test_what_can_not_be_placed_is_refused_with_its_line(text: str, words: str) -> None:
    with pytest.raises(PasteUnclear, match=words):
        read(text)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 17 * 60),
            st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"])), max_size=3),
        ),
        min_size=1,
    )
)
def test_no_word_of_a_paste_is_lost(said: list[tuple[int, list[str]]]) -> None:
    start = datetime(2026, 11, 24, 0, 0, tzinfo=BERLIN)
    heads = [f"[{start + timedelta(minutes=minutes):%H:%M}] s" for minutes, _ in said]
    lines = [line for head, (_, more) in zip(heads, said, strict=True) for line in (head, *more)]
    try:
        found = read_paste("\n".join(lines), now=NOW, zone=BERLIN)
    except PasteUnclear:
        return  # the line happened to be a time in the future
    kept = "".join(f"{each.by}{each.text}" for each in found.entries)
    # A heading is nobody's text; the person is told which lines were left out.
    kept += "".join(lines[number - 1] for number in found.left_out)
    for _, more in said:
        assert all(
            "".join(line.split()) in "".join(kept.split()) for line in more[:1] if ":" not in line
        )


CHAT = """\
[2:39 PM] Ann: Recognized somethin' wasn't right
[2:43 PM] Bob: Alerted colleagues
and the support desk
[2:48 PM] Ann: Started troubleshooting
"""
DAY = ("--at", "2026-11-23 14:39")


def test_a_chats_history_becomes_one_entry_each_in_one_read_and_one_write(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    doc_id = postmortem.json("start", "Wrong amounts", *DAY)["doc_id"]
    postmortem("log", "Told the team", "--at", "2026-11-23 14:45")
    google.forget_calls()
    answer = postmortem("log", "-", *DAY, "--json", "--yes", typed=CHAT).json
    assert google.calls() == {"docs.documents.get": 1, "docs.documents.batchUpdate": 1}
    assert answer["synced"]
    assert set(answer) == {"incident", "entries", "status", "synced"}
    assert [each["by"] for each in answer["entries"]] == ["Ann", "Bob", "Ann"]
    text = google.text(doc_id)
    timeline = text[text.index("\n23 Nov 2026\n") : text.index("\nSolution\n")]
    parts = ("2:39 PM CET  Recognized", "2:43 PM CET  Alerted", "the support desk — Bob")
    places = [timeline.index(part) for part in (*parts, "Told the team", "2:48 PM CET  Started")]
    assert places == sorted(places)


def test_lines_without_times_stay_one_entry(postmortem: Postmortem) -> None:
    postmortem("start", "Wrong amounts")
    result = postmortem("log", "-", "--json", typed="One thing\nand another")
    assert result.json["text"] == "One thing\nand another"
    single = postmortem("log", "-", *DAY, "--before-start", "--json", typed="14:50 Only one\n")
    assert single.json["text"] == "Only one"


def test_a_paste_with_one_bad_line_records_nothing(postmortem: Postmortem) -> None:
    postmortem("start", "Wrong amounts", *DAY)
    said = postmortem("log", "-", *DAY, typed="14:45 fine\n14:10 too early\n", expect=3).err
    assert said.startswith("Line 2: ")
    assert "before the incident began" in said
    assert postmortem.json("show")["timeline"] == []
