"""Folders that only their owner may look into."""

from __future__ import annotations

from pathlib import Path


def make_private(folder: Path) -> None:
    """Make a folder, and each above it that is not there yet, for the owner alone.

    `Path.mkdir` with `parents` gives its mode to the last one only. What is there stays as it is.
    """
    for each in (*reversed(folder.parents), folder):
        if not each.exists():
            each.mkdir(mode=0o700, exist_ok=True)
