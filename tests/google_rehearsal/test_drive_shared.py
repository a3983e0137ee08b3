"""Shared drives: whose files they hold, and which calls reach them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.google_rehearsal.caller import DOC_TYPE, FOLDER_TYPE, Google

FILES = "/drive/v3/files"
ALL = "rehearsal:you@rehearsal.example:drive,documents"
EVE = "rehearsal:eve@rehearsal.example:drive,documents"
REACHING = {"supportsAllDrives": "true"}


@pytest.fixture
def shared_drive(google: Google) -> str:
    """The id of a shared drive that the default account manages, with Eve as a writer."""
    asked = {"params": {"requestId": "1"}, "json": {"name": "Incidents"}}
    drive_id = str(google.json("POST", "/drive/v3/drives", token=ALL, **asked)["id"])
    eve = {"type": "user", "role": "writer", "emailAddress": "eve@rehearsal.example"}
    path = f"{FILES}/{drive_id}/permissions"
    google.json("POST", path, token=ALL, params=REACHING, json=eve)
    return drive_id


def new_file(google: Google, parent: str, token: str = ALL, kind: str = DOC_TYPE) -> str:
    body = {"name": "Postmortem", "mimeType": kind, "parents": [parent]}
    return str(google.json("POST", FILES, token=token, params=REACHING, json=body)["id"])


def listed(google: Google, token: str = ALL, **params: str) -> list[str]:
    answer = google.json("GET", FILES, token=token, params=params)
    return [file["id"] for file in answer["files"]]


@pytest.mark.parametrize(
    ("verb", "path", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"name": "x"}),
        ("DELETE", "", None),
        ("POST", "/copy", {}),
        ("GET", "/permissions", None),
        ("POST", "/permissions", {"type": "anyone", "role": "reader"}),
    ],
)
def test_a_call_that_does_not_say_so_is_not_shown_a_shared_drives_file(
    google: Google, shared_drive: str, verb: str, path: str, body: dict[str, Any] | None
) -> None:
    doc_id = new_file(google, shared_drive)
    address = f"{FILES}/{doc_id}{path}"
    error = google.refusal(verb, address, token=ALL, json=body)
    assert (error["code"], error["message"]) == (404, f"File not found: {doc_id}.")
    assert google.call(verb, address, token=ALL, json=body, params=REACHING).ok


def test_nothing_is_made_in_it_unless_the_call_says_so(google: Google, shared_drive: str) -> None:
    body = {"name": "x", "mimeType": DOC_TYPE, "parents": [shared_drive]}
    error = google.refusal("POST", FILES, token=ALL, json=body)
    assert error["message"] == f"File not found: {shared_drive}."


def test_its_files_have_no_owner_and_its_members(google: Google, shared_drive: str) -> None:
    folder = new_file(google, shared_drive, kind=FOLDER_TYPE)
    doc_id = new_file(google, folder, token=EVE)
    params = {**REACHING, "fields": "*"}
    shown = google.json("GET", f"{FILES}/{doc_id}", token=ALL, params=params)
    assert (shown["driveId"], shown["parents"]) == (shared_drive, [folder])
    assert not {"owners", "ownedByMe", "shared", "permissions"} & set(shown)
    path = f"{FILES}/{doc_id}/permissions"
    members = google.json("GET", path, token=ALL, params=REACHING)["permissions"]
    assert [each["role"] for each in members] == ["organizer", "writer"]
    owner = {"type": "user", "role": "owner", "emailAddress": "eve@rehearsal.example"}
    error = google.refusal("POST", path, token=ALL, params=REACHING, json=owner)
    assert error["message"] == "The specified role is invalid or not supported."
    assert google.refusal("DELETE", f"{FILES}/{doc_id}", token=EVE, params=REACHING)["code"] == 403
    assert google.write(doc_id, "from Eve", token=EVE).ok
    exported = google.call(
        "GET", f"{FILES}/{doc_id}/export", token=ALL, params={"mimeType": "text/plain"}
    )
    assert "from Eve" in exported.content.decode()


def test_a_list_has_its_files_when_both_are_said(google: Google, shared_drive: str) -> None:
    mine, theirs = google.new_doc(), new_file(google, shared_drive)
    included = {"includeItemsFromAllDrives": "true"}
    assert listed(google) == listed(google, **REACHING) == [mine]
    assert listed(google, **REACHING, **included) == [theirs, mine]
    assert listed(google, **REACHING, **included, corpora="allDrives") == [theirs, mine]
    error = google.refusal("GET", FILES, token=ALL, params={**REACHING, "corpora": "allDrives"})
    assert error["code"] == 403
    assert error["message"].startswith("The includeItemsFromAllDrives parameter must be set")


def test_with_drive_file_only_ones_own_are_seen(google: Google, shared_drive: str) -> None:
    doc_id = new_file(google, shared_drive)
    path = f"{FILES}/{doc_id}"
    assert google.json("GET", path, params=REACHING)["id"] == doc_id
    of_another = "rehearsal:eve@rehearsal.example:drive.file"
    assert google.refusal("GET", path, params=REACHING, token=of_another)["code"] == 404


def test_the_list_of_shared_drives_has_those_that_the_caller_is_a_member_of(
    google: Google, shared_drive: str
) -> None:
    other = {"params": {"requestId": "2"}, "json": {"name": "Archive"}}
    archive = str(google.json("POST", "/drive/v3/drives", token=ALL, **other)["id"])
    drives = google.json("GET", "/drive/v3/drives", token=ALL)["drives"]
    assert [(each["id"], each["name"]) for each in drives] == [
        (archive, "Archive"),
        (shared_drive, "Incidents"),
    ]
    of_eve = google.json("GET", "/drive/v3/drives", token=EVE)["drives"]
    assert [each["id"] for each in of_eve] == [shared_drive]
    first = google.json("GET", "/drive/v3/drives", token=ALL, params={"pageSize": "1"})
    token = {"pageSize": "1", "pageToken": first["nextPageToken"]}
    rest = google.json("GET", "/drive/v3/drives", token=ALL, params=token)
    assert [each["id"] for each in first["drives"] + rest["drives"]] == [archive, shared_drive]
    assert "nextPageToken" not in rest
    assert google.json("GET", f"/drive/v3/drives/{archive}", token=ALL)["name"] == "Archive"
    error = google.refusal("GET", f"/drive/v3/drives/{archive}", token=EVE)
    assert (error["code"], error["message"]) == (404, f"Shared drive not found: {archive}")
    # drive.file, the usual scope, is not enough.
    assert google.refusal("GET", "/drive/v3/drives")["code"] == 403


def test_a_list_of_one_shared_drive_names_it_and_says_so(google: Google, shared_drive: str) -> None:
    google.new_doc()
    other = {"params": {"requestId": "2"}, "json": {"name": "Archive"}}
    archive = str(google.json("POST", "/drive/v3/drives", token=ALL, **other)["id"])
    new_file(google, archive)
    doc_id = new_file(google, shared_drive)
    every = {**REACHING, "includeItemsFromAllDrives": "true"}
    assert listed(google, **every, corpora="drive", driveId=shared_drive) == [doc_id]
    for wrong in ({"corpora": "drive"}, {"driveId": shared_drive}):
        error = google.refusal("GET", FILES, token=ALL, params={**every, **wrong})
        assert error["message"] == (
            "The driveId parameter must be specified if and only if corpora is set to drive."
        )
    here = {**every, "corpora": "drive", "driveId": archive}
    assert google.refusal("GET", FILES, token=EVE, params=here)["code"] == 404
