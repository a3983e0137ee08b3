"""The plan of a notice: who gets which text, checked before anything is sent.

The list is read and rendered once to check and count, and again to write the plan down. A hash over
every mail proves that both readings gave the same.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from workflow import templates
from workflow.config import Config, WordRule
from workflow.errors import BadInput
from workflow.incident import facts
from workflow.ledger import changes, notices, plans
from workflow.ledger.plans import AttachedFile, PlannedMail
from workflow.mail.faces import parse_body, text_face
from workflow.mail.list_decoding import ListUnreadable
from workflow.mail.list_recipients import BadRow, Duplicate, Recipient
from workflow.mail.list_rules import ListCheck
from workflow.mail.mail_check import MailCheck
from workflow.mail.sandbox import MomentText
from workflow.mail.template import KNOWN_OPTIONAL, RenderedMail, parse_template
from workflow.mail.word_rules import PatternRule, WordRules
from workflow.model import (
    STATUSES_OF_STAGE,
    Finding,
    Incident,
    MailTransport,
    RowNumbers,
    Stage,
    Status,
)
from workflow.notice.composing import (
    OwnFiles,
    check_bodies,
    customers_in,
    files_of,
    sender_of,
    unread_replies,
)
from workflow.notice.left_out import (
    MailboxShare,
    WaitedFor,
    asked_about,
    do_not_mail_finding,
    promise_anchor,
    shares,
    stages_before,
    waiting_notices,
)
from workflow.notice.list_source import ListSource
from workflow.notice.recipients import (
    Count,
    Earlier,
    LeftOut,
    ListReader,
    Ready,
    compare_with_last,
    not_reached_finding,
)
from workflow.notice.wording import OneWording, copy_markdown
from workflow.notice.wording import Wording as Renderings
from workflow.sending.hands import Today, left_today, senders_of, today
from workflow.workspace import Workspace


@dataclass(frozen=True)
class NotifyRequest:
    """A person's request for a notice. `content` is the list as CSV.

    `columns` maps variables to the headers of columns, `encoding` is the list's if the person names
    it, `list_notes` say how the list became a CSV, and `unformatted` are the variables that look
    different in the workbook, each with an example. `folder` holds the files that the column
    `attach_column` names. `first`: send this many and wait.
    """

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
    attach_column: str = ""
    first: int = 0
    folder: Path | None = None
    email_column: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    encoding: str = ""
    list_notes: tuple[Finding, ...] = ()
    unformatted: Mapping[str, str] = field(default_factory=dict)
    group_by: str = ""
    skip_bad: bool = False
    one_step: bool = False
    draft_only: bool = False
    approved_by: str = ""
    transport: str = ""
    only_new: bool = False
    again: bool = False
    despite: tuple[str, ...] = ()

    @property
    def source(self) -> ListSource:
        """The list, which can be read several times."""
        return ListSource(self.content, self.email_column, self.columns, self.encoding)


@dataclass(frozen=True)
class Plan:
    """A notice that is ready for approval.

    `count` is the result of reading the list. `wordings` are the texts as the doc will show them,
    the most frequent one first. `content_key` identifies this text, `count.hash` exactly this plan.
    `division` is how the mailboxes share the list, empty if there is only one. `waiting` are
    unfinished notices for the same customers; `promised` is the next update, if mails state it.
    """

    request: NotifyRequest
    incident: Incident
    stage: Stage
    template_name: str
    template_source: str
    wordings: tuple[OneWording, ...]
    columns: tuple[str, ...]
    headers: tuple[str, ...]
    content_key: str
    count: Count
    findings: tuple[Finding, ...]
    attachments: tuple[AttachedFile, ...]
    variables: dict[str, str]
    reply_to: str
    from_address: str
    from_name: str
    reader: ListReader
    earlier: Earlier | None
    transport: MailTransport
    division: tuple[MailboxShare, ...]
    today: Today
    waiting: tuple[WaitedFor, ...]
    promised: datetime | None

    @property
    def new(self) -> int:
        """The number of mails to send."""
        return self.count.mails

    @property
    def never_had_stage(self) -> int:
        """The number of mails that are a customer's first of their stage, or a promised update."""
        return self.new - asked_about(self.count.repeats)

    @property
    def skipped(self) -> int:
        """The number of listed customers who get no mail, for any reason."""
        return self.count.has_it + self.count.not_wronged + self.count.had_stage

    @property
    def recipients(self) -> int:
        """The number of different people on the list."""
        return self.new + self.skipped

    @property
    def bad_rows(self) -> list[BadRow]:
        """Rows that can't get a mail."""
        return self.count.bad_rows

    @property
    def duplicates(self) -> list[Duplicate]:
        """Rows whose address occurs in an earlier row."""
        return self.count.duplicates

    @property
    def first(self) -> PlannedMail | None:
        """The first mail to send."""
        return self.count.first

    @property
    def copy(self) -> RenderedMail:
        """The most frequent text, with each column shown as its name."""
        return self.wordings[0].copy

    def mails(self) -> Iterator[PlannedMail]:
        """Every recipient's mail, by row."""
        return self.reader.mails()


def make_plan(workspace: Workspace, request: NotifyRequest) -> Plan:
    """Read, render and check everything; send and change nothing.

    Raises `BadInput`, `ListUnreadable` or `MailTemplateBad` if nothing sensible could be sent.
    """
    with workspace.ledger.one_look():  # a person approves the state of one moment
        return _made_plan(workspace, request)


def _made_plan(workspace: Workspace, request: NotifyRequest) -> Plan:
    incident = workspace.incident()
    transport = _transport(request)
    stage, text = _choose_template(workspace, request, incident)
    given = _given(workspace, request, incident)
    wording = Renderings(
        workspace,
        incident,
        text,
        subject=request.subject,
        given=given,
        sections=_sections(workspace, incident),
    )
    try:
        opened = request.source.open()
    except ListUnreadable as fault:
        raise ListUnreadable(f"{request.list_name}: {fault}") from fault
    columns = opened.columns
    group_by = _column("--group-by", request.group_by, columns)
    anchor = _anchor(workspace, incident, stage, request.next_update)
    key_parts = (incident.id, stage.value)
    content_key = wording.content_key(columns, *key_parts, anchor)
    senders = senders_of(workspace, transport)
    sender = sender_of(
        workspace,
        wording.template,
        from_option=request.from_address,
        reply_option=request.reply_to,
        by_relay=transport is MailTransport.SMTP_RELAY,
    )
    if sender.address and senders:
        raise BadInput(
            f"{sender.address} would be the sender of every mail, but the config divides the list "
            "among several senders. Remove --from or the template's `from`, or remove senders."
        )
    reader = ListReader(
        workspace,
        incident.id,
        request.source,
        group_by,
        stage,
        wording,
        key_parts,
        _has_told_others(workspace, incident, content_key),
        workspace.now(),
        incident.zone,
        request.next_update,
        anchor,
        sender,
        request.only_new,
        senders,
        reads_threads=workspace.settings.config.sending.read_threads,
        own_files=_own_files(request, wording, text),
        attach_column=_column("--attach-column", request.attach_column, columns),
    )
    check = ListCheck(
        own_domains=workspace.settings.config.own_domains,
        used=tuple(name for name in columns if name in wording.usual.variables),
        shadowed=wording.usual.shadowed(columns),
        encoding=opened.encoding,
        is_guessed=opened.is_guessed,
        rival=opened.rival,
        name_beside=opened.name_beside,
        joined=opened.joined,
        group_by=group_by,
        shared_texts=_shared_texts(wording, given, incident),
    )
    mail_check = MailCheck(functools.partial(_rules_for, workspace, incident, stage))
    count = _read_through(reader, check, mail_check)
    wordings = count.wordings.kept() or [OneWording(wording.copy(columns), "", 0, None)]
    files = files_of(request.attach, wording.template, text, [each.copy for each in wordings])
    findings = [
        *request.list_notes,
        *_unformatted(request, wording),
        *_repeated_headers(opened.repeated, wording),
        *opened.notes,
        *check.findings(),
        *check.repeated(_repeated(count)),
        *mail_check.findings(),
        *check_bodies(sender, wordings, count.largest, files),
        *unread_replies(sender),
        *not_reached_finding(count.not_reached),
        *do_not_mail_finding(count.do_not_mail),
        *_status_findings(request, incident, stage, wording),
        *(reader.own_files.findings() if reader.own_files else ()),
        *customers_in(files, functools.partial(_keys, request)),
        *_other_files(reader, count),
        *_order_findings(stage, count, given, wording),
        *_unread_values(request, wording),
        *_missing_languages(wording),
        *_other_heads(wording, stage),
        *_internal_words(incident, wording, wordings),
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
        wordings=tuple(wordings),
        columns=columns,
        headers=opened.headers,
        content_key=content_key,
        count=count,
        findings=tuple(sorted(findings, key=lambda each: each.level != "error")),
        attachments=files,
        variables=given,
        reply_to=sender.reply_to,
        from_address=sender.address,
        from_name=sender.name,
        reader=reader,
        earlier=_compared(workspace, incident, wordings, count),
        transport=transport,
        division=tuple(shares(count.mails, count.bound, left)) if left else (),
        today=today(workspace, transport, left, sender.address),
        waiting=waiting_for(workspace, count),
        promised=request.next_update if count.promising else None,
    )


def _compared(
    workspace: Workspace, incident: Incident, wordings: Sequence[OneWording], count: Count
) -> Earlier | None:
    """The new text, as the doc would have it, compared with the last one."""
    text = copy_markdown(wordings, count.wordings.count)
    copy = RenderedMail(wordings[0].copy.subject, text)
    return compare_with_last(workspace, incident, copy, count)


def waiting_for(workspace: Workspace, count: Count) -> tuple[WaitedFor, ...]:
    """Unfinished notices, of any incident, for customers who would get a new mail."""
    with workspace.ledger.read() as connection:
        found = [plans.unfinished_notice(connection, each) for each in count.waiting]
    return waiting_notices(count.waiting, found)


def _anchor(
    workspace: Workspace, incident: Incident, stage: Stage, promised: datetime | None
) -> str:
    """What distinguishes a promised time from earlier ones, "" for none."""
    with workspace.ledger.read() as connection:
        earlier = [
            notice.next_update
            for notice in notices.notices_of(connection, incident.id)
            if notice.stage is stage
        ]
    anchor = promise_anchor(promised, earlier, workspace.now())
    # To the second, in UTC: the ledger keeps no more of an instant, and in another zone.
    return str(int(anchor.timestamp())) if anchor else ""


def _transport(request: NotifyRequest) -> MailTransport:
    """The transport of the mails. Raises `BadInput`."""
    named = request.transport.strip().lower() or MailTransport.GMAIL.value
    if named not in list(MailTransport):
        known = ", ".join(MailTransport)
        raise BadInput(f"--transport {request.transport}: unknown transport. Known: {known}.")
    transport = MailTransport(named)
    if request.draft_only:
        refuse_drafts_by(transport)
    return transport


def refuse_drafts_by(transport: MailTransport) -> None:
    """Raise `BadInput` for a transport without drafts."""
    if transport is MailTransport.SMTP_RELAY:
        raise BadInput(
            "--draft-only leaves drafts in Gmail, and an SMTP relay has no drafts. Leave one of "
            "the two out."
        )


def _unread_values(request: NotifyRequest, wording: Renderings) -> Iterator[Finding]:
    """Warn about a `--set` value that the template never uses: probably a typo."""
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


def _unformatted(request: NotifyRequest, wording: Renderings) -> Iterator[Finding]:
    """Warn about cells of a workbook that look different in a mail than in the sheet."""
    for name, example in request.unformatted.items():
        if name in wording.variables:
            yield Finding(
                "warning",
                "unformatted",
                f"column {name}",
                f"the workbook holds numbers or dates there, and a mail says `{example}` without "
                "the sheet's format. Make the column text, or save the list as CSV.",
            )


def _repeated_headers(repeated: Mapping[str, str], wording: Renderings) -> Iterator[Finding]:
    """Warn about a value whose column is the first of several with the same header."""
    for name, second in repeated.items():
        if name in wording.variables and name != "email":
            yield Finding(
                "warning",
                "same_header",
                f"column {name}",
                "several columns have this header, and the first of them was read. To read the "
                f'second: --column {name}="{second}".',
            )


def _names(wording: Renderings) -> str:
    return ", ".join(f"`{name}`" for name in KNOWN_OPTIONAL if name in wording.variables)


def _missing_languages(wording: Renderings) -> Iterator[Finding]:
    for locale in wording.missing:
        if locale.strip():
            words = f"no template in `{locale.strip()}`: these customers get the default language."
            yield Finding("warning", "no_language", "column locale", words)


def _other_heads(wording: Renderings, stage: Stage) -> Iterator[Finding]:
    """A translation's head that asks for something else than the head that counts for all."""
    usual = wording.template
    for each in wording.translations:
        asked = {
            "from": (each.from_, usual.from_),
            "reply_to": (each.reply_to, usual.reply_to),
            "attachments": (", ".join(each.attachments), ", ".join(usual.attachments)),
            "stage": (each.stage or "", usual.stage or stage),
        }
        for name, (theirs, ours) in asked.items():
            if theirs and theirs != ours:
                yield Finding(
                    "error",
                    "other_head",
                    f"{each.name}, `{name}`",
                    f"`{theirs}` is not used: the head of {usual.name} counts for all languages. "
                    "Write the same there, or remove the line here.",
                )


def _has_told_others(workspace: Workspace, incident: Incident, content_key: str) -> bool:
    with workspace.ledger.read() as connection:
        earlier = notices.notices_of(connection, incident.id)
    return any(notice.content_key != content_key for notice in earlier)


def _read_through(reader: ListReader, check: ListCheck, mail_check: MailCheck) -> Count:
    count = Count()
    for row in reader.read():
        count.take(row)
        if isinstance(row, Ready):
            check.take(row.recipient)
            mail_check.take(row.mail.row, row.words.traced, row.words.lang)
        elif isinstance(row, LeftOut):
            check.see(row.recipient)
    return count


def _repeated(count: Count) -> Iterator[Duplicate]:
    """The repeated rows, except those of customers who get no mail at all."""
    suppressed = {each.recipient.row for each in count.do_not_mail}
    return (each for each in count.duplicates if each.first_row not in suppressed)


def _internal_words(
    incident: Incident, wording: Renderings, wordings: Sequence[OneWording]
) -> Iterator[Finding]:
    """Warn about text for colleagues that customers would read, each in full.

    Text in the template itself was written for customers.
    """
    own = facts.internal_words(incident, iter(wording.usual.texts))
    texts = (
        text
        for each in wordings
        for text in (each.copy.subject, text_face(parse_body(each.copy.markdown)))
    )
    for name, words in facts.internal_words(incident, texts):
        if (name, words) in own:
            continue
        yield Finding(
            "warning",
            f"internal_{name}",
            name,
            f"customers read the {name} that was written for colleagues: "
            f"“{words.removesuffix('.')}”. To give them other words: {facts.HOW_TO_CHANGE[name]}",
        )


def _rules_for(workspace: Workspace, incident: Incident, stage: Stage, lang: str) -> WordRules:
    """The rules for the text of a notice in one language, with the team's own."""
    config = workspace.settings.config
    return WordRules(
        stage=stage,
        doc_url=incident.doc_url,
        lang=lang,
        extra_rules=word_rules(config),
        allowed=config.allowed_findings,
    )


def word_rules(config: Config) -> list[PatternRule]:
    """The team's own rules for the text of a mail."""
    return [_pattern_rule(rule) for rule in config.word_rules]


def _pattern_rule(rule: WordRule) -> PatternRule:
    stages = frozenset(_stage(name) for name in rule.stages) or frozenset(Stage)
    level: Literal["error", "warning"] = "error" if rule.level == "error" else "warning"
    return PatternRule(rule.code, level, rule.pattern, rule.message, stages)


def _status_findings(
    request: NotifyRequest, incident: Incident, stage: Stage, wording: Renderings
) -> Iterator[Finding]:
    """Warn if the stage and the incident's status differ: doc and mail would disagree.

    A template without a stage is not checked.
    """
    is_said = bool(request.stage or wording.template.stage)
    fitting = STATUSES_OF_STAGE.get(stage)
    if not is_said or fitting is None or incident.status in fitting:
        return
    yield Finding(
        "error",
        "stage_status",
        "--stage" if request.stage else wording.template.name,
        f"the mail says “{stage}”, and the incident's status is “{incident.status}”. If the mail "
        f"is right, run this first: postmortem status {fitting[0]}",
    )


def _order_findings(
    stage: Stage, count: Count, given: Mapping[str, str], wording: Renderings
) -> Iterator[Finding]:
    """Warn about a stage that comes before one that customers were notified of."""
    for told, number in count.told_before.items():
        if stage in stages_before(Stage(told)):
            yield Finding(
                "warning",
                "stage_order",
                "list",
                f"{number:,} of them already got “{told}”, which comes after “{stage}”.",
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
            "nobody on it got a notice of this incident, so there is nothing to correct. For a "
            "first mail use another --stage.",
        )


def _own_files(
    request: NotifyRequest, wording: Renderings, text: templates.TemplateText
) -> OwnFiles | None:
    """The source of each customer's own file; None if nobody gets one."""
    if not request.attach_column and not wording.template.attach_source:
        return None
    return OwnFiles(request.folder or Path(), text.private)


def _shared_texts(
    wording: Renderings, given: Mapping[str, str], incident: Incident
) -> Iterator[str]:
    """The template's own texts, and the values in them that are the same for every customer."""
    own = wording.usual.texts
    yield from own
    yield from (str(given[name]) for name in wording.usual.variables if name in given)
    for name, words in (
        ("incident.title", incident.customer_title or incident.title),
        ("incident.impact", incident.customer_impact or incident.impact),
    ):
        if any(name in text for text in own):
            yield words


def _keys(request: NotifyRequest) -> Iterator[str]:
    """The key of every customer of the list."""
    return (row.key for row in request.source.open() if isinstance(row, Recipient))


def _other_files(reader: ListReader, count: Count) -> Iterator[Finding]:
    """Report a repeated row whose file no mail would carry."""
    if reader.own_files is None or not count.duplicates:
        return
    rows = RowNumbers()
    for each in count.duplicates:
        rows.add(each.row)
    words = (
        "repeated address, so the file of this row is not sent. Remove the row, or send one mail "
        "with all files: --group-by email."
    )
    yield Finding("error", "file_of_a_repeated_row", str(rows), words)


def _column(option: str, name: str, columns: tuple[str, ...]) -> str:
    """The variable of a column that a person names. Raises `BadInput`."""
    wanted = name.strip().casefold().replace(" ", "_").replace("-", "_")
    if wanted and wanted not in columns:
        raise BadInput(
            f"{option} {name}: the list has no such column. It has {', '.join(columns)}."
        )
    return wanted


def _choose_template(
    workspace: Workspace, request: NotifyRequest, incident: Incident
) -> tuple[Stage, templates.TemplateText]:
    """The stage and its template. Each can imply the other; else the status decides."""
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
    if ended := incident.ended_at:
        given["resolved_at"] = MomentText(ended, incident.zone)
    if request.next_update is not None:
        given["next_update"] = MomentText(request.next_update, incident.zone)
    return {**given, **incident.variables, **request.variables}


def _sections(workspace: Workspace, incident: Incident) -> dict[str, str]:
    """The text of each section of the doc, so that a mail can quote it."""
    with workspace.ledger.read() as connection:
        filled = changes.changes_of_kind(connection, incident.id, "section")
    found: dict[str, str] = {}
    for change in filled:
        key, text = change.payload["section"], change.payload["text"]
        found[key] = f"{found[key]}\n\n{text}" if key in found else text
    return found
