"""How the Docs engine refuses: an HTTP code, a status and a sentence in Google's wording."""

from __future__ import annotations


class DocsError(Exception):
    """A batch that Google would refuse. Nothing of the batch is applied.

    `code` is the HTTP code (400 or 501), `status` the canonical code of the error body
    (`INVALID_ARGUMENT`, `FAILED_PRECONDITION`, `UNIMPLEMENTED`), `message` what the body says.
    """

    def __init__(self, code: int, message: str, status: str = "INVALID_ARGUMENT") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class RequestError(Exception):
    """One request of a batch cannot be applied; the batch puts `Invalid requests[i].name:` before.

    The sentences that are known from live answers are used word for word: the segment's end, the
    first section break, the requisite newline, the bounds of a paragraph, the deletion range, the
    range without an index, field masks, links, tab titles, headers. Where no live answer is on
    record the sentence is our own and says what the API reference says.
    """


class OneofError(Exception):
    """Two members of a oneof are set: refused while the JSON is read, before any request runs."""

    def __init__(self, oneof: str, second: str) -> None:
        super().__init__(f"oneof field '{oneof}' is already set. Cannot set '{second}'")


class UnsupportedRequestError(Exception):
    """A request that Google knows and the rehearsal does not: answered with 501, loudly."""
