"""ListDrift and ResolveDrift against a real engine whose paper venue loses coins."""

from __future__ import annotations

import time

import pytest

from protos.terrace.v1 import account_pb2 as pb
from protos.terrace.v1 import types_pb2 as t
from tests.daemon.api.calls import Client, alert, refusal
from tests.daemon.api.conftest import Serve, Served
from tests.daemon.api.test_group_service import group_of, until

SWEEPS_OFTEN = {"execution": {"sweep_interval_s": 1}}


def lose(served: Served, quantity: str) -> None:
    """Coins leave the paper account without a trade."""
    from decimal import Decimal

    served.daemon._parts.exchanges["paper"]._venue._book.funds.change("BTC", -Decimal(quantity))  # type: ignore[attr-defined]


def drifts(client: Client, **changes: object) -> list[pb.Drift]:
    return list(client.accounts.ListDrift(pb.ListDriftRequest(**changes)).drifts)  # type: ignore[arg-type]


def shown(client: Client) -> pb.Account:
    return client.accounts.GetAccount(pb.GetAccountRequest(account="paper")).account


@pytest.fixture
def served(serve: Serve) -> Served:
    return serve(SWEEPS_OFTEN)


@pytest.mark.rule("ORD-7")
def test_a_difference_is_listed_held_shown_and_ignored(served: Served) -> None:
    admin = served.client()
    opened = admin.send(alert())
    until(lambda: group_of(admin, opened.group_id).legs_filled == 1)
    assert drifts(admin) == []
    assert shown(admin).reconcile_time.seconds > time.time() - 60
    lose(served, "0.001")
    until(lambda: bool(drifts(admin)), 20)
    [drift] = drifts(admin, account="paper")
    assert (drift.kind, drift.symbol, drift.group_id) == (pb.DRIFT_KIND_UNCOVERED, "BTC/USDT", opened.group_id)
    assert (drift.resolution, drift.HasField("resolve_time")) == (pb.DRIFT_RESOLUTION_UNSPECIFIED, False)
    account = shown(admin)
    assert (account.drift_count, account.state) == (1, t.ACCOUNT_STATE_DEGRADED)
    assert "BTC/USDT" in account.state_reason

    def resolve(client: Client, resolution: int, *, dry: bool = False) -> pb.Drift:
        request = pb.ResolveDriftRequest(
            drift_id=drift.drift_id,
            resolution=resolution,  # type: ignore[arg-type]
            request_id="" if dry else "r1",
            validate_only=dry,
        )
        return client.accounts.ResolveDrift(request).drift

    assert refusal(lambda: resolve(served.client("viewer"), pb.DRIFT_RESOLUTION_IGNORE)).reason == "PERMISSION_DENIED"
    assert refusal(lambda: resolve(admin, 0)).reason == "INVALID_ARGUMENT"
    dry = resolve(admin, pb.DRIFT_RESOLUTION_ADOPT, dry=True)
    assert "written down" in dry.message
    assert len(drifts(admin)) == 1
    done = resolve(served.client("operator"), pb.DRIFT_RESOLUTION_IGNORE)
    assert (done.resolution, done.HasField("resolve_time")) == (pb.DRIFT_RESOLUTION_IGNORE, True)
    assert drifts(admin) == []
    assert [each.drift_id for each in drifts(admin, include_resolved=True)] == [drift.drift_id]
    until(lambda: shown(admin).state == t.ACCOUNT_STATE_READY)


@pytest.mark.rule("ORD-7")
def test_a_difference_that_is_not_there_is_not_found(served: Served) -> None:
    admin = served.client()
    request = pb.ResolveDriftRequest(drift_id="nobody", resolution=pb.DRIFT_RESOLUTION_IGNORE, request_id="r1")
    assert refusal(lambda: admin.accounts.ResolveDrift(request)).reason == "NOT_FOUND"
    assert refusal(lambda: admin.accounts.ListDrift(pb.ListDriftRequest(account="nobody"))).reason == "NOT_FOUND"
    bad = pb.ListDriftRequest(page_token="not a token")
    assert refusal(lambda: admin.accounts.ListDrift(bad)).reason == "INVALID_ARGUMENT"
