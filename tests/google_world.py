"""The rehearsal Google as tests use it: its mailbox, its docs, its faults."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import requests

from google_rehearsal.drive.resource import WORKBOOK_TYPE, workbook
from google_rehearsal.lifecycle import RunningServer

ACCOUNT = "you@rehearsal.example"


@dataclass(frozen=True)
class GoogleWorld:
    """Reads the state of one running rehearsal Google, and sets its faults."""

    server: RunningServer
    account: str = ACCOUNT

    @property
    def url(self) -> str:
        return self.server.base_url

    # Its state

    def sent(self) -> list[EmailMessage]:
        """Every mail sent from this account's mailbox, oldest first."""
        ids = [
            each["id"]
            for each in self._pages("gmail/v1/users/me/messages", "messages", labelIds="SENT")
        ]
        return [self._mail(each) for each in reversed(ids)]

    def threads(self) -> set[str]:
        """The threads of the mails sent from this account's mailbox."""
        found = self._pages("gmail/v1/users/me/messages", "messages", labelIds="SENT")
        return {str(each["threadId"]) for each in found}

    def of(self, account: str) -> GoogleWorld:
        """The same Google, as another account sees it."""
        return GoogleWorld(self.server, account)

    def relayed(self) -> list[EmailMessage]:
        """Every mail that the relay accepted, oldest first."""
        found: list[dict[str, Any]] = self._switchboard("get", "relayed")["relayed"]
        raws = [each["raw"].encode("latin-1") for each in found]
        return [message_from_bytes(raw, policy=policy.default) for raw in raws]

    def relayed_copies(self) -> dict[str, int]:
        """How many mails the relay accepted for each address, by the envelopes."""
        found = self._switchboard("get", "relayed")["relayed"]
        return dict(Counter(address for each in found for address in each["to"]))

    def _mail(self, message_id: str) -> EmailMessage:
        answer = self._get(f"gmail/v1/users/me/messages/{message_id}", format="raw")
        raw = base64.urlsafe_b64decode(answer["raw"])
        message = message_from_bytes(raw, policy=policy.default)
        assert isinstance(message, EmailMessage)
        return message

    def copies_from(self, *accounts: str) -> dict[str, int]:
        """How many mails each address got from the mailboxes of these accounts."""
        found = Counter[str]()
        for account in accounts:
            found.update(self.of(account).copies_per_recipient())
        return dict(found)

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
        """The drafts in the mailbox."""
        return self._pages("gmail/v1/users/me/drafts", "drafts")

    def drafts_per_recipient(self) -> dict[str, int]:
        """How many drafts in the mailbox are addressed to each address."""
        raws = [self.raw_draft(each["id"]) for each in self.drafts()]
        mails = [message_from_bytes(raw, policy=policy.default) for raw in raws]
        return dict(Counter(each.addr_spec for mail in mails for each in mail["To"].addresses))

    def raw_draft(self, draft_id: str) -> bytes:
        """A draft's message as RFC 5322 bytes."""
        answer = self._get(f"gmail/v1/users/me/drafts/{draft_id}", format="raw")
        return base64.urlsafe_b64decode(answer["message"]["raw"])

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

    def file_named(self, name: str) -> bytes:
        """The content of the file in Drive that has a name."""
        files = self._pages("drive/v3/files", "files", fields="nextPageToken,files(id,name)")
        (file_id,) = [each["id"] for each in files if each["name"] == name]
        answer = self._session().get(
            f"{self.url}/drive/v3/files/{file_id}", params={"alt": "media"}, timeout=10
        )
        assert answer.ok, answer.text
        return answer.content

    def permissions(self, doc_id: str) -> list[dict[str, Any]]:
        """Who may see a doc."""
        found: list[dict[str, Any]] = self._get(
            f"drive/v3/files/{doc_id}/permissions", fields="permissions(*)"
        )["permissions"]
        return found

    def edit(self, doc_id: str, *edits: dict[str, Any]) -> None:
        """Edit a doc as a person would, whatever its revision is."""
        self._batch(doc_id, {"requests": list(edits)})

    def suggest(self, doc_id: str, *edits: dict[str, Any]) -> None:
        """Edit a doc as a person in suggestion mode would."""
        self._batch(doc_id, {"requests": list(edits), "writeControl": {"writeMode": "SUGGEST"}})

    def _batch(self, doc_id: str, body: dict[str, Any]) -> None:
        answer = self._session().post(f"{self.url}/v1/documents/{doc_id}:batchUpdate", json=body)
        assert answer.ok, answer.text

    def make_folder(self, name: str) -> str:
        """A folder that the program created itself, so that drive.file can see it."""
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
        return self._upload_sheet(name, "text/csv", csv.encode(), token)

    def upload_workbook(self, name: str, tabs: Mapping[str, Sequence[Sequence[str]]]) -> str:
        """Make a Google Sheet of several tabs, as the person who is signed in."""
        return self.upload_xlsx(name, workbook(tabs))

    def upload_xlsx(self, name: str, content: bytes) -> str:
        """Make a Google Sheet of an .xlsx, as the person who is signed in."""
        return self._upload_sheet(name, WORKBOOK_TYPE, content, "rehearsal")

    def _upload_sheet(self, name: str, kind: str, content: bytes, token: str) -> str:
        metadata = json.dumps({"name": name, "mimeType": "application/vnd.google-apps.spreadsheet"})
        parts = [("application/json", metadata.encode()), (kind, content)]
        body = b"".join(
            f"--part\r\nContent-Type: {kind}\r\n\r\n".encode() + text + b"\r\n"
            for kind, text in parts
        )
        answer = requests.post(
            f"{self.url}/upload/drive/v3/files?uploadType=multipart",
            data=body + b"--part--\r\n",
            headers={
                "Authorization": f"Bearer {token}",
                "Content-Type": "multipart/related; boundary=part",
            },
            timeout=10,
        )
        assert answer.ok, answer.text
        return str(answer.json()["id"])

    def erased(self) -> list[EmailMessage]:
        """The sent mails that were deleted for good; their recipients still have them."""
        found = self._switchboard("get", "erased")["erased"]
        raws = [base64.b64decode(each["raw"]) for each in found]
        return [message_from_bytes(raw, policy=policy.default) for raw in raws]

    @property
    def person(self) -> PersonInGmail:
        """The person at this account's mailbox, in Gmail's own window."""
        return PersonInGmail(self)

    def people(self, *acts: dict[str, Any]) -> list[dict[str, Any]]:
        """Let people act, see `google_rehearsal.people`; returns the ids of what they changed."""
        done: list[dict[str, Any]] = self._switchboard("post", "people", list(acts))["done"]
        return done

    def told(self) -> list[dict[str, Any]]:
        """The messages in colleagues' chats: service, channel and body, in order."""
        found: list[dict[str, Any]] = self._switchboard("get", "told")["told"]
        return found

    def say_in_slack(self, name: str, text: str, ts: str, **more: Any) -> str:
        """Let a person say something in #incidents; the link to the message."""
        message = {"channel": "CINCIDENTS", "name": name, "text": text, "ts": ts, **more}
        return str(self._switchboard("post", "chat", message)["permalink"])

    # Its behaviour

    def calls(self) -> dict[str, int]:
        """How often each method was called since `forget_calls`."""
        counts: dict[str, int] = self._switchboard("get", "requests")["counts"]
        return counts

    def calls_that_worked(self, *methods: str) -> int:
        """How many of the last calls of these methods were answered with a success."""
        recent = self._switchboard("get", "requests")["recent"]
        return sum(each["method"] in methods and each["status"] == "200" for each in recent)

    def forget_calls(self) -> None:
        self._switchboard("delete", "requests")

    def misbehave(
        self, kind: str, method: str = "*", *, seed: int = 1, words: str = "", **more: Any
    ) -> None:
        """Switch on a fault for a method such as `gmail.users.drafts.send`.

        With `words`, only calls that contain them fail.
        """
        match = {"method": method, **({"words": words} if words else {})}
        fault = {"match": match, "kind": kind, **more}
        self._switchboard("post", "faults", {"faults": [fault], "seed": seed})

    def behave(self) -> None:
        """Switch all faults off."""
        self._switchboard("delete", "faults")

    def set(self, **settings: Any) -> None:
        """Change the server's settings."""
        self._switchboard("patch", "settings", settings)

    def answered_by(self, address: str, text: str = "When?", *, automatic: bool = False) -> str:
        """Let a customer answer the last mail they got; returns the message's id."""
        given = {"from": address, "text": text, "automatic": automatic}
        return str(self._switchboard("post", "mail", given)["id"])

    def receive(self, raw: bytes) -> str:
        """Put a mail into the mailbox; returns the message's id."""
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


@dataclass(frozen=True)
class PersonInGmail:
    """A person at the mailbox of an account. `to` is a draft's recipient, or its id."""

    world: GoogleWorld

    def sends_draft(self, to: str, **more: str) -> str:
        """Press "Send" in a draft; returns the id of the sent message.

        With `leaves="orphan"` the draft's id finds that mail afterwards.
        """
        return str(self._does("send_draft", to, **more)["id"])

    def edits_draft(self, to: str, **changes: Any) -> str:
        """Change a draft; returns its message's new id.

        `new_to`, `subject`, `text` (the whole body), `replace` (old and new words), `attach` (a
        name and its bytes), `raw` (the bytes of a whole message).
        """
        if "new_to" in changes:
            changes["to"] = changes.pop("new_to")
        if "attach" in changes:
            name, content = changes["attach"]
            changes["attach"] = [{"name": name, "content": _base64(content)}]
        if "raw" in changes:
            changes["raw"] = _base64(changes["raw"])
        if "replace" in changes:
            changes["replace"] = list(changes["replace"])
        return str(self._does("edit_draft", to, **changes)["id"])

    def deletes_draft(self, to: str) -> None:
        """Delete a draft."""
        self._does("delete_draft", to)

    def _does(self, what: str, draft: str, **more: Any) -> dict[str, Any]:
        given = {"does": what, "who": self.world.account, "draft": draft, **more}
        return self.world.people(given)[0]


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
