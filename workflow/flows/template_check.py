"""What the tool makes of a template, before an incident depends on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workflow.document.new_document import leftovers
from workflow.document.sections import CUSTOMER_FACING_RESPONSE, TIMELINE
from workflow.document.template import (
    Field,
    PostmortemTemplate,
    Section,
    field_of,
    parse_template,
    placeholders,
)
from workflow.flows import doc_filling, templates
from workflow.flows.templates import doc_id_in
from workflow.flows.workspace import Workspace
from workflow.incident import Incident


@dataclass(frozen=True)
class TemplateReport:
    """What was found: sections, header lines, placeholders filled and left over.

    `missing` are the keys of sections that the commands write to and the template lacks: they
    are added to the doc's end when they are first needed.
    """

    name: str
    sections: tuple[Section, ...]
    fields: tuple[Field, ...]
    filled: tuple[str, ...]
    left_over: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True)
class TemplateFile:
    """A template that can be named: `kind` is doc, mail or colleagues, `path` where it lies."""

    name: str
    kind: str
    path: Path


def check_template(workspace: Workspace, reference: str) -> TemplateReport:
    """Read the postmortem template by name, path or a Google Doc's address.

    Raises `BadInput`, `TemplateBad`, and `GoogleFault` for a Google Doc that can't be read.
    """
    source = templates.load_doc_template(workspace, reference).source
    doc_id = doc_id_in(reference)
    if doc_id:
        document = workspace.google.docs.get(doc_id, "revisionId,tabs")
        source = templates.source_of_doc(document, source)
    template = parse_template(source)
    incident = _sample(workspace)
    values = doc_filling.doc_values(incident, workspace.settings.config)
    left_over = leftovers(template, incident, values)
    keys = {section.key for section in template.sections}
    return TemplateReport(
        reference or "postmortem",
        template.sections,
        tuple(_fields(template)),
        tuple(name for name in placeholders(template) if name not in left_over),
        left_over,
        tuple(key for key in (TIMELINE, CUSTOMER_FACING_RESPONSE) if key not in keys),
    )


def list_templates(workspace: Workspace) -> list[TemplateFile]:
    """All templates that a command takes by name; the team's own before the shipped ones."""
    found: dict[tuple[str, str], TemplateFile] = {}
    for root in templates.template_folders(workspace):
        for kind, folder in (("doc", root), ("mail", root / "email")):
            for path in sorted(folder.glob("*.md")):
                beside = templates.WRITTEN_LIKE_MAILS if kind == "doc" else {}
                kind_of = beside.get(path.stem, kind)
                found.setdefault((kind_of, path.stem), TemplateFile(path.stem, kind_of, path))
    return sorted(found.values(), key=lambda one: (one.kind, one.name))


def _fields(template: PostmortemTemplate) -> Iterator[Field]:
    for line in template.opening:
        field = field_of(line)
        if field is not None:
            yield field


def _sample(workspace: Workspace) -> Incident:
    """An incident without any value of its own, as `start` without options makes it."""
    return Incident("sample", "Sample", workspace.now(), workspace.settings.zone.key)
