"""Following a long send: a bar on a terminal, Ctrl-C that ends it cleanly."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

from workflow.cli.speaking import Speaker, has_colour
from workflow.flows.delivering import Watcher
from workflow.incident import DeliveryCounts


@contextlib.contextmanager
def watching(speaker: Speaker, *, total: int) -> Iterator[Watcher]:
    """A watcher that draws a bar on stderr when a person is there to see it.

    The first Ctrl-C ends the sending with everything recorded; a second one, or one at a time when
    nothing is being sent, ends the program.
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
                yield Watcher(report, stop, at_work)
        else:
            yield Watcher(lambda _counts: None, stop, at_work)
    finally:
        signal.signal(signal.SIGINT, previous)


@contextlib.contextmanager
def _bar(speaker: Speaker, total: int) -> Iterator[Callable[[DeliveryCounts], None]]:
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

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
