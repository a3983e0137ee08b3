"""Checks for macOS and Windows that work here: calls they lack, file names they refuse."""

from __future__ import annotations

import ast
import errno
import io
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import platformdirs
import platformdirs.macos
import platformdirs.windows
import pytest
from platformdirs.api import PlatformDirsABC

from tests.command_line import CustomerList, Postmortem
from tests.consent import Person
from tests.google_world import GoogleWorld
from workflow import errors
from workflow.config import load_settings

ROOT = Path(__file__).parents[2]
PROGRAM = sorted(
    path for name in ("workflow", "google_rehearsal") for path in (ROOT / name).rglob("*.py")
)
# Names that Python has only on POSIX (docs.python.org, "Availability: Unix").
POSIX_ALONE = {
    "os": {
        *("fork", "forkpty", "getuid", "geteuid", "getgid", "getegid", "setuid", "setsid"),
        *("killpg", "chown", "fchown", "lchown", "mkfifo", "statvfs", "getpgid", "setpgid"),
        *("wait", "wait3", "wait4", "waitid", "WNOHANG", "nice", "getloadavg", "uname", "sysconf"),
        *("O_NOFOLLOW", "O_DIRECTORY", "O_CLOEXEC", "O_NONBLOCK", "register_at_fork", "openpty"),
    },
    "time": {"tzset", "clock_gettime", "pthread_getcpuclockid"},
    "signal": {"SIGKILL", "SIGHUP", "SIGALRM", "SIGQUIT", "SIGUSR1", "SIGPIPE", "SIGCHLD"},
    "socket": {"AF_UNIX", "AF_NETLINK", "SO_REUSEPORT"},
}
POSIX_PATHS = ("/dev/", "/etc/", "/tmp/")
# Arguments of `subprocess` that Windows takes no notice of, or refuses.
POSIX_ARGUMENTS = {"start_new_session", "preexec_fn", "pass_fds", "process_group", "umask"}
POSIX_MODULES = {"fcntl", "pwd", "grp", "resource", "termios", "tty", "pty", "posix", "syslog"}
GUARDS = ("sys.platform", "os.name", "hasattr(os,", "_CAN_FORK")


def uses(tree: ast.Module) -> Iterator[tuple[str, ast.stmt]]:
    """Each use of a call or name that some systems lack, with its outermost statement."""
    for statement in tree.body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Import) and node.names[0].name in POSIX_MODULES:
                yield node.names[0].name, statement
            elif isinstance(node, ast.keyword | ast.Constant):
                name = str(node.arg if isinstance(node, ast.keyword) else node.value)
                if name in POSIX_ARGUMENTS or name.startswith(POSIX_PATHS):
                    yield f"={name}", statement
            elif (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.attr in POSIX_ALONE.get(node.value.id, ())
            ):
                yield f"{node.value.id}.{node.attr}", statement


def innermost_function(statement: ast.stmt, name: str) -> ast.AST:
    """The innermost function around a use within a statement, else the statement."""
    attribute = name.rpartition(".")[2]
    for node in ast.walk(statement):
        if isinstance(node, ast.FunctionDef) and any(
            getattr(inner, "attr", "") == attribute for inner in ast.walk(node)
        ):
            return node
    return statement


def test_what_only_posix_has_is_asked_for_first() -> None:
    found, unguarded = 0, []
    for path in PROGRAM:
        source = path.read_text(encoding="utf-8")
        for name, statement in uses(ast.parse(source)):
            found += 1
            text = ast.get_source_segment(source, innermost_function(statement, name)) or ""
            if not any(guard in text for guard in GUARDS):
                unguarded.append(f"{path.relative_to(ROOT)}: {name}")
    assert unguarded == []
    assert found > 5


# Names that Windows reserves for devices (learn.microsoft.com, "Naming Files, Paths, and
# Namespaces").
DEVICES = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)
ODD_ADDRESSES = ("con@aux.example", "nul@x.example", "a+b!#$%&'*=?^`{|}~c@x.example")


def test_every_file_of_an_export_has_a_name_that_windows_takes(
    postmortem: Postmortem, google: GoogleWorld, tmp_path: Path
) -> None:
    listed = tmp_path / "l.csv"
    listed.write_bytes(
        b"email,name\r\n" + "".join(f"{each},Ann\r\n" for each in ODD_ADDRESSES).encode()
    )
    postmortem("start", 'Wrong: "amounts" <a|b> con.')
    postmortem("notify", str(listed), "--send", "--confirm", "3")
    record = tmp_path / "record"
    postmortem("export", str(record))
    told = tmp_path / "told"
    postmortem("told", "nul@x.example", "--mails", str(told))
    names = [path.name for folder in (record, told) for path in folder.rglob("*")]
    assert sum(name.endswith(".eml") for name in names) == 4
    for name in names:
        assert not re.search(r'[<>:"/\\|?*\x00-\x1f]', name), name
        assert not DEVICES.fullmatch(name), name
        assert name[-1] not in ". ", name


def test_a_console_of_one_byte_shows_what_it_can_and_stops_nothing(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    postmortem("start", "Wrong amounts – 名前 🧯")
    process = subprocess.run(
        [sys.executable, "-m", "workflow", "show"],
        env={
            **os.environ,
            **postmortem.environment,
            "POSTMORTEM_HOME": str(postmortem.home),
            "PYTHONIOENCODING": "cp1252",
            "PYTHONUTF8": "0",
        },
        capture_output=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    assert "Wrong amounts – ?? ?" in process.stdout.decode("cp1252")


@pytest.mark.parametrize(
    ("piped", "shown"),
    [
        ("Müller – 5 €".encode("cp1252"), "Müller – 5 €"),
        ("Müller – 名前".encode(), "Müller – 名前"),
        ("Müller – 名前".encode("utf-16"), "Müller – 名前"),
        (b"\xef\xbb\xbf" + "Müller".encode(), "Müller"),
        ("Müller, Łukasz, 名".encode()[:-1], "Müller, Łukasz, \ufffd"),  # cut off in a letter
        ("it was \ufffd".encode(), "it was \ufffd"),
        (b"\x81\x8d \xff", "\ufffd\ufffd \ufffd"),
    ],
)
def test_what_is_piped_in_is_read_in_the_encoding_that_it_has(
    postmortem: Postmortem, google: GoogleWorld, piped: bytes, shown: str
) -> None:
    doc_id = postmortem.json("start", "Wrong amounts")["doc_id"]
    postmortem("log", "-", typed=piped)
    assert shown in google.text(doc_id)


# Folders and paths of Windows and macOS


@pytest.mark.parametrize(
    ("system", "folder"),
    [
        (platformdirs.windows.Windows, r"C:\Users\ann\AppData\Local\postmortem"),
        (platformdirs.macos.MacOS, "/Users/ann/Library/Application Support/postmortem"),
    ],
)
def test_the_ledger_lies_where_the_system_keeps_a_programs_data(
    monkeypatch: pytest.MonkeyPatch, system: type[PlatformDirsABC], folder: str
) -> None:
    monkeypatch.setenv("LOCALAPPDATA", r"C:\Users\ann\AppData\Local")
    monkeypatch.setenv("HOME", "/Users/ann")
    # Without the calls of Windows itself, platformdirs reads the environment, as it does there.
    monkeypatch.setattr(
        platformdirs.windows, "get_win_folder", platformdirs.windows.get_win_folder_from_env_vars
    )
    monkeypatch.setattr(platformdirs, "PlatformDirs", system)
    settings = load_settings({})
    separator = "\\" if "\\" in folder else "/"
    parts = (str(settings.home), str(settings.config_path), settings.database_url)
    home, config, ledger = (each.replace("/", separator) for each in parts)
    assert home == folder
    assert config == f"{folder}{separator}config.toml"
    assert ledger.endswith(f"{folder}{separator}ledger.sqlite3")


def test_a_backslash_path_in_the_config_is_taken_as_it_is_or_refused_with_the_right_quotes(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    path = r"C:\Users\ann\team templates"
    postmortem.configure(f"templates = '{path}'\n")
    assert path in postmortem("doctor", expect=4).out
    postmortem.configure(f'templates = "{path}"\n')
    said = postmortem("show", expect=4).err
    assert "Invalid hex value (at line 1" in said
    assert r"Put a path with backslashes in single quotes, such as 'C:\Users" in said
    for tab in (r"C:\temp", r"C:\new"):  # TOML reads an escape here
        postmortem.configure(f'[smtp]\npassword_file = "{tab}"\nuser = "a"\n')
        assert "Put a path with backslashes in single quotes" in postmortem("show", expect=4).err


def test_init_writes_a_backslash_path_that_is_read_back(
    postmortem: Postmortem, google: GoogleWorld, tmp_path: Path
) -> None:
    folder = tmp_path / r"team\templates"
    postmortem("init", "--templates", str(folder), typed="\n" * 12)
    assert (folder / "postmortem.md").is_file()
    settings = load_settings({"POSTMORTEM_HOME": str(postmortem.home)})
    assert settings.config.templates == str(folder)


def test_a_backslash_path_of_an_attachment_is_named_whole_and_sent_as_its_last_part(
    postmortem: Postmortem, google: GoogleWorld, customers: Callable[[int], CustomerList]
) -> None:
    postmortem("start", "Wrong amounts")
    missing = r"C:\Users\ann\report.pdf"
    said = postmortem("notify", str(customers(1)), "--attach", missing, expect=3).err
    assert f"--attach {missing} can't be read: No such file or directory." in said
    assert f"{missing} can't be read" in postmortem("attach", missing, expect=3).err


# Files that another program has open

IN_USE = "The process cannot access the file because it is being used by another process"


@contextmanager
def open_in_excel(*paths: Path) -> Iterator[None]:
    """Windows, while another program has these files open: they can't be read, replaced, deleted.

    The system's calls are refused below everything of this program, as Windows refuses them.
    """
    held = {path.absolute() for path in paths}

    def refusing(call: Callable[..., Any]) -> Callable[..., Any]:
        def refuse(*arguments: Any, **more: Any) -> Any:
            for each in arguments[:2]:
                if isinstance(each, str | os.PathLike) and Path(each).absolute() in held:
                    raise PermissionError(errno.EACCES, IN_USE, str(each))
            return call(*arguments, **more)

        return refuse

    with ExitStack() as stack:
        for module, names in ((io, ("open",)), (os, ("open", "replace", "rename", "unlink"))):
            for name in names:
                call = refusing(getattr(module, name))
                stack.enter_context(mock.patch.object(module, name, call))
        stack.enter_context(mock.patch.object(errors, "_FILES_ARE_LOCKED", new=True))
        yield


CLOSE_IT = f"{IN_USE}. If another program has it open, close it there and try again."


def test_a_file_that_is_open_elsewhere_is_a_sentence_and_stays_as_it_was(
    postmortem: Postmortem,
    google: GoogleWorld,
    customers: Callable[[int], CustomerList],
    tmp_path: Path,
) -> None:
    listed = customers(1)
    postmortem("start", "Wrong amounts")
    postmortem("notify", str(listed), "--send", "--confirm", "1")
    record = tmp_path / "record"
    postmortem("export", str(record))
    report = tmp_path / "report.html"
    postmortem("report", "--to", str(report))
    held = record / "not-told.csv"
    for path, command in (
        (Path(str(listed)), ("notify", str(listed), "--stage", "resolved")),
        (report, ("notify", str(listed), "--attach", str(report))),
        (report, ("attach", str(report))),
        (report, ("report", "--to", str(report))),
        (held, ("export", str(record))),
    ):
        before = path.read_bytes()
        with open_in_excel(path):
            said = postmortem(*command, expect=3).err
        assert f"{path} can't be" in said
        assert CLOSE_IT in said
        assert path.read_bytes() == before
        assert not list(path.parent.glob(".*.part"))


def test_a_config_or_a_sign_in_that_is_open_elsewhere_is_a_sentence(
    postmortem: Postmortem, google: GoogleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = postmortem.home / "config.toml"
    with open_in_excel(config):
        for command in ("show", "init"):
            said = postmortem(command, expect=4, typed="\n" * 12).err
            assert f"{config} can't be read: {CLOSE_IT}" in said
    monkeypatch.setattr("webbrowser.open", Person().open)
    postmortem("auth", "login", DISPLAY=":0")
    token = postmortem.home / "stand-in-token.json"
    before = token.read_bytes()
    with open_in_excel(token):
        assert CLOSE_IT in postmortem("auth", "logout", expect=4).err
    assert token.read_bytes() == before
    with mock.patch.object(Path, "replace", side_effect=in_use_by_another(token)):
        said = postmortem("auth", "login", expect=4, DISPLAY=":0").err
    assert f"{token} can't be used" in said
    assert token.read_bytes() == before
    assert not list(token.parent.glob(f".{token.name}*"))


def in_use_by_another(path: Path) -> PermissionError:
    return PermissionError(errno.EACCES, IN_USE, str(path.with_name("new")), None, str(path))
