"""Reminders of due updates: each once, removed when the update is sent, none after the end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.command_line import CustomerList, Postmortem, running
from tests.conftest import CONFIG
from tests.google_world import GoogleWorld
from tests.ledger_rows import run_sql
from tests.plug import early_in_the_minute, wait_until

Customers = Callable[[int], CustomerList]
BOT = """
[[announce]]
kind = "slack_bot"
name = "#incidents"
channel = "CINCIDENTS"
token_env = "BOT"
api_url = "{url}/api/"
"""
HOOK = """
[[announce]]
kind = "slack_webhook"
name = "#support-leads"
url_env = "HOOK"
"""
GROUP = """
[[announce]]
kind = "mail"
name = "Support leads"
address = "leads@team.example"
"""
SCHEDULE, TELL = "slack.chat.scheduleMessage", "slack.webhook"


def set_up(person: Postmortem, google: GoogleWorld, *channels: str) -> None:
    person.configure(CONFIG + "".join(each.format(url=google.url) for each in channels))
    person.environment["BOT"] = "xoxb-rehearsal"
    person.environment["HOOK"] = f"{google.url}/services/TREHEARSAL/BSUPPORT/told-on-this-machine"


def promise(person: Postmortem, customers: Customers, *more: str, within: str = "30m") -> None:
    """Write to customers, and promise the next update."""
    words = ("notify", str(customers(2)), *more, "--next-update", within)
    person(*words, "--send", "--confirm", "2")


def minutes_pass(person: Postmortem, google: GoogleWorld, minutes: float) -> None:
    """Let time pass in the chat and in the ledger's records so far."""
    ms = round(minutes * 60_000)
    for table, columns in (
        ("incidents", ("started_at", "created_at")),
        ("notices", ("said_at", "created_at", "next_update")),
        ("deliveries", ("sent_at",)),
        ("reminders", ("due_at", "called_at")),
    ):
        moved = ", ".join(f"{name} = {name} - {ms}" for name in columns)
        run_sql(person, f"UPDATE {table} SET {moved}")
    world_minutes.setdefault(google.url, 0.0)
    world_minutes[google.url] += minutes
    google.set(chat_ahead_seconds=world_minutes[google.url] * 60)


world_minutes: dict[str, float] = {}


def reminded(google: GoogleWorld) -> list[str]:
    """The reminders in the channels, in order: `in 5 minutes`, `now`, `promised`."""
    kinds = {"due in 5 minutes": "in 5 minutes", "due now": "now", "was promised": "promised"}
    texts = [each["body"]["text"] for each in google.told()]
    return [kind for text in texts for words, kind in kinds.items() if words in text]


def test_a_bots_channel_is_reminded_by_slack_itself_with_the_laptop_shut(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    set_up(postmortem, google, BOT)
    postmortem("start", "Wrong amounts")
    promise(postmortem, customers)
    assert reminded(google) == []
    minutes_pass(postmortem, google, 25.5)
    assert reminded(google) == ["in 5 minutes"]
    minutes_pass(postmortem, google, 5)
    assert reminded(google) == ["in 5 minutes", "now"]
    postmortem("sync")
    minutes_pass(postmortem, google, 60)
    postmortem("sync")
    assert reminded(google) == ["in 5 minutes", "now"]


def test_the_update_takes_its_reminders_back_and_brings_its_own(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    set_up(postmortem, google, BOT)
    postmortem("start", "Wrong amounts")
    promise(postmortem, customers)
    minutes_pass(postmortem, google, 10)
    promise(postmortem, customers, "--stage", "update", within="60m")
    minutes_pass(postmortem, google, 30)
    assert reminded(google) == []
    minutes_pass(postmortem, google, 31)
    assert reminded(google) == ["in 5 minutes", "now"]


def test_nobody_is_reminded_of_an_incident_that_is_closed(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    set_up(postmortem, google, BOT, HOOK)
    postmortem("start", "Wrong amounts")
    promise(postmortem, customers)
    postmortem("close", "--force", "a test")
    minutes_pass(postmortem, google, 45)
    postmortem("sync")
    postmortem("resume", "--watch", "--until-idle")
    assert reminded(google) == []


def test_other_channels_are_told_by_whatever_runs_at_the_time(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    set_up(postmortem, google, HOOK)
    postmortem("start", "Wrong amounts")
    promise(postmortem, customers)
    minutes_pass(postmortem, google, 26)
    postmortem("watch", "--once")
    postmortem("watch", "--once")
    assert reminded(google) == ["in 5 minutes"]
    minutes_pass(postmortem, google, 5)
    postmortem("resume", "--watch", "--until-idle")
    postmortem("sync")
    assert reminded(google) == ["in 5 minutes", "now"]


def test_a_mail_group_is_reminded_once_each_and_not_after_the_update(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    set_up(postmortem, google, GROUP)
    postmortem("start", "Wrong amounts")
    promise(postmortem, customers)
    minutes_pass(postmortem, google, 26)
    google.misbehave("503", "gmail.users.drafts.create", times=1)
    postmortem("watch", "--once")
    google.behave()
    postmortem("watch", "--once")
    postmortem("sync")
    mails = [each for each in google.sent() if each["To"] == "leads@team.example"]
    assert ["due in 5 minutes" in str(each["Subject"]) for each in mails] == [True]
    assert "The doc</a>" in str(mails[0].get_body().get_content())  # type: ignore[union-attr]
    promise(postmortem, customers, "--stage", "update", within="60m")
    minutes_pass(postmortem, google, 10)
    postmortem("resume", "--watch", "--until-idle")
    assert google.copies_per_recipient()["leads@team.example"] == 1
    assert [each["recipients"] for each in postmortem.json("show")["notices"]] == [2, 2]


@pytest.mark.parametrize("kind", ["close_after", "error_after", "503", "hang_before"])
def test_a_lost_answer_of_slack_makes_no_second_reminder(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, kind: str
) -> None:
    set_up(postmortem, google, BOT)
    postmortem("start", "Wrong amounts")
    google.misbehave(kind, SCHEDULE, times=1)
    promise(postmortem, customers)
    google.behave()
    the_call_is_long_over(postmortem)
    postmortem("sync")
    postmortem("sync")
    minutes_pass(postmortem, google, 31)
    assert reminded(google) == ["in 5 minutes", "now"]


@pytest.mark.parametrize("channel", [BOT, HOOK])
def test_a_program_that_is_killed_over_a_reminder_tells_nobody_twice(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, channel: str
) -> None:
    set_up(postmortem, google, channel)
    postmortem("start", "Wrong amounts")
    google.misbehave("429", SCHEDULE)  # planned, and not yet at Slack
    promise(postmortem, customers)
    google.behave()
    minutes_pass(postmortem, google, 0 if channel == BOT else 31)
    google.misbehave("hang", SCHEDULE if channel == BOT else TELL, seconds=30, times=1)
    with running(postmortem.start_process("sync")) as process:
        wait_for_call(postmortem)
        process.kill()
        process.wait(timeout=20)
    google.behave()
    the_call_is_long_over(postmortem)
    postmortem("sync")
    postmortem("sync")
    minutes_pass(postmortem, google, 40)
    postmortem("sync")
    counts = [reminded(google).count(kind) for kind in ("in 5 minutes", "now")]
    assert max(counts) <= 1


def the_call_is_long_over(person: Postmortem) -> None:
    run_sql(person, "UPDATE reminders SET called_at = called_at - 120000")


def wait_for_call(person: Postmortem) -> None:
    states = "SELECT count(*) FROM reminders WHERE state IN ('scheduling', 'sending')"
    wait_until(lambda: run_sql(person, states)[0][0] == 1)


def test_every_command_says_on_stderr_that_an_update_is_overdue_until_it_is_snoozed(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    set_up(postmortem, google, HOOK)
    postmortem("start", "Wrong amounts")
    early_in_the_minute()
    promise(postmortem, customers)
    assert "update to customers" not in postmortem("list").err
    minutes_pass(postmortem, google, 42)
    for command in (("list",), ("show",), ("log", "Still looking"), ("show", "--json")):
        said = postmortem(*command)
        assert "The update to customers of “Wrong amounts” is 12 min late" in said.err
        assert "postmortem snooze 15m" in said.err
    postmortem("snooze", "15m")
    assert "12 min late" not in postmortem("list").err
    minutes_pass(postmortem, google, 16)
    assert "28 min late" in postmortem("sync").err
    assert reminded(google)[-1:] == ["promised"]
    promise(postmortem, customers, "--stage", "update")
    assert "late" not in postmortem("list").err


def test_a_snooze_is_for_a_promise_and_a_time_to_come(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    set_up(postmortem, google, BOT)
    postmortem("start", "Wrong amounts")
    assert "is promised" in postmortem("snooze", "15m", expect=3).err
    promise(postmortem, customers)
    postmortem("snooze", "50m")
    minutes_pass(postmortem, google, 40)
    assert reminded(google) == []
    minutes_pass(postmortem, google, 11)
    assert reminded(google) == ["promised"]
