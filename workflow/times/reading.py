"""WHEN: a time as a person types or pastes it, as an instant.

`spoken` reads the parts of a text: clock, date, weekday and zone, all of it or nothing; `placed`
makes it an instant, or raises a question. Spans are counted in UTC. A time that the clocks show
twice is the nearer one that fits, and the person is told; one that the clocks skip is refused with
the existing times. See docs/decisions/reading-times.md.

A text is a row of components with only commas, dashes and words such as "at" between them.
`spoken_first` reads the start of a line, and accepts only forms that no ordinary sentence begins
with. `habits_of` gives the person's date order, from the locale's variables.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from workflow.model import duration_text, moment_text, zone_text
from workflow.times.forms import (
    clocks,
    dates,
    day_parts,
    near_days,
    span_of,
    weekdays,
    years_behind,
    zone_names,
)
from workflow.times.spoken_time import (
    NOW,
    TOLERANCE,
    Clock,
    DateOrder,
    Found,
    Habits,
    Moment,
    NamedDate,
    Option,
    Setting,
    Side,
    Spoken,
    Way,
    WhenOpen,
    WhenUnclear,
    simple,
)
from workflow.times.zones import (
    ABBREVIATIONS,
    YEARS,
    Calendar,
    fixed_zone,
    offset_words,
    shown,
    wall_of,
)

FORMS = (
    "14:39, 2:39 PM, 14:39 UTC, yesterday 14:39, 24 Nov 2026 14:39, 2026-11-24T14:39:00+01:00, "
    "5 minutes ago"
)
_FORMS_AHEAD = "30m, in 2 hours, 17:30, tomorrow 10:00"
# A time of day in each part of a day, for advice.
_EXAMPLES = {"morning": "8:15", "evening": "20:15", "night": "23:15", "last night": "23:15"}
_DAY = timedelta(days=1)
# Up to this, `6h` and `1h30` may be a span or a time of day.
_LONGEST_SPAN_HOURS = 12


def placed(text: str, said: Spoken, setting: Setting) -> Moment:
    """The instant that a parsed time means. `text` is for error messages.

    Raises `WhenUnclear`, and `WhenOpen` if a person has to choose.
    """
    try:
        moment = _placed(text, said, setting)
    except OverflowError:
        moment = None
    if moment is None or moment.at.year not in YEARS:
        raise WhenUnclear(f"{text!r} is too far away to be meant.")
    return moment


def _placed(text: str, said: Spoken, setting: Setting) -> Moment:
    clock = said.clock
    is_past = setting.side is Side.PAST
    if said.span is not None and clock is not None and _may_be_a_clock(text, said, clock, setting):
        raise _open_h(text, said, clock, setting)
    if said.span is not None and not (said.span_is_bare and is_past and clock is not None):
        return _from_now(text, said.span, setting, is_bare=said.span_is_bare)
    if clock is None:
        raise _no_clock(text, said, setting.side)
    if said.date and said.date.is_open and setting.habits.order is None:
        raise _open_date(text, said, said.date, setting)
    if clock.word == "midnight" and said.has_day and said.near != 0:
        raise _open_midnight(text, said, setting)
    is_length = clock.has_h and not (is_past and ":" in text)
    if is_length and not said.has_day and clock.hour <= _LONGEST_SPAN_HOURS:
        raise _open_h(text, said, clock, setting)
    if (here := _on_the_day_here(text, said, setting)) is not None:
        return here
    moments = [_in_zone(text, said, name, setting) for name in said.zones or ("",)]
    # In UTC: in the repeated hour, Python never counts a time as equal to another zone's.
    if len({each.at.astimezone(UTC) for each in moments}) > 1:
        raise WhenUnclear(
            f"{text!r}: {said.zones[0]} and {said.zones[1]} are not the same at that moment. "
            "Keep the right one."
        )
    notes = (*moments[0].notes, *year_note(said, moments[0].day, setting))
    return replace(moments[0], at=moments[0].at.astimezone(UTC), notes=notes)


def _no_clock(text: str, said: Spoken, side: Side) -> WhenUnclear:
    """The refusal of a day alone; on the wrong side of now, no time of day would help."""
    days = said.near or 0
    if days > 0 and side is Side.PAST:
        return WhenUnclear(f"{text!r} is still ahead. Write it like one of: {FORMS}.")
    if days < 0 and side is Side.FUTURE:
        return WhenUnclear(_passed(text))
    return WhenUnclear(
        f"{text!r} names a day and no time of day. Add it: "
        f"{' '.join(text.split())} {_EXAMPLES.get(said.part, '14:39')}."
    )


def _passed(text: str) -> str:
    return (
        f"{text!r} has passed already; the next update must be in the future. Write it like "
        f"one of: {_FORMS_AHEAD}."
    )


# As long ago as this, a date without its year may be meant of another one.
_LONG_AGO = timedelta(days=90)


def year_note(said: Spoken, day: date | None, setting: Setting) -> tuple[str, ...]:
    """The year that a date without one is taken in, if that is another and not a recent day."""
    today = setting.now.astimezone(setting.zone).date()
    if day is None or said.date is None or said.date.year is not None or said.weekday is not None:
        return ()
    if day.year == today.year or abs(today - day) < _LONG_AGO:
        return ()
    return (f"{day.day} {day:%b} has no year: taken as {day.year}.",)


# Where `18h` is the usual way to write a time of day, and `2h` one too.
_HOURS_WITH_H = frozenset({"fr", "pt"})


def _may_be_a_clock(text: str, said: Spoken, clock: Clock, setting: Setting) -> bool:
    """Whether `18h` may be a promised time of day: by the language, and if it is still ahead."""
    if setting.side is Side.PAST or not clock.has_h or not said.span_is_bare or clock.hour > 23:
        return False
    language = setting.habits.language
    is_usual = language not in {"", "en"} and clock.hour > _LONGEST_SPAN_HOURS
    if language not in _HOURS_WITH_H and not is_usual:
        return False
    return placed(text, _as_clock(said), setting).at > setting.now


def _as_clock(said: Spoken) -> Spoken:
    clock = said.clock
    return replace(said, clock=Clock(clock.hour, clock.minute), span=None) if clock else said


def _from_now(text: str, span: timedelta, setting: Setting, *, is_bare: bool) -> Moment:
    if is_bare and setting.side is Side.PAST:
        raise WhenUnclear(
            f"{text!r} is a length of time, not a moment. Write it like one of: {FORMS}."
        )
    return Moment(setting.now.astimezone(UTC) + span)


def _open_h(text: str, said: Spoken, clock: Clock, setting: Setting) -> WhenUnclear:
    """The question whether `1h30` is half past one, or an hour and a half from now."""
    is_past = setting.side is Side.PAST
    span = timedelta(hours=clock.hour, minutes=clock.minute) * setting.side.value
    from_now = setting.now.astimezone(UTC) + span
    length = duration_text(abs(span.total_seconds()))
    options = [Option(f"{length} ago" if is_past else f"in {length}", from_now)]
    plain = Clock(clock.hour, clock.minute)
    options.append(
        Option(f"{plain.hour}:{plain.minute:02}", placed(text, _as_clock(said), setting).at)
    )
    either = " or ".join(option.words for option in options)
    return WhenOpen(
        f"{text!r} may be a time of day or a length of time. Write {either}.",
        f"{text!r}: which is meant?",
        options,
    )


def _open_date(text: str, said: Spoken, named: NamedDate, setting: Setting) -> WhenUnclear:
    """The question which number of `3/4/2026` is the day. Offers only possible times."""
    options = []
    for order in DateOrder:
        habits = Habits(order, setting.habits.language)
        try:
            at = placed(text, said, replace(setting, habits=habits)).at
        except WhenUnclear:
            continue
        options.append(Option(moment_text(at, setting.zone), at))
    if not options:
        return WhenUnclear(f"{text!r} is not a day in the calendar.")
    either = " or ".join(option.words for option in options)
    return WhenOpen(
        f"{text!r} may be read day first or month first: {either}. "
        "Write the month's name, or the date like 2026-11-24.",
        f"{text!r}: which day is meant?",
        options,
    )


def _on_the_day_here(text: str, said: Spoken, setting: Setting) -> Moment | None:
    """`yesterday 14:39 UTC` where today is another day in UTC than in the incident's zone.

    None where it is the same day. Raises `WhenOpen` if both days are possible.
    """
    zone = _one_zone(said.zones[0]) if len(said.zones) == 1 else None
    if said.near is None or said.part or zone is None:
        return None
    days = [setting.now.astimezone(each).date() for each in (setting.zone, zone)]
    if days[0] == days[1]:
        return None
    moments = []
    for day in days:
        near = day + timedelta(days=said.near)
        dated = replace(said, near=None, date=NamedDate(near.year, near.month, near.day))
        moments.append(placed(text, dated, setting))
    is_past = setting.side is Side.PAST
    latest = setting.now + TOLERANCE
    possible = [each for each in moments if (each.at <= latest) is is_past]
    if len(possible) < 2:
        return (possible or moments)[0]
    options = [Option(moment_text(each.at, setting.zone), each.at) for each in moments]
    either = " or ".join(option.words for option in options)
    raise WhenOpen(
        f"{text!r}: it is another day in {said.zones[0]} than here, so it may be {either}. "
        "Write the date.",
        f"{text!r}: which day is meant?",
        options,
    )


def _one_zone(name: str) -> tzinfo | None:
    """The zone of a name, or of an abbreviation with one meaning."""
    meanings = ABBREVIATIONS.get(name, ())
    return fixed_zone(name) or (ZoneInfo(meanings[0].key) if len(meanings) == 1 else None)


def _open_midnight(text: str, said: Spoken, setting: Setting) -> WhenUnclear:
    """The question whether Tuesday's midnight begins or ends the Tuesday."""
    begins = Clock(0)
    first = placed(text, replace(said, clock=begins), setting).at
    options = [Option(moment_text(at, setting.zone), at) for at in (first, first + _DAY)]
    return WhenOpen(
        f"{text!r} may be the midnight that begins that day or the one that ends it: "
        f"{options[0].words} or {options[1].words}. Write the date with 0:00.",
        f"{text!r}: which midnight is meant?",
        options,
    )


def _in_zone(text: str, said: Spoken, name: str, setting: Setting) -> Moment:
    """The instant, with the clock read in the named zone; "" is the incident's."""
    zone = fixed_zone(name) if name else setting.zone
    if zone is not None:
        return shown(wall_of(text, said, Calendar(zone, setting)), zone, setting)
    own = _in_own_zone(text, said, name, setting)
    return own or _abbreviated(text, said, name, setting)


def _abbreviated(text: str, said: Spoken, name: str, setting: Setting) -> Moment:
    """The instant with an abbreviation that some place uses at that moment.

    Raises `WhenOpen` if several places use it, or none: EST in July may mean EDT.
    """
    options: dict[timedelta, Option] = {}
    days: dict[timedelta, date] = {}
    unused: list[Option] = []
    for meaning in ABBREVIATIONS.get(name, ()):
        place = ZoneInfo(meaning.key)
        wall = wall_of(text, said, Calendar(place, setting))
        at = (wall - meaning.offset).replace(tzinfo=UTC)
        option = Option(f"{offset_words(meaning.offset)} ({meaning.place})", at)
        if at.astimezone(place).utcoffset() == meaning.offset:
            options[meaning.offset] = option
            days[meaning.offset] = wall.date()
            continue
        there = shown(wall, place, setting).at
        words = f"{zone_text(there)}, {offset_words(there.utcoffset() or timedelta(0))}"
        unused += [
            Option(f"{name}, {offset_words(meaning.offset)}", at),
            Option(words, there.astimezone(UTC)),
        ]
    if len(options) == 1:
        return Moment(next(iter(options.values())).at, day=days[next(iter(options))])
    question = f"{text!r}: which zone is meant?"
    if options:
        listed = ", ".join(option.words for option in options.values())
        raise WhenOpen(
            f"{text!r}: {name} may be {listed}. {_write_offset(text, name)}",
            question,
            list(options.values()),
        )
    if unused:
        raise WhenOpen(
            f"{text!r}: {name} is not in use on that day; it may be {unused[0].words} or "
            f"{unused[1].words}. {_write_offset(text, name)}",
            question,
            unused,
        )
    raise WhenUnclear(
        f"{text!r}: {name} is not a time zone that is known here. {_write_offset(text, name)}"
    )


def _write_offset(text: str, name: str) -> str:
    """A suggestion to type: the same words with an offset."""
    meanings = ABBREVIATIONS.get(name)
    offset = offset_words(meanings[0].offset).removeprefix("UTC") if meanings else "+01:00"
    words = re.sub(
        rf"[(\[]?\b{re.escape(name)}\b[)\]]?", offset, " ".join(text.split()), flags=re.I
    )
    return f"Write the offset, like {words}."


def _in_own_zone(text: str, said: Spoken, name: str, setting: Setting) -> Moment | None:
    """The instant at which the incident's own clocks show the time with that abbreviation."""
    wall = wall_of(text, said, Calendar(setting.zone, setting))
    for fold in (0, 1):
        at = wall.replace(tzinfo=setting.zone, fold=fold).astimezone(UTC).astimezone(setting.zone)
        if zone_text(at) == name and at.replace(tzinfo=None) == wall:
            return Moment(at, day=wall.date())
    return None


_NOW_WORDS = frozenset(
    ("now", "just now", "right now", "jetzt", "gerade eben", "maintenant", "à l'instant", "ahora")
) | frozenset(("ahora mismo", "adesso", "proprio ora", "agora mesmo", "zojuist", "just nu"))


def spoken(text: str, *, language: str = "") -> Spoken | None:
    """The time in a whole text, or None if any of it is something else.

    Any capitals after the clock count as a zone here: whether they are one depends on the time.
    """
    words = simple(text).strip()
    if words.lower() in _NOW_WORDS:
        return NOW
    readings = _readings(words, 0, Spoken(), Way(language, is_whole=True))
    whole = (found for found, end in readings if end == len(words) and found.clock_or_day)
    span, time = span_of(words), next(whole, None)
    if span is None or time is None:
        return span or time
    return replace(time, span=span.span, span_is_bare=span.span_is_bare)


def spoken_first(text: str, start: int, way: Way) -> tuple[Spoken, int] | None:
    """The time at `start` of a text, and its end; the longest one with a clock."""
    best: tuple[Spoken, int] | None = None
    for found, end in _readings(simple(text), start, Spoken(), way):
        if found.clock is not None and (best is None or end > best[1]):
            best = found, end
    return best


def day_within(text: str, *, language: str = "") -> tuple[NamedDate, int, int] | None:
    """The first date inside a text, and where it begins and ends: `Timeline (26 Nov 2026)`."""
    words, way = simple(text), Way(language, is_whole=False)
    for start in (found.start() for found in _DATE_BEGINS.finditer(words)):
        found = max(dates(words, start, Spoken(), way), key=lambda each: each[1], default=None)
        if found is not None and found[0].date is not None:
            return found[0].date, start, found[1]
    return None


_DATE_BEGINS = re.compile(r"(?<![\w.:/-])\w")


def understood(text: str) -> int:
    """The length of the text's beginning that can be read as a time, in characters."""
    way = Way("", is_whole=True)
    ends = [end for found, end in _readings(simple(text), 0, Spoken(), way) if found.clock_or_day]
    return max(ends, default=0)


# Between two components, or before the first.
_JOINT = re.compile(
    r"\s*(?:(?:,|\||·|–|—|-|@|:(?=\d\d:\d\d))\s*)?"
    r"(?:(?:at|on|of|the|um|am|den|dem|d\.|à|le|a l[ae]s?|el|del?|alle|il|às|as|em|om|op|på|o|w"
    r"|v|ve|в|во|saat|godz\.|klockan|ore|lúc|ngày(?=\s\d)|pukul|เวลา)\s+)*の?",
    re.IGNORECASE,
)
_PLAIN_JOINT = re.compile(
    r"\s*(?:(?:,|·|–|—|-|:(?=\d\d:\d\d))\s*)?(?:(?:at|on|um|am|à|a las?)\s+)?", re.IGNORECASE
)


def _readings(text: str, start: int, so_far: Spoken, way: Way) -> Found:
    """Every way to continue from `start`, each with its end."""
    if so_far != Spoken():
        yield so_far, start
    at = start
    if way.is_whole:
        at = _end_of(_JOINT, text, start)
    elif so_far != Spoken():
        at = _end_of(_PLAIN_JOINT, text, start)
    for component in _COMPONENTS:
        places = {start, at} if component is zone_names else {at}
        for place in sorted(places):
            for more, end in component(text, place, so_far, way):
                yield from _readings(text, end, more, way)


def _end_of(pattern: re.Pattern[str], text: str, start: int) -> int:
    found = pattern.match(text, start)
    return found.end() if found else start


_COMPONENTS: tuple[Callable[[str, int, Spoken, Way], Found], ...] = (
    dates,
    near_days,
    day_parts,
    weekdays,
    clocks,
    zone_names,
    years_behind,
)


_NO_HABITS = Habits()


def read_past(text: str, *, now: datetime, zone: ZoneInfo, habits: Habits = _NO_HABITS) -> Moment:
    """A time that has passed. Raises `WhenUnclear` for the future, and `WhenOpen`.

    A time of day in the future is yesterday's only shortly after midnight (before noon, more than
    twelve hours ahead): at 0:10 AM, `11:55 PM` is a quarter of an hour ago.
    """
    said = _read(text, habits)
    moment = placed(text, said, Setting(now, zone, habits=habits))
    refuse_future(text, moment.at, now=now, zone=zone, has_day=said.has_day)
    return moment


def read_future(text: str, *, now: datetime, zone: ZoneInfo, habits: Habits = _NO_HABITS) -> Moment:
    """A promised time; `30m` and `in 1 hour 30 minutes` count from now.

    A time of day that has passed is tomorrow's only in the evening (more than twelve hours ago).
    Raises `WhenUnclear` for the past, and `WhenOpen`.
    """
    said = _read(text, habits, _FORMS_AHEAD)
    moment = placed(text, said, Setting(now, zone, Side.FUTURE, habits))
    if moment.at <= now:
        raise WhenUnclear(_passed(text))
    return moment


def refuse_future(text: str, at: datetime, *, now: datetime, zone: ZoneInfo, has_day: bool) -> None:
    """Raise `WhenUnclear` for a time in the future, with what may be meant instead."""
    if at <= now + TOLERANCE:
        return
    local, today = at.astimezone(zone), now.astimezone(zone)
    instead = f"give the date too: {local.date() - _DAY:%Y-%m-%d} {local:%H:%M}."
    raise WhenUnclear(
        f"{text!r} would be {local:%Y-%m-%d %H:%M}, which is still ahead "
        f"(it is {today:%Y-%m-%d %H:%M} now). "
        + ("Correct the date." if has_day else f"If another day is meant, {instead}")
    )


def _read(text: str, habits: Habits, forms: str = FORMS) -> Spoken:
    said = spoken(text, language=habits.language) or spoken(_bare(text), language=habits.language)
    if said is None:
        words = " ".join(text.split())
        if (lacking := _without_minutes(text, habits)) is not None:
            raise WhenUnclear(lacking)
        end = understood(words)
        as_far = f" It was understood as far as “{words[:end].strip()}”." if end else ""
        raise WhenUnclear(
            f"{text!r} is not a time this program can read.{as_far} Write it like one of: {forms}."
        )
    return said


_HOUR_ALONE = re.compile(
    r"(?P<day>.*?)\s?\b(?P<at>at|um|à|a las|om|kl)?\s?(?<!\d)(?P<hour>1?\d|2[0-3])", re.IGNORECASE
)


def _without_minutes(text: str, habits: Habits) -> str | None:
    """The sentence for `tomorrow at 10`; None for any other text."""
    found = _HOUR_ALONE.fullmatch(" ".join(text.split()))
    said = spoken(found["day"], language=habits.language) if found else None
    if found is None or said is None or not said.has_day or said.clock is not None:
        return None
    day, hour = found["day"], int(found["hour"])
    half = f" or {day} {hour} PM" if 1 <= hour <= 12 and said.part != "morning" else ""
    return f"{text!r} lacks the minutes, or AM or PM. Write {day} {hour}:00{half}."


_ENCLOSED = re.compile(r"""\s*(?:\[(.*)\]|\((.*)\)|["“„'‘](.*)["”“'’])[.,;]?\s*""", re.DOTALL)


def _bare(text: str) -> str:
    """A time without brackets or quotes around it, or punctuation at its end."""
    found = _ENCLOSED.fullmatch(text)
    inner = next(each for each in found.groups() if each is not None) if found else text
    return inner.strip().rstrip(".,;")


# Locales with the month first in a date of two numbers (CLDR's short forms); elsewhere the day is
# first. Countries that write the year first (Hungary, East Asia) also have the month before the
# day.
_MONTH_FIRST = frozenset(
    {"en_US", "es_US", "en_PH", "fil_PH", "en_BZ", "en_PR", "es_PR", "en_GU", "en_AS", "en_MP"}
    | {"en_UM", "en_VI", "en_MH", "hu_HU", "ja_JP", "ko_KR", "zh_CN", "zh_TW", "zh_HK", "zh_SG"}
)
# Both orders are common there, so neither is assumed.
_MIXED = frozenset({"en_CA", "fr_CA", "es_PA", "en_ZA"})


def habits_of(environment: Mapping[str, str], order: DateOrder | None = None) -> Habits:
    """The date order and language of a locale, from POSIX's variables by precedence.

    An `order` that a person names overrides the locale's.
    """
    named = next(filter(None, map(environment.get, ("LC_ALL", "LC_TIME", "LANG"))), "")
    locale = named.partition(".")[0].partition("@")[0].replace("-", "_")
    language, _, territory = locale.partition("_")
    spoken = language.lower() if language not in {"C", "POSIX"} else ""
    if order is not None or not territory or locale in _MIXED:
        return Habits(order, spoken)
    usual = DateOrder.MONTH_FIRST if locale in _MONTH_FIRST else DateOrder.DAY_FIRST
    return Habits(usual, spoken)
