"""Typed text stays text in every chat: it mentions nobody and makes no links."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from markdown_it.token import Token

from google_rehearsal.webhooks.dialects import calls, parts_of
from workflow.chat.posting import chat_face, slack_face
from workflow.mail.escape import as_text, settle
from workflow.mail.faces import parse_body

JOINER = "\u2060"
_PIECES = st.sampled_from(
    [
        *(
            "<!channel>",
            "<!here|x>",
            "@channel",
            "@here",
            "<users/all>",
            "<https://evil.example|pay>",
        ),
        *("&lt;", "<", ">", "|", "*", "_", "~", "`", "[a](http://evil.example)", "\n", " ", "Ann"),
        *("<@U123>", "<!subteam^S1>", "@everyone", "&amp;", "É", "😀"),
    ]
)
TYPED = st.lists(_PIECES | st.text(max_size=8), max_size=12).map("".join)


def tokens(typed: str) -> list[Token]:
    return parse_body(settle(f"**Wrong amounts**\n\n{as_text(typed)}\n"))


@given(TYPED)
def test_slack_reads_what_was_typed_as_text(typed: str) -> None:
    text = slack_face(tokens(typed))
    assert calls("slack", text) == []
    assert all(part.kind != "link" for part in parts_of("slack", text))
    assert "<" not in text
    for word in ("@channel", "@here", "@everyone"):
        assert word not in text.casefold()


@given(TYPED)
def test_google_chat_reads_what_was_typed_as_text(typed: str) -> None:
    text = chat_face(tokens(typed))
    assert calls("google_chat", text) == []
    assert all(part.kind != "link" for part in parts_of("google_chat", text))
    for at, letter in enumerate(text):
        assert letter != "<" or text[at + 1] == JOINER


def test_a_link_of_the_template_is_one_in_both() -> None:
    body = parse_body("See [the doc & more](https://docs.example/d/1?a=1&b=2|3).")
    assert slack_face(body) == (
        "See <https://docs.example/d/1?a=1&amp;b=2%7C3|the doc &amp; more>."
    )
    assert chat_face(body) == "See <https://docs.example/d/1?a=1&b=2%7C3|the doc & more>."


def test_marks_lists_quotes_tables_and_code_keep_their_sense() -> None:
    body = parse_body(
        "## Now\n\n**Bold**, *soft*, ~~gone~~, `a < b`\\\nnext\n\n- one\n- two\n  - three\n\n"
        "1. first\n2. second\n\n> said\n\n"
        "```\nx & y\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n---\n"
    )
    assert slack_face(body).split("\n") == [
        *("*Now*", "", "*Bold*, _soft_, ~gone~, a &lt; b", "next", ""),
        *("• one", "• two", "  • three", "", "1. first", "2. second", ""),
        *("> said", "", "x &amp; y", "", "a | b", "1 | 2", "", "———"),
    ]
