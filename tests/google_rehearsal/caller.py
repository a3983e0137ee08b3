"""A caller of the rehearsal Google: raw HTTP, and the real client."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from email.message import EmailMessage
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import google.oauth2.credentials
import requests
from googleapiclient.discovery import build_from_document

from google_rehearsal.lifecycle import RunningServer

ERRORS = Path(__file__).parent.parent / "fixtures" / "google_errors"
DOC_TYPE = "application/vnd.google-apps.document"
FOLDER_TYPE = "application/vnd.google-apps.folder"
VERSIONS = {"docs": "v1", "drive": "v3", "gmail": "v1"}
READING = "gmail.compose,gmail.readonly,drive.file,documents"


@dataclass
class Google:
    """One server, and calls to it with any token."""

    server: RunningServer
    session: requests.Session = field(default_factory=requests.Session)

    def call(
        self, verb: str, path: str, *, token: str = "rehearsal", **options: Any
    ) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= options.pop("headers", {})
        return self.session.request(
            verb,
            self.server.base_url + path,
            headers=headers,
            timeout=10,
            allow_redirects=False,
            **options,
        )

    def json(self, verb: str, path: str, **options: Any) -> dict[str, Any]:
        answer = self.call(verb, path, **options)
        assert answer.ok, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def refusal(self, verb: str, path: str, **options: Any) -> dict[str, Any]:
        answer = self.call(verb, path, **options)
        error: dict[str, Any] = answer.json()["error"]
        assert answer.status_code == error["code"] >= 400
        return error

    def admin(self, verb: str, path: str, **options: Any) -> Any:
        headers = {"X-Rehearsal-Key": self.server.key}
        answer = requests.request(
            verb, f"{self.server.base_url}/rehearsal/{path}", headers=headers, timeout=10, **options
        )
        assert answer.ok, answer.text
        return answer.json()

    def fault(self, kind: str, method: str = "*", **options: Any) -> None:
        self.admin("POST", "faults", json=[{"match": {"method": method}, "kind": kind, **options}])

    def settings(self, **values: Any) -> None:
        self.admin("PATCH", "settings", json=values)

    def client(self, service: str, token: str = "rehearsal") -> Any:
        """The service of google-api-python-client, pointed at this server."""
        document = dict(discovery(service))
        document["rootUrl"] = f"{self.server.base_url}/"
        document["baseUrl"] = document["rootUrl"] + document["servicePath"]
        document.pop("mtlsRootUrl", None)
        credentials = google.oauth2.credentials.Credentials(token)  # type: ignore[no-untyped-call]
        return build_from_document(document, credentials=credentials)

    # Steps that many tests begin with

    def new_doc(self, name: str = "Postmortem", token: str = "rehearsal", **body: Any) -> str:
        body = {"name": name, "mimeType": DOC_TYPE, **body}
        return str(self.json("POST", "/drive/v3/files", json=body, token=token)["id"])

    def write(self, doc_id: str, text: str, token: str = "rehearsal") -> requests.Response:
        insert = {"insertText": {"endOfSegmentLocation": {}, "text": text}}
        path = f"/v1/documents/{doc_id}:batchUpdate"
        return self.call("POST", path, json={"requests": [insert]}, token=token)

    def share(self, file_id: str, address: str, role: str = "writer") -> None:
        permission = {"type": "user", "role": role, "emailAddress": address}
        self.json("POST", f"/drive/v3/files/{file_id}/permissions", json=permission)

    def new_draft(self, raw: bytes | None = None, token: str = "rehearsal") -> str:
        body = {"message": {"raw": encoded(raw or mail())}}
        return str(self.json("POST", "/gmail/v1/users/me/drafts", json=body, token=token)["id"])

    def send_draft(self, draft_id: str, token: str = "rehearsal") -> dict[str, Any]:
        path = "/gmail/v1/users/me/drafts/send"
        return self.json("POST", path, json={"id": draft_id}, token=token)

    def send(self, raw: bytes, **options: Any) -> dict[str, Any]:
        path = "/gmail/v1/users/me/messages/send"
        return self.json("POST", path, json={"raw": encoded(raw)}, **options)

    def message(self, message_id: str, form: str = "full", **options: Any) -> dict[str, Any]:
        path = f"/gmail/v1/users/me/messages/{message_id}"
        token = f"rehearsal:you@rehearsal.example:{READING}"
        return self.json("GET", path, params={"format": form, **options}, token=token)

    def headers_of(self, message_id: str) -> dict[str, str]:
        headers = self.message(message_id, "metadata")["payload"]["headers"]
        return {header["name"]: header["value"] for header in headers}


def mail(to: str = "ada@customer.example", text: str = "All is well.\n", **headers: str) -> bytes:
    """A small message; a header is given by its name with `_` for `-`."""
    message = EmailMessage()
    if to:
        message["To"] = to
    for name, value in {"Subject": "News", **headers}.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message.as_bytes()


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode()


def recorded(name: str) -> dict[str, Any]:
    """The `error` object of a recorded body."""
    body = json.loads((ERRORS / f"{name}.json").read_text(encoding="utf-8"))["body"]
    error: dict[str, Any] = body["error"]
    return error


@cache
def discovery(service: str) -> dict[str, Any]:
    package = find_spec("googleapiclient")
    assert package is not None
    assert package.submodule_search_locations
    folder = Path(package.submodule_search_locations[0]) / "discovery_cache" / "documents"
    text = (folder / f"{service}.{VERSIONS[service]}.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document
