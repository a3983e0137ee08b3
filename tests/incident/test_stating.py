"""`impact` and `severity`: the first guess is corrected everywhere, and the record keeps both."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.command_line import CustomerList, Postmortem
from tests.doc.test_doc_template import google_template
from tests.google_world import GoogleWorld
from tests.incident.test_join import colleague
from tests.plug import dies_in

__all__ = ["colleague"]

Customers = Callable[[int], CustomerList]

START = "2026-11-23 14:39"
FIRST = "about 200 customers"
NEXT = "about 340 customers, all in Germany"
OFFLINE = {"POSTMORTEM_GOOGLE_URL": "http://127.0.0.1:9"}


@pytest.fixture
def doc_id(postmortem: Postmortem) -> str:
    words = ("start", "Wrong amounts", "--impact", FIRST, "--severity", "SEV2", "--at", START)
    return str(postmortem.json(*words, "--share", "ann@team.example:writer")["doc_id"])


def lines(google: GoogleWorld, doc_id: str) -> list[str]:
    return google.text(doc_id).splitlines()


def timeline(postmortem: Postmortem) -> list[str]:
    return [each["text"] for each in postmortem.json("show")["timeline"]]


def test_the_impact_is_said_anew_in_the_doc_and_logged(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    said = postmortem.json("impact", NEXT, "--at", "2026-11-23 14:50")
    assert (said["impact"], said["synced"]) == (NEXT, True)
    assert said["entry"]["text"] == f"Impact: {NEXT}"
    assert FIRST not in lines(google, doc_id)
    assert lines(google, doc_id).count(NEXT) == 1
    assert f"2:50 PM CET  Impact: {NEXT}" in google.text(doc_id)
    assert postmortem.json("show")["impact"] == NEXT


def test_the_first_impact_is_no_edit_by_hand(postmortem: Postmortem, google: GoogleWorld) -> None:
    """Also where two were stated before the doc could be reached."""
    for settings in ({}, OFFLINE):
        doc_id = postmortem.json("start", f"Wrong amounts {len(settings)}", "--at", START)["doc_id"]
        for text in (FIRST, NEXT):
            expected = 5 if settings else 0
            said = postmortem("impact", text, expect=expected, **settings)
            assert "by hand" not in said.out + said.err
        said = postmortem("sync")
        assert "by hand" not in said.out + said.err
        assert (lines(google, doc_id).count(FIRST), lines(google, doc_id).count(NEXT)) == (0, 1)


def test_without_words_it_says_what_was_said_last_and_when(
    postmortem: Postmortem, doc_id: str
) -> None:
    assert postmortem("impact").out.splitlines()[0] == FIRST
    postmortem("impact", NEXT, "--at", "2026-11-23 14:50")
    assert postmortem("impact").out == f"{NEXT}\nSet 23 Nov 2026, 2:50 PM CET\n"
    assert postmortem("impact", "-q").out == f"{NEXT}\n"
    shown = postmortem.json("severity")
    assert (shown["severity"], set(shown)) == ("SEV2", {"incident", "severity", "said_at"})


def test_nothing_said_yet_is_said_so(postmortem: Postmortem) -> None:
    postmortem("start", "Wrong amounts")
    assert "postmortem impact" in postmortem("impact").out
    assert postmortem.json("impact")["impact"] is None


def test_the_severity_changes_in_the_header_and_is_logged(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    postmortem("severity", "SEV1")
    assert "Severity: SEV1" in lines(google, doc_id)
    assert timeline(postmortem) == ["Severity: SEV1"]
    assert "SEV1" in postmortem("show").out


def test_saying_the_earlier_again_takes_it_back_and_the_timeline_keeps_all(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    postmortem("impact", NEXT)
    postmortem("impact", FIRST)
    assert (lines(google, doc_id).count(FIRST), lines(google, doc_id).count(NEXT)) == (1, 0)
    assert timeline(postmortem) == [f"Impact: {NEXT}", f"Impact: {FIRST}"]


def test_saying_what_holds_already_logs_nothing(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    before = google.text(doc_id)
    said = postmortem.json("impact", FIRST)
    assert (said["entry"], timeline(postmortem), google.text(doc_id)) == (None, [], before)


def test_standard_input_may_be_several_paragraphs(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    postmortem("impact", "-", typed="340 customers.\n\nAll in Germany.\n")
    at = lines(google, doc_id).index("340 customers.")
    assert "All in Germany." in lines(google, doc_id)[at + 1 : at + 3]


def test_later_mails_and_announcements_say_it(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, customers: Customers
) -> None:
    postmortem("impact", NEXT)
    sending = ("notify", str(customers(1)), "--template", "investigating", "--send")
    postmortem(*sending, "--confirm", "1", "--set", "support=help@team.example")
    (mail,) = google.sent()
    body = mail.get_body(("plain",))
    assert body is not None
    assert NEXT in body.get_content().replace("\n", " ")
    assert FIRST not in body.get_content()


def test_a_value_given_with_set_is_said_anew_too(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    started = postmortem.json("start", "Wrong amounts", "--set", f"impact={FIRST}")
    assert postmortem.json("impact")["impact"] == FIRST
    postmortem("impact", NEXT)
    assert postmortem.json("impact")["impact"] == NEXT
    assert lines(google, started["doc_id"]).count(NEXT) == 1
    assert FIRST not in lines(google, started["doc_id"])


def test_said_offline_it_comes_over_with_sync(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    postmortem("impact", NEXT, expect=5, **OFFLINE)
    postmortem("severity", "SEV1", expect=5, **OFFLINE)
    assert postmortem.json("show")["impact"] == NEXT
    postmortem("sync")
    assert lines(google, doc_id).count(NEXT) == 1
    assert "Severity: SEV1" in lines(google, doc_id)


def test_a_doc_that_is_made_later_has_the_last_words_once(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    postmortem("start", "Wrong amounts", "--impact", FIRST, expect=5, **OFFLINE)
    postmortem("impact", NEXT, expect=5, **OFFLINE)
    postmortem("sync")
    (document,) = google.documents()
    assert lines(google, document["id"]).count(NEXT) == 1


def test_killed_between_the_ledger_and_the_doc_it_is_finished_by_sync(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    dies_in("workflow.incident.facts", "bring_to_doc", postmortem, "impact", NEXT)
    assert lines(google, doc_id).count(FIRST) == 1
    postmortem("sync")
    assert (lines(google, doc_id).count(FIRST), lines(google, doc_id).count(NEXT)) == (0, 1)


def test_a_lost_answer_puts_nothing_in_twice(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    google.misbehave("close_after", "docs.documents.batchUpdate", times=1)
    postmortem("impact", NEXT, expect=None)
    postmortem("sync")
    assert lines(google, doc_id).count(NEXT) == 1
    assert timeline(postmortem) == [f"Impact: {NEXT}"]


def test_a_colleague_who_joined_says_it_anew_in_the_same_place(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, colleague: Postmortem
) -> None:
    colleague("join", f"https://docs.google.com/document/d/{doc_id}/edit")
    colleague("impact", NEXT)
    assert (lines(google, doc_id).count(FIRST), lines(google, doc_id).count(NEXT)) == (0, 1)


def test_in_the_copy_of_a_teams_own_template_it_stands_where_that_has_it(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    (_, url) = google_template(google)
    words = ("--impact", FIRST, "--severity", "SEV2", "--template", url, "--set", "room=R1")
    started = postmortem.json("start", "Wrong", *words)
    postmortem("impact", NEXT)
    postmortem("severity", "SEV1")
    text = google.text(started["doc_id"])
    assert f"{NEXT} / R1" in text
    assert f"Incident: {started['incident']} (SEV1), Wrong" in text


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("impact", " "), "The impact is empty."),
        (("impact", "-"), "The impact is empty."),
        (("severity", "x" * 61), "A severity has at most 60 characters"),
        (("impact", NEXT, "--at", "2026-11-23 14:00"), "is before the incident began"),
    ],
)
def test_bad_input_changes_nothing(
    postmortem: Postmortem, doc_id: str, words: tuple[str, ...], sentence: str
) -> None:
    said = postmortem(*words, expect=3)
    assert sentence in said.err
    assert timeline(postmortem) == []
    assert postmortem.json("show")["impact"] == FIRST


def test_a_time_without_words_is_wrong_usage(postmortem: Postmortem, doc_id: str) -> None:
    assert "--at" in postmortem("impact", "--at", "14:50", expect=2).err
