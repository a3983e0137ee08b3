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
    """One command of the story. `say` is what a person is told before it; may be empty.

    `expect` is the exit code that the step is about. `faults` are switched on in the rehearsal
    Google from this step on, as its switchboard takes them; None leaves it as it is.
    """

    at: datetime
    say: str
    arguments: tuple[str, ...]
    expect: int = 0
    faults: tuple[dict[str, Any], ...] | None = None


# A rehearsal within the rehearsal, and what is about this machine rather than an incident.
_NO_PART_OF_A_STORY = frozenset({"rehearse", "auth", "ledger", "init"})


@dataclass(frozen=True)
class Scenario:
    """A whole incident, ready to be run. `customers` is the list of everybody who was hit."""

    name: str
    title: str
    about: str
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
    except OSError as fault:
        raise BadInput(f"{path} can't be read: {fault.strerror}.") from fault
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise BadInput(f"{path} is not TOML that can be read: {fault}.") from fault
    except KeyError as missing:
        raise BadInput(f"{path} is not a scenario: it has no {missing.args[0]}.") from missing
    except (AttributeError, TypeError, ValueError, ZoneInfoNotFoundError) as fault:
        raise BadInput(f"{path} is not a scenario: {fault}.") from fault


def all_scenarios(folder: Path) -> list[Scenario]:
    """The scenarios of a folder, by their names. Raises `BadInput`."""
    return [load_scenario(each.stem, folder) for each in sorted(folder.glob("*.toml"))]


def _scenario(path: Path, document: dict[str, Any]) -> Scenario:
    zone = ZoneInfo(document["time_zone"])
    lists = {name: path.parent / file for name, file in document.get("lists", {}).items()}
    if "customers" in document:
        lists["customers"] = path.parent / document["customers"]
    for name, file in lists.items():
        if not file.is_file():
            raise BadInput(f"{path}: its list {name} names {file}, which is not there.")
    steps = []
    for each in document["step"]:
        at = datetime.fromisoformat(f"{document['day']}T{each['at']}").replace(tzinfo=zone)
        words = tuple(_with_lists(word, lists) for word in _command(each["run"]))
        say, expect = str(each.get("say", "")), int(each.get("expect", 0))
        steps.append(Step(at, say, words, expect, _faults(each)))
    if not steps:
        raise KeyError("step")
    return Scenario(
        path.stem,
        str(document["title"]),
        str(document.get("about", "")),
        zone.key,
        lists.get("customers"),
        tuple(steps),
    )


def _command(words: object) -> list[str]:
    """A step's command, which stays in the rehearsal. Raises `ValueError`."""
    if not isinstance(words, list) or not words or not all(isinstance(each, str) for each in words):
        raise ValueError('run is a list of texts, like ["log", "First customer wrote in"]')
    # A story that comes from somebody else must not write to real customers by the way.
    if any(word.partition("=")[0] == "--profile" for word in words):
        raise ValueError("a step names a --profile, and all of a rehearsal stays in its own")
    if words[0] in _NO_PART_OF_A_STORY:
        raise ValueError(f"a step can't be {words[0]!r}")
    return words


def _with_lists(word: str, lists: dict[str, Path]) -> str:
    for name, file in lists.items():
        word = word.replace("{" + name + "}", str(file))
    return word


def _faults(step: dict[str, Any]) -> tuple[dict[str, Any], ...] | None:
    """`calls` names a method of Google's, or a group of them like `docs.*`."""
    if "google" not in step:
        return None
    found = []
    for each in step["google"]:
        rest = {key: value for key, value in each.items() if key != "calls"}
        found.append({"match": {"method": each["calls"]}, **rest})
    return tuple(found)
