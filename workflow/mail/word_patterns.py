"""Patterns for the checks of a mail's text: fillers, passwords and keys.

Phrases are searched in the languages known here. Passwords, keys and tokens are found by the
detectors of Yelp's detect-secrets, which look for the shape of a secret (a GitHub token, a private
key, a password in an address). Detectors by randomness alone are left out: a reference number is no
secret.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Speech:
    """Patterns of one language: an apology, the next update, a way to reach support, a promise.

    `promise` finds words that promise something uncertain; every line with such words has one of
    `promise_needs`.
    """

    apology: str
    next_update: str
    reach: str
    promise: str
    promise_needs: tuple[str, ...]


_SPEECHES = {
    "en": Speech(
        r"sorry|apolog|regret",
        r"hear from us|next (?:mail|e-?mail|update|word)|update you|write (?:to you )?again"
        r"|let you know|last (?:mail|e-?mail|update)",
        r"\b(?:reply|replies|answer|respond)\b|(?:contact|reach|call|write to|email) us",
        r"\bnever\b[^.!?]{0,30}\bagain\b|\bnever (?:(?:re-?)?occurs?|recurs?)\b"
        r"|\b(?:won['’]t|will not|can(?:no|['’])t|shall not|impossible)\b[^.!?]{0,30}"
        r"\b(?:happen again|re-?occur|recur)\b"
        r"|\bwe (?:guarantee|promise)\b|\b100\s?% (?:sure|safe|certain|secure|reliable)"
        r"|\b(?:completely|absolutely) (?:safe|secure)\b|\b(?:can|could|will) never happen\b"
        r"|\bonce and for all\b|\bfixed (?:permanently|for good|forever)\b|\bpermanently fixed\b"
        r"|\bthere is no (?:more )?risk\b",
        (
            *("never", "again", "occur", "recur", "guarantee", "promise", "100", "ly safe"),
            *("ly secure", "once and", "fixed", "no risk", "more risk"),
        ),
    ),
    "de": Speech(
        r"entschuldig|leid\b|bedauer|verzeih|sorry",
        r"hören\b.{0,60}\bvon uns|von uns\b.{0,60}\bhören"
        r"|melden\b.{0,60}\buns|nächste[nrs]?"
        r" (?:e-?mail|update|nachricht|stand|mitteilung|meldung|info|information|aktualisierung)"
        r"|(?:wieder|erneut) schreiben"
        r"|letzte (?:e-?mail|nachricht)|halten sie auf dem laufenden",
        r"antwort|erreichen (?:sie )?uns|schreiben sie uns|rufen sie uns|melden sie sich",
        r"\bnie(?:mals)? (?:wieder|mehr)\b"
        r"|\bnicht (?:wieder|mehr|noch einmal) (?:vorkommen|passieren|geschehen)\b"
        r"|\b(?:kommt|passiert|geschieht) (?:so etwas )?nicht (?:wieder|mehr)\b"
        r"|\bausgeschlossen, dass\b|\bwir (?:garantieren|versprechen)\b"
        r"|\b(?:100\s?%|absolut|vollkommen|hundertprozentig) sicher\b|\bein für alle ?mal\b"
        r"|\bendgültig behoben\b|\bbis (?:morgen|heute|spätestens)\b[^.!?]{0,40}\bbehoben\b",
        (
            *("nie ", "niemals", "nicht", "ausgeschlossen", "garantieren", "versprechen", "100"),
            *(" sicher", "ein für", "behoben"),
        ),
    ),
    "fr": Speech(
        r"désolé|excus|regrett|pardon",
        r"prochain(?:e)? (?:e-?mail|message|mise à jour|point|nouvelle)|tiendrons"
        r"|revien(?:drons|dra)|recontacter|dernier (?:e-?mail|message)|donnerons des nouvelles",
        r"répon|contacte|écri(?:re|vez)|joindre|appelez",
        r"\b(?:plus jamais|jamais plus)\b|\bne se (?:re)?produira (?:plus|pas)\b"
        r"|\bn['’]arrivera (?:plus|pas)\b|\bnous (?:vous )?(?:garantissons|promettons)\b",
        ("jamais", "produira", "arrivera", "garantissons", "promettons"),
    ),
    "es": Speech(
        r"disculp|lament|sentimos|perd[oó]n",
        r"próxim[oa] (?:correo|mensaje|actualización|aviso)|volveremos a|informaremos"
        r"|últim[oa] (?:correo|mensaje)|mantendremos",
        r"respond|contact|escrib|llám|comuni[cq]",
        r"\bnunca más\b|\bno volverá a (?:ocurrir|suceder|pasar)\b"
        r"|\bno se (?:volverá a repetir|repetirá)\b|\b(?:garantizamos|prometemos)\b",
        ("nunca", "volverá", "repetirá", "garantizamos", "prometemos"),
    ),
    "it": Speech(
        r"scus|spiac",
        r"prossim[oa] (?:e-?mail|messaggio|aggiornamento)|aggiorneremo|scriveremo",
        r"rispond|contatt|scriv",
        r"\bmai più\b|\bnon (?:accadrà|succederà) più\b|\b(?:garantiamo|promettiamo)\b",
        ("mai più", "accadrà", "succederà", "garantiamo", "promettiamo"),
    ),
}


@dataclass(frozen=True)
class Patterns:
    """The compiled patterns for one mail."""

    apology: re.Pattern[str]
    next_update: re.Pattern[str]
    reach: re.Pattern[str]
    promise: re.Pattern[str]
    promise_needs: tuple[str, ...]


# An address, a link to write or a number to call is a way to reach support in any language.
_REACH = r"[\w.+-]+@[\w-]+\.\w|\+?\d[\d ()/-]{6,}\d"


@cache
def patterns_of(lang: str) -> Patterns | None:
    """The patterns for a language tag such as `de-AT`; None for an unknown language.

    A mail without a language is checked in all of them.
    """
    tag = lang.lower().partition("-")[0]
    if tag and tag not in _SPEECHES:
        return None
    spoken = [_SPEECHES[tag]] if tag else list(_SPEECHES.values())
    return Patterns(
        _any(each.apology for each in spoken),
        _any(each.next_update for each in spoken),
        _any([_REACH, *(each.reach for each in spoken)]),
        _any(each.promise for each in spoken),
        tuple(word for each in spoken for word in each.promise_needs),
    )


def _any(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


# Lines without such a thing hold no secret, and the detectors take 0.1 ms a line.
_LONG_WORD = 16
_TELLING_WORDS = (
    *("password", "passwort", "passwd", "passphrase", "mot de passe", "contraseña", "kennwort"),
    *("wachtwoord", "senha", "hasło", "secret", "token", "api key", "api-key", "api_key", "apikey"),
    "-----begin",
)
_DETECTORS = (
    *("AWSKeyDetector", "ArtifactoryDetector", "AzureStorageKeyDetector", "BasicAuthDetector"),
    *("CloudantDetector", "DiscordBotTokenDetector", "GitHubTokenDetector"),
    *("GitLabTokenDetector", "IbmCloudIamDetector", "IbmCosHmacDetector", "JwtTokenDetector"),
    *("KeywordDetector", "MailchimpDetector", "NpmDetector", "OpenAIDetector"),
    *("PrivateKeyDetector", "PypiTokenDetector", "SendGridDetector", "SlackDetector"),
    *("SoftlayerDetector", "SquareOAuthDetector", "StripeDetector", "TelegramBotTokenDetector"),
    "TwilioKeyDetector",
)
# Secrets that the detectors miss: a password in a sentence, and Google's API keys.
_TOLD = re.compile(
    r"(?i)\b(?:password|passwort|kennwort|passphrase|mot de passe|contraseña|wachtwoord|senha"
    r"|hasło)"
    r"(?:\s+(?:is|ist|lautet|est|es|é|to))?\s*[:=]?\s+[\"'`“„]?(?=\S*[\d!#$%&*+?@^_~])(?![\w.-]+@|https?:)"
    r"(?P<secret>[^\s\"'`”“]{6,})"
)
_GOOGLE = re.compile(r"\bAIza[\w-]{35}|\bGOCSPX-[\w-]{20,}|\bya29\.[\w-]{20,}")
# A key behind its name, which the detectors read in quotes alone, and one in an address.
_NAMED_KEY = re.compile(
    r"(?i)\b(?:api[ _-]?key|client[ _-]?secret|secret[ _-]?key|(?:access|auth)[ _-]?token|bearer)"
    r"\b\s*[:=]?\s*(?=\S*\d)[\w.~+/-]{16,}|\bhttps?://[0-9a-f]{24,}@|\b(?:hf|dop_v1)_\w{30,}"
)
_LEAST_DIGITS = 13
_CARD = re.compile(r"\b[3-6]\d{3}([ -])\d{4}\1\d{4}\1\d{1,4}\b")


def secrets_in(line: str) -> Iterator[str]:
    """The kinds of secrets in a line: `GitHub Token`, `password`; each once."""
    if not _is_worth_a_look(line):
        return
    kinds = dict.fromkeys(_scanner()(line))
    if _TOLD.search(line):
        kinds["password"] = None
    if _GOOGLE.search(line):
        kinds["Google key"] = None
    if _NAMED_KEY.search(line) and not kinds:
        kinds["key"] = None
    if any(_is_card_number(found[0]) for found in _CARD.finditer(line)):
        kinds["card number"] = None
    yield from kinds


def _is_worth_a_look(line: str) -> bool:
    return (
        any(len(word) >= _LONG_WORD for word in line.split())
        or any(map(line.lower().__contains__, _TELLING_WORDS))
        or (sum(map(str.isdigit, line)) >= _LEAST_DIGITS and _CARD.search(line) is not None)
    )


def _is_card_number(text: str) -> bool:
    """Whether the digits pass the check of card numbers (ISO/IEC 7812-1, Luhn)."""
    digits = [int(char) for char in reversed(text) if char.isdigit()]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


@functools.cache
def _scanner() -> Callable[[str], list[str]]:
    import detect_secrets.core.scan  # noqa: PLC0415 - 0.2 s; for a line that is worth a look

    chosen = {"plugins_used": [{"name": name} for name in _DETECTORS]}

    def scan(line: str) -> list[str]:
        with detect_secrets.settings.transient_settings(chosen):
            return [str(found.type) for found in detect_secrets.core.scan.scan_line(line)]

    return scan
