"""`handover` and `join --with`: an incident moves to a colleague's ledger with all its mails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.both_ledgers import on_both_ledgers
from tests.command_line import CustomerList, Postmortem, words_to_send
from tests.conftest import COLLEAGUE, CONFIG
from tests.google_world import ACCOUNT, GoogleWorld
from tests.ledger_rows import back_up, restore

Customers = Callable[[int], CustomerList]
PASSPHRASE = "correct horse battery"


@pytest.fixture
def url(postmortem: Postmortem, customers: Customers) -> str:
    """The address of an incident whose 3 customers were notified."""
    given = ("--impact", "x", "--share", "ann@team.example")
    started = postmortem.json("start", "Wrong amounts", *given)
    postmortem("log", "Seen by support")
    postmortem("section", "root-cause", "A stale price list")
    attached = postmortem.home / "details.txt"
    attached.write_bytes(b"details\n")
    postmortem(*words_to_send(customers(3)), "--attach", str(attached))
    return str(started["doc_url"])


@on_both_ledgers
def test_an_incident_moves_and_goes_on_where_it_is(
    postmortem: Postmortem,
    colleague: Postmortem,
    google: GoogleWorld,
    customers: Customers,
    url: str,
    tmp_path: Path,
) -> None:
    file = tmp_path / "invoices.handover"
    before = postmortem.json("show")
    given = postmortem("handover", str(file), POSTMORTEM_PASSPHRASE=PASSPHRASE)
    assert "1 notice, 3 customers notified" in given.out
    assert b"Wrong amounts" not in file.read_bytes()
    assert b"customer.example" not in file.read_bytes()
    assert file.stat().st_mode & 0o077 == 0
    refused = postmortem("notify", str(customers(5)), "--send", "--confirm", "2", expect=3)
    assert "this incident was handed over on" in refused.err
    postmortem("log", "The giver still writes into the doc")

    colleague("join", url, "--with", str(file), POSTMORTEM_PASSPHRASE=PASSPHRASE)
    after = colleague.json("show")
    assert [each["notice"] for each in after["notices"]] == [before["notices"][0]["notice"]]
    assert after["notices"][0]["counts"] == before["notices"][0]["counts"]
    assert after["timeline"] == before["timeline"]
    assert (after["impact"], after["title"]) == ("x", "Wrong amounts")
    # Customers who have the text are left out, the two new ones get it, and that's all.
    colleague("notify", str(customers(5)), "--send", "--confirm", "2")
    assert google.copies_from(ACCOUNT, COLLEAGUE) == dict.fromkeys(customers(5).addresses, 1)
    assert colleague.json("told", customers(5).addresses[0])["notices"]
    colleague("close", "--force", "a test")
    assert google.text(after["doc_id"]).count("Emailed 3 customers") == 1


def test_who_was_forgotten_here_gets_no_second_mail_for_an_incident_that_arrives(
    postmortem: Postmortem,
    colleague: Postmortem,
    google: GoogleWorld,
    customers: Customers,
    url: str,
    tmp_path: Path,
) -> None:
    file = tmp_path / "invoices.handover"
    colleague("start", "Another", "--impact", "x")
    colleague("forget", customers(3).addresses[0], "--yes")
    postmortem("handover", str(file), POSTMORTEM_PASSPHRASE=PASSPHRASE)
    colleague("join", url, "--with", str(file), POSTMORTEM_PASSPHRASE=PASSPHRASE)
    colleague("notify", str(customers(4)), "--send", "--confirm", "1")
    assert google.copies_from(ACCOUNT, COLLEAGUE) == dict.fromkeys(customers(4).addresses, 1)


@pytest.mark.parametrize("has_own_key", [False, True])
def test_a_forgotten_customer_gets_no_second_mail_from_the_other_ledger(
    postmortem: Postmortem,
    colleague: Postmortem,
    google: GoogleWorld,
    customers: Customers,
    url: str,
    tmp_path: Path,
    has_own_key: bool,
) -> None:
    file = tmp_path / "invoices.handover"
    gone = customers(3).addresses[0]
    postmortem("forget", gone, "--yes")
    if has_own_key:
        colleague("start", "Another", "--impact", "x")
        colleague("forget", "somebody@else.example", "--yes")
    postmortem("handover", str(file), POSTMORTEM_PASSPHRASE=PASSPHRASE)
    colleague("join", url, "--with", str(file), POSTMORTEM_PASSPHRASE=PASSPHRASE)
    colleague("notify", str(customers(4)), "--send", "--confirm", "1")
    assert google.copies_from(ACCOUNT, COLLEAGUE) == dict.fromkeys(customers(4).addresses, 1)
    assert colleague.json("told", gone)["notices"]


def test_it_comes_back_the_same_way(
    postmortem: Postmortem,
    colleague: Postmortem,
    google: GoogleWorld,
    customers: Customers,
    url: str,
    tmp_path: Path,
) -> None:
    there, back = tmp_path / "there", tmp_path / "back"
    postmortem("handover", str(there), POSTMORTEM_PASSPHRASE=PASSPHRASE)
    postmortem("log", "Said by the giver meanwhile")
    colleague("join", url, "--with", str(there), POSTMORTEM_PASSPHRASE=PASSPHRASE)
    colleague("notify", str(customers(5)), "--send", "--confirm", "2")
    colleague("severity", "SEV2")
    colleague("handover", str(back), POSTMORTEM_PASSPHRASE=PASSPHRASE)
    postmortem("join", url, "--with", str(back), POSTMORTEM_PASSPHRASE=PASSPHRASE)
    known = postmortem.json("show")
    assert known["severity"] == "SEV2"
    assert sum(each["counts"]["sent"] for each in known["notices"]) == 5
    assert "Said by the giver meanwhile" in [each["text"] for each in known["timeline"]]
    assert known["other_ledgers"]["notices"] == []
    nothing_new = postmortem("notify", str(customers(5)), "--send", "--confirm", "5")
    assert "Nothing new was sent" in nothing_new.out
    assert google.copies_from(ACCOUNT, COLLEAGUE) == dict.fromkeys(customers(5).addresses, 1)
    colleague("notify", str(customers(5)), "--stage", "update", "--send", expect=3)


@on_both_ledgers
def test_who_joined_before_takes_over_what_was_said_meanwhile(
    postmortem: Postmortem, colleague: Postmortem, google: GoogleWorld, url: str, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    colleague("join", url)
    colleague("edit", "--owner", "Ann")
    postmortem("severity", "SEV1")
    postmortem("edit", "--title", "Wrong amounts on invoices", "--owner", "Bo")
    colleague("edit", "--owner", "Cy")
    colleague("status", "identified", "Ann found it")
    postmortem("status", "resolved", "All is right again")
    postmortem("handover", str(file), POSTMORTEM_PASSPHRASE=PASSPHRASE)
    joined = colleague("join", url, "--with", str(file), POSTMORTEM_PASSPHRASE=PASSPHRASE)
    assert "Joined: Wrong amounts on invoices" in joined.out
    assert ", resolved" in joined.out
    known = colleague.json("show")
    assert (known["status"], known["severity"]) == ("resolved", "SEV1")
    assert (known["title"], known["impact"]) == ("Wrong amounts on invoices", "x")
    assert "Owner: Cy" in google.text(known["doc_id"])
    entries = len(known["timeline"])
    colleague("edit", "--owner", "Cy")
    assert len(colleague.json("show")["timeline"]) == entries


@on_both_ledgers
def test_a_status_that_was_set_last_by_the_taker_stays(
    postmortem: Postmortem, colleague: Postmortem, url: str, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    colleague("join", url)
    postmortem("status", "identified")
    postmortem("handover", str(file), POSTMORTEM_PASSPHRASE=PASSPHRASE)
    colleague("status", "monitoring")
    colleague("join", url, "--with", str(file), POSTMORTEM_PASSPHRASE=PASSPHRASE)
    assert colleague.json("show")["status"] == "monitoring"


def test_a_file_is_taken_once(
    postmortem: Postmortem,
    colleague: Postmortem,
    google: GoogleWorld,
    url: str,
    tmp_path: Path,
) -> None:
    file = tmp_path / "file"
    postmortem("handover", str(file), POSTMORTEM_PASSPHRASE=PASSPHRASE)
    own = postmortem("join", url, "--with", str(file), expect=3, POSTMORTEM_PASSPHRASE=PASSPHRASE)
    assert "written by this very ledger" in own.err
    colleague("join", url, "--with", str(file), POSTMORTEM_PASSPHRASE=PASSPHRASE)
    again = colleague("join", url, "--with", str(file), expect=3, POSTMORTEM_PASSPHRASE=PASSPHRASE)
    assert "was taken over here already" in again.err
    third = Postmortem(tmp_path / "third", dict(colleague.environment))
    third.home.mkdir()
    third.configure('google_url_token = "rehearsal:ann@team.example"\n' + CONFIG)
    refused = third("join", url, "--with", str(file), expect=3, POSTMORTEM_PASSPHRASE=PASSPHRASE)
    assert "was taken over by ledger" in refused.err
    assert third.json("list") == []
    taken = postmortem("handover", "--cancel", expect=3)
    assert "has taken this incident over" in taken.err


def test_a_handover_that_nobody_took_is_cancelled(
    postmortem: Postmortem,
    colleague: Postmortem,
    google: GoogleWorld,
    customers: Customers,
    url: str,
    tmp_path: Path,
) -> None:
    assert "was not handed over" in postmortem("handover", "--cancel", expect=3).err
    file = tmp_path / "file"
    postmortem("handover", str(file), POSTMORTEM_PASSPHRASE=PASSPHRASE)
    postmortem("handover", "--cancel")
    postmortem("notify", str(customers(5)), "--send", "--confirm", "2")
    refused = colleague(
        "join", url, "--with", str(file), expect=3, POSTMORTEM_PASSPHRASE=PASSPHRASE
    )
    assert "was cancelled by its sender" in refused.err
    assert google.copies_from(ACCOUNT, COLLEAGUE) == dict.fromkeys(customers(5).addresses, 1)


def test_a_giver_from_a_backup_learns_from_the_doc_that_it_has_given(
    postmortem: Postmortem,
    colleague: Postmortem,
    customers: Customers,
    url: str,
    tmp_path: Path,
) -> None:
    backup = back_up(postmortem)
    postmortem("handover", str(tmp_path / "file"), POSTMORTEM_PASSPHRASE=PASSPHRASE)
    colleague("join", url, "--with", str(tmp_path / "file"), POSTMORTEM_PASSPHRASE=PASSPHRASE)
    restore(postmortem, backup)
    words = ("notify", str(customers(5)), "--send", "--confirm", "2")
    assert "This incident was handed over to ledger" in postmortem(*words, expect=3).err


def test_a_giver_from_a_backup_goes_on_once_it_has_the_incident_back(
    postmortem: Postmortem,
    colleague: Postmortem,
    google: GoogleWorld,
    customers: Customers,
    url: str,
    tmp_path: Path,
) -> None:
    there, back = tmp_path / "there", tmp_path / "back"
    backup = back_up(postmortem)
    postmortem("handover", str(there), POSTMORTEM_PASSPHRASE=PASSPHRASE)
    colleague("join", url, "--with", str(there), POSTMORTEM_PASSPHRASE=PASSPHRASE)
    colleague("notify", str(customers(4)), "--send", "--confirm", "1")
    restore(postmortem, backup)
    words = ("notify", str(customers(5)), "--send", "--confirm", "1")
    assert "This incident was handed over to ledger" in postmortem(*words, expect=3).err

    colleague("handover", str(back), POSTMORTEM_PASSPHRASE=PASSPHRASE)
    taken = postmortem("join", url, "--with", str(back), POSTMORTEM_PASSPHRASE=PASSPHRASE)
    assert "was handed over to ledger" not in taken.err
    assert postmortem.json("show")["other_ledgers"]["notices"] == []
    postmortem(*words)
    assert google.copies_from(ACCOUNT, COLLEAGUE) == dict.fromkeys(customers(5).addresses, 1)
    assert "this incident was handed over on" in colleague(*words, expect=3).err


def test_a_backup_does_not_take_a_cancelled_handover_for_one(
    postmortem: Postmortem,
    google: GoogleWorld,
    customers: Customers,
    url: str,
    tmp_path: Path,
) -> None:
    backup = back_up(postmortem)
    postmortem("handover", str(tmp_path / "file"), POSTMORTEM_PASSPHRASE=PASSPHRASE)
    postmortem("handover", "--cancel")
    restore(postmortem, backup)
    postmortem("notify", str(customers(5)), "--send", "--confirm", "2")
    assert google.copies_per_recipient() == dict.fromkeys(customers(5).addresses, 1)


def test_what_can_not_be_opened_is_said_in_a_sentence_and_changes_nothing(
    postmortem: Postmortem, colleague: Postmortem, url: str, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    postmortem("handover", str(file), POSTMORTEM_PASSPHRASE=PASSPHRASE)
    sealed = file.read_bytes()

    def refused(content: bytes, passphrase: str = PASSPHRASE) -> str:
        file.write_bytes(content)
        words = ("join", url, "--with", str(file))
        return colleague(*words, expect=3, POSTMORTEM_PASSPHRASE=passphrase).err

    assert "does not open with this passphrase" in refused(sealed, "wrong horse battery")
    for damaged in (sealed[:-1], sealed[:-9] + b"123456789", sealed[:60]):
        assert "is damaged or not complete" in refused(damaged)
    assert "was not written by postmortem handover" in refused(b"PK\x03\x04")
    assert "was not written by postmortem handover" in refused(b"")
    newer = sealed.replace(b"handover 1\n", b"handover 2\n", 1)
    assert "newer postmortem" in refused(newer)
    assert "newer postmortem (schema 9999" in refused(
        sealed.replace(b'"schema": "0', b'"schema": "9999", "x": "0', 1)
    )
    assert "is damaged" in refused(sealed.replace(b'"n": 65536', b'"n": 1048576', 1))
    file.write_bytes(sealed)
    without = colleague("join", url, "--with", str(file), expect=3)
    assert "Set POSTMORTEM_PASSPHRASE" in without.err
    assert "can't be read" in colleague("join", url, "--with", "/nowhere", expect=3).err
    assert colleague.json("list") == []


def test_what_can_not_be_handed_over_is_refused(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, url: str, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_text("mine", encoding="utf-8")
    assert (
        "already exists"
        in postmortem("handover", str(file), expect=3, POSTMORTEM_PASSPHRASE=PASSPHRASE).err
    )
    assert file.read_text(encoding="utf-8") == "mine"
    short = postmortem("handover", str(tmp_path / "x"), expect=3, POSTMORTEM_PASSPHRASE="short")
    assert "at least 10 characters" in short.err
    assert "Set POSTMORTEM_PASSPHRASE" in postmortem("handover", str(tmp_path / "x"), expect=3).err
    postmortem("notify", str(customers(5)), "--send", "--confirm", "2", "--draft-only")
    unfinished = postmortem(
        "handover", str(tmp_path / "x"), expect=3, POSTMORTEM_PASSPHRASE=PASSPHRASE
    )
    assert "still has 2 to send" in unfinished.err
    assert not (tmp_path / "x").exists()
    postmortem("handover", expect=2)


def test_a_file_of_another_incident_is_refused(
    postmortem: Postmortem, colleague: Postmortem, url: str, tmp_path: Path
) -> None:
    other = postmortem.json("start", "Another", "--share", "ann@team.example")["doc_url"]
    postmortem("handover", str(tmp_path / "file"), POSTMORTEM_PASSPHRASE=PASSPHRASE)
    refused = colleague(
        "join", url, "--with", str(tmp_path / "file"), expect=3, POSTMORTEM_PASSPHRASE=PASSPHRASE
    )
    assert "The file is of another incident: “Another”" in refused.err
    colleague(
        "join", str(other), "--with", str(tmp_path / "file"), POSTMORTEM_PASSPHRASE=PASSPHRASE
    )
