"""A failed or withdrawn mail reached nobody: its customer can be written to again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.command_line import CustomerList, Postmortem
from tests.google_world import GoogleWorld
from tests.ledger_rows import run_sql
from workflow.ledger import deliveries
from workflow.ledger.databases.storage import open_ledger, sqlite_url

Customers = Callable[[int], CustomerList]


def send(postmortem: Postmortem, listed: object, count: int, *options: str) -> dict[str, Any]:
    words = ("notify", str(listed), *options, "--send", "--confirm", str(count))
    document: dict[str, Any] = postmortem.json(*words)
    return document


def once_each(listed: CustomerList) -> dict[str, int]:
    return dict.fromkeys(listed.addresses, 1)


@pytest.fixture
def listed(customers: Customers) -> CustomerList:
    """A list of three customers."""
    return customers(3)


@pytest.fixture
def refused(postmortem: Postmortem, google: GoogleWorld, listed: CustomerList) -> str:
    """A notice whose mails Gmail all refused; returns its id."""
    postmortem("start", "Wrong amounts")
    google.misbehave("404", "gmail.users.drafts.create")
    words = ("notify", str(listed), "--send", "--confirm", "3")
    notice = str(postmortem.json(*words, expect=6)["notice"])
    google.behave()
    return notice


@pytest.fixture
def withdrawn(postmortem: Postmortem, listed: CustomerList) -> str:
    """A notice whose drafts were checked and withdrawn; returns its id."""
    postmortem("start", "Wrong amounts")
    notice = str(send(postmortem, listed, 3, "--draft-only")["notice"])
    postmortem("resume", notice, "--discard")
    return notice


@pytest.mark.parametrize("how", ["refused", "withdrawn"])
class TestEither:
    @pytest.fixture
    def notice(self, how: str, request: pytest.FixtureRequest) -> str:
        found: str = request.getfixturevalue(how)
        return found

    @pytest.mark.parametrize(
        "options",
        [
            (),
            ("--from", "Lagerhaus Support <you@rehearsal.example>"),
            ("--reply-to", "help@x.example, billing@x.example"),
        ],
    )
    def test_the_same_command_writes_to_them_whoever_it_is_from(
        self,
        postmortem: Postmortem,
        google: GoogleWorld,
        listed: CustomerList,
        notice: str,
        options: tuple[str, ...],
    ) -> None:
        sent = send(postmortem, listed, 3, *options)
        assert sent["notice"] != notice
        assert sent["counts"]["skipped"] == 0
        assert google.copies_per_recipient() == once_each(listed)

    def test_a_retry_writes_to_them(
        self, postmortem: Postmortem, google: GoogleWorld, listed: CustomerList, notice: str
    ) -> None:
        sent = postmortem.json("resume", notice, "--retry-failed", "--confirm", "3")
        assert sent["counts"]["sent"] == 3
        assert google.copies_per_recipient() == once_each(listed)
        assert google.drafts() == []

    def test_a_retry_asks_for_the_number(
        self, postmortem: Postmortem, google: GoogleWorld, notice: str
    ) -> None:
        said = postmortem("resume", notice, "--retry-failed", expect=3).err
        assert "--confirm 3" in said
        assert google.copies_per_recipient() == {}

    def test_nobody_gets_the_words_twice_by_both_ways(
        self, postmortem: Postmortem, google: GoogleWorld, listed: CustomerList, notice: str
    ) -> None:
        send(postmortem, listed, 3)
        words = ("resume", notice, "--retry-failed", "--confirm", "3")
        said = postmortem(*words, expect=3).err
        assert "3 customers of these are in another notice with the same text" in said
        assert google.copies_per_recipient() == once_each(listed)

    def test_a_retry_leaves_out_who_got_a_later_notice(
        self,
        postmortem: Postmortem,
        google: GoogleWorld,
        customers: Customers,
        listed: CustomerList,
        notice: str,
    ) -> None:
        send(postmortem, customers(2), 2, "--stage", "update")
        words = ("resume", notice, "--retry-failed", "--confirm")
        said = postmortem(*words, "3", expect=3).err
        assert "2 customers of these are in another notice" in said
        assert "--confirm 1" in said
        postmortem(*words, "1", expect=6)  # two of them did fail, and are still named
        assert google.copies_per_recipient() == once_each(listed)

    def test_they_never_count_as_told(
        self, postmortem: Postmortem, customers: Customers, notice: str
    ) -> None:
        sheet = postmortem.json("notify", str(customers(3)), "--stage", "update")
        assert sheet["told_before"] == {}
        assert sheet["recipients"] == 3
        checks = postmortem.json("close", "--check", expect=3)
        assert checks["customers"]["told"] == 0

    def test_they_are_new_where_only_new_ones_are_written_to(
        self,
        postmortem: Postmortem,
        google: GoogleWorld,
        customers: Customers,
        notice: str,
    ) -> None:
        send(postmortem, customers(4), 4, "--only-new")
        assert google.copies_per_recipient() == once_each(customers(4))


def test_a_suppressed_customer_is_not_written_to_again(
    postmortem: Postmortem, google: GoogleWorld, listed: CustomerList, refused: str
) -> None:
    first, *others = listed.addresses
    postmortem("suppress", first, "--why", "asked for no mails")
    said = postmortem("resume", refused, "--retry-failed", "--confirm", "2", expect=6).err
    assert "1 customer of these is suppressed. Nothing was sent to them again." in said
    assert google.copies_per_recipient() == dict.fromkeys(others, 1)
    alone = postmortem("resume", refused, "--retry-failed", expect=3).err
    assert "all of them are suppressed" in alone


def test_drafts_that_wait_and_mails_that_failed_are_agreed_to_together(
    postmortem: Postmortem, google: GoogleWorld, listed: CustomerList
) -> None:
    postmortem("start", "Wrong amounts")
    google.misbehave("404", "gmail.users.drafts.create", times=1)
    words = ("notify", str(listed), "--draft-only", "--send", "--confirm", "3")
    notice = postmortem.json(*words, expect=None)["notice"]
    google.behave()
    assert len(google.drafts()) == 2
    retry = ("resume", notice, "--retry-failed", "--confirm")
    assert "--confirm 3" in postmortem(*retry, "1", expect=3).err
    postmortem(*retry, "3")
    assert google.copies_per_recipient() == once_each(listed)


def test_a_withdrawn_notice_has_nothing_to_resume(
    postmortem: Postmortem, google: GoogleWorld, withdrawn: str
) -> None:
    said = postmortem("resume", withdrawn, expect=6)
    assert f"postmortem resume {withdrawn} --retry-failed" in said.out
    assert google.copies_per_recipient() == {}


def test_a_failed_mail_that_is_proved_to_have_left_is_recorded_beside_the_second_one(
    postmortem: Postmortem, listed: CustomerList, refused: str
) -> None:
    again = send(postmortem, listed, 3)["notice"]
    run_sql(
        postmortem,
        f"UPDATE deliveries SET call_id = 'late' WHERE notice_id = '{refused}' AND row = 2",
    )
    ((delivery_id,),) = run_sql(postmortem, "SELECT id FROM deliveries WHERE call_id = 'late'")
    url = postmortem.environment.get("POSTMORTEM_DATABASE_URL", "")
    ledger = open_ledger(url or sqlite_url(postmortem.home / "ledger.sqlite3"))
    try:
        with ledger.write() as connection:
            facts = {"message_id": "m-late", "sent_at": datetime.now(UTC)}
            assert deliveries.prove_sent(
                connection, delivery_id, answered_call="late", sent_draft="", facts=facts
            )
    finally:
        ledger.close()
    shown = {each["notice"]: each["counts"] for each in postmortem.json("show")["notices"]}
    assert (shown[refused]["sent"], shown[refused]["failed"]) == (1, 2)
    assert shown[again]["sent"] == 3
