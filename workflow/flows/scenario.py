"""A rehearsal's script: an incident told as a list of commands, each at its time."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from workflow.flows.faults import BadInput


@dataclass(frozen=True)
class Step:
    """One command of the story. `say` is what a person is told before it; may be empty."""

    at: datetime
    say: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Scenario:
    """A whole incident, ready to be run. `customers` is the list's file."""

    name: str
    title: str
    time_zone: str
    customers: Path | None
    steps: tuple[Step, ...]


def load_scenario(name: str, folder: Path) -> Scenario:
    """A scenario by its name in `folder`, or by its path. Raises `BadInput`."""
    path = Path(name).expanduser() if name.endswith(".toml") else folder / f"{name}.toml"
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        return _scenario(path, document)
    except FileNotFoundError:
        known = ", ".join(sorted(each.stem for each in folder.glob("*.toml")))
        raise BadInput(f"There is no scenario {name!r}. Known: {known}; or a .toml file.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise BadInput(f"{path} is not TOML that can be read: {fault}.") from fault
    except (KeyError, TypeError, ValueError, ZoneInfoNotFoundError) as fault:
        raise BadInput(f"{path} is not a scenario: {fault}.") from fault


def _scenario(path: Path, document: dict[str, Any]) -> Scenario:
    zone = ZoneInfo(document["time_zone"])
    customers = path.parent / document["customers"] if "customers" in document else None
    steps = []
    for each in document["step"]:
        at = datetime.fromisoformat(f"{document['day']}T{each['at']}").replace(tzinfo=zone)
        arguments = [word.replace("{customers}", str(customers)) for word in each["run"]]
        steps.append(Step(at, each.get("say", ""), tuple(arguments)))
    return Scenario(path.stem, document["title"], zone.key, customers, tuple(steps))
