"""Topics `risk-groups` and `risk-offers`: who may be closed at a loss, whose profit could pay (RISK-1, RISK-5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from gui.live.topics import Cell, Reading, Row, Snapshot
from gui.pages.risk.settings import Settings, settings_of
from gui.pages.risk.state import ask_state
from gui.show.amounts import gain
from gui.show.moments import moment_ms, span
from gui.show.numbers import NONE, THIN, signed
from gui.show.obstacles import in_words, meaning
from protos.terrace.v1 import group_pb2
from protos.terrace.v1 import risk_pb2 as pb
from protos.terrace.v1.types_pb2 import GroupState, Side

PAGE_SIZE = 1000
MAX_SHOWN = 500
"""Candidates on the page, the nearest to an offset first."""
Groups = Mapping[str, group_pb2.Group]


async def ask_groups(reading: Reading) -> Groups:
    """All live groups by id, without their ladders. Raises ClientError."""
    found: dict[str, group_pb2.Group] = {}
    token = ""
    while True:
        request = group_pb2.ListGroupsRequest(
            world=reading.world, page_size=PAGE_SIZE, page_token=token, view=group_pb2.GROUP_VIEW_BASIC
        )
        answer = await reading.client.call(request, group_pb2.ListGroupsResponse)
        found.update({group.group_id: group for group in answer.groups})
        token = answer.next_page_token
        if not token:
            return found


async def read_groups(reading: Reading) -> Snapshot:
    """Every live group, eligible ones first, then by loss. Raises ClientError."""
    risk = await ask_state(reading)
    groups = await ask_groups(reading)
    return group_rows(risk, groups, await settings_of(reading.client, reading.now_ms))


def group_rows(risk: pb.RiskStatus, groups: Groups, settings: Settings) -> Snapshot:
    ordered = sorted(risk.groups, key=_nearest_first)[:MAX_SHOWN]
    return {one.group_id: _row(one, groups.get(one.group_id), settings) for one in ordered}


def _nearest_first(one: pb.GroupRisk) -> tuple[bool, bool, Decimal, str]:
    percent = Decimal(one.unrealized_pnl_percent) if one.unrealized_pnl_percent else Decimal(0)
    return not one.eligible, not one.unrealized_pnl_percent, percent, one.group_id


def _row(one: pb.GroupRisk, group: group_pb2.Group | None, settings: Settings) -> Row:
    return {
        "pair": one.symbol,
        "timeframe": one.timeframe,
        "account": one.account,
        "side": side_word(group),
        "percent": signed(one.unrealized_pnl_percent, 2, f"{THIN}%"),
        "amount": gain(one.unrealized_pnl if one.unrealized_pnl_percent else "", quote_of(one.symbol)),
        "pyramids": _pyramids(group, settings),
        "timer": _timer(one),
        "expire": moment_ms(one, "timer_expire_time"),
        "age": ("", "", moment_ms(group, "create_time") if group is not None else ""),
        "filter": ("TOO_YOUNG" in one.obstacles and f"eligible when older than {_age(settings)}") or "",
        "stands": _stands(one),
        "obstacles": in_words(one.obstacles),
        "meaning": meaning(one.obstacles) or "Nothing is in its way: it may be taken as loser.",
        "blocked": "yes" if one.blocked else "",
        "skipped": "yes" if one.skipped else "",
    }


def _age(settings: Settings) -> str:
    return span(settings.whole("risk.age_threshold_s"))


def _stands(one: pb.GroupRisk) -> tuple[str, str]:
    if one.blocked:
        return "blocked", "warn"
    if one.skipped:
        return "skipped once", "warn"
    return ("eligible", "bad") if one.eligible else ("not eligible", "dim")


def _timer(one: pb.GroupRisk) -> Cell:
    """Its text where it has not started; else the browser counts down to `expire`."""
    expire_ms = moment_ms(one, "timer_expire_time")
    return ("", "", expire_ms) if expire_ms else ("not started", "dim", "")


def _pyramids(group: group_pb2.Group | None, settings: Settings) -> Cell:
    """Those it has, of those that are required."""
    if group is None:
        return NONE, "dim", ""
    count, most = group.pyramid_count, group.max_pyramids
    if not settings.flag("risk.require_full_pyramids"):
        return f"{count} / {most}", "", str(count)
    required = settings.whole("risk.required_pyramids", most)
    return f"{count} / {required}", "" if count >= required else "dim", str(count)


def side_word(group: group_pb2.Group | None) -> str:
    return NONE if group is None else Side.Name(group.side).removeprefix("SIDE_").lower()


def quote_of(symbol: str) -> str:
    """`BTC/USDT` and `BTC/USDT:USDT` -> `USDT`."""
    return symbol.partition("/")[2].partition(":")[0]


# --- who could pay --------------------------------------------------------------------------------


async def read_offers(reading: Reading) -> Snapshot:
    """Groups with a profit, richest first. Raises ClientError."""
    risk = await ask_state(reading)
    groups = await ask_groups(reading)
    return offer_rows(risk, groups, await settings_of(reading.client, reading.now_ms))


def offer_rows(risk: pb.RiskStatus, groups: Groups, settings: Settings) -> Snapshot:
    """The first few that may pay are as many as are combined in one plan, in each quote currency."""
    gaining = [one for one in risk.groups if one.unrealized_pnl and Decimal(one.unrealized_pnl) > 0]
    gaining.sort(key=lambda one: (-Decimal(one.unrealized_pnl), one.group_id))
    judge = _payer(settings.whole("risk.max_winners_to_combine", 3))
    return {one.group_id: _offer(one, groups.get(one.group_id), judge) for one in gaining[:MAX_SHOWN]}


def _offer(
    one: pb.GroupRisk, group: group_pb2.Group | None, judge: Callable[[pb.GroupRisk, bool], tuple[str, str]]
) -> Row:
    is_closing = group is not None and group.state == GroupState.GROUP_STATE_CLOSING
    return {
        "pair": one.symbol,
        "timeframe": one.timeframe,
        "account": one.account,
        "side": side_word(group),
        "profit": gain(one.unrealized_pnl, quote_of(one.symbol)),
        "percent": signed(one.unrealized_pnl_percent, 2, f"{THIN}%"),
        "pays": judge(one, is_closing),
    }


def _payer(most: int) -> Callable[[pb.GroupRisk, bool], tuple[str, str]]:
    counts: dict[str, int] = {}

    def judge(one: pb.GroupRisk, is_closing: bool) -> tuple[str, str]:
        if one.blocked:
            return "blocked", "warn"
        if one.skipped:
            return "skipped once", "warn"
        if "INSTRUMENT_HELD" in one.obstacles:
            return "its books differ", "warn"
        if is_closing:
            return "closing", "dim"
        quote = quote_of(one.symbol)
        counts[quote] = counts.get(quote, 0) + 1
        if counts[quote] <= most:
            return f"{counts[quote]} of {most}", "good"
        return f"no, {most} are enough", "dim"

    return judge
