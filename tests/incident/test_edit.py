"""`edit`, `share`, `unshare`: corrections of `start`, and who may see the doc."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.command_line import CustomerList, Postmortem
from tests.conftest import CONFIG
from tests.google_world import GoogleWorld

Customers = Callable[[int], CustomerList]
ANN = "ann@team.example"
AT = "2026-11-23 14:39"


@pytest.fixture
def doc(postmortem: Postmortem) -> str:
    started = postmortem.json("start", "Wrnog amounts", "--impact", "x", "--at", AT)
    return str(started["doc_id"])


@pytest.mark.parametrize("chips", [False, True], ids=["text", "chips"])
def test_what_start_said_is_corrected_everywhere(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, chips: bool
) -> None:
    postmortem.configure(f"native_chips = {str(chips).lower()}\n{CONFIG}")
    doc = postmortem.json("start", "Wrnog amounts", "--impact", "x", "--at", AT)["doc_id"]
    edited = postmortem.json(
        *("edit", "--title", "Wrong amounts", "--started", "2026-11-23 13:20"),
        *("--owner", "Ann", "--links", "https://status.example/1"),
    )
    assert (edited["title"], edited["owner"]) == ("Wrong amounts", "Ann")
    assert edited["started_at"] == "2026-11-23T13:20:00+01:00"
    assert edited["synced"] is True
    text = google.text(doc)
    head = text[: text.index("Summary")]
    assert "Wrong amounts" in head
    assert "Wrnog" not in head
    if not chips:
        assert "Started: 23 Nov 2026, 1:20 PM CET" in head
        assert "Owner: Ann" in head
    assert "https://status.example/1" in head
    assert "Title: Wrong amounts (before: Wrnog amounts)" in text
    assert google.file(doc)["name"] == "Wrong amounts"
    preview = postmortem("notify", str(customers(2)), "--stage", "investigating").out
    assert "Wrong amounts" in preview
    assert "23 Nov 2026, 1:20 PM CET" in preview
    postmortem("log", "Earlier than first said", "--at", "2026-11-23 13:30")
    postmortem("close", "--at", "2026-11-23 15:20", "--force", "a test")
    assert "Duration: 2 h" in google.text(doc)
    postmortem("edit", "--started", "2026-11-23 12:20")
    assert "Duration: 3 h" in google.text(doc)
    assert "No change" in postmortem("edit", "--owner", "Ann").out


def test_a_colleague_joins_by_what_was_corrected(
    postmortem: Postmortem, google: GoogleWorld, doc: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    postmortem("edit", "--title", "Wrong amounts", "--started", "2026-11-23 13:20")
    postmortem("share", ANN)
    colleague = Postmortem(tmp_path_factory.mktemp("ann"), dict(postmortem.environment))
    colleague.environment.pop("POSTMORTEM_DATABASE_URL", None)
    colleague.configure(f'google_url_token = "rehearsal:{ANN}:documents"\n' + CONFIG)
    colleague("join", f"https://docs.google.com/document/d/{doc}/edit")
    known = colleague.json("show")
    assert (known["title"], known["started_at"]) == ("Wrong amounts", "2026-11-23T13:20:00+01:00")


def test_what_can_not_be_is_refused_and_changes_nothing(
    postmortem: Postmortem, google: GoogleWorld, doc: str
) -> None:
    before = google.text(doc)
    for words in (
        ("edit", "--title", " "),
        ("edit", "--title", "x" * 301),
        ("edit", "--started", "2999-01-01 10:00"),
        ("edit", "--started", "soon"),
    ):
        postmortem(*words, expect=3)
    postmortem("edit", expect=2)
    postmortem("status", "resolved", "--at", "2026-11-23 15:00")
    late = postmortem("edit", "--started", "2026-11-23 16:00", expect=3).err
    assert "after the incident was resolved" in late
    assert "Wrnog amounts" in before
    assert "Wrnog amounts" in google.text(doc)


def test_a_correction_waits_for_google_like_everything(
    postmortem: Postmortem, google: GoogleWorld, doc: str
) -> None:
    postmortem("edit", "--title", "Wrong", expect=5, POSTMORTEM_GOOGLE_URL="http://127.0.0.1:9")
    postmortem("sync")
    assert google.text(doc).startswith("Wrong\n")
    assert google.file(doc)["name"] == "Wrong"


def test_a_doc_edited_by_hand_is_noticed_and_offered(
    postmortem: Postmortem, google: GoogleWorld, doc: str
) -> None:
    def replace_all(old: str, new: str) -> None:
        google.edit(doc, {"replaceAllText": {"containsText": {"text": old}, "replaceText": new}})

    replace_all("Wrnog amounts", "Bad sums")
    replace_all("Owner: not known yet", "Owner: Bob")
    said = postmortem("log", "Seen").err
    assert "postmortem edit --title 'Bad sums'" in said
    assert "postmortem edit --owner Bob" in said
    postmortem("edit", "--title", "Bad sums", "--owner", "Bob")
    assert postmortem.json("show")["title"] == "Bad sums"
    text = google.text(doc)
    assert text.startswith("Bad sums\n")
    assert text.count("Owner: Bob") == 2  # in the header, and in the timeline
    assert "edit --" not in postmortem("log", "Seen again").err


def test_the_doc_moves_to_another_folder(
    postmortem: Postmortem, google: GoogleWorld, doc: str
) -> None:
    folder = google.make_folder("Incidents")
    postmortem("edit", "--folder", f"https://drive.google.com/drive/folders/{folder}?x=1")
    assert google.file(doc)["parents"] == [folder]
    refused = postmortem("edit", "--folder", "1NotToBeSeen")
    assert "The doc was not moved" in refused.err
    assert google.file(doc)["parents"] == [folder]
    (postmortem.home / "graph.txt").write_text("details", encoding="utf-8")
    postmortem("attach", str(postmortem.home / "graph.txt"))  # into the folder that stayed
    assert google.file_named("graph.txt") == b"details"


def roles(google: GoogleWorld, doc: str) -> dict[str, str]:
    return {
        each.get("emailAddress", each.get("domain", "")): each["role"]
        for each in google.permissions(doc)
        if each["role"] != "owner"
    }


def test_the_doc_is_shared_and_taken_back_at_any_time(
    postmortem: Postmortem, google: GoogleWorld, doc: str
) -> None:
    shared = postmortem.json("share", f"{ANN}:writer", "team.example:reader")
    assert [each["ok"] for each in shared["shared"]] == [True, True]
    assert roles(google, doc) == {ANN: "writer", "team.example": "reader"}
    postmortem("share", f"{ANN}:reader")
    assert roles(google, doc)[ANN] == "reader"
    assert f"No longer shared with {ANN}" in postmortem("unshare", ANN).out
    assert roles(google, doc) == {"team.example": "reader"}
    postmortem("unshare", ANN)  # once more changes nothing
    assert (
        "did not share the doc with zoe@x.example"
        in postmortem("unshare", "zoe@x.example", expect=3).err
    )
    postmortem("share", "nobody", expect=3)
    postmortem("share", ANN)
    assert roles(google, doc)[ANN] == "writer"


def test_unsharing_offline_waits_for_sync(
    postmortem: Postmortem, google: GoogleWorld, doc: str
) -> None:
    postmortem("share", ANN)
    postmortem("unshare", ANN, expect=5, POSTMORTEM_GOOGLE_URL="http://127.0.0.1:9")
    assert ANN in roles(google, doc)
    postmortem("sync")
    assert ANN not in roles(google, doc)


def test_somebody_without_a_google_account_gets_googles_invitation_where_that_is_wanted(
    postmortem: Postmortem, google: GoogleWorld, doc: str
) -> None:
    google.set(without_google_account=["@nowhere.example"])
    refused = postmortem("share", "zoe@nowhere.example:reader", expect=5)
    assert 'you must check the "Notify people" box' in refused.err
    assert "postmortem share zoe@nowhere.example:reader --notify" in refused.err
    assert roles(google, doc) == {}
    postmortem("share", "zoe@nowhere.example:reader", "--notify")
    assert roles(google, doc) == {"zoe@nowhere.example": "reader"}
