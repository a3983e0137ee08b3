"""The server's life: started once, found by proof, outlives its starter, ends when idle."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import requests

from google_rehearsal.lifecycle import (
    RehearsalUnavailable,
    ensure_running,
    find_running,
    serve_in_thread,
    stop,
)
from google_rehearsal.wire import connections
from google_rehearsal.wire.connections import Opener
from tests.google_rehearsal.caller import Google, mail

STARTER = """
import sys, pathlib
from google_rehearsal.lifecycle import ensure_running
server = ensure_running(pathlib.Path(sys.argv[1]))
print(server.pid, server.base_url)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "rehearsal"
    yield folder
    stop(folder)


def wait_until(gone: Path, seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while gone.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not gone.exists()


def test_one_is_started_found_again_and_stopped(folder: Path) -> None:
    assert find_running(folder) is None
    server = ensure_running(folder)
    assert ensure_running(folder) == server == find_running(folder)
    health = requests.get(f"{server.base_url}/rehearsal/health", timeout=5).json()
    assert health["pid"] == server.pid != os.getpid()
    assert stop(folder) is True
    assert find_running(folder) is None
    assert stop(folder) is False


def test_only_the_owner_can_read_where_it_listens_and_its_key(folder: Path) -> None:
    ensure_running(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "server.json").stat().st_mode) == 0o600
    for path in folder.glob("rehearsal.sqlite3*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_every_folder_that_is_made_on_the_way_is_for_its_owner_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with serve_in_thread(home / "rehearsal" / "google"):
        for folder in (home, home / "rehearsal", home / "rehearsal" / "google"):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_processes_that_ask_at_once_get_the_same_server(folder: Path) -> None:
    command = [sys.executable, "-c", STARTER, str(folder)]

    def start(_: int) -> str:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    with ThreadPoolExecutor(4) as pool:
        answers = set(pool.map(start, range(4)))
    assert len(answers) == 1


def test_it_outlives_the_command_and_its_ctrl_c(folder: Path) -> None:
    command = [sys.executable, "-c", STARTER + "input()", str(folder)]
    starter = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    assert starter.stdout
    pid = int(starter.stdout.readline().split()[0])
    os.killpg(starter.pid, signal.SIGINT)
    starter.communicate()
    found = find_running(folder)
    assert found is not None
    assert found.pid == pid


def test_what_was_done_is_there_after_a_kill(folder: Path) -> None:
    server = ensure_running(folder)
    google = Google(server)
    doc_id = google.new_doc("Kept")
    google.write(doc_id, "to the last word")
    google.send(mail())
    os.kill(server.pid, signal.SIGKILL)
    again = Google(ensure_running(folder))
    assert again.server.pid != server.pid
    assert google.session is not again.session
    assert again.json("GET", f"/v1/documents/{doc_id}")["title"] == "Kept"
    assert again.json("GET", "/gmail/v1/users/me/profile")["messagesTotal"] == 1


@pytest.mark.skipif(
    sys.platform != "linux" or os.getuid() != 0, reason="acting as another user needs root"
)
@pytest.mark.parametrize("by_table", [False, True])
@pytest.mark.parametrize("asked", ["/mail", "/rehearsal/health", "/drive/v3/files"])
def test_another_user_of_the_machine_is_hung_up_on(
    folder: Path, asked: str, by_table: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if by_table:  # where the kernel does not answer questions about one socket
        monkeypatch.setattr(connections, "_user_by_netlink", lambda *_: None)
    with serve_in_thread(folder) as server:
        host, _, port = server.base_url.removeprefix("http://").partition(":")
        for where in (int(port), server.smtp_port):
            os.seteuid(65_534)  # nobody
            try:
                connection = socket.create_connection((host, where), timeout=5)
            finally:
                os.seteuid(0)
            with connection, contextlib.suppress(ConnectionError):
                connection.sendall(
                    f"GET {asked} HTTP/1.1\r\nHost: {host}\r\n"
                    "Authorization: Bearer rehearsal\r\n\r\n".encode()
                )
                assert connection.recv(1024) == b""
        assert requests.get(f"{server.base_url}/mail", timeout=5).status_code == 200


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel says it on Linux alone")
@pytest.mark.parametrize("by_table", [False, True])
def test_who_hung_up_already_is_nobody_and_not_the_administrator(
    by_table: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if by_table:
        monkeypatch.setattr(connections, "_user_by_netlink", lambda *_: None)
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as caller:
            caller.sendall(b"POST /gmail/v1/users/me/messages/send HTTP/1.1\r\n\r\n")
        connection, _ = server.accept()
        with connection:
            assert connections.opener_of(connection) is Opener.SOMEBODY_ELSE
        with socket.create_connection(server.getsockname()):
            connection, _ = server.accept()
            with connection:
                assert connections.opener_of(connection) is Opener.OURS


def test_a_stale_file_is_no_server(folder: Path) -> None:
    folder.mkdir()
    state = folder / "server.json"
    for text in (
        "",
        "[]",
        "{}",
        json.dumps({"base_url": "http://127.0.0.1:1", "pid": 1, "key": "k", "smtp_port": 1}),
        json.dumps({"base_url": 7, "pid": "x", "key": None, "smtp_port": 1}),
        json.dumps({"base_url": "http://x:y", "pid": 1, "key": "k", "smtp_port": 1}),
        json.dumps({"base_url": "http://127.0.0.1:1", "pid": None, "key": "k", "smtp_port": 1}),
    ):
        state.write_text(text)
        assert find_running(folder) is None


class Impostor(BaseHTTPRequestHandler):
    """Claims to be the rehearsal, but does not have the key."""

    def do_GET(self) -> None:
        service = "postmortem rehearsal Google"
        body = json.dumps({"service": service, "pid": os.getpid(), "proof": "0" * 64}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def test_a_foreign_server_on_the_remembered_port_is_not_adopted(folder: Path) -> None:
    folder.mkdir()
    with HTTPServer(("127.0.0.1", 0), Impostor) as impostor:
        threading.Thread(target=impostor.serve_forever, daemon=True).start()
        base_url = f"http://127.0.0.1:{impostor.server_port}"
        state = {"base_url": base_url, "pid": os.getpid(), "key": "k", "smtp_port": 1}
        (folder / "server.json").write_text(json.dumps(state))
        assert find_running(folder) is None
        assert ensure_running(folder).base_url != base_url
        impostor.shutdown()


@pytest.mark.parametrize(
    ("answer", "more", "pause_seconds"),
    [(b"[" * 4000, b"", 0), (b"{", b" " * 1_000_000, 0), (b"{", b" ", 0.3)],
)
def test_a_foreign_server_holds_nobody_up(
    folder: Path, answer: bytes, more: bytes, pause_seconds: float
) -> None:
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + answer)
                for _ in range(200):
                    connection.sendall(more)
                    time.sleep(pause_seconds)

        threading.Thread(target=serve, daemon=True).start()
        state = {"base_url": f"http://127.0.0.1:{server.getsockname()[1]}", "pid": 1}
        (folder / "server.json").write_text(json.dumps(state | {"key": "k", "smtp_port": 1}))
        began_at = time.monotonic()
        assert find_running(folder) is None
        assert time.monotonic() - began_at < 10


def test_it_stops_by_itself_when_nobody_asks(folder: Path) -> None:
    folder.mkdir()
    (folder / "settings.json").write_text(json.dumps({"idle_seconds": 3}))
    ensure_running(folder)
    wait_until(folder / "server.json", seconds=30)


def test_settings_that_make_no_sense_keep_it_from_starting(folder: Path) -> None:
    folder.mkdir()
    (folder / "settings.json").write_text(json.dumps({"colour": "red"}))
    with pytest.raises(RehearsalUnavailable, match="did not start"):
        ensure_running(folder)
    assert "There is no setting 'colour'" in (folder / "server.log").read_text()


def test_a_folder_has_one_server_at_a_time(folder: Path) -> None:
    with serve_in_thread(folder) as server:
        assert find_running(folder) == server == ensure_running(folder)
        with pytest.raises(RehearsalUnavailable, match="running server already"):
            serve_in_thread(folder).__enter__()
        with pytest.raises(RehearsalUnavailable, match="inside this process"):
            stop(folder)
    assert find_running(folder) is None


def test_a_server_in_a_thread_lets_go_of_its_port_and_connections(folder: Path) -> None:
    with serve_in_thread(folder) as server:
        google = Google(server)
        google.new_draft()
    with pytest.raises(requests.ConnectionError):
        google.call("GET", "/rehearsal/health")


def test_the_log_has_methods_and_codes_and_nothing_of_what_was_said(folder: Path) -> None:
    google = Google(ensure_running(folder))
    google.send(mail(text="a secret sentence"), token="rehearsal:ada@rehearsal.example")
    google.refusal("GET", "/v1/documents/1nope", token="hush")
    log = (folder / "server.log").read_text()
    assert "gmail.users.messages.send 200" in log
    assert "docs.documents.get 401" in log
    for hidden in ("secret", "hush", "ada@", google.server.key):
        assert hidden not in log


def test_it_starts_within_a_moment(folder: Path) -> None:
    server = ensure_running(folder)
    fields = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])  # of the user and of the system: proc(5)
    # Half a second of processor time on a machine of 2026; so a busy machine doesn't matter.
    assert ticks / os.sysconf("SC_CLK_TCK") < 1.5


def test_in_the_foreground_it_says_where_it_is_and_ends_with_ctrl_c(folder: Path) -> None:
    command = [sys.executable, "-m", "google_rehearsal", "--folder", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        address = process.stdout.readline().split()[0]
        assert requests.get(address, timeout=5).ok
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 0


def test_a_server_that_is_just_stopping_is_replaced(folder: Path) -> None:
    pids = set()
    for _ in range(3):
        server = ensure_running(folder)
        pids.add(server.pid)
        os.kill(server.pid, signal.SIGTERM)
    assert len(pids) == 3


def test_a_port_that_is_taken_is_said_in_a_line(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        command = [sys.executable, "-m", "google_rehearsal", "--folder", str(folder)]
        taken = subprocess.run(
            [*command, "--port", port], capture_output=True, text=True, check=False, timeout=10
        )
    assert taken.returncode == 1
    assert "in use" in taken.stderr
    assert "Traceback" not in taken.stderr
