"""A model of several ledgers of one incident: joining, restoring backups, and the doc.

The other model covers the mails themselves: here a recorded call is done or not done, and the next
process learns which. What counts is which ledger knows it. Each run of sending reads the doc,
counts itself, and notes its notice with the revision that it read, as `workflow.doc.notices` does;
the product's own function interprets a look.

Assumed: if the doc can't be written, the ledger that began the incident continues without a note
(and says so); a colleague who joins before the note is made up for writes to the same customers.
Such runs are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from bench.chaos.model.search import Found, Game, search
from workflow.document.edits.notices import NoticeInDoc, NoticesInDoc
from workflow.ledger.elsewhere import LedgerIdentity, NoticeElsewhere, OwnNotice, key_of, run_after
from workflow.standing.other_ledgers import lacking

PLANNED, SENDING, SENT = range(3)


class Notice(NamedTuple):
    """A notice in a ledger: its customers' states, what a person accepted, and its first file."""

    id: str
    rows: tuple[int, ...]
    agreed: frozenset[str] = frozenset()
    is_copied: bool = False
    began_in: int = 0


class Content(NamedTuple):
    """The content of a ledger's file, and of its backup."""

    run: int = 0
    notices: tuple[Notice, ...] = ()


class Doc(NamedTuple):
    """The doc's content: each notice's ledger and counts, and each ledger's last run."""

    notices: tuple[tuple[str, str, int, int], ...] = ()
    runs: tuple[tuple[str, int], ...] = ()


class Process(NamedTuple):
    """A run of sending: its notice, what it read of the doc, and its progress."""

    notice: str
    stage: str = "begun"
    seen: Doc | None = None


class Ledger(NamedTuple):
    """A ledger, its last backup, its current run of sending, and how often it was restored."""

    id: str
    content: Content = Content()
    backup: Content | None = None
    process: Process | None = None
    joined: bool = False
    in_place: bool = True
    file: int = 0


class Budget(NamedTuple):
    """How often each event may still happen."""

    notices: int = 2
    crashes: int = 1
    restores: int = 1
    blind: int = 1
    words: int = 1


class State(NamedTuple):
    """The whole state. `mails` counts each customer's; `allowed` counts people's permissions."""

    ledgers: tuple[Ledger, ...]
    doc: Doc
    mails: tuple[int, ...]
    allowed: int
    budget: Budget
    # The customers' drafts that were sent, by notice: a requested draft shows that.
    left: frozenset[tuple[str, int]] = frozenset()
    # A notice left without a note, because the doc could not be written: see above.
    is_unnoted: bool = False


@dataclass(frozen=True)
class LedgerRules:
    """The deciding rules; each can be replaced by a wrong one."""

    lacking: Callable[..., Iterable[NoticeElsewhere]] = lacking
    run_after: Callable[[int, int], int] = run_after
    # Docs refuses a write with another revision than the doc has.
    locks_its_write: bool = True
    # `other_ledgers.is_the_only_one`.
    knows_its_place: bool = True


Next = tuple[str, State]


def beginning(customers: int, ledgers: int, budget: Budget) -> State:
    """An incident with its doc, the ledger that began it, and others that joined the doc."""
    others = (Ledger(name, joined=True) for name in "bcd"[: ledgers - 1])
    return State((Ledger("a"), *others), Doc(), (0,) * customers, 1, budget)


def next_states(state: State, rules: LedgerRules) -> Iterator[Next]:
    """Every possible next state, with its event."""
    for at, ledger in enumerate(state.ledgers):
        if ledger.process is None:
            yield from _people(state, at, ledger)
        else:
            yield from _runs(state, at, ledger, ledger.process, rules)
            if state.budget.crashes:
                gone = _with(state, at, ledger._replace(process=None))
                yield f"{ledger.id} dies", _spent(gone, "crashes")
        if state.budget.restores and ledger.backup is None and ledger.content.notices:
            yield (
                f"{ledger.id} is backed up",
                _with(state, at, ledger._replace(backup=ledger.content)),
            )


def _people(state: State, at: int, ledger: Ledger) -> Iterator[Next]:
    """A person's actions at an idle ledger."""
    content, budget = ledger.content, state.budget
    for notice in content.notices:
        if not notice.is_copied:
            begun = ledger._replace(process=Process(notice.id))
            yield f"{ledger.id} resumes {notice.id}", _with(state, at, begun)
    new = _new_notice(state, ledger)
    if budget.notices and new is not None:
        planned = content._replace(notices=(*content.notices, new))
        begun = ledger._replace(content=planned, process=Process(new.id))
        yield f"{ledger.id} notifies {new.id}", _spent(_with(state, at, begun), "notices")
    if budget.restores and content.notices:
        # A backup from before the first notice always exists.
        before = ledger.backup if ledger.backup is not None else Content()
        restored = ledger._replace(content=before, in_place=False, file=ledger.file + 1)
        yield f"{ledger.id} is restored", _spent(_with(state, at, restored), "restores")


def _new_notice(state: State, ledger: Ledger) -> Notice | None:
    """A notice to customers without one from this ledger; None if there are none."""
    had = {
        customer for notice in ledger.content.notices for customer, row in enumerate(notice.rows)
    }
    if had:  # the same text: as far as this ledger knows, everybody has it or waits for it
        return None
    number = len(state.doc.notices) + sum(len(each.content.notices) for each in state.ledgers)
    rows = (PLANNED,) * len(state.mails)
    return Notice(f"{ledger.id}{number}", rows, began_in=ledger.file)


def _runs(
    state: State, at: int, ledger: Ledger, process: Process, rules: LedgerRules
) -> Iterator[Next]:
    notice = _notice(ledger, process.notice)
    name = f"{ledger.id}: {notice.id}"
    if process.stage == "begun":
        yield from _looks(state, at, ledger, notice, rules)
    elif process.stage == "seen":
        yield from _notes(state, at, ledger, notice, rules)
    elif process.stage == "sending":
        for customer, row in enumerate(notice.rows):
            if row == PLANNED:
                # A new draft: this ledger knows nothing of an earlier one.
                begun = state._replace(left=state.left - {(notice.id, customer)})
                yield f"{name} is about to call for {customer}", _row(begun, at, customer, SENDING)
            elif row == SENDING and (notice.id, customer) in state.left:
                yield f"{name} finds {customer} sent", _row(state, at, customer, SENT)
            elif row == SENDING:
                mails = _counted(state.mails, customer)
                called = state._replace(mails=mails, left=state.left | {(notice.id, customer)})
                yield f"{name} mails {customer}", _row(called, at, customer, SENT)
                if state.budget.crashes:  # Gmail did it, and nobody read the answer
                    dead = _with(called, at, ledger._replace(process=None))
                    yield f"{name} mails {customer} and dies", _spent(dead, "crashes")
        if all(row == SENT for row in notice.rows):
            yield f"{name} is copied back", _copied(state, at, ledger, notice)


def _looks(
    state: State, at: int, ledger: Ledger, notice: Notice, rules: LedgerRules
) -> Iterator[Next]:
    """The doc is read and compared; or it can't be read."""
    found = _found(rules, ledger, state.doc)
    news = [each for each in found if key_of(each) not in notice.agreed]
    name = f"{ledger.id}: {notice.id}"
    if not news:
        begun = ledger.content._replace(
            run=rules.run_after(ledger.content.run, dict(state.doc.runs).get(ledger.id, 0))
        )
        process = Process(notice.id, "seen", state.doc)
        in_place = ledger.in_place or not found
        seen = ledger._replace(content=begun, process=process, in_place=in_place)
        yield f"{name} looks", _with(state, at, seen)
    else:
        yield f"{name} is refused", _with(state, at, _refused(ledger, notice))
        if state.budget.words:
            keys = frozenset(map(key_of, found))
            agreed = _with_notice(ledger, notice._replace(agreed=notice.agreed | keys))
            told = _with(state, at, agreed)._replace(allowed=state.allowed + 1)
            yield f"a person wants {name} all the same", _spent(told, "words")
    if state.budget.blind:
        spent = _spent(state, "blind")
        is_only = not ledger.joined and (ledger.in_place or not rules.knows_its_place)
        if is_only:
            blind = ledger._replace(process=Process(notice.id, "sending"))
            yield f"{name} goes on blind", _with(spent, at, blind)._replace(is_unnoted=True)
        else:
            yield f"{name} is refused, blind", _with(spent, at, _refused(ledger, notice))


def _refused(ledger: Ledger, notice: Notice) -> Ledger:
    """Nothing was sent; a new notice is removed."""
    if any(row != PLANNED for row in notice.rows):
        return ledger._replace(process=None)
    others = tuple(each for each in ledger.content.notices if each.id != notice.id)
    return ledger._replace(content=ledger.content._replace(notices=others), process=None)


def _notes(
    state: State, at: int, ledger: Ledger, notice: Notice, rules: LedgerRules
) -> Iterator[Next]:
    """The notice is noted in the doc; refused if the doc has changed since it was read."""
    assert ledger.process is not None
    name = f"{ledger.id}: {notice.id}"
    if rules.locks_its_write and ledger.process.seen != state.doc:
        again = ledger._replace(process=Process(notice.id))
        yield f"{name} finds the doc changed", _with(state, at, again)
        return
    noted = _told(state.doc, ledger, notice)
    sending = ledger._replace(process=Process(notice.id, "sending"))
    yield f"{name} is noted", _with(state._replace(doc=noted), at, sending)


def _copied(state: State, at: int, ledger: Ledger, notice: Notice) -> State:
    done = _with_notice(ledger, notice._replace(is_copied=True))._replace(process=None)
    return _with(state._replace(doc=_told(state.doc, ledger, notice)), at, done)


def _told(doc: Doc, ledger: Ledger, notice: Notice) -> Doc:
    """The doc with a ledger's counts of a notice, and the ledger's run."""
    sent = sum(row == SENT for row in notice.rows)
    told = (notice.id, ledger.id, sent, len(notice.rows) - sent)
    others = tuple(each for each in doc.notices if each[0] != notice.id)
    runs = {**dict(doc.runs), ledger.id: ledger.content.run}
    return Doc(tuple(sorted((*others, told))), tuple(sorted(runs.items())))


def _found(rules: LedgerRules, ledger: Ledger, doc: Doc) -> list[NoticeElsewhere]:
    known = {
        each.id: OwnNotice(
            "update", sum(row == SENT for row in each.rows), each.began_in == ledger.file
        )
        for each in ledger.content.notices
    }
    mine = LedgerIdentity(ledger.id, ledger.content.run)
    return list(rules.lacking(mine, known, _as_read(doc), in_place=ledger.in_place))


@lru_cache(None)
def _as_read(doc: Doc) -> NoticesInDoc:
    found = tuple(
        NoticeInDoc(key, ledger, "update", customers=sent + rest, sent=sent, undecided=rest)
        for key, ledger, sent, rest in doc.notices
    )
    return NoticesInDoc(found, dict(doc.runs), ())


def broken_promises(state: State) -> list[str]:
    """The broken promises of a state."""
    if state.is_unnoted:
        return []
    return [
        f"customer {customer}: mailed twice without anybody's word"
        for customer, count in enumerate(state.mails)
        if count > state.allowed
    ]


def leads_on(state: State, rules: LedgerRules) -> str:
    """Why a state never finishes once all goes well; "" if it does.

    A person resumes unfinished notices, and accepts other ledgers' notices.
    """
    calm = Budget(*(0 for _ in Budget._fields))._replace(words=9)
    at_ease = state._replace(budget=calm)
    for _ in range(200):
        following = [
            after for name, after in next_states(at_ease, rules) if not name.endswith("is refused")
        ]
        if not following:
            unfinished = [
                n.id for e in at_ease.ledgers for n in e.content.notices if not n.is_copied
            ]
            return f"{unfinished} are never finished" if unfinished else ""
        at_ease = following[0]
    return "it never comes to an end"


# Putting things in their places


def _notice(ledger: Ledger, notice_id: str) -> Notice:
    return next(each for each in ledger.content.notices if each.id == notice_id)


def _with_notice(ledger: Ledger, notice: Notice) -> Ledger:
    notices = tuple(notice if each.id == notice.id else each for each in ledger.content.notices)
    return ledger._replace(content=ledger.content._replace(notices=notices))


def _row(state: State, at: int, customer: int, row: int) -> State:
    ledger = state.ledgers[at]
    assert ledger.process is not None
    notice = _notice(ledger, ledger.process.notice)
    changed = notice._replace(rows=_put(notice.rows, customer, row))
    return _with(state, at, _with_notice(ledger, changed))


def _with(state: State, at: int, ledger: Ledger) -> State:
    ledgers = (*state.ledgers[:at], ledger, *state.ledgers[at + 1 :])
    return state._replace(ledgers=ledgers)


def _spent(state: State, what: str) -> State:
    left = state.budget._replace(**{what: getattr(state.budget, what) - 1})
    return state._replace(budget=left)


def _put(values: tuple[int, ...], at: int, value: int) -> tuple[int, ...]:
    return (*values[:at], value, *values[at + 1 :])


def _counted(mails: tuple[int, ...], customer: int) -> tuple[int, ...]:
    return _put(mails, customer, mails[customer] + 1)


def search_ledgers(
    customers: int,
    ledgers: int,
    budget: Budget,
    *,
    rules: LedgerRules | None = None,
    most_states: int = 10**9,
) -> Found:
    """Every reachable state of this many ledgers, each once."""
    made = rules or LedgerRules()
    game = Game[State](
        lambda state: next_states(state, made),
        broken_promises,
        lambda state: leads_on(state, made),
    )
    first = beginning(customers, ledgers, budget)
    return search(game, first, most_states=most_states)
