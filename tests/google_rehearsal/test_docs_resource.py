"""The answers of the rehearsal's Google Docs match the schemas of the discovery document."""

from __future__ import annotations

import json
import time
from functools import cache
from importlib.resources import files
from typing import Any

import pytest

from tests.google_rehearsal.docs_page import (
    Json,
    Page,
    append,
    bullets,
    cell,
    delete,
    insert,
    name,
    shape,
    style,
    table,
)

TYPES = {"string": str, "boolean": bool, "integer": int, "number": int | float}


@cache
def schemas() -> Json:
    found = files("googleapiclient.discovery_cache.documents") / "docs.v1.json"
    return dict(json.loads(found.read_text(encoding="utf-8"))["schemas"])


def faults(value: Any, schema: Json, path: str = "$") -> list[str]:
    """Where a value doesn't match its schema: unknown fields, wrong types or enum values."""
    if "$ref" in schema:
        return faults(value, schemas()[schema["$ref"]], path)
    if schema["type"] == "object":
        return object_faults(value, schema, path)
    if schema["type"] == "array":
        return [
            fault
            for i, each in enumerate(value)
            for fault in faults(each, schema["items"], f"{path}[{i}]")
        ]
    if not isinstance(value, TYPES[schema["type"]]):
        return [f"{path}: {value!r} is no {schema['type']}"]
    if value not in schema.get("enum", [value]):
        return [f"{path}: {value!r} is not in the enum"]
    return []


def object_faults(value: Any, schema: Json, path: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{path}: {value!r} is no object"]
    result = []
    for key, each in value.items():
        known = schema.get("properties", {}).get(key) or schema.get("additionalProperties")
        result += faults(each, known, f"{path}.{key}") if known else [f"{path}.{key}: unknown"]
    return result


def full_page() -> Page:
    """A page with one of each kind of element."""
    page = Page("Title\n\tone\ntwo\nsee here")
    place: Json = {"endOfSegmentLocation": {}}
    status = {"options": [{"displayValue": "Open"}, {"displayValue": "Closed"}], "title": "Status"}
    replies = page.send(
        shape(1, 2, "namedStyleType", namedStyleType="TITLE"),
        bullets(7, 12),
        style(16, 19, "link", link={"url": "https://example.com"}),
        name("mark", 1, 3),
        table(2, 2, at=1),
        {"insertTableRow": {"tableCellLocation": cell(2), "insertBelow": True}},
        {"insertPerson": {"personProperties": {"email": "ann@example.com"}, **place}},
        {"insertDate": {"dateElementProperties": {"timestamp": "2026-11-24T14:39:00Z"}, **place}},
        {
            "insertRichLink": {
                "richLinkProperties": {"uri": "https://docs.google.com/document/d/1abc"},
                **place,
            }
        },
        {"insertPageBreak": place},
        {"createHeader": {"type": "DEFAULT"}},
        {"createFooter": {"type": "DEFAULT"}},
        {"addDocumentTab": {"tabProperties": {"title": "Notes", "iconEmoji": "📝"}}},
        {
            "createDropdownDefinition": {
                "dropdownDefinition": {
                    "dropdownDefinitionId": "kix.status",
                    "dropdownDefinitionProperties": status,
                }
            }
        },
        {"insertDropdown": {"dropdownDefinitionId": "kix.status", **place}},
    )
    tab_id = replies[12]["addDocumentTab"]["tabProperties"]["tabId"]
    child = {"title": "Child", "parentTabId": tab_id}
    page.send({"addDocumentTab": {"tabProperties": child}})
    page.send(append(" maybe"), writeMode="SUGGEST")
    page.send(
        delete(page.blocks()[-1]["startIndex"], page.blocks()[-1]["endIndex"] - 1),
        writeMode="SUGGEST",
    )
    return page


@pytest.mark.parametrize(
    "view", ["SUGGESTIONS_INLINE", "PREVIEW_SUGGESTIONS_ACCEPTED", "PREVIEW_WITHOUT_SUGGESTIONS"]
)
def test_a_document_with_one_of_everything_fits_its_schema(view: str) -> None:
    page = full_page()
    assert faults(page.resource(view), {"$ref": "Document"}) == []
    whole: Json = {"tabs": page.tabs()}
    assert faults(whole, {"$ref": "Document"}) == []


def test_every_answer_to_a_batch_fits_its_schema() -> None:
    page = full_page()
    answers = [
        page.batch(
            name("more", 1, 2), {"createDropdownDefinition": {"dropdownDefinition": DEFINED}}
        ),
        page.batch({"replaceAllText": {"containsText": {"text": "e"}, "replaceText": "E"}}),
        page.batch({"addDocumentTab": {}}, insert("x", at=1)),
        page.batch(insert("x", at=1), writeMode="SUGGEST"),
    ]
    for answer in answers:
        assert faults(answer, {"$ref": "BatchUpdateDocumentResponse"}) == []


DEFINED = {
    "dropdownDefinitionProperties": {"options": [{"displayValue": "a"}, {"displayValue": "b"}]}
}


def test_the_named_styles_are_all_there() -> None:
    shown = [each["namedStyleType"] for each in Page().resource()["namedStyles"]["styles"]]
    assert sorted(shown) == sorted(
        ["NORMAL_TEXT", "TITLE", "SUBTITLE", *(f"HEADING_{i}" for i in range(1, 7))]
    )


def test_a_long_document_is_read_and_edited_in_a_time_that_grows_with_its_length() -> None:
    def least_seconds(lines: int) -> tuple[float, float]:
        page = Page(("x" * 249 + "\n") * lines)
        edited, read = [], []
        for _ in range(3):
            start = time.process_time()
            page.send(insert("entry\n", at=200 * lines + 1))
            edited.append(time.process_time() - start)
            start = time.process_time()
            page.resource()
            read.append(time.process_time() - start)
        return min(edited), min(read)

    edits, reads = zip(least_seconds(2000), least_seconds(500), strict=True)
    assert edits[0] < 9 * edits[1]
    assert reads[0] < 9 * reads[1]
