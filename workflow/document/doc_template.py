"""A team's own template that is a Google Doc: read like a Markdown one, and its copy filled.

Every placeholder is filled where it stands, in the text, in tables, in headers and footers and in
link addresses; all else of the copy stays as its makers left it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from workflow.document.blocks import Block, Kind, Span
from workflow.document.chips import STAND_IN, Chip, NativePart
from workflow.document.header_line import field_value
from workflow.document.markdown import blocks_to_markdown, to_markdown
from workflow.document.names import (
    field_name,
    hint_name,
    incident_name,
    section_name,
)
from workflow.document.new_document import header_chips, incident_values
from workflow.document.requests import Request, delete_content, insert_text, update_text
from workflow.document.sections import Place, find_place, folded
from workflow.document.splice import Join, Spot, Words, batch
from workflow.document.styling import is_link
from workflow.document.template import (
    ENCODED_PLACEHOLDER,
    PLACEHOLDER,
    Section,
    field_in,
    lone_placeholder_in,
)
from workflow.document.text import NON_TEXT, clean_text, inner_length, utf16_length
from workflow.document.view import DocView, Paragraph, Range, paragraphs_of, read_document
from workflow.incident import Incident

Json = Mapping[str, Any]


def template_markdown(document: Json, known_sections: Iterable[Section]) -> str:
    """A `Document` fetched whole, as the source of a template; `{{ placeholders }}` stay.

    A heading that one of `known_sections` has too gets that section's key, in the front matter.
    """
    headings = {folded(one.text) for one in read_document(document).paragraphs if one.heading_level}
    found = [section for section in known_sections if folded(section.title) in headings]
    return "\n".join(_front_matter(found)) + to_markdown(document)


def sections_markdown(sections: Iterable[Section]) -> str:
    """The source of a template that has these sections and nothing in them."""
    listed = list(sections)
    headings = [Block(Kind.HEADING_1, (Span(_one_line(section.title)),)) for section in listed]
    return "\n".join(_front_matter(listed)) + blocks_to_markdown(headings)


def fill_copy(
    document: Json,
    incident: Incident,
    values: Mapping[str, str],
    sections: Iterable[Section],
    parts: frozenset[NativePart] = frozenset(),
) -> list[Request]:
    """One batch for a fresh copy of a template, a `Document` fetched whole; locked to its revision.

    `values` fill placeholders on top of `incident_values`; a value stays text to the letter.
    What nothing fills is left as it stands. Sections are found by their headings, and named. Start
    and owner are chips in a body where `parts` allow them.
    """
    known = incident_values(incident) | dict(values)
    chips = _chips(incident, known, parts)
    in_body = known | dict.fromkeys(chips, STAND_IN)
    view = read_document(document)
    listed = list(sections)
    places = [find_place(view, section, listed) for section in listed]
    # Twice, for people may write another title or take a heading away.
    first = [place.heading for place in places if place is not None][:1]
    named = [_title_range(view, incident, in_body)]
    named += [_over(heading, incident_name(incident), in_body) for heading in first]
    standing = [place for place in places if place is not None]
    named += [one for place in standing for one in _section_ranges(place, in_body)]
    pieces = [piece for one in view.paragraphs for piece in _fillings(one, in_body, chips)]
    return [
        *_link_requests(document, known),
        *_segment_requests(document, known),
        # A template may have been an incident's doc before: none of its ranges is of this one.
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
    """The placeholders that become chips. A dropdown has its choices in one tab: status is text."""
    found = header_chips(incident, known).items()
    return {
        key: chip
        for key, chip in found
        if chip is not None and chip.part in parts and chip.part is not NativePart.DROPDOWN
    }


def _fillings(
    paragraph: Paragraph, known: Mapping[str, str], chips: Mapping[str, Chip]
) -> Iterator[Words]:
    """What goes in the place of each placeholder of a paragraph."""
    field = field_in(paragraph.text)
    for start, end, key in _placeholders(paragraph, known):
        spot = Spot(paragraph.tab_id, end, Join.INSTEAD, start, paragraph.cell)
        if field is not None and field.key == key:
            value = field_value(known[key])
            written = NON_TEXT if key in chips else value  # what will be read back
            yield Words(spot, value, field_name(key, written), chip=chips.get(key))
        else:
            yield Words(spot, clean_text(known[key]), chip=chips.get(key))


def _placeholders(paragraph: Paragraph, known: Mapping[str, str]) -> Iterator[tuple[int, int, str]]:
    """Where each placeholder that has a value begins and ends, and its name."""
    for match in PLACEHOLDER.finditer(paragraph.text):
        if match[1] in known:
            start = paragraph.start + utf16_length(paragraph.text[: match.start()])
            yield start, start + utf16_length(match[0]), match[1]


def _filled(text: str, known: Mapping[str, str]) -> str:
    return PLACEHOLDER.sub(lambda match: clean_text(known.get(match[1], match[0])), text)


def _title_range(view: DocView, incident: Incident, known: Mapping[str, str]) -> Range | None:
    """The incident's identity, over the first words of the doc."""
    first = next((one for one in view.paragraphs if _filled(one.text, known)), None)
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
    """A range over a paragraph's words, as long as they are once they are filled."""
    length = inner_length(_filled(paragraph.text, known))
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
    """Fill the addresses of links. No text moves, so these come first."""
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
    """A value within an address is encoded; one that is all of it is an address itself."""
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
    """The same request, in a segment other than the body."""
    if not segment.id:
        return request
    ((name, inner),) = request.items()
    where = "location" if "location" in inner else "range"
    return {name: inner | {where: inner[where] | {"segmentId": segment.id}}}
