"""The run that makes docs/performance.md: its marks, tables, pictures and set-ups."""

from __future__ import annotations

import smtplib
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from bench import performance
from bench.blocks import BadMarks, as_markdown, block, block_names, with_block
from bench.curves import Chart, Line
from bench.measuring import Table
from bench.peers import behaviour
from bench.peers.behaviour import Trouble
from bench.peers.installing import NotInstalled, installed
from bench.peers.smtp_sink import SmtpSink, smtp_sink
from bench.peers.tools import Leaves, Peer

_PAGE = "above\n\n<!-- run one -->\nold\n<!-- end one -->\n\nbelow\n"


def test_the_document_has_a_block_for_the_machine_the_time_and_each_step() -> None:
    names = block_names(performance.DOCUMENT.read_text(encoding="utf-8"))
    assert set(names) >= {"machine", "time", *performance.STEPS}


def test_a_block_is_replaced_and_the_words_around_it_stay() -> None:
    assert with_block(_PAGE, "one", "new\n") == _PAGE.replace("old", "new")
    assert block(_PAGE, "one") == "old"


@pytest.mark.parametrize(
    "page",
    [
        "<!-- run one -->\n",
        "<!-- end one -->\n",
        "<!-- run one -->\n<!-- run two -->\n<!-- end two -->\n<!-- end one -->\n",
        _PAGE + _PAGE,
    ],
)
def test_marks_that_do_not_pair_up_are_named(page: str) -> None:
    with pytest.raises(BadMarks, match=r"the block (one|two)"):
        block_names(page)


def test_a_block_that_is_not_there_is_not_made_up() -> None:
    with pytest.raises(BadMarks, match="no block two"):
        with_block(_PAGE, "two", "new")


def test_a_table_keeps_its_shape_whatever_its_cells_say() -> None:
    row = ("a", "12 s", "x | y\nz")
    table = Table("A <title>", ("tool", "took", "it said"), [row], kept=True, note="so")
    lines = as_markdown(table).splitlines()
    assert lines[0] == r"**A \<title>**"
    assert lines[2:5] == [
        "| tool | took | it said |",
        "| --- | ---: | --- |",
        r"| a | 12 s | x \| y z |",
    ]


def test_a_chart_is_well_formed_and_has_a_mark_for_each_point() -> None:
    lines = [Line("send & go", [(1_000, 8.1), (10_000, 8.4)]), Line("preview", [(10_000, 0.1)])]
    picture = ET.fromstring(str(Chart("Time <each>", "recipients", "ms", lines)))
    named = "{http://www.w3.org/2000/svg}"
    marks = picture.findall(f"{named}circle")
    words = [text.text for text in picture.iter(f"{named}text")]
    assert len(marks) == 3
    assert all(0 < float(mark.attrib["cy"]) < 400 for mark in marks)
    assert {"send & go", "preview", "Time <each>", "1,000", "10,000"} <= set(words)


def test_a_quick_run_writes_its_block_and_leaves_the_others(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(performance.DOCUMENT.read_text(encoding="utf-8"), encoding="utf-8")
    before = page.read_text(encoding="utf-8")
    assert performance.make(page, ["simulation"], performance.QUICK) == 0
    text = page.read_text(encoding="utf-8")
    for name in ("behaviour", "machine", "time"):
        assert block(text, name) == block(before, name)
    assert "400 customers from 2 mailboxes" in block(text, "simulation")
    assert str(Path.cwd()) not in text


def test_a_release_that_is_not_here_is_not_fetched_unasked() -> None:
    with pytest.raises(NotInstalled, match=r"no-such-tool 0\.0\.1 is not installed yet"):
        installed("no-such-tool", "0.0.1", fetch=False)


def test_the_sink_counts_refuses_and_hangs_up_when_it_is_to() -> None:
    with smtp_sink(0.0) as sink:
        sink.break_after(1, refuse=1, drop_after=1)
        _mail(sink, "one@customer.example")
        with pytest.raises(smtplib.SMTPDataError):
            _mail(sink, "two@customer.example")
        with pytest.raises(smtplib.SMTPServerDisconnected):
            _mail(sink, "three@customer.example")
        assert dict(sink.copies) == {"one@customer.example": 1, "three@customer.example": 1}


def _mail(sink: SmtpSink, to: str) -> None:
    with smtplib.SMTP("127.0.0.1", sink.port, timeout=5) as server:
        server.sendmail("you@customer.example", [to], "Subject: Hello\r\n\r\nHello")


@pytest.mark.parametrize(
    ("said", "number"),
    [("", 1), (">>> message 4 sent\n>>> message 5\n", 5), ('Hint: "--resume 8"', 8)],
)
def test_mailmerge_is_gone_on_with_where_it_says(said: str, number: int) -> None:
    peer = Peer("mailmerge", Leaves.SMTP, ("mailmerge", "{list}"), {}, resumes_at=True)
    words = peer.again(Path("list.csv"), 10, said)
    assert words == ["mailmerge", "list.csv", "--resume", str(number)]


def test_a_plain_loop_mails_somebody_twice_when_an_answer_is_lost(tmp_path: Path) -> None:
    size = behaviour.Size(recipients=4, runs=1, fetch=False, only=frozenset({"plain loop"}))
    (tried,) = behaviour.try_all(tmp_path, size)
    lost = tried.outcomes[Trouble.LOST]
    assert (lost.customers, lost.duplicates, lost.lost) == (4, 1, 0)
    assert tried.outcomes[Trouble.REFUSED].lost == 0
