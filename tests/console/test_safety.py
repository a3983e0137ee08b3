"""Attacks: another page, another name, another account, markup in texts."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests.command_line import Postmortem
from tests.console.visitor import Visitor
from tests.google_world import GoogleWorld
from workflow.console import app
from workflow.console.app import ConsoleServer

ELSEWHERE = "https://evil.example"
SLY = "<script>document.title='hacked'</script>\"'><img src=x onerror=alert(1)>{{ 7*7 }}"
PAGES = ("", "incidents", "told", "reports", "rehearsals/", "setup/", "setup/doctor")


def test_nothing_is_shown_to_whoever_has_no_key(server: ConsoleServer) -> None:
    for path in (*PAGES, "incident/x/", "notice/x/", "incident/x/record.zip"):
        answer = requests.get(server.address + path, timeout=10)
        assert urlsplit(answer.url).path == "/sign-in", path
        assert "Key" in answer.text


def test_a_wrong_key_opens_nothing(server: ConsoleServer) -> None:
    answer = requests.post(
        f"{server.address}enter", data={"key": "x" * 43}, headers={"Origin": "null"}, timeout=10
    )
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


def test_the_key_lies_in_a_file_of_this_person_alone_and_goes_with_the_console(
    server: ConsoleServer,
) -> None:
    assert server.way_in.stat().st_mode & 0o777 == 0o600
    assert server.way_in.parent.stat().st_mode & 0o777 == 0o700


def test_no_address_and_no_page_but_the_private_file_holds_the_key(
    visitor: Visitor, postmortem: Postmortem
) -> None:
    postmortem("start", "Wrong amounts")
    cookie = visitor.session.cookies.get(app.COOKIE) or ""
    assert len(cookie) > 40
    for path in PAGES:
        page = visitor.open(path)
        for secret in (visitor.key, cookie):
            assert secret not in page.html
            assert secret not in page.address
        assert not re.search(r"(?:href|src|action)=[\"'][^\"']*csrf", page.html)


def test_the_cookie_is_for_this_site_alone_and_no_script_reads_it(server: ConsoleServer) -> None:
    key = Visitor(server).key
    answer = requests.post(
        f"{server.address}enter", data={"key": key}, headers={"Origin": "null"}, timeout=10
    )
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Max-Age" not in cookie  # it ends with the browser session, and is useless after the run
    assert "Domain" not in cookie


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example"])
def test_a_name_that_was_pointed_at_this_machine_gets_nothing(visitor: Visitor, host: str) -> None:
    """DNS rebinding: the browser believes that the page is the attacker's own."""
    port = urlsplit(visitor.address).port
    for named in (host, f"{host.partition(':')[0]}:{port}", "127.0.0.1:1"):
        answer = visitor.session.get(visitor.address, headers={"Host": named}, timeout=10)
        assert answer.status_code == 403
        assert "postmortem" not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": ELSEWHERE},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://localhost"},
    ],
    ids=["none", "null", "elsewhere", "another port", "another name"],
)
def test_a_form_of_another_page_changes_nothing(
    visitor: Visitor, postmortem: Postmortem, google: GoogleWorld, headers: dict[str, str]
) -> None:
    """CSRF, even by a page that somehow knows the token."""
    token = visitor.open("incidents").form("/start").fields["csrf"]
    for data in ({"title": "Sly"}, {"title": "Sly", "csrf": token}):
        answer = visitor.session.post(
            f"{visitor.address}start", data=data, headers=headers, timeout=10
        )
        assert answer.status_code == 403
    assert postmortem.json("list") == []
    assert google.documents() == []


def test_a_form_without_this_runs_token_changes_nothing(
    visitor: Visitor, postmortem: Postmortem
) -> None:
    for token in ("", "x" * 43):
        answer = visitor.session.post(
            f"{visitor.address}start",
            data={"title": "Sly", "csrf": token},
            headers={"Origin": visitor.origin},
            timeout=10,
        )
        assert answer.status_code == 403
        assert "Nothing was changed" in answer.text
    assert postmortem.json("list") == []


def test_every_form_carries_the_token(visitor: Visitor, postmortem: Postmortem) -> None:
    postmortem("start", "Wrong amounts")
    incident = postmortem.json("show")["incident"]
    more = (f"incident/{incident}/", f"incident/{incident}/notify/", f"incident/{incident}/close")
    for path in (*PAGES, *more, f"incident/{incident}/paste"):
        for form in visitor.open(path).forms:
            assert form.method == "get" or form.fields.get("csrf"), (path, form.action)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_of_another_site_or_port_can_load_nothing(visitor: Visitor, site: str) -> None:
    headers = {"Sec-Fetch-Site": site}
    for path in ("", "incidents", "told?q=ann@example.com"):
        answer = visitor.session.get(visitor.address + path, headers=headers, timeout=10)
        assert answer.status_code == 403


@pytest.mark.parametrize(("user", "inode"), [("54321", ""), ("0", "0")])
def test_another_account_of_this_machine_is_refused(
    visitor: Visitor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: str, inode: str
) -> None:
    """The kernel tells whose connection it is; here it names somebody else.

    A connection that its process has closed is listed as user 0's, without an inode.
    """
    real = app._CONNECTIONS
    if not real.exists():
        pytest.skip("no /proc/net/tcp here")
    lines = real.read_text().splitlines()
    table = tmp_path / "tcp"

    def of_another(_: Path = real) -> str:
        shown = [line.split() for line in real.read_text().splitlines()[1:]]
        # Their port may have another connection, of root's.
        others = [[*row[:2], "0100007F:0001", *row[3:7], "0", *row[8:]] for row in shown]
        theirs = [[*row[:7], user, "0", inode or row[9]] for row in shown]
        return "\n".join([lines[0], *map(" ".join, [*others, *theirs])])

    class Table(type(real)):  # type: ignore[misc]
        def read_text(self, *_: object, **__: object) -> str:
            return of_another()

    table.write_text("")
    monkeypatch.setattr(app, "_CONNECTIONS", Table(table))
    answer = visitor.session.get(visitor.address, timeout=10)
    assert answer.status_code == 403
    assert "another account" in answer.text


def test_pages_run_no_inline_script_and_tell_other_sites_nothing(
    visitor: Visitor, postmortem: Postmortem
) -> None:
    postmortem("start", "Wrong amounts")
    incident = postmortem.json("show")["incident"]
    for path in (*PAGES, f"incident/{incident}/", f"incident/{incident}/close", "sign-in"):
        answer = visitor.session.get(visitor.address + path, timeout=30)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        # A link out of the page tells no other site where it was (token theft by Referer).
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert not re.search(r"<script(?![^>]*\bsrc=)", answer.text)
        assert not re.search(r"<style|\sstyle=|\son\w+=", answer.text)
        for link in re.findall(r"<a [^>]*href=\"http[^>]*>", answer.text):
            assert 'rel="noreferrer"' in link


def test_markup_in_any_field_is_shown_as_text(visitor: Visitor, postmortem: Postmortem) -> None:
    """XSS: text typed into each form, or in a list, is shown as text."""
    page = visitor.submit(
        visitor.open("incidents"), "/start", title=SLY, impact=SLY, severity=SLY[:60]
    )
    incident = postmortem.json("show")["incident"]
    page = visitor.submit(page, "/log", text=SLY, by=SLY)
    page = visitor.submit(page, "/status", state="identified", note=SLY)
    page = visitor.submit(page, "/section", name="root-cause", text=SLY)
    page = visitor.submit(page, "/edit", title=f"{SLY}!", owner=SLY, links=SLY)
    page = visitor.submit(page, "/log", text="x", link="javascript:alert(1)", expect=422)
    page = visitor.submit(page, "/share", who=SLY, expect=422)
    page = visitor.submit(page, "/attach", files={"file": (f"{SLY}.txt", b"x")}, caption=SLY)
    rows = f'email,name\nann@customer.example,"{SLY.replace(chr(34), chr(34) * 2)}"\n{SLY},x\n'
    listing = visitor.open(f"incident/{incident}/notify/")
    write = visitor.submit(listing, "/notify/", files={"list": (f"{SLY}.csv", rows.encode())})
    checked = visitor.submit(write, "/check", subject=SLY, stage=SLY, expect=422)
    visitor.submit(write, "/check", subject=SLY)
    shown = [
        visitor.open(path).html
        for path in ("incidents", "reports", f"incident/{incident}/", f"incident/{incident}/close")
    ]
    mails = visitor.open(f"{urlsplit(write.address).path}mails/recipients").html
    for html in (page.html, listing.html, write.html, checked.html, mails, *shown):
        assert "<script>document" not in html
        assert "<img src=x" not in html
        assert "javascript:alert" not in re.sub(r"value=\"[^\"]*\"", "", html)
    assert "document.title=&#39;hacked&#39;" in shown[0]
    told = visitor.session.get(visitor.address + "told", params={"q": SLY}, timeout=20)
    assert "<script>document" not in told.text
    assert "{{ 7*7 }}" in shown[0]
