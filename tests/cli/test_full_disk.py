"""Full and read-only disks: reading works, and the errors say what was kept.

The disks are real (a small tmpfs) if the tests may mount one.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from unittest import mock

import pytest

from tests.command_line import CustomerList, Postmortem
from tests.conftest import CONFIG
from tests.google_world import GoogleWorld
from workflow.google.client import Docs
from workflow.ledger.databases import storage

FULL = "The disk is full"
NOT_RECORDED = "Your input was not recorded."


class SmallDisk:
    """A disk of a few megabytes that a test can fill, or make read-only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._filler = path / "filler"

    def fill(self) -> None:
        with self._filler.open("wb") as file:
            for size in (1 << 16, 1 << 12, 1):
                try:
                    while True:
                        os.write(file.fileno(), b"\0" * size)
                except OSError:
                    continue

    def empty(self) -> None:
        self._filler.unlink()

    def make_read_only(self) -> None:
        subprocess.run(["mount", "-o", "remount,ro", str(self.path)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", str(path)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this user may not mount a small disk")
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


@pytest.fixture
def postmortem(disk: SmallDisk, google: GoogleWorld) -> Postmortem:
    """A person whose home is on the small disk, with an incident."""
    person = Postmortem(disk.path / "home", {"POSTMORTEM_GOOGLE_URL": google.url})
    person.home.mkdir(mode=0o700)
    person.configure(CONFIG)
    person("start", "Wrong amounts", "--impact", "200 customers")
    person("log", "Seen by support")
    return person


READS = (
    ("show",),
    ("show", "--json"),
    ("list",),
    ("told", "ann@customer.example"),
    ("impact",),
    ("watch", "--once"),
    ("close", "--check"),
)


@pytest.mark.parametrize("state", ["full", "read-only"])
def test_what_was_recorded_is_read_on_a_disk_that_takes_nothing(
    postmortem: Postmortem, disk: SmallDisk, tmp_path: Path, state: str
) -> None:
    if state == "full":
        disk.fill()
    else:
        disk.make_read_only()
    for command in READS:
        postmortem(*command)
    assert "Seen by support" in postmortem("show").out
    postmortem("export", str(tmp_path / "record"))
    assert "Seen by support" in (tmp_path / "record" / "record.json").read_text("utf-8")
    postmortem("report", "--to", str(tmp_path / "report.html"))
    assert "Seen by support" in (tmp_path / "report.html").read_text("utf-8")


@pytest.mark.parametrize(
    "command",
    [
        ("log", "Alerted colleagues"),
        ("status", "identified"),
        ("section", "root-cause", "A stale list"),
        ("start", "Another"),
        ("announce", "Seen"),
        ("close",),
    ],
    ids=lambda command: command[0],
)
def test_a_full_disk_says_so_and_that_the_words_were_not_kept(
    postmortem: Postmortem, disk: SmallDisk, google: GoogleWorld, command: tuple[str, ...]
) -> None:
    if command[0] == "announce":
        postmortem.configure(
            f'{CONFIG}\n[[announce]]\nkind = "mail"\naddress = "team@example.com"\n'
        )
    docs = len(google.documents())
    disk.fill()
    result = postmortem(*command, expect=4)
    assert FULL in result.err
    assert NOT_RECORDED in result.err
    assert len(result.err.strip().splitlines()) <= 2
    assert len(google.documents()) == docs
    disk.empty()
    assert "finishes it" not in postmortem(*command, expect=None).err


def test_a_disk_that_fills_up_in_between_says_that_the_words_are_kept(
    postmortem: Postmortem, disk: SmallDisk, google: GoogleWorld
) -> None:
    doc_id = postmortem.json("show")["doc_id"]
    write = Docs.batch_update

    def fills_the_disk(*arguments: object, **more: object) -> object:
        answer = write(*arguments, **more)  # type: ignore[arg-type]
        disk.fill()
        return answer

    with mock.patch.object(Docs, "batch_update", fills_the_disk):
        result = postmortem("log", "Alerted colleagues", expect=4)
    assert "Your input is recorded. Later: postmortem sync" in result.err
    disk.empty()
    postmortem("sync")
    assert google.text(doc_id).count("Alerted colleagues") == 1
    assert postmortem.json("show")["pending_sync"] == 0


def test_a_send_on_a_disk_that_fills_up_is_finished_later_and_nobody_gets_two(
    postmortem: Postmortem,
    disk: SmallDisk,
    google: GoogleWorld,
    customers: Callable[[int], CustomerList],
) -> None:
    listed = customers(12)
    google.misbehave("slow", "gmail.users.drafts.send", seconds=0.2)
    process = postmortem.start_process(
        "notify", str(listed), "--stage", "investigating", "--send", "--confirm", "12"
    )
    while not google.sent():
        assert process.poll() is None
    disk.fill()
    _, err = process.communicate(timeout=60)
    assert process.returncode in {4, 6}, err
    assert "defect" not in err
    google.behave()
    disk.empty()
    postmortem("resume", expect=None)
    postmortem("resume", expect=None)
    assert set(google.copies_per_recipient().values()) == {1}


def test_what_is_only_in_the_journal_is_read_too(postmortem: Postmortem, disk: SmallDisk) -> None:
    """A process that was killed leaves commits in SQLite's journal, not yet in the file."""
    path, journal = postmortem.home / "ledger.sqlite3", postmortem.home / "ledger.sqlite3-wal"
    with closing(sqlite3.connect(path)) as ledger:
        ledger.execute("PRAGMA wal_autocheckpoint = 0")
        ledger.execute("UPDATE entries SET text = 'Only in the journal'")
        ledger.commit()
        left = {each: each.read_bytes() for each in (path, journal)}
    assert left[journal]
    for each, content in left.items():
        each.write_bytes(content)
    disk.make_read_only()
    assert "Only in the journal" in postmortem("show").out


def test_a_write_that_finds_no_room_is_said_to_be_so_wherever_it_is(
    google: GoogleWorld, tmp_path: Path
) -> None:
    """The same without a separate disk: SQLite gets no more pages."""
    person = Postmortem(tmp_path / "home", {"POSTMORTEM_GOOGLE_URL": google.url})
    person("start", "Wrong amounts")
    prepare = storage._prepare

    def no_more_pages(connection: sqlite3.Connection, record: object) -> None:
        prepare(connection, record)
        connection.execute("PRAGMA max_page_count = 1")

    with mock.patch.object(storage, "_prepare", no_more_pages):
        result = person("log", "x" * 100_000, expect=4)
    assert FULL in result.err
    assert NOT_RECORDED in result.err
    assert [each["text"] for each in person.json("show")["timeline"]] == []
