"""The program's edits in a doc that people write in."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from google_rehearsal.wire.call import apply_mask, parse_mask
from tests.document.page import SMALL, Boundary, Page, an_entry, shipped_template
from workflow.document.blocks import blocks_from_text
from workflow.document.edits.batch import compute_edit, section_text
from workflow.document.edits.changes import FillSection, PutNotice, SetField
from workflow.document.parse import blocks_from_markdown
from workflow.document.requests import entry_name, section_name
from workflow.document.view import FIELDS, read_document


@pytest.fixture(params=["outside", "inside"])
def page(request: pytest.FixtureRequest) -> Page:
    return Page(boundary=request.param)


def a_text(text_id: str, section: str, words: str) -> FillSection:
    return FillSection(text_id, section, tuple(blocks_from_text(words)))


def a_notice(
    *facts: str, notice_id: str = "n1", body: str = "Dear customer,\n\nsorry."
) -> PutNotice:
    return PutNotice(notice_id, "Update of 3 PM", facts, tuple(blocks_from_markdown(body)))


class TestTimeline:
    def test_the_first_entry_takes_the_place_of_the_hint_under_its_day(self, page: Page) -> None:
        page.edit(an_entry("a", 0, "Recognized somethin' wasn't right"))
        assert page.under("Timeline") == [
            "24 Nov 2026",
            "2:39 PM CET  Recognized somethin' wasn't right",
        ]

    def test_the_time_is_bold_and_the_text_is_not(self, page: Page) -> None:
        page.edit(an_entry("a", 0, "seen"))
        stamp, text = page.styles_of("seen")[:2]
        assert stamp == {"bold": True}
        assert text == {}

    def test_a_late_entry_is_sorted_in_and_says_that_it_was_added_later(self, page: Page) -> None:
        page.edit(an_entry("a", 0, "first"))
        page.edit(an_entry("c", 9, "third"))
        page.edit(an_entry("b", 4, "second", said_after=267))
        assert page.under("Timeline")[1:] == [
            "2:39 PM CET  first",
            "2:43 PM CET  second (added later, 7:10 PM CET)",
            "2:48 PM CET  third",
        ]

    def test_an_entry_said_in_time_is_not_marked_when_it_comes_to_the_doc_late(
        self, page: Page
    ) -> None:
        page.edit(an_entry("b", 9, "second"))
        page.edit(an_entry("a", 0, "first, written down offline"))
        assert "added later" not in page.text

    def test_the_day_is_named_once_when_the_incident_runs_past_midnight(self, page: Page) -> None:
        page.edit(an_entry("a", 0, "begun"), an_entry("b", 10 * 60, "still on"))
        page.edit(an_entry("c", 9 * 60, "near midnight"), an_entry("d", 11 * 60, "over"))
        assert page.under("Timeline") == [
            "24 Nov 2026",
            "2:39 PM CET  begun",
            "11:39 PM CET  near midnight",
            "25 Nov 2026",
            "12:39 AM CET  still on",
            "1:39 AM CET  over",
        ]

    def test_author_and_link_are_shown_and_the_link_works(self, page: Page) -> None:
        page.edit(an_entry("a", 0, "alerted", by="Ann", link="https://chat.example/x?y=1#z"))
        assert page.under("Timeline")[1] == "2:39 PM CET  alerted (chat.example) — Ann"
        links = [style.get("link") for style in page.styles_of("alerted")]
        assert {"url": "https://chat.example/x?y=1#z"} in links

    def test_what_is_no_web_address_stays_text(self, page: Page) -> None:
        page.edit(an_entry("a", 0, "run", link="javascript:alert(1)"))
        assert "(javascript:alert(1))" in page.line("run").text
        assert not any("link" in style for style in page.styles_of("run"))

    def test_several_lines_stay_one_entry(self, page: Page) -> None:
        page.edit(an_entry("a", 0, "one\r\ntwo"), an_entry("b", 1, "next"))
        assert page.under("Timeline")[1:] == ["2:39 PM CET  one\vtwo", "2:40 PM CET  next"]

    def test_lines_that_people_typed_stay_with_the_entry_above_them(self, page: Page) -> None:
        page.edit(an_entry("a", 0, "first"), an_entry("c", 9, "third"))
        page.type_line_below("first", "typed under the first")
        page.type_line_below("third", "typed under the third")
        page.edit(an_entry("b", 4, "second"), an_entry("d", 12, "fourth"))
        assert [line.split("  ")[-1] for line in page.under("Timeline")[1:]] == [
            *("first", "typed under the first", "second"),
            *("third", "typed under the third", "fourth"),
        ]

    def test_an_entry_under_a_persons_list_is_no_item_of_it(self, page: Page) -> None:
        page.edit(an_entry("a", 0, "first"))
        page.type_line_below("first", "an item")
        item = page.line("an item")
        within = {"startIndex": item.start, "endIndex": item.end}
        preset = {"range": within, "bulletPreset": "BULLET_DISC_CIRCLE_SQUARE"}
        page.by_hand({"createParagraphBullets": preset})
        page.edit(an_entry("b", 1, "second"))
        assert page.line("an item").list_id
        assert not page.line("second").list_id

    def test_a_timeline_that_became_a_table_gets_entries_behind_the_table(self, page: Page) -> None:
        page.replace(page.under("Timeline")[0], by="see the table")
        at = {"index": page.line("see the table").end - 1}
        page.by_hand({"insertTable": {"rows": 1, "columns": 1, "location": at}})
        page.edit(an_entry("a", 0, "first"))
        assert page.under("Timeline") == [
            "see the table",
            *("", "", "24 Nov 2026", "2:39 PM CET  first"),
        ]

    def test_entries_right_behind_a_table_come_in_order(self, page: Page) -> None:
        page.replace(page.under("Timeline")[0], by="see the table")
        at = {"index": page.line("Solution").start}
        page.by_hand({"insertTable": {"rows": 1, "columns": 1, "location": at}})
        page.forget_ranges("postmortem/section/solution")
        for number in (3, 1, 4, 2):
            page.edit(an_entry(f"e{number}", number * 12 * 60, f"number {number}"))
        assert page.under("Timeline")[-6:] == [
            *("25 Nov 2026", "2:39 AM CET  number 1", "2:39 PM CET  number 2"),
            *("26 Nov 2026", "2:39 AM CET  number 3", "2:39 PM CET  number 4"),
        ]

    def test_entries_are_put_with_the_others_when_the_heading_is_gone(self, page: Page) -> None:
        page.edit(an_entry("a", 0, "first"), an_entry("c", 9, "third"))
        page.delete_line("Timeline")
        edit = page.edit(an_entry("b", 4, "second"))
        assert page.entry_ids == ["a", "b", "c"]
        assert edit.notices_to_user == (
            "The heading “Timeline” is missing. Entries were added to the existing ones.",
        )

    def test_an_entry_that_the_doc_has_is_not_written_again(self, page: Page) -> None:
        page.edit(an_entry("a", 0, "first"))
        edit = page.edit(an_entry("a", 0, "first"), an_entry("b", 1, "second"))
        assert edit.already_there == {"a"}
        assert page.entry_ids == ["a", "b"]


class TestHeader:
    def test_a_value_is_replaced_by_the_next(self, page: Page) -> None:
        page.edit(SetField("status", "Identified"), SetField("duration", "4 h 6 min"))
        page.edit(SetField("status", "Resolved"))
        assert page.line("Status").text == "Status: Resolved"
        assert page.line("Duration").text == "Duration: 4 h 6 min"

    def test_what_a_person_made_of_a_value_stays_and_ours_comes_in_front(self, page: Page) -> None:
        page.replace("Investigating", by="Panic (see chat)")
        edit = page.edit(SetField("status", "Identified"))
        assert page.line("Status").text == "Status: Identified · Panic (see chat)"
        assert edit.notices_to_user == (
            "The line “Status” was edited by hand (“Panic (see chat)”). The new value was put "
            "before it.",
        )
        page.edit(SetField("status", "Resolved"))
        assert page.line("Status").text == "Status: Resolved · Panic (see chat)"

    def test_a_value_that_a_person_emptied_is_filled_again(self, page: Page) -> None:
        value = page.line("Status").start + len("Status:")
        page.delete(value, page.line("Status").end - 1)
        page.edit(SetField("status", "Identified"))
        assert page.line("Status").text == "Status: Identified"

    def test_without_its_range_a_known_value_is_still_replaced(self, page: Page) -> None:
        page.forget_ranges("postmortem/field")
        page.edit(SetField("status", "Resolved", known_values=("Investigating",)))
        assert page.line("Status").text == "Status: Resolved"

    def test_a_line_that_is_gone_is_put_back_with_the_others(self, page: Page) -> None:
        page.delete_line("Status")
        edit = page.edit(SetField("status", "Resolved"))
        assert page.lines[:8][-1] == "Status: Resolved"
        assert edit.notices_to_user == (
            "The line “Status” was missing. It was added again at the top.",
        )

    def test_a_line_put_back_under_one_that_changes_leaves_both_whole(self, page: Page) -> None:
        page.edit(SetField("room", "ops-1"), SetField("links", "https://status.example"))
        assert page.lines[7:9] == ["Links: https://status.example", "Room: ops-1"]

    @given(
        typed=st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=5),
        offset=st.integers(0, len("Status: Investigating")),
        boundary=st.sampled_from(["outside", "inside"]),
    )
    @settings(max_examples=60, deadline=None)
    def test_whatever_is_typed_into_the_line_is_kept(
        self, typed: str, offset: int, boundary: Boundary
    ) -> None:
        page = Page(boundary=boundary, template=SMALL)
        before = page.line("Status").text
        page.type_at(page.line("Status").start + offset, typed)
        page.edit(SetField("status", "Resolved"))
        after = page.line("Resolved").text
        assert page.deleted in ([], ["Investigating"])
        kept = before[:offset] + typed + before[offset:]
        assert all(char in after for char in typed)
        assert kept in after.replace("Resolved · ", "") or page.deleted == ["Investigating"]


class TestSections:
    def test_text_takes_the_place_of_the_hint_and_later_text_goes_behind_it(
        self, page: Page
    ) -> None:
        page.edit(a_text("1", "root cause", "A wrong join.\n\nAnd no test."))
        page.edit(a_text("2", "Root Cause:", "Found by Ann."))
        assert page.under("Root cause") == ["A wrong join.", "And no test.", "Found by Ann."]

    def test_a_hint_that_somebody_wrote_on_stays(self, page: Page) -> None:
        hint = page.under("Solution")[0]
        page.type_at(page.line(hint).end - 1, " I think: rollback")
        page.edit(a_text("1", "solution", "Rolled back."))
        assert page.under("Solution") == [f"{hint} I think: rollback", "Rolled back."]

    def test_a_hint_of_a_list_goes_when_the_checklist_is_filled(self, page: Page) -> None:
        blocks = tuple(blocks_from_markdown("- [ ] Add a test — Ann — Friday\n- [x] Say sorry"))
        page.edit(FillSection("1", "next_time", blocks))
        assert page.under("What we will do next time") == [
            "Add a test — Ann — Friday",
            "Say sorry",
        ]
        assert all(page.line(words).list_id for words in ("Add a test", "Say sorry"))

    def test_empty_lines_at_the_end_of_a_section_stay_at_its_end(self, page: Page) -> None:
        page.edit(a_text("1", "summary", "One."))
        page.type_line_below("One.", "\n")
        page.edit(a_text("2", "summary", "Two."))
        assert page.under("Summary") == ["One.", "Two.", "", ""]

    def test_a_renamed_section_is_found_by_its_range(self, page: Page) -> None:
        page.replace("oot cause", by="eason")
        page.edit(a_text("1", "root_cause", "A wrong join."))
        assert page.under("Reason") == ["A wrong join."]

    def test_a_section_whose_heading_was_typed_anew_is_found_by_what_is_in_it(
        self, page: Page
    ) -> None:
        page.replace("Root cause", by="Why")
        page.edit(a_text("1", "root cause", "A wrong join."))
        page.replace("Timeline", by="What happened when")
        page.edit(an_entry("a", 0, "first"))
        page.replace("What happened when", by="Hour by hour")
        edit = page.edit(an_entry("b", 1, "second"), a_text("2", "root cause", "No test."))
        assert page.under("Why") == ["A wrong join.", "No test."]
        assert len(page.under("Hour by hour")) == 3
        assert edit.notices_to_user == ()

    def test_a_section_without_its_range_is_found_by_its_heading_and_gets_it_back(
        self, page: Page
    ) -> None:
        page.forget_ranges("postmortem/section/impact")
        page.edit(a_text("1", "impact", "Three customers."))
        assert page.under("Impact") == ["Three customers."]
        restored = page.view().own_ranges("section", "impact")[0].range
        assert page.view().paragraph_of(restored) == page.line("Impact")

    def test_a_section_that_is_gone_is_put_back_at_the_end_and_the_user_is_told(
        self, page: Page
    ) -> None:
        page.delete_line("Solution")
        edit = page.edit(a_text("1", "solution", "Rolled back."))
        assert page.lines[-2:] == ["Solution", "Rolled back."]
        assert page.line("Solution").named_style == "HEADING_1"
        assert edit.notices_to_user == (
            "The section “Solution” was missing. It was added again at the end.",
        )

    def test_a_section_that_never_was_is_added_once(self, page: Page) -> None:
        page.edit(a_text("1", "Legal", "Nothing."))
        page.edit(a_text("2", "legal", "More."))
        assert page.lines[-3:] == ["Legal", "Nothing.", "More."]

    def test_a_section_moved_to_another_tab_is_filled_there(self, page: Page) -> None:
        page.delete_line("Impact")
        page.by_hand({"addDocumentTab": {"tabProperties": {"title": "Notes"}}})
        tab = page.view().tabs[-1].id
        insert = {"location": {"index": 1, "tabId": tab}, "text": "Impact\nmoved here"}
        heading = {"startIndex": 1, "endIndex": 7, "tabId": tab}
        style = {"namedStyleType": "HEADING_2"}
        page.by_hand(
            {"insertText": insert},
            {
                "updateParagraphStyle": {
                    "range": heading,
                    "paragraphStyle": style,
                    "fields": "namedStyleType",
                }
            },
        )
        page.edit(a_text("1", "impact", "Three customers."))
        there = [one.text for one in page.view().in_tab(tab)]
        assert there == ["Impact", "moved here", "Three customers."]

    def test_headings_in_a_text_stay_below_the_sections_own(self, page: Page) -> None:
        page.edit(FillSection("1", "impact", tuple(blocks_from_markdown("# Who\n\nAll."))))
        assert page.line("Who").named_style == "HEADING_2"

    def test_a_heading_right_behind_a_table_keeps_its_range(self, page: Page) -> None:
        """The text is inserted at the heading's very start, the one place at a range's edge."""
        page.edit(an_entry("a", 0, "first"))
        at = {"index": page.line("Solution").start}
        page.by_hand({"insertTable": {"rows": 1, "columns": 1, "location": at}})
        page.forget_ranges("postmortem/section/solution")
        page.edit(a_text("1", "solution", "Rolled back."))  # Gives the heading a new range.
        page.edit(a_text("2", "timeline", "below the table"), a_text("3", "timeline", "further"))
        page.replace("Solution", by="Mend")
        page.edit(a_text("4", "solution", "Checked."))
        assert page.under("Timeline")[-2:] == ["below the table", "further"]
        assert page.under("Mend") == ["Rolled back.", "Checked."]

    def test_what_stands_in_a_section_reads_back_without_its_hint(self, page: Page) -> None:
        sections = page.template.sections
        assert section_text(page.view(), "summary", sections) == ""
        page.edit(a_text("1", "summary", "One\ntwo.\n\nThree."))
        assert section_text(page.view(), "summary", sections) == "One\ntwo.\nThree."


class TestNotices:
    def test_a_notice_is_copied_once_with_its_facts_and_its_text(self, page: Page) -> None:
        page.edit(a_notice("Sent 3:00 PM CET", "3 of 3 accepted"))
        edit = page.edit(a_notice("Sent 3:00 PM CET", "3 of 3 accepted"))
        assert edit.requests == []
        assert edit.already_there == {"n1"}
        assert page.under("Customer-facing response") == [
            "Update of 3 PM",
            "Sent 3:00 PM CET\v3 of 3 accepted",
            "Dear customer,",
            "sorry.",
        ]

    def test_only_the_facts_change_when_a_notice_is_finished_later(self, page: Page) -> None:
        page.edit(a_notice("2 of 3 accepted"))
        page.type_line_below("sorry.", "typed below")
        page.edit(a_notice("3 of 3 accepted"))
        assert page.under("Customer-facing response") == [
            "Update of 3 PM",
            "3 of 3 accepted",
            "Dear customer,",
            "sorry.",
            "typed below",
        ]
        assert page.deleted[-1] == "2 of 3 accepted"

    def test_facts_that_a_person_changed_stay_beside_the_new_ones(self, page: Page) -> None:
        page.edit(a_notice("2 of 3 accepted"))
        page.replace("2 of 3", by="Almost all")
        edit = page.edit(a_notice("3 of 3 accepted"))
        assert page.under("Customer-facing response")[1:3] == [
            "Almost all accepted",
            "3 of 3 accepted",
        ]
        assert "edited by hand" in edit.notices_to_user[0]
        page.edit(a_notice("3 of 3 accepted, 1 bounced"))
        assert page.under("Customer-facing response")[1:3] == [
            "Almost all accepted",
            "3 of 3 accepted, 1 bounced",
        ]

    def test_facts_without_their_range_are_known_by_their_words(self, page: Page) -> None:
        page.edit(a_notice("2 of 3 accepted"))
        page.forget_ranges("postmortem/facts")
        notice = a_notice("3 of 3 accepted")
        page.edit(PutNotice(notice.id, "", notice.facts, (), (("2 of 3 accepted",),)))
        assert page.under("Customer-facing response")[:3] == [
            "Update of 3 PM",
            "3 of 3 accepted",
            "Dear customer,",
        ]

    def test_a_table_and_a_list_in_a_mail_come_out_as_such(self, page: Page) -> None:
        table = "| a | b |\n|---|---|\n| 1 | 2🎉 |"
        body = f"Before\n\n{table}\n\n1. item I\n   - item II\n2. item III\n\nEnd"
        page.edit(a_notice("sent", body=body))
        cells = [one.text for one in page.view().paragraphs if one.cell]
        assert cells == ["a", "b", "1", "2🎉"]
        items = [one.text for one in page.view().paragraphs if one.list_id]
        assert items[:3] == ["item I", "item II", "item III"]
        page.edit(a_text("1", "customer-facing response", "Last."))
        assert page.under("Customer-facing response")[-2:] == ["End", "Last."]


def test_all_changes_of_a_command_are_one_batch_in_their_places(page: Page) -> None:
    page.edit(
        SetField("status", "Resolved"),
        an_entry("b", 5, "second"),
        an_entry("a", 0, "first"),
        a_text("1", "customer-facing response", "By mail."),
        a_notice("sent"),
        a_text("2", "support", "Write to help@example.com."),
        a_text("3", "Legal", "None."),
    )
    assert page.line("Status").text == "Status: Resolved"
    assert page.entry_ids == ["a", "b"]
    assert page.under("Customer-facing response")[:2] == ["By mail.", "Update of 3 PM"]
    assert page.lines[-4:] == [
        "How to contact support",
        "Write to help@example.com.",
        *("Legal", "None."),
    ]


def test_the_mask_for_reading_leaves_out_nothing_that_an_edit_looks_at() -> None:
    page = Page()
    page.edit(a_notice("sent", body="| a |\n|---|\n| b |\n\n- c"), an_entry("a", 0, "first"))
    page.by_hand({"addDocumentTab": {"tabProperties": {"title": "Notes"}}})
    page.by_hand({"addDocumentTab": {"tabProperties": {"parentTabId": page.view().tabs[-1].id}}})
    assert len(page.view().tabs) == 3
    assert read_document(apply_mask(parse_mask(FIELDS), page.document())) == page.view()


def test_a_doc_of_2000_entries_is_edited_in_a_time_that_grows_with_its_entries() -> None:
    sections = shipped_template().sections

    def least_seconds(entries: int) -> float:
        document = _long_document(entries, length=250)
        seconds = []
        for _ in range(3):
            view = read_document(document)
            started = time.process_time()
            edit = compute_edit(view, [an_entry("new", 333.5, "late")], sections)
            seconds.append(time.process_time() - started)
        assert edit.requests[0]["insertText"]["text"] == "\n8:12 PM CET  late"
        assert edit.requests[0]["insertText"]["location"]["index"] == 334 * 251 + 9
        return min(seconds)

    # Four times the entries. Were each compared with all, it would be sixteen times the time.
    assert least_seconds(2000) < 9 * least_seconds(500)


def _long_document(entries: int, length: int) -> dict[str, Any]:
    """A timeline with an entry a minute, as documents.get gives it through the mask."""
    lines = [("HEADING_1", "Timeline"), *[("NORMAL_TEXT", "x" * length)] * entries]
    content: list[dict[str, Any]] = [{"endIndex": 1, "sectionBreak": {}}]
    ranges: dict[str, Any] = {}
    index = 1
    for number, (style, text) in enumerate(lines):
        bounds = {"startIndex": index, "endIndex": index + len(text) + 1}
        elements = [bounds | {"textRun": {"content": f"{text}\n"}}]
        paragraph = {"elements": elements, "paragraphStyle": {"namedStyleType": style}}
        content.append(bounds | {"paragraph": paragraph})
        entry = an_entry(f"e{number}", number - 1).entry
        name = entry_name(entry) if number else section_name("timeline")
        over = {"startIndex": index, "endIndex": index + 5, "tabId": "t.0"}
        named = {"namedRangeId": f"id{number}", "name": name, "ranges": [over]}
        ranges[name] = {"name": name, "namedRanges": [named]}
        index += len(text) + 1
    tab = {"body": {"content": content}, "namedRanges": ranges}
    return {"tabs": [{"tabProperties": {"tabId": "t.0"}, "documentTab": tab}]}
