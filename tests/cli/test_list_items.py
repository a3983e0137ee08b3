"""Text that begins with "- ", like a list item, is text and not an option."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.command_line import Postmortem
from tests.google_world import GoogleWorld
from workflow.cli.app import with_items_as_text


def test_a_section_may_begin_with_a_list(postmortem: Postmortem, google: GoogleWorld) -> None:
    doc_id = postmortem.json("start", "Wrong amounts")["doc_id"]
    postmortem("section", "next time", "- [ ] Name the price list – Ann\n- Ask a second person")
    shown = google.text(doc_id)
    assert "Name the price list – Ann" in shown
    assert "Ask a second person" in shown


def test_an_entry_may_be_a_list_item_with_options_around_it(postmortem: Postmortem) -> None:
    postmortem("start", "Wrong amounts")
    logged = postmortem.json(
        "log", "--by", "Ann", "- first the cache", "--link", "https://a.example"
    )
    assert (logged["text"], logged["by"]) == ("- first the cache", "Ann")
    assert logged["link"] == "https://a.example"
    entry = logged["entry"]
    assert postmortem.json("log", "--edit", entry, "- the cache")["text"] == "- the cache"
    assert postmortem.json("status", "identified", "- the cache")["text"].endswith("- the cache")


def test_an_options_value_may_be_one_too(postmortem: Postmortem) -> None:
    postmortem("start", "- Wrong amounts", "--impact", "- 200 customers")
    shown = postmortem.json("show")
    assert (shown["title"], shown["impact"]) == ("- Wrong amounts", "- 200 customers")


@pytest.mark.parametrize("slip", ["-b", "--yb", "-item"])
def test_a_slip_in_an_option_is_still_said(postmortem: Postmortem, slip: str) -> None:
    assert "No such option" in postmortem("log", "- seen", slip, expect=2).err


def test_a_text_that_begins_like_an_option_is_answered_with_what_to_write(
    postmortem: Postmortem,
) -> None:
    postmortem("start", "Wrong amounts")
    said = postmortem("log", "-5 % orders", "--by", "Ann", expect=2).err
    words = "No such option: -5. If `-5 % orders` is text, write -- before it, after all options."
    assert words in " ".join(said.split())
    logged = postmortem("log", "--by", "Ann", "--json", "--", "-5 % orders").json
    assert logged["text"] == "-5 % orders"
    said = postmortem("status", "resolved", "-1 left", expect=2).err
    assert "If `-1 left` is text, write -- before it" in " ".join(said.split())


@pytest.mark.parametrize("text", ["\u200b", " \u200b\ufeff ", "\u2060"])
def test_a_text_that_shows_nothing_is_empty(postmortem: Postmortem, text: str) -> None:
    postmortem("start", "Wrong amounts")
    empty = postmortem("log", "", expect=None)
    invisible = postmortem("log", text, expect=empty.code)
    assert (empty.code, invisible.err) == (3, empty.err)
    entry = postmortem.json("log", "Seen")["entry"]
    assert "The new text is empty." in postmortem("log", "--edit", entry, text, expect=3).err


OPTIONS, TEXTS = ["-v", "--json", "--by=Ann"], ["-", "- one", "-\ttwo", "three", ""]


@given(st.lists(st.sampled_from([*OPTIONS, *TEXTS])), st.lists(st.sampled_from(TEXTS)))
def test_texts_keep_their_order_and_options_stay_options(
    typed: list[str], behind: list[str]
) -> None:
    read = with_items_as_text([*typed, "- item", "--by", "- Ann", "--", *behind], {"--by"})
    dashes = read.index("--")
    assert read[:dashes] == [word for word in typed if word in OPTIONS] + ["--by", "- Ann"]
    assert read[dashes + 1 :] == [
        *(word for word in typed if word in TEXTS),
        "- item",
        *behind,
    ]


@given(st.lists(st.sampled_from([*OPTIONS, "--by", "--", "-", "three", ""])))
def test_without_a_list_item_nothing_is_moved(typed: list[str]) -> None:
    assert with_items_as_text(typed, {"--by"}) == typed
