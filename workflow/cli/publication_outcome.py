"""What became of the Google Doc of a customers' version, in words and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workflow.cli.speaking import Speaker
    from workflow.flows.faults import Recorded
    from workflow.flows.publication_finishing import FinishedPublication
    from workflow.google.faults import GoogleFault
    from workflow.incident import Incident

DOC_WORDS = {
    "made": "The customers' version has its Google Doc. Nobody else can see it yet.",
    "updated": "The Google Doc is up to date now.",
    "unchanged": "The Google Doc shows this already.",
    "edited": "People have edited the Google Doc, so it was left as it is. "
    "`postmortem publish --doc --again` makes a new one beside it.",
}


def waits(incident: Incident, fault: GoogleFault) -> Recorded:
    """The fault of a customers' version that is recorded and not in its doc yet."""
    from workflow.flows.faults import Recorded  # noqa: PLC0415

    return Recorded(
        f"The customers' version is not in its Google Doc yet. {fault.sentence_in(incident.zone)} "
        "Later: postmortem sync"
    )


def show_finished(speaker: Speaker, finished: Sequence[FinishedPublication]) -> None:
    """What `sync` made of the customers' versions that were begun, in words."""
    for each in finished:
        name = f"The customers' version of “{each.incident.title[:60]}”"
        if each.said:
            speaker.warn(each.said)
        elif each.outcome == "edited":
            speaker.warn(f"{name}: {DOC_WORDS['edited']}")
        elif each.outcome:
            speaker.say(f"{name}: its Google Doc shows it now.", "good")


def finished_json(finished: Sequence[FinishedPublication]) -> list[dict[str, Any]]:
    """The customers' versions in the shape of `sync --json`; a null outcome waits still."""
    return [
        {
            "incident": each.incident.id,
            "outcome": each.outcome or None,
            "doc_id": each.publication.doc_id or None,
            "doc_url": each.publication.doc_url or None,
        }
        for each in finished
    ]


def raise_if_unfinished(finished: Sequence[FinishedPublication]) -> None:
    """Raise what stopped a customers' version: `Recorded`, or `SignInNeeded`."""
    from workflow.google.faults import SignInNeeded  # noqa: PLC0415

    for each in finished:
        if isinstance(each.fault, SignInNeeded):
            raise each.fault
        if each.fault is not None:
            raise waits(each.incident, each.fault) from each.fault
