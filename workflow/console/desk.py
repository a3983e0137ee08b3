"""The console's desk: workspaces for pages, kept messages, and running senders.

Each notice that this console sends has a thread, with the leases that every sender has. Two tabs, a
second console and the command line may work on one notice at the same time: each mail is claimed in
the ledger before anything is done for it, so none is sent twice.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from workflow.doc.push import remarks
from workflow.errors import BadInput
from workflow.google.endpoint import Emulator
from workflow.ledger import notices
from workflow.ledger.notices import Notice
from workflow.notice.copy_back import withdraw
from workflow.notice.outcome import not_yet_withdrawn, unfinished, withdrawn_words
from workflow.notice.send import Notified, finish, send_agreed
from workflow.sending.deliver import Watcher
from workflow.standing.overview import Standing, notice_standing
from workflow.workspace import Workspace

_STOPS_WITHIN_SECONDS = 20.0

Job = Callable[[Workspace, Notice, Watcher], tuple[str, ...]]
"""Work on a notice until it is done or has to wait; returns messages for the person."""


def send_on(workspace: Workspace, notice: Notice, watcher: Watcher) -> tuple[str, ...]:
    """Send what a notice still has to send, and copy it into the doc."""
    return _words(finish(workspace, notice, watcher))


def send_on_agreed(workspace: Workspace, notice: Notice, watcher: Watcher) -> tuple[str, ...]:
    """The same for a notice that was just approved."""
    return _words(send_agreed(workspace, notice, watcher))


def take_back(workspace: Workspace, notice: Notice, watcher: Watcher) -> tuple[str, ...]:
    """Withdraw unsent emails."""
    done = withdraw(workspace, notice, watcher)
    standing = notice_standing(workspace, notice)
    words = list(withdrawn_words(done, standing))
    if (fault := not_yet_withdrawn(done, standing)) is not None:
        words.append(str(fault))
    return tuple(words)


def _words(notified: Notified) -> tuple[str, ...]:
    about_doc = remarks(notified.brought) if notified.brought is not None else ()
    fault = unfinished(notified)
    return (*about_doc, *((str(fault),) if fault is not None else ()))


@dataclass
class Sender:
    """One thread's work on one notice. `said` are messages for the person."""

    notice_id: str
    stop: threading.Event = field(default_factory=threading.Event)
    at_work: threading.Event = field(default_factory=threading.Event)
    said: tuple[str, ...] = ()
    thread: threading.Thread | None = None

    @property
    def is_alive(self) -> bool:
        """Whether it is still working."""
        return self.thread is not None and self.thread.is_alive()


class Senders:
    """All of this console's senders."""

    def __init__(
        self, open_workspace: Callable[[str, str], AbstractContextManager[Workspace]]
    ) -> None:
        self._open = open_workspace
        self._senders: dict[str, Sender] = {}
        self._lock = threading.Lock()

    def start(self, notice: Notice, job: Job = send_on, *, command: str = "resume") -> None:
        """Begin to work on a notice, unless this console already does.

        `command` is the person's action in the audit trail.
        """
        with self._lock:
            known = self._senders.get(notice.id)
            if known is not None and known.is_alive:
                return
            sender = Sender(notice.id)
            sender.thread = threading.Thread(
                target=self._run, args=[sender, notice, job, command], daemon=True, name=notice.id
            )
            self._senders[notice.id] = sender
            sender.thread.start()

    def pause(self, notice_id: str) -> None:
        """Stop between two mails; everything so far is recorded. Raises `BadInput`."""
        sender = self._senders.get(notice_id)
        if sender is None or not sender.is_alive:
            raise BadInput("This console is not sending that notice at the moment.")
        sender.stop.set()

    def is_at_work(self, notice_id: str) -> bool:
        """Whether this console is working on a notice."""
        sender = self._senders.get(notice_id)
        return sender is not None and sender.is_alive

    def said(self, notice_id: str) -> tuple[str, ...]:
        """The result of the last work on a notice, if it ended in this console."""
        sender = self._senders.get(notice_id)
        return sender.said if sender is not None else ()

    def stop_all(self) -> None:
        """Stop all between two mails, and wait for that."""
        for sender in self._senders.values():
            sender.stop.set()
        for sender in self._senders.values():
            if sender.thread is not None:
                sender.thread.join(_STOPS_WITHIN_SECONDS)

    def _run(self, sender: Sender, notice: Notice, job: Job, command: str) -> None:
        def say(line: str) -> None:
            sender.said = (line,)

        watcher = Watcher(lambda _counts: None, sender.stop, sender.at_work, say=say)
        try:
            with self._open(notice.incident_id, command) as workspace:
                with workspace.ledger.read() as connection:
                    notice = notices.notice_by_id(connection, notice.id)
                sender.said = job(workspace, notice, watcher)
        except Exception as fault:
            sender.said = (str(fault) or type(fault).__name__,)


Tone = Literal["good", "plain", "warning", "error"]
OpenWorkspace = Callable[[str, str], AbstractContextManager[Workspace]]
"""Open the workspace of one request: for the incident with that id ("" is the current one), and for
the request's command in the audit trail.
"""

_KEPT = 200  # messages kept for pages that have not been loaded yet


@dataclass(frozen=True)
class Line:
    """One line of a result."""

    tone: Tone
    text: str


@dataclass(frozen=True)
class Said:
    """The result of a change, line by line. `link` is an address to show below."""

    lines: tuple[Line, ...] = ()
    link: str = ""


class AskAgain(BadInput):
    """The same was recorded a moment ago; the person has to confirm it."""


@dataclass
class Desk:
    """What all requests of one console share. Safe for several threads."""

    open: OpenWorkspace
    emulator: Callable[[Workspace], Emulator | None]
    """The rehearsal server in place of Google, if any."""
    record_json: Callable[[Standing], dict[str, Any]]
    """The JSON form of an incident, as in `show --json`."""
    senders: Senders = field(init=False)
    closing: threading.Event = field(default_factory=threading.Event)
    _said: OrderedDict[str, Said] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.senders = Senders(self.open)

    @contextmanager
    def workspace(self, incident: str = "", command: str = "console") -> Iterator[Workspace]:
        """The workspace of one request. Raises what opening it raises."""
        with self.open(incident, command) as workspace:
            yield workspace

    def keep(self, said: Said) -> str:
        """Keep a result for the next page; returns the name to `take` it by."""
        name = secrets.token_hex(8)
        with self._lock:
            self._said[name] = said
            while len(self._said) > _KEPT:
                self._said.popitem(last=False)
        return name

    def take(self, name: str) -> Said | None:
        """The result kept under a name; it is shown once."""
        with self._lock:
            return self._said.pop(name, None)

    def close(self) -> None:
        """End running work: senders stop between two mails, live pages end."""
        self.closing.set()
        self.senders.stop_all()
