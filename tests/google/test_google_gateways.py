"""Each gateway's exact requests to Google, and its reading of the answers."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.google.misbehaving_server import Received, http_answer, running
from workflow.google import (
    AcceptedMail,
    Draft,
    Endpoint,
    Google,
    Refused,
    StaleRevision,
    Undecided,
    connect,
    emulator_session,
)

Answer = tuple[int, dict[str, object]]

NOT_FOUND: Answer = (404, {"error": {"code": 404, "message": "Requested entity was not found."}})
DRAFT: dict[str, object] = {"id": "r-1", "message": {"id": "m1", "threadId": "t1"}}
SENT: dict[str, object] = {"id": "m2", "threadId": "t1", "labelIds": ["SENT"]}


@contextmanager
def google_answering(*script: Answer) -> Iterator[tuple[Google, list[Received]]]:
    """A Google that gives these answers in turn, and the requests it got."""
    answers = iter(script)

    def behave(connection: socket.socket, _: Received) -> None:
        status, body = next(answers)
        connection.sendall(http_answer(status, b"" if status == 204 else body))

    with running(behave) as server:
        google = connect(Endpoint(server.url), lambda: emulator_session(server.url), 2)
        yield google, server.received


def asked(request: Received) -> tuple[str, str, dict[str, str], object]:
    """Method, path, query without `alt=json`, and body of a request."""
    parts = urlsplit(request.target)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    assert query.pop("alt") == "json"
    return request.method, parts.path, query, json.loads(request.body or b"null")


# --- Docs ---------------------------------------------------------------------------------------


def test_a_document_is_read_with_its_tabs_and_with_suggestions_inline() -> None:
    mask = "revisionId,tabs(documentTab(body/content(startIndex,endIndex)))"
    with google_answering((200, {"revisionId": "rev"})) as (google, received):
        assert google.docs.get("doc/1", mask) == {"revisionId": "rev"}
    assert asked(received[0]) == (
        "GET",
        "/v1/documents/doc%2F1",
        {
            "fields": mask,
            "includeTabsContent": "true",
            "suggestionsViewMode": "SUGGESTIONS_INLINE",
        },
        None,
    )


def test_a_mask_too_long_for_an_address_is_still_a_read() -> None:
    with google_answering((200, {"revisionId": "rev"})) as (google, received):
        google.docs.get("d", ",".join(["revisionId"] * 300))
    assert received[0].method == "POST"
    assert received[0].headers["x-http-method-override"] == "GET"


def test_a_locked_write_carries_its_revision_and_gives_the_next_one() -> None:
    requests = [{"insertText": {"text": "é 🎉", "location": {"index": 1}}}]
    answer: dict[str, object] = {
        "documentId": "d",
        "writeControl": {"requiredRevisionId": "rev2"},
    }
    with google_answering((200, answer)) as (google, received):
        assert google.docs.batch_update("d", requests, required_revision="rev1") == "rev2"
    assert asked(received[0]) == (
        "POST",
        "/v1/documents/d:batchUpdate",
        {"fields": "documentId,writeControl"},
        {"requests": requests, "writeControl": {"requiredRevisionId": "rev1"}},
    )


def test_an_unlocked_write_carries_no_revision() -> None:
    with google_answering((200, {"documentId": "d"})) as (google, received):
        assert google.docs.batch_update("d", [], required_revision=None) == ""
    assert asked(received[0])[3] == {"requests": []}


BAD: Answer = (
    400,
    {"error": {"code": 400, "message": "Invalid requests[3].insertText: no.", "status": "X"}},
)


def test_a_400_to_a_locked_write_may_be_a_stale_lock() -> None:
    with google_answering(BAD) as (google, _), pytest.raises(StaleRevision) as caught:
        google.docs.batch_update("d", [], required_revision="rev1")
    assert caught.value.carried == "rev1"
    assert caught.value.request_index == 3
    assert caught.value.method == "docs.documents.batchUpdate"


def test_a_400_to_an_unlocked_write_and_any_other_refusal_are_just_that() -> None:
    with google_answering(BAD, NOT_FOUND) as (google, _):
        for revision in (None, "rev1"):
            with pytest.raises(Refused) as caught:
                google.docs.batch_update("d", [], required_revision=revision)
            assert type(caught.value) is Refused


# --- Drive --------------------------------------------------------------------------------------


def test_a_document_is_created_in_its_folder_with_its_incident() -> None:
    answer: dict[str, object] = {
        "id": "1abc",
        "webViewLink": "https://docs.google.com/d/1abc?usp=drivesdk",
    }
    with google_answering((200, answer)) as (google, received):
        made = google.drive.create_document(
            "Mail went to the wrong list",
            parent="folder",
            app_properties={"incident": "i1"},
            properties={"incident": "i1"},
        )
    assert made == ("1abc", "https://docs.google.com/d/1abc")
    assert asked(received[0]) == (
        "POST",
        "/drive/v3/files",
        {"fields": "id,webViewLink", "supportsAllDrives": "true"},
        {
            "name": "Mail went to the wrong list",
            "mimeType": "application/vnd.google-apps.document",
            "parents": ["folder"],
            "appProperties": {"incident": "i1"},
            "properties": {"incident": "i1"},
        },
    )


def test_without_a_folder_a_document_goes_to_my_drive() -> None:
    answer: dict[str, object] = {"id": "1", "webViewLink": "u"}
    with google_answering((200, answer)) as (google, received):
        google.drive.create_document("x", parent=None, app_properties={}, properties={})
    body = asked(received[0])[3]
    assert isinstance(body, dict)
    assert "parents" not in body


def test_a_template_in_drive_is_copied() -> None:
    answer: dict[str, object] = {"id": "2", "webViewLink": "u2"}
    with google_answering((200, answer)) as (google, received):
        made = google.drive.copy_document(
            "tmpl", "Copy", parent="f", app_properties={"incident": "i"}, properties={}
        )
    assert made.id == "2"
    method, path, _, body = asked(received[0])
    assert (method, path) == ("POST", "/drive/v3/files/tmpl/copy")
    assert body == {
        "name": "Copy",
        "parents": ["f"],
        "appProperties": {"incident": "i"},
        "properties": {},
    }


def test_a_creation_without_an_id_in_its_answer_is_undecided() -> None:
    with (
        google_answering((200, {"kind": "drive#file"})) as (google, _),
        pytest.raises(Undecided) as caught,
    ):
        google.drive.create_document("x", parent=None, app_properties={}, properties={})
    assert caught.value.method == "drive.files.create"


def test_an_incidents_documents_are_found_on_every_page_by_either_kind_of_property() -> None:
    pages: list[Answer] = [
        (
            200,
            {
                "nextPageToken": "p2",
                "files": [
                    {"id": "a", "appProperties": {"incident": "i1"}},
                    {"id": "b", "appProperties": {"incident": "i2"}},
                    {"id": "c"},
                ],
            },
        ),
        (200, {"files": [{"id": "d", "properties": {"incident": "i1"}}]}),
    ]
    with google_answering(*pages) as (google, received):
        found = google.drive.find_documents("it's \\ here", "i1")
    assert [file["id"] for file in found] == ["a", "d"]
    first, second = (asked(request)[2] for request in received)
    assert first["q"] == (
        "'it\\'s \\\\ here' in parents"
        " and mimeType = 'application/vnd.google-apps.document' and trashed = false"
    )
    assert first["orderBy"] == "createdTime desc"
    assert first["includeItemsFromAllDrives"] == first["supportsAllDrives"] == "true"
    assert "pageToken" not in first
    assert second["pageToken"] == "p2"


def test_without_a_folder_documents_are_looked_for_in_my_drive() -> None:
    with google_answering((200, {})) as (google, received):
        assert google.drive.find_documents(None, "i1") == []
    assert asked(received[0])[2]["q"].startswith("'root' in parents")


def test_a_doc_is_shared_without_a_mail_unless_one_is_asked_for() -> None:
    with google_answering((200, {"id": "p1"}), (200, {"id": "p2"}), (200, {"id": "p3"})) as (
        google,
        received,
    ):
        share = google.drive.share
        assert share("d", "user", "a@example.com", "writer") == "p1"
        assert share("d", "group", "all@example.com", "reader", mail="") == "p2"
        assert share("d", "user", "b@example.com", "commenter", mail="Please read.") == "p3"
    queries = [asked(request)[2] for request in received]
    assert [query["sendNotificationEmail"] for query in queries] == ["false", "true", "true"]
    assert [query.get("emailMessage") for query in queries] == [None, None, "Please read."]
    assert asked(received[0])[3] == {
        "type": "user",
        "role": "writer",
        "emailAddress": "a@example.com",
    }


def test_a_domain_or_anyone_is_let_in_with_no_word_of_a_mail() -> None:
    with google_answering((200, {"id": "p1"}), (200, {"id": "p2"})) as (google, received):
        google.drive.share("d", "domain", "example.com", "reader")
        google.drive.share("d", "anyone", "", "reader", mail="ignored")
    domain, anyone = (asked(request) for request in received)
    assert domain[3] == {"type": "domain", "role": "reader", "domain": "example.com"}
    assert anyone[3] == {"type": "anyone", "role": "reader"}
    for _, _, query, _ in (domain, anyone):
        assert {"sendNotificationEmail", "emailMessage"}.isdisjoint(query)


def test_permissions_are_read_to_the_last_page() -> None:
    pages: list[Answer] = [
        (200, {"nextPageToken": "n", "permissions": [{"id": "1"}]}),
        (200, {"permissions": [{"id": "2"}]}),
    ]
    with google_answering(*pages) as (google, _):
        assert google.drive.permissions("d") == [{"id": "1"}, {"id": "2"}]


def test_the_account_is_asked_of_drive() -> None:
    user = {"emailAddress": "lead@example.com", "displayName": "Lead"}
    with google_answering((200, {"user": user})) as (google, received):
        assert google.drive.account() == ("lead@example.com", "Lead")
    assert asked(received[0])[1:3] == (
        "/drive/v3/about",
        {"fields": "user(emailAddress,displayName)"},
    )


# --- Gmail --------------------------------------------------------------------------------------


@given(raw=st.binary(max_size=200))
@settings(max_examples=30, deadline=None)
def test_any_message_reaches_gmail_and_comes_back_byte_for_byte(raw: bytes) -> None:
    encoded = base64.urlsafe_b64encode(raw).decode() or "="
    with google_answering((200, DRAFT), (200, {"message": {"raw": encoded}})) as (
        google,
        received,
    ):
        google.gmail.create_draft(raw)
        body = json.loads(received[0].body)
        assert base64.urlsafe_b64decode(body["message"]["raw"]) == raw
        if raw:
            assert google.gmail.get_draft_raw("r-1") == raw


def test_a_draft_is_made_in_its_thread() -> None:
    with google_answering((200, DRAFT), (200, DRAFT)) as (google, received):
        assert google.gmail.create_draft(b"hi") == Draft("r-1", "m1", "t1")
        google.gmail.create_draft(b"hi", thread_id="t1")
    assert asked(received[0]) == (
        "POST",
        "/gmail/v1/users/me/drafts",
        {},
        {"message": {"raw": "aGk="}},
    )
    assert asked(received[1])[3] == {"message": {"raw": "aGk=", "threadId": "t1"}}


def test_a_draft_is_sent_by_its_id_and_the_mail_has_one_of_its_own() -> None:
    with google_answering((200, SENT)) as (google, received):
        assert google.gmail.send_draft("r-1") == AcceptedMail("m2", "t1")
    assert asked(received[0]) == (
        "POST",
        "/gmail/v1/users/me/drafts/send",
        {},
        {"id": "r-1"},
    )


def test_a_message_is_sent_in_one_step() -> None:
    with google_answering((200, SENT)) as (google, received):
        assert google.gmail.send_message(b"hi", thread_id="t9") == AcceptedMail("m2", "t1")
    assert asked(received[0])[1:] == (
        "/gmail/v1/users/me/messages/send",
        {},
        {"raw": "aGk=", "threadId": "t9"},
    )


def test_a_message_of_attachments_goes_up_beside_its_resource() -> None:
    raw = b"To: a@example.com\r\n\r\n" + b"From QUJD\r\n" * 100_000
    with google_answering((200, DRAFT), (200, SENT)) as (google, received):
        google.gmail.create_draft(raw, thread_id="t1")
        google.gmail.send_message(raw)
    draft, message = received
    assert draft.target.startswith("/upload/gmail/v1/users/me/drafts?")
    assert message.target.startswith("/upload/gmail/v1/users/me/messages/send?")
    assert draft.headers["content-type"].startswith("multipart/related")
    assert b'{"message": {"threadId": "t1"}}' in draft.body
    assert raw in message.body


def test_a_large_message_that_is_not_ascii_stays_in_its_resource() -> None:
    raw = "Grüße".encode() * 300_000
    with google_answering((200, SENT)) as (google, received):
        google.gmail.send_message(raw)
    assert base64.urlsafe_b64decode(json.loads(received[0].body)["raw"]) == raw


def test_a_draft_is_there_or_gone_and_anything_else_is_a_fault() -> None:
    broken: Answer = (500, {"error": {"code": 500, "message": "Backend Error"}})
    with google_answering((200, DRAFT), NOT_FOUND, BAD, broken) as (google, _):
        assert google.gmail.look_at_draft("r-1") is not None
        assert google.gmail.look_at_draft("r-1") is None
        with pytest.raises(Refused):
            google.gmail.look_at_draft("r-1")
        with pytest.raises(Undecided):
            google.gmail.look_at_draft("r-1")


def test_a_404_that_is_not_googles_does_not_say_that_a_draft_is_gone() -> None:
    with (
        google_answering((404, {"detail": "no such page"})) as (google, _),
        pytest.raises(Undecided),
    ):
        google.gmail.look_at_draft("r-1")


def test_a_draft_is_deleted_for_good() -> None:
    with google_answering((204, {}), NOT_FOUND) as (google, received):
        google.gmail.delete_draft("r-1")
        with pytest.raises(Refused):
            google.gmail.delete_draft("r-1")
    assert received[0].method == "DELETE"
    assert urlsplit(received[0].target).path == "/gmail/v1/users/me/drafts/r-1"


def test_drafts_are_listed_to_the_last_page() -> None:
    second = {"id": "r-2", "message": {"id": "m2", "threadId": "t2"}}
    pages: list[Answer] = [
        (200, {"drafts": [DRAFT], "nextPageToken": "n"}),
        (200, {"drafts": [second]}),
    ]
    with google_answering(*pages) as (google, received):
        assert google.gmail.list_drafts() == [Draft("r-1", "m1", "t1"), Draft("r-2", "m2", "t2")]
    assert asked(received[1])[2] == {"maxResults": "500", "pageToken": "n"}


def test_an_empty_mailbox_has_no_drafts() -> None:
    with google_answering((200, {"resultSizeEstimate": 0})) as (google, _):
        assert google.gmail.list_drafts() == []


def test_the_mailbox_tells_its_own_address() -> None:
    with google_answering((200, {"emailAddress": "lead@example.com"})) as (google, received):
        assert google.gmail.address() == "lead@example.com"
    assert asked(received[0])[1:3] == ("/gmail/v1/users/me/profile", {"fields": "emailAddress"})


def test_a_draft_whose_bytes_can_not_be_read_is_undecided() -> None:
    with (
        google_answering((200, {"message": {"raw": "abcde"}})) as (google, _),
        pytest.raises(Undecided),
    ):
        google.gmail.get_draft_raw("r-1")
