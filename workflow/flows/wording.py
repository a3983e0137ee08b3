"""The words of a notice: its template in each language that the list asks for.

A column `locale` picks `resolved.de.md` beside `resolved.md`, for `de` and `de-AT` alike; who has
no template in their language gets the usual one. All of them are one notice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace

from workflow.flows import templates
from workflow.flows.templates import TemplateText
from workflow.flows.workspace import Workspace
from workflow.incident import Incident, Status
from workflow.mail.template import (
    KNOWN_COLUMNS,
    MailRenderer,
    MailTemplate,
    RenderedMail,
    parse_template,
)
from workflow.mail.variables import shared_variables

Shared = Mapping[str, object]


class Wording:
    """Renders each recipient's mail in their language.

    `given` is what the team said for the template, `sections` what was written in the doc.
    """

    def __init__(
        self,
        workspace: Workspace,
        incident: Incident,
        text: TemplateText,
        *,
        subject: str,
        given: Mapping[str, str],
        sections: Mapping[str, str],
    ) -> None:
        self._workspace = workspace
        self._incident = incident
        self._text = text
        self._subject = subject
        self._given = dict(given)
        self._sections = dict(sections)
        self._shared = shared_variables(
            incident, now=workspace.now(), sections=sections, given=given
        )
        self.template = self._parsed(text)
        self.usual = self._renderer(text, self.template, self._shared)
        self._by_locale: dict[str, MailRenderer] = {"": self.usual}
        # The languages that the list asked for, by the name of their template.
        self.languages: dict[str, MailRenderer] = {}
        # The locales that the list asked for in vain.
        self.missing: list[str] = []

    def render(self, columns: Mapping[str, object]) -> RenderedMail:
        """One recipient's mail. Raises as `MailRenderer.render`."""
        return self._for(str(columns.get("locale", ""))).render(columns)

    def copies(
        self, columns: tuple[str, ...], *, told_before: bool
    ) -> list[tuple[str, RenderedMail]]:
        """The doc's copies: the usual one under "", each other language under its name."""
        values = _names_of(columns, told_before="before" if told_before else "")
        others = [(name, each.render(values)) for name, each in self.languages.items()]
        return [("", self.usual.render(values)), *others]

    def content_key(self, columns: tuple[str, ...], *parts: str) -> str:
        """The same for the same words, whenever they are rendered.

        What changes by itself does not count: the clock, the incident's standing, the instant of
        the next update. Pressing the same keys again a minute later is the same notice. Nor does
        it count which of the usual columns the list has: a customer who comes back in a list
        without names has been told all the same.
        """
        given = dict(self._given)
        if given.get("next_update"):
            given["next_update"] = "‹next update›"
        timeless = replace(
            self._incident, status=Status.INVESTIGATING, resolved_at=None, closed_at=None
        )
        shared = shared_variables(
            timeless, now=timeless.started_at, sections=self._sections, given=given
        )
        copy = self._renderer(self._text, self.template, shared).render(
            _names_of((*KNOWN_COLUMNS, *columns))
        )
        return digest(*parts, copy.subject, copy.markdown)

    @property
    def variables(self) -> frozenset[str]:
        """Every name that the template reads, in any language that was asked for."""
        return self.usual.variables.union(*(each.variables for each in self.languages.values()))

    def _for(self, locale: str) -> MailRenderer:
        if locale not in self._by_locale:
            self._by_locale[locale] = self._find(locale)
        return self._by_locale[locale]

    def _find(self, locale: str) -> MailRenderer:
        text = templates.in_language(self._text, locale)
        if text is None:
            self.missing.append(locale)
            return self.usual
        if text.name not in self.languages:
            self.languages[text.name] = self._renderer(text, self._parsed(text), self._shared)
        return self.languages[text.name]

    def _parsed(self, text: TemplateText) -> MailTemplate:
        template = parse_template(text.name, text.source)
        return replace(template, subject_source=self._subject) if self._subject else template

    def _renderer(self, text: TemplateText, template: MailTemplate, shared: Shared) -> MailRenderer:
        load: Callable[[str], str | None] = lambda name: templates.include(text, name)  # noqa: E731
        return MailRenderer(template, shared, load)


def _names_of(columns: tuple[str, ...], told_before: str = "") -> dict[str, object]:
    """Every column as its name, `‹name›`, in one row."""
    row = {name: f"‹{name}›" for name in columns}
    return {**row, "rows": [row], "told_before": told_before, "catch_up": ""}


def digest(*parts: str) -> str:
    """A fingerprint of texts in order."""
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
