"""`template list`, `template check`."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated

import typer

from workflow.cli import session
from workflow.cli.app import Asked, CommandsInFull, app, command
from workflow.doc import create
from workflow.model import counted
from workflow.notice import wording

if TYPE_CHECKING:
    from workflow.cli.terminal import Speaker
    from workflow.notice.wording import MailTemplateReport


template = typer.Typer(
    no_args_is_help=True,
    cls=CommandsInFull,
    rich_markup_mode=None,
    help="List templates, and check one.",
)


app.add_typer(template, name="template")


@command(
    "check",
    answers=True,
    group=template,
    epilog="Example: postmortem template check https://docs.google.com/document/d/…/edit",
)
def check(
    asked: Asked,
    reference: Annotated[
        str,
        typer.Argument(
            metavar="PATH|URL|NAME",
            help="Markdown file of a postmortem or mail, or the address of a Google Doc.",
        ),
    ] = "",
) -> None:
    """Check a template: show the sections of a postmortem, or the variables of a mail."""
    workspace, speaker = session.open_workspace(asked), asked.speaker
    mail = wording.mail_template_named(workspace, reference)
    if mail is not None:
        _show_mail_template(speaker, wording.check_mail_template(mail))
        return
    report = create.check_template(workspace, reference)
    if speaker.as_json:
        speaker.document(
            {
                "template": report.name,
                "sections": [
                    {"key": each.key, "title": each.title, "has_hint": bool(each.hint)}
                    for each in report.sections
                ],
                "fields": [{"key": each.key, "label": each.label} for each in report.fields],
                "filled": list(report.filled),
                "left_over": list(report.left_over),
                "missing": list(report.missing),
                "found": report.found,
            }
        )
    speaker.say(counted(len(report.sections), "section"), "strong")
    for section in report.sections:
        for key in (section.key, *section.also):
            speaker.say(f"  {key:<28}  {report.found[key]}")
    speaker.say(counted(len(report.fields), "header line"), "strong")
    for each in report.fields:
        speaker.say(f"  {each.key:<28}  {each.label}")
    if report.filled:
        speaker.say(f"Filled by start: {', '.join(report.filled)}")
    for name in report.left_over:
        near = get_close_matches(name, report.known, n=1)
        meant = f" Did you mean {{{{ {near[0]} }}}}?" if near else ""
        speaker.warn(f"Left over: {{{{ {name} }}}}.{meant} Give it with start --set {name}=…")
    for key in report.missing:
        speaker.warn(f"There is no section {key!r}; it is added at the end when it is needed.")


def _show_mail_template(speaker: Speaker, report: MailTemplateReport) -> None:
    if speaker.as_json:
        speaker.document(
            {
                "template": report.name,
                "kind": "mail",
                "stage": report.stage or None,
                "language": report.language or None,
                "subject": report.subject or None,
                "required": list(report.required),
                "from_team": list(report.from_team),
                "from_list": list(report.from_list),
                "unknown": list(report.unknown),
                "unknown_parts": list(report.unknown_parts),
            }
        )
    speaker.say(f"A mail: {report.subject or 'set the subject with --subject'}", "strong")
    said = (("stage", report.stage), ("language", report.language))
    for name, value in said:
        speaker.say(f"  {name:<10}  {value or 'not said'}")
    for words, names in (
        ("Required", report.required),
        ("From --set (optional)", report.from_team),
        ("From the list (optional)", report.from_list),
    ):
        if names:
            speaker.say(f"{words}: {', '.join(names)}")
    for name in report.unknown_parts:
        speaker.warn(
            f"{{{{ {name} }}}} is always empty: there is no such value. Check its spelling."
        )
    for name in report.unknown:
        speaker.warn(
            f"Asks for {name}, which is not a built-in value. Add a column of that name to the "
            f"list, or add --set {name}=…"
        )


@command("list", answers=True, group=template)
def list_(asked: Asked) -> None:
    """List the templates that commands take by name: your own and the built-in ones."""
    found = create.list_templates(session.open_workspace(asked))
    if asked.speaker.as_json:
        asked.speaker.document(
            [{"name": each.name, "kind": each.kind, "path": str(each.path)} for each in found]
        )
        return
    for each in found:
        asked.speaker.answer(f"{each.kind:<10}  {each.name:<16}  {each.path}")
