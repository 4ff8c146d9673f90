"""A small daemon that speaks the contract over a real socket and does what a test tells it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from protos.terrace.v1 import (
    account_pb2,
    account_pb2_grpc,
    common_pb2,
    engine_pb2,
    engine_pb2_grpc,
    group_pb2,
    group_pb2_grpc,
    maintenance_pb2,
    maintenance_pb2_grpc,
    queue_pb2,
    queue_pb2_grpc,
    record_pb2,
    record_pb2_grpc,
    signal_pb2,
    signal_pb2_grpc,
)

ADMIN_TOKEN = "admin-token-of-the-test"
FORWARDER_TOKEN = "forwarder-token-of-the-test"


@dataclass
class Refusal:
    """How a call is refused."""

    code: grpc.StatusCode
    message: str
    reason: str = ""
    fields: tuple[tuple[str, str], ...] = ()


@dataclass
class Arrived:
    """One SubmitSignal as it came."""

    source: str
    body: bytes
    request_id: str
    receive_time_ns: int
    sender_address: str
    token: str


@dataclass
class FakeDaemon:
    """Runs on a thread of its own. `address` stays the same over `stop` and `start`."""

    unix_path: str = ""
    outcome: str = "OUTCOME_OPENED"
    reason: str = ""
    delay_s: float = 0.0
    refusals: dict[str, Refusal] = field(default_factory=dict)
    """By method name."""
    on_submit: Callable[[Arrived], Refusal | None] = lambda _: None
    arrived: list[Arrived] = field(default_factory=list)
    """Everything that was acknowledged, copies included."""
    requests: list[Any] = field(default_factory=list)
    groups: list[group_pb2.Group] = field(default_factory=list)
    queued: list[queue_pb2.QueuedSignal] = field(default_factory=list)
    drifts: list[account_pb2.Drift] = field(default_factory=list)
    accounts: list[account_pb2.Account] = field(default_factory=list)
    """Empty: any name is a paper account."""
    alerts: list[record_pb2.Alert] = field(default_factory=list)
    events: list[common_pb2.Event] = field(default_factory=list)
    letters: dict[str, engine_pb2.DeadLetter] = field(default_factory=dict)
    """A retry resolves those that can be retried."""
    degraded: list[engine_pb2.Degradation] = field(default_factory=list)
    version: str = "0.2.0"
    active_alerts: int = 0
    is_ready: bool = True
    checks: list[account_pb2.AccountCheck] = field(default_factory=list)
    """What CheckAccount finds."""
    backups: list[maintenance_pb2.BackupFile] = field(default_factory=list)
    worlds: tuple[str, ...] = ("WORLD_PAPER",)
    port: int = 0

    def start(self) -> FakeDaemon:
        started = threading.Event()
        self._thread = threading.Thread(target=self._main, args=(started,), daemon=True)
        self._thread.start()
        assert started.wait(10)
        return self

    def stop(self, grace_s: float = 0.0) -> None:
        """Ends it; harmless to repeat."""
        if not self._thread.is_alive():
            return
        asyncio.run_coroutine_threadsafe(self._server.stop(grace_s), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(10)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def bodies(self) -> list[bytes]:
        return [one.body for one in self.arrived]

    def wait_for(self, count: int, timeout_s: float = 10.0) -> list[Arrived]:
        """Until so many were acknowledged."""
        give_up = time.monotonic() + timeout_s
        while len(self.arrived) < count:
            assert time.monotonic() < give_up, f"{len(self.arrived)} of {count} arrived"
            time.sleep(0.01)
        return self.arrived

    def _main(self, started: threading.Event) -> None:
        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            self._ended = asyncio.Event()
            self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
            signal_pb2_grpc.add_SignalServiceServicer_to_server(_Signals(self), self._server)
            group_pb2_grpc.add_GroupServiceServicer_to_server(_Groups(self), self._server)
            queue_pb2_grpc.add_QueueServiceServicer_to_server(_Queue(self), self._server)
            engine_pb2_grpc.add_EngineServiceServicer_to_server(_Engine(self), self._server)
            account_pb2_grpc.add_AccountServiceServicer_to_server(_Accounts(self), self._server)
            record_pb2_grpc.add_RecordServiceServicer_to_server(_Records(self), self._server)
            maintenance_pb2_grpc.add_MaintenanceServiceServicer_to_server(_Maintenance(self), self._server)
            self._server.add_generic_rpc_handlers((_health(self),))
            self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
            if self.unix_path:
                self._server.add_insecure_port(f"unix:{self.unix_path}")
            await self._server.start()
            started.set()
            await self._ended.wait()

        asyncio.run(serve())

    async def admit(self, request: Any, context: Any) -> str:
        """Who asks; refuses what the test wants refused."""
        name = type(request).DESCRIPTOR.name.removesuffix("Request")
        metadata = dict(context.invocation_metadata())
        token = str(metadata.get("authorization", "")).removeprefix("Bearer ")
        if token not in (ADMIN_TOKEN, FORWARDER_TOKEN):
            await refuse(context, Refusal(grpc.StatusCode.UNAUTHENTICATED, "no such token", "TOKEN_UNKNOWN"))
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        if name in self.refusals:
            await refuse(context, self.refusals[name])
        self.requests.append(request)
        return token

    async def world_of(self, request: Any, context: Any) -> Any:
        """The world asked about; the only one where none is named."""
        asked: int = request.world
        known = [engine_pb2.GetStatusRequest(world=name).world for name in self.worlds]
        if asked == 0 and len(known) > 1:
            await refuse(context, Refusal(grpc.StatusCode.INVALID_ARGUMENT, "name a world", "WORLD_NEEDED"))
        if asked and asked not in known:
            await refuse(context, Refusal(grpc.StatusCode.NOT_FOUND, "no such world", "NO_WORLD"))
        return asked or known[0]

    def status(self, world: Any) -> engine_pb2.Status:
        return engine_pb2.Status(
            state="ENGINE_STATE_RUNNING",
            limit_state="LIMIT_STATE_NONE",
            live_groups=len(self.groups),
            max_open_groups=10,
            queued_signals=len(self.queued),
            unrealized_pnl="12.50",
            realized_pnl="0",
            world=world,
            reporting_currency="USDT",
            version=self.version,
            alerts=self.active_alerts,
            config_version=2**53 + 1,
            last_sequence=len(self.events),
            accounts=[engine_pb2.AccountStatus(account="paper", state="ACCOUNT_STATE_READY")],
            degraded=self.degraded,
        )


async def refuse(context: Any, refusal: Refusal) -> None:
    """Ends a call as the daemon does: code, ErrorInfo, BadRequest."""
    details = []
    if refusal.reason:
        packed = any_pb2.Any()
        packed.Pack(error_details_pb2.ErrorInfo(reason=refusal.reason, domain="terrace"))
        details.append(packed)
    if refusal.fields:
        packed = any_pb2.Any()
        violations = [
            error_details_pb2.BadRequest.FieldViolation(field=path, description=text, reason="MISSING")
            for path, text in refusal.fields
        ]
        packed.Pack(error_details_pb2.BadRequest(field_violations=violations))
        details.append(packed)
    status = status_pb2.Status(code=refusal.code.value[0], message=refusal.message, details=details)
    trailer = (("grpc-status-details-bin", status.SerializeToString()),) if details else ()
    await context.abort(refusal.code, refusal.message, trailer)


def _health(daemon: FakeDaemon) -> Any:
    async def check(_request: bytes, _context: Any) -> bytes:
        if daemon.delay_s:
            await asyncio.sleep(daemon.delay_s)
        return b"\x08\x01" if daemon.is_ready else b"\x08\x02"

    handler = grpc.unary_unary_rpc_method_handler(check, request_deserializer=bytes, response_serializer=bytes)
    return grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": handler})


class _Signals(signal_pb2_grpc.SignalServiceServicer):
    def __init__(self, daemon: FakeDaemon) -> None:
        self._daemon = daemon

    async def SubmitSignal(self, request: Any, context: Any) -> Any:
        token = await self._daemon.admit(request, context)
        one = Arrived(
            source=request.source,
            body=request.body,
            request_id=request.request_id,
            receive_time_ns=request.receive_time.ToNanoseconds(),
            sender_address=request.sender_address,
            token=token,
        )
        refusal = self._daemon.on_submit(one)
        if refusal is not None:
            await refuse(context, refusal)
        self._daemon.arrived.append(one)
        return signal_pb2.SubmitSignalResponse(
            signal=signal_pb2.Signal(
                signal_id="" if request.validate_only else f"s{len(self._daemon.arrived)}",
                outcome=self._daemon.outcome,
                reason=self._daemon.reason,
                group_id="g1",
                account="paper",
                world="WORLD_PAPER",
            )
        )

    async def CheckSignal(self, request: Any, context: Any) -> Any:
        await self._daemon.admit(request, context)
        is_valid = b"tv" in request.body
        fields = [signal_pb2.FieldReading(path="tv.symbol", value='"BTCUSDT"', expression="ticker")]
        problems = (
            [] if is_valid else [common_pb2.FieldProblem(path="tv.symbol", reason="MISSING", message="is missing")]
        )
        return signal_pb2.CheckSignalResponse(
            valid=is_valid, fields=fields, signal=signal_pb2.Signal(problems=problems)
        )

    async def ListSignals(self, request: Any, context: Any) -> Any:
        await self._daemon.admit(request, context)
        start = int(request.page_token or 0)
        count = min(request.page_size, 3)
        signals = [signal_pb2.Signal(signal_id=f"s{n}", outcome="OUTCOME_OPENED") for n in range(start, start + count)]
        return signal_pb2.ListSignalsResponse(signals=signals, next_page_token=str(start + count) if start < 6 else "")


class _Groups(group_pb2_grpc.GroupServiceServicer):
    def __init__(self, daemon: FakeDaemon) -> None:
        self._daemon = daemon

    async def _find(self, request: Any, context: Any) -> group_pb2.Group:
        await self._daemon.admit(request, context)
        for group in self._daemon.groups:
            if group.group_id == request.group_id:
                return group
        await refuse(context, Refusal(grpc.StatusCode.NOT_FOUND, f"no group {request.group_id}", "GROUP_NOT_FOUND"))
        raise AssertionError

    async def GetGroup(self, request: Any, context: Any) -> Any:
        return group_pb2.GetGroupResponse(group=await self._find(request, context))

    async def ListGroups(self, request: Any, context: Any) -> Any:
        await self._daemon.admit(request, context)
        return group_pb2.ListGroupsResponse(groups=self._daemon.groups)

    async def CloseGroup(self, request: Any, context: Any) -> Any:
        group = await self._find(request, context)
        if not request.validate_only:
            group.state = group_pb2.Group(state="GROUP_STATE_CLOSING").state
        return group_pb2.CloseGroupResponse(group=group)

    async def ReduceGroup(self, request: Any, context: Any) -> Any:
        """The whole of the first leg goes with 100 %, else half of it."""
        group = await self._find(request, context)
        answer = group_pb2.ReduceGroupResponse(group=group)
        whole = request.percent == "100"
        parts = [] if whole else [group_pb2.CutPart(pyramid=0, leg=0, quantity="1")]
        answer.group.cuts.add(cut_id="manual:1", quantity="2" if whole else "1", whole=whole, parts=parts)
        if not request.validate_only:
            group.quantity = "0" if whole else "1"
        return answer

    async def CloseAllGroups(self, request: Any, context: Any) -> Any:
        await self._daemon.admit(request, context)
        failure = group_pb2.CloseFailure(group_id="g1", reason="EXCHANGE_DOWN", message="no answer")
        return group_pb2.CloseAllGroupsResponse(groups=self._daemon.groups, failures=[failure])


class _Queue(queue_pb2_grpc.QueueServiceServicer):
    def __init__(self, daemon: FakeDaemon) -> None:
        self._daemon = daemon

    async def ListQueuedSignals(self, request: Any, context: Any) -> Any:
        await self._daemon.admit(request, context)
        return queue_pb2.ListQueuedSignalsResponse(queued_signals=self._daemon.queued)

    async def RemoveQueuedSignal(self, request: Any, context: Any) -> Any:
        await self._daemon.admit(request, context)
        signal = signal_pb2.Signal(signal_id=request.signal_id, outcome="OUTCOME_REMOVED")
        return queue_pb2.RemoveQueuedSignalResponse(signal=signal)


class _Engine(engine_pb2_grpc.EngineServiceServicer):
    def __init__(self, daemon: FakeDaemon) -> None:
        self._daemon = daemon

    async def GetStatus(self, request: Any, context: Any) -> Any:
        await self._daemon.admit(request, context)
        return engine_pb2.GetStatusResponse(status=self._daemon.status(await self._daemon.world_of(request, context)))

    async def PauseEngine(self, request: Any, context: Any) -> Any:
        await self._daemon.admit(request, context)
        status = self._daemon.status(await self._daemon.world_of(request, context))
        status.state = engine_pb2.Status(state="ENGINE_STATE_PAUSED").state
        return engine_pb2.PauseEngineResponse(status=status)

    async def ListDeadLetters(self, request: Any, context: Any) -> Any:
        await self._daemon.admit(request, context)
        found = [each for each in self._daemon.letters.values() if request.include_resolved or not each.resolved]
        return engine_pb2.ListDeadLettersResponse(dead_letters=found)

    async def GetDeadLetter(self, request: Any, context: Any) -> Any:
        await self._daemon.admit(request, context)
        return engine_pb2.GetDeadLetterResponse(dead_letter=self._daemon.letters[request.dead_letter_id])

    async def RetryDeadLetter(self, request: Any, context: Any) -> Any:
        await self._daemon.admit(request, context)
        letter = self._daemon.letters[request.dead_letter_id]
        letter.attempts += 1
        letter.resolved = letter.retryable
        letter.result = "the alert was taken: opened" if letter.resolved else f"it stopped {letter.actor} again"
        return engine_pb2.RetryDeadLetterResponse(dead_letter=letter)

    async def RestartPart(self, request: Any, context: Any) -> Any:
        await self._daemon.admit(request, context)
        part = engine_pb2.Part(part=request.part, actors=["queue/paper", "pool/paper"], state="PART_STATE_RUNNING")
        return engine_pb2.RestartPartResponse(part=part)

    async def WatchEvents(self, request: Any, context: Any) -> AsyncIterator[Any]:
        await self._daemon.admit(request, context)
        daemon = self._daemon
        sent = request.after_sequence if request.HasField("after_sequence") else len(daemon.events)
        yield engine_pb2.WatchEventsResponse(last_sequence=len(daemon.events))
        while True:
            fresh = daemon.events[sent:]
            if fresh:
                sent += len(fresh)
                yield engine_pb2.WatchEventsResponse(events=fresh, last_sequence=sent)
            await asyncio.sleep(0.02)


class _Accounts(account_pb2_grpc.AccountServiceServicer):
    def __init__(self, daemon: FakeDaemon) -> None:
        self._daemon = daemon

    async def ListAccounts(self, request: Any, context: Any) -> Any:
        await self._daemon.admit(request, context)
        account = account_pb2.Account(account="paper", world="WORLD_PAPER", market="MARKET_SPOT")
        return account_pb2.ListAccountsResponse(accounts=self._daemon.accounts or [account])

    async def CheckAccount(self, request: Any, context: Any) -> Any:
        await self._daemon.admit(request, context)
        checks = self._daemon.checks
        return account_pb2.CheckAccountResponse(passed=all(one.passed for one in checks), checks=checks)

    async def ListInstruments(self, request: Any, context: Any) -> Any:
        await self._daemon.admit(request, context)
        names = [("ETH", "ETHUSDT"), ("BTC", "BTCUSDT")]
        instruments = [
            account_pb2.Instrument(symbol=f"{base}/USDT", base=base, quote="USDT", exchange_symbol=name, active=True)
            for base, name in names
        ]
        return account_pb2.ListInstrumentsResponse(instruments=instruments)

    async def GetAccount(self, request: Any, context: Any) -> Any:
        await self._daemon.admit(request, context)
        account = account_pb2.Account(account=request.account, world="WORLD_PAPER", market="MARKET_SPOT")
        named = [each for each in self._daemon.accounts if each.account == request.account]
        return account_pb2.GetAccountResponse(account=(*named, account)[0])

    async def ListDrift(self, request: Any, context: Any) -> Any:
        await self._daemon.admit(request, context)
        return account_pb2.ListDriftResponse(drifts=self._daemon.drifts)

    async def ResolveDrift(self, request: Any, context: Any) -> Any:
        await self._daemon.admit(request, context)
        drift = account_pb2.Drift()
        drift.CopyFrom(self._daemon.drifts[0])
        drift.resolution = request.resolution
        return account_pb2.ResolveDriftResponse(drift=drift)

    async def SetPaperPrice(self, request: Any, context: Any) -> Any:
        await self._daemon.admit(request, context)
        price = account_pb2.PaperPrice(account="paper", symbol=request.symbol, price=request.price, bid="1", ask="2")
        return account_pb2.SetPaperPriceResponse(price=price)


class _Records(record_pb2_grpc.RecordServiceServicer):
    def __init__(self, daemon: FakeDaemon) -> None:
        self._daemon = daemon

    async def ListAlerts(self, request: Any, context: Any) -> Any:
        await self._daemon.admit(request, context)
        return record_pb2.ListAlertsResponse(alerts=self._daemon.alerts)

    async def AcknowledgeAlert(self, request: Any, context: Any) -> Any:
        await self._daemon.admit(request, context)
        alert = record_pb2.Alert(alert_id=request.alert_id, state="ALERT_STATE_ACKNOWLEDGED")
        return record_pb2.AcknowledgeAlertResponse(alert=alert)


class _Maintenance(maintenance_pb2_grpc.MaintenanceServiceServicer):
    def __init__(self, daemon: FakeDaemon) -> None:
        self._daemon = daemon

    async def ListBackups(self, request: Any, context: Any) -> Any:
        await self._daemon.admit(request, context)
        return maintenance_pb2.ListBackupsResponse(backups=self._daemon.backups)


def a_group(group_id: str = "g1") -> group_pb2.Group:
    """A group with one pyramid of two legs, one filled and half way to its target."""
    legs = [
        group_pb2.Leg(
            index=0,
            gap_percent="0",
            weight_percent="50",
            tp_percent="2",
            price="100.00",
            quantity="2.000",
            filled_quantity="2.000",
            average_fill_price="100.00",
            tp_price="102.00",
            state="LEG_STATE_FILLED",
        ),
        group_pb2.Leg(index=1, gap_percent="1", price="99.00", quantity="2.020", state="LEG_STATE_OPEN"),
    ]
    return group_pb2.Group(
        group_id=group_id,
        account="paper",
        world="WORLD_PAPER",
        symbol="BTC/USDT",
        timeframe="15m",
        side="SIDE_LONG",
        state="GROUP_STATE_PARTIALLY_FILLED",
        quantity="2.000",
        average_entry="100.00",
        mark_price="101.00",
        unrealized_pnl="2.00",
        unrealized_pnl_percent="1.00",
        legs_filled=1,
        legs_total=2,
        pyramid_count=1,
        max_pyramids=5,
        pyramids=[group_pb2.Pyramid(index=0, entry_price="100", legs=legs)],
    )
