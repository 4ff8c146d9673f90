"""What may be wrong with an account besides not answering: its key, its clock, a ban. Each is said once and held on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from actors.account_messages import AccountProbed, Banned, ClockMeasured
from actors.budget import MAX_BLOCK_MS
from actors.due import Due
from actors.gateway_account import AccountWatch
from actors.gateway_alerts import GatewayAlerts
from actors.ports import Exchange
from actors.rules.choices import World
from actors.rules.settings import AccountSettings

PROBE_TIMEOUT_MS = 30_000
"""An exchange tries several things; one that does not answer takes its time to say so."""
PROBE_AGAIN_MS = 60_000
"""After a probe that was not answered, or did not come as far as what the key may do."""
PROBE_PAUSE_MS = 86_400_000
"""Permissions of a key change behind our back."""
NOT_KNOWN = (
    "what the API key may do is not known yet: `terrace account check` says why, allow_withdraw: true trades without it"
)
CLOCK_WARN_MS = 1_000
"""What venues allow a request to be ahead of them."""
CLOCK_ERROR_MS = 5_000
"""What venues allow a request to lie behind. Requests are corrected; the next to fail is the correction."""
CLOCK_HOLD_MS = 30_000
"""From here on ages of alerts and prices, which are judged by our clock, mean nothing: no new entries."""
RATE_NEAR_PERCENT, RATE_CALM_PERCENT = 90, 70
"""A window as full as the first is said to be until it is no fuller than the second. Entries stop before that: it is
targets and exits that press, or other programs behind the same address."""
MAX_CHECKS = 50
"""Checks of a probe that are kept."""

WITHDRAW, PROBE, CLOCK, BAN, RATE = "withdraw", "account_check", "clock", "ban", "rate"
KINDS = (WITHDRAW, PROBE, CLOCK, BAN, RATE)
"""Kinds of its alerts."""
PROBING = "probing"
"""Holds a live account until its key is known."""


class AccountHealth:
    def __init__(
        self,
        *,
        account: AccountSettings,
        exchange: Exchange,
        watch: AccountWatch,
        alerts: GatewayAlerts,
        due: Due,
        now_ms: Callable[[], int],
    ) -> None:
        self._account = account
        self._exchange = exchange
        self._watch = watch
        self._alerts = alerts
        self._due = due
        self._now_ms = now_ms
        self._turn = 0
        self._is_probing = False
        self._banned_until_ms = 0
        self._clock_severity = ""
        self._newest: AccountProbed | None = None
        self.clock_words = ""
        """Empty: not measured yet."""
        self.clock_offset_ms: int | None = None
        self.when_probed: list[Callable[[], None]] = []
        """Called when a probe was answered, or not."""

    def start(self) -> None:
        if self.refuses_withdrawal:
            self._watch.hold(PROBING, NOT_KNOWN)
        self.probe()

    def settings_changed(self, account: AccountSettings) -> None:
        self._account = account
        self._judge_key()

    # --- the probe --------------------------------------------------------------------------------

    @property
    def checks(self) -> tuple[tuple[str, bool, str], ...]:
        """Of the newest probe."""
        return () if self._newest is None else self._newest.checks[:MAX_CHECKS]

    @property
    def may_withdraw(self) -> bool | None:
        """None: the exchange does not say, or has not been asked."""
        return None if self._newest is None else self._newest.may_withdraw

    def probe(self) -> None:
        """Tries everything once more, unless that is under way."""
        if self._is_probing:
            return
        self._is_probing = True
        self._turn += 1
        turn = self._turn
        self._due.after(PROBE_TIMEOUT_MS, lambda: self._late(turn))
        self._exchange.probe()

    def _late(self, turn: int) -> None:
        if self._is_probing and turn == self._turn:
            self._is_probing = False
            self._due.after(PROBE_AGAIN_MS, lambda: self._again(turn))
            self._tell_probed()

    def _again(self, turn: int) -> None:
        if turn == self._turn:
            self.probe()

    def probed(self, message: AccountProbed) -> None:
        self._is_probing = False
        pause_ms = PROBE_PAUSE_MS if message.is_key_known else PROBE_AGAIN_MS
        if not message.is_key_known and self._newest is not None:  # What was known before still stands.
            message = replace(message, may_withdraw=self._newest.may_withdraw, is_key_known=self._newest.is_key_known)
        self._newest = message
        turn = self._turn
        self._due.after(pause_ms, lambda: self._again(turn))
        self._judge_key()
        wrong = [f"{name}: {words}" for name, is_well, words in self.checks if not is_well]
        self._alerts.resolve(PROBE)
        if wrong:
            self._alerts.raise_(PROBE, "error", "exchange", f"{self._account.name}: {'; '.join(wrong)}")
        self._tell_probed()

    def _tell_probed(self) -> None:
        for call in self.when_probed:
            call()

    @property
    def refuses_withdrawal(self) -> bool:
        """SEC-5."""
        return self._account.world is World.LIVE and not self._account.allow_withdraw

    def _judge_key(self) -> None:
        if self._newest is None or not self._newest.is_key_known:
            if not self.refuses_withdrawal:
                self._watch.release(PROBING)
            return
        self._watch.release(PROBING)
        if not self._newest.may_withdraw:
            self._alerts.resolve(WITHDRAW)
            self._watch.release(WITHDRAW)
            return
        words = "the API key may withdraw funds"
        if self.refuses_withdrawal:
            words += "; make one that may not, or set allow_withdraw: true for this account. No new entries until then"
            self._watch.hold(WITHDRAW, words)
        else:
            self._watch.release(WITHDRAW)
        self._alerts.raise_(WITHDRAW, "error", "security", f"{self._account.name}: {words}")

    # --- the clock --------------------------------------------------------------------------------

    def clock_measured(self, message: ClockMeasured) -> None:
        """Half of the round trip is doubt and speaks for our clock."""
        offset_ms = self.clock_offset_ms = message.offset_ms
        certain_ms = max(0, abs(offset_ms) - message.round_trip_ms // 2)
        way = "behind" if offset_ms > 0 else "ahead of"
        self.clock_words = f"this machine's clock is {abs(offset_ms)} ms {way} the exchange's"
        severity = "error" if certain_ms > CLOCK_ERROR_MS else "warning" if certain_ms > CLOCK_WARN_MS else ""
        if severity != self._clock_severity:
            self._clock_severity = severity
            self._alerts.resolve(CLOCK)
            if severity:
                words = f"{self._account.name}: {self.clock_words}; set it by a time server (NTP)"
                self._alerts.raise_(CLOCK, severity, "exchange", words)
        if certain_ms > CLOCK_HOLD_MS:
            self._watch.hold(CLOCK, "this machine's clock is more than half a minute off")
        else:
            self._watch.release(CLOCK)

    @property
    def is_clock_well(self) -> bool:
        return not self._clock_severity

    # --- rates and bans ---------------------------------------------------------------------------

    def judge_rate(self, near_percent: int = RATE_NEAR_PERCENT) -> None:
        """For every sweep: is the request budget nearly used up?"""
        shares = {
            name: 100 * used // limit
            for name, (used, limit) in self._exchange.budget.used(self._now_ms()).items()
            if limit
        }
        full = [f"{share} % of {name}" for name, share in shares.items() if share >= near_percent]
        if full:
            words = f"{self._account.name}: the request budget is nearly used up: {', '.join(full)}"
            self._alerts.raise_(RATE, "warning", "exchange", words)
        elif all(share <= min(RATE_CALM_PERCENT, near_percent - 1) for share in shares.values()):
            self._alerts.resolve(RATE)

    def banned(self, message: Banned) -> None:
        now_ms = self._now_ms()
        until_ms = now_ms + min(message.for_ms, MAX_BLOCK_MS)
        if until_ms <= max(now_ms, self._banned_until_ms):
            return
        self._banned_until_ms = until_ms
        self._exchange.budget.block(until_ms)
        until = datetime.fromtimestamp(until_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        words = f"the exchange takes nothing from this address until {until}"
        self._watch.hold(BAN, words)
        told = f" ({message.words})" if message.words else ""
        self._alerts.raise_(BAN, "error", "exchange", f"{self._account.name}: {words}{told}")
        self._due.at(until_ms, self._ban_over)

    def set_back(self, by_ms: int) -> None:
        """The clock was set back: the end of a ban comes as much earlier by it."""
        if self._banned_until_ms:
            self._banned_until_ms += by_ms

    def _ban_over(self) -> None:
        if self._now_ms() >= self._banned_until_ms:
            self._banned_until_ms = 0
            self._watch.release(BAN)
            self._alerts.resolve(BAN)
