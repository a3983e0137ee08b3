"""What is internal by its form: addresses, links, hosts, tickets. Pure; finds too much rather than
too little, for a person looks at all that was left out and may say that it stays."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise


class Kind(StrEnum):
    """What was left out of the customers' version."""

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
    kind: Kind


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

# Names that public DNS has never heard of (RFC 6762, RFC 8375, RFC 6761 and habit).
_PRIVATE_TLD = re.compile(
    r"(?<![\w.-])(?:[\w-]+\.)+(?:internal|intranet|local|localdomain|lan|corp|private|priv|home"
    r"|home\.arpa|svc|consul|cluster|intra)(?![\w-])(?:\.local)?(?::\d+)?",
    re.IGNORECASE,
)
_LOCALHOST = re.compile(r"(?<![\w-])localhost(?![\w-])(?::\d+)?", re.IGNORECASE)
# What hosts are named after. One with a number behind it is a host, and so are two together.
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
# Written like a ticket, and known to all.
_STANDARDS = frozenset(
    {"AES", "CO", "COVID", "CVE", "DIN", "EN", "GDPR", "HTTP", "IEC", "IEEE", "ISO", "MD", "PCI"}
    | {"RFC", "RSA", "SHA", "SOC", "TLS", "UTF", "WCAG"}
)


def matches_by_form(text: str, own_domains: Sequence[str]) -> Iterator[Match]:
    """All that is internal by its form in a text that is without tricks and keeps its case."""
    for pattern in (_URL, _BARE_URL, _DOC_HOST):
        for found in pattern.finditer(text):
            yield Match(found.start(), _without_trail(text, found), Kind.LINK)
    for pattern, kind in _PLAIN:
        for found in pattern.finditer(text):
            yield Match(found.start(), found.end(), kind)
    for found in _TICKET.finditer(text):
        if found[1] not in _STANDARDS:
            yield Match(found.start(), found.end(), Kind.TICKET)
    hosts = [each for each in _own_hosts(own_domains).finditer(text) if each[1].lower() != "www."]
    hosts += [each for each in _HYPHENATED.finditer(text) if _is_host_name(each[0])]
    hosts += [each for each in (*_IPV4.finditer(text), *_IPV6.finditer(text)) if _is_ip(each)]
    for found in hosts:
        yield Match(found.start(), found.end(), Kind.HOST)


def addresses_and_links(text: str) -> tuple[str, ...]:
    """The mail addresses and links that a text names."""
    found = [match[0] for match in _EMAIL.finditer(text)]
    found += [text[match.start() : _without_trail(text, match)] for match in _URL.finditer(text)]
    return tuple(found)


_PLAIN = (
    (_EMAIL, Kind.ADDRESS),
    (_MENTION, Kind.PERSON),
    (_PRIVATE_TLD, Kind.HOST),
    (_LOCALHOST, Kind.HOST),
    (_CLOUD_NAME, Kind.HOST),
    (_KNOWN_TRACKERS, Kind.TICKET),
    (_NUMBER, Kind.TICKET),
)


def _own_hosts(domains: Sequence[str]) -> re.Pattern[str]:
    """Hosts below our own domains; the domain itself and its `www` are known to customers."""
    names = "|".join(re.escape(domain.strip().strip(".")) for domain in domains if domain.strip())
    return re.compile(
        rf"(?<![\w.@-])((?:[\w-]+\.)+)(?:{names or '(?!)'})(?![\w-])(?::\d+)?", re.IGNORECASE
    )


def _without_trail(text: str, found: re.Match[str]) -> int:
    """Where a link ends once the sentence's own punctuation is taken off."""
    end = found.end()
    while end > found.start() + 1:
        last = text[end - 1]
        inside = text[found.start() : end]
        if last not in _TRAIL and not (last in _PAIRS and inside.count(_PAIRS[last]) == 0):
            break
        end -= 1
    return end


def _is_host_name(word: str) -> bool:
    """`db-3`, `web01`, `prod-eu-db`: whether a word is put together as hosts are named."""
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
