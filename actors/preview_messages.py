"""What is asked and answered about an entry that nobody has sent: SIG-11, and alerts that are only looked at."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from actors.messages import ReplyTo
from actors.pool_admission import Admitted
from actors.rules.model import Refused, Signal


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewEntry:
    """API -> Pool. What would become of this entry now? Answered with `EntryPreview`, or `Refused` where no such signal
    is taken on at all. Nothing is reserved.
    """

    signal: Signal
    reply_to: ReplyTo


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPreview:
    """What Pool would do with it, by its own books."""

    judged: Admitted | Refused
    is_hopeless: bool
    """Refused for a reason that waiting does not mend."""
    obstacles: tuple[Refused, ...]
    """Everything that stands in its way, the first of which is why it waits."""
    expected_profit: Decimal | None
    """QUE-7; None where its ladder cannot be planned."""
