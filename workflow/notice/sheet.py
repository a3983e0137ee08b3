"""The pre-flight sheet: everything to check before the mails are sent."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from workflow.model import MailTransport, duration_text, moment_text
from workflow.notice.left_out import asked_about, not_overridden
from workflow.notice.plan import Plan
from workflow.notice.send import repeat_words
from workflow.notice.wording import wordings_text
from workflow.workspace import Workspace

_SHOWN_CHANGES = 6


@dataclass(frozen=True)
class SheetLine:
    """A line of the sheet: a label with its text, a faint line below one, or a warning."""

    label: str
    text: str
    tone: Literal["plain", "faint", "warning"] = "plain"


def sheet_title(plan: Plan) -> str:
    """`Resolved notice to 12 customers`."""
    count = "1 customer" if plan.new == 1 else f"{plan.new:,} customers"
    return f"{plan.stage.value.capitalize()} notice to {count}"


def sheet_lines(workspace: Workspace, plan: Plan) -> Iterator[SheetLine]:
    """The sheet without its rows and findings, which the plan holds as they are."""
    yield SheetLine("List", f"{plan.request.list_name}: {_list_words(plan)}")
    yield SheetLine("Time", _time_words(workspace, plan))
    yield SheetLine("Today", _today_words(plan))
    yield from _way(workspace, plan)
    if plan.new:
        yield SheetLine("Words", wordings_text(plan.count.wordings.customers))
    read = plan.incident.for_customers
    yield SheetLine("Title", read.title)
    if read.impact:
        yield SheetLine("Impact", " ".join(read.impact.split()))
    for stage, told in plan.count.told_before.items():
        words = f"{told:,} of them already got the “{stage}” notice of this incident"
        yield SheetLine("Before", words)
    yield from _repeats(plan)
    attached = [file.filename for file in plan.attachments]
    if plan.reader.own_files is not None and plan.reader.own_files.words:
        attached.append(plan.reader.own_files.words)
    if attached:
        yield SheetLine("Attached", ", ".join(attached))
    yield from _earlier(plan)


def labels_and_texts(workspace: Workspace, plan: Plan) -> Iterator[tuple[str, str]]:
    """The sheet's lines without warnings, for a page that shows those elsewhere."""
    for line in sheet_lines(workspace, plan):
        if line.tone != "warning":
            yield line.label, line.text


def has_errors(plan: Plan) -> bool:
    """Whether a finding blocks sending."""
    return any(finding.level == "error" for finding in plan.findings)


def what_to_mend(plan: Plan) -> str:
    """What to do before `--send` works; "" if nothing is missing."""
    if has_errors(plan):
        return "fix the errors above, then run the same command again"
    if plan.bad_rows and not plan.request.skip_bad:
        return "fix the bad rows, or leave them out with --skip-bad"
    return ""


def blocking_notices(plan: Plan) -> str:
    """What to do about unfinished notices for the same customers; "" if there are none."""
    if not not_overridden(plan.waiting, plan.request.despite):
        return ""
    return "finish or withdraw the unfinished notices (see above), then run the same command again"


def _earlier(plan: Plan) -> Iterator[SheetLine]:
    earlier = plan.earlier
    if earlier is None:
        return
    when = moment_text(earlier.said_at, plan.incident.zone)
    changed = "Changed since then:" if earlier.changed else "Same text."
    yield SheetLine("Last", f"“{earlier.stage}”, {when}. {changed}")
    for line in earlier.changed[:_SHOWN_CHANGES]:
        yield SheetLine("", line, "faint")
    if len(earlier.changed) > _SHOWN_CHANGES:
        yield SheetLine("", f"…and {len(earlier.changed) - _SHOWN_CHANGES} more lines", "faint")
    if earlier.not_on_list:
        words = "who got an earlier notice of this incident are not on this list."
        yield SheetLine("", f"{earlier.not_on_list:,} {words}", "warning")


def _repeats(plan: Plan) -> Iterator[SheetLine]:
    """Listed customers who had this stage already, or have an unsent mail of another notice."""
    if asked_about(plan.count.repeats):
        left = plan.never_had_stage
        way = "Add --only-new to leave them out." if left else "All of them would get it again."
        yield SheetLine("", f"{repeat_words(plan)} {way}", "warning")
    for each in plan.waiting:
        yield SheetLine("", each.sentence, "warning")
        yield SheetLine("", f"  {each.ways_on}", "warning")


def _today_words(plan: Plan) -> str:
    words = f"{plan.today.sent:,} of {plan.today.limit:,} sent in the last 24 hours"
    if waiting := _waiting(plan):
        words += f"; {waiting:,} must wait until tomorrow"
    return words


def _waiting(plan: Plan) -> int:
    """The number of mails that have to wait: one mailbox may be full while others aren't."""
    if plan.division:
        return sum(share.waiting for share in plan.division)
    return max(0, plan.new - plan.today.left)


def _way(workspace: Workspace, plan: Plan) -> Iterator[SheetLine]:
    """The transport of the mails: the relay, or each mailbox with its share."""
    if plan.transport is MailTransport.SMTP_RELAY:
        words = f"{workspace.relay.name}, which only confirms that it accepted a mail"
        yield SheetLine("Through", words)
    for share in plan.division:
        threads = f", {share.bound:,} in threads that it began" if share.bound else ""
        left = f"{share.left_today:,} left today"
        yield SheetLine("From", f"{share.sender}: {share.mails:,}{threads} ({left})")
    if _waiting(plan) and plan.transport is MailTransport.GMAIL:
        yield SheetLine(
            "",
            "That is more than this account can send today. It stops at the limit, and resume "
            "continues the next day. Or add senders in the config, or use --transport smtp-relay.",
            "warning",
        )


def _list_words(plan: Plan) -> str:
    words = [_counted(plan.recipients, "person", "people")]
    if plan.skipped:
        words.append(f"{plan.skipped:,} left out ({_why_left_out(plan)})")
    if plan.duplicates:
        words.append(f"{_counted(len(plan.duplicates), 'repeated row', 'repeated rows')} left out")
    if plan.bad_rows:
        words.append(_counted(len(plan.bad_rows), "bad row", "bad rows"))
    return ", ".join(words)


def _why_left_out(plan: Plan) -> str:
    reasons = [
        (plan.count.has_it, "already in a notice with this text"),
        (plan.count.not_wronged, "never got the mail that this corrects"),
        (plan.count.had_stage, "already had this stage"),
    ]
    given = [(number, why) for number, why in reasons if number]
    if len(given) == 1:
        return given[0][1]
    return "; ".join(f"{number:,} {why}" for number, why in given)


def _counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _time_words(workspace: Workspace, plan: Plan) -> str:
    config = workspace.settings.config
    per_minute = config.sending.units_per_minute // (100 if config.sending.one_step else 110)
    if plan.transport is MailTransport.SMTP_RELAY:
        per_minute = config.smtp.messages_per_minute
    per_minute *= max(1, len(plan.division))
    count, a_day, left = plan.new, plan.today.limit, plan.today.left
    if count <= per_minute:
        return "less than a minute"
    days = math.ceil(max(0, count - left) / a_day) + (1 if left else 0)
    over = f", over {days} days" if days > 1 else ""
    return f"about {duration_text(60 * count / per_minute)} at {per_minute} a minute{over}"
