"""Questions about Google that only Google can answer, asked of a scratch doc and a mail to oneself.

What is tried is taken away again. One thing stays: a mail that this account sent to itself, for
deleting a mail needs a scope that this program does not ask for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from functools import partial
from typing import Any

from workflow.flows.workspace import Workspace, new_id
from workflow.google import Docs, GoogleFault, Refused

_TITLE = "postmortem doctor: scratch, may be deleted"
_HEADER = "X-Postmortem-Check"
_RANGE = "postmortem/doctor"
# "ab" + the range over "cd" + "ef", at the beginning of the body, whose first index is 1.
_TEXT, _RANGE_START, _RANGE_END = "abcdef\n", 3, 5


@dataclass(frozen=True)
class Answer:
    """What Google did when it was asked. `surprise`: not what this program goes by."""

    question: str
    answer: str
    surprise: bool = False


def ask_live(workspace: Workspace, colleagues_doc: str) -> Iterator[Answer]:
    """Every question with its answer, as they come in.

    `colleagues_doc` is the id of a doc that a colleague made with this program, or "".
    """
    yield from _guarded("a scratch doc", lambda: _ask_docs(workspace))
    yield from _guarded("a mail to oneself", lambda: _ask_gmail(workspace))
    if colleagues_doc:
        yield from _ask_about_a_colleagues(workspace, colleagues_doc)
    else:
        yield Answer("a colleague's doc", "not asked: name one with --doc")


def _guarded(what: str, ask: Callable[[], Iterator[Answer]]) -> Iterator[Answer]:
    try:
        yield from ask()
    except GoogleFault as fault:
        yield Answer(what, fault.sentence, surprise=True)


# --- Docs -------------------------------------------------------------------------------------


def _ask_docs(workspace: Workspace) -> Iterator[Answer]:
    drive, docs = workspace.google.drive, workspace.google.docs
    marks = {"incident": f"doctor-{new_id()}"}
    scratch = drive.create_document(_TITLE, parent=None, app_properties=marks, properties={})
    try:
        found = drive.find_documents(None, marks["incident"])
        yield Answer(
            "a new doc is found by its folder at once",
            "yes" if found else "no",
            surprise=not found,
        )
        yield from _ask_about_edges(docs, scratch.id)
        yield from _ask_about_locks(docs, scratch.id)
        yield from _ask_about_parts(docs, scratch.id, drive.account().email)
    finally:
        drive.delete(scratch.id)
    yield Answer("the scratch doc is deleted", "yes")


def _ask_about_edges(docs: Docs, doc_id: str) -> Iterator[Answer]:
    for place, index in (
        ("start", _RANGE_START),
        ("middle", _RANGE_START + 1),
        ("end", _RANGE_END),
    ):
        _write(docs, doc_id, _insert(1, _TEXT), _name(_RANGE_START, _RANGE_END))
        _write(docs, doc_id, _insert(index, "X"))
        spans = _spans(docs, doc_id)
        inside = sum(end - start for start, end in spans) > _RANGE_END - _RANGE_START
        expected = place == "middle"
        yield Answer(
            f"text put at the {place} of a named range belongs to it",
            f"{'yes' if inside else 'no'} ({spans})",
            surprise=inside is not expected,
        )
        _write(
            docs,
            doc_id,
            {"deleteNamedRange": {"name": _RANGE}},
            {"deleteContentRange": {"range": {"startIndex": 1, "endIndex": 1 + len(_TEXT) + 1}}},
        )
    _write(docs, doc_id, _insert(1, _TEXT), _name(_RANGE_START, _RANGE_END))
    emptied = {"startIndex": _RANGE_START, "endIndex": _RANGE_END}
    _write(docs, doc_id, {"deleteContentRange": {"range": emptied}})
    left = _spans(docs, doc_id)
    yield Answer("a named range whose text is deleted is gone", "no" if left else "yes")


def _ask_about_locks(docs: Docs, doc_id: str) -> Iterator[Answer]:
    before = str(docs.get(doc_id, "revisionId").get("revisionId", ""))
    _write(docs, doc_id, _insert(1, "Y"))
    try:
        docs.batch_update(doc_id, [_insert(1, "Z")], required_revision=before)
    except Refused as refused:
        yield Answer("a write with a revision that is past is refused", f"yes: {refused.detail}")
    else:
        yield Answer("a write with a revision that is past is refused", "no", surprise=True)


def _ask_about_parts(docs: Docs, doc_id: str, email: str) -> Iterator[Answer]:
    here = {"location": {"index": 1}}
    # Only addresses of Drive are taken (seen in the field).
    page = f"https://docs.google.com/document/d/{doc_id}/edit"
    parts: Mapping[str, dict[str, Any]] = {
        "insertDate": {
            **here,
            "dateElementProperties": {"timestamp": "2026-11-24T12:00:00Z", "timeZoneId": "etc/UTC"},
        },
        "insertPerson": {**here, "personProperties": {"email": email}},
        "insertRichLink": {**here, "richLinkProperties": {"uri": page}},
        "createParagraphBullets": {
            "range": {"startIndex": 1, "endIndex": 2},
            "bulletPreset": "BULLET_CHECKBOX",
        },
    }
    options = [
        {"optionId": f"dropdownItem.{name.lower()}", "displayValue": name}
        for name in ("One", "Two")
    ]
    definition = {
        "dropdownDefinitionId": "kix.doctor",
        "dropdownDefinitionProperties": {"title": "Doctor", "options": options},
    }
    chosen = {"dropdownDefinitionId": "kix.doctor", "selectedOptionId": "dropdownItem.one"}
    dropdown = (
        {"createDropdownDefinition": {"dropdownDefinition": definition}},
        {"insertDropdown": {**here, **chosen}},
    )
    yield _tried("a dropdown is taken", partial(_write, docs, doc_id, *dropdown))
    for name, body in parts.items():
        yield _tried(f"{name} is taken", partial(_write, docs, doc_id, {name: body}))


def _tried(question: str, act: Callable[[], object]) -> Answer:
    try:
        act()
    except Refused as refused:
        return Answer(question, f"no: {refused.detail}", surprise=True)
    return Answer(question, "yes")


def _write(docs: Docs, doc_id: str, *requests: dict[str, Any]) -> None:
    docs.batch_update(doc_id, requests, required_revision=None)


def _insert(index: int, text: str) -> dict[str, Any]:
    return {"insertText": {"location": {"index": index}, "text": text}}


def _name(start: int, end: int) -> dict[str, Any]:
    place = {"startIndex": start, "endIndex": end}
    return {"createNamedRange": {"name": _RANGE, "range": place}}


def _spans(docs: Docs, doc_id: str) -> list[tuple[int, int]]:
    """Where the named range is, in UTF-16 code units."""
    tab = docs.get(doc_id, "tabs(documentTab(namedRanges))")["tabs"][0]
    named = tab.get("documentTab", {}).get("namedRanges", {}).get(_RANGE, {})
    return [
        (span.get("startIndex", 0), span["endIndex"])
        for each in named.get("namedRanges", [])
        for span in each.get("ranges", [])
    ]


# --- Gmail ------------------------------------------------------------------------------------


def _ask_gmail(workspace: Workspace) -> Iterator[Answer]:
    gmail = workspace.google.gmail
    if workspace.settings.config.sending.one_step:
        yield Answer(
            "a mail to oneself", "not sent: without gmail.compose nothing can be read back"
        )
        return
    address = gmail.address()
    message = EmailMessage()
    message["To"] = message["From"] = address
    message["Subject"] = _TITLE
    message["Message-ID"] = f"<{new_id(16)}@postmortem.example>"
    message[_HEADER] = "kept"
    message.set_content("This mail was sent by `postmortem doctor --live`. It may be deleted.\n")
    draft = gmail.create_draft(message.as_bytes())
    held = BytesHeaderParser().parsebytes(gmail.get_draft_raw(draft.id))
    yield Answer("a draft keeps X- headers", "yes" if held[_HEADER] else "no")
    same = held["Message-ID"] == message["Message-ID"]
    yield Answer("a draft keeps the Message-ID that it was given", "yes" if same else "no")
    sent = gmail.send_draft(draft.id)
    yield Answer(
        "a mail has the thread of its draft", "yes" if sent.thread_id == draft.thread_id else "no"
    )
    gone = not gmail.draft_exists(draft.id)
    yield Answer("a draft that was sent is gone", "yes" if gone else "no", surprise=not gone)
    yield _second_send(workspace, draft.id)
    yield _sent_header(workspace, sent.message_id, str(message["Message-ID"]))


def _second_send(workspace: Workspace, draft_id: str) -> Answer:
    question = "a draft that was sent is not sent again"
    try:
        workspace.google.gmail.send_draft(draft_id)
    except Refused as refused:
        says = f"refused with {refused.status}: {refused.detail}"
        return Answer(question, says, surprise=refused.status != 404)
    return Answer(question, "it WAS sent again", surprise=True)


def _sent_header(workspace: Workspace, message_id: str, given: str) -> Answer:
    question = "a sent mail keeps the Message-ID that it was given"
    try:
        found = workspace.google.gmail.message_id_header(message_id)
    except GoogleFault:
        return Answer(question, "not asked: that needs the scope read")
    return Answer(question, "yes" if found == given else f"no: {found}", surprise=found == given)


# --- A colleague's doc --------------------------------------------------------------------------


def _ask_about_a_colleagues(workspace: Workspace, doc_id: str) -> Iterator[Answer]:
    docs, drive = workspace.google.docs, workspace.google.drive
    yield _tried("Docs lets this account read a colleague's doc", lambda: docs.get(doc_id, "title"))
    try:
        drive.permissions(doc_id)
    except Refused as refused:
        yield Answer("Drive shows this app a colleague's doc", f"no: {refused.status}")
    else:
        yield Answer("Drive shows this app a colleague's doc", "yes")
