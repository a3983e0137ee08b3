"""A finished rehearsal: a postmortem with everything that a doc can hold, and its mails."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

from google_rehearsal.store import StoredFile, StoredMail

Doc = dict[str, Any]

POSTMORTEM = "1postmortem"
SENT_AT = datetime(2026, 11, 24, 17, 39, tzinfo=UTC)

_GREY = {"foregroundColor": {"color": {"rgbColor": {"red": 0.35, "green": 0.35, "blue": 0.35}}}}
_GREEN = {
    "backgroundColor": {"color": {"rgbColor": {"red": 0.83, "green": 0.93, "blue": 0.85}}},
    "foregroundColor": {"color": {"rgbColor": {"red": 0.05, "green": 0.33, "blue": 0.14}}},
}


@dataclass
class SampleWorld:
    """A world held in memory; docs and their permissions are by doc id."""

    docs: dict[str, Doc] = field(default_factory=dict)
    grants: dict[str, list[Doc]] = field(default_factory=dict)
    sent: list[StoredMail] = field(default_factory=list)
    unsent: list[StoredMail] = field(default_factory=list)
    files: dict[str, StoredFile] = field(default_factory=dict)

    def add_doc(self, doc_id: str, document: Doc, *shared_with: Doc) -> None:
        self.docs[doc_id] = document
        owner = {"type": "user", "role": "owner", "emailAddress": "lead@example.com"}
        self.grants[doc_id] = [owner, *shared_with]

    def add_mail(self, message: EmailMessage, minutes: int = 0) -> str:
        return self.add_raw(message.as_bytes(), minutes)

    def add_raw(self, raw: bytes, minutes: int = 0) -> str:
        mail_id = f"{len(self.sent) + 1:016x}"
        at = SENT_AT + timedelta(minutes=minutes)
        mail = StoredMail(mail_id, mail_id, ("SENT",), at, raw, "lead@example.com")
        self.sent.insert(0, mail)
        return mail_id

    def add_draft(self, message: EmailMessage) -> None:
        raw = message.as_bytes()
        self.unsent.append(StoredMail("d" * 16, "d" * 16, ("DRAFT",), SENT_AT, raw, "a@b.example"))

    def documents(self) -> list[Doc]:
        return [
            {"id": key, "name": doc["title"], "createdTime": "2026-11-24T13:39:00.000Z"}
            for key, doc in self.docs.items()
        ]

    def document(self, doc_id: str) -> Doc:
        return self.docs[doc_id]

    def permissions(self, doc_id: str) -> list[Doc]:
        return self.grants[doc_id]

    def mailbox(self) -> list[StoredMail]:
        return self.sent

    def mail(self, message_id: str) -> StoredMail:
        return {mail.id: mail for mail in [*self.sent, *self.unsent]}[message_id]

    def published(self, file_id: str) -> StoredFile:
        return self.files[file_id]

    def picture(self, key: str) -> StoredFile:
        return self.files[key]

    def drafts(self) -> list[StoredMail]:
        return self.unsent


def run(text: str, **style: Any) -> Doc:
    return {"textRun": {"content": text, "textStyle": style}}


def paragraph(*elements: Doc | str, style: str = "NORMAL_TEXT", **fields: Any) -> Doc:
    runs = [run(element) if isinstance(element, str) else element for element in elements]
    look = {"namedStyleType": style, **fields.pop("look", {})}
    if style.startswith("HEADING") or style == "TITLE":
        words = "".join(r.get("textRun", {}).get("content", "") for r in runs)
        look["headingId"] = "h." + "".join(filter(str.isalnum, words.lower()))[:20]
    return {"paragraph": {"elements": [*runs, run("\n")], "paragraphStyle": look, **fields}}


def heading(text: str) -> Doc:
    return paragraph(text, style="HEADING_1")


def item(*elements: Doc | str, of: str, level: int = 0) -> Doc:
    return paragraph(*elements, bullet={"listId": of, "nestingLevel": level})


def table(*rows: tuple[str, ...]) -> Doc:
    return {
        "table": {
            "rows": len(rows),
            "columns": len(rows[0]),
            "tableRows": [
                {
                    "tableCells": [{"content": [paragraph(text)]} for text in row],
                    "tableRowStyle": {"tableHeader": at == 0},
                }
                for at, row in enumerate(rows)
            ],
        }
    }


def person(name: str, email: str) -> Doc:
    return {"person": {"personProperties": {"name": name, "email": email}}}


def date(text: str) -> Doc:
    return {"dateElement": {"dateElementProperties": {"displayText": text}}}


def file_link(title: str, uri: str) -> Doc:
    return {"richLink": {"richLinkProperties": {"title": title, "uri": uri}}}


def document(title: str, *content: Doc, more_tabs: tuple[tuple[str, list[Doc]], ...] = ()) -> Doc:
    tabs = [("Postmortem", list(content)), *more_tabs]
    return {
        "title": title,
        "tabs": [
            {
                "tabProperties": {"tabId": f"t.{at}", "title": tab_title, "index": at},
                "documentTab": {
                    "body": {"content": [{"sectionBreak": {}}, *blocks]},
                    "lists": _LISTS,
                    "dropdownDefinitions": _DROPDOWNS,
                },
            }
            for at, (tab_title, blocks) in enumerate(tabs)
        ],
    }


_LISTS = {
    name: {"listProperties": {"nestingLevels": levels}}
    for name, levels in {
        "dots": [{"glyphSymbol": sign} for sign in "●○■"],
        "numbers": [{"glyphType": kind} for kind in ("DECIMAL", "ALPHA", "ROMAN")],
        "boxes": [{"glyphType": "GLYPH_TYPE_UNSPECIFIED"}] * 3,
    }.items()
}
_DROPDOWNS = {
    "kix.status": {
        "dropdownDefinitionProperties": {
            "options": [
                {"optionId": "dropdownItem.r", "displayValue": "Resolved", "textStyle": _GREEN}
            ]
        }
    }
}


def postmortem() -> Doc:
    """A finished postmortem with every kind of chip, list, table and suggestion."""
    chosen = {
        "dropdownDefinitionId": "kix.status",
        "selectedOptionId": "dropdownItem.r",
        "displayValue": "Resolved",
    }
    facts: list[tuple[str, Doc | str]] = [
        ("Status", {"dropdown": {"dropdownProperties": chosen}}),
        ("Severity", "2"),
        ("Started", date("24 Nov 2026, 2:39 PM CET")),
        ("Duration", "4 h 6 min"),
        ("Owner", person("Ann Okafor", "ann@example.com")),
        ("Customers affected", "128"),
        ("Files", file_link("Error rate, 24 Nov", "https://drive.google.com/file/d/1graph/view")),
    ]
    bold = {"bold": True}
    entries = [
        ("2:39 PM CET", "Recognized somethin’ wasn’t right"),
        ("2:43 PM CET", "Alerted customer-facing colleagues of the known issue via Slack"),
        ("2:48 PM CET", "Started troubleshooting"),
        ("2:55 PM CET", "Identified and corrected the root cause 🧯"),
        ("3:03 PM CET", "Collaborated with two people to determine a response"),
        ("6:14 PM CET", "Shared internal documentation"),
        ("6:39 PM CET", "Delivered the customer-facing response to impacted customers"),
        ("6:45 PM CET", "Updated the documentation to close the loop"),
    ]
    quote = {"indentStart": {"magnitude": 18, "unit": "PT"}, "indentFirstLine": {"magnitude": 18}}
    return document(
        "Welcome mail went out twice to 128 customers",
        paragraph("Welcome mail went out twice to 128 customers", style="TITLE"),
        paragraph("A postmortem by the support team", style="SUBTITLE"),
        *(paragraph(run(f"{name}: ", **bold), value) for name, value in facts),
        heading("Summary"),
        paragraph(
            "A retry in the mail service sent the welcome mail a second time to ",
            run("128 customers", bold=True),
            ". No data was exposed. ",
            {"textRun": {"content": "We found it by luck.", "suggestedDeletionIds": ["suggest.1"]}},
            {"textRun": {"content": " An alert found it.", "suggestedInsertionIds": ["suggest.2"]}},
        ),
        heading("Impact"),
        item("128 customers got the same mail twice", of="dots"),
        item("31 of them wrote to support", of="dots"),
        item("answered within ", run("20 minutes", italic=True), of="dots", level=1),
        heading("Root cause"),
        paragraph(
            "The job ",
            run("send_welcome", weightedFontFamily={"fontFamily": "Roboto Mono", "weight": 400}),
            " was ",
            run("idempotent", strikethrough=True),
            " retried after a time-out; see ",
            run("the change", underline=True, link={"url": "https://example.com/change/77"}),
            ".",
        ),
        heading("Timeline"),
        *(paragraph(run(f"{at}  ", **bold), text) for at, text in entries),
        heading("Solution"),
        item("The retry asks first whether the mail is out", of="numbers"),
        item("A key for each mail", of="numbers", level=1),
        item("The queue is watched", of="numbers"),
        heading("Customer-facing response"),
        paragraph("Resolved: you got our welcome mail twice", style="HEADING_3"),
        paragraph(run("6:39 PM CET, from lead@example.com, accepted 128, failed 0", **_GREY)),
        paragraph("Hello {name},", look=quote),
        paragraph("we sent you the same mail twice. We are sorry.\vThe support team", look=quote),
        heading("What we learned"),
        paragraph("שלום: רשומה בעברית נקראת מימין לשמאל."),
        paragraph("A time-out does not mean that nothing happened."),
        heading("What we will do next time"),
        item("Alert on repeated subjects, ", person("Ben", "ben@example.com"), of="boxes"),
        item("Test the retry, ", date("1 Dec 2026"), of="boxes"),
        item("with a server that hangs", of="boxes", level=1),
        heading("Supporting data"),
        table(
            ("Hour", "Mails", "Repeated", "Written to support"),
            ("14:00", "412", "128", "9"),
            ("15:00", "377", "0", "22"),
        ),
        paragraph({"horizontalRule": {}}),
        heading("How to contact support"),
        paragraph(
            run("support@example.com", link={"url": "mailto:support@example.com"}),
            ", every day from 8 to 20 h CET.",
        ),
        more_tabs=(("Notes", [paragraph("Raw notes of the call.")]),),
    )


def notice(
    to: str,
    subject: str = "Resolved: you got our welcome mail twice",
    html: str = "",
    text: str = "",
) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Support <lead@example.com>"
    message["To"] = to
    message["Subject"] = subject
    message["Date"] = "Tue, 24 Nov 2026 17:39:00 +0000"
    message.set_content(text or "Hello,\n\nwe sent you the same mail twice. We are sorry.\n")
    message.add_alternative(
        html or "<p>Hello,</p><p>we sent you the same mail <b>twice</b>. We are sorry.</p>",
        subtype="html",
    )
    return message


def finished_rehearsal() -> SampleWorld:
    world = SampleWorld()
    world.add_doc(
        POSTMORTEM,
        postmortem(),
        {"type": "user", "role": "writer", "emailAddress": "ann@example.com"},
        {"type": "group", "role": "commenter", "emailAddress": "support-team@example.com"},
        {"type": "domain", "role": "reader", "domain": "example.com"},
    )
    for minute, name in enumerate(["Zoë Brandt", "Kenji 健二", "دعاء", "Mary O’Hara"]):
        message = notice(f"{name} <customer{minute}@client.example>")
        if minute == 0:
            message.add_attachment(b"%PDF-" * 900, "application", "pdf", filename="details.pdf")
        world.add_mail(message, minute)
    world.add_draft(notice("late@client.example", "Draft of a correction"))
    return world
