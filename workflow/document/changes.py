"""What can be asked of a doc, and what comes of it. Plain values."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from workflow.document.blocks import Block
from workflow.document.requests import Request
from workflow.document.template import PostmortemTemplate
from workflow.incident import Statement, TimelineEntry


@dataclass(frozen=True)
class AddEntry:
    """Sort an entry into the timeline; `zone` is the one in which people read its time."""

    entry: TimelineEntry
    zone: ZoneInfo


@dataclass(frozen=True)
class RewordEntry:
    """Give an entry the words that it has now; `earlier` are all that it had before.

    `id` is the correction's, found again: never twice.
    """

    id: str
    entry: TimelineEntry
    zone: ZoneInfo
    earlier: tuple[str, ...]


@dataclass(frozen=True)
class StrikeEntry:
    """Strike an entry through; its words stay. `earlier` are all the words that it has had."""

    id: str
    entry: TimelineEntry
    zone: ZoneInfo
    earlier: tuple[str, ...] = ()


@dataclass(frozen=True)
class SetField:
    """Give a header line its value: `status`, `severity`, `duration`, `customers`, …

    `known_values` are values that this program may have written before; they help where the
    line's named range is gone. With the range there, the doc itself tells what was written.
    """

    name: str
    value: str
    known_values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Restate:
    """Say the impact or the severity anew, in each place that the doc's template has for it.

    `earlier` are all values that it had before, "" for none; by them our own words are known.
    """

    statement: Statement
    value: str
    earlier: tuple[str, ...]
    template: PostmortemTemplate


@dataclass(frozen=True)
class FillSection:
    """Write into a section, named by its key or title. `id` is found again: never twice."""

    id: str
    section: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class PutNotice:
    """The copy of a notice in the section for the customer-facing response.

    Written once; put again with other `facts` (lines: when, from whom, how many accepted it), the
    facts are brought up to date and the rest is left. `previous_facts` are earlier versions, for
    where the facts' named range is gone.
    """

    id: str
    heading: str
    facts: tuple[str, ...]
    body: tuple[Block, ...]
    previous_facts: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class PutCommunications:
    """The summary of all that customers were told, in the section for the response to them.

    One block of an incident, its `id`: written once, then its lines are brought up to date as
    those of a notice are.
    """

    id: str
    heading: str
    facts: tuple[str, ...]
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
)


@dataclass(frozen=True)
class Edit:
    """One batch that makes all changes, or none when `requests` is empty.

    `notices_to_user` are sentences about what people had changed and what was done about it.
    `already_there` has the ids of entries, texts and notices that the doc holds already.
    """

    requests: list[Request]
    notices_to_user: tuple[str, ...] = ()
    already_there: frozenset[str] = frozenset()
