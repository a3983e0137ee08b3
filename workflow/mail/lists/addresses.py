"""Parse one cell of a list as one mail address, or give the reason."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import unquote

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

from workflow.errors import BadInput

# Invisible characters that copying from web pages and chats leaves around an address.
_UNSEEN = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad\u202a\u202c\u2068\u2069"
_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>", re.DOTALL)
# Marks around an address in lists, chats and Markdown. A single apostrophe tells a spreadsheet that
# a cell is text.
_PAIRS = (
    *(("'", "'"), ('"', '"'), ("`", "`"), ("‘", "’"), ("’", "’"), ("“", "”"), ("„", "“")),
    *(("«", "»"), ("»", "«"), ("(", ")"), ("[", "]"), ("{", "}"), ("*", "*")),
)
_APOSTROPHES = "'’‘"
_STRAY = re.compile(r"(?P<mark>[?*!#$=^|~/{}&%'`])[A-Za-z0-9_.+-]+")
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_SEPARATORS = re.compile(r"[\s,;]+")

# Recognize nearly every address without the cost of the validator.
# `tests/mail/test_list_properties.py` checks that this accepts nothing that the validator refuses.
_ATOM = r"[A-Za-z0-9_+-]+"
_LABEL = r"(?![A-Za-z0-9-]*--)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"  # `--` is IDNA's
_PLAIN = re.compile(
    rf"(?P<local>{_ATOM}(?:\.{_ATOM})*)@(?P<domain>(?:{_LABEL}\.)+[A-Za-z]{{2,63}})",
)
_SPECIAL = tuple(f".{name}" for name in SPECIAL_USE_DOMAIN_NAMES)
_LOCAL_LIMIT = 64
_PLAIN_LIMIT = 200


class AddressBad(BadInput):
    """A cell that isn't one usable address; the message is a sentence for the list's owner."""


@dataclass(frozen=True)
class Address:
    """One address, and its owner.

    `email` has its domain in ASCII (IDNA), as headers need it; `key` is the same for every spelling
    of it: case folded, NFC. `name` is the display name in the cell, or "".
    """

    email: str
    key: str
    name: str = ""


def read_address(cell: str) -> Address:
    """The address in a cell: `a@b.example`, `Ann <a@b.example>` or `mailto:a@b.example`.

    Quotation marks, brackets and a spreadsheet's apostrophe round it are taken off.

    Raises:
        AddressBad: nothing there, several addresses, stray marks that may be a part of it, or not
            an address that mail can go to. No DNS is asked. Domains reserved for tests and
            documentation are taken.
    """
    cell = cell.strip().strip(_UNSEEN).strip()
    quick = _plain(cell, "")
    if quick is not None:
        return quick
    name, address = _split_name(_without_marks(cell))
    address = _without_marks(address)
    if not address:
        raise AddressBad("the address is empty.")
    _refuse_several(address)
    _refuse_stray_marks(address)
    return _plain(address, name) or _validated(address, name)


def _without_marks(text: str) -> str:
    """`text` without the pairs of marks around it, and without a spreadsheet's apostrophe."""
    while len(text) > 1:
        pair = next((each for each in _PAIRS if (text[0], text[-1]) == each), None)
        if pair is not None and "@" in text and text.count(pair[0]) + text.count(pair[1]) <= 4:
            text = text[1:-1].strip()
        elif text[0] in _APOSTROPHES:
            text = text[1:].strip()
        else:
            return text
    return text


def plain_address(address: str) -> str:
    """The address as it is sent over the wire, if it is of the usual form; "" for another."""
    plain = _plain(address, "")
    return plain.email if plain else ""


def _plain(address: str, name: str) -> Address | None:
    found = _PLAIN.fullmatch(address)
    if found is None or len(found["local"]) > _LOCAL_LIMIT or len(address) > _PLAIN_LIMIT:
        return None
    domain = found["domain"].lower()
    if f".{domain}".endswith(_SPECIAL):
        return None
    email = f"{found['local']}@{domain}"
    return Address(email, email.lower(), name)


def _split_name(cell: str) -> tuple[str, str]:
    named = _NAMED.fullmatch(cell.rstrip(" ,;"))
    name, address = (named["name"], named["address"]) if named else ("", cell)
    address = address.strip().rstrip(" ,;").strip(_UNSEEN)
    if address[:7].lower() == "mailto:":
        # RFC 6068: reserved characters in a link are written as %XX.
        # Some programs write the slashes of a web page's address.
        address = unquote(address[7:].partition("?")[0]).strip().lstrip("/")
    return name.strip().strip("\"'").strip(), address


def _refuse_several(address: str) -> None:
    parts = [part for part in _SEPARATORS.split(address) if "@" in part]
    if len(parts) > 1:
        raise AddressBad(f"{len(parts)} addresses in one cell; give each its own row.")


def _refuse_stray_marks(address: str) -> None:
    """Refuse what RFC 5322 allows and what in a list is nearly always a typo."""
    local, at, _ = address.rpartition("@")
    if not at:
        return
    code = _PERCENT.search(local)
    if code:
        raise AddressBad(
            f"`{code[0]}` in {_shown(address)} is the code for `{unquote(code[0])}`. "
            f"If that is meant, write {_shown(unquote(address))}."
        )
    stray = _STRAY.fullmatch(local)
    if stray:
        raise AddressBad(
            f"{_shown(address)} begins with `{stray['mark']}`. Remove it, or ask the customer for "
            "another address if it belongs there."
        )


def _validated(address: str, name: str) -> Address:
    try:
        valid = validate_email(
            address, check_deliverability=False, test_environment=True, strict=True
        )
    except EmailNotValidError as error:
        raise AddressBad(_sentence(str(error))) from None
    if valid.ascii_email is None:
        raise AddressBad(
            f"the part before the @ of {_shown(address)} has letters outside ASCII; Gmail's API "
            "can't be relied on to send there. Ask the customer for another address."
        )
    key = unicodedata.normalize("NFC", valid.ascii_email).casefold()
    return Address(valid.ascii_email, key, name)


def _sentence(reason: str) -> str:
    """The validator's reason, on one line and in lower case, to follow `row 3: `."""
    reason = " ".join(reason.split())
    return reason[:1].lower() + reason[1:]


def _shown(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
