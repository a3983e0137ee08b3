"""`make screenshots`: the README's pictures, photographed from a real rehearsal.

A rehearsal runs in a folder of its own; Chromium then opens its pages and puts a frame around each
view. Nothing is drawn by hand: when the program changes, run this again.
"""

from __future__ import annotations

import base64
import errno
import json
import os
import pty
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape
from playwright.sync_api import Browser, sync_playwright

PICTURES = Path(__file__).resolve().parent.parent / "docs" / "pictures"
FRAMES = Path(__file__).resolve().parent / "picture_frames"
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
LARGEST_BYTES = 300_000
# Device pixels per CSS pixel: a higher scale makes the file too large for a README.
SCALE = 1.5
# The most lines of a step that are shown: an announcement's text is longer.
LONGEST_STEP = 9
# The customer whose mail the phone shows.
CUSTOMER = "kofi@accracycles.example"
# The steps shown in the terminal picture, each by the beginning and end of its command.
SHOWN_STEPS = (
    re.compile(r"start .*"),
    re.compile(r"log .*Recognized.*"),
    re.compile(r"announce .*"),
    re.compile(r"notify .*--send .*"),
    re.compile(r"close"),
)


def main() -> int:
    """Run a rehearsal and take all pictures; 1 when one is too large for a README."""
    with tempfile.TemporaryDirectory(prefix="pictures-") as folder:
        environment = _environment(Path(folder))
        try:
            said = rehearse(environment)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
                take_pictures(browser, _pages_address(environment), said)
                take_report(browser, environment, Path(folder))
                take_console(browser, environment, Path(folder))
                browser.close()
        finally:
            subprocess.run(_command("rehearse", "stop"), env=environment, check=False)
    too_large = [each for each in PICTURES.glob("*.png") if each.stat().st_size > LARGEST_BYTES]
    for each in sorted(PICTURES.glob("*.png")):
        print(f"{each.relative_to(Path.cwd())}  {each.stat().st_size // 1000} kB")
    return 1 if too_large else 0


def rehearse(environment: dict[str, str]) -> str:
    """Run a rehearsal and return its terminal output, with colours. Raises when it fails."""
    ours, its = pty.openpty()
    process = subprocess.Popen(_command("rehearse"), env=environment, stdout=its)
    os.close(its)
    said = b"".join(_read_terminal(ours))
    os.close(ours)
    if process.wait():
        raise RuntimeError(f"the rehearsal ended with {process.returncode}:\n{said.decode()}")
    return said.decode().replace("\r\n", "\n")


def take_pictures(browser: Browser, address: str, said: str) -> None:
    """Take the README's pictures from the rehearsal's pages and its output."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    doc = _photograph(browser, _first_doc(browser, address), width=1220, height=1010, shown=800)
    mail = _photograph(
        browser, _mail_to(browser, address, CUSTOMER), width=390, height=860, shown=260
    )
    _frame(browser, "doc_and_mail", {"doc": _inline(doc), "mail": _inline(mail)})
    _frame(browser, "terminal", {"lines": list(terminal_lines(said))})


def take_report(browser: Browser, environment: dict[str, str], folder: Path) -> None:
    """Take the first view of the report, after a rehearsal of an outage."""
    page = folder / "report.html"
    for words in (("rehearse", "outage"), ("--profile", "rehearsal", "report", "--to", str(page))):
        subprocess.run(_command(*words), env=environment, check=True, stdout=subprocess.DEVNULL)
    picture = _photograph(browser, page.as_uri(), width=960, height=790, shown=800)
    (PICTURES / "report.png").write_bytes(picture)


def take_console(browser: Browser, environment: dict[str, str], folder: Path) -> None:
    """Take the console's page of an incident and of a notice that is being written."""
    customers = folder / "customers.csv"
    rows = (f"person{number}@customer.example,Person {number}" for number in range(1, 13))
    customers.write_text("\n".join(["email,name", *rows, ""]), encoding="utf-8")
    title = "A message went to the wrong customers"
    impact = "You got one message about another customer's account."
    read = ("--customer-title", "A message that was not meant for you", "--customer-impact", impact)
    send = ("notify", str(customers), "--send", "--confirm", "12", "--next-update", "25m")
    for words in (
        ("start", title, "--impact", "12 customers in Germany", "--severity", "SEV2", *read),
        ("log", "Alerted the customer-facing colleagues in Slack", "--by", "Ann"),
        ("status", "identified", "The wrong list was loaded"),
        send,
    ):
        command = _command("--profile", "rehearsal", *words)
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    options = ("console", "--json", "--no-browser", "--profile", "rehearsal")
    with subprocess.Popen(
        _command(*options), env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            said = "".join(iter(process.stdout.readline, "}\n")) + "}"
            page = browser.new_page(
                viewport={"width": 1280, "height": 860},
                device_scale_factor=SCALE * 800 / 1280,
                color_scheme="light",
            )
            page.goto(Path(json.loads(said)["way_in"]).as_uri())
            page.wait_for_selector(".timeline")
            page.screenshot(path=PICTURES / "console-incident.png")
            page.get_by_role("link", name="Write to customers").click()
            page.get_by_label("The list of customers").set_input_files(customers)
            page.get_by_role("button", name="Read the list").click()
            page.get_by_label("Next update").fill("30m")
            page.get_by_label("Stage", exact=True).select_option("update")
            page.wait_for_selector("text=Update notice to 12 customers")
            page.locator("iframe.mails").scroll_into_view_if_needed()
            page.wait_for_timeout(500)
            page.screenshot(path=PICTURES / "console-notice.png")
            page.close()
        finally:
            process.terminate()


def terminal_lines(said: str) -> Iterator[Markup]:
    """The lines of the shown steps, as HTML; dots stand for the steps left out."""
    skipped = False
    for step in _steps(said):
        command = re.search(r"\$ postmortem (.*?)(?:\x1b\[0m)?$", step, re.MULTILINE)
        shown = command is None or any(each.fullmatch(command[1]) for each in SHOWN_STEPS)
        if not shown:
            skipped = True
            continue
        if skipped:
            yield Markup('<span class="faint">          ⋮</span>')
        skipped = False
        lines = step.rstrip("\n").split("\n")
        yield from map(_coloured, lines[:LONGEST_STEP])
        skipped = len(lines) > LONGEST_STEP


def _steps(said: str) -> list[str]:
    """The opening and then each step, from the sentence before its command to the next step's."""
    story = said[: said.index("\n\x1b[32mThe rehearsal is over")]
    starts = [found.start() for found in re.finditer(_STEP_START, story, re.MULTILINE)]
    return [story[a:b] for a, b in zip([0, *starts], [*starts, len(story)], strict=True)]


# A command, with the empty line and the sentence before it if there are any.
_STEP_START = r"(?:^\n^\x1b\[36m.*\n)?^\x1b\[1m *\d+:\d\d [AP]M  \$ postmortem "


def _coloured(line: str) -> Markup:
    """A terminal's line as HTML: its colours as classes, everything else as text."""
    parts = re.split(r"\x1b\[(\d+)m", line)
    html = escape(parts[0])
    for code, text in zip(parts[1::2], parts[2::2], strict=True):
        html += Markup('<span class="c{}">{}</span>').format(code, text) if text else Markup("")
    return html


def _first_doc(browser: Browser, address: str) -> str:
    return address + _link(browser, f"{address}/", "a[href*='/document/d/']")


def _mail_to(browser: Browser, address: str, customer: str) -> str:
    return address + _link(browser, f"{address}/mail?q={customer}", "a[href^='/mail/']")


def _link(browser: Browser, page_address: str, selector: str) -> str:
    page = browser.new_page()
    page.goto(page_address)
    found = page.locator(selector).first.get_attribute("href")
    page.close()
    assert found, f"no {selector} on {page_address}"
    return found


def _photograph(browser: Browser, address: str, *, width: int, height: int, shown: int) -> bytes:
    """A view of a page, with the resolution it needs to be `shown` pixels wide in its frame."""
    page = browser.new_page(
        viewport={"width": width, "height": height},
        device_scale_factor=SCALE * shown / width,
        color_scheme="light",
    )
    page.goto(address, wait_until="networkidle")
    picture = page.screenshot()
    page.close()
    return picture


def _frame(browser: Browser, name: str, values: dict[str, object]) -> None:
    """Put a frame around the photographs, and save the result as a picture."""
    frames = Environment(loader=FileSystemLoader(FRAMES), autoescape=True)
    page = browser.new_page(device_scale_factor=SCALE, color_scheme="light")
    page.set_content(frames.get_template(f"{name}.html").render(values))
    page.locator("#picture").screenshot(path=PICTURES / f"{name.replace('_', '-')}.png")
    page.close()


def _inline(picture: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(picture).decode()


def _read_terminal(descriptor: int) -> Iterator[bytes]:
    while True:
        try:
            chunk = os.read(descriptor, 65536)
        except OSError as fault:  # Linux says so when the other side of a terminal is closed
            if fault.errno == errno.EIO:
                return
            raise
        if not chunk:
            return
        yield chunk


def _command(*arguments: str) -> Sequence[str]:
    return [sys.executable, "-m", "workflow", *arguments]


def _environment(home: Path) -> dict[str, str]:
    """The environment of the rehearsal: a home of its own, without this user's settings."""
    kept = {name: value for name, value in os.environ.items() if "POSTMORTEM" not in name}
    kept.pop("NO_COLOR", None)
    return kept | {"POSTMORTEM_HOME": str(home), "TERM": "xterm-256color"}


def _pages_address(environment: dict[str, str]) -> str:
    done = subprocess.run(
        _command("rehearse", "serve", "--json"), env=environment, check=True, capture_output=True
    )
    return str(json.loads(done.stdout)["docs"]).rstrip("/")


if __name__ == "__main__":
    sys.exit(main())
