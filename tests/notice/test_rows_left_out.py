"""Rows that `--skip-bad` left out of a notice stay in the record."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.both_ledgers import on_both_ledgers
from tests.command_line import Postmortem
from tests.google_world import GoogleWorld

# Rows 2 and 6 are fine; 3 is not an address, 4 has none, 5 lacks a cell.
LIST = """email,name
ann@customer.example,Ann
"bob at
customer.example",Bob
,Cem
dora@customer.example
eva@customer.example,Eva
"""
AT_SIGN = "an email address must have an @-sign."
SHORT = (
    "cells in this row: 1, in the header: 2. One is missing, or holds a separator and isn't quoted."
)
LEFT_OUT = [
    {"row": 3, "value": "bob at\ncustomer.example", "reason": AT_SIGN},
    {"row": 4, "value": "", "reason": "the address is empty."},
    {"row": 5, "value": "dora@customer.example", "reason": SHORT},
]


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    """A list of five customers, of whom two can be written to."""
    path = tmp_path / "impacted.csv"
    path.write_text(LIST, encoding="utf-8")
    return path


@pytest.fixture
def told(postmortem: Postmortem, listed: Path) -> Postmortem:
    """A person who wrote to that list without its bad rows."""
    postmortem("start", "Wrong amounts", "--at", "2026-11-23 14:39")
    postmortem("notify", str(listed), "--send", "--confirm", "2", "--skip-bad")
    return postmortem


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def text_of(google: GoogleWorld) -> str:
    """All text of the one doc, with line breaks within a paragraph as such."""
    (doc,) = google.documents()
    content = google.document(doc["id"])["tabs"][0]["documentTab"]["body"]["content"]
    return "".join(
        element.get("textRun", {}).get("content", "")
        for one in content
        for element in one.get("paragraph", {}).get("elements", ())
    ).replace("\v", "\n")


@on_both_ledgers
def test_the_record_has_each_row_with_its_number_what_stood_there_and_why(
    told: Postmortem, tmp_path: Path
) -> None:
    (notice,) = told.json("show")["notices"]
    assert notice["left_out"] == LEFT_OUT
    assert notice["counts"]["sent"] == notice["recipients"] == 2
    told("export", str(tmp_path / "record"))
    record = json.loads((tmp_path / "record" / "record.json").read_text(encoding="utf-8"))
    assert record["notices"][0]["left_out"] == LEFT_OUT


def test_the_exported_list_of_those_who_were_not_told_has_them(
    told: Postmortem, tmp_path: Path
) -> None:
    told("export", str(tmp_path / "record"))
    not_told = rows_of(tmp_path / "record" / "not-told.csv")
    assert [(each["row"], each["email"], each["reason"]) for each in not_told] == [
        (str(each["row"]), each["value"], f"left out: {each['reason']}") for each in LEFT_OUT
    ]
    index = (tmp_path / "record" / "index.md").read_text(encoding="utf-8")
    assert (
        "customers who were not notified or are unknown, with the rows that were left out" in index
    )


def test_that_list_is_refused_until_its_rows_are_mended(
    told: Postmortem, google: GoogleWorld, tmp_path: Path
) -> None:
    told("export", str(tmp_path / "record"))
    again = tmp_path / "record" / "not-told.csv"
    assert "row 2" in told("notify", str(again), "--send", "--confirm", "1", expect=3).err
    fixed = again.read_text(encoding="utf-8-sig")
    fixed = fixed.replace('"bob at\ncustomer.example"', "bob@customer.example")
    again.write_text(fixed.replace("\n,", "\ncem@customer.example,"), encoding="utf-8")
    told("notify", str(again), "--send", "--confirm", "3")
    assert len(google.copies_per_recipient()) == 5


def test_the_doc_names_them_beside_the_notice_and_in_the_summary(
    told: Postmortem, google: GoogleWorld
) -> None:
    told("close", "--force", "They are on the phone")
    lines = text_of(google).splitlines()
    for words in (
        f"Not notified: row 3 of impacted.csv (bob at customer.example) – {AT_SIGN}",
        "Not notified: row 4 of impacted.csv – the address is empty.",
        f"Not notified: row 5 of impacted.csv (dora@customer.example) – {SHORT}",
    ):
        assert lines.count(words) == 2, words


def test_a_long_list_of_them_is_cut_in_the_doc_and_whole_in_the_export(
    postmortem: Postmortem, google: GoogleWorld, tmp_path: Path
) -> None:
    path = tmp_path / "long.csv"
    bad = "\n".join(f"customer {number}" for number in range(60))
    path.write_text(f"email\nann@customer.example\n{bad}\n", encoding="utf-8")
    postmortem("start", "Wrong amounts")
    postmortem("notify", str(path), "--send", "--confirm", "1", "--skip-bad")
    assert text_of(google).count("Not notified: row") == 20
    assert "…and 40 more; `postmortem show` names them." in text_of(google)
    postmortem("export", str(tmp_path / "record"))
    assert len(rows_of(tmp_path / "record" / "not-told.csv")) == 60


def test_show_and_the_outcome_of_sending_name_them(postmortem: Postmortem, listed: Path) -> None:
    postmortem("start", "Wrong amounts")
    sent = postmortem("notify", str(listed), "--send", "--confirm", "2", "--skip-bad")
    shown = postmortem("show")
    for said in (sent.err, shown.out):
        assert said.count("Left out of impacted.csv:") == 1
        assert "  row 3 (bob at customer.example): an email address must have" in said
        assert "  row 4: the address is empty." in said


def test_what_nobody_sees_in_a_cell_turns_no_line_of_the_doc(
    postmortem: Postmortem, google: GoogleWorld, tmp_path: Path
) -> None:
    path = tmp_path / "turned.csv"
    path.write_text("email\nann@customer.example\n\u202ebob@\u2066\n", encoding="utf-8")
    postmortem("start", "Wrong amounts")
    postmortem("notify", str(path), "--send", "--confirm", "1", "--skip-bad")
    assert "Not notified: row 3 of turned.csv (\ufffdbob@\ufffd) – " in text_of(google)
    (notice,) = postmortem.json("show")["notices"]
    assert notice["left_out"][0]["value"] == "\u202ebob@\u2066"


def test_a_close_says_that_rows_are_left_out_until_they_are_mended(
    told: Postmortem, listed: Path
) -> None:
    told("status", "resolved")
    checks = {each["kind"]: each for each in told.json("close", "--check", expect=3)["checks"]}
    assert checks["left_out"]["stops"] is False
    assert checks["left_out"]["text"] == (
        "3 bad rows were left out, so these customers were not notified"
    )
    # The same text again, to the same list with fixed rows.
    fixed = LIST.replace('"bob at\ncustomer.example"', "bob@customer.example")
    fixed = fixed.replace("\n,Cem", "\ncem@customer.example,Cem").replace(
        "dora@customer.example", "dora@customer.example,Dora"
    )
    listed.write_text(fixed, encoding="utf-8")
    told("status", "investigating")
    stage = ("--stage", "investigating")
    told("notify", str(listed), *stage, "--send", "--confirm", "3")
    assert "left_out" not in {
        each["kind"] for each in told.json("close", "--check", expect=3)["checks"]
    }


@pytest.fixture
def told_but_bob(postmortem: Postmortem, tmp_path: Path) -> Postmortem:
    """Somebody who told a list of two, of whom one is suppressed."""
    path = tmp_path / "list.csv"
    path.write_text("email\nann@customer.example\nbob@customer.example\n", encoding="utf-8")
    postmortem("start", "Wrong amounts")
    postmortem("suppress", "bob@customer.example", "--why", "asked for no mails")
    postmortem("notify", str(path), "--send", "--confirm", "1")
    return postmortem


def test_a_close_calls_no_row_bad_whose_address_is_suppressed(told_but_bob: Postmortem) -> None:
    checks = told_but_bob.json("close", "--check", expect=3)["checks"]
    (left_out,) = [each["text"] for each in checks if each["kind"] == "left_out"]
    assert left_out == "1 row was left out, so this customer did not get that mail"


def test_the_report_calls_no_row_bad_whose_address_is_suppressed(
    told_but_bob: Postmortem, tmp_path: Path
) -> None:
    (notice,) = told_but_bob.json("report", "--to", str(tmp_path / "report.html"))["notices"]
    assert notice["reasons"] == [
        {"reason": "left out of the list because their addresses are suppressed", "count": 1}
    ]


def test_the_report_counts_them_and_names_them_only_when_asked(
    told: Postmortem, tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    (notice,) = told.json("report", "--to", str(page))["notices"]
    assert {"reason": "left out of the list as bad rows", "count": 3} in notice["reasons"]
    assert notice["failures"] == []
    assert "bob at" not in page.read_text(encoding="utf-8")
    (notice,) = told.json("report", "--to", str(page), "--with-recipients")["notices"]
    assert [each["row"] for each in notice["failures"]] == [3, 4, 5]
    assert "bob at" in page.read_text(encoding="utf-8")


def test_a_test_mail_leaves_nobody_out(postmortem: Postmortem, listed: Path) -> None:
    postmortem("start", "Wrong amounts")
    test = ("--test", "me@team.example", "--skip-bad")
    assert postmortem.json("notify", str(listed), *test)["left_out"] == []


def test_a_list_to_which_nothing_new_is_sent_still_says_what_it_leaves_out(
    told: Postmortem, listed: Path
) -> None:
    again = told("notify", str(listed), "--send", "--confirm", "0", "--skip-bad")
    assert "Nothing new was sent" in again.out
    assert again.err.count("Left out of impacted.csv:") == 1
    assert [each["left_out"] for each in told.json("show")["notices"]] == [LEFT_OUT]


def test_an_interrupted_notice_keeps_them(
    postmortem: Postmortem, google: GoogleWorld, listed: Path
) -> None:
    postmortem("start", "Wrong amounts")
    google.misbehave("403_not_enabled", "gmail.users.drafts.create")
    postmortem("notify", str(listed), "--send", "--confirm", "2", "--skip-bad", expect=4)
    google.behave()
    listed.unlink()
    resumed: Any = postmortem.json("resume")
    assert resumed["left_out"] == LEFT_OUT
