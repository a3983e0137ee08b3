"""Ids that look like Google's."""

from __future__ import annotations

import hashlib
import secrets
import string

_BASE62 = string.ascii_letters + string.digits
_FILE_ID_CHARS = _BASE62 + "-_"
_BASE36 = string.ascii_lowercase + string.digits


def file_id() -> str:
    """A Drive file's id: 44 characters that begin with 1."""
    return "1" + _random(_FILE_ID_CHARS, 42) + _random(_BASE62, 1)


def element_id() -> str:
    """What stands behind `kix.` in the ids inside a document: 12 characters."""
    return _random(_BASE36, 12)


def gmail_id() -> str:
    """A message's or thread's id: 16 hex digits, the first of them 1."""
    return "1" + _random("0123456789abcdef", 15)


def draft_id() -> str:
    """A draft's id: `r-` and up to 19 digits."""
    return f"r-{secrets.randbelow(9 * 10**18) + 10**18}"


def message_id_header() -> str:
    """The Message-ID that Gmail gives to what it sends, with its angle brackets."""
    return f"<CA{_random(_FILE_ID_CHARS, 48)}@mail.gmail.com>"


def root_folder_id(account: str) -> str:
    """The id of an account's My Drive: the same each time."""
    return "0A" + _digest(account, _BASE62, 17)


def permission_id(kind: str, who: str) -> str:
    """A permission's id: the same for the same user on every file, as in Drive."""
    if kind == "anyone":
        return "anyoneWithLink"
    digits = _digest(f"{kind} {who}", string.digits, 20)
    return digits if kind != "domain" else digits + "k"


def _random(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


def _digest(text: str, alphabet: str, length: int) -> str:
    raw = hashlib.sha256(text.lower().encode()).digest()
    return "".join(alphabet[byte % len(alphabet)] for byte in raw[:length])
