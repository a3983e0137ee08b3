"""The rehearsal's docs and mailbox, shown in a browser."""

from __future__ import annotations

import threading

from workflow.cli.commands import Asked
from workflow.cli.opening import rehearsal_folder
from workflow.config import Settings
from workflow.rehearsal.lifecycle import ensure_running
from workflow.rehearsal.lifecycle import stop as stop_server


def serve(asked: Asked, settings: Settings, port: int) -> None:
    """Show the rehearsal's docs and mailbox until Ctrl-C."""
    folder = rehearsal_folder(settings)
    if port:
        from workflow.rehearsal.lifecycle import find_running  # noqa: PLC0415
        from workflow.rehearsal.lifecycle import serve as serve_here  # noqa: PLC0415

        if find_running(folder):
            stop_server(folder)
        asked.speaker.answer(f"http://127.0.0.1:{port}/", "link")
        serve_here(folder, port)
        return
    server = ensure_running(folder)
    if asked.speaker.as_json:
        asked.speaker.document(
            {"docs": server.base_url + "/", "mailbox": server.base_url + "/mail"}
        )
        return
    asked.speaker.say("The rehearsal's docs and its mailbox:")
    asked.speaker.answer(f"  {server.base_url}/", "link")
    asked.speaker.answer(f"  {server.base_url}/mail", "link")
    if asked.speaker.is_interactive:
        asked.speaker.say("Ctrl-C ends this; the pages close after 15 quiet minutes.")
        threading.Event().wait()


def stop(asked: Asked, settings: Settings) -> None:
    """Stop the rehearsal's server; its docs and mails stay."""
    stopped = stop_server(rehearsal_folder(settings))
    asked.speaker.say("Stopped." if stopped else "It was not running.")
