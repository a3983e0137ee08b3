"""insertInlineImage: a picture that is fetched once and kept, as an element of one index."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from .chip_requests import insert_inline
from .editing import Edit
from .errors import RequestError
from .model import FetchedPicture, Inline, Json, Tab
from .named_styles import points
from .places import all_spots, point_of

# API reference, InsertInlineImageRequest.uri: at most 2 kB.
_LONGEST_ADDRESS_BYTES: Final = 2048
# Word for word as the live API says it (google-api-python-client issue 2215).
NOT_RETRIEVED: Final = (
    "There was a problem retrieving the image. The provided image should be publicly accessible, "
    "within size limit, and in supported formats."
)
# A picture without a size is shown at 96 pixels an inch, an inch being 72 points.
_POINTS_PER_PIXEL: Final = 0.75


def insert_inline_image(edit: Edit, request: Json) -> Json:
    """Insert the picture behind an address, at the size asked for or at that of its resolution."""
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
    """The pictures that the tab still shows, with the addresses at which they can be had now."""
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
    """A side that was asked for in points; 0 where it is left open."""
    if name not in size:
        return 0.0
    magnitude = float(size[name].get("magnitude", 0))
    if size[name].get("unit") != "PT":
        raise RequestError(f"The unit of the object's {name} must be PT.")
    if magnitude <= 0:
        raise RequestError(f"The object's {name} must be greater than 0.")
    return magnitude


def _size(picture: FetchedPicture, width: float, height: float) -> tuple[float, float]:
    """Width and height in points: the picture keeps its form within what was asked for."""
    own = picture.width * _POINTS_PER_PIXEL, picture.height * _POINTS_PER_PIXEL
    scales = [asked / side for asked, side in zip((width, height), own, strict=True) if asked]
    scale = min(scales, default=1.0)
    return own[0] * scale, own[1] * scale
