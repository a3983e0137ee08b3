"""Which row had an address first, for lists of any length in little memory."""

from __future__ import annotations

from array import array
from hashlib import blake2b

_WORDS = 3  # per slot: two halves of the digest, the row
_FIRST_SIZE = 1 << 10


class FirstRows:
    """A table from identity to the first row that had it; about 50 bytes per row.

    An open-addressing hash table over 128-bit digests: a dict of strings would take ten times
    as much for a million rows, and two different addresses never meet in 128 bits.
    """

    def __init__(self) -> None:
        self._slots = array("Q", bytes(8 * _WORDS * _FIRST_SIZE))
        self._size = _FIRST_SIZE
        self._used = 0

    def first(self, key: str, row: int) -> int:
        """The row (from 1) that had `key` first: `row` itself when none did."""
        digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        high = int.from_bytes(digest[:8], "little")
        low = int.from_bytes(digest[8:], "little")
        if self._used * 2 >= self._size:
            self._grow()
        at = self._find(high, low)
        if self._slots[at + 2]:
            return self._slots[at + 2]
        self._slots[at], self._slots[at + 1], self._slots[at + 2] = high, low, row
        self._used += 1
        return row

    def _find(self, high: int, low: int) -> int:
        """Where this digest is, or where it would go."""
        slots, size = self._slots, self._size
        slot = high & (size - 1)
        while slots[slot * _WORDS + 2]:
            at = slot * _WORDS
            if slots[at] == high and slots[at + 1] == low:
                return at
            slot = (slot + 1) & (size - 1)
        return slot * _WORDS

    def _grow(self) -> None:
        old = self._slots
        self._size *= 2
        self._slots = array("Q", bytes(8 * _WORDS * self._size))
        for at in range(0, len(old), _WORDS):
            if old[at + 2]:
                to = self._find(old[at], old[at + 1])
                self._slots[to : to + _WORDS] = old[at : at + _WORDS]
