"""Every state is counted: a delivery in an uncounted one would be a lost customer."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest
from sqlalchemy.exc import IntegrityError

from tests.both_ledgers import on_both_ledgers
from tests.command_line import CustomerList, Postmortem
from tests.ledger_rows import run_sql
from workflow.ledger import doc_making, incidents, tables
from workflow.ledger.databases.storage import open_ledger, sqlite_url
from workflow.ledger.faults import MoveRefused
from workflow.ledger.incidents import DocState
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


@on_both_ledgers
def test_a_doc_goes_from_state_to_state_as_its_table_of_moves_says(sent: Postmortem) -> None:
    """Every pair of states: the move is made, or it is refused and the row stays."""
    ledger = open_ledger(url_of(sent))
    row = doc_making.incident_doc(sent.json("show")["incident"])
    for before, after in itertools.product(DocState, DocState):
        with ledger.write() as connection:
            incidents.update_incident(connection, row.id, doc_state=before.value)
            if after in doc_making.ALLOWED[before]:
                assert doc_making.move(connection, row, [before], after)
                expected = after
            else:
                with pytest.raises(MoveRefused, match=f"from {before} to {after}"):
                    doc_making.move(connection, row, [before], after)
                expected = before
            assert incidents.doc_record(connection, row.id).state is expected
    ledger.close()


@on_both_ledgers
def test_a_doc_in_a_state_that_is_not_known_can_not_be_written(sent: Postmortem) -> None:
    ledger = open_ledger(url_of(sent))
    unknown = tables.incidents.update().values(doc_state="copied")
    with pytest.raises(IntegrityError, match="known_doc_state"), ledger.write() as connection:
        connection.execute(unknown)
    ledger.close()


@contextmanager
def without_the_rule(person: Postmortem) -> Iterator[Callable[[str], object]]:
    if "POSTMORTEM_DATABASE_URL" in person.environment:
        run_sql(person, "ALTER TABLE deliveries DROP CONSTRAINT known_state")
        yield lambda statement: run_sql(person, statement)
        return
    with closing(sqlite3.connect(person.home / "ledger.sqlite3", timeout=20)) as file, file:
        file.execute("PRAGMA ignore_check_constraints = ON")
        yield file.execute
