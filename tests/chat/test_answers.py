"""The meaning of a chat's answers: only a plain yes is success, only a plain no is failure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow.chat.posting import PostState, bot_answer, chat_answer, webhook_answer


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, "ok", PostState.TOLD),
        (200, "<html>Sign in to the guest network</html>", PostState.UNKNOWN),
        (200, "", PostState.UNKNOWN),
        (400, "invalid_payload", PostState.REFUSED),
        (403, "invalid_token", PostState.REFUSED),
        (404, "no_service", PostState.REFUSED),
        (410, "channel_is_archived", PostState.REFUSED),
        (403, "<html>Blocked by your proxy</html>", PostState.UNKNOWN),
        (429, "rate_limited", PostState.NOT_NOW),
        (500, "rollup_error", PostState.UNKNOWN),
        (503, "", PostState.UNKNOWN),
        (307, "", PostState.UNKNOWN),
    ],
)
def test_a_slack_webhooks_answer(status: int, body: str, outcome: PostState) -> None:
    assert webhook_answer(status, body).outcome is outcome


@pytest.mark.parametrize(
    ("status", "ok", "word", "outcome"),
    [
        (200, True, "", PostState.TOLD),
        (200, False, "not_in_channel", PostState.REFUSED),
        (200, False, "fatal_error", PostState.UNKNOWN),
        (200, False, "internal_error", PostState.UNKNOWN),
        (200, False, "ratelimited", PostState.NOT_NOW),
        (429, False, "", PostState.NOT_NOW),
        (200, False, "Received a response in a non-JSON format: <html>", PostState.UNKNOWN),
        (502, False, "not_in_channel", PostState.UNKNOWN),
    ],
)
def test_a_bots_answer(status: int, ok: bool, word: str, outcome: PostState) -> None:
    assert bot_answer(status, ok, word).outcome is outcome


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, '{"name": "spaces/A/messages/B"}', PostState.TOLD),
        (200, "{}", PostState.UNKNOWN),
        (400, '{"error": {"code": 400}}', PostState.REFUSED),
        (403, '{"error": {"code": 403}}', PostState.REFUSED),
        (403, "<html>", PostState.UNKNOWN),
        (429, '{"error": {"code": 429}}', PostState.NOT_NOW),
        (503, '{"error": {"code": 503}}', PostState.UNKNOWN),
    ],
)
def test_google_chats_answer(status: int, body: str, outcome: PostState) -> None:
    assert chat_answer(status, body).outcome is outcome


@given(st.integers(100, 599), st.text(max_size=60))
def test_no_strange_answer_counts_as_told(status: int, body: str) -> None:
    for answer in (webhook_answer(status, body), chat_answer(status, body)):
        assert answer.outcome is not PostState.TOLD or body.strip() == "ok"


def test_the_wait_that_a_chat_asks_for_is_said() -> None:
    said = webhook_answer(429, "rate_limited", retry_after="30").reason
    assert said == "Slack takes no more messages for 30 seconds"
    assert "seconds" not in webhook_answer(429, "", retry_after="soon").reason
