"""A frozen plan: everything that it sends, its hash, and the file that carries it."""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from workflow.errors import BadInput, why_refused
from workflow.files import write_whole
from workflow.ledger.plans import Proposal
from workflow.model import Finding
from workflow.notice.plan import NotifyRequest, Plan
from workflow.notice.recipients import mail_bytes
from workflow.notice.wording import copy_markdown

_VERSION = 1
_KEY_FILE, _KEY_BYTES = "approval-key", 32
_LARGEST_FILE_BYTES = 1024**3


@dataclass(frozen=True)
class PlanFile:
    """A plan as a file: the mails to send, their recipients, and the decision about it.

    `key` is the public key, in hex, that signed the decision.
    """

    frozen: Mapping[str, Any]
    plan_hash: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str = ""
    decided_at: datetime | None = None
    is_approved: bool = False
    reason: str = ""
    key: str = ""

    @property
    def mails(self) -> int:
        """The number of customers that it would write to."""
        return len(self.frozen["mails"])


def read_plan_file(path: Path) -> PlanFile:
    """Read a plan's file and check it against its own hash. Raises `BadInput`."""
    try:
        if path.stat().st_size > _LARGEST_FILE_BYTES:
            raise BadInput(f"{path} is larger than 1 GB: that is no plan.")
        record = json.loads(path.read_text(encoding="utf-8"))
        decision = record.get("decision") or {}
        found = PlanFile(
            frozen=record["sends"],
            plan_hash=record["plan"],
            proposed_by=record["proposed_by"],
            proposed_at=datetime.fromisoformat(record["proposed_at"]),
            decided_by=decision.get("by", ""),
            decided_at=datetime.fromisoformat(decision["at"]) if decision else None,
            is_approved=bool(decision.get("approved")),
            reason=decision.get("reason", ""),
            key=str(decision.get("key", "")),
        )
        check_content(found.frozen, found.plan_hash)
        if decision and not _is_signed(found, str(decision.get("signature", ""))):
            raise BadInput(
                f"{path}: the decision of {found.decided_by or 'nobody'} was changed after it was "
                "made, or typed in: its signature does not fit. Nothing was changed. Propose the "
                "plan to a new file: the same notify command with --propose --plan-out FILE"
            )
    except OSError as fault:
        raise BadInput(f"{path} can't be read: {why_refused(fault)}.") from fault
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as fault:
        raise BadInput(f"{path} is not a plan that `notify --plan-out` wrote.") from fault
    return found


def write_plan_file(path: Path, plan: PlanFile) -> None:
    """Write a plan to a file, for somebody else to decide. Raises `BadInput` if that fails."""
    _write(path, plan, None)


def write_decision(path: Path, plan: PlanFile, folder: Path) -> PlanFile:
    """Write a decided plan to its file, signed with this machine's key from `folder`.

    Returns the plan with the key. Raises `BadInput` if the file or the key can't be written.
    """
    assert plan.decided_at is not None  # noqa: S101 - the caller has decided
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(_own_key(folder)))
    signed = replace(plan, key=key.public_key().public_bytes_raw().hex())
    decision = {
        "by": signed.decided_by,
        "at": plan.decided_at.isoformat(),
        "approved": signed.is_approved,
        "reason": signed.reason,
        "key": signed.key,
        "signature": key.sign(_signed_bytes(signed)).hex(),
    }
    _write(path, signed, decision)
    return signed


def own_public_key(folder: Path) -> str:
    """The public key, in hex, with which this machine signs decisions. Raises `BadInput`."""
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(_own_key(folder)))
    return key.public_key().public_bytes_raw().hex()


def _own_key(folder: Path) -> str:
    """This machine's private key in hex, made when it is first needed."""
    path = folder / _KEY_FILE
    if path.exists():
        try:
            found = path.read_text(encoding="ascii").strip()
            is_one = len(bytes.fromhex(found)) == _KEY_BYTES
        except (OSError, ValueError):
            is_one = False
        if not is_one:
            raise BadInput(f"{path} can't be read as a key. Move it away to get a new one.")
        return found
    made = Ed25519PrivateKey.generate().private_bytes_raw().hex()
    write_whole(path, made.encode("ascii") + b"\n")
    return made


def _signed_bytes(plan: PlanFile) -> bytes:
    """What a signature covers: the whole plan as the approver had it, and the decision."""
    at = plan.decided_at.isoformat() if plan.decided_at else ""
    proposed = [plan.plan_hash, plan.proposed_by, plan.proposed_at.isoformat(), plan.frozen]
    decided = [plan.decided_by, at, plan.is_approved, plan.reason, plan.key]
    return json.dumps([proposed, decided], ensure_ascii=True, sort_keys=True).encode("ascii")


def _is_signed(plan: PlanFile, signature: str) -> bool:
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(plan.key))
        key.verify(bytes.fromhex(signature), _signed_bytes(plan))
    except (InvalidSignature, ValueError):
        return False
    return True


def _write(path: Path, plan: PlanFile, decision: Mapping[str, Any] | None) -> None:
    record = {
        "plan": plan.plan_hash,
        "proposed_by": plan.proposed_by,
        "proposed_at": plan.proposed_at.isoformat(),
        "decision": decision,
        "sends": plan.frozen,
    }
    content = json.dumps(record, ensure_ascii=False, indent=1)
    write_whole(path, content.encode("utf-8", "replace") + b"\n")


def check_content(frozen: Mapping[str, Any], plan_id: str) -> None:
    """Raise `BadInput` if a plan's content doesn't match its hash."""
    mails = sha256()
    for each in frozen["mails"]:
        mails.update(mail_bytes(each["key"], each["subject"], each["markdown"], each["files"]))
    if hash_of(frozen["head"], mails.hexdigest()) != plan_id:
        raise BadInput(
            f"Plan {plan_id[:8]} was changed after it was proposed: its content has another hash. "
            "Nothing was changed."
        )


def head_of(plan: Plan) -> dict[str, Any]:
    """What all mails of a plan have in common, in the form that is hashed."""
    return {
        "incident": plan.incident.id,
        "stage": plan.stage.value,
        "from": plan.from_address,
        "from_name": plan.from_name,
        "reply_to": plan.reply_to,
        "transport": plan.transport.value,
        "next_update": plan.promised.isoformat() if plan.promised else None,
        "attachments": [
            [each.filename, each.media_type, sha256(each.content).hexdigest()]
            for each in plan.attachments
        ],
    }


def frozen_plan(plan: Plan) -> dict[str, Any]:
    """Everything that a plan sends."""
    return {
        "version": _VERSION,
        "head": head_of(plan),
        "title": plan.incident.title,
        "doc_url": plan.incident.doc_url,
        "subject": plan.copy.subject,
        "copy_markdown": copy_markdown(plan.wordings, plan.count.wordings.count),
        "mails": [
            {
                "row": mail.row,
                "email": mail.email,
                "key": mail.recipient_key,
                "subject": mail.subject,
                "markdown": mail.markdown,
                "files": mail.files_hash,
            }
            for mail in plan.mails()
        ],
    }


def hash_of(head: Mapping[str, Any], mails_hash: str) -> str:
    """The hash of a plan: of what its mails have in common, and of all mails in order."""
    written = json.dumps({"head": head, "mails": mails_hash}, ensure_ascii=True, sort_keys=True)
    return sha256(written.encode("ascii")).hexdigest()


def packed(record: Mapping[str, Any]) -> bytes:
    """A record as the ledger keeps it."""
    return zlib.compress(json.dumps(record, ensure_ascii=True).encode("ascii"))


def unpacked(content: bytes) -> dict[str, Any]:
    """A record that the ledger kept."""
    found: dict[str, Any] = json.loads(zlib.decompress(content))
    return found


def request_record(request: NotifyRequest) -> dict[str, Any]:
    """The request as a record, with the list; file paths are made absolute."""
    values = {each.name: getattr(request, each.name) for each in fields(request)}
    return values | {
        "content": b64encode(request.content).decode(),
        "template": _anywhere(request.template),
        "attach": [_anywhere(each) for each in request.attach],
        "next_update": request.next_update.isoformat() if request.next_update else None,
        "folder": str(request.folder.absolute()) if request.folder else None,
        "columns": dict(request.columns),
        "unformatted": dict(request.unformatted),
        "list_notes": [vars(each) for each in request.list_notes],
        "despite": list(request.despite),
    }


def request_from(record: Mapping[str, Any]) -> NotifyRequest:
    """The request from a record that `request_record` wrote."""
    known = {each.name for each in fields(NotifyRequest)}
    values = {name: value for name, value in record.items() if name in known}
    at, folder = record["next_update"], record["folder"]
    return NotifyRequest(
        **values
        | {
            "content": b64decode(record["content"]),
            "attach": tuple(record["attach"]),
            "next_update": datetime.fromisoformat(at) if at else None,
            "folder": Path(folder) if folder else None,
            "list_notes": tuple(Finding(**each) for each in record["list_notes"]),
            "despite": tuple(record["despite"]),
        }
    )


def _anywhere(name: str) -> str:
    return str(Path(name).absolute()) if name and Path(name).is_file() else name


def names_customer(proposal: Proposal, key: str, email: str) -> bool:
    """Whether a stored plan would write to a customer, or has them in its list."""
    if proposal.content is None or proposal.request is None:
        return False
    mails = unpacked(proposal.content)["mails"]
    listed = b64decode(unpacked(proposal.request)["content"]).lower()
    return any(each["key"] == key for each in mails) or email.lower().encode() in listed
