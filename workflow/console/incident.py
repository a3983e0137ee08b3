"""The list of incidents, and one incident's page with everything to record there."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, Response, request
from werkzeug.datastructures import MultiDict

from workflow.announce import announcements
from workflow.announce.announcements import announced_lines, untold_fault
from workflow.console.pages import (
    AskAgain,
    ChangeResult,
    Failed,
    Form,
    ResultLine,
    about,
    as_file,
    attempt,
    begin,
    desk,
    events,
    fingerprint,
    go_to,
    page,
    uploaded,
)
from workflow.doc import sharing
from workflow.doc.push import bring_to_doc, is_all_there
from workflow.doc.recovery import sync_all
from workflow.errors import BadInput
from workflow.incident import facts, many_entries, supporting_data, timeline
from workflow.incident import lifecycle as starting
from workflow.ledger import incidents
from workflow.model import Incident, Statement, Status, moment_text
from workflow.notice.draft_review import record_missing_copies
from workflow.paste.reading import Paste, PastedEntry, read_paste
from workflow.standing.overview import all_standings, look
from workflow.templates import sections_of
from workflow.times.reading import habits_of
from workflow.workspace import Workspace, current_id, go_back_to, open_incident

# --- The list of incidents ------------------------------------------------------------------------


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
        words = f"Now the current incident, here and for your commands: {incident.title}"
        return go_to("incident.show", ChangeResult((ResultLine("good", words),)), ref=incident.id)

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


def _start(workspace: Workspace, form: Form, found: list[str]) -> ChangeResult:
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
        ResultLine("good", f"Shared with {each.who} ({each.role})")
        for each in brought.shared
        if each.state == "done"
    ]
    lines = (ResultLine("good", f"Started: {brought.incident.title}"), *shared, *about(brought))
    return ChangeResult(lines, brought.incident.doc_url)


# --- One incident ---------------------------------------------------------------------------------

Action = Callable[[Workspace, Form], ChangeResult]
# The command of a form, if it has another name.
_COMMANDS = {"reword": "log", "strike": "log"}


def incident_pages() -> Blueprint:
    """The incident's page and its forms, each at its own address."""
    pages = Blueprint("incident", __name__, url_prefix="/incident/<ref>")

    @pages.get("/")
    def show(ref: str) -> Response:
        return incident_page(ref)

    @pages.get("/live")
    def live(ref: str) -> Response:
        with desk().workspace(ref) as workspace:
            return page("part_live", look=look(workspace), senders=desk().senders)

    @pages.get("/events")
    def changes(ref: str) -> Response:
        with desk().workspace(ref) as workspace:
            incident_id = workspace.incident().id
        return events(desk(), incident_id, lambda workspace: fingerprint(workspace, incident_id))

    for name, action in _ACTIONS.items():
        pages.add_url_rule(f"/{name}", name, _changing(name, action), methods=["POST"])

    @pages.get("/paste")
    def paste(ref: str) -> Response:
        with desk().workspace(ref) as workspace:
            return _paste_page(workspace.incident())

    @pages.post("/paste")
    def read_pasted(ref: str) -> Response:
        return _paste(ref)

    return pages


def incident_page(
    ref: str, failed: Failed | None = None, typed: MultiDict[str, str] | None = None
) -> Response:
    """The page of an incident; after a failed form, with its input."""
    with desk().workspace(ref) as workspace:
        seen = fingerprint(workspace, workspace.incident().id)
        found = look(workspace)
        incident = found.standing.incident
        with workspace.ledger.read() as connection:
            shares = incidents.wanted_shares(connection, incident.id)
        return page(
            "incident",
            422 if failed else 200,
            look=found,
            seen=seen,
            incident=incident,
            is_current=current_id(workspace) == incident.id,
            statuses=list(Status),
            sections=sections_of(workspace, incident),
            shares=[each for each in shares if each.state != "left"],
            channels=workspace.settings.config.announce,
            failed=failed,
            typed=typed or {},
            senders=desk().senders,
            here="incident",
        )


def _changing(name: str, action: Action) -> Callable[[str], Response]:
    """The view of one form: do it, then show the page again."""

    def change(ref: str) -> Response:
        with desk().workspace(ref, _COMMANDS.get(name, name)) as workspace:
            incident_id = workspace.incident().id
            workspace.incident_reference = incident_id
            done = attempt(name, lambda: action(workspace, Form()))
        if isinstance(done, Failed):
            return incident_page(incident_id, done, request.form)
        return go_to("incident.show", done, ref=incident_id)

    return change


def _log(workspace: Workspace, form: Form) -> ChangeResult:
    incident = workspace.incident()
    text, at, by, link = (form.text(name) for name in ("text", "at", "by", "link"))
    before_start = form.has("before_start")
    when = form.past_moment(workspace, "at", incident.zone)
    words = [text, False, at or None, by, link, before_start, False]
    earlier = begin(workspace, "log", words, incident.id, form)
    if earlier is not None:
        return _logged(many_entries.logged_by(workspace, earlier))
    logged = timeline.log(
        workspace,
        incident,
        text,
        at=when.at if when else None,
        by=by,
        link=link,
        earliest=None if before_start else incident.started_at,
    )
    notes = tuple(ResultLine("plain", note) for note in (when.notes if when else ()))
    said = f"Logged for {moment_text(logged.entry.at, incident.zone)}"
    return ChangeResult((ResultLine("good", said), *notes, *about(logged.brought)))


def _logged(logged: many_entries.LoggedMany) -> ChangeResult:
    count = len(logged.entries) - len(logged.known)
    there = f", {len(logged.known)} in the timeline already" if logged.known else ""
    entries = "1 entry" if count == 1 else f"{count} entries"
    return ChangeResult((ResultLine("good", f"{entries} recorded{there}."), *about(logged.brought)))


def _status(workspace: Workspace, form: Form) -> ChangeResult:
    incident = workspace.incident()
    state, note, at = (form.text(name) for name in ("state", "note", "at"))
    if state not in list(Status):
        raise BadInput(f"{state!r} is none of {', '.join(Status)}. Nothing was changed.")
    when = form.past(workspace, "at", incident.zone)
    earlier = begin(workspace, "status", [state, note, at or None], incident.id, form)
    if earlier is not None:
        return _logged(many_entries.logged_by(workspace, earlier))
    logged = timeline.set_status(workspace, incident, Status(state), note, at=when)
    stands = logged.brought.incident.status
    lines = [ResultLine("good", logged.entry.text.partition("\n")[0])]
    if stands.value != state:
        lines.append(ResultLine("warning", timeline.still_words(stands)))
    return ChangeResult((*lines, *about(logged.brought)))


def _stating(statement: Statement) -> Action:
    def state(workspace: Workspace, form: Form) -> ChangeResult:
        incident = workspace.incident()
        when = form.past(workspace, "at", incident.zone)
        stated = facts.state(workspace, statement, form.text("text"), at=when)
        words = (
            f"No change: this {statement.value} is already set."
            if stated.entry is None
            else stated.entry.text
        )
        return ChangeResult((ResultLine("good", words), *about(stated.brought)))

    return state


def _edit(workspace: Workspace, form: Form) -> ChangeResult:
    incident = workspace.incident()
    title, owner, links = (form.text(name) for name in ("title", "owner", "links"))
    for_customers = form.text("customer_title"), form.text("customer_impact")
    edited = facts.edit(
        workspace,
        facts.Corrections(
            title=_changed(title, incident.title),
            started=form.past(workspace, "started", incident.zone),
            owner=_changed(owner, incident.owner),
            links=_changed(links, incident.variables.get("links", "")),
            customer_title=_changed(for_customers[0], incident.customer_title),
            customer_impact=_changed(for_customers[1], incident.customer_impact),
        ),
    )
    lines = [ResultLine("good", entry.text) for entry in edited.entries]
    lines = lines or [ResultLine("plain", "No change: these values are already set.")]
    said = (ResultLine("warning", words) for words in edited.said)
    return ChangeResult((*lines, *said, *about(edited.brought)))


def _changed(text: str, was: str) -> str | None:
    """A field's text; None where nobody touched it."""
    return text if text != was else None


def _section(workspace: Workspace, form: Form) -> ChangeResult:
    incident = workspace.incident()
    found = facts.find_section(workspace, incident, form.text("name"))
    text = form.text("text")
    earlier = begin(workspace, "section", [found.key, text, False], incident.id, form)
    if earlier is not None:
        brought = bring_to_doc(workspace, incident.id)
        return ChangeResult((ResultLine("good", f"It is in {found.title}."), *about(brought)))
    brought = facts.fill_section(workspace, found.key, text)
    return ChangeResult((ResultLine("good", f"Added to {found.title}."), *about(brought)))


def _reword(workspace: Workspace, form: Form) -> ChangeResult:
    logged = timeline.reword(workspace, form.text("entry"), form.text("text"))
    return ChangeResult(
        (ResultLine("good", "Corrected. The record keeps both wordings."), *about(logged.brought))
    )


def _strike(workspace: Workspace, form: Form) -> ChangeResult:
    logged = timeline.strike(workspace, form.text("entry"))
    return ChangeResult(
        (ResultLine("good", "Struck through. It stays in the record."), *about(logged.brought))
    )


def _attach(workspace: Workspace, form: Form) -> ChangeResult:
    incident = workspace.incident()
    caption, address = form.text("caption"), form.text("address")
    publish, show_content = form.has("publish"), form.has("show_content")
    given = uploaded("file")
    if given is None:
        if not address:
            raise BadInput("Choose a file, or give the https address of a public picture.")
        words = [address, "", caption, False, False]
        earlier = begin(workspace, "attach", words, incident.id, form)
        if earlier is not None:
            return _attached(supporting_data.attached_by(workspace, earlier))
        return _attached(supporting_data.attach_address(workspace, address, caption))
    name = given[0]
    with as_file(given) as path:
        digest = supporting_data.fingerprint(path)
        words = [name, digest, caption, publish, show_content]
        earlier = begin(workspace, "attach", words, incident.id, form)
        if earlier is not None:
            return _attached(supporting_data.attached_by(workspace, earlier))
        if publish:
            return _attached(supporting_data.attach_published(workspace, path, caption))
        count = 0 if show_content else supporting_data.addresses_in(workspace, path)
        attached = supporting_data.attach(workspace, path, caption, link_alone=bool(count))
    holds = [ResultLine("warning", supporting_data.holds_words(name, count))] if count else []
    return _attached(attached, holds)


def _attached(
    attached: supporting_data.Attached, more: list[ResultLine] | None = None
) -> ChangeResult:
    shown = ", shown in the doc" if attached.is_picture else ""
    said = ResultLine("good", f"Attached {attached.file.name}{shown}.")
    return ChangeResult((said, *(more or ()), *about(attached.brought)), attached.file.url)


def _share(workspace: Workspace, form: Form) -> ChangeResult:
    who = form.text("who").replace(",", " ").split()
    if not who:
        raise BadInput("Say whom to share the doc with: ann@example.com, or a domain.")
    shared = sharing.share_with(workspace, who, notify=form.has("notify"))
    return _shared(shared)


def _unshare(workspace: Workspace, form: Form) -> ChangeResult:
    return _shared(sharing.unshare(workspace, form.text("who")))


def _shared(shared: sharing.Shared) -> ChangeResult:
    words = {"done": "Shared with", "left": "No longer shared with"}
    lines = [
        ResultLine("good", f"{words[each.state]} {each.who}.")
        for each in shared.shares
        if each.state in words
    ]
    return ChangeResult((*lines, *about(shared.brought)))


def _announce(workspace: Workspace, form: Form) -> ChangeResult:
    incident = workspace.incident()
    text, only = form.text("text"), form.texts("channel")
    if again := form.text("tell_again"):
        announced = announcements.tell_again(workspace, again)
    else:
        earlier = begin(workspace, "announce", [text, only or None], incident.id, form)
        if earlier is None:
            announced = announcements.announce(workspace, text, only=only)
        else:
            announced = announcements.announced_by(workspace, earlier)
    lines = [
        ResultLine("good" if good else "warning", words)
        for good, words in announced_lines(announced)
    ]
    fault = untold_fault([announced])
    waits = [ResultLine("warning", str(fault))] if fault is not None else []
    return ChangeResult((*lines, *waits))


def _sync(workspace: Workspace, _form: Form) -> ChangeResult:
    record_missing_copies(workspace)
    brought = sync_all(workspace)
    told = announcements.finish_waiting(workspace)
    lines: list[ResultLine] = []
    for each in brought:
        if is_all_there(each):
            lines.append(ResultLine("good", f"{each.incident.title}: everything is in the doc."))
        lines += about(each)
    for one in told:
        lines += [
            ResultLine("good" if ok else "warning", words) for ok, words in announced_lines(one)
        ]
    return ChangeResult(tuple(lines) or (ResultLine("good", "Everything is in the doc."),))


def _paste(ref: str) -> Response:
    """Read a paste; record it if the person has seen and confirmed exactly this reading."""
    form = Form()
    with desk().workspace(ref, "log") as workspace:
        incident = workspace.incident()
        found: list[_Reading] = []
        done = attempt("paste", lambda: _read_or_record(workspace, incident, form, found))
    if isinstance(done, ChangeResult) and done.lines:
        return go_to("incident.show", done, ref=incident.id)
    failed = done if isinstance(done, Failed) else None
    return _paste_page(incident, failed, found[0] if found else None)


@dataclass(frozen=True)
class _Reading:
    """An understood paste: its new entries, and how many exist already."""

    paste: Paste
    fresh: list[PastedEntry]
    known: int

    @property
    def key(self) -> str:
        """A hash of what the person sees: they confirm this reading and no other."""
        seen = repr([(each.at.isoformat(), each.text, each.by) for each in self.fresh])
        return hashlib.sha256(seen.encode("utf-8", "replace")).hexdigest()[:24]


def _read_or_record(
    workspace: Workspace, incident: Incident, form: Form, found: list[_Reading]
) -> ChangeResult:
    text, by = form.text("text"), form.text("by")
    before_start = form.has("before_start")
    earliest = None if before_start else incident.started_at
    first = form.past(workspace, "at", incident.zone)
    paste = read_paste(
        text, now=workspace.now(), zone=incident.zone, first=first, habits=habits_of(os.environ)
    )
    if not paste.entries:
        raise BadInput("No line has a time of its own. Log it as one entry on the incident's page.")
    known = many_entries.known_sources(workspace, paste.entries)
    fresh = [each for each in paste.entries if each.source not in known]
    reading = _Reading(paste, fresh, len(paste.entries) - len(fresh))
    found.append(reading)
    many_entries.entries_of(workspace, fresh, by=by, earliest=earliest)  # raises if it can't be
    if form.text("agreed") != reading.key:
        return ChangeResult()
    words = [text, True, form.text("at") or None, by, "", before_start, False]
    earlier = begin(workspace, "log", words, incident.id, form)
    if earlier is not None:
        return _logged(many_entries.logged_by(workspace, earlier))
    return _logged(many_entries.log_many(workspace, paste.entries, by=by, earliest=earliest))


def _paste_page(
    incident: Incident, failed: Failed | None = None, reading: _Reading | None = None
) -> Response:
    form = Form()
    return page(
        "paste",
        422 if failed else 200,
        incident=incident,
        paste=reading.paste if reading else None,
        fresh=reading.fresh if reading else [],
        known=reading.known if reading else 0,
        agreed_to=reading.key if reading else "",
        text=form.text("text"),
        at=form.text("at"),
        by=form.text("by"),
        before_start=form.has("before_start"),
        failed=failed,
        typed=request.form,
        here="incident",
    )


_ACTIONS: dict[str, Action] = {
    "log": _log,
    "status": _status,
    "impact": _stating(Statement.IMPACT),
    "severity": _stating(Statement.SEVERITY),
    "edit": _edit,
    "section": _section,
    "reword": _reword,
    "strike": _strike,
    "attach": _attach,
    "share": _share,
    "unshare": _unshare,
    "announce": _announce,
    "sync": _sync,
}
