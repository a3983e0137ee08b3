"""Tabs, headers and footers in the rehearsal's Google Docs."""

from __future__ import annotations

from tests.google_rehearsal.docs_page import Json, Page, append, insert, name, text_of


def add_tab(**properties: str | int) -> Json:
    return {"addDocumentTab": {"tabProperties": properties}}


def with_tab(title: str = "Notes") -> tuple[Page, str]:
    """A page with a second tab, and that tab's id."""
    page = Page("first")
    (reply,) = page.send(add_tab(title=title))
    return page, reply["addDocumentTab"]["tabProperties"]["tabId"]


def titles(page: Page) -> list[str]:
    return [tab["tabProperties"]["title"] for tab in page.tabs()]


def header_of(page: Page) -> str:
    (reply,) = page.send({"createHeader": {"type": "DEFAULT"}})
    return str(reply["createHeader"]["headerId"])


def test_a_document_has_one_tab() -> None:
    (tab,) = Page("x").tabs()
    assert tab["tabProperties"] == {"tabId": "t.0", "title": "Tab 1", "index": 0}
    assert text_of(tab["documentTab"]["body"]["content"]) == "x\n"


def test_content_is_in_the_tabs_or_in_the_document_never_in_both() -> None:
    page = Page("x")
    assert "tabs" not in page.resource()
    assert page.tabs()
    legacy = page.resource()
    assert {"body", "documentStyle", "namedStyles"} <= legacy.keys()


def test_a_tab_is_added_last_with_the_properties_that_the_reply_shows() -> None:
    page = Page()
    (reply,) = page.send(add_tab(title="Notes", iconEmoji="📝"))
    shown = reply["addDocumentTab"]["tabProperties"]
    assert (shown["title"], shown["index"], shown["iconEmoji"]) == ("Notes", 1, "📝")
    assert titles(page) == ["Tab 1", "Notes"]


def test_a_tab_at_an_index_moves_those_after_it() -> None:
    page = Page()
    page.send(add_tab(title="Cover", index=0))
    assert titles(page) == ["Cover", "Tab 1"]
    assert [tab["tabProperties"]["index"] for tab in page.tabs()] == [0, 1]


def test_a_child_tab_stands_under_its_parent() -> None:
    page, parent_id = with_tab()
    page.send(add_tab(title="Child", parentTabId=parent_id))
    (child,) = page.tabs()[1]["childTabs"]
    assert child["tabProperties"]["parentTabId"] == parent_id
    assert child["tabProperties"]["nestingLevel"] == 1


def test_a_request_without_a_tab_goes_to_the_first_and_with_one_to_that() -> None:
    page, tab_id = with_tab()
    page.send(insert("1", at=1), insert("2", at=1, tabId=tab_id))
    first, second = (tab["documentTab"]["body"]["content"] for tab in page.tabs())
    assert (text_of(first), text_of(second)) == ("1first\n", "2\n")


def test_replace_all_reaches_every_tab_or_those_selected() -> None:
    page, tab_id = with_tab()
    page.send(append("first", tabId=tab_id))
    change: Json = {"containsText": {"text": "first"}, "replaceText": "1"}
    (reply,) = page.send({"replaceAllText": {**change, "tabsCriteria": {"tabIds": [tab_id]}}})
    assert reply["replaceAllText"]["occurrencesChanged"] == 1
    assert page.text() == "first\n"
    page.send({"replaceAllText": change})
    assert page.text() == "1\n"


def test_ranges_of_a_name_are_deleted_in_every_tab_or_in_those_selected() -> None:
    page, tab_id = with_tab()
    page.send(append("x", tabId=tab_id), name("mark", 1, 2), name("mark", 1, 2, tabId=tab_id))
    here = {"tabsCriteria": {"tabIds": [tab_id]}}
    page.send({"deleteNamedRange": {"name": "mark", **here}})
    assert page.named_ranges() == {"mark": [(1, 2)]}
    page.send({"deleteNamedRange": {"name": "mark"}})
    assert page.named_ranges() == {}


def test_a_tab_is_renamed_and_moved() -> None:
    page, tab_id = with_tab()
    change = {"tabId": tab_id, "title": "Log", "index": 0}
    page.send({"updateDocumentTabProperties": {"tabProperties": change, "fields": "title,index"}})
    assert titles(page) == ["Log", "Tab 1"]


def test_a_deleted_tab_takes_its_children_along() -> None:
    page, tab_id = with_tab()
    page.send(add_tab(title="Child", parentTabId=tab_id), {"deleteTab": {"tabId": tab_id}})
    assert titles(page) == ["Tab 1"]


def test_a_header_counts_its_own_indexes_from_zero() -> None:
    page = Page("body")
    header_id = header_of(page)
    assert page.resource()["documentStyle"]["defaultHeaderId"] == header_id
    page.send(insert("top", at=0, segmentId=header_id), append("!", segmentId=header_id))
    content = page.resource()["headers"][header_id]["content"]
    assert text_of(content) == "top!\n"
    assert "startIndex" not in content[0]
    assert content[0]["endIndex"] == 5
    assert page.text() == "body\n"


def test_a_named_range_may_stand_in_a_header() -> None:
    page = Page()
    header_id = header_of(page)
    page.send(append("top", segmentId=header_id), name("mark", 0, 3, segmentId=header_id))
    page.send(insert("x", at=1))
    (shown,) = page.resource()["namedRanges"]["mark"]["namedRanges"]
    assert shown["ranges"] == [{"startIndex": 0, "endIndex": 3, "segmentId": header_id}]


def test_a_deleted_header_leaves_nothing_behind() -> None:
    page = Page()
    header_id = header_of(page)
    page.send(append("top", segmentId=header_id), name("mark", 0, 3, segmentId=header_id))
    page.send({"deleteHeader": {"headerId": header_id}})
    assert "headers" not in page.resource()
    assert "defaultHeaderId" not in page.resource()["documentStyle"]
    assert page.named_ranges() == {}


def test_a_footer_is_made_and_deleted_alike() -> None:
    page = Page()
    (reply,) = page.send({"createFooter": {"type": "DEFAULT"}})
    footer_id = reply["createFooter"]["footerId"]
    assert text_of(page.resource()["footers"][footer_id]["content"]) == "\n"
    page.send({"deleteFooter": {"footerId": footer_id}})
    assert "footers" not in page.resource()
