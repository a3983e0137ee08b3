"""Lists as people really provide them: workbooks, Google Sheets, queries, exports with titles."""

from __future__ import annotations

import csv
import re
import sqlite3
import zipfile
from collections.abc import Callable, Mapping, Sequence
from email.message import EmailMessage
from functools import partial
from pathlib import Path

import pytest

from google_rehearsal.drive.resource import workbook
from tests.command_line import Postmortem
from tests.conftest import CONFIG
from tests.google_world import GoogleWorld
from tests.ledger.test_postgres_url import ASKS_FOR_TLS, listening
from tests.postgres_server import PostgresServer
from workflow.notice import list_source

TEMPLATE = """---
subject: Your invoices, {{ account }}
stage: update
---
Hello {{ name }},

We are sorry: some invoices in {{ account }} show a wrong total.
You will hear from us again on 25 Nov 2026, 5 PM CET. Reply to this mail with questions.
"""
CUSTOMERS = [["Email", "Name", "Account"], ["ann@one.example", "Ann", "A"]]
OTHERS = [["email", "name", "account"], ["old@one.example", "Old", "O"]]


@pytest.fixture
def incident(postmortem: Postmortem, tmp_path: Path) -> Postmortem:
    """Somebody with an incident and a template for their customers' invoices."""
    (tmp_path / "invoices.md").write_text(TEMPLATE, encoding="utf-8")
    postmortem("start", "Wrong amounts", "--impact", "Invoices are too high")
    return postmortem


@pytest.fixture
def template(tmp_path: Path) -> tuple[str, str]:
    return ("--template", str(tmp_path / "invoices.md"))


def sheets(path: Path, tabs: Mapping[str, Sequence[Sequence[str]]]) -> str:
    path.write_bytes(workbook(tabs))
    return str(path)


def written(path: Path, content: str | bytes) -> str:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def send(postmortem: Postmortem, listed: str, count: int, *more: str) -> None:
    postmortem("notify", listed, *more, "--send", "--confirm", str(count))


def texts(google: GoogleWorld) -> list[str]:
    return [text_of(mail) for mail in google.sent()]


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


# Workbooks


def test_a_workbook_is_read_by_its_one_sheet(
    incident: Postmortem, google: GoogleWorld, tmp_path: Path, template: tuple[str, str]
) -> None:
    send(incident, sheets(tmp_path / "l.xlsx", {"Customers": CUSTOMERS}), 1, *template)
    assert google.copies_per_recipient() == {"ann@one.example": 1}
    assert texts(google)[0].startswith("Hello Ann,")


def test_of_several_sheets_the_person_names_one(
    incident: Postmortem, google: GoogleWorld, tmp_path: Path, template: tuple[str, str]
) -> None:
    listed = sheets(tmp_path / "l.xlsx", {"Old & gone": OTHERS, "Customers": CUSTOMERS})
    said = incident("notify", listed, *template, expect=3).err
    assert "2 sheets: `Old & gone`, `Customers`. Choose one: --sheet" in said
    assert '--sheet "Old & gone" or --sheet "Customers".' in said
    said = incident("notify", listed, *template, "--sheet", "Customer", expect=3).err
    assert "no sheet `Customer`; it has `Old & gone`, `Customers`" in said
    send(incident, listed, 1, *template, "--sheet", "customers")
    assert google.copies_per_recipient() == {"ann@one.example": 1}


def test_a_sheet_without_addresses_is_not_proposed(
    incident: Postmortem, tmp_path: Path, template: tuple[str, str]
) -> None:
    tabs = {"Summary": [["Affected", "3"]], "Customers": CUSTOMERS, "Notes": [["none"]]}
    listed = sheets(tmp_path / "l.xlsx", tabs)
    said = incident("notify", listed, *template, expect=3).err
    assert said.endswith('Choose one: --sheet "Customers".\n')


@pytest.mark.parametrize("kind", ["xlsx", "ods"])
def test_a_whole_number_with_a_format_is_warned_of(
    incident: Postmortem, tmp_path: Path, kind: str
) -> None:
    words = tmp_path / "numbers.md"
    words.write_text(f"{TEMPLATE}\n{{{{ id }}}} {{{{ share }}}} {{{{ plan }}}}\n", encoding="utf-8")
    rows = [[*CUSTOMERS[0], "Id", "Share", "Plan"], [*CUSTOMERS[1], "42", "1", "3"]]
    if kind == "xlsx":
        path = tmp_path / "l.xlsx"
        sheets(path, {"Customers": rows})
        numbers = b"".join(
            b'<c r="%s2" s="%d"><v>%d</v></c>' % each for each in ((b"D", 1, 42), (b"E", 2, 1))
        ) + (b'<c r="F2" s="3"><v>3</v></c>')
        styles = (
            '<styleSheet><numFmts><numFmt numFmtId="164" formatCode="00000"/><numFmt '
            'numFmtId="165" formatCode="0_);(0)"/></numFmts><cellStyleXfs><xf numFmtId="9"/>'
            '</cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="9"/>'
            '<xf numFmtId="165"/></cellXfs></styleSheet>'
        )
        listed = changed(
            path, "sheet1", lambda part: re.sub(rb'<c r="D2".*(?=</row>)', numbers, part)
        )
        with zipfile.ZipFile(path, "a") as packed:
            packed.writestr("xl/styles.xml", styles)
    else:
        listed = ods(path := tmp_path / "l.ods", {"Customers": rows})
        for text, shown in (("42", "00042"), ("1", "100 %"), ("3", "3")):
            old = f'"string"><text:p>{text}<'.encode()
            new = f'"float" office:value="{text}"><text:p>{shown}<'.encode()
            changed(path, "content", partial(re.compile(old).sub, new))
    findings = incident.json("notify", listed, "--template", str(words))["findings"]
    found = {each["where"]: each["message"] for each in findings if each["code"] == "unformatted"}
    assert list(found) == ["column id", "column share"]
    assert "a mail says `42` without the sheet's format" in found["column id"]


def test_one_hidden_row_is_named_in_the_singular(
    incident: Postmortem, tmp_path: Path, template: tuple[str, str]
) -> None:
    path = tmp_path / "l.xlsx"
    sheets(path, {"Customers": [*CUSTOMERS, ["bob@two.example", "Bob", "B"]]})
    listed = changed(path, "", lambda part: part.replace(b'<row r="3"', b'<row r="3" hidden="1"'))
    said = incident("notify", listed, *template).err
    assert "1 row is hidden in the workbook, by a filter or by hand, but it is included." in said


def changed(path: Path, within: str, change: Callable[[bytes], bytes]) -> str:
    """Change the parts of a workbook whose names have this in them."""
    with zipfile.ZipFile(path) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in parts.items():
            packed.writestr(name, change(content) if within in name else content)
    return str(path)


def test_hidden_rows_of_an_opendocument_sheet_are_counted(
    incident: Postmortem, tmp_path: Path, template: tuple[str, str]
) -> None:
    ods(path := tmp_path / "l.ods", {"S": [*CUSTOMERS, ["bob@two.example", "Bob", "B"]]})
    filtered = b'<table:table-row table:visibility="filter">'
    empty = b'<table:table-row table:visibility="collapse" table:number-rows-repeated="900">'

    def hide(content: bytes) -> bytes:
        *rows, last = content.split(b"<table:table-row>")
        shown, end, rest = last.partition(b"</table:table-row>")
        more = empty + b"<table:table-cell/></table:table-row>"
        return b"<table:table-row>".join(rows) + filtered + shown + end + more + rest

    said = incident("notify", changed(path, "content.xml", hide), *template).err
    assert "1 row is hidden in the workbook, by a filter or by hand, but it is included." in said


def merged(path: Path, *ranges: str) -> str:
    """Merge cells of a workbook."""
    cells = "".join(f'<mergeCell ref="{each}"/>' for each in ranges)
    end = f"</sheetData><mergeCells>{cells}</mergeCells>".encode()
    return changed(path, "worksheets/", lambda part: part.replace(b"</sheetData>", end))


def with_formula(path: Path, cell: bytes) -> str:
    """A workbook with another cell B2."""
    sheets(path, {"S": CUSTOMERS})

    def leave(content: bytes) -> bytes:
        known = rb'<c r="B2"[^>]*>.*?</c>'
        assert re.search(known, content)
        return re.sub(known, cell, content)

    return changed(path, "worksheets/", leave)


@pytest.mark.parametrize(
    "cell",
    [
        b'<c r="B2"><f>PROPER("ann")</f></c>',
        b'<c r="B2"><f>PROPER("ann")</f><v></v></c>',
        b'<c r="B2" s="1"><f t="shared" si="0"/><v/></c>',
    ],
)
def test_a_formula_that_no_program_has_worked_out_is_no_empty_cell(
    incident: Postmortem,
    google: GoogleWorld,
    tmp_path: Path,
    template: tuple[str, str],
    cell: bytes,
) -> None:
    """Programs that write workbooks leave the values of formulas to Excel."""
    listed = with_formula(tmp_path / "l.xlsx", cell)
    said = incident("notify", listed, *template, expect=3).err
    assert "cell B2 of the workbook has a formula without its value. Open the workbook in" in said
    assert google.sent() == []


def test_a_formula_of_an_opendocument_sheet_needs_its_value_too(
    incident: Postmortem, tmp_path: Path, template: tuple[str, str]
) -> None:
    ods(path := tmp_path / "l.ods", {"S": CUSTOMERS})
    known = b'<table:table-cell office:value-type="string"><text:p>Ann</text:p></table:table-cell>'
    formula = b'<table:table-cell table:formula="of:=PROPER(&quot;ann&quot;)"/>'
    listed = changed(path, "content.xml", lambda part: part.replace(known, formula))
    said = incident("notify", listed, *template, expect=3).err
    assert "a cell of the workbook has a formula without its value." in said


def test_a_formula_with_its_value_is_read_as_that(
    incident: Postmortem, google: GoogleWorld, tmp_path: Path, template: tuple[str, str]
) -> None:
    cell = b'<c r="B2" t="str"><f>PROPER("ann")</f><v>Ann</v></c>'
    send(incident, with_formula(tmp_path / "l.xlsx", cell), 1, *template)
    assert texts(google)[0].startswith("Hello Ann,")


def with_inner_break(path: Path, mark: bytes) -> str:
    """A workbook whose account is `Acme Berlin`, with this mark for the blank."""
    sheets(path, {"S": [CUSTOMERS[0], ["ann@one.example", "Ann", "Acme Berlin"]]})
    return changed(path, "worksheets/", lambda part: part.replace(b"Acme Berlin", mark))


@pytest.mark.parametrize("mark", [b"Acme&#13;Berlin", b"Acme&#13;&#10;Berlin", b"Acme&#10;Berlin"])
def test_a_line_break_in_a_workbooks_cell_splits_no_row(
    incident: Postmortem,
    google: GoogleWorld,
    tmp_path: Path,
    template: tuple[str, str],
    mark: bytes,
) -> None:
    send(incident, with_inner_break(tmp_path / "l.xlsx", mark), 1, *template)
    assert google.copies_per_recipient() == {"ann@one.example": 1}
    assert "in Acme Berlin show" in " ".join(texts(google)[0].split())


def test_a_repeated_address_with_other_values_is_named_with_its_row(
    incident: Postmortem, google: GoogleWorld, tmp_path: Path, template: tuple[str, str]
) -> None:
    rows = ["ann@one.example,Ann,Acme", "ANN@one.example,Ann,Acme", "ann@one.example,Anna,Zed"]
    listed = written(tmp_path / "l.csv", "\n".join(["email,name,account", *rows, ""]))
    said = incident("notify", listed, *template).err
    assert "row 4 (as row 2): repeated address with other values, which nobody gets" in said
    assert "row 3" not in said
    send(incident, listed, 1, *template)
    assert texts(google)[0].startswith("Hello Ann,")
    again = incident("notify", listed, *template).err  # she has it, and her other row still not
    assert "row 4 (as row 2): repeated address with other values" in again
    assert "row 3" not in again


def test_a_repeated_address_that_is_suppressed_is_no_finding(
    incident: Postmortem, tmp_path: Path, template: tuple[str, str]
) -> None:
    rows = ["ann@one.example,Ann,Acme", "bob@two.example,Bob,B", "ann@one.example,Anna,Zed"]
    listed = written(tmp_path / "l.csv", "\n".join(["email,name,account", *rows, ""]))
    incident("suppress", "ann@one.example", "--why", "asked")
    assert "repeated address" not in incident("notify", listed, *template).err


@pytest.mark.parametrize("form", ["xlsx", "csv", "utf-16"])
def test_a_file_for_everybody_that_names_customers_is_refused(
    incident: Postmortem,
    google: GoogleWorld,
    tmp_path: Path,
    template: tuple[str, str],
    form: str,
) -> None:
    rows = [*CUSTOMERS, ["bob@two.example", "Bob", "B"]]
    text = "\n".join(",".join(row) for row in rows) + "\n"
    listed = written(tmp_path / "l.csv", text)
    if form == "xlsx":
        attached = sheets(tmp_path / "file.xlsx", {"A": [["x"]], "Customers": rows})
    else:
        attached = written(
            tmp_path / "file.csv", text.encode("utf-16" if form[0] == "u" else "utf-8")
        )
    said = incident("notify", listed, *template, "--attach", attached, expect=3).err
    assert "it holds the addresses of 2 customers of the list" in said
    one = written(tmp_path / "one.csv", "ann@one.example, help@us.example\n")
    send(incident, listed, 2, *template, "--attach", one)
    assert len(texts(google)) == 2


def test_a_header_over_two_lines_is_proposed_as_it_can_be_typed(
    incident: Postmortem, google: GoogleWorld, tmp_path: Path, template: tuple[str, str]
) -> None:
    row = ",".join(CUSTOMERS[1])
    head = '"E-Mail-Adresse\n(geschäftlich)",name,account'
    listed = written(tmp_path / "l.csv", f"{head}\n{row}\n")
    said = incident("notify", listed, *template, expect=3).err
    assert said.endswith('--column email="E-Mail-Adresse (geschäftlich)".\n')
    send(incident, listed, 1, *template, "--column", "email=E-Mail-Adresse (geschäftlich)")
    assert google.copies_per_recipient() == {"ann@one.example": 1}


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (
            ["ann@one.example", "x"],
            "l.csv has a bad row, row 3: an email address must have an @-sign.",
        ),
        (
            ["x", "y"],
            "l.csv has 2 bad rows, the first is row 2: an email address must have an @-sign.",
        ),
    ],
)
def test_bad_rows_are_counted_in_a_sentence(
    incident: Postmortem, tmp_path: Path, template: tuple[str, str], rows: list[str], told: str
) -> None:
    lines = ["email,name,account", *(f"{row},A,B" for row in rows), ""]
    listed = written(tmp_path / "l.csv", "\n".join(lines))
    assert f"Nothing was sent: {told}" in incident("notify", listed, *template, expect=3).err


def test_empty_sheets_beside_the_list_are_no_question(
    incident: Postmortem, google: GoogleWorld, tmp_path: Path, template: tuple[str, str]
) -> None:
    listed = sheets(tmp_path / "l.xlsx", {"Sheet1": CUSTOMERS, "Sheet2": [], "Sheet3": []})
    send(incident, listed, 1, *template)
    assert google.copies_per_recipient() == {"ann@one.example": 1}


def test_a_workbooks_rows_have_the_numbers_that_the_person_sees(
    incident: Postmortem, tmp_path: Path, template: tuple[str, str]
) -> None:
    rows = [
        ["Impacted customers"],
        [],
        ["Exported 24 Nov"],
        *CUSTOMERS,
        ["", "", ""],
        ["no", "B", "C"],
    ]
    said = incident("notify", sheets(tmp_path / "l.xlsx", {"S": rows}), *template, expect=3)
    assert "row 4: this row was read as the header" in said.err
    assert "Row 7, column Email (no): an email address must have an @-sign" in said.err


def test_a_workbook_with_another_name_is_known_by_its_content(
    incident: Postmortem, google: GoogleWorld, tmp_path: Path, template: tuple[str, str]
) -> None:
    send(incident, sheets(tmp_path / "l.csv", {"S": CUSTOMERS}), 1, *template)
    assert google.copies_per_recipient() == {"ann@one.example": 1}


@pytest.mark.parametrize("content", [b"PK\x03\x04 broken", b"\xd0\xcf\x11\xe0 broken"])
def test_a_broken_workbook_is_refused_in_a_sentence(
    incident: Postmortem, tmp_path: Path, content: bytes
) -> None:
    said = incident("notify", written(tmp_path / "l.xlsx", content), expect=3).err
    assert "neither a CSV nor a workbook that can be read" in said


def ods(path: Path, tabs: Mapping[str, Sequence[Sequence[str | float]]]) -> str:
    """An OpenDocument spreadsheet, as LibreOffice and Google Sheets save one."""

    def cell(value: str | float) -> str:
        if isinstance(value, str):
            return f'<table:table-cell office:value-type="string"><text:p>{value}</text:p>' + end
        shown = f"{value:.2f} €".replace(".", ",")
        kind = f'office:value-type="float" office:value="{value}"'
        return f"<table:table-cell {kind}><text:p>{shown}</text:p>{end}"

    end = "</table:table-cell>"
    urn = "urn:oasis:names:tc:opendocument:xmlns"
    content = "".join(
        f'<table:table table:name="{name}">'
        + "".join(f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in rows)
        + "</table:table>"
        for name, rows in tabs.items()
    )
    mime = "application/vnd.oasis.opendocument.spreadsheet"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("mimetype", mime)
        file.writestr(
            "META-INF/manifest.xml",
            f'<manifest:manifest xmlns:manifest="{urn}:manifest:1.0"><manifest:file-entry '
            f'manifest:full-path="/" manifest:media-type="{mime}"/></manifest:manifest>',
        )
        file.writestr(
            "content.xml",
            f'<office:document-content xmlns:office="{urn}:office:1.0" '
            f'xmlns:table="{urn}:table:1.0" xmlns:text="{urn}:text:1.0"><office:body>'
            f"<office:spreadsheet>{content}</office:spreadsheet></office:body>"
            "</office:document-content>",
        )
    return str(path)


@pytest.mark.parametrize("name", ["l.ods", "l.csv"])
def test_an_opendocument_sheet_is_read_whatever_its_name(
    incident: Postmortem,
    google: GoogleWorld,
    tmp_path: Path,
    template: tuple[str, str],
    name: str,
) -> None:
    rows: list[list[str | float]] = [[*CUSTOMERS[0], "Amount"]]
    rows.append(["ann@one.example", "Änn O'Neil", "A &amp; B", 12.5])
    listed = ods(tmp_path / name, {"Old": OTHERS, "Customers": rows})
    assert "2 sheets: `Old`, `Customers`" in incident("notify", listed, *template, expect=3).err
    send(incident, listed, 1, *template, "--sheet", "Customers")
    assert google.copies_per_recipient() == {"ann@one.example": 1}
    assert texts(google)[0].startswith("Hello Änn O'Neil,\n\nWe are sorry: some invoices in A & B")


@pytest.mark.parametrize("name", ["l.xls", "l.xlsx"])
def test_a_workbook_of_excel_97_is_read_whatever_its_name(
    incident: Postmortem, google: GoogleWorld, tmp_path: Path, name: str
) -> None:
    rows = tmp_path / "rows.md"
    rows.write_text(
        f"{TEMPLATE}\n{{{{ amount }}}}, {{{{ due }}}}, {{{{ order }}}}\n", encoding="utf-8"
    )
    source = Path(__file__).parents[1] / "fixtures" / "lists" / "customers.xls"
    listed = written(tmp_path / name, source.read_bytes())
    words = ("--template", str(rows))
    assert "2 sheets: `Kunden`, `Alt`" in incident("notify", listed, *words, expect=3).err
    sheet = incident.json("notify", listed, *words, "--sheet", "Kunden")
    found = {each["where"]: each["code"] for each in sheet["findings"]}
    assert found["row 3"] == "title_rows"
    # A date and an amount have a format in the sheet that a mail does not, and so has a number of
    # 16 digits, of which a spreadsheet keeps 15.
    for column in ("amount", "due", "order"):
        assert found[f"column {column}"] == "unformatted"
    send(incident, listed, 2, *words, "--sheet", "Kunden")
    assert google.copies_per_recipient() == {"ann@one.example": 1, "bob@two.example": 1}
    first = next(text for text in texts(google) if text.startswith("Hello Jürgen Ångström,"))
    assert "in A & Söhne show" in first
    assert "1234.5, 2026-11-24, 1234567890123456\n" in first


def test_a_sheet_is_asked_of_no_csv(incident: Postmortem, tmp_path: Path) -> None:
    listed = written(tmp_path / "l.csv", "email\nann@one.example\n")
    assert "l.csv is not a workbook" in incident("notify", listed, "--sheet", "S", expect=3).err


# Google Sheets


def test_a_tab_is_read_by_its_name_and_never_the_first_one_in_its_place(
    incident: Postmortem, google: GoogleWorld, template: tuple[str, str]
) -> None:
    file = google.upload_workbook("Lists", {"Old": OTHERS, "Customers": CUSTOMERS})
    for address in (
        f"https://docs.google.com/spreadsheets/d/{file}/edit#gid=77",
        f"https://docs.google.com/spreadsheets/d/{file}/edit?gid=77#gid=77",
        f"https://docs.google.com/spreadsheets/d/{file}/edit?usp=sharing",
        f"docs.google.com/spreadsheets/u/1/d/{file}",
    ):
        said = incident("notify", address, *template, expect=3).err
        assert "This sheet has 2 tabs: `Old`, `Customers`." in said
        assert ("gid=77" in said) is ("gid=77" in address)
    assert google.copies_per_recipient() == {}
    send(incident, address, 1, *template, "--sheet", "Customers")
    assert google.copies_per_recipient() == {"ann@one.example": 1}
    assert "no sheet `Gone`" in incident("notify", address, "--sheet", "Gone", expect=3).err


@pytest.mark.parametrize(
    "form",
    [
        "https://docs.google.com/spreadsheets/d/{id}/edit#gid=0",
        "https://docs.google.com/spreadsheets/d/{id}",
        "https://docs.google.com/spreadsheets/u/0/d/{id}/edit",
        "https://docs.google.com/a/team.example/spreadsheets/d/{id}/edit",
        "https://docs.google.com/spreadsheets/d/{id}/export?format=csv&gid=12",
        "https://docs.google.com/spreadsheets/d/{id}/htmlview",
        "https://docs.google.com/spreadsheet/ccc?key={id}#gid=0",
        "https://docs.google.com/open?id={id}",
        "https://drive.google.com/open?id={id}&usp=drive_fs",
        "https://drive.google.com/file/d/{id}/view?usp=sharing",
        "docs.google.com/spreadsheets/d/{id}/edit",
        "<https://docs.google.com/spreadsheets/d/{id}/edit>",
    ],
)
def test_every_form_of_a_sheets_address_leads_to_it(
    incident: Postmortem, google: GoogleWorld, template: tuple[str, str], form: str
) -> None:
    csv = "email,name,account\nann@one.example,Ann,A\n"
    file = google.upload_sheet("Customers", csv, token="rehearsal")
    send(incident, form.format(id=file), 1, *template)
    assert google.copies_per_recipient() == {"ann@one.example": 1}


def test_hidden_rows_of_a_google_sheet_are_counted(
    incident: Postmortem, google: GoogleWorld, tmp_path: Path, template: tuple[str, str]
) -> None:
    path = tmp_path / "l.xlsx"
    sheets(path, {"Customers": [*CUSTOMERS, ["bob@two.example", "Bob", "B"]]})
    changed(path, "", lambda part: part.replace(b'<row r="3"', b'<row r="3" hidden="1"'))
    file = google.upload_xlsx("Customers", path.read_bytes())
    said = incident("notify", f"https://docs.google.com/spreadsheets/d/{file}/edit", *template).err
    assert "1 row is hidden in the workbook, by a filter or by hand, but it is included." in said


@pytest.mark.parametrize(
    ("end", "told"),
    [
        ("/edit#gid=0&range=A2:C2", "shows the range A2:C2, but all rows of the tab are included"),
        ("/edit?gid=0#gid=0&fvid=123", "shows a filter view, but all rows of the tab"),
        ("/edit#gid=0", ""),
    ],
)
def test_an_address_of_a_part_of_a_tab_is_warned_of(
    incident: Postmortem, google: GoogleWorld, template: tuple[str, str], end: str, told: str
) -> None:
    csv = "email,name,account\nann@one.example,Ann,A\nbob@two.example,Bob,B\n"
    file = google.upload_sheet("Customers", csv, token="rehearsal")
    address = f"https://docs.google.com/spreadsheets/d/{file}{end}"
    findings = incident.json("notify", address, *template)["findings"]
    said = [each["message"] for each in findings if each["code"] == "whole_tab"]
    assert len(said) == bool(told)
    assert all(told in each for each in said)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("https://docs.google.com/spreadsheets/d/e/2PACX-x/pubhtml", "published page"),
        ("https://docs.google.com/spreadsheets/u/0/d/e/2PACX-x/pub?output=csv", "published page"),
        ("https://intra.example/customers.csv", "not the address of a Google Sheet"),
        ("https://docs.google.com/document/d/1AbCdEfGhIjKlMn/edit", "not the address of a Google"),
        ("docs.google.com/forms/d/1AbCdEfGhIjKlMn", "not the address of a Google Sheet"),
    ],
)
def test_an_address_that_leads_to_no_list_is_named_as_what_it_is(
    incident: Postmortem, google: GoogleWorld, address: str, told: str
) -> None:
    google.forget_calls()
    said = incident("notify", address, expect=3).err
    assert told in said
    assert "No such file" not in said
    assert "drive.files.export" not in google.calls()


# Queries


@pytest.fixture
def shop(incident: Postmortem, tmp_path: Path) -> Path:
    """A shop's database, named in the config."""
    path = tmp_path / "shop.sqlite"
    with sqlite3.connect(path) as shop:
        shop.execute("CREATE TABLE customers (email TEXT, name TEXT, account TEXT, hit INTEGER)")
        rows = [("ann@one.example", "Ann; O'Neil", "A", 1), ("bob@two.example", "Bob", None, 0)]
        shop.executemany("INSERT INTO customers VALUES (?, ?, ?, ?)", rows)
    incident.configure(f'list_database_url = "sqlite:///{path}"\n{CONFIG}')
    return path


def query(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return f"sql:{path}"


def test_a_query_finds_the_customers(
    incident: Postmortem,
    google: GoogleWorld,
    shop: Path,
    tmp_path: Path,
    template: tuple[str, str],
) -> None:
    listed = query(
        tmp_path / "hit.sql",
        "-- those of; the night\nSELECT email, name, account /* ; */ FROM customers\n"
        "WHERE hit = 1 AND name LIKE '%; O''N%';\n",
    )
    send(incident, listed, 1, *template)
    assert google.copies_per_recipient() == {"ann@one.example": 1}
    assert texts(google)[0].startswith("Hello Ann; O'Neil,")
    (notice,) = incident.json("show")["notices"]
    assert notice["recipients"] == 1


def test_a_line_break_in_a_querys_cell_splits_no_row(
    incident: Postmortem,
    google: GoogleWorld,
    shop: Path,
    tmp_path: Path,
    template: tuple[str, str],
) -> None:
    listed = query(
        tmp_path / "q.sql",
        "SELECT email, name, 'Acme' || char(13) || 'Berlin' AS account FROM customers",
    )
    send(incident, listed, 2, *template)
    assert google.copies_per_recipient() == {"ann@one.example": 1, "bob@two.example": 1}
    assert all("in Acme Berlin show" in " ".join(each.split()) for each in texts(google))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("DELETE FROM customers", "begins with `DELETE`"),
        ("SELECT email FROM customers; DELETE FROM customers", "has 2 statements"),
        ("WITH gone AS (DELETE FROM customers RETURNING email) SELECT * FROM gone", "has `DELETE`"),
        ("SELECT email INTO copy FROM customers", "has `INTO`"),
        ("PRAGMA query_only = OFF", "begins with `PRAGMA`"),
        ("", "has 0 statements"),
        ("-- nothing", "has 0 statements"),
        ("SELECT mail FROM customers", "failed: no such column: mail."),
        ("SELECT email FROM orders", "failed: no such table: orders."),
        ("SELECT name FROM customers", "no column `email`"),
    ],
)
def test_what_is_not_one_select_is_refused_and_nothing_is_changed(
    incident: Postmortem, shop: Path, tmp_path: Path, text: str, told: str
) -> None:
    said = incident("notify", query(tmp_path / "q.sql", text), expect=3).err
    assert told in said
    with sqlite3.connect(shop) as connection:
        assert connection.execute("SELECT count(*) FROM customers").fetchone() == (2,)


def test_the_database_itself_refuses_a_change_that_hides_in_a_select(
    incident: Postmortem, shop: Path, tmp_path: Path
) -> None:
    from workflow.notice.list_source import _engine, _reading_only  # noqa: PLC0415

    engine = _engine(f"sqlite:///{shop}")
    with _reading_only(engine) as connection, pytest.raises(Exception, match="readonly"):
        connection.exec_driver_sql("DELETE FROM customers")
    engine.dispose()


def test_a_query_reads_postgresql_and_changes_nothing_there(
    incident: Postmortem,
    google: GoogleWorld,
    tmp_path: Path,
    template: tuple[str, str],
    postgres: PostgresServer,
) -> None:
    url = postgres.new_database()
    shop = url.partition("///")[2].partition("?")[0]
    for statement in (
        "CREATE TABLE customers (email TEXT, name TEXT, account TEXT, hit BOOLEAN)",
        "INSERT INTO customers VALUES ('ann@one.example', 'Änn 100%', 'A', true), "
        "('bob@two.example', 'Bob', NULL, false)",
        "CREATE SEQUENCE orders",
        "CREATE FUNCTION wipe() RETURNS INTEGER LANGUAGE plpgsql AS "
        "$$ BEGIN DELETE FROM customers; RETURN 1; END $$",
    ):
        postgres(statement, database=shop)
    incident.configure(f'list_database_url = "{url}"\n{CONFIG}')
    for text, told in [
        ("SELECT email, wipe() FROM customers", "read-only transaction"),
        ("SELECT email, nextval('orders') FROM customers", "read-only transaction"),
        ("SELECT mail FROM customers", "does not exist"),
    ]:
        said = incident("notify", query(tmp_path / "q.sql", text), expect=3).err
        assert told in said
        assert "password" not in said
    assert postgres("SELECT count(*) FROM customers", database=shop) == [(2,)]
    listed = query(
        tmp_path / "q.sql", "SELECT email, name, account FROM customers WHERE name LIKE '%\\%'"
    )
    send(incident, listed, 1, *template)
    assert google.copies_per_recipient() == {"ann@one.example": 1}
    assert texts(google)[0].startswith("Hello Änn 100%,")
    postgres("DROP TABLE customers", database=shop)
    assert "failed" in incident("notify", listed, *template, expect=3).err


def test_a_query_without_a_database_says_what_to_set_up(
    incident: Postmortem, tmp_path: Path
) -> None:
    listed = query(tmp_path / "q.sql", "SELECT 1 AS email")
    assert "Set list_database_url in the config" in incident("notify", listed, expect=4).err
    for url, told in [
        ("sqlite:////nowhere/at/all.db", "there is no SQLite file"),
        ("oracle://reader:secret@host/shop", "can't be read by this program safely"),
        ("not a url", "is not a database's address"),
    ]:
        incident.configure(f'list_database_url = "{url}"\n{CONFIG}')
        said = incident("notify", listed, expect=4).err
        assert told in said
        assert "secret" not in said
    assert "can't be read" in incident("notify", f"sql:{tmp_path / 'none.sql'}", expect=3).err


def test_a_query_sends_another_machine_nothing_in_clear_text(
    incident: Postmortem, tmp_path: Path
) -> None:
    listed = query(tmp_path / "q.sql", "SELECT 1 AS email")
    with listening() as server:
        incident.configure(f'list_database_url = "{server.url("db.example")}"\n{CONFIG}')
        incident("notify", listed, expect=4)
        assert set(server.received) <= {ASKS_FOR_TLS, b""}
        said = server.url("db.example", "&sslmode=disable")
        incident.configure(f'list_database_url = "{said}"\n{CONFIG}')
        incident("notify", listed, expect=4)
        assert b"ledger" in server.received[-1]
    for url in (
        "mysql+pymysql://reader:secret@db.example/shop",
        "mariadb+pymysql:///shop?host=db.example",
        "postgresql+psycopg2://reader:secret@db.example/shop",
    ):
        incident.configure(f'list_database_url = "{url}"\n{CONFIG}')
        said = incident("notify", listed, expect=4).err
        assert "nothing says that db.example is spoken to over TLS" in said
        assert "secret" not in said


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("田中太郎", "shift_jis"), ("王小明", "gb18030"), ("王小明", "big5"), ("김철수", "euc_kr")],
)
def test_names_in_an_encoding_of_east_asia_are_led_to_it(
    incident: Postmortem,
    google: GoogleWorld,
    tmp_path: Path,
    template: tuple[str, str],
    name: str,
    encoding: str,
) -> None:
    listed = f"email,name,account\nann@one.example,{name},A\n".encode(encoding)
    path = written(tmp_path / "l.csv", listed)
    findings = incident.json("notify", path, *template)["findings"]
    (found,) = [each for each in findings if each["code"] == "guessed_encoding"]
    assert f"{encoding}: `{name}`" in found["message"]
    send(incident, path, 1, *template, "--encoding", encoding)
    assert texts(google)[0].startswith(f"Hello {name},")


def test_a_header_in_an_encoding_of_east_asia_is_led_to_it(
    incident: Postmortem, google: GoogleWorld, tmp_path: Path, template: tuple[str, str]
) -> None:
    content = "メールアドレス,氏名,会社名\nann@one.example,Ann,A\n"
    path = written(tmp_path / "l.csv", content.encode("shift_jis"))
    said = incident("notify", path, *template, expect=3).err
    assert "If letters look wrong here, name the encoding of the list" in said
    encoding = ("--encoding", "shift_jis")
    said = incident("notify", path, *template, *encoding, expect=3).err
    assert "addresses stand in `メールアドレス`" in said
    assert "letters look wrong" not in said
    send(incident, path, 1, *template, *encoding, "--column", "email=メールアドレス")
    assert texts(google)[0].startswith("Hello Ann,")


@pytest.mark.parametrize(
    "content",
    [
        "From: ann@one.example\nTo: bob@two.example\n\nHi\n",
        "INSERT INTO customers (email, name) VALUES ('ann@one.example', 'Ann');\n",
        "ann@one.example; bob@two.example\n",
        "Ann Lee <ann@one.example>\nBob <bob@two.example>\nemail,name\ncy@one.example,Cy\n",
        "Ann,ann@one.example\n\nemail,name\nbob@two.example,Bob\n",
    ],
)
def test_a_text_with_addresses_and_no_header_is_named_so(
    incident: Postmortem, tmp_path: Path, content: str
) -> None:
    said = incident("notify", written(tmp_path / "l.csv", content), expect=3).err
    assert "the list has no header" in said
    assert "--column" not in said


# Text files with something around the list


LISTS = {
    "a title above": "Impacted customers,,\nExported 24 Nov 2026,,\n,,\nEmail,Name,Account\n"
    "ann@one.example,Ann,A\n",
    "a table of psql": " email           | name | account \n"
    "-----------------+------+---------\n ann@one.example | Ann  | A\n",
    "a table of MySQL": "+-----------------+------+---------+\n"
    "| email           | name | account |\n+-----------------+------+---------+\n"
    "| ann@one.example | Ann  | A       |\n+-----------------+------+---------+\n",
    "a table of Markdown": "| email | name | account |\n|:---|:---:|---|\n"
    "| [ann@one.example](mailto:ann@one.example) | Ann | A |\n",
    "a table drawn with lines": "┌─────────────────┬──────┬─────────┐\n"
    "│      email      │ name │ account │\n├─────────────────┼──────┼─────────┤\n"
    "│ ann@one.example │ Ann  │ A       │\n└─────────────────┴──────┴─────────┘\n",
    "a block of code": "```csv\nemail,name,account\nann@one.example,Ann,A\n```\n",
    "the end of a file of DOS": "email,name,account\r\nann@one.example,Ann,A\r\n\x1a",
    "commas of Chinese": "email，name，account\nann@one.example，Ann，A\n",
    "semicolons of Chinese": "email；name；account\nann@one.example；Ann；A\n",
    "commas of Arabic": "email،name،account\nann@one.example،Ann،A\n",
    "a title with an address": "Exported by cy@team.example on 24 Nov 2026, 10:00\n"
    "From: Cy <cy@team.example>\nEmail,Name,Account\nann@one.example,Ann,A\n",
    "a title with other separators": "Impacted; customers\n\nEmail,Name,Account\n"
    "ann@one.example,Ann,A\n",
    "whole rows in quotes": '"email,name,account"\n"ann@one.example,Ann,A"\n',
    "whole rows with quotes in them": '"email;name;account"\n"ann@one.example;""Ann"";""A"""\n',
    "sep in quotes": '"sep=;"\nemail;name;account\nann@one.example;Ann;A\n',
    "SEP with blanks": "SEP = ,\nemail,name,account\nann@one.example,Ann,A\n",
    "sep with empty cells": "sep=;;;\nemail;name;account\nann@one.example;Ann;A\n",
    "sep with a tab": "sep=\t\nemail\tname\taccount\nann@one.example\tAnn\tA\n",
    "sep spelled out": "sep=\\t\nemail\tname\taccount\nann@one.example\tAnn\tA\n",
    "sep with another mark": "sep=^\nemail^name^account\nann@one.example^Ann^A\n",
    "sep that is wrong": "sep=;\nemail,name,account\nann@one.example,Ann,A\n",
    "sep after a byte order mark": "\ufeffsep=;\nemail;name;account\nann@one.example;Ann;A\n",
    "an apostrophe": "email,name,account\n'ann@one.example,Ann,A\n",
    "apostrophes round it": "email,name,account\n'ann@one.example',Ann,A\n",
    "typographic quotes": "email,name,account\n“ann@one.example”,Ann,A\n",
    "tildes": "email~name~account\nann@one.example~Ann~A\n",
    "colons": "email:name:account\nann@one.example:Ann:A\n",
    "ASCII's own separators": "email\x1fname\x1faccount\nann@one.example\x1fAnn\x1fA\n",
    "merged headers": "Customer,,Contact,\nAccount,Name,Email,Phone\nA,Ann,ann@one.example,1\n",
    "a link of Markdown": "email,name,account\n[Ann](mailto:ann%40one.example),Ann,A\n",
    "a link of a page": "email;name;account\n"
    '"<a href=""mailto:ann@one.example"">ann@one.example</a>";Ann;A\n',
    "a link of a spreadsheet": "email;name;account\n"
    '"=HYPERLINK(""mailto:ann@one.example"";""Write"")";Ann;A\n',
    "the same address again": 'email,name,account\n"ann@one.example; ANN@one.example",Ann,A\n',
    "a mailto link": "email,name,account\nmailto:ann%40one.example?subject=x,Ann,A\n",
    "stars": "email,name,account\n*ann@one.example*,Ann,A\n",
    "first and last name": "Email Address,First Name,Account\nann@one.example,Ann,A\n",
    "notes of a form": "First Name [Required],Email Address [Required],Company (optional)\n"
    "Ann,ann@one.example,A\n",
    "the customer's company": "email,name,Customer Company\nann@one.example,Ann,A\n",
    "the company": "email,name,Company\nann@one.example,Ann,A\n",
    "German headers": "E-Mail;Vorname;Firma\nann@one.example;Ann;A\n",
    "French headers": "email;Prénom;Société\nann@one.example;Ann;A\n",
    "unseen letters": "email,name,account\nann@one.example,\u200bAnn\u200b,A\ufeff\n",
}


@pytest.mark.parametrize("content", LISTS.values(), ids=LISTS.keys())
def test_a_list_with_something_around_it_reaches_its_customer(
    incident: Postmortem,
    google: GoogleWorld,
    tmp_path: Path,
    template: tuple[str, str],
    content: str,
) -> None:
    send(incident, written(tmp_path / "l.csv", content), 1, *template)
    assert google.copies_per_recipient() == {"ann@one.example": 1}
    assert texts(google)[0].startswith("Hello Ann,\n\nWe are sorry: some invoices in A show")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"<html><table><tr><td>Email</td></tr></table>", "is an HTML page"),
        (b"\xef\xbb\xbf \n<!DOCTYPE html>\n<html>", "is an HTML page"),
        (b"<table border=1><tr><th>email</th></tr></table>", "is an HTML page"),
        (b'<?xml version="1.0"?><Workbook xmlns="x"></Workbook>', "is an XML spreadsheet"),
        (b"MIME-Version: 1.0\nContent-Type: multipart/related", "is a web archive"),
        (b'[{"email": "ann@one.example"}]', "is a JSON file"),
        (b"BEGIN:VCARD\nEMAIL:ann@one.example\nEND:VCARD", "is a file of contacts"),
    ],
)
def test_another_kind_of_file_is_named(
    incident: Postmortem, tmp_path: Path, content: bytes, told: str
) -> None:
    said = incident("notify", written(tmp_path / "report.xls", content), expect=3).err
    assert told in said
    assert "Open it in a spreadsheet program" in said


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("ann%2Bshop@one.example", "`%2B` in ann%2Bshop@one.example is the code for `+`"),
        ("?ann@one.example", "begins with `?`"),
        ("*ann@one.example", "begins with `*`"),
        ("ann@one.example ::: b@two.example", "2 addresses in one cell"),
        ("ann@one.example*", "'*'"),
        ("ann@one.example (old)", "something stands beside ann@one.example. Leave the address"),
        ("Email: ann@one.example", "something stands beside ann@one.example"),
        ("[ann@one.example](mailto:bob@two.example)", "2 addresses in one cell"),
        ("ann @one.example", "SPACE"),
    ],
)
def test_marks_that_may_belong_to_an_address_are_a_bad_row(
    incident: Postmortem, google: GoogleWorld, tmp_path: Path, cell: str, told: str
) -> None:
    listed = written(tmp_path / "l.csv", f"email,name\n{cell},Ann\n")
    assert told in incident("notify", listed, expect=3).err
    assert google.copies_per_recipient() == {}


@pytest.mark.parametrize(
    ("column", "told"),
    [
        ("name=Nickname", "no column `Nickname`; it has `Email`, `Full Name`, `Order`"),
        ("email=Nickname", "no column `Nickname`"),
        ("email=", "write it like --column email="),
        ("2 x=Order", "write it like --column email="),
    ],
)
def test_a_column_that_is_not_there_is_refused(
    incident: Postmortem, tmp_path: Path, column: str, told: str
) -> None:
    listed = written(tmp_path / "l.csv", "Email,Full Name,Order\nann@one.example,Ann,#1\n")
    assert told in incident("notify", listed, "--column", column, expect=3).err


def test_every_variable_can_be_given_a_column(
    incident: Postmortem, google: GoogleWorld, tmp_path: Path, template: tuple[str, str]
) -> None:
    listed = written(
        tmp_path / "l.csv",
        "Work,Home,Name,Contact,Shop\nann@one.example,x@y.example,#1001,Ann,A\n",
    )
    columns = ("--column", "email=Work", "--column", "name=Contact", "--column", "account=shop")
    send(incident, listed, 1, *template, *columns)
    assert google.copies_per_recipient() == {"ann@one.example": 1}
    assert texts(google)[0].startswith("Hello Ann,\n\nWe are sorry: some invoices in A show")
    again = ("--column", "name=Contact", "--column", "name=Shop")
    assert "twice" in incident("notify", listed, *columns[:2], *again, expect=3).err


@pytest.mark.parametrize(
    ("cell", "code", "told"),
    [
        ("#REF!", "error_cell", "a spreadsheet's error"),
        ("#NV", "error_cell", "`#NV`"),
        ("#BEZUG!", "error_cell", "`#BEZUG!`"),
        ("#¡VALOR!", "error_cell", "`#¡VALOR!`"),
        ("#N/A", "filler", "`#N/A`"),
        ("Err:502", "error_cell", "`Err:502`"),
        ("#¿NOMBRE?", "error_cell", "`#¿NOMBRE?`"),
        ("Fehler:508", "error_cell", "`Fehler:508`"),
        ("=A2&B2", "formula", "`=A2&B2`, a formula and not its value"),
        ("=CONCAT(A2;B2)", "formula", "a formula and not its value"),
        ("=VLOOKUP(A2,Sheet2!A:B,2,0)", "formula", "Export the list with its values"),
        ("=Sheet2!B2", "formula", "a formula"),
        ("#ΤΙΜΗ!", "error_cell", "`#ΤΙΜΗ!`"),
        ("#GETTING_DATA", "error_cell", "`#GETTING_DATA`"),
        ("Loading...", "error_cell", "`Loading...`"),
        ("########", "error_cell", "`########`"),
        ("[object Object]", "error_cell", "`[object Object]`"),
        ("1.23457E+15", "shortened_number", "digits are lost"),
        ("1,2E+12", "shortened_number", "`1,2E+12`"),
        ("Ann&nbsp O", "entity", "`&nbsp`"),
        ("Ann%20O'Neil", "entity", "web page's spelling"),
        ("Andr\\u00e9", "entity", "`\\u00e9`"),
        ("NULL", "filler", "`name` is `NULL`, and would be sent like that."),
        ("\\N", "filler", "`\\N`"),
        ("(blank)", "filler", "`(blank)`"),
        ("(empty)", "filler", "`(empty)`"),
        ("(leer)", "filler", "`(leer)`"),
        ("<null>", "filler", "`<null>`"),
        ("[null]", "filler", "`[null]`"),
        ("[not provided]", "filler", "`[not provided]`"),
        ("Not available", "filler", "`Not available`"),
        ("—", "filler", "`—`"),
        (".", "filler", "`.`"),
        ("???", "filler", "`???`"),
        ("--None--", "filler", "`--None--`"),
        ("- None -", "filler", "`- None -`"),
        ("-- Select --", "filler", "`-- Select --`"),
        ("( blank )", "filler", "`( blank )`"),
        ("[deleted]", "filler", "`[deleted]`"),
        ("Deleted User", "filler", "`Deleted User`"),
        ("n.a.", "filler", "`n.a.`"),
        ("k. A.", "filler", "`k. A.`"),
        ("Keine Angabe", "filler", "`Keine Angabe`"),
        ("non renseigné", "filler", "`non renseigné`"),
        ("Sin nombre", "filler", "`Sin nombre`"),
        ("не указано", "filler", "`не указано`"),
        ("未設定", "filler", "`未設定`"),
        ("TRUE", "filler", "`TRUE`"),
        ("false", "filler", "`false`"),
        ('=""NULL""', "filler", "`NULL`"),
        ("Lee,Ann", "turned_name", "family name first"),
        ("Lee, Ann", "turned_name", "family name first"),
        ("O'Neil-Lee, Ann B.", "turned_name", "family name first"),
        ("Lee, Dr. Ann", "turned_name", "family name first"),
        ("Dr. Lee, Ann", "turned_name", "family name first"),
        ("Lee, A.", "turned_name", "family name first"),
        ("Lee , Ann", "turned_name", "family name first"),
        ("Lee, Ann (Sales)", "turned_name", "family name first"),
        ("Ann null", "filler_within", "such as `null`"),
        ("undefined Lee", "filler_within", "would be sent like that"),
        ("Ann None", "filler_within", "would be sent like that"),
        ("'Ann'", "spelling", "`'Ann'`"),
        ("“Ann”", "spelling", "`“Ann”`"),
        ("['Ann']", "spelling", "`['Ann']`"),
        ("b'Ann'", "spelling", "`b'Ann'`"),
        ("Ann\\nLee", "spelling", "`\\n`"),
        ("Ann\\'s", "spelling", "`\\'`"),
        ("J\\xfcrgen", "spelling", "`\\xfc`"),
        ("=?utf-8?q?J=C3=BCrgen?=", "spelling", "a program's mark or spelling"),
        ("J=C3=BCrgen", "spelling", "`=C3=BC`"),
        ("J%FCrgen", "spelling", "`%FC`"),
        ("J├╝rgen", "garbled", "Export the list as UTF-8"),
        ("J¸rgen", "garbled", "Export the list as UTF-8"),
        ("Jos√©", "garbled", "Export the list as UTF-8"),
        ("J√ºrgen", "garbled", "Export the list as UTF-8"),
        ("JŸrgen", "garbled", "Export the list as UTF-8"),
        ("J\x81rgen", "garbled", "Export the list as UTF-8"),
        ("JÃ¼rgen", "garbled", "Export the list as UTF-8"),
        ("Å‚ukasz", "garbled", "Export the list as UTF-8"),
        ("Ð\u0090Ð½Ð½Ð°", "garbled", "Export the list as UTF-8"),
        ("J?rgen", "garbled", "Export the list as UTF-8"),
        ("Ann O&#39;Neil", "entity", "`&#39;`"),
        ("Smith &amp; Sons", "entity", "`&amp;`"),
        ("Ren&eacute;e", "entity", "`&eacute;`"),
        ("#1001", "odd_name", "--column name="),
        ("ann@one.example", "odd_name", "--column name="),
        ("INV-2026-1001", "odd_name", "an address, a number or a code"),
        ("cus_NffrFeUfNV2Hib", "odd_name", "--column name="),
        ("0015e00000ABCdeAAD", "odd_name", "--column name="),
        ("https://shop.example/c/1001", "odd_name", "--column name="),
        ("gid://shop/Customer/1", "odd_name", "--column name="),
    ],
)
def test_a_cell_that_nobody_meant_is_warned_of_with_its_row(
    incident: Postmortem,
    tmp_path: Path,
    template: tuple[str, str],
    cell: str,
    code: str,
    told: str,
) -> None:
    listed = written(
        tmp_path / "l.csv",
        f'email,name,account\nbob@two.example,Bob,B\nann@one.example,"{cell}",A\n',
    )
    findings = incident.json("notify", listed, *template)["findings"]
    (found,) = [each for each in findings if each["code"] == code]
    assert found["where"] == "row 3"
    assert told in found["message"]


ODD = (
    *("error_cell", "entity", "odd_name", "turned_name", "garbled", "shortened_number"),
    *("filler", "filler_within", "spelling", "other_name", "formula"),
)


@pytest.mark.parametrize(
    "name",
    [
        *("AT&T", "R&D; Ltd", "Ann #1", "Order #REF", "O'Neil & Sons", "Acme, Inc.", "CAFÉ’S"),
        *("R2-D2", "3M", "Studio 54", "Hotel 1898", "Anna-Maria von Hohenstein-Oehringen"),
        *("Lee, Ann & Co", "Müller, GmbH", "ÄRZTE", "Ångström AB", "Who? Us!", "E+S GmbH"),
        *("Acme,Inc.", "True", "Blank", "(Ann)", "[Acme]", "Unknown Pleasures", "Ann ."),
        *("Christopher Null", "Robert 'Bob' Lee", "L'Oréal", "D'Arcy's", "A=B Ltd", "C\\D"),
        *("Acme, S.A.", "Müller ¦ Sohn", "Nuñez £5", "Šárka Žižková", "DE ŠKODA"),
        *("Ann Lee, PhD", "Ann Lee, M.D.", "Ann, Bob and Cy", "Ann Lee, Jr.", "√2 Design", "=Ann="),
        *("N.A. Lee", "Select Wines", "- Ann -", "K.A. Roe", "Anonymous Coffee Ltd"),
    ],
)
def test_a_name_that_is_one_is_not_warned_of(
    incident: Postmortem, tmp_path: Path, template: tuple[str, str], name: str
) -> None:
    listed = written(tmp_path / "l.csv", f'email,name,account\nann@one.example,"{name}",A\n')
    findings = incident.json("notify", listed, *template)["findings"]
    assert not set(ODD) & {each["code"] for each in findings}


@pytest.mark.parametrize(
    ("headers", "cells", "is_told"),
    [
        ("Name,Vorname", "Lee,Ann", True),
        ("Name,First name,Last name", "Acme,Ann,Lee", True),
        ("Name,Full name", "Lee,Ann Lee", True),
        ("Name,Vorname", "Ann Lee,Ann", False),
        ("Name,Vorname", "ANN,Ann", False),
        ("Name,Vorname", "Lee,", False),
        ("Name,Vorname", "Lee,N/A", False),
    ],
)
def test_a_name_without_the_first_name_beside_it_is_warned_of(
    incident: Postmortem,
    google: GoogleWorld,
    tmp_path: Path,
    template: tuple[str, str],
    headers: str,
    cells: str,
    is_told: bool,
) -> None:
    listed = written(tmp_path / "l.csv", f"email,account,{headers}\nann@one.example,A,{cells}\n")
    findings = incident.json("notify", listed, *template)["findings"]
    found = [each for each in findings if each["code"] == "other_name"]
    assert [each["where"] for each in found] == ["row 2"] * is_told
    if found:
        (option,) = re.findall(r'--column name="([^"]+)"', found[0]["message"])
        send(incident, listed, 1, *template, "--column", f"name={option}")
        assert texts(google)[0].startswith("Hello Ann")


@pytest.mark.parametrize(
    ("rows", "where"),
    [
        ('ann@one.example,Ann,"A\nbob@two.example,Bob,B\ncy@three.example,Cy,C"\n', "row 2"),
        ('dee@four.example,Dee,D\nann@one.example,"Ann,A\nbob@two.example,Bob",B\n', "row 3"),
        ('ann@one.example,Ann,"A\nHome Street 1, Town\nann@home.example"\n', ""),
        ('ann@one.example,Ann,"A, B"\n', ""),
    ],
)
def test_rows_that_a_quotation_mark_has_joined_are_named(
    incident: Postmortem, tmp_path: Path, template: tuple[str, str], rows: str, where: str
) -> None:
    listed = written(tmp_path / "l.csv", f"email,name,account\n{rows}")
    findings = incident.json("notify", listed, *template)["findings"]
    found = [each["where"] for each in findings if each["code"] == "rows_within"]
    assert found == [where] * bool(where)


@pytest.mark.parametrize(
    ("address", "is_odd"),
    [
        *(("ann@gmial.com", True), ("ann@hotmial.co.uk", True), ("ann@one.con", True)),
        *(("ann@one.ex\u0430mple.com", True), ("ann@gmail.com", False), ("ann@mail.com", False)),
        *(("ann@bücher.de", False), ("ann@почта.рф", False), ("ann@con.de", False)),
        *(("ann@gmail.cm", True), ("ann@gmail.om", True), ("ann@gmail.com.com", True)),
        *(("ann@yahoo.cm", True), ("ann@yahoo.com.br", False), ("ann@camtel.cm", False)),
    ],
)
def test_a_domain_that_looks_mistyped_is_warned_of(
    incident: Postmortem, tmp_path: Path, template: tuple[str, str], address: str, is_odd: bool
) -> None:
    listed = written(tmp_path / "l.csv", f"email,name,account\n{address},Ann,A\n")
    findings = incident.json("notify", listed, *template)["findings"]
    assert ("odd_domain" in {each["code"] for each in findings}) is is_odd


@pytest.mark.parametrize(
    ("cells", "name", "told"),
    [
        ("Ann,NULL", "Ann", ["`last_name` is `NULL`, and is left out of `name`."]),
        ("[not provided],Roe", "Roe", ["`first_name` is `[not provided]`, and is left out of"]),
        ("Dee,-", "Dee", ["`last_name` is `-`, and is left out of `name`."]),
        ("Ann,N/A", "Ann", ["`last_name` is `N/A`, and is left out of `name`."]),
        ("Ann,TRUE", "Ann", ["`last_name` is `TRUE`, and is left out of `name`."]),
        ("NULL,(blank)", "", ["`first_name` is `NULL`, and", "`last_name` is `(blank)`, and"]),
        ("Ann,--None--", "Ann", ["`last_name` is `--None--`, and is left out of `name`."]),
        ("Hong-jin,Na", "Hong-jin Na", []),
        ("Nan,Lee", "Nan Lee", []),
        ("Ann,", "Ann", []),
    ],
)
def test_a_filler_is_no_part_of_a_name_and_is_warned_of(
    incident: Postmortem,
    google: GoogleWorld,
    tmp_path: Path,
    cells: str,
    name: str,
    told: list[str],
) -> None:
    words = ("--stage", "investigating", "--next-update", "30m")
    listed = written(tmp_path / "l.csv", f"email,First Name,Last Name\nann@one.example,{cells}\n")
    findings = incident.json("notify", listed, *words)["findings"]
    found = [each for each in findings if each["code"] == "filler"]
    assert [each["where"] for each in found] == ["row 2"] * len(told)
    for each, start in zip(found, told, strict=True):
        assert each["message"].startswith(start)
    send(incident, listed, 1, *words)
    assert texts(google)[0].startswith(f"Hello {name},\n" if name else "Hello,\n")


def test_cells_that_are_written_as_text_for_excel_are_read_without_that(
    incident: Postmortem, google: GoogleWorld, tmp_path: Path
) -> None:
    template = written(tmp_path / "m.md", TEMPLATE.replace("name }}", "name }} ({{ id }})"))
    row = '="ann@one.example",="Ann","=""A """"1"""" B""",="0012"'
    content = f'="Email",="Name",="Account",="Id"\n{row}\n'
    send(incident, written(tmp_path / "l.csv", content), 1, "--template", template)
    assert google.copies_per_recipient() == {"ann@one.example": 1}
    (text,) = texts(google)
    assert text.startswith("Hello Ann (0012),")
    assert 'some invoices in A "1" B show' in text


@pytest.mark.parametrize("mark", ["\n", "\r\n", "\r", "\x0b", "\u2028", " \n "])
@pytest.mark.parametrize("header", ["email,name,account", "email,Full Name,Company"])
def test_a_line_break_in_a_name_is_a_blank(
    incident: Postmortem,
    google: GoogleWorld,
    tmp_path: Path,
    template: tuple[str, str],
    mark: str,
    header: str,
) -> None:
    content = f'{header}\nann@one.example,"Ann{mark}Lee","Acme{mark}Berlin"\n'
    path = tmp_path / "l.csv"
    path.write_bytes(content.encode())
    send(incident, str(path), 1, *template)
    (text,) = texts(google)
    assert text.startswith("Hello Ann Lee,\n\nWe are sorry: some invoices in Acme Berlin show")


@pytest.mark.parametrize(
    ("local", "is_unread"),
    [
        *(("noreply", True), ("noreply-billing", True), ("no.reply", True), ("no_reply", True)),
        *(("billing-no-reply", True), ("do_not_reply", True), ("noreply+1", True)),
        *(("noemail", True), ("no-mail", True), ("keine-email", True), ("nomailer", False)),
        *(("reply", False), ("casino.reply", False), ("noreplyman", False), ("abuser", False)),
        *(("test", False), ("none", False)),
    ],
)
def test_a_mailbox_that_nobody_reads_is_known_by_its_name(
    incident: Postmortem, tmp_path: Path, template: tuple[str, str], local: str, is_unread: bool
) -> None:
    listed = written(tmp_path / "l.csv", f"email,name,account\n{local}@one.example,Ann,A\n")
    findings = incident.json("notify", listed, *template)["findings"]
    assert ("nobody_reads" in {each["code"] for each in findings}) is is_unread


@pytest.mark.parametrize(
    ("header", "cells", "where"),
    [
        ("Email Opt Out", "0,1", "row 3"),
        ("Unsubscribed from all email", "false,true", "row 3"),
        ("unsubscribed_at", ",2026-01-02T10:00:00Z", "row 3"),
        ("Email hard bounce reason", ",UNKNOWN_USER", "row 3"),
        ("Do not contact", ",x", "row 3"),
        ("Abgemeldet", "nein,ja", "row 3"),
        ("Status", "active,Unsubscribed", "row 3"),
        ("Status", "subscribed,Cleaned", "row 3"),
        ("Status", "actif,Désabonné", "row 3"),
        ("Email status", "hard_bounced,ok", "row 2"),
        ("Tags", 'vip,"vip; do-not-contact"', "row 3"),
        ("Unsubscribed", "N/A,No", ""),
        ("Status", "active,closed", ""),
        ("Accepts Marketing", "no,no", ""),
        ("Opted in", "FALSE,FALSE", ""),
        ("State", "NY,TX", ""),
    ],
)
def test_a_customer_who_may_want_no_mails_is_named(
    incident: Postmortem,
    google: GoogleWorld,
    tmp_path: Path,
    template: tuple[str, str],
    header: str,
    cells: str,
    where: str,
) -> None:
    first, second = cells.split(",", 1)
    content = f"email,name,account,{header}\nann@one.example,Ann,A,{first}\n"
    listed = written(tmp_path / "l.csv", f"{content}bob@two.example,Bob,B,{second}\n")
    findings = incident.json("notify", listed, *template)["findings"]
    found = [each for each in findings if each["code"] == "opted_out"]
    assert [each["where"] for each in found] == [where] * bool(where)
    assert all(each["message"].startswith(f"`{header}` is `") for each in found)
    send(incident, listed, 2, *template)  # a person decides: many such lists are of advertising
    assert google.copies_per_recipient() == {"ann@one.example": 1, "bob@two.example": 1}


@pytest.mark.parametrize(
    ("address", "is_unread"),
    [("test@test.com", True), ("None@none.de", True), ("ann@ann.com", False), ("na@one.de", False)],
)
def test_an_address_that_only_fills_a_field_is_warned_of(
    incident: Postmortem, tmp_path: Path, template: tuple[str, str], address: str, is_unread: bool
) -> None:
    listed = written(tmp_path / "l.csv", f"email,name,account\n{address},Ann,A\n")
    findings = incident.json("notify", listed, *template)["findings"]
    assert ("nobody_reads" in {each["code"] for each in findings}) is is_unread


def test_a_header_within_the_rows_is_named_so(
    incident: Postmortem, tmp_path: Path, template: tuple[str, str]
) -> None:
    content = (
        "email,name,account\nann@one.example,Ann,A\nEmail,Name,Account\nbob@two.example,Bob,B\n"
    )
    said = incident("notify", written(tmp_path / "l.csv", content), *template, expect=3).err
    assert "row 3: an email address must have an @-sign. This row is the header again" in said


def test_columns_that_nothing_parts_are_named_with_a_way_on(
    incident: Postmortem, google: GoogleWorld, tmp_path: Path, template: tuple[str, str]
) -> None:
    listed = written(tmp_path / "l.csv", "email  name  account\nann@one.example  Ann  A\n")
    said = incident("notify", listed, *template, expect=3).err
    assert "can't be told apart in `email  name  account`" in said
    assert "--column" not in said
    listed = written(tmp_path / "l.csv", "email#name#account\nann@one.example#Ann#A\n")
    assert "no column `email`" in incident("notify", listed, *template, expect=3).err
    send(incident, written(tmp_path / "l.csv", f"sep=#\n{Path(listed).read_text()}"), 1, *template)
    assert google.copies_per_recipient() == {"ann@one.example": 1}


@pytest.mark.parametrize("header", ["Primary", "E-mail 1 - Value", "Kontakt (geschäftlich)"])
def test_the_columns_of_addresses_are_named_first_and_the_option_works(
    incident: Postmortem,
    google: GoogleWorld,
    tmp_path: Path,
    template: tuple[str, str],
    header: str,
) -> None:
    others = ",".join(f"Column {at}" for at in range(40))
    listed = written(
        tmp_path / "l.csv",
        f"Name,{others},{header},Account\nAnn,{',' * 39},ann@one.example,A\n",
    )
    said = incident("notify", listed, *template, expect=3).err
    assert f'addresses stand in `{header}`. Say which it is: --column email="{header}".' in said
    send(incident, listed, 1, *template, "--column", f"email={header}")
    assert google.copies_per_recipient() == {"ann@one.example": 1}


def test_a_row_whose_cells_are_mixed_up_is_shown_whole(
    incident: Postmortem, tmp_path: Path, template: tuple[str, str]
) -> None:
    content = "name,email,account\nLee, Ann,ann@one.example,Acme\nBob,bob@two.example,B\nFooter\n"
    listed = written(tmp_path / "l.csv", content)
    said = incident("notify", listed, *template, expect=3).err
    assert "Row 2, column email (Lee, Ann, ann@one.example, Acme): cells in this row: 4" in said
    assert "Row 4, column email (Footer): cells in this row: 1" in said


# Headers that don't say all


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("Email,Email,Name\nTRUE,ann@one.example,Ann\n", "only `Email` (column 2) does in the"),
        ("Email,Email,Name\nann@one.example,,Ann\n", "only `Email` (column 1) does in the"),
        ("E-mail,Email address,Name\nyes,ann@one.example,Ann\n", "only `Email address` does"),
    ],
)
def test_of_two_columns_the_one_that_holds_addresses_is_read(
    incident: Postmortem, google: GoogleWorld, tmp_path: Path, content: str, told: str
) -> None:
    listed = written(tmp_path / "l.csv", content)
    words = ("--next-update", "3h")
    findings = incident.json("notify", listed, *words)["findings"]
    (found,) = [each for each in findings if each["code"] == "email_column"]
    assert told in found["message"]
    send(incident, listed, 1, *words)
    assert google.copies_per_recipient() == {"ann@one.example": 1}


@pytest.mark.parametrize("choice", [1, 2])
def test_each_of_two_columns_with_one_header_can_be_chosen_as_the_error_says(
    incident: Postmortem, google: GoogleWorld, tmp_path: Path, choice: int
) -> None:
    row = "ann@one.example,bob@two.example,Ann"
    listed = written(tmp_path / "l.csv", f"Email,Email,Name\n{row}\n")
    words = ("--next-update", "3h")
    said = incident("notify", listed, *words, expect=3).err
    assert "`Email` (column 1) and `Email` (column 2) could each hold the addresses." in said
    options = re.findall(r'--column (email)="([^"]+)"', said)
    assert len(options) == 2
    send(incident, listed, 1, *words, "--column", "=".join(options[choice - 1]))
    assert google.copies_per_recipient() == {row.split(",")[choice - 1]: 1}


def test_a_second_column_with_the_header_of_a_value_is_named_and_can_be_chosen(
    incident: Postmortem, google: GoogleWorld, tmp_path: Path, template: tuple[str, str]
) -> None:
    listed = written(
        tmp_path / "l.csv",
        "Email,Name,Name,Name 2,Account,Note,Note\nann@one.example,Acme,Ann,x,A,b,c\n",
    )
    findings = incident.json("notify", listed, *template)["findings"]
    (found,) = [each for each in findings if each["code"] == "same_header"]
    assert found["where"] == "column name"
    (option,) = re.findall(r'--column name="([^"]+)"', found["message"])
    again = (*template, "--column", f"name={option}")
    codes = {each["code"] for each in incident.json("notify", listed, *again)["findings"]}
    assert "same_header" not in codes
    send(incident, listed, 1, *again)
    assert texts(google)[0].startswith("Hello Ann,")


@pytest.mark.parametrize("flag", ["TRUE", "ja", "1", "x"])
def test_a_column_of_flags_is_told_from_the_addresses_beside_it(
    incident: Postmortem,
    google: GoogleWorld,
    tmp_path: Path,
    template: tuple[str, str],
    flag: str,
) -> None:
    listed = written(
        tmp_path / "l.csv",
        f"Email,Contact Email,Name,Account\n{flag},ann@one.example,Ann,A\n",
    )
    said = incident("notify", listed, *template, expect=3).err
    assert f"`Email` holds `{flag}` and no addresses; addresses stand in `Contact Email`." in said
    assert said.endswith('--column email="Contact Email".\n')
    send(incident, listed, 1, *template, "--column", "email=Contact Email")
    assert google.copies_per_recipient() == {"ann@one.example": 1}


def test_a_mistyped_address_beside_another_column_of_addresses_is_a_bad_row(
    incident: Postmortem, tmp_path: Path, template: tuple[str, str]
) -> None:
    listed = written(
        tmp_path / "l.csv", "email,name,account,owner\nann.one.example,Ann,A,us@team.example\n"
    )
    said = incident("notify", listed, *template, expect=3).err
    assert "Row 2, column email (ann.one.example): an email address must have an @-sign." in said


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_remarks_beside_the_list_are_left_out_and_named(
    incident: Postmortem,
    google: GoogleWorld,
    tmp_path: Path,
    template: tuple[str, str],
    form: str,
) -> None:
    rows = [
        ["email", "name", "account", "", ""],
        ["ann@one.example", "Ann", "A", "called", ""],
        ["bob@two.example", "Bob", "B", "", ""],
        ["cy@three.example", "Cy", "C", "", "today"],
    ]
    text = "\n".join(",".join(row) for row in rows) + "\n"
    path = tmp_path / f"l.{form}"
    listed = sheets(path, {"S": rows}) if form == "xlsx" else written(path, text)
    findings = incident.json("notify", listed, *template)["findings"]
    (found,) = [each for each in findings if each["code"] == "unnamed_column"]
    assert found["where"] == "rows 2, 4"
    assert found["message"].startswith("a column without a header is filled here and was left out.")
    google.misbehave("404", "gmail.users.drafts.create")
    incident("notify", listed, *template, "--send", "--confirm", "3", expect=6)
    google.behave()
    incident("export", str(tmp_path / "record"), "--format", "csv")
    again = tmp_path / "record" / "not-told.csv"
    assert "as it stood" not in again.read_text(encoding="utf-8")
    send(incident, str(again), len(again.read_text(encoding="utf-8").splitlines()) - 1, *template)


def test_a_row_with_a_remark_alone_is_a_bad_row(
    incident: Postmortem, tmp_path: Path, template: tuple[str, str]
) -> None:
    rows = [[*CUSTOMERS[0], ""], [*CUSTOMERS[1], ""], ["", "", "", "ask Bob"]]
    said = incident("notify", sheets(tmp_path / "l.xlsx", {"S": rows}), *template, expect=3).err
    assert "(ask Bob): only a column without a header is filled in this row." in said


def test_a_separator_that_moves_cells_below_no_header_is_still_a_bad_row(
    incident: Postmortem, tmp_path: Path, template: tuple[str, str]
) -> None:
    for end in ("", ","):
        content = (
            f"email,name,account,\nann@one.example,Lee, Ann,A{end}\nbob@two.example,Bob,B{end}\n"
        )
        listed = written(tmp_path / "l.csv", content)
        said = incident("notify", listed, *template, expect=3).err
        assert "One is missing, or holds a separator and isn't quoted" in said


@pytest.mark.parametrize("form", ["xlsx", "csv"])
def test_the_lower_row_of_a_header_over_two_rows_is_the_header(
    incident: Postmortem, google: GoogleWorld, tmp_path: Path, form: str
) -> None:
    rows = [
        ["Email", "Name", "Address", ""],
        ["", "", "Street", "City"],
        ["ann@one.example", "Ann", "1 High St", "Rome"],
    ]
    path = tmp_path / f"l.{form}"
    if form == "xlsx":
        sheets(path, {"S": rows})
        listed = merged(path, "A1:A2", "B1:B2", "C1:D1")
    else:
        rows[1][:2] = rows[0][:2]
        listed = written(path, "\n".join(",".join(row) for row in rows))
    mail = written(tmp_path / "m.md", TEMPLATE.replace("account", "city"))
    findings = incident.json("notify", listed, "--template", mail)["findings"]
    (found,) = [each for each in findings if each["code"] == "title_rows"]
    assert found["where"] == "row 2"
    send(incident, listed, 1, "--template", mail)
    assert texts(google)[0].startswith("Hello Ann,\n\nWe are sorry: some invoices in Rome show")


# Groups


def test_every_contact_of_a_group_gets_the_mail_with_its_rows(
    incident: Postmortem, google: GoogleWorld, tmp_path: Path
) -> None:
    rows = tmp_path / "rows.md"
    rows.write_text(
        TEMPLATE + "\n{% for row in rows %}\n- invoice {{ row.invoice }}\n{% endfor %}\n",
        encoding="utf-8",
    )
    listed = written(
        tmp_path / "group.csv",
        "account,email,name,invoice\nAcme,ann@acme.example,Ann,1\nAcme,bob@acme.example,Bob,2\n"
        "Zed,zoe@zed.example,Zoe,3\nZed,ann@acme.example,Ann,4\n",
    )
    grouped = ("--template", str(rows), "--group-by", "account")
    sheet = incident("notify", listed, *grouped).err
    assert "row 5: ann@acme.example gets the mail of Acme, not that of Zed too." in sheet
    send(incident, listed, 3, *grouped)
    said = {mail["To"].addresses[0].addr_spec: mail for mail in google.sent()}
    assert set(said) == {"ann@acme.example", "bob@acme.example", "zoe@zed.example"}
    for address, name, invoices in [
        ("ann@acme.example", "Ann", "- invoice 1\n- invoice 2"),
        ("bob@acme.example", "Bob", "- invoice 1\n- invoice 2"),
        ("zoe@zed.example", "Zoe", "- invoice 3\n- invoice 4"),
    ]:
        text = text_of(said[address])
        assert text.startswith(f"Hello {name},")
        assert invoices in text
    (notice,) = incident.json("show")["notices"]
    assert [(each["row"], each["value"]) for each in notice["left_out"]] == [
        (5, "ann@acme.example")
    ]
    assert "gets the mail of Acme" in notice["left_out"][0]["reason"]


@pytest.mark.parametrize(
    ("content", "options", "told"),
    [
        (
            "account,email,invoice\n7,ann@a.example,1\n9,zoe@z.example,2\n7,bob@a.example,3\n",
            (),
            {"ann@a.example": "1, 3", "zoe@z.example": "2", "bob@a.example": "1, 3"},
        ),
        (
            "account,email,invoice\nAcme,ann@a.example,1\nAcme,ANN@a.example,2\n"
            "Acme,bob@a.example,3\n",
            (),
            {"ann@a.example": "1, 2, 3", "bob@a.example": "1, 2, 3"},
        ),
        (
            "account,email,invoice\nAcme,ann@a.example,1\nAcme,bob at a.example,2\n",
            ("--skip-bad",),
            {"ann@a.example": "1"},
        ),
    ],
)
def test_each_contact_of_a_group_is_written_to_or_named_before_the_send(
    incident: Postmortem,
    google: GoogleWorld,
    tmp_path: Path,
    content: str,
    options: tuple[str, ...],
    told: dict[str, str],
) -> None:
    rows = tmp_path / "rows.md"
    listing = (
        "{% for row in rows %}{{ row.invoice }}{% if not loop.last %}, {% endif %}{% endfor %}"
    )
    rows.write_text(TEMPLATE.replace("Hello {{ name }}", f"Invoices {listing}."), encoding="utf-8")
    listed = written(tmp_path / "group.csv", content)
    words = ("--template", str(rows), "--group-by", "account")
    if options:
        assert "bob at a.example" in incident("notify", listed, *words, expect=3).err
    send(incident, listed, len(told), *words, *options)
    said = {mail["To"].addresses[0].addr_spec: text_of(mail) for mail in google.sent()}
    assert said.keys() == told.keys()
    for address, invoices in told.items():
        assert said[address].startswith(f"Invoices {invoices}.")
    (notice,) = incident.json("show")["notices"]
    left_out = [each["value"] for each in notice["left_out"]]
    assert left_out == (["bob at a.example"] if options else [])


LISTING = "{% for row in rows %}{{ row.invoice }}{% if not loop.last %}, {% endif %}{% endfor %}"


@pytest.fixture
def by_account(tmp_path: Path) -> tuple[str, ...]:
    """The options of a mail that lists the invoices of an account."""
    path = tmp_path / "rows.md"
    path.write_text(TEMPLATE.replace("Hello {{ name }}", f"Invoices {LISTING}."), encoding="utf-8")
    return ("--template", str(path), "--group-by", "account")


def invoices_of(google: GoogleWorld) -> dict[str, str]:
    """The invoices in each customer's mail."""
    return {
        mail["To"].addresses[0].addr_spec: text_of(mail).partition(".")[0].removeprefix("Invoices ")
        for mail in google.sent()
    }


GROUPS = [
    ["account", "email", "name", "invoice"],
    ["Acme", "ann@acme.example", "Ann", "1"],
    ["", "bob@acme.example", "Bob", "2"],
    ["Zed", "zoe@zed.example", "Zoe", "3"],
    ["", "cy@zed.example", "Cy", "4"],
]


@pytest.mark.parametrize(
    "mark",
    [
        *("", "N/A", "-", "(blank)", "--None--", "k.A.", "keine Angabe", "[unassigned]"),
        # Several accounts may have the same error, or a number that is shortened to the same.
        *("#REF!", "#WERT!", "1.23E+12", "TRUE", "false"),
    ],
)
def test_a_row_without_a_group_is_in_none_and_is_warned_of(
    incident: Postmortem,
    google: GoogleWorld,
    tmp_path: Path,
    by_account: tuple[str, ...],
    mark: str,
) -> None:
    lines = [",".join([row[0] or mark, *row[1:]]) for row in GROUPS]
    listed = written(tmp_path / "group.csv", "\n".join([*lines, ""]))
    findings = incident.json("notify", listed, *by_account)["findings"]
    (found,) = [each for each in findings if each["code"] == "no_group"]
    assert found["where"] == "rows 3, 5"
    assert "`account` is empty or a filler, so these rows are in no group" in found["message"]
    send(incident, listed, 4, *by_account)
    assert invoices_of(google) == {
        "ann@acme.example": "1",
        "bob@acme.example": "2",
        "zoe@zed.example": "3",
        "cy@zed.example": "4",
    }


def test_a_row_without_a_group_whose_address_is_in_one_is_a_bad_row(
    incident: Postmortem, tmp_path: Path, by_account: tuple[str, ...]
) -> None:
    listed = written(
        tmp_path / "group.csv",
        "account,email,name,invoice\nAcme,ann@acme.example,Ann,1\n,ann@acme.example,Ann,2\n",
    )
    said = incident("notify", listed, *by_account, expect=3).err
    assert "`account` names no group, and this address already gets the mail of Acme." in said


def merged_ods(path: Path) -> str:
    ods(path, {"S": GROUPS})
    empty = b'<table:table-cell office:value-type="string"><text:p></text:p></table:table-cell>'
    rows = b'<table:table-row table:number-rows-repeated="2"><table:table-cell/></table:table-row>'

    def merge(content: bytes) -> bytes:
        for name in (b"Acme", b"Zed"):
            cell = b'<table:table-cell office:value-type="string"><text:p>' + name
            spanning = cell.replace(b" office", b' table:number-rows-spanned="2" office')
            content = content.replace(cell, spanning)
        content = content.replace(empty, b"<table:covered-table-cell/>")
        return content.replace(b"<table:table-row>", rows + b"<table:table-row>", 1)

    return changed(path, "content.xml", merge)


@pytest.mark.parametrize("form", ["xlsx", "ods"])
def test_a_merged_cell_is_read_for_every_row_that_it_covers(
    incident: Postmortem,
    google: GoogleWorld,
    tmp_path: Path,
    by_account: tuple[str, ...],
    form: str,
) -> None:
    path = tmp_path / f"group.{form}"
    if form == "ods":
        listed = merged_ods(path)
    else:
        sheets(path, {"S": GROUPS})
        listed = merged(path, "A2:A3", "A4:A900")
    findings = incident.json("notify", listed, *by_account)["findings"]
    assert "no_group" not in {each["code"] for each in findings}
    send(incident, listed, 4, *by_account)
    assert invoices_of(google) == {
        "ann@acme.example": "1, 2",
        "bob@acme.example": "1, 2",
        "zoe@zed.example": "3, 4",
        "cy@zed.example": "3, 4",
    }


def test_a_row_of_merged_cells_alone_is_no_customer_of_its_own(
    incident: Postmortem, google: GoogleWorld, tmp_path: Path, template: tuple[str, str]
) -> None:
    """A customer's row may be two rows of the sheet high."""
    rows = [*CUSTOMERS, ["", "", ""], ["bob@two.example", "Bob", "B"]]
    sheets(path := tmp_path / "l.xlsx", {"S": rows})
    listed = merged(path, "A2:A3", "C2:C3")
    assert "repeated" not in incident("notify", listed, *template).err
    send(incident, listed, 2, *template)
    assert google.copies_per_recipient() == {"ann@one.example": 1, "bob@two.example": 1}


# Values that a template can't send


@pytest.mark.parametrize(
    "name", ["token.json", "config.toml", "ledger.sqlite3", "../token.json", "link.md", "key.txt"]
)
def test_no_include_and_no_attachment_sends_a_private_file(
    incident: Postmortem, google: GoogleWorld, tmp_path: Path, name: str
) -> None:
    (incident.home / "token.json").write_text('{"refresh_token": "secret"}', encoding="utf-8")
    own = incident.home / "mails"
    own.mkdir()
    (own / "link.md").symlink_to(incident.home / "token.json")
    (own / "key.txt").write_text("secret", encoding="utf-8")
    listed = written(tmp_path / "l.csv", "email,name,account\nann@one.example,Ann,A\n")
    head, _, body = TEMPLATE.partition("---\nHello")
    for folder in (incident.home, own):
        for said in (
            f"{head}---\nHello{body}\n" + '{% include "' + name + '" %}\n',
            f"{head}attachments: {name}\n---\nHello{body}",
        ):
            if name == "key.txt" and "attachments" in said:
                continue  # a file that the team put beside its template
            mail = folder / "mail.md"
            mail.write_text(said, encoding="utf-8")
            shown = incident(
                "notify", listed, "--template", str(mail), "--send", "--confirm", "1", expect=3
            )
            assert "secret" not in shown.out + shown.err
    attached = ("--attach", str(incident.home / "token.json"))
    assert "never sent" in incident("notify", listed, *attached, expect=3).err
    template = ("--template", str(incident.home / "token.json"))
    assert "no template" in incident("notify", listed, *template, expect=3).err
    assert google.copies_per_recipient() == {}


def test_a_template_includes_what_lies_beside_it_and_in_its_language(
    incident: Postmortem, google: GoogleWorld, tmp_path: Path
) -> None:
    (tmp_path / "end.md").write_text("The team", encoding="utf-8")
    (tmp_path / "end.de.md").write_text("Das Team", encoding="utf-8")
    for name in ("mail.md", "mail.de.md"):
        (tmp_path / name).write_text(TEMPLATE + '\n{% include "end.md" %}\n', encoding="utf-8")
    listed = written(
        tmp_path / "l.csv",
        "email,name,account,locale\nann@one.example,Ann,A,en\nbob@two.example,Bob,B,de-AT\n",
    )
    send(incident, listed, 2, "--template", str(tmp_path / "mail.md"))
    ends = [text.strip().splitlines()[-1] for text in texts(google)]
    assert sorted(ends) == ["Das Team", "The team"]


# The list of customers who were not notified


def test_the_list_of_those_not_told_has_the_rows_as_they_stood_and_goes_back_in(
    incident: Postmortem, google: GoogleWorld, tmp_path: Path, template: tuple[str, str]
) -> None:
    listed = written(
        tmp_path / "l.csv",
        "Full Name;Email;Account Name;Note\n"
        "Ann;ann@one.example;=1+1;-5,00\n"
        'Bob;bob@two.example;Smith & Sons;"x;=HYPERLINK(""http://evil.example"")"\n'
        "Lee; Cy;cy@three.example;Acme;more\n"
        "Footer\n",
    )
    google.misbehave("404", "gmail.users.drafts.create")
    incident("notify", listed, *template, "--skip-bad", "--send", "--confirm", "2", expect=6)
    google.behave()
    incident("export", str(tmp_path / "record"), "--format", "csv")
    path = tmp_path / "record" / "not-told.csv"
    content = path.read_text(encoding="utf-8-sig")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == [
        *("Full Name", "Email", "Account Name", "Note"),
        *("notice", "stage", "row", "reason"),
    ]
    assert [row[:4] for row in rows[1:3]] == [
        ["Ann", "ann@one.example", "'=1+1", "'-5,00"],
        ["Bob", "bob@two.example", "Smith & Sons", 'x;\'=HYPERLINK("http://evil.example")'],
    ]
    assert "cy@three.example" in content
    assert "Footer" in content
    for row in rows:
        for cell in row:
            assert not re.match(r"[=+\-@\t\r]", cell)
    said = incident("notify", str(path), *template, expect=3).err
    assert "Row 4, column Email (Lee, Cy, cy@three.example" in said
    send(incident, str(path), 2, *template, "--skip-bad")
    to_ann, to_bob = sorted(texts(google))
    assert to_ann.startswith("Hello Ann,\n\nWe are sorry: some invoices in =1+1 show")
    assert to_bob.startswith("Hello Bob,\n\nWe are sorry: some invoices in Smith & Sons show")


@pytest.mark.parametrize(
    ("content", "cells"),
    [
        ("name,email,account\nLee, Cy,cy@x.example,A\nBob,bob@x.example,B\n", ["Lee", "Cy"]),
        ("name;email;account\nCy;cy@x.example;A;B\nBob;bob@x.example;B\n", ["Cy", "cy@x.example"]),
        ('email,name\n"cy@x.example,Cy"\nbob@x.example,Bob\n', ["cy@x.example,Cy", ""]),
    ],
)
def test_a_row_with_mixed_up_cells_keeps_its_address_among_those_not_told(
    incident: Postmortem,
    tmp_path: Path,
    template: tuple[str, str],
    content: str,
    cells: list[str],
) -> None:
    send(incident, written(tmp_path / "l.csv", content), 1, *template, "--skip-bad")
    incident("export", str(tmp_path / "record"), "--format", "csv")
    path = tmp_path / "record" / "not-told.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        _, row = csv.reader(file)
    assert row[:2] == cells
    assert "cy@x.example" in ", ".join(row)


@pytest.mark.parametrize(
    ("footer", "shown"),
    [
        ("Grand Totals (1 Record),,\n", "row 3 of sf.csv: Grand Totals (1 Record)"),
        ("\nGenerated By:  Bob 24/11/2026 14:39\n", "row 4 of sf.csv: Generated By:  Bob"),
        ("Filtered By,Status = open,\n", "row 3 of sf.csv: Filtered By"),
        (",Grand Total,1\n", "row 3 of sf.csv: no address (Grand Total, 1)"),
    ],
)
def test_a_close_shows_a_reports_footer_by_its_words(
    incident: Postmortem, tmp_path: Path, template: tuple[str, str], footer: str, shown: str
) -> None:
    listed = written(tmp_path / "sf.csv", f"email,name,account\nann@one.example,Ann,A\n{footer}")
    send(incident, listed, 1, *template, "--skip-bad")
    said = incident("close", "--check", expect=3)
    assert f"    {shown}" in said.out + said.err


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("Email Address,First Name,Last Name", "ann@one.example,Ann,Lee"),
        ("Name,Email,Financial Status,Billing Name", "#1001,ann@one.example,paid,Ann Lee"),
        ("E-Mail;Vorname;Nachname", "ann@one.example;Ann;Lee"),
    ],
)
def test_what_ships_greets_by_the_names_of_other_programs_or_asks(
    incident: Postmortem, google: GoogleWorld, tmp_path: Path, header: str, row: str
) -> None:
    listed = written(tmp_path / "l.csv", f"{header}\n{row}\n")
    words = ("--stage", "investigating", "--next-update", "30m")
    findings = incident.json("notify", listed, *words)["findings"]
    (option,) = [
        found[1]
        for each in findings
        if each["code"] == "odd_name"
        and (found := re.search(r"--column (\S+=\"[^\"]+\")", each["message"]))
    ] or [""]
    assert bool(option) is ("#1001" in row)
    more = ("--column", option.replace('"', "")) if option else ()
    send(incident, listed, 1, *words, *more)
    assert texts(google)[0].startswith("Hello Ann Lee,\n")


def test_a_close_shows_the_words_of_the_rows_that_were_left_out(
    incident: Postmortem, tmp_path: Path, template: tuple[str, str]
) -> None:
    content = (
        "email,name,account\nann@one.example,Ann,A\n\nCopyright (c) 2026 salesforce.com\n,B,C\n"
    )
    listed = written(tmp_path / "sf.csv", content)
    send(incident, listed, 1, *template, "--skip-bad")
    shown = incident("close", "--check", expect=3)
    assert "    row 4 of sf.csv: Copyright (c) 2026 salesforce.com" in shown.out + shown.err
    assert "    row 5 of sf.csv: no address" in shown.out + shown.err
    checks = {each["kind"]: each for each in incident.json("close", "--check", expect=3)["checks"]}
    assert checks["left_out"]["rows"] == [
        "row 4 of sf.csv: Copyright (c) 2026 salesforce.com",
        "row 5 of sf.csv: no address (B, C)",
    ]


def test_each_customer_reads_their_own_language_and_their_own_time(
    incident: Postmortem, google: GoogleWorld, tmp_path: Path
) -> None:
    listed = written(
        tmp_path / "l.csv",
        "email,name,locale,timezone\nann@one.example,Ann,en,America/New_York\n"
        "bob@two.example,Bob,de,Europe/Berlin\ncy@three.example,Cy,it,nowhere\n",
    )
    sheet = incident.json("notify", listed, "--next-update", "3h")
    codes = {each["code"]: each["where"] for each in sheet["findings"]}
    assert codes["unknown_zone"] == "row 4"
    assert codes["no_language"] == "column locale"
    told = [each["message"] for each in sheet["findings"] if each["code"] == "no_language"]
    assert told == ["no template in `it`: these customers get the default language."]
    send(incident, listed, 3, "--next-update", "3h")
    for address, lang, greeting, zone in [
        ("ann@one.example", "en", "Hello Ann,", r"E[SD]T"),
        ("bob@two.example", "de", "Guten Tag Bob,", r"ME[SZ]{1,2}"),
        ("cy@three.example", "en", "Hello Cy,", r"CES?T"),
    ]:
        (mail,) = [each for each in google.sent() if address in str(each["To"])]
        assert text_of(mail).startswith(greeting)
        assert re.search(rf"\d\d {zone}|[AP]M {zone}", text_of(mail))
        page = mail.get_body(("html",))
        assert page is not None
        assert f'<html lang="{lang}"' in page.get_content()
        assert str(mail["Subject"]) == "Wrong amounts"
        assert text_of(mail).replace("\n", " ").isprintable()  # no mark of the program's own


@pytest.mark.parametrize(
    "header",
    [
        *("locale", "Language", "Preferred language", "lang", "Sprache", "User locale"),
        *("Langue", "Idioma", "preferred_locales"),
    ],
)
def test_the_language_column_of_another_program_is_read(
    incident: Postmortem, google: GoogleWorld, tmp_path: Path, header: str
) -> None:
    listed = written(
        tmp_path / "l.csv",
        f"email,name,{header}\nann@one.example,Ann,English\nbob@two.example,Bob,German\n"
        "cy@three.example,Cy,fr-CA\ndee@four.example,Dee,\n",
    )
    findings = incident.json("notify", listed, "--next-update", "3h")["findings"]
    assert "no_language" not in {each["code"] for each in findings}
    send(incident, listed, 4, "--next-update", "3h")
    assert sorted(text.partition("\n")[0] for text in texts(google)) == [
        *("Bonjour Cy,", "Guten Tag Bob,", "Hello Ann,", "Hello Dee,")
    ]


@pytest.mark.parametrize(
    "language",
    [
        *("de", "DE", "de-AT", "de_AT", "de_DE.UTF-8", "de_DE@euro", "deu", "ger", "German"),
        *("GERMAN", "Deutsch", "German (Austria)", "German - Germany", "Allemand", "deu-DE"),
        *("de-DE;q=0.9", "Swiss German"),
    ],
)
def test_a_language_is_read_as_lists_write_it(
    incident: Postmortem, google: GoogleWorld, tmp_path: Path, language: str
) -> None:
    listed = written(tmp_path / "l.csv", f"email,name,locale\nbob@two.example,Bob,{language}\n")
    send(incident, listed, 1, "--next-update", "3h")
    assert texts(google)[0].startswith("Guten Tag Bob,")


def test_a_language_column_beside_a_locale_is_left_alone(
    incident: Postmortem, google: GoogleWorld, tmp_path: Path
) -> None:
    listed = written(
        tmp_path / "l.csv", "email,name,locale,Language\nbob@two.example,Bob,fr,German\n"
    )
    send(incident, listed, 1, "--next-update", "3h")
    assert texts(google)[0].startswith("Bonjour Bob,")


def test_a_language_column_without_languages_is_warned_of(
    incident: Postmortem, tmp_path: Path
) -> None:
    listed = written(tmp_path / "l.csv", "email,name,Language\nbob@two.example,Bob,Klingon\n")
    findings = incident.json("notify", listed, "--next-update", "3h")["findings"]
    assert [each["message"] for each in findings if each["code"] == "no_language"] == [
        "no template in `Klingon`: these customers get the default language."
    ]


def test_a_promised_time_is_told_in_the_customers_zone_and_recorded_in_ours(
    incident: Postmortem, google: GoogleWorld, tmp_path: Path
) -> None:
    listed = written(
        tmp_path / "l.csv",
        "email,name,timezone\nann@one.example,Ann,America/New_York\nbob@two.example,Bob,\n",
    )
    mail = written(
        tmp_path / "m.md",
        "---\nsubject: Next: {{ next_update }}\nstage: update\n---\n"
        "We are sorry. Next update: {{ next_update }}. Or {{ name or next_update }}. "
        "Reply to us.\n",
    )
    words = (listed, "--template", mail, "--next-update", "2027-01-15 17:00")
    shown = incident("notify", *words)
    assert "Next update: 15 Jan 2027, 11:00 AM EST. Or Ann." in shown.out
    assert "nobody sees" not in shown.err
    incident("notify", *words, "--send", "--confirm", "2")
    found = {str(each["To"]): each for each in google.sent()}
    ann, bob = (next(found[to] for to in found if name in to) for name in ("ann@", "bob@"))
    assert str(ann["Subject"]) == "Next: 15 Jan 2027, 11:00 AM EST"
    assert "Next update: 15 Jan 2027, 11:00 AM EST. Or Ann." in text_of(ann)
    assert "Next update: 15 Jan 2027, 5:00 PM CET. Or Bob." in text_of(bob)
    doc = google.text(incident.json("show")["doc_url"].split("/d/")[1].split("/")[0])
    assert "Next update: 15 Jan 2027, 5:00 PM CET. Or ‹name" in doc
    assert "EST" not in doc
    assert "already has this text" in incident("notify", *words, "--send", "--confirm", "2").out


def test_a_list_that_is_too_large_is_refused_from_a_file_and_from_stdin(
    incident: Postmortem, template: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = "email,name,account\n" + "ann@one.example,Ann,A\n" * 5
    listed = written(tmp_path / "large.csv", large)
    monkeypatch.setattr(list_source, "_LARGEST_BYTES", len(large) - 1)
    said = incident("notify", listed, *template, expect=3).err
    assert "large.csv is larger than 512 MB, which is too large for a list." in said
    said = incident("notify", "-", *template, typed=large, expect=3).err
    assert "Standard input is larger than 512 MB, which is too large for a list." in said
