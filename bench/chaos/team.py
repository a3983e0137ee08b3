"""A team in one doc: four tools write at once while a person edits.

The person types, moves headings, deletes ranges and suggests. Every entry must be there once, with
every typed character, and no edit refused.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from bench.chaos.kills import CONFIG
from bench.chaos.world import Google, Person, google, wait

_TOOLS = 4
_SECTIONS = ("summary", "impact", "root-cause", "solution", "learned")
_STATES = ("investigating", "identified", "monitoring", "resolved")
_SAID = re.compile(r"said-\d+-\d+\.")
_TYPED = re.compile(r"typed-\d+\.")
_PATIENCE = CONFIG.replace("timeout_seconds = 0.4", "timeout_seconds = 30")
_RECORDED = 5


@dataclass
class TeamTally:
    """The result of a team's day."""

    rounds: int = 0
    said: int = 0
    typed: int = 0
    moved: int = 0
    later: int = 0
    lost: int = 0
    doubled: int = 0
    typed_lost: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def kept(self) -> bool:
        """Whether every promise was kept."""
        return not (self.lost or self.doubled or self.typed_lost or self.wrong)

    def __str__(self) -> str:
        words = (
            f"rounds {self.rounds}, said {self.said} (lost {self.lost}, doubled {self.doubled}, "
            f"by a later sync {self.later}), typed {self.typed} (lost {self.typed_lost}), "
            f"headings moved {self.moved}"
        )
        return f"{words}; WRONG: {self.wrong[:3]}" if self.wrong else words


def run(folder: Path, runs: int) -> TeamTally:
    """One doc, `runs` rounds: in each, every tool says one thing while the person does three."""
    tally = TeamTally()
    with google(folder / "google") as world:
        doc_id, url = _make_doc(world, folder / "lead")
        tools = [
            Person(folder / f"tool{n}", world.server.base_url, _PATIENCE) for n in range(_TOOLS)
        ]
        for tool in tools:
            _expect(tally, tool("join", url), "join")
        hand = _Hand(world, doc_id, random.Random(runs))
        for number in range(runs):
            running = [tool.start(*_words(at, number)) for at, tool in enumerate(tools)]
            hand.work(3)
            codes = [wait(pid) for pid in running]
            tally.later += codes.count(_RECORDED)
            for code in codes:
                _expect(tally, 0 if code == _RECORDED else code, f"round {number}")
        for tool in tools:
            _expect(tally, tool("sync"), "sync")
        _count(tally, hand, runs)
    return tally


def _make_doc(world: Google, home: Path) -> tuple[str, str]:
    lead = Person(home, world.server.base_url, _PATIENCE)
    if lead("start", "Team", "--at", "10 hours ago", "--share", "team.example") != 0:
        raise RuntimeError((home / "said.txt").read_text(encoding="utf-8"))
    listed = _session(world).get(f"{world.server.base_url}/drive/v3/files", timeout=60).json()
    (doc,) = listed["files"]
    return doc["id"], f"{world.server.base_url}/document/d/{doc['id']}/edit"


def _words(tool: int, number: int) -> tuple[str, ...]:
    """A tool's command in a round: mostly entries, at any time of the last hours."""
    said = f"said-{tool}-{number}."
    kind = (tool + number) % 5
    if kind == 0:
        return ("status", _STATES[number % len(_STATES)], said)
    if kind == 1:
        return ("section", _SECTIONS[number % len(_SECTIONS)], said)
    return ("log", said, "--at", f"{(number * 37 + tool * 11) % 590 + 1} minutes ago")


def _expect(tally: TeamTally, code: int, what: str) -> None:
    if code != 0:
        tally.wrong.append(f"{what} ended with {code}")


def _count(tally: TeamTally, hand: _Hand, runs: int) -> None:
    text = hand.text()
    found = Counter(_SAID.findall(text))
    wanted = {f"said-{tool}-{number}." for tool in range(_TOOLS) for number in range(runs)}
    tally.rounds, tally.said, tally.moved = runs, len(wanted), hand.moved
    tally.lost = len(wanted - set(found))
    tally.doubled = sum(count - 1 for count in found.values())
    tally.typed = len(hand.typed)
    tally.typed_lost = len(set(hand.typed) - set(_TYPED.findall(text)))
    tally.wrong += hand.refused


@dataclass(frozen=True)
class _Line:
    start: int
    end: int
    text: str
    style: str


class _Hand:
    """A person in the doc. Each act is locked to what they see, as in an editor."""

    def __init__(self, world: Google, doc_id: str, dice: random.Random) -> None:
        self._address = f"{world.server.base_url}/v1/documents/{doc_id}"
        self._session = _session(world)
        self._dice = dice
        self.typed: list[str] = []
        self.refused: list[str] = []
        self.moved = 0

    def work(self, deeds: int) -> None:
        """Do a few things, each again if somebody else was quicker."""
        for _ in range(deeds):
            deed = self._dice.choice(
                (self._type, self._type, self._suggest, self._move, self._forget)
            )
            for _ in range(20):
                if deed():
                    break

    def text(self) -> str:
        """All text of the doc, suggestions included."""
        return "".join(line.text for line in self._lines(self._read()))

    def _type(self) -> bool:
        return self._insert({})

    def _suggest(self) -> bool:
        return self._insert({"writeMode": "SUGGEST"})

    def _insert(self, control: dict[str, str]) -> bool:
        doc = self._read()
        line = self._dice.choice(self._lines(doc))
        token = f"typed-{len(self.typed)}."
        # At an edge of the line, never within a word of ours that is counted.
        at = self._dice.choice((line.end - 1, line.end - 1, line.start))
        done = self._write(doc, [_insert_text(at, f" {token}")], control)
        if done:
            self.typed.append(token)
        return done

    def _move(self) -> bool:
        """Cut a heading and put it above another line of the doc."""
        doc = self._read()
        lines = self._lines(doc)
        headings = [line for line in lines if line.style == "HEADING_1" and line.text.strip()]
        if len(headings) < 2:
            return True
        cut, to = self._dice.sample(headings, 2)
        if _TYPED.search(cut.text) or _SAID.search(cut.text):
            return True
        words = cut.text.removesuffix("\n")
        put = [
            _insert_text(to.start, f"{words}\n"),
            {
                "updateParagraphStyle": {
                    "range": {"startIndex": to.start, "endIndex": to.start + 1},
                    "paragraphStyle": {"namedStyleType": "HEADING_1"},
                    "fields": "namedStyleType",
                }
            },
        ]
        gone = {"deleteContentRange": {"range": {"startIndex": cut.start, "endIndex": cut.end - 1}}}
        # From the end to the start, so that neither moves the other.
        deeds = [gone, *put] if cut.start > to.start else [*put, gone]
        done = self._write(doc, deeds)
        self.moved += done
        return done

    def _forget(self) -> bool:
        doc = self._read()
        names = doc["tabs"][0]["documentTab"].get("namedRanges", {})
        ours = [each for group in names.values() for each in group["namedRanges"]]
        if not ours:
            return True
        gone = self._dice.choice(ours)["namedRangeId"]
        return self._write(doc, [{"deleteNamedRange": {"namedRangeId": gone}}])

    def _read(self) -> dict[str, Any]:
        query = {"includeTabsContent": "true", "suggestionsViewMode": "SUGGESTIONS_INLINE"}
        answer = self._session.get(self._address, params=query, timeout=60)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def _lines(self, doc: dict[str, Any]) -> list[_Line]:
        return list(_lines(doc["tabs"][0]["documentTab"]["body"]["content"]))

    def _write(
        self,
        doc: dict[str, Any],
        deeds: list[dict[str, Any]],
        control: dict[str, str] | None = None,
    ) -> bool:
        lock = {"requiredRevisionId": doc["revisionId"], **(control or {})}
        body = {"requests": deeds, "writeControl": lock}
        answer = self._session.post(f"{self._address}:batchUpdate", json=body, timeout=60)
        if not answer.ok and "revision" not in answer.text:
            self.refused.append(f"the person: {answer.text[:200]}")
            return True
        return answer.ok


def _lines(content: list[dict[str, Any]]) -> Iterator[_Line]:
    for block in content:
        if "paragraph" not in block:
            continue
        elements = block["paragraph"]["elements"]
        text = "".join(each.get("textRun", {}).get("content", "") for each in elements)
        style = block["paragraph"].get("paragraphStyle", {}).get("namedStyleType", "")
        yield _Line(block.get("startIndex", 0), block["endIndex"], text, style)


def _insert_text(at: int, text: str) -> dict[str, Any]:
    return {"insertText": {"location": {"index": at}, "text": text}}


def _session(world: Google) -> requests.Session:
    session = requests.Session()
    session.headers["Authorization"] = "Bearer rehearsal:you@rehearsal.example:drive,documents"
    return session
