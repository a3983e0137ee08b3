"""Looking at every mail of a plan before any is sent: the plan as the preview page's source."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence

from workflow.flows.attaching import as_addresses
from workflow.flows.mail_shelf import MailShelf
from workflow.flows.planning import Plan, word_rules
from workflow.flows.workspace import Workspace
from workflow.ledger.plans import PlannedMail
from workflow.mail.faces import html_face, parse_body, text_face
from workflow.mail.finding import Finding, Level
from workflow.mail.preflight import check_words
from workflow.mail.recipients import BadRow
from workflow.mail.template import RenderedMail
from workflow.preview.source import (
    Found,
    Mail,
    NoSuchMail,
    NotReadYet,
    Recipient,
    Remark,
    Sheet,
)

# About a second of reading and rendering: no page makes a person wait for a whole long list.
_READ_PER_QUESTION = 5_000
_BATCH = 500
_BAD_ROWS_SHOWN = 100

_LINE = re.compile(r"text, line (\d+)")
_ROWS = re.compile(r"rows? (\d+(?:, \d+)*)(?: and \d+ more)?")


class PlanPreview:
    """A plan's sheet and mails. Implements `workflow.preview.source.PreviewSource`.

    The mails are those that would be sent, from the plan's own reading of the list, one after the
    other and only as far as somebody looks.
    """

    def __init__(
        self,
        workspace: Workspace,
        plan: Plan,
        sheet_lines: Sequence[tuple[str, str]],
        *,
        read_per_question: int = _READ_PER_QUESTION,
    ) -> None:
        """`sheet_lines` are labels and texts of the pre-flight sheet; see `Sheet.lines`."""
        self._plan = plan
        self._allowed_findings = workspace.settings.config.allowed_findings
        self._pictures = as_addresses(plan.attachments)
        self._own_rules = word_rules(workspace.settings.config)
        self._read_per_question = read_per_question
        self._shelf = MailShelf(plan.mails())
        self._lock = threading.Lock()
        self.sheet = _sheet(plan, sheet_lines)
        self.headers = _headers(plan)
        self.count = plan.new

    @property
    def read(self) -> int:
        """How many mails have been read so far."""
        return self._shelf.read

    def recipients(self, query: str, *, after_row: int, limit: int) -> Found:
        """As the protocol says; reads on for about a second at most."""
        words = query.casefold().split()
        found: list[PlannedMail] = []
        seen = 0
        with self._lock:
            ends_at = self._shelf.read + self._read_per_question
            while True:
                found += self._shelf.find(
                    words,
                    after_row=after_row,
                    after_position=seen,
                    limit=limit + 1 - len(found),
                )
                seen = self._shelf.read
                is_whole = len(found) > limit or self._shelf.is_whole
                if is_whole or seen >= ends_at:
                    break
                self._shelf.read_on(_BATCH)
        return Found(tuple(map(_recipient, found[:limit])), len(found) > limit, is_whole)

    def mail(self, row: int) -> Mail:
        """As the protocol says; reads on for about a second at most."""
        with self._lock:
            position = self._position(row)
            # One further, to know whether there is a next one.
            if position == self._shelf.read and not self._shelf.is_whole:
                self._shelf.read_on(_BATCH)
            before, planned, after = (self._shelf.at(position + step) for step in (-1, 0, 1))
        if planned is None:
            raise NoSuchMail(row)
        return self._faces(planned, position, before, after)

    def _position(self, row: int) -> int:
        ends_at = self._shelf.read + self._read_per_question
        while (position := self._shelf.position_of(row)) is None:
            if self._shelf.is_whole or self._shelf.last_row() > row:
                raise NoSuchMail(row)
            if self._shelf.read >= ends_at:
                raise NotReadYet(row)
            self._shelf.read_on(_BATCH)
        return position

    def _faces(
        self,
        planned: PlannedMail,
        position: int,
        before: PlannedMail | None,
        after: PlannedMail | None,
    ) -> Mail:
        tokens = parse_body(planned.markdown)
        findings = check_words(
            RenderedMail(planned.subject, planned.markdown),
            stage=self._plan.stage,
            doc_url=self._plan.incident.doc_url,
            extra_rules=self._own_rules,
            allowed=self._allowed_findings,
        )
        return Mail(
            position=position,
            recipient=_recipient(planned),
            subject=_whole(planned.subject),
            text=_whole(text_face(tokens)),
            html=_whole(html_face(tokens, subject=planned.subject, pictures=self._pictures)),
            remarks=tuple(map(_remark, findings)),
            previous_row=None if before is None else before.row,
            next_row=None if after is None else after.row,
        )


def _sheet(plan: Plan, lines: Sequence[tuple[str, str]]) -> Sheet:
    count = "1 customer" if plan.new == 1 else f"{plan.new:,} customers"
    level: Level = "warning" if plan.request.skip_bad else "error"
    return Sheet(
        title=f"{plan.stage.value.capitalize()} notice to {count}",
        lines=tuple(lines),
        remarks=tuple(map(_remark, plan.findings)),
        bad_rows=tuple(_bad_row(bad, level) for bad in plan.bad_rows[:_BAD_ROWS_SHOWN]),
    )


def _bad_row(bad: BadRow, level: Level) -> Remark:
    where = f"row {bad.row}, {bad.column}" if bad.column else f"row {bad.row}"
    message = f"`{bad.value[:80]}`: {bad.reason}" if bad.value else bad.reason
    return Remark(level, _whole(where), _whole(message))


def _headers(plan: Plan) -> tuple[tuple[str, str], ...]:
    attached = ", ".join(file.filename for file in plan.attachments)
    named = (
        ("From", plan.request.from_address or "the account that is signed in"),
        ("Reply-To", plan.reply_to),
        ("Attached", attached),
    )
    return tuple((name, _whole(value)) for name, value in named if value)


def _recipient(planned: PlannedMail) -> Recipient:
    return Recipient(planned.row, planned.email, _whole(planned.name))


def _remark(finding: Finding) -> Remark:
    line, rows = _LINE.search(finding.where), _ROWS.fullmatch(finding.where)
    return Remark(
        finding.level,
        _whole(finding.where),
        _whole(finding.message),
        line=int(line[1]) if line else 0,
        rows=tuple(map(int, rows[1].split(", "))) if rows else (),
    )


def _whole(text: str) -> str:
    """Text as a mail and a page can carry it: no half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode()
