"""The config's table [smtp], and the meaning of each reply of a relay."""

from __future__ import annotations

from pathlib import Path

import pytest

from workflow.config import ConfigBad, load_settings
from workflow.google.faults import GoogleFault, Refused, SignInNeeded, SlowDown, Unreachable
from workflow.smtp import ServerReply, Smtp, SmtpStep, sort_reply


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ('host = "relay.example"\nsecurity = "none"', "for all on the way to read"),
        ('security = "ssl"', "is not one of starttls, tls, none"),
        ('host = "smtp://relay"', "is not the name of a server"),
        ("port = 99999", "it is from 1 to 65535"),
        ('password_file = "secret"', "password_file needs user"),
        ('pasword = "x"', "there is no setting 'pasword'"),
        ("daily_limit = 0", "are at least 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, table: str, says: str) -> None:
    (tmp_path / "config.toml").write_text(f"[smtp]\n{table}\n")
    with pytest.raises(ConfigBad) as refused:
        load_settings({"POSTMORTEM_HOME": str(tmp_path)})
    assert says in str(refused.value)


def test_googles_own_relay_is_what_nobody_has_to_name() -> None:
    assert Smtp().name == "smtp-relay.gmail.com:587"
    assert Smtp("relay.example", security="tls").usual_port == 465


@pytest.mark.parametrize(
    ("code", "text", "part", "kind"),
    [
        (550, "5.1.1 No such user", SmtpStep.RECIPIENT, Refused),
        (554, "5.7.0 This message violates our policy", SmtpStep.MAIL, Refused),
        (552, "5.3.4 Message too large", SmtpStep.MAIL, Refused),
        (450, "4.2.1 Peak SMTP relay limit exceeded for customer", SmtpStep.MAIL, SlowDown),
        (421, "4.7.0 Try again later, closing connection", SmtpStep.RECIPIENT, SlowDown),
        (421, "4.7.28 Unusual rate of mail; rate limited", SmtpStep.SENDER, SlowDown),
        (421, "4.4.2 Timeout - closing connection", SmtpStep.SENDER, SlowDown),
        (421, "too many connections", SmtpStep.SIGN_IN, SlowDown),
        (450, "4.2.0 Mailbox busy", SmtpStep.RECIPIENT, Unreachable),
        (550, "5.7.1 Daily SMTP relay limit exceeded for user", SmtpStep.MAIL, SlowDown),
        (550, "5.4.5 Daily user sending quota exceeded", SmtpStep.SENDER, SlowDown),
        (550, "5.7.1 Invalid credentials for relay [192.0.2.1]", SmtpStep.RECIPIENT, SignInNeeded),
        (
            554,
            "5.7.1 <ann@customer.example>: Relay access denied",
            SmtpStep.RECIPIENT,
            SignInNeeded,
        ),
        (530, "5.7.0 Authentication Required", SmtpStep.DATA, SignInNeeded),
        (553, "5.7.1 Sender address rejected", SmtpStep.SENDER, SignInNeeded),
        (535, "5.7.8 Username and Password not accepted", SmtpStep.SIGN_IN, SignInNeeded),
        (454, "4.7.0 Temporary authentication failure", SmtpStep.SIGN_IN, SlowDown),
        (-1, "HTTP/1.1 400 Bad Request", SmtpStep.SENDER, Unreachable),
    ],
)
def test_a_reply_stops_one_mail_or_all_or_only_for_now(
    code: int, text: str, part: SmtpStep, kind: type[GoogleFault]
) -> None:
    fault = sort_reply(ServerReply(code, text), part)
    assert type(fault) is kind
    assert text in fault.sentence or "limit of the day" in fault.sentence


def test_the_words_of_a_server_are_shown_short_and_on_one_line() -> None:
    shown = sort_reply(
        ServerReply(550, "5.1.1 No\r\n\x1b[31m such" + " user" * 200), SmtpStep.RECIPIENT
    )
    assert "\n" not in shown.sentence
    assert "\x1b" not in shown.sentence
    assert len(shown.sentence) < 300
    assert ServerReply(250, "ok\r\n\x1b[31m queued\n" * 9_000).words.startswith("ok [31m queued ok")
    assert len(ServerReply(250, "ok\n" * 9_000).words) <= 200
