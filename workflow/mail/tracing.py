"""Tell a customer's own values apart from the shared text of a rendered mail.

Every expression whose value differs from customer to customer is printed between marks, with a
label. So one rendering gives both the mail and its wording: the branches that were taken, each
column as its name. Choices inside an expression (`a if b else c`, `a or b`) are followed to the
chosen words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Set
from enum import StrEnum
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

# Private-plane characters, which `escape.clean` removes from every value.
_OPEN, _NAMED, _CLOSE = "\U000f0020", "\U000f0021", "\U000f0022"
_ROUND, _ROUND_END = "\U000f0023", "\U000f0024"
# The innermost: a value that changes by itself may be a time in the customer's zone.
_CELL = re.compile(f"{_OPEN}(.)([^{_NAMED}]*){_NAMED}([^{_OPEN}{_CLOSE}]*){_CLOSE}", re.DOTALL)
# Not `\2` and `\3`, which `re` puts together in Python for each cell.
_LABEL_OF: Callable[[re.Match[str]], str] = itemgetter(2)
_WRITTEN_OF: Callable[[re.Match[str]], str] = itemgetter(3)
# The name in a label, where Markdown needs a backslash before the underscore.
_PROMISE = re.compile(rf"{_OPEN}m[^{_NAMED}]*next\\?_update")
_ROUNDS = re.compile(f"[{_ROUND}{_ROUND_END}]")
_RUN = re.compile(f"(?:{_ROUND}[^{_ROUND}{_ROUND_END}]*{_ROUND_END})+")

# Names of filters that no template can write: they have spaces.
MARK, IN_ADDRESS = "mark as a cell", "put into an address"
# Filters for times in the recipient's zone, and their names in the incident's zone.
ZONED = frozenset({"moment", "clock", "date"})
HERE = "{} in our zone"
# Values of the incident that change by themselves, so they don't make a new wording.
_MOVING = frozenset({"duration", "status", "closed", "closed_at"})
_NEXT_UPDATE = "next_update"


class MarkKind(StrEnum):
    """Why a value is marked: it comes from a column, changes by itself, or is a time."""

    COLUMN = "c"
    MOVING = "m"
    ZONED = "z"


class Cell(NamedTuple):
    """A printed value and its label; finalized into marks."""

    kind: str
    label: str
    value: object


class InAddress(NamedTuple):
    """A value inside a link's address, encoded so that it can't end the address."""

    text: str


def _without_rounds(text: str) -> str:
    return _ROUNDS.sub("", text) if _ROUND in text else text


def _without_cells(raw: str, write: Callable[[re.Match[str]], str]) -> str:
    """The text with each cell as `write` has it, from the innermost to the outermost."""
    while _OPEN in raw:
        raw, count = _CELL.subn(write, raw)
        if not count:
            break
    return raw


def marked(cell: Cell, written: str) -> str:
    """A printed cell; `written` is its value in the mail."""
    return f"{_OPEN}{cell.kind}{cell.label}{_NAMED}{written}{_CLOSE}"


def as_mail(raw: str) -> str:
    """The text of the mail itself."""
    if _OPEN not in raw and _ROUND not in raw:
        return raw
    return _without_rounds(_without_cells(raw, _WRITTEN_OF))


def as_wording(raw: str) -> str:
    """The text for the doc: a column as its name, equal rows once."""
    return _once(_without_cells(raw, lambda found: found[3 if found[1] == MarkKind.MOVING else 2]))


def as_key(raw: str) -> str:
    """The text that identifies a wording: without values that change by themselves."""
    return _once(_without_cells(raw, _LABEL_OF))


def with_holes(raw: str, holes: str) -> tuple[str, list[str]]:
    """The text with a letter of `holes` for each value, and the values in the mail.

    An empty value has no hole; values that change by themselves are the same for all. `holes` is a
    range of letters; the last one is used for any excess.
    """
    values: list[str] = []

    def hole(found: re.Match[str]) -> str:
        if found[1] == MarkKind.MOVING or not found[3]:
            return found[3]
        values.append(found[3])
        return holes[min(len(values), len(holes)) - 1]

    return _without_rounds(_without_cells(raw, hole)), values


def cells_of(raw: str) -> Iterator[tuple[str, str]]:
    """The label and value of each printed column, in order."""
    return (
        (found[2], found[3]) for found in _CELL.finditer(raw) if found[1] == MarkKind.COLUMN.value
    )


def promises(raw: str) -> bool:
    """Whether the text states the next update."""
    return _PROMISE.search(raw) is not None


def _once(text: str) -> str:
    """Merge equal rounds of a loop over a customer's rows."""
    while _ROUND in text:
        text, count = _RUN.subn(_distinct, text)
        if not count:
            return _ROUNDS.sub("", text)
    return text


def _distinct(found: re.Match[str]) -> str:
    rounds = [part for part in _ROUNDS.split(found[0]) if part]
    return "".join(dict.fromkeys(rounds))


class Tracer(NodeTransformer):
    """Put the marks into a template's syntax tree. `shared` names have one value for all."""

    def __init__(self, shared: Set[str], tree: nodes.Template) -> None:
        self._shared = shared
        self._local = {each.name for each in tree.find_all(nodes.Name) if each.ctx == "store"}
        self._own: set[str] = {"loop"}
        self._line = ""  # what is printed before a node, back to the line's start
        self._learn(tree)

    def _learn(self, tree: nodes.Template) -> None:
        """Find the template's own names that hold customer values."""
        known = -1
        while known != len(self._own):
            known = len(self._own)
            given: list[tuple[nodes.Node, nodes.Node]] = [
                (each.target, each.node) for each in tree.find_all(nodes.Assign)
            ]
            given += [(each.target, each.iter) for each in tree.find_all(nodes.For)]
            for target, source in given:
                if self._is_own(source):
                    self._own |= {each.name for each in walk(target) if hasattr(each, "name")}

    def visit_Output(self, node: nodes.Output) -> nodes.Output:  # noqa: N802 - Jinja2's name
        """Mark values that differ; encode a value inside a link's address."""
        kept: list[nodes.Expr] = []
        for part in node.nodes:
            if isinstance(part, nodes.TemplateData):
                self._line = (self._line + part.data).rpartition("\n")[2]
                kept.append(part)
                continue
            address = _address_before(self._line)
            kept.append(self._traced(part, address))
            self._line += "x"
        node.nodes = kept
        return node

    def visit_If(self, node: nodes.If) -> nodes.If:  # noqa: N802 - Jinja2's name
        """Begin each branch where the line stands: it may be inside an address, or open one."""
        before, ends = self._line, []
        for branch in (node.body, node.elif_, node.else_):
            self._line = before
            for each in branch:
                self.visit(each)
                if branch is node.elif_:
                    ends.append(self._line)
                    self._line = before
            ends.append(self._line)
        self._line = next((end for end in ends if _address_before(end)), ends[0])
        return node

    def visit_Include(self, node: nodes.Include) -> nodes.Include:  # noqa: N802 - Jinja2's name
        """Begin a line after an included file, which is a block of its own."""
        self._line = ""
        return node

    def visit_For(self, node: nodes.For) -> nodes.For:  # noqa: N802 - Jinja2's name
        """Mark each round of a loop over customer values."""
        self.generic_visit(node)
        if self._is_own(node.iter):
            node.body = [_data(_ROUND, node), *node.body, _data(_ROUND_END, node)]
        return node

    def _traced(self, expr: nodes.Expr, address: _Open | None) -> nodes.Expr:
        """An expression to print, marked if it differs. Choices are followed."""
        if isinstance(expr, nodes.CondExpr):
            other = None if expr.expr2 is None else self._traced(expr.expr2, address)
            chosen = self._traced(expr.expr1, address)
            return nodes.CondExpr(expr.test, chosen, other, lineno=expr.lineno)
        if isinstance(expr, nodes.Or) and self._is_own(expr):
            left, right = self._traced(expr.left, address), self._traced(expr.right, address)
            return nodes.CondExpr(expr.left, left, right, lineno=expr.lineno)
        kind = self._kind(expr)
        value = expr
        if address is not None:
            given = (nodes.Const(address.address), nodes.Const(address.written))
            value = _filter(value, IN_ADDRESS, *given)
        if kind is None:
            return value
        if kind is MarkKind.ZONED:
            return _filter(value, MARK, nodes.Const(kind.value), _in_our_zone(expr))
        return _filter(value, MARK, nodes.Const(kind.value), nodes.Const(self._label(expr)))

    def _kind(self, expr: nodes.Expr) -> MarkKind | None:
        if self._is_own(expr):
            return MarkKind.COLUMN
        if any(_moves(each) for each in walk(expr)):
            return MarkKind.MOVING
        if any(isinstance(each, nodes.Filter) and each.name in ZONED for each in walk(expr)):
            return MarkKind.ZONED
        return None

    def _is_own(self, expr: nodes.Node) -> bool:
        return any(
            isinstance(each, nodes.Name)
            and (each.name in self._own if each.name in self._local else self._is_outer(each.name))
            for each in walk(expr)
        )

    def _is_outer(self, name: str) -> bool:
        return name not in self._shared

    def _label(self, expr: nodes.Expr) -> str:
        """The label of a value: `‹name›`, `Dear ‹name›`."""
        if isinstance(expr, nodes.Const):
            return str(expr.value)
        if isinstance(expr, nodes.Concat):
            return "".join(map(self._label, expr.nodes))
        return f"‹{source_of(expr)}›"


@lru_cache(maxsize=256)
def column_of(label: str) -> str:
    """The column at the start of a label: `name` of `‹name|upper›`."""
    found = re.search(r"‹([\w ]+)", label)
    return found[1] if found else ""


def source_of(expr: nodes.Node) -> str:
    """An expression's source, close enough to distinguish it from every other.

    The object is left out: `row.invoice` is `invoice`.
    """
    match expr:
        case nodes.Name():
            words = expr.name
        case nodes.Const():
            words = repr(expr.value)
        case nodes.Getattr():
            words = expr.attr
        case nodes.Getitem():
            words = source_of(expr.arg).strip("'")
        case nodes.Filter():
            given = ", ".join(source_of(each) for each in (*expr.args, *expr.kwargs))
            inner = source_of(expr.node) if expr.node is not None else ""
            words = f"{inner}|{expr.name}" + (f"({given})" if given else "")
        case nodes.Keyword():
            words = f"{expr.key}={source_of(expr.value)}"
        case _:
            inside = " ".join(source_of(each) for each in expr.iter_child_nodes())
            # Comparisons and tests have an operation besides their operands.
            does = (getattr(expr, each, None) for each in ("op", "name", "operator"))
            words = " ".join([type(expr).__name__.lower(), *filter(None, does), inside])
    return words


def _moves(node: nodes.Node) -> bool:
    if isinstance(node, nodes.Name):
        return node.name == _NEXT_UPDATE
    return (
        isinstance(node, nodes.Getattr)
        and isinstance(node.node, nodes.Name)
        and node.node.name == "incident"
        and node.attr in _MOVING
    )


def walk(node: nodes.Node) -> Iterator[nodes.Node]:
    """A node and everything in it, outer nodes first."""
    yield node
    for child in node.iter_child_nodes():
        yield from walk(child)


def _filter(expr: nodes.Expr, name: str, *given: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(expr, name, list(given), [], None, None, lineno=expr.lineno)


def _data(text: str, beside: nodes.Node) -> nodes.Output:
    return nodes.Output([nodes.TemplateData(text)], lineno=beside.lineno)


def _in_our_zone(expr: nodes.Expr) -> nodes.Expr:
    """The expression with its times in the incident's zone, for every customer."""
    if isinstance(expr, nodes.Filter) and expr.name in ZONED:
        inner = _in_our_zone(expr.node) if expr.node is not None else None
        return nodes.Filter(
            inner, HERE.format(expr.name), expr.args, expr.kwargs, None, None, lineno=expr.lineno
        )
    if isinstance(expr, nodes.Filter) and expr.node is not None:
        given = (expr.args, expr.kwargs, expr.dyn_args, expr.dyn_kwargs)
        return nodes.Filter(_in_our_zone(expr.node), expr.name, *given, lineno=expr.lineno)
    if isinstance(expr, nodes.Concat):
        return nodes.Concat([_in_our_zone(each) for each in expr.nodes], lineno=expr.lineno)
    return expr


# The unfinished address of a link: `[words](https://x.example/?c=`, `<https://…`, `[ref]: …`; `<`
# alone, before a value that may be a whole address; and one that stands as words, of which mail
# programs make a link up to the first blank.
_ADDRESS = re.compile(
    r"(?:\]\(<?|(?P<angle><)(?=https?:|$)|^ {0,3}\[[^\]]+\]: *<?|(?P<bare>(?<![\w/.])(?=https?://)))"
    r"(?P<address>[^()\s<>]*)$"
)


class _Open(NamedTuple):
    """A link that is open where a value stands: its address so far, and how it is written."""

    address: str
    written: str


# Between `(` and `)`, between `<` and `>`, as words.
IN_LINK, IN_ANGLES, AS_WORDS = "link", "angles", "words"


def _address_before(line: str) -> _Open | None:
    """The link that is open at the end of a line, None if there is none."""
    found = _ADDRESS.search(line)
    if found is None:
        return None
    angle = IN_ANGLES if found["angle"] else IN_LINK
    return _Open(found["address"], AS_WORDS if found["bare"] is not None else angle)
