"""The gateways against the rehearsal Google: every method, over a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest

from google_rehearsal.lifecycle import serve_in_thread
from workflow.google import (
    INCIDENT_PROPERTY,
    Endpoint,
    Google,
    Refused,
    SignInNeeded,
    StaleRevision,
    connect,
    emulator_session,
)

MAIL = b"To: Ada <ada@example.com>\r\nSubject: We sent you the wrong mail\r\n\r\nSorry.\r\n"


@pytest.fixture(scope="module")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("rehearsal")
    with serve_in_thread(folder) as server:
        yield server.base_url


@pytest.fixture(scope="module")
def google(base_url: str) -> Google:
    return connect(Endpoint(base_url), lambda: emulator_session(base_url), 10)


@pytest.fixture
def doc_id(google: Google) -> str:
    named = {INCIDENT_PROPERTY: "i1"}
    made = google.drive.create_document(
        "Wrong mail", parent=None, app_properties=named, properties=named
    )
    assert made.id in made.url
    return made.id


def text_of(google: Google, doc_id: str) -> str:
    doc = google.docs.get(doc_id, "tabs(documentTab(body(content(paragraph(elements(textRun))))))")
    paragraphs = doc["tabs"][0]["documentTab"]["body"]["content"]
    return "".join(
        element["textRun"]["content"]
        for item in paragraphs
        for element in item.get("paragraph", {}).get("elements", [])
    )


def insert(text: str) -> list[dict[str, object]]:
    return [{"insertText": {"text": text, "location": {"index": 1}}}]


def test_a_document_is_written_under_its_lock_and_read_back(google: Google, doc_id: str) -> None:
    first = google.docs.get(doc_id, "revisionId")["revisionId"]
    second = google.docs.batch_update(doc_id, insert("“é” 🎉"), required_revision=first)
    google.docs.batch_update(doc_id, insert("2:39 PM "), required_revision=second)
    assert text_of(google, doc_id) == "2:39 PM “é” 🎉\n"


def test_a_write_under_a_lock_that_has_passed_is_stale_and_changes_nothing(
    google: Google, doc_id: str
) -> None:
    first = google.docs.get(doc_id, "revisionId")["revisionId"]
    google.docs.batch_update(doc_id, insert("theirs"), required_revision=None)
    with pytest.raises(StaleRevision):
        google.docs.batch_update(doc_id, insert("ours"), required_revision=first)
    assert text_of(google, doc_id) == "theirs\n"


def test_a_request_that_is_wrong_is_named_by_its_place(google: Google, doc_id: str) -> None:
    wrong = {"insertText": {"text": "x", "location": {"index": 999}}}
    with pytest.raises(Refused) as caught:
        google.docs.batch_update(doc_id, [*insert("a"), wrong], required_revision=None)
    assert caught.value.request_index == 1


def test_an_incidents_document_is_found_again(google: Google, doc_id: str) -> None:
    found = google.drive.find_documents(None, "i1")
    assert doc_id in [file["id"] for file in found]
    assert google.drive.find_documents(None, "another") == []


def test_a_template_is_copied(google: Google, doc_id: str) -> None:
    google.docs.batch_update(doc_id, insert("template"), required_revision=None)
    copy = google.drive.copy_document(
        doc_id, "Copy", parent=None, app_properties={INCIDENT_PROPERTY: "i2"}, properties={}
    )
    assert text_of(google, copy.id) == "template\n"
    assert [file["id"] for file in google.drive.find_documents(None, "i2")] == [copy.id]


def test_a_document_is_shared_and_says_with_whom(google: Google, doc_id: str) -> None:
    permission = google.drive.share(doc_id, "user", "bob@example.com", "writer")
    google.drive.share(doc_id, "domain", "example.com", "reader")
    google.drive.share(doc_id, "anyone", "", "reader")
    listed = {entry["id"]: entry for entry in google.drive.permissions(doc_id)}
    assert listed[permission]["emailAddress"] == "bob@example.com"
    assert {entry["type"] for entry in listed.values()} == {"user", "domain", "anyone"}


def test_the_account_is_known_to_drive_and_to_gmail(google: Google) -> None:
    assert google.drive.account().email == google.gmail.address() == "you@rehearsal.example"


def test_a_draft_is_sent_once_and_then_it_is_gone(google: Google) -> None:
    draft = google.gmail.create_draft(MAIL)
    seen = google.gmail.look_at_draft(draft.id)
    assert seen is not None
    assert (seen.message_id, seen.thread_id) == (draft.message_id, draft.thread_id)
    assert "DRAFT" in seen.label_ids
    assert not seen.is_sent
    assert draft in google.gmail.list_drafts()
    sent = google.gmail.send_draft(draft.id)
    assert sent.thread_id == draft.thread_id
    assert sent.message_id != draft.message_id
    assert google.gmail.look_at_draft(draft.id) is None
    with pytest.raises(Refused) as caught:
        google.gmail.send_draft(draft.id)
    assert caught.value.status == 404


def test_a_draft_is_read_back_and_deleted(google: Google) -> None:
    draft = google.gmail.create_draft(MAIL)
    assert b"We sent you the wrong mail" in google.gmail.get_draft_raw(draft.id)
    google.gmail.delete_draft(draft.id)
    assert google.gmail.look_at_draft(draft.id) is None


def test_a_message_is_sent_in_one_step_and_followed_up_in_its_thread(google: Google) -> None:
    first = google.gmail.send_message(MAIL)
    assert google.gmail.send_message(MAIL, thread_id=first.thread_id).message_id


def test_a_mail_of_attachments_arrives_whole(google: Google) -> None:
    mail = EmailMessage(policy=SMTP)
    mail["To"] = "ada@example.com"
    mail["Subject"] = "The list, as it was"
    mail.set_content("Attached.")
    mail.add_attachment(bytes(range(256)) * 8_000, "application", "zip", filename="list.zip")
    draft = google.gmail.create_draft(mail.as_bytes())
    kept = message_from_bytes(google.gmail.get_draft_raw(draft.id), policy=SMTP)
    assert [part.get_content() for part in kept.iter_attachments()] == [bytes(range(256)) * 8_000]
    assert google.gmail.send_draft(draft.id).thread_id == draft.thread_id


def test_a_mail_without_a_recipient_is_refused(google: Google) -> None:
    with pytest.raises(Refused, match="Recipient address required"):
        google.gmail.send_message(b"Subject: to nobody\r\n\r\n.\r\n")


def test_a_sign_in_without_the_scope_is_told_apart(base_url: str) -> None:
    token = "rehearsal:you@rehearsal.example:gmail.send"
    google = connect(Endpoint(base_url), lambda: emulator_session(base_url, token), 10)
    assert google.gmail.send_message(MAIL).message_id
    with pytest.raises(SignInNeeded, match="does not allow what Gmail was asked to do"):
        google.gmail.create_draft(MAIL)
    with pytest.raises(SignInNeeded, match="Google Drive"):
        google.drive.account()


def test_an_unknown_token_is_a_matter_of_sign_in(base_url: str) -> None:
    google = connect(Endpoint(base_url), lambda: emulator_session(base_url, "stranger"), 10)
    for call in (google.gmail.list_drafts, google.drive.account):
        with pytest.raises(SignInNeeded, match="auth login"):
            call()
