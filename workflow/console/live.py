"""Server-sent events: an open page learns that something changed.

Every change is noticed (by this console, the command line, a colleague on a shared ledger), because
the ledger is polled, not this process.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator

from flask import Response, request, stream_with_context

from workflow.announce import reminders
from workflow.console.desk import Desk
from workflow.errors import PostmortemError
from workflow.ledger import announcements, changes, incidents, notices
from workflow.workspace import Workspace

_LOOK_SECONDS = 1.0
_WORD_OF_LIFE_SECONDS = 15.0
_REMIND_SECONDS = 5.0


def remind(desk: Desk) -> None:
    """Say reminders that are due until the console ends, whether or not a page is open."""
    while True:
        try:
            with desk.workspace() as workspace:
                reminders.settle(workspace)
        except PostmortemError:  # the ledger or the chat is away for a moment
            pass
        if desk.closing.wait(_REMIND_SECONDS):
            return


def events(
    desk: Desk, incident_id: str, state: Callable[[Workspace], str], *, every: float = _LOOK_SECONDS
) -> Response:
    """The stream of a page: the event `changed` whenever `state` returns something else.

    The first comparison is with the state when the page was made, which is in its address (`seen`):
    a change between the two isn't missed.
    """
    seen = request.args.get("seen", "")

    def stream() -> Iterator[str]:
        last, spoken = seen, time.monotonic()
        yield "retry: 2000\n\n"
        with desk.workspace(incident_id) as workspace:
            while not desk.closing.wait(every):
                try:
                    now = state(workspace)
                except PostmortemError:  # the ledger is away for a moment; the page says so itself
                    now = "away"
                if last and now != last:
                    yield f"event: changed\ndata: {now}\n\n"
                    spoken = time.monotonic()
                elif time.monotonic() - spoken > _WORD_OF_LIFE_SECONDS:
                    yield ": here\n\n"  # detects whether anybody still listens
                    spoken = time.monotonic()
                last = now

    response = Response(stream_with_context(stream()), content_type="text/event-stream")
    response.headers["X-Accel-Buffering"] = "no"
    return response


def fingerprint(workspace: Workspace, incident_id: str) -> str:
    """A hash of everything that the incident's page shows."""
    with workspace.ledger.read() as connection:
        sent = notices.notices_of(connection, incident_id)
        seen = (
            incidents.incident_by_id(connection, incident_id),
            changes.count_pending(connection, incident_id),
            incidents.timeline(connection, incident_id),
            [(each.id, notices.count_deliveries(connection, each)) for each in sent],
            announcements.announcements_of(connection, incident_id),
        )
    return hashlib.sha256(repr(seen).encode("utf-8", "replace")).hexdigest()[:16]
