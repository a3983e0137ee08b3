"""A reading of a mail's words before it is sent: a table of rules.

A rule looks at the subject and at the text as the customer reads it. The rules know English; a
few words of other languages are known where a rule would otherwise ask for what is there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from workflow.incident import Stage
from workflow.mail.faces import link_addresses, parse_body, refused_links, text_face
from workflow.mail.finding import Finding, Level
from workflow.mail.template import RenderedMail

_UNFINISHED = frozenset({Stage.INVESTIGATING, Stage.IDENTIFIED, Stage.UPDATE, Stage.MONITORING})
_LONG_SUBJECT = 100


@dataclass(frozen=True)
class Words:
    """A mail as its rules see it. `lines` are those of the plain text, the first is line 1."""

    subject: str
    lines: tuple[str, ...]
    links: tuple[str, ...]
    refused_links: tuple[str, ...]
    doc_url: str

    @property
    def text(self) -> str:
        """All the lines, without the subject."""
        return "\n".join(self.lines)

    def places(self) -> Iterator[tuple[str, str]]:
        """Every line with where it stands: `("subject", …)`, `("text, line 1", …)`."""
        yield "subject", self.subject
        for number, line in enumerate(self.lines, 1):
            yield f"text, line {number}", line


@dataclass(frozen=True)
class PatternRule:
    """A rule that a team can write: wherever `pattern` is found, say `message`.

    `{found}` in the message is what was found. The pattern is a regular expression of Python's
    `re`; `stages` restricts the rule to some, none means all.
    """

    code: str
    level: Level
    pattern: str
    message: str
    stages: frozenset[Stage] = frozenset(Stage)

    def look(self, words: Words) -> Iterator[Finding]:
        """A finding for each line's first match."""
        for where, line in words.places():
            found = re.search(self.pattern, line)
            if found:
                said = self.message.replace("{found}", found[0].strip())
                yield Finding(self.level, self.code, where, said)


@dataclass(frozen=True)
class TextRule:
    """A rule about the mail as a whole: `look` gives the place and the sentence of each fault."""

    code: str
    level: Level
    find: Callable[[Words], Iterable[tuple[str, str]]]
    stages: frozenset[Stage] = frozenset(Stage)

    def look(self, words: Words) -> Iterator[Finding]:
        """The findings in this mail."""
        for where, message in self.find(words):
            yield Finding(self.level, self.code, where, message)


def check_words(
    rendered: RenderedMail,
    *,
    stage: Stage,
    doc_url: str,
    extra_rules: Sequence[PatternRule] = (),
    allowed: Collection[str] = (),
) -> list[Finding]:
    """What is wrong with one mail's words, errors first.

    `doc_url` is the incident's own doc ("" when there is none), which customers must not get.
    `extra_rules` are the team's own; the codes in `allowed` are not looked for.
    """
    tokens = parse_body(rendered.markdown)
    words = Words(
        subject=rendered.subject,
        lines=tuple(text_face(tokens).rstrip("\n").split("\n")),
        links=link_addresses(tokens),
        refused_links=refused_links(rendered.markdown),
        doc_url=doc_url,
    )
    rules = [
        rule
        for rule in chain(RULES, extra_rules)
        if stage in rule.stages and rule.code not in allowed
    ]
    findings = [finding for rule in rules for finding in rule.look(words)]
    return sorted(findings, key=lambda finding: finding.level != "error")


# Atomic, so that `2:39 PM CET` is never tried as `2:39` with no zone behind it.
_TIME = (
    r"(?>(?i:\b(?:[01]?\d|2[0-3])(?::[0-5]\d(?::[0-5]\d)?(?:\s?[ap]\.?m\b\.?)?|\s?[ap]\.?m\b\.?)))"
)
_ZONE = r"\s?\(?(?:UTC|GMT|Z\b|[+-]\d\d:?\d\d|[A-Z][A-Za-z]+/[A-Z]\w+|[A-Z]{2,5}\b)"
_RANGE = rf"\s?(?:[-–—]|to|and|until|bis|à)\s?{_TIME}{_ZONE}"
_TIME_WITHOUT_ZONE = re.compile(rf"{_TIME}(?!{_ZONE})(?!{_RANGE})(?!\d)")
_ANY_TIME = re.compile(rf"{_TIME}|\b\d{{4}}-\d\d-\d\d\b")
_APOLOGY = re.compile(
    r"sorry|apolog|regret|entschuldig|leid|désolé|excus|disculp|lament|sentimos|scus|spiac",
    re.IGNORECASE,
)
_NEXT_WORD = re.compile(
    r"hear from us|next (?:mail|update|word)|update you|write (?:to you )?again|let you know",
    re.IGNORECASE,
)
_WAY_TO_REACH = re.compile(
    r"[\w.+-]+@[\w-]+\.\w|\+?\d[\d ()/-]{6,}\d|\b(?:reply|answer|respond)\b|antwort|répond|respond"
    r"|(?:contact|reach|call|write to) us",
    re.IGNORECASE,
)


def _own_doc(words: Words) -> Iterator[tuple[str, str]]:
    found = re.search(r"/d/([\w-]{10,})", words.doc_url)
    marks = [mark for mark in (words.doc_url, found[1] if found else "") if mark]
    told = "is the incident's own doc, which customers must not get. Take the link out."
    for where, line in words.places():
        if any(mark in line for mark in marks):
            yield where, f"this {told}"
    if any(mark in link for mark in marks for link in words.links if link not in words.text):
        yield "a link", f"a link {told}"


def _time_without_zone(words: Words) -> Iterator[tuple[str, str]]:
    for where, line in words.places():
        found = _TIME_WITHOUT_ZONE.search(line)
        if found:
            time = found[0].strip()
            yield where, f"`{time}` has no time zone; readers in other places can't know when."


def _no_apology(words: Words) -> Iterator[tuple[str, str]]:
    if not _APOLOGY.search(words.text):
        yield "text", "the mail doesn't say sorry."


def _no_next_word(words: Words) -> Iterator[tuple[str, str]]:
    said = [line for line in words.lines if _NEXT_WORD.search(line)]
    if not said:
        yield "text", "the mail doesn't say when the next one comes. Give --next-update."
    elif not any(re.search(r"\d", line) for line in said):
        yield "text", "the mail gives no time for the next word. Give --next-update."


def _no_support(words: Words) -> Iterator[tuple[str, str]]:
    reachable = any(link.startswith(("mailto:", "tel:")) for link in words.links)
    if not reachable and not _WAY_TO_REACH.search(words.text):
        yield "text", "the mail doesn't say how to reach support. Give --set support=…."


def _no_start_or_end(words: Words) -> Iterator[tuple[str, str]]:
    times = {found[0] for found in _ANY_TIME.finditer(words.text)}
    if len(times) < 2:
        yield "text", "a resolved notice says when it began and when it ended; one is missing."


def _refused_link(words: Words) -> Iterator[tuple[str, str]]:
    for address in words.refused_links:
        told = "won't be one: only http, https, mailto and tel are sent."
        yield "a link", f"the link to `{address[:80]}` {told}"


def _empty(words: Words) -> Iterator[tuple[str, str]]:
    if not words.text.strip():
        yield "text", "the mail has no words."


def _long_subject(words: Words) -> Iterator[tuple[str, str]]:
    length = len(words.subject)
    if length > _LONG_SUBJECT:
        yield "subject", f"the subject has {length} characters; a phone shows about 40."


RULES: tuple[PatternRule | TextRule, ...] = (
    TextRule("empty", "error", _empty),
    PatternRule(
        "leftover",
        "error",
        r"\b(?:TODO|TBD|TBC|FIXME|[Xx]{3,}|[Ll]orem [Ii]psum)\b",
        "`{found}` is left over from writing.",
    ),
    TextRule("own_doc", "error", _own_doc),
    PatternRule(
        "braces",
        "warning",
        r"\{\{|\}\}|\{%|%\}",
        "`{found}` looks like a variable that was not filled in.",
    ),
    PatternRule(
        "marks",
        "warning",
        r"\*\*|(?<!\w)__|\]\(|^#{1,6} ",
        "`{found}` looks like Markdown that didn't come out; is a variable empty?",
    ),
    PatternRule(
        "internal_host",
        "warning",
        r"(?i)\b(?:localhost\b|[\w-]+(?:\.[\w-]+)*\.(?:internal|local|corp|lan|intra|intranet)\b"
        r"|(?:10\.\d{1,3}|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.\d{1,3}\.\d{1,3}\b)",
        "`{found}` is a host inside your own network.",
    ),
    PatternRule(
        "ticket",
        "warning",
        r"(?i)https?://\S*(?:/browse/[a-z]+-\d+|\.slack\.com/|/issues/\d+|pagerduty\.com/)\S*",
        "`{found}` leads to a place that customers can't open.",
    ),
    PatternRule(
        "google_doc",
        "warning",
        r"https://(?:docs|drive)\.google\.com/\S*",
        "`{found}` is a Google file; can customers open it, and should they?",
    ),
    PatternRule(
        "promise",
        "warning",
        r"(?i)\b(?:will|should|shall|expect to|is going to)\b[^.!?]{0,40}\b(?:fix|fixed|resolve|"
        r"resolved|repaired|restored|back|working|solved)\b[^.!?]{0,20}\b(?:by|within|in|before|"
        r"at|today|tonight|tomorrow|soon|shortly)\b",
        "`{found}` promises a time for the repair. Promise the next word instead.",
    ),
    TextRule("time_without_zone", "warning", _time_without_zone),
    TextRule("no_next_word", "warning", _no_next_word, _UNFINISHED),
    TextRule("no_support", "warning", _no_support),
    TextRule("no_start_or_end", "warning", _no_start_or_end, frozenset({Stage.RESOLVED})),
    TextRule("no_apology", "warning", _no_apology),
    TextRule("refused_link", "warning", _refused_link),
    TextRule("long_subject", "warning", _long_subject),
)
