"""The postmortem's template: Markdown with `{{ placeholders }}`, split into sections.

The template is parsed first and filled afterwards, so that a value stays text whatever it contains.
A level-one heading at the top is the doc's title; the headings one level below are the sections. A
paragraph that is all in emphasis is the section's hint: grey in the doc, and removed when the
section is first filled. Front matter, `key: Title` lines between `---`, gives the sections of a
template in another language the keys that the commands use.

`bare_title` and `known_key` recognize sections by headings as people write them (pure).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Literal, overload

from workflow.document import parse
from workflow.document.blocks import Block, BlockKind, Span, heading_kind, plain
from workflow.document.requests import clean_text
from workflow.errors import BadInput

# `4.`, `3)`, `2.1`, `IV.`, `b)` in front of a heading, and Markdown's heading marks.
_NUMBERING = re.compile(
    r"(?:#+\s*|(?:\d+(?:[.\-]\d+)*|[ivxlc]{1,6}|[a-z])[.):]\s+|\d+(?:\.\d+)*\s*[-–—.):]?\s+)*",
)
_BRACKETS = re.compile(r"\s*[(\[{][^()\[\]{}]*[)\]}]\s*\Z")
_PLACEHOLDER = re.compile(r"\{\{.*?\}\}")

# Other teams' names for the sections that the commands know.
_SYNONYMS = {
    "root_cause": ("root causes", "cause", "causes", "five whys", "whys", "why it happened"),
    "timeline": ("chronology", "sequence of events", "incident timeline", "timeline of events"),
    "solution": ("resolution", "fix", "remediation", "resolution and recovery", "recovery"),
    "next_time": (
        *("action items", "actions", "follow ups", "follow up actions", "next steps"),
        *("what we will do next time", "corrective actions", "follow up items", "next time"),
    ),
    "learned": ("what we learned", "lessons learned", "learnings", "lessons"),
    "summary": ("executive summary", "incident summary"),
    "impact": ("customer impact", "user impact", "business impact"),
    "customer_facing_response": (
        *("customer communication", "customer communications", "communications"),
        "customer facing response",
    ),
    "supporting_data": ("supporting information", "evidence", "data", "appendix"),
    "support": ("how to contact support", "contact", "support contact"),
}
_KEYS = {words: key for key, titles in _SYNONYMS.items() for words in titles}
KNOWN_KEYS = frozenset(_SYNONYMS)
"""The sections that commands write to or read, by their keys."""


def bare_title(title: str) -> str:
    """A heading's words alone: without number, emoji, brackets and case.

    `⏱ 4. Timeline (UTC)` gives `timeline`, and `## 3) Root-cause` gives `root cause`.
    """
    text = unicodedata.normalize("NFKC", _PLACEHOLDER.sub(" ", title)).casefold().strip()
    text = re.sub(r"\A[^\w#]+", "", text)
    text = _NUMBERING.sub("", text, count=1) or text
    text = _BRACKETS.sub("", text) or text
    return " ".join(re.findall(r"[^\W_]+", text))


def known_key(title: str) -> str:
    """The key of the section that a heading clearly means, "" for a team's own heading."""
    words = bare_title(title)
    key = words.replace(" ", "_")
    return key if key in KNOWN_KEYS else _KEYS.get(words, "")


PLACEHOLDER = re.compile(r"\{\{\s*([^\W\d]\w*)\s*\}\}")
ENCODED_PLACEHOLDER = re.compile(r"%7B%7B(?:%20)*([^\W\d]\w*)(?:%20)*%7D%7D")  # as in an address
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?\n)?---[ \t]*(?:\n|\Z)", re.DOTALL)
_FIELD = re.compile(r"([^:{}]+):\s*\{\{\s*([^\W\d]\w*)\s*\}\}")


class DocTemplateBad(BadInput):
    """A template that can't be used; the message says where and what to do."""


@dataclass(frozen=True)
class Section:
    """A section: its stable key, its heading, its hint and its standing text.

    `level` is that of the heading in the doc, 1 to 6. `also` are further keys for it: their
    placeholders are in the section, each alone in a line. A section that is `in_cell` has no
    heading: its placeholder fills a table's cell, and that cell is its place, `beside` or `below`
    the cell with its title.
    """

    key: str
    title: str
    hint: tuple[Block, ...] = ()
    standing: tuple[Block, ...] = ()
    level: int = 1
    also: tuple[str, ...] = ()
    in_cell: Literal["", "beside", "below"] = ""


@dataclass(frozen=True)
class PostmortemTemplate:
    """A template's opening (title and header lines) and its sections in order."""

    opening: tuple[Block, ...]
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class Field:
    """A header line of a template: `Status: {{ status }}`."""

    key: str
    label: str


# A command reads its template several times; once takes 0.03 s of processor time (measured).
@lru_cache(maxsize=16)
def parse_template(markdown: str) -> PostmortemTemplate:
    """Read a template. Raises `DocTemplateBad` for no sections, or bad front matter."""
    text = re.sub("\r\n?", "\n", markdown.removeprefix("\ufeff"))
    keys, body = _front_matter(text)
    blocks = parse.blocks_from_markdown(body)
    level = _section_level(blocks)
    opening: list[Block] = []
    sections: list[Section] = []
    for block in blocks:
        if level and block.kind.heading_level == level:
            key = keys.pop(_folded(block.text), "") or _key_of_heading(block.text)
            sections.append(Section(_unused(key, sections), block.text))
        elif sections:
            sections[-1] = _with_block(sections[-1], block, level)
        else:
            opening.append(_as_title(block) if block.kind.heading_level else block)
    named = list(_named_as_known(sections))
    named += _in_cells(opening, named)
    if not named:
        raise DocTemplateBad("the template has no sections. Add headings, such as “## Timeline”")
    if keys:
        names = ", ".join(sorted(keys))
        raise DocTemplateBad(
            f"the front matter names headings that are not in the template: {names}"
        )
    return PostmortemTemplate(tuple(opening), tuple(named))


class TemplateSections(Sequence[Section]):
    """The sections of a template, which is read on first use."""

    def __init__(self, markdown: str) -> None:
        self._markdown = markdown

    @overload
    def __getitem__(self, index: int) -> Section: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Section]: ...
    def __getitem__(self, index: int | slice) -> Section | Sequence[Section]:
        return self._read[index]

    def __len__(self) -> int:
        return len(self._read)

    @cached_property
    def _read(self) -> tuple[Section, ...]:
        return parse_template(self._markdown).sections


def section_key(title: str) -> str:
    """A key from a heading: `What we learned` gives `what_we_learned`. At most 60 characters."""
    return re.sub(r"[\W_]+", "_", title.casefold()).strip("_")[:60] or "section"


def find_section(sections: Iterable[Section], name: str) -> Section | None:
    """The section for a key, a title or the start of either; None if unclear."""
    wanted = _key_of_heading(name)
    named = [
        (
            section,
            {
                *(section.key, *section.also),
                *(section_key(section.title), _key_of_heading(section.title)),
            },
        )
        for section in sections
    ]
    exact = [section for section, names in named if wanted in names]
    if exact:
        return exact[0]
    near = [section for section, names in named if any(key.startswith(wanted) for key in names)]
    return near[0] if len(near) == 1 else None


def placeholders(template: PostmortemTemplate) -> tuple[str, ...]:
    """The names of all placeholders, each once, in order."""
    blocks = list(template.opening)
    for section in template.sections:
        blocks += [plain(section.title), *section.standing, *section.hint]
    return tuple(dict.fromkeys(name for block in blocks for name in placeholders_of(block)))


def placeholders_of(block: Block) -> tuple[str, ...]:
    """The names of the placeholders of one block, each once, in order."""
    lines = [block.spans, *_cells(block)]
    texts = [text for spans in lines for text in ("".join(s.text for s in spans), *_links(spans))]
    return tuple(dict.fromkeys(name for text in texts for name in PLACEHOLDER.findall(text)))


def _cells(block: Block) -> Iterator[tuple[Span, ...]]:
    for row in block.rows:
        yield from row


def _links(spans: Iterable[Span]) -> Iterator[str]:
    for span in spans:
        yield ENCODED_PLACEHOLDER.sub(r"{{\1}}", span.link)


def field_of(block: Block) -> Field | None:
    """The field in a block, if it is a header line."""
    return field_in(block.text)


def field_in(text: str) -> Field | None:
    """The field in a line of text, if it is a header line."""
    match = _FIELD.fullmatch(text.strip())
    return Field(match[2], match[1].strip()) if match else None


def lone_placeholder(block: Block) -> str:
    """The placeholder that fills a block, else ""."""
    return lone_placeholder_in(block.text)


def lone_placeholder_in(text: str) -> str:
    """The placeholder that fills a text, else ""."""
    match = PLACEHOLDER.fullmatch(text.strip())
    return match[1] if match else ""


def substitute(block: Block, values: Mapping[str, str]) -> Block:
    """The block with its placeholders filled as plain text. Unknown ones stay."""

    def fill(span: Span) -> Span:
        text = clean_text(_filled(span.text, values))
        link = _filled(ENCODED_PLACEHOLDER.sub(r"{{\1}}", span.link), values)
        return replace(span, text=text, link=link)

    spans = tuple(filled for filled in map(fill, block.spans) if filled.text)
    rows = tuple(tuple(tuple(map(fill, cell)) for cell in row) for row in block.rows)
    return replace(block, spans=spans, rows=rows)


def _filled(text: str, values: Mapping[str, str]) -> str:
    return PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)


def _front_matter(text: str) -> tuple[dict[str, str], str]:
    """Keys by folded title, and the rest of the text."""
    match = _FRONT_MATTER.match(text)
    if match is None:
        return {}, text
    keys: dict[str, str] = {}
    for number, line in enumerate((match[1] or "").splitlines(), start=2):
        key, colon, title = (part.strip() for part in line.partition(":"))
        if not key or key.startswith("#"):
            continue
        if not colon or not title or section_key(key) != key:
            raise DocTemplateBad(f"line {number} of the template is not “key: Title”: {line}")
        keys[_folded(title)] = key
    return keys, text[match.end() :]


def _section_level(blocks: list[Block]) -> int:
    levels = [block.kind.heading_level for block in blocks if block.kind.heading_level]
    if len(levels) > 1 and levels.count(levels[0]) == 1 and levels[0] < min(levels[1:]):
        return min(levels[1:])
    return min(levels, default=0)


def _key_of_heading(title: str) -> str:
    """A key from a heading's bare words: `4. Timeline (UTC)` gives `timeline`."""
    return section_key(bare_title(title) or title)


def _named_as_known(sections: Sequence[Section]) -> Iterator[Section]:
    """The sections with known keys, if a placeholder or their heading shows it.

    A key is given once: a section whose heading is exactly the key comes before one with a similar
    heading.
    """
    taken = {section.key for section in sections}
    for section in sections:
        asked = [name for name in _placed_alone(section) if name in KNOWN_KEYS]
        key = section.key
        if key not in KNOWN_KEYS:
            meant = (name for name in (*asked, known_key(section.title)) if name)
            key = next((name for name in meant if name not in taken), key)
            taken.add(key)
        yield replace(section, key=key, also=tuple(name for name in asked if name != key))


def _placed_alone(section: Section) -> tuple[str, ...]:
    """The placeholders in a section's heading, and those that fill a line."""
    alone = map(lone_placeholder, section.standing)
    return tuple(dict.fromkeys((*PLACEHOLDER.findall(section.title), *alone)))


def _in_cells(opening: Sequence[Block], sections: Sequence[Section]) -> Iterator[Section]:
    """The sections that are cells of a table, each titled by the cell before it or above."""
    taken = {key for section in sections for key in (section.key, *section.also)}
    blocks = [*opening, *(block for section in sections for block in section.standing)]
    for block in blocks:
        texts = [
            ["".join(span.text for span in cell).strip() for cell in row] for row in block.rows
        ]
        for row in texts:
            for column, text in enumerate(row):
                key = lone_placeholder_in(text)
                # The impact has its own place, where it is updated.
                if key in KNOWN_KEYS - {*taken, "impact"}:
                    taken.add(key)
                    beside, below = (row[column - 1] if column else "", texts[0][column])
                    if beside and not PLACEHOLDER.search(beside):
                        yield Section(key, beside, in_cell="beside")
                    elif below and not PLACEHOLDER.search(below):
                        yield Section(key, below, in_cell="below")
                    else:
                        yield Section(key, key.replace("_", " ").capitalize(), in_cell="beside")


def _with_block(section: Section, block: Block, level: int) -> Section:
    if block.kind.heading_level:
        block = replace(block, kind=heading_kind(block.kind.heading_level - level + 1))
    if block.spans and all(span.italic for span in block.spans):
        return replace(section, hint=(*section.hint, _as_hint(block)))
    return replace(section, standing=(*section.standing, block))


def _as_hint(block: Block) -> Block:
    return replace(block, spans=tuple(replace(span, faint=True) for span in block.spans))


def _as_title(block: Block) -> Block:
    return replace(block, kind=BlockKind.TITLE)


def _unused(key: str, sections: list[Section]) -> str:
    taken = {section.key for section in sections}
    candidates = [key, *(f"{key}_{number}" for number in range(2, len(taken) + 3))]
    return next(candidate for candidate in candidates if candidate not in taken)


def _folded(title: str) -> str:
    return " ".join(title.casefold().split())
