"""Links to Slack's messages, and their text as Markdown."""

from __future__ import annotations

import pytest

from workflow.chat.slack import SlackLinkBad, read_slack_link
from workflow.paste.records import markdown_of, said_in, users_in


@pytest.mark.parametrize(
    ("text", "channel", "ts", "thread"),
    [
        (
            "https://acme.slack.com/archives/C1H9RESGL/p1358546515000008",
            "C1H9RESGL",
            "1358546515.000008",
            "",
        ),
        (
            "https://acme.slack.com/archives/C1H/p1358546517000023?thread_ts=1358546515.000008&cid=C1H",
            *("C1H", "1358546517.000023", "1358546515.000008"),
        ),
        (
            "<https://acme.enterprise.slack.com/archives/G123/p1358546515000008>",
            "G123",
            "1358546515.000008",
            "",
        ),
        (
            "https://app.slack.com/client/T123/C456/thread/C456-1358546515.000008",
            *("C456", "1358546515.000008", "1358546515.000008"),
        ),
    ],
)
def test_a_link_names_its_message(text: str, channel: str, ts: str, thread: str) -> None:
    link = read_slack_link(text)
    assert (link.channel, link.ts, link.thread_ts) == (channel, ts, thread)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "http://acme.slack.com/archives/C123/p1358546515000008",
        "https://slack.com.evil.example/archives/C123/p1358546515000008",
        "https://evilslack.com/archives/C123/p1358546515000008",
        "https://acme.slack.com/archives/C123",
        "https://acme.slack.com/archives/C123/p12",
        "https://acme.slack.com/archives/C1/p1358546515000008",
        "https://acme.slack.com/archives/C123/p1358546515000008?thread_ts=now",
        "https://[::1/archives/C123/p1358546515000008",
    ],
)
def test_what_leads_to_no_message_is_refused_with_the_way(text: str) -> None:
    with pytest.raises(SlackLinkBad, match="Copy link"):
        read_slack_link(text)


def test_the_link_to_another_message_is_the_one_that_slack_gives() -> None:
    link = read_slack_link("https://acme.slack.com/archives/C1H9/p1358546515000008")
    assert link.permalink("1358546517.000023", "1358546515.000008") == (
        "https://acme.slack.com/archives/C1H9/p1358546517000023?thread_ts=1358546515.000008&cid=C1H9"
    )
    assert link.permalink(link.ts, link.ts) == (
        "https://acme.slack.com/archives/C1H9/p1358546515000008"
    )


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("a &amp; b &lt;c&gt; &amp;lt;", "a & b <c> &lt;"),
        ("*bold* and ~gone~ and _it_", "**bold** and ~~gone~~ and _it_"),
        ("2*3*4 ~ 5", "2*3*4 ~ 5"),
        ("`*code* &lt;x&gt;` *b*", "`*code* <x>` **b**"),
        ("```\n*x* ~y~\n```", "```\n*x* ~y~\n```"),
        ("<https://x.example/a?b=1&amp;c=2>", "https://x.example/a?b=1&c=2"),
        ("<https://x.example/a|the graph>", "[the graph](https://x.example/a)"),
        ("<http://x.example|x.example>", "http://x.example"),
        ("<mailto:a@x.example|a@x.example>", "a@x.example"),
        ("<@U1> and <@U2|bo>", "@Ann Lee and @bo"),
        ("<#C1|incidents> <#C2>", "#incidents #C2"),
        (
            "<!here> <!subteam^S1|@support> <!date^1764000000^{date}|24 Nov>",
            "@here @support 24 Nov",
        ),
    ],
)
def test_a_message_is_read_as_markdown(text: str, markdown: str) -> None:
    assert markdown_of(text, {"U1": "Ann Lee"}) == markdown


def test_the_people_of_a_message_are_each_named_once() -> None:
    assert users_in("<@U1> <@W2|x> <@U1> @U3") == ["U1", "W2"]


def test_an_app_that_says_everything_in_blocks_is_heard() -> None:
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": "INC-42 declared"}},
        {"type": "section", "text": {"type": "mrkdwn", "text": "*Severity:* SEV2"}},
        {"type": "divider"},
        {
            "type": "rich_text",
            "elements": [
                {
                    "type": "rich_text_section",
                    "elements": [
                        {"type": "text", "text": "see "},
                        {"type": "link", "url": "https://x.example", "text": "graph"},
                        {"type": "text", "text": " "},
                        {"type": "user", "user_id": "U1"},
                    ],
                },
                {
                    "type": "rich_text_list",
                    "style": "bullet",
                    "elements": [
                        {
                            "type": "rich_text_section",
                            "elements": [{"type": "text", "text": "stop", "style": {"bold": True}}],
                        }
                    ],
                },
            ],
        },
    ]
    words = said_in({"text": "", "blocks": blocks})
    assert markdown_of(words, {"U1": "Ann Lee"}) == (
        "INC-42 declared\n**Severity:** SEV2\nsee [graph](https://x.example) @Ann Lee\n- **stop**"
    )


def test_attachments_are_heard_beside_a_text_and_a_page_preview_is_not() -> None:
    alert = {
        "title": "Error rate",
        "text": "over 10 %",
        "fields": [{"title": "Env", "value": "EU"}],
    }
    page = {"from_url": "https://x.example", "title": "A page", "text": "of a site"}
    shared = {"from_url": "https://acme.slack.com/archives/C/p1", "is_share": True, "text": "down"}
    words = said_in({"text": "Alert", "attachments": [alert, page, shared]})
    assert words == "Alert\nError rate\nover 10 %\nEnv: EU\ndown"
    assert said_in({"text": "", "attachments": [{"fallback": "only this"}]}) == "only this"
    assert said_in({"text": "x", "blocks": [{"type": "header", "text": {"text": "x"}}]}) == "x"
