"""Other tools from PyPI, each release in its own environment, kept for the next run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_SECONDS = 300
# Inside the environment that runs the bench, so that both are removed together.
_FOLDER = Path(sys.prefix) / "peers"


class NotInstalled(RuntimeError):
    """A tool is not installed and could not be fetched; the text says so in a few words."""


def installed(name: str, version: str, *more: str, fetch: bool) -> Path:
    """The folder of a release's commands. With `fetch` it is installed if missing.

    `more` are packages that it needs and does not declare. Raises `NotInstalled`.
    """
    folder = _FOLDER / f"{name}-{version}"
    ready = folder / ".ready"
    if not ready.exists():
        if not fetch:
            raise NotInstalled(f"{name} {version} is not installed yet")
        _install(folder, f"{name}=={version}", *more)
        ready.touch()
    return folder / "bin"


def _install(folder: Path, *requirements: str) -> None:
    pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    for command in ([sys.executable, "-m", "venv", str(folder)], [*pip, *requirements]):
        try:
            subprocess.run(command, check=True, timeout=_SECONDS, capture_output=True)
        except (OSError, subprocess.SubprocessError) as fault:
            raise NotInstalled(f"{requirements[0]} could not be installed") from fault
