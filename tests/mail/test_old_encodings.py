"""Lists of names in the encodings of older programs: read correctly, or the person is asked."""

from __future__ import annotations

import pytest

from tests.mail.test_preflight import guessed_letters
from workflow.mail.list_decoding import ListUnreadable
from workflow.mail.list_recipients import open_list, read_recipients

LISTS = [
    ("cp1250", ["Novák", "Dvořák", "Łukasz"]),
    ("cp1250", ["Šárka Řezníčková"]),
    ("cp1250", ["Szűcs Győző", "Őry"]),
    ("iso8859_2", ["Łukasz Świątek", "Žaneta"]),
    ("cp1251", ["Иван Петров", "Мария"]),
    ("koi8_r", ["Иван Петров", "Мария"]),
    ("cp866", ["Иван Петров", "Мария"]),
    ("cp1252", ["Jürgen Müller", "François", "Núñez"]),
    ("cp1252", ["Jørgen Sørensen", "Åse"]),
    ("cp1252", ["Þórður", "Sæunn"]),
    ("cp1252", ["O’Néil – “Zoë” €"]),
    ("cp1253", ["Γιώργος Παπαδόπουλος"]),
    ("cp1254", ["Ayşe Yılmaz", "Doğan"]),
    ("cp1255", ["שלום כהן"]),
    ("cp1256", ["محمد الأحمد"]),
    ("cp1257", ["Šarūnas Žukauskas", "Jānis"]),
    ("mac_roman", ["Jürgen Müller", "Zoë"]),
    ("cp850", ["Jürgen Müller"]),
]


def listed(names: list[str]) -> str:
    rows = "".join(f"person{at}@one.example;{name}\n" for at, name in enumerate(names))
    return f"email;name\n{rows}"


@pytest.mark.parametrize(("encoding", "names"), LISTS)
def test_names_are_read_as_they_were_written(encoding: str, names: list[str]) -> None:
    found = read_recipients(listed(names).encode(encoding))
    assert [each.columns["name"] for each in found.recipients] == names
    assert found.is_guessed


@pytest.mark.parametrize(("encoding", "names"), LISTS)
def test_a_person_can_name_the_encoding(encoding: str, names: list[str]) -> None:
    reading = open_list(listed(names).encode(encoding), encoding=encoding)
    assert [each.columns["name"] for each in list(reading)] == names  # type: ignore[union-attr]
    assert not reading.is_guessed


@pytest.mark.parametrize(
    ("name", "misread"), [("Bořek", "Boøek"), ("Ondřej", "Ondøej"), ("Kateřina", "Kateøina")]
)
def test_the_rows_that_tell_are_shown_with_what_else_they_could_be(name: str, misread: str) -> None:
    content = listed(["André", "Jürgen", name]).encode("cp1250")
    findings = {each.code: each for each in guessed_letters(content)}
    finding = findings["guessed_encoding"]
    assert finding.where == "row 4"  # the other two are the same in both
    assert f"is `{misread}` right?" in finding.message
    assert f"they read `{name}`: --encoding cp1250 takes that." in finding.message
    reading = open_list(content, encoding="cp1250")
    assert [each.columns["name"] for each in list(reading)][2] == name  # type: ignore[union-attr]


@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "utf-8-sig", "utf-16"])
def test_a_unicode_list_may_be_named_too(encoding: str) -> None:
    reading = open_list(listed(["Dvořák"]).encode(encoding), encoding=encoding)
    assert [each.columns["name"] for each in list(reading)] == ["Dvořák"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("encoding", "told"),
    [
        ("klingon", "there is no encoding `klingon`. Known are utf-8"),
        ("idna", "there is no encoding `idna`"),
        ("rot13", "there is no encoding `rot13`"),
        ("utf-8", "the list is not utf-8: line 2 can't be read that way"),
        ("shift_jis", "the list is not shift_jis: line 2"),
    ],
)
def test_a_wrong_encoding_is_refused_with_the_line(encoding: str, told: str) -> None:
    with pytest.raises(ListUnreadable) as refused:
        open_list("email;name\na@one.example;Zoë\n".encode("cp1252"), encoding=encoding)
    assert told in str(refused.value)
