"""`report`: one page of known facts, without names unless asked, that works without Google."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.command_line import CustomerList, Postmortem
from tests.google_world import GoogleWorld

Customers = Callable[[int], CustomerList]
NASTY = "<script>alert(1)</script> & {{ 7*7 }} </style>"


def by(report: dict[str, list[dict[str, object]]], key: str) -> object:
    return next(each["at"] for each in report["milestones"] if each["key"] == key)


def test_the_page_and_its_json_tell_the_incident(
    postmortem: Postmortem, customers: Customers, tmp_path: Path
) -> None:
    postmortem("start", "Wrong amounts", "--at", "2026-11-23 14:39", "--severity", "SEV2")
    postmortem("log", "A customer reports it", "--at", "2026-11-23 14:41")
    postmortem("section", "next time", "Alert on repeats — Ann — 1 Dec\n\nTest the retry")
    postmortem("notify", str(customers(3)), "--send", "--confirm", "3", "--next-update", "30m")
    page_path = tmp_path / "report.html"
    found = postmortem.json("report", "--to", str(page_path))
    assert found["file"] == str(page_path)
    assert by(found, "detected") == "2026-11-23T14:41:00+01:00"
    assert by(found, "closed") is None
    assert found["customers"] == 3
    assert found["notices"][0]["counts"]["sent"] == 3
    assert [each["state"] for each in found["promises"]] == ["open"]
    assert [(each["has_owner"], each["done"]) for each in found["actions"]] == [
        (True, False),
        (False, False),
    ]
    page = page_path.read_text(encoding="utf-8")
    for words in ("A customer reports it", "SEV2", "3 of 3", "Alert on repeats", "not due yet"):
        assert words in page
    assert page_path.stat().st_mode & 0o077 == 0


def test_nothing_that_a_person_typed_is_markup(
    postmortem: Postmortem, customers: Customers, tmp_path: Path
) -> None:
    postmortem("start", NASTY, "--impact", NASTY, "--severity", NASTY, "--set", f"cause={NASTY}")
    postmortem("log", NASTY, "--by", NASTY)
    postmortem("section", "root cause", NASTY)
    postmortem("section", "next time", NASTY)
    postmortem(
        "notify",
        str(customers(1)),
        "--subject",
        NASTY.replace("{{ 7*7 }}", ""),
        "--send",
        "--confirm",
        "1",
    )
    for arguments in ([], ["--all"]):
        path = tmp_path / "page.html"
        postmortem("report", "--to", str(path), *arguments)
        page = path.read_text(encoding="utf-8")
        tags = _Tags()
        tags.feed(page)
        assert not {"script", "iframe", "img", "link", "object"} & tags.seen
        assert page.count("</style>") == 1
        assert escape(NASTY, quote=False) in page
        assert " on" not in "".join(re.findall(r"<[a-z][^>]* on\w+=", page))


def test_nobody_is_named_unless_asked(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, tmp_path: Path
) -> None:
    postmortem("start", "Wrong amounts")
    google.misbehave("404", "gmail.users.drafts.create", times=1)
    postmortem("notify", str(customers(2)), "--send", "--confirm", "2", expect=6)
    path = tmp_path / "report.html"
    found = postmortem.json("report", "--to", str(path))
    assert found["notices"][0]["counts"]["failed"] == 1
    assert found["notices"][0]["reasons"][0]["count"] == 1
    assert "@customer.example" not in path.read_text(encoding="utf-8")
    named = postmortem.json("report", "--to", str(path), "--with-recipients")
    (failure,) = named["notices"][0]["failures"]
    assert failure["email"] in path.read_text(encoding="utf-8")
    assert "--with-recipients" in postmortem("report", "--all", "--with-recipients", expect=2).err


@pytest.mark.usefixtures("little_patience")
def test_without_google_the_report_says_what_is_missing(
    postmortem: Postmortem, google: GoogleWorld, tmp_path: Path
) -> None:
    postmortem("start", "Wrong amounts")
    postmortem("section", "next time", "Alert on repeats — Ann — 1 Dec")
    google.misbehave("close_before", "docs.documents.get")
    path = tmp_path / "report.html"
    said = postmortem("report", "--to", str(path))
    assert "The doc could not be read, so its root cause and actions are missing." in said.err
    page = path.read_text(encoding="utf-8")
    assert "Not known: the doc was not read." in page
    assert "The doc could not be read" in page
    every = postmortem.json("report", "--all", "--to", str(path))
    assert every["incidents"][0]["open_actions"] == ["Alert on repeats — Ann — 1 Dec"]
    assert "1 doc was not read" in every["notes"][0]


def test_over_all_incidents_figures_are_those_that_are_known(
    postmortem: Postmortem, customers: Customers, tmp_path: Path
) -> None:
    postmortem("start", "Older", "--at", "2026-08-01 10:00", "--set", "cause=Retry storm")
    postmortem("close", "--force", "a drill")
    postmortem("start", "Newer", "--at", "2026-10-01 10:00", "--set", "cause=retry storm")
    postmortem("notify", str(customers(2)), "--send", "--confirm", "2")
    path = tmp_path / "all.html"
    found = postmortem.json("report", "--all", "--to", str(path))
    newer, older = found["incidents"]
    assert (newer["title"], newer["customers"], newer["duration_seconds"]) == ("Newer", 2, None)
    assert (older["status"], older["first_word_seconds"]) == ("closed", None)
    assert older["duration_seconds"] > 0
    assert newer["first_word_seconds"] > 0
    (cause,) = found["causes"]
    assert cause["incidents"] == [newer["incident"], older["incident"]]
    page = path.read_text(encoding="utf-8")
    for words in ("Aug 2026", "Sep 2026", "Oct 2026", "median of 1 incident"):
        assert words in page


def test_an_empty_ledger_has_a_report_too(postmortem: Postmortem, tmp_path: Path) -> None:
    found = postmortem.json("report", "--all", "--to", str(tmp_path / "all.html"))
    assert found["incidents"] == []
    assert "There is no incident yet" in postmortem("report", expect=3).err


def test_a_file_that_can_not_be_written_is_said(postmortem: Postmortem, tmp_path: Path) -> None:
    postmortem("start", "Wrong amounts")
    (tmp_path / "file").write_text("taken", encoding="utf-8")
    refused = postmortem("report", "--to", str(tmp_path / "file" / "report.html"), expect=3)
    assert "can't be written" in refused.err


@pytest.mark.parametrize("path", ["", ".", "/"])
def test_a_path_that_names_no_file_is_said(postmortem: Postmortem, path: str) -> None:
    postmortem("start", "Wrong amounts")
    refused = postmortem("report", "--to", path, expect=3)
    assert "names no file" in refused.err


def test_left_to_itself_the_report_lands_in_this_folder(
    postmortem: Postmortem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    incident = postmortem.json("start", "Wrong amounts")["incident"]
    said = postmortem("report")
    assert f"postmortem-report-{incident}.html" in said.out
    assert (tmp_path / f"postmortem-report-{incident}.html").is_file()


class _Tags(HTMLParser):
    """A page's elements."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)


def figures(page: str) -> dict[str, str]:
    """The figures at the top of a page: each name with its text."""
    found = re.findall(r"<div><dt>(.*?)</dt><dd>(.*?)(?:<small>.*?</small>)?</dd></div>", page)
    return dict(found)


def test_of_an_open_incident_the_report_says_that_it_is_not_closed_yet(
    postmortem: Postmortem, tmp_path: Path
) -> None:
    postmortem("start", "Wrong amounts")
    path = tmp_path / "report.html"
    found = postmortem.json("report", "--to", str(path))
    assert by(found, "closed") is None
    page = path.read_text(encoding="utf-8")
    assert figures(page)["Closed"] == "not yet"
    table = re.findall(r'<th scope="row">(.*?)</th>\s*<td data-label="When">(.*?)</td>', page)
    assert dict(table)["Closed"] == "not yet"
    assert dict(table)["Detected"] == "not known"


def test_over_open_incidents_alone_no_length_is_there_yet(
    postmortem: Postmortem, tmp_path: Path
) -> None:
    postmortem("start", "Wrong amounts")
    path = tmp_path / "all.html"
    (row,) = postmortem.json("report", "--all", "--to", str(path))["incidents"]
    assert row["duration_seconds"] is None
    assert figures(path.read_text(encoding="utf-8"))["Length"] == "not yet"
    postmortem("close", "--force", "a test")
    postmortem("report", "--all", "--to", str(path))
    assert figures(path.read_text(encoding="utf-8"))["Length"] != "not yet"


def test_the_months_begin_with_one_that_has_an_incident(
    postmortem: Postmortem, tmp_path: Path
) -> None:
    for day in ("2020-01-10", "2026-09-10", "2026-11-10"):
        postmortem("start", f"Wrong amounts of {day}", "--at", f"{day} 10:00")
    page = tmp_path / "all.html"
    postmortem("report", "--all", "--to", str(page))
    text = page.read_text(encoding="utf-8")
    picture = text[text.index('id="months-desc"') :]
    picture = picture[: picture.index("</svg>")]
    months = re.findall(r">(\w{3} 20\d\d)<", picture)
    assert months == ["Nov 2026", "Oct 2026", "Sep 2026"]
