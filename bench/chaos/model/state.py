"""One moment of the model: everything in it, as hashable values.

Times are whole ticks relative to now (`called` and `gone` in the past are negative), so that the
same situation at another time is the same state. Names (drafts, calls) are small numbers; 0 is
none.
"""

from __future__ import annotations

from typing import NamedTuple

from workflow.model import DeliveryState
from workflow.sending.delivery_steps import Call

# The holder of a claim whose process is gone.
DEAD = -1
# The receiver of an answer that nobody will read.
NOBODY = -1


class Row(NamedTuple):
    """A delivery in the ledger.

    `message` is the draft's recorded content: 0 is ours, another number a person's edit.
    """

    state: DeliveryState = DeliveryState.PLANNED
    draft: int = 0
    message: int = 0
    asked: int = 0
    called: int | None = None
    gone: int | None = None
    call: int = 0
    reason: str = ""
    evidence: str = ""
    by: int = 0
    until: int = 0


class Held(NamedTuple):
    """A sender's view of a held row; `fresh`: its draft was made a moment ago."""

    row: Row
    calling: bool = False
    fresh: bool = False


class Sender(NamedTuple):
    """A process. `lease` is how many ticks its lease still holds; 0 means that it expired."""

    lease: int
    held: tuple[Held | None, ...]
    asleep: bool = False
    withdraws: bool = False


class Stage:
    """The stage of a call. From WIRE on, Gmail carries it out even if its process ends."""

    ISSUED, WIRE, ANSWERED = range(3)


class Asked(NamedTuple):
    """A call. `row` is its sender's view at the time; `answer` is the result.

    `age` counts the ticks since it was issued, `on_wire` those since its bytes were sent.
    """

    sender: int
    customer: int
    id: int
    call: Call
    row: Row
    stage: int = Stage.ISSUED
    age: int = 0
    on_wire: int = 0
    answer: str | tuple[int, int] = ""


class Box(NamedTuple):
    """Gmail's data of one customer.

    `drafts` are (draft, content); `left` are drafts that a person sent and whose ids live on.
    `ours` are the contents of mails that the program sent; `by_hand` the mails that a person sent:
    the draft, and whether the row knew it. `allowed` is how many mails people have allowed.
    """

    drafts: frozenset[tuple[int, int]] = frozenset()
    left: frozenset[int] = frozenset()
    ours: tuple[int, ...] = ()
    by_hand: tuple[tuple[int, bool], ...] = ()
    allowed: int = 1
    # The program sent a second mail to somebody without a person's permission.
    doubled: bool = False
    # A person deleted the row's draft, and a call to send it got no answer since it was last seen:
    # the one case in which an unsent mail may be called sent (see `rules`).
    deleted: frozenset[int] = frozenset()
    asked_in_vain: bool = False

    def mails_of(self, row: Row) -> int:
        """How many mails this customer has, without those that no row ever knew."""
        known = sum(was_known or draft == row.draft for draft, was_known in self.by_hand)
        return len(self.ours) + known


class Budget(NamedTuple):
    """How often each event may still happen; `all` limits them together.

    `late` are calls that are made although their lease expired between the last check and the first
    byte; `clock` are claims by a clock that is ahead of the others'; `words` send mails again.
    """

    crashes: int = 1
    sleeps: int = 1
    late: int = 1
    lost: int = 1
    false: int = 1
    refused: int = 1
    person: int = 1
    words: int = 1
    clock: int = 1
    withdrawals: int = 1
    all: int = 99

    def may(self, what: str) -> bool:
        """Whether this may happen once more."""
        return self.all > 0 and getattr(self, what) > 0

    def spent(self, what: str) -> Budget:
        """The budget after it happened once."""
        return self._replace(**{what: getattr(self, what) - 1, "all": self.all - 1})


class State(NamedTuple):
    """The whole state."""

    rows: tuple[Row, ...]
    senders: tuple[Sender, ...]
    asked: tuple[Asked, ...]
    boxes: tuple[Box, ...]
    budget: Budget


def beginning(customers: int, senders: int, budget: Budget, *, lease: int) -> State:
    """An approved notice, and processes that begin to send it."""
    nothing: tuple[Held | None, ...] = (None,) * customers
    return State(
        rows=(Row(),) * customers,
        senders=(Sender(lease, nothing),) * senders,
        asked=(),
        boxes=(Box(),) * customers,
        budget=budget,
    )
