"""The script that people write: read the list, build a message, `messages.send`, next.

`python -m bench.peers.plain_loop ADDRESS LIST [RETRIES]`; RETRIES is googleapiclient's
`num_retries`: its default of 0 as in most scripts, or what others copy from an answer.
"""

from __future__ import annotations

import base64
import csv
import sys
from email.message import EmailMessage
from pathlib import Path

from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build


def main(address: str, listed: str, retries: str = "0") -> None:
    """Mail everybody on the list, from the top."""
    credentials = Credentials("rehearsal:you@rehearsal.example:gmail.send")  # type: ignore[no-untyped-call]
    gmail = build("gmail", "v1", credentials=credentials, client_options={"api_endpoint": address})
    with Path(listed).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            message = EmailMessage()
            message["To"] = row["email"]
            message["Subject"] = "We are looking into a problem"
            message.set_content(f"Hello {row['name']}, we are looking into a problem.")
            raw = base64.urlsafe_b64encode(message.as_bytes()).decode()
            send = gmail.users().messages().send(userId="me", body={"raw": raw})
            send.execute(num_retries=int(retries))
            print("sent", row["email"], flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
