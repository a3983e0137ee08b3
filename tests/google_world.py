"""The rehearsal Google as a test sees it: its mailbox, its docs, its faults."""

from __future__ import annotations

import base64
import json
from collections import Counter
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import requests

from workflow.rehearsal.lifecycle import RunningServer

ACCOUNT = "you@rehearsal.example"


@dataclass(frozen=True)
class GoogleWorld:
    """Looks at, and misbehaves for, one running rehearsal Google."""

    server: RunningServer
    account: str = ACCOUNT

    @property
    def url(self) -> str:
        return self.server.base_url

    # What is there

    def sent(self) -> list[EmailMessage]:
        """Every mail that left this account's mailbox, the oldest first."""
        ids = [
            each["id"]
            for each in self._pages("gmail/v1/users/me/messages", "messages", labelIds="SENT")
        ]
        return [self._mail(each) for each in reversed(ids)]

    def of(self, account: str) -> GoogleWorld:
        """The same Google, as another account sees it."""
        return GoogleWorld(self.server, account)

    def relayed(self) -> list[EmailMessage]:
        """Every mail that the relay took, the oldest first."""
        found: list[dict[str, Any]] = self._switchboard("get", "relayed")["relayed"]
        raws = [each["raw"].encode("latin-1") for each in found]
        return [message_from_bytes(raw, policy=policy.default) for raw in raws]

    def relayed_copies(self) -> dict[str, int]:
        """How many mails the relay took for each address, by the envelopes."""
        found = self._switchboard("get", "relayed")["relayed"]
        return dict(Counter(address for each in found for address in each["to"]))

    def _mail(self, message_id: str) -> EmailMessage:
        answer = self._get(f"gmail/v1/users/me/messages/{message_id}", format="raw")
        raw = base64.urlsafe_b64decode(answer["raw"])
        message = message_from_bytes(raw, policy=policy.default)
        assert isinstance(message, EmailMessage)
        return message

    def copies_per_recipient(self) -> dict[str, int]:
        """How many mails each address got, over To, Cc and Bcc."""
        return dict(
            Counter(
                address.addr_spec
                for mail in self.sent()
                for name in ("To", "Cc", "Bcc")
                for address in getattr(mail.get(name), "addresses", ())
            )
        )

    def drafts(self) -> list[dict[str, Any]]:
        """The drafts that lie in the mailbox."""
        return self._pages("gmail/v1/users/me/drafts", "drafts")

    def documents(self) -> list[dict[str, Any]]:
        """The Google Docs, the newest first."""
        files = self._pages("drive/v3/files", "files", fields="nextPageToken,files(*)")
        return [each for each in files if each["mimeType"].endswith("google-apps.document")]

    def document(self, doc_id: str) -> dict[str, Any]:
        """A whole `Document` resource with its tabs."""
        return self._get(f"v1/documents/{doc_id}", includeTabsContent="true")

    def text(self, doc_id: str) -> str:
        """A doc as plain text."""
        return self._export(doc_id, "text/plain").lstrip("\ufeff").replace("\r\n", "\n")

    def markdown(self, doc_id: str) -> str:
        """A doc as Drive exports it in Markdown."""
        return self._export(doc_id, "text/markdown")

    def file(self, doc_id: str) -> dict[str, Any]:
        """A doc's whole `File` resource of Drive."""
        return self._get(f"drive/v3/files/{doc_id}", fields="*")

    def permissions(self, doc_id: str) -> list[dict[str, Any]]:
        """Who may see a doc."""
        found: list[dict[str, Any]] = self._get(
            f"drive/v3/files/{doc_id}/permissions", fields="permissions(*)"
        )["permissions"]
        return found

    def edit(self, doc_id: str, *edits: dict[str, Any]) -> None:
        """Edit a doc as a person would, with nothing held against what others do."""
        self._batch(doc_id, {"requests": list(edits)})

    def suggest(self, doc_id: str, *edits: dict[str, Any]) -> None:
        """Edit a doc as a person in suggestion mode would."""
        self._batch(doc_id, {"requests": list(edits), "writeControl": {"writeMode": "SUGGEST"}})

    def _batch(self, doc_id: str, body: dict[str, Any]) -> None:
        answer = self._session().post(f"{self.url}/v1/documents/{doc_id}:batchUpdate", json=body)
        assert answer.ok, answer.text

    def make_folder(self, name: str) -> str:
        """A folder that the tool made itself, so that drive.file sees it."""
        answer = requests.post(
            f"{self.url}/drive/v3/files",
            json={"name": name, "mimeType": "application/vnd.google-apps.folder"},
            headers={"Authorization": "Bearer rehearsal"},
            timeout=10,
        )
        assert answer.ok, answer.text
        return str(answer.json()["id"])

    def upload_sheet(self, name: str, csv: str, *, token: str) -> str:
        """Make a Google Sheet out of a CSV, as the person with that token."""
        metadata = json.dumps({"name": name, "mimeType": "application/vnd.google-apps.spreadsheet"})
        parts = [("application/json", metadata), ("text/csv", csv)]
        body = "".join(f"--part\r\nContent-Type: {kind}\r\n\r\n{text}\r\n" for kind, text in parts)
        answer = requests.post(
            f"{self.url}/upload/drive/v3/files?uploadType=multipart",
            data=f"{body}--part--\r\n".encode(),
            headers={
                "Authorization": f"Bearer {token}",
                "Content-Type": "multipart/related; boundary=part",
            },
            timeout=10,
        )
        assert answer.ok, answer.text
        return str(answer.json()["id"])

    def told(self) -> list[dict[str, Any]]:
        """What was said in the chats of colleagues: service, channel and body, in order."""
        found: list[dict[str, Any]] = self._switchboard("get", "told")["told"]
        return found

    # How it behaves

    def calls(self) -> dict[str, int]:
        """How often each method was called since `forget_calls`."""
        counts: dict[str, int] = self._switchboard("get", "requests")["counts"]
        return counts

    def forget_calls(self) -> None:
        self._switchboard("delete", "requests")

    def misbehave(self, kind: str, method: str = "*", *, seed: int = 1, **more: Any) -> None:
        """Switch on a fault for a method such as `gmail.users.drafts.send`."""
        fault = {"match": {"method": method}, "kind": kind, **more}
        self._switchboard("post", "faults", {"faults": [fault], "seed": seed})

    def behave(self) -> None:
        """Switch all faults off."""
        self._switchboard("delete", "faults")

    def set(self, **settings: Any) -> None:
        """Change the server's settings."""
        self._switchboard("patch", "settings", settings)

    def answered_by(self, address: str, text: str = "When?", *, automatic: bool = False) -> str:
        """Let a customer answer the last mail they had; the message's id."""
        given = {"from": address, "text": text, "automatic": automatic}
        return str(self._switchboard("post", "mail", given)["id"])

    def receive(self, raw: bytes) -> str:
        """Let any mail come into the mailbox; the message's id."""
        given = {"raw": base64.b64encode(raw).decode()}
        return str(self._switchboard("post", "mail", given)["id"])

    def _switchboard(self, verb: str, path: str, body: Any = None) -> dict[str, Any]:
        answer = requests.request(
            verb,
            f"{self.url}/rehearsal/{path}",
            json=body,
            headers={"X-Rehearsal-Key": self.server.key},
            timeout=10,
        )
        assert answer.ok, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def _session(self) -> requests.Session:
        session = requests.Session()
        scopes = "gmail.modify,drive,documents"
        session.headers["Authorization"] = f"Bearer rehearsal:{self.account}:{scopes}"
        return session

    def _get(self, path: str, **query: str) -> dict[str, Any]:
        answer = self._session().get(f"{self.url}/{path}", params=query, timeout=10)
        assert answer.ok, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def _pages(self, path: str, name: str, **query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        token = ""
        while True:
            answer = self._get(path, **query, **({"pageToken": token} if token else {}))
            found += answer.get(name, [])
            token = answer.get("nextPageToken", "")
            if not token:
                return found

    def _export(self, doc_id: str, media_type: str) -> str:
        answer = self._session().get(
            f"{self.url}/drive/v3/files/{doc_id}/export",
            params={"mimeType": media_type},
            timeout=10,
        )
        assert answer.ok, answer.text
        return answer.content.decode("utf-8")
