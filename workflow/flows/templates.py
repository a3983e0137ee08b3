"""Where templates come from: a path, the team's folder, or the ones shipped."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from workflow.document.doc_template import template_markdown
from workflow.document.template import Section, TemplateBad, parse_template
from workflow.flows.faults import BadInput
from workflow.flows.workspace import Workspace
from workflow.google.client import Json
from workflow.incident import Incident
from workflow.ledger import incidents

# The template of what colleagues are told: beside the doc's, and written as a mail's is.
ANNOUNCEMENT = "announce"
PUBLIC_MAIL = "public-mail"
# Beside the doc's templates lie some that are written like a mail; whom each is for.
WRITTEN_LIKE_MAILS = {ANNOUNCEMENT: "colleagues", PUBLIC_MAIL: "public"}
_LARGEST_BYTES = 1_000_000


@dataclass(frozen=True)
class TemplateText:
    """A template's source and the folders in which what it includes is looked for."""

    name: str
    source: str
    folders: tuple[Path, ...]


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


def doc_id_in(reference: str) -> str:
    """The id in the address of a Google Doc; "" for a name, a path, or any other address."""
    found = re.match(r"https?://[^/]+/document/(?:u/\d+/)?d/([\w-]+)", reference)
    return found[1] if found else ""


def source_of_doc(document: Json, usual_source: str) -> str:
    """The source of a template that is a Google Doc, fetched whole.

    A section that the usual template has too gets the key by which the commands know it. A doc
    without headings gets the usual sections, each added when it is first written to.
    """
    source = template_markdown(document, parse_template(usual_source).sections)
    try:
        parse_template(source)
    except TemplateBad:
        return usual_source
    return source


def load_mail_template(workspace: Workspace, name: str) -> TemplateText:
    """A mail template by name (`resolved`) or path. Raises `BadInput`."""
    return _find(workspace, name, "email")


def load_announcement_template(workspace: Workspace) -> TemplateText:
    """The template of what colleagues are told, the team's own or the shipped one."""
    return _find(workspace, ANNOUNCEMENT, "")


def load_public_mail_template(workspace: Workspace) -> TemplateText:
    """The mail round the customers' version of a postmortem, the team's own or the shipped one."""
    return _find(workspace, PUBLIC_MAIL, "")


def in_language(template: TemplateText, locale: str) -> TemplateText | None:
    """The template beside this one for a locale such as `de` or `de-AT`, if there is one."""
    base = template.name.removesuffix(".md")
    for tag in _tags(locale):
        for folder in template.folders:
            path = folder / f"{base}.{tag}.md"
            if path.is_file():
                return TemplateText(f"{base}.{tag}", _read(path), template.folders)
    return None


def _tags(locale: str) -> list[str]:
    """`de_AT` gives `de-AT`, `de-at` and `de`; nothing that could lead out of a folder."""
    tag = locale.strip().replace("_", "-")
    if not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", tag):
        return []
    return list(dict.fromkeys([tag, tag.lower(), tag.partition("-")[0].lower()]))


def include(template: TemplateText, name: str) -> str | None:
    """The text of a file that a template includes; only its own folders are looked in."""
    for folder in template.folders:
        path = (folder / name).resolve()
        if path.is_relative_to(folder.resolve()) and path.is_file():
            return _read(path)
    return None


def sections_of(workspace: Workspace, incident: Incident) -> tuple[Section, ...]:
    """The sections of an incident's doc, from the template that it was made of."""
    with workspace.ledger.read() as connection:
        record = incidents.doc_record(connection, incident.id)
    return parse_template(record.template_source).sections


def template_folders(workspace: Workspace) -> list[Path]:
    """Where templates are looked for by name: the team's folder first, then the shipped ones."""
    own = workspace.settings.config.templates
    return ([Path(own).expanduser()] if own else []) + [workspace.templates]


def _find(workspace: Workspace, name: str, kind: str) -> TemplateText:
    folders = tuple(root / kind for root in template_folders(workspace))
    if name.endswith(".md") or "/" in name or "\\" in name:
        path = Path(name).expanduser()
        if not path.is_file():
            raise BadInput(f"There is no template file {name}.")
        return TemplateText(path.name, _read(path), (path.parent, *folders))
    for folder in folders:
        path = folder / f"{name}.md"
        if path.is_file():
            return TemplateText(name, _read(path), folders)
    known = sorted({path.stem for folder in folders for path in folder.glob("*.md")})
    raise BadInput(
        f"There is no template {name!r}. Known: {', '.join(known)}; or give a path to a .md file."
    )


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise BadInput(f"{path} is larger than a megabyte: that is no template.")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(f"{path} is not UTF-8 text. Save it as UTF-8 and try again.") from None
    except OSError as fault:
        raise BadInput(f"{path} can't be read: {fault.strerror}.") from fault
