"""The public postmortem, drafted from the incident's doc, and as a page of the company.

A template of its own is filled with what people wrote, without internal parts. Pure; no text is
invented. It is written to disk as Markdown, a page, and a mail to the customers who were notified.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from html import escape
from pathlib import Path

from sqlalchemy.engine import Connection

from workflow import templates
from workflow.config import Config
from workflow.document.blocks import Block, BlockKind, Span, blocks_from_text, heading_kind
from workflow.document.edits.timeline import entry_words
from workflow.document.exports import blocks_to_html, blocks_to_markdown
from workflow.document.requests import clean_text
from workflow.document.template import (
    PLACEHOLDER,
    PostmortemTemplate,
    Section,
    lone_placeholder,
    parse_template,
    substitute,
)
from workflow.errors import BadInput
from workflow.files import csv_bytes, write_whole
from workflow.incident.timeline import status_told
from workflow.ledger import changes, doc_making, incidents, notices
from workflow.ledger.notices import WordGiven, words_given
from workflow.mail.escape import one_line
from workflow.model import Incident, Status, TimelineEntry, length_text, moment_text
from workflow.publication.patterns import RedactedKind as LeftOutKind
from workflow.publication.patterns import addresses_and_links, folded_words
from workflow.publication.redaction import (
    DocSections,
    Internal,
    LeftOutText,
    Redactor,
    read_sections,
)
from workflow.workspace import Workspace

# --- A page of the company ------------------------------------------------------------------------

# Each pair of text and background has a contrast of 4.5 : 1 or more, in both schemes.
_STYLE = """
:root { color-scheme: light; --ground: #f4f5f8; --card: #fff; --text: #1b2130; --soft: #545d70;
  --line: #dde1e9; --accent: #1f54b8; --good: #0c6135; --good-ground: #dff4e7; }
@media screen and (prefers-color-scheme: dark) {
  :root { color-scheme: dark; --ground: #12151b; --card: #1b1f28; --text: #e9ecf2; --soft: #a9b2c2;
    --line: #333b49; --accent: #9bbdfb; --good: #a6e4c0; --good-ground: #12331f; }
}
*, *::before, *::after { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); overflow-wrap: anywhere;
  font: 1.0625rem/1.65 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  -webkit-text-size-adjust: 100%; }
.site, .page, .foot { max-width: 46rem; margin: 0 auto; padding: 0 clamp(1rem, 4vw, 2.5rem); }
.top { background: var(--card); border-bottom: 1px solid var(--line); }
.site { display: flex; flex-wrap: wrap; gap: .25rem 1rem; align-items: baseline;
  justify-content: space-between; padding-block: 1rem; }
.site p { margin: 0; }
.site .name { font-weight: 700; font-size: 1.125rem; letter-spacing: -.01em; }
.site .what { color: var(--soft); font-size: .9375rem; }
.page { padding-block: clamp(1.75rem, 5vw, 3.25rem) 3rem; }
h1 { font-size: clamp(1.75rem, 6vw, 2.5rem); line-height: 1.15; letter-spacing: -.022em;
  margin: 0 0 1.1rem; text-wrap: balance; }
h2 { font-size: 1.375rem; line-height: 1.25; letter-spacing: -.012em; margin: 2.6rem 0 .6rem; }
h3, h4, h5, h6 { font-size: 1.0625rem; margin: 1.5rem 0 .3rem; }
p { margin: .6rem 0; } ul, ol { margin: .6rem 0; padding-inline-start: 1.3rem; }
li { margin: .3rem 0; }
a { color: var(--accent); text-underline-offset: .15em; }
.state { display: inline-block; margin: 0 0 .9rem; padding: .15rem .8rem; border-radius: 99px;
  background: var(--good-ground); color: var(--good); font-size: .875rem; font-weight: 650; }
.facts { display: flex; flex-wrap: wrap; gap: .8rem 2.5rem; margin: 0 0 2rem;
  padding: 1.1rem 1.35rem;
  background: var(--card); border: 1px solid var(--line); border-radius: 12px; }
.facts dt { color: var(--soft); font-size: .8125rem; font-weight: 600; }
.facts dd { margin: 0; font-weight: 550; font-variant-numeric: tabular-nums; }
.times { list-style: none; margin: 1rem 0; padding: 0 0 0 1.5rem;
  border-inline-start: 2px solid var(--line); }
.times > li { position: relative; margin: 0 0 1rem; }
.times > li::before { content: ""; position: absolute; width: .7rem; height: .7rem; top: .5rem;
  inset-inline-start: -1.91rem; border-radius: 50%; background: var(--accent);
  box-shadow: 0 0 0 4px var(--ground); }
.times > li > strong:first-child { display: block; color: var(--soft); font-size: .875rem;
  font-weight: 600; font-variant-numeric: tabular-nums; }
blockquote { margin: .8rem 0; padding-inline-start: 1rem;
  border-inline-start: 3px solid var(--line); }
pre, code { font: .9em ui-monospace, Consolas, monospace; background: var(--card);
  border-radius: 5px; }
pre { padding: .8rem 1rem; white-space: pre-wrap; border: 1px solid var(--line); }
code { padding: .1em .3em; } pre code { padding: 0; background: none; }
table { border-collapse: collapse; margin: 1rem 0; width: 100%; font-size: .9375rem; }
td { border: 1px solid var(--line); padding: .4rem .7rem; vertical-align: top;
  background: var(--card); }
li.task { list-style: none; } li.task > label > input { margin-inline: -1.4em .4em; }
.foot { padding-block: 1.25rem 2.5rem; color: var(--soft); font-size: .875rem;
  border-top: 1px solid var(--line); }
@media print { body { background: none; font-size: 11pt; } .page { padding-block: 1rem; }
  .facts { break-inside: avoid; } h2 { break-after: avoid; } }
""".strip()


@dataclass(frozen=True)
class Frame:
    """The page around the text: who publishes it, its language, and whether it is over.

    `facts` are names and values such as `("Began", "24 Nov 2026, 2:39 PM CET")`; `timeline` is the
    heading of the timeline in the template.
    """

    organisation: str = ""
    lang: str = "en"
    is_resolved: bool = False
    timeline: str = ""


def public_page(title: str, blocks: Sequence[Block], frame: Frame) -> str:
    """The page. Every text is escaped; `blocks` begin with the title and its lines of facts."""
    head, body = _parted(blocks)
    facts = [found for block in head if (found := _FACT.fullmatch(block.text))]
    loose = [block for block in head if not _FACT.fullmatch(block.text) and not _is_title(block)]
    name = escape(frame.organisation)
    state = '<p class="state">Resolved</p>\n' if frame.is_resolved else ""
    listed = "".join(
        f'<div><dt>{escape(each[1])}</dt><dd dir="auto">{escape(each[2])}</dd></div>'
        for each in facts
    )
    return "".join(
        (
            f'<!doctype html>\n<html lang="{escape(frame.lang or "en")}">\n<head>\n',
            '<meta charset="utf-8">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
            "style-src 'unsafe-inline'\">\n",
            f"<title>{escape(title)}{' · ' + name if name else ''}</title>\n",
            f"<style>\n{_STYLE}\n</style>\n</head>\n<body>\n",
            '<header class="top"><div class="site">',
            f'<p class="name" dir="auto">{name}</p>' if name else "",
            '<p class="what">What happened, and what we are changing</p></div></header>\n',
            '<main class="page">\n',
            state,
            f'<h1 dir="auto">{escape(title)}</h1>\n',
            f'<dl class="facts">{listed}</dl>\n' if listed else "",
            "\n".join((*blocks_to_html(loose), *_page_body(body, frame.timeline))),
            "\n</main>\n",
            _foot(frame),
            "</body>\n</html>\n",
        )
    )


_FACT = re.compile(r"(Began|Ended|Lasted)[:]? (\S.*)")


def _is_title(block: Block) -> bool:
    return block.kind is BlockKind.TITLE


def _parted(blocks: Sequence[Block]) -> tuple[list[Block], list[Block]]:
    """The lines before the first section, and the sections."""
    at = next((at for at, one in enumerate(blocks) if one.kind.heading_level), len(blocks))
    return list(blocks[:at]), list(blocks[at:])


def _page_body(blocks: Sequence[Block], timeline: str) -> Iterator[str]:
    """The sections; the timeline's list is styled as one of times."""
    section: list[Block] = []
    for block in (*blocks, None):
        if (block is None or block.kind.heading_level == 1) and section:
            html = "\n".join(blocks_to_html(section))
            is_timeline = bool(timeline) and section[0].text.strip() == timeline
            yield html.replace("<ul>", '<ul class="times">', 1) if is_timeline else html
            section = []
        if block is not None:
            section.append(replace(block))


def _foot(frame: Frame) -> str:
    if not frame.organisation:
        return ""
    words = escape(f"Published by {frame.organisation}.")
    return f'<footer class="foot" dir="auto">{words}</footer>\n'


# --- The draft ------------------------------------------------------------------------------------

_OWNED = re.compile(r"\s[—–]\s+([^—–]+?)(?=\s[—–]\s|$)")
_LONGEST_NAME = 4  # words


@dataclass(frozen=True)
class PublicVersion:
    """What customers will read. `empty` are the sections for which the doc has no text yet."""

    title: str
    blocks: tuple[Block, ...]
    left_out: tuple[LeftOutText, ...]
    empty: tuple[str, ...]

    @property
    def markdown(self) -> str:
        """All of it as Markdown."""
        return blocks_to_markdown(self.blocks)


def public_version(
    template: PostmortemTemplate,
    values: Mapping[str, str],
    written: Mapping[str, Sequence[Block]],
    redactor: Redactor,
) -> PublicVersion:
    """Fill the template. A line or section without text is left out.

    `values` are single values such as the title, by the placeholder's name; `written` are the
    sections of the doc, by their key.
    """
    title = redactor.text(clean_text(values.get("title", "")))
    opening = [block for line in template.opening for block in _line(line, values)]
    blocks = redactor.blocks(opening)
    empty: list[str] = []
    for section in template.sections:
        body = redactor.blocks(_body(section, values, written))
        if body:
            blocks += [_heading(section), *body]
        else:
            empty.append(section.title)
    return PublicVersion(title, tuple(blocks), redactor.left_out, tuple(empty))


def owners_in(blocks: Iterable[Block]) -> list[str]:
    """The owners in `what — owner — by when`: short, with a capital, without a digit."""
    parts = (found[1].strip() for block in blocks for found in _OWNED.finditer(block.text))
    return [
        part
        for part in parts
        if part[:1].isupper() and not re.search(r"\d", part) and len(part.split()) <= _LONGEST_NAME
    ]


def wanted_keys(template: PostmortemTemplate) -> tuple[str, ...]:
    """The keys of the doc's sections that the template uses."""
    return tuple(section.key for section in template.sections)


def _line(line: Block, values: Mapping[str, str]) -> list[Block]:
    """A line with its values; left out if one of them is unknown."""
    names = PLACEHOLDER.findall(line.text)
    if any(not values.get(name, "").strip() for name in names):
        return []
    return [substitute(line, values)]


def _body(
    section: Section, values: Mapping[str, str], written: Mapping[str, Sequence[Block]]
) -> list[Block]:
    """A section's content: the doc's text in place of `{{ key }}`, else at its end.

    The template's own text is included only with text from the doc or a value.
    """
    own: list[Block] = []
    said: list[Block] = []
    for line in section.standing:
        name = lone_placeholder(line)
        if name == section.key or name in written:
            words = list(written.get(name, ())) or blocks_from_text(values.get(name, ""))
            said += words
            own += words
        else:
            own += _line(line, values)
    if not section.standing:
        said = own = list(written.get(section.key, ()))
    return [_below_heading(block) for block in own] if said else []


def _heading(section: Section) -> Block:
    return Block(heading_kind(section.level), (Span(clean_text(section.title)),))


def _below_heading(block: Block) -> Block:
    """Keep a heading within a section from ending it; a title becomes a heading."""
    if block.kind is BlockKind.TITLE or block.kind is BlockKind.HEADING_1:
        return replace(block, kind=BlockKind.HEADING_2)
    return block


_WHOLE_DOC = "tabs"
_TIMELINE, _NEXT_TIME, _IMPACT = "timeline", "next_time", "impact"
# Entries that this program makes for a notice; customers read about the notice itself.
_OF_A_NOTICE = "notice"
# Customers read what we did, without names of statuses or stages.
_EMAILED, _EMAILED_AGAIN = "We emailed affected customers", "We emailed affected customers again"
_SAID_OF = {
    Status.INVESTIGATING: "We started to investigate",
    Status.IDENTIFIED: "We found the cause",
    Status.MONITORING: "We put a fix in place and kept watching",
    Status.RESOLVED: "The problem was fixed",
}


@dataclass(frozen=True)
class PublishRequest:
    """A person's options for the public version.

    `keep` are words that stay although they look internal, `leave_out` further words to remove,
    `entries` timeline entries (by id) that customers may read.
    """

    template: str = ""
    keep: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()
    entries: tuple[str, ...] = ()


@dataclass(frozen=True)
class PublicDraft:
    """A public version as it would be published now. `pending`: changes the doc lacks yet.

    `timeline` is the heading of its timeline.
    """

    incident: Incident
    version: PublicVersion
    pending: int
    timeline: str = ""


def draft_publication(workspace: Workspace, request: PublishRequest) -> PublicDraft:
    """Read the doc, and draft the public version; changes nothing.

    Raises `BadInput` if there is no doc, `GoogleFault` if it can't be read.
    """
    incident = workspace.incident()
    template_text = templates.load_doc_template(workspace, request.template or "public")
    template = parse_template(template_text.source)
    if not incident.doc_id:
        raise BadInput(
            "The incident's doc does not exist yet, so there is nothing to publish. First: "
            "postmortem sync"
        )
    document = workspace.google.docs.get(incident.doc_id, _WHOLE_DOC)
    sections = templates.sections_of(workspace, incident)
    doc = read_sections(document, sections, wanted_keys(template))
    with workspace.ledger.read() as connection:
        chosen = [incidents.find_entry(connection, incident.id, each) for each in request.entries]
        entries = incidents.timeline(connection, incident.id)
        typed = changes.typed_entries(connection, incident.id)
        told = sorted(_told(words_given(connection, incident.id)))
        values = _values(incident, workspace.settings.config)
        named = _public_words(request, workspace.settings.config, template_text.source)
        internal = Internal(
            people=(*_people(connection, incident, entries), *doc.people, *_owners(doc)),
            customers=tuple(_customers_named(connection, incident, doc, values, chosen)),
            own_domains=tuple(_own_domains(connection, incident, workspace.settings.config)),
            words=(incident.id, *request.leave_out),
            public=named,
        )
        pending = changes.count_pending(connection, incident.id)
    redactor = Redactor(internal)
    for kind, text in doc.left_out:
        redactor.note(kind, text)
    picked = {entry.id for entry in chosen}
    if incident.customer_impact:
        doc.blocks[_IMPACT] = blocks_from_text(incident.customer_impact)
    doc.blocks[_TIMELINE] = list(_timeline(incident, entries, picked, typed, told))
    version = public_version(template, values, doc.blocks, redactor)
    if _TIMELINE in wanted_keys(template):
        for text in _entries_left_out(entries, picked):
            redactor.note(LeftOutKind.ENTRY, text)
    timeline = next((one.title for one in template.sections if one.key == _TIMELINE), "")
    version = replace(version, left_out=redactor.left_out)
    return PublicDraft(incident, version, pending, timeline)


def refuse_empty(draft: PublicDraft) -> None:
    """Raise `BadInput` when the doc has no words for customers yet."""
    headings = [block for block in draft.version.blocks if block.kind.heading_level]
    if not headings:
        sections = ", ".join(draft.version.empty)
        raise BadInput(
            f"There is nothing to publish yet: these sections are empty: {sections}. "
            "Fill them in the doc, or with `postmortem section`."
        )


def _values(incident: Incident, config: Config) -> dict[str, str]:
    ended = incident.ended_at
    return {
        **incident.variables,
        "title": incident.for_customers.title,
        "organisation": config.organisation,
        "support": config.support,
        "started": moment_text(incident.started_at, incident.zone),
        "ended": moment_text(ended, incident.zone) if ended else "",
        "duration": length_text(incident),
    }


def _public_words(request: PublishRequest, config: Config, template: str) -> tuple[str, ...]:
    """Words that customers may read: the team's public ones, and those that a person keeps."""
    given = addresses_and_links("\n".join((config.support, config.reply_to, template)))
    names = (config.organisation,) if config.organisation else ()
    return (*given, *names, *request.keep)


def _people(
    connection: Connection, incident: Incident, entries: Sequence[TimelineEntry]
) -> Iterator[str]:
    yield incident.owner
    yield from (entry.by for entry in entries)
    for share in incidents.wanted_shares(connection, incident.id):
        if "@" in share.who:
            yield share.who.rpartition(":")[2]
    yield from (each.approved_by for each in notices.notices_of(connection, incident.id))


def _owners(doc: DocSections) -> list[str]:
    return owners_in(doc.blocks.get(_NEXT_TIME, ()))


def _own_domains(connection: Connection, incident: Incident, config: Config) -> Iterator[str]:
    yield from config.own_domains
    for share in incidents.wanted_shares(connection, incident.id):
        yield share.who.rpartition("@")[2]


def _customers_named(
    connection: Connection,
    incident: Incident,
    doc: DocSections,
    values: dict[str, str],
    chosen: Iterable[TimelineEntry],
) -> Iterator[str]:
    """The full names of notified customers in the text to be published."""
    texts = [block.text for blocks in doc.blocks.values() for block in blocks]
    cells = (
        "".join(span.text for span in cell)
        for blocks in doc.blocks.values()
        for block in blocks
        for row in block.rows
        for cell in row
    )
    texts += [*cells, *values.values(), *(entry.text for entry in chosen)]
    words = f" {' '.join(folded_words(' '.join(texts)))} "
    for _, name, *_ in doc_making.customers_told(connection, incident.id):
        told = folded_words(name)
        if len(told) > 1 and f" {' '.join(told)} " in words:
            yield name


def _told(given: Iterable[WordGiven]) -> Iterator[datetime]:
    """When each notice was first emailed; the same text to a grown list counts once.

    Customers learn nothing about their number or our stages.
    """
    sharing: dict[str, list[WordGiven]] = {}
    for word in given:
        sharing.setdefault(word.words, []).append(word)
    for same in sharing.values():
        yield min(word.said_at for word in same)


def _timeline(
    incident: Incident,
    entries: Iterable[TimelineEntry],
    picked: set[str],
    typed: Collection[str],
    told: Iterable[datetime],
) -> Iterator[Block]:
    """The public timeline: each status, each notice, and the picked entries."""
    lines = [
        (at, entry_words(_EMAILED_AGAIN if again else _EMAILED, markdown=False))
        for again, at in enumerate(told)
    ]
    for entry in entries:
        status = status_told(entry)
        is_picked = entry.id in picked
        if entry.struck_at is not None or not (status or is_picked):
            continue
        text = _SAID_OF[status[0]] if status and not is_picked else entry.text
        lines.append((entry.at, entry_words(text, markdown=entry.id in typed)))
    for at, (words, below) in sorted(lines, key=lambda line: line[0]):
        stamp = Span(moment_text(at, incident.zone), bold=True)
        yield Block(BlockKind.BULLET, (stamp, Span("  "), *words))
        yield from (replace(block, level=block.level + 1) for block in below)


def _entries_left_out(entries: Iterable[TimelineEntry], picked: set[str]) -> Iterator[str]:
    """Each entry that customers don't read, with the id for picking it."""
    for entry in entries:
        if entry.id in picked or entry.id.startswith(_OF_A_NOTICE):
            continue
        status = status_told(entry)
        words = status[1] if status else entry.text
        if words.strip():
            yield f"{' '.join(words.split())} [{entry.id}]"


_MAIL, _LIST = "postmortem.md", "customers.csv"
_LISTED = ("email", "name", "locale", "timezone")


@dataclass(frozen=True)
class PublicFiles:
    """The written files, and the command that shows the mail; `customers` on its list.

    `command` sends nothing by itself. `old_list` is the list that an earlier version wrote into the
    published folder, None if there is none.
    """

    files: tuple[Path, ...]
    command: tuple[str, ...]
    customers: int
    old_list: Path | None = None


def write_public_files(workspace: Workspace, draft: PublicDraft, folder: Path) -> PublicFiles:
    """Write `public.md` and `public.html`, and beside the folder a mail for `notify` and its list.

    The folder will be published, so it holds nobody's address: the mail and the list go to
    `FOLDER-mail`. Files of the same names are replaced, each whole. Only their owner may read them.
    Raises `BadInput` if a folder can't be written.
    """
    version = draft.version
    page = public_page(version.title, version.blocks, _frame(workspace, draft))
    customers, listed = _customer_list(workspace, draft)
    mails = mail_folder(folder)
    contents = {
        folder / "public.md": version.markdown,
        folder / "public.html": page,
        mails / _MAIL: _mail_template(workspace, draft),
    }
    if customers:
        contents[mails / _LIST] = listed
    for path, content in contents.items():
        write_whole(path, content.encode("utf-8", "replace"))
    recipients = str(mails / _LIST) if customers else "LIST"
    command = ("notify", recipients, "--template", str(mails / _MAIL), "--stage", "postmortem")
    old = folder / "mail" / _LIST
    return PublicFiles(tuple(contents), command, customers, old if old.is_file() else None)


def mail_folder(folder: Path) -> Path:
    """The folder for the mail about a published folder: beside it, never inside."""
    whole = folder.resolve()
    if not whole.name:
        raise BadInput(f"{folder} has no folder beside it for the customer list. Name another one.")
    name = f"{whole.name}-mail"
    return whole.parent / name if folder.name in {"", ".", ".."} else folder.parent / name


def _frame(workspace: Workspace, draft: PublicDraft) -> Frame:
    config = workspace.settings.config
    return Frame(
        organisation=config.organisation,
        is_resolved=draft.incident.resolved_at is not None or draft.incident.closed_at is not None,
        timeline=draft.timeline,
    )


def _mail_template(workspace: Workspace, draft: PublicDraft) -> str:
    """The mail's own template with title and text, escaped for Jinja2."""
    source = templates.load_public_mail_template(workspace).source
    title = one_line(draft.version.title, limit=150)
    body = blocks_to_markdown(list(_mail_blocks(draft.version.blocks)))
    for name, words in (("title", _as_jinja_text(title)), ("postmortem", body.strip("\n"))):
        source = source.replace(f"{{{{ {name} }}}}", words)
    return source


def _mail_blocks(blocks: Sequence[Block]) -> Iterator[Block]:
    """The blocks without the title, which is the subject, and without code: Jinja2 would read its
    braces.
    """
    for block in blocks:
        if block.kind is BlockKind.TITLE:
            continue
        kind = BlockKind.NORMAL if block.kind is BlockKind.CODE else block.kind
        rows = tuple(tuple(tuple(map(_no_code, cell)) for cell in row) for row in block.rows)
        yield replace(block, kind=kind, spans=tuple(map(_no_code, block.spans)), rows=rows)


def _no_code(span: Span) -> Span:
    """Outside code, Markdown's own escapes separate the braces."""
    return replace(span, code=False, link="" if "{" in span.link else span.link)


def _as_jinja_text(text: str) -> str:
    return text.replace("{", "{{ '{' }}")


def _customer_list(workspace: Workspace, draft: PublicDraft) -> tuple[int, str]:
    """Everybody who was sent anything of the incident, as a list for `notify`."""
    with workspace.ledger.read() as connection:
        found = list(doc_making.customers_told(connection, draft.incident.id))
    # A list may use another column for locales (`--column locale=…`): then the mails show the
    # language.
    by_mail = not any(each[2] for each in found) and len({each[4] for each in found}) > 1
    told = [(*each[:2], each[4] if by_mail else each[2], each[3]) for each in found]
    return len(told), csv_bytes(_in_use([_LISTED, *told])).decode()


def _in_use(rows: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """The address, the name, and the other columns that aren't empty."""
    kept = [at for at, _ in enumerate(rows[0]) if at < 2 or any(row[at] for row in rows[1:])]
    return [tuple(row[at] for at in kept) for row in rows]
