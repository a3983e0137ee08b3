"""A Google Sheet as the list of customers, read through its CSV export."""

from __future__ import annotations

import re

from workflow.flows.faults import BadInput, NotSetUp
from workflow.flows.workspace import Workspace
from workflow.google.faults import Refused, SignInNeeded

_ADDRESS = re.compile(r"https?://[^/\s]+/spreadsheets/(?:u/\d+/)?d/([A-Za-z0-9_-]{10,})")


def sheet_id(address: str) -> str:
    """The id in a Sheet's address, "" for anything else."""
    found = _ADDRESS.match(address)
    return found[1] if found else ""


def read_sheet(workspace: Workspace, address: str) -> bytes:
    """The first sheet as CSV. Raises `BadInput` or `NotSetUp` with what to do instead."""
    instead = "Download it as CSV (File, Download) and give that file instead."
    try:
        return workspace.google.drive.export(sheet_id(address), "text/csv")
    except Refused as refused:
        raise BadInput(
            "This sheet can't be read: with the usual sign-in this program sees only files that it "
            f"made or was given ({refused.sentence}) {instead}"
        ) from refused
    except SignInNeeded as needed:
        raise NotSetUp(f"This sheet can't be read. {needed.sentence} {instead}") from needed
