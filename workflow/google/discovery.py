"""Requests to Docs, Drive and Gmail, made as Google's discovery documents describe the methods.

The documents are those inside google-api-python-client. Its client is not imported: with httplib2
and cryptography behind it, loading it takes as long as all else that an entry needs (0.25 s,
measured). A test holds that what is made here is what that client makes.
"""

from __future__ import annotations

import functools
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

Json = dict[str, Any]
Parameter = str | int | bool | Sequence[str] | None

# A longer GET goes as a POST that says what it is, as Google's own client does it.
_LONGEST_ADDRESS = 2048
_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
    # Google packs its answers only for an agent that names gzip (its guide on performance).
    "User-Agent": "postmortem (gzip)",
}


class Media(NamedTuple):
    """A file that goes up beside a request's body."""

    content: bytes
    media_type: str


class Request(NamedTuple):
    """An HTTP request, with its whole address."""

    verb: str
    url: str
    headers: dict[str, str]
    body: bytes | None


@dataclass(frozen=True)
class Method:
    """One method of an API; `id` is `gmail.users.drafts.send`.

    `path` and `upload_path` are templates below a server's root, `/v1/documents/{documentId}`;
    `upload_path` is empty where no file can go up. `answers` is whether success has a JSON body.
    """

    id: str
    verb: str
    path: str
    upload_path: str
    in_path: frozenset[str]
    in_query: frozenset[str]
    answers: bool

    def request(
        self,
        root_url: str,
        parameters: Mapping[str, Parameter],
        *,
        body: Json | None = None,
        media: Media | None = None,
    ) -> Request:
        """The request to the server at `root_url`; a parameter that is None is left out.

        Raises TypeError for a parameter that the method lacks, and for a missing one of its path.
        """
        given = {name: value for name, value in parameters.items() if value is not None}
        if not self.in_path <= given.keys() <= self.in_path | self.in_query:
            raise TypeError(f"{self.id} does not go with {sorted(given)}")
        query = [(name, _text(given[name])) for name in given if name in self.in_query]
        query += [("alt", "json")] if self.answers else []
        query += [("uploadType", "multipart")] if media else []
        path = _FIELD.sub(
            lambda field: quote(str(given[field[1]]), safe=""),
            self.upload_path if media else self.path,
        )
        address = root_url.rstrip("/") + path
        if media:
            content_type, content = _multipart(body or {}, media)
        elif body is not None:
            content_type, content = "application/json", json.dumps(body).encode()
        else:
            return _bare(self.verb, address, urlencode(query, doseq=True))
        headers = {**_HEADERS, "Content-Type": content_type}
        return Request(self.verb, f"{address}?{urlencode(query, doseq=True)}", headers, content)


@functools.cache
def find_method(api: str, version: str, name: str) -> Method:
    """The method that `users.drafts.send` names. Raises KeyError where the API has none."""
    document = _document(api, version)
    *resources, last = name.split(".")
    holder = document
    for resource in resources:
        holder = holder["resources"][resource]
    described = holder["methods"][last]
    own = described.get("parameters", {})
    protocols = described.get("mediaUpload", {}).get("protocols", {})
    return Method(
        id=described["id"],
        verb=described["httpMethod"],
        path=f"/{document['servicePath']}{described['path']}",
        upload_path=protocols.get("simple", {}).get("path", ""),
        in_path=frozenset(each for each in own if own[each]["location"] == "path"),
        in_query=frozenset(each for each in own if own[each]["location"] == "query")
        | document["parameters"].keys(),
        answers="response" in described,
    )


def root_url(api: str, version: str) -> str:
    """Where Google has an API: `https://gmail.googleapis.com/`."""
    return str(_document(api, version)["rootUrl"])


@functools.cache
def _document(api: str, version: str) -> Json:
    package = find_spec("googleapiclient")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError("google-api-python-client is not installed")
    folder = Path(package.submodule_search_locations[0]) / "discovery_cache" / "documents"
    document: Json = json.loads((folder / f"{api}.{version}.json").read_bytes())
    del document["schemas"]  # most of it; nothing here looks at them
    return document


_FIELD = re.compile(r"\{(\w+)\}")


def _text(value: Parameter) -> str | list[str]:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    return list(value or ())


def _bare(verb: str, address: str, query: str) -> Request:
    whole = f"{address}?{query}" if query else address
    if verb != "GET" or len(whole) <= _LONGEST_ADDRESS:
        return Request(verb, whole, _HEADERS, None)
    headers = {
        **_HEADERS,
        "Content-Type": "application/x-www-form-urlencoded",
        "X-HTTP-Method-Override": "GET",
    }
    return Request("POST", address, headers, query.encode())


def _multipart(body: Json, media: Media) -> tuple[str, bytes]:
    """The content type and content of an upload: the resource, and then the file as it is."""
    boundary = f"postmortem-{secrets.token_hex(16)}"
    content = b"\r\n".join(
        (
            f"--{boundary}".encode(),
            b"Content-Type: application/json; charset=UTF-8",
            b"",
            json.dumps(body).encode(),
            f"--{boundary}".encode(),
            f"Content-Type: {media.media_type}".encode(),
            b"Content-Transfer-Encoding: binary",
            b"",
            media.content,
            f"--{boundary}--".encode(),
            b"",
        )
    )
    return f"multipart/related; boundary={boundary}", content
