"""`python -m google_rehearsal --folder F`: the rehearsal Google in the foreground."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from google_rehearsal.lifecycle import RehearsalUnavailable, serve


def main() -> int:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m google_rehearsal", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where its world is kept")
    parser.add_argument("--port", type=int, default=0, help="default: any free one")
    options = parser.parse_args()
    try:
        serve(options.folder, options.port)
    except (RehearsalUnavailable, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
