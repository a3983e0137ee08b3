"""A request made here is the one that Google's own client makes, for every method called."""

from __future__ import annotations

import json
from collections.abc import Mapping
from email import message_from_bytes
from email.message import Message
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from googleapiclient.discovery import build
from googleapiclient.http import HttpMock, MediaInMemoryUpload
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow.google.discovery import Media, Parameter, Request, find_method, root_url

ROOT = "http://127.0.0.1:8765"
VERSIONS = {"docs": "v1", "drive": "v3", "gmail": "v1"}
ID = st.text(min_size=1, max_size=12)
WORDS = st.text(max_size=40)
ME = st.just("me")

CALLED: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "docs.documents.get": {
        "documentId": ID,
        "includeTabsContent": st.booleans(),
        "suggestionsViewMode": st.just("SUGGESTIONS_INLINE"),
        "fields": WORDS,
    },
    "docs.documents.batchUpdate": {"documentId": ID, "fields": WORDS},
    "drive.about.get": {"fields": WORDS},
    "drive.files.copy": {"fileId": ID, "supportsAllDrives": st.booleans()},
    "drive.files.create": {"supportsAllDrives": st.booleans(), "fields": WORDS},
    "drive.files.delete": {"fileId": ID, "supportsAllDrives": st.booleans()},
    "drive.files.export": {"fileId": ID, "mimeType": st.just("text/csv")},
    "drive.files.generateIds": {"count": st.integers(1, 9), "fields": WORDS},
    "drive.files.get": {"fileId": ID, "supportsAllDrives": st.booleans(), "fields": WORDS},
    "drive.files.list": {"q": WORDS, "pageSize": st.integers(1, 1000), "pageToken": st.none() | ID},
    "drive.permissions.create": {"fileId": ID, "emailMessage": st.none() | WORDS},
    "drive.permissions.delete": {"fileId": ID, "permissionId": ID},
    "drive.permissions.list": {"fileId": ID, "pageToken": st.none() | ID},
    "gmail.users.drafts.create": {"userId": ME},
    "gmail.users.drafts.delete": {"userId": ME, "id": ID},
    "gmail.users.drafts.get": {"userId": ME, "id": ID, "format": st.just("raw")},
    "gmail.users.drafts.list": {"userId": ME, "maxResults": st.integers(1, 500)},
    "gmail.users.drafts.send": {"userId": ME},
    "gmail.users.getProfile": {"userId": ME, "fields": WORDS},
    "gmail.users.messages.get": {"userId": ME, "id": ID, "metadataHeaders": st.lists(WORDS)},
    "gmail.users.messages.send": {"userId": ME},
    "gmail.users.settings.sendAs.list": {"userId": ME, "fields": WORDS},
}
WITH_A_BODY = {
    "docs.documents.batchUpdate",
    "drive.files.copy",
    "drive.files.create",
    "drive.permissions.create",
    "gmail.users.drafts.create",
    "gmail.users.drafts.send",
    "gmail.users.messages.send",
}
TAKE_A_FILE = {"drive.files.create", "gmail.users.drafts.create", "gmail.users.messages.send"}


@cache
def googles_client(api: str) -> Any:
    options = {"api_endpoint": f"{ROOT}/drive/v3/" if api == "drive" else f"{ROOT}/"}
    return build(
        api,
        VERSIONS[api],
        http=HttpMock(),  # type: ignore[no-untyped-call]
        client_options=options,
        static_discovery=True,
    )


def by_googles_client(method: str, arguments: dict[str, Any]) -> Any:
    """The request, not sent, as google-api-python-client makes it."""
    api, *resources, last = method.split(".")
    holder = googles_client(api)
    for resource in resources:
        holder = getattr(holder, resource)()
    return getattr(holder, last)(**arguments)


def by_this_program(method: str, parameters: Mapping[str, Parameter], **more: Any) -> Request:
    api, _, name = method.partition(".")
    return find_method(api, VERSIONS[api], name).request(ROOT, parameters, **more)


def place_and_query(url: str) -> tuple[str, dict[str, list[str]]]:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}", parse_qs(
        parts.query, keep_blank_values=True
    )


@pytest.mark.parametrize("method", CALLED)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_a_request_is_the_one_that_googles_own_client_makes(
    method: str, data: st.DataObject
) -> None:
    parameters = data.draw(st.fixed_dictionaries(CALLED[method]))
    body = data.draw(st.dictionaries(WORDS, WORDS)) if method in WITH_A_BODY else None
    ours = by_this_program(method, parameters, body=body)
    theirs = by_googles_client(method, parameters if body is None else {**parameters, "body": body})
    assert ours.verb == theirs.method
    assert place_and_query(ours.url) == place_and_query(theirs.uri)
    assert json.loads(ours.body or "null") == json.loads(theirs.body or "null")
    assert ours.headers.get("Content-Type") == theirs.headers.get("content-type")


def parts_of(content_type: str, content: bytes) -> list[Message]:
    whole = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + content)
    parts = whole.get_payload()
    assert isinstance(parts, list)
    return [part for part in parts if isinstance(part, Message)]


@pytest.mark.parametrize("method", sorted(TAKE_A_FILE))
def test_a_file_goes_up_as_googles_own_client_sends_it(method: str) -> None:
    parameters = {name: "me" for name in CALLED[method] if name == "userId"}
    content, body = b"To: a@example.com\r\n\r\nhi\r\n", {"name": "x.eml"}
    ours = by_this_program(method, parameters, body=body, media=Media(content, "message/rfc822"))
    upload = MediaInMemoryUpload(content, mimetype="message/rfc822")
    theirs = by_googles_client(method, {**parameters, "body": body, "media_body": upload})
    path, query = place_and_query(ours.url)
    assert query == place_and_query(theirs.uri)[1]
    # With `api_endpoint` Google's client still uploads to the real Google: a reason not to use it.
    assert urlsplit(path).path == urlsplit(theirs.uri).path
    sent = parts_of(ours.headers["Content-Type"], ours.body or b"")
    expected = parts_of(theirs.headers["content-type"], theirs.body)
    for mine, googles in zip(sent, expected, strict=True):
        assert mine.get_content_type() == googles.get_content_type()
    assert [json.loads(str(parts[0].get_payload())) for parts in (sent, expected)] == [body, body]
    assert content in (ours.body or b"")


def test_an_address_too_long_for_google_goes_as_a_post_that_says_it_reads() -> None:
    parameters: dict[str, Parameter] = {"documentId": "d", "fields": "tabs," * 1000}
    ours = by_this_program("docs.documents.get", parameters)
    assert (ours.verb, ours.url) == ("POST", f"{ROOT}/v1/documents/d")
    assert ours.headers["X-HTTP-Method-Override"] == "GET"
    assert parse_qs((ours.body or b"").decode())["fields"] == [parameters["fields"]]


@pytest.mark.parametrize(
    "parameters", [{}, {"documentId": None}, {"documentId": "d", "feilds": "revisionId"}]
)
def test_a_parameter_that_is_missing_or_misspelt_is_a_defect(
    parameters: dict[str, Parameter],
) -> None:
    with pytest.raises(TypeError, match=r"docs\.documents\.get"):
        by_this_program("docs.documents.get", parameters)


@pytest.mark.parametrize(
    ("api", "place"),
    [
        ("docs", "https://docs.googleapis.com/"),
        ("drive", "https://www.googleapis.com/"),
        ("gmail", "https://gmail.googleapis.com/"),
    ],
)
def test_each_api_is_at_googles_own_address(api: str, place: str) -> None:
    assert root_url(api, VERSIONS[api]) == place
