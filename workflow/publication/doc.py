"""The public postmortem's own Google Doc: created once, updated, never over people's words.

As with an incident's doc, each creating call is recorded first, and after a lost answer the doc is
looked for. Text is written only if the doc holds exactly a version that this program wrote.
Versions whose docs were begun are finished later. The doc is shared only with those who were named,
one at a time, on the record.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import cast

from workflow.doc import create as making
from workflow.doc.push import bring_to_doc
from workflow.doc.sharing import is_among, parse_share, target_of
from workflow.document.blocks import Block, BlockKind, heading_kind
from workflow.document.edits.splice import Join, Paragraphs, Spot, batch
from workflow.document.parse import blocks_from_markdown
from workflow.document.requests import Request
from workflow.document.styling import lay_out
from workflow.document.view import FIELDS, DocView, read_document
from workflow.errors import BadInput
from workflow.google.client import Json
from workflow.google.drive import NewDocument, Role
from workflow.google.faults import (
    GoogleFault,
    Refused,
    SignInNeeded,
    StaleRevision,
)
from workflow.incident.timeline import new_entry, record_entry
from workflow.ledger import doc_making, incidents
from workflow.ledger.doc_making import Publication
from workflow.ledger.incidents import DocState, Share, ShareState
from workflow.model import Incident
from workflow.publication.draft import PublicDraft
from workflow.workspace import Workspace, new_id

_BODY_START = 1  # The body's first index: a section break comes before it.
_ATTEMPTS = 6
# A template may have no title, but its doc needs a name in Drive.
_UNTITLED = "Postmortem"


class Outcome(StrEnum):
    """The result for the doc."""

    MADE = "made"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    EDITED = "edited"  # by people, so it was left alone


@dataclass(frozen=True)
class PublicDoc:
    """The doc, and its result."""

    publication: Publication
    outcome: Outcome


class _EditedByPeople(Exception):
    """The doc holds text that this program did not write."""


def bring_to_public_doc(workspace: Workspace, draft: PublicDraft) -> PublicDoc:
    """Create the doc, or update our own text in it.

    Raises `GoogleFault`; what was begun is recorded, and the next call finishes it. Raises
    `BadInput` if the doc is gone.
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
            _new(workspace, draft),
            state=DocState.CREATED,
            doc_id=latest.doc_id,
            doc_url=latest.doc_url,
        )
        return PublicDoc(_record(workspace, draft, newer, latest), Outcome.UPDATED)
    except _EditedByPeople:
        return PublicDoc(_reread(workspace, latest), Outcome.EDITED)


def make_public_doc(workspace: Workspace, draft: PublicDraft) -> PublicDoc:
    """Create a new doc; an earlier one stays unchanged. Raises as `bring_to_public_doc`."""
    new = _new(workspace, draft)
    try:
        return PublicDoc(_record(workspace, draft, new, _latest(workspace, draft)), Outcome.MADE)
    except _EditedByPeople:
        return PublicDoc(_reread(workspace, new), Outcome.EDITED)


def finish_public_doc(workspace: Workspace, publication: Publication) -> PublicDoc:
    """Continue with a version whose doc is not filled yet. Raises as `bring_to_public_doc`."""
    outcome = Outcome.UPDATED if _replaces_another(workspace, publication) else Outcome.MADE
    title = next(
        (one.text for one in _blocks(publication.markdown) if one.kind is BlockKind.TITLE), ""
    )
    try:
        return PublicDoc(_finish(workspace, publication, title or _UNTITLED), outcome)
    except _EditedByPeople:
        return PublicDoc(_reread(workspace, publication), Outcome.EDITED)


def public_doc_of(workspace: Workspace, incident_id: str) -> Publication | None:
    """The last version that was brought to a doc, if any."""
    with workspace.ledger.read() as connection:
        return doc_making.latest_publication(connection, incident_id)


def _latest(workspace: Workspace, draft: PublicDraft) -> Publication | None:
    return public_doc_of(workspace, draft.incident.id)


def _new(workspace: Workspace, draft: PublicDraft) -> Publication:
    left_out = [{"kind": each.kind.value, "text": each.text} for each in draft.version.left_out]
    return Publication(
        id=new_id(),
        incident_id=draft.incident.id,
        markdown=draft.version.markdown,
        left_out=left_out,
        created_at=workspace.wall(),
    )


def _record(
    workspace: Workspace, draft: PublicDraft, newer: Publication, latest: Publication | None
) -> Publication:
    """Record a version and bring it to its doc."""
    with workspace.ledger.write() as connection:
        is_ours = doc_making.add_publication(connection, newer, after=latest)
    if not is_ours:
        raise BadInput(
            "Somebody else is publishing this incident right now. Run the command again later."
        )
    return _finish(workspace, newer, draft.version.title)


def _finish(workspace: Workspace, publication: Publication, title: str) -> Publication:
    """Continue creating this version's doc from its current step until it is filled."""
    doc = _PublicDocToMake(workspace, publication, title)
    making.make_once(workspace, doc)
    return doc.publication


def _reread(workspace: Workspace, publication: Publication) -> Publication:
    with workspace.ledger.read() as connection:
        return doc_making.publication_by_id(connection, publication.id)


class _PublicDocToMake:
    """A public version: created empty, or written in place of an earlier one of ours."""

    def __init__(self, workspace: Workspace, publication: Publication, title: str) -> None:
        self._workspace = workspace
        self._title = title
        self.publication = publication
        self.row = doc_making.public_doc(publication.id)
        # Never an incident's own mark, so that nobody joins by it.
        self.mark = f"publication-{publication.id}"

    def look(self) -> Publication:
        """Read the version and its doc's state."""
        self.publication = _reread(self._workspace, self.publication)
        return self.publication

    def folder(self) -> str | None:
        """The incident's folder."""
        with self._workspace.ledger.read() as connection:
            return incidents.doc_record(connection, self.publication.incident_id).folder or None

    def create(self, marks: dict[str, str]) -> NewDocument:
        """Create an empty doc."""
        return self._workspace.google.drive.create_document(
            public_title(self._title),
            parent=self.folder(),
            app_properties=marks,
            properties=marks,
        )

    def accept(self, refused: Refused) -> bool:
        """Accept no refusal: nobody waits for the public doc as for the incident's."""
        return False

    def fill(self, *, is_new: bool) -> None:
        """Write the version, unless it is there."""
        _write(self._workspace, self.publication)


def public_title(title: str) -> str:
    """The name of the public doc in Drive, unlike the incident's own."""
    return f"{title}: what happened"


def _write(workspace: Workspace, publication: Publication) -> None:
    """Write the version into the doc, in place of an earlier one of ours."""
    expected = _texts_of(publication.markdown)
    earlier = _versions(workspace, publication)
    for _ in range(_ATTEMPTS):
        view = _read(workspace, publication)
        texts = _texts_in(view)
        if texts == expected:
            break
        if view.suggestions or (texts and texts not in earlier):
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
        raise _EditedByPeople  # somebody is typing in it
    with workspace.ledger.write() as connection:
        doc_making.filled(connection, doc_making.public_doc(publication.id))


def _read(workspace: Workspace, publication: Publication) -> DocView:
    try:
        return read_document(workspace.google.docs.get(publication.doc_id, FIELDS))
    except Refused as refused:
        if refused.status != 404:
            raise
        raise BadInput(
            f"The public postmortem {publication.doc_url} was deleted, or this sign-in can't see "
            f"it. To create a new one: postmortem publish --doc --again"
        ) from refused


def _filling(view: DocView, markdown: str) -> list[Request]:
    tab_id = view.tabs[0].id
    end = view.in_tab(tab_id)[-1].end - 1
    spot = Spot(tab_id, at=end, join=Join.INSTEAD, delete_from=_BODY_START)
    return batch([Paragraphs(spot, lay_out(_blocks(markdown)))], forget=(), name=())


def _blocks(markdown: str) -> list[Block]:
    """Blocks as they are in the doc: the level-one heading is its title."""
    return [_one_level_up(block) for block in blocks_from_markdown(markdown)]


def _one_level_up(block: Block) -> Block:
    level = block.kind.heading_level
    if not level:
        return block
    return replace(block, kind=BlockKind.TITLE if level == 1 else heading_kind(level - 1))


def _replaces_another(workspace: Workspace, publication: Publication) -> bool:
    return bool(publication.doc_id) and len(_versions(workspace, publication)) > 1


def _versions(workspace: Workspace, publication: Publication) -> list[list[str]]:
    """The text of each version that this doc had or should have had."""
    with workspace.ledger.read() as connection:
        every = doc_making.publications_of(connection, publication.incident_id)
    return [_texts_of(each.markdown) for each in every if each.doc_id == publication.doc_id]


def _texts_of(markdown: str) -> list[str]:
    texts: list[str] = []
    for block in _blocks(markdown):
        texts.append(block.text)
        texts += ["".join(span.text for span in cell) for row in block.rows for cell in row]
    return [text for text in texts if text.strip()]


def _texts_in(view: DocView) -> list[str]:
    return [paragraph.text for paragraph in view.paragraphs if paragraph.text.strip()]


@dataclass(frozen=True)
class FinishedPublication:
    """A public version and its doc's result: made, updated, edited, gone, "" for waiting.

    `said` is a message for the person; `fault` is why it still waits.
    """

    incident: Incident
    publication: Publication
    outcome: str = ""
    said: str = ""
    fault: GoogleFault | None = None


def finish_publications(workspace: Workspace) -> list[FinishedPublication]:
    """Finish every public version that was begun. Raises nothing: it stays recorded.

    Stops at the first that Google refuses: it waits, and so do those after it.
    """
    with workspace.ledger.read() as connection:
        waiting = doc_making.unfinished_publications(connection, profile=workspace.settings.profile)
    found: list[FinishedPublication] = []
    for publication in waiting:
        found.append(_finish_one(workspace, publication))
        if found[-1].fault is not None:
            break
    return found


def _finish_one(workspace: Workspace, publication: Publication) -> FinishedPublication:

    with workspace.ledger.read() as connection:
        incident = incidents.incident_by_id(connection, publication.incident_id)
    try:
        doc = finish_public_doc(workspace, publication)
    except BadInput as gone:
        return FinishedPublication(incident, publication, "gone", str(gone))
    except GoogleFault as fault:
        return FinishedPublication(incident, publication, fault=fault)
    return FinishedPublication(incident, doc.publication, doc.outcome.value)


ANYONE = "anyone"


def parse_public_share(text: str) -> Share:
    """As `parse_share`, plus `anyone` for everybody with the link; the usual role is reader.

    Raises `BadInput`.
    """
    who, _, role = text.strip().partition(":")
    if who.lower() != ANYONE:
        return parse_share(text, "reader")
    if role.lower() not in {"", "reader"}:
        raise BadInput(f"--share {text}: anyone with the link can only be reader.")
    return Share(ANYONE, "reader")


def share_publication(
    workspace: Workspace, incident: Incident, publication: Publication, wanted: list[Share]
) -> list[Share]:
    """Share the doc; each result is done or refused. The timeline records who got access.

    Raises `GoogleFault` if Google can't be asked: the same command then continues, because an
    existing share is left alone.
    """
    present = workspace.google.drive.permissions(publication.doc_id)
    shared: list[Share] = []
    for share in wanted:
        is_there = _is_there(share, present)
        done = replace(share, state=ShareState.DONE)
        shared.append(done if is_there else _share(workspace, publication, share))
        if shared[-1].state == "done":  # also if an earlier run could not write it down
            _put_on_record(workspace, incident, publication, share)
    if any(share.state == "done" for share in shared):
        bring_to_doc(workspace, incident.id)
    return shared


def _share(workspace: Workspace, publication: Publication, share: Share) -> Share:
    drive = workspace.google.drive
    role = cast("Role", share.role)
    mail = "" if workspace.settings.config.share_notify else None
    try:
        if share.who == ANYONE:
            drive.share(publication.doc_id, "anyone", "", role)
        else:
            target = target_of(share.who)
            drive.share(publication.doc_id, target.kind, target.address, role, mail=mail)
    except (Refused, SignInNeeded) as fault:
        # "Shared, but the mail could not be sent" is a refusal too: check who has access.
        if _is_there(share, drive.permissions(publication.doc_id)):
            return replace(share, state=ShareState.DONE)
        return replace(share, state=ShareState.REFUSED, error=fault.sentence)
    return replace(share, state=ShareState.DONE)


def _is_there(share: Share, present: list[Json]) -> bool:
    if share.who == ANYONE:
        return any(each.get("type") == "anyone" for each in present)
    return is_among(share, present)


def _put_on_record(
    workspace: Workspace, incident: Incident, publication: Publication, share: Share
) -> None:
    who = "anyone with the link" if share.who == ANYONE else share.who
    words = f"The public postmortem was shared with {who} ({share.role})"
    entry = new_entry(workspace, incident, words, link=publication.doc_url)
    with workspace.ledger.write() as connection:
        told = incidents.timeline(connection, incident.id)
        if any(each.text == words and each.link == entry.link for each in told):
            return
        record_entry(connection, incident, entry)
