"""Messages to colleagues: once per channel whatever happens, and in the timeline."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.command_line import Postmortem, running
from tests.conftest import CONFIG
from tests.google_world import GoogleWorld
from tests.ledger_rows import everything_in, run_sql
from tests.plug import go_on, sleeping_in
from workflow.chat.channels import Channel, ChannelBad, ChannelKind, check_address

WEBHOOK = "/services/TREHEARSAL/BINCIDENTS/told-on-this-machine"
SUPPORT = "/services/TREHEARSAL/BSUPPORT/told-on-this-machine"
CHAT = "/v1/spaces/REHEARSAL/messages?key=rehearsal-key&token=told-on-this-machine"
GROUP = "incidents@team.example"

Channels = Callable[..., None]


@pytest.fixture
def channels(postmortem: Postmortem, google: GoogleWorld) -> Channels:
    """Set up channels: each a kind and the other keys of its table."""

    def set_up(*tables: dict[str, str]) -> None:
        lines = [CONFIG]
        for table in tables:
            lines += ["[[announce]]", *(f'{key} = "{value}"' for key, value in table.items())]
        postmortem.configure("\n".join(lines))
        postmortem.environment["HOOK"] = f"{google.url}{WEBHOOK}"
        postmortem.environment["SUPPORT_HOOK"] = f"{google.url}{SUPPORT}"
        postmortem.environment["CHAT_HOOK"] = f"{google.url}{CHAT}"
        postmortem.environment["BOT"] = "xoxb-rehearsal"

    return set_up


SLACK = {"kind": "slack_webhook", "name": "#incidents", "url_env": "HOOK"}
LEADS = {"kind": "slack_webhook", "name": "#support-leads", "url_env": "SUPPORT_HOOK"}
SPACE = {"kind": "google_chat", "name": "Incidents space", "url_env": "CHAT_HOOK"}
MAIL = {"kind": "mail", "address": GROUP}


def bot(google: GoogleWorld, channel: str = "CINCIDENTS") -> dict[str, str]:
    return {
        "kind": "slack_bot",
        "name": "#incidents",
        "channel": channel,
        "token_env": "BOT",
        "api_url": f"{google.url}/api/",
    }


def start(postmortem: Postmortem) -> str:
    started = postmortem.json(
        "start", "Wrong amounts", "--impact", "about 200 customers", "--severity", "SEV2"
    )
    return str(started["doc_url"])


LosesAnswer = Callable[[dict[str, str], str, str], None]


@pytest.fixture
def loses_answer(
    postmortem: Postmortem,
    google: GoogleWorld,
    channels: Channels,
    monkeypatch: pytest.MonkeyPatch,
) -> LosesAnswer:
    """An incident with one channel whose next answer is lost, once for each way to lose it.

    Takes the channel's table, the called method and the fault's kind.
    """

    def set_up(table: dict[str, str], method: str, kind: str) -> None:
        monkeypatch.setattr("workflow.chat.channels.TIMEOUT_SECONDS", 1.0)
        channels(table)
        start(postmortem)
        google.forget_calls()
        google.misbehave(kind, method, times=1, seconds=2)  # longer than the program waits

    return set_up


def states(document: dict[str, object]) -> dict[str, str]:
    channels = document["channels"]
    assert isinstance(channels, list)
    return {each["channel"]: each["state"] for each in channels}


def timeline(postmortem: Postmortem) -> list[str]:
    return [entry["text"] for entry in postmortem.json("show")["timeline"]]


def test_every_kind_of_channel_is_told_who_is_hit_how_bad_it_is_and_where_the_doc_is(
    postmortem: Postmortem, google: GoogleWorld, channels: Channels
) -> None:
    channels(LEADS, SPACE, MAIL, bot(google))
    doc_url = start(postmortem)
    told = postmortem.json("announce", "The invoices of today are on hold.")
    assert set(states(told).values()) == {"sent"}
    texts = [each["body"]["text"] for each in google.told()]
    assert [each["channel"] for each in google.told()] == [
        "#support-leads",
        "Incidents",
        "#incidents",
    ]
    (mail,) = google.sent()
    assert mail["To"] == GROUP
    assert mail["Subject"] == "Wrong amounts (Investigating, SEV2)"
    body = mail.get_body(("plain",))
    assert body is not None
    for text in (*texts, body.get_content()):
        for words in ("Wrong amounts", "about 200 customers", "on hold", "SEV2", doc_url):
            assert words in text
    assert f"<{doc_url}|" in texts[0]


def test_each_channel_stands_in_the_timeline_and_the_doc_once(
    postmortem: Postmortem, google: GoogleWorld, channels: Channels
) -> None:
    channels(SLACK, MAIL)
    start(postmortem)
    postmortem("announce")
    said = postmortem("announce").out
    assert "#incidents already has this message. It was not sent again." in said
    assert len(google.told()) == 1
    assert google.copies_per_recipient() == {GROUP: 1}
    assert timeline(postmortem) == [
        "Told colleagues in #incidents: about 200 customers",
        f"Told colleagues at {GROUP}: about 200 customers",
    ]
    text = google.text(google.documents()[0]["id"])
    assert text.count("Told colleagues in #incidents") == 1
    # A group of colleagues is not a customer.
    assert postmortem.json("show")["notices"] == []
    assert "nothing to resume" in postmortem("resume").out


def test_other_words_and_another_status_are_another_message(
    postmortem: Postmortem, google: GoogleWorld, channels: Channels
) -> None:
    channels(SLACK)
    start(postmortem)
    postmortem("announce", "First")
    postmortem("announce", "Second")
    postmortem("status", "identified")
    postmortem("announce", "Second")
    assert len(google.told()) == 3
    assert "Identified" in google.told()[-1]["body"]["text"]


def test_start_tells_them_with_the_docs_link(
    postmortem: Postmortem, google: GoogleWorld, channels: Channels
) -> None:
    channels(SLACK)
    started = postmortem.json("start", "Wrong amounts", "--announce")
    assert states(started) == {"#incidents": "sent"}
    assert started["doc_url"] in google.told()[0]["body"]["text"]


def test_without_a_channel_it_says_how_to_set_one_up_and_records_nothing(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    said = postmortem("start", "Wrong amounts", "--announce", expect=4).err
    assert "[[announce]]" in said
    assert "config.toml" in said
    assert google.documents() == []
    start(postmortem)
    postmortem("announce", expect=4)
    assert timeline(postmortem) == []


def test_in_a_rehearsal_it_works_out_of_the_box_and_never_tells_the_teams_own_channels(
    postmortem: Postmortem, google: GoogleWorld, channels: Channels
) -> None:
    channels({"kind": "slack_webhook", "name": "#real", "url_env": "REAL"})
    postmortem("start", "Drill", "--announce", POSTMORTEM_PROFILE="rehearsal")
    assert [each["channel"] for each in google.told()] == ["#incidents"]


def test_a_run_that_speaks_to_a_stand_in_for_google_tells_no_real_channel(
    postmortem: Postmortem, channels: Channels
) -> None:
    channels({"kind": "slack_webhook", "name": "#real", "url_env": "REAL"})
    start(postmortem)
    secret = "https://hooks.slack.com/services/T0/B0/hushhush"
    said = postmortem("announce", "-v", expect=4, REAL=secret).err
    assert "Real channels are not told from a rehearsal" in said
    assert "hushhush" not in said


@pytest.mark.parametrize(
    "address",
    [
        "https://hooks.slack.com.evil.example/services/T0/B0/hush",
        "http://hooks.slack.com/services/T0/B0/hush",
        "https://user@hooks.slack.com/services/T0/B0/hush",
        "https://hooks.slack.com/other/hush",
        "file:///services/hush",
        "http://127.0.0.1:1@evil.example/services/hush",
    ],
)
def test_an_address_that_is_not_the_services_own_is_refused_without_being_named(
    postmortem: Postmortem, channels: Channels, address: str
) -> None:
    channels(SLACK)
    start(postmortem)
    result = postmortem("announce", expect=4, HOOK=address)
    assert "#incidents" in result.err
    assert "hush" not in result.err
    assert timeline(postmortem) == []


@pytest.mark.parametrize(
    "address",
    [
        "https://hooks.slack.com.evil.example/services/T0/B0/hush",
        "https://evil.example/services/T0/B0/hush",
        "https://hooks.slack.com:8443/services/T0/B0/hush",
        "http://hooks.slack.com/services/T0/B0/hush",
        "ftp://127.0.0.1/services/T0/B0/hush",
        "https://user@hooks.slack.com/services/T0/B0/hush",
        "https://hooks.slack.com/other/hush",
        "https://[hooks.slack.com/services/hush",
    ],
)
def test_a_webhook_is_the_services_own_or_nobodys(address: str) -> None:
    channel = Channel(ChannelKind.SLACK_WEBHOOK, "#incidents")
    with pytest.raises(ChannelBad) as refused:
        check_address(channel, address, only_here=False)
    assert "hush" not in str(refused.value)
    check_address(channel, "https://hooks.slack.com/services/T0/B0/hush", only_here=False)


@pytest.mark.skipif(os.name != "posix", reason="file modes")
def test_a_secret_that_others_may_read_is_not_used(
    postmortem: Postmortem, google: GoogleWorld, channels: Channels
) -> None:
    channels({"kind": "slack_webhook", "name": "#incidents", "url_file": "slack-webhook"})
    hook = postmortem.home / "slack-webhook"
    hook.write_text(f"{google.url}{WEBHOOK}\n", encoding="utf-8")
    hook.chmod(0o644)
    start(postmortem)
    assert f"chmod 600 {hook}" in postmortem("announce", expect=4).err
    hook.chmod(0o600)
    postmortem("announce")
    assert len(google.told()) == 1


@pytest.mark.skipif(os.name != "posix", reason="file modes")
def test_a_secret_may_stand_in_a_config_that_only_its_owner_reads(
    postmortem: Postmortem, google: GoogleWorld, channels: Channels
) -> None:
    channels({"kind": "slack_webhook", "name": "#incidents", "url": f"{google.url}{WEBHOOK}"})
    start(postmortem)
    config = postmortem.home / "config.toml"
    config.chmod(0o640)
    assert f"chmod 600 {config}" in postmortem("announce", expect=4).err
    config.chmod(0o600)
    postmortem("announce")
    assert len(google.told()) == 1


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ('kind = "pager"\nname = "x"', "one of slack_webhook, slack_bot"),
        ('kind = "slack_webhook"\nurl_env = "X"', "say what people call it"),
        ('kind = "slack_webhook"\nname = "#a"', "say its url in one way"),
        ('kind = "slack_webhook"\nname = "#a"\nurl_env = "X"\nurl_file = "y"', "in one way"),
        ('kind = "slack_webhook"\nname = "https://hooks.slack.com/hush"', "not an address"),
        ('kind = "slack_bot"\nname = "#a"\ntoken_env = "X"', "say its channel"),
        ('kind = "mail"\nname = "The team"', "say its address"),
        ('kind = "mail"\naddress = "a@b.example"\ntoken_env = "X"', "has no 'token_env'"),
        ('kind = "mail"\naddress = 5', "one line of text"),
    ],
)
def test_a_channel_that_makes_no_sense_is_refused_in_a_sentence(
    postmortem: Postmortem, table: str, words: str
) -> None:
    postmortem.configure(f"{CONFIG}\n[[announce]]\n{table}\n")
    said = postmortem("list", expect=4).err
    assert words in said
    assert "config.toml" in said
    assert "hush" not in said


def test_two_channels_of_one_name_are_refused(postmortem: Postmortem, channels: Channels) -> None:
    channels(SLACK, LEADS | {"name": "#INCIDENTS"})
    assert "two [[announce]]" in postmortem("list", expect=4).err


def test_one_channel_can_be_told_alone(
    postmortem: Postmortem, google: GoogleWorld, channels: Channels
) -> None:
    channels(SLACK, LEADS)
    start(postmortem)
    assert states(postmortem.json("announce", "--to", "support")) == {"#support-leads": "sent"}
    assert "is not a channel" in postmortem("announce", "--to", "#sales", expect=3).err


def test_what_slack_refuses_is_said_in_words_and_told_when_it_is_mended(
    postmortem: Postmortem, google: GoogleWorld, channels: Channels
) -> None:
    channels(SLACK, LEADS)
    start(postmortem)
    gone = f"{google.url}/services/TREHEARSAL/BARCHIVED/told-on-this-machine"
    result = postmortem("announce", expect=6, HOOK=gone)
    assert "#incidents: not told: the channel is archived (channel_is_archived)." in result.err
    assert "#incidents: not told" in postmortem("show").out
    assert timeline(postmortem) == ["Told colleagues in #support-leads: about 200 customers"]
    assert states(postmortem.json("announce", "--again", "#incidents")) == {"#incidents": "sent"}
    assert len(google.told()) == 2
    assert "told:" not in postmortem("show").out


@pytest.mark.parametrize("kind", ["close_after", "hang", "half_answer", "garbage", "error_after"])
def test_a_lost_answer_is_not_known_and_never_repeated_by_itself(
    postmortem: Postmortem, google: GoogleWorld, loses_answer: LosesAnswer, kind: str
) -> None:
    loses_answer(SLACK, "slack.webhook", kind)
    assert "unknown:" in postmortem("announce", expect=6).err
    assert "Everything is in the doc" in postmortem("sync").out
    postmortem("announce", expect=6)
    assert len(google.told()) == 1
    assert timeline(postmortem) == [
        "Told colleagues in #incidents (no answer came): about 200 customers"
    ]
    refused = postmortem("announce", "--again", "#incidents", expect=3).err
    assert "To send it again, add --yes." in refused
    postmortem("announce", "--again", "#incidents", "--yes")
    assert len(google.told()) == 2
    assert "told:" not in postmortem("show").out


@pytest.mark.parametrize("kind", ["close_after", "hang", "half_answer", "garbage", "500"])
def test_a_bots_lost_answer_is_not_known_either(
    postmortem: Postmortem, google: GoogleWorld, loses_answer: LosesAnswer, kind: str
) -> None:
    loses_answer(bot(google), "slack.chat.postMessage", kind)
    postmortem("announce", expect=6)
    assert google.calls()["slack.chat.postMessage"] == 1
    assert postmortem.json("show")["announcements"][0]["state"] == "unknown"


@pytest.mark.parametrize(
    ("channel", "token", "words"),
    [
        ("#old-incidents", "xoxb-rehearsal", "the channel is archived (is_archived)"),
        ("#private", "xoxb-rehearsal", "the bot is not in the channel"),
        ("CNOWHERE", "xoxb-rehearsal", "(channel_not_found)"),
        ("CINCIDENTS", "xoxb-other", "Slack does not take the bot's token (invalid_auth)"),
    ],
)
def test_what_slack_tells_a_bot_is_said_in_words(
    postmortem: Postmortem,
    google: GoogleWorld,
    channels: Channels,
    channel: str,
    token: str,
    words: str,
) -> None:
    channels(bot(google, channel))
    start(postmortem)
    result = postmortem("announce", "-v", expect=6, BOT=token)
    assert words in result.err
    assert token not in result.err + result.out


@pytest.mark.parametrize(
    ("table", "method"),
    [
        (SLACK, "slack.webhook"),
        (SPACE, "chat.spaces.messages.create"),
    ],
)
def test_a_chat_that_takes_no_more_for_now_is_told_by_sync(
    postmortem: Postmortem,
    google: GoogleWorld,
    channels: Channels,
    table: dict[str, str],
    method: str,
) -> None:
    channels(table)
    start(postmortem)
    google.misbehave("429", method, times=1, seconds=30)
    assert "takes no more messages" in postmortem("announce", expect=5).err
    assert timeline(postmortem) == []
    assert postmortem.json("sync")["announcements"][0]["state"] == "sent"
    assert len(google.told()) == 1
    assert len(timeline(postmortem)) == 1


def test_what_could_not_be_reached_is_recorded_and_sync_tells_it_once(
    postmortem: Postmortem, google: GoogleWorld, channels: Channels
) -> None:
    channels(SLACK, LEADS)
    start(postmortem)
    nobody = "http://127.0.0.1:9/services/T0/B0/hush"
    result = postmortem("announce", "-v", expect=5, HOOK=nobody)
    assert "#incidents: not told yet: 127.0.0.1 could not be reached" in result.err
    assert "hush" not in result.err + result.out
    assert [each["channel"] for each in google.told()] == ["#support-leads"]
    postmortem("sync")
    postmortem("sync")
    assert [each["channel"] for each in google.told()] == ["#support-leads", "#incidents"]


def test_colleagues_are_told_though_google_is_down_and_the_doc_gets_it_later(
    postmortem: Postmortem, google: GoogleWorld, channels: Channels
) -> None:
    channels(SLACK)
    words = ("start", "Wrong amounts", "--announce")
    postmortem(*words, expect=5, POSTMORTEM_GOOGLE_URL="http://127.0.0.1:9")
    assert len(google.told()) == 1
    postmortem("sync")
    assert len(google.told()) == 1
    text = google.text(google.documents()[0]["id"])
    assert text.count("Told colleagues in #incidents") == 1


def test_a_mail_that_waits_for_the_sign_in_leaves_with_sync(
    postmortem: Postmortem, google: GoogleWorld, channels: Channels
) -> None:
    channels(SLACK, MAIL)
    start(postmortem)
    google.misbehave("token_expired", "gmail.users.drafts.create")
    assert f"{GROUP} was not told yet" in postmortem("announce", expect=4).err
    google.behave()
    postmortem("sync")
    assert len(google.told()) == 1
    assert google.copies_per_recipient() == {GROUP: 1}


@pytest.mark.parametrize("method", ["gmail.users.drafts.create", "gmail.users.drafts.send"])
def test_a_mail_to_the_team_goes_once_though_gmails_answer_is_lost(
    postmortem: Postmortem, google: GoogleWorld, channels: Channels, method: str
) -> None:
    channels(MAIL)
    start(postmortem)
    google.misbehave("close_after", method, times=1)
    postmortem("announce")
    assert google.copies_per_recipient() == {GROUP: 1}


def test_a_program_killed_while_it_tells_slack_leaves_it_open_whether_it_did(
    postmortem: Postmortem, google: GoogleWorld, channels: Channels
) -> None:
    channels(SLACK)
    start(postmortem)
    kill_while_it_tells(postmortem, google)
    # Its process has ended, so nobody waits for its answer; and nothing may be sent again.
    assert "unknown:" in postmortem("sync", expect=6).err
    postmortem("sync")
    assert len(google.told()) == 1


@pytest.mark.parametrize("hours", [1, -1], ids=["time passes", "the clock is set back"])
def test_a_call_of_another_machine_is_waited_for_and_not_for_ever(
    postmortem: Postmortem, google: GoogleWorld, channels: Channels, hours: int
) -> None:
    channels(SLACK)
    start(postmortem)
    kill_while_it_tells(postmortem, google)
    run_sql(postmortem, "UPDATE announcements SET called_by = 'else/1/x'")
    assert "sync" in postmortem("sync", expect=5).err
    let_pass(postmortem, hours)
    assert "unknown:" in postmortem("sync", expect=6).err
    assert len(google.told()) == 1


def kill_while_it_tells(postmortem: Postmortem, google: GoogleWorld) -> None:
    google.misbehave("hang", "slack.webhook", times=1, seconds=60)
    with running(postmortem.start_process("announce")) as process:
        wait_until(lambda: len(google.told()) == 1)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=10)


@pytest.mark.parametrize("others", [(), ("sync",)], ids=["alone", "others give it up"])
def test_who_sleeps_over_slacks_answer_learns_that_it_was_told(
    postmortem: Postmortem,
    google: GoogleWorld,
    channels: Channels,
    others: tuple[str, ...],
) -> None:
    channels(SLACK, LEADS)
    start(postmortem)
    with telling(postmortem, sleeps="after") as sleeper:
        let_pass(postmortem, 1)
        if others:
            assert "unknown:" in postmortem(*others, expect=6).err
        go_on(sleeper)
        assert sleeper.wait(timeout=20) == 0
    assert sorted(each["channel"] for each in google.told()) == ["#incidents", "#support-leads"]
    assert {each["state"] for each in postmortem.json("show")["announcements"]} == {"sent"}
    postmortem("sync")
    said = [f"Told colleagues in {name}: about 200 customers" for name in CHANNELS]
    assert sorted(timeline(postmortem)) == said
    text = google.text(google.documents()[0]["id"])
    assert [text.count(each) for each in said] == [1, 1]
    assert "(no answer came)" not in text


@pytest.mark.parametrize(
    "others",
    [(), ("sync",), ("announce", "--again", "#incidents", "--yes")],
    ids=["alone", "others give it up", "others tell it again"],
)
def test_who_sleeps_right_before_telling_slack_looks_before_it_tells(
    postmortem: Postmortem,
    google: GoogleWorld,
    channels: Channels,
    others: tuple[str, ...],
) -> None:
    channels(SLACK)
    start(postmortem)
    with telling(postmortem, sleeps="before") as sleeper:
        time.sleep(LEASE_SECONDS + 0.2)
        if others:
            let_pass(postmortem, 1)
            assert "unknown:" in postmortem("sync", expect=6).err
        if "--again" in others:
            postmortem(*others)
        go_on(sleeper)
        assert sleeper.wait(timeout=20) == (6 if "--again" in others else 0)
    assert [each["channel"] for each in google.told()] == ["#incidents"]
    assert "(no answer came)" not in " ".join(standing(postmortem))
    assert standing(postmortem) == ["Told colleagues in #incidents: about 200 customers"]
    assert "Everything is in the doc" in postmortem("sync").out


CHANNELS = ("#incidents", "#support-leads")
LEASE_SECONDS = 2.0


def telling(
    postmortem: Postmortem, *, sleeps: str
) -> AbstractContextManager[subprocess.Popen[str]]:
    """An `announce` that is stopped right "before" its call, or right "after" its answer."""
    quick = [("workflow.chat.channels", "TIMEOUT_SECONDS", LEASE_SECONDS)]
    where = ("workflow.chat.channels", "Chats.tell")
    return sleeping_in(where, postmortem, "announce", when=sleeps, settings=quick)


def standing(postmortem: Postmortem) -> list[str]:
    """The timeline without struck-out text."""
    entries = postmortem.json("show")["timeline"]
    return [entry["text"] for entry in entries if "struck_at" not in entry]


def test_a_program_killed_while_the_teams_mail_leaves_sends_no_second_one(
    postmortem: Postmortem, google: GoogleWorld, channels: Channels
) -> None:
    channels(MAIL)
    start(postmortem)
    google.misbehave("hang", "gmail.users.drafts.send", times=1, seconds=60)
    with running(postmortem.start_process("announce")) as process:
        wait_until(lambda: len(google.sent()) == 1)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=10)
    finished = postmortem.json("sync")["announcements"]
    assert [each["state"] for each in finished] == ["sent"]
    assert google.copies_per_recipient() == {GROUP: 1}
    assert len(timeline(postmortem)) == 1


def test_what_a_later_set_up_lacks_waits_for_it(
    postmortem: Postmortem, google: GoogleWorld, channels: Channels
) -> None:
    channels(SLACK)
    start(postmortem)
    google.misbehave("429", "slack.webhook", times=1)
    postmortem("announce", expect=5)
    hook = postmortem.environment.pop("HOOK")
    assert "the variable HOOK is not set" in postmortem("sync", expect=5).err
    postmortem("sync", HOOK=hook)
    assert len(google.told()) == 1


def test_a_bot_without_slacks_package_says_what_to_install(
    postmortem: Postmortem,
    google: GoogleWorld,
    channels: Channels,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    channels(bot(google), LEADS)
    start(postmortem)
    monkeypatch.setitem(sys.modules, "slack_sdk", None)
    said = postmortem("announce", expect=4).err
    assert "postmortem-workflow[slack]" in said
    assert "--to" in said
    postmortem("announce", "--to", "#support-leads")
    assert len(google.told()) == 1


def test_two_who_announce_the_same_at_once_tell_it_once(
    postmortem: Postmortem, google: GoogleWorld, channels: Channels
) -> None:
    channels(SLACK)
    start(postmortem)
    both = [postmortem.start_process("announce", "Look here") for _ in range(2)]
    for each in both:
        with running(each) as process:
            process.communicate(timeout=30)
    assert len(google.told()) == 1


def test_no_secret_is_in_the_ledger_the_doc_or_what_is_said(
    postmortem: Postmortem, google: GoogleWorld, channels: Channels
) -> None:
    channels(SLACK, SPACE, bot(google) | {"name": "#by-bot"})
    start(postmortem)
    said = postmortem("announce", "-v")
    shown = postmortem("show", "-v")
    ledger = everything_in(postmortem)
    assert b"#by-bot" in ledger
    text = google.text(google.documents()[0]["id"])
    for secret in ("told-on-this-machine", "rehearsal-key", "xoxb-rehearsal"):
        assert secret not in said.out + said.err + shown.out + shown.err + text
        assert secret.encode() not in ledger


def test_the_teams_own_template_is_what_colleagues_read(
    postmortem: Postmortem, google: GoogleWorld, channels: Channels, tmp_path: Path
) -> None:
    channels(SLACK)
    folder = tmp_path / "ours"
    folder.mkdir()
    (folder / "announce.md").write_text(
        "---\nsubject: x\n---\n## Attention\n\n- {{ incident.title }}\n- **{{ text }}**\n",
        encoding="utf-8",
    )
    config = postmortem.home / "config.toml"
    config.write_text(f'templates = "{folder}"\n' + config.read_text(encoding="utf-8"))
    start(postmortem)
    postmortem("announce", "Stop <!channel> & look")
    assert google.told()[0]["body"]["text"] == (
        "*Attention*\n\n• Wrong amounts\n• *Stop &lt;!channel&gt; &amp; look*"
    )
    (folder / "announce.md").write_text("---\nsubject: x\n---\n{{ nothing_like_it }}\n")
    assert "nothing_like_it" in postmortem("announce", "Once more", expect=3).err
    assert len(google.told()) == 1


def test_a_message_longer_than_the_chats_take_is_refused_before_anybody_reads_half(
    postmortem: Postmortem, google: GoogleWorld, channels: Channels
) -> None:
    channels(SLACK)
    start(postmortem)
    assert "characters" in postmortem("announce", "x" * 5_000, expect=3).err
    assert google.told() == []


def test_again_goes_by_itself_and_yes_goes_with_it(
    postmortem: Postmortem, channels: Channels
) -> None:
    channels(SLACK)
    start(postmortem)
    postmortem("announce", "Words", "--again", "#incidents", expect=2)
    postmortem("announce", "--yes", expect=2)
    assert "was told nothing" in postmortem("announce", "--again", "#incidents", expect=3).err


def test_a_channel_that_left_the_config_is_not_told_and_holds_up_no_other(
    postmortem: Postmortem, google: GoogleWorld, channels: Channels
) -> None:
    channels(SLACK)
    start(postmortem)
    google.misbehave("429", "slack.webhook", times=1)
    postmortem("announce", expect=5)
    channels(LEADS)
    assert "does not name it any more" in postmortem("sync", expect=6).err
    postmortem("announce")
    assert [each["channel"] for each in google.told()] == ["#support-leads"]


def wait_until(holds: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not holds():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        pause.wait(0.02)


def let_pass(postmortem: Postmortem, hours: int) -> None:
    """Move the start of calls under way this far back; negative for a clock set back."""
    run_sql(postmortem, f"UPDATE announcements SET called_at = called_at - {hours * 3600000}")


@pytest.mark.parametrize("table", [SLACK, SPACE, MAIL], ids=["slack", "chat", "mail"])
def test_what_was_announced_offline_is_told_with_the_link_and_the_status_of_then(
    postmortem: Postmortem, google: GoogleWorld, channels: Channels, table: dict[str, str]
) -> None:
    channels(table)
    for name in ("HOOK", "CHAT_HOOK"):  # a URL where nobody answers now
        postmortem.environment[name] = postmortem.environment[name].replace(
            google.url, "http://127.0.0.1:9"
        )
    online = postmortem.environment.pop("POSTMORTEM_GOOGLE_URL")
    postmortem.environment["POSTMORTEM_GOOGLE_URL"] = "http://127.0.0.1:9"
    postmortem("start", "Wrong amounts", "--impact", "200 customers", "--announce", expect=5)
    postmortem("status", "identified", expect=5)
    postmortem("impact", "40 customers", expect=5)
    channels(table)
    postmortem.environment["POSTMORTEM_GOOGLE_URL"] = online
    postmortem("sync")
    doc_url = postmortem.json("show")["doc_url"]
    mails = [str(mail.get_body(("plain",)).get_content()) for mail in google.sent()]  # type: ignore[union-attr]
    told = [json.dumps(each, ensure_ascii=False) for each in google.told()] + mails
    assert len(told) == 1
    assert doc_url.rpartition("/d/")[2].partition("/")[0] in told[0]
    assert "40 customers" in told[0]
    assert "200 customers" not in told[0]
    assert "dentified" in told[0]
    assert "nvestigating" not in told[0]
    postmortem("sync")
    assert len(google.told()) + len(google.sent()) == 1


def test_nothing_on_this_machine_goes_through_a_proxy(
    postmortem: Postmortem, google: GoogleWorld, channels: Channels
) -> None:
    channels(SLACK)
    nowhere = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY"), "http://127.0.0.1:9")
    postmortem.environment.update(nowhere)
    start(postmortem)
    postmortem("announce")
    assert [each["channel"] for each in google.told()] == ["#incidents"]
