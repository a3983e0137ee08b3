"""What all console pages share: the desk with its senders, forms, results and changes.

Each notice that this console sends has a thread, with the leases that every sender has. Two tabs, a
second console and the command line may work on one notice at the same time: each mail is claimed in
the ledger before anything is done for it, so none is sent twice.

Every change is noticed (by this console, the command line, a colleague on a shared ledger), because
the ledger is polled, not this process.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal
from zoneinfo import ZoneInfo

from flask import (
    Response,
    current_app,
    make_response,
    redirect,
    render_template,
    request,
    stream_with_context,
    url_for,
)
from werkzeug.datastructures import MultiDict

from workflow import same_command
from workflow.announce import reminders
from workflow.doc.push import Brought, remarks, waiting_fault
from workflow.errors import BadInput, PostmortemError
from workflow.google.endpoint import Emulator
from workflow.ledger import announcements, changes, incidents, notices
from workflow.ledger.changes import Run
from workflow.ledger.notices import Notice
from workflow.ledger.plans import Proposal
from workflow.notice.draft_review import withdraw
from workflow.notice.outcome import (
    extra_drafts,
    not_yet_withdrawn,
    unfinished,
    withdrawn_words,
)
from workflow.notice.send import Notified, finish, send_agreed
from workflow.sending.deliver import Watcher
from workflow.standing.overview import Standing, notice_standing
from workflow.times.reading import habits_of, read_future, read_past
from workflow.times.spoken_time import Moment, WhenOpen
from workflow.workspace import Workspace

# --- The desk -------------------------------------------------------------------------------------

_STOPS_WITHIN_SECONDS = 20.0

Job = Callable[[Workspace, Notice, Watcher], tuple[str, ...]]
"""Work on a notice until it is done or has to wait; returns messages for the person."""


def send_on(workspace: Workspace, notice: Notice, watcher: Watcher) -> tuple[str, ...]:
    """Send what a notice still has to send, and copy it into the doc."""
    return _words(finish(workspace, notice, watcher))


def send_on_agreed(
    workspace: Workspace, notice: Notice, watcher: Watcher, proposal: Proposal | None = None
) -> tuple[str, ...]:
    """The same for a notice that was just approved; `proposal` is its plan, if it had one."""
    return _words(send_agreed(workspace, notice, watcher, proposal))


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
    return (
        *about_doc,
        *((str(fault),) if fault is not None else ()),
        *extra_drafts(notified.standing, notified.left),
    )


@dataclass
class SendingThread:
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
        self._senders: dict[str, SendingThread] = {}
        self._lock = threading.Lock()

    def start(self, notice: Notice, job: Job = send_on, *, command: str = "resume") -> None:
        """Begin to work on a notice, unless this console already does.

        `command` is the person's action in the audit trail.
        """
        with self._lock:
            known = self._senders.get(notice.id)
            if known is not None and known.is_alive:
                return
            sender = SendingThread(notice.id)
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

    def _run(self, sender: SendingThread, notice: Notice, job: Job, command: str) -> None:
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
class ResultLine:
    """One line of a result."""

    tone: Tone
    text: str


@dataclass(frozen=True)
class ChangeResult:
    """The result of a change, line by line. `link` is an address to show below."""

    lines: tuple[ResultLine, ...] = ()
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
    _said: OrderedDict[str, ChangeResult] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.senders = Senders(self.open)

    @contextmanager
    def workspace(self, incident: str = "", command: str = "console") -> Iterator[Workspace]:
        """The workspace of one request. Raises what opening it raises."""
        with self.open(incident, command) as workspace:
            yield workspace

    def keep(self, said: ChangeResult) -> str:
        """Keep a result for the next page; returns the name to `take` it by."""
        name = secrets.token_hex(8)
        with self._lock:
            self._said[name] = said
            while len(self._said) > _KEPT:
                self._said.popitem(last=False)
        return name

    def take(self, name: str) -> ChangeResult | None:
        """The result kept under a name; it is shown once."""
        with self._lock:
            return self._said.pop(name, None)

    def close(self) -> None:
        """End running work: senders stop between two mails, live pages end."""
        self.closing.set()
        self.senders.stop_all()


# --- Forms, jobs and results ----------------------------------------------------------------------


@dataclass(frozen=True)
class Failed:
    """A form whose job failed, with the sentence that says why.

    `options` are times to choose from, as values and words; `asks_again`: the same was recorded a
    moment ago, and one more press records it again.
    """

    form: str
    sentence: str
    options: tuple[tuple[str, str], ...] = ()
    asks_again: bool = False


class Form:
    """A person's input. Texts have this machine's line ends."""

    def __init__(self, values: MultiDict[str, str] | None = None) -> None:
        self._values = request.form if values is None else values

    def text(self, name: str) -> str:
        """A text as typed, "" for none."""
        return self._values.get(name, "").replace("\r\n", "\n").strip()

    def texts(self, name: str) -> list[str]:
        """The values of a repeated field, without empty ones."""
        return [value for value in map(str.strip, self._values.getlist(name)) if value]

    def has(self, name: str) -> bool:
        """Whether a box is ticked."""
        return name in self._values

    def past(self, workspace: Workspace, name: str, zone: ZoneInfo) -> datetime | None:
        """When something happened; None for now. Raises `WhenUnclear` and `WhenOpen`."""
        moment = self.past_moment(workspace, name, zone)
        return moment.at if moment else None

    def past_moment(self, workspace: Workspace, name: str, zone: ZoneInfo) -> Moment | None:
        """The same with notes on how it was understood."""
        words = self.text(name)
        if not words:
            return None
        return read_past(words, now=workspace.now(), zone=zone, habits=habits_of(os.environ))


def future(workspace: Workspace, words: str, zone: ZoneInfo) -> datetime | None:
    """The promised time, or None. Raises `WhenUnclear` and `WhenOpen`."""
    if not words:
        return None
    return read_future(words, now=workspace.now(), zone=zone, habits=habits_of(os.environ)).at


def attempt(form: str, job: Callable[[], ChangeResult]) -> ChangeResult | Failed:
    """Do a job; an error for a person becomes a sentence beside its form."""
    try:
        return job()
    except WhenOpen as unsettled:
        options = tuple((each.at.isoformat(), each.words) for each in unsettled.options)
        return Failed(form, unsettled.question, options)
    except AskAgain as repeated:
        return Failed(form, str(repeated), asks_again=True)
    except PostmortemError as error:
        return Failed(form, str(error))


def about(brought: Brought) -> Iterator[ResultLine]:
    """Messages about the doc after a change."""
    for words in remarks(brought):
        yield ResultLine("warning", words)
    if (fault := waiting_fault(brought)) is not None:
        yield ResultLine("warning", str(fault))


def begin(
    workspace: Workspace, command: str, words: list[object], incident_id: str, form: Form
) -> Run | None:
    """Note the command, as the command line does; returns the stopped run to finish.

    Raises `AskAgain` if the same was recorded a moment ago and the person has not confirmed it.
    """
    same_command.begin(workspace, command, words)
    if form.has("again"):
        return None
    earlier = same_command.earlier_run(workspace, incident_id)
    if earlier is None:
        return None
    if earlier.told_at is not None:
        raise AskAgain(f"{same_command.repeated_words(workspace, earlier)} Nothing was added.")
    same_command.go_on_with(workspace, earlier)
    return earlier


def desk() -> Desk:
    """This console's desk."""
    found: Desk = current_app.config["DESK"]
    return found


def page(name: str, status: int = 200, **values: Any) -> Response:
    """A page, with the messages kept for it."""
    shown = desk().take(request.args.get("said", ""))
    response = make_response(render_template(f"console/{name}.html", said=shown, **values))
    response.status_code = status
    return response


def go_to(endpoint: str, said: ChangeResult | None = None, **values: str) -> Response:
    """Redirect after a change, so that reloading the page repeats nothing."""
    if said is not None and (said.lines or said.link):
        values["said"] = desk().keep(said)
    anchor = values.pop("anchor", None)
    placed: dict[str, Any] = {**values, "_anchor": anchor}
    return make_response(redirect(url_for(endpoint, **placed), 303))


def uploaded(name: str) -> tuple[str, bytes] | None:
    """An uploaded file, by its name and content; None for none."""
    file = request.files.get(name)
    if file is None or not file.filename:
        return None
    return safe_name(file.filename), file.read()


def all_uploaded(name: str) -> list[tuple[str, bytes]]:
    """All files that were dropped or chosen in one field."""
    given = (each for each in request.files.getlist(name) if each.filename)
    return [(safe_name(each.filename or ""), each.read()) for each in given]


@contextmanager
def as_file(given: tuple[str, bytes]) -> Iterator[Path]:
    """An uploaded file on disk while it is read; errors use its own name."""
    name, content = given
    with TemporaryDirectory(prefix="postmortem-console-") as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        try:
            yield path
        except BadInput as bad:
            raise BadInput(str(bad).replace(str(path), name)) from bad


def safe_name(name: str) -> str:
    """A file's own name, without folders and control characters."""
    last = name.replace("\\", "/").rpartition("/")[2]
    kept = "".join(letter for letter in last if letter.isprintable()).strip(" .")
    if not kept:
        raise BadInput("The file has no name. Give it one, and choose it again.")
    return kept[-150:]


# --- Changes while a page is open -----------------------------------------------------------------

_LOOK_SECONDS = 1.0
_WORD_OF_LIFE_SECONDS = 15.0
_REMIND_SECONDS = 5.0


def remind(desk: Desk) -> None:
    """Say reminders that are due until the console ends, whether or not a page is open."""
    while True:
        try:
            with desk.workspace() as workspace:
                reminders.settle(workspace)
        except PostmortemError:  # the ledger or the chat is away for a moment
            pass
        if desk.closing.wait(_REMIND_SECONDS):
            return


def events(
    desk: Desk, incident_id: str, state: Callable[[Workspace], str], *, every: float = _LOOK_SECONDS
) -> Response:
    """The stream of a page: the event `changed` whenever `state` returns something else.

    The first comparison is with the state when the page was made, which is in its address (`seen`):
    a change between the two isn't missed.
    """
    seen = request.args.get("seen", "")

    def stream() -> Iterator[str]:
        last, spoken = seen, time.monotonic()
        yield "retry: 2000\n\n"
        with desk.workspace(incident_id) as workspace:
            while not desk.closing.wait(every):
                try:
                    now = state(workspace)
                except PostmortemError:  # the ledger is away for a moment; the page says so itself
                    now = "away"
                if last and now != last:
                    yield f"event: changed\ndata: {now}\n\n"
                    spoken = time.monotonic()
                elif time.monotonic() - spoken > _WORD_OF_LIFE_SECONDS:
                    yield ": here\n\n"  # detects whether anybody still listens
                    spoken = time.monotonic()
                last = now

    response = Response(stream_with_context(stream()), content_type="text/event-stream")
    response.headers["X-Accel-Buffering"] = "no"
    return response


def fingerprint(workspace: Workspace, incident_id: str) -> str:
    """A hash of everything that the incident's page shows."""
    with workspace.ledger.read() as connection:
        sent = notices.notices_of(connection, incident_id)
        seen = (
            incidents.incident_by_id(connection, incident_id),
            changes.count_pending(connection, incident_id),
            incidents.timeline(connection, incident_id),
            [(each.id, notices.count_deliveries(connection, each)) for each in sent],
            announcements.announcements_of(connection, incident_id),
        )
    return hashlib.sha256(repr(seen).encode("utf-8", "replace")).hexdigest()[:16]
