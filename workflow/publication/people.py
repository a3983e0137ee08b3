"""Names as they may stand in a text: the whole name, and each part that tells who it is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from workflow.publication.folding import fold


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Who is named so is a role, not a person: `Support team`, `on-call@…`. English and German.
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
# Names that are words as well: they count as names only where they are written with a capital.
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
    """The forms of names, addresses and `Ann Lee <ann@…>`; roles are left out."""
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
    """The words of a text as they are compared."""
    return tuple(word for word in re.split(r"[\W_]+", fold(text).text) if word)


def _each_name(text: str) -> Iterable[str]:
    """`Ann Lee <a.lee@x.example>, Ben` gives `Ann Lee`, `a.lee` and `Ben`."""
    yield from (found[1] for found in _ADDRESS.finditer(text))
    yield from _SEPARATORS.split(_ADDRESS.sub(" ", text))
