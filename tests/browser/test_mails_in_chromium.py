"""The shipped mails, and one with a wide table, at phone and desktop size, light and dark."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.mail.test_languages import LANGUAGES, mail
from workflow.mail.faces import html_face, parse_body

WIDE = """# Invoices with a wrong total

| Invoice | Date | Product | Old total | New total | Currency |
|:--|:--:|---|--:|--:|---|
| RE-2026-11-0001 | 24.11.2026 | Lagerplatz Palette | 1.234,56 | 987,65 | EUR |
| RE-2026-11-0002 | 24.11.2026 | Dampfschifffahrtsgesellschaft | 12.345,00 | 1.234,50 | EUR |
| RE-2026-11-0003 | 24.11.2026 | منصة التخزين | 99,00 | 89,00 | EUR |
"""
# The numbers that are broken over lines, and how far the page is wider than the screen.
BROKEN = """() => [...document.querySelectorAll('td')]
  .filter(cell => /\\d/.test(cell.textContent))
  .filter(cell => {
    const range = document.createRange();
    range.selectNodeContents(cell);
    return new Set([...range.getClientRects()].map(each => Math.round(each.top))).size > 1;
  }).map(cell => cell.textContent)"""
BEYOND = "() => document.documentElement.scrollWidth - window.innerWidth"


@pytest.mark.parametrize("width", [320, 800])
def test_no_number_of_a_table_breaks_and_a_wide_one_scrolls(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.set_content(html_face(parse_body(WIDE), subject="S", lang="en"))
    assert page.evaluate(BROKEN) == []
    assert page.evaluate(BEYOND) <= 0
    box = page.locator(".wide")
    scrolls = box.evaluate("each => each.scrollWidth > each.clientWidth")
    assert scrolls is (width == 320)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_what_ships_fits_a_phone_in_every_language(page: Page, language: str, scheme: str) -> None:
    page.set_viewport_size({"width": 320, "height": 900})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    for stage in ("investigating", "resolved", "postmortem"):
        rendered = mail(stage, language)
        tokens = parse_body(rendered.markdown)
        page.set_content(html_face(tokens, subject=rendered.subject, lang=rendered.lang))
        assert page.evaluate(BEYOND) <= 0
        assert page.locator(f'.sheet[lang="{language}"][dir="ltr"]').count() == 1
        colours = page.locator(".sheet").evaluate(
            "each => [getComputedStyle(each).color, getComputedStyle(each).backgroundColor]"
        )
        assert colours[0] != colours[1]
