"""An empty doc filled from the template, in one batch; or a copy of a Google Doc.

A team's own template can be a Google Doc: it is read like a Markdown one, and its copy is filled.
Every placeholder is filled in place: in the text, in tables, in headers and footers and in link
addresses. Everything else in the copy stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from workflow.document.blocks import (
    STAND_IN,
    Block,
    BlockKind,
    Chip,
    DateChip,
    NativePart,
    Span,
    StatusChip,
    blocks_from_text,
    define_statuses,
    native_parts_in,
    person_chip,
)
from workflow.document.edits.changes import field_line, field_value
from workflow.document.edits.splice import (
    Join,
    NewValue,
    Paragraphs,
    Place,
    Spot,
    batch,
    find_place,
    folded,
    heading_of,
)
from workflow.document.exports import blocks_to_markdown, to_markdown
from workflow.document.requests import (
    NON_TEXT,
    Request,
    clean_text,
    delete_content,
    field_name,
    hint_name,
    incident_name,
    inner_length,
    insert_text,
    section_name,
    stated_name,
    update_text,
    utf16_length,
)
from workflow.document.styling import LEAD, is_link, lay_out
from workflow.document.template import (
    ENCODED_PLACEHOLDER,
    KNOWN_KEYS,
    PLACEHOLDER,
    PostmortemTemplate,
    Section,
    field_in,
    field_of,
    lone_placeholder,
    lone_placeholder_in,
    placeholders,
    substitute,
)
from workflow.document.view import DocView, Paragraph, Range, paragraphs_of, read_document
from workflow.model import Incident, Statement, length_text, moment_text

_BODY_START = 1  # The body's first index: a section break comes before it.


def incident_values(incident: Incident) -> dict[str, str]:
    """The values that every template may use, empty if unknown; `variables` override them."""
    began, closed = incident.started_at, incident.closed_at
    values = {
        "id": incident.id,
        "title": incident.title,
        "status": incident.status.label,
        "severity": incident.severity,
        "started": moment_text(began, incident.zone),
        "closed": moment_text(closed, incident.zone) if closed else "",
        "duration": length_text(incident),
        "owner": incident.owner,
        "impact": incident.impact,
    }
    later = ("customers", "links", "summary", "root_cause", "solution", "learned", "next_time")
    sections = ("timeline", "customer_facing_response", "supporting_data", "support")
    unknown = dict.fromkeys((*later, *sections), "")
    return unknown | values | incident.variables


def leftovers(
    template: PostmortemTemplate, incident: Incident, values: Mapping[str, str]
) -> tuple[str, ...]:
    """The placeholders that nothing fills, in order: they stay in the doc as typed."""
    known = incident_values(incident) | dict(values)
    return tuple(name for name in placeholders(template) if name not in known)


def fill_new_document(
    template: PostmortemTemplate,
    incident: Incident,
    values: Mapping[str, str],
    parts: frozenset[NativePart] = frozenset(),
) -> list[Request]:
    """One batch for an empty doc: all text, styles, lists and named ranges.

    `values` override `incident_values`. A value stays plain text. A paragraph that is only a
    placeholder without a value is left out; a section's hint is written only if the section is
    otherwise empty. Status, owner and start are chips if `parts` allow them.
    """
    known = incident_values(incident) | dict(values)
    chips = header_chips(incident, known)
    blocks: list[Block] = []
    for line in template.opening:
        blocks += _opening(line, known, chips, parts)
    first_heading = len(blocks)
    for section in template.sections:
        if not section.in_cell:
            blocks += _section(section, known)
    if first_heading == len(blocks):
        first_heading = 0
    # Twice, because people may rewrite the title or delete a heading.
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
    """The chips of the header lines, unless somebody has set another value."""
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
    title = clean_text(substitute(Block(BlockKind.NORMAL, (Span(section.title),)), values).text)
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
    """A value's paragraphs, in the style of the line that is only its placeholder.

    A statement's paragraphs get a range, because it can be updated.
    """
    blocks = [
        replace(line, spans=(replace(line.spans[0], text=block.text),))
        for block in blocks_from_text(value)
    ]
    if blocks and key in {Statement.IMPACT, Statement.SEVERITY}:
        name = stated_name(key, tuple(block.text for block in blocks))
        blocks[0] = blocks[0].marked(name)
    return blocks


def _filled(line: Block, values: Mapping[str, str]) -> Iterator[Block]:
    alone = lone_placeholder(line)
    is_title = line.kind is BlockKind.TITLE or line.kind.heading_level
    if alone in values and not is_title:  # A title is always one paragraph.
        yield from worded(line, alone, values[alone])
        return
    block = substitute(line, values)
    if block.rows:
        yield _with_cell_sections(line, block)
    elif block.spans:
        yield block


def _with_cell_sections(line: Block, filled: Block) -> Block:
    """A filled table with named ranges for its section cells; empty ones get a placeholder."""
    rows = [list(row) for row in filled.rows]
    names: list[tuple[int, int, str]] = []
    for at, row in enumerate(line.rows):
        for column, cell in enumerate(row):
            key = lone_placeholder_in("".join(span.text for span in cell))
            if key in KNOWN_KEYS and key not in set(Statement):
                if not "".join(span.text for span in rows[at][column]).strip():
                    rows[at][column] = LEAD.spans
                names.append((at, column, section_name(key)))
    return replace(filled, rows=tuple(map(tuple, rows)), cell_names=tuple(names))


Json = Mapping[str, Any]


def template_markdown(document: Json, known_sections: Iterable[Section]) -> str:
    """A whole `Document` as the source of a template; `{{ placeholders }}` stay.

    A heading that matches one of `known_sections` gets that section's key, in the front matter.
    """
    headings = {folded(one.text) for one in read_document(document).paragraphs if one.heading_level}
    found = [section for section in known_sections if folded(section.title) in headings]
    return "\n".join(_front_matter(found)) + to_markdown(document)


def sections_markdown(sections: Iterable[Section]) -> str:
    """The source of a template with these sections, all empty."""
    listed = list(sections)
    headings = [Block(BlockKind.HEADING_1, (Span(_one_line(section.title)),)) for section in listed]
    return "\n".join(_front_matter(listed)) + blocks_to_markdown(headings)


def fill_copy(
    document: Json,
    incident: Incident,
    values: Mapping[str, str],
    sections: Iterable[Section],
    parts: frozenset[NativePart] = frozenset(),
) -> list[Request]:
    """One batch for a fresh copy of a template, a whole `Document`; locked to its revision.

    `values` override `incident_values`; a value stays plain text. A placeholder without a value
    stays, and so does one with a suggestion in it. Sections are found by their headings and named.
    Start and owner are chips in a body if `parts` allow them.
    """
    known = incident_values(incident) | dict(values)
    chips = _chips(incident, known, parts)
    in_body = known | dict.fromkeys(chips, STAND_IN)
    view = read_document(document)
    listed = list(sections)
    places = [find_place(view, section, listed) for section in listed if not section.in_cell]
    in_cells = frozenset(section.key for section in listed if section.in_cell)
    # Twice, because people may rewrite the title or delete a heading.
    first = [place.heading for place in places if place is not None][:1]
    named = [_title_range(view, incident, in_body)]
    named += [_over(heading, incident_name(incident), in_body) for heading in first]
    standing = [place for place in places if place is not None]
    named += [one for place in standing for one in _section_ranges(place, in_body)]
    pieces = [
        piece
        for one in view.paragraphs
        for piece in _fillings(one, in_body, chips, in_cells)
        if not view.suggested_in(piece.spot.tab_id, piece.spot.delete_from, piece.spot.at)
    ]
    return [
        *_link_requests(document, known),
        *_segment_requests(document, known),
        # The template may have been an incident's doc: remove all its ranges.
        *batch(
            pieces,
            forget=[own.range for keys in view.own.values() for own in _flat(keys.values())],
            name=[one for one in named if one is not None],
        ),
    ]


def _flat(groups: Iterable[Iterable[Any]]) -> Iterator[Any]:
    for group in groups:
        yield from group


def _front_matter(sections: Iterable[Section]) -> list[str]:
    lines = [f"{section.key}: {_one_line(section.title)}" for section in sections]
    return ["---", *lines, "---", ""] if lines else []


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _chips(
    incident: Incident, known: Mapping[str, str], parts: frozenset[NativePart]
) -> dict[str, Chip]:
    """The placeholders that become chips. A dropdown is defined in one tab: the status is text."""
    found = header_chips(incident, known).items()
    return {
        key: chip
        for key, chip in found
        if chip is not None and chip.part in parts and chip.part is not NativePart.DROPDOWN
    }


def _fillings(
    paragraph: Paragraph,
    known: Mapping[str, str],
    chips: Mapping[str, Chip],
    in_cells: frozenset[str],
) -> Iterator[NewValue]:
    """The replacement of each placeholder of a paragraph.

    If it fills a cell and is the key of one of the sections `in_cells`, the cell gets its range.
    """
    alone = lone_placeholder_in(paragraph.text) if paragraph.cell else ""
    field = field_in(paragraph.text)
    for start, end, key in _placeholders(paragraph, known):
        spot = Spot(paragraph.tab_id, end, Join.INSTEAD, start, paragraph.cell)
        if alone and alone in in_cells:
            yield NewValue(spot, clean_text(known[key]).strip() or LEAD.text, section_name(key))
        elif field is not None and field.key == key:
            value = field_value(known[key])
            written = NON_TEXT if key in chips else value  # this text is read back
            yield NewValue(spot, value, field_name(key, written), chip=chips.get(key))
        else:
            yield NewValue(spot, clean_text(known[key]), chip=chips.get(key))


def _placeholders(paragraph: Paragraph, known: Mapping[str, str]) -> Iterator[tuple[int, int, str]]:
    """The start, end and name of each placeholder with a value."""
    for match in PLACEHOLDER.finditer(paragraph.text):
        if match[1] in known:
            start = paragraph.start + utf16_length(paragraph.text[: match.start()])
            yield start, start + utf16_length(match[0]), match[1]


def _filled_copy(text: str, known: Mapping[str, str]) -> str:
    return PLACEHOLDER.sub(lambda match: clean_text(known.get(match[1], match[0])), text)


def _title_range(view: DocView, incident: Incident, known: Mapping[str, str]) -> Range | None:
    """The incident's identity range, over the first words of the doc."""
    first = next((one for one in view.paragraphs if _filled_copy(one.text, known)), None)
    return _over(first, incident_name(incident), known) if first else None


def _section_ranges(place: Place, known: Mapping[str, str]) -> Iterator[Range]:
    heading = _over(place.heading, section_name(place.section.key), known)
    if heading is not None:
        yield heading
    words = tuple(block.text for block in place.section.hint)
    for at in range(len(place.inside)):
        lines = place.inside[at : at + len(words)]
        if words and tuple(one.text for one in lines) == words:
            hint = _over(lines[0], hint_name(place.section.key, words), {})
            if hint is not None:
                yield hint
            return


def _over(paragraph: Paragraph, name: str, known: Mapping[str, str]) -> Range | None:
    """A range over a paragraph's text, with the length after filling."""
    length = inner_length(_filled_copy(paragraph.text, known))
    if not length:
        return None
    return Range(name, "", paragraph.tab_id, paragraph.start, paragraph.start + length)


@dataclass(frozen=True)
class _Segment:
    """A tab's body (`id` empty), header, footer or footnote."""

    tab_id: str
    id: str
    content: list[dict[str, Any]]


def _segments(document: Json) -> Iterator[_Segment]:
    waiting = list(document.get("tabs", ()))
    while waiting:
        tab = waiting.pop(0)
        waiting += tab.get("childTabs", ())
        tab_id = tab.get("tabProperties", {}).get("tabId", "")
        content = tab.get("documentTab", {})
        yield _Segment(tab_id, "", content.get("body", {}).get("content", []))
        for kind in ("headers", "footers", "footnotes"):
            for segment_id, segment in content.get(kind, {}).items():
                yield _Segment(tab_id, segment_id, segment.get("content", []))


def _segment_requests(document: Json, known: Mapping[str, str]) -> Iterator[Request]:
    """Fill headers, footers and footnotes, each from its end to its start."""
    for segment in _segments(document):
        if not segment.id:
            continue
        found = [
            (start, end, clean_text(known[key]))
            for paragraph in paragraphs_of(segment.tab_id, segment.content)
            for start, end, key in _placeholders(paragraph, known)
        ]
        for start, end, value in reversed(found):
            if value:
                yield _within(segment, insert_text(segment.tab_id, end, value))
            yield _within(segment, delete_content(segment.tab_id, start, end))


def _link_requests(document: Json, known: Mapping[str, str]) -> Iterator[Request]:
    """Fill link addresses. No text moves, so these come first."""
    for segment in _segments(document):
        for element in _elements(segment.content):
            style = element.get("textRun", {}).get("textStyle", {})
            old = style.get("link", {}).get("url", "")
            new = _filled_address(old, known)
            if new != old and is_link(new):
                start, end = element.get("startIndex", 0), element["endIndex"]
                link = {"link": {"url": new}}
                yield _within(segment, update_text(segment.tab_id, start, end, link, "link"))


def _filled_address(address: str, known: Mapping[str, str]) -> str:
    """Encode a value inside an address; a value that is the whole address is used as it is."""
    plain = ENCODED_PLACEHOLDER.sub(r"{{\1}}", address)
    alone = lone_placeholder_in(plain)
    if alone in known:
        return known[alone]
    return PLACEHOLDER.sub(
        lambda match: quote(known[match[1]], safe="") if match[1] in known else match[0], plain
    )


def _elements(content: Iterable[Json]) -> Iterator[Json]:
    for block in content:
        yield from block.get("paragraph", {}).get("elements", ())
        for row in block.get("table", {}).get("tableRows", ()):
            for cell in row.get("tableCells", ()):
                yield from _elements(cell.get("content", ()))


def _within(segment: _Segment, request: Request) -> Request:
    """The same request, for a segment other than the body."""
    if not segment.id:
        return request
    ((name, inner),) = request.items()
    where = "location" if "location" in inner else "range"
    return {name: inner | {where: inner[where] | {"segmentId": segment.id}}}
