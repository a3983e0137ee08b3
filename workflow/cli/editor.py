"""A text that a person writes in their own editor. What they wrote is kept until it is recorded."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkstemp


@contextmanager
def written_in_editor(title: str, folder: Path, say: Callable[[str], None]) -> Iterator[str]:
    """The text for `title`, from `$VISUAL` or `$EDITOR`; its file in `folder` goes at the end.

    Where the editor fails, or what is done with the text, the file stays and `say` tells where.
    Raises `BadInput` where there is no editor, or where it failed.
    """
    from workflow.flows.faults import BadInput  # noqa: PLC0415

    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not (editor and sys.stdin.isatty()):
        raise BadInput("Give the text, or - to read it from standard input (no $EDITOR is set).")
    note = f"# {title}: write above this line, save and close. Lines after it are left out.\n"
    path = _new_file(folder, f"\n\n{note}")
    try:
        _open(editor, path)
        yield _text_of(path, note)
    except BaseException:
        if path.exists() and _text_of(path, note):
            say(f"What you wrote is kept in {path} (take it with: postmortem section NAME - <FILE)")
        else:
            path.unlink(missing_ok=True)
        raise
    path.unlink(missing_ok=True)


def _open(editor: str, path: Path) -> None:
    from workflow.flows.faults import BadInput  # noqa: PLC0415

    # The person's own command, which may have arguments: `code --wait`.
    ended = subprocess.run(f'{editor} "{path}"', shell=True, check=False).returncode  # noqa: S602
    if ended:
        raise BadInput(f"The editor ended with {ended}. Nothing was recorded.")


def _new_file(folder: Path, text: str) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = mkstemp(prefix="section-", suffix=".txt", dir=folder, text=True)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    return Path(name)


def _text_of(path: Path, note: str) -> str:
    return path.read_text(encoding="utf-8", errors="replace").partition(note.strip())[0].strip()
