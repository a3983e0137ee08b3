"""The methods and schemas of Docs v1, Drive v3 and Gmail v1, read from the discovery documents.

The documents are those inside google-api-python-client; the package is located, not imported.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_VERSIONS = {"docs": "docs.v1", "drive": "drive.v3", "gmail": "gmail.v1"}
# Longest first: what a path begins with decides whose it is.
_PREFIXES = (
    ("/upload/drive/v3/", "drive"),
    ("/upload/gmail/v1/", "gmail"),
    ("/resumable/upload/drive/v3/", "drive"),
    ("/resumable/upload/gmail/v1/", "gmail"),
    ("/drive/v3/", "drive"),
    ("/gmail/v1/", "gmail"),
    ("/v1/documents", "docs"),
)


@dataclass(frozen=True)
class Method:
    """One method of an API as its discovery document describes it.

    `id` is `gmail.users.drafts.send`; `request` and `response` name schemas or are empty;
    `parameters` holds the method's own and the API's common query parameters.
    """

    id: str
    service: str
    verb: str
    scopes: frozenset[str]
    parameters: Mapping[str, Mapping[str, Any]]
    request: str
    response: str


@dataclass(frozen=True)
class Match:
    """A method found for a request, with the values of the path's parameters."""

    method: Method
    path: Mapping[str, str]
    upload: str = ""  # "simple" or "resumable" where the address is one for media


@dataclass(frozen=True)
class _Route:
    pattern: re.Pattern[str]
    method: Method
    upload: str


def service_of(path: str) -> str:
    """`docs`, `drive` or `gmail`, or an empty text for a path that belongs to none of them."""
    return next((service for prefix, service in _PREFIXES if path.startswith(prefix)), "")


def find_method(verb: str, path: str) -> Match | None:
    """The method that answers `verb` at `path` (percent-decoded), or None."""
    service = service_of(path)
    if not service:
        return None
    for route in _routes(service):
        if route.method.verb == verb and (found := route.pattern.fullmatch(path)):
            return Match(route.method, found.groupdict(), route.upload)
    return None


@cache
def schemas(service: str) -> Mapping[str, Mapping[str, Any]]:
    """All schemas of a service by name."""
    found: Mapping[str, Mapping[str, Any]] = _document(service)["schemas"]
    return found


@cache
def _document(service: str) -> dict[str, Any]:
    package = find_spec("googleapiclient")
    if package is None or not package.submodule_search_locations:
        raise FileNotFoundError("google-api-python-client is not installed.")
    folder = Path(package.submodule_search_locations[0]) / "discovery_cache" / "documents"
    text = (folder / f"{_VERSIONS[service]}.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


@cache
def _routes(service: str) -> list[_Route]:
    document = _document(service)
    routes = [route for each in _descriptions(document) for route in _routes_of(service, each)]
    # A literal segment (`files/generateIds`) goes before a parameter (`files/{fileId}`).
    return sorted(routes, key=lambda route: route.pattern.pattern.count("(?P<"))


def _descriptions(resource: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    own = list(resource.get("methods", {}).values())
    below = [
        each for part in resource.get("resources", {}).values() for each in _descriptions(part)
    ]
    return own + below


def _routes_of(service: str, description: Mapping[str, Any]) -> list[_Route]:
    document = _document(service)
    own = {
        name: parameter
        for name, parameter in description.get("parameters", {}).items()
        if parameter["location"] == "query"
    }
    method = Method(
        id=description["id"],
        service=service,
        verb=description["httpMethod"],
        scopes=frozenset(description.get("scopes", ())),
        parameters={**document["parameters"], **own},
        request=description.get("request", {}).get("$ref", ""),
        response=description.get("response", {}).get("$ref", ""),
    )
    template = "/" + document["servicePath"] + description["path"]
    media = description.get("mediaUpload", {}).get("protocols", {})
    return [_Route(_pattern(template), method, "")] + [
        _Route(_pattern(protocol["path"]), method, kind) for kind, protocol in media.items()
    ]


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{\+?(\w+)\}", template)
    literal, names = parts[::2], parts[1::2]
    regex = re.escape(literal[0])
    for name, text in zip(names, literal[1:], strict=True):
        regex += f"(?P<{name}>[^/:]+)" + re.escape(text)
    return re.compile(regex)
