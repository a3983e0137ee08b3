"""Blocks of fields before a text: a mail's head, a commit of `git log`, Signal's export.

`From: Ann`, `Sent: Thursday, 26 November 2026 14:05`, `Subject: Prices`: the time and author of a
block are those of the text below it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from workflow.paste.lines import Kind, Line, Reader, Shape
from workflow.times.spoken_time import Spoken

_TIMES = frozenset(
    ("sent", "date", "commitdate", "authordate", "gesendet", "datum", "envoyé", "enviado", "fecha")
) | frozenset(("inviato", "data", "verzonden", "skickat"))
_AUTHORS = frozenset(("from", "author", "von", "de", "da", "van", "från"))
_SUBJECTS = frozenset(("subject", "betreff", "objet", "asunto", "oggetto", "assunto", "onderwerp"))
_OTHERS = frozenset(
    ("to", "cc", "bcc", "an", "à", "para", "a", "aan", "till", "type", "received", "reply-to")
) | frozenset(("commit", "merge", "committer", "importance", "wichtigkeit", "message-id"))
_FIELD = re.compile(r"[>\s*]*(?P<name>[A-Za-zÀ-ÿ-]{1,12})\*?\s?:\*?\s+(?P<value>\S.*?)\s*")
_COMMIT = re.compile(r"commit [0-9a-f]{7,40}\b.*")
_ADDRESS = re.compile(r"\s*[<(\[](?:mailto:)?[^<>()\[\]]*[>)\]]\s*$")


@dataclass
class _Block:
    """The fields of a block, and where it ends."""

    end: int
    when: str = ""
    by: str = ""
    words: str = ""
    said: Spoken | None = None


def letter_lines(lines: list[str], reader: Reader) -> dict[int, Line]:
    """Each block as the head of an entry, if the paste begins with one; by line."""
    first = next((at for at, line in enumerate(lines) if line.strip()), 0)
    found: dict[int, Line] = {}
    at = first
    while at < len(lines):
        block = _block(lines, at, reader) or _quoted(lines[at], at, reader)
        if block is None and at == first:
            return {}
        if block is None or block.said is None:
            at += 1
            continue
        found[at] = Line(
            Kind.HEAD, at + 1, block.when, block.said, block.by, block.words, Shape.BRACKET
        )
        for inside in range(at + 1, block.end):
            # What was read from is not left out.
            field = _FIELD.fullmatch(lines[inside])
            is_read = field is None or field["name"].casefold() not in _OTHERS
            found[inside] = Line(Kind.NOISE, inside + 1, "" if is_read else lines[inside])
        at = block.end
    return found


# What mail programs write above a quoted mail, in seven languages.
_QUOTED = re.compile(r"[>\s]*(?:On|Am|Le|El|Il|Em|Op|Den) (?P<when>.+?\d.*)", re.IGNORECASE)
_SHORT_DAY = re.compile(r"^[^\W\d_]{2}\.?,\s+")
_WROTE = re.compile(
    r",?\s*(?:schrieb |schreef |skrev |a écrit |escribió |ha scritto |escreveu )?"
    r"(?P<by>[^<>,:]{2,60}?),?\s*(?:<[^<>]*>|\([^()]*\))?,?"
    r"\s*(?:wrote|a écrit|escribió|ha scritto|escreveu|het volgende geschreven|skrev)?\s?:\s*"
)


def _quoted(line: str, at: int, reader: Reader) -> _Block | None:
    """`On Thu, Nov 26, 2026 at 2:05 PM Ann Lee <ann@customer.example> wrote:`."""
    found = _QUOTED.fullmatch(line)
    when = _SHORT_DAY.sub("", found["when"]) if found else ""
    read = reader.first(when)
    wrote = _WROTE.fullmatch(when, read[1]) if read else None
    if read is None or wrote is None or not read[0].has_day:
        return None
    return _Block(at + 1, when, wrote["by"].strip("\"' "), "", read[0])


def _block(lines: list[str], start: int, reader: Reader) -> _Block | None:
    """The block that begins at a line; None unless it has a time and an author."""
    block = _Block(start)
    for at in range(start, len(lines)):
        field = _FIELD.fullmatch(lines[at])
        name = field["name"].casefold() if field else ""
        value = field["value"] if field else ""
        if name in _TIMES:
            block.when, block.said = value, reader.whole(value)
        elif name in _AUTHORS:
            block.by = _ADDRESS.sub("", value).strip(" \"'") or value
        elif name in _SUBJECTS:
            block.words = value
        elif at == start and _COMMIT.fullmatch(lines[at]):
            block.words = lines[at]
        elif name not in _OTHERS:
            break
        block.end = at + 1
    is_whole = block.by and block.said is not None and block.said.clock is not None
    return block if is_whole and block.said is not None and block.said.has_day else None
