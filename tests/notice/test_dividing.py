"""A list divided among several mailboxes: complete, within each daily limit, threads kept."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from workflow.ledger.plans import PlannedMail
from workflow.notice.left_out import MailboxShare, dealt_out, shares

SENDERS = ("ann@team.example", "bea@team.example", "cem@team.example")
LEFTS = st.dictionaries(st.sampled_from(SENDERS), st.integers(-5, 60), min_size=1)


def mail(row: int, sender: str = "") -> PlannedMail:
    key = f"person{row}@customer.example"
    return PlannedMail(row, key, key, "", "Subject", "Dear…", sender=sender)


@st.composite
def lists(draw: st.DrawFn) -> tuple[dict[str, int], list[str]]:
    """Each mailbox's remaining mails, and for each row the mailbox of its thread, or ""."""
    left = draw(LEFTS)
    return left, draw(st.lists(st.sampled_from(["", "", *left]), max_size=150))


def divided(left: dict[str, int], bound: list[str]) -> tuple[list[MailboxShare], list[PlannedMail]]:
    held = Counter(each for each in bound if each)
    division = shares(len(bound), held, left)
    rows = (mail(row, sender) for row, sender in enumerate(bound, 2))
    return division, list(dealt_out(rows, division))


@given(lists())
def test_every_row_has_one_mailbox_and_each_mailbox_exactly_its_share(
    case: tuple[dict[str, int], list[str]],
) -> None:
    left, bound = case
    division, mails = divided(left, bound)
    assert [each.row for each in mails] == list(range(2, len(bound) + 2))
    sent = Counter(each.sender for each in mails)
    assert {share.sender: share.mails for share in division if share.mails} == dict(sent)
    assert list(left) == [share.sender for share in division]


@given(lists())
def test_a_customers_thread_stays_with_the_mailbox_that_holds_it(
    case: tuple[dict[str, int], list[str]],
) -> None:
    _, mails = divided(*case)
    for before, after in zip(case[1], mails, strict=True):
        assert not before or after.sender == before


@given(lists())
def test_nobody_waits_for_tomorrow_while_another_mailbox_has_room_today(
    case: tuple[dict[str, int], list[str]],
) -> None:
    division, _ = divided(*case)
    unbound_wait = any(share.waiting and share.mails > share.bound for share in division)
    room = any(share.mails < share.left_today for share in division)
    assert not (unbound_wait and room)


def test_mailboxes_take_turns_from_the_first_row_to_the_last() -> None:
    left = {"ann@team.example": 60, "bea@team.example": 30}
    _, mails = divided(left, [""] * 9)
    first_letters = "".join(each.sender[0] for each in mails)
    assert Counter(first_letters) == {"a": 6, "b": 3}
    assert all(Counter(first_letters[at : at + 3]) == {"a": 2, "b": 1} for at in (0, 3, 6))


def test_what_no_mailbox_has_room_for_is_spread_evenly() -> None:
    division = shares(100, {}, {"ann@team.example": 10, "bea@team.example": 0})
    assert [(share.mails, share.waiting) for share in division] == [(55, 45), (45, 45)]


def test_without_senders_a_list_stays_as_it_is() -> None:
    assert list(dealt_out([mail(2), mail(3)], [])) == [mail(2), mail(3)]
