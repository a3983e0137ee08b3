"""A line with a day in the middle of a paste dates the entries below it, or is asked about."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from workflow.paste.context import PasteUnclear
from workflow.paste.reading import read_paste

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 28, 15, 39, tzinfo=BERLIN)  # a Saturday


def read(text: str) -> list[tuple[str, str]]:
    entries = read_paste(text, now=NOW, zone=BERLIN).entries
    return [(f"{each.at:%d %H:%M}", each.text) for each in entries]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Yesterday", "Today"),
        ("Ayer", "Hoy"),
        ("Hier", "Aujourd’hui"),
        ("Ieri", "Oggi"),
        ("Ontem", "Hoje"),
        ("Igår", "Idag"),
        ("I går", "I dag"),
        ("Gisteren", "Vandaag"),
        ("Včera", "Dnes"),
        ("Вчера", "Сегодня"),
        ("Dün", "Bugün"),
        ("Tegnap", "Ma"),
        ("Вчора", "Сьогодні"),
        ("Χθες", "Σήμερα"),
        ("أمس", "اليوم"),
        ("pátek 27. listopadu", "sobota 28. listopadu 2026"),
        ("27. listopadu", "28. listopadu"),
        ("27. 11.", "28. 11. 2026"),
        ("27 ноября, пятница", "28 ноября 2026 г."),
        ("27 Kasım Cuma", "28.11.2026 Cumartesi"),
        ("november 27., péntek", "2026. november 28., szombat"),
        ("昨天", "今天"),
        ("11月27日 星期五", "11月28日 星期六"),
        ("11月27日（星期五）", "11月28日（星期六）"),
        ("2026年11月27日 周五", "2026年11月28日 周六"),
        ("2026/11/27(金)", "2026/11/28(土)"),
        ("2026.11.27 金曜日", "2026.11.28 土曜日"),
        ("星期五", "星期六"),
        ("11月27日金曜日", "11月28日土曜日"),
        ("fredag d. 27. november", "lørdag d. 28. november"),
        ("Friday (27.11.)", "Saturday (28.11.)"),
        ("Hôm qua", "Hôm nay"),
        ("Thứ Sáu, 27 tháng 11, 2026", "Thứ Bảy, 28 thg 11, 2026"),
        ("เมื่อวาน", "วันนี้"),
        ("วันศุกร์ที่ 27 พฤศจิกายน 2569", "วันเสาร์ที่ 28 พฤศจิกายน 2569"),
        ("Kemarin", "Hari ini"),
        ("Jumat, 27 November 2026", "Sabtu, 28 November 2026"),
        ("कल", "आज"),
        ("शुक्रवार, 27 नवंबर 2026", "शनिवार, 28 नवंबर"),
        ("Ieri", "Azi"),
        ("vineri, 27 noiembrie 2026", "sâmbătă, 28 noiembrie 2026"),
        ("Ahir", "Avui"),
        ("divendres, 27 de novembre de 2026", "dissabte, 28 de novembre"),
        ("п’ятниця, 27 листопада 2026 р.", "субота, 28 листопада"),
        ("петък, 27 ноември 2026 г.", "събота, 28 ноември"),
        ("Παρασκευή 27 Νοεμβρίου 2026", "Σάββατο 28 Νοεμβρίου"),
        ("יום שישי, 27 בנובמבר 2026", "יום שבת, 28 בנובמבר"),
        ("الجمعة، 27 نوفمبر 2026", "السبت، 28 نوفمبر"),
        ("piatok 27. novembra 2026", "sobota 28. novembra"),
    ],
)
def test_the_dates_between_a_chats_messages_are_read_in_any_locale(first: str, second: str) -> None:
    chat = f"{first}\nAnn Lee\n  9:05 AM\nSeen\n{second}\nBo Roe\n  9:10 AM\nFixed\n"
    assert read(chat) == [("27 09:05", "Seen"), ("28 09:10", "Fixed")]
    notes = f"{first}\n09:05 Seen\n{second}\n09:10 Fixed\n"
    assert read(notes) == [("27 09:05", "Seen"), ("28 09:10", "Fixed")]


def test_a_weekday_that_is_not_the_dates_is_refused_in_chinese_too() -> None:
    with pytest.raises(PasteUnclear, match="2026-11-27 is a Friday, not a Saturday"):
        read("11月27日 星期六\n09:05 Seen")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("27 Nov – detection", "28 Nov – recovery"),
        ("Detection (27 Nov)", "Recovery (28 Nov)"),
        ("Day 1 (27 Nov)", "Day 2 (28 Nov)"),
        ("Nov 27: detection", "Nov 28: recovery"),
        ("27 Nov", "28 Nov, recovery"),
    ],
)
def test_a_heading_with_a_day_dates_the_notes_below_it(first: str, second: str) -> None:
    assert read(f"{first}\n08:05 Seen\n{second}\n00:10 Fixed") == [
        ("27 08:05", "Seen"),
        ("28 00:10", "Fixed"),
    ]


@pytest.mark.parametrize(
    ("above", "line", "date"),
    [
        ("08:05 Found in history:", "25 Nov: first alert", "25 Nov"),
        ("27 Nov\n08:05 Seen", "28 Nov: next check", "28 Nov"),
        ("27 Nov\n23:05 Seen", "as planned for 28 Nov", "28 Nov"),
        ("27 Nov detection\n08:05 Seen", "28 Nov recovery", "28 Nov"),
        ("08:05 Seen\n", "28 Nov recovery", "28 Nov"),
    ],
)
def test_a_line_with_a_date_that_may_be_text_is_asked_about_and_both_answers_are_read(
    above: str, line: str, date: str
) -> None:
    below = "00:10 Fixed" if "23:05" in above else "08:12 Fixed"
    number = above.count("\n") + 2
    with pytest.raises(PasteUnclear, match=rf"Line {number} may be the heading of a day.*{date}"):
        read(f"{above}\n{line}\n{below}")
    as_day = read(f"{above}\n{date}\n{below}")[-1][0]
    assert as_day.startswith(date[:2])
    (as_text, _) = read(f"{above}\n  {line}\n{below}")
    assert as_text[1].endswith(line)


def test_a_date_below_a_colon_in_a_chat_is_asked_about_and_both_answers_are_read() -> None:
    chat = "Ann Lee  2:31 PM\nlast deploy:{}27 Nov\nBo Roe  2:33 PM\nok"
    with pytest.raises(PasteUnclear, match="Line 3 may be the day of the messages below or text"):
        read(chat.format("\n"))
    assert read(chat.format("\n\n"))[1] == ("27 14:33", "ok")
    assert read(chat.format("\nFriday, "))[1] == ("27 14:33", "ok")
    assert read(chat.format(" "))[0] == ("28 14:31", "last deploy: 27 Nov")


def test_a_date_at_the_end_of_a_sentence_stays_text() -> None:
    text = "08:05 Seen\nthe last one was on 25 Nov\n08:10 Fixed"
    assert read(text)[0] == ("28 08:05", "Seen\nthe last one was on 25 Nov")


def test_mircs_log_is_read_day_by_day() -> None:
    text = (
        "Session Start: Fri Nov 27 08:00:00 2026\nSession Ident: #inc\n[23:50] <ann> Seen\n"
        "Session Time: Sat Nov 28 00:00:00 2026\n[00:10] <ann> Fixed\n"
        "Session Close: Sat Nov 28 01:00:00 2026\n"
    )
    assert read(text) == [("27 23:50", "Seen"), ("28 00:10", "Fixed")]


@pytest.mark.parametrize(
    ("text", "times"),
    [
        # The newest first.
        (
            "27 Nov 00:10 Fixed\n23:58 Rolled back\n23:50 Seen",
            ["27 00:10", "26 23:58", "26 23:50"],
        ),
        ("27 Nov 12:10 c\n12:05 b\n12:01 a", ["27 12:10", "27 12:05", "27 12:01"]),
        ("28 Nov 12:10 c\n12:05 b\n27 Nov 23:50 a", ["28 12:10", "28 12:05", "27 23:50"]),
        # The date is on the last line.
        ("14:05 Seen\n27 Nov 14:10 Fixed", ["27 14:05", "27 14:10"]),
        ("14:05 Seen\nyesterday 14:10 Fixed", ["27 14:05", "27 14:10"]),
        ("23:50 Seen\n23:55 Alert\n27 Nov 00:10 Fixed", ["26 23:50", "26 23:55", "27 00:10"]),
        # The end of a day, as ISO 8601 writes it.
        ("27 Nov\n23:50 a\n24:00 b\n00:10 c", ["27 23:50", "28 00:00", "28 00:10"]),
        ("23:50 a\n24:00 b\n00:10 c", ["27 23:50", "28 00:00", "28 00:10"]),
        # As before.
        ("27 Nov 23:50 Seen\n00:10 Fixed\n00:20 Checked", ["27 23:50", "28 00:10", "28 00:20"]),
    ],
)
def test_notes_without_a_date_are_on_the_day_of_the_dated_one(text: str, times: list[str]) -> None:
    assert [at for at, _ in read(text)] == times


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("15:05 Seen\n27 Nov 14:10 Fixed", "Line 1: '15:05' has no date.*Add the date"),
        ("28 Nov 00:10 c\n23:58 b\n27 Nov 23:50 a", "Line 2: '23:58' has no date.*in line 3"),
        ("27 Nov\n00:10 c\n23:58 b\n23:50 a", "Line 3: '23:58' below '00:10'.*the day before"),
    ],
)
def test_notes_that_may_be_of_two_days_are_asked_about(text: str, words: str) -> None:
    with pytest.raises(PasteUnclear, match=words):
        read(text)


@pytest.mark.parametrize(("day", "at"), [("", "28"), ("Yesterday\n", "27")])
def test_a_date_inside_a_message_dates_no_other_message(day: str, at: str) -> None:
    chat = (
        f"{day}Ann Lee  8:05 AM\nHistory:\n25 Nov 11:10 PM first alert\n11:12 PM second\n"
        "Bob Roe  8:07 AM\nok"
    )
    times = [each for each, _ in read(chat)]
    assert (times[0], times[1], times[-1]) == (f"{at} 08:05", "25 23:10", f"{at} 08:07")


def test_a_chat_past_midnight_is_dated_around_what_a_message_quotes() -> None:
    chat = "Ann Lee  11:50 PM\nSee\n25 Nov 23:10 first alert\nBob Roe  12:07 AM\nok"
    assert [at for at, _ in read(chat)] == ["27 23:50", "25 23:10", "28 00:07"]


def test_a_date_line_that_is_ahead_is_refused_for_that_reason() -> None:
    with pytest.raises(PasteUnclear, match=r"Line 2: .*2026-11-30 09:05, which is still ahead"):
        read("Monday, November 30th\n9:05 AM Seen")
    with pytest.raises(PasteUnclear, match=r"Line 2: .*2026-12-02 is still ahead.*its year"):
        read("December 2nd\n9:05 AM Seen")


def test_a_date_line_of_another_year_is_said() -> None:
    paste = read_paste("Dec 24\n14:05 Seen", now=NOW, zone=BERLIN)
    assert f"{paste.entries[0].at:%Y-%m-%d}" == "2025-12-24"
    assert paste.notes == ("Line 2: 24 Dec has no year: taken as 2025.",)


@pytest.mark.parametrize(
    "head",
    [
        "Ann Lee 27.11.2026, 14:39",
        "Ann Lee 2026-11-27, 14:39",
        "Ann Lee 27 Nov - 14:39",
        "Ann Lee Yesterday, 2:39 PM",
        "Ann Lee Yesterday [2:39 PM]",
        "Ann Lee, 27.11.2026\n14:39",
        "Ann Lee (27 Nov)\n14:39",
        "Ann Lee, Friday\n14:39",
        "[27.11 14:39] Ann Lee",
    ],
)
def test_a_day_behind_a_name_is_the_days_and_not_the_names(head: str) -> None:
    (entry,) = read_paste(f"{head}\nDown", now=NOW, zone=BERLIN).entries
    assert (f"{entry.at:%d %H:%M}", entry.by, entry.text) == ("27 14:39", "Ann Lee", "Down")


@pytest.mark.parametrize("day", ["yesterday at", "вчера в", "Dün", "昨天", "11月27日", "Včera v"])
def test_a_day_behind_a_name_is_the_days_with_spaces_alone_too(day: str) -> None:
    chat = f"Ann Lee {day} 14:39\nDown\nBo Roe {day} 14:45\nFixed"
    entries = read_paste(chat, now=NOW, zone=BERLIN).entries
    assert [(f"{each.at:%d %H:%M}", each.by) for each in entries] == [
        ("27 14:39", "Ann Lee"),
        ("27 14:45", "Bo Roe"),
    ]


@pytest.mark.parametrize(
    "head", ["Efe Sunday  2:39 PM", "Efe Sunday, 2:39 PM", "Efe Sunday\n14:39"]
)
def test_a_surname_may_be_a_weekday(head: str) -> None:
    (entry,) = read_paste(f"{head}\nDown", now=NOW, zone=BERLIN).entries
    assert (f"{entry.at:%d %I:%M}", entry.by) == ("28 02:39", "Efe Sunday")


@pytest.mark.parametrize("name", ["Ann (OOO until 27 Nov)", "Ann | off 27 Nov", "Ann OOO 27 Nov"])
def test_a_day_until_which_somebody_is_away_dates_no_message(name: str) -> None:
    (entry,) = read_paste(f"{name}  2:39 PM\nDown", now=NOW, zone=BERLIN).entries
    assert f"{entry.at:%d %H:%M}" == "28 14:39"


@pytest.mark.parametrize(
    "when",
    [
        "Hôm qua lúc 14:39",
        "14:39 Hôm qua",
        "Thứ 6 14:39",
        "27 thg 11, 2026, 14:39",
        "27 พ.ย. 2569 14:39 น.",
        "Kemarin pukul 14.39",
        "Ieri la 14:39",
        "vineri la 14:39",
        "Ahir a les 14:39",
        "divendres 14:39",
    ],
)
def test_the_day_of_a_message_is_read_in_further_languages(when: str) -> None:
    assert read(f"Ann Lee\n{when}\nSeen\nBo Roe\n14:41\nFixed")[0] == ("27 14:39", "Seen")


@pytest.mark.parametrize("day", ["petak, 27. studenoga 2026.", "2026 m. lapkričio 27 d."])
def test_a_day_in_unknown_words_is_asked_about_and_never_text(day: str) -> None:
    chat = "Ann Lee  14:39\nSeen\n{}\nBo Roe  14:41\nFixed"
    with pytest.raises(PasteUnclear, match="Line 3 may be the day of the messages below"):
        read(chat.format(day))
    assert read(chat.format("2026-11-27"))[1] == ("27 14:41", "Fixed")
    assert read(chat.format(f"- {day}"))[0] == ("28 14:39", f"Seen\n- {day}")
