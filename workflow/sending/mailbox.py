"""The carriers of mail (Gmail's API, an SMTP relay), and threads that call them.

A carrier makes one call for one delivery and returns its result; a failure is raised as a
`GoogleFault`. It doesn't know the ledger, and is called from many threads. Reading keeps to the
same pace as sending.

Two traps of Gmail are handled here and nowhere else. An answer that a draft is missing may be
wrong. And a draft that a person has sent may keep its id: deleting it would delete the sent mail
(both reported, see `workflow.google.gmail`).

The threads are daemon threads: a person who presses Ctrl-C shouldn't wait for a call that hangs.
Calls under way are written in the ledger, and the next `resume` decides them.

`side_by_side` runs several long jobs at once, which a person may end together.
"""

from __future__ import annotations

import functools
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

from workflow.google.faults import NOT_KNOWN, GoogleFault, Refused, SlowDown, Undecided, Unreachable
from workflow.google.gmail import (
    AcceptedMail,
    Draft,
    DraftRead,
    DraftSeen,
    Gmail,
    Listed,
    MessageFacts,
)
from workflow.google.transport import only_while
from workflow.ledger import claims
from workflow.ledger.deliveries import Delivery
from workflow.mail.message import HeaderBad, MessageTooBig, ascii_address
from workflow.model import MailTransport
from workflow.sending.delivery_steps import Answer, Call, TakenBack
from workflow.workspace import Workspace

if TYPE_CHECKING:
    from workflow.smtp import Relay


# --- The carriers ---------------------------------------------------------------------------------

_T = TypeVar("_T")

# The cost of a call in Gmail's quota since May 2026 (quota table of its reference).
_LIST_UNITS, _GET_UNITS, _DRAFT_UNITS = 5, 20, 5
# A short wait for a person at a terminal; if it takes longer, they run the command again.
_LONGEST_WAIT_SECONDS = 90.0
# Reading changes nothing, so a call without an answer is simply repeated.
_TRIES = 3


class MailReader:
    """A mailbox; "" is the signed-in account's. Every method may raise GoogleFault.

    `gmail` is for callers that have already checked whose mailbox it is.
    """

    def __init__(
        self, workspace: Workspace, mailbox: str = "", *, gmail: Gmail | None = None
    ) -> None:
        self._workspace = workspace
        self._gmail = gmail or workspace.google_as(mailbox).gmail
        # In Google's spelling: the sender's pace is stored under the same name.
        self.address = self._gmail.address()

    def search(self, query: str) -> Iterator[list[Listed]]:
        """The results of a search, page by page, the newest first."""
        page = ""
        while True:
            found, page = self._paced(
                _LIST_UNITS, functools.partial(self._gmail.list_messages, query, page)
            )
            yield found
            if not page:
                return

    def facts(self, message_id: str, names: Sequence[str]) -> MessageFacts:
        """When a message arrived, its size and these headers."""
        return self._paced(_GET_UNITS, lambda: self._gmail.message_facts(message_id, names))

    def raw(self, message_id: str) -> bytes:
        """A whole message."""
        return self._paced(_GET_UNITS, lambda: self._gmail.message_raw(message_id))

    def drafts(self) -> dict[str, str]:
        """The current message id of each draft in the mailbox, by the draft's id."""
        return {
            draft.id: draft.message_id
            for draft in self._paced(_LIST_UNITS, self._gmail.list_drafts)
        }

    def draft(self, draft_id: str) -> DraftRead | None:
        """A whole draft; None if it is gone."""
        return self._paced(_DRAFT_UNITS, lambda: self._gmail.read_draft(draft_id))

    def draft_seen(self, draft_id: str) -> DraftSeen | None:
        """What Gmail shows of a draft; None if it is gone."""
        return self._paced(_DRAFT_UNITS, lambda: self._gmail.look_at_draft(draft_id))

    def wait_for(self, units: int) -> None:
        """Wait until the pace has room for a call that changes something, and count it."""
        self._wait_for(units)

    def _paced(self, units: int, call: Callable[[], _T]) -> _T:
        for last in (*[False] * (_TRIES - 1), True):
            self._wait_for(units)
            try:
                return call()
            except SlowDown as fault:
                if last or fault.daily:
                    raise
                self._pause(fault)
            except (Undecided, Unreachable):
                if last:
                    raise
        raise AssertionError("the last try returns or raises")

    def _wait_for(self, units: int) -> None:
        """Wait until the account's pace has room for a call, and count it."""
        budget = self._workspace.settings.config.sending.units_per_minute
        waited = 0.0
        while True:
            now = self._workspace.wall()
            second = int(now.timestamp())
            with self._workspace.ledger.write() as connection:
                until = claims.paused_until(connection, self.address)
                wait = float(
                    claims.seconds_until_free(
                        connection, self.address, units, second=second, budget=budget
                    )
                )
                if until is not None and until > now:
                    wait = max(wait, (until - now).total_seconds())
                    reason = claims.pause_reason(connection, self.address)
                else:
                    reason = "This account has read and sent all that it may in a minute."
                if wait <= 0:
                    claims.spend_units(connection, self.address, units, second=second)
                    return
            waited += wait
            if waited > _LONGEST_WAIT_SECONDS:
                raise SlowDown(reason, until=now + timedelta(seconds=wait))
            time.sleep(wait)

    def _pause(self, fault: SlowDown) -> None:
        """Make all processes of the account wait as long as Gmail asked, at least a second."""
        now = self._workspace.wall()
        until = max(fault.until or now, now + timedelta(seconds=1))
        with self._workspace.ledger.write() as connection:
            claims.pause_sender(connection, self.address, until=until, reason=fault.sentence)


_IN_THE_LIST = frozenset({"DRAFT"})


class DraftsInMailbox:
    """One mailbox's drafts. Thread-safe. Every method may raise GoogleFault."""

    def __init__(self, gmail: Gmail, now: Callable[[], datetime]) -> None:
        self._gmail = gmail
        self._now = now
        self._lock = threading.Lock()
        self._listed: dict[str, Draft] = {}
        self._listed_at: datetime | None = None

    def find(self, draft_id: str, *, missed_at: datetime | None = None) -> DraftSeen | None:
        """What Gmail shows of a draft; None if neither its id nor the list of drafts has it.

        `missed_at` is when it was not found before: a list that was read since then counts, so that
        many missing drafts cost one list.
        """
        seen = self._gmail.look_at_draft(draft_id)
        if seen is not None:
            return seen
        listed = self._list_since(missed_at or self._now()).get(draft_id)
        if listed is None:
            return None
        return DraftSeen(listed.message_id, listed.thread_id, _IN_THE_LIST)

    def take_back(self, draft_id: str) -> TakenBack | DraftSeen | None:
        """Delete a draft, after checking that it still is one.

        Returns what was seen if its message has been sent: it is left alone then. None if it is
        gone, or disappeared at this moment. Only a person who sends it between the check and the
        deletion, which follow at once, isn't noticed.
        """
        seen = self.find(draft_id)
        if seen is None or seen.is_sent:
            return seen
        try:
            self._gmail.delete_draft(draft_id)
        except Refused as refused:
            if refused.status != 404:
                raise
            return None
        return TakenBack.DELETED

    def _list_since(self, instant: datetime) -> dict[str, Draft]:
        """The mailbox's drafts by their ids, read at that instant or later."""
        with self._lock:
            if self._listed_at is None or self._listed_at <= instant:
                began_at = self._now()
                self._listed = {draft.id: draft for draft in self._gmail.list_drafts()}
                self._listed_at = began_at
            return self._listed


class Carrier(Protocol):
    """Make calls for deliveries."""

    @property
    def transport(self) -> MailTransport:
        """The transport of its mails."""

    def message_id(self, delivery: Delivery) -> str:
        """The Message-ID that a mail will have, if it is known before sending; else ""."""

    def carry(self, delivery: Delivery, call: Call) -> object:
        """Make a call and return its result. Raises GoogleFault, HeaderBad or MessageTooBig."""


class Relayed(NamedTuple):
    """A mail that a relay has accepted, and its reply. A relay has no threads."""

    message_id: str
    reply: str
    thread_id: str = ""


class _AsItShouldBe:
    """A draft that exists and is unchanged."""


class GmailCarrier:
    """One mailbox, through Gmail's API. `now` is the clock for the times of deliveries.

    `is_as_agreed` says whether a message reads as the mail that a person agreed to.
    """

    transport = MailTransport.GMAIL

    def __init__(
        self,
        gmail: Gmail,
        write_mail: Callable[[Delivery], bytes],
        now: Callable[[], datetime],
        is_as_agreed: Callable[[Delivery, bytes], bool],
    ) -> None:
        self._gmail = gmail
        self._write_mail = write_mail
        self._is_as_agreed = is_as_agreed
        self._mailbox = DraftsInMailbox(gmail, now)
        self._of_draft: Mapping[Call, Callable[[Delivery], object]] = {
            Call.SEND_DRAFT: lambda each: gmail.send_draft(each.draft_id),
            Call.CHECK_AND_SEND: self._send_unless_edited,
            Call.LOOK: lambda each: gmail.look_at_draft(each.draft_id),
            Call.CONFIRM: lambda each: self._mailbox.find(each.draft_id, missed_at=each.gone_at),
            Call.WITHDRAW: lambda each: self._mailbox.take_back(each.draft_id),
            Call.REPLACE: lambda each: self._mailbox.take_back(each.draft_id),
        }

    def message_id(self, _delivery: Delivery) -> str:
        """Gmail gives each mail its own when it sends it."""
        return ""

    def carry(self, delivery: Delivery, call: Call) -> object:
        """As the protocol says."""
        if call is Call.CREATE_DRAFT:
            return self._gmail.create_draft(self._write_mail(delivery), delivery.thread_id or None)
        if call is Call.SEND_MESSAGE:
            return self._gmail.send_message(self._write_mail(delivery), delivery.thread_id or None)
        return self._of_draft[call](delivery)

    def _send_unless_edited(
        self, delivery: Delivery
    ) -> AcceptedMail | DraftSeen | DraftRead | None:
        """Send a draft that is unchanged; else return its current state, None if it is gone."""
        try:
            found = self._edited_or_gone(delivery)
        except Undecided as lost:  # the check failed: nobody has asked Gmail to send anything
            raise Unreachable(
                f"{lost.sentence.removesuffix(NOT_KNOWN)}The draft was not looked at, so it was "
                "not sent.",
                detail=lost.detail,
                method=lost.method,
            ) from lost
        if not isinstance(found, _AsItShouldBe):
            return found
        return self._gmail.send_draft(delivery.draft_id)

    def _edited_or_gone(self, delivery: Delivery) -> DraftSeen | DraftRead | _AsItShouldBe | None:
        seen = self._gmail.look_at_draft(delivery.draft_id)
        if seen is None or seen.is_sent:
            return seen
        if seen.message_id == delivery.draft_message_id:
            return _AsItShouldBe()
        read = self._gmail.read_draft(delivery.draft_id)
        if read is None or read.seen.is_sent:
            return read.seen if read else None
        return _AsItShouldBe() if self._is_as_agreed(delivery, read.raw) else read


class RelayCarrier:
    """An SMTP relay. `return_path` is the address that gets the bounces."""

    transport = MailTransport.SMTP_RELAY

    def __init__(
        self,
        relay: Relay,
        return_path: str,
        write_mail: Callable[[Delivery], bytes],
        message_id: Callable[[Delivery], str],
    ) -> None:
        self._relay = relay
        self._return_path = return_path
        self._write_mail = write_mail
        self._message_id = message_id

    def message_id(self, delivery: Delivery) -> str:
        """Our own: a relay leaves it unchanged."""
        return self._message_id(delivery)

    def carry(self, delivery: Delivery, _call: Call) -> Relayed:
        """As the protocol says."""
        mail = self._write_mail(delivery)
        sender = ascii_address("From", self._return_path)
        recipient = ascii_address("To", delivery.email)
        message_id = self._message_id(delivery)
        try:
            reply = self._relay.send(sender, recipient, mail)
        except Undecided as lost:
            # An administrator searches the relay's log for it.
            lost.sentence = f"{lost.sentence} Its Message-ID is {message_id}"
            raise
        return Relayed(message_id, reply)


# --- The threads that call them -------------------------------------------------------------------

# sqlite3 releases the interpreter's lock at every row, and a busy thread keeps it for this long. At
# Python's default 5 ms, many callers made each row cost 3.6 ms of waiting (measured, 64 threads).
_LOCK_SECONDS = 0.0005


class _ShortTurns:
    """Short interpreter turns while any callers are at work."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._before = 0.0

    def begin(self) -> None:
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._before = sys.getswitchinterval()
                sys.setswitchinterval(_LOCK_SECONDS)

    def end(self) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                sys.setswitchinterval(self._before)


_short_turns = _ShortTurns()


@dataclass(frozen=True)
class Answered:
    """A delivery and the result of a call for it; `defect` is an error of this program."""

    delivery: Delivery
    answer: Answer
    defect: BaseException | None = None


class Callers:
    """Threads that make calls and return the answers in the order they arrive.

    `may_call` is asked in the calling thread right before each request; if it says no, the answer
    is `NotCalled`.
    """

    def __init__(
        self,
        carry: Callable[[Delivery, Call], object],
        now: Callable[[], datetime],
        *,
        threads: int,
        may_call: Callable[[], bool],
    ) -> None:
        self._carry = carry
        self._now = now
        self._may_call = may_call
        self._asked: queue.SimpleQueue[tuple[Delivery, Call] | None] = queue.SimpleQueue()
        self._answered: queue.SimpleQueue[Answered] = queue.SimpleQueue()
        _short_turns.begin()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def ask(self, delivery: Delivery, call: Call) -> None:
        """Make a call as soon as a thread is free."""
        self._asked.put((delivery, call))

    def answers(self, wait_seconds: float) -> list[Answered]:
        """All answers so far, after waiting up to `wait_seconds` for the first."""
        found: list[Answered] = []
        try:
            found.append(self._answered.get(timeout=max(wait_seconds, 0)))
            while True:
                found.append(self._answered.get_nowait())
        except queue.Empty:
            return found

    def dismiss(self) -> None:
        """Let the threads end once they are idle."""
        for _ in self._threads:
            self._asked.put(None)
        _short_turns.end()

    def _work(self) -> None:
        while (task := self._asked.get()) is not None:
            self._answered.put(self._call(*task))

    def _call(self, delivery: Delivery, call: Call) -> Answered:
        began_at = self._now()
        try:
            with only_while(self._may_call):
                result = self._carry(delivery, call)
        except GoogleFault as fault:
            return Answered(delivery, Answer(call, began_at, fault=fault))
        except (HeaderBad, MessageTooBig) as bad:  # only this mail can't be written
            refused = Refused(str(bad), status=400, reason="mailBad")
            return Answered(delivery, Answer(call, began_at, fault=refused))
        except BaseException as defect:  # handed to the sender, which raises it
            return Answered(delivery, Answer(call, began_at), defect)
        return Answered(delivery, Answer(call, began_at, result))


_LOOK_SECONDS = 0.05
# How long to wait for jobs that were told to stop. They are daemons: one that hangs is left.
_GRACE_SECONDS = 2.0


def side_by_side(jobs: Sequence[Callable[[], _T]], stop: threading.Event) -> list[_T]:
    """Do all jobs at once; their results in order.

    A single job runs in this thread, so its traceback shows. After `stop`, only jobs that end
    within a moment are waited for and included. What a job raises is raised here.
    """
    if len(jobs) == 1:
        return [jobs[0]()]
    running = [_Running(job) for job in jobs]
    deadline = float("inf")
    while any(each.is_alive for each in running) and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
        if stop.is_set():
            deadline = min(deadline, time.monotonic() + _GRACE_SECONDS)
    return [result for each in running for result in each.results()]


class _Running(Generic[_T]):
    def __init__(self, job: Callable[[], _T]) -> None:
        self._job = job
        self._results: list[_T] = []
        self._raised: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def results(self) -> list[_T]:
        """The job's result; None if the job was abandoned. Raises what the job raised."""
        if self._raised is not None:
            raise self._raised
        return list(self._results)

    def _run(self) -> None:
        try:
            self._results.append(self._job())
        except BaseException as raised:  # handed to the caller's thread, which raises it
            self._raised = raised
