"""The example day in the console: the record is the same as from the command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from google_rehearsal.lifecycle import serve_in_thread
from tests.cli.test_a_day import DAY, ENTRIES, a_day
from tests.command_line import CustomerList, Postmortem, write_customers
from tests.conftest import CONFIG, NO_LIMITS
from tests.console.visitor import Visitor, served, until
from tests.google_world import GoogleWorld
from workflow.model import clock_text

TITLE = "A message went to the wrong customers"


def day_in_the_console(visitor: Visitor, google: GoogleWorld, customers: CustomerList) -> str:
    """Go through the day with the console's own forms; returns the incident's id."""
    page = visitor.open("")
    typed: dict[str, Any] = {"title": TITLE, "at": f"{DAY} 14:39", "impact": "12 customers"}
    typed |= {"customer_title": TITLE, "customer_impact": "12 customers"}
    page = visitor.submit(page, "/start", **typed)
    for clock, text in ENTRIES:
        page = visitor.submit(page, "/log", text=text, at=f"{DAY} {clock}")
    page = visitor.submit(page, "/status", state="resolved", at=f"{DAY} 18:30")
    incident = page.address.split("/incident/")[1].split("/")[0]
    page = visitor.open(f"incident/{incident}/notify/")
    content = customers.path.read_bytes()
    page = visitor.submit(page, "/notify/", files={"list": (customers.path.name, content)})
    page = visitor.submit(page, "/send", number=str(len(customers.addresses)))
    until(lambda: "The text that was sent is in the doc." in visitor.open(page.address).text)
    page = visitor.open(f"incident/{incident}/close")
    visitor.submit(page, "/close", at=f"{DAY} 18:45")
    assert google.copies_per_recipient() == dict.fromkeys(customers.addresses, 1)
    return incident


def test_the_record_of_the_day_is_that_of_the_command_line(tmp_path: Path) -> None:
    customers = write_customers(tmp_path / "customers.csv", 3)
    for name in ("typed", "clicked"):
        home = tmp_path / name
        home.mkdir(mode=0o700)
        with serve_in_thread(tmp_path / f"google-{name}", NO_LIMITS) as server:
            google = GoogleWorld(server)
            person = Postmortem(home, {"POSTMORTEM_GOOGLE_URL": google.url})
            person.configure(CONFIG)
            if name == "typed":
                a_day(person, customers, title=TITLE, for_customers="the same")
            else:
                with served(person) as console:
                    day_in_the_console(Visitor(console), google, customers)
            person("export", str(home / "record"))
    # Both at one moment: the time now is left out.
    records = {name: without_chance(tmp_path / name / "record") for name in ("typed", "clicked")}
    assert sorted(records["clicked"]) == sorted(records["typed"])
    for name, text in records["typed"].items():
        assert records["clicked"][name] == text, name


def without_chance(folder: Path) -> dict[str, str]:
    """Every file of a record without ids, server addresses and the current time."""
    zone = ZoneInfo("Europe/Berlin")
    today = datetime.now(UTC).astimezone(zone)
    named = f"{today.day} {today:%b} {today.year}"
    recent = [clock_text(today - timedelta(minutes=ago), zone) for ago in range(10)]
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            text = re.sub(r"http://127\.0\.0\.1:\d+", "http://google", text)
            text = re.sub(r"/d/[\w-]{20,}", "/d/DOC", text)
            text = re.sub(rf"{named}, \d+:\d\d [AP]M", "NOW", text)
            for day in {today.date(), datetime.now(UTC).date()}:  # two of them around midnight
                text = re.sub(rf"{day}T[\d:.]+(Z|[+-]\d\d:\d\d)", "NOW", text)
            text = re.sub(rf"{named}(?=\D)", "TODAY", text)
            for clock in recent:
                text = text.replace(clock, "NOW")
            text = re.sub(r"(Date|Message-ID|boundary|From nobody)[^\n]*", r"\1", text)
            text = re.sub(r"=+\d{10,}=+", "BOUNDARY", text)
            text = re.sub(r"\b[2-9b-df-hj-np-tv-xz]{8,12}\b", "ID", text)
            text = re.sub(r"\b([0-9a-f]{16}|[0-9a-f]{64})\b", "HASH", text)
            text = re.sub(r"notice-ID-\w+|notice-?\w{8,}", "NOTICE", text)
            text = re.sub(r"\b1[\w-]{32,}", "DOC", text)
            name = re.sub(r"[2-9b-df-hj-np-tv-xz]{8,12}", "ID", path.relative_to(folder).as_posix())
            found[name] = text
    return found
