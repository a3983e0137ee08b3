"""insertInlineImage in the rehearsal's Google Docs, and where its pictures come from."""

from __future__ import annotations

import json
from typing import Any

import pytest

from google_rehearsal.docs import FetchedPicture, from_json, to_json
from google_rehearsal.docs.chip_requests import NOT_RETRIEVED
from tests.google_rehearsal.caller import Google
from tests.google_rehearsal.docs_page import Json, Page, bad, delete, insert, name, table
from tests.pictures import gif, jpeg, png, png_head

URL = "https://status.example/graph.png"


def picture(uri: str = URL, at: int = 1, **more: Any) -> Json:
    return {"insertInlineImage": {"uri": uri, "location": {"index": at}, **more}}


def size(**sides: float) -> Json:
    return {"objectSize": {name: {"magnitude": side, "unit": "PT"} for name, side in sides.items()}}


def page(text: str = "", width: int = 400, height: int = 200) -> Page:
    """A page that can fetch one picture."""
    made = Page(text)
    made.pictures[URL] = FetchedPicture("key", width, height)
    return made


def shown(given: Page) -> Json:
    """The one picture of the page."""
    (found,) = given.resource()["inlineObjects"].values()
    embedded: Json = found["inlineObjectProperties"]["embeddedObject"]
    return embedded


def magnitudes(embedded: Json) -> tuple[float, float]:
    return embedded["size"]["width"]["magnitude"], embedded["size"]["height"]["magnitude"]


def test_a_picture_takes_one_index_and_moves_what_is_behind_it() -> None:
    made = page("abcd")
    made.send(name("mark", 3, 5))
    (reply,) = made.send(picture(at=2))
    assert made.text() == "a\ue907bcd\n"
    assert made.named_ranges() == {"mark": [(4, 6)]}
    object_id = reply["insertInlineImage"]["objectId"]
    assert list(made.resource()["inlineObjects"]) == [object_id]
    assert shown(made)["imageProperties"]["sourceUri"] == URL


@pytest.mark.parametrize(
    ("asked", "points"),
    [
        ({}, (300, 150)),
        (size(width=100), (100, 50)),
        (size(height=30), (60, 30)),
        (size(width=100, height=10), (20, 10)),
    ],
)
def test_the_size_keeps_the_form(asked: Json, points: tuple[float, float]) -> None:
    made = page()
    made.send(picture(**asked))
    assert magnitudes(shown(made)) == points


def test_a_picture_that_is_deleted_is_shown_no_more() -> None:
    made = page("ab")
    made.send(picture(at=2))
    made.send(delete(2, 3))
    assert made.text() == "ab\n"
    assert "inlineObjects" not in made.resource()


def test_a_picture_outlives_the_store() -> None:
    made = page()
    made.send(picture())
    before = made.resource()
    made.doc = from_json(json.loads(json.dumps(to_json(made.doc))))
    assert made.resource() == before


def test_a_picture_may_stand_in_a_table_and_in_a_header() -> None:
    made = page()
    made.send(table(1, 1, at=1), picture(at=5))
    (reply,) = made.send({"createHeader": {"type": "DEFAULT"}})
    header = {"segmentId": reply["createHeader"]["headerId"]}
    made.send({"insertInlineImage": {"uri": URL, "endOfSegmentLocation": header}})
    assert len(made.resource()["inlineObjects"]) == 2


@pytest.mark.parametrize(
    ("request_body", "words"),
    [
        (picture("https://elsewhere.example/a.png"), NOT_RETRIEVED),
        (picture(""), "The image URI must be specified."),
        (picture("graph.png"), "The URL is invalid."),
        (picture("data:image/png;base64,AA=="), "The URL is invalid."),
        (picture("http://[::1/a.png"), "The URL is invalid."),
        (picture(f"{URL}?{'x' * 2048}"), "The image URI must be at most 2 kB in length."),
        (picture(**size(width=0)), "The object's width must be greater than 0."),
        (
            picture(objectSize={"height": {"magnitude": 5}}),
            "The unit of the object's height must be PT.",
        ),
        (
            picture(at=9),
            "Index 9 must be less than the end index of the referenced segment, 5.",
        ),
        ({"insertInlineImage": {"uri": URL}}, "No insertion location set."),
    ],
)
def test_a_picture_is_refused_as_google_does(request_body: Json, words: str) -> None:
    refused = page("ab").refused(insert("x", at=1), request_body)
    assert refused == bad(f"Invalid requests[1].insertInlineImage: {words}")


def test_a_picture_is_not_put_between_a_table_and_the_paragraph_before_it() -> None:
    made = page("ab")
    made.send(table(1, 1, at=1))
    assert "inside the bounds of an existing paragraph" in made.refused(picture(at=2))["message"]


# Over HTTP: where the bytes come from


def upload(google: Google, content: bytes, kind: str = "image/png") -> Json:
    body = (
        b'--part\r\nContent-Type: application/json\r\n\r\n{"name": "graph.png"}\r\n'
        + f"--part\r\nContent-Type: {kind}\r\n\r\n".encode()
        + content
        + b"\r\n--part--\r\n"
    )
    return google.json(
        "POST",
        "/upload/drive/v3/files?uploadType=multipart&fields=id,webContentLink",
        data=body,
        headers={"Content-Type": "multipart/related; boundary=part"},
    )


def publish(google: Google, file: Json) -> None:
    permission = {"type": "anyone", "role": "reader"}
    google.json("POST", f"/drive/v3/files/{file['id']}/permissions", json=permission)


def path_of(google: Google, address: str) -> str:
    return address.removeprefix(google.server.base_url)


def test_a_file_is_had_without_a_token_only_once_anyone_may_see_it(google: Google) -> None:
    file = upload(google, png())
    path = path_of(google, file["webContentLink"])
    assert google.call("GET", path, token="").status_code == 404
    publish(google, file)
    answer = google.call("GET", path, token="")
    assert (answer.content, answer.headers["Content-Type"]) == (png(), "image/png")


@pytest.mark.parametrize("content", [png(), gif(), jpeg()])
def test_a_published_picture_is_fetched_once_and_kept(google: Google, content: bytes) -> None:
    file, doc = upload(google, content), google.new_doc()
    path = f"/v1/documents/{doc}:batchUpdate"
    body = {"requests": [picture(file["webContentLink"])]}
    assert google.refusal("POST", path, json=body)["message"].endswith(NOT_RETRIEVED)
    publish(google, file)
    google.json("POST", path, json=body)
    google.call("DELETE", f"/drive/v3/files/{file['id']}")
    document = google.json("GET", f"/v1/documents/{doc}")
    (found,) = document["inlineObjects"].values()
    embedded = found["inlineObjectProperties"]["embeddedObject"]
    kept = path_of(google, embedded["imageProperties"]["contentUri"])
    assert google.call("GET", kept, token="").content == content
    assert magnitudes(embedded) == (30, 15)


@pytest.mark.parametrize(
    "content", [b"<svg/>", png_head(6000, 5000), b"GIF89a", b"\xff\xd8\xff\xe0\0\4ab", b"x" * 9]
)
def test_a_file_that_is_no_picture_docs_takes_is_not_retrieved(
    google: Google, content: bytes
) -> None:
    file, doc = upload(google, content), google.new_doc()
    publish(google, file)
    body = {"requests": [picture(file["webContentLink"])]}
    answer = google.refusal("POST", f"/v1/documents/{doc}:batchUpdate", json=body)
    assert answer["message"].endswith(NOT_RETRIEVED)


def test_nothing_is_fetched_from_another_server(google: Google) -> None:
    doc = google.new_doc()
    for address in ("https://www.google.com/logo.png", "http://127.0.0.1:1/uc?id=a"):
        answer = google.refusal(
            "POST", f"/v1/documents/{doc}:batchUpdate", json={"requests": [picture(address)]}
        )
        assert answer["message"].endswith(NOT_RETRIEVED)


def test_every_export_and_the_page_show_the_docs_own_copy(google: Google) -> None:
    file, doc = upload(google, png()), google.new_doc()
    publish(google, file)
    body = {"requests": [picture(file["webContentLink"]), insert("Graph: ", at=1)]}
    google.json("POST", f"/v1/documents/{doc}:batchUpdate", json=body)
    markdown, html, text = (
        google.call("GET", f"/drive/v3/files/{doc}/export?mimeType={kind}").content.decode()
        for kind in ("text/markdown", "text/html", "text/plain")
    )
    assert "Graph: ![image](data:image/png;base64," in markdown
    assert '<img src="data:image/png;base64,' in html
    assert text.strip("\ufeff\r\n") == "Graph: "
    page_html = google.call("GET", f"/document/d/{doc}/edit", token="").text
    assert '<img src="/docs-picture/' in page_html
    assert 'width="40" height="20" alt="image"' in page_html
