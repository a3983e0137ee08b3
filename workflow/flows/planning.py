"""The plan of a notice: who gets which words, checked before anybody gets anything.

The list is read and rendered row by row, once to check and count and once to write the plan down,
so memory does not grow with it; a hash over every row proves that both readings were the same.
"""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from workflow.flows import templates
from workflow.flows.faults import BadInput
from workflow.flows.workspace import Workspace
from workflow.incident import Incident, Stage, Status, moment_text
from workflow.ledger import changes, notices
from workflow.ledger.notices import AttachedFile, PlannedMail
from workflow.mail import preflight
from workflow.mail.recipients import BadRow, Duplicate, Recipient, open_list
from workflow.mail.template import MailRenderer, RenderedMail, ValueMissing, parse_template
from workflow.mail.variables import shared_variables

# Keys looked up in the ledger at a time.
_LOOKUP_BATCH = 500
# What is shown of a list's faults; all of them are counted.
_SHOWN = 1000


@dataclass(frozen=True)
class NotifyRequest:
    """What a person asks for. `content` is the list's file as it is on disk."""

    list_name: str
    content: bytes
    template: str = ""
    stage: str = ""
    subject: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    next_update: datetime | None = None
    from_address: str = ""
    reply_to: str = ""
    attach: tuple[str, ...] = ()
    email_column: str = ""
    skip_bad: bool = False
    one_step: bool = False


@dataclass(frozen=True)
class Plan:
    """A notice, ready to be agreed to.

    `new` is how many mails would leave; `skipped` how many of the list have a mail with these words
    already. `told_before` counts, by stage, who of the list was told something of this incident.
    """

    request: NotifyRequest
    incident: Incident
    stage: Stage
    template_name: str
    template_source: str
    renderer: MailRenderer
    copy: RenderedMail
    columns: tuple[str, ...]
    content_key: str
    plan_hash: str
    new: int
    skipped: int
    bad_rows: tuple[BadRow, ...]
    duplicates: tuple[Duplicate, ...]
    told_before: dict[str, int]
    findings: tuple[preflight.Finding, ...]
    first: PlannedMail | None
    attachments: tuple[AttachedFile, ...]
    variables: dict[str, str]
    reply_to: str

    @property
    def recipients(self) -> int:
        """How many different people the list names."""
        return self.new + self.skipped

    def mails(self) -> Iterator[PlannedMail]:
        """Every recipient's mail, by row. The ledger leaves out who has these words already."""
        for row in _read(self.request):
            if isinstance(row, Recipient):
                mail = _mail(self.renderer, row)
                if isinstance(mail, PlannedMail):
                    yield mail


def make_plan(workspace: Workspace, request: NotifyRequest) -> Plan:
    """Read, render and check everything; send and change nothing.

    Raises `BadInput`, `ListUnreadable` or `TemplateBad` where nothing sensible could be sent.
    """
    incident = workspace.incident()
    stage, text = _choose_template(workspace, request, incident)
    template = parse_template(text.name, text.source)
    if request.subject:
        template = replace(template, subject_source=request.subject)
    given = _given(workspace, request, incident)
    sections = _sections(workspace, incident)
    load = lambda name: templates.include(text, name)  # noqa: E731 - one line reads best here
    renderer = MailRenderer(
        template,
        shared_variables(incident, now=workspace.now(), sections=sections, given=given),
        load,
    )
    columns = open_list(request.content, email_column=request.email_column or None).columns
    copy = renderer.render_copy(columns)
    timeless = _timeless(incident)
    key_given = given | ({"next_update": "‹next update›"} if given.get("next_update") else {})
    key_copy = MailRenderer(
        template,
        shared_variables(timeless, now=incident.started_at, sections=sections, given=key_given),
        load,
    ).render_copy(columns)
    content_key = _digest(incident.id, stage.value, key_copy.subject, key_copy.markdown)
    reading = _Reading(workspace, incident, content_key)
    for row in _read(request):
        reading.take(row, renderer)
    reading.look_up()
    findings = preflight.check_words(copy, stage=stage, doc_url=incident.doc_url)
    return Plan(
        request=request,
        incident=incident,
        stage=stage,
        template_name=text.name,
        template_source=text.source,
        renderer=renderer,
        copy=copy,
        columns=columns,
        content_key=content_key,
        plan_hash=reading.hash.hexdigest(),
        new=reading.new,
        skipped=reading.skipped,
        bad_rows=tuple(reading.bad_rows),
        duplicates=tuple(reading.duplicates),
        told_before=reading.told_before,
        findings=tuple(findings),
        first=reading.first,
        attachments=tuple(_read_attachment(name) for name in request.attach),
        variables=given,
        reply_to=request.reply_to or template.reply_to or workspace.settings.config.reply_to,
    )


class _Reading:
    """What one pass over the list finds."""

    def __init__(self, workspace: Workspace, incident: Incident, content_key: str) -> None:
        self._workspace = workspace
        self._incident = incident
        self._content_key = content_key
        self._waiting: list[str] = []
        self.hash = hashlib.sha256(content_key.encode())
        self.new = 0
        self.skipped = 0
        self.first: PlannedMail | None = None
        self.bad_rows: list[BadRow] = []
        self.duplicates: list[Duplicate] = []
        self.told_before: dict[str, int] = {}

    def take(self, row: Recipient | BadRow | Duplicate, renderer: MailRenderer) -> None:
        """Count a row, and render it if it is a recipient."""
        mail = _mail(renderer, row) if isinstance(row, Recipient) else row
        if isinstance(mail, BadRow):
            self.bad_rows.append(mail)
        elif isinstance(mail, Duplicate):
            self.duplicates.append(mail)
        else:
            self.first = self.first or mail
            self.hash.update(
                "\x1f".join((mail.recipient_key, mail.subject, mail.markdown)).encode(
                    "utf-8", "surrogatepass"
                )
            )
            self._waiting.append(mail.recipient_key)
            if len(self._waiting) >= _LOOKUP_BATCH:
                self.look_up()

    def look_up(self) -> None:
        """Ask the ledger what the last rows' customers were told before."""
        keys, self._waiting = self._waiting, []
        if not keys:
            return
        with self._workspace.ledger.read() as connection:
            planned = notices.already_planned(connection, self._content_key, keys)
            told = notices.told_stages(connection, self._incident.id, keys)
        self.skipped += len(planned)
        self.new += len(keys) - len(planned)
        for stages in told.values():
            for stage in stages:
                self.told_before[stage] = self.told_before.get(stage, 0) + 1


def _read(request: NotifyRequest) -> Iterator[Recipient | BadRow | Duplicate]:
    yield from open_list(request.content, email_column=request.email_column or None)


def _mail(renderer: MailRenderer, recipient: Recipient) -> PlannedMail | BadRow:
    try:
        rendered = renderer.render(recipient.columns)
    except ValueMissing as missing:
        return BadRow(recipient.row, "", recipient.email, str(missing))
    return PlannedMail(
        row=recipient.row,
        email=recipient.email,
        recipient_key=recipient.key,
        name=recipient.columns.get("name", ""),
        subject=rendered.subject,
        markdown=rendered.markdown,
    )


def _choose_template(
    workspace: Workspace, request: NotifyRequest, incident: Incident
) -> tuple[Stage, templates.TemplateText]:
    """The stage and its template: each may name the other; else the incident's status does."""
    stage = _stage(request.stage) if request.stage else None
    named = request.template
    if not named:
        chosen = stage or _STAGE_OF_STATUS[incident.status]
        return chosen, templates.load_mail_template(workspace, chosen.value)
    text = templates.load_mail_template(workspace, named)
    if stage is None:
        stage = parse_template(text.name, text.source).stage
    if stage is None:
        stage = Stage(named) if named in list(Stage) else Stage.UPDATE
    return stage, text


def _stage(text: str) -> Stage:
    try:
        return Stage(text.strip().lower())
    except ValueError:
        raise BadInput(
            f"--stage {text}: there is no such stage. Stages: {', '.join(Stage)}."
        ) from None


_STAGE_OF_STATUS = {
    Status.INVESTIGATING: Stage.INVESTIGATING,
    Status.IDENTIFIED: Stage.IDENTIFIED,
    Status.MONITORING: Stage.MONITORING,
    Status.RESOLVED: Stage.RESOLVED,
}


def _given(workspace: Workspace, request: NotifyRequest, incident: Incident) -> dict[str, str]:
    config = workspace.settings.config
    given = {
        "organisation": config.organisation,
        "support": config.support,
        "sender_name": config.sender_name,
    }
    if request.next_update is not None:
        given["next_update"] = moment_text(request.next_update, incident.zone)
    return {**given, **incident.variables, **request.variables}


def _sections(workspace: Workspace, incident: Incident) -> dict[str, str]:
    """What was said for each section of the doc, so that a mail can quote it."""
    with workspace.ledger.read() as connection:
        filled = changes.changes_of_kind(connection, incident.id, "section")
    found: dict[str, str] = {}
    for change in filled:
        key, text = change.payload["section"], change.payload["text"]
        found[key] = f"{found[key]}\n\n{text}" if key in found else text
    return found


def _timeless(incident: Incident) -> Incident:
    """The incident without what changes by itself, so that the same words stay the same."""
    return replace(incident, status=Status.INVESTIGATING, closed_at=None)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _read_attachment(name: str) -> AttachedFile:
    path = Path(name).expanduser()
    if path.is_symlink():
        raise BadInput(f"--attach {name} is a link to another file. Give the file itself.")
    try:
        content = path.read_bytes()
    except OSError as fault:
        raise BadInput(f"--attach {name} can't be read: {fault.strerror}.") from fault
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return AttachedFile(path.name, media_type, content)
