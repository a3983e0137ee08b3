"""Whether everything is set up: each thing that has to be right, and how to mend what is not.

Nothing is changed by looking, except that a ledger is made where there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from workflow.document.template import TemplateBad as DocTemplateBad
from workflow.document.template import parse_template as parse_doc_template
from workflow.flows.announcing import problem_of
from workflow.flows.faults import BadInput
from workflow.flows.sharing import parse_share, target_of
from workflow.flows.templates import WRITTEN_LIKE_MAILS
from workflow.flows.workspace import Workspace
from workflow.ledger import migrate
from workflow.ledger.faults import LedgerUnavailable
from workflow.mail.addresses import AddressBad, read_address
from workflow.mail.sandbox import TemplateBad as MailTemplateBad
from workflow.mail.template import parse_template as parse_mail_template

# What a Workspace account may send in 24 hours, and an account of gmail.com (Gmail's help pages).
_WORKSPACE_DAILY, _CONSUMER_DAILY = 2000, 500
# What Google gives a Cloud project made since May 2026.
_NEW_PROJECT_UNITS = 6000


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"


@dataclass(frozen=True)
class Finding:
    """What one check has found. `mend` says what to do; empty where there is nothing to do."""

    check: str
    level: Level
    says: str
    mend: str = ""


def ok(check: str, says: str) -> Finding:
    """A check that found nothing wrong."""
    return Finding(check, Level.OK, says)


def warning(check: str, says: str, mend: str = "") -> Finding:
    """Something that works now, and may not for long or not for all."""
    return Finding(check, Level.WARNING, says, mend)


def broken(check: str, says: str, mend: str = "") -> Finding:
    """Something that does not work."""
    return Finding(check, Level.BROKEN, says, mend)


def examine_machine(workspace: Workspace) -> Iterator[Finding]:
    """All that can be told without Google."""
    yield _config(workspace)
    yield from _templates(workspace)
    yield _ledger(workspace)
    yield from _share_targets(workspace)
    yield from _words_of_the_sender(workspace)
    yield from _channels(workspace)


def _config(workspace: Workspace) -> Finding:
    settings = workspace.settings
    if not settings.config_path.is_file():
        return warning(
            "config", f"There is no {settings.config_path} yet.", "Run `postmortem init`."
        )
    return ok("config", f"{settings.config_path}, profile {settings.profile}")


def _templates(workspace: Workspace) -> Iterator[Finding]:
    own = workspace.settings.config.templates
    roots = [workspace.templates]
    if own:
        folder = Path(own).expanduser()
        if not folder.is_dir():
            yield broken(
                "templates",
                f"The config's templates folder {own} is not there.",
                f"Make it with `postmortem init --templates {own}`, or take the setting out.",
            )
        roots.insert(0, folder)
    count, bad = 0, 0
    for root in roots:
        for path, parse in _template_files(root):
            count += 1
            if (reason := _reason_against(path, parse)) is not None:
                bad += 1
                yield broken("templates", f"{path}: {reason}", "Mend that line of the template.")
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


def _ledger(workspace: Workspace) -> Finding:
    try:
        with workspace.ledger.write():
            pass
    except LedgerUnavailable as fault:
        return broken("ledger", str(fault))
    kind = workspace.settings.database_url.partition(":")[0]
    return ok("ledger", f"{kind}, can be written, revision {migrate.REVISIONS[-1]}")


def _share_targets(workspace: Workspace) -> Iterator[Finding]:
    targets = workspace.settings.config.share
    bad = 0
    for text in targets:
        if (reason := _reason_against_sharing(text)) is not None:
            bad += 1
            yield broken("sharing", reason, "Mend `share` in the config.")
    if not targets:
        yield ok("sharing", "a doc is shared with those whom `start --share` names")
    elif not bad:
        yield ok("sharing", f"a new doc is shared with {', '.join(targets)}")


def _reason_against_sharing(text: str) -> str | None:
    try:
        target = target_of(parse_share(text).who)
        if target.kind in {"user", "group"}:
            read_address(target.address)
    except (BadInput, AddressBad) as bad:
        return str(bad)
    return None


def _words_of_the_sender(workspace: Workspace) -> Iterator[Finding]:
    config = workspace.settings.config
    if config.reply_to:
        try:
            read_address(config.reply_to)
        except AddressBad as bad:
            yield broken("sender", f"reply_to: {bad}", "Mend `reply_to` in the config.")
    if not config.support:
        yield warning(
            "sender",
            "The config does not say how a customer reaches you (`support`).",
            "Run `postmortem init`.",
        )


def examine_limits(workspace: Workspace, account: str) -> Iterator[Finding]:
    """What the config lets this account send, against what Google is known to allow."""
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


def examine_pace(workspace: Workspace) -> Iterator[Finding]:
    """The configured pace, against what Google gives a new Cloud project."""
    sending = workspace.settings.config.sending
    if sending.units_per_minute > _NEW_PROJECT_UNITS:
        yield warning(
            "limits",
            f"units_per_minute is {sending.units_per_minute:,}. A Cloud project made since May "
            f"2026 has {_NEW_PROJECT_UNITS:,}, an older one 15,000.",
            "Look under APIs & Services, Gmail API, Quotas in the Cloud console.",
        )


def _channels(workspace: Workspace) -> Iterator[Finding]:
    """Where colleagues are told; no channel is no fault."""
    for channel in workspace.settings.config.announce:
        problem = problem_of(workspace, channel)
        if problem:
            yield broken("colleagues", problem, f"See [[announce]] of {channel.name}.")
        else:
            yield ok("colleagues", f"{channel.name} can be told ({channel.kind})")
