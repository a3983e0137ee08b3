"""Writing to customers step by step: the list, the text beside the mail, a test, the number."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flask import Blueprint, Flask, Response, request
from werkzeug.datastructures import MultiDict

from workflow.console import compositions
from workflow.console.compositions import DESPITE, TEXTS, TICKS, VALUE, WORDS_OF, Composition
from workflow.console.pages import (
    ChangeResult,
    Failed,
    Form,
    ResultLine,
    about,
    all_uploaded,
    as_file,
    attempt,
    desk,
    go_to,
    page,
    send_on_agreed,
    uploaded,
)
from workflow.doc.notices import refuse_given_away
from workflow.errors import BadInput, PostmortemError
from workflow.incident import facts
from workflow.incident.lifecycle import write_not_told
from workflow.ledger import plans as proposals
from workflow.ledger.notices import Notice
from workflow.ledger.plans import ProposalState
from workflow.model import Incident, MailTransport, Stage
from workflow.notice import approval
from workflow.notice import send as sending
from workflow.notice.list_source import fetch_list
from workflow.notice.outcome import (
    blocking_notices,
    labels_and_texts,
    sheet_lines,
    sheet_title,
    typed_number,
)
from workflow.notice.plan import Plan, make_plan
from workflow.notice.preview.pages import create_app as preview_pages
from workflow.notice.preview.source import PlanPreview
from workflow.notice.send import check_alias, notice_with_these_words
from workflow.notice.wording import check_mail_template
from workflow.sending.deliver import Watcher
from workflow.standing import other_ledgers
from workflow.standing.overview import counts_text, standing_of
from workflow.workspace import Workspace

# Values that the program fills in, so no field asks for them.
_FILLED = frozenset({"organisation", "support", "sender_name", "next_update", "resolved_at"})
# The label of a value whose name in the templates is different.
_LABELS = {"who_is_hit": "Who is affected"}
_MAILS = "mails"


def message_pages() -> Blueprint:
    """A notice's pages from its list to the last check."""
    pages = Blueprint("messages", __name__, url_prefix="/incident/<ref>/notify")
    views = _Views(Previews())
    pages.add_url_rule("/", "who", views.who)
    pages.add_url_rule("/", "take_list", views.take_list, methods=["POST"])
    pages.add_url_rule("/not-told", "to_not_told", views.to_not_told, methods=["POST"])
    pages.add_url_rule("/<made>/", "write", views.write)
    for name in ("check", "test", "propose", "send", "throw_away"):
        rule = f"/<made>/{name.replace('_', '-')}"
        pages.add_url_rule(rule, name, getattr(views, name), methods=["POST"])
    pages.add_url_rule(f"/<made>/{_MAILS}/", "mails", views.mails, defaults={"rest": ""})
    pages.add_url_rule(f"/<made>/{_MAILS}/<path:rest>", "mails", views.mails)
    return pages


class _Views:
    """One method for each address."""

    def __init__(self, previews: Previews) -> None:
        self._previews = previews

    def who(self, ref: str) -> Response:
        return list_page(ref)

    def take_list(self, ref: str) -> Response:
        form = Form()
        with desk().workspace(ref, "notify") as workspace:
            incident = workspace.incident()
            made: list[Composition] = []
            done = attempt("list", lambda: _take_list(workspace, incident, form, made))
        if isinstance(done, Failed):
            return list_page(ref, done, request.form)
        return go_to("messages.write", ref=ref, made=made[0].id)

    def to_not_told(self, ref: str) -> Response:
        """Begin the notice to customers who were not told that it is resolved."""
        with desk().workspace(ref) as workspace, TemporaryDirectory() as folder:
            path = Path(folder) / "not-told.csv"
            if not write_not_told(workspace, path):
                raise BadInput("Everybody who was notified knows that it is resolved.")
            fetched = fetch_list(workspace, str(path))
            made = compositions.begin(workspace, workspace.incident(), fetched)
        return go_to("messages.write", ref=ref, made=made.id)

    def write(self, ref: str, made: str) -> Response:
        return _write(ref, made, self._previews)

    def check(self, ref: str, made: str) -> Response:
        with desk().workspace(ref) as workspace:
            composition = compositions.load(workspace, made)
            done = attempt("words", lambda: _fill_in(workspace, composition))
        failed = done if isinstance(done, Failed) else None
        if request.headers.get("HX-Request"):
            return _checked(ref, made, self._previews, failed)
        if failed:
            return _write(ref, made, self._previews, failed)
        return go_to("messages.write", ref=ref, made=made, anchor="checked")

    def test(self, ref: str, made: str) -> Response:
        with desk().workspace(ref, "notify") as workspace:
            composition = compositions.load(workspace, made)
            done = attempt("test", lambda: _test(workspace, composition, Form()))
        return self._after(ref, made, done)

    def propose(self, ref: str, made: str) -> Response:
        with desk().workspace(ref, "notify") as workspace:
            composition = compositions.load(workspace, made)
            done = attempt("propose", lambda: _propose(workspace, composition, Form()))
        if isinstance(done, Failed):
            return self._after(ref, made, done)
        return go_to("messages.who", done, ref=ref)

    def send(self, ref: str, made: str) -> Response:
        form = Form()
        with desk().workspace(ref, "notify") as workspace:
            composition = compositions.load(workspace, made)
            begun: list[str] = []
            done = attempt("send", lambda: _send(workspace, composition, form, begun))
        if begun:
            self._previews.forget(made)
            return go_to(
                "notices.show", done if isinstance(done, ChangeResult) else None, notice=begun[0]
            )
        return self._after(ref, made, done)

    def throw_away(self, ref: str, made: str) -> Response:
        with desk().workspace(ref) as workspace:
            compositions.throw_away(compositions.load(workspace, made))
        self._previews.forget(made)
        said = ChangeResult((ResultLine("plain", "Thrown away. Nothing was sent."),))
        return go_to("incident.show", said, ref=ref)

    def mails(self, ref: str, made: str, rest: str) -> Response:
        return self._previews.show(ref, made, rest)

    def _after(self, ref: str, made: str, done: ChangeResult | Failed) -> Response:
        if isinstance(done, Failed):
            return _write(ref, made, self._previews, done)
        return go_to("messages.write", done, ref=ref, made=made)


@dataclass
class _Preview:
    """A notice's mails as last checked; its workspace stays open for further reading."""

    plan: Plan
    lines: list[tuple[str, str]]
    warnings: list[str]
    pages: Flask
    open: ExitStack


@dataclass
class Previews:
    """The preview's own pages, one set for each notice in preparation."""

    _found: dict[str, _Preview] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def look(self, ref: str, made: str) -> _Preview:
        """Read the list and render the mails again. Raises as `make_plan`."""
        with ExitStack() as stack:
            workspace = stack.enter_context(desk().workspace(ref))
            composition = compositions.load(workspace, made)
            incident = workspace.incident()
            plan = make_plan(workspace, compositions.request_of(workspace, composition, incident))
            lines = list(labels_and_texts(workspace, plan))
            source = PlanPreview(workspace, plan, lines)
            found = _Preview(
                plan,
                lines,
                [each.text for each in sheet_lines(workspace, plan) if each.tone == "warning"],
                preview_pages(source, _MAILS),
                stack.pop_all(),
            )
        with self._lock:
            before, self._found[made] = self._found.get(made), found
        if before is not None:
            before.open.close()
        return found

    def forget(self, made: str) -> None:
        """Close a notice that was sent or given up."""
        with self._lock:
            found = self._found.pop(made, None)
        if found is not None:
            found.open.close()

    def show(self, ref: str, made: str, rest: str) -> Response:
        """A page of the preview, which is framed beside the text."""
        with self._lock:
            found = self._found.get(made)
        found = found or self.look(ref, made)
        environ = dict(request.environ)
        environ["SCRIPT_NAME"] = request.path.rpartition(f"/{_MAILS}/{rest}")[0]
        environ["PATH_INFO"] = f"/{_MAILS}/{rest}"
        with found.pages.request_context(environ):
            response = found.pages.full_dispatch_request()
        policy = response.headers["Content-Security-Policy"]
        response.headers["Content-Security-Policy"] = policy.replace(
            "frame-ancestors 'none'", "frame-ancestors 'self'"
        )
        return response


# Plans whose comments in the doc still matter.
_UNDER_DISCUSSION = frozenset({ProposalState.PROPOSED, ProposalState.APPROVED})


def list_page(
    ref: str, failed: Failed | None = None, typed: MultiDict[str, str] | None = None
) -> Response:
    """The first step: the recipients."""
    with desk().workspace(ref) as workspace:
        standing = standing_of(workspace)
        begun = compositions.unfinished(workspace, standing.incident.id)
        with workspace.ledger.read() as connection:
            plans = proposals.of_incident(connection, standing.incident.id)
        person = workspace.person
        words = sending.words_to_settle(workspace, standing.incident)
        comments = {
            each.plan_hash: approval.comments_on(workspace, each.plan_hash)
            for each in plans
            if each.state in _UNDER_DISCUSSION
        }
    return page(
        "notify_list",
        422 if failed else 200,
        incident=standing.incident,
        standing=standing,
        begun=begun,
        plans=plans,
        comments=comments,
        person=person,
        words=words,
        failed=failed,
        typed=typed or {},
        counts_text=counts_text,
        here="incident",
    )


def _take_list(
    workspace: Workspace, incident: Incident, form: Form, made: list[Composition]
) -> ChangeResult:
    sheet, address = form.text("sheet"), form.text("address")
    given = uploaded("list")
    if given is None and not address:
        raise BadInput("Choose the list of customers, or give the address of a Google Sheet.")
    if given is None:
        if "://" not in address and not address.startswith("sql:"):
            raise BadInput(
                f"{address} is neither the address of a Google Sheet nor sql:FILE. Choose a file "
                "instead."
            )
        fetched = fetch_list(workspace, address, sheet)
    else:
        with as_file(given) as path:
            fetched = fetch_list(workspace, str(path), sheet)
    words = {
        name: form.text(f"customer_{name}") or internal
        for name, internal in sending.words_to_settle(workspace, incident).items()
    }
    facts.settle(workspace, incident, title=words.get("title", ""), impact=words.get("impact", ""))
    made.append(compositions.begin(workspace, incident, fetched))
    return ChangeResult()


def _write(ref: str, made: str, previews: Previews, failed: Failed | None = None) -> Response:
    """The second step: the text beside the mail, the findings, a test, and the number."""
    with desk().workspace(ref) as workspace:
        composition = compositions.load(workspace, made)
        incident = workspace.incident()
        usual = compositions.usual_words(workspace, incident, composition.text("stage"))
        values = _values(usual, composition)
        settings = workspace.settings.config
    found, problem = _looked(ref, made, previews)
    return page(
        "notify_write",
        422 if failed else 200,
        incident=incident,
        ref=ref,
        made=composition,
        usual=usual,
        words=composition.text("words") or usual.source,
        values={name: _label(name) for name in values},
        own_files=compositions.own_files(composition),
        stages=list(Stage),
        transports=list(MailTransport),
        settings=settings,
        found=found,
        problem=problem,
        failed=failed,
        typed=request.form,
        here="incident",
        **_about_plan(found),
    )


def _values(usual: Any, composition: Composition) -> list[str]:
    """The template's values that nothing else gives."""
    try:
        report = check_mail_template(usual)
    except PostmortemError:
        return []
    names = dict.fromkeys([*report.required, *report.from_team, *report.unknown])
    written = [each.removeprefix(VALUE) for each in composition.fields if each.startswith(VALUE)]
    return [name for name in {**names, **dict.fromkeys(written)} if name not in _FILLED]


def _label(name: str) -> str:
    """A label for `what_happened`: `What happened`."""
    return _LABELS.get(name) or name.replace("_", " ").capitalize()


def _looked(ref: str, made: str, previews: Previews) -> tuple[_Preview | None, str]:
    """The mails, or a sentence that says why there are none."""
    try:
        return previews.look(ref, made), ""
    except PostmortemError as error:
        return None, str(error)


def _about_plan(found: _Preview | None) -> dict[str, Any]:
    """The page's text about a plan: why it can't be sent, or the question before sending."""
    if found is None:
        return {"refusal": "", "question": "", "title": "", "blocked": ""}
    plan = found.plan
    refusal = ""
    try:
        sending.refuse_unsendable(plan)
        sending.refuse_while_others_wait(plan)
    except BadInput as refused:
        refusal = str(refused)
    question = sending.question(plan) if plan.new and not refusal else ""
    return {
        "refusal": refusal,
        "question": question,
        "title": sheet_title(plan),
        "blocked": blocking_notices(plan),
    }


def _checked(ref: str, made: str, previews: Previews, failed: Failed | None) -> Response:
    """The right half of the page, after a change in the left."""
    found, problem = _looked(ref, made, previews)
    with desk().workspace(ref) as workspace:
        composition = compositions.load(workspace, made)
        incident = workspace.incident()
    return page(
        "part_checked",
        incident=incident,
        ref=ref,
        made=composition,
        found=found,
        problem=failed.sentence if failed else problem,
        failed=None,
        typed=request.form,
        **_about_plan(found),
    )


def _fill_in(workspace: Workspace, composition: Composition) -> ChangeResult:
    form = Form()
    fields = {name: form.text(name) for name in (*TEXTS, "first")}
    fields |= {name: "yes" for name in TICKS if form.has(name)}
    fields |= {name: form.text(name) for name in request.form if name.startswith(VALUE)}
    fields[DESPITE] = " ".join(form.texts(DESPITE))
    if form.has(WORDS_OF):
        fields[WORDS_OF] = form.text(WORDS_OF)
    incident = workspace.incident()
    filled = compositions.filled_in(workspace, composition, incident, fields)
    if (given := uploaded("attach")) is not None:
        filled = compositions.add_file(filled, *given)
    for name, content in all_uploaded("own_files"):
        compositions.add_own_file(filled, name, content)
    compositions.save(filled)
    return ChangeResult()


def _test(workspace: Workspace, composition: Composition, form: Form) -> ChangeResult:
    incident = workspace.incident()
    row = form.text("row")
    plan = make_plan(workspace, compositions.request_of(workspace, composition, incident))
    stop, at_work = threading.Event(), threading.Event()
    watcher = Watcher(lambda _counts: None, stop, at_work)
    number = int(row) if row.isdecimal() else None
    notified = sending.send_test(workspace, plan, form.text("address"), number, watcher)
    standing = notified.standing
    is_sent = standing.counts.sent == standing.counts.total
    lines = [ResultLine("good" if is_sent else "warning", f"Test: {counts_text(standing)}")]
    lines += [ResultLine("warning", each.reason) for each in standing.shortfalls]
    if notified.sent.fault is not None:
        lines.append(ResultLine("warning", notified.sent.fault.sentence_in(incident.zone)))
    return ChangeResult(tuple(lines))


def _propose(workspace: Workspace, composition: Composition, form: Form) -> ChangeResult:
    """Freeze the plan that the person saw, for a second person to approve."""
    plan = _looked_at(workspace, composition, form)
    sending.refuse_silent_repeat(plan)
    proposal = approval.propose(workspace, plan)
    words = f"Proposed as plan {proposal.short}. Nothing was sent. Somebody else has to approve it."
    return ChangeResult((ResultLine("good", words), *about(approval.bring(workspace, proposal))))


def _looked_at(workspace: Workspace, composition: Composition, form: Form) -> Plan:
    """The plan, if it is the one that the person saw. Raises `BadInput`."""
    incident = workspace.incident()
    plan = make_plan(workspace, compositions.request_of(workspace, composition, incident))
    sending.refuse_unsendable(plan)
    sending.refuse_while_others_wait(plan)
    if plan.new and form.text("plan") != plan.count.hash:
        raise BadInput(
            "Nothing was sent: the list, the words or what was sent to these customers has changed "
            "since you looked. Look again below, then type the number."
        )
    return plan


def _send(
    workspace: Workspace, composition: Composition, form: Form, begun: list[str]
) -> ChangeResult:
    """Freeze the plan that the person saw and agreed to by its number, and start sending."""
    incident = workspace.incident()
    plan = _looked_at(workspace, composition, form)
    if not plan.new:
        return _under_way(workspace, plan, begun)
    approval.refuse_without_approval(workspace, plan)
    refuse_given_away(workspace, incident)
    _, agreed = other_ledgers.settle(workspace, incident, accepted=form.has("not_in_this_ledger"))
    warning = ""
    if plan.from_address and plan.transport is MailTransport.GMAIL:
        warning = check_alias(workspace, plan.from_address)
    sending.refuse_other_number(plan, typed_number(form.text("number")))
    notice = sending.agree(workspace, plan, agreed)
    begun.append(notice.id)

    def send_it(workspace: Workspace, notice: Notice, watcher: Watcher) -> tuple[str, ...]:
        said = send_on_agreed(workspace, notice, watcher)
        # Only now: if another ledger began at the same moment, the notice is undone.
        compositions.throw_away(composition)
        return said

    desk().senders.start(notice, send_it, command="notify")
    return ChangeResult((ResultLine("warning", warning),) if warning else ())


def _under_way(workspace: Workspace, plan: Plan, begun: list[str]) -> ChangeResult:
    """Everybody on the list already has this text, or will: send nothing, show that."""
    standing = notice_with_these_words(workspace, plan)
    if standing is None:
        raise BadInput(
            f"Nothing new was sent: everybody on the list already had the “{plan.stage}” notice."
        )
    begun.append(standing.notice.id)
    is_on_its_way = bool(standing.counts.pending)
    whether = "is already in a notice with this text" if is_on_its_way else "already has this text"
    words = f"Nothing new was sent: everybody on the list {whether}."
    return ChangeResult((ResultLine("plain", words),))
