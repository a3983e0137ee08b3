"""What time it is at Google, by the `Date` of an answer; no sign-in is needed for that."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests

from workflow.google.endpoint import Endpoint
from workflow.google.faults import Undecided
from workflow.google.transport import Transport

_ANYWHERE = "https://www.googleapis.com/"


def server_time(endpoint: Endpoint, timeout_seconds: float) -> datetime:
    """The server's clock (UTC, whole seconds). Raises Unreachable, or Undecided without `Date`."""
    with requests.Session() as session:
        session.trust_env = endpoint.root_url is None
        transport = Transport(session, origins=endpoint.origins, timeout_seconds=timeout_seconds)
        answer = transport.request(endpoint.root_url or _ANYWHERE)
    try:
        return parsedate_to_datetime(answer.headers.get("date", "")).astimezone(UTC)
    except ValueError as fault:
        raise Undecided("The answer did not tell the time.") from fault
