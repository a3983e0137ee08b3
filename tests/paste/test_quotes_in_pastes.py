"""A quote in a pasted message belongs to it, and is no entry of its own."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from workflow.paste.context import PasteUnclear
from workflow.paste.reading import Paste, read_paste

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 28, 15, 39, tzinfo=BERLIN)  # a Saturday


def read(text: str) -> Paste:
    return read_paste(text, now=NOW, zone=BERLIN)


def entries(text: str) -> list[tuple[str, str, str]]:
    return [(f"{each.at:%d %H:%M}", each.by, each.text) for each in read(text).entries]


@pytest.mark.parametrize(
    "quote",
    [
        "> 14:20 alert fired\n> 14:22 ack",
        "> Ann Lee, 11/27/2026 10:12 AM\n> We deploy at noon",
        "> Ann Lee\n>   10:12 AM\n> Yesterday\n> # Timeline",
    ],
)
@pytest.mark.parametrize(
    "chat",
    [
        "Bo Roe  2:35 PM\n{}\nis this ours?\nAnn Lee  2:36 PM\nyes",  # Slack
        "Bo Roe — Today at 2:35 PM\n{}\nis this ours?\nAnn Lee — Today at 2:36 PM\nyes",  # Discord
        "[2:35 PM] Bo Roe\n{}\nis this ours?\n[2:36 PM] Ann Lee\nyes",  # Teams
    ],
)
def test_a_marked_quote_belongs_to_the_message_that_quotes_it(chat: str, quote: str) -> None:
    assert entries(chat.format(quote)) == [
        ("28 14:35", "Bo Roe", f"{quote}\nis this ours?"),
        ("28 14:36", "Ann Lee", "yes"),
    ]


def test_a_mails_own_times_are_its_own_and_those_it_quotes_are_not() -> None:
    mail = "On Fri, Nov 27, 2026 at 2:05 PM Ann Lee <ann@team.example> wrote:\n{}"
    assert entries(mail.format("> 13:20 alert\n> 13:22 ack\n>> 13:10 deploy\n> ours")) == [
        ("27 13:20", "Ann Lee", "alert"),
        ("27 13:22", "Ann Lee", "ack\n>> 13:10 deploy\n> ours"),
    ]


def test_a_paste_that_is_one_quote_is_read() -> None:
    assert [each[2] for each in entries("> 14:20 alert\n> 14:22 ack")] == ["alert", "ack"]


@pytest.mark.parametrize(
    ("chat", "quoted", "line"),
    [
        (
            "[2:31 PM] Ann Lee\nDown\n[2:35 PM] Bo Roe\n{}\nyours?\n[2:36 PM] Ann Lee\nyes",
            "[Friday 10:12 AM] Ann Lee\nWe deploy at noon",
            4,
        ),
        (
            "Ann Lee\n14:31\nDown\nBo Roe\n14:35\n{}\nyours?\nAnn Lee\n14:36\nyes",
            "Ann Lee\n27.11.2026 10:12\nWe deploy at noon",
            7,
        ),
        (
            "Ann Lee  11/28/2026 2:31 PM\nDown\nBo Roe  11/28/2026 2:35 PM\n{}\nyours?\n"
            "Ann Lee  11/28/2026 2:36 PM\nyes",
            "Ann Lee  11/27/2026 10:12 AM\nWe deploy at noon",
            4,
        ),
        (
            "Ann Lee  2:31 PM\nDown\nBo Roe  2:35 PM\n{}\nyours?\nAnn Lee  2:36 PM\nyes",
            "Ann Lee  2:31 PM\nDown",
            4,
        ),
    ],
)
def test_an_older_message_in_one_of_teams_is_a_quote(chat: str, quoted: str, line: int) -> None:
    paste = read(chat.format(quoted))
    assert [(f"{each.at:%d %H:%M}", each.by, each.text) for each in paste.entries] == [
        ("28 14:31", "Ann Lee", "Down"),
        ("28 14:35", "Bo Roe", f"{quoted}\nyours?"),
        ("28 14:36", "Ann Lee", "yes"),
    ]
    assert f"Line {line} was read as a quote in the message above it." in paste.said


def test_messages_below_a_picture_are_no_quotes() -> None:
    chat = "[2:31 PM] Ann Lee\n[2:35 PM] Bo Roe\nDown\n[2:36 PM] Ann Lee\nyes"
    assert entries(chat)[-2:] == [("28 14:35", "Bo Roe", "Down"), ("28 14:36", "Ann Lee", "yes")]
    newest_first = "Ann Lee  2:36 PM\nBo Roe  2:35 PM\nDown\nAnn Lee  2:31 PM\nWe look"
    assert ("28 14:35", "Bo Roe", "Down") in entries(newest_first)


def test_a_full_name_below_a_picture_is_asked_about() -> None:
    chat = "Ann Lee\n14:31\nDown\nBo Roe\n14:35\n{}\n14:36\nok"
    with pytest.raises(PasteUnclear, match=r"Line 6 may be the message .*: 'Cy Poe'"):
        read(chat.format("Cy Poe"))
    assert entries(chat.format("(picture)\nCy Poe"))[-1] == ("28 14:36", "Cy Poe", "ok")


def test_times_in_a_dated_message_are_of_its_day() -> None:
    chat = "Ann Lee, Nov 27, 2:31 PM\nWe know:\n14:20 deploy\nBo Roe, 2:45 PM\nok"
    assert entries(chat) == [
        ("27 14:31", "Ann Lee", "We know:"),
        ("27 14:20", "Ann Lee", "deploy"),
        ("28 14:45", "Bo Roe", "ok"),
    ]
