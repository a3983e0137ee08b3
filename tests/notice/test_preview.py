"""`notify --preview`: one person can look at every mail, and nothing is sent."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from unittest import mock

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.command_line import CustomerList, Postmortem, running
from tests.google_world import GoogleWorld
from workflow.cli.app import Asked
from workflow.cli.session import open_workspace
from workflow.ledger.plans import PlannedMail
from workflow.notice.outcome import labels_and_texts
from workflow.notice.plan import NotifyRequest, make_plan
from workflow.notice.preview.pages import Width, create_app, height_px
from workflow.notice.preview.source import MailShelf, PlanPreview

TOKEN = "a-token-for-tests"
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/[\w-]{40,}/")
LIST = """email,name
zoe@harbor.example,Zoë Brandt
not an address,Bad Row
ali@shop.example,علي حسن
jo@xn--bcher-kva.example,"<b>Jo</b> {{ 7*7 }}"
zoe@harbor.example,Zoë again
"""


@pytest.fixture
def preview(postmortem: Postmortem) -> Iterator[Callable[..., PlanPreview]]:
    """The preview of a notice to a list, given as text."""
    postmortem("start", "Wrong amounts")
    environment = {"POSTMORTEM_HOME": str(postmortem.home), **postmortem.environment}

    def make(
        listed: str = LIST, *, said: str = "Amounts were wrong", read_per_question: int = 5_000
    ) -> PlanPreview:
        workspace = open_workspace(Asked())
        request = NotifyRequest(
            "list.csv",
            listed.encode(),
            variables={"what_happened": said},
            reply_to="us@team.example",
        )
        plan = make_plan(workspace, request)
        lines = list(labels_and_texts(workspace, plan))
        return PlanPreview(workspace, plan, lines, read_per_question=read_per_question)

    with mock.patch.dict(os.environ, environment):
        yield make


def page(source: PlanPreview, path: str = "") -> str:
    return browser_of(source).get(f"/{TOKEN}/{path}").get_data(as_text=True)


def browser_of(source: PlanPreview) -> FlaskClient:
    return create_app(source, TOKEN).test_client()


def numbered(count: int) -> str:
    rows = (f"person{at}@customer.example,Person {at}\n" for at in range(1, count + 1))
    return "email,name\n" + "".join(rows)


# The pages


def test_it_opens_with_the_sheet_and_the_first_mail(preview: Callable[..., PlanPreview]) -> None:
    shown = page(preview())
    assert "Investigating notice to 3 customers" in shown
    assert '<details class="sheet" open>' in shown
    assert "list.csv: 3 people" in shown
    assert "<b>1</b> of 3" in shown
    assert "Zoë Brandt" in shown
    assert "us@team.example" in shown


def test_each_mail_leads_to_the_one_before_and_the_one_after(
    preview: Callable[..., PlanPreview],
) -> None:
    source = preview()
    steps = [source.mail(row) for row in (2, 4, 5)]
    assert [(each.previous_row, each.next_row) for each in steps] == [(None, 4), (2, 5), (4, None)]
    assert [each.position for each in steps] == [1, 2, 3]
    middle = page(source, "mail/4")
    assert f'href="/{TOKEN}/mail/2"' in middle
    assert f'href="/{TOKEN}/mail/5"' in middle


def test_the_mail_is_the_one_that_would_be_sent(
    preview: Callable[..., PlanPreview], postmortem: Postmortem, google: GoogleWorld, tmp_path: Path
) -> None:
    mail = preview("email,name\nzoe@harbor.example,Zoë\n").mail(2)
    path = tmp_path / "list.csv"
    path.write_text("email,name\nzoe@harbor.example,Zoë\n", encoding="utf-8")
    said = ["--set", "what_happened=Amounts were wrong"]
    postmortem("notify", str(path), *said, "--send", "--confirm", "1")
    [sent] = google.sent()
    assert sent["Subject"] == mail.subject
    for kind, shown in (("plain", mail.text), ("html", mail.html)):
        part = sent.get_body((kind,))
        assert part is not None
        assert part.get_content().split() == shown.split()


def test_a_finding_stands_under_the_line_that_it_is_about(
    preview: Callable[..., PlanPreview],
) -> None:
    source = preview(said="It began at 3 PM & will be fixed by tomorrow")
    mail = source.mail(2)
    [timeless] = [each for each in mail.remarks if "no time zone" in each.message]
    assert "3 PM" in mail.text.splitlines()[timeless.line - 1]
    shown = page(source, "mail/2")
    marked = shown.index(f'id="line-{timeless.line}"')
    assert marked < shown.index("<code>3 PM</code> has no time zone", marked)
    assert "3 PM</code> has no time zone" in shown[: shown.index('id="content"')]


def test_a_row_that_can_not_be_written_to_is_named_in_the_sheet_and_has_no_mail(
    preview: Callable[..., PlanPreview],
) -> None:
    source = preview()
    assert "row 3, email" in page(source)
    missing = browser_of(source).get(f"/{TOKEN}/mail/3")
    assert missing.status_code == 404
    assert "This row of the list gets no mail" in missing.get_data(as_text=True)
    assert browser_of(source).get(f"/{TOKEN}/mail/{10**12}").status_code == 404


def test_a_list_of_nobody_is_said_to_be_one(preview: Callable[..., PlanPreview]) -> None:
    assert "the list has no recipients" in page(preview("email\n"))


def test_names_are_shown_as_text(preview: Callable[..., PlanPreview]) -> None:
    source = preview()
    for path in ("mail/5", "recipients", "recipients?q=%3Cb%3Ejo"):
        shown = page(source, path)
        assert "&lt;b&gt;Jo&lt;/b&gt; {{ 7*7 }}" in shown
        assert "<b>Jo" not in shown


# Searching


ROWS_BY_QUERY = {
    "zoë": [2],
    "ZOE@harbor": [2],
    "brandt zoe@": [2],
    "علي": [4],
    "bücher.example": [5],
    "xn--bcher": [5],
    "example": [2, 4, 5],
    "nobody": [],
    "%": [],
}


def test_a_search_finds_by_address_and_by_name(preview: Callable[..., PlanPreview]) -> None:
    source = preview()
    for query, rows in ROWS_BY_QUERY.items():
        found = source.recipients(query, after_row=0, limit=50)
        assert [each.row for each in found.recipients] == rows, query
        assert found.is_whole
        assert not found.has_more


def test_a_search_ends_after_fifty_and_goes_on_from_there(
    preview: Callable[..., PlanPreview],
) -> None:
    source = preview(numbered(120))
    first = page(source, "recipients?q=person")
    assert first.count('class="name"') == 50
    [onward] = re.findall(r'id="next"[^>]*href="([^"]*)"', first)
    second = browser_of(source).get(onward.replace("&amp;", "&")).get_data(as_text=True)
    assert "person51@customer.example" in second
    assert "person50@customer.example" not in second


def test_a_long_list_is_read_only_as_far_as_somebody_looks(
    preview: Callable[..., PlanPreview],
) -> None:
    source = preview(numbered(1_600), read_per_question=500)
    source.mail(2)
    assert source.read == 500
    looking = page(source, "recipients?q=person1550@")
    assert "Looking through the list: 1,000 of 1,600" in looking
    assert 'http-equiv="refresh"' in looking
    for _ in range(2):
        looking = page(source, "recipients?q=person1550@")
    assert "Person 1550" in looking
    assert 'http-equiv="refresh"' not in looking


def test_a_row_far_down_a_long_list_comes_after_a_while(
    preview: Callable[..., PlanPreview],
) -> None:
    source = preview(numbered(1_200), read_per_question=500)
    assert "Reading the list: 500 of 1,200" in page(source, "mail/1101")
    for _ in range(2):
        shown = page(source, "mail/1101")
    assert "person1100@customer.example" in shown


NAMES = st.text(max_size=30)


@settings(max_examples=60, deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=8), st.data())
def test_any_mail_comes_off_the_shelf_as_it_was_put_there(
    names: Sequence[str], data: st.DataObject
) -> None:
    mails = [
        PlannedMail(at * 2, f"p{at}@c.example", f"p{at}", name, f"Re {name}", f"Hello {name} 🧯\n")
        for at, name in enumerate(names, 1)
    ]
    shelf = MailShelf(iter(mails))
    while not shelf.is_whole:
        shelf.read_on(3)
    position = data.draw(st.integers(1, len(mails)))
    assert shelf.at(position) == mails[position - 1]
    assert shelf.position_of(position * 2) == position
    part = names[position - 1][2:9].casefold()
    words = [word for word in part.split() if "\0" not in word]
    found = shelf.find(words, after_row=0, after_position=0, limit=50)
    assert mails[position - 1] in found


# Access


def test_without_the_secret_in_the_address_nothing_is_shown(
    preview: Callable[..., PlanPreview],
) -> None:
    client = browser_of(preview())
    for path in ("/", "/recipients", "/wrong/", "/static/keys.js", f"/{TOKEN}x/", f"//{TOKEN}/"):
        answer = client.get(path)
        assert answer.status_code == 403, path
        assert "Zoë" not in answer.get_data(as_text=True)


def test_another_name_for_this_machine_is_refused(preview: Callable[..., PlanPreview]) -> None:
    client = browser_of(preview())
    assert client.get(f"/{TOKEN}/", headers={"Host": "evil.example:80"}).status_code == 403
    assert client.get(f"/{TOKEN}/", headers={"Host": "127.0.0.1:4711"}).status_code == 200


def test_no_page_may_be_kept_or_load_anything_from_elsewhere(
    preview: Callable[..., PlanPreview],
) -> None:
    client = browser_of(preview())
    for path in ("", "recipients", "mail/2", "mail/2/html", "static/preview.css", "mail/99"):
        answer = client.get(f"/{TOKEN}/{path}")
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'unsafe" not in policy
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "sandbox" in client.get(f"/{TOKEN}/mail/2/html").headers["Content-Security-Policy"]
    assert client.post(f"/{TOKEN}/").status_code == 405


def test_a_phones_frame_is_no_higher_than_its_screen() -> None:
    assert height_px("word " * 2_000, Width.PHONE) == height_px("word " * 9_000, Width.PHONE)
    assert height_px("Hi\n", Width.DESKTOP) < height_px("line\n\n" * 20, Width.DESKTOP)
    assert height_px("漢" * 400, Width.DESKTOP) > height_px("a" * 400, Width.DESKTOP)


# The command


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let Ctrl-C reach processes started here, even if the tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def _read_until_address(process: subprocess.Popen[str], *, on_stderr: bool) -> str:
    stream = process.stderr if on_stderr else process.stdout
    assert stream is not None
    for line in stream:
        if found := ADDRESS.search(line):
            return found[0]
    raise AssertionError(f"no address was printed: {process.communicate()}")


@pytest.mark.usefixtures("interruptible")
def test_the_command_serves_until_ctrl_c_and_sends_nothing(
    postmortem: Postmortem, google: GoogleWorld, customers: Callable[[int], CustomerList]
) -> None:
    postmortem("start", "Wrong amounts")
    with running(postmortem.start_process("notify", str(customers(3)), "--preview")) as process:
        address = _read_until_address(process, on_stderr=False)
        with urllib.request.urlopen(f"{address}mail/3") as answer:
            assert "Person 2" in answer.read().decode()
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(address[: address.index("/", 8)] + "/")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0
    assert google.copies_per_recipient() == {}
    assert postmortem.json("show")["notices"] == []


@pytest.mark.usefixtures("interruptible")
def test_under_json_the_address_is_on_stderr(
    postmortem: Postmortem, customers: Callable[[int], CustomerList]
) -> None:
    postmortem("start", "Wrong amounts")
    listed = str(customers(2))
    with running(postmortem.start_process("notify", listed, "--preview", "--json")) as process:
        _read_until_address(process, on_stderr=True)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert json.loads(out)["mode"] == "preview"
    assert json.loads(out)["recipients"] == 2


@pytest.mark.parametrize("other", [["--send"], ["--test", "me@team.example"]])
def test_a_preview_goes_with_nothing_that_sends(
    postmortem: Postmortem, customers: Callable[[int], CustomerList], other: list[str]
) -> None:
    postmortem("start", "Wrong amounts")
    result = postmortem("notify", str(customers(1)), "--preview", *other, expect=3)
    assert "--preview sends nothing" in result.err
