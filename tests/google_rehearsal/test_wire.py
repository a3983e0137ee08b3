"""Every call passes these: addresses, sign-in, scopes, parameters, bodies, partial answers."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests

from google_rehearsal.wire.errors import answer_fault, schemas
from tests.google_rehearsal.caller import DOC_TYPE, Google, encoded, mail, recorded

DRAFTS = "/gmail/v1/users/me/drafts"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/documents/1nope", "backlot_docs_401_no_token"),
        ("/drive/v3/files", "backlot_drive_403_no_token"),
        ("/gmail/v1/users/me/labels", "backlot_gmail_401_no_token"),
    ],
)
def test_a_call_without_a_token_gets_the_recorded_refusal(
    google: Google, path: str, name: str
) -> None:
    assert google.refusal("GET", path, token="") == recorded(name)


@pytest.mark.parametrize(
    "token", ["nonsense", "rehearsal:no-address", "rehearsal:a@b.example:x:y:z"]
)
@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/documents/1nope", "backlot_docs_401_bad_token"),
        ("/drive/v3/files", "backlot_drive_401_bad_token"),
        ("/gmail/v1/users/me/labels", "backlot_gmail_401_bad_token"),
    ],
)
def test_an_unknown_token_gets_the_recorded_refusal(
    google: Google, path: str, name: str, token: str
) -> None:
    answer = google.call("GET", path, token=token)
    assert answer.json()["error"] == recorded(name)
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("verb", "path", "scopes"),
    [
        ("GET", "/gmail/v1/users/me/messages", "gmail.compose"),
        ("GET", "/gmail/v1/users/me/profile", "gmail.send"),
        ("POST", DRAFTS, "gmail.send"),
        ("GET", "/gmail/v1/users/me/settings/sendAs", "gmail.compose"),
        ("GET", "/drive/v3/files", "documents"),
        ("POST", "/v1/documents", "documents.readonly"),
    ],
)
def test_a_token_without_the_methods_scope_is_told_so(
    google: Google, verb: str, path: str, scopes: str
) -> None:
    error = google.refusal(verb, path, token=f"rehearsal:a@b.example:{scopes}")
    assert error.pop("details")[0]["reason"] == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"
    wanted = recorded("drive_403_insufficient_scopes")
    if path.startswith("/v1/"):
        del wanted["errors"]
    assert error == wanted


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", "/v1/document"),
        ("GET", "/drive/v2/files"),
        ("GET", "/gmail/v1/users/me/nothing"),
        ("PUT", "/v1/documents"),
        ("DELETE", "/gmail/v1/users/me/profile"),
        ("GET", "/v1/documents/x:batchUpdate"),
    ],
)
def test_an_address_or_verb_that_no_method_has_is_a_404(
    google: Google, verb: str, path: str
) -> None:
    error = google.refusal(verb, path)
    assert (error["code"], error["status"]) == (404, "NOT_FOUND")
    assert error["message"] == "Method not found."


@pytest.mark.parametrize(
    ("verb", "path", "what"),
    [
        ("GET", "/drive/v3/files/x/revisions?fields=*", "drive.revisions.list"),
        ("POST", "/batch/gmail/v1", "The batch endpoint /batch/gmail/v1"),
        ("POST", "/gmail/v1/users/me/messages/import", "gmail.users.messages.import"),
    ],
)
def test_a_part_of_google_that_is_missing_here_says_so_loudly(
    google: Google, verb: str, path: str, what: str
) -> None:
    token = "rehearsal:a@b.example:drive,mail.google.com"
    error = google.refusal(verb, path, token=token)
    assert error["code"] == 501
    assert error["message"] == f"{what} is not part of the rehearsal Google."


@pytest.mark.parametrize("path", ["/v1/documents/x", "/drive/v3/files", f"{DRAFTS}/r-1"])
def test_an_unknown_query_parameter_is_refused(google: Google, path: str) -> None:
    error = google.refusal("GET", path, params={"colour": "red"})
    assert error["message"] == (
        'Invalid JSON payload received. Unknown name "colour": Cannot bind query parameter. '
        "Field 'colour' could not be found in request message."
    )
    assert error["status"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            "/v1/documents/x?includeTabsContent=yes",
            "Invalid value at 'include_tabs_content' (TYPE_BOOLEAN), \"yes\"",
        ),
        (
            "/v1/documents/x?suggestionsViewMode=ALL",
            "Invalid value at 'suggestions_view_mode' (TYPE_ENUM), \"ALL\"",
        ),
        (f"{DRAFTS}?maxResults=-1", "Invalid value at 'max_results' (TYPE_INTEGER), \"-1\""),
        ("/drive/v3/files?pageSize=5000", "Invalid value '5000'."),
        ("/drive/v3/files?pageSize=2&pageSize=3", "Invalid value '3'."),
    ],
)
def test_a_query_parameter_of_the_wrong_kind_is_refused(
    google: Google, path: str, message: str
) -> None:
    assert google.refusal("GET", path)["message"] == message


def test_drive_refuses_a_field_it_does_not_have(google: Google) -> None:
    error = google.refusal("GET", "/drive/v3/files", params={"fields": "bogus"})
    assert error == recorded("backlot_drive_400_bad_fields")


@pytest.mark.parametrize(
    "mask", ["title,bogus", "body/bogus", "body(content/bogus)", "a b", "(", ","]
)
def test_docs_refuses_a_mask_that_it_cannot_expand(google: Google, mask: str) -> None:
    doc_id = google.new_doc()
    error = google.refusal("GET", f"/v1/documents/{doc_id}", params={"fields": mask})
    assert error["message"] == "Request contains an invalid argument."
    described = error["details"][0]["fieldViolations"][0]["description"]
    assert described.startswith("Error expanding 'fields' parameter. Cannot find matching fields")


INSERT = {"location": {"index": 1}, "text": "x"}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            {"requests": [{"insertTxt": {}}]},
            "Invalid JSON payload received. Unknown name \"insertTxt\" at 'requests[0]': "
            "Cannot find field.",
        ),
        (
            {"requests": [{"insertText": {**INSERT, "x": 1}}]},
            "Invalid JSON payload received. Unknown name \"x\" at 'requests[0].insert_text': "
            "Cannot find field.",
        ),
        (
            {"requests": [{"insertText": {**INSERT, "location": {"index": "one"}}}]},
            "Invalid value at 'requests[0].insert_text.location.index' (TYPE_INT32), \"one\"",
        ),
        (
            {"requests": [{"insertText": {**INSERT, "location": {"index": 2**31}}}]},
            "Invalid value at 'requests[0].insert_text.location.index' (TYPE_INT32), 2147483648",
        ),
        (
            {"requests": [{"insertText": {**INSERT, "text": 7}}]},
            "Invalid value at 'requests[0].insert_text.text' (TYPE_STRING), 7",
        ),
        (
            {"requests": [{"insertText": {**INSERT, "text": ["x"]}}]},
            "Invalid JSON payload received. Unknown name \"text\" at 'requests[0].insert_text': "
            "Proto field is not repeating, cannot start list.",
        ),
        ({"requests": {}}, "Invalid value at 'requests' (List), {}"),
        ({"requests": [None]}, "Invalid value at 'requests[0]' (Item), null"),
        (
            {"requests": [], "writeControl": {"writeMode": "MAYBE"}},
            "Invalid value at 'write_control.write_mode' (TYPE_ENUM), \"MAYBE\"",
        ),
        (
            {"wish": 1, "hope": 2},
            'Invalid JSON payload received. Unknown name "wish": Cannot find field.\n'
            'Invalid JSON payload received. Unknown name "hope": Cannot find field.',
        ),
    ],
)
def test_a_body_that_the_schema_does_not_allow_is_refused(
    google: Google, body: dict[str, Any], message: str
) -> None:
    error = google.refusal("POST", f"/v1/documents/{google.new_doc()}:batchUpdate", json=body)
    assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
    assert error["message"] == message
    violations = error["details"][0]["fieldViolations"]
    assert "\n".join(each["description"] for each in violations) == message


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"nonsense",
        b"[1",
        b'{"requests": NaN}',
        b'"\xff"',
        b'{"requests": "\\ud800"}',
        b"[" * 9000,
    ],
    ids=["open", "word", "list", "nan", "not utf-8", "lone surrogate", "deep"],
)
def test_what_is_not_json_is_refused(google: Google, data: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    error = google.refusal("POST", "/v1/documents/x:batchUpdate", data=data, headers=headers)
    assert error["code"] == 400
    assert error["message"].startswith("Invalid JSON payload received. Unexpected token.\n")


def test_a_missing_body_and_a_body_that_is_not_json_are_refused(google: Google) -> None:
    path = "/v1/documents/x:batchUpdate"
    assert google.refusal("POST", path)["message"] == "Request body is missing."
    error = google.refusal("POST", path, data="a=b", headers={"Content-Type": "text/plain"})
    assert error["message"] == "Unsupported content with type: text/plain"


def test_raw_that_is_not_base64_is_refused(google: Google) -> None:
    error = google.refusal("POST", DRAFTS, json={"message": {"raw": "not base64!"}})
    assert error["message"] == (
        "Invalid value at 'draft.message.raw' (TYPE_BYTES), "
        'Base64 decoding failed for "not base64!"'
    )


def test_a_mask_returns_what_it_names_and_nothing_else(google: Google) -> None:
    doc_id = google.new_doc("Title")
    google.write(doc_id, "Hello")
    path = f"/v1/documents/{doc_id}"
    mask = "title,tabs(tabProperties/title,documentTab/body/content/paragraph/elements(textRun))"
    document = google.json("GET", path, params={"fields": mask})
    assert set(document) == {"title", "tabs"}
    (tab,) = document["tabs"]
    assert set(tab["tabProperties"]) == {"title"}
    texts = [
        element["textRun"]["content"]
        for block in tab["documentTab"]["body"]["content"]
        for element in block.get("paragraph", {}).get("elements", [])
    ]
    assert texts == ["Hello\n"]


def test_a_star_asks_for_everything_on_its_level(google: Google) -> None:
    google.new_doc("Title")
    (file,) = google.json("GET", "/drive/v3/files", params={"fields": "files(*)"})["files"]
    assert file["capabilities"]["canEdit"] is True
    names = google.json("GET", "/drive/v3/files", params={"fields": "*/name"})
    assert names == {"files": [{"name": "Title"}]}


def test_a_get_whose_address_is_too_long_may_come_as_a_post(google: Google) -> None:
    wanted = google.new_doc("Findable")
    noise = " or ".join(f"name = 'nothing {number:040}'" for number in range(60))
    drive = google.client("drive")
    found = drive.files().list(q=f"name = 'Findable' or {noise}").execute()
    assert [file["id"] for file in found["files"]] == [wanted]


def test_connections_are_kept_and_answers_come_at_once(google: Google) -> None:
    raw = encoded(mail())
    google.settings(gmail_units_per_minute=0)
    seconds = []
    for _ in range(20):
        began = time.monotonic()
        answer = google.call("POST", DRAFTS, json={"message": {"raw": raw}})
        seconds.append(time.monotonic() - began)
        assert answer.headers.get("Connection") != "close"
    # A server with Nagle's algorithm waits 40 ms for each acknowledgement.
    assert min(seconds) < 0.03


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "evil.example:80"])
def test_a_name_that_is_not_loopback_is_not_answered(google: Google, host: str) -> None:
    for path in ("/", "/rehearsal/health", "/drive/v3/files"):
        answer = google.call("GET", path, headers={"Host": host})
        assert answer.status_code == 403
    assert google.call("GET", "/rehearsal/health", headers={"Host": "localhost:1"}).ok


def test_the_switchboard_needs_its_key(google: Google) -> None:
    base = f"{google.server.base_url}/rehearsal"
    for verb, path in [
        ("GET", "faults"),
        ("POST", "faults"),
        ("GET", "settings"),
        ("GET", "requests"),
    ]:
        for key in ({}, {"X-Rehearsal-Key": "wrong"}):
            assert (
                requests.request(verb, f"{base}/{path}", headers=key, timeout=5).status_code == 403
            )
    health = requests.get(f"{base}/health", timeout=5).json()
    assert health["service"] == "postmortem rehearsal Google"
    assert google.server.key not in str(health)


def test_requests_are_counted_by_method_until_they_are_forgotten(google: Google) -> None:
    google.write(google.new_doc(), "one")
    google.refusal("GET", "/v1/documents/1nope")
    seen = google.admin("GET", "requests")
    assert seen["counts"] == {
        "drive.files.create": 1,
        "docs.documents.batchUpdate": 1,
        "docs.documents.get": 1,
    }
    assert [each["status"] for each in seen["recent"]] == ["200", "200", "404"]
    assert {each["account"] for each in seen["recent"]} == {"you@rehearsal.example"}
    assert google.admin("DELETE", "requests")["total"] == 0


def test_an_answer_that_does_not_fit_its_schema_is_found() -> None:
    drive = schemas("drive")
    assert answer_fault(drive, "File", {"id": "1", "parents": ["root"]}) == ""
    wrong: list[dict[str, Any]] = [
        {"id": 1},
        {"starred": "yes"},
        {"version": "many"},
        {"createdTime": "yesterday"},
        {"parents": "root"},
        {"owners": [{"colour": "red"}]},
        {"properties": {"a": 1}},
    ]
    for value in wrong:
        assert answer_fault(drive, "File", value).startswith("File: Invalid "), value


def test_a_document_is_created_by_docs_with_its_title_alone(google: Google) -> None:
    docs = google.client("docs")
    document = docs.documents().create(body={"title": "By Docs"}).execute()
    file = google.json("GET", f"/drive/v3/files/{document['documentId']}")
    assert (file["name"], file["mimeType"]) == ("By Docs", DOC_TYPE)
    assert docs.documents().create().execute()["title"] == "Untitled document"
