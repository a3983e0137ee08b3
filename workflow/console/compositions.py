"""A notice in preparation: its list, its text and its options, kept until it is sent.

It is stored in the profile's own folder, readable by this person alone, so that neither a closed
tab nor a killed console loses it. It is deleted when the notice is sent or given up, or after a
week.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from workflow import templates
from workflow.console.pages import future
from workflow.errors import BadInput
from workflow.files import write_whole
from workflow.model import Finding, Incident, Stage
from workflow.notice.list_source import FetchedList
from workflow.notice.plan import NotifyRequest
from workflow.workspace import Workspace, new_id

_ID = re.compile(r"[2-9b-z]{12}")
_KEPT_SECONDS = 7 * 24 * 3600.0
_LIST, _FORM, _OWN_FILES = "list.csv", "notice.json", "own-files"
# Form fields that are an option of `notify`, unchanged.
TEXTS = (
    *("stage", "subject", "sender", "reply_to", "group_by", "email_column", "name_column"),
    *("attach_column", "encoding", "transport", "next_update", "words"),
)
TICKS = ("only_new", "skip_bad", "draft_only")
DESPITE = "despite"
"""The ids of unfinished notices to the same customers that need not be finished first."""
WORDS_OF = "words_of"
"""The stage of the page whose words a form sends: a form may go out while the stage changes."""
VALUE = "value-"
"""The prefix of a field for a template's value: `value-what_happened`."""


@dataclass(frozen=True)
class Composition:
    """A person's choices and text so far. `fields` are the form's, by name.

    `promised` is the time that the field `next_update` meant when it was typed: “in 2 hours” must
    not move while the mail is checked. `files` are attached to every mail.
    """

    id: str
    incident_id: str
    folder: Path
    fetched: FetchedList
    fields: Mapping[str, str] = field(default_factory=dict)
    promised: datetime | None = None
    files: tuple[str, ...] = ()

    def text(self, name: str) -> str:
        """A field, "" if it is empty."""
        return self.fields.get(name, "")

    def is_ticked(self, name: str) -> bool:
        """Whether a box is ticked."""
        return bool(self.fields.get(name))


def begin(workspace: Workspace, incident: Incident, fetched: FetchedList) -> Composition:
    """Begin a notice to a list, and save it."""
    _forget_old_ones(_root(workspace))
    made = new_id(12)
    folder = _root(workspace) / made
    folder.mkdir(mode=0o700, parents=True)
    composition = Composition(made, incident.id, folder, fetched)
    write_whole(folder / _LIST, fetched.content)
    return save(composition)


def save(composition: Composition) -> Composition:
    """Save the current state."""
    fetched = composition.fetched
    document = {
        "incident": composition.incident_id,
        "fields": dict(composition.fields),
        "promised": composition.promised.isoformat() if composition.promised else None,
        "files": list(composition.files),
        "list": {
            "name": fetched.name,
            "notes": [vars(note) for note in fetched.notes],
            "unformatted": dict(fetched.unformatted),
        },
    }
    write_whole(composition.folder / _FORM, json.dumps(document, ensure_ascii=False).encode())
    return composition


def load(workspace: Workspace, reference: str) -> Composition:
    """A saved notice. Raises `BadInput` if it is gone."""
    folder = _root(workspace) / reference
    if not _ID.fullmatch(reference) or not (folder / _FORM).is_file():
        raise BadInput("This notice was sent or thrown away. Begin a new one with its list.")
    document: dict[str, Any] = json.loads((folder / _FORM).read_text(encoding="utf-8"))
    kept = document["list"]
    fetched = FetchedList(
        kept["name"],
        (folder / _LIST).read_bytes(),
        None,
        tuple(Finding(**note) for note in kept["notes"]),
        kept["unformatted"],
    )
    promised = document["promised"]
    return Composition(
        reference,
        document["incident"],
        folder,
        fetched,
        document["fields"],
        datetime.fromisoformat(promised) if promised else None,
        tuple(document["files"]),
    )


def unfinished(workspace: Workspace, incident_id: str) -> list[Composition]:
    """The saved notices of an incident, the newest first."""
    root = _root(workspace)
    names = [path.name for path in root.iterdir()] if root.is_dir() else []
    found = []
    for name in names:
        if _ID.fullmatch(name) and (root / name / _FORM).is_file():
            found.append(load(workspace, name))
    mine = [each for each in found if each.incident_id == incident_id]
    return sorted(mine, key=lambda each: -(each.folder / _FORM).stat().st_mtime)


def throw_away(composition: Composition) -> None:
    """Delete it with its list."""
    shutil.rmtree(composition.folder, ignore_errors=True)


def filled_in(
    workspace: Workspace, composition: Composition, incident: Incident, fields: Mapping[str, str]
) -> Composition:
    """The notice with a person's input. Raises `BadInput` for a time that can't be read."""
    kept = {name: value for name, value in fields.items() if value and name != WORDS_OF}
    if kept.get("stage", "") not in {"", *Stage}:
        raise BadInput(f"There is no stage {kept['stage']!r}. Stages: {', '.join(Stage)}.")
    promised = composition.promised
    if kept.get("next_update", "") != composition.text("next_update"):
        promised = future(workspace, kept.get("next_update", ""), incident.zone)
    if kept.get("stage", "") != fields.get(WORDS_OF, composition.text("stage")):
        kept.pop("words", None)  # they belong to another stage's template
    usual = usual_words(workspace, incident, kept.get("stage", ""))
    if kept.get("words", "").strip() == usual.source.replace("\r\n", "\n").strip():
        kept.pop("words", None)
    return replace(composition, fields=kept, promised=promised)


def usual_words(workspace: Workspace, incident: Incident, stage: str) -> templates.TemplateText:
    """The template of a stage; "" is the stage of the incident's status."""
    return templates.load_mail_template(workspace, stage or incident.status.value)


def request_of(workspace: Workspace, composition: Composition, incident: Incident) -> NotifyRequest:
    """The request for `notify`, as the command line would make it."""
    text, fetched = composition.text, composition.fetched
    columns = {"name": text("name_column")} if text("name_column") else {}
    return NotifyRequest(
        list_name=fetched.name,
        content=fetched.content,
        list_notes=fetched.notes,
        unformatted=fetched.unformatted,
        template=_template(workspace, composition, incident),
        stage=text("stage"),
        subject=text("subject"),
        variables={
            name.removeprefix(VALUE): value
            for name, value in composition.fields.items()
            if name.startswith(VALUE)
        },
        next_update=composition.promised,
        from_address=text("sender"),
        reply_to=text("reply_to"),
        attach=tuple(str(composition.folder / "files" / name) for name in composition.files),
        attach_column=text("attach_column"),
        folder=composition.folder / _OWN_FILES,
        email_column=text("email_column"),
        columns=columns,
        encoding=text("encoding"),
        group_by=text("group_by"),
        skip_bad=composition.is_ticked("skip_bad"),
        draft_only=composition.is_ticked("draft_only"),
        transport=text("transport"),
        only_new=composition.is_ticked("only_new"),
        despite=tuple(text(DESPITE).split()),
        first=int(text("first")) if text("first").isdecimal() else 0,
    )


def add_file(composition: Composition, name: str, content: bytes) -> Composition:
    """Attach a file to every mail."""
    folder = composition.folder / "files"
    folder.mkdir(mode=0o700, exist_ok=True)
    write_whole(folder / name, content)
    return replace(composition, files=tuple(dict.fromkeys([*composition.files, name])))


def add_own_file(composition: Composition, name: str, content: bytes) -> None:
    """Keep a file that the list names in the row of a customer."""
    folder = composition.folder / _OWN_FILES
    folder.mkdir(mode=0o700, exist_ok=True)
    write_whole(folder / name, content)


def own_files(composition: Composition) -> list[str]:
    """The names of the files that are there for the rows of the list."""
    folder = composition.folder / _OWN_FILES
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def _template(workspace: Workspace, composition: Composition, incident: Incident) -> str:
    """The path of the person's own text; "" for the template's."""
    words = composition.text("words")
    if not words:
        return ""
    usual = usual_words(workspace, incident, composition.text("stage"))
    folder = composition.folder / "words"
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{usual.name.removesuffix('.md')}.md"
    write_whole(path, f"{words}\n".encode())
    return str(path)


def _root(workspace: Workspace) -> Path:
    return workspace.settings.profile_folder / "console"


def _forget_old_ones(root: Path) -> None:
    if not root.is_dir():
        return
    for folder in root.iterdir():
        form = folder / _FORM
        if _ID.fullmatch(folder.name) and (
            not form.is_file() or time.time() - form.stat().st_mtime > _KEPT_SECONDS
        ):
            shutil.rmtree(folder, ignore_errors=True)
