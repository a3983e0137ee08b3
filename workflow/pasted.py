"""A chat's history or a list of notes as it is pasted: one entry for each line that has a time.

Known shapes, with any time of day or date that `workflow.when` reads:

    14:39 text                   2026-11-24 14:39 text          14:39 – text
    [2:43 PM] Ann: text          [2:43 PM] text                 (Slack, compact)
    Ann Example  2:43 PM         Ann Example, Nov 24, 2:43 PM   (Slack, Google Chat: text below)
    Ann Example
      2:43 PM                                                   (Slack in a browser: text below)
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from workflow.when import WhenUnclear, parse_when, past_moment


class PasteUnclear(ValueError):
    """A paste that can't be parted into entries. `str()` names the line and what to do."""


@dataclass(frozen=True)
class PastedEntry:
    """One entry of a paste. `line` is the number of its first line, from 1."""

    at: datetime
    text: str
    by: str
    line: int


@dataclass(frozen=True)
class _Part:
    """What was read of an entry: its time as it was typed, who said it, and its lines so far."""

    when: str
    by: str
    lines: tuple[str, ...]
    line: int

    @property
    def text(self) -> str:
        """The lines as one text, without the empty ones at both ends."""
        return "\n".join(self.lines).strip("\n").rstrip()


_CLOCK = r"\d{1,2}:\d{2}(?::\d{2})?(?:[ \u00a0\u202f]?[AaPp]\.?[Mm]\b\.?)?"
_OFFSET = r"(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2})"
_DATED = rf"\d{{4}}-\d{{2}}-\d{{2}}[T ]{_CLOCK}(?:{_OFFSET})?"
_TIME = rf"(?:{_DATED}|{_CLOCK})"
_NAME = r"[^\W\d_][^\[\]:\n]{0,59}?"
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY_WORDS = r"(?:(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?,? ?)?"
_MONTH_DAY = r"(?P<month>[A-Z][a-z]{2})[a-z]*\.? (?P<day>\d{1,2})(?:,? (?P<year>\d{4}))?,? (?:at )?"

_BRACKETED = re.compile(
    rf"\[\s*(?P<when>{_TIME})\s*\]\s*(?:(?P<by>{_NAME}):(?:\s+|$))?(?P<text>.*)"
)
_LEADING = re.compile(rf"(?P<when>{_TIME})(?:\s*[-–—:|]\s+|\s+|$)(?P<text>.*)")
_HEADING = re.compile(
    rf"(?P<by>{_NAME})(?:\s{{2,}}|\t|,\s){_DAY_WORDS}(?:{_MONTH_DAY})?(?P<when>{_CLOCK})"
)
_LONGEST_NAME = 40
_MOST_NAMES = 4
_NO_YEAR = "????"


def read_pasted(
    text: str, *, now: datetime, zone: ZoneInfo, first: datetime | None = None
) -> list[PastedEntry]:
    """The entries of a pasted text, in its order; none where no line has a time of its own.

    A line without a time belongs to the entry above it. A time of day is the one that has last
    passed; with `first`, an instant of the day on which the paste begins, it is that day's, and
    the next day's once the times jump back by more than twelve hours. Raises `PasteUnclear` for
    lines above the first time, and for a time that can't be read or is still ahead.
    """
    found: list[PastedEntry] = []
    latest = first.astimezone(zone) if first else None
    is_first = True
    for part in _parts(text):
        if not part.when:
            raise PasteUnclear(
                f"Line {part.line} stands above the first line with a time: "
                f"{part.text.strip()[:60]!r}. Give it a time too, or leave it out. "
                "Nothing was recorded."
            )
        at = _moment(part, now, zone, latest, is_first=is_first)
        latest, is_first = (at.astimezone(zone) if latest else None), False
        if part.text or part.by:
            # A name with nothing said below it was no name.
            by = part.by if part.text else ""
            found.append(PastedEntry(at, part.text or part.by, by, part.line))
    return found


def _parts(text: str) -> list[_Part]:
    """The text parted at its times; what stands above the first one has no `when`."""
    parts = [_Part("", "", (), 1)]
    for number, line in enumerate(re.sub("\r\n?", "\n", text).split("\n"), start=1):
        begun = _begun(line, number)
        if begun is None:
            parts[-1] = replace(parts[-1], lines=(*parts[-1].lines, line))
            continue
        parts[-1], begun = _with_author(parts[-1], begun)
        parts.append(begun)
    if len(parts) == 1:
        return []
    return parts if parts[0].text else parts[1:]


def _begun(line: str, number: int) -> _Part | None:
    """The entry that a line begins, or None for a line that goes on."""
    for shape in (_BRACKETED, _LEADING, _HEADING):
        match = shape.fullmatch(line.strip())
        if match is None:
            continue
        parts = match.groupdict()
        by = (parts.get("by") or "").strip()
        if shape is _HEADING and not _is_name(by):
            return None
        when = _date_of(parts) + re.sub("[\u00a0\u202f]", " ", match["when"])
        words = parts.get("text") or ""
        return _Part(when, by, (words,) if words else (), number)
    return None


def _date_of(parts: dict[str, str | None]) -> str:
    """`Nov 24, 2026` as `2026-11-24 `, with `????` for a year that is not named."""
    month = (parts.get("month") or "").lower()
    if month not in _MONTHS:
        return ""
    year = parts.get("year") or _NO_YEAR
    return f"{year}-{_MONTHS.index(month) + 1:02}-{int(parts['day'] or 0):02} "


def _with_author(before: _Part, begun: _Part) -> tuple[_Part, _Part]:
    """A line with a time alone has its author on the line above, as a browser copies Slack."""
    if begun.lines or begun.by or not before.lines or not _is_name(before.lines[-1].strip()):
        return before, begun
    by = before.lines[-1].strip()
    return replace(before, lines=before.lines[:-1]), replace(begun, by=by)


def _is_name(words: str) -> bool:
    """Whether words look like a person: up to four, each with a capital, or one handle."""
    parts = words.split()
    if not parts or len(words) > _LONGEST_NAME or not re.fullmatch(_NAME, words):
        return False
    if words[-1] in ".,;!?":
        return False
    return len(parts) == 1 or (
        len(parts) <= _MOST_NAMES and all(part[0].isupper() for part in parts)
    )


def _moment(
    part: _Part, now: datetime, zone: ZoneInfo, latest: datetime | None, *, is_first: bool
) -> datetime:
    try:
        if latest is not None and re.fullmatch(_CLOCK, part.when):
            at = parse_when(f"{latest.date()} {part.when}", now=now, zone=zone)
            jumped_back = not is_first and latest - at > timedelta(hours=12)
            day = latest.date() + timedelta(days=jumped_back)
            return past_moment(f"{day} {part.when}", now=now, zone=zone)
        if part.when.startswith(_NO_YEAR):
            return _in_last_year(part.when.removeprefix(_NO_YEAR), now, zone)
        return past_moment(part.when, now=now, zone=zone)
    except WhenUnclear as unclear:
        raise PasteUnclear(f"Line {part.line}: {unclear} Nothing was recorded.") from unclear


def _in_last_year(month_day: str, now: datetime, zone: ZoneInfo) -> datetime:
    """A date without its year: this year's, or last year's where that is still ahead."""
    year = now.astimezone(zone).year
    if parse_when(f"{year}{month_day}", now=now, zone=zone) > now + timedelta(days=1):
        year -= 1
    return past_moment(f"{year}{month_day}", now=now, zone=zone)
