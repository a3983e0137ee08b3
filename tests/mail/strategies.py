"""Text that people and exports really produce, and harmful text."""

from __future__ import annotations

from hypothesis import strategies as st

MARKUP = (
    *("<b>bold</b>", "[x](http://evil.example)", "{{ email }}", "{% if x %}", "*a*", "_a_", "`a`"),
    *(
        "# a",
        "1. a",
        "12) a",
        "- a",
        "+ a",
        "> a",
        "a | b",
        "<http://evil.example>",
        "&lt;",
        "&#65;",
    ),
    *("~~a~~", "![a](http://evil.example/p.png)", "a\\", "\\*", "===", "---", "    code", "\tcode"),
    *(
        "[x]: http://evil.example",
        "| a |\n|---|",
        "```\na\n```",
        "a  \nb",
        "!",
        "12",
        "&",
        "<!-- -->",
    ),
    *("\r\nBcc: evil@evil.example", "=?utf-8?q?a?=", '"a" <b@c.example>', "a, b", "a@b.example"),
    *("ميرنا", "שלום", "日本語", "é", "👩‍👩‍👧", "\u202eabc", "\u2028", "\x00\x1b[31m", "\ud800"),
    *(
        "www.evil.example",
        "http://evil.example",
        "__",
        "**",
        "***",
        "* * *",
        "1.",
        "+",
        "(a)",
        "](",
    ),
)
# Any text, mixed with characters that have a meaning somewhere.
any_text = st.lists(
    st.one_of(
        st.sampled_from(MARKUP),
        st.text(max_size=8),
        st.sampled_from([" ", "  ", "\n", "\n\n", "\r\n", "\t", "a", "."]),
    ),
    max_size=6,
).map("".join)
