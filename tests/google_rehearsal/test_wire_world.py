"""The web pages' view of the state that calls have changed."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from google_rehearsal.app import create_app, pipeline_of
from google_rehearsal.docs.methods import Documents
from google_rehearsal.page_views import StoredWorld
from google_rehearsal.store import Settings, World
from tests.google_rehearsal.caller import FOLDER_TYPE, Google, mail

EVE = "rehearsal:eve@rehearsal.example"


def test_the_world_is_seen_over_all_accounts(tmp_path: Path, google: Google) -> None:
    older, newer = google.new_doc("Older"), google.new_doc("Newer", token=EVE)
    google.new_doc("Folder", mimeType=FOLDER_TYPE)
    trashed = google.new_doc("Trashed")
    google.json("PATCH", f"/drive/v3/files/{trashed}", json={"trashed": True})
    google.share(older, "eve@rehearsal.example")
    google.write(older, "Summary")
    first = google.send(mail(to="ada@customer.example"))["id"]
    second = google.send(mail(to="bob@customer.example"), token=EVE)["id"]
    google.new_draft()

    app = create_app(tmp_path / "world")
    world: World = StoredWorld(pipeline_of(app).store, Documents())
    assert [file["id"] for file in world.documents()] == [newer, older]
    assert world.documents()[1]["webViewLink"] == f"/document/d/{older}/edit?usp=drivesdk"
    assert "Summary" in str(world.document(older)["tabs"])
    assert [each["role"] for each in world.permissions(older)] == ["owner", "writer"]
    assert [each.id for each in world.mailbox()] == [second, first]
    assert world.mail(first).account == "you@rehearsal.example"
    assert b"ada@customer.example" in world.mail(first).raw
    assert [each.label_ids for each in world.drafts()] == [("DRAFT",)]
    for look in (world.document, world.permissions, world.mail):
        with pytest.raises(KeyError):
            look("nope")
    pipeline_of(app).store.close()


def test_the_pages_are_served_beside_googles_paths(google: Google) -> None:
    doc_id = google.new_doc("Shown in a browser")
    link = google.json("GET", f"/drive/v3/files/{doc_id}?fields=webViewLink")["webViewLink"]
    page = requests.get(link, timeout=10)
    assert page.ok
    assert "Shown in a browser" in page.text


def test_the_switch_for_a_named_ranges_edge_reaches_the_docs(google: Google) -> None:
    lengths = {}
    for edges in ("outside", "inside"):
        google.settings(boundary_inserts=edges)
        doc_id = google.new_doc()
        path = f"/v1/documents/{doc_id}:batchUpdate"
        named = {"name": "n", "range": {"startIndex": 1, "endIndex": 4}}
        requests_ = [
            {"insertText": {"location": {"index": 1}, "text": "abc"}},
            {"createNamedRange": named},
            {"insertText": {"location": {"index": 4}, "text": "d"}},
        ]
        google.json("POST", path, json={"requests": requests_})
        ranges = google.json("GET", f"/v1/documents/{doc_id}")["namedRanges"]["n"]["namedRanges"]
        (span,) = ranges[0]["ranges"]
        lengths[edges] = span["endIndex"] - span["startIndex"]
    assert lengths == {"outside": 3, "inside": 4}


def test_a_stale_revision_changes_nothing(google: Google) -> None:
    doc_id = google.new_doc()
    path = f"/v1/documents/{doc_id}:batchUpdate"
    stale = google.json("GET", f"/v1/documents/{doc_id}")["revisionId"]
    google.write(doc_id, "first")
    body = {
        "requests": [{"insertText": {"location": {"index": 1}, "text": "second"}}],
        "writeControl": {"requiredRevisionId": stale},
    }
    error = google.refusal("POST", path, json=body)
    assert error["message"] == (
        f"The required revision ID '{stale}' does not match the latest revision."
    )
    text = google.call("GET", f"/drive/v3/files/{doc_id}/export?mimeType=text/plain").text
    assert "second" not in text


def test_a_batch_that_fails_half_way_leaves_the_doc_as_it_was(google: Google) -> None:
    doc_id = google.new_doc()
    google.write(doc_id, "kept")
    before = google.json("GET", f"/v1/documents/{doc_id}")
    requests_ = [
        {"insertText": {"location": {"index": 1}, "text": "lost"}},
        {"insertText": {"location": {"index": 999}, "text": "x"}},
    ]
    path = f"/v1/documents/{doc_id}:batchUpdate"
    error = google.refusal("POST", path, json={"requests": requests_})
    assert error["message"].startswith("Invalid requests[1].insertText: Index 999 must be less")
    assert "errors" not in error
    assert google.json("GET", f"/v1/documents/{doc_id}") == before


def test_an_app_without_a_socket_serves_a_wsgi_client(tmp_path: Path) -> None:
    app = create_app(tmp_path / "world", Settings(account="lea@rehearsal.example"))
    client = app.test_client()
    headers = {"Authorization": "Bearer rehearsal", "Host": "127.0.0.1"}
    answer = client.get("/drive/v3/about?fields=user/emailAddress", headers=headers)
    assert answer.json == {"user": {"emailAddress": "lea@rehearsal.example"}}
    pipeline_of(app).store.close()
