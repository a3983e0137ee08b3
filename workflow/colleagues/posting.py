"""One POST to a webhook, once."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from workflow.colleagues.answers import Answer, Outcome
from workflow.google.endpoint import origin
from workflow.google.faults import GoogleFault, Unreachable


def post(url: str, payload: dict[str, object], timeout_seconds: float) -> tuple[int, str, str]:
    """Send a message; the answer's status, its text, and its Retry-After, "" where it has none.

    Redirects are not followed and nothing is repeated. Raises `NotPosted`, whose text does not
    hold the address: its path is the secret.
    """
    import requests  # noqa: PLC0415 - only a command that tells somebody pays for it

    from workflow.google.transport import Transport  # noqa: PLC0415

    transport = Transport(
        requests.Session(),
        origins=frozenset({origin(url)}),
        timeout_seconds=timeout_seconds,
    )
    fault: GoogleFault | None = None
    try:
        answer = transport.request(
            url,
            "POST",
            json.dumps(payload, ensure_ascii=False),
            {"Content-Type": "application/json; charset=utf-8"},
        )
    except GoogleFault as met:
        fault = met
    finally:
        transport.close()
    if fault is not None:  # raised out here, where no traceback drags the address along
        raise NotPosted(lost(urlsplit(url).hostname or "", reached=not _never_left(fault)))
    text = answer.content.decode("utf-8", "replace")
    return answer.status, text, answer.headers.get("retry-after", "")


class NotPosted(Exception):
    """No answer came; `answer` says what that means for the message."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.reason)
        self.answer = answer


def _never_left(fault: GoogleFault) -> bool:
    return isinstance(fault, Unreachable)


def lost(host: str, *, reached: bool) -> Answer:
    """What it means that no answer came from a host: with a connection it may have been done."""
    if reached:
        return Answer(Outcome.UNKNOWN, f"no answer came from {host}")
    return Answer(Outcome.NOT_NOW, f"{host} could not be reached")
