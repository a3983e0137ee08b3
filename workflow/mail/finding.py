"""What a check before sending has found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """One thing to look at: an error stops the notice, a warning asks.

    `code` is the rule's name, the same for every finding of that rule; `where` says where to look
    (`subject`, `text, line 4`, `row 12`); `message` is a sentence.
    """

    level: Level
    code: str
    where: str
    message: str
