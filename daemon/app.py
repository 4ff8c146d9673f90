"""The composition root: everything a daemon is, started in order and stopped in reverse.

store (lock, schema) -> tokens and secrets -> View -> API bound, not answering yet -> actors -> ready. What stands in
the way of a start is a `StartRefused` with words for a person; nothing is left running then.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import structlog
from grpc_health.v1 import health

from actors.messages import AccountChanged, DescribeAccount, EndEntries, Shutdown
from actors.ports import StoreFault
from actors.rules.choices import EngineMode
from actors.rules.events import Note
from actors.rules.model import OrderState
from actors.rules.settings import Settings
from actors.runtime import SUPERVISOR
from actors.threaded import Threaded
from daemon.anchoring import Anchoring
from daemon.api.auth import Identities
from daemon.api.condition import Condition
from daemon.api.config_service import ConfigService
from daemon.api.doors import AddressInUse, SocketRefused
from daemon.api.edge_probe import EdgeProbe
from daemon.api.engine import Engine, InFlight
from daemon.api.maintenance_service import MaintenanceService
from daemon.api.recorder import Recorder
from daemon.api.records import Records
from daemon.api.secret_service import SecretService
from daemon.api.server import ApiServer
from daemon.assembly import Parts, SettingsHolder, assemble, worlds_of
from daemon.backup.restored import refuse_copy, silent, tell_restored
from daemon.backup.schedule import Schedule
from daemon.backup.setup import make_backups
from daemon.clock import SystemClock
from daemon.config.kinds import split_address
from daemon.config.load import ConfigFaults, LoadedConfig, load_config
from daemon.config_follower import ConfigFollower, version_of
from daemon.core_dumps import forbid_core_dumps
from daemon.exchange_records import ExchangeRecords
from daemon.exchanges.opening import Connect, Opening
from daemon.exchanges.venue_request import VenueRequest
from daemon.first_view import first_view
from daemon.housekeeping import Housekeeping
from daemon.ids import RandomIds
from daemon.metered_store import MeteredStore
from daemon.notes import Notes
from daemon.observe import dump
from daemon.observe.account_watch import AccountWatch
from daemon.observe.diagnostics import Diagnostics
from daemon.observe.dump_parts import Sources, parts_of
from daemon.observe.event_log import EventLog
from daemon.observe.gauges import Gauges, free_bytes
from daemon.observe.health import Health
from daemon.observe.http import ObserveServer, Page
from daemon.observe.logging import Log
from daemon.observe.masking import Masker
from daemon.observe.metrics import Metrics
from daemon.observe.slow import SlowLog
from daemon.observe.trace_export import make_export
from daemon.observe.tracing import Tracing
from daemon.secret_users import VaultUsers
from daemon.secrets import Resolver, Unresolved, make_source_secrets
from daemon.service_notify import from_environ, status
from daemon.service_watch import ServiceWatch, Watched, keep_standby
from daemon.standing_troubles import StandingTroubles
from daemon.store.audit_anchors import anchor_file, read_anchors
from daemon.store.leadership import Wish, epoch_chars
from daemon.store.open import StoreRefused, open_store
from daemon.store.read import Reader
from daemon.store.store import SqlStore
from daemon.store.tools import check
from daemon.store.trouble import words_of_fault
from daemon.store_url import store_url
from daemon.telling import Telling
from daemon.tokens import TokenFaults, TokensReady, ensure_tokens
from daemon.vault.opening import make_vault
from daemon.vault.vault import Vault
from daemon.watch import Watch
from protos.terrace.v1.config_pb2_grpc import add_ConfigServiceServicer_to_server
from protos.terrace.v1.engine_pb2 import Leadership
from protos.terrace.v1.maintenance_pb2_grpc import add_MaintenanceServiceServicer_to_server
from protos.terrace.v1.secret_pb2_grpc import add_SecretServiceServicer_to_server

if TYPE_CHECKING:
    from daemon.standby.lease import Lease

_LOG = structlog.stdlib.get_logger("terrace.system")

READY_LIMIT_S = 15.0
"""After this the daemon answers for itself even if an account is still not ready: a person must be able to look."""
READY_LOOK_S = 0.02
DRAIN_LIMIT_S = 10.0
"""How long questions under way may take once the daemon is to stop."""
RESOLVE_LIMIT_S = 5.0
"""How long orders whose fate the exchange has not told are waited for; the next start finds out about the rest."""
STOP_LIMIT_S = 20.0
STOP_BOUND_S = 75.0
"""From SIGTERM to the end: what the limits of all that is waited for add up to, with four exchanges that do not answer.
A service manager must not kill before that."""
MAX_UNIX_PATH_BYTES = 100
"""What every system allows for the path of a unix socket, with a little room."""


class StartRefused(Exception):
    """The daemon cannot start; the words say why and what helps."""


def program_version() -> str:
    try:
        return version("terrace")
    except PackageNotFoundError:
        return "0+unknown"


class Daemon:
    """One daemon in one loop. `run` returns when it has stopped in peace."""

    def __init__(
        self,
        config: LoadedConfig,
        environ: Mapping[str, str],
        *,
        with_signals: bool = True,
        connect: Connect | None = None,
    ) -> None:
        """`with_signals`: SIGTERM, SIGHUP and SIGUSR1 are this daemon's; only possible in the main thread.

        `connect`: how sessions to exchanges are made, for a resolver or certificates of one's own.
        """
        self._connect = connect
        self._with_signals = with_signals
        self._config = config
        self._environ = environ
        self._clock = SystemClock()
        self._ids = RandomIds(self._clock.now_ms)
        self._condition = Condition(self._clock.now_ms())
        self._masker = Masker()
        self._metrics = Metrics()
        self._slow = SlowLog(self._metrics)
        self._tracing = Tracing()
        self._stopping = asyncio.Event()
        self._failed = ""
        self._in_flight = InFlight()
        self._tasks: list[asyncio.Task[None]] = []
        self._loop: asyncio.AbstractEventLoop
        self._parts: Parts[Threaded]
        self._engine: Engine
        self._server: ApiServer
        self._notes: Notes
        self._accounts_seen: AccountWatch
        self._store: SqlStore
        self._store_url: str
        """May hold a password."""
        self._telling: Telling
        self._metered: MeteredStore
        self._reader: Reader
        self._anchoring: Anchoring
        self._exchange_records: ExchangeRecords
        self._records: Records
        self._vault: Vault
        self._secrets: Resolver
        self._vault_users: VaultUsers
        self._backup_schedule: Schedule
        self._follower: ConfigFollower
        self._log: Log
        self._notify = from_environ(environ)
        self._service: ServiceWatch | None = None
        self._lease: Lease | None = None
        self._leadership: Leadership | None = None
        self._taken_from = ""
        self.port = 0
        """Port the API listens on, once it does."""
        self.observe_port = 0
        self.ready = threading.Event()
        """Set once signals are taken; for who runs a daemon in a thread."""

    async def run(self) -> None:
        """Starts, serves until it is told to stop, stops. StartRefused if it cannot start."""
        self._loop = asyncio.get_running_loop()
        async with AsyncExitStack() as stack:
            self._start_log(stack)
            self._notify.tell(status("starting"))
            self._open_secrets()
            if not await self._take_lead(stack):
                return
            tokens = self._make_tokens()
            self._make_secrets(self._config.settings)
            with self._readable_store():
                self._build(stack)
            await self._listen(stack, tokens)
            self._start_engine(stack)
            await self._start_serving(stack)
            await self._stopping.wait()
            await self._drain()
        if self._failed:
            raise StartRefused(self._failed)

    def masked(self, text: str) -> str:
        """The text without the secrets that were read so far (LOG-4)."""
        return self._masker.text(text)

    def stop(self) -> None:
        """Stop in peace, as SIGTERM does. Any thread."""
        self._loop.call_soon_threadsafe(self._stop)

    def _stop(self) -> None:
        if not self._stopping.is_set():
            _LOG.info("stopping")
            self._stopping.set()

    # --- start ------------------------------------------------------------------------------------

    def _start_log(self, stack: AsyncExitStack) -> None:
        self._log = Log(self._config.daemon.logging, self._masker)
        self._log.start()
        stack.callback(self._log.stop)
        _LOG.info("starting", version=program_version(), config=str(self._config.daemon.config_path))
        for warning in self._config.warnings:
            _LOG.warning(warning, category="config")
        export = make_export(self._config.daemon.observe.traces, program_version())
        if export is not None:
            self._tracing.use(export.tracer)
            stack.callback(export.stop)

    async def _take_lead(self, stack: AsyncExitStack) -> bool:
        """Opens the store. A standby waits until nobody leads; False: it was told to stop before that."""
        while True:
            wish = None
            if self._config.daemon.storage.standby:
                wish = await self._wait_for_lead()
                if wish is None:
                    return False
            with self._readable_store():
                refused = self._open_store(stack, wish)
            if refused is None:
                return True
            if wish is None or not refused.is_held:
                raise StartRefused(str(refused))

    @contextmanager
    def _readable_store(self) -> Iterator[None]:
        """A store that opens may still be damaged where it is read first."""
        try:
            yield
        except StoreFault as fault:
            raise StartRefused(words_of_fault(fault, self._config.daemon.storage)) from fault

    async def _wait_for_lead(self) -> Wish | None:
        try:
            from daemon.standby.waiting import Waiting, WaitRefused
        except ImportError as error:
            remedy = "Install Terrace once more, with [postgres] behind its name"
            raise StartRefused(f"storage.standby needs the driver for PostgreSQL. {remedy}") from error
        if self._with_signals:
            for number in (signal.SIGTERM, signal.SIGINT):
                self._loop.add_signal_handler(number, self._stop)
        waiting = Waiting(
            self._config.daemon,
            self._resolved_url(),
            version=program_version(),
            start_ms=self._condition.start_time_ms,
            worlds=worlds_of(self._config.settings),
            stopping=self._stopping,
        )
        told = asyncio.create_task(keep_standby(self._notify, lambda: waiting.has_waited))
        try:
            wish = await waiting.run()
        finally:
            told.cancel()
        if isinstance(wish, WaitRefused):
            raise StartRefused(wish.words)
        if wish is not None and waiting.has_waited:
            self._read_again()
        return wish

    def _read_again(self) -> None:
        """What has changed on this machine while it waited."""
        config = load_config(self._config.daemon.config_path, self._environ)
        if isinstance(config, ConfigFaults):
            _LOG.error(f"the config has become faulty; this daemon leads by that of its start:\n{config}")
        else:
            self._config = config
        self._open_secrets()

    def _resolved_url(self) -> str:
        url = store_url(self._config.daemon.storage.url, self._secrets, self._masker.know)
        if isinstance(url, StoreRefused):
            raise StartRefused(str(url))
        return url

    def _open_store(self, stack: AsyncExitStack, wish: Wish | None) -> StoreRefused | None:
        daemon = self._config.daemon
        url = self._resolved_url()
        store = open_store(url, daemon.storage.durability.value, daemon.data_dir, wish=wish)
        if isinstance(store, StoreRefused):
            return store
        if wish is not None:
            self._begin_lease(stack, url, store, wish)
        self._store_url = url
        self._store = store
        stack.callback(store.close)
        self._anchoring = Anchoring(store, daemon.data_dir, self._clock.now_ms)
        stack.callback(self._anchoring.write)
        anchors = anchor_file(daemon.data_dir)
        self._records = Records(keys=store.keys, tail=self._log.tail, anchors=lambda: read_anchors(anchors))
        for warning in store.boot.warnings:
            _LOG.warning(warning)
        self._reader = Reader(store.source())
        stack.callback(self._reader.close)
        version = version_of(self._config.text, self._reader.config_version())
        self._config = replace(self._config, settings=replace(self._config.settings, version=version))
        return None

    def _begin_lease(self, stack: AsyncExitStack, url: str, store: SqlStore, wish: Wish) -> None:
        """It ends after the store is closed: whoever waits finds everything written."""
        from daemon.standby.lease import Lease, PostgresRenewal
        from daemon.standby.server import leadership
        from daemon.store.postgres_open import PostgresStore

        assert isinstance(store, PostgresStore)
        lead, before = store.lead, wish.claim.lead if wish.claim is not None else None
        self._leadership = leadership(lead, leads=True)
        self._taken_from = "" if before is None else f" from {before.who}, epoch {before.epoch}, whose lease ran out"
        renewal = PostgresRenewal(url, lead.epoch)
        self._lease = lease = Lease(renewal, on_lost=self._lost_lead, on_change=self._lease_changed)
        lease.start()
        stack.callback(lease.stop)
        if any(account.is_paper for account in self._config.settings.accounts.values()):
            _LOG.warning("paper accounts are files of this machine: who takes over has books of its own")

    def _lost_lead(self) -> None:
        """From the lease's thread. Nothing can be sent or written any more."""
        self._failed = "another daemon has taken the lead: this one has stopped trading. Start it again as the standby"
        self._loop.call_soon_threadsafe(self._stopping.set)

    def _lease_changed(self, words: str) -> None:
        if words:
            self._condition.trouble("lease", words)
        else:
            self._condition.mended("lease")

    def _may_send(self) -> str:
        return "" if self._lease is None else self._lease.may_send()

    def _open_secrets(self) -> None:
        """Opens the vault if there is one. One that stays shut is told; what refers to it says so, too."""
        daemon = self._config.daemon
        self._vault = make_vault(daemon, self._environ, self._clock.now_ms)
        self._secrets = Resolver(
            data_dir=daemon.data_dir, environ=self._environ, vault=self._vault.get, know=self._masker.know
        )
        fault = self._vault.open() if self._vault.exists() else self._vault.look_at_key()
        if fault is not None:
            self._condition.trouble("vault", str(fault))
            _LOG.error(str(fault), category="security")

    def _make_tokens(self) -> TokensReady:
        daemon = self._config.daemon
        tokens = ensure_tokens(daemon)
        if isinstance(tokens, TokenFaults):
            raise StartRefused(f"{daemon.api.tokens} cannot be used:\n{tokens}")
        for path in tokens.made:
            _LOG.info("token_made", category="security", file=str(path))
        for warning in tokens.warnings:
            _LOG.warning(warning, category="security")
        return tokens

    def _problem_of(self, reference: str) -> str:
        """What keeps a reference from giving its secret."""
        found = self._secrets(reference)
        return f"{found.problem}; {found.remedy}" if isinstance(found, Unresolved) else ""

    def _make_secrets(self, settings: Settings) -> None:
        """Makes the secrets of sources that have none yet, and keeps all of them out of the log."""
        data_dir = self._config.daemon.data_dir
        for path in make_source_secrets(settings, data_dir):
            _LOG.info("secret_made", category="security", file=str(path))
        for source in settings.sources.values():
            for reference in source.references:
                found = self._secrets(reference) if reference else None
                if isinstance(found, Unresolved):
                    _LOG.warning(f"sources.{source.name}: {found}", category="security")

    def _apply(self, settings: Settings) -> None:
        """A new config is in force. From the watcher's thread, or one that a caller of the API waits for."""
        try:
            self._make_secrets(settings)
        except OSError as error:
            _LOG.error(f"a source's secret cannot be made: {error}", category="security")
        self._see_mode(settings)
        self._parts.change_settings(settings)

    def _see_mode(self, settings: Settings) -> None:
        self._condition.see_mode(is_read_only=settings.engine.mode is EngineMode.READ_ONLY)

    def _build(self, stack: AsyncExitStack) -> None:
        settings, data_dir = self._config.settings, self._config.daemon.data_dir
        groups = self._store.live_groups()
        view = first_view(settings, self._store, self._reader, groups, self._clock.now_ms())
        system = Threaded(self._clock, on_fatal=self._fatal)
        stack.callback(system.stop_all)
        self._exchange_records = ExchangeRecords(
            lambda rows: self._notes.commit(*rows), self._clock.now_ms, self._masker.text
        )
        opening = Opening(
            data_dir=data_dir,
            clock=self._clock,
            environ=self._environ,
            cached=self._reader.instruments,
            know_secrets=self._masker.know,
            connect=self._connect,
            record=self._requested,
            secrets=self._secrets,
            may_send=self._may_send,
            forbidden=refuse_copy(self._store.boot.copy_of) if self._store.boot.copy_of else "",
        )
        stack.callback(opening.loop.stop)
        opened = opening.open_all(settings.accounts)
        exchanges = opened.exchanges
        gone = "the config does not name it any more, and groups are live on it that nobody manages"
        missing = {group.account: gone for group in groups if group.account not in settings.accounts}
        for account, why in {**missing, **opened.unbuilt, **opened.broken}.items():
            self._condition.trouble(f"account/{account}", f"account {account}: {why}")
            _LOG.error(f"account {account} is not traded: {why}", category="exchange", account=account)
        holder = SettingsHolder(settings)
        self._see_mode(settings)
        self._telling = Telling(
            settings=silent(holder, self._store.boot.copy_of),
            reader=self._reader,
            clock=self._clock,
            boot_count=self._store.boot.boot_count,
            was_clean=self._store.boot.was_clean,
            resolve=self._secrets,
            know_secrets=self._masker.know,
            mask=self._masker.text,
        )
        self._metered = MeteredStore(
            self._store,
            self._metrics,
            outbox=self._telling.outbox,
            tap=self._telling.tap,
            slow=self._slow,
            tracing=self._tracing,
        )
        self._parts = assemble(
            system=system,
            settings=holder,
            store=self._metered,
            view=view,
            exchanges=exchanges,
            ids=self._ids,
            installation_id=self._store.boot.installation_id,
            epoch=epoch_chars(self._store.boot.epoch),
            observe=self._supervised,
            store_state=view.mark_store,
        )
        for account, exchange in exchanges.items():
            stack.callback(exchange.stop)
            self._parts.catalogue.put(account, self._reader.instruments(account))  # Until a newer one comes (PRC-1).
        stack.push_async_callback(self._shut_down, system)
        stack.callback(lambda: self._exchange_records.flush(reads_too=True))
        self._metered.expect(groups, self._parts.worlds)
        self._engine = Engine(
            system=system,
            settings=holder,
            view=view,
            reader=self._reader,
            marks=self._parts.marks,
            catalogue=self._parts.catalogue,
            clock=self._clock,
            ids=self._ids,
            condition=self._condition,
            in_flight=self._in_flight,
            unbuilt=opened.unbuilt,
            broken={**missing, **opened.broken},
            version=program_version(),
            notifier=self._telling,
            leadership=lambda: self._leadership,
        )
        self._accounts_seen = AccountWatch(self._engine)
        for account in exchanges:
            self._metrics.expect_account(account)
            if not settings.accounts[account].is_paper:
                self._metrics.expect_requests(account)
        self._notes = Notes(Recorder(self._engine), self._clock)
        self._telling.join(self._engine, self._notes, view.current.alerts.values())
        self._vault_users = VaultUsers(
            settings=holder,
            effective=self._config.effective,
            exchanges=exchanges,
            opening=opening,
            condition=self._condition,
        )

    async def _listen(self, stack: AsyncExitStack, tokens: TokensReady) -> None:
        """Binds everything before the engine starts: who cannot be reached must not trade."""
        daemon = self._config.daemon
        identities = Identities(daemon.api.tokens, tokens.table)
        self._server = ApiServer(self._engine, identities, health.aio.HealthServicer(), self._records)
        secrets = SecretService(self._engine, self._vault, self._vault_users, self._masker.know)
        self._server.add(lambda server: add_SecretServiceServicer_to_server(secrets, server))
        self._follower = ConfigFollower(
            self._config,
            self._environ,
            apply=self._apply,
            notes=self._notes,
            clock=self._clock,
            is_stored=lambda version: self._reader.config_version(version) is not None,
        )
        configs = ConfigService(self._engine, Recorder(self._engine), self._follower, self._problem_of)
        self._server.add(lambda server: add_ConfigServiceServicer_to_server(configs, server))
        maintenance = self._maintenance(stack)
        self._server.add(lambda server: add_MaintenanceServiceServicer_to_server(maintenance, server))
        stack.push_async_callback(self._server.stop)
        try:
            self.port = self._server.listen(daemon.api.address, daemon.api.tls)
            self._listen_unix()
        except SocketRefused as unsafe:
            raise StartRefused(str(unsafe)) from unsafe
        except AddressInUse as taken:
            raise StartRefused(f"{taken}. Is another daemon running? Set api.address to another") from taken
        except (OSError, ValueError) as error:
            raise StartRefused(f"api.tls cannot be used: {error}") from error
        self._server.guard.on_call = self._slow.called
        self._server.intake.tracing = self._tracing
        self._metrics.look_at(self._gauges())
        probes = Health(
            self._engine,
            names=self._parts.system.names,
            is_serving=lambda: self._server.is_serving,
            mask=self._masker.text,
        )
        observe = ObserveServer(
            {"/metrics": self._metrics_page, "/healthz": probes.alive_page, "/readyz": probes.ready_page}
        )
        host, port = split_address(daemon.observe.address)
        try:
            self.observe_port = await observe.start(host, int(port))
        except OSError as error:
            address = daemon.observe.address
            raise StartRefused(f"{address} cannot be listened on: {error}. Set observe.address to another") from error
        stack.push_async_callback(observe.stop)

    def _maintenance(self, stack: AsyncExitStack) -> MaintenanceService:
        daemon = self._config.daemon
        backups = make_backups(
            daemon,
            store_url=self._store_url,
            installation_id=self._store.boot.installation_id,
            version=program_version(),
            secrets=self._secrets,
            vault=self._vault,
            now_ms=self._clock.now_ms,
        )
        stack.callback(backups.stop)
        backups.clear()
        self._backup_schedule = Schedule(backups, self._notes, self._clock)
        self._backup_schedule.on_done = self._metrics.backed_up
        check_store = partial(check, self._store_url, daemon.data_dir)
        sources = Sources(
            engine=self._engine,
            config=lambda: self._follower.in_force.loaded,
            depths=self._parts.system.depths,
            dropped=lambda: self._parts.system.dropped,
            lines=self._log.tail.newest,
            log_lines_lost=lambda: self._log.dropped_lines,
            metrics=self._metrics,
            accounts=self._accounts_seen,
            check_store=check_store,
        )
        diagnostics = Diagnostics(parts_of(sources), self._masker, self._clock.now_ms)
        return MaintenanceService(self._engine, backups, self._backup_schedule, check_store, diagnostics)

    def _listen_unix(self) -> None:
        path = self._config.daemon.api.unix_socket
        if path is None:
            return
        if len(bytes(path)) > MAX_UNIX_PATH_BYTES:
            _LOG.warning(f"{path} is too long for a unix socket; the API listens on {self._config.daemon.api.address}")
            return
        self._server.listen_unix(path)

    def _start_engine(self, stack: AsyncExitStack) -> None:
        events = EventLog(self._log, self._metrics, self._tracing.trace_id)
        events.join(self._parts.subscribers, self._parts.view.current.last_sequence)
        self._parts.start()
        stack.callback(self._follower.stop)

    async def _start_serving(self, stack: AsyncExitStack) -> None:
        await self._server.start()
        if self._with_signals:
            self._handle_signals()
        if await self._ready():
            self._follower.start(self._reader.config_version())
            self._tasks.append(asyncio.create_task(self._housekeeping().run()))
            self._tasks.append(asyncio.create_task(self._anchoring.run()))
            self._tasks.append(asyncio.create_task(self._exchange_records.run()))
            self._tasks.append(asyncio.create_task(self._backup_schedule.run()))
            tell_restored(self._store.boot, self._notes, self._condition)
            if not self._store.boot.copy_of:  # A copy trades nothing on purpose.
                self._tasks.append(asyncio.create_task(self._troubles().run()))
            self._tell_lead()
            self._tasks.append(asyncio.create_task(self._watch(stack).run()))
            self._tasks.append(asyncio.create_task(self._accounts_seen.run()))
            self._tasks.append(asyncio.create_task(self._slow.watch_loop()))
            self._tasks += self._telling.start(program_version())
            stack.push_async_callback(self._end_tasks)
            await self._server.serve()
            gc.collect()
            gc.freeze()  # What is loaded stays: later collections need not look at it again.
            self._say_ready()
            self._service = self._service_watch()
            self._tasks.append(asyncio.create_task(self._service.run()))

    def _tell_lead(self) -> None:
        if self._leadership is None:
            return
        words = f"{self._leadership.leader} leads as epoch {self._leadership.epoch}{self._taken_from}"
        severity = "warning" if self._taken_from else "info"
        self._notes.commit(self._notes.event("system", severity, "system.lead_taken", words))

    async def _ready(self) -> bool:
        """Waits until everybody has loaded and the accounts may trade; False: it is to stop before that."""
        loop = asyncio.get_running_loop()
        limit_s = loop.time() + READY_LIMIT_S
        waiting = set(self._parts.exchanges)
        while not self._stopping.is_set():
            if not self._metered.still_to_load:
                self._condition.serve()
                waiting = {account for account in waiting if not await self._is_ready(account)}
                if not waiting:
                    return True
            if loop.time() > limit_s:
                self._condition.serve()
                _LOG.warning("not_ready", still_to_load=self._metered.still_to_load, accounts=sorted(waiting))
                return True
            await asyncio.sleep(READY_LOOK_S)
        return False

    async def _is_ready(self, account: str) -> bool:
        try:
            answer = await self._parts.system.ask_async(
                f"gateway/{account}", lambda reply_to: DescribeAccount(reply_to=reply_to), 1.0
            )
        except TimeoutError:
            return False
        if not isinstance(answer, AccountChanged):
            return False
        told = answer.condition  # One that keeps failing, a key that is not taken say, holds up nobody.
        return answer.ready or (told is not None and told.is_failing)

    def _say_ready(self) -> None:
        took_ms = self._clock.now_ms() - self._condition.start_time_ms
        _LOG.info(
            "ready",
            port=self.port,
            observe_port=self.observe_port,
            live_groups=len(self._parts.view.current.groups),
            took_ms=took_ms,
        )
        self.ready.set()

    # --- while it runs ----------------------------------------------------------------------------

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stop)
        loop.add_signal_handler(signal.SIGINT, self._stop)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        loop.add_signal_handler(signal.SIGUSR1, self._dump)

    def _reload(self) -> None:
        _LOG.info("reading_config_again", category="config")
        self._loop.run_in_executor(None, self._read_config_again)

    def _read_config_again(self) -> None:
        if self._service is None:
            self._follower.read_again()
            return
        self._service.reloading()
        try:
            self._follower.read_again()
        finally:
            self._service.reloaded()

    def _dump(self) -> None:
        system = self._parts.system
        mailboxes = dump.waiting(system.depths())
        _LOG.info("dump_of_mailboxes", waiting=mailboxes, actors=len(system.names()), in_flight=self._in_flight.count)
        for name, stack in dump.threads().items():
            _LOG.info("dump_of_thread", thread=name, stack=stack)

    def _fatal(self, error: str) -> None:
        """There can be no supervisor any more: without one nothing is restarted. Called from any thread."""
        _LOG.critical("engine_failed", error=error)
        self._failed = f"the engine failed: {error}"
        self._loop.call_soon_threadsafe(self._stopping.set)

    def _requested(self, request: VenueRequest) -> None:
        """A request to an exchange is over. From the exchanges' loop."""
        self._exchange_records.put(request)
        self._metrics.requested(request)
        self._slow.requested(request)
        if self._tracing.is_on:
            self._tracing.requested(request)

    def _supervised(self, note: Note) -> None:
        """What the supervisor has to say while the store does not take it."""
        if not self._parts.view.current.store_ok:
            log = structlog.stdlib.get_logger(f"terrace.{note.category}")
            log.log(_LEVELS.get(note.severity, 20), note.message, type=note.type, attributes=dict(note.attributes))
            self._telling.urgent(note)

    # --- stop -------------------------------------------------------------------------------------

    async def _drain(self) -> None:
        """No new questions, those under way are waited for."""
        self._notify.tell("STOPPING=1", status("stopping: what is under way is finished"))
        self._telling.say_stopping()
        self._condition.stop()
        for world in self._parts.worlds:
            self._parts.system.tell(f"pool/{world.value}", EndEntries())
        await self._server.refuse_new()
        loop = asyncio.get_running_loop()
        limit_s = loop.time() + DRAIN_LIMIT_S
        while self._in_flight.count and loop.time() < limit_s:
            await asyncio.sleep(READY_LOOK_S)
        if self._in_flight.count:
            _LOG.warning("stopped_with_questions_open", questions=self._in_flight.count)
        await self._telling.stop()

    async def _resolve_orders(self) -> None:
        """Until the exchange has answered for every order, at most RESOLVE_LIMIT_S.

        Positions are managed to the last moment: an order that is decided right then is looked up at the next start.
        """
        loop = asyncio.get_running_loop()
        limit_s = loop.time() + RESOLVE_LIMIT_S
        while (unresolved := self._unresolved_orders()) and loop.time() < limit_s:
            await asyncio.sleep(READY_LOOK_S)
        if unresolved:
            _LOG.warning("stopped_with_orders_open", orders=unresolved)

    def _unresolved_orders(self) -> int:
        groups = self._parts.view.current.groups.values()
        return sum(order.state is OrderState.PENDING for group in groups for order in group.orders.values())

    async def _shut_down(self, system: Threaded) -> None:
        """Everybody in reverse order, the Journal last: what was decided is committed. Orders under way come first."""
        if not system.incarnation(SUPERVISOR):
            return
        await self._resolve_orders()
        try:
            await system.ask_async(SUPERVISOR, lambda reply_to: Shutdown(reply_to=reply_to), STOP_LIMIT_S)
        except TimeoutError:
            _LOG.error("actors_did_not_stop", names=list(system.names()))

    async def _end_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _housekeeping(self) -> Housekeeping:
        daemon = self._config.daemon
        return Housekeeping(
            self._store,
            daemon.data_dir,
            daemon.storage.keep_events_days,
            settings=self._parts.settings,
            condition=self._condition,
            notes=self._notes,
            clock=self._clock,
        )

    def _troubles(self) -> StandingTroubles:
        view = self._parts.view
        return StandingTroubles(
            self._condition,
            self._notes,
            lambda: {group.account for group in view.current.groups.values()},
            self._certificate_troubles,
        )

    def _certificate_troubles(self) -> Mapping[str, str]:
        renewal = self._server.renewal
        return renewal.troubles(datetime.now(UTC)) if renewal is not None else {}

    def _service_watch(self) -> ServiceWatch:
        return ServiceWatch(
            self._notify,
            Watched(
                system=self._parts.system,
                names=self._parts.system.names,
                is_store_well=lambda: self._parts.view.current.store_ok,
                unreconciled=self._unreconciled,
                words=self._service_words,
                dump=self._dump,
            ),
        )

    async def _unreconciled(self) -> list[str]:
        return [account for account in self._parts.exchanges if not await self._is_ready(account)]

    def _service_words(self) -> str:
        snapshot = self._parts.view.current
        counts = f"{len(snapshot.groups)} groups, {len(snapshot.queued)} queued, {len(snapshot.alerts)} alerts"
        troubles = "; ".join(trouble.words for trouble in self._condition.broken)
        return self._masker.text(f"{self._condition.phase}: {counts}" + (f"; {troubles}" if troubles else ""))

    def _watch(self, stack: AsyncExitStack) -> Watch:
        probe = EdgeProbe(self._server.plain_target, self._server.gate.knock)
        stack.push_async_callback(probe.close)
        return Watch(
            admission=self._server.intake.admission,
            condition=self._condition,
            notes=self._notes,
            clock=self._clock,
            depths=self._parts.system.depths,
            door_ms=probe.wait_ms,
        )

    # --- what is shown ----------------------------------------------------------------------------

    async def _metrics_page(self) -> Page:
        text = await asyncio.to_thread(self._metrics.text)  # The loop has calls to answer meanwhile.
        return Page("200 OK", text, "text/plain; version=0.0.4; charset=utf-8")

    def _gauges(self) -> Gauges:
        start_ms = self._condition.start_time_ms
        intake, gate = self._server.intake, self._server.gate
        counts = {
            "terrace_calls_in_flight": ("Calls that wait for the engine", lambda: self._in_flight.count),
            "terrace_signals_in_flight": ("Signals without an outcome yet", lambda: intake.admission.in_flight),
            "terrace_door_wait_seconds": ("How long alerts wait to be looked at", lambda: intake.admission.door_s),
            "terrace_signals_shed_total": ("Signals turned away under overload", lambda: intake.admission.shed),
            "terrace_exits_shed_total": ("Of them exits and reduces", lambda: intake.admission.shed_exits),
            "terrace_signals_over_rate_total": ("Signals over their source's rate", lambda: intake.admission.limited),
            "terrace_calls_refused_total": ("Calls without a valid token or role", lambda: gate.refused_calls),
            "terrace_calls_throttled_total": ("Calls after too many wrong tokens", lambda: gate.throttled_calls),
            "terrace_log_lines_lost_total": ("Log lines that were dropped", lambda: self._log.dropped_lines),
            "terrace_tells_dropped_total": ("Messages of ended actors", lambda: self._parts.system.dropped),
            "terrace_uptime_seconds": ("Since the start", lambda: (self._clock.now_ms() - start_ms) / 1000),
            "terrace_disk_free_bytes": ("Room where the data lies", lambda: free_bytes(self._config.daemon.data_dir)),
            "terrace_backup_last_timestamp_seconds": (
                "When the newest backup of this process was made; 0: none yet",
                lambda: self._metrics.backup_ms / 1000,
            ),
            "terrace_backup_last_size_bytes": ("Its size", lambda: self._metrics.backup_bytes),
        }
        return Gauges(
            system=self._parts.system,
            view=self._parts.view,
            worlds=self._parts.worlds,
            counts=counts,
            accounts=self._accounts_seen,
            marks=self._parts.marks,
            now_ms=self._clock.now_ms,
            version=program_version(),
        )


_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}


def run(config: LoadedConfig, environ: Mapping[str, str], connect: Connect | None = None) -> int:
    """Runs a daemon until it is told to stop. The exit code: 0 stopped in peace, 1 could not start or failed."""
    forbid_core_dumps()
    daemon = Daemon(config, environ, connect=connect)
    try:
        asyncio.run(daemon.run())
    except StartRefused as refused:
        print(f"terraced: {daemon.masked(str(refused))}", file=sys.stderr)
        return 1
    return 0
