"""The customers' version as a Google Doc of its own: made once, kept up to date, never over
people's words.

As with an incident's doc each call that makes something is written down first, and an answer that
was lost is looked for. Text is written only where the doc holds, to the letter, a version that
this program wrote.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from workflow.document.blocks import Block, Kind, heading_kind
from workflow.document.paragraphs import lay_out
from workflow.document.parse import blocks_from_markdown
from workflow.document.requests import Request
from workflow.document.splice import Join, Paragraphs, Spot, batch
from workflow.document.view import FIELDS, DocView, read_document
from workflow.flows.doc_making import settling_time
from workflow.flows.faults import BadInput
from workflow.flows.publishing import Draft
from workflow.flows.workspace import Workspace, new_id
from workflow.google import INCIDENT_PROPERTY
from workflow.google.faults import GoogleFault, Refused, StaleRevision, Undecided
from workflow.ledger import incidents, publications
from workflow.ledger.publications import Publication

_BODY_START = 1  # The body's first index: a section break comes before it.
_ATTEMPTS = 6
# A template may do without a title; its doc needs a name in Drive all the same.
_UNTITLED = "Postmortem"


class Outcome(StrEnum):
    """What became of the doc."""

    MADE = "made"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    EDITED = "edited"  # by people, so it was left alone


@dataclass(frozen=True)
class PublicDoc:
    """The doc, and what became of it."""

    publication: Publication
    outcome: Outcome


class _EditedByPeople(Exception):
    """The doc holds words that this program did not write."""


def bring_to_public_doc(workspace: Workspace, draft: Draft) -> PublicDoc:
    """Make the doc, or bring our own text in it up to date.

    Raises `GoogleFault`; what was begun is recorded, and the next call finishes it. Raises
    `BadInput` when the doc is gone.
    """
    latest = _latest(workspace, draft)
    if latest is None:
        return make_public_doc(workspace, draft)
    try:
        latest = _finish(workspace, latest, draft.version.title)
        texts = _texts_in(_read(workspace, latest))
        if texts not in _versions(workspace, latest):
            return PublicDoc(latest, Outcome.EDITED)
        if texts == _texts_of(draft.version.markdown):
            return PublicDoc(latest, Outcome.UNCHANGED)
        newer = replace(
            _new(workspace, draft), state="created", doc_id=latest.doc_id, doc_url=latest.doc_url
        )
        return PublicDoc(_record(workspace, draft, newer, latest), Outcome.UPDATED)
    except _EditedByPeople:
        return PublicDoc(_reread(workspace, latest), Outcome.EDITED)


def make_public_doc(workspace: Workspace, draft: Draft) -> PublicDoc:
    """Make a new doc; an earlier one stays as it is. Raises as `bring_to_public_doc`."""
    new = _new(workspace, draft)
    try:
        return PublicDoc(_record(workspace, draft, new, _latest(workspace, draft)), Outcome.MADE)
    except _EditedByPeople:
        return PublicDoc(_reread(workspace, new), Outcome.EDITED)


def finish_public_doc(workspace: Workspace, publication: Publication) -> PublicDoc:
    """Go on with a version whose doc was begun and not filled. Raises as `bring_to_public_doc`."""
    outcome = Outcome.UPDATED if _replaces_another(workspace, publication) else Outcome.MADE
    title = next((one.text for one in _blocks(publication.markdown) if one.kind is Kind.TITLE), "")
    try:
        return PublicDoc(_finish(workspace, publication, title or _UNTITLED), outcome)
    except _EditedByPeople:
        return PublicDoc(_reread(workspace, publication), Outcome.EDITED)


def public_doc_of(workspace: Workspace, incident_id: str) -> Publication | None:
    """The last version that was brought to a doc, if there is one."""
    with workspace.ledger.read() as connection:
        return publications.latest_publication(connection, incident_id)


def _latest(workspace: Workspace, draft: Draft) -> Publication | None:
    return public_doc_of(workspace, draft.incident.id)


def _new(workspace: Workspace, draft: Draft) -> Publication:
    left_out = [{"kind": each.kind.value, "text": each.text} for each in draft.version.left_out]
    return Publication(
        id=new_id(),
        incident_id=draft.incident.id,
        markdown=draft.version.markdown,
        left_out=left_out,
        created_at=workspace.wall(),
    )


def _record(
    workspace: Workspace, draft: Draft, newer: Publication, latest: Publication | None
) -> Publication:
    """Write a version down and bring it to its doc."""
    with workspace.ledger.write() as connection:
        is_ours = publications.add_publication(connection, newer, after=latest)
    if not is_ours:
        raise BadInput("Somebody else is publishing this incident now. Run the command again.")
    return _finish(workspace, newer, draft.version.title)


def _finish(workspace: Workspace, publication: Publication, title: str) -> Publication:
    """Go on from wherever the making of this version's doc stands, until it is filled."""
    while publication.state != "filled":
        if publication.state == "none":
            _create(workspace, publication, title)
        elif publication.state == "creating":
            _find_or_create(workspace, publication, title)
        else:
            _write(workspace, publication)
        publication = _reread(workspace, publication)
    return publication


def _reread(workspace: Workspace, publication: Publication) -> Publication:
    with workspace.ledger.read() as connection:
        return publications.publication_by_id(connection, publication.id)


def _create(workspace: Workspace, publication: Publication, title: str) -> None:
    with workspace.ledger.write() as connection:
        if not publications.doc_asked_for(connection, publication, at=workspace.wall()):
            return
    marks = {INCIDENT_PROPERTY: _mark(publication)}
    try:
        made = workspace.google.drive.create_document(
            title,
            parent=_folder(workspace, publication),
            app_properties=marks,
            properties=marks,
        )
    except Undecided:
        raise
    except GoogleFault:  # a plain no: the next try need not look for anything
        with workspace.ledger.write() as connection:
            publications.doc_not_made(connection, publication.id)
        raise
    _note_made(workspace, publication, made.id, made.url)


def _find_or_create(workspace: Workspace, publication: Publication, title: str) -> None:
    if _find(workspace, publication) or not _has_settled(workspace, publication):
        return
    if not _find(workspace, publication):
        _create(workspace, publication, title)


def _find(workspace: Workspace, publication: Publication) -> bool:
    found = workspace.google.drive.find_documents(
        _folder(workspace, publication), _mark(publication)
    )
    if found:
        oldest = found[-1]
        _note_made(workspace, publication, oldest["id"], oldest["webViewLink"])
    return bool(found)


def _note_made(workspace: Workspace, publication: Publication, doc_id: str, url: str) -> None:
    with workspace.ledger.write() as connection:
        publications.doc_made(connection, publication.id, doc_id=doc_id, doc_url=url)


def _mark(publication: Publication) -> str:
    """What the doc is found by: never an incident's own mark, so that nobody joins by it."""
    return f"publication-{publication.id}"


def _folder(workspace: Workspace, publication: Publication) -> str | None:
    with workspace.ledger.read() as connection:
        return incidents.doc_record(connection, publication.incident_id).folder or None


def _has_settled(workspace: Workspace, publication: Publication) -> bool:
    """Wait until the call can't be under way any more; False as soon as somebody has gone on."""
    if publication.called_at is None:
        return True
    settled: timedelta = publication.called_at + settling_time(workspace) - workspace.wall()
    until = time.monotonic() + settled.total_seconds()
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, 0.2))
        if _reread(workspace, publication) != publication:
            return False
    return True


def _write(workspace: Workspace, publication: Publication) -> None:
    """Put the version into the doc, in the place of an earlier one of ours."""
    expected = _texts_of(publication.markdown)
    earlier = _versions(workspace, publication)
    for _ in range(_ATTEMPTS):
        view = _read(workspace, publication)
        texts = _texts_in(view)
        if texts == expected:
            break
        if texts and texts not in earlier:
            raise _EditedByPeople
        try:
            workspace.google.docs.batch_update(
                publication.doc_id,
                _filling(view, publication.markdown),
                required_revision=view.revision_id or None,
            )
        except StaleRevision as stale:
            if _read(workspace, publication).revision_id == stale.carried:
                raise  # the requests themselves are bad
            continue
        break
    else:
        raise _EditedByPeople  # somebody types in it right now
    with workspace.ledger.write() as connection:
        publications.doc_filled(connection, publication.id)


def _read(workspace: Workspace, publication: Publication) -> DocView:
    try:
        return read_document(workspace.google.docs.get(publication.doc_id, FIELDS))
    except Refused as refused:
        if refused.status != 404:
            raise
        raise BadInput(
            f"The customers' version {publication.doc_url} is gone, or this sign-in may not see "
            "it. Make a new one: postmortem publish --doc --again"
        ) from refused


def _filling(view: DocView, markdown: str) -> list[Request]:
    tab_id = view.tabs[0].id
    end = view.in_tab(tab_id)[-1].end - 1
    spot = Spot(tab_id, at=end, join=Join.INSTEAD, delete_from=_BODY_START)
    return batch([Paragraphs(spot, lay_out(_blocks(markdown)))], forget=(), name=())


def _blocks(markdown: str) -> list[Block]:
    """Blocks as they stand in the doc: the level-one heading is its title."""
    return [_one_level_up(block) for block in blocks_from_markdown(markdown)]


def _one_level_up(block: Block) -> Block:
    level = block.kind.heading_level
    if not level:
        return block
    return replace(block, kind=Kind.TITLE if level == 1 else heading_kind(level - 1))


def _replaces_another(workspace: Workspace, publication: Publication) -> bool:
    return bool(publication.doc_id) and len(_versions(workspace, publication)) > 1


def _versions(workspace: Workspace, publication: Publication) -> list[list[str]]:
    """The text of each version that was ever to stand in this doc."""
    with workspace.ledger.read() as connection:
        every = publications.publications_of(connection, publication.incident_id)
    return [_texts_of(each.markdown) for each in every if each.doc_id == publication.doc_id]


def _texts_of(markdown: str) -> list[str]:
    texts: list[str] = []
    for block in _blocks(markdown):
        texts.append(block.text)
        texts += ["".join(span.text for span in cell) for row in block.rows for cell in row]
    return [text for text in texts if text.strip()]


def _texts_in(view: DocView) -> list[str]:
    return [paragraph.text for paragraph in view.paragraphs if paragraph.text.strip()]
