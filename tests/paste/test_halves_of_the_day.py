"""AM and PM in pastes: written beside some times only, in other languages, or in words."""

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


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("2:39 a\n2:45 PM b\n2:50 c", ["28 14:39", "28 14:45", "28 14:50"]),
        ("11:50 a\n12:10 b\n1:05 PM c", ["28 11:50", "28 12:10", "28 13:05"]),
        ("8:05 a\n9:10 b\n2:45 PM c", ["28 08:05", "28 09:10", "28 14:45"]),
        ("2:39 a\nNov 27, 2:45 PM b", ["27 14:39", "27 14:45"]),
        ("2:45 PM c\n2:39 b\n2:30 PM a", ["28 14:45", "28 14:39", "28 14:30"]),
        ("2:45 c\n2:39 b\n2:30 PM a", ["28 14:45", "28 14:39", "28 14:30"]),
        ("11:50 PM a\n12:04 b\n12:30 c", ["27 23:50", "28 00:04", "28 00:30"]),
    ],
)
def test_am_or_pm_holds_for_the_times_around_it(text: str, times: list[str]) -> None:
    assert [at for at, _ in read(text)] == times


def test_two_times_that_may_be_the_newest_first_are_asked_about() -> None:
    with pytest.raises(PasteUnclear, match="Line 2: '2:39' may be AM or PM"):
        read("2:45 PM c\n2:39 b")


@pytest.mark.parametrize(
    "text",
    [
        "2:30 م توقف",
        "2:30 μ.μ. توقف",
        "下午2点半 توقف",
        "14時半 توقف",
        "14时30分 توقف",
        "[٢٨\u200f/١١\u200f/٢٠٢٦، ٢:٣٠:٠٠ م] Ann: توقف",
        "٢٨/١١/٢٠٢٦، ٢:٣٠ م - Ann: توقف",
    ],
)
def test_am_and_pm_are_read_in_the_letters_of_other_languages(text: str) -> None:
    assert read(text) == [("28 14:30", "توقف")]


@pytest.mark.parametrize(
    "text",
    [
        "8:05 in the evening alert",
        "8:05 at night: alert",
        "8:05 yesterday evening alert",
        "8:05 evening batch failed",
        "8:05 Uhr abends Alarm",
        "8:05 am Abend Alarm",
        "2:39 de la tarde: caída",
        "8:05 du soir panne",
        "8:05 da noite: queda",
        "2:39 odp. Awaria",
    ],
)
def test_a_part_of_the_day_behind_a_time_is_asked_about(text: str) -> None:
    with pytest.raises(PasteUnclear, match=r"Line 2: .* behind the time may belong to it or"):
        read(f"7:00 Deploy\n{text}")


@pytest.mark.parametrize(
    "text",
    [
        "8:05: evening batch failed",
        "8:05 - evening batch failed",
        "8:05 Night shift took over",
        "8:05 last night's batch failed",
        "8:05 AM evening batch failed",
        "8:05 evening batch failed\n14:05 Fixed",
        "8:05 in the morning: alert",
    ],
)
def test_a_part_of_the_day_may_also_be_text(text: str) -> None:
    assert read(text)[0][0] == "28 08:05"
