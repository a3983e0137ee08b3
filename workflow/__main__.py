"""`postmortem`, and `python -m workflow`."""

from __future__ import annotations

import gc
import sys

# Hardly anything that a command makes is garbage before its end, and looking for it at Python's
# own pace (700 new objects) takes a sixth of a short command's time (measured).
_NEW_OBJECTS = 250_000


def main() -> None:
    """Run the command line."""
    gc.set_threshold(_NEW_OBJECTS)
    try:
        # What it loads is not garbage either.
        from workflow.cli.chosen_command import app_for  # noqa: PLC0415

        app_for(sys.argv[1:])()
    except KeyboardInterrupt:  # before there was a command that could say more
        sys.exit(_interrupted())
    finally:
        # Python looks through everything once more before it ends, when all of it goes anyway.
        gc.freeze()


def _interrupted() -> int:
    words = "Interrupted. Nothing was done."
    sys.stderr.write(words + "\n")
    if "--json" in sys.argv:
        sys.stdout.write(f'{{"error": "{words}", "exit_code": 130}}\n')
    return 130


if __name__ == "__main__":
    main()
