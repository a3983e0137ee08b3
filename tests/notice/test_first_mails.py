"""Excluded customers, the first mails of a notice, and the stop after bounces."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.command_line import CustomerList, Postmortem
from tests.conftest import CONFIG
from tests.google_world import ACCOUNT, GoogleWorld
from tests.plug import go_on, sleeping_in

Customers = Callable[[int], CustomerList]
READING = f"rehearsal:{ACCOUNT}:gmail.compose,gmail.readonly,drive.file,documents"


def person(number: int) -> str:
    return f"person{number}@customer.example"


@pytest.fixture
def reader(postmortem: Postmortem) -> Postmortem:
    """A person whose sign-in may read mail, with an incident."""
    postmortem.configure(f'google_url_token = "{READING}"\n{CONFIG}')
    postmortem("start", "Wrong amounts")
    return postmortem


def test_nobody_writes_to_an_address_that_is_suppressed_until_it_is_taken_out(
    reader: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    said = reader("suppress", "Person2@Customer.example", "--why", "asked for no mails")
    assert "Notices are no longer sent to Person2@customer.example: asked for no mails" in said.out
    sheet = reader("notify", str(customers(3)))
    assert "row 3: person2@customer.example is suppressed (asked for no mails)." in sheet.err
    reader("notify", str(customers(3)), "--send", "--confirm", "2")
    assert google.copies_per_recipient() == {person(1): 1, person(3): 1}
    (notice,) = reader.json("show")["notices"]
    assert [(each["row"], each["value"], each["reason"]) for each in notice["left_out"]] == [
        (3, person(2), "suppressed: asked for no mails.")
    ]
    (listed,) = reader.json("suppress")["suppressed"]
    assert (listed["email"], listed["kind"]) == ("Person2@customer.example", "said")
    reader("suppress", person(2), "--remove")
    assert reader.json("suppress")["suppressed"] == []
    reader("notify", str(customers(3)), "--send", "--confirm", "1")
    assert google.copies_per_recipient() == {person(at): 1 for at in (1, 2, 3)}


def test_a_wrong_number_is_answered_with_how_many_go_first(
    reader: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    words = ("notify", str(customers(3)), "--send", "--first", "1", "--confirm")
    assert "this would send to the first 1 of 3, not 2." in reader(*words, "2", expect=3).err
    reader(*words, "1")
    assert google.copies_per_recipient() == {person(1): 1}


def test_a_customer_who_was_told_and_then_suppressed_is_still_on_the_list(
    reader: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    reader("notify", str(customers(3)), "--send", "--confirm", "3")
    reader("suppress", person(2), "--why", "asked for no mails")
    reader("status", "identified")
    sheet = reader("notify", str(customers(3))).err
    assert "person2@customer.example is suppressed" in sheet
    assert "not on this list" not in sheet
    assert "1 customer who got an earlier notice of this incident is not on" in (
        reader("notify", str(customers(2))).err
    )


def test_a_mail_that_waits_already_is_named_when_its_address_is_suppressed(
    reader: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    words = ("notify", str(customers(3)), "--send", "--confirm")
    notice = reader.json(*words, "3", "--draft-only")["notice"]
    said = reader("suppress", person(2), "--why", "asked for no mails").err
    assert f"Notice {notice} still has an email to {person(2)}." in said
    assert f"postmortem resume {notice} --discard" in said
    reader("resume", notice, "--discard")
    reader(*words, "2")
    assert google.copies_per_recipient() == {person(1): 1, person(3): 1}
    assert "still has" not in reader("suppress", person(2), "--why", "asked again").err


@pytest.mark.parametrize("more", [("--draft-only",), ("--first", "1")])
def test_a_mail_that_waits_is_not_sent_to_an_address_that_is_suppressed_meanwhile(
    reader: Postmortem, google: GoogleWorld, customers: Customers, more: tuple[str, ...]
) -> None:
    first = "1" if "--first" in more else "3"
    words = ("notify", str(customers(3)), "--send", "--confirm")
    notice = reader.json(*words, first, *more)["notice"]
    before = google.copies_per_recipient()
    reader("suppress", person(2), "--why", "asked for no mails")
    refused = reader("resume", notice, "--confirm", str(3 - len(before)), expect=3).err
    assert f"notice {notice} still has an email to {person(2)}, suppressed meanwhile" in refused
    assert google.copies_per_recipient() == before
    reader("suppress", person(2), "--remove")
    reader("resume", notice, "--confirm", str(3 - len(before)))
    assert google.copies_per_recipient() == {person(at): 1 for at in (1, 2, 3)}


def test_an_interrupted_notice_is_not_finished_to_an_address_that_is_suppressed_meanwhile(
    reader: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    google.misbehave("token_expired", "gmail.users.drafts.create", skip=1)
    words = ("notify", str(customers(3)), "--send", "--confirm")
    reader(*words, "3", expect=4)
    google.behave()
    written = google.copies_per_recipient().keys() | google.drafts_per_recipient().keys()
    unwritten, _ = sorted({person(at) for at in (1, 2, 3)} - written)
    reader("suppress", unwritten, "--why", "asked for no mails")
    assert f"an email to {unwritten}, suppressed meanwhile" in reader("resume", expect=3).err
    reader("resume", "--discard")
    left = [each for each in (person(1), person(2), person(3)) if each != unwritten]
    count = len(left) - len(google.copies_per_recipient())
    reader(*words, str(count), "--only-new")
    assert google.copies_per_recipient() == dict.fromkeys(left, 1)


@pytest.mark.parametrize("words", [("suppress", "--why", "asked"), ("forget", "--yes")])
def test_an_address_that_is_taken_out_while_a_person_is_asked_is_no_colleagues_notice(
    reader: Postmortem, google: GoogleWorld, customers: Customers, words: tuple[str, ...]
) -> None:
    send = ("notify", str(customers(3)), "--send", "--confirm", "3")
    with sleeping_in(("workflow.notice.send", "agree"), reader, *send) as process:
        reader(words[0], person(2), *words[1:])
        go_on(process)
        err = process.communicate(timeout=60)[1]
    assert process.returncode == 3
    assert "a customer of this list was suppressed, allowed again or forgotten" in err
    assert "a colleague" not in err
    assert google.copies_per_recipient() == {}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("nobody", "--why", "x"), "@-sign"),
        ((person(1),), "Give a reason"),
        ((person(1), "--why", "  "), "Give a reason"),
        ((person(1), "--remove"), "is not suppressed"),
        (("--why", "x"), "Name the address"),
    ],
)
def test_a_slip_changes_nothing(reader: Postmortem, words: tuple[str, ...], told: str) -> None:
    assert told in reader("suppress", *words, expect=3).err
    assert reader.json("suppress")["suppressed"] == []


def test_an_address_that_does_not_exist_enters_by_itself(
    reader: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    google.set(bouncing=[person(2)])
    reader("notify", str(customers(3)), "--send", "--confirm", "3")
    reader("bounces")
    (listed,) = reader.json("suppress")["suppressed"]
    assert (listed["email"], listed["kind"]) == (person(2), "bounced")
    assert "5.1.1" in listed["reason"]
    reader("status", "resolved")
    reader("notify", str(customers(3)), "--stage", "resolved", "--send", "--confirm", "2")
    assert google.copies_per_recipient()[person(2)] == 1


def test_a_draft_to_such_an_address_is_named_when_it_enters(
    reader: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    google.set(bouncing=[person(2)])
    words = ("notify", str(customers(3)), "--send", "--confirm")
    reader(*words, "3")
    reader("status", "identified")
    notice = reader.json(*words, "3", "--draft-only")["notice"]
    said = reader("bounces").err
    assert f"Notice {notice} still has an email to {person(2)}." in said
    assert reader.json("bounces")["waiting"] == []  # nothing new
    reader("resume", notice, "--discard")
    reader(*words, "2")
    assert google.copies_per_recipient() == {person(1): 2, person(2): 1, person(3): 2}


def test_the_first_ones_get_it_and_the_others_wait_for_a_look(
    reader: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    sent = reader.json("notify", str(customers(5)), "--first", "2", "--send", "--confirm", "2")
    assert sent["counts"]["sent"] == 2
    assert sent["counts"]["pending"] == sent["waiting"] == 3
    assert google.copies_per_recipient() == {person(1): 1, person(2): 1}
    assert google.drafts() == []

    said = reader("resume", expect=3).err
    assert f"postmortem resume {sent['notice']} --confirm 3" in said
    reader("resume", "--watch", "--until-idle")  # a worker starts nothing that waits
    assert len(google.copies_per_recipient()) == 2

    reader("resume", str(sent["notice"]), "--confirm", "3")
    assert google.copies_per_recipient() == {person(at): 1 for at in range(1, 6)}


def test_the_others_can_be_withdrawn_when_the_first_ones_show_a_mistake(
    reader: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    words = ("notify", str(customers(3)), "--send", "--confirm", "3", "--first", "1")
    notice = reader.json(*words)["notice"]
    said = reader("resume", notice, "--discard").out
    assert "Withdrawn: 2 customers will not get this mail. 1 customer already had it." in said
    assert google.copies_per_recipient() == {person(1): 1}
    (shown,) = reader.json("show")["notices"]
    assert shown["counts"]["pending"] == 0
    assert "no unsent mails" in reader("resume", notice, "--discard", expect=3).err


def test_an_interrupted_start_is_finished_without_the_others(
    reader: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    google.misbehave("403_not_enabled", "gmail.users.drafts.create")
    words = ("notify", str(customers(4)), "--first", "2", "--send", "--confirm", "2")
    reader(*words, expect=4)
    google.behave()
    reader("resume")
    assert google.copies_per_recipient() == {person(1): 1, person(2): 1}


def test_too_many_bounces_of_the_first_ones_stop_the_others(
    reader: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    google.set(bouncing=[person(1)])
    notice = reader.json("notify", str(customers(6)), "--first", "4", "--send", "--confirm", "4")
    reader("bounces")
    rest = ("resume", notice["notice"], "--confirm", "2")
    said = reader(*rest, expect=3).err
    assert "1 of 4 mails bounced (25%), more than stop_at_bounces (5%)" in said
    assert len(google.copies_per_recipient()) == 4
    reader(*rest, "--despite-bounces")
    assert google.copies_per_recipient() == {person(at): 1 for at in range(1, 7)}


def test_the_rest_is_sent_only_after_a_look_for_bounces(
    reader: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    google.set(bouncing=[person(1)])
    notice = reader.json("notify", str(customers(6)), "--first", "4", "--send", "--confirm", "4")
    said = reader("resume", notice["notice"], "--confirm", "2", expect=3).err
    assert "1 of 4 mails bounced (25%), more than stop_at_bounces (5%)" in said
    assert len(google.copies_per_recipient()) == 4
    (listed,) = reader.json("suppress")["suppressed"]
    assert listed["email"] == person(1)


def test_a_sign_in_that_may_not_read_says_that_nobody_looked(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    postmortem("start", "Wrong amounts")
    words = ("notify", str(customers(3)), "--first", "2", "--send", "--confirm", "2")
    notice = postmortem.json(*words)["notice"]
    said = postmortem("resume", notice, "--confirm", "1").err
    assert "Bounces were not checked: " in said
    assert "postmortem auth login --scope read" in said
    assert len(google.copies_per_recipient()) == 3


def test_a_team_chooses_the_share(
    reader: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    reader.configure(f'google_url_token = "{READING}"\n{CONFIG}stop_at_bounces = 0.5\n')
    google.set(bouncing=[person(1)])
    notice = reader.json("notify", str(customers(6)), "--first", "4", "--send", "--confirm", "4")
    reader("bounces")
    reader("resume", notice["notice"], "--confirm", "2")
    assert len(google.copies_per_recipient()) == 6
    reader.configure(f'google_url_token = "{READING}"\n{CONFIG}stop_at_bounces = 7\n')
    assert "stop_at_bounces must be at least 0, at most 1" in reader("show", expect=4).err


def test_first_alone_sends_nothing(reader: Postmortem, customers: Customers) -> None:
    assert (
        "--first works only with --send"
        in reader("notify", str(customers(2)), "--first", "1", expect=3).err
    )


# Each customer's own file


TEMPLATE = """---
subject: Your corrected invoice
stage: update
{head}---
Hello {{{{ name }}}},

We are sorry. You will hear from us again on 25 Nov 2026, 5 PM CET. Reply to this mail.
"""


def listed(folder: Path, *rows: str) -> str:
    path = folder / "l.csv"
    path.write_text("\n".join(["email,name,file", *rows]) + "\n", encoding="utf-8")
    return str(path)


def template(folder: Path, head: str = "") -> tuple[str, str]:
    path = folder / "mail.md"
    path.write_text(TEMPLATE.format(head=head), encoding="utf-8")
    return ("--template", str(path))


@pytest.fixture
def invoices(tmp_path: Path) -> Path:
    """A folder with a list's files."""
    folder = tmp_path / "invoices"
    folder.mkdir()
    for name in ("ann", "bob"):
        (folder / f"{name}.pdf").write_bytes(f"invoice of {name}".encode())
    return folder


def attached(google: GoogleWorld) -> dict[str, list[tuple[str | None, bytes]]]:
    return {
        mail["To"].addresses[0].addr_spec: [
            (part.get_filename(), part.get_payload(decode=True))  # type: ignore[misc]
            for part in mail.iter_attachments()
        ]
        for mail in google.sent()
    }


@pytest.mark.parametrize("by_head", [True, False], ids=["head", "option"])
def test_each_customer_gets_their_own_file(
    reader: Postmortem, google: GoogleWorld, invoices: Path, tmp_path: Path, by_head: bool
) -> None:
    rows = listed(invoices, "ann@x.example,Ann,ann.pdf", "bob@x.example,Bob,bob.pdf")
    head = 'attach: "{{ file }}"\n' if by_head else ""
    options = () if by_head else ("--attach-column", "file")
    words = ("notify", rows, *template(invoices, head), *options)
    assert "2 files of the customers' own" in reader(*words).out
    reader(*words, "--send", "--confirm", "2")
    assert attached(google) == {
        "ann@x.example": [("ann.pdf", b"invoice of ann")],
        "bob@x.example": [("bob.pdf", b"invoice of bob")],
    }
    reader("export", str(tmp_path / "record"))
    (eml,) = (tmp_path / "record" / "mails").glob("*/*ann*.eml")
    assert b"ann.pdf" in eml.read_bytes()
    assert b"bob.pdf" not in eml.read_bytes()


def test_a_list_from_windows_names_files_with_backslashes(
    reader: Postmortem, google: GoogleWorld, invoices: Path
) -> None:
    (invoices / "june").mkdir()
    (invoices / "ann.pdf").rename(invoices / "june" / "ann.pdf")
    rows = listed(invoices, r"ann@x.example,Ann,june\ann.pdf", r"bob@x.example,Bob,.\bob.pdf")
    words = ("notify", rows, *template(invoices), "--attach-column", "file")
    reader(*words, "--send", "--confirm", "2")
    names = {email: [name for name, _ in files] for email, files in attached(google).items()}
    assert names == {"ann@x.example": ["ann.pdf"], "bob@x.example": ["bob.pdf"]}


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (["ann@x.example,Ann,none.pdf"], "there is no file `none.pdf`"),
        ([r"ann@x.example,Ann,..\secret.pdf"], "is outside"),
        (["ann@x.example,Ann,"], "this customer has no file in this column"),
        (["ann@x.example,Ann,../secret.pdf"], "is outside"),
        (["ann@x.example,Ann,/etc/hostname"], "is outside"),
        (["ann@x.example,Ann,link.pdf"], "is outside"),
        (["ann@x.example,Ann,empty.pdf"], "is empty"),
        (
            ["ann@x.example,Ann,ann.pdf", "bob@x.example,Bob,ann.pdf"],
            "rows 2, 3: `ann.pdf` would go to 2 customers",
        ),
        (
            ["ann@x.example,Ann,ann.pdf", "ann@x.example,Ann,bob.pdf"],
            "row 3: repeated address",
        ),
    ],
)
def test_a_file_that_is_not_right_is_named_before_any_mail(
    reader: Postmortem, google: GoogleWorld, invoices: Path, rows: list[str], told: str
) -> None:
    (invoices.parent / "secret.pdf").write_bytes(b"secret")
    (invoices / "link.pdf").symlink_to(invoices.parent / "secret.pdf")
    (invoices / "empty.pdf").touch()
    words = ("notify", listed(invoices, *rows), *template(invoices), "--attach-column", "file")
    shown = reader(*words, expect=3)
    assert told in shown.out + shown.err
    reader(*words, "--send", "--confirm", str(len(rows)), expect=3)
    assert google.copies_per_recipient() == {}


def zipped(path: Path, name: str, *, locked: bool = False) -> Path:
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr(name, "x")
    if locked:
        content = bytearray(path.read_bytes())
        content[6] |= 1  # in the entry, and in the directory at the end
        content[content.index(b"PK\x01\x02") + 8] |= 1
        path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("empty.pdf", "is empty."),
        ("tool.EXE", "is a .exe file, which Gmail blocks."),
        ("macro.js", "is a .js file, which Gmail blocks."),
        ("tool.zip", "holds bin/tool.exe, which Gmail blocks."),
        ("locked.zip", "is an archive with a password, which Gmail blocks."),
    ],
)
@pytest.mark.parametrize("is_own", [True, False], ids=["own", "for all"])
def test_a_file_that_gmail_blocks_is_refused_before_any_mail(
    reader: Postmortem, google: GoogleWorld, invoices: Path, name: str, told: str, is_own: bool
) -> None:
    (invoices / "empty.pdf").touch()
    (invoices / "tool.EXE").write_bytes(b"MZ")
    (invoices / "macro.js").write_text("x()")
    zipped(invoices / "tool.zip", "bin/tool.exe")
    zipped(invoices / "locked.zip", "ann.pdf", locked=True)
    words = ("notify", listed(invoices, f"ann@x.example,Ann,{name}"), *template(invoices))
    more = ("--attach-column", "file") if is_own else ("--attach", str(invoices / name))
    assert told in reader(*words, *more, expect=3).err
    assert told in reader(*words, *more, "--send", "--confirm", "1", expect=3).err
    assert google.copies_per_recipient() == {}


def test_an_archive_of_documents_is_sent(
    reader: Postmortem, google: GoogleWorld, invoices: Path
) -> None:
    path = zipped(invoices / "invoices.zip", "ann.pdf")
    rows = listed(invoices, "ann@x.example,Ann,")
    reader("notify", rows, *template(invoices), "--attach", str(path), "--send", "--confirm", "1")
    assert [name for name, _ in attached(google)["ann@x.example"]] == ["invoices.zip"]


def test_a_group_gets_the_files_of_all_its_rows(
    reader: Postmortem, google: GoogleWorld, invoices: Path
) -> None:
    rows = listed(invoices, "ann@x.example,Ann,ann.pdf", "ann@x.example,Ann,bob.pdf")
    options = ("--attach-column", "file", "--group-by", "email")
    reader("notify", rows, *template(invoices), *options, "--send", "--confirm", "1")
    assert [name for name, _ in attached(google)["ann@x.example"]] == ["ann.pdf", "bob.pdf"]


# Threads


def test_with_a_scope_that_reads_every_mail_of_an_incident_is_in_one_thread(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    postmortem.configure(f'google_url_token = "{READING}"\n{CONFIG}read_threads = true\n')
    postmortem("start", "Wrong amounts")
    for stage, status in [("investigating", ""), ("identified", "identified"), ("resolved",) * 2]:
        if status:
            postmortem("status", status)
        postmortem("notify", str(customers(2)), "--stage", stage, "--send", "--confirm", "2")
    mails = google.sent()
    assert {str(mail["Subject"]) for mail in mails} == {"Wrong amounts", "Re: Wrong amounts"}
    first = {str(mail["To"]): str(mail["Message-ID"]) for mail in mails[:2]}
    for mail in mails[4:]:
        assert first[str(mail["To"])] in str(mail["References"]) or mail["In-Reply-To"]
    assert len(google.threads()) == 2  # one for each customer


def test_without_one_the_subject_is_the_same_until_the_end(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    postmortem("start", "Wrong amounts")
    for stage, status in [("investigating", ""), ("identified", "identified"), ("resolved",) * 2]:
        if status:
            postmortem("status", status)
        postmortem("notify", str(customers(1)), "--stage", stage, "--send", "--confirm", "1")
    assert [str(mail["Subject"]) for mail in google.sent()] == [
        "Wrong amounts",
        "Wrong amounts",
        "Wrong amounts – resolved",
    ]
