"""Typed and pasted Markdown: lists, boxes, tables, code and links in the doc."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.command_line import Postmortem
from tests.google_world import GoogleWorld
from tests.ledger_rows import run_sql
from tests.terminal import at_a_terminal
from workflow.document.blocks import Block, BlockKind, Span
from workflow.document.exports import read_tabs

NESTED = """Plan:
- stop the import
  - lock the table
    - only EU
  - tell Bob
- load October
1. first
2. second
"""
TABLE = "Affected shards:\n\n| shard | rows |\n|---|---:|\n| eu-1 | 1 204 |\n| eu-2 | 88 |\n"
SAID = (
    "Ran `make deploy` on **eu-1**, see [plan](https://wiki.example/Plan_(2026)) "
    "and https://x.example/log_(1)."
)


@pytest.fixture
def doc_id(postmortem: Postmortem) -> str:
    return str(postmortem.json("start", "Prices 🧯", "--impact", "x")["doc_id"])


def blocks_under(google: GoogleWorld, doc_id: str, heading: str) -> list[Block]:
    (tab,) = read_tabs(google.document(doc_id))
    texts = [block.text for block in tab.blocks]
    found = tab.blocks[texts.index(heading) + 1 :]
    end = next((at for at, one in enumerate(found) if one.kind is BlockKind.HEADING_1), len(found))
    return list(found[:end])


def shapes(blocks: list[Block]) -> list[tuple[str, str, int]]:
    return [(one.kind.value, one.text, one.level) for one in blocks]


LISTED = [
    ("bullet", "stop the import", 0),
    ("bullet", "lock the table", 1),
    ("bullet", "only EU", 2),
    ("bullet", "tell Bob", 1),
    ("bullet", "load October", 0),
    ("number", "first", 0),
    ("number", "second", 0),
]


def test_a_nested_list_is_one_in_a_section(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    postmortem("section", "solution", "-", typed=NESTED)
    found = blocks_under(google, doc_id, "Solution")
    assert shapes(found) == [("normal", "Plan:", 0), *LISTED]


def test_a_nested_list_is_one_in_an_entry_and_the_next_entry_is_none(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    postmortem("log", "-", "--by", "Ann", typed=NESTED)
    postmortem("log", "Done")
    lines = shapes(blocks_under(google, doc_id, "Timeline"))
    first = next(at for at, (_, text, _) in enumerate(lines) if text.endswith("Plan: — Ann"))
    assert lines[first + 1 : first + 1 + len(LISTED)] == LISTED
    assert lines[-1][0] == "normal"
    assert lines[-1][1].endswith("Done")


def test_a_table_is_a_table_in_both(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    postmortem("section", "supporting-data", "-", typed=TABLE)
    postmortem("log", "-", typed=TABLE)
    for heading in ("Supporting data", "Timeline"):
        (table,) = (one for one in blocks_under(google, doc_id, heading) if one.rows)
        assert [["".join(s.text for s in cell) for cell in row] for row in table.rows] == [
            ["shard", "rows"],
            ["eu-1", "1 204"],
            ["eu-2", "88"],
        ]


@pytest.mark.parametrize(
    "above", ["```\nprice list: stale\n```", "# Prices", "- one\n  - two", "> said"]
)
def test_below_a_table_nothing_looks_like_what_is_above_it(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, above: str
) -> None:
    typed = f"{above}\n\n| Customer | Charged |\n|---|---|\n| Ann | 12 |\n\nAll of them."
    postmortem("section", "root-cause", typed)
    content = google.document(doc_id)["tabs"][0]["documentTab"]["body"]["content"]
    at = next(number for number, each in enumerate(content) if "table" in each)
    below = content[at + 1]["paragraph"]
    assert below["elements"][0]["textRun"]["content"] == "\n"
    assert "bullet" not in below
    style = below["paragraphStyle"]
    assert style["namedStyleType"] == "NORMAL_TEXT"
    assert "backgroundColor" not in style.get("shading", {})


def test_a_box_stays_a_box_where_the_templates_own_hint_was(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    postmortem("section", "next", "- [ ] Name the list — Ann — 2026-12-10")
    postmortem("section", "next", "- [x] Tell Bob — Sam — 2026-12-01")
    found = blocks_under(google, doc_id, "What we will do next time")
    assert [(one.kind, one.text, one.checked) for one in found] == [
        (BlockKind.CHECK, "Name the list — Ann — 2026-12-10", False),
        (BlockKind.CHECK, "Tell Bob — Sam — 2026-12-01", True),
    ]
    boxes = postmortem("close", "--check", expect=None)
    assert "Name the list" not in boxes.out + boxes.err  # it has an owner and a day


def test_owner_and_day_of_a_box_are_chips_where_chips_are_on(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    config = (postmortem.home / "config.toml").read_text(encoding="utf-8")
    postmortem.configure(f"native_chips = true\n{config}")
    doc_id = postmortem.json("start", "T", "--impact", "x")["doc_id"]
    postmortem("section", "next", "- [ ] Name the 2026-12-01 list — ann@team.example — 2026-12-10")
    (item,) = (
        element["paragraph"]["elements"]
        for element in google.document(doc_id)["tabs"][0]["documentTab"]["body"]["content"]
        if "Name the" in str(element)
    )
    assert [next(key for key in each if not key.endswith("Index")) for each in item] == [
        "textRun",
        "person",
        "textRun",
        "dateElement",
        "textRun",
    ]
    assert item[1]["person"]["personProperties"]["email"] == "ann@team.example"
    assert item[3]["dateElement"]["dateElementProperties"]["displayText"] == "2026-12-10"
    gaps = postmortem("close", "--check", expect=None)
    assert "Name the" not in gaps.out + gaps.err


def test_words_have_their_looks_and_links(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    postmortem("log", SAID)
    postmortem("section", "solution", SAID)
    wanted = {
        Span("make deploy", code=True),
        Span("eu-1", bold=True),
        Span("plan", link="https://wiki.example/Plan_(2026)"),
        Span("https://x.example/log_(1)", link="https://x.example/log_(1)"),
    }
    for heading in ("Timeline", "Solution"):
        spans = {span for one in blocks_under(google, doc_id, heading) for span in one.spans}
        assert wanted <= spans


def test_code_is_in_a_fixed_width_and_what_follows_is_not(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    postmortem("log", "Ran:\n```sql\nSELECT *\n  FROM prices\n```")
    postmortem("log", "It worked")
    lines = blocks_under(google, doc_id, "Timeline")
    assert [one.text for one in lines if one.kind is BlockKind.CODE] == ["SELECT *\v  FROM prices"]
    assert not any(span.code for span in lines[-1].spans)


def test_plain_keeps_every_character(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    postmortem("log", "- **a** `b`", "--plain")
    postmortem("section", "solution", "- [ ] [a](https://x.example)", "--plain")
    assert "  - **a** `b`\n" in google.text(doc_id)
    assert "\n- [ ] [a](https://x.example)\n" in google.text(doc_id)
    assert blocks_under(google, doc_id, "Solution")[0].kind is BlockKind.NORMAL


def test_a_corrected_entry_is_written_as_a_whole(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    entry = postmortem.json("log", "Plan:\n- rows\n- yards")["entry"]
    postmortem("log", "Next")
    postmortem("log", "--edit", entry, "New plan: **tables**\n\n| t |\n|---|\n| u |")
    lines = blocks_under(google, doc_id, "Timeline")
    texts = [one.text for one in lines]
    assert not {"rows", "yards"} & set(texts)
    assert any(text.endswith("New plan: tables") for text in texts)
    assert [one.rows for one in lines if one.rows] == [
        (((Span("t", bold=True),),), ((Span("u"),),))
    ]
    assert texts[-1].endswith("Next")
    postmortem("log", "--edit", entry, "- [not a list](x)", "--plain")
    postmortem("log", "--strike", entry)
    line = next(one for one in blocks_under(google, doc_id, "Timeline") if "not a list" in one.text)
    assert line.text.endswith("  - [not a list](x)")
    assert all(span.strike for span in line.spans)
    assert not any(one.rows for one in blocks_under(google, doc_id, "Timeline"))


def test_nothing_is_written_twice_after_a_lost_answer(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    google.misbehave("close_after", "docs.documents.batchUpdate", times=1)
    postmortem("section", "solution", "-", typed=NESTED, expect=None)
    google.misbehave("close_after", "docs.documents.batchUpdate", times=1)
    postmortem("log", "-", typed=TABLE, expect=None)
    google.behave()
    postmortem("sync")
    assert shapes(blocks_under(google, doc_id, "Solution"))[1:] == LISTED
    assert sum(bool(one.rows) for one in blocks_under(google, doc_id, "Timeline")) == 1


def test_the_export_shows_the_same(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, tmp_path: Path
) -> None:
    postmortem("section", "solution", "-", typed=f"{NESTED}\n{TABLE}\n- [ ] box\n\n{SAID}")
    postmortem("export", str(tmp_path / "record"))
    written = (tmp_path / "record" / "postmortem.md").read_text(encoding="utf-8")
    for part in (
        "- stop the import\n  - lock the table\n    - only EU\n",
        "1. first\n2. second\n",
        "| eu-1 | 1 204 |",
        "- [ ] box",
        "`make deploy` on **eu-1**",
        "[plan](<https://wiki.example/Plan_(2026)>)",
    ):
        assert part in written


def test_customers_read_the_same_in_the_published_version(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, tmp_path: Path
) -> None:
    postmortem("section", "summary", "Totals were wrong:\n- for **some**\n- in October")
    postmortem("section", "solution", "1. We stopped it\n2. We sent right ones")
    entry = postmortem.json("log", "Sent `all` again:\n- EU\n- US")["entry"]
    shown = postmortem("publish", "--with-entry", entry, expect=None)
    said = shown.out + shown.err
    for part in ("- for **some**", "1. We stopped it", "`all` again", "  - EU"):
        assert part in said


def test_a_long_paste_is_offered_as_a_file(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    text = "Stack trace\n" + "\n".join(f"at line {number}" for number in range(60))
    result = at_a_terminal(postmortem, "log", text, typed="yes")
    assert "61 lines" in result.out
    assert "Stack trace (61 lines, attached as pasted-" in google.text(doc_id)
    assert "at line 7" not in google.text(doc_id)
    at_a_terminal(postmortem, "section", "solution", text, typed="no")
    assert "at line 7" in google.text(doc_id)
    assert result.code == 0


def test_a_long_text_of_a_script_is_taken_as_typed(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    text = "Stack trace\n" + "\n".join(f"at line {number}" for number in range(60))
    postmortem("log", text)
    assert "at line 59" in google.text(doc_id)


@pytest.mark.usefixtures("little_patience")
def test_what_an_older_version_recorded_stays_to_the_letter(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    google.misbehave("close_before", "docs.*")
    recorded: Any = postmortem.json("log", "- **old**", expect=5)
    as_then = f"""'{{"entry": "{recorded["entry"]}"}}'"""
    which = f"kind = 'entry' AND id LIKE '%{recorded['entry']}'"
    run_sql(postmortem, f"UPDATE changes SET payload = {as_then} WHERE {which}")
    google.behave()
    postmortem("sync")
    assert "  - **old**\n" in google.text(doc_id)
