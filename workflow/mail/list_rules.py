"""A reading of the recipient list before it is sent to: a table of rules, fed row by row.

Each rule keeps the first rows that it was about and counts the rest, so that a list of a million
is read in the memory of a short one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from workflow.mail.finding import Finding
from workflow.mail.recipients import Recipient, RecipientList

_SHOWN_ROWS = 10
# RFC 2606 and RFC 6761: names that no customer can have.
_TEST_DOMAIN = re.compile(r"(?:^|\.)(?:test|example|invalid|localhost|example\.(?:com|net|org))$")
_NOBODY_READS = re.compile(
    r"(?:no-?reply|do-?not-?reply|mailer-daemon|postmaster|bounces?|abuse)(?:\+.*)?", re.IGNORECASE
)
# UTF-8 that was once read as Windows-1252, and saved so.
_GARBLED = re.compile("[ÃÂ][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹Œ‘’“”•–—˜™š›œŸ]|â€|\ufffd")
_FILLERS = frozenset(
    {"null", "none", "nil", "nan", "n/a", "#n/a", "na", "undefined", "unknown", "-", "--", "?"}
)


@dataclass
class _Rows:
    """The rows that a rule is about: the first of them, and how many."""

    shown: list[int] = field(default_factory=list)
    count: int = 0

    def add(self, row: int) -> None:
        self.count += 1
        if len(self.shown) < _SHOWN_ROWS:
            self.shown.append(row)

    def __str__(self) -> str:
        """`row 3`, `rows 3, 8, 9`, `rows 3, 8, … and 40 more`."""
        more = f" and {self.count - _SHOWN_ROWS} more" if self.count > _SHOWN_ROWS else ""
        rows = ", ".join(map(str, self.shown))
        return f"{'row' if self.count == 1 else 'rows'} {rows}{more}"


class ListCheck:
    """What is wrong with the recipients of a list.

    `own_domains` are the sender's (subdomains count too); `used` the columns that the template
    reads, `shadowed` those that it can't see (`MailRenderer.variables`, `.shadowed`).
    `encoding` is how the file was read.
    """

    def __init__(
        self,
        *,
        own_domains: Collection[str] = (),
        used: Collection[str] = (),
        shadowed: Collection[str] = (),
        encoding: str = "",
    ) -> None:
        own = frozenset(domain.lower() for domain in own_domains)
        self._used = tuple(used)
        self._shadowed = tuple(shadowed)
        self._rules: tuple[tuple[str, Callable[[Recipient], bool], str], ...] = (
            ("test_domain", _is_test, "a domain for tests, where no customer is."),
            ("own_domain", lambda each: _is_own(each, own), "an address of your own company."),
            ("nobody_reads", _is_unread, "a mailbox that nobody reads."),
            ("garbled", _is_garbled, "letters look garbled; export the list as UTF-8."),
        )
        self._rows = {code: _Rows() for code, _, _ in self._rules}
        self._blank = {name: _Rows() for name in self._used}
        self._filler = {name: _Rows() for name in self._used}
        self._filler_words = {name: Counter[str]() for name in self._used}
        self._is_guessed = encoding == "cp1252"
        self._telling = ""
        self._telling_row = 0

    def take(self, recipient: Recipient) -> None:
        """Look at one recipient."""
        for code, applies, _ in self._rules:
            if applies(recipient):
                self._rows[code].add(recipient.row)
        for name in self._used:
            self._look_at(recipient.row, name, recipient.columns.get(name, ""))
        if self._is_guessed and not self._telling_row:
            self._look_for_telling(recipient)

    def _look_at(self, row: int, name: str, value: str) -> None:
        if not value:
            self._blank[name].add(row)
        elif value.casefold() in _FILLERS:
            self._filler[name].add(row)
            self._filler_words[name][value] += 1

    def _look_for_telling(self, recipient: Recipient) -> None:
        telling = [value for value in recipient.columns.values() if not value.isascii()]
        if telling:
            self._telling, self._telling_row = telling[0][:40], recipient.row

    def findings(self) -> list[Finding]:
        """What was found, in the order of the rules."""
        return [Finding("warning", *each) for each in self._all()]

    def _all(self) -> Iterator[tuple[str, str, str]]:
        for code, _, message in self._rules:
            if self._rows[code].count:
                yield code, str(self._rows[code]), message
        for name, rows in self._blank.items():
            if rows.count:
                yield "blank", str(rows), f"`{name}` is empty, and the template uses it."
        for name, rows in self._filler.items():
            if rows.count:
                word = self._filler_words[name].most_common(1)[0][0]
                yield "filler", str(rows), f"`{name}` is `{word}`, and would be sent so."
        if self._telling_row:
            yield (
                "guessed_encoding",
                f"row {self._telling_row}",
                f"the list isn't UTF-8 and was read as Windows-1252: is `{self._telling}` right?",
            )
        for name in self._shadowed:
            yield (
                "shadowed",
                f"column {name}",
                f"`{name}` in the template is the team's own; the column is `recipient.{name}`.",
            )


def check_list(
    recipients: RecipientList,
    *,
    own_domains: Collection[str] = (),
    used: Collection[str] = (),
    shadowed: Collection[str] = (),
) -> list[Finding]:
    """What is wrong with a list that is in memory, errors first."""
    check = ListCheck(
        own_domains=own_domains,
        used=[name for name in recipients.columns if name in used],
        shadowed=shadowed,
        encoding=recipients.encoding,
    )
    for each in recipients.recipients:
        check.take(each)
    return [*_bad_rows(recipients), *_nobody(recipients), *_repeated(recipients), *check.findings()]


def _bad_rows(recipients: RecipientList) -> Iterator[Finding]:
    for bad in recipients.bad_rows:
        value = f"`{bad.value[:80]}`: " if bad.value else ""
        yield Finding("error", "bad_row", f"row {bad.row}, {bad.column}", f"{value}{bad.reason}")


def _nobody(recipients: RecipientList) -> Iterator[Finding]:
    if not recipients.recipients:
        yield Finding("warning", "no_recipients", "list", "nobody on the list can be written to.")


def _repeated(recipients: RecipientList) -> Iterator[Finding]:
    pairs = recipients.duplicates
    if pairs:
        shown = ", ".join(f"{row} (as row {first})" for row, first in pairs[:_SHOWN_ROWS])
        more = f" and {len(pairs) - _SHOWN_ROWS} more" if len(pairs) > _SHOWN_ROWS else ""
        yield Finding(
            "warning",
            "duplicate",
            f"row {shown}{more}",
            "the address is there already; it gets one mail, with the columns of its first row.",
        )


def _domain(recipient: Recipient) -> str:
    return recipient.key.rpartition("@")[2]


def _is_test(recipient: Recipient) -> bool:
    return _TEST_DOMAIN.search(_domain(recipient)) is not None


def _is_own(recipient: Recipient, own_domains: frozenset[str]) -> bool:
    domain = f".{_domain(recipient)}"
    return any(domain.endswith(f".{own}") for own in own_domains)


def _is_unread(recipient: Recipient) -> bool:
    return _NOBODY_READS.fullmatch(recipient.email.partition("@")[0]) is not None


def _is_garbled(recipient: Recipient) -> bool:
    return any(_GARBLED.search(value) for value in recipient.columns.values())
