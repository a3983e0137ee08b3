"""The rehearsal's pages over HTTP, without a browser."""

from __future__ import annotations

from email.message import EmailMessage

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from google_rehearsal.page_views import read_letter, summarize
from google_rehearsal.store import StoredFile
from tests.browser.sample_world import POSTMORTEM, SampleWorld, notice

FIRST_MAIL = f"{1:016x}"
PAGES = ["/", f"/document/d/{POSTMORTEM}/edit", "/mail", f"/mail/{FIRST_MAIL}", "/mail/none"]


@pytest.mark.parametrize("path", PAGES)
def test_no_page_may_run_a_script_or_fetch_from_elsewhere(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe-inline" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "<script" not in answer.text
    assert " style=" not in answer.text


def test_a_mail_s_html_is_shut_in_wherever_it_is_opened(client: FlaskClient) -> None:
    answer = client.get(f"/mail/{FIRST_MAIL}/html")
    assert answer.text.startswith("<p>Hello,</p>")
    assert answer.headers["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none';"
        " base-uri 'none'; frame-ancestors 'self'; sandbox"
    )
    assert '<iframe class="letter" sandbox ' in client.get(f"/mail/{FIRST_MAIL}").text


@pytest.mark.parametrize("path", ["/document/d/none/edit", "/mail/none", "/mail/none/html"])
def test_what_is_not_there_gets_a_page_that_says_so(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "This is not part of the rehearsal" in answer.text


def test_the_index_names_the_docs_and_who_shares_them(client: FlaskClient) -> None:
    text = client.get("/").text
    assert "Welcome mail went out twice to 128 customers" in text
    assert "ann@example.com (editor), support-team@example.com (commenter)" in text
    assert "everyone at example.com (viewer)" in text
    assert "4 mails accepted, 1 draft not sent" in text


def test_an_empty_rehearsal_says_what_will_appear(client: FlaskClient, world: SampleWorld) -> None:
    world.docs.clear()
    world.sent.clear()
    assert "as soon as an incident is started" in client.get("/").text
    assert "as soon as a notice is sent" in client.get("/mail").text


def test_the_short_address_of_a_doc_leads_to_the_page(client: FlaskClient) -> None:
    answer = client.get(f"/document/d/{POSTMORTEM}")
    assert answer.location == f"/document/d/{POSTMORTEM}/edit"


def test_a_tab_is_chosen_by_its_id(client: FlaskClient) -> None:
    text = client.get(f"/document/d/{POSTMORTEM}/edit?tab=t.1").text
    assert "Raw notes of the call." in text
    assert "Root cause" not in text


def test_pending_suggestions_are_shown_as_such(client: FlaskClient) -> None:
    text = client.get(f"/document/d/{POSTMORTEM}/edit").text
    assert '<del class="suggested">We found it by luck.</del>' in text
    assert '<ins class="suggested"> An alert found it.</ins>' in text


def test_drafts_stand_above_what_was_sent_and_say_so(
    client: FlaskClient, world: SampleWorld
) -> None:
    text = client.get("/mail").text
    places = [
        text.index(words) for words in ("1 draft, not sent", "Draft of a", "4 mails accepted")
    ]
    assert places == sorted(places)
    for number in range(30):
        world.add_draft(notice(f"late{number}@client.example", "Another"))
    text = client.get("/mail").text
    assert "31 drafts, not sent" in text
    assert "The newest 20 are shown." in text
    assert "not sent" not in client.get("/mail?page=2").text
    assert "not sent" not in client.get("/mail?q=customer").text


def test_a_published_file_is_shown_or_kept_and_never_run(
    client: FlaskClient, world: SampleWorld
) -> None:
    world.files["graph"] = StoredFile(b"PNG", "image/png")
    world.files["page"] = StoredFile(b"<script>alert(1)</script>", "text/html")
    shown, kept = client.get("/docs-picture/graph"), client.get("/uc?id=page")
    assert (shown.data, shown.headers["Content-Type"]) == (b"PNG", "image/png")
    assert kept.headers["Content-Disposition"] == "attachment"
    assert "sandbox" in kept.headers["Content-Security-Policy"]
    assert client.get("/uc?id=none").status_code == client.get("/uc").status_code == 404


def test_a_mail_shows_its_headers_texts_and_attachments(client: FlaskClient) -> None:
    text = client.get(f"/mail/{FIRST_MAIL}").text
    assert "Zoë Brandt &lt;customer0@client.example&gt;" in text
    assert "we sent you the same mail twice. We are sorry." in text
    assert "application/pdf, 4 kB" in text
    assert "Content-Type: multipart/mixed" in text


def test_a_mail_that_is_only_text_has_no_frame(client: FlaskClient, world: SampleWorld) -> None:
    message = EmailMessage()
    message["To"] = "a@client.example"
    message.set_content("only text")
    text = client.get(f"/mail/{world.add_mail(message)}").text
    assert "only text" in text
    assert "<iframe" not in text
    assert "(no subject)" in text


def test_a_long_mailbox_comes_in_pages(client: FlaskClient, world: SampleWorld) -> None:
    for number in range(250):
        head = f"To: many{number}@client.example\r\nSubject: Notice {number}\r\n\r\n"
        world.add_raw(head.encode())
    first, last = client.get("/mail").text, client.get("/mail?page=6").text
    assert "254 mails accepted" in first
    assert "1 to 50 of 254" in first
    assert "many249@client.example" in first
    assert "251 to 254 of 254" in last
    assert "customer0@client.example" in last
    assert "Older" not in last
    assert "13 of 254 mails" in client.get("/mail?q=notice+24").text


@pytest.mark.parametrize("page", ["0", "-4", "999", "x"])
def test_a_page_number_that_makes_no_sense_is_no_error(client: FlaskClient, page: str) -> None:
    assert client.get(f"/mail?page={page}").status_code == 200


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=60))
def test_any_subject_is_found_by_its_own_words(subject: str) -> None:
    raw = notice("a@client.example", subject).as_bytes()
    summary = summarize(raw)
    assert summary.subject == " ".join(subject.split())
    assert summary.matches(subject)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_can_be_shown_as_a_mail(raw: bytes) -> None:
    assert read_letter(raw).source == raw.decode("utf-8", "replace")
    summarize(raw)


def test_an_unknown_charset_is_read_as_far_as_it_can_be() -> None:
    raw = b"Content-Type: text/plain; charset=x-nothing\r\n\r\ncaf\xc3\xa9"
    assert read_letter(raw).text == "café"
