"""A reading of the recipient list before it is sent to: a table of rules."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass

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


@dataclass(frozen=True)
class _Reading:
    """The list and what is known of its use."""

    list: RecipientList
    own_domains: frozenset[str]
    used: tuple[str, ...]
    shadowed: tuple[str, ...]


def check_list(
    recipients: RecipientList,
    *,
    own_domains: Collection[str] = (),
    used: Collection[str] = (),
    shadowed: Collection[str] = (),
) -> list[Finding]:
    """What is wrong with a list, errors first.

    `own_domains` are the sender's (subdomains count too); `used` the variables that the template
    reads, `shadowed` the columns that it can't see (`MailRenderer.variables`, `.shadowed`).
    """
    reading = _Reading(
        recipients,
        frozenset(domain.lower() for domain in own_domains),
        tuple(name for name in recipients.columns if name in used),
        tuple(shadowed),
    )
    return [finding for rule in _RULES for finding in rule(reading)]


def _bad_rows(reading: _Reading) -> Iterator[Finding]:
    for bad in reading.list.bad_rows:
        value = f"`{bad.value[:80]}`: " if bad.value else ""
        yield Finding("error", "bad_row", f"row {bad.row}, {bad.column}", f"{value}{bad.reason}")


def _nobody(reading: _Reading) -> Iterator[Finding]:
    if not reading.list.recipients:
        yield Finding("warning", "no_recipients", "list", "nobody on the list can be written to.")


def _duplicates(reading: _Reading) -> Iterator[Finding]:
    pairs = reading.list.duplicates
    if pairs:
        shown = ", ".join(f"{row} (as row {first})" for row, first in pairs[:_SHOWN_ROWS])
        more = f" and {len(pairs) - _SHOWN_ROWS} more" if len(pairs) > _SHOWN_ROWS else ""
        yield Finding(
            "warning",
            "duplicate",
            f"row {shown}{more}",
            "the address is there already; it gets one mail, with the columns of its first row.",
        )


def _test_domains(reading: _Reading) -> Iterator[Finding]:
    rows = [each.row for each in reading.list.recipients if _TEST_DOMAIN.search(_domain(each))]
    if rows:
        yield Finding(
            "warning", "test_domain", _rows(rows), "a domain for tests, where no customer is."
        )


def _own_domains(reading: _Reading) -> Iterator[Finding]:
    rows = [
        each.row
        for each in reading.list.recipients
        if any(f".{_domain(each)}".endswith(f".{own}") for own in reading.own_domains)
    ]
    if rows:
        yield Finding("warning", "own_domain", _rows(rows), "an address of your own company.")


def _nobody_reads(reading: _Reading) -> Iterator[Finding]:
    rows = [
        each.row
        for each in reading.list.recipients
        if _NOBODY_READS.fullmatch(each.email.partition("@")[0])
    ]
    if rows:
        yield Finding("warning", "nobody_reads", _rows(rows), "a mailbox that nobody reads.")


def _blanks(reading: _Reading) -> Iterator[Finding]:
    for name in reading.used:
        rows = [each.row for each in reading.list.recipients if not each.columns.get(name)]
        if rows:
            yield Finding(
                "warning", "blank", _rows(rows), f"`{name}` is empty, and the template uses it."
            )


def _fillers(reading: _Reading) -> Iterator[Finding]:
    for name in reading.used:
        found = Counter[str]()
        rows = []
        for each in reading.list.recipients:
            value = each.columns.get(name, "")
            if value.casefold() in _FILLERS:
                found[value] += 1
                rows.append(each.row)
        if rows:
            word = found.most_common(1)[0][0]
            yield Finding(
                "warning", "filler", _rows(rows), f"`{name}` is `{word}`, and would be sent so."
            )


def _garbled(reading: _Reading) -> Iterator[Finding]:
    rows = [
        each.row
        for each in reading.list.recipients
        if any(_GARBLED.search(value) for value in each.columns.values())
    ]
    if rows:
        yield Finding(
            "warning", "garbled", _rows(rows), "letters look garbled; export the list as UTF-8."
        )


def _guessed_encoding(reading: _Reading) -> Iterator[Finding]:
    if reading.list.encoding != "cp1252":
        return
    for each in reading.list.recipients:
        telling = [value for value in each.columns.values() if not value.isascii()]
        if telling:
            yield Finding(
                "warning",
                "guessed_encoding",
                f"row {each.row}",
                f"the list isn't UTF-8 and was read as Windows-1252: is `{telling[0][:40]}` right?",
            )
            return


def _shadowed(reading: _Reading) -> Iterator[Finding]:
    for name in reading.shadowed:
        yield Finding(
            "warning",
            "shadowed",
            f"column {name}",
            f"`{name}` in the template is the team's own; the column is `recipient.{name}`.",
        )


_RULES = (
    *(_bad_rows, _nobody, _duplicates, _test_domains, _own_domains, _nobody_reads, _blanks),
    *(_fillers, _garbled, _guessed_encoding, _shadowed),
)


def _domain(recipient: Recipient) -> str:
    return recipient.key.rpartition("@")[2]


def _rows(rows: list[int]) -> str:
    """`row 3`, `rows 3, 8, 9`, `rows 3, 8, … and 40 more`."""
    shown = ", ".join(str(row) for row in rows[:_SHOWN_ROWS])
    more = f" and {len(rows) - _SHOWN_ROWS} more" if len(rows) > _SHOWN_ROWS else ""
    return f"{'row' if len(rows) == 1 else 'rows'} {shown}{more}"
