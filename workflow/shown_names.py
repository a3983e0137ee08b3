"""Names that a person typed, as an error may show them: a secret in a name's place is cut.

Whoever pastes a webhook's address or a token to the left of the `=` shall not find it in a log.
"""

from __future__ import annotations

import re

_LONGEST = 40
_SHOWN = 4
# A setting's name is words of a language, perhaps with a number at the end; a token is not.
_NAME = re.compile(r"[A-Za-z]{1,19}(?:[_\-. ][A-Za-z]{1,19})*\d{0,2}")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")


def shown_name(name: str) -> str:
    """The name, or its first letters and `…` where it looks like a secret."""
    is_name = len(name) <= _LONGEST and _NAME.fullmatch(name)
    return name if is_name or len(name) <= _SHOWN else f"{name[:_SHOWN]}…"


def without_secrets(sentence: str) -> str:
    """A sentence in which each quoted name is as `shown_name` has it."""
    return _QUOTED.sub(lambda found: _cut(found[0]), sentence)


def _cut(quoted: str) -> str:
    return f"{quoted[0]}{shown_name(quoted[1:-1])}{quoted[-1]}"
