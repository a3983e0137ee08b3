"""A drill on the rehearsal Google: its scenario, its limits, and its score.

A scenario tells an incident as a list of commands, each at its time. The score says in four figures
how an incident was handled.

A scenario may come from somebody else, and its steps are real commands. So anything that isn't
known to stay inside the rehearsal is refused: another profile, a file elsewhere, a file written
where the story says. The check is made on the final command, after every substitution.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from workflow.errors import BadInput, why_refused
from workflow.ledger import incidents, plans
from workflow.ledger.notices import WordGiven, words_given
from workflow.mail.list_recipients import RecipientList, read_recipients
from workflow.model import Incident, duration_text, minutes_between
from workflow.standing.closing_checks import promises, told_at
from workflow.workspace import Workspace

OUTPUT = "{output}"

# The commands of an incident's story. Any other would be about this machine, or never end.
_COMMANDS = frozenset(
    {
        *("start", "log", "status", "impact", "severity", "edit", "section", "attach", "announce"),
        *("notify", "resume", "sync", "bounces", "replies", "suppress", "share", "unshare", "use"),
        *("told", "show", "list", "watch", "actions", "close", "reopen", "approve"),
        *("export", "report", "publish"),
    }
)
_OPTIONS = frozenset(
    {
        *("--impact", "--severity", "--at", "--share", "--template", "--set", "--announce"),
        *("--customer-title", "--customer-impact", "--by", "--link", "--before-start", "--dates"),
        *("--yes", "--edit", "--strike", "--plain", "--again", "--title", "--started", "--owner"),
        *("--links", "--folder", "--to", "--force", "--confirm", "--lock", "--check", "--stage"),
        *("--subject", "--next-update", "--from", "--reply-to", "--attach", "--attach-column"),
        *("--column", "--sheet", "--encoding", "--skip-bad", "--test", "--row", "--send"),
        *("--first", "--group-by", "--draft-only", "--approve-by", "--propose", "--plan"),
        *("--one-step", "--only-new", "--despite", "--despite-bounces", "--retry-failed"),
        *("--resend-unknown", "--discard", "--as-edited", "--restore", "--leave-out", "--keep"),
        *("--why", "--remove", "--notify", "--caption", "--publish", "--show-content", "--once"),
        *("--full", "--mails", "--drop", "--doc", "--with-entry", "--with-recipients", "--all"),
        *("--format", "--not-told", "--json", "--verbose", "--quiet", "-v", "-q"),
    }
)
# The options without a value. A test compares them with the commands' own help.
_FLAGS = frozenset(
    {
        *("--announce", "--before-start", "--yes", "--plain", "--again", "--lock", "--check"),
        *("--skip-bad", "--send", "--draft-only", "--propose", "--one-step", "--only-new"),
        *("--despite-bounces", "--retry-failed", "--resend-unknown", "--discard", "--as-edited"),
        *("--restore", "--leave-out", "--remove", "--notify", "--publish", "--show-content"),
        *("--once", "--full", "--doc", "--with-recipients", "--all"),
        *("--json", "--verbose", "--quiet", "-v", "-q"),
    }
)
_FLAGS_WITH_A_VALUE_IN = {("announce", "--again"), ("publish", "--leave-out")}
# Options and commands with file names. What they write is in the rehearsal's own folder.
_READS = frozenset({"--template", "--attach"})
_READING_COMMANDS = frozenset({"notify", "attach"})
_WRITES = {("report", "--to"), ("publish", "--to"), ("close", "--not-told"), ("told", "--mails")}
_WRITING_COMMAND = "export"
# A plan's file is signed where it lies.
_HASH = re.compile(r"[0-9a-f]+")
# Lists outside the story's files: typed at the terminal, or read from the team's database.
_OTHER_SOURCES = ("-", "sql:")


class LeavesTheStory(BadInput):
    """A step would act outside the rehearsal. `str()` says what."""


@dataclass(frozen=True)
class ClosedWorld:
    """The two folders of a story: its files are read from one and written below the other.

    Steps run in `output`, so a file without a folder is written there too.
    """

    folder: Path
    output: Path

    def held(self, words: Sequence[str]) -> tuple[str, ...]:
        """The final command, with the story's files as absolute paths.

        Raises `LeavesTheStory` for a command that could act outside the rehearsal.
        """
        placed = [word.replace(OUTPUT, str(self.output)) for word in words]
        command = placed[0]
        if command not in _COMMANDS:
            raise LeavesTheStory(f"a step can't be {command!r}")
        return (command, *self._held_options(command, placed[1:]))

    def file(self, name: str) -> Path:
        """A file of the story. Raises `LeavesTheStory` for one outside its folder."""
        return self._inside(name, self.folder, "its files lie beside the scenario")

    def _held_options(self, command: str, words: Sequence[str]) -> Iterator[str]:
        """The words after the command, each checked, so that they can be read in one way alone.

        Each option has its value behind an equals sign, and all other words stand behind `--`.
        """
        texts: list[str] = []
        rest = iter(words)
        for word in rest:
            if word == "--":
                texts.extend(rest)
            elif not word.startswith("-") or word == "-":
                texts.append(word)
            else:
                yield self._held_option(command, word, rest)
        if texts:
            yield "--"
        for text in texts:
            yield self._held_word(command, "", text)

    def _held_option(self, command: str, word: str, rest: Iterator[str]) -> str:
        """A checked option; its value is taken from `rest` if it isn't in the word."""
        name, equals, value = word.partition("=")
        if name not in _OPTIONS:
            raise LeavesTheStory(f"a step can't have {name}: {_why_not(name)}")
        if stands_alone(command, name):
            if equals:
                raise LeavesTheStory(f"a step has {word}, and {name} takes no value")
            return name
        given = value if equals else next(rest, None)
        if given is None:
            raise LeavesTheStory(f"a step has {name} without its value")
        return f"{name}={self._held_word(command, name, given)}"

    def _held_word(self, command: str, option: str, word: str) -> str:
        """A checked word: an option's value, or one of the command's own."""
        if (command, option) in _WRITES or (command == _WRITING_COMMAND and option != "--format"):
            return str(self._inside(word, self.output, f"it may write below {OUTPUT} alone"))
        if command == "approve" and not option and not _HASH.fullmatch(word):
            raise LeavesTheStory(f"a step approves {word}, and a story's plan is named by its hash")
        if option in _READS or (command in _READING_COMMANDS and option != "--set"):
            return self._read(word)
        return word

    def _read(self, word: str) -> str:
        """A checked word that may name a file to read, a template or a stage."""
        if word.startswith(_OTHER_SOURCES):
            raise LeavesTheStory(f"a step reads {word}, and its lists lie beside the scenario")
        if urlsplit(word).scheme in {"http", "https"}:
            return word
        path = self.file(word)
        return str(path) if path.exists() else word

    def _inside(self, name: str, folder: Path, rule: str) -> Path:
        """A path inside a folder, with symbolic links resolved. Raises `LeavesTheStory`."""
        whole = folder.resolve()
        try:
            # A backslash separates folders on Windows, and `~` means somebody's home.
            path = (whole / name.replace("\\", "/")).resolve()
            leaves = name.startswith("~") or not path.is_relative_to(whole)
        except (OSError, ValueError, RuntimeError):
            leaves = True
        if leaves:
            raise LeavesTheStory(f"a step names {name}, and {rule}")
        return path


def stands_alone(command: str, option: str) -> bool:
    """Whether an option of a command takes no value."""
    return option in _FLAGS and (command, option) not in _FLAGS_WITH_A_VALUE_IN


def _why_not(option: str) -> str:
    if option == "--profile":
        return "all of a rehearsal stays in its own profile"
    return "it is not part of a story"


@dataclass(frozen=True)
class StoryStep:
    """One command of the story. `say` is shown before it; may be empty.

    `expect` is the expected exit code. `faults` are switched on in the rehearsal Google from this
    step on, in its switchboard's form; None changes nothing. `people` are colleagues' acts in Gmail
    and in the doc before the command, in the form of `google_rehearsal/people.py`. A step without a
    command (no `arguments`) has only those.
    """

    at: datetime
    say: str
    arguments: tuple[str, ...]
    expect: int = 0
    faults: tuple[dict[str, Any], ...] | None = None
    people: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Scenario:
    """A whole incident, ready to run.

    `customers` is the list of all affected customers; `folder` holds the story's files.
    """

    name: str
    title: str
    about: str
    time_zone: str
    customers: Path | None
    steps: tuple[StoryStep, ...]
    folder: Path


_SENSELESS = (AttributeError, OverflowError, TypeError, ValueError)


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
        raise BadInput(f"{path} can't be read: {why_refused(fault)}.") from fault
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise BadInput(f"{path} is not TOML that can be read: {fault}.") from fault
    except KeyError as missing:
        raise BadInput(f"{path} is not a scenario: it has no {missing.args[0]}.") from missing
    except (*_SENSELESS, LeavesTheStory, ZoneInfoNotFoundError) as fault:
        raise BadInput(f"{path} is not a scenario: {fault}.") from fault


def all_scenarios(folder: Path) -> list[Scenario]:
    """The scenarios of a folder, by their names. Raises `BadInput`."""
    return [load_scenario(each.stem, folder) for each in sorted(folder.glob("*.toml"))]


def _scenario(path: Path, document: dict[str, Any]) -> Scenario:
    zone = ZoneInfo(document["time_zone"])
    folder = path.parent.absolute()
    world = ClosedWorld(folder, folder / "output")
    named = dict(document.get("lists", {}))
    if "customers" in document:
        named["customers"] = document["customers"]
    lists = {name: world.file(file) for name, file in named.items()}
    for name, file in lists.items():
        if not file.is_file():
            raise BadInput(f"{path}: its list {name} names {file}, which is not there.")
    steps = []
    for each in document["step"]:
        at = datetime.fromisoformat(f"{document['day']}T{each['at']}").replace(tzinfo=zone)
        if not 1 < at.year < 9999:  # its day may begin or end outside the calendar
            raise ValueError(f"nothing happens in the year {at.year}")
        people = _people(each)
        words = tuple(_with_lists(word, lists) for word in _command(each, people))
        if words:
            world.held(words)  # before the first step runs, and again when this one does
        say, expect = str(each.get("say", "")), int(each.get("expect", 0))
        steps.append(StoryStep(at, say, words, expect, _faults(each), people))
    if not steps:
        raise KeyError("step")
    return Scenario(
        path.stem,
        str(document["title"]),
        str(document.get("about", "")),
        zone.key,
        lists.get("customers"),
        tuple(steps),
        folder,
    )


def _people(step: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """Colleagues' acts in a step. Raises `ValueError`."""
    acts = step.get("people", [])
    if not isinstance(acts, list) or not all(isinstance(each, dict) for each in acts):
        raise ValueError('people is a list like [{does = "delete_draft", draft = "ann@x.example"}]')
    return tuple(acts)


def _command(step: dict[str, Any], people: tuple[dict[str, Any], ...]) -> list[str]:
    """A step's command. Raises `ValueError`, and `KeyError`."""
    if people and "run" not in step:
        return []
    words = step["run"]
    if not isinstance(words, list) or not words or not all(isinstance(each, str) for each in words):
        raise ValueError('run is a list of texts, like ["log", "First customer wrote in"]')
    return words


def _with_lists(word: str, lists: dict[str, Path]) -> str:
    for name, file in lists.items():
        word = word.replace("{" + name + "}", str(file))
    return word


def _faults(step: dict[str, Any]) -> tuple[dict[str, Any], ...] | None:
    """A step's faults; `calls` names a method of Google's, or a group like `docs.*`."""
    if "google" not in step:
        return None
    found = []
    for each in step["google"]:
        rest = {key: value for key, value in each.items() if key != "calls"}
        found.append({"match": {"method": each["calls"]}, **rest})
    return tuple(found)


# Promises are made to the minute.


@dataclass(frozen=True)
class Score:
    """The figures of one incident. Times count from its first sign; None is never.

    `missed` names those on the list who got no mail: an address, or a row that can't be read.
    """

    doc_after: timedelta | None
    first_word_after: timedelta | None
    promises: int
    promises_kept: int
    customers: int
    missed: tuple[str, ...]

    @property
    def lines(self) -> list[tuple[str, str]]:
        """Each figure with its name, in words."""
        kept = f"{self.promises_kept} of {self.promises}" if self.promises else "none promised"
        missed = f"{len(self.missed)} of {self.customers}" if self.missed else "none"
        named = f": {', '.join(self.missed[:5])}" if self.missed else ""
        return [
            ("time to doc", _length(self.doc_after)),
            ("time to first notice", _length(self.first_word_after)),
            ("promises kept", kept),
            ("customers not notified", missed + named),
        ]


def score(workspace: Workspace, incident: Incident, customers: Path | None) -> Score:
    """Score an incident against the list of all affected customers, if there is one."""
    hit = read_recipients(customers.read_bytes()) if customers else None
    keys = [each.key for each in hit.recipients] if hit else []
    with workspace.ledger.read() as connection:
        began_doc = incidents.said_at(connection, incident.id)
        given = words_given(connection, incident.id)
        told = plans.told_before(connection, incident.id, keys)
    made = promises(given)
    return Score(
        doc_after=_passed(incident.started_at, began_doc) if incident.doc_id else None,
        first_word_after=_first(given, incident.started_at),
        promises=len(made),
        promises_kept=sum(each.is_kept for each in made),
        customers=len(keys) + (len(hit.bad_rows) if hit else 0),
        missed=_missed(hit, told.keys()) if hit else (),
    )


def known_incidents(workspace: Workspace) -> frozenset[str]:
    """The ids of the profile's incidents."""
    with workspace.ledger.read() as connection:
        found = incidents.all_incidents(connection, profile=workspace.settings.profile)
    return frozenset(each.id for each in found)


def latest_besides(workspace: Workspace, before: Set[str]) -> Incident | None:
    """The newest incident of the profile that is not in `before`."""
    with workspace.ledger.read() as connection:
        found = incidents.all_incidents(connection, profile=workspace.settings.profile)
    return next((each for each in found if each.id not in before), None)


def _missed(hit: RecipientList, told: Set[str]) -> tuple[str, ...]:
    without = [each.email for each in hit.recipients if each.key not in told]
    return (*without, *(f"row {each.row} of the list" for each in hit.bad_rows))


def _first(given: list[WordGiven], started_at: datetime) -> timedelta | None:
    return _passed(started_at, told_at(given[0])) if given else None


def _passed(begun: datetime, at: datetime) -> timedelta:
    return timedelta(minutes=minutes_between(begun, at))


def _length(time: timedelta | None) -> str:
    return "never" if time is None else duration_text(time.total_seconds())
