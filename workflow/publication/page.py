"""The public version as a page of the company: one file that fetches nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape

from workflow.document.blocks import Block, Kind
from workflow.document.exports import blocks_to_html

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
            "\n".join((*blocks_to_html(loose), *_body(body, frame.timeline))),
            "\n</main>\n",
            _foot(frame),
            "</body>\n</html>\n",
        )
    )


_FACT = re.compile(r"(Began|Ended|Lasted)[:]? (\S.*)")


def _is_title(block: Block) -> bool:
    return block.kind is Kind.TITLE


def _parted(blocks: Sequence[Block]) -> tuple[list[Block], list[Block]]:
    """The lines before the first section, and the sections."""
    at = next((at for at, one in enumerate(blocks) if one.kind.heading_level), len(blocks))
    return list(blocks[:at]), list(blocks[at:])


def _body(blocks: Sequence[Block], timeline: str) -> Iterator[str]:
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
