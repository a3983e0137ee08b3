"""Signing in, staying signed in, and signing out."""

from __future__ import annotations

import json
import socket
import ssl
import stat
import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
import requests

from tests.certificates import certify
from tests.google.misbehaving_server import (
    MisbehavingServer,
    Received,
    answers,
    closes,
    http_answer,
    running,
)
from workflow.google import (
    DEFAULT_SCOPES,
    Account,
    Endpoint,
    LoggedOut,
    SignInNeeded,
    Unreachable,
    connect,
    google_session,
    logout,
    open_session,
    sign_in_status,
)
from workflow.google.endpoint import missing_scopes, read_token, write_token
from workflow.google.login import login
from workflow.google.transport import SavedCredentials, Transport, authorized_session

AUTH = "https://www.googleapis.com/auth/"
READ = AUTH + "gmail.readonly"


def stored(token_uri: str = "http://127.0.0.1:1/token", **more: object) -> dict[str, Any]:
    """A sign-in as stored on disk, with an expired access token."""
    return {
        "token": "ya29.old-access",
        "refresh_token": "1//renewal-token",
        "token_uri": token_uri,
        "client_id": "client",
        "client_secret": "GOCSPX-secret-secret",
        "scopes": list(DEFAULT_SCOPES),
        "account": "lead@example.com",
        "expiry": "2020-01-01T00:00:00Z",
        **more,
    }


def renewed(access: str = "ya29.new-access", **more: object) -> dict[str, object]:
    return {"access_token": access, "expires_in": 3599, "token_type": "Bearer", **more}


ELSEWHERE = [
    "http://127.0.0.1:1/token",
    "http://oauth2.googleapis.com/token",
    "https://oauth2.googleapis.com.evil.example/token",
    "https://evil.example/oauth2.googleapis.com",
    "https://oauth2.googleapis.com:8443/token",
    "https://oauth2.googleapis.com@evil.example/token",
    "https://[oauth2.googleapis.com/token",
]


@pytest.mark.usefixtures("only_googles_own")
@pytest.mark.parametrize("address", ELSEWHERE)
def test_a_sign_in_is_renewed_at_googles_own_address_alone(token_path: Path, address: str) -> None:
    write_token(token_path, stored(address))
    with pytest.raises(SignInNeeded, match="not Google's"):
        google_session(token_path, DEFAULT_SCOPES)
    write_token(token_path, stored("https://oauth2.googleapis.com/token"))
    google_session(token_path, DEFAULT_SCOPES).close()


@pytest.mark.usefixtures("only_googles_own")
@pytest.mark.parametrize("address", ELSEWHERE)
@pytest.mark.parametrize("key", ["auth_uri", "token_uri"])
def test_a_client_file_that_leads_elsewhere_signs_nobody_in(
    tmp_path: Path, key: str, address: str
) -> None:
    with signing_in(tmp_path, GRANTED) as attempt:
        file = json.loads(attempt.client_secrets.read_text())
        file["installed"] |= {"token_uri": "https://oauth2.googleapis.com/token"}
        file["installed"] |= {key: address}
        attempt.client_secrets.write_text(json.dumps(file))
        browser = Browser(agrees)
        with pytest.raises(SignInNeeded, match=f"its {key} leads to"):
            attempt.run(browser)
    assert browser.links == []


def test_a_sign_in_is_shown_to_nobody_who_does_not_prove_to_be_google(
    tmp_path: Path, token_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # requests puts the bundle of the environment in place of a session that trusts everybody.
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    certify("localhost", tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    read: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                    with connection, context.wrap_socket(connection, server_side=True) as inside:
                        read.append(inside.recv(4096))
                except ssl.SSLError:
                    continue  # the caller refuses it
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        url = f"https://localhost:{listener.getsockname()[1]}"
        for expiry in ("2020-01-01T00:00:00Z", "2120-01-01T00:00:00Z"):  # renewed first, or used
            credentials = SavedCredentials.of(token_path, stored(f"{url}/token", expiry=expiry))
            with authorized_session(credentials) as session:
                transport = Transport(session, origins=frozenset({url}), timeout_seconds=2)
                with pytest.raises(Unreachable):
                    transport.request(f"{url}/anything")
        listener.shutdown(socket.SHUT_RDWR)
    assert read == []


def test_nothing_of_a_sign_in_follows_a_redirect(tmp_path: Path, token_path: Path) -> None:
    with running(answers(200, renewed(refresh_token="1//fresh"))) as elsewhere:
        away = f"HTTP/1.1 307 Moved\r\nLocation: {elsewhere.url}/token\r\nContent-Length: 0\r\n\r\n"
        with signing_in(tmp_path, away.encode()) as attempt:
            with pytest.raises(Unreachable):
                attempt.run(Browser(agrees))
            write_token(token_path, stored(f"{attempt.server.url}/token"))
            session = google_session(token_path, DEFAULT_SCOPES)
            transport = Transport(
                session, origins=frozenset({attempt.server.url}), timeout_seconds=2
            )
            with pytest.raises(Unreachable):
                transport.request(f"{attempt.server.url}/anything")
            transport.close()
            revoke = f"{attempt.server.url}/revoke"
            assert logout(token_path, revoke_url=revoke) is LoggedOut.FORGOTTEN
        assert elsewhere.received == []


@pytest.fixture
def token_path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "token.json"


# --- The file -----------------------------------------------------------------------------------


def test_a_sign_in_is_stored_for_its_owner_alone(token_path: Path) -> None:
    write_token(token_path, stored())
    assert stat.S_IMODE(token_path.stat().st_mode) == 0o600
    assert stat.S_IMODE(token_path.parent.stat().st_mode) == 0o700
    assert read_token(token_path) == stored()
    assert [path.name for path in token_path.parent.iterdir()] == ["token.json"]


def test_a_sign_in_that_cannot_be_stored_leaves_the_one_before(token_path: Path) -> None:
    write_token(token_path, stored())
    with pytest.raises(TypeError):
        write_token(token_path, {"refresh_token": object()})
    assert read_token(token_path) == stored()
    assert [path.name for path in token_path.parent.iterdir()] == ["token.json"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o666])
def test_a_sign_in_that_others_can_read_is_not_used(token_path: Path, mode: int) -> None:
    write_token(token_path, stored())
    token_path.chmod(mode)
    with pytest.raises(SignInNeeded, match="chmod 600"):
        google_session(token_path, DEFAULT_SCOPES)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b"{}",
        json.dumps(stored(refresh_token=None)).encode(),
        json.dumps(stored(expiry="soon")).encode(),
    ],
)
def test_a_damaged_sign_in_says_so_and_how_to_mend_it(token_path: Path, content: bytes) -> None:
    write_token(token_path, {})
    token_path.write_bytes(content)
    with pytest.raises(SignInNeeded, match=r"(damaged|can't be read).*auth login"):
        google_session(token_path, DEFAULT_SCOPES)


def test_with_nobody_signed_in_the_way_in_is_named(token_path: Path) -> None:
    with pytest.raises(SignInNeeded, match=r"Nobody is signed in.*auth login"):
        google_session(token_path, DEFAULT_SCOPES)
    with pytest.raises(SignInNeeded, match="Nobody is signed in"):
        sign_in_status(token_path)


def test_the_status_tells_who_is_signed_in_and_for_what(token_path: Path) -> None:
    write_token(token_path, stored())
    assert sign_in_status(token_path) == ("lead@example.com", DEFAULT_SCOPES)


def test_a_sign_in_that_does_not_cover_what_is_asked_names_what_is_missing(
    token_path: Path,
) -> None:
    write_token(token_path, stored())
    with pytest.raises(SignInNeeded, match=r"does not cover gmail\.readonly\."):
        google_session(token_path, (*DEFAULT_SCOPES, READ))


@pytest.mark.parametrize(
    ("granted", "wanted", "missing"),
    [
        ([AUTH + "drive"], [AUTH + "drive.file", AUTH + "documents"], []),
        ([AUTH + "gmail.compose"], [AUTH + "gmail.send"], []),
        (["https://mail.google.com/"], [AUTH + "gmail.compose", READ], []),
        ([AUTH + "gmail.send"], [AUTH + "gmail.compose"], [AUTH + "gmail.compose"]),
        ([AUTH + "drive.file"], [AUTH + "documents"], [AUTH + "documents"]),
    ],
)
def test_a_wider_scope_covers_a_narrower_one(
    granted: list[str], wanted: list[str], missing: list[str]
) -> None:
    assert missing_scopes(granted, wanted) == missing


def test_a_persons_credential_never_goes_to_another_server(token_path: Path) -> None:
    write_token(token_path, stored())
    with running(answers(200, {"id": "m", "threadId": "t"})) as server:
        endpoint = Endpoint(server.url)
        google = connect(endpoint, lambda: open_session(endpoint, token_path, DEFAULT_SCOPES), 2)
        google.gmail.send_draft("r1")
        assert server.received[0].headers["authorization"] == "Bearer rehearsal"


# --- Renewal ------------------------------------------------------------------------------------


def session_at(server: MisbehavingServer, path: Path) -> requests.Session:
    """The session that `google_session` makes, its token server replaced by a local one."""
    write_token(path, stored(f"{server.url}/token"))
    return google_session(path, DEFAULT_SCOPES)


def test_an_access_token_that_has_run_out_is_renewed_and_saved(token_path: Path) -> None:
    with running(answers(200, renewed())) as server:
        session = session_at(server, token_path)
        session.get(f"{server.url}/anything", timeout=10)
        renewal, call = server.received
    assert parse_qs(renewal.body.decode())["refresh_token"] == ["1//renewal-token"]
    assert call.headers["authorization"] == "Bearer ya29.new-access"
    token = read_token(token_path)
    assert token["token"] == "ya29.new-access"
    assert token["account"] == "lead@example.com"
    assert token["scopes"] == sorted(DEFAULT_SCOPES)
    assert stat.S_IMODE(token_path.stat().st_mode) == 0o600


def test_forty_threads_renew_once(token_path: Path) -> None:
    with running(answers(200, renewed())) as server:
        session = session_at(server, token_path)
        with ThreadPoolExecutor(40) as pool:
            list(pool.map(lambda _: session.get(f"{server.url}/x", timeout=5), range(80)))
        assert server.count("POST") == 1
        assert server.count("GET") == 80


def test_a_call_turned_away_with_401_is_made_again_with_a_new_token(token_path: Path) -> None:
    sent: dict[str, object] = {"id": "m", "threadId": "t"}

    def behave(connection: socket.socket, request: Received) -> None:
        if request.target == "/token":
            connection.sendall(http_answer(200, renewed()))
        elif request.headers["authorization"] == "Bearer ya29.new-access":
            connection.sendall(http_answer(200, sent))
        else:
            connection.sendall(http_answer(401, {"error": {"code": 401, "message": "expired"}}))

    with running(behave) as server:
        write_token(token_path, stored(f"{server.url}/token", expiry="2999-01-01T00:00:00Z"))
        google = connect(
            Endpoint(server.url), lambda: google_session(token_path, DEFAULT_SCOPES), 2
        )
        assert google.gmail.send_draft("r1").message_id == "m"
        sends = [request for request in server.received if request.target != "/token"]
        assert len(sends) == 2


def test_a_sign_in_that_has_lapsed_says_why_and_what_to_do(token_path: Path) -> None:
    lapsed: dict[str, object] = {
        "error": "invalid_grant",
        "error_description": "Token has been expired or revoked.",
    }
    with running(answers(400, lapsed)) as server:
        google = connect(Endpoint(server.url), lambda: session_at(server, token_path), 2)
        with pytest.raises(SignInNeeded, match="7 days") as caught:
            google.gmail.send_draft("r1")
        assert [request.target for request in server.received] == ["/token"]
    assert caught.value.reason == "invalid_grant"
    assert caught.value.method == "gmail.users.drafts.send"
    assert "renewal-token" not in caught.value.detail


def test_a_token_server_out_of_reach_is_not_a_lapsed_sign_in(token_path: Path) -> None:
    write_token(token_path, stored())
    google = connect(Endpoint(), lambda: google_session(token_path, DEFAULT_SCOPES), 2)
    with pytest.raises(Unreachable, match="sign-in server"):
        google.gmail.send_draft("r1")


def test_a_renewal_that_cannot_be_saved_is_used_all_the_same(token_path: Path) -> None:
    with running(answers(200, renewed())) as server:
        token = stored(f"{server.url}/token")
        credentials = SavedCredentials.of(Path("/proc/no/such/token.json"), token)
        answer = authorized_session(credentials).get(server.url, timeout=10)
        assert answer.status_code == 200


def test_a_renewal_does_not_bring_back_a_sign_in_that_was_signed_out(token_path: Path) -> None:
    with running(answers(200, renewed())) as server:
        session = session_at(server, token_path)
        token_path.unlink()
        session.get(server.url, timeout=10)
    assert not token_path.exists()


# --- Signing in ---------------------------------------------------------------------------------


@dataclass
class Browser:
    """A person at a browser, and the addresses visited on the way back from the consent page."""

    visit: Callable[[str, str], list[str]]
    links: list[str] = field(default_factory=list)
    pages: list[requests.Response] = field(default_factory=list)

    def open(self, link: str) -> None:
        self.links.append(link)
        asked = dict(parse_qsl(urlsplit(link).query))
        addresses = self.visit(asked["redirect_uri"], asked["state"])
        threading.Thread(target=self._go, args=(addresses,), daemon=True).start()

    def _go(self, addresses: list[str]) -> None:
        for address in addresses:
            self.pages.append(requests.get(address, timeout=5))


def agrees(redirect: str, state: str) -> list[str]:
    return [f"{redirect}?state={state}&code=4/one-time-code"]


@dataclass
class SigningIn:
    """One attempt: its parts, and the files it left."""

    client_secrets: Path
    token_path: Path
    server: MisbehavingServer
    announced: list[str] = field(default_factory=list)
    identified: list[str] = field(default_factory=list)

    def run(self, browser: Browser, timeout_seconds: float = 5) -> tuple[str, tuple[str, ...]]:
        return login(
            self.client_secrets,
            self.token_path,
            DEFAULT_SCOPES,
            open_browser=browser.open,
            port=0,
            announce=self.announced.append,
            timeout_seconds=timeout_seconds,
            identify=self._identify,
        )

    def _identify(self, session: requests.Session, endpoint: Endpoint) -> Account:
        assert endpoint.root_url is None
        self.identified.append(type(session).__name__)
        return Account("lead@example.com", "Lead")


@contextmanager
def signing_in(tmp_path: Path, answer: bytes) -> Iterator[SigningIn]:
    with running(lambda connection, _: connection.sendall(answer)) as server:
        secrets = tmp_path / "credentials.json"
        client = {
            "client_id": "client",
            "client_secret": "GOCSPX-secret-secret",
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": f"{server.url}/token",
        }
        secrets.write_text(json.dumps({"installed": client}))
        yield SigningIn(secrets, tmp_path / "home" / "token.json", server)


@pytest.fixture(autouse=True)
def _token_server_without_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


def granted(*scopes: str) -> bytes:
    return http_answer(200, renewed(refresh_token="1//fresh-renewal", scope=" ".join(scopes)))


GRANTED = granted(*DEFAULT_SCOPES)


def test_a_person_signs_in_through_the_browser(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    browser = Browser(agrees)
    with signing_in(tmp_path, GRANTED) as attempt:
        assert attempt.run(browser) == ("lead@example.com", tuple(sorted(DEFAULT_SCOPES)))
        exchange = parse_qs(attempt.server.received[0].body.decode())
    assert sign_in_status(attempt.token_path).email == "lead@example.com"
    assert stat.S_IMODE(attempt.token_path.stat().st_mode) == 0o600
    assert exchange["code"] == ["4/one-time-code"]
    assert browser.links[0] in attempt.announced[0]
    assert capfd.readouterr() == ("", "")


def test_the_link_asks_for_what_is_needed_with_a_proof_key(tmp_path: Path) -> None:
    browser = Browser(agrees)
    with signing_in(tmp_path, GRANTED) as attempt:
        attempt.run(browser)
        exchange = parse_qs(attempt.server.received[0].body.decode())
    asked = dict(parse_qsl(urlsplit(browser.links[0]).query))
    assert asked["scope"].split() == list(DEFAULT_SCOPES)
    assert (asked["access_type"], asked["prompt"]) == ("offline", "consent")
    assert asked["redirect_uri"].startswith("http://127.0.0.1:")
    assert exchange["redirect_uri"] == [asked["redirect_uri"]]
    assert asked["code_challenge_method"] == "S256"
    verifier = exchange["code_verifier"][0]
    assert len(verifier) >= 43
    assert asked["code_challenge"] == _challenge(verifier)


def _challenge(verifier: str) -> str:
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")


def test_stray_visits_do_not_eat_the_answer(tmp_path: Path) -> None:
    def wanders(redirect: str, state: str) -> list[str]:
        return [
            f"{redirect}favicon.ico",
            f"{redirect}?code=4/somebody-elses",
            f"{redirect}?state=guessed&code=4/somebody-elses",
            f"{redirect}?state=&error=access_denied",
            *agrees(redirect, state),
        ]

    browser = Browser(wanders)
    with signing_in(tmp_path, GRANTED) as attempt:
        attempt.run(browser)
        exchange = parse_qs(attempt.server.received[0].body.decode())
    assert exchange["code"] == ["4/one-time-code"]
    assert [page.status_code for page in browser.pages[:2]] == [404, 404]


def test_a_connection_that_says_nothing_does_not_hold_up_the_answer(tmp_path: Path) -> None:
    silent: list[socket.socket] = []

    def with_a_port_scan(redirect: str, state: str) -> list[str]:
        place = urlsplit(redirect)
        silent.append(socket.create_connection((place.hostname or "", place.port or 0)))
        return agrees(redirect, state)

    with signing_in(tmp_path, GRANTED) as attempt:
        assert attempt.run(Browser(with_a_port_scan), timeout_seconds=3)[0] == "lead@example.com"
    silent[0].close()


def test_a_person_who_declines_changes_nothing(tmp_path: Path) -> None:
    def declines(redirect: str, state: str) -> list[str]:
        return [f"{redirect}?state={state}&error=access_denied"]

    with signing_in(tmp_path, GRANTED) as attempt:
        with pytest.raises(SignInNeeded, match="declined"):
            attempt.run(Browser(declines))
        assert attempt.server.received == []
    assert not attempt.token_path.exists()


def test_a_box_left_unticked_is_named_and_nothing_is_stored(tmp_path: Path) -> None:
    with (
        signing_in(tmp_path, granted(*DEFAULT_SCOPES[:2])) as attempt,
        pytest.raises(SignInNeeded, match=r"unticked: gmail\.compose\."),
    ):
        attempt.run(Browser(agrees))
    assert not attempt.token_path.exists()


def test_more_scopes_than_asked_for_are_kept(tmp_path: Path) -> None:
    with signing_in(tmp_path, granted(*DEFAULT_SCOPES, READ)) as attempt:
        assert READ in attempt.run(Browser(agrees))[1]


def test_a_sign_in_without_a_renewal_is_not_stored(tmp_path: Path) -> None:
    answer = http_answer(200, renewed(scope=" ".join(DEFAULT_SCOPES)))
    with (
        signing_in(tmp_path, answer) as attempt,
        pytest.raises(SignInNeeded, match="within the hour"),
    ):
        attempt.run(Browser(agrees))
    assert not attempt.token_path.exists()


def test_a_client_that_google_does_not_know_says_where_to_get_it_anew(tmp_path: Path) -> None:
    answer = http_answer(401, {"error": "invalid_client", "error_description": "Unauthorized"})
    with (
        signing_in(tmp_path, answer) as attempt,
        pytest.raises(SignInNeeded, match=r"Download credentials\.json again"),
    ):
        attempt.run(Browser(agrees))


def test_a_sign_in_server_that_breaks_off_stores_nothing(tmp_path: Path) -> None:
    with signing_in(tmp_path, GRANTED) as attempt:
        attempt.server.behave = closes
        with pytest.raises(Unreachable, match="auth login"):
            attempt.run(Browser(agrees))
    assert not attempt.token_path.exists()


def test_a_person_who_never_comes_back_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    with (
        signing_in(tmp_path, GRANTED) as attempt,
        pytest.raises(SignInNeeded, match="in time"),
    ):
        attempt.run(Browser(lambda *_: []), timeout_seconds=0.2)


def test_a_failed_sign_in_leaves_the_one_before(tmp_path: Path) -> None:
    with signing_in(tmp_path, granted(*DEFAULT_SCOPES[:1])) as attempt:
        write_token(attempt.token_path, stored())
        with pytest.raises(SignInNeeded):
            attempt.run(Browser(agrees))
        assert read_token(attempt.token_path) == stored()


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with (
        signing_in(tmp_path, GRANTED) as attempt,
        pytest.raises(SignInNeeded, match=f"Port {attempt.server.port} is used by another program"),
    ):
        login(
            attempt.client_secrets,
            attempt.token_path,
            DEFAULT_SCOPES,
            open_browser=Browser(agrees).open,
            port=attempt.server.port,
            announce=attempt.announced.append,
            timeout_seconds=1,
        )


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "There is no"),
        (b"not json", "can't be read as JSON"),
        (b"\xff\xfe\x00", "can't be read as JSON"),
        (b"[]", "not the file of an OAuth client for a desktop"),
        (b'{"type": "service_account"}', "not the file of an OAuth client for a desktop"),
        (b'{"web": {"client_id": "x"}}', "not the file of an OAuth client for a desktop"),
        (b'{"installed": {"client_id": "x"}}', "not the file of an OAuth client for a desktop"),
    ],
)
def test_a_client_file_that_is_none_says_where_to_get_one(
    tmp_path: Path, content: bytes | None, says: str
) -> None:
    with signing_in(tmp_path, GRANTED) as attempt:
        attempt.client_secrets.unlink()
        if content is not None:
            attempt.client_secrets.write_bytes(content)
        with pytest.raises(SignInNeeded, match=f"{says}.*Desktop app in the Google Cloud console"):
            attempt.run(Browser(agrees))
    assert attempt.announced == []


# --- Signing out --------------------------------------------------------------------------------


def test_signing_out_withdraws_the_sign_in_and_forgets_it(token_path: Path) -> None:
    write_token(token_path, stored())
    with running(answers(200, {})) as server:
        assert logout(token_path, revoke_url=f"{server.url}/revoke") is LoggedOut.REVOKED
        assert parse_qs(server.received[0].body.decode()) == {"token": ["1//renewal-token"]}
    assert not token_path.exists()


def test_signing_out_offline_still_forgets_it(token_path: Path) -> None:
    write_token(token_path, stored())
    assert logout(token_path, revoke_url="http://127.0.0.1:1/") is LoggedOut.FORGOTTEN
    assert not token_path.exists()


def test_signing_out_forgets_a_damaged_sign_in(token_path: Path) -> None:
    write_token(token_path, {})
    assert logout(token_path) is LoggedOut.FORGOTTEN
    assert not token_path.exists()


def test_signing_out_with_nobody_signed_in_says_so(token_path: Path) -> None:
    assert logout(token_path) is LoggedOut.NOBODY
