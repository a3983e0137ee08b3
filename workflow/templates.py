"""Where templates come from: a path, the team's folder, or the ones shipped."""

from __future__ import annotations

import glob
import re
import unicodedata
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from workflow.document.edits.new_document import template_markdown
from workflow.document.template import DocTemplateBad, Section, parse_template
from workflow.errors import BadInput, why_refused
from workflow.files import PrivateFiles, private_files
from workflow.google.client import Json
from workflow.ledger import incidents
from workflow.mail.sandbox import MailTemplateBad
from workflow.model import Incident, doc_id_in
from workflow.workspace import Workspace

# The template of messages to colleagues: kept beside the doc's, written like a mail's.
ANNOUNCEMENT = "announce"
PUBLIC_MAIL = "public-mail"
# Some templates beside the doc's are written like a mail. The value says who reads each.
WRITTEN_LIKE_MAILS = {ANNOUNCEMENT: "colleagues", PUBLIC_MAIL: "public"}
_LARGEST_BYTES = 1_000_000
_SUFFIX = ".md"


class NoSuchTemplate(BadInput):
    """A name or a file that is no template. `str()` lists the available ones."""


@dataclass(frozen=True)
class TemplateText:
    """A template's source and the folders in which its includes are looked for.

    `language` is the tag of a template that was found for a locale (`de`), "" for the usual one.
    `folder` is the template's own folder. `private` are files that it can't include or attach.
    """

    name: str
    source: str
    folders: tuple[Path, ...]
    language: str = ""
    folder: Path | None = None
    private: PrivateFiles = field(default_factory=PrivateFiles)


def load_doc_template(workspace: Workspace, name: str) -> TemplateText:
    """The postmortem template by name, path or a Google Doc's address; "" is the usual one.

    A Google Doc is read when it is copied; until then its text is that of the usual template.
    Raises `BadInput`.
    """
    if doc_id_in(name):
        usual = _find(workspace, "postmortem", "")
        return TemplateText(name, usual.source, ())
    found = _find(workspace, name or "postmortem", "")
    parse_template(found.source)
    return found


def source_of_doc(document: Json, usual_source: str) -> str:
    """The source of a template that is a Google Doc, fetched whole.

    A section that the usual template also has gets the key that the commands use. A doc without
    headings gets the usual sections, each added when it is first written to.
    """
    source = template_markdown(document, parse_template(usual_source).sections)
    try:
        parse_template(source)
    except DocTemplateBad:
        return usual_source
    return source


def load_mail_template(workspace: Workspace, name: str) -> TemplateText:
    """A mail template by name (`resolved`) or path. Raises `BadInput`."""
    return _find(workspace, name, "email")


def load_announcement_template(workspace: Workspace) -> TemplateText:
    """The template of messages to colleagues: the team's own or the shipped one."""
    return _find(workspace, ANNOUNCEMENT, "")


def load_public_mail_template(workspace: Workspace) -> TemplateText:
    """The mail around the customers' version of a postmortem: the team's own or the shipped one."""
    return _find(workspace, PUBLIC_MAIL, "")


def in_language(template: TemplateText, locale: str) -> TemplateText | None:
    """The template beside this one for a locale, if there is one.

    The locale is one such as `de`, `de-AT` or `German`, as a list has it.
    """
    base = template.name.removesuffix(".md")
    # Look beside it only: a shipped translation doesn't translate a team's own text.
    folders = [template.folder] if template.folder else list(template.folders)
    for tag in dict.fromkeys([*_tags(locale), *_tags(language_tag(locale))]):
        for folder in folders:
            path = folder / f"{base}.{tag}.md"
            if path.is_file():
                return replace(template, name=f"{base}.{tag}", source=_read(path), language=tag)
    return None


def other_languages(template: TemplateText) -> list[TemplateText]:
    """The templates beside this one in other languages, by name; each name once."""
    base = template.name.removesuffix(_SUFFIX)
    found: dict[str, TemplateText] = {}
    for folder in template.folders:
        for path in sorted(folder.glob(f"{glob.escape(base)}.*{_SUFFIX}")):
            tag = path.name[len(base) + 1 : -len(_SUFFIX)]
            if _tags(tag):
                found.setdefault(
                    path.stem, replace(template, name=path.stem, source=_read(path), language=tag)
                )
    return list(found.values())


def _tags(locale: str) -> list[str]:
    """The tags to look for: `de_AT` gives `de-AT`, `de-at` and `de`. No path gets through."""
    tag = locale.strip().replace("_", "-")
    if not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", tag):
        return []
    return list(dict.fromkeys([tag, tag.lower(), tag.partition("-")[0].lower()]))


def include(template: TemplateText, name: str) -> str | None:
    """The text of a template that another one includes, in its language if available.

    Only the template's own folders are searched. None: there is no such file. Raises
    `MailTemplateBad` for a file that is no template, or is the program's own.
    """
    if Path(name).suffix.lower() != _SUFFIX:
        raise MailTemplateBad(
            f"{template.name} includes `{name}`: only templates can be included, and their names "
            f"end in {_SUFFIX}."
        )
    for wanted in _in_languages(name, template.language or _language_in(template.name)):
        for folder in template.folders:
            path = (folder / wanted).resolve()
            if path.is_relative_to(folder.resolve()) and path.is_file():
                _refuse_private(template, name, path)
                return _read(path)
    return None


def _language_in(name: str) -> str:
    """`de` of `resolved.de` or `resolved.de.md`, "" of a name without a language."""
    found = re.fullmatch(r".+\.([A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*)", name.removesuffix(_SUFFIX))
    return found[1] if found else ""


def _in_languages(name: str, language: str) -> list[str]:
    """Names to look for: `sign-off.de.md` before `sign-off.md` for a German template."""
    base = name[: -len(_SUFFIX)]
    return [*(f"{base}.{tag}{_SUFFIX}" for tag in _tags(language)), name]


def _refuse_private(template: TemplateText, name: str, path: Path) -> None:
    if path.suffix.lower() != _SUFFIX or template.private.surround(path):
        raise MailTemplateBad(
            f"{template.name} includes `{name}`, which is or lies beside a file of this program's "
            "own (sign-in, config, ledger). Move the template to a folder of its own."
        )


def sections_of(workspace: Workspace, incident: Incident) -> tuple[Section, ...]:
    """The sections of an incident's doc, from the template that created it."""
    with workspace.ledger.read() as connection:
        record = incidents.doc_record(connection, incident.id)
    return parse_template(record.template_source).sections


def template_folders(workspace: Workspace) -> list[Path]:
    """The folders searched for a template's name: the team's first, then the shipped ones."""
    own = workspace.settings.config.templates
    return ([Path(own)] if own else []) + [workspace.templates]


def _find(workspace: Workspace, name: str, kind: str) -> TemplateText:
    folders = tuple(root / kind for root in template_folders(workspace))
    private = private_files(workspace.settings)
    if name.endswith(".md") or "/" in name or "\\" in name:
        path = Path(name).expanduser()
        if not path.is_file():
            raise NoSuchTemplate(f"There is no template file {name}.")
        if private.hold(path):
            raise NoSuchTemplate(f"{name} is a file of this program's own, and no template.")
        return TemplateText(
            path.name,
            _read(path),
            (path.parent, *folders),
            folder=path.parent,
            private=private,
        )
    for folder in folders:
        path = folder / f"{name}.md"
        if path.is_file():
            return TemplateText(name, _read(path), folders, folder=folder, private=private)
    stems = {path.stem for folder in folders for path in folder.glob("*.md")}
    known = sorted(stem for stem in stems if not _language_in(stem))
    raise NoSuchTemplate(
        f"There is no template {name!r}. Known: {', '.join(known)}; or give a path to a .md file."
    )


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise NoSuchTemplate(f"{path} is larger than 1 MB, which is too large for a template.")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise NoSuchTemplate(f"{path} is not UTF-8 text. Save it as UTF-8 and try again.") from None
    except OSError as fault:
        raise NoSuchTemplate(f"{path} can't be read: {why_refused(fault)}.") from fault


# --- Languages as lists write them, and their tags: `German`, `Deutsch`, `de_DE.UTF-8` ------------

# Each language by its names in English, in itself and in German, French, Spanish, Italian, Dutch
# and Portuguese (Unicode CLDR), and by its codes of three letters (ISO 639-2).
_LANGUAGE_NAMES = {
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


_TAGS = {
    _folded(word): tag for tag, words in _LANGUAGE_NAMES.items() for word in words.split()
} | _IN_WORDS


@lru_cache(maxsize=1_024)
def language_tag(said: str) -> str:
    """The tag of a language, such as `de` or `de-AT`; words that name none are kept."""
    text = _REST.split(said.strip(), maxsplit=1)[0].strip()
    named = _TAGS.get(_folded(text))
    if named:
        return named
    language, mark, region = text.replace("_", "-").partition("-")
    return f"{_TAGS.get(language.lower(), language)}{mark}{region}" or said
