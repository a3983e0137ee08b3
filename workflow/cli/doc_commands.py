"""The commands about the doc itself: attach, join, template check, template list."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workflow.cli.commands import Asked, app, command
from workflow.cli.help_page import DOC, CommandsByPanel

if TYPE_CHECKING:
    from workflow.cli.speaking import Speaker
    from workflow.flows.mail_template_check import MailTemplateReport

template = typer.Typer(
    no_args_is_help=True,
    cls=CommandsByPanel,
    rich_markup_mode=None,
    help="See which templates there are, and what one becomes.",
)
app.add_typer(template, name="template", rich_help_panel=DOC)


@command(
    "attach",
    panel=DOC,
    epilog='Example: postmortem attach errors.csv --caption "Errors per minute"',
)
def attach(
    asked: Asked,
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE|URL",
            help="A file of at most 20 MB, or the https address of a picture that is public.",
        ),
    ],
    caption: Annotated[str, typer.Option(help="What it shows, in a few words.")] = "",
    publish: Annotated[
        bool,
        typer.Option(
            "--publish",
            help="Let anyone with its link see the picture until the doc has copied it.",
        ),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="With --publish: do it without asking.")
    ] = False,
) -> None:
    """Upload a file to Drive and link it in the doc's supporting data; it is not made public.

    A small CSV is shown as a table, a short log or text as it is. A picture is shown where its
    address is public already, or with --publish.
    """
    from workflow.cli import showing  # noqa: PLC0415
    from workflow.cli.opening import open_workspace  # noqa: PLC0415
    from workflow.flows import supporting as flow  # noqa: PLC0415

    is_address = source.lower().startswith(("https://", "http://"))
    if publish and is_address:
        raise typer.BadParameter("an address is public already.", param_hint="--publish")
    if yes and not publish:
        raise typer.BadParameter("it goes with --publish.", param_hint="--yes")
    workspace = open_workspace(asked)
    if is_address:
        attached = flow.attach_address(workspace, source, caption)
    elif publish:
        flow.publishable(Path(source))
        if not yes:
            _agree_to_publish(asked, source)
        attached = flow.attach_published(workspace, Path(source), caption)
    else:
        attached = flow.attach(workspace, Path(source), caption)
    speaker, file = asked.speaker, attached.file
    if speaker.as_json:
        speaker.document(
            {
                "incident": attached.brought.incident.id,
                "file": file.id,
                "name": file.name,
                "caption": file.caption or None,
                "url": file.url or None,
                "shown": "picture" if attached.is_picture else "link",
                "public": attached.is_public,
                "synced": attached.brought.synced,
            }
        )
    speaker.say(f"Attached {file.name}{', shown in the doc' if attached.is_picture else ''}.")
    if publish and attached.is_picture and not attached.is_public:
        speaker.say("The doc has its own copy; the link is private again.")
    if file.url:
        speaker.answer(file.url, "link")
    showing.show_brought(speaker, attached.brought)
    showing.raise_if_waiting(attached.brought)


def _agree_to_publish(asked: Asked, name: str) -> None:
    """Get a person's agreement. Raises `BadInput` where there is none."""
    from workflow.flows.faults import BadInput  # noqa: PLC0415

    if not asked.speaker.is_interactive:
        raise BadInput(
            f"--publish lets anyone who has the link see {name}, without signing in. Without a "
            "terminal to ask at, say so with --yes. Nothing was recorded."
        )
    asked.speaker.notice(
        f"Anyone who has the link will be able to see {name}, without signing in, until the doc "
        "has its own copy: some seconds, or until postmortem sync where Google can't be reached."
    )
    if asked.speaker.ask("Make it public? Type yes: ").lower() != "yes":
        raise BadInput(f"{name} was not made public. Nothing was recorded.")


@command(
    "join",
    panel=DOC,
    epilog="Example: postmortem join https://docs.google.com/document/d/…/edit",
)
def join(
    asked: Asked,
    url: Annotated[str, typer.Argument(metavar="URL", help="The address of the incident's doc.")],
) -> None:
    """Take part in an incident that a colleague started: it becomes the current one here."""
    from workflow.cli.opening import open_workspace  # noqa: PLC0415
    from workflow.flows.joining import join as flow  # noqa: PLC0415

    incident = flow(open_workspace(asked), url)
    speaker = asked.speaker
    if speaker.as_json:
        speaker.document(
            {
                "incident": incident.id,
                "title": incident.title,
                "status": incident.status.value,
                "doc_id": incident.doc_id,
                "doc_url": incident.doc_url,
            }
        )
    speaker.say(f"Joined: {incident.title}", "strong")
    speaker.say(f"Incident {incident.id}, {incident.status.value}")
    speaker.next_step('postmortem log "what happened"')


@command(
    "check",
    panel=DOC,
    group=template,
    epilog="Example: postmortem template check https://docs.google.com/document/d/…/edit",
)
def check(
    asked: Asked,
    reference: Annotated[
        str,
        typer.Argument(
            metavar="PATH|URL|NAME", help="A Markdown file of a postmortem or mail; a Google Doc."
        ),
    ] = "",
) -> None:
    """What the tool found in a template: a postmortem's sections, or what a mail asks for."""
    from workflow.cli.opening import open_workspace  # noqa: PLC0415
    from workflow.flows.mail_template_check import (  # noqa: PLC0415
        check_mail_template,
        mail_template_named,
    )
    from workflow.flows.template_check import check_template  # noqa: PLC0415

    workspace, speaker = open_workspace(asked), asked.speaker
    mail = mail_template_named(workspace, reference)
    if mail is not None:
        _show_mail_template(speaker, check_mail_template(mail))
        return
    report = check_template(workspace, reference)
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
            }
        )
    speaker.say(f"{len(report.sections)} sections", "strong")
    for section in report.sections:
        speaker.say(f"  {section.key:<28}  {section.title}")
    speaker.say(f"{len(report.fields)} header lines", "strong")
    for each in report.fields:
        speaker.say(f"  {each.key:<28}  {each.label}")
    if report.filled:
        speaker.say(f"Filled by start: {', '.join(report.filled)}")
    for name in report.left_over:
        speaker.warn(f"Left over: {{{{ {name} }}}}. Give it with start --set {name}=…")
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
            }
        )
    speaker.say(f"A mail: {report.subject or 'its subject is given by --subject'}", "strong")
    said = (("stage", report.stage), ("language", report.language))
    for name, value in said:
        speaker.say(f"  {name:<10}  {value or 'not said'}")
    for words, names in (
        ("Needs, or nobody gets it", report.required),
        ("From --set, empty without", report.from_team),
        ("From the list, empty without", report.from_list),
    ):
        if names:
            speaker.say(f"{words}: {', '.join(names)}")
    for name in report.unknown:
        speaker.warn(
            f"Asks for {name}, which is no usual value: it is to be a column of the list or given "
            f"by --set {name}=…"
        )


@command("list", panel=DOC, group=template)
def list_(asked: Asked) -> None:
    """The templates that commands take by name, the team's own and the shipped ones."""
    from workflow.cli.opening import open_workspace  # noqa: PLC0415
    from workflow.flows.template_check import list_templates  # noqa: PLC0415

    found = list_templates(open_workspace(asked))
    if asked.speaker.as_json:
        asked.speaker.document(
            [{"name": each.name, "kind": each.kind, "path": str(each.path)} for each in found]
        )
        return
    for each in found:
        asked.speaker.answer(f"{each.kind:<4}  {each.name:<16}  {each.path}")
