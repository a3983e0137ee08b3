"""Gmail: drafts, sending, rewriting, refusals, threads, search."""

from __future__ import annotations

import base64
import io
import re
from email import message_from_bytes, policy
from email.utils import getaddresses
from typing import Any

import pytest
from googleapiclient.http import MediaIoBaseUpload

from tests.google_rehearsal.caller import READING, Google, encoded, mail, recorded

ME = "/gmail/v1/users/me"
READER = f"rehearsal:you@rehearsal.example:{READING}"
EVE = f"rehearsal:eve@rehearsal.example:{READING}"


def raw_of(google: Google, message_id: str) -> bytes:
    return base64.urlsafe_b64decode(google.message(message_id, "raw")["raw"])


def listed(google: Google, token: str = READER, **params: Any) -> list[str]:
    answer = google.json("GET", f"{ME}/messages", params=params, token=token)
    return [message["id"] for message in answer.get("messages", [])]


def test_a_mail_to_oneself_comes_in_too(google: Google) -> None:
    send = google.client("gmail").users().messages().send
    to_me = send(userId="me", body={"raw": encoded(mail("You@rehearsal.example"))}).execute()
    assert set(to_me["labelIds"]) == {"UNREAD", "SENT", "INBOX"}
    to_ada = send(userId="me", body={"raw": encoded(mail())}).execute()
    assert to_ada["labelIds"] == ["SENT"]


def test_a_draft_is_sent_once_and_then_gone(google: Google) -> None:
    drafts = google.client("gmail").users().drafts()
    body = {"message": {"raw": encoded(mail())}}
    draft = drafts.create(userId="me", body=body).execute()
    assert re.fullmatch(r"r-?\d+", draft["id"])
    assert draft["message"]["labelIds"] == ["DRAFT"]
    assert drafts.get(userId="me", id=draft["id"]).execute()["id"] == draft["id"]
    sent = drafts.send(userId="me", body={"id": draft["id"]}).execute()
    assert sent["labelIds"] == ["SENT"]
    assert sent["id"] != draft["message"]["id"]
    assert sent["threadId"] == draft["message"]["threadId"]
    gone = recorded("backlot_gmail_404")
    path = f"{ME}/drafts/{draft['id']}"
    assert google.refusal("POST", f"{ME}/drafts/send", json={"id": draft["id"]}) == gone
    assert google.refusal("GET", path) == gone
    assert google.refusal("DELETE", path) == gone
    assert google.refusal("PUT", path, json=body) == gone
    assert listed(google) == [sent["id"]]


def test_a_draft_that_was_deleted_is_never_sent(google: Google) -> None:
    draft_id = google.new_draft()
    assert google.call("DELETE", f"{ME}/drafts/{draft_id}").status_code == 204
    assert google.refusal("POST", f"{ME}/drafts/send", json={"id": draft_id})["code"] == 404
    assert listed(google) == []


def test_an_edited_draft_keeps_its_id_and_changes_its_message(google: Google) -> None:
    draft_id = google.new_draft(mail(text="old"))
    before = google.json("GET", f"{ME}/drafts/{draft_id}")["message"]
    body = {"message": {"raw": encoded(mail(text="new"))}}
    after = google.json("PUT", f"{ME}/drafts/{draft_id}", json=body)
    assert after["id"] == draft_id
    assert after["message"]["id"] != before["id"]
    assert after["message"]["threadId"] == before["threadId"]
    sent = google.json("POST", f"{ME}/drafts/send", json={"id": draft_id} | body)
    assert google.message(sent["id"])["snippet"] == "new"


def test_drafts_are_listed_newest_first(google: Google) -> None:
    made = [google.new_draft() for _ in range(3)]
    first = google.json("GET", f"{ME}/drafts", params={"maxResults": 2})
    token = first["nextPageToken"]
    rest = google.json("GET", f"{ME}/drafts", params={"maxResults": 2, "pageToken": token})
    seen = [draft["id"] for draft in first["drafts"] + rest["drafts"]]
    assert seen == list(reversed(made))
    assert google.refusal("GET", f"{ME}/drafts", params={"pageToken": "?"})["code"] == 400


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (mail(to=""), "gmail_400_recipient_required"),
        (mail(to="human@f"), "gmail_400_invalid_to_header"),
        (mail(to="no address"), "gmail_400_invalid_to_header"),
        (mail(to="a@b.example, c d@e.example"), "gmail_400_invalid_to_header"),
        (b"To: a@b..example\r\n\r\nx", "gmail_400_invalid_to_header"),
        (b"To: <>\r\n\r\nx", "gmail_400_invalid_to_header"),
        (b"To: a@b.example; c@d.example\r\n\r\nx", "gmail_400_invalid_to_header"),
        (b"To: a@b.example c@d.example\r\n\r\nx", "gmail_400_invalid_to_header"),
        (b"To: undisclosed-recipients:;\r\n\r\nx", "gmail_400_recipient_required"),
        (b"just text without any header", "gmail_400_recipient_required"),
    ],
)
def test_a_mail_to_nobody_or_nowhere_gets_the_recorded_refusal(
    google: Google, raw: bytes, name: str
) -> None:
    error = google.refusal("POST", f"{ME}/messages/send", json={"raw": encoded(raw)})
    assert error == recorded(name)
    assert listed(google) == []


def test_a_draft_may_lack_a_recipient_but_not_have_a_wrong_one(google: Google) -> None:
    draft_id = google.new_draft(mail(to=""))
    error = google.refusal("POST", f"{ME}/drafts/send", json={"id": draft_id})
    assert error == recorded("gmail_400_recipient_required")
    assert google.json("GET", f"{ME}/drafts/{draft_id}")["id"] == draft_id
    body = {"message": {"raw": encoded(mail(to="human@f"))}}
    error = google.refusal("POST", f"{ME}/drafts", json=body)
    assert error == recorded("gmail_400_invalid_to_header")


@pytest.mark.parametrize("name", ["Cc", "Bcc"])
def test_a_wrong_copy_address_names_its_header(google: Google, name: str) -> None:
    raw = mail(**{name: "nobody"})
    error = google.refusal("POST", f"{ME}/messages/send", json={"raw": encoded(raw)})
    assert error["message"] == f"Invalid {name} header"


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("drafts", {}, "Missing draft message"),
        (
            "drafts",
            {"message": {}},
            "'raw' RFC822 payload message string or uploading message via /upload/* URL required",
        ),
        (
            "messages/send",
            {"threadId": "1"},
            "'raw' RFC822 payload message string or uploading message via /upload/* URL required",
        ),
        ("drafts/send", {}, "Missing draft id"),
        ("drafts/send", {"id": "18c0000000000000"}, "Invalid draft id"),
        ("messages/send", {"raw": encoded(mail()), "threadId": "zzz"}, "Invalid thread_id value"),
        (
            "drafts",
            {"mesage": {}},
            "Invalid JSON payload received. Unknown name \"mesage\" at 'draft': Cannot find field.",
        ),
    ],
)
def test_a_call_that_lacks_what_it_needs_is_refused(
    google: Google, path: str, body: dict[str, Any], message: str
) -> None:
    error = google.refusal("POST", f"{ME}/{path}", json=body)
    assert (error["code"], error["message"]) == (400, message)


def test_an_id_of_the_wrong_form_and_an_unknown_one_get_the_recorded_refusals(
    google: Google,
) -> None:
    error = google.refusal("GET", f"{ME}/messages/zzz", token=READER)
    recorded_error = recorded("backlot_gmail_400_bad_id")
    assert error == recorded_error
    error = google.refusal("GET", f"{ME}/messages/18c0000000000000", token=READER)
    assert error == recorded("backlot_gmail_404")


def test_more_than_a_hundred_recipients_are_refused(google: Google) -> None:
    for count, header in [(100, "To"), (101, "To")]:
        addresses = ", ".join(f"c{n}@customer.example" for n in range(count))
        answer = google.call(
            "POST", f"{ME}/messages/send", json={"raw": encoded(mail(to=addresses))}
        )
        assert answer.ok == (count == 100), header


def test_a_mail_over_35_mib_is_refused(google: Google) -> None:
    path = "/upload/gmail/v1/users/me/messages/send?uploadType=media"
    huge = mail() + b"x" * 36_700_160
    error = google.refusal("POST", path, data=huge, headers={"Content-Type": "message/rfc822"})
    assert error["code"] == 413
    assert error["message"] == "Request payload size exceeds the limit: 36700160 bytes."


class TestRewriting:
    def test_the_message_id_is_googles_own(self, google: Google) -> None:
        sent = google.send(mail(Message_ID="<mine@here.example>"))
        headers = google.headers_of(sent["id"])
        assert re.fullmatch(r"<CA[\w+-]+@mail\.gmail\.com>", headers["Message-ID"])
        assert b"mine@here.example" not in raw_of(google, sent["id"])

    def test_what_is_missing_is_added(self, google: Google) -> None:
        headers = google.headers_of(google.send(mail())["id"])
        assert headers["From"] == "You <you@rehearsal.example>"
        assert headers["Date"].endswith("+0000")

    def test_a_date_and_the_own_address_stay(self, google: Google) -> None:
        own = {"From": "Support <You@rehearsal.example>", "Date": "Tue, 24 Nov 2026 14:39:00 +0100"}
        headers = google.headers_of(google.send(mail(**own))["id"])
        assert {name: headers[name] for name in own} == own

    def test_somebody_elses_address_is_replaced_without_a_word(self, google: Google) -> None:
        headers = google.headers_of(google.send(mail(From="The Boss <boss@bank.example>"))["id"])
        assert headers["From"] == "The Boss <you@rehearsal.example>"

    def test_an_alias_is_an_own_address(self, google: Google) -> None:
        google.settings(aliases={"you@rehearsal.example": ["help@rehearsal.example"]})
        headers = google.headers_of(google.send(mail(From="help@rehearsal.example"))["id"])
        assert headers["From"] == "help@rehearsal.example"
        addresses = google.json("GET", f"{ME}/settings/sendAs", token=READER)["sendAs"]
        assert [each["sendAsEmail"] for each in addresses] == [
            "you@rehearsal.example",
            "help@rehearsal.example",
        ]

    def test_bcc_is_in_no_copy_of_what_was_sent(self, google: Google) -> None:
        draft_id = google.new_draft(mail(Bcc="hidden@customer.example"))
        draft = google.json("GET", f"{ME}/drafts/{draft_id}", params={"format": "raw"})
        assert b"hidden@" in base64.urlsafe_b64decode(draft["message"]["raw"])
        sent = google.send_draft(draft_id)
        assert b"hidden@" not in raw_of(google, sent["id"])

    def test_everything_else_stays_to_the_letter(self, google: Google) -> None:
        raw = (
            b"Subject: =?utf-8?q?=C3=9Cber?=\r\n folded\r\nX-Own: 1\r\nTo: a@b.example\r\n"
            b"Content-Type: text/plain; charset=utf-8\r\n\r\nl1\r\n\xc3\xbc\r\n--\r\n\r\nend"
        )
        kept = raw_of(google, google.send(raw)["id"])
        head, _, body = kept.partition(b"\r\n\r\n")
        assert body == raw.partition(b"\r\n\r\n")[2]
        assert b"Subject: =?utf-8?q?=C3=9Cber?=\r\n folded\r\n" in head
        assert b"\r\nX-Own: 1\r\n" in head

    def test_raw_bytes_in_a_header_are_read_as_latin_1(self, google: Google) -> None:
        raw = (
            'To: "Müller, Jörg" <a@b.example>, Zoë Ó Dé <c@d.example>\r\n'
            "Subject: Störung behoben über Nacht\r\n\r\nGrüße"
        ).encode()
        sent = google.send(raw)["id"]
        kept = raw_of(google, sent)
        head, _, body = kept.partition(b"\r\n\r\n")
        assert head.isascii()
        assert body == "Grüße".encode()
        headers = google.headers_of(sent)
        assert headers["Subject"] == "StÃ¶rung behoben Ã¼ber Nacht"
        assert "MÃ¼ller, JÃ¶rg" in headers["To"]
        assert "ZoÃ« Ã\x93 DÃ© <c@d.example>" in headers["To"]
        written = [address for _, address in getaddresses([headers["To"]])]
        assert written == ["a@b.example", "c@d.example"]

    def test_encoded_headers_are_kept_and_shown_decoded(self, google: Google) -> None:
        sent = google.send(mail(Subject="Störung behoben", From="Jörg <you@rehearsal.example>"))
        headers = google.headers_of(sent["id"])
        assert headers["Subject"] == "Störung behoben"
        assert headers["From"] == "Jörg <you@rehearsal.example>"
        assert b"=?utf-8?" in raw_of(google, sent["id"])

    def test_words_that_cannot_be_decoded_are_shown_as_they_are(self, google: Google) -> None:
        odd = "=?utf-8?q?no end"
        raw = f"To: a@b.example\r\nSubject: {odd}\r\n\r\nx".encode()
        assert google.headers_of(google.send(raw)["id"])["Subject"] == odd


class TestThreads:
    def sent(self, google: Google, subject: str = "Outage") -> tuple[dict[str, Any], str]:
        sent = google.send(mail(Subject=subject))
        return sent, google.headers_of(sent["id"])["Message-ID"]

    def test_a_reply_joins_by_reference_and_subject(self, google: Google) -> None:
        first, message_id = self.sent(google)
        reply = mail(Subject="Re: outage", In_Reply_To=message_id, References=message_id)
        body = {"raw": encoded(reply), "threadId": first["threadId"]}
        joined = google.json("POST", f"{ME}/messages/send", json=body)
        assert joined["threadId"] == first["threadId"]
        assert google.send(reply)["threadId"] == first["threadId"]

    def test_another_subject_or_no_reference_starts_a_thread(self, google: Google) -> None:
        first, message_id = self.sent(google)
        for raw in (mail(Subject="Other", References=message_id), mail(Subject="Outage")):
            body = {"raw": encoded(raw), "threadId": first["threadId"]}
            joined = google.json("POST", f"{ME}/messages/send", json=body)
            assert joined["threadId"] != first["threadId"]

    def test_a_thread_that_does_not_exist_is_a_404(self, google: Google) -> None:
        body = {"raw": encoded(mail()), "threadId": "18c0000000000000"}
        error = google.refusal("POST", f"{ME}/messages/send", json=body)
        assert error == recorded("backlot_gmail_404")


class TestReading:
    def test_a_message_is_shown_in_four_formats(self, google: Google) -> None:
        sent = google.send(mail(text="Hello <you> & all\n", Subject="Ünï"))["id"]
        full = google.message(sent)
        assert full["snippet"] == "Hello &lt;you&gt; &amp; all"
        body = base64.urlsafe_b64decode(full["payload"]["body"]["data"])
        assert body == b"Hello <you> & all\n"
        minimal = google.message(sent, "minimal")
        assert "payload" not in minimal
        assert "raw" not in minimal
        metadata = google.message(sent, "metadata", metadataHeaders=["subject", "TO"])
        assert [each["name"] for each in metadata["payload"]["headers"]] == ["To", "Subject"]
        raw = base64.urlsafe_b64decode(google.message(sent, "raw")["raw"])
        assert message_from_bytes(raw, policy=policy.default)["Subject"] == "Ünï"

    def test_the_parts_of_a_mail_are_numbered(self, google: Google) -> None:
        raw = (
            b"To: a@b.example\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n"
            b"Content-Type: multipart/alternative; boundary=a\r\n\r\n--a\r\n"
            b"Content-Type: text/plain\r\n\r\nplain\r\n--a\r\n"
            b"Content-Type: text/html\r\n\r\n<p>html</p>\r\n--a--\r\n--m\r\n"
            b"Content-Type: text/csv\r\nContent-Disposition: attachment; filename=l.csv\r\n\r\n"
            b"a,b\r\n--m--\r\n"
        )
        payload = google.message(google.send(raw)["id"])["payload"]
        alternative, attachment = payload["parts"]
        assert [part["partId"] for part in alternative["parts"]] == ["0.0", "0.1"]
        assert (attachment["partId"], attachment["filename"]) == ("1", "l.csv")

    def test_search_finds_by_operator_label_and_word(self, google: Google) -> None:
        one = google.send(mail(to="ada@customer.example", Subject="Outage begins"))["id"]
        two = google.send(mail(to="bob@customer.example", Subject="All over", text="resolved now"))
        google.new_draft(mail(Subject="Outage draft"))
        message_id = google.headers_of(one)["Message-ID"]
        cases = {
            "to:ada@customer.example in:sent": [one],
            "to:customer.example in:sent": [two["id"], one],
            "subject:outage -in:drafts": [one],
            'subject:"outage begins"': [one],
            f"rfc822msgid:{message_id}": [one],
            "resolved": [two["id"]],
            "in:sent newer_than:1d": [two["id"], one],
            "older_than:1d": [],
            "in:sent after:2020/01/01 before:2120/01/01": [two["id"], one],
            "has:attachment": [],
            "from:mailer-daemon": [],
        }
        for q, ids in cases.items():
            assert listed(google, q=q) == ids, q
        assert listed(google, labelIds=["SENT"]) == [two["id"], one]

    def test_me_in_a_search_is_the_account(self, google: Google) -> None:
        sent = google.send(mail("rome@customer.example"))["id"]
        for q, expected in {"from:me": [sent], "to:me": [], "-from:me": []}.items():
            assert listed(google, q=q) == expected, q

    def test_a_label_that_nobody_made_is_refused(self, google: Google) -> None:
        query = {"labelIds": ["SENT", "Incidents"]}
        error = google.refusal("GET", f"{ME}/messages", params=query, token=READER)
        assert (error["code"], error["message"]) == (400, "Invalid label: Incidents")

    def test_no_number_of_messages_is_the_usual_number(self, google: Google) -> None:
        google.send(mail())
        answer = google.json("GET", f"{ME}/messages", params={"maxResults": 0}, token=READER)
        assert (len(answer["messages"]), "nextPageToken" in answer) == (1, False)

    def test_the_metadata_scope_reads_no_bodies_and_does_not_search(self, google: Google) -> None:
        sent = google.send(mail())["id"]
        token = "rehearsal:you@rehearsal.example:gmail.metadata"
        path = f"{ME}/messages/{sent}"
        for form in ("full", "raw"):
            error = google.refusal("GET", path, params={"format": form}, token=token)
            assert error["message"] == f"Metadata scope doesn't allow format {form.upper()}"
        assert google.json("GET", path, params={"format": "metadata"}, token=token)["id"] == sent
        error = google.refusal("GET", f"{ME}/messages", params={"q": "x"}, token=token)
        assert error["message"] == "Metadata scope does not support 'q' parameter"

    def test_each_account_has_its_own_mailbox(self, google: Google) -> None:
        sent = google.send(mail())["id"]
        draft_id = google.new_draft()
        assert listed(google, token=EVE) == []
        assert google.refusal("GET", f"{ME}/messages/{sent}", token=EVE)["code"] == 404
        assert google.refusal("GET", f"{ME}/drafts/{draft_id}", token=EVE)["code"] == 404
        own = google.json("GET", "/gmail/v1/users/you%40rehearsal.example/profile")
        assert (own["emailAddress"], own["messagesTotal"]) == ("you@rehearsal.example", 2)
        error = google.refusal("GET", "/gmail/v1/users/eve@rehearsal.example/profile")
        assert error["message"] == "Delegation denied for you@rehearsal.example"


def test_a_message_may_be_uploaded_as_it_is(google: Google) -> None:
    gmail = google.client("gmail")
    media = MediaIoBaseUpload(io.BytesIO(mail(text="uploaded")), mimetype="message/rfc822")
    draft = gmail.users().drafts().create(userId="me", media_body=media).execute()
    sent = gmail.users().drafts().send(userId="me", body={"id": draft["id"]}).execute()
    assert google.message(sent["id"])["snippet"] == "uploaded"
    direct = gmail.users().messages().send(userId="me", body={}, media_body=media).execute()
    assert google.message(direct["id"])["snippet"] == "uploaded"


def test_mail_to_an_address_that_bounces_comes_back_into_the_inbox(google: Google) -> None:
    google.settings(bouncing=["gone@customer.example", "@closed.example"])
    for to in ("gone@customer.example", "x@closed.example", "fine@customer.example"):
        google.send(mail(to=to))
    reports = listed(google, q="from:mailer-daemon")
    failed = [google.headers_of(report)["X-Failed-Recipients"] for report in reports]
    assert failed == ["x@closed.example", "gone@customer.example"]
