"""The command line: parse, call one flow, show the result."""

from workflow.cli import incident_commands, notice_commands, record_commands, setup_commands
from workflow.cli.commands import app

__all__ = ["app", "incident_commands", "notice_commands", "record_commands", "setup_commands"]
