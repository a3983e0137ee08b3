"""The whole record on disk: the doc, the ledger's data, every mail as sent.

Failed and unknown customers are written as a list that `notify` takes unchanged. Each row is the
original one; the last columns say why it is here. A row whose cells can't be split gets a cell too
many, with the whole row, so that it is refused until somebody has fixed it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workflow.doc.recovery import doc_blocks
from workflow.document.blocks import Block, BlockKind, Span, plain
from workflow.document.exports import (
    blocks_to_html,
    blocks_to_markdown,
    page_of,
    to_html,
    to_markdown,
)
from workflow.document.requests import clean_text
from workflow.errors import BadInput
from workflow.files import csv_bytes, write_whole
from workflow.google.client import Json
from workflow.google.faults import GoogleFault, Refused
from workflow.ledger import deliveries, edited_drafts, forgetting, notices, plans
from workflow.ledger.forgetting import FORGOTTEN
from workflow.mail.list_columns import key_of
from workflow.mail.list_rows import OUR_COLUMNS
from workflow.model import DeliveryState, Incident, moment_text
from workflow.sending.mail_writer import write_mail
from workflow.standing import doc_standing, other_ledgers, overview
from workflow.standing.notice_words import words_of
from workflow.standing.overview import NoticeStanding, Standing, standing_of
from workflow.workspace import Workspace


@dataclass(frozen=True)
class NotTold:
    """One customer, or one row without one.

    `notice` and `stage` are what they did not get, `reason` is why; `headers` and `cells` are the
    list's header and the original row, empty in a record of an earlier version.
    """

    notice: str
    stage: str
    row: int
    reason: str
    email: str
    headers: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()


def rows_of_list(found: Iterable[NotTold]) -> Iterator[list[str]]:
    """The header, then a row for each of `found`."""
    people = [_in_a_list(each) for each in found]
    # A list's own header is kept whole, also with equal columns; headers of several lists are
    # merged.
    alike = {each.headers for each in people}
    merged = dict.fromkeys(name for each in people for name in each.headers)
    headers = alike.pop() if len(alike) == 1 else tuple(merged) or ("email",)
    yield [*headers, *OUR_COLUMNS]
    for each in people:
        why = [each.notice, each.stage, str(each.row), each.reason]
        mixed_up = [f"as it stood: {', '.join(each.cells)}"] if _is_mixed_up(each) else []
        yield [*_under(headers, each), *why, *mixed_up]


def _in_a_list(each: NotTold) -> NotTold:
    """The row with its own list's header, without the columns that an earlier export added."""
    if not each.headers or not each.cells:
        return NotTold(
            *(each.notice, each.stage, each.row, each.reason, each.email),
            headers=("email",),
            cells=(each.email,),
        )
    own = len(each.headers)
    if each.headers[-len(OUR_COLUMNS) :] == OUR_COLUMNS:
        own -= len(OUR_COLUMNS)
    cells = each.cells[:own] + each.cells[len(each.headers) :]
    return NotTold(
        *(each.notice, each.stage, each.row, each.reason, each.email),
        headers=each.headers[:own],
        cells=cells,
    )


def _under(headers: tuple[str, ...], each: NotTold) -> list[str]:
    """The cells of a row under these headers."""
    if headers == each.headers:
        cells = list(each.cells[: len(headers)])
        return cells + [""] * (len(headers) - len(cells))
    named = dict(zip(each.headers, each.cells, strict=False))
    return [named.get(name, "") for name in headers]


def _is_mixed_up(each: NotTold) -> bool:
    """Whether a cell may be in a wrong column: one is missing in between, or there are too many."""
    return 1 < len(each.cells) < len(each.headers) or any(each.cells[len(each.headers) :])


# Everything in the doc, with all text and styles.
_WHOLE_DOC = "title,documentId,tabs"


@dataclass(frozen=True)
class WrittenExport:
    """The written files: `names` relative to the folder, `mails` the number of mails.

    `missing` is a sentence about what is not included, and `fault` why, if that may pass.
    """

    names: list[str]
    mails: int
    missing: str = ""
    fault: GoogleFault | None = None

    @property
    def words(self) -> str:
        """`postmortem.md, record.json, 12 mails`."""
        files = [name for name in self.names if not name.startswith("mails/")]
        if self.mails:
            files.append("1 mail" if self.mails == 1 else f"{self.mails:,} mails")
        return ", ".join(files) or "nothing"


def export(
    workspace: Workspace,
    folder: Path,
    formats: list[str],
    as_json: Callable[[Standing], dict[str, Any]],
) -> WrittenExport:
    """Write the record in these formats: md, html, json, eml, csv; and index, an overview.

    Existing files of the same names are replaced, one whole file at a time. A doc that can't be
    read is replaced by the ledger's content. Raises `BadInput` if the folder can't be written.
    """
    standing = standing_of(workspace)
    _refuse_other_record(folder, standing.incident.id)
    writer = _Folder(folder)
    missing, fault = "", None
    if {"md", "html"} & set(formats):
        missing, fault = _write_doc(workspace, writer, standing.incident, formats)
    if "json" in formats:
        record = as_json(standing) | _log(workspace, standing.incident)
        content = json.dumps(record, ensure_ascii=False, indent=2)
        writer.write("record.json", content.encode() + b"\n")
    if "csv" in formats:
        writer.write("not-told.csv", _not_told(workspace, standing))
    mails = sum(_write_mails(workspace, writer, standing)) if "eml" in formats else 0
    if "index" in formats:
        writer.write("index.md", _index(standing, writer.names, mails).encode("utf-8", "replace"))
    return WrittenExport(writer.names, mails, missing, fault)


def _log(workspace: Workspace, incident: Incident) -> dict[str, Any]:
    """The audit trail of the incident, and whether it is intact."""
    found = overview.trail_of(workspace, incident)
    steps = [overview.step_record(each) for each in found.steps]
    return {"log": steps, "log_is_sound": found.broken_at is None}


def _refuse_other_record(folder: Path, incident_id: str) -> None:
    """Raise `BadInput` if the folder holds another incident's record."""
    try:
        there = json.loads((folder / "record.json").read_text(encoding="utf-8"))["incident"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return
    if there != incident_id:
        raise BadInput(f"{folder} holds another incident's record ({there}). Use a new folder.")


def _write_doc(
    workspace: Workspace, writer: _Folder, incident: Incident, formats: list[str]
) -> tuple[str, GoogleFault | None]:
    """Write the doc, or the ledger's content; a sentence about what is missing, and why."""
    fault: GoogleFault | None = None
    why = "The doc is not made yet"
    if incident.doc_id:
        try:
            doc = workspace.google.docs.get(incident.doc_id, _WHOLE_DOC)
        except GoogleFault as met:
            named = doc_standing.named(workspace, incident, met)
            why = named.sentence_in(incident.zone).rstrip(".")
            fault = None if isinstance(named, Refused) else named
        else:
            _write_read_doc(workspace, writer, doc, formats)
            return "", None
    with workspace.ledger.read() as connection:
        blocks = doc_blocks(connection, incident, f"{why}.")
    if "md" in formats:
        writer.write("postmortem.md", blocks_to_markdown(blocks).encode("utf-8", "replace"))
    if "html" in formats:
        body = "\n".join(blocks_to_html(blocks))
        page = page_of(incident.title, body)
        writer.write("postmortem.html", page.encode("utf-8", "replace"))
    missing = (
        f"postmortem.md and postmortem.html are from the ledger, without edits that people made "
        f"in the doc: {why}."
    )
    return missing, fault


def _write_read_doc(workspace: Workspace, writer: _Folder, doc: Json, formats: list[str]) -> None:
    """Write the doc, without the addresses of forgotten customers."""
    for kind, written in (("md", to_markdown), ("html", to_html)):
        if kind in formats:
            with workspace.ledger.read() as connection:
                text = forgetting.without_forgotten(connection, written(doc), key_of)
            writer.write(f"postmortem.{kind}", text.encode("utf-8", "replace"))


def _index(standing: Standing, names: list[str], mails: int) -> str:
    """An overview page of the folder; each mail is in its notice's list."""
    incident = standing.incident
    facts = [incident.status.label, incident.severity, f"incident {incident.id}"]
    head = [
        Block(BlockKind.TITLE, (Span(clean_text(incident.title)),)),
        plain(" · ".join(fact for fact in facts if fact)),
        plain(f"Started {moment_text(incident.started_at, incident.zone)}"),
    ]
    if incident.closed_at:
        head.append(plain(f"Closed {moment_text(incident.closed_at, incident.zone)}"))
    if incident.doc_url:
        head.append(Block(BlockKind.NORMAL, (Span("The doc", link=incident.doc_url),)))
    lines = [f"- [{name}]({name}): {_KNOWN[name]}" for name in names if name in _KNOWN]
    for each in standing.notices:
        notice = each.notice
        name = f"mails/{notice.id}-{notice.stage.value}.csv"
        if name in names:
            when = moment_text(notice.said_at, incident.zone)
            lines.append(
                f"- [{name}]({name}): the {notice.stage.value} notice of {when}: the result of "
                f"each mail, and its file"
            )
    for other in standing.elsewhere.found:
        lines.append(f"- Not here: {other_ledgers.words(other, incident)}")
    if mails:
        lines.append(f"- [mails](mails/): {mails:,} as they were sent")
    return blocks_to_markdown(head) + "\n" + "\n".join(lines) + "\n"


_KNOWN = {
    "postmortem.md": "the doc as Markdown",
    "postmortem.html": "the doc as a web page",
    "record.json": "timeline, notices, counts and who did what, for programs",
    "not-told.csv": (
        "customers who were not notified or are unknown, with the rows that were left out; "
        "`notify` takes this list after you fix it"
    ),
}


def _write_mails(workspace: Workspace, writer: _Folder, standing: Standing) -> Iterator[int]:
    """Write each accepted mail, from the frozen plan or as it was edited; yields 1s."""
    for each in standing.notices:
        notice = each.notice
        rows = [["row", "email", "state", "sent_at", "evidence", "message_id", "file", "words"]]
        with workspace.ledger.read() as connection:
            files = plans.attachments_of(connection, notice.id)
            edited = {
                delivery.id: content
                for delivery, content in edited_drafts.edited_and_sent(connection, notice.id)
            }
            for delivery in deliveries.deliveries_of(connection, notice.id):
                name = ""
                said = words_of(delivery, edited.get(delivery.id))
                if delivery.state is DeliveryState.SENT and said.text not in {None, FORGOTTEN}:
                    mail = f"{delivery.row}-{_safe(delivery.email)}.eml"
                    name = f"{notice.id}-{notice.stage.value}/{mail}"
                    dated = replace(delivery, sent_at=notice.said_at)
                    as_sent = said.raw or write_mail(notice, dated, files, workspace)
                    writer.write(f"mails/{name}", as_sent)
                    yield 1
                sent = delivery.sent_at.isoformat() if delivery.sent_at else ""
                state, evidence = delivery.state.value, delivery.evidence or delivery.reason
                known = [state, sent, evidence, delivery.message_id]
                rows.append([str(delivery.row), delivery.email, *known, name, said.kind])
        writer.write(f"mails/{notice.id}-{notice.stage.value}.csv", csv_bytes(rows))


def _not_told(workspace: Workspace, standing: Standing) -> bytes:
    """The unsent, failed, unknown, bounced and left-out customers, as a list for `notify`."""
    found = [person for each in standing.notices for person in _not_told_by(workspace, each)]
    return b"\xef\xbb\xbf" + csv_bytes(rows_of_list(found))


def _not_told_by(workspace: Workspace, each: NoticeStanding) -> Iterator[NotTold]:
    notice = each.notice
    with workspace.ledger.read() as connection:
        stood = deliveries.rows_as_they_stood(connection, notice.id)
        unsent = notices.still_to_send(connection, notice.id)
    headers = tuple(notice.list_headers)
    why = [
        *((short.email, short.row, short.reason) for short in (*unsent, *each.shortfalls)),
        *((one.email, one.row, f"bounced: {one.reason}") for one in each.bounced),
    ]
    for email, row, reason in why:
        cells = tuple(stood.get(row, ()))
        yield NotTold(notice.id, notice.stage.value, row, reason, email, headers, cells)
    for one in each.left_out:
        reason = f"left out: {one.reason}"
        cells = tuple(one.cells)
        yield NotTold(notice.id, notice.stage.value, one.row, reason, one.value, headers, cells)


def _safe(text: str) -> str:
    """An address as a file name."""
    return re.sub(r"[^A-Za-z0-9@._-]", "_", text)[:100].lstrip(".")


class _Folder:
    """Write files into one folder, each whole or not at all, readable by their owner only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.names: list[str] = []

    def write(self, name: str, content: bytes) -> None:
        """Write one file. Raises `BadInput` if that fails, or would leave the folder."""
        within = (self._folder / part for part in Path(name).parents if part.name)
        elsewhere = next((part for part in within if part.is_symlink()), None)
        if elsewhere is not None:
            raise BadInput(f"{elsewhere} is a symbolic link. Use a new folder.")
        write_whole(self._folder / name, content)
        self.names.append(name)
