"""WHEN: times that people type and this product prints, read as the intended moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.command_line import Postmortem
from tests.google_world import GoogleWorld
from workflow.cli.output import instant
from workflow.model import clock_text, duration_text, moment_text
from workflow.times.reading import habits_of, read_future, read_past
from workflow.times.spoken_time import DateOrder, Habits, WhenOpen, WhenUnclear

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 28, 14, 39, tzinfo=BERLIN)  # a Saturday


def local(text: str, *, now: datetime = NOW, zone: ZoneInfo = BERLIN, **more: Habits) -> str:
    return f"{read_past(text, now=now, zone=zone, **more).at.astimezone(zone):%d %b %H:%M:%S}"


@pytest.mark.parametrize(
    ("typed", "at"),
    [
        # Printed by this product.
        ("26 Nov 2026, 2:39 PM CET", "26 Nov 14:39:00"),
        ("2:39 PM CET", "28 Nov 14:39:00"),
        ("26 Jul 2026, 2:39 PM CEST", "26 Jul 14:39:00"),
        ("2026-11-26T14:39:20.123456+01:00", "26 Nov 14:39:20"),
        ("2026-11-26T13:39:00Z", "26 Nov 14:39:00"),
        ("2026-11-26 14:39 CET", "26 Nov 14:39:00"),
        ("2026-11-26 13:39:08 UTC", "26 Nov 14:39:08"),
        ("26 Nov 2026, 14:39 CET", "26 Nov 14:39:00"),
        # Words.
        ("noon", "28 Nov 12:00:00"),
        ("midnight", "28 Nov 00:00:00"),
        ("yesterday 14:50", "27 Nov 14:50:00"),
        ("yesterday at noon", "27 Nov 12:00:00"),
        ("hôm qua 14:50", "27 Nov 14:50:00"),
        ("ieri la 14:50", "27 Nov 14:50:00"),
        ("thứ sáu, ngày 27 tháng 11, 14:50", "27 Nov 14:50:00"),
        ("27 พ.ย. 2569 14:50 น.", "27 Nov 14:50:00"),
        ("14:50 yesterday", "27 Nov 14:50:00"),
        ("Wednesday 9:05 AM", "25 Nov 09:05:00"),
        ("last Wednesday at 9:05 AM", "25 Nov 09:05:00"),
        ("Thu 9:10 AM", "26 Nov 09:10:00"),
        ("Saturday 13:00", "28 Nov 13:00:00"),
        ("Saturday 15:00", "21 Nov 15:00:00"),
        ("2 days ago at 14:50", "26 Nov 14:50:00"),
        # Spans.
        ("1h30m ago", "28 Nov 13:09:00"),
        ("1 h 30 min ago", "28 Nov 13:09:00"),
        ("2 d 3 h ago", "26 Nov 11:39:00"),
        ("an hour and a half ago", "28 Nov 13:09:00"),
        ("half an hour ago", "28 Nov 14:09:00"),
        ("1 Std. 30 Min. ago", "28 Nov 13:09:00"),
        ("1.5 hours ago", "28 Nov 13:09:00"),
        ("vor 5 Minuten", "28 Nov 14:34:00"),
        ("il y a 2 heures", "28 Nov 12:39:00"),
        ("hace 10 minutos", "28 Nov 14:29:00"),
        ("10 minuter sedan", "28 Nov 14:29:00"),
        # Zones.
        ("08:05 UTC", "28 Nov 09:05:00"),
        ("8:05 GMT", "28 Nov 09:05:00"),
        ("08:05Z", "28 Nov 09:05:00"),
        ("0805 UTC", "28 Nov 09:05:00"),
        ("03:12 EST", "28 Nov 09:12:00"),
        ("3:12 AM ET", "28 Nov 09:12:00"),
        ("10:00 +0300", "28 Nov 08:00:00"),
        ("10:00 UTC+3", "28 Nov 08:00:00"),
        ("10:00 GMT+05:30", "28 Nov 05:30:00"),
        ("10:00 (UTC)", "28 Nov 11:00:00"),
        ("10:00 Asia/Tokyo", "28 Nov 02:00:00"),
        ("10:00 europe/london", "28 Nov 11:00:00"),
        ("UTC 10:00", "28 Nov 11:00:00"),
        ("14:39 EAT", "28 Nov 12:39:00"),
        ("8:05 AM Eastern Time", "28 Nov 14:05:00"),
        ("8:05 AM Eastern", "28 Nov 14:05:00"),
        ("10:39 London time", "28 Nov 11:39:00"),
        ("5:05 heure de Toronto", "28 Nov 11:05:00"),
        ("1 Jul 2026 10:00 Central European Time", "01 Jul 10:00:00"),
        ("2026-11-26T14:39:00+01:00[Europe/Berlin]", "26 Nov 14:39:00"),
        ("1 Jul 2026 10:00 PDT", "01 Jul 19:00:00"),
        # Dates.
        ("24.11.2026 14:50", "24 Nov 14:50:00"),
        ("24.11. 14:50", "24 Nov 14:50:00"),
        ("24/11/2026 14:50", "24 Nov 14:50:00"),
        ("11/24/2026 2:50 PM", "24 Nov 14:50:00"),
        ("Nov 24, 2:50 PM", "24 Nov 14:50:00"),
        ("November 24th, 2026 at 2:50 PM", "24 Nov 14:50:00"),
        ("Tue 24 Nov 2026 14:50", "24 Nov 14:50:00"),
        ("Dec 24 14:50", "24 Dec 14:50:00"),
        ("24/Nov/2026:08:05:10 +0000", "24 Nov 09:05:10"),
        ("Tue Nov 24 08:05:10 CET 2026", "24 Nov 08:05:10"),
        ("20261124T080510Z", "24 Nov 09:05:10"),
        # Other languages.
        ("14h30", "28 Nov 14:30:00"),
        ("14 h 30", "28 Nov 14:30:00"),
        ("14u30", "28 Nov 14:30:00"),
        ("14h", "28 Nov 14:00:00"),
        ("14.30 Uhr", "28 Nov 14:30:00"),
        ("14 Uhr", "28 Nov 14:00:00"),
        ("14:30 Uhr", "28 Nov 14:30:00"),
        ("um 14:30 Uhr", "28 Nov 14:30:00"),
        ("klo 14.30", "28 Nov 14:30:00"),
        ("kl. 14.30", "28 Nov 14:30:00"),
        ("a las 14:30", "28 Nov 14:30:00"),
        ("à 14h30", "28 Nov 14:30:00"),
        ("alle 14:30", "28 Nov 14:30:00"),
        ("om 14:30 uur", "28 Nov 14:30:00"),
        ("gestern um 14:30 Uhr", "27 Nov 14:30:00"),
        ("mar 24 nov 2026 à 14h30", "24 Nov 14:30:00"),
        ("Dienstag, 24. November 2026, 14:30 Uhr", "24 Nov 14:30:00"),
        ("24 de noviembre de 2026 a las 14:30", "24 Nov 14:30:00"),
        ("8:05 a. m.", "28 Nov 08:05:00"),
        ("12:05 am Samstag", "28 Nov 12:05:00"),
        ("下午2:30", "28 Nov 14:30:00"),
        ("下午2点半", "28 Nov 14:30:00"),
        ("午後2時半", "28 Nov 14:30:00"),
        ("오후 2시 반", "28 Nov 14:30:00"),
        ("14时30分", "28 Nov 14:30:00"),
        ("14點30分", "28 Nov 14:30:00"),
        ("早上8:05", "28 Nov 08:05:00"),
        ("中午12:05", "28 Nov 12:05:00"),
        ("凌晨12:05", "28 Nov 00:05:00"),
        ("昨天 晚上8:05", "27 Nov 20:05:00"),
        ("周五 14:30", "27 Nov 14:30:00"),
        ("星期五下午2:30", "27 Nov 14:30:00"),
        ("金曜日 14:30", "27 Nov 14:30:00"),
        ("前天 14:30", "26 Nov 14:30:00"),
        ("一昨日の14:30", "26 Nov 14:30:00"),
        ("今日の午後2時30分", "28 Nov 14:30:00"),
        ("27.11 14:30", "27 Nov 14:30:00"),
        ("2:30 μ.μ.", "28 Nov 14:30:00"),
        ("8:05 π.μ.", "28 Nov 08:05:00"),
        ("٢:٣٠ م", "28 Nov 14:30:00"),
        ("٢٧\u200f/١١\u200f/٢٠٢٦، ٢:٣٠ م", "27 Nov 14:30:00"),
        ("hier à 14h30", "27 Nov 14:30:00"),
        ("včera ve 14:30", "27 Nov 14:30:00"),
        ("14:30 hod.", "28 Nov 14:30:00"),
        ("14:30 hs", "28 Nov 14:30:00"),
        ("v pátek 27. listopadu 2026 v 14:30", "27 Nov 14:30:00"),
        ("27. 11. 14:30", "27 Nov 14:30:00"),
        ("вчера в 14:30", "27 Nov 14:30:00"),
        ("в пятницу, 27 ноября 2026 г. в 14:30", "27 Nov 14:30:00"),
        ("dün saat 14:30", "27 Nov 14:30:00"),
        ("27 KASIM 2026 Cuma 14:30", "27 Nov 14:30:00"),
        ("25 NİSAN 2026 14:30", "25 Apr 14:30:00"),
        ("tegnap 14:30-kor", "27 Nov 14:30:00"),
        ("ma 14:30-kor", "28 Nov 14:30:00"),
        ("ma 14:30", "23 Nov 14:30:00"),  # Monday to the Dutch
        ("2026. november 27., péntek 14:30", "27 Nov 14:30:00"),
        ("w piątek o godz. 14:30", "27 Nov 14:30:00"),
        ("aujourd’hui à 14h30", "28 Nov 14:30:00"),
        ("vor einer halben Stunde", "28 Nov 14:09:00"),
        ("un'ora fa", "28 Nov 13:39:00"),
        ("een uur geleden", "28 Nov 13:39:00"),
        ("vor zehn Minuten", "28 Nov 14:29:00"),
        # Parts of a day.
        ("this morning at 9:05", "28 Nov 09:05:00"),
        ("9:05 this morning", "28 Nov 09:05:00"),
        ("yesterday evening 7:15", "27 Nov 19:15:00"),
        ("2:15 in the afternoon", "28 Nov 14:15:00"),
        ("Friday evening 8:15", "27 Nov 20:15:00"),
        ("last night 23:30", "27 Nov 23:30:00"),
        ("last night at 8:00", "27 Nov 20:00:00"),
        ("last night at 0:30", "28 Nov 00:30:00"),
        ("last night at 2:00 AM", "28 Nov 02:00:00"),
        ("heute morgen um 9:05 Uhr", "28 Nov 09:05:00"),
        ("gestern Abend 8:15", "27 Nov 20:15:00"),
        ("hier soir 20h15", "27 Nov 20:15:00"),
        # `PT` is Los Angeles' time, and no Polish Friday.
        ("5:39 PT", "28 Nov 14:39:00"),
        ("5:39 am pt", "28 Nov 14:39:00"),
        ("27 Nov 2026 5:39 AM PT", "27 Nov 14:39:00"),
        # What programs print, and what copying adds.
        (
            "Fri Nov 27 2026 14:39:00 GMT+0100 (Central European Standard Time)",
            "27 Nov 14:39:00",
        ),
        ("20261127T1439", "27 Nov 14:39:00"),
        ("2026-11-27T24:00", "28 Nov 00:00:00"),
        ("2026‑11‑27 14:39", "27 Nov 14:39:00"),
        ("１４：３９", "28 Nov 14:39:00"),
        ("[14:39]", "28 Nov 14:39:00"),
        ("“2:39 PM CET”.", "28 Nov 14:39:00"),
        ("five minutes ago", "28 Nov 14:34:00"),
        ("-5 min", "28 Nov 14:34:00"),
        ("−5m", "28 Nov 14:34:00"),
        ("2026年11月24日 14:30", "24 Nov 14:30:00"),
        ("2026年11月24日(火) 14:30", "24 Nov 14:30:00"),
        ("2026년 11월 24일 화요일 오후 2:30", "24 Nov 14:30:00"),
    ],
)
def test_a_time_is_read_as_it_is_meant(typed: str, at: str) -> None:
    assert local(typed) == at


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("5", "not a time this program can read"),
        ("may", "not a time this program can read"),
        ("deploy", "not a time this program can read"),
        ("tomorrow-ish", "not a time this program can read.*as far as “tomorrow”"),
        ("14:39 or so", "as far as “14:39”"),
        ("08:05-09:00", "as far as “08:05”"),
        ("14:39 XYZ", "XYZ is not a time zone"),
        ("yesterday", "names a day and no time of day"),
        ("25:10", "not a time of day"),
        ("14:39 PM", "hours before AM or PM go from 1 to 12"),
        ("2026-02-30 10:00", "not a day in the calendar"),
        ("2026-13-01 14:39", "not a day in the calendar"),
        ("Mon 24 Nov 2026 14:39", "2026-11-24 is a Tuesday, not a Monday"),
        ("yesterday Monday 14:39", "2026-11-27 is a Friday, not a Monday"),
        ("1026-11-24 14:39", "is in the year 1026"),
        ("99999 weeks ago", "too far away"),
        ("tomorrow 10:00", "still ahead"),
        ("16:00", "still ahead.*2026-11-27 16:00"),
        ("30m", "a length of time, not a moment"),
        ("10:00 CET (UTC+3)", "not the same"),
        ("2026-03-29 02:30", "does not exist in Europe/Berlin.*1:30 AM CET or 3:30 AM CEST"),
    ],
)
def test_what_is_no_moment_is_refused_with_what_was_understood(typed: str, words: str) -> None:
    with pytest.raises(WhenUnclear, match=words):
        local(typed)


@pytest.mark.parametrize(
    ("typed", "options"),
    [
        ("10:00 CST", ["UTC-06:00 (Chicago)", "UTC+08:00 (Shanghai)", "UTC-05:00 (Havana)"]),
        ("10:00 SST", ["UTC-11:00 (Pago Pago)", "UTC+08:00 (Singapore)"]),
        ("10:00 IST", ["UTC+05:30 (Kolkata)", "UTC+02:00 (Jerusalem)"]),
        ("1 Jul 2026 10:00 EST", ["EST, UTC-05:00", "EDT, UTC-04:00"]),
        ("1 Jul 2026 10:00 CET", ["CET, UTC+01:00", "CEST, UTC+02:00"]),
        ("3/4/2026 10:00", ["3 Apr 2026, 10:00 AM CEST", "4 Mar 2026, 10:00 AM CET"]),
        ("1h30", ["1 h 30 min ago", "1:30"]),
        ("Thursday midnight", ["26 Nov 2026, 12:00 AM CET", "27 Nov 2026, 12:00 AM CET"]),
    ],
)
def test_what_may_mean_two_moments_names_them(typed: str, options: list[str]) -> None:
    with pytest.raises(WhenOpen) as unsettled:
        local(typed)
    assert [each.words for each in unsettled.value.options] == options


def test_an_abbreviation_is_the_incidents_own_first() -> None:
    chicago = ZoneInfo("America/Chicago")
    assert local("7:00 AM CST", zone=chicago) == "28 Nov 07:00:00"
    kolkata = ZoneInfo("Asia/Kolkata")
    assert local("10:00 IST", zone=kolkata) == "28 Nov 10:00:00"
    dublin = ZoneInfo("Europe/Dublin")
    assert local("1 Jul 2026 10:00 IST", zone=dublin) == "01 Jul 10:00:00"


def test_the_locale_says_which_number_is_the_day() -> None:
    def read(lang: str) -> str:
        return local("3/4/2026 10:00", habits=habits_of({"LANG": lang}))

    assert read("en_US.UTF-8") == "04 Mar 10:00:00"
    assert read("en_GB.UTF-8") == read("de_DE") == "03 Apr 10:00:00"
    assert habits_of({"LC_ALL": "C.UTF-8", "LANG": "en_US"}).order is None
    assert habits_of({"LC_TIME": "fr_FR", "LANG": "en_US"}) == Habits(DateOrder.DAY_FIRST, "fr")


@pytest.mark.parametrize(
    ("now", "typed", "zone", "minutes"),
    [
        ("2026-10-25 01:50", "10 minutes ago", "Europe/Berlin", 10),
        ("2026-10-25 02:30", "2 hours ago", "Europe/Berlin", 120),
        ("2026-11-01 06:20", "15 minutes ago", "America/New_York", 15),
        ("2026-03-29 01:10", "30 minutes ago", "Europe/Berlin", 30),
        ("2026-03-30 00:00", "1 day ago", "Europe/Berlin", 1440),
    ],
)
def test_a_span_counts_the_minutes_that_passed(
    now: str, typed: str, zone: str, minutes: int
) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    passed = at - read_past(typed, now=at, zone=ZoneInfo(zone)).at
    assert passed == timedelta(minutes=minutes)


def test_in_the_hour_that_comes_twice_the_nearer_one_that_is_past_is_taken_and_said() -> None:
    def read(typed: str, now: str) -> tuple[str, str]:
        at = datetime.fromisoformat(now).replace(tzinfo=UTC)
        moment = read_past(typed, now=at, zone=BERLIN)
        return f"{moment.at.astimezone(UTC):%H:%M}", " ".join(moment.notes)

    at, note = read("2:30", "2026-10-25 00:45")  # the first time round
    assert (at, "taken as 2:30 AM CEST, the first" in note) == ("00:30", True)
    at, note = read("2:30", "2026-10-25 01:45")
    assert (at, "taken as 2:30 AM CET, the second" in note) == ("01:30", True)
    assert "For the other write 2:30 AM CEST" in note
    at, note = read("25 Oct 2026, 2:30 AM CEST", "2026-11-28 12:00")
    assert (at, note) == ("00:30", "")
    assert read("3:30", "2026-10-25 04:45") == ("02:30", "")


@pytest.mark.parametrize(
    ("typed", "at"),
    [
        ("30m", "28 Nov 15:09"),
        ("in 1 hour 30 minutes", "28 Nov 16:09"),
        ("2h", "28 Nov 16:39"),
        ("17:30", "28 Nov 17:30"),
        ("tomorrow 10:00", "29 Nov 10:00"),
        ("morgen um 10 Uhr", "29 Nov 10:00"),
        *((f"{day} 10:00", "29 Nov 10:00") for day in ("ngày mai", "พรุ่งนี้", "besok", "mâine la")),
        ("Monday 9:00", "30 Nov 09:00"),
        ("midnight", "29 Nov 00:00"),
        ("1 Dec 10:00", "01 Dec 10:00"),
        ("17:30 UTC", "28 Nov 18:30"),
        ("1:00", "29 Nov 01:00"),
    ],
)
def test_the_next_update_lies_ahead(typed: str, at: str) -> None:
    assert f"{read_future(typed, now=NOW, zone=BERLIN).at.astimezone(BERLIN):%d %b %H:%M}" == at


ZONES = (
    *("Europe/Berlin", "Europe/London", "Europe/Dublin", "America/New_York", "America/Sao_Paulo"),
    *("Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Casablanca"),
    *("Pacific/Auckland", "Pacific/Guam", "Africa/Nairobi", "UTC"),
)


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(ZONES),
    st.one_of(
        st.integers(0, 366 * 24 * 60),
        # The hours around both clock changes of each zone.
        st.sampled_from(range(120)),
    ),
    st.booleans(),
)
def test_every_time_that_is_printed_is_read_back(name: str, minute: int, near: bool) -> None:
    zone = ZoneInfo(name)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    if near:
        changes = _changes(zone, start)
        start = changes[minute % len(changes)] - timedelta(hours=2) if changes else start
        minute %= 240
    at = start + timedelta(minutes=minute)
    now = at + timedelta(hours=5)
    there = at.astimezone(zone)
    forms = [
        moment_text(at, zone),
        clock_text(at, zone),
        str(instant(at)),
        there.isoformat(),
        f"{there:%Y-%m-%d %H:%M %Z}",
        f"{at:%Y-%m-%d %H:%M:%S} UTC",
        f"{duration_text((now - at).total_seconds())} ago",
    ]
    for form in forms:
        assert read_past(form, now=now, zone=zone).at == at, form


@cache
def _changes(zone: ZoneInfo, year: datetime) -> list[datetime]:
    hours = [year + timedelta(hours=hour) for hour in range(366 * 24)]
    offsets = [each.astimezone(zone).utcoffset() for each in hours]
    return [
        hour for hour, (was, now) in zip(hours[1:], pairwise(offsets), strict=True) if was != now
    ]


def test_a_minute_is_a_minute_whoever_typed_it(postmortem: Postmortem) -> None:
    """`start` knows the second, and a person types the minute."""

    def at(clock: str) -> Postmortem:
        story = f"2026-11-24T{clock}+01:00"
        named = {"POSTMORTEM_PROFILE": "rehearsal", "POSTMORTEM_REHEARSAL_NOW": story}
        return Postmortem(postmortem.home, {**postmortem.environment, **named})

    at("14:39:40")("start", "Wrong amounts")
    later = at("14:55:10")
    for command in (("log", "Seen"), ("status", "identified"), ("impact", "3 people"), ("close",)):
        later(*command, "--at", "2:39 PM")
    said = later("log", "Too early", "--at", "2:38 PM", expect=3).err
    assert "2:38 PM CET is before the incident began (24 Nov 2026, 2:39 PM CET)" in said
    assert "--before-start" in said
    later("reopen")
    said = later("status", "resolved", "--at", "2:38 PM", expect=3).err
    assert "--before-start" not in said  # an option of `log` only


def test_what_the_product_prints_can_be_typed(postmortem: Postmortem) -> None:
    postmortem("start", "Wrong amounts", "--at", "26 Nov 2026, 2:39 PM CET")
    shown = postmortem("show").out
    (began,) = [line for line in shown.splitlines() if line.startswith("Started")]
    at = began.removeprefix("Started").strip()
    assert at == "26 Nov 2026, 2:39 PM CET"
    logged = postmortem.json("log", "Seen", "--at", at)
    assert logged["at"] == "2026-11-26T14:39:00+01:00"
    assert postmortem.json("log", "Again", "--at", logged["at"])["at"] == logged["at"]


def test_what_may_mean_two_moments_is_refused_where_nobody_can_be_asked(
    postmortem: Postmortem,
) -> None:
    postmortem("start", "Wrong amounts", "--at", "26 Nov 2026, 2:39 PM CET")
    said = postmortem("log", "x", "--at", "27 Nov 2026 10:00 CST", expect=3).err
    assert "CST may be UTC-06:00 (Chicago), UTC+08:00 (Shanghai)" in said
    assert "27 Nov 2026 10:00 -06:00" in said
    assert postmortem.json("show")["timeline"] == []
    _, advice = said.split("like ")
    postmortem("log", "x", "--at", advice.strip().rstrip("."))


def test_entries_typed_days_later_are_marked(postmortem: Postmortem, google: GoogleWorld) -> None:
    doc_id = postmortem.json("start", "Wrong amounts", "--at", "3 days ago")["doc_id"]
    postmortem("log", "The oldest", "--at", "3 days ago")
    postmortem("log", "The next", "--at", "2 days ago")
    postmortem("log", "An hour ago", "--at", "1 hour ago")
    postmortem("log", "Now")
    lines = [line for line in google.text(doc_id).splitlines() if "M CE" in line and "  " in line]
    marked = {
        line.split("  ")[1].partition(" (added later")[0]: "(added later" in line for line in lines
    }
    assert marked == {"The oldest": True, "The next": True, "An hour ago": False, "Now": False}


NEW_YORK = ZoneInfo("America/New_York")
LATE = datetime(2026, 11, 28, 22, 30, tzinfo=NEW_YORK)  # in UTC it is the 29th


def test_yesterday_in_a_zone_where_it_is_another_day_is_asked_about() -> None:
    with pytest.raises(WhenOpen) as refused:
        read_past("yesterday 14:39 UTC", now=LATE, zone=NEW_YORK)
    assert [option.words for option in refused.value.options] == [
        "27 Nov 2026, 9:39 AM EST",
        "28 Nov 2026, 9:39 AM EST",
    ]
    with pytest.raises(WhenOpen, match="Write the date"):
        read_future("tomorrow 10:00 UTC", now=LATE, zone=NEW_YORK)


@pytest.mark.parametrize(
    ("typed", "at"),
    [
        ("14:39 UTC", "28 Nov 09:39:00"),
        ("14:39 Europe/Berlin", "28 Nov 08:39:00"),
        ("14:39 JST", "28 Nov 00:39:00"),
        ("01:39 UTC", "28 Nov 20:39:00"),
        ("today 14:39 UTC", "28 Nov 09:39:00"),  # the 29th's is still ahead
        ("yesterday 14:39 EST", "27 Nov 14:39:00"),
        ("yesterday 14:39", "27 Nov 14:39:00"),
    ],
)
def test_a_day_near_today_is_the_one_that_is_possible(typed: str, at: str) -> None:
    assert local(typed, now=LATE, zone=NEW_YORK) == at


def test_advice_for_a_day_without_a_time_can_be_typed() -> None:
    for typed in ("tomorrow morning", "tomorrow evening", "Monday", "1 Dec 2026"):
        with pytest.raises(WhenUnclear, match="Add it: ") as refused:
            read_future(typed, now=LATE, zone=NEW_YORK)
        advice = str(refused.value).partition("Add it: ")[2].removesuffix(".")
        assert read_future(advice, now=LATE, zone=NEW_YORK).at > LATE


def test_no_time_of_day_is_asked_for_on_a_day_that_can_not_be_meant() -> None:
    with pytest.raises(WhenUnclear, match="'tomorrow' is still ahead") as ahead_of:
        read_past("tomorrow", now=LATE, zone=NEW_YORK)
    with pytest.raises(WhenUnclear, match="'yesterday' has passed already") as passed:
        read_future("yesterday", now=LATE, zone=NEW_YORK)
    assert "Add it" not in f"{ahead_of.value}{passed.value}"


def test_advice_for_a_promise_shows_times_that_can_be_promised() -> None:
    with pytest.raises(WhenUnclear, match="one of: 30m, in 2 hours, 17:30, tomorrow 10:00") as no:
        read_future("EOD", now=LATE, zone=NEW_YORK)
    assert "understood as far as" not in str(no.value)


def test_a_time_that_is_ahead_is_refused_in_every_zone() -> None:
    for typed in ("23:10", "23:10 EST", "04:10 UTC", "05:10 CET"):
        with pytest.raises(WhenUnclear, match="would be 2026-11-28 23:10, which is still ahead"):
            read_past(typed, now=LATE, zone=NEW_YORK)


def ahead(text: str, hour: int, habits: Habits | None = None) -> str:
    now = NOW.replace(hour=hour)
    at = read_future(text, now=now, zone=BERLIN, habits=habits or Habits()).at
    return f"{at.astimezone(BERLIN):%d %b %H:%M}"


@pytest.mark.parametrize(
    ("typed", "language", "options"),
    [
        ("18h", "fr", ["in 18 h", "18:00"]),
        ("18h", "de", ["in 18 h", "18:00"]),
        ("20h", "pt", ["in 20 h", "20:00"]),
        ("2h", "fr", ["in 2 h", "2:00"]),
        ("1h30", "", ["in 1 h 30 min", "1:30"]),
        ("1:30h", "", ["in 1 h 30 min", "1:30"]),
        ("1:30 hrs", "", ["in 1 h 30 min", "1:30"]),
        ("0:30h", "", ["in 30 min", "0:30"]),
    ],
)
def test_a_promise_that_may_be_a_length_of_time_is_asked_about(
    typed: str, language: str, options: list[str]
) -> None:
    with pytest.raises(WhenOpen) as unsettled:
        ahead(typed, 14, Habits(language=language))
    assert [each.words for each in unsettled.value.options] == options
    for words, option in zip(options, unsettled.value.options, strict=True):
        assert f"{option.at.astimezone(BERLIN):%d %b %H:%M}" == ahead(words, 14)


@pytest.mark.parametrize(
    ("typed", "hour", "language", "at"),
    [
        ("18h", 14, "", "29 Nov 08:39"),
        ("9h", 14, "fr", "28 Nov 23:39"),  # 9:00 has passed
        ("30h", 14, "fr", "29 Nov 20:39"),
        ("18:30h", 14, "", "28 Nov 18:30"),
        ("05:30h", 2, "", "28 Nov 05:30"),
        ("24:00", 19, "", "29 Nov 00:00"),
        ("tomorrow 24:00", 19, "", "30 Nov 00:00"),
        ("midnight tonight", 19, "", "29 Nov 00:00"),
        ("tonight at midnight", 19, "", "29 Nov 00:00"),
        ("midnight today", 19, "", "29 Nov 00:00"),
        ("tonight 24:00", 19, "", "29 Nov 00:00"),
        ("tonight 12:30 AM", 19, "", "29 Nov 00:30"),
        ("tonight at 1:00", 19, "", "29 Nov 01:00"),
        ("tonight 2:00 AM", 0, "", "28 Nov 02:00"),
        ("tonight 4:45", 14, "", "28 Nov 16:45"),
        ("heute Abend 0:30", 19, "de", "29 Nov 00:30"),
    ],
)
def test_a_promise_of_tonight_lies_ahead(typed: str, hour: int, language: str, at: str) -> None:
    assert ahead(typed, hour, Habits(language=language)) == at


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("tonight noon", "not in the evening"),
        ("tomorrow night 0:30", "not in the night. Write the date"),
        ("24:15", "not a time of day"),
    ],
)
def test_a_promise_outside_its_part_of_the_day_is_refused(typed: str, words: str) -> None:
    with pytest.raises(WhenUnclear, match=words):
        ahead(typed, 19)


@pytest.mark.parametrize("typed", ["tomorrow at 10", "tonight at 9", "Monday 10", "1 Dec at 22"])
def test_an_hour_alone_is_refused_with_what_is_missing(typed: str) -> None:
    with pytest.raises(WhenUnclear, match="lacks the minutes, or AM or PM") as refused:
        ahead(typed, 14)
    advice = str(refused.value).partition("Write ")[2].removesuffix(".")
    assert [ahead(each, 14) for each in advice.split(" or ")]


def test_hours_after_midnight_are_of_the_right_night() -> None:
    early = NOW.replace(hour=0, minute=45)
    assert local("tonight 12:30 AM", now=early) == "28 Nov 00:30:00"
    assert local("midnight tonight", now=early) == "28 Nov 00:00:00"
    assert local("heute Nacht 0:30") == "28 Nov 00:30:00"
    assert local("24:00") == "28 Nov 00:00:00"
    assert local("yesterday 24:00") == "28 Nov 00:00:00"
    for typed in ("tonight 12:30 AM", "midnight tonight"):
        with pytest.raises(WhenUnclear, match="still ahead"):
            local(typed)


def test_tomorrow_in_the_zone_of_an_abbreviation_is_asked_about_too() -> None:
    with pytest.raises(WhenOpen) as refused:
        read_future("tomorrow 9:00 CET", now=LATE, zone=NEW_YORK)
    assert [option.words for option in refused.value.options] == [
        "29 Nov 2026, 3:00 AM EST",
        "30 Nov 2026, 3:00 AM EST",
    ]
    with pytest.raises(WhenOpen, match="another day in CET"):
        read_past("yesterday 9:00 CET", now=LATE, zone=NEW_YORK)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("2 Dec 9:00", "2026-12-02 is still ahead, and the last one is 2025-12-02. Write the date"),
        ("29 Feb 14:39", "the last one is 2024-02-29. Write the date with its year"),
        ("Wednesday 2 Dec 9:00", "would be 2026-12-02 09:00, which is still ahead"),
        ("30 Feb 9:00", "not a day in the calendar"),
    ],
)
def test_a_date_without_a_year_that_is_ahead_is_refused(typed: str, words: str) -> None:
    with pytest.raises(WhenUnclear, match=words):
        local(typed)


def test_a_promise_for_a_date_without_a_year_that_has_passed_is_refused() -> None:
    for typed in ("27 Nov 10:00", "Saturday 27 Nov 10:00"):
        with pytest.raises(WhenUnclear, match="2026-11-27 has passed, and the next one is 2027"):
            read_future(typed, now=NOW, zone=BERLIN)


def test_a_date_of_another_year_is_said() -> None:
    moment = read_past("24 Dec 14:50", now=NOW, zone=BERLIN)
    assert f"{moment.at:%Y-%m-%d}" == "2025-12-24"
    assert moment.notes == ("24 Dec has no year: taken as 2025.",)
    # The weekday shows the year, or the day is not long ago.
    new_year = datetime(2027, 1, 5, 9, 0, tzinfo=BERLIN)
    for typed, now in (("Tuesday 2 Dec 9:00", NOW), ("30 Dec 9:00", new_year)):
        assert read_past(typed, now=now, zone=BERLIN).notes == ()
