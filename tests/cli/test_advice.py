"""Each piece of advice that the program gives works when it is typed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.advice import advice_in, refusal_of, sentences_of
from tests.command_line import CustomerList, Postmortem, Result
from tests.google_world import GoogleWorld

SOURCES = sorted((Path(__file__).parents[2] / "workflow").rglob("*.py"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_every_command_that_a_sentence_of_the_source_names_can_be_typed(source: Path) -> None:
    for sentence in sentences_of(source):
        for advice in advice_in(sentence):
            assert not refusal_of(advice), f"{advice} in {sentence!r}: {refusal_of(advice)}"


@pytest.mark.parametrize(
    ("said", "commands"),
    [
        ("To continue from 9:00 on: postmortem resume k3m9 --discard.", ["resume k3m9 --discard"]),
        ("Run `postmortem auth login`, then try again.", ["auth login"]),
        ("Leave them out with --skip-bad, or fix the list.", ["--skip-bad"]),
        ('Say it: postmortem log "what happened". Nothing changed.', ["log 'what happened'"]),
        ("Next: postmortem show; it names them.", ["show"]),
        ("A postmortem is a document.", []),
    ],
)
def test_advice_is_found_in_a_sentence(said: str, commands: list[str]) -> None:
    assert [str(each).removeprefix("postmortem ") for each in advice_in(said)] == commands


@pytest.mark.parametrize(
    "said",
    [
        "Then: postmortem resme",
        "Then: postmortem resume --retry-faild",
        "Then: postmortem auth logn",
    ],
)
def test_advice_that_can_not_be_typed_is_noticed(said: str) -> None:
    (advice,) = advice_in(said)
    assert refusal_of(advice)


@dataclass
class Table:
    """A person, the customers, and a folder for files."""

    postmortem: Postmortem
    google: GoogleWorld
    customers: Callable[[int], CustomerList]
    folder: Path

    def notify(self, count: int, *options: str) -> tuple[str, ...]:
        return ("notify", str(self.customers(count)), *options)

    def send(self, count: int, *options: str) -> tuple[str, ...]:
        return self.notify(count, *options, "--send", "--confirm", str(count))

    def run(self, *command: str) -> tuple[tuple[str, ...], Result]:
        """Run the command whose advice is checked."""
        return command, self.postmortem(*command, expect=None)


@pytest.fixture
def table(
    postmortem: Postmortem,
    google: GoogleWorld,
    customers: Callable[[int], CustomerList],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Table:
    monkeypatch.chdir(tmp_path)
    said = ("Wrong amounts", "Some invoices show a wrong total")
    theirs = ("--customer-title", said[0], "--customer-impact", said[1])
    postmortem("start", said[0], "--impact", said[1], *theirs)
    return Table(postmortem, google, customers, tmp_path)


def preview(table: Table) -> tuple[tuple[str, ...], Result]:
    return table.run(*table.notify(2))


def no_terminal(table: Table) -> tuple[tuple[str, ...], Result]:
    return table.run(*table.notify(2, "--send"))


def bad_rows(table: Table) -> tuple[tuple[str, ...], Result]:
    listed = table.folder / "bad.csv"
    listed.write_text("email\nann@x.example\nbob@\n", encoding="utf-8")
    return table.run("notify", str(listed), "--send", "--confirm", "1")


def other_stage(table: Table) -> tuple[tuple[str, ...], Result]:
    return table.run(*table.send(2, "--stage", "resolved"))


def drafts_made(table: Table) -> tuple[tuple[str, ...], Result]:
    return table.run(*table.send(2, "--draft-only"))


def drafts_in_the_way(table: Table) -> tuple[tuple[str, ...], Result]:
    table.postmortem(*table.send(2, "--draft-only"))
    return table.run(*table.send(2, "--stage", "update"))


def preview_with_drafts_in_the_way(table: Table) -> tuple[tuple[str, ...], Result]:
    table.postmortem(*table.send(2, "--draft-only"))
    return table.run(*table.notify(2, "--stage", "update"))


def unfinished_in_the_way(table: Table) -> tuple[tuple[str, ...], Result]:
    interrupted(table)
    return table.run(*table.send(5, "--set", "what_happened=The export took the wrong list."))


def interrupted(table: Table) -> tuple[tuple[str, ...], Result]:
    table.google.misbehave("token_expired", "gmail.users.drafts.send", skip=2)
    ran = table.run(*table.send(5))
    table.google.behave()
    return ran


def same_words_while_unfinished(table: Table) -> tuple[tuple[str, ...], Result]:
    interrupted(table)
    return table.run(*table.send(5))


def grown_list(table: Table) -> tuple[tuple[str, ...], Result]:
    table.postmortem(*table.send(2))
    table.postmortem(
        "edit", "--customer-impact", "Some invoices show a wrong total, two of October"
    )
    return table.run(*table.send(4))


def almost_the_same(table: Table) -> tuple[tuple[str, ...], Result]:
    table.postmortem(*table.send(2))
    table.postmortem(
        "edit", "--customer-impact", "Some invoices show a wrong total, two of October"
    )
    return table.run(*table.send(2))


def failed(table: Table) -> tuple[tuple[str, ...], Result]:
    table.google.misbehave("404", "gmail.users.drafts.create", times=1)
    ran = table.run(*table.send(2))
    table.google.behave()
    return ran


def withdrawn(table: Table) -> tuple[tuple[str, ...], Result]:
    table.postmortem(*table.send(2, "--draft-only"))
    table.postmortem("resume", "--discard")
    (notice,) = table.postmortem.json("show")["notices"]
    return table.run("resume", notice["notice"])


def close_with_drafts(table: Table) -> tuple[tuple[str, ...], Result]:
    table.postmortem(*table.send(2, "--draft-only"))
    return table.run("close", "--check")


def close_with_failed(table: Table) -> tuple[tuple[str, ...], Result]:
    failed(table)
    return table.run("close", "--check")


def list_of_not_told(table: Table) -> tuple[tuple[str, ...], Result]:
    table.postmortem(*table.send(2))
    return table.run("close", "--not-told", str(table.folder / "end.csv"))


RESUME = "postmortem resume NOTICE"
SECTION = "postmortem section NAME …"
# The situations with advice, and the advice in order; commands joined by `&` are followed in a row.
SITUATIONS: dict[Callable[[Table], tuple[tuple[str, ...], Result]], list[str]] = {
    preview: ["--test you@example.com", "--send"],
    no_terminal: ["--confirm 2"],
    bad_rows: ["--skip-bad"],
    other_stage: ["postmortem status resolved"],
    drafts_made: [RESUME],
    drafts_in_the_way: [f"{RESUME} --confirm 2", f"{RESUME} --discard", "--despite NOTICE"],
    preview_with_drafts_in_the_way: [
        *(f"{RESUME} --confirm 2", f"{RESUME} --discard", "--despite NOTICE"),
    ],
    unfinished_in_the_way: [
        *(RESUME, f"{RESUME} --discard", "--despite NOTICE"),
    ],
    interrupted: ["postmortem auth login", RESUME],
    same_words_while_unfinished: [RESUME],
    grown_list: ["--only-new --confirm 2", "--again --confirm 4"],
    almost_the_same: ["--again --confirm 2"],
    failed: [f"{RESUME} --retry-failed"],
    withdrawn: [f"{RESUME} --retry-failed"],
    close_with_drafts: [RESUME, SECTION, "postmortem close --force why"],
    close_with_failed: [
        f"{RESUME} --retry-failed",
        "postmortem status resolved & postmortem close --not-told end.csv & "
        "postmortem notify end.csv --stage resolved",
        SECTION,
        "postmortem close --force why",
    ],
    list_of_not_told: ["postmortem status resolved & postmortem notify LIST --stage resolved"],
}
# A sign-in needs Google's own pages and has other tests. A section has to be named.
NOT_FOLLOWED = {"postmortem auth login", SECTION}


@pytest.mark.parametrize(
    ("situation", "number"),
    [
        (situation, number)
        for situation, expected in SITUATIONS.items()
        for number in range(len(expected))
    ],
    ids=lambda each: getattr(each, "__name__", str(each)),
)
def test_advice_that_is_followed_leads_on(
    table: Table, situation: Callable[[Table], tuple[tuple[str, ...], Result]], number: int
) -> None:
    command, said = situation(table)
    found = advice_in(f"{said.out}\n{said.err}")
    expected = [each for line in SITUATIONS[situation] for each in line.split(" & ")]
    assert [generalised(str(each), table) for each in found] == expected
    wanted = SITUATIONS[situation][number].split(" & ")
    for each in found:
        if generalised(str(each), table) not in wanted or wanted[0] in NOT_FOLLOWED:
            continue
        typed = (*command, *each.words) if each.is_options else each.words
        follow(table.postmortem, typed)


def generalised(advice: str, table: Table) -> str:
    """Advice with the names of this run's notices and files taken out."""
    for notice in table.postmortem.json("show")["notices"]:
        advice = advice.replace(notice["notice"], "NOTICE")
    return advice.replace(str(table.folder / "end.csv"), "LIST").replace("'…'", "…")


def follow(postmortem: Postmortem, typed: tuple[str, ...]) -> None:
    """Type it; if it asks for a number or one more option, add that."""
    ended = postmortem(*typed, expect=None)
    options = [each for each in advice_in(ended.err) if each.is_options]
    if ended.code == 3 and options:
        ended = postmortem(*typed, *options[-1].words, expect=None)
    assert ended.code == 0, f"{typed} ended with {ended.code}\n{ended.out}\n{ended.err}"
