"""The list that `publish --to` writes next to its folder: it runs nothing in a spreadsheet."""

from __future__ import annotations

import csv
from pathlib import Path

from tests.command_line import Postmortem


def test_a_name_that_a_spreadsheet_would_run_is_shown_as_text(
    postmortem: Postmortem, tmp_path: Path
) -> None:
    postmortem("start", "Wrong amounts")
    postmortem("section", "summary", "Totals were wrong.")
    listed = tmp_path / "customers.csv"
    listed.write_text('email,name\na@customer.example,"=HYPERLINK(""http://x"")"\n', "utf-8")
    postmortem("notify", str(listed), "--send", "--confirm", "1")
    postmortem("publish", "--to", str(tmp_path / "public"))
    with (tmp_path / "public-mail" / "customers.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows == [["email", "name"], ["a@customer.example", '\'=HYPERLINK("http://x")']]


def test_the_folder_that_gets_published_holds_no_customer(
    postmortem: Postmortem, tmp_path: Path
) -> None:
    postmortem("start", "Wrong amounts")
    postmortem("section", "summary", "Totals were wrong.")
    listed = tmp_path / "customers.csv"
    rows = ["a@customer.example,Ann,de,Europe/Berlin", "b@customer.example,Ben,,"]
    listed.write_text("\n".join(["email,name,Locale,timezone", *rows, ""]), "utf-8")
    postmortem("notify", str(listed), "--send", "--confirm", "2")
    folder = tmp_path / "public"
    found = postmortem.json("publish", "--to", str(folder))
    assert sorted(each.name for each in folder.rglob("*")) == ["public.html", "public.md"]
    assert not any("@customer" in each.read_text("utf-8") for each in folder.iterdir())
    with (tmp_path / "public-mail" / "customers.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [
            ["email", "name", "locale", "timezone"],
            ["a@customer.example", "Ann", "de", "Europe/Berlin"],
            ["b@customer.example", "Ben", "", ""],
        ]
    assert str(tmp_path / "public-mail" / "customers.csv") in found["mail"]["command"]


def test_a_list_of_an_earlier_version_in_the_folder_is_named(
    postmortem: Postmortem, tmp_path: Path
) -> None:
    postmortem("start", "Wrong amounts")
    postmortem("section", "summary", "Totals were wrong.")
    old = tmp_path / "public" / "mail" / "customers.csv"
    old.parent.mkdir(parents=True)
    old.write_text("email\na@customer.example\n", "utf-8")
    said = postmortem("publish", "--to", str(tmp_path / "public")).err
    assert f"{old} contains customers' addresses" in said
