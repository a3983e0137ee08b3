"""The list of commands, each with its help panel and one sentence.

The help and the completion read only this table; a command's module, `workflow.cli.commands.NAME`,
is imported when it runs.
"""

from __future__ import annotations

from typing import NamedTuple

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
