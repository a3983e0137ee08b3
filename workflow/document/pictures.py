"""Pictures that the doc shows. Docs fetches each once from a public address and keeps a copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workflow.document.blocks import Block, Kind, Span
from workflow.document.chips import STAND_IN
from workflow.document.requests import Request, insert_picture

# What a letter or A4 page leaves between its margins, and less than its height, in points.
_WIDEST, _HIGHEST = 450.0, 560.0
_POINTS_PER_PIXEL = 0.75  # 96 pixels to the inch, as Docs takes a picture without a resolution


@dataclass(frozen=True)
class InlinePicture:
    """A picture in a line of text. Width and height are in pixels; 0 is not known."""

    uri: str
    width: int = 0
    height: int = 0

    def request(self, tab_id: str, at: int) -> Request:
        """Insert it before the unit at `at`, made smaller where the page would not hold it."""
        return insert_picture(tab_id, at, self.uri, self._size)

    @property
    def block(self) -> Block:
        """A paragraph of its own."""
        return Block(Kind.NORMAL, (Span(STAND_IN, chip=self),))

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
