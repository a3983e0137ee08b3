"""The sections of a doc as people have written them, for the customers' version.

What is not said to customers in any case is left out here: hints, suggestions that nobody has
accepted yet, pictures and footnotes. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workflow.document.blocks import Block
from workflow.document.reading import read_tabs
from workflow.document.sections import Place, find_place, untouched_hint
from workflow.document.template import Section
from workflow.document.view import DocView, read_document
from workflow.publication.patterns import Kind

Json = Mapping[str, Any]


@dataclass
class DocSections:
    """`blocks` by the section's key; `people` are those of person chips; `left_out` what went."""

    blocks: dict[str, list[Block]] = field(default_factory=dict)
    people: list[str] = field(default_factory=list)
    left_out: list[tuple[Kind, str]] = field(default_factory=list)


def read_sections(document: Json, sections: Sequence[Section], keys: Sequence[str]) -> DocSections:
    """What stands in the sections of these keys. `document` is fetched whole (`tabs`)."""
    view = read_document(document)
    found = DocSections(people=list(_people(document)))
    for section in sections:
        place = find_place(view, section, sections) if section.key in keys else None
        if place is not None:
            found.blocks[section.key] = _blocks(document, view, place, found)
    return found


def _blocks(document: Json, view: DocView, place: Place, found: DocSections) -> list[Block]:
    tab = next(tab for tab in _tabs(document) if _tab_id(tab) == place.heading.tab_id)
    content = tab.get("documentTab", tab)
    hint = untouched_hint(view, place)
    skipped = {one.start for one in hint.paragraphs} if hint else set()
    stop = place.stop.start if place.stop is not None else None
    elements = [
        kept
        for each in _siblings(content.get("body", {}).get("content", ()), place.heading.start)
        if (start := each.get("startIndex", 0)) not in skipped and (stop is None or start < stop)
        if (kept := _settled(each, found)) is not None
    ]
    bare = {"lists": content.get("lists", {}), "body": {"content": elements}}
    return list(read_tabs(bare)[0].blocks)


def _tabs(document: Json) -> Iterator[Json]:
    waiting = list(document.get("tabs", [document]))
    while waiting:
        tab = waiting.pop()
        yield tab
        waiting += tab.get("childTabs", ())


def _tab_id(tab: Json) -> str:
    return str(tab.get("tabProperties", {}).get("tabId", ""))


def _siblings(content: Sequence[Json], heading_start: int) -> Sequence[Json]:
    """The elements behind the heading, in the body or in the table cell where it stands."""
    for number, element in enumerate(content):
        if "paragraph" in element and element.get("startIndex", 0) == heading_start:
            return content[number + 1 :]
        for row in element.get("table", {}).get("tableRows", ()):
            for cell in row.get("tableCells", ()):
                if rest := _siblings(cell.get("content", ()), heading_start):
                    return rest
    return ()


def _settled(element: Json, found: DocSections) -> Json | None:
    """An element as it is without what was only suggested, and without pictures and footnotes."""
    if "paragraph" in element:
        paragraph = element["paragraph"]
        kept = [_unmarked(each) for each in paragraph.get("elements", ()) if _stays(each, found)]
        return {**element, "paragraph": {**paragraph, "elements": kept}}
    if "table" in element:
        rows = [
            {**row, "tableCells": [_cell(cell, found) for cell in row.get("tableCells", ())]}
            for row in element["table"].get("tableRows", ())
            if not row.get("suggestedInsertionIds")
        ]
        return {**element, "table": {**element["table"], "tableRows": rows}} if rows else None
    return element


def _cell(cell: Json, found: DocSections) -> Json:
    inner = (_settled(each, found) for each in cell.get("content", ()))
    return {**cell, "content": [each for each in inner if each is not None]}


def _stays(element: Json, found: DocSections) -> bool:
    run = element.get("textRun", {})
    for kind in ("textRun", "person", "richLink", "inlineObjectElement", "footnoteReference"):
        if element.get(kind, {}).get("suggestedInsertionIds"):
            found.left_out.append((Kind.SUGGESTION, str(run.get("content", "")).strip() or kind))
            return False
    if "inlineObjectElement" in element:
        found.left_out.append((Kind.PICTURE, "a picture"))
        return False
    if "footnoteReference" in element:
        number = element["footnoteReference"].get("footnoteNumber", "")
        found.left_out.append((Kind.FOOTNOTE, f"footnote {number}".strip()))
        return False
    return True


def _unmarked(element: Json) -> Json:
    """An element without the mark that somebody suggests to take it out: until then it stays."""
    return {
        name: {key: each for key, each in part.items() if key != "suggestedDeletionIds"}
        if isinstance(part, Mapping)
        else part
        for name, part in element.items()
    }


def _people(value: Any) -> Iterator[str]:
    """The names and addresses of all person chips, wherever they stand."""
    if isinstance(value, Mapping):
        properties = value.get("personProperties")
        if isinstance(properties, Mapping):
            yield from (str(properties[key]) for key in ("name", "email") if properties.get(key))
        for inner in value.values():
            yield from _people(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _people(inner)
