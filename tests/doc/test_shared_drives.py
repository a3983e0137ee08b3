"""Docs in a folder of a shared drive, whose files nobody owns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.command_line import CustomerList, Postmortem
from tests.conftest import CONFIG
from tests.google_world import GoogleWorld

EVERY = {"supportsAllDrives": "true"}
SEES_EVERY_FILE = "you@rehearsal.example:drive,documents,gmail.compose"
MANAGER = "boss@rehearsal.example"


class SharedDrive:
    """A shared drive of the boss's, with a folder, and this account as one of its writers."""

    def __init__(self, google: GoogleWorld) -> None:
        self._google = google
        self.id = self._call("POST", "drives", {"name": "Incidents"}, requestId="1")["id"]
        self.folder = self._call("POST", "files", self._folder(), **EVERY)["id"]
        self.let_in(google.account, "writer")

    def _folder(self) -> dict[str, Any]:
        folder = "application/vnd.google-apps.folder"
        return {"name": "2026", "mimeType": folder, "parents": [self.id]}

    def let_in(self, account: str, role: str) -> None:
        member = {"type": "user", "role": role, "emailAddress": account}
        for file_id in (self.id, self.folder):
            self._call("POST", f"files/{file_id}/permissions", member, **EVERY)

    def change(self, file_id: str, **changes: Any) -> None:
        self._call("PATCH", f"files/{file_id}", changes, **EVERY)

    def files(self) -> list[dict[str, Any]]:
        """The files in the drive, the folder apart, as the boss sees them."""
        where = {"corpora": "drive", "driveId": self.id, "includeItemsFromAllDrives": "true"}
        fields = "files(id,name,parents,driveId,trashed,contentRestrictions)"
        found = self._call("GET", "files", None, **EVERY, **where, fields=fields)["files"]
        return [each for each in found if each["id"] != self.folder]

    def _call(self, verb: str, path: str, body: Any, **params: str) -> dict[str, Any]:
        answer = requests.request(
            verb,
            f"{self._google.url}/drive/v3/{path}",
            json=body,
            params=params,
            headers={"Authorization": f"Bearer rehearsal:{MANAGER}:drive,documents"},
            timeout=10,
        )
        assert answer.ok, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
def drive(postmortem: Postmortem, google: GoogleWorld) -> SharedDrive:
    made = SharedDrive(google)
    token = f'google_url_token = "rehearsal:{SEES_EVERY_FILE}"\n'
    postmortem.configure(f'folder = "{made.folder}"\n{token}{CONFIG}')
    return made


def test_an_incidents_day_is_kept_in_a_folder_of_a_shared_drive(
    postmortem: Postmortem,
    google: GoogleWorld,
    drive: SharedDrive,
    customers: Callable[[int], CustomerList],
    tmp_path: Path,
) -> None:
    doc_id = postmortem.json("start", "Wrong amounts")["doc_id"]
    (doc,) = drive.files()
    assert (doc["id"], doc["parents"], doc["driveId"]) == (doc_id, [drive.folder], drive.id)
    postmortem("log", "Stopped the invoices")
    chart = tmp_path / "chart.csv"
    chart.write_text("at,errors\n")
    postmortem("attach", str(chart))
    postmortem("share", "ann@team.example")
    postmortem("edit", "--title", "Wrong totals")
    postmortem("notify", str(customers(2)), "--send", "--confirm", "2")
    postmortem("publish", "--doc")
    postmortem("close", "--force", "told by phone", "--lock")
    files = {each["name"]: each for each in drive.files()}
    assert set(files) > {"Wrong totals", "chart.csv"}
    assert {each["driveId"] for each in files.values()} == {drive.id}
    assert files["Wrong totals"]["contentRestrictions"][0]["readOnly"]
    text = google.of(MANAGER).text(doc_id)
    assert "Stopped the invoices" in text
    assert "Accepted by Gmail: 2 of 2" in text
    postmortem("reopen")
    postmortem("log", "Back again")
    assert "Back again" in google.of(MANAGER).text(doc_id)


def test_a_doc_whose_answer_was_lost_is_found_in_the_shared_drive_and_made_once(
    postmortem: Postmortem, google: GoogleWorld, drive: SharedDrive
) -> None:
    google.misbehave("close_after", "drive.files.create", times=1)
    google.misbehave("503", "drive.files.list", times=10)
    postmortem("start", "Wrong amounts", expect=5)
    google.behave()
    postmortem("sync")
    assert [each["name"] for each in drive.files()] == ["Wrong amounts"]


def test_a_doc_in_my_drive_is_moved_into_the_shared_drive(
    postmortem: Postmortem, google: GoogleWorld, drive: SharedDrive
) -> None:
    token = f'google_url_token = "rehearsal:{SEES_EVERY_FILE}"\n'
    postmortem.configure(token + CONFIG)
    doc_id = postmortem.json("start", "Wrong amounts")["doc_id"]
    assert drive.files() == []
    postmortem("edit", "--folder", f"https://drive.google.com/drive/folders/{drive.folder}")
    assert [each["id"] for each in drive.files()] == [doc_id]


def test_without_the_scope_for_it_the_folder_is_said_not_to_be_seen(
    postmortem: Postmortem, google: GoogleWorld, drive: SharedDrive
) -> None:
    postmortem.configure(f'folder = "{drive.folder}"\n{CONFIG}')
    said = postmortem("start", "Wrong amounts")
    assert f"The folder {drive.folder} can't be written by this sign-in" in said.err
    assert 'allow all of Drive: scopes = ["drive"]' in postmortem("doctor", expect=4).out
    assert drive.files() == []


def test_what_only_a_manager_of_the_drive_may_do_is_said_to_be_theirs(
    postmortem: Postmortem, google: GoogleWorld, drive: SharedDrive
) -> None:
    started = postmortem.json("start", "Wrong amounts")
    drive.change(started["doc_id"], trashed=True)
    postmortem("log", "Said in the trash")
    assert "The doc is in the trash" in postmortem("sync").err
    manager = "Ask its owner or a manager of its shared drive."
    assert manager in postmortem("doc", "adopt", started["doc_url"], expect=5).err
    made = postmortem.json("doc", "recreate")["doc_id"]
    assert {each["id"]: each["trashed"] for each in drive.files()} == {
        started["doc_id"]: True,
        made: False,
    }
    assert google.of(MANAGER).text(made).count("Said in the trash") == 1
