"""`export`: the whole record in a folder that explains itself, with all typed text."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

from tests.command_line import CustomerList, Postmortem, one_each
from tests.google_world import GoogleWorld

Customers = Callable[[int], CustomerList]


def a_record(postmortem: Postmortem, customers: Customers, folder: Path) -> dict[str, Any]:
    started = postmortem.json("start", "Wrong *amounts* 🧯", "--at", "2026-11-23 14:39")
    postmortem("log", "Seen", "--at", "2026-11-23 14:45")
    postmortem("notify", str(customers(2)), "--send", "--confirm", "2")
    postmortem("close", "--force", "They were told by phone")
    found: dict[str, Any] = postmortem.json("export", str(folder))
    assert started["incident"] in (folder / "index.md").read_text(encoding="utf-8")
    return found


def test_the_index_leads_to_everything_in_the_folder(
    postmortem: Postmortem, customers: Customers, tmp_path: Path
) -> None:
    folder = tmp_path / "record"
    found = a_record(postmortem, customers, folder)
    index = (folder / "index.md").read_text(encoding="utf-8")
    links = {link.strip("<>") for link in re.findall(r"\]\(([^)]+)\)", index)}
    here = {link for link in links if not link.startswith("http")}
    assert all((folder / link).exists() for link in here)
    listed = {name for name in found["files"] if not name.endswith(".eml")} - {"index.md"}
    assert listed <= here
    assert "mails/" in here
    page = MarkdownIt().render(index)
    assert "<h1>Wrong *amounts* 🧯</h1>" in page
    assert "2 as they were sent" in page


def test_who_waits_for_a_mail_is_on_the_list_of_those_who_were_not_told(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, tmp_path: Path
) -> None:
    again = tmp_path / "record" / "not-told.csv"

    def not_told() -> dict[str, str]:
        postmortem("export", str(again.parent), "--format", "csv")
        found = csv.DictReader(io.StringIO(again.read_text(encoding="utf-8-sig")))
        return {each["email"]: each["reason"] for each in found}

    postmortem("start", "Wrong amounts")
    listed = customers(3)
    words = ("notify", str(listed), "--send", "--draft-only", "--confirm", "3")
    notice = postmortem.json(*words)["notice"]
    assert not_told() == dict.fromkeys(listed.addresses, "still to send: its draft waits in Gmail")
    refused = postmortem("notify", str(again), "--send", "--confirm", "3", expect=5)
    assert f"is already in a notice with this text (notice {notice}" in refused.out
    postmortem("resume", notice, "--confirm", "3")
    assert google.copies_per_recipient() == one_each(listed)
    assert not_told() == {}


def test_a_file_in_place_of_the_folder_is_left_alone(
    postmortem: Postmortem, tmp_path: Path
) -> None:
    there = tmp_path / "notes.txt"
    there.write_text("mine", encoding="utf-8")
    postmortem("start", "Wrong amounts")
    for folder in (there, there / "record"):
        refused = postmortem("export", str(folder), expect=3)
        assert "can't be written: a part of its path is a file, not a folder" in refused.err
    assert there.read_text(encoding="utf-8") == "mine"


def test_one_format_alone_writes_no_index(
    postmortem: Postmortem, customers: Customers, tmp_path: Path
) -> None:
    a_record(postmortem, customers, tmp_path / "all")
    postmortem("export", str(tmp_path / "one"), "--format", "json")
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["record.json"]


def test_what_people_typed_is_in_every_form_of_the_doc(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, tmp_path: Path
) -> None:
    a_record(postmortem, customers, tmp_path / "first")
    doc_id = json.loads((tmp_path / "first" / "record.json").read_text())["doc_id"]
    google.edit(
        doc_id, {"insertText": {"location": {"index": 1}, "text": "By hand: <b> & so on\n"}}
    )
    postmortem("export", str(tmp_path / "then"))
    markdown = (tmp_path / "then" / "postmortem.md").read_text(encoding="utf-8")
    assert "By hand: <b> & so on" in MarkdownIt().render(markdown).replace("&lt;", "<").replace(
        "&gt;", ">"
    ).replace("&amp;", "&")
    page = (tmp_path / "then" / "postmortem.html").read_text(encoding="utf-8")
    assert "By hand: &lt;b&gt; &amp; so on" in page


def test_the_copied_mail_has_space_between_its_paragraphs(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, tmp_path: Path
) -> None:
    a_record(postmortem, customers, tmp_path / "record")
    (doc,) = google.documents()
    content = google.document(doc["id"])["tabs"][0]["documentTab"]["body"]["content"]
    styles = [one["paragraph"]["paragraphStyle"] for one in content if "paragraph" in one]
    quoted = [style for style in styles if "borderLeft" in style]
    assert len(quoted) > 3
    assert {style["spaceBelow"]["magnitude"] for style in quoted} == {8}


def test_nothing_is_written_through_a_link_that_lies_in_the_folder(
    postmortem: Postmortem, customers: Customers, tmp_path: Path
) -> None:
    folder, precious = tmp_path / "record", tmp_path / "precious"
    precious.write_text("mine", encoding="utf-8")
    folder.mkdir()
    for name in ("postmortem.md", ".postmortem.md.part", "index.md", ".record.json.part"):
        (folder / name).symlink_to(precious)
    a_record(postmortem, customers, folder)
    assert precious.read_text(encoding="utf-8") == "mine"
    assert not any(path.is_symlink() for path in folder.rglob("*"))
    assert (folder / "postmortem.md").stat().st_mode & 0o077 == 0


def test_a_folder_within_that_leads_elsewhere_is_refused(
    postmortem: Postmortem, customers: Customers, tmp_path: Path
) -> None:
    a_record(postmortem, customers, tmp_path / "first")
    folder, elsewhere = tmp_path / "record", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    (folder / "mails").symlink_to(elsewhere)
    result = postmortem("export", str(folder), expect=3)
    assert "mails is a symbolic link. Use a new folder." in result.err
    assert list(elsewhere.iterdir()) == []
