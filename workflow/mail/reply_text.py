"""A customer's reply, without the mail that they quote. Pure.

Mail programs mark quotes in many ways: a line that says who wrote when, a block of headers, a ruled
line, `>` before each line. mail-parser-reply knows most of them in many languages; this module cuts
off the rest.
"""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import unescape
from itertools import islice

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
        unsubscribe | opt[\ -]?out | stop\ (?:sending|writing|e?mailing|these|this)
        | please\ stop | (?:remove|delete)\ (?:me|us|my|our)\b | take\ (?:me|us)\ off
        | (?:do\ not|don['’]?t)\ (?:e?mail|write|contact|send)
        | no\ more\ (?:e?mails?|messages) | no\ longer\ (?:want|wish) | leave\ (?:me|us)\ alone
        | quit\ (?:spamming|e?mailing|sending)
        | abmelden | abbestellen | keine\ (?:weiteren\ )?(?:e-?)?mails?
        | nicht\ mehr\ (?:schreiben|anschreiben|kontaktieren) | (?:e-?)?mails?\ mehr
        | aus\ (?:dem|ihrem|eurem|diesem)\ verteiler | (?:hör|hoer)\w*\ (?:sie\ |bitte\ )*auf
        | lösch\w*\ (?:sie\ )?(?:mich|meine|unsere)
        | désabonner | désinscri\w+ | ne\ plus\ (?:m.écrire|m.envoyer|recevoir)
        | ne\ m.(?:écrivez|envoyez)\ plus | arrêtez\ de
        | darme\ de\ baja | dar\ de\ baja | no\ (?:me\ )?(?:escriban|env[íi]en)
        | no\ quiero\ (?:recibir\ )?más | dejen\ de
        | cancellate?mi | disiscriv\w+ | basta\ (?:e-?)?mail | non\ (?:scrivetemi|inviatemi)
        | uitschrijven | afmelden | geen\ (?:e-?)?mails
        | descadastrar | não\ quero\ (?:mais\ )?receber | parem\ de
    )\b""",
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
