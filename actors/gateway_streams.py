"""What an account's streams are up to: nothing missed is replayed, so after every gap the gateway compares (ORD-7)."""

from __future__ import annotations

from collections.abc import Callable

from actors.account_messages import StreamChanged
from actors.due import Due
from actors.gateway_alerts import GatewayAlerts

STREAM = "stream"
GRACE_MS = 5_000
"""Streams are cut now and then and come back at once: only one that stays away is worth an alert."""
SWEEP_WHILE_DOWN_MS = 3_000
"""Pause between sweeps while they are all we hear of our orders; the request budget may stretch it."""
OF_ORDERS = frozenset({"orders", "trades", "balances"})
"""Streams whose gap may have hidden a fill. Prices have an age of their own."""
MAX_STREAMS = 16
"""Names remembered; an exchange has four."""


class StreamWatch:
    """`when_changed` is called when the pace of the sweeps changes, `when_back` when something may have been missed."""

    def __init__(
        self,
        *,
        account: str,
        alerts: GatewayAlerts,
        due: Due,
        now_ms: Callable[[], int],
        when_changed: Callable[[], None],
        when_back: Callable[[], None],
    ) -> None:
        self._account = account
        self._alerts = alerts
        self._due = due
        self._now_ms = now_ms
        self._when_changed = when_changed
        self._when_back = when_back
        self._down: dict[str, str] = {}
        """Streams that are away, with the exchange's words."""
        self._up: set[str] = set()
        self._since_ms: dict[str, int] = {}
        """When each stream came up or went down last."""
        self._gap = 0
        """Which time of being down this is."""

    @property
    def is_deaf(self) -> bool:
        """A stream that tells of our orders is away."""
        return not OF_ORDERS.isdisjoint(self._down)

    def changed(self, message: StreamChanged) -> None:
        was_deaf = self.is_deaf
        if message.is_up:
            self._came(message.stream)
        else:
            self._went(message.stream, message.words)
        if self.is_deaf is not was_deaf:
            self._when_changed()

    def _came(self, stream: str) -> None:
        if stream not in self._up:
            self._turned(stream)
        self._down.pop(stream, None)
        if len(self._up) < MAX_STREAMS:
            self._up.add(stream)
        if not self._down:
            self._alerts.resolve(STREAM)
        if stream in OF_ORDERS:
            self._when_back()

    def _went(self, stream: str, words: str) -> None:
        if stream not in self._down:
            self._turned(stream)
        self._up.discard(stream)
        if not self._down:
            self._gap += 1
            gap = self._gap
            self._due.after(GRACE_MS, lambda: self._still_down(gap))
        if stream in self._down or len(self._down) < MAX_STREAMS:
            self._down[stream] = words

    def _turned(self, stream: str) -> None:
        if stream in self._since_ms or len(self._since_ms) < MAX_STREAMS:
            self._since_ms[stream] = self._now_ms()

    def _still_down(self, gap: int) -> None:
        if self._down and gap == self._gap:
            self._alerts.raise_(STREAM, "warning", "exchange", f"{self._account}: {self.words}")

    @property
    def rows(self) -> tuple[tuple[str, bool, str], ...]:
        """(stream, is it up, the exchange's words), by name."""
        up = ((stream, True, "") for stream in self._up)
        return tuple(sorted((*up, *((stream, False, words) for stream, words in self._down.items()))))

    @property
    def since_ms(self) -> tuple[tuple[str, int], ...]:
        """(stream, when it came up or went down last), by name."""
        return tuple(sorted(self._since_ms.items()))

    @property
    def words(self) -> str:
        """For a person."""
        if not self._down:
            return ", ".join(sorted(self._up)) or "none reported"
        by_words: dict[str, list[str]] = {}
        for stream, words in sorted(self._down.items()):
            by_words.setdefault(words, []).append(stream)
        away = (", ".join(streams) + (f" ({words})" if words else "") for words, streams in by_words.items())
        pace = "; orders are asked for every few seconds instead" if self.is_deaf else ""
        return f"no stream of {'; of '.join(away)}{pace}"

    @property
    def are_well(self) -> bool:
        return not self._down
