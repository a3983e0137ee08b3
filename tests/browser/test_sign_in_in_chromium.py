"""Signing in, in Chromium: the consent page, its redirect, and the waiting command."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.command_line import Postmortem, running


@contextmanager
def waiting_login(postmortem: Postmortem) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A real `auth login`, and the link that it printed."""
    with running(postmortem.start_process("auth", "login", "--no-browser", "--json")) as process:
        assert process.stderr is not None
        process.stderr.readline()
        yield process, process.stderr.readline().strip()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 390, "height": 800})
    yield context.new_page()
    context.close()


def test_a_person_agrees_and_the_command_goes_on(postmortem: Postmortem, page: Page) -> None:
    with waiting_login(postmortem) as (process, link):
        page.goto(link)
        expect(page.get_by_role("checkbox")).to_have_count(3)
        page.get_by_label("Account").fill("lead@rehearsal.example")
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_text("Close this window")).to_be_visible()
        out, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert '"account": "lead@rehearsal.example"' in out


def test_a_person_who_unticks_a_box_hears_of_it_in_the_terminal(
    postmortem: Postmortem, page: Page
) -> None:
    with waiting_login(postmortem) as (process, link):
        page.goto(link)
        page.get_by_label("Manage drafts and send emails").uncheck()
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_text("Close this window")).to_be_visible()
        _, err = process.communicate(timeout=20)
    assert process.returncode == 4
    assert "A box was left unticked: gmail.compose" in err


def test_a_person_who_cancels_is_done(postmortem: Postmortem, page: Page) -> None:
    with waiting_login(postmortem) as (process, link):
        page.goto(link)
        page.get_by_role("button", name="Cancel").click()
        _, err = process.communicate(timeout=20)
    assert process.returncode == 4
    assert "declined" in err


def test_the_page_takes_no_answer_twice_and_fits_a_phone(
    postmortem: Postmortem, page: Page
) -> None:
    with waiting_login(postmortem) as (process, link):
        page.goto(link)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        key = page.locator("input[name=request]").get_attribute("value")
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_text("Close this window")).to_be_visible()
        process.communicate(timeout=20)
    server = re.match(r"http://[^/]+", link)
    assert server is not None
    again = page.request.post(f"{server[0]}/o/oauth2/consent", form={"request": key or ""})
    assert again.status == 400
