"""Start, find and stop the server of a rehearsal folder.

A server locks its folder as long as it lives, and writes its address and key to `server.json`. A
reader of that file trusts it only if the server proves that it has the key, without revealing it.
The lock is on a file and ends with the process, however that ends. Only the owner can read the
folders.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import hmac
import http.client
import json
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

from google_rehearsal import smtp
from google_rehearsal.store import Settings
from google_rehearsal.wire import connections

if TYPE_CHECKING:
    from google_rehearsal.app import RehearsalServer


if sys.platform == "win32":
    import msvcrt

    _CREATION_FLAGS = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
else:
    import fcntl

    _CREATION_FLAGS = 0


class FileLock:
    """The lock on `path`; `acquire` waits for it, `try_acquire` does not."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    def acquire(self) -> None:
        """Wait until the lock is ours."""
        file = self._path.open("ab")
        if sys.platform == "win32":
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX)
        self._file = file

    def try_acquire(self) -> bool:
        """Take the lock if it is free; returns whether it was."""
        file = self._path.open("ab")
        try:
            if sys.platform == "win32":
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return False
        self._file = file
        return True

    def release(self) -> None:
        """Release the lock; closing the file does it on every platform."""
        if self._file:
            self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def make_private(folder: Path) -> None:
    """Create a folder, and its missing parents, for the owner alone.

    `Path.mkdir` with `parents` sets its mode only on the last one. Existing folders stay unchanged.
    """
    for each in (*reversed(folder.parents), folder):
        if not each.exists():
            each.mkdir(mode=0o700, exist_ok=True)


def write_private(path: Path, text: str) -> None:
    """Write a file in one step, for its owner alone, who is the only one to read it at any time."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)


# The header with the key for the control API.
KEY_HEADER = "X-Rehearsal-Key"
SERVICE = "postmortem rehearsal Google"


def proof(key: str, challenge: str) -> str:
    """A server's answer to `challenge` if it holds `key`: an HMAC-SHA256 in hex."""
    return hmac.new(key.encode(), challenge.encode(), hashlib.sha256).hexdigest()


STATE_FILE = "server.json"
_PORT_FILE = "port"
LOG_FILE = "server.log"
_START_LOCK = "start.lock"
_SERVER_LOCK = "server.lock"
_START_SECONDS = 20.0
_STOP_SECONDS = 5.0
# Wait this long for a server that is just ending.
_HANDOVER_SECONDS = 3.0
_PROBE_SECONDS = 2.0
_MOST_HEALTH_BYTES = 4096
_IDLE_LOOK_SECONDS = 0.5
_LOG_BYTES = 1_000_000


_CHILDREN: list[subprocess.Popen[bytes]] = []


class RehearsalUnavailable(RuntimeError):
    """The server could not be started; the text says why and where its log is."""


@dataclass(frozen=True)
class RunningServer:
    """A server that answers: `http://127.0.0.1:PORT`, its process, the control API's key.

    `smtp_port` is its mail relay's port, on the same address. `secret` is its folder's, see
    `visitors`. `first_page` is the address that opens the pages in a browser for the first time.
    """

    base_url: str
    pid: int
    key: str
    smtp_port: int
    secret: str
    first_page: str


def ensure_running(folder: Path) -> RunningServer:
    """The server of this folder, started if there is none.

    Safe between processes: if several call at once, one starts it and all get it. The server
    outlives the caller and its terminal. Raises `RehearsalUnavailable`.
    """
    found = find_running(folder)
    if found:
        return found
    make_private(folder)
    with FileLock(folder / _START_LOCK):
        return find_running(folder) or _started(folder)


def find_running(folder: Path) -> RunningServer | None:
    """The server of this folder; None if there is none or its file is stale."""
    try:
        state = json.loads((folder / STATE_FILE).read_text(encoding="utf-8"))
        server = RunningServer(
            base_url=str(state["base_url"]),
            pid=int(state["pid"]),
            key=str(state["key"]),
            smtp_port=int(state["smtp_port"]),
            # The server of an earlier version has neither.
            secret=str(state.get("secret", "")),
            first_page=str(state.get("first_page", state["base_url"] + "/")),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return server if _proves_itself(server) else None


def stop(folder: Path) -> bool:
    """Stop the server of this folder; returns whether there was one."""
    server = find_running(folder)
    if server is None:
        return False
    if server.pid == os.getpid():
        raise RehearsalUnavailable("The server runs inside this process; leave its context.")
    os.kill(server.pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while _is_locked(folder) and time.monotonic() < deadline:
        time.sleep(0.02)
    _CHILDREN[:] = [child for child in _CHILDREN if child.poll() is None]
    return True


@contextlib.contextmanager
def serve_in_thread(
    folder: Path, settings: Settings | None = None, *, asks_for_secret: bool = False
) -> Iterator[RunningServer]:
    """A server in this process, on a real socket, while the block runs.

    It is for tests, whose lists are made up: where nothing says who calls, it asks for the folder's
    secret only with `asks_for_secret`.
    """
    with _listening(folder, settings, 0, 0, asks_for_secret=asks_for_secret) as (server, running):
        thread = threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        thread.start()
        try:
            yield running
        finally:
            server.stop()
            thread.join()


def serve(
    folder: Path, port: int = 0, announce: Callable[[RunningServer], None] | None = None
) -> None:
    """Serve until a signal ends it or there is no request for `idle_seconds`.

    `announce` is called when it listens; by default it prints the address. Raises
    `RehearsalUnavailable` if the folder has a server already or the port is taken.
    """
    _log_to(folder)
    with _listening(folder, None, port, _HANDOVER_SECONDS, asks_for_secret=True) as (
        server,
        running,
    ):
        if announce is None:
            print(f"{running.base_url}  (rehearsal Google, {folder})", flush=True)
        else:
            announce(running)
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: threading.Thread(target=server.stop).start())
        threading.Thread(target=_stop_when_idle, args=(server,), daemon=True).start()
        server.serve_forever(poll_interval=0.1)


@contextlib.contextmanager
def _listening(
    folder: Path,
    settings: Settings | None,
    port: int,
    patience_seconds: float,
    *,
    asks_for_secret: bool,
) -> Iterator[tuple[RehearsalServer, RunningServer]]:
    # Loads Flask, 0.4 s of CPU: only the server needs it, not the search for a running one.
    from google_rehearsal import app as server_app  # noqa: PLC0415 - Flask; to serve alone
    from google_rehearsal import visitors  # noqa: PLC0415 - the same

    make_private(folder)
    lock = FileLock(folder / _SERVER_LOCK)
    if not _acquired(lock, patience_seconds):
        raise RehearsalUnavailable(f"{folder} has a running server already.")
    try:
        key = secrets.token_urlsafe(24)
        asks_for_secret = asks_for_secret and not connections.says_who_opens()
        app = server_app.create_app(folder, settings, key=key, asks_for_secret=asks_for_secret)
        pipeline = server_app.pipeline_of(app)
        server = _at_port(
            lambda number: server_app.RehearsalServer(app, pipeline, number), folder, port
        )
        relay = smtp.RelayServer(pipeline)
        threading.Thread(
            target=relay.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True
        ).start()
        base_url, secret = f"http://127.0.0.1:{server.port}", visitors.ensure_secret(folder)
        entrance = f"open/{secret}" if asks_for_secret else ""
        running = RunningServer(
            base_url, os.getpid(), key, relay.port, secret, f"{base_url}/{entrance}"
        )
        (folder / _PORT_FILE).write_text(str(server.port), encoding="ascii")
        write_private(folder / STATE_FILE, json.dumps(asdict(running)))
        try:
            yield server, running
        finally:
            relay.stop()
            (folder / STATE_FILE).unlink(missing_ok=True)
            server.server_close()
            pipeline.store.close()
    finally:
        lock.release()


def _at_port(served: Callable[[int], RehearsalServer], folder: Path, port: int) -> RehearsalServer:
    """A server at `port`; for 0 at the folder's last port, or any if that is taken."""
    try:
        return served(port or _last_port(folder))
    except OSError:
        if port:
            raise
        return served(0)


def _last_port(folder: Path) -> int:
    """The port of the folder's last server: links in its docs still lead there."""
    try:
        return int((folder / _PORT_FILE).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0


def _acquired(lock: FileLock, patience_seconds: float) -> bool:
    deadline = time.monotonic() + patience_seconds
    while not lock.try_acquire():
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)
    return True


def whole_paths(named: str) -> list[str]:
    """The absolute paths in a PYTHONPATH, for a process in another folder.

    Others would be wrong there, and an empty one, as in `:/opt/lib`, is that folder itself.
    """
    return [each for each in named.split(os.pathsep) if Path(each).is_absolute()]


def _started(folder: Path) -> RunningServer:
    package_root = Path(__file__).resolve().parents[1]
    paths = [str(package_root), *whole_paths(os.environ.get("PYTHONPATH", ""))]
    with (folder / LOG_FILE).open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            # -P: its folder holds data, never a module.
            [sys.executable, "-P", "-m", "google_rehearsal", "--folder", str(folder.resolve())],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=output,
            # Ctrl-C at the terminal, or its end, is for the command and not for the server.
            start_new_session=sys.platform != "win32",
            creationflags=_CREATION_FLAGS,
        )
    # Kept so that the process is reaped here if it ends before us.
    _CHILDREN.append(process)
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if found := find_running(folder):
            return found
        if process.poll() is not None:
            break
        time.sleep(0.02)
    raise RehearsalUnavailable(f"The rehearsal Google did not start. Its log: {folder / LOG_FILE}")


@atexit.register
def _leave_running() -> None:
    """Detach from servers that keep running on purpose, without a warning."""
    for child in _CHILDREN:
        if child.poll() is None:
            child.returncode = 0


def _proves_itself(server: RunningServer) -> bool:
    challenge = secrets.token_hex(16)
    host = server.base_url.removeprefix("http://")
    try:
        connection = http.client.HTTPConnection(host, timeout=_PROBE_SECONDS)
        with contextlib.closing(connection), _cut_off(connection):
            connection.request("GET", f"/rehearsal/health?challenge={challenge}")
            # It may be anybody's server, with an answer that never ends or is nested without end.
            health = json.loads(connection.getresponse().read(_MOST_HEALTH_BYTES))
    except (OSError, http.client.HTTPException, ValueError, RecursionError):
        return False
    return isinstance(health, dict) and (
        health.get("service") == SERVICE
        and health.get("pid") == server.pid
        and secrets.compare_digest(str(health.get("proof")), proof(server.key, challenge))
    )


@contextlib.contextmanager
def _cut_off(connection: http.client.HTTPConnection) -> Iterator[None]:
    """Cut a probe off in time: a socket's own time-out starts again with each byte."""
    connection.connect()
    sock = connection.sock

    def shut() -> None:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(_PROBE_SECONDS, shut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _is_locked(folder: Path) -> bool:
    lock = FileLock(folder / _SERVER_LOCK)
    if not lock.try_acquire():
        return True
    lock.release()
    return False


def _stop_when_idle(server: RehearsalServer) -> None:
    while not server.pipeline.closing.wait(_IDLE_LOOK_SECONDS):
        if server.is_idle():
            server.stop()


def _log_to(folder: Path) -> None:
    make_private(folder)
    handler = RotatingFileHandler(
        folder / LOG_FILE, maxBytes=_LOG_BYTES, backupCount=2, encoding="utf-8"
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("google_rehearsal")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
