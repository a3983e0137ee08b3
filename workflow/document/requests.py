"""What is written into a doc: batchUpdate requests, and named ranges of our own text.

`tab_id` is empty for a doc read in the form without tabs; such a request goes to the first tab.
`clean_text` gives text as Google Docs keeps it.

A name says what the range is and, if needed later, what was written. Entries carry their times, so
that colleagues' entries sort too; replaceable text carries a fingerprint, so that any machine can
tell whether a person has edited it. Named ranges are visible to everybody who can open the doc
(reference, NamedRange): a name holds only what the doc shows, plus ids and counters that mean
nothing to a reader.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from workflow.model import Incident, TimelineEntry

# --- The requests ---------------------------------------------------------------------------------

Request = dict[str, Any]
"""One `Request` of the reference: an object with exactly one key."""


def insert_text(tab_id: str, at: int, text: str) -> Request:
    """Insert text, which must be clean, before the unit at `at`."""
    return {"insertText": {"location": location(tab_id, at), "text": text}}


def delete_content(tab_id: str, start: int, end: int) -> Request:
    """Delete from `start` up to `end`."""
    return {"deleteContentRange": {"range": span(tab_id, start, end)}}


def update_paragraphs(
    tab_id: str, start: int, end: int, style: dict[str, Any], fields: str
) -> Request:
    """Style all overlapping paragraphs; a field in `fields` but not in `style` is reset."""
    return {
        "updateParagraphStyle": {
            "range": span(tab_id, start, end),
            "paragraphStyle": style,
            "fields": fields,
        }
    }


def update_text(tab_id: str, start: int, end: int, style: dict[str, Any], fields: str) -> Request:
    """Style text; a field in `fields` but not in `style` is reset."""
    return {
        "updateTextStyle": {
            "range": span(tab_id, start, end),
            "textStyle": style,
            "fields": fields,
        }
    }


def create_bullets(tab_id: str, start: int, end: int, preset: str) -> Request:
    """Make a list of all overlapping paragraphs; leading tabs nest and are removed."""
    request = {"range": span(tab_id, start, end), "bulletPreset": preset}
    return {"createParagraphBullets": request}


def delete_bullets(tab_id: str, start: int, end: int) -> Request:
    """Remove all overlapping paragraphs from their lists."""
    return {"deleteParagraphBullets": {"range": span(tab_id, start, end)}}


def insert_table(tab_id: str, at: int, rows: int, columns: int) -> Request:
    """Insert a newline at `at` and an empty table after it."""
    return {
        "insertTable": {"rows": rows, "columns": columns, "location": location(tab_id, at)},
    }


def insert_row(tab_id: str, table_start: int, row: int) -> Request:
    """Insert an empty row below a row of the table that starts at `table_start`."""
    cell = {
        "tableStartLocation": location(tab_id, table_start),
        "rowIndex": row,
        "columnIndex": 0,
    }
    return {"insertTableRow": {"tableCellLocation": cell, "insertBelow": True}}


def insert_picture(tab_id: str, at: int, uri: str, size: dict[str, float]) -> Request:
    """Insert the picture at a public address; `size` may have `width` and `height` in points."""
    sides = {name: {"magnitude": side, "unit": "PT"} for name, side in size.items()}
    request = {"uri": uri, "location": location(tab_id, at)}
    return {"insertInlineImage": request | ({"objectSize": sides} if sides else {})}


def create_range(tab_id: str, start: int, end: int, name: str) -> Request:
    """Name a range."""
    return {"createNamedRange": {"name": name, "range": span(tab_id, start, end)}}


def delete_range(range_id: str) -> Request:
    """Delete one named range; its text stays."""
    return {"deleteNamedRange": {"namedRangeId": range_id}}


def location(tab_id: str, at: int) -> dict[str, Any]:
    """A `Location` in a tab's body."""
    return {"index": at} | ({"tabId": tab_id} if tab_id else {})


def span(tab_id: str, start: int, end: int) -> dict[str, Any]:
    """A `Range` in a tab's body."""
    return {"startIndex": start, "endIndex": end} | ({"tabId": tab_id} if tab_id else {})


LINE_BREAK = "\v"
"""U+000B, a new line inside one paragraph."""

NON_TEXT = "\ue907"
"""The character in a paragraph's text for each unit of a chip, picture or other non-text element.
"""

# Stripped from an insert: U+0000-0008, U+000C-001F, U+E000-F8FF (reference, InsertTextRequest).
# Lone surrogates are no text at all. Carriage returns are line ends and are dealt with before.
_LOST = re.compile("[\x00-\x08\x0c\x0e-\x1f\ud800-\udfff\ue000-\uf8ff]")
_LINE_END = re.compile("\r\n|[\n\r\v\x85\u2028\u2029]")


def clean_text(text: str) -> str:
    """The text of one paragraph, exactly as Docs will keep it.

    Each character that Docs would strip becomes U+FFFD, so that lengths are known before the text
    is sent; each kind of line end becomes U+000B, so that it stays one paragraph.
    """
    return _LOST.sub("\ufffd", _LINE_END.sub(LINE_BREAK, text))


def utf16_length(text: str) -> int:
    """The length in UTF-16 code units, the unit of every index in a doc."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def inner_length(text: str) -> int:
    """The length of a text without its last character, or of a single one.

    A range of that length excludes the end of its paragraph: text that is inserted there later is
    not at the range's edge, where Docs doesn't document whether a range grows.
    """
    return utf16_length(text[:-1] or text)


def text_from(text: str, offset: int) -> str:
    """The rest of `text` from `offset`, in UTF-16 code units."""
    return text.encode("utf-16-le", "surrogatepass")[2 * offset :].decode("utf-16-le", "replace")


def text_until(text: str, offset: int) -> str:
    """The part of `text` before `offset`, in UTF-16 code units."""
    return text.encode("utf-16-le", "surrogatepass")[: 2 * offset].decode("utf-16-le", "replace")


def fingerprint(text: str) -> str:
    """Sixteen hex digits to check later whether a text is unchanged."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


# --- The named ranges -----------------------------------------------------------------------------

PREFIX = "postmortem/"
SECTION, FIELD, HINT, ENTRY, DAY = "section", "field", "hint", "entry", "day"
TEXT, NOTICE, FACTS = "text", "notice", "facts"
CORRECTION = "correction"
STATED = "stated"
COMMUNICATIONS, COMMUNICATIONS_FACTS = "communications", "communications-facts"
PROPOSAL, PROPOSAL_FACTS = "proposal", "proposal-facts"
INCIDENT = "incident"
RUN, TRANSFER = "run", "transfer"
RESERVED = "reserved"
REPLACED = "replaced"

_LONGEST = 256  # UTF-16 code units (reference, CreateNamedRangeRequest)


@dataclass(frozen=True)
class OwnName:
    """A parsed name: `postmortem/<kind>/<key>/<notes…>`."""

    kind: str
    key: str
    notes: tuple[str, ...]


@dataclass(frozen=True, order=True)
class EntryTime:
    """The sort key of a timeline: when it happened, then when it was logged. Both in UTC."""

    at: datetime
    recorded_at: datetime


@dataclass(frozen=True)
class Identity:
    """The incident of a doc, as the doc itself says. `time_zone` is an IANA name."""

    incident_id: str
    started_at: datetime
    time_zone: str


@dataclass(frozen=True)
class NoticeOrigin:
    """A notice's origin: its ledger's id, stage, start, and number of recipients."""

    ledger: str
    stage: str
    began_at: datetime
    customers: int


@dataclass(frozen=True)
class Tally:
    """How many of a notice's mails were accepted, and how many aren't decided yet."""

    sent: int
    undecided: int


def incident_name(incident: Incident) -> str:
    """Over the doc's first words: identifies the incident for a colleague's machine."""
    zone = incident.time_zone.replace("/", "%2F")
    return _name(INCIDENT, incident.id, _instant(incident.started_at), zone)


def section_name(key: str) -> str:
    """Over a section's heading."""
    return _name(SECTION, key)


def field_name(key: str, value: str) -> str:
    """Over the value of a header line."""
    return _name(FIELD, key, fingerprint(value))


def hint_name(key: str, paragraphs: tuple[str, ...]) -> str:
    """Over a section's hint, which may be several paragraphs."""
    return _name(HINT, key, str(len(paragraphs)), fingerprint("\n".join(paragraphs)))


def stated_name(key: str, paragraphs: tuple[str, ...]) -> str:
    """Over a statement, such as the impact, that is whole paragraphs."""
    return _name(STATED, key, str(len(paragraphs)), fingerprint("\n".join(paragraphs)))


def entry_name(entry: TimelineEntry) -> str:
    """Over the time stamp of a timeline entry."""
    return _name(ENTRY, entry.id, _instant(entry.at), _instant(entry.recorded_at))


def day_name(day: date) -> str:
    """Over the date line before a day's first entry."""
    return _name(DAY, day.isoformat())


def text_name(change_id: str, section: str) -> str:
    """Over the start of a text in the section with that key."""
    return _name(TEXT, change_id, section)


def correction_name(change_id: str) -> str:
    """Over the time stamp of a corrected entry: its text may be edited again."""
    return _name(CORRECTION, change_id)


def notice_name(
    notice_id: str, origin: NoticeOrigin | None = None, *, reserved_as: str = ""
) -> str:
    """Over the heading of a notice's copy.

    `reserved_as` is the heading's text until the sent text is below it.
    """
    if origin is None:
        return _name(NOTICE, notice_id)
    came = (origin.ledger, origin.stage, _instant(origin.began_at), str(origin.customers))
    reserved = (RESERVED, fingerprint(reserved_as)) if reserved_as else ()
    return _name(NOTICE, notice_id, *came, *reserved)


def facts_name(notice_id: str, facts: str, tally: Tally | None = None) -> str:
    """Over the paragraph with a notice's send time and counts."""
    counts = () if tally is None else (str(tally.sent), str(tally.undecided))
    return _name(FACTS, notice_id, fingerprint(facts), *counts)


def run_name(notice_id: str, ledger: str, run: int) -> str:
    """Also over a notice's heading: its ledger's last run of sending."""
    return _name(RUN, notice_id, ledger, str(run))


def transfer_name(transfer_id: str, giver: str, taker: str) -> str:
    """Over the doc's first words: the incident was moved between ledgers."""
    return _name(TRANSFER, transfer_id, giver, taker)


def replaced_name(doc_id: str) -> str:
    """Over a replaced doc's first words: the incident's doc is now that one."""
    return _name(REPLACED, doc_id)


def communications_name(incident_id: str) -> str:
    """Over the heading of the summary of all notices."""
    return _name(COMMUNICATIONS, incident_id)


def communications_facts_name(incident_id: str, facts: str) -> str:
    """Over the paragraph of that summary."""
    return _name(COMMUNICATIONS_FACTS, incident_id, fingerprint(facts))


def proposal_name(proposal_id: str) -> str:
    """Over the heading of a proposed plan."""
    return _name(PROPOSAL, proposal_id)


def proposal_facts_name(proposal_id: str, facts: str) -> str:
    """Over the paragraph with the proposer and the decision."""
    return _name(PROPOSAL_FACTS, proposal_id, fingerprint(facts))


def parse_name(name: str) -> OwnName | None:
    """Parse one of our own names; None for any other."""
    if not name.startswith(PREFIX):
        return None
    kind, _, rest = name.removeprefix(PREFIX).partition("/")
    key, *notes = rest.split("/")
    return OwnName(kind, unquote(key), tuple(notes))


def identity_of(name: OwnName) -> Identity | None:
    """The incident in a name; None if it has none."""
    if name.kind != INCIDENT or len(name.notes) != 2:
        return None
    try:
        started_at = datetime.fromisoformat(name.notes[0])
        zone = ZoneInfo(unquote(name.notes[1]))
    except (ValueError, ZoneInfoNotFoundError, OSError):  # a folder of zones, such as America
        return None
    return Identity(name.key, started_at, zone.key) if started_at.tzinfo else None


def entry_time(name: OwnName) -> EntryTime | None:
    """When the entry with that name happened and was logged; None if the name doesn't say."""
    try:
        at, recorded_at = (datetime.fromisoformat(note) for note in name.notes)
    except ValueError:
        return None
    if at.tzinfo is None or recorded_at.tzinfo is None:
        return None
    return EntryTime(at, recorded_at)


def time_of(entry: TimelineEntry) -> EntryTime:
    """The sort key of an entry that isn't in a doc yet."""
    return EntryTime(entry.at.astimezone(UTC), entry.recorded_at.astimezone(UTC))


def _name(kind: str, key: str, *notes: str) -> str:
    key = key.replace("%", "%25").replace("/", "%2F")
    name = "/".join((f"{PREFIX}{kind}", key, *notes))
    if utf16_length(name) > _LONGEST:
        raise ValueError(f"the id {key[:40]}… is too long to be found again in a doc")
    return name


def _instant(at: datetime) -> str:
    at = at.astimezone(UTC)
    return f"{at.year:04}{at:%m%dT%H%M%S.%f}Z"
