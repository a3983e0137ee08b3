"""`log -` reads each tool's copied text: every time, zone, date line and author, nothing else."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.command_line import Postmortem
from tests.google_world import GoogleWorld
from workflow.paste.context import PasteUnclear
from workflow.paste.reading import Paste, read_paste
from workflow.times.reading import read_future, read_past
from workflow.times.spoken_time import DateOrder, Habits, WhenUnclear

PASTES = Path(__file__).parents[1] / "fixtures" / "pastes"
BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 28, 15, 39, tzinfo=BERLIN)  # a Saturday


def read(text: str, habits: Habits | None = None) -> Paste:
    return read_paste(text, now=NOW, zone=BERLIN, habits=habits or Habits())


def described(paste: Paste) -> str:
    lines = []
    for each in paste.entries:
        more = "".join(f" <{words}>" for words in (each.link, each.source) if words)
        lines.append(f"{each.at:%Y-%m-%d %H:%M:%S} | {each.by} | {each.text!r}{more}")
    for name in ("left_out", "timeless", "outside", "struck", "unread"):
        if numbers := getattr(paste, name):
            lines.append(f"{name}: {', '.join(map(str, numbers))}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("name", sorted(path.stem for path in PASTES.glob("*.txt")))
def test_a_paste_is_read_as_the_tool_meant_it(name: str) -> None:
    text = (PASTES / f"{name}.txt").read_bytes().decode("utf-8")
    assert described(read(text)) == (PASTES / f"{name}.read").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2026-11-27 08:05 CST Deploy", "Line 1: .*CST may be UTC-06:00"),
        ("14:39 Seen\n14:60x broken", "Line 2 begins like a time that can't be read"),
        ("Mon, Nov 24, 2026 08:05 Seen", "Line 1: .*2026-11-24 is a Tuesday, not a Monday"),
        ("29 Mar 2026 02:30 Seen", "Line 1: .*does not exist"),
        ("5/11/2026, 08:05 - Jane: Seen", "Line 1: .*--dates day-first or month-first"),
        ("14:39 Seen\n20261127-1439 x", "Line 2 begins like a time that can't be read"),
        ("What we saw:\n14:39 Seen", "Line 1 is above the first line with a time"),
        (
            "Ann\n  Yesterday at 2:39 PM\nDown\nBo\n  17 hours ago\nDone",
            "Line 5 says only “17 hours ago”",
        ),
        ("Ann\n  9:05 AM\nDown\nBo\n  vor 2 Stunden\nDone", "Line 5 says only “vor 2 Stunden”"),
    ],
)
def test_what_can_not_be_placed_is_refused_with_its_line(text: str, words: str) -> None:
    with pytest.raises(PasteUnclear, match=words):
        read(text)


def test_the_order_of_day_and_month_is_the_pastes_own_then_the_persons() -> None:
    both = "5/11/2026, 08:05 - Jane: a\n27/11/2026, 08:05 - Jane: b"
    assert [f"{each.at:%d %b}" for each in read(both).entries] == ["05 Nov", "27 Nov"]
    habits = Habits(DateOrder.MONTH_FIRST)
    assert [f"{each.at:%d %b}" for each in read(both, habits).entries] == ["05 Nov", "27 Nov"]
    (alone,) = read("5/11/2026, 08:05 - Jane: a", habits).entries
    assert f"{alone.at:%d %b}" == "11 May"


def test_what_a_program_writes_before_a_colon_is_no_name() -> None:
    text = "[27-Nov-2026 14:39:10 UTC] PHP Warning:  Disk\n[27-Nov-2026 14:40 UTC] PHP Notice: x"
    assert [(each.by, each.text) for each in read(text).entries] == [
        ("", "PHP Warning:  Disk"),
        ("", "PHP Notice: x"),
    ]


@pytest.mark.parametrize(
    "label",
    [
        *("Root cause", "Root Cause", "Next steps", "Customer impact", "Ruled out", "Resolution"),
        *("Hypothesis", "Lessons learned", "DB", "Ursache", "Störung", "Correctif", "Solución"),
        *("Detected", "Escalated", "Confirmed", "web-1", "eu-west-1"),
    ],
)
def test_what_a_note_begins_with_is_no_name(label: str) -> None:
    paste = read(f"[14:31] Ann Lee: Down\n[14:39] {label}: expired certificate")
    assert [(each.by, each.text) for each in paste.entries] == [
        ("Ann Lee", "Down"),
        ("", f"{label}: expired certificate"),
    ]


@pytest.mark.parametrize(
    "note",
    [
        *("[14:39] Called Ann: no answer", "[14:39] Called: no answer", "[14:39] Sent Mail: ok"),
        *("28.11.26, 14:39 - Called Ann: no answer", "[28.11.26, 14:39:01] Called Ann: none"),
        *("2026-11-28 14:39 - Restarted Web: ok", "Nov 28, 2026 at 2:39 PM\tTriggered\tby a rule"),
    ],
)
def test_what_somebody_did_is_no_name(note: str) -> None:
    (entry,) = read(note).entries
    assert (f"{entry.at:%H:%M}", entry.by) == ("14:39", "")
    assert note.endswith(entry.text)
    assert entry.text[0].isupper()


def test_what_somebody_did_above_the_text_is_no_name_and_a_name_like_it_is_one() -> None:
    (entry,) = read("[14:35] Called Ann\nno answer").entries
    assert (entry.by, entry.text) == ("", "Called Ann\nno answer")
    chat = read("Naeed Roe  14:35\nDown\nBo Roe  14:36\nOn it")
    assert [each.by for each in chat.entries] == ["Naeed Roe", "Bo Roe"]


@pytest.mark.parametrize(
    "name",
    ["ann", "Ana dos Santos", "bo roe", "Doe, Jane", "Ann Fix", "Ahmed Ali", "Fred", "Saeed Roe"],
)
def test_who_says_it_is_the_author(name: str) -> None:
    assert [each.by for each in read(f"[14:39] {name}: down").entries] == [name]


def test_a_name_of_the_address_book_may_be_any_words() -> None:
    assert [each.by for each in read("[28.11.26, 14:31:05] Mum work: down").entries] == ["Mum work"]


def test_words_that_notes_begin_with_are_no_authors_of_the_lines_below() -> None:
    paste = read("[8:05] Outage\ncustomers call\n[8:07] Restart\nno effect")
    assert [(each.by, each.text) for each in paste.entries] == [
        ("", "Outage\ncustomers call"),
        ("", "Restart\nno effect"),
    ]


@pytest.mark.parametrize(
    "status", [":palm_tree:  9:07 AM", "🌴  9:07 AM", ":palm_tree:\n  9:07 AM"]
)
def test_the_emoji_of_a_status_is_no_name(status: str) -> None:
    paste = read(f"Ann Lee\n  9:05 AM\nDown\n:tada:\nTom Baker\n{status}\nOn it")
    assert [(each.by, each.text) for each in paste.entries] == [
        ("Ann Lee", "Down\n:tada:"),
        ("Tom Baker", "On it"),
    ]


@pytest.mark.parametrize(
    "word", ["edited", "bearbeitet", "modificato", "edytowano", "изменено", "已编辑", "編集済み"]
)
def test_the_mark_of_an_edited_message_is_left_out(word: str) -> None:
    chats = (f"Ann Lee  9:05 AM\nDown ({word})", f"Ann Lee, 9:05 AM, {word.title()}\nDown")
    for chat in chats:
        assert [(each.by, each.text) for each in read(chat).entries] == [("Ann Lee", "Down")]


def test_a_meeting_that_started_hides_no_names_of_teams() -> None:
    paste = read("[14:31] Ann Lee\nDown\n[14:32] Meeting started\n[14:33] Bo Roe\nOn it")
    assert [(each.by, each.text) for each in paste.entries] == [
        ("Ann Lee", "Down"),
        ("Bo Roe", "On it"),
    ]


@pytest.mark.parametrize(
    "words",
    [
        "2 Gefällt mir-Reaktionen",
        "2 like reactions",
        "2 réactions J’aime",
        "2 reacciones de Me gusta",
    ],
)
def test_the_count_of_a_reaction_of_teams_is_left_out(words: str) -> None:
    paste = read(f"Ann Lee\n14:31\nDown\nBo Roe\n14:33\nOn it\n{words}\n2")
    assert [each.text for each in paste.entries] == ["Down", "On it"]


@pytest.mark.parametrize(
    "at",
    ["o {}", "v {}", "в {}", "saat {}", "om {} uur", "klockan {}", "ore {}", "godz. {}", "{}-kor"],
)
def test_a_word_before_the_times_of_a_list_is_read(at: str) -> None:
    lines = [at.format(clock) for clock in ("14:31", "14:33")]
    paste = read(f"{lines[0]} down\n{lines[1]} fixed")
    assert [f"{each.at:%H:%M}" for each in paste.entries] == ["14:31", "14:33"]


def test_an_hour_with_one_digit_is_a_time_behind_such_a_word() -> None:
    paste = read("às 9h05 o pagamento caiu\nàs 9h12 investigando")
    assert [f"{each.at:%H:%M}" for each in paste.entries] == ["09:05", "09:12"]


@pytest.mark.parametrize(
    "chat",
    [
        "[Ann] [오후 2:31] Down\n[Bo] [오후 2:33] On it",  # KakaoTalk
        "14:31:05 Von Ann an Alle:\n\tDown\n14:33:05 Von Bo an Alle:\n\tOn it",  # Zoom
        "14:31:05 De Ann à Tout le monde : Down\n14:33:05 De Bo à Tout le monde : On it",
        "Ann\nHier 14:31\nDown\nBo\nHier 14:33\nOn it",
    ],
)
def test_who_and_when_are_read_as_chats_of_other_languages_write_them(chat: str) -> None:
    paste = read(chat)
    assert [(f"{each.at:%H:%M}", each.by, each.text) for each in paste.entries] == [
        ("14:31", "Ann", "Down"),
        ("14:33", "Bo", "On it"),
    ]
    assert {each.at.day for each in paste.entries} == {27 if "Hier" in chat else 28}


def test_a_mention_of_whatsapp_is_read_as_it_looks() -> None:
    (entry,) = read("28.11.26, 14:35 - Ann: @\u2068Bo Roe\u2069 thanks").entries
    assert entry.text == "@Bo Roe thanks"


@pytest.mark.parametrize("part", ["[ERROR]", "[main]", "[worker-1]"])
def test_a_part_of_a_program_is_no_author_in_brackets(part: str) -> None:
    paste = read(f"{part} [2026-11-28 14:31:05] down\n{part} [2026-11-28 14:33:05] ok")
    assert {each.by for each in paste.entries} <= {""}
    assert paste.entries or paste.unread == (1, 2)


@pytest.mark.parametrize("name", ["information/Notification", "web-1"])
def test_a_program_that_writes_a_log_is_no_author(name: str) -> None:
    (entry,) = read(f"[2026-11-28 14:31:05] {name}: down").entries
    assert (entry.by, entry.text) == ("", f"{name}: down")


def test_a_name_that_may_be_a_message_or_an_author_is_asked_about_and_both_are_read() -> None:
    """Where somebody sent a picture alone, the next author is directly below the time."""
    chat = "Ann\n14:40\nhi\nBo\n14:45\n{}\n14:46\nhello"
    with pytest.raises(PasteUnclear, match=r"Line 6 may be the message .*: 'Ann'"):
        read(chat.format("Ann"))
    answers = {"Ann.": [("Bo", "Ann."), ("Bo", "hello")]}
    answers["(picture)\nAnn"] = [("Bo", "(picture)"), ("Ann", "hello")]
    for answer, last in answers.items():
        entries = read(chat.format(answer)).entries
        assert [(each.by, each.text) for each in entries] == [("Ann", "hi"), *last]


def test_what_the_exporter_of_discord_adds_is_left_out() -> None:
    paste = read("[27.11.2026 14:45] bo (pinned)\nok\n\n{Reactions}\n👍 (2)")
    assert [(each.by, each.text) for each in paste.entries] == [("bo", "ok")]


def test_a_rough_time_in_a_table_is_one() -> None:
    paste = read("| Time | Event |\n|---|---|\n| ~14:05 | a |\n| ca. 14:10 | b |")
    assert [(f"{each.at:%H:%M}", each.text) for each in paste.entries] == [
        ("14:05", "~14:05 a"),
        ("14:10", "ca. 14:10 b"),
    ]


def test_a_line_that_only_counts_from_the_one_above_is_named() -> None:
    assert read("14:05 Seen\n5 min later fixed").unread == (2,)


def test_a_subtitle_counts_from_its_begin_and_has_no_time_of_day() -> None:
    for times in ("00:00:10.123 --> 00:00:12.456", "00:00:10.123,00:00:12.456"):
        assert not read(f"{times}\nAnn Lee: It is down").entries


def test_an_hour_that_comes_twice_is_said_with_its_line() -> None:
    (note,) = read("25 Oct 2026 02:30 Seen").notes
    assert note.startswith("Line 1: The clocks showed 2:30 AM twice")


def test_a_time_directly_behind_the_marks_of_a_heading_is_read() -> None:
    paste = read("####2:39 PM \nSomething is not right\n\n####2:43 PM\nTold colleagues\n")
    assert [(each.at.strftime("%H:%M"), each.text) for each in paste.entries] == [
        ("14:39", "Something is not right"),
        ("14:43", "Told colleagues"),
    ]
    dated = read("##25 Nov 2026\n###9:10 Seen##\n#4711 is the ticket\n##4712 too")
    (entry,) = dated.entries
    assert entry.at.strftime("%d %H:%M") == "25 09:10"
    assert entry.text == "Seen\n#4711 is the ticket\n##4712 too"


PIECES = """\
14:39
####2:39 PM
Today
17 hours ago
(All times UTC)
### 14:39 seen
14:39–14:50 UTC seen
27.11.26, 14:39 - Ann: seen
APP  2:39 PM
2:43 PM
[
]
Ann Lee
|
-
:
24 Nov 2026
24/11/2026
3/4/26
yesterday
Wednesday
UTC
CST
+01:00
Z
T
2026-11-24
noon
midnight
5 minutes ago
1h30
14.30 Uhr
<ann>
(edited)
Posted
—
# Timeline (UTC)
**
99:99
0000-00-00
31.2.
29 Feb
|---|
a
Europe/Berlin
٣:٣٠
1²:00
9999-12-31 23:59 -12:00
0001-01-01 00:00 UTC
99999 weeks ago
"""
PIECES_WITH_SPACE = ["  ", "\n", "\t", "| Time (UTC) | What |\n|---|---|\n"]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from([*PIECES.splitlines(), *PIECES_WITH_SPACE]), max_size=12),
    st.sampled_from(["", " "]),
)
def test_any_paste_is_read_or_refused_with_a_sentence(pieces: list[str], between: str) -> None:
    text = between.join(pieces)
    with contextlib.suppress(PasteUnclear):
        for each in read(text).entries:
            assert each.at <= NOW + timedelta(minutes=2)
            assert each.text.strip()
    for read_time in (read_past, read_future):
        with contextlib.suppress(WhenUnclear):
            read_time(text, now=NOW, zone=BERLIN)


CHAT = "Ann Lee, Yesterday 9:05 AM\nPrices look wrong\nBo Chen, Yesterday 9:10 AM\nfound it\n"
START = ("start", "Wrong amounts", "--at", "yesterday 9:00")


def test_more_than_one_entry_is_shown_and_needs_a_word(postmortem: Postmortem) -> None:
    postmortem(*START)
    refused = postmortem("log", "-", typed=CHAT, expect=3)
    assert "9:05 AM CE" in refused.out
    assert "Prices look wrong — Ann Lee" in refused.out
    assert "2 entries were read" in refused.err
    assert "--yes" in refused.err
    assert postmortem.json("show")["timeline"] == []
    as_json = postmortem("log", "-", "--json", typed=CHAT, expect=3).json
    assert [each["by"] for each in as_json["entries"]] == ["Ann Lee", "Bo Chen"]
    assert as_json["exit_code"] == 3
    postmortem("log", "-", "--yes", typed=CHAT)
    timeline = postmortem.json("show")["timeline"]
    assert [(each["by"], each["text"]) for each in timeline] == [
        ("Ann Lee", "Prices look wrong"),
        ("Bo Chen", "found it"),
    ]


def test_a_paste_to_the_letter_stays_to_the_letter(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    doc_id = postmortem.json(*START)["doc_id"]
    text = "yesterday 9:05 see `a` and **b**\nyesterday 9:06 and *c*\n"
    postmortem("log", "-", "--yes", "--plain", typed=text)
    assert "see `a` and **b**" in google.text(doc_id)


def test_lines_that_hold_unread_times_are_named(postmortem: Postmortem) -> None:
    postmortem(*START)
    text = "It began at 14:39 or so\nand at 14:50 we saw it"
    refused = postmortem("log", "-", typed=text, expect=3).err
    assert "No time was read in lines 1-2" in refused
    assert postmortem.json("show")["timeline"] == []
    assert "lines 1-2" in postmortem("log", "-", "--yes", typed=text).err
    bare = postmortem("log", "-", "--yes", typed="0805 Seen\n0812 Fixed").err
    assert "No time was read in lines 1-2; it is one entry." in bare
    one = postmortem("log", "-", typed="It began at 14:39 or so").err
    assert "The time in line 1 was not read" in one
    named = postmortem("log", "-", "--yes", typed=f"{CHAT}and 9:12 was the rollback\n").err
    assert "A time in line 5 was not read" in named


def test_its_own_pages_come_back_as_the_same_entries_and_only_once(
    postmortem: Postmortem, google: GoogleWorld, tmp_path: Path
) -> None:
    postmortem(*START)
    first = postmortem.json("log", "Seen by *support*", "--at", "yesterday 9:05", "--by", "Ann")
    postmortem("log", "two\nlines", "--at", "yesterday 23:50")
    postmortem("log", "on 20 Nov 2026 the list was loaded", "--at", "yesterday 23:51")
    postmortem("log", "at 11/27/2026 3pm CET it broke", "--at", "yesterday 23:52")
    postmortem("log", "wrong", "--at", "yesterday 23:55")
    wrong = postmortem.json("show")["timeline"][-1]["entry"]
    postmortem("log", "--strike", wrong)
    shown = postmortem("show").out
    postmortem("export", str(tmp_path / "out"))
    exported = (tmp_path / "out" / "postmortem.md").read_text(encoding="utf-8")
    record = (tmp_path / "out" / "record.json").read_text(encoding="utf-8")

    again = postmortem("log", "-", "--yes", typed=shown)
    assert again.out.count("(in the timeline already)") == 4
    assert "Left out (struck through)" in again.err
    assert len(postmortem.json("show")["timeline"]) == 5

    def told(timeline: list[dict[str, str]]) -> list[tuple[str, str, str]]:
        return [(each["at"][:16], each["by"], each["text"]) for each in timeline]

    before = told(postmortem.json("show")["timeline"][:4])
    for name, page in (("Shown", shown), ("Recorded", record), ("Exported", exported)):
        doc_id = postmortem.json("start", name, *START[2:])["doc_id"]
        for _ in range(2):
            answer = postmortem("log", "-", "--yes", "--json", typed=page)
            assert told(answer.json["entries"])[:4] == before
        if page is not exported:  # without ids it can't be told from new entries
            assert told(postmortem.json("show")["timeline"]) == before
            assert google.text(doc_id).count("Seen by") == 1
    assert first["entry"] in shown


NEW_YORK, AUCKLAND = ZoneInfo("America/New_York"), ZoneInfo("Pacific/Auckland")


@pytest.mark.parametrize(
    ("zone", "text", "times"),
    [
        # The 26th in UTC is the 27th in Auckland.
        (AUCKLAND, "2026-11-26 14:05 UTC a\n14:12 UTC b", ["27 03:05", "27 03:12"]),
        (NEW_YORK, "2026-11-27 01:05 UTC a\n20:12 EST b", ["26 20:05", "26 20:12"]),
        (NEW_YORK, "2026-11-26 20:05 EST a\n01:12 UTC b", ["26 20:05", "26 20:12"]),
        # Without any day: 22:30 in New York is the next day in UTC.
        (NEW_YORK, "00:05 UTC a\n00:10 UTC b", ["28 19:05", "28 19:10"]),
        (NEW_YORK, "23:50 UTC a\n00:10 UTC b", ["28 18:50", "28 19:10"]),
        # A date line is a day of its own zone, and so are the times below it.
        (NEW_YORK, "26 November 2026 (UTC)\n23:05 a\n00:12 b", ["26 18:05", "26 19:12"]),
        (NEW_YORK, "26 November 2026\n23:05 UTC a\n00:12 UTC b", ["26 18:05", "26 19:12"]),
    ],
)
def test_a_day_is_a_day_of_the_zone_that_the_time_names(
    zone: ZoneInfo, text: str, times: list[str]
) -> None:
    now = datetime(2026, 11, 28, 22, 30, tzinfo=NEW_YORK)
    entries = read_paste(text, now=now, zone=zone).entries
    assert [f"{each.at:%d %H:%M}" for each in entries] == times


def test_the_day_of_an_instant_is_that_of_the_zone_in_the_paste() -> None:
    first = datetime(2026, 11, 26, 14, 5, tzinfo=ZoneInfo("UTC"))
    (entry,) = read_paste("14:12 UTC a", now=NOW, zone=AUCKLAND, first=first).entries
    assert f"{entry.at:%d %H:%M}" == "27 03:12"


def test_a_date_line_is_read_where_that_days_midnight_was_skipped() -> None:
    (entry,) = read_paste(
        "6 September 2026\n08:05 a", now=NOW, zone=ZoneInfo("America/Santiago")
    ).entries
    assert f"{entry.at:%d %b %H:%M}" == "06 Sep 08:05"


def test_lines_that_are_still_ahead_are_dated_by_the_advice() -> None:
    text = "15:50 Seen\n15:55 Fixed"
    with pytest.raises(PasteUnclear, match="To date all lines: --at ") as refused:
        read(text)
    advice = str(refused.value).partition('--at "')[2].partition('"')[0]
    first = datetime.fromisoformat(advice).replace(tzinfo=BERLIN)
    entries = read_paste(text, now=NOW, zone=BERLIN, first=first).entries
    assert [f"{each.at:%d %H:%M}" for each in entries] == ["27 15:50", "27 15:55"]


@pytest.mark.parametrize(
    "line",
    [
        "15h fin",
        "so 3pm it is",
        "um 14.30 Uhr da",
        "gegen 14 Uhr",
        "T+5m fixed",
        "fixed 2 hours ago",
        "0812 fixed",
        "just now",
        "vor 5 Minuten",
    ],
)
def test_a_line_with_a_time_in_any_form_is_named_if_it_is_not_read(line: str) -> None:
    paste = read(f"14:05 Seen\n{line}")
    assert (len(paste.entries), paste.unread) == (1, (2,))


@pytest.mark.parametrize(
    ("text", "unread"),
    [
        ("0805 Seen\n0812 Fixed", (1, 2)),
        ("8.05 Deploy\n8.12 Alert", (1, 2)),
        ("2005 Seen\n2112 Fixed", (1, 2)),
        ("0805 Seen", (1,)),
        ("2025 was good\n2026 was not", ()),
        ("1200 customers wrote", ()),
        ("12.50 EUR are missing\n13.50 EUR too", ()),
    ],
)
def test_lines_with_times_without_a_colon_are_named(text: str, unread: tuple[int, ...]) -> None:
    assert (read(text).entries, read(text).unread) == ((), unread)


@pytest.mark.parametrize(
    ("age", "at"),
    [
        ("just now", "15:39"),
        ("< 1 minute ago", "15:38"),
        ("less than a minute ago", "15:38"),
        ("vor 5 Minuten", "15:34"),
        ("il y a 5 minutes", "15:34"),
    ],
)
def test_the_age_below_a_name_is_the_time_of_a_message(age: str, at: str) -> None:
    chat = f"Ann Lee\n  9:05 AM\nPrices look wrong\nBo Chen\n  {age}\nFixed"
    found = [(f"{each.at:%H:%M}", each.by, each.text) for each in read(chat).entries]
    assert found == [("09:05", "Ann Lee", "Prices look wrong"), (at, "Bo Chen", "Fixed")]


def test_an_age_that_somebody_answers_is_text() -> None:
    paste = read("Ann Lee\n  9:05 AM\nSince when?\nBo Chen\n  9:06 AM\njust now")
    assert [each.text for each in paste.entries] == ["Since when?", "just now"]
    assert paste.unread == ()


@pytest.mark.parametrize("first", [None, "2026-11-27 00:04"])
def test_a_list_with_the_newest_first_goes_back_over_midnight(first: str | None) -> None:
    text = "00:04 fine\n23:58 rolled back\n23:50 seen"
    day = datetime.fromisoformat(first).replace(tzinfo=BERLIN) if first else None
    entries = read_paste(text, now=NOW, zone=BERLIN, first=day).entries
    days = ["28 00:04", "27 23:58", "27 23:50"] if first is None else ["27 00:04", "26 23:58"]
    assert [f"{each.at:%d %H:%M}" for each in entries][: len(days)] == days


@pytest.mark.parametrize(
    "text", ["Next call: 14:05\nTicket: 4711", "Room 14:05", "Version: 2.10\nBuild 14.05"]
)
def test_a_time_behind_other_words_is_no_entry_by_itself(text: str) -> None:
    assert read(text).entries == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("11:05 Seen\n12:15 Still\n1:05 Fixed", "Line 3: '1:05' below '12:15' may be AM or PM"),
        ("14:05 EST Seen\n14:06 Fixed", "Line 2: '14:06' names no time zone.*Add EST"),
    ],
)
def test_times_that_go_back_are_asked_about(text: str, words: str) -> None:
    late = NOW.replace(hour=22)
    with pytest.raises(PasteUnclear, match=words):
        read_paste(text, now=late, zone=BERLIN)


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("9:05am Seen\n12:15pm Still\n1:05 Fixed", "28 13:05"),
        ("11:05 Seen\n12:15 Still\n01:05 Night", "28 01:05"),
        ("12:15 Still\n1:05 PM Fixed", "28 13:05"),
        ("14:05 UTC Seen\n15:06 Fixed", "28 15:06"),
        ("14:27 yesterday we saw it", "28 14:27"),
        ("14:27 yesterday's list", "28 14:27"),
        ("14:27 yesterday: seen", "27 14:27"),
    ],
)
def test_times_that_are_clear_are_read(text: str, last: str) -> None:
    assert f"{read(text).entries[-1].at:%d %H:%M}" == last


def test_times_in_other_sections_are_named() -> None:
    paste = read("## Timeline\n14:05 Seen\n## Day two\n- 09:00 Checked\nall well")
    assert [entry.text for entry in paste.entries] == ["Seen"]
    assert (paste.outside, paste.left_out) == ((4,), (1, 3, 5))
    assert "Left out (not under the heading Timeline): line 4." in paste.warnings


def test_a_recordings_transcript_has_no_times_of_day() -> None:
    text = "WEBVTT\n\n00:00:03.000 --> 00:00:07.000\nhello\n\n00:00:08,000 --> 00:00:12,000\nbye"
    paste = read(text)
    assert (paste.entries, paste.unread) == ((), (3, 6))
