"""The whole record on disk: the doc as people left it, the ledger's view, every mail as sent."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workflow.document.blocks import Block, Kind, Span, plain
from workflow.document.html import to_html
from workflow.document.markdown import blocks_to_markdown, to_markdown
from workflow.document.text import clean_text
from workflow.flows.faults import BadInput
from workflow.flows.file_writing import write_whole
from workflow.flows.list_writing import csv_bytes
from workflow.flows.mail_writing import write_mail
from workflow.flows.showing import NoticeStanding, Standing, standing_of
from workflow.flows.workspace import Workspace
from workflow.google.client import Json
from workflow.incident import DeliveryState, Shortfall, moment_text
from workflow.ledger import deliveries, plans

# Everything of the doc, with all that people typed and how it looks.
_WHOLE_DOC = "title,documentId,tabs"


@dataclass(frozen=True)
class Written:
    """What was written: `names` relative to the folder, `mails` how many of them are mails."""

    names: list[str]
    mails: int

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
) -> Written:
    """Write the record in these formats: md, html, json, eml, csv; and index, what is there.

    Existing files of the same names are replaced, one whole file at a time. Raises `BadInput` when
    the folder can't be written, and `GoogleFault` when the doc can't be read.
    """
    standing = standing_of(workspace)
    _refuse_other_record(folder, standing.incident.id)
    writer = _Folder(folder)
    if {"md", "html"} & set(formats) and standing.incident.doc_id:
        doc = workspace.google.docs.get(standing.incident.doc_id, _WHOLE_DOC)
        _write_doc(writer, doc, formats)
    if "json" in formats:
        record = json.dumps(as_json(standing), ensure_ascii=False, indent=2)
        writer.write("record.json", record.encode() + b"\n")
    if "csv" in formats:
        writer.write("not-told.csv", _not_told(standing).encode("utf-8-sig"))
    mails = sum(_write_mails(workspace, writer, standing)) if "eml" in formats else 0
    if "index" in formats:
        writer.write("index.md", _index(standing, writer.names, mails).encode("utf-8", "replace"))
    return Written(writer.names, mails)


def _refuse_other_record(folder: Path, incident_id: str) -> None:
    """Raise `BadInput` when the folder holds another incident's record."""
    try:
        there = json.loads((folder / "record.json").read_text(encoding="utf-8"))["incident"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    if there != incident_id:
        raise BadInput(f"{folder} holds another incident's record ({there}). Name a new folder.")


def _write_doc(writer: _Folder, doc: Json, formats: list[str]) -> None:
    if "md" in formats:
        writer.write("postmortem.md", to_markdown(doc).encode("utf-8", "replace"))
    if "html" in formats:
        writer.write("postmortem.html", to_html(doc).encode("utf-8", "replace"))


def _index(standing: Standing, names: list[str], mails: int) -> str:
    """What is in the folder, as a page that leads to it; each mail is in its notice's list."""
    incident = standing.incident
    facts = [incident.status.label, incident.severity, f"incident {incident.id}"]
    head = [
        Block(Kind.TITLE, (Span(clean_text(incident.title)),)),
        plain(" · ".join(fact for fact in facts if fact)),
        plain(f"Started {moment_text(incident.started_at, incident.zone)}"),
    ]
    if incident.closed_at:
        head.append(plain(f"Closed {moment_text(incident.closed_at, incident.zone)}"))
    if incident.doc_url:
        head.append(Block(Kind.NORMAL, (Span("The doc", link=incident.doc_url),)))
    lines = [f"- [{name}]({name}): {_KNOWN[name]}" for name in names if name in _KNOWN]
    for each in standing.notices:
        notice = each.notice
        name = f"mails/{notice.id}-{notice.stage.value}.csv"
        if name in names:
            when = moment_text(notice.said_at, incident.zone)
            lines.append(
                f"- [{name}]({name}): the {notice.stage.value} notice of {when}, what became of "
                "each mail and its file"
            )
    if mails:
        lines.append(f"- [mails](mails/): {mails:,} as they were sent")
    return blocks_to_markdown(head) + "\n" + "\n".join(lines) + "\n"


_KNOWN = {
    "postmortem.md": "the doc as people left it, for GitHub and the like",
    "postmortem.html": "the same for a browser",
    "record.json": "timeline, notices and counts, for programs",
    "not-told.csv": (
        "who did not surely get a notice, rows that were left out among them, as a list that "
        "`notify` takes once those are mended"
    ),
}


def _write_mails(workspace: Workspace, writer: _Folder, standing: Standing) -> Iterator[int]:
    """Each mail that was accepted, rebuilt from the frozen plan; yields 1 for each."""
    for each in standing.notices:
        notice = each.notice
        rows = [["row", "email", "state", "sent_at", "evidence", "message_id", "file"]]
        with workspace.ledger.read() as connection:
            files = plans.attachments_of(connection, notice.id)
            for delivery in deliveries.deliveries_of(connection, notice.id):
                name = ""
                if delivery.state is DeliveryState.SENT:
                    mail = f"{delivery.row}-{_safe(delivery.email)}.eml"
                    name = f"{notice.id}-{notice.stage.value}/{mail}"
                    dated = replace(delivery, sent_at=notice.said_at)
                    writer.write(f"mails/{name}", write_mail(notice, dated, files, workspace))
                    yield 1
                sent = delivery.sent_at.isoformat() if delivery.sent_at else ""
                state, evidence = delivery.state.value, delivery.evidence or delivery.reason
                known = [state, sent, evidence, delivery.message_id]
                rows.append([str(delivery.row), delivery.email, *known, name])
        writer.write(f"mails/{notice.id}-{notice.stage.value}.csv", csv_bytes(rows))


def _not_told(standing: Standing) -> str:
    """Those whom a notice did not surely reach, came back from or left out; a list for `notify`.

    Of a row that was left out it has what stood there: `notify` refuses it until it is mended.
    """
    rows = [["email", "notice", "stage", "row", "reason"]]
    for each in standing.notices:
        rows += _not_told_rows(each)
    return csv_bytes(rows).decode()


def _not_told_rows(each: NoticeStanding) -> list[list[str]]:
    return [
        [short.email, each.notice.id, each.notice.stage.value, str(short.row), short.reason]
        for short in [
            *each.shortfalls,
            *(Shortfall(one.email, one.row, f"bounced: {one.reason}") for one in each.bounced),
            *(Shortfall(one.value, one.row, f"left out: {one.reason}") for one in each.left_out),
        ]
    ]


def _safe(text: str) -> str:
    """An address as a file's name."""
    return re.sub(r"[^A-Za-z0-9@._-]", "_", text)[:100].lstrip(".")


class _Folder:
    """Writes files into one folder, each whole or not at all, readable by their owner only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.names: list[str] = []

    def write(self, name: str, content: bytes) -> None:
        """Write one file. Raises `BadInput` where that can't be done, or would leave the folder."""
        within = (self._folder / part for part in Path(name).parents if part.name)
        elsewhere = next((part for part in within if part.is_symlink()), None)
        if elsewhere is not None:
            raise BadInput(f"{elsewhere} is a link to another place. Name a new folder.")
        write_whole(self._folder / name, content)
        self.names.append(name)
