"""`attach` with a picture: shown in the doc if it is public, or if a person publishes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.command_line import Postmortem
from tests.google_world import GoogleWorld
from tests.pictures import png, png_head
from tests.plug import dies_in
from tests.terminal import at_a_terminal


@pytest.fixture
def doc_id(postmortem: Postmortem) -> str:
    return str(postmortem.json("start", "Wrong amounts")["doc_id"])


@pytest.fixture
def graph(tmp_path: Path) -> str:
    path = tmp_path / "graph 🧯.png"
    path.write_bytes(png(800, 400))
    return str(path)


def pictures(google: GoogleWorld, doc_id: str) -> list[dict[str, Any]]:
    """The pictures in the doc."""
    objects = google.document(doc_id)["tabs"][0]["documentTab"].get("inlineObjects", {})
    return [each["inlineObjectProperties"]["embeddedObject"] for each in objects.values()]


def who_may_see(google: GoogleWorld, name: str) -> set[str]:
    every = google._pages("drive/v3/files", "files", fields="nextPageToken,files(*)")
    (file,) = [each for each in every if each["name"] == name]
    return {each["type"] for each in google.permissions(file["id"])}


def published(google: GoogleWorld, postmortem: Postmortem, path: str) -> str:
    """The public address of a picture that somebody shared in Drive."""
    url = str(postmortem.json("attach", path)["url"])
    file_id = url.rsplit("/", 2)[-2]
    answer = google._session().post(
        f"{google.url}/drive/v3/files/{file_id}/permissions",
        json={"type": "anyone", "role": "reader"},
        timeout=10,
    )
    assert answer.ok, answer.text
    return str(google._get(f"drive/v3/files/{file_id}", fields="webContentLink")["webContentLink"])


def test_a_picture_is_a_link_and_private_unless_somebody_says_otherwise(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, graph: str
) -> None:
    assert postmortem.json("attach", graph)["shown"] == "link"
    assert pictures(google, doc_id) == []
    assert who_may_see(google, "graph 🧯.png") == {"user"}


def test_a_published_picture_is_shown_under_its_caption_within_the_page(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, graph: str
) -> None:
    answer = postmortem.json("attach", graph, "--publish", "--yes", "--caption", "Errors")
    assert (answer["shown"], answer["synced"]) == ("picture", True)
    (shown,) = pictures(google, doc_id)
    size = shown["size"]["width"]["magnitude"], shown["size"]["height"]["magnitude"]
    assert size == (450, 225)
    markdown = google.markdown(doc_id)
    assert markdown.index("Errors (") < markdown.index("![image](data:image/png;base64,")


def test_a_picture_is_public_only_until_the_doc_has_its_own_copy(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, graph: str
) -> None:
    google.forget_calls()
    said = postmortem("attach", graph, "--publish", "--yes")
    assert "The doc has its own copy; the link is private again." in said.out
    assert who_may_see(google, "graph 🧯.png") == {"user"}
    calls = google.calls()
    assert (calls["drive.permissions.create"], calls["drive.permissions.delete"]) == (1, 1)
    assert len(pictures(google, doc_id)) == 1
    assert "data:image/png;base64," in google.markdown(doc_id)
    assert postmortem.json("attach", graph, "--publish", "--yes")["public"] is False
    google.forget_calls()
    postmortem("log", "Goes on")
    assert "drive.permissions.delete" not in google.calls()


def test_what_could_not_be_made_private_is_said_and_sync_does_it(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, graph: str
) -> None:
    google.misbehave("503", "drive.permissions.delete")
    said = postmortem("attach", graph, "--publish", "--yes", expect=5)
    assert "Anyone who has its link can still see graph 🧯.png" in said.err
    assert "postmortem sync" in said.err
    assert who_may_see(google, "graph 🧯.png") == {"user", "anyone"}
    more = postmortem.json("attach", graph, "--publish", "--yes", "--again", expect=5)
    assert more["public"] is True
    google.behave()
    postmortem("sync")
    every = google._pages("drive/v3/files", "files", fields="nextPageToken,files(*)")
    graphs = [each["id"] for each in every if each["name"] == "graph 🧯.png"]
    assert len(graphs) == 2
    for each in graphs:
        assert {one["type"] for one in google.permissions(each)} == {"user"}
    assert "Everything is in the doc" in postmortem("sync").out


def test_where_drive_says_no_a_person_is_told_how_to_do_it_and_it_is_not_tried_again(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, graph: str
) -> None:
    google.misbehave("403_file", "drive.permissions.delete")
    said = postmortem("attach", graph, "--publish", "--yes")
    assert "Anyone who has its link can still see graph 🧯.png" in said.err
    assert "Its owner can make it private in Drive: http" in said.err
    assert "private again" not in said.out
    google.forget_calls()
    assert postmortem("log", "Goes on").err == ""
    assert "drive.permissions.delete" not in google.calls()


def test_killed_while_it_is_public_sync_makes_it_private(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, graph: str
) -> None:
    dies_in(
        "workflow.doc.changes", "make_private", postmortem, "attach", graph, "--publish", "--yes"
    )
    assert who_may_see(google, "graph 🧯.png") == {"user", "anyone"}
    postmortem("sync")
    assert who_may_see(google, "graph 🧯.png") == {"user"}
    assert len(pictures(google, doc_id)) == 1


def test_what_is_said_later_goes_where_it_should_beside_a_picture(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, graph: str
) -> None:
    postmortem("attach", graph, "--publish", "--yes", "--caption", "First")
    postmortem("attach", graph, "--caption", "Second")
    postmortem("section", "supporting-data", "Third 🧯")
    postmortem("log", "Seen")
    postmortem("status", "identified")
    postmortem("close")
    text = google.text(doc_id)
    order = ["First (graph", "Second (graph", "Third 🧯", "How to contact support"]
    places = [text.index(words, text.index("\nSupporting data\n")) for words in order]
    assert places == sorted(places)
    assert len(pictures(google, doc_id)) == 1
    assert "Closed the incident" in text[: places[0]]


def test_a_picture_that_a_person_deleted_does_not_come_back(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, graph: str
) -> None:
    postmortem("attach", graph, "--publish", "--yes")
    content = google.document(doc_id)["tabs"][0]["documentTab"]["body"]["content"]
    (at,) = [
        element["startIndex"]
        for block in content
        for element in block.get("paragraph", {}).get("elements", ())
        if "inlineObjectElement" in element
    ]
    gone = {"range": {"startIndex": at, "endIndex": at + 1}}
    google.edit(doc_id, {"deleteContentRange": gone})
    postmortem("log", "Goes on")
    postmortem("sync")
    assert pictures(google, doc_id) == []


def test_without_a_terminal_publishing_needs_yes_and_nothing_is_recorded(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, graph: str
) -> None:
    result = postmortem("attach", graph, "--publish", expect=3)
    assert "anyone with the link" in result.err
    assert "--yes" in result.err
    assert postmortem.json("show")["pending_sync"] == 0
    assert "graph 🧯" not in google.text(doc_id)


@pytest.mark.parametrize(("answer", "code", "count"), [("yes", 0, 1), ("", 3, 0), ("y", 3, 0)])
def test_a_person_is_asked_in_plain_words(
    postmortem: Postmortem,
    google: GoogleWorld,
    doc_id: str,
    graph: str,
    answer: str,
    code: int,
    count: int,
) -> None:
    result = at_a_terminal(postmortem, "attach", graph, "--publish", typed=answer)
    assert "Anyone with the link can see" in result.err
    assert result.code == code
    assert len(pictures(google, doc_id)) == count


def test_an_administrator_who_forbids_it_leaves_a_link(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, graph: str
) -> None:
    google.misbehave("403_publish_out", "drive.permissions.create")
    result = postmortem("attach", graph, "--publish", "--yes")
    assert "was not made public, and is linked instead" in result.err
    assert "administrators of your domain" in result.err
    assert pictures(google, doc_id) == []
    assert "graph 🧯.png" in google.text(doc_id)


def test_a_picture_that_docs_does_not_take_is_linked_and_no_longer_public(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, graph: str
) -> None:
    google.set(unknown_requests=["insertInlineImage"])
    result = postmortem("attach", graph, "--publish", "--yes", "--caption", "Errors")
    assert "could not show graph 🧯.png as a picture. It is linked instead." in result.err
    assert who_may_see(google, "graph 🧯.png") == {"user"}
    assert "Errors (graph 🧯.png)" in google.text(doc_id)
    assert postmortem.json("show")["pending_sync"] == 0


def test_a_picture_that_can_not_be_taken_back_yet_waits_and_holds_up_nothing_else(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, graph: str
) -> None:
    google.set(unknown_requests=["insertInlineImage"])
    google.misbehave("503", "drive.permissions.delete")
    postmortem("attach", graph, "--publish", "--yes", expect=5)
    postmortem("log", "Goes on", expect=5)
    assert "Goes on" in google.text(doc_id)
    google.behave()
    postmortem("sync")
    assert who_may_see(google, "graph 🧯.png") == {"user"}
    assert google.text(doc_id).count("graph 🧯.png") == 1


@pytest.mark.parametrize(
    ("kind", "method"),
    [
        ("close_before", "*"),
        ("503", "drive.permissions.create"),
        ("error_after", "drive.permissions.create"),
        ("503", "drive.files.get"),
        ("close_after", "docs.documents.batchUpdate"),
    ],
)
def test_whatever_fails_on_the_way_the_picture_comes_once(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, graph: str, kind: str, method: str
) -> None:
    google.misbehave(kind, method, times=2)
    postmortem("attach", graph, "--publish", "--yes", expect=None)
    google.behave()
    postmortem("sync")
    assert len(pictures(google, doc_id)) == 1
    assert google.text(doc_id).count("graph 🧯.png") == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<svg/>", "is not a PNG, JPEG or GIF picture"),
        (png_head(6000, 5000), "has 30 megapixels; Docs shows at most 25"),
    ],
)
def test_what_docs_can_not_show_is_refused_before_it_is_published(
    postmortem: Postmortem,
    google: GoogleWorld,
    doc_id: str,
    tmp_path: Path,
    content: bytes,
    words: str,
) -> None:
    path = tmp_path / "graph.png"
    path.write_bytes(content)
    google.forget_calls()
    assert words in postmortem("attach", str(path), "--publish", "--yes", expect=3).err
    assert google.calls() == {}


# An address instead of a file


def test_a_picture_at_a_public_address_is_shown_and_nothing_is_uploaded(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, graph: str
) -> None:
    address = published(google, postmortem, graph)
    google.forget_calls()
    answer = postmortem.json("attach", address, "--caption", "Status page")
    assert (answer["shown"], answer["url"]) == ("picture", address)
    assert "drive.files.create" not in google.calls()
    assert "drive.permissions.create" not in google.calls()
    assert len(pictures(google, doc_id)) == 1
    assert "Status page (uc)" in google.text(doc_id)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("https://status.example/graph.png", "A rehearsal fetches nothing from"),
        ("http://127.0.0.1:1/graph.png", "A rehearsal fetches nothing from"),
        ("{google}/uc?id=nothing&key=secret", "It answers with 404"),
        ("{google}/", "is not a PNG, JPEG or GIF picture"),
        ("https://ann:hunter2@status.example/a.png", "a name and a password"),
        ("https://[::1/a.png", "not a valid address"),
        ("https://a.example:port/a.png", "not a valid address"),
        ("{google}/" + "a" * 2048, "longer than the 2 kB"),
    ],
)
def test_an_address_that_shows_no_picture_to_everybody_is_refused(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, address: str, words: str
) -> None:
    result = postmortem("attach", address.format(google=google.url), expect=3)
    assert words in result.err
    assert "hunter2" not in result.err
    assert "secret" not in result.err
    assert postmortem.json("show")["pending_sync"] == 0


def test_publish_and_yes_go_with_a_file(postmortem: Postmortem, doc_id: str, graph: str) -> None:
    assert "already" in postmortem("attach", "https://a.example/b", "--publish", expect=2).err
    assert "works only with --publish" in postmortem("attach", graph, "--yes", expect=2).err
