"""Mail templates: what they may contain, and the errors in them."""

from __future__ import annotations

import re

import pytest

from tests.mail.letters import shared, written
from workflow.mail.faces import html_face, parse_body, text_face
from workflow.mail.sandbox import MailTemplateBad
from workflow.mail.template import MailRenderer, ValueMissing, parse_template
from workflow.model import Stage

ANN = {"email": "ann@one.example", "name": "Ann", "account": "4711"}


def body_of(body: str, columns: dict[str, str] | None = None, **given: str) -> str:
    """The plain text of a rendered body."""
    renderer = written(f"---\nsubject: S\n---\n{body}", given)
    return text_face(parse_body(renderer.render(columns or ANN).markdown)).rstrip("\n")


def test_the_head_says_subject_sender_and_what_is_required() -> None:
    template = parse_template(
        "mine.md",
        "---\n"
        "# a note to ourselves\n"
        'subject: "Resolved: {{ incident.title }}"\n'
        "from: support@acme.example\n"
        "reply-to: Help <help@acme.example>\n"
        "required: name, account\n"
        "stage: Resolved\n"
        "attachments: report.pdf\n"
        "lang: en\n"
        "---\n"
        "Hello\n",
    )
    assert template.subject_source == "Resolved: {{ incident.title }}"
    assert template.from_ == "support@acme.example"
    assert template.reply_to == "Help <help@acme.example>"
    assert template.required == ("name", "account")
    assert template.stage is Stage.RESOLVED
    assert template.attachments == ("report.pdf",)
    assert template.lang == "en"
    assert template.source.strip() == "Hello"


def test_a_body_alone_is_a_template_and_lacks_only_a_subject() -> None:
    template = parse_template("mine.md", "Hello {{ name }}\n")
    with pytest.raises(MailTemplateBad, match=r"subject is empty\. Give it a line `subject: …`"):
        MailRenderer(template, shared(), lambda _: None).render(ANN)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("---\nsubject: x\nHello", "no `---` at its end"),
        ("---\nsubject x\n---\n", "line 2: a line of the head reads `field: value`"),
        ("---\nsubjct: x\n---\n", "line 2: no field `subjct`. Did you mean `subject`?"),
        ("---\nsubject: x\nsubject: y\n---\n", "line 3: `subject` is there twice"),
        ("---\nstage: resolve\n---\n", "no stage `resolve`. Did you mean `resolved`?"),
        ('---\nlang: en" x="\n---\n', "isn't a language tag, such as `en` or `pt-BR`"),
        ("---\nsubject: {{ x\n---\n", "mine.md, subject, line 1:"),
        ("---\nsubject: x\n---\n\nHi {{ name }\n", "mine.md, line 5:"),
        ("---\nsubject: x\n---\n{% if name %}\nHi\n", "mine.md, line"),
        ("Hi `{{ name }}`", "line 1: a variable is inside code"),
        ("Hi\n\n    {{ name }}\n", "line 3: a variable is inside code"),
        ("Hi\n\n```\n{{ name }}\n```\n", "line 3: a variable is inside code"),
        ("Hi {{ name|uper }}", "no filter `uper`. Did you mean `upper`?"),
        ("{% macro x() %}{% endmacro %}", "`macro` isn't for mails"),
        ("{% extends 'x' %}", "`extends` isn't for mails"),
        ("{% set x %}a{% endset %}", "isn't for mails"),
        ("{% include name %}", "write the included file's name in quotes"),
        ("{{ range(9) }}", "can't call functions"),
    ],
)
def test_a_mistake_in_a_template_is_named_with_its_line(source: str, told: str) -> None:
    with pytest.raises(MailTemplateBad) as refused:
        parse_template("mine.md", source)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("\n\nHi {{ nmae }}", "mail.md, line 6: `nmae` is neither a column of the list nor set."),
        ("Hi {{ nmae }}", "Did you mean `name`"),
        ("{% if false %}{{ nmae }}{% endif %}", "`nmae` is neither"),
        ("{{ incident.titel }}", "there is no `titel` in it. Did you mean `title`"),
        ("{{ recipient.acount }}", "Did you mean `account`"),
        ("a\n{{ name + 1 }}", "mail.md, line 5:"),
        ("{{ name.x.y }}", "mail.md, line 4:"),
        ('{{ "x"|int + name }}', "mail.md, line 4:"),
    ],
)
def test_a_mistake_about_a_variable_says_what_was_meant(body: str, told: str) -> None:
    with pytest.raises(MailTemplateBad) as refused:
        body_of(body)
    assert told in str(refused.value)


def test_a_required_value_that_one_recipient_lacks_is_named() -> None:
    renderer = written("---\nsubject: S\nrequired: account\n---\nHi")
    renderer.render(ANN)
    with pytest.raises(ValueMissing, match="`account` is empty"):
        renderer.render(ANN | {"account": " "})
    with pytest.raises(MailTemplateBad, match="requires `acount`, which is neither a column"):
        written("---\nsubject: S\nrequired: acount\n---\nHi").render(ANN)


def test_columns_filters_and_defaults() -> None:
    assert body_of("Hello {{ name or 'there' }}", {"email": "a@b.example"}) == "Hello there"
    assert body_of("{{ colour|default('blue') }}") == "blue"
    assert body_of("{% if colour is defined %}x{% else %}y{% endif %}") == "y"
    assert body_of("{{ '3'|plural('message') }}, {{ 1|plural('day') }}") == "3 messages, 1 day"
    assert body_of("{% for a in account.x|default([]) %}x{% endfor %}{{ name|upper }}") == "ANN"
    assert body_of("{% set n = name ~ '*' %}{{ n }}") == "Ann*"
    assert body_of("{{ recipient.items }}", ANN | {"items": "3 chairs"}) == "3 chairs"
    assert body_of("{{ recipient['Account No'] }}", ANN | {"Account No": "7"}) == "7"


def test_times_can_be_said_in_the_recipients_own_zone() -> None:
    filters = ("moment", "clock", "date")
    body = " / ".join(f"{{{{ incident.started_at|{name} }}}}" for name in filters)
    assert body_of(body) == "24 Nov 2026, 2:39 PM CET / 2:39 PM CET / 24 Nov 2026"
    tokyo = body_of(body, ANN | {"timezone": "Asia/Tokyo"})
    assert tokyo == "24 Nov 2026, 10:39 PM JST / 10:39 PM JST / 24 Nov 2026"
    for nonsense in ("Nowhere/City", "../../etc/passwd", "‹timezone›", "\0"):
        assert body_of(body, ANN | {"timezone": nonsense}).endswith("CET / 24 Nov 2026")


def test_included_files_are_part_of_the_template() -> None:
    source = "---\nsubject: S\n---\nHi\n\n{% include 'end.md' %}"
    rendered = written(
        source, end="Yours, *{{ sender_name }}* {{ name }}", given={"sender_name": "J*"}
    )
    assert rendered.render(ANN).markdown == "Hi\n\nYours, *J\\** Ann\n"
    with pytest.raises(MailTemplateBad, match=r"includes `end\.md`, and there is no such file"):
        written(source)
    with pytest.raises(MailTemplateBad, match=r"end\.md includes itself"):
        written(source, end="{% include 'end.md' %}")
    with pytest.raises(MailTemplateBad, match=r"end\.md, line 2: `nmae`"):
        written(source, end="\n{{ nmae }}").render(ANN)


def test_a_customers_column_never_signs_as_the_team() -> None:
    renderer = written(
        "---\nsubject: S\n---\n{{ organisation or 'Us' }} {{ recipient.organisation }}"
    )
    rendered = renderer.render(ANN | {"organisation": "Their Ltd"})
    assert rendered.markdown == "Us Their Ltd\n"
    assert renderer.shadowed(("email", "organisation", "name")) == ("organisation",)


def test_the_copy_for_the_doc_names_each_column_once_rendered() -> None:
    renderer = written(
        "---\nsubject: For {{ account }}\n---\nHello {{ name or 'there' }}, {{ email }}"
    )
    copy = renderer.render({"email": "‹email›", "account": "‹account›"})
    assert copy.subject == "For ‹account›"
    assert copy.markdown == "Hello there, ‹email›\n"


@pytest.mark.parametrize(
    "payload",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ name.__class__ }}",
        "{{ name['__class__'] }}",
        "{{ name['upper'] }}",
        "{{ name['format'] }}",
        "{{ incident['title']['join'] }}",
        "{{ name|attr('__class__') }}",
        "{{ config.items() }}",
        "{{ self.__init__ }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ lipsum.__globals__['os'] }}",
        "{{ request.application }}",
        "{{ ''.join(['a']) }}",
        "{{ 'a' * 999999999 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ '%999999999d' % 1 }}",
        "{{ 'a'|center(999999999) }}",
        "{{ ['a']|map('upper')|list }}",
        "{{ name|safe }}",
        "{{ name|tojson }}",
        "{{ name|urlize }}",
        "{% import 'x' as x %}",
        "{% for k in range(10**9) %}x{% endfor %}",
        "{% call x() %}{% endcall %}",
        "{% filter upper %}x{% endfilter %}",
        "{{ (1).__add__ }}",
        "{{ namespace(a=1) }}",
        "{{ incident.__dict__ }}",
        "{{ incident.started_at.tzinfo.__class__ }}",
        "{{ joiner }}",
        "{{ name.upper }}",
        "{{ incident.items }}",
    ],
)
def test_a_template_reaches_nothing_but_its_words(payload: str) -> None:
    with pytest.raises(MailTemplateBad):
        body_of(payload)


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ("{{ name.__class__ }}", "`.__class__` is inside the program; a mail can't read it."),
        ("{{ name.upper() }}", "can't call functions; use a filter."),
        ("{{ 2 * 3 }}", "`*` isn't for mails."),
        ("{{ name|center(9) }}", "no filter `center`"),
        ("{% if name %} x", "`{% if %}` has no `{% endif %}`. Add it where it ends."),
        ("{% for row in rows %} x", "`{% for %}` has no `{% endfor %}`."),
    ],
)
def test_a_template_is_told_what_it_can_not_do(payload: str, words: str) -> None:
    with pytest.raises(MailTemplateBad, match=re.escape(words)):
        body_of(payload)


@pytest.mark.parametrize("name", ["cycler", "dict", "joiner", "lipsum", "namespace", "range"])
def test_what_jinja2_has_by_itself_is_not_there_for_a_mail(name: str) -> None:
    asked_after = f"{{% if {name} is defined %}}{{{{ {name} }}}}{{% endif %}}"
    assert body_of(f"Hello.{asked_after}{{{{ {name}|default('') }}}}") == "Hello."


@pytest.mark.parametrize(
    "payload", ["{{ 7*7 }}", "{% for x in y %}", "{# x #}", "${7*7}", "#{7*7}"]
)
def test_a_template_in_a_column_is_text(payload: str) -> None:
    assert body_of("Hello {{ name }}.", ANN | {"name": payload}) == f"Hello {payload}."
    assert body_of("{{ cause }}.", cause=payload) == f"{payload}."


@pytest.mark.parametrize(
    "source",
    [
        '+++\nsubject = "S"\n+++\nHello',
        "----\nsubject: S\n----\nHello",
        "\u00a0---\nsubject: S\n---\nHello",
        "—\nsubject: S\n—\nHello",
        "Betreff: S\n\nHallo",
        "Objet : S\n\nBonjour",
        "**Subject:** S\n\nHello",
    ],
)
def test_a_head_of_another_form_is_never_sent_as_text(source: str) -> None:
    with pytest.raises(MailTemplateBad, match="between two lines of `---`"):
        parse_template("mail.md", source)


@pytest.mark.parametrize("source", ["From: us to you\n\nHi", "***\nNote: hi", "Note: S\n\nHi"])
def test_a_mail_that_begins_like_a_head_is_one(source: str) -> None:
    assert parse_template("mail.md", source).source == source


def test_a_number_that_a_template_counts_makes_a_list_and_a_customers_does_not() -> None:
    source = (
        "---\nsubject: S\n---\n{% for row in rows %}\n{{ loop.index }}. {{ row.name }}\n"
        "{% endfor %}\n\n{{ account }}. May\n"
    )
    mail = written(source).render({"account": "24", "rows": [{"name": "Ann"}, {"name": "1."}]})
    assert text_face(parse_body(mail.markdown)) == "1. Ann\n2. 1.\n\n24. May\n"
    assert html_face(parse_body(mail.markdown), subject="S").count("<li") == 2
