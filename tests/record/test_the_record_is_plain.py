"""The record is unambiguous: one duration, the open items, and the fixed rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.command_line import CustomerList, Postmortem
from tests.google_world import GoogleWorld
from tests.plug import early_in_the_minute

Customers = Callable[[int], CustomerList]


def kinds(person: Postmortem) -> set[str]:
    checked = person.json("close", "--check", expect=None)
    return {each["kind"] for each in checked["checks"]}


def test_the_length_of_an_incident_is_from_its_start_to_resolved(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    early_in_the_minute()
    doc_id = postmortem.json("start", "Wrong amounts", "--at", "5 hours ago")["doc_id"]
    postmortem("status", "resolved", "--at", "3 hours ago")
    closed = postmortem("close")
    assert "Closed after 5 h, resolved after 2 h" in closed.out
    assert "Duration: 2 h\n" in google.text(doc_id)
    assert "resolved after 2 h, closed after 5 h" in postmortem("watch", "--once").out


def test_nothing_is_left_open_is_said_only_when_it_is_true(
    postmortem: Postmortem, customers: Customers
) -> None:
    postmortem("start", "Wrong amounts")
    plan = postmortem.json("notify", str(customers(1)), "--propose")["plan"]
    assert "proposed" in kinds(postmortem)
    said = postmortem("close", "--check", expect=None)
    assert "Nothing is open" not in said.out + said.err
    postmortem("approve", plan[:8], "--refuse", "not needed", LOGNAME="ben")
    assert "proposed" not in kinds(postmortem)


def test_a_bad_row_that_was_fixed_and_sent_to_later_stops_nagging(
    postmortem: Postmortem, tmp_path: Path
) -> None:
    listed, other = tmp_path / "customers.csv", tmp_path / "the rest.csv"
    head = "email,name,account\n"
    listed.write_text(
        f"{head}ann@acme.example,Ann,Acme\nben at acme.example,Ben,Acme\n", encoding="utf-8"
    )
    postmortem("start", "Wrong amounts")
    postmortem("notify", str(listed), "--skip-bad", "--send", "--confirm", "1")
    assert "left_out" in kinds(postmortem)
    other.write_text(f"{head}cem@acme.example,Cem,Acme\n", encoding="utf-8")
    postmortem("notify", str(other), "--stage", "update", "--send", "--confirm", "1")
    assert "left_out" in kinds(postmortem)  # somebody else with the same account
    other.write_text(f"{head}ben@acme.example,Ben,Acme\n", encoding="utf-8")
    postmortem("notify", str(other), "--stage", "update", "--send", "--confirm", "1")
    assert "left_out" not in kinds(postmortem)
