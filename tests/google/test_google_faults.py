"""Each known error of Google: its class, and the sentence that a person reads."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from google.auth.exceptions import RefreshError, TransportError
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow.google import (
    SHARED_WITHOUT_MAIL,
    GoogleFault,
    Refused,
    SignInNeeded,
    SlowDown,
    Undecided,
    Unreachable,
)
from workflow.google.faults import sort_http_error, sort_refresh_error
from workflow.google.transport import sort_sign_in_error

RECORDED = Path(__file__).parent.parent / "fixtures" / "google_errors"

DOCS = "docs.documents.batchUpdate"
CREATE = "drive.files.create"
SHARE = "drive.permissions.create"
SEND = "gmail.users.drafts.send"

NOT_SIGNED_IN = "Google does not accept the sign-in. Run `postmortem auth login`."
PACE = "{} asks to slow down: too many requests for this account."
LACKS_SCOPE = (
    "This sign-in does not allow what {} was asked to do."
    " Run `postmortem auth login` and leave every box ticked."
)

# name of the recorded body: method, kind, reason, sentence
EXPECTED: dict[str, tuple[str, type[GoogleFault], str, str]] = {
    "any_401_invalid_credentials_old": (CREATE, SignInNeeded, "authError", NOT_SIGNED_IN),
    "backlot_docs_401_bad_token": (DOCS, SignInNeeded, "UNAUTHENTICATED", NOT_SIGNED_IN),
    "backlot_docs_401_no_token": (DOCS, SignInNeeded, "UNAUTHENTICATED", NOT_SIGNED_IN),
    "backlot_docs_404": (
        DOCS,
        Refused,
        "NOT_FOUND",
        "That doc can't be found: it was deleted, or it is not shared with this account.",
    ),
    "backlot_drive_400_bad_fields": (
        CREATE,
        Refused,
        "invalidParameter",
        "Google Drive refused this (400): Invalid field selection bogus.",
    ),
    "backlot_drive_400_bad_q": (
        CREATE,
        Refused,
        "invalid",
        "Google Drive refused this (400): Invalid Value.",
    ),
    "backlot_drive_401_bad_token": (CREATE, SignInNeeded, "authError", NOT_SIGNED_IN),
    "backlot_drive_403_no_token": (CREATE, SignInNeeded, "authError", NOT_SIGNED_IN),
    "backlot_drive_404": (
        CREATE,
        Refused,
        "notFound",
        "That file can't be found: it was deleted, or this account or this app may not see it.",
    ),
    "backlot_gmail_400_bad_id": (
        SEND,
        Refused,
        "invalidArgument",
        "Gmail refused this (400): Invalid id value.",
    ),
    "backlot_gmail_401_bad_token": (SEND, SignInNeeded, "authError", NOT_SIGNED_IN),
    "backlot_gmail_401_no_token": (SEND, SignInNeeded, "required", NOT_SIGNED_IN),
    "backlot_gmail_404": (
        SEND,
        Refused,
        "notFound",
        "Gmail has no such draft or message: it was sent or deleted.",
    ),
    "docs_400_index_past_segment_end": (
        DOCS,
        Refused,
        "INVALID_ARGUMENT",
        "Google Docs refused this (400): Invalid requests[2].insertText: Index 118 must be less"
        " than the end index of the referenced segment, 117.",
    ),
    "docs_400_required_revision": (
        DOCS,
        Refused,
        "",
        "Google Docs refused this (400): The required revision ID '<id>' does not match the"
        " latest revision.",
    ),
    "docs_400_suggest_unsupported": (
        DOCS,
        Refused,
        "INVALID_ARGUMENT",
        "Google Docs refused this (400): Invalid requests[0].deleteHeader: Request does not"
        " support application as suggestion.",
    ),
    "docs_400_table_start_invalid": (
        DOCS,
        Refused,
        "INVALID_ARGUMENT",
        "Google Docs refused this (400): Invalid requests[0].updateTableColumnProperties: The"
        " provided table start location is invalid.",
    ),
    "docs_404_suggestion": (
        DOCS,
        Refused,
        "NOT_FOUND",
        "That doc can't be found: it was deleted, or it is not shared with this account.",
    ),
    "drive_400_acl_change_not_allowed": (
        SHARE,
        Refused,
        "invalidSharingRequest",
        "Google Drive did not share the doc: ACL change not allowed.",
    ),
    "drive_400_ownership": (
        SHARE,
        Refused,
        "invalidSharingRequest",
        "Google Drive did not share the doc: You can't change the owner of this item.",
    ),
    "drive_400_publish_out_not_permitted": (
        SHARE,
        Refused,
        "publishOutNotPermitted",
        "The administrators of your domain do not allow sharing with anyone who has the link.",
    ),
    "drive_400_share_email_failed": (
        SHARE,
        Refused,
        SHARED_WITHOUT_MAIL,
        "The doc was shared, but Google could not send the invitation.",
    ),
    "drive_403_access_not_configured": (
        CREATE,
        SignInNeeded,
        "accessNotConfigured",
        "The Google Drive API is not enabled in your Google Cloud project. Enable it, wait "
        "some minutes, and try again: https://console.developers.google.com/apis/api/"
        "drive.googleapis.com/overview?project=27000000000",
    ),
    "drive_403_active_item_limit": (
        CREATE,
        Refused,
        "activeItemCreationLimitExceeded",
        "This account can't create more items in Google Drive. Delete some permanently.",
    ),
    "drive_403_app_not_authorized": (
        CREATE,
        Refused,
        "appNotAuthorizedToFile",
        "This app was not given that file: with the scope drive.file it sees only what it made.",
    ),
    "drive_403_daily_limit": (
        CREATE,
        SlowDown,
        "",
        "This account has reached its daily limit for Google Drive. Try again within 24 hours.",
    ),
    "drive_403_domain_policy": (
        CREATE,
        SignInNeeded,
        "domainPolicy",
        "The administrators of your domain have not allowed this app to use Google Drive. Ask"
        " them to allow it in the Admin console.",
    ),
    "drive_403_insufficient_file_permissions": (
        CREATE,
        Refused,
        "insufficientFilePermissions",
        "This account may not change that file. Ask its owner or a manager of its shared drive.",
    ),
    "drive_403_insufficient_scopes": (
        CREATE,
        SignInNeeded,
        "insufficientPermissions",
        LACKS_SCOPE.format("Google Drive"),
    ),
    "drive_403_insufficient_scopes_old": (
        CREATE,
        SignInNeeded,
        "insufficientPermissions",
        LACKS_SCOPE.format("Google Drive"),
    ),
    "drive_403_rate_limit": (CREATE, SlowDown, "", PACE.format("Google Drive")),
    "drive_403_sharing_rate_limit": (
        SHARE,
        SlowDown,
        "",
        "Google Drive has reached the sharing quota of this account. Try again in some hours, or "
        "share with one Google Group.",
    ),
    "drive_403_storage_quota": (
        CREATE,
        Refused,
        "storageQuotaExceeded",
        "The Google Drive of this account is full. Make room, or sign in with another account.",
    ),
    "drive_403_user_rate_limit": (CREATE, SlowDown, "", PACE.format("Google Drive")),
    "drive_500_backend_error": (
        CREATE,
        Undecided,
        "",
        "Google Drive had an internal error (500). It is unknown whether the request was carried "
        "out.",
    ),
    "gmail_400_invalid_to_header": (
        SEND,
        Refused,
        "invalidArgument",
        "Gmail refused this (400): Invalid To header.",
    ),
    "gmail_400_invalid_to_header_old_envelope_drafts_create": (
        "gmail.users.drafts.create",
        Refused,
        "invalidArgument",
        "Gmail refused this (400): Invalid to header.",
    ),
    "gmail_400_mail_service_not_enabled": (
        SEND,
        SignInNeeded,
        "noMailbox",
        "This Google account has no Gmail mailbox. Sign in with an account that has one:"
        " `postmortem auth login`.",
    ),
    "gmail_400_precondition": (
        SEND,
        Refused,
        "failedPrecondition",
        "Gmail refused this (400): Precondition check failed.",
    ),
    "gmail_400_recipient_required": (
        SEND,
        Refused,
        "invalidArgument",
        "Gmail refused this (400): Recipient address required.",
    ),
    "gmail_403_insufficient_permission_old": (
        SEND,
        SignInNeeded,
        "insufficientPermissions",
        LACKS_SCOPE.format("Gmail"),
    ),
    "gmail_403_queries_per_minute": (SEND, SlowDown, "", PACE.format("Gmail")),
    "gmail_429_resource_exhausted": (SEND, SlowDown, "", PACE.format("Gmail")),
    "gmail_429_user_rate_limit_retry_after": (
        SEND,
        SlowDown,
        "",
        PACE.format("Gmail") + " Try again after 2023-03-07 18:03:15 UTC.",
    ),
    "sheets_429_write_requests": (DOCS, SlowDown, "", PACE.format("Google Docs")),
}


def recorded(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((RECORDED / f"{name}.json").read_text())
    return content


def sort_recorded(name: str, method: str) -> GoogleFault:
    answer = recorded(name)
    body = json.dumps(answer["body"]).encode()
    return sort_http_error(answer["http_status"], answer.get("headers", {}), body, method)


def google_error(code: int, message: str, **more: object) -> bytes:
    return json.dumps({"error": {"code": code, "message": message, **more}}).encode()


def not_renewed(error: str, description: str, **options: bool) -> RefreshError:
    """The error that google-auth raises when the token server refuses."""
    answer = {"error": error, "error_description": description}
    return RefreshError("no", answer, **options)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("name", EXPECTED)
def test_a_recorded_error_has_its_kind_and_its_sentence(name: str) -> None:
    method, kind, reason, sentence = EXPECTED[name]
    fault = sort_recorded(name, method)
    assert type(fault) is kind
    assert fault.sentence == str(fault) == sentence
    assert getattr(fault, "reason", "") == reason
    assert fault.method == method


def test_every_recorded_error_is_expected() -> None:
    assert {path.stem for path in RECORDED.glob("*.json")} == set(EXPECTED)


def test_the_instant_in_the_text_of_a_429_is_read() -> None:
    fault = sort_recorded("gmail_429_user_rate_limit_retry_after", SEND)
    assert isinstance(fault, SlowDown)
    assert fault.until == datetime(2023, 3, 7, 18, 3, 15, 961000, tzinfo=UTC)
    assert not fault.daily


@pytest.mark.parametrize("name", ["drive_403_daily_limit", "drive_403_sharing_rate_limit"])
def test_a_limit_that_is_not_worth_waiting_for_is_told_apart(name: str) -> None:
    fault = sort_recorded(name, SHARE)
    assert isinstance(fault, SlowDown)
    assert fault.daily


@pytest.mark.parametrize(
    "message",
    [
        "Daily user sending quota exceeded.",
        "You have reached a limit for sending email.",
        "Quota exceeded for quota metric 'Queries' and limit 'Queries per day' of service 'x'.",
    ],
)
def test_a_daily_sending_limit_is_known_by_its_words(message: str) -> None:
    fault = sort_http_error(429, {}, google_error(429, message), SEND)
    assert isinstance(fault, SlowDown)
    assert fault.daily
    assert "24 hours" in fault.sentence


NOW = datetime(2026, 11, 24, 14, 39, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "until"),
    [
        ({"Retry-After": "90"}, NOW + timedelta(seconds=90)),
        ({"retry-after": "0"}, NOW),
        ({"retry-after": "9" * 30}, NOW + timedelta(days=7)),
        ({"retry-after": "9" * 5_000}, NOW + timedelta(days=7)),
        ({"retry-after": "0" * 5_000 + "5"}, NOW + timedelta(seconds=5)),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 -1200"}, None),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, NOW + timedelta(days=7)),
        ({"retry-after": "Tue, 24 Nov 2026 15:00:00 GMT"}, NOW.replace(hour=15, minute=0)),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "٣"}, None),
        ({}, None),
    ],
)
def test_a_retry_after_header_counts_from_when_the_answer_came(
    headers: dict[str, str], until: datetime | None
) -> None:
    fault = sort_http_error(429, headers, b"<html>slow</html>", SEND, received_at=NOW)
    assert isinstance(fault, SlowDown)
    assert fault.until == until


def test_without_that_instant_it_counts_from_the_servers_own_date() -> None:
    headers = {"Date": format_datetime(NOW, usegmt=True), "Retry-After": "60"}
    fault = sort_http_error(429, headers, b"", SEND)
    assert isinstance(fault, SlowDown)
    assert fault.until == NOW + timedelta(minutes=1)


def test_a_429_in_an_impossible_instant_is_still_a_429() -> None:
    body = google_error(429, "Retry after 2026-13-45T99:99:99Z")
    fault = sort_http_error(429, {}, body, SEND)
    assert isinstance(fault, SlowDown)
    assert fault.until is None


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 500, 501, 502, 503, 504, 599])
def test_a_redirect_or_a_server_error_proves_nothing(status: int) -> None:
    body = google_error(status, "Backend Error", status="UNAVAILABLE")
    assert type(sort_http_error(status, {}, body, SEND)) is Undecided


@pytest.mark.parametrize("status", [400, 403, 404, 405, 408, 409, 410, 412, 451])
@pytest.mark.parametrize(
    "body",
    [b"", b"<h1>Not Found</h1>", b"[]", b'{"error": "no"}', b'{"detail": {}}', b"\xff{}", b"null"],
)
def test_a_4xx_in_words_that_are_not_googles_proves_nothing(status: int, body: bytes) -> None:
    fault = sort_http_error(status, {}, body, SEND)
    assert type(fault) is Undecided
    assert "proxy" in fault.sentence


@pytest.mark.parametrize("status", [400, 404, 405, 409, 410, 412, 416])
def test_a_4xx_in_googles_words_is_a_refusal(status: int) -> None:
    fault = sort_http_error(status, {}, google_error(status, "No."), SEND)
    assert isinstance(fault, Refused)
    assert fault.status == status


def test_a_mail_that_is_too_large_is_refused_even_by_a_front_end() -> None:
    fault = sort_http_error(413, {}, b"<title>Error 413</title>", SEND)
    assert isinstance(fault, Refused)
    assert fault.sentence.startswith("This is larger than Gmail takes.")


def test_a_reader_of_a_doc_is_told_to_ask_for_more() -> None:
    body = google_error(403, "The caller does not have permission", status="PERMISSION_DENIED")
    fault = sort_http_error(403, {}, body, DOCS)
    assert isinstance(fault, Refused)
    assert "Ask its owner" in fault.sentence


def test_a_scope_that_docs_misses_is_a_matter_of_sign_in_though_it_gives_no_reason() -> None:
    body = google_error(
        403,
        "Request had insufficient authentication scopes.",
        status="PERMISSION_DENIED",
        details=[{"@type": "x/google.rpc.ErrorInfo", "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}],
    )
    fault = sort_http_error(403, {}, body, DOCS)
    assert isinstance(fault, SignInNeeded)
    assert fault.sentence == LACKS_SCOPE.format("Google Docs")


def test_an_api_that_is_switched_off_is_known_by_the_detail_that_docs_gives() -> None:
    body = google_error(
        403,
        "Google Docs API has not been used in project 1 before or it is disabled.",
        status="PERMISSION_DENIED",
        details=[{"links": []}, {"reason": "SERVICE_DISABLED", "domain": "googleapis.com"}],
    )
    fault = sort_http_error(403, {}, body, DOCS)
    assert isinstance(fault, SignInNeeded)
    assert fault.sentence.startswith("The Google Docs API is not enabled")
    assert fault.sentence.endswith(
        "https://console.cloud.google.com/apis/library/docs.googleapis.com"
    )


def test_what_gmail_forbids_it_forbids_the_account() -> None:
    body = google_error(403, "Delegation denied for lead@example.com", status="PERMISSION_DENIED")
    fault = sort_http_error(403, {}, body, SEND)
    assert isinstance(fault, SignInNeeded)
    assert "Delegation denied for lead@example.com" in fault.sentence


def test_the_request_of_a_batch_that_was_refused_is_named() -> None:
    fault = sort_recorded("docs_400_index_past_segment_end", DOCS)
    assert isinstance(fault, Refused)
    assert fault.request_index == 2
    whole = sort_recorded("docs_400_required_revision", DOCS)
    assert isinstance(whole, Refused)
    assert whole.request_index is None


@pytest.mark.parametrize(
    "error", ["invalid_grant", "invalid_client", "admin_policy_enforced", "invalid_scope", ""]
)
def test_a_sign_in_that_is_not_renewed_says_why_and_what_to_do(error: str) -> None:
    fault = sort_sign_in_error(not_renewed(error, "Gone."))
    assert isinstance(fault, SignInNeeded)
    assert fault.reason == error
    assert "auth login" in fault.sentence or "Admin console" in fault.sentence
    assert "Gone." in fault.detail


def test_a_renewal_that_google_could_not_answer_is_not_a_sign_in_to_be_done_again() -> None:
    busy = not_renewed("internal_failure", "Try again.", retryable=True)
    assert isinstance(sort_sign_in_error(busy), Unreachable)
    offline = TransportError("offline")  # type: ignore[no-untyped-call]
    assert isinstance(sort_sign_in_error(offline), Unreachable)


def test_the_usual_reasons_of_a_lapsed_sign_in_are_named() -> None:
    fault = sort_refresh_error("invalid_grant", "Token has been expired or revoked.")
    for cause in ("7 days", "password", "6 months", "`postmortem auth login`"):
        assert cause in fault.sentence


@pytest.mark.parametrize(
    "secret",
    [
        "ya29.a0AfH6SMBx-abc_DEF",
        "1//0gAbCdEfGhIjKlMnOp",
        "GOCSPX-abcdefghijklmnop",
        "Bearer abc.def-ghi",
        "4/0AY0e-g7abcdefghij",
    ],
)
def test_a_credential_never_reaches_the_detail(secret: str) -> None:
    fault = Undecided("Something broke.", detail=f"header was {secret} and so on")
    assert secret.removeprefix("Bearer ") not in fault.detail
    assert fault.detail.endswith("and so on")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "errors", "code", "message", "status", "reason", "details"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    status=st.integers(300, 599),
    body=st.binary(max_size=40) | JSON.map(lambda value: json.dumps(value).encode()),
    headers=st.dictionaries(st.sampled_from(["Retry-After", "Date"]), st.text(max_size=20)),
    method=st.sampled_from([DOCS, SHARE, SEND, ""]),
)
@settings(max_examples=200, deadline=None)
def test_any_answer_is_sorted_and_only_googles_own_error_proves_that_nothing_was_done(
    status: int, body: bytes, headers: dict[str, str], method: str
) -> None:
    fault = sort_http_error(status, headers, body, method, received_at=NOW)
    assert fault.sentence.endswith(".")
    assert "\n" not in fault.sentence
    if isinstance(fault, Refused) and status != 413:
        assert isinstance(json.loads(body)["error"], dict)
    if status >= 500 or status < 400:
        assert type(fault) is Undecided
