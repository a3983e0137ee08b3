"""The forms of times as people and programs write them: clocks, dates, spans and zones.

Times of day: `14:39`, `2:39 PM`, `14h30`, `14.30 Uhr`, `noon`, `0805Z`. Dates, weekdays and days
near today, in many languages. Spans from now: `5 minutes ago`, `1h30m ago`, `in 2 hours`, `vor 5
Minuten`, `30m`. Zones after a time: `UTC`, `+01:00`, `(CET)`, `Europe/Berlin`; the end of a range
is not a zone.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from workflow.times.spoken_time import (
    MONTHS,
    NEAR_DAYS,
    OF_A_LANGUAGE,
    UNIT_SECONDS,
    WEEKDAYS,
    Clock,
    Found,
    NamedDate,
    Spoken,
    Way,
    one_of,
    runs_on,
)
from workflow.times.zones import is_also_a_word, is_zone, place_zone

# German `am Abend` is no AM.
_GERMAN_AM = (
    r"(?-i:am) (?:(?:mon|diens|donners|frei|sams|sonn|mit|nachmit)tag|mittwoch|(?:sonn)?abend)\b"
)
# AM and PM, also in Greek and Arabic.
_HALF = rf"(?!{_GERMAN_AM})(?:(?P<half>[apπμ])\.?\s?[mμ]\b\.?|(?P<arabic>[صم])(?!\w))"
# `10:39 hours UTC`; `1:30 hours downtime` is a text.
_HOURS = r"\shours\b(?=\s(?-i:[A-Z]{2,5})\b|\s?[:,–—-]\s|\s*$)"
# Hungarian `14:39-kor`, Turkish `14:39'da`.
_AT_BEHIND = r"-kor\b|'[dt][ae]\b"
_BEFORE_NOON = "午前|上午|오전|凌晨|清晨|早上|早晨"
_AFTER_NOON = "午後|下午|오후|傍晚|晚上(?!\\s?12)|中午(?=\\s?(?:12|[12]\\D))"
_HOUR_MARK, _MINUTE_MARK = "時时点點시", "分분"
_CLOCKS = {
    "cjk": rf"(?P<east>{_BEFORE_NOON}|{_AFTER_NOON})\s?(?P<h>\d{{1,2}})"
    rf"(?:[:{_HOUR_MARK}]\s?(?:(?P<m>\d{{2}})(?:[:{_MINUTE_MARK}]\s?(?P<s>\d{{2}}))?"
    rf"|(?P<thirty>[半반])))?[{_HOUR_MARK}{_MINUTE_MARK}秒초]?",
    "east": rf"(?P<h>\d{{1,2}})\s?[{_HOUR_MARK}]\s?"
    rf"(?:(?P<m>\d{{1,2}})\s?[{_MINUTE_MARK}]|(?P<thirty>[半반]))?",
    "colon": r"(?P<h>\d{1,2}):(?P<m>\d{2})(?::(?P<s>\d{2})(?:[.,](?P<f>\d{1,9}))?)?"
    rf"(?:\s?{_HALF}|\s?(?:Uhr|uur|hrs|hs|h)\b|\s?(?:hod|น)\b\.?|{_HOURS}|{_AT_BEHIND})?(?!\d|:\d)",
    "hour": r"(?P<h>\d{1,2})\s?[hu]\s?(?P<m>\d{2})\b(?:\s?m(?:in)?\b)?",
    "dot": r"(?:klo\s|kl\.?\s)?(?P<h>\d{1,2})\.(?P<m>\d{2})(?:\.(?P<s>\d{2}))?(?!\.?\d)"
    rf"(?:\s?{_HALF}|\s?(?:Uhr|uur|h)\b)?",
    "uhr": r"(?P<h>\d{1,2})\s?(?:Uhr|uur)\b(?:\s(?P<m>\d{2})\b)?",
    "klo": r"(?:klo|kl\.?)\s(?P<h>\d{1,2})(?:[.:](?P<m>\d{2}))?(?![\d.:])",
    "half": rf"(?P<h>\d{{1,2}})\s?{_HALF}",
    "word": r"(?:12\s)?(?P<noon>noon|midday|mittags?|midi|mediodía|mezzogiorno|meio-dia)\b"
    r"|(?:12\s)?(?P<midnight>midnight|mitternachts?|minuit|medianoche|mezzanotte|meia-noite)\b",
    "four": r"(?P<h>\d{2})(?P<m>\d{2})(?:\s?(?:hrs|h)\b|(?=\s?(?:Z|UTC|GMT)\b))",
    "basic": r"(?<=T)(?P<h>\d{2})(?P<m>\d{2})(?:(?P<s>\d{2})(?:[.,](?P<f>\d{1,9}))?)?(?!\d)",
    "bare": r"(?P<h>\d{1,2})\s?h\b",
}
_CLOCK_PATTERNS = [
    (name, re.compile(rf"T?(?:{pattern})", re.IGNORECASE)) for name, pattern in _CLOCKS.items()
]
# Ordinary text may begin with these: "12.50 EUR were …", "2h later", "Noon deploy failed".
_NOT_FIRST = frozenset({"dot", "half", "word", "bare", "hour", "east"})
_SEPARATORS = ":–—-|"
_CLEAR_DOT = re.compile(
    r"(?:klo\s|kl\.?\s|.*(?:Uhr|uur|h|[ap]\.?\s?m\.?)$|\d+\.\d+\.\d)", re.IGNORECASE
)


def clocks(text: str, at: int, so_far: Spoken, way: Way) -> Found:
    """Every time of day at this position, if none has been read."""
    if so_far.clock is not None:
        return
    for name, pattern in _CLOCK_PATTERNS:
        found = pattern.match(text, at)
        if found is None or not found[0] or runs_on(text, found.end(), found[0]):
            continue
        if found[0][0] in "Tt" and not so_far.has_day:
            continue
        if (
            not way.is_whole
            and name in _NOT_FIRST
            and not _is_clear(name, text, found, so_far, way)
        ):
            continue
        yield replace(so_far, clock=_clock_of(name, found)), found.end()


def _is_clear(name: str, text: str, found: re.Match[str], so_far: Spoken, way: Way) -> bool:
    """Whether an ambiguous form is clearly a time."""
    rest = text[found.end() :].lstrip()
    if way.bare_hours and name in {"bare", "hour"}:
        return bool(rest)
    if so_far.has_day or not rest:
        return name != "bare"
    match name:
        case "east" | "dot":
            has_minutes = bool(found["m"] or found.groupdict().get("thirty"))
            return has_minutes and (name == "east" or _is_clear_dot(found[0]))
        case "hour" | "half":
            return name == "half" or len(found["h"]) == 2 or rest[0] in _SEPARATORS
        case "word":
            return rest[0] in _SEPARATORS
        case _:
            return False


def _is_clear_dot(words: str) -> bool:
    return _CLEAR_DOT.match(words) is not None


_HALVES_WRITTEN = {"π": "a", "μ": "p", "ص": "a", "م": "p"}


def _clock_of(name: str, found: re.Match[str]) -> Clock:
    parts = found.groupdict()
    if parts.get("noon"):
        return Clock(12, word="noon")
    if parts.get("midnight"):
        return Clock(0, word="midnight")
    written = (parts.get("half") or parts.get("arabic") or "").lower()
    half = _HALVES_WRITTEN.get(written, written)
    if east := parts.get("east"):
        half = "a" if east in _BEFORE_NOON.split("|") else "p"
    fraction = (parts.get("f") or "").ljust(6, "0")[:6]
    hour = int(parts["h"] or 0)
    return Clock(
        12 if half == "a" and east and hour == 0 else hour,
        30 if parts.get("thirty") else int(parts.get("m") or 0),
        int(parts.get("s") or 0),
        int(fraction or 0),
        half,
        has_h=_has_h(name, found[0]),
    )


_COLON_LENGTH = re.compile(r"(?!0\d)\d{1,2}:\d{2}\s?h(?:(?:ou)?rs)?", re.IGNORECASE)


def _has_h(name: str, words: str) -> bool:
    """Whether a time may be a length: `2h`, `1h30`, `1:30h`, `1:30 hrs`; `08:05h` is none."""
    if name == "colon":
        return _COLON_LENGTH.fullmatch(words) is not None
    return "h" in words.lower() and name in {"bare", "hour"}


_MONTH = rf"(?P<name>{one_of(MONTHS)})\.?"
_ORDINAL = r"(?:st|nd|rd|th|er|º|°|\.)?"
_EASTERN_DAY = (
    r"(?:[月火水木金土日]曜日?|[월화수목금토일]요일|(?:星期|礼拜|禮拜|周|週)[一二三四五六日天])"
)
_EASTERN_WEEKDAY = re.compile(
    r"\((?:星期|礼拜|周|週)?(?P<wd>[月火水木金土日월화수목금토일一二三四五六天])(?:曜日?|요일)?\)"
    rf"|(?P<wd2>{_EASTERN_DAY})"
)
_EASTERN_WEEKDAYS = ("月월一", "火화二", "水수三", "木목四", "金금五", "土토六", "日일天")
_DATES = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})(?!\d)",
        r"(?P<y>\d{4})/(?P<m>\d{1,2})/(?P<d>\d{1,2})(?!\d)",
        r"(?P<y>\d{4})\.\s?(?P<m>\d{1,2})\.\s?(?P<d>\d{1,2})(?!\d)\.?",
        r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})(?=T\d| \d\d:\d\d:)",
        rf"(?:{_EASTERN_DAY}[,、,]?\s?)?(?:(?P<y>\d{{4}})\s?[年년]\s?)?"
        r"(?P<m>\d{1,2})\s?[月월]\s?(?P<d>\d{1,2})\s?[日일号號]"
        rf"(?:[,、,]?\s?{_EASTERN_WEEKDAY.pattern})?",
        r"(?P<d>\d{1,2})\.\s?(?P<m>\d{1,2})\.\s?(?P<y>\d{4}|\d{2})(?![\d:.])",
        r"(?P<d>\d{1,2})\.\s?(?P<m>\d{1,2})\.(?!\d)",
        # Arabic has marks of direction here, which are read as spaces.
        r"(?P<a>\d{1,2}) /(?P<b>\d{1,2}) /(?P<y>\d{4})(?!\d|/)",
        r"(?P<a>\d{1,2})(?P<mark>[/-])(?P<b>\d{1,2})(?P=mark)(?P<y>\d{4}|\d{2})(?!\d|/|-)",
        r"(?P<a>\d{1,2})/(?P<b>\d{1,2})(?!\d|/)",
        rf"(?P<d>\d{{1,2}})[/-]{_MONTH}[/-](?P<y>\d{{4}}|\d{{2}})(?!\d)",
        rf"(?P<d>\d{{1,2}}){_ORDINAL}\s?(?:of |de |d')?{_MONTH}"
        r"(?:,?\s(?:de |del |of )?(?P<y>\d{4})(?![\d:])(?:\s?[гр]\b\.?)?)?",
        r"(?P<d>\d{1,2})\s(?:tháng|thg)\s(?P<m>\d{1,2})(?!\d|:\d)"
        r"(?:,?\s(?:năm\s)?(?P<y>\d{4})(?![\d:]))?",
        rf"(?P<y>\d{{4}})\.?\s{_MONTH}\s(?P<d>\d{{1,2}})\.?(?!\d|:\d)",
        rf"{_MONTH}\s(?P<d>\d{{1,2}}){_ORDINAL}(?!\d|:\d)(?:,?\s(?:de )?(?P<y>\d{{4}})(?![\d:]))?",
    )
]


# `28.11 14:39`; as the beginning of a text, `2.14 14:39` may be a version.
_DAY_AND_MONTH = re.compile(r"(?P<d>\d{1,2})\.(?P<m>\d{1,2})(?=,?\s\d{1,2}:\d{2})")


def dates(text: str, at: int, so_far: Spoken, way: Way) -> Found:
    """Every date at this position, if no day has been read."""
    if so_far.date is not None or so_far.near is not None:
        return
    for pattern in [*_DATES, _DAY_AND_MONTH] if way.is_whole else _DATES:
        found = pattern.match(text, at)
        if found is None or runs_on(text, found.end(), found[0]):
            continue
        date = _date_of(found)
        if date is None:
            continue
        is_behind = not way.is_whole and so_far.clock is not None and date.year is None
        if is_behind and not _stands_apart(text, at, found):
            continue
        weekday = _eastern_weekday(found)
        dated = replace(so_far, date=date)
        yield dated if weekday is None else replace(dated, weekday=weekday), found.end()


def _stands_apart(text: str, at: int, found: re.Match[str]) -> bool:
    """Whether a date after a clock is one without its year: `14:39, 27 Nov – text`."""
    has_name = "name" in found.groupdict() or "first" in found.groupdict()
    is_closed = re.match(r"\s*[-–—:|]\s", text[found.end() :])
    return bool(has_name and text[:at].rstrip().endswith(",") and is_closed)


def _eastern_weekday(found: re.Match[str]) -> int | None:
    """The weekday of `11月24日(火)` or `11月27日 星期五`, Monday as 0; None if there is none."""
    parts = found.groupdict()
    name = parts.get("wd") or (parts.get("wd2") or "").lstrip("星期礼禮拜周週")[:1]
    days = (at for at, names in enumerate(_EASTERN_WEEKDAYS) if name and name in names)
    return next(days, None)


def _date_of(found: re.Match[str]) -> NamedDate | None:
    parts = found.groupdict()
    year = _year(parts.get("y"))
    if parts.get("a") is not None:
        first, second = int(parts["a"] or 0), int(parts["b"] or 0)
        if first > 12:
            return NamedDate(year, second, first, shows="day") if second <= 12 else None
        shows = "month" if second > 12 else ""
        return NamedDate(year, first, second, second <= 12 and first != second, shows)
    month = MONTHS[(parts["name"] or "").lower()] if "name" in parts else int(parts["m"] or 0)
    return NamedDate(year, month, int(parts["d"] or 0))


def _year(words: str | None) -> int | None:
    if words is None:
        return None
    year = int(words) + (2000 if len(words) == 2 else 0)
    return year - _BUDDHIST if year > _LAST_YEAR else year


# Thai dates count from the death of the Buddha.
_BUDDHIST = 543
_LAST_YEAR = 2500


def years_behind(text: str, at: int, so_far: Spoken, way: Way) -> Found:
    """The year of `Tue Nov 24 08:05:10 CET 2026`, as `date` and kernel logs write it."""
    found = re.compile(r"(19|20)\d{2}(?![\d:-])").match(text, at)
    if (
        found
        and so_far.clock
        and so_far.date
        and so_far.date.year is None
        and so_far.weekday is not None
    ):
        yield replace(so_far, date=replace(so_far.date, year=int(found[0]))), found.end()


# Romanian `ieri la 14:39`: behind a day, `la` is no Finnish Saturday.
_LA = r"(?:\sla(?=\s\d))?"
_NEAR = re.compile(rf"(?P<name>{one_of(NEAR_DAYS)})(?!\w|'\w){_LA}", re.IGNORECASE)
_CLOSED = re.compile(r"\s*(?:[-–—:|,]\s|$)")
_SHOWS_LANGUAGE = {
    "fr": re.compile(r"\s(?:à|soir|matin)\b", re.IGNORECASE),
    "hu": re.compile(r"\s[\d:]+-kor\b", re.IGNORECASE),
}
_EASTERN_DAYS_NEAR = {
    **dict.fromkeys(("一昨日", "前天", "그제", "그저께"), -2),
    **dict.fromkeys(("昨日", "昨天", "어제"), -1),
    **dict.fromkeys(("今日", "今天", "오늘"), 0),
    **dict.fromkeys(("明日", "明天", "내일"), 1),
}
_NEAR_EAST = re.compile(rf"{one_of(_EASTERN_DAYS_NEAR)}")
_DAYS_AGO = re.compile(r"(?P<n>\d{1,3}|one|a) (?P<unit>days?|weeks?) ago\b", re.IGNORECASE)


def near_days(text: str, at: int, so_far: Spoken, way: Way) -> Found:
    """Yesterday, today, tomorrow, `2 days ago`."""
    if so_far.has_day and so_far.weekday is None:
        return
    if found := _NEAR.match(text, at):
        name = found["name"].lower()
        # `14:27 yesterday we saw it`: what was said then.
        if not way.is_whole and so_far.clock and not _CLOSED.match(text, found.end()):
            return
        only = OF_A_LANGUAGE.get(name, way.language)
        if way.language == only or _SHOWS_LANGUAGE[only].match(text, found.end()):
            yield replace(so_far, near=NEAR_DAYS[name]), found.end()
    if found := _NEAR_EAST.match(text, at):
        yield replace(so_far, near=_EASTERN_DAYS_NEAR[found[0]]), found.end()
    if found := _DAYS_AGO.match(text, at):
        count = int(found["n"]) if found["n"].isdecimal() else 1
        days = count * (7 if found["unit"].lower().startswith("w") else 1)
        yield replace(so_far, near=-days), found.end()


_PARTS = {
    "morning morgen früh vormittag vormittags matin": "morning",
    "afternoon nachmittag nachmittags après-midi": "afternoon",
    "evening abend abends soir": "evening",
    "night nacht nuit": "night",
}
_PART_NAMES = {name: part for names, part in _PARTS.items() for name in names.split()}
_PART = re.compile(
    rf"(?P<near>this|last|ce|cet|cette|in the|at)?\s?(?P<name>{one_of(_PART_NAMES)}|tonight)(?!\w)",
    re.IGNORECASE,
)


def day_parts(text: str, at: int, so_far: Spoken, way: Way) -> Found:
    """Part of a day: `yesterday evening`, `last night`, `in the afternoon`, `heute morgen`."""
    found = _PART.match(text, at)
    if found is None or so_far.part or not way.is_whole:
        return
    name, near = found["name"].lower(), (found["near"] or "").lower()
    if name == "tonight":
        yield replace(so_far, part="evening", near=0), found.end()
        return
    part = _PART_NAMES[name]
    if near in {"last", "this", "ce", "cet", "cette"}:
        if not so_far.has_day:
            is_last = near == "last"
            named = "last night" if is_last and part == "night" else part
            yield replace(so_far, part=named, near=-1 if is_last else 0), found.end()
    elif near or so_far.has_day:
        yield replace(so_far, part=part), found.end()


_WEEKDAY = re.compile(
    rf"(?:(?P<side>last|this|next)\s)?(?P<name>{one_of(WEEKDAYS)})(?!\w)\.?{_LA}", re.IGNORECASE
)
_SIDES = {"last": -1, "next": 1}
_SHORTEST_FIRST = 3


def weekdays(text: str, at: int, so_far: Spoken, way: Way) -> Found:
    """A weekday at this position, perhaps with `last` or `next` before it."""
    if so_far.weekday is not None:
        return
    if eastern := _EASTERN_WEEKDAY.match(text, at):
        yield replace(so_far, weekday=_eastern_weekday(eastern)), eastern.end()
    found = _WEEKDAY.match(text, at)
    if found is None:
        return
    name = found["name"]
    if not way.is_whole and (so_far.clock is not None or len(name) < _SHORTEST_FIRST):
        return
    # `5:39 PT` is Los Angeles' time and no Polish Friday, unless a Pole writes `5:39 pt`.
    is_polish = way.language == "pl" and name.islower()
    if so_far.clock is not None and is_zone(name.upper()) and not is_polish:
        return
    side = _SIDES.get((found["side"] or "").lower(), 0)
    number = WEEKDAYS[name.lower()]
    yield replace(so_far, weekday=number, side=side), found.end()


_NUMBER_WORDS = {
    name: number
    for number, names in enumerate(
        (
            "a an one ein eine einer eines un une una uno een en et",
            "two zwei deux dos due dois twee två to",
            "three drei trois tres tre três drie",
            "four vier quatre cuatro quattro quatro fyra fire",
            "five fünf cinq cinco cinque vijf fem",
            "six sechs seis sei zes sex seks",
            "seven sieben sept siete sette sete zeven sju syv",
            "eight acht huit ocho otto oito åtta otte",
            "nine neun neuf nueve nove negen nio ni",
            "ten zehn dix diez dieci dez tien tio ti",
            "eleven elf onze once undici elva elleve",
            "twelve zwölf douze doce dodici doze twaalf tolv",
            "",
            "",
            "fifteen fünfzehn quinze quince quindici vijftien femton femten",
        ),
        1,
    )
    for name in names.split()
} | {"twenty": 20, "zwanzig": 20, "vingt": 20, "veinte": 20, "thirty": 30, "dreißig": 30}
_HALVES = r"half an?|(?:eine[rn]? )?halbe[rn]?|une demi|media|mezz'|een half|en halv"
_NUMBER = rf"(?P<n>\d{{1,5}}(?:[.,]\d{{1,3}})?|{_HALVES}|(?:{one_of(_NUMBER_WORDS)})(?=[\s'-])|an?)"
_AMOUNT = re.compile(
    rf"{_NUMBER}[\s'-]?(?P<unit>{one_of(UNIT_SECONDS)})(?![^\W\d_])\.?", re.IGNORECASE
)
_BETWEEN = re.compile(r"(?:\s?,\s?|\s)?(?:(?:and|und|et|y|e|en|og|och|ja|i)\s)?", re.IGNORECASE)
_AGO_BEHIND = re.compile(r"\s(?:ago|geleden|sedan|siden|sitten|temu|fa|atrás|atras)", re.IGNORECASE)
_AGO_BEFORE = re.compile(r"(?:vor|il y a|hace|há)\s|-\s?(?=\d)", re.IGNORECASE)
_AROUND = re.compile(r"(?:for|för)\s(?=.*(?:siden|sedan)$)", re.IGNORECASE)
_IN_BEFORE = re.compile(r"(?:in|within|dans|en|tra|fra|em|om)\s|\+\s?(?=\d)", re.IGNORECASE)
_IN_BEHIND = re.compile(r"\sfrom now", re.IGNORECASE)
_AND_A_HALF = re.compile(r" and a half", re.IGNORECASE)


def span_of(text: str) -> Spoken | None:
    """A span from now: `5 minutes ago`, `1h30m ago`, `in 2 hours`, `30m`."""
    before_ago, before_in = _AGO_BEFORE.match(text), _IN_BEFORE.match(text)
    before = before_ago or before_in or _AROUND.match(text)
    start = before.end() if before else 0
    seconds, end, smallest = 0.0, start, float("inf")
    while (found := _AMOUNT.match(text, end)) is not None:
        unit = UNIT_SECONDS[found["unit"].lower()]
        if unit >= smallest:
            return None
        smallest, end = unit, found.end()
        seconds += _count(found["n"]) * unit
        if half := _AND_A_HALF.match(text, end):
            seconds, end = seconds + unit / 2, half.end()
        more = _BETWEEN.match(text, end)
        if more and _AMOUNT.match(text, more.end()):
            end = more.end()
    behind, ahead = _AGO_BEHIND.match(text, end), _IN_BEHIND.match(text, end)
    last = behind or ahead
    if end == start or (last.end() if last else end) != len(text):
        return None
    if behind or before_ago:
        return None if ahead else Spoken(span=-timedelta(seconds=seconds))
    is_bare = before_in is None and ahead is None
    return Spoken(span=timedelta(seconds=seconds), span_is_bare=is_bare)


def _count(words: str) -> float:
    if words[0].isdigit():
        return float(words.replace(",", "."))
    return _NUMBER_WORDS.get(words.lower(), 0.5)


_ZONE_FORMS = [
    re.compile(
        r"(?:\sin\s|\s)?(?P<open>[(\[])?(?P<zone>(?:UTC|GMT)\s?[+\-−]\s?\d{1,2}(?::?\d{2})?)(?!\d)",
        re.IGNORECASE,
    ),
    re.compile(r"(?:\sin\s|\s)?(?P<open>[(\[])?(?P<zone>UTC|GMT|Zulu|UCT)\b", re.IGNORECASE),
    re.compile(r"\s?(?P<zone>Z)\b"),
    re.compile(r"\s?(?P<open>[(\[])?(?P<zone>[+\-−]\d{2}:?\d{2})(?!\d|:\d)"),
    re.compile(r"(?P<zone>[+\-−]\d{2})(?![\d:])"),
    re.compile(r"\s?(?P<open>[(\[])?(?P<zone>[A-Za-z][A-Za-z_]+(?:/[A-Za-z0-9_+\-]+){1,2})"),
    re.compile(r"\s?(?P<open>[(\[])?(?P<zone>[A-Za-z]{2,5})(?!\w|/(?!\d))"),
]
_SHORT_OFFSET = re.compile(r"\s(?P<zone>[+\-−]\d{2})(?![\d:])")


# What browsers write behind the offset: `GMT+0100 (Central European Standard Time)`.
_LONG_NAME = re.compile(r"\s?\([A-Z][\w.-]*(?: [\w.-]+)* Time\)")


def zone_names(text: str, at: int, so_far: Spoken, way: Way) -> Found:
    """A zone at this position, if a clock has been read."""
    if so_far.zones and so_far.clock is not None and (long := _LONG_NAME.match(text, at)):
        yield so_far, long.end()
    if len(so_far.zones) > 1 or (so_far.clock is None and (so_far.zones or not way.is_whole)):
        return
    half = so_far.clock.half if so_far.clock else ""
    if place := place_zone(text, at, has_half=bool(half)):
        yield replace(so_far, zones=(*so_far.zones, place[0])), place[1]
    forms = [*_ZONE_FORMS, _SHORT_OFFSET] if way.is_whole else _ZONE_FORMS
    for form in forms:
        found = form.match(text, at)
        if found is None:
            continue
        end = found.end()
        is_enclosed = bool(found.groupdict().get("open"))
        if is_enclosed:
            if text[end : end + 1] not in {")", "]"}:
                continue
            end += 1
        name = re.sub(r"\s", "", found["zone"])
        is_apart = way.is_whole or is_enclosed or bool(half)
        is_other = is_enclosed and is_also_a_word(name.upper())
        if (is_apart and not is_other) or name in way.zones:
            name = name.upper() if is_zone(name.upper()) and name.isalpha() else name
        is_meant = _is_meant(name, way, is_apart=is_apart)
        if is_meant and not _is_range(text[:at], found[0], so_far, way):
            yield replace(so_far, zones=(*so_far.zones, name)), end


def _is_meant(name: str, way: Way, *, is_apart: bool) -> bool:
    """Whether a word is a zone. If text may follow, `ET` and the like count only set apart.

    `is_apart`: in brackets, or behind AM or PM. See `workflow.paste.zone_words` for the others.
    """
    if name in way.zones:
        return True
    if not is_zone(name):
        return way.is_whole and name.isalpha() and name.isupper()
    return is_apart or not is_also_a_word(name)


_EXACT = re.compile(r"(?:T\d\d:?\d\d|\d\d:?\d\d:?\d\d(?:[.,]\d+)?)$")


def _is_range(before: str, zone: str, so_far: Spoken, way: Way) -> bool:
    """Whether `-09:00` is the end of `08:05-09:00` rather than an offset."""
    if zone.lstrip()[:1] not in {"-", "−"} or _EXACT.search(before):
        return False
    return ":" in zone and not (zone[0].isspace() and (way.is_whole or so_far.has_day))


# --- Counts since 1970 ----------------------------------------------------------------------------

_EPOCH = re.compile(r"1\d{9}(?:\.\d{1,9}|\d{3}|\d{6})?")
_EARLIEST, _LATEST = 1_000_000_000, 4_000_000_000


def epoch_time(words: str) -> Spoken | None:
    """A count since 1970 in seconds, milliseconds or microseconds, as a time in UTC."""
    if not _EPOCH.fullmatch(words):
        return None
    whole, _, _ = words.partition(".")
    seconds = float(words) / 10 ** (len(whole) - 10)
    if not _EARLIEST < seconds < _LATEST:
        return None
    at = datetime.fromtimestamp(seconds, UTC)
    clock = Clock(at.hour, at.minute, at.second, at.microsecond)
    return Spoken(clock=clock, date=NamedDate(at.year, at.month, at.day), zones=("UTC",))
