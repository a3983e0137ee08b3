"""One cell of a list as one mail address, or the reason why it isn't one."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

# What copying from web pages and chats leaves round an address and nobody sees.
_UNSEEN = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad\u202a\u202c\u2068\u2069"
_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>", re.DOTALL)
_AS_TEXT = re.compile(r"'[=+@-]")
_SEPARATORS = re.compile(r"[\s,;]+")

# The addresses that nearly every list is made of, told apart without the validator's cost.
# `tests/mail/test_list_properties.py` holds that it takes nothing that the validator refuses.
_ATOM = r"[A-Za-z0-9_+-]+"
_LABEL = r"(?![A-Za-z0-9-]*--)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"  # `--` is IDNA's
_PLAIN = re.compile(
    rf"(?P<local>{_ATOM}(?:\.{_ATOM})*)@(?P<domain>(?:{_LABEL}\.)+[A-Za-z]{{2,63}})",
)
_SPECIAL = tuple(f".{name}" for name in SPECIAL_USE_DOMAIN_NAMES)
_LOCAL_LIMIT = 64
_PLAIN_LIMIT = 200


class AddressBad(ValueError):
    """A cell that isn't one usable address; the message is a sentence for the list's owner."""


@dataclass(frozen=True)
class Address:
    """One address as it is sent to, and who it is.

    `email` has its domain in ASCII (IDNA), as headers need it; `key` is the same for every
    spelling of it: case folded, NFC. `name` is the display name in the cell, or "".
    """

    email: str
    key: str
    name: str = ""


def read_address(cell: str) -> Address:
    """The address in a cell: `a@b.example`, `Ann <a@b.example>` or `mailto:a@b.example`.

    Raises:
        AddressBad: nothing there, several addresses, or not an address that mail can go to. No
            DNS is asked. Domains reserved for tests and documentation are taken.
    """
    cell = cell.strip().strip(_UNSEEN).strip()
    if _AS_TEXT.match(cell):  # how a spreadsheet is told that a cell is no formula
        cell = cell[1:]
    name, address = _split_name(cell)
    if not address:
        raise AddressBad("the address is empty.")
    _refuse_several(address)
    return _plain(address, name) or _validated(address, name)


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
        address = address[7:].partition("?")[0]
    return name.strip().strip("\"'").strip(), address


def _refuse_several(address: str) -> None:
    parts = [part for part in _SEPARATORS.split(address) if "@" in part]
    if len(parts) > 1:
        raise AddressBad(f"{len(parts)} addresses in one cell; give each its own row.")


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
            "can't be relied on to send there. Ask for another address of theirs."
        )
    key = unicodedata.normalize("NFC", valid.ascii_email).casefold()
    return Address(valid.ascii_email, key, name)


def _sentence(reason: str) -> str:
    """The validator's reason, on one line and starting small, as it follows `row 3: `."""
    reason = " ".join(reason.split())
    return reason[:1].lower() + reason[1:]


def _shown(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
