"""`sync`: bring to Google what was recorded."""

from __future__ import annotations

from typing import Annotated

import typer

from workflow.announce import announcements
from workflow.cli import notice_lines, output, session
from workflow.cli.app import Asked, command
from workflow.doc import push, recovery
from workflow.notice import draft_review
from workflow.publication import doc as publication_doc
from workflow.standing import doc_standing, other_ledgers


@command("sync")
def sync(
    asked: Asked,
    drop: Annotated[
        str,
        typer.Option(
            metavar="ID",
            help="Drop a change that Google Docs refuses.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Send to Google what was recorded while it could not be reached."""
    workspace = session.open_workspace(asked)
    if drop:
        _, words = doc_standing.drop_change(workspace, drop)
        asked.speaker.say(f"Dropped: {words}. It stays in the record, not in the doc.")
    draft_review.record_missing_copies(workspace)
    brought = recovery.sync_all(workspace)
    announced = announcements.finish_waiting(workspace)  # with the docs' links, now that they exist
    published = (
        [] if recovery.is_cut_short(brought) else publication_doc.finish_publications(workspace)
    )
    compared = other_ledgers.glance_at_all(workspace)
    lost = [] if recovery.is_cut_short(brought) else recovery.lost_docs(workspace)
    speaker = asked.speaker
    if speaker.as_json:
        speaker.document(
            {
                "incidents": [
                    {
                        "incident": each.incident.id,
                        "doc_url": each.incident.doc_url or None,
                        "synced": push.is_all_there(each),
                    }
                    for each in brought
                ],
                "announcements": [
                    output.announcement_json(one.incident, each)
                    for one in announced
                    for each in one.told
                ],
                "publications": notice_lines.finished_json(published),
                "other_ledgers": [
                    {"incident": incident.id, **output.elsewhere_json(each, incident)}
                    for incident, each in compared
                    if each.found or each.problem
                ],
                "docs": [
                    {
                        "incident": incident.id,
                        "doc_url": incident.doc_url,
                        "trouble": finding.trouble.value,
                        "words": finding.sentence,
                    }
                    for incident, finding in lost
                ],
            }
        )
    for one in announced:
        output.show_announced(speaker, one)
    if not brought and not announced and not published and not lost:
        speaker.say("Everything is in the doc.")
    for each in brought:
        if push.is_all_there(each):
            speaker.say(f"{each.incident.title}: everything is in the doc.", "good")
        output.show_brought(speaker, each)
    notice_lines.show_finished(speaker, published)
    for incident, each_compared in compared:
        output.show_elsewhere(speaker, each_compared, incident)
    for each in brought:
        output.raise_if_waiting(each)
        output.raise_if_incomplete(each)
    output.raise_if_lost(speaker, lost)
    notice_lines.raise_if_unfinished(published)
    output.raise_if_untold(announced)
