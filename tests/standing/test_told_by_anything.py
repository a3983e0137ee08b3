"""`told` by anything a caller says: a name, a company, a domain, a part of an address."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from google_rehearsal.lifecycle import serve_in_thread
from tests.command_line import Postmortem
from tests.conftest import NO_LIMITS, a_person
from tests.postgres_server import PostgresServer

LIST = (
    "email,name,company\n"
    "ann@acme.example,Ann Álvarez,Acme GmbH\n"
    "ben@mail.acme.example,Ben Blum,Acme GmbH\n"
    "cem@other.example,Cem Çelik,Öl & Söhne\n"
    'dan@exämple.example,"O\'Neil, Dan",A-17\n'
)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def told(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Postmortem]:
    """A person who wrote to four customers in two incidents; these tests only read of it."""
    folder = tmp_path_factory.mktemp("told")
    listed = folder / "customers.csv"
    listed.write_text(LIST, encoding="utf-8")
    with serve_in_thread(folder / "google", NO_LIMITS) as server:
        person = a_person(folder, server.base_url)
        if request.param == "postgres":
            ledgers: PostgresServer = request.getfixturevalue("postgres")
            person.environment["POSTMORTEM_DATABASE_URL"] = ledgers.new_ledger()
        for title in ("Wrong amounts", "Late invoices"):
            person("start", title)
            person("notify", str(listed), "--send", "--confirm", "4")
        yield person


@pytest.mark.parametrize(
    ("whom", "emails"),
    [
        ("acme.example", ["ann@acme.example", "ben@mail.acme.example"]),
        ("@acme.example", ["ann@acme.example", "ben@mail.acme.example"]),
        ("acme gmbh", ["ann@acme.example", "ben@mail.acme.example"]),
        ("nobody here", []),
    ],
)
def test_several_matches_are_a_list_to_choose_from(
    told: Postmortem, whom: str, emails: list[str]
) -> None:
    found = told.json("told", whom)
    assert found["query"] == whom
    assert [each["email"] for each in found["matches"]] == emails
    assert all(each["mails"] == 2 for each in found["matches"])
    said = told("told", whom).out
    assert all(each in said for each in emails)


@pytest.mark.parametrize("whom", ["Öl & Söhne", "çelik", "Cem", "cem@", "CEM@OTHER.EXAMPLE"])
def test_one_match_is_shown_over_all_incidents(told: Postmortem, whom: str) -> None:
    found = told.json("told", whom)
    assert found["email"].lower() == "cem@other.example"
    assert [each["title"] for each in found["notices"]] == ["Wrong amounts", "Late invoices"]
    assert "Hello Cem Çelik" in told("told", whom, "--full").out


@pytest.mark.parametrize(
    ("whom", "email"),
    [
        ("Álvarez, Ann", "ann@acme.example"),
        ("alvarez  ann", "ann@acme.example"),
        ("ann acme", "ann@acme.example"),
        ("Soehne", "cem@other.example"),
        ("Sohne", "cem@other.example"),
        ("ÖL & SÖHNE", "cem@other.example"),
        ("Celik", "cem@other.example"),
        ("oneil", "dan@xn--exmple-cua.example"),
        ("Dan O’Neil", "dan@xn--exmple-cua.example"),
        ("a17", "dan@xn--exmple-cua.example"),
        ("exämple.example", "dan@xn--exmple-cua.example"),
    ],
)
def test_accents_apostrophes_and_the_order_of_words_do_not_count(
    told: Postmortem, whom: str, email: str
) -> None:
    assert told.json("told", whom)["email"] == email


@pytest.mark.parametrize("whom", ["Ann Berlin", "Blum Álvarez", "a18"])
def test_every_word_has_to_be_there(told: Postmortem, whom: str) -> None:
    assert told.json("told", whom)["matches"] == []


def test_a_word_that_is_too_short_finds_nobody(told: Postmortem) -> None:
    assert "too short" in told("told", "a", expect=3).err
