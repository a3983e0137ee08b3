"""`notify --preview`: the local page with every recipient's mail, until Ctrl-C."""

from __future__ import annotations

import io
import re
import tempfile
import threading
import webbrowser
from contextlib import suppress
from html import escape
from pathlib import Path

from workflow.cli import preflight_sheet
from workflow.cli.speaking import Speaker
from workflow.flows.planning import Plan
from workflow.flows.previewing import PlanPreview
from workflow.flows.workspace import Workspace
from workflow.preview.server import preview_server

# A browser is started with its address for everybody to see in the list of processes. So it is
# given this file's address, and only this person can read the file.
_WAY_IN = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0;url={address}"><title>Preview</title>
<p><a href="{address}">Open the preview</a></p></html>
"""


def serve(speaker: Speaker, workspace: Workspace, plan: Plan) -> None:
    """Serve the preview until Ctrl-C; a browser is opened where a person is there to look."""
    source = PlanPreview(workspace, plan, sheet_lines(workspace, plan))
    with (
        suppress(KeyboardInterrupt),
        preview_server(source) as server,
        tempfile.TemporaryDirectory(prefix="postmortem-") as folder,
    ):
        speaker.say("Every recipient's mail, on this machine alone:")
        speaker.answer(f"  {server.address}", "link")
        speaker.say("Nothing is sent. Ctrl-C closes the preview.")
        if speaker.is_interactive:
            _open_browser(server.address, Path(folder))
        server.serve()


def sheet_lines(workspace: Workspace, plan: Plan) -> list[tuple[str, str]]:
    """The pre-flight sheet's lines as labels and texts, in the words of the terminal's sheet."""
    said = io.StringIO()
    speaker = Speaker(out=said, err=io.StringIO())
    preflight_sheet.show(speaker, workspace, plan, with_mail=False)
    return [_label_and_text(line) for line in said.getvalue().splitlines()[1:] if line.strip()]


def _label_and_text(line: str) -> tuple[str, str]:
    found = re.fullmatch(r"  (\S.*?)\s{2,}(.+)", line)
    return (found[1], found[2]) if found else ("", line.strip())


def _open_browser(address: str, folder: Path) -> None:
    way_in = folder / "preview.html"
    way_in.write_text(_WAY_IN.format(address=escape(address)), encoding="utf-8")
    # Beside the server, because a browser in the terminal stays until it is left.
    threading.Thread(target=webbrowser.open, args=[way_in.as_uri()], daemon=True).start()
