"""The mark of an entry that was logged long after the event, as in a story of past days."""

from __future__ import annotations

import re

_MARK = re.compile(r" \(added later, \d{1,2} \w{3} \d{4}, \d{1,2}:\d{2} [AP]M [A-Z]+\)")


def without_late_mark(text: str) -> str:
    """A text without the mark of its one late entry."""
    rest, count = _MARK.subn("", text)
    assert count == 1, f"{count} marks of late entries in {text!r}"
    return rest
