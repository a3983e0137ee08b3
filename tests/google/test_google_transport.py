"""A request when the network or the server fails: sent once, and classified."""

from __future__ import annotations

import gzip
import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httplib2
import pytest
import requests
from google.auth.transport.requests import AuthorizedSession
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build_from_document
from googleapiclient.discovery_cache import get_static_doc
from googleapiclient.http import BatchHttpRequest, MediaInMemoryUpload
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.google.misbehaving_server import (
    Behaviour,
    MisbehavingServer,
    Received,
    answers,
    closes,
    drips,
    hangs,
    http_answer,
    resets,
    running,
    says,
)
from workflow.google import (
    Endpoint,
    Google,
    GoogleFault,
    Refused,
    SignInNeeded,
    SlowDown,
    Undecided,
    Unreachable,
    connect,
    emulator_session,
    transport,
)
from workflow.google.client import Api
from workflow.google.transport import Httplib2Shape, Transport

SENT: dict[str, object] = {"id": "m1", "threadId": "t1", "labelIds": ["SENT"]}
# For servers that never answer, and for those that answer at once.
SHORT_SECONDS, LONG_SECONDS = 0.6, 10.0


def google_at(url: str, timeout_seconds: float = LONG_SECONDS) -> Google:
    return connect(Endpoint(url), lambda: emulator_session(url), timeout_seconds)


def error(status: int, message: str, reason: str) -> bytes:
    body = {"error": {"code": status, "message": message, "errors": [{"reason": reason}]}}
    return json.dumps(body).encode()


HALF = http_answer(200, SENT)[:-10]
HALF_CHUNK = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'20\r\n{"id": "m1", "threa'
)
HALF_UNTIL_CLOSE = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"id": "m1", "thr'
HALF_ZIPPED = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n\r\n"
    + gzip.compress(json.dumps(SENT).encode())[:-12]
)

# Every way in which an answer can get lost or be invalid after the POST was read.
LOST_ANSWERS: dict[str, Behaviour] = {
    "closed without an answer": closes,
    "a garbage status line": says(b"\x16\x03\x01 what is this\r\n\r\n"),
    "half a status line": says(b"HTTP/1."),
    "half the headers": says(b"HTTP/1.1 200 OK\r\nContent-Length: 4"),
    "reset": resets,
    "hangs until the client gives up": hangs,
    "503": answers(503, error(503, "Backend Error", "backendError")),
    "500 with a page": answers(500, b"<html>oops</html>", {"Content-Type": "text/html"}),
    "502 and closed": says(http_answer(502, b"bad gateway", {"Connection": "close"})),
    "half a body": says(HALF),
    "half a chunk": says(HALF_CHUNK),
    "half a body with no length": says(HALF_UNTIL_CLOSE),
    "half a packed body": says(HALF_ZIPPED),
    "a body that is not packed as it says": answers(200, SENT, {"Content-Encoding": "gzip"}),
    "an empty success": answers(200, b""),
    "a success that is not JSON": answers(200, b"<html>Sign in to the hotel</html>"),
    "a success that is not UTF-8": answers(200, b'{"id": "\xff\xfe"}'),
    "a success that is a list": answers(200, b"[1]"),
    "a success without an id": answers(200, b"{}"),
    "307 to itself": answers(307, b"", {"Location": "/gmail/v1/users/me/drafts/send"}),
    "308 to an address that can't be read": answers(308, b"", {"Location": "http://[::bad/"}),
    "302 to a sign-in page": answers(302, b"", {"Location": "http://login.invalid/"}),
    "101 to another protocol": answers(101, b"", {"Upgrade": "smtp", "Connection": "Upgrade"}),
    "404 that is not Google's": answers(404, b"<h1>Not Found</h1>"),
    "400 that is not Google's": answers(400, b'{"detail": "bad"}'),
}


def _patience(behave: Behaviour) -> float:
    return SHORT_SECONDS if behave is hangs else LONG_SECONDS


@pytest.mark.parametrize("behave", LOST_ANSWERS.values(), ids=LOST_ANSWERS.keys())
def test_a_lost_answer_is_undecided_and_the_post_is_never_repeated(behave: Behaviour) -> None:
    with running(behave) as server:
        with pytest.raises(Undecided) as caught:
            google_at(server.url, _patience(behave)).gmail.send_draft("r1")
        assert server.posts() == len(server.received) == 1
    assert caught.value.method == "gmail.users.drafts.send"
    assert "unknown" in caught.value.sentence


@pytest.mark.parametrize("behave", LOST_ANSWERS.values(), ids=LOST_ANSWERS.keys())
def test_the_same_holds_with_a_signed_in_session(behave: Behaviour) -> None:
    credentials = Credentials("access", refresh_token="renewal")  # type: ignore[no-untyped-call]
    with running(behave) as server:
        google = connect(
            Endpoint(server.url),
            lambda: AuthorizedSession(credentials),  # type: ignore[no-untyped-call]
            _patience(behave),
        )
        with pytest.raises(Undecided):
            google.gmail.send_message(b"To: a@example.com\r\n\r\nhi")
        assert server.posts() == len(server.received) == 1


ANSWERED: dict[str, tuple[Behaviour, type[GoogleFault]]] = {
    "400": (answers(400, error(400, "Invalid To header", "invalidArgument")), Refused),
    "404": (answers(404, error(404, "Requested entity was not found.", "notFound")), Refused),
    "401": (answers(401, error(401, "Invalid Credentials", "authError")), SignInNeeded),
    "403": (answers(403, error(403, "Insufficient", "insufficientPermissions")), SignInNeeded),
    "429": (answers(429, error(429, "Slow", "rateLimitExceeded")), SlowDown),
    "413 in anyone's words": (answers(413, b"<h1>Too Large</h1>"), Refused),
}


@pytest.mark.parametrize(("behave", "kind"), ANSWERED.values(), ids=ANSWERED.keys())
def test_an_answer_of_googles_own_is_sorted_by_what_it_says(
    behave: Behaviour, kind: type[GoogleFault]
) -> None:
    with running(behave) as server:
        with pytest.raises(kind):
            google_at(server.url).gmail.send_draft("r1")
        assert server.count("POST") == 1


def test_a_connection_that_the_server_closed_while_idle_is_opened_again_for_the_post() -> None:
    def answer_and_close(connection: socket.socket, _: Received) -> None:
        connection.sendall(http_answer(200, SENT))
        raise ConnectionAbortedError

    with running(answer_and_close) as server:
        google = google_at(server.url)
        google.gmail.send_draft("r1")
        threading.Event().wait(0.05)  # the FIN arrives
        google.gmail.send_draft("r2")
        assert [json.loads(request.body)["id"] for request in server.received] == ["r1", "r2"]
        assert server.connections == 2


def test_a_connection_is_kept_for_the_next_call() -> None:
    with running(answers(200, SENT)) as server:
        google = google_at(server.url)
        google.gmail.send_draft("r1")
        google.gmail.send_draft("r2")
        assert server.connections == 1


def test_a_refused_connection_is_provably_not_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Unreachable) as caught:
        google_at(f"http://127.0.0.1:{port}").gmail.send_draft("r1")
    assert "Nothing was sent" in caught.value.sentence
    assert caught.value.method == "gmail.users.drafts.send"


def test_a_name_that_can_not_be_looked_up_is_provably_not_sent() -> None:
    url = "https://postmortem.invalid"
    with pytest.raises(Unreachable, match="could not be found"):
        google_at(url).docs.get("d", "revisionId")


def test_a_connection_that_is_never_accepted_is_provably_not_sent() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        # Fill the queue, so that the next SYN gets no answer.
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        with pytest.raises(Unreachable):
            google_at(f"http://127.0.0.1:{port}", SHORT_SECONDS).gmail.send_draft("r1")
        for one in waiting:
            one.close()


def test_a_tls_handshake_that_fails_is_provably_not_sent() -> None:
    with running(says(b"this is no TLS")) as server, pytest.raises(Unreachable):
        google_at(server.url.replace("http:", "https:")).gmail.send_draft("r1")


def test_a_tls_handshake_that_hangs_is_provably_not_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(Unreachable):
            google_at(url, SHORT_SECONDS).gmail.send_draft("r1")


def test_an_answer_that_drips_in_is_cut_off_whatever_it_drips(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transport, "OVERALL_TIMES", 2)
    for first in (
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nX: ",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
    ):
        began_at = time.monotonic()
        with running(drips(first)) as server, pytest.raises(Undecided):
            google_at(server.url, 0.2).gmail.send_draft("r1")
        assert time.monotonic() - began_at < 4


def test_an_answer_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = gzip.compress(b"[" + b" " * 5_000_000 + b"]")
    whole = http_answer(200, packed, {"Content-Encoding": "gzip"})
    endless = b"HTTP/1.1 200 OK\r\n\r\n[" + b" " * 2_000_000
    for raw in (whole, endless):
        with running(says(raw)) as server:
            road = Transport(
                requests.Session(),
                origins=frozenset({server.url}),
                timeout_seconds=LONG_SECONDS,
                most_bytes=1_000_000,
            )
            with pytest.raises(Undecided, match="larger than any"):
                road.request(f"{server.url}/anything")
            road.close()


@pytest.mark.parametrize("status", [200, 400, 429, 500])
def test_an_answer_nested_without_end_is_no_defect(status: int) -> None:
    nested = b'{"a":' * 200_000 + b"1" + b"}" * 200_000
    with running(answers(status, nested)) as server, pytest.raises(GoogleFault):
        google_at(server.url).gmail.send_draft("r1")


def test_a_missing_certificate_bundle_is_provably_not_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/bundle.pem")
    google = connect(Endpoint(), requests.Session, LONG_SECONDS)
    with pytest.raises(Unreachable, match="REQUESTS_CA_BUNDLE"):
        google.gmail.send_draft("r1")


def test_a_proxy_that_is_not_there_is_provably_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    google = connect(Endpoint(), requests.Session, LONG_SECONDS)
    with pytest.raises(Unreachable):
        google.gmail.send_draft("r1")


def test_the_rehearsal_is_reached_past_any_proxy_and_netrc(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with running(answers(200, SENT)) as server:
        google_at(server.url).gmail.send_draft("r1")
        assert server.received[0].headers["authorization"] == "Bearer rehearsal"


def test_a_password_in_netrc_never_takes_the_place_of_the_token(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    session = requests.Session()
    session.headers["Authorization"] = "Bearer access"
    with running(answers(200, SENT)) as server:
        google = connect(Endpoint(server.url), lambda: session, LONG_SECONDS)
        google.gmail.send_draft("r1")
        assert server.received[0].headers["authorization"] == "Bearer access"


# --- No other host ------------------------------------------------------------------------------


REAL_PLACES = [
    ("docs", "v1", "documents.get", {"documentId": "d"}, "https://docs.googleapis.com"),
    ("drive", "v3", "about.get", {"fields": "user"}, "https://www.googleapis.com"),
    ("gmail", "v1", "users.getProfile", {"userId": "me"}, "https://gmail.googleapis.com"),
]


@pytest.mark.parametrize(("api", "version", "method", "parameters", "place"), REAL_PLACES)
def test_a_call_meant_for_the_real_google_reaches_nobody_when_another_is_configured(
    api: str, version: str, method: str, parameters: dict[str, str], place: str
) -> None:
    with running(answers(200, SENT)) as server:
        only_here = Transport(
            emulator_session(server.url),
            origins=Endpoint(server.url).origins,
            timeout_seconds=LONG_SECONDS,
        )
        with pytest.raises(Unreachable, match=re.escape(place)):
            Api(api, version, Endpoint(), lambda: only_here).call(method, parameters)
        assert server.received == []


def client_of(name: str, version: str, server: MisbehavingServer) -> Any:
    """The client as the discovery document describes it: pointed at the real Google."""
    document = json.loads(get_static_doc(name, version))  # type: ignore[no-untyped-call]
    session = emulator_session(server.url)
    transport = Transport(
        session, origins=Endpoint(server.url).origins, timeout_seconds=LONG_SECONDS
    )
    return build_from_document(document, http=Httplib2Shape(transport))


def test_a_client_left_at_the_real_address_reaches_nobody() -> None:
    with running(answers(200, SENT)) as server:
        gmail = client_of("gmail", "v1", server)
        with pytest.raises(Unreachable, match=r"gmail\.googleapis\.com"):
            gmail.users().getProfile(userId="me").execute()
        assert server.received == []


def test_an_upload_to_the_real_address_reaches_nobody() -> None:
    media = MediaInMemoryUpload(b"To: a@example.com\r\n\r\nhi", mimetype="message/rfc822")
    with running(answers(200, SENT)) as server:
        gmail = client_of("gmail", "v1", server)
        with pytest.raises(Unreachable, match=r"gmail\.googleapis\.com"):
            gmail.users().messages().send(userId="me", media_body=media).execute()
        assert server.received == []


def test_a_resumable_upload_to_the_real_address_reaches_nobody() -> None:
    media = MediaInMemoryUpload(b"{}", mimetype="text/plain", resumable=True)
    with running(answers(200, SENT)) as server:
        drive = client_of("drive", "v3", server)
        with pytest.raises(Unreachable, match=r"www\.googleapis\.com"):
            drive.files().create(body={"name": "x"}, media_body=media).execute()
        assert server.received == []


def test_a_batch_to_the_real_address_reaches_nobody() -> None:
    with running(answers(200, SENT)) as server:
        gmail = client_of("gmail", "v1", server)
        batch: BatchHttpRequest = gmail.new_batch_http_request()
        batch.add(gmail.users().getProfile(userId="me"))
        with pytest.raises(Unreachable, match=r"gmail\.googleapis\.com"):
            batch.execute()
        assert server.received == []


def test_the_gateways_uploads_and_batches_stay_at_the_configured_server() -> None:
    with running(answers(200, SENT)) as server:
        google = google_at(server.url)
        google.gmail.send_draft("r1")
        client = google.gmail._api._collection(())
        media = MediaInMemoryUpload(b"To: a@example.com\r\n\r\nhi", mimetype="message/rfc822")
        client.users().messages().send(userId="me", media_body=media).execute()
        batch = client.new_batch_http_request()
        batch.add(client.users().getProfile(userId="me"))
        with pytest.raises(Exception, match="multipart"):
            batch.execute()
        assert [request.target.partition("?")[0] for request in server.received] == [
            "/gmail/v1/users/me/drafts/send",
            "/upload/gmail/v1/users/me/messages/send",
            "/batch",
        ]


ELSEWHERE = [
    "http://gmail.googleapis.com/gmail/v1/users/me/profile",  # plain http
    "https://gmail.googleapis.com:444/gmail/v1/users/me/profile",
    "https://gmail.googleapis.com.example.com/x",
    "https://gmail.googleapis.com@example.com/x",
    "https://someone:secret@gmail.googleapis.com/x",
    "https://example.com\\@gmail.googleapis.com/x",
    "https://example.com/gmail.googleapis.com",
    "https://oauth2.googleapis.com/token",
    "https://127.0.0.1/",
    "http://127.0.0.1/",
    "ftp://gmail.googleapis.com/x",
    "//gmail.googleapis.com/x",
    "gmail",
    "",
]


@pytest.mark.parametrize("uri", ELSEWHERE)
def test_with_the_real_google_no_other_address_is_called(uri: str) -> None:
    transport = Transport(
        requests.Session(), origins=Endpoint().origins, timeout_seconds=LONG_SECONDS
    )
    with pytest.raises(Unreachable, match="not a configured host"):
        transport.request(uri, "POST", b"{}")


@pytest.fixture(scope="module")
def steady() -> Iterator[tuple[MisbehavingServer, Transport]]:
    """A server for many examples: one each would use up the ports."""
    with running(answers(200, SENT)) as server:
        origins = Endpoint(server.url).origins
        session = emulator_session(server.url)
        yield server, Transport(session, origins=origins, timeout_seconds=5)


@given(host=st.text(max_size=30), path=st.text(max_size=10))
@settings(max_examples=200, deadline=None)
def test_no_address_of_any_shape_leads_away_from_the_server(
    steady: tuple[MisbehavingServer, Transport], host: str, path: str
) -> None:
    with pytest.raises(Unreachable, match="not a configured host"):
        steady[1].request(f"http://{host}:9/{path}", "POST", b"")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "http://10.0.0.1:8080",
        "ftp://127.0.0.1",
        "127.0.0.1:8765",
        "http://",
        "http://user:word@127.0.0.1",
        "http://127.0.0.1?x=1",
        "http://127.0.0.1:99999",
    ],
)
def test_an_address_that_is_no_server_of_this_machine_is_refused_as_an_endpoint(url: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        Endpoint(url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8765", "http://localhost/", "http://[::1]:9"])
def test_a_server_of_this_machine_is_an_endpoint(url: str) -> None:
    assert Endpoint(url).is_loopback


# --- Content ------------------------------------------------------------------------------------


@given(text=st.text(max_size=300))
@settings(max_examples=40, deadline=None)
def test_any_text_is_sent_in_utf8_with_its_length_in_bytes(
    steady: tuple[MisbehavingServer, Transport], text: str
) -> None:
    server, transport = steady
    length = {"content-length": str(len(text))}  # the client's, which counts characters
    Httplib2Shape(transport).request(server.url, "POST", text, length)
    assert server.received[-1].body.decode() == text


def test_a_packed_answer_is_unpacked() -> None:
    packed = gzip.compress(json.dumps(SENT).encode())
    with running(answers(200, packed, {"Content-Encoding": "gzip"})) as server:
        assert google_at(server.url).gmail.send_draft("r1").message_id == "m1"


def test_an_answer_tells_its_status_its_headers_in_lower_case_and_its_bytes() -> None:
    with running(answers(418, b"tea", {"X-Pot": "yes"})) as server:
        transport = Transport(
            emulator_session(server.url),
            origins=Endpoint(server.url).origins,
            timeout_seconds=LONG_SECONDS,
        )
        answer = transport.request(server.url)
    assert (answer.status, answer.headers["x-pot"], answer.content) == (418, "yes", b"tea")


def test_the_client_is_given_answers_in_the_shape_of_httplib2() -> None:
    packed = gzip.compress(b"tea")
    with running(answers(418, packed, {"X-Pot": "yes", "Content-Encoding": "gzip"})) as server:
        transport = Transport(
            emulator_session(server.url),
            origins=Endpoint(server.url).origins,
            timeout_seconds=LONG_SECONDS,
        )
        answer, content = Httplib2Shape(transport).request(server.url)
    assert isinstance(answer, httplib2.Response)
    assert (answer.status, answer["x-pot"], content) == (418, "yes", b"tea")
    assert "content-encoding" not in answer


# --- Many threads -------------------------------------------------------------------------------


def test_forty_threads_share_one_google_and_each_mail_is_posted_once() -> None:
    with running(answers(200, SENT)) as server:
        google = google_at(server.url, timeout_seconds=5)
        ids = [f"r{number}" for number in range(400)]
        with ThreadPoolExecutor(40) as pool:
            list(pool.map(google.gmail.send_draft, ids))
        sent = sorted(json.loads(request.body)["id"] for request in server.received)
    assert sent == sorted(ids)
    assert server.connections <= 40


def test_the_session_is_made_once_and_only_when_it_is_needed() -> None:
    made: list[requests.Session] = []

    def make() -> requests.Session:
        made.append(emulator_session(server.url))
        return made[-1]

    with running(answers(200, SENT)) as server:
        google = connect(Endpoint(server.url), make, 5)
        assert made == []
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(google.gmail.send_draft, ["r"] * 16))
        google.docs.get("d", "revisionId")
    assert len(made) == 1


def test_what_the_session_factory_raises_comes_out_of_the_first_call_and_of_the_next() -> None:
    def make() -> requests.Session:
        raise SignInNeeded("Nobody is signed in. Run `postmortem auth login`.")

    google = connect(Endpoint(), make, 5)
    for _ in range(2):
        with pytest.raises(SignInNeeded, match="auth login"):
            google.docs.get("d", "revisionId")


def test_importing_the_package_loads_no_client_library() -> None:
    code = (
        "import sys, workflow.google;"
        "print([name for name in ('googleapiclient', 'requests', 'httplib2', 'google.auth')"
        " if name in sys.modules])"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert output.stdout.strip() == b"[]"
