"""A rehearsal served on loopback, and Debian's Chromium to open it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

from google_rehearsal.page_views import blueprint
from tests.browser.sample_world import SampleWorld, finished_rehearsal

# How soon the server notices that a test has ended.
POLL_SECONDS = 0.02
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
def world() -> SampleWorld:
    return finished_rehearsal()


@pytest.fixture
def app(world: SampleWorld) -> Flask:
    app = Flask("rehearsal")
    app.register_blueprint(blueprint(world))
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - werkzeug's name
        """Print nothing: a test's output is its failures."""


@pytest.fixture
def site(app: Flask) -> Iterator[str]:
    """The base address of the served pages."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, args=[POLL_SECONDS], daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"no Chromium at {CHROMIUM}: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page at desktop size, on which the browser must not report any problem."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    complaints: list[str] = []
    page.on(
        "console",
        lambda message: complaints.append(f"{message.text} at {message.location['url']}"),
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    # A request that the next navigation cuts off is not the page's fault.
    assert [text for text in complaints if "net::" not in text] == []
