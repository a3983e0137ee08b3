"""Random long runs with people, counted in the mailbox.

Drafts are edited, sent and deleted in Gmail, processes die, answers are lost or false, a colleague
joins, a backup is restored.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import requests

from bench.chaos.dying import die_at
from bench.chaos.kills import CONFIG
from bench.chaos.tally import Tally, side_by_side
from bench.chaos.world import Google, Person, google, write_list
from workflow.sending.delivery_steps import INFERRED

_DEEDS = 8
_FAULTS = ("close_before", "close_after", "error_after", "half_answer", "500", "503", "false_404")
_METHODS = ("gmail.users.drafts.create", "gmail.users.drafts.send", "gmail.users.drafts.get")
# Done; a person must decide; Google is out of reach; some are undecided; killed.
_HONEST = {0, 3, 4, 5, 6, -9}
_OPEN = {"planned", "drafting", "drafted", "sending", "edited"}
_EDIT = "A colleague wrote this."


def run(folder: Path, runs: int) -> Tally:
    """Run this many days, each with a Google, a lead, perhaps a colleague, and some customers."""
    return side_by_side(folder, runs, _some_days)


def _some_days(folder: Path, numbers: range, tally: Tally) -> None:
    with google(folder / "google") as world:
        for number in numbers:
            day = _Day(folder / f"day{number}", world, number, tally)
            try:
                day.live()
            except Exception as fault:
                tally.wrong.append(f"day {number}: {fault!r} after {day.story}")


@dataclass
class _Day:
    """One incident and everybody's actions.

    `words` are people's permissions for another mail; `unknown_sent` are mails that a person sent
    by hand from drafts that the ledger does not know; nobody can know the text of `unread`.
    """

    folder: Path
    world: Google
    number: int
    tally: Tally
    story: list[str] = field(default_factory=list)
    words: int = 0
    unknown_sent: Counter[str] = field(default_factory=Counter)
    deleted: set[str] = field(default_factory=set)
    unread: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.number)
        self.size = self.dice.randint(2, 5)
        self.domain = f"day{self.number}.example"
        self.lead = self._person("lead")
        self.colleague: Person | None = None
        self.backup: Path | None = None

    def live(self) -> None:
        """Do things at random, then what people do to finish, and check the mailbox."""
        self._run(self.lead, "start", "Chaos")
        self.listed = write_list(self.folder / "list.csv", self.size, self.domain)
        self._notify(self.lead)
        deeds = (
            *(self._resume, self._resume, self._notify_again, self._trouble, self._in_gmail),
            *(self._in_gmail, self._in_gmail, self._withdraw, self._colleague_writes),
            *(self._restore, self._decide),
        )
        for _ in range(_DEEDS):
            self.dice.choice(deeds)()
        self._come_to_an_end()
        self._look_at_the_mailbox()

    # The lead's and a colleague's actions at their machines

    def _notify(self, person: Person, *more: str) -> int:
        words = ["notify", str(self.listed), "--send", "--confirm", str(self.size), *more]
        if self.dice.random() < 0.5:
            words.append("--draft-only")
        return self._run(person, *words)

    def _notify_again(self) -> None:
        self._notify(self.lead)

    def _resume(self) -> None:
        self._run(self.lead, "resume", *self._number())

    def _decide(self) -> None:
        decision = self.dice.choice(("--as-edited", "--restore", "--leave-out"))
        self._run(self.lead, "resume", decision, *self._number())

    def _withdraw(self) -> None:
        if self.dice.random() < 0.4:
            self._run(self.lead, "resume", "--discard")

    def _colleague_writes(self) -> None:
        if self.colleague is None:
            self.colleague = self._person("colleague")
            self._run(self.colleague, "join", self._doc_url())
        self._notify(self.colleague)

    def _restore(self) -> None:
        """Back the ledger up; the next time, restore that backup."""
        ledger = self.lead.home / "ledger.sqlite3"
        if self.backup is None:
            with closing(sqlite3.connect(ledger, timeout=30)) as file:
                file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self.backup = Path(shutil.copy(ledger, self.folder / "backup"))
            self.story.append("back up")
            return
        for each in self.lead.home.glob("ledger.sqlite3*"):
            each.unlink()
        shutil.copy(self.backup, ledger)
        self.story.append("restore")

    def _number(self) -> tuple[str, ...]:
        """The number that waits for agreement, as a person reads it from the screen."""
        states = self.lead.states()
        count = sum(states[each] for each in _OPEN)
        return ("--confirm", str(count)) if count else ()

    def _run(self, person: Person, *words: str) -> int:
        within: Callable[[], None] | None = None
        killed = ""
        if self.dice.random() < 0.25 and words[0] in {"notify", "resume"}:
            point = self.dice.randint(1, 60)
            within, killed = die_at(point), f" (dies at {point})"
        code = person(*words, within=within)
        self.tally.codes[code] += 1
        self.story.append(f"{person.home.name}: {' '.join(words[:1] + words[2:])}{killed} → {code}")
        if code not in _HONEST:
            said = (person.home / "said.txt").read_text(encoding="utf-8")[-300:]
            self.tally.wrong.append(f"day {self.number}: {self.story}: {said}")
        return code

    # Gmail and people in it

    def _trouble(self) -> None:
        kind, method = self.dice.choice(_FAULTS), self.dice.choice(_METHODS)
        if kind == "false_404" and method.endswith("create"):
            return
        fault = {
            "match": {"method": method},
            "kind": kind,
            "times": self.dice.randint(1, 3),
            "skip": self.dice.randint(0, 4),
        }
        self.world.switchboard("post", "faults", {"faults": [fault]})
        self.story.append(f"{kind} of {method} ×{fault['times']}")

    def _in_gmail(self) -> None:
        to = f"person{self.dice.randint(1, self.size)}@{self.domain}"
        deed = self.dice.choice(("edit_draft", "edit_draft", "send_draft", "delete_draft"))
        act: dict[str, Any] = {"does": deed}
        if deed == "edit_draft":
            act["text"] = _EDIT
        if deed == "send_draft":
            act["leaves"] = self.dice.choice(("gone", "orphan"))
        known = [draft for email, draft in self._drafts_known() if email == to and draft]
        # A draft that the ledger knows; else one whose creation was lost, or is not in a backup.
        for draft in (*known, to):
            if self._acts(act | {"draft": draft}):
                break
        else:
            return  # there is no such draft, or there are two
        self.story.append(f"a person: {deed} {draft} to {to} {act.get('leaves', '')}")
        if deed == "send_draft":
            self.unknown_sent[to] += draft == to
            if act["leaves"] == "gone":
                self.unread.add(to)
        elif deed == "delete_draft":
            self.deleted.add(to)

    def _acts(self, act: dict[str, Any]) -> bool:
        try:
            self.world.switchboard("post", "people", [act])
        except requests.HTTPError:
            return False
        return True

    def _drafts_known(self) -> list[tuple[str, str]]:
        with closing(sqlite3.connect(self.lead.home / "ledger.sqlite3", timeout=30)) as ledger:
            return ledger.execute("SELECT email, draft_id FROM deliveries").fetchall()

    # The end

    def _come_to_an_end(self) -> None:
        self.world.switchboard("delete", "faults")
        ways: tuple[tuple[str, ...], ...] = ((), ("--as-edited",), ("--as-edited", *_DESPITE))
        for _ in range(3):
            for way in ways:
                if not _OPEN & self.lead.states().keys():
                    return
                if _DESPITE[0] in way:
                    self.words += 1  # the person allows a second mail to everybody
                self._calm(self.lead, "resume", *way, *self._number())
        if left := _OPEN & self.lead.states().keys():
            self._is_wrong(f"{left} never came to an end")

    def _calm(self, person: Person, *words: str) -> None:
        code = person(*words)
        self.tally.codes[code] += 1
        self.story.append(f"at last: {' '.join(words)} → {code}")
        if code == 1:
            self._is_wrong("ended with 1")

    def _look_at_the_mailbox(self) -> None:
        mails = self._mails()
        copies = Counter(_to(mail) for mail in mails)
        self.tally.runs += 1
        self.tally.mails += len(mails)
        for address, count in copies.items():
            # Sending a draft without a row by hand is a permission too.
            allowed = 1 + self.words + self.unknown_sent[address]
            if count > allowed:
                self.tally.duplicates += count - allowed
                self._is_wrong(f"{address} has {count} mails")
        for address, state, evidence in self._rows(self.lead):
            if state == "unknown":
                self.tally.unknown += 1
            looks_sent = evidence == INFERRED and address in self.deleted
            if state == "sent" and not copies[address] and not looks_sent:
                self.tally.lost += 1
                self._is_wrong(f"{address} is called sent, and no mail exists")
            if state == "failed" and copies[address] and not self._others_wrote(address):
                self._is_wrong(f"{address} is called failed, and a mail exists")
        self._compare_words(mails)

    def _compare_words(self, mails: list[EmailMessage]) -> None:
        """The record's mails have the same text as those in the mailbox."""
        record = self.folder / "record"
        code = self.lead("export", str(record), "--format", "eml")
        if code == 1:
            self._is_wrong("export ended with 1")
        left = {(_to(mail), _text(mail)) for mail in mails}
        for path in record.glob("mails/*/*.eml"):
            mail = _mail(path.read_bytes())
            address = _to(mail)
            if address in self.unread or address in self.deleted:
                continue  # nobody can read that text
            if (address, _text(mail)) not in left:
                self._is_wrong(f"the record of {address} shows other words than those that left")

    def _others_wrote(self, address: str) -> bool:
        people = [self.colleague] if self.colleague else []
        others = {each for one in people for each, state, _ in self._rows(one) if state == "sent"}
        twice = [state for each, state, _ in self._rows(self.lead) if each == address]
        return address in others or "sent" in twice or self.backup is not None

    def _is_wrong(self, what: str) -> None:
        self.tally.wrong.append(f"day {self.number}: {what}: {'; '.join(self.story)}")

    # Checks

    def _person(self, name: str) -> Person:
        return Person(self.folder / name, self.world.server.base_url, CONFIG)

    def _rows(self, person: Person) -> list[tuple[str, str, str]]:
        with closing(sqlite3.connect(person.home / "ledger.sqlite3", timeout=30)) as ledger:
            return ledger.execute("SELECT email, state, evidence FROM deliveries").fetchall()

    def _doc_url(self) -> str:
        with closing(sqlite3.connect(self.lead.home / "ledger.sqlite3", timeout=30)) as ledger:
            ((url,),) = ledger.execute("SELECT doc_url FROM incidents").fetchall()
        return str(url)

    def _mails(self) -> list[EmailMessage]:
        with closing(sqlite3.connect(self.world.folder / "rehearsal.sqlite3", timeout=30)) as store:
            rows = store.execute(
                "SELECT raw FROM messages WHERE instr(labels, 'SENT') > 0 AND instr(raw, ?) > 0",
                (self.domain.encode(),),
            ).fetchall()
        found = [_mail(raw) for (raw,) in rows]
        erased = self.world.switchboard("get", "erased")["erased"]
        assert not erased, "a sent mail was erased"
        return found


_DESPITE = ("--not-in-this-ledger",)


def _mail(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=policy.default)


def _to(mail: EmailMessage) -> str:
    return str(mail["To"].addresses[0].addr_spec)


def _text(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    return " ".join(str(part.get_content()).split()) if part is not None else ""
