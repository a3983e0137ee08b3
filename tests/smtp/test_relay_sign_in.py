"""TLS and the sign-in by password: proof of the relay's identity and of ours."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest

from google_rehearsal.app import create_app, pipeline_of
from google_rehearsal.smtp import RelayServer, Rules
from tests.certificates import certify
from workflow.google.faults import GoogleFault, Refused, SignInNeeded, Unreachable
from workflow.smtp import Relay, Smtp, read_password

PASSWORD = "not-for-anybody-else"
MAIL = (
    b"From: support@team.example\r\nTo: ann@customer.example\r\nSubject: Hello\r\n"
    b"Message-ID: <1@team.example>\r\nDate: Tue, 24 Nov 2026 12:00:00 +0000\r\n\r\n"
    b".a line that begins with a dot\r\n"
)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate for localhost that only these tests trust."""
    return certify("localhost", tmp_path_factory.mktemp("tls"))


@contextmanager
def a_relay(folder: Path, rules: Rules, certificates: Path | None = None) -> Iterator[RelayServer]:
    """A relay with its own rules on a real socket."""
    context = None
    if certificates is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    pipeline = pipeline_of(create_app(folder))
    server = RelayServer(pipeline, rules, context=context)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(timeout=5)
        pipeline.store.close()


def relay_at(
    server: RelayServer, host: str = "localhost", security: str = "starttls", user: str = ""
) -> Relay:
    settings = Smtp(host, server.port, security, user, local_hostname="localhost")
    return Relay(settings, lambda: PASSWORD, timeout_seconds=2)


def send(relay: Relay) -> str:
    try:
        return relay.send("support@team.example", "ann@customer.example", MAIL)
    finally:
        relay.close()


def test_a_mail_goes_over_tls_to_who_proves_to_be_the_host(
    tmp_path: Path, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "cert.pem"))
    rules = Rules("robot", PASSWORD, offers_tls=True)
    with a_relay(tmp_path, rules, certificates) as server:
        assert send(relay_at(server, user="robot")).startswith("2.0.0 OK")
        (taken,) = server.relayed.as_json()
    assert taken["to"] == ["ann@customer.example"]
    assert taken["raw"].endswith("\r\n.a line that begins with a dot\r\n")


def test_who_does_not_prove_to_be_the_host_is_shown_nothing(
    tmp_path: Path, certificates: Path
) -> None:
    rules = Rules("robot", PASSWORD, offers_tls=True)
    with a_relay(tmp_path, rules, certificates) as server:
        with pytest.raises(SignInNeeded, match="does not prove that it is localhost"):
            send(relay_at(server, user="robot"))
        assert "smtp.auth" not in server.pipeline.log.as_json()["counts"]
        assert server.relayed.as_json() == []


def test_with_tls_from_the_first_byte_it_is_the_same(certificates: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    shaken: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with (
                contextlib.suppress(OSError),
                connection,
                context.wrap_socket(connection, server_side=True) as inside,
            ):
                inside.sendall(b"220 relay\r\n")
                shaken.append(inside.recv(100).decode())

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        port = listener.getsockname()[1]
        settings = Smtp("localhost", port, "tls", "robot", local_hostname="localhost")
        with pytest.raises(SignInNeeded, match="does not prove that it is localhost"):
            send(Relay(settings, lambda: PASSWORD, timeout_seconds=2))
        thread.join(timeout=5)
    assert shaken == []


def test_a_certificate_for_another_name_is_no_proof(
    tmp_path: Path, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "cert.pem"))
    with (
        a_relay(tmp_path, Rules(offers_tls=True), certificates) as server,
        pytest.raises(SignInNeeded, match=r"does not prove that it is 127\.0\.0\.1"),
    ):
        send(relay_at(server, host="127.0.0.1"))


def test_where_no_tls_is_offered_neither_mail_nor_password_goes_in_the_clear(
    tmp_path: Path,
) -> None:
    with a_relay(tmp_path, Rules("robot", PASSWORD)) as server:
        with pytest.raises(SignInNeeded, match="offers no STARTTLS"):
            send(relay_at(server, user="robot"))
        assert not {"smtp.auth", "smtp.mail"} & server.pipeline.log.as_json()["counts"].keys()


def test_tls_from_the_first_byte_is_not_spoken_with_who_answers_in_the_clear(
    tmp_path: Path,
) -> None:
    with a_relay(tmp_path, Rules()) as server, pytest.raises(Unreachable):
        send(relay_at(server, security="tls"))


def test_a_password_that_is_wrong_is_not_tried_for_each_mail_and_never_shown(
    tmp_path: Path,
) -> None:
    with a_relay(tmp_path, Rules("robot", "another")) as server:
        with pytest.raises(SignInNeeded, match="Check user and password under") as caught:
            send(relay_at(server, security="none", user="robot"))
        assert PASSWORD not in str(caught.value) + caught.value.detail


def test_a_relay_without_a_sign_in_is_said_to_have_none(tmp_path: Path) -> None:
    with (
        a_relay(tmp_path, Rules()) as server,
        pytest.raises(SignInNeeded, match="offers no sign-in with a password"),
    ):
        send(relay_at(server, security="none", user="robot"))


def test_a_relay_that_wants_a_sign_in_says_so_to_who_has_none(tmp_path: Path) -> None:
    with (
        a_relay(tmp_path, Rules("robot", PASSWORD)) as server,
        pytest.raises(SignInNeeded, match=r"530 5\.7\.0 Authentication Required"),
    ):
        send(relay_at(server, security="none"))


def test_a_mail_that_is_refused_leaves_the_connection_to_the_next(tmp_path: Path) -> None:
    with a_relay(tmp_path, Rules()) as server:
        relay = relay_at(server, security="none")
        nobodys = MAIL.replace(b"Message-ID: <1@team.example>\r\n", b"")
        with pytest.raises(Refused, match="Message-ID headers are not accepted"):
            relay.send("support@team.example", "ann@customer.example", nobodys)
        with pytest.raises(Refused, match="553"):
            relay.send("support@team.example", "not an address", MAIL)
        send(relay)
        assert server.pipeline.log.as_json()["counts"]["smtp.connect"] == 1


@pytest.mark.parametrize("word", ["a@b.example>\r\nRCPT TO:<everybody@x.example", "a\nb@c.example"])
def test_an_address_is_no_way_to_say_further_commands(tmp_path: Path, word: str) -> None:
    with a_relay(tmp_path, Rules()) as server:
        with pytest.raises((ValueError, GoogleFault)):
            relay_at(server, security="none").send("support@team.example", word, MAIL)
        assert server.relayed.as_json() == []


def test_a_connection_that_the_server_closed_meanwhile_is_made_anew(tmp_path: Path) -> None:
    with a_relay(tmp_path, Rules()) as server:
        relay = relay_at(server, security="none")
        relay.send("support@team.example", "ann@customer.example", MAIL)
        for connection in list(server._connections):
            connection.shutdown(2)
        relay.send("support@team.example", "bea@customer.example", MAIL)
        relay.close()
        assert [each["to"] for each in server.relayed.as_json()] == [
            ["ann@customer.example"],
            ["bea@customer.example"],
        ]


@pytest.mark.parametrize("size", ["9" * 5_000, "many", "-1", "٩٩٩٩٩٩"])
def test_a_size_that_no_server_has_does_not_stop_a_mail(tmp_path: Path, size: str) -> None:
    with (
        a_relay(tmp_path, Rules()) as server,
        mock.patch.object(smtplib.SMTP, "ehlo_or_helo_if_needed", _ehlo_with(size)),
    ):
        assert send(relay_at(server, security="none"))


def _ehlo_with(size: str) -> Callable[[smtplib.SMTP], None]:
    def ehlo(server: smtplib.SMTP) -> None:
        server.ehlo()
        server.esmtp_features["size"] = size

    return ehlo


# Where the password is kept


def test_the_password_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text(f"{PASSWORD}\n")
    path.chmod(0o644)
    smtp = Smtp(user="robot", password_file=str(path))
    with pytest.raises(SignInNeeded, match="chmod 600") as caught:
        read_password(smtp, "")
    assert PASSWORD not in str(caught.value)
    path.chmod(0o600)
    assert read_password(smtp, "of the environment") == PASSWORD


def test_without_a_file_the_environment_has_it_and_without_either_it_is_asked_for(
    tmp_path: Path,
) -> None:
    assert read_password(Smtp(user="robot"), PASSWORD) == PASSWORD
    with pytest.raises(SignInNeeded, match="POSTMORTEM_SMTP_PASSWORD"):
        read_password(Smtp(user="robot"), "")
    with pytest.raises(SignInNeeded, match="can't be read"):
        read_password(Smtp(user="robot", password_file=str(tmp_path / "gone")), "")
