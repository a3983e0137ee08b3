"""The rehearsal's chats answer as Slack and Google Chat do, and show the messages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from google_rehearsal.lifecycle import serve_in_thread
from tests.google_world import GoogleWorld

HOOK = "/services/TREHEARSAL/BINCIDENTS/told-on-this-machine"
CHAT = "/v1/spaces/REHEARSAL/messages"
SECRETS = {"key": "rehearsal-key", "token": "told-on-this-machine"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GoogleWorld]:
    with serve_in_thread(tmp_path_factory.mktemp("chats")) as server:
        yield GoogleWorld(server)


def post(world: GoogleWorld, path: str, body: Any, **more: Any) -> requests.Response:
    return requests.post(f"{world.url}{path}", json=body, timeout=10, **more)


@pytest.mark.parametrize(
    ("path", "body", "status", "word"),
    [
        (HOOK, {"text": "Hello"}, 200, "ok"),
        (HOOK, {"text": " "}, 400, "no_text"),
        (HOOK, {}, 400, "no_text"),
        (HOOK, ["text"], 400, "invalid_payload"),
        (HOOK, {"text": 5}, 400, "invalid_payload"),
        (HOOK, {"text": "x", "colour": "red"}, 400, "invalid_payload"),
        (HOOK, {"text": "x", "blocks": []}, 400, "invalid_blocks"),
        ("/services/TREHEARSAL/BINCIDENTS/guess", {"text": "x"}, 403, "invalid_token"),
        ("/services/TREHEARSAL/BPROHIBITED/x", {"text": "x"}, 403, "action_prohibited"),
        ("/services/TREHEARSAL/BNOBODY/x", {"text": "x"}, 404, "no_service"),
        ("/services/TREHEARSAL/BNOCHANNEL/x", {"text": "x"}, 404, "channel_not_found"),
        ("/services/TOTHER/BINCIDENTS/x", {"text": "x"}, 404, "no_team"),
        ("/services/TREHEARSAL/BARCHIVED/x", {"text": "x"}, 410, "channel_is_archived"),
    ],
)
def test_a_slack_webhook_answers_in_plain_words(
    world: GoogleWorld, path: str, body: Any, status: int, word: str
) -> None:
    answer = post(world, path, body)
    assert (answer.status_code, answer.text) == (status, word)


def test_a_webhook_takes_json_alone(world: GoogleWorld) -> None:
    answer = requests.post(f"{world.url}{HOOK}", data={"payload": "{}"}, timeout=10)
    assert (answer.status_code, answer.text) == (400, "invalid_payload")
    assert requests.get(f"{world.url}{HOOK}", timeout=10).status_code in {404, 405}


def test_a_webhook_that_is_full_says_when_to_come_back(world: GoogleWorld) -> None:
    world.misbehave("429", "slack.webhook", times=1, seconds=30)
    answer = post(world, HOOK, {"text": "x"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "30")


@pytest.mark.parametrize(
    ("headers", "body", "says"),
    [
        ({}, {"channel": "#incidents", "text": "x"}, "not_authed"),
        ({"Authorization": "Bearer xoxb-1"}, {"channel": "#incidents"}, "invalid_auth"),
        (None, {"text": "x"}, "invalid_arguments"),
        (None, {"channel": "#incidents", "text": "x", "loud": True}, "invalid_arguments"),
        (None, {"channel": "#incidents", "text": ""}, "no_text"),
        (None, {"channel": "nowhere", "text": "x"}, "channel_not_found"),
        (None, {"channel": "#private", "text": "x"}, "not_in_channel"),
        (None, {"channel": "#old-incidents", "text": "x"}, "is_archived"),
    ],
)
def test_slacks_web_api_answers_200_and_says_what_is_wrong(
    world: GoogleWorld, headers: dict[str, str] | None, body: Any, says: str
) -> None:
    known = {"Authorization": "Bearer xoxb-rehearsal"} if headers is None else headers
    answer = post(world, "/api/chat.postMessage", body, headers=known)
    assert (answer.status_code, answer.json()) == (200, {"ok": False, "error": says})


def test_a_bots_message_comes_back_with_its_channel_and_time(world: GoogleWorld) -> None:
    answer = post(
        world,
        "/api/chat.postMessage",
        {"channel": "#support-leads", "text": "Hello"},
        headers={"Authorization": "Bearer xoxb-rehearsal"},
    ).json()
    assert answer["ok"] is True
    assert answer["channel"] == "CSUPPORT"
    assert answer["ts"] == answer["message"]["ts"]


@pytest.mark.parametrize(
    ("path", "secrets", "body", "code", "says"),
    [
        (CHAT, SECRETS | {"key": "x"}, {"text": "x"}, 400, "API key not valid."),
        (CHAT, SECRETS | {"token": "x"}, {"text": "x"}, 403, "without a valid token"),
        ("/v1/spaces/OTHER/messages", SECRETS, {"text": "x"}, 404, "not found"),
        (CHAT, SECRETS, {"text": ""}, 400, "Message cannot be empty."),
        (CHAT, SECRETS, {"text": "x" * 4097}, 400, "longer than 4096"),
        (CHAT, SECRETS, {"text": 5}, 400, "TYPE_STRING"),
        (CHAT, SECRETS, {"txt": "x"}, 400, 'Unknown name "txt"'),
    ],
)
def test_google_chat_refuses_in_googles_shape(
    world: GoogleWorld, path: str, secrets: dict[str, str], body: Any, code: int, says: str
) -> None:
    answer = post(world, path, body, params=secrets)
    error = answer.json()["error"]
    assert answer.status_code == error["code"] == code
    assert says in error["message"]
    assert error["status"]
    assert "errors" not in error


def test_google_chat_answers_with_the_message(world: GoogleWorld) -> None:
    answer = post(world, CHAT, {"text": "Hello"}, params=SECRETS).json()
    assert answer["name"].startswith("spaces/REHEARSAL/messages/")
    assert answer["text"] == "Hello"


def test_the_page_shows_what_was_said_as_text_and_marks_whom_it_would_call(
    tmp_path: Path,
) -> None:
    with serve_in_thread(tmp_path / "chats") as server:
        world = GoogleWorld(server)
        said = "*Wrong* &lt;b&gt; <https://docs.example/1|the doc> <!channel> <javascript:x|y>"
        post(world, HOOK, {"text": said})
        post(world, CHAT, {"text": "<users/all> &lt;"}, params=SECRETS)
        page = requests.get(f"{world.url}/colleagues", timeout=10)
        assert json.dumps(said) in json.dumps([each["body"]["text"] for each in world.told()])
    assert "<b>Wrong</b> &lt;b&gt; " in page.text
    assert '<a href="https://docs.example/1" rel="noreferrer">the doc</a>' in page.text
    assert "<mark>calls channel</mark>" in page.text
    assert "<mark>calls users/all</mark> &amp;lt;" in page.text
    assert "&lt;javascript:x|y&gt;" in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
