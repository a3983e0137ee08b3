"""A mail's template: Markdown with Jinja2 after a short head, rendered once per recipient.

A head is `key: value` lines between two lines of `---`. It is not YAML: a value is the exact rest
of its line, so that a subject may hold colons, quotes and `{{ }}`. Every variable is text; `faces`
escapes it, and `sandbox` limits what a template may do.
"""

from __future__ import annotations

import itertools
import re
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import jinja2
from markdown_it import MarkdownIt
from markdown_it.token import Token

from workflow.mail import tracing
from workflow.mail.escape import as_text, one_line, settle
from workflow.mail.faces import with_line_ends, with_signature
from workflow.mail.sandbox import (
    MailTemplateBad,
    MomentText,
    Source,
    check_source,
    did_you_mean,
    make_environment,
    retold,
    zone_named,
)
from workflow.model import Incident, Stage, length_text

# --- Templates ------------------------------------------------------------------------------------

FIELDS = {"subject", "from", "reply_to", "required", "stage", "attachments", "attach", "lang"}
_FENCE = "---"
_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")


@dataclass(frozen=True)
class FrontMatter:
    """The fields as written, and the body after as many empty lines as the head had.

    So a line number of the body is a line number of the file.
    """

    fields: dict[str, str]
    body: str

    def words(self, field: str) -> tuple[str, ...]:
        """A field with a list: `name, account` is `("name", "account")`."""
        parts = (part.strip() for part in self.fields.get(field, "").split(","))
        return tuple(part for part in parts if part)


def split_front_matter(name: str, source: str) -> FrontMatter:
    """Head and body of a template. One without a head has no fields.

    Empty lines may stand before the head.

    Raises:
        MailTemplateBad: a head that never ends, a line without a colon, an unknown or doubled
            field; a head as other tools write it, or one that does not come first.
    """
    lines = source.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    start = next((at for at, line in enumerate(lines) if line.strip()), 0)
    if lines[start].rstrip() != _FENCE:
        _refuse_other_heads(name, lines, start)
        return FrontMatter({}, "\n".join(lines))
    after = range(start + 1, len(lines))
    end = next((at for at in after if lines[at].rstrip() == _FENCE), None)
    if end is None:
        raise MailTemplateBad(
            f"{name}: the head opens with `---` on line {start + 1} and has no `---` at its end."
        )
    fields: dict[str, str] = {}
    for number, line in enumerate(lines[start + 1 : end], start + 2):
        if line.strip() and not line.startswith("#"):
            key, value = _read_field(f"{name}, line {number}", line)
            if key in fields:
                raise MailTemplateBad(f"{name}, line {number}: `{key}` is there twice.")
            fields[key] = value
    return FrontMatter(fields, "\n" * (end + 1) + "\n".join(lines[end + 1 :]))


# The head of mailmerge's templates and of a saved mail: not between lines of `---`.
_HEADER = re.compile(
    r"\W{0,3}(to|cc|bcc|from|subject|reply-to|attachment|content-type|date|importance|betreff|objet"
    r"|asunto|oggetto|onderwerp|assunto|emne|ämne|temat)\*{0,2}[ \u00a0]?:",
    re.IGNORECASE,
)
_NO_HEAD_ALONE = {
    "cc",
    "bcc",
    "from",
    "date",
    "attachment",
    "content-type",
    "importance",
    "reply-to",
}
# Lines that other tools, or a word processor, write in place of `---`.
_OTHER_FENCE = re.compile(r"\s*(?:-{3,}|[—–]+|\+{3,}|;{3,}|={3,}|~{3,})\s*")
_LIKE_A_FIELD = re.compile(r"\s*[A-Za-z][\w -]{0,30}\s*[:=]\s*\S")


def _refuse_other_heads(name: str, lines: list[str], start: int) -> None:
    """Raise `MailTemplateBad` for a head that would be sent as the mail's first lines."""
    headers = []
    for line in lines[start:]:
        if not (found := _HEADER.match(line)):
            break
        headers.append(found[1].lower())
    if set(headers) - _NO_HEAD_ALONE:
        raise MailTemplateBad(
            f"{name}, line {start + 1}: `{lines[start][:40]}` is a head as mailmerge writes it and "
            "would be sent as text. Put the head between two lines of `---`, like "
            "`subject: …`; the addresses come from the list."
        )
    below = lines[start + 1] if start + 1 < len(lines) else ""
    if _OTHER_FENCE.fullmatch(lines[start]) and _LIKE_A_FIELD.match(below):
        raise MailTemplateBad(
            f"{name}, line {start + 1}: `{lines[start].strip()[:40]}` opens no head, and it would "
            "be sent as text. Put the head between two lines of `---`, like `subject: …`."
        )
    fences = [at for at, line in enumerate(lines) if line.rstrip() == _FENCE]
    for first, last in itertools.pairwise(fences):
        inside = [line for line in lines[first + 1 : last] if line.strip()]
        if inside and all(_is_field(line) for line in inside):
            raise MailTemplateBad(
                f"{name}, line {first + 1}: the head does not come first and would be sent as "
                "text. Move it to the top of the file."
            )


def _is_field(line: str) -> bool:
    key, colon, _ = line.partition(":")
    return bool(colon) and key.strip().lower().replace("-", "_") in FIELDS


def _read_field(where: str, line: str) -> tuple[str, str]:
    key, colon, value = line.partition(":")
    key = key.strip().lower().replace("-", "_")
    if not colon:
        raise MailTemplateBad(
            f"{where}: a line of the head reads `field: value`; this is `{line}`."
        )
    if key not in FIELDS:
        raise MailTemplateBad(f"{where}: no field `{key}`{did_you_mean(key, FIELDS)}")
    return key, _unquoted(value.strip())


def _unquoted(value: str) -> str:
    """Remove quotes around a whole value: a habit from YAML, and no part of the subject."""
    for quote in ('"', "'"):
        if len(value) > 1 and value[0] == value[-1] == quote and value.count(quote) == 2:
            return value[1:-1]
    return value


def read_lang(name: str, text: str) -> str:
    """The language tag that a head names, or "".

    Raises:
        MailTemplateBad: not the shape of a tag (BCP 47).
    """
    if text and not _LANGUAGE_TAG.fullmatch(text):
        raise MailTemplateBad(f"{name}: `{text}` isn't a language tag, such as `en` or `pt-BR`.")
    return text


def read_stage(name: str, text: str) -> Stage | None:
    """The stage that a head names; None if it names none.

    Raises:
        MailTemplateBad: no such stage.
    """
    if not text:
        return None
    try:
        return Stage(text.lower())
    except ValueError:
        known = {stage.value for stage in Stage}
        raise MailTemplateBad(
            f"{name}: no stage `{text}`{did_you_mean(text.lower(), known)}"
        ) from None


# Values that the team may give with `--set`, else "". A list's column never replaces them.
KNOWN_OPTIONAL = (
    *("what_happened", "who_is_hit", "still_works", "what_we_do", "next_update", "support"),
    *("organisation", "sender_name", "cause", "prevention", "wrong_text", "resolved_at"),
)
# Columns that a list may have, and values from the ledger: the stages that this customer had
# before, and whether others were notified earlier. "" for every recipient without them.
KNOWN_COLUMNS = ("email", "name", "account", "locale", "timezone", "told_before", "catch_up")

# Errors of a template's expression on values that its author did not expect.
_MISTAKES = (
    *(jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError),
    *(AttributeError, RecursionError),
)


# What templates of other tools call a customer: `{{ contact.firstname }}`, `{{FNAME}}`.
_NAMES_ELSEWHERE = dict.fromkeys(
    (
        *("firstname", "fname", "lastname", "lname", "fullname", "contact", "customer", "client"),
        *("user", "subscriber", "person", "lead", "vorname", "nachname", "prenom", "nom", "nombre"),
    ),
    "name",
) | dict.fromkeys(("company", "companyname", "organization"), "account")


def _bare(name: str) -> str:
    return name.replace("_", "").lower()


class ValueMissing(MailTemplateBad):
    """A required value is missing for this recipient; others may have it."""


@dataclass(frozen=True)
class MailTemplate:
    """A template as its author wrote it. `source` is the body in Markdown and Jinja2.

    `source` starts with as many empty lines as the file's head has, so that line numbers in errors
    are those of the file. `from_` and `reply_to` are addresses or "". `attach_source` names each
    customer's own file, such as `{{ file }}`.
    """

    name: str
    source: str
    subject_source: str
    from_: str = ""
    reply_to: str = ""
    required: tuple[str, ...] = ()
    stage: Stage | None = None
    attachments: tuple[str, ...] = ()
    lang: str = ""
    attach_source: str = ""


@dataclass(frozen=True)
class RenderedMail:
    """One recipient's text: the form that is shown, frozen and sent.

    `subject` is one line of at most 200 code points; `markdown` is CommonMark with every variable
    escaped. `lang` is the language of the template, "" if it names none.
    """

    subject: str
    markdown: str
    lang: str = ""


@dataclass(frozen=True)
class TracedMail:
    """One recipient's text, with their own values marked: raw texts for `tracing`."""

    mail: RenderedMail
    subject: str
    body: str

    @property
    def wording(self) -> RenderedMail:
        """The text that others get too, each column shown as its name."""
        subject, body = tracing.as_wording(self.subject), tracing.as_wording(self.body)
        return _rendered(subject, body, self.mail.lang)


def parse_template(name: str, source: str) -> MailTemplate:
    """A template from a file's text; its words are checked, its variables not yet.

    Raises:
        MailTemplateBad: the head or the Jinja2 is wrong, or a variable is inside code, where
            Markdown has no way to escape it. The message names the line.
    """
    head = split_front_matter(name, source)
    body = with_line_ends(with_signature(head.body))
    checker = make_environment(lambda _: None, str)
    subject = head.fields.get("subject", "")
    check_source(checker, f"{name}, subject", subject)
    check_source(checker, f"{name}, attach", head.fields.get("attach", ""))
    check_source(checker, name, body)
    _refuse_variables_in_code(name, body)
    return MailTemplate(
        name=name,
        source=body,
        subject_source=subject,
        from_=head.fields.get("from", ""),
        reply_to=head.fields.get("reply_to", ""),
        required=head.words("required"),
        stage=read_stage(name, head.fields.get("stage", "")),
        attachments=head.words("attachments"),
        lang=read_lang(name, head.fields.get("lang", "")),
        attach_source=head.fields.get("attach", ""),
    )


class MailRenderer:
    """Renders one template for many recipients; compiled once, cheap per recipient.

    `shared_variables` are the same for all; `load` gives the text of an included file or None. A
    shared name overrides a column of the same name, which is still available as `recipient.<name>`:
    a customer's `organisation` is never signed as ours.

    Raises:
        MailTemplateBad: on construction, when an included file is missing or bad.
    """

    def __init__(
        self,
        template: MailTemplate,
        shared_variables: Mapping[str, object],
        load: Callable[[str], str | None],
    ) -> None:
        self._template = template
        self._shared = dict.fromkeys(KNOWN_OPTIONAL, "") | dict(shared_variables)
        self._load = load = _with_signatures(load)
        lang, shared = template.lang, frozenset(self._shared)
        self._bodies = make_environment(load, as_text, lang, shared)
        self._subjects = make_environment(
            load, lambda value: one_line(str(value), limit=10_000), lang, shared
        )
        self._told: dict[str, dict[str, object]] = {}
        self._checked_for: frozenset[str] = frozenset()
        self._sources = self._collect()
        self._body = self._bodies.from_string(template.source)
        self._subject = self._subjects.from_string(template.subject_source)
        self._attach = self._subjects.from_string(template.attach_source)

    @cached_property
    def variables(self) -> frozenset[str]:
        """Every name that subject, body and included files use."""
        return frozenset(name for source in self._sources for name in source.names)

    @property
    def dotted(self) -> frozenset[str]:
        """Every part of a name that is used, in any branch: `incident.title`."""
        return frozenset(name for source in self._sources for name in source.dotted)

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """The texts of the template and of its includes, in order."""
        included = (name for source in self._sources for name in source.includes)
        return (
            self._template.subject_source,
            self._template.source,
            *(self._load(name) or "" for name in dict.fromkeys(included)),
        )

    def shadowed(self, columns: Iterable[str]) -> tuple[str, ...]:
        """Columns that the template can't see, because a shared name overrides them."""
        return tuple(name for name in columns if name in self._shared and name in self.variables)

    def render(self, columns: Mapping[str, object]) -> RenderedMail:
        """The mail for the recipient with these columns.

        A value may also be `rows`, a list of rows with their columns. Raises as `trace`.
        """
        return self.trace(columns).mail

    def trace(self, columns: Mapping[str, object]) -> TracedMail:
        """The mail for the recipient with these columns, and which parts are their own.

        Raises:
            ValueMissing: a value that the template requires is empty for this recipient.
            MailTemplateBad: an unknown variable, or an expression that doesn't work out.
        """
        known: dict[str, object] = dict.fromkeys(KNOWN_COLUMNS, "")
        values = {
            **known,
            **columns,
            **self._shared_for(str(columns.get("timezone", ""))),
            "recipient": known | dict(columns),
        }
        self._refuse_unknown(frozenset(values))
        lacking = [name for name in self._template.required if not str(values[name]).strip()]
        if lacking:
            raise ValueMissing(
                f"`{lacking[0]}` is empty, and {self._template.name} requires it. "
                "Fill it in, or leave the row out."
            )
        subject, body = self._run(self._subject, values), self._run(self._body, values)
        lang = self._template.lang
        mail = _rendered(tracing.as_mail(subject), tracing.as_mail(body), lang)
        if not mail.subject and self._template.subject_source.strip():
            raise ValueMissing(
                f"the subject of {self._template.name} is empty for this customer. Fill in the "
                "columns that it uses, or leave the row out."
            )
        if not mail.subject:
            raise MailTemplateBad(
                f"{self._template.name}: the subject is empty. "
                "Give it a line `subject: …` in its head, or --subject."
            )
        return TracedMail(mail, subject, body)

    def _shared_for(self, zone: str) -> dict[str, object]:
        """The shared values for this zone: times are given in it, in the template's language."""
        if zone not in self._told:
            self._told[zone] = retold(self._shared, zone_named(zone), self._template.lang)
        return self._told[zone]

    def own_file(self, columns: Mapping[str, object]) -> str:
        """The file that the head's `attach` names for one row of the list, "" for none."""
        known: dict[str, object] = dict.fromkeys(KNOWN_COLUMNS, "")
        values = {**known, **columns, **self._shared, "recipient": known | dict(columns)}
        return tracing.as_mail(self._run(self._attach, values)).strip()

    def _collect(self) -> tuple[Source, ...]:
        template = self._template
        subject = check_source(self._bodies, f"{template.name}, subject", template.subject_source)
        attach = check_source(self._bodies, f"{template.name}, attach", template.attach_source)
        return (subject, attach, *self._follow(template.name, template.source, ()))

    def _follow(self, name: str, text: str, above: tuple[str, ...]) -> Iterable[Source]:
        """The template and all its includes, each checked."""
        if name in above:
            raise MailTemplateBad(f"{name} includes itself, through {' and '.join(above)}.")
        source = check_source(self._bodies, name, text)
        _refuse_variables_in_code(name, text)
        yield source
        for included in source.includes:
            content = self._load(included)
            if content is None:
                raise MailTemplateBad(f"{name} includes `{included}`, and there is no such file.")
            yield from self._follow(included, content, (*above, name))

    def _refuse_unknown(self, known: frozenset[str]) -> None:
        if known == self._checked_for:
            return
        for source in self._sources:
            for name, line in source.names.items():
                if name not in known:
                    meant = did_you_mean(_NAMES_ELSEWHERE.get(_bare(name), name), set(known))
                    raise MailTemplateBad(
                        f"{source.name}, line {line}: `{name}` is neither a column of the list "
                        f"nor set{meant} "
                        f'Or give it: --set {name}="…".'
                    )
        for name in self._template.required:
            if name not in known:
                raise MailTemplateBad(
                    f"{self._template.name} requires `{name}`, which is neither a column of the "
                    f"list nor set{did_you_mean(name, set(known))}"
                )
        self._checked_for = known

    def _run(self, compiled: jinja2.Template, values: Mapping[str, object]) -> str:
        try:
            return compiled.render(values)
        except _MISTAKES as error:
            where = f"{self._template.name}{_line_of(error)}"
            raise MailTemplateBad(f"{where}: {_reason(error)}") from error


def _with_signatures(load: Callable[[str], str | None]) -> Callable[[str], str | None]:
    def loaded(name: str) -> str | None:
        text = load(name)
        return None if text is None else with_line_ends(with_signature(text))

    return loaded


def _rendered(subject: str, body: str, lang: str) -> RenderedMail:
    return RenderedMail(one_line(subject), settle(body).strip("\n") + "\n", lang)


_OF_TEXT = re.compile(r"\bstr\b")


def _reason(error: BaseException) -> str:
    """A mistake's reason as a sentence."""
    said = str(error)
    if isinstance(error, TypeError) and _OF_TEXT.search(said):
        return (
            "a text is compared or counted with a number. The values of a list are texts: write "
            "`amount | float` for the number of a column `amount`."
        )
    return said if said.endswith("?") else f"{said.rstrip('.')}."


def _line_of(error: BaseException) -> str:
    """`, line N` of the template, from the frames that Jinja2 has mapped back to it."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == "<template>"]
    return f", line {lines[-1]}" if lines else ""


# A private-use letter replaces an expression, to see whether it is inside code in Markdown.
_STAND_IN = "\uf8ff"
_EXPRESSION = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_STATEMENT = re.compile(r"\{%.*?%\}|\{#.*?#\}", re.DOTALL)


def _refuse_variables_in_code(name: str, body: str) -> None:
    def same_height(stand_in: str) -> Callable[[re.Match[str]], str]:
        return lambda found: stand_in + "\n" * found[0].count("\n")

    text = _STATEMENT.sub(same_height(""), body.replace(_STAND_IN, ""))
    text = _EXPRESSION.sub(same_height(_STAND_IN), text)
    for token in MarkdownIt("commonmark", {"html": False}).parse(text):
        line = token.map[0] + 1 if token.map else 1
        if any(_is_code(part) and _STAND_IN in part.content for part in _parts(token)):
            raise MailTemplateBad(
                f"{name}, line {line}: a variable is inside code, where it can't be escaped. "
                "Remove the backquotes, or the four spaces at the "
                "start of the line."
            )


def _parts(token: Token) -> list[Token]:
    return [token, *(token.children or [])]


def _is_code(token: Token) -> bool:
    return token.type in {"code_inline", "code_block", "fence"}


# --- The variables that all share -----------------------------------------------------------------

# The doc's sections that a mail can quote, by the names in `postmortem section`.
SECTIONS = (
    *("summary", "impact", "root_cause", "timeline", "solution", "what_we_learned"),
    *("next_time", "supporting_data", "contact"),
)


def incident_facts(incident: Incident, *, now: datetime) -> dict[str, object]:
    """The variable `incident` of a template. Times are text in the incident's zone.

    `started_at` and `closed_at` are instants for the filters `moment`, `clock` and `date`, which
    show them in the recipient's zone; `duration` runs to `now` while the incident is open.
    """
    closed, ended = incident.closed_at, incident.ended_at
    return {
        "id": incident.id,
        "title": incident.title,
        "impact": incident.impact,
        "severity": incident.severity,
        "status": incident.status.label,
        "started": MomentText(incident.started_at, incident.zone),
        "started_at": incident.started_at,
        "closed": MomentText(closed, incident.zone) if closed else "",
        "closed_at": closed or "",
        "ended": MomentText(ended, incident.zone) if ended else "",
        "duration": length_text(incident, now),
        "time_zone": incident.time_zone,
    }


def shared_variables(
    incident: Incident,
    *,
    now: datetime,
    sections: Mapping[str, str] | None = None,
    given: Mapping[str, str] | None = None,
) -> dict[str, object]:
    """All variables that are the same for every recipient of a notice.

    `sections` is the doc's text, by section name; `given` is what the team said with `--set`, the
    config and the options. Unset values are "".
    """
    facts = incident_facts(incident, now=now)
    return {
        **dict.fromkeys(KNOWN_OPTIONAL, ""),
        "resolved_at": facts["ended"],
        **incident.variables,
        **(given or {}),
        "incident": facts,
        "sections": dict.fromkeys(SECTIONS, "") | dict(sections or {}),
    }
