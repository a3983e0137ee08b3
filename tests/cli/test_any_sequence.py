"""Any sequence of commands with any text: the doc reads back as it was written."""

from __future__ import annotations

import csv
import io
import tempfile
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.command_line import Postmortem
from tests.conftest import CONFIG
from tests.google_world import GoogleWorld
from workflow.document.requests import clean_text
from workflow.document.typed import blocks_from_typed

START = datetime.fromisoformat("2026-11-23T08:00:00+01:00")

# Text that a person can type or paste, with marks of every language on the text's way.
PIECES = st.one_of(
    st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20),
    st.sampled_from(
        [
            "{{ name }}",
            "{% if %}",
            "**x**",
            "# y",
            "- z",
            "<b>&amp;",
            "[a](b)",
            "\r\n",
            "\t",
            "\x0b",
            "🧯👩\u200d🚒",
            "ẹ́",
            "مرحبا",
            "\u202e",
            "\u200d",
            "\ue907",
            "\ufeff",
            "|",
            "`",
        ]
    ),
)
TEXTS = st.lists(PIECES, min_size=1, max_size=4).map("".join).filter(lambda text: text.strip())
MINUTES = st.integers(0, 600)
NAMES = st.sampled_from(["summary", "root_cause", "solution", "learned"])
STATES = st.sampled_from(["investigating", "identified", "monitoring", "resolved"])
COMMANDS = st.one_of(
    st.tuples(st.just("log"), TEXTS, MINUTES),
    st.tuples(st.just("status"), STATES, TEXTS),
    st.tuples(st.just("section"), NAMES, TEXTS),
    st.tuples(st.just("notify"), TEXTS, st.integers(0, 3)),
)


@dataclass
class Said:
    """The text logged so far, as the doc should show it."""

    entries: list[tuple[datetime, str]] = field(default_factory=list)
    sections: list[tuple[str, str]] = field(default_factory=list)
    notified: dict[str, int] = field(default_factory=dict)


@pytest.mark.parametrize("edges", ["outside", "inside"])
def test_nothing_is_lost_doubled_or_out_of_order(
    google: GoogleWorld, tmp_path: Path, edges: str
) -> None:
    google.set(boundary_inserts=edges)

    @settings(
        max_examples=12,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(title=TEXTS, commands=st.lists(COMMANDS, min_size=1, max_size=6))
    def run(title: str, commands: list[tuple[str, str, str | int]]) -> None:
        with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
            person = Postmortem(Path(folder), {"POSTMORTEM_GOOGLE_URL": google.url})
            person.configure(CONFIG)
            _check(google, person, title, commands)

    run()


def _check(
    google: GoogleWorld,
    person: Postmortem,
    title: str,
    commands: list[tuple[str, str, str | int]],
) -> None:
    title = f"T {title}"
    started = person.json("start", title, "--at", START.isoformat())
    said = Said()
    for name, first, second in commands:
        _run(person, said, name, str(first), second)
    timeline = [entry["text"] for entry in person.json("show")["timeline"]]
    text = google.text(started["doc_id"])
    lines = [line.lstrip("> ") for line in text.split("\n")]

    assert _flat(" ".join(title.split())) in _flat(text)
    logged = [words for _, words in sorted(said.entries, key=lambda each: each[0])]
    assert [each for each in timeline if each in logged] == logged
    _assert_in_order(_flat(text), [part for each in timeline for part in _parts(each)])
    for _, written in said.sections:
        for part in _parts(written):
            # A quoted mail's marks are not text of ours; a mark that a person typed is text.
            shown = f"{_flat(' '.join(lines))} {_flat(text)}"
            assert part in shown, part
    own = {each: n for each, n in google.copies_per_recipient().items() if each in said.notified}
    assert own == said.notified


def _run(person: Postmortem, said: Said, name: str, first: str, second: str | int) -> None:
    if name == "log":
        at = START + timedelta(minutes=int(second))
        if person("log", "--at", at.isoformat(), "--", f"L{len(said.entries)} {first}").code == 0:
            said.entries.append((at, f"L{len(said.entries)} {first}".rstrip("\n")))
    elif name == "status":
        person("status", first, "--", f"note {second}")
    elif name == "section":
        person("section", first, "--", f"S{len(said.sections)} {second}")
        said.sections.append((first, f"S{len(said.sections)} {second}"))
    else:
        _notify(person, said, first, int(second))


def _notify(person: Postmortem, said: Said, name: str, count: int) -> None:
    batch = uuid.uuid4().hex
    addresses = [f"c{number}@{batch}.example" for number in range(count)]
    sheet = io.StringIO()
    csv.writer(sheet).writerows([["email", "name"], *([each, name] for each in addresses)])
    path = person.home / "list.csv"
    path.write_text(sheet.getvalue(), encoding="utf-8", newline="")
    words = ["--set", f"what_happened=W{len(said.notified)}", "--send", "--confirm", str(count)]
    person("notify", str(path), *words, expect=0 if count else 3)
    said.notified |= dict.fromkeys(addresses, 1)


def _parts(typed: str) -> list[str]:
    """The paragraphs and cells in the doc for a text that a person typed.

    The program's own text about a notice is not Markdown, even if its subject looks like it.
    """
    if typed.startswith("Emailed "):
        return [_flat(typed)]
    return [
        _flat("".join(span.text for span in spans))
        for block in blocks_from_typed(typed)
        for spans in (block.spans, *(cell for row in block.rows for cell in row))
    ]


def _flat(text: str) -> str:
    """A text in the doc, with line ends and runs of spaces as one space."""
    return " ".join(clean_text(text).replace("\v", " ").replace("\ue907", "\ufffd").split())


def _assert_in_order(text: str, parts: list[str]) -> None:
    at = text.index("Timeline")
    for part in parts:
        found = text.find(part, at)
        assert found >= 0, f"{part!r} is missing or out of order"
        at = found + len(part)
