"""A plan that can't be sent says so in the preview already, in words, by its exit code, in JSON."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.command_line import CustomerList, Postmortem
from tests.google_world import GoogleWorld

Customers = Callable[[int], CustomerList]

CORRECTION = (
    *("--stage", "correction", "--set", "wrong_text=We named the wrong day."),
    *("--set", "what_happened=It was Tuesday."),
)
SHAPE = {
    *("incident", "notice", "stage", "subject", "recipients", "counts", "failures"),
    *("copied_back", "mode"),
}


@pytest.mark.parametrize(
    ("way", "mode"),
    [([], "preview"), (["--send"], "send"), (["--send", "--confirm", "2"], "send")],
)
def test_a_correction_to_people_who_were_told_nothing_is_refused(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, way: list[str], mode: str
) -> None:
    postmortem("start", "Wrong amounts")
    result = postmortem("notify", str(customers(2)), *CORRECTION, *way, "--json", expect=3)
    assert "nobody on it was told anything of this incident" in result.err
    document = result.json
    assert document.keys() > SHAPE
    assert (document["mode"], document["notice"], document["recipients"]) == (mode, None, 0)
    assert document["counts"] == {
        **dict.fromkeys(("sent", "failed", "unknown", "pending"), 0),
        "skipped": 2,
    }
    assert document["exit_code"] == 3
    assert google.copies_per_recipient() == {}


def test_a_team_that_hides_that_finding_is_still_told_that_nothing_was_sent(
    postmortem: Postmortem, customers: Customers
) -> None:
    postmortem.configure('allowed_findings = ["nobody_wronged"]')
    postmortem("start", "Wrong amounts")
    result = postmortem("notify", str(customers(1)), *CORRECTION, "--send", "--json", expect=3)
    assert "nobody on the list got a mail that is corrected" in result.err
    assert result.json["counts"]["skipped"] == 1


def test_a_correction_that_all_of_them_have_is_no_fault(
    postmortem: Postmortem, customers: Customers
) -> None:
    postmortem("start", "Wrong amounts")
    listed = str(customers(2))
    postmortem("notify", listed, "--send", "--confirm", "2")
    postmortem("notify", listed, *CORRECTION, "--send", "--confirm", "2")
    assert "The words are the same." in postmortem("notify", listed, *CORRECTION).out
    again = postmortem.json("notify", listed, *CORRECTION, "--send", "--confirm", "2")
    assert again["counts"]["sent"] == 2


def test_a_preview_with_an_error_ends_with_it_and_names_no_step_that_fails(
    postmortem: Postmortem, customers: Customers
) -> None:
    postmortem("start", "Wrong amounts")
    slip = ("notify", str(customers(1)), "--set", "what_hapened=Ours.")
    result = postmortem(*slip, expect=3)
    assert "Hello" in result.out
    assert "Next:" not in result.out
    assert result.err.splitlines()[-1] == (
        "Nothing was sent. --set what_hapened: the template has no `what_hapened`. "
        "Did you mean `what_happened`?"
    )
    document = postmortem.json(*slip, expect=3)
    assert document["mode"] == "preview"
    assert document["preview"]["text"].startswith("Hello")
    assert "what_happened" in document["error"]


def test_after_a_test_mail_what_is_still_wrong_is_said(
    postmortem: Postmortem, customers: Customers, tmp_path: Path
) -> None:
    postmortem("start", "Wrong amounts")
    to_me = ("--test", "me@team.example")
    slip = postmortem("notify", str(customers(1)), "--set", "what_hapened=Ours.", *to_me)
    assert "Did you mean `what_happened`?" in slip.err
    assert "Next: mend the errors above" in slip.out

    listed = tmp_path / "list.csv"
    listed.write_text("email\nann@x.example\nbob@\n", encoding="utf-8")
    assert "Next: mend the bad rows" in postmortem("notify", str(listed), *to_me).out
    fine = postmortem("notify", str(listed), "--skip-bad", *to_me)
    assert "Next: the same command with --send" in fine.out


def test_a_list_on_which_everybody_has_the_words_is_not_called_empty(
    postmortem: Postmortem, customers: Customers
) -> None:
    postmortem("start", "Wrong amounts")
    listed = str(customers(2))
    postmortem("notify", listed, "--send", "--confirm", "2")
    sheet = postmortem("notify", listed)
    assert "2 people, 2 left out (in a notice with these words already)" in sheet.out
    assert "names nobody" not in sheet.err
    assert "everybody who can be written to is left out" in sheet.err
