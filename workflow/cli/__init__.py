"""The command line: parse, call one flow, show the result."""

from workflow.cli import (
    doc_commands,
    incident_commands,
    notice_commands,
    record_commands,
    resume_commands,
    setup_commands,
)
from workflow.cli.commands import app

__all__ = [
    "app",
    "doc_commands",
    "incident_commands",
    "notice_commands",
    "record_commands",
    "resume_commands",
    "setup_commands",
]
