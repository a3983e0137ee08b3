"""Words behind a time that may be its zone or the begin of its text: `10:05 ET Deploy`.

It is the zone if a mark follows (`10:05 PT: fixed`), or if every line of the paste names one.
Otherwise the person is asked to write which one. In small letters, some are words of a language:
`10:05 est en panne`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from workflow.paste.lines import Line, LineKind, Reader, Shape, read_line
from workflow.times.zones import is_also_a_word, is_zone

_INITIALS = re.compile(r"(?P<word>[A-Z]{2,3}):\s")
_FEWEST = 2


def with_zone_words(lines: list[Line], reader: Reader) -> list[Line]:
    """Give the times their zones where the words behind them can be nothing else."""
    open_lines = [line for line in lines if line.zone_word.isalpha()]
    if not open_lines:
        return lines
    has_initials = any(_is_with_initials(line) for line in lines)
    everywhere = _name_one_everywhere(lines)
    return [
        _zoned(line, reader, is_said=everywhere)
        if line.zone_word.isalpha() and (everywhere or (line.zone_is_marked and not has_initials))
        else line
        for line in lines
    ]


def _is_with_initials(line: Line) -> bool:
    """Whether a line begins with somebody's initials: `10:05 AB: fixed`."""
    found = _INITIALS.match(line.text) if line.kind is LineKind.HEAD else None
    return found is not None and not is_zone(found["word"])


def _name_one_everywhere(lines: Iterable[Line]) -> bool:
    """Whether every line with a time has a zone, and different words follow: no `CT scan`."""
    timed = [line for line in lines if line.kind is LineKind.HEAD and line.shape is Shape.LEADING]
    behind = {" ".join(line.text.split()[1:2]) for line in timed if line.zone_word}
    is_each = all(line.zone_word.isalpha() or line.said.zones for line in timed)
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
    if not word.isalpha():
        return (
            f"Line {line.number}: {word} behind the time may be an offset or the end of a range. "
            f"Write ({word}) for the offset, or - {word[1:]} for the end. Nothing was recorded."
        )
    return (
        f"Line {line.number}: {word} behind the time may be its zone or the start of the text. "
        f"Write ({word.upper()}) for the zone, or a colon behind the time for the text. "
        "Nothing was recorded."
    )


def notes_of(lines: Iterable[Line]) -> list[str]:
    """Which words were taken as zones because every line has one."""
    taken = [line for line in lines if line.zone_taken]
    return [f"Line {line.number}: {line.zone_taken} was read as the time zone." for line in taken]
