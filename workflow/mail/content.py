"""Read mails: their content, the differences between two, and bounce reports.

An edit of a draft in Gmail changes its bytes everywhere: new boundaries, other encodings. Two mails
count as equal if their addresses, their subject and all of their parts are.

Bounce reports are read as RFC 3464 and Gmail write them. Anybody can send anything, so a report is
only a claim: it says which address failed and which message it quotes. The caller checks whether
that is a mail of ours.
"""

from __future__ import annotations

import contextlib
import difflib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from email import message_from_bytes, message_from_string, policy
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses
from hashlib import sha256
from html import unescape
from itertools import islice

from workflow.mail.list_columns import AddressBad, read_address

_TAGS = re.compile(r"<(style|script|head)\b.*?</\1\s*>|<[^>]+>", re.DOTALL | re.IGNORECASE)
_OF_PARTS = frozenset({"Text", "HTML", "Attachments"})
_LINE_ENDS = re.compile(r"<(?:br|/p|/div|/h[1-6]|/li|/tr)\b[^>]*>", re.IGNORECASE)


@dataclass(frozen=True)
class MailPart:
    """One leaf part of a mail: a text, a picture or a file.

    `digest` is of its decoded bytes; for a text, with uniform line ends.
    """

    media_type: str
    name: str
    size: int
    digest: str
    is_body: bool


@dataclass(frozen=True)
class MailContent:
    """A mail as its reader sees it. Addresses are bare and in their original spelling.

    `text` is the plain text, or the words of the HTML if there is none; `html_words` are those of
    the HTML alone, which most readers see. Texts are decoded.
    """

    sender: str
    to: tuple[str, ...]
    cc: tuple[str, ...]
    bcc: tuple[str, ...]
    reply_to: tuple[str, ...]
    subject: str
    text: str
    html_words: str
    parts: tuple[MailPart, ...]

    @property
    def recipients(self) -> tuple[str, ...]:
        """Everybody who gets the mail, each once."""
        return tuple(dict.fromkeys((*self.to, *self.cc, *self.bcc)))

    @property
    def files(self) -> tuple[MailPart, ...]:
        """The attachments and pictures."""
        return tuple(part for part in self.parts if not part.is_body)


@dataclass(frozen=True)
class Difference:
    """One difference between two mails. `what` is its common name: `To`, `Text`."""

    what: str
    ours: str
    theirs: str


def goes_to(content: MailContent, address: str) -> bool:
    """Whether a mail goes to an address, in any spelling."""
    return address_key(address) in {address_key(each) for each in content.recipients}


def address_key(address: str) -> str:
    """A key that is equal for two spellings of one address."""
    try:
        return read_address(address).key
    except AddressBad:
        return address.casefold()


def read_content(raw: bytes) -> MailContent:
    """The content of a message. Never raises: malformed parts are read as far as possible."""
    message = message_from_bytes(raw, policy=policy.compat32)
    parts = [(each, _part(each)) for each in _leaves(message)]
    plain = [_text(leaf) for leaf, part in parts if part.is_body and not _is_html(leaf)]
    rich = [words_of_html(_text(leaf)) for leaf, part in parts if part.is_body and _is_html(leaf)]
    return MailContent(
        sender=next(iter(_addresses(message, "From")), ""),
        to=_addresses(message, "To"),
        cc=_addresses(message, "Cc"),
        bcc=_addresses(message, "Bcc"),
        reply_to=_addresses(message, "Reply-To"),
        subject=_decoded(message.get("Subject", "")),
        text="\n".join(plain or rich),
        html_words="\n".join(rich),
        parts=tuple(part for _, part in parts),
    )


def differences(
    ours: MailContent, theirs: MailContent, *, may_be_from: frozenset[str] = frozenset()
) -> list[Difference]:
    """The differences between another mail and ours, in reading order.

    `may_be_from` are addresses that Gmail itself may have put in place of our From.
    """
    found = [
        Difference(what, ", ".join(mine), ", ".join(other))
        for what, mine, other in (
            ("From", _sender(ours), _sender(theirs)),
            ("To", ours.to, theirs.to),
            ("Cc", ours.cc, theirs.cc),
            ("Bcc", ours.bcc, theirs.bcc),
            ("Reply-To", ours.reply_to, theirs.reply_to),
        )
        if _keys(mine) != _keys(other) and not (what == "From" and _keys(other) <= may_be_from)
    ]
    if ours.subject != theirs.subject:
        found.append(Difference("Subject", ours.subject, theirs.subject))
    if ours.text != theirs.text:
        found.append(Difference("Text", ours.text, theirs.text))
    if _changed_words(ours.text, theirs.text) != _changed_words(
        ours.html_words, theirs.html_words
    ):  # only one of the two bodies was changed, or both differently
        found.append(Difference("HTML", ours.html_words, theirs.html_words))
    if _digests(ours.files) != _digests(theirs.files):
        found.append(Difference("Attachments", _named(ours.files), _named(theirs.files)))
    if ours.parts != theirs.parts and not {each.what for each in found} & _OF_PARTS:
        found.append(
            Difference("Formatting", "as it was made", "changed, but the text is the same")
        )
    return found


def _changed_words(ours: str, theirs: str) -> tuple[Counter[str], Counter[str]]:
    mine, other = Counter(ours.split()), Counter(theirs.split())
    return mine - other, other - mine


def changed_lines(difference: Difference) -> list[str]:
    """A difference as lines: `- ` for our text, `+ ` for the current text."""
    ours, theirs = difference.ours.splitlines(), difference.theirs.splitlines()
    lines = difflib.unified_diff(ours, theirs, lineterm="", n=1)
    return [_spaced(line) for line in lines if not line.startswith(("---", "+++", "@@"))]


def new_lines(difference: Difference) -> list[str]:
    """The lines that are only in the other mail."""
    ours, theirs = difference.ours.splitlines(), difference.theirs.splitlines()
    matcher = difflib.SequenceMatcher(None, ours, theirs, autojunk=False)
    found: list[str] = []
    for tag, _, _, start, end in matcher.get_opcodes():
        if tag in {"insert", "replace"}:
            found += theirs[start:end]
    return [line for line in found if line.strip()]


def _spaced(line: str) -> str:
    return f"{line[:1]} {line[1:]}".rstrip()


def _sender(content: MailContent) -> tuple[str, ...]:
    return (content.sender,) if content.sender else ()


def _keys(addresses: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(address_key, addresses))


def _digests(parts: tuple[MailPart, ...]) -> list[tuple[str, str]]:
    return sorted((part.name, part.digest) for part in parts)


def _named(parts: tuple[MailPart, ...]) -> str:
    named = [f"{part.name or part.media_type} ({part.size:,} bytes)" for part in parts]
    return "\n".join(named) or "none"


def _leaves(message: Message) -> Iterator[Message]:
    for part in message.walk():
        if not part.is_multipart():
            yield part


def _part(leaf: Message) -> MailPart:
    content = _bytes(leaf)
    name = _decoded(leaf.get_filename() or "")
    is_file = bool(name) or leaf.get_content_disposition() == "attachment"
    is_body = leaf.get_content_type() in {"text/plain", "text/html"} and not is_file
    if is_body:
        content = _text(leaf).encode("utf-8", "replace")
    digest = sha256(content).hexdigest()
    return MailPart(leaf.get_content_type(), name, len(content), digest, is_body)


def _bytes(leaf: Message) -> bytes:
    with suppress(ValueError, LookupError):
        payload = leaf.get_payload(decode=True)
        if isinstance(payload, bytes):
            return payload
    return b""


def _text(leaf: Message) -> str:
    content = _bytes(leaf)
    try:
        text = content.decode(leaf.get_content_charset() or "utf-8", "replace")
    except LookupError:
        text = content.decode("utf-8", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")


def _is_html(leaf: Message) -> bool:
    return leaf.get_content_type() == "text/html"


def words_of_html(html: str) -> str:
    """The words that a reader of the HTML sees, line by line."""
    text = unescape(_TAGS.sub("", _LINE_ENDS.sub("\n", html)))
    return "\n".join(" ".join(line.split()) for line in text.splitlines()).strip("\n")


def _addresses(message: Message, name: str) -> tuple[str, ...]:
    values = [str(value) for value in message.get_all(name, [])]
    found = [address for _, address in getaddresses(values) if address]
    return tuple(dict.fromkeys(found))


def _decoded(value: object) -> str:
    text = str(value)
    with suppress(LookupError, ValueError):
        text = str(make_header(decode_header(text)))
    return " ".join(text.split())


# Exchange writes its reports from an address of its own, the same everywhere.
_DAEMON = re.compile(
    r"(?:mailer-daemon|postmaster|MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e)@",
    re.IGNORECASE,
)
DAEMONS = ("mailer-daemon", "postmaster", "MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e")
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?!\.?\d)")  # and no address of a network
_QUOTED_ID = re.compile(r"<[\w.+=/@$~!#%&'*^?-]{3,250}>")
_REPLY_CODE = re.compile(r"^(?:[245]\d\d[ -])?(?:[245]\.\d{1,3}\.\d{1,3}\s+)?")
# A report has one recipient, at least for our mails; one with more than this is no real report.
_MOST_RECIPIENTS = 100
_MOST_QUOTED = 20
_MOST_PARTS = 100
_LONGEST_REASON = 200
# Cut input that anybody can send before searching it: some searches take quadratic time.
_NEXT_LINE = rb"(?:\r\n|\r|\n)[ \t][^\r\n]*"
_WITH_PARAMETERS = re.compile(
    rb"^content-[a-z-]+:[^\r\n]*(?:" + _NEXT_LINE + rb")*", re.MULTILINE | re.IGNORECASE
)
_FOLDED = re.compile(rb"^[!-9;-~]+:[^\r\n]*(?:" + _NEXT_LINE + rb")+", re.MULTILINE)
_LONGEST_PARAMETERS_BYTES = 4_096
_LONGEST_FOLDED_BYTES = 65_536
_LONGEST_FIELD = 4_000

_BY_MACHINES = frozenset(
    {"auto_reply", "auto-reply", "bulk", "junk", "list"}
)  # RFC 3834; `auto_reply` is usual


# Subjects of programs that set no header, in some of their languages.
_OUT_OF_OFFICE = re.compile(
    r"(?:(?:re|aw|sv|vs|antw|tr|odp|\[[^\[\]]{1,30}\])[:\s]\s*)*"
    r"(?:\[?auto(?:matic)?[ -]?(?:reply|response)|auto: .{1,80}\bout of (?:the )?office"
    r"|(?:i(?:['’]m| am) )?out[ -]of[ -](?:the[ -])?office|ooo\b"
    r"|away from (?:my|the) (?:desk|office)"
    r"|(?:on )?vacation(?: (?:reply|message|notice)|\s*[:(-]| re:| until)"
    r"|(?:on )?(?:(?:annual|maternity|paternity|parental|sick) )?leave(?:\s*:| re:| until)"
    r"|on (?:annual|maternity|paternity|parental|sick) leave"
    r"|autom\w* antwort|abwesenheits\w*|abwesend|außer haus|ausser haus|nicht im büro"
    r"|(?:im )?urlaub\s*(?:[:(-]| bis)"
    r"|réponse automatique|absence du bureau|absent du bureau|absen(?:ce|te?)\s*:"
    r"|respuesta automática|ausente\s*:"
    r"|fuera de la oficina|resposta automática|fora do escritório|risposta automatica"
    r"|fuori (?:sede|ufficio)|automatisch antwoord|afwezig\w*|autosvar|automatis[kt]+ svar"
    r"|automaattinen vastaus|poissa|odpowiedź automatyczna|automatická odpov\w+"
    r"|automatikus válasz|răspuns automat|otomatik yanıt|автоответ|автоматический ответ"
    r"|رد تلقائي|תשובה אוטומטית|自動応答|自動返信|自动答复|自动回复|自動回覆|자동 회신|부재중)",
    re.IGNORECASE,
)


# Subjects of reports that failed, in the words of servers in some of their languages. An answer to
# a mail with such a subject begins with `Re:`.
_OF_FAILURE = re.compile(
    r"^(?!(?:re|aw|sv|vs|antw|tr|odp|r)\s?:).*?(?:\bundeliver|\breturned (?:e?mail|to sender)"
    r"|\b(?:e?mail|message|delivery|mail system)\b.{0,25}\bfail|\bfailure notice|\bnondeliver"
    r"|\bnon[- ]delivery|\bnot (?:be )?delivered|\bcould ?n[o']t (?:be )?deliver|\bmail error"
    r"|\b(?:e?mail|message) (?:you sent )?(?:was )?(?:blocked|rejected)"
    r"|unzustellbar|nicht zugestellt|zustellung .{0,20}fehlgeschlagen|zurückgewiesen"
    r"|non remis|non distribu|échec de (?:la )?(?:remise|distribution)"
    r"|no se puede entregar|no entregado|non recapit|mancata consegna|onbestelbaar"
    r"|niet te bezorgen|não é possível entregar|não entregue|nie można dostarczyć|nedoručiteln"
    r"|не удается доставить|недоставл|не доставлено|配信不能|配信できません|无法送达|退信|傳遞失敗"
    r"|전송 실패|배달되지)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Failure:
    """One address that a report says has permanently failed.

    `keys` are the addresses it names, as keys of `read_address`: the one that failed, and the one
    that was written to if that differs. `status` is a code of RFC 3463, "" if none is given.
    """

    keys: tuple[str, ...]
    status: str
    reason: str


@dataclass(frozen=True)
class BounceReport:
    """A report: what failed (nothing in a report of a delay), and the Message-IDs it quotes.

    `is_unclear`: something failed, but the report doesn't say which address in a known way.
    """

    failures: tuple[Failure, ...]
    quoted: tuple[str, ...]
    is_unclear: bool = False


def is_report(headers: Mapping[str, str]) -> bool:
    """Whether a message is a report by its headers (names in lower case)."""
    kind = headers.get("content-type", "").lower()
    daemon = _DAEMON.search(headers.get("from", "")) is not None
    is_of_delivery = "disposition-notification" not in kind and not is_complaint(headers)
    return ("multipart/report" in kind and is_of_delivery) or (
        daemon and "x-failed-recipients" in headers
    )


def is_complaint(headers: Mapping[str, str]) -> bool:
    """Whether a message reports that somebody took a mail for spam (RFC 5965)."""
    return "feedback-report" in headers.get("content-type", "").lower()


def is_from_daemon(headers: Mapping[str, str]) -> bool:
    """Whether a mail server wrote a message: by its sender, or by how it was sent and its subject.

    A postmaster may be a person.
    """
    found = _DAEMON.search(headers.get("from", ""))
    if found is not None and not found[0].lower().startswith("postmaster"):
        return True
    subject = headers.get("subject", "").strip()
    return (
        _is_sent_by_machine(headers)
        and _OF_FAILURE.search(subject) is not None
        and _OUT_OF_OFFICE.match(subject) is None
    )


def _is_sent_by_machine(headers: Mapping[str, str]) -> bool:
    """RFC 3834, section 5; and section 3.3, an answer to an empty sender would reach nobody."""
    submitted = headers.get("auto-submitted", "no").partition(";")[0].strip().lower()
    return submitted not in {"no", ""} or headers.get("return-path", "").strip() == "<>"


def is_automatic(headers: Mapping[str, str]) -> bool:
    """Whether a machine wrote a message, by its headers (names in lower case).

    RFC 3834, section 5, and older conventions.
    """
    return (
        _is_sent_by_machine(headers)
        or headers.get("precedence", "").strip().lower() in _BY_MACHINES
        or "x-autoreply" in headers
        or "x-autorespond" in headers
        or is_from_daemon(headers)
        or "multipart/report" in headers.get("content-type", "").lower()
        or _OUT_OF_OFFICE.match(headers.get("subject", "").strip()) is not None
    )


def read_report(raw: bytes) -> BounceReport:
    """A report's claims. Never raises: an unreadable report claims nothing."""
    try:
        message = message_from_bytes(_with_short_headers(raw), policy=policy.compat32)
        parts = list(islice(message.walk(), _MOST_PARTS))
    except (RecursionError, TypeError):  # endlessly nested parts; a boundary in odd pieces
        return BounceReport((), ())
    failures = [failure for part in parts for failure in _failures(part)]
    is_unclear = not failures and any(_has_failed(part) for part in parts)
    if is_unclear or not any(part.get_content_type() in _OF_STATUS for part in parts):
        failures = _by_header(message)
        if not failures or not failures[0].status:
            in_words, says_it_failed = _in_words(message, parts)
            failures = in_words or failures
            is_unclear = not failures and (is_unclear or says_it_failed)
    quoted = [found for part in parts for found in _quoted(part)]
    return BounceReport(
        tuple(failures[:_MOST_RECIPIENTS]), tuple(dict.fromkeys(quoted))[:_MOST_QUOTED], is_unclear
    )


def _with_short_headers(raw: bytes) -> bytes:
    """A message with overlong headers cut.

    The standard library's time for a header's parameters and folded lines grows with the square of
    their length.
    """
    raw = _WITH_PARAMETERS.sub(lambda found: found[0][:_LONGEST_PARAMETERS_BYTES], raw)
    return _FOLDED.sub(lambda found: found[0][:_LONGEST_FOLDED_BYTES], raw)


_OF_STATUS = frozenset({"message/delivery-status", "message/global-delivery-status"})  # RFC 6533


def _field_groups(part: Message) -> Iterator[Message]:
    """The groups of fields in a part with delivery statuses, whatever its encoding."""
    groups = [each for each in part.get_payload() if isinstance(each, Message)]
    encoding = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
    if part.get_content_type() == "message/delivery-status" and encoding in {"", "7bit", "8bit"}:
        yield from groups
        return
    # The standard library reads the fields of these as one message, without decoding them.
    try:
        text = "\n\n".join(map(str, groups))
    except (RecursionError, LookupError, TypeError, ValueError):  # as of any odd message
        return
    if encoding in {"base64", "quoted-printable"}:
        packed = Message()
        packed["Content-Transfer-Encoding"] = encoding
        packed.set_payload(text)
        text = _content(packed).decode("utf-8", "replace")
    for group in re.split(r"\r?\n(?:[ \t]*\r?\n)+", text.strip()):
        yield message_from_string(group, policy=policy.compat32)


def _failures(part: Message) -> Iterator[Failure]:
    """The failed recipients in a part with delivery statuses, a group of fields each."""
    if part.get_content_type() not in _OF_STATUS or not part.is_multipart():
        return
    for fields in _field_groups(part):
        if not _failed(fields):
            continue
        named = (_address(fields, name) for name in ("Final-Recipient", "Original-Recipient"))
        keys = tuple(dict.fromkeys(key for key in named if key))
        if keys:
            yield Failure(keys, _status(fields), _reason(fields))


def _has_failed(part: Message) -> bool:
    """Whether a part with delivery statuses says that anything failed."""
    if part.get_content_type() not in _OF_STATUS or not part.is_multipart():
        return False
    return any(map(_failed, _field_groups(part)))


def _failed(fields: Message) -> bool:
    """Whether it failed permanently: a report can also be of a delay or a success (RFC 3464,
    2.3.3).
    """
    action = _text_of_part(fields, "Action").partition("(")[0].strip().lower()  # a comment behind
    return action == "failed" or (
        not action and _text_of_part(fields, "Status").strip().startswith("5")
    )


def _by_header(message: Message) -> list[Failure]:
    """Gmail's oldest reports: the address in a header, the rest in words."""
    if not _DAEMON.search(_text_of_part(message, "From")):
        return []
    named = _text_of_part(message, "X-Failed-Recipients").split(",")[:_MOST_RECIPIENTS]
    keys = [key for key in map(_key, named) if key]
    return [Failure((key,), "", "the mail bounced") for key in keys]


# The reports of Exim, qmail, Yahoo, Domino and others: words with the address and the reason, and a
# copy of the mail behind a ruled line.
_COPY = re.compile(
    r"^\s*-{2,}[^\n]*(?:copy|message|transcript|header|nachricht|original)[^\n]*$",
    re.IGNORECASE | re.MULTILINE,
)
_ADDRESS_IN_WORDS = re.compile(r"[^\s<>()\[\]\"',;:|@]{1,64}@[\w-][\w.-]{0,253}\w")
_NOT_FOR_GOOD = re.compile(
    r"\b(?:delay|transient|retr(?:y|ied)|warning|temporar|not yet been|still being|keep trying"
    r"|verzöger|vorübergehend|weiter(?:hin)? versucht|erneut versucht|retard|temporaire"
    r"|nouvelle tentative|temporal|reintent|ritard|temporane|vertra|временн|задерж"
    r"|отложен)|遅延|一時的|再送|延迟|暂时",
    re.IGNORECASE,
)
_GIVEN_UP = re.compile(
    r"permanent (?:fatal )?error|giv(?:en|ing) up|not going to try again|retry time\w*"
    r"(?: not reached for any host)?(?: after a long failure period| exceeded)",
    re.IGNORECASE,
)
_ID_IN_A_COPY = re.compile(r"^\s*message-id:([^\n]{1,400})", re.IGNORECASE | re.MULTILINE)
_LONGEST_WORDS = 20_000
_OF_WORDS = ("From", "Auto-Submitted", "Return-Path", "Subject")


def _in_words(message: Message, parts: Sequence[Message]) -> tuple[list[Failure], bool]:
    """The addresses that a server's report names in words, each with what is said behind it.

    And whether it says at all that something failed: nothing in a report of a delay does.
    """
    headers = {name.lower(): _text_of_part(message, name) for name in _OF_WORDS}
    if not is_from_daemon(headers):
        return [], False
    text = _words_of_parts(parts)[:_LONGEST_WORDS]
    copy = _COPY.search(text)
    above = text[: copy.start()] if copy else text
    if not above.strip() or (_NOT_FOR_GOOD.search(above) and not _GIVEN_UP.search(above)):
        return [], False
    named = [(_key(each[0]), each) for each in _ADDRESS_IN_WORDS.finditer(above)]
    named = [(key, each) for key, each in named if key][:_MOST_RECIPIENTS]
    if len({key for key, _ in named}) == 1:
        key, found = named[0]
        return [Failure((key,), _status_in_words(above), _said_of(above[found.end() :]))], True
    return list(_each_with_its_words(above, named)), True


def _each_with_its_words(
    above: str, named: Sequence[tuple[str, re.Match[str]]]
) -> Iterator[Failure]:
    """Each address once, with the words up to the next one of others."""
    seen: set[str] = set()
    for at, (key, found) in enumerate(named):
        if key not in seen:
            others = (each.start() for other, each in named[at:] if other != key)
            words = above[found.end() : next(others, None)]
            yield Failure((key,), _status_in_words(words), _said_of(words))
        seen.add(key)


def _said_of(words: str) -> str:
    """The paragraph behind an address that isn't the lead to the next one."""
    paragraphs = re.split(r"\n[ \t]*\n", words.lstrip(">)\"':;, \t\n"))
    said = (each for each in paragraphs if not each.rstrip().endswith(":"))
    return _shortened(" ".join(next(said, "").split()))


def _status_in_words(words: str) -> str:
    """The status in a text; none if it would be for good and the text speaks of something else."""
    status = _status_in(words)
    return "" if is_for_good(status) and not is_for_good(status, words) else status


def _words_of_parts(parts: Sequence[Message]) -> str:
    """The first text of a report above the mail that it returns."""
    html = ""
    for part in parts:
        kind = part.get_content_type()
        if kind in {"message/rfc822", "text/rfc822-headers"}:
            break
        if kind == "text/plain":
            return _text(part)
        if kind == "text/html" and not html:
            html = words_of_html(_text(part)[: 10 * _LONGEST_WORDS])
    return html


def _address(fields: Message, name: str) -> str:
    """The address of a recipient field, `rfc822; ann@example.com`, as its key; "" for none."""
    kind, separator, address = _text_of_part(fields, name).partition(";")
    return _key(re.sub(r"\(.*\)", "", address if separator else kind))


def _key(text: str) -> str:
    try:
        return read_address(text).key
    except AddressBad:
        return ""


def _status(fields: Message) -> str:
    """The status, or the other side's own code where the field is missing or says only `5.0.0`."""
    status = _status_in(_text_of_part(fields, "Status"))
    if status and not status.endswith(".0.0"):
        return status
    said = _status_in(_text_of_part(fields, "Diagnostic-Code"))
    return said if said[:1] == (status or said)[:1] else status


def _status_in(text: str) -> str:
    found = _STATUS.search(text)
    return found[1] if found else ""


def _reason(fields: Message) -> str:
    """The other side's message on one line, without the codes."""
    kind, separator, said = _text_of_part(fields, "Diagnostic-Code").partition(";")
    return _shortened(" ".join((said if separator else kind).split()))


def _shortened(words: str) -> str:
    """A message on one line, printable, without its codes."""
    words = "".join(char if char.isprintable() else " " for char in words)
    # A multi-line reply repeats its code before each line (RFC 5321, 4.2.1).
    words = re.sub(r"\b[245]\d\d[ -][245]\.\d{1,3}\.\d{1,3}\s", "", words)
    words = _REPLY_CODE.sub("", words).strip() or "the mail bounced"
    return words if len(words) <= _LONGEST_REASON else words[: _LONGEST_REASON - 1] + "…"


def _quoted(part: Message) -> Iterator[str]:
    """The Message-IDs that a part quotes."""
    if part.get_content_type() == "text/rfc822-headers":
        part = message_from_bytes(_content(part), policy=policy.compat32)
    for name in ("In-Reply-To", "References", "X-Original-Message-ID", "Message-ID"):
        yield from _QUOTED_ID.findall(_text_of_part(part, name))
    if part.get_content_type() == "text/plain" and _DAEMON.search(_text_of_part(part, "From")):
        for line in _ID_IN_A_COPY.findall(_text(part)[:_LONGEST_WORDS]):
            yield from _QUOTED_ID.findall(line)


def _content(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _text_of_part(part: Message, name: str) -> str:
    """A header, unfolded and decoded, printable characters only; "" for none."""
    value = str(part.get(name, ""))[:_LONGEST_FIELD]
    with contextlib.suppress(ValueError, LookupError, HeaderParseError):  # an invalid encoded word
        value = str(make_header(decode_header(value)))
    printable = "".join(char if char.isprintable() else " " for char in value)
    return printable.encode("utf-8", "replace").decode("utf-8")


# RFC 3463: permanent, and about the mailbox or its domain. A full mailbox (x.2.2), a mail that is
# too large (x.3.4) or refused by a policy (x.7.x) doesn't affect the next mail.
_FOR_GOOD = re.compile(r"5\.(?:1\.(?:1|2|3|6|10)|2\.1|0\.0|4\.4)")


# RFC 3463, sections 3.2 to 3.8, in a few words each.
_IN_WORDS = (
    ("5.1.1", "the address does not exist"),
    ("5.1.6", "the mailbox has moved"),
    # Null MX in RFC 7505; Exchange says so of an address that it doesn't know.
    ("5.1.10", "the address does not exist, or its domain takes no mail"),
    ("5.1.", "the address is wrong or its domain does not exist"),
    ("5.2.1", "the mailbox is switched off"),
    ("5.2.2", "the mailbox is full"),
    ("5.2.3", "the mail is too large for the mailbox"),
    ("5.2.", "the mailbox takes no mail"),
    ("5.3.4", "the mail is too large for the server"),
    ("5.3.", "the customer's mail server has a problem"),
    ("5.4.", "the customer's mail server can't be found or reached"),
    ("5.5.", "the mail servers do not understand each other"),
    ("5.6.", "the mail's content can't be taken"),
    ("5.7.", "the customer's server refused the mail by its rules"),
    ("4.", "it could not be delivered for days"),
)


def bounce_words(status: str) -> str:
    """Why a mail bounced, in words, by its RFC 3463 status; "it bounced" without one."""
    found = (words for code, words in _IN_WORDS if status == code or _is_below(status, code))
    return next(found, "it bounced")


def _is_below(status: str, code: str) -> bool:
    return code.endswith(".") and status.startswith(code)


# What a server says of the sender, the text or the moment, whatever its code. Gmail's 5.2.1 is also
# a mailbox that gets too many mails, and many write 5.1.1 or 5.0.0 when they take a mail for spam.
_NOT_OF_THE_ADDRESS = re.compile(
    r"\b(?:spam|spf|dkim|dmarc|rbl|policy|polic(?:ies)|reputation|black ?list|block ?list|blocked"
    r"|spamhaus|virus|rate|quota|full|too (?:many|quickly|fast|large)|temporar\w+|try again"
    r"|greylist\w*|content|rejected due to)\b",
    re.IGNORECASE,
)
_NO_SUCH_ADDRESS = re.compile(
    r"\b(?:unknown|no such|invalid|non-?existent) (?:user|mailbox|address|recipient|account|local)"
    r"|\b(?:user|mailbox|address|recipient|account)\b.{0,60}?(?:unknown|not found|not exist"
    r"|n't exist|not listed|n't found|disabled|no longer)|\bno (?:mailbox|such)\b",
    re.IGNORECASE,
)


def is_for_good(status: str, reason: str = "") -> bool:
    """Whether a status and its words mean that no mail will ever reach this address.

    5.0.0 says nothing of its own: only words that name the address count there.
    """
    if _FOR_GOOD.fullmatch(status.strip()) is None or _NOT_OF_THE_ADDRESS.search(reason):
        return False
    return status.strip() != "5.0.0" or _NO_SUCH_ADDRESS.search(reason) is not None
