"""Check the set-up: each requirement, and how to fix it.

The checks change nothing, except that a missing ledger is created. Google's access is checked with
one cheap read for each requirement, and so is whether each of several mailboxes can send, and
whether the mail relay accepts us.
"""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import sqlalchemy

from workflow.announce.announcements import problem_of
from workflow.config import ConfigBad, Settings
from workflow.doc.recovery import lost_docs
from workflow.doc.sharing import parse_share, target_of
from workflow.document.template import DocTemplateBad
from workflow.document.template import parse_template as parse_doc_template
from workflow.errors import BadInput, NotSetUp
from workflow.google import transport as google_transport
from workflow.google.drive import Account
from workflow.google.endpoint import Emulator, Endpoint
from workflow.google.faults import GoogleFault, Refused, SignInNeeded
from workflow.ledger import changes, incidents
from workflow.ledger.databases import migrate
from workflow.ledger.faults import LedgerUnavailable
from workflow.mail.list_columns import AddressBad, read_address
from workflow.mail.sandbox import MailTemplateBad
from workflow.mail.template import parse_template as parse_mail_template
from workflow.model import MailTransport
from workflow.sending.deliver import mailbox_of
from workflow.sending.hands import left_today, senders_of
from workflow.setup import init
from workflow.smtp import Smtp
from workflow.standing import other_ledgers
from workflow.standing.doc_standing import missing_changes
from workflow.templates import WRITTEN_LIKE_MAILS
from workflow.workspace import Workspace

# The daily sending limits of a Workspace account and a gmail.com account (Gmail's help pages).
_WORKSPACE_DAILY, _CONSUMER_DAILY = 2000, 500
# The quota of a Cloud project made since May 2026.
_NEW_PROJECT_UNITS = 6000


class Level(StrEnum):
    """The severity of a finding."""

    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"


@dataclass(frozen=True)
class SetupFinding:
    """The finding of one check. `fix` says how to fix it; empty if nothing needs fixing."""

    check: str
    level: Level
    says: str
    fix: str = ""


def ok(check: str, says: str) -> SetupFinding:
    """A check that found nothing wrong."""
    return SetupFinding(check, Level.OK, says)


def warning(check: str, says: str, fix: str = "") -> SetupFinding:
    """Works now, but perhaps not for long or not for everybody."""
    return SetupFinding(check, Level.WARNING, says, fix)


def broken(check: str, says: str, fix: str = "") -> SetupFinding:
    """Doesn't work."""
    return SetupFinding(check, Level.BROKEN, says, fix)


def examine_machine(workspace: Workspace) -> Iterator[SetupFinding]:
    """All checks that don't need Google."""
    yield _config(workspace)
    yield from _templates(workspace)
    yield _ledger(workspace)
    yield from _refused_changes(workspace)
    yield from _share_targets(workspace)
    yield from _words_of_the_sender(workspace)
    yield from _channels(workspace)


def _config(workspace: Workspace) -> SetupFinding:
    settings = workspace.settings
    if not settings.config_path.is_file():
        return warning(
            "config", f"There is no {settings.config_path} yet.", "Run `postmortem init`."
        )
    return ok("config", f"{settings.config_path}, profile {settings.profile}")


def _templates(workspace: Workspace) -> Iterator[SetupFinding]:
    own = workspace.settings.config.templates
    roots = [workspace.templates]
    if own:
        folder = Path(own)
        if not folder.is_dir():
            yield broken(
                "templates",
                f"The config's templates folder {own} is not there.",
                f"Make it with `postmortem init --templates {own}`, or remove the setting.",
            )
        roots.insert(0, folder)
    count, bad = 0, 0
    for root in roots:
        for path, parse in _template_files(root):
            count += 1
            if (reason := _reason_against(path, parse)) is not None:
                bad += 1
                yield broken("templates", f"{path}: {reason}", "Fix that line of the template.")
    if not bad:
        yield ok("templates", f"{count} templates can be read")


def _template_files(root: Path) -> Iterator[tuple[Path, Callable[[Path], object]]]:
    for path in sorted(root.glob("*.md")):
        yield path, _parse_mail if path.stem in WRITTEN_LIKE_MAILS else _parse_doc
    for path in sorted((root / "email").glob("*.md")):
        yield path, _parse_mail


def _parse_doc(path: Path) -> object:
    return parse_doc_template(path.read_text(encoding="utf-8-sig"))


def _parse_mail(path: Path) -> object:
    return parse_mail_template(path.name, path.read_text(encoding="utf-8-sig"))


def _reason_against(path: Path, parse: Callable[[Path], object]) -> str | None:
    try:
        parse(path)
    except (DocTemplateBad, MailTemplateBad) as bad:
        return str(bad)
    except UnicodeDecodeError:
        return "it is not UTF-8 text"
    except OSError as fault:
        return f"it can't be read ({fault.strerror})"
    return None


def _ledger(workspace: Workspace) -> SetupFinding:
    try:
        with workspace.ledger.write():
            pass
    except LedgerUnavailable as fault:
        return broken("ledger", str(fault))
    address = sqlalchemy.make_url(workspace.settings.database_url)
    path = Path(address.database or "")
    is_file = address.drivername.startswith("sqlite") and path.is_file()
    if is_file and os.name == "posix" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return warning(
            "ledger",
            f"other users of this machine may open {path}, which names every affected customer",
            f"Run `chmod 600 {shlex.quote(str(path))}`.",
        )
    kind = workspace.settings.database_url.partition(":")[0]
    return ok("ledger", f"{kind}, can be written, revision {migrate.REVISIONS[-1]}")


def _refused_changes(workspace: Workspace) -> Iterator[SetupFinding]:
    """Changes that Google Docs refused, for any incident; no finding if there are none."""
    try:
        ledger = workspace.ledger
    except LedgerUnavailable:  # already reported
        return
    profile = workspace.settings.profile
    with ledger.read() as connection:
        for incident_id in changes.incidents_waiting(connection, profile=profile):
            title = incidents.incident_by_id(connection, incident_id).title
            for each in missing_changes(connection, incident_id):
                says = f"{title}: Google Docs refuses {each.words} ({each.reason.rstrip('.')})."
                fix = f"Correct it, or: postmortem sync --drop {each.id}"
                yield warning("refused changes", says, fix)


def _share_targets(workspace: Workspace) -> Iterator[SetupFinding]:
    targets = workspace.settings.config.share
    bad = 0
    for text in targets:
        if (reason := _reason_against_sharing(text)) is not None:
            bad += 1
            yield broken("sharing", reason, "Fix `share` in the config.")
    if not targets:
        yield ok("sharing", "docs are shared with the people of `start --share`")
    elif not bad:
        yield ok("sharing", f"a new doc is shared with {', '.join(targets)}")


def _reason_against_sharing(text: str) -> str | None:
    try:
        target = target_of(parse_share(text).who)
        if target.kind in {"user", "group"}:
            read_address(target.address)
    except BadInput as bad:
        return str(bad)
    return None


def _words_of_the_sender(workspace: Workspace) -> Iterator[SetupFinding]:
    config = workspace.settings.config
    if config.reply_to:
        try:
            read_address(config.reply_to)
        except AddressBad as bad:
            yield broken("sender", f"reply_to: {bad}", "Fix `reply_to` in the config.")
    if not config.support:
        yield warning(
            "sender",
            "The config does not say how customers contact you (`support`).",
            "Run `postmortem init`.",
        )


def examine_limits(workspace: Workspace, account: str) -> Iterator[SetupFinding]:
    """Compare the config's limits for this account with Google's known ones."""
    sending = workspace.settings.config.sending
    consumer = account.endswith(("@gmail.com", "@googlemail.com"))
    most = _CONSUMER_DAILY if consumer else _WORKSPACE_DAILY
    if sending.daily_limit > most:
        yield warning(
            "limits",
            f"daily_limit is {sending.daily_limit:,}; Gmail lets {account or 'an account'} send "
            f"{most:,} mails in 24 hours.",
            f"Set daily_limit = {most} under [sending].",
        )
    cost = 100 if sending.one_step else 110
    yield ok(
        "limits",
        f"up to {sending.units_per_minute // cost} mails a minute, "
        f"{min(sending.daily_limit, most):,} in 24 hours",
    )


def examine_pace(workspace: Workspace) -> Iterator[SetupFinding]:
    """Compare the configured pace with a new Cloud project's quota."""
    sending = workspace.settings.config.sending
    if sending.units_per_minute > _NEW_PROJECT_UNITS:
        yield warning(
            "limits",
            f"units_per_minute is {sending.units_per_minute:,}. A Cloud project made since May "
            f"2026 has {_NEW_PROJECT_UNITS:,}, an older one 15,000.",
            "Look under APIs & Services, Gmail API, Quotas in the Cloud console.",
        )


def _channels(workspace: Workspace) -> Iterator[SetupFinding]:
    """The channels for colleagues; having none is no error."""
    for channel in workspace.settings.config.announce:
        problem = problem_of(workspace, channel)
        if problem:
            yield broken("colleagues", problem, f"See [[announce]] of {channel.name}.")
        else:
            yield ok("colleagues", f"{channel.name} can be told ({channel.kind})")


def examine_senders(workspace: Workspace) -> Iterator[SetupFinding]:
    """One finding for each configured sender; none if only the signed-in account sends."""
    senders = senders_of(workspace, MailTransport.GMAIL)
    left = _left_today(workspace, senders)
    for sender in senders:
        try:
            mailbox_of(workspace, sender)
        except GoogleFault as fault:
            yield broken("senders", f"{sender}: {fault.sentence}")
        else:
            room = f", {left[sender]:,} left today" if sender in left else ""
            yield ok("senders", f"{sender} can send{room}")


def _left_today(workspace: Workspace, senders: tuple[str, ...]) -> dict[str, int]:
    """What each may still send; nothing if the ledger, which counts it, can't be read."""
    try:
        return left_today(workspace, senders) if senders else {}
    except LedgerUnavailable:  # reported separately
        return {}


def examine_relay(workspace: Workspace) -> Iterator[SetupFinding]:
    """Whether the configured relay accepts us; sends nothing."""
    if workspace.settings.config.smtp == Smtp():
        return
    try:
        relay = workspace.relay
        relay.check()
    except ConfigBad as bad:
        yield broken("mail relay", str(bad))
    except GoogleFault as fault:
        yield broken("mail relay", fault.sentence, "Check [smtp] in the config.")
    else:
        yield ok("mail relay", f"{relay.name} accepts the sign-in")


# A doc with this id doesn't exist, which only an enabled Docs API can say.
_NO_DOC = "1" + "A" * 43
_LOGIN = "Run `postmortem auth login`."
# The number of open incidents' docs to check; older ones hardly matter.
_MOST_DOCS = 5
_SMALL_SECONDS, _LARGE_SECONDS = 30, 300


def examine_google(workspace: Workspace, emulator: Emulator | None) -> Iterator[SetupFinding]:
    """All checks that need Google; only the sign-in's if nobody is signed in."""
    yield _clock(workspace, emulator)
    signed_in = list(_sign_in(workspace.settings, emulator))
    yield from signed_in
    if any(finding.level == "broken" for finding in signed_in):
        yield warning("Google", "not checked: nobody is signed in")
        return
    drive, account = _drive(workspace)
    yield drive
    yield _answers("Docs API", lambda: _no_such_doc(workspace), "")
    yield _gmail(workspace)
    yield from _folder(workspace)
    yield from _other_ledgers(workspace)
    email = account.email if account else ""
    name = workspace.settings.config.sender_name or (account.name if account else "")
    if email:
        yield ok("sender", f"mail is sent as {name} <{email}>" if name else f"as {email}")
    if emulator is None:
        yield from examine_pace(workspace)
    yield from examine_limits(workspace, email)
    yield from examine_senders(workspace)
    yield from examine_relay(workspace)


def _clock(workspace: Workspace, emulator: Emulator | None) -> SetupFinding:
    endpoint = emulator.endpoint if emulator else Endpoint()
    try:
        theirs = google_transport.server_time(
            endpoint, workspace.settings.config.sending.timeout_seconds
        )
    except GoogleFault as fault:
        return broken("clock", fault.sentence, "Check the network, then try again.")
    seconds = round(abs((workspace.wall() - theirs).total_seconds()))
    if seconds <= _SMALL_SECONDS:
        return ok("clock", f"within {max(seconds, 1)} s of Google's")
    says = f"This machine's clock is {seconds} s off. Times in the doc are wrong."
    found = warning if seconds < _LARGE_SECONDS else broken
    return found("clock", says, "Turn on network time (NTP).")


def _sign_in(settings: Settings, emulator: Emulator | None) -> Iterator[SetupFinding]:
    if emulator is not None and emulator.stored(settings.token_path) is None:
        yield ok("sign-in", f"none is needed at {emulator.root_url}, a rehearsal server")
        return
    way = settings.config.sign_in
    if way.kind != "person" and emulator is None:
        yield _answers("sign-in", lambda: init.google_session_of(settings).close(), way.kind)
        return
    try:
        standing = init.standing_of(settings)
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


def _drive(workspace: Workspace) -> tuple[SetupFinding, Account | None]:
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


def _gmail(workspace: Workspace) -> SetupFinding:
    if workspace.settings.config.sending.one_step:
        return ok("Gmail API", "can't be asked: gmail.send allows no reading at all")
    return _answers("Gmail API", workspace.google.gmail.address, "")


def _folder(workspace: Workspace) -> Iterator[SetupFinding]:
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
        yield broken("folder", f"{found.name} can't be written.", "Ask its owner for write access.")


def _other_ledgers(workspace: Workspace) -> Iterator[SetupFinding]:
    """Whether the docs of open incidents have notices that this ledger lacks."""
    profile = workspace.settings.profile
    try:
        ledger = workspace.ledger
    except LedgerUnavailable:  # already reported for the machine
        return
    with ledger.read() as connection:
        every = incidents.all_incidents(connection, profile=profile)
    for incident, finding in lost_docs(workspace):
        yield warning("doc", f"{incident.title}: {finding.says}", finding.way_on)
    open_ones = [each for each in every if each.closed_at is None and each.doc_id][:_MOST_DOCS]
    missing = 0
    for incident in open_ones:
        compared = other_ledgers.look(workspace, incident).compared
        for each in compared.found:
            missing += 1
            says = f"{incident.title}: {other_ledgers.words(each, incident)}"
            yield warning("other ledgers", says, other_ledgers.ways([each]))
        if compared.problem:
            missing += 1
            yield warning("other ledgers", f"{incident.title}: {compared.problem}")
    if open_ones and not missing:
        docs = "the doc of 1 open incident" if len(open_ones) == 1 else "the docs of open incidents"
        yield ok("other ledgers", f"{docs}: this ledger has every notice")


def _answers(check: str, call: Callable[[], object], says: str) -> SetupFinding:
    try:
        call()
    except GoogleFault as fault:
        return broken(check, fault.sentence)
    return ok(check, says or "answers")
