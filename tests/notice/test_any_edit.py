"""Any edit of a draft in Gmail: the mail is sent and recorded as edited, or it is not sent."""

from __future__ import annotations

import itertools
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.command_line import Postmortem
from tests.google_world import GoogleWorld

_LINE = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=30
).map(lambda text: " ".join(text.split()))
_CHANGES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "subject": _LINE,
        "text": st.lists(_LINE, min_size=1, max_size=3).map("\n".join),
        "replace": st.just(("price", "cost")),
        "new_to": st.sampled_from(
            ["eve@elsewhere.example", "{to}, boss@elsewhere.example", "Ann <{to}>", ""]
        ),
        "attach": st.tuples(st.just("terms.pdf"), st.binary(min_size=1, max_size=9)),
    },
)
_NUMBERS = itertools.count(1)
_DRAFTS = 5


def plain(raw: bytes) -> tuple[str, str, str, bytes]:
    """A mail's recipient, subject and exact body; Gmail renews other headers."""
    message = message_from_bytes(raw, policy=policy.compat32)
    _, _, body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    names = ("To", "Subject", "Content-Type")
    to, subject, kind = (" ".join(str(message[name]).split()) for name in names)
    return to, subject, kind, body


@pytest.fixture
def template(tmp_path: Path) -> str:
    path = tmp_path / "price.md"
    path.write_text(
        "---\nsubject: Your invoice\n---\nHello,\n\nthe price is 10 EUR.\n", encoding="utf-8"
    )
    return str(path)


@settings(
    max_examples=2,  # each a session with five drafts
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(_CHANGES, min_size=_DRAFTS, max_size=_DRAFTS),
    st.sampled_from(["--as-edited", "--as-edited", "--restore", "--leave-out"]),
)
def test_an_edit_leaves_and_is_recorded_or_does_not_leave(
    postmortem: Postmortem,
    google: GoogleWorld,
    tmp_path: Path,
    template: str,
    edits: list[dict[str, Any]],
    decision: str,
) -> None:
    number = next(_NUMBERS)
    addresses = [f"ann{number}-{at}@customer.example" for at in range(_DRAFTS)]
    listed = tmp_path / f"list-{number}.csv"
    listed.write_text("\n".join(["email", *addresses]) + "\n", encoding="utf-8")
    postmortem("start", f"Incident {number}")
    count = ("--confirm", str(_DRAFTS))
    arguments = ("notify", str(listed), "--template", template, "--stage", "update")
    notice = postmortem.json(*arguments, "--send", *count, "--draft-only")["notice"]
    before = len(google.sent())
    edited = [
        _edited(google, address, changes) for address, changes in zip(addresses, edits, strict=True)
    ]
    # Without a decision nothing is sent, unless nobody changed anything.
    undecided = postmortem("resume", notice, *count, expect=None)
    if undecided.code == 3:
        assert len(google.sent()) == before
        done = postmortem("resume", notice, *count, decision, expect=None)
        if done.code == 3:  # one has no recipient left, and can't be sent as it is
            assert len(google.sent()) == before
            assert "has no recipient any more" in done.err
            postmortem("resume", notice, *count, "--restore")
            decision = "--restore"

    left = [mail.as_bytes(policy=policy.SMTP) for mail in google.sent()[before:]]
    recorded = mails_of(postmortem, tmp_path / f"record-{number}")
    assert sorted(map(plain, left)) == sorted(map(plain, recorded))
    allowed = {plain(raw) for raw in edited} if decision == "--as-edited" else set()
    for raw in left:
        assert plain(raw) in allowed or "the price is 10 EUR." in text_of(raw)
    if decision != "--leave-out":
        assert len(left) == _DRAFTS
    assert google.drafts() == []


def _edited(google: GoogleWorld, to: str, changes: dict[str, Any]) -> bytes:
    """A draft's content after a person's edit."""
    message_id = google.person.edits_draft(to, **_addressed(changes, to))
    (draft,) = [each for each in google.drafts() if each["message"]["id"] == message_id]
    return google.raw_draft(draft["id"])


def _addressed(changes: dict[str, Any], to: str) -> dict[str, Any]:
    wanted = {name: value for name, value in changes.items() if name != "new_to"}
    if "text" in wanted:  # none of our text is left to be replaced
        wanted.pop("replace", None)
    if "new_to" in changes:
        wanted["new_to"] = changes["new_to"].format(to=to)
    return wanted


def mails_of(postmortem: Postmortem, folder: Path) -> list[bytes]:
    postmortem("export", str(folder), "--format", "eml")
    return [path.read_bytes() for path in folder.glob("mails/*/*.eml")]


def text_of(raw: bytes) -> str:
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    part = message.get_body(("plain",))
    return "" if part is None else str(part.get_content())
