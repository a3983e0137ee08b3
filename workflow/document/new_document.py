"""An empty doc filled from the template, in one batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from workflow.document.blocks import Block, Kind, Span, blocks_from_text
from workflow.document.chips import (
    Chip,
    DateChip,
    NativePart,
    StatusChip,
    define_statuses,
    native_parts_in,
    person_chip,
)
from workflow.document.header_line import field_line
from workflow.document.names import hint_name, incident_name, stated_name
from workflow.document.paragraphs import lay_out
from workflow.document.requests import Request
from workflow.document.sections import heading_of
from workflow.document.splice import Join, Paragraphs, Spot, batch
from workflow.document.template import (
    PostmortemTemplate,
    Section,
    field_of,
    lone_placeholder,
    placeholders,
    substitute,
)
from workflow.document.text import clean_text
from workflow.incident import Incident, Statement, duration_text, moment_text

_BODY_START = 1  # The body's first index: a section break comes before it.


def incident_values(incident: Incident) -> dict[str, str]:
    """What every template may ask for, empty where it is not known; `variables` come on top."""
    began, ended = incident.started_at, incident.closed_at
    values = {
        "id": incident.id,
        "title": incident.title,
        "status": incident.status.label,
        "severity": incident.severity,
        "started": moment_text(began, incident.zone),
        "closed": moment_text(ended, incident.zone) if ended else "",
        "duration": duration_text((ended - began).total_seconds()) if ended else "",
        "owner": incident.owner,
        "impact": incident.impact,
    }
    later = ("customers", "links", "summary", "root_cause", "solution", "learned", "next_time")
    unknown = dict.fromkeys((*later, "supporting_data", "support"), "")
    return unknown | values | incident.variables


def leftovers(
    template: PostmortemTemplate, incident: Incident, values: Mapping[str, str]
) -> tuple[str, ...]:
    """The placeholders that nothing fills, in order: they stand in the doc as they were typed."""
    known = incident_values(incident) | dict(values)
    return tuple(name for name in placeholders(template) if name not in known)


def fill_new_document(
    template: PostmortemTemplate,
    incident: Incident,
    values: Mapping[str, str],
    parts: frozenset[NativePart] = frozenset(),
) -> list[Request]:
    """One batch for an empty doc: all text, styles and lists, and the ranges to find it all by.

    `values` fill placeholders on top of `incident_values`. A value stays text to the letter. A
    paragraph that is one placeholder and has no value is left out; a section's hint is written
    only where nothing else stands in the section. Status, owner and start are chips where `parts`
    allow them.
    """
    known = incident_values(incident) | dict(values)
    chips = header_chips(incident, known)
    blocks: list[Block] = []
    for line in template.opening:
        blocks += _opening(line, known, chips, parts)
    first_heading = len(blocks)
    for section in template.sections:
        blocks += _section(section, known)
    # Twice, for people may write another title or take a heading away.
    for at in {0, first_heading}:
        blocks[at] = blocks[at].marked(incident_name(incident))
    spot = Spot(tab_id="", at=_BODY_START, join=Join.INSTEAD, delete_from=_BODY_START)
    requests = batch([Paragraphs(spot, lay_out(blocks))], forget=(), name=())
    return (
        [define_statuses(), *requests]
        if NativePart.DROPDOWN in native_parts_in(requests)
        else requests
    )


def header_chips(incident: Incident, values: Mapping[str, str]) -> dict[str, Chip | None]:
    """The chips of the header lines that have one, where nobody has set another value."""
    chips: dict[str, Chip | None] = {
        "status": StatusChip(incident.status),
        "started": DateChip(incident.started_at, incident.zone),
        "owner": person_chip(values["owner"]),
    }
    shown = incident_values(replace(incident, variables={}))
    return {key: chip for key, chip in chips.items() if values[key] == shown[key]}


def _opening(
    line: Block,
    values: Mapping[str, str],
    chips: Mapping[str, Chip | None],
    parts: frozenset[NativePart],
) -> Iterator[Block]:
    field = field_of(line)
    if field is not None and field.key in values:
        chip = chips.get(field.key)
        yield field_line(field.label, field.key, values[field.key], chip, parts)
        return
    yield from _filled(line, values)


def _section(section: Section, values: Mapping[str, str]) -> Iterator[Block]:
    title = clean_text(substitute(Block(Kind.NORMAL, (Span(section.title),)), values).text)
    yield heading_of(replace(section, title=title or section.title))
    standing = [block for line in section.standing for block in _filled(line, values)]
    yield from standing or hint_of(section)


def hint_of(section: Section) -> list[Block]:
    """A section's hint with its range, which starts in the first of its paragraphs."""
    if not section.hint:
        return []
    first, *others = section.hint
    name = hint_name(section.key, tuple(block.text for block in section.hint))
    return [first.marked(name), *others]


def worded(line: Block, key: str, value: str) -> list[Block]:
    """The paragraphs of a value, in the looks of the line that is its placeholder alone.

    Those of a statement are found again by their range: it may be said anew.
    """
    blocks = [
        replace(line, spans=(replace(line.spans[0], text=block.text),))
        for block in blocks_from_text(value)
    ]
    if blocks and key in set(Statement):
        name = stated_name(key, tuple(block.text for block in blocks))
        blocks[0] = blocks[0].marked(name)
    return blocks


def _filled(line: Block, values: Mapping[str, str]) -> Iterator[Block]:
    alone = lone_placeholder(line)
    is_title = line.kind is Kind.TITLE or line.kind.heading_level
    if alone in values and not is_title:  # A title is one paragraph, whatever is in it.
        yield from worded(line, alone, values[alone])
        return
    block = substitute(line, values)
    if block.spans or block.rows:
        yield block
