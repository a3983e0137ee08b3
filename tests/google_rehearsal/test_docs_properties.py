"""Properties of every document, after any edits."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any
from uuid import uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from google_rehearsal.docs import (
    DocsError,
    apply_batch,
    blank_document,
    copy_document,
    from_json,
    to_json,
)
from google_rehearsal.docs.render import render_document
from google_rehearsal.docs.world import BoundaryInserts, DocumentModel
from tests.google_rehearsal.docs_page import (
    Json,
    Page,
    bullets,
    cell,
    delete,
    id_counter,
    insert,
    name,
    shape,
    span,
    style,
    table,
    text_of,
)

VIEWS = ("SUGGESTIONS_INLINE", "PREVIEW_SUGGESTIONS_ACCEPTED", "PREVIEW_WITHOUT_SUGGESTIONS")
TEXTS = st.text(alphabet="ab\n\t😀🚑é\u0301ש\x07\ue907", min_size=0, max_size=8)
INDEXES = st.integers(-1, 60)
SPANS = st.tuples(INDEXES, st.integers(0, 20)).map(lambda pair: (pair[0], pair[0] + pair[1]))
NAMES = st.sampled_from(["one", "two"])
STYLES = st.sampled_from(
    [{"bold": True}, {"italic": True}, {"link": {"url": "https://example.com"}}, {}]
)
ENDS_OF_TIME = ("0001-01-01T00:00:00Z", "2026-11-24T14:39:00Z", "9999-12-31T23:59:59Z")
ZONES = ("etc/UTC", "America/Los_Angeles", "Pacific/Kiritimati")
KINDS = st.sampled_from(["NORMAL_TEXT", "HEADING_1", "TITLE"])


def person(at: int) -> Json:
    return {
        "insertPerson": {
            "personProperties": {"email": "ann@example.com"},
            "location": {"index": at},
        }
    }


def date(at: int, timestamp: str, zone: str) -> Json:
    properties = {"timestamp": timestamp, "timeZoneId": zone}
    return {"insertDate": {"dateElementProperties": properties, "location": {"index": at}}}


def replace_all(old: str, new: str) -> Json:
    return {"replaceAllText": {"containsText": {"text": old}, "replaceText": new}}


def fill(what: str, text: str) -> Json:
    return {"replaceNamedRangeContent": {"namedRangeName": what, "text": text}}


def at_cell(kind: str, start: int, row: int, column: int) -> Json:
    return {kind: {"tableCellLocation": cell(start, row, column)}}


EDITS: st.SearchStrategy[Json] = st.one_of(
    st.builds(lambda text, at: insert(text, at=at), TEXTS, INDEXES),
    st.builds(lambda text, at: insert(text, at=at), TEXTS, INDEXES),
    SPANS.map(lambda s: delete(*s)),
    st.builds(lambda s, look: style(s[0], s[1], "bold,italic,link", **look), SPANS, STYLES),
    st.builds(
        lambda s, kind: shape(s[0], s[1], "namedStyleType", namedStyleType=kind), SPANS, KINDS
    ),
    SPANS.map(lambda s: bullets(*s)),
    SPANS.map(lambda s: {"deleteParagraphBullets": {"range": span(*s)}}),
    st.builds(lambda what, s: name(what, *s), NAMES, SPANS),
    st.builds(fill, NAMES, TEXTS),
    NAMES.map(lambda what: {"deleteNamedRange": {"name": what}}),
    st.builds(replace_all, st.sampled_from(["a", "ab", "😀", ""]), TEXTS),
    st.builds(lambda at, r, c: table(r, c, at=at), INDEXES, st.integers(0, 2), st.integers(1, 2)),
    st.builds(
        at_cell,
        st.sampled_from(
            ["insertTableRow", "insertTableColumn", "deleteTableRow", "deleteTableColumn"]
        ),
        INDEXES,
        st.integers(0, 1),
        st.integers(0, 1),
    ),
    INDEXES.map(person),
    st.builds(date, INDEXES, st.sampled_from(ENDS_OF_TIME), st.sampled_from(ZONES)),
    INDEXES.map(lambda at: {"insertPageBreak": {"location": {"index": at}}}),
)
BATCHES = st.lists(
    st.tuples(
        st.lists(EDITS, min_size=1, max_size=3), st.sampled_from(["EDIT", "EDIT", "SUGGEST"])
    ),
    max_size=12,
)
BOUNDARIES: st.SearchStrategy[BoundaryInserts] = st.sampled_from(["outside", "inside"])


def edited(batches: list[tuple[list[Json], str]], boundary: BoundaryInserts) -> DocumentModel:
    """A document after some batches; refused batches change nothing."""
    new_id = id_counter()
    doc = blank_document("doc-1", "Page", new_id)
    doc.boundary_inserts = boundary
    for requests, mode in batches:
        before = to_json(doc)
        body = {"requests": requests, "writeControl": {"writeMode": mode}}
        try:
            apply_batch(doc, body, new_id=new_id)
        except DocsError:
            assert to_json(doc) == before
    return doc


def check_blocks(blocks: list[Json], start: int, end: int) -> None:
    """Check that indexes have no gaps, and every paragraph ends with its one newline."""
    for block in blocks:
        assert block.get("startIndex", 0) == start
        if "table" in block:
            check_table(block["table"], start, block["endIndex"])
        if "paragraph" in block:
            check_paragraph(block["paragraph"], start, block["endIndex"])
        start = block["endIndex"]
    assert start == end
    assert "paragraph" in blocks[-1]


def check_table(shown: Json, start: int, end: int) -> None:
    index = start + 1
    for row in shown["tableRows"]:
        assert row["startIndex"] == index
        assert len(row["tableCells"]) == shown["columns"]
        index += 1
        for each in row["tableCells"]:
            assert each["startIndex"] == index
            check_blocks(each["content"], index + 1, each["endIndex"])
            index = each["endIndex"]
        assert row["endIndex"] == index
    assert end == index + 1


def check_paragraph(shown: Json, start: int, end: int) -> None:
    text = ""
    for element in shown["elements"]:
        assert element.get("startIndex", 0) == start
        content = element["textRun"]["content"] if "textRun" in element else "\ue907"
        assert element["endIndex"] == start + len(content.encode("utf-16-le")) // 2
        start = element["endIndex"]
        text += content
    assert start == end
    assert text.index("\n") == len(text) - 1


def check(shown: Json) -> None:
    """Check everything that must be true of a document's resource, in any view."""
    content = shown["body"]["content"]
    assert "sectionBreak" in content[0]
    end = content[-1]["endIndex"]
    check_blocks(content[1:], 1, end)
    assert "table" not in content[1]
    assert not any("table" in a and "table" in b for a, b in itertools.pairwise(content))
    for group in shown.get("namedRanges", {}).values():
        for each in group["namedRanges"]:
            assert all(1 <= r["startIndex"] < r["endIndex"] <= end for r in each["ranges"])
            assert each["ranges"]


@given(BATCHES, BOUNDARIES)
@settings(max_examples=560, deadline=None)  # about 3,000 batches
def test_a_document_stays_whole_whatever_is_done_to_it(
    batches: list[tuple[list[Json], str]], boundary: BoundaryInserts
) -> None:
    doc = edited(batches, boundary)
    for view in VIEWS:
        check(render_document(doc, suggestions_view_mode=view, include_tabs_content=False))


@given(BATCHES, BOUNDARIES)
@settings(max_examples=80, deadline=None)
def test_a_stored_document_comes_back_as_it_was(
    batches: list[tuple[list[Json], str]], boundary: BoundaryInserts
) -> None:
    doc = edited(batches, boundary)
    assert from_json(json.loads(json.dumps(to_json(doc)))) == doc


@given(BATCHES)
@settings(max_examples=40, deadline=None)
def test_a_copy_lives_a_life_of_its_own(batches: list[tuple[list[Json], str]]) -> None:
    doc = edited(batches, "outside")
    before = to_json(doc)
    new_id = lambda: uuid4().hex  # noqa: E731
    copy = copy_document(doc, "doc-2", "Copy", new_id)
    assert (copy.id, copy.title) == ("doc-2", "Copy")
    assert copy.revision != doc.revision
    apply_batch(copy, {"requests": [insert("x", at=1)]}, new_id=new_id)
    assert to_json(doc) == before


PLAIN = st.text(alphabet="ab\n😀é", min_size=1, max_size=6)
STEPS = st.lists(st.tuples(PLAIN, st.integers(0, 40), st.integers(0, 8)), max_size=12)


@given(STEPS)
@settings(max_examples=150, deadline=None)
def test_inserted_and_deleted_text_reads_as_a_plain_string_would(
    steps: list[tuple[str, int, int]],
) -> None:
    page, expected = Page(), ""
    for text, at, length in steps:
        at = min(at, len(expected))  # noqa: PLW2901
        expected = expected[:at] + text + expected[at:]
        page.send(insert(text, at=1 + units(expected[:at])))
        gone = expected[at : at + length]
        if gone:
            page.send(delete(1 + units(expected[:at]), 1 + units(expected[:at] + gone)))
            expected = expected[:at] + expected[at + len(gone) :]
    assert page.text() == expected + "\n"


AROUND = st.lists(st.tuples(PLAIN, st.booleans()), max_size=8)


@given(AROUND, st.integers(1, 6), BOUNDARIES)
@settings(max_examples=150, deadline=None)
def test_a_named_range_keeps_its_text_while_text_is_inserted_around_it(
    inserts: list[tuple[str, bool]], length: int, boundary: BoundaryInserts
) -> None:
    page = Page("MARKED")
    page.doc.boundary_inserts = boundary
    page.send(name("mark", 1, 1 + length))
    for text, before in inserts:
        (held,) = page.named_ranges()["mark"]
        page.send(insert(text, at=held[0] if before else held[1]))
    (held,) = page.named_ranges()["mark"]
    content = page.text().encode("utf-16-le")
    text = content[2 * (held[0] - 1) : 2 * (held[1] - 1)].decode("utf-16-le")
    outer = "".join(text for text, before in reversed(inserts) if before)
    after = "".join(text for text, before in inserts if not before)
    expected = {"outside": "MARKED"[:length], "inside": outer + "MARKED"[:length] + after}
    assert text == expected[boundary]


@given(st.lists(TEXTS, min_size=1, max_size=4))
@settings(max_examples=100, deadline=None)
def test_suggested_text_is_there_when_accepted_and_gone_without(texts: list[str]) -> None:
    page = Page("start")
    for text in texts:
        if text:
            page.send(insert(text, at=3), writeMode="SUGGEST")
    stored = "".join(re.sub("[\x07\ue907]", "", text) for text in reversed(texts))
    assert page.text() == page.text(VIEWS[1]) == f"st{stored}art\n"
    assert page.text(VIEWS[2]) == "start\n"


def units(text: str) -> int:
    """The length of a text in UTF-16 code units."""
    return len(text.encode("utf-16-le")) // 2


def test_changing_an_answer_does_not_change_the_document() -> None:
    page = Page("abc")
    page.send(style(1, 3, "link", link={"url": "https://example.com"}), bullets(1, 2))
    before = json.dumps(page.resource())
    spoil(page.resource())
    assert json.dumps(page.resource()) == before
    assert text_of(page.blocks()) == "abc\n"


def test_changing_a_request_after_it_was_sent_does_not_change_the_document() -> None:
    page = Page("abc")
    request = style(1, 3, "link", link={"url": "https://example.com"})
    page.send(request)
    before = json.dumps(page.resource())
    spoil(request)
    assert json.dumps(page.resource()) == before


def spoil(value: Any) -> None:
    """Empty every object and list of some JSON."""
    children = value.values() if isinstance(value, dict) else value
    for child in list(children):
        if isinstance(child, dict | list):
            spoil(child)
    value.clear()
