"""More mails than Gmail allows: the same notice, ledger and exactly-once rules, by SMTP relay."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.command_line import CustomerList, Postmortem, one_each, running
from tests.google_world import GoogleWorld
from tests.ledger_rows import run_sql
from tests.plug import dies_in, wait_until

Customers = Callable[[int], CustomerList]

CONFIG = """
time_zone = "Europe/Berlin"
reply_to = "support@team.example"
[sending]
units_per_minute = 10000000
daily_limit = 100000
timeout_seconds = 1.5
in_flight = 3
[smtp]
host = "127.0.0.1"
port = {port}
security = "none"
local_hostname = "localhost"
messages_per_minute = 100000
"""
MESSAGE = "smtp.message"


@pytest.fixture(autouse=True)
def a_relay(postmortem: Postmortem, google: GoogleWorld) -> None:
    postmortem("start", "Wrong amounts")
    postmortem.configure(CONFIG.format(port=google.server.smtp_port))


def sending(listed: CustomerList, *more: str) -> tuple[str, ...]:
    count = str(len(listed.addresses))
    return (
        *("notify", str(listed), "--transport", "smtp-relay", "--send", "--confirm", count),
        *more,
    )


def rows(postmortem: Postmortem, *columns: str) -> list[tuple[str, ...]]:
    return run_sql(postmortem, f"SELECT {', '.join(columns)} FROM deliveries ORDER BY row")


def test_a_list_leaves_through_the_relay_and_gmail_is_asked_for_nothing(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    listed = customers(7)
    google.forget_calls()
    said = postmortem(*sending(listed))
    assert "accepted by the SMTP relay 7 of 7" in said.out
    assert "delivered" not in said.out + said.err
    assert google.relayed_copies() == one_each(listed)
    assert not [method for method in google.calls() if method.startswith("gmail.")]
    assert google.calls()["smtp.connect"] <= 3  # connections are kept for the next mail
    (mail, *_) = google.relayed()
    assert mail["From"] == "You <you@rehearsal.example>"
    assert mail["Reply-To"] == "support@team.example"
    assert mail["Return-Path"] == "<you@rehearsal.example>"


def test_what_the_relay_said_and_the_message_id_are_kept_as_evidence(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    postmortem(*sending(customers(3)))
    sent = {mail["To"].addresses[0].addr_spec: mail["Message-ID"] for mail in google.relayed()}
    for email, message_id, evidence in rows(postmortem, "email", "message_id", "evidence"):
        assert message_id == sent[email]
        assert evidence.startswith("accepted by the SMTP relay: 2.0.0 OK")
    assert len(set(sent.values())) == 3


def test_the_doc_says_what_took_the_mails(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    postmortem(*sending(customers(2)))
    text = google.text(google.documents()[0]["id"])
    assert "Accepted by the SMTP relay: 2 of 2" in text
    assert "Gmail: " not in text


def test_a_second_mail_goes_on_in_the_thread_of_the_first(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    listed = customers(2)
    postmortem(*sending(listed))
    first = {mail["To"]: mail["Message-ID"] for mail in google.relayed()}
    postmortem("status", "resolved")
    postmortem(*sending(listed, "--stage", "resolved"))
    for mail in google.relayed()[2:]:
        assert mail["In-Reply-To"] == mail["References"] == first[mail["To"]]


def test_a_test_mail_takes_the_same_way(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    options = ("--transport", "smtp-relay", "--test", "me@team.example")
    postmortem("notify", str(customers(2)), *options)
    assert google.relayed_copies() == {"me@team.example": 1}


# Lost replies


@pytest.mark.parametrize("kind", ["close_after", "close_before", "garbage"])
def test_a_reply_that_is_lost_after_the_last_dot_makes_the_mail_unknown(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, kind: str
) -> None:
    listed = customers(5)
    google.misbehave(kind, MESSAGE, times=1)
    shown = postmortem.json(*sending(listed), expect=6)
    assert (shown["counts"]["sent"], shown["counts"]["unknown"]) == (4, 1)
    (lost,) = shown["failures"]
    assert "the SMTP relay's reply was lost" in lost["reason"]
    assert "Its Message-ID is <" in lost["reason"]
    again = postmortem("resume", shown["notice"], expect=6)  # never by itself
    assert "--resend-unknown" in again.out
    assert set(google.relayed_copies().values()) == {1}
    assert len(google.relayed_copies()) == (4 if kind == "close_before" else 5)


def test_an_unknown_that_is_sent_again_has_the_message_id_that_it_had(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    listed = customers(1)
    google.misbehave("close_after", MESSAGE, times=1)
    postmortem(*sending(listed), expect=6)
    postmortem("resume", "--resend-unknown", "--confirm", "1")
    first, second = google.relayed()  # a mailbox that gets both can tell
    assert first["Message-ID"] == second["Message-ID"]


def test_what_breaks_before_the_mail_was_whole_costs_nothing(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    listed = customers(8)
    for method in ("smtp.connect", "smtp.mail", "smtp.rcpt", "smtp.data"):
        google.misbehave("close_before", method, times=1)
        google.misbehave("half_answer", method, times=1)
    postmortem(*sending(listed))
    assert google.relayed_copies() == one_each(listed)


def test_a_slow_reply_to_the_whole_mail_is_waited_for(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    google.misbehave("slow", MESSAGE, times=1, seconds=2.0)
    listed = customers(1)
    postmortem(*sending(listed))
    assert google.relayed_copies() == one_each(listed)


# Refusals by the relay


def test_a_recipient_who_is_refused_fails_alone(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    google.misbehave("550", "smtp.rcpt", times=1)
    google.misbehave("554", MESSAGE, times=1)
    shown = postmortem.json(*sending(customers(5)), expect=6)
    assert (shown["counts"]["sent"], shown["counts"]["failed"]) == (3, 2)
    reasons = sorted(each["reason"] for each in shown["failures"])
    assert "550 5.1.1 The email account that you tried to reach does not exist" in reasons[0]
    assert "554 5.7.0 This message violates our email policy" in reasons[1]
    said = postmortem("resume", shown["notice"], expect=6).out
    assert "--retry-failed" in said
    assert "--resend-unknown" not in said


@pytest.mark.parametrize(
    ("kind", "method"),
    [("421", "smtp.connect"), ("421", "smtp.mail"), ("450", "smtp.rcpt"), ("450", MESSAGE)],
)
def test_later_is_later_and_costs_no_mail(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, kind: str, method: str
) -> None:
    listed = customers(3)
    google.misbehave(kind, method, times=1)
    postmortem(*sending(listed))
    assert google.relayed_copies() == one_each(listed)


def pauses(postmortem: Postmortem) -> list[str]:
    return [reason for (reason,) in run_sql(postmortem, "SELECT reason FROM sender_pauses")]


def test_a_relay_that_closes_at_the_sender_slows_the_sending_and_fails_no_mail(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    listed = customers(4)
    google.misbehave("421", "smtp.mail", skip=1, times=1)
    postmortem(*sending(listed))
    assert google.relayed_copies() == one_each(listed)
    assert pauses(postmortem) == [
        "The mail relay takes no mails for now and closed the connection: "
        "421 4.7.0 Try again later, closing connection."
    ]


def test_a_connection_that_was_idle_too_long_is_replaced_and_slows_nothing(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    one_at_a_time = CONFIG.replace("in_flight = 3", "in_flight = 1")
    postmortem.configure(one_at_a_time.format(port=google.server.smtp_port))
    listed = customers(3)
    google.misbehave("421_idle", "smtp.mail", skip=1, times=1)
    google.forget_calls()
    postmortem(*sending(listed))
    assert google.relayed_copies() == one_each(listed)
    assert google.calls()["smtp.connect"] == 2
    assert pauses(postmortem) == []


def test_a_recipient_who_is_put_off_for_ever_does_not_hold_the_command(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    google.misbehave("450", "smtp.rcpt")
    said = postmortem(*sending(customers(1)), expect=5)
    assert "The mail relay asks to try later: 450 4.2.1 Peak SMTP relay limit" in said.err
    assert "1 still to send. To continue" in said.err


@pytest.mark.parametrize(
    ("kind", "method", "code", "says"),
    [
        ("550_daily", "smtp.rcpt", 5, "Daily SMTP relay limit exceeded"),
        ("550_not_let_in", "smtp.mail", 4, "Invalid credentials for relay"),
    ],
)
def test_what_concerns_every_mail_stops_all_and_keeps_the_plan(
    postmortem: Postmortem,
    google: GoogleWorld,
    customers: Customers,
    kind: str,
    method: str,
    code: int,
    says: str,
) -> None:
    listed = customers(6)
    google.misbehave(kind, method, skip=2)
    stopped = postmortem(*sending(listed), expect=code)
    assert says in stopped.err
    assert "To continue" in stopped.err
    assert rows(postmortem, "state").count(("failed",)) == 0
    google.behave()
    postmortem("resume")
    assert google.relayed_copies() == one_each(listed)


def test_the_relays_day_is_its_own_and_is_kept(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    postmortem("notify", str(customers(3)), "--send", "--confirm", "3")  # through Gmail
    postmortem.configure(CONFIG.format(port=google.server.smtp_port) + "daily_limit = 4\n")
    listed = customers(6)
    postmortem("status", "resolved")
    sheet = postmortem("notify", str(listed), "--transport", "smtp-relay", "--stage", "resolved")
    assert "0 of 4 sent in the last 24 hours; 2 must wait until tomorrow" in sheet.out
    stopped = postmortem(*sending(listed, "--stage", "resolved"), expect=5)
    assert "4 sent, 2 still to send" in stopped.err


# Processes that die


@pytest.mark.parametrize(
    ("module", "function", "relayed", "unknown"),
    [
        ("workflow.smtp", "_dotted", 0, 1),  # after MAIL, RCPT and DATA were accepted
        ("workflow.sending.delivery_steps", "after_answer", 1, 1),  # replied, not yet written
        ("workflow.sending.sender", "_backoff", 0, 0),  # nothing was accepted: it can be sent
    ],
)
def test_a_killed_sender_leaves_no_second_mail_and_says_what_nobody_can_tell(
    postmortem: Postmortem,
    google: GoogleWorld,
    customers: Customers,
    module: str,
    function: str,
    relayed: int,
    unknown: int,
) -> None:
    postmortem.configure(
        CONFIG.format(port=google.server.smtp_port).replace("in_flight = 3", "in_flight = 1")
    )
    listed = customers(3)
    if function == "_backoff":
        google.misbehave("close_before", "smtp.mail")
    dies_in(module, function, postmortem, *sending(listed))
    google.behave()
    assert len(google.relayed()) == relayed
    shown = postmortem.json("resume", expect=None)
    # A mail in a call when the process died is undecidable, even if nothing was sent yet.
    assert shown["counts"]["unknown"] >= unknown
    assert shown["counts"]["pending"] == 0
    assert all("before the SMTP relay's reply came" in each["reason"] for each in shown["failures"])
    assert all("Message-ID is <" in each["reason"] for each in shown["failures"])
    assert set(google.relayed_copies().values()) <= {1}
    assert len(google.relayed()) >= 3 - shown["counts"]["unknown"]


def test_two_people_who_send_by_the_relay_together_write_to_each_customer_once(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    listed = customers(12)
    google.set(latency_seconds=0.05)
    with running(postmortem.start_process(*sending(listed))) as sender:
        wait_until(lambda: google.calls().get(MESSAGE, 0) >= 2)
        with running(postmortem.start_process("resume")) as other:
            codes = [sender.wait(timeout=60), other.wait(timeout=60)]
    assert codes == [0, 0]
    assert google.relayed_copies() == one_each(listed)


# Settings that can't work


def test_a_transport_that_does_not_exist_is_named(
    postmortem: Postmortem, customers: Customers
) -> None:
    said = postmortem("notify", str(customers(1)), "--transport", "pigeon", expect=3)
    assert "--transport pigeon: unknown transport. Known: gmail, smtp-relay." in said.err


def test_drafts_are_gmails_alone(postmortem: Postmortem, customers: Customers) -> None:
    said = postmortem(*sending(customers(1), "--draft-only"), expect=3)
    assert "an SMTP relay has no drafts" in said.err


def test_beside_a_stand_in_for_google_no_mail_reaches_a_real_relay(
    postmortem: Postmortem, customers: Customers
) -> None:
    postmortem.configure("")  # Google's relay is the default
    said = postmortem(*sending(customers(1)), expect=4)
    assert "smtp-relay.gmail.com is another machine: customers would get these mails" in said.err


def test_a_relay_that_does_not_answer_keeps_the_plan(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    postmortem.configure(CONFIG.format(port=1))
    listed = customers(2)
    said = postmortem(*sending(listed), expect=5)
    assert "127.0.0.1:1 could not be reached." in said.err
    postmortem.configure(CONFIG.format(port=google.server.smtp_port))
    postmortem("resume")
    assert google.relayed_copies() == one_each(listed)


def test_a_list_that_is_more_than_gmail_carries_today_is_told_of_the_ways_out(
    postmortem: Postmortem, customers: Customers
) -> None:
    postmortem.configure("[sending]\ndaily_limit = 4\n")
    said = postmortem("notify", str(customers(6)))
    assert "2 must wait until tomorrow" in said.out
    assert "That is more than this account can send today." in said.err
    assert "--transport smtp-relay" in said.err
