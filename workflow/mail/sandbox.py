"""The part of Jinja2 that a mail may use, and clear words for what it may not.

Templates choose words; they don't compute. Values are plain strings throughout, and become
Markdown at one place, when an expression is printed: no construct here can capture printed text
and print it again, so nothing is escaped twice and nothing escapes being escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jinja2 import FunctionLoader, StrictUndefined, TemplateSyntaxError, nodes, pass_context
from jinja2.sandbox import SandboxedEnvironment

from workflow.incident import clock_text, date_text, moment_text

if TYPE_CHECKING:
    from jinja2.runtime import Context


class TemplateBad(ValueError):
    """A template that can't be used, or not for this recipient. The message is for its author."""


# Left out on purpose: `safe`, `escape`, `tojson`, `urlize` and the like make markup; `format`,
# `center`, `indent` can make a string of any length; `map`, `select`, `attr` reach attributes.
_FILTERS = (
    *("abs", "capitalize", "count", "d", "default", "first", "float", "int", "join", "last"),
    *("length", "list", "lower", "max", "min", "replace", "reverse", "round", "sort", "string"),
    *("sum", "title", "trim", "truncate", "unique", "upper", "wordcount"),
)

_ALLOWED_NODES = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Assign),
    *(nodes.Include, nodes.Name, nodes.NSRef, nodes.Const, nodes.List, nodes.Tuple, nodes.Dict),
    *(nodes.Pair, nodes.Keyword, nodes.CondExpr, nodes.Filter, nodes.Test, nodes.Getitem),
    *(nodes.Getattr, nodes.Slice, nodes.Concat, nodes.Compare, nodes.Operand, nodes.Add),
    *(nodes.Sub, nodes.Neg, nodes.And, nodes.Or, nodes.Not),
)


class _Unknown(StrictUndefined):
    """An undefined value whose error says what is there instead."""

    @property
    def _undefined_message(self) -> str:
        name = str(self._undefined_name)
        if isinstance(self._undefined_obj, Mapping):
            return f"there is no `{name}` in it{did_you_mean(name, self._undefined_obj)}"
        return super()._undefined_message


class _MailSandbox(SandboxedEnvironment):
    """A sandbox in which a dot reads what is stored, and never a method of Python's."""

    def getattr(self, obj: object, attribute: str) -> object:
        if isinstance(obj, Mapping):
            found = obj.get(attribute, self)
            return self.undefined(obj=obj, name=attribute) if found is self else found
        found = super().getattr(obj, attribute)
        return self.undefined(obj=obj, name=attribute) if callable(found) else found


def did_you_mean(name: str, known: Mapping[str, object] | set[str]) -> str:
    """` Did you mean `name`?` or what there is, or nothing: the tail of an error's sentence."""
    close = get_close_matches(name, [str(word) for word in known], n=2)
    if close:
        return f". Did you mean {' or '.join(f'`{word}`' for word in close)}?"
    names = sorted(str(word) for word in known if word)
    return f"; there is {', '.join(f'`{word}`' for word in names[:40])}." if names else "."


def make_environment(
    load: Callable[[str], str | None], finalize: Callable[[object], str]
) -> SandboxedEnvironment:
    """A sandbox that prints every expression through `finalize` and includes through `load`."""
    environment = _MailSandbox(
        undefined=_Unknown,
        # HTML escaping would be wrong here: `finalize` makes Markdown text of every value.
        autoescape=False,
        finalize=finalize,
        loader=FunctionLoader(load),
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    kept: dict[str, Callable[..., Any]] = {name: environment.filters[name] for name in _FILTERS}
    kept |= {"plural": _plural, "moment": _moment, "clock": _clock, "date": _date}
    environment.filters = kept
    environment.globals.clear()
    return environment


def _plural(count: object, one: str, many: str = "") -> str:
    """`3|plural("customer")` is `3 customers`; an irregular plural is the second argument."""
    number = str(count).strip()
    return f"{number} {one}" if number == "1" else f"{number} {many or one + 's'}"


@pass_context
def _moment(context: Context, at: object) -> str:
    """An instant as date and time in the recipient's zone: `24 Nov 2026, 2:39 PM CET`."""
    return _in_zone(context, at, moment_text)


@pass_context
def _clock(context: Context, at: object) -> str:
    """An instant as time of day in the recipient's zone: `2:39 PM CET`."""
    return _in_zone(context, at, clock_text)


@pass_context
def _date(context: Context, at: object) -> str:
    """An instant as date in the recipient's zone: `24 Nov 2026`."""
    return _in_zone(context, at, date_text)


def _in_zone(context: Context, at: object, say: Callable[[datetime, ZoneInfo], str]) -> str:
    """Words pass through as they are: the doc's copy and an unknown time have no instant."""
    if not isinstance(at, datetime):
        return str(at)
    incident = context.get("incident") or {}
    ours = incident.get("time_zone", "UTC") if isinstance(incident, Mapping) else "UTC"
    return say(at, _zone(str(context.get("timezone") or "")) or _zone(ours) or ZoneInfo("UTC"))


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


@dataclass(frozen=True)
class Source:
    """One template's text, checked: the names it needs from outside, each with its first line."""

    name: str
    names: dict[str, int]
    includes: tuple[str, ...]


def check_source(environment: SandboxedEnvironment, name: str, text: str) -> Source:
    """Parse `text` and refuse what a mail may not use.

    Raises:
        TemplateBad: with the template's name, the line, and what to do.
    """
    try:
        tree = environment.parse(text, name)
    except TemplateSyntaxError as error:
        raise TemplateBad(f"{name}, line {error.lineno}: {error.message}") from error
    for node in _walk(tree):
        _refuse_forbidden(name, node, environment)
    local = {node.name for node in tree.find_all(nodes.Name) if node.ctx == "store"} | {"loop"}
    used: dict[str, int] = {}
    for node in tree.find_all(nodes.Name):
        if node.ctx == "load" and node.name not in local:
            used.setdefault(node.name, node.lineno)
    for asked in _only_asked_after(tree):
        used.pop(asked, None)
    return Source(name, used, tuple(_included(name, node) for node in tree.find_all(nodes.Include)))


def _walk(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    for child in node.iter_child_nodes():
        yield from _walk(child)


def _only_asked_after(tree: nodes.Template) -> Iterator[str]:
    """Names that a template asks after with `is defined` or gives a `default`: they may lack."""
    for test in tree.find_all(nodes.Test):
        if test.name in {"defined", "undefined"} and isinstance(test.node, nodes.Name):
            yield test.node.name
    for chosen in tree.find_all(nodes.Filter):
        if chosen.name in {"default", "d"} and isinstance(chosen.node, nodes.Name):
            yield chosen.node.name


def _refuse_forbidden(name: str, node: nodes.Node, environment: SandboxedEnvironment) -> None:
    where = f"{name}, line {getattr(node, 'lineno', 1)}"
    if isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
        raise TemplateBad(f"{where}: `.{node.attr}` is inside the program; a mail can't read it.")
    if isinstance(node, nodes.Filter) and node.name not in environment.filters:
        known = {str(word) for word in environment.filters}
        raise TemplateBad(f"{where}: no filter `{node.name}`{did_you_mean(node.name, known)}")
    if isinstance(node, nodes.Call):
        raise TemplateBad(f"{where}: a mail's template can't call functions; use a filter.")
    if not isinstance(node, _ALLOWED_NODES):
        kind = type(node).__name__.lower()
        raise TemplateBad(
            f"{where}: `{kind}` isn't for mails. There is {{{{ name }}}}, if, for, set, include."
        )


def _included(name: str, node: nodes.Include) -> str:
    if isinstance(node.template, nodes.Const) and isinstance(node.template.value, str):
        return node.template.value
    raise TemplateBad(f"{name}, line {node.lineno}: write the included file's name in quotes.")
