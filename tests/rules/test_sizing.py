"""How big a pyramid is."""

from __future__ import annotations

import pytest

from actors.rules.choices import SizingSource
from actors.rules.model import Instrument, Intent, Reason, Refused, SizeType
from actors.rules.settings import SizingSettings
from actors.rules.sizing import Size, size_of
from tests.rules.builders import D, signal, spot, swap

BY_SIGNAL = SizingSettings(source=SizingSource.SIGNAL)


def by_signal(amount: str | None, kind: SizeType, instrument: Instrument) -> Size | Refused:
    asked = signal(order_size=None if amount is None else D(amount), size_type=kind)
    return size_of(BY_SIGNAL, index=0, signal=asked, instrument=instrument, entry_price=D(100))


@pytest.mark.rule("DCA-3")
@pytest.mark.parametrize(("index", "capital"), [(0, "200"), (1, "300"), (2, "200")])
def test_capital_by_config_may_differ_by_pyramid(index: int, capital: str) -> None:
    sizing = SizingSettings(capital_per_pyramid=D(200), capital_by_pyramid={1: D(300)})
    size = size_of(sizing, index=index, signal=signal(), instrument=spot(), entry_price=D(100))
    assert size == Size(capital=D(capital))


@pytest.mark.rule("DCA-3")
@pytest.mark.parametrize(
    ("kind", "quantity", "capital"), [("base", "3", "300"), ("contracts", "3", "300"), ("quote", None, "3")]
)
def test_a_signals_size_on_spot(kind: str, quantity: str | None, capital: str) -> None:
    expected = Size(capital=D(capital), quantity=None if quantity is None else D(quantity))
    assert by_signal("3", SizeType(kind), spot()) == expected


@pytest.mark.rule("DCA-3", "SIG-6")
@pytest.mark.parametrize(
    ("kind", "order", "before", "after", "expected"),
    [
        ("contracts", "5", "2", "3", Size(capital=D(300), quantity=D(3))),
        ("base", "5", "-2", "3", Size(capital=D(300), quantity=D(3))),
        ("quote", "500", "2", "3", Size(capital=D(300))),
        ("contracts", "5", None, "3", Size(capital=D(300), quantity=D(3))),
        ("quote", "500", None, "3", Size(capital=D(500))),
        ("contracts", "5", "2", None, Size(capital=D(500), quantity=D(5))),
    ],
)
def test_a_reverse_is_sized_without_what_closes_the_old_side(
    kind: str, order: str, before: str | None, after: str | None, expected: Size
) -> None:
    asked = signal(
        Intent.REVERSE,
        order_size=D(order),
        size_type=SizeType(kind),
        prev_market_position_size=None if before is None else D(before),
        market_position_size=None if after is None else D(after),
    )
    assert size_of(BY_SIGNAL, index=0, signal=asked, instrument=spot(), entry_price=D(100)) == expected


@pytest.mark.rule("DCA-3")
@pytest.mark.parametrize(
    ("kind", "quantity", "capital"), [("base", "300", "300"), ("contracts", "3", "3"), ("quote", None, "3")]
)
def test_a_signals_size_on_a_swap_of_hundredths(kind: str, quantity: str | None, capital: str) -> None:
    expected = Size(capital=D(capital), quantity=None if quantity is None else D(quantity))
    assert by_signal("3", SizeType(kind), swap(contract_size=D("0.01"))) == expected


@pytest.mark.rule("DCA-3")
@pytest.mark.parametrize("amount", [None, "0"])
def test_a_signal_without_a_size_cannot_be_sized_by(amount: str | None) -> None:
    refused = by_signal(amount, SizeType.QUOTE, spot())
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.SIZE_MISSING


@pytest.mark.rule("DCA-3")
def test_a_share_of_the_accounts_equity() -> None:
    sizing = SizingSettings(source=SizingSource.EQUITY_PERCENT, equity_percent=D("2.5"))
    asked = signal()
    size = size_of(sizing, index=0, signal=asked, instrument=spot(), entry_price=D(100), equity=D(10_000))
    assert size == Size(capital=D(250))
    for equity in (None, D(0), D(-5)):
        refused = size_of(sizing, index=0, signal=asked, instrument=spot(), entry_price=D(100), equity=equity)
        assert isinstance(refused, Refused)
        assert refused.reason is Reason.SIZE_MISSING


@pytest.mark.rule("DCA-3")
def test_an_amount_of_quote_buys_more_at_a_deeper_price_and_a_fixed_quantity_does_not() -> None:
    money, coins = Size(capital=D(1000)), Size(capital=D(1000), quantity=D(10))
    assert money.leg_quantity(D(20), D(80), spot()) == D("2.5")
    assert coins.leg_quantity(D(20), D(80), spot()) == D(2)
    assert money.leg_quantity(D(20), D(80), swap(contract_size=D("0.1"))) == D(25)
