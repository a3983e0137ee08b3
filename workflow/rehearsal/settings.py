"""What can be set on the rehearsal Google: its account, its limits, its manners."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

SETTINGS_FILE = "settings.json"
BoundaryInserts = Literal["outside", "inside"]


class SettingError(ValueError):
    """A setting that does not exist or does not fit; the text is a sentence about it."""


@dataclass(frozen=True)
class Settings:
    """All switches, each with Google's own value as its default; 0 takes a limit away.

    `gmail_units_per_minute`: units per user; 6,000 for Cloud projects made since 2026-05-01, 15,000
    before. `daily_sends`: messages per account in rolling 24 hours. `gmail_concurrency`: calls of
    one account at one time. `time_scale`: how many times faster than the wall the clock of the
    quotas runs. `latency_seconds`: how long every call takes at the least. `idle_seconds`: a
    server without a request for so long stops by itself. `boundary_inserts`: whether text that is
    inserted exactly at a named range's edge belongs to the range (undocumented by Google).
    `aliases`: for an account, the further addresses that it may send from.
    `token_seconds`: how long an access token of the sign-in holds; 0 has run out when it is given.
    `mailboxes`: the accounts that a service account may act for; none named means any.
    `delegated_scopes`: what an administrator has let it ask for, by short names.
    `bouncing`: addresses, or domains as `@example.org`, whose mail comes back.
    `unknown_requests`: requests of a Docs batch, such as `insertDate`, that this project's API
    does not have yet.
    """

    account: str = "you@rehearsal.example"
    display_name: str = "You"
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    mailboxes: tuple[str, ...] = ()
    delegated_scopes: tuple[str, ...] = ("drive.file", "documents", "gmail.compose")
    bouncing: tuple[str, ...] = ()
    unknown_requests: tuple[str, ...] = ()
    gmail_units_per_minute: int = 15_000
    gmail_concurrency: int = 25
    docs_reads_per_minute: int = 300
    docs_writes_per_minute: int = 60
    drive_units_per_minute: int = 325_000
    daily_sends: int = 2_000
    time_scale: float = 1.0
    latency_seconds: float = 0.0
    idle_seconds: float = 900.0
    token_seconds: int = 3_599
    boundary_inserts: BoundaryInserts = "outside"

    def changed(self, values: Mapping[str, Any]) -> Settings:
        """These settings with some of them replaced, as JSON gives them.

        Raises `SettingError` for a name that does not exist or a value that does
        not fit.
        """
        known = {each.name: getattr(self, each.name) for each in fields(self)}
        return replace(
            self, **{name: _fitting(name, value, known) for name, value in values.items()}
        )

    def as_json(self) -> dict[str, Any]:
        """All settings as plain JSON values."""
        return asdict(self)


def read_settings(folder: Path) -> Settings:
    """The settings of a rehearsal folder: `settings.json` where there is one, else the defaults."""
    path = folder / SETTINGS_FILE
    if not path.exists():
        return Settings()
    values = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(values, dict):
        raise SettingError(f"{path}: the settings must be a JSON object.")
    return Settings().changed(values)


def _fitting(name: str, value: Any, known: Mapping[str, Any]) -> Any:
    if name not in known:
        raise SettingError(f"There is no setting {name!r}; there are {', '.join(sorted(known))}.")
    if name == "aliases":
        return _aliases(value)
    if name in {"bouncing", "unknown_requests", "mailboxes", "delegated_scopes"}:
        return _texts(name, value)
    if name == "boundary_inserts" and value not in {"outside", "inside"}:
        raise SettingError("boundary_inserts is either 'outside' or 'inside'.")
    if isinstance(known[name], str):
        return _text(name, value)
    return _amount(name, value, known[name])


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise SettingError(f"{name} must be a text, not {value!r}.")
    return value


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise SettingError(f"{name} must be a list of texts, not {value!r}.")
    return tuple(_text(name, each) for each in value)


def _aliases(value: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, Mapping):
        raise SettingError("aliases must map an account to a list of addresses.")
    return {_text("aliases", account): _texts("aliases", each) for account, each in value.items()}


def _amount(name: str, value: Any, default: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise SettingError(f"{name} must be a number of 0 or more, not {value!r}.")
    if isinstance(default, int) and not isinstance(value, int):
        raise SettingError(f"{name} must be a whole number, not {value!r}.")
    if name == "time_scale" and value == 0:
        raise SettingError("time_scale must be more than 0.")
    return value
