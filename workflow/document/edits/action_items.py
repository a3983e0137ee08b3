"""Action items, supporting data and gaps of a postmortem. Pure.

An action item is written as `what — owner — by when`; owner and day become chips. `empty_sections`
and `placeholders_left` say what a doc still lacks when its incident is closed. A file is shown as a
line that links to it, with a small file's content below.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from zoneinfo import ZoneInfo

from workflow.document.blocks import (
    Block,
    BlockKind,
    Chip,
    DayChip,
    InlinePicture,
    NativePart,
    Span,
    as_chip,
    joined,
    link_chip,
    person_chip,
)
from workflow.document.edits.batch import section_text
from workflow.document.edits.splice import CUSTOMER_FACING_RESPONSE, SUPPORTING_DATA, find_place
from workflow.document.requests import NON_TEXT, clean_text
from workflow.document.template import PLACEHOLDER, Section
from workflow.document.view import DocView

_SEPARATOR = re.compile(r"\s[—–-]{1,2}\s")
_DAY = re.compile(r"(?<![\w.-])\d{4}-\d\d-\d\d(?![\w-])")


def with_chips(block: Block, zone: ZoneInfo, parts: frozenset[NativePart]) -> Block:
    """A check box item with its owner's address and its day as chips, if `parts` allow them.

    Only the text after the first dash is searched: an address or a day in the task itself stays
    text. Any other block is returned unchanged.
    """
    if block.kind is not BlockKind.CHECK or not parts:
        return block
    dash = _SEPARATOR.search(block.text)
    if dash is None:
        return block
    spans: list[Span] = []
    start = 0
    for span in block.spans:
        behind = max(0, min(len(span.text), dash.end() - start))
        spans.append(replace(span, text=span.text[:behind]))
        spans += _chipped(replace(span, text=span.text[behind:]), zone, parts)
        start += len(span.text)
    return replace(block, spans=joined(spans))


def _chipped(span: Span, zone: ZoneInfo, parts: frozenset[NativePart]) -> Iterator[Span]:
    if span.code:
        yield span
        return
    if span.link:
        yield as_chip(span, person_chip(span.text), parts)
        return
    end = 0
    for match in _DAY.finditer(span.text):
        yield replace(span, text=span.text[end : match.start()])
        yield as_chip(replace(span, text=match[0]), _day_chip(match[0], zone), parts)
        end = match.end()
    yield replace(span, text=span.text[end:])


def _day_chip(words: str, zone: ZoneInfo) -> Chip | None:
    try:
        return DayChip(date.fromisoformat(words), zone)
    except ValueError:
        return None


NEXT_TIME = "next_time"

# Sections that not every incident needs.
_MAY_BE_EMPTY = frozenset({CUSTOMER_FACING_RESPONSE, SUPPORTING_DATA})
_STAND_INS = re.compile(r"\b(?:TODO|TBD|FIXME|XXX)\b")

_PARTS = re.compile(r"\s+[—–-]{1,2}\s+|\s*[;|·]\s*|\t|[()\[\]]|,\s+")
_OWNER = re.compile(r"(?<!\w)@\w|\w@\w|\bowner\s*:\s*\S", re.IGNORECASE)
_LONGEST_NAME = 4  # words
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_DATE = re.compile(
    rf"""\b(?:
        \d{{4}}-\d\d-\d\d | \d{{1,2}}[./]\d{{1,2}}(?:[./]\d{{2,4}})?
        | \d{{1,2}}\.?\s?{_MONTH}\b | {_MONTH}\.?\s\d{{1,2}} | \d{{1,2}}\.\s?[^\W\d]{{3,}}
        | (?:in|by|until|end\ of)\s{_MONTH}\b
        | (?:mon|tues|wednes|thurs|fri|satur|sun)day | to(?:day|morrow|night)
        | (?:this|next|end\ of|end\ of\ the)\s(?:week|month|quarter|sprint|year)
        | (?:in|within)\s\w+\s(?:hours?|days?|weeks?|months?) | Q[1-4]
    )""",
    re.IGNORECASE | re.VERBOSE,
)


_OWNER_WORD = re.compile(r"^owner\s*:\s*", re.IGNORECASE)
_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
_CALENDAR = re.compile(
    rf"""(?<![\w.])(?:
        (?P<iso>\d{{4}}-\d\d-\d\d)
        | (?P<day>\d{{1,2}})\.?\s?(?P<name>{_MONTH})(?:\.?,?\s(?P<year>\d{{4}}))?
        | (?P<first>{_MONTH})\.?\s(?P<second>\d{{1,2}})(?:,?\s(?P<y2>\d{{4}}))?
        | (?P<d>\d{{1,2}})\.(?P<m>\d{{1,2}})\.(?P<y>\d{{4}}|\d\d)?
        | (?P<one>\d{{1,2}})/(?P<other>\d{{1,2}})/(?P<y3>\d{{4}}|\d\d)
    )(?!\w)""",
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True)
class Action:
    """An action item, and whether it names an owner and a date.

    `owner` is the name as written; `due` is the day if it is a calendar date: for “next week” only
    `has_date` is true.
    """

    text: str
    has_owner: bool
    has_date: bool
    owner: str = ""
    due: date | None = None


def empty_sections(doc: DocView, sections: Sequence[Section]) -> list[str]:
    """The titles of the doc's sections that hold nothing but their hint.

    Skips sections that not every incident needs, and those that somebody removed from the doc.
    """
    return [
        section.title
        for section in sections
        if section.key not in _MAY_BE_EMPTY
        and find_place(doc, section, sections) is not None
        and not section_text(doc, section.key, sections).strip()
    ]


def placeholders_left(doc: DocView) -> list[str]:
    """The `{{ placeholders }}` and TODOs left in the doc, each once."""
    texts = [paragraph.text for paragraph in doc.paragraphs]
    found = [match[0] for text in texts for match in PLACEHOLDER.finditer(text)]
    found += [match[0] for text in texts for match in _STAND_INS.finditer(text)]
    return list(dict.fromkeys(found))


def actions(doc: DocView, sections: Sequence[Section]) -> list[Action]:
    """The action items, a line each; none while the section has only its hint."""
    lines = section_text(doc, NEXT_TIME, sections).splitlines()
    return [read_action(line) for line in lines if line.strip() and not line.rstrip().endswith(":")]


def read_action(line: str, after: date | None = None) -> Action:
    """Read a line as people write it: the task, then owner and date in any order after it.

    A day without a year is its first occurrence from `after` on. Reads generously: it is better to
    accept a line than to nag about a complete one. A chip counts as whichever of the two is
    missing, because its content isn't read.
    """
    text = line.strip()
    has_date = _DATE.search(text) is not None
    behind = [part.strip() for part in _PARTS.split(text)[1:]]
    has_owner = _OWNER.search(text) is not None or any(map(_is_name, behind))
    chips = text.count(NON_TEXT)
    if chips and not has_owner:
        has_owner, chips = True, chips - 1
    owner, due = _owner(text, behind), _due(text, after)
    return Action(text.replace(NON_TEXT, "…"), has_owner, has_date or chips > 0, owner, due)


def _owner(text: str, behind: Sequence[str]) -> str:
    """The owner: the part after the dash that is a name or an address."""
    for part in behind:
        named = _OWNER_WORD.sub("", part).strip()
        if named and (_OWNER.search(part) or _is_name(named)) and _DATE.search(part) is None:
            return named
    found = re.search(r"(?<!\w)@[\w.-]+|[\w.+-]+@[\w.-]+", text)
    return found[0] if found else ""


def _due(text: str, after: date | None) -> date | None:
    """The last calendar date in a line; None if there is none, or it doesn't exist."""
    found: date | None = None
    for match in _CALENDAR.finditer(text):
        parts = match.groupdict()
        try:
            if parts["iso"]:
                found = date.fromisoformat(parts["iso"])
                continue
            if parts["one"]:
                found = _of_two_numbers(int(parts["one"]), int(parts["other"]), parts["y3"])
                continue
            month = _MONTHS.get((parts["name"] or parts["first"] or "")[:3].lower(), 0)
            day = int(parts["day"] or parts["second"] or parts["d"] or 0)
            month = month or int(parts["m"] or 0)
            year = parts["year"] or parts["y2"] or parts["y"] or ""
            found = _dated(day, month, year, after)
        except ValueError:
            continue
    return found


def _of_two_numbers(one: int, other: int, year: str) -> date:
    """`24/12/2026` or `12/24/2026`; raises `ValueError` where either may be the month."""
    if one <= 12 and other <= 12 and one != other:
        raise ValueError
    day, month = (one, other) if one > 12 else (other, one)
    return _dated(day, month, year, None)


def _dated(day: int, month: int, year: str, after: date | None) -> date:
    """A day with its year: the given one, or the first from `after` on. Raises `ValueError`."""
    if year:
        return date(int(year) + (2000 if len(year) == 2 else 0), month, day)
    begun = after or date.today()  # noqa: DTZ011 - a day of a calendar, in no zone
    first = date(begun.year, month, day)
    return first if first >= begun else date(begun.year + 1, month, day)


def _is_name(part: str) -> bool:
    return (
        bool(part)
        and part[0].isalpha()
        and not part[0].islower()
        and len(part.split()) <= _LONGEST_NAME
        and _DATE.search(part) is None
    )


_MOST_ROWS, _MOST_COLUMNS, _LONGEST_CELL = 30, 8, 200
_MOST_LINES, _LONGEST_LOG = 60, 6_000  # lines, characters
_TABLES = {".csv": ",;\t", ".tsv": "\t"}
_LOGS = (".log", ".txt", ".json", ".sql", ".yaml", ".yml", ".md", ".diff")


def file_blocks(
    name: str,
    caption: str,
    url: str,
    content: bytes,
    parts: Collection[NativePart] = frozenset(),
    picture: InlinePicture | None = None,
) -> list[Block]:
    """A caption with a link, then the picture, a small CSV as a table or a short text as code.

    Anything larger, and a picture that is not public, is only linked: Docs fetches pictures without
    signing in (reference, InsertInlineImageRequest).
    """
    link = as_chip(Span(clean_text(name), link=url), link_chip(url), parts)
    words = clean_text(caption.strip())
    line = (Span(f"{words} ("), link, Span(")")) if words else (link,)
    shown = [picture.block] if picture else _inside(name, content)
    return [Block(BlockKind.NORMAL, line), *shown]


def _inside(name: str, content: bytes) -> list[Block]:
    ending = f".{name.rpartition('.')[2].lower()}"
    if ending not in _TABLES and ending not in _LOGS:
        return []
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return []
    if ending in _TABLES:
        return _table(text, _TABLES[ending])
    is_short = len(text) <= _LONGEST_LOG and text.count("\n") <= _MOST_LINES
    words = clean_text(text.rstrip())
    return [Block(BlockKind.CODE, (Span(words, code=True),))] if words.strip() and is_short else []


def _table(text: str, delimiters: str) -> list[Block]:
    first_line = text.partition("\n")[0]
    delimiter = max(delimiters, key=first_line.count)
    try:
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if any(row)]
    except csv.Error:
        return []
    width = max(map(len, rows), default=0)
    fits = 0 < len(rows) <= _MOST_ROWS and width <= _MOST_COLUMNS
    if not fits or any(len(cell) > _LONGEST_CELL for row in rows for cell in row):
        return []
    padded = (row + [""] * (width - len(row)) for row in rows)
    cells = tuple(tuple((Span(clean_text(cell)),) for cell in row) for row in padded)
    return [Block(BlockKind.TABLE, rows=cells)]
