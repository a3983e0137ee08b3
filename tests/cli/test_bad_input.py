"""Bad input: a plain sentence, exit code 3, and nothing sent or changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.command_line import CustomerList, Postmortem
from tests.google_world import GoogleWorld

Customers = Callable[[int], CustomerList]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["start", "   "], "The title is empty"),
        (["start", "x", "--at", "tomorrow-ish"], "not a time this program can read"),
        (["start", "x", "--at", "2099-01-01 10:00"], "still ahead"),
        (["start", "x", "--share", "nobody"], "neither an email address nor a domain"),
        (["start", "x", "--share", "a@b.example:owner"], "is not a role"),
        (["start", "x", "--template", "unheard-of"], "There is no template 'unheard-of'"),
        (["start", "x", "--set", "novalue"], "--set novalue"),
        (["log", "x"], "There is no incident yet"),
        (["show", "--incident", "zzz"], "There is no incident 'zzz' here"),
    ],
)
def test_before_there_is_an_incident(
    postmortem: Postmortem, google: GoogleWorld, arguments: list[str], words: str
) -> None:
    result = postmortem(*arguments, expect=3)
    assert words in result.err
    assert "Traceback" not in result.err
    assert google.documents() == []
    assert postmortem.json("list") == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["log", " \n "], "There is nothing to log"),
        (["log", "x", "--link", "javascript:alert(1)"], "a link starts with"),
        (["log", "x", "--link", "http://"], "a link starts with"),
        (["log", "x", "--link", "https://exa mple.com/a"], "has no spaces"),
        (["share", "bob"], "'bob' is neither an email address nor a domain"),
        (["share", "a@b.example:boss"], "'boss' is not a role"),
        (["log", "x", "--at", "2026-11-20 09:00"], "before the incident began"),
        (["log", "x", "--at", "25:00"], "not a time of day"),
        (["log", "x", "--at", "2026-02-30 10:00"], "not a day in the calendar"),
        (["log", "x", "--at", "2026-03-29 02:30"], "does not exist"),
        (["section", "no such", "text"], "fits no section"),
        (["section", "summary", " "], "There is no text"),
        (["notify", "missing.csv"], "can't be read"),
        (["resume", "zzz"], "There is no notice 'zzz'"),
    ],
)
def test_in_an_incident(
    postmortem: Postmortem, google: GoogleWorld, arguments: list[str], words: str
) -> None:
    doc_id = postmortem.json("start", "Wrong amounts", "--at", "2026-11-23 08:00")["doc_id"]
    before = google.text(doc_id)
    result = postmortem(*arguments, expect=3)
    assert words in result.err
    assert google.text(doc_id) == before
    assert postmortem.json("show")["timeline"] == []


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        ("", [], "no header"),
        ("name\nAnn\n", [], "email"),
        ("email\n", [], "has no recipients"),
        ("email\nann@\n", [], "row 2"),
        ("email\na@b.example\n", ["--stage", "someday"], "there is no such stage"),
        ("email\na@b.example\n", ["--next-update", "5 minutes ago"], "passed already"),
        ("email\na@b.example\n", ["--subject", "{{ nmae }}"], "nmae"),
        ("email\na@b.example\n", ["--subject", " "], "subject"),
        ("email\na@b.example\n", ["--set", "what_happened=TODO: say it"], "TODO"),
    ],
)
def test_a_list_or_a_mail_that_is_not_fit_to_send(
    postmortem: Postmortem,
    google: GoogleWorld,
    tmp_path: Path,
    content: str,
    options: list[str],
    words: str,
) -> None:
    postmortem("start", "Wrong amounts")
    path = tmp_path / "list.csv"
    path.write_text(content, encoding="utf-8")
    result = postmortem("notify", str(path), *options, "--send", "--confirm", "1", expect=3)
    assert words in result.err
    assert google.copies_per_recipient() == {}
    assert postmortem.json("show")["notices"] == []


def test_a_wrong_number_sends_nothing(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    postmortem("start", "Wrong amounts")
    result = postmortem("notify", str(customers(3)), "--send", "--confirm", "2", expect=3)
    assert "this would send to 3, not 2" in result.err
    result = postmortem("notify", str(customers(3)), "--send", expect=3)
    assert "--confirm 3" in result.err
    assert google.copies_per_recipient() == {}


def test_bad_rows_stop_the_notice_unless_they_are_left_out(
    postmortem: Postmortem, google: GoogleWorld, tmp_path: Path
) -> None:
    postmortem("start", "Wrong amounts")
    path = tmp_path / "list.csv"
    path.write_text("email\na@b.example\nnot an address\n", encoding="utf-8")
    result = postmortem("notify", str(path), "--send", "--confirm", "1", expect=3)
    assert "row 3" in result.err
    postmortem("notify", str(path), "--send", "--confirm", "1", "--skip-bad")
    assert google.copies_per_recipient() == {"a@b.example": 1}


def test_a_file_that_is_no_list_is_named(postmortem: Postmortem, tmp_path: Path) -> None:
    postmortem("start", "Wrong amounts")
    for name, content in (("list.pdf", b"%PDF-1.4\n"), ("empty.csv", b"")):
        (tmp_path / name).write_bytes(content)
        said = postmortem("notify", str(tmp_path / name), expect=3).err
        assert f"{name}: the list " in said


def test_a_status_may_be_typed_as_it_is_shown(postmortem: Postmortem) -> None:
    postmortem("start", "Wrong amounts")
    postmortem("status", "Identified", "An old price list was loaded")
    assert postmortem.json("show")["status"] == "identified"
    missing = postmortem("status", expect=2).err
    assert "investigating|identified|monitoring|resolved" in missing


def test_wrong_usage_ends_with_2(postmortem: Postmortem) -> None:
    postmortem("status", "someday", expect=2)
    postmortem("start", expect=2)
    postmortem("no-such-command", expect=2)


def test_a_config_that_can_not_be_used_ends_with_4(postmortem: Postmortem) -> None:
    for text, words in (
        ("organization = 'x'", "Did you mean 'organisation'?"),
        ("time_zone = 'Mars/Olympus'", "is not a zone's name"),
        ("share = 'a@b.example'", "is a list of texts"),
        ("[sending]\nunits_per_minute = 1", "must be at least 110"),
        ("not toml", "is not TOML"),
    ):
        postmortem.configure(text)
        assert words in postmortem("list", expect=4).err
    result = postmortem("list", expect=4, POSTMORTEM_GOOGLE_URL="http://example.com")
    assert "is not TOML" in result.err
    postmortem.configure("")
    result = postmortem("list", expect=4, POSTMORTEM_GOOGLE_URL="https://example.com")
    assert "which is not this machine" in result.err


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://127.0.0.1:port", "is not the address of a server"),
        ("http://127.0.0.1:99999", "is not the address of a server"),
        ("http://127.0.0.1:0", "is not the address of a server"),
        ("http://127.0.0.1:80 80", "is not the address of a server"),
        (" http://127.0.0.1:8080", "is not the address of a server"),
        ("http://127.0.0.1:8080\n", "is not the address of a server"),
        ("http://[::1:8080", "is not the address of a server"),
        ("127.0.0.1:8080", "is not the address of a server"),
        ("ftp://127.0.0.1", "is not the address of a server"),
        ("http://", "is not the address of a server"),
        ("http://ann:hunter2@127.0.0.1:8080", "holds a name or a password"),
        ("http://ann:hunter2@127.0.0.1:port", "holds a name or a password"),
        ("ann:hunter2@127.0.0.1", "holds a name or a password"),
        ("http://127.0.0.1:8080?key=x", "holds more than scheme, host, port and path"),
        ("http://example.com", "is plain http to another machine"),
    ],
)
def test_an_odd_address_of_a_stand_in_ends_with_4_and_shows_no_password(
    postmortem: Postmortem, address: str, words: str
) -> None:
    result = postmortem("list", "-v", expect=4, POSTMORTEM_GOOGLE_URL=address)
    assert result.err.startswith("POSTMORTEM_GOOGLE_URL") or "POSTMORTEM_GOOGLE_URL: " in result.err
    assert words in result.err
    assert "hunter2" not in result.err + result.out
    assert "There is no profile 'x'" in postmortem("list", "--profile", "x", expect=4).err


def test_what_turns_the_writings_direction_does_not_reach_the_terminal(
    postmortem: Postmortem,
) -> None:
    said = postmortem("start", "Paid to \u202eelpmaxe@nna").out
    assert "Paid to \ufffdelpmaxe@nna" in said
    assert "\u202e" not in postmortem("watch", "--once").out
    assert postmortem.json("show")["title"] == "Paid to \u202eelpmaxe@nna"


@pytest.mark.parametrize(
    ("words", "typed", "told"),
    [
        (("notify",), "custmers.csv", "That folder has `customers.csv`."),
        (("attach",), "customer.csv", "That folder has `customers.csv`."),
        (("notify",), "list.xlsx", "Check its name and its folder, {here}."),
        (
            ("notify", "customers.csv", "--attach"),
            "lists/a.pdf",
            "There is no folder {here}/lists.",
        ),
    ],
)
def test_a_file_that_is_missing_is_named_with_what_is_there(
    postmortem: Postmortem,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    typed: str,
    told: str,
) -> None:
    here = tmp_path / "work"
    here.mkdir()
    monkeypatch.chdir(here)
    (here / "customers.csv").write_text("email\nann@x.example\n", encoding="utf-8")
    postmortem("start", "Wrong amounts")
    said = postmortem(*words, typed, expect=3).err
    assert f"can't be read: No such file or directory. {told.format(here=here)}" in said
