"""The command line: `postmortem`, and `python -m workflow`.

`main` also opens standard streams that were closed at the start. A shell closes one with `>&-`,
`2>&-` or `<&-`, and a service manager may provide none. Python then has `None` in its place, and
the next file that is opened gets the stream's number: what a child process writes to its stdout
would land in the ledger.
"""

from __future__ import annotations

import gc
import os
import sys

# A command creates hardly any garbage before it ends. Looking for it at Python's default pace (700
# new objects) takes a sixth of a short command's time (measured).
_NEW_OBJECTS = 250_000


def main() -> None:
    """Run the command line."""
    _leave_current_folder_out()
    # Anything imported before this line could come from the person's current folder.
    open_closed_streams()
    gc.set_threshold(_NEW_OBJECTS)
    try:
        # The modules loaded here aren't garbage either. A Ctrl-C during the import is caught here.
        from workflow.cli.app import app  # noqa: PLC0415 - after the streams are open

        app()
    except KeyboardInterrupt:  # before any command could handle it
        sys.exit(_interrupted())
    finally:
        # Skip Python's last garbage collection: the process ends anyway.
        gc.freeze()


def _leave_current_folder_out() -> None:
    """Remove the current folder from the import path, unless this program is in it.

    `python -m` puts that folder first, so a `requests.py` in it would be run.
    """
    own = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
    try:
        here = os.getcwd()  # noqa: PTH109 - pathlib costs a short command its start
    except OSError:  # the folder was deleted
        here = ""
    if sys.path and sys.path[0] in {"", here} and here != own:
        del sys.path[0]


def _interrupted() -> int:
    words = "Interrupted. Nothing was done."
    sys.stderr.write(words + "\n")
    if "--json" in sys.argv:
        sys.stdout.write(f'{{"error": "{words}", "exit_code": 130}}\n')
    return 130


def open_closed_streams() -> None:
    """Open closed standard streams on the null device. Call it before any file is opened.

    The person sees less output; the exit code stays the same.
    """
    for number, mode in ((0, "r"), (1, "w"), (2, "w")):
        _open_on_nothing(number)
        name = ("stdin", "stdout", "stderr")[number]
        if getattr(sys, name) is None:
            stream = open(number, mode, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)


def _open_on_nothing(number: int) -> None:
    try:
        os.fstat(number)
    except OSError:
        # The system gives the lowest free number, and all lower ones are open by now.
        nothing = os.open(os.devnull, os.O_RDWR)
        if nothing != number:
            os.dup2(nothing, number)
            os.close(nothing)
        os.set_inheritable(number, True)


if __name__ == "__main__":
    main()
