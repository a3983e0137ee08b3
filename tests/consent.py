"""A person at the rehearsal Google's consent page, without a browser."""

from __future__ import annotations

import re
import stat
import threading
from collections.abc import Collection
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import requests

_FIELD = re.compile(r'name="(request|scope)" value="([^"]+)"')


@dataclass
class Person:
    """Opens the link, unticks the unwanted scopes, and answers.

    `files` are the pages on disk through which a browser was sent, `modes` those of their folders.
    """

    account: str = "you@rehearsal.example"
    unticks: Collection[str] = ()
    decision: str = "allow"
    links: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    modes: list[int] = field(default_factory=list)

    def open(self, link: str) -> None:
        """Open a link as a browser does; the redirect comes later."""
        threading.Thread(target=self.visit, args=(link,), daemon=True).start()

    def visit(self, link: str) -> requests.Response:
        """Answer the page; returns the last page seen."""
        if link.startswith("file:"):
            self.files.append(Path(url2pathname(urlsplit(link).path)))
            self.modes.append(stat.S_IMODE(self.files[-1].parent.stat().st_mode))
            written = self.files[-1].read_text(encoding="utf-8")
            link = unescape(re.findall(r'href="([^"]+)"', written)[0])
        self.links.append(link)
        server = link.partition("/o/")[0]
        with requests.Session() as browser:
            page = browser.get(link, timeout=10)
            answer = [("account", self.account), ("decision", self.decision)]
            answer += [each for each in _FIELD.findall(page.text) if self._keeps(each[1])]
            return browser.post(f"{server}/o/oauth2/consent", data=answer, timeout=10)

    def _keeps(self, value: str) -> bool:
        return not any(value.endswith(name) for name in self.unticks)
