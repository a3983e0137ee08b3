"""Long jobs: a send, a worker, the preview, watching. Ctrl-C ends each cleanly.

A send shows a bar on a terminal. A worker reports line by line until its orders are done. The
preview serves every recipient's mail on a local page. `watch` fills one screen. Pages with a secret
address open in the browser through a private file.
"""

from __future__ import annotations

import contextlib
import functools
import signal
import tempfile
import threading
import time
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from html import escape
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import typer
from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from workflow.announce import reminders
from workflow.cli import output
from workflow.cli.app import Asked
from workflow.cli.notice_lines import show_outcome
from workflow.cli.terminal import Speaker, has_colour, printable
from workflow.errors import DONE, PARTLY
from workflow.model import DeliveryCounts, Status, clock_text, moment_text
from workflow.notice.outcome import extra_drafts, labels_and_texts
from workflow.notice.plan import Plan
from workflow.notice.preview.pages import preview_server
from workflow.notice.preview.source import PlanPreview
from workflow.notice.send import LOOK_EVERY, Notified, Orders, Waits, Worker, as_it_stands
from workflow.sending.deliver import Watcher
from workflow.sending.hands import LedgerWait
from workflow.sending.sender import Ending
from workflow.standing.overview import (
    IncidentLook,
    NoticeStanding,
    counts_text,
    delivery_bar,
    notice_standing,
    untold_words,
)
from workflow.workspace import Workspace

if TYPE_CHECKING:
    from workflow.ledger.notices import Notice


# Other users can see a browser's command line in the list of processes. So the browser gets this
# file's address, which only this person can read.
_WAY_IN = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0;url={address}"><title>{title}</title>
<p><a href="{address}">{title}</a></p></html>
"""


class PrivateLinks:
    """Files with the links in them; deleted at the end of `private_links`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, address: str, title: str) -> None:
        """Open an address in the browser, through a file that nobody else can read."""
        open_file(self.write(address, title))

    def write(self, address: str, title: str) -> Path:
        """The file with the link, readable by its owner alone."""
        path = self._folder / "open.html"
        page = _WAY_IN.format(address=escape(address), title=escape(title))
        path.write_text(page, encoding="utf-8")
        return path


def open_file(path: Path) -> None:
    """Show a file in the browser, in the background."""
    # A text browser blocks until it is closed.
    threading.Thread(target=webbrowser.open, args=[path.as_uri()], daemon=True).start()


@contextmanager
def private_links() -> Iterator[PrivateLinks]:
    """Links for the browser that other users of this machine can't read."""
    # The folder has mode 0700 from the start.
    with tempfile.TemporaryDirectory(prefix="postmortem-") as folder:
        yield PrivateLinks(Path(folder))


@contextlib.contextmanager
def watching(speaker: Speaker, *, total: int) -> Iterator[Watcher]:
    """A watcher that draws a bar on stderr if a person can see it.

    The first Ctrl-C ends the sending with everything recorded; a second one, or one while nothing
    is being sent, ends the program.
    """
    stop, at_work = threading.Event(), threading.Event()
    previous = signal.getsignal(signal.SIGINT)

    def interrupted(_signal: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, previous)
        if not at_work.is_set():
            raise KeyboardInterrupt
        stop.set()

    signal.signal(signal.SIGINT, interrupted)
    try:
        if speaker.err.isatty() and speaker.loudness >= 0:
            with _bar(speaker, total) as report:
                yield Watcher(report, stop, at_work, say=speaker.warn)
        else:
            yield Watcher(lambda _counts: None, stop, at_work, say=speaker.warn)
    finally:
        signal.signal(signal.SIGINT, previous)


@contextlib.contextmanager
def _bar(speaker: Speaker, total: int) -> Iterator[Callable[[DeliveryCounts], None]]:

    console = Console(file=speaker.err, no_color=not has_colour(speaker.err))
    columns = (
        TextColumn("Sending"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    started = time.monotonic()
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=total, rate="")

        def report(counts: DeliveryCounts) -> None:
            decided = counts.total - counts.pending
            minutes = (time.monotonic() - started) / 60
            rate = f"{counts.sent / minutes:,.0f} a minute" if minutes > 0.05 else ""
            progress.update(task, completed=decided, total=counts.total, rate=rate)

        yield report


def work(asked: Asked, workspace: Workspace, orders: Orders) -> None:
    """Help to send unfinished notices. Raises the right exit code.

    Waits for a ledger that is lost meanwhile, but not for one that is missing at the start.
    """
    line = _LiveLine(asked.speaker)
    ledger = LedgerWait(workspace.ledger, line.warn)
    worker = Worker(workspace, orders)
    outcomes: dict[str, Notified] = {}
    asked.speaker.say(
        "Helping to send unfinished notices. Press Ctrl-C to stop; everything is recorded."
    )
    with contextlib.closing(line):
        while (job := ledger.through(worker.next_job)) is not None:
            if isinstance(job, Waits):
                line.show(job.words)
                for problem in ledger.through(functools.partial(reminders.settle, workspace)):
                    line.warn(problem)
                time.sleep(LOOK_EVERY.total_seconds())
                continue
            line.close()
            asked.speaker.say(f"Notice {job.id}: {job.subject}")
            part = functools.partial(_take_part, asked.speaker, workspace, worker, job, ledger)
            outcomes[job.id] = ledger.through(part)
        if orders.notice and orders.notice not in outcomes:
            outcomes[orders.notice] = ledger.through(
                functools.partial(as_it_stands, workspace, orders.notice)
            )
        standings = ledger.through(functools.partial(_standings, workspace, outcomes))
    if orders.notice:
        show_outcome(asked, outcomes[orders.notice], "send")
        return
    _close(asked, standings)


def _take_part(
    speaker: Speaker, workspace: Workspace, worker: Worker, notice: Notice, ledger: LedgerWait
) -> Notified:
    total = notice_standing(workspace, notice).counts.total
    with watching(speaker, total=total) as watcher:
        patient = replace(watcher, wait_for_ledger=ledger.until_reached)
        notified = worker.take_part(notice, patient)
    if notified.sent.ending is Ending.STOPPED:
        raise KeyboardInterrupt
    speaker.say(f"  {counts_text(notified.standing)}")
    for warning in extra_drafts(notified.standing, notified.left):
        speaker.warn(warning)
    return notified


def _standings(workspace: Workspace, outcomes: dict[str, Notified]) -> list[NoticeStanding]:
    return [notice_standing(workspace, notified.standing.notice) for notified in outcomes.values()]


def _close(asked: Asked, standings: list[NoticeStanding]) -> None:
    """The current state of every notice that this worker helped to send."""
    if asked.speaker.as_json:
        documents = [output.notice_json(standing, "send") for standing in standings]
        asked.speaker.document({"notices": documents})
    asked.speaker.say("All notices are finished.")
    short = any(standing.shortfalls for standing in standings)
    raise typer.Exit(PARTLY if short else DONE)


class _LiveLine:
    """Show what a worker waits for: one changing line, or a line per change in a pipe."""

    def __init__(self, speaker: Speaker) -> None:
        self._speaker = speaker
        self._is_live = speaker.err.isatty() and speaker.loudness >= 0
        self._shown = ""

    def show(self, words: str) -> None:
        """Show what is waited for, with the time of the last look."""
        if self._is_live:
            self._speaker.err.write(
                f"\r\x1b[2K{printable(words)}  (looked at {time.strftime('%X')})"
            )
            self._speaker.err.flush()
        elif words != self._shown:
            self._speaker.say(words)
        self._shown = words

    def warn(self, words: str) -> None:
        """Show a line that stays, in place of the live line or a bar."""
        self._take_away()
        self._speaker.warn(words)

    def close(self) -> None:
        """Clear the line; the next `show` draws it again."""
        if self._shown:
            self._take_away()
        self._shown = ""

    def _take_away(self) -> None:
        if self._is_live:
            self._speaker.err.write("\r\x1b[2K")
            self._speaker.err.flush()


def serve_preview(speaker: Speaker, workspace: Workspace, plan: Plan) -> None:
    """Serve the preview until Ctrl-C; open a browser if a person can see it."""
    source = PlanPreview(workspace, plan, list(labels_and_texts(workspace, plan)))
    with (
        suppress(KeyboardInterrupt),
        preview_server(source) as server,
        private_links() as links,
    ):
        speaker.say("Preview of every mail, only on this machine:")
        speaker.answer(f"  {server.address}", "link")
        speaker.say("Nothing is sent. Ctrl-C closes the preview.")
        if speaker.is_interactive:
            links.open(server.address, "Open the preview")
        server.serve()


_NARROW = 70
_MOST_NOTICES = 4
_MOST_UNDECIDED = 3
_LABEL = 13
_STATUS_STYLES = {
    Status.INVESTIGATING: "bold red",
    Status.IDENTIFIED: "bold yellow",
    Status.MONITORING: "bold cyan",
    Status.RESOLVED: "bold green",
}
# Each colour also has its own sign: not everybody sees, or has, colours.
_SIGNS, _PLAIN_SIGNS = "█▒░", "#x."


def page(look: IncidentLook, console: Console, height: int) -> RenderableType:
    """The frame: facts first, then what needs a person, then as much of the timeline as fits."""
    facts = _facts(look)
    notices = _notices(look, console)
    undecided = _undecided(look)
    taken = len(facts) + sum(len(part) + 2 for part in (notices, undecided) if part)
    timeline = _timeline(look, max(height - taken - 2, 1))
    parts: list[RenderableType] = list(facts)
    for title, lines in (
        ("Mails", notices),
        ("Failed or unknown", undecided),
        ("Timeline", timeline),
    ):
        if lines:
            parts += [Text(), Text(title, style="bold dim"), *lines]
    return Group(*parts)


def _line(text: str, style: str = "") -> Text:
    """A line cut at the terminal's edge; people's text never acts on the terminal."""
    words = " ".join(printable(text).split())
    return Text(words, style=style, no_wrap=True, overflow="ellipsis")


def _labelled(label: str, text: str, style: str = "") -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    return line.append(f"{label:<{_LABEL}}", "dim").append_text(_line(text, style))


def _facts(look: IncidentLook) -> list[RenderableType]:
    standing = look.standing
    incident = standing.incident
    status = Text(no_wrap=True, overflow="ellipsis")
    status.append(incident.status.label, _STATUS_STYLES[incident.status])
    for fact in (incident.severity, look.lasted, incident.id):
        status.append(f" · {printable(fact)}" if fact else "")
    lines: list[RenderableType] = [
        _line(incident.title, "bold"),
        status,
        _labelled("Next update", *_next_word(look)),
        _labelled("Doc", *_doc(look)),
    ]
    if look.told:
        lines.append(_labelled("Colleagues", f"told: {', '.join(look.told)}"))
    lines += [
        _labelled("Colleagues", f"{each.target}: {untold_words(each)}", "bold red")
        for each in standing.untold
    ]
    return lines


def _next_word(look: IncidentLook) -> tuple[str, str]:
    """The next update: yellow if it is near, red if it is late."""
    word = look.standing.next_word
    if word is None:
        return "none promised", "dim"
    style = "bold red" if word.state == "late" else "bold yellow" if word.is_near else "green"
    return f"{word.words} ({moment_text(word.due_at, look.standing.incident.zone)})", style


def _doc(look: IncidentLook) -> tuple[str, str]:
    standing = look.standing
    if standing.pending:
        what = "1 change waits" if standing.pending == 1 else f"{standing.pending} changes wait"
        return f"{what}: postmortem sync", "bold yellow"
    if not standing.incident.doc_url:
        return "not made yet: postmortem sync", "bold yellow"
    return "shows everything", "green"


def _notices(look: IncidentLook, console: Console) -> list[RenderableType]:
    """The last notices, each with its bar and counts; the bar is short on a narrow screen."""
    width = 12 if console.width < _NARROW else 24
    signs = _PLAIN_SIGNS if console.options.ascii_only else _SIGNS
    rows: list[RenderableType] = []
    hidden = len(look.standing.notices) - _MOST_NOTICES
    if hidden > 0:
        earlier = "1 earlier notice" if hidden == 1 else f"{hidden:,} earlier notices"
        rows.append(_line(f"…and {earlier}: postmortem show", "dim"))
    for standing in look.standing.notices[-_MOST_NOTICES:]:
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(f"{standing.notice.stage.value:<14}")
        cells = delivery_bar(standing, width)
        for sign, count, style in zip(signs, cells, ("green", "bold red", "dim"), strict=True):
            line.append(sign * count, style)
        line.append(f" {_counted(counts_text(standing))}")
        rows.append(line)
    return rows


def _counted(words: str) -> str:
    return words.removeprefix("accepted by Gmail ")


def _undecided(look: IncidentLook) -> list[RenderableType]:
    found = look.undecided
    lines: list[RenderableType] = [_line(each, "red") for each in found[:_MOST_UNDECIDED]]
    if len(found) > _MOST_UNDECIDED:
        lines.append(_line(f"…and {len(found) - _MOST_UNDECIDED:,} more: postmortem show"))
    return lines


def _timeline(look: IncidentLook, room: int) -> Sequence[RenderableType]:
    """The newest entries, the last at the bottom, as in the doc."""
    standing = look.standing
    lines = []
    for entry in standing.timeline[-room:]:
        author = f" — {entry.by}" if entry.by else ""
        struck = "(struck) " if entry.struck_at else ""  # without colour nothing is crossed out
        words = f"{clock_text(entry.at, standing.incident.zone)}  {struck}{entry.text}{author}"
        lines.append(_line(words, "dim strike" if entry.struck_at else ""))
    return lines or [_line("No entry yet.", "dim")]
