"""Closing an incident, and the record of it: what customers were told, and the reports."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from flask import Blueprint, Response, make_response, request
from werkzeug.datastructures import MultiDict

from workflow.console.pages import (
    ChangeResult,
    Failed,
    Form,
    ResultLine,
    about,
    attempt,
    begin,
    desk,
    go_to,
    page,
)
from workflow.errors import BadInput
from workflow.incident import lifecycle as closing
from workflow.ledger.customers import CustomerMail
from workflow.model import Incident
from workflow.notice import draft_review
from workflow.notice.outcome import typed_number
from workflow.notice.preview.pages import policy_text
from workflow.record import one_customer
from workflow.record.export import export
from workflow.report import page as report_pages
from workflow.report.reports import ledger_facts, report_facts
from workflow.standing import closing_checks, other_ledgers
from workflow.standing.closing_checks import OpenEnd
from workflow.standing.notice_words import time_to
from workflow.standing.overview import all_standings
from workflow.workspace import Workspace

# --- Closing --------------------------------------------------------------------------------------

_FORMATS = ["md", "html", "json", "eml", "csv", "index"]
# The page and section that handle each kind of open item.
_BUTTONS = {
    "pending": ("Go on sending", "notice"),
    "failed": ("Try these again", "notice"),
    "unknown": ("Look at these", "notice"),
    "not_told": ("Write to them", "notify"),
    "bounced": ("Look at the bounces", "notice"),
    "left_out": ("Write to them", "notify"),
    "refused": ("Sync now", "sync"),
    "not_in_doc": ("Sync now", "sync"),
    "proposed": ("Look at the plan", "plans"),
    "sections": ("Fill the sections", "section"),
    "placeholders": ("Open the doc", "doc"),
    "actions": ("Open the doc", "doc"),
    "trash": ("Open the doc", "doc"),
    "not_checked": ("Sync now", "sync"),
}


def closing_pages() -> Blueprint:
    """The checklist, closing, reopening, and the record as a file."""
    pages = Blueprint("closing", __name__, url_prefix="/incident/<ref>")

    @pages.get("/close")
    def check(ref: str) -> Response:
        return _checklist(ref)

    @pages.post("/close")
    def close(ref: str) -> Response:
        with desk().workspace(ref, "close") as workspace:
            done = attempt("close", lambda: _close(workspace, Form()))
        if isinstance(done, Failed):
            return _checklist(ref, done, request.form)
        return go_to("incident.show", done, ref=ref)

    @pages.post("/reopen")
    def reopen(ref: str) -> Response:
        with desk().workspace(ref, "reopen") as workspace:
            done = attempt("reopen", lambda: _reopen(workspace, Form()))
        if isinstance(done, Failed):
            return _checklist(ref, done, request.form)
        return go_to("incident.show", done, ref=ref)

    @pages.get("/not-told.csv")
    def not_told(ref: str) -> Response:
        with desk().workspace(ref) as workspace, tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "not-told.csv"
            if not closing.write_not_told(workspace, path):
                raise BadInput("Everybody who was notified knows that it is resolved.")
            return _download(path.read_bytes(), f"not-told-{ref}.csv", "text/csv; charset=utf-8")

    @pages.get("/record.zip")
    def record(ref: str) -> Response:
        with desk().workspace(ref) as workspace, tempfile.TemporaryDirectory() as folder:
            where = Path(folder) / "record"
            export(workspace, where, _FORMATS, desk().record_json)
            return _download(_zipped(where), f"postmortem-{ref}.zip", "application/zip")

    return pages


def _checklist(
    ref: str, failed: Failed | None = None, typed: MultiDict[str, str] | None = None
) -> Response:
    with desk().workspace(ref) as workspace:
        incident = workspace.incident()
        compared = other_ledgers.look(workspace, incident).compared
        findings = closing.check(workspace, compared)
        doc_ends = closing_checks.look_at_doc(workspace, incident)
    return page(
        "close",
        422 if failed else 200,
        incident=incident,
        ends=[(end, *_BUTTONS.get(end.kind, ("", ""))) for end in _ends(findings, doc_ends)],
        stopping=findings.stopping,
        elsewhere=compared.found,
        customers_elsewhere=other_ledgers.customers_elsewhere(compared.found),
        reached=findings.reached,
        first_word=_first_word(incident, findings),
        notice_of=_notice_of,
        failed=failed,
        typed=typed or {},
        here="incident",
    )


def _ends(findings: closing_checks.Findings, doc_ends: tuple[OpenEnd, ...]) -> tuple[OpenEnd, ...]:
    return (*findings.open_ends, *doc_ends)


def _first_word(incident: Incident, findings: closing_checks.Findings) -> str:
    first = findings.reached.first_word
    return time_to(incident, first) if first else ""


def _notice_of(end: OpenEnd) -> str:
    """The notice of an open item, from its command; "" for none."""
    words = end.command.split()
    return words[2] if words[:2] == ["postmortem", "resume"] and len(words) > 2 else ""


def _close(workspace: Workspace, form: Form) -> ChangeResult:
    incident = workspace.incident()
    at, reason = form.text("at"), " ".join(form.text("reason").split())
    lock, accepted = form.has("lock"), form.has("not_in_this_ledger")
    when = form.past(workspace, "at", incident.zone)
    earlier = begin(workspace, "close", [at or None, reason, lock], incident.id, form)
    request_ = closing.CloseRequest(when, reason, lock, accepted)
    if earlier is not None and incident.closed_at is not None:
        return _closed(closing.closed_by(workspace, earlier, request_))
    draft_review.record_missing_copies(workspace, incident)
    found = other_ledgers.look(workspace, incident).compared.found
    if found and accepted:
        closing.refuse_other_count(found, incident, typed_number(form.text("number")))
    return _closed(closing.close(workspace, request_))


def _closed(closed: closing.Closed) -> ChangeResult:
    incident = closed.brought.incident
    lines = [ResultLine("good", f"Closed after {closed.duration}: {incident.title}")]
    lines += [
        ResultLine("plain" if each.kind == "not_checked" else "warning", each.sentence)
        for each in (*closed.findings.open_ends, *closed.doc_ends)
    ]
    if incident.locked_at is not None:
        lines.append(
            ResultLine("plain", "The doc is locked against edits. Reopen takes the lock off.")
        )
    if closed.lock_refused:
        lines.append(ResultLine("warning", "The incident is closed, and its doc is not locked."))
    return ChangeResult((*lines, *about(closed.brought)))


def _reopen(workspace: Workspace, form: Form) -> ChangeResult:
    reason = form.text("reason")
    earlier = begin(workspace, "reopen", [reason], workspace.incident().id, form)
    if earlier is not None:
        logged = closing.reopened_by(workspace, earlier)
    else:
        logged = closing.reopen(workspace, reason)
    words = f"Reopened: {logged.brought.incident.title}"
    return ChangeResult((ResultLine("good", words), *about(logged.brought)))


def _zipped(folder: Path) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())
    return packed.getvalue()


def _download(content: bytes, name: str, media_type: str) -> Response:
    response = make_response(content)
    response.headers["Content-Type"] = media_type
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


# --- Looking things up ----------------------------------------------------------------------------

_LONGEST_ADDRESS = 320
# A report is a standalone page, with its own styles and no script.
_REPORT = {
    "default-src": "'none'",
    "style-src": "'unsafe-inline'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'self'",
    "sandbox": "",
}


def record_pages() -> Blueprint:
    """The customer search, the list of reports, and each report in a frame."""
    pages = Blueprint("record", __name__)

    @pages.get("/told")
    def search() -> Response:
        sought = request.args.get("q", "").strip()[:_LONGEST_ADDRESS]
        found: list[CustomerMail] = []
        failed = None
        if sought:
            with desk().workspace() as workspace:
                done = attempt("told", _searching(workspace, sought, found))
            failed = done if isinstance(done, Failed) else None
        return page(
            "told",
            422 if failed else 200,
            sought=sought,
            found=found,
            words=one_customer.words,
            state_of=one_customer.state_of,
            failed=failed,
            here="told",
        )

    @pages.get("/reports")
    def reports() -> Response:
        with desk().workspace() as workspace:
            found, _ = all_standings(workspace)
        return page("reports", incidents=found, here="reports")

    @pages.get("/reports/all")
    def all_of_them() -> Response:
        return page("report", incident=None, here="reports")

    @pages.get("/reports/all.html")
    def all_of_them_alone() -> Response:
        with desk().workspace() as workspace:
            facts = ledger_facts(workspace)
        return _report(report_pages.ledger_page(facts))

    @pages.get("/incident/<ref>/report")
    def one(ref: str) -> Response:
        with desk().workspace(ref) as workspace:
            return page("report", incident=workspace.incident(), here="reports")

    @pages.get("/incident/<ref>/report.html")
    def one_alone(ref: str) -> Response:
        with desk().workspace(ref) as workspace:
            facts = report_facts(workspace)
        return _report(report_pages.incident_page(facts))

    return pages


# More matches don't help: a longer part of the name finds the customer.
_MOST_CUSTOMERS = 20


def _searching(
    workspace: Workspace, sought: str, found: list[CustomerMail]
) -> Callable[[], ChangeResult]:
    def search() -> ChangeResult:
        for customer in one_customer.customers_like(workspace, sought)[:_MOST_CUSTOMERS]:
            found.extend(one_customer.told_to(workspace, customer))
        return ChangeResult()

    return search


def _report(html: str) -> Response:
    response = make_response(html)
    response.headers["Content-Type"] = "text/html; charset=utf-8"
    response.headers["Content-Security-Policy"] = policy_text(_REPORT)
    return response
