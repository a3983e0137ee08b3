"""The zone behind a pasted time is read, or asked about; it never stays in the text unnoticed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from workflow.paste.context import PasteUnclear
from workflow.paste.reading import read_paste

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 28, 22, 39, tzinfo=BERLIN)  # a Saturday


def read(text: str) -> list[tuple[str, str]]:
    entries = read_paste(text, now=NOW, zone=BERLIN).entries
    return [(f"{each.at:%d %H:%M}", each.text) for each in entries]


@pytest.mark.parametrize(
    ("line", "at", "text"),
    [
        ("8:39 AM Eastern Time: rolled back", "28 14:39", "rolled back"),
        ("8:39 AM Pacific Time: rolled back", "28 17:39", "rolled back"),
        ("8:39 AM Eastern: rolled back", "28 14:39", "rolled back"),
        ("08:05 London time: deploy", "28 09:05", "deploy"),
        ("08:05 Berlin time - deploy", "28 08:05", "deploy"),
        ("08:05 San Francisco time: deploy", "28 17:05", "deploy"),
        ("10:05 PT: rolled back", "28 19:05", "rolled back"),
        ("10:05 (ET) rolled back", "28 16:05", "rolled back"),
        ("10:05 ET, rolled back", "28 16:05", "rolled back"),
        ("10:05 EAT - rolled back", "28 08:05", "rolled back"),
        ("8:05 am pst Deploy", "28 17:05", "Deploy"),
        ("8:05 AM EAT Deploy", "28 06:05", "Deploy"),
        ("10:05 est - x", "28 16:05", "x"),
        ("10:05 cet: x", "28 10:05", "x"),
        ("10:05 +0000: Deploy", "28 11:05", "Deploy"),
        ("2026-11-27 08:05:00 +0000: Deploy", "27 09:05", "Deploy"),
        ("10:06 +00:00: Deploy", "28 11:06", "Deploy"),
        ("08:05 - 08:12 ET: Deploy", "28 14:05", "08:05 - 08:12 ET: Deploy"),
        ("10:05 hours UTC alert", "28 11:05", "alert"),
        ("10:05 in UTC alert", "28 11:05", "alert"),
        ("10:05 WITA alert", "28 03:05", "alert"),
        ("06:05 (Eastern) alert", "28 12:05", "alert"),
        ("08:05 hora de México alerta", "28 15:05", "alerta"),
        ("08:05 heure de Toronto alerte", "28 14:05", "alerte"),
        ("1:30 hours downtime", "28 01:30", "hours downtime"),
        ("10:05 Mountain View is down", "28 10:05", "Mountain View is down"),
        ("~08:05 ET: first alert", "28 14:05", "~08:05 ET: first alert"),
    ],
)
def test_a_zone_behind_a_time_is_read(line: str, at: str, text: str) -> None:
    assert read(line) == [(at, text)]


@pytest.mark.parametrize("first", ["14:05 CT Deploy", "10:05 EAT Deploy", "10:05 pst Deploy"])
def test_a_word_that_may_be_a_zone_is_asked_about_and_both_answers_are_read(first: str) -> None:
    clock, word, _ = first.split()
    with pytest.raises(PasteUnclear, match=rf"Line 1: {word} behind .* \({word.upper()}\)"):
        read(first)
    ((at, text),) = read(f"{clock} ({word.upper()}) Deploy")
    assert (at != f"28 {clock}", text) == (True, "Deploy")
    assert read(f"{clock}: {word} Deploy") == [(f"28 {clock}", f"{word} Deploy")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("08:05 - 08:12 ET Deploy", "Line 1: ET behind"),
        ("08:05 Seen\n09:05 ET Deploy", "Line 2: ET behind"),
        ("10:05 CT scan failed\n10:08 CT scan again", "Line 1: CT behind"),
        ("10:05 PT: fixed\n10:08 AB: thanks", "Line 1: PT behind"),  # perhaps initials
        ("10:05 est: 2 h", "Line 1: est behind"),
        ("10:05 west: down", "Line 1: west behind"),
        ("10:05 -08:00: Deploy", r"Line 1: -08:00 behind .* \(-08:00\) for the offset"),
        ("7:05 AM Pacific rolled back", r"Line 1: Pacific behind .* \(Pacific\) for the zone"),
        ("07:05 Eastern: rolled back", "Line 1: Eastern behind"),
        ("10:05 SST: Deploy", "SST may be UTC-11:00"),
    ],
)
def test_what_may_be_no_zone_is_refused_with_its_line(text: str, words: str) -> None:
    with pytest.raises(PasteUnclear, match=words):
        read(text)


def test_a_word_is_the_zone_where_every_line_has_one_and_that_is_said() -> None:
    paste = read_paste("08:05 ET Deploy\n08:10 ET Alert\n13:20 UTC Fixed", now=NOW, zone=BERLIN)
    found = [(f"{each.at:%H:%M}", each.text) for each in paste.entries]
    assert found == [("14:05", "Deploy"), ("14:10", "Alert"), ("14:20", "Fixed")]
    assert paste.notes == tuple(f"Line {at}: ET was read as the time zone." for at in (1, 2))


@pytest.mark.parametrize(
    "text",
    [
        "est en panne",
        "ist der Server weg",
        "et voilà",
        "cat: no such file",
        "Response time: 3 s",
        "Central time server is down",
        "Wake time 3 s",
        "CT-scan failed",
    ],
)
def test_words_that_are_no_zone_stay_text(text: str) -> None:
    assert read(f"10:05 {text}") == [("28 10:05", text)]


def test_a_zone_in_words_below_an_update_is_read() -> None:
    text = "Investigating - We look into it.\nNov 27, 10:40 AM Eastern Time"
    assert read(text) == [("27 16:40", "Investigating - We look into it.")]


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("01:50 a\n02:40 CEST b\n02:10 CET c\n03:10 d", ["01:50", "02:40", "02:10", "03:10"]),
        ("24 Oct 2026 23:50 CEST a\n02:10 CET b", ["23:50", "02:10"]),
    ],
)
def test_abbreviations_are_read_in_the_night_in_which_the_clocks_change(
    text: str, times: list[str]
) -> None:
    now = datetime(2026, 10, 25, 9, 0, tzinfo=BERLIN)
    entries = read_paste(text, now=now, zone=BERLIN).entries
    assert [f"{each.at:%H:%M}" for each in entries] == times
    ends = entries[-2].at.astimezone(UTC), entries[-1].at.astimezone(UTC)
    assert timedelta(0) < ends[1] - ends[0] < timedelta(hours=4)


def test_an_abbreviation_that_is_not_in_use_yet_is_refused() -> None:
    with pytest.raises(PasteUnclear, match=r"Line 2: .*CET is not in use on that day"):
        read("24 Oct 2026 13:50 CEST a\n14:05 CET b")
