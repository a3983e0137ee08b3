"""What a paste leaves open about its times: zones behind them, and headings that may be days.

Words behind a time that may be its zone or the begin of its text: `10:05 ET Deploy`.

It is the zone if a mark follows (`10:05 PT: fixed`), or if every line of the paste names one.
Otherwise the person is asked to write which one. In small letters, some are words of a language:
`10:05 est en panne`.

Words that may say which half of the day a time is in: `8:05 in the evening`. Units that may make it
a length: `1:30 h in total`. Times that may count from the start of a recording: `Ann Lee   0:05`.

Headings that name a day in other words: `Prices – 26 Nov 2026`, `28 Nov – recovery`.

Above the first note, a text with a date is a heading. Further down it may also be a line of the
entry above it; so it is a heading only where its form or the times around it show that, and
otherwise the person is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from workflow.paste.lines import (
    TIMES,
    Line,
    LineKind,
    Reader,
    Shape,
    Title,
    as_title,
    read_line,
    title_of,
)
from workflow.times.spoken_time import NamedDate, normal
from workflow.times.zones import is_also_a_word, is_zone

# --- Zones ----------------------------------------------------------------------------------------

_INITIALS = re.compile(r"(?P<word>[A-Z]{2,3}):\s")
_FEWEST = 2


def with_zone_words(lines: list[Line], reader: Reader) -> list[Line]:
    """Give the times their zones where the words behind them can be nothing else."""
    if not any(_is_open(line) for line in lines):
        return lines
    has_initials = any(_is_with_initials(line) for line in lines)
    everywhere = _name_one_everywhere(lines)
    return [
        _zoned(line, reader, is_said=everywhere)
        if _is_open(line) and (everywhere or (line.zone_is_marked and not has_initials))
        else line
        for line in lines
    ]


def _is_open(line: Line) -> bool:
    """Whether a zone's name is behind a time, and no offset or region: `-08:00`, `Pacific`."""
    return line.zone_word.isalpha() and is_zone(line.zone_word.upper())


def _is_with_initials(line: Line) -> bool:
    """Whether a line begins with somebody's initials: `10:05 AB: fixed`."""
    found = _INITIALS.match(line.text) if line.kind is LineKind.HEAD else None
    return found is not None and not is_zone(found["word"])


def _name_one_everywhere(lines: Iterable[Line]) -> bool:
    """Whether every line with a time has a zone, and different words follow: no `CT scan`."""
    timed = [line for line in lines if line.kind is LineKind.HEAD and line.shape is Shape.LEADING]
    behind = {" ".join(line.text.split()[1:2]) for line in timed if line.zone_word}
    is_each = all(_is_open(line) or line.said.zones for line in timed)
    small = (line.zone_word for line in timed if line.zone_word != line.zone_word.upper())
    is_clear = not any(is_also_a_word(word) for word in small)
    has_others = len(behind) > 1 or any(line.said.zones for line in timed)
    return is_each and is_clear and has_others and len(timed) >= _FEWEST


def _zoned(line: Line, reader: Reader, *, is_said: bool) -> Line:
    word = line.zone_word
    again = read_line(line.raw, line.number, replace(reader, zones=reader.zones | {word}))
    if again.kind is not LineKind.HEAD or not again.said.zones:
        again = replace(line, said=replace(line.said, zones=(word.upper(),)))
    taken = word.upper() if is_said and not line.zone_is_marked else ""
    return replace(again, zone_word="", zone_is_marked=False, zone_taken=taken)


def question(line: Line) -> str:
    """The sentence that asks what a line's word or offset behind its time is."""
    word = line.zone_word
    if not word[0].isalpha():
        return (
            f"Line {line.number}: {word} behind the time may be an offset or the end of a range. "
            f"Write ({word}) for the offset, or - {word[1:]} for the end. Nothing was recorded."
        )
    zone = word.upper() if is_zone(word.upper()) else word
    return (
        f"Line {line.number}: {word} behind the time may be its zone or the start of the text. "
        f"Write ({zone}) for the zone, or a colon behind the time for the text. "
        "Nothing was recorded."
    )


def notes_of(lines: Iterable[Line]) -> list[str]:
    """Which words were taken as zones because every line has one, and which lines as a quote."""
    notes = []
    for line in lines:
        if line.zone_taken:
            notes.append(f"Line {line.number}: {line.zone_taken} was read as the time zone.")
        if line.is_quote:
            notes.append(f"Line {line.number} was read as a quote in the message above it.")
    return notes


# --- Parts of the day -----------------------------------------------------------------------------

# In small letters, as a sentence does not begin: `8:05 Night shift took over`.
_LATE = (
    "afternoon|evening|night|tonight|nachmittags?|abends?|nachts?|après-midi|soir|nuit|tarde|noche"
    "|noite|pomeriggio|sera|notte|'?s-?middags|'?s-?avonds|middags|avonds|eftermiddagen|kvällen"
    "|ettermiddagen|popołudniu|wieczorem|odp|Abend|Nachmittag|Nacht"
)
_PART_BEHIND = re.compile(
    r"(?P<day>(?:yesterday|last|this|gestern|heute|hier|ayer|ieri|ontem) )?"
    r"(?P<word>in the |at |de la |por la |du |de |da |à |di |del |'s |på |om |po |am |in der )?"
    rf"(?P<part>{_LATE})(?![\w'’-])"
)


def with_day_parts(lines: list[Line]) -> list[Line]:
    """Add the question whether `evening` behind `8:05` says which half of the day is meant.

    Not where the paste counts 24 hours.
    """
    clocks = [line.said.clock for line in lines if line.kind in TIMES and line.said.clock]
    if any(clock.hour > _LAST_HOUR or not clock.hour for clock in clocks):
        return lines
    return [_asked_for_half(line) for line in lines]


_LAST_HOUR = 12


def _asked_for_half(line: Line) -> Line:
    clock = line.said.clock
    if line.kind is not LineKind.HEAD or clock is None or not clock.may_lack_half:
        return line
    typed = line.raw.rstrip().removesuffix(line.text).rstrip()
    part = _PART_BEHIND.match(line.text) if typed[-1:].isalnum() else None
    if part is None or not (part["word"] or part["part"].islower()):
        return line
    return replace(
        line,
        question=f"Line {line.number}: {part[0]!r} behind the time may belong to it or to the "
        "text. Write the time with AM or PM, or a colon behind it for the text. Nothing was "
        "recorded.",
    )


# --- Lengths --------------------------------------------------------------------------------------

_LENGTH = re.compile(
    r"[\s>*+•-]*(?P<length>[1-9]\d?:\d{2}\s?(?:h|hrs?|hours|std|stunden|heures|horas)\b)",
    re.IGNORECASE,
)


def with_lengths(lines: list[Line]) -> list[Line]:
    """Add the question whether `1:30 h` is a time or a length, where other times have no `h`."""
    found = list(lines)
    timed = [at for at, line in enumerate(lines) if line.kind is LineKind.HEAD]
    lengths = {at: length for at in timed if (length := _LENGTH.match(normal(lines[at].raw)))}
    if len(lengths) == len(timed):
        return found
    for at, length in lengths.items():
        clock = lines[at].said.clock
        if clock is not None and clock.hour <= _LAST_HOUR and not clock.half:
            found[at] = replace(
                lines[at],
                question=f"Line {lines[at].number}: {length['length']!r} may be a time or a "
                "length. Write the time without the unit, or begin the line with another word. "
                "Nothing was recorded.",
            )
    return found


# --- Recordings -----------------------------------------------------------------------------------

# The first minutes of a transcript, by Teams, Otter, YouTube; with seconds by Meet and Zoom.
_COUNTED = re.compile(r"(?:^|.*?[^\d:.,])(?P<count>0:\d{2}|0?0:\d{2}:\d{2})(?![\d:.]).*")


def with_counts(lines: list[Line], *, has_day: bool) -> list[Line]:
    """Add the question whether times such as `0:05` count from the start of a recording.

    Not where a day is named, where they go back, or in a log, whose lines begin with `00:00:05`.
    """
    heads = [line for line in lines if line.kind in TIMES]
    begun = next((line for line in heads if not line.said.has_day), None)
    days = {LineKind.DATE, LineKind.HEADING}
    is_dated = has_day or any(line.kind in days and line.said.has_day for line in lines)
    if is_dated or begun is None:
        return lines
    counts = [line for line in heads if line.number >= begun.number]
    count = _COUNTED.fullmatch(normal(begun.raw).strip())
    clocks = [line.said.clock for line in counts if line.said.clock is not None]
    is_log = begun.shape is Shape.LEADING and begun.kind is LineKind.HEAD and not begun.by
    if count is None or (is_log and count["count"].count(":") > 1):
        return lines
    shown = [(clock.hour, clock.minute, clock.second) for clock in clocks]
    is_open = all(not clock.half for clock in clocks) and not any(
        each.said.zones for each in counts
    )
    if not is_open or shown != sorted(shown):
        return lines
    question = (
        f"Line {begun.number}: {count['count']} may be a time of day or count from the start of a "
        "recording. For times of day, write their date in a line above; for a recording, replace "
        "them with the times of day. Nothing was recorded."
    )
    return [replace(line, question=question) if line is begun else line for line in lines]


# --- Days -----------------------------------------------------------------------------------------

_MOST_WORDS = 8
# `Day 2 (28 Nov)` is never a sentence.
_NUMBERED = re.compile(r"\W*(?:day|tag|jour|día|giorno|dia|dag)\s\d{1,2}\b.*", re.IGNORECASE)
# Between the date and the other words: `28 Nov – recovery`, `Recovery (28 Nov)`.
_MARK_BEHIND = re.compile(r"\s*[)\]]?\s*(?:[:|,(–—]|-\s)")
_MARK_BEFORE = re.compile(r"(?:[:|,(–—]|\s-)\s*$")
_HALF_A_YEAR = 183


def with_day_titles(lines: list[Line], reader: Reader) -> list[Line]:
    """Classify texts with a date as headings, or add the question whether they are one."""
    found = [
        _asked_for_unread_day(lines, at, reader) or _asked_for_date(lines, at)
        for at in range(len(lines))
    ]
    found = _with_first_title(found, reader)
    for at, line in enumerate(found):
        title = title_of(line, reader) if _is_between_notes(found, at) else None
        if title is None or len(line.raw.split()) > _MOST_WORDS:
            continue
        goes_back, has_mark = _goes_back(found, at), _has_mark(title)
        is_like = _is_like_another(found, at, title, reader)
        is_apart = not title.before and (is_like or found[at - 1].kind is LineKind.BLANK)
        if not (has_mark or goes_back or is_apart):
            continue
        is_sure = has_mark and _is_later(found, at, title) and (goes_back or is_like)
        if is_sure or _NUMBERED.fullmatch(line.raw):
            found[at] = as_title(line, reader) or line
        else:
            found[at] = replace(line, question=_question(line, title))
    return found


def _asked_for_date(lines: list[Line], at: int) -> Line:
    """A date alone, with the question whether it ends the message above: `last deploy:`."""
    line, above = lines[at], lines[max(at - 1, 0)]
    head = next((up for up in reversed(lines[:at]) if up.kind in TIMES), line)
    is_chat = head.kind is LineKind.LONE or head.shape is Shape.TITLE
    is_text = above.kind is LineKind.TEXT and above.raw.rstrip().endswith(":")
    # Only chats themselves write the weekday and the date.
    is_full = line.said.date is not None and line.said.weekday is not None
    if line.kind is not LineKind.DATE or is_full or not (is_chat and is_text):
        return line
    return replace(
        line,
        question=f"Line {line.number} may be the day of the messages below or text of the one "
        f"above: {line.raw.strip()!r}. For the day, put an empty line above it; for text, move it "
        "behind the colon. Nothing was recorded.",
    )


# A day and a year among a few words, as a chat of any language separates days.
_MAY_BE_A_DAY = re.compile(
    r"(?!-)(?:[^\d\s:]+\s){0,2}\d{1,2}[.,]?\s(?:[^\d\s:]+\s){1,3}20\d{2}(?:[.,]?\s?\w{1,2})?\.?"
    r"|20\d{2}[.,]?\s(?:[^\d\s:]+\s){1,3}\d{1,2}(?:\s?\w{1,2})?\.?"
)


def _asked_for_unread_day(lines: list[Line], at: int, reader: Reader) -> Line | None:
    """A line of a chat that may be a date in words we do not know, with a question.

    As text it would leave the messages below on the wrong day.
    """
    line = lines[at]
    is_day = _MAY_BE_A_DAY.fullmatch(normal(line.raw).strip()) is not None
    if not is_day or line.kind is not LineKind.TEXT or line.is_plain:
        return None
    below = [down for down in lines[at + 1 :] if down.kind is not LineKind.BLANK][:2]
    is_chat = below and (below[-1].kind is LineKind.LONE or below[0].shape is Shape.TITLE)
    if not is_chat or title_of(line, reader) is not None:
        return None
    return replace(
        line,
        question=f"Line {line.number} may be the day of the messages below: {line.raw.strip()!r}. "
        "For the day, write it like 2026-11-24; for text, put - before it. Nothing was recorded.",
    )


def _with_first_title(lines: list[Line], reader: Reader) -> list[Line]:
    """A text with a date right above notes is their heading."""
    at = next((at for at, line in enumerate(lines) if line.kind in {LineKind.TEXT, *TIMES}), 0)
    if not lines or lines[at].kind is not LineKind.TEXT:
        return list(lines)
    below = next((line for line in lines[at + 1 :] if line.kind is not LineKind.BLANK), lines[at])
    title = as_title(lines[at], reader) if _is_note(below) else None
    return [*lines[:at], title, *lines[at + 1 :]] if title else list(lines)


def _is_note(line: Line) -> bool:
    return line.kind is LineKind.HEAD and line.shape is Shape.LEADING


def _is_between_notes(lines: list[Line], at: int) -> bool:
    """Whether a text is between two notes, and the lower one has no date of its own."""
    line = lines[at]
    if line.kind is not LineKind.TEXT or line.is_plain or line.is_indented:
        return False
    rest = (lines[down] for down in range(at + 1, len(lines)))
    below = next((down for down in rest if down.kind is not LineKind.BLANK), line)
    if not _is_note(below) or below.said.has_day:
        return False
    above = next((lines[up] for up in range(at - 1, -1, -1) if lines[up].kind in TIMES), line)
    return _is_note(above) and not above.by


def _has_mark(title: Title) -> bool:
    """Whether a mark separates the date from the other words."""
    if title.before:
        return _MARK_BEFORE.search(title.before) is not None
    return _MARK_BEHIND.match(title.after) is not None


def _goes_back(lines: list[Line], at: int) -> bool:
    """Whether the time below is earlier in the day than the time above."""
    above = next(up for up in reversed(lines[:at]) if up.kind in TIMES).said.clock
    below = next(down for down in lines[at:] if down.kind in TIMES).said.clock
    if above is None or below is None:
        return False
    return below.minute_of_day(below.half) < above.minute_of_day(above.half)


def _is_later(lines: list[Line], at: int, title: Title) -> bool:
    """Whether the date is after the last one that is named above."""
    known = next((up.said.date for up in reversed(lines[:at]) if up.said.date), None)
    first, second = (_day_of_year(known) if known else None), _day_of_year(title.date)
    return first is not None and second is not None and 0 < (second - first) % 366 < _HALF_A_YEAR


def _day_of_year(named: NamedDate) -> int | None:
    """The day in a leap year; None if day and month may be swapped."""
    try:
        return None if named.is_open else date(2000, named.month, named.day).timetuple().tm_yday
    except ValueError:
        return None


def _is_like_another(lines: list[Line], at: int, title: Title, reader: Reader) -> bool:
    """Whether a heading above has its date at the same end."""
    others = (title_of(line, reader) for line in lines[:at] if line.kind is LineKind.HEADING)
    return any(bool(other.before) is bool(title.before) for other in others if other)


def _question(line: Line, title: Title) -> str:
    return (
        f"Line {line.number} may be the heading of a day or text of the entry above: "
        f"{line.raw.strip()[:60]!r}. For a day, write the date alone ({title.words}); for text, "
        "indent the line. Nothing was recorded."
    )
