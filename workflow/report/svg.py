"""Pictures as SVG within a page: every word goes through the serializer, so nothing is markup."""

from __future__ import annotations

from xml.etree import ElementTree
from zoneinfo import ZoneInfo

from workflow.report.scale import Label, Scale, ticks

Element = ElementTree.Element


def picture(key: str, height: float, title: str, description: str) -> Element:
    """An empty picture as wide as its place. Title and description are what is read aloud."""
    names = f"{key}-title {key}-desc"
    root = Element(
        "svg", {"class": "picture", "role": "img", "aria-labelledby": names, "width": "100%"}
    )
    root.set("height", number(height))
    add(root, "title", title, id=f"{key}-title")
    add(root, "desc", description, id=f"{key}-desc")
    return root


def add(parent: Element, tag: str, words: str = "", **attributes: str | float) -> Element:
    """A new element; `class_` is its class, and an underscore in a name stands for a hyphen."""
    child = ElementTree.SubElement(parent, tag)
    for name, value in attributes.items():
        shown = value if isinstance(value, str) else number(value)
        child.set(name.rstrip("_").replace("_", "-"), shown)
    child.text = _drawable(words) or None
    return child


def add_label(parent: Element, label: Label, top: float, line_height: float = 16) -> None:
    """A label on a card of its own, so that a line behind it does not cross the words."""
    left = -label.width if label.is_left else 0.0
    group = add(
        parent,
        "svg",
        x=percent(label.percent),
        y=top,
        width=label.width,
        height=len(label.words) * line_height + 4,
        overflow="visible",
        class_="label",
    )
    add(
        group,
        "rect",
        x=left,
        y=0,
        width=label.width,
        height=len(label.words) * line_height + 4,
        rx=4,
        class_="card",
    )
    anchor, inset = ("end", -6.0) if label.is_left else ("start", 6.0)
    for line, words in enumerate(label.words):
        shown = "name" if line == 0 else "when"
        y = line_height * line + 14
        add(group, "text", words, x=inset, y=y, text_anchor=anchor, class_=shown)


def add_axis(parent: Element, scale: Scale, zone: ZoneInfo, top: float) -> None:
    """Round times below the axis, with a short line up to it."""
    for tick in ticks(scale, zone):
        x = percent(tick.percent)
        add(parent, "line", x1=x, x2=x, y1=top, y2=top + 5, class_="tick")
        add(parent, "text", tick.words, x=x, y=top + 19, text_anchor=tick.anchor, class_="when")


def as_markup(root: Element) -> str:
    """The picture as it stands in a page."""
    return ElementTree.tostring(root, encoding="unicode")


def percent(value: float) -> str:
    """A place along the picture."""
    return f"{number(value)}%"


def number(value: float) -> str:
    """A number without more digits than a picture shows."""
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _drawable(text: str) -> str:
    """Text without the controls that XML has no way to write."""
    return "".join(letter if letter.isprintable() or letter == " " else "\ufffd" for letter in text)
