"""A mail's template: Markdown with Jinja2 behind a short head, rendered once per recipient.

A head is `key: value` lines between `---` (see `frontmatter`). Every variable is text; see
`escape` for how it stays text, `sandbox` for what a template may do.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import jinja2
from markdown_it import MarkdownIt
from markdown_it.token import Token

from workflow.incident import Stage
from workflow.mail.escape import as_text, settle
from workflow.mail.frontmatter import read_lang, read_stage, split_front_matter
from workflow.mail.oneline import one_line
from workflow.mail.sandbox import (
    Source,
    TemplateBad,
    check_source,
    did_you_mean,
    make_environment,
)

__all__ = [
    "KNOWN_COLUMNS",
    "KNOWN_OPTIONAL",
    "MailRenderer",
    "MailTemplate",
    "RenderedMail",
    "TemplateBad",
    "ValueMissing",
    "parse_template",
]

# What the team may say with `--set`; "" until it does. A list's column never stands in for these.
KNOWN_OPTIONAL = (
    *("what_happened", "who_is_hit", "still_works", "what_we_do", "next_update", "support"),
    *("organisation", "sender_name", "cause", "prevention", "wrong_text", "resolved_at"),
)
# Columns that a list may have, and what the ledger adds: the stages that this customer was told
# before, and whether others were told earlier than they. "" for every recipient without them.
KNOWN_COLUMNS = ("email", "name", "account", "locale", "timezone", "told_before", "catch_up")

# What a template's expression may raise on values that aren't as its author thought.
_MISTAKES = (
    *(jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError),
    *(AttributeError, RecursionError),
)


class ValueMissing(TemplateBad):
    """A recipient lacks a value that the template requires; others may have it."""


@dataclass(frozen=True)
class MailTemplate:
    """A template as its author wrote it. `source` is the body in Markdown and Jinja2.

    `source` starts with as many empty lines as the file's head has, so that line numbers in
    errors are those of the file. `from_` and `reply_to` are addresses or "".
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


@dataclass(frozen=True)
class RenderedMail:
    """One recipient's words: the form that is shown, frozen and sent.

    `subject` is one line of at most 200 code points; `markdown` is CommonMark in which every
    variable is escaped.
    """

    subject: str
    markdown: str


def parse_template(name: str, source: str) -> MailTemplate:
    """A template from a file's text; its words are checked, its variables not yet.

    Raises:
        TemplateBad: the head or the Jinja2 is wrong, or a variable stands inside code, where
            Markdown has no way to escape it. The message names the line.
    """
    head = split_front_matter(name, source)
    checker = make_environment(lambda _: None, str)
    subject = head.fields.get("subject", "")
    check_source(checker, f"{name}, subject", subject)
    check_source(checker, name, head.body)
    _refuse_variables_in_code(name, head.body)
    return MailTemplate(
        name=name,
        source=head.body,
        subject_source=subject,
        from_=head.fields.get("from", ""),
        reply_to=head.fields.get("reply_to", ""),
        required=head.words("required"),
        stage=read_stage(name, head.fields.get("stage", "")),
        attachments=head.words("attachments"),
        lang=read_lang(name, head.fields.get("lang", "")),
    )


class MailRenderer:
    """Renders one template for many recipients; compiled once, cheap per recipient.

    `shared_variables` are the same for all; `load` gives the text of an included file or None.
    A shared name always wins over a column of the same name, which stays within reach as
    `recipient.<name>`: a customer's `organisation` is never signed as ours.

    Raises:
        TemplateBad: on construction, when an included file is missing or bad.
    """

    def __init__(
        self,
        template: MailTemplate,
        shared_variables: Mapping[str, object],
        load: Callable[[str], str | None],
    ) -> None:
        self._template = template
        self._shared = dict.fromkeys(KNOWN_OPTIONAL, "") | dict(shared_variables)
        self._load = load
        self._bodies = make_environment(load, as_text)
        self._subjects = make_environment(load, lambda value: one_line(str(value), limit=10_000))
        self._checked_for: frozenset[str] = frozenset()
        self._sources = self._collect()
        self._body = self._bodies.from_string(template.source)
        self._subject = self._subjects.from_string(template.subject_source)

    @cached_property
    def variables(self) -> frozenset[str]:
        """Every name that subject, body and included files read."""
        return frozenset(name for source in self._sources for name in source.names)

    def shadowed(self, columns: Iterable[str]) -> tuple[str, ...]:
        """Columns that the template reads by a name of ours, and so doesn't see."""
        return tuple(name for name in columns if name in self._shared and name in self.variables)

    def render(self, columns: Mapping[str, object]) -> RenderedMail:
        """The mail for the recipient with these columns.

        Besides texts a value may be `rows`, a list of rows with their columns.

        Raises:
            ValueMissing: a value that the template requires is empty for this recipient.
            TemplateBad: an unknown variable, or an expression that doesn't work out.
        """
        known: dict[str, object] = dict.fromkeys(KNOWN_COLUMNS, "")
        values = {**known, **columns, **self._shared, "recipient": known | dict(columns)}
        self._refuse_unknown(frozenset(values))
        lacking = [name for name in self._template.required if not str(values[name]).strip()]
        if lacking:
            raise ValueMissing(
                f"`{lacking[0]}` is empty, and {self._template.name} requires it. "
                "Fill it in, or leave the row out."
            )
        subject = one_line(self._run(self._subject, values))
        if not subject:
            raise TemplateBad(
                f"{self._template.name}: the subject is empty. "
                "Give it a line `subject: …` in its head, or --subject."
            )
        return RenderedMail(subject, settle(self._run(self._body, values)).strip("\n") + "\n")

    def render_copy(self, columns: Iterable[str] = ()) -> RenderedMail:
        """The doc's copy: every column of the list shown as its name, `‹name›`."""
        return self.render({name: f"‹{name}›" for name in columns})

    def _collect(self) -> tuple[Source, ...]:
        template = self._template
        subject = check_source(self._bodies, f"{template.name}, subject", template.subject_source)
        return (subject, *self._follow(template.name, template.source, ()))

    def _follow(self, name: str, text: str, above: tuple[str, ...]) -> Iterable[Source]:
        """The template and everything that it includes, each checked."""
        if name in above:
            raise TemplateBad(f"{name} includes itself, through {' and '.join(above)}.")
        source = check_source(self._bodies, name, text)
        _refuse_variables_in_code(name, text)
        yield source
        for included in source.includes:
            content = self._load(included)
            if content is None:
                raise TemplateBad(f"{name} includes `{included}`, and there is no such file.")
            yield from self._follow(included, content, (*above, name))

    def _refuse_unknown(self, known: frozenset[str]) -> None:
        if known == self._checked_for:
            return
        for source in self._sources:
            for name, line in source.names.items():
                if name not in known:
                    raise TemplateBad(
                        f"{source.name}, line {line}: `{name}` is neither a column of the list "
                        f"nor set{did_you_mean(name, set(known))} "
                        f'Or give it: --set {name}="…".'
                    )
        for name in self._template.required:
            if name not in known:
                raise TemplateBad(
                    f"{self._template.name} requires `{name}`, which is neither a column of the "
                    f"list nor set{did_you_mean(name, set(known))}"
                )
        self._checked_for = known

    def _run(self, compiled: jinja2.Template, values: Mapping[str, object]) -> str:
        try:
            return compiled.render(values)
        except _MISTAKES as error:
            where = f"{self._template.name}{_line_of(error)}"
            raise TemplateBad(f"{where}: {str(error).rstrip('.')}.") from error


def _line_of(error: BaseException) -> str:
    """`, line N` of the template, from the frames that Jinja2 has mapped back to it."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == "<template>"]
    return f", line {lines[-1]}" if lines else ""


# A private-use letter stands in for an expression while Markdown says whether it is inside code.
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
            raise TemplateBad(
                f"{name}, line {line}: a variable stands inside code, where its characters can't "
                "be kept apart from the marks. Take the backquotes, or the four spaces at the "
                "start of the line, away."
            )


def _parts(token: Token) -> list[Token]:
    return [token, *(token.children or [])]


def _is_code(token: Token) -> bool:
    return token.type in {"code_inline", "code_block", "fence"}
