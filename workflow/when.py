"""WHEN: a moment as a person under stress types it."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

FORMS = "14:39, 2:39 PM, 2026-11-24 14:39, 2026-11-24T14:39:00+01:00, 5 minutes ago"

# Two people's clocks differ; a minute ahead of ours is now.
_TOLERANCE = timedelta(minutes=2)


class WhenUnclear(ValueError):
    """The words name no moment, or one that can't be meant. `str()` is what a person sees."""


def parse_when(text: str, *, now: datetime, zone: ZoneInfo) -> datetime:
    """The moment that `text` names, aware; a time of day is today's in `zone`.

    A time of day that is still ahead but was yesterday is yesterday's only shortly after midnight
    (before noon, more than twelve hours ahead): at 0:10 AM, `11:55 PM` is a quarter of an hour ago.
    Raises `WhenUnclear`.
    """
    words = " ".join(text.split())
    for form in (_now, _relative, _clock, _dated):
        found = form(words, now.astimezone(zone), zone)
        if found is not None:
            return found
    raise WhenUnclear(f"{text!r} is not a time that can be read. Write it like one of: {FORMS}.")


def past_moment(text: str, *, now: datetime, zone: ZoneInfo) -> datetime:
    """Like `parse_when`, for what has already happened. Raises `WhenUnclear` for the future."""
    at = parse_when(text, now=now, zone=zone)
    if at > now + _TOLERANCE:
        local, today = at.astimezone(zone), now.astimezone(zone)
        raise WhenUnclear(
            f"{text!r} would be {local:%Y-%m-%d %H:%M}, which is still ahead "
            f"(it is {today:%Y-%m-%d %H:%M} now). If another day is meant, "
            f"give the date too: {today - timedelta(days=1):%Y-%m-%d} {local:%H:%M}."
        )
    return at


def future_moment(text: str, *, now: datetime, zone: ZoneInfo) -> datetime:
    """Like `parse_when`, for what is promised; `30m` and `in 1 hour 30 minutes` count from now.

    A time of day that has passed is tomorrow's only in the evening (more than twelve hours ago).
    Raises `WhenUnclear` for the past.
    """
    words = " ".join(text.split())
    at = _ahead(words, now) or parse_when(words, now=now, zone=zone)
    if at <= now and _CLOCK.fullmatch(words) and now - at > timedelta(hours=12):
        at = _local(
            at.astimezone(zone).date() + timedelta(days=1), at.astimezone(zone).time(), zone
        )
    if at <= now:
        raise WhenUnclear(
            f"{text!r} has passed already; the next word to customers must lie ahead. "
            "Write it like 30m, in 2 hours, or 17:30."
        )
    return at


_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AMOUNT = (
    r"(\d{1,5}|an?|one|half an) ?(s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?)"
)
_AGO = re.compile(_AMOUNT + r" ago", re.IGNORECASE)
_IN = re.compile(rf"(?:in )?{_AMOUNT}(?:(?:,? and |, ?| )?{_AMOUNT})?", re.IGNORECASE)
_CLOCK = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?(?::(\d{2}))? ?([ap]\.?m\.?)?", re.IGNORECASE)
_DATED = re.compile(
    r"(\d{4}-\d{2}-\d{2}|\d{1,2}\.\d{1,2}\.\d{4}|today|yesterday)(?:[ T]|,? at |, )(.+)",
    re.IGNORECASE,
)


def _now(words: str, now: datetime, _zone: ZoneInfo) -> datetime | None:
    return now if words.lower() in {"now", "just now"} else None


def _relative(words: str, now: datetime, _zone: ZoneInfo) -> datetime | None:
    found = _AGO.fullmatch(words)
    return now - _length(found[1], found[2]) if found else None


def _ahead(words: str, now: datetime) -> datetime | None:
    found = _IN.fullmatch(words)
    if not found:
        return None
    more = _length(found[3], found[4]) if found[3] else timedelta(0)
    return now + _length(found[1], found[2]) + more


def _length(amount: str, unit: str) -> timedelta:
    amount, unit = amount.lower(), unit.lower()
    count = 0.5 if amount == "half an" else int(amount) if amount.isdigit() else 1
    return timedelta(**{_UNITS[unit[0]]: count})


def _clock(words: str, now: datetime, zone: ZoneInfo) -> datetime | None:
    at = _time_of_day(words)
    if at is None:
        return None
    today = _local(now.date(), at, zone)
    if today - now > timedelta(hours=12):
        return _local(now.date() - timedelta(days=1), at, zone)
    return today


def _time_of_day(words: str) -> time | None:
    """A time of day; a bare number needs its AM or PM, for `5` alone may be anything."""
    found = _CLOCK.fullmatch(words)
    if not found or not (found[2] or found[4]):
        return None
    hour, minute, second = int(found[1]), int(found[2] or 0), int(found[3] or 0)
    if found[4]:
        if not 1 <= hour <= 12:
            raise WhenUnclear(
                f"{words!r} is no time of day: hours before AM or PM go from 1 to 12."
            )
        hour = hour % 12 + (12 if found[4][0] in "pP" else 0)
    try:
        return time(hour, minute, second)
    except ValueError:
        raise WhenUnclear(f"{words!r} is no time of day: it goes from 0:00 to 23:59.") from None


def _dated(words: str, now: datetime, zone: ZoneInfo) -> datetime | None:
    found = _DATED.fullmatch(words)
    if not found:
        return None
    day = _day(found[1], now)
    at = _time_of_day(found[2])
    if at is not None:
        return _local(day, at, zone)
    try:
        exact = datetime.fromisoformat(f"{day.isoformat()}T{found[2]}")
    except ValueError:
        return None
    return exact if exact.tzinfo else _checked(exact.replace(tzinfo=zone))


def _day(words: str, now: datetime) -> date:
    if words.lower() == "today":
        return now.date()
    if words.lower() == "yesterday":
        return now.date() - timedelta(days=1)
    try:
        if "." in words:  # day first: with dots no country writes the month before it
            day, month, year = map(int, words.split("."))
            return date(year, month, day)
        return date.fromisoformat(words)
    except ValueError:
        raise WhenUnclear(f"{words!r} is not a day in the calendar.") from None


def _local(day: date, at: time, zone: ZoneInfo) -> datetime:
    return _checked(datetime.combine(day, at, tzinfo=zone))


def _checked(local: datetime) -> datetime:
    """Refuse a time that the clocks leap over in spring: nobody can have seen it."""
    there_and_back = datetime.fromtimestamp(local.timestamp(), local.tzinfo)
    if there_and_back.replace(tzinfo=None, fold=0) != local.replace(tzinfo=None, fold=0):
        raise WhenUnclear(
            f"{local:%Y-%m-%d %H:%M} does not exist in {local.tzinfo}: the clocks went forward."
        )
    return local
