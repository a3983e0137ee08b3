"""The files that go with every mail of a notice: read once, checked before anything is sent."""

from __future__ import annotations

import mimetypes
from base64 import b64encode
from collections.abc import Iterable, Sequence
from pathlib import Path

from workflow.flows.faults import BadInput
from workflow.flows.templates import TemplateText
from workflow.ledger.plans import AttachedFile
from workflow.mail.faces import parse_body, picture_names
from workflow.mail.template import MailTemplate, RenderedMail

# Gmail takes 35 MiB of message, and base64 makes four bytes of three; room for the words is left.
_LARGEST_BYTES = 25 * 1024 * 1024


def files_of(
    attach: Iterable[str],
    template: MailTemplate,
    text: TemplateText,
    copies: Sequence[tuple[str, RenderedMail]],
) -> tuple[AttachedFile, ...]:
    """What the person attaches, what the template's head does, and the pictures in the words.

    The template's files lie beside it. Raises `BadInput` for one that can't be read, two of the
    same name, or more than Gmail takes.
    """
    pictures = (name for _, copy in copies for name in picture_names(parse_body(copy.markdown)))
    named = dict.fromkeys([*template.attachments, *pictures])
    files = [_read(Path(name).expanduser(), f"--attach {name}") for name in attach]
    files += [_read(_beside(text, name), f"{text.name} names {name}, which") for name in named]
    names = [file.filename for file in files]
    twice = next((name for name in names if names.count(name) > 1), "")
    if twice:
        raise BadInput(f"Two files are called {twice}. Give one of them another name.")
    size = sum(len(file.content) for file in files)
    if size > _LARGEST_BYTES:
        raise BadInput(
            f"The attached files have {size / 2**20:.0f} MB together; a mail takes 25. "
            "Put them in Drive and link them."
        )
    return tuple(files)


def as_addresses(files: Iterable[AttachedFile]) -> dict[str, str]:
    """Pictures as `data:` addresses, for a page that loads nothing from anywhere."""
    return {
        file.filename: f"data:{file.media_type};base64,{b64encode(file.content).decode()}"
        for file in files
        if file.media_type.startswith("image/")
    }


def _beside(text: TemplateText, name: str) -> Path:
    for folder in text.folders:
        path = folder / name
        if path.is_file() and path.resolve().is_relative_to(folder.resolve()):
            return path
    raise BadInput(f"{text.name} names the file {name}, and there is none beside the template.")


def _read(path: Path, where: str) -> AttachedFile:
    if path.is_symlink():
        raise BadInput(f"{where} is a link to another file. Give the file itself.")
    try:
        content = path.read_bytes()
    except OSError as fault:
        raise BadInput(f"{where} can't be read: {fault.strerror}.") from fault
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return AttachedFile(path.name, media_type, content)
