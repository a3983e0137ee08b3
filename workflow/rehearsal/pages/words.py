"""How the pages say times, sizes and who may do what."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ROLES = {
    "owner": "owner",
    "organizer": "manager",
    "fileOrganizer": "content manager",
    "writer": "editor",
    "commenter": "commenter",
    "reader": "viewer",
}


def moment(at: datetime) -> str:
    """An aware time to the minute, on the clock of this machine: `24 Nov 2026, 14:39 CET`."""
    local = at.astimezone()
    return f"{local.day} {_MONTHS[local.month - 1]} {local.year}, {local:%H:%M} {local.tzname()}"


def parsed_moment(text: str) -> datetime | None:
    """An RFC 3339 time as Drive writes it; None where it is missing or not one."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def size(size_bytes: int) -> str:
    """A size for people: `512 bytes`, `34 kB`, `2.1 MB`."""
    if size_bytes < 1000:
        return f"{size_bytes} bytes"
    if size_bytes < 1_000_000:
        return f"{size_bytes / 1000:.0f} kB"
    return f"{size_bytes / 1_000_000:.1f} MB"


def grantee(permission: Mapping[str, Any]) -> str:
    """Who a Drive `Permission` names: an address, a domain, or anyone with the link."""
    if permission.get("type") == "anyone":
        return "anyone with the link"
    if permission.get("type") == "domain":
        return f"everyone at {permission.get('domain', '')}"
    return str(permission.get("emailAddress") or permission.get("displayName") or "someone")


def role(permission: Mapping[str, Any]) -> str:
    """What a Drive `Permission` allows, in the words that Docs uses: `editor`, `viewer`…"""
    return _ROLES.get(str(permission.get("role")), "viewer")
