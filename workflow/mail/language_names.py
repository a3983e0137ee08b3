"""Languages as lists write them, and their tags: `German`, `Deutsch`, `deu`, `de_DE.UTF-8`."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Each language by its names in English, in itself and in German, French, Spanish, Italian, Dutch
# and Portuguese (Unicode CLDR), and by its codes of three letters (ISO 639-2).
_NAMES = {
    "ar": "arabic العربية arabisch arabe árabe arabo ara",
    "bg": "bulgarian български bulgarisch bulgare búlgaro bulgaro bulgaars bul",
    "ca": "catalan català katalanisch catalán catalano catalaans catalão cat",
    "cs": "czech čeština tschechisch tchèque checo ceco tsjechisch tcheco cze ces",
    "da": "danish dansk dänisch danois danés danese deens dinamarquês dan",
    "de": "german deutsch allemand alemán tedesco duits alemão ger deu",
    "el": "greek ελληνικά griechisch grec griego greco grieks grego gre ell",
    "en": "english englisch anglais inglés inglese engels inglês eng",
    "es": "spanish español spanisch espagnol spagnolo spaans espanhol castellano spa",
    "et": "estonian eesti estnisch estonien estonio estone estisch estoniano est",
    "eu": "basque euskara baskisch euskera basco baq eus",
    "fa": "persian فارسی persisch persan persa persiano perzisch farsi per fas",
    "fi": "finnish suomi finnisch finnois finés finlandese fins finlandês fin",
    "fr": "french français französisch francés francese frans francês fre fra",
    "ga": "irish gaeilge irisch irlandais irlandés irlandese iers irlandês gle",
    "gl": "galician galego galicisch galicien gallego galiziano glg",
    "he": "hebrew עברית hebräisch hébreu hebreo ebraico hebreeuws hebraico heb",
    "hi": "hindi हिन्दी hin",
    "hr": "croatian hrvatski kroatisch croate croata croato hrv",
    "hu": "hungarian magyar ungarisch hongrois húngaro ungherese hongaars hun",
    "id": "indonesian indonesia indonesisch indonésien indonesio indonesiano indonésio ind",
    "is": "icelandic íslenska isländisch islandais islandés islandese ijslands islandês ice isl",
    "it": "italian italiano italienisch italien italiaans ita",
    "ja": "japanese japanisch japonais japonés giapponese japans japonês 日本語 jpn",
    "ko": "korean koreanisch coréen coreano koreaans 한국어 kor",
    "lt": "lithuanian lietuvių litauisch lituanien lituano litouws lit",
    "lv": "latvian latviešu lettisch letton letón lettone lets letão lav",
    "ms": "malay melayu malaiisch malais malayo malese maleis malaio may msa",
    "mt": "maltese malti maltesisch maltais maltés maltees maltês mlt",
    "nb": "bokmål nob",
    "nl": "dutch nederlands niederländisch néerlandais neerlandés olandese holandês dut nld",
    "nn": "nynorsk nno",
    "no": "norwegian norsk norwegisch norvégien noruego norvegese noors norueguês nor",
    "pl": "polish polski polnisch polonais polaco polacco pools polonês pol",
    "pt": "portuguese português portugiesisch portugais portugués portoghese portugees por",
    "ro": "romanian română rumänisch roumain rumano rumeno roemeens romeno rum ron",
    "ru": "russian русский russisch russe ruso russo rus",
    "sk": "slovak slovenčina slowakisch slovaque eslovaco slovacco slowaaks slo slk",
    "sl": "slovenian slovenščina slowenisch slovène esloveno sloveno sloveens slv",
    "sq": "albanian shqip albanisch albanais albanés albanese albanees albanês alb sqi",
    "sr": "serbian српски serbisch serbe serbio serbo servisch sérvio srp",
    "sv": "swedish svenska schwedisch suédois sueco svedese zweeds swe",
    "th": "thai thailändisch thaï tailandés thailandese tailandês ไทย tha",
    "tr": "turkish türkçe türkisch turc turco turks tur",
    "uk": "ukrainian українська ukrainisch ukrainien ucraniano ucraino oekraïens ukr",
    "vi": "vietnamese vietnamesisch vietnamien vietnamita vietnamees vie",
    "zh": "chinese chinesisch chinois chino cinese chinees chinês 中文 mandarin chi zho",
}
_IN_WORDS = {
    "american english": "en-US",
    "us english": "en-US",
    "british english": "en-GB",
    "uk english": "en-GB",
    "brazilian portuguese": "pt-BR",
    "portugues do brasil": "pt-BR",
    "european portuguese": "pt-PT",
    "latin american spanish": "es-419",
    "canadian french": "fr-CA",
    "swiss german": "de-CH",
    "austrian german": "de-AT",
    "norwegian bokmal": "nb",
    "norwegian nynorsk": "nn",
    "norsk bokmal": "nb",
    "norsk nynorsk": "nn",
    "bahasa indonesia": "id",
    "bahasa melayu": "ms",
    "tieng viet": "vi",
}
# What follows the language: a system's encoding, a region in words, further languages.
_REST = re.compile(r"[.@;,|(\[/]|\s+[-–—]\s+")


def _folded(text: str) -> str:
    """Text without accents and capitals, with single blanks: `Français` is `francais`."""
    bare = (char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    return " ".join("".join(bare).casefold().split())


_TAGS = {_folded(word): tag for tag, words in _NAMES.items() for word in words.split()} | _IN_WORDS


@lru_cache(maxsize=1_024)
def language_tag(said: str) -> str:
    """The tag of a language, such as `de` or `de-AT`; words that name none are kept."""
    text = _REST.split(said.strip(), maxsplit=1)[0].strip()
    named = _TAGS.get(_folded(text))
    if named:
        return named
    language, mark, region = text.replace("_", "-").partition("-")
    return f"{_TAGS.get(language.lower(), language)}{mark}{region}" or said
