"""`attach`: a file is put into Drive and the doc's supporting data, once, and never public."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.command_line import Postmortem
from tests.google_world import GoogleWorld
from tests.terminal import at_a_terminal


@pytest.fixture
def doc_id(postmortem: Postmortem) -> str:
    return str(postmortem.json("start", "Wrong amounts")["doc_id"])


def a_file(tmp_path: Path, name: str, content: bytes = b"x") -> str:
    path = tmp_path / name
    path.write_bytes(content)
    return str(path)


def files(google: GoogleWorld) -> list[dict[str, Any]]:
    every = google._pages("drive/v3/files", "files", fields="nextPageToken,files(*)")
    return [one for one in every if not one["mimeType"].endswith("google-apps.document")]


def link_of(file: dict[str, Any]) -> str:
    """A file's link, without what Drive adds to say where it came from."""
    link, _, origin = str(file["webViewLink"]).partition("?")
    assert origin == "usp=drivesdk"
    return link


def supporting_data(google: GoogleWorld, doc_id: str) -> str:
    text = google.text(doc_id)
    return text[text.index("\nSupporting data\n") : text.index("\nHow to contact support\n")]


def test_a_file_is_linked_with_its_caption_and_seen_by_nobody_else(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, tmp_path: Path
) -> None:
    path = a_file(tmp_path, "graph 🧯.png", b"\x89PNG")
    answer = postmortem.json("attach", path, "--caption", "Errors per minute")
    (file,) = files(google)
    assert (answer["url"], answer["synced"]) == (link_of(file), True)
    assert file["name"] == "graph 🧯.png"
    assert {one["role"] for one in google.permissions(file["id"])} == {"owner"}
    assert "Errors per minute (graph 🧯.png)" in supporting_data(google, doc_id)
    assert link_of(file) in str(google.document(doc_id))


def test_a_small_csv_becomes_a_table_and_a_short_log_code(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, tmp_path: Path
) -> None:
    postmortem("attach", a_file(tmp_path, "n.csv", "who;amount\nÄnne;3\nx;\n".encode()))
    postmortem("attach", a_file(tmp_path, "app.log", b"14:39 boom\n14:40 bang\n"))
    content = google.document(doc_id)["tabs"][0]["documentTab"]["body"]["content"]
    (table,) = [one["table"] for one in content if "table" in one]
    assert (table["rows"], table["columns"]) == (3, 2)
    markdown = google.markdown(doc_id)
    assert "Änne" in markdown
    assert supporting_data(google, doc_id).index("n.csv") < google.text(doc_id).index("boom")


def test_a_large_csv_and_bytes_that_are_no_text_are_links_alone(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, tmp_path: Path
) -> None:
    postmortem("attach", a_file(tmp_path, "big.csv", b"a,b\n" * 5000))
    postmortem("attach", a_file(tmp_path, "odd.log", b"\xff\xfe\x00"))
    assert supporting_data(google, doc_id).split() == ["Supporting", "data", "big.csv", "odd.log"]


def test_offline_the_file_is_kept_as_it_was_and_uploaded_later_once(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, tmp_path: Path
) -> None:
    path = a_file(tmp_path, "app.log", b"as it was")
    google.misbehave("close_before")
    assert postmortem.json("attach", path, expect=5)["url"] is None
    Path(path).unlink()
    google.behave()
    google.misbehave("close_after", "drive.files.create", times=1)
    postmortem("sync", expect=None)
    google.behave()
    postmortem("sync")
    postmortem("sync")
    assert len(files(google)) == 1
    assert google.text(doc_id).count("as it was") == 1


def test_an_upload_that_is_refused_holds_up_nothing_else(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, tmp_path: Path
) -> None:
    google.misbehave("403_storage_full", "drive.files.create")
    postmortem("attach", a_file(tmp_path, "app.log"), expect=None)
    postmortem("log", "Goes on", expect=None)
    assert "Goes on" in google.text(doc_id)
    google.behave()
    postmortem("sync")
    assert "app.log" in supporting_data(google, doc_id)


def test_what_can_not_be_attached_is_refused(
    postmortem: Postmortem, doc_id: str, tmp_path: Path
) -> None:
    assert "can't be read" in postmortem("attach", str(tmp_path / "no"), expect=3).err
    assert "is empty" in postmortem("attach", a_file(tmp_path, "e", b""), expect=3).err
    large = a_file(tmp_path, "l", b"0" * (21 * 1024 * 1024))
    assert "20 MB is the most" in postmortem("attach", large, expect=3).err


CUSTOMERS = b"email,name\nann@one.example,Ann\nben@two.example,Ben\nus@support.example,We\n"


def test_a_list_of_customers_is_linked_without_its_content(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, tmp_path: Path
) -> None:
    path = a_file(tmp_path, "customers.csv", CUSTOMERS)
    said = postmortem("attach", path).err
    assert "customers.csv holds 3 email addresses: the doc has only a link to it" in said
    assert "ann@one.example" not in str(google.document(doc_id))
    assert "customers.csv" in supporting_data(google, doc_id)
    (file,) = files(google)
    assert link_of(file) in str(google.document(doc_id))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("app.log", b"14:39 login of ann@one.example failed\n"),
        ("list.tsv", "name\temail\nAnn\tann@one.example\n".encode("utf-16")),
        ("rows.json", b'[{"to": "ann@one.example"}]'),
    ],
)
def test_a_single_address_is_enough_in_any_file_that_the_doc_would_show(
    postmortem: Postmortem,
    google: GoogleWorld,
    doc_id: str,
    tmp_path: Path,
    name: str,
    content: bytes,
) -> None:
    said = postmortem("attach", a_file(tmp_path, name, content)).err
    assert "holds 1 email address:" in said
    assert "ann@one.example" not in str(google.document(doc_id))


def test_a_person_can_have_the_content_shown(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, tmp_path: Path
) -> None:
    path = a_file(tmp_path, "customers.csv", CUSTOMERS)
    assert "Type yes to show its content" in at_a_terminal(postmortem, "attach", path).out
    assert "ann@one.example" not in str(google.document(doc_id))
    at_a_terminal(postmortem, "attach", path, "--again", typed="yes")
    assert "ann@one.example" in str(google.document(doc_id))
    other = a_file(tmp_path, "others.csv", CUSTOMERS.replace(b"ann@", b"cem@"))
    assert not postmortem("attach", other, "--show-content").err
    assert "cem@one.example" in str(google.document(doc_id))


def test_the_teams_own_addresses_are_no_customers(
    postmortem: Postmortem, google: GoogleWorld, tmp_path: Path
) -> None:
    config = (postmortem.home / "config.toml").read_text(encoding="utf-8")
    postmortem.configure(f'own_domains = ["support.example"]\n{config}')
    doc_id = postmortem.json("start", "Wrong amounts")["doc_id"]
    said = postmortem("attach", a_file(tmp_path, "a.log", b"mail us@support.example\n")).err
    assert not said
    assert "us@support.example" in str(google.document(doc_id))
