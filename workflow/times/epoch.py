"""Counts of seconds since 1970, as chats and programs write times."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from workflow.times.spoken_time import Clock, NamedDate, Spoken

_EPOCH = re.compile(r"1\d{9}(?:\.\d{1,9}|\d{3}|\d{6})?")
_EARLIEST, _LATEST = 1_000_000_000, 4_000_000_000


def epoch_time(words: str) -> Spoken | None:
    """A count since 1970 in seconds, milliseconds or microseconds, as a time in UTC."""
    if not _EPOCH.fullmatch(words):
        return None
    whole, _, _ = words.partition(".")
    seconds = float(words) / 10 ** (len(whole) - 10)
    if not _EARLIEST < seconds < _LATEST:
        return None
    at = datetime.fromtimestamp(seconds, UTC)
    clock = Clock(at.hour, at.minute, at.second, at.microsecond)
    return Spoken(clock=clock, date=NamedDate(at.year, at.month, at.day), zones=("UTC",))
