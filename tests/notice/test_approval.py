"""Propose, approve, send: only what a second person has approved is sent, on any machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.command_line import CustomerList, Postmortem, one_each, words_to_send
from tests.conftest import COLLEAGUE, CONFIG
from tests.google_world import ACCOUNT, GoogleWorld
from tests.plug import go_on, sleeping_in
from tests.postgres_server import PostgresServer

Customers = Callable[[int], CustomerList]
ASKING = f"require_approval = true\n{CONFIG}"
SLACK = """
[[announce]]
kind = "slack_webhook"
name = "#incidents"
url_env = "HOOK"
"""


def person(home: Path, google: GoogleWorld, name: str, url: str = "") -> Postmortem:
    home.mkdir(mode=0o700)
    environment = {"POSTMORTEM_GOOGLE_URL": google.url, "LOGNAME": name}
    if url:
        environment["POSTMORTEM_DATABASE_URL"] = url
    made = Postmortem(home, environment)
    made.configure(ASKING)
    return made


@pytest.fixture(params=["one ledger in PostgreSQL", "a ledger each"])
def two(
    request: pytest.FixtureRequest, tmp_path: Path, google: GoogleWorld
) -> tuple[Postmortem, Postmortem, bool]:
    """Ann and Ben, and whether they share a ledger; otherwise they pass on a plan's file."""
    shared = request.param == "one ledger in PostgreSQL"
    url = ""
    if shared:
        postgres: PostgresServer = request.getfixturevalue("postgres")
        url = postgres.new_ledger()
    ann = person(tmp_path / "ann", google, "ann", url)
    return ann, person(tmp_path / "ben", google, "ben", url), shared


@pytest.fixture
def ann(tmp_path: Path, google: GoogleWorld) -> Postmortem:
    return person(tmp_path / "ann", google, "ann")


def proposed(by: Postmortem, listed: object, *more: str) -> str:
    found = by.json("notify", str(listed), *more, "--propose")
    assert found["mode"] == "propose"
    return str(found["plan"])


def test_a_plan_is_proposed_commented_changed_refused_approved_and_sent(
    two: tuple[Postmortem, Postmortem, bool],
    google: GoogleWorld,
    customers: Customers,
    tmp_path: Path,
) -> None:
    ann, ben, shared = two
    started = ann.json("start", "Wrong amounts", "--impact", "Invoices show wrong amounts")
    listed, file = customers(3), tmp_path / "plan.json"
    out = () if shared else ("--plan-out", str(file))

    first = proposed(ann, listed, *out)
    assert google.copies_per_recipient() == {}
    text = google.text(started["doc_id"])
    assert f"Proposed response (plan {first[:8]})" in text
    assert "Invoices show wrong amounts" in text.partition("Proposed response")[2]
    refusal = ann("notify", "--send", "--plan", first[:8], expect=3)
    assert f"nobody has approved plan {first[:8]} yet" in refusal.err
    ben("approve", first[:8] if shared else str(file), "--refuse", "Say what we do about it")
    refused = ann("notify", "--send", "--plan", first[:8] if shared else str(file), expect=3)
    assert "Say what we do about it" in refused.err
    assert "refused by ben" in google.text(started["doc_id"])

    second = proposed(ann, listed, "--subject", "Your invoices: wrong amounts", *out)
    assert second != first
    plan = second[:8] if shared else str(file)
    own = ann("approve", plan, expect=3)
    assert "your own proposal" in own.err
    for name in (" Ann", "ANN", "ａｎｎ "):
        own = ann("approve", plan, expect=3, LOGNAME=name)
        assert "your own proposal" in own.err, name
    approved = ben.json("approve", plan)
    if not shared:
        elsewhere = ben("notify", "--send", "--plan", plan, expect=3).err
        assert f"plan {second[:8]} is of another ledger" in elsewhere
        assert f"postmortem notify --send --plan {plan}" in elsewhere
    assert (approved["plan"], approved["recipients"]) == (second, 3)
    sent = ann.json("notify", "--send", "--plan", plan)
    assert sent["counts"]["sent"] == 3
    assert google.copies_per_recipient() == dict.fromkeys(listed.addresses, 1)
    assert {str(mail["Subject"]) for mail in google.sent()} == {"Your invoices: wrong amounts"}
    again = ann("notify", "--send", "--plan", plan, expect=3)
    assert "was sent already" in again.err
    assert google.copies_per_recipient() == dict.fromkeys(listed.addresses, 1)

    words = f"(plan {second[:8]})"
    assert sent["approval"]["decided_by"].startswith("ben@")
    told = ann("told", listed.addresses[0]).out
    for shown in (google.text(started["doc_id"]), told, ann("show").out):
        line = next(each for each in shown.split("\n") if "sent by ann" in each and words in each)
        assert "Proposed by ann" in line
        assert "approved by ben" in line
    ann("export", str(tmp_path / "record"))
    record = json.loads((tmp_path / "record" / "record.json").read_text(encoding="utf-8"))
    states = [(each["plan"], each["state"]) for each in record["plans"]]
    assert states == [(first, "refused"), (second, "sent")]


@pytest.mark.parametrize(
    ("how", "sent", "drafted"),
    [(("--draft-only", "--confirm", "3"), 0, 3), (("--first", "1", "--confirm", "1"), 1, 0)],
    ids=["as drafts", "the first"],
)
def test_how_an_approved_plan_leaves_is_up_to_its_sender_and_nothing_in_it(
    ann: Postmortem,
    google: GoogleWorld,
    customers: Customers,
    how: tuple[str, ...],
    sent: int,
    drafted: int,
) -> None:
    ann("start", "Wrong amounts", "--impact", "Invoices show wrong amounts")
    listed = customers(3)
    plan = proposed(ann, listed)
    Postmortem(ann.home, {**ann.environment, "LOGNAME": "ben"})("approve", plan[:8])
    send = ("notify", "--send", "--plan", plan[:8])
    refused = ann(*send, "--subject", "Changed", "--one-step", expect=3).err
    assert "--subject, --one-step would change what was approved" in refused
    assert "this would send to 3, not 99" in ann(*send, "--confirm", "99", expect=3).err
    ann("start", "Another incident")
    ann("--incident", "Another incident", *send, expect=3)
    assert (len(google.sent()), len(google.drafts())) == (0, 0)
    ann(*send, *how)
    assert (len(google.sent()), len(google.drafts())) == (sent, drafted)


def test_a_plan_that_a_colleagues_notice_stopped_is_still_approved(
    ann: Postmortem, google: GoogleWorld, customers: Customers, colleague: Postmortem
) -> None:
    shared = ("--impact", "Invoices show wrong amounts", "--share", COLLEAGUE)
    started = ann.json("start", "Wrong amounts", *shared)
    colleague("join", started["doc_url"])
    plan = proposed(ann, customers(3))[:8]
    Postmortem(ann.home, {**ann.environment, "LOGNAME": "ben"})("approve", plan)
    send = ("notify", "--send", "--plan", plan)
    # The colleague's own ledger begins in the moment after Ann's own looked into the doc.
    with sleeping_in(("workflow.notice.send", "send_agreed"), ann, *send) as process:
        colleague(*words_to_send(customers(3)))
        go_on(process)
        err = process.communicate(timeout=60)[1]
    assert (process.returncode, "Another ledger wrote to 3 customers" in err) == (3, True), err
    assert google.copies_from(ACCOUNT, COLLEAGUE) == one_each(customers(3))

    ann("sync")
    assert "sent by ann" not in google.text(started["doc_id"])
    stopped = ann(*send, expect=3).err
    assert "Another ledger wrote to 3 customers" in stopped
    assert "was sent already" not in stopped
    ann(*send, "--not-in-this-ledger")
    assert set(google.copies_from(ACCOUNT, COLLEAGUE).values()) == {2}
    assert "sent by ann" in google.text(started["doc_id"])


def test_open_comments_on_the_proposal_are_shown_to_approver_and_sender(
    ann: Postmortem, google: GoogleWorld, customers: Customers, tmp_path: Path
) -> None:
    ann("start", "Wrong amounts", "--impact", "Invoices show wrong amounts")
    google.people({"does": "comment", "text": "An older one", "on": "Timeline"})
    plan = proposed(ann, customers(2), "--plan-out", str(tmp_path / "plan.json"))
    google.people(
        {"does": "comment", "text": "Say the date", "on": "Invoices show wrong amounts"},
        {"does": "comment", "text": "Typo"},
    )
    google.people({"does": "resolve", "text": "Typo"})
    ben = Postmortem(ann.home, {**ann.environment, "LOGNAME": "ben"})
    approved = ben("approve", plan[:8], "--json")
    assert [each["text"] for each in approved.json["open_comments"]] == ["Say the date"]
    words = "you on “Invoices show wrong amounts”: Say the date"
    assert words in approved.err
    assert words in ann("notify", "--send", "--plan", plan[:8]).err
    assert sum(google.copies_per_recipient().values()) == 2


def test_comments_that_can_not_be_read_are_named_and_stop_nobody(
    ann: Postmortem, google: GoogleWorld, customers: Customers, tmp_path: Path
) -> None:
    ann("start", "Wrong amounts", "--impact", "Invoices show wrong amounts")
    plan = proposed(ann, customers(2))
    google.misbehave("503", "drive.comments.list")
    ben = Postmortem(ann.home, {**ann.environment, "LOGNAME": "ben"})
    approved = ben("approve", plan[:8], "--json")
    assert approved.json["open_comments"] is None
    assert "Comments in the doc were not read" in approved.err


@pytest.mark.parametrize("what", ["a row", "a word", "an attachment", "the impact"])
def test_any_change_after_the_approval_is_another_plan(
    ann: Postmortem, google: GoogleWorld, customers: Customers, tmp_path: Path, what: str
) -> None:
    ann("start", "Wrong amounts", "--impact", "Invoices show wrong amounts")
    listed, file = customers(2), tmp_path / "details.txt"
    file.write_text("details", encoding="utf-8")
    template = tmp_path / "mine.md"
    template.write_text("---\nsubject: Amounts\n---\nHello {{ name }}, {{ incident.impact }}.\n")
    asked = (str(listed), "--template", str(template), "--attach", str(file))
    plan = proposed(ann, *asked)
    ann("approve", plan[:8], LOGNAME="ben")
    given = asked
    if what == "a row":
        listed.path.write_text("email,name\neve@customer.example,Eve\n", encoding="utf-8")
    elif what == "a word":
        template.write_text("---\nsubject: Amounts\n---\nDear {{ name }}, {{ incident.impact }}.\n")
    elif what == "an attachment":
        file.write_text("other details", encoding="utf-8")
    else:
        ann("impact", "All invoices show wrong amounts")
    refused = ann("notify", *given, "--send", "--plan", plan[:8], "--confirm", "2", expect=3)
    assert f"this is not plan {plan[:8]} any more" in refused.err
    if what != "a row":  # the list is frozen with the plan
        ann("notify", "--send", "--plan", plan[:8], expect=3)
        assert google.copies_per_recipient() == {}
        return
    ann("notify", "--send", "--plan", plan[:8])
    assert google.copies_per_recipient() == dict.fromkeys(listed.addresses, 1)


def test_a_wrong_hash_names_no_plan(ann: Postmortem, customers: Customers) -> None:
    ann("start", "Wrong amounts")
    proposed(ann, customers(1))
    assert "There is no plan" in ann("approve", "deadbeef", expect=3).err
    assert "There is no plan" in ann("notify", "--send", "--plan", "deadbeef", expect=3).err
    assert "at least 6 characters" in ann("approve", "d", expect=3).err


def test_an_edited_draft_is_not_what_was_approved(
    ann: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    ann("start", "Wrong amounts")
    plan = proposed(ann, customers(2), "--draft-only")
    ann("approve", plan[:8], LOGNAME="ben")
    ann("notify", "--send", "--plan", plan[:8])
    google.person.edits_draft("person1@customer.example", replace=("Hello", "Hi"))
    refused = ann("resume", "--as-edited", "--confirm", "2", expect=3)
    assert "can't be sent as edited" in refused.err
    assert google.copies_per_recipient() == {}
    ann("resume", "--restore", "--confirm", "2")
    assert all("Hello" in str(mail.get_body(("plain",))) for mail in google.sent())


def test_without_an_approval_nothing_is_sent_where_the_config_asks_for_one(
    ann: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    ann("start", "Wrong amounts")
    listed = customers(3)
    refused = ann("notify", str(listed), "--send", "--confirm", "3", expect=3)
    assert "needs the approval of a second person" in refused.err
    ann("notify", str(listed), "--test", "me@rehearsal.example")
    assert google.copies_per_recipient() == {"me@rehearsal.example": 1}
    ann.configure(f"require_approval = 3\n{CONFIG}")
    ann("notify", str(listed), "--send", "--confirm", "3")
    more = customers(4)
    ann("notify", str(more), "--stage", "update", "--send", "--confirm", "4", expect=3)
    ann.configure(f'require_approval = "yes"\n{CONFIG}')
    assert "a number of recipients" in ann("show", expect=4).err


def test_colleagues_are_told_in_their_channel_that_a_plan_waits(
    ann: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    ann.configure(ASKING + SLACK)
    ann.environment["HOOK"] = f"{google.url}/services/TREHEARSAL/BINCIDENTS/told-on-this-machine"
    ann("start", "Wrong amounts")
    plan = proposed(ann, customers(2))
    (told,) = google.told()
    assert f"postmortem approve {plan[:8]}" in told["body"]["text"]


@pytest.mark.parametrize("what", ["approved", "by", "reason", "signature", "key", "shown"])
def test_a_decision_that_was_edited_in_the_plan_file_is_refused_by_name(
    ann: Postmortem, google: GoogleWorld, customers: Customers, tmp_path: Path, what: str
) -> None:
    ann("start", "Wrong amounts")
    file = tmp_path / "plan.json"
    proposed(ann, customers(1), "--plan-out", str(file))
    ben = person(tmp_path / "ben", google, "ben")
    ben("approve", str(file), "--refuse", "wrong date")
    record = json.loads(file.read_text(encoding="utf-8"))
    if what == "shown":
        record["sends"]["copy_markdown"] = "Other words"
    else:
        record["decision"][what] = {"approved": True, "reason": ""}.get(what, "00" * 32)
    file.write_text(json.dumps(record), encoding="utf-8")
    refused = ann("notify", "--send", "--plan", str(file), expect=3).err
    assert "was changed after it was made" in refused
    assert google.copies_per_recipient() == {}


def test_words_changed_before_the_approver_saw_them_are_refused(
    ann: Postmortem, google: GoogleWorld, customers: Customers, tmp_path: Path
) -> None:
    ann("start", "Wrong amounts")
    file = tmp_path / "plan.json"
    proposed(ann, customers(1), "--plan-out", str(file))
    record = json.loads(file.read_text(encoding="utf-8"))
    record["sends"]["copy_markdown"] = "Harmless words"
    file.write_text(json.dumps(record), encoding="utf-8")
    person(tmp_path / "ben", google, "ben")("approve", str(file))
    assert "is not the file that was proposed" in sent_with(ann, file, expect=3)
    assert google.copies_per_recipient() == {}


def test_the_proposers_own_machine_does_not_approve_under_another_name(
    ann: Postmortem, google: GoogleWorld, customers: Customers, tmp_path: Path
) -> None:
    ann("start", "Wrong amounts")
    file = tmp_path / "plan.json"
    proposed(ann, customers(1), "--plan-out", str(file))
    ann("approve", str(file), LOGNAME="ben")
    assert "the key of this very machine" in sent_with(ann, file, expect=3)
    assert google.copies_per_recipient() == {}


@pytest.mark.parametrize("is_known", [False, True])
def test_only_the_configured_machines_approve(
    ann: Postmortem, google: GoogleWorld, customers: Customers, tmp_path: Path, is_known: bool
) -> None:
    ann("start", "Wrong amounts")
    file = tmp_path / "plan.json"
    proposed(ann, customers(1), "--plan-out", str(file))
    key = person(tmp_path / "ben", google, "ben").json("approve", str(file))["key"]
    ann.configure(f'approver_keys = ["ben {key if is_known else "00" * 32}"]\n{ASKING}')
    said = sent_with(ann, file, expect=0 if is_known else 3)
    assert ("not in approver_keys" in said) is not is_known
    assert sum(google.copies_per_recipient().values()) == (1 if is_known else 0)


def sent_with(by: Postmortem, file: Path, *, expect: int) -> str:
    return by("notify", "--send", "--plan", str(file), expect=expect).err


def test_a_plan_file_that_somebody_changed_is_refused(
    ann: Postmortem, customers: Customers, tmp_path: Path
) -> None:
    ann("start", "Wrong amounts")
    file = tmp_path / "plan.json"
    proposed(ann, customers(1), "--plan-out", str(file))
    record = json.loads(file.read_text(encoding="utf-8"))
    record["sends"]["mails"][0]["markdown"] += " Pay here."
    file.write_text(json.dumps(record), encoding="utf-8")
    assert "was changed after it was proposed" in ann("approve", str(file), expect=3).err


def test_a_proposer_withdraws_a_plan_of_their_own_and_can_close(
    ann: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    started = ann.json("start", "Wrong amounts", "--impact", "Invoices show wrong amounts")
    open_plan, approved = proposed(ann, customers(2)), proposed(ann, customers(3))
    ann("approve", approved[:8], LOGNAME="ben")
    check = ann("close", "--check", expect=None)
    assert f"postmortem approve {open_plan[:8]} --refuse" in check.out + check.err
    for plan in (open_plan, approved):
        withdrawn = ann.json("approve", plan[:8], "--refuse", "The list was wrong")
        assert withdrawn["state"] == "withdrawn"
        unsent = ann("notify", "--send", "--plan", plan[:8], "--confirm", "2", expect=3)
        assert "was withdrawn. The list was wrong" in unsent.err
    assert "withdrawn (plan" in google.text(started["doc_id"])
    ann("status", "resolved")
    ann("close")
    assert google.sent() == []


def test_a_plan_whose_drafts_were_withdrawn_names_the_way_to_send_it(
    ann: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    started = ann.json("start", "Wrong amounts", "--impact", "Invoices show wrong amounts")
    listed = customers(2)
    plan = proposed(ann, listed)[:8]
    ann("approve", plan, LOGNAME="ben")
    send = ("notify", "--send", "--plan", plan, "--confirm", "2")
    notice = ann.json(*send, "--draft-only")["notice"]
    ann("resume", "--discard")
    assert "Emailed 0 of 2 customers; 2 withdrawn" in google.text(started["doc_id"])
    shown = ann("show").out
    assert "accepted by Gmail 0 of 2, withdrawn 2" in shown
    way = f"To send them after all: postmortem resume {notice} --retry-failed"
    assert way in ann(*send, expect=3).err
    check = ann("close", "--check", expect=3)
    assert "notice was withdrawn for 2 customers. To send it after all:" in check.out + check.err
    ann("resume", notice, "--retry-failed", "--confirm", "2")
    assert google.copies_per_recipient() == dict.fromkeys(listed.addresses, 1)


def test_ones_own_plan_in_a_file_is_approved_by_that_file(
    ann: Postmortem, customers: Customers, tmp_path: Path
) -> None:
    ann("start", "Wrong amounts", "--impact", "Invoices show wrong amounts")
    file = tmp_path / "plan.json"
    plan = proposed(ann, customers(2), "--plan-out", str(file))[:8]
    assert f"postmortem approve {file}" in ann("approve", str(file), expect=3).err
    own = ann("approve", str(file), "--refuse", "no", expect=3).err
    assert f'postmortem approve {plan} --refuse "why"' in own
