"""The changes that a doc can get, and their results. Plain values."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from workflow.document.blocks import Block
from workflow.document.names import NoticeOrigin, Tally
from workflow.document.requests import Request
from workflow.document.template import PostmortemTemplate
from workflow.model import Statement, TimelineEntry


@dataclass(frozen=True)
class AddEntry:
    """Add an entry to the timeline; `zone` is the one in which people read its time.

    `markdown`: a person typed its text, so lists, links and code in it become parts of the doc.
    `is_only_one`: no other entry has this text, so a line with it must be this entry.
    """

    entry: TimelineEntry
    zone: ZoneInfo
    markdown: bool = False
    is_only_one: bool = False


@dataclass(frozen=True)
class RewordEntry:
    """Replace an entry's text with the current one; `earlier` are all previous texts.

    `id` is the correction's, which is found again, so it is made once. `markdown` is about the
    current text.
    """

    id: str
    entry: TimelineEntry
    zone: ZoneInfo
    earlier: tuple[str, ...]
    markdown: bool = False


@dataclass(frozen=True)
class StrikeEntry:
    """Strike an entry through; its text stays. `earlier` are all its previous texts."""

    id: str
    entry: TimelineEntry
    zone: ZoneInfo
    earlier: tuple[str, ...] = ()


@dataclass(frozen=True)
class SetField:
    """Set a header line's value: `status`, `severity`, `duration`, `customers`, …

    `known_values` are values that this program may have written before, for a line whose named
    range is lost. With the range, the doc itself shows what was written.
    """

    name: str
    value: str
    known_values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Restate:
    """Update the impact, the title or the like everywhere that the doc's template has it.

    `earlier` are all previous values, "" for none; they identify our own text. `identity` is the
    range that names the doc's incident, if that changes too. `is_first`: the doc had no value yet.
    """

    statement: Statement
    value: str
    earlier: tuple[str, ...]
    template: PostmortemTemplate
    identity: str = ""
    is_first: bool = False


@dataclass(frozen=True)
class FillSection:
    """Write into a section, named by its key or title. `id` is found again, so it is written once.

    `is_only_one`: this text was recorded once for this section.
    """

    id: str
    section: str
    blocks: tuple[Block, ...]
    is_only_one: bool = False


@dataclass(frozen=True)
class PutNotice:
    """The copy of a notice in the section for the customer-facing response.

    It is written once; put again with other `facts` (lines: when, from whom, how many accepted),
    only the facts are updated. `previous_facts` are earlier versions, for facts whose named range
    is lost. `reserved` means before the first mail: only the heading and the facts, so that other
    ledgers see it; the body follows with the next change. `run` is the run of sending that the doc
    should know of.
    """

    id: str
    heading: str
    facts: tuple[str, ...]
    body: tuple[Block, ...]
    previous_facts: tuple[tuple[str, ...], ...] = ()
    origin: NoticeOrigin | None = None
    tally: Tally | None = None
    reserved: bool = False
    run: int | None = None


@dataclass(frozen=True)
class PutCommunications:
    """The summary of all notices, in the customer-facing response.

    One block for each incident, with its `id`: written once, then its lines are updated like a
    notice's.
    """

    id: str
    heading: str
    facts: tuple[str, ...]
    previous_facts: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class PutProposal:
    """A proposed plan, in the customer-facing response.

    Written once with its `body`, every wording; then its facts are updated like a notice's.
    """

    id: str
    heading: str
    facts: tuple[str, ...]
    body: tuple[Block, ...]
    previous_facts: tuple[tuple[str, ...], ...] = ()


Change = (
    AddEntry
    | RewordEntry
    | StrikeEntry
    | SetField
    | Restate
    | FillSection
    | PutNotice
    | PutCommunications
    | PutProposal
)


@dataclass(frozen=True)
class LeftAlone:
    """Our text that should be deleted but stays, because somebody has a suggestion in it.

    Docs answers such a deletion with an error 500 (report hermes 181, confirmed by Google).
    """

    text: str
    suggestion_ids: tuple[str, ...]


@dataclass(frozen=True)
class Edit:
    """One batch that makes all changes, or none if `requests` is empty.

    `notices_to_user` are sentences about people's edits and how they were treated. `already_there`
    has the ids of entries, texts and notices that the doc already holds.
    """

    requests: list[Request]
    notices_to_user: tuple[str, ...] = ()
    already_there: frozenset[str] = frozenset()
    left_alone: tuple[LeftAlone, ...] = ()
