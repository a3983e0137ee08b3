"""Drive's errors: HTTP code, reason and Google's sentence.

The reasons are those of Drive's guide on errors; where a sentence of Google's is on record it is
used word for word.
"""

from __future__ import annotations

from google_rehearsal.wire.errors import GoogleError


def bad_request(message: str, reason: str, code: int = 400, location: str = "") -> GoogleError:
    """A value that Drive refuses; `location` is the parameter that holds it."""
    return GoogleError(
        code,
        message,
        reason=reason,
        location=location,
        location_type="parameter" if location else "",
    )


def required(parameter: str, message: str) -> GoogleError:
    """A parameter that is missing."""
    return bad_request(message, "required", location=parameter)


def file_not_found(file_id: str) -> GoogleError:
    """No file of this id that the caller can see."""
    return bad_request(f"File not found: {file_id}.", "notFound", 404, "fileId")


def drive_not_found(drive_id: str) -> GoogleError:
    """No shared drive of this id with the caller as a member (gdrive wrapper issue 19)."""
    return bad_request(f"Shared drive not found: {drive_id}", "notFound", 404, "driveId")


def permission_not_found(permission_id: str) -> GoogleError:
    """No permission of this id on the file."""
    message = f"Permission not found: {permission_id}."
    return bad_request(message, "notFound", 404, "permissionId")


def not_permitted(file_id: str) -> GoogleError:
    """The caller's role on the file is not enough."""
    return GoogleError(
        403,
        f"The user does not have sufficient permissions for file {file_id}.",
        reason="insufficientFilePermissions",
    )


def not_writable(name: str, advice: str) -> GoogleError:
    """A field that an update can't set."""
    return GoogleError(
        403,
        f"The {name} field is not directly writable in update requests. {advice}",
        reason="fieldNotWritable",
    )


def too_many_parents() -> GoogleError:
    """A file is in one folder at a time."""
    return GoogleError(
        403, "Increasing the number of parents is not allowed", reason="cannotAddParent"
    )


def property_limit(message: str) -> GoogleError:
    """Too many properties, or one that is too long."""
    return GoogleError(403, message, reason="propertyLimitExceeded")


def cannot_sort() -> GoogleError:
    """The answer to `orderBy` with a `fullText` term (googledrive issue 374, n8n issue 4874)."""
    return bad_request(
        "Sorting is not supported for queries with fullText terms. Results are always in "
        "descending relevance order.",
        "forbidden",
        403,
        "orderBy",
    )


def sharing_refused(message: str) -> GoogleError:
    """Drive does not share the file with this address, or not in this way."""
    return GoogleError(400, message, reason="invalidSharingRequest")


def cannot_change_owner() -> GoogleError:
    """The owner is changed by `transferOwnership` only."""
    return sharing_refused('Bad Request. User message: "You can\'t change the owner of this item."')
