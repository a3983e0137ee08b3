"""Chips, page breaks, dropdowns and inline images: elements of one index.

insertPerson, insertDate, insertRichLink, insertPageBreak. Dropdown definitions, which belong to a
tab, and the chips that show them. insertInlineImage fetches a picture once and keeps it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from google_rehearsal.docs import editing, style_requests
from google_rehearsal.docs.editing import (
    Edit,
    Point,
    Spot,
    all_spots,
    point_of,
    rebuilt,
    spot_at,
    style_for_insertion,
    tab_of,
)
from google_rehearsal.docs.errors import RequestError
from google_rehearsal.docs.new_documents import points
from google_rehearsal.docs.world import FetchedPicture, Inline, Json, Run, Tab

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
    """Insert a date; its `displayText` is computed here, in English for every locale."""
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
    """Insert an element of one index in the text style of its neighbours, and return it."""
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
    zone = _zone(zone_id)
    try:
        local = moment.astimezone(zone)
    except OverflowError as fault:  # the first or last hours of all years, in a distant zone
        raise RequestError("The timestamp of the date is invalid.") from fault
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


# API reference, DropdownDefinition and DropdownOption.
_DEFINITION_ID: Final = re.compile(r"kix\.[a-zA-Z0-9_-]{2,14}")
_OPTION_ID: Final = re.compile(r"dropdownItem\.[a-zA-Z0-9_-]{2,14}")
_OPTION_COUNT: Final = range(2, 51)
_OPTION_STYLE: Final = {"foregroundColor", "backgroundColor"}


def create_dropdown_definition(edit: Edit, request: Json) -> Json:
    """Add a definition to a tab; the reply shows it with its ids."""
    tab = tab_of(edit.doc, request.get("tabId"))
    asked = request.get("dropdownDefinition", {})
    definition_id = asked.get("dropdownDefinitionId") or edit.fresh_id("kix.")
    if not _DEFINITION_ID.fullmatch(definition_id):
        raise RequestError(f"The dropdown definition ID {definition_id} is invalid.")
    if definition_id in tab.dropdowns:
        raise RequestError(f"The dropdown definition ID {definition_id} already exists.")
    properties = asked.get("dropdownDefinitionProperties", {})
    definition = {
        "dropdownDefinitionId": definition_id,
        "dropdownDefinitionProperties": _properties(edit, properties),
    }
    tab.dropdowns[definition_id] = definition
    return {"createDropdownDefinition": {"dropdownDefinition": definition}}


def insert_dropdown(edit: Edit, request: Json) -> Json:
    """Insert a chip of a definition, with the selected option or the first."""
    point = point_of(edit.doc, request)
    definition = _definition(point.tab, request.get("dropdownDefinitionId", ""))
    chosen = request.get("selectedOptionId") or _options(definition)[0]["optionId"]
    dropdown = {
        "dropdownId": edit.fresh_id("kix."),
        "dropdownProperties": _shown(definition, chosen),
    }
    inline = insert_inline(edit, point, "dropdown", dropdown)
    return {"insertDropdown": {"dropdown": {**dropdown, "textStyle": inline.style}}}


def update_dropdown_properties(edit: Edit, request: Json) -> Json:
    """Select another option of a chip."""
    tab = tab_of(edit.doc, request.get("tabId"))
    dropdown_id = request.get("dropdownId", "")
    style_requests.mask_paths(request.get("fields"), {"selectedOptionId": {}})
    found = [(spot, at) for spot, at, chip in _chips(tab) if chip["dropdownId"] == dropdown_id]
    if not found:
        raise RequestError(f"Dropdown with ID {dropdown_id} was not found.")
    chosen = request.get("dropdownProperties", {}).get("selectedOptionId", "")
    for spot, at in found:
        _select(tab, spot, at, chosen)
    return {}


def update_dropdown_definition_properties(edit: Edit, request: Json) -> Json:
    """Change a definition's title or options; chips of a removed option need a replacement."""
    tab = tab_of(edit.doc, request.get("tabId"))
    definition = _definition(tab, request.get("dropdownDefinitionId", ""))
    listed = style_requests.mask_paths(request.get("fields"), {"title": {}, "options": {}})
    new = request.get("dropdownDefinitionProperties", {})
    properties = style_requests.merged_style(
        definition["dropdownDefinitionProperties"], new, listed
    )
    definition_id = definition["dropdownDefinitionId"]
    tab.dropdowns[definition_id] = {
        **definition,
        "dropdownDefinitionProperties": _properties(edit, properties),
    }
    _reselect(tab, definition_id, request.get("selectedOptionIdReplacements", {}))
    return {}


def delete_dropdown_definition(edit: Edit, request: Json) -> Json:
    """Delete a definition that no chip shows."""
    tab = tab_of(edit.doc, request.get("tabId"))
    definition_id = _definition(tab, request.get("dropdownDefinitionId", ""))[
        "dropdownDefinitionId"
    ]
    if any(_definition_id(chip) == definition_id for _, _, chip in _chips(tab)):
        raise RequestError(f"Dropdown definition {definition_id} is referenced by a dropdown.")
    del tab.dropdowns[definition_id]
    return {}


def _properties(edit: Edit, asked: Json) -> Json:
    options = [_option(edit, each) for each in asked.get("options", [])]
    if len(options) not in _OPTION_COUNT:
        raise RequestError("A dropdown definition must have at least 2 and at most 50 options.")
    if len({option["optionId"] for option in options}) < len(options):
        raise RequestError("The option IDs of a dropdown definition must be unique.")
    title = {"title": asked["title"]} if asked.get("title") else {}
    return title | {"options": options}


def _option(edit: Edit, asked: Json) -> Json:
    option_id = asked.get("optionId") or edit.fresh_id("dropdownItem.")
    if not _OPTION_ID.fullmatch(option_id):
        raise RequestError(f"The dropdown option ID {option_id} is invalid.")
    if not asked.get("displayValue"):
        raise RequestError("A dropdown option must have a display value.")
    if set(asked.get("textStyle", {})) - _OPTION_STYLE:
        raise RequestError("A dropdown option supports foreground and background color only.")
    return {**asked, "optionId": option_id}


def _definition(tab: Tab, definition_id: str) -> Json:
    definition: Json | None = tab.dropdowns.get(definition_id)
    if definition is None:
        raise RequestError(f"Dropdown definition with ID {definition_id} was not found.")
    return definition


def _options(definition: Json) -> list[Json]:
    options: list[Json] = definition["dropdownDefinitionProperties"]["options"]
    return options


def _shown(definition: Json, option_id: str) -> Json:
    for option in _options(definition):
        if option["optionId"] == option_id:
            return {
                "dropdownDefinitionId": definition["dropdownDefinitionId"],
                "selectedOptionId": option_id,
                "displayValue": option["displayValue"],
            }
    raise RequestError(f"The option ID {option_id} is not in the dropdown definition.")


def _definition_id(chip: Json) -> Any:
    return chip["dropdownProperties"]["dropdownDefinitionId"]


def _chips(tab: Tab) -> Iterator[tuple[Spot, int, Json]]:
    """Each dropdown chip of a tab: its place, its piece's position, and its body."""
    for segment in tab.all_segments():
        for spot in all_spots(segment):
            for at, piece in enumerate(spot.paragraph.pieces):
                if isinstance(piece, Inline) and piece.kind == "dropdown":
                    yield spot, at, piece.body


def _select(tab: Tab, spot: Spot, at: int, option_id: str) -> None:
    pieces = list(spot.current().pieces)
    chip = pieces[at]
    if not isinstance(chip, Inline):
        raise TypeError("a chip is not text")
    definition = _definition(tab, _definition_id(chip.body))
    body = {**chip.body, "dropdownProperties": _shown(definition, option_id)}
    pieces[at] = replace(chip, body=body)
    spot.put(rebuilt(spot.paragraph, pieces))


def _reselect(tab: Tab, definition_id: str, replacements: dict[str, str]) -> None:
    kept = {option["optionId"] for option in _options(tab.dropdowns[definition_id])}
    for spot, at, chip in list(_chips(tab)):
        if _definition_id(chip) != definition_id:
            continue
        chosen = chip["dropdownProperties"]["selectedOptionId"]
        if chosen not in kept and chosen not in replacements:
            raise RequestError(f"The selected option {chosen} is deleted without a replacement.")
        _select(tab, spot, at, replacements.get(chosen, chosen) if chosen not in kept else chosen)


# API reference, InsertInlineImageRequest.uri: at most 2 kB.
_LONGEST_ADDRESS_BYTES: Final = 2048
# Google's exact words (google-api-python-client issue 2215).
NOT_RETRIEVED: Final = (
    "There was a problem retrieving the image. The provided image should be publicly accessible, "
    "within size limit, and in supported formats."
)
# A picture without a size is shown at 96 pixels an inch, an inch being 72 points.
_POINTS_PER_PIXEL: Final = 0.75


def insert_inline_image(edit: Edit, request: Json) -> Json:
    """Insert the picture at an address, in the given size or that of its resolution."""
    address = request.get("uri", "")
    point = point_of(edit.doc, request)
    if point.segment.kind == "footnote":
        raise RequestError("Inline images cannot be inserted inside a footnote.")
    _check_address(address)
    asked = request.get("objectSize", {})
    wanted = _points_in(asked, "width"), _points_in(asked, "height")
    picture = edit.fetch(address)
    if picture is None:
        raise RequestError(NOT_RETRIEVED)
    width, height = _size(picture, *wanted)
    object_id = edit.fresh_id("kix.")
    point.tab.inline_objects[object_id] = {
        "objectId": object_id,
        "inlineObjectProperties": {
            "embeddedObject": {
                "imageProperties": {
                    "contentUri": picture.key,
                    "sourceUri": address,
                    "cropProperties": {},
                },
                "embeddedObjectBorder": _NO_BORDER,
                "size": {"height": points(height), "width": points(width)},
                **{f"margin{side}": points(9) for side in ("Top", "Bottom", "Right", "Left")},
            }
        },
    }
    insert_inline(edit, point, "inlineObjectElement", {"inlineObjectId": object_id})
    return {"insertInlineImage": {"objectId": object_id}}


def inline_objects(tab: Tab, picture_address: Callable[[str], str]) -> Json:
    """The pictures that the tab still shows, with their current addresses."""
    shown = {
        piece.body["inlineObjectId"]
        for segment in tab.all_segments()
        for spot in all_spots(segment)
        for piece in spot.paragraph.pieces
        if isinstance(piece, Inline) and piece.kind == "inlineObjectElement"
    }
    return {
        object_id: _addressed(given, picture_address)
        for object_id, given in tab.inline_objects.items()
        if object_id in shown
    }


_NO_BORDER: Final[Json] = {
    "color": {"color": {"rgbColor": {}}},
    "width": points(0),
    "dashStyle": "SOLID",
    "propertyState": "NOT_RENDERED",
}


def _addressed(given: Json, picture_address: Callable[[str], str]) -> Json:
    properties = given["inlineObjectProperties"]
    embedded = properties["embeddedObject"]
    image = embedded["imageProperties"]
    image = {**image, "contentUri": picture_address(image["contentUri"])}
    embedded = {**embedded, "imageProperties": image}
    return {**given, "inlineObjectProperties": {**properties, "embeddedObject": embedded}}


def _check_address(address: str) -> None:
    if not address:
        raise RequestError("The image URI must be specified.")
    if len(address.encode()) > _LONGEST_ADDRESS_BYTES:
        raise RequestError("The image URI must be at most 2 kB in length.")
    try:
        readable = urlsplit(address).scheme in {"http", "https"} and urlsplit(address).hostname
    except ValueError:
        readable = None
    if not readable:
        raise RequestError("The URL is invalid.")


def _points_in(size: Json, name: str) -> float:
    """A requested side in points; 0 if it is not given."""
    if name not in size:
        return 0.0
    magnitude = float(size[name].get("magnitude", 0))
    if size[name].get("unit") != "PT":
        raise RequestError(f"The unit of the object's {name} must be PT.")
    if magnitude <= 0:
        raise RequestError(f"The object's {name} must be greater than 0.")
    return magnitude


def _size(picture: FetchedPicture, width: float, height: float) -> tuple[float, float]:
    """Width and height in points: the picture keeps its proportions within the requested size."""
    own = picture.width * _POINTS_PER_PIXEL, picture.height * _POINTS_PER_PIXEL
    scales = [asked / side for asked, side in zip((width, height), own, strict=True) if asked]
    scale = min(scales, default=1.0)
    return own[0] * scale, own[1] * scale
