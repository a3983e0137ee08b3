"""The doc under the same faults, while a person types in it: every entry once, in order."""

from __future__ import annotations

import random
import re
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from bench.chaos.kills import CONFIG
from bench.chaos.world import Google, Person, google

_ENTRIES = 12
_KINDS = ("close_before", "close_after", "hang", "half_answer", "error_after", "garbage", "503")


@dataclass
class DocTally:
    """The counts of a series of docs."""

    runs: int = 0
    entries: int = 0
    lost: int = 0
    doubled: int = 0
    disordered: int = 0
    typed_lost: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def kept(self) -> bool:
        """Whether every promise was kept."""
        bad = self.lost or self.doubled or self.disordered or self.typed_lost or self.wrong
        return not bad

    def __str__(self) -> str:
        words = (
            f"runs {self.runs}, entries {self.entries}, lost {self.lost}, doubled {self.doubled}, "
            f"out of order {self.disordered}, typed text lost {self.typed_lost}"
        )
        return f"{words}; WRONG: {self.wrong[:3]}" if self.wrong else words


def run(folder: Path, runs: int) -> DocTally:
    """One doc a run: twelve entries, one call in five fails, and somebody types."""
    tally = DocTally()
    with google(folder / "google") as world:
        for number in range(runs):
            _one(folder / f"home{number}", world, number, tally)
    return tally


def _one(home: Path, world: Google, number: int, tally: DocTally) -> None:
    person = Person(home, world.server.base_url, CONFIG)
    faults = [
        {"match": {"method": method}, "kind": kind, "probability": 0.03, "seconds": 0.6}
        for kind in _KINDS
        for method in ("docs.*", "drive.*")
    ]
    world.switchboard("post", "faults", {"faults": faults, "seed": number})
    person("start", f"Doc {number}", "--at", "3 hours ago")
    dice = random.Random(number)
    typist = _Typist(world, f"Doc {number}", dice)
    typist.start()
    minutes = dice.sample(range(1, 170), _ENTRIES)
    for minute in minutes:
        person("log", f"entry-{minute:03d}", "--at", f"{minute} minutes ago")
    typist.stop()
    world.switchboard("delete", "faults")
    if (code := person("sync")) != 0:
        tally.wrong.append(f"sync ended with {code}")
    text = _text(world, f"Doc {number}")
    found = re.findall(r"entry-\d{3}", text)
    wanted = [f"entry-{minute:03d}" for minute in sorted(minutes, reverse=True)]
    tally.runs += 1
    tally.entries += len(found)
    tally.lost += len(set(wanted) - set(found))
    tally.doubled += len(found) - len(set(found))
    tally.disordered += found != wanted and sorted(found) == sorted(wanted)
    tally.typed_lost += sum(each not in text for each in typist.typed)


class _Typist(threading.Thread):
    """Type at the ends of paragraphs, as a person does between our read and our write."""

    def __init__(self, world: Google, title: str, dice: random.Random) -> None:
        super().__init__(daemon=True)
        self._world = world
        self._title = title
        self._dice = dice
        self._over = threading.Event()
        self.typed: list[str] = []

    def run(self) -> None:
        """Type until told to stop."""
        while not self._over.wait(self._dice.uniform(0.02, 0.15)):
            doc = _document(self._world, self._title)
            if doc is not None:
                self._type(doc)

    def stop(self) -> None:
        """Stop typing."""
        self._over.set()
        self.join()

    def _type(self, doc: dict[str, Any]) -> None:
        word = f"[typed-{self._dice.randrange(10**9)}]"
        content = doc["tabs"][0]["documentTab"]["body"]["content"]
        place = self._dice.choice([each for each in content if "paragraph" in each])
        request = {"insertText": {"text": word, "location": {"index": place["endIndex"] - 1}}}
        body = {
            "requests": [request],
            "writeControl": {"requiredRevisionId": doc["revisionId"]},
        }
        answer = _call(self._world, "post", f"v1/documents/{doc['documentId']}:batchUpdate", body)
        if answer is not None:
            self.typed.append(word)


def _call(world: Google, verb: str, path: str, body: Any = None) -> Any:
    """A call of the person's own browser; None after a fault or a refusal."""
    scopes = "drive,documents"
    try:
        answer = requests.request(
            verb,
            f"{world.server.base_url}/{path}",
            json=body,
            headers={"Authorization": f"Bearer rehearsal:you@rehearsal.example:{scopes}"},
            timeout=5,
            allow_redirects=False,
        )
        return answer.json() if answer.ok else None
    except (requests.RequestException, ValueError):
        return None


def _document(world: Google, title: str) -> dict[str, Any] | None:
    listed = _call(world, "get", "drive/v3/files?pageSize=5&fields=files(id,name)")
    for each in (listed or {}).get("files", ()):
        if each["name"] == title:
            found: dict[str, Any] | None = _call(
                world, "get", f"v1/documents/{each['id']}?includeTabsContent=true"
            )
            return found
    return None


def _text(world: Google, title: str) -> str:
    doc = _document(world, title)
    if doc is None:
        return ""
    return "".join(
        element.get("textRun", {}).get("content", "")
        for each in doc["tabs"][0]["documentTab"]["body"]["content"]
        for element in each.get("paragraph", {}).get("elements", ())
    )
