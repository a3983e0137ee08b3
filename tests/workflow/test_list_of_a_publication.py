"""The list that `publish --to` writes beside the mail: opened in a spreadsheet, it runs nothing."""

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
    with (tmp_path / "public" / "mail" / "customers.csv").open(
        newline="", encoding="utf-8"
    ) as file:
        rows = list(csv.reader(file))
    assert rows == [["email", "name"], ["a@customer.example", '\'=HYPERLINK("http://x")']]
