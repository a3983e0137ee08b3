"""People, dates, links, dropdowns and page breaks in the rehearsal's Google Docs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.google_rehearsal.docs_page import Json, Page, append, bad, delete, insert, table

OPTIONS = [{"displayValue": "Investigating"}, {"displayValue": "Resolved"}]


def person(email: str, at: int = 1, **more: str) -> Json:
    properties = {"email": email, **more}
    return {"insertPerson": {"personProperties": properties, "location": {"index": at}}}


def date(**properties: str) -> Json:
    return {"insertDate": {"dateElementProperties": properties, "location": {"index": 1}}}


def rich_link(uri: str, at: int = 1, **more: str) -> Json:
    properties = {"uri": uri, **more}
    return {"insertRichLink": {"richLinkProperties": properties, "location": {"index": at}}}


def define(*options: Json, **more: Any) -> Json:
    properties = {"title": "Status", "options": list(options) or OPTIONS}
    definition = {"dropdownDefinitionProperties": properties, **more}
    return {"createDropdownDefinition": {"dropdownDefinition": definition}}


def dropdown(definition_id: str, at: int = 1, **more: str) -> Json:
    place = {"location": {"index": at}}
    return {"insertDropdown": {"dropdownDefinitionId": definition_id, **place, **more}}


def chip(page: Page, kind: str) -> Json:
    """The first element of a kind."""
    (found, *_) = [
        element[kind]
        for paragraph in page.paragraphs()
        for element in paragraph["elements"]
        if kind in element
    ]
    return dict(found)


def with_dropdown() -> tuple[Page, Json]:
    """A page with one dropdown chip, and its definition."""
    page = Page()
    (reply,) = page.send(define())
    definition = reply["createDropdownDefinition"]["dropdownDefinition"]
    page.send(dropdown(definition["dropdownDefinitionId"]))
    return page, definition


def test_a_person_takes_one_index() -> None:
    page = Page("owner: ")
    page.send(person("ann@example.com", at=8, name="Ann"))
    assert page.text() == "owner: \ue907\n"
    assert page.blocks()[0]["endIndex"] == 10
    shown = chip(page, "person")
    assert shown["personProperties"] == {"email": "ann@example.com", "name": "Ann"}
    assert shown["personId"]


def test_a_chip_is_deleted_like_a_character() -> None:
    page = Page("ab")
    page.send(person("ann@example.com", at=2), delete(2, 3))
    assert page.text() == "ab\n"


@pytest.mark.parametrize(
    ("properties", "text"),
    [
        ({}, "Nov 24, 2026"),
        ({"dateFormat": "DATE_FORMAT_MONTH_DAY_ABBREVIATED"}, "Nov 24"),
        ({"dateFormat": "DATE_FORMAT_MONTH_DAY_FULL"}, "November 24"),
        ({"dateFormat": "DATE_FORMAT_ISO8601"}, "2026-11-24"),
        ({"timeFormat": "TIME_FORMAT_HOUR_MINUTE"}, "Nov 24, 2026 2:39 PM"),
        (
            {"timeFormat": "TIME_FORMAT_HOUR_MINUTE_TIMEZONE", "timeZoneId": "America/New_York"},
            "Nov 24, 2026 9:39 AM EST",
        ),
    ],
)
def test_a_date_says_how_it_reads(properties: dict[str, str], text: str) -> None:
    page = Page()
    page.send(date(timestamp="2026-11-24T14:39:00Z", **properties))
    shown = chip(page, "dateElement")["dateElementProperties"]
    assert shown["displayText"] == text
    assert shown["timestamp"] == "2026-11-24T14:39:00Z"


@pytest.mark.parametrize(
    ("uri", "mime_type"),
    [
        ("https://docs.google.com/document/d/1a-B_c/edit", "application/vnd.google-apps.document"),
        (
            "https://docs.google.com/spreadsheets/d/1abc",
            "application/vnd.google-apps.spreadsheet",
        ),
        ("https://drive.google.com/file/d/1abc/view", None),
        ("https://drive.google.com/drive/folders/1abc", None),
        ("https://drive.google.com/open?id=1abc", None),
    ],
)
def test_a_drive_file_becomes_a_rich_link(uri: str, mime_type: str | None) -> None:
    page = Page()
    page.send(rich_link(uri, title="Runbook"))
    shown = chip(page, "richLink")["richLinkProperties"]
    assert (shown["uri"], shown["title"]) == (uri, "Runbook")
    assert shown.get("mimeType") == mime_type


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "https://example.com/",
        "http://docs.google.com/document/d/1abc",
        "https://docs.google.com.evil.example/document/d/1abc",
        "https://docs.google.com/document/d/",
    ],
)
def test_any_other_address_does_not(uri: str) -> None:
    assert Page().refused(rich_link(uri)) == bad(
        "Invalid requests[0].insertRichLink: The URL is invalid."
    )


def test_a_dropdown_shows_the_first_option_unless_another_is_asked_for() -> None:
    page, definition = with_dropdown()
    shown = chip(page, "dropdown")["dropdownProperties"]
    assert shown["displayValue"] == "Investigating"
    second = definition["dropdownDefinitionProperties"]["options"][1]["optionId"]
    (reply,) = page.send(dropdown(definition["dropdownDefinitionId"], selectedOptionId=second))
    properties = reply["insertDropdown"]["dropdown"]["dropdownProperties"]
    assert properties["displayValue"] == "Resolved"


def test_a_definition_is_part_of_its_tab() -> None:
    page, definition = with_dropdown()
    (tab,) = page.tabs()
    definition_id = definition["dropdownDefinitionId"]
    assert tab["documentTab"]["dropdownDefinitions"] == {definition_id: definition}


def test_another_option_is_selected() -> None:
    page, definition = with_dropdown()
    option = definition["dropdownDefinitionProperties"]["options"][1]["optionId"]
    change = {
        "dropdownId": chip(page, "dropdown")["dropdownId"],
        "dropdownProperties": {"selectedOptionId": option},
        "fields": "selectedOptionId",
    }
    page.send({"updateDropdownProperties": change})
    assert chip(page, "dropdown")["dropdownProperties"]["displayValue"] == "Resolved"


def change_options(definition: Json, *options: Json, **replacements: str) -> Json:
    return {
        "updateDropdownDefinitionProperties": {
            "dropdownDefinitionId": definition["dropdownDefinitionId"],
            "dropdownDefinitionProperties": {"options": list(options)},
            "fields": "options",
            "selectedOptionIdReplacements": replacements,
        }
    }


def test_an_option_that_goes_takes_its_chips_to_the_replacement() -> None:
    page, definition = with_dropdown()
    first, second = definition["dropdownDefinitionProperties"]["options"]
    third = {"optionId": "dropdownItem.third", "displayValue": "Closed"}
    replacements = {first["optionId"]: second["optionId"]}
    page.send(change_options(definition, second, third, **replacements))
    assert chip(page, "dropdown")["dropdownProperties"]["displayValue"] == "Resolved"


def test_an_option_that_is_selected_does_not_go_without_a_replacement() -> None:
    page, definition = with_dropdown()
    first, second = definition["dropdownDefinitionProperties"]["options"]
    third = {"optionId": "dropdownItem.third", "displayValue": "Closed"}
    assert page.refused(change_options(definition, second, third)) == bad(
        "Invalid requests[0].updateDropdownDefinitionProperties: "
        f"The selected option {first['optionId']} is deleted without a replacement."
    )


def test_a_definition_is_deleted_when_no_chip_shows_it() -> None:
    page, definition = with_dropdown()
    definition_id = definition["dropdownDefinitionId"]
    forget = {"deleteDropdownDefinition": {"dropdownDefinitionId": definition_id}}
    assert page.refused(forget) == bad(
        "Invalid requests[0].deleteDropdownDefinition: "
        f"Dropdown definition {definition_id} is referenced by a dropdown."
    )
    page.send(delete(1, 2), forget)
    assert page.tabs()[0]["documentTab"].get("dropdownDefinitions") is None


@pytest.mark.parametrize(
    ("request_body", "why"),
    [
        (
            define({"displayValue": "only"}),
            "A dropdown definition must have at least 2 and at most 50 options.",
        ),
        (
            define(*({"displayValue": str(i)} for i in range(51))),
            "A dropdown definition must have at least 2 and at most 50 options.",
        ),
        (
            define({"displayValue": "a"}, {"displayValue": ""}),
            "A dropdown option must have a display value.",
        ),
        (
            define({"displayValue": "a", "optionId": "a"}, {"displayValue": "b"}),
            "The dropdown option ID a is invalid.",
        ),
        (
            define(*({"displayValue": x, "optionId": "dropdownItem.ab"} for x in "ab")),
            "The option IDs of a dropdown definition must be unique.",
        ),
        (
            define({"displayValue": "a", "textStyle": {"bold": True}}, {"displayValue": "b"}),
            "A dropdown option supports foreground and background color only.",
        ),
        (
            define(dropdownDefinitionId="status"),
            "The dropdown definition ID status is invalid.",
        ),
    ],
)
def test_a_definition_that_breaks_a_rule_is_refused(request_body: Json, why: str) -> None:
    assert Page().refused(request_body) == bad(
        f"Invalid requests[0].createDropdownDefinition: {why}"
    )


def test_a_page_break_is_followed_by_a_newline() -> None:
    page = Page("ab")
    page.send({"insertPageBreak": {"location": {"index": 2}}})
    assert page.text() == "a\ue907\nb\n"
    assert "pageBreak" in page.paragraphs()[0]["elements"][1]


def test_text_next_to_chips_keeps_its_own_run() -> None:
    page = Page()
    page.send(person("a@example.com"), insert("by ", at=1), append(" (owner)"), table(1, 1, at=1))
    kinds = [
        next(k for k in e if k not in ("startIndex", "endIndex"))
        for e in page.blocks()[2]["paragraph"]["elements"]
    ]
    assert kinds == ["textRun", "person", "textRun"]
