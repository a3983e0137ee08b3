"""The first steps: a team's config and templates, and signing in to Google or out.

Existing values stay: a setting keeps its value, and an edited template is not touched.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from workflow.config import ConfigBad, Settings
from workflow.doc.sharing import parse_share
from workflow.errors import BadInput, NotSetUp, why_refused
from workflow.google import login
from workflow.google.endpoint import (
    COMPOSE,
    DRIVE_FILE,
    READ,
    SEND,
    Emulator,
    LoggedOut,
    SignIn,
    access_until,
    forget_token,
    google_session,
    is_in_keyring,
    logout,
    missing_scopes,
    move_to_keyring,
    scopes_for,
    sends_in_one_step,
    short_name,
    sign_in_status,
)
from workflow.google.faults import SignInNeeded

if TYPE_CHECKING:
    import requests


# --- Config and templates -------------------------------------------------------------------------

Value = str | tuple[str, ...]


@dataclass(frozen=True)
class Question:
    """One question: its key, its text, and the config's comment."""

    key: str
    asks: str
    comment: str
    example: Value


QUESTIONS = (
    Question(
        "organisation",
        "What is the name of your organisation?",
        "Your organisation, shown in every mail.",
        "Example Ltd",
    ),
    Question(
        "time_zone",
        "Which time zone do you use?",
        "Time zone of new incidents, such as Europe/Berlin.",
        "Europe/Berlin",
    ),
    Question(
        "share",
        "Who should see every incident's doc? Addresses, groups or domains, separated by commas",
        "Who gets access to new docs. Add :reader or :commenter if they should not edit.",
        ("group:support@example.com", "example.com:reader"),
    ),
    Question(
        "sender_name",
        "Which sender name should customers see?",
        "Sender name beside the address. Default: the account's name.",
        "Example Support",
    ),
    Question(
        "support",
        "How can customers contact you?",
        "How customers contact you, shown in every mail and in the doc.",
        "support@example.com or +49 30 1234567",
    ),
)
_TEMPLATES = Question(
    "templates",
    "",
    "Your own templates. Missing ones are taken from the built-in templates.",
    "~/postmortem-templates",
)
_HEAD = "# The settings of postmortem. Every line can be left out; # begins a comment.\n"
_REST = """
# Where new docs are made: the id of a folder in Drive. My Drive where it is left out.
# folder = ""

# The file of the OAuth client; credentials.json beside this file where it is left out.
# credentials = "credentials.json"

# Scopes beside the usual ones: "read", "drive"; or "gmail.send" in place of gmail.compose.
# scopes = []

# The mailboxes among which a long list is divided, each within its own day: ["support@example.com",
# "help@example.com"]. They need a service account with domain-wide delegation.
# senders = []

# The database that `notify sql:FILE.sql` asks for the customers, as a user that may only read.
# list_database_url = "postgresql://reader@db.example/shop"

# A second person approves each notice before it is sent (true), or those to more recipients than
# this number: notify --propose, then approve, then notify --send --plan.
# require_approval = false

# Whose approvals by a plan's file count: a name and the key that `postmortem approve FILE` shows.
# approver_keys = ["ben 3f2a…"]

# The doc names customers who replied, and not only how many.
# names_in_doc = false

# Forget the customers of an incident so many days after it was closed; 0: never by itself.
# retention_days = 0

# Where colleagues are told by `announce`; one table for each channel. The file holds the webhook's
# address and nothing else, and only you may read it (chmod 600).
# [[announce]]
# kind = "slack_webhook"  # or "google_chat"; "slack_bot" with channel; "mail" with address
# name = "#incidents"
# url_file = "slack-webhook"

# [sending]
# Gmail's quota units a minute: 6000 for a Cloud project made since May 2026, 15000 before.
# units_per_minute = 6000
# How many mails the account may send in 24 hours: 2000 in Workspace, 500 with gmail.com.
# daily_limit = 2000
# The share of a notice's mails above which bounces stop the rest of it, until somebody has looked.
# stop_at_bounces = 0.05

# [sign_in]
# "person" signs in with a browser; "service_account" needs file and subject; "adc" is the machine.
# kind = "person"
# Where a person's sign-in is kept: "file", or "keyring", for which the extra keyring is installed.
# keep = "file"

# [smtp]
# What `notify --transport smtp-relay` sends through; Google's own relay where it is left out.
# host = "smtp-relay.gmail.com"
# "starttls", "tls", or for a server on this machine "none".
# security = "starttls"
# Who signs in there, and the file of the password; or set POSTMORTEM_SMTP_PASSWORD.
# user = ""
# password_file = ""
"""


@dataclass(frozen=True)
class Copied:
    """The number of copied and of existing templates."""

    folder: Path
    copied: int
    kept: int


@dataclass(frozen=True)
class WrittenConfig:
    """The written config. `kept` are the keys that keep their value."""

    path: Path
    added: tuple[str, ...]
    kept: tuple[str, ...]


def present_settings(path: Path) -> dict[str, object]:
    """The settings in the config file; none if there is no file. Raises `ConfigBad`."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise ConfigBad(f"{path} is not TOML that can be read: {fault}. Fix it first.") from fault
    except OSError as fault:
        raise ConfigBad(f"{path} can't be read: {why_refused(fault)}.") from fault


def read_answer(question: Question, text: str) -> Value:
    """An answer in the config's form; empty if there was none. Raises `BadInput`."""
    words = text.strip()
    if not words.isprintable():
        raise BadInput(f"{question.key}: an answer is one line of text.")
    if question.key == "share":
        names = tuple(name.strip() for name in words.split(",") if name.strip())
        for name in names:
            parse_share(name)
        return names
    if question.key == "time_zone" and words:
        try:
            ZoneInfo(words)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise BadInput(f"{words!r} is not a zone's name, like Europe/Berlin.") from None
    return words


def write_config(path: Path, answers: Mapping[str, Value]) -> WrittenConfig:
    """Write the answers into the config, with comments; existing values stay.

    The file is replaced in one step. Raises `ConfigBad`, or `NotSetUp` if it can't be written.
    """
    present = present_settings(path)
    given = {key: value for key, value in answers.items() if value}
    added = tuple(key for key in given if key not in present)
    kept = tuple(key for key in given if key in present)
    asked = [*QUESTIONS, *([_TEMPLATES] if "templates" in given else [])]
    if not path.exists():
        text = _HEAD + "".join(_entry(each, given.get(each.key, ())) for each in asked) + _REST
    else:
        new = "".join(_entry(each, given[each.key]) for each in asked if each.key in added)
        # At the top: a line below a [table] would belong to that table.
        text = new.lstrip("\n") + ("\n" if new else "") + path.read_text(encoding="utf-8")
    if added or not path.exists():
        _replace(path, text)
    return WrittenConfig(path, added, kept)


def copy_templates(shipped: Path, folder: Path) -> Copied:
    """Copy the shipped templates; existing ones stay.

    Raises `NotSetUp` if the folder can't be written.
    """
    copied = kept = 0
    for source in _template_files(shipped):
        target = folder / source.relative_to(shipped)
        if target.exists():
            kept += 1
            continue
        copied += 1
        _replace(target, source.read_text(encoding="utf-8"))
    return Copied(folder, copied, kept)


def _template_files(shipped: Path) -> Iterable[Path]:
    return sorted([*shipped.glob("*.md"), *(shipped / "email").glob("*.md")])


def _entry(question: Question, value: Value) -> str:
    mark = "" if value else "# "
    return f"\n# {question.comment}\n{mark}{question.key} = {_toml(value or question.example)}\n"


def _toml(value: Value) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(each) for each in value)}]"
    # A basic TOML string is a JSON string, but DEL must be escaped too.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _replace(path: Path, text: str) -> None:
    fresh = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)
    except OSError as fault:
        with suppress(OSError):
            fresh.unlink()
        raise NotSetUp(
            f"{path} can't be written: {why_refused(fault)}. Check the folder's rights."
        ) from fault


# --- Sign-in --------------------------------------------------------------------------------------

# For a first run: what is missing, and both ways on.
NOT_SET_UP_YET = (
    "Google is not set up yet: there is no sign-in and no credentials.json. To set Google up, "
    "run: postmortem init, then follow docs/google-setup.md. To try it without an account, start "
    "an incident with --profile rehearsal."
)
_WAYS = {"service_account": "a service account", "adc": "the machine's own credentials"}


@dataclass(frozen=True)
class LoginRequest:
    """A person's sign-in options. `client` None: the configured file.

    `port` 0 takes a free one. `wishes` are optional scopes, by their short names. `account` is the
    address to sign in as, "" for the one in the config or the last sign-in.
    """

    client: Path | None
    port: int
    wishes: tuple[str, ...]
    timeout_seconds: float
    account: str = ""


@dataclass(frozen=True)
class SignInStanding:
    """The signed-in account. `missing` are short names of scopes that the config requires."""

    account: str
    scopes: tuple[str, ...]
    missing: tuple[str, ...]
    access_until: datetime
    token_path: Path


def configured_scopes(settings: Settings) -> tuple[str, ...]:
    """The scopes (full URLs) in the config. Raises `ConfigBad`."""
    try:
        return scopes_for(settings.config.scopes)
    except ValueError as bad:
        raise ConfigBad(f"{settings.config_path}: scopes: {bad}") from bad


def _session_scopes(settings: Settings) -> tuple[str, ...]:
    """The scopes (full URLs) of a session: sending in one step needs no drafts."""
    scopes = configured_scopes(settings)
    if settings.config.sending.one_step:
        return tuple(SEND if scope == COMPOSE else scope for scope in scopes)
    return scopes


# `drive.file` is for the account's name and address (about.get). Of Drive's scopes it shows least.
_OF_A_MAILBOX = frozenset({DRIVE_FILE, COMPOSE, SEND, READ})


def as_granted(settings: Settings) -> Settings:
    """The settings, with mail sent in one step if drafts aren't permitted.

    Reads the config and the stored sign-in; Google isn't asked.
    """
    one_step = COMPOSE not in configured_scopes(settings) or _granted_send_alone(settings)
    if not one_step or settings.config.sending.one_step:
        return settings
    sending = replace(settings.config.sending, one_step=True)
    return replace(settings, config=replace(settings.config, sending=sending))


def google_session_of(settings: Settings) -> requests.Session:
    """A session for the real Google, signed in as configured. Raises SignInNeeded."""
    way = settings.config.sign_in
    scopes = _session_scopes(settings)
    if way.kind == "person":
        if not settings.token_path.exists() and not settings.client_path.exists():
            raise SignInNeeded(NOT_SET_UP_YET)
        return google_session(settings.token_path, scopes)
    # A key or the machine's credentials load a quarter more of google-auth.

    if way.kind == "service_account":
        key = Path(way.file)
        return login.service_account_session(key, way.subject, scopes)
    return login.machine_session(scopes)


def mailbox_session_of(
    settings: Settings, mailbox: str, emulator: Emulator | None, key: Path | None
) -> requests.Session:
    """A service account's session as the owner of one mailbox. Raises SignInNeeded.

    `key` is the file of a rehearsal's own account; None: the configured one. Another server only
    ever gets a key of its own. The session sends mail and reads the account's name, so it gets no
    scope for the owner's docs.
    """
    scopes = tuple(scope for scope in _session_scopes(settings) if scope in _OF_A_MAILBOX)
    if key is not None and emulator is not None:
        return login.service_account_session(key, mailbox, scopes, token_uri=emulator.token_uri)
    file = Path(settings.config.sign_in.file)
    if emulator is None:
        return login.service_account_session(file, mailbox, scopes)
    login.refuse_key_of_another(file, emulator.token_uri)
    return login.service_account_session(file, mailbox, scopes, token_uri=emulator.token_uri)


def sign_in(
    settings: Settings,
    emulator: Emulator | None,
    request: LoginRequest,
    *,
    announce: Callable[[str], None],
    open_browser: Callable[[str], object],
    agree_to: Callable[[str, str], None],
) -> SignIn:
    """Sign a person in, in the browser, and store it.

    `agree_to` is called with the signed-in and the expected account if they differ; nothing is
    stored if it raises. Raises `BadInput`, `NotSetUp`, `ConfigBad` or a `GoogleFault`.
    """
    _refuse_other_ways(settings)

    try:
        asked = scopes_for((*settings.config.scopes, *request.wishes))
    except ValueError as bad:
        raise BadInput(f"--scope: {bad}") from bad
    expected = request.account or settings.config.sign_in.subject or _account_before(settings)
    in_keyring = settings.config.sign_in.keep == "keyring"
    if in_keyring and not is_in_keyring(settings.token_path):
        move_to_keyring(settings.token_path)
    elif not in_keyring and is_in_keyring(settings.token_path):
        forget_token(settings.token_path)
    return login.login(
        emulator or request.client or settings.client_path,
        settings.token_path,
        asked,
        open_browser=open_browser,
        port=request.port,
        announce=announce,
        timeout_seconds=request.timeout_seconds,
        account=expected,
        agree_to=lambda found: agree_to(found, expected),
    )


def _account_before(settings: Settings) -> str:
    """The stored sign-in's account; "" if none can be read."""
    try:
        return sign_in_status(settings.token_path).email
    except SignInNeeded:
        return ""


def standing_of(settings: Settings) -> SignInStanding:
    """The signed-in account, from the file alone. Raises `NotSetUp` or SignInNeeded."""
    _refuse_other_ways(settings)
    held = sign_in_status(settings.token_path)
    wanted = configured_scopes(as_granted(settings))
    if sends_in_one_step(held.scopes):
        wanted = tuple(SEND if scope == COMPOSE else scope for scope in wanted)
    return SignInStanding(
        account=held.email,
        scopes=tuple(short_name(scope) for scope in held.scopes),
        missing=tuple(short_name(scope) for scope in missing_scopes(held.scopes, wanted)),
        access_until=access_until(settings.token_path),
        token_path=settings.token_path,
    )


def sign_out(settings: Settings, emulator: Emulator | None) -> LoggedOut:
    """Delete the sign-in, and revoke it at Google."""
    if emulator is None:
        return logout(settings.token_path)
    return logout(settings.token_path, revoke_url=emulator.revoke_uri)


def _granted_send_alone(settings: Settings) -> bool:
    try:
        return sends_in_one_step(sign_in_status(settings.token_path).scopes)
    except SignInNeeded:  # reported when Google is called, not before
        return False


def _refuse_other_ways(settings: Settings) -> None:
    way = _WAYS.get(settings.config.sign_in.kind)
    if way:
        raise NotSetUp(
            f"The config signs in with {way}, so nobody signs in by hand. See that it works with "
            "`postmortem doctor`."
        )
