"""The custom properties of files, and Drive's limits on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflow.rehearsal.drive.files import DriveFile
from workflow.rehearsal.wire.errors import GoogleError

MAX_BYTES = 124  # of key and value together, in UTF-8: Drive's guide on properties
MAX_OF_A_KIND = 30
MAX_OF_ALL = 100


def changed_properties(before: Mapping[str, str], change: Any) -> dict[str, str]:
    """The properties after a change, which is a JSON object or None."""
    after: dict[str, str | None] = {**before, **(change or {})}
    # "Entries with null values are cleared": the reference on `properties`.
    return {key: value for key, value in after.items() if value is not None}


def check_properties(file: DriveFile, client: str) -> None:
    """Raises the 403 for a file with more properties, or longer ones, than Drive keeps."""
    private = file.app_properties.get(client, {})
    for key, value in [*file.properties.items(), *private.items()]:
        if len(f"{key}{value}".encode()) > MAX_BYTES:
            raise _property_limit("The property is too long: key and value exceed 124 bytes.")
    public_many = len(file.properties) > MAX_OF_A_KIND
    total = len(file.properties) + sum(len(each) for each in file.app_properties.values())
    if public_many or len(private) > MAX_OF_A_KIND or total > MAX_OF_ALL:
        raise _property_limit("The limit on the number of properties has been exceeded.")


def _property_limit(message: str) -> GoogleError:
    return GoogleError(403, message, reason="propertyLimitExceeded")
