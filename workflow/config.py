"""The configuration: one TOML file with every key checked, and the environment's overrides."""

from __future__ import annotations

import difflib
import os
import re
import shlex
import stat
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from workflow.chat.channels import Channel, ChannelBad, ChannelKind, Secret, read_channels
from workflow.errors import NotSetUp, shown_name, why_refused, without_secrets
from workflow.google.endpoint import Endpoint, is_loopback
from workflow.smtp import Smtp, fault_in

GOOGLE = "google"
REHEARSAL = "rehearsal"


class ConfigBad(NotSetUp):
    """The configuration can't be used. `str()` says what is wrong, where, and what to do."""


@dataclass(frozen=True)
class Sending:
    """How mail is sent. Units are Gmail's quota units per user and minute; times are in seconds.

    6,000 units is what Google gives a Cloud project made since May 2026; older ones have 15,000.
    `read_threads`: read the Message-ID of a customer's earlier mail, to continue their thread. This
    needs a scope that reads mail. `stop_at_bounces`: the share of bounced mails above which the
    rest of a notice is stopped.
    """

    units_per_minute: int = 6000
    daily_limit: int = 2000
    in_flight: int = 5
    timeout_seconds: float = 60.0
    one_step: bool = False
    read_threads: bool = False
    stop_at_bounces: float = 0.05


@dataclass(frozen=True)
class WordRule:
    """A team's own rule for the text of a mail: if `pattern` is found, report `message`.

    `level` is warning or error. `stages` are the stages that it applies to; none means all.
    """

    code: str
    pattern: str
    message: str
    level: str = "warning"
    stages: tuple[str, ...] = ()


@dataclass(frozen=True)
class SignInWay:
    """How this program signs in to Google.

    `kind` is person (a browser), service_account (a key `file`, acting as the person `subject`) or
    adc (Application Default Credentials, provided by the machine). `keep` says where a person's
    sign-in is kept: in a file, or in the keyring of the operating system.
    """

    kind: str = "person"
    file: str = ""
    subject: str = ""
    keep: str = "file"


@dataclass(frozen=True)
class Config:
    """A team's settings. Empty means: not set.

    `senders` are the mailboxes among which a list is divided, each a subject of the service
    account. `native_chips`: write times, people, Drive links and the status as chips; if off, they
    are text, which search finds and every export shows. `credentials` is the OAuth client's file;
    `scopes` are requested in addition to the usual ones. Paths are absolute once the config is
    loaded: a relative one in the file starts from the file's folder. `list_database_url` is the
    database that `notify sql:FILE` queries, as a user that may only read. `announce` are the
    channels in which colleagues are notified. `require_approval`: a second person approves each
    notice, or those to more than this many people. `approver_keys`: whose signatures on plan files
    count, each a name and a public key in hex. `names_in_doc`: the doc names customers who replied;
    if off, it only counts them. `retention_days`: forget an incident's customers this many days
    after it was closed; 0 means never.
    """

    organisation: str = ""
    support: str = ""
    sender_name: str = ""
    reply_to: str = ""
    senders: tuple[str, ...] = ()
    time_zone: str = ""
    owner: str = ""
    share: tuple[str, ...] = ()
    share_notify: bool = False
    folder: str = ""
    templates: str = ""
    list_database_url: str = ""
    own_domains: tuple[str, ...] = ()
    allowed_findings: tuple[str, ...] = ()
    word_rules: tuple[WordRule, ...] = ()
    credentials: str = ""
    scopes: tuple[str, ...] = ()
    native_chips: bool = False
    google_url: str = ""
    google_url_hosts: tuple[str, ...] = ()
    google_url_token: str = "rehearsal"  # noqa: S105 - the rehearsal's, known to all
    sending: Sending = field(default_factory=Sending)
    sign_in: SignInWay = field(default_factory=SignInWay)
    announce: tuple[Channel, ...] = ()
    smtp: Smtp = field(default_factory=Smtp)
    require_approval: bool | int = False
    approver_keys: tuple[str, ...] = ()
    names_in_doc: bool = False
    retention_days: int = 0

    def needs_approval(self, recipients: int) -> bool:
        """Whether a notice to this many people needs a second person's approval."""
        wanted = self.require_approval
        return wanted if isinstance(wanted, bool) else recipients > wanted


@dataclass(frozen=True)
class Settings:
    """The configuration of one run: the profile's values, and the paths of its files."""

    profile: str
    home: Path
    config_path: Path
    database_url: str
    config: Config

    @property
    def profile_folder(self) -> Path:
        """This profile's folder: a rehearsal never mixes with real data."""
        return self.home if self.profile == GOOGLE else self.home / self.profile

    @property
    def own_folders(self) -> tuple[Path, ...]:
        """This profile's folders: texts in progress, records, the rehearsal's world."""
        names = ("unfinished", "records", "google")
        return tuple(self.profile_folder / name for name in names)

    @property
    def token_path(self) -> Path:
        """The path of the sign-in's token file; another Google-compatible server has its own."""
        stand_in = bool(self.config.google_url)
        return self.profile_folder / ("stand-in-token.json" if stand_in else "token.json")

    @property
    def client_path(self) -> Path:
        """The path of the OAuth client's file: the configured one, else beside the config."""
        named = self.config.credentials
        return Path(named) if named else self.home / "credentials.json"

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of new incidents: the configured one, else the machine's."""
        return ZoneInfo(self.config.time_zone) if self.config.time_zone else machine_zone()


def load_settings(environment: Mapping[str, str], profile: str = "") -> Settings:
    """Settings from the config file and the environment. Raises `ConfigBad`."""
    home, path = _home(environment), config_path(environment)
    refuse_open_to_others(home)
    _refuse_written_by_others(path)
    document = _document(path, named="POSTMORTEM_CONFIG" in environment)
    name = profile or environment.get("POSTMORTEM_PROFILE") or GOOGLE
    profiles = document.pop("profiles", {})
    if not isinstance(profiles, dict) or not all(isinstance(v, dict) for v in profiles.values()):
        raise ConfigBad(f"{path}: profiles are tables, like [profiles.staging].")
    if name not in {GOOGLE, REHEARSAL, *profiles}:
        known = ", ".join(sorted({GOOGLE, REHEARSAL, *profiles}))
        raise ConfigBad(
            f"There is no profile {name!r}. Known: {known}. Add [profiles.{name}] to {path}."
        )
    base = _REHEARSAL if name == REHEARSAL else Config()
    if name == REHEARSAL:  # a rehearsal writes to its own channel, never to the team's
        document.pop("announce", None)
    config = _config(_config(base, document, path), profiles.get(name, {}), path)
    config = replace(
        config, google_url=environment.get("POSTMORTEM_GOOGLE_URL") or config.google_url
    )
    config = _placed(config, path)
    _check(config, path)
    _check_senders(config, path, rehearses=name == REHEARSAL)
    settings = Settings(name, home, path, "", config)
    refuse_open_to_others(settings.profile_folder, *settings.own_folders)
    database = environment.get("POSTMORTEM_DATABASE_URL") or (
        f"sqlite:///{settings.profile_folder / 'ledger.sqlite3'}"
    )
    return replace(settings, database_url=database)


_WRITTEN_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def refuse_open_to_others(*folders: Path) -> None:
    """Raise `ConfigBad` for a folder in which others could put a config, ledger or token."""
    if sys.platform == "win32":
        return
    for folder in folders:
        if not folder.exists():
            continue
        found = folder.stat()
        if found.st_mode & _WRITTEN_BY_OTHERS:
            raise ConfigBad(
                f"Other users of this machine may write into {folder}, so nothing in it can be "
                f"trusted. Run `chmod 700 {shlex.quote(str(folder))}` and look at what is in it, "
                "or set POSTMORTEM_HOME to another folder."
            )
        if os.getuid() not in {0, found.st_uid}:
            raise ConfigBad(
                f"{folder} belongs to somebody else on this machine. Set POSTMORTEM_HOME to "
                "another folder."
            )


def _refuse_written_by_others(path: Path) -> None:
    """Raise `ConfigBad` for a config that another user of this machine could have written."""
    if sys.platform == "win32" or not path.exists():
        return
    found = path.stat()
    if found.st_mode & _WRITTEN_BY_OTHERS:
        raise ConfigBad(
            f"Other users of this machine may write {path}, so it can't be trusted. Read it, then "
            f"run `chmod go-w {shlex.quote(str(path))}`."
        )
    if os.getuid() != 0 and found.st_uid not in {0, os.getuid()}:
        raise ConfigBad(
            f"{path} belongs to another user of this machine, who may change it at any time. Read "
            "it, then use a copy of your own."
        )


def _placed(config: Config, path: Path) -> Config:
    """Make the config's paths absolute; a relative path starts from the config's folder."""
    folder = path.absolute().parent

    def whole(name: str) -> str:
        if not name.isprintable():  # in double quotes, the `\t` of `C:\team` is a tab
            raise ConfigBad(
                f"{path}: the path {name!r} holds a control character. Put a path with "
                "backslashes in single quotes."
            )
        return str(folder / Path(name).expanduser()) if name else ""

    database = config.list_database_url
    start = "sqlite:///"
    if database.startswith(start) and database != start:
        database = start + whole(database.removeprefix(start))
    return replace(
        config,
        credentials=whole(config.credentials),
        templates=whole(config.templates),
        list_database_url=database,
        sign_in=replace(config.sign_in, file=whole(config.sign_in.file)),
        smtp=replace(config.smtp, password_file=whole(config.smtp.password_file)),
    )


def config_path(environment: Mapping[str, str]) -> Path:
    """The path of the config file, whether or not it exists."""
    named = environment.get("POSTMORTEM_CONFIG")
    return Path(named).expanduser() if named else _home(environment) / "config.toml"


# The rehearsal Google has the quota of an older Cloud project, so that a drill runs quickly. Its
# customers use test domains, so don't warn about those. It answers at once, so that a call without
# an answer is soon known to be over.
_REHEARSAL = Config(
    allowed_findings=("test_domain",),
    announce=(
        Channel(
            ChannelKind.SLACK_WEBHOOK,
            "#incidents (rehearsal)",
            Secret("/services/TREHEARSAL/BINCIDENTS/told-on-this-machine"),
        ),
    ),
    sending=Sending(units_per_minute=15000, timeout_seconds=10.0),
)


def _home(environment: Mapping[str, str]) -> Path:
    named = environment.get("POSTMORTEM_HOME")
    if named:
        return Path(named).expanduser().absolute()
    import platformdirs  # noqa: PLC0415 - 20 ms, when nobody named a folder

    return Path(platformdirs.user_data_dir("postmortem", appauthor=False))


def _document(path: Path, *, named: bool) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if named:
            raise ConfigBad(
                f"There is no config file {path} (POSTMORTEM_CONFIG names it)."
            ) from None
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as fault:
        why = without_secrets(str(fault))
        raise ConfigBad(
            f"{path} is not TOML that can be read: {why}.{_about_backslashes(why)}"
        ) from None
    except OSError as fault:
        raise ConfigBad(f"{path} can't be read: {why_refused(fault)}.") from fault


def _about_backslashes(why: str) -> str:
    """What to do about a Windows path in double quotes, where TOML takes `\\U` for an escape."""
    if not re.search(r"hex value|Unescaped '", why):
        return ""
    return r" Put a path with backslashes in single quotes, such as 'C:\Users\ann\templates'."


def _config(base: Config, table: dict[str, Any], path: Path) -> Config:
    """`base` with the table's values, each checked for its type."""
    values = dict(table)
    inner = {name: values.pop(name, {}) for name in ("sending", "sign_in", "smtp")}
    for name, found in inner.items():
        if not isinstance(found, dict):
            raise ConfigBad(f"{path}: {name} is a table: [{name}].")
    tables = values.pop("word_rules", [])
    if not isinstance(tables, list):
        raise ConfigBad(f"{path}: word_rules is a list of tables: [[word_rules]].")
    rules = tuple(_word_rule(each, path) for each in tables)
    channels = values.pop("announce", None)
    changed = {key: _value(base, key, value, path) for key, value in values.items()}
    return replace(
        base,
        **changed,
        word_rules=base.word_rules + rules,
        announce=base.announce if channels is None else _channels(channels, path),
        sending=replace(base.sending, **_values(base.sending, inner["sending"], path)),
        sign_in=replace(base.sign_in, **_values(base.sign_in, inner["sign_in"], path)),
        smtp=replace(base.smtp, **_values(base.smtp, inner["smtp"], path)),
    )


def _values(
    base: Sending | SignInWay | Smtp, table: Mapping[str, Any], path: Path
) -> dict[str, Any]:
    return {key: _value(base, key, value, path) for key, value in table.items()}


def _channels(tables: Any, path: Path) -> tuple[Channel, ...]:
    try:
        return read_channels(tables)
    except ChannelBad as bad:
        raise ConfigBad(f"{path}: {bad}") from None


def _word_rule(table: Any, path: Path) -> WordRule:
    names = {each.name for each in fields(WordRule)}
    if not isinstance(table, dict) or not {"code", "pattern", "message"} <= table.keys() <= names:
        raise ConfigBad(
            f"{path}: each [[word_rules]] has code, pattern and message, and may have level "
            "(warning or error) and stages (a list)."
        )
    stages = table.get("stages", [])
    words = [value for key, value in table.items() if key != "stages"]
    if not isinstance(stages, list) or not all(isinstance(each, str) for each in [*words, *stages]):
        raise ConfigBad(
            f"{path}: [[word_rules]]: stages is a list of texts, and all else is a text in quotes."
        )
    rule = WordRule(**{**table, "stages": tuple(stages)})
    try:
        re.compile(rule.pattern)
    except (re.error, TypeError) as fault:
        raise ConfigBad(
            f"{path}: word rule {rule.code!r}: its pattern is wrong: {fault}."
        ) from None
    if rule.level not in {"warning", "error"}:
        raise ConfigBad(f"{path}: word rule {rule.code!r}: level is warning or error.")
    return rule


def _value(base: Config | Sending | SignInWay | Smtp, key: str, value: Any, path: Path) -> Any:
    names = [each.name for each in fields(base) if each.name not in _TABLES]
    if key not in names:
        close = difflib.get_close_matches(key, names, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else f" Known: {', '.join(names)}."
        raise ConfigBad(f"{path}: there is no setting {shown_name(key)!r}.{hint}")
    present = getattr(base, key)
    if key == "require_approval":
        if isinstance(value, int) and value >= 0:
            return value
        raise ConfigBad(f"{path}: require_approval is true, false or a number of recipients.")
    if isinstance(present, tuple):
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            return tuple(value)
        raise ConfigBad(f'{path}: {key} is a list of texts, like ["a", "b"].')
    if isinstance(present, bool) is isinstance(value, bool):
        if isinstance(present, float) and isinstance(value, int):
            return float(value)
        if isinstance(value, type(present)):
            return value
    # Don't quote the value: it may be a secret that was put in the wrong place.
    found = _TYPE_WORDS.get(type(value), "something else")
    raise ConfigBad(f"{path}: {key} must be {_TYPE_WORDS[type(present)]}, not {found}.")


_TABLES = {"sending", "sign_in", "smtp", "word_rules", "announce"}

_RANGES: dict[str, tuple[float, float]] = {
    "units_per_minute": (110, 1_000_000_000),
    "daily_limit": (1, 1_000_000_000),
    "in_flight": (1, 1_000),
    "timeout_seconds": (0.1, 86_400),
    "stop_at_bounces": (0, 1),
}

_TYPE_WORDS: dict[type, str] = {
    str: "a text in quotes",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a table",
}


def _check(config: Config, path: Path) -> None:
    if config.retention_days < 0:
        raise ConfigBad(f"{path}: retention_days is a number of days, or 0 for never.")
    if config.time_zone:
        try:
            ZoneInfo(config.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):  # a folder of zones, such as America
            raise ConfigBad(
                f"{path}: time_zone {config.time_zone!r} is not a zone's name, like Europe/Berlin."
            ) from None
    if config.google_url:
        _check_google_url(config)
    _check_sign_in(config.sign_in, path)
    for key, (least, most) in _RANGES.items():
        if not least <= getattr(config.sending, key) <= most:  # nan is in no range
            raise ConfigBad(f"{path}: sending.{key} must be at least {least}, at most {most:,}.")
    if reason := fault_in(config.smtp):
        raise ConfigBad(f"{path}: [smtp]: {reason}")


def _check_senders(config: Config, path: Path, *, rehearses: bool) -> None:
    """Check that several mailboxes come with a sign-in that can act for each of them.

    A rehearsal brings its own sign-in.
    """
    spellings = [sender.casefold() for sender in config.senders]
    for sender in config.senders:
        if not re.fullmatch(r"[^@\s<>,;:]+@[^@\s<>,;:]+", sender):
            raise ConfigBad(f"{path}: senders: {sender!r} is not one mail address.")
        if spellings.count(sender.casefold()) > 1:
            raise ConfigBad(f"{path}: senders names {sender} twice.")
    if config.senders and config.sign_in.kind != "service_account" and not rehearses:
        raise ConfigBad(
            f"{path}: senders are several mailboxes, and sign_in.kind {config.sign_in.kind!r} can "
            'use one alone. Set sign_in.kind = "service_account" with domain-wide delegation, or '
            "take senders out."
        )


def _check_sign_in(way: SignInWay, path: Path) -> None:
    if way.kind not in {"person", "service_account", "adc"}:
        raise ConfigBad(
            f"{path}: sign_in.kind {way.kind!r} is not one of person, service_account and adc."
        )
    if way.keep not in {"file", "keyring"}:
        raise ConfigBad(f"{path}: sign_in.keep {way.keep!r} is neither file nor keyring.")
    if way.kind == "service_account" and not (way.file and "@" in way.subject):
        raise ConfigBad(
            f"{path}: a service account needs sign_in.file, its key, and sign_in.subject, the "
            "person whose mailbox sends: Google gives a service account none of its own."
        )


def _check_google_url(config: Config) -> None:
    """Refuse a Google-compatible server on another machine unless the config names its host."""
    try:
        Endpoint(config.google_url)
    except ValueError as fault:
        raise ConfigBad(f"POSTMORTEM_GOOGLE_URL: {fault}") from fault
    host = urlsplit(config.google_url).hostname or ""
    if host in config.google_url_hosts or is_loopback(host):
        return
    raise ConfigBad(
        f"POSTMORTEM_GOOGLE_URL points to {host}, which is not this machine. "
        f'Allow it in the config with google_url_hosts = ["{host}"].'
    )


def machine_zone() -> ZoneInfo:
    """The time zone of this machine: TZ if set, else the system's setting, else UTC."""
    import tzlocal  # noqa: PLC0415 - 20 ms, when no zone is configured

    try:
        return ZoneInfo(os.environ.get("TZ", "").lstrip(":") or tzlocal.get_localzone_name())
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")
