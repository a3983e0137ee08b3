"""The customers' version on disk: Markdown, a page, and a mail to the customers who were told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from workflow.document.blocks import Block, Kind, Span
from workflow.document.html import blocks_to_html, page_of
from workflow.document.markdown import blocks_to_markdown
from workflow.flows import templates
from workflow.flows.file_writing import write_whole
from workflow.flows.list_writing import csv_bytes
from workflow.flows.publishing import Draft
from workflow.flows.workspace import Workspace
from workflow.ledger import publications
from workflow.mail.oneline import one_line

_MAIL, _LIST = Path("mail") / "postmortem.md", Path("mail") / "customers.csv"


@dataclass(frozen=True)
class PublicFiles:
    """What was written, and the words of the command that shows the mail; `customers` on its list.

    `command` sends nothing by itself.
    """

    files: tuple[Path, ...]
    command: tuple[str, ...]
    customers: int


def write_public_files(workspace: Workspace, draft: Draft, folder: Path) -> PublicFiles:
    """Write `public.md` and `public.html`, and under `mail` a template for `notify` and its list.

    Files of the same names are replaced, each whole. Only their owner may read them. Raises
    `BadInput` when the folder can't be written.
    """
    version = draft.version
    page = page_of(version.title, "\n".join(blocks_to_html(version.blocks)))
    mail = _mail_template(workspace, draft)
    customers, listed = _customer_list(workspace, draft)
    contents = {Path("public.md"): version.markdown, Path("public.html"): page, _MAIL: mail}
    if customers:
        contents[_LIST] = listed
    for name, content in contents.items():
        write_whole(folder / name, content.encode("utf-8", "replace"))
    recipients = str(folder / _LIST) if customers else "LIST"
    command = ("notify", recipients, "--template", str(folder / _MAIL), "--stage", "postmortem")
    return PublicFiles(tuple(folder / name for name in contents), command, customers)


def _mail_template(workspace: Workspace, draft: Draft) -> str:
    """The mail's own template with title and text in place, as text that Jinja2 leaves alone."""
    source = templates.load_public_mail_template(workspace).source
    title = one_line(draft.version.title, limit=150)
    body = blocks_to_markdown(list(_mail_blocks(draft.version.blocks)))
    for name, words in (("title", _as_jinja_text(title)), ("postmortem", body.strip("\n"))):
        source = source.replace(f"{{{{ {name} }}}}", words)
    return source


def _mail_blocks(blocks: Sequence[Block]) -> Iterator[Block]:
    """Without the title, which is the subject; braces of code would be read as Jinja2."""
    for block in blocks:
        if block.kind is Kind.TITLE:
            continue
        kind = Kind.NORMAL if block.kind is Kind.CODE else block.kind
        rows = tuple(tuple(tuple(map(_no_code, cell)) for cell in row) for row in block.rows)
        yield replace(block, kind=kind, spans=tuple(map(_no_code, block.spans)), rows=rows)


def _no_code(span: Span) -> Span:
    """Outside of code, Markdown's own escapes part the braces."""
    return replace(span, code=False, link="" if "{" in span.link else span.link)


def _as_jinja_text(text: str) -> str:
    return text.replace("{", "{{ '{' }}")


def _customer_list(workspace: Workspace, draft: Draft) -> tuple[int, str]:
    """Everybody who was sent anything of the incident, as a list that `notify` takes."""
    with workspace.ledger.read() as connection:
        told = list(publications.customers_told(connection, draft.incident.id))
    return len(told), csv_bytes([("email", "name"), *told]).decode()
