"""The words that colleagues are told: one Markdown text, which each channel writes in its way."""

from __future__ import annotations

from dataclasses import dataclass

from workflow.flows import templates
from workflow.flows.faults import BadInput
from workflow.flows.workspace import Workspace
from workflow.incident import Incident
from workflow.mail.oneline import one_line
from workflow.mail.template import MailRenderer, parse_template
from workflow.mail.variables import shared_variables

# Google Chat takes 4,096 characters of text, and Slack asks for no more than 4,000.
_LONGEST = 3_800
_WORDS_LIMIT = 200


@dataclass(frozen=True)
class Message:
    """What a channel is told. `words` is the line for the timeline, `subject` is a mail's."""

    words: str
    subject: str
    markdown: str


def write_message(workspace: Workspace, incident: Incident, text: str) -> Message:
    """The message of now: who is hit, how bad it is, where it stands, the doc's link.

    `text` is what the person adds, "" for nothing. Raises `BadInput`, or `TemplateBad` for a
    template that can't be used.
    """
    found = templates.load_announcement_template(workspace)
    config = workspace.settings.config
    given = {"organisation": config.organisation, "support": config.support}
    shared = shared_variables(
        incident, now=workspace.now(), given={**given, **incident.variables}
    ) | {"text": text.strip(), "doc_url": incident.doc_url}
    template = parse_template(found.name, found.source)
    renderer = MailRenderer(template, shared, lambda name: templates.include(found, name))
    rendered = renderer.render({})
    if len(rendered.markdown) > _LONGEST:
        raise BadInput(
            f"The message has {len(rendered.markdown):,} characters, and the chats take about "
            f"{_LONGEST:,}. Say less, and put the rest into the doc. Nobody was told."
        )
    words = one_line(text, _WORDS_LIMIT) or one_line(incident.impact, _WORDS_LIMIT)
    return Message(
        words or one_line(incident.title, _WORDS_LIMIT), rendered.subject, rendered.markdown
    )
