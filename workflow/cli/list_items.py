"""Text that begins as a list item (`- switch it off`) is text, although it begins with a dash.

No option has a space after its dash, so nothing else can be meant by it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from typer.core import TyperCommand


class TakesListItems(TyperCommand):
    """A command whose arguments may be list items."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read what was typed after the command's name."""
        return super().parse_args(ctx, with_items_as_text(args, self._options_with_a_value()))

    def _options_with_a_value(self) -> set[str]:
        valued = (
            each
            for each in self.params
            if each.param_type_name == "option"
            and not getattr(each, "is_flag", False)
            and not getattr(each, "count", False)
        )
        return {name for each in valued for name in each.opts}


def with_items_as_text(typed: Sequence[str], with_a_value: Collection[str]) -> list[str]:
    """What was typed, its arguments after `--` where one of them is a list item.

    `with_a_value` are the options that take the next word as their value, whatever it looks like.
    """
    options: list[str] = []
    texts: list[str] = []
    has_item = False
    words = iter(typed)
    for word in words:
        if word == "--":
            texts.extend(words)
        elif word in with_a_value:
            options.extend((word, *_next_of(words)))
        elif word[:1] == "-" and len(word) > 1 and not _is_item(word):
            options.append(word)
        else:
            texts.append(word)
            has_item = has_item or _is_item(word)
    return [*options, "--", *texts] if has_item else list(typed)


def _next_of(words: Iterator[str]) -> tuple[str, ...]:
    return tuple(word for word in (next(words, None),) if word is not None)


def _is_item(word: str) -> bool:
    return word[:1] == "-" and word[1:2].isspace()
