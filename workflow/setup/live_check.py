"""Tests against Google with a scratch doc and a mail to yourself.

Everything is deleted again, except a mail that this account sent to itself: deleting a mail needs a
scope that this program does not request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from functools import partial
from typing import Any

from workflow.google.client import Docs
from workflow.google.faults import GoogleFault, Refused
from workflow.model import address_of_doc
from workflow.workspace import Workspace, new_id

_TITLE = "postmortem doctor: scratch, may be deleted"
_HEADER = "X-Postmortem-Check"
_RANGE = "postmortem/doctor"
# "ab" + the range over "cd" + "ef", at the beginning of the body, whose first index is 1.
_TEXT, _RANGE_START, _RANGE_END = "abcdef\n", 3, 5


@dataclass(frozen=True)
class LiveAnswer:
    """Google's answer to a test. `surprise`: it differs from this program's assumptions."""

    question: str
    answer: str
    surprise: bool = False


def ask_live(workspace: Workspace, colleagues_doc: str) -> Iterator[LiveAnswer]:
    """Every question with its answer, as they arrive.

    `colleagues_doc` is the id of a doc that a colleague made with this program, or "".
    """
    yield from _guarded("a scratch doc", lambda: _ask_docs(workspace))
    yield from _guarded("a mail to oneself", lambda: _ask_gmail(workspace))
    if colleagues_doc:
        yield from _ask_about_a_colleagues(workspace, colleagues_doc)
    else:
        yield LiveAnswer("a colleague's doc", "not asked: name one with --doc")


def _guarded(what: str, ask: Callable[[], Iterator[LiveAnswer]]) -> Iterator[LiveAnswer]:
    try:
        yield from ask()
    except GoogleFault as fault:
        yield LiveAnswer(what, fault.sentence, surprise=True)


# --- Docs -------------------------------------------------------------------------------------


def _ask_docs(workspace: Workspace) -> Iterator[LiveAnswer]:
    drive, docs = workspace.google.drive, workspace.google.docs
    marks = {"incident": f"doctor-{new_id()}"}
    scratch = drive.create_document(_TITLE, parent=None, app_properties=marks, properties={})
    try:
        found = drive.find_documents(None, marks["incident"])
        yield LiveAnswer(
            "a new doc is found by its folder at once",
            "yes" if found else "no",
            surprise=not found,
        )
        yield from _ask_about_edges(docs, scratch.id)
        yield from _ask_about_locks(docs, scratch.id)
        yield from _ask_about_parts(docs, scratch.id, drive.account().email)
    finally:
        drive.delete(scratch.id)
    yield LiveAnswer("the scratch doc is deleted", "yes")


def _ask_about_edges(docs: Docs, doc_id: str) -> Iterator[LiveAnswer]:
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
        yield LiveAnswer(
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
    yield LiveAnswer("a named range whose text is deleted is gone", "no" if left else "yes")


def _ask_about_locks(docs: Docs, doc_id: str) -> Iterator[LiveAnswer]:
    before = str(docs.get(doc_id, "revisionId").get("revisionId", ""))
    _write(docs, doc_id, _insert(1, "Y"))
    try:
        docs.batch_update(doc_id, [_insert(1, "Z")], required_revision=before)
    except Refused as refused:
        yield LiveAnswer(
            "a write with a revision that is past is refused", f"yes: {refused.detail}"
        )
    else:
        yield LiveAnswer("a write with a revision that is past is refused", "no", surprise=True)


def _ask_about_parts(docs: Docs, doc_id: str, email: str) -> Iterator[LiveAnswer]:
    here = {"location": {"index": 1}}
    # Docs accepts only addresses of Drive (seen in the field).
    page = address_of_doc(doc_id)
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


def _tried(question: str, act: Callable[[], object]) -> LiveAnswer:
    try:
        act()
    except Refused as refused:
        return LiveAnswer(question, f"no: {refused.detail}", surprise=True)
    return LiveAnswer(question, "yes")


def _write(docs: Docs, doc_id: str, *requests: dict[str, Any]) -> None:
    docs.batch_update(doc_id, requests, required_revision=None)


def _insert(index: int, text: str) -> dict[str, Any]:
    return {"insertText": {"location": {"index": index}, "text": text}}


def _name(start: int, end: int) -> dict[str, Any]:
    place = {"startIndex": start, "endIndex": end}
    return {"createNamedRange": {"name": _RANGE, "range": place}}


def _spans(docs: Docs, doc_id: str) -> list[tuple[int, int]]:
    """The named range's place, in UTF-16 code units."""
    tab = docs.get(doc_id, "tabs(documentTab(namedRanges))")["tabs"][0]
    named = tab.get("documentTab", {}).get("namedRanges", {}).get(_RANGE, {})
    return [
        (span.get("startIndex", 0), span["endIndex"])
        for each in named.get("namedRanges", [])
        for span in each.get("ranges", [])
    ]


# --- Gmail ------------------------------------------------------------------------------------


def _ask_gmail(workspace: Workspace) -> Iterator[LiveAnswer]:
    gmail = workspace.google.gmail
    if workspace.settings.config.sending.one_step:
        yield LiveAnswer(
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
    yield LiveAnswer("a draft keeps X- headers", "yes" if held[_HEADER] else "no")
    same = held["Message-ID"] == message["Message-ID"]
    yield LiveAnswer("a draft keeps the Message-ID that it was given", "yes" if same else "no")
    sent = gmail.send_draft(draft.id)
    yield LiveAnswer(
        "a mail has the thread of its draft", "yes" if sent.thread_id == draft.thread_id else "no"
    )
    seen = gmail.look_at_draft(draft.id)
    left = "no" if seen is None or not seen.is_sent else "no, its id shows the sent mail"
    yield LiveAnswer(
        "a draft that was sent is gone", "yes" if seen is None else left, surprise=seen is not None
    )
    yield _second_send(workspace, draft.id)
    yield _sent_header(workspace, sent.message_id, str(message["Message-ID"]))


def _second_send(workspace: Workspace, draft_id: str) -> LiveAnswer:
    question = "a draft that was sent is not sent again"
    try:
        workspace.google.gmail.send_draft(draft_id)
    except Refused as refused:
        says = f"refused with {refused.status}: {refused.detail}"
        return LiveAnswer(question, says, surprise=refused.status != 404)
    return LiveAnswer(question, "it WAS sent again", surprise=True)


def _sent_header(workspace: Workspace, message_id: str, given: str) -> LiveAnswer:
    question = "a sent mail keeps the Message-ID that it was given"
    try:
        found = workspace.google.gmail.message_id_header(message_id)
    except GoogleFault:
        return LiveAnswer(question, "not asked: that needs the scope read")
    return LiveAnswer(
        question, "yes" if found == given else f"no: {found}", surprise=found == given
    )


# --- A colleague's doc --------------------------------------------------------------------------


def _ask_about_a_colleagues(workspace: Workspace, doc_id: str) -> Iterator[LiveAnswer]:
    docs, drive = workspace.google.docs, workspace.google.drive
    yield _tried("Docs lets this account read a colleague's doc", lambda: docs.get(doc_id, "title"))
    try:
        drive.permissions(doc_id)
    except Refused as refused:
        yield LiveAnswer("Drive shows this app a colleague's doc", f"no: {refused.status}")
    else:
        yield LiveAnswer("Drive shows this app a colleague's doc", "yes")
