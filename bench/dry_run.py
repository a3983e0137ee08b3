"""Checking a long list without sending, compared with awdeorio/mailmerge's dry run.

mailmerge gets the same Markdown, which it sends as text and HTML as we do, and for comparison the
same text as plain text, its cheapest form. Ours renders every customer's mail, checks its text,
writes its headers, reads the addresses strictly and looks up in the ledger what each customer was
told before. One row takes a different branch, whose text has to be found.
"""

from __future__ import annotations

import os
from pathlib import Path

from bench.chaos.world import write_list
from bench.light_google import light_google
from bench.measuring import Cost, Table, Tool, measure, medians
from bench.peers.installing import installed
from bench.peers.tools import MAILMERGE

_RECIPIENTS = int(os.environ.get("BENCH_DRY_RUN", "100000"))
_SHORT = 10_000
_RUNS = 3
_TIMES_AS_FAST = 5.0
_FLAT_MIB = 40.0
# Targets for the longest list, checked mail by mail.
_CPU_SECONDS = 60.0
_PEAK_MIB = 200.0

_THEIRS = """\
TO: {{email}}
SUBJECT: Resolved: wrong amounts
FROM: You <you@rehearsal.example>
{content_type}
Hello {{name}},

Something went wrong on our side and affected you. It is over now, and we are sorry.

**What happened:** wrong amounts on invoices of {{name}}.

**When:** it began on 24 Nov 2026, 2:39 PM CET and ended on 24 Nov 2026, 6:39 PM CET.

Questions, or something we should know? Reply to this mail.

Your support team
"""
_OURS = """\
---
subject: Resolved: wrong amounts
---
Hello {{ name }},

Something went wrong on our side and affected you. It is over now, and we are sorry.

**What happened:** wrong amounts on invoices of {{ name }}.

**When:** it began on 24 Nov 2026, 2:39 PM CET and ended on 24 Nov 2026, 6:39 PM CET.

{% if name == "Person 777" %}
Look at db-1.prod.internal for your invoices.

{% endif %}
Questions, or something we should know? Reply to this mail.

Your support team
"""
_THEIR_SERVER = "[smtp_server]\nhost = 127.0.0.1\nport = 9\nusername = you\n"


def run(folder: Path) -> Table:
    """The same list, checked by both; and by ours a shorter one, for the memory."""
    theirs = installed(*MAILMERGE, fetch=True) / "mailmerge"
    listed = write_list(folder / "list.csv", _RECIPIENTS, "invented-customer.com")
    short = write_list(folder / "short.csv", _SHORT, "invented-customer.com")
    template = folder / "ours.md"
    template.write_text(_OURS, encoding="utf-8")
    for name, content_type in (("markdown", "CONTENT-TYPE: text/markdown\n"), ("plain", "")):
        source = _THEIRS.replace("{content_type}\n", content_type + "\n")
        (folder / f"{name}.txt").write_text(source, encoding="utf-8")
    (folder / "server.conf").write_text(_THEIR_SERVER, encoding="utf-8")
    with light_google(0.0) as google:
        tool = Tool(folder / "home", google.url)
        tool("start", "Wrong amounts")
        tool("status", "resolved")
        words = ("--template", str(template), "--stage", "resolved")

        def peer(name: str) -> Cost:
            command = [
                *(str(theirs), "--dry-run", "--no-limit", "--database", str(listed)),
                *("--template", str(folder / f"{name}.txt")),
                *("--config", str(folder / "server.conf")),
            ]
            return measure(command, tool.environment, folder / "their-words.txt")

        ours, less, plain, other = medians(
            [
                lambda: tool("notify", str(listed), *words),
                lambda: tool("notify", str(short), *words),
                lambda: peer("plain"),
                lambda: peer("markdown"),
            ],
            _RUNS,
        )
        tool("notify", str(listed), *words)
        said = (tool.home / "said.txt").read_text(encoding="utf-8")
    found = "(row 778)" in said and "2 wordings" in said
    ratio = other.wall_seconds / ours.wall_seconds
    grown = ours.peak_mib - less.peak_mib
    rows: list[tuple[str, ...]] = [
        (name, f"{cost.wall_seconds:.1f}", f"{cost.cpu_seconds:.1f}", f"{cost.peak_mib:.0f}")
        for name, cost in (
            (f"postmortem notify, {_RECIPIENTS:,} rows", ours),
            (f"postmortem notify, {_SHORT:,} rows", less),
            (f"mailmerge --dry-run, Markdown, {_RECIPIENTS:,} rows", other),
            (f"mailmerge --dry-run, plain text, {_RECIPIENTS:,} rows", plain),
        )
    ]
    return Table(
        f"Dry run, medians of {_RUNS}: {ratio:.1f} times as fast, {grown:+.0f} MiB when long",
        ("command", "wall s", "CPU s", "MiB"),
        rows,
        kept=other.code == plain.code == 0
        and ratio >= _TIMES_AS_FAST
        and grown < _FLAT_MIB
        and ours.cpu_seconds < _CPU_SECONDS
        and ours.peak_mib < _PEAK_MIB
        and found,
        note=f"asked: {_TIMES_AS_FAST:.0f} times as fast as mailmerge, memory flat, under "
        f"{_CPU_SECONDS:.0f} s of CPU and {_PEAK_MIB:.0f} MiB; the one row's words found: {found}",
    )
