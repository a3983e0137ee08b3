"""Where templates come from: a path, the team's folder, or the ones shipped."""

from __future__ import annotations

import glob
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from workflow.document.edits.new_document import template_markdown
from workflow.document.template import DocTemplateBad, Section, parse_template
from workflow.errors import BadInput, why_refused
from workflow.files import PrivateFiles, private_files
from workflow.google.client import Json
from workflow.ledger import incidents
from workflow.mail.language_names import language_tag
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
