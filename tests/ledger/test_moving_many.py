"""Moving many deliveries at once gives the same result as moving each alone."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, update

from workflow.ledger.databases.storage import Ledger, open_ledger, sqlite_url
from workflow.ledger.deliveries import Transition, move_all
from workflow.ledger.faults import MoveRefused
from workflow.ledger.tables import deliveries, incidents, notices
from workflow.model import DeliveryState

_S = DeliveryState
_NOW = datetime(2026, 11, 24, 13, 39, tzinfo=UTC)
OURS, THEIRS = "host/1/ours", "host/2/theirs"


@contextlib.contextmanager
def ledger_with(count: int) -> Iterator[Ledger]:
    """A ledger with one notice whose deliveries 1 to `count` are drafted and ours."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = open_ledger(sqlite_url(Path(folder) / "ledger.sqlite3"))
        with ledger.write() as connection:
            connection.execute(
                insert(incidents).values(
                    id="i",
                    profile="google",
                    title="Wrong amounts",
                    status="investigating",
                    started_at=_NOW,
                    time_zone="UTC",
                    template_name="t",
                    template_source="",
                    created_at=_NOW,
                )
            )
            connection.execute(
                insert(notices).values(
                    id="n",
                    incident_id="i",
                    mode="send",
                    stage="update",
                    content_key="k",
                    plan_hash="h",
                    template_name="t",
                    template_source="",
                    variables={},
                    subject="s",
                    copy_markdown="",
                    sender="",
                    recipients=count,
                    said_at=_NOW,
                    created_at=_NOW,
                )
            )
            for number in range(1, count + 1):
                connection.execute(
                    insert(deliveries).values(
                        id=number,
                        notice_id="n",
                        content_key="k",
                        row=number + 1,
                        email=f"{number}@customer.example",
                        recipient_key=f"{number}@customer.example",
                        subject="s",
                        markdown="m",
                        state=_S.DRAFTED.value,
                        claimed_by=OURS,
                        claimed_until=_NOW,
                    )
                )
        try:
            yield ledger
        finally:
            ledger.close()


def standing(ledger: Ledger) -> dict[int, tuple[str, str, str]]:
    """State, holder and message id of each delivery."""
    columns = deliveries.c
    query = select(columns.id, columns.state, columns.claimed_by, columns.message_id)
    with ledger.read() as connection:
        return {row[0]: (row[1], row[2], row[3]) for row in connection.execute(query)}


@settings(max_examples=25, deadline=None)
@given(
    taken=st.sets(st.integers(1, 6)),
    decided=st.sets(st.integers(1, 6)),
    moved=st.sets(st.integers(1, 6)),
)
def test_only_what_is_ours_and_where_we_believed_is_moved_and_the_rest_is_named(
    taken: set[int], decided: set[int], moved: set[int]
) -> None:
    with ledger_with(6) as ledger, ledger.write() as connection:
        row = update(deliveries)
        connection.execute(row.where(deliveries.c.id.in_(taken)).values(claimed_by=THEIRS))
        connection.execute(row.where(deliveries.c.id.in_(decided)).values(state="sending"))
        steps = [Transition(each, _S.DRAFTED, _S.SENDING, {"called_at": _NOW}) for each in moved]
        refused = move_all(connection, steps, holder=OURS)
        assert refused == moved & (taken | decided)
        query = select(deliveries.c.id).where(deliveries.c.called_at.is_not(None))
        assert set(connection.execute(query).scalars()) == moved - refused


def test_each_delivery_gets_its_own_facts_and_a_decided_one_gives_its_claim_back() -> None:
    with ledger_with(3) as ledger:
        with ledger.write() as connection:
            asked = [Transition(each, _S.DRAFTED, _S.SENDING, {"asked": 1}) for each in (1, 2, 3)]
            assert not move_all(connection, asked, holder=OURS)
            ends = [
                Transition(1, _S.SENDING, _S.SENT, {"message_id": "m1", "sent_at": _NOW}),
                Transition(2, _S.SENDING, _S.SENT, {"message_id": "m2", "sent_at": _NOW}),
                Transition(3, _S.SENDING, _S.FAILED, {"reason": "no such address"}),
            ]
            assert not move_all(connection, ends, holder=OURS)
        assert standing(ledger) == {
            1: ("sent", "", "m1"),
            2: ("sent", "", "m2"),
            3: ("failed", "", ""),
        }


def test_what_is_refused_takes_nothing_back_of_what_was_moved_before_it() -> None:
    with ledger_with(3) as ledger:
        with ledger.write() as connection:
            assert not move_all(connection, [Transition(1, _S.DRAFTED, _S.SENDING)], holder=OURS)
            steps = [Transition(each, _S.DRAFTED, _S.SENDING) for each in (1, 2, 3)]
            assert move_all(connection, steps, holder=OURS) == {1}
        assert {state for state, _, _ in standing(ledger).values()} == {"sending"}


def test_a_way_that_no_delivery_goes_is_refused_before_anything_is_written() -> None:
    with pytest.raises(MoveRefused, match="does not go from drafting to sent"):
        Transition(1, _S.DRAFTING, _S.SENT)
