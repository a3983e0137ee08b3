"""Remarks as the page shows them: quoted words set apart, rows as links, levels counted."""

from __future__ import annotations

import re
from collections.abc import Sequence

from flask import url_for
from markupsafe import Markup, escape

from workflow.preview.source import Remark

_LEVELS = ("error", "warning")
_QUOTED = re.compile(r"`([^`]+)`")
_NUMBER = re.compile(r"(\d+)")


def level_counts(remarks: Sequence[Remark]) -> list[tuple[str, str]]:
    """How many remarks there are of each level, in words: `("error", "1 error")`; worst first."""
    found = [(level, sum(each.level == level for each in remarks)) for level in _LEVELS]
    return [(level, f"{n:,} {level}{'' if n == 1 else 's'}") for level, n in found if n]


def quoted(message: str) -> Markup:
    """The message with what stands between backquotes as code."""
    pieces = _QUOTED.split(message)
    return Markup().join(
        Markup("<code>{}</code>").format(piece) if at % 2 else escape(piece)
        for at, piece in enumerate(pieces)
    )


def rows_linked(where: str, rows: Sequence[int]) -> Markup:
    """A place in words, in which each of `rows` leads to its mail: `rows 3, 8 and 40 more`."""
    named = {str(row): url_for("preview.mail", row=row) for row in rows}
    link = Markup('<a href="{}">{}</a>')
    return Markup().join(
        link.format(named[piece], piece) if piece in named else escape(piece)
        for piece in _NUMBER.split(where)
    )
