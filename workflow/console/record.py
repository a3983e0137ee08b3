"""Look things up: what a customer was told, and the reports."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, make_response, request

from workflow.console.desk import Said
from workflow.console.guard import written
from workflow.console.pages import Failed, attempt, desk, page
from workflow.ledger.customers import Told
from workflow.record import one_customer
from workflow.report import page as report_pages
from workflow.report.reports import ledger_facts, report_facts
from workflow.standing.overview import all_standings
from workflow.workspace import Workspace

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
        found: list[Told] = []
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


def _searching(workspace: Workspace, sought: str, found: list[Told]) -> Callable[[], Said]:
    def search() -> Said:
        for customer in one_customer.customers_like(workspace, sought)[:_MOST_CUSTOMERS]:
            found.extend(one_customer.told_to(workspace, customer))
        return Said()

    return search


def _report(html: str) -> Response:
    response = make_response(html)
    response.headers["Content-Type"] = "text/html; charset=utf-8"
    response.headers["Content-Security-Policy"] = written(_REPORT)
    return response
