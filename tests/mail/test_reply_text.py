"""Customers' answers, without the quoted text, of ten mail programs in four languages."""

from __future__ import annotations

from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow.bounces import answer_of, asks_to_stop, unquoted
from workflow.mail.content import is_automatic

OURS = "Hello Ann,\n\nYour invoices show wrong amounts.\n\nYour support team"
QUOTED = "\n".join(f"> {line}".rstrip() for line in OURS.split("\n"))
SAID = {
    "en": "Which invoices are wrong?\nWe have three.",
    "de": "Welche Rechnungen sind falsch?\nWir haben drei.",
    "fr": "Quelles factures sont fausses ?\nNous en avons trois.",
    "es": "¿Qué facturas están mal?\nTenemos tres.",
}
WHO = "Your support team <you@rehearsal.example>"

# Each program's way of quoting, reconstructed from its mails; `{q}` is our mail with `> ` before
# each line, `{o}` our mail as it is.
PROGRAMS: dict[str, dict[str, str]] = {
    "Gmail": {
        "en": f"On Tue, Nov 24, 2026 at 3:03 PM {WHO}\nwrote:\n\n{{q}}\n",
        "de": f"Am Di., 24. Nov. 2026 um 15:03 Uhr schrieb {WHO}:\n\n{{q}}\n",
        "fr": f"Le mar. 24 nov. 2026 à 15:03, {WHO} a écrit :\n\n{{q}}\n",
        "es": f"El mar, 24 nov 2026 a las 15:03, {WHO} escribió:\n\n{{q}}\n",
    },
    "Outlook": {
        "en": f"From: {WHO}\nSent: Tuesday, November 24, 2026 3:03 PM\nTo: Ann\n"
        f"Subject: Wrong\n\n{{o}}",
        "de": f"Von: {WHO}\nGesendet: Dienstag, 24. November 2026 15:03\nAn: Ann\n"
        f"Betreff: Falsch\n\n{{o}}",
        "fr": f"De : {WHO}\nEnvoyé : mardi 24 novembre 2026 15:03\nÀ : Ann\nObjet : Faux\n\n{{o}}",
        "es": f"De: {WHO}\nEnviado el: martes, 24 de noviembre de 2026 15:03\nPara: Ann\n"
        f"Asunto: Mal\n\n{{o}}",
    },
    "Outlook on the web": {
        "en": f"________________________________\nFrom: {WHO}\nSent: Tuesday\nTo: Ann\n\n{{o}}",
        "de": f"________________________________\nVon: {WHO}\nGesendet: Dienstag\nAn: Ann\n\n{{o}}",
        "fr": f"________________________________\nDe : {WHO}\nEnvoyé : mardi\nÀ : Ann\n\n{{o}}",
        "es": f"________________________________\nDe: {WHO}\nEnviado: martes\nPara: Ann\n\n{{o}}",
    },
    "Apple Mail": {
        "en": f"> On 24 Nov 2026, at 15:03, {WHO} wrote:\n> \n{{q}}\n",
        "de": f"> Am 24.11.2026 um 15:03 schrieb {WHO}:\n> \n{{q}}\n",
        "fr": f"> Le 24 nov. 2026 à 15:03, {WHO} a écrit :\n> \n{{q}}\n",
        "es": f"> El 24 nov 2026, a las 15:03, {WHO} escribió:\n> \n{{q}}\n",
    },
    "iPhone": {
        "en": f"Sent from my iPhone\n\n> On 24 Nov 2026, at 15:03, {WHO} wrote:\n> \n> {{q}}",
        "de": f"Von meinem iPhone gesendet\n\n> Am 24.11.2026 um 15:03 schrieb {WHO}:\n> \n> {{q}}",
        "fr": f"Envoyé de mon iPhone\n\n> Le 24 nov. 2026 à 15:03, {WHO} a écrit :\n> \n> {{q}}",
        "es": f"Enviado desde mi iPhone\n\n> El 24 nov 2026, a las 15:03, {WHO} escribió:\n> {{q}}",
    },
    "Thunderbird": {
        "en": "On 24.11.26 15:03, Your support team wrote:\n{q}\n",
        "de": "Am 24.11.26 um 15:03 schrieb Your support team:\n{q}\n",
        "fr": "Le 24/11/2026 à 15:03, Your support team a écrit :\n{q}\n",
        "es": "El 24/11/2026 a las 15:03, Your support team escribió:\n{q}\n",
    },
    "Yahoo": {
        "en": "    On Tuesday, November 24, 2026 at 03:03:00 PM GMT+1, Your support team "
        "<you@rehearsal.example> wrote:  \n \n {o}",
        "de": "    Am Dienstag, 24. November 2026 um 15:03:00 MEZ hat Your support team "
        "<you@rehearsal.example> Folgendes geschrieben:  \n \n {o}",
        "fr": "    Le mardi 24 novembre 2026 à 15:03:00 UTC+1, Your support team "
        "<you@rehearsal.example> a écrit :  \n \n {o}",
        "es": "    En martes, 24 de noviembre de 2026, 15:03:00 CET, Your support team "
        "<you@rehearsal.example> escribió:  \n \n {o}",
    },
    "Proton Mail": {
        "en": "Sent with Proton Mail secure email.\n\nOn Tuesday, November 24th, 2026 at 3:03 PM, "
        "Your support team <you@rehearsal.example> wrote:\n\n{q}",
        "de": "Gesendet mit Proton Mail.\n\nAm Dienstag, 24. November 2026 um 15:03, Your support "
        "team <you@rehearsal.example> schrieb:\n\n{q}",
        "fr": "Envoyé avec Proton Mail.\n\nLe mardi 24 novembre 2026 à 15:03, Your support team "
        "<you@rehearsal.example> a écrit :\n\n{q}",
        "es": "Enviado con Proton Mail.\n\nEl martes, 24 de noviembre de 2026 a las 15:03, Your "
        "support team <you@rehearsal.example> escribió:\n\n{q}",
    },
    "GMX": {
        "en": f"Sent: Tuesday, November 24, 2026 at 3:03 PM\nFrom: {WHO}\n"
        f"To: ann@customer.example\n\n{{o}}",
        "de": f"Gesendet: Dienstag, 24. November 2026 um 15:03 Uhr\nVon: {WHO}\n"
        f"An: ann@customer.example\n\n{{o}}",
        "fr": f"Envoyé: mardi 24 novembre 2026 à 15:03\nDe: {WHO}\n"
        f"À: ann@customer.example\n\n{{o}}",
        "es": f"Enviado: martes, 24 de noviembre de 2026, 15:03\nDe: {WHO}\n"
        f"Para: ann@customer.example\n\n{{o}}",
    },
    "Samsung": {
        "en": f"-------- Original message --------\nFrom: {WHO}\nDate: 24/11/2026 15:03\n\n{{o}}",
        "de": f"-------- Ursprüngliche Nachricht --------\nVon: {WHO}\n"
        f"Datum: 24.11.26 15:03\n\n{{o}}",
        "fr": f"-------- Message d'origine --------\nDe : {WHO}\nDate : 24/11/2026 15:03\n\n{{o}}",
        "es": f"-------- Mensaje original --------\nDe: {WHO}\nFecha: 24/11/2026 15:03\n\n{{o}}",
    },
}
CASES = [(program, lang) for program, ways in PROGRAMS.items() for lang in ways]


def mail(text: str, *, html: str = "", charset: str = "utf-8") -> bytes:
    message = EmailMessage()
    message["From"], message["To"] = "ann@customer.example", "you@rehearsal.example"
    if text:
        message.set_content(text, charset=charset)
    if html:
        message.set_content(html, subtype="html")
    return message.as_bytes()


@pytest.mark.parametrize(("program", "lang"), CASES)
def test_the_answer_is_told_from_what_a_mail_program_quotes(program: str, lang: str) -> None:
    quoting = PROGRAMS[program][lang].format(q=QUOTED, o=OURS)
    assert answer_of(mail(f"{SAID[lang]}\n\n{quoting}")) == SAID[lang]


AT = "2026 15:03"
OTHER_LANGUAGES = {
    "Gmail, Italian": f"Il giorno mar 24 nov {AT} {WHO} ha scritto:\n\n{QUOTED}",
    "Gmail, Dutch": f"Op di 24 nov {AT} schreef {WHO}:\n\n{QUOTED}",
    "Gmail, Portuguese": f"Em ter., 24 de nov. de {AT}, {WHO} escreveu:\n\n{QUOTED}",
    "Gmail, Polish": f"wt., 24 lis {AT} {WHO} napisał(a):\n\n{QUOTED}",
    "Gmail, Norwegian": f"tir. 24. nov. 2026 kl. 15:03 skrev {WHO}:\n\n{QUOTED}",
    "Gmail, Finnish": f"ti 24. marrask. 2026 klo 15.03 {WHO} kirjoitti:\n\n{QUOTED}",
    "Gmail, Czech": f"út 24. 11. 2026 v 15:03 odesílatel {WHO} napsal:\n\n{QUOTED}",
    "Gmail, Russian": f"вт, 24 нояб. 2026 г. в 15:03, {WHO}:\n\n{QUOTED}",
    "Gmail, Turkish": f"{WHO}, 24 Kas 2026 Sal, 15:03 tarihinde şunu yazdı:\n\n{QUOTED}",
    "Gmail, Japanese": f"2026年11月24日(火) 15:03 {WHO}:\n\n{QUOTED}",
    "Gmail, Chinese": f"{WHO} 于2026年11月24日周二 15:03写道：\n\n{QUOTED}",
    "Gmail, Korean": f"2026년 11월 24일 (화) 오후 3:03, {WHO}님이 작성:\n\n{QUOTED}",
    "Outlook, Italian": f"Da: {WHO}\nInviato: martedì 24 novembre {AT}\nA: Ann\n\n{OURS}",
    "Outlook, Dutch": f"Van: {WHO}\nVerzonden: dinsdag 24 november {AT}\nAan: Ann\n\n{OURS}",
    "Outlook, Swedish": f"Från: {WHO}\nSkickat: den 24 november {AT}\nTill: Ann\n\n{OURS}",
    "Outlook, no address": f"From: Your support team\nSent: Tuesday {AT}\nTo: Ann\n\n{OURS}",
    "Outlook, German, no address": f"Von: Support\nGesendet: Dienstag {AT}\nAn: Ann\n\n{OURS}",
    "Outlook for iOS": f"Get Outlook for iOS<https://aka.ms/o0>\n{'_' * 32}\nFrom: {WHO}\n\n{OURS}",
    "Outlook for Android, German": "Holen Sie sich Outlook für Android<https://aka.ms/x>\n"
    f"{'_' * 32}\nVon: {WHO}\n\n{OURS}",
    "Proton Mail, German": f"Mit Proton Mail gesendet.\n\n{WHO} schrieb am {AT}:\n\n{QUOTED}",
    "GMX": f"Gesendet: Dienstag, 24. November {AT} Uhr\nVon: {WHO}\nAn: Ann\n{OURS}",
    "mutt": f"* {WHO} [2026-11-24 15:03]:\n{QUOTED}",
    "Gnus": f"{WHO} writes:\n\n{QUOTED}",
    "BlackBerry": f"----- Reply message -----\nFrom: {WHO}\n\n{OURS}",
    "Zendesk": f"##- Please type your reply above this line -##\n\n{OURS}",
}


def test_the_answer_is_told_from_what_notes_quotes() -> None:
    quoting = "-----You <you@x.example> wrote: -----\nTo: ann\nFrom: you\n\nHello Ann"
    assert unquoted(f"{SAID['en']}\n\n{quoting}") == SAID["en"]


@pytest.mark.parametrize("program", OTHER_LANGUAGES)
def test_the_answer_is_told_from_what_is_quoted_in_other_languages(program: str) -> None:
    assert unquoted(f"{SAID['en']}\n\n{OTHER_LANGUAGES[program]}") == SAID["en"]


@pytest.mark.parametrize(
    "text",
    [
        "On Tuesday our invoices were wrong. Bob wrote: see below",
        "Am Montag schrieb uns der Kunde:\nalles falsch",
        "Le 24 novembre nous avons écrit :\nune lettre",
        "Von 10 Rechnungen sind 3 falsch.\nGesendet von uns: 5",
        "Sent: 5 mails, received 3",
        "Date: tomorrow?\nTo: be decided",
    ],
)
def test_words_that_only_look_like_a_quote_stay(text: str) -> None:
    assert unquoted(text) == text


def test_an_answer_below_or_between_what_is_quoted_is_found_too() -> None:
    below = f"On 24.11.26 15:03, Your support team wrote:\n{QUOTED}\n\nWhich ones?\n"
    assert answer_of(mail(below)) == "Which ones?"
    between = "On 24.11.26 15:03, You wrote:\n> Your invoices show wrong amounts.\nWhich?\n> Bye\n"
    assert answer_of(mail(between)) == "Which?"


@pytest.mark.parametrize(
    "quoting",
    [
        '<div class="gmail_quote"><div>On Tue wrote:<br></div><blockquote>{o}</blockquote></div>',
        '<div id="divRplyFwdMsg"><b>From:</b> You</div><div>{o}</div>',
        '<blockquote type="cite"><p>{o}</p></blockquote>',
        '<div class="moz-cite-prefix">Am 24.11. schrieb You:</div><blockquote>{o}</blockquote>',
        '<div class="yahoo_quoted"><div>{o}</div></div>',
    ],
)
def test_an_answer_in_html_alone_is_read(quoting: str) -> None:
    html = f"<html><body><p>Which ones &amp; when?</p>{quoting.format(o=OURS)}</body></html>"
    assert answer_of(mail("", html=html)) == "Which ones & when?"


def test_a_signature_is_left_out_and_a_long_answer_is_cut() -> None:
    assert answer_of(mail("Which ones?\n\n-- \nAnn Example\nCEO\n")) == "Which ones?"
    assert answer_of(mail("word " * 500)).endswith("…")
    assert len(answer_of(mail("\n".join(map(str, range(50))))).splitlines()) == 6


@pytest.mark.parametrize(
    ("answer", "asks"),
    [
        ("Please stop sending me these mails", True),
        ("Bitte keine weiteren Mails", True),
        ("Merci de ne plus m'écrire", True),
        ("Por favor, no me escriban", True),
        ("Please unsubscribe me", True),
        ("Stop!", True),
        ("Please don’t email me again", True),
        ("Remove us from your list", True),
        ("I no longer want these", True),
        ("Nehmen Sie mich aus dem Verteiler", True),
        ("Hören Sie auf", True),
        ("Ne m’écrivez plus", True),
        ("No quiero recibir más correos", True),
        ("Per favore cancellatemi", True),
        ("I'd like to be removed from your mailing list", True),
        ("Please opt me out", True),
        ("We don't want these emails", True),
        ("Please cease emailing me", True),
        ("Bitte streichen Sie mich von der Liste", True),
        ("Ich möchte keine Nachrichten mehr", True),
        ("Désabonnez-moi", True),
        ("Merci de me retirer de votre liste", True),
        ("Por favor, dame de baja", True),
        ("Quítenme de la lista", True),
        ("Toglietemi dalla lista", True),
        ("Schrijf mij uit", True),
        ("Remova meu email da lista", True),
        ("Proszę mnie wypisać", True),
        ("Отпишите меня", True),
        ("配信停止してください", True),
        ("退订", True),
        ("수신거부", True),
        ("When will this be removed from my invoice?", False),
        ("Ich habe keine Nachrichten bekommen", False),
        ("When did it stop working?", False),
        ("Please do not stop", False),
        ("The machine does not stop printing", False),
        ("Which invoices are wrong?", False),
    ],
)
def test_a_customer_who_wants_no_more_mails_is_noticed(answer: str, asks: bool) -> None:
    assert asks_to_stop(answer) is asks


@given(st.binary(max_size=2000))
def test_whatever_comes_in_is_read_without_a_fault(raw: bytes) -> None:
    answer_of(raw)


@given(st.text(max_size=500))
def test_nothing_is_made_up(text: str) -> None:
    words = set(text.replace("\u00a0", " ").split())
    assert set(unquoted(text).split()) <= words


@pytest.mark.parametrize(
    ("subject", "is_note"),
    [
        ("Automatic reply: Wrong amounts", True),
        ("Abwesenheitsnotiz: Wrong amounts", True),
        ("Réponse automatique : Wrong amounts", True),
        ("Respuesta automática: Wrong amounts", True),
        ("I'm out of the office Re: Wrong amounts", True),
        ("OOO Re: Wrong amounts", True),
        ("[Auto-Reply] Wrong amounts", True),
        ("AUTO: Ann Lee is out of the office (returning 30.11.2026)", True),
        ("On vacation Re: Wrong amounts", True),
        ("Parental leave: Wrong amounts", True),
        ("Away from my desk: Wrong amounts", True),
        ("Im Urlaub - Re: Wrong amounts", True),
        ("Im Urlaub bis 5.1.: Wrong amounts", True),
        ("Absence : Wrong amounts", True),
        ("Ausente: Wrong amounts", True),
        ("رد تلقائي: Wrong amounts", True),
        ("תשובה אוטומטית: Wrong amounts", True),
        ("Re: Wrong amounts", False),
        ("Re: Out of stock", False),
        ("Vacation rentals are charged twice", False),
        ("Leave requests in our account are wrong", False),
        ("Urlaub ist falsch gebucht", False),
    ],
)
def test_an_out_of_office_note_is_told_by_its_subject_where_no_header_says_so(
    subject: str, is_note: bool
) -> None:
    assert is_automatic({"from": "ann@customer.example", "subject": subject}) is is_note
