"""Load this program's modules on first use, although imports stand at the top.

A command needs a small part of what its file names: `log` writes into the doc and never opens a
list of customers. `from workflow.notice import plan` only names the module here; its file runs when
an attribute is first used (`plan.make_plan`). `from workflow.notice.plan import make_plan` runs it
at once.

Python's own `importlib.util.LazyLoader` doesn't work for this: before 3.12.3 two threads could meet
in a half-loaded module, and a second `import` loads what the first one deferred.
"""

from __future__ import annotations

import sys
from _thread import RLock
from importlib.machinery import PathFinder

# This module is loaded before `__main__` removes the current folder from the path, where a file may
# have the name of a standard module. So it imports only what the interpreter has already loaded.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.abc import Loader
    from importlib.machinery import ModuleSpec
    from typing import Any

_OURS = ("workflow.", "google_rehearsal.")
# The settings of a relay are read by each command, and sending through one needs this.
_LATE_TOO = ("smtplib",)
# Modules that are imported in order to be run: a command, and the program itself.
_AT_ONCE = ("workflow.cli.commands.", "workflow.__main__", "google_rehearsal.__main__")
_Module = type(sys)

# Attributes that the import machinery reads from a module; none of them needs the file.
_FOR_IMPORT = frozenset({"__spec__", "__class__", "__name__", "__path__", "__loader__"})


class UnloadedModule(_Module):  # type: ignore[misc,valid-type]
    """A module whose file has not run yet. Reading any other attribute runs the file, once."""

    def __getattribute__(self, name: str) -> Any:
        if name not in _FOR_IMPORT:
            object.__getattribute__(self, "__loader__").load(self)
        return object.__getattribute__(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        # Load first: otherwise the file would overwrite the attribute that is set here.
        object.__getattribute__(self, "__loader__").load(self)
        object.__setattr__(self, name, value)


class _LateLoader:
    """Run a module's file on first use: one thread runs it, the others wait."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader
        # Reentrant: the thread that runs the file may read the module's attributes meanwhile.
        self._lock = RLock()
        self._is_running = False

    def create_module(self, _spec: ModuleSpec) -> None:
        """Let Python create the module."""

    def exec_module(self, module: Any) -> None:
        """Defer running the file."""
        module.__class__ = UnloadedModule

    def load(self, module: Any) -> None:
        """Run the file, unless it has run or is running in this thread."""
        with self._lock:
            if self._is_running or object.__getattribute__(module, "__class__") is _Module:
                return
            self._is_running = True
            try:
                self._loader.exec_module(module)
            finally:
                self._is_running = False
            object.__setattr__(module, "__class__", _Module)


class _LateFinder:
    """Find modules that load late. Packages load at once: they hold almost nothing."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: Any = None
    ) -> ModuleSpec | None:
        is_late = fullname.startswith(_OURS) or fullname in _LATE_TOO
        if not is_late or fullname.startswith(_AT_ONCE):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None or spec.submodule_search_locations is not None:
            return None
        spec.loader = _LateLoader(spec.loader)  # type: ignore[assignment]
        return spec


def load_late() -> None:
    """From now on, run the files of this program's modules on first use."""
    if not any(isinstance(finder, _LateFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _LateFinder())
