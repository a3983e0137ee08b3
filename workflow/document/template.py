"""The postmortem's template: Markdown with `{{ placeholders }}`, read into sections.

The template is parsed first and filled afterwards, word by word, so that a value stays text
whatever is in it. A level-one heading at the top is the doc's title; the headings one level
below are the sections. A paragraph in emphasis throughout is the section's hint: grey in the
doc, and gone when the section is first filled. Front matter, `key: Title` lines between `---`,
gives the sections of a template in another language the keys that the commands know.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import overload

from workflow.document.blocks import Block, Kind, Span, heading_kind
from workflow.document.text import clean_text

PLACEHOLDER = re.compile(r"\{\{\s*([^\W\d]\w*)\s*\}\}")
ENCODED_PLACEHOLDER = re.compile(
    r"%7B%7B(?:%20)*([^\W\d]\w*)(?:%20)*%7D%7D"
)  # as it is in an address
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?\n)?---[ \t]*(?:\n|\Z)", re.DOTALL)
_FIELD = re.compile(r"([^:{}]+):\s*\{\{\s*([^\W\d]\w*)\s*\}\}")


class TemplateBad(ValueError):
    """A template that cannot be used; the message says where and what to do."""


@dataclass(frozen=True)
class Section:
    """A section: its stable key, its heading, its hint and what always stands in it.

    `level` is that of the heading in the doc, 1 to 6.
    """

    key: str
    title: str
    hint: tuple[Block, ...] = ()
    standing: tuple[Block, ...] = ()
    level: int = 1


@dataclass(frozen=True)
class PostmortemTemplate:
    """What comes before the first section (title and header lines), and the sections in order."""

    opening: tuple[Block, ...]
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class Field:
    """A header line of a template: `Status: {{ status }}`."""

    key: str
    label: str


def parse_template(markdown: str) -> PostmortemTemplate:
    """Read a template. Raises TemplateBad when it has no sections or its front matter is wrong."""
    # Seldom needed where an entry is added, and not free: 0.03 s of processor time, measured.
    from workflow.document.parse import blocks_from_markdown  # noqa: PLC0415

    text = re.sub("\r\n?", "\n", markdown.removeprefix("\ufeff"))
    keys, body = _front_matter(text)
    blocks = blocks_from_markdown(body)
    level = _section_level(blocks)
    opening: list[Block] = []
    sections: list[Section] = []
    for block in blocks:
        if level and block.kind.heading_level == level:
            key = keys.pop(_folded(block.text), "") or section_key(block.text)
            sections.append(Section(_unused(key, sections), block.text))
        elif sections:
            sections[-1] = _with_block(sections[-1], block, level)
        else:
            opening.append(_as_title(block) if block.kind.heading_level else block)
    if not sections:
        raise TemplateBad("the template has no sections: give it headings, such as “## Timeline”")
    if keys:
        names = ", ".join(sorted(keys))
        raise TemplateBad(f"the front matter names headings that the template lacks: {names}")
    return PostmortemTemplate(tuple(opening), tuple(sections))


class TemplateSections(Sequence[Section]):
    """The sections of a template, which is read when one of them is first looked at."""

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
    """The section that a person means by a key, a title or the start of either; None if unclear."""
    wanted = section_key(name)
    named = [(section, {section.key, section_key(section.title)}) for section in sections]
    exact = [section for section, names in named if wanted in names]
    if exact:
        return exact[0]
    near = [section for section, names in named if any(key.startswith(wanted) for key in names)]
    return near[0] if len(near) == 1 else None


def placeholders(template: PostmortemTemplate) -> tuple[str, ...]:
    """The names of all placeholders, each once, in order."""
    blocks = list(template.opening)
    for section in template.sections:
        blocks += [*section.standing, *section.hint]
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
    """The field that a block is the line of, if it is one."""
    return field_in(block.text)


def field_in(text: str) -> Field | None:
    """The field that a line of text is of, if it is one."""
    match = _FIELD.fullmatch(text.strip())
    return Field(match[2], match[1].strip()) if match else None


def lone_placeholder(block: Block) -> str:
    """The name of the placeholder that is all of a block, else nothing."""
    return lone_placeholder_in(block.text)


def lone_placeholder_in(text: str) -> str:
    """The name of the placeholder that is all of a text, else nothing."""
    match = PLACEHOLDER.fullmatch(text.strip())
    return match[1] if match else ""


def substitute(block: Block, values: Mapping[str, str]) -> Block:
    """The block with its placeholders filled, to the letter. Unknown ones are left as they are."""

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
            raise TemplateBad(f"line {number} of the template is not “key: Title”: {line}")
        keys[_folded(title)] = key
    return keys, text[match.end() :]


def _section_level(blocks: list[Block]) -> int:
    levels = [block.kind.heading_level for block in blocks if block.kind.heading_level]
    if len(levels) > 1 and levels.count(levels[0]) == 1 and levels[0] < min(levels[1:]):
        return min(levels[1:])
    return min(levels, default=0)


def _with_block(section: Section, block: Block, level: int) -> Section:
    if block.kind.heading_level:
        block = replace(block, kind=heading_kind(block.kind.heading_level - level + 1))
    if block.spans and all(span.italic for span in block.spans):
        return replace(section, hint=(*section.hint, _as_hint(block)))
    return replace(section, standing=(*section.standing, block))


def _as_hint(block: Block) -> Block:
    return replace(block, spans=tuple(replace(span, faint=True) for span in block.spans))


def _as_title(block: Block) -> Block:
    return replace(block, kind=Kind.TITLE)


def _unused(key: str, sections: list[Section]) -> str:
    taken = {section.key for section in sections}
    candidates = [key, *(f"{key}_{number}" for number in range(2, len(taken) + 3))]
    return next(candidate for candidate in candidates if candidate not in taken)


def _folded(title: str) -> str:
    return " ".join(title.casefold().split())
