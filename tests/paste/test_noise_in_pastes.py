"""What a chat or a tracker says itself is left out and named; what people say is kept."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from workflow.paste.context import PasteUnclear
from workflow.paste.reading import Paste, read_paste

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 28, 15, 39, tzinfo=BERLIN)  # a Saturday
MARK = "\u200e"


def read(text: str) -> Paste:
    return read_paste(text, now=NOW, zone=BERLIN)


def entries(text: str) -> list[tuple[str, str, str]]:
    return [(f"{each.at:%d %H:%M}", each.by, each.text) for each in read(text).entries]


DOWN, ON_IT = ("28 14:31", "Ann Lee", "Down"), ("28 14:33", "Bo Roe", "On it")


@pytest.mark.parametrize(
    ("chat", "left_out"),
    [
        (  # Teams
            "[2:31 PM] Ann Lee\nDown\n[2:32 PM] Bo Roe joined the conversation\n"
            "[2:33 PM] Bo Roe\nOn it",
            (3,),
        ),
        ("Ann Lee\n14:31\nDown\nHeart reaction.\n1\nBo Roe\n14:33\nOn it", (4, 5)),
        ("Ann Lee\n14:31\nDown\nBo Roe\n14:33\nBearbeitet\nOn it", (6,)),
        # Google Chat
        ("Ann Lee, 2:31 PM\nDown\nHistory is on\nBo Roe, 2:33 PM\nOn it", (3,)),
        (  # Gmail
            "Ann Lee <ann@team.example>\nSat, Nov 28, 2:31 PM (1 hour ago)\nto me\nDown\n"
            "Bo Roe\n2:33 PM (59 minutes ago)\nto me\nOn it",
            (3, 7),
        ),
        (  # IRC
            "[14:31] <Ann_Lee> Down\n[14:32] *** cy has quit IRC (Quit)\n[14:33] <Bo_Roe> On it\n"
            "--- Day changed Sun Nov 29 2026",
            (2, 4),
        ),
        (  # WhatsApp
            "28.11.2026, 14:31 - Ann Lee: Down\n28.11.2026, 14:32 - Bo Roe: <Без медиафайлов>\n"
            "28.11.2026, 14:33 - Bo Roe: On it\n28.11.2026, 14:34 - Bo Roe: Bu mesaj silindi",
            (2, 4),
        ),
        (
            "[28.11.26, 14:31:05] Ann Lee: Down\n"
            f"[28.11.26, 14:32:05] {MARK}Ann Lee hat Cy hinzugefügt\n"
            "[28.11.26, 14:33:05] Bo Roe: On it",
            (2,),
        ),
        (  # Skype
            "[28/11/2026 14:31:05] Ann Lee: Down\n"
            "[28/11/2026 14:33:05 | Edited 14:33:40] Bo Roe: On it",
            (),
        ),
        (  # Jira
            "Ann Lee added a comment - 28/Nov/26 2:31 PM\nDown\n"
            "Bo Roe made changes - 28/Nov/26 2:33 PM\nOn it",
            (),
        ),
    ],
)
def test_what_a_tool_says_itself_is_left_out_and_hides_no_author(
    chat: str, left_out: tuple[int, ...]
) -> None:
    paste = read(chat)
    found = [
        (f"{each.at:%d %H:%M}", each.by.replace("_", " "), each.text) for each in paste.entries
    ]
    assert found == [DOWN, ON_IT]
    assert (paste.left_out, paste.unread) == (left_out, ())


def test_a_message_that_says_edited_alone_is_kept() -> None:
    chat = "Ann Lee\n14:31\nBearbeitet\nBo Roe\n14:33\nOn it"
    assert entries(chat) == [("28 14:31", "Ann Lee", "Bearbeitet"), ON_IT]


def test_a_log_in_a_message_of_teams_is_its_authors() -> None:
    chat = "[2:31 PM] Ann Lee\n14:20:01 ERROR x\n14:20:05 ERROR y\n[2:33 PM] Bo Roe\nOn it"
    assert entries(chat) == [
        ("28 14:20", "Ann Lee", "ERROR x"),
        ("28 14:20", "Ann Lee", "ERROR y"),
        ON_IT,
    ]


def test_one_word_above_an_indented_time_is_asked_about() -> None:
    """Slack's second message without the name, or a picture and the next author's handle."""
    chat = "Ann Lee\n  14:31\n{}\n  14:33\nOn it"
    with pytest.raises(PasteUnclear, match=r"Line 3 may be the message .*: 'Down'"):
        read(chat.format("Down"))
    assert entries(chat.format("Down.")) == [
        ("28 14:31", "Ann Lee", "Down."),
        ("28 14:33", "Ann Lee", "On it"),
    ]
    assert entries(chat.format("(picture)\nbo"))[-1] == ("28 14:33", "bo", "On it")
    assert entries(chat.format("Bo Roe"))[-1] == ON_IT


@pytest.mark.parametrize(
    "mail",
    [
        "-----Original Message-----\nFrom: Ann Lee <ann@team.example>\n"
        "Sent: Saturday, November 28, 2026 2:31 PM\nTo: Bo\n\nDown",
        "---------- Forwarded message ---------\nFrom: Ann Lee <ann@team.example>\n"
        "Date: Sat, Nov 28, 2026 at 2:31 PM\nTo: Bo\n\nDown",
        "On Sat, Nov 28, 2026 at 2:31 PM Ann Lee <ann.lee@department.team.example>\nwrote:\n\nDown",
    ],
)
def test_a_mail_is_read_below_its_line_and_with_a_broken_head(mail: str) -> None:
    assert entries(mail) == [DOWN]
    two = f"{mail}\n\n{mail.replace('Ann', 'Bo').replace('Down', 'Up')}"
    assert [each[1:] for each in entries(two)] == [("Ann Lee", "Down"), ("Bo Lee", "Up")]


@pytest.mark.parametrize(
    ("head", "more"),
    [("| Start | End | What |", "\nEnd: 14:40"), ("| Date | Until | What |", "\nUntil: 14:40")],
)
def test_a_table_without_a_time_column_is_read_by_its_start(head: str, more: str) -> None:
    day = "2026-11-28 " if "Date" in head else ""
    table = f"{head}\n|---|---|---|\n| {day}14:31 | 14:40 | Down |"
    assert entries(table) == [("28 14:31", "", f"Down{more}")]


def test_noon_in_a_list_is_named_where_it_is_not_read() -> None:
    assert read("- 14:31 Down\n- noon deploy\n- 12 noon alert").unread == (2, 3)
    assert entries("@14:31 Down\n@14:33 Fixed") == [
        ("28 14:31", "", "@14:31 Down"),
        ("28 14:33", "", "@14:33 Fixed"),
    ]


@pytest.mark.parametrize(
    "table",
    [
        "| When | Who | What |\n|---|---|---|\n| 14:31 | Ann | Down |\n{}",
        "When\tWhat\n14:31\tDown\n{}",
    ],
)
def test_a_row_without_a_time_is_asked_about_and_is_no_text_of_the_row_above(table: str) -> None:
    row = "| later | Bo | Fixed |" if "|" in table else "later\tFixed"
    with pytest.raises(PasteUnclear, match="'later' in the table's column of times can't be read"):
        read(table.format(row))
    assert entries(table.format(row.replace("later", "14:33")))[1][2] == "Fixed"


@pytest.mark.parametrize(
    ("notes", "unread"),
    [
        ("14.31'de alarm\n14.35'te tamam", (1, 2)),
        ("14:31 Down\nquarter to three ack", (2,)),
        ("half past two: down", (1,)),
    ],
)
def test_a_time_in_other_words_is_named(notes: str, unread: tuple[int, ...]) -> None:
    assert read(notes).unread == unread


def test_at_between_a_name_and_a_time_is_read() -> None:
    assert entries("Ann Lee at 2:31 PM\nDown\nBo Roe at 2:33 PM\nOn it") == [DOWN, ON_IT]
