"""One Markdown source, two parts: what a reader sees in the text and in the HTML."""

from __future__ import annotations

import pytest

from workflow.mail.faces import html_face, parse_body, refused_links, text_face

SOURCE = """# Resolved

Hello *Ann*,
this is **one** paragraph\\
on two lines.

- one
- two
  - nested
    1. deep
- [status page](https://status.example/a_b)

3. third
4. fourth

> A quotation
>
> of two paragraphs

| What | When |
|------|------|
| a | b |

```
code *as is*
```

---

<https://plain.example/> and ~~gone~~ and `code`
"""

TEXT = """Resolved

Hello Ann, this is one paragraph
on two lines.

- one
- two
  - nested
    1. deep
- status page (https://status.example/a_b)

3. third
4. fourth

> A quotation
>
> of two paragraphs

What | When
a | b

    code *as is*

* * *

https://plain.example/ and ~~gone~~ and code
"""


def test_the_text_part_is_what_a_person_would_type() -> None:
    assert text_face(parse_body(SOURCE)) == TEXT


def test_a_loose_list_keeps_its_air() -> None:
    assert text_face(parse_body("- a\n\n  b\n\n- c\n")) == "- a\n\n  b\n\n- c\n"


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("[a](https://x.example)", "a (https://x.example)"),
        ("[https://x.example](https://x.example)", "https://x.example"),
        ("[x.example](https://x.example/)", "x.example"),
        ("[me@x.example](mailto:me@x.example)", "me@x.example"),
        ("[write to us](mailto:me@x.example)", "write to us (me@x.example)"),
        ("[+49 30 1](tel:+49301)", "+49 30 1 (+49301)"),
        ("[**a** b](https://x.example)", "a b (https://x.example)"),
        ("![a picture](https://x.example/p.png)", "a picture"),
        ("[![a picture](p.png)](https://x.example)", "a picture (https://x.example)"),
        ("<b>not bold</b>", "<b>not bold</b>"),
        ("&lt;b&gt; &amp;", "<b> &"),
    ],
)
def test_inline_marks_become_words(markdown: str, text: str) -> None:
    assert text_face(parse_body(markdown)) == f"{text}\n"


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JAVASCRIPT:alert(1)",
        "java&#115;cript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "//evil.example/x",
        "/relative",
        "relative",
        "http:",
        "http://",
        "https:///x",
        "http://[::1",
        "mailto:",
        "#top",
        "cid:x",
        "&#1;javascript:alert(1)",
        "<java\tscript:alert(1)>",
    ],
)
def test_a_link_that_leads_nowhere_good_is_only_its_words(address: str) -> None:
    markdown = f"before [the words]({address}) after"
    tokens = parse_body(markdown)
    assert "<a" not in html_face(tokens, subject="s")
    assert text_face(tokens) == "before the words after\n"
    assert len(refused_links(markdown)) == 1


@pytest.mark.parametrize(
    ("markdown", "words"),
    [
        ("[](https://x.example/q)", "https://x.example/q"),
        ("[ ](https://x.example/q)", "https://x.example/q"),
        ("[](mailto:a@x.example)", "a@x.example"),
        ("[![](https://x.example/p.png)](https://x.example/q)", "https://x.example/q"),
        ("<mailto:a@x.example>", "mailto:a@x.example"),
    ],
)
def test_a_link_without_words_shows_its_address_in_both_parts(markdown: str, words: str) -> None:
    tokens = parse_body(markdown)
    assert text_face(tokens).strip() == words
    page = html_face(tokens, subject="s")
    assert page.partition("<a ")[2].partition(">")[2].partition("</a>")[0].strip() == words


def test_the_html_is_a_whole_document_that_loads_nothing() -> None:
    page = html_face(parse_body(SOURCE), subject="A <b> & c", lang="de")
    assert page.startswith("<!DOCTYPE html>")
    assert '<html lang="de" dir="auto">' in page
    assert "<title>A &lt;b&gt; &amp; c</title>" in page
    assert "prefers-color-scheme: dark" in page
    assert '<meta name="viewport"' in page
    assert '<p dir="auto" style="' in page
    for remote in ("<img", "<script", "<link", "src=", "url(", "@import"):
        assert remote not in page


def test_a_language_that_is_not_known_is_not_claimed() -> None:
    page = html_face(parse_body("a"), subject="</title><script>")
    assert "lang=" not in page
    assert "<script>" not in page


def test_the_styles_are_small_enough_for_gmail_to_keep() -> None:
    page = html_face(parse_body(SOURCE), subject="s")
    style = page.partition("<style>")[2].partition("</style>")[0]
    assert len(style) < 8_192  # Gmail drops style sheets over that
    assert len(page) < 102_400  # and clips mails over 102 kB
