"""Which words of a paste are a person's name, and which are the label of a note.

Names are recognized by their words: a few, each with a capital, or one handle.
"""

from __future__ import annotations

import re

_LONGEST_NAME = 60
_MOST_WORDS = 5
_STARTS = re.compile(r"[^\W\d_]|\+\d|~")
# Words that begin a note, not names: `2026-11-24 14:39 - Note: the backup is from May`.
_LABEL_WORDS = (
    "acknowledged action alert alerting cause closed completed confirmed critical debug "
    "decision deploy deployed detected error escalated failover fatal firing fix fixed "
    "hypothesis identified impact incident info investigating mitigated mitigation monitoring "
    "note notice ok opened outage paged postmortem recovered recovery resolution resolved "
    "restart restarted result reverted rollback scheduled started status summary todo trace "
    "update verified verifying warn warning workaround api cdn cpu db dns kafka mysql nginx "
    "postgres redis milestone severity "
    # The same in German, French, Spanish, Portuguese, Italian and Dutch.
    "alarm auswirkung behoben ergebnis gelöst hinweis lösung störung ursache "
    "alerte correctif panne résolu résolution "
    "alerta causa impacto resolvido resuelto solución solução "
    "allarme impatto risolto soluzione melding oorzaak oplossing storing"
)
_LABELS = frozenset(_LABEL_WORDS.split())
# The last word of a label: `Root cause`, `Customer impact`, `Next steps`, `Lessons learned`.
_LABEL_ENDS = frozenset(
    ("actions", "cause", "causes", "impact", "items", "learned", "resolution", "status", "step")
) | frozenset(("steps", "summary", "update"))
# Notes begin with what somebody did, `Called Ann: no answer`; names that end like it are names.
_DID = re.compile(r"[A-Z][a-z]{2,}ed\b")
_BEGINS = frozenset(
    ("asking", "calling", "checking", "paging", "pinging", "restarting", "rolling", "sent", "spoke")
) | frozenset(("told", "trying", "waiting", "angerufen", "gebeld", "informiert", "llamado"))
_ENDS_LIKE_IT = (
    "abed achmed ahmed alfred aysed creed daoued fahed fred fried hamed hameed hammed jamed "
    "jared javed jawed khaled magied mahmed majed majeed manfred mared mehmed mildred mohamed "
    "mohammed muhamed muhammed nahed naved naveed obed rached raed rasheed rashed reed saeed saed "
    "sayed shaheed siegfried sneed syed waheed waleed wilfred wilfried winfred winfried "
    "winifred zayed"
)
_NAMES_LIKE_IT = frozenset(_ENDS_LIKE_IT.split())
# Additions to a name: a badge without a space, a status emoji.
_BADGE = re.compile(
    r"(?<=[^\W_A-Z])(?:APP|BOT)$|\s+(?:APP|BOT)$|(?:\s*:[a-z0-9_+-]+:)+$|\s+\(pinned\)$"
)
BADGES = frozenset({"APP", "BOT", "WORKFLOW"})
_ADDRESS = re.compile(r"(.)\s+<[^<>\s]+@[^<>\s]+>$")
_ASIDE = re.compile(r"\s*(?:\([^()]{1,40}\)|\|.*)$")


def name_of(words: str) -> str:
    """A name in a chat or a mail, without badge, status emoji and address."""
    return _BADGE.sub("", _ADDRESS.sub(r"\1", words.strip())).strip()


def is_name(words: str) -> bool:
    """Whether a text looks like a person: a few words, each with a capital, or one handle."""
    plain = _ASIDE.sub("", name_of(words))
    parts = plain.replace(",", " ").split()
    if not parts or len(plain) > _LONGEST_NAME or not _STARTS.match(plain):
        return False
    if plain[-1] in ".,;!?:" or any(mark in plain for mark in "[]:\n<>"):
        return False
    return len(parts) == 1 or (len(parts) <= _MOST_WORDS and all(_is_part(part) for part in parts))


def is_label(words: str) -> bool:
    """Whether a text begins a note, a log line or a status page's update, and is no name."""
    if re.match(r"PHP \w", words):  # `PHP Warning`
        return True
    plain = words.strip().casefold()
    *before, last = plain.split() or [""]
    is_ended = bool(before) and last in _LABEL_ENDS
    return is_ended or plain in _LABELS or re.search(r"\.[A-Z]{4,}$", words) is not None


def begins_a_note(words: str) -> bool:
    """Whether a text behind a time is a label, or says what somebody did: `Called Ann`."""
    first = re.match(r"\w*", words.strip())
    word = first[0].casefold() if first else ""
    has_done = word in _BEGINS or _DID.match(words.strip()) is not None
    return is_label(words) or (has_done and word not in _NAMES_LIKE_IT)


def is_above_a_time(words: str) -> bool:
    """Whether the line above a lone time can be its author: short, and no sentence."""
    plain = name_of(words) or words.strip()
    return 0 < len(plain) <= _LONGEST_NAME and plain[-1] not in ".,;!?:" and "://" not in plain


_PARTICLES = frozenset(
    ("af", "al", "av", "bin", "da", "das", "de", "del", "della", "den", "der", "di", "do", "dos")
) | frozenset(("du", "e", "el", "ibn", "la", "le", "ten", "ter", "van", "von", "y", "zu"))


def _is_part(part: str) -> bool:
    return not part[0].islower() or part in _PARTICLES


def is_phrase(words: str) -> bool:
    """Whether a text is written as a sentence begins: `Ruled out`, and neither `Ann` nor `ann`."""
    return words[0].isupper() and not is_name(words)
