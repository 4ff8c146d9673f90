"""GroupService: shows position groups and closes them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Literal

from actors.messages import CLOSE_ALL, CancelEntries, CloseGroup, PauseEngine, ReplyTo
from actors.risk_messages import ReduceGroup
from actors.rules.choices import Market, World
from actors.rules.model import Group, GroupState, Reason, Side
from actors.rules.money import CONTEXT, HUNDRED
from actors.rules.settings import AccountSettings, FeeSettings
from daemon.api import translate_group as to
from daemon.api.account_states import describe
from daemon.api.auth import caller
from daemon.api.engine import Engine, timeout_s
from daemon.api.errors import ApiReason, Failed, faulty_field, not_found
from daemon.api.kinds import Context
from daemon.api.pages import slice_of
from daemon.api.translate import GROUP_STATE_OF, SIDE, decimal, known, milliseconds, number
from daemon.api.translate_account import liquidation_distance_percent
from daemon.store.found import GroupFilter
from protos.terrace.v1 import group_pb2 as pb
from protos.terrace.v1 import group_pb2_grpc

CLOSES_AT_ONCE = 32
"""Groups told to close at the same time by CloseAllGroups."""
PAUSE_TIMEOUT_S = 2.0
"""How long CloseAllGroups waits for the pool's pause; the closes do not wait for it at all (ORD-12)."""
PAUSE_AGAIN_S = 0.1
"""How soon the pause is asked for again while the pool is being restarted."""
CLOSE_ALL_TIMEOUT_S = 60.0
OF_THE_STORE = {Reason.STORE_FAILED.value, Reason.OUTCOME_UNKNOWN.value}
STORE_MARK_S = 0.5
"""How long CloseAllGroups waits to know whether it was the store."""
BY_HAND = (
    "the store takes no writes, and nothing is sent that is not stored first: close the positions at the exchange if "
    "it is urgent, its orders stand there; give this command again once the store is back"
)
"""What CloseAllGroups cannot do, and what helps (ORD-12)."""

_SIDE_OF: Mapping[int, Side] = {number: side for side, number in SIDE.items()}
_RESULT = {pb.GROUP_RESULT_GAIN: True, pb.GROUP_RESULT_LOSS: False}
_NOT_CLOSED = frozenset(state for state in GroupState if state is not GroupState.CLOSED)


class GroupService(group_pb2_grpc.GroupServiceServicer):
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def GetGroup(self, request: pb.GetGroupRequest, _context: Context) -> pb.GetGroupResponse:
        group = await self._find(request.group_id)
        message = self._shown(group, to.WHOLE)
        account = self._engine.settings().accounts.get(group.account)
        if account is not None and account.market is Market.SWAP and not group.is_closed:
            await self._put_liquidation(message, group, account)
        return pb.GetGroupResponse(group=message)

    async def _put_liquidation(self, message: pb.Group, group: Group, account: AccountSettings) -> None:
        """Groups on one side of an instrument are one position at the exchange."""
        now = await describe(self._engine, account)
        for position in now.positions:
            if (position.symbol, position.side) == (group.symbol, group.side):
                quote = self._engine.fresh_quote(group.account, group.symbol)
                message.liquidation_price = decimal(position.liquidation_price)
                message.liquidation_distance_percent = decimal(liquidation_distance_percent(position, quote))

    async def ListGroups(self, request: pb.ListGroupsRequest, _context: Context) -> pb.ListGroupsResponse:
        wanted = known(request.states, GROUP_STATE_OF, "states")
        if request.last_closed_first:
            wanted = frozenset({GroupState.CLOSED})
        elif not wanted:
            wanted = frozenset(GroupState) if request.include_closed else _NOT_CLOSED
        detail = to.BASIC if request.view == pb.GROUP_VIEW_BASIC else to.FULL
        world = self._engine.world_or_all(request.world)
        if wanted <= _NOT_CLOSED:
            groups = [group for group in self._live(request, world) if group.state in wanted]
            page, next_token = slice_of(request, groups)
        else:
            stored = GroupFilter(
                world=world,
                states=() if wanted == frozenset(GroupState) else tuple(wanted),
                account=request.account,
                symbol=request.symbol,
                timeframe=request.timeframe,
                side=_side(request),
                close_start_ms=_optional_ms(request, "close_start_time"),
                close_end_ms=_optional_ms(request, "close_end_time"),
                is_gain=_RESULT.get(request.result),
                by_close=request.last_closed_first,
            )
            found = await self._engine.page(self._engine.reader.list_groups, request, stored)
            newest = self._engine.view.current
            page = [newest.find(group.group_id) or group for group in found.items]
            next_token = found.next_token
        # Off the loop: a thousand groups take a fifth of a second, and alerts must not wait for a list.
        shown = await asyncio.to_thread(lambda: [self._shown(group, detail) for group in page])
        return pb.ListGroupsResponse(groups=shown, next_page_token=next_token)

    async def CloseGroup(self, request: pb.CloseGroupRequest, context: Context) -> pb.CloseGroupResponse:
        group = await self._find(request.group_id)
        is_done = group.state in (GroupState.CLOSING, GroupState.CLOSED)
        if not (request.validate_only or is_done):
            group = await self._command(group, _close(group, caller().name), context)
        return pb.CloseGroupResponse(group=self._shown(group, to.FULL))

    async def CancelEntries(self, request: pb.CancelEntriesRequest, context: Context) -> pb.CancelEntriesResponse:
        group = await self._find(request.group_id)
        who = caller().name
        if not (request.validate_only or group.is_closed):
            group = await self._command(
                group, lambda reply_to: CancelEntries(group_id=group.group_id, who=who, reply_to=reply_to), context
            )
        return pb.CancelEntriesResponse(group=self._shown(group, to.FULL))

    async def ReduceGroup(self, request: pb.ReduceGroupRequest, context: Context) -> pb.ReduceGroupResponse:
        """EXIT-6. What is closed of which leg stands in the group's newest cut, also where it is only validated."""
        group = await self._find(request.group_id)
        percent, base = _amount(request)
        if group.is_closed:
            raise Failed(ApiReason.ALREADY_CLOSED, f"group {group.group_id} is closed")
        who, size = caller().name, group.instrument.contract_size
        name = f"{who}/{request.request_id}" if request.request_id else self._engine.ids.token()
        answer = await self._engine.ask(
            f"group/{group.group_id}",
            lambda reply_to: ReduceGroup(
                group_id=group.group_id,
                cut_id=f"manual:{name}",
                percent=percent,
                quantity=None if base is None else CONTEXT.divide(base, size),
                who=who,
                reply_to=reply_to,
                is_dry_run=request.validate_only,
            ),
            context,
        )
        assert isinstance(answer, Group), answer
        return pb.ReduceGroupResponse(group=self._shown(answer, to.FULL))

    # --- everything at once -----------------------------------------------------------------------

    async def CloseAllGroups(self, request: pb.CloseAllGroupsRequest, context: Context) -> pb.CloseAllGroupsResponse:
        """ORD-12: does not need the pool, the queue or each other; says what could not be told to close."""
        world = self._engine.world(request.world)
        accounts = tuple(self._engine.account(name).name for name in dict.fromkeys(request.accounts))
        groups = [group for group in self._engine.view.current.live(world) if not accounts or group.account in accounts]
        response = pb.CloseAllGroupsResponse()
        if request.validate_only:
            response.groups.extend(self._shown(group, to.BASIC) for group in groups)
            return response
        limit_s = timeout_s(context, CLOSE_ALL_TIMEOUT_S)
        pausing = asyncio.ensure_future(self._pause(world, accounts))
        results = await asyncio.gather(*self._closes(groups, limit_s))
        paused = await pausing
        if paused is not None:
            words = f"new entries could not be paused: {paused.message}"
            response.failures.add(reason=paused.reason.value, message=words)
        for group, result in zip(groups, results, strict=True):
            if isinstance(result, Failed):
                response.failures.add(group_id=group.group_id, reason=result.reason.value, message=result.message)
            else:
                response.groups.append(self._shown(result, to.BASIC))
        if response.failures and await self._is_store_away({failure.reason for failure in response.failures}):
            response.failures.add(reason=Reason.STORE_FAILED.value, message=BY_HAND)
        return response

    async def _is_store_away(self, reasons: set[str]) -> bool:
        """Who waits for a commit hears that it failed a moment before the supervisor has marked the store."""
        loop = asyncio.get_running_loop()
        latest_s = loop.time() + (STORE_MARK_S if reasons & OF_THE_STORE else 0.0)
        while self._engine.view.current.store_ok and loop.time() < latest_s:
            await asyncio.sleep(STORE_MARK_S / 20)
        return not self._engine.view.current.store_ok

    def _closes(self, groups: Iterable[Group], limit_s: float) -> list[asyncio.Task[Group | Failed]]:
        gate, who = asyncio.Semaphore(CLOSES_AT_ONCE), caller().name

        async def close(group: Group) -> Group | Failed:
            try:
                async with asyncio.timeout(limit_s), gate:
                    return await self._command(group, _close(group, who), None)
            except TimeoutError:
                return Failed(Reason.OUTCOME_UNKNOWN, "the group has not answered in time")
            except Failed as failed:
                return failed

        return [asyncio.ensure_future(close(group)) for group in groups]

    async def _pause(self, world: World, accounts: tuple[str, ...]) -> Failed | None:
        """Tried again while the pool is being restarted: nothing new is to come after what is closed."""
        who, loop = caller().name, asyncio.get_running_loop()
        latest_s = loop.time() + PAUSE_TIMEOUT_S
        while True:
            try:
                await self._engine.ask(
                    f"pool/{world.value}",
                    lambda reply_to: PauseEngine(
                        accounts=accounts, cancel_entries=False, who=who, reply_to=reply_to, cause=CLOSE_ALL
                    ),
                    None,
                    PAUSE_TIMEOUT_S,
                )
            except Failed as failed:
                if failed.reason is not Reason.OVERLOADED or loop.time() >= latest_s:
                    return failed
                await asyncio.sleep(PAUSE_AGAIN_S)
            else:
                return None

    # --- helpers ----------------------------------------------------------------------------------

    async def _command(self, group: Group, make: Callable[[ReplyTo], object], context: Context | None) -> Group:
        """The group as it was committed. One that has closed in the meantime is the answer too."""
        try:
            answer = await self._engine.ask(f"group/{group.group_id}", make, context)
        except Failed as failed:
            now = self._engine.view.current.find(group.group_id)
            if failed.reason in (Reason.NOT_FOUND, Reason.GROUP_CLOSING) and now is not None:
                if now.state in (GroupState.CLOSING, GroupState.CLOSED):
                    return now
                if failed.reason is Reason.NOT_FOUND:  # It is in the store, only its actor is not there.
                    raise Failed(Reason.OVERLOADED, "the group is being restarted; send again") from None
            raise
        assert isinstance(answer, Group), answer
        return answer

    async def _find(self, group_id: str) -> Group:
        """Live or closed. NOT_FOUND if there is none."""
        if not group_id:
            raise not_found("group", group_id)
        group = self._engine.view.current.find(group_id)
        if group is None:
            group = await self._engine.read(self._engine.reader.get_group, group_id)
        if group is None:
            raise not_found("group", group_id)
        return group

    def _live(self, request: pb.ListGroupsRequest, world: World | None) -> list[Group]:
        """Groups that are not closed and match the filters, newest first."""
        if request.HasField("close_start_time") or request.HasField("close_end_time"):
            return []
        side, is_gain = _side(request), _RESULT.get(request.result)
        groups = [
            group
            for group in self._engine.view.current.live(world)
            if request.account in ("", group.account)
            and request.symbol in ("", group.symbol)
            and request.timeframe in ("", group.key.timeframe)
            and side in (None, group.side)
            and (is_gain is None or (group.realized > 0 if is_gain else group.realized < 0))
        ]
        return sorted(groups, key=lambda group: (group.create_time_ms, group.group_id), reverse=True)

    def _shown(self, group: Group, detail: to.Detail) -> pb.Group:
        account = self._engine.settings().accounts.get(group.account)
        fees = account.fees if account is not None else FeeSettings()
        quote = self._engine.fresh_quote(group.account, group.symbol)
        message = to.group(group, quote, fees, detail, self._engine.settings().risk)
        untraded = self._engine.why_untraded(group.account)
        if untraded and not group.is_closed:
            waits = "the close waits for it: " if group.state is GroupState.CLOSING else ""
            words = f"{waits}account {group.account} is not traded ({untraded})"
            message.state_reason = f"{message.state_reason}; {words}" if message.state_reason else words
        return message


def _side(request: pb.ListGroupsRequest) -> Side | None:
    """None: both."""
    found = known([request.side] if request.side else (), _SIDE_OF, "side")
    return next(iter(found), None)


def _optional_ms(request: pb.ListGroupsRequest, field: Literal["close_start_time", "close_end_time"]) -> int | None:
    return milliseconds(getattr(request, field)) if request.HasField(field) else None


def _amount(request: pb.ReduceGroupRequest) -> tuple[Decimal | None, Decimal | None]:
    """Per cent of what is held, or an amount of base."""
    which = request.WhichOneof("amount")
    if which is None:
        raise faulty_field("amount", "is missing: name a percent or a quantity")
    value = number(getattr(request, which), which)
    if value <= 0 or (which == "percent" and value > HUNDRED):
        raise faulty_field(which, "must be above 0 and at most 100" if which == "percent" else "must be above 0")
    return (value, None) if which == "percent" else (None, value)


def _close(group: Group, who: str) -> Callable[[ReplyTo], CloseGroup]:
    return lambda reply_to: CloseGroup(group_id=group.group_id, who=who, reply_to=reply_to)
