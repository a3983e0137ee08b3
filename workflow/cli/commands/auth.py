"""`auth login`, `auth status`, `auth logout`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from workflow import config, errors
from workflow.cli import lasting_jobs, session
from workflow.cli.app import Asked, CommandsInFull, app, command
from workflow.google import endpoint
from workflow.setup import init as setup_sign_in

auth = typer.Typer(
    no_args_is_help=True,
    cls=CommandsInFull,
    rich_markup_mode=None,
    help="Sign in to Google, show who is signed in, sign out.",
)


app.add_typer(auth, name="auth")


@command(
    "login",
    group=auth,
    epilog="Over ssh: `ssh -L 8765:127.0.0.1:8765 host`, then "
    "`postmortem auth login --no-browser --port 8765` there, and open the link here.",
)
def login(
    asked: Asked,
    credentials: Annotated[
        Path | None,
        typer.Option(
            help="OAuth client file. Default: credentials.json beside the config.",
            show_default=False,
        ),
    ] = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the link instead of opening the browser.")
    ] = False,
    port: Annotated[
        int,
        typer.Option(
            min=0, max=65535, help="Local port for the browser's answer; 0 takes a free one."
        ),
    ] = 0,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help="gmail.send: send without drafts. read: bounces, replies, aliases. drive: "
            "folders that this program did not make. Repeatable.",
            show_default=False,
        ),
    ] = None,
    account: Annotated[
        str,
        typer.Option(
            help="Address to sign in as; any other is refused. If left out, another account than "
            "before is asked about.",
            show_default=False,
        ),
    ] = "",
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait for the browser.")] = 300,
) -> None:
    """Sign in to Google in the browser. The link is printed too."""
    settings = config.load_settings(os.environ, asked.profile)
    has_browser = not no_browser and _has_screen()
    with lasting_jobs.private_links() as links:
        done = setup_sign_in.sign_in(
            settings,
            session.emulator_of(settings),
            setup_sign_in.LoginRequest(credentials, port, tuple(scope or ()), timeout, account),
            announce=asked.speaker.notice,
            open_browser=lambda link: (
                links.open(link, "Sign in to Google") if has_browser else None
            ),
            agree_to=lambda found, expected: _agree_to(asked, found, expected, named=account),
        )
    names = [endpoint.short_name(each) for each in done.scopes]
    asked.speaker.say(f"Signed in as {done.email or 'an unknown account'}.", "good")
    asked.speaker.say(f"Permissions: {', '.join(names)}. Stored in {settings.token_path}.")
    asked.speaker.next_step("postmortem doctor")
    if asked.speaker.as_json:
        asked.speaker.document(
            {"account": done.email, "scopes": names, "token_file": str(settings.token_path)}
        )


@command("status", answers=True, group=auth)
def status(asked: Asked) -> None:
    """Show who is signed in, the permissions, and where the sign-in is stored. Shows no secret."""
    standing = setup_sign_in.standing_of(config.load_settings(os.environ, asked.profile))
    asked.speaker.say(f"Signed in as {standing.account or 'an unknown account'}.")
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


@command("logout", group=auth)
def logout(asked: Asked) -> None:
    """Sign out: delete the sign-in here and revoke it at Google."""
    settings = config.load_settings(os.environ, asked.profile)
    came_of_it = setup_sign_in.sign_out(settings, session.emulator_of(settings))
    asked.speaker.say(
        {
            "revoked": "Signed out. Google revoked the sign-in.",
            "forgotten": "Signed out here, but Google did not confirm it. Check "
            "https://myaccount.google.com/connections.",
            "nobody": "Nobody was signed in.",
        }[came_of_it.value]
    )
    if asked.speaker.as_json:
        asked.speaker.document({"signed_out": came_of_it.value})


def _agree_to(asked: Asked, found: str, expected: str, *, named: str) -> None:
    """Ask for agreement to an unexpected account. Raises `BadInput`."""
    who = found or "an unknown account"
    said = f"You signed in as {who}, not as {expected}"
    if not named and asked.speaker.is_interactive:
        question = f"{said}. Mail to customers would come from {who}. Type yes to use it: "
        if asked.speaker.ask(question).lower() == "yes":
            return
    raise errors.BadInput(
        f"{said}. Nothing was stored. Sign in again with the right account, or say which one "
        "you mean: postmortem auth login --account ADDRESS"
    )


def _has_screen() -> bool:
    """Whether a browser would open in a window: a text browser would take over the terminal."""
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
