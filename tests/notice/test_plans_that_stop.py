"""A plan that can't be sent says so in its preview: as text, exit code and JSON."""

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
    assert "nobody on it got a notice of this incident" in result.err
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
    assert "nobody on the list got the mail that this corrects" in result.err
    assert result.json["counts"]["skipped"] == 1


def test_a_correction_that_all_of_them_have_is_no_fault(
    postmortem: Postmortem, customers: Customers
) -> None:
    postmortem("start", "Wrong amounts")
    listed = str(customers(2))
    postmortem("notify", listed, "--send", "--confirm", "2")
    postmortem("notify", listed, *CORRECTION, "--send", "--confirm", "2")
    assert "Same text." in postmortem("notify", listed, *CORRECTION).out
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
    assert "Next: fix the errors above" in slip.out

    listed = tmp_path / "list.csv"
    listed.write_text("email\nann@x.example\nbob@\n", encoding="utf-8")
    assert "Next: fix the bad rows" in postmortem("notify", str(listed), *to_me).out
    fine = postmortem("notify", str(listed), "--skip-bad", *to_me)
    assert "Next: the same command with --send" in fine.out


def test_a_list_on_which_everybody_has_the_words_is_not_called_empty(
    postmortem: Postmortem, customers: Customers
) -> None:
    postmortem("start", "Wrong amounts")
    listed = str(customers(2))
    postmortem("notify", listed, "--send", "--confirm", "2")
    sheet = postmortem("notify", listed)
    assert "2 people, 2 left out (already in a notice with this text)" in sheet.out
    assert "has no recipients" not in sheet.err
    assert "all valid rows are left out" in sheet.err


def bad_list(folder: Path) -> str:
    path = folder / "impacted.csv"
    path.write_text("email\nann@x.example\nbob@\n", encoding="utf-8")
    return str(path)


def test_a_preview_ends_as_the_sending_would_so_that_a_script_learns_of_bad_rows_before_it(
    postmortem: Postmortem, tmp_path: Path
) -> None:
    postmortem("start", "Wrong amounts")
    listed = bad_list(tmp_path)
    preview = postmortem("notify", listed, expect=3)
    sending = postmortem("notify", listed, "--send", "--confirm", "1", expect=3)
    assert preview.err.splitlines()[-1] == sending.err.splitlines()[-1]
    assert "impacted.csv has a bad row, row 3: " in preview.err
    assert "To:       ann@x.example" in preview.out  # the preview shows it anyway
    assert "Next:" not in preview.out

    document = postmortem.json("notify", listed, expect=3)
    assert (document["mode"], document["exit_code"]) == ("preview", 3)
    assert [each["row"] for each in document["failures"]] == [3]
    assert document["preview"]["to"] == "ann@x.example"


def test_a_preview_in_which_bad_rows_are_left_out_is_fine_as_the_sending_would_be(
    postmortem: Postmortem, tmp_path: Path
) -> None:
    postmortem("start", "Wrong amounts")
    listed = bad_list(tmp_path)
    assert "Nothing was sent." in postmortem("notify", listed, "--skip-bad").out
    postmortem("notify", listed, "--skip-bad", "--send", "--confirm", "1")


def test_a_list_of_suppressed_customers_is_not_called_empty(
    postmortem: Postmortem, customers: Customers
) -> None:
    postmortem("start", "Wrong amounts")
    for address in customers(2).addresses:
        postmortem("suppress", address, "--why", "asked for no mails")
    words = ("notify", str(customers(2)), "--send", "--confirm", "2")
    refused = postmortem(*words, expect=3).err
    assert "has no recipients that can be written to: its 2 addresses are suppressed." in refused


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        ("email\n", "list.csv has no recipients: it has a header and no rows."),
        ("email\nbob@\n", "list.csv has no recipients that can be written to: its 1 row is bad."),
        (
            "email\nbob@\nx\n",
            "list.csv has no recipients that can be written to: its 2 rows are bad.",
        ),
    ],
)
def test_a_list_that_names_nobody_is_refused_alike_by_a_preview_and_a_sending(
    postmortem: Postmortem, tmp_path: Path, listed: str, words: str
) -> None:
    postmortem("start", "Wrong amounts")
    path = tmp_path / "list.csv"
    path.write_text(listed, encoding="utf-8")
    for way in ((), ("--send", "--confirm", "0")):
        said = postmortem("notify", str(path), "--skip-bad", *way, expect=3).err
        assert said.splitlines()[-1] == f"{words} Nothing was sent."
        assert said.count("Nothing was sent") == 1
