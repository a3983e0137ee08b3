"""An incident's statements: impact, severity, corrections and section text.

The impact and the severity start as estimates and are updated later. Title, start, owner, links and
the doc's folder can be corrected. `fill_section` writes into a section of the doc.

The title and the impact are written for colleagues, in a hurry. Customers read the text of
`--customer-title` and `--customer-impact`; until somebody sets those, they read the internal text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from workflow import templates
from workflow.doc import push
from workflow.doc.changes import statements_of
from workflow.doc.push import Brought, bring_to_doc
from workflow.document.template import Section
from workflow.document.template import find_section as section_named
from workflow.errors import BadInput
from workflow.incident.timeline import new_entry, record_entry, record_field
from workflow.ledger import changes, incidents
from workflow.ledger.changes import RecordedChange
from workflow.model import (
    Incident,
    Statement,
    TimelineEntry,
    length_text,
    moment_text,
    with_full_stop,
)
from workflow.same_command import record_run
from workflow.workspace import Workspace, new_id

HOW_TO_CHANGE = {
    "title": 'postmortem edit --customer-title "…"',
    "impact": 'postmortem edit --customer-impact "…"',
}
LONGEST_TITLE = 300  # the length of a subject line, and of the public doc's name


def customer_title(text: str) -> str:
    """A title for customers, in one line. Raises `BadInput` for one that is too long."""
    title = " ".join(text.split())
    if len(title) > LONGEST_TITLE:
        raise BadInput(
            f"--customer-title has at most {LONGEST_TITLE} characters. Nothing was changed."
        )
    return title


def settle(workspace: Workspace, incident: Incident, *, title: str, impact: str) -> None:
    """Record what customers read from now on; "" leaves a value unchanged."""
    is_internal = title == incident.title
    values = {
        "customer_title": title if is_internal else customer_title(title),
        "customer_impact": impact.strip(),
    }
    given = {name: value for name, value in values.items() if value}
    if given:
        with workspace.ledger.write() as connection:
            incidents.update_incident(connection, incident.id, **given)


def follow_internal(connection: Connection, before: Incident, **now: str) -> None:
    """Clear the customers' text if it was a copy of the internal text that changes now.

    `now` is the new `title` or `impact`. Text that somebody wrote for customers stays.
    """
    same: dict[str, Any] = {
        f"customer_{name}": ""
        for name, value in now.items()
        if _words(before, name) == (was := getattr(before, name)) and was != value
    }
    if same:
        incidents.update_incident(connection, before.id, **same)


def still_read(incident: Incident, name: str) -> str:
    """A sentence if customers still read other text than the internal one, or ""."""
    words, internal = _words(incident, name), getattr(incident, name)
    if not words or words == internal:
        return ""
    read = with_full_stop(f"Customers still read the {name} “{_short(words)}”")
    return f"{read} To change that: {HOW_TO_CHANGE[name]}"


def internal_words(incident: Incident, texts: Iterator[str]) -> list[tuple[str, str]]:
    """The internal title and impact that customers would read in these texts, by their names."""
    read = " ".join(" ".join(text.split()) for text in texts)
    return [
        (name, words)
        for name in ("title", "impact")
        if not _words(incident, name)
        and (words := " ".join(getattr(incident, name).split()))
        and re.search(rf"(?<!\w){re.escape(words)}(?!\w)", read)
    ]


def _words(incident: Incident, name: str) -> str:
    return incident.customer_title if name == "title" else incident.customer_impact


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 80 else line[:79] + "…"


# A severity fits into a header line, and into the subject of a message to colleagues.
_LONGEST_SEVERITY = 60


@dataclass(frozen=True)
class CurrentValue:
    """The current value of a statement, "" for none, and since when (its time, not the doc's)."""

    incident: Incident
    value: str
    said_at: datetime


@dataclass(frozen=True)
class Stated:
    """A value that holds from now on. `entry` reports it; None if it held already.

    `still_read` says that customers still read other text.
    """

    value: str
    entry: TimelineEntry | None
    brought: Brought
    still_read: str = ""


def what_is_said(workspace: Workspace, statement: Statement) -> CurrentValue:
    """The last recorded impact or severity, and its time."""
    incident = workspace.incident()
    with workspace.ledger.read() as connection:
        recorded = statements_of(connection, incident.id, statement)
        said_at = _happened_at(connection, recorded[-1]) if recorded else None
        began = incidents.said_at(connection, incident.id)
    return CurrentValue(incident, value_of(incident, statement), said_at or began)


def state(
    workspace: Workspace, statement: Statement, text: str, *, at: datetime | None = None
) -> Stated:
    """Record an update, log it, and bring both to the doc. The timeline keeps the earlier value.

    `at` is since when it is known; None: now. Repeating the current value records nothing, and
    updates the doc. Raises `BadInput` for empty text, a severity that is too long, or a time before
    the start.
    """
    value = _worded(statement, text)
    asked = workspace.incident()
    words = f"{statement.value.capitalize()}: {value}"
    entry = new_entry(workspace, asked, words, at=at, earliest=asked.started_at)
    with workspace.ledger.write() as connection:
        incident = incidents.incident_by_id(connection, asked.id)
        was = value_of(incident, statement)
        if was != value:
            incidents.set_statement(connection, incident, statement, value)
            if statement is Statement.IMPACT:
                follow_internal(connection, incident, impact=value)
            payload = {
                "statement": statement.value,
                "was": was,
                "value": value,
                "entry": entry.id,
            }
            change = RecordedChange(
                f"statement-{new_id(10)}", changes.STATEMENT, payload, entry.recorded_at
            )
            changes.record_change(connection, incident.id, change)
            record_entry(connection, incident, entry)
    brought = bring_to_doc(workspace, asked.id)
    still = ""
    if statement is Statement.IMPACT:
        still = still_read(brought.incident, "impact")
    return Stated(value, entry if was != value else None, brought, still)


def value_of(incident: Incident, statement: Statement) -> str:
    """The current value; `start --set impact=…` overrides `--impact`, as in the doc."""
    column = {Statement.IMPACT: incident.impact, Statement.SEVERITY: incident.severity}
    return incident.variables.get(statement.value, column[statement])


def _happened_at(connection: Connection, change: RecordedChange) -> datetime:
    return incidents.entry_by_id(connection, change.payload["entry"]).at


def _worded(statement: Statement, text: str) -> str:
    if statement is Statement.SEVERITY:
        text = " ".join(text.split())
        if len(text) > _LONGEST_SEVERITY:
            raise BadInput(
                f"A severity has at most {_LONGEST_SEVERITY} characters, such as SEV1. What else "
                'there is to say: postmortem log "…". Nothing was changed.'
            )
    if not text.strip():
        raise BadInput(
            f"The {statement.value} is empty. To set it: postmortem "
            f'{statement.value} "…". Nothing was changed.'
        )
    return text.strip()


_LONGEST_TITLE = 300


@dataclass(frozen=True)
class Corrections:
    """New values; None for those that stay. `started` is when the incident began."""

    title: str | None = None
    started: datetime | None = None
    owner: str | None = None
    links: str | None = None
    folder: str | None = None
    customer_title: str | None = None
    customer_impact: str | None = None


@dataclass(frozen=True)
class EditResult:
    """What was corrected, an entry for each, and the state of the doc; `said` is for people."""

    entries: tuple[TimelineEntry, ...]
    brought: Brought
    said: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Correction:
    """One value: the doc's text before and after, and the row's columns."""

    statement: Statement
    was: str
    value: str
    columns: dict[str, Any]


def edit(workspace: Workspace, wanted: Corrections) -> EditResult:
    """Record the corrections and an entry for each, and bring them to the doc.

    An unchanged value records nothing. Raises `BadInput` for an empty title, and for a start in the
    future or after the end.
    """
    asked = workspace.incident()
    _refuse(workspace, asked, wanted)
    entries = []
    with workspace.ledger.write() as connection:
        incident = incidents.incident_by_id(connection, asked.id)
        for each in _corrections(incident, wanted):
            if each.was == each.value:
                continue
            words = f"{each.statement.value.capitalize()}: {each.value or 'none'}"
            words += f" (before: {each.was})" if each.was else ""
            entry = new_entry(workspace, incident, words)
            _record(connection, incident, each, entry)
            entries.append(entry)
        entries += _for_customers(connection, workspace, incident, wanted)
        after = incidents.incident_by_id(connection, asked.id)
        _record_what_follows(connection, workspace, incident, after, wanted)
        ids = [entry.id for entry in entries]
        record_run(connection, workspace, incident.id, entries=ids)
        early = _entries_before(connection, after) if wanted.started is not None else 0
    said: tuple[str, ...] = ()
    if early:
        many = "1 entry is" if early == 1 else f"{early} entries are"
        said = (f"{many} from before the new start: see postmortem show",)
    if wanted.title is not None and (still := still_read(after, "title")):
        said = (*said, still)
    return EditResult(tuple(entries), bring_to_doc(workspace, asked.id), said)


def _for_customers(
    connection: Connection, workspace: Workspace, incident: Incident, wanted: Corrections
) -> Iterator[TimelineEntry]:
    """Record what customers read from now on; an entry for each value that changes.

    "" restores the internal text. If customers read the old title for colleagues, a new one ends
    that: nobody has approved it for customers.
    """
    if wanted.title is not None:
        title = " ".join(wanted.title.split())
        follow_internal(connection, incident, title=title)
    for name, text in (("title", wanted.customer_title), ("impact", wanted.customer_impact)):
        if text is None:
            continue
        value = customer_title(text) if name == "title" else text.strip()
        column = f"customer_{name}"
        was = getattr(incident, column)
        if was == value:
            continue
        words = f"Customers read the {name}: {value or 'as colleagues do'}"
        words += f" (before: {was})" if was else ""
        incidents.update_incident(connection, incident.id, **{column: value})
        entry = new_entry(workspace, incident, words)
        record_entry(connection, incident, entry)
        yield entry


def _refuse(workspace: Workspace, incident: Incident, wanted: Corrections) -> None:
    if wanted.title is not None and not wanted.title.strip():
        raise BadInput("The title is empty. Nothing was changed.")
    if wanted.title is not None and len(wanted.title) > _LONGEST_TITLE:
        raise BadInput(f"A title has at most {_LONGEST_TITLE} characters. Nothing was changed.")
    if wanted.started is None:
        return
    when = moment_text(wanted.started, incident.zone)
    if wanted.started > workspace.now():
        raise BadInput(f"{when} is in the future. Nothing was changed.")
    for end, what in ((incident.closed_at, "closed"), (incident.resolved_at, "resolved")):
        if end is not None and wanted.started > end:
            raise BadInput(
                f"{when} is after the incident was {what} ({moment_text(end, incident.zone)}). "
                "Nothing was changed."
            )


def _corrections(incident: Incident, wanted: Corrections) -> Iterator[_Correction]:
    held = incident.variables
    if wanted.title is not None:
        title = " ".join(wanted.title.split())
        was = held.get("title", incident.title)
        yield _Correction(Statement.TITLE, was, title, {"title": title})
    if wanted.started is not None:
        was = held.get("started", moment_text(incident.started_at, incident.zone))
        value = moment_text(wanted.started, incident.zone)
        same_minute = was == value
        columns = {} if same_minute else {"started_at": wanted.started}
        yield _Correction(Statement.STARTED, was, value, columns)
    if wanted.owner is not None:
        owner = " ".join(wanted.owner.split())
        was = held.get("owner", incident.owner)
        yield _Correction(Statement.OWNER, was, owner, {"owner": owner})
    if wanted.links is not None:
        links = " ".join(wanted.links.split())
        variables = {**held, "links": links}
        yield _Correction(Statement.LINKS, held.get("links", ""), links, {"variables": variables})


def _record(
    connection: Connection, incident: Incident, correction: _Correction, entry: TimelineEntry
) -> None:
    name = correction.statement.value
    columns = dict(correction.columns)
    now = incidents.incident_by_id(connection, incident.id)
    if (name in now.variables and "variables" not in columns) or "variables" in columns:
        columns["variables"] = {**now.variables, name: correction.value}
    incidents.update_incident(connection, incident.id, **columns)
    payload = {
        "statement": name,
        "was": correction.was,
        "value": correction.value,
        "entry": entry.id,
    }
    change = RecordedChange(
        f"statement-{new_id(10)}", changes.STATEMENT, payload, entry.recorded_at
    )
    changes.record_change(connection, incident.id, change)
    record_entry(connection, incident, entry)


def _record_what_follows(
    connection: Connection,
    workspace: Workspace,
    before: Incident,
    after: Incident,
    wanted: Corrections,
) -> None:
    """Record consequences: the file's name and folder, and the duration if it has ended."""
    has_doc = bool(after.doc_id)
    if has_doc and after.title != before.title:
        push.wish_to_rename_or_move(connection, workspace, after.id, push.RENAME, after.title)
    if wanted.folder is not None:
        usual = incidents.doc_record(connection, after.id).folder
        incidents.update_incident(connection, after.id, folder=wanted.folder)
        if has_doc and wanted.folder:
            push.wish_to_rename_or_move(
                *(connection, workspace, after.id, push.MOVE, wanted.folder), before=usual
            )
    if after.closed_at is not None and after.started_at != before.started_at:
        record_field(connection, after, "duration", length_text(after), workspace.now())


def _entries_before(connection: Connection, incident: Incident) -> int:
    start = incident.started_at.replace(second=0, microsecond=0)
    entries = incidents.timeline(connection, incident.id)
    return sum(each.at < start and each.struck_at is None for each in entries)


def fill_section(workspace: Workspace, name: str, text: str, *, plain: bool = False) -> Brought:
    """Record a text for a section and bring it to the doc, after the existing text.

    With `plain` the doc shows it unformatted, Markdown included. Raises `BadInput` for a section
    that the doc's template doesn't have, or for no text.
    """
    incident = workspace.incident()
    section = find_section(workspace, incident, name)
    if not text.strip():
        raise BadInput(f"There is no text for {section.title!r}. Nothing was changed.")
    change = RecordedChange(
        f"section-{new_id(10)}",
        "section",
        {"section": section.key, "text": text.strip("\n"), "markdown": not plain},
        workspace.now(),
    )
    with workspace.ledger.write() as connection:
        changes.record_change(connection, incident.id, change)
        record_run(connection, workspace, incident.id, change=change.id)
    return bring_to_doc(workspace, incident.id)


def find_section(workspace: Workspace, incident: Incident, name: str) -> Section:
    """The section that a person means: by key, title, or a unique start of either."""
    sections = templates.sections_of(workspace, incident)
    found = section_named(sections, name) if name.strip() else None
    if found is None:
        names = ", ".join(section.key for section in sections)
        raise BadInput(f"{name!r} fits no section, or more than one. The doc's sections: {names}.")
    return found
