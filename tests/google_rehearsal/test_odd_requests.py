"""Requests that no client sends by mistake twice: each is read or refused, none is a defect."""

from __future__ import annotations

import base64
import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from google_rehearsal.drive.resource import WORKBOOK_TYPE
from google_rehearsal.drive.world import SHEET_TYPE
from google_rehearsal.oauth.grants import GRANT_TYPE, KEY_FILE, write_key
from tests.google_rehearsal.caller import Google, encoded, mail

JSON = {"Content-Type": "application/json"}


def inserted(index: str) -> bytes:
    """A batch with the index as it is written here."""
    return b'{"requests": [{"insertText": {"text": "x", "location": {"index": %s}}}]}' % (
        index.encode()
    )


def batch(google: Google, doc_id: str, data: bytes) -> Any:
    return google.call("POST", f"/v1/documents/{doc_id}:batchUpdate", data=data, headers=JSON)


@pytest.mark.parametrize("index", ["3.0", "3e0", "30E-1"])
def test_a_whole_number_may_be_written_as_a_fraction(google: Google, index: str) -> None:
    doc_id = google.new_doc()
    google.write(doc_id, "abcd")
    assert batch(google, doc_id, inserted(index)).ok
    content = google.json("GET", f"/v1/documents/{doc_id}")["body"]["content"]
    assert content[1]["paragraph"]["elements"][0]["textRun"]["content"] == "abxcd\n"


@pytest.mark.parametrize("magnitude", ["1e999", "-1e999", f"1{'0' * 400}"])
def test_a_number_beyond_every_double_is_refused(google: Google, magnitude: str) -> None:
    style = {"fontSize": {"unit": "PT", "magnitude": 12345}}
    span = {"startIndex": 1, "endIndex": 2}
    update = {"updateTextStyle": {"range": span, "fields": "fontSize", "textStyle": style}}
    data = json.dumps({"requests": [update]}).replace("12345", magnitude)
    assert batch(google, google.new_doc(), data.encode()).status_code == 400


@pytest.mark.parametrize(
    ("path", "name"),
    [("/drive/v3/files", "pageSize"), ("/gmail/v1/users/me/drafts", "maxResults")],
)
def test_a_size_of_thousands_of_digits_is_refused(google: Google, path: str, name: str) -> None:
    assert google.refusal("GET", path, params={name: "9" * 5000})["code"] == 400


NO_INSTANTS = [
    "2026-13-24T14:39:00Z",
    "2026-02-30T14:39:00Z",
    "2026-11-24T24:00:00Z",
    "2026-11-24T14:39:60Z",
    "2026-11-24T14:39:00+99:99",
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "٢٠٢٦-11-24T14:39:00Z",
    "2026-11-24T14:39:00.1234567891Z",
]


@pytest.mark.parametrize("instant", NO_INSTANTS)
def test_an_instant_that_no_calendar_has_is_refused(google: Google, instant: str) -> None:
    permission = {
        "type": "user",
        "role": "reader",
        "emailAddress": "ben@rehearsal.example",
        "expirationTime": instant,
    }
    path = f"/drive/v3/files/{google.new_doc()}/permissions"
    error = google.refusal("POST", path, json=permission)
    assert (error["code"], error["message"]) == (
        400,
        "Invalid value at 'expiration_time' (type.googleapis.com/google.protobuf.Timestamp), "
        f'"{instant}"',
    )


def nested(levels: int) -> bytes:
    """A draft's parts, each with an object and a list to go down."""
    pairs = levels // 2 - 1
    return b'{"message": {"payload": %s}}' % (b'{"parts": [' * pairs + b"{}" + b"]}" * pairs)


def test_a_body_that_is_nested_too_deep_is_refused(google: Google) -> None:
    path = "/gmail/v1/users/me/drafts"
    for levels, message in (
        (98, "'raw' RFC822 payload message string or uploading message via /upload/* URL required"),
        (104, "Message too deep. Max recursion depth reached for key 'parts'"),
        (900, "Message too deep. Max recursion depth reached for key 'parts'"),
    ):
        error = google.refusal("POST", path, data=nested(levels), headers=JSON)
        assert (error["code"], error["message"]) == (400, message), levels


@pytest.mark.parametrize("data", [b"1", b"null", b"[]", b'"x"', b"true"])
def test_a_body_that_is_no_object_is_refused(google: Google, data: bytes) -> None:
    assert batch(google, google.new_doc(), data).status_code == 400


@pytest.mark.parametrize("mask", ["files(" * 900 + "id" + ")" * 900, "*/" * 3000 + "id"])
@pytest.mark.parametrize("path", ["/drive/v3/files", "/gmail/v1/users/me/drafts"])
def test_a_mask_that_is_nested_too_deep_is_refused(google: Google, path: str, mask: str) -> None:
    assert google.refusal("GET", path, params={"fields": mask})["code"] == 400


@pytest.mark.parametrize("said", ["Infinity", "NaN", "1.5", "-5", "true", "[]", "{}", "[" * 9000])
@pytest.mark.parametrize("wrapped", ["%s", "[%s]"])
@pytest.mark.parametrize(
    "path", ["/drive/v3/files", "/drive/v3/drives", "/gmail/v1/users/me/drafts"]
)
def test_a_page_token_of_no_list_is_refused(
    google: Google, path: str, wrapped: str, said: str
) -> None:
    token = base64.urlsafe_b64encode((wrapped % said).encode()).decode()
    rights = "rehearsal:you@rehearsal.example:drive,gmail.compose"
    assert google.refusal("GET", path, params={"pageToken": token}, token=rights)["code"] == 400


@pytest.mark.parametrize(
    "name", ["name", "mimeType", "parents", "starred", "trashed", "contentRestrictions", "id"]
)
def test_a_field_of_a_file_that_is_null_is_not_given(google: Google, name: str) -> None:
    given = {"name": "Runbook.txt", "mimeType": "text/plain", name: None}
    file_id = google.json("POST", "/drive/v3/files", json=given)["id"]
    shown = google.json("PATCH", f"/drive/v3/files/{file_id}", json={name: None})
    assert shown["name"] == ("Untitled" if name == "name" else "Runbook.txt")
    assert google.json("POST", f"/drive/v3/files/{file_id}/copy", json={name: None})["id"]
    assert google.json("GET", "/drive/v3/files")["files"]


def test_null_clears_a_files_description(google: Google) -> None:
    given = {"name": "Runbook.txt", "description": "What to do"}
    file_id = google.json("POST", "/drive/v3/files", json=given)["id"]
    path = f"/drive/v3/files/{file_id}"
    google.json("PATCH", path, json={"description": None})
    assert "description" not in google.json("GET", path, params={"fields": "*"})


@pytest.mark.parametrize(("kind", "name"), [("user", "emailAddress"), ("domain", "domain")])
def test_a_permission_for_null_is_refused(google: Google, kind: str, name: str) -> None:
    path = f"/drive/v3/files/{google.new_doc()}/permissions"
    error = google.refusal("POST", path, json={"type": kind, "role": "reader", name: None})
    assert error["code"] == 400


TO = b"To: ada@customer.example\r\n"
# The second boundary is within the first, and so on.
PARTS = b"".join(
    b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level)
    for level in range(200)
)
ODD_MAILS = {
    "a charset that is no text's": TO + b"Content-Type: text/plain; charset=idna\r\n\r\n\xff",
    "a charset that is no codec of texts": TO + b"Content-Type: text/plain; charset=hex\r\n\r\nz",
    "comments within comments": b"To: " + b"(" * 3000 + b"\r\n\r\nz",
    "a sender with comments": b"From: " + b"(" * 3000 + b"\r\n" + TO + b"\r\nz",
    "parts within parts": TO + PARTS,
    "mails within mails": TO + b"Content-Type: message/rfc822\r\n\r\n" * 300 + b"To: x\r\n\r\nz",
    "tags without an end": TO + b"Content-Type: text/html\r\n\r\n" + b"<" * 30_000,
    "styles without an end": TO + b"Content-Type: text/html\r\n\r\n" + b"<style>" * 30_000,
    "an address that is not ASCII": b"To: \xff@customer.example\r\n\r\nz",
}


@pytest.mark.parametrize("raw", ODD_MAILS.values(), ids=ODD_MAILS)
def test_a_mail_of_any_form_is_refused_or_sent_and_shown(google: Google, raw: bytes) -> None:
    body = {"message": {"raw": encoded(raw)}}
    began = time.monotonic()
    answer = google.call("POST", "/gmail/v1/users/me/drafts", json=body)
    if answer.status_code != 400:
        draft_id = answer.json()["id"]
        assert google.json("GET", f"/gmail/v1/users/me/drafts/{draft_id}")["message"]["payload"]
        sent = google.send_draft(draft_id)
        assert google.message(sent["id"])["payload"]
        assert google.call("GET", f"/mail/{sent['id']}", token="").status_code < 500
    assert time.monotonic() - began < 5, "this takes minutes for a longer mail"


def test_a_person_answers_beside_a_mail_that_cannot_be_read(google: Google) -> None:
    google.send(mail())
    odd = encoded(b"To: \xff@rehearsal.example\r\n\r\nz").replace("-", "+").replace("_", "/")
    google.admin("POST", "mail", json={"raw": odd})
    assert google.admin("POST", "mail", json={"from": "ada@customer.example"})["id"]


def signed(head: str, claims: str) -> str:
    """An assertion of this head and these claims, whatever they are."""
    parts = (
        base64.urlsafe_b64encode(each.encode()).decode().rstrip("=") for each in (head, claims)
    )
    return ".".join([*parts, "eA"])


@pytest.mark.parametrize("head", ["{}", '{"alg": "RS256", "kid": []}', "[" * 9000, "7"])
@pytest.mark.parametrize("claims", ["{}", '{"iss": %s}', "[" * 9000, "[[1]]", "null"])
def test_an_assertion_of_any_form_is_refused(
    google: Google, tmp_path: Path, head: str, claims: str
) -> None:
    write_key(tmp_path / "world" / KEY_FILE, "never read")
    account = json.loads((tmp_path / "world" / KEY_FILE).read_text())["client_email"]
    said = claims.replace("%s", json.dumps(account))
    form = {"grant_type": GRANT_TYPE, "assertion": signed(head, said)}
    assert google.call("POST", "/token", data=form, token="").status_code == 400


def test_a_return_to_an_address_that_cannot_be_read_is_refused(google: Google) -> None:
    query = {"redirect_uri": "http://[::1", "client_id": "x", "response_type": "code"}
    page = google.call("GET", "/o/oauth2/v2/auth", params=query, token="")
    assert (page.status_code, "redirect_uri_mismatch" in page.text) == (400, True)


SLACK = {"Authorization": "Bearer xoxb-rehearsal"}


@pytest.mark.parametrize("body", ["7", '"x"', "[]", "[1]", "null", "true"])
def test_slack_is_asked_to_unschedule_what_is_no_object(google: Google, body: str) -> None:
    headers = SLACK | JSON
    answer = google.call("POST", "/api/chat.deleteScheduledMessage", data=body, headers=headers)
    assert answer.json() == {"ok": False, "error": "invalid_scheduled_message_id"}


def test_slack_gets_a_number_of_thousands_of_digits(google: Google) -> None:
    query = {"channel": "CINCIDENTS", "limit": "9" * 5000}
    answer = google.call("GET", "/api/conversations.history", params=query, headers=SLACK)
    assert answer.json()["error"] == "invalid_limit"
    post = {"channel": "#incidents", "text": "x", "post_at": "9" * 5000}
    answer = google.call("POST", "/api/chat.scheduleMessage", json=post, headers=SLACK)
    assert answer.json()["error"] == "invalid_time"


@pytest.mark.parametrize("length", ["\u00b2", "-1", "9" * 5000, "1.0", ""])
def test_a_length_that_is_no_number_is_refused(google: Google, length: str) -> None:
    place = google.server.base_url.removeprefix("http://")
    host, port = place.split(":")
    head = f"POST /v1/documents HTTP/1.1\r\nHost: {place}\r\nContent-Length: {length}\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(head.encode("latin-1"))
        assert connection.recv(100).startswith(b"HTTP/1.1 411")


@pytest.mark.parametrize("kind", ["text/csv", WORKBOOK_TYPE])
@pytest.mark.parametrize("content", [b"PK\x03\x04 and no more", b"x" * 200_000])
def test_a_file_that_is_no_table_becomes_no_sheet(
    google: Google, kind: str, content: bytes
) -> None:
    name = json.dumps({"name": "List", "mimeType": SHEET_TYPE})
    head = f"--b\r\nContent-Type: application/json\r\n\r\n{name}\r\n--b\r\nContent-Type: {kind}"
    answer = google.call(
        "POST",
        "/upload/drive/v3/files",
        params={"uploadType": "multipart"},
        headers={"Content-Type": "multipart/related; boundary=b"},
        data=head.encode() + b"\r\n\r\n" + content + b"\r\n--b--",
    )
    assert (answer.status_code, google.json("GET", "/drive/v3/files")["files"]) == (400, [])


@pytest.mark.parametrize(
    "q", ["(" * 5000, "not " * 2000 + "trashed=false", "(" * 600 + "trashed=false" + ")" * 600]
)
def test_a_search_that_is_nested_too_deep_is_refused(google: Google, q: str) -> None:
    assert google.refusal("GET", "/drive/v3/files", params={"q": q})["code"] == 400


def test_a_search_of_a_thousand_terms_is_answered(google: Google) -> None:
    google.new_doc()
    found = google.json(
        "GET", "/drive/v3/files", params={"q": " and ".join(["trashed=false"] * 2000)}
    )
    assert len(found["files"]) == 1


@pytest.mark.parametrize("age", ["9" * 5000, "9" * 400, "\u0663", "\u00b2"])
def test_an_age_that_no_mail_has_is_not_searched(google: Google, age: str) -> None:
    query = {"q": f"older_than:{age}y"}
    answer = google.call("GET", "/gmail/v1/users/me/drafts", params=query)
    assert answer.status_code == 501


@pytest.mark.parametrize("name", ["does", "kind"])
@pytest.mark.parametrize("value", [None, 7, [], ["404"], {}, {"404": 1}])
def test_the_switchboard_names_what_it_knows(google: Google, name: str, value: object) -> None:
    path = "people" if name == "does" else "faults"
    answer = requests.post(
        f"{google.server.base_url}/rehearsal/{path}",
        json=[{name: value}],
        headers={"X-Rehearsal-Key": google.server.key},
        timeout=10,
    )
    assert (answer.status_code, list(answer.json())) == (400, ["error"])


@pytest.mark.parametrize("name", ["latency_seconds", "daily_sends", "time_scale"])
def test_a_setting_that_no_clock_could_wait_for_is_refused(google: Google, name: str) -> None:
    answer = requests.patch(
        f"{google.server.base_url}/rehearsal/settings",
        json={name: 10**30},
        headers={"X-Rehearsal-Key": google.server.key},
        timeout=10,
    )
    assert answer.status_code == 400
    assert answer.json()["error"] == f"{name} must be at most 1,000,000,000."
