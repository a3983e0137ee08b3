"""The part of Jinja2 that a mail may use, with clear errors for the rest.

Templates choose words; they don't compute. Values are plain strings throughout, and become Markdown
in one place, when an expression is printed. No construct can capture printed text and print it
again, so nothing is escaped twice or left unescaped.

Times appear in the customer's own zone if the list names it, and in the template's language. A
template that only prints a time gets text; the value also keeps the instant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo, available_timezones

from babel import Locale, UnknownLocaleError
from babel.dates import format_skeleton, format_time, get_timezone_name
from jinja2 import FunctionLoader, StrictUndefined, TemplateSyntaxError, nodes, pass_context
from jinja2.sandbox import SandboxedEnvironment

from workflow.errors import BadInput
from workflow.mail.list_columns import variable_name
from workflow.mail.tracing import (
    AS_WORDS,
    HERE,
    IN_ADDRESS,
    IN_ANGLES,
    MARK,
    ZONED,
    Cell,
    InAddress,
    MarkKind,
    Tracer,
    marked,
    walk,
)
from workflow.model import clock_text, date_text, moment_text, zone_text

if TYPE_CHECKING:
    from jinja2.runtime import Context


class MomentText(str):
    """`24 Nov 2026, 2:39 PM CET`, and the instant `at` that it means in `zone`."""

    __slots__ = ("at", "zone")
    at: datetime
    zone: ZoneInfo

    def __new__(cls, at: datetime, zone: ZoneInfo) -> MomentText:
        """An instant as text in a zone."""
        text = super().__new__(cls, moment_text(at, zone))
        text.at, text.zone = at, zone
        return text


def retold(values: Mapping[str, object], zone: ZoneInfo | None, lang: str) -> dict[str, object]:
    """`values` with their times in a customer's zone (None: the incident's) and language."""
    return {name: _retold(value, zone, lang) for name, value in values.items()}


class SaidMoment(str):
    """A time as a customer reads it, and `here`, the same in the incident's zone."""

    __slots__ = ("here",)
    here: str

    def __new__(cls, text: str, here: str) -> SaidMoment:
        """Both texts of one instant."""
        said = super().__new__(cls, text)
        said.here = here
        return said


def _retold(value: object, zone: ZoneInfo | None, lang: str) -> object:
    if isinstance(value, MomentText):
        text = say_moment(value.at, zone or value.zone, lang)
        here = say_moment(value.at, value.zone, lang)
        return text if text == here else SaidMoment(text, here)
    return retold(value, zone, lang) if isinstance(value, Mapping) else value


def say_moment(at: datetime, zone: ZoneInfo, lang: str = "") -> str:
    """A date and time with its zone, as the language writes it: `24. Nov. 2026, 14:39 MEZ`."""
    if _is_english(lang):
        return moment_text(at, zone)
    return f"{say_date(at, zone, lang)}, {say_clock(at, zone, lang)}"


def say_date(at: datetime, zone: ZoneInfo, lang: str = "") -> str:
    """A date as the language writes it."""
    locale = None if _is_english(lang) else _locale(lang)
    if locale is None:
        return date_text(at, zone)

    local = at.astimezone(zone)
    return str(format_skeleton("yMMMd", local, locale=locale))


def say_clock(at: datetime, zone: ZoneInfo, lang: str = "") -> str:
    """A time of day with its zone as the language writes it."""
    locale = None if _is_english(lang) else _locale(lang)
    if locale is None:
        return clock_text(at, zone)

    local = at.astimezone(zone)
    name = str(get_timezone_name(local, width="short", locale=locale))
    # If the language has no short name for the zone, use the common one: `EST`.
    shown = name if name.isalpha() and len(name) <= 5 else zone_text(local)
    return f"{format_time(local, 'short', tzinfo=zone, locale=locale)} {shown}"


def _is_english(lang: str) -> bool:
    return not lang or lang.lower().split("-")[0] == "en"


@lru_cache(maxsize=64)
def _locale(lang: str) -> str | None:
    """The locale for a language tag's dates; None if it is unknown."""
    tag = lang.replace("-", "_")
    for name in (tag, tag.split("_")[0]):
        try:
            return str(Locale.parse(name))
        except (UnknownLocaleError, ValueError):
            continue
    return None


@lru_cache(maxsize=4096)
def zone_named(name: str) -> ZoneInfo | None:
    """The zone that a cell of a list names; None if it names none.

    `Europe/Berlin` in any case, HubSpot's spelling (`europe_slash_berlin`), or the city alone as in
    Zendesk (`Berlin`), if that is clear.
    """
    wanted = name.strip().replace("_slash_", "/").replace(" ", "_").casefold()
    if not wanted:
        return None
    found = _zones().get(wanted)
    return ZoneInfo(found) if found else None


@lru_cache(maxsize=1)
def _zones() -> dict[str, str]:
    """Zones by their name and by their city, in lower case."""
    names = sorted(available_timezones())
    cities: dict[str, str] = {}
    for name in names:
        area, _, city = name.rpartition("/")
        if area and not area.startswith(("Etc", "US", "SystemV", "posix", "right")):
            key = city.casefold()
            cities[key] = "" if key in cities else name
    return {key: name for key, name in cities.items() if name} | {
        name.casefold(): name for name in names
    }


class MailTemplateBad(BadInput):
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
    """An undefined value whose error lists the available names."""

    @property
    def _undefined_message(self) -> str:
        name = str(self._undefined_name)
        if isinstance(self._undefined_obj, Mapping):
            return f"there is no `{name}` in it{did_you_mean(name, self._undefined_obj)}"
        return super()._undefined_message


class _MailSandbox(SandboxedEnvironment):
    """A sandbox in which a dot reads a stored value, never a Python method.

    With names that are `alike` for all recipients, each template's values are marked, see
    `tracing`.
    """

    alike: Set[str] | None = None

    def _generate(
        self,
        source: nodes.Template,
        name: str | None,
        filename: str | None,
        defer_init: bool = False,
    ) -> str:
        # Jinja2 turns a parsed template into code here, an included one too.
        if self.alike is not None:
            Tracer(self.alike, source).visit(source)
        return super()._generate(source, name, filename, defer_init)

    def getattr(self, obj: object, attribute: str) -> object:
        if isinstance(obj, Mapping):
            found = obj.get(attribute, self)
            return self.undefined(obj=obj, name=attribute) if found is self else found
        found = super().getattr(obj, attribute)
        return self.undefined(obj=obj, name=attribute) if callable(found) else found

    def getitem(self, obj: Any, argument: Any) -> object:
        # Jinja2 reads `x["upper"]` as `x.upper` if there is no such item.
        if isinstance(argument, str):
            return self.getattr(obj, argument)
        return super().getitem(obj, argument)


def did_you_mean(name: str, known: Mapping[str, object] | set[str]) -> str:
    """The tail of an error's sentence: ` Did you mean `name`?`, the available names, or ""."""
    close = get_close_matches(name, [str(word) for word in known], n=2)
    if close:
        return f". Did you mean {' or '.join(f'`{word}`' for word in close)}?"
    names = sorted(str(word) for word in known if word)
    return f"; there is {', '.join(f'`{word}`' for word in names[:40])}." if names else "."


# The name under which filters find the template's language; no template can write it.
LANGUAGE = "the template's language"


def make_environment(
    load: Callable[[str], str | None],
    finalize: Callable[[object], str],
    lang: str = "",
    shared: Set[str] | None = None,
) -> SandboxedEnvironment:
    """A sandbox that prints every expression through `finalize` and includes through `load`.

    `lang` is the language of the filters for times; `shared` are the names that have one value for
    all recipients: other printed values are marked.
    """

    def printed(value: object) -> str:
        if type(value) is Cell:
            # A column's own text is a cell already, whatever it holds.
            is_time = type(value.value) is SaidMoment and value.kind == MarkKind.COLUMN.value
            return marked(value, finalize(value.value) if is_time else printed(value.value))
        if type(value) is InAddress:
            return value.text
        if type(value) is SaidMoment and shared is not None:
            return marked(Cell(MarkKind.ZONED, finalize(value.here), value), finalize(value))
        return finalize(value)

    environment = _MailSandbox(
        undefined=_Unknown,
        # HTML escaping would be wrong here: `finalize` turns every value into Markdown text.
        autoescape=False,
        finalize=printed,
        loader=FunctionLoader(load),
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    kept: dict[str, Callable[..., Any]] = {name: environment.filters[name] for name in _FILTERS}
    kept |= {"plural": _plural, "moment": _moment, "clock": _clock, "date": _date}
    if shared is not None:
        kept |= {MARK: _marker(finalize), IN_ADDRESS: _in_address}
        kept |= {HERE.format(name): _in_our_zone(kept[name]) for name in ZONED}
        environment.alike = shared
    environment.filters = kept
    environment.globals.clear()
    environment.globals[LANGUAGE] = lang
    return environment


def _plural(count: object, one: str, many: str = "") -> str:
    """`3|plural("customer")` is `3 customers`; an irregular plural is the second argument."""
    number = str(count).strip()
    return f"{number} {one}" if number == "1" else f"{number} {many or one + 's'}"


@pass_context
def _moment(context: Context, at: object) -> str:
    """An instant as date and time in the recipient's zone: `24 Nov 2026, 2:39 PM CET`."""
    return _in_zone(context, at, say_moment)


@pass_context
def _clock(context: Context, at: object) -> str:
    """An instant as time of day in the recipient's zone: `2:39 PM CET`."""
    return _in_zone(context, at, say_clock)


@pass_context
def _date(context: Context, at: object) -> str:
    """An instant as date in the recipient's zone: `24 Nov 2026`."""
    return _in_zone(context, at, say_date)


def _in_zone(context: Context, at: object, say: Callable[[datetime, ZoneInfo, str], str]) -> str:
    """Format an instant. Other values stay unchanged: the doc's copy has no instants."""
    if not isinstance(at, datetime):
        return str(at)
    incident = context.get("incident") or {}
    ours = incident.get("time_zone", "UTC") if isinstance(incident, Mapping) else "UTC"
    theirs = zone_named(str(context.get("timezone") or ""))
    lang = str(context.environment.globals.get(LANGUAGE, ""))
    return say(at, theirs or zone_named(ours) or ZoneInfo("UTC"), lang)


class _OurZone:
    """A rendering context without the recipient's zone."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.environment = context.environment

    def get(self, name: str) -> object:
        """A value of the context."""
        return "" if name == "timezone" else self._context.get(name)


def _in_our_zone(say: Callable[..., str]) -> Callable[..., str]:
    """A filter for times, with the incident's zone instead of the recipient's."""

    @pass_context
    def here(context: Context, at: object) -> str:
        return say(_OurZone(context), at)

    return here


def _marker(finalize: Callable[[object], str]) -> Callable[[object, str, object], Cell]:
    """The filter that prints a value between marks; see `tracing`."""

    def mark(value: object, kind: str, label: object) -> Cell:
        return Cell(kind, finalize(label), value)

    return mark


# Characters that stay in each part of an address; all others are percent-encoded.
_WHOLE, _PATH, _QUERY = "/:?#[]@!$'*+,;=&%~", "/@:+,;=$!*~'", "/@:~"


_BEGINNING = re.compile(r"(?i:https?://|mailto:|tel:)")


def _in_address(value: object, before: str, written: str) -> InAddress | str:
    """A value inside a link's address, where a space or a bracket would end the link.

    `before` is the address up to it: a value that begins the address is an address itself. An
    address that stands as words is text, where a value's marks are escaped like any other's, and
    so is a value between `<` and `>` that is no address.
    """
    text = str(value).strip()
    if not before:
        if written == IN_ANGLES and not _BEGINNING.match(text):
            return str(value)
        text = _with_ascii_host(text)
    safe = _WHOLE if not before else _QUERY if "?" in before or "#" in before else _PATH
    encoded = quote(text, safe=safe, errors="replace")
    return encoded if written == AS_WORDS else InAddress(encoded)


def _with_ascii_host(address: str) -> str:
    """An address with its domain as browsers send it: `münchen.de` is `xn--mnchen-3ya.de`."""
    if address.isascii() or not _BEGINNING.match(address):
        return address
    try:
        host = urlsplit(address).hostname or ""
        return address.replace(host, host.encode("idna").decode("ascii"), 1)
    except (ValueError, UnicodeError):
        return address


@dataclass(frozen=True)
class Source:
    """One template's text, checked: the outside names that it uses, each with its first line.

    `dotted` are names read as part of another: `incident.title`.
    """

    name: str
    names: dict[str, int]
    includes: tuple[str, ...]
    dotted: frozenset[str] = frozenset()


# Openings of a value or a statement up to its end, or to the line's.
_WRITTEN = re.compile(r"\{[{%].*?(?:[}%]\}+|$)")


_UNCLOSED = re.compile(r"end of template.* needs to be closed is '(\w+)'")
# What a person writes for Jinja2's names of what is refused.
_SIGNS = {"div": "/", "floordiv": "//", "mul": "*", "mod": "%", "pow": "**"}


# A column by its header: `{{ First Name }}`.
_HEADER_WITH_BLANKS = re.compile(
    r"\{\{\s*([^\W\d]\w*(?: (?!(?:if|or|and|else|not|in|is)\b)\w+)+)\s*\}\}"
)


def _told(error: TemplateSyntaxError, text: str) -> str:
    """Jinja2's reason, behind the words of the line that it is about."""
    lines = text.splitlines()
    line = lines[error.lineno - 1] if 0 < error.lineno <= len(lines) else ""
    reason = (error.message or "it is no template").rstrip(".")
    if unclosed := _UNCLOSED.search(reason):
        return f"`{{% {unclosed[1]} %}}` has no `{{% end{unclosed[1]} %}}`. Add it where it ends."
    written = [found for found in _WRITTEN.findall(line) if _is_unreadable(found)]
    if not written or written[0].startswith("{%"):
        return f"{reason}."
    header = _HEADER_WITH_BLANKS.fullmatch(written[0])
    if header and (name := variable_name(header[1])):
        return f"`{written[0][:60]}` can't be read. Write {{{{ {name} }}}} for that column."
    return (
        f"`{written[0][:60]}` can't be read ({reason}). A value is written {{{{ name }}}}, or "
        '{{ name | default("there") }}.'
    )


def _is_unreadable(expression: str) -> bool:
    try:
        SandboxedEnvironment().parse(expression)
    except TemplateSyntaxError:
        return True
    return False


def check_source(environment: SandboxedEnvironment, name: str, text: str) -> Source:
    """Parse `text` and refuse anything that a mail may not use.

    Raises:
        MailTemplateBad: with the template's name, the line, and what to do.
    """
    try:
        tree = environment.parse(text, name)
    except TemplateSyntaxError as error:
        raise MailTemplateBad(f"{name}, line {error.lineno}: {_told(error, text)}") from error
    for node in walk(tree):
        _refuse_forbidden(name, node, environment)
    local = {node.name for node in tree.find_all(nodes.Name) if node.ctx == "store"} | {"loop"}
    used: dict[str, int] = {}
    for node in tree.find_all(nodes.Name):
        if node.ctx == "load" and node.name not in local:
            used.setdefault(node.name, node.lineno)
    for asked in _only_asked_after(tree):
        used.pop(asked, None)
    includes = tuple(_included(name, node) for node in tree.find_all(nodes.Include))
    return Source(name, used, includes, frozenset(_dotted(tree)))


def _dotted(tree: nodes.Template) -> Iterator[str]:
    for node in tree.find_all(nodes.Getattr):
        if isinstance(node.node, nodes.Name):
            yield f"{node.node.name}.{node.attr}"
    for item in tree.find_all(nodes.Getitem):
        if isinstance(item.node, nodes.Name) and isinstance(item.arg, nodes.Const):
            yield f"{item.node.name}.{item.arg.value}"


def _only_asked_after(tree: nodes.Template) -> Iterator[str]:
    """Names that may be missing: a template tests them with `is defined` or gives a `default`."""
    for test in tree.find_all(nodes.Test):
        if test.name in {"defined", "undefined"} and isinstance(test.node, nodes.Name):
            yield test.node.name
    for chosen in tree.find_all(nodes.Filter):
        if chosen.name in {"default", "d"} and isinstance(chosen.node, nodes.Name):
            yield chosen.node.name


def _refuse_forbidden(name: str, node: nodes.Node, environment: SandboxedEnvironment) -> None:
    where = f"{name}, line {getattr(node, 'lineno', 1)}"
    if isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
        raise MailTemplateBad(
            f"{where}: `.{node.attr}` is inside the program; a mail can't read it."
        )
    if isinstance(node, nodes.Filter) and node.name not in environment.filters:
        known = {str(word) for word in environment.filters}
        raise MailTemplateBad(f"{where}: no filter `{node.name}`{did_you_mean(node.name, known)}")
    if isinstance(node, nodes.Call):
        raise MailTemplateBad(f"{where}: a mail's template can't call functions; use a filter.")
    if not isinstance(node, _ALLOWED_NODES):
        kind = type(node).__name__.lower()
        kind = _SIGNS.get(kind, kind)
        raise MailTemplateBad(
            f"{where}: `{kind}` isn't for mails. There is {{{{ name }}}}, if, for, set, include."
        )


def _included(name: str, node: nodes.Include) -> str:
    if isinstance(node.template, nodes.Const) and isinstance(node.template.value, str):
        return node.template.value
    raise MailTemplateBad(f"{name}, line {node.lineno}: write the included file's name in quotes.")
