"""The native parts of a doc: dates, people, Drive links and the status, as chips.

A chip takes one index and reads back as U+E907. It comes into the doc in the place of a stand-in,
one unit long as well, so that text, styles, lists and ranges are laid out as for text alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from workflow.document.blocks import Span
from workflow.document.requests import Request, delete_content, location
from workflow.document.text import utf16_length
from workflow.incident import Status

STAND_IN = "\ufffc"
"""U+FFFC, the object replacement character: inserted first, then replaced by the chip."""

_STATUS_CHOICES = "kix.pmstatus"
_ADDRESS = re.compile(r"[^@\s<>,;()\[\]\"]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
# Anything but a Drive file is refused: "The URL is invalid" (reports on insertRichLink).
_DRIVE_URL = re.compile(
    r"https://(docs\.google\.com/(document|spreadsheets|presentation|forms|drawings)/d/"
    r"|drive\.google\.com/(file/d/|drive/(u/\d+/)?folders/|open\?id=))[\w-]+([/?#]\S*)?"
)


class NativePart(StrEnum):
    """What Docs may refuse where a project or tenant does not have it; each has a text form."""

    DROPDOWN = "dropdown"
    PERSON = "person"
    DATE = "date"
    RICH_LINK = "rich_link"


@dataclass(frozen=True)
class DateChip:
    """A moment, which Docs shows with its day and its zone."""

    at: datetime
    zone: ZoneInfo
    part: NativePart = NativePart.DATE

    def request(self, tab_id: str, at: int) -> Request:
        """Insert it before the unit at `at`."""
        properties = {
            "timestamp": self.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "timeZoneId": self.zone.key,
            "dateFormat": "DATE_FORMAT_MONTH_DAY_YEAR_ABBREVIATED",
            "timeFormat": "TIME_FORMAT_HOUR_MINUTE_TIMEZONE",
        }
        where = location(tab_id, at)
        return {"insertDate": {"location": where, "dateElementProperties": properties}}


@dataclass(frozen=True)
class PersonChip:
    """A person by their email address, which Docs needs."""

    email: str
    part: NativePart = NativePart.PERSON

    def request(self, tab_id: str, at: int) -> Request:
        """Insert it before the unit at `at`."""
        where, person = location(tab_id, at), {"email": self.email}
        return {"insertPerson": {"location": where, "personProperties": person}}


@dataclass(frozen=True)
class LinkChip:
    """A file in Drive."""

    url: str
    part: NativePart = NativePart.RICH_LINK

    def request(self, tab_id: str, at: int) -> Request:
        """Insert it before the unit at `at`."""
        where, link = location(tab_id, at), {"uri": self.url}
        return {"insertRichLink": {"location": where, "richLinkProperties": link}}


@dataclass(frozen=True)
class StatusChip:
    """The incident's status, to be chosen from. `define_statuses` comes first in the batch."""

    status: Status
    part: NativePart = NativePart.DROPDOWN

    def request(self, tab_id: str, at: int) -> Request:
        """Insert it before the unit at `at`."""
        chosen = {
            "dropdownDefinitionId": _STATUS_CHOICES,
            "selectedOptionId": _option_id(self.status),
        }
        return {"insertDropdown": {"location": location(tab_id, at), **chosen}}


Chip = DateChip | PersonChip | LinkChip | StatusChip


def person_chip(words: str) -> PersonChip | None:
    """A chip for words that are an email address and nothing else."""
    return PersonChip(words) if _ADDRESS.fullmatch(words) else None


def link_chip(url: str) -> LinkChip | None:
    """A chip for the address of a file or folder in Drive."""
    return LinkChip(url) if _DRIVE_URL.fullmatch(url) else None


def as_chip(span: Span, chip: Chip | None, parts: Collection[NativePart]) -> Span:
    """The span as a chip where its part may be used, else as the text that it is."""
    if chip is None or chip.part not in parts:
        return span
    return replace(span, text=STAND_IN, link="", chip=chip)


def place_chips(tab_id: str, start: int, spans: Iterable[Span]) -> Iterator[Request]:
    """Put each chip of a laid-out paragraph, which starts at `start`, over its stand-in."""
    for span in spans:
        if span.chip is not None:
            yield span.chip.request(tab_id, start + 1)
            yield delete_content(tab_id, start, start + 1)
        start += utf16_length(span.text)


def define_statuses() -> Request:
    """The choices of the status, once for the first tab of a doc."""
    options = [{"optionId": _option_id(each), "displayValue": each.label} for each in Status]
    definition = {
        "dropdownDefinitionId": _STATUS_CHOICES,
        "dropdownDefinitionProperties": {"title": "Status", "options": options},
    }
    return {"createDropdownDefinition": {"dropdownDefinition": definition}}


def select_status(tab_id: str, dropdown_id: str, status: Status) -> Request:
    """Choose another status in a dropdown that is there."""
    request = {
        "dropdownId": dropdown_id,
        "dropdownProperties": {"selectedOptionId": _option_id(status)},
        "fields": "selectedOptionId",
    }
    return {"updateDropdownProperties": request | ({"tabId": tab_id} if tab_id else {})}


def native_parts_in(requests: Iterable[Request]) -> frozenset[NativePart]:
    """Which native parts a batch makes use of."""
    named = {name for request in requests for name in request}
    return frozenset(part for name, part in _PART_OF_REQUEST.items() if name in named)


def native_part_of(request: Request) -> NativePart | None:
    """The native part that a request is about."""
    return next((_PART_OF_REQUEST[name] for name in request if name in _PART_OF_REQUEST), None)


_PART_OF_REQUEST = {
    "createDropdownDefinition": NativePart.DROPDOWN,
    "insertDropdown": NativePart.DROPDOWN,
    "updateDropdownProperties": NativePart.DROPDOWN,
    "insertPerson": NativePart.PERSON,
    "insertDate": NativePart.DATE,
    "insertRichLink": NativePart.RICH_LINK,
}


def _option_id(status: Status) -> str:
    return f"dropdownItem.{status.value}"
