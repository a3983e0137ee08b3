"""Read this product's own output: `show`, its JSON, the doc, the export; and tables.

An entry there reads `2:39 PM CET  text  — author  [id]`, in the doc `2:39 PM CET  text (host) —
author (added later, …)`. The id shows that an entry is the same one.

Tables are Markdown's, separated by tabs as a spreadsheet or a doc copies them, or CSV.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from workflow.paste.lines import ROUGH_SIGN, Line, LineKind, Reader, Shape, range_of
from workflow.paste.names import is_name
from workflow.times.spoken_time import Spoken, normal
from workflow.times.zones import is_zone

_SHOWN = re.compile(r".+ · incident [a-z0-9]{4,40}")
_MARKDOWN_HEADING = re.compile(r"(?P<marks>#{1,6})\s+(?P<words>.*?)\s*#*")
_LATE = re.compile(r"\s*\*?\(added later, [^()]{5,60}\)\*?$")
_ID = re.compile(r"\s{2}\[(?P<id>[a-z0-9]{6,40})\]$")
_LINK = re.compile(r"\s\(\[[^\]\n]*\]\(<?(?P<url>[^()<>\s]+)>?\)\)$")
_AUTHOR = re.compile(r"\s{1,2}— (?P<by>[^—\n]{1,80})$")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_STRUCK = "(struck) "
_ENTRY_OF_SHOW = re.compile(r"(?P<time>  \S(?:(?!  ).)*  )(?P<text>\S.*)")
_ENTRY_OF_MARKDOWN = re.compile(r"(?P<time>(?:~~)?\*\*[^*]+\*\*  )(?P<text>\S.*)")


@dataclass(frozen=True)
class OwnEntry:
    """An entry as this product printed it. `id` is "" if none is printed, as in the doc."""

    text: str
    by: str = ""
    link: str = ""
    id: str = ""
    is_struck: bool = False


def timeline_part(lines: Sequence[str]) -> range | None:
    """The lines with the timeline on a page of ours; None for any other page."""
    return _of_show(lines) if is_shown(lines) else _of_markdown(lines)


def is_shown(lines: Sequence[str]) -> bool:
    """Whether the lines are the output of `show`: a title, then the status with the incident."""
    return any(_SHOWN.fullmatch(line.strip()) for line in lines[1:6])


def continues_entry(line: str) -> bool:
    """Whether a line of `show` belongs to the entry above it, whatever it looks like."""
    return line.startswith("   ") and bool(line.strip())


def time_and_text(line: str) -> tuple[str, str] | None:
    """The time of an entry of ours, as it is printed, and the text; None for another line.

    Two spaces end the time, so a text that begins with a time or a day keeps it.
    """
    found = _ENTRY_OF_SHOW.fullmatch(line) or _ENTRY_OF_MARKDOWN.fullmatch(line)
    return (found["time"], found["text"]) if found else None


def _of_show(lines: Sequence[str]) -> range:
    """In `show`, an empty line separates the timeline from the head; entries are indented."""
    start = next((at for at, line in enumerate(lines) if not line.strip()), len(lines)) + 1
    end = start
    for at in range(start, len(lines)):
        is_over = lines[at].strip() == "" and not lines[at].startswith(" ")
        if is_over:
            break
        end = at + 1
    return range(start, end)


def _of_markdown(lines: Sequence[str]) -> range | None:
    """The section with the heading Timeline, if the page has one."""
    headings = [
        (at, len(found["marks"]), found["words"])
        for at, line in enumerate(lines)
        if (found := _MARKDOWN_HEADING.fullmatch(line.strip()))
    ]
    for place, (at, level, words) in enumerate(headings):
        if "timeline" in words.casefold() and len(headings) > 1:
            behind = (other for other, depth, _ in headings[place + 1 :] if depth <= level)
            return range(at, next(behind, len(lines)))
    return None


def own_entry(lines: Sequence[str], *, is_markdown: bool, is_of_show: bool) -> OwnEntry:
    """An entry from its lines, the first without its time.

    `show` puts two spaces before the author; elsewhere only a name counts as one.
    """
    text = _joined(lines, is_markdown=is_markdown)
    is_struck = is_markdown and text.startswith("~~")
    text = _LATE.sub("", text.replace("~~", "") if is_struck else text)
    found_id = _ID.search(text)
    text = text[: found_id.start()] if found_id else text
    author = _AUTHOR.search(text)
    by = author["by"].strip() if author else ""
    is_wide = author is not None and author[0].startswith("  ")
    if author and (is_wide or (not is_of_show and (is_name(by) or "@" in by))):
        text = text[: author.start()]
    else:
        by = ""
    link = _LINK.search(text) if is_markdown else None
    text = text[: link.start()] if link else text
    if is_markdown:
        text, by = _ESCAPE.sub(r"\1", text), _ESCAPE.sub(r"\1", by)
    return OwnEntry(
        text.removeprefix(_STRUCK),
        by,
        link["url"] if link else "",
        found_id["id"] if found_id else "",
        is_struck or text.startswith(_STRUCK),
    )


def _joined(lines: Sequence[str], *, is_markdown: bool) -> str:
    first, *rest = [line.rstrip() for line in lines] or [""]
    if is_markdown:
        return "\n".join(line.removesuffix("\\") for line in (first, *rest)).strip("\n")
    depths = [len(line) - len(line.lstrip()) for line in rest if line]
    depth = min(depths, default=0)
    return "\n".join((first, *(line[depth:] for line in rest))).rstrip("\n")


@dataclass(frozen=True)
class RecordedEntry:
    """An entry of `show --json`, or of an export's record.json."""

    at: datetime
    entry: OwnEntry


def recorded_entries(text: str) -> list[RecordedEntry] | None:
    """The timeline of our own JSON; None for anything else."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        found: Any = json.loads(text)
        rows = found["timeline"]
        return [
            RecordedEntry(
                datetime.fromisoformat(row["at"]),
                OwnEntry(
                    row["text"],
                    row.get("by") or "",
                    row.get("link") or "",
                    row["entry"],
                    bool(row.get("struck_at")),
                ),
            )
            for row in rows
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


_ROW = re.compile(r"\s*\|(.*)\|\s*")
_RULE = re.compile(r"\s*\|?(?:\s*:?-{2,}:?\s*\|?)+\s*")
_CELL = re.compile(r"(?<!\\)\|")

# Column headings, without anything in brackets after them.
_TIME_WORDS = (
    "time when timestamp uhrzeit zeit zeitpunkt heure hora ora horário tid tijd aika godzina "
    "utc gmt"
)
# Without a column for the time of day, these may hold it.
_START_WORDS = (
    "start started begin began beginn created occurred detected opened début inicio início inizio"
)
_END_WORDS = "end ended ende fin fim fine stop until bis resolved closed duration dauer durée"
_DATE_WORDS = "date day datum tag jour fecha día data dag päivä dzień"
_AUTHOR_WORDS = (
    "who by author owner actor person name from user reporter wer von qui auteur quién autor chi "
    "autore quem vem hvem kuka kto"
)
_LONGEST_NAME = 3
_LONGEST_CSV_NAME = 2
_ZONE_NAMES = frozenset({"zone", "timezone", "time zone", "tz", "zeitzone", "fuseau horaire"})
_TIMES, _STARTS, _ENDS, _DATES, _AUTHORS = (
    frozenset(words.split())
    for words in (_TIME_WORDS, _START_WORDS, _END_WORDS, _DATE_WORDS, _AUTHOR_WORDS)
)


@dataclass(frozen=True)
class _Columns:
    """The meaning of a table's columns; other columns are text, under their headings."""

    time: int
    date: int
    by: int
    zone: str
    zone_at: int
    names: tuple[str, ...]

    @property
    def text(self) -> int:
        """The column with what happened: the first one for nothing else; -1 if there is none."""
        taken = {self.time, self.date, self.by, self.zone_at}
        places = [at for at in range(len(self.names)) if at not in taken]
        return next((at for at in places if self.names[at].casefold() not in _ENDS), -1)


def table_lines(lines: list[str], reader: Reader) -> dict[int, Line]:
    """Every table's rows as heads of entries, its header and rule as headings; by line."""
    if (rows := _csv_lines(lines, reader)) is not None:
        return rows
    found: dict[int, Line] = {}
    at = 0
    while at < len(lines):
        size = _size(lines, at, reader)
        if size:
            found |= _table(lines, at, size, reader)
        at += size or 1
    return found


def _csv_lines(lines: list[str], reader: Reader) -> dict[int, Line] | None:
    """The rows of a list with commas or semicolons, below a header; None for anything else."""
    try:
        return _listed(lines, reader)
    except csv.Error:  # a cell of more than 131,072 characters, or a carriage return in one
        return None


def _listed(lines: list[str], reader: Reader) -> dict[int, Line] | None:
    first = next((line for line in lines if line.strip()), "")
    mark = ";" if first.count(";") > first.count(",") else ","
    columns = _header(next(csv.reader([first], delimiter=mark), []), reader)
    is_short = all(len(name.split()) <= _LONGEST_CSV_NAME for name in first.split(mark))
    if not first.count(mark) or not is_short or "\t" in first or "|" in first or columns is None:
        return None
    start = lines.index(first)
    found = {start: Line(LineKind.HEADING, start + 1, first, text=first.strip())}
    rows = csv.reader((f"{line}\n" for line in lines[start + 1 :]), delimiter=mark)
    at = start + 1
    for cells in rows:
        end = start + 1 + rows.line_num
        stripped = [cell.strip() for cell in cells]
        row = _row(stripped, at + 1, "\n".join(lines[at:end]), columns, reader)
        if row is not None:
            found[at] = row
            # The rest of a text of several lines.
            found |= {inside: Line(LineKind.NOISE, inside + 1, "") for inside in range(at + 1, end)}
        at = end
    return found if any(line.kind is LineKind.HEAD for line in found.values()) else None


def _cells(line: str) -> list[str] | None:
    """The cells of a row, or None if the line isn't one."""
    if row := _ROW.fullmatch(line):
        return [cell.replace("\\|", "|").strip() for cell in _CELL.split(row[1])]
    return [cell.strip() for cell in line.split("\t")] if "\t" in line.strip("\t") else None


def _size(lines: list[str], start: int, reader: Reader) -> int:
    """The number of lines of a table that begins here; 0 for none."""
    end = start
    while end < len(lines) and (_cells(lines[end]) is not None or _is_rule(lines, start, end)):
        end += 1
    is_bars = end > start and _ROW.fullmatch(lines[start])
    has_header = end - start > 1 and _header(_cells(lines[start]) or [], reader) is not None
    return end - start if has_header or (is_bars and end - start > 0) else 0


def _is_rule(lines: list[str], start: int, at: int) -> bool:
    return at == start + 1 and _RULE.fullmatch(lines[at]) is not None


def _table(lines: list[str], start: int, size: int, reader: Reader) -> dict[int, Line]:
    columns = _header(_cells(lines[start]) or [], reader)
    found: dict[int, Line] = {}
    for at in range(start, start + size):
        is_header = columns is not None and at == start
        if is_header or _RULE.fullmatch(lines[at]):
            found[at] = Line(LineKind.HEADING, at + 1, lines[at], text=lines[at].strip())
            continue
        row = _row(_cells(lines[at]) or [], at + 1, lines[at], columns, reader)
        if row is not None:
            found[at] = row
    has_times = any(line.kind is LineKind.HEAD for line in found.values())
    for at in range(start, start + size if columns is not None and has_times else start):
        cell = (_cells(lines[at]) or [])[columns.time : columns.time + 1] if columns else []
        if at not in found and cell and cell[0]:
            found[at] = _asked_for_time(at + 1, lines[at], cell[0])
    return found


def _asked_for_time(number: int, raw: str, cell: str) -> Line:
    """A row with the question for its time; without one it would be text of the row above."""
    return Line(
        LineKind.TEXT,
        number,
        raw,
        question=f"Line {number}: {cell[:40]!r} in the table's column of times can't be read. "
        "Write a time, or remove the line. Nothing was recorded.",
    )


def _header(cells: list[str], reader: Reader) -> _Columns | None:
    """The columns that a row names; None for a row of words and times."""
    if any(_is_time(cell, reader) for cell in cells):
        return None
    names = [re.sub(r"[*_`]", "", cell).strip() for cell in cells]
    plain = [re.sub(r"\s*[(\[].*", "", name).casefold() for name in names]
    words = [
        set() if name in _ZONE_NAMES or len(name.split()) > _LONGEST_NAME else set(name.split())
        for name in plain
    ]
    time = _time_column(plain, words)
    if time < 0:
        return None
    day = next((at for at, each in enumerate(words) if each & _DATES and at != time), -1)
    by = next(
        (at for at, each in enumerate(words) if each & _AUTHORS and at not in {time, day}), -1
    )
    bracket = re.search(r"[(\[]\s*(?:in )?([^)\]]+?)\s*[)\]]", names[time])
    named = [word for word in names[time].split() if is_zone(word.upper()) or is_zone(word)]
    zone = bracket[1] if bracket else named[0] if named else ""
    zone_at = next((at for at, name in enumerate(plain) if name in _ZONE_NAMES), -1)
    return _Columns(time, day, by, zone, zone_at, tuple(names))


def _time_column(names: Sequence[str], words: Sequence[set[str]]) -> int:
    """The column with the time of day: its own, the start's or the date's; -1 for none."""
    for wanted in (_TIMES, _STARTS, _DATES):
        for at, each in enumerate(words):
            if each & wanted or (wanted is _TIMES and names[at] in {"at", "ts"}):
                return at
    return -1


def _is_time(cell: str, reader: Reader) -> bool:
    said = reader.whole(normal(cell).strip("*_` ")) if any(map(str.isdigit, cell)) else None
    return said is not None and said.clock_or_day


def _row(
    cells: list[str], number: int, raw: str, columns: _Columns | None, reader: Reader
) -> Line | None:
    """A row as the head of an entry; None if its time can't be read."""
    cells = [re.sub(r"^(\*\*|__)(.+)\1$", r"\2", normal(cell)) for cell in cells]
    time = columns.time if columns else 0
    day = columns.date if columns else -1
    if time >= len(cells):
        return None
    rough = re.match(rf"(?:{ROUGH_SIGN})(?=\d)", cells[time], re.IGNORECASE)
    when = cells[time][rough.end() :] if rough else cells[time]
    if columns and 0 <= day < len(cells) and cells[day]:
        when = f"{cells[day]} {when}"
    zone_at = columns.zone_at if columns else -1
    if 0 <= zone_at < len(cells) and cells[zone_at]:
        when = f"{when} {cells[zone_at]}"
    said, ranged = reader.whole(when), range_of(when, reader)
    if ranged is not None:
        said = ranged
    if said is None or said.clock is None:
        return None
    if columns and columns.zone and not said.zones:
        said = _in_zone(said, columns.zone, reader)
    by_at, text_at = (columns.by, columns.text) if columns else (-1, -1)
    rest = [
        _named(columns, at, cell)
        for at, cell in sorted(enumerate(cells), key=lambda each: each[0] != text_at)
        if cell and at not in {time, day, by_at, zone_at}
    ]
    if ranged is not None or rough:
        rest = [" ".join([cells[time], *rest[:1]]), *rest[1:]]
    by = cells[by_at] if 0 <= by_at < len(cells) else ""
    return Line(LineKind.HEAD, number, raw, said, by, "\n".join(rest), Shape.LEADING)


def _in_zone(said: Spoken, zone: str, reader: Reader) -> Spoken:
    """The time in the zone of the column's heading, if that is one."""
    both = reader.whole(f"12:00 {zone}")
    return replace(said, zones=both.zones) if both else said


def _named(columns: _Columns | None, at: int, cell: str) -> str:
    """A text cell; cells after the first get their column's name."""
    if columns is None or at >= len(columns.names):
        return cell
    return cell if at == columns.text or not columns.names[at] else f"{columns.names[at]}: {cell}"
