"""Action items over all incidents: owner, due date, open, overdue, reminded, done."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from icalendar import Calendar

from tests.command_line import Postmortem
from tests.conftest import CONFIG
from tests.google_world import GoogleWorld
from workflow.document.edits.action_items import read_action

HOOK = """
[[announce]]
kind = "slack_webhook"
name = "#incidents"
url_env = "HOOK"
"""
BEGAN = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("line", "owner", "due"),
    [
        ("Fix it — Ann — 24/12/2026", "Ann", date(2026, 12, 24)),
        ("Fix it (Carla, by 12/24/2026)", "Carla", date(2026, 12, 24)),
        ("Fix it — Ann — 3/4/2026", "Ann", None),
        ("Alert on stale prices — Ann Example — 2026-12-01", "Ann Example", date(2026, 12, 1)),
        ("Alert on stale prices - ann@team.example - 1 Dec", "ann@team.example", date(2026, 12, 1)),
        ("Test the import (owner: Ben), Dec 24, 2026", "Ben", date(2026, 12, 24)),
        ("Preise prüfen; Jörg; 3.12.2026", "Jörg", date(2026, 12, 3)),
        ("Preise prüfen; @joerg; 3.1.", "@joerg", date(2027, 1, 3)),
        ("Check 17 invoices — Ann — next week", "Ann", None),
        ("Check the list", "", None),
        ("Check — Ann — 31 Feb", "Ann", None),
    ],
)
def test_a_line_is_read_as_people_write_it(line: str, owner: str, due: date | None) -> None:
    found = read_action(line, BEGAN)
    assert (found.owner, found.due) == (owner, due)


def two_incidents(person: Postmortem) -> None:
    """One with an overdue, a later and a done item; one with an item without a date."""
    today = datetime.now().astimezone().date()
    late, later = today - timedelta(days=3), today + timedelta(days=30)
    person("start", "Wrong amounts", "--at", "10 days ago")
    person(
        *("section", "next_time"),
        f"- [ ] Alert on stale prices — Ann Example — {late}\n"
        f"- [ ] Test the import — Ben — {later}\n- [x] Tell sales — Cem — {late}",
    )
    person("start", "Late invoices")
    person("section", "next_time", "- [ ] Write it down — Dora")


def test_every_incidents_actions_are_listed_with_owner_and_date(postmortem: Postmortem) -> None:
    two_incidents(postmortem)
    found = postmortem.json("actions")
    assert (found["open"], found["overdue"]) == (3, 1)
    assert [(each["owner"], each["overdue"]) for each in found["actions"]] == [
        ("Ann Example", True),
        ("Ben", False),
        ("Dora", False),
    ]
    assert found["actions"][2]["due"] is None
    (only,) = postmortem.json("actions", "--overdue")["actions"]
    assert only["title"] == "Wrong amounts"
    assert [each["done"] for each in postmortem.json("actions", "--all")["actions"]].count(
        True
    ) == 1
    said = postmortem("actions").out
    assert "overdue since" in said
    assert "3 open, 1 overdue." in said


def test_the_report_of_all_incidents_counts_them(postmortem: Postmortem, tmp_path: object) -> None:
    two_incidents(postmortem)
    rows = postmortem.json("report", "--all", "--to", f"{tmp_path}/all.html")["incidents"]
    counts = {row["title"]: (len(row["open_actions"]), row["overdue_actions"]) for row in rows}
    assert counts == {"Wrong amounts": (2, 1), "Late invoices": (1, 0)}


def test_colleagues_are_reminded_once_a_day(postmortem: Postmortem, google: GoogleWorld) -> None:
    postmortem.configure(CONFIG + HOOK)
    hook = f"{google.url}/services/TREHEARSAL/BINCIDENTS/told-on-this-machine"
    postmortem.environment["HOOK"] = hook
    two_incidents(postmortem)
    postmortem("actions", "--remind")
    postmortem("actions", "--remind")
    texts = [each["body"]["text"] for each in google.told()]
    assert len(texts) == 2
    assert any("Alert on stale prices" in text and "overdue" in text for text in texts)
    assert any("Write it down" in text for text in texts)
    assert not any("Tell sales" in text for text in texts)


def test_a_review_meeting_is_a_calendars_file_in_the_docs_folder(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    started = postmortem.json("start", "Wrong amounts 🧯, again")
    postmortem("section", "next_time", "- [ ] Write it down — Dora")
    postmortem("actions", "--review", "in 3 days", "--minutes", "45")
    assert "Review meeting" in google.text(started["doc_id"])
    content = google.file_named(f"review-{started['incident']}.ics")
    (event,) = Calendar.from_ical(content).walk("VEVENT")
    assert str(event["summary"]) == "Review: Wrong amounts 🧯, again"
    assert "Write it down" in str(event["description"])
    assert event.decoded("dtend") - event.decoded("dtstart") == timedelta(minutes=45)
