"""A doc's paragraphs and its native parts as plain values.

A chip takes one index and reads back as U+E907. It is inserted over a placeholder of one unit, so
that text, styles, lists and ranges are laid out as for text alone.

Docs fetches a picture once from a public address and keeps a copy. It takes PNG, JPEG and GIF, of
less than 50 MB and at most 25 megapixels (reference, InsertInlineImageRequest). The kind is read
from the file's own first bytes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from enum import StrEnum
from itertools import groupby
from zoneinfo import ZoneInfo

from workflow.document.requests import (
    Request,
    clean_text,
    delete_content,
    inner_length,
    insert_picture,
    location,
    utf16_length,
)
from workflow.errors import BadInput
from workflow.model import Status

# --- Paragraphs -----------------------------------------------------------------------------------


class BlockKind(StrEnum):
    """The kind of a paragraph."""

    TITLE = "title"
    HEADING_1 = "heading_1"
    HEADING_2 = "heading_2"
    HEADING_3 = "heading_3"
    HEADING_4 = "heading_4"
    HEADING_5 = "heading_5"
    HEADING_6 = "heading_6"
    NORMAL = "normal"
    BULLET = "bullet"
    NUMBER = "number"
    CHECK = "check"
    CODE = "code"
    TABLE = "table"
    RULE = "rule"

    @property
    def heading_level(self) -> int:
        """1 to 6 for a heading, 0 for anything else."""
        return int(self.value[-1]) if self.value.startswith("heading_") else 0

    @property
    def in_list(self) -> bool:
        """Whether the paragraph has a list glyph in front."""
        return self in (BlockKind.BULLET, BlockKind.NUMBER, BlockKind.CHECK)


@dataclass(frozen=True)
class Span:
    """A piece of a paragraph with one style throughout. `faint` is grey.

    `suggested` is "ins" or "del" if somebody only suggests to insert or delete it: read, never
    written. `is_picture`: the text is a picture's description, and `link` is its address. A `chip`,
    or a picture, replaces `text`, a placeholder of one code unit.
    """

    text: str
    bold: bool = False
    italic: bool = False
    strike: bool = False
    code: bool = False
    link: str = ""
    faint: bool = False
    chip: Chip | InlinePicture | None = None
    suggested: str = ""
    is_picture: bool = False


def joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The spans with equal neighbours merged and empty ones removed."""
    runs = groupby((span for span in spans if span.text), key=lambda span: replace(span, text=""))
    return tuple(replace(style, text="".join(span.text for span in run)) for style, run in runs)


@dataclass(frozen=True)
class Mark:
    """A named range over part of a block, in UTF-16 code units from the block's start."""

    name: str
    start: int
    end: int


@dataclass(frozen=True)
class Block:
    """One paragraph, or one table.

    `level` is the nesting in a list, from 0. `quote` is the depth of quotations around it.
    `checked` belongs to CHECK. A RULE, a line across the page, is only read, never written. A TABLE
    has `rows` of cells, each a tuple of spans, and no spans of its own; `cell_names` are named
    ranges over the text of its cells, each as row, column and name.
    """

    kind: BlockKind
    spans: tuple[Span, ...] = ()
    level: int = 0
    quote: int = 0
    checked: bool = False
    marks: tuple[Mark, ...] = ()
    rows: tuple[tuple[tuple[Span, ...], ...], ...] = ()
    cell_names: tuple[tuple[int, int, str], ...] = ()

    @property
    def text(self) -> str:
        """The paragraph's text, without its newline."""
        return "".join(span.text for span in self.spans)

    @property
    def right_to_left(self) -> bool:
        """Whether the first letter with a direction runs from right to left."""
        for char in self.text:
            direction = unicodedata.bidirectional(char)
            if direction in ("L", "R", "AL"):
                return direction != "L"
        return False

    def marked(self, name: str) -> Block:
        """The same block with a named range, to find it again."""
        return replace(self, marks=(*self.marks, Mark(name, 0, inner_length(self.text))))


def plain(text: str, kind: BlockKind = BlockKind.NORMAL) -> Block:
    """One paragraph of unstyled text, unchanged."""
    return Block(kind, (Span(clean_text(text)),))


def blocks_from_text(text: str) -> list[Block]:
    """Typed text, unchanged: an empty line separates paragraphs, other line ends stay in them."""
    paragraphs = re.split(r"\n[ \t]*\n\s*", re.sub("\r\n?", "\n", text))
    return [plain(paragraph.strip("\n")) for paragraph in paragraphs if paragraph.strip()]


def heading_kind(level: int) -> BlockKind:
    """The kind of a heading; levels are limited to 1 to 6."""
    return BlockKind(f"heading_{min(max(level, 1), 6)}")


# --- Native parts ---------------------------------------------------------------------------------

STAND_IN = "\ufffc"
"""U+FFFC, the object replacement character: inserted first, then replaced by the chip."""

_STATUS_CHOICES = "kix.pmstatus"
_ADDRESS = re.compile(r"[^@\s<>,;()\[\]\"]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
# Docs refuses anything but a Drive file: "The URL is invalid" (reports on insertRichLink).
_DRIVE_URL = re.compile(
    r"https://(docs\.google\.com/(document|spreadsheets|presentation|forms|drawings)/d/"
    r"|drive\.google\.com/(file/d/|drive/(u/\d+/)?folders/|open\?id=))[\w-]+([/?#]\S*)?"
)


class NativePart(StrEnum):
    """Parts that Docs refuses if a project or tenant lacks them; each has a text form."""

    DROPDOWN = "dropdown"
    PERSON = "person"
    DATE = "date"
    RICH_LINK = "rich_link"


@dataclass(frozen=True)
class DateChip:
    """An instant, which Docs shows with its day and its zone."""

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
class DayChip:
    """A day without a time, such as an action's due date."""

    day: date
    zone: ZoneInfo
    part: NativePart = NativePart.DATE

    def request(self, tab_id: str, at: int) -> Request:
        """Insert it before the unit at `at`."""
        noon = datetime.combine(self.day, time(12), self.zone)
        properties = {
            "timestamp": noon.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "timeZoneId": self.zone.key,
            "dateFormat": "DATE_FORMAT_ISO8601",
            "timeFormat": "TIME_FORMAT_DISABLED",
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
    """The incident's status in a dropdown. `define_statuses` comes first in the batch."""

    status: Status
    part: NativePart = NativePart.DROPDOWN

    def request(self, tab_id: str, at: int) -> Request:
        """Insert it before the unit at `at`."""
        chosen = {
            "dropdownDefinitionId": _STATUS_CHOICES,
            "selectedOptionId": _option_id(self.status),
        }
        return {"insertDropdown": {"location": location(tab_id, at), **chosen}}


Chip = DateChip | DayChip | PersonChip | LinkChip | StatusChip


def person_chip(words: str) -> PersonChip | None:
    """A chip for text that consists of an email address."""
    return PersonChip(words) if _ADDRESS.fullmatch(words) else None


def link_chip(url: str) -> LinkChip | None:
    """A chip for the address of a file or folder in Drive."""
    return LinkChip(url) if _DRIVE_URL.fullmatch(url) else None


def as_chip(span: Span, chip: Chip | None, parts: Collection[NativePart]) -> Span:
    """The span as a chip if its part may be used, else as its text."""
    if chip is None or chip.part not in parts:
        return span
    return replace(span, text=STAND_IN, link="", chip=chip)


def place_chips(tab_id: str, start: int, spans: Iterable[Span]) -> Iterator[Request]:
    """Insert each chip of a laid-out paragraph that starts at `start`, over its placeholder."""
    for span in spans:
        if span.chip is not None:
            yield span.chip.request(tab_id, start + 1)
            yield delete_content(tab_id, start, start + 1)
        start += utf16_length(span.text)


def define_statuses() -> Request:
    """Define the status choices, once for the first tab of a doc."""
    options = [{"optionId": _option_id(each), "displayValue": each.label} for each in Status]
    definition = {
        "dropdownDefinitionId": _STATUS_CHOICES,
        "dropdownDefinitionProperties": {"title": "Status", "options": options},
    }
    return {"createDropdownDefinition": {"dropdownDefinition": definition}}


def select_status(tab_id: str, dropdown_id: str, status: Status) -> Request:
    """Choose another status in an existing dropdown."""
    request = {
        "dropdownId": dropdown_id,
        "dropdownProperties": {"selectedOptionId": _option_id(status)},
        "fields": "selectedOptionId",
    }
    return {"updateDropdownProperties": request | ({"tabId": tab_id} if tab_id else {})}


def native_parts_in(requests: Iterable[Request]) -> frozenset[NativePart]:
    """The native parts that a batch uses."""
    named = {name for request in requests for name in request}
    return frozenset(part for name, part in _PART_OF_REQUEST.items() if name in named)


def native_part_of(request: Request) -> NativePart | None:
    """The native part in a request."""
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


# The space between the margins of a letter or A4 page, a little less in height, in points.
_WIDEST, _HIGHEST = 450.0, 560.0
_POINTS_PER_PIXEL = 0.75  # 96 pixels to the inch, as Docs assumes without a resolution


@dataclass(frozen=True)
class InlinePicture:
    """A picture in a line of text. Width and height are in pixels; 0 is unknown."""

    uri: str
    width: int = 0
    height: int = 0

    def request(self, tab_id: str, at: int) -> Request:
        """Insert it before the unit at `at`, scaled down to fit the page."""
        return insert_picture(tab_id, at, self.uri, self._size)

    @property
    def block(self) -> Block:
        """A paragraph of its own."""
        return Block(BlockKind.NORMAL, (Span(STAND_IN, chip=self),))

    @property
    def _size(self) -> dict[str, float]:
        if not self.width or not self.height:
            return {}
        width, height = self.width * _POINTS_PER_PIXEL, self.height * _POINTS_PER_PIXEL
        scale = min(1.0, _WIDEST / width, _HIGHEST / height)
        return {"width": round(width * scale, 2), "height": round(height * scale, 2)}


def pictures_of(requests: Sequence[Request], index: int | None) -> frozenset[str]:
    """The addresses of the pictures that the request at `index` inserts; None: all requests."""
    asked = requests if index is None else requests[index : index + 1]
    return frozenset(
        str(request["insertInlineImage"]["uri"])
        for request in asked
        if "insertInlineImage" in request
    )


LARGEST_BYTES = 50_000_000 - 1
_MOST_PIXELS = 25_000_000
# A JPEG's size is in its frame header; C4, C8 and CC are other segments (ITU-T T.81, B.1.1.3).
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Markers without a length after them: RSTn and TEM.
_LONE_MARKERS = frozenset({0x01, *range(0xD0, 0xD8)})


class NotAPicture(BadInput):
    """A file that Docs can't show. `str()` is the end of a sentence that begins with its name."""


@dataclass(frozen=True)
class Picture:
    """The kind and size of a picture, in pixels."""

    media_type: str
    width: int
    height: int


def look_at(content: bytes) -> Picture:
    """Identify the picture in these bytes. Raises `NotAPicture`."""
    found = _png(content) or _gif(content) or _jpeg(content)
    if found is None or not found.width or not found.height:
        raise NotAPicture("is not a PNG, JPEG or GIF picture")
    if len(content) > LARGEST_BYTES:
        raise NotAPicture(f"has {len(content) / 1e6:.0f} MB; Docs shows pictures of less than 50")
    pixels = found.width * found.height
    if pixels > _MOST_PIXELS:
        raise NotAPicture(f"has {pixels / 1e6:.0f} megapixels; Docs shows at most 25")
    return found


def _png(content: bytes) -> Picture | None:
    head = re.match(rb"\x89PNG\r\n\x1a\n....IHDR(?P<width>.{4})(?P<height>.{4})", content, re.S)
    if head is None:
        return None
    return Picture("image/png", int.from_bytes(head["width"]), int.from_bytes(head["height"]))


def _gif(content: bytes) -> Picture | None:
    head = re.match(rb"GIF8[79]a(?P<width>..)(?P<height>..)", content, re.S)
    if head is None:
        return None
    width, height = (int.from_bytes(head[side], "little") for side in ("width", "height"))
    return Picture("image/gif", width, height)


def _jpeg(content: bytes) -> Picture | None:
    if not content.startswith(b"\xff\xd8\xff"):
        return None
    at = 2
    while at + 4 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker in _FRAME_MARKERS:
            frame = content[at + 5 : at + 9]
            return Picture("image/jpeg", int.from_bytes(frame[2:]), int.from_bytes(frame[:2]))
        if marker == 0xFF:  # padding before a marker
            at += 1
        elif marker in _LONE_MARKERS:
            at += 2
        else:
            at += 2 + int.from_bytes(content[at + 2 : at + 4])
    return None
