"""Fault switches: a drill's effects on a call, and whether the call was carried out."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest
import requests

from tests.google_rehearsal.caller import Google, encoded, mail, recorded

ME = "/gmail/v1/users/me"
SEND = "gmail.users.messages.send"
BODY = {"raw": encoded(mail())}


def sent_count(google: Google) -> int:
    google.admin("DELETE", "faults")
    token = "rehearsal:you@rehearsal.example:gmail.readonly"
    answer = google.json("GET", f"{ME}/messages", params={"labelIds": "SENT"}, token=token)
    return len(answer.get("messages", []))


@pytest.mark.parametrize(
    ("kind", "code", "message"),
    [
        ("500", 500, "Internal error encountered."),
        ("503", 503, "The service is currently unavailable."),
        ("429", 429, "User-rate limit exceeded.  Retry after "),
        ("403_rate", 403, "Quota exceeded for quota metric 'Queries'"),
        ("403_daily_limit", 403, "Daily Limit Exceeded"),
        ("403_domain_policy", 403, "The domain administrators have disabled"),
        ("daily_sends", 429, "User-rate limit exceeded.  Retry after "),
        ("token_expired", 401, "Request had invalid authentication credentials."),
    ],
)
def test_a_refusal_is_answered_and_nothing_is_done(
    google: Google, kind: str, code: int, message: str
) -> None:
    google.fault(kind)
    error = google.refusal("POST", f"{ME}/messages/send", json=BODY)
    assert error["code"] == code
    assert error["message"].startswith(message)
    assert sent_count(google) == 0


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("403_rate", "drive_403_rate_limit"),
        ("403_daily_limit", "drive_403_daily_limit"),
        ("403_sharing_rate", "drive_403_sharing_rate_limit"),
        ("403_domain_policy", "drive_403_domain_policy"),
        ("403_publish_out", "drive_400_publish_out_not_permitted"),
        ("403_storage_full", "drive_403_storage_quota"),
        ("500", "drive_500_backend_error"),
        ("token_expired", "backlot_drive_401_bad_token"),
    ],
)
def test_drives_refusals_are_the_recorded_ones(google: Google, kind: str, name: str) -> None:
    google.fault(kind, "drive.*")
    error = google.refusal("POST", "/drive/v3/files", json={"name": "x"})
    assert error == recorded(name)


@pytest.mark.parametrize(
    ("kind", "sent"),
    [("close_before", 0), ("hang_before", 0), ("close_after", 1), ("hang", 1), ("garbage", 1)],
)
def test_a_connection_that_fails_does_so_before_or_after_the_work(
    google: Google, kind: str, sent: int
) -> None:
    google.fault(kind, SEND, seconds=0.2)
    with pytest.raises(requests.ConnectionError):
        google.call("POST", f"{ME}/messages/send", json=BODY)
    assert sent_count(google) == sent
    assert google.send(mail())["labelIds"] == ["SENT"]


def test_half_an_answer_promises_more_than_it_gives(google: Google) -> None:
    google.fault("half_answer", SEND)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        google.call("POST", f"{ME}/messages/send", json=BODY)
    assert sent_count(google) == 1


def test_a_hanging_call_outlasts_an_impatient_client(google: Google) -> None:
    google.fault("hang", SEND, seconds=20)
    headers = {"Authorization": "Bearer rehearsal"}
    url = f"{google.server.base_url}{ME}/messages/send"
    with pytest.raises(requests.ReadTimeout):
        requests.post(url, json=BODY, headers=headers, timeout=1)
    assert sent_count(google) == 1


def test_an_error_after_the_work_hides_that_it_was_done(google: Google) -> None:
    google.fault("error_after", SEND)
    assert google.refusal("POST", f"{ME}/messages/send", json=BODY)["code"] == 500
    assert sent_count(google) == 1


def test_a_share_whose_mail_fails_has_happened(google: Google) -> None:
    doc_id = google.new_doc()
    google.fault("share_mail_failed", "drive.permissions.create")
    path = f"/drive/v3/files/{doc_id}/permissions"
    body = {"type": "user", "role": "writer", "emailAddress": "eve@rehearsal.example"}
    error = google.refusal("POST", path, json=body)
    wanted = recorded("drive_400_share_email_failed")
    sentence = wanted["errors"][0]["message"].replace(" to email@domain.com.", ".")
    wanted["errors"][0]["message"] = sentence
    assert error == wanted
    assert len(google.json("GET", path)["permissions"]) == 2


def test_work_that_is_refused_anyway_is_refused_as_ever(google: Google) -> None:
    google.fault("close_after", SEND)
    error = google.refusal("POST", f"{ME}/messages/send", json={"raw": encoded(mail(to=""))})
    assert error == recorded("gmail_400_recipient_required")


def test_a_redirect_points_at_the_call_itself(google: Google) -> None:
    google.fault("redirect_307", SEND)
    answer = google.call("POST", f"{ME}/messages/send?prettyPrint=true", json=BODY)
    assert answer.status_code == 307
    assert answer.headers["Location"] == answer.url
    assert sent_count(google) == 0


def test_a_slow_call_is_only_slow(google: Google) -> None:
    google.fault("slow", SEND, seconds=0.3)
    began = time.monotonic()
    google.send(mail())
    assert time.monotonic() - began >= 0.3


def test_a_lost_answer_to_a_batch_leaves_its_edit_in_the_doc(google: Google) -> None:
    doc_id = google.new_doc()
    google.fault("close_after", "docs.documents.batchUpdate", times=1)
    with pytest.raises(requests.ConnectionError):
        google.write(doc_id, "once")
    exported = google.call("GET", f"/drive/v3/files/{doc_id}/export?mimeType=text/plain")
    assert exported.text.count("once") == 1


def test_a_switch_says_for_whom_how_often_and_after_how_many(google: Google) -> None:
    google.fault("500", "gmail.users.messages.*", skip=1, times=2)
    codes = [google.call("POST", f"{ME}/messages/send", json=BODY).status_code for _ in range(5)]
    assert codes == [200, 500, 500, 200, 200]
    google.new_draft()
    (shown,) = google.admin("GET", "faults")["faults"]
    assert (shown["met"], shown["hit"]) == (5, 2)
    assert google.admin("DELETE", "faults") == {"faults": []}


def test_chance_repeats_itself_with_a_seed(google: Google) -> None:
    google.settings(gmail_units_per_minute=0)

    def run() -> list[int]:
        google.admin("DELETE", "faults")
        fault = {"match": {"method": "*"}, "kind": "503", "probability": 0.4}
        google.admin("POST", "faults", json={"faults": [fault], "seed": 7})
        path = f"{ME}/drafts/r-1"
        return [google.call("GET", path).status_code for _ in range(30)]

    first = run()
    assert first == run()
    assert 5 < first.count(503) < 25


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("nonsense", "The body is a list of faults"),
        ([7], "A fault is an object"),
        ([{"kind": "500", "match": {}}], "A fault needs a target"),
        ([{"kind": "earthquake"}], "kind is one of "),
        ([{"kind": "500", "colour": "red"}], "A fault has no 'colour'"),
        ([{"kind": "500", "times": -1}], "times is a whole number"),
        ([{"kind": "500", "probability": 2}], "probability is a number from 0 to 1"),
        ({"faults": [], "seed": "x"}, "seed is a whole number"),
    ],
)
def test_a_switch_that_makes_no_sense_is_refused(google: Google, value: Any, sentence: str) -> None:
    headers = {"X-Rehearsal-Key": google.server.key}
    answer = google.call("POST", "/rehearsal/faults", json=value, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(sentence)
    assert google.admin("GET", "faults") == {"faults": []}


def test_bytes_that_are_no_request_do_the_server_no_harm(google: Google) -> None:
    port = int(google.server.base_url.rpartition(":")[2])
    for data in (
        b"\x00\xff\r\n\r\n",
        b"GET\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1000)
    assert google.new_draft()
