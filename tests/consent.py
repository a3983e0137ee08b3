"""A person at the rehearsal Google's consent page, without a browser."""

from __future__ import annotations

import re
import threading
from collections.abc import Collection
from dataclasses import dataclass, field

import requests

_FIELD = re.compile(r'name="(request|scope)" value="([^"]+)"')


@dataclass
class Person:
    """Opens the link, unticks what they do not like, and answers."""

    account: str = "you@rehearsal.example"
    unticks: Collection[str] = ()
    decision: str = "allow"
    links: list[str] = field(default_factory=list)

    def open(self, link: str) -> None:
        """What a browser does when a program opens a link: it comes back in its own time."""
        threading.Thread(target=self.visit, args=(link,), daemon=True).start()

    def visit(self, link: str) -> requests.Response:
        """Answer the page; gives the last page seen."""
        self.links.append(link)
        server = link.partition("/o/")[0]
        with requests.Session() as browser:
            page = browser.get(link, timeout=10)
            answer = [("account", self.account), ("decision", self.decision)]
            answer += [each for each in _FIELD.findall(page.text) if self._keeps(each[1])]
            return browser.post(f"{server}/o/oauth2/consent", data=answer, timeout=10)

    def _keeps(self, value: str) -> bool:
        return not any(value.endswith(name) for name in self.unticks)
