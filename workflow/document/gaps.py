"""What a doc still lacks when its incident is closed: words, and who does what by when. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from workflow.document.edits import section_text
from workflow.document.sections import CUSTOMER_FACING_RESPONSE, SUPPORTING_DATA, find_place
from workflow.document.template import PLACEHOLDER, Section
from workflow.document.text import NON_TEXT
from workflow.document.view import DocView

NEXT_TIME = "next_time"

# What not every incident has.
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


@dataclass(frozen=True)
class Action:
    """A line of what will be done next time, and whether it says who does it and by when."""

    text: str
    has_owner: bool
    has_date: bool


def empty_sections(doc: DocView, sections: Sequence[Section]) -> list[str]:
    """The titles of sections that stand in the doc with nothing in them but their hint.

    Left out are those that not every incident has, and those that somebody took out of the doc.
    """
    return [
        section.title
        for section in sections
        if section.key not in _MAY_BE_EMPTY
        and find_place(doc, section, sections) is not None
        and not section_text(doc, section.key, sections).strip()
    ]


def placeholders_left(doc: DocView) -> list[str]:
    """The `{{ placeholders }}` and TODOs that still stand in the doc, each once."""
    texts = [paragraph.text for paragraph in doc.paragraphs]
    found = [match[0] for text in texts for match in PLACEHOLDER.finditer(text)]
    found += [match[0] for text in texts for match in _STAND_INS.finditer(text)]
    return list(dict.fromkeys(found))


def actions(doc: DocView, sections: Sequence[Section]) -> list[Action]:
    """What will be done next time, a line each; nothing while the section has its hint alone."""
    lines = section_text(doc, NEXT_TIME, sections).splitlines()
    return [read_action(line) for line in lines if line.strip() and not line.rstrip().endswith(":")]


def read_action(line: str) -> Action:
    """A line read as people write it: what, then who and by when, in any order behind it.

    Generous: it is better to let a line pass than to nag about one that is complete. A chip stands
    for whichever of the two is missing, for what is in it is not read.
    """
    text = line.strip()
    has_date = _DATE.search(text) is not None
    behind = [part.strip() for part in _PARTS.split(text)[1:]]
    has_owner = _OWNER.search(text) is not None or any(map(_is_name, behind))
    chips = text.count(NON_TEXT)
    if chips and not has_owner:
        has_owner, chips = True, chips - 1
    return Action(text.replace(NON_TEXT, "…"), has_owner, has_date or chips > 0)


def _is_name(part: str) -> bool:
    return (
        bool(part)
        and part[0].isalpha()
        and not part[0].islower()
        and len(part.split()) <= _LONGEST_NAME
        and _DATE.search(part) is None
    )
