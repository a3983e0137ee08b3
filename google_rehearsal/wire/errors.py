"""Google's errors and their bodies; and the check of values that refuses the most.

Docs has no `errors` list; Drive's own refusals have no `status`; Gmail has both (recorded bodies in
tests/fixtures/google_errors).

Requests are checked as Google's front end parses them: every error is found and worded as Google
words it. Answers are checked strictly: a wrong one is a defect of the rehearsal. The documents of
Docs v1, Drive v3 and Gmail v1 are those in google-api-python-client; the package is located, not
imported.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# --- Errors ---------------------------------------------------------------------------------------

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


# --- The check of values --------------------------------------------------------------------------

Schemas = Mapping[str, Mapping[str, Any]]

_INTEGERS = {"int32": (-(2**31), 2**31 - 1), "uint32": (0, 2**32 - 1)}
_LONGS = {"int64": (-(2**63), 2**63 - 1), "uint64": (0, 2**64 - 1)}
_LARGEST = {"float": 3.4028234663852886e38, "double": sys.float_info.max}
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


@dataclass(frozen=True)
class Violation:
    """One error in a request: the field's path as Google writes it, and the sentence about it."""

    field: str
    description: str


def request_violations(schemas: Schemas, name: str, value: Any, root: str = "") -> list[Violation]:
    """All errors in a request body; `root` is the body's name in paths, often empty."""
    found: list[Violation] = []
    _Check(schemas, found.append).reference(name, value, root)
    return found


def answer_fault(schemas: Schemas, name: str, value: Any) -> str:
    """A sentence about the first error in an answer, or an empty text."""
    found: list[Violation] = []
    _Check(schemas, found.append).reference(name, value, "")
    return f"{name}: {found[0].description}" if found else ""


def snake(name: str) -> str:
    """`insertText` as Google's errors write it: `insert_text`."""
    return _CAPITAL.sub("_", name).lower()


def decoded_bytes(text: str) -> bytes | None:
    """The bytes of a base64 text, in either alphabet, padded or not; None if it is neither."""
    standard = text.replace("-", "+").replace("_", "/").rstrip("=")
    if re.search(r"[^A-Za-z0-9+/]", standard):
        return None
    try:
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except binascii.Error:
        return None


class _Check:
    def __init__(self, schemas: Schemas, report: Callable[[Violation], None]) -> None:
        self.schemas = schemas
        self.report = report

    def reference(self, name: str, value: Any, path: str) -> None:
        if not isinstance(value, dict):
            self._invalid(path, name, value)
            return
        self._members(self.schemas[name], value, path)

    def value(self, schema: Mapping[str, Any], value: Any, path: str) -> None:
        if value is None:  # JSON's null leaves a field unset
            return
        if "$ref" in schema:
            if isinstance(value, list):
                self._not_repeating(path)
                return
            self.reference(schema["$ref"], value, path)
            return
        kind = schema.get("type", "any")
        if isinstance(value, list) and kind not in {"array", "any"}:
            self._not_repeating(path)
            return
        _KINDS[kind](self, schema, value, path)

    def _members(self, schema: Mapping[str, Any], value: dict[str, Any], path: str) -> None:
        properties = schema.get("properties", {})
        extra = schema.get("additionalProperties")
        for name, member in value.items():
            inside = f"{path}.{snake(name)}" if path else snake(name)
            if name in properties:
                self.value(properties[name], member, inside)
            elif extra is not None:
                self.value(extra, member, f"{path}.{name}")
            else:
                self._unknown(name, path, "Cannot find field.")

    def object(self, schema: Mapping[str, Any], value: Any, path: str) -> None:
        if isinstance(value, dict):
            self._members(schema, value, path)
        else:
            self._invalid(path, "Map", value)

    def array(self, schema: Mapping[str, Any], value: Any, path: str) -> None:
        if not isinstance(value, list):
            self._invalid(path, "List", value)
            return
        for position, item in enumerate(value):
            if item is None:
                self._invalid(f"{path}[{position}]", "Item", item)
            self.value(schema["items"], item, f"{path}[{position}]")

    def string(self, schema: Mapping[str, Any], value: Any, path: str) -> None:
        form = schema.get("format", "")
        if form in _LONGS:
            self._long(form, value, path)
        elif not isinstance(value, str):
            self._invalid(path, "TYPE_STRING", value)
        elif "enum" in schema and value not in schema["enum"]:
            self._invalid(path, "TYPE_ENUM", value)
        elif form == "byte" and decoded_bytes(value) is None:
            self._sentence(path, f"(TYPE_BYTES), Base64 decoding failed for {_shown(value)}")
        elif form in {"date-time", "google-datetime"} and not _is_instant(value):
            self._sentence(
                path, f"(type.googleapis.com/google.protobuf.Timestamp), {_shown(value)}"
            )
        elif form == "date" and not _is_date(value):
            self._invalid(path, "TYPE_STRING", value)

    def integer(self, schema: Mapping[str, Any], value: Any, path: str) -> None:
        form = schema.get("format", "int32")
        low, high = _INTEGERS[form]
        # `3.0` has been read as 3 (`wire.call`).
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self._invalid(path, f"TYPE_{form.upper()}", value)

    def number(self, schema: Mapping[str, Any], value: Any, path: str) -> None:
        form = schema.get("format", "double")
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not -_LARGEST[form] <= value <= _LARGEST[form]:
            self._invalid(path, f"TYPE_{form.upper()}", value)

    def boolean(self, _schema: Mapping[str, Any], value: Any, path: str) -> None:
        if not isinstance(value, bool):
            self._invalid(path, "TYPE_BOOL", value)

    def anything(self, _schema: Mapping[str, Any], _value: Any, _path: str) -> None:
        pass

    def _long(self, form: str, value: Any, path: str) -> None:
        low, high = _LONGS[form]
        digits = isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,20}", value)
        if not digits or not low <= int(value) <= high:
            self._invalid(path, f"TYPE_{form.upper()}", value)

    def _unknown(self, name: str, path: str, why: str) -> None:
        place = f" at '{path}'" if path else ""
        self.report(
            Violation(path, f'Invalid JSON payload received. Unknown name "{name}"{place}: {why}')
        )

    def _not_repeating(self, path: str) -> None:
        above, _, name = path.rpartition(".")
        self._unknown(name, above, "Proto field is not repeating, cannot start list.")

    def _invalid(self, path: str, kind: str, value: Any) -> None:
        self._sentence(path, f"({kind}), {_shown(value)}")

    def _sentence(self, path: str, rest: str) -> None:
        self.report(Violation(path, f"Invalid value at '{path}' {rest}"))


_KINDS: dict[str, Callable[[_Check, Mapping[str, Any], Any, str], None]] = {
    "object": _Check.object,
    "array": _Check.array,
    "string": _Check.string,
    "integer": _Check.integer,
    "number": _Check.number,
    "boolean": _Check.boolean,
    "any": _Check.anything,
}


def _is_instant(text: str) -> bool:
    """Whether it is an instant of the years 1 to 9999, as `google.protobuf.Timestamp` has them."""
    if not _INSTANT.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return False
    return True


def _is_date(text: str) -> bool:
    return bool(_DATE.fullmatch(text)) and _is_instant(f"{text}T00:00:00Z")


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value[:100]}"'
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return str(value)[:100]


_VERSIONS = {"docs": "docs.v1", "drive": "drive.v3", "gmail": "gmail.v1"}
_IDENTITY = (
    *("openid", "email", "profile"),
    "https://www.googleapis.com/auth/userinfo.email",
    "https://www.googleapis.com/auth/userinfo.profile",
)
# Longest first: the start of a path decides its service.
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
    """One method of an API, from its discovery document.

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
    upload: str = ""  # "simple" or "resumable" if the address is for media


@dataclass(frozen=True)
class _Route:
    pattern: re.Pattern[str]
    method: Method
    upload: str


def service_of(path: str) -> str:
    """`docs`, `drive` or `gmail`, or "" for any other path."""
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
def known_scopes() -> frozenset[str]:
    """The scopes that an app may ask for: those of the three APIs, and of the sign-in itself."""
    apis = (document["auth"]["oauth2"]["scopes"] for document in map(_document, _VERSIONS))
    return frozenset(_IDENTITY).union(*apis)


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
    # A literal segment (`files/generateIds`) comes before a parameter (`files/{fileId}`).
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
