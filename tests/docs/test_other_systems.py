"""Checks for macOS and Windows that work here: calls they lack, file names they refuse."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.command_line import Postmortem
from tests.google_world import GoogleWorld

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
POSIX_MODULES = {"fcntl", "pwd", "grp", "resource", "termios", "tty", "pty", "posix", "syslog"}
GUARDS = ("sys.platform", "os.name", "hasattr(os,", "_CAN_FORK")


def uses(tree: ast.Module) -> Iterator[tuple[str, ast.stmt]]:
    """Each use of a call or name that some systems lack, with its outermost statement."""
    for statement in tree.body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Import) and node.names[0].name in POSIX_MODULES:
                yield node.names[0].name, statement
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
