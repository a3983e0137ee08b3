"""The shipped templates and an incident to write about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from workflow.mail.template import MailRenderer, parse_template, shared_variables
from workflow.model import Incident

TEMPLATES = Path(__file__).parent.parent.parent / "templates" / "email"
STARTED = datetime(2026, 11, 24, 13, 39, tzinfo=UTC)

INCIDENT = Incident(
    id="inc-1",
    title="Messages to customers were not delivered",
    started_at=STARTED,
    time_zone="Europe/Berlin",
)
EVERYTHING = {
    "what_happened": "Messages sent from your account were held back and not delivered.",
    "who_is_hit": "Accounts that sent messages this afternoon, yours among them.",
    "still_works": "Signing in, drafts and reports.",
    "what_we_do": "We have corrected the setting and are sending the held messages.",
    "next_update": "24 Nov 2026, 7:00 PM CET",
    "support": "Write to help@acme.example or reply to this mail.",
    "organisation": "Acme",
    "sender_name": "Jo Lind",
    "cause": "We changed a setting and did not see that it stopped deliveries.",
    "prevention": "A second person now checks such a change.",
    "wrong_text": "That reports were affected.",
    "resolved_at": "24 Nov 2026, 6:45 PM CET",
}


def load(name: str) -> str | None:
    path = TEMPLATES / name
    return path.read_text(encoding="utf-8") if path.is_file() else None


def shared(given: Mapping[str, str] | None = None) -> dict[str, object]:
    return shared_variables(INCIDENT, now=STARTED + timedelta(hours=4), given=given)


def shipped(stage: str, given: Mapping[str, str] | None = None) -> MailRenderer:
    """The renderer of a shipped template."""
    name = f"{stage}.md"
    source = load(name)
    assert source is not None
    return MailRenderer(parse_template(name, source), shared(given), load)


def written(source: str, given: Mapping[str, str] | None = None, **files: str) -> MailRenderer:
    """The renderer of a template made for one test; `files` are what it may include, by stem."""
    included = {f"{stem}.md": text for stem, text in files.items()}
    return MailRenderer(parse_template("mail.md", source), shared(given), included.get)
