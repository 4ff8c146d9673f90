"""The process that computes ratios: its answers, its end, its failures (PNL-4)."""

from __future__ import annotations

import asyncio
import os
from decimal import Decimal

import pytest

from daemon.reports import ratios
from daemon.reports.ratios import RatioFault, RatioPair, Ratios

D = Decimal
UP_DOWN = [D("0.1"), D("-0.1"), D("0.1")]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.rule("PNL-4")
def test_ratios_are_annualised_over_365_days_with_a_risk_free_rate_of_zero() -> None:
    async def ask() -> None:
        asked = Ratios(wait_s=60)
        # Mean 1/30, standard deviation (n - 1) 0.11547, root mean square of losses 0.1 / root 3; times the root of 365.
        assert await asked.of(UP_DOWN) == RatioPair(sharpe=D("5.5151"), sortino=D("11.0303"))
        pid = asked.pid
        assert pid is not None
        assert await asked.of([D(0), D("0.01")]) == RatioPair(sharpe=D("13.5093"), sortino=None)  # No loss: no divisor.
        assert await asked.of([D("0.01")] * 5) == RatioPair()  # No deviation either.
        assert await asked.of([D("0.01")]) == RatioPair()
        assert asked.pid == pid
        await asked.close()
        assert not alive(pid)

    asyncio.run(ask())


def test_a_dead_process_is_a_fault_and_the_next_question_has_a_new_one() -> None:
    async def ask() -> None:
        asked = Ratios(wait_s=60)
        await asked.of(UP_DOWN)
        pid = asked.pid
        assert pid is not None
        os.kill(pid, 9)
        with pytest.raises(RatioFault):
            await asked.of([D("0.1"), D("-0.2")])
        assert (await asked.of(UP_DOWN)).sharpe == D("5.5151")  # Known without asking.
        assert (await asked.of([D("0.1"), D("-0.2")])).sharpe is not None
        await asked.close()

    asyncio.run(ask())


def test_an_answer_that_takes_too_long_is_a_fault_and_nothing_is_left_behind() -> None:
    async def ask() -> None:
        asked = Ratios(answer_limit_s=0.001)
        with pytest.raises(RatioFault, match="could not be computed"):
            await asked.of(UP_DOWN)
        assert asked.pid is None

    asyncio.run(ask())


def test_a_question_does_not_wait_long_and_the_next_has_the_answer() -> None:
    async def ask() -> None:
        asked = Ratios(wait_s=0.001)
        with pytest.raises(RatioFault, match="ask again"):
            await asked.of(UP_DOWN)
        asked._wait_s = 60
        assert (await asked.of(UP_DOWN)).sharpe == D("5.5151")
        pid = asked.pid
        await asked.close()
        assert pid is not None
        assert not alive(pid)

    asyncio.run(ask())


def test_closing_ends_what_is_still_being_computed() -> None:
    async def ask() -> None:
        asked = Ratios(wait_s=0.2)
        with pytest.raises(RatioFault, match="ask again"):
            await asked.of(UP_DOWN)
        pid = asked.pid
        await asked.close()
        assert asked.pid is None
        assert pid is None or not alive(pid)

    asyncio.run(ask())


def test_nobody_asking_ends_the_process() -> None:
    async def ask() -> None:
        asked = Ratios(idle_s=0.01, wait_s=60)
        await asked.of(UP_DOWN)
        pid = asked.pid
        for _ in range(500):
            if asked.pid is None and (pid is None or not alive(pid)):
                break
            await asyncio.sleep(0.02)
        assert asked.pid is None
        assert pid is None or not alive(pid)
        await asked.close()

    asyncio.run(ask())


def test_the_process_gets_no_secret_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXCHANGE_API_SECRET", "secret")
    assert "EXCHANGE_API_SECRET" not in ratios.inherited()
