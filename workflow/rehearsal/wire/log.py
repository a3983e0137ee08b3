"""What was asked of the rehearsal: counts per method, the last requests, the defects found."""

from __future__ import annotations

from collections import Counter, deque
from threading import Lock
from typing import Any

_REMEMBERED = 1_000


class RequestLog:
    """Counts calls. A defect is an answer of the rehearsal's own that Google could not give."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: Counter[str] = Counter()
        self._recent: deque[dict[str, Any]] = deque(maxlen=_REMEMBERED)
        self._defects: list[str] = []

    def add(self, method_id: str, status: str, account: str) -> None:
        """Notes one call: its answer's code, or what was done to the connection instead."""
        with self._lock:
            self._counts[method_id] += 1
            self._recent.append({"method": method_id, "status": status, "account": account})

    def add_defect(self, sentence: str) -> None:
        """Notes a defect of the rehearsal itself."""
        with self._lock:
            self._defects.append(sentence)

    def clear(self) -> None:
        """Forgets all calls; defects stay."""
        with self._lock:
            self._counts.clear()
            self._recent.clear()

    def as_json(self) -> dict[str, Any]:
        """Counts by method id, their total, the last calls (oldest first), and the defects."""
        with self._lock:
            return {
                "total": self._counts.total(),
                "counts": dict(self._counts),
                "recent": list(self._recent),
                "defects": list(self._defects),
            }
