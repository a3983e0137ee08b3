"""Published texts contain nothing that is known to be internal, however it was typed."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from workflow.document.blocks import Block, BlockKind, Span
from workflow.publication.patterns import RedactedKind as LeftOutKind
from workflow.publication.patterns import fold, without_tricks
from workflow.publication.redaction import Internal, Redactor

CALM = settings(max_examples=60, deadline=None)
PEOPLE = ("Ann Lee", "ben.weiß@lagerhaus.example", "Łukasz Żak <lukasz@lagerhaus.example>", "健二")
INTERNAL = Internal(
    people=PEOPLE,
    customers=("Zoë Brandt",),
    own_domains=("lagerhaus.example",),
    words=("Project Falcon",),
    public=("support@lagerhaus.example", "https://status.lagerhaus.example/"),
)
SECRETS = {
    **dict.fromkeys(("Ann Lee", "Ann", "lee", "Ben Weiß", "weiß", "Łukasz", "健二"), "person"),
    "Zoë Brandt": "customer",
    "Project Falcon": "word",
    "ann.lee@lagerhaus.example": "address",
    "someone@elsewhere.example": "address",
    "billing.lagerhaus.example": "host",
    "db-3": "host",
    "prod-eu-web01": "host",
    "vault.internal": "host",
    "localhost:8080": "host",
    "10.0.3.4": "host",
    "192.168.1.1:443": "host",
    "172.16.0.0/12": "host",
    "fe80::1": "host",
    "fd00:1234::42": "host",
    "https://grafana.internal/d/1?a=b": "link",
    "https://docs.google.com/document/d/1abc/edit": "link",
    "docs.google.com/document/d/1abc": "link",
    "OPS-4711": "ticket",
    "#4711": "ticket",
}
HARMLESS = (
    "Customers", "could", "not", "pay", "for", "12", "minutes", "3.5%", "of", "invoices", "showed",
    "wrong", "totals", "24 Nov 2026", "2:39 PM CET", "14:39:05", "UTF-8", "GDPR", "1.2.3", "€ 200",
    "lagerhaus.example", "www.lagerhaus.example", "support@lagerhaus.example", "the", "database",
    "and/or", "annual", "planned", "will", "mark", "healthy", "rechnung", "שלום", "日本語", "🧯",
    "top-10", "e.g.", "C++", "step #1", "AT&T", "a::b", "x@", "https", "server",
)  # fmt: skip
UNSEEN = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f\ufe0f\u180e\u115f"


def tricky(draw: st.DrawFn, secret: str) -> str:
    """The secret as somebody might type it to hide it."""
    typed = ""
    for letter in secret:
        shapes = [letter]
        if draw(st.booleans()) and not secret.startswith("OPS"):
            shapes += [letter.upper(), letter.lower(), letter.title()]
        if letter.isascii() and letter.isalnum():
            shapes.append(chr(ord(letter) - 0x21 + 0xFF01))
        shapes.append(unicodedata.normalize("NFD", letter))
        typed += draw(st.sampled_from(shapes)) + draw(st.sampled_from(["", "", "", *UNSEEN]))
    return typed


@st.composite
def telling_texts(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A text of harmless words with secrets between them, and those secrets."""
    told = draw(st.lists(st.sampled_from(sorted(SECRETS)), min_size=1, max_size=4))
    words: list[str] = []
    for secret in told:
        words += draw(st.lists(st.sampled_from(HARMLESS), max_size=3))
        before, behind = draw(
            st.sampled_from([("", ""), ("(", ")"), ("“", "”"), ("", ","), ("", ".")])
        )
        words.append(before + tricky(draw, secret) + behind)
    words += draw(st.lists(st.sampled_from(HARMLESS), max_size=3))
    return " ".join(words), told


def plain(text: str) -> str:
    return without_tricks(text).text.casefold()


@CALM
@given(telling_texts())
def test_no_internal_word_survives_in_any_case_shape_or_with_characters_that_nobody_sees(
    given_text: tuple[str, list[str]],
) -> None:
    text, told = given_text
    redactor = Redactor(INTERNAL)
    public = redactor.text(text)
    for secret in told:
        assert f" {fold(secret).text} " not in f" {fold(public).text} ".translate(
            str.maketrans("(),.“”", "      ")
        )
    assert redactor.find(public) == []
    assert redactor.left_out
    assert redactor.text(public) == public


@CALM
@given(telling_texts())
def test_whatever_is_gone_is_listed_as_it_was_written(given_text: tuple[str, list[str]]) -> None:
    text, told = given_text
    redactor = Redactor(INTERNAL)
    redactor.text(text)
    listed = [plain(each.text) for each in redactor.left_out]
    for secret in told:
        assert any(plain(secret) in each for each in listed), (secret, listed)
    assert all(each.text in text for each in redactor.left_out)


@CALM
@given(st.lists(st.sampled_from(HARMLESS)), st.sampled_from([" ", "  ", "\n", "\u00a0", ", "]))
def test_a_text_with_nothing_internal_comes_out_to_the_letter(words: list[str], gap: str) -> None:
    text = gap.join(words)
    redactor = Redactor(INTERNAL)
    assert redactor.text(text) == text
    assert redactor.left_out == ()


@CALM
@given(st.text(max_size=60))
def test_any_text_at_all_ends_with_nothing_internal_in_it(text: str) -> None:
    redactor = Redactor(INTERNAL)
    public = redactor.text(f"Ann {text} db-3 {text}OPS-12")
    assert redactor.find(public) == []


@CALM
@given(st.sampled_from(sorted(SECRETS)), st.data())
def test_a_secret_cut_into_spans_of_different_looks_is_found_all_the_same(
    secret: str, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(secret)))
    spans = (Span("See "), Span(secret[:cut], bold=True), Span(secret[cut:]), Span(" again."))
    redactor = Redactor(INTERNAL)
    (block,) = redactor.blocks([Block(BlockKind.NORMAL, spans)])
    assert redactor.find(block.text) == []
    assert secret not in block.text
    assert block.text.startswith("See ")
    assert block.text.endswith(" again.")


@CALM
@given(st.sampled_from(sorted(SECRETS)))
def test_what_a_person_says_stays_stays(secret: str) -> None:
    redactor = Redactor(
        Internal(people=PEOPLE, own_domains=("lagerhaus.example",), public=(secret,))
    )
    assert redactor.text(f"See {secret} again.") == f"See {secret} again."


@CALM
@given(st.text(alphabet=st.characters(categories=["L", "N", "Zs"]), min_size=2, max_size=12))
def test_any_name_of_a_colleague_is_left_out(name: str) -> None:
    redactor = Redactor(Internal(words=(name,)))
    assume(redactor.find(name))
    public = redactor.text(f"It was {name} who saw it.")
    assert redactor.find(public) == []
    assert [each.text.strip() for each in redactor.left_out] != []


@pytest.mark.parametrize(("secret", "kind"), SECRETS.items())
def test_each_thing_is_listed_by_what_it_is(secret: str, kind: str) -> None:
    redactor = Redactor(INTERNAL)
    redactor.text(f"See {secret} again.")
    assert [(each.kind, each.text) for each in redactor.left_out] == [(LeftOutKind(kind), secret)]


def test_neutral_words_take_the_place_and_begin_a_sentence_as_one_does() -> None:
    redactor = Redactor(INTERNAL)
    said = redactor.text(
        "Ann Lee's fix went to db-3. Ben Weiß saw OPS-4711 in https://a.internal/x."
    )
    assert said == (
        "An engineer's fix went to one of our systems. "
        "An engineer saw an internal reference in an internal page."
    )


def test_a_name_that_is_a_word_counts_where_it_has_a_capital() -> None:
    redactor = Redactor(Internal(people=("May Brown",)))
    assert redactor.text("We may ask May for brown paper.") == (
        "We may ask an engineer for brown paper."
    )


def test_a_role_is_nobodys_name() -> None:
    redactor = Redactor(Internal(people=("Support team", "on-call@lagerhaus.example", "SRE lead")))
    text = "The support team and whoever was on call took the lead."
    assert redactor.text(text) == text


def test_a_colleague_who_is_called_as_a_neutral_word_gets_another_one() -> None:
    redactor = Redactor(Internal(people=("Nguyen An", "Engineer Colleague"), words=("engineer",)))
    public = redactor.text("Then An looked, and Nguyen too.")
    assert redactor.find(public) == []
    assert "engineer" not in public


def test_a_links_target_goes_and_its_words_stay() -> None:
    redactor = Redactor(INTERNAL)
    block = Block(
        BlockKind.NORMAL, (Span("the "), Span("graph", link="https://grafana.internal/d/1"))
    )
    (kept,) = redactor.blocks([block])
    assert kept.spans == (Span("the graph"),)
    assert [each.text for each in redactor.left_out] == ["https://grafana.internal/d/1"]


def test_what_was_struck_through_was_taken_back() -> None:
    redactor = Redactor(INTERNAL)
    block = Block(BlockKind.NORMAL, (Span("All "), Span("invoices", strike=True), Span("mails")))
    (kept,) = redactor.blocks([block])
    assert kept.text == "All mails"
    assert [each.kind for each in redactor.left_out] == [LeftOutKind.STRUCK]


@pytest.mark.parametrize("piece", ["a", "a.", "a-", "db-", "1.", "a:", "@", "x@", "([", "Ann "])
def test_a_long_text_of_nothing_but_one_piece_takes_no_time(piece: str) -> None:
    begun = time.process_time()
    Redactor(INTERNAL).text(piece * 3000)
    assert time.process_time() - begun < 3
