"""Mails a second with no quota and 300 ms a call, against a plain loop on the same server."""

from __future__ import annotations

import base64
import time
from email.message import EmailMessage
from pathlib import Path

from bench.light_google import RunningLightGoogle, light_google
from bench.measuring import Table, Tool, write_list

_LATENCY_SECONDS = 0.3
_RECIPIENTS = 3_000
_LOOP_MAILS = 20
# As many as the pool keeps connections for. A mail in two steps is two calls of 0.3 s, one after
# the other, so fewer than 60 could not send 100 a second even if nothing else took any time.
_IN_FLIGHT = 128
_FLIGHTS = (5, 64, _IN_FLIGHT)
_TIMES_A_LOOP = 15
_MAILS_A_SECOND = 100


def config(in_flight: int) -> str:
    """A config without a quota, with this many calls at a time."""
    return f"""
[sending]
units_per_minute = 1000000000
daily_limit = 1000000000
in_flight = {in_flight}
timeout_seconds = 30
"""


def run(folder: Path) -> Table:
    """At least 100 mails a second and 15 times a plain loop; one mail per customer."""
    loop = _plain_loop()
    one_step = _notice(folder / "one-step", "--one-step")
    two_step = _notice(folder / "two-step")
    rows = [loop, one_step, two_step]
    return Table(
        f"Throughput, {_LATENCY_SECONDS * 1000:.0f} ms a call, no quota, one process, "
        f"{_IN_FLIGHT} calls at a time",
        ("how", "mails", "mails/s sending", "whole command", "× loop", "CPU ms/mail", "doubles"),
        [row.cells(loop.rate) for row in rows],
        kept=two_step.rate >= max(_MAILS_A_SECOND, _TIMES_A_LOOP * loop.rate)
        and not any(row.doubles for row in rows),
        note="a plain loop sends in one step; mails/s are counted at the server, from the first "
        f"to the last; asked: {_MAILS_A_SECOND} mails/s and {_TIMES_A_LOOP} × loop",
    )


class _Run:
    def __init__(
        self, how: str, google: RunningLightGoogle, *, wall_seconds: float, cpu_seconds: float
    ) -> None:
        counts = google.counts()
        self._how = how
        self._mails = int(counts["mails"])
        self._wall_seconds = wall_seconds
        self._cpu_seconds = cpu_seconds
        self.doubles = int(counts["duplicates"])
        self.rate = (self._mails - 1) / counts["sending_seconds"]

    def cells(self, loop_rate: float) -> tuple[str, ...]:
        """The table's row."""
        return (
            self._how,
            f"{self._mails:,}",
            f"{self.rate:.1f}",
            f"{self._mails / self._wall_seconds:.1f}/s",
            f"{self.rate / loop_rate:.1f}",
            f"{self._cpu_seconds / self._mails * 1000:.1f}",
            str(self.doubles),
        )


def run_in_flight(folder: Path) -> Table:
    """Mails a second with more and more calls at a time; the rate grows with them."""
    rows, last, kept = [], 0.0, True
    for in_flight in _FLIGHTS:
        mails = in_flight * 20
        found = _notice(folder / str(in_flight), in_flight=in_flight, recipients=mails)
        kept = kept and found.rate > last and not found.doubles
        last = found.rate
        rows.append((str(in_flight), *found.cells(1.0)[1:3], *found.cells(1.0)[-2:]))
    return Table(
        f"Mails a second against the calls at a time, {_LATENCY_SECONDS * 1000:.0f} ms a call, "
        "no quota, two steps",
        ("calls at a time", "mails", "mails/s", "CPU ms/mail", "doubles"),
        rows,
        kept=kept,
        note="mails/s are counted at the server, from the first to the last",
    )


def _notice(
    folder: Path, *options: str, in_flight: int = _IN_FLIGHT, recipients: int = _RECIPIENTS
) -> _Run:
    with light_google(_LATENCY_SECONDS) as google:
        tool = Tool(folder, google.url, config(in_flight))
        tool("start", "Wrong amounts")
        listed = write_list(folder / "list.csv", recipients)
        cost = tool("notify", str(listed), "--send", "--confirm", str(recipients), *options)
        return _Run(
            f"postmortem notify{''.join(f' {each}' for each in options)}",
            google,
            wall_seconds=cost.wall_seconds,
            cpu_seconds=cost.cpu_seconds,
        )


def _plain_loop() -> _Run:
    """What a script does: build a message, call messages.send, take the next row."""
    from google.auth.credentials import AnonymousCredentials  # noqa: PLC0415 - only a peer's
    from googleapiclient.discovery import build  # noqa: PLC0415

    with light_google(_LATENCY_SECONDS) as google:
        gmail = build(
            "gmail",
            "v1",
            credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
            client_options={"api_endpoint": google.url},
        )
        began, used = time.perf_counter(), time.process_time()
        for number in range(_LOOP_MAILS):
            message = EmailMessage()
            message["To"] = f"person{number}@customer.example"
            message["Subject"] = "We are looking into a problem"
            message.set_content("Hello, we are looking into a problem. More in an hour.")
            raw = base64.urlsafe_b64encode(message.as_bytes()).decode()
            gmail.users().messages().send(userId="me", body={"raw": raw}).execute()
        return _Run(
            "a plain loop",
            google,
            wall_seconds=time.perf_counter() - began,
            cpu_seconds=time.process_time() - used,
        )
