"""Leaving out what is internal: neutral words in its place, and a list of all that went.

No word is invented but the few neutral ones. What a person said may stay (`public`) stays.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from workflow.document.blocks import Block, Span, joined
from workflow.publication.folding import Folded, fold, without_tricks
from workflow.publication.patterns import Kind, Match, matches_by_form
from workflow.publication.people import folded_words, name_forms

# The first that holds no internal word itself; the last can't hold one.
_NEUTRAL: dict[Kind, tuple[str, ...]] = {
    Kind.PERSON: ("an engineer", "a colleague", "somebody", "…"),
    Kind.CUSTOMER: ("a customer", "somebody", "…"),
    Kind.ADDRESS: ("an email address", "an address", "…"),
    Kind.LINK: ("an internal page", "a link", "…"),
    Kind.HOST: ("one of our systems", "a system", "…"),
    Kind.TICKET: ("an internal reference", "a reference", "…"),
    Kind.WORD: ("…",),
}
# What is put in may, beside what was there, be read as something else that is internal.
_ROUNDS = 12
_LOOK_BACK = 20  # letters that tell whether a sentence begins
# Written without spaces between words, so that a name there has no edge to be known by.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]"
)
_SENTENCE_END = re.compile(r"(?:^|[.!?:…]\s+|[\n\v]\s*|\s\s)$")


@dataclass(frozen=True)
class Internal:
    """What is known to be internal, and in `public` what may be told all the same.

    `people` are names and addresses, `customers` full names, `words` whatever else a person named.
    """

    people: tuple[str, ...] = ()
    customers: tuple[str, ...] = ()
    own_domains: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    public: tuple[str, ...] = ()


@dataclass(frozen=True)
class LeftOut:
    """Something that is not in the customers' version, as it was written."""

    kind: Kind
    text: str


class Redactor:
    """Leaves out of texts and blocks what is internal. `left_out` lists it, each once."""

    def __init__(self, internal: Internal) -> None:
        self._domains = internal.own_domains
        names = name_forms(internal.people)
        customers = {folded_words(name) for name in internal.customers}
        self._words = [
            (_any_of(names.whole), Kind.PERSON),
            (_any_of(words for words in customers if words), Kind.CUSTOMER),
            (_any_of(folded_words(word) for word in internal.words), Kind.WORD),
        ]
        self._capital = _any_of(names.capital)
        self._public = _phrases(internal.public)
        self._links = frozenset(fold(text).text.rstrip("/") for text in internal.public)
        self._found: dict[LeftOut, None] = {}
        self._neutral = {kind: self._first_clean(choice) for kind, choice in _NEUTRAL.items()}

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """All that was left out so far, in order."""
        return tuple(self._found)

    def note(self, kind: Kind, text: str) -> None:
        """Something was left out elsewhere."""
        self._found.setdefault(LeftOut(kind, text))

    def find(self, text: str) -> list[Match]:
        """What is internal in a text, in order; nothing overlaps."""
        folded, plain = fold(text), without_tricks(text)
        found = [
            Match(*plain.span(each.start, each.end), each.kind)
            for each in matches_by_form(plain.text, self._domains)
        ]
        for pattern, kind in self._words:
            found += _placed(pattern, folded, kind)
        found += [
            each for each in _placed(self._capital, folded, Kind.PERSON) if _has_capital(text, each)
        ]
        told = [(each.start, each.end) for each in _placed(self._public, folded, Kind.WORD)]
        hidden = [
            each
            for each in found
            if not any(start <= each.start and each.end <= end for start, end in told)
        ]
        return _apart(hidden)

    def text(self, text: str) -> str:
        """The text without what is internal; the same text where nothing is."""
        return "".join(span.text for span in self.spans((Span(text),)))

    def spans(self, spans: Sequence[Span]) -> tuple[Span, ...]:
        """A paragraph's spans without what is internal, links to internal pages included."""
        kept = [self._without_link(span) for span in self._without_struck(spans)]
        for _ in range(_ROUNDS):
            text = "".join(span.text for span in kept)
            found = self.find(text)
            if not found:
                break
            for match in found:
                self.note(match.kind, text[match.start : match.end])
            kept = list(_with_words(kept, [(each, self._words_for(text, each)) for each in found]))
        else:
            kept = [Span("…")]
        return joined(kept)

    def blocks(self, blocks: Iterable[Block]) -> list[Block]:
        """Blocks without what is internal; one that has nothing left is gone."""
        kept = [
            replace(
                block,
                spans=self.spans(block.spans),
                rows=tuple(tuple(map(self.spans, row)) for row in block.rows),
            )
            for block in blocks
        ]
        return [block for block in kept if block.rows or block.text.strip()]

    def _without_struck(self, spans: Sequence[Span]) -> Iterator[Span]:
        for span in spans:
            if span.strike and span.text.strip():
                self.note(Kind.STRUCK, span.text)
            else:
                yield span

    def _without_link(self, span: Span) -> Span:
        target = span.link
        if not target or fold(target.removeprefix("mailto:")).text.rstrip("/") in self._links:
            return span
        self.note(Kind.LINK, target)
        return replace(span, link="")

    def _words_for(self, text: str, match: Match) -> str:
        words = self._neutral[match.kind]
        before = text[max(0, match.start - _LOOK_BACK) : match.start]
        return words[0].upper() + words[1:] if _SENTENCE_END.search(before) else words

    def _first_clean(self, choice: Sequence[str]) -> str:
        clean = (words for words in choice if not self.find(words) and not self.find(words.title()))
        return next(clean, choice[-1])


def _any_of(phrases: Iterable[tuple[str, ...]]) -> re.Pattern[str]:
    """Any of these words one behind the other, whatever parts them; nothing for none."""
    ordered = sorted({words for words in phrases if words}, key=lambda w: (-len("".join(w)), w))
    return re.compile("|".join(map(_phrase, ordered)) or "(?!)")


def _phrase(words: tuple[str, ...]) -> str:
    first, last = words[0][0], words[-1][-1]
    before = "" if _UNSPACED.match(first) else r"(?<![^\W_])"
    behind = "" if _UNSPACED.match(last) else r"(?![^\W_])"
    return before + r"[\W_]+".join(map(re.escape, words)) + behind


def _phrases(texts: Iterable[str]) -> re.Pattern[str]:
    """Any of these texts to the letter, as they are compared."""
    folded = sorted({fold(text).text.strip() for text in texts} - {""}, key=len, reverse=True)
    return re.compile("|".join(rf"(?<!\w){re.escape(each)}(?!\w)" for each in folded) or "(?!)")


def _placed(pattern: re.Pattern[str], folded: Folded, kind: Kind) -> list[Match]:
    return [
        Match(*folded.span(found.start(), found.end()), kind)
        for found in pattern.finditer(folded.text)
    ]


def _has_capital(text: str, match: Match) -> bool:
    first = text[match.start]
    return first.isupper() or first.istitle() or first.upper() == first.lower()


def _apart(found: list[Match]) -> list[Match]:
    """Overlapping matches made one, of the kind of the longest."""
    kept: list[Match] = []
    for match in sorted(found, key=lambda one: (one.start, -one.end)):
        if kept and match.start < kept[-1].end:
            last = kept[-1]
            longest = max(last, match, key=lambda one: one.end - one.start)
            kept[-1] = Match(last.start, max(last.end, match.end), longest.kind)
        else:
            kept.append(match)
    return kept


def _with_words(spans: Iterable[Span], replacements: Sequence[tuple[Match, str]]) -> Iterator[Span]:
    """Spans with words in the place of each match, in the look of the first that it touches.

    Matches are in order and apart.
    """
    start = 0
    waiting = deque(replacements)
    for span in spans:
        end, at = start + len(span.text), start
        while waiting and waiting[0][0].start < end:
            match, words = waiting[0]
            if match.start >= start:
                yield replace(span, text=span.text[at - start : match.start - start])
                yield replace(span, text=words)
            at = min(match.end, end)
            if match.end > end:
                break
            waiting.popleft()
        yield replace(span, text=span.text[at - start :])
        start = end
