"""The kind of each line of a paste: start of an entry, date, heading or text.

The shapes are those of chats, logs and documents; the tool is named beside each. Times are read by
`workflow.times`, so every shape accepts every form of a time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum

from workflow.paste.names import (
    BADGES,
    begins_a_note,
    is_above_a_time,
    is_label,
    is_name,
    is_phrase,
    name_of,
)
from workflow.paste.noise import (
    EDITED_BEHIND,
    EDITED_WORDS,
    EMOJI,
    ENCRYPTED,
    OF_IRC,
    OF_WHATSAPP,
    OWN_MARK,
    is_emoji,
    is_noise,
    is_of_whatsapp_itself,
)
from workflow.times.forms import epoch_time
from workflow.times.reading import day_within, spoken, spoken_first
from workflow.times.spoken_time import (
    MINUTES_OF_A_DAY,
    MONTHS,
    NEAR_DAYS,
    OF_A_LANGUAGE,
    WEEKDAYS,
    NamedDate,
    Spoken,
    Way,
    normal,
    one_of,
    simple,
)
from workflow.times.zones import is_also_a_word, is_zone, region_behind

_LONGEST_TITLE = 100


class LineKind(Enum):
    """The kind of a line.

    A `LONE` time has its author above and its text below; `ENDS` is a time below its text.
    `OUTSIDE` has a time and is in another section than the timeline.
    """

    HEAD = "head"
    LONE = "lone"
    ENDS = "ends"
    DATE = "date"
    HEADING = "heading"
    NOISE = "noise"
    OUTSIDE = "outside"
    BLANK = "blank"
    TEXT = "text"


# A line with its own time.
TIMES = frozenset({LineKind.HEAD, LineKind.LONE, LineKind.ENDS})


class Shape(Enum):
    """The form of an entry's head."""

    LEADING = "leading"
    BRACKET = "bracket"
    TITLE = "title"  # the author, then the time; the text is below
    OWN = "own"  # a line of this product's doc or of `show`


NOTHING = Spoken()
# Slack's mark of what is unread; directly below a name and a time it is somebody's word.
NEW = frozenset({"New", "NEW"})


@dataclass(frozen=True)
class Line:
    """A line of a paste. `number` counts from 1; `said` is its time or date.

    `by`, `text` and `link` are a head's parts besides its time; `raw` is the original line.
    `gap` is the mark between the author and the time of a title, " " for spaces. `is_plain` marks
    a line inside an entry that only looks like a time: code, or an answer. `zone_word` behind the
    time may be its zone or text, with `zone_is_marked` if a mark follows; `zone_taken` is one that
    was taken as the zone. `is_quote` marks the begin of an older message in this one.
    `question` is a sentence that refuses the paste.
    """

    kind: LineKind
    number: int
    raw: str
    said: Spoken = NOTHING
    by: str = ""
    text: str = ""
    shape: Shape = Shape.LEADING
    is_indented: bool = False
    link: str = ""
    is_plain: bool = False
    gap: str = ""
    zone_word: str = ""
    zone_is_marked: bool = False
    zone_taken: str = ""
    is_quote: bool = False
    question: str = ""


@dataclass(frozen=True)
class Reader:
    """Shared settings for reading all lines. `zones` are the incident's own abbreviations.

    With `has_bare_hours`, `15h` may begin a line: the paste writes times such as `14h05`.
    """

    language: str = ""
    zones: frozenset[str] = frozenset()
    has_bare_hours: bool = False

    def whole(self, words: str) -> Spoken | None:
        """The time in a whole text, if it names a time of day or a day."""
        said = spoken(words, language=self.language)
        if said is None or any(not is_zone(zone) and zone not in self.zones for zone in said.zones):
            return None
        return said

    def first(self, words: str, start: int = 0) -> tuple[Spoken, int] | None:
        """The time at the start of a text, and its end."""
        way = Way(self.language, is_whole=False, zones=self.zones, bare_hours=self.has_bare_hours)
        return spoken_first(words, start, way)


# Roughly at a time.
ROUGH_SIGN = r"[~≈@]\s?|ca?\.\s?|circa |approx\.? |approximately |gegen |vers "
# List marks, quote marks and check boxes of Markdown, and bullets of documents.
# `27. November` and `27. 11.` begin with a date, and with no mark.
_MARK = re.compile(
    r"\s*(?:>\s?)*(?:(?:[-*+•‣◦▪●○■□▸►–]"
    rf"|\d{{1,3}}[.)](?!\s+(?:\d{{1,2}}\.(?!\d)|(?i:{one_of(MONTHS)})\b)))\s+)?"
    r"(?:\[[ xX]\]\s+)?(?=\S)"
)
_INDENT = re.compile(r"\s+[^\s—–·,-]")
_HEADING = re.compile(r"\s{0,3}#{1,6}\s+(?P<words>\S.*?)\s*#*")
# Older Markdown needs no space: `####2:39 PM`. One mark alone is a ticket's: `#4711`.
_TIGHT_HEADING = re.compile(r"\s{0,3}#{2,6}(?P<words>\d.*?)\s*#*")
# A recording's transcript counts from its begin: that is no time of day.
_SUBTITLE = re.compile(r"\d[\d:.,]+ --> \d[\d:.,]+.*|(?:\d{1,2}:\d\d:\d\d\.\d{3},?){2}")
_TITLES = re.compile(
    r"(?:the )?(?:incident )?(?:timeline|chronology|sequence of events)|zeitachse|zeitlicher ablauf"
    r"|zeitleiste|chronologie|cronología|cronologia|tijdlijn|tidslinje",
    re.IGNORECASE,
)
_RULE = re.compile(r"[-=*_—–\s]{3,}|[—–·•,]")
_DECORATION = re.compile(r"^[-=*_—–#\s]+|[-=*_—–:\s]+$")
_LOG_DATE = re.compile(
    r"-*\s*(?:Day changed(?: to)?|Log opened|BEGIN LOGGING AT|Session (?:Start|Time):)\s+"
    r"(?P<when>.+)"
)
_LOG_END = re.compile(r"-*\s*(?:Log closed|ENDING LOGGING AT|Session Close:|Session Ident:)\s+.+")
# The kernel and Apache write `[Thu Nov 26 14:05:10 2026]`, and nobody's name behind it.
_KERNEL_TIME = re.compile(r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)? \d{4}")
_BRACKET = re.compile(r"\[\s*(?P<when>[^\[\]]{3,50}?)\s*\](?P<rest>.*)")
# KakaoTalk: `[Ann] [2:31 PM] text`. In a log, `[main] [14:31:05] text` has seconds.
_KAKAO = re.compile(
    r"\[(?P<by>[^\[\]]{1,60})\] \[(?P<when>(?:\D{2,3} )?\d{1,2}:\d{2}(?: [AP]M)?)\] (?P<text>.+)"
)
_LINK_BEHIND = re.compile(r"\((?P<url>https?://[^\s()]+)\)\s*")
_ROUND = re.compile(r"\(\s*(?P<when>\d[^()]{2,49}?)\s*\)(?P<rest>\s.*)")
# Italics or code around a time; a sign before it, such as a traffic light.
_MARKED_TIME = re.compile(r"(?P<mark>[*_`])(?P<inner>\d[^*_`]{2,40})(?P=mark)(?P<rest>\s.*)")
_SIGN = re.compile(rf"{EMOJI}\s+(?=[\[(*_`]*\d)")
_AGO_TEXT = re.compile(
    r"(?P<when>\d{1,3}\s?(?:m|mins?|minutes?|h|hrs?|hours?) ago)\s*[:–—-]\s+(?P<text>.+)",
    re.IGNORECASE,
)
_NAME_BRACKET = re.compile(
    r"(?P<by>[^\[\]]{1,60}?),?\s*\[\s*(?P<when>[^\[\]]{3,50}?)\s*\]:?(?P<rest>\s*)"
)
_WEB_LOG = re.compile(r"(?P<before>\S+ \S+ \S+ )\[(?P<when>\d[^\[\]]{15,40})\](?P<rest> .*)")
_FIELD = re.compile(
    r"(?P<before>(?:\w+=\S+ ){0,4})"
    r"(?:time|ts|timestamp|t)=\"?(?P<when>[^\"\s]{10,40})\"?(?P<rest>\s.+)"
)
# Seconds or milliseconds since 1970; docker compose's service; the Go logger's level and day.
_EPOCH = re.compile(r"(?P<before>\[?)(?P<when>1\d{9}(?:\.\d{1,9}|\d{3})?)\]?:?(?P<rest>\s.+)")
_SERVICE = re.compile(r"(?P<service>[\w.-]{1,40}\s+\|)\s+(?=\d{4}-\d{2}-\d{2}T)")
_GLOG = re.compile(r"(?P<level>[IWEF])(?P<m>\d{2})(?P<d>\d{2}) (?P<rest>\d\d:\d\d:\d\d\.\d+\s.+)")
_SYSLOG_MARK = re.compile(r"<\d{1,3}>(?:1 )?(?=\d|[A-Z][a-z]{2} )")
_POSTED = re.compile(
    r"(?:Posted|Published|Updated)\s+(?:.{1,40}? ago\.\s*)?(?:on |at )?(?P<when>.{5,50}?)\.?"
)
_GAP = re.compile(r"\s*(?:[-–—:|•·→⇒]|[-=]>)\s+|\s*[,;]\s*|\s*/\s*(?=\d)|\s+|$")
_RANGE = re.compile(
    r"(?:\s?[-–—→]\s?|\s(?:to|till|until|bis|à|hasta|al?|tot|til|till)\s)"
    r"(?=\d{1,2}(?:[:.h]\d{2}|\s?[ap]m))",
    re.IGNORECASE,
)
_NICK = re.compile(r"<\s*[@+%~&]?(?P<by>[^<>\s][^<>]{0,40})>\s?(?P<text>.*)")
_ACTION = re.compile(r"\*\s+(?P<by>\S{1,30})\s+(?P<text>.+)")
_NICK_BAR = re.compile(r"[@+%~&]?(?P<by>\S{1,30})\s+[|│]\s(?P<text>.*)")
_NICK_TAB = re.compile(r"[@+%~&]?(?P<by>[^\t]{1,40})\t(?P<text>.*)")
_FROM_TO = re.compile(r"From\s+(?P<by>.{1,60}?)(?:\s+[tT]o\s+.{1,60}?)?\s*:\s*(?P<text>.*)")
_VON_AN = re.compile(
    r"(?:Von|De|Da|Van)\s+(?P<by>.{1,60}?)\s+"
    r"(?:an\s+Alle|à\s+Tout le monde|à\s+Tous|a\s+Todos|a\s+Tutti|para\s+Todos|aan\s+Iedereen)"
    r"\s*:\s*(?P<text>.*)",
    re.IGNORECASE,
)
# ServiceNow: the author, the kind of note, and the text below.
_NOTED = re.compile(r"(?P<by>\S.{0,58}?) \((?:Work notes|Additional comments)[^()]{0,30}\)")
_SAYS = re.compile(r"(?P<by>[^:\n<>\[\]]{1,60}?):(?:\s+|$)(?P<text>.*)")
_COMMA_SAYS = re.compile(r",\s+(?P<by>[^:\n<>\[\]]{1,60}?)\s?:\s+(?P<text>.*)")
_BETWEEN = re.compile(r"\s{2,}|\t\s*|,\s|\s+[—–·•|]\s+|\s+-\s+")
_LOOKS_LIKE_A_TIME = re.compile(
    r"\[?\d{1,2}:\d{2}|\[?\d{4}-\d{2}-\d{2}[T _]\d|\[?20\d{6}[T _-]\d{4}(?!\d{3})"
)
_MENTION = re.compile(
    r"(?<![\d:.,/])\d{1,2}:\d{2}(?!\d)"
    r"|(?<![\w:.,/])\d{1,2}(?:[.:]\d{2})?\s?(?:[ap]\.?m\b|Uhr\b|uur\b|hod\b)"
    r"|^\W*(?:12 )?(?:noon|midnight|midday)\b|\b(?:half past|quarter (?:to|past))\b"
    r"|^\W*(?:T?\+\s?\d|\d{1,2}\s?h\s)|(?<![\w:.,/])\d{1,2}\s?h\s?\d{2}\b"
    r"|(?<![\w:.,/])\d{1,3} ?(?:m|min|minute|h|hr|hour|d|day)s? (?:ago|later)\b",
    re.IGNORECASE,
)


def read_line(raw: str, number: int, reader: Reader) -> Line:
    """Classify a line by itself."""
    plain = normal(raw)
    words = plain.strip()
    line = Line(LineKind.TEXT, number, raw, is_indented=_INDENT.match(plain) is not None)
    if not words:
        return replace(line, kind=LineKind.BLANK)
    if _TITLES.fullmatch(words.rstrip(":")):
        return replace(line, kind=LineKind.HEADING, text=words)
    if (heading := _marked_heading(line, plain, reader)) is not None:
        return heading
    if is_noise(words) or _RULE.fullmatch(words):
        return replace(line, kind=LineKind.NOISE)
    mark = _MARK.match(plain)
    begun = plain[mark.end() if mark else 0 :].rstrip()
    sign = _SIGN.match(begun)
    is_count = _SUBTITLE.fullmatch(words) is not None
    shown = _without_bold(begun[sign.end() if sign else 0 :])
    found = None if is_count else _shaped(line, shown, reader)
    if sign and found is not None:
        return _behind_a_sign(line, found, sign[0])
    return found or line


def _behind_a_sign(line: Line, found: Line, sign: str) -> Line:
    """A line that begins with an emoji, read without it: it belongs to the text."""
    if found.text:
        return replace(found, text=f"{sign}{found.text}")
    # Somebody's status; the name stands on the line above.
    is_status = found.kind is LineKind.LONE and sign.endswith("  ")
    return replace(found, is_indented=True) if is_status else line


def _shaped(line: Line, words: str, reader: Reader) -> Line | None:
    for shape in _SHAPES:
        found = shape(line, words, reader)
        if found is not None:
            return found
    return None


def holds_a_time(line: Line) -> bool:
    """Whether a line of text contains a time of day."""
    is_words = line.kind is LineKind.TEXT and not line.is_plain
    has_span = line.said.span is not None
    return is_words and (has_span or _MENTION.search(normal(line.raw)) is not None)


# A time without a colon, or the beginning of other words: `0805 Seen`, `8.05 Deploy`, `2026 was …`.
_BARE_CLOCK = re.compile(
    r"[\s>*•-]*(?:(?P<four>(?:[01]\d|2[0-3])[0-5]\d)|(?:[01]?\d|2[0-3])\.[0-5]\d)(?=(?:'\w+)?\s*:?\s+\S)"
    r"(?!\s*(?:EUR|USD|GBP|CHF|[€$£%]|[kMGT]i?B\b|m?s\b|x\b))"
)


def bare_clocks(lines: Sequence[Line]) -> set[int]:
    """The numbers of lines that may begin with a time without a colon.

    One line alone may begin with any number, unless that has a zero before it; years are no times.
    """
    found = {
        line.number: clock["four"] or ""
        for line in lines
        if line.kind is LineKind.TEXT
        and not line.is_plain
        and (clock := _BARE_CLOCK.match(normal(line.raw)))
    }
    if all(four.startswith(("19", "20")) for four in found.values()):
        return set()
    return {number for number, four in found.items() if len(found) > 1 or four.startswith("0")}


def looks_like_a_head(line: Line) -> bool:
    """Whether a line of text seems to begin with a time that could not be read."""
    words = normal(line.raw)
    mark = _MARK.match(words)
    rest = _without_bold(words[mark.end() if mark else 0 :])
    is_words = line.kind is LineKind.TEXT and not line.is_plain
    return is_words and _LOOKS_LIKE_A_TIME.match(rest) is not None


def _without_bold(words: str) -> str:
    """The text without the marks around its beginning, struck or not: `**14:39** text`."""
    found = re.match(r"(\*\*|__)(?:~~)?(?P<inner>.+?)(?:~~)?\1(?P<rest>.*)", words)
    found = found or _MARKED_TIME.match(words)
    return found["inner"] + found["rest"] if found else words


def _marked_heading(line: Line, plain: str, reader: Reader) -> Line | None:
    """A line with Markdown's marks of a heading, None for others."""
    if heading := _HEADING.fullmatch(plain):
        return _heading(line, _without_bold(heading["words"]), reader)
    if tight := _TIGHT_HEADING.fullmatch(plain):
        found = _heading(line, _without_bold(tight["words"]), reader)
        return found if found.kind in {LineKind.HEAD, LineKind.DATE} else None
    return None


def _heading(line: Line, words: str, reader: Reader) -> Line:
    if (date := _date(words, reader)) is not None:
        return replace(line, kind=LineKind.DATE, said=date)
    said = reader.whole(words)
    if said is not None and said.clock is not None and said.span is None:
        return replace(line, kind=LineKind.HEAD, said=said)
    said = day_of(words, reader) or NOTHING
    return _leading(line, words, reader) or replace(
        line, kind=LineKind.HEADING, text=words, said=said
    )


def day_of(words: str, reader: Reader) -> Spoken | None:
    """The first date inside a text."""
    day = day_within(words, language=reader.language)
    return Spoken(date=day[0]) if day else None


@dataclass(frozen=True)
class Title:
    """A text with a date at its begin or end: the date, its words, and those around it."""

    date: NamedDate
    before: str
    words: str
    after: str


def title_of(line: Line, reader: Reader) -> Title | None:
    """The parts of a line that names a date at its begin or end: `Timeline – 26 Nov 2026`."""
    words = _without_bold(_DECORATION.sub("", normal(line.raw)).strip())
    day = day_within(words, language=reader.language)
    if day is None or len(words) > _LONGEST_TITLE:
        return None
    title = Title(day[0], words[: day[1]], words[day[1] : day[2]], words[day[2] :])
    before = title.before.strip(" ([,.")
    if not before or before.casefold() in WEEKDAYS:
        return replace(title, before="")
    return title if not title.after.strip(" )].*_") else None


def as_title(line: Line, reader: Reader) -> Line | None:
    """A line that names a date at its begin or end, as a heading."""
    title = title_of(line, reader)
    if title is None:
        return None
    words = f"{title.before}{title.words}{title.after}"
    return replace(line, kind=LineKind.HEADING, text=words, said=Spoken(date=title.date))


_SHORTEST_DAY = 5


def _date(words: str, reader: Reader) -> Spoken | None:
    """A date alone, as chats separate days; short words such as `so` are no dates.

    The days near today are in any of Slack's languages, `Hier` among them.
    """
    plain = _DECORATION.sub("", words).strip()
    both = re.match(r"(?:today|yesterday)\s+(?=\w+,? \w+ \d)", plain, re.IGNORECASE)
    plain = plain[both.end() :] if both else plain
    is_near = plain.istitle() and plain.casefold() in NEAR_DAYS
    has_digits = any(letter.isdigit() for letter in plain)
    if not has_digits and len(plain) < _SHORTEST_DAY and plain.isascii() and not is_near:
        return None
    language = OF_A_LANGUAGE.get(plain.casefold(), "") if is_near else ""
    said = (replace(reader, language=language) if language else reader).whole(plain)
    # `Saturday (28.11.)`
    said = said or reader.whole(re.sub(r"\s*\(([^()]+)\)$", r", \1", simple(plain)))
    return said if said is not None and said.clock is None and said.has_day else None


def name_and_day(words: str, said: Spoken, reader: Reader) -> tuple[str, Spoken]:
    """A name, and the time with the day that stands behind the name: `Ann Lee 27 Nov, 14:39`.

    A weekday behind a name may be somebody's surname, unless a mark is before it: `Efe Sunday`.
    """
    if said.has_day:
        return words, said
    for gap in _DAY_GAP.finditer(words):
        day = _date(_AT_BEHIND.sub("", words[gap.end() :]).rstrip(" )]"), reader)
        if day is None or not is_name(words[: gap.start()]) or _AWAY.search(words[: gap.start()]):
            continue
        is_day = any(map(str.isdigit, words[gap.end() :])) or gap[0].strip()
        name = words[gap.end() :]
        is_near = day.near is not None and (len(name) >= _SHORTEST_DAY or not name.isascii())
        if is_day or is_near:
            dated = replace(day, clock=said.clock, zones=said.zones, span=said.span)
            return words[: gap.start()], dated
    return words, said


# `Ann Lee (away until 3 Dec)`
_AWAY = re.compile(r"[(|]|\b(?:OOO|PTO|away|off|back|until|till|bis|ab)\b", re.IGNORECASE)
_AT_BEHIND = re.compile(
    r",?\s(?:at|um|à|a l[ae]s|às|la|lúc|pukul|alle|om|kl\.?|o|v|ve|в|saat)$", re.IGNORECASE
)
_DAY_GAP = re.compile(r"\s*[,·•|—–(-]\s*|\s+")


def _log_date(line: Line, words: str, reader: Reader) -> Line | None:
    plain = _DECORATION.sub("", words).strip()
    if _LOG_END.fullmatch(plain):
        return replace(line, kind=LineKind.NOISE)
    found = _LOG_DATE.fullmatch(plain)
    said = reader.whole(found["when"]) if found else None
    if said is None or said.date is None:
        return None
    return replace(line, kind=LineKind.DATE, said=Spoken(date=said.date))


def _closing(line: Line, words: str, reader: Reader) -> Line | None:
    """`Posted 2 hours ago. Nov 24, 2026 - 14:39 UTC` below an update of a status page."""
    found = _POSTED.fullmatch(words)
    said = reader.whole(found["when"]) if found else None
    if said is None or said.clock is None:
        return None
    return replace(line, kind=LineKind.ENDS, said=said)


def _ago(line: Line, words: str, reader: Reader) -> Line | None:
    """`5 minutes ago: text`, as people note it."""
    found = _AGO_TEXT.fullmatch(words)
    said = reader.whole(found["when"]) if found else None
    if found is None or said is None or said.span is None:
        return None
    return replace(line, kind=LineKind.HEAD, said=said, text=found["text"])


def _alone(words: str, reader: Reader) -> Spoken | None:
    """The time that stands alone: there `Hier 14:39` is yesterday, and no German word."""
    return reader.whole(words) or replace(reader, language="fr").whole(words)


# Skype: `[28/11/2026 14:33:05 | Edited 14:33:40] Bo Roe: ok`
_EDITED_AT = re.compile(rf"\s?\| (?:{EDITED_WORDS}) \d[\d:]*\d(?: [AP]M)?$", re.IGNORECASE)


def _bracketed(line: Line, words: str, reader: Reader) -> Line | None:
    """`[14:43] Ann: text` and `[11/24 8:05 AM] Doe, Jane`; `Ann [14:43]` of Slack's old copy."""
    found = _BRACKET.fullmatch(words) or _ROUND.fullmatch(words)
    said = _alone(_EDITED_AT.sub("", found["when"]), reader) if found else None
    if found and said is not None and said.clock is not None:
        head = replace(line, kind=LineKind.HEAD, said=said, shape=Shape.BRACKET)
        is_chat = _KERNEL_TIME.fullmatch(found["when"]) is None
        rest = found["rest"].strip()
        if link := _LINK_BEHIND.match(rest):
            head, rest = replace(head, link=link["url"]), rest[link.end() :]
        return _with_rest(head, rest, names_itself=is_chat)
    kakao = _KAKAO.fullmatch(words)
    if kakao and not is_label(kakao["by"]):
        said = reader.whole(kakao["when"])
        if said is not None and said.clock is not None:
            head = replace(line, kind=LineKind.HEAD, said=said, shape=Shape.BRACKET)
            return replace(head, by=kakao["by"], text=kakao["text"])
    named = _NAME_BRACKET.fullmatch(words)
    said = reader.whole(named["when"]) if named else None
    if named is None or said is None or said.clock is None or not is_above_a_time(named["by"]):
        return None
    by, said = name_and_day(named["by"], said, reader)
    return replace(line, kind=LineKind.HEAD, said=said, by=name_of(by), shape=Shape.TITLE)


def _web_log(line: Line, words: str, reader: Reader) -> Line | None:
    """A line of a web server or of logfmt, where the time isn't first; or with seconds of 1970."""
    found = _WEB_LOG.fullmatch(words) or _FIELD.fullmatch(words) or _EPOCH.fullmatch(words)
    said = (epoch_time(found["when"]) or reader.whole(found["when"])) if found else None
    if found is None or said is None or said.clock is None:
        return None
    text = f"{found['before'].strip('[ ')} {found['rest'].strip()}".strip()
    return replace(line, kind=LineKind.HEAD, said=said, text=text)


def _of_service(line: Line, words: str, reader: Reader) -> Line | None:
    """A line of docker compose, or of a program with Go's logger: a word before the time."""
    if found := _SERVICE.match(words):
        head = _leading(line, words[found.end() :], reader)
        return replace(head, text=f"{found['service']} {head.text}") if head else None
    if found := _GLOG.fullmatch(words):
        head = _leading(line, f"{found['d']}.{found['m']}. {found['rest']}", reader)
        return replace(head, text=f"{found['level']} {head.text}") if head else None
    return None


def _lone(line: Line, words: str, reader: Reader) -> Line | None:
    """A time alone, or a date alone."""
    plain = EDITED_BEHIND.sub("", re.sub(r"^[—–·•,-]\s+", "", words))
    plain = re.sub(r"(?<=\w)\s*[—–:-]$", "", _without_age(plain, reader))
    said = _alone(_LESS_THAN.sub("", plain), reader)
    if said is None:
        date = _date(words, reader)
        return replace(line, kind=LineKind.DATE, said=date) if date else None
    if said.clock is not None and not (said.span is not None and said.span_is_bare):
        return replace(line, kind=LineKind.LONE, said=said)
    if said.span is not None and not said.span_is_bare and said.span <= timedelta(0):
        return _aged(line, plain, said)
    date = _date(words, reader)
    return replace(line, kind=LineKind.DATE, said=date) if date else None


def _without_age(words: str, reader: Reader) -> str:
    """A time without the age that Gmail puts behind it: `Sat, Nov 28, 2:32 PM (1 hour ago)`."""
    found = _AGE_BEHIND.fullmatch(words)
    said = reader.whole(found["age"]) if found else None
    is_age = said is not None and (said.span is not None or said.near is not None)
    return found["when"] if found and is_age else words


_AGE_BEHIND = re.compile(r"(?P<when>.*\d:\d\d.*?)\s?\((?P<age>[^()]{3,30})\)")


def _aged(line: Line, words: str, said: Spoken) -> Line | None:
    """How long ago a message was sent: the time of one, if the form shows that; else text."""
    is_short = said.span is not None and said.span > -_HOUR
    is_age = _MINUTES_AGO.fullmatch(words) or _LESS_THAN.match(words)
    if is_short and (is_age or (line.is_indented and " " in words)):
        return replace(line, kind=LineKind.LONE, said=said)
    return replace(line, said=said) if " " in words else None


# WhatsApp's export on Android: `27.11.26, 14:39 - Ann: text`. Its own messages have no name.
_WHATSAPP = re.compile(
    r"\d{1,4}[./-]\d{1,2}[./-]\d{2,4}, \d{1,2}[:.]\d{2}(?:\s?[ap]\.?\s?m\.?)? - ", re.IGNORECASE
)


def _leading(line: Line, words: str, reader: Reader) -> Line | None:
    """`14:39 text`, `2026-11-24T14:39:00Z text`, `14:39 <ann> text`, `27.11.26, 08:05 - Ann: …`."""
    start = mark.end() if (mark := _SYSLOG_MARK.match(words)) else 0
    found = reader.first(words, start)
    if found is None:
        return None
    said, end = found
    if ranged := _as_begun(words, said, end, reader):
        head = replace(line, kind=LineKind.HEAD, said=ranged[0], text=words[start:])
        offset = _offset_or_end(words, said, end, ranged[0])
        return (
            replace(head, zone_word=offset) if offset else _with_zone_word(head, words, ranged[1])
        )
    head = _with_zone_word(replace(line, kind=LineKind.HEAD, said=said), words, end)
    if said.date and (says := _COMMA_SAYS.fullmatch(words, end)) and is_name(says["by"]):
        return replace(head, by=name_of(says["by"]), text=says["text"])
    gap = _GAP.match(words, end)
    if gap is None or not words[gap.end() :].strip():
        return None
    rest = words[gap.end() :]
    if _WHATSAPP.match(words) and (told := _of_whatsapp(head, rest)):
        return told
    is_own_list = said.zones and re.match(r" {2}(?:[-–—:|•·→⇒,;/]|[-=]>)", words[end:])
    between, rest = ("  ", words[end + 2 :]) if is_own_list else (gap[0], rest)
    return _behind_the_time(head, between, rest)


# A word behind a time, and the marks that may follow a zone.
_ZONE_WORD = re.compile(r"\s(?P<word>[A-Za-z]{2,5})(?!\w|-\w|/(?!\d))(?P<rest>.*)")
_WORDS_WITH_COLON = frozenset({"EST", "WET", "WEST"})
_ZONE_MARK = re.compile(r"\s*(?:[:|→⇒,]|[–—-]+\s|/\d|$)")


def _with_zone_word(head: Line, words: str, end: int) -> Line:
    """A head with the word behind its time, if that may be its zone or the begin of its text."""
    if not head.said.zones and (region := region_behind(words[end:].lstrip())):
        return replace(head, zone_word=region)
    found = _ZONE_WORD.match(words, end) if not head.said.zones else None
    if found is None or not is_zone(found["word"].upper()):
        return head
    word, mark = found["word"], _ZONE_MARK.match(found["rest"])
    if word != word.upper() and is_also_a_word(word):
        # `cat: not found` is a program's; `est: 2 h`, `west: down` and `Pt: x` may be words.
        is_other = is_also_a_word(word.upper())
        if mark is None or (is_other and len(word) > len("ET")):
            return head
        is_open = is_other or (found["rest"].startswith(":") and word.upper() in _WORDS_WITH_COLON)
        return replace(head, zone_word=word, zone_is_marked=not is_open)
    return replace(head, zone_word=word, zone_is_marked=mark is not None)


# Without a space behind it, `10:05 -08:00` may be an offset too.
_OFFSET_OR_END = re.compile(r"\s(?P<offset>[-−]\d{2}:[0-5]\d)(?!\d)")


def _offset_or_end(words: str, said: Spoken, end: int, begun: Spoken) -> str:
    """The offset that the end of a range may be, if the range would take more than half a day."""
    found = _OFFSET_OR_END.match(words, end)
    clock = begun.clock
    if found is None or clock is None or said.zones or not is_zone(found["offset"]):
        return ""
    hours, minutes = map(int, found["offset"][1:].split(":"))
    length = (hours * 60 + minutes - clock.minute_of_day(clock.half)) % MINUTES_OF_A_DAY
    return found["offset"] if length > MINUTES_OF_A_DAY // 2 else ""


def _of_whatsapp(head: Line, rest: str) -> Line | None:
    """A line of WhatsApp's export: somebody's message, or its own."""
    says = _SAYS.fullmatch(rest)
    if is_of_whatsapp_itself(rest) and not (says and is_name(says["by"])):
        return replace(head, kind=LineKind.NOISE)
    if says and not begins_a_note(says["by"]):
        is_file = _FILE_LEFT_OUT.fullmatch(says["text"])
        head = replace(head, kind=LineKind.NOISE) if is_file else head
        return replace(head, by=name_of(says["by"]), text=says["text"])
    return None


# `<Medien ausgeschlossen>`, `<Без медиафайлов>`: in each language the only text in such brackets.
_FILE_LEFT_OUT = re.compile(r"<(?=[^<>]*[^\W\d_])[^<>:/@.]{4,40}>")


def range_of(words: str, reader: Reader) -> Spoken | None:
    """The begin of a range that is the whole of a text: `14:39–14:50 UTC`, `2:39–2:50 PM`."""
    found = reader.first(words)
    ranged = _as_begun(words, *found, reader) if found else None
    return ranged[0] if ranged and not words[ranged[1] :].strip() else None


def _as_begun(words: str, said: Spoken, end: int, reader: Reader) -> tuple[Spoken, int] | None:
    """A time that a range begins with, with the zone and half that stand behind the range's end.

    Also where the range ends; None where no range begins there.
    """
    dash = _RANGE.match(words, end)
    last = reader.first(words, dash.end()) if dash else None
    if last is None:
        return None
    until, after = last
    first, clock = said.clock, until.clock
    if first is not None and clock is not None and clock.half and not first.half:
        lengths = {
            half: (clock.minute_of_day(clock.half) - first.minute_of_day(half)) % MINUTES_OF_A_DAY
            for half in "ap"
        }
        if 1 <= first.hour <= 12:
            half = min(lengths, key=lambda each: lengths[each])
            said = replace(said, clock=replace(first, half=half))
    return replace(said, zones=said.zones or until.zones), after


def _behind_the_time(head: Line, gap: str, rest: str) -> Line:
    """A head with the text after its time, and the `gap` between them."""
    said = head.said
    if gap == "  " and said.zones and said.clock and said.clock.half:
        return replace(head, text=rest, shape=Shape.OWN)
    nick = _NICK_TAB.fullmatch(rest) if "\t" in gap else None
    is_nick = nick and not begins_a_note(nick["by"])
    if nick and is_nick and (" " not in nick["by"] or is_name(nick["by"])):
        return _said_by(head, nick["by"], nick["text"])
    return _with_rest(head, rest, names_itself=said.date is not None and "-" in gap)


def _with_rest(head: Line, rest: str, *, names_itself: bool) -> Line:
    """A head with its author and text, from the text after its time.

    `names_itself`: in these shapes, `Ann: text` begins with a name.
    """
    if OF_IRC.fullmatch(rest):
        return replace(head, kind=LineKind.NOISE)
    for pattern in (_NICK, _ACTION, _NICK_BAR, _FROM_TO, _VON_AN):
        found = pattern.fullmatch(rest)
        if found and not is_label(found["by"]):
            return _said_by(head, found["by"], found["text"])
    if noted := _NOTED.fullmatch(rest):
        return replace(head, by=name_of(noted["by"]))
    says = _SAYS.fullmatch(rest) if names_itself else None
    if says and _can_speak(says["by"].strip(), head):
        is_marked = f": {OWN_MARK}" in head.raw or f":{OWN_MARK}" in head.raw
        text = says["text"]
        if ENCRYPTED.fullmatch(text) or (is_marked and OF_WHATSAPP.fullmatch(text.strip())):
            return replace(head, kind=LineKind.NOISE)
        return replace(head, by=name_of(says["by"]), text=text)
    return replace(head, text=rest)


# A host, or a program's part: `web-1`, `information/Notification`.
_HOST = re.compile(r"[\w.-]+-\d{1,3}|[a-z]+/\S+")


def _can_speak(words: str, head: Line) -> bool:
    if begins_a_note(words):
        return False
    if head.shape is Shape.BRACKET:
        # WhatsApp shows the name of the address book, always with a date.
        if _HOST.fullmatch(words) or (head.said.date is None and is_phrase(words)):
            return False
        return re.match(r"[^\W\d_]|\+\d|~", words) is not None
    return is_name(words)


def _said_by(head: Line, by: str, text: str) -> Line:
    """An IRC log's line for a nick; `--` and the like replace the nick."""
    if by in {"--", "-->", "<--", "*", "***", "-!-"}:
        return replace(head, kind=LineKind.NOISE)
    return replace(head, by=by, text=text)


# Slack shows the age of a thread's replies; only minutes tell the time well enough.
_MINUTES_AGO = re.compile(r"\d{1,2} min(?:ute)?s? ago", re.IGNORECASE)
_LESS_THAN = re.compile(r"(?:<|less than)\s*(?=(?:\d{1,2}|an?) )", re.IGNORECASE)
_HOUR = timedelta(hours=1)
_LONG_AGO = re.compile(r"\d{1,2} (?:hour|day|week|month)s? ago", re.IGNORECASE)


def is_of_whatsapp(line: Line) -> bool:
    """Whether a line comes from WhatsApp's export."""
    return line.kind is LineKind.HEAD and _WHATSAPP.match(normal(line.raw).strip()) is not None


def is_marked_as_own(line: Line) -> bool:
    """Whether WhatsApp on an iPhone marks a line without a name as its own."""
    return line.kind is LineKind.HEAD and f"] {OWN_MARK}" in line.raw and line.said.date is not None


def is_long_ago(line: Line) -> bool:
    """Whether a line only says how many hours or days ago a message was sent."""
    if line.kind is not LineKind.TEXT:
        return False
    is_age = line.is_indented and line.said.span is not None
    return is_age or _LONG_AGO.fullmatch(normal(line.raw).strip()) is not None


# Google Chat shows the age of a recent message: `Ann Lee, 12 min`.
_JUST_SAID = re.compile(r"\d{1,2} min|now", re.IGNORECASE)


# Jira, GitHub: `Ann Lee added a comment - 26/Nov/26 2:05 PM`, `ann commented on Nov 26, 2:05 PM`.
_COMMENTED = re.compile(
    r"(?P<by>\S.{0,58}?)\s"
    r"(?:added a comment|made changes|commented|replied|wrote|hat kommentiert|a commenté)"
    r"(?:\s?[-–—·:,]|\son)?\s+(?P<when>\d.{4,40}|[A-Z].{4,40}?):?"
)


def _titled(line: Line, words: str, reader: Reader) -> Line | None:
    """`Ann Lee  2:43 PM`, `Ann Lee, Wednesday 9:05 AM`, `Ann — Today at 2:43 PM`: text below."""
    plain = EDITED_BEHIND.sub("", words)
    commented = _COMMENTED.fullmatch(plain)
    if commented and is_above_a_time(commented["by"]):
        said = reader.whole(commented["when"])
        if said is not None and said.clock is not None and said.has_day:
            by = name_of(commented["by"])
            return replace(line, kind=LineKind.HEAD, said=said, by=by, shape=Shape.TITLE)
    for gap in _BETWEEN.finditer(plain):
        by, when = plain[: gap.start()], plain[gap.end() :]
        is_wide = gap[0].isspace() or "—" in gap[0]
        is_named = (is_above_a_time(by) if is_wide else is_name(by)) and _begins_as_name(by)
        if not is_named and not (is_wide and _is_badge(by)):
            continue
        said = reader.whole(when)
        if said is None:
            continue
        if _JUST_SAID.fullmatch(when) and said.span is not None:
            said = Spoken(span=-abs(said.span))
        elif said.clock is None or said.span is not None:
            continue
        by, said = name_and_day(by, said, reader)
        if _is_badge(by):  # the name stands on the line above
            return replace(line, kind=LineKind.LONE, said=said, is_indented=True)
        mark = gap[0].strip() or " "
        return replace(
            line, kind=LineKind.HEAD, said=said, by=name_of(by), shape=Shape.TITLE, gap=mark
        )
    return None


def _is_badge(words: str) -> bool:
    """Whether a text between a name and a time is a badge or a status, which hides no name."""
    return words in BADGES or words.startswith("Role icon") or is_emoji(words)


_SHAPES = (
    _log_date,
    _closing,
    _bracketed,
    _web_log,
    _of_service,
    _ago,
    _lone,
    _leading,
    _titled,
)


def _begins_as_name(words: str) -> bool:
    return re.match(r"[^\W\d_]|\+\d|[^\x00-\x7f]", words) is not None
