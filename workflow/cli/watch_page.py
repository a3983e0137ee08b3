"""What `watch` shows: one screen, as wide and as high as the terminal is."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.text import Text

from workflow.cli import showing
from workflow.cli.speaking import printable
from workflow.flows.watching import Look, delivery_bar
from workflow.incident import Status, clock_text, moment_text

_NARROW = 70
_MOST_NOTICES = 4
_MOST_UNDECIDED = 3
_LABEL = 11
_STATUS_STYLES = {
    Status.INVESTIGATING: "bold red",
    Status.IDENTIFIED: "bold yellow",
    Status.MONITORING: "bold cyan",
    Status.RESOLVED: "bold green",
}
# What is told apart by colour is told apart by its sign too: not everybody sees, or has, colour.
_SIGNS, _PLAIN_SIGNS = "█▒░", "#x."


def page(look: Look, console: Console, height: int) -> RenderableType:
    """The frame: facts first, then what needs somebody, then as much of the timeline as fits."""
    facts = _facts(look)
    notices = _notices(look, console)
    undecided = _undecided(look)
    taken = len(facts) + sum(len(part) + 2 for part in (notices, undecided) if part)
    timeline = _timeline(look, max(height - taken - 2, 1))
    parts: list[RenderableType] = list(facts)
    for title, lines in (
        ("Mails", notices),
        ("Not surely told", undecided),
        ("Timeline", timeline),
    ):
        if lines:
            parts += [Text(), Text(title, style="bold dim"), *lines]
    return Group(*parts)


def _line(text: str, style: str = "") -> Text:
    """A line that is cut where the terminal ends; what people wrote never acts on it."""
    words = " ".join(printable(text).split())
    return Text(words, style=style, no_wrap=True, overflow="ellipsis")


def _labelled(label: str, text: str, style: str = "") -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    return line.append(f"{label:<{_LABEL}}", "dim").append_text(_line(text, style))


def _facts(look: Look) -> list[RenderableType]:
    standing = look.standing
    incident = standing.incident
    status = Text(no_wrap=True, overflow="ellipsis")
    status.append(incident.status.label, _STATUS_STYLES[incident.status])
    for fact in (incident.severity, look.lasted, incident.id):
        status.append(f" · {printable(fact)}" if fact else "")
    lines: list[RenderableType] = [
        _line(incident.title, "bold"),
        status,
        _labelled("Next word", *_next_word(look)),
        _labelled("Doc", *_doc(look)),
    ]
    if look.told:
        lines.append(_labelled("Colleagues", f"told: {', '.join(look.told)}"))
    lines += [
        _labelled("Colleagues", f"{each.target}: {showing.untold_words(each)}", "bold red")
        for each in standing.untold
    ]
    return lines


def _next_word(look: Look) -> tuple[str, str]:
    """What is due, with amber when it is near and red when it is late."""
    word = look.standing.next_word
    if word is None:
        return "nothing promised", "dim"
    style = "bold red" if word.state == "late" else "bold yellow" if word.is_near else "green"
    return f"{word.words} ({moment_text(word.due_at, look.standing.incident.zone)})", style


def _doc(look: Look) -> tuple[str, str]:
    standing = look.standing
    if standing.pending:
        what = "1 change waits" if standing.pending == 1 else f"{standing.pending} changes wait"
        return f"{what}: postmortem sync", "bold yellow"
    if not standing.incident.doc_url:
        return "not made yet: postmortem sync", "bold yellow"
    return "shows everything", "green"


def _notices(look: Look, console: Console) -> list[RenderableType]:
    """The last notices, each with its bar and its numbers; on a narrow screen the bar is short."""
    width = 12 if console.width < _NARROW else 24
    signs = _PLAIN_SIGNS if console.options.ascii_only else _SIGNS
    rows: list[RenderableType] = []
    for standing in look.standing.notices[-_MOST_NOTICES:]:
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(f"{standing.notice.stage.value:<14}")
        cells = delivery_bar(standing, width)
        for sign, count, style in zip(signs, cells, ("green", "bold red", "dim"), strict=True):
            line.append(sign * count, style)
        line.append(f" {_counted(showing.counts_text(standing))}")
        rows.append(line)
    return rows


def _counted(words: str) -> str:
    return words.removeprefix("accepted by Gmail ")


def _undecided(look: Look) -> list[RenderableType]:
    found = look.undecided
    lines: list[RenderableType] = [_line(each, "red") for each in found[:_MOST_UNDECIDED]]
    if len(found) > _MOST_UNDECIDED:
        lines.append(_line(f"…and {len(found) - _MOST_UNDECIDED:,} more: postmortem show"))
    return lines


def _timeline(look: Look, room: int) -> Sequence[RenderableType]:
    """The newest entries, the last at the bottom, as in the doc."""
    standing = look.standing
    lines = []
    for entry in standing.timeline[-room:]:
        author = f" — {entry.by}" if entry.by else ""
        words = f"{clock_text(entry.at, standing.incident.zone)}  {entry.text}{author}"
        lines.append(_line(words, "dim strike" if entry.struck_at else ""))
    return lines or [_line("No entry yet.", "dim")]
