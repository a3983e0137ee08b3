"""The commands that set things up: init, auth, doctor."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from workflow.cli.commands import Asked, app, command
from workflow.cli.help_page import SET_UP, CommandsByPanel

auth = typer.Typer(
    no_args_is_help=True,
    cls=CommandsByPanel,
    rich_markup_mode=None,
    help="Sign in to Google, see who is signed in, sign out.",
)
app.add_typer(auth, name="auth", rich_help_panel=SET_UP)


@command(
    "init",
    panel=SET_UP,
    epilog='Example: postmortem init --organisation "Example Ltd" --time-zone Europe/Berlin '
    "--support support@example.com --templates ~/postmortem-templates",
)
def init(
    asked: Asked,
    organisation: Annotated[str, typer.Option(help="Who writes to customers.")] = "",
    time_zone: Annotated[str, typer.Option(help="Zone of new incidents.")] = "",
    share: Annotated[
        list[str] | None,
        typer.Option(help="Whom a new doc is shared with.", show_default=False),
    ] = None,
    sender_name: Annotated[str, typer.Option(help="The name beside the sender's address.")] = "",
    support: Annotated[str, typer.Option(help="How a customer reaches you.")] = "",
    templates: Annotated[
        Path | None,
        typer.Option(help="Folder to copy the templates to, to edit them.", show_default=False),
    ] = None,
) -> None:
    """Write a config with comments, after a few questions. What is there stays as it is."""
    from workflow.cli import initialising  # noqa: PLC0415

    given = {
        "organisation": organisation,
        "time_zone": time_zone,
        "share": ",".join(share or ()),
        "sender_name": sender_name,
        "support": support,
    }
    initialising.initialise(asked, given, templates)


@command(
    "login",
    panel=SET_UP,
    group=auth,
    epilog="Over ssh: `ssh -L 8765:127.0.0.1:8765 host`, then "
    "`postmortem auth login --no-browser --port 8765` there, and open the link here.",
)
def login(
    asked: Asked,
    credentials: Annotated[
        Path | None,
        typer.Option(
            help="File of the OAuth client; credentials.json beside the config if left out.",
            show_default=False,
        ),
    ] = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the link and open nothing.")
    ] = False,
    port: Annotated[
        int,
        typer.Option(min=0, max=65535, help="Port on which the browser comes back; 0: a free one."),
    ] = 0,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help="gmail.send: send and make no drafts. read: bounces, replies, aliases. drive: "
            "folders that this program did not make. Can be given several times.",
            show_default=False,
        ),
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=1, help="How many seconds to wait for the browser.")
    ] = 300,
) -> None:
    """Sign in to Google in the browser. The link is printed too."""
    import webbrowser  # noqa: PLC0415

    from workflow.cli.opening import emulator_of  # noqa: PLC0415
    from workflow.config import load_settings  # noqa: PLC0415
    from workflow.flows.signing_in import LoginRequest, sign_in  # noqa: PLC0415
    from workflow.google.scopes import short_name  # noqa: PLC0415

    settings = load_settings(os.environ, asked.profile)
    done = sign_in(
        settings,
        emulator_of(settings),
        LoginRequest(credentials, port, tuple(scope or ()), timeout),
        announce=asked.speaker.notice,
        open_browser=_nothing if no_browser or not _has_screen() else webbrowser.open,
    )
    names = [short_name(each) for each in done.scopes]
    asked.speaker.say(f"Signed in as {done.email or 'an account without a name'}.", "good")
    asked.speaker.say(f"It may: {', '.join(names)}. It is kept in {settings.token_path}.")
    asked.speaker.next_step("postmortem doctor")
    if asked.speaker.as_json:
        asked.speaker.document(
            {"account": done.email, "scopes": names, "token_file": str(settings.token_path)}
        )


@command("status", panel=SET_UP, group=auth)
def status(asked: Asked) -> None:
    """Who is signed in, for what, and where that is kept. Shows no secret."""
    from workflow.config import load_settings  # noqa: PLC0415
    from workflow.flows.signing_in import standing_of  # noqa: PLC0415

    standing = standing_of(load_settings(os.environ, asked.profile))
    asked.speaker.say(f"Signed in as {standing.account or 'an account without a name'}.")
    asked.speaker.say(f"It may:      {', '.join(standing.scopes)}")
    if standing.missing:
        asked.speaker.warn(
            f"It may not:  {', '.join(standing.missing)}, which the config asks for. "
            "Run `postmortem auth login` and leave every box ticked."
        )
    until = standing.access_until.astimezone().strftime("%Y-%m-%d %H:%M %Z")
    asked.speaker.say(f"Access till: {until}, renewed by itself")
    asked.speaker.say(f"Kept in:     {standing.token_path}")
    if asked.speaker.as_json:
        asked.speaker.document(
            {
                "account": standing.account,
                "scopes": list(standing.scopes),
                "missing": list(standing.missing),
                "access_until": standing.access_until.isoformat(),
                "token_file": str(standing.token_path),
            }
        )


@command("logout", panel=SET_UP, group=auth)
def logout(asked: Asked) -> None:
    """Sign out: forget the sign-in here, and have Google honour it no more."""
    from workflow.cli.opening import emulator_of  # noqa: PLC0415
    from workflow.config import load_settings  # noqa: PLC0415
    from workflow.flows.signing_in import sign_out  # noqa: PLC0415

    settings = load_settings(os.environ, asked.profile)
    came_of_it = sign_out(settings, emulator_of(settings))
    asked.speaker.say(
        {
            "revoked": "Signed out. Google no longer honours the sign-in.",
            "forgotten": "Signed out here. Google did not confirm it: see "
            "https://myaccount.google.com/connections.",
            "nobody": "Nobody was signed in.",
        }[came_of_it.value]
    )
    if asked.speaker.as_json:
        asked.speaker.document({"signed_out": came_of_it.value})


@command(
    "doctor",
    panel=SET_UP,
    epilog="Ends with 0 when nothing is broken, with 4 when something is.",
)
def doctor(
    asked: Asked,
    live: Annotated[
        bool,
        typer.Option(
            "--live",
            help="Also try things out at Google, on a scratch doc and a mail to yourself, and "
            "write a report.",
        ),
    ] = False,
    doc: Annotated[
        str,
        typer.Option(
            help="With --live: address of a doc that a colleague made with this program.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Check the whole set-up, and say how to mend what is broken."""
    from workflow.cli import checking  # noqa: PLC0415

    found = checking.look(asked)
    report = checking.try_out(asked, found, doc) if live else None
    checking.conclude(asked, found, report)


def _nothing(_link: str) -> None:
    """Open no browser."""


def _has_screen() -> bool:
    """Whether a browser would open in a window. Without one, a browser in text would take over
    the terminal."""
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
