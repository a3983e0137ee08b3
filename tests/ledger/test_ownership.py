"""The rules of who holds a delivery: SQL and Python agree for every row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from tests.ledger.test_moving_many import ledger_with
from workflow.google.gmail import AcceptedMail, DraftSeen
from workflow.ledger import claims, deliveries
from workflow.ledger.deliveries import ALLOWED, Transition
from workflow.ledger.tables import deliveries as table
from workflow.model import DeliveryState as S
from workflow.sending.delivery_steps import Answer, Call, TakenBack, proof_of

NOW = datetime(2026, 11, 24, 13, 39, tzinfo=UTC)
NAMES = ("", "ours", "theirs", "dead")
MINUTES = st.sampled_from([-60, -1, 0, 1, 14, 15, 16, 600])


@dataclass(frozen=True)
class Row:
    """The parts of a row that the rules use."""

    state: S
    claimed_by: str
    claimed_until: datetime | None
    call_id: str
    draft_id: str


ROWS = st.builds(
    Row,
    state=st.sampled_from(list(S)),
    claimed_by=st.sampled_from(NAMES),
    claimed_until=st.none() | MINUTES.map(lambda minutes: NOW + timedelta(minutes=minutes)),
    call_id=st.sampled_from(["", "c1", "c2"]),
    draft_id=st.sampled_from(["", "r1", "r2"]),
)


@settings(max_examples=60, deadline=None)
@given(
    row=ROWS,
    before=st.sampled_from(list(S)),
    believed_call=st.sampled_from(["", "c1", "c2"]),
    answered_call=st.sampled_from(["", "c1", "c2"]),
    sent_draft=st.sampled_from(["", "r1", "r2"]),
)
def test_the_database_says_what_the_rules_say(
    row: Row, before: S, believed_call: str, answered_call: str, sent_draft: str
) -> None:
    with ledger_with(1) as ledger, ledger.write() as connection:
        values = {
            "state": row.state.value,
            "claimed_by": row.claimed_by,
            "claimed_until": row.claimed_until,
            "call_id": row.call_id,
            "draft_id": row.draft_id,
        }
        connection.execute(update(table).values(**values))

        free = select(table.c.id).where(claims.free_for("ours", ["dead"], NOW))
        assert bool(connection.execute(free).first()) is deliveries.is_free(
            row.claimed_by, row.claimed_until, holder="ours", gone=["dead"], now=NOW
        )

        proven = deliveries.prove_sent(
            connection, 1, answered_call=answered_call, sent_draft=sent_draft, facts={}
        )
        assert proven is deliveries.is_proof(
            *(row.state, row.call_id, row.draft_id),
            answered_call=answered_call,
            sent_draft=sent_draft,
        )

        connection.execute(update(table).values(**values))
        failed = deliveries.prove_deleted(connection, 1, deleted_draft=sent_draft, facts={})
        assert failed is deliveries.is_proof_of_deletion(
            row.state, row.draft_id, deleted_draft=sent_draft
        )

        connection.execute(update(table).values(**values))
        for after in ALLOWED[before]:
            step = Transition(1, before, after, {"asked": 0}, call_id=believed_call)
            refused = deliveries.move_all(connection, [step], holder="ours")
            assert (refused == frozenset()) is deliveries.may_move(
                *(row.state, row.claimed_by, row.call_id),
                before=before,
                holder="ours",
                believed_call=believed_call,
            )
            connection.execute(update(table).values(**values))


LEFT = DraftSeen("m-1", "t-1", frozenset({"SENT"}))


@pytest.mark.parametrize(
    ("call", "came", "after"),
    [
        (Call.SEND_DRAFT, AcceptedMail("m-1", "t-1"), S.SENT),
        (Call.CHECK_AND_SEND, AcceptedMail("m-1", "t-1"), S.SENT),
        (Call.CHECK_AND_SEND, LEFT, S.SENT),
        (Call.WITHDRAW, TakenBack.DELETED, S.FAILED),
    ],
)
@pytest.mark.parametrize("state", [S.DRAFTED, S.EDITED, S.SENDING, S.UNKNOWN])
def test_what_a_late_answer_proves_is_written_whole(
    call: Call, came: object, after: S, state: S
) -> None:
    with ledger_with(1) as ledger, ledger.write() as connection:
        connection.execute(update(table).values(draft_id="r-1", state=S.DRAFTED.value))
        (asked,) = deliveries.deliveries_of(connection, "n")
        connection.execute(update(table).values(state=state.value, claimed_by="theirs"))
        proven = proof_of(asked, Answer(call, NOW, result=came))
        assert proven is not None
        if after is S.SENT:
            assert deliveries.prove_sent(
                *(connection, asked.id), answered_call="", sent_draft="r-1", facts=proven.facts
            )
        else:
            assert deliveries.prove_deleted(
                connection, asked.id, deleted_draft="r-1", facts=proven.facts
            )
        (now,) = deliveries.deliveries_of(connection, "n")
        assert now.state is after
        assert (now.draft_id == "") is (after is S.FAILED)
