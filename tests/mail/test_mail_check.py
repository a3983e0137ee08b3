"""Every mail is judged as if it were read alone, however fast that is done."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.mail.letters import shared
from workflow.mail import tracing
from workflow.mail.mail_check import MailCheck
from workflow.mail.template import MailRenderer, parse_template
from workflow.mail.word_rules import WordRules, words_of
from workflow.model import Stage

TEMPLATE = """\
---
subject: Your invoices, {{ account }}
---
Hello {% if name %}{{ name }}{% endif %} and **{{ account }}**,

{% if plan == "big" %}
TODO: call {{ name or "them" }} by 9:15.

{% endif %}
- {{ note }}
- [Your page](https://x.example/?c={{ note }})

| a | b |
|---|---|
| {{ note }} | {{ account }} |

{% for row in rows %}
> {{ row.note }} {{ loop.index }}

{% endfor %}
{{ note }} *{{ name }}*
"""
ODD: tuple[str, ...] = (
    "",
    "TODO",
    "localhost",
    "{First Name}",
    "<!-- x -->",
    "**",
    "](",
    "at 9:15",
    "a_b",
    "(UK)",
)
ODD += ("-", "# x", "1.", "12", " x ", "We are sorry", "reply", "x\ny", "`", "A & B", "never again")
VALUES = st.one_of(st.sampled_from(ODD), st.text(max_size=12), st.from_regex(r"[A-Za-z' .-]{1,9}"))
ROWS = st.fixed_dictionaries(
    {"name": VALUES, "account": VALUES, "note": VALUES, "plan": st.sampled_from(["", "big"])}
)


def rules(lang: str = "") -> WordRules:
    return WordRules(
        stage=Stage.UPDATE, doc_url="https://docs.google.com/document/d/abcdefghijk", lang=lang
    )


def renderer() -> MailRenderer:
    return MailRenderer(parse_template("mail.md", TEMPLATE), shared(), lambda _: None)


@settings(max_examples=150, deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=6))
def test_what_is_found_is_what_each_mail_read_alone_has(rows: list[dict[str, str]]) -> None:
    check = MailCheck(lambda _: rules())
    alone: set[str] = set()
    written = renderer()
    for number, columns in enumerate(rows, 2):
        traced = written.trace({**columns, "rows": [columns, columns]})
        check.take(number, traced)
        alone |= {each.code for each in rules().findings(words_of(traced.mail))}
        assert written.render({**columns, "rows": [columns, columns]}) == traced.mail
    assert {finding.code for finding in check.findings()} == alone


@given(ROWS)
def test_a_wording_shows_no_value_of_the_customer(columns: dict[str, str]) -> None:
    words = {key: f"«{value}»" for key, value in columns.items()}
    traced = renderer().trace({**words, "rows": [words]})
    shown = traced.wording
    assert "«" not in shown.subject + shown.markdown
    assert "‹name›" in shown.markdown


def test_rows_that_read_alike_are_one_wording_however_many_they_are() -> None:
    def key(count: int) -> str:
        row = {"name": "A", "account": "B", "note": "C", "plan": ""}
        return tracing.as_key(renderer().trace({**row, "rows": [row] * count}).body)

    assert key(1) == key(2) == key(7)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ({"plan": ""}, {"plan": "big"}, False),
        ({"name": "Ann"}, {"name": "Bob"}, True),
        ({"name": "Ann"}, {"name": ""}, False),
        ({"note": "a"}, {"note": "b\nc"}, True),
    ],
)
def test_a_wording_is_known_by_the_branches_that_were_taken(
    first: dict[str, str], second: dict[str, str], same: bool
) -> None:
    row = {"name": "A", "account": "B", "note": "C", "plan": ""}
    keys = [
        tracing.as_key(renderer().trace({**row, **each, "rows": []}).body)
        for each in (first, second)
    ]
    assert (keys[0] == keys[1]) is same


def test_a_finding_names_the_first_row_and_how_many_have_it() -> None:
    check = MailCheck(lambda _: rules())
    for number in range(2, 102):
        plan = "big" if number in {40, 41, 90} else ""
        columns = {"name": f"N{number}", "account": "A", "note": "x", "plan": plan}
        check.take(number, renderer().trace({**columns, "rows": []}))
    found = {each.code: each for each in check.findings()}
    assert (found["leftover"].row, found["leftover"].rows) == (40, 3)
    assert found["leftover"].where == "text, line 3 (row 40 and 2 more rows)"
    assert (found["no_apology"].row, found["no_apology"].where) == (0, "text")
