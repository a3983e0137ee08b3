"""`log --slack LINK`: Slack's own words with their exact times, each message once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.command_line import Postmortem
from tests.conftest import CONFIG
from tests.google_world import GoogleWorld

BEGAN = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)


def stamp(minutes: int, micro: int = 123456) -> str:
    return f"{int((BEGAN + timedelta(minutes=minutes)).timestamp())}.{micro:06}"


def local(minutes: int) -> str:
    return (BEGAN + timedelta(minutes=minutes)).isoformat()[:19]


@pytest.fixture
def doc_id(postmortem: Postmortem, google: GoogleWorld) -> str:
    with_bot(postmortem, google)
    return str(postmortem.json("start", "Wrong amounts", "--at", BEGAN.isoformat())["doc_id"])


def with_bot(postmortem: Postmortem, google: GoogleWorld, token: str = "xoxb-rehearsal") -> None:
    table = {
        "kind": "slack_bot",
        "name": "#incidents",
        "channel": "CINCIDENTS",
        "token_env": "BOT",
        "api_url": f"{google.url}/api/",
    }
    lines = [CONFIG, "[[announce]]", *(f'{key} = "{value}"' for key, value in table.items())]
    postmortem.configure("\n".join(lines))
    postmortem.environment["BOT"] = token


def say_thread(google: GoogleWorld) -> str:
    first = stamp(1)
    link = google.say_in_slack("Ann Lee", "Prices look *wrong* &amp; late", first)
    google.say_in_slack(
        "Bo Chen", "on it, <@U1> see <https://x.example/a_b|graph>", stamp(2), thread_ts=first
    )
    google.say_in_slack("Bo Chen", "joined", stamp(3), thread_ts=first, subtype="channel_join")
    google.say_in_slack(
        "Cy",
        "",
        stamp(4),
        thread_ts=first,
        files=[{"name": "error.png", "permalink": "https://f.example/1"}],
    )
    return link


def test_a_thread_comes_with_times_authors_and_links(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    link = say_thread(google)
    refused = postmortem("log", "--slack", link, expect=3)
    assert "Prices look **wrong** & late — Ann Lee" in refused.out
    assert "--yes" in refused.err
    answer = postmortem("log", "--slack", link, "--yes", "--json")
    entries = answer.json["entries"]
    assert [each["by"] for each in entries] == ["Ann Lee", "Bo Chen", "Cy"]
    assert [each["text"] for each in entries] == [
        "Prices look **wrong** & late",
        "on it, @U1 see [graph](https://x.example/a_b)",
        "[error.png](https://f.example/1)",
    ]
    at = [datetime.fromisoformat(each["at"]).astimezone(UTC) for each in entries]
    assert [f"{each:%Y-%m-%dT%H:%M:%S}" for each in at] == [local(1), local(2), local(4)]
    assert at[0].microsecond == 123456
    assert entries[0]["link"] == link
    assert f"thread_ts={stamp(1)}&cid=CINCIDENTS" in entries[1]["link"]
    assert "Left out 1 message" in answer.err
    assert google.text(doc_id).count("Bo Chen") == 1


def test_each_message_comes_once_however_often_it_is_asked_for(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    link = say_thread(google)
    postmortem("log", "--slack", link, "--yes")
    again = postmortem("log", "--slack", link)  # nothing new, so nothing to confirm
    assert again.out.count("(in the timeline already)") == 3
    google.say_in_slack("Ann Lee", "fine again", stamp(9), thread_ts=stamp(1))
    assert "1 entry recorded, 3 in the timeline already" in postmortem("log", "--slack", link).out
    assert len(postmortem.json("show")["timeline"]) == 4
    assert google.text(doc_id).count("fine again") == 1


@pytest.mark.parametrize("is_reworded_here", [False, True])
def test_a_message_that_was_edited_in_slack_is_updated_unless_somebody_changed_it_here(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, is_reworded_here: bool
) -> None:
    link = google.say_in_slack("Ann Lee", "Prices are of May", stamp(1))
    entry = postmortem.json("log", "--slack", link)["entry"]
    if is_reworded_here:
        postmortem("log", "--edit", entry, "Prices are old")
    at = {"user": "U1", "ts": stamp(5)}
    google.say_in_slack("Ann Lee", "Prices are of March", stamp(1), edited=at)
    answer = postmortem("log", "--slack", link)
    (now,) = postmortem.json("show")["timeline"]
    if is_reworded_here:
        assert now["text"] == "Prices are old"
        assert f"postmortem log --edit {entry} 'Prices are of March'" in answer.err
    else:
        assert now["text"] == "Prices are of March"
        assert "updated: the message was edited in Slack" in answer.out
        assert "Prices are of May" not in google.text(doc_id)
    again = postmortem("log", "--slack", link)
    assert "updated" not in again.out
    assert google.text(doc_id).count(now["text"]) == 1


def test_a_reply_is_that_message_alone_and_the_way_to_the_thread_is_said(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    link = say_thread(google)
    reply = f"{link[: -len('p1764000000123456')]}p{stamp(2).replace('.', '')}"
    answer = postmortem("log", "--slack", f"{reply}?thread_ts={stamp(1)}&cid=CINCIDENTS")
    assert f"postmortem log --slack '{link}'" in answer.err
    (entry,) = postmortem.json("show")["timeline"]
    assert entry["by"] == "Bo Chen"


def test_a_message_without_a_thread_is_one_entry(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    link = google.say_in_slack("Ann Lee", "Prices look wrong", stamp(1))
    assert postmortem.json("log", "--slack", link)["text"] == "Prices look wrong"


def test_a_long_thread_is_read_page_by_page(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    first = stamp(1)
    link = google.say_in_slack("Ann Lee", "message 0", first)
    for number in range(1, 211):
        google.say_in_slack("Bo", f"message {number}", stamp(2, number), thread_ts=first)
    google.forget_calls()
    entries = postmortem.json("log", "--slack", link, "--yes")["entries"]
    assert [each["text"] for each in entries] == [f"message {number}" for number in range(211)]
    calls = google.calls()
    assert calls["slack.conversations.replies"] == 2
    assert calls["slack.users.info"] == 2  # each person once


def test_what_announce_said_is_not_taken_for_a_colleagues_word(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    postmortem("announce", "We are looking")
    (told,) = postmortem.json("show")["announcements"]
    assert told["state"] == "sent"
    before = postmortem.json("show")["timeline"]
    at = google.say_in_slack("Ann", "x", stamp(1)).rpartition("/")[0]
    (message,) = [each for each in slack_messages(google) if each.get("subtype") == "bot_message"]
    link = f"{at}/p{message['ts'].replace('.', '')}"
    assert "no message to record" in postmortem("log", "--slack", link, expect=3).err
    assert postmortem.json("show")["timeline"] == before


def slack_messages(google: GoogleWorld) -> list[dict[str, str]]:
    import requests  # noqa: PLC0415

    answer = requests.post(
        f"{google.url}/api/conversations.history",
        data={"channel": "CINCIDENTS"},
        headers={"Authorization": "Bearer xoxb-rehearsal"},
        timeout=10,
    )
    found: list[dict[str, str]] = answer.json()["messages"]
    return found


@pytest.mark.parametrize(
    ("link", "code", "words"),
    [
        ("https://example.com/x", 3, "not a link to a Slack message"),
        ("https://team.slack.com/archives/CINCIDENTS", 3, "leads to a channel and no message"),
        ("https://team.slack.com/archives/CINCIDENTS/p1764000000000001", 3, "no such message"),
        ("https://team.slack.com/archives/CPRIVATE/p1764000000000001", 4, "not in the channel"),
        ("https://team.slack.com/archives/CNOWHERE/p1764000000000001", 4, "channel_not_found"),
    ],
)
def test_a_link_that_leads_nowhere_is_refused_and_nothing_is_recorded(
    postmortem: Postmortem, doc_id: str, link: str, code: int, words: str
) -> None:
    said = postmortem("log", "--slack", link, expect=code).err
    assert words in said
    assert postmortem.json("show")["timeline"] == []


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("xoxb-other", "does not take the bot's token"),
        ("xoxb-rehearsal-write-only", "does not have the scope channels:history"),
    ],
)
def test_a_token_that_may_not_read_is_named(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, token: str, words: str
) -> None:
    link = google.say_in_slack("Ann", "x", stamp(1))
    with_bot(postmortem, google, token)
    said = postmortem("log", "--slack", link, expect=4).err
    assert words in said
    assert token not in said


def test_without_a_bot_the_set_up_is_said(postmortem: Postmortem, google: GoogleWorld) -> None:
    postmortem("start", "Wrong amounts", "--at", BEGAN.isoformat())
    said = postmortem("log", "--slack", google.say_in_slack("Ann", "x", stamp(1)), expect=4).err
    assert 'kind = "slack_bot"' in said
    assert "channels:history and users:read" in said


def test_a_rehearsal_needs_no_set_up(postmortem: Postmortem, google: GoogleWorld) -> None:
    named = {**postmortem.environment, "POSTMORTEM_PROFILE": "rehearsal"}
    drill = Postmortem(postmortem.home, named)
    drill("start", "Wrong amounts", "--at", BEGAN.isoformat())
    link = google.say_in_slack("Ann Lee", "Prices look wrong", stamp(1))
    drill("log", "--slack", link)
    assert "Prices look wrong  — Ann Lee" in drill("show").out


def test_slack_that_asks_to_wait_is_waited_for_or_said(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    link = google.say_in_slack("Ann", "x", stamp(1))
    google.misbehave("429", "slack.conversations.history", times=1, seconds=1)
    postmortem("log", "--slack", link)
    google.misbehave("429", "slack.conversations.history", seconds=120)
    other = google.say_in_slack("Ann", "y", stamp(2))
    said = postmortem("log", "--slack", other, expect=5).err
    assert "wait for 120 seconds. Nothing was recorded" in said
    google.behave()
    google.misbehave("close_before", "slack.conversations.history")
    assert "could not be reached" in postmortem("log", "--slack", other, expect=5).err
    assert len(postmortem.json("show")["timeline"]) == 1
