"""The check before sending: its findings in text and list, and what it accepts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow.mail.list_recipients import read_recipients
from workflow.mail.list_rules import ListCheck
from workflow.mail.template import RenderedMail
from workflow.mail.word_rules import LINE_RULES, PatternRule, WordRules, check_words
from workflow.model import Finding, Stage

DOC = "https://docs.google.com/document/d/1aBcDeFgHiJkLmNoP/edit?tab=t.0"
GOOD = (
    "It began at 2:39 PM CET and ended at 6:45 PM CET. We are sorry.\n\n"
    "You will hear from us again at 7 PM CET. Reply to this mail.\n\n"
)


def found(
    body: str = "", *, subject: str = "S", stage: Stage = Stage.RESOLVED, base: str = GOOD
) -> list[Finding]:
    return check_words(RenderedMail(subject, base + body), stage=stage, doc_url=DOC)


def codes(body: str = "", *, stage: Stage = Stage.RESOLVED, base: str = GOOD) -> list[str]:
    return [finding.code for finding in found(body, stage=stage, base=base)]


@pytest.mark.parametrize("stage", list(Stage))
def test_a_good_mail_has_no_findings(stage: Stage) -> None:
    assert found(stage=stage) == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("TODO write this", "leftover"),
        ("the xxx setting", "leftover"),
        ("Lorem ipsum", "leftover"),
        (f"See {DOC}", "own_doc"),
        ("See [the doc](https://docs.google.com/document/d/1aBcDeFgHiJkLmNoP)", "own_doc"),
        ("See https://docs.google.com/document/d/other", "google_doc"),
        (r"Hello \{\{ name }}", "braces"),
        ("Hello ****, you", "marks"),
        ("on db-1.prod.internal", "internal_host"),
        ("on 10.1.2.3", "internal_host"),
        ("http://localhost:3000/x", "internal_host"),
        ("https://jira.acme.example/browse/OPS-12", "ticket"),
        ("https://acme.slack.com/archives/C1", "ticket"),
        ("It will be fixed by noon.", "promise"),
        ("This should be resolved within the hour.", "promise"),
        ("Until 9:15 you could not send.", "time_without_zone"),
        ("Until 9 am you could not send.", "time_without_zone"),
        ("[a](javascript:x)", "refused_link"),
        ("See [our page][2].", "marks"),
        ("See our page[^1].", "marks"),
        ("##Next", "marks"),
        ("| a | b | | 1 | 2 |", "marks"),
    ],
)
def test_a_fault_in_the_words_is_found_where_it_is(body: str, code: str) -> None:
    [finding] = [each for each in found(body) if each.code == code]
    assert finding.where in {"text, line 5", "a link"}
    assert finding.message.endswith((".", "?"))
    assert codes(body) == [code] or code == "own_doc"


@pytest.mark.parametrize(
    ("body", "code", "told"),
    [
        ("| a |\n|---|\n| 1 | 2 |", "lost_cell", "a row has 2 cells and the header 1"),
        ("> | a | b |\n> |---|---|\n> | 1 | 2 | 3", "lost_cell", "3 cells and the header 2"),
        ("[Update]: done", "lost_line", "begins with `[Update]:` is left out"),
        ("[a][x]\n\n[x]: https://x.example/1\n[x]: https://x.example/2", "lost_line", "`[x]:`"),
    ],
)
def test_words_that_markdown_leaves_out_are_warned_of(body: str, code: str, told: str) -> None:
    [finding] = found(body)
    assert (finding.code, finding.level) == (code, "warning")
    assert told in finding.message


@pytest.mark.parametrize(
    "body",
    [
        "| a | b |\n|---|---|\n| 1 |\n| 1 \\| 2 | 3 |\n| | 4 |",
        "[a][x] [b] [c](https://x.example/3)\n\n[x]: https://x.example/1\n[b]: https://x.example/2",
        "[Note] this, #1 of [two]: fine",
        "Between 2:39 and 6:45 PM CET.",
        "2:39 PM to 6:45 PM (UTC+1)",
        "At 14:39 UTC, 14:39 Europe/Berlin, 14:39+01:00 and 2 PM PST.",
        "It took 4 h 6 min, version 1.2.3.4, ratio 3 to 1, 100.64.0.1.",
        "We will write again by noon.",
        "The locals like our internal rules.",
        "The setting is called snake__case.",
    ],
)
def test_what_is_right_is_let_be(body: str) -> None:
    assert codes(body) == []


@pytest.mark.parametrize(
    ("base", "stage", "code"),
    [
        ("", Stage.UPDATE, "empty"),
        (GOOD.replace("We are sorry.", ""), Stage.RESOLVED, "no_apology"),
        (GOOD.replace(" again at 7 PM CET", " soon"), Stage.UPDATE, "no_next_word"),
        (
            GOOD.replace("You will hear from us again at 7 PM CET.", ""),
            Stage.UPDATE,
            "no_next_word",
        ),
        (GOOD.replace("Reply to this mail.", ""), Stage.UPDATE, "no_support"),
        ("We are sorry. Reply to us. It began at 2 PM CET.", Stage.RESOLVED, "no_start_or_end"),
    ],
)
def test_what_a_mail_lacks_is_found(base: str, stage: Stage, code: str) -> None:
    assert code in codes(base=base, stage=stage)


def test_an_incident_may_begin_and_end_in_the_same_minute() -> None:
    base = GOOD.replace("6:45 PM", "2:39 PM").replace(" at 7 PM CET", " soon")
    assert "no_start_or_end" not in codes(base=base)


def test_an_apology_in_another_language_is_one() -> None:
    for words in ("Es tut uns leid.", "Nous sommes désolés.", "Lo sentimos.", "Ci scusiamo."):
        assert "no_apology" not in codes(base=GOOD.replace("We are sorry.", words))


def test_errors_come_before_warnings() -> None:
    levels = [finding.level for finding in found("It will be fixed by noon. TODO")]
    assert levels == ["error", "warning"]


def test_the_subject_is_read_too() -> None:
    assert [each.where for each in found(subject="TODO")] == ["subject"]
    assert [each.code for each in found(subject="word " * 30)] == ["long_subject"]


def test_a_team_adds_rules_and_allows_codes() -> None:
    rule = PatternRule("codename", "error", r"\bBlue ?bird\b", "`{found}` is our word for it.")
    mail = RenderedMail("S", GOOD + "The TODO app and Bluebird.")
    findings = check_words(
        mail, stage=Stage.RESOLVED, doc_url="", extra_rules=[rule], allowed=["leftover"]
    )
    assert findings == [
        Finding("error", "codename", "text, line 5", "`Bluebird` is our word for it.")
    ]


def lint(content: str, **known: object) -> dict[str, Finding]:
    used = known.get("used", ())
    own = known.get("own_domains", ())
    assert isinstance(used, tuple)
    assert isinstance(own, tuple)
    check = ListCheck(own_domains=own, used=used)
    for each in read_recipients(content.encode()).recipients:
        check.take(each)
    return {finding.code: finding for finding in check.findings()}


def guessed_letters(content: bytes) -> list[Finding]:
    """The findings of a list whose encoding was guessed."""
    found = read_recipients(content)
    check = ListCheck(encoding=found.encoding, is_guessed=found.is_guessed, rival=found.rival)
    for each in found.recipients:
        check.take(each)
    return check.findings()


def test_a_good_list_has_no_findings() -> None:
    assert lint("email,name\nann@customer.de,Ann\nbob@client.org,Bob\n", used=("name",)) == {}


def test_what_is_odd_in_a_list_is_asked_about() -> None:
    findings = lint(
        "email,name\n"
        "ann@customer.de,Ann\nANN@customer.de,A\nx@example.com,X\nme@mail.acme.io,Me\n"
        "noreply@client.org,N/A\nzoe@client.org,Zoë\nbob@client.org,\n",
        used=("name",),
        own_domains=("acme.io",),
    )
    assert {code: finding.where for code, finding in findings.items()} == {
        "test_domain": "row 4",
        "own_domain": "row 5",
        "nobody_reads": "row 6",
        "blank": "row 8",
        "filler": "row 6",
    }
    assert {finding.level for finding in findings.values()} == {"warning"}


def test_garbled_and_guessed_letters_are_asked_about() -> None:
    assert lint("email,name\na@b.de,ZoÃ«\n")["garbled"].where == "row 2"
    guessed = guessed_letters("email;name\na@b.de;Zoë\n".encode("cp1252"))
    assert [finding.code for finding in guessed] == ["guessed_encoding"]
    assert "is `Zoë` right?" in guessed[0].message


def test_many_rows_are_counted_and_not_all_listed() -> None:
    rows = "".join(f"c{at}@example.com\n" for at in range(30))
    assert lint(f"email\n{rows}")["test_domain"].where.endswith("11 and 20 more")


# Pieces of what the rules look for, from which lines are put together.
_PIECES = (
    *(
        "TODO",
        "tbd",
        "XX:XX",
        "??",
        "<!--",
        "-->",
        "<b>",
        "{{ name }}",
        "{First Name}",
        "*|FNAME|*",
    ),
    *("<<Name>>", "«Name»", "%NAME%", "[First Name]", "[ ] ", "- [x] ", "**", "__", "](", "# "),
    *(
        " ,",
        " .",
        "()",
        "“”",
        "localhost",
        "db.internal",
        "10.0.0.1",
        "https://jira.example/browse/A-1",
    ),
    *("https://docs.google.com/d", "will be fixed by ", "'ll be back in ", "never happen again"),
    *(
        "2:39 PM",
        "14:30",
        "2 pm CET",
        "We promise",
        "100 % sure",
        "niemals wieder",
        "\u202e",
        "FNAME",
    ),
    *("passwort: abc123", "$name", "@firstname", "##NAME##", "DRAFT", "plus jamais", "Ä", "ß", " "),
)


@given(st.lists(st.sampled_from(_PIECES) | st.text("aN m,.:1{<%[*", max_size=4), max_size=6))
def test_the_quick_look_before_a_rule_hides_nothing_that_it_finds(pieces: list[str]) -> None:
    line = "".join(pieces)
    rules = WordRules(stage=Stage.UPDATE, doc_url="")
    lazy = [
        rule
        for rule in (*LINE_RULES, *rules.of_lines)
        if rule.needs and not any(need in line.lower() for need in rule.needs)
    ]
    assert [(rule.code, said) for rule in lazy for said in rule.look(line, "")] == []
