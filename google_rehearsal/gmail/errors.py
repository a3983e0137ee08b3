"""Gmail's errors: HTTP code, status and Google's sentence."""

from __future__ import annotations

from google_rehearsal.wire.errors import GoogleError


class MailRefused(ValueError):
    """A message that Gmail refuses; the text is Gmail's error."""


def forbidden(message: str) -> GoogleError:
    """What the caller's scope or account does not allow."""
    return GoogleError(403, message, reason="forbidden", status="PERMISSION_DENIED")


def too_large(limit: int) -> GoogleError:
    """A message of more than `limit` bytes."""
    return GoogleError(
        413,
        f"Request payload size exceeds the limit: {limit} bytes.",
        reason="uploadTooLarge",
        status="INVALID_ARGUMENT",
    )
