"""The customers' version: a template of its own, filled with what people wrote, less what is
internal. Pure; no word is invented."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from workflow.document.blocks import Block, Kind, Span, blocks_from_text, heading_kind
from workflow.document.markdown import blocks_to_markdown
from workflow.document.template import (
    PLACEHOLDER,
    PostmortemTemplate,
    Section,
    lone_placeholder,
    substitute,
)
from workflow.document.text import clean_text
from workflow.publication.redaction import LeftOut, Redactor

_OWNED = re.compile(r"\s[—–]\s+([^—–]+?)(?=\s[—–]\s|$)")
_LONGEST_NAME = 4  # words


@dataclass(frozen=True)
class PublicVersion:
    """What customers are to read. `empty` are the sections for which the doc has no words yet."""

    title: str
    blocks: tuple[Block, ...]
    left_out: tuple[LeftOut, ...]
    empty: tuple[str, ...]

    @property
    def markdown(self) -> str:
        """All of it as Markdown."""
        return blocks_to_markdown(self.blocks)


def public_version(
    template: PostmortemTemplate,
    values: Mapping[str, str],
    written: Mapping[str, Sequence[Block]],
    redactor: Redactor,
) -> PublicVersion:
    """Fill the template. `values` are single words such as the title, by the placeholder's name;
    `written` are the sections of the doc, by their key. A line or section without words is gone."""
    title = redactor.text(clean_text(values.get("title", "")))
    opening = [block for line in template.opening for block in _line(line, values)]
    blocks = redactor.blocks(opening)
    empty: list[str] = []
    for section in template.sections:
        body = redactor.blocks(_body(section, values, written))
        if body:
            blocks += [_heading(section), *body]
        else:
            empty.append(section.title)
    return PublicVersion(title, tuple(blocks), redactor.left_out, tuple(empty))


def owners_in(blocks: Iterable[Block]) -> list[str]:
    """Those named as owners in `what — owner — by when`: short, with a capital, without a digit."""
    parts = (found[1].strip() for block in blocks for found in _OWNED.finditer(block.text))
    return [
        part
        for part in parts
        if part[:1].isupper() and not re.search(r"\d", part) and len(part.split()) <= _LONGEST_NAME
    ]


def wanted_keys(template: PostmortemTemplate) -> tuple[str, ...]:
    """The keys of the doc's sections that the template asks for."""
    return tuple(section.key for section in template.sections)


def _line(line: Block, values: Mapping[str, str]) -> list[Block]:
    """A line with its values in place; one that asks for what is not known is left out."""
    names = PLACEHOLDER.findall(line.text)
    if any(not values.get(name, "").strip() for name in names):
        return []
    return [substitute(line, values)]


def _body(
    section: Section, values: Mapping[str, str], written: Mapping[str, Sequence[Block]]
) -> list[Block]:
    """What stands in a section: the doc's words in the place of `{{ key }}`, else at its end.

    What the template says itself comes only with words from the doc or with a value.
    """
    own: list[Block] = []
    said: list[Block] = []
    for line in section.standing:
        name = lone_placeholder(line)
        if name == section.key or name in written:
            words = list(written.get(name, ())) or blocks_from_text(values.get(name, ""))
            said += words
            own += words
        else:
            own += _line(line, values)
    if not section.standing:
        said = own = list(written.get(section.key, ()))
    return [_below_heading(block) for block in own] if said else []


def _heading(section: Section) -> Block:
    return Block(heading_kind(section.level), (Span(clean_text(section.title)),))


def _below_heading(block: Block) -> Block:
    """A heading within a section never ends it; a title there is a heading."""
    if block.kind is Kind.TITLE or block.kind is Kind.HEADING_1:
        return replace(block, kind=Kind.HEADING_2)
    return block
