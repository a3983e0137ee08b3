"""The customers' version of the postmortem, drafted from the doc as people have written it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.engine import Connection

from workflow.config import Config
from workflow.document.blocks import Block, Kind, Span
from workflow.document.template import parse_template
from workflow.document.text import clean_text
from workflow.flows import templates
from workflow.flows.faults import BadInput
from workflow.flows.log import status_told
from workflow.flows.workspace import Workspace
from workflow.incident import Incident, TimelineEntry, duration_text, moment_text
from workflow.ledger import changes, incidents, notices, publications
from workflow.ledger.promises import WordGiven, words_given
from workflow.publication.patterns import Kind as LeftOutKind
from workflow.publication.patterns import addresses_and_links
from workflow.publication.people import folded_words
from workflow.publication.redaction import Internal, Redactor
from workflow.publication.sections import DocSections, read_sections
from workflow.publication.version import PublicVersion, owners_in, public_version, wanted_keys

_WHOLE_DOC = "tabs"
_TIMELINE, _NEXT_TIME = "timeline", "next_time"
# Entries that this program makes of a notice; customers read of the notice itself.
_OF_A_NOTICE = "notice"


@dataclass(frozen=True)
class PublishRequest:
    """What a person says of the customers' version.

    `keep` are words that stay though they look internal, `leave_out` further words that go,
    `entries` timeline entries (by id) that customers may read.
    """

    template: str = ""
    keep: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()
    entries: tuple[str, ...] = ()


@dataclass(frozen=True)
class Draft:
    """A customers' version as it would be published now. `pending`: changes the doc lacks yet."""

    incident: Incident
    version: PublicVersion
    pending: int


def draft_publication(workspace: Workspace, request: PublishRequest) -> Draft:
    """Read the doc, and make the customers' version of it; changes nothing anywhere.

    Raises `BadInput` where there is no doc, `GoogleFault` where it can't be read.
    """
    incident = workspace.incident()
    template_text = templates.load_doc_template(workspace, request.template or "public")
    template = parse_template(template_text.source)
    if not incident.doc_id:
        raise BadInput("The incident's doc is not made yet, so there is nothing to publish from.")
    document = workspace.google.docs.get(incident.doc_id, _WHOLE_DOC)
    sections = templates.sections_of(workspace, incident)
    doc = read_sections(document, sections, wanted_keys(template))
    with workspace.ledger.read() as connection:
        chosen = [incidents.find_entry(connection, incident.id, each) for each in request.entries]
        entries = incidents.timeline(connection, incident.id)
        told = list(_told(connection, words_given(connection, incident.id)))
        values = _values(incident, workspace.settings.config)
        named = _public_words(request, workspace.settings.config, template_text.source)
        internal = Internal(
            people=(*_people(connection, incident, entries), *doc.people, *_owners(doc)),
            customers=tuple(_customers_named(connection, incident, doc, values, chosen)),
            own_domains=tuple(_own_domains(connection, incident, workspace.settings.config)),
            words=(incident.id, *request.leave_out),
            public=named,
        )
        pending = changes.count_pending(connection, incident.id)
    redactor = Redactor(internal)
    for kind, text in doc.left_out:
        redactor.note(kind, text)
    picked = {entry.id for entry in chosen}
    doc.blocks[_TIMELINE] = list(_timeline(incident, entries, picked, told))
    version = public_version(template, values, doc.blocks, redactor)
    if _TIMELINE in wanted_keys(template):
        for text in _entries_left_out(entries, picked):
            redactor.note(LeftOutKind.ENTRY, text)
    return Draft(incident, replace(version, left_out=redactor.left_out), pending)


def refuse_empty(draft: Draft) -> None:
    """Raise `BadInput` when the doc has no words for customers yet."""
    headings = [block for block in draft.version.blocks if block.kind.heading_level]
    if not headings:
        sections = ", ".join(draft.version.empty)
        raise BadInput(
            f"There is nothing to publish yet: the doc has no words for {sections}. "
            "Write them in the doc, or with `postmortem section`."
        )


def _values(incident: Incident, config: Config) -> dict[str, str]:
    ended = incident.resolved_at or incident.closed_at
    return {
        **incident.variables,
        "title": incident.title,
        "organisation": config.organisation,
        "support": config.support,
        "started": moment_text(incident.started_at, incident.zone),
        "ended": moment_text(ended, incident.zone) if ended else "",
        "duration": duration_text((ended - incident.started_at).total_seconds()) if ended else "",
    }


def _public_words(request: PublishRequest, config: Config, template: str) -> tuple[str, ...]:
    """What customers may read: what the team gives them anyway, and what a person says stays."""
    given = addresses_and_links("\n".join((config.support, config.reply_to, template)))
    names = (config.organisation,) if config.organisation else ()
    return (*given, *names, *request.keep)


def _people(
    connection: Connection, incident: Incident, entries: Sequence[TimelineEntry]
) -> Iterator[str]:
    yield incident.owner
    yield from (entry.by for entry in entries)
    for share in incidents.wanted_shares(connection, incident.id):
        if "@" in share.who:
            yield share.who.rpartition(":")[2]
    yield from (each.approved_by for each in notices.notices_of(connection, incident.id))


def _owners(doc: DocSections) -> list[str]:
    return owners_in(doc.blocks.get(_NEXT_TIME, ()))


def _own_domains(connection: Connection, incident: Incident, config: Config) -> Iterator[str]:
    yield from config.own_domains
    for share in incidents.wanted_shares(connection, incident.id):
        yield share.who.rpartition("@")[2]


def _customers_named(
    connection: Connection,
    incident: Incident,
    doc: DocSections,
    values: dict[str, str],
    chosen: Iterable[TimelineEntry],
) -> Iterator[str]:
    """The full names of told customers that stand in what is to be published."""
    texts = [block.text for blocks in doc.blocks.values() for block in blocks]
    cells = (
        "".join(span.text for span in cell)
        for blocks in doc.blocks.values()
        for block in blocks
        for row in block.rows
        for cell in row
    )
    texts += [*cells, *values.values(), *(entry.text for entry in chosen)]
    words = f" {' '.join(folded_words(' '.join(texts)))} "
    for _, name in publications.customers_told(connection, incident.id):
        told = folded_words(name)
        if len(told) > 1 and f" {' '.join(told)} " in words:
            yield name


def _told(connection: Connection, given: Iterable[WordGiven]) -> Iterator[tuple[datetime, str]]:
    """When words went out first, and to how many in all: a list that grew is written to again."""
    sharing: dict[str, list[WordGiven]] = {}
    for word in given:
        sharing.setdefault(word.words, []).append(word)
    for same in sharing.values():
        stage = notices.notice_by_id(connection, same[0].notice_id).stage.value
        count = sum(word.customers for word in same)
        who = "1 customer" if count == 1 else f"{count:,} customers"
        yield min(word.said_at for word in same), f"We wrote to {who} ({stage})"


def _timeline(
    incident: Incident,
    entries: Iterable[TimelineEntry],
    picked: set[str],
    told: Iterable[tuple[datetime, str]],
) -> Iterator[Block]:
    """What customers may read of the timeline: each status, each notice, and what was picked."""
    lines = list(told)
    for entry in entries:
        status = status_told(entry)
        is_picked = entry.id in picked
        if entry.struck_at is not None or not (status or is_picked):
            continue
        lines.append((entry.at, status[0].label if status and not is_picked else entry.text))
    for at, text in sorted(lines, key=lambda line: line[0]):
        stamp = Span(moment_text(at, incident.zone), bold=True)
        yield Block(Kind.BULLET, (stamp, Span(f"  {clean_text(text)}")))


def _entries_left_out(entries: Iterable[TimelineEntry], picked: set[str]) -> Iterator[str]:
    """Each entry that customers do not read, with the id by which it can be picked."""
    for entry in entries:
        if entry.id in picked or entry.id.startswith(_OF_A_NOTICE):
            continue
        status = status_told(entry)
        words = status[1] if status else entry.text
        if words.strip():
            yield f"{' '.join(words.split())} [{entry.id}]"
