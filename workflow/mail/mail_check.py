"""Check the text of every customer's mail against the rules, quickly.

Most mails of a notice differ only in a name. So a mail is split into its shape, with a hole for
each value, and the values. A shape is parsed once; its lines without a hole are checked once, and a
line with one is checked with each customer's value. If a value could change how Markdown reads the
text around it, its mail is parsed whole.

`MailCheck` checks text and list before anything is sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache

from workflow.mail import tracing
from workflow.mail.escape import settle
from workflow.mail.template import RenderedMail, TracedMail
from workflow.mail.word_rules import (
    CheckedMail,
    RuleMessage,
    TextRule,
    WordRules,
    place_of,
    words_of,
)
from workflow.model import Finding, RowNumbers

# Letters without a meaning: Markdown takes a hole for a letter of a word.
_HOLES = "".join(map(chr, range(0xE000, 0xE400)))
_HOLE = re.compile(f"[{_HOLES[0]}-{_HOLES[-1]}]")
# A value that begins and ends like a word, on one line: Markdown reads the text around it as around
# a letter.
_LIKE_A_WORD = re.compile(r"\U000f0001?[^\W_](?:[^\n\U000f000a]*[^\W_])?")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])|&#(\d{1,7});|\U000f0001")
_SHAPES_KEPT = 500
_SHOWN_OF_A_CODE = 10


@dataclass
class _Shape:
    """Mails that differ only in their values.

    `fixed` are the findings of lines without holes, `open_lines` the other lines by number, and
    `lacking` the rules for the whole mail that its fixed text alone does not satisfy. A shape is
    `odd` if it has holes where Markdown reads no text.
    """

    words: CheckedMail
    is_odd: bool
    fixed: tuple[Finding, ...] = ()
    open_lines: tuple[tuple[int, str], ...] = ()
    lacking: tuple[TextRule, ...] = ()
    rows: RowNumbers = field(default_factory=RowNumbers)


class MailCheck:
    """Check every mail of a notice once, and count each finding."""

    def __init__(self, rules_for: Callable[[str], WordRules]) -> None:
        """`rules_for` gives the rules for a language tag."""
        self._rules_for = rules_for
        self._rules: dict[str, WordRules] = {}
        self._shapes: dict[tuple[str, str, str], _Shape] = {}
        self._found: dict[Finding, RowNumbers] = {}
        self._codes: dict[str, list[Finding]] = {}
        self._mails = 0

    def take(self, row: int, traced: TracedMail, lang: str = "") -> None:
        """Check one customer's mail, from its row in the list."""
        self._mails += 1
        subject, in_subject = tracing.with_holes(traced.subject, _HOLES)
        body, in_body = tracing.with_holes(traced.body, _HOLES[len(in_subject) :] or _HOLES[-1])
        values = [*in_subject, *in_body]
        shape = self._shape((lang, subject, body))
        if shape.is_odd or len(values) >= len(_HOLES) or not all(map(_is_like_a_word, values)):
            for finding in self._of(lang).findings(words_of(traced.mail)):
                self._add(finding, row)
            return
        shape.rows.add(row)
        self._look_into_holes(row, shape, lang, traced.mail, values)

    def _look_into_holes(
        self, row: int, shape: _Shape, lang: str, mail: RenderedMail, values: list[str]
    ) -> None:
        filled = {ord(_HOLES[at]): _as_read(value) for at, value in enumerate(values)}
        rules = self._of(lang)
        for number, line in shape.open_lines:
            whole = line.translate(filled) if number else mail.subject
            for said in rules.of_line(whole, not number):
                self._add(_finding(said, number), row)
        if shape.lacking:
            lines = tuple(line.translate(filled) for line in shape.words.lines)
            words = replace(shape.words, subject=mail.subject, lines=lines)
            for _, finding in rules.of_text(words, shape.lacking):
                self._add(finding, row)

    def findings(self) -> Iterator[Finding]:
        """Each finding once, with its first row and number of rows."""
        self._settle_shapes()
        for finding, rows in self._found.items():
            if rows.count >= self._mails:
                yield finding
            else:
                where = f"{finding.where} ({rows.first_and_count})"
                yield replace(finding, where=where, row=min(rows.shown), rows=rows.count)

    def _settle_shapes(self) -> None:
        """Count the findings that all mails of a shape share."""
        for shape in self._shapes.values():
            if shape.rows.count:
                # Beyond the shown ones, several findings have the same rows: count them once.
                counted = {id(each): each for each in map(self._rows_of, shape.fixed)}
                for rows in counted.values():
                    rows.add_all(shape.rows)
        self._shapes.clear()

    def _add(self, finding: Finding, row: int) -> None:
        self._rows_of(finding).add(row)

    def _rows_of(self, finding: Finding) -> RowNumbers:
        """The rows of a finding; beyond a number of different ones per rule, those of the last."""
        if finding not in self._found:
            alike = self._codes.setdefault(finding.code, [])
            if len(alike) == _SHOWN_OF_A_CODE:
                return self._found[alike[-1]]
            alike.append(finding)
            self._found[finding] = RowNumbers()
        return self._found[finding]

    def _of(self, lang: str) -> WordRules:
        if lang not in self._rules:
            self._rules[lang] = self._rules_for(lang)
        return self._rules[lang]

    def _shape(self, key: tuple[str, str, str]) -> _Shape:
        if key not in self._shapes:
            if len(self._shapes) == _SHAPES_KEPT:
                self._settle_shapes()
            self._shapes[key] = self._read(*key)
        return self._shapes[key]

    def _read(self, lang: str, subject: str, body: str) -> _Shape:
        words = words_of(RenderedMail(subject, settle(body).strip("\n") + "\n"))
        if _has_odd_holes(body, words):
            return _Shape(words, is_odd=True)
        rules = self._of(lang)
        fixed: list[Finding] = []
        open_lines: list[tuple[int, str]] = []
        for number, line in enumerate((words.subject, *words.lines)):
            if _HOLE.search(line):
                open_lines.append((number, line))
            else:
                fixed += [_finding(said, number) for said in rules.of_line(line, not number)]
        own = replace(
            words,
            subject=_HOLE.sub("", words.subject),
            lines=tuple(_HOLE.sub("", line) for line in words.lines),
        )
        lacking = list(rules.of_text(own))
        if not open_lines:
            fixed += [finding for _, finding in lacking]
            lacking = []
        rules_lacking = tuple(dict.fromkeys(rule for rule, _ in lacking))
        return _Shape(words, False, tuple(fixed), tuple(open_lines), rules_lacking)


def _finding(said: RuleMessage, number: int) -> Finding:
    """A rule's message about a line; 0 is the subject."""
    return Finding(said.level, said.code, place_of(number) if number else "subject", said.message)


def _has_odd_holes(body: str, words: CheckedMail) -> bool:
    """Whether a value is where no text is: in a link's address, or nowhere any more."""
    shown = "\n".join(words.lines)
    return sorted(_HOLE.findall(body)) != sorted(_HOLE.findall(shown)) or any(
        _HOLE.search(link) or "%EE%8" in link for link in (*words.links, *words.refused_links)
    )


@lru_cache(maxsize=4096)
def _is_like_a_word(value: str) -> bool:
    return _LIKE_A_WORD.fullmatch(value) is not None


@lru_cache(maxsize=4096)
def _as_read(value: str) -> str:
    """A value as the customer reads it, from its escaped form."""
    return _ESCAPED.sub(lambda found: found[1] or (chr(int(found[2])) if found[2] else ""), value)
