"""`--help` is read under stress: commands in the order of the day, each with a full sentence."""

from __future__ import annotations

import re

import pytest

from tests.command_line import Postmortem


def _names(page: str) -> list[str]:
    commands = page[page.index("incident's day:") :]
    return re.findall(r"^  (\w+)  ", commands, re.MULTILINE)


def test_commands_stand_in_the_order_of_an_incidents_day(postmortem: Postmortem) -> None:
    names = _names(postmortem("--help").out)
    day = ["start", "log", "status", "impact", "severity", "edit", "section", "announce"]
    day += ["close", "reopen"]
    assert names[: len(day)] == day
    assert names[len(day) : len(day) + 3] == ["notify", "resume", "bounces"]
    assert names.index("show") < names.index("export") < names.index("publish")
    assert len(names) == len(set(names))


@pytest.mark.parametrize("arguments", [[], ["auth"], ["template"], ["ledger"]])
def test_no_sentence_of_a_list_of_commands_is_cut_short(
    postmortem: Postmortem, arguments: list[str]
) -> None:
    page = postmortem(*arguments, "--help").out
    assert "..." not in page[page.index("Options:") :].replace("[ARGS]...", "")
