"""A person at the console without a browser: reads pages and sends their forms."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Protocol
from unittest import mock
from urllib.parse import urljoin, urlsplit

import requests

from tests.command_line import Postmortem
from workflow.cli.app import Asked
from workflow.cli.commands.console import opening
from workflow.cli.output import standing_json
from workflow.cli.session import emulator_of
from workflow.console.app import ConsoleServer, console_server
from workflow.console.pages import Desk


@contextmanager
def served(person: Postmortem) -> Iterator[ConsoleServer]:
    """The person's console, answering in a thread of this process."""

    desk = Desk(opening(Asked()), lambda workspace: emulator_of(workspace.settings), standing_json)
    environment = person.environment_of_a_run()
    with (
        mock.patch.dict(os.environ, environment, clear=True),
        console_server(desk) as server,
    ):
        thread = threading.Thread(target=server.serve, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.stop()
            thread.join()


@dataclass
class Form:
    """A form of a page with its initial values."""

    action: str
    method: str
    fields: dict[str, Any] = field(default_factory=dict)


class _Reader(HTMLParser):
    """Forms, scripts and texts of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.words: list[str] = []
        self._area = ""
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = dict(attrs)
        if tag == "form":
            self.forms.append(Form(has.get("action") or "", (has.get("method") or "get").lower()))
        if not self.forms:
            return
        fields, name = self.forms[-1].fields, has.get("name") or ""
        if tag == "input" and name:
            kind, value = has.get("type") or "text", has.get("value") or ""
            if kind == "file" or (kind in {"checkbox", "radio"} and "checked" not in has):
                return
            fields[name] = [*fields.get(name, []), value] if kind == "checkbox" else value
        elif tag == "textarea":
            self._area = name
            fields[name] = ""
        elif tag == "select":
            self._select = name
        elif tag == "option" and (self._select not in fields or "selected" in has):
            fields[self._select] = has.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self.forms[-1].fields[self._area] += data
        else:
            self.words.append(data)


@dataclass
class Page:
    """A page that was loaded."""

    answer: requests.Response

    @property
    def address(self) -> str:
        return self.answer.url

    @property
    def html(self) -> str:
        return self.answer.text

    @property
    def text(self) -> str:
        """The visible text."""
        return " ".join(" ".join(self._read().words).split())

    @property
    def forms(self) -> list[Form]:
        found = self._read().forms
        for form in found:
            for name, value in form.fields.items():
                if isinstance(value, str):  # browsers drop the line end after <textarea>
                    form.fields[name] = value.removeprefix("\n")
        return found

    def form(self, ending: str) -> Form:
        """The form whose address has this ending."""
        return next(form for form in self.forms if urlsplit(form.action).path.endswith(ending))

    def _read(self) -> _Reader:
        reader = _Reader()
        reader.feed(self.html)
        return reader


class Reachable(Protocol):
    """A running console, in this process or in its own."""

    @property
    def address(self) -> str: ...

    @property
    def way_in(self) -> Path: ...


class Visitor:
    """A browser that the private file has signed in."""

    def __init__(self, server: Reachable) -> None:
        self.address = server.address
        self.session = requests.Session()
        self.session.trust_env = False
        key = re.search(r'name="key" value="([^"]+)"', server.way_in.read_text("utf-8"))
        assert key
        self.key = key[1]
        entered = self.session.post(
            f"{self.address}enter", data={"key": self.key}, headers={"Origin": "null"}, timeout=30
        )
        assert entered.ok, entered.text

    @property
    def origin(self) -> str:
        return self.address.rstrip("/")

    def open(self, path: str, *, expect: int = 200) -> Page:
        """Load a page."""
        answer = self.session.get(urljoin(self.address, path), timeout=60)
        assert answer.status_code == expect, f"{answer.status_code}: {answer.text[:2000]}"
        return Page(answer)

    def submit(
        self,
        page: Page,
        ending: str,
        *,
        files: Mapping[str, tuple[str, bytes]] | Sequence[tuple[str, tuple[str, bytes]]] = (),
        expect: int = 200,
        **typed: Any,
    ) -> Page:
        """Fill in one of the page's forms and send it; returns the next page."""
        form = page.form(ending)
        answer = self.session.post(
            urljoin(page.address, form.action),
            data={**form.fields, **typed},
            files=files or None,
            headers={"Origin": self.origin},
            timeout=120,
        )
        assert answer.status_code == expect, f"{answer.status_code}: {Page(answer).text[:3000]}"
        return Page(answer)


def until(is_true: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for another thread or process."""
    pause = threading.Event()
    for _ in range(int(seconds / 0.05)):
        if is_true():
            return
        pause.wait(0.05)
    raise AssertionError("It did not come about.")
