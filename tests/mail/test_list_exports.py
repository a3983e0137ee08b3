"""Lists as people export them, and the required result for every row."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from workflow.mail.list_decoding import ListUnreadable
from workflow.mail.list_recipients import read_recipients

ANN, BOB, CY = "ann@one.example", "bob@two.example", "cy@three.example"


@dataclass(frozen=True)
class Export:
    """A file and its required result: the recipients, their rows, and the rows set aside."""

    name: str
    content: bytes
    emails: list[str]
    rows: list[int]
    bad: dict[int, str] = field(default_factory=dict)
    duplicates: list[tuple[int, int]] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)  # of the first recipient


EXPORTS = [
    Export(
        "single quotes of SQL or Python",
        b"'email','name','owed'\n'ann@one.example','O''Hara, Ann','1,200'\n"
        b"'bob@two.example','Bob',NULL\n'cy@three.example','Cy's','7'\n",
        [ANN, BOB],
        [2, 3],
        bad={4: "line 4 has a quotation mark in the wrong place"},
        columns={"name": "O'Hara, Ann", "owed": "1,200"},
    ),
    Export(
        "addresses that a program hid",
        b"email\na***@one.example\nann@one.example\nbob****@two.example\n",
        [ANN],
        [3],
        bad={2: "a***@one.example is hidden behind asterisks", 4: "is hidden behind asterisks"},
    ),
    Export(
        "single quotes below a header without",
        b"email;name\n'ann@one.example';'Lee; Ann'\n'bob@two.example';'Bob'\n",
        [ANN, BOB],
        [2, 3],
        columns={"name": "Lee; Ann"},
    ),
    Export(
        "apostrophes at the start alone",
        b"name,email\n't Hart,ann@one.example\n'Bob,bob@two.example\n",
        [ANN, BOB],
        [2, 3],
        columns={"name": "'t Hart"},
    ),
    Export("one column", b"email\nann@one.example\n", [ANN], [2]),
    Export("no newline at the end", b"email\nann@one.example", [ANN], [2]),
    Export(
        "byte order mark",
        b"\xef\xbb\xbfemail,name\nann@one.example,Zo\xc3\xab\n",
        [ANN],
        [2],
        columns={"name": "Zoë"},
    ),
    Export(
        "UTF-16 from Excel's Unicode text",
        "email\tname\r\nann@one.example\tJürgen\r\n".encode("utf-16"),
        [ANN],
        [2],
        columns={"name": "Jürgen"},
    ),
    Export(
        "UTF-16 big endian",
        b"\xfe\xff" + "email,name\nann@one.example,日本\n".encode("utf-16-be"),
        [ANN],
        [2],
        columns={"name": "日本"},
    ),
    Export(
        "UTF-16 little endian without a mark",
        "email\nann@one.example\n".encode("utf-16-le"),
        [ANN],
        [2],
    ),
    Export(
        "UTF-16 big endian without a mark",
        "email\nann@one.example\n".encode("utf-16-be"),
        [ANN],
        [2],
    ),
    Export(
        "Windows-1252 with semicolons",
        "email;name\r\nann@one.example;Jürgen €\r\n".encode("cp1252"),
        [ANN],
        [2],
        columns={"name": "Jürgen €"},
    ),
    Export(
        "tabs",
        b"email\tname\nann@one.example\tAnn, really\n",
        [ANN],
        [2],
        columns={"name": "Ann, really"},
    ),
    Export("bars", b"email|name\nann@one.example|Ann\n", [ANN], [2], columns={"name": "Ann"}),
    Export(
        "Excel's sep line, which is no row",
        b"sep=;\r\nemail;name\r\nann@one.example;A,B\r\n",
        [ANN],
        [2],
        columns={"name": "A,B"},
    ),
    Export(
        "old Mac line ends",
        b"email,name\rann@one.example,Ann\rbob@two.example,Bob\r",
        [ANN, BOB],
        [2, 3],
    ),
    Export(
        "mixed line ends",
        b"email\r\nann@one.example\nbob@two.example\rcy@three.example",
        [ANN, BOB, CY],
        [2, 3, 4],
    ),
    Export("blank rows at the end", b"email,name\nann@one.example,Ann\n\n\n,\n,,\n", [ANN], [2]),
    Export(
        "blank rows in between count",
        b"email\nann@one.example\n\n\nbob@two.example\n",
        [ANN, BOB],
        [2, 5],
    ),
    Export("blank rows above the header", b"\n\nemail\nann@one.example\n", [ANN], [4]),
    Export(
        "line breaks in a cell are one row",
        b'email,address\nann@one.example,"1 Street\nTown\n"\nbob@two.example,x\n',
        [ANN, BOB],
        [2, 3],
        columns={"address": "1 Street\nTown"},
    ),
    Export("E-mail", b"Name,E-mail\nAnn,ann@one.example\n", [ANN], [2], columns={"name": "Ann"}),
    Export("Email Address", b"Email Address\nann@one.example\n", [ANN], [2]),
    Export("e mail", b"e mail\nann@one.example\n", [ANN], [2]),
    Export("EMAIL with spaces", b" EMAIL ,name\nann@one.example,x\n", [ANN], [2]),
    Export(
        "exact email wins over E-mail", b"E-mail,email\nx@x.example,ann@one.example\n", [ANN], [2]
    ),
    Export(
        "quoted header and cells",
        b'"email","name"\n"ann@one.example","Ann ""A"" X"\n',
        [ANN],
        [2],
        columns={"name": 'Ann "A" X'},
    ),
    Export(
        "spaces around",
        b"email , name\n  ann@one.example , Ann \n",
        [ANN],
        [2],
        columns={"name": "Ann"},
    ),
    Export(
        "a space before a quoted cell",
        b'email, name\nann@one.example, "Ann, A"\n',
        [ANN],
        [2],
        columns={"name": "Ann, A"},
    ),
    Export(
        "unseen characters round the address",
        "email\n\u200bann@one.example\u00a0\n\ufeffbob@two.example\u200e\n".encode(),
        [ANN, BOB],
        [2, 3],
    ),
    Export(
        "a name with the address",
        b'email\nAnn Lee <ann@one.example>\n"""Lee, Bob"" <bob@two.example>"\n',
        [ANN, BOB],
        [2, 3],
        columns={"name": "Ann Lee"},
    ),
    Export(
        "the name column wins over the name with the address",
        b"email,name\nX <ann@one.example>,Ann\nBob <bob@two.example>,\n",
        [ANN, BOB],
        [2, 3],
        columns={"name": "Ann"},
    ),
    Export(
        "mailto",
        b"email\nmailto:ann@one.example?subject=Hi\nMAILTO:bob@two.example\n"
        b"SMTP:cy@three.example\n",
        [ANN, BOB, CY],
        [2, 3, 4],
    ),
    Export(
        "the codes and the slashes of links",
        b"email\nmailto:ann%2Bshop@one.example\nmailto://bob@two.example\n"
        b"<mailto:cy%40three.example?subject=a%20b>\n",
        ["ann+shop@one.example", BOB, CY],
        [2, 3, 4],
    ),
    Export(
        "stray marks round the address",
        "email\n'ann@one.example\n`bob@two.example`\n’cy@three.example’\n".encode(),
        [ANN, BOB, CY],
        [2, 3, 4],
    ),
    Export(
        "whole rows in quotes with tabs between the cells",
        b'"email\tname"\n"ann@one.example\tAnn"\n',
        [ANN],
        [2],
        columns={"name": "Ann"},
    ),
    Export(
        "whole rows in quotes under a header without them",
        b'email,name,account\n"ann@one.example,Ann,A"\nbob@two.example,Bob,B\n',
        [BOB],
        [3],
        bad={2: "the whole row stands in one pair of quotes"},
    ),
    Export(
        "whole rows in quotes with semicolons under a header without them",
        b'name;email\n"Ann;ann@one.example"\n"no address; here"\nBob;bob@two.example\n',
        [BOB],
        [4],
        bad={2: "the whole row stands in one pair of quotes", 3: "cells in this row: 1"},
    ),
    Export("a separator left behind the address", b'email\n"ann@one.example; "\n', [ANN], [2]),
    Export(
        "international domains",
        "email\nann@bücher.example\nbob@公司.中国\n".encode(),
        ["ann@xn--bcher-kva.example", "bob@xn--55qx5d.xn--fiqs8s"],
        [2, 3],
    ),
    Export(
        "domains for tests",
        b"email\na@b.test\na@example.com\na@x.invalid\n",
        ["a@b.test", "a@example.com"],
        [2, 3],
        bad={4: "special-use"},
    ),
    Export(
        "duplicates by case",
        b"email\nann@one.example\nANN@One.Example\nbob@two.example\n",
        [ANN, BOB],
        [2, 4],
        duplicates=[(3, 2)],
    ),
    Export(
        "duplicates by the spelling of a domain",
        "email\na@bücher.example\na@xn--bcher-kva.example\na@bu\u0308cher.example\n".encode(),
        ["a@xn--bcher-kva.example"],
        [2],
        duplicates=[(3, 2), (4, 2)],
    ),
    Export(
        "a bad row stops no other",
        b"email\nnobody\nann@one.example\n@x.example\nx@\n",
        [ANN],
        [3],
        bad={2: "@-sign", 4: "@-sign", 5: "@-sign"},
    ),
    Export(
        "a second table with the columns in another order",
        b"email,name,account\nann@one.example,Ann,A\n,,\nemail,account,name\nbob@two.example,B,Bob\n",
        [ANN],
        [2],
        bad={4: "row 4 is the header of a second table", 5: "row 4 is the header"},
    ),
    Export(
        "a second table with the same columns",
        b"email,name\nann@one.example,Ann\n\nEmail,Name,\nbob@two.example,Bob\n",
        [ANN, BOB],
        [2, 5],
        bad={4: "@-sign"},
    ),
    Export(
        "a row without an address is no second header",
        b"email,name,channel\n,Cy,email\nann@one.example,Ann,email\n",
        [ANN],
        [3],
        bad={2: "the address is empty"},
    ),
    Export(
        "another address as the name",
        b"email,name\nx@one.example <y@two.example>,X\nAnn@one.example <ann@one.example>,Ann\n"
        b"Bob @ Two <bob@two.example>,Bob\n",
        [ANN, BOB],
        [3, 4],
        bad={2: "2 addresses in one cell"},
    ),
    Export(
        "the middle of a Dutch name",
        b"email,Voornaam,Tussenvoegsel,Achternaam\nann@one.example,Ann,de,Vries\n",
        [ANN],
        [2],
        columns={"name": "Ann de Vries"},
    ),
    Export(
        "names and companies in other languages",
        "email,Имя,Фамилия,Компания\nann@one.example,Анна,Ли,Ромашка\n".encode(),
        [ANN],
        [2],
        columns={"name": "Анна Ли", "account": "Ромашка"},
    ),
    Export(
        "several addresses in a cell",
        b'email\n"ann@one.example; bob@two.example"\n"a@x.example,b@x.example"\n'
        b'"a@x.example\nb@x.example"\ncy@three.example\n',
        [CY],
        [5],
        bad={2: "2 addresses", 3: "2 addresses", 4: "2 addresses"},
    ),
    Export(
        "an empty address", b"email,name\n,Ann\nbob@two.example,Bob\n", [BOB], [3], bad={2: "empty"}
    ),
    Export(
        "too few cells",
        b"email,name,account\nann@one.example,Ann\nbob@two.example,B,4\n",
        [BOB],
        [3],
        bad={2: "cells in this row: 2, in the header: 3"},
    ),
    Export(
        "too many cells",
        b"email,name\nann@one.example,Lee, Ann\nbob@two.example,B\n",
        [BOB],
        [3],
        bad={2: "cells in this row: 3, in the header: 2"},
    ),
    Export("empty cells beyond the header", b"email,name,,\nann@one.example,Ann,,,,\n", [ANN], [2]),
    Export(
        "a quotation mark that is not doubled",
        b'email,name\nann@one.example,"Ann "A" Lee"\nbob@two.example,Bob\n',
        [BOB],
        [3],
        bad={2: "quotation mark in the wrong place"},
    ),
    Export(
        "a stray quotation mark that would swallow a customer",
        b'email,name\nann@one.example,"Ann\nbob@two.example,"Bob"\ncy@three.example,"Cy"\n',
        [CY],
        [3],
        bad={2: "lines 2 to 3"},
    ),
    Export(
        "letters outside ASCII before the @",
        "email\njörg@one.example\nann@one.example\n".encode(),
        [ANN],
        [3],
        bad={2: "letters outside ASCII"},
    ),
    Export(
        "headers of any language",
        "Größe,email,Имя,2nd,,a b-c\nL,ann@one.example,Аня,2,3,4\n".encode(),
        [ANN],
        [2],
        columns={
            "grösse": "L",
            "имя": "Аня",
            "column_2nd": "2",
            "column_5": "3",
            "a_b_c": "4",
            "a b-c": "4",
        },
    ),
    Export(
        "two headers with one variable name",
        b"email,Account ID,account_id\nann@one.example,1,2\n",
        [ANN],
        [2],
        columns={"account_id_2": "2", "Account ID": "1"},
    ),
    Export(
        "a formula is text",
        b'email,name\nann@one.example,"=HYPERLINK(""http://evil.example"")"\n',
        [ANN],
        [2],
        columns={"name": '=HYPERLINK("http://evil.example")'},
    ),
    Export("only a header", b"email,name\n", [], []),
    Export(
        "an address too long",
        b"email\n" + b"a" * 65 + b"@one.example\nann@one.example\n",
        [ANN],
        [3],
        bad={2: "too long before the @-sign"},
    ),
    Export(
        "an address literal",
        b"email\nann@[127.0.0.1]\nann@localhost\n",
        [],
        [],
        bad={2: "bracketed IP", 3: "period"},
    ),
    Export(
        "an address with a line break", b'email\n"ann@one.\nexample"\n', [], [], bad={2: "@-sign"}
    ),
]


@pytest.mark.parametrize("export", EXPORTS, ids=lambda export: export.name)
def test_every_row_of_an_export_is_accounted_for(export: Export) -> None:
    found = read_recipients(export.content)
    assert [each.email for each in found.recipients] == export.emails
    assert [each.row for each in found.recipients] == export.rows
    assert {bad.row for bad in found.bad_rows} == set(export.bad)
    for bad in found.bad_rows:
        assert export.bad[bad.row] in bad.reason
        assert bad.reason.endswith(".")
    assert list(found.duplicates) == export.duplicates
    if export.columns:
        columns = found.recipients[0].columns
        assert {name: columns.get(name) for name in export.columns} == export.columns


UNREADABLE = [
    ("nothing", b"", "has no header"),
    ("only blank lines", b"\n \n,,\n", "has no header"),
    (
        "no header",
        b"ann@one.example,Ann\n",
        "has no header: its first line is `ann@one.example, Ann`",
    ),
    (
        "a quotation mark in the header",
        b'"user"."email",name\nann@one.example,Ann\n',
        "the header can't be read: line 1 has a quotation mark in the wrong place",
    ),
    ("no column of addresses", b"name;city\nAnn;Rome\n", "it has `name`, `city`. Choose one"),
    (
        "two columns of addresses",
        b"E-mail,Email Address\na@x.example,b@x.example\n",
        "`E-mail` and `Email Address` could each hold",
    ),
    ("email twice", b"email,email\na@x.example,b@x.example\n", "could each hold"),
    ("an Excel workbook", b"PK\x03\x04\x14\x00", "Export it as CSV"),
    ("an old Excel workbook", b"\xd0\xcf\x11\xe0\xa1", "Export it as CSV"),
    ("a PDF", b"%PDF-1.7", "a PDF"),
    ("NUL bytes", b"email\nann@one.example\nb\0b@two.example\n", "NUL byte on line 3"),
    ("binary", bytes(range(128, 160)) * 4, "neither UTF-8 nor UTF-16 nor Windows-1252"),
    (
        "broken UTF-8",
        "email,name\na@x.example,Zoë\nb@x.example,Å".encode() + b"\xff\n",
        "broken character on line 3",
    ),
    ("half a UTF-16 character", b"\xff\xfe" + "email\n".encode("utf-16-le") + b"a", "line 2"),
    (
        "a quotation mark that never closes",
        b'email,name\na@x.example,Ann\nb@x.example,"Bob\nc@x.example,C\n',
        "row 3 (line 3) opens a quotation mark",
    ),
    (
        "a cell of 200,000 characters",
        b"email,name\na@x.example," + b"x" * 200_000 + b"\n",
        "row 2 (line 2) has a cell of more than 131,072 characters",
    ),
]


@pytest.mark.parametrize(
    ("content", "told"), [case[1:] for case in UNREADABLE], ids=[case[0] for case in UNREADABLE]
)
def test_what_is_no_list_is_refused_with_what_to_do(content: bytes, told: str) -> None:
    with pytest.raises(ListUnreadable) as refused:
        read_recipients(content)
    assert told in str(refused.value)
    assert len(str(refused.value)) < 400


def test_the_column_of_addresses_can_be_named() -> None:
    content = b"E-mail,Billing contact\na@x.example,ann@one.example\n"
    for name in ("Billing contact", "billing_contact", "BILLING CONTACT"):
        assert read_recipients(content, email_column=name).recipients[0].email == ANN
    with pytest.raises(ListUnreadable, match="no column `billing`; it has `E-mail`"):
        read_recipients(content, email_column="billing")


@pytest.mark.parametrize(
    "content",
    [
        b"Impacted customers,,\n,,\nName,Account,Contact\nAnn,A,ann@one.example\n",
        b"Report\nName;Account;Contact\nAnn;A;ann@one.example\n",
        b"Report:\tX\nDate:\t24 Nov 2026\n\nName\tAccount\tContact\nAnn\tA\tann@one.example\n",
    ],
)
def test_the_header_below_a_title_is_named_though_no_column_is_called_email(content: bytes) -> None:
    with pytest.raises(ListUnreadable, match='--column email="Contact"'):
        read_recipients(content)
    found = read_recipients(content, email_column="Contact")
    assert [each.email for each in found.recipients] == [ANN]
    assert (found.recipients[0].columns["account"], found.bad_rows) == ("A", ())


def test_a_50_mb_cell_is_refused_quickly() -> None:
    content = b'email,name\na@x.example,"' + b"x\n" * 25_000_000 + b'"\n'
    with pytest.raises(ListUnreadable, match="more than 131,072"):
        read_recipients(content)


def test_a_list_says_how_it_was_read() -> None:
    found = read_recipients("email;Größe\nann@one.example;1\n".encode("cp1252"))
    assert (found.encoding, found.delimiter) == ("cp1252", ";")
    assert found.columns == ("email", "grösse")
    assert found.headers == ("email", "Größe")
