"""How each tool mails a list, and what its user does after a failure."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bench.measuring import Tool
from bench.peers.inspecting_proxy import TOKEN, Authority
from bench.peers.installing import installed

MAILMERGE = ("mailmerge", "2.3.0")
# httplib2 needs PySocks for a proxy, but does not declare it.
DRAFTMACHINE = ("draftmachine", "0.1.0", "PySocks")
GAM = ("gam7", "7.49.0")

_MAILMERGE_TEMPLATE = """\
TO: {{email}}
SUBJECT: We are looking into a problem
FROM: You <you@rehearsal.example>

Hello {{name}}, we are looking into a problem.
"""
_DRAFTMACHINE_TEMPLATE = """\
---
subject: We are looking into a problem
---
Hello {{name}}, we are looking into a problem.
"""
_MAILMERGE_DONE = re.compile(r">>> message (\d+) sent")
_MAILMERGE_HINT = re.compile(r'--resume (\d+)"')


class Leaves(StrEnum):
    """A tool's result for each customer: a mail in Gmail, a draft there, or a mail by SMTP."""

    MAIL = "gmail.users.messages.send"
    TWO_STEPS = "gmail.users.drafts.send"
    DRAFT = "gmail.users.drafts.create"
    SMTP = "smtp"

    @property
    def path(self) -> str:
        """The Gmail API's path for it."""
        _, users, resource, verb = self.value.split(".")
        return f"/gmail/v1/{users}/me/{resource}" + ("" if verb == "create" else f"/{verb}")


@dataclass(frozen=True)
class Peer:
    """A tool in its own folder, ready to mail lists to one server.

    `again` is what its user types after reading its output: the same command, or the number that it
    names as the next; `finish` is what it offers besides that. `home` is this program's ledger
    folder.
    """

    name: str
    leaves: Leaves
    command: tuple[str, ...]
    environment: Mapping[str, str]
    resumes_at: bool = False
    finish: tuple[str, ...] = ()
    home: Path | None = None

    def first(self, listed: Path, count: int) -> list[str]:
        """The command that mails a list of this many."""
        values = {"{list}": str(listed), "{count}": str(count)}
        return [values.get(word, word) for word in self.command]

    def again(self, listed: Path, count: int, said: str) -> list[str]:
        """The command that its user types next."""
        words = self.first(listed, count)
        return [*words, "--resume", str(_next(said))] if self.resumes_at else words


def _next(said: str) -> int:
    """The message mailmerge should continue with: as it says, or after the last one it named."""
    hints = [int(number) for number in _MAILMERGE_HINT.findall(said)]
    done = [int(number) for number in _MAILMERGE_DONE.findall(said)]
    return hints[-1] if hints else max(done, default=0) + 1


def plain_loop(url: str, retries: int = 0) -> Peer:
    """The script that people write, on google-api-python-client."""
    name = f"plain loop, num_retries={retries}" if retries else "plain loop"
    words = (sys.executable, "-m", "bench.peers.plain_loop", url, "{list}", str(retries))
    return Peer(name, Leaves.MAIL, words, _environment())


def mailmerge(folder: Path, port: int, *, fetch: bool) -> Peer:
    """awdeorio/mailmerge, which speaks SMTP. Raises `NotInstalled`."""
    program = installed(*MAILMERGE, fetch=fetch) / "mailmerge"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "template.txt").write_text(_MAILMERGE_TEMPLATE, encoding="utf-8")
    server = f"[smtp_server]\nhost = 127.0.0.1\nport = {port}\nratelimit = 0\n"
    (folder / "server.conf").write_text(server, encoding="utf-8")
    words = (
        *(str(program), "--no-dry-run", "--no-limit", "--output-format", "text"),
        *("--template", str(folder / "template.txt"), "--config", str(folder / "server.conf")),
        *("--database", "{list}"),
    )
    # At a terminal each line appears at once, and its user goes by the last one.
    environment = _environment(PYTHONUNBUFFERED="1")
    return Peer("mailmerge", Leaves.SMTP, words, environment, resumes_at=True)


def draftmachine(folder: Path, proxy: str, authority: Authority, *, fetch: bool) -> Peer:
    """draftmachine, which makes a draft for each row and sends none. Raises `NotInstalled`."""
    program = installed(*DRAFTMACHINE, fetch=fetch) / "draftmachine"
    home = folder / ".draftmachine"
    home.mkdir(parents=True, exist_ok=True)
    client = {"client_id": "bench", "client_secret": "bench"}
    (home / "client_secret.json").write_text(json.dumps({"installed": client}), encoding="utf-8")
    signed_in = {"token": TOKEN, "refresh_token": "bench", "expiry": "2099-01-01T00:00:00Z"}
    (home / "creds.json").write_text(json.dumps(signed_in | client), encoding="utf-8")
    (folder / "template.md").write_text(_DRAFTMACHINE_TEMPLATE, encoding="utf-8")
    words = (str(program), "send", "{list}", str(folder / "template.md"))
    environment = _environment(
        HOME=str(folder), HTTPS_PROXY=proxy, HTTPLIB2_CA_CERTS=str(authority.certificate)
    )
    return Peer("draftmachine", Leaves.DRAFT, words, environment)


def gam(folder: Path, proxy: str, authority: Authority, *, fetch: bool) -> Peer:
    """GAM7's `sendemail` for each row of a list. Raises `NotInstalled`."""
    program = installed(*GAM, fetch=fetch) / "gam"
    (folder / "cache").mkdir(parents=True, exist_ok=True)
    account = {
        "type": "service_account",
        "project_id": "bench",
        "private_key_id": "bench",
        "private_key": authority.key.read_text(encoding="ascii"),
        "client_email": "bench@bench.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    (folder / "oauth2service.json").write_text(json.dumps(account), encoding="utf-8")
    sender = "you@rehearsal.example"
    config = {
        "admin_email": sender,
        "cacerts_pem": str(authority.certificate),
        "cache_dir": str(folder / "cache"),
        "config_dir": str(folder),
        "domain": sender.partition("@")[2],
        "drive_dir": str(folder),
        "no_update_check": "true",
        "user_service_account_access_only": "true",
    }
    lines = "".join(f"{key} = {value}\n" for key, value in config.items())
    (folder / "gam.cfg").write_text(f"[DEFAULT]\n{lines}", encoding="utf-8")
    words = (
        *(str(program), "redirect", "stderr", "stdout", "csv", "{list}", "gam"),
        *("user", sender, "sendemail", "to", "~email"),
        *("subject", "We are looking into a problem"),
        *("message", "Hello ~~name~~, we are looking into a problem."),
    )
    environment = _environment(HOME=str(folder), GAMCFGDIR=str(folder), HTTPS_PROXY=proxy)
    return Peer("GAM7", Leaves.MAIL, words, environment)


def postmortem(folder: Path, url: str, config: str, *options: str) -> Peer:
    """This program with an incident of its own, in two steps unless told otherwise."""
    tool = Tool(folder, url, config)
    tool("start", "Wrong amounts")
    ours = (sys.executable, "-m", "workflow")
    send = ("notify", "{list}", "--send", "--confirm", "{count}", *options)
    return Peer(
        " ".join(("postmortem", *options)),
        Leaves.MAIL if "--one-step" in options else Leaves.TWO_STEPS,
        (*ours, *send),
        tool.environment,
        finish=(*ours, "resume"),
        home=folder,
    )


def _environment(**more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return kept | more
