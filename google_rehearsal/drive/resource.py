"""Drive's `File` resource, Google Sheets with their exports, and the search for files.

The search is `q` of `files.list`, parsed into a test for one file. Source: Drive's guide "Search
query terms and operators". `and` and `or` are evaluated from left to right; `name contains` matches
only the beginnings of words.

A Sheet is kept as the CSV or .xlsx that it was imported from. Drive exports only the first tab as
CSV, whatever `gid` an address has; as .xlsx all tabs.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlencode
from xml.sax.saxutils import escape, quoteattr

from google_rehearsal import store
from google_rehearsal.drive.errors import bad_request
from google_rehearsal.drive.permissions import may_remove, shown_restriction
from google_rehearsal.drive.world import DOC_TYPE, FOLDER_TYPE, DriveFile
from google_rehearsal.wire.admission import Caller
from google_rehearsal.wire.call import DEEPEST
from google_rehearsal.wire.errors import not_rehearsed

# --- Searching ------------------------------------------------------------------------------------

Test = Callable[[DriveFile, Caller], bool]

_TOKEN = re.compile(r"\s*(?:('(?:\\.|[^'\\])*')|(<=|>=|!=|[<>=(){}])|([A-Za-z]+))")
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
_TEXTS: dict[str, Callable[[DriveFile], str]] = {
    "name": lambda file: file.name,
    "mimeType": lambda file: file.mime_type,
    "fullText": lambda file: f"{file.name} {file.description}",
}
_TIMES: dict[str, Callable[[DriveFile], float]] = {
    "createdTime": lambda file: file.created_at,
    "modifiedTime": lambda file: file.modified_at,
}
_FLAGS: dict[str, Callable[[DriveFile, Caller], bool]] = {
    "trashed": lambda file, _caller: file.trashed,
    "starred": lambda file, _caller: file.starred,
    "sharedWithMe": lambda file, caller: file.owner != caller.account,
}
_AFTER_A_TERM = {"and", "or", ")"}
_ROLES = {"owners": "owner", "writers": "writer", "readers": "reader"}


class BadQuery(ValueError):
    """A `q` that cannot be read."""


def parse_query(text: str) -> Test:
    """The test for a `q`. Raises `BadQuery`."""
    parser = _Parser(_tokens(text))
    test = parser.expression()
    if parser.next is not None:
        raise BadQuery(text)
    return test


def searches_text(q: str) -> bool:
    """Whether a readable `q` has a term on `fullText`; quoted text is none."""
    return any(token == _Token("word", "fullText") for token in _tokens(q))


@dataclass(frozen=True)
class _Token:
    kind: str  # "text", "sign" or "word"
    value: str


def _tokens(text: str) -> list[_Token]:
    tokens, position, end = [], 0, len(text.rstrip())
    while position < end:
        found = _TOKEN.match(text, position)
        if not found:
            raise BadQuery(text)
        quoted, sign, word = found.groups()
        if quoted is not None:
            tokens.append(_Token("text", re.sub(r"\\(.)", r"\1", quoted[1:-1], flags=re.DOTALL)))
        else:
            tokens.append(_Token("sign", sign) if sign else _Token("word", word))
        position = found.end()
    return tokens


class _Parser:
    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = iter(tokens)
        self.next: _Token | None = next(self._tokens, None)

    def expression(self, depth: int = 0) -> Test:
        first = self._term(depth)
        others: list[tuple[str, Test]] = []
        while self.next in {_Token("word", "and"), _Token("word", "or")}:
            others.append((self._take().value, self._term(depth)))
        return _joined(first, others) if others else first

    def _term(self, depth: int) -> Test:
        if depth > DEEPEST:  # as deep as a body may be; for searches that is a guess
            raise BadQuery("it is nested too deep")
        token = self._take()
        if token == _Token("word", "not"):
            inner = self._term(depth + 1)
            return lambda file, caller: not inner(file, caller)
        if token == _Token("sign", "("):
            inner = self.expression(depth + 1)
            self._expect("sign", ")")
            return inner
        if token.kind == "text":
            return self._membership(token.value)
        if token.kind == "word":
            return self._comparison(token.value)
        raise BadQuery(token.value)

    def _membership(self, value: str) -> Test:
        self._expect("word", "in")
        field = self._take().value
        if field == "parents":
            return lambda file, caller: file.parent == _folder(value, caller)
        if field in _ROLES:
            return lambda file, caller: _has_role(file, _account(value, caller), _ROLES[field])
        raise BadQuery(field)

    def _comparison(self, field: str) -> Test:
        if field in {"properties", "appProperties"}:
            return self._property(field)
        if field == "sharedWithMe" and (self.next is None or self.next.value in _AFTER_A_TERM):
            return _FLAGS[field]  # it may stand alone: an example in the guide
        operator = self._take().value
        if field in _FLAGS:
            return self._flag(field, operator)
        value = self._kind("text")
        if field in _TEXTS:
            return _text_test(field, operator, value)
        if field in _TIMES and operator in _COMPARE:
            return _time_test(field, operator, value)
        raise BadQuery(field)

    def _flag(self, field: str, operator: str) -> Test:
        word = self._kind("word")
        if operator not in {"=", "!="} or word not in {"true", "false"}:
            raise BadQuery(field)
        wanted = (word == "true") == (operator == "=")
        return lambda file, caller: _FLAGS[field](file, caller) == wanted

    def _property(self, field: str) -> Test:
        self._expect("word", "has")
        self._expect("sign", "{")
        self._expect("word", "key")
        self._expect("sign", "=")
        key = self._kind("text")
        self._expect("word", "and")
        self._expect("word", "value")
        self._expect("sign", "=")
        value = self._kind("text")
        self._expect("sign", "}")
        if field == "properties":
            return lambda file, _caller: file.properties.get(key) == value
        return lambda file, caller: file.app_properties.get(caller.client, {}).get(key) == value

    def _take(self) -> _Token:
        token = self.next
        if token is None:
            raise BadQuery("it ends too early")
        self.next = next(self._tokens, None)
        return token

    def _kind(self, kind: str) -> str:
        token = self._take()
        if token.kind != kind:
            raise BadQuery(token.value)
        return token.value

    def _expect(self, kind: str, value: str) -> None:
        if self._take() != _Token(kind, value):
            raise BadQuery(value)


def _joined(first: Test, others: list[tuple[str, Test]]) -> Test:
    def test(file: DriveFile, caller: Caller) -> bool:
        holds = first(file, caller)
        for word, other in others:
            if holds == (word == "and"):
                holds = other(file, caller)
        return holds

    return test


def _folder(value: str, caller: Caller) -> str:
    return store.root_folder_id(caller.account) if value == "root" else value


def _account(value: str, caller: Caller) -> str:
    return caller.account if value == "me" else value


def _has_role(file: DriveFile, who: str, role: str) -> bool:
    return any(
        permission["role"] == role and permission.get("emailAddress", "").lower() == who.lower()
        for permission in file.permissions
    )


def _text_test(field: str, operator: str, value: str) -> Test:
    read = _TEXTS[field]
    wanted = value.casefold()
    if operator == "contains":
        beginning = re.compile(rf"(?<!\w){re.escape(wanted)}")
        if field == "mimeType":
            return lambda file, _caller: read(file).casefold().startswith(wanted)
        return lambda file, _caller: beginning.search(read(file).casefold()) is not None
    if field == "fullText" or operator not in {"=", "!="}:
        raise BadQuery(field)
    equal = operator == "="
    return lambda file, _caller: (read(file) == value) == equal


def _time_test(field: str, operator: str, value: str) -> Test:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise BadQuery(value) from error
    # "The default timezone is UTC": the guide on search terms.
    at = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    read, compare = _TIMES[field], _COMPARE[operator]
    return lambda file, _caller: compare(round(read(file), 3), at)


# --- The resource ---------------------------------------------------------------------------------

_WorkbookError: type[Exception]
try:
    import python_calamine as calamine

    _WorkbookError = calamine.CalamineError
except ImportError:  # it comes with the extra `sheets`
    calamine = None  # type: ignore[assignment]
    _WorkbookError = zipfile.BadZipFile

EXPORT_TYPES = ("text/markdown", "text/html", "text/plain")


def instant(epoch_seconds: float) -> str:
    """RFC 3339 in UTC with milliseconds, as Drive writes times."""
    moment = datetime.fromtimestamp(epoch_seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def user_resource(account: str, display_name: str, me: str) -> dict[str, Any]:
    """Drive's `User`."""
    return {
        "kind": "drive#user",
        "displayName": display_name or account.partition("@")[0],
        "me": account == me,
        "permissionId": store.permission_id("user", account),
        "emailAddress": account,
    }


def file_resource(file: DriveFile, caller: Caller, base_url: str) -> dict[str, Any]:
    """The whole resource as this caller sees it; links begin with `base_url`."""
    me = caller.account
    writes = file.allows(me, "writer")
    resource: dict[str, Any] = {
        "kind": "drive#file",
        "id": file.id,
        "name": file.name,
        "mimeType": file.mime_type,
        "starred": file.starred,
        "trashed": file.trashed,
        "explicitlyTrashed": file.trashed,
        "version": str(file.version),
        "webViewLink": f"{_link(file, base_url)}?usp=drivesdk",  # as reported of live Drive
        "hasThumbnail": False,
        "thumbnailVersion": "0",
        "viewedByMe": True,
        "createdTime": instant(file.created_at),
        "modifiedTime": instant(file.modified_at),
        "modifiedByMe": file.modified_by == me,
        "owners": [user_resource(file.owner, _display_name(file, file.owner), me)],
        "lastModifyingUser": user_resource(
            file.modified_by, _display_name(file, file.modified_by), me
        ),
        "ownedByMe": file.owner == me,
        "shared": len(file.permissions) > 1,
        "spaces": ["drive"],
        "quotaBytesUsed": str(file.size),
        "isAppAuthorized": file.creator_client == caller.client,
        "writersCanShare": True,
        "viewersCanCopyContent": True,
        "copyRequiresWriterPermission": False,
        "capabilities": _capabilities(file, me),
    }
    if file.drive_id:
        for name in ("owners", "ownedByMe", "shared"):
            resource.pop(name)
        resource |= {"driveId": file.drive_id, "teamDriveId": file.drive_id}
    if file.parent and (file.drive_id or file.owner == me):
        resource["parents"] = [file.parent]
    # "Not populated for items in shared drives": the reference on `permissions`.
    if writes and not file.drive_id:
        resource["permissions"] = file.permissions
        resource["permissionIds"] = [each["id"] for each in file.permissions]
    if shown := shown_restriction(file):
        held = file.content_restriction
        by = user_resource(held["by"], _display_name(file, held["by"]), me)
        times = {"restrictingUser": by, "restrictionTime": instant(held["at"])}
        resource["contentRestrictions"] = [shown | times]
    resource |= _texts(file, caller)
    resource |= _content_facts(file, base_url)
    return resource


def _texts(file: DriveFile, caller: Caller) -> dict[str, Any]:
    private = file.app_properties.get(caller.client, {})
    texts = {
        "description": file.description,
        "properties": file.properties,
        "appProperties": private,
    }
    return {name: value for name, value in texts.items() if value}


def _content_facts(file: DriveFile, base_url: str) -> dict[str, Any]:
    if file.mime_type == DOC_TYPE:
        export = f"{base_url}/drive/v3/files/{file.id}/export?"
        links = {kind: export + urlencode({"mimeType": kind}) for kind in EXPORT_TYPES}
        return {"exportLinks": links}
    if file.is_workspace:
        return {}
    suffix = PurePosixPath(file.name).suffix.lstrip(".")
    return {
        "size": str(file.size),
        "originalFilename": file.name,
        "fileExtension": suffix,
        "fullFileExtension": suffix,
        "headRevisionId": hashlib.sha256(f"{file.id} {file.version}".encode()).hexdigest()[:28],
        # Like `uc?id=…&export=download` at drive.google.com: for a browser, without a token.
        "webContentLink": f"{base_url}/uc?{urlencode({'id': file.id, 'export': 'download'})}",
    }


def _capabilities(file: DriveFile, me: str) -> dict[str, bool]:
    writes, owns = file.allows(me, "writer"), file.allows(me, "owner")
    folder = file.mime_type == FOLDER_TYPE
    unlocked = not file.content_restriction
    return {
        "canEdit": writes,
        "canComment": file.allows(me, "commenter") and unlocked,
        "canCopy": not folder,
        "canDelete": owns,
        "canDownload": not folder,
        "canRename": writes and unlocked,
        "canShare": writes,
        "canTrash": owns,
        "canUntrash": owns,
        "canAddChildren": folder and writes,
        "canListChildren": folder,
        "canModifyContent": writes and unlocked,
        "canModifyEditorContentRestriction": writes,
        "canModifyOwnerContentRestriction": owns,
        "canRemoveContentRestriction": may_remove(file, me),
        "canReadRevisions": writes,
    }


def _display_name(file: DriveFile, account: str) -> str:
    return next(
        (
            str(each["displayName"])
            for each in file.permissions
            if each.get("emailAddress", "").lower() == account
        ),
        "",
    )


def _link(file: DriveFile, base_url: str) -> str:
    if file.mime_type == DOC_TYPE:
        return f"{base_url}/document/d/{file.id}/edit"
    if file.mime_type == FOLDER_TYPE:
        return f"{base_url}/drive/folders/{file.id}"
    return f"{base_url}/file/d/{file.id}/view"


CSV_TYPE = "text/csv"
WORKBOOK_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_ZIP = b"PK\x03\x04"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


def check_importable(content: bytes) -> None:
    """Raise Drive's 400 for a file that can't become a Sheet; its words are a guess."""
    try:
        exported_workbook(content)
        if calamine is not None:
            exported_csv(content)
    except (csv.Error, _WorkbookError) as error:
        raise bad_request("Bad Request", "badRequest") from error


def exported_workbook(content: bytes) -> bytes:
    """The Sheet as .xlsx."""
    if content.startswith(_ZIP):
        return content
    rows = csv.reader(io.StringIO(content.decode("utf-8-sig", "replace"), newline=""))
    return workbook({"Sheet1": list(rows)})


def exported_csv(content: bytes) -> bytes:
    """The Sheet's first tab as CSV."""
    if not content.startswith(_ZIP):
        return content
    if calamine is None:
        raise not_rehearsed("The CSV of an imported workbook without python-calamine")
    first = calamine.CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0)
    page = io.StringIO()
    csv.writer(page).writerows(first.to_python(skip_empty_area=False))
    return page.getvalue().encode()


def workbook(tabs: Mapping[str, Sequence[Sequence[str]]]) -> bytes:
    """An .xlsx with only text, a tab for each name."""
    names = list(tabs)
    files = {
        "[Content_Types].xml": _content_types(len(names)),
        "_rels/.rels": _links({"rId1": ("officeDocument", "xl/workbook.xml")}),
        "xl/workbook.xml": _book(names),
        "xl/_rels/workbook.xml.rels": _links(
            {f"rId{at}": ("worksheet", f"worksheets/sheet{at}.xml") for at in _numbers(names)}
        ),
    }
    for at, name in enumerate(names, 1):
        files[f"xl/worksheets/sheet{at}.xml"] = _sheet(tabs[name])
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in files.items():
            archive.writestr(path, _HEAD + text)
    return packed.getvalue()


def _numbers(names: Sequence[str]) -> range:
    return range(1, len(names) + 1)


def _content_types(sheets: int) -> str:
    kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = "".join(
        f'<Override PartName="/xl/worksheets/sheet{at}.xml" ContentType="{kinds}.worksheet+xml"/>'
        for at in range(1, sheets + 1)
    )
    return (
        f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kinds}.sheet.main+xml"/>'
        f"{parts}</Types>"
    )


def _links(targets: Mapping[str, tuple[str, str]]) -> str:
    links = "".join(
        f'<Relationship Id="{key}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for key, (kind, target) in targets.items()
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{links}</Relationships>'


def _book(names: Sequence[str]) -> str:
    sheets = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{at}" r:id="rId{at}"/>'
        for at, name in enumerate(names, 1)
    )
    return f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{sheets}</sheets></workbook>'


def _sheet(rows: Sequence[Sequence[str]]) -> str:
    lines = "".join(
        f'<row r="{number}">{"".join(_cell(at, number, cell) for at, cell in enumerate(row))}</row>'
        for number, row in enumerate(rows, 1)
    )
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{lines}</sheetData></worksheet>'


def _cell(column: int, row: int, text: str) -> str:
    if not text:
        return ""
    place = f"{_letters(column)}{row}"
    words = f'<t xml:space="preserve">{escape(text)}</t>'
    return f'<c r="{place}" t="inlineStr"><is>{words}</is></c>'


def _letters(column: int) -> str:
    """`A` for 0, `Z` for 25, `AA` for 26."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
