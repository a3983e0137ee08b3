"""Several ledgers: another one's mails show in the doc; nobody is written to twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.command_line import CustomerList, Postmortem, one_each, running, words_to_send
from tests.conftest import COLLEAGUE, CONFIG
from tests.google_world import ACCOUNT, GoogleWorld
from tests.ledger_rows import back_up, restore
from tests.plug import go_on, sleeping_in

Customers = Callable[[int], CustomerList]


@pytest.fixture
def ledger_url() -> str:
    """Backups are copies of a file."""
    return ""


def start(postmortem: Postmortem) -> str:
    shared = ("--share", "ann@team.example")
    return str(postmortem.json("start", "Wrong amounts", "--impact", "x", *shared)["doc_url"])


def test_an_old_ledger_from_a_backup_writes_to_nobody_again(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    start(postmortem)
    back_up(postmortem)
    postmortem(*words_to_send(customers(3)))
    restore(postmortem, postmortem.home / "backup")
    refused = postmortem(*words_to_send(customers(3)), expect=3)
    assert "This ledger wrote to 3 customers on" in refused.err
    assert google.copies_from(ACCOUNT, COLLEAGUE) == one_each(customers(3))
    assert postmortem.json("show")["notices"] == []
    checked, closed = postmortem("close", "--check", expect=3), postmortem("close", expect=3)
    found = postmortem("doctor", expect=None)
    for said in (refused.err, checked.err, closed.err, found.out + found.err):
        words = " ".join(said.split())
        assert "put the newest copy of this ledger back, or use the machine that has it" in words
        assert "postmortem ledger rebuild" in words
        # Its own file would be refused, and there is no other ledger that could send.
        assert "postmortem handover" not in words
        assert "let that ledger send" not in words


def test_a_colleague_who_joins_sees_what_was_sent_and_writes_to_nobody_again(
    postmortem: Postmortem, colleague: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    url = start(postmortem)
    postmortem(*words_to_send(customers(3)))
    joined = colleague("join", url)
    assert "Another ledger wrote to 3 customers on" in joined.err
    assert (
        "Another ledger wrote to 3 customers"
        in colleague(*words_to_send(customers(3)), expect=3).err
    )
    assert google.copies_from(ACCOUNT, COLLEAGUE) == one_each(customers(3))


def test_a_ledger_that_was_lost_and_joined_again_writes_to_nobody_again(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    url = start(postmortem)
    postmortem(*words_to_send(customers(3)))
    for each in postmortem.home.glob("ledger.sqlite3*"):
        each.unlink()
    assert "Another ledger wrote to 3 customers" in postmortem("join", url).err
    postmortem(*words_to_send(customers(3)), expect=3)
    assert google.copies_from(ACCOUNT, COLLEAGUE) == one_each(customers(3))


def test_a_notice_under_way_is_seen_before_its_first_mail(
    postmortem: Postmortem, colleague: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    url = start(postmortem)
    google.misbehave("token_expired", "gmail.users.drafts.create")
    postmortem(*words_to_send(customers(3)), expect=4)  # no mail was created
    google.behave()
    text = google.text(str(postmortem.json("show")["doc_id"]))
    assert "Being sent to 3 customers since" in text
    assert "Another ledger began to write to 3 customers" in colleague("join", url).err
    colleague(*words_to_send(customers(3)), expect=3)
    postmortem("resume")
    assert google.copies_from(ACCOUNT, COLLEAGUE) == one_each(customers(3))
    text = google.text(str(postmortem.json("show")["doc_id"]))
    assert "Being sent" not in text
    assert text.count("Accepted by Gmail: 3 of 3") == 1
    assert text.count("Hello ‹name›,") == 1


def half_sent(postmortem: Postmortem, google: GoogleWorld, listed: CustomerList, left: int) -> None:
    """A notice with some accepted mails; the others don't exist yet."""
    done = len(listed.addresses) - left
    google.misbehave("token_expired", "gmail.users.drafts.create", skip=done)
    postmortem(*words_to_send(listed), expect=4)
    google.behave()


def test_a_backup_of_a_half_sent_notice_does_not_send_the_other_half_again(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    start(postmortem)
    half_sent(postmortem, google, customers(4), 2)
    backup = back_up(postmortem)
    postmortem("resume")
    restore(postmortem, backup)
    refused = postmortem("resume", expect=3)
    assert "the doc says that 4 mails were accepted; this ledger knows of" in refused.err
    assert google.copies_from(ACCOUNT, COLLEAGUE) == one_each(customers(4))


@pytest.mark.usefixtures("little_patience")
def test_a_backup_is_known_by_the_runs_that_the_doc_has_seen(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    start(postmortem)
    half_sent(postmortem, google, customers(4), 2)
    backup = back_up(postmortem)
    # The rest is sent, and the machine dies before the doc is updated.
    google.misbehave("503", "docs.documents.batchUpdate", skip=1)
    postmortem("resume", expect=5)
    google.behave()
    restore(postmortem, backup)
    refused = postmortem("resume", expect=3)
    assert "The doc has seen a later run of sending of this very ledger" in refused.err
    assert google.copies_from(ACCOUNT, COLLEAGUE) == one_each(customers(4))


def sent_after_the_backup(
    postmortem: Postmortem, google: GoogleWorld, listed: CustomerList
) -> None:
    """Restore a backup from the middle of a run, whose mails were then sent without the doc."""
    google.misbehave("503", "docs.documents.batchUpdate", skip=1)
    where = ("workflow.sending.sender", "Sender.run")
    with sleeping_in(where, postmortem, *words_to_send(listed)) as sending:
        backup = back_up(postmortem)
        go_on(sending)
        assert sending.wait(timeout=30) == 5  # sent, and the doc isn't updated
    google.behave()
    restore(postmortem, backup)


def test_a_backup_from_the_middle_of_a_run_writes_to_nobody_again(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    """The doc shows no later run than the backup: the copy itself must be detected."""
    start(postmortem)
    sent_after_the_backup(postmortem, google, customers(4))
    refused = postmortem("resume", expect=3)
    assert "This ledger's file is a copy, or was restored from a backup" in refused.err
    postmortem("resume", "--not-in-this-ledger", expect=3)
    assert google.copies_from(ACCOUNT, COLLEAGUE) == one_each(customers(4))


def test_a_look_at_another_incident_does_not_confirm_a_restored_file(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    other = postmortem.json("start", "Slow pages")["incident"]
    start(postmortem)
    sent_after_the_backup(postmortem, google, customers(4))
    postmortem("log", "Anything", "--incident", other)
    postmortem("start", "Late invoices")
    (notice,) = (
        each["notice"] for each in postmortem.json("show", "--incident", "Wrong")["notices"]
    )
    refused = postmortem("resume", notice, expect=3)
    assert "This ledger's file is a copy, or was restored from a backup" in refused.err
    assert google.copies_from(ACCOUNT, COLLEAGUE) == one_each(customers(4))


def test_a_notice_of_the_restored_ledger_itself_is_not_taken_for_an_older_one(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    start(postmortem)
    backup = back_up(postmortem)
    postmortem(*words_to_send(customers(3)))
    restore(postmortem, backup)
    others = postmortem.home / "others.csv"
    others.write_text("email\nzoe@customer.example\nyan@customer.example\n", encoding="utf-8")
    google.misbehave("token_expired", "gmail.users.drafts.create", skip=1)
    agreed = ("--not-in-this-ledger", "--confirm", "2")
    postmortem("notify", str(others), "--send", *agreed, expect=4)
    google.behave()
    postmortem("log", "Anything")
    shown = postmortem("show").out
    assert "This ledger wrote to 3 customers on" in shown
    assert "This ledger's file is a copy" not in shown
    postmortem("resume")
    assert google.copies_from(ACCOUNT, COLLEAGUE) == one_each(customers(3)) | {
        "zoe@customer.example": 1,
        "yan@customer.example": 1,
    }


def test_a_person_who_knows_better_types_the_number(
    postmortem: Postmortem, colleague: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    url = start(postmortem)
    postmortem(*words_to_send(customers(3)))
    colleague("join", url)
    others = colleague.home / "others.csv"
    others.write_text("email\nzoe@customer.example\n", encoding="utf-8")
    words = ("notify", str(others), "--send", "--not-in-this-ledger")
    assert "this would send to 1" in colleague(*words, expect=3).err
    sent = colleague(*words, "--confirm", "1")
    assert "Another ledger wrote to 3 customers" in sent.err
    assert google.copies_from(ACCOUNT, COLLEAGUE) == one_each(customers(3)) | {
        "zoe@customer.example": 1
    }
    # Now the first one lacks something that the other one did.
    postmortem("log", "Anything")
    assert "Another ledger wrote to 1 customer on" in postmortem("show").out
    assert "Another ledger wrote to 1 customer on" in postmortem("close", expect=3).err


def test_what_was_agreed_to_holds_for_that_notice_until_there_is_more(
    postmortem: Postmortem, colleague: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    url = start(postmortem)
    postmortem(*words_to_send(customers(3)))
    colleague("join", url)
    others = colleague.home / "others.csv"
    others.write_text("email\nzoe@customer.example\n", encoding="utf-8")
    google.misbehave("token_expired", "gmail.users.drafts.create")
    agreed = ("--not-in-this-ledger", "--confirm", "1")
    colleague("notify", str(others), "--send", *agreed, expect=4)
    google.behave()
    more = postmortem.home / "more.csv"
    more.write_text("email\nyan@customer.example\n", encoding="utf-8")
    assert (
        "began to write to 1 customer"
        in postmortem("notify", str(more), "--send", "--confirm", "1", expect=3).err
    )
    colleague("resume")
    assert google.copies_from(ACCOUNT, COLLEAGUE) == one_each(customers(3)) | {
        "zoe@customer.example": 1
    }


def test_no_close_as_if_the_others_did_not_exist(
    postmortem: Postmortem, colleague: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    url = start(postmortem)
    postmortem(*words_to_send(customers(3)))
    colleague("join", url)
    for words in (("close",), ("close", "--force", "done"), ("close", "--check")):
        refused = colleague(*words, expect=3)
        assert "Another ledger wrote to 3 customers on" in refused.err
    assert colleague.json("show")["closed_at"] is None
    wrong = colleague("close", "--not-in-this-ledger", "--confirm", "2", expect=3)
    assert "--not-in-this-ledger --confirm 3" in wrong.err
    colleague("close", "--not-in-this-ledger", "--confirm", "3")
    text = google.text(colleague.json("show")["doc_id"])
    assert (
        "Closed the incident, though not all of it is in one ledger: Another ledger wrote" in text
    )


def test_each_command_names_the_other_ledger(
    postmortem: Postmortem, colleague: Postmortem, customers: Customers, tmp_path: Path
) -> None:
    url = start(postmortem)
    postmortem(*words_to_send(customers(3)))
    colleague("join", url)
    words = "Another ledger wrote to 3 customers on"
    assert words in colleague("show").out
    (known,) = colleague.json("show")["other_ledgers"]["notices"]
    assert (known["customers"], known["sent"], known["why"]) == (3, 3, "unknown")
    told = colleague("told", customers(3).addresses[0])
    assert words in told.err
    assert f"It is unknown whether {customers(3).addresses[0]} was among them" in told.err
    assert words in colleague("sync").err
    assert words in colleague("doctor", expect=None).out
    assert words in colleague("report", "--to", str(tmp_path / "report.html")).err
    assert words in (tmp_path / "report.html").read_text(encoding="utf-8")
    colleague("export", str(tmp_path / "record"))
    assert words in (tmp_path / "record" / "index.md").read_text(encoding="utf-8")
    assert postmortem.json("show")["other_ledgers"]["notices"] == []


@pytest.mark.usefixtures("little_patience")
def test_a_doc_out_of_reach_stops_nobody_with_the_only_ledger_and_the_record_says_so(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    start(postmortem)
    google.misbehave("503", "docs.documents.get")
    sent = postmortem(*words_to_send(customers(3)), expect=5)
    assert "This notice was not in the doc before it was sent" in sent.err
    assert google.copies_from(ACCOUNT, COLLEAGUE) == one_each(customers(3))
    google.behave()
    postmortem("sync")
    assert "Not in the doc before it was sent:" in google.text(postmortem.json("show")["doc_id"])


@pytest.mark.usefixtures("little_patience")
def test_a_doc_out_of_reach_stops_those_who_joined(
    postmortem: Postmortem, colleague: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    colleague("join", start(postmortem))
    google.misbehave("503", "docs.documents.get")
    refused = colleague(*words_to_send(customers(3)), expect=3)
    assert "this ledger did not begin the incident" in refused.err
    assert google.copies_from(ACCOUNT, COLLEAGUE) == {}
    assert colleague.json("show")["notices"] == []
    colleague("close", expect=3)


@pytest.mark.usefixtures("little_patience")
def test_a_restored_ledger_is_not_the_only_one_for_sure(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    start(postmortem)
    backup = back_up(postmortem)
    postmortem(*words_to_send(customers(3)))
    restore(postmortem, backup)
    google.misbehave("503", "docs.documents.get")
    assert "or was restored" in postmortem(*words_to_send(customers(3)), expect=3).err
    assert google.copies_from(ACCOUNT, COLLEAGUE) == one_each(customers(3))


@pytest.mark.parametrize("way", ["recreate", "adopt"])
def test_a_colleague_in_a_replaced_doc_is_led_to_the_other_one_before_a_send(
    postmortem: Postmortem,
    colleague: Postmortem,
    google: GoogleWorld,
    customers: Customers,
    way: str,
) -> None:
    colleague("join", start(postmortem))
    drive = f"{google.url}/drive/v3/files/{postmortem.json('show')['doc_id']}"
    if way == "recreate":
        assert google._session().patch(drive, json={"trashed": True}, timeout=10).ok
        postmortem("doc", "recreate")
    else:
        copy = google._session().post(f"{drive}/copy", json={"name": "Copy"}, timeout=10).json()
        postmortem("doc", "adopt", f"https://docs.google.com/document/d/{copy['id']}/edit")
    postmortem(*words_to_send(customers(3)))
    refused = colleague(*words_to_send(customers(3)), expect=3)
    now = f"https://docs.google.com/document/d/{postmortem.json('show')['doc_id']}/edit"
    assert f"postmortem doc adopt {now}" in refused.err
    postmortem("share", "ann@team.example:writer")
    colleague("doc", "adopt", now)
    refused = colleague(*words_to_send(customers(3)), expect=3)
    assert "Another ledger wrote to 3 customers on" in refused.err
    assert google.copies_from(ACCOUNT, COLLEAGUE) == one_each(customers(3))


def test_a_ledger_from_before_its_doc_was_made_looks_at_the_doc_first(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    google.misbehave("503")
    postmortem("start", "Wrong amounts", "--impact", "x", expect=5)
    backup = back_up(postmortem)
    google.behave()
    postmortem("sync")
    postmortem(*words_to_send(customers(3)))
    restore(postmortem, backup)
    assert "postmortem sync" in postmortem(*words_to_send(customers(3)), expect=3).err
    postmortem("sync")
    refused = postmortem(*words_to_send(customers(3)), expect=3)
    assert "This ledger wrote to 3 customers on" in refused.err
    assert google.copies_per_recipient() == one_each(customers(3))
    assert len(google.documents()) == 1


@pytest.mark.parametrize("way", ["recreate", "adopt"])
def test_a_new_doc_does_not_confirm_a_restored_ledger(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, way: str
) -> None:
    start(postmortem)
    doc = postmortem.json("show")["doc_id"]
    drive = f"{google.url}/drive/v3/files/{doc}"
    answer = google._session().post(f"{drive}/copy", json={"name": "Before the send"}, timeout=10)
    copy = f"https://docs.google.com/document/d/{answer.json()['id']}/edit"
    backup = back_up(postmortem)
    postmortem(*words_to_send(customers(3)))
    assert google._session().delete(drive, timeout=10).ok
    restore(postmortem, backup)
    command = ("doc", way, *([copy] if way == "adopt" else []))
    refused = postmortem(*command, expect=3)
    assert f"postmortem {' '.join(command)} --not-in-this-ledger" in refused.err
    assert "Nothing was sent" in postmortem(*words_to_send(customers(3)), expect=3).err
    assert google.copies_per_recipient() == one_each(customers(3))

    # A person who knows that nothing was sent since the backup goes on.
    postmortem(*command, "--not-in-this-ledger")
    more = customers(5)
    more.path.write_text("email,name\nperson4@customer.example,Four\n", encoding="utf-8")
    postmortem("notify", str(more), "--send", "--confirm", "1")
    assert google.copies_per_recipient()["person4@customer.example"] == 1


def test_of_two_ledgers_that_begin_at_one_moment_one_sends(
    postmortem: Postmortem, colleague: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    colleague("join", start(postmortem))
    google.set(latency_seconds=0.05)
    processes = [
        each.start_process(*words_to_send(customers(8))) for each in (postmortem, colleague)
    ]
    with running(processes[0]), running(processes[1]):
        codes = sorted(each.wait(timeout=60) for each in processes)
    assert codes == [0, 3]
    assert google.copies_from(ACCOUNT, COLLEAGUE) == one_each(customers(8))


@pytest.mark.parametrize("way", ["--one-step", "--draft-only"])
def test_it_holds_for_every_way_to_send(
    postmortem: Postmortem,
    colleague: Postmortem,
    google: GoogleWorld,
    customers: Customers,
    way: str,
) -> None:
    url = start(postmortem)
    postmortem(*words_to_send(customers(3)), way)
    colleague("join", url)
    colleague(*words_to_send(customers(3)), way, expect=3)
    if way == "--draft-only":
        assert "Drafts for 3 customers since" in google.text(postmortem.json("show")["doc_id"])
        postmortem("resume", "--confirm", "3")
    assert google.copies_from(ACCOUNT, COLLEAGUE) == one_each(customers(3))


def test_it_holds_for_the_relay_too(
    postmortem: Postmortem, colleague: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    relay = f'[smtp]\nhost = "127.0.0.1"\nport = {google.server.smtp_port}\nsecurity = "none"\n'
    postmortem.configure(CONFIG + relay)
    colleague.configure(f'google_url_token = "rehearsal:ann@team.example"\n{CONFIG}{relay}')
    url = start(postmortem)
    postmortem(*words_to_send(customers(3)), "--transport", "smtp-relay")
    colleague("join", url)
    colleague(*words_to_send(customers(3)), "--transport", "smtp-relay", expect=3)
    colleague(*words_to_send(customers(3)), expect=3)
    assert google.relayed_copies() == one_each(customers(3))
    assert google.copies_from(ACCOUNT, COLLEAGUE) == {}
