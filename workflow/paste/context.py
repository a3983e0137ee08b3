"""The structure of a paste's lines, and gathering them into entries.

Some lines can only be recognized with the lines around them: a date line, Teams' names in brackets,
a time below its update, a zone in a heading. `Gathering` then decides who said what, and what is
left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from itertools import takewhile
from textwrap import dedent

from workflow.errors import BadInput
from workflow.paste.lines import (
    NEW,
    NOTHING,
    ROUGH_SIGN,
    TIMES,
    Line,
    LineKind,
    Reader,
    Shape,
    bare_clocks,
    day_of,
    holds_a_time,
    is_long_ago,
    is_marked_as_own,
    is_of_whatsapp,
    looks_like_a_head,
    name_and_day,
    read_line,
)
from workflow.paste.names import begins_a_note, is_above_a_time, is_label, is_name, name_of
from workflow.paste.noise import is_edited, is_emoji, is_noise, reactions, without_edited
from workflow.paste.open_times import (
    notes_of,
    question,
    with_counts,
    with_day_parts,
    with_day_titles,
    with_lengths,
    with_zone_words,
)
from workflow.paste.own_pages import (
    continues_entry,
    is_shown,
    table_lines,
    time_and_text,
    timeline_part,
)
from workflow.paste.quotes import with_marked_quotes, with_older_quotes
from workflow.paste.records import letter_lines, record_line, record_lines
from workflow.times.spoken_time import Spoken

_LEFT_OUT = frozenset({LineKind.BLANK, LineKind.NOISE, LineKind.OUTSIDE})
# Discord copies its dash on a separate line, between the name and the time.
_DOTS = frozenset("—–·•,")
_ALL_TIMES = re.compile(
    r"(?:.{0,40}?[\s,(\[–—-]+)?"
    r"(?:times?|timestamps?|time ?zone|tz|zeiten|zeitzone|heures|fuseau horaire|horas|zona horaria)"
    r"(?:\s(?:shown|given|listed|below|stamps?))*(?:\s?[:=]|\s(?:are|is|in|sind|en))*\s*"
    r"(?P<zone>[A-Z+-]\S{0,30}?)[.)\]]*",
    re.IGNORECASE,
)
_BEGINS_WITH_HOURS = re.compile(r"[\s>*+-]*\d{1,2}\s?h\s?\d{2}\b", re.IGNORECASE)
# In a heading, or in words about time: `Pat (BST)` may well be somebody's name.
_IN_BRACKETS = re.compile(
    r".*[(\[](?:all times )?(?:in )?(?P<zone>[A-Z]{2,5}(?:[+-]\d{1,2}(?::?\d{2})?)?)[)\]]:?"
)
_ABOUT_TIME = re.compile(r"time|zeit|heure|hora|ora\b|tid\b", re.IGNORECASE)
_UPDATE = re.compile(
    r"(?:Resolved|Monitoring|Identified|Investigating|Update|Completed|In progress|Scheduled|"
    r"Verifying|Postmortem)\b\s*[-–—:]\s+\S",
    re.IGNORECASE,
)


def lines_of(text: str, reader: Reader, *, has_day: bool = False) -> list[Line]:
    """Every line by itself, including tables; lines outside our own timeline are marked.

    `has_day`: the person named the day of the first line.
    """
    if (records := record_lines(text, reader)) is not None:
        return records
    # WhatsApp isolates a mention's direction: `@\u2068Ann Lee\u2069`.
    raw = re.sub("[\u2066-\u2069]", "", re.sub("\r\n?", "\n", text)).split("\n")
    rows = table_lines(raw, reader) | letter_lines(raw, reader)
    lines = [
        rows.get(at) or record_line(line.strip(), at + 1, reader) or read_line(line, at + 1, reader)
        for at, line in enumerate(raw)
    ]
    if len([line for line in raw if _BEGINS_WITH_HOURS.match(line)]) > 1:
        with_hours = replace(reader, has_bare_hours=True)
        lines = [
            read_line(line.raw, line.number, with_hours) if line.kind is LineKind.TEXT else line
            for line in lines
        ]
    part = timeline_part(raw)
    of_show = part if part is not None and is_shown(raw) else range(0)
    for at in part or ():
        lines[at] = _of_ours(raw[at], lines[at], reader, is_shown=bool(of_show))
    if part is not None:
        day = _day_above(lines[: part.start], reader)
        lines = [
            line if at in part or line.kind is LineKind.BLANK else _outside(line)
            for at, line in enumerate(lines)
        ]
        if day is not None and not of_show and not lines[part.start].said.has_day:
            lines[part.start] = replace(lines[part.start], said=day)
    if any(line.kind in TIMES for line in lines):
        lines = [_about(line, reader, always=False) for line in lines]
    else:
        both = [_about(line, reader, always=True) for line in lines]
        # A single `Next call: 15:00` is no timeline.
        found = [line for line in both if line.kind in TIMES]
        lines = both if len(found) > 1 or any(_ROUGHLY.match(line.raw) for line in found) else lines
    lines = with_marked_quotes(lines, rows)
    for at in reactions(raw) - set(of_show):
        lines[at] = replace(lines[at], kind=LineKind.NOISE)
    lines = with_zone_words(_with_context(_with_fences(lines, of_show)), reader)
    lines = with_day_titles(with_lengths(with_day_parts(lines)), reader)
    return with_counts(_in_said_zone(lines, reader), has_day=has_day)


def _of_ours(raw: str, line: Line, reader: Reader, *, is_shown: bool) -> Line:
    """A line of our own page: an entry's time ends where its text begins, and not behind a day."""
    if is_shown and continues_entry(raw):
        return Line(LineKind.TEXT, line.number, raw, is_indented=True)
    entry = time_and_text(raw)
    if entry is None:
        return line
    head = read_line(f"{entry[0]}Seen", line.number, reader)
    is_time = head.kind is LineKind.HEAD and head.text == "Seen"
    return replace(head, raw=raw, text=entry[1]) if is_time else line


# `**Date:** 26 Nov 2026`, above the timeline of a report.
_DATE_FIELD = re.compile(
    r"[\W_]*(?:(?:incident )?(?:date|day)|when|start(?:ed)?|began|datum|tag|beginn|fecha|data|dato)"
    r"[*_]*\s?[:|].*",
    re.IGNORECASE,
)


def _day_above(lines: list[Line], reader: Reader) -> Spoken | None:
    """The day of a report: of the last heading or field with a date above its timeline."""
    said = None
    for line in lines:
        if line.kind is LineKind.HEADING and line.said.has_day:
            said = line.said
        elif _DATE_FIELD.fullmatch(line.raw) and (day := day_of(line.raw, reader)):
            said = day
    return said


def _outside(line: Line) -> Line:
    is_timed = line.kind is LineKind.HEAD and line.shape is not Shape.TITLE
    return replace(line, kind=LineKind.OUTSIDE if is_timed else LineKind.NOISE)


# Roughly at a time. Words such as `At` begin ordinary sentences too.
_ROUGHLY = re.compile(
    rf"[\s>*+•-]*(?P<sign>{ROUGH_SIGN})?"
    r"(?P<word>at |around |about |um |à |alle |a l[ae]s |às |lúc |pukul |kl |från |om |o |v |ve |в "
    r"|saat |klockan |ore |o godz\. |godz\. )?(?=\d)",
    re.IGNORECASE,
)


_TIME_BEHIND = re.compile(
    r"[\s>*+•-]*(?P<words>[^\W\d_][^:\n]{0,58}?)(?:(?P<colon>\s?\*{0,2}:\*{0,2})\s+| at | )"
    r"(?P<when>\d.*\d:\d\d.*|\d{1,2}:\d\d.*)"
)


def _about(line: Line, reader: Reader, *, always: bool) -> Line:
    """A line such as `~14:05 first alert` as an entry with its whole text.

    The forms that sentences have too only if it is `always` one: no other line of the paste has a
    time of its own. They are `At 14:05 we saw it`, `Detected: 14:05 UTC` and `Ann Lee 14:05`.
    """
    if line.kind is not LineKind.TEXT or line.is_plain:
        return line
    found = _ROUGHLY.match(line.raw)
    if found and (found["sign"] or (found["word"] and always)):
        is_clock = _BEGINS_WITH_HOURS.match(line.raw, found.end()) is not None
        as_clock = replace(reader, has_bare_hours=is_clock)
        head = read_line(line.raw[found.end() :], line.number, as_clock)
        start = found.start("sign") if found["sign"] else found.start("word")
        is_read = head.kind is LineKind.HEAD and not head.by
        return replace(head, raw=line.raw, text=line.raw[start:].strip()) if is_read else line
    behind = _TIME_BEHIND.fullmatch(line.raw) if always else None
    said = reader.whole(behind["when"]) if behind else None
    if behind is None or said is None or said.clock is None or said.span is not None:
        return line
    words = behind["words"].strip("*_")
    if behind["colon"]:
        return replace(line, kind=LineKind.HEAD, said=said, text=words)
    by, said = name_and_day(words, said, reader)
    if not is_name(by):
        return line
    return replace(line, kind=LineKind.HEAD, said=said, by=name_of(by), shape=Shape.TITLE)


def _with_fences(lines: list[Line], skip: range) -> list[Line]:
    """Fenced code in an entry as its text; the fence around a log or notes as noise."""
    found = list(lines)
    opened, has_begun = -1, False
    for at, line in enumerate(lines):
        if at in skip or not line.raw.strip().startswith("```"):
            has_begun = has_begun or (opened < 0 and line.kind in TIMES)
        elif opened < 0:
            opened = at
        else:
            inside = lines[opened + 1 : at]
            above = next(
                (up for up in lines[opened - 1 :: -1] if up.kind is not LineKind.BLANK), line
            )
            if has_begun and opened and above.kind in {LineKind.TEXT, *TIMES}:
                for place in range(opened, at + 1):
                    each = lines[place]
                    found[place] = replace(each, kind=LineKind.TEXT, said=NOTHING, is_plain=True)
            elif any(each.kind in TIMES for each in inside):
                found[opened] = replace(lines[opened], kind=LineKind.NOISE)
                found[at] = replace(line, kind=LineKind.NOISE)
            opened = -1
    return found


# The next message's clock this close to the last one's: no day has passed between them.
_SAME_TALK_MINUTES = 10


def _with_short_answers(lines: list[Line]) -> list[Line]:
    """What only looks like a date line or a time, and is all that somebody said.

    `Since when?` is answered with `Yesterday`, `Monday` or `14:05`.
    """
    found = list(lines)
    for at, line in enumerate(lines):
        is_answer = line.kind in {LineKind.DATE, LineKind.LONE} and (
            _is_below_a_head(found, at)
            if _stands_below_a_head(found, at)
            else _is_within(found, at)
        )
        is_word = line.raw.strip() in NEW or (
            line.kind is LineKind.TEXT and line.said.span is not None
        )
        if is_answer or (is_word and _stands_below_a_head(found, at)):
            found[at] = replace(line, kind=LineKind.TEXT, said=NOTHING, is_plain=True)
    return found


def _with_one_title(lines: list[Line]) -> list[Line]:
    """All heads of a chat have one form: in others, `Release — 14:00` is a line of a message."""
    heads = [line for line in lines if line.kind in TIMES]
    if not heads:
        return lines
    is_lone = heads[0].kind is LineKind.LONE and _has_text_above(lines, heads[0])
    gap = next((line.gap for line in heads if line.gap), "")
    return [
        replace(line, kind=LineKind.TEXT, said=NOTHING)
        if line.gap.strip() and (is_lone or line.gap != gap)
        else line
        for line in lines
    ]


def _has_text_above(lines: list[Line], head: Line) -> bool:
    above = _said_lines(lines[: head.number - 1])
    return bool(above) and above[-1].kind is LineKind.TEXT


def _is_in_a_message(lines: list[Line], at: int) -> bool:
    """Whether a line is in a message of a chat, where no heading of a page can be."""
    head = next((up for up in reversed(lines[:at]) if up.kind in TIMES), None)
    return head is not None and (head.kind is LineKind.LONE or head.shape is Shape.TITLE)


def _said_lines(lines: list[Line]) -> list[Line]:
    return [line for line in lines if line.kind not in _LEFT_OUT]


def _stands_below_a_head(lines: list[Line], at: int) -> bool:
    """Whether the line above is the head of a message that has no words yet."""
    above = _said_lines(lines[:at])[-2:]
    if not above:
        return False
    head = above[-1]
    if head.kind is LineKind.LONE:
        return len(above) > 1 and above[0].kind is LineKind.TEXT
    is_named = head.shape is Shape.BRACKET and not head.by and is_name(head.text)
    return head.kind is LineKind.HEAD and (not head.text or is_named)


def _is_below_a_head(lines: list[Line], at: int) -> bool:
    """Whether a date or time directly below a head is the message."""
    line = lines[at]
    if line.kind is LineKind.DATE:
        # Chats separate days with weekday and date; a picture may have been sent above it.
        return line.said.date is None or line.said.weekday is None
    below = _said_lines(lines[at + 1 :])[:2]
    if not below or below[0].kind is LineKind.HEAD:
        return True
    return below[0].kind is LineKind.TEXT and len(below) > 1 and below[1].kind is LineKind.LONE


def _is_within(lines: list[Line], at: int) -> bool:
    """Whether a bare day is a line of a message: the talk goes on, or has dates of its own."""
    line = lines[at]
    if line.kind is not LineKind.DATE or any(map(str.isdigit, line.raw)):
        return False
    before = next((up for up in reversed(lines[:at]) if up.kind in TIMES), None)
    after = next((down for down in lines[at:] if down.kind in TIMES), None)
    if before is None or after is None:
        return False
    if after.said.has_day:
        return True
    first, second = before.said.clock, after.said.clock
    if first is None or second is None or any(up.kind is LineKind.DATE for up in lines[:at]):
        return False
    minutes = second.minute_of_day(second.half) - first.minute_of_day(first.half)
    return 0 <= minutes <= _SAME_TALK_MINUTES and not before.said.has_day


def _with_context(lines: list[Line]) -> list[Line]:
    """Classify lines by their neighbours: a date line, a heading, a time below its text."""
    has_times = any(line.kind in TIMES for line in lines)
    if not has_times:
        return [
            replace(line, kind=LineKind.TEXT)
            if line.kind in {LineKind.DATE, LineKind.NOISE, LineKind.HEADING}
            else line
            for line in lines
        ]
    lines = _without_statuses(_with_short_answers(with_older_quotes(_times_below(lines))))
    lines = _with_one_title(_without_whatsapps_own(lines))
    found = []
    for at, line in enumerate(lines):
        is_stray_date = line.kind is LineKind.DATE and not _opens_a_day(lines, at)
        is_dot = line.kind is LineKind.NOISE and line.raw.strip() in _DOTS
        is_stray_dot = is_dot and (at + 1 == len(lines) or lines[at + 1].kind is not LineKind.LONE)
        runs_on = line.kind is LineKind.HEADING and (
            (at > 0 and lines[at - 1].kind is LineKind.TEXT) or _is_in_a_message(lines, at)
        )
        found.append(
            replace(line, kind=LineKind.NOISE)
            if is_stray_date and line.raw.lstrip().startswith("---")  # of IRC: `--- Day changed`
            else replace(line, kind=LineKind.TEXT)
            if is_stray_date or is_stray_dot or runs_on
            else line
        )
    return _with_teams_names(found)


def _opens_a_day(lines: list[Line], at: int) -> bool:
    """Whether an entry follows a date line: directly, or below its author's name."""
    rest = [line for line in lines[at + 1 :] if line.kind not in _LEFT_OUT][:2]
    kinds = [line.kind for line in rest]
    if LineKind.ENDS in {line.kind for line in lines[at + 1 :]}:
        return True
    starts = {LineKind.HEAD, LineKind.LONE, LineKind.DATE}
    return bool(kinds) and (kinds[0] in starts or (len(kinds) > 1 and kinds[1] is LineKind.LONE))


def _times_below(lines: list[Line]) -> list[Line]:
    """On a status page's list of past incidents, the time is below its update."""
    words = [
        line
        for line in lines
        if line.kind not in {LineKind.BLANK, LineKind.NOISE, LineKind.HEADING}
    ]
    body = [line for line in words if line.kind is not LineKind.DATE]
    if not body or body[0].kind is not LineKind.TEXT:
        return lines
    above = list(takewhile(lambda line: line.kind is LineKind.TEXT, body))
    # An incident's title may stand above its updates.
    is_labelled = any(is_label(line.raw.strip()) for line in above[:-1])
    if not is_labelled and not any(_UPDATE.match(line.raw.strip()) for line in above):
        return lines
    return [
        replace(line, kind=LineKind.ENDS) if line.kind is LineKind.LONE and line.said.date else line
        for line in lines
    ]


def _without_statuses(lines: list[Line]) -> list[Line]:
    """Leave out what chats copy between name, time and text: an emoji, and that it was edited."""
    found = list(lines)
    for at in range(1, len(lines) - 1):
        above, line, below = lines[at - 1 : at + 2]
        is_between = above.kind is LineKind.TEXT and below.kind is LineKind.LONE
        is_status = is_between and below.is_indented and is_emoji(line.raw)
        is_alone = at + 2 < len(lines) and lines[at + 2].kind is LineKind.LONE
        is_above_text = above.kind is LineKind.LONE and below.kind is LineKind.TEXT and not is_alone
        if is_status or (is_above_text and is_edited(line.raw)):
            found[at] = replace(line, kind=LineKind.NOISE)
    return found


def _without_whatsapps_own(lines: list[Line]) -> list[Line]:
    """Leave out what WhatsApp says itself, in any language: every message of people has a name."""
    has_names = any(line.by for line in lines if is_of_whatsapp(line))
    own = {
        line.number
        for line in lines
        if not line.by
        and ": " not in line.text
        and (is_marked_as_own(line) or (has_names and is_of_whatsapp(line)))
    }
    return [replace(line, kind=LineKind.NOISE) if line.number in own else line for line in lines]


def _with_teams_names(lines: list[Line]) -> list[Line]:
    """`[8:05 AM] Doe, Jane` with the text below, if all lines in brackets are like that.

    A message may have been deleted, or be a picture. `[14:05] Deploy` is a note, and so are other
    single words beside it.
    """
    bare = [
        at
        for at, line in enumerate(lines)
        if line.kind is LineKind.HEAD
        and line.shape is Shape.BRACKET
        and line.text
        and not line.by
        and not is_noise(line.text)  # `[14:32] Meeting started`
    ]
    people = {lines[at].text for at in bare if _follows(lines, at, {LineKind.TEXT})}
    named = [at for at in bare if not begins_a_note(lines[at].text)]
    if not all(
        is_name(lines[at].text)
        and (
            _follows(lines, at, {LineKind.TEXT, LineKind.NOISE})
            or _holds_a_list(lines, at)
            or lines[at].text in people
        )
        for at in named
    ):
        return lines
    if len(named) < len(bare):
        named = [at for at in named if " " in lines[at].text]
    found = list(lines)
    for at in named:
        if _follows(lines, at, {LineKind.TEXT, LineKind.NOISE}) or _holds_a_list(lines, at):
            found[at] = replace(found[at], by=name_of(found[at].text), text="")
        else:
            found[at] = replace(found[at], kind=LineKind.NOISE)
    return found


def _follows(lines: list[Line], at: int, kinds: set[LineKind]) -> bool:
    below = (lines[down].kind for down in range(at + 1, len(lines)))
    return next((kind for kind in below if kind is not LineKind.BLANK), LineKind.BLANK) in kinds


def _holds_a_list(lines: list[Line], at: int) -> bool:
    """Whether lines of a log, or of a list, begin right below a line in brackets."""
    below = lines[at + 1] if at + 1 < len(lines) else lines[at]
    return below.kind is LineKind.HEAD and below.shape is Shape.LEADING and not below.by


def _in_said_zone(lines: list[Line], reader: Reader) -> list[Line]:
    """Apply `Timeline (UTC)` or `All times are in UTC` to every time without a zone."""
    said, below = _said_below(lines, reader)
    found = []
    has_begun = False
    for line in lines:
        has_begun = has_begun or line.kind in TIMES
        if line.number == below:
            found.append(replace(line, kind=LineKind.HEADING))
        elif line.kind is LineKind.HEADING or (line.kind is LineKind.TEXT and not has_begun):
            zones = _zones_said(line, reader)
            said = zones or said
            found.append(replace(line, kind=LineKind.HEADING) if zones else line)
        elif line.kind is LineKind.DATE:
            said = line.said.zones or said
            found.append(line)
        elif said and line.said.clock is not None and not line.said.zones:
            found.append(replace(line, said=replace(line.said, zones=said)))
        else:
            found.append(line)
    return found


def _said_below(lines: list[Line], reader: Reader) -> tuple[tuple[str, ...], int]:
    """The zone that the last line of a paste names for all its times, and that line's number."""
    words = [line for line in lines if line.kind is not LineKind.BLANK]
    is_said = (
        words and words[-1].kind is LineKind.TEXT and _ALL_TIMES.fullmatch(words[-1].raw.strip())
    )
    zones = _zones_said(words[-1], reader) if is_said else ()
    return zones, words[-1].number if zones else 0


def _zones_said(line: Line, reader: Reader) -> tuple[str, ...]:
    words = (line.text or line.raw.strip()).strip("*_ |")
    found = _ALL_TIMES.fullmatch(words)
    name = found["zone"] if found else ""
    if not name and (line.kind is LineKind.HEADING or _ABOUT_TIME.search(words)):
        bracket = _IN_BRACKETS.fullmatch(words)
        name = bracket["zone"] if bracket else ""
    said = reader.whole(f"12:00 {name}") if name else None
    return said.zones if said else ()


def _begins_with_a_lone_time(lines: list[Line]) -> bool:
    """Whether a list has its times above its texts, and no names above the times."""
    said = (line.kind for line in lines if line.kind in {LineKind.TEXT, *TIMES})
    return next(said, LineKind.TEXT) is LineKind.LONE


class PasteUnclear(BadInput):
    """A paste that can't be split into entries. `str()` names the line and what to do."""


@dataclass
class GatheredEntry:
    """An entry being gathered: its head, its author, its lines so far.

    `follows`: a further message of the previous speaker; `is_within`: a time inside a message;
    `has_noise`: the chat's own words are in it.
    """

    head: Line
    by: str = ""
    lines: list[str] = field(default_factory=list)
    day_line: Spoken | None = None
    follows: bool = False
    is_within: bool = False
    has_noise: bool = False

    @property
    def is_said(self) -> bool:
        """Whether it is a chat message, or inside one."""
        head = self.head
        return head.kind is LineKind.LONE or head.shape is Shape.TITLE or self.is_within

    @property
    def is_own(self) -> bool:
        """Whether this product printed it."""
        return self.head.shape is Shape.OWN

    @property
    def is_of_show(self) -> bool:
        """Whether `show` printed it; the lines below it are its text to the letter."""
        return self.is_own and self.head.is_indented

    def text(self) -> str:
        """The lines as one text, without empty ones at both ends or a common indent."""
        words = "\n".join(self.lines).strip("\n").rstrip()
        return words if self.head.text else dedent(words)


class Gathering:
    """Gather the lines of a paste into entries."""

    def __init__(self, lines: list[Line], reader: Reader) -> None:
        self.lines = lines
        self._reader = reader
        self.parts: list[GatheredEntry] = []
        self.left_out: list[int] = []
        self.timeless: list[int] = []
        self.outside: list[int] = []
        self.unread: list[int] = []
        self.notes = notes_of(lines)
        self._bare = bare_clocks(lines)
        self._loose: list[Line] = []  # since the last entry ended, or before the first
        self._is_open = False
        self._is_under_heading = False
        self._day_line: Spoken | None = None
        self._message: GatheredEntry | None = None
        lone = [line for line in lines if line.kind is LineKind.LONE]
        self._indents = any(line.is_indented for line in lone)
        self._texts_below = _begins_with_a_lone_time(lines)
        self.has_halves = any(line.said.clock and line.said.clock.half for line in lines)

    def gather(self) -> None:
        """Split the lines into entries. Raises `PasteUnclear`."""
        for line in self.lines:
            if line.question:
                raise PasteUnclear(line.question)
            self._take(line)
        self._settle_loose()

    def _take(self, line: Line) -> None:
        match line.kind:
            case LineKind.HEAD if line.shape is Shape.BRACKET and not line.text and not line.by:
                # Discord copies the same person's second message as `[2:44 PM]` alone.
                self._begin(line, self.parts[-1].by if self.parts else "")
                self.parts[-1].follows = True
            case LineKind.HEAD if self._is_in_message(line):
                self._begin_within(line)
            case LineKind.HEAD:
                self._begin(line, line.by)
                is_chat = line.shape in {Shape.TITLE, Shape.BRACKET} or is_of_whatsapp(line)
                self._message = self.parts[-1] if line.by and is_chat else None
            case LineKind.LONE:
                self._begin_below(line)
                self._message = self.parts[-1]
            case LineKind.ENDS:
                self._end(line)
            case LineKind.DATE:
                self._is_open, self._day_line = False, line.said
            case LineKind.HEADING:
                self.left_out.append(line.number)
                self._settle_loose()
                self._is_open, self._is_under_heading = False, True
                self._day_line = line.said if line.said.has_day else self._day_line
            case LineKind.NOISE:
                self._leave_out(line)
            case LineKind.OUTSIDE:
                self.outside.append(line.number)
            case _:
                self._text(line)

    def _leave_out(self, line: Line) -> None:
        if line.raw:
            self.left_out.append(line.number)
        if line.raw and self._is_open:
            self.parts[-1].has_noise = True

    def _text(self, line: Line) -> None:
        if self._is_open and self.parts[-1].is_of_show:
            self.parts[-1].lines.append(line.raw)
            return
        if looks_like_a_head(line) and self._is_open:
            raise PasteUnclear(
                f"Line {line.number} begins like a time that can't be read: "
                f"{line.raw.strip()[:60]!r}. Correct it, or begin the line with another word. "
                "Nothing was recorded."
            )
        if is_long_ago(line):
            raise PasteUnclear(
                f"Line {line.number} says only “{line.raw.strip()}”. Replace it with the time of "
                "that message, such as 14:39. Nothing was recorded."
            )
        if holds_a_time(line) or line.number in self._bare:
            self.unread.append(line.number)
        if self._is_open:
            self.parts[-1].lines.append(without_edited(line.raw))
        elif line.kind is not LineKind.BLANK:
            self._loose.append(line)

    def _begin(self, line: Line, by: str) -> None:
        if line.zone_word:
            raise PasteUnclear(question(line))
        self._settle_loose()
        part = GatheredEntry(line, by, day_line=self._day_line)
        self._day_line = None
        if line.text:
            part.lines.append(without_edited(line.text))
        self.parts.append(part)
        self._is_open, self._is_under_heading = True, False

    def _end(self, line: Line) -> None:
        """End an entry at a time below its text: everything since the previous entry."""
        if self._is_open:
            self.parts[-1].lines.append(line.raw)
            return
        part = GatheredEntry(line, day_line=self._day_line)
        part.lines = [without_edited(each.raw) for each in self._loose]
        self._day_line, self._loose = None, []
        self.parts.append(part)
        self._is_under_heading = False

    def _is_in_message(self, line: Line) -> bool:
        """Whether a line with a time is inside a chat message: a list of times, or a plan."""
        message = self._message
        if not self._is_open or message is None or line.by:
            return False
        return line.shape is Shape.LEADING or (line.shape is Shape.BRACKET and message.is_said)

    def _begin_within(self, line: Line) -> None:
        """Begin an entry at a time inside a message; its author is the message's.

        What is later than the message had not happened yet, so it stays text.
        """
        message = self._message
        assert message is not None  # noqa: S101 - asked by the caller
        said = line.said
        clock, limit = said.clock, message.head.said.clock
        is_like = not said.has_day and said.zones == message.head.said.zones
        if clock and limit and is_like and line.shape is Shape.LEADING:
            latest = limit.minute_of_day(limit.half)
            halves = ("a", "p") if self.has_halves and clock.may_lack_half else (clock.half,)
            half = min(halves, key=lambda each: abs(clock.minute_of_day(each) - latest))
            if clock.minute_of_day(half) > latest:
                self.parts[-1].lines.append(line.raw)
                self.unread.append(line.number)
                return
            line = replace(line, said=replace(said, clock=replace(clock, half=half)))
        if not message.text():
            message.has_noise = True  # all that was said are the times
        self._begin(line, message.by)
        self.parts[-1].is_within = True

    def _begin_below(self, line: Line) -> None:
        """Begin an entry at a lone time: its author, or the start of an update, is right above.

        Without either, it is the next message of the same person.
        """
        above = self._line_above(line)
        if above is None or not self._is_name_line(line, above):
            self._begin(line, self.parts[-1].by if self.parts else "")
            self.parts[-1].follows = True
            return
        self._drop(above)
        if is_label(above.raw):
            self._begin(replace(line, text=above.raw.strip()), "")
        else:
            by, said = name_and_day(above.raw.strip(), line.said, self._reader)
            self._begin(replace(line, said=said), name_of(by))

    def _line_above(self, line: Line) -> Line | None:
        for above in reversed(self.lines[: line.number - 1]):
            if above.kind is not LineKind.NOISE:
                return above if above.kind is LineKind.TEXT else None
        return None

    def _is_name_line(self, line: Line, above: Line) -> bool:
        if not is_above_a_time(above.raw) or self._has_no_name(line):
            return False
        if not self._is_open:
            return True
        words = [text for text in self.parts[-1].lines if text.strip()]
        if len(words) > 1:
            return True
        # Only a name may be taken from an entry that has no other line: a picture was sent there.
        is_name_alone = bool(self.parts[-1].by) and is_name(above.raw)
        if is_name_alone:
            self._refuse_open_name(above)
        return is_name_alone and self._indents

    def _refuse_open_name(self, above: Line) -> None:
        """Raise `PasteUnclear` for an author's name that is all of a message, or begins the next.

        The message may have been a picture. In a browser's copy each name has a time below it, so
        there a full name is one, and so is a known one.
        """
        name = name_of(above.raw)
        is_like_a_name = " " in name or any(part.by == name for part in self.parts)
        if is_like_a_name != self._indents:
            raise PasteUnclear(
                f"Line {above.number} may be the message above it or the author of the one below: "
                f"{name!r}. For the message, put a period behind it; for the author, write what "
                "the message above was, such as (picture). Nothing was recorded."
            )

    def _has_no_name(self, line: Line) -> bool:
        """Whether a lone time has no name above it, by its form and that of the whole paste."""
        if self._indents:
            clock = line.said.clock
            # Slack shows a further message of the same person without AM or PM.
            return not line.is_indented or (
                self.has_halves and clock is not None and clock.may_lack_half
            )
        return self._texts_below

    def _drop(self, above: Line) -> None:
        """Remove a line from the entry it was added to: it is the next one's author."""
        if self._is_open:
            self.parts[-1].lines.pop()
        else:
            self._loose = [each for each in self._loose if each.number != above.number]
        if above.number in self.unread:
            self.unread.remove(above.number)

    def _settle_loose(self) -> None:
        """Leave out lines under another heading; refuse lines above the first time."""
        loose, self._loose = self._loose, []
        if not loose or not any(each.kind in TIMES for each in self.lines):
            return
        if self._is_under_heading or self.parts:
            self.timeless += [line.number for line in loose]
            return
        raise PasteUnclear(
            f"Line {loose[0].number} is above the first line with a time: "
            f"{loose[0].raw.strip()[:60]!r}. Add a time to it, or remove it. Nothing was "
            "recorded."
        )
