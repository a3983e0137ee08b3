"""The Docs engine's errors: HTTP code, status and Google's sentence."""

from __future__ import annotations


class DocsError(Exception):
    """A batch that Google would refuse. Nothing of the batch is applied.

    `code` is the HTTP code (400, 500 or 501), `status` the canonical code of the error body
    (`INVALID_ARGUMENT`, `FAILED_PRECONDITION`, `INTERNAL`, `UNIMPLEMENTED`), `message` what the
    body says.
    """

    def __init__(self, code: int, message: str, status: str = "INVALID_ARGUMENT") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class RequestError(Exception):
    """A request of a batch that can't be applied; the batch adds `Invalid requests[i].name:`.

    Sentences known from live answers are used word for word: the segment's end, the first section
    break, the requisite newline, the bounds of a paragraph, the deletion range, the range without
    an index, field masks, links, tab titles, headers. Other sentences are our own, from the API
    reference.
    """


class OneofError(Exception):
    """Two members of a oneof are set: refused while reading the JSON, before any request runs."""

    def __init__(self, oneof: str, second: str) -> None:
        super().__init__(f"oneof field '{oneof}' is already set. Cannot set '{second}'")
