"""Checks of a mail's text before it is sent: a table of rules.

A rule checks one line as the customer reads it, or the whole mail. `word_patterns` knows the words
for an apology, a promise or the next update.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from workflow.mail.faces import (
    link_addresses,
    lost_cells,
    lost_lines,
    lost_pictures,
    parse_body,
    refused_links,
    text_face,
)
from workflow.mail.template import RenderedMail
from workflow.mail.word_patterns import Patterns, patterns_of, secrets_in
from workflow.model import Finding, Level, Stage

_UNFINISHED = frozenset({Stage.INVESTIGATING, Stage.IDENTIFIED, Stage.UPDATE, Stage.MONITORING})
_EVERY_STAGE = frozenset(Stage)
_LONG_SUBJECT = 100
_SUBJECT = "subject"


@dataclass(frozen=True)
class CheckedMail:
    """A mail as the rules see it. `lines` are those of the plain text, the first is line 1."""

    subject: str
    lines: tuple[str, ...]
    links: tuple[str, ...] = ()
    refused_links: tuple[str, ...] = ()
    lost_pictures: tuple[str, ...] = ()
    lost_cells: tuple[tuple[int, int], ...] = ()
    lost_lines: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """All the lines, without the subject."""
        return "\n".join(self.lines)

    def places(self) -> Iterator[tuple[str, str]]:
        """Every line with its place: `("subject", …)`, `("text, line 1", …)`."""
        yield _SUBJECT, self.subject
        for number, line in enumerate(self.lines, 1):
            yield place_of(number), line


def place_of(line_number: int) -> str:
    """The place of a line of the text, the first being 1."""
    return f"text, line {line_number}"


def words_of(rendered: RenderedMail) -> CheckedMail:
    """A mail as the rules see it."""
    tokens = parse_body(rendered.markdown)
    return CheckedMail(
        subject=rendered.subject,
        lines=tuple(text_face(tokens).rstrip("\n").split("\n")),
        links=link_addresses(tokens),
        refused_links=refused_links(rendered.markdown),
        lost_pictures=lost_pictures(rendered.markdown),
        lost_cells=lost_cells(rendered.markdown),
        lost_lines=lost_lines(rendered.markdown),
    )


@dataclass(frozen=True)
class PatternRule:
    """A rule that a team can write: wherever `pattern` is found, report `message`.

    `{found}` in the message is what was found. The pattern is a regular expression of Python's
    `re`; `stages` restricts the rule to some stages, none means all. Every line with a match has
    one of `needs`, which are in lower case; no `needs` means that each line is searched.
    """

    code: str
    level: Level
    pattern: str
    message: str
    stages: frozenset[Stage] = _EVERY_STAGE
    needs: tuple[str, ...] = ()

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern)

    def look(self, line: str, _where: str) -> Iterable[str]:
        """A sentence for each thing that is found in a line, each once."""
        if self._compiled.search(line) is None:
            return ()
        every = dict.fromkeys(each[0].strip() for each in self._compiled.finditer(line))
        return [self.message.replace("{found}", found[:80]) for found in every]


@dataclass(frozen=True)
class LineRule:
    """A rule about a line that needs more than a pattern. `needs` is that of `PatternRule`."""

    code: str
    level: Level
    look: Callable[[str, str], Iterable[str]]
    stages: frozenset[Stage] = _EVERY_STAGE
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class TextRule:
    """A rule about the whole mail: `find` gives the place and sentence of each problem.

    It finds what a mail lacks: if a part of the text satisfies it, so does the whole.
    """

    code: str
    level: Level
    find: Callable[[CheckedMail], Iterable[tuple[str, str]]]
    stages: frozenset[Stage] = _EVERY_STAGE


@dataclass(frozen=True)
class RuleMessage:
    """A rule's message about a line, in any place."""

    level: Level
    code: str
    message: str


class WordRules:
    """The rules for the mails of one notice in one language.

    `doc_url` is the incident's own doc ("" if there is none), which customers must not get.
    `extra_rules` are the team's own; the codes in `allowed` are skipped.
    """

    def __init__(
        self,
        *,
        stage: Stage,
        doc_url: str,
        lang: str = "",
        extra_rules: Sequence[PatternRule] = (),
        allowed: Collection[str] = (),
    ) -> None:
        spoken = patterns_of(lang)
        of_lines = [*LINE_RULES, _own_doc_rule(doc_url), *extra_rules]
        of_texts = [*TEXT_RULES, _own_doc_link_rule(doc_url)]
        if spoken is not None:
            of_lines.append(_promise_rule(spoken))
            of_texts += _spoken_rules(spoken)

        def wanted(rule: PatternRule | LineRule | TextRule) -> bool:
            return stage in rule.stages and rule.code not in allowed

        self.of_lines = tuple(filter(wanted, of_lines))
        self._of_texts = tuple(filter(wanted, of_texts))
        # Most mails of a notice have the same lines.
        self.of_line = lru_cache(maxsize=50_000)(self._of_line)

    def _of_line(self, line: str, is_subject: bool) -> tuple[RuleMessage, ...]:
        """The problems of a line.

        Most lines have none. Looking for a few letters costs a tenth of a search for a pattern, and
        100,000 mails have some 200,000 lines with a value in them.
        """
        where = _SUBJECT if is_subject else ""
        has = line.lower().__contains__
        found: list[RuleMessage] = []
        for rule in self.of_lines:
            if not rule.needs or any(map(has, rule.needs)):
                found += [
                    RuleMessage(rule.level, rule.code, each) for each in rule.look(line, where)
                ]
        return tuple(found)

    def of_text(
        self, words: CheckedMail, rules: Sequence[TextRule] | None = None
    ) -> Iterator[tuple[TextRule, Finding]]:
        """The problems of a whole mail, by these rules or all."""
        for rule in self._of_texts if rules is None else rules:
            for where, message in rule.find(words):
                yield rule, Finding(rule.level, rule.code, where, message)

    def findings(self, words: CheckedMail) -> Iterator[Finding]:
        """All problems of a mail."""
        for where, line in words.places():
            for said in self.of_line(line, where == _SUBJECT):
                yield Finding(said.level, said.code, where, said.message)
        yield from (finding for _, finding in self.of_text(words))


def check_words(
    rendered: RenderedMail,
    *,
    stage: Stage,
    doc_url: str,
    lang: str = "",
    extra_rules: Sequence[PatternRule] = (),
    allowed: Collection[str] = (),
) -> list[Finding]:
    """The problems of one mail's text, errors first. Options as in `WordRules`."""
    rules = WordRules(
        stage=stage, doc_url=doc_url, lang=lang, extra_rules=extra_rules, allowed=allowed
    )
    found = rules.findings(words_of(rendered))
    return sorted(found, key=lambda finding: finding.level != "error")


# Atomic, so that `2:39 PM CET` is never matched as `2:39` without its zone.
_TIME = (
    r"(?>(?i:\b(?:[01]?\d|2[0-3])(?::[0-5]\d(?::[0-5]\d)?(?:\s?[ap]\.?m\b\.?)?|\s?[ap]\.?m\b\.?"
    r"|(?:\.[0-5]\d)?(?=\s?Uhr\b))))"
)
_ZONE = r"(?:\s?Uhr)?\s?\(?(?:UTC|GMT|Z\b|[+-]\d\d:?\d\d|[A-Z][A-Za-z]+/[A-Z]\w+|[A-Z]{2,5}\b)"
_RANGE = rf"\s?(?:[-–—]|to|and|until|bis|und|à|et|y|a)\s?{_TIME}{_ZONE}"
# Not the offset behind a time: `14:39 +01:00`.
_TIME_WITHOUT_ZONE = re.compile(rf"(?<!\d [+−-])(?<!\d[+−-]){_TIME}(?!{_ZONE})(?!{_RANGE})(?!\d)")
_ANY_TIME = re.compile(rf"{_TIME}|\b\d{{4}}-\d\d-\d\d\b")


def _marks_of(doc_url: str) -> tuple[str, ...]:
    found = re.search(r"/d/([\w-]{10,})", doc_url)
    return tuple(mark for mark in (doc_url, found[1] if found else "") if mark)


_TOLD = "is the incident's internal doc, which customers must not get. Remove the link."


def _own_doc_rule(doc_url: str) -> LineRule:
    marks = _marks_of(doc_url)

    def look(line: str, _where: str) -> Iterator[str]:
        if any(mark in line for mark in marks):
            yield f"this {_TOLD}"

    return LineRule("own_doc", "error", look)


def _own_doc_link_rule(doc_url: str) -> TextRule:
    marks = _marks_of(doc_url)

    def find(words: CheckedMail) -> Iterator[tuple[str, str]]:
        if any(mark in link for mark in marks for link in words.links if link not in words.text):
            yield "a link", f"a link {_TOLD}"

    return TextRule("own_doc", "error", find)


# What every time has: most lines end here.
_LIKE_A_TIME = re.compile(r"\d(?::[0-5]|\s?[apAP]\.?[mM]|\s?Uhr)", re.IGNORECASE)


def _time_without_zone(line: str, _where: str) -> Iterator[str]:
    if not _LIKE_A_TIME.search(line):
        return
    for time in dict.fromkeys(each[0].strip() for each in _TIME_WITHOUT_ZONE.finditer(line)):
        yield f"`{time}` has no time zone; readers in other places can't know when."


def _long_subject(line: str, where: str) -> Iterator[str]:
    if where == _SUBJECT and len(line) > _LONG_SUBJECT:
        cut = " and is cut there" if line.endswith("…") else ""
        yield f"the subject has {len(line)} characters{cut}; a phone shows about 40."


# They turn around what is shown after them, or are not shown at all.
_UNSEEN = re.compile(
    "[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f\x7f-\x9f\ufffc\U000f0000-\U000fffff]"
)


def _unseen(line: str, _where: str) -> Iterator[str]:
    if line.isprintable():
        return
    for found in dict.fromkeys(_UNSEEN.findall(line)):
        yield f"there is a character that nobody sees, U+{ord(found):04X}. Remove it."


def _secret(line: str, _where: str) -> Iterator[str]:
    for kind in secrets_in(line):
        yield f"this looks like a secret ({kind}). Remove it, and change it if it was real."


def _promise_rule(spoken: Patterns) -> LineRule:
    def look(line: str, _where: str) -> Iterator[str]:
        for found in dict.fromkeys(each[0].strip() for each in spoken.promise.finditer(line)):
            yield f"`{found}` promises what nobody can guarantee. Say what you are changing."

    return LineRule("promise", "warning", look, needs=spoken.promise_needs)


def _spoken_rules(spoken: Patterns) -> list[TextRule]:
    def no_apology(words: CheckedMail) -> Iterator[tuple[str, str]]:
        if not spoken.apology.search(f"{words.subject}\n{words.text}"):
            yield "text", "the mail doesn't say sorry."

    def no_next_update(words: CheckedMail) -> Iterator[tuple[str, str]]:
        said = [line for line in words.lines if spoken.next_update.search(line)]
        if not said:
            yield "text", "the mail doesn't say when the next update comes. Add --next-update."
        elif not any(re.search(r"\d", line) for line in said):
            yield "text", "the mail gives no time for the next update. Add --next-update."

    def no_support(words: CheckedMail) -> Iterator[tuple[str, str]]:
        reachable = any(link.startswith(("mailto:", "tel:")) for link in words.links)
        if not reachable and not spoken.reach.search(words.text):
            yield "text", "the mail doesn't say how to reach support. Add --set support=…"

    return [
        TextRule("no_next_word", "warning", no_next_update, _UNFINISHED),
        TextRule("no_support", "warning", no_support),
        TextRule("no_apology", "warning", no_apology),
    ]


def _no_start_or_end(words: CheckedMail) -> Iterator[tuple[str, str]]:
    times = [_ANY_TIME.findall(line) for line in words.lines]
    # An incident may begin and end in the same minute; one line then gives the same time twice.
    if len(set().union(*times)) < 2 and not any(len(each) > 1 for each in times):
        yield "text", "a resolved notice needs a start and an end time. One is missing."


def _refused_link(words: CheckedMail) -> Iterator[tuple[str, str]]:
    for address in words.refused_links:
        told = "won't be one: only http, https, mailto and tel are sent."
        yield "a link", f"the link to `{address[:80]}` {told}"


def _lost_picture(words: CheckedMail) -> Iterator[tuple[str, str]]:
    for address in words.lost_pictures:
        yield (
            "a picture",
            f"the picture `{address[:80]}` does not go with the mail: only its description is "
            "sent. Put the file beside the template and name it alone, like ![…](button.png).",
        )


def _lost_cell(words: CheckedMail) -> Iterator[tuple[str, str]]:
    for cells, columns in dict.fromkeys(words.lost_cells):
        yield (
            "a table",
            f"a row has {cells} cells and the header {columns}: the last are left out. Add a "
            "column, or write \\| for a bar within a cell.",
        )


def _lost_line(words: CheckedMail) -> Iterator[tuple[str, str]]:
    for label in words.lost_lines:
        yield (
            "a line",
            f"the line that begins with `[{label[:40]}]:` is left out: Markdown takes it for the "
            f"address of a link [{label[:40]}], which is not there. Write \\[ if it is text.",
        )


def _empty(words: CheckedMail) -> Iterator[tuple[str, str]]:
    if not words.text.strip():
        yield "text", "the mail has no text."


_FIELD = (
    r"(?:first|last|full|given|family|middle|sur|user|display|nick|contact|customer|client|company|"
    r"account|business|organi[sz]ation|recipient|your|order|invoice|vor|nach|kunden|firmen)"
    r"[ _.-]?(?:name|nr|no|number|id|code|date|e-?mail|company)?"
)
_ANY_FIELD = (
    rf"(?:{_FIELD}|name|e-?mail|salutation|greeting|anrede|prénom|nom|nombre|nome|naam|link|url"
    r"|date)"
)
# Names of fields that only brackets mark as one.
_BRACKETED = (
    r"(?:ihr name|datum|uhrzeit|zeit|grund|betrag|firma|time|reason|amount|heure|motif|montant"
    r"|fecha|hora|motivo|importe|support(?: e-?mail| phone)?)"
)
_TO_FILL_IN = (
    r"(?:einfügen|ergänzen|ausfüllen|eintragen|einsetzen|insérer|compléter|insertar|completar"
    r"|(?:name|date|time|link|number|text|reason) (?:here|hier))"
)
# What a template asks its author for: [start time], [X hours], [describe the impact].
_THING = (
    r"(?:affected |your |our |the |start |end |root )?(?:product|service|feature|region|impact"
    r"|cause|date|time|duration|url|link|name|number|amount|percentage|signature|unsubscribe)s?"
)
_ASKED_FOR = (
    rf"(?:{_THING}(?:(?: ?/ ?| and | or | ){_THING}){{0,2}}"
    r"|(?:\d*x+|n|xx) (?:minutes|hours|days|customers|users|%)"
    r"|(?:add|enter|describe|explain|specify|provide|choose|select|delete|remove|edit|fill in"
    r"|replace|include|optional|beschreib\w*)\b[^\[\]\n]{0,60}"
    r"|(?:your|name des|name der) [^\[\]\n]{1,40})"
)
# Those that are no word of any language.
_FIELD_OF_TWO = r"(?:first|last|full|given|family|user|customer|contact|company)[_ ]?name"
# Merge fields of other tools: {First Name}, ${name}, {!Contact.Name}, *|FNAME|*,
# <<Name>>, «Name», %NAME%, %recipient.name%, [First Name], [[name]], @@name@@, #{name}, ((name)),
# <First Name>, <%= name %>, -first_name-, $name, ##NAME##, FNAME (between stars or underlines).
_GREETING = r"^(?i:hello|hi|hey|dear|hallo|liebe[rs]?|bonjour|hola|ciao)"
_MERGE_FIELD = "|".join(
    (
        r"[$#]?\{ ?[$!]?[A-Za-z][\w .:|'-]{0,40}\}",
        r"\*?\|[A-Z][A-Z0-9_:]{1,40}\|\*?",  # Markdown takes the stars for emphasis
        r"<<[^<>\n]{1,40}>>",
        rf"«(?i:{_ANY_FIELD})»",
        r"%%?[A-Z][A-Z0-9_]{2,40}%%?",
        r"%recipient[._]\w{1,40}%",
        rf"%%?(?i:{_ANY_FIELD})%%?",
        rf"\[\[?(?i:insert [^\]\n]{{1,40}}|{_ANY_FIELD}|{_BRACKETED})\]\]?(?!\()",
        r"\[\[?(?i:(?:first|last|full)[_ ]?name)[ ,|:][^\]\n]{1,40}\]\]?(?!\()",
        rf"\[(?i:[^\[\]\n]{{0,40}}\b{_TO_FILL_IN})\](?!\()",
        rf"\[(?i:{_ASKED_FOR})\](?!\()",
        r"\{\d*\}|(?<![\w%])%[sd](?!\w)|%%[A-Za-z]\w{1,40}%%",
        r"\((?i:hier [^()\n]{1,40} einfügen|insert (?:the )?"
        r"(?:date|name|time|cause|link|reason|amount|number|text|details))\)",
        # Any marks around a field where a name is due.
        rf"{_GREETING} [^\w\s{{}}]{{1,3}}\s?(?i:{_ANY_FIELD})\s?[^\w\s{{}}]{{1,4}}(?=\s|$)",
        r"｛[^｛｝\n]{1,40}｝",
        rf"{_GREETING} "
        r"(?:NAME|VORNAME|NACHNAME|NOM|PRÉNOM|NOMBRE|CUSTOMER|KUNDE|CLIENT)(?=\s*(?:[,.!]|$))",
        r"\[[A-Z]+_[A-Z_]{1,40}\]",
        rf"@@\s?(?i:{_ANY_FIELD})\s?@@",
        rf"\(\((?i:{_ANY_FIELD})\)\)",
        r"<[%?]=?[^<>\n]{1,60}[%?]>",
        rf"<(?i:(?:insert|enter|your|add) [^<>\n]{{1,40}}|{_ANY_FIELD}|customer)>",
        rf"(?<![\w-])-(?i:{_FIELD_OF_TWO})-(?![\w-])",
        rf"(?<![\w$])\$(?i:{_ANY_FIELD})\b",
        rf"(?<!\w)@(?i:{_FIELD_OF_TWO})\b(?![@.])",
        rf"#+(?i:{_ANY_FIELD})#+",
        r"\b(?:[FL]NAME|(?:FIRST|LAST|FULL)_?NAME|(?:CUSTOMER|CONTACT|COMPANY|ACCOUNT)_?NAME)\b",
        r"\bMERGEFIELD\b",
    )
)
_TAG = (
    r"</?(?:a|b|i|u|p|br|hr|em|h[1-6]|ul|ol|li|td|th|tr|div|img|pre|sub|sup|span|code|font|body|"
    r"html|head|style|table|tbody|thead|center|strong|script|blockquote|s|del|ins|strike|small|big|"
    r"mark|button|iframe|video|svg)(?:\s[^<>]*)?/?>"
    # What Word writes, and the head of a page.
    r"|</?[a-z]\w{0,9}:[a-z]\w*(?:\s[^<>]*)?/?>|<!(?:doctype|\[)[^<>]*>"
)

_DRAFTS = ("draft", "entwurf", "brouillon", "borrador")
_OWN_DOMAINS = (".internal", ".local", ".corp", ".lan", ".intra")

LINE_RULES: tuple[PatternRule | LineRule, ...] = (
    PatternRule(
        "leftover",
        "error",
        r"\b(?:TODO|(?i:TBD|TBC|FIXME|lorem ipsum)|[Xx]{3,}|[Xx]{2}:[Xx]{2}"
        r")\b|^\W*(?:DRAFT|ENTWURF|BROUILLON|BORRADOR)\b(?=\s*(?:$|[-–—:,;.!]|v\d))"
        r"|(?<!\w)(?i:@todo)\b|(?<!\S)\?{2,}(?!\S)"
        # In lower case it is a word of Spanish.
        r"|\bToDo\b|^\W*todo:|[\[(<](?i:todo|tk|wip|tba|xx)[\])>:]|^\W*WIP\b|\bTKTK\b|[\[(]\?+[\])]"
        r"|\bXX(?=\s?%)|[$€£]\s?X{2,}\b|\bX{2,}[.,]XX\b"
        r"|\b(?:PLACEHOLDER|PLATZHALTER)\b|\b(?:REPLACE|CHANGE|FIX|FILL)[ _-]?ME\b",
        "`{found}` is a leftover placeholder.",
        needs=(
            *(
                "todo",
                "tbd",
                "tbc",
                "tba",
                "fixme",
                "lorem ipsum",
                "xx",
                "??",
                "tk",
                "wip",
                "(?",
                "[?",
            ),
            *("placeholder", "platzhalter", "replace", "change", "fix", "fill", *_DRAFTS),
        ),
    ),
    PatternRule(
        "internal_note",
        "error",
        r"\b(?:INTERNAL(?: USE)? ONLY|NOT FOR CUSTOMERS|NUR INTERN|NICHT (?:VER)?SENDEN"
        r"|NE PAS ENVOYER|NO ENVIAR|DO NOT (?:SEND|CONTACT|E-?MAIL)(?!\s+\w))\b"
        r"|(?i:\bnote to (?:self|(?:the )?(?:reviewers?|editors?|legal|support))\b"
        r"|^\W*(?:for )?internal use only\W*$|\binternal\W{1,3}do not (?:share|send|forward)\b"
        r"|\binternal (?:note|comment):|\binterne (?:notiz|anmerkung):"
        r"|\[intern(?:al|e|o)?\b|^\W*\(intern(?:al|e|o)?\))",
        "`{found}` is for colleagues, and customers would read it. Remove it.",
        needs=("intern", "customers", "senden", "do not", "envoyer", "enviar", "note to"),
    ),
    PatternRule(
        "unfilled",
        "warning",
        r"_{3,}"
        r"|^(?i:hello|hi|hey|dear|hallo|liebe[rs]?|bonjour|hola|ciao) (?:\.{2,}|…)(?=\s*[,!]|$)"
        r"|\b(?:DD|MM|TT|JJ)([./-])(?:DD|MM)\1(?:YYYY|JJJJ|AAAA|YY)\b|\b(?:HH|hh):MM\b",
        "`{found}` looks like a blank that nobody filled in.",
        needs=("___", "..", "…", "dd", "mm", "tt", "jj", "hh"),
    ),
    LineRule("secret", "error", _secret),
    PatternRule(
        "html_comment",
        "error",
        # Not the words behind it: they may hold each customer's name, and all are one finding.
        r"<!--(?:(?!-->).){0,60}(?:-->)?|(?<!-)-->",
        "`{found}` is a comment that customers would read. Write {# … #}, which is left out.",
        needs=("<!--", "-->"),
    ),
    PatternRule(
        "html",
        "warning",
        rf"(?i){_TAG}",
        "`{found}` is HTML, and customers would read it so. Write Markdown.",
        needs=("<",),
    ),
    PatternRule(
        "braces",
        "warning",
        r"\{\{[^{}]{0,60}\}\}|\{%.{0,60}?%\}|\{\{|\}\}|\{%|%\}",
        "`{found}` looks like a variable that was not filled in.",
        needs=("{", "}", "%"),
    ),
    PatternRule(
        "merge_field",
        "warning",
        rf"(?<!\{{)(?:{_MERGE_FIELD})(?!\}})",
        "`{found}` looks like another tool's field, and would be sent like that. Write {{ name }}.",
        needs=(
            *("{", "|", "<", "«", "%", "[", "@", "$", "#", "((", "(insert", "(hier", "name"),
            *("mergefield", " nom", " prénom", " customer", " kunde", " client"),
        ),
    ),
    PatternRule(
        "check_box",
        "warning",
        r"^\s*(?:(?:[-*+•]|\d{1,9}[.)])\s+)?\[[ xX]\](?=\s)",
        "`{found}` is a check box, which does not work in a mail.",
        needs=("[",),
    ),
    PatternRule(
        "marks",
        "warning",
        r"\*\*|(?<!\w)__(?!_)|^#{1,6} |^#{2,6}(?=[^\W\d_])",
        "`{found}` looks like Markdown that was not formatted. Is a variable empty?",
        needs=("**", "__", "#"),
    ),
    PatternRule(
        "marks",
        "warning",
        r"^\|.*?\S.*?\||\[\^[\w-]{1,20}\]",
        "`{found}` looks like a table or a footnote that was not formatted. A table needs a line "
        "of dashes under its header; footnotes there are none.",
        needs=("|", "[^"),
    ),
    PatternRule(
        "marks",
        "warning",
        r"\]\(|\]\[[^\]\n]{0,40}\]",
        "`{found}` looks like a link that was not formatted. Write a blank in its address as %20, "
        "and close its brackets.",
        needs=("](", "]["),
    ),
    PatternRule(
        "gap",
        "warning",
        # A blank before a comma, brackets around nothing: what stays of an empty value.
        r"\S{1,20}[ \u00a0]+[,.](?![\w.,])|\([ \u00a0]*\)(?!\w)|(?<!\w)(?:“”|„“|«\s*»|\"\")(?!\w)",
        "`{found}` has a gap. Is a value empty? Write {% if name %} {{ name }}{% endif %}.",
        needs=(" ,", " .", "\u00a0,", "\u00a0.", "(", "“”", "„“", "«", '""'),
    ),
    LineRule("unseen", "warning", _unseen),
    PatternRule(
        "internal_host",
        "warning",
        r"(?i)\b(?:localhost\b|[\w-]+(?:\.[\w-]+)*\.(?:internal|local|corp|lan|intra|intranet)\b"
        r"|(?:127\.\d{1,3}|10\.\d{1,3}|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.\d{1,3}\.\d{1,3}\b)",
        "`{found}` is a host inside your own network.",
        needs=("localhost", *_OWN_DOMAINS, "127.", "10.", "192.168", "172."),
    ),
    PatternRule(
        "ticket",
        "warning",
        r"(?i)https?://\S*(?:/browse/[a-z]+-\d+|\.slack\.com/|/(?:issues|pull|merge_requests)/\d+"
        r"|pagerduty\.com/|\.atlassian\.net/(?!servicedesk)|\blinear\.app/|\bnotion\.so/)\S*",
        "`{found}` is an address that customers can't open.",
        needs=("://",),
    ),
    PatternRule(
        "google_doc",
        "warning",
        r"https://(?:docs|drive)\.google\.com/\S*",
        "`{found}` is a Google file; can customers open it, and should they?",
        needs=(".google.com/",),
    ),
    PatternRule(
        "promise",
        "warning",
        r"(?i)(?:\b(?:will|should|shall|expect to|is going to)|['’]ll)\b[^.!?]{0,40}\b(?:fix|fixed|"
        r"resolve|resolved|repaired|restored|deployed|back|working|solved)\b[^.!?]{0,20}\b(?:by|within|in|before|"
        r"at|today|tonight|tomorrow|soon|shortly)\b"
        r"|\bexpect (?:a|the) (?:fix|solution|resolution)\b[^.!?]{0,20}\b(?:by|within|in|before"
        r"|today|tonight|tomorrow|soon|shortly)\b",
        "`{found}` promises a time for the fix. Promise the next update instead.",
        needs=("will", "should", "shall", "expect", "is going to", "'ll", "’ll"),
    ),
    LineRule("time_without_zone", "warning", _time_without_zone),
    LineRule("long_subject", "warning", _long_subject),
)

TEXT_RULES: tuple[TextRule, ...] = (
    TextRule("empty", "error", _empty),
    TextRule("no_start_or_end", "warning", _no_start_or_end, frozenset({Stage.RESOLVED})),
    TextRule("refused_link", "warning", _refused_link),
    TextRule("lost_picture", "warning", _lost_picture),
    TextRule("lost_cell", "warning", _lost_cell),
    TextRule("lost_line", "warning", _lost_line),
)
