"""The real engine on the copy, each account behind a gate: started, waited for, stopped. No API, nobody is told."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from actors.messages import AccountChanged, DescribeAccount, Shutdown
from actors.ports import Exchange
from actors.rules.events import Note
from actors.rules.model import Group
from actors.rules.records import SaveDrift
from actors.rules.settings import Settings
from actors.runtime import SUPERVISOR
from actors.threaded import Threaded
from daemon.assembly import Parts, SettingsHolder, assemble
from daemon.canary.frozen import open_frozen
from daemon.canary.gate import WORDS, GatedExchange, Seen
from daemon.clock import SystemClock
from daemon.exchanges.opening import Connect, Opening
from daemon.exchanges.paper import PaperFault
from daemon.first_view import first_view
from daemon.ids import RandomIds
from daemon.metered_store import MeteredStore
from daemon.observe.metrics import Metrics
from daemon.secrets import Resolver
from daemon.store.leadership import epoch_chars
from daemon.store.read import Reader
from daemon.store.store import SqlStore

_LOG = structlog.stdlib.get_logger("terrace.system")

LOOK_S = 0.1
ASK_S = 2.0
QUIET_S = 1.5
"""The engine is at rest when nothing has passed the gates for so long."""
QUIET_LIMIT_S = 15.0
"""Once all is ready and told, rest is not waited for longer."""
STOP_LIMIT_S = 10.0
MAX_TROUBLES = 100
OF_THE_MACHINE = frozenset({"store.slow", "store.on_reserve"})
"""Errors that say nothing of this version or the data."""
READY, NOT_READY, CANNOT = "ready", "not_ready", "cannot_be_opened"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSeen:
    account: str
    state: str
    why: str
    is_hopeless: bool = False
    """Waiting longer will not help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the engine had come to when it was stopped."""

    is_ready: bool
    why: str
    """What was missing; empty where it is ready."""
    accounts: tuple[AccountSeen, ...]
    groups: tuple[Group, ...]
    drifts: tuple[SaveDrift, ...]
    seen: Mapping[str, Seen]
    troubles: tuple[str, ...]
    """What the supervisor calls an error."""
    blocked: int
    """Requests of the adapters themselves that would have changed something (a set-up, a stream's key)."""


class Engine:
    """`needed`: symbols that paper accounts have orders or positions of."""

    def __init__(
        self,
        *,
        settings: Settings,
        store: SqlStore,
        reader: Reader,
        folder: Path,
        environ: Mapping[str, str],
        secrets: Resolver,
        know_secrets: Callable[[Iterable[str]], None],
        needed: Mapping[str, tuple[str, ...]],
        connect: Connect | None = None,
    ) -> None:
        self._settings = settings
        self._store = store
        self._reader = reader
        self._folder = folder
        self._needed = needed
        self._clock = SystemClock()
        self._opening = Opening(
            data_dir=folder,
            clock=self._clock,
            environ=environ,
            cached=reader.instruments,
            know_secrets=know_secrets,
            connect=connect,
            secrets=secrets,
            may_send=self._refuse,
        )
        self._blocked = 0
        self._fatal = ""
        self._troubles: list[str] = []
        self._cannot: Mapping[str, str] = {}
        self.groups: list[Group] = []
        """As they were loaded."""
        self.gates: dict[str, GatedExchange] = {}
        self._system: Threaded
        self._parts: Parts[Threaded]
        self._metered: MeteredStore
        self.standing: Mapping[str, SaveDrift] = {}
        """Differences the copy knew of, before anything was compared."""

    @property
    def sweep_interval_s(self) -> int:
        return self._settings.execution.sweep_interval_s

    def _refuse(self) -> str:
        """Asked by the adapters right before a request that changes something leaves."""
        self._blocked += 1
        return WORDS

    # --- start ------------------------------------------------------------------------------------

    def start(self) -> None:
        """StoreFault where the copy cannot be read."""
        self.groups = self._store.live_groups()
        view = first_view(self._settings, self._store, self._reader, self.groups, self._clock.now_ms())
        self.standing = view.current.drifts
        self.gates = {name: GatedExchange(exchange, self._clock) for name, exchange in self._opened().items()}
        self._metered = MeteredStore(self._store, Metrics())
        self._system = Threaded(self._clock, on_fatal=self._failed)
        boot = self._store.boot
        self._parts = assemble(
            system=self._system,
            settings=SettingsHolder(self._settings),
            store=self._metered,
            view=view,
            exchanges=self.gates,
            ids=RandomIds(self._clock.now_ms),
            installation_id=boot.copy_of or boot.installation_id,
            epoch=epoch_chars(boot.epoch),
            observe=self._noted,
            store_state=self._store_state,
        )
        for account in self.gates:
            self._parts.catalogue.put(account, self._reader.instruments(account))
        self._metered.expect(self.groups, self._parts.worlds)
        self._parts.start()

    def _opened(self) -> dict[str, Exchange]:
        """By account; the others are in `_cannot`."""
        accounts = self._settings.accounts
        opened = self._opening.open_all({name: each for name, each in accounts.items() if not each.is_paper})
        exchanges = dict(opened.exchanges)
        gone = "the configuration does not name it, and groups are live on it"
        cannot = {group.account: gone for group in self.groups if group.account not in accounts}
        cannot |= {**opened.unbuilt, **opened.broken}
        for name, account in accounts.items():
            if not account.is_paper:
                continue
            cached, needed = self._reader.instruments(name), self._needed.get(name, ())
            try:
                exchanges[name] = open_frozen(account, self._folder, self._clock, cached, needed)
            except PaperFault as fault:
                cannot[name] = str(fault)
        self._cannot = cannot
        return exchanges

    def _failed(self, error: str) -> None:
        self._fatal = error

    def _noted(self, note: Note) -> None:
        level = logging.getLevelName(note.severity.upper())
        _LOG.log(level if isinstance(level, int) else logging.INFO, note.message, type=note.type)
        is_error = note.severity in ("error", "critical") and note.type not in OF_THE_MACHINE
        if is_error and len(self._troubles) < MAX_TROUBLES:
            self._troubles.append(f"{note.type}: {note.message}")

    def _store_state(self, is_well: bool, error: str) -> None:
        self._parts.view.mark_store(is_well, error)
        if not is_well and len(self._troubles) < MAX_TROUBLES:
            self._troubles.append(f"store: {error}")

    # --- waiting ----------------------------------------------------------------------------------

    def wait(self, timeout_s: float) -> Outcome:
        """Until all is ready, told and at rest, or the time is over, or nothing is to be hoped for."""
        limit_s = time.monotonic() + timeout_s
        rest_limit_s: float | None = None
        quiet_since_s, turns = time.monotonic(), -1
        while True:
            now_s = time.monotonic()
            accounts = self._accounts()
            why = self._missing(accounts)
            seen_turns = sum(gate.seen.turns for gate in self.gates.values())
            if seen_turns != turns:
                quiet_since_s, turns = now_s, seen_turns
            if not why and rest_limit_s is None:
                rest_limit_s = now_s + QUIET_LIMIT_S
            is_at_rest = now_s - quiet_since_s >= QUIET_S or (rest_limit_s is not None and now_s > rest_limit_s)
            if (not why and is_at_rest) or now_s > limit_s or self._is_hopeless(accounts):
                return self._outcome(accounts, why)
            time.sleep(LOOK_S)

    def _is_hopeless(self, accounts: tuple[AccountSeen, ...]) -> bool:
        waited_for = [each for each in accounts if each.state != READY]
        return bool(self._fatal) or (bool(waited_for) and all(each.is_hopeless for each in waited_for))

    def _missing(self, accounts: tuple[AccountSeen, ...]) -> str:
        """What is waited for, in words."""
        if self._fatal:
            return f"the engine failed: {self._fatal}"
        if self._metered.still_to_load:
            return f"{self._metered.still_to_load} parts of the engine have not loaded yet"
        waiting = [f"account {each.account}: {each.why}" for each in accounts if each.state != READY]
        if waiting:
            return "; ".join(waiting)
        untold = self.untold()
        return f"the exchange has not told what became of {len(untold)} orders ({untold[0]})" if untold else ""

    def untold(self) -> list[str]:
        """Orders that were not final in the copy and of which nothing certain is known yet."""
        found = []
        snapshot = self._parts.view.current
        for group in self.groups:
            gate = self.gates.get(group.account)
            if gate is None:
                continue
            now = snapshot.find(group.group_id)
            for order in group.open_orders():
                name = order.client_order_id
                newest = now.orders.get(name) if now is not None else None
                if name not in gate.seen.reports and not (newest is not None and newest.is_final):
                    found.append(name)
        return found

    def _accounts(self) -> tuple[AccountSeen, ...]:
        told = [
            AccountSeen(account=name, state=CANNOT, why=why, is_hopeless=True) for name, why in self._cannot.items()
        ]
        return (*told, *(self._account(name) for name in self.gates))

    def _account(self, name: str) -> AccountSeen:
        try:
            answer = self._system.ask(f"gateway/{name}", lambda reply_to: DescribeAccount(reply_to=reply_to), ASK_S)
        except TimeoutError:
            answer = None
        if not isinstance(answer, AccountChanged):
            return AccountSeen(account=name, state=NOT_READY, why="it does not answer")
        if answer.ready:
            return AccountSeen(account=name, state=READY, why="")
        told = answer.condition
        why = answer.detail
        near = (
            [f"{window} {used} of {limit}" for window, used, limit in told.windows if 2 * used >= limit] if told else []
        )
        if near:
            why += f"; requests must wait, in use are {', '.join(near)}"
        return AccountSeen(account=name, state=NOT_READY, why=why, is_hopeless=told is not None and told.is_key_refused)

    def _outcome(self, accounts: tuple[AccountSeen, ...], why: str) -> Outcome:
        snapshot = self._parts.view.current
        return Outcome(
            is_ready=not why,
            why=why,
            accounts=accounts,
            groups=tuple(snapshot.groups.values()),
            drifts=tuple(snapshot.drifts.values()),
            seen={name: gate.look() for name, gate in self.gates.items()},
            troubles=tuple(self._troubles),
            blocked=self._blocked,
        )

    # --- stop -------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Everybody in reverse order. What is cut off half way is a copy."""
        with suppress(TimeoutError):
            self._system.ask(SUPERVISOR, lambda reply_to: Shutdown(reply_to=reply_to), STOP_LIMIT_S)
        for gate in self.gates.values():
            gate.stop()
        self._system.stop_all()
        self._opening.loop.stop()
