"""The reports of mail that could not be delivered, as Gmail puts them into the mailbox.

Their form is that of RFC 3464; the words, the headers and the order of the parts are those of
reports that Gmail has sent.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime, make_msgid

from workflow.rehearsal import ids
from workflow.rehearsal.gmail.mime import Mail
from workflow.rehearsal.settings import Settings

_EXPLAINED = "https://support.google.com/mail/?p=NoSuchUser"
_NO_SUCH_USER = (
    "The email account that you tried to reach does not exist. Please try double-checking the "
    "recipient's email address for typos or unnecessary spaces."
)


def fails(recipient: str, settings: Settings) -> bool:
    """Whether mail to this address comes back, by the settings."""
    address = recipient.lower()
    known = {each.lower() for each in settings.bouncing}
    return bool({address, "@" + address.rpartition("@")[2]} & known)


def failure_report(mail: Mail, recipient: str, account: str, now: datetime) -> bytes:
    """The report on a mail to an address that does not exist: three parts, the mail as the last.

    `mail` is as it went out, with its own Message-ID; `account` is who sent it.
    """
    boundary = ids.element_id().replace("-", "").replace("_", "")
    domain = recipient.rpartition("@")[2]
    lines = [
        "Return-Path: <>",
        f"X-Failed-Recipients: {recipient}",
        "Auto-Submitted: auto-replied",
        "From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
        f"To: {account}",
        "Subject: Delivery Status Notification (Failure)",
        f"References: {mail.message_id}",
        f"In-Reply-To: {mail.message_id}",
        f"Message-ID: {make_msgid(domain='mx.google.com')}",
        f"Date: {format_datetime(now.astimezone(UTC))}",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; boundary="{boundary}"; report-type=delivery-status',
        "",
        f"--{boundary}",
        'Content-Type: text/plain; charset="UTF-8"',
        "",
        "",
        "** Address not found **",
        "",
        f"Your message wasn't delivered to {recipient} because the address couldn't be found, or "
        "is unable to receive mail.",
        "",
        f"Learn more here: {_EXPLAINED}",
        "",
        f"The response was: 550 5.1.1 {_NO_SUCH_USER} Learn more at {_EXPLAINED}",
        "",
        f"--{boundary}",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; googlemail.com",
        f"Received-From-MTA: dns; {account}",
        f"Arrival-Date: {format_datetime(now.astimezone(UTC))}",
        f"X-Original-Message-ID: {mail.message_id}",
        "",
        f"Final-Recipient: rfc822; {recipient}",
        "Action: failed",
        "Status: 5.1.1",
        f"Remote-MTA: dns; mx.{domain}. (127.0.0.1, the server for the domain {domain}.)",
        "Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach does not",
        " exist. Please try 550-5.1.1 double-checking the recipient's email address for typos or",
        f" 550-5.1.1 unnecessary spaces. Learn more at 550 5.1.1 {_EXPLAINED}",
        f"Last-Attempt-Date: {format_datetime(now.astimezone(UTC))}",
        "",
        f"--{boundary}",
        "Content-Type: message/rfc822",
        "",
    ]
    head = "\r\n".join(lines).encode()
    return b"".join((head, b"\r\n", mail.raw, b"\r\n", f"--{boundary}--\r\n".encode()))
