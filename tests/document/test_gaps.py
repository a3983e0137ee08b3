"""What is missing in a doc: an action is recognized in people's own form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow.document.edits.action_items import read_action
from workflow.document.requests import NON_TEXT


@pytest.mark.parametrize(
    "line",
    [
        "Two people check the list — Sam — 30 Nov",
        "Two people check the list – Sam Lee – 2026-11-30",
        "Two people check the list - Sam - by Friday",
        "Name the price list in the import (Ann, 12/01)",
        "Alert on empty segments; owner: ops; next sprint",
        "Alert on empty segments | Support team | Q1",
        "Write a runbook @sam until March",
        "Write a runbook, ann@team.example, within two weeks",
        "Zwei Leute prüfen die Liste — Jörg — 30. November",
        "二人で確認する — 佐藤 — 2026-12-01",
        f"Two people check the list {NON_TEXT} {NON_TEXT}",
        f"Two people check the list — {NON_TEXT} — 30 Nov",
        f"Two people check the list — Sam — {NON_TEXT}",
    ],
)
def test_an_action_with_an_owner_and_a_date_is_complete(line: str) -> None:
    action = read_action(line)
    assert (action.has_owner, action.has_date) == (True, True)


@pytest.mark.parametrize(
    ("line", "has_owner", "has_date"),
    [
        ("Two people check the list", False, False),
        ("Two people check the list, always, and again", False, False),
        ("Two people check the list — Sam", True, False),
        ("Two people check the list by Friday", False, True),
        ("Two people check the list — 30 Nov", False, True),
        (f"Two people check the list {NON_TEXT}", True, False),
    ],
)
def test_what_an_action_does_not_say_is_missed(line: str, has_owner: bool, has_date: bool) -> None:
    action = read_action(line)
    assert (action.has_owner, action.has_date) == (has_owner, has_date)


@given(st.text())
def test_any_line_can_be_read(line: str) -> None:
    assert read_action(line).text == line.strip().replace(NON_TEXT, "…")
