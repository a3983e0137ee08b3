"""The mails of a notice, each written from the frozen plan."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from markdown_it.token import Token

from workflow.google.faults import Refused, SignInNeeded
from workflow.google.gmail import Gmail
from workflow.ledger import plans
from workflow.ledger.deliveries import Delivery
from workflow.ledger.notices import Notice
from workflow.ledger.plans import AttachedFile
from workflow.mail.faces import html_face, parse_body, picture_names, text_face
from workflow.mail.message import Attachment, build_message
from workflow.model import MailTransport
from workflow.workspace import Workspace


class MailWriter:
    """Compose a notice's mails, in each customer's thread if that can be read.

    Other mail programs thread by the real Message-ID. By SMTP that is our own. By Gmail only Gmail
    knows it, and only a scope that reads mail gives it: without it, the thread exists in Gmail
    only. `own_name` is shown if the config names no sender.
    """

    def __init__(
        self,
        workspace: Workspace,
        notice: Notice,
        files: list[AttachedFile],
        *,
        gmail: Gmail | None = None,
        own_name: str = "",
    ) -> None:
        self._workspace = workspace
        self._notice = notice
        self._files = files
        self._gmail = gmail
        self._own_name = own_name
        self._can_read = workspace.settings.config.sending.read_threads

    def write(self, delivery: Delivery) -> bytes:
        """One recipient's message. Thread-safe."""
        return write_mail(
            self._notice,
            delivery,
            self._files,
            self._workspace,
            self._references(delivery),
            from_name=self._own_name,
        )

    def _references(self, delivery: Delivery) -> tuple[str, ...]:
        if delivery.reply_to_message.startswith("<"):
            return (delivery.reply_to_message,)
        if not (self._can_read and delivery.reply_to_message and delivery.thread_id):
            return ()
        if self._gmail is None:
            return ()
        try:
            header = self._gmail.message_id_header(delivery.reply_to_message)
        except SignInNeeded:
            self._can_read = False
            return ()
        except Refused:
            return ()
        return (header,) if header else ()


def write_mail(
    notice: Notice,
    delivery: Delivery,
    files: list[AttachedFile],
    workspace: Workspace,
    references: tuple[str, ...] = (),
    *,
    from_name: str = "",
) -> bytes:
    """One recipient's message, entirely from the frozen plan.

    `from_name` is the account's own name, for a notice that names no sender.
    """
    if delivery.files:
        with workspace.ledger.read() as connection:
            files = [*files, *plans.own_attachments(connection, notice.id, delivery.files)]
    return compose(
        delivery.markdown,
        files,
        to=delivery.email,
        to_name=delivery.name,
        subject=delivery.subject,
        from_address=visible_sender(notice, delivery),
        from_name=notice.sender_name or from_name,
        reply_to=notice.reply_to,
        date=delivery.sent_at or workspace.now(),
        message_id=own_message_id(notice, delivery),
        references=references,
        lang=delivery.lang,
    )


def compose(
    markdown: str,
    files: Sequence[AttachedFile],
    *,
    to: str,
    to_name: str,
    subject: str,
    from_address: str,
    from_name: str,
    reply_to: str,
    date: datetime | None = None,
    message_id: str = "",
    references: tuple[str, ...] = (),
    lang: str = "",
) -> bytes:
    """A whole message, with text and HTML from one Markdown. Raises as `build_message`."""
    tokens = parse_body(markdown)
    shown = picture_ids(tokens, files)
    addresses = {name: f"cid:{content_id}" for name, content_id in shown.items()}
    return build_message(
        to=to,
        to_name=to_name,
        subject=subject,
        text=text_face(tokens),
        html=html_face(tokens, subject=subject, lang=lang, pictures=addresses),
        from_address=from_address,
        from_name=from_name,
        reply_to=reply_to,
        date=date,
        message_id=message_id,
        references=references,
        attachments=[
            Attachment(file.filename, file.media_type, file.content, shown.get(file.filename, ""))
            for file in files
        ],
    )


def visible_sender(notice: Notice, delivery: Delivery) -> str:
    """The sender's address that a customer sees."""
    return notice.from_address or delivery.sender or notice.sender


def own_message_id(notice: Notice, delivery: Delivery) -> str:
    """The Message-ID of a mail by SMTP; "" for Gmail, which replaces any with its own.

    The same mail always has the same id: if somebody sends an unknown one again, the recipient's
    mailbox can recognize the copy.
    """
    if notice.transport is not MailTransport.SMTP_RELAY:
        return ""
    mail = f"{notice.id} {notice.plan_hash} {delivery.id}"
    domain = visible_sender(notice, delivery).rpartition("@")[2].encode("idna").decode("ascii")
    return f"<{sha256(mail.encode()).hexdigest()[:32]}@{domain}>"


def picture_ids(tokens: Sequence[Token], files: Sequence[AttachedFile]) -> dict[str, str]:
    """The files that a mail shows as pictures, each with the id that its HTML uses."""
    wanted = picture_names(tokens)
    names = [file.filename for file in files if file.filename in wanted]
    return {name: f"{sha256(name.encode()).hexdigest()[:16]}@postmortem" for name in names}
