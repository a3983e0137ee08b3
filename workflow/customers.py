"""What each customer was told of an incident, and whether of its end. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from workflow.incident import DeliveryState, Stage

_ENDS = frozenset({Stage.RESOLVED, Stage.POSTMORTEM})


@dataclass(frozen=True)
class Word:
    """One mail of an incident to one customer, and what became of it."""

    notice_id: str
    stage: Stage
    said_at: datetime
    state: DeliveryState
    bounced: bool = False

    @property
    def stands(self) -> bool:
        """Whether it was accepted, and nothing came back."""
        return self.state is DeliveryState.SENT and not self.bounced


@dataclass(frozen=True)
class Customer:
    """A customer of an incident with all mails to them, in the order of the notices."""

    key: str
    email: str
    name: str
    words: tuple[Word, ...]

    @property
    def told(self) -> tuple[Word, ...]:
        """The mails that stand."""
        return tuple(word for word in self.words if word.stands)

    def undecided(self) -> tuple[Word, ...]:
        """Mails that failed or are unknown, and that no later mail to the same customer settles."""
        last = max((at for at, word in enumerate(self.words) if word.stands), default=-1)
        return tuple(
            word
            for word in self.words[last + 1 :]
            if word.state in (DeliveryState.FAILED, DeliveryState.UNKNOWN)
        )

    def knows_the_end(self, resolved_at: datetime | None) -> bool:
        """Whether the customer's last word was one of the end.

        A correction says how things stand: it is a word of the end after another such word, and
        once the incident was resolved.
        """
        knows = False
        for word in self.told:
            if word.stage is Stage.CORRECTION:
                knows = knows or (resolved_at is not None and word.said_at >= resolved_at)
            else:
                knows = word.stage in _ENDS
        return knows
