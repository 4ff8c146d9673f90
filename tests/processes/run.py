"""One run: an installation under load, killed again and again at moments a seed decides, then left to settle.

What cannot be repeated is time itself: the same seed gives the same configuration, alerts, moments and blows, and
another interleaving.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from tests.processes.checks import Terms, always, at_rest, violation
from tests.processes.load import Load, Market, PaperPrices, Prices
from tests.processes.quiet import Quiet
from tests.processes.troubles import Trouble, common_trouble, venue_trouble
from tests.processes.venue_works import CONFIG, PLACES, STARTS, VenueWorks
from tests.processes.works import Ended, Works, paper_config
from tests.simulation.promise import Promise, Violation
from tests.system.stack import Plain

D = Decimal
SETTLES_S = 90.0
"""Within this everything must be at rest after the last start."""
VENUE_SETTLES_S = 150.0
"""The same at an exchange: many restarts use up its request budget, what is left is kept for exits for a minute."""
FULL_STOP_S = 30.0
TROUBLE_STAYS_S = 4.0
"""How long something may stay wrong after the next start."""
TIMEFRAMES = ("15", "60", "240")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run is to be."""

    seed: int
    kills: int
    is_swap: bool = False
    """On paper."""
    venue: int | None = None
    """On this one of the simulated venues, which fails at each kill; None: on paper."""
    troubles: float = 0.4
    """How often something else goes wrong around a kill on paper."""
    bug: str = ""
    """A deliberate bug of tests/simulation/bugs, to see that it is found."""


@dataclass(slots=True, kw_only=True)
class Result:
    plan: Plan
    violations: list[Violation] = field(default_factory=list)
    story: list[str] = field(default_factory=list)
    kills: int = 0
    sent: int = 0
    acknowledged: int = 0
    groups: int = 0
    orders: int = 0
    fills: int = 0
    seconds: float = 0.0
    settled_s: float = 0.0

    @property
    def words(self) -> str:
        return (
            f"seed {self.plan.seed}: {self.kills} kills, {self.sent} alerts ({self.acknowledged} acknowledged), "
            f"{self.groups} groups, {self.orders} orders, {self.fills} fills, settled in {self.settled_s:.1f} s, "
            f"{self.seconds:.0f} s, {len(self.violations)} violations"
        )


def config_of(rng: random.Random, *, is_swap: bool) -> Plain:
    """A configuration by chance."""
    strategy: Plain = {
        "tp_mode": rng.choice(["per_leg", "per_leg", "aggregate", "hybrid", "pyramid_aggregate"]),
        "tp_percent": "0.6",
        "entry_order": rng.choice(["limit", "limit", "market"]),
        "tp_reprice_ms": 100,
        "max_pyramids": rng.choice([2, 3, 5]),
        "sizing": {"capital_per_pyramid": rng.choice(["200", "997.3", "3001.7"])},
    }
    account: Plain = {
        "fill": rng.choice(["touch", "cross"]),
        "latency_ms": rng.choice([0, 0, 5, 40]),
        "spread_percent": rng.choice(["0", "0.02"]),
        "fees": {"maker_percent": "0.08", "taker_percent": "0.1", "paid_in": rng.choice(["base", "quote"])},
    }
    if is_swap:
        account |= {"position_mode": rng.choice(["one_way", "hedge"]), "leverage": 3}
    changes = {
        "accounts": {"paper": account},
        "strategy": {"default": strategy},
        "pool": {"max_open_groups": rng.choice([3, 6, 8])},
        "queue": {"overflow": rng.choice(["reject_new", "evict_lowest"])},
    }
    return paper_config(changes, market="swap" if is_swap else "spot")


def _kind(words: str) -> str:
    """The words without ids and numbers."""
    return " ".join(word for word in words.split() if word.isalpha())


class Run:
    """The works, the load on it, and what goes wrong."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.rng = random.Random(f"run {plan.seed}")
        self.result = Result(plan=plan)
        self._began = time.monotonic()
        self.works, self.load, self.terms = self._on_paper(folder) if plan.venue is None else self._at_venue(folder)
        self.works.bug = plan.bug

    def _on_paper(self, folder: Path) -> tuple[Works, Load, Terms]:
        config = config_of(self.rng, is_swap=self.plan.is_swap)
        works = Works(folder, config)
        suffix = ".P" if self.plan.is_swap else ""
        account = config["accounts"]["paper"]
        tickers = {symbol.partition(":")[0].replace("/", "") + suffix: symbol for symbol in account["symbols"]}
        prices = Prices(dict.fromkeys(tickers, D(100)), PaperPrices(works.stack, tickers), self.plan.seed)
        market = Market(tickers=tuple(tickers), timeframes=TIMEFRAMES, may_go_short=self.plan.is_swap)
        terms = Terms(
            max_open_groups=config["pool"]["max_open_groups"],
            is_swap=self.plan.is_swap,
            began_with=D(account["balances"]["USDT"]),
        )
        return works, Load(works.stack, market, prices, seed=self.plan.seed), terms

    def _at_venue(self, folder: Path) -> tuple[Works, Load, Terms]:
        place = PLACES[self.plan.venue or 0]
        works = VenueWorks(folder, place, {})
        starts = {place.ticker(base): price for base, price in STARTS.items()}
        prices = Prices(starts, works.set_price, self.plan.seed)
        market = Market(tickers=tuple(starts), timeframes=TIMEFRAMES, may_go_short=place.is_swap)
        load = Load(
            works.stack,
            market,
            prices,
            seed=self.plan.seed,
            http_senders=2,
            grpc_senders=2,
            http_pause_s=0.3,
            pause_s=0.2,
            others=works.take_parts,
        )
        terms = Terms(
            max_open_groups=CONFIG["pool"]["max_open_groups"],
            is_swap=place.is_swap,
            began_with=works.venue().quote,
            ends_as_cancelled=place.venue == "bybit",
        )
        return works, load, terms

    def run(self) -> Result:
        """Never raises for what the product did: that is in the violations."""
        with self.works as works:
            try:
                works.begin()
                self.load.start()
                for _ in range(self.plan.kills):
                    self.kill_once()
                self.settle()
                self.check()
                self.stop_in_peace()
            except Ended as ended:
                self.note(Promise.NO_CRASH, str(ended))
            finally:
                self.load.give_up()
                self.load.stop()
            self.result.violations += [violation(Promise.ONE_OUTCOME, words) for words in self.load.failures]
        self.result.sent = len(self.load.sent)
        self.result.acknowledged = sum(item.is_acknowledged for item in self.load.sent)
        self.result.seconds = time.monotonic() - self._began
        return self.result

    def note(self, promise: Promise, words: str) -> None:
        self.result.violations.append(violation(promise, words))

    def tell(self, words: str) -> None:
        self.result.story.append(f"{time.monotonic() - self._began:7.2f} s  {words}")

    # --- breaking ---------------------------------------------------------------------------------

    def kill_once(self) -> None:
        """One kill -9 at a random moment of the daemon's life, what it left looked at, and the next start."""
        if self.rng.random() < 0.25:
            moment_s, when = self.rng.uniform(0, 2.0), "starting"
        else:
            self.works.wait_ready()
            moment_s, when = self.rng.uniform(0.02, 2.0), "at work"
        trouble = self.trouble()
        share = self.rng.random()
        time.sleep(moment_s * share)
        if trouble is not None:
            trouble.begin()
        time.sleep(moment_s * (1 - share))
        self.works.kill("daemon")
        self.result.kills += 1
        words = f", {trouble.words} for {moment_s * (1 - share):.2f} s" if trouble is not None else ""
        self.tell(f"kill {self.result.kills}: {when}, after {moment_s:.2f} s{words}")
        self.look_at_the_corpse()
        stays_s = self.rng.choice([0.0, 0.0, self.rng.uniform(0, TROUBLE_STAYS_S)])
        self.works.spawn_daemon()
        if trouble is not None:
            time.sleep(stays_s)
            trouble.end()

    def trouble(self) -> Trouble | None:
        """What goes wrong besides the kill, if anything."""
        if isinstance(self.works, VenueWorks):
            return venue_trouble(self.works, self.rng)
        return common_trouble(self.works, self.rng) if self.rng.random() < self.plan.troubles else None

    def look_at_the_corpse(self) -> None:
        found = self.works.corpse()
        for broken in () if found is None else always(*found, self.terms):
            self.tell(f"after kill {self.result.kills}: {broken}")
            self.result.violations.append(broken)

    # --- settling ---------------------------------------------------------------------------------

    def settle(self) -> None:
        """No new alerts, no faults: within bounded time nothing is under way any more."""
        self.works.wait_ready()
        began = time.monotonic()
        limit_s = SETTLES_S if self.plan.venue is None else VENUE_SETTLES_S
        self.load.stop()
        self.load.settle_prices(10.0)
        quiet, waited = Quiet(), ""
        while busy := self.busy(quiet):
            if _kind(busy[0]) != waited:
                waited = _kind(busy[0])
                self.tell(f"settling: {busy[0]}")
            if time.monotonic() - began > limit_s:
                self.note(Promise.SETTLES, f"not at rest after {limit_s:.0f} s: {'; '.join(busy[:5])}")
                break
            time.sleep(0.1)
        self.result.settled_s = time.monotonic() - began
        self.tell(f"at rest after {self.result.settled_s:.2f} s")

    def busy(self, quiet: Quiet) -> list[str]:
        """What is under way."""
        self.works.look_alive("daemon")
        return quiet.busy(self.works.store(), self.works.venue(), self.terms, len(self.works.spooled()))

    def check(self) -> None:
        store, venue = self.works.store(), self.works.venue()
        refused, spooled = self.works.refused(), self.works.spooled()
        self.result.violations += at_rest(store, venue, self.terms, self.load.sent, refused, spooled)
        self.result.groups, self.result.orders = len(store.position_groups), len(store.orders)
        self.result.fills = len(store.fills)

    def stop_in_peace(self) -> None:
        process = self.works.stack.processes["daemon"]
        process.terminate()
        code = process.wait(FULL_STOP_S)
        if code:
            self.note(Promise.NO_CRASH, f"stopped in peace it exits with {code}")
        if wrong := self.works.db_check():
            self.note(Promise.NO_CRASH, f"db check: {wrong}")
        for words in self.complaints():
            self.note(Promise.NO_CRASH, words)

    def complaints(self) -> Iterator[str]:
        """What the log says that no daemon may say."""
        for line in self.works.stack.log("daemon").splitlines():
            if "Traceback" in line or '"severity":"critical"' in line:
                yield line[:600]
