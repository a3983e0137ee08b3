"""The list of commands, each with its help panel and one sentence; and shell completion.

The help and the completion read only this table; a command's module, `workflow.cli.commands.NAME`,
is imported when it runs.

A completion never fails and changes nothing: if the ledger can't be opened, it offers nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import typer

from workflow import model, templates
from workflow.cli import app, session
from workflow.standing import overview

if TYPE_CHECKING:
    from workflow.workspace import Workspace


# --- The commands ---------------------------------------------------------------------------------

# In the order of the day.
DAY, MAIL, DOC, RECORD, PRACTICE, SET_UP = PANELS = (
    "An incident's day",
    "Writing to customers",
    "The doc",
    "The record",
    "Rehearsals",
    "Set-up",
)


class CommandLine(NamedTuple):
    """One line of the help. `summary` is the first sentence of the command's docstring."""

    panel: str
    summary: str


COMMANDS: dict[str, CommandLine] = {
    "start": CommandLine(
        DAY,
        "Create the shared Google Doc from a template and make it the current incident.",
    ),
    "log": CommandLine(DAY, "Add an entry to the timeline, or correct one."),
    "status": CommandLine(DAY, "Set the incident's status in the doc, and log it."),
    "impact": CommandLine(
        DAY,
        "Update who is affected. Changes the doc, the timeline and later emails.",
    ),
    "severity": CommandLine(
        DAY,
        "Update the severity. Changes the doc, the timeline and later emails.",
    ),
    "edit": CommandLine(
        DAY,
        "Correct the title, start time, owner, links or folder.",
    ),
    "section": CommandLine(DAY, "Add text to a section of the doc. Existing text stays."),
    "announce": CommandLine(
        DAY,
        "Tell colleagues in chat: who is affected, how severe, and the doc's link. Once per "
        "channel.",
    ),
    "close": CommandLine(
        DAY,
        "Close the incident: check what is open, record the duration and the notices.",
    ),
    "reopen": CommandLine(
        DAY,
        "Reopen a closed incident and unlock its doc.",
    ),
    "notify": CommandLine(
        MAIL,
        "Email the affected customers. Checks and previews first; sends with --test or --send.",
    ),
    "resume": CommandLine(MAIL, "Finish an interrupted notice and its copy in the doc."),
    "bounces": CommandLine(
        MAIL,
        "Find bounces and replies, and record them in the doc.",
    ),
    "suppress": CommandLine(MAIL, "Never send notices to an address."),
    "approve": CommandLine(MAIL, "Approve a plan that somebody else proposed, or refuse it."),
    "replies": CommandLine(
        MAIL,
        "Show who replied to which notice, what they wrote, and who has no answer yet.",
    ),
    "snooze": CommandLine(
        MAIL,
        "Remind colleagues of the overdue update again later, and not before.",
    ),
    "forget": CommandLine(
        MAIL,
        "Remove a customer's name, emails and files from the ledger.",
    ),
    "join": CommandLine(
        DOC,
        "Join an incident that a colleague started.",
    ),
    "share": CommandLine(DOC, "Share the doc with people, or change their role."),
    "unshare": CommandLine(DOC, "Stop sharing the doc with a person."),
    "attach": CommandLine(
        DOC,
        "Upload a file to Drive and link it in the doc. It stays private.",
    ),
    "template": CommandLine(DOC, "List templates, and check one."),
    "doc": CommandLine(DOC, "Recreate a lost doc, or use a copy instead."),
    "handover": CommandLine(
        DOC,
        "Move the incident and its deliveries to a colleague's ledger.",
    ),
    "show": CommandLine(RECORD, "Show the incident, its timeline and its notices."),
    "watch": CommandLine(
        RECORD,
        "Watch the incident live: status, next update due, deliveries, what is pending.",
    ),
    "list": CommandLine(RECORD, "List all incidents, newest first. * marks the current one."),
    "use": CommandLine(RECORD, "Switch to another incident."),
    "told": CommandLine(RECORD, "Show what a customer was sent and when, in all incidents."),
    "sync": CommandLine(
        RECORD,
        "Send to Google what was recorded while it could not be reached.",
    ),
    "export": CommandLine(
        RECORD,
        "Export the whole record: the doc, the data, every mail as sent.",
    ),
    "actions": CommandLine(
        RECORD,
        "List what will be done next time, over all incidents, with owner and date.",
    ),
    "report": CommandLine(
        RECORD,
        "Make a report in one HTML page: timeline, deliveries, promises, actions.",
    ),
    "publish": CommandLine(
        RECORD,
        "Draft a public postmortem without internal details.",
    ),
    "console": CommandLine(
        RECORD,
        "Open the incident in your browser, on a page that only this machine can see.",
    ),
    "rehearse": CommandLine(
        PRACTICE,
        "Rehearse a whole incident on a local Google. Nobody real is contacted.",
    ),
    "init": CommandLine(SET_UP, "Set up the config by answering a few questions."),
    "auth": CommandLine(SET_UP, "Sign in to Google, show who is signed in, sign out."),
    "doctor": CommandLine(SET_UP, "Check your setup and show how to fix it."),
    "ledger": CommandLine(
        SET_UP,
        "Copy the ledger to a shared database, or rebuild it.",
    ),
}
"""Every command, or group of commands, by name; in each panel in the order of the day."""


# --- Completion -----------------------------------------------------------------------------------

Offer = list[tuple[str, str]]


def complete_incident(ctx: typer.Context, incomplete: str) -> Offer:
    """The ids of the incidents with their titles, the newest first."""
    return _offered(ctx, incomplete, _incidents)


def complete_section(ctx: typer.Context, incomplete: str) -> Offer:
    """The sections of the current incident's doc."""
    return _offered(ctx, incomplete, _sections)


def complete_stage(ctx: typer.Context, incomplete: str) -> Offer:
    """The stages of a mail, each of which has a template."""
    return _offered(ctx, incomplete, _stages)


def complete_mail_template(ctx: typer.Context, incomplete: str) -> Offer:
    """The team's mail templates and the shipped ones."""
    return _offered(ctx, incomplete, lambda workspace: _templates(workspace, "email"))


def complete_doc_template(ctx: typer.Context, incomplete: str) -> Offer:
    """The team's doc templates and the shipped ones."""
    return _offered(ctx, incomplete, lambda workspace: _templates(workspace, ""))


def _offered(
    ctx: typer.Context,
    incomplete: str,
    offers: Callable[[Workspace], Iterator[tuple[str, str]]],
) -> Offer:
    wanted = incomplete.casefold()
    try:
        with _workspace(ctx) as workspace:
            found = [each for each in offers(workspace) if each[0].casefold().startswith(wanted)]
    except Exception:
        return []
    return [(word, _harmless(help_)) for word, help_ in found if word == _harmless(word)]


# Typer writes the offers into code that zsh evaluates twice, and reads [tags] in them.
_CODE = str.maketrans({"\\": "/", "$": " ", "`": "’", "'": "’", '"': "”", "[": "(", "]": ")"})


def _harmless(text: str) -> str:
    """Text that no shell runs, whatever a person typed into it."""
    return "".join(each if each.isprintable() else " " for each in text.translate(_CODE))


@contextmanager
def _workspace(ctx: typer.Context) -> Iterator[Workspace]:
    given = [each.params for each in _upwards(ctx)]
    asked = app.Asked(
        profile=next((one["profile"] for one in given if one.get("profile")), ""),
        incident=next((one["incident"] for one in given if one.get("incident")), ""),
        names_incident=False,
    )
    with asked.closing:
        yield session.open_workspace(asked)


def _upwards(ctx: Any) -> Iterator[Any]:
    while ctx is not None:
        yield ctx
        ctx = ctx.parent


def _incidents(workspace: Workspace) -> Iterator[tuple[str, str]]:
    for each in overview.all_standings(workspace)[0]:
        yield each.id, each.title[:60]


def _sections(workspace: Workspace) -> Iterator[tuple[str, str]]:
    for each in templates.sections_of(workspace, workspace.incident()):
        yield each.key, each.title


def _stages(workspace: Workspace) -> Iterator[tuple[str, str]]:
    del workspace  # stages are the same everywhere
    for each in model.Stage:
        yield each.value, ""


def _templates(workspace: Workspace, kind: str) -> Iterator[tuple[str, str]]:
    seen = set()
    for folder in templates.template_folders(workspace):
        for path in sorted((folder / kind).glob("*.md")):
            is_mail_in_wrong_place = not kind and path.stem in _WRITTEN_LIKE_MAILS
            if path.stem not in seen and "." not in path.stem and not is_mail_in_wrong_place:
                seen.add(path.stem)
                yield path.stem, ""


_WRITTEN_LIKE_MAILS = frozenset({"announce", "public-mail"})
