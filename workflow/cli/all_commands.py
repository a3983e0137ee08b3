"""Every command, as the help, the completion and a slip of the keyboard need them."""

from workflow.cli import (
    announce_commands,
    bounce_commands,
    close_commands,
    doc_commands,
    incident_commands,
    ledger_commands,
    notice_commands,
    practice_commands,
    publish_commands,
    record_commands,
    report_commands,
    resume_commands,
    setup_commands,
    stating_commands,
    told_commands,
    watching,
)
from workflow.cli.commands import app

__all__ = [
    "announce_commands",
    "app",
    "bounce_commands",
    "close_commands",
    "doc_commands",
    "incident_commands",
    "ledger_commands",
    "notice_commands",
    "practice_commands",
    "publish_commands",
    "record_commands",
    "report_commands",
    "resume_commands",
    "setup_commands",
    "stating_commands",
    "told_commands",
    "watching",
]
