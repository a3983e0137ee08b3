"""A damaged or busy ledger: a plain sentence, nothing lost or damaged, files kept private."""

from __future__ import annotations

import os
import resource
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from unittest import mock

import pytest

from tests.command_line import CustomerList, Postmortem
from tests.google_world import GoogleWorld
from tests.plug import ROOT, dies_at
from workflow.ledger.databases import storage

Customers = Callable[[int], CustomerList]


@pytest.fixture
def ledger_url() -> str:
    """A file, whatever other tests run on: these tests are about files."""
    return ""


@pytest.fixture
def ledger_file(postmortem: Postmortem) -> Path:
    """The ledger of a new incident, with nothing in memory or in the WAL."""
    postmortem("start", "Wrong amounts")
    postmortem("log", "Seen")
    path = postmortem.home / "ledger.sqlite3"
    with closing(sqlite3.connect(path)) as ledger:
        ledger.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def run(
    postmortem: Postmortem, *arguments: str, prepare: Callable[[], None]
) -> subprocess.CompletedProcess[str]:
    """A real process with limits of its own."""
    return subprocess.run(
        [sys.executable, "-m", "workflow", *arguments],
        cwd=ROOT,
        env=postmortem._environment({"PYTHONDONTWRITEBYTECODE": "1"}),
        preexec_fn=prepare,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def entries(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as ledger:
        return [text for (text,) in ledger.execute("SELECT text FROM entries ORDER BY seq")]


# Several connections


def test_a_ledger_opened_twice_keeps_its_wal_from_another_process(ledger_file: Path) -> None:
    """Threads of the console open it for each page, while commands run beside it."""
    url = storage.url_of(ledger_file)
    ledger = storage.open_ledger(url)
    with ledger.read() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM entries").all()
    wal = ledger_file.with_name(ledger_file.name + "-wal")
    before = wal.stat().st_ino
    storage.open_ledger(url)
    look = (
        "import sqlite3, sys; ledger = sqlite3.connect(sys.argv[1]);"
        " ledger.execute('SELECT count(*) FROM entries').fetchall(); ledger.close()"
    )
    subprocess.run([sys.executable, "-c", look, str(ledger_file)], check=True, timeout=60)
    assert wal.is_file()
    assert wal.stat().st_ino == before


# Rights


def test_only_its_owner_may_read_the_ledger(tmp_path: Path, google: GoogleWorld) -> None:
    home = tmp_path / "new" / "home"
    with mock.patch.dict(os.environ):
        before = os.umask(0)
        try:
            Postmortem(home, {"POSTMORTEM_GOOGLE_URL": google.url})("start", "Wrong amounts")
        finally:
            os.umask(before)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.glob("ledger*")}
    assert modes["ledger.sqlite3"] == 0o600
    assert set(modes.values()) == {0o600}


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_read_only_ledger_is_said_to_be(postmortem: Postmortem, ledger_file: Path) -> None:
    ledger_file.chmod(0o400)
    result = postmortem("log", "More", expect=4)
    assert "can't be opened" in result.err
    ledger_file.chmod(0o600)
    assert entries(ledger_file) == ["Seen"]


def test_a_ledger_on_a_read_only_disk_is_said_to_be(
    postmortem: Postmortem, ledger_file: Path
) -> None:
    prepare = storage._prepare

    def read_only(connection: sqlite3.Connection, record: object) -> None:
        prepare(connection, record)
        connection.execute("PRAGMA query_only=ON")

    with mock.patch.object(storage, "_prepare", read_only):
        result = postmortem("log", "More", expect=4)
    assert "is read-only. Check the file's rights." in result.err
    assert entries(ledger_file) == ["Seen"]


def test_a_home_that_can_not_be_made_is_said_to_be(tmp_path: Path, google: GoogleWorld) -> None:
    (tmp_path / "file").write_text("not a folder")
    person = Postmortem(tmp_path / "file" / "home", {"POSTMORTEM_GOOGLE_URL": google.url})
    result = person("start", "Wrong amounts", expect=4)
    assert "can't be" in result.err
    assert len(result.err.strip().splitlines()) <= 2


# What is in the file


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"email,name\nann@customer.example,Ann\n" * 100, "is not a ledger"),
        (b"SQLite format 3\0" + bytes(range(256)) * 40, "not a ledger|damaged"),
    ],
    ids=["a list", "garbage"],
)
def test_a_file_that_is_no_ledger_is_left_as_it_is(
    postmortem: Postmortem, content: bytes, words: str
) -> None:
    path = postmortem.home / "ledger.sqlite3"
    path.write_bytes(content)
    result = postmortem("start", "Wrong amounts", expect=4)
    assert any(each in result.err for each in words.split("|")), result.err
    assert "Traceback" not in result.err
    assert path.read_bytes() == content


def test_a_newer_ledger_is_refused_by_every_command_and_not_touched(
    postmortem: Postmortem, ledger_file: Path
) -> None:
    with closing(sqlite3.connect(ledger_file)) as ledger, ledger:
        ledger.execute("UPDATE alembic_version SET version_num = '0099'")
        ledger.commit()
        ledger.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = ledger_file.read_bytes()
    for words in (["show"], ["log", "x"], ["sync"], ["resume"], ["list"], ["start", "y"]):
        assert "a newer postmortem" in postmortem(*words, expect=4).err
    with closing(sqlite3.connect(ledger_file)) as ledger:
        ledger.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert ledger_file.read_bytes() == before


# Locks, and a full disk


def test_a_ledger_that_stays_locked_is_said_to_be_and_nothing_is_half_done(
    postmortem: Postmortem, google: GoogleWorld, ledger_file: Path
) -> None:
    google.forget_calls()
    with (
        closing(sqlite3.connect(ledger_file, isolation_level=None)) as other,
        mock.patch.object(storage, "_BUSY_SECONDS", 0.3),
    ):
        other.execute("BEGIN IMMEDIATE")
        result = postmortem("log", "More", expect=4)
        assert "is locked by another program. Try again in a moment." in result.err
        assert postmortem.json("show")["title"] == "Wrong amounts"  # reading still works
        other.execute("ROLLBACK")
    assert google.calls() == {}
    postmortem("log", "More")
    assert entries(ledger_file) == ["Seen", "More"]


def test_on_a_full_disk_nothing_is_called_that_could_not_be_written_down(
    postmortem: Postmortem, google: GoogleWorld, ledger_file: Path
) -> None:
    google.forget_calls()
    size = ledger_file.stat().st_size

    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))

    result = run(postmortem, "log", "More", prepare=full)
    assert result.returncode == 4, result.stderr
    assert "Make room" in result.stderr or "Check the disk" in result.stderr, result.stderr
    assert "Traceback" not in result.stderr
    assert google.calls() == {}
    assert entries(ledger_file) == ["Seen"]
    assert ledger_file.stat().st_size == size
    postmortem("log", "More")
    assert entries(ledger_file) == ["Seen", "More"]


def test_a_disk_that_fills_up_while_mails_leave_doubles_none_of_them(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, ledger_file: Path
) -> None:
    # So many that their writes take more space than the tables themselves.
    listed = customers(80)
    words = ("notify", str(listed), "--send", "--confirm", "80")
    google.misbehave("token_expired", "gmail.users.drafts.send", skip=2)
    postmortem(*words, expect=4)
    google.behave()
    with closing(sqlite3.connect(ledger_file)) as ledger:
        ledger.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    room = ledger_file.stat().st_size + 60_000

    def filling_up() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    stopped = run(postmortem, "resume", prepare=filling_up)
    assert stopped.returncode == 4, stopped.stderr
    assert "can't be written" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert 2 < sum(google.copies_per_recipient().values()) < 80
    postmortem.configure("[sending]\nunits_per_minute = 1000000\ntimeout_seconds = 1")
    postmortem("resume")
    assert google.copies_per_recipient() == dict.fromkeys(listed.addresses, 1)


# Committed data stays


def test_what_a_command_wrote_is_there_after_it_was_killed(
    postmortem: Postmortem, google: GoogleWorld, ledger_file: Path
) -> None:
    dies_at(3, postmortem, "log", "Said before the power went")
    assert [each["text"] for each in postmortem.json("show")["timeline"]] == [
        "Seen",
        "Said before the power went",
    ]
    postmortem("sync")
    (doc,) = google.documents()
    assert google.text(doc["id"]).count("Said before the power went") == 1


def test_every_commit_is_on_the_disk_before_the_next_call(ledger_file: Path) -> None:
    ledger = storage.open_ledger(storage.sqlite_url(ledger_file))
    with ledger.read() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    ledger.close()
