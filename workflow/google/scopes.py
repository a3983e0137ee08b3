"""What a sign-in may do: the scopes that this program asks for, and which of them cover which."""

from __future__ import annotations

from collections.abc import Iterable

PREFIX = "https://www.googleapis.com/auth/"

DRIVE_FILE = PREFIX + "drive.file"
DOCUMENTS = PREFIX + "documents"
COMPOSE = PREFIX + "gmail.compose"
SEND = PREFIX + "gmail.send"
READ = PREFIX + "gmail.readonly"

DEFAULT_SCOPES = (DRIVE_FILE, DOCUMENTS, COMPOSE)

# Scopes that allow all that another one does (discovery documents, the methods' scopes).
_WIDER = {
    DRIVE_FILE: {PREFIX + "drive"},
    DOCUMENTS: {PREFIX + "drive"},
    COMPOSE: {PREFIX + "gmail.modify", "https://mail.google.com/"},
    SEND: {COMPOSE, PREFIX + "gmail.modify", "https://mail.google.com/"},
    READ: {PREFIX + "gmail.modify", "https://mail.google.com/"},
}

# What may be wished for beside the usual scopes, by the word that a person types.
WISHES = ("gmail.send", "read", "drive")


def scopes_for(wishes: Iterable[str]) -> tuple[str, ...]:
    """The scopes (whole addresses) to ask for, given what is wished beside the usual three.

    `gmail.send` takes the place of gmail.compose, for an administrator who grants no more: each
    mail then goes out in one step. `read` adds gmail.readonly: bounces, replies, aliases. `drive`
    adds the whole of Drive, for a folder that this program did not make. Raises ValueError, with
    a sentence, for any other word.
    """
    scopes = list(DEFAULT_SCOPES)
    for wish in wishes:
        name = wish.strip().removeprefix(PREFIX)
        if name == "gmail.send":
            scopes[scopes.index(COMPOSE) if COMPOSE in scopes else scopes.index(SEND)] = SEND
        elif name in {"read", "gmail.readonly"}:
            scopes.append(READ)
        elif name == "drive":
            scopes.append(PREFIX + "drive")
        elif PREFIX + name not in DEFAULT_SCOPES:
            raise ValueError(f"{wish!r} is not a scope to add. There are: {', '.join(WISHES)}.")
    return tuple(dict.fromkeys(scopes))


def missing_scopes(granted: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """The scopes of `wanted` that neither stand in `granted` nor are part of a wider one."""
    held = set(granted)
    return [
        scope
        for scope in wanted
        if scope not in held and held.isdisjoint(_WIDER.get(scope, frozenset()))
    ]


def sends_in_one_step(granted: Iterable[str]) -> bool:
    """Whether a sign-in may send, and may not make drafts: gmail.send without gmail.compose."""
    held = list(granted)
    return bool(missing_scopes(held, [COMPOSE])) and not missing_scopes(held, [SEND])


def short_name(scope: str) -> str:
    """A scope as people call it: `gmail.compose`."""
    return scope.removeprefix(PREFIX)
