"""Time zones as people write them, and the instants at which their clocks show a time.

`UTC`, `+01:00`, `UTC+5:30`, `Europe/Berlin`, `CET`, `PT`. An abbreviation may mean several zones
(CST: Chicago, Shanghai, Havana), and none on a given day: in July New York uses EDT, and a person
who writes EST may mean either. So an abbreviation has meanings, each with a place whose clocks show
whether it was in use at that moment.

A zone's clocks show most times once, an hour in autumn twice, and an hour in spring never.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from workflow.model import clock_text, date_text, zone_text
from workflow.times.spoken_time import (
    TOLERANCE,
    WEEKDAY_NAMES,
    Clock,
    DateOrder,
    Moment,
    NamedDate,
    Setting,
    Side,
    Spoken,
    WhenUnclear,
)


@dataclass(frozen=True)
class Meaning:
    """One meaning of an abbreviation. `key` is the IANA name of a zone that uses it."""

    offset: timedelta
    place: str
    key: str


def _meanings(*rows: tuple[str, float, str, str]) -> dict[str, tuple[Meaning, ...]]:
    found: dict[str, tuple[Meaning, ...]] = {}
    for names, hours, place, key in rows:
        for name in names.split():
            meaning = Meaning(timedelta(hours=hours), place, key)
            found[name] = (*found.get(name, ()), meaning)
    return found


# From the IANA time zone database, status pages, mails and chats. Left out because ordinary text
# would be misread: WIT, MET, BOT.
ABBREVIATIONS = _meanings(
    ("EST", -5, "New York", "America/New_York"),
    ("EDT", -4, "New York", "America/New_York"),
    ("CST", -6, "Chicago", "America/Chicago"),
    ("CST", 8, "Shanghai", "Asia/Shanghai"),
    ("CST", -5, "Havana", "America/Havana"),
    ("CDT", -5, "Chicago", "America/Chicago"),
    ("CDT", -4, "Havana", "America/Havana"),
    ("MST", -7, "Denver", "America/Denver"),
    ("MDT", -6, "Denver", "America/Denver"),
    ("PST", -8, "Los Angeles", "America/Los_Angeles"),
    ("PDT", -7, "Los Angeles", "America/Los_Angeles"),
    ("AKST", -9, "Anchorage", "America/Anchorage"),
    ("AKDT", -8, "Anchorage", "America/Anchorage"),
    ("HST", -10, "Honolulu", "Pacific/Honolulu"),
    ("AST", -4, "Halifax", "America/Halifax"),
    ("AST", 3, "Riyadh", "Asia/Riyadh"),
    ("ADT", -3, "Halifax", "America/Halifax"),
    ("NST", -3.5, "St. John's", "America/St_Johns"),
    ("NDT", -2.5, "St. John's", "America/St_Johns"),
    ("BRT", -3, "São Paulo", "America/Sao_Paulo"),
    ("WET", 0, "Lisbon", "Europe/Lisbon"),
    ("WEST", 1, "Lisbon", "Europe/Lisbon"),
    ("BST", 1, "London", "Europe/London"),
    ("CET MEZ", 1, "Berlin", "Europe/Berlin"),
    ("CEST MESZ", 2, "Berlin", "Europe/Berlin"),
    ("EET OEZ", 2, "Helsinki", "Europe/Helsinki"),
    ("EEST OESZ", 3, "Helsinki", "Europe/Helsinki"),
    ("MSK", 3, "Moscow", "Europe/Moscow"),
    ("TRT", 3, "Istanbul", "Europe/Istanbul"),
    ("SAST", 2, "Johannesburg", "Africa/Johannesburg"),
    ("IST", 5.5, "Kolkata", "Asia/Kolkata"),
    ("IST", 1, "Dublin", "Europe/Dublin"),
    ("IST", 2, "Jerusalem", "Asia/Jerusalem"),
    ("IDT", 3, "Jerusalem", "Asia/Jerusalem"),
    ("GST", 4, "Dubai", "Asia/Dubai"),
    ("PKT", 5, "Karachi", "Asia/Karachi"),
    ("ICT", 7, "Bangkok", "Asia/Bangkok"),
    ("WIB", 7, "Jakarta", "Asia/Jakarta"),
    ("WITA", 8, "Makassar", "Asia/Makassar"),
    ("IRST", 3.5, "Tehran", "Asia/Tehran"),
    ("SAMT", 4, "Samara", "Europe/Samara"),
    ("UZT", 5, "Tashkent", "Asia/Tashkent"),
    ("YEKT", 5, "Yekaterinburg", "Asia/Yekaterinburg"),
    ("MMT", 6.5, "Yangon", "Asia/Yangon"),
    ("OMST", 6, "Omsk", "Asia/Omsk"),
    ("NOVT", 7, "Novosibirsk", "Asia/Novosibirsk"),
    ("KRAT", 7, "Krasnoyarsk", "Asia/Krasnoyarsk"),
    ("IRKT", 8, "Irkutsk", "Asia/Irkutsk"),
    ("YAKT", 9, "Yakutsk", "Asia/Yakutsk"),
    ("CHST", 10, "Guam", "Pacific/Guam"),
    ("VLAT", 10, "Vladivostok", "Asia/Vladivostok"),
    ("SGT", 8, "Singapore", "Asia/Singapore"),
    ("HKT", 8, "Hong Kong", "Asia/Hong_Kong"),
    ("PHT", 8, "Manila", "Asia/Manila"),
    ("AWST", 8, "Perth", "Australia/Perth"),
    ("JST", 9, "Tokyo", "Asia/Tokyo"),
    ("KST", 9, "Seoul", "Asia/Seoul"),
    ("ACST", 9.5, "Adelaide", "Australia/Adelaide"),
    ("ACDT", 10.5, "Adelaide", "Australia/Adelaide"),
    ("AEST", 10, "Sydney", "Australia/Sydney"),
    ("AEDT", 11, "Sydney", "Australia/Sydney"),
    ("NZST", 12, "Auckland", "Pacific/Auckland"),
    ("NZDT", 13, "Auckland", "Pacific/Auckland"),
    ("EAT", 3, "Nairobi", "Africa/Nairobi"),
    ("CAT", 2, "Maputo", "Africa/Maputo"),
    ("WAT", 1, "Lagos", "Africa/Lagos"),
    ("ART", -3, "Buenos Aires", "America/Argentina/Buenos_Aires"),
    ("CLT", -4, "Santiago", "America/Santiago"),
    ("CLST", -3, "Santiago", "America/Santiago"),
    ("COT", -5, "Bogotá", "America/Bogota"),
    ("PET", -5, "Lima", "America/Lima"),
    ("UYT", -3, "Montevideo", "America/Montevideo"),
    ("MYT", 8, "Kuala Lumpur", "Asia/Kuala_Lumpur"),
    ("NPT", 5.75, "Kathmandu", "Asia/Kathmandu"),
    ("BDT", 6, "Dhaka", "Asia/Dhaka"),
    ("SST", -11, "Pago Pago", "Pacific/Pago_Pago"),
    ("SST", 8, "Singapore", "Asia/Singapore"),
)
# In words, the American zones: CST alone is Shanghai's and Havana's too.
ABBREVIATIONS["Central Standard Time"] = ABBREVIATIONS["CST"][:1]
ABBREVIATIONS["Central Daylight Time"] = ABBREVIATIONS["CDT"][:1]

# A place's time in summer and winter alike.
_PLACES = {
    "ET": "America/New_York",
    "CT": "America/Chicago",
    "MT": "America/Denver",
    "PT": "America/Los_Angeles",
}
# Zones whose names are words or other abbreviations too, so a text may begin with them: `CT scan`.
_ALSO_WORDS = frozenset(
    {
        *_PLACES,
        "EAT",
        "CAT",
        "WAT",
        "ART",
        "CLT",
        "CLST",
        "COT",
        "PET",
        "UYT",
        "MYT",
        "NPT",
        "BDT",
        "SST",
    }
)
# Of the others, those that are words in small letters: `10:05 est en panne`, `10:05 ist weg`.
_WORDS_IN_SMALL = frozenset({"EST", "CET", "IST", "WET", "WEST"})
_UTC = frozenset({"UTC", "GMT", "Z", "ZULU", "UCT"})
_OFFSET = re.compile(r"(?:(?:UTC|GMT)\s?)?([+\-−])(\d{1,2})(?::?(\d{2}))?", re.IGNORECASE)
# The largest offsets in use, west and east; all are whole quarters of an hour.
_LARGEST = (timedelta(hours=12), timedelta(hours=14))
_QUARTERS = (0, 15, 30, 45)


def fixed_zone(name: str) -> tzinfo | None:
    """The zone that a name means by itself: UTC, an offset, an IANA name, `ET`; else None."""
    if name.upper() in _UTC:
        return UTC
    found = _OFFSET.fullmatch(name)
    if found:
        size = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
        is_one = size <= _LARGEST[found[1] == "+"] and int(found[3] or 0) in _QUARTERS
        return timezone(size if found[1] == "+" else -size) if is_one else None
    return iana_zone(_PLACES.get(name, name))


@cache
def iana_zone(name: str) -> ZoneInfo | None:
    """An IANA zone by its name, in any case; None if it doesn't exist."""
    if "/" not in name:
        return None
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        pass

    key = next((key for key in available_timezones() if key.lower() == name.lower()), None)
    return ZoneInfo(key) if key else None


def is_zone(name: str) -> bool:
    """Whether a name is a known zone."""
    return name in ABBREVIATIONS or fixed_zone(name) is not None


def is_also_a_word(name: str) -> bool:
    """Whether a text may begin with the name of a zone, as typed: `ET`, `CAT`, `est`."""
    return name.upper() in _ALSO_WORDS or (name != name.upper() and name.upper() in _WORDS_IN_SMALL)


def offset_words(offset: timedelta) -> str:
    """An offset as people write it: `UTC+05:30`, `UTC-06:00`."""
    minutes = round(offset.total_seconds() / 60)
    sign = "-" if minutes < 0 else "+"
    return f"UTC{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def names_of(zone: ZoneInfo, near: datetime) -> set[str]:
    """The abbreviations of a zone in the year around an instant."""
    return {
        zone_text((near + timedelta(days=days)).astimezone(zone)) for days in range(-180, 181, 30)
    }


_HALF_A_DAY = timedelta(hours=12)
_DAY = timedelta(days=1)
# No incident began before computers kept time, or ends in the year 9999.
YEARS = range(1970, 9999)


@dataclass(frozen=True)
class Calendar:
    """Today's date in the zone of a clock."""

    zone: tzinfo
    setting: Setting

    @property
    def today(self) -> date:
        """The current date there."""
        return self.setting.now.astimezone(self.zone).date()


def shown(wall: datetime, zone: tzinfo, setting: Setting) -> Moment:
    """The instant at which a zone's clocks show a time, with a note if they show it twice."""
    found = _instants(wall, zone)
    if not found:
        raise _nevershown(wall, zone)
    if len(found) == 1:
        return Moment(found[0], day=wall.date())
    first, second = found
    if setting.side is Side.PAST:
        at = second if second <= setting.now + TOLERANCE else first
    else:
        at = first if first > setting.now else second
    other = first if at is second else second
    which = "second" if at is second else "first"
    return Moment(
        at,
        (
            f"The clocks showed {_plain(wall)} twice on {date_text(at, _named(zone))}: taken as "
            f"{clock_text(at, _named(zone))}, the {which}. "
            f"For the other write {clock_text(other, _named(zone))}.",
        ),
        wall.date(),
    )


def _instants(wall: datetime, zone: tzinfo) -> list[datetime]:
    """The instants at which a zone's clocks show a time, the earlier first: two, one or none."""
    both = [
        wall.replace(tzinfo=zone, fold=fold).astimezone(UTC).astimezone(zone) for fold in (0, 1)
    ]
    shown = [at for at in both if at.replace(tzinfo=None, fold=0) == wall]
    return shown[:1] if len({at.utcoffset() for at in shown}) == 1 else shown


def _nevershown(wall: datetime, zone: tzinfo) -> WhenUnclear:
    """Refuse a time that the clocks skip in spring, with the two possible ones."""
    early, late = sorted(
        wall.replace(tzinfo=zone, fold=fold).astimezone(UTC).astimezone(zone) for fold in (1, 0)
    )
    return WhenUnclear(
        f"{wall:%Y-%m-%d %H:%M} does not exist in {zone}: the clocks went forward. "
        f"It may be {clock_text(early, _named(zone))} or {clock_text(late, _named(zone))}."
    )


def _named(zone: tzinfo) -> ZoneInfo:
    """A named zone: a fixed offset never changes its clocks, so it never gets here."""
    assert isinstance(zone, ZoneInfo)  # noqa: S101
    return zone


def _plain(wall: datetime) -> str:
    half = "AM" if wall.hour < 12 else "PM"
    return f"{wall.hour % 12 or 12}:{wall:%M} {half}"


def wall_of(text: str, said: Spoken, calendar: Calendar) -> datetime:
    """Day and time on the zone's clocks, naive. Raises `WhenUnclear`."""
    assert said.clock is not None  # noqa: S101 - asked by the caller
    setting = calendar.setting
    said = _in_its_part(text, said, calendar)
    clock = said.clock
    assert clock is not None  # noqa: S101 - as above
    # ISO 8601 writes the end of a day so.
    is_end = clock == Clock(24)
    if is_end and not said.has_day and setting.day is None:
        clock, is_end = Clock(0, word="midnight"), False
    at = _time_of(text, Clock(0) if is_end else clock)
    if said.date is not None:
        day = _dated(text, said.date, said.weekday, calendar)
    elif said.near is not None:
        is_end = is_end or (
            said.near == 0 and clock.word == "midnight" and setting.side is Side.FUTURE
        )
        day = calendar.today + timedelta(days=said.near)
    elif said.weekday is not None:
        day = _on_weekday(said, said.weekday, time.max if is_end else at, calendar)
    elif setting.day is not None:
        day = setting.day
    else:
        day = _nearest(clock, at, calendar)
    if said.weekday is not None and day.weekday() != said.weekday:
        raise WhenUnclear(
            f"{text!r}: {day:%Y-%m-%d} is a {WEEKDAY_NAMES[day.weekday()]}, "
            f"not a {WEEKDAY_NAMES[said.weekday]}. Correct the date or the weekday."
        )
    return datetime.combine(day + _DAY if is_end else day, at)


# The hours that a part of the day may have.
_PART_HOURS = {
    "morning": range(13),
    "afternoon": range(12, 19),
    "evening": range(16, 24),
    "night": range(18, 24),
    "last night": (*range(18, 24), *range(6)),
}


def _in_its_part(text: str, said: Spoken, calendar: Calendar) -> Spoken:
    """`8:15` of `yesterday evening` as 8:15 PM; `last night 0:30` was already today.

    `Tonight 0:30` and `midnight tonight` are tomorrow. Raises `WhenUnclear` for a time that is not
    in that part of the day.
    """
    clock = said.clock
    if not said.part or clock is None:
        return said
    is_tonight = said.near == 0 and said.part in {"evening", "night"}
    if clock.word == "midnight" or clock == Clock(24):
        near = _after_midnight(said.part, time(0), calendar) if is_tonight else said.near
        return replace(said, clock=Clock(0) if is_tonight else clock, near=near)
    halves = [clock.half] if clock.half or not 1 <= clock.hour <= 12 else ["a", "p"]
    halves = [clock.half] if clock.word else halves
    hours = _PART_HOURS[said.part]
    every = [replace(clock, half=half) for half in halves]
    fitting = [each for each in every if _time_of(text, each).hour in hours]
    if not fitting and is_tonight:
        early = [each for each in every if _time_of(text, each).hour < _EARLY]
        if len(early) == 1:
            near = _after_midnight(said.part, _time_of(text, early[0]), calendar)
            return replace(said, clock=early[0], near=near)
    if len(fitting) == 1:
        is_today = said.part == "last night" and _time_of(text, fitting[0]).hour < _EARLY
        return replace(said, clock=fitting[0], near=0 if is_today else said.near)
    part = said.part.removeprefix("last ")
    if fitting:
        raise WhenUnclear(
            f"{text!r} does not say which time of the {part} is meant. Write the time with "
            "AM or PM, or like 14:39."
        )
    raise WhenUnclear(
        f"{text!r}: that time of day is not in the {part}. Write the date and the time, like "
        f"{calendar.today:%Y-%m-%d} 14:39."
    )


_EARLY = 6


def _after_midnight(part: str, at: time, calendar: Calendar) -> int:
    """In days from today, the day of an hour after tonight's midnight.

    It is today while it is still night. `Heute Nacht` is also the night before.
    """
    now = calendar.setting.now.astimezone(calendar.zone)
    is_past = calendar.setting.side is Side.PAST
    if is_past and part == "night":
        return 0
    has_begun = now.hour < _EARLY and (is_past or at > now.time())
    return 0 if has_begun else 1


def _time_of(text: str, clock: Clock) -> time:
    hour = clock.hour
    if clock.half:
        if not 1 <= hour <= 12:
            raise WhenUnclear(
                f"{text!r} is not a time of day: hours before AM or PM go from 1 to 12."
            )
        hour = hour % 12 + (12 if clock.half == "p" else 0)
    try:
        return time(hour, clock.minute, clock.second, clock.microsecond)
    except ValueError:
        raise WhenUnclear(f"{text!r} is not a time of day: it goes from 0:00 to 23:59.") from None


def _dated(text: str, named: NamedDate, weekday: int | None, calendar: Calendar) -> date:
    month, day = named.month, named.day
    if named.is_open and calendar.setting.habits.order is DateOrder.DAY_FIRST:
        month, day = day, month
    if named.year is not None and named.year not in YEARS:
        raise WhenUnclear(f"{text!r} is in the year {named.year}. Correct the year.")
    try:
        if named.year is not None:
            return date(named.year, month, day)
        return _without_year(text, (month, day), weekday, calendar)
    except ValueError:
        raise WhenUnclear(f"{text!r} is not a day in the calendar.") from None


# A date without its year that is ahead by up to this may be a slip or a plan; a promise for one
# that has passed always is one, unless it is months ago.
_SLIP_AHEAD, _SLIP_BACK = timedelta(days=21), timedelta(days=183)
_YEAR = timedelta(days=366)


def _without_year(
    text: str, month_and_day: tuple[int, int], weekday: int | None, calendar: Calendar
) -> date:
    """The last such day, or the next one; a weekday may show another year.

    Raises `WhenUnclear` where the year is in doubt, and `ValueError` for no day.
    """
    today, side = calendar.today, calendar.setting.side
    is_past = side is Side.PAST
    years = [today.year + side.value * step for step in range(9)]
    days = [found for year in years if (found := _valid(year, *month_and_day)) is not None]
    fitting = (each for each in days if (each <= today + _DAY if is_past else each >= today))
    taken = next(fitting, None) or date(today.year, *month_and_day)
    this_year = days[0] if days and days[0].year == today.year else taken
    if weekday is not None and taken.weekday() != weekday == this_year.weekday():
        return this_year
    if is_past and taken.weekday() == weekday:
        return taken
    slip = abs(this_year - today)
    is_slip = this_year != taken and slip <= (_SLIP_AHEAD if is_past else _SLIP_BACK)
    if is_slip or abs(taken - today) > _YEAR:
        state, which = ("is still ahead", "last") if is_past else ("has passed", "next")
        other = f"{this_year:%Y-%m-%d} {state}, and " if is_slip else ""
        raise WhenUnclear(
            f"{text!r} names no year: {other}the {which} one is {taken:%Y-%m-%d}. "
            "Write the date with its year."
        )
    return taken


def _valid(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _on_weekday(said: Spoken, weekday: int, at: time, calendar: Calendar) -> date:
    """The last such weekday, or the next one; today if its time fits."""
    today = calendar.today
    wall = datetime.combine(today, at)
    now = calendar.setting.now.astimezone(calendar.zone).replace(tzinfo=None)
    if calendar.setting.side is Side.PAST and said.side < 1:
        back = (today.weekday() - weekday) % 7
        if back == 0 and (said.side < 0 or wall > now + TOLERANCE):
            back = 7
        return today - timedelta(days=back)
    ahead = (weekday - today.weekday()) % 7
    if ahead == 0 and (said.side > 0 or wall <= now):
        ahead = 7
    return today + timedelta(days=ahead)


def _nearest(clock: Clock, at: time, calendar: Calendar) -> date:
    """The day of a time of day: today, or a neighbouring day if that is much nearer."""
    is_past = calendar.setting.side is Side.PAST
    today = _day_of_today_here(at, calendar) if is_past else calendar.today
    now = calendar.setting.now.astimezone(UTC)
    instants = _instants(datetime.combine(today, at), calendar.zone)
    if not instants:
        return today
    if is_past:
        return today - _DAY if instants[0] - now > _HALF_A_DAY else today
    has_passed = instants[-1] <= now
    if has_passed and (clock.word == "midnight" or now - instants[-1] > _HALF_A_DAY):
        return today + _DAY
    return today


def _day_of_today_here(at: time, calendar: Calendar) -> date:
    """The day in the named zone on which its clocks show a time of today in the incident's zone.

    At 10:30 PM in New York it is tomorrow in UTC; `14:39 UTC` is still this morning's.
    """
    here = calendar.setting.zone
    today = calendar.setting.now.astimezone(here).date()
    for day in (calendar.today, calendar.today - _DAY, calendar.today + _DAY):
        instants = _instants(datetime.combine(day, at), calendar.zone)
        if instants and instants[0].astimezone(here).date() == today:
            return day
    return calendar.today


# --- Zones by the names of places: `Eastern Time`, `London time`, `Berliner Zeit` -----------------

_REGIONS = {
    "eastern": "ET",
    "us eastern": "ET",
    "eastern standard": "EST",
    "eastern daylight": "EDT",
    "central": "CT",
    "us central": "CT",
    "central standard": "Central Standard Time",
    "central daylight": "Central Daylight Time",
    "mountain": "MT",
    "us mountain": "MT",
    "mountain standard": "MST",
    "mountain daylight": "MDT",
    "pacific": "PT",
    "us pacific": "PT",
    "pacific standard": "PST",
    "pacific daylight": "PDT",
    "central european": "Europe/Berlin",
    "central european standard": "CET",
    "central european summer": "CEST",
    "western european": "WET",
    "western european summer": "WEST",
    "eastern european": "Europe/Helsinki",
    "eastern european standard": "EET",
    "eastern european summer": "EEST",
    "greenwich mean": "GMT",
    "coordinated universal": "UTC",
    "universal": "UTC",
    "british": "Europe/London",
    "british summer": "BST",
    "uk": "Europe/London",
    "irish": "Europe/Dublin",
    "irish standard": "Europe/Dublin",
    "india": "Asia/Kolkata",
    "india standard": "Asia/Kolkata",
    "indian": "Asia/Kolkata",
    "indian standard": "Asia/Kolkata",
    "china": "Asia/Shanghai",
    "china standard": "Asia/Shanghai",
    "japan": "Asia/Tokyo",
    "japan standard": "Asia/Tokyo",
    "korea standard": "Asia/Seoul",
    "israel": "Asia/Jerusalem",
    "israel standard": "Asia/Jerusalem",
    "moscow standard": "Europe/Moscow",
    "singapore standard": "Asia/Singapore",
    "australian eastern": "Australia/Sydney",
    "australian eastern standard": "AEST",
    "australian eastern daylight": "AEDT",
}
_CITIES = {
    "america/new_york": "boston|washington|philadelphia|atlanta|miami",
    "america/los_angeles": "san francisco|seattle|las vegas|san diego",
    "america/mexico_city": "méxico|mexico|cdmx",
    "america/chicago": "dallas|houston|austin",
    "europe/berlin": "munich|münchen|frankfurt|hamburg|cologne|köln",
    "europe/zurich": "geneva|zürich|basel",
    "europe/madrid": "barcelona",
    "europe/rome": "milan|roma",
    "europe/vienna": "wien",
    "asia/kolkata": "mumbai|delhi|new delhi|bangalore|bengaluru|chennai|hyderabad|pune",
    "asia/shanghai": "beijing",
}
_CONTINENTS = ("Africa", "America", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
# Names in the database that are ordinary words before `time`.
_WORDS = (
    *("act", "casey", "center", "continental", "easter", "general", "knox", "midway", "north"),
    *("resolute", "reunion", "south", "wake", "west"),
)
_NAMED = re.compile(
    r"\s?(?P<open>[(\[])?(?P<place>[^\W\d_][\w.'-]*(?: [^\W\d_][\w.'-]*){0,3}?) time\b"
    r"(?! (?:zones?|servers?|services?|series|stamps?|outs?)\b)",
    re.IGNORECASE,
)
_ROMANCE = [
    re.compile(
        rf"\s?(?P<open>[(\[])?(?:heure d(?:e |')|hora de |ora di )(?P<place>{place})\b",
        re.IGNORECASE,
    )
    for place in (r"[^\W\d_]+ (?-i:[A-Z])\w+", r"[^\W\d_]+")
]
_GERMAN = re.compile(r"\s?(?P<open>[(\[])?(?P<place>[^\W\d_]+)er Zeit\b")
# Without `time`, only behind AM or PM or in brackets: `8:39 AM Eastern`.
_AMERICAN = r"(?:US )?(?:Eastern|Central|Mountain|Pacific)\b"
_REGION_ALONE = re.compile(
    rf"\s(?P<open>[(\[])?(?P<place>{_AMERICAN})"
    r"(?=[)\]]|\s*(?:[:–—|,]|-\s|$))",
    re.IGNORECASE,
)


def region_behind(words: str) -> str:
    """The region of America that a text begins with: `Pacific rolled back`; "" if none."""
    found = re.match(rf"{_AMERICAN}(?! (?:[Tt]ime|View)\b)", words)
    return found[0] if found else ""


def place_zone(text: str, at: int, *, has_half: bool) -> tuple[str, int] | None:
    """The zone that a place names at this position, and its end; None if there is none.

    `has_half`: AM or PM is before it.
    """
    for form in (_NAMED, *_ROMANCE, _GERMAN, _REGION_ALONE):
        found = form.match(text, at)
        if found is None:
            continue
        if form is _REGION_ALONE and not has_half and not found["open"]:
            continue
        end = found.end()
        if found["open"]:
            if text[end : end + 1] not in {")", "]"}:
                continue
            end += 1
        name = _REGIONS.get(found["place"].casefold()) or _cities().get(found["place"].casefold())
        if name:
            return name, end
    return None


@cache
def _cities() -> dict[str, str]:
    """The zones of the cities, by their names in lower case."""
    found = {
        city: key
        for key in available_timezones()
        if key.startswith(_CONTINENTS)
        and (city := key.rpartition("/")[2].replace("_", " ").casefold()) not in _WORDS
    }
    others = {city: key for key, names in _CITIES.items() for city in names.split("|")}
    return found | others
