"""Quotes in a message: they belong to it, whatever times they begin with.

Markdown, chats and mails mark a quote with `>`. Teams copies the author, the date and the text of
the quoted message, without a mark, between the head of a message and its text.
"""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import replace
from itertools import pairwise

from workflow.paste.lines import NOTHING, TIMES, Line, LineKind, Shape
from workflow.paste.names import is_above_a_time, is_name
from workflow.times.spoken_time import Spoken

_MARKS = re.compile(r"\s*((?:>\s?)*)")


def with_marked_quotes(lines: list[Line], rows: Container[int]) -> list[Line]:
    """Lines with more marks than the message they are in as its text.

    `rows` are the positions of the heads of mails and of tables' rows. A mail below `Ann wrote:` is
    marked itself.
    """
    found = list(lines)
    own = -1  # marks of the message's own lines; -1 above the first one
    for at, line in enumerate(lines):
        marks = _marks(line)
        if at in rows:
            own = _marks(lines[at + 1]) if at + 1 < len(lines) else own
        elif own >= 0 and marks > own and line.kind is not LineKind.BLANK:
            found[at] = replace(line, kind=LineKind.TEXT, said=NOTHING, is_plain=True)
        elif line.kind in TIMES:
            own = marks
    return found


def _marks(line: Line) -> int:
    found = _MARKS.match(line.raw)
    return found[1].count(">") if found else 0


def with_older_quotes(lines: list[Line]) -> list[Line]:
    """The head of an older message, right below the head of one without words, as its text."""
    found = list(lines)
    heads = [at for at, line in enumerate(lines) if line.kind in TIMES]
    for place, (above, at) in enumerate(pairwise(heads)):
        below = lines[heads[place + 2]] if place + 2 < len(heads) else None
        if _are_next(lines, above, at) and _is_older(lines[above], lines[at], below):
            found[at] = replace(
                lines[at], kind=LineKind.TEXT, said=NOTHING, is_plain=True, is_quote=True
            )
    return found


def _are_next(lines: list[Line], above: int, at: int) -> bool:
    """Whether nothing is between the heads of two messages of a chat but the second's author."""
    if not (_is_without_words(lines[above]) and _is_without_words(lines[at])):
        return False
    between = [line for line in lines[above + 1 : at] if line.kind is not LineKind.BLANK]
    if lines[at].kind is not LineKind.LONE:
        return not between
    names = [line.raw for line in between if line.kind is LineKind.TEXT]
    return len(between) == len(names) == 1 and is_above_a_time(names[0])


def _is_without_words(head: Line) -> bool:
    if head.kind is LineKind.LONE:
        return True
    return head.shape is Shape.TITLE or (head.shape is Shape.BRACKET and is_name(head.text))


def _is_older(head: Line, quoted: Line, below: Line | None) -> bool:
    """Whether a message is older than the one above it, and the chat goes on after that one."""
    if quoted.said.has_day and not head.said.has_day:
        return below is None or not below.said.has_day
    older, now = _moment(quoted.said), _moment(head.said)
    if older is None or now is None or older[0] != now[0] or older >= now:
        return False
    if below is None:
        return quoted.said.has_day
    later = _moment(below.said)
    return later is not None and later[0] == now[0] and now <= later


def _moment(said: Spoken) -> tuple[str, int, int, int, int] | None:
    """What a time shows, and first the form it has; None if the order of its date is open."""
    day, clock = said.date, said.clock
    if clock is None or said.weekday is not None or said.near is not None:
        return None
    minute = clock.minute_of_day(clock.half)
    if day is None:
        return "half" if clock.half else "clock", 0, 0, 0, minute
    is_open = day.is_open or day.year is None
    return None if is_open else ("date", day.year or 0, day.month, day.day, minute)
