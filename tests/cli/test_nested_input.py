"""A file or a paste that is nested without end, as anybody can send one, is no defect."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from google_rehearsal.wire.faults import FaultError, read_fault
from tests.command_line import Postmortem
from workflow import files
from workflow.config import ConfigBad
from workflow.console.setup import changed
from workflow.google.endpoint import is_in_keyring
from workflow.setup.init import present_settings

LISTS = "[" * 100_000
OBJECTS = '{"a":' * 100_000


@pytest.mark.parametrize(
    "paste",
    [LISTS, OBJECTS, '{"ts": "2026-11-30T08:00:00Z", "x": ' + "[" * 5000 + "]" * 5000 + "}"],
)
def test_a_nested_paste_is_text(postmortem: Postmortem, paste: str) -> None:
    postmortem("start", "Checkout is down")
    result = postmortem("log", "-", "--yes", typed=paste, expect=None)
    assert result.code in {0, 3}
    assert "defect" not in result.err


@pytest.mark.parametrize(
    "paste",
    [
        "x" * 200_000,
        '{"message": "' + "x," * 100_000 + '"}',
        'time,text\n9:00,"' + "x" * 200_000,
        "time,text\n9:00,a\rb\n9:01,c\n",
    ],
)
def test_a_paste_with_a_cell_that_no_list_has_is_text(postmortem: Postmortem, paste: str) -> None:
    postmortem("start", "Checkout is down", "--at", "2026-11-23 08:00")
    result = postmortem("log", "-", "--yes", typed=paste, expect=None)
    assert result.code in {0, 3}
    assert "defect" not in result.err


@pytest.mark.parametrize("content", [LISTS, OBJECTS])
@pytest.mark.parametrize(
    "command",
    [
        ("approve", "{file}"),
        ("notify", "--send", "--plan", "{file}"),
        ("rehearse", "{file}"),
        ("join", "https://docs.google.com/document/d/1abc/edit", "--with", "{file}"),
    ],
)
def test_a_nested_file_of_somebody_elses_is_refused_in_words(
    postmortem: Postmortem, tmp_path: Path, content: str, command: tuple[str, ...]
) -> None:
    postmortem("start", "Checkout is down")
    file = tmp_path / "theirs.toml"
    file.write_text(f"x = {content}", encoding="utf-8")
    if command[0] != "rehearse":
        file = tmp_path / "theirs.json"
        file.write_text(content, encoding="utf-8")
    words = [each.format(file=file) for each in command]
    assert "theirs" in postmortem(*words, expect=3, POSTMORTEM_PASSPHRASE="for the test").err


def test_a_nested_record_is_not_another_incidents(postmortem: Postmortem, tmp_path: Path) -> None:
    postmortem("start", "Checkout is down")
    (tmp_path / "record").mkdir()
    (tmp_path / "record" / "record.json").write_text(LISTS, encoding="utf-8")
    postmortem("export", str(tmp_path / "record"))


@pytest.mark.parametrize("name", ["config.toml", "credentials.json", "token.json"])
def test_a_nested_file_of_the_home_is_said_to_be_unreadable(
    postmortem: Postmortem, name: str
) -> None:
    postmortem.home.mkdir(mode=0o700, exist_ok=True)
    file = postmortem.home / name
    file.write_text(f"x = {LISTS}" if name == "config.toml" else LISTS, encoding="utf-8")
    file.chmod(0o600)
    command = ("auth", "login") if name == "credentials.json" else ("auth", "status")
    said = postmortem(*command, expect=4, POSTMORTEM_PROFILE="google", POSTMORTEM_GOOGLE_URL="").err
    assert name in said


def test_a_nested_file_of_a_handover_is_damaged(tmp_path: Path) -> None:
    head = b"postmortem handover 1\n" + LISTS.encode() + b"\n"
    checksum = b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
    with pytest.raises(files.SealBroken, match="is damaged"):
        files.schema_of(head + checksum)


@pytest.mark.parametrize("read", [present_settings, lambda path: changed(path.read_text(), {})])
def test_a_nested_config_is_not_changed(tmp_path: Path, read: Callable[[Path], object]) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f"x = {LISTS}", encoding="utf-8")
    with pytest.raises(ConfigBad):
        read(path)
    assert not is_in_keyring(path)


def test_a_fault_of_a_nested_kind_is_refused() -> None:
    with pytest.raises(FaultError, match="kind is one of"):
        read_fault({"match": {"method": "docs.*"}, "kind": [[]]})
