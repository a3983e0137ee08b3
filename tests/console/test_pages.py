"""A support lead's work on the console's pages, checked in the doc, files and pages."""

from __future__ import annotations

import io
import json
import re
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.announce.test_reminders import GROUP, HOOK, minutes_pass, promise, set_up
from tests.command_line import CustomerList, Postmortem
from tests.conftest import CONFIG
from tests.console.visitor import Page, Visitor, served, until
from tests.google_world import GoogleWorld

Customers = Callable[[int], CustomerList]


@pytest.fixture
def incident(postmortem: Postmortem) -> str:
    return str(postmortem.json("start", "Wrong amounts", "--impact", "12 customers")["incident"])


def of_incident(visitor: Visitor, incident: str) -> Page:
    return visitor.open(f"incident/{incident}/")


def test_only_another_incident_can_be_made_the_current_one(
    visitor: Visitor, postmortem: Postmortem, incident: str
) -> None:
    button = "Make this the current incident"
    assert button not in of_incident(visitor, incident).text
    newer = str(postmortem.json("start", "A second thing")["incident"])
    assert button not in of_incident(visitor, newer).text
    assert button in of_incident(visitor, incident).text


def test_the_first_page_starts_an_incident_and_then_shows_it(
    visitor: Visitor, postmortem: Postmortem, google: GoogleWorld
) -> None:
    page = visitor.open("")
    assert "No incident yet." in page.text
    page = visitor.submit(
        page, "/start", title="Wrong amounts", impact="about 200", shares="support@our.example"
    )
    shown = postmortem.json("show")
    assert shown["title"] == "Wrong amounts"
    assert shown["impact"] == "about 200"
    assert "Shared with support@our.example" in page.text
    assert "Affected about 200" in visitor.open("").text
    assert google.text(shown["doc_id"]).startswith("Wrong amounts")


def test_everything_said_on_the_page_comes_to_the_timeline_and_the_doc(
    visitor: Visitor, postmortem: Postmortem, google: GoogleWorld, incident: str
) -> None:
    page = of_incident(visitor, incident)
    page = visitor.submit(page, "/log", text="We *see* it", by="Ann", link="https://our.example/1")
    page = visitor.submit(page, "/impact", text="about 340 customers")
    page = visitor.submit(page, "/severity", text="SEV1")
    page = visitor.submit(page, "/status", state="identified", note="A stale list")
    page = visitor.submit(page, "/section", name="root-cause", text="- A list\n- was stale")
    page = visitor.submit(page, "/edit", title="Wrong amounts on invoices", owner="Bea")
    page = visitor.submit(page, "/attach", files={"file": ("notes.txt", b"As found.")}, caption="N")
    shown = postmortem.json("show")
    doc = google.text(shown["doc_id"])
    for words in ("We see it", "about 340 customers", "SEV1", "A stale list", "was stale", "Bea"):
        assert words in doc
    assert "Wrong amounts on invoices" in doc
    assert "notes.txt" in doc
    assert "As found." in doc
    texts = [entry["text"] for entry in shown["timeline"]]
    assert all(text.partition("\n")[0] in page.text for text in texts)
    assert shown["pending_sync"] == 0


def test_an_entry_is_corrected_and_struck_and_the_record_keeps_it(
    visitor: Visitor, postmortem: Postmortem, google: GoogleWorld, incident: str
) -> None:
    page = visitor.submit(of_incident(visitor, incident), "/log", text="At two oclock")
    entry = postmortem.json("show")["timeline"][-1]["entry"]
    page = visitor.submit(page, "/reword", entry=entry, text="At three o'clock")
    assert "The record keeps both wordings." in page.text
    doc = postmortem.json("show")["doc_id"]
    assert "At three o'clock" in google.text(doc)
    form = page.form("/reword")
    form.action = form.action.replace("/reword", "/strike")
    answer = visitor.session.post(
        visitor.origin + form.action,
        data={**form.fields, "entry": entry},
        headers={"Origin": visitor.origin},
        timeout=30,
    )
    assert "Struck through" in answer.text
    assert postmortem.json("show")["timeline"][-1]["struck_at"]


def test_a_paste_is_shown_as_it_was_read_before_anything_is_recorded(
    visitor: Visitor, postmortem: Postmortem, incident: str
) -> None:
    started = datetime.now(UTC) - timedelta(hours=2)
    postmortem("edit", "--started", started.isoformat())
    before = len(postmortem.json("show")["timeline"])
    lines = [started + timedelta(minutes=minutes) for minutes in (10, 20, 30)]
    text = "\n".join(f"{at.isoformat(timespec='minutes')} Step {n}" for n, at in enumerate(lines))
    page = visitor.open(f"incident/{incident}/paste")
    page = visitor.submit(page, "/paste", text=text)
    assert "3 entries read" in page.text
    assert len(postmortem.json("show")["timeline"]) == before
    # A text other than the one shown is shown first.
    agreed = re.search(r'name="agreed" value="(\w+)"', page.html)
    assert agreed
    other = visitor.submit(page, "/paste", text=f"{text} and more", agreed=agreed[1])
    assert "3 entries read" in other.text
    assert len(postmortem.json("show")["timeline"]) == before
    page = visitor.submit(page, "/paste", agreed=agreed[1])
    assert "3 entries recorded." in page.text
    assert len(postmortem.json("show")["timeline"]) == before + 3


def test_the_same_form_twice_is_asked_about(
    visitor: Visitor, postmortem: Postmortem, incident: str
) -> None:
    page = of_incident(visitor, incident)
    visitor.submit(page, "/log", text="Once")
    asked = visitor.submit(page, "/log", text="Once", expect=422)
    assert "The same log command was run a moment ago and is recorded." in asked.text
    texts = [entry["text"] for entry in postmortem.json("show")["timeline"]]
    assert texts.count("Once") == 1
    visitor.submit(asked, "/log", again="yes")
    texts = [entry["text"] for entry in postmortem.json("show")["timeline"]]
    assert texts.count("Once") == 2


@pytest.mark.parametrize(
    ("ending", "typed", "command"),
    [
        ("/log", {"text": "x", "at": "tomorrow 10:00"}, ["log", "x", "--at", "tomorrow 10:00"]),
        ("/log", {"text": "x", "at": "soonish"}, ["log", "x", "--at", "soonish"]),
        ("/log", {"text": "x", "link": "ftp://x"}, ["log", "x", "--link", "ftp://x"]),
        ("/log", {"text": "x", "at": "2001-01-01 10:00"}, ["log", "x", "--at", "2001-01-01 10:00"]),
        ("/share", {"who": "nobody@"}, ["share", "nobody@"]),
        ("/unshare", {"who": "a@b.example"}, ["unshare", "a@b.example"]),
        ("/announce", {"text": "x"}, ["announce", "x"]),
    ],
    ids=["future", "unreadable", "link", "before the start", "share", "unshare", "no channel"],
)
def test_bad_input_is_answered_by_the_command_lines_sentence(
    visitor: Visitor,
    postmortem: Postmortem,
    incident: str,
    ending: str,
    typed: dict[str, str],
    command: list[str],
) -> None:
    said = postmortem(*command, expect=None).err.strip()
    before = postmortem.json("show")["timeline"]
    page = of_incident(visitor, incident)
    form = next((each for each in page.forms if each.action.endswith(ending)), None)
    fields = {**page.form("/log").fields, **(form.fields if form else {}), **typed}
    answer = visitor.session.post(
        f"{visitor.address}incident/{incident}{ending}",
        data=fields,
        headers={"Origin": visitor.origin},
        timeout=30,
    )
    assert answer.status_code == 422
    shown = Page(answer)
    first = " ".join(said.splitlines()[0].replace("`", "").split())
    assert re.sub(r"\d\d:\d\d now", "", first) in re.sub(r"\d\d:\d\d now", "", shown.text)
    for value in typed.values():  # nobody types it twice
        assert any(value in str(each.fields.values()) for each in shown.forms) or not form
    assert postmortem.json("show")["timeline"] == before


def test_google_away_says_what_the_command_line_says_and_sync_finishes_it(
    visitor: Visitor, postmortem: Postmortem, google: GoogleWorld, incident: str
) -> None:
    google.misbehave("403_storage_full", "docs.*")
    said = postmortem("log", "Typed", expect=5).err.strip().splitlines()[-1]
    page = visitor.submit(of_incident(visitor, incident), "/log", text="Clicked")
    assert "Recorded, but not in the doc yet." in page.text
    assert said in page.text
    assert "2 changes are recorded and not in the doc yet." in page.text
    google.behave()
    page = visitor.submit(page, "/sync")
    assert "everything is in the doc." in page.text
    doc = google.text(postmortem.json("show")["doc_id"])
    assert "Typed" in doc
    assert "Clicked" in doc


def test_unknown_incidents_and_notices_are_named_and_no_page_is_a_defect(
    visitor: Visitor, postmortem: Postmortem, incident: str
) -> None:
    visitor.open("incident/zzzzzz/", expect=404)
    visitor.open("notice/zzzzzz/", expect=422)
    visitor.open(f"incident/{incident}/notify/bbbbbbbbbbbb/", expect=422)
    visitor.open(f"incident/{incident}/notify/..%2f..%2fconfig.toml/", expect=404)
    visitor.open("nowhere", expect=404)
    visitor.open("rehearsals/nothing/", expect=422)


def test_the_list_is_checked_and_bad_rows_stop_it_until_they_are_left_out(
    visitor: Visitor, google: GoogleWorld, incident: str
) -> None:
    rows = "email,name\nann@customer.example,Ann\nnot an address,Bea\n"
    page = visitor.open(f"incident/{incident}/notify/")
    page = visitor.submit(page, "/notify/", files={"list": ("customers.csv", rows.encode())})
    assert "Row 3, column email" in page.text
    assert "Nothing can be sent yet." in page.text
    page = visitor.submit(page, "/check", skip_bad="yes", next_update="2 hours")
    assert "It promises" in page.text
    assert "Type 1 to send to 1 customer" in page.text
    page = visitor.submit(page, "/send", number="1")
    until(lambda: "1 of 1 sent" in visitor.open(page.address).text)
    assert "Row 3" in visitor.open(page.address).text
    assert google.copies_per_recipient() == {"ann@customer.example": 1}


def test_the_words_are_edited_for_this_notice_alone(
    visitor: Visitor, google: GoogleWorld, incident: str, customers: Customers
) -> None:
    listed = customers(2)
    page = visitor.open(f"incident/{incident}/notify/")
    page = visitor.submit(page, "/notify/", files={"list": ("c.csv", listed.path.read_bytes())})
    words = (
        "---\nsubject: Our own words\nstage: investigating\n---\nDear {{ name }}, we are on it.\n"
    )
    page = visitor.submit(page, "/check", words=words)
    mails = visitor.open(f"{page.address.partition('?')[0].partition('#')[0]}mails/")
    assert "Dear Person 1, we are on it." in mails.text
    page = visitor.submit(page, "/send", number="2")
    until(lambda: len(google.sent()) == 2)
    body = google.sent()[0].get_body(("plain",))
    assert body is not None
    assert "we are on it." in body.get_content()
    assert google.sent()[0]["Subject"] == "Our own words"


def test_another_stage_brings_its_own_words_however_often_the_old_page_is_sent(
    visitor: Visitor, incident: str, customers: Customers
) -> None:
    """The page checks while somebody types, so its form may still be on its way."""
    files = {"list": ("c.csv", customers(1).path.read_bytes())}
    page = visitor.submit(visitor.open(f"incident/{incident}/notify/"), "/notify/", files=files)
    for _ in range(2):
        shown = visitor.submit(page, "/check", stage="update", next_update="30m")
        assert "stage: update" in shown.form("/check").fields["words"]
        mails = visitor.open(f"{page.address.partition('?')[0].partition('#')[0]}mails/")
        assert "Here is where things stand" in mails.text


def test_the_checklist_leads_to_those_who_were_not_told_and_then_closes(
    visitor: Visitor,
    postmortem: Postmortem,
    google: GoogleWorld,
    incident: str,
    customers: Customers,
) -> None:
    listed = customers(2)
    postmortem("notify", str(listed), "--send", "--confirm", "2")
    postmortem("status", "resolved")
    page = visitor.open(f"incident/{incident}/close")
    refused = visitor.submit(page, "/close", expect=422)
    assert "was not closed:" in refused.text
    page = visitor.submit(page, "/not-told")
    page = visitor.submit(page, "/send", number="2")
    until(lambda: "2 of 2 sent" in visitor.open(page.address).text)
    page = visitor.submit(visitor.open(f"incident/{incident}/close"), "/close", lock="yes")
    assert "Closed after" in page.text
    assert postmortem.json("show")["closed_at"]
    assert google.copies_per_recipient() == dict.fromkeys(listed.addresses, 2)
    page = visitor.submit(visitor.open(f"incident/{incident}/"), "/reopen", reason="It is back")
    assert "Reopened" in page.text
    assert postmortem.json("show")["closed_at"] is None


def test_the_whole_record_and_the_report_are_downloaded(
    visitor: Visitor, postmortem: Postmortem, incident: str, customers: Customers
) -> None:
    postmortem("notify", str(customers(1)), "--send", "--confirm", "1")
    packed = visitor.session.get(f"{visitor.address}incident/{incident}/record.zip", timeout=60)
    with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
        names = archive.namelist()
        assert json.loads(archive.read("record.json"))["incident"] == incident
    assert any(name.endswith(".eml") for name in names)
    report = visitor.session.get(f"{visitor.address}incident/{incident}/report.html", timeout=60)
    assert "Wrong amounts" in report.text
    assert "sandbox" in report.headers["Content-Security-Policy"]


def test_told_finds_a_customer_however_the_address_is_spelled(
    visitor: Visitor, postmortem: Postmortem, incident: str, customers: Customers
) -> None:
    postmortem("notify", str(customers(2)), "--send", "--confirm", "2")
    page = visitor.open("told?q=Person1@CUSTOMER.example")
    assert "Wrong amounts" in page.text
    assert "Person 1" in page.text
    assert "Person 2" not in page.text
    assert "was sent nothing" in visitor.open("told?q=who@else.example").text


@pytest.mark.parametrize(
    ("sought", "found"),
    [
        ("1, person", [1]),
        ("PERSON 2", [2]),
        ("@customer.example", [1, 2]),
        ("persön", [1, 2]),
        ("Person 3", []),
    ],
)
def test_told_finds_customers_by_whatever_a_caller_says(
    visitor: Visitor,
    postmortem: Postmortem,
    incident: str,
    customers: Customers,
    sought: str,
    found: list[int],
) -> None:
    listed = customers(2)
    postmortem("notify", str(listed), "--send", "--confirm", "2")
    page = visitor.open(f"told?q={quote(sought)}")
    shown = [at for at, address in enumerate(listed.addresses, 1) if f"{address} ·" in page.text]
    assert shown == found
    assert ("was sent nothing" in page.text) is (not found)


def test_a_search_word_that_is_too_short_is_said(visitor: Visitor) -> None:
    assert "too short" in visitor.open("told?q=a", expect=422).text


@pytest.mark.parametrize("kind", ["a chat", "a mail group"])
def test_open_pages_remind_colleagues_once_that_an_update_is_due(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, kind: str
) -> None:
    set_up(postmortem, google, HOOK if kind == "a chat" else GROUP)
    incident = postmortem.json("start", "Wrong amounts")["incident"]
    promise(postmortem, customers)
    minutes_pass(postmortem, google, 26)

    def reminded() -> int:
        if kind == "a chat":
            return sum("due in 5 minutes" in each["body"]["text"] for each in google.told())
        return sum("due in 5 minutes" in str(each["Subject"]) for each in google.sent())

    with served(postmortem) as server:
        streams = []
        for visitor in (Visitor(server), Visitor(server)):
            page = visitor.open(f"incident/{incident}/").html
            address = re.search(r'data-events="([^"]+)"', page)
            assert address
            streams.append(
                visitor.session.get(visitor.origin + address[1], stream=True, timeout=30)
            )
        until(lambda: reminded() > 0)
        for stream in streams:
            lines = stream.iter_lines(decode_unicode=True)
            assert next(lines) == "retry: 2000"
            stream.close()
    postmortem("sync")
    assert reminded() == 1


def test_settings_change_the_config_file_and_keep_its_comments(
    visitor: Visitor, postmortem: Postmortem
) -> None:
    before = (
        '# Ours.\ntime_zone = "Europe/Berlin"  # where we sit\n\n[sending]\ndaily_limit = 9 # few\n'
    )
    postmortem.configure(before)
    page = visitor.open("setup/")
    page = visitor.submit(
        page, "/settings", organisation="Ours", share="a@our.example\nb@our.example"
    )
    assert "Saved to" in page.text
    after = (postmortem.home / "config.toml").read_text()
    assert "# Ours." in after
    assert "# where we sit" in after
    assert "daily_limit = 9 # few" in after
    assert after.index('organisation = "Ours"') < after.index("[sending]")
    refused = visitor.submit(page, "/settings", time_zone="Nowhere/Land", expect=422)
    assert "time_zone 'Nowhere/Land' is not a zone's name" in refused.text
    assert str(postmortem.home / "config.toml") in refused.text
    assert (postmortem.home / "config.toml").read_text() == after
    assert list(postmortem.home.glob(".config*")) == []


def test_doctor_shows_what_the_command_line_finds(visitor: Visitor, postmortem: Postmortem) -> None:
    found = postmortem.json("doctor")["findings"]
    page = visitor.open("setup/doctor")
    for each in found:
        if "quota" not in each["says"] and "mails a minute" not in each["says"]:
            assert " ".join(each["says"].replace("`", " ").split())[:40] in page.text.replace(
                "`", ""
            )


def test_the_page_hears_of_what_the_command_line_does(
    visitor: Visitor, postmortem: Postmortem, incident: str
) -> None:
    shown = re.search(r'data-events="([^"]+)"', visitor.open(f"incident/{incident}/").html)
    assert shown
    # Between the page and its stream, so that neither has it.
    postmortem("log", "Said at the terminal")
    stream = visitor.session.get(visitor.origin + shown[1], stream=True, timeout=30)
    lines = stream.iter_lines(decode_unicode=True)
    assert next(lines) == "retry: 2000"
    heard = next(line for line in lines if line.startswith("event:"))
    assert heard == "event: changed"
    stream.close()
    assert "Said at the terminal" in visitor.open(f"incident/{incident}/live").text


def test_what_customers_read_is_asked_for_once_before_the_first_notice(
    visitor: Visitor,
    postmortem: Postmortem,
    google: GoogleWorld,
    incident: str,
    customers: Customers,
) -> None:
    files = {"list": ("customers.csv", customers(1).path.read_bytes())}
    page = visitor.open(f"incident/{incident}/notify/")
    form = page.form("/notify/").fields
    assert (form["customer_title"], form["customer_impact"]) == ("Wrong amounts", "12 customers")
    title = "Your invoice may be wrong"
    page = visitor.submit(page, "/notify/", files=files, customer_title=title)
    assert "written for colleagues" not in page.text
    shown = postmortem.json("show")
    assert (shown["customer_title"], shown["customer_impact"]) == (title, "12 customers")
    assert (
        "customer_title" not in visitor.open(f"incident/{incident}/notify/").form("/notify/").fields
    )
    visitor.submit(page, "/send", number="1")
    until(lambda: len(google.sent()) == 1)
    assert title in str(google.sent()[0]["Subject"])
    page = visitor.submit(of_incident(visitor, incident), "/edit", customer_title="Two invoices")
    assert "Customers read the title: Two invoices" in page.text
    assert postmortem.json("show")["title"] == "Wrong amounts"


def test_each_customer_gets_the_file_that_the_list_names(
    visitor: Visitor, google: GoogleWorld, incident: str
) -> None:
    rows = "email,name,invoice\nann@customer.example,Ann,a.txt\nben@customer.example,Ben,b.txt\n"
    page = visitor.open(f"incident/{incident}/notify/")
    page = visitor.submit(page, "/notify/", files={"list": ("customers.csv", rows.encode())})
    page = visitor.submit(page, "/check", attach_column="invoice")
    assert "there is no file a.txt" in page.text
    own = [("own_files", (name, name[0].encode())) for name in ("a.txt", "b.txt")]
    page = visitor.submit(page, "/check", files=own)
    page = visitor.submit(page, "/send", number="2")
    until(lambda: len(google.sent()) == 2)
    attached = {
        mail["To"].addresses[0].username: [each.get_filename() for each in mail.iter_attachments()]
        for mail in google.sent()
    }
    assert attached == {"ann": ["a.txt"], "ben": ["b.txt"]}


def test_a_list_can_be_a_query_as_on_the_command_line(
    visitor: Visitor, postmortem: Postmortem, incident: str, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as shop, shop:
        shop.execute("CREATE TABLE c (email, name)")
        shop.execute("INSERT INTO c VALUES ('ann@customer.example', 'Ann')")
    postmortem.configure(f'list_database_url = "sqlite:///{tmp_path / "shop.db"}"\n{CONFIG}')
    query = tmp_path / "affected.sql"
    query.write_text("SELECT email, name FROM c", "utf-8")
    page = visitor.open(f"incident/{incident}/notify/")
    refused = visitor.submit(page, "/notify/", address=str(query), expect=422)
    assert "is neither the address of a Google Sheet nor sql:FILE" in refused.text
    page = visitor.submit(page, "/notify/", address=f"sql:{query}")
    assert "Type 1 to send to 1 customer" in page.text


def test_a_notice_that_is_not_finished_is_named_and_can_be_overridden(
    visitor: Visitor,
    postmortem: Postmortem,
    google: GoogleWorld,
    incident: str,
    customers: Customers,
) -> None:
    listed = customers(2)
    postmortem("notify", str(listed), "--send", "--confirm", "2", "--draft-only")
    waiting = postmortem.json("show")["notices"][0]["notice"]
    files = {"list": ("customers.csv", listed.path.read_bytes())}
    page = visitor.submit(visitor.open(f"incident/{incident}/notify/"), "/notify/", files=files)
    page = visitor.submit(page, "/check", subject="Other words")
    assert "has drafts waiting for 2 of them" in page.text
    assert "Nothing can be sent yet." in page.text
    page = visitor.submit(page, "/check", despite=waiting)
    page = visitor.submit(page, "/send", number="2")
    until(lambda: len(google.sent()) == 2)
    assert {str(mail["Subject"]) for mail in google.sent()} == {"Other words"}


def test_what_waits_for_the_doc_has_its_button_in_the_checklist(
    visitor: Visitor, postmortem: Postmortem, google: GoogleWorld, incident: str
) -> None:
    google.misbehave("403_storage_full", "docs.*")
    postmortem("log", "Typed", expect=5)
    google.behave()
    page = visitor.open(f"incident/{incident}/close")
    assert "1 change is not in the doc yet" in page.text
    assert "everything is in the doc" in visitor.submit(page, "/sync").text
    assert "Typed" in google.text(postmortem.json("show")["doc_id"])
