"""Whether an entry may go out now, as Pool judges it from its books and the boards."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from actors.board import CatalogueBoard, MarksBoard
from actors.messages import AccountChanged
from actors.pool_admission import Admissions, Admitted
from actors.pool_books import PoolBooks
from actors.rules.choices import OnMissing
from actors.rules.model import Balance, Instrument, Reason, Refused
from actors.rules.settings import FallbackPrecision, LimitSettings, PrecisionSettings, Settings
from tests.rules.builders import NOW_MS, quote, signal, spot

D = Decimal
UNKNOWN = spot(tick_size=D(0), step_size=D(0), min_quantity=D(0), min_notional=D(0))
"""An instrument the venue names without its precision rules."""


def admissions(
    settings: Settings | None = None, instrument: Instrument | None = None, usdt: str = "1000"
) -> Admissions:
    books, marks, catalogue = PoolBooks(), MarksBoard(), CatalogueBoard()
    marks.put("paper", {"BTC/USDT": quote("100")})
    if instrument is not None:
        catalogue.put("paper", [instrument])
    balances = {"USDT": Balance(asset="USDT", free=D(usdt), locked=D(0))}
    books.accounts["paper"] = AccountChanged(account="paper", ready=True, detail="", balances=balances)
    return Admissions(books, marks, catalogue, lambda: settings or Settings())


def judge(judged: Admissions) -> Admitted | Refused:
    return judged.open(signal(), now_ms=NOW_MS, leaving=None)


def reason(judged: Admitted | Refused) -> Reason | None:
    return judged.reason if isinstance(judged, Refused) else None


@pytest.mark.rule("PRC-4")
@pytest.mark.parametrize("instrument", [None, UNKNOWN])
def test_an_entry_without_precision_rules_waits_for_them(instrument: Instrument | None) -> None:
    assert reason(judge(admissions(instrument=instrument))) is Reason.PRECISION_MISSING


@pytest.mark.rule("PRC-4")
def test_the_fallback_rules_of_the_config_stand_in_where_it_says_so() -> None:
    fallback = FallbackPrecision(tick_size=D("0.5"), step_size=D("0.1"), min_quantity=D("0.1"), min_notional=D(1))
    settings = Settings(precision=PrecisionSettings(on_missing=OnMissing.FALLBACK, fallback=fallback))
    judged = judge(admissions(settings, UNKNOWN))
    assert isinstance(judged, Admitted)
    assert [leg.price for leg in judged.plan.legs] == [D("100.0"), D("99.5"), D("99.0"), D("98.5"), D("98.0")]
    assert {leg.quantity for leg in judged.plan.legs} == {D("0.4")}
    assert judged.instrument.step_size == D("0.1")


@pytest.mark.rule("POOL-3")
def test_an_entry_must_be_paid_for_by_what_is_free() -> None:
    assert isinstance(judge(admissions(instrument=spot(), usdt="201")), Admitted)
    assert reason(judge(admissions(instrument=spot(), usdt="199"))) is Reason.INSUFFICIENT_BALANCE


@pytest.mark.rule("POOL-3")
def test_an_entry_over_the_exposure_limit_waits() -> None:
    settings = Settings(limits=LimitSettings(max_total_exposure=D(199)))
    assert reason(judge(admissions(settings, spot()))) is Reason.MAX_TOTAL_EXPOSURE


@pytest.mark.rule("ORD-10", "SIG-1")
def test_an_entry_without_a_price_of_its_own_waits_while_the_mark_is_stale() -> None:
    judged = admissions(instrument=spot())
    bare = replace(signal(), entry_price=None)
    assert isinstance(judged.open(bare, now_ms=NOW_MS, leaving=None), Admitted)
    late_ms = NOW_MS + 31_000
    assert reason(judged.open(bare, now_ms=late_ms, leaving=None)) is Reason.PRICE_MISSING
