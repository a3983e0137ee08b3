"""People in the rehearsal: drafts sent, edited and deleted by hand, and a colleague in the doc."""

from __future__ import annotations

import base64
import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
import requests

from tests.google_rehearsal.caller import READING, Google, encoded, mail
from tests.google_world import GoogleWorld

ME = "/gmail/v1/users/me"
READER = f"rehearsal:you@rehearsal.example:{READING}"
ADA = "ada@customer.example"
NOT_A_DRAFT = (400, "Message not a draft")
GET, SEND = "gmail.users.drafts.get", "gmail.users.drafts.send"


@pytest.fixture
def world(google: Google) -> GoogleWorld:
    """The same server, as the tests of a session use it."""
    return GoogleWorld(google.server)


def refused(google: Google, verb: str, path: str, **options: Any) -> tuple[int, str]:
    error = google.refusal(verb, path, **options)
    return error["code"], error["message"]


def draft_ids(google: Google, **params: str) -> list[str]:
    answer = google.json("GET", f"{ME}/drafts", params=params)
    return [draft["id"] for draft in answer.get("drafts", [])]


def seen(google: Google, draft_id: str) -> dict[str, Any]:
    answer = google.json("GET", f"{ME}/drafts/{draft_id}", params={"format": "minimal"})
    message: dict[str, Any] = answer["message"]
    return message


def read(google: Google, draft_id: str) -> EmailMessage:
    answer = google.json("GET", f"{ME}/drafts/{draft_id}", params={"format": "raw"})
    raw = base64.urlsafe_b64decode(answer["message"]["raw"])
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def text_of(message: EmailMessage, kind: str = "plain") -> str:
    part = message.get_body((kind,))
    return "" if part is None else str(part.get_content()).replace("\r\n", "\n")


def two_parts(text: str = "The price is 10 < 20 EUR.") -> bytes:
    message = EmailMessage()
    message["To"], message["Subject"] = f"Ada <{ADA}>", "News"
    message.set_content(text)
    message.add_alternative(f"<p>{text.replace('<', '&lt;')}</p>", subtype="html")
    return message.as_bytes()


def test_a_draft_sent_by_hand_is_gone_and_its_mail_is_out(
    google: Google, world: GoogleWorld
) -> None:
    draft_id = google.new_draft()
    sent_id = world.person.sends_draft(ADA)
    assert world.copies_per_recipient() == {ADA: 1}
    assert google.message(sent_id)["labelIds"] == ["SENT"]
    assert refused(google, "GET", f"{ME}/drafts/{draft_id}")[0] == 404
    assert refused(google, "POST", f"{ME}/drafts/send", json={"id": draft_id})[0] == 404
    assert draft_ids(google) == []


def test_a_draft_sent_by_hand_may_leave_its_id_behind(google: Google, world: GoogleWorld) -> None:
    google.settings(drafts_sent_by_hand="orphan")
    draft_id = google.new_draft()
    sent_id = world.person.sends_draft(draft_id)
    assert seen(google, draft_id)["id"] == sent_id
    assert seen(google, draft_id)["labelIds"] == ["SENT"]
    assert text_of(read(google, draft_id)).strip() == "All is well."
    assert draft_ids(google) == []
    body = {"message": {"raw": encoded(mail(text="other"))}}
    path = f"{ME}/drafts/{draft_id}"
    assert refused(google, "PUT", path, json=body) == NOT_A_DRAFT
    assert refused(google, "POST", f"{ME}/drafts/send", json={"id": draft_id}) == NOT_A_DRAFT
    assert refused(google, "POST", f"{ME}/drafts/send", json={"id": draft_id} | body) == NOT_A_DRAFT
    assert world.copies_per_recipient() == {ADA: 1}


def test_deleting_the_id_of_a_sent_draft_erases_the_sent_mail(
    google: Google, world: GoogleWorld
) -> None:
    draft_id = google.new_draft()
    world.person.sends_draft(draft_id, leaves="orphan")
    assert google.call("DELETE", f"{ME}/drafts/{draft_id}").status_code == 204
    assert world.sent() == []
    assert refused(google, "GET", f"{ME}/drafts/{draft_id}")[0] == 404
    # The recipient has it anyway, and a test can see that.
    assert [each["To"] for each in world.erased()] == [ADA]


def test_a_draft_that_is_deleted_as_a_draft_is_no_erased_mail(
    google: Google, world: GoogleWorld
) -> None:
    draft_id = google.new_draft()
    google.call("DELETE", f"{ME}/drafts/{draft_id}")
    assert world.erased() == []


def test_an_edit_by_hand_keeps_the_drafts_id_and_changes_its_message(
    google: Google, world: GoogleWorld
) -> None:
    draft_id = google.new_draft(two_parts())
    before = seen(google, draft_id)
    after = world.person.edits_draft(ADA, replace=("10 < 20", "12 < 30"))
    assert seen(google, draft_id) | {"id": after, "threadId": before["threadId"]} == seen(
        google, draft_id
    )
    assert after != before["id"]
    assert text_of(read(google, draft_id)).strip() == "The price is 12 < 30 EUR."
    assert "<p>The price is 12 &lt; 30 EUR.</p>" in text_of(read(google, draft_id), "html")
    google.send_draft(draft_id)
    assert text_of(world.sent()[0]).strip() == "The price is 12 < 30 EUR."


def test_an_edit_of_nothing_is_a_new_message_all_the_same(
    google: Google, world: GoogleWorld
) -> None:
    draft_id = google.new_draft(two_parts())
    before = read(google, draft_id)
    assert world.person.edits_draft(ADA) != google.json("GET", f"{ME}/drafts/{draft_id}")["id"]
    assert text_of(read(google, draft_id)) == text_of(before)


def test_a_person_can_edit_everything_of_a_draft(google: Google, world: GoogleWorld) -> None:
    draft_id = google.new_draft(two_parts())
    thread = seen(google, draft_id)["threadId"]
    world.person.edits_draft(
        draft_id,
        new_to="Eve <eve@customer.example>",
        subject="Änderung",
        text="Hello Eve,\n<b>all</b> is well.\n",
        attach=("terms.pdf", b"%PDF"),
    )
    now = read(google, draft_id)
    assert str(now["To"]) == "Eve <eve@customer.example>"
    assert str(now["Subject"]) == "Änderung"
    assert text_of(now) == "Hello Eve,\n<b>all</b> is well.\n"
    assert "Hello Eve,<br>&lt;b&gt;all&lt;/b&gt; is well." in text_of(now, "html")
    files = [(part.get_filename(), part.get_content()) for part in now.iter_attachments()]
    assert files == [("terms.pdf", b"%PDF")]
    assert seen(google, draft_id)["threadId"] != thread


def test_a_whole_other_message_can_take_a_drafts_place(google: Google, world: GoogleWorld) -> None:
    draft_id = google.new_draft()
    world.person.edits_draft(draft_id, raw=mail("eve@customer.example", "Other.\n"))
    assert read(google, draft_id)["To"] == "eve@customer.example"
    assert draft_ids(google) == [draft_id]


def test_a_draft_deleted_by_hand_is_gone(google: Google, world: GoogleWorld) -> None:
    draft_id = google.new_draft()
    world.person.deletes_draft(ADA)
    assert refused(google, "GET", f"{ME}/drafts/{draft_id}")[0] == 404
    assert world.sent() == world.erased() == []


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        ({"does": "send_draft", "draft": "eve@x.example"}, "has no draft with the id"),
        ({"does": "edit_draft", "draft": ADA, "replace": ["nowhere", "x"]}, "does not say"),
        ({"does": "edit_draft", "draft": ADA, "replace": "x"}, "a pair of texts"),
        ({"does": "edit_draft", "draft": ADA, "to": "nobody"}, "Invalid To header"),
        ({"does": "edit_draft", "draft": ADA, "raw": "§"}, "base64"),
        ({"does": "edit_draft", "draft": ADA, "sibject": "x"}, "has no 'sibject'"),
        ({"does": "send_draft", "draft": ADA, "leaves": "dust"}, "'gone' or 'orphan'"),
        ({"does": "send_draft"}, 'needs "draft"'),
        ({"does": "dance"}, 'what it "does"'),
        ({"does": "type", "text": "x"}, "no doc yet"),
    ],
)
def test_what_a_person_cannot_do_is_said_and_changes_nothing(
    google: Google, world: GoogleWorld, act: dict[str, Any], sentence: str
) -> None:
    draft_id = google.new_draft()
    before = seen(google, draft_id)
    answer = requests.post(
        f"{google.server.base_url}/rehearsal/people",
        json=[{"does": "edit_draft", "draft": ADA, "subject": "Not kept either"}, act],
        headers={"X-Rehearsal-Key": google.server.key},
        timeout=10,
    )
    assert answer.status_code == 400
    assert sentence in answer.json()["error"]
    assert seen(google, draft_id) == before
    assert world.sent() == []


def test_two_drafts_to_one_address_are_told_apart_by_their_ids(
    google: Google, world: GoogleWorld
) -> None:
    first, second = google.new_draft(), google.new_draft()
    with pytest.raises(AssertionError, match="2 drafts"):
        world.person.deletes_draft(ADA)
    world.person.deletes_draft(first)
    assert draft_ids(google) == [second]


def test_a_mail_sent_by_hand_counts_toward_the_days_limit(
    google: Google, world: GoogleWorld
) -> None:
    google.settings(daily_sends=1)
    google.new_draft()
    other = google.new_draft(mail("eve@customer.example"))
    world.person.sends_draft(ADA)
    with pytest.raises(AssertionError, match="Mail sending"):
        world.person.sends_draft(other)
    assert refused(google, "POST", f"{ME}/drafts/send", json={"id": other})[0] == 429


def test_each_account_has_a_mailbox_of_its_own(google: Google, world: GoogleWorld) -> None:
    google.new_draft(token="rehearsal:eve@rehearsal.example")
    with pytest.raises(AssertionError, match="has no draft"):
        world.person.sends_draft(ADA)
    eve = world.of("eve@rehearsal.example")
    eve.person.sends_draft(ADA)
    assert [str(each["From"]) for each in eve.sent()] == ["Eve <eve@rehearsal.example>"]
    assert world.sent() == []


def test_drafts_are_searched(google: Google) -> None:
    google.new_draft(mail("eve@customer.example", Subject="Checkout down"))
    wanted = google.new_draft(mail(Subject="Login down"))
    assert draft_ids(google, q=f"to:{ADA}") == [wanted]
    assert draft_ids(google, q="subject:login newer_than:1d") == [wanted]
    assert draft_ids(google, q="subject:nothing") == []


@pytest.mark.parametrize(
    ("method", "verb", "path", "body"),
    [(GET, "GET", "drafts/{id}", None), (SEND, "POST", "drafts/send", {"id": "{id}"})],
)
def test_a_false_404_hides_a_draft_that_is_there(
    google: Google, method: str, verb: str, path: str, body: dict[str, str] | None
) -> None:
    draft_id = google.new_draft()
    google.fault("false_404", method, times=1)
    given = body and {"id": draft_id}
    assert refused(google, verb, f"{ME}/{path.format(id=draft_id)}", json=given) == (
        404,
        "Requested entity was not found.",
    )
    assert draft_ids(google) == [draft_id]
    assert seen(google, draft_id)["labelIds"] == ["DRAFT"]
    assert google.send_draft(draft_id)["labelIds"] == ["SENT"]


def test_a_404_may_come_of_a_send_that_was_done(google: Google, world: GoogleWorld) -> None:
    draft_id = google.new_draft()
    google.fault("404_after", SEND)
    assert refused(google, "POST", f"{ME}/drafts/send", json={"id": draft_id})[0] == 404
    assert world.copies_per_recipient() == {ADA: 1}


def test_a_false_404_leaves_other_refusals_as_they_are(google: Google) -> None:
    google.fault("false_404", SEND)
    assert refused(google, "POST", f"{ME}/drafts/send", json={"id": "?"}) == (
        400,
        "Invalid draft id",
    )


KIM = "kim@rehearsal.example"


def test_a_colleague_types_deletes_and_suggests_in_the_doc(
    google: Google, world: GoogleWorld
) -> None:
    doc_id = google.new_doc("Postmortem")
    google.share(doc_id, KIM)
    google.write(doc_id, "Summary 🧯\nThe checkout is down.\n")
    kim = {"who": KIM, "doc": "Postmortem"}
    world.people(
        {"does": "type", "text": " again", "after": "checkout is", **kim},
        {"does": "type", "text": "Kim was here.", **kim},
        {"does": "delete_text", "text": "Summary ", **kim},
    )
    assert world.text(doc_id).split("\n")[:2] == ["🧯", "The checkout is again down."]
    assert "Kim was here." in world.text(doc_id)
    world.people(
        {"does": "suggest", "text": " up and", "after": "checkout is", **kim},
        {"does": "suggest_deletion", "text": "down", **kim},
    )
    runs = [
        element["textRun"]
        for each in world.document(doc_id)["tabs"][0]["documentTab"]["body"]["content"]
        for element in each.get("paragraph", {}).get("elements", [])
    ]
    suggested = {
        (run["content"], bool(run.get("suggestedInsertionIds")))
        for run in runs
        if run.get("suggestedInsertionIds") or run.get("suggestedDeletionIds")
    }
    assert suggested == {(" up and", True), ("down", False)}


def test_a_colleague_edits_only_a_doc_that_was_shared(google: Google, world: GoogleWorld) -> None:
    google.new_doc("Postmortem")
    with pytest.raises(AssertionError, match="does not have permission"):
        world.people({"does": "type", "text": "x", "who": KIM})


# On the pages


def forms(google: Google, message_id: str) -> tuple[str, str]:
    """A draft's page, and the token in its forms."""
    page = requests.get(f"{google.server.base_url}/mail/{message_id}", timeout=10).text
    found = re.search(r'name="word" value="([^"]+)"', page)
    return page, found[1] if found else ""


def post(google: Google, message_id: str, what: str, **options: Any) -> requests.Response:
    return requests.post(
        f"{google.server.base_url}/mail/{message_id}/{what}", timeout=10, **options
    )


def test_a_drafts_page_sends_edits_and_deletes_it(google: Google, world: GoogleWorld) -> None:
    draft_id = google.new_draft(two_parts())
    message_id = seen(google, draft_id)["id"]
    html_before = text_of(read(google, draft_id), "html")
    _, word = forms(google, message_id)
    changed = {"word": word, "to": ADA, "subject": "New", "text": "The price is 10 < 20 EUR.\r\n"}
    answer = post(google, message_id, "edit", data=changed)
    message_id = answer.url.rpartition("/")[2]
    assert seen(google, draft_id)["id"] == message_id
    assert str(read(google, draft_id)["Subject"]) == "New"
    assert text_of(read(google, draft_id), "html") == html_before
    post(google, message_id, "edit", data=changed | {"text": "Free."})
    message_id = seen(google, draft_id)["id"]
    assert text_of(read(google, draft_id)) == "Free.\n"
    post(google, message_id, "send", data={"word": word, "leaves": "orphan"})
    assert world.copies_per_recipient() == {ADA: 1}
    sent_id = seen(google, draft_id)["id"]
    page, word_on_a_sent_mail = forms(google, sent_id)
    assert word_on_a_sent_mail == ""
    assert "Send this draft" not in page
    other = seen(google, google.new_draft())["id"]
    post(google, other, "delete", data={"word": word})
    assert draft_ids(google) == []


@pytest.mark.parametrize("what", ["send", "edit", "delete"])
def test_no_other_site_can_act_at_the_mailbox(
    google: Google, world: GoogleWorld, what: str
) -> None:
    draft_id = google.new_draft()
    message_id = seen(google, draft_id)["id"]
    _, word = forms(google, message_id)
    assert post(google, message_id, what, data={"to": ADA}).status_code == 403
    assert post(google, message_id, what, data={"word": word[:-1]}).status_code == 403
    from_elsewhere = {"Sec-Fetch-Site": "cross-site"}
    answer = post(google, message_id, what, data={"word": word}, headers=from_elsewhere)
    assert answer.status_code == 403
    assert draft_ids(google) == [draft_id]
    assert world.sent() == []
    answer = post(google, "1" * 16, what, data={"word": word})
    assert answer.status_code == 404


def test_an_edit_that_gmail_would_not_keep_is_explained(google: Google) -> None:
    message_id = seen(google, google.new_draft())["id"]
    _, word = forms(google, message_id)
    answer = post(google, message_id, "edit", data={"word": word, "to": "nobody"})
    assert answer.status_code == 400
    assert "Nothing was changed" in answer.text
    assert "Invalid To header" in answer.text
