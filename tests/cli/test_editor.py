"""`section` in a person's own editor: the written text is never lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.both_ledgers import in_a_file
from tests.command_line import Postmortem, Result
from tests.google_world import GoogleWorld
from tests.terminal import at_a_terminal


@pytest.fixture
def doc_id(postmortem: Postmortem) -> str:
    return str(postmortem.json("start", "Wrong amounts")["doc_id"])


def section(postmortem: Postmortem, tmp_path: Path, script: str, **settings: str) -> Result:
    """Write a section in an editor that is a script; `$1` is the file."""
    editor = tmp_path / "editor"
    editor.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    editor.chmod(0o700)
    settings.setdefault("VISUAL", str(editor))
    return at_a_terminal(postmortem, "section", "root-cause", **settings)


def kept(postmortem: Postmortem) -> list[Path]:
    return list(postmortem.home.glob("**/unfinished/*"))


WRITE = """{ echo 'A stale price list'; cat "$1"; } > "$1.new"
cat "$1.new" > "$1" && rm "$1.new\""""


def test_what_is_written_goes_into_the_doc_and_its_file_goes(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, tmp_path: Path
) -> None:
    assert section(postmortem, tmp_path, WRITE).code == 0
    assert "A stale price list" in google.text(doc_id)
    assert kept(postmortem) == []


def test_when_the_editor_fails_the_text_is_kept_and_can_be_taken_from_there(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, tmp_path: Path
) -> None:
    result = section(postmortem, tmp_path, f"{WRITE}\nexit 1")
    assert result.code == 3
    assert "The editor ended with 1. Nothing was recorded." in result.err
    (path,) = kept(postmortem)
    assert f"Your text is saved in {path}" in result.err
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert "A stale price list" not in google.text(doc_id)
    assert path.read_text(encoding="utf-8").startswith("A stale price list\n")


@in_a_file
def test_when_the_ledger_can_not_be_used_the_text_is_kept(
    postmortem: Postmortem, doc_id: str, tmp_path: Path
) -> None:
    ledger = postmortem.home / "ledger.sqlite3"
    broken = f'{WRITE}\nrm -f "{ledger}-wal" "{ledger}-shm"\nprintf "no ledger" > "{ledger}"'
    result = section(postmortem, tmp_path, broken)
    assert result.code == 4
    assert "Your text is saved in" in result.err
    assert len(kept(postmortem)) == 1


def test_nothing_written_leaves_no_file(
    postmortem: Postmortem, doc_id: str, tmp_path: Path
) -> None:
    assert section(postmortem, tmp_path, "exit 1").code == 3
    assert section(postmortem, tmp_path, "true").code == 3
    missing = section(postmortem, tmp_path, "", VISUAL="no-such-editor")
    assert missing.code == 3
    assert "The editor 'no-such-editor' could not be started" in missing.err
    assert "Set VISUAL or EDITOR" in missing.err
    assert "could not be started" in section(postmortem, tmp_path, "", VISUAL="vi 'x").err
    assert kept(postmortem) == []


def test_no_shell_reads_the_editor_or_the_name_of_the_home(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, tmp_path: Path
) -> None:
    odd = tmp_path / 'home "$(touch ran)" ; touch ran'
    postmortem.home.rename(odd)
    person = Postmortem(odd, postmortem.environment)
    editor = tmp_path / "editor"
    editor.write_text(f"#!/bin/sh\nshift\n{WRITE}\n", encoding="utf-8")
    editor.chmod(0o700)
    done = at_a_terminal(
        person, "section", "root-cause", VISUAL=f"{editor} '--title=$(touch ran) ; touch ran'"
    )
    assert done.code == 0, done.err
    assert "A stale price list" in google.text(doc_id)
    assert not list(tmp_path.rglob("ran"))
    assert not Path("ran").exists()
