"""Internal text recognized by its form: addresses, links, hosts, tickets, names. Pure.

Finds too much rather than too little, because a person checks everything that was left out and may
keep it. `name_forms` gives a name and each of its identifying parts. `fold` compares text without
case, accents and invisible characters: what looks the same to a reader counts as the same. Each
folded letter keeps its place in the original text.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import pairwise


class RedactedKind(StrEnum):
    """The kinds of text left out of the public postmortem."""

    PERSON = "person"
    CUSTOMER = "customer"
    ADDRESS = "address"
    LINK = "link"
    HOST = "host"
    TICKET = "ticket"
    WORD = "word"
    ENTRY = "entry"
    PICTURE = "picture"
    STRUCK = "struck"
    SUGGESTION = "suggestion"
    FOOTNOTE = "footnote"


@dataclass(frozen=True, order=True)
class Match:
    """A place in a text: from `start` up to `end`."""

    start: int
    end: int
    kind: RedactedKind


_LOCAL = r"[\w.!#$%&'*+/=?^`{|}~-]"
_EMAIL = re.compile(rf"(?<!{_LOCAL}){_LOCAL}+@[\w-]+(?:\.[\w-]+)*")
_MENTION = re.compile(r"(?<![\w.@])@[^\W\d_][\w.-]*\w")
_URL = re.compile(r"(?<![\w+.-])[a-z][a-z0-9+.-]{1,20}://[^\s<>\"“”]+", re.IGNORECASE)
_BARE_URL = re.compile(
    r"(?<![\w@./-])(?:(?:[\w-]+\.)+[a-z]{2,24}(?::\d+)?/[^\s<>\"“”]*|go/[\w-]+)", re.IGNORECASE
)
_DOC_HOST = re.compile(
    r"(?<![\w-])(?:docs|drive|sheets|slides|forms|sites|calendar|mail|meet)\.google\.com"
    r"(?:/[^\s<>\"“”]*)?",
    re.IGNORECASE,
)
_TRAIL = ".,;:!?'’*_"
_PAIRS = {")": "(", "]": "[", "}": "{"}

# Names that public DNS doesn't have (RFC 6762, RFC 8375, RFC 6761 and convention).
_PRIVATE_TLD = re.compile(
    r"(?<![\w.-])(?:[\w-]+\.)+(?:internal|intranet|local|localdomain|lan|corp|private|priv|home"
    r"|home\.arpa|svc|consul|cluster|intra)(?![\w-])(?:\.local)?(?::\d+)?",
    re.IGNORECASE,
)
_LOCALHOST = re.compile(r"(?<![\w-])localhost(?![\w-])(?::\d+)?", re.IGNORECASE)
# Typical parts of host names. With a number it is a host, and so are two together.
_STEM = (
    "db|dbs|database|web|app|api|srv|server|node|host|vm|k8s|kube|kafka|redis|pg|postgres|mysql"
    "|mariadb|mongo|elastic|es|cache|memcached|proxy|haproxy|nginx|lb|gw|gateway|vpn|mx|smtp|relay"
    "|ns|dns|ldap|nfs|nas|worker|queue|mq|rabbit|rabbitmq|jenkins|gitlab|jump|bastion|edge|pod"
    "|shard|replica|primary|master|slave|prod|prd|stage|staging|stg|preprod|uat|esx|hv|fw|sw"
)
_STEMS = frozenset(_STEM.split("|"))
_NUMBERED_STEM = re.compile(rf"(?:{_STEM})\d\w*")
_HYPHENATED = re.compile(r"(?<![\w.-])[a-z]\w*(?:-\w+)*(?![\w-])(?::\d+)?", re.IGNORECASE)
_CLOUD_NAME = re.compile(
    r"(?<![\w-])(?:ip-\d{1,3}(?:-\d{1,3}){3}|i-[0-9a-f]{8,17})(?:\.[\w.-]*\w)?", re.IGNORECASE
)
_IPV4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2}|:\d{1,5})?(?![\w]|\.\d)")
_IPV6 = re.compile(
    r"(?<![\w:.])\[?((?:[0-9a-f]{0,4}:){2,7}(?:\d+(?:\.\d+){3}|[0-9a-f]{0,4}))\]?"
    r"(?:%\w+)?(?:/\d{1,3})?(?![\w:])",
    re.IGNORECASE,
)

_TICKET = re.compile(r"(?<![\w-])([A-Z][A-Z0-9]{1,9})-\d{1,7}(?![\w-])")
_KNOWN_TRACKERS = re.compile(
    r"(?<![\w-])(?:ops|inc|jira|bug|dev|sre|sup|cs|eng|infra|task|issue|ticket|req|chg|prb|itsm"
    r"|incident|pm)-\d{1,7}(?![\w-])",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(?<![\w#&])#\d{2,}(?!\w)")
# Written like a ticket, but public.
_STANDARDS = frozenset(
    {"AES", "CO", "COVID", "CVE", "DIN", "EN", "GDPR", "HTTP", "IEC", "IEEE", "ISO", "MD", "PCI"}
    | {"RFC", "RSA", "SHA", "SOC", "TLS", "UTF", "WCAG"}
)


def matches_by_form(text: str, own_domains: Sequence[str]) -> Iterator[Match]:
    """Everything internal by its form, in a text without tricks that keeps its case."""
    for pattern in (_URL, _BARE_URL, _DOC_HOST):
        for found in pattern.finditer(text):
            yield Match(found.start(), _without_trail(text, found), RedactedKind.LINK)
    for pattern, kind in _PLAIN:
        for found in pattern.finditer(text):
            yield Match(found.start(), found.end(), kind)
    for found in _TICKET.finditer(text):
        if found[1] not in _STANDARDS:
            yield Match(found.start(), found.end(), RedactedKind.TICKET)
    hosts = [each for each in _own_hosts(own_domains).finditer(text) if each[1].lower() != "www."]
    hosts += [each for each in _HYPHENATED.finditer(text) if _is_host_name(each[0])]
    hosts += [each for each in (*_IPV4.finditer(text), *_IPV6.finditer(text)) if _is_ip(each)]
    for found in hosts:
        yield Match(found.start(), found.end(), RedactedKind.HOST)


def addresses_and_links(text: str) -> tuple[str, ...]:
    """The mail addresses and links in a text."""
    found = [match[0] for match in _EMAIL.finditer(text)]
    found += [text[match.start() : _without_trail(text, match)] for match in _URL.finditer(text)]
    return tuple(found)


_PLAIN = (
    (_EMAIL, RedactedKind.ADDRESS),
    (_MENTION, RedactedKind.PERSON),
    (_PRIVATE_TLD, RedactedKind.HOST),
    (_LOCALHOST, RedactedKind.HOST),
    (_CLOUD_NAME, RedactedKind.HOST),
    (_KNOWN_TRACKERS, RedactedKind.TICKET),
    (_NUMBER, RedactedKind.TICKET),
)


def _own_hosts(domains: Sequence[str]) -> re.Pattern[str]:
    """Hosts below our own domains; the domain itself and its `www` are public."""
    names = "|".join(re.escape(domain.strip().strip(".")) for domain in domains if domain.strip())
    return re.compile(
        rf"(?<![\w.@-])((?:[\w-]+\.)+)(?:{names or '(?!)'})(?![\w-])(?::\d+)?", re.IGNORECASE
    )


def _without_trail(text: str, found: re.Match[str]) -> int:
    """The end of a link without the sentence's punctuation."""
    end = found.end()
    while end > found.start() + 1:
        last = text[end - 1]
        inside = text[found.start() : end]
        if last not in _TRAIL and not (last in _PAIRS and inside.count(_PAIRS[last]) == 0):
            break
        end -= 1
    return end


def _is_host_name(word: str) -> bool:
    """Whether a word is formed like a host name: `db-3`, `web01`, `prod-eu-db`."""
    parts = word.partition(":")[0].lower().split("-")
    if any(map(_NUMBERED_STEM.fullmatch, parts)):
        return True
    if any(one in _STEMS and other[0].isdecimal() for one, other in pairwise(parts)):
        return True
    return sum(part in _STEMS for part in parts) > 1


def _is_ip(found: re.Match[str]) -> bool:
    address = re.sub(r"/\d+$|%\w+", "", found[1] if found.re is _IPV6 else found[0])
    if found.re is _IPV4:
        address = address.partition(":")[0]
    elif not re.search(r"\d|[a-fA-F]{3}", address):  # `a::b` is an operator in some languages
        return False
    try:
        ipaddress.ip_address(address.strip("[]"))
    except ValueError:
        return False
    return True


# Letters by category that show nothing: Hangul and Khmer fillers.
_BLANK_LETTERS = frozenset("\u115f\u1160\u17b4\u17b5\u3164\uffa0")
_UNSEEN = frozenset({"Cf", "Mn", "Me", "Cs"})


@dataclass(frozen=True)
class Folded:
    """`text` for comparison; `places` has each letter's index in `written`."""

    written: str
    text: str
    places: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The place of letters `start` up to `end` in `written`, with invisible ones after them."""
        first, last = self.places[start], self.places[end - 1] + 1
        while last < len(self.written) and is_unseen(self.written[last]):
            last += 1
        return first, last


def fold(text: str) -> Folded:
    """The text for finding words, without case and accents."""
    return _mapped(text, _caseless)


def without_tricks(text: str) -> Folded:
    """The text for finding patterns, with its case."""
    return _mapped(text, _plain)


@cache
def is_unseen(letter: str) -> bool:
    """Whether a character is invisible: a joiner, a mark, a control."""
    category = unicodedata.category(letter)
    is_control = category == "Cc" and not letter.isspace()
    return category in _UNSEEN or is_control or letter in _BLANK_LETTERS


@cache
def _caseless(letter: str) -> str:
    return unicodedata.normalize("NFKD", _plain(letter).casefold())


@cache
def _plain(letter: str) -> str:
    """A character as plain ones that look like it: full width, any digit, any dash."""
    digit = unicodedata.decimal(letter, None)
    if digit is not None:
        return str(digit)
    plain = unicodedata.normalize("NFKD", letter)
    return "".join("-" if unicodedata.category(each) == "Pd" else each for each in plain)


def _mapped(text: str, compared: Callable[[str], str]) -> Folded:
    letters: list[str] = []
    places: list[int] = []
    for place, written in enumerate(text):
        if is_unseen(written):
            continue
        for letter in compared(written):
            if not is_unseen(letter):
                letters.append(letter)
                places.append(place)
    return Folded(text, "".join(letters), tuple(places))


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Roles, not persons: `Support team`, `on-call@…`. English and German.
_ROLES = _words(
    """a admin administrator all an and api backend billing bot call ceo cfo chief colleague
    commander contact coo cto customer customers data desk dev developer developers devops director
    duty engineer engineering everybody everyone for frontend group hallo head hello help helpdesk
    incident incidents info infra infrastructure it junior kunden lead leitung mail management
    manager marketing me mobile no noc noreply of office officer on oncall operations ops our owner
    pager pagerduty people person platform postmortem product qa reply sales security senior service
    services slack somebody someone sre staff success support system team the us vp we web you
    not known yet unknown nobody none tbd todo"""
)
# Names that are also words: they count as names only with a capital.
_EVERYDAY = _words(
    """an art baker bank bell best bill black bond brown bush case cash chance chase cook de dean do
    drew faith fox frank gene grace grant gray green guy hall he hill hope hunter in iris jack joy
    jung klein kurz la lang law long love mark mason max may mike miles page park pat pearl penny
    post price ray rice rich rob rock rose self sharp short skip small so stone strong sue swift to
    van von wade way white will wise wood young"""
)
_SEPARATORS = re.compile(r"[,;/&+|]|\s(?:and|und|et|y|with|mit)\s", re.IGNORECASE)
_ADDRESS = re.compile(r"<?\s*([^\s<>@]+)@[^\s<>@]+\s*>?")


@dataclass(frozen=True)
class NameForms:
    """Names as folded words. `whole` in any case, `capital` only with a capital letter."""

    whole: frozenset[tuple[str, ...]]
    capital: frozenset[tuple[str, ...]]


def name_forms(names: Iterable[str]) -> NameForms:
    """The forms of names, addresses and `Ann Lee <ann@…>`, without roles."""
    whole: set[tuple[str, ...]] = set()
    capital: set[tuple[str, ...]] = set()
    for name in names:
        for one in _each_name(name):
            words = folded_words(one)
            telling = [word for word in words if word not in _ROLES]
            if not telling:
                continue
            if len(words) > 1:
                whole.add(words)
            for word in telling:
                if word in _EVERYDAY:
                    capital.add((word,))
                elif len(word) > 1 and not word.isdecimal():
                    whole.add((word,))
    return NameForms(frozenset(whole), frozenset(capital))


def folded_words(text: str) -> tuple[str, ...]:
    """The folded words of a text."""
    return tuple(word for word in re.split(r"[\W_]+", fold(text).text) if word)


def _each_name(text: str) -> Iterable[str]:
    """`Ann Lee <a.lee@x.example>, Ben` gives `Ann Lee`, `a.lee` and `Ben`."""
    yield from (found[1] for found in _ADDRESS.finditer(text))
    yield from _SEPARATORS.split(_ADDRESS.sub(" ", text))
