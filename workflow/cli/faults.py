"""Which exit code a fault has: the table of the contract."""

from __future__ import annotations

import sys

DONE, DEFECT, USAGE, BAD_INPUT, NOT_SET_UP, RECORDED, PARTLY, INTERRUPTED = (
    *(0, 1, 2, 3, 4, 5, 6),
    130,
)


def sentence_and_code(fault: Exception) -> tuple[str, int] | None:
    """The sentence for a person and the exit code; None for a defect of this program."""
    for module, names in _CODES.items():
        loaded = sys.modules.get(module)  # a fault of a module that was never loaded can't be it
        if loaded is None:
            continue
        for name, code in names.items():
            if isinstance(fault, getattr(loaded, name)):
                return str(fault), code
    return None


# In order: the first that fits counts.
_CODES: dict[str, dict[str, int]] = {
    "workflow.flows.faults": {
        "BadInput": BAD_INPUT,
        "NotSetUp": NOT_SET_UP,
        "Recorded": RECORDED,
    },
    "workflow.cli.ending": {"AnswerLost": NOT_SET_UP},
    "workflow.config": {"ConfigBad": NOT_SET_UP},
    "workflow.when": {"WhenUnclear": BAD_INPUT},
    "workflow.pasted": {"PasteUnclear": BAD_INPUT},
    "workflow.ledger.faults": {"UnknownIncident": BAD_INPUT, "LedgerUnavailable": NOT_SET_UP},
    "workflow.mail.recipients": {"ListUnreadable": BAD_INPUT},
    "workflow.mail.sandbox": {"TemplateBad": BAD_INPUT},
    "workflow.mail.message": {"HeaderBad": BAD_INPUT},
    "workflow.document.template": {"TemplateBad": BAD_INPUT},
    "workflow.google.faults": {
        "SignInNeeded": NOT_SET_UP,
        "GoogleFault": RECORDED,
    },
}
