"""A delivery in a state that nobody counts would be a customer whom nobody misses."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest
from sqlalchemy.exc import IntegrityError

from tests.both_ledgers import on_both_ledgers
from tests.command_line import CustomerList, Postmortem
from tests.ledger_rows import run_sql
from workflow.ledger.storage import open_ledger, sqlite_url
from workflow.ledger.tables import deliveries


@pytest.fixture
def sent(postmortem: Postmortem, customers: Callable[[int], CustomerList]) -> Postmortem:
    postmortem("start", "Wrong amounts")
    postmortem("notify", str(customers(3)), "--send", "--confirm", "3")
    return postmortem


def url_of(person: Postmortem) -> str:
    kept = sqlite_url(person.home / "ledger.sqlite3")
    return person.environment.get("POSTMORTEM_DATABASE_URL", kept)


@on_both_ledgers
def test_a_state_that_is_not_known_can_not_be_written(sent: Postmortem) -> None:
    ledger = open_ledger(url_of(sent))
    lost = deliveries.update().where(deliveries.c.row == 3).values(state="lost")
    with pytest.raises(IntegrityError, match="known_state"), ledger.write() as connection:
        connection.execute(lost)
    ledger.close()
    assert sent.json("show")["notices"][0]["counts"]["sent"] == 3


@on_both_ledgers
def test_where_one_got_in_by_hand_counting_says_so(sent: Postmortem) -> None:
    with without_the_rule(sent) as run:
        run("UPDATE deliveries SET state = 'lost' WHERE id = 2")
    for command in ("show", "resume"):
        result = sent(command, expect=4)
        assert "the state of 1 of 3 deliveries is one that this postmortem does not" in result.err


@contextmanager
def without_the_rule(person: Postmortem) -> Iterator[Callable[[str], object]]:
    if "POSTMORTEM_DATABASE_URL" in person.environment:
        run_sql(person, "ALTER TABLE deliveries DROP CONSTRAINT known_state")
        yield lambda statement: run_sql(person, statement)
        return
    with closing(sqlite3.connect(person.home / "ledger.sqlite3", timeout=20)) as file, file:
        file.execute("PRAGMA ignore_check_constraints = ON")
        yield file.execute
