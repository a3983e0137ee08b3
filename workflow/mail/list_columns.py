"""The columns of a list, and their cells; a cell as one mail address, or the reason.

Finds the column of addresses, and gives each column the name that templates use. Exports call a
customer's name, company and time zone by many names: headers are compared without spaces, marks and
capitals, so `First Name` is `firstname`. The names come from the exports' public documents: see
tests/fixtures/exports.

`read_cells` removes what nobody sees and what a spreadsheet adds. `inert` writes cells that no
spreadsheet runs as a formula, and `as_it_stood` reads them back. A spreadsheet runs a cell that
begins with `=`, `+`, `-` or `@` (OWASP, CSV injection). If its separator is a semicolon or a tab,
it splits a line of commas there, so a formula may also begin after one within a cell. An apostrophe
in front makes all of these text, and can be removed.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from urllib.parse import unquote

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

from workflow.errors import BadInput
from workflow.mail.list_decoding import ListUnreadable

# --- Addresses ------------------------------------------------------------------------------------

# Invisible characters that copying from web pages and chats leaves around an address.
_UNSEEN_IN_ADDRESS = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad\u202a\u202c\u2068\u2069"
_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>", re.DOTALL)
# Marks around an address in lists, chats and Markdown. A single apostrophe tells a spreadsheet that
# a cell is text.
_PAIRS = (
    *(("'", "'"), ('"', '"'), ("`", "`"), ("‘", "’"), ("’", "’"), ("“", "”"), ("„", "“")),
    *(("«", "»"), ("»", "«"), ("(", ")"), ("[", "]"), ("{", "}"), ("*", "*")),
)
_APOSTROPHES = "'’‘"
_STRAY = re.compile(r"(?P<mark>[?*!#$=^|~/{}&%'`])[A-Za-z0-9_.+-]+")
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_SEPARATORS = re.compile(r"[\s,;]+")
# A link to write a mail, as web pages, Markdown and spreadsheets write it.
_MAIL_LINK = re.compile(
    r"""<a\s[^<>]*?\bhref\s*=\s*["']?(?P<of_page>mailto:[^"'<>\s]+)["']?[^<>]*>(?P<on_page>[^<>]*)</a>
    | \[(?P<before>[^\[\]]*)\]\((?P<of_markdown>mailto:[^()\s]+)\)
    | =\s*HYPERLINK\(\s*"(?P<of_cell>mailto:[^"]+)"\s*(?:[,;]\s*"(?P<in_cell>[^"]*)"\s*)?\)
    """,
    re.IGNORECASE | re.VERBOSE,
)

# Recognize nearly every address without the cost of the validator.
# `tests/mail/test_list_properties.py` checks that this accepts nothing that the validator refuses.
_ATOM = r"[A-Za-z0-9_+-]+"
_LABEL = r"(?![A-Za-z0-9-]*--)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"  # `--` is IDNA's
_PLAIN = re.compile(
    rf"(?P<local>{_ATOM}(?:\.{_ATOM})*)@(?P<domain>(?:{_LABEL}\.)+[A-Za-z]{{2,63}})",
)
_SPECIAL = tuple(f".{name}" for name in SPECIAL_USE_DOMAIN_NAMES)
_LOCAL_LIMIT = 64
_PLAIN_LIMIT = 200


class AddressBad(BadInput):
    """A cell that isn't one usable address; the message is a sentence for the list's owner."""


@dataclass(frozen=True)
class Address:
    """One address, and its owner.

    `email` has its domain in ASCII (IDNA), as headers need it; `key` is the same for every spelling
    of it: case folded, NFC. `name` is the display name in the cell, or "".
    """

    email: str
    key: str
    name: str = ""


def read_address(cell: str) -> Address:
    """The address in a cell: `a@b.example`, `Ann <a@b.example>` or `mailto:a@b.example`.

    Quotation marks, brackets and a spreadsheet's apostrophe round it are taken off.

    Raises:
        AddressBad: nothing there, several addresses, stray marks that may be a part of it, or not
            an address that mail can go to. No DNS is asked. Domains reserved for tests and
            documentation are taken.
    """
    cell = cell.strip().strip(_UNSEEN_IN_ADDRESS).strip()
    quick = _plain(cell, "")
    if quick is not None:
        return quick
    name, address = _split_name(_without_marks(_without_link(cell)))
    address = _one_of_several(_without_marks(address))
    if not address:
        raise AddressBad("the address is empty.")
    if name.casefold() != address.casefold() and _WITH_ADDRESS.search(name):
        raise AddressBad("2 addresses in one cell, one as the name; leave the right one.")
    _refuse_stray_marks(address)
    return _plain(address, name) or _validated(address, name)


def key_of(typed: str) -> str:
    """The key of an address, the same for every spelling of it."""
    try:
        return read_address(typed).key
    except AddressBad:
        return typed.casefold()


def typed_address(typed: str) -> Address:
    """An address that a person typed. Raises `BadInput`, which repeats it."""
    try:
        return read_address(typed)
    except AddressBad as bad:
        raise BadInput(f"{typed}: {bad}") from bad


def _without_marks(text: str) -> str:
    """`text` without the pairs of marks around it, and without a spreadsheet's apostrophe."""
    while len(text) > 1:
        pair = next((each for each in _PAIRS if (text[0], text[-1]) == each), None)
        if pair is not None and "@" in text and text.count(pair[0]) + text.count(pair[1]) <= 4:
            text = text[1:-1].strip()
        elif text[0] in _APOSTROPHES:
            text = text[1:].strip()
        else:
            return text
    return text


def plain_address(address: str) -> str:
    """The address as it is sent over the wire, if it is of the usual form; "" for another."""
    plain = _plain(address, "")
    return plain.email if plain else ""


def _plain(address: str, name: str) -> Address | None:
    found = _PLAIN.fullmatch(address)
    if found is None or len(found["local"]) > _LOCAL_LIMIT or len(address) > _PLAIN_LIMIT:
        return None
    domain = found["domain"].lower()
    if f".{domain}".endswith(_SPECIAL):
        return None
    email = f"{found['local']}@{domain}"
    return Address(email, email.lower(), name)


def _split_name(cell: str) -> tuple[str, str]:
    named = _NAMED.fullmatch(cell.rstrip(" ,;"))
    name, address = (named["name"], named["address"]) if named else ("", cell)
    address = address.strip().rstrip(" ,;").strip(_UNSEEN_IN_ADDRESS)
    if address[:5].lower() == "smtp:":  # Exchange
        address = address[5:]
    if address[:7].lower() == "mailto:":
        # RFC 6068: reserved characters in a link are written as %XX.
        # Some programs write the slashes of a web page's address.
        address = unquote(address[7:].partition("?")[0]).strip().lstrip("/")
    return name.strip().strip("\"'").strip(), address


def _without_link(cell: str) -> str:
    """`Ann <mailto:a@b.example>` of a link to write to Ann, such as `[Ann](mailto:a@b.example)`."""
    found = _MAIL_LINK.fullmatch(cell)
    if found is None:
        return cell
    shown = found["on_page"] or found["before"] or found["in_cell"] or ""
    return f"{shown} <{found['of_page'] or found['of_markdown'] or found['of_cell']}>"


def _one_of_several(address: str) -> str:
    """The address in a text of one, or of the same one again.

    Raises:
        AddressBad: different addresses, or words beside one.
    """
    words = [word for word in _SEPARATORS.split(address) if word]
    parts = [word for word in words if "@" in word]
    if len(set(map(str.casefold, parts))) > 1:
        raise AddressBad(f"{len(parts)} addresses in one cell; give each its own row.")
    if len(words) < 2 or not parts:
        return address
    if len(parts) == len(words):
        return parts[0]
    one = parts[0].strip("()[]<>{}:|/")
    if _plain(one, ""):
        raise AddressBad(f"something stands beside {one}. Leave the address alone in the cell.")
    return address


def _refuse_stray_marks(address: str) -> None:
    """Refuse what RFC 5322 allows and what in a list is nearly always a typo."""
    local, at, _ = address.rpartition("@")
    if not at:
        return
    code = _PERCENT.search(local)
    if code:
        raise AddressBad(
            f"`{code[0]}` in {_quoted(address)} is the code for `{unquote(code[0])}`. "
            f"If that is meant, write {_quoted(unquote(address))}."
        )
    if "**" in local:
        raise AddressBad(
            f"{_quoted(address)} is hidden behind asterisks. Export the list with whole addresses."
        )
    stray = _STRAY.fullmatch(local)
    if stray:
        raise AddressBad(
            f"{_quoted(address)} begins with `{stray['mark']}`. Remove it, or ask the customer for "
            "another address if it belongs there."
        )


def _validated(address: str, name: str) -> Address:
    try:
        valid = validate_email(
            address, check_deliverability=False, test_environment=True, strict=True
        )
    except EmailNotValidError as error:
        raise AddressBad(_sentence(str(error))) from None
    if valid.ascii_email is None:
        raise AddressBad(
            f"the part before the @ of {_quoted(address)} has letters outside ASCII; Gmail's API "
            "can't be relied on to send there. Ask the customer for another address."
        )
    key = unicodedata.normalize("NFC", valid.ascii_email).casefold()
    return Address(valid.ascii_email, key, name)


def _sentence(reason: str) -> str:
    """The validator's reason, on one line and in lower case, to follow `row 3: `."""
    reason = " ".join(reason.split())
    return reason[:1].lower() + reason[1:]


def _quoted(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"


# --- Columns --------------------------------------------------------------------------------------

_WHOLE_NAMES = (
    *("fullname", "contactname", "contactfullname", "customername", "recipientname"),
    *("clientname", "displayname", "requestername", "requester", "billingname", "shippingname"),
    *("cardname", "vollständigername", "kundenname", "kontaktname", "ansprechpartner"),
    *("nomcomplet", "nomduclient", "nombrecompleto", "nombredelcliente", "nomecompleto"),
    *("imięinazwisko", "volledigenaam", "nomeecognome", "nombreyapellidos", "nometprénom"),
    *("adsoyad", "氏名", "お名前", "姓名", "이름", "성명", "фио"),
)
_FIRST_NAMES = (
    *("firstname", "first", "givenname", "forename", "fname", "contactfirstname"),
    *("customerfirstname", "billingfirstname", "vorname", "prénom", "prenom", "nombre", "nome"),
    *("imię", "voornaam", "förnamn", "fornavn", "jméno", "etunimi", "prenume", "имя"),
)
_LAST_NAMES = (
    *("lastname", "last", "surname", "familyname", "lname", "contactlastname"),
    *("customerlastname", "billinglastname", "nachname", "familienname", "nom", "nomdefamille"),
    *("apellido", "apellidos", "cognome", "sobrenome", "nazwisko", "achternaam", "efternamn"),
    *("efternavn", "etternavn", "příjmení", "sukunimi", "фамилия", "прізвище"),
)
# Dutch programs keep the `de` of `Jan de Vries` in a column of its own.
_BETWEEN = ("tussenvoegsel", "tussenvoegsels", "voorvoegsel", "voorvoegsels", "infix")
_COMPANIES = (
    *("accountname", "company", "companyname", "organization", "organisation"),
    *("organizationname", "organisationname", "firma", "firmenname", "société", "entreprise"),
    *("customercompany", "contactcompany", "tenantname", "unternehmen"),
    *("empresa", "azienda", "workspacename", "razónsocial", "raisonsociale", "ragionesociale"),
    *("bedrijf", "bedrijfsnaam", "företag", "virksomhed", "společnost", "yritys", "şirket"),
    *("companie", "компания", "організація", "会社名", "公司", "회사"),
)
_NAMES_OF_ANY_KIND = frozenset(
    {"name", "account", *_WHOLE_NAMES, *_FIRST_NAMES, *_LAST_NAMES, *_COMPANIES}
)
_LANGUAGES = (
    *("language", "lang", "preferredlanguage", "languagepreference", "languagecode"),
    *("userlanguage", "userlocale", "customerlanguage", "customerlocale", "contactlanguage"),
    *("contactlocale", "preferredlocale", "preferredlocales", "localecode", "hslanguage"),
    *("languageoverride", "communicationlanguage", "correspondencelanguage", "emaillanguage"),
    *("browserlanguage", "browserlocale", "sprache", "bevorzugtesprache", "korrespondenzsprache"),
    *("langue", "languepréférée", "idioma", "idiomapreferido", "lingua", "língua", "taal"),
    *("voorkeurstaal", "język", "språk", "sprog", "kieli", "jazyk"),
)
_ZONES = ("zeitzone", "fuseauhoraire", "zonahoraria", "usertimezone", "tz")


def synonyms_among(headers: Sequence[str]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The variables that a list has under another header, each with its columns.

    `headers` are bare: lower case, letters and digits only. A column with the variable's own name
    is kept.
    """
    at = {header: position for position, header in reversed(list(enumerate(headers)))}
    if "name" not in at:
        parts = _name_parts(at)
        if parts:
            yield "name", parts
    if "account" not in at and (company := _first_of(_COMPANIES, at)) is not None:
        yield "account", (company,)
    if "locale" not in at and (language := _first_of(_LANGUAGES, at)) is not None:
        yield "locale", (language,)
    if (zone := _first_of(("timezone", *_ZONES), at)) is not None:
        yield "timezone", (zone,)


def name_beside(headers: Sequence[str]) -> int | None:
    """Another column of names in a list whose `name` holds something else, such as an order."""
    at = {header: position for position, header in reversed(list(enumerate(headers)))}
    parts = _name_parts({header: position for header, position in at.items() if header != "name"})
    return parts[0] if parts else None


def _name_parts(at: dict[str, int]) -> tuple[int, ...]:
    whole = _first_of(_WHOLE_NAMES, at)
    if whole is not None:
        return (whole,)
    first, last = _first_of(_FIRST_NAMES, at), _first_of(_LAST_NAMES, at)
    if first is not None and last is not None:
        between = _first_of(_BETWEEN, at)
        return (first, last) if between is None else (first, between, last)
    if first is not None:
        return (first,)
    # French lists use this header for whole names; a family name alone is no greeting.
    return (at["nom"],) if "nom" in at else ()


def _first_of(names: Sequence[str], at: dict[str, int]) -> int | None:
    return next((at[name] for name in names if name in at), None)


_EMAIL_HEADERS = {"email", "emailaddress", "emailaddresses", "mail", "mailaddress"}
# Words in a header over addresses, in the languages of exported lists.
_LIKE_EMAIL = re.compile(r"e-?mail|mail|courriel|correo|posta|adres|@", re.IGNORECASE)
_UNSEEN = "\u200b\u200e\u200f\u2060\ufeff\u00ad"
_NOT_WORD = re.compile(r"[^\w]+|_+")
# A header of a column is no sentence with an address in it, such as `From: ann@one.example`.
_WITH_ADDRESS = re.compile(r"[\w.+-]@[\w-]+\.\w")
_SHOWN_COLUMNS = 4


@dataclass(frozen=True)
class Columns:
    """A list's header: `headers` as written, `names` as variables, one for one.

    `candidates` may hold addresses. `wanted` is the column that the user asked for, or "". `made`
    are variables made of other columns, by their positions: because the user says so, or because no
    column is called `name` and two are called `First name` and `Last name`. `repeated` are the
    variables whose header several columns have, if the user chose none of them, each with the
    variable of the second. `blank_columns` counts those without a header at the end.

    Known from the first rows: `filled` are the columns in which addresses were seen, the likeliest
    first; `rivals` the others that could have been the addresses' by their headers; `no_address` is
    what the column of addresses holds instead; `remarks` counts the columns without a header that
    may be filled, see `with_filled`.
    """

    headers: tuple[str, ...]
    names: tuple[str, ...]
    candidates: tuple[int, ...]
    wanted: str
    made: Mapping[str, tuple[int, ...]]
    missing: tuple[str, ...] = ()
    repeated: Mapping[str, str] = field(default_factory=dict)
    blank_columns: int = 0
    filled: tuple[int, ...] = ()
    rivals: tuple[int, ...] = ()
    no_address: str = ""
    remarks: int = 0

    @property
    def rank(self) -> tuple[int, int]:
        """How plausible this reading of the header is; the greatest wins."""
        return (1 if self.candidates else 0, len(self.headers))

    @property
    def named_count(self) -> int:
        """How many columns have a header."""
        return sum(map(bool, self.headers))

    @property
    def variables(self) -> tuple[str, ...]:
        """Every name that a template can use for a row."""
        return (*self.names, *(name for name in self.made if name not in self.names))

    @cached_property
    def email_at(self) -> int:
        """The position of the addresses, from 0."""
        exact = [at for at in self.candidates if self.headers[at].strip().lower() == "email"]
        return exact[0] if len(exact) == 1 and not self.wanted else self.candidates[0]

    @property
    def email_header(self) -> str:
        """The header of the column of addresses."""
        return self.headers[self.email_at]

    def with_filled(self, rows: Iterable[Sequence[str]]) -> Columns:
        """The same, with what these rows, the first ones, show of the columns.

        Of several columns that could hold the addresses, the only one that does is taken. Columns
        without a header at the end may be filled if each row has exactly as many cells as the
        header: otherwise a separator that isn't quoted moves a row's cells there.
        """
        rows = list(rows)
        counts = [0] * len(self.headers)
        for cells in rows:
            for at, cell in enumerate(cells[: len(counts)]):
                counts[at] += is_address(cell)
        order = sorted(range(len(counts)), key=lambda at: (-counts[at], at))
        filled = tuple(at for at in order if counts[at])
        whole = len(self.headers) + self.blank_columns
        found = replace(
            self,
            filled=filled,
            remarks=self.blank_columns if all(len(cells) == whole for cells in rows) else 0,
        )
        holding = [at for at in self.candidates if counts[at]]
        if self._is_unclear and len(holding) == 1:
            rivals = tuple(at for at in self.candidates if at not in holding)
            found = replace(found, candidates=tuple(holding), rivals=rivals)
        return replace(found, no_address=found._in_place_of_address(rows))

    def _in_place_of_address(self, rows: Iterable[Sequence[str]]) -> str:
        """What stands in the column of addresses if these rows have addresses only in others."""
        if self.wanted or not self.candidates or not self.filled or self.email_at in self.filled:
            return ""
        cells = [_trimmed(cells[self.email_at]) for cells in rows if len(cells) > self.email_at]
        # A cell with one of these marks may be a mistyped address.
        is_tried = any("@" in cell or "." in cell for cell in cells)
        return "" if is_tried else next(filter(None, cells), "")

    @property
    def _is_unclear(self) -> bool:
        """Whether the headers don't say which of the candidates it is."""
        exact = [at for at in self.candidates if self.headers[at].strip().lower() == "email"]
        return len(self.candidates) > 1 and (len(exact) != 1 or bool(self.wanted))

    def check(self) -> None:
        """Refuse a header that doesn't say where the addresses are.

        Raises:
            ListUnreadable: no such column, or several and none of them exactly `email`; one that
                holds no addresses, beside another that does; a column that the user names and that
                isn't there.
        """
        if not self.candidates:
            raise ListUnreadable(self._lacking())
        if self._is_unclear:
            names = " and ".join(map(self._place, self.candidates))
            last = self.candidates[-1]
            shown = self.candidates[:_SHOWN_COLUMNS] if self._is_repeated(last) else [last]
            options = " or ".join(f'--column email="{self._option(at)}"' for at in shown)
            raise ListUnreadable(
                f"{names} could each hold the addresses. Say which: {options}, or rename the "
                "others."
            )
        if self.no_address:
            raise ListUnreadable(
                f"{self._place(self.email_at)} holds `{_shown(self.no_address, 60)}` and no "
                f"addresses; {self._likely(self.filled)}"
            )
        if self.missing:
            raise ListUnreadable(
                f"the list has no column `{self.missing[0]}`; it has {self._headers_shown()}."
            )

    @property
    def joined(self) -> Mapping[str, tuple[str, ...]]:
        """The variables that are made of several columns, each with the variables of those."""
        return {
            name: tuple(self.names[at] for at in positions)
            for name, positions in self.made.items()
            if len(positions) > 1
        }

    @cached_property
    def _on_one_line(self) -> tuple[int, ...]:
        """The columns of people's and companies' names: a line break in them is a blank."""
        own = {at for at, header in enumerate(self.headers) if _bare(header) in _NAMES_OF_ANY_KIND}
        return tuple(own.union(self.made.get("name", ()), self.made.get("account", ())))

    @property
    def name_beside(self) -> str:
        """The header of another column of names than `name`, "" for none."""
        at = name_beside([_bare(header) for header in self.headers])
        return "" if at is None else self.headers[at]

    def is_header(self, cells: Sequence[str]) -> bool:
        """Whether a row is the header again, in any capitals."""
        others = [_bare(_trimmed(cell)) for cell in cells[: len(self.headers)]]
        return others == [_bare(header) for header in self.headers]

    def has_other_order(self, cells: Sequence[str]) -> bool:
        """Whether a row is a header too, and gives the columns below it other names."""
        others = [_bare(_trimmed(cell)) for cell in cells]
        while others and not others[-1]:
            others.pop()
        own = [_bare(header) for header in self.headers]
        headers = _EMAIL_HEADERS.union(own, _NAMES_OF_ANY_KIND) - {""}
        has_addresses = own[self.email_at] in others or not _EMAIL_HEADERS.isdisjoint(others)
        return (
            has_addresses
            and others != own
            and sum(other in headers for other in others) > 1
            and not any("@" in cell for cell in cells)
        )

    def _lacking(self) -> str:
        if any(_WITH_ADDRESS.search(header) for header in self.headers):
            return (
                f"the list has no header: its first line is `{_shown(', '.join(self.headers))}`. "
                "Put a line with the columns' names above it, one of them `email`."
            )
        words = self.headers[0].split() if len(self.headers) == 1 else []
        if len(words) > 1 and any(_bare(word) in _EMAIL_HEADERS for word in words):
            return (
                f"the list's columns can't be told apart in `{_shown(self.headers[0], 60)}`. "
                "Export it with commas between them, or write a line like `sep=;` above it with "
                "the mark that stands there."
            )
        missing = f"no column `{self.wanted}`" if self.wanted else "no column `email`"
        likely = [at for at in self.filled if self.headers[at]] or [
            at for at, header in enumerate(self.headers) if _LIKE_EMAIL.search(header)
        ]
        if likely and not self.wanted:
            return f"the list has {missing}; {self._likely(likely)}"
        return (
            f"the list has {missing}; it has {self._headers_shown()}. "
            "Choose one: --column email=NAME."
        )

    def _likely(self, columns: Sequence[int]) -> str:
        """Where addresses are, and the option that chooses the first of these columns."""
        holds = "addresses stand in" if self.filled else "addresses may be in"
        names = " and ".join(map(self._place, columns[:_SHOWN_COLUMNS]))
        return f'{holds} {names}. Say which it is: --column email="{self._option(columns[0])}".'

    def _is_repeated(self, at: int) -> bool:
        own = variable_name(self.headers[at])
        return sum(variable_name(header) == own for header in self.headers) > 1

    def _place(self, at: int) -> str:
        """A column as a sentence names it, with its number if others are called the same."""
        header = f"`{_shown(_on_one_line(self.headers[at]), 60)}`" if self.headers[at] else ""
        number = f"column {at + 1}"
        if not header:
            return number
        return f"{header} ({number})" if self._is_repeated(at) else header

    def _option(self, at: int) -> str:
        """What a person types to choose a column; `_positions` finds it so."""
        own, name = variable_name(self.headers[at]), self.names[at]
        if not self._is_repeated(at):
            return _on_one_line(self.headers[at]) or name
        return name if name != own else f"{own}_1"

    def notes(self) -> Iterator[tuple[str, str, str]]:
        """The code, place and sentence of each warning about how the columns were chosen."""
        if self.rivals:
            both = " and ".join(map(self._place, sorted((*self.rivals, self.email_at))))
            yield (
                "email_column",
                "list",
                f"{both} could each hold the addresses; only {self._place(self.email_at)} does in "
                "the first rows, so it was read.",
            )

    def _headers_shown(self) -> str:
        """The headers, with possible address columns first."""
        named = [header for header in self.headers if header]
        order = sorted(named, key=lambda header: not _LIKE_EMAIL.search(header))
        return _shown(", ".join(f"`{header}`" for header in order))

    def named(self, cells: Sequence[str], address: Address) -> dict[str, str]:
        """A row's cells by header and by variable name; `email` and `name` as in `Recipient`."""
        for at in self._on_one_line:
            if not cells[at].isprintable():
                cells = [*cells[:at], _BREAK.sub(" ", cells[at]), *cells[at + 1 :]]
        values = dict(zip(self.headers, cells, strict=False))
        values |= dict(zip(self.names, cells, strict=False))
        values.pop("", None)
        for name, positions in self.made.items():
            values[name] = cells[positions[0]] if len(positions) == 1 else _joined(cells, positions)
        values["email"] = address.email
        if address.name and not values.get("name"):
            values["name"] = _BREAK.sub(" ", address.name)
        return values


def find_columns(
    cells: Sequence[str],
    email_column: str | None = None,
    wanted_columns: Mapping[str, str] | None = None,
) -> Columns:
    """The header's columns; blank ones at its end are dropped, others are `column_3` and so on.

    `wanted_columns` gives a variable the column of a header, or none with "".
    """
    headers = [_trimmed(cell) for cell in cells]
    while headers and not headers[-1]:
        headers.pop()
    blank_columns = len(cells) - len(headers)
    wanted = _trimmed(email_column) if email_column else ""
    if wanted:
        candidates = _positions(headers, wanted)
    else:
        candidates = [at for at, header in enumerate(headers) if _bare(header) in _EMAIL_HEADERS]
    made = dict(synonyms_among([_bare(header) for header in headers]))
    missing = []
    for name, header in (wanted_columns or {}).items():
        found = _positions(headers, _trimmed(header)) if header else []
        if header and not found:
            missing.append(_trimmed(header))
        made[name] = tuple(found[:1])
    return Columns(
        *(tuple(headers), _unique_names(headers), tuple(candidates), wanted, made, tuple(missing)),
        repeated=dict(_repeated(headers, made, wanted_columns or {})),
        blank_columns=blank_columns,
    )


def _repeated(
    headers: Sequence[str], made: Mapping[str, tuple[int, ...]], chosen: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """The variables that are the first of several columns with one header, see `Columns`."""
    of_name: dict[str, list[str]] = {}
    for header, name in zip(headers, _unique_names(headers), strict=True):
        of_name.setdefault(variable_name(header), []).append(name)
    for own, names in of_name.items():
        if own and len(names) > 1:
            of_header = [own] if own not in made else []
            of_others = [
                name
                for name, positions in made.items()
                if len(positions) == 1 and variable_name(headers[positions[0]]) == own
            ]
            yield from ((name, names[1]) for name in of_header + of_others if name not in chosen)


def _positions(headers: Sequence[str], wanted: str) -> list[int]:
    """The positions of a header: exact matches, else by its variable's name.

    `name_2` is the second of several columns called `name`, `name_1` the first.
    """
    own = variable_name(wanted)
    return (
        [at for at, header in enumerate(headers) if header == wanted]
        or [at for at, header in enumerate(headers) if header and variable_name(header) == own]
        or [
            at
            for at, name in enumerate(_unique_names(headers))
            if own and own in {name, f"{name}_1"}
        ]
    )


@lru_cache(maxsize=16_384)  # a header is read with each possible delimiter
def variable_name(header: str) -> str:
    """A header as a template writes it: `Account Name` → `account_name`, `2nd` → `column_2nd`."""
    words = _NOT_WORD.split(unicodedata.normalize("NFKC", header).casefold())
    name = unicodedata.normalize("NFC", "_".join(word for word in words if word))
    if name and not name.isidentifier():
        name = f"column_{name}"
    return name if name.isidentifier() else ""


def _unique_names(headers: Sequence[str]) -> tuple[str, ...]:
    names: list[str] = []
    taken = {variable_name(header) for header in headers}
    seen: Counter[str] = Counter()
    for number, header in enumerate(headers, 1):
        own = variable_name(header) or f"column_{number}"
        name = own
        seen[own] += 1
        while seen[own] > 1 and (name := f"{own}_{seen[own]}") in taken:
            seen[own] += 1
        taken.add(name)
        names.append(name)
    return tuple(names)


def is_address(cell: str) -> bool:
    """Whether a cell holds one usable address."""
    if "@" not in cell:
        return False
    try:
        read_address(_trimmed(cell))
    except AddressBad:
        return False
    return True


def _trimmed(cell: str) -> str:
    return _without_wrapping(cell.strip()).strip(_UNSEEN).strip()


# What forms add to a header: `Email Address [Required]`, `Company (optional)`.
_NOTE_IN_HEADER = re.compile(
    r"\s*[\[(](?:required|optional|mandatory|pflichtfeld|erforderlich|obligatoire|obligatorio)[\])]\s*",
    re.IGNORECASE,
)


def _bare(header: str) -> str:
    return variable_name(_NOTE_IN_HEADER.sub("", header)).replace("_", "")


def _on_one_line(header: str) -> str:
    """A header as a person types it; `_positions` finds it so too."""
    return " ".join(header.split())


def _shown(text: str, limit: int = 200) -> str:
    text = re.sub(r"\s*[\r\n]+\s*", " ", text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


# Full-width forms count: some spreadsheets read them as the plain ones.
_RUNS = "=+\\-@＝＋－＠"
_AT_START = re.compile(rf"'*[\s\x00-\x1f;]*[{_RUNS}]|'*[\t\r\n;]")
# Shopify writes a customer's id with an apostrophe, so that Excel does not round it.
_NUMBER = re.compile(r"'*[0-9]+")
_WITHIN = re.compile(rf"([;\t])('*)(?=[\s\"']*[{_RUNS}])")
_ESCAPED_WITHIN = re.compile(rf"([;\t])'('*)(?=[\s\"']*[{_RUNS}])")


def inert(cell: str) -> str:
    """The cell as text for any spreadsheet: an apostrophe wherever a formula could begin."""
    cell = _WITHIN.sub(r"\1'\2", cell)
    would_be_undone = cell[:1] == "'" and _NUMBER.fullmatch(cell)
    return f"'{cell}" if would_be_undone or _AT_START.match(cell) else cell


def as_it_stood(cell: str, *, within: bool = False) -> str:
    """A cell without a spreadsheet's apostrophe at its start.

    `within`: also without those that `inert` puts inside a cell. In a list that this program did
    not write, they may be the customer's own.
    """
    if cell[:1] == "'" and (_AT_START.match(cell[1:]) or _NUMBER.fullmatch(cell[1:])):
        cell = cell[1:]
    return _ESCAPED_WITHIN.sub(r"\1\2", cell) if within else cell


# What programs write so that Excel takes a cell as text: `="0012"`.
_WRAPPED = re.compile(r"=\s*\"(?P<text>(?:[^\"]|\"\")*)\"")
_BREAK = re.compile(r"\s*[\n\r\t\v\f\x1c-\x1e\x85\u2028\u2029]\s*")


def _without_wrapping(cell: str) -> str:
    """`0012` of `="0012"`; another cell as it is."""
    found = _WRAPPED.fullmatch(cell) if cell[:1] == "=" else None
    return found["text"].replace('""', '"').strip() if found else cell


def _joined(cells: Sequence[str], positions: Iterable[int]) -> str:
    """One value of several cells, without empty ones and without fillers such as `NULL`."""
    parts = [cells[at] for at in positions]
    return " ".join([part for part in parts if part and not is_no_part_of_a_name(part)])


# Letters by category that show nothing: Hangul fillers, the Braille blank.
_BLANK_LETTERS = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5")
_AT_EDGES = "\u200b\u2060\ufeff\u00ad"


def read_cells(cells: Sequence[str], *, is_ours: bool = False) -> list[str]:
    """The cells without spaces around them; a cell with nothing visible is "".

    `is_ours`: this program wrote the list, see `as_it_stood`.
    """
    return [_read_cell(cell.strip(), is_ours=is_ours) for cell in cells]


def _read_cell(cell: str, *, is_ours: bool) -> str:
    first = cell[:1]
    if first == "'" or (is_ours and "'" in cell):
        cell = as_it_stood(cell, within=is_ours).strip()
        first = cell[:1]
    if first == "=":
        cell = _without_wrapping(cell)
    if cell.isascii():
        return cell
    if all(_is_unseen(char) for char in cell):
        return ""
    return cell.strip(_AT_EDGES).strip()


def _is_unseen(char: str) -> bool:
    return char in _BLANK_LETTERS or unicodedata.category(char) in {
        *("Zs", "Zl", "Zp", "Cc", "Cf", "Mn"),
    }


# --- Fillers: what programs and people write into a cell that has no value ------------------------

_FILLER_WORDS = frozenset(
    {
        *("null", "none", "nil", "nan", "n/a", "#n/a", "na", "n.a.", "undefined", "unknown"),
        *("not provided", "not available", "not applicable", "not specified", "not set"),
        *("no name", "no name given", "unknown user", "deleted user", "anonymous"),
        *("please select", "select one"),
        *("k.a.", "k. a.", "keine angabe", "unbekannt", "nicht angegeben", "bitte wählen"),
        *("inconnu", "inconnue", "non renseigné", "non renseignée", "sans nom"),
        *("sin nombre", "desconocido", "desconocida", "sin especificar", "no disponible"),
        *("sconosciuto", "non disponibile", "desconhecido", "sem nome", "não informado"),
        *("onbekend", "niet ingevuld", "n.v.t.", "не указано", "неизвестно", "нет данных"),
        *("なし", "未設定", "未入力", "不明", "未知", "未填写", "없음", "미입력"),
        "\\n",  # MySQL's and PostgreSQL's dumps: \N
    }
)
# In brackets as pivot tables, database clients and Salesforce write them: (blank), <null>,
# --None--.
_FILLERS_IN_BRACKETS = frozenset(
    {
        *_FILLER_WORDS,
        *("blank", "empty", "no value", "deleted", "select", "not assigned", "unassigned"),
        *("leer", "vide", "vacío", "vuoto", "vazio"),
    }
)
_BRACKETED = re.compile(r"[(<\[{*–—-]+\s*(?P<word>[^()<>\[\]{}]*?)\s*[)>\]}*–—-]+")
_MARKS_ALONE = re.compile(r"[-‐‑‒–—―−.…?¿/\\_,;:·'\"\s]+")
_LONGEST_FILLER = 30
# Customers have these names, in this spelling.
_NAMES_LIKE_FILLERS = frozenset({"Na", "Nan", "Nil"})
_TRUTHS = frozenset({"TRUE", "FALSE", "true", "false"})


def is_filler(value: str) -> bool:
    """Whether a cell has no value but a word or a mark in its place: `NULL`, `(blank)`, `—`."""
    if value[:1].isalnum():
        return value.casefold() in _FILLER_WORDS
    if not value or len(value) > _LONGEST_FILLER:
        return False
    text = value.casefold()
    if text in _FILLER_WORDS or _MARKS_ALONE.fullmatch(text):
        return True
    found = _BRACKETED.fullmatch(text)
    return found is not None and (
        not found["word"] or found["word"].rstrip() in _FILLERS_IN_BRACKETS
    )


def is_truth(value: str) -> bool:
    """Whether a cell is a checkbox's value, as a spreadsheet or a program writes it."""
    return value in _TRUTHS


@lru_cache(maxsize=4_096)  # many customers have the same first name
def is_no_part_of_a_name(value: str) -> bool:
    """Whether a cell of a first or last name is a filler or a checkbox's value."""
    return (is_filler(value) and value not in _NAMES_LIKE_FILLERS) or is_truth(value)
