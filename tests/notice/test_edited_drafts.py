"""Drafts that a person edits, sends or deletes in Gmail: the record shows the sent text."""

from __future__ import annotations

from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from tests.both_ledgers import on_both_ledgers
from tests.command_line import CustomerList, Postmortem, running
from tests.conftest import CONFIG
from tests.google_world import GoogleWorld
from tests.terminal import at_a_terminal
from workflow.google.gmail import AcceptedMail, Gmail

Customers = Callable[[int], CustomerList]

ANN, BO, CY = (f"person{number}@customer.example" for number in (1, 2, 3))
TEMPLATE = "---\nsubject: Your invoice\n---\nHello {{ name }},\n\nthe price is 10 EUR.\n\nSorry.\n"
OURS, EDITED = "the price is 10 EUR.", "the price is 12 EUR."
READS = "gmail.modify,drive,documents"
EDIT = ("10 EUR", "12 EUR")


@pytest.fixture(autouse=True)
def incident(postmortem: Postmortem) -> str:
    started = postmortem.json("start", "Wrong amounts", "--impact", "Invoices show wrong amounts.")
    return str(started["doc_id"])


@pytest.fixture
def template(tmp_path: Path) -> str:
    path = tmp_path / "price.md"
    path.write_text(TEMPLATE, encoding="utf-8")
    return str(path)


@pytest.fixture
def notice(postmortem: Postmortem, customers: Customers, template: str) -> str:
    """Three drafts that wait in Gmail for a second person's check; returns the notice's id."""
    arguments = ("notify", str(customers(3)), "--template", template, "--stage", "update")
    found = postmortem.json(*arguments, "--send", "--confirm", "3", "--draft-only")
    assert found["counts"]["pending"] == 3
    return str(found["notice"])


def draft_of(google: GoogleWorld, address: str) -> str:
    """The id of the draft to an address."""
    ids = [str(each["id"]) for each in google.drafts()]
    return next(each for each in ids if address.encode() in google.raw_draft(each))


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n").strip()


def texts(google: GoogleWorld) -> dict[str, str]:
    """The text of each address's one mail, from the mailbox."""
    found = {str(mail["To"].addresses[0].addr_spec): text_of(mail) for mail in google.sent()}
    assert len(found) == len(google.sent())
    return found


def price(google: GoogleWorld) -> dict[str, str]:
    """The price in each address's mail."""
    return {
        address: "12" if EDITED in text else "10" if OURS in text else "?"
        for address, text in texts(google).items()
    }


def told(postmortem: Postmortem, address: str) -> Any:
    return postmortem.json("told", address)["notices"]


def exported(postmortem: Postmortem, folder: Path) -> dict[str, EmailMessage]:
    """The exported mails of the record, by recipient."""
    postmortem("export", str(folder), "--format", "eml")
    found = {}
    for path in folder.glob("mails/*/*.eml"):
        mail = message_from_bytes(path.read_bytes(), policy=policy.default)
        assert isinstance(mail, EmailMessage)
        found[str(mail["To"].addresses[0].addr_spec)] = mail
    return found


def record_shows_what_left(postmortem: Postmortem, google: GoogleWorld, folder: Path) -> None:
    """Ledger, `told` and the exported mails have the same text as the mailbox."""
    left = texts(google)
    assert {name: text_of(mail) for name, mail in exported(postmortem, folder).items()} == left
    for address, text in left.items():
        (mail,) = [each for each in told(postmortem, address) if each["state"] == "sent"]
        assert mail["text"].split() == text.split()


# Undecided edits are not sent


@on_both_ledgers
def test_an_edited_draft_is_not_sent_without_a_decision(
    postmortem: Postmortem, google: GoogleWorld, notice: str
) -> None:
    google.person.edits_draft(ANN, replace=EDIT)
    refused = postmortem("resume", notice, "--confirm", "3", expect=3)
    assert google.sent() == []
    assert f"waits for your decision: {ANN}" in refused.err
    for option in ("--as-edited", "--restore", "--leave-out"):
        assert option in refused.err
    assert "- the price is 10 EUR." in refused.out
    assert "+ the price is 12 EUR." in refused.out
    # Nothing of the notice is released, neither now nor by the same command again.
    postmortem("resume", notice, "--confirm", "3", expect=3)
    assert google.sent() == []
    assert postmortem.json("show")["notices"][0]["counts"]["pending"] == 3


def test_show_tells_of_drafts_that_people_touched_and_changes_nothing(
    postmortem: Postmortem, google: GoogleWorld, notice: str
) -> None:
    assert "in Gmail" not in postmortem("show").out
    google.person.edits_draft(ANN, text="A colleague wrote this.")
    google.person.deletes_draft(BO)
    google.forget_calls()
    shown = postmortem("show").out
    assert "1 draft was changed in Gmail, 1 draft was sent or deleted in Gmail." in shown
    assert f"postmortem resume {notice}" in shown
    assert google.calls()["gmail.users.drafts.list"] == 1
    assert "gmail.users.drafts.get" not in google.calls()
    (found,) = postmortem.json("show")["notices"]
    assert found["drafts"] == {"changed": 1, "gone": 1}
    assert found["counts"]["pending"] == 3
    google.misbehave("503", "gmail.users.drafts.list")
    assert "in Gmail" not in postmortem("show").out


def test_a_script_reads_what_was_edited(
    postmortem: Postmortem, google: GoogleWorld, notice: str
) -> None:
    google.person.edits_draft(BO, subject="Your July invoice", attach=("terms.pdf", b"%PDF"))
    answer = postmortem.json("resume", notice, "--confirm", "3", expect=3)
    assert answer["exit_code"] == 3
    (edited,) = answer["edited"]
    assert (edited["email"], edited["row"], edited["decision"]) == (BO, 3, None)
    changes = {each["what"]: (each["ours"], each["in_gmail"]) for each in edited["changes"]}
    assert changes == {
        "Subject": ("Your invoice", "Your July invoice"),
        "Attachments": ("none", "terms.pdf (4 bytes)"),
    }


def test_a_draft_that_was_only_saved_again_is_no_edit(
    postmortem: Postmortem, google: GoogleWorld, notice: str
) -> None:
    google.person.edits_draft(ANN)
    postmortem("resume", notice, "--confirm", "3")
    assert price(google) == {ANN: "10", BO: "10", CY: "10"}


def test_drafts_under_review_that_nobody_touched_are_sent_as_ever(
    postmortem: Postmortem, google: GoogleWorld, notice: str, incident: str, tmp_path: Path
) -> None:
    postmortem("resume", notice, "--confirm", "3")
    assert price(google) == {ANN: "10", BO: "10", CY: "10"}
    assert "edited" not in google.text(incident)
    record_shows_what_left(postmortem, google, tmp_path / "record")


# As edited


@on_both_ledgers
def test_as_edited_the_words_that_left_are_the_recorded_ones(
    postmortem: Postmortem, google: GoogleWorld, notice: str, incident: str, tmp_path: Path
) -> None:
    google.person.edits_draft(ANN, replace=EDIT, subject="Your July invoice")
    done = postmortem.json("resume", notice, "--confirm", "3", "--as-edited")
    assert done["counts"]["sent"] == 3
    assert done["edited"] == [{"email": ANN, "row": 2, "waits": False}]
    assert price(google) == {ANN: "12", BO: "10", CY: "10"}
    record_shows_what_left(postmortem, google, tmp_path / "record")
    (mail,) = told(postmortem, ANN)
    assert (mail["subject"], mail["words"]) == ("Your July invoice", "edited")
    assert "Your July invoice" in postmortem("told", ANN).out
    assert EDITED in postmortem("told", ANN, "--full").out
    assert OURS not in postmortem("told", ANN, "--full").out
    doc = google.text(incident)
    assert "1 of 3 was edited before sending" in doc
    line = f"Edited for {ANN}: Subject “Your July invoice”; “the price is 12 EUR.”"
    assert line in doc
    page = tmp_path / "report.html"
    postmortem("report", "--to", str(page), "--with-recipients")
    assert line in unescape(page.read_text(encoding="utf-8"))


def test_the_doc_quotes_the_edited_lines_alone(
    postmortem: Postmortem, google: GoogleWorld, notice: str, incident: str
) -> None:
    google.person.edits_draft(ANN, replace=EDIT)
    mail = message_from_bytes(google.raw_draft(draft_of(google, BO)), policy=policy.default)
    html = mail.get_body(("html",))
    assert isinstance(html, EmailMessage)
    html.set_content(str(html.get_content()).replace(*EDIT), subtype="html")
    google.person.edits_draft(BO, raw=mail.as_bytes())
    postmortem("resume", notice, "--confirm", "3", "--as-edited")
    lines = google.text(incident).split("\n")
    assert f"Edited for {ANN}: “{EDITED}”" in lines
    assert f"Edited for {BO}: HTML “{EDITED}”" in lines


def test_where_every_mail_was_edited_alike_doc_and_report_show_that_text(
    postmortem: Postmortem, google: GoogleWorld, notice: str, incident: str, tmp_path: Path
) -> None:
    for address in (ANN, BO, CY):
        google.person.edits_draft(address, text="All invoices are right again.")
    postmortem("resume", notice, "--confirm", "3", "--as-edited")
    doc = google.text(incident)
    assert "3 of 3 were edited before sending" in doc
    assert "Edited for 3 customers" not in doc or "All invoices are right again." in doc
    assert "All invoices are right again." in doc
    assert "price is" not in doc
    page = tmp_path / "report.html"
    postmortem("report", "--to", str(page))
    report = page.read_text(encoding="utf-8")
    assert "All invoices are right again." in report
    assert "price is" not in report
    assert "3 of 3 were edited before sending" in report
    assert ANN not in report


def test_the_mail_of_the_record_is_the_one_that_left_to_the_byte(
    postmortem: Postmortem, google: GoogleWorld, notice: str, tmp_path: Path
) -> None:
    mail = EmailMessage()
    mail["To"], mail["Subject"] = f"Ann <{ANN}>", "Ünï"
    mail.set_content("plain ünï\n", cte="base64")
    mail.add_alternative("<b>other</b> words", subtype="html")
    google.person.edits_draft(ANN, raw=mail.as_bytes())
    postmortem("resume", notice, "--confirm", "3", "--as-edited")
    left = next(each for each in google.sent() if str(each["Subject"]) == "Ünï")
    recorded = exported(postmortem, tmp_path / "record")[ANN]
    del left["Message-ID"], recorded["Message-ID"]  # sending sets a new one
    assert recorded.as_bytes() == left.as_bytes()


# Restored, left out


def test_a_draft_with_another_subject_gets_our_words_back_too(
    postmortem: Postmortem, google: GoogleWorld, notice: str, tmp_path: Path
) -> None:
    """A new subject moves a draft out of its thread, which is then gone."""
    google.person.edits_draft(ANN, subject="Something else", replace=EDIT)
    google.person.edits_draft(BO, subject="")
    postmortem("resume", notice, "--confirm", "3", "--restore")
    assert set(price(google).values()) == {"10"}
    assert len({mail["Subject"] for mail in google.sent()}) == 1
    record_shows_what_left(postmortem, google, tmp_path / "record")


def test_restoring_that_gmail_refuses_for_good_is_not_tried_for_ever(
    postmortem: Postmortem, google: GoogleWorld, notice: str
) -> None:
    google.person.edits_draft(ANN, replace=EDIT)
    google.misbehave("400", "gmail.users.drafts.update")
    refused = postmortem("resume", notice, "--confirm", "3", "--restore", expect=5)
    assert "Traceback" not in refused.err
    assert google.sent() == []
    assert google.calls()["gmail.users.drafts.update"] <= 2
    google.behave()
    postmortem("resume", notice, "--confirm", "3", "--restore")
    assert set(price(google).values()) == {"10"}


@on_both_ledgers
def test_restored_our_words_leave(
    postmortem: Postmortem, google: GoogleWorld, notice: str, incident: str, tmp_path: Path
) -> None:
    google.person.edits_draft(ANN, replace=EDIT)
    google.person.edits_draft(BO, new_to="eve@elsewhere.example")
    postmortem("resume", notice, "--confirm", "3", "--restore")
    assert price(google) == {ANN: "10", BO: "10", CY: "10"}
    record_shows_what_left(postmortem, google, tmp_path / "record")
    assert "edited" not in google.text(incident)
    assert google.drafts() == []


@on_both_ledgers
def test_left_out_a_customer_gets_nothing_and_can_be_written_to_again(
    postmortem: Postmortem, google: GoogleWorld, notice: str, template: str, incident: str
) -> None:
    google.person.edits_draft(ANN, replace=EDIT)
    done = postmortem.json("resume", notice, "--confirm", "2", "--leave-out", expect=6)
    assert google.copies_per_recipient() == {BO: 1, CY: 1}
    assert google.drafts() == []
    assert (done["counts"]["sent"], done["counts"]["failed"]) == (2, 1)
    (short,) = done["failures"]
    assert (short["email"], short["reason"]) == (
        ANN,
        "left out by a person, after the draft was edited in Gmail",
    )
    assert [each["state"] for each in told(postmortem, ANN)] == ["failed"]
    assert ANN in google.text(incident)
    postmortem("resume", notice, "--retry-failed", "--confirm", "1")
    assert price(google) == {ANN: "10", BO: "10", CY: "10"}


def test_only_one_decision_is_taken_at_a_time(postmortem: Postmortem, notice: str) -> None:
    refused = postmortem("resume", notice, "--as-edited", "--restore", expect=3)
    assert "Choose one" in refused.err
    postmortem("resume", notice, "--leave-out", "--discard", expect=3)


def test_a_decision_where_nothing_was_edited_changes_nothing(
    postmortem: Postmortem, google: GoogleWorld, notice: str
) -> None:
    postmortem("resume", notice, "--confirm", "3", "--leave-out")
    assert price(google) == {ANN: "10", BO: "10", CY: "10"}


def test_a_wrong_number_decides_nothing(
    postmortem: Postmortem, google: GoogleWorld, notice: str
) -> None:
    google.person.edits_draft(ANN, replace=EDIT)
    postmortem("resume", notice, "--confirm", "7", "--leave-out", expect=3)
    assert len(google.drafts()) == 3
    postmortem("resume", notice, "--confirm", "3", "--as-edited")
    assert price(google) == {ANN: "12", BO: "10", CY: "10"}


# Asked at a terminal


def test_at_a_terminal_each_draft_is_asked_about(
    postmortem: Postmortem, google: GoogleWorld, notice: str
) -> None:
    google.person.edits_draft(ANN, replace=EDIT)
    google.person.edits_draft(BO, replace=EDIT)
    google.person.edits_draft(CY, replace=EDIT)
    done = at_a_terminal(postmortem, "resume", notice, typed="e\nr\nl\n2")
    assert done.code == 6, done.err
    assert price(google) == {ANN: "12", BO: "10"}
    assert "Send it as (e)dited" in done.out


def test_a_capital_letter_decides_for_all(
    postmortem: Postmortem, google: GoogleWorld, notice: str
) -> None:
    for address in (ANN, BO, CY):
        google.person.edits_draft(address, replace=EDIT)
    done = at_a_terminal(postmortem, "resume", notice, typed="E\n3")
    assert done.code == 0, done.err
    assert price(google) == {ANN: "12", BO: "12", CY: "12"}


def test_without_an_answer_nothing_is_sent(
    postmortem: Postmortem, google: GoogleWorld, notice: str
) -> None:
    google.person.edits_draft(ANN, replace=EDIT)
    done = at_a_terminal(postmortem, "resume", notice, typed="")
    assert done.code == 3
    assert google.sent() == []
    assert "no decision was made" in done.err


# Who gets it


def test_an_edit_of_the_recipient_is_called_out_by_name(
    postmortem: Postmortem, google: GoogleWorld, notice: str
) -> None:
    google.person.edits_draft(ANN, new_to=f"{ANN}, boss@customer.example")
    google.person.edits_draft(BO, new_to="eve@elsewhere.example")
    refused = postmortem("resume", notice, "--confirm", "3", expect=3)
    assert "It would also go to boss@customer.example." in refused.err
    assert f"It would go to eve@elsewhere.example and not to {BO}" in refused.err


@on_both_ledgers
def test_a_customer_whose_mail_went_to_somebody_else_does_not_count_as_told(
    postmortem: Postmortem, google: GoogleWorld, notice: str, incident: str, customers: Customers
) -> None:
    google.person.edits_draft(BO, new_to="eve@elsewhere.example")
    postmortem("resume", notice, "--confirm", "3", "--as-edited")
    assert google.copies_per_recipient() == {ANN: 1, CY: 1, "eve@elsewhere.example": 1}
    assert told(postmortem, BO) == []
    assert [each["state"] for each in told(postmortem, "eve@elsewhere.example")] == ["sent"]
    left_out = postmortem.json("show")["notices"][0]["left_out"]
    assert [(each["row"], each["value"]) for each in left_out] == [(3, BO)]
    assert f"({BO}) – the draft was edited in Gmail and went to eve@" in google.text(incident)


def test_an_edit_to_somebody_who_has_the_notice_too_is_kept_apart(
    postmortem: Postmortem, google: GoogleWorld, notice: str
) -> None:
    google.person.edits_draft(BO, new_to=CY)
    postmortem("resume", notice, "--confirm", "3", "--as-edited")
    assert google.copies_per_recipient() == {ANN: 1, CY: 2}
    assert told(postmortem, BO) == []
    assert len(told(postmortem, CY)) == 2


def test_a_draft_without_a_recipient_cannot_leave_as_edited(
    postmortem: Postmortem, google: GoogleWorld, notice: str
) -> None:
    google.person.edits_draft(ANN, new_to="")
    refused = postmortem("resume", notice, "--confirm", "3", "--as-edited", expect=3)
    assert f"The draft for {ANN} has no recipient any more" in refused.err
    assert google.sent() == []
    postmortem("resume", notice, "--confirm", "3", "--restore")
    assert price(google) == {ANN: "10", BO: "10", CY: "10"}


# Decisions belong to what was shown


def test_an_edit_after_the_decision_asks_again(
    postmortem: Postmortem, google: GoogleWorld, notice: str
) -> None:
    # A sender that meets only errors gives up sooner with a short time-out.
    postmortem.configure(CONFIG.replace("timeout_seconds = 5", "timeout_seconds = 1"))
    google.person.edits_draft(ANN, replace=EDIT)
    google.misbehave("503", "gmail.users.drafts.send")
    google.misbehave("503", "gmail.users.drafts.create")
    postmortem("resume", notice, "--confirm", "3", "--as-edited", expect=None)
    google.behave()
    google.person.edits_draft(ANN, replace=("12 EUR", "99 EUR"))
    again = postmortem("resume", notice, expect=6)  # the two others were sent meanwhile
    assert f"{ANN}: the draft was edited in Gmail" in again.err
    assert ANN not in google.copies_per_recipient()
    postmortem("resume", notice, "--as-edited")
    assert "99 EUR" in texts(google)[ANN]
    assert google.copies_per_recipient() == {ANN: 1, BO: 1, CY: 1}


def test_a_mail_that_may_have_been_sent_before_stays_unknown_when_it_is_left_out(
    postmortem: Postmortem, google: GoogleWorld, notice: str
) -> None:
    google.person.deletes_draft(ANN)
    postmortem("resume", notice, "--confirm", "3", expect=6)
    google.misbehave("token_expired", "gmail.users.drafts.send")
    postmortem("resume", notice, "--resend-unknown", "--confirm", "1", expect=4)
    google.behave()
    google.person.edits_draft(ANN, replace=EDIT)
    postmortem("resume", notice, expect=3)
    postmortem("resume", notice, "--leave-out", expect=6)
    (shown,) = postmortem.json("show")["notices"]
    assert (shown["counts"]["failed"], shown["counts"]["unknown"]) == (0, 1)
    assert google.copies_per_recipient() == {BO: 1, CY: 1}
    assert google.drafts() == []


def test_an_edit_that_is_undone_by_hand_is_none(
    postmortem: Postmortem, google: GoogleWorld, notice: str
) -> None:
    google.person.edits_draft(ANN, replace=EDIT)
    postmortem("resume", notice, "--confirm", "3", expect=3)
    google.person.edits_draft(ANN, replace=EDIT[::-1])
    postmortem("resume", notice, "--confirm", "3")
    assert price(google) == {ANN: "10", BO: "10", CY: "10"}


def test_an_edit_that_is_undone_after_the_decision_leaves_no_other_words_in_the_record(
    postmortem: Postmortem, google: GoogleWorld, notice: str, tmp_path: Path
) -> None:
    google.person.edits_draft(ANN, replace=EDIT)
    google.misbehave("token_expired", "gmail.users.drafts.send")
    postmortem("resume", notice, "--as-edited", "--confirm", "3", expect=4)
    google.behave()
    google.person.edits_draft(ANN, replace=EDIT[::-1])
    postmortem("resume", "--watch", "--until-idle", expect=None)
    record_shows_what_left(postmortem, google, tmp_path / "early")
    postmortem("resume", notice)
    assert price(google) == {ANN: "10", BO: "10", CY: "10"}
    record_shows_what_left(postmortem, google, tmp_path / "record")


def test_a_decision_that_was_cut_off_is_carried_out_by_the_same_command(
    postmortem: Postmortem, google: GoogleWorld, notice: str, tmp_path: Path
) -> None:
    google.person.edits_draft(ANN, replace=EDIT)
    google.misbehave("close_after", "gmail.users.drafts.update", times=1)
    postmortem("resume", notice, "--confirm", "3", "--restore", expect=5)
    assert google.sent() == []
    postmortem("resume", notice, "--confirm", "3", "--restore")
    assert price(google) == {ANN: "10", BO: "10", CY: "10"}
    record_shows_what_left(postmortem, google, tmp_path / "record")


def test_drafts_can_be_withdrawn_although_one_was_edited(
    postmortem: Postmortem, google: GoogleWorld, notice: str
) -> None:
    google.person.edits_draft(ANN, replace=EDIT)
    postmortem("resume", notice, "--confirm", "3", expect=3)
    postmortem("resume", notice, "--discard")
    assert google.drafts() == []
    assert google.sent() == []
    assert postmortem.json("show")["notices"][0]["counts"]["failed"] == 3


# An interrupted notice


def test_drafts_of_an_interrupted_notice_are_looked_at_too(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, template: str
) -> None:
    google.misbehave("token_expired", "gmail.users.drafts.send", skip=1)
    arguments = ("notify", str(customers(3)), "--template", template, "--stage", "update")
    stopped = postmortem.json(*arguments, "--send", "--confirm", "3", expect=4)
    google.behave()
    (draft,) = [each for each in (BO, CY) if each not in google.copies_per_recipient()][:1]
    google.person.edits_draft(draft, replace=EDIT)
    postmortem("resume", stopped["notice"], expect=3)
    assert len(google.sent()) == 1
    postmortem("resume", stopped["notice"], "--as-edited")
    assert price(google)[draft] == "12"
    assert google.copies_per_recipient() == {ANN: 1, BO: 1, CY: 1}


# Sent by hand


@on_both_ledgers
def test_the_words_that_a_person_sent_by_hand_are_recorded_where_they_can_be_read(
    postmortem: Postmortem, google: GoogleWorld, notice: str, incident: str, tmp_path: Path
) -> None:
    google.person.edits_draft(ANN, replace=EDIT)
    google.person.sends_draft(ANN, leaves="orphan")
    google.person.sends_draft(BO, leaves="orphan")
    done = postmortem.json("resume", notice, "--confirm", "3")
    assert done["counts"]["sent"] == 3
    assert google.copies_per_recipient() == {ANN: 1, BO: 1, CY: 1}
    assert google.erased() == []
    record_shows_what_left(postmortem, google, tmp_path / "record")
    assert [told(postmortem, each)[0]["words"] for each in (ANN, BO, CY)] == [
        "edited",
        "ours",
        "ours",
    ]
    assert "1 of 3 was edited before sending" in google.text(incident)


def test_a_mail_sent_by_hand_to_somebody_else_leaves_its_customer_to_be_told(
    postmortem: Postmortem, google: GoogleWorld, notice: str
) -> None:
    google.person.edits_draft(ANN, new_to="eve@elsewhere.example")
    google.person.sends_draft("eve@elsewhere.example", leaves="orphan")
    postmortem("resume", notice, "--confirm", "3")
    assert google.copies_per_recipient() == {"eve@elsewhere.example": 1, BO: 1, CY: 1}
    assert told(postmortem, ANN) == []
    assert len(told(postmortem, "eve@elsewhere.example")) == 1


def test_a_draft_that_is_gone_is_named_and_never_written_to_again_by_itself(
    postmortem: Postmortem, google: GoogleWorld, notice: str
) -> None:
    google.person.sends_draft(ANN, leaves="gone")
    google.person.deletes_draft(BO)
    asked = postmortem("resume", notice, expect=3)
    # Not “3 drafts wait in Gmail”: only one does.
    assert "Nothing was sent: 3 mails are still to send. To confirm, add --confirm 3." in asked.err
    done = postmortem("resume", notice, "--confirm", "3", expect=6)
    for address in (ANN, BO):
        assert f"{address}: the draft is not in Gmail any more" in done.err
    assert google.copies_per_recipient() == {ANN: 1, CY: 1}
    assert [told(postmortem, each)[0]["state"] for each in (ANN, BO)] == ["unknown", "unknown"]


def test_an_edited_draft_that_is_sent_by_hand_before_the_decision_is_not_sent_twice(
    postmortem: Postmortem, google: GoogleWorld, notice: str, tmp_path: Path
) -> None:
    google.person.edits_draft(ANN, replace=EDIT)
    postmortem("resume", notice, "--confirm", "3", expect=3)
    google.person.sends_draft(ANN, leaves="orphan")
    postmortem("resume", notice, "--confirm", "3", "--restore")
    assert price(google) == {ANN: "12", BO: "10", CY: "10"}
    assert google.erased() == []
    record_shows_what_left(postmortem, google, tmp_path / "record")


@pytest.mark.parametrize("decision", ["--restore", "--leave-out", "--as-edited"])
def test_a_draft_that_is_sent_in_the_very_moment_of_the_decision_is_left_alone(
    postmortem: Postmortem, google: GoogleWorld, notice: str, decision: str, tmp_path: Path
) -> None:
    """The look is interrupted after the decision, and a person acts before the next attempt."""
    google.person.edits_draft(ANN, replace=EDIT)
    google.misbehave("503", "gmail.users.drafts.get", skip=1)
    postmortem("resume", notice, "--confirm", "3", decision, expect=5)
    google.behave()
    google.person.sends_draft(ANN, leaves="orphan")
    postmortem("resume", notice, "--confirm", "3", decision)
    assert price(google) == {ANN: "12", BO: "10", CY: "10"}
    assert google.erased() == []
    record_shows_what_left(postmortem, google, tmp_path / "record")


@pytest.mark.parametrize("decision", ["", "--as-edited"])
def test_an_edit_between_the_look_and_the_sending_is_recorded_where_mails_may_be_read(
    postmortem: Postmortem,
    google: GoogleWorld,
    notice: str,
    incident: str,
    decision: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if decision:
        google.person.edits_draft(ANN, replace=("price", "cost"))
    send_draft = Gmail.send_draft

    def edited_first(gmail: Gmail, draft_id: str) -> AcceptedMail:
        if draft_id == ann["id"]:
            google.person.edits_draft(draft_id, replace=("10 EUR", "12 EUR"))
        return send_draft(gmail, draft_id)

    (ann,) = [each for each in google.drafts() if ANN.encode() in google.raw_draft(each["id"])]
    monkeypatch.setattr(Gmail, "send_draft", edited_first)
    words = [decision] if decision else []
    postmortem.configure(f'google_url_token = "rehearsal:{google.account}:{READS}"\n{CONFIG}')
    done = postmortem.json("resume", notice, "--confirm", "3", *words)
    assert done["counts"]["sent"] == 3
    assert "12 EUR" in texts(google)[ANN]
    assert texts(google)[ANN] in text_of(exported(postmortem, tmp_path / "record")[ANN])
    record_shows_what_left(postmortem, google, tmp_path / "record")
    assert "1 of 3 was edited before sending" in google.text(incident)
    assert [told(postmortem, each)[0]["words"] for each in (ANN, BO)] == ["edited", "ours"]


# Others at the same time


def test_a_worker_leaves_edited_drafts_to_a_person_and_ends(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, template: str
) -> None:
    google.misbehave("token_expired", "gmail.users.drafts.send")
    arguments = ("notify", str(customers(3)), "--template", template, "--stage", "update")
    stopped = postmortem.json(*arguments, "--send", "--confirm", "3", expect=4)["notice"]
    google.behave()
    google.person.edits_draft(ANN, replace=EDIT)
    with running(postmortem.start_process("resume", "--watch", "--until-idle")) as worker:
        worker.communicate(timeout=30)
    assert price(google) == {BO: "10", CY: "10"}
    counts = postmortem.json("show")["notices"][0]["counts"]
    assert (counts["sent"], counts["pending"]) == (2, 1)
    assert f"{ANN}: draft edited in Gmail" in postmortem("show").out
    postmortem("resume", stopped, "--as-edited")
    assert price(google) == {ANN: "12", BO: "10", CY: "10"}


def test_an_incident_is_not_closed_over_a_draft_that_waits_for_a_decision(
    postmortem: Postmortem, google: GoogleWorld, notice: str
) -> None:
    google.person.edits_draft(ANN, replace=EDIT)
    postmortem("resume", notice, "--confirm", "3", expect=3)
    postmortem("status", "resolved")
    refused = postmortem("close", expect=3)
    assert notice in refused.err + refused.out


@on_both_ledgers
def test_a_customer_whose_edited_draft_waits_gets_no_second_notice_meanwhile(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, notice: str
) -> None:
    google.person.edits_draft(ANN, replace=EDIT)
    postmortem("resume", notice, "--confirm", "3", expect=3)
    words = ("notify", str(customers(1)), "--stage", "update", "--subject", "Other words")
    assert postmortem.json(*words)["unfinished"][0]["notice"] == notice
    refused = postmortem(*words, "--send", "--confirm", "1", expect=3)
    assert f"Notice {notice} " in refused.err
    assert "has drafts waiting for 1 of these customers" in refused.err
    postmortem("resume", notice, "--as-edited", "--confirm", "3")
    assert google.copies_per_recipient() == {ANN: 1, BO: 1, CY: 1}


@on_both_ledgers
def test_suppress_names_the_notice_whose_edited_draft_waits(
    postmortem: Postmortem, google: GoogleWorld, notice: str
) -> None:
    google.person.edits_draft(ANN, replace=EDIT)
    postmortem("resume", notice, "--confirm", "3", expect=3)
    assert notice in postmortem("suppress", ANN, "--why", "asked for no mails").err


def test_edited_drafts_are_few_calls(
    postmortem: Postmortem, google: GoogleWorld, notice: str
) -> None:
    google.forget_calls()
    postmortem("resume", notice, "--confirm", "3")
    calls = {name: count for name, count in google.calls().items() if "drafts" in name}
    # One list for all, and a look right before each is sent.
    assert calls == {
        "gmail.users.drafts.list": 1,
        "gmail.users.drafts.get": 3,
        "gmail.users.drafts.send": 3,
    }


def test_a_fresh_draft_is_sent_without_another_look(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    google.forget_calls()
    postmortem("notify", str(customers(3)), "--send", "--confirm", "3")
    assert google.calls().get("gmail.users.drafts.get", 0) == 0


def test_resume_leaves_the_drafts_of_another_incident_alone(
    postmortem: Postmortem, google: GoogleWorld, notice: str
) -> None:
    postmortem("start", "Late invoices")
    for words in (("--confirm", "3"), ("--discard",)):
        refused = postmortem("resume", *words, expect=3).err
        assert "of another incident, “Wrong amounts”" in refused
        assert f"postmortem resume {notice}" in refused
        named = postmortem("--incident", "Late invoices", "resume", *words).out
        assert "There is nothing to resume" in named
    assert google.sent() == []
    assert len(google.drafts()) == 3
    postmortem("--incident", "Wrong amounts", "resume", "--confirm", "3")
    assert len(google.sent()) == 3
