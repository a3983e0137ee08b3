"""Whether Google lets this program do its work: one cheap read for each thing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from workflow.config import Settings
from workflow.flows import signing_in
from workflow.flows.checkup import Finding, broken, examine_limits, examine_pace, ok, warning
from workflow.flows.checkup_carriers import examine_relay, examine_senders
from workflow.flows.faults import NotSetUp
from workflow.flows.workspace import Workspace
from workflow.google import Account, Emulator, Endpoint, GoogleFault, Refused, SignInNeeded

# A doc of this id is not there, which only a Docs API that is switched on can say.
_NO_DOC = "1" + "A" * 43
_LOGIN = "Run `postmortem auth login`."
_SMALL_SECONDS, _LARGE_SECONDS = 30, 300


def examine_google(workspace: Workspace, emulator: Emulator | None) -> Iterator[Finding]:
    """All that only Google can tell. Where nobody is signed in, that alone."""
    yield _clock(workspace, emulator)
    signed_in = list(_sign_in(workspace.settings, emulator))
    yield from signed_in
    if any(finding.level == "broken" for finding in signed_in):
        yield warning("Google", "not asked, for nobody is signed in")
        return
    drive, account = _drive(workspace)
    yield drive
    yield _answers("Docs API", lambda: _no_such_doc(workspace), "")
    yield _gmail(workspace)
    yield from _folder(workspace)
    email = account.email if account else ""
    name = workspace.settings.config.sender_name or (account.name if account else "")
    if email:
        yield ok("sender", f"mail goes out as {name} <{email}>" if name else f"as {email}")
    if emulator is None:
        yield from examine_pace(workspace)
    yield from examine_limits(workspace, email)
    yield from examine_senders(workspace)
    yield from examine_relay(workspace)


def _clock(workspace: Workspace, emulator: Emulator | None) -> Finding:
    from workflow.google.clock import server_time  # noqa: PLC0415 - brings in requests

    endpoint = emulator.endpoint if emulator else Endpoint()
    try:
        theirs = server_time(endpoint, workspace.settings.config.sending.timeout_seconds)
    except GoogleFault as fault:
        return broken("clock", fault.sentence, "Check the network, then try again.")
    seconds = round(abs((workspace.wall() - theirs).total_seconds()))
    if seconds <= _SMALL_SECONDS:
        return ok("clock", f"within {max(seconds, 1)} s of Google's")
    says = f"This machine's clock is {seconds} s away from Google's: times in the doc are wrong."
    found = warning if seconds < _LARGE_SECONDS else broken
    return found("clock", says, "Switch on the setting of time over the network (NTP).")


def _sign_in(settings: Settings, emulator: Emulator | None) -> Iterator[Finding]:
    if emulator is not None and emulator.stored(settings.token_path) is None:
        yield ok("sign-in", f"none is needed at {emulator.root_url}, a stand-in for Google")
        return
    way = settings.config.sign_in
    if way.kind != "person" and emulator is None:
        yield _answers("sign-in", lambda: signing_in.google_session_of(settings).close(), way.kind)
        return
    try:
        standing = signing_in.standing_of(settings)
    except (SignInNeeded, NotSetUp) as fault:
        yield broken("sign-in", str(fault))
        return
    until = standing.access_until.astimezone(settings.zone)
    yield ok(
        "sign-in",
        f"{standing.account}, kept in {standing.token_path} for its owner alone; "
        f"access till {until:%H:%M %Z}, renewed by itself",
    )
    if standing.missing:
        yield broken("scopes", f"not granted: {', '.join(standing.missing)}", _LOGIN)
    else:
        yield ok("scopes", ", ".join(standing.scopes))


def _drive(workspace: Workspace) -> tuple[Finding, Account | None]:
    try:
        account = workspace.google.drive.account()
    except GoogleFault as fault:
        return broken("Drive API", fault.sentence), None
    return ok("Drive API", f"answers, signed in as {account.email}"), account


def _no_such_doc(workspace: Workspace) -> None:
    try:
        workspace.google.docs.get(_NO_DOC, "documentId")
    except Refused as refused:
        if refused.status != 404:
            raise


def _gmail(workspace: Workspace) -> Finding:
    if workspace.settings.config.sending.one_step:
        return ok("Gmail API", "can't be asked: gmail.send allows no reading at all")
    return _answers("Gmail API", workspace.google.gmail.address, "")


def _folder(workspace: Workspace) -> Iterator[Finding]:
    folder = workspace.settings.config.folder
    if not folder:
        yield ok("folder", "docs are made in My Drive")
        return
    try:
        found = workspace.google.drive.folder(folder)
    except Refused as refused:
        yield broken(
            "folder",
            f"{folder}: {refused.sentence}",
            "With drive.file this program sees only folders that it made. Take the folder out of "
            'the config, or allow all of Drive: scopes = ["drive"], `postmortem auth login`.',
        )
        return
    except GoogleFault as fault:
        yield broken("folder", fault.sentence)
        return
    if found.writable:
        yield ok("folder", f"{found.name}, can be written")
    else:
        yield broken("folder", f"{found.name} can't be written.", "Ask its owner to let you.")


def _answers(check: str, call: Callable[[], object], says: str) -> Finding:
    try:
        call()
    except GoogleFault as fault:
        return broken(check, fault.sentence)
    return ok(check, says or "answers")
