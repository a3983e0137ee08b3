"""Shell completion: incidents, stages, sections and templates.

A completion never fails and changes nothing: if the ledger can't be opened, it offers nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from workflow import model, templates
from workflow.cli import app, session
from workflow.standing import overview

if TYPE_CHECKING:
    from workflow.workspace import Workspace

Offer = list[tuple[str, str]]


def complete_incident(ctx: typer.Context, incomplete: str) -> Offer:
    """The ids of the incidents with their titles, the newest first."""
    return _offered(ctx, incomplete, _incidents)


def complete_section(ctx: typer.Context, incomplete: str) -> Offer:
    """The sections of the current incident's doc."""
    return _offered(ctx, incomplete, _sections)


def complete_stage(ctx: typer.Context, incomplete: str) -> Offer:
    """The stages of a mail, each of which has a template."""
    return _offered(ctx, incomplete, _stages)


def complete_mail_template(ctx: typer.Context, incomplete: str) -> Offer:
    """The team's mail templates and the shipped ones."""
    return _offered(ctx, incomplete, lambda workspace: _templates(workspace, "email"))


def complete_doc_template(ctx: typer.Context, incomplete: str) -> Offer:
    """The team's doc templates and the shipped ones."""
    return _offered(ctx, incomplete, lambda workspace: _templates(workspace, ""))


def complete_status(ctx: typer.Context, incomplete: str) -> Offer:
    """The statuses of an incident."""
    del ctx  # the same everywhere
    return [(each.value, each.label) for each in model.Status if each.value.startswith(incomplete)]


def _offered(
    ctx: typer.Context,
    incomplete: str,
    offers: Callable[[Workspace], Iterator[tuple[str, str]]],
) -> Offer:
    wanted = incomplete.casefold()
    try:
        with _workspace(ctx) as workspace:
            return [each for each in offers(workspace) if each[0].casefold().startswith(wanted)]
    except Exception:
        return []


@contextmanager
def _workspace(ctx: typer.Context) -> Iterator[Workspace]:
    given = [each.params for each in _upwards(ctx)]
    asked = app.Asked(
        profile=next((one["profile"] for one in given if one.get("profile")), ""),
        incident=next((one["incident"] for one in given if one.get("incident")), ""),
        names_incident=False,
    )
    with asked.closing:
        yield session.open_workspace(asked)


def _upwards(ctx: Any) -> Iterator[Any]:
    while ctx is not None:
        yield ctx
        ctx = ctx.parent


def _incidents(workspace: Workspace) -> Iterator[tuple[str, str]]:
    for each in overview.all_standings(workspace)[0]:
        yield each.id, each.title[:60]


def _sections(workspace: Workspace) -> Iterator[tuple[str, str]]:
    for each in templates.sections_of(workspace, workspace.incident()):
        yield each.key, each.title


def _stages(workspace: Workspace) -> Iterator[tuple[str, str]]:
    del workspace  # stages are the same everywhere
    for each in model.Stage:
        yield each.value, ""


def _templates(workspace: Workspace, kind: str) -> Iterator[tuple[str, str]]:
    seen = set()
    for folder in templates.template_folders(workspace):
        for path in sorted((folder / kind).glob("*.md")):
            is_mail_in_wrong_place = not kind and path.stem in _WRITTEN_LIKE_MAILS
            if path.stem not in seen and "." not in path.stem and not is_mail_in_wrong_place:
                seen.add(path.stem)
                yield path.stem, ""


_WRITTEN_LIKE_MAILS = frozenset({"announce", "public-mail"})
