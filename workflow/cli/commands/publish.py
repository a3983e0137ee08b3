"""`publish`: draft the public postmortem."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workflow.cli import session
from workflow.cli.app import Asked, command
from workflow.cli.notice_lines import DOC_WORDS, waits
from workflow.errors import PARTLY, BadInput
from workflow.google import faults
from workflow.publication import doc as publication_doc
from workflow.publication import draft as publishing

if TYPE_CHECKING:
    from workflow.ledger.doc_making import Publication
    from workflow.ledger.incidents import Share
    from workflow.publication.doc import PublicDoc
    from workflow.publication.draft import PublicDraft, PublicFiles
    from workflow.workspace import Workspace


@dataclass
class Published:
    """The result of one run of the command."""

    draft: PublicDraft
    doc: PublicDoc | None = None
    files: PublicFiles | None = None
    shared: list[Share] = field(default_factory=list)
    shared_url: str = ""


@command(
    "publish",
    epilog="Example: postmortem publish\npostmortem publish --doc --to ./public",
)
def publish(
    asked: Asked,
    doc: Annotated[
        bool, typer.Option("--doc", help="Create its Google Doc, or update it.")
    ] = False,
    to: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write Markdown, an HTML page and an email to this folder.",
            dir_okay=True,
        ),
    ] = None,
    share: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHO[:role]",
            help="Let a person, group:ADDRESS, domain or anyone read its Google Doc. Repeatable.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="With --share: skip the question.")] = False,
    again: Annotated[
        bool,
        typer.Option(
            "--again", help="With --doc: create a new doc. The one that people edited stays."
        ),
    ] = False,
    keep: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="Keep this text although it looks internal. Repeatable."),
    ] = None,
    leave_out: Annotated[
        list[str] | None,
        typer.Option("--leave-out", metavar="TEXT", help="Leave out this text too. Repeatable."),
    ] = None,
    with_entry: Annotated[
        list[str] | None,
        typer.Option("--with-entry", metavar="ID", help="Include this timeline entry. Repeatable."),
    ] = None,
    template: Annotated[
        str, typer.Option(metavar="NAME|PATH", help="Template to use instead of public.md.")
    ] = "",
) -> None:
    """Draft a public postmortem without internal details.

    Shows the draft and what was left out. Shares and sends nothing by itself.
    """
    if yes and not share:
        raise typer.BadParameter("works only with --share.", param_hint="--yes")
    if again and not doc:
        raise typer.BadParameter("works only with --doc.", param_hint="--again")
    wanted = [publication_doc.parse_public_share(each) for each in share or ()]
    workspace = session.open_workspace(asked)
    request = publishing.PublishRequest(
        template=template,
        keep=tuple(keep or ()),
        leave_out=tuple(leave_out or ()),
        entries=tuple(with_entry or ()),
    )
    draft = publishing.draft_publication(workspace, request)
    published = Published(draft)
    if doc or to is not None:
        publishing.refuse_empty(draft)
    if wanted:
        _agree(asked, workspace, published, wanted, is_agreed=yes, is_new=doc)
    if doc:
        published.doc = _bring_to_doc(workspace, draft, is_new=again)
    if to is not None:
        published.files = _write(workspace, draft, to)
    if wanted:
        published.shared = _share(workspace, published, wanted)
    _show(asked, published)


def _bring_to_doc(workspace: Workspace, draft: PublicDraft, *, is_new: bool) -> PublicDoc:
    bring = publication_doc.make_public_doc if is_new else publication_doc.bring_to_public_doc
    try:
        return bring(workspace, draft)
    except faults.SignInNeeded:
        raise
    except faults.GoogleFault as fault:
        raise waits(draft.incident, fault) from fault


def _write(workspace: Workspace, draft: PublicDraft, folder: Path) -> PublicFiles:
    return publishing.write_public_files(workspace, draft, folder)


def _agree(
    asked: Asked,
    workspace: Workspace,
    published: Published,
    wanted: list[Share],
    *,
    is_agreed: bool,
    is_new: bool,
) -> None:
    """Ask for agreement to share, before anything is done. Raises `BadInput`."""

    if not is_new and _present_doc(workspace, published) is None:
        raise BadInput(
            "There is no Google Doc to share yet. Create it first: postmortem publish --doc"
        )
    if is_agreed:
        return
    names = ", ".join(f"{each.who} ({each.role})" for each in wanted)
    if not asked.speaker.is_interactive:
        raise BadInput(
            f"Nothing was shared: this would give access to {names}. To confirm, add --yes."
        )
    _show_draft(asked, published)
    answer = asked.speaker.ask(
        f"Type yes to give access to {names}: ", undone="Nothing was shared."
    )
    if answer.strip().lower() != "yes":
        raise BadInput("Nothing was shared.")


def _present_doc(workspace: Workspace, published: Published) -> Publication | None:
    if published.doc is not None:
        return published.doc.publication
    found = publication_doc.public_doc_of(workspace, published.draft.incident.id)
    return found if found and found.doc_id else None


def _share(workspace: Workspace, published: Published, wanted: list[Share]) -> list[Share]:
    publication = _present_doc(workspace, published)
    if publication is None:  # as checked before anything was done
        return []
    published.shared_url = publication.doc_url
    return publication_doc.share_publication(
        workspace, published.draft.incident, publication, wanted
    )


def _show(asked: Asked, published: Published) -> None:
    speaker = asked.speaker
    refused = [share for share in published.shared if share.state == "refused"]
    if speaker.as_json:
        speaker.document(_json(published))
    else:
        if published.doc is None and published.files is None and not published.shared:
            _show_draft(asked, published)
        _show_left_out(asked, published)
        _show_done(asked, published)
    for share in refused:
        speaker.warn(f"Not shared with {share.who}: {share.error}")
    if refused:
        raise typer.Exit(PARTLY)


def _show_draft(asked: Asked, published: Published) -> None:
    for line in published.draft.version.markdown.rstrip("\n").split("\n"):
        asked.speaker.answer(line)
    asked.speaker.answer("")


def _show_left_out(asked: Asked, published: Published) -> None:
    speaker, version = asked.speaker, published.draft.version
    if published.draft.pending:
        speaker.warn(f"{published.draft.pending} not in the doc yet: postmortem sync")
    if version.left_out:
        speaker.say("Left out. Please check:", "strong")
    for each in version.left_out:
        speaker.say(f"  {each.kind.value:<10}  {' '.join(each.text.split())}")
    if version.empty:
        speaker.say(f"Still empty: {', '.join(version.empty)}")
    speaker.say(
        "Read it all before you share it: names that appear in no list can be missed. --keep TEXT "
        "puts a word back, --leave-out TEXT removes one more."
    )


def _show_done(asked: Asked, published: Published) -> None:
    speaker, doc, files = asked.speaker, published.doc, published.files
    if doc is not None:
        speaker.say(DOC_WORDS[doc.outcome.value], "warn" if doc.outcome == "edited" else "good")
        speaker.answer(f"  {doc.publication.doc_url}", "link")
    for share in published.shared:
        if share.state == "done":
            speaker.say(f"{share.who} can read it now ({share.role}).", "good")
    if doc is None and published.shared_url:
        speaker.answer(f"  {published.shared_url}", "link")
    if files is not None:
        speaker.say(f"Written: {', '.join(map(str, files.files))}")
        told = f"{files.customers:,} notified" if files.customers else "nobody was notified yet"
        speaker.say(f"To preview it as a mail to the same customers ({told}):")
        speaker.answer(f"  {_typed(files.command)}")
        if files.old_list is not None:
            speaker.warn(
                f"{files.old_list} contains customers' addresses and is in the folder that you "
                "publish. Delete it first."
            )
    if doc is None and files is None and not published.shared:
        speaker.next_step("postmortem publish --doc creates a Google Doc, --to DIR writes files")


def _typed(command: tuple[str, ...]) -> str:
    return shlex.join(("postmortem", *command))


def _json(published: Published) -> dict[str, Any]:
    draft, doc, files = published.draft, published.doc, published.files
    return {
        "incident": draft.incident.id,
        "title": draft.version.title,
        "markdown": draft.version.markdown,
        "left_out": [
            {"kind": each.kind.value, "text": each.text} for each in draft.version.left_out
        ],
        "empty_sections": list(draft.version.empty),
        "pending_sync": draft.pending,
        "doc": {
            "outcome": doc.outcome.value,
            "doc_id": doc.publication.doc_id,
            "doc_url": doc.publication.doc_url,
        }
        if doc
        else None,
        "shared": [
            {
                "who": each.who,
                "role": each.role,
                "ok": each.state == "done",
                "error": each.error or None,
            }
            for each in published.shared
        ],
        "files": [str(path) for path in files.files] if files else [],
        "mail": {"command": _typed(files.command), "customers": files.customers} if files else None,
    }
