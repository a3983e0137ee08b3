"""One mail to each customer, despite failures of files, answers, processes, and people's edits."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.both_ledgers import on_both_ledgers
from tests.command_line import CustomerList, Postmortem, one_each, running
from tests.google_world import GoogleWorld
from tests.ledger_rows import run_sql
from tests.plug import (
    calls_end,
    delete_draft,
    dies_at,
    edit_draft,
    go_on,
    make_draft,
    stand_still,
    wait_until,
)
from workflow.notice.recipients import Count, Read

Customers = Callable[[int], CustomerList]

CONFIG = """
time_zone = "Europe/Berlin"
[sending]
units_per_minute = 10000000
daily_limit = 100000
timeout_seconds = 1.5
"""
SEND = "gmail.users.drafts.send"
CREATE = "gmail.users.drafts.create"
LOOK = "gmail.users.drafts.get"
LIST = "gmail.users.drafts.list"
DELETE = "gmail.users.drafts.delete"


@pytest.fixture(autouse=True)
def an_incident(postmortem: Postmortem) -> None:
    postmortem("start", "Wrong amounts")
    postmortem.configure(CONFIG)


def send(postmortem: Postmortem, listed: CustomerList, *more: str, expect: int | None = 0) -> str:
    """Send to a list without further questions; returns the notice's id."""
    count = str(len(listed.addresses))
    found = postmortem.json(
        "notify", str(listed), "--send", "--confirm", count, *more, expect=expect
    )
    return str(found["notice"])


def interrupted_after(google: GoogleWorld, mails: int) -> None:
    """Let the sign-in expire after that many mails, until `google.behave()`."""
    google.misbehave("token_expired", SEND, skip=mails)


# The frozen plan


def test_a_list_that_is_not_the_one_agreed_to_is_not_sent(
    postmortem: Postmortem,
    google: GoogleWorld,
    customers: Callable[[int], CustomerList],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class AnotherWord(Count):
        """One mail's text differs between the preview and the written plan."""

        def take(self, read: Read) -> None:
            super().take(read)
            self._hash.update(b"another word")

    postmortem("start", "Wrong amounts")
    monkeypatch.setattr("workflow.notice.send.Count", AnotherWord)
    words = ("notify", str(customers(2)), "--send", "--confirm", "2")
    assert "Nothing was sent" in postmortem(*words, expect=3).err
    assert google.copies_per_recipient() == {}
    assert postmortem.json("show")["notices"] == []


def test_what_was_agreed_to_is_sent_whatever_happens_to_the_files(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, tmp_path: Path
) -> None:
    template = tmp_path / "ours.md"
    template.write_text("---\nsubject: First words\n---\nDear {{ name }}, first.\n")
    attached = tmp_path / "facts.txt"
    attached.write_text("facts as agreed")
    listed = customers(5)
    interrupted_after(google, 2)
    options = ("--template", str(template), "--attach", str(attached))
    postmortem("notify", str(listed), "--send", "--confirm", "5", *options, expect=4)
    template.write_text("---\nsubject: Other words\n---\nOther {{ nothing }}.\n")
    attached.unlink()
    listed.path.write_text("email,name\nsomebody@else.example,Else\n")
    google.behave()
    postmortem("resume")

    assert google.copies_per_recipient() == one_each(listed)
    for mail in google.sent():
        body = mail.get_body(("plain",))
        assert body is not None
        assert mail["Subject"] == "First words"
        assert "Dear Person" in body.get_content()
        assert [each.get_content() for each in mail.iter_attachments()] == ["facts as agreed"]


def test_a_second_notify_sends_nothing_says_so_and_offers_resume(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    listed = customers(4)
    interrupted_after(google, 1)
    stopped = postmortem("notify", str(listed), "--send", "--confirm", "4", expect=4)
    assert "1 sent, 3 still to send. To continue" in stopped.err
    google.behave()
    again = postmortem("notify", str(listed), "--send", "--confirm", "4", expect=5)
    assert "Nothing new was sent" in again.out
    assert "postmortem resume " in again.out
    quiet = postmortem("--quiet", "notify", str(listed), "--send", "--confirm", "4", expect=5)
    assert "Nothing new was sent" in quiet.err
    assert sum(google.copies_per_recipient().values()) == 1
    postmortem("resume")
    once_more = postmortem("notify", str(listed), "--send", "--confirm", "4")
    assert "everybody on the list already has this text" in once_more.out
    assert google.copies_per_recipient() == one_each(listed)


@pytest.mark.parametrize(
    "content",
    [
        "email,name\nPERSON1@Customer.Example,Ann\nPerson2@CUSTOMER.example,Bea\n",
        "email,name\n  person1@customer.example ,Ann\nBea <person2@customer.example>,Bea\n",
        "name;account;email\nAnn;7;person1@customer.example\nBea;8;person2@customer.example\n",
        "Email\tName\nperson2@customer.example\tB\nperson1@customer.example\tA\n",
        "email\nperson1@customer.example\nperson2@customer.example\n",
    ],
    ids=["case", "spaces and names", "other columns", "other order", "no names"],
)
def test_who_has_the_mail_is_not_written_to_again_from_another_list(
    postmortem: Postmortem,
    google: GoogleWorld,
    customers: Customers,
    tmp_path: Path,
    content: str,
) -> None:
    listed = customers(2)
    send(postmortem, listed)
    other = tmp_path / "other.csv"
    other.write_text(content, encoding="utf-8")
    again = postmortem("notify", str(other), "--send", "--confirm", "2")
    assert "Nothing new was sent" in again.out
    assert google.copies_per_recipient() == one_each(listed)


def test_a_longer_list_writes_to_the_new_ones_alone(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    send(postmortem, customers(3))
    longer = customers(5)
    refused = postmortem("notify", str(longer), "--send", "--confirm", "5", expect=3)
    assert "this would send to 2 (3 already have it), not 5" in refused.err
    postmortem("notify", str(longer), "--send", "--confirm", "2")
    assert google.copies_per_recipient() == one_each(longer)


@on_both_ledgers
def test_two_people_who_press_send_together_write_to_each_customer_once(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    listed = customers(12)
    words = ("notify", str(listed), "--send", "--confirm", "12")
    with (
        running(postmortem.start_process(*words)) as one,
        running(postmortem.start_process(*words)) as two,
    ):
        codes = {process.wait(timeout=60) for process in (one, two)}
    assert 0 in codes
    assert codes <= {0, 3, 5}
    postmortem("resume")
    assert google.copies_per_recipient() == one_each(listed)
    assert [each["recipients"] for each in postmortem.json("show")["notices"]] == [12]


# Lost answers


LOSSES = (
    *("close_before", "close_after", "hang", "hang_before", "half_answer"),
    *("error_after", "garbage", "redirect_307", "500", "503"),
)


def each_once(google: GoogleWorld, method: str) -> None:
    """Each way to lose an answer affects one call of the method."""
    for kind in LOSSES:
        google.misbehave(kind, method, times=1, seconds=2)


@pytest.mark.parametrize("method", [CREATE, SEND, LOOK])
def test_in_two_steps_no_lost_answer_costs_a_mail_or_doubles_one(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, method: str
) -> None:
    listed = customers(len(LOSSES))
    if method == LOOK:  # there is something to look for only if the send's answer was lost
        google.misbehave("close_after", SEND, times=5)
        google.misbehave("close_before", SEND, times=5)
    each_once(google, method)
    notice = send(postmortem, listed, expect=None)
    postmortem("resume", notice)
    assert google.copies_per_recipient() == one_each(listed)
    (shown,) = postmortem.json("show")["notices"]
    assert shown["counts"] == {
        **{"sent": len(LOSSES), "failed": 0, "unknown": 0},
        **{"pending": 0, "skipped": 0},
    }
    assert google.drafts() == []


def test_in_one_step_only_what_is_undecidable_is_unknown_and_nothing_is_sent_again(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    listed = customers(len(LOSSES) + 2)
    each_once(google, "gmail.users.messages.send")
    google.misbehave("429", "gmail.users.messages.send", times=1, seconds=0.5)
    shown = postmortem.json(
        *("notify", str(listed), "--send", "--one-step"),
        *("--confirm", str(len(listed.addresses))),
        expect=6,
    )
    unknown = {each["email"] for each in shown["failures"]}
    assert shown["counts"]["unknown"] == len(unknown) == len(LOSSES)
    assert shown["counts"]["sent"] == 2
    postmortem("resume", shown["notice"], expect=6)
    copies = google.copies_per_recipient()
    assert set(copies.values()) == {1}
    # Half of the ways carry out the call before they lose the answer: sent, but unknown.
    assert len(copies) == 2 + sum(
        kind in {"close_after", "hang", "half_answer", "error_after", "garbage"} for kind in LOSSES
    )


def test_a_send_that_gmail_does_long_after_its_answer_was_given_up_is_not_sent_again(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    # Done after the time-out, and a while before the first look, two seconds after the call.
    postmortem.configure(CONFIG.replace("timeout_seconds = 1.5", "timeout_seconds = 0.5"))
    listed = customers(2)
    google.misbehave("slow", SEND, times=2, seconds=1.1)
    notice = send(postmortem, listed, expect=None)
    postmortem("resume", notice, expect=None)
    assert google.copies_per_recipient() == one_each(listed)


# People at the mailbox


def test_a_draft_that_somebody_deleted_is_unknown_by_name_and_asked_about(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    listed = customers(3)
    google.misbehave("token_expired", SEND)
    postmortem("notify", str(listed), "--send", "--confirm", "3", expect=4)
    google.behave()
    for draft in google.drafts():
        delete_draft(google, draft["id"])
    shown = postmortem.json("resume", expect=6)
    assert shown["counts"]["unknown"] >= 1
    assert all("sent or deleted the draft" in each["reason"] for each in shown["failures"])
    named = {each["email"] for each in shown["failures"]}
    assert sum(google.copies_per_recipient().values()) == 3 - len(named)

    again = postmortem("resume", shown["notice"], expect=6)  # never by itself
    assert named <= set(again.err.replace(":", " ").split())
    asks = postmortem("resume", shown["notice"], "--resend-unknown", expect=3)
    assert f"--confirm {len(named)}" in asks.err
    assert named <= set(asks.err.replace(":", " ").split())
    assert sum(google.copies_per_recipient().values()) == 3 - len(named)
    postmortem("resume", shown["notice"], "--resend-unknown", "--confirm", str(len(named)))
    assert google.copies_per_recipient() == one_each(listed)


def test_drafts_that_nobody_knows_of_are_cleared_away_and_a_persons_own_are_left_alone(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    own = [make_draft(google, "ann@team.example", "My own"), make_draft(google, "", "No one yet")]
    google.misbehave("close_after", CREATE, times=3)
    listed = customers(4)
    send(postmortem, listed)
    assert google.copies_per_recipient() == one_each(listed)
    assert {draft["id"] for draft in google.drafts()} == set(own)


def test_drafts_under_review_are_one_for_each_customer(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    google.misbehave("close_after", CREATE, times=3)
    listed = customers(4)
    send(postmortem, listed, "--draft-only")
    assert google.drafts_per_recipient() == one_each(listed)
    postmortem("resume", "--confirm", "4")
    assert google.copies_per_recipient() == one_each(listed)


def test_a_withdrawn_mail_leaves_no_draft_that_somebody_could_send(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    google.misbehave("close_after", CREATE)
    send(postmortem, customers(2), expect=5)
    assert google.drafts() != []
    google.behave()
    postmortem("resume", "--discard")
    assert google.drafts() == []
    assert google.copies_per_recipient() == {}


@pytest.mark.parametrize("words", [(), ("--draft-only",)], ids=["sent", "drafted"])
def test_drafts_that_could_not_be_cleared_away_are_said_and_cleared_by_resume(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, words: tuple[str, ...]
) -> None:
    google.misbehave("close_after", CREATE, times=3)
    google.misbehave("close_before", LIST)
    listed = customers(4)
    said = postmortem("notify", str(listed), "--send", "--confirm", "4", *words)
    (shown,) = postmortem.json("show")["notices"]
    assert f"delete them: postmortem resume {shown['notice']}" in said.out + said.err
    google.behave()
    if words:  # reviewers see each draft once, even before anybody agrees to send them
        assert "--confirm 4" in postmortem("resume", expect=3).err
        assert google.drafts_per_recipient() == one_each(listed)
    done = postmortem("resume", *(("--confirm", "4") if words else ()))
    assert "delete them" not in done.out + done.err
    assert google.drafts() == []
    assert google.copies_per_recipient() == one_each(listed)
    assert "nothing to resume" in postmortem("resume").out


def test_a_draft_that_gmail_makes_late_is_found_too(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    google.misbehave("slow", CREATE, times=1, seconds=3)  # a call settles within four
    send(postmortem, customers(2))
    time.sleep(max(0, 3 - 1.5))  # however soon the others were sent
    assert google.drafts() == []
    assert set(google.copies_per_recipient().values()) == {1}


def test_such_a_search_takes_no_draft_of_another_notice(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    listed = customers(2)
    google.misbehave("close_after", CREATE, times=1)
    google.misbehave("close_before", LIST)
    first = send(postmortem, listed, "--draft-only")
    postmortem("resume", first, "--discard")
    google.behave()
    second = send(postmortem, listed, "--draft-only")
    postmortem("resume", first, expect=None)
    postmortem("resume", second, "--confirm", "2")
    assert google.copies_per_recipient() == one_each(listed)
    postmortem("resume", first, expect=None)
    assert google.drafts() == []


def test_an_edit_of_such_a_draft_is_not_passed_over(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    google.misbehave("close_after", CREATE, times=1)
    google.misbehave("close_before", LIST)
    listed = customers(1)
    notice = send(postmortem, listed, "--draft-only")
    google.behave()
    (used,) = run_sql(postmortem, "SELECT draft_id FROM deliveries")[0]
    (extra,) = {draft["id"] for draft in google.drafts()} - {used}
    edit_draft(google, extra, "Hello", "Dear")
    refused = postmortem("resume", notice, "--confirm", "1", expect=3).err
    assert f"two drafts for {listed.addresses[0]}" in refused
    assert google.sent() == []
    delete_draft(google, extra)
    postmortem("resume", notice, "--confirm", "1")
    assert google.copies_per_recipient() == one_each(listed)


def test_a_killed_senders_draft_is_named_when_its_mail_is_withdrawn(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    listed = customers(1)
    postmortem.configure(CONFIG.replace("timeout_seconds = 1.5", "timeout_seconds = 30"))
    google.misbehave("hang", CREATE, times=1, seconds=60)
    words = ("notify", str(listed), "--send", "--confirm", "1")
    with running(postmortem.start_process(*words)) as sender:
        wait_until(lambda: google.drafts() != [])
        sender.kill()
        sender.wait(timeout=20)
    postmortem.configure(CONFIG)
    google.misbehave("close_before", LIST)
    assert "To delete them: postmortem resume" in postmortem("resume", "--discard").err
    assert "may hold extra drafts" in postmortem("close", "--check", expect=None).err
    google.behave()
    postmortem("resume")
    assert google.drafts() == []
    assert google.sent() == []


def test_another_accounts_mailbox_is_not_the_one_to_search_for_such_drafts(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    google.misbehave("close_after", CREATE, times=3)
    google.misbehave("close_before", LIST)
    notice = send(postmortem, customers(4))
    google.behave()
    postmortem.configure(f'google_url_token = "rehearsal:ann@team.example"\n{CONFIG}')
    assert "delete them" in postmortem("resume", notice).err
    postmortem.configure(CONFIG)
    assert "delete them" not in postmortem("resume", notice).err
    assert google.drafts() == []


def test_a_search_for_such_drafts_is_repeated_after_a_lost_answer(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    google.misbehave("close_after", CREATE, times=3)
    google.misbehave("close_after", LIST, times=1)
    google.misbehave("close_before", DELETE, times=1)
    send(postmortem, customers(4))
    assert google.drafts() == []


def test_what_gmail_refused_is_named_and_tried_again_only_when_asked_for(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    listed = customers(3)
    google.misbehave("share_mail_failed", CREATE, times=1)  # a 400, although a draft was created
    shown = postmortem.json("notify", str(listed), "--send", "--confirm", "3", expect=6)
    assert shown["counts"]["failed"] == 1
    (failed,) = shown["failures"]
    assert sum(google.copies_per_recipient().values()) == 2

    postmortem("resume", shown["notice"], expect=6)  # never by itself
    asks = postmortem("resume", shown["notice"], "--retry-failed", expect=3)
    assert failed["email"] in asks.err
    assert "To confirm, add --confirm 1" in asks.err
    assert sum(google.copies_per_recipient().values()) == 2
    postmortem("resume", shown["notice"], "--retry-failed", "--confirm", "1")
    assert google.copies_per_recipient() == one_each(listed)
    assert google.drafts() == []  # the refused one is not left for somebody to send


# Processes that die, pause, or work together


@on_both_ledgers
@pytest.mark.parametrize("point", [4, 13, 22, 31])
def test_a_killed_send_is_finished_by_another_process_without_a_second_mail(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, point: int
) -> None:
    listed = customers(6)
    dies_at(point, postmortem, "notify", str(listed), "--send", "--confirm", "6")
    google.forget_calls()
    postmortem("notify", str(listed), "--send", "--confirm", "6", expect=None)
    postmortem("resume")
    assert google.copies_per_recipient() == one_each(listed)
    (shown,) = postmortem.json("show")["notices"]
    assert (shown["counts"]["sent"], shown["counts"]["unknown"]) == (6, 0)
    assert shown["copied_back"]
    assert google.drafts() == []


@on_both_ledgers
def test_a_resume_beside_a_living_sender_harms_nothing(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    listed = customers(15)
    google.set(latency_seconds=0.1)
    with running(
        postmortem.start_process("notify", str(listed), "--send", "--confirm", "15")
    ) as sender:
        wait_until(lambda: google.calls().get(SEND, 0) >= 2)
        with (
            running(postmortem.start_process("resume")) as one,
            running(postmortem.start_process("resume")) as two,
        ):
            codes = [process.wait(timeout=60) for process in (sender, one, two)]
    assert codes == [0, 0, 0]
    assert google.copies_per_recipient() == one_each(listed)


def claims(postmortem: Postmortem) -> set[str]:
    """The holders of undecided deliveries."""
    rows = run_sql(postmortem, "SELECT DISTINCT claimed_by FROM deliveries WHERE claimed_by != ''")
    return {holder for (holder,) in rows}


def let_leases_run_out(postmortem: Postmortem) -> None:
    """Expire all leases, as if a machine had slept for an hour."""
    run_sql(
        postmortem,
        "UPDATE deliveries SET claimed_until = 1, called_at = called_at - 3600000 "
        "WHERE claimed_by != ''",
    )


@on_both_ledgers
def test_a_sender_that_sleeps_past_its_lease_and_wakes_up_mails_nobody_twice(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    listed = customers(12)
    google.set(latency_seconds=0.1)
    with running(
        postmortem.start_process("notify", str(listed), "--send", "--confirm", "12")
    ) as sleeper:
        wait_until(lambda: google.calls().get(SEND, 0) >= 2)
        stand_still(sleeper, postmortem)
        calls_end(google)
        assert len(claims(postmortem)) == 1
        let_leases_run_out(postmortem)
        google.set(latency_seconds=0.0)
        postmortem("resume")
        assert google.copies_per_recipient() == one_each(listed)
        go_on(sleeper)
        assert sleeper.wait(timeout=60) == 0
    assert google.copies_per_recipient() == one_each(listed)
    (shown,) = postmortem.json("show")["notices"]
    assert shown["counts"]["sent"] == 12


def test_a_lease_keeps_others_away_as_long_as_its_holder_may_live(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    listed = customers(8)
    google.set(latency_seconds=0.1)
    with running(
        postmortem.start_process("notify", str(listed), "--send", "--confirm", "8")
    ) as sleeper:
        wait_until(lambda: google.calls().get(CREATE, 0) >= 1)
        stand_still(sleeper, postmortem)
        calls_end(google)
        holders = claims(postmortem)
        google.forget_calls()
        with running(postmortem.start_process("resume")) as other:
            time.sleep(2)
            assert other.poll() is None  # it waits
            assert claims(postmortem) == holders
            assert not {CREATE, SEND} & google.calls().keys()
            go_on(sleeper)
            assert [other.wait(timeout=60), sleeper.wait(timeout=60)] == [0, 0]
    assert google.copies_per_recipient() == one_each(listed)


def test_a_send_that_never_gets_through_is_given_up_though_its_draft_can_be_seen(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    postmortem("start", "Wrong amounts")
    postmortem.configure(CONFIG.replace("timeout_seconds = 1.5", "timeout_seconds = 0.3"))
    google.misbehave("close_before", "gmail.users.drafts.send")
    said = postmortem("notify", str(customers(2)), "--send", "--confirm", "2", expect=5).err
    assert "postmortem resume" in said
    assert google.copies_per_recipient() == {}

    google.behave()
    postmortem.configure(CONFIG)
    postmortem("resume")
    assert set(google.copies_per_recipient().values()) == {1}
