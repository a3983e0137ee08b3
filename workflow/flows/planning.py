"""The plan of a notice: who gets which words, checked before anybody gets anything.

The list is read and rendered once to check and count, and once more to write the plan down; a hash
over every mail proves that both readings came to the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from typing import Literal

from workflow.config import Config, WordRule
from workflow.flows import templates
from workflow.flows.attaching import files_of
from workflow.flows.comparing import Earlier, compare_with_last
from workflow.flows.dividing import Share, shares
from workflow.flows.faults import BadInput
from workflow.flows.list_reading import Count, ListReader, Ready
from workflow.flows.todays_room import Today, left_today, senders_of, today
from workflow.flows.wording import Wording
from workflow.flows.workspace import Workspace
from workflow.incident import Incident, MailTransport, Stage, Status, moment_text
from workflow.ledger import changes, notices
from workflow.ledger.plans import AttachedFile, PlannedMail
from workflow.mail.addresses import AddressBad, read_address
from workflow.mail.list_rules import ListCheck
from workflow.mail.preflight import Finding, PatternRule, check_words
from workflow.mail.recipients import BadRow, Duplicate, open_list
from workflow.mail.template import KNOWN_OPTIONAL, RenderedMail, parse_template


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
    group_by: str = ""
    skip_bad: bool = False
    one_step: bool = False
    draft_only: bool = False
    approved_by: str = ""
    transport: str = ""


@dataclass(frozen=True)
class Plan:
    """A notice, ready to be agreed to.

    `count` is what the list comes to; `copies` the texts as the doc will show them, the usual one
    first; `content_key` tells these words from others, `count.hash` this very plan. `division` is
    how the mailboxes share the list, empty where there is only one.
    """

    request: NotifyRequest
    incident: Incident
    stage: Stage
    template_name: str
    template_source: str
    copies: tuple[tuple[str, RenderedMail], ...]
    columns: tuple[str, ...]
    content_key: str
    count: Count
    findings: tuple[Finding, ...]
    attachments: tuple[AttachedFile, ...]
    variables: dict[str, str]
    reply_to: str
    from_address: str
    reader: ListReader
    earlier: Earlier | None
    transport: MailTransport
    division: tuple[Share, ...]
    today: Today

    @property
    def new(self) -> int:
        """How many mails would leave."""
        return self.count.mails

    @property
    def skipped(self) -> int:
        """How many of the list get none: they have these words, or are not concerned."""
        return self.count.has_it + self.count.not_wronged

    @property
    def recipients(self) -> int:
        """How many different people the list names."""
        return self.new + self.skipped

    @property
    def bad_rows(self) -> list[BadRow]:
        """Rows that nothing can be sent to."""
        return self.count.bad_rows

    @property
    def duplicates(self) -> list[Duplicate]:
        """Rows whose address stands further up already."""
        return self.count.duplicates

    @property
    def first(self) -> PlannedMail | None:
        """The first mail that would leave."""
        return self.count.first

    @property
    def copy(self) -> RenderedMail:
        """The usual words, each column shown as its name."""
        return self.copies[0][1]

    def mails(self) -> Iterator[PlannedMail]:
        """Every recipient's mail, by row."""
        return self.reader.mails()


def make_plan(workspace: Workspace, request: NotifyRequest) -> Plan:
    """Read, render and check everything; send and change nothing.

    Raises `BadInput`, `ListUnreadable` or `TemplateBad` where nothing sensible could be sent.
    """
    incident = workspace.incident()
    transport = _transport(request)
    stage, text = _choose_template(workspace, request, incident)
    given = _given(workspace, request, incident)
    wording = Wording(
        workspace,
        incident,
        text,
        subject=request.subject,
        given=given,
        sections=_sections(workspace, incident),
    )
    opened = open_list(request.content, email_column=request.email_column or None)
    columns = opened.columns
    group_by = _column(request.group_by, columns)
    content_key = wording.content_key(columns, incident.id, stage.value)
    reader = ListReader(
        workspace,
        incident.id,
        request.content,
        request.email_column,
        group_by,
        stage,
        wording,
        content_key,
        _has_told_others(workspace, incident, content_key),
        senders_of(workspace, transport),
    )
    from_address = _address("--from", request.from_address) or wording.template.from_
    if from_address and reader.senders:
        raise BadInput(
            f"{from_address} would stand as the sender of every mail, and the config divides the "
            "list among several senders. Take --from or the template's `from` out, or senders."
        )
    if transport is MailTransport.SMTP_RELAY and not from_address:
        from_address = next(iter(workspace.settings.config.senders), "")
    check = ListCheck(
        own_domains=workspace.settings.config.own_domains,
        used=tuple(name for name in columns if name in wording.usual.variables),
        shadowed=wording.usual.shadowed(columns),
        encoding=opened.encoding,
    )
    count = _read_through(reader, check)
    copies = wording.copies(columns, told_before=count.follow_ups > 0)
    findings = [
        *check.findings(),
        *_word_findings(workspace, incident, stage, copies),
        *_order_findings(stage, count, given, wording),
        *_unread_values(request, wording),
        *_missing_languages(wording),
    ]
    left = left_today(workspace, reader.senders)
    allowed = workspace.settings.config.allowed_findings
    findings = [each for each in findings if each.code not in allowed]
    return Plan(
        request=request,
        incident=incident,
        stage=stage,
        template_name=text.name,
        template_source=text.source,
        copies=tuple(copies),
        columns=columns,
        content_key=content_key,
        count=count,
        findings=tuple(sorted(findings, key=lambda each: each.level != "error")),
        attachments=files_of(request.attach, wording.template, text, copies),
        variables=given,
        reply_to=_address("--reply-to", request.reply_to)
        or wording.template.reply_to
        or workspace.settings.config.reply_to,
        from_address=from_address,
        reader=reader,
        earlier=compare_with_last(workspace, incident, copies[0][1], count),
        transport=transport,
        division=tuple(shares(count.mails, count.bound, left)) if left else (),
        today=today(workspace, transport, left, from_address),
    )


def _transport(request: NotifyRequest) -> MailTransport:
    """What carries the mails. Raises `BadInput`."""
    named = request.transport.strip().lower() or MailTransport.GMAIL.value
    if named not in list(MailTransport):
        known = ", ".join(MailTransport)
        raise BadInput(f"--transport {request.transport}: there is no such one. Known: {known}.")
    transport = MailTransport(named)
    if transport is MailTransport.SMTP_RELAY and request.draft_only:
        raise BadInput(
            "--draft-only leaves drafts in Gmail, and an SMTP relay knows of none. "
            "Leave one of the two out."
        )
    return transport


def _unread_values(request: NotifyRequest, wording: Wording) -> Iterator[Finding]:
    """What was said with `--set` and is read by no word of the template: a slip of the keyboard."""
    known = {*wording.variables, *KNOWN_OPTIONAL}
    for name in request.variables:
        if name in wording.variables:
            continue
        if name in KNOWN_OPTIONAL:
            yield Finding("warning", "unread", f"--set {name}", "this template does not use it.")
            continue
        where, what = f"--set {name}", f"the template has no `{name}`."
        close = get_close_matches(name, known, n=1)
        if close:
            yield Finding("error", "unknown", where, f"{what} Did you mean `{close[0]}`?")
        else:
            yield Finding("warning", "unknown", where, f"{what} It reads {_names(wording)}.")


def _names(wording: Wording) -> str:
    return ", ".join(f"`{name}`" for name in KNOWN_OPTIONAL if name in wording.variables)


def _missing_languages(wording: Wording) -> Iterator[Finding]:
    for locale in wording.missing:
        if locale.strip():
            words = f"no template in `{locale.strip()}`: these customers get the usual one."
            yield Finding("warning", "no_language", "column locale", words)


def _address(option: str, value: str) -> str:
    """An address that a person gave, or "". Raises `BadInput`."""
    if not value:
        return ""
    try:
        read_address(value)
    except AddressBad as bad:
        raise BadInput(f"{option} {value}: {bad}") from bad
    return value


def _has_told_others(workspace: Workspace, incident: Incident, content_key: str) -> bool:
    with workspace.ledger.read() as connection:
        earlier = notices.notices_of(connection, incident.id)
    return any(notice.content_key != content_key for notice in earlier)


def _read_through(reader: ListReader, check: ListCheck) -> Count:
    count = Count()
    for row in reader.read():
        count.take(row)
        if isinstance(row, Ready):
            check.take(row.recipient)
    return count


def _word_findings(
    workspace: Workspace,
    incident: Incident,
    stage: Stage,
    copies: list[tuple[str, RenderedMail]],
) -> Iterator[Finding]:
    """What is wrong with the words. The rules know English: other languages get the team's own."""
    config = workspace.settings.config
    own_rules = word_rules(config)
    for language, copy in copies:
        for finding in check_words(
            copy,
            stage=stage,
            doc_url=incident.doc_url,
            extra_rules=own_rules,
            allowed=config.allowed_findings,
        ):
            where = f"{language}, {finding.where}" if language else finding.where
            yield Finding(finding.level, finding.code, where, finding.message)


def word_rules(config: Config) -> list[PatternRule]:
    """The team's own rules for the words of a mail."""
    return [_pattern_rule(rule) for rule in config.word_rules]


def _pattern_rule(rule: WordRule) -> PatternRule:
    stages = frozenset(_stage(name) for name in rule.stages) or frozenset(Stage)
    level: Literal["error", "warning"] = "error" if rule.level == "error" else "warning"
    return PatternRule(rule.code, level, rule.pattern, rule.message, stages)


def _order_findings(
    stage: Stage, count: Count, given: Mapping[str, str], wording: Wording
) -> Iterator[Finding]:
    """A stage that comes before one that the customers were told already."""
    reached = _REACHED.get(stage, len(_REACHED))
    for told, number in count.told_before.items():
        if _REACHED.get(Stage(told), -1) > reached:
            yield Finding(
                "warning",
                "stage_order",
                "list",
                f"{number:,} of them were told “{told}” already, which comes after “{stage}”.",
            )
    if (
        stage is Stage.CORRECTION
        and "wrong_text" in wording.variables
        and not given.get("wrong_text")
    ):
        yield Finding(
            "error",
            "nothing_corrected",
            "text",
            "a correction names what was wrong (--set wrong_text=…) and what is right "
            "(--set what_happened=…).",
        )
    if count.not_wronged and not count.mails + count.has_it:
        yield Finding(
            "error",
            "nobody_wronged",
            "list",
            "nobody on it was told anything of this incident, so there is nothing to correct. "
            "For a first mail give another --stage.",
        )


# How far an incident has come when a notice of the stage goes out.
_REACHED = {
    Stage.INVESTIGATING: 0,
    Stage.IDENTIFIED: 1,
    Stage.UPDATE: 2,
    Stage.MONITORING: 2,
    Stage.RESOLVED: 3,
}


def _column(name: str, columns: tuple[str, ...]) -> str:
    """The column that a person names, as a variable's name. Raises `BadInput`."""
    wanted = name.strip().casefold().replace(" ", "_").replace("-", "_")
    if wanted and wanted not in columns:
        raise BadInput(
            f"--group-by {name}: the list has no such column. It has {', '.join(columns)}."
        )
    return wanted


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
    if ended := incident.resolved_at or incident.closed_at:
        given["resolved_at"] = moment_text(ended, incident.zone)
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
