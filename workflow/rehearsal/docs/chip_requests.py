"""insertPerson, insertDate, insertRichLink, insertPageBreak: elements that take one index."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from . import editing
from .editing import Edit
from .errors import RequestError
from .model import Inline, Json, Run
from .pieces import style_for_insertion
from .places import Point, point_of, spot_at

_ADDRESS: Final = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+")
# Known of the live API: links to anything but Drive files are refused with "The URL is invalid."
_DRIVE_URL: Final = re.compile(
    r"https://(docs\.google\.com/(?P<editor>document|spreadsheets|presentation|forms|drawings)/d/"
    r"|drive\.google\.com/(file/d/|drive/(u/\d+/)?folders/|open\?id=))[\w-]+([/?#]\S*)?"
)
_MIME_TYPES: Final = {
    "document": "application/vnd.google-apps.document",
    "spreadsheets": "application/vnd.google-apps.spreadsheet",
    "presentation": "application/vnd.google-apps.presentation",
    "forms": "application/vnd.google-apps.form",
    "drawings": "application/vnd.google-apps.drawing",
}
_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
# API reference, DateElementProperties.locale.
_LOCALES: Final = (
    "af am ar as az be bg bn ca cs da de el en en-CA en-GB es es-419 et eu fa fi fil fr fr-CA gl gu"
    " hi hr hu hy id is it iw ja ka kk km kn ko lo lt lv mk ml mn mr ms ne nl no or pa pl pt-BR"
    " pt-PT ro ru si sk sl sq sr sv sw ta te th tr uk ur uz vi zh-CN zh-HK zh-TW zu cy my"
)


def insert_person(edit: Edit, request: Json) -> Json:
    """Insert a mention of a person, who needs an email address."""
    properties = request.get("personProperties", {})
    if not _ADDRESS.fullmatch(properties.get("email", "")):
        raise RequestError("The email address of the person is invalid.")
    person = {"personId": edit.fresh_id("kix."), "personProperties": dict(properties)}
    insert_inline(edit, point_of(edit.doc, request), "person", person)
    return {}


def insert_date(edit: Edit, request: Json) -> Json:
    """Insert a date; how it reads (`displayText`) is computed here, in English for every locale."""
    properties = _date_properties(request.get("dateElementProperties", {}))
    date = {"dateId": edit.fresh_id("kix."), "dateElementProperties": properties}
    insert_inline(edit, point_of(edit.doc, request), "dateElement", date)
    return {}


def insert_rich_link(edit: Edit, request: Json) -> Json:
    """Insert a link to a Drive file as a chip.

    The title is the linked file's in Google; the engine sees no Drive, so it keeps the title of
    the request, or shows the address.
    """
    properties = request.get("richLinkProperties", {})
    uri = properties.get("uri", "")
    found = _DRIVE_URL.fullmatch(uri)
    if found is None:
        raise RequestError("The URL is invalid.")
    shown = {"uri": uri, "title": properties.get("title") or uri}
    if mime_type := properties.get("mimeType") or _MIME_TYPES.get(found["editor"] or ""):
        shown["mimeType"] = mime_type
    link = {"richLinkId": edit.fresh_id("kix."), "richLinkProperties": shown}
    insert_inline(edit, point_of(edit.doc, request), "richLink", link)
    return {}


def insert_page_break(edit: Edit, request: Json) -> Json:
    """Insert a page break followed by a newline, in the body and outside of tables."""
    point = point_of(edit.doc, request)
    if point.segment.kind != "body":
        raise RequestError("Page breaks cannot be inserted inside a header, footer or footnote.")
    spot = spot_at(point.segment, point.index)
    if spot.in_table:
        # Seen live.
        raise RequestError("Page breaks cannot be inserted inside a table.")
    style = style_for_insertion(spot.paragraph, point.index - spot.start)
    editing.insert_pieces(edit, point, (Inline("pageBreak", {}, style), Run("\n", style)))
    return {}


def insert_inline(edit: Edit, point: Point, kind: str, body: Json) -> Inline:
    """Insert an element of one index in the text style of its neighbours, and give it."""
    spot = spot_at(point.segment, point.index)
    style = style_for_insertion(spot.paragraph, point.index - spot.start)
    inline = Inline(kind, body, style)
    editing.insert_pieces(edit, point, (inline,))
    return inline


def _date_properties(asked: Json) -> Json:
    moment = _instant(asked.get("timestamp", ""))
    date_format = asked.get("dateFormat", "DATE_FORMAT_UNSPECIFIED")
    if date_format == "DATE_FORMAT_CUSTOM":
        raise RequestError("The date format DATE_FORMAT_CUSTOM is output only.")
    if date_format == "DATE_FORMAT_UNSPECIFIED":
        date_format = "DATE_FORMAT_MONTH_DAY_YEAR_ABBREVIATED"
    time_format = asked.get("timeFormat", "TIME_FORMAT_UNSPECIFIED")
    if time_format == "TIME_FORMAT_UNSPECIFIED":
        time_format = "TIME_FORMAT_DISABLED"
    locale = asked.get("locale") or "en"
    if locale not in _LOCALES.split():
        raise RequestError(f"The locale {locale} is not supported.")
    zone_id = asked.get("timeZoneId") or "etc/UTC"
    local = moment.astimezone(_zone(zone_id))
    return {
        "timestamp": asked["timestamp"],
        "timeZoneId": zone_id,
        "locale": locale,
        "dateFormat": date_format,
        "timeFormat": time_format,
        "displayText": _date_text(local, date_format) + _time_text(local, time_format),
    }


def _instant(timestamp: str) -> datetime:
    try:
        moment = datetime.fromisoformat(timestamp)
    except ValueError as fault:
        raise RequestError("The timestamp of the date is invalid.") from fault
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _zone(zone_id: str) -> ZoneInfo:
    name = "UTC" if zone_id.lower() in ("etc/utc", "utc") else zone_id
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as fault:
        raise RequestError(f"The time zone {zone_id} is invalid.") from fault


def _date_text(local: datetime, date_format: str) -> str:
    month = _MONTHS[local.month - 1]
    return {
        "DATE_FORMAT_MONTH_DAY_ABBREVIATED": f"{month[:3]} {local.day}",
        "DATE_FORMAT_MONTH_DAY_FULL": f"{month} {local.day:02}",
        "DATE_FORMAT_MONTH_DAY_YEAR_ABBREVIATED": f"{month[:3]} {local.day}, {local.year}",
        "DATE_FORMAT_ISO8601": f"{local:%Y-%m-%d}",
    }[date_format]


def _time_text(local: datetime, time_format: str) -> str:
    if time_format == "TIME_FORMAT_DISABLED":
        return ""
    clock = f" {local.hour % 12 or 12}:{local:%M} {'AM' if local.hour < 12 else 'PM'}"
    return clock if time_format == "TIME_FORMAT_HOUR_MINUTE" else f"{clock} {local.tzname()}"
