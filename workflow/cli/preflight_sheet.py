"""The pre-flight sheet: everything to know before a mail leaves that can't be called back."""

from __future__ import annotations

from typing import Any

from workflow.cli.speaking import Speaker
from workflow.flows.planning import Plan
from workflow.flows.workspace import Workspace
from workflow.incident import MailTransport, duration_text, moment_text
from workflow.mail.faces import parse_body, text_face

_SHOWN = 10
_SHOWN_CHANGES = 6


def plan_json(plan: Plan, mode: str = "preview") -> dict[str, Any]:
    """The shape of `notify --json` for a plan: of a preview, or of one that was not sent."""
    return {
        "incident": plan.incident.id,
        "notice": None,
        "stage": plan.stage.value,
        "subject": plan.first.subject if plan.first else plan.copy.subject,
        "recipients": plan.new,
        "counts": {"sent": 0, "failed": 0, "unknown": 0, "pending": plan.new}
        | {"skipped": plan.skipped},
        "failures": [
            {"email": row.value, "row": row.row, "reason": row.reason} for row in plan.bad_rows
        ],
        "copied_back": False,
        "mode": mode,
        "duplicates": [{"row": each.row, "first_row": each.first_row} for each in plan.duplicates],
        "told_before": dict(plan.count.told_before),
        "findings": [
            {"level": each.level, "code": each.code, "where": each.where, "message": each.message}
            for each in plan.findings
        ],
        "sent_today": plan.today.sent,
        "left_today": plan.today.left,
        "transport": plan.transport.value,
        "senders": [
            {"email": each.sender, "mails": each.mails, "left_today": each.left_today}
            for each in plan.division
        ],
        "earlier": _earlier_json(plan),
        "preview": _first_mail_json(plan),
    }


def _earlier_json(plan: Plan) -> dict[str, Any] | None:
    if plan.earlier is None:
        return None
    return {
        "stage": plan.earlier.stage.value,
        "changed": list(plan.earlier.changed),
        "not_on_list": plan.earlier.not_on_list,
    }


def _first_mail_json(plan: Plan) -> dict[str, Any] | None:
    if plan.first is None:
        return None
    text = text_face(parse_body(plan.first.markdown))
    return {"to": plan.first.email, "subject": plan.first.subject, "text": text}


def show(speaker: Speaker, workspace: Workspace, plan: Plan, *, with_mail: bool = True) -> None:
    """The sheet in words, and the first recipient's mail."""
    count = "1 customer" if plan.new == 1 else f"{plan.new:,} customers"
    speaker.say(f"{plan.stage.value.capitalize()} notice to {count}", "strong")
    speaker.say(f"  List      {plan.request.list_name}: {_list_words(plan)}")
    speaker.say(f"  Time      {_time_words(workspace, plan)}")
    speaker.say(f"  Today     {_today_words(plan)}")
    _show_way(speaker, workspace, plan)
    for stage, told in plan.count.told_before.items():
        speaker.say(f"  Before    {told:,} of them had the notice “{stage}” of this incident")
    if plan.attachments:
        speaker.say(f"  Attached  {', '.join(file.filename for file in plan.attachments)}")
    _show_earlier(speaker, plan)
    _show_rows(speaker, plan)
    show_findings(speaker, plan)
    if with_mail:
        _show_mail(speaker, plan)


def show_findings(speaker: Speaker, plan: Plan) -> None:
    """What is wrong with the words or the list, errors first."""
    for finding in plan.findings:
        tell = speaker.wrong if finding.level == "error" else speaker.warn
        tell(f"  {finding.level.capitalize()}: {finding.where}: {finding.message}")


def _show_earlier(speaker: Speaker, plan: Plan) -> None:
    earlier = plan.earlier
    if earlier is None:
        return
    when = moment_text(earlier.said_at, plan.incident.zone)
    changed = "Since then the words changed:" if earlier.changed else "The words are the same."
    speaker.say(f"  Last      “{earlier.stage}”, {when}. {changed}")
    for line in earlier.changed[:_SHOWN_CHANGES]:
        speaker.say(f"            {line}", "faint")
    if len(earlier.changed) > _SHOWN_CHANGES:
        speaker.say(f"            …and {len(earlier.changed) - _SHOWN_CHANGES} more lines", "faint")
    if earlier.not_on_list:
        speaker.warn(
            f"  {earlier.not_on_list:,} who were told something of this incident "
            "are not on this list."
        )


def _today_words(plan: Plan) -> str:
    words = f"{plan.today.sent:,} of {plan.today.limit:,} sent in the last 24 hours"
    if waiting := _waiting(plan):
        words += f"; {waiting:,} would have to wait for tomorrow"
    return words


def _waiting(plan: Plan) -> int:
    """How many mails have to wait: one mailbox may be full though others are not."""
    if plan.division:
        return sum(share.waiting for share in plan.division)
    return max(0, plan.new - plan.today.left)


def _show_way(speaker: Speaker, workspace: Workspace, plan: Plan) -> None:
    """By which way the mails leave: the relay, or each mailbox with its share."""
    if plan.transport is MailTransport.SMTP_RELAY:
        speaker.say(f"  Through   {workspace.relay.name}, which tells only that it took a mail")
    for share in plan.division:
        threads = f", {share.bound:,} in threads that it began" if share.bound else ""
        left = f"{share.left_today:,} left today"
        speaker.say(f"  From      {share.sender}: {share.mails:,}{threads} ({left})")
    if _waiting(plan) and plan.transport is MailTransport.GMAIL:
        speaker.warn(
            "  That is more than Gmail carries today. It stops when the day is full, and resume "
            "goes on the next day; or divide the list among (more) senders in the config, or send "
            "with --transport smtp-relay."
        )


def _show_rows(speaker: Speaker, plan: Plan) -> None:
    for row in plan.bad_rows[:_SHOWN]:
        where = f", column {row.column}" if row.column else ""
        value = f" ({row.value[:60]})" if row.value else ""
        speaker.warn(f"  Row {row.row}{where}{value}: {row.reason}")
    if len(plan.bad_rows) > _SHOWN:
        speaker.warn(f"  …and {len(plan.bad_rows) - _SHOWN} more bad rows: add --json for all")


def show_left_out(speaker: Speaker, plan: Plan) -> None:
    """The bad rows that `--skip-bad` leaves out, each by its number and address."""
    if plan.bad_rows:
        speaker.warn(f"Left out of {plan.request.list_name}:")
        _show_rows(speaker, plan)


def _show_mail(speaker: Speaker, plan: Plan) -> None:
    is_refused = bool(what_to_mend(plan)) or not plan.recipients  # said below, with the reason
    if plan.first is None:
        if not is_refused:
            speaker.warn(
                "Nothing was sent: everybody who can be written to is left out, as said above."
            )
        return
    speaker.say()
    speaker.say(f"To:       {plan.first.email}", "faint")
    speaker.say(f"Subject:  {plan.first.subject}", "strong")
    speaker.say()
    speaker.say(text_face(parse_body(plan.first.markdown)).rstrip())
    speaker.say()
    if not is_refused:
        speaker.say("Nothing was sent.", "good")
        speaker.next_step("add --test you@example.com to see it in your own mailbox, then --send")


def has_errors(plan: Plan) -> bool:
    """Whether a finding keeps the mail from being sent."""
    return any(finding.level == "error" for finding in plan.findings)


def what_to_mend(plan: Plan) -> str:
    """What a person has to do before `--send` sends anything; "" for nothing."""
    if has_errors(plan):
        return "mend the errors above, then the same command again"
    if plan.bad_rows and not plan.request.skip_bad:
        return "mend the bad rows, or leave them out with --skip-bad"
    return ""


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
        (plan.count.has_it, "in a notice with these words already"),
        (plan.count.not_wronged, "never got the mail that is corrected"),
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
    count, a_day = plan.new, plan.today.limit
    if count <= per_minute:
        return "under a minute"
    days = f", over {count // a_day + 1} days" if count > a_day else ""
    return f"about {duration_text(60 * count / per_minute)} at {per_minute} a minute{days}"
