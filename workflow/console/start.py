"""The first pages: the list of incidents, and starting one."""

from __future__ import annotations

from flask import Blueprint, Response, request
from werkzeug.datastructures import MultiDict

from workflow.console.desk import AskAgain, Line, Said
from workflow.console.pages import Failed, Form, about, attempt, begin, desk, go_to, page
from workflow.errors import BadInput
from workflow.incident import start as starting
from workflow.standing.overview import all_standings
from workflow.workspace import Workspace, go_back_to, open_incident


def list_pages() -> Blueprint:
    """The list of incidents, switching between them, and starting a new one."""
    pages = Blueprint("start", __name__)

    @pages.get("/")
    def home() -> Response:
        with desk().workspace() as workspace:
            current = open_incident(workspace)
        if current is None:
            return _incidents()
        return go_to(
            "incident.show", ref=current.id, said=desk().take(request.args.get("said", ""))
        )

    @pages.get("/incidents")
    def listed() -> Response:
        return _incidents()

    @pages.post("/start")
    def start() -> Response:
        form = Form()
        with desk().workspace("", "start") as workspace:
            found: list[str] = []
            done = attempt("start", lambda: _start(workspace, form, found))
        if isinstance(done, Failed):
            return _incidents(done, request.form)
        return go_to("incident.show", done, ref=found[0])

    @pages.post("/incident/<ref>/use")
    def use(ref: str) -> Response:
        with desk().workspace(ref, "use") as workspace:
            incident = workspace.incident()
            go_back_to(workspace, incident)
        words = f"Your commands and this console now speak of: {incident.title}"
        return go_to("incident.show", Said((Line("good", words),)), ref=incident.id)

    return pages


def _incidents(failed: Failed | None = None, typed: MultiDict[str, str] | None = None) -> Response:
    with desk().workspace() as workspace:
        found, newer = all_standings(workspace)
        current = open_incident(workspace)
        usual_shares = workspace.settings.config.share
    return page(
        "incidents",
        422 if failed else 200,
        incidents=found,
        newer=newer,
        current=current,
        failed=failed,
        typed=typed or {},
        usual_shares=usual_shares,
        here="incidents",
    )


def _start(workspace: Workspace, form: Form, found: list[str]) -> Said:
    """Start an incident; its id is appended to `found`."""
    request_ = starting.StartRequest(
        title=form.text("title"),
        impact=form.text("impact"),
        severity=form.text("severity"),
        at=form.past(workspace, "at", workspace.settings.zone),
        shares=tuple(form.text("shares").replace(",", " ").split()),
        template=form.text("template"),
        customer_title=form.text("customer_title"),
        customer_impact=form.text("customer_impact"),
    )
    words: list[object] = [*vars(request_).values()]
    earlier = begin(workspace, "start", words, "", form)
    if earlier is not None:
        brought = starting.started_by(workspace, earlier)
    else:
        twin = None if form.has("again") else starting.twin_of(workspace, request_.title)
        if twin is not None:
            raise AskAgain(
                f"“{twin.title[:60]}” was started minutes ago already. Nothing was added."
            )
        brought = starting.start(workspace, request_)
    if not brought.incident.title:
        raise BadInput("The title is empty.")
    found.append(brought.incident.id)
    shared = [
        Line("good", f"Shared with {each.who} ({each.role})")
        for each in brought.shared
        if each.state == "done"
    ]
    lines = (Line("good", f"Started: {brought.incident.title}"), *shared, *about(brought))
    return Said(lines, brought.incident.doc_url)
