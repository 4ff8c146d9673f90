"""Runs the engine over recorded candles and alerts.

One instant after the other: candles that close then, what is due, alerts, and looks. Between two instants nothing
happens, and the way from one to the next is a search over columns (`horizon`): the next candle that reaches an order,
a position's end or a price that somebody waits for, the next wake-up, the next alert.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from actors.gateway import Gateway
from actors.needs import Level
from actors.pool import Pool
from actors.rules.choices import PaperPrices
from actors.rules.events import Note
from actors.rules.records import AddEquity
from actors.rules.settings import AccountSettings, Settings
from daemon.assembly import Parts, SettingsHolder, assemble
from daemon.exchanges.candles import CandleFault, CandleFile
from daemon.exchanges.paper_instruments import paper_instruments
from daemon.first_view import first_view
from daemon.replay.alerts import AlertIntake
from daemon.replay.chosen import Chosen, choose
from daemon.replay.columns import Columns, read_columns
from daemon.replay.exchange import ReplayExchange
from daemon.replay.looks import Looks
from daemon.replay.marks import VenueMarks
from daemon.replay.model import AlertOutcome, Progress, ReplayFault, ReplayInput, ReplayResult, TimedAlert
from daemon.replay.names import CountedIds
from daemon.replay.runtime import Replayed
from daemon.replay.tape import FOREVER_MS, Tape
from daemon.store.memory import MemoryStore

__all__ = ["AlertOutcome", "Progress", "ReplayFault", "ReplayInput", "ReplayResult", "TimedAlert", "run_replay"]

START_UP_MS = 60_000
"""The engine starts this long before the first candle opens, to be ready for it."""
EQUITY_EVERY_MS = 3_600_000
"""How often equity is written down, besides after each close."""
INSTALLATION = "rply"
"""In the names of orders."""
RARELY_S = 100 * 366 * 86_400
"""Pause between questions whose answers are known: this venue loses no message and changes no rule."""
PROGRESS_EVERY = 200
"""Instants between two words about the progress."""
LAST_WORDS_MS = 1_000
"""After the last candle and the last alert: what is under way arrives."""


def run_replay(
    replay: ReplayInput,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    skips: bool = True,
) -> ReplayResult:
    """The whole of it. ReplayFault where it cannot be done; nothing is written anywhere.

    `skips`: False lets every candle be played and every look be taken, for comparison. It is slow, and the result is
    the same but for `counts`.
    """
    told = on_progress or (lambda _progress: None)
    settings = replay_settings(replay.settings)
    names = {account.name: _names(replay, account) for account in settings.accounts.values()}
    chosen, columns = _read(replay, set().union(*names.values()), told)
    tapes = _tapes(names, columns, plays_all=not skips)
    result = _Run(replay, settings, columns, tapes, told, skips=skips).go()
    return replace(result, left_out=chosen.left_out)


def replay_settings(settings: Settings) -> Settings:
    """The config as a replay has it: every account on the paper exchange, prices from the tape, nothing asked twice."""
    accounts = {
        name: replace(account, exchange="paper", prices=PaperPrices.REPLAY)
        for name, account in settings.accounts.items()
    }
    return replace(
        settings,
        accounts=accounts,
        execution=replace(settings.execution, sweep_interval_s=RARELY_S),
        precision=replace(settings.precision, refresh_s=RARELY_S),
    )


def _names(replay: ReplayInput, account: AccountSettings) -> dict[str, str]:
    """An account's symbols by their names in candle files."""
    instruments = replay.instruments.get(account.name) or paper_instruments(account)
    return {_plain(instrument.venue_symbol): instrument.symbol for instrument in instruments}


def _read(
    replay: ReplayInput, symbols: set[str], told: Callable[[Progress], None]
) -> tuple[Chosen, dict[str, Columns]]:
    def on_file(file: CandleFile) -> None:
        told(Progress(0, 0, 0, 0, 0, f"reading {file.path.name}"))

    try:
        chosen = choose(replay.candles, symbols)
        columns = read_columns(chosen.files, on_file)
    except CandleFault as fault:
        raise ReplayFault(str(fault)) from fault
    if not columns:
        raise ReplayFault(f"{replay.candles}: no candles")
    return chosen, columns


def _tapes(
    names: Mapping[str, Mapping[str, str]], columns: Mapping[str, Columns], *, plays_all: bool
) -> dict[str, Tape]:
    """A tape for each account that has candles of one of its symbols."""
    tapes = {}
    for account, symbols in names.items():
        found = {symbols[name]: column for name, column in columns.items() if name in symbols}
        if found:
            tapes[account] = Tape(found, plays_all=plays_all)
    return tapes


class _Run:
    def __init__(
        self,
        replay: ReplayInput,
        settings: Settings,
        columns: Mapping[str, Columns],
        tapes: Mapping[str, Tape],
        told: Callable[[Progress], None],
        *,
        skips: bool,
    ) -> None:
        self._replay = replay
        self._columns = columns
        self._tapes = tapes
        self._told = told
        self._skips = skips
        self._alerts: Iterator[TimedAlert] = iter(replay.signals)
        self._next_alert = next(self._alerts, None)
        self.start_ms = min(int(column.open_ms[0]) for column in columns.values())
        self.end_ms = max(int(column.open_ms[-1]) + column.timeframe_ms for column in columns.values())
        first_ms = self.start_ms if self._next_alert is None else min(self.start_ms, self._next_alert.time_ms)
        interval_ms = max(1, settings.risk.evaluate_interval_s) * 1000
        self._system = Replayed(
            start_ms=first_ms - START_UP_MS,
            periods_ms={("pool", "tick"): 1_000, ("queue", "ages"): 1_000, ("risk", "evaluate"): interval_ms},
            on_fatal=_fatal,
        )
        self._store = MemoryStore()
        self._exchanges = {
            name: ReplayExchange(
                settings.accounts[name],
                tape,
                self._system,
                self._system.call_at,
                replay.instruments.get(name, ()),
            )
            for name, tape in tapes.items()
        }
        self._parts = self._assembled(settings, replay.seed)
        self._intake = AlertIntake(
            system=self._system,
            settings=settings,
            store=self._store,
            view=self._parts.view,
            catalogue=self._parts.catalogue,
            ids=self._ids,
            unbuilt=dict.fromkeys(settings.accounts.keys() - tapes.keys(), "there are no candles of its symbols"),
        )
        self._alert_ms = 0
        self._stops = 0
        self._steps_seen = -1
        self._looks = Looks(self._system, tapes.values(), takes_all=not skips)
        self._gateways = tuple(f"gateway/{name}" for name in self._exchanges)

    def _assembled(self, settings: Settings, seed: int) -> Parts[Replayed]:
        self._ids = CountedIds(seed)
        view = first_view(settings, self._store, self._store, (), self._system.now_ms())
        self._notes: list[Note] = []
        return assemble(
            system=self._system,
            settings=SettingsHolder(settings),
            store=self._store,
            view=view,
            exchanges=dict(self._exchanges),
            ids=self._ids,
            installation_id=INSTALLATION,
            observe=self._notes.append,
            store_state=view.mark_store,
            marks=VenueMarks(self._exchanges),
            equity_every_ms=EQUITY_EVERY_MS,
        )

    # --- one instant after the other --------------------------------------------------------------

    def go(self) -> ReplayResult:
        self._parts.start()
        self._instant(self._system.now_ms())
        while (next_ms := self._next_ms()) is not None:
            self._instant(next_ms)
            if self._stops % PROGRESS_EVERY == 0:
                self._say()
        self._system.arrive(self._last_ms)
        return self._result()

    @property
    def _last_ms(self) -> int:
        return max(self.end_ms, self._alert_ms) + LAST_WORDS_MS

    def _next_ms(self) -> int | None:
        """When something happens next; None: it is over."""
        times_ms = [tape.next_ms() for tape in self._tapes.values()]
        times_ms.append(self._system.next_timer_ms())
        times_ms.append(self._looks.next_ms())
        if self._next_alert is not None:
            times_ms.append(self._next_alert.time_ms)
        found = min((time_ms for time_ms in times_ms if time_ms is not None), default=FOREVER_MS)
        return None if self._next_alert is None and found > self._last_ms else found

    def _instant(self, time_ms: int) -> None:
        """Candles first, then what is due, then alerts. Looks come last."""
        system = self._system
        system.arrive(time_ms)
        self._stops += 1
        is_news = False
        for exchange in self._exchanges.values():
            if (exchange.tape.next_ms() or FOREVER_MS) <= time_ms:
                exchange.play()
                is_news = True
        system.settle()
        while self._next_alert is not None and self._next_alert.time_ms <= time_ms:
            self._take_alert(self._next_alert)
            system.settle()
        is_news = is_news or system.steps != self._steps_seen
        if is_news:
            self._looks.heard_news()
        if self._looks.take_due():
            is_news = True
        self._steps_seen = system.steps
        if is_news:
            self._look_ahead()

    def _take_alert(self, alert: TimedAlert) -> None:
        if alert.time_ms < self._alert_ms:
            words = f"alert {len(self._intake) + 1} ({alert.time_ms}) is earlier than the one before it"
            raise ReplayFault(words)
        self._alert_ms = alert.time_ms
        self._intake.take(alert)
        self._next_alert = next(self._alerts, None)

    def _look_ahead(self) -> None:
        """What waits for a price now: orders and positions at the venues, groups at their gateways, looks."""
        levels: dict[str, dict[str, list[Level]]] = {}
        for name in self._gateways:
            gateway = self._system.actor(name)
            if isinstance(gateway, Gateway):
                _sort(gateway.needs().levels, levels)
        for needs in self._looks.needs():
            _sort(needs.levels, levels)
        for name, exchange in self._exchanges.items():
            exchange.wait_for(levels.get(name, {}))

    def _say(self) -> None:
        now_ms, total = self._system.now_ms(), sum(map(len, self._columns.values()))
        share = (now_ms - self.start_ms) / max(1, self.end_ms - self.start_ms)
        done = int(total * min(1.0, max(0.0, share)))
        live = len(self._parts.view.current.groups)
        self._told(Progress(done, total, now_ms, len(self._intake), live, "replaying"))

    # --- the end ----------------------------------------------------------------------------------

    def _result(self) -> ReplayResult:
        store = self._store
        candles = sum(map(len, self._columns.values()))
        live = len(self._parts.view.current.groups)
        self._told(Progress(candles, candles, self._system.now_ms(), len(self._intake), live, "replaying"))
        return ReplayResult(
            store=store,
            ledgers={name: exchange.books.ledger() for name, exchange in self._exchanges.items()},
            equity=(*store.equity.values(), *self._last_equity()),
            outcomes=self._intake.outcomes(),
            start_ms=self.start_ms,
            end_ms=self.end_ms,
            candles=candles,
            files=tuple(facts for column in self._columns.values() for facts in column.facts()),
            marks={
                (name, symbol): quote
                for name, exchange in self._exchanges.items()
                for symbol in exchange.tape.tracks
                if (quote := exchange.quote(symbol)) is not None
            },
            counts={
                "steps": self._system.steps,
                "stops": self._stops,
                "played": sum(tape.moved for tape in self._tapes.values()),
                "alerts": len(self._intake),
                "groups": len(store.groups),
                "orders": len(store.orders),
                "fills": len(store.trades),
            },
        )

    def _last_equity(self) -> Iterator[AddEquity]:
        for world in self._parts.worlds:
            pool = self._system.actor(f"pool/{world.value}")
            assert isinstance(pool, Pool)
            yield pool.equity(self._system.now_ms())


def _plain(venue_symbol: str) -> str:
    """A venue's name of a market as the names of candle files have it: `BTC-USDT-SWAP` and `BTC/USDT` have no signs
    there.
    """
    return "".join(char for char in venue_symbol if char.isalnum()).upper()


def _sort(found: Iterable[Level], into: dict[str, dict[str, list[Level]]]) -> None:
    for level in found:
        into.setdefault(level.account, {}).setdefault(level.symbol, []).append(level)


def _fatal(error: str) -> None:
    raise RuntimeError(f"the engine failed: {error}")
