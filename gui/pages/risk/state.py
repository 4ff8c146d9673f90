"""Topics `risk` and `risk-running`: the risk engine's state, and what it is doing at this moment (RISK-9)."""

from __future__ import annotations

from gui.live.topics import Cell, Reading, Row, Snapshot
from gui.pages.risk.history import action_row
from gui.pages.risk.settings import Settings, settings_of
from gui.pages.risk.steps import step_rows
from gui.show.moments import moment_ms, span
from gui.show.numbers import percent
from protos.terrace.v1 import risk_pb2 as pb
from protos.terrace.v1.types_pb2 import RiskState

_STATES: dict[int, tuple[str, str, str]] = {
    RiskState.RISK_STATE_IDLE: ("idle", "good", "it looks at all groups again and again, and none is being offset now"),
    RiskState.RISK_STATE_OFFSETTING: ("offsetting", "warn", "an offset is under way"),
    RiskState.RISK_STATE_HELD: ("held", "bad", "it cannot store what it would do, so it does nothing"),
    RiskState.RISK_STATE_DISABLED: ("disabled", "warn", "switched off by risk.enabled"),
}


async def ask_state(reading: Reading) -> pb.RiskStatus:
    """The risk engine's state. Raises ClientError."""
    request = pb.GetRiskStateRequest(world=reading.world)
    answer = await reading.client.call(request, pb.GetRiskStateResponse)
    return answer.risk


async def read_state(reading: Reading) -> Snapshot:
    """One row. Raises ClientError."""
    risk = await ask_state(reading)
    return {"": state_row(risk, await settings_of(reading.client, reading.now_ms))}


def state_row(risk: pb.RiskStatus, settings: Settings) -> Row:
    word, tone, why = _STATES.get(risk.state, ("not known", "bad", ""))
    return {
        "state": (word, tone),
        "why": risk.state_reason or why,
        "evaluated": moment_ms(risk, "evaluate_time"),
        "next": moment_ms(risk, "next_evaluate_time"),
        "running": str(len(risk.running_actions)),
        "eligible": str(sum(group.eligible for group in risk.groups)),
        "groups": str(len(risk.groups)),
        **rules_row(settings),
    }


def rules_row(settings: Settings) -> dict[str, Cell]:
    """The settings a candidate is judged by, readable."""
    age_s = settings.whole("risk.age_threshold_s")
    required = settings.text("risk.required_pyramids")
    full = f"{required} pyramids" if required else "all pyramids of its strategy"
    short = "partial: closes the covered share" if settings.text("risk.insufficient") == "partial" else "skip"
    return {
        "threshold": percent(settings.text("risk.loss_threshold_percent")),
        "required": full if settings.flag("risk.require_full_pyramids") else "those it has",
        "timer": f"{span(settings.whole('risk.post_full_wait_s'))}, "
        + settings.text("risk.timer_start").replace("_", " ").replace("dca", "DCA legs"),
        "age": f"older than {span(age_s)}" if settings.flag("risk.use_trade_age_filter") else "off",
        "winners": settings.text("risk.max_winners_to_combine"),
        "insufficient": short,
        "interval": span(settings.whole("risk.evaluate_interval_s")),
    }


async def read_running(reading: Reading) -> Snapshot:
    """Actions under way, each followed by its steps as `ACTION/INDEX`. Raises ClientError."""
    return running_rows(await ask_state(reading))


def running_rows(risk: pb.RiskStatus) -> Snapshot:
    rows: dict[str, Row] = {}
    for action in risk.running_actions:
        rows[action.risk_action_id] = action_row(action)
        rows.update(step_rows(action))
    return rows
