"""`join`: a colleague on another machine joins with only the doc's address."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command_line import Postmortem, one_each, words_to_send, write_customers
from tests.conftest import CONFIG
from tests.google_world import GoogleWorld

COLLEAGUE = "ann@team.example"
START = ("--at", "2026-11-23 14:39", "--severity", "SEV1", "--share", COLLEAGUE)


@pytest.fixture
def colleague(tmp_path: Path, google: GoogleWorld) -> Postmortem:
    """A person on another machine, whose sign-in may only edit docs."""
    home = tmp_path / "colleague"
    home.mkdir(mode=0o700)
    person = Postmortem(home, {"POSTMORTEM_GOOGLE_URL": google.url})
    token = f'google_url_token = "rehearsal:{COLLEAGUE}:documents"\n'
    person.configure(token + CONFIG.replace("Berlin", "Lisbon"))
    return person


@pytest.mark.parametrize("chips", [False, True], ids=["text", "chips"])
def test_a_colleague_works_on_the_same_doc_without_drive(
    postmortem: Postmortem, colleague: Postmortem, google: GoogleWorld, chips: bool
) -> None:
    postmortem.configure(f"native_chips = {str(chips).lower()}\n{CONFIG}")
    started = postmortem.json("start", "Wrong amounts 🧯", *START)
    postmortem("log", "Seen", "--at", "2026-11-23 14:45")
    postmortem("status", "identified", "--at", "2026-11-23 14:46")
    google.forget_calls()
    joined = colleague.json("join", started["doc_url"] + "?tab=t.0#heading=h.1")
    assert joined == {
        "incident": started["incident"],
        "title": "Wrong amounts 🧯",
        "status": "identified",
        "doc_id": started["doc_id"],
        "doc_url": started["doc_url"],
    }
    known = colleague.json("show")
    assert (known["started_at"], known["severity"]) == ("2026-11-23T14:39:00+01:00", "SEV1")

    colleague("log", "Told support", "--at", "2026-11-23 14:42")
    colleague("section", "root-cause", "A stale price list")
    colleague("status", "resolved", "--at", "2026-11-23 15:10")
    colleague("close", "--at", "2026-11-23 15:20")
    assert not [name for name in google.calls() if not name.startswith("docs.documents.")]
    text = google.text(started["doc_id"])
    lines = ("2:42 PM", "2:45 PM", "2:46 PM", "3:10 PM", "3:20 PM", "A stale price list")
    parts = ["Status: Resolved", "A stale price list", *lines[:5]]
    places = [text.index(part, text.index("Timeline") if "PM" in part else 0) for part in parts]
    assert places == sorted(places)
    assert "Duration: 31 min" in text
    postmortem("log", "Both go on", "--at", "2026-11-23 15:15")
    assert google.text(started["doc_id"]).count("Both go on") == 1


def test_joining_again_only_makes_it_the_current_one(
    postmortem: Postmortem, colleague: Postmortem
) -> None:
    first = postmortem.json("start", "First", *START)
    second = postmortem.json("start", "Second", *START)
    colleague("join", first["doc_url"])
    colleague("log", "Said in the first", "--at", "2026-11-23 14:45")
    colleague("join", second["doc_url"])
    assert colleague.json("show")["title"] == "Second"
    colleague("join", first["doc_url"])
    assert [each["text"] for each in colleague.json("show")["timeline"]] == ["Said in the first"]
    assert len(colleague.json("list")) == 2


def test_a_status_that_was_set_after_the_joining_is_known_with_the_next_look_at_the_doc(
    postmortem: Postmortem, colleague: Postmortem, google: GoogleWorld, tmp_path: Path
) -> None:
    colleague.configure(CONFIG)
    started = postmortem.json("start", "Wrong amounts", *START)
    colleague("join", started["doc_url"])
    postmortem("status", "identified")
    assert "The status is now “identified”" in colleague("log", "Told support").err
    assert colleague.json("show")["status"] == "identified"
    assert "The status is now" not in colleague("log", "Told sales").err

    postmortem("status", "resolved")
    listed = write_customers(tmp_path / "customers.csv", 2)
    refused = colleague(*words_to_send(listed), expect=3).err
    assert "Nothing was sent. The status is now “resolved”" in refused
    assert google.sent() == []
    assert colleague.json("notify", str(listed))["stage"] == "resolved"
    assert colleague.json(*words_to_send(listed))["stage"] == "resolved"
    assert google.copies_per_recipient() == one_each(listed)


def test_colleagues_in_chat_read_the_status_that_is_in_the_doc(
    postmortem: Postmortem, colleague: Postmortem, google: GoogleWorld
) -> None:
    channel = '[[announce]]\nkind = "slack_webhook"\nname = "#incidents"\nurl_env = "HOOK"\n'
    colleague.configure(f"{CONFIG}\n{channel}")
    started = postmortem.json("start", "Wrong amounts", *START)
    colleague("join", started["doc_url"])
    postmortem("status", "resolved")
    hook = f"{google.url}/services/TREHEARSAL/BINCIDENTS/told-on-this-machine"
    colleague("announce", HOOK=hook)
    (told,) = google.told()
    assert "Resolved" in str(told)
    assert "Investigating" not in str(told)


def test_a_status_of_ones_own_counts_until_it_is_in_the_doc(
    postmortem: Postmortem, colleague: Postmortem, google: GoogleWorld
) -> None:
    started = postmortem.json("start", "Wrong amounts", *START)
    colleague("join", started["doc_url"])
    postmortem("status", "monitoring")
    colleague("status", "resolved", POSTMORTEM_GOOGLE_URL="http://127.0.0.1:9", expect=5)
    colleague("log", "Told support")
    assert colleague.json("show")["status"] == "resolved"
    assert "Status: Resolved" in google.text(started["doc_id"]).partition("Summary")[0]

    offered = postmortem("log", "Seen")
    assert "The status in the doc is “resolved”, and here it is “monitoring”." in offered.err
    assert postmortem.json("show")["status"] == "monitoring"
    postmortem("status", "resolved")
    assert "The status in the doc" not in postmortem("log", "Seen again").err


def test_a_doc_whose_title_and_headings_people_changed_is_joined_as_it_is(
    postmortem: Postmortem, colleague: Postmortem, google: GoogleWorld
) -> None:
    started = postmortem.json("start", "Wrong amounts", *START)
    content = google.document(started["doc_id"])["tabs"][0]["documentTab"]["body"]["content"]
    title = next(one for one in content if "Wrong amounts" in str(one))
    whole = {"startIndex": title["startIndex"], "endIndex": title["endIndex"]}
    google.edit(
        started["doc_id"],
        {"deleteContentRange": {"range": whole}},
        {"replaceAllText": {"containsText": {"text": "Root cause"}, "replaceText": "*Why*: it"}},
    )
    colleague("join", started["doc_url"])
    colleague("section", "root-cause", "A stale price list")
    text = google.text(started["doc_id"])
    assert text.index("*Why*: it") < text.index("A stale price list") < text.index("Timeline")


@pytest.mark.parametrize(
    "address",
    [
        "https://docs.google.com.evil.example/document/d/{id}/edit",
        "https://evil.example/document/d/{id}/edit",
        "https://docs.google.com@evil.example/document/d/{id}/edit",
        "http://docs.google.com/document/d/{id}/edit",
        "https://[docs.google.com/document/d/{id}/edit",
    ],
)
def test_an_address_that_is_not_googles_is_not_the_docs(
    postmortem: Postmortem, colleague: Postmortem, google: GoogleWorld, address: str
) -> None:
    started = postmortem.json("start", "Wrong amounts", *START)
    planted = address.format(id=started["doc_id"])
    assert "is not the address of a Google Doc" in colleague("join", planted, expect=3).err
    assert "is not the address of a Google Doc" in postmortem("doc", "adopt", planted, expect=3).err
    assert postmortem.json("show")["doc_url"] == started["doc_url"]
    real = f"https://docs.google.com/document/d/{started['doc_id']}/edit"
    assert colleague.json("join", real)["incident"] == started["incident"]


def test_what_is_no_incidents_doc_is_refused(
    postmortem: Postmortem, colleague: Postmortem, google: GoogleWorld
) -> None:
    assert "not the address of a Google Doc" in colleague("join", "x", expect=3).err
    doc = postmortem.json("start", "Wrong amounts", *START)
    names = google.document(doc["doc_id"])["tabs"][0]["documentTab"]["namedRanges"]
    google.edit(doc["doc_id"], *({"deleteNamedRange": {"name": name}} for name in names))
    assert "does not say which incident" in colleague("join", doc["doc_url"], expect=3).err
    assert colleague.json("list") == []
