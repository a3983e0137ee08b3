"""Checks of the recipient list before a send: a table of rules, row by row.

Each rule keeps the first rows of its finding and counts the rest, so that a list of a million needs
no more memory than a short one. `CellCheck` looks at the cells that a template uses: empty ones,
fillers, errors, entities.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from workflow.mail.list_columns import (
    is_filler,
    is_no_part_of_a_name,
    is_truth,
    variable_name,
)
from workflow.mail.list_decoding import NAMES, reads_differently
from workflow.mail.list_recipients import Duplicate, Recipient
from workflow.mail.sandbox import zone_named
from workflow.model import SHOWN_ROWS, Finding, RowNumbers

# A spreadsheet's error in several languages: #REF!, #NV, #BEZUG!, #¡VALOR!, Err:502.
_ERROR_CELL = re.compile(
    r"(?:^|(?<=\s))(?:#[¡¿]?[^\W\da-z][^\sa-z#!?,;:]{0,20}[!?]|#N/[AVD]|#NV|#GETTING_DATA|#{4,}"
    r"|(?:Err|Fehler|Błąd|Ошибка) ?:5\d\d|\[object Object\]|(?i:loading\.\.\.))(?=$|\s)"
)
# An order's number of 16 digits that a spreadsheet took for an amount.
_SHORTENED = re.compile(r"^[-+]?\d(?:[.,]\d+)?E\+\d{1,3}$", re.IGNORECASE)
# A formula that was exported in place of its value.
_FORMULA = re.compile(r"^=\s*(?:[A-ZÄÖÜ][A-ZÄÖÜ0-9.]*\(|'?[\w ]*'?!?\$?[A-Z]{1,3}\$?\d+\b).{0,40}")
_ENTITY = re.compile(
    r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|amp|lt|gt|quot|apos|nbsp|[a-zA-Z]{1,2}(?:acute|grave|circ|uml|"
    r"tilde|cedil|ring|caron|slash|lig|horn|euro)|euro|[lr][sd]quo|[mn]dash|hellip|copy|reg|trade);"
    # The blank that many leave without its semicolon; and the spellings of links and of programs.
    r"|&nbsp\b|(?<!\S)(?!\w+:/)[^\s/?=]*?(?:%20|%C[2-5]%[89AB][0-9A-F])|\\u[0-9a-f]{4}",
    re.IGNORECASE,
)
# What programs leave of a text: `Ann\nLee`, `['Ann']`, `b'Ann'`, `=?utf-8?q?J=C3=BCrgen?=`,
# `J=FCrgen`; and the quotation marks of a text that was quoted twice.
_PROGRAMS_SPELLING = re.compile(
    r"(?<![:\\\w])\\[nrt](?![a-z])|(?<=[^\W\d_])\\(?:[nrt](?![a-z])|['\"]|x[0-9a-fA-F]{2})"
    r"|=\?[\w-]+\?[BQbq]\?\S*|(?<=[^\W\d_])(?:=[0-9A-F]{2}){1,2}(?=[^\W\d_])"
    r"|(?<=[^\W\d_])%[89A-F][0-9A-F](?=[^\W\d_])"
    r"|^(?:[bu]?'[^']*'|b?\"[^\"]*\"|“[^”]*”|„[^“”]*[“”]|`[^`]*`|\[(['\"]).*\1\]|\{['\"].*\})$"
)
# Cells that would look wrong in a mail; checked in the columns that the template uses.
_CELL_RULES = (
    (
        "error_cell",
        _ERROR_CELL,
        "`{name}` is `{found}`, a spreadsheet's error, and would be sent like that. Fix the "
        "formula.",
    ),
    (
        "formula",
        _FORMULA,
        "`{name}` is `{found}`, a formula and not its value, and would be sent like that. Export "
        "the list with its values.",
    ),
    (
        "entity",
        _ENTITY,
        "`{name}` has `{found}`, a web page's spelling of a character, and would be sent like "
        "that. "
        "Export the list as plain text.",
    ),
    (
        "shortened_number",
        _SHORTENED,
        "`{name}` is `{found}`: a spreadsheet has shortened this number, and digits are lost. "
        "Export the column as text.",
    ),
    (
        "spelling",
        _PROGRAMS_SPELLING,
        "`{name}` has `{found}`, a program's mark or spelling, and would be sent like that. "
        "Export the list as plain text.",
    ),
)


_NO_CHECKBOX = frozenset({"name", "account"})


class CellCheck:
    """The cells of the columns that a template uses, with their rows.

    `joined` are the variables made of several columns, each with those.
    """

    def __init__(
        self, used: Sequence[str], joined: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self._parts = [
            (whole, part, RowNumbers(), Counter[str]())
            for whole, parts in (joined or {}).items()
            if whole in used
            for part in parts
        ]
        self._blank = {name: RowNumbers() for name in used}
        self._filler = {name: RowNumbers() for name in used}
        self._filler_words = {name: Counter[str]() for name in used}
        self._odd = {code: {name: RowNumbers() for name in used} for code, _, _ in _CELL_RULES}
        self._found: dict[tuple[str, str], str] = {}

    def take(self, row: int, name: str, value: str) -> None:
        """Check one cell of the column `name`."""
        if not value:
            self._blank[name].add(row)
        elif is_filler(value) or (name in _NO_CHECKBOX and is_truth(value)):
            self._filler[name].add(row)
            self._filler_words[name][value] += 1
        else:
            for code, pattern, _ in _CELL_RULES:
                found = pattern.search(value)
                if found:
                    self._odd[code][name].add(row)
                    self._found.setdefault((code, name), found[0])

    def take_parts(self, row: int, columns: Mapping[str, str]) -> None:
        """Check the cells of which a variable is made: a filler is left out of it."""
        for _, part, rows, words in self._parts:
            value = columns.get(part, "")
            if is_no_part_of_a_name(value):
                rows.add(row)
                words[value] += 1

    def findings(self) -> Iterator[tuple[str, str, str]]:
        """The code, rows and sentence of each broken rule."""
        for name, rows in self._blank.items():
            if rows.count:
                yield "blank", str(rows), f"`{name}` is empty, and the template uses it."
        for name, rows in self._filler.items():
            if rows.count:
                word = self._filler_words[name].most_common(1)[0][0]
                yield "filler", str(rows), f"`{name}` is `{word}`, and would be sent like that."
        for whole, part, rows, words in self._parts:
            if rows.count:
                word = words.most_common(1)[0][0]
                yield "filler", str(rows), f"`{part}` is `{word}`, and is left out of `{whole}`."
        for code, _, message in _CELL_RULES:
            for name, rows in self._odd[code].items():
                if rows.count:
                    said = message.format(name=name, found=self._found[code, name])
                    yield code, str(rows), said


# Headers of a yes, a date or a reason, in exports of CRMs and mailing programs: `Email Opt Out`,
# `Unsubscribed from all email`, `unsubscribed_at`, `Email hard bounce reason`.
_OPT_OUT_HEADER = re.compile(
    r"(?:is|has|globally|e?mail|contact|customer)*"
    r"(?:unsubscribed?|optedout|optout|donot(?:e?mail|contact|disturb)|dnc|suppressed"
    r"|hardbounced?|bounced|undeliverable|invalidemail|abgemeldet|abbestellt|keinee?mails?"
    r"|d[ée]sinscrit|d[ée]sabonn[ée]|dadodebaja|disiscritto|uitgeschreven|afgemeld)"
    r"(?:from(?:all)?e?mails?|of(?:all)?e?mails?|at|on|date|time|reason)?"
)
# Headers of a word or of tags.
_STATUS_HEADER = re.compile(r"status|state|subscri|consent|tags?$|labels?$|segments?$|lists?$")
_OPT_OUT_WORDS = frozenset(
    {
        *("unsubscribed", "opted out", "opt out", "optout", "do not contact", "do not email"),
        *("do not mail", "no email", "no emails", "bounced", "hard bounced", "hard bounce"),
        *("undeliverable", "suppressed", "complained", "cleaned", "abgemeldet", "abbestellt"),
        *("désinscrit", "désabonné", "dado de baja", "disiscritto", "uitgeschreven"),
    }
)
_NO = frozenset({"0", "no", "false", "n", "f", "off", "never", "nein", "non", "nee"})
_BETWEEN_TAGS = re.compile(r"\s*[,;|]\s*")
_OPTED_OUT = (
    "`{name}` is `{found}`: these customers may want no mails, or get none. They are included; to "
    "leave them out, remove the rows."
)


class OptOutCheck:
    """The columns that say who wants no mails, or whose mails bounce, with the rows."""

    def __init__(self) -> None:
        self._columns: tuple[tuple[str, bool], ...] | None = None
        self._rows: dict[str, RowNumbers] = {}
        self._found: dict[str, str] = {}

    def take(self, row: int, columns: Mapping[str, str]) -> None:
        """Check a row; its columns are those of every row."""
        if self._columns is None:
            self._columns = tuple(self._telling(columns))
        for name, is_flag in self._columns:
            value = columns.get(name, "")
            if value and (_is_yes(value) if is_flag else _says_no_mails(value)):
                self._rows.setdefault(name, RowNumbers()).add(row)
                self._found.setdefault(name, value[:40])

    @staticmethod
    def _telling(columns: Mapping[str, str]) -> Iterator[tuple[str, bool]]:
        """Each column once, by its first name; and whether it is a yes or no."""
        seen: set[str] = set()
        for name in columns:
            own = variable_name(name).replace("_", "")
            if own in seen:
                continue
            seen.add(own)
            is_flag = _OPT_OUT_HEADER.fullmatch(own) is not None
            if is_flag or _STATUS_HEADER.search(own):
                yield name, is_flag

    def findings(self) -> Iterator[tuple[str, str, str]]:
        """The code, rows and sentence of each column."""
        for name, rows in self._rows.items():
            said = _OPTED_OUT.format(name=name, found=self._found[name])
            yield "opted_out", str(rows), said


def _is_yes(value: str) -> bool:
    return not is_filler(value) and value.casefold() not in _NO


def _says_no_mails(value: str) -> bool:
    words = value.casefold().replace("-", " ").replace("_", " ")
    return words in _OPT_OUT_WORDS or (
        _BETWEEN_TAGS.search(words) is not None
        and not _OPT_OUT_WORDS.isdisjoint(_BETWEEN_TAGS.split(words))
    )


_STATEMENTS = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_GREETED = re.compile(
    r"^[ \t]*(?:hello|hi|hey|dear|hallo|liebe[rs]?|bonjour|hola|ciao) ([^\n,!{}]{2,60})[,!]",
    re.IGNORECASE | re.MULTILINE,
)
_AN_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_LEAST_NAME = 6
_IN_TEXT = (
    "`{found}` stands in the text that every customer gets, and is the `{name}` of this customer. "
    "Is it left from another mail? Write {{{{ {name} }}}}, or remove it."
)


class NamesInText:
    """The customers of the list whom the text for everybody names, with their rows.

    `texts` are what all mails share: a template without its values, and values that are not of the
    list. A single word is only a name in a greeting; many accounts are called like a common word.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._text = _STATEMENTS.sub("\n", "\n".join(texts))
        self._greeted = {found.strip().casefold() for found in _GREETED.findall(self._text)}
        self._addresses = {each.lower() for each in _AN_ADDRESS.findall(self._text)}
        self._rows: dict[str, RowNumbers] = {}
        self._found: dict[str, str] = {}
        self._count = 0

    def take(self, recipient: Recipient) -> None:
        """Look for one customer."""
        self._count += 1
        if recipient.email.lower() in self._addresses:
            self._add("email", recipient.email, recipient.row)
        for name in ("name", "account"):
            value = recipient.columns.get(name, "")
            if value and (self._has(value) or value.casefold() in self._greeted):
                self._add(name, value, recipient.row)

    def _has(self, value: str) -> bool:
        return (
            len(value) >= _LEAST_NAME
            and " " in value
            and value in self._text
            and re.search(rf"(?<!\w){re.escape(value)}(?!\w)", self._text) is not None
        )

    def _add(self, name: str, value: str, row: int) -> None:
        self._rows.setdefault(name, RowNumbers()).add(row)
        self._found.setdefault(name, value)

    def findings(self) -> Iterator[tuple[str, str, str]]:
        """The code, rows and sentence of each column; none where it is the only customer's."""
        for name, rows in self._rows.items():
            if rows.count < self._count:
                said = _IN_TEXT.format(name=name, found=self._found[name])
                yield "customer_in_text", str(rows), said


# RFC 2606 and RFC 6761: domains that no customer can have.
_TEST_DOMAIN = re.compile(r"(?:^|\.)(?:test|example|invalid|localhost|example\.(?:com|net|org))$")
_NOBODY_READS = re.compile(
    r"(?:(?:.*[-_.+])?(?:no[-_.]?reply|do[-_.]?not[-_.]?reply)|mailer-daemon|postmaster|bounces?"
    r"|abuse|no[-_.]?(?:e[-_.]?)?mail|keine?[-_.]?(?:e[-_.]?)?mail)(?:[-_.+].*)?",
    re.IGNORECASE,
)
# What is typed where a program insists on an address: `none@none.com`, `test@test.de`.
_TO_FILL_A_FIELD = re.compile(
    r"(?P<word>test|none|na|no|mail|email|asdf|abc|xyz|user|example|unknown)@(?P=word)\.\w+",
    re.IGNORECASE,
)
# UTF-8 that was once read as Windows-1252, and saved so: two letters for one. After other letters
# than `Ã` and `Â` the second may be a mark of its own, as in `CAFÉ’S`, so it has to come twice, or
# within a word. `J?rgen` is what a program leaves of a letter that its encoding lacks.
_SECOND = "\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
_GARBLED = re.compile(
    f"[ÃÂ][{_SECOND}]|â€|\ufffd|(?:[\u00c2-\u00df][{_SECOND}]){{2}}|[\u00c2-\u00f4][\u0080-\u009f]"
    f"|[ÅÄ][{_SECOND}](?=[A-Za-z])|^[^/=]*[^\\W\\d_]\\?[^\\W\\d_][^/=]*$"
    # UTF-8 or a Mac's letters read as those of another old encoding: `J├╝rgen`, `J¸rgen`.
    "|√[ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü†°¢£§•¶ß®©™´¨≠ÆØ∞±≤≥¥µ∂∑∏π∫ªºΩæø]"
    "|[\u2500-\u259f][^\\W\\d_\u2500-\u259f]|[\u0080-\u0084\u0086-\u009f]"
    "|[A-Za-z][¸¨¯‚„ƒ†‡ˆ‰¢£¤¥¦©¬±³µ¶¹¼½¾¿ŸŠŽŒ][a-z]"
)
_UNKNOWN_ZONE = (
    "`timezone` is no zone such as Europe/Berlin: these customers get times in the incident's."
)
_UNNAMED_COLUMN = (
    "a column without a header is filled here and was left out. Give it a header to use it."
)
# Two customers with `N/A` would read each other's rows if it were a group.
_NO_GROUP = (
    "`{column}` is empty or a filler, so these rows are in no group and each gets a mail of its "
    "own. Fill in the cells to add them to a group."
)
_TELLING = 3  # rows that show an encoding


class ListCheck:
    """The problems of a list's recipients.

    `own_domains` are the sender's (subdomains count too); `used` are the columns that the template
    reads, `shadowed` those that it can't see (`MailRenderer.variables`, `.shadowed`). `encoding` is
    how the file was read, `is_guessed` and `rival` are as in `list_decoding.OpenedText`,
    `name_beside` is another column of names than `name`, `joined` are the variables made of several
    columns; `group_by` is the column by which rows are grouped, "" for none; `shared_texts` are
    those that all mails have, see `NamesInText`.
    """

    def __init__(
        self,
        *,
        own_domains: Collection[str] = (),
        used: Collection[str] = (),
        shadowed: Collection[str] = (),
        encoding: str = "",
        is_guessed: bool = False,
        rival: str = "",
        name_beside: str = "",
        joined: Mapping[str, Sequence[str]] | None = None,
        group_by: str = "",
        shared_texts: Iterable[str] = (),
    ) -> None:
        own = frozenset(domain.lower() for domain in own_domains)
        self._used = tuple(used)
        self._shadowed = tuple(shadowed)
        self._rules: tuple[tuple[str, Callable[[Recipient], bool], str], ...] = (
            ("test_domain", _is_test, "a test domain; nobody receives mail there."),
            ("own_domain", lambda each: _is_own(each, own), "an address of your own organisation."),
            ("nobody_reads", _is_unread, "a mailbox that nobody reads."),
            ("garbled", _is_garbled, "letters look garbled. Export the list as UTF-8."),
            ("unknown_zone", _has_unknown_zone, _UNKNOWN_ZONE),
            ("odd_name", self._has_odd_name, _odd_name(name_beside)),
            ("turned_name", self._has_turned_name, _TURNED_NAME),
            ("filler_within", self._has_filler_within, _FILLER_WITHIN),
            ("odd_domain", _has_odd_domain, _ODD_DOMAIN),
            ("unnamed_column", lambda each: each.has_remark, _UNNAMED_COLUMN),
            ("rows_within", _has_rows_within, _ROWS_WITHIN),
        )
        self._name_beside = name_beside
        if name_beside:
            said = _OTHER_NAME.format(column=name_beside)
            self._rules += (("other_name", self._has_other_name, said),)
        if group_by:
            self._rules += (
                (
                    "no_group",
                    lambda each: not group_in(each, group_by),
                    _NO_GROUP.format(column=group_by),
                ),
            )
        self._rows = {code: RowNumbers() for code, _, _ in self._rules}
        self._cells = CellCheck(self._used, joined)
        self._opt_outs = OptOutCheck()
        self._names_in_text = NamesInText(shared_texts)
        self._encoding, self._rival = encoding, rival
        self._is_guessed = is_guessed
        self._telling: list[tuple[int, str, str]] = []
        self._harmless: tuple[int, str] | None = None
        self._values_by_row = array("q")  # hashes: 8 bytes for each of a million rows

    def take(self, recipient: Recipient) -> None:
        """Check one recipient."""
        for code, applies, _ in self._rules:
            if applies(recipient):
                self._rows[code].add(recipient.row)
        for name in self._used:
            self._cells.take(recipient.row, name, recipient.columns.get(name, ""))
        self._cells.take_parts(recipient.row, recipient.columns)
        self._opt_outs.take(recipient.row, recipient.columns)
        self._names_in_text.take(recipient)
        self.see(recipient)
        if self._is_guessed and len(self._telling) < _TELLING:
            self._look_for_telling(recipient)

    def see(self, recipient: Recipient) -> None:
        """Remember a recipient's values, for rows that repeat the address."""
        missing = recipient.row + 1 - len(self._values_by_row)
        if missing > 0:
            self._values_by_row.frombytes(bytes(8 * missing))
        self._values_by_row[recipient.row] = hash(self._values(recipient))

    def repeated(self, rows: Iterable[Duplicate]) -> Iterator[Finding]:
        """Report repeated addresses whose other values no mail would have. Call it at the end."""
        others = []
        seen: set[tuple[int, int]] = set()
        for each in rows:
            values = (each.first_row, hash(self._values(each.recipient)))
            first = self._values_by_row[each.first_row : each.first_row + 1]
            if values not in seen and values[1] not in first:
                others.append((each.row, each.first_row))
            seen.add(values)
        if others:
            yield Finding(
                "warning",
                "repeated_row",
                _pairs(others),
                "repeated address with other values, which nobody gets: it gets one mail, with the "
                "values of its first row. To send all of them in one mail: --group-by email, and "
                "`rows` in the template.",
            )

    def _values(self, recipient: Recipient) -> str:
        """What a customer's mail is made of: two rows with the same have the same mail."""
        values = (recipient.columns.get(name, "") for name in self._used if name != "email")
        return "\x1f".join((recipient.key, *values))

    def _has_odd_name(self, recipient: Recipient) -> bool:
        return "name" in self._used and _is_no_name(recipient.columns.get("name", ""))

    def _has_turned_name(self, recipient: Recipient) -> bool:
        return "name" in self._used and _is_turned(recipient.columns.get("name", ""))

    def _has_filler_within(self, recipient: Recipient) -> bool:
        name = recipient.columns.get("name", "")
        return "name" in self._used and " " in name and _WITHIN_A_NAME.search(name) is not None

    def _has_other_name(self, recipient: Recipient) -> bool:
        name, other = (recipient.columns.get(each, "") for each in ("name", self._name_beside))
        return "name" in self._used and _is_without(name, other)

    def _look_for_telling(self, recipient: Recipient) -> None:
        for value in recipient.columns.values():
            if value.isascii():
                continue
            self._harmless = self._harmless or (recipient.row, value[:40])
            other = reads_differently(value[:40], self._encoding, self._rival)
            if other:
                self._telling.append((recipient.row, value[:40], other))
                return

    def findings(self) -> list[Finding]:
        """The findings, in the order of the rules."""
        return [Finding("warning", *each) for each in self._all()]

    def _all(self) -> Iterator[tuple[str, str, str]]:
        for code, _, message in self._rules:
            if self._rows[code].count:
                yield code, str(self._rows[code]), message
        yield from self._cells.findings()
        yield from self._opt_outs.findings()
        yield from self._names_in_text.findings()
        if said := self._guess():
            yield "guessed_encoding", *said
        for name in self._shadowed:
            yield (
                "shadowed",
                f"column {name}",
                f"`{name}` in the template is the team's own; the column is `recipient.{name}`.",
            )

    def _guess(self) -> tuple[str, str] | None:
        """The place and question for a list whose encoding nothing names."""
        read_as = f"the list isn't UTF-8 and was read as {NAMES.get(self._encoding)}"
        if self._telling:
            rows = RowNumbers()
            for row, _, _ in self._telling:
                rows.add(row)
            words = ", ".join(f"`{value}`" for _, value, _ in self._telling)
            others = ", ".join(f"`{other}`" for _, _, other in self._telling)
            is_right = "is" if len(self._telling) == 1 else "are"
            return str(rows), (
                f"{read_as}: {is_right} {words} right? In {NAMES[self._rival]} they read {others}: "
                f"--encoding {self._rival} takes that."
            )
        if self._harmless:
            row, value = self._harmless
            meant = [f"{name}: `{other}`" for name, other in _in_east_asia(value, self._encoding)]
            more = f" If another is meant, add --encoding: {', '.join(meant)}." if meant else ""
            return f"row {row}", f"{read_as}: is `{value}` right?{more}"
        return None


# They have no words of one byte for each letter, by which `list_decoding.guesses` tells the others.
_OF_EAST_ASIA = ("shift_jis", "gb18030", "big5", "euc_kr")


def _in_east_asia(value: str, encoding: str) -> Iterator[tuple[str, str]]:
    """The encodings of Chinese, Japanese and Korean in which `value` is made of letters."""
    for name in _OF_EAST_ASIA:
        try:
            other = value.encode(encoding).decode(name)
        except UnicodeError:
            continue
        if all(unicodedata.category(char) == "Lo" for char in other if not char.isascii()):
            yield name, other


def group_in(recipient: Recipient, column: str) -> str:
    """The group that a row names in this column; "" for none, or a cell that names nobody.

    Different customers have the same filler, the same error, and the same shortened number.
    """
    value = recipient.columns.get(column, "").strip()
    is_nobodys = (
        is_filler(value)
        or is_truth(value)
        or _ERROR_CELL.fullmatch(value) is not None
        or _SHORTENED.fullmatch(value) is not None
    )
    return "" if is_nobodys else value


def _pairs(rows: Sequence[tuple[int, int]]) -> str:
    """`row 3 (as row 2), 4 (as row 2)`."""
    shown = ", ".join(f"{row} (as row {first})" for row, first in rows[:SHOWN_ROWS])
    more = f" and {len(rows) - SHOWN_ROWS} more" if len(rows) > SHOWN_ROWS else ""
    return f"row {shown}{more}"


# A line of a cell with an address and a separator: a quotation mark that opens here and closes in
# a later row has made one cell of the rows between.
_ROW_WITHIN = re.compile(r"[\r\n](?=[^\r\n]*[,;\t|])[^\r\n]*[\w.+-]@[\w-]+\.\w")
_ROWS_WITHIN = (
    "a cell runs over several lines and holds what looks like another row, whose customer would "
    "get nothing. Look for a quotation mark that should not be there."
)


def _has_rows_within(recipient: Recipient) -> bool:
    return any(
        "@" in cell and not cell.isprintable() and _ROW_WITHIN.search(cell)
        for cell in recipient.cells
    )


def _odd_name(beside: str) -> str:
    right = f'"{beside}"' if beside else "COLUMN"
    return (
        "`name` is an address, a number or a code, and the mail would greet the customer with it. "
        "Choose the right column "
        f"with --column name={right}, or none with --column name="
    )


def _has_unknown_zone(recipient: Recipient) -> bool:
    zone = recipient.columns.get("timezone", "")
    return bool(zone) and zone_named(zone) is None


# A web page, an invoice's or an order's number, and the keys of other programs: `INV-1001`,
# `cus_NffrFeUfNV2Hib`, `0015e00000ABCdeAAD`.
_NO_NAME = re.compile(
    r"(?:\w+://|www\.)\S+|[A-Z]{1,6}[-_#/]?\d{3,}(?:[-/]\d+)*|[a-z]{2,6}_(?=\w*\d)\w{8,}"
    r"|(?=(?:\D*\d){5})[A-Za-z\d-]{12,}"
)


def _is_no_name(value: str) -> bool:
    return bool(value) and (
        "@" in value
        or not any(char.isalpha() for char in value)
        or _NO_NAME.fullmatch(value) is not None
    )


# `Lee, Ann`: a family name, a comma, a given name; not `Acme, Inc.` and not `Lee, Ann & Co`.
# With a title at either side, initials, and a department behind: `Lee, Dr. Ann B. (Sales)`.
_TURNED = re.compile(
    r"(?:[^\W\d_]{1,4}\. ?)?[^\W\d_][^\W\d]*(?:[ '’-][^\W\d_]+){0,2} ?, ?"
    r"(?P<given>(?:[^\W\d_]{1,4}\. )?[^\W\d_]+\.?(?:[ -]\w+\.?){0,2})(?: \([^()]*\))?"
)
_OF_COMPANIES = re.compile(
    r"(?:inc|llc|ltd|llp|lp|plc|corp|co|gmbh|ag|kg|se|sa|sas|sarl|srl|spa|bv|nv|ab|as|oy|pty|pte)\b",
    re.IGNORECASE,
)
# `Ann Lee, PhD` and `Lee, Bob and Cy`: no given name stands there.
_NO_GIVEN_NAME = re.compile(
    r"(?:ph\.? ?d|m\.?d|d\.?d\.?s|mba|esq|jr|sr|i{2,3}|iv|cpa|m\.?sc|b\.?sc|[mb]\.?[as]|ll\.?m"
    r"|j\.?d|rn|pe|dipl)\.?|.* (?:and|und|et|y|e|en|og|och) .*",
    re.IGNORECASE,
)
_TURNED_NAME = "`name` has the family name first, and the mail would greet the customer so."


# `Ann null`: a program has joined a first name and nothing.
_WITHIN_A_NAME = re.compile(r"(?<!\S)(?:null|NULL|undefined|nan|NaN|None|#?N/A|n/a|\\N)(?!\S)")
_FILLER_WITHIN = "`name` has a filler such as `null` beside a name, and would be sent like that."
_OTHER_NAME = (
    "`name` doesn't hold the `{column}` beside it: it may be a family name alone, or a company's. "
    'To greet customers by the other column: --column name="{column}"'
)


def _is_without(name: str, other: str) -> bool:
    """Whether a name lacks the first name in another column; not for an odd one."""
    words = other.casefold().split()
    if not words or not name or _is_no_name(name) or is_filler(name) or is_filler(other):
        return False
    return words[0] not in name.casefold()


def _is_turned(value: str) -> bool:
    if "," not in value:
        return False
    found = _TURNED.fullmatch(value)
    return (
        found is not None
        and _OF_COMPANIES.match(found["given"]) is None
        and _NO_GIVEN_NAME.fullmatch(found["given"]) is None
    )


# Slips of the keyboard in the domains of which most private addresses are; no mail arrives there.
_SLIPS = re.compile(
    r"(?:.*\.(?:con|cmo|ocm|comm|nett)|(?:g(?:mial|amil|nail|mal|maill|mai)|hot(?:mial|mal|mai)"
    r"|ya(?:ho|hooo|hho)|out(?:lok|loook|llook)|ic(?:luod|oud|lould))\.[\w.]+"
    r"|(?:gmail|googlemail|hotmail|yahoo|outlook|icloud|aol)\.(?:c?om\.com|cm|om|vom|xom|cim|coom))"
)
_ODD_DOMAIN = "the part after the @-sign looks mistyped. Look it up, or leave these rows out."


def _has_odd_domain(recipient: Recipient) -> bool:
    domain = _domain(recipient)
    return bool(_SLIPS.fullmatch(domain)) or ("xn--" in domain and _mixes_scripts(domain))


def _mixes_scripts(domain: str) -> bool:
    """Whether a label has Latin letters beside Cyrillic or Greek ones, which look alike."""
    try:
        labels = domain.encode("ascii").decode("idna").split(".")
    except UnicodeError:
        return False
    scripts = ({unicodedata.name(char, "").partition(" ")[0] for char in label} for label in labels)
    return any("LATIN" in each and each & {"CYRILLIC", "GREEK"} for each in scripts)


def _domain(recipient: Recipient) -> str:
    return recipient.key.rpartition("@")[2]


def _is_test(recipient: Recipient) -> bool:
    return _TEST_DOMAIN.search(_domain(recipient)) is not None


def _is_own(recipient: Recipient, own_domains: frozenset[str]) -> bool:
    domain = f".{_domain(recipient)}"
    return any(domain.endswith(f".{own}") for own in own_domains)


def is_unread(address: str) -> bool:
    """Whether an address is by its name one that nobody reads, such as `no-reply@…`."""
    return (
        _NOBODY_READS.fullmatch(address.partition("@")[0]) is not None
        or _TO_FILL_A_FIELD.fullmatch(address) is not None
    )


def _is_unread(recipient: Recipient) -> bool:
    return is_unread(recipient.email)


def _is_garbled(recipient: Recipient) -> bool:
    return any(_GARBLED.search(value) for value in recipient.columns.values())
