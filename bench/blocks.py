"""The parts of a Markdown file that a run writes, between two marks; people write the rest.

A block is between `<!-- run NAME -->` and `<!-- end NAME -->`, each on its own line.
"""

from __future__ import annotations

import re

from bench.measuring import Table

_MARK = re.compile(r"^<!-- (run|end) ([a-z-]+) -->$", re.MULTILINE)


class BadMarks(ValueError):
    """Unpaired marks; the text says which."""


def block_names(text: str) -> list[str]:
    """The names of a text's blocks, in order. Raises `BadMarks`."""
    names: list[str] = []
    opened = ""
    for kind, name in _MARK.findall(text):
        if kind == "run" and (opened or name in names):
            raise BadMarks(f"the block {name} begins inside another, or a second time")
        if kind == "end" and name != opened:
            raise BadMarks(f"the block {name} ends without having begun")
        opened = name if kind == "run" else ""
        names += [name] if opened else []
    if opened:
        raise BadMarks(f"the block {opened} does not end")
    return names


def block(text: str, name: str) -> str:
    """The content of a block. Raises `BadMarks` if there is none with that name."""
    begin, end = _bounds(text, name)
    return text[begin:end].strip("\n")


def with_block(text: str, name: str, content: str) -> str:
    """The text with a block's content replaced. Raises `BadMarks` if there is none."""
    begin, end = _bounds(text, name)
    return f"{text[:begin]}\n{content.strip()}\n{text[end:]}"


def _bounds(text: str, name: str) -> tuple[int, int]:
    if name not in block_names(text):
        raise BadMarks(f"there is no block {name}")
    run, end = f"<!-- run {name} -->", f"<!-- end {name} -->"
    return text.index(run) + len(run), text.index(end)


def as_markdown(table: Table) -> str:
    """A table with its title above and its note below."""
    columns = list(zip(*table.rows, strict=True)) or [()] * len(table.headers)
    align = ["---:" if any(map(_is_number, column)) else "---" for column in columns]
    rows = [table.headers, tuple(align), *table.rows]
    lines = ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    note = [f"\n{_escaped(table.note)}"] if table.note else []
    return "\n".join([f"**{_escaped(table.title)}**\n", *lines, *note])


def _is_number(cell: str) -> bool:
    return cell[:1].isdigit() and " " not in cell.strip().partition(" ")[2]


def _cell(text: str) -> str:
    return _escaped(text).replace("|", "\\|").replace("\n", " ")


def _escaped(text: str) -> str:
    return re.sub(r"([<*_`\[])", r"\\\1", text)
