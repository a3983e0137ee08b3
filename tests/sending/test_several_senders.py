"""A list divided among several mailboxes: each within its daily limit, threads kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from google_rehearsal.oauth.grants import KEY_FILE, ensure_key
from tests.command_line import CustomerList, Postmortem, running
from tests.google_world import GoogleWorld
from tests.ledger_rows import run_sql
from tests.plug import dies_at, wait_until

Customers = Callable[[int], CustomerList]

ANN, BEA = "ann@team.example", "bea@team.example"
CONFIG = """
time_zone = "Europe/Berlin"
reply_to = "support@team.example"
senders = ["ann@team.example", "Bea@team.example"]
[sending]
units_per_minute = 10000000
daily_limit = {daily_limit}
timeout_seconds = 2
in_flight = 3
[sign_in]
kind = "service_account"
file = "{key}"
subject = "you@rehearsal.example"
"""
SEND = "gmail.users.drafts.send"


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A service account's key; creating one takes a while."""
    return ensure_key(tmp_path_factory.mktemp("key")).read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def several_mailboxes(
    postmortem: Postmortem, google: GoogleWorld, tmp_path: Path, key: str
) -> None:
    postmortem("start", "Wrong amounts")
    own = key.replace("http://127.0.0.1/token", f"{google.url}/token")
    for path in (tmp_path / "google" / KEY_FILE, postmortem.home / "key.json"):
        path.write_text(own, encoding="utf-8")
        path.chmod(0o600)
    configure(postmortem)


def configure(postmortem: Postmortem, daily_limit: int = 1000) -> None:
    postmortem.configure(CONFIG.format(daily_limit=daily_limit, key="key.json"))


def sending(listed: CustomerList, *more: str) -> tuple[str, ...]:
    return ("notify", str(listed), "--send", "--confirm", str(len(listed.addresses)), *more)


def from_each(google: GoogleWorld) -> dict[str, list[str]]:
    """The recipients of each mailbox, by the mails in its own Sent folder."""
    return {
        account: [mail["To"].addresses[0].addr_spec for mail in google.of(account).sent()]
        for account in (ANN, BEA)
    }


def everybody_once(google: GoogleWorld, listed: CustomerList) -> bool:
    ann, bea = from_each(google).values()
    return sorted(ann + bea) == sorted(listed.addresses) and not google.sent()


def senders(postmortem: Postmortem) -> list[tuple[str, str]]:
    return run_sql(postmortem, "SELECT sender, state FROM deliveries ORDER BY id")


def test_the_list_is_divided_and_each_mailbox_writes_its_part(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    listed = customers(10)
    said = postmortem(*sending(listed))
    assert "accepted by Gmail 10 of 10" in said.out
    assert everybody_once(google, listed)
    assert [len(each) for each in from_each(google).values()] == [5, 5]
    for account, name in ((ANN, "Ann"), (BEA, "Bea")):
        for mail in google.of(account).sent():
            assert mail["From"] == f"{name} <{account}>"
            assert mail["Reply-To"] == "support@team.example"
    text = google.text(google.documents()[0]["id"])
    assert f"From: {ANN}, {BEA}" in text


def test_the_sheet_shows_who_sends_how_many_by_what_each_has_left_today(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    configure(postmortem, daily_limit=6)
    postmortem(*sending(customers(3)))  # two of one, one of the other
    postmortem("status", "resolved")
    sheet = postmortem("notify", str(customers(7)), "--stage", "resolved")
    assert f"From      {ANN}: 3, 2 in threads that it began (4 left today)" in sheet.out
    assert f"From      {BEA}: 4, 1 in threads that it began (5 left today)" in sheet.out
    assert "3 of 12 sent in the last 24 hours" in sheet.out
    listed = postmortem.json("notify", str(customers(7)), "--stage", "resolved")["senders"]
    assert listed[0] == {"email": ANN, "mails": 3, "left_today": 4}


def test_a_customers_thread_stays_with_the_mailbox_that_began_it(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    postmortem(*sending(customers(4)))
    before = from_each(google)
    listed = customers(9)
    postmortem("status", "resolved")
    postmortem(*sending(listed, "--stage", "resolved"))
    for account, told in before.items():
        mails = google.of(account).sent()
        after = [mail["To"].addresses[0].addr_spec for mail in mails[len(told) :]]
        assert set(told) <= set(after)
    assert [len(each) for each in from_each(google).values()] in ([6, 7], [7, 6])


def test_a_mailbox_whose_day_is_full_leaves_the_rest_for_tomorrow_and_the_others_go_on(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    google.misbehave("daily_sends", SEND, seconds=3600, times=1)
    stopped = postmortem(*sending(customers(10)), expect=5)
    assert "@team.example: " in stopped.err
    sent = [state for _, state in senders(postmortem)].count("sent")
    assert sent >= 5  # all of the other's
    assert "To continue from" in stopped.err


def test_a_list_beyond_the_day_of_all_mailboxes_says_so_and_stops_there(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    configure(postmortem, daily_limit=3)
    sheet = postmortem("notify", str(customers(8)))
    assert "0 of 6 sent in the last 24 hours; 2 must wait until tomorrow" in sheet.out
    stopped = postmortem(*sending(customers(8)), expect=5)
    assert "6 sent, 2 still to send" in stopped.err
    assert [len(each) for each in from_each(google).values()] == [3, 3]


def test_a_resume_goes_on_from_the_same_mailbox_whatever_the_config_says_by_then(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    listed = customers(8)
    google.misbehave("token_expired", SEND)
    postmortem(*sending(listed), expect=4)
    google.behave()
    planned = senders(postmortem)
    changed = CONFIG.replace('"ann@team.example", "Bea@team.example"', '"cem@team.example"')
    postmortem.configure(changed.format(daily_limit=1000, key="key.json"))
    postmortem("resume")
    assert [sender for sender, _ in senders(postmortem)] == [sender for sender, _ in planned]
    assert everybody_once(google, listed)


def test_a_sign_in_that_is_one_persons_does_not_go_on_with_anothers_mails(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    google.misbehave("token_expired", SEND)
    postmortem(*sending(customers(4)), expect=4)
    google.behave()
    postmortem.configure('time_zone = "Europe/Berlin"')
    said = postmortem("resume", expect=4)
    assert f"These mails are sent by {ANN}, and you@rehearsal.example is signed in" in said.err
    assert google.sent() == []


def test_a_mailbox_that_google_does_not_let_the_account_act_for_holds_up_only_its_own_part(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    google.set(mailboxes=[ANN])
    said = postmortem(*sending(customers(6)), expect=4)
    assert f"{BEA}: Google does not let the service account act for {BEA}." in said.err
    assert "3 sent, 3 still to send" in said.err
    google.set(mailboxes=[])
    postmortem("resume")
    assert everybody_once(google, customers(6))


def test_scopes_that_no_administrator_has_delegated_are_said_to_be_missing(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    google.set(delegated_scopes=["drive.file"])
    said = postmortem(*sending(customers(2)), expect=4)
    assert "domain-wide delegation" in said.err


@pytest.mark.parametrize("point", [8, 30])
def test_a_killed_send_is_finished_without_a_second_mail(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, point: int
) -> None:
    listed = customers(8)
    dies_at(point, postmortem, *sending(listed))
    postmortem(*sending(listed), expect=None)
    postmortem("resume")
    assert everybody_once(google, listed)
    assert google.of(ANN).drafts() == google.of(BEA).drafts() == []


def test_two_processes_share_every_mailbox_and_nobody_is_written_to_twice(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    listed = customers(16)
    google.set(latency_seconds=0.05)
    with running(postmortem.start_process(*sending(listed))) as sender:
        wait_until(lambda: google.calls().get(SEND, 0) >= 2)
        with running(postmortem.start_process("resume")) as other:
            codes = [sender.wait(timeout=60), other.wait(timeout=60)]
    assert codes == [0, 0]
    assert everybody_once(google, listed)


def test_a_draft_whose_making_was_lost_is_cleared_away_in_the_mailbox_where_it_lies(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    google.misbehave("close_after", "gmail.users.drafts.create", times=4)
    listed = customers(8)
    postmortem(*sending(listed))
    assert everybody_once(google, listed)
    assert google.of(ANN).drafts() == google.of(BEA).drafts() == []


def test_drafts_that_are_not_to_be_sent_are_withdrawn_from_every_mailbox(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    notice = postmortem.json(*sending(customers(6), "--draft-only"))["notice"]
    assert [len(google.of(each).drafts()) for each in (ANN, BEA)] == [3, 3]
    said = postmortem("resume", notice, "--discard")
    assert "Withdrawn: 6 customers will not get this mail." in said.out
    assert [len(google.of(each).drafts()) for each in (ANN, BEA)] == [0, 0]
    assert {state for _, state in senders(postmortem)} == {"failed"}


def test_a_test_mail_leaves_from_the_first_of_them(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    postmortem("notify", str(customers(2)), "--test", "me@team.example")
    assert len(google.of(ANN).sent()) == 1


def test_the_doctor_looks_at_each_of_them(postmortem: Postmortem, google: GoogleWorld) -> None:
    google.set(mailboxes=[ANN])
    said = postmortem("doctor", expect=None)
    assert f"{ANN} can send, 1,000 left today" in said.out
    assert f"{BEA}: Google does not let the service account act for {BEA}." in said.out + said.err
    google.set(mailboxes=[])
    assert f"{BEA} can send" in postmortem("doctor", expect=None).out


def test_one_visible_sender_and_several_mailboxes_do_not_go_together(
    postmortem: Postmortem, customers: Customers
) -> None:
    said = postmortem("notify", str(customers(1)), "--from", ANN, expect=3)
    assert "the config divides the list among several senders" in said.err


def test_a_key_for_google_is_not_used_at_a_server_that_stands_in_for_it(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, key: str
) -> None:
    real = key.replace("http://127.0.0.1/token", "https://oauth2.googleapis.com/token")
    (postmortem.home / "key.json").write_text(real, encoding="utf-8")
    google.forget_calls()
    said = postmortem(*sending(customers(2)), expect=4)
    assert "is for https://oauth2.googleapis.com/token, and Google is http://127.0.0.1" in said.err
    assert "oauth2.token" not in google.calls()


def test_what_came_back_is_looked_for_in_every_mailbox_that_sent(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    listed = customers(4)
    delegated = ["drive.file", "documents", "gmail.compose", "gmail.readonly"]
    google.set(bouncing=listed.addresses, delegated_scopes=delegated)
    scoped = 'scopes = ["read"]\n' + CONFIG.format(daily_limit=1000, key="key.json")
    postmortem.configure(scoped)
    postmortem(*sending(listed))
    found = postmortem.json("bounces")
    [notice] = found["notices"]
    assert [each["email"] for each in notice["bounced"]] == list(listed.addresses)
    assert found["other_mailboxes"] == []
