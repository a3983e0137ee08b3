"""The text of a notice: its template in each language of the list, and its wordings.

A column `locale` picks `resolved.de.md` beside `resolved.md`, for `de` and `de-AT` alike. Customers
without a template in their language get the usual one. All of them are one notice.

A template is also checked before customers depend on it.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from workflow import templates
from workflow.ledger.plans import PlannedMail
from workflow.mail import tracing
from workflow.mail.sandbox import MailTemplateBad
from workflow.mail.template import (
    KNOWN_COLUMNS,
    KNOWN_OPTIONAL,
    SECTIONS,
    MailRenderer,
    MailTemplate,
    RenderedMail,
    TracedMail,
    incident_facts,
    parse_template,
    shared_variables,
    split_front_matter,
)
from workflow.model import Incident, Status, doc_id_in, people
from workflow.templates import TemplateText, language_tag
from workflow.workspace import Workspace

Shared = Mapping[str, object]

# Columns that identify a customer: mails that differ only in them have the same wording.
_TOLD_BY = ("name", "account", "timezone")
# Values about the customer's earlier mails, which can change a moment later.
_HISTORY = ("told_before", "catch_up")
_NO_CONTENT = frozenset(
    {*KNOWN_COLUMNS, "first_name", "last_name", "full_name", "given_name", "family_name"}
    | {"salutation", "title"}
)


@dataclass(frozen=True)
class CustomersMail:
    """One customer's mail, and its wording.

    `shown` is the wording for the doc's copy, the same with or without a customer's name. `lasting`
    is the same without anything about earlier mails. `template` is "" for the usual one.
    """

    traced: TracedMail
    shown: TracedMail
    lasting: TracedMail
    template: str
    lang: str

    @property
    def promises(self) -> bool:
        """Whether it states the time of the next update."""
        return tracing.promises(self.traced.body) or tracing.promises(self.traced.subject)

    @property
    def wording_id(self) -> str:
        """The same id for customers who get the same text, each with their own values."""
        return digest(self.template, *self._shown_keys)

    @cached_property
    def _shown_keys(self) -> tuple[str, str]:
        return tracing.as_key(self.shown.subject), tracing.as_key(self.shown.body)

    def content_key(self, *parts: str) -> str:
        """The same key for the same text with the same values to one customer.

        A changed name doesn't make another mail; a corrected amount does.
        """
        texts = (self.lasting.subject, self.lasting.body)
        values = [
            f"{label}={value}"
            for text in texts
            for label, value in tracing.cells_of(text)
            if tracing.column_of(label) not in _NO_CONTENT
        ]
        keys = self._shown_keys if self.lasting is self.shown else map(tracing.as_key, texts)
        return digest(*parts, self.template, *keys, *values)


@dataclass(frozen=True)
class _Spoken:
    """A template in one language, and which of the relevant columns it uses."""

    name: str
    lang: str
    renderer: MailRenderer
    told_by: tuple[str, ...]
    history: tuple[str, ...]

    @staticmethod
    def of(name: str, lang: str, renderer: MailRenderer) -> _Spoken:
        read = renderer.variables
        return _Spoken(
            name,
            lang,
            renderer,
            tuple(each for each in _TOLD_BY if each in read),
            tuple(each for each in _HISTORY if each in read),
        )


class Wording:
    """Render each recipient's mail in their language.

    `given` are the team's values for the template, `sections` the text of the doc's sections.
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
        self._incident = incident.for_customers
        self._text = text
        self._subject = subject
        self._given = dict(given)
        self._sections = dict(sections)
        self._shared = shared_variables(
            self._incident, now=workspace.now(), sections=sections, given=given
        )
        self.template = self._parsed(text)
        self.usual = self._renderer(text, self.template, self._shared)
        usual = _Spoken.of("", self.template.lang, self.usual)
        self._by_locale: dict[str, _Spoken] = {"": usual}
        # The languages that the list uses, by the name of their template.
        self.languages: dict[str, _Spoken] = {}
        # The list's locales without a template.
        self.missing: list[str] = []
        # The templates of `languages`, for their heads.
        self.translations: list[MailTemplate] = []

    def mail(self, columns: Mapping[str, object]) -> CustomersMail:
        """One recipient's mail. Raises as `MailRenderer.render`."""
        spoken = self._for(str(columns.get("locale", "")))
        traced = spoken.renderer.trace(columns)
        blank = [name for name in spoken.told_by if not str(columns.get(name, "")).strip()]
        filled = {**columns, **{name: f"‹{name}›" for name in blank}}
        shown = spoken.renderer.trace(filled) if blank else traced
        history = [name for name in spoken.history if columns.get(name)]
        lasting = shown
        if history:
            lasting = spoken.renderer.trace({**filled, **dict.fromkeys(history, "")})
        return CustomersMail(traced, shown, lasting, spoken.name, spoken.lang)

    @property
    def has_own_subject(self) -> bool:
        """Whether a person set a subject other than the template's."""
        return bool(self._subject)

    def own_file(self, columns: Mapping[str, object]) -> str:
        """The file that the template's head names for one row. Raises `MailTemplateBad`."""
        return self._for(str(columns.get("locale", ""))).renderer.own_file(columns)

    def copy(self, columns: tuple[str, ...]) -> RenderedMail:
        """The usual text, with each column as its name."""
        return self.usual.render(_names_of(columns))

    def content_key(self, columns: tuple[str, ...], *parts: str) -> str:
        """The same key for a notice in the same text, whenever it is rendered.

        Values that change by themselves don't count: the clock, the incident's state, the instant
        of the next update. So the same command a minute later gives the same notice. The templates
        in all languages count, with their includes.
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
        sources = [each.source for each in templates.other_languages(self._text)]
        return digest(*parts, copy.subject, copy.markdown, *self.usual.texts, *sources)

    @property
    def variables(self) -> frozenset[str]:
        """Every name that the template uses, in all requested languages."""
        others = (each.renderer.variables for each in self.languages.values())
        return self.usual.variables.union(*others)

    def _for(self, locale: str) -> _Spoken:
        if locale not in self._by_locale:
            self._by_locale[locale] = self._find(locale)
        return self._by_locale[locale]

    def _find(self, locale: str) -> _Spoken:
        text = templates.in_language(self._text, locale)
        if text is None:
            if not _is_of(locale, self.template.lang):
                self.missing.append(locale)
            return self._by_locale[""]
        if text.name not in self.languages:
            template = self._parsed(text)
            self.translations.append(template)
            renderer = self._renderer(text, template, self._shared)
            lang = template.lang or text.language
            self.languages[text.name] = _Spoken.of(text.name, lang, renderer)
        return self.languages[text.name]

    def _parsed(self, text: TemplateText) -> MailTemplate:
        template = parse_template(text.name, text.source)
        if not template.lang:  # a template beside another is named by its language
            template = replace(template, lang=text.language)
        return replace(template, subject_source=self._subject) if self._subject else template

    def _renderer(self, text: TemplateText, template: MailTemplate, shared: Shared) -> MailRenderer:
        load: Callable[[str], str | None] = lambda name: templates.include(text, name)  # noqa: E731
        return MailRenderer(template, shared, load)


def _names_of(columns: tuple[str, ...]) -> dict[str, object]:
    """One row with every column as its name, `‹name›`."""
    row = {name: f"‹{name}›" for name in columns}
    return {**row, "rows": [row], **dict.fromkeys(_HISTORY, "")}


def digest(*parts: str) -> str:
    """A hash of texts in order."""
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


# Keep and show the text of this many wordings and count the rest. A notice with more is a mail
# merge.
KEPT = 50


@dataclass(frozen=True)
class OneWording:
    """A text that some customers get, each column as its name, and the first of their mails.

    `template` is the name of the template in their language, "" for the usual one.
    """

    copy: RenderedMail
    template: str
    customers: int
    first: PlannedMail | None


class Wordings:
    """Count the wordings of the mails that pass."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._first: dict[str, tuple[CustomersMail, PlannedMail]] = {}

    def take(self, words: CustomersMail, mail: PlannedMail) -> None:
        """Count one customer's mail."""
        name = words.wording_id
        self._counts[name] = self._counts.get(name, 0) + 1
        if name not in self._first and len(self._first) < KEPT:
            self._first[name] = (words, mail)

    @property
    def count(self) -> int:
        """The number of different wordings."""
        return len(self._counts)

    @property
    def customers(self) -> list[int]:
        """The number of customers for each wording, largest first."""
        return sorted(self._counts.values(), reverse=True)

    def kept(self) -> list[OneWording]:
        """The wordings whose text is kept, the most frequent first."""
        order = sorted(self._first, key=lambda name: -self._counts[name])
        return [
            OneWording(words.shown.wording, words.template, self._counts[name], mail)
            for name in order
            for words, mail in [self._first[name]]
        ]


def copy_markdown(wordings: Sequence[OneWording], count: int) -> str:
    """All wordings for the doc; if there are several, each under its recipients."""
    first, *others = wordings
    if not others:
        return first.copy.markdown
    parts: list[str] = []
    for number, each in enumerate(wordings, 1):
        parts += [f"**{_heading(number, each)}**"]
        parts += [f"*{each.copy.subject}*"] if each.copy.subject != first.copy.subject else []
        parts += [each.copy.markdown]
    if count > len(wordings):
        parts.append(f"*{count - len(wordings):,} more versions are in the export.*")
    return "\n\n".join(parts)


def _heading(number: int, wording: OneWording) -> str:
    in_language = f", {wording.template}" if wording.template else ""
    return f"Wording {number}{in_language}: {people(wording.customers)}"


def wordings_text(customers: Iterable[int]) -> str:
    """`3 wordings, for 38, 1 and 1 of them`; `1 wording for all` for one."""
    counts = list(customers)
    if len(counts) < 2:
        return "1 version for all"
    shown = [f"{each:,}" for each in counts[:8]]
    if len(counts) > len(shown):
        rest = sum(counts[len(shown) :])
        named = f"{', '.join(shown)} and {len(counts) - len(shown):,} more for {rest:,}"
    else:
        named = f"{', '.join(shown[:-1])} and {shown[-1]}"
    return f"{len(counts):,} wordings, for {named} of them"


# Names that every mail's template can use: the incident, the list's row and its group.
_EVERYWHERE = {"incident", "sections", "recipient", "rows"}


@dataclass(frozen=True)
class MailTemplateReport:
    """The result of checking a mail's template.

    `stage` and `language` are "" if the head doesn't give them. `required` are values without which
    no mail can be written. `from_team` are values that `--set` gives and `from_list` columns that
    every list may have; both may be empty. `unknown` are neither: a column of this list, a value of
    `--set`, or a typo. `unknown_parts` are certainly typos, such as `incident.titel`.
    """

    name: str
    stage: str
    language: str
    subject: str
    required: tuple[str, ...]
    from_team: tuple[str, ...]
    from_list: tuple[str, ...]
    unknown: tuple[str, ...]
    unknown_parts: tuple[str, ...]


def mail_template_named(workspace: Workspace, reference: str) -> TemplateText | None:
    """The mail template with this name or path; None if it is a doc's template.

    A file is a mail template if its head has a subject or a stage. If both kinds have the name, the
    doc's template is meant.
    """
    if not reference or doc_id_in(reference):
        return None
    is_path = reference.endswith(".md") or Path(reference).is_file()
    try:
        found = templates.load_mail_template(workspace, reference)
    except templates.NoSuchTemplate:
        return None
    if is_path:
        return found if _is_of_a_mail(found) else None
    names = {path.stem for root in templates.template_folders(workspace) for path in root.glob("*")}
    return None if reference in names else found


def check_mail_template(text: TemplateText) -> MailTemplateReport:
    """Read a mail's template. Raises `MailTemplateBad`."""
    template = parse_template(text.name, text.source)
    renderer = MailRenderer(template, {}, functools.partial(templates.include, text))
    names = tuple(sorted(renderer.variables - _EVERYWHERE))
    known = {*KNOWN_OPTIONAL, *KNOWN_COLUMNS, *template.required}
    return MailTemplateReport(
        name=text.name,
        stage=template.stage.value if template.stage else "",
        language=template.lang,
        subject=template.subject_source,
        required=template.required,
        from_team=tuple(name for name in names if name in KNOWN_OPTIONAL),
        from_list=tuple(name for name in names if name in KNOWN_COLUMNS),
        unknown=tuple(name for name in names if name not in known),
        unknown_parts=tuple(sorted(_unknown_parts(renderer.dotted))),
    )


def _unknown_parts(dotted: Iterable[str]) -> Iterator[str]:
    """Parts of the incident or of the doc's sections that don't exist."""
    sample = Incident("sample", "Sample", datetime(2026, 1, 1, tzinfo=UTC), "UTC")
    parts = {"incident": {*incident_facts(sample, now=sample.started_at)}, "sections": {*SECTIONS}}
    for name in dotted:
        whole, _, part = name.partition(".")
        if part not in parts.get(whole, {part}):
            yield name


def _is_of_a_mail(text: TemplateText) -> bool:
    try:
        fields = split_front_matter(text.name, text.source).fields
    except MailTemplateBad:
        # A doc template's head has other fields. A mail template with a broken head still begins as
        # one.
        return "\nsubject:" in text.source.partition("\n---")[0]
    return bool({"subject", "stage"} & fields.keys())


def _is_of(locale: str, lang: str) -> bool:
    """Whether a list's locale, such as `en_US` or `English`, is of a template's language."""
    tag = language_tag(locale).lower().partition("-")[0]
    return bool(tag) and tag == lang.lower().partition("-")[0]
