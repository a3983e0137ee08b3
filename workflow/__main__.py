"""`postmortem`, and `python -m workflow`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line."""
    try:
        from workflow.cli import app  # noqa: PLC0415

        app()
    except KeyboardInterrupt:  # before there was a command that could say more
        sys.exit(_interrupted())


def _interrupted() -> int:
    words = "Interrupted. Nothing was done."
    sys.stderr.write(words + "\n")
    if "--json" in sys.argv:
        sys.stdout.write(f'{{"error": "{words}", "exit_code": 130}}\n')
    return 130


if __name__ == "__main__":
    main()
