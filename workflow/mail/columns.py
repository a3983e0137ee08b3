"""The header of a list: which column holds the addresses, and what a template calls each."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from workflow.mail.addresses import Address
from workflow.mail.decoding import ListUnreadable

_EMAIL_HEADERS = {"email", "emailaddress", "emailaddresses", "mail", "mailaddress"}
_UNSEEN = "\u200b\u200e\u200f\u2060\ufeff\u00ad"
_NOT_WORD = re.compile(r"[^\w]+|_+")


@dataclass(frozen=True)
class Columns:
    """`headers` as written, `names` as variables, one for one; `candidates` may hold addresses.

    `wanted` is the column that the user asked for, or "".
    """

    headers: tuple[str, ...]
    names: tuple[str, ...]
    candidates: tuple[int, ...]
    wanted: str

    @property
    def rank(self) -> tuple[int, int]:
        """How much sense this reading of the header makes; the greatest is the right one."""
        return (1 if self.candidates else 0, len(self.headers))

    @cached_property
    def email_at(self) -> int:
        """The position of the addresses, from 0."""
        exact = [at for at in self.candidates if self.headers[at].strip().lower() == "email"]
        return exact[0] if len(exact) == 1 and not self.wanted else self.candidates[0]

    @property
    def email_header(self) -> str:
        """The word over the addresses."""
        return self.headers[self.email_at]

    def check(self) -> None:
        """Refuse a header that doesn't say where the addresses are.

        Raises:
            ListUnreadable: no such column, or several and none of them exactly `email`.
        """
        if not self.candidates:
            raise ListUnreadable(self._lacking())
        exact = [at for at in self.candidates if self.headers[at].strip().lower() == "email"]
        if len(self.candidates) > 1 and (len(exact) != 1 or self.wanted):
            names = " and ".join(f"`{self.headers[at]}`" for at in self.candidates)
            raise ListUnreadable(
                f"{names} could each hold the addresses. Say which: "
                f'--column email="{self.headers[self.candidates[-1]]}", '
                "or rename the others."
            )

    def _lacking(self) -> str:
        if any("@" in header for header in self.headers):
            return (
                f"the list has no header: its first line is `{_shown(', '.join(self.headers))}`. "
                "Put a line with the columns' names above it, one of them `email`."
            )
        found = _shown(", ".join(f"`{header}`" for header in self.headers if header))
        missing = f"no column `{self.wanted}`" if self.wanted else "no column `email`"
        return f"the list has {missing}; it has {found}. Say which it is: --column email=NAME."

    def named(self, cells: Sequence[str], address: Address) -> dict[str, str]:
        """A row's cells by header and by variable name; `email` and `name` as `Recipient` has."""
        values = dict(zip(self.headers, cells, strict=False))
        values |= dict(zip(self.names, cells, strict=False))
        values.pop("", None)
        values["email"] = address.email
        if address.name and not values.get("name"):
            values["name"] = address.name
        return values


def find_columns(cells: Sequence[str], email_column: str | None = None) -> Columns:
    """The header's columns; blank ones at its end are dropped, others are `column_3` and so on."""
    headers = [_trimmed(cell) for cell in cells]
    while headers and not headers[-1]:
        headers.pop()
    if email_column:
        wanted = _trimmed(email_column)
        candidates = [at for at, header in enumerate(headers) if header == wanted] or [
            at
            for at, header in enumerate(headers)
            if variable_name(header) == variable_name(wanted)
        ]
    else:
        wanted = ""
        candidates = [at for at, header in enumerate(headers) if _bare(header) in _EMAIL_HEADERS]
    return Columns(tuple(headers), _unique_names(headers), tuple(candidates), wanted)


def variable_name(header: str) -> str:
    """A header as a template writes it: `Account Name` → `account_name`, `2nd` → `column_2nd`."""
    words = _NOT_WORD.split(unicodedata.normalize("NFKC", header).casefold())
    name = unicodedata.normalize("NFC", "_".join(word for word in words if word))
    if name and not name.isidentifier():
        name = f"column_{name}"
    return name if name.isidentifier() else ""


def _unique_names(headers: Sequence[str]) -> tuple[str, ...]:
    names: list[str] = []
    for number, header in enumerate(headers, 1):
        name = variable_name(header) or f"column_{number}"
        same = sum(1 for other in headers[: number - 1] if variable_name(other) == name)
        names.append(f"{name}_{same + 1}" if same else name)
    return tuple(names)


def _trimmed(cell: str) -> str:
    return cell.strip().strip(_UNSEEN).strip()


def _bare(header: str) -> str:
    return variable_name(header).replace("_", "")


def _shown(text: str) -> str:
    return text if len(text) <= 200 else text[:199] + "…"
