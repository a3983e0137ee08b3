"""Google's errors and their bodies in Docs, Drive and Gmail.

Docs has no `errors` list; Drive's own refusals have no `status`; Gmail has both (recorded bodies in
tests/fixtures/google_errors).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

STATUS_OF = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
}


@dataclass(eq=False)
class GoogleError(Exception):
    """A refusal in Google's words.

    `reason`, `domain`, `location` and `location_type` fill the entry of the `errors` list, whose
    own text is `short` if that differs from `message`. An empty `status` is left out.
    """

    code: int
    message: str
    reason: str = "invalidArgument"
    status: str = ""
    domain: str = "global"
    location: str = ""
    location_type: str = ""
    short: str = ""
    details: list[dict[str, Any]] = field(default_factory=list)
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.message

    def body(self, service: str) -> dict[str, Any]:
        """The JSON body, as `service` (`docs`, `drive` or `gmail`) sends it."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if service != "docs":
            error["errors"] = [self._entry()]
        if self.status:
            error["status"] = self.status
        if self.details:
            error["details"] = self.details
        return {"error": error}

    def _entry(self) -> dict[str, str]:
        entry = {
            "message": self.short or self.message,
            "domain": self.domain,
            "reason": self.reason,
            "location": self.location,
            "locationType": self.location_type,
        }
        return {name: value for name, value in entry.items() if value}


def invalid_argument(message: str, *violations: tuple[str, str]) -> GoogleError:
    """A 400 of the common front end; `violations` are pairs of field and description."""
    details = [
        {
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [
                {"field": name, "description": text} if name else {"description": text}
                for name, text in violations
            ],
        }
    ]
    return GoogleError(
        400,
        message,
        reason="invalid" if violations else "invalidArgument",
        status="INVALID_ARGUMENT",
        details=details if violations else [],
    )


def not_found() -> GoogleError:
    """The 404 of Docs and Gmail."""
    return GoogleError(
        404, "Requested entity was not found.", reason="notFound", status="NOT_FOUND"
    )


def no_such_method() -> GoogleError:
    """The 404 for an unknown address or verb."""
    return GoogleError(404, "Method not found.", reason="notFound", status="NOT_FOUND")


def not_rehearsed(what: str) -> GoogleError:
    """The 501 for a part of Google that the rehearsal lacks."""
    return GoogleError(
        501,
        f"{what} is not part of the rehearsal Google.",
        reason="notImplemented",
        status="UNIMPLEMENTED",
    )


def permission_denied() -> GoogleError:
    """The 403 of Docs for a document that the caller may not read or write."""
    return GoogleError(
        403, "The caller does not have permission", reason="forbidden", status="PERMISSION_DENIED"
    )


def internal(message: str = "Internal error encountered.") -> GoogleError:
    """The 500 of the common front end."""
    return GoogleError(500, message, reason="backendError", status="INTERNAL")
