"""The bounces of and replies to an incident's mails.

Mail programs mark quotes in many ways: a line that says who wrote when, a block of headers, a ruled
line, `>` before each line. mail-parser-reply knows most of them in many languages; this module cuts
off the rest.

A message counts only if it is in the thread of a mail of ours, or quotes its Message-ID; and a
report marks a customer only if it names the address of exactly this mail. Each message is recorded
as soon as it is read, so a repeated command continues where it stopped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parseaddr
from html import unescape
from itertools import islice

from sqlalchemy.engine import Connection

from workflow.doc.push import Brought, bring_to_doc
from workflow.google.faults import Refused
from workflow.google.gmail import Listed, MessageFacts
from workflow.ledger import bounces, customers, forgetting, notices
from workflow.ledger.bounces import Bounce, MailOut, MailPeriod, Replies, Reply, ReplyContent
from workflow.ledger.customers import AddedBy, Suppression
from workflow.ledger.forgetting import FORGOTTEN
from workflow.ledger.notices import Notice
from workflow.mail.content import (
    DAEMONS,
    BounceReport,
    Failure,
    bounce_words,
    is_automatic,
    is_complaint,
    is_for_good,
    is_from_daemon,
    is_report,
    read_report,
)
from workflow.mail.list_columns import AddressBad, key_of, read_address
from workflow.model import Incident
from workflow.notice.draft_review import record_copy
from workflow.notice.left_out import stop_at_bounces, waiting_words
from workflow.sending.mailbox import MailReader
from workflow.workspace import Workspace

# --- The words of a reply -------------------------------------------------------------------------

_LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pl", "da", "sv", "cs", "ja")
_LONGEST_BODY = 60_000
_MOST_PARTS = 50
_LINES, _LONGEST_EXCERPT = 6, 600

_FROM = r"(?:From|Von|De|Da|Van|Od|Fra|Från|Lähettäjä|От|差出人|发件人)"
_NEXT = (
    r"(?:Sent|Date|To|Cc|Subject|Reply-To|Gesendet|Datum|An|Betreff|Envoyé|Objet|À|Enviado|Fecha|"
    r"Para|Asunto|Inviato|Data|A|Oggetto|Verzonden|Aan|Onderwerp|Wysłano|Do|Temat|Skickat|Till|"
    r"Ämne|Sendt|Til|Emne|Lähetetty|Vastaanottaja|Отправлено|Дата|Кому|Тема)"
)
# Boundaries that the library misses: in order, the first one ends the reply.
_BOUNDARIES = re.compile(
    rf"""^[ \t>]*(?:
        -{{2,}}\s*(?:Original|Forwarded|Ursprüngliche|Weitergeleitete|Message\ d.origine
            |Mensaje\ original|Mensaje\ reenviado|Messaggio\ originale|Oorspronkelijk|Original-).*
        | -{{2,}}\s*.{{0,40}}(?:message|nachricht|mensaje|messaggio|bericht|mensagem|wiadomość
            |meddelande|viesti|сообщение).{{0,20}}-{{2,}}\s*
        | -{{2,}}\s?.{{1,160}}\b(?:wrote|schrieb|écrit|escribió|ha\ scritto|schreef|skrev)
            \s?:?\s*-{{2,}}\s*
        | _{{10,}}\s*
        | \#\#-\s.*
        | (?:On|Am|Le|El|Il|Op|W\ dniu|Den|Em)\b(?=.*(?:@|\d{{4}}|\d[:.h]\d\d)).{{4,160}}?
            (?:wrote|schrieb|écrit|escribió|escribio|ha\ scritto|schreef|napisał\(a\)|skrev
            |escreveu|geschrieben)\b.{{0,160}}:\s*
        | .{{1,120}}<[^<>\s]+@[^<>\s]+>.{{0,60}}(?:wrote|schrieb|a\ écrit|escribió)\b.{{0,80}}:\s*
        # In any language: who and when, a colon, and the quote right below.
        | .{{0,160}}(?:@|\d{{4}}|\d:\d\d).{{0,160}}[:：]\s*\n\s*(?=>)[^\n]*
        | \*?{_FROM}\s?:\*?\s.*@.*
        | \*?{_FROM}\s?:\*?\s[^\n]*\n[ \t>]*\*?{_NEXT}(?:\ [a-z]{{1,3}})?\s?:\*?\s.*
        | \*?(?:Sent|Gesendet|Envoyé|Enviado)\s?:\*?\s[^\n]*\d[^\n]*\n[ \t>]*
            \*?(?:{_FROM}|{_NEXT})\s?:\*?\s.*
        | (?:Gesendet\ mit|Sent\ with|Envoyé\ avec|Enviado\ con)\s.*
        | (?:Sent\ from|Von\ meinem|Gesendet\ von|Envoyé\ de(?:puis)?|Enviado\ desde)\s[^:]{{2,60}}
        | Mit\s.{{2,40}}\sgesendet\.?
        | .{{0,30}}\bOutlook\ (?:for|für|pour|para|per|voor)\ (?:iOS|Android|Mac|Windows).{{0,80}}
    )$""",
    re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)
# A line that says who wrote when may be broken into two or three.
_BROKEN = re.compile(
    r"^(?P<head>(?:On|Am|Le|El|Il)\s[^\n]{4,120})\n(?P<tail>[^\n]{0,120}"
    r"(?:wrote|schrieb|écrit|escribió)[^\n]{0,120}:)[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_QUOTED_LINE = re.compile(r"^\s*[>|].*$", re.MULTILINE)
_SIGNATURE = re.compile(r"^--\s*$.*", re.MULTILINE | re.DOTALL)
_BLOCKS = re.compile(r"(?i)<(?:br|/p|/div|/li|/tr|/h[1-6]|hr)\b[^>]*>")
_QUOTING_TAGS = re.compile(
    r"(?is)<(?P<tag>blockquote|div|table|hr)\b[^>]*(?:type=[\"']?cite|gmail_quote|yahoo_quoted"
    r"|moz-cite-prefix|divRplyFwdMsg|protonmail_quote|appendonsend|name=[\"']?quote|mail-quote)"
    r".*"
)
_STOP = re.compile(
    r"""\A\W*(?:stop|stopp|basta|baja)\W*\Z | \b(?:
        unsubscribe | opt(?:[\ -]?|\ (?:me|us)\ )out
        | stop\ (?:sending|writing|e?mailing|these|this)
        | please\ stop | (?:remove|delete|erase)\ (?:me|us|my|our)\b
        | take\ (?:me|us)\ off | be\ (?:removed|taken\ off)\b.{0,25}\b(?:list|e?-?mails?)
        | (?:do\ not|don['’]?t)\ (?:e?mail|write|contact|send)
        | (?:do\ not|don['’]?t)\ want\ (?:to\ (?:get|receive)\ )?(?:any\ |these\ |your\ |more\ )+
          (?:e?-?mails?|messages)
        | no\ more\ (?:e?mails?|messages) | no\ longer\ (?:want|wish) | leave\ (?:me|us)\ alone
        | (?:quit|cease|desist)\b.{0,20}\b(?:spamming|e?-?mailing|sending|writing|contacting)
        | withdraw\ (?:my|our)\ consent
        | abmelden | abbestellen | keine\ (?:weiteren\ )?(?:e-?)?mails?
        | nicht\ mehr\ (?:schreiben|anschreiben|kontaktieren)
        | (?:(?:e-?)?mails?|nachrichten)\ mehr
        | (?:aus|von)\ (?:de[mr]|ihre[mr]|eure[mr]|diese[mr])\ (?:e?-?mail-?)?(?:verteiler|liste)
        | (?:hör|hoer)\w*\ (?:sie\ |bitte\ )*auf
        | lösch\w*\ (?:sie\ )?(?:mich|meine|unsere)
        | désabonne\w* | désinscri\w+ | ne\ plus\ (?:m.écrire|m.envoyer|recevoir)
        | ne\ m.(?:écrivez|envoyez)\ plus | arrêtez\ de | retire[rz]\b.{0,20}\bliste
        | da(?:r|d|rme|dme|me)\ de\ baja | no\ (?:me\ )?(?:escriban|env[íi]en)
        | no\ quiero\ (?:recibir\ )?más | dejen\ de
        | (?:el[ií]m\w+|qu[ií]t\w+|b[óo]rr\w+)\ de\ .{0,10}lista
        | cancella(?:te)?mi | disiscriv\w+ | basta\ (?:e-?)?mail | non\ (?:scrivetemi|inviatemi)
        | (?:toglie|rimuove)te?mi
        | uitschrijven | afmelden | geen\ (?:e-?)?mails | schrijf\ (?:me|mij|ons)\ uit
        | descadastr\w+ | não\ quero\ (?:mais\ )?receber | parem\ de | remov\w+\b.{0,25}\blista
        | wypisa[ćc]\w* | wypisz\w* | отпишите | отписаться | удалите\ (?:меня|нас)
    )\b | 配信(?:を)?停止 | 退订 | 取消订阅 | 수신\ ?거부""",
    re.IGNORECASE | re.VERBOSE,
)


def answer_of(raw: bytes) -> str:
    """The customer's own text, in a few lines; "" if there is none.

    Never raises: anybody can send anything.
    """
    text = _text_of(raw)
    return excerpt(unquoted(text)) if text else ""


def unquoted(text: str) -> str:
    """The text above its quote, without a marked signature."""
    from mailparser_reply.parser import EmailReplyParser  # noqa: PLC0415 - with replies alone

    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " ")
    text = _BROKEN.sub(lambda found: f"{found['head']} {found['tail']}", text[:_LONGEST_BODY])
    boundary = _BOUNDARIES.search(text)
    above = text[: boundary.start()] if boundary else text
    latest = EmailReplyParser(languages=[*_LANGUAGES]).read(above).replies
    if latest and latest[0].content.strip():
        above = latest[0].content
    above = _SIGNATURE.sub("", _QUOTED_LINE.sub("", above)).strip()
    if above or boundary is None:
        return above
    # A reply below its quote: every line that is not quoted.
    below = _QUOTED_LINE.sub("", text[boundary.end() :])
    return _SIGNATURE.sub("", below).strip()


def excerpt(text: str) -> str:
    """The first lines, without empty ones, shortened."""
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    short = "\n".join(lines[:_LINES])
    return short if len(short) <= _LONGEST_EXCERPT else f"{short[: _LONGEST_EXCERPT - 1]}…"


def asks_to_stop(answer: str) -> bool:
    """Whether somebody seems to want no more mails: a person should read it and decide."""
    return _STOP.search(answer) is not None


def _text_of(raw: bytes) -> str:
    """The first text of a message; HTML as plain text without its quotes."""
    try:
        message = message_from_bytes(raw, policy=policy.default)
        parts = list(islice(message.walk(), _MOST_PARTS))
    except (RecursionError, TypeError, ValueError):
        return ""
    for wanted in ("text/plain", "text/html"):
        for part in parts:
            if isinstance(part, EmailMessage) and part.get_content_type() == wanted:
                text = _content(part)
                if text.strip():
                    return text if wanted == "text/plain" else _from_html(text)
    return ""


def _content(part: EmailMessage) -> str:
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return ""
    charset = part.get_content_charset() or "utf-8"
    try:
        return content[:_LONGEST_BODY].decode(charset, "replace")
    except LookupError:
        return content[:_LONGEST_BODY].decode("utf-8", "replace")


def _from_html(html: str) -> str:
    html = re.sub(r"(?is)<(?:style|script|head)\b.*?</(?:style|script|head)>", "", html)
    html = _QUOTING_TAGS.sub("", re.sub(r"\s+", " ", html))
    text = re.sub(r"<[^>]{0,2000}>", "", _BLOCKS.sub("\n", html))
    return unescape(text)


# --- Bounces and replies in the mailbox -----------------------------------------------------------

_HEADERS = (
    *("From", "Content-Type", "X-Failed-Recipients", "Auto-Submitted", "Precedence"),
    *("X-Autoreply", "X-Autorespond", "Subject", "Return-Path"),
)
# Servers retry for days before they give up; RFC 5321, 4.5.4.1 says at least four or five.
_REPORTS_COME_WITHIN = timedelta(days=10)
# Clocks differ: don't miss a message because Gmail's clock is a little behind.
_MARGIN = timedelta(minutes=5)
_LARGEST_REPORT_BYTES = 5 * 1024 * 1024
_ID = re.compile(r"<([\w.+=/@$~!#%&'*^?-]+)>")


@dataclass(frozen=True)
class NoticeReturns:
    """The bounces and replies of one notice so far."""

    notice: Notice
    bounced: tuple[Bounce, ...]
    replies: Replies


@dataclass
class Returned:
    """The new findings, and all known ones. `unclear` are sentences about odd reports.

    `waiting` are sentences about unsent mails to addresses that were found not to exist.
    `other_mailboxes` sent a part of the mails and can't be read with this sign-in: their bounces
    and replies are there.
    """

    incident: Incident
    mailbox: str
    new_bounces: int = 0
    new_replies: int = 0
    unclear: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    other_mailboxes: tuple[str, ...] = ()
    notices: tuple[NoticeReturns, ...] = ()
    replies: tuple[Reply, ...] = ()
    brought: Brought | None = None


def collect(workspace: Workspace) -> Returned:
    """Read bounces and replies from the sending mailboxes, and record them in the doc.

    Raises `GoogleFault`: SignInNeeded if the sign-in may not read mail. What was found until then
    is kept.
    """
    incident = workspace.incident()
    reader = MailReader(workspace)
    returned = Returned(incident, reader.address)
    with workspace.ledger.read() as connection:
        others = bounces.other_mailboxes(connection, incident.id, reader.address)
    may_be_read = {each.lower() for each in workspace.settings.config.senders}
    returned.other_mailboxes = tuple(each for each in others if each.lower() not in may_be_read)
    _look_into(workspace, returned, reader)
    for mailbox in others:
        if mailbox.lower() in may_be_read:
            _look_into(workspace, returned, MailReader(workspace, mailbox))
    with workspace.ledger.read() as connection:
        listed = notices.notices_of(connection, incident.id)
        returned.replies = tuple(bounces.replies_of(connection, incident.id))
        returned.notices = tuple(
            NoticeReturns(
                notice,
                tuple(bounces.bounces_of(connection, notice.id)),
                bounces.replies_to(connection, notice.id),
            )
            for notice in listed
        )
    for notice in listed:
        if workspace.settings.config.names_in_doc and not notice.names_repliers:
            with workspace.ledger.write() as connection:
                notices.name_repliers(connection, notice.id)
        record_copy(workspace, notice)
    returned.brought = bring_to_doc(workspace, incident.id)
    return returned


def _look_into(workspace: Workspace, returned: Returned, reader: MailReader) -> None:
    with workspace.ledger.read() as connection:
        span = bounces.span_of_mails(connection, returned.incident.id, reader.address)
    if span is not None:
        collection = _Collection(workspace, returned.incident, reader, returned)
        collection.run(span)
        collection.note_answered()


class _Collection:
    """One search of a mailbox."""

    def __init__(
        self, workspace: Workspace, incident: Incident, reader: MailReader, returned: Returned
    ) -> None:
        self._workspace = workspace
        self._incident = incident
        self._reader = reader
        self._returned = returned
        with workspace.ledger.read() as connection:
            listed = notices.notices_of(connection, incident.id)
        self._own = {reader.address.lower(), *(notice.from_address.lower() for notice in listed)}

    def run(self, span: MailPeriod) -> None:
        """First the messages in our threads, then reports elsewhere."""
        since = f"after:{int((span.first - _MARGIN).timestamp())}"
        for message, mails in self._new_in_threads(f"in:anywhere -in:sent -in:drafts {since}"):
            self._take(message, mails)
        until = f"before:{int((span.last + _REPORTS_COME_WITHIN).timestamp())}"
        for daemon in DAEMONS:
            for page in self._reader.search(f"in:anywhere from:{daemon} {since} {until}"):
                for message in self._unknown(page):
                    self._take_from_elsewhere(message)

    def note_answered(self) -> None:
        """Find the replies that a colleague has answered in the thread by hand.

        A notice that continues the thread doesn't answer a customer's question.
        """
        with self._workspace.ledger.read() as connection:
            found = bounces.replies_of(connection, self._incident.id)
        mine = self._reader.address.lower()
        waiting = [each for each in found if each.waits and each.answer.mailbox.lower() == mine]
        if not waiting:
            return
        since = min(each.received_at for each in waiting) - _MARGIN
        threads = {each.answer.thread_id for each in waiting}
        for page in self._reader.search(f"in:sent after:{int(since.timestamp())}"):
            ours = self._mails_by_message([message.id for message in page])
            for message in page:
                if message.thread_id in threads and message.id not in ours:
                    at = self._reader.facts(message.id, ("From",)).received_at
                    self._answered(message.thread_id, at, waiting)

    def _mails_by_message(self, ids: list[str]) -> set[str]:
        with self._workspace.ledger.read() as connection:
            found = bounces.mails_by_id(connection, self._incident.id, self._reader.address, ids)
        return {mail.message_id for mail in found}

    def _answered(self, thread_id: str, at: datetime, waiting: list[Reply]) -> None:
        with self._workspace.ledger.write() as connection:
            for each in waiting:
                if each.answer.thread_id == thread_id and each.received_at <= at:
                    bounces.set_answered(connection, each.message_id, at)

    def _new_in_threads(self, query: str) -> Iterator[tuple[Listed, list[MailOut]]]:
        for page in self._reader.search(query):
            unknown = self._unknown(page)
            threads = self._mails_in_threads([message.thread_id for message in unknown])
            for message in unknown:
                if message.thread_id in threads:
                    yield message, threads[message.thread_id]

    def _unknown(self, page: list[Listed]) -> list[Listed]:
        with self._workspace.ledger.read() as connection:
            known = bounces.known_messages(connection, [message.id for message in page])
        return [message for message in page if message.id not in known]

    def _mails_in_threads(self, thread_ids: list[str]) -> dict[str, list[MailOut]]:
        with self._workspace.ledger.read() as connection:
            return bounces.mails_in_threads(
                connection, self._incident.id, self._reader.address, thread_ids
            )

    def _take(self, message: Listed, mails: list[MailOut]) -> None:
        """Record a message in the thread of these mails: a report, a reply, or our own."""
        facts = self._reader.facts(message.id, _HEADERS)
        if is_report(facts.headers) or self._claims_in_words(message, facts):
            self._take_report(message, facts, mails)
        elif parseaddr(facts.headers.get("from", ""))[1].lower() not in self._own:
            self._take_answer(message, facts, mails)

    def _take_answer(self, message: Listed, facts: MessageFacts, mails: list[MailOut]) -> None:
        automatic = is_automatic(facts.headers)
        if is_complaint(facts.headers):
            self._say_unclear("says that somebody took the mail for spam", mails)
        is_read = not automatic and facts.size <= _LARGEST_REPORT_BYTES
        words = answer_of(self._reader.raw(message.id)) if is_read else ""
        answer = ReplyContent(
            sender=parseaddr(facts.headers.get("from", ""))[1][:320],
            excerpt=words,
            mailbox=self._reader.address,
            thread_id=message.thread_id,
            asks_to_stop=asks_to_stop(words),
        )
        mail = _mail_before(mails, facts.received_at)
        with self._workspace.ledger.write() as connection:
            bounces.add_reply(
                connection,
                mail,
                message_id=message.id,
                automatic=automatic,
                received_at=facts.received_at,
                answer=_answer_kept(connection, mail, answer),
            )
        self._returned.new_replies += 1

    def _take_report(self, message: Listed, facts: MessageFacts, mails: list[MailOut]) -> None:
        report = self._read(message, facts)
        if len({mail.delivery_id for mail in mails}) > 1 and report.failures:
            mails = [mail for mail in self._quoted_mails(report) if mail in mails] or mails
        for failure in map(self._with_hashes, report.failures):
            hit = [mail for mail in mails if _is_named(mail, failure)]
            if hit:
                self._mark(message, facts, _mail_before(hit, facts.received_at), failure)
                return
        if report.failures:
            said = f"says that mail to {report.failures[0].keys[0]} failed"
            self._say_unclear(said, mails)
        elif report.is_unclear:
            self._say_unclear("says that mail failed, but not which address", mails)

    def _with_hashes(self, failure: Failure) -> Failure:
        """The failure, also with the keys that forgotten customers have in the ledger."""
        with self._workspace.ledger.read() as connection:
            hashes = forgetting.stored_keys(connection, failure.keys)
        return replace(failure, keys=(*failure.keys, *hashes.values()))

    def _take_from_elsewhere(self, message: Listed) -> None:
        """Record a report in a separate thread: ours if it quotes a mail of ours."""
        if self._mails_in_threads([message.thread_id]):
            return  # already read with the threads
        facts = self._reader.facts(message.id, _HEADERS)
        if not (is_report(facts.headers) or is_from_daemon(facts.headers)):
            return
        report = self._read(message, facts)
        claims = report.failures or report.is_unclear
        mails = self._quoted_mails(report) if claims else []
        if mails:
            self._take_report(message, facts, mails)

    def _claims_in_words(self, message: Listed, facts: MessageFacts) -> bool:
        """Whether a mail server says in text alone that a mail failed."""
        if not is_from_daemon(facts.headers):
            return False
        report = self._read(message, facts)
        return bool(report.failures) or report.is_unclear

    def _read(self, message: Listed, facts: MessageFacts) -> BounceReport:
        if facts.size > _LARGEST_REPORT_BYTES:
            return BounceReport((), ())
        return read_report(self._reader.raw(message.id))

    def _quoted_mails(self, report: BounceReport) -> list[MailOut]:
        """Our mails that a report quotes by their Message-ID, found through Gmail."""
        for quoted in report.quoted:
            found = _ID.fullmatch(quoted)
            if found is None:
                continue
            ids = [quoted, found[1], *self._sent_with(found[1])]
            with self._workspace.ledger.read() as connection:
                mails = bounces.mails_by_id(
                    connection, self._incident.id, self._reader.address, ids
                )
            if mails:
                return mails
        return []

    def _sent_with(self, header: str) -> list[str]:
        try:
            pages = list(self._reader.search(f"in:sent rfc822msgid:{header}"))
        except Refused:  # an id that Gmail's search rejects is not ours
            return []
        return [message.id for page in pages for message in page]

    def _mark(self, message: Listed, facts: MessageFacts, mail: MailOut, failure: Failure) -> None:
        with self._workspace.ledger.write() as connection:
            failure = replace(failure, reason=_kept(connection, mail, failure.reason))
            bounces.add_bounce(
                connection,
                mail,
                message_id=message.id,
                status=failure.status,
                reason=f"{failure.status} {failure.reason}".strip(),
                received_at=facts.received_at,
                recorded_at=self._workspace.wall(),
            )
            entry = _suppression(mail, failure, facts.received_at)
            if entry is not None:
                customers.suppress(connection, self._workspace.settings.profile, entry)
            stop_at_bounces(connection, self._workspace, mail.notice_id)
        if entry is not None:
            self._returned.waiting += waiting_words(self._workspace, entry)
        self._returned.new_bounces += 1

    def _say_unclear(self, said: str, mails: list[MailOut]) -> None:
        self._returned.unclear.append(
            f"A report in the thread with {mails[-1].email} {said}. Nobody was marked; look at it "
            "in Gmail."
        )


def _suppression(mail: MailOut, failure: Failure, at: datetime) -> Suppression | None:
    """The entry for an address that does not exist, or permanently refuses mail; else None."""
    if not is_for_good(failure.status, failure.reason):
        return None
    said = f"{failure.status} {failure.reason}".strip()
    reason = f"bounced: {bounce_words(failure.status)} ({said})"
    return Suppression(mail.recipient_key, mail.email, AddedBy.BOUNCED, reason, at)


def _kept(connection: Connection, mail: MailOut, text: str) -> str:
    """A text, without forgotten addresses; a customer written to again keeps their own."""
    own = key_of(mail.email)
    return forgetting.without_forgotten(
        connection, text, lambda typed: "" if key_of(typed) == own else key_of(typed)
    )


def _answer_kept(connection: Connection, mail: MailOut, answer: ReplyContent) -> ReplyContent:
    """A reply as the ledger may keep it: that of a forgotten customer is in Gmail alone."""
    is_forgotten = _kept(connection, mail, answer.sender) != answer.sender
    if mail.email == FORGOTTEN or is_forgotten:
        return replace(answer, sender=FORGOTTEN, excerpt="")
    return replace(answer, excerpt=_kept(connection, mail, answer.excerpt))


def _is_named(mail: MailOut, failure: Failure) -> bool:
    """Whether a report names the customer of a mail, who may since be known by a hash."""
    if mail.recipient_key in failure.keys:
        return True
    try:
        return read_address(mail.email).key in failure.keys
    except AddressBad:
        return False


def _mail_before(mails: list[MailOut], at: datetime) -> MailOut:
    """The last mail of a thread that was sent by then."""
    before = [mail for mail in mails if mail.sent_at is None or mail.sent_at <= at]
    return (before or mails)[-1]
