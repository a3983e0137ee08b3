"""What the tool makes of a mail's template, before customers depend on it."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from workflow.flows import templates
from workflow.flows.faults import BadInput
from workflow.flows.templates import TemplateText, doc_id_in
from workflow.flows.workspace import Workspace
from workflow.mail.frontmatter import split_front_matter
from workflow.mail.sandbox import TemplateBad
from workflow.mail.template import (
    KNOWN_COLUMNS,
    KNOWN_OPTIONAL,
    MailRenderer,
    parse_template,
)

# What every mail's template can say of the incident, of the list's row and of its group.
_EVERYWHERE = {"incident", "sections", "recipient", "rows"}


@dataclass(frozen=True)
class MailTemplateReport:
    """What was found in a mail's template.

    `stage` and `language` are "" where the head does not say. `required` are the values without
    which nobody gets the mail. `from_team` are values that `--set` gives and `from_list` columns
    that every list may have; both may be empty. `unknown` are neither: a column of this list, a
    value of `--set`, or a slip of the pen.
    """

    name: str
    stage: str
    language: str
    subject: str
    required: tuple[str, ...]
    from_team: tuple[str, ...]
    from_list: tuple[str, ...]
    unknown: tuple[str, ...]


def mail_template_named(workspace: Workspace, reference: str) -> TemplateText | None:
    """The mail's template of that name or path; None where a doc's template is meant.

    A file is a mail's by its head, which has a subject or a stage. A name that both kinds have is
    the doc's.
    """
    if not reference or doc_id_in(reference):
        return None
    is_path = reference.endswith(".md") or Path(reference).is_file()
    try:
        found = templates.load_mail_template(workspace, reference)
    except BadInput:
        return None
    if is_path:
        return found if _is_of_a_mail(found) else None
    names = {path.stem for root in templates.template_folders(workspace) for path in root.glob("*")}
    return None if reference in names else found


def check_mail_template(text: TemplateText) -> MailTemplateReport:
    """Read a mail's template. Raises `TemplateBad`."""
    template = parse_template(text.name, text.source)
    asked = MailRenderer(template, {}, functools.partial(templates.include, text)).variables
    names = tuple(sorted(asked - _EVERYWHERE))
    known = {*KNOWN_OPTIONAL, *KNOWN_COLUMNS, *template.required}
    return MailTemplateReport(
        name=text.name,
        stage=template.stage.value if template.stage else "",
        language=template.lang,
        subject=template.subject_source,
        required=template.required,
        from_team=tuple(name for name in names if name in KNOWN_OPTIONAL),
        from_list=tuple(name for name in names if name in KNOWN_COLUMNS),
        unknown=tuple(name for name in names if name not in known),
    )


def _is_of_a_mail(text: TemplateText) -> bool:
    try:
        fields = split_front_matter(text.name, text.source).fields
    except TemplateBad:
        # A doc's head has other fields; a mail's that is wrong still begins as one.
        return "\nsubject:" in text.source.partition("\n---")[0]
    return bool({"subject", "stage"} & fields.keys())
