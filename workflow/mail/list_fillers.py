"""Fillers: what programs and people write into a cell that has no value."""

from __future__ import annotations

import re
from functools import lru_cache

_WORDS = frozenset(
    {
        *("null", "none", "nil", "nan", "n/a", "#n/a", "na", "undefined", "unknown"),
        *("not provided", "not available", "not applicable", "not specified", "not set"),
        "\\n",  # MySQL's and PostgreSQL's dumps: \N
    }
)
# In brackets as pivot tables, database clients and Salesforce write them: (blank), <null>.
_IN_BRACKETS = frozenset(
    {*_WORDS, "blank", "empty", "no value", "no name", "leer", "vide", "vacío", "vuoto", "vazio"}
)
_BRACKETS = re.compile(r"[(<\[{]+\s*(?P<word>[^()<>\[\]{}]*?)\s*[)>\]}]+")
_MARKS = re.compile(r"[-‐‑‒–—―−.…?¿/\\_,;:·'\"\s]+")
_LONGEST = 30
# Customers have these names, in this spelling.
_NAMES = frozenset({"Na", "Nan", "Nil"})
_TRUTHS = frozenset({"TRUE", "FALSE", "true", "false"})


def is_filler(value: str) -> bool:
    """Whether a cell has no value but a word or a mark in its place: `NULL`, `(blank)`, `—`."""
    if value[:1].isalnum():
        return value.casefold() in _WORDS
    if not value or len(value) > _LONGEST:
        return False
    text = value.casefold()
    if text in _WORDS or _MARKS.fullmatch(text):
        return True
    found = _BRACKETS.fullmatch(text)
    return found is not None and (not found["word"] or found["word"] in _IN_BRACKETS)


def is_truth(value: str) -> bool:
    """Whether a cell is a checkbox's value, as a spreadsheet or a program writes it."""
    return value in _TRUTHS


@lru_cache(maxsize=4_096)  # many customers have the same first name
def is_no_part_of_a_name(value: str) -> bool:
    """Whether a cell of a first or last name is a filler or a checkbox's value."""
    return (is_filler(value) and value not in _NAMES) or is_truth(value)
