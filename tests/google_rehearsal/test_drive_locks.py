"""Drive's content restrictions: which changes a lock prevents, and who may remove it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.google_rehearsal.caller import DOC_TYPE, Google

FILES = "/drive/v3/files"
EVE = "rehearsal:eve@rehearsal.example:drive,documents"
LOCK = {"readOnly": True, "reason": "The loop is closed."}


def lock(google: Google, doc_id: str, token: str = "rehearsal", **how: Any) -> dict[str, Any]:
    body = {"contentRestrictions": [LOCK | how]}
    params = {"fields": "contentRestrictions,capabilities"}
    return google.json("PATCH", f"{FILES}/{doc_id}", json=body, params=params, token=token)


def test_a_lock_says_who_set_it_when_and_why(google: Google) -> None:
    doc_id = google.new_doc()
    assert "contentRestrictions" not in google.json(
        "GET", f"{FILES}/{doc_id}", params={"fields": "*"}
    )
    [shown] = lock(google, doc_id)["contentRestrictions"]
    assert shown["readOnly"] is True
    assert shown["reason"] == "The loop is closed."
    assert shown["type"] == "globalContentRestriction"
    assert shown["restrictingUser"]["emailAddress"] == "you@rehearsal.example"
    assert shown["restrictionTime"].endswith("Z")


def test_a_locked_doc_is_read_moved_and_shared_and_not_edited(google: Google) -> None:
    doc_id = google.new_doc()
    can = lock(google, doc_id)["capabilities"]
    assert (can["canModifyContent"], can["canRename"], can["canEdit"]) == (False, False, True)
    refused = google.write(doc_id, "late")
    assert refused.status_code == 403
    assert refused.json()["error"]["message"] == "The caller does not have permission"
    assert google.refusal("PATCH", f"{FILES}/{doc_id}", json={"name": "Other"})["code"] == 403
    assert google.json("GET", f"/v1/documents/{doc_id}")["title"] == "Postmortem"
    google.share(doc_id, "eve@rehearsal.example")


def test_a_lock_that_is_taken_off_leaves_nothing_behind(google: Google) -> None:
    doc_id = google.new_doc()
    lock(google, doc_id)
    body = {"contentRestrictions": [{"readOnly": False}]}
    google.json("PATCH", f"{FILES}/{doc_id}", json=body)
    shown = google.json("GET", f"{FILES}/{doc_id}", params={"fields": "*"})
    assert "contentRestrictions" not in shown
    assert shown["capabilities"]["canRemoveContentRestriction"] is False
    assert google.write(doc_id, "again").ok


def test_an_owners_lock_is_not_an_editors_to_take_off(google: Google) -> None:
    doc_id = google.new_doc()
    google.share(doc_id, "eve@rehearsal.example")
    open_again = {"contentRestrictions": [{"readOnly": False}]}
    lock(google, doc_id, ownerRestricted=True)
    error = google.refusal("PATCH", f"{FILES}/{doc_id}", json=open_again, token=EVE)
    assert error["errors"][0]["reason"] == "insufficientFilePermissions"
    lock(google, doc_id)
    google.json("PATCH", f"{FILES}/{doc_id}", json=open_again, token=EVE)


@pytest.mark.parametrize(
    ("restrictions", "code"),
    [
        ([{"readOnly": False, "reason": "why"}], 400),
        ([{"reason": "why"}], 400),
        ([{"readOnly": True, "type": "globalContentRestriction"}], 403),
        ([{"readOnly": True, "restrictionTime": "2026-11-24T14:39:00Z"}], 403),
        ([{"readOnly": "true"}], 400),
        ([{"readOnly": True, "lockedBy": "me"}], 400),
        ([{"readOnly": True}, {"readOnly": True}], 501),
        ([], 501),
    ],
)
def test_a_restriction_that_drive_would_not_take_is_refused(
    google: Google, restrictions: list[dict[str, Any]], code: int
) -> None:
    doc_id = google.new_doc()
    body = {"contentRestrictions": restrictions}
    assert google.refusal("PATCH", f"{FILES}/{doc_id}", json=body)["code"] == code
    assert google.write(doc_id, "still open").ok


def test_a_file_is_not_made_with_a_lock(google: Google) -> None:
    body = {"name": "Postmortem", "mimeType": DOC_TYPE, "contentRestrictions": [LOCK]}
    assert google.refusal("POST", FILES, json=body)["code"] == 501
