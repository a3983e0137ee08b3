"""The head of a mail's template: `key: value` lines between two lines of `---`.

It is not YAML: a value is the rest of its line, to the letter, so that a subject may hold colons,
quotes and `{{ }}` without thought.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from workflow.incident import Stage
from workflow.mail.sandbox import TemplateBad, did_you_mean

FIELDS = {"subject", "from", "reply_to", "required", "stage", "attachments", "lang"}
_FENCE = "---"
_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")


@dataclass(frozen=True)
class FrontMatter:
    """The fields as written, and the body behind as many empty lines as the head had.

    So a line number of the body is a line number of the file.
    """

    fields: dict[str, str]
    body: str

    def words(self, field: str) -> tuple[str, ...]:
        """A field that lists things: `name, account` is `("name", "account")`."""
        parts = (part.strip() for part in self.fields.get(field, "").split(","))
        return tuple(part for part in parts if part)


def split_front_matter(name: str, source: str) -> FrontMatter:
    """Head and body of a template. One without a head has no fields.

    Raises:
        TemplateBad: a head that never ends, a line without a colon, an unknown or doubled field.
    """
    lines = source.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if lines[0].rstrip() != _FENCE:
        return FrontMatter({}, "\n".join(lines))
    end = next((at for at, line in enumerate(lines[1:], 1) if line.rstrip() == _FENCE), None)
    if end is None:
        raise TemplateBad(
            f"{name}: the head opens with `---` on line 1 and has no `---` at its end."
        )
    fields: dict[str, str] = {}
    for number, line in enumerate(lines[1:end], 2):
        if line.strip() and not line.startswith("#"):
            key, value = _read_field(f"{name}, line {number}", line)
            if key in fields:
                raise TemplateBad(f"{name}, line {number}: `{key}` is there twice.")
            fields[key] = value
    return FrontMatter(fields, "\n" * (end + 1) + "\n".join(lines[end + 1 :]))


def _read_field(where: str, line: str) -> tuple[str, str]:
    key, colon, value = line.partition(":")
    key = key.strip().lower().replace("-", "_")
    if not colon:
        raise TemplateBad(f"{where}: a line of the head reads `field: value`; this is `{line}`.")
    if key not in FIELDS:
        raise TemplateBad(f"{where}: no field `{key}`{did_you_mean(key, FIELDS)}")
    return key, _unquoted(value.strip())


def _unquoted(value: str) -> str:
    """Quotes round a whole value are a habit from YAML; they are not part of the subject."""
    for quote in ('"', "'"):
        if len(value) > 1 and value[0] == value[-1] == quote and value.count(quote) == 2:
            return value[1:-1]
    return value


def read_lang(name: str, text: str) -> str:
    """The language tag that a head names, or "".

    Raises:
        TemplateBad: not the shape of a tag (BCP 47).
    """
    if text and not _LANGUAGE_TAG.fullmatch(text):
        raise TemplateBad(f"{name}: `{text}` isn't a language tag, such as `en` or `pt-BR`.")
    return text


def read_stage(name: str, text: str) -> Stage | None:
    """The stage that a head names; none when it names none.

    Raises:
        TemplateBad: no such stage.
    """
    if not text:
        return None
    try:
        return Stage(text.lower())
    except ValueError:
        known = {stage.value for stage in Stage}
        raise TemplateBad(f"{name}: no stage `{text}`{did_you_mean(text.lower(), known)}") from None
