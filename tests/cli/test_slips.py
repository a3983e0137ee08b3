"""A person's slips and misunderstandings are reported."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.command_line import CustomerList, Postmortem
from tests.google_world import GoogleWorld
from tests.terminal import at_a_terminal

Customers = Callable[[int], CustomerList]


def test_a_title_that_was_started_minutes_ago_is_said_to_be(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    first = postmortem.json("start", "Wrong amounts")["incident"]
    result = postmortem("start", "  wrong   AMOUNTS ")
    assert f"was already started minutes ago: incident {first}" in result.err
    assert len(google.documents()) == 2
    assert "already" not in postmortem("start", "Something else").err


@pytest.mark.parametrize(("answer", "code", "count"), [("yes", 0, 2), ("no", 3, 1)])
def test_at_a_terminal_a_second_one_is_asked_about(
    postmortem: Postmortem, google: GoogleWorld, answer: str, code: int, count: int
) -> None:
    postmortem("start", "Wrong amounts")
    assert at_a_terminal(postmortem, "start", "Wrong amounts", typed=answer).code == code
    assert len(google.documents()) == count


def test_a_title_that_is_closed_or_long_ago_may_come_again(postmortem: Postmortem) -> None:
    postmortem("start", "Wrong amounts")
    postmortem("close", "--force", "Nobody was hit")
    assert "already" not in postmortem("start", "Wrong amounts").err


@pytest.mark.parametrize("correction", [["--strike"], ["--edit"]])
def test_that_customers_were_written_to_is_not_taken_back(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, correction: list[str]
) -> None:
    doc_id = postmortem.json("start", "Wrong amounts")["doc_id"]
    postmortem("notify", str(customers(1)), "--send", "--confirm", "1")
    (entry,) = [one["entry"] for one in postmortem.json("show")["timeline"]]
    words = ["Nobody"] if correction == ["--edit"] else []
    result = postmortem("log", *correction, entry, *words, expect=3)
    assert "records a notice to customers and can't be changed" in result.err
    assert "Emailed 1 customer" in google.text(doc_id)
    assert "~~" not in google.markdown(doc_id)


def test_tests_are_shown_as_tests_and_counted_nowhere(
    postmortem: Postmortem, customers: Customers
) -> None:
    postmortem("start", "Wrong amounts")
    listed = str(customers(2))
    postmortem("notify", listed, "--test", "me@team.example")
    postmortem("notify", listed, "--send", "--confirm", "2")
    shown = postmortem("show").out
    assert "Test mails (no customer got these)" in shown
    assert "to me@team.example, sent: " in shown
    document = postmortem.json("show")
    assert [(one["email"], one["state"]) for one in document["tests"]] == [
        ("me@team.example", "sent")
    ]
    assert [one["counts"]["sent"] for one in document["notices"]] == [2]
    assert "Tests" not in shown[: shown.index("Notice ")]


def test_a_misspelt_status_names_those_there_are_and_the_one_that_is_near(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    doc_id = postmortem.json("start", "Wrong amounts")["doc_id"]
    before = google.document(doc_id)
    words = "is not one of investigating, identified, monitoring, resolved."
    for typed in ("identifed", "Identifed"):
        refused = postmortem("status", typed, "A stale price list", expect=2)
        assert f"'{typed}' {words} Did you mean identified?" in refused.err
    far = postmortem("status", "someday", expect=2).err
    assert f"'someday' {words}" in far
    assert "Did you mean" not in far
    assert postmortem.json("status", "resolvd", expect=2)["exit_code"] == 2
    assert google.document(doc_id) == before


def test_the_help_of_status_names_the_words_that_it_takes(postmortem: Postmortem) -> None:
    said = postmortem("status", "--help").out
    assert "investigating, identified, monitoring or resolved" in " ".join(said.split())


def test_forget_names_what_is_no_address_before_it_asks(postmortem: Postmortem) -> None:
    said = at_a_terminal(postmortem, "forget", "bob", typed="n")
    assert "bob: an email address must have an @-sign." in said.out + said.err


def test_a_file_where_none_is_taken_names_the_option(postmortem: Postmortem) -> None:
    assert "Name the target with --to." in postmortem("report", "out.html", expect=2).err
    assert "--to" not in postmortem("bounces", "out.html", expect=2).err


def test_an_option_out_of_place_is_named_alone(
    postmortem: Postmortem, customers: Customers
) -> None:
    postmortem("start", "Wrong amounts")
    words = ("notify", str(customers(1)), "--preview")
    refused = postmortem(*words, "--confirm", "1", expect=3).err
    assert refused == "--confirm works only with --send.\n"
    refused = postmortem(*words, "--row", "2", expect=3).err
    assert refused == "--row works only with --test.\n"


def test_each_error_of_a_mail_has_its_own_line(
    postmortem: Postmortem, customers: Customers
) -> None:
    postmortem("start", "Wrong amounts")
    words = ("--stage", "resolved", "--set", "update=x", "--send", "--confirm", "1")
    refused = postmortem("notify", str(customers(1)), *words, expect=3).err
    assert "run this first: postmortem status resolved\n" in refused
    assert "\n--set update: " in refused
