"""`python -m bench.mutants [WORD…]`: break each protection, run its tests, report survivors.

Each mutant is made in a copy of the tree, never in this one, and only its own tests are run. Words
select the mutants whose names contain one of them. Ends with 1 if a mutant survived, with 2 if one
can't be made.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

from bench.mutants.security import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]
_PROGRAM = ("workflow", "google_rehearsal")
_COPIED = (*_PROGRAM, "tests", "templates", "bench", "docs", "pyproject.toml", "README.md")
_SECONDS = 300


def place_of(mutant: Mutant, root: Path = ROOT) -> Path:
    """The only file, from the root, with exactly one occurrence of a mutant's old text.

    Raises ValueError with a sentence for none, or for more than one place.
    """
    found = [
        path
        for folder in _PROGRAM
        for path in sorted((root / folder).rglob("*.py"))
        for _ in range(path.read_text(encoding="utf-8").count(mutant.old))
    ]
    if len(found) != 1:
        places = ", ".join(str(path.relative_to(root)) for path in found) or "nowhere"
        raise ValueError(f"{mutant.name}: its words stand {places}, and not in one place.")
    return found[0].relative_to(root)


def main() -> int:
    """Run the requested mutants, several at once; 1 if one of them survived."""
    parser = argparse.ArgumentParser(prog="python -m bench.mutants", description=__doc__)
    parser.add_argument("word", nargs="*", help="part of a mutant's name; all if left out")
    parser.add_argument("--at-once", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    chosen = [
        each for each in MUTANTS if not asked.word or any(word in each.name for word in asked.word)
    ]
    try:
        places = {each: place_of(each) for each in chosen}
    except ValueError as lost:
        print(lost)
        return 2
    began_at = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copies: Queue[Path] = Queue()
        for number in range(asked.at_once):
            copies.put(_copied(Path(folder) / str(number)))

        def run(mutant: Mutant) -> str:
            copy = copies.get()
            try:
                said = _fate(mutant, copy, places[mutant])
            finally:
                copies.put(copy)
            print(f"{said:8}  {mutant.name}", flush=True)
            return said

        with ThreadPoolExecutor(asked.at_once) as pool:
            fates = list(pool.map(run, chosen))
    survivors = [each.name for each, fate in zip(chosen, fates, strict=True) if fate != "killed"]
    seconds = time.monotonic() - began_at
    print(f"\n{len(chosen)} mutants, {len(survivors)} survived, {seconds:.0f} s")
    for name in survivors:
        print(f"  {name}")
    return 1 if survivors else 0


def _copied(folder: Path) -> Path:
    """A copy of everything that the tests need."""
    folder.mkdir()
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=ignored)
        else:
            shutil.copy2(source, folder / name)
    return folder


def _fate(mutant: Mutant, copy: Path, place: Path) -> str:
    """A mutant's result: `killed` by a failing test, `SURVIVED`, `NO TEST`, or `TOO SLOW`."""
    path = copy / place
    before = path.read_text(encoding="utf-8")
    path.write_text(before.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *mutant.tests],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=False,
        ).returncode
    except subprocess.TimeoutExpired:  # it may be the machine
        return "TOO SLOW"
    finally:
        path.write_text(before, encoding="utf-8")
    return {0: "SURVIVED", 1: "killed"}.get(ended, "NO TEST")


if __name__ == "__main__":
    sys.exit(main())
