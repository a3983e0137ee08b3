"""Where the kernel names nobody, a visitor must show the home's secret.

So it is on macOS and Windows. Here the kernel is kept from answering.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from google_rehearsal import visitors
from google_rehearsal.app import create_app
from google_rehearsal.lifecycle import RunningServer, find_running, serve_in_thread
from google_rehearsal.wire import connections
from tests.command_line import Postmortem, words_to_send, write_customers
from tests.google_rehearsal.caller import Google, mail

SEEN = "ann@customer.example"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "home" / "rehearsal" / "google"


@pytest.fixture
def server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningServer]:
    monkeypatch.setattr(connections, "_user_by_netlink", lambda *_: None)
    monkeypatch.setattr(connections, "_TABLE", folder / "no-such-table")
    with serve_in_thread(folder, asks_for_secret=True) as running:
        yield running


def owner(server: RunningServer) -> Google:
    return Google(server, requests.Session())


def token_of(server: RunningServer) -> str:
    return f"rehearsal-{server.secret}"


# What a visitor may ask without the secret, and why it tells nothing of a drill.
OPEN = {
    "switchboard.health": "signs a challenge",
    "pages.static": "styles and icons",
    "pages.published": "what a person shared with everybody, by an id that can't be guessed",
    "oauth.token": "needs a code, a refresh token or a signature",
    "oauth.revoke": "forgets the token that it is given",
    "webhooks.webhook": "takes a message",
    "webhooks.google_chat": "takes a message",
    "visitors.enter": "needs the secret in its address",
}


def test_every_address_is_behind_the_secret(server: RunningServer, folder: Path) -> None:
    app = create_app(folder)
    asked = set()
    for rule in app.url_map.iter_rules():
        address = re.sub(r"<[^>]+>", "x", rule.rule)
        if rule.endpoint in OPEN:
            continue
        for verb in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            for token in ("", "rehearsal", "xoxb-rehearsal", "rehearsal-00", "ya29.x"):
                answer = requests.request(
                    verb,
                    server.base_url + address,
                    headers={"Authorization": f"Bearer {token}"} if token else {},
                    cookies={f"rehearsal-{token}": token},
                    timeout=5,
                )
                refused = answer.status_code in {401, 403} or answer.json() == {
                    "ok": False,
                    "error": "invalid_auth",
                }
                assert refused, f"{verb} {address} with {token!r}: {answer.text[:200]}"
                asked.add(rule.endpoint)
    assert {"pages.mailbox", "google", "webhooks.history", "oauth.ask"} <= asked


def test_a_drills_mails_are_shown_to_nobody_without_the_secret(server: RunningServer) -> None:
    google = owner(server)
    sent = google.send(mail(to=SEEN), token=token_of(server))["id"]
    for address in ("/mail", f"/mail/{sent}", f"/mail/{sent}/html", "/"):
        answer = requests.get(server.base_url + address, timeout=5)
        assert answer.status_code == 403
        assert SEEN not in answer.text
        assert "postmortem rehearse serve" in answer.text
    for made_up in ("rehearsal", "rehearsal:you@rehearsal.example:gmail.modify", "rehearsal-0a"):
        said = google.refusal("GET", f"/gmail/v1/users/me/messages/{sent}", token=made_up)
        assert said["code"] == 401


def test_a_browser_is_let_in_once_and_for_all(server: RunningServer, folder: Path) -> None:
    browser = requests.Session()
    assert browser.get(f"{server.base_url}/open/{'0' * 32}", timeout=5).status_code == 403
    assert browser.get(f"{server.base_url}/mail", timeout=5).status_code == 403
    assert server.secret in server.first_page
    entered = browser.get(server.first_page, timeout=5)
    assert entered.status_code == 200
    assert server.secret not in entered.url
    cookie = entered.history[0].headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert browser.get(f"{server.base_url}/mail", timeout=5).status_code == 200
    assert requests.get(f"{server.base_url}/mail", timeout=5).status_code == 403
    assert (folder / visitors.SECRET_FILE).stat().st_mode & 0o777 == 0o600


def test_each_home_has_a_secret_that_lasts(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    secret = visitors.ensure_secret(first)
    assert re.fullmatch("[0-9a-f]{32}", secret)
    assert visitors.ensure_secret(first) == secret
    assert visitors.ensure_secret(second) != secret


def test_where_the_kernel_names_the_user_nothing_more_is_asked(folder: Path) -> None:
    with serve_in_thread(folder, asks_for_secret=True) as server:
        assert server.first_page == f"{server.base_url}/"
        assert requests.get(f"{server.base_url}/mail", timeout=5).status_code == 200
        assert owner(server).call("GET", "/drive/v3/files").status_code == 200
        # A secret that is shown must be the right one, here too.
        assert owner(server).call("GET", "/drive/v3/files", token="rehearsal-0a").status_code == 401


def test_a_drill_works_where_the_kernel_names_nobody(
    server: RunningServer, folder: Path, tmp_path: Path
) -> None:
    person = Postmortem(folder.parent.parent, {"POSTMORTEM_PROFILE": "rehearsal"})
    started = person.json("start", "Reports lost")
    assert find_running(folder) == server
    person("log", "Cause found")
    listed = write_customers(tmp_path / "customers.csv", 3)
    person(*words_to_send(listed))
    person("status", "resolved")
    person("close", "--force", "--yes")
    google = owner(server)
    said = google.json("GET", "/gmail/v1/users/me/messages", token=_reader(server))
    assert said["resultSizeEstimate"] == 3
    doc = google.json("GET", f"/v1/documents/{started['doc_id']}", token=_reader(server))
    assert "Cause found" in str(doc)


def test_the_drills_chat_is_read_with_the_secret(server: RunningServer, folder: Path) -> None:
    person = Postmortem(folder.parent.parent, {"POSTMORTEM_PROFILE": "rehearsal"})
    person("start", "Reports lost")
    ts = f"{time.time():.6f}"
    message = {"channel": "CINCIDENTS", "name": "Ann", "text": "Seen", "ts": ts}
    link = owner(server).admin("POST", "chat", json=message)["permalink"]
    asked = f"{server.base_url}/api/conversations.history?channel=CINCIDENTS"
    for token in ("xoxb-rehearsal", "xoxb-rehearsal-0a"):
        answer = requests.get(asked, headers={"Authorization": f"Bearer {token}"}, timeout=5)
        assert answer.json() == {"ok": False, "error": "invalid_auth"}
    assert "Seen" in person("log", "--slack", link, "--yes").out


def test_the_relay_takes_mail_and_shows_none(server: RunningServer) -> None:
    with socket.create_connection(("127.0.0.1", server.smtp_port), timeout=5) as relay:
        assert relay.recv(100).startswith(b"220")


def _reader(server: RunningServer) -> str:
    return f"{token_of(server)}:you@rehearsal.example:gmail.modify,drive,documents"
