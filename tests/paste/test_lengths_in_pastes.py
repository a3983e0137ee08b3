"""A length at the beginning of a line is no time, or is asked about."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from workflow.paste.context import PasteUnclear
from workflow.paste.reading import read_paste

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 28, 15, 39, tzinfo=BERLIN)  # a Saturday


def read(text: str) -> list[tuple[str, str]]:
    paste = read_paste(text, now=NOW, zone=BERLIN)
    return [(f"{each.at:%d %H:%M}", each.text) for each in paste.entries]


@pytest.mark.parametrize("length", ["1:30 h", "2:15 Std", "1:30 hours", "1:30h"])
def test_a_time_with_the_unit_of_a_length_is_asked_about_and_both_answers_are_read(
    length: str,
) -> None:
    notes = "14:31 Down\n{} in total\n14:33 Fixed"
    with pytest.raises(PasteUnclear, match=f"Line 2: '{length}' may be a time or a length"):
        read(notes.format(length))
    assert read(notes.format(f"down {length}"))[0] == (
        "28 14:31",
        f"Down\ndown {length} in total",
    )
    assert read(f"1:20 Down\n{length[:4]} in total\n2:30 Fixed")[1][1] == "in total"


@pytest.mark.parametrize(
    "notes", ["8:05 h Down\n8:12 h Fixed", "14:31 h Down\n14:33 Fixed", "08:05 h Down\n8:12 Fixed"]
)
def test_a_time_of_day_may_have_a_unit(notes: str) -> None:
    assert [text for _, text in read(notes)] == ["Down", "Fixed"]


@pytest.mark.parametrize(
    "transcript",
    [
        "Ann Lee   0:05\nIt is down.\nBo Roe   0:12\nI look.\nAnn Lee   12:45\nFixed.",
        "Incident call (2026-11-28 14:05 GMT+1) - Transcript\n00:00:00\nAnn: Down\n00:05:03\nFixed",
        "00:00:05\t From  Ann Lee : Down\n00:06:40\t From  Bo Roe : Fixed",  # Zoom
        "[00:00:05] Ann Lee: Down\n[00:12:12] Bo Roe: Fixed",
        "0:00 Down\n0:35 We look\n71:10 Fixed",
        "Call\nNovember 28, 2026, 1:05PM\n32m 10s\nAnn Lee   0:05\nDown\nBo Roe   0:12\nI look",
    ],
)
def test_times_that_may_count_from_a_recordings_start_are_asked_about(transcript: str) -> None:
    with pytest.raises(PasteUnclear, match="may be a time of day or count from the start of a"):
        read(transcript)


@pytest.mark.parametrize(
    "chat",
    [
        "28 Nov 2026\nAnn Lee  0:05\nDown\nBo Roe  0:12\nFixed",
        "Ann Lee  0:05\nDown\nBo Roe  23:58\nStill\nAnn Lee  0:12\nFixed",
        "Ann Lee  00:05\nDown\nBo Roe  00:12\nFixed",
        "00:05:01 Down\n00:12:12 Fixed",
        "0:05 UTC Down\n0:12 UTC Fixed",
    ],
)
def test_times_after_midnight_are_times_of_day(chat: str) -> None:
    assert read(chat)[0][1] == "Down"
