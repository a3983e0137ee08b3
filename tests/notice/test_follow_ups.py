"""A notice's recipients and text, and its relation to earlier notices."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.command_line import CustomerList, Postmortem
from tests.conftest import CONFIG
from tests.google_world import ACCOUNT, GoogleWorld
from workflow.cli.session import shipped_templates

Customers = Callable[[int], CustomerList]


def body_to(google: GoogleWorld, address: str) -> str:
    """The text of the last mail to an address."""
    mails = [each for each in google.sent() if each["To"].addresses[0].addr_spec == address]
    part = mails[-1].get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def send(postmortem: Postmortem, listed: object, count: int, *options: str) -> dict[str, object]:
    words = ("notify", str(listed), *options, "--send", "--confirm", str(count))
    document: dict[str, object] = postmortem.json(*words)
    return document


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def own_templates(postmortem: Postmortem, tmp_path: Path) -> Path:
    """A folder of the team's own templates, initially the shipped ones."""
    folder = tmp_path / "templates"
    shutil.copytree(shipped_templates(), folder)
    postmortem.configure(f'templates = "{folder}"\n{CONFIG}')
    return folder


def test_a_locale_column_picks_the_template_in_that_language(
    postmortem: Postmortem, google: GoogleWorld, own_templates: Path, tmp_path: Path
) -> None:
    write(
        own_templates / "email" / "resolved.de.md",
        "---",
        "subject: Behoben: {{ incident.title }}",
        "---",
        "Hallo {{ name }}, es ist vorbei. Es tut uns leid.",
    )
    rows = [
        "email,name,locale",
        "a@x.example,Ada,de-AT",
        "b@x.example,Ben,../../etc",
        "c@x.example,,",
    ]
    doc_id = postmortem.json("start", "Wrong amounts")["doc_id"]
    postmortem("status", "resolved")
    send(postmortem, write(tmp_path / "l.csv", *rows), 3, "--stage", "resolved")
    assert body_to(google, "a@x.example").startswith("Hallo Ada, es ist vorbei.")
    assert body_to(google, "b@x.example").startswith("Hello Ben,")
    assert body_to(google, "c@x.example").startswith("Hello,")
    copied = google.text(doc_id)
    assert "Hallo ‹name›, es ist vorbei." in copied
    assert "Behoben: Wrong amounts" in copied


def test_one_mail_for_each_customer_lists_all_that_is_theirs(
    postmortem: Postmortem, google: GoogleWorld, own_templates: Path, tmp_path: Path
) -> None:
    write(
        own_templates / "email" / "resolved.md",
        "---",
        "subject: Yours",
        "---",
        "Sorry, {{ account }}. Hit were:",
        "",
        "{% for row in rows %}",
        "- {{ row.resource }}",
        "{% endfor %}",
        "",
        "Reply to reach us. It began at 9 AM UTC and ended at 10 AM UTC.",
    )
    rows = [
        "email,account,resource",
        "ann@north.example,North,invoice 1",
        "bob@north.example,north ,invoice 2",
        "cy@south.example,South,invoice 3",
        "ann@north.example,North,invoice 4",
    ]
    postmortem("start", "Wrong amounts")
    listed = write(tmp_path / "l.csv", *rows)
    postmortem("status", "resolved")
    send(postmortem, listed, 3, "--stage", "resolved", "--group-by", "Account")
    contacts = ("ann@north.example", "bob@north.example")
    assert google.copies_per_recipient() == dict.fromkeys((*contacts, "cy@south.example"), 1)
    for contact in contacts:
        text = body_to(google, contact)
        assert [each for each in ("invoice 1", "invoice 2", "invoice 4") if each in text] == [
            "invoice 1",
            "invoice 2",
            "invoice 4",
        ]
        assert "invoice 3" not in text
    words = ("notify", str(listed), "--group-by", "nothing")
    assert "no such column" in postmortem(*words, expect=3).err


def test_who_comes_late_is_caught_up_and_who_was_told_is_not(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    postmortem("start", "Wrong amounts")
    send(postmortem, customers(2), 2, "--stage", "investigating")
    send(postmortem, customers(3), 3, "--stage", "update")
    caught_up = "We have not written to you about this before"
    assert caught_up in body_to(google, "person3@customer.example")
    assert caught_up not in body_to(google, "person1@customer.example")


def test_a_correction_goes_only_to_those_who_got_the_wrong_mail(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    postmortem("start", "Wrong amounts")
    send(postmortem, customers(2), 2, "--stage", "update")
    told = ("--stage", "correction", "--set", "wrong_text=We named the wrong day.")
    sent = send(postmortem, customers(4), 2, *told)
    assert sent["counts"] == {"sent": 2, "failed": 0, "unknown": 0, "pending": 0, "skipped": 2}
    assert google.copies_per_recipient() == {
        "person1@customer.example": 2,
        "person2@customer.example": 2,
    }


def test_the_next_word_goes_on_in_the_customers_own_thread(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    scopes = "drive.file,documents,gmail.compose,gmail.readonly"
    token = f'google_url_token = "rehearsal:{ACCOUNT}:{scopes}"\n'
    postmortem.configure(f"{token}{CONFIG}read_threads = true\n")
    postmortem("start", "Wrong amounts")
    send(postmortem, customers(2), 2, "--stage", "investigating")
    first = {str(each["To"]): str(each["Message-ID"]) for each in google.sent()}
    postmortem("status", "resolved")
    send(postmortem, customers(2), 2, "--stage", "resolved")
    for mail in google.sent()[2:]:
        assert str(mail["References"]).strip() == first[str(mail["To"])]
        assert str(mail["In-Reply-To"]).strip() == first[str(mail["To"])]


# Gmail wants the same subject without the marks of replies. How other programs compare subjects is
# not known; they go by References.
_REPLY = re.compile(r"(?:re|aw|sv|antw|fwd?|wg)(?:\[\d+\])?:\s*", re.IGNORECASE)


def _base(subject: str) -> str:
    return _REPLY.sub("", " ".join(subject.split())).casefold()


@pytest.mark.parametrize("reads", [True, False])
def test_all_mails_to_a_customer_are_one_thread_where_that_can_be(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, reads: bool
) -> None:
    scopes = "drive.file,documents,gmail.compose" + (",gmail.readonly" if reads else "")
    token = f'google_url_token = "rehearsal:{ACCOUNT}:{scopes}"\n'
    postmortem.configure(f"{token}{CONFIG}read_threads = {str(reads).lower()}\n")
    postmortem("start", "Wrong amounts")
    for stage in ("investigating", "identified", "update", "monitoring", "resolved"):
        if stage not in {"investigating", "update"}:
            postmortem("status", stage)
        send(postmortem, customers(2), 2, "--stage", stage)
    *others, end = [mail for mail in google.sent() if "person1@" in str(mail["To"])]
    assert len(others) == 4
    assert {_base(str(mail["Subject"])) for mail in others} == {"wrong amounts"}
    before: list[str] = []
    for mail in (*others, end):
        named = str(mail["References"] or "").split()
        assert bool(named) is (reads and bool(before))
        assert set(named) <= set(before)
        before.append(str(mail["Message-ID"]))
    if reads:
        assert str(end["In-Reply-To"]).strip() in before
        assert _base(str(end["Subject"])) == "wrong amounts"
        assert len(google.threads()) == 2
    else:
        # The subject is all that is left to a mail program. It still begins alike.
        assert str(end["Subject"]).startswith("Wrong amounts – ")


def test_without_a_scope_that_reads_the_next_word_still_goes_out(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    postmortem.configure(f"{CONFIG}read_threads = true\n")
    postmortem("start", "Wrong amounts")
    send(postmortem, customers(2), 2, "--stage", "investigating")
    postmortem("status", "resolved")
    send(postmortem, customers(2), 2, "--stage", "resolved")
    assert all(mail["References"] is None for mail in google.sent())
    assert set(google.copies_per_recipient().values()) == {2}


def test_drafts_wait_for_a_second_pair_of_eyes(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    doc_id = postmortem.json("start", "Wrong amounts")["doc_id"]
    held = send(postmortem, customers(3), 3, "--draft-only")
    assert held["counts"]["pending"] == 3  # type: ignore[index]
    assert len(google.drafts()) == 3
    assert google.copies_per_recipient() == {}

    assert "--confirm 3" in postmortem("resume", expect=3).err
    sent = postmortem.json("resume", "--confirm", "3", "--approve-by", "Kim")
    assert sent["counts"]["sent"] == 3
    assert google.drafts() == []
    assert set(google.copies_per_recipient().values()) == {1}
    assert "Approved by: Kim (plan " in google.text(doc_id)


def test_an_alias_is_checked_where_the_sign_in_can(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    google.set(aliases={ACCOUNT: ["support@rehearsal.example"]})
    postmortem("start", "Wrong amounts")
    words = ["notify", str(customers(1)), "--from", "support@rehearsal.example", "--send"]
    said = postmortem(*words, "--confirm", "1").err
    assert "is an alias: this sign-in can't read the account's aliases" in said
    assert str(google.sent()[0]["From"]) == "You <support@rehearsal.example>"

    scopes = "drive.file,documents,gmail.compose,gmail.readonly"
    postmortem.configure(f'google_url_token = "rehearsal:{ACCOUNT}:{scopes}"\n{CONFIG}')
    words = ["notify", str(customers(2)), "--from", "boss@rehearsal.example"]
    for more in ([], ["--propose"], ["--send", "--confirm", "1"]):
        said = postmortem(*words, *more, expect=3).err
        assert "not an address that this account may send from" in said


def test_a_stage_that_comes_too_late_is_pointed_out(
    postmortem: Postmortem, customers: Customers
) -> None:
    postmortem("start", "Wrong amounts")
    postmortem("status", "resolved")
    send(postmortem, customers(2), 2, "--stage", "resolved")
    postmortem("status", "investigating")
    sheet = postmortem.json("notify", str(customers(2)), "--stage", "investigating")
    assert "stage_order" in [each["code"] for each in sheet["findings"]]
    assert sheet["told_before"] == {"resolved": 2}


def test_a_team_adds_its_own_rules_and_switches_others_off(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    rule = """
    allowed_findings = ["next_update"]
    [[word_rules]]
    code = "nickname"
    pattern = "Project \\\\w+"
    message = "{found} is a name that customers don't know."
    level = "error"
    """
    sending = CONFIG.partition("[sending]")[2]
    postmortem.configure(f"{rule}\n[sending]\n{sending}")
    postmortem("start", "Wrong amounts")
    words = ["notify", str(customers(1)), "--set", "what_happened=Project Zebra broke."]
    said = postmortem(*words, "--send", "--confirm", "1", expect=3).err
    assert "Project Zebra is a name that customers don't know." in said
    assert google.copies_per_recipient() == {}


def test_a_google_sheet_is_a_list_where_the_sign_in_may_read_it(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    postmortem("start", "Wrong amounts")
    mine = google.upload_sheet("Customers", "email,name\na@x.example,Ada\n", token="rehearsal")
    address = f"https://docs.google.com/spreadsheets/d/{mine}/edit#gid=0"
    send(postmortem, address, 1)
    assert google.copies_per_recipient() == {"a@x.example": 1}

    other = google.upload_sheet(
        "Theirs", "email\nb@x.example\n", token="rehearsal:kim@team.example"
    )
    address = f"https://docs.google.com/spreadsheets/d/{other}/edit"
    said = postmortem("notify", address, expect=3).err
    assert "This sheet can't be read" in said
    assert "Download it as CSV" in said


def test_who_is_left_out_or_waits_for_a_mail_is_on_the_list_all_the_same(
    postmortem: Postmortem, customers: Customers
) -> None:
    postmortem("start", "Wrong amounts")
    send(postmortem, customers(3), 3, "--stage", "investigating")
    words = ("--next-update", "30m", "--stage", "investigating", "--only-new")
    sheet = postmortem("notify", str(customers(5)), *words)
    assert "3 left out (already had this stage)" in sheet.out
    assert "not on this list" not in sheet.err
    held = ("notify", str(customers(4)), *words, "--send", "--draft-only", "--confirm", "1")
    postmortem(*held)
    # The draft to the fourth does not make up for the third, who is missing.
    two_and_the_fourth = customers(4).path
    lines = two_and_the_fourth.read_text(encoding="utf-8").splitlines()
    two_and_the_fourth.write_text("\n".join([*lines[:3], lines[4]]), encoding="utf-8")
    found = postmortem.json("notify", str(two_and_the_fourth), *words)
    assert found["earlier"]["not_on_list"] == 1


def test_the_sheet_says_what_changed_since_the_last_notice_and_who_is_missing(
    postmortem: Postmortem, customers: Customers
) -> None:
    postmortem("start", "Wrong amounts")
    send(postmortem, customers(3), 3, "--stage", "investigating")
    postmortem("status", "resolved")
    sheet = postmortem.json("notify", str(customers(2)), "--stage", "resolved")
    assert sheet["earlier"]["stage"] == "investigating"
    assert sheet["earlier"]["not_on_list"] == 1
    assert "+ Subject: Wrong amounts – resolved" in sheet["earlier"]["changed"]
    assert sheet["sent_today"] == 3
    words = postmortem("notify", str(customers(2)), "--stage", "resolved")
    assert "3 of 100,000 sent in the last 24 hours" in words.out
    assert "1 customer who got an earlier notice of this incident is not on this list" in words.err


# The smallest picture: one transparent dot.
DOT = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)


def test_files_and_pictures_go_with_every_mail(
    postmortem: Postmortem,
    google: GoogleWorld,
    own_templates: Path,
    customers: Customers,
    tmp_path: Path,
) -> None:
    email = own_templates / "email"
    write(
        email / "resolved.md",
        "---",
        "subject: Over",
        "attachments: terms.txt",
        "---",
        "It is over; we are sorry. It began at 9 AM UTC and ended at 10 AM UTC. Reply to reach us.",
        "",
        "![What you saw](dot.png) ![tracker](https://evil.example/dot.png)",
    )
    (email / "dot.png").write_bytes(DOT)
    write(email / "terms.txt", "Terms")
    report = write(tmp_path / "report.csv", "a,b")
    postmortem("start", "Wrong amounts")
    postmortem("status", "resolved")
    send(postmortem, customers(2), 2, "--stage", "resolved", "--attach", str(report))
    for mail in google.sent():
        html = mail.get_body(("html",))
        assert html is not None
        shown = [part for part in mail.walk() if part["Content-ID"]]
        assert f"cid:{shown[0]['Content-ID'][1:-1]}" in html.get_content()
        assert shown[0].get_content() == DOT
        assert "evil.example" not in mail.as_string()
        names = [part.get_filename() for part in mail.iter_attachments()]
        assert names == ["report.csv", "terms.txt"]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.symlink_to("/etc/hostname"), "is a link to another file"),
        (lambda path: path.mkdir(), "can't be read"),
        (lambda path: path.write_bytes(bytes(26 * 2**20)), "a mail takes 25"),
        (lambda path: None, "can't be read"),
    ],
)
def test_a_file_that_can_not_go_along_stops_the_notice(
    postmortem: Postmortem,
    google: GoogleWorld,
    customers: Customers,
    tmp_path: Path,
    make: Callable[[Path], object],
    words: str,
) -> None:
    postmortem("start", "Wrong amounts")
    path = tmp_path / "file.bin"
    make(path)
    listed = str(customers(1))
    said = postmortem("notify", listed, "--attach", str(path), "--send", "--confirm", "1", expect=3)
    assert words in said.err
    assert google.copies_per_recipient() == {}


def test_drafts_that_are_found_wanting_are_withdrawn(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    postmortem("start", "Wrong amounts")
    wrong = send(postmortem, customers(3), 3, "--draft-only")
    right = send(
        *(postmortem, customers(3), 3, "--draft-only", "--set", "what_happened=Ours."),
        *("--despite", str(wrong["notice"])),
    )
    said = postmortem("resume", "--confirm", "3", expect=3).err
    assert "More than one notice is unfinished" in said

    postmortem("resume", str(wrong["notice"]), "--discard")
    assert len(google.drafts()) == 3
    postmortem("resume", str(right["notice"]), "--confirm", "3")
    assert set(google.copies_per_recipient().values()) == {1}
    assert google.drafts() == []
    shown = {each["notice"]: each for each in postmortem.json("show")["notices"]}
    assert shown[wrong["notice"]]["failures"][0]["reason"] == "withdrawn before it was sent"
    assert "to withdraw" in postmortem("resume", str(right["notice"]), "--discard", expect=3).err


def test_mails_that_wait_for_google_can_be_withdrawn_without_it(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    postmortem("start", "Wrong amounts")
    down = "http://127.0.0.1:9"
    words = ("notify", str(customers(3)), "--send", "--confirm", "3")
    postmortem(*words, expect=5, POSTMORTEM_GOOGLE_URL=down)
    said = postmortem("resume", "--discard", POSTMORTEM_GOOGLE_URL=down).out
    assert said == "Withdrawn: 3 customers will not get this mail. Nothing was sent.\n"
    assert "no unsent mails to withdraw" in postmortem("resume", "--discard", expect=3).err
    postmortem("resume", expect=6)
    assert google.copies_per_recipient() == {}
    (notice,) = postmortem.json("show")["notices"]
    assert notice["counts"] == {**dict.fromkeys(notice["counts"], 0), "failed": 3}


def test_what_has_left_is_not_withdrawn_and_the_rest_is(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    postmortem("start", "Wrong amounts")
    google.misbehave("token_expired", "gmail.users.drafts.send", skip=2)
    postmortem("notify", str(customers(5)), "--send", "--confirm", "5", expect=4)
    google.behave()
    sent = len(google.copies_per_recipient())
    assert 0 < sent < 5
    said = postmortem("resume", "--discard").out
    assert f"Withdrawn: {5 - sent} customers will not get this mail." in said
    assert "already had it." in said
    assert len(google.copies_per_recipient()) == sent
    assert google.drafts() == []


def test_a_slip_in_a_values_name_stops_the_notice(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    postmortem("start", "Wrong amounts")
    postmortem("status", "resolved")
    words = ("notify", str(customers(1)), "--stage", "resolved", "--send", "--confirm", "1")
    assert "Did you mean `cause`?" in postmortem(*words, "--set", "casue=x", expect=3).err
    postmortem("status", "monitoring")
    send(postmortem, customers(1), 1, "--stage", "update")
    words = ("notify", str(customers(1)), "--stage", "correction", "--send", "--confirm", "1")
    assert "names what was wrong" in postmortem(*words, expect=3).err
    assert google.copies_per_recipient() == {"person1@customer.example": 1}


def test_a_locale_without_a_template_is_pointed_out(postmortem: Postmortem, tmp_path: Path) -> None:
    postmortem("start", "Wrong amounts")
    listed = write(tmp_path / "l.csv", "email,locale", "a@x.example,fi", "b@x.example,fi")
    findings = postmortem.json("notify", str(listed))["findings"]
    assert [each["message"] for each in findings if each["code"] == "no_language"] == [
        "no template in `fi`: these customers get the default language."
    ]


def test_an_answer_goes_to_an_address(postmortem: Postmortem, customers: Customers) -> None:
    postmortem("start", "Wrong amounts")
    assert (
        "--reply-to xx" in postmortem("notify", str(customers(1)), "--reply-to", "xx", expect=3).err
    )


def test_another_incidents_record_is_not_written_over(
    postmortem: Postmortem, tmp_path: Path
) -> None:
    postmortem("start", "First")
    postmortem("export", str(tmp_path / "record"))
    postmortem("export", str(tmp_path / "record"))
    postmortem("start", "Second")
    said = postmortem("export", str(tmp_path / "record"), expect=3).err
    assert "another incident's record" in said


def test_only_the_account_that_began_a_notice_goes_on_with_it(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    postmortem("start", "Wrong amounts")
    google.misbehave("token_expired", "gmail.users.drafts.send")
    postmortem("notify", str(customers(2)), "--send", "--confirm", "2", expect=4)
    google.behave()
    mine = (postmortem.home / "config.toml").read_text(encoding="utf-8")
    postmortem.configure(f'google_url_token = "rehearsal:bob@rehearsal.example"\n{mine}')
    said = postmortem("resume", expect=4).err
    assert f"sent by {ACCOUNT}, and bob@rehearsal.example is signed in" in said
    assert google.copies_per_recipient() == {}

    postmortem.configure(mine)
    postmortem("resume")
    assert set(google.copies_per_recipient().values()) == {1}


def test_a_group_whose_first_contact_has_another_groups_mail_goes_to_its_next(
    postmortem: Postmortem, google: GoogleWorld, tmp_path: Path
) -> None:
    postmortem("start", "Wrong amounts")
    rows = ["email,account", "ann@x.example,ACME", "ann@x.example,BETA", "bob@x.example,BETA"]
    send(postmortem, write(tmp_path / "l.csv", *rows), 2, "--group-by", "account")
    assert google.copies_per_recipient() == {"ann@x.example": 1, "bob@x.example": 1}
    rows = ["email,account", "cy@x.example,ACME", "cy@x.example,BETA"]
    listed = write(tmp_path / "l.csv", *rows)
    words = ("notify", str(listed), "--group-by", "account", "--send", "--confirm", "1")
    assert "choose another contact for this group" in postmortem(*words, expect=3).err


def test_a_notice_is_not_gone_on_with_at_another_google(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    postmortem("start", "Wrong amounts")
    google.misbehave("token_expired", "gmail.users.drafts.send")
    postmortem("notify", str(customers(2)), "--send", "--confirm", "2", expect=4)
    google.behave()
    mine = (postmortem.home / "config.toml").read_text(encoding="utf-8")
    postmortem.configure(f'google_url_hosts = ["google.invalid"]\n{mine}')
    said = postmortem("resume", expect=4, POSTMORTEM_GOOGLE_URL="https://google.invalid").err
    assert "begun at a rehearsal server on this machine" in said

    # The same server at another port is the same Google.
    elsewhere = "http://127.0.0.1:9"
    assert "begun at" not in postmortem("resume", expect=5, POSTMORTEM_GOOGLE_URL=elsewhere).err
    postmortem("resume")
    assert set(google.copies_per_recipient().values()) == {1}
