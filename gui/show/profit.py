"""Amounts that are worked out for the screen: sums, shares, profit of what was put in. Exact; pure."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation

from gui.live.topics import Cell
from gui.show.numbers import NONE, THIN, number, signed

_EXACT = Context(prec=60)


def exact(text: str) -> Decimal | None:
    """The decimal; None where there is none."""
    try:
        found = Decimal(text) if text else None
    except InvalidOperation:
        return None
    return found if found is None or found.is_finite() else None


def share(part: Decimal, whole: Decimal) -> Decimal | None:
    """Percent, to a tenth, for a bar; between 0 and 100; None of nothing."""
    if whole <= 0:
        return None
    found = _EXACT.multiply(_EXACT.divide(part, whole), Decimal(100)).quantize(Decimal("0.1"), ROUND_HALF_EVEN)
    return min(max(found, Decimal(0)), Decimal(100))


def total_profit(realized: str, unrealized: str, equity: str, currency: str) -> tuple[Cell, Cell, str]:
    """Realised and unrealised profit together, the same in percent, and in words of what.

    The base is the equity less all profit: what was put in, deposits and withdrawals counted. Dashes where a part is
    not known: a total without its unrealised half would look like one.
    """
    first, second, worth = exact(realized), exact(unrealized), exact(equity)
    if first is None or second is None:
        return (NONE, "dim", ""), (NONE, "dim", ""), "a price is missing"
    total = _EXACT.add(first, second)
    amount = signed(format(total, "f"))
    if worth is None:
        return amount, (NONE, "dim", ""), "the equity is not known"
    base = _EXACT.subtract(worth, total)
    if base <= 0:
        return amount, (NONE, "dim", ""), "nothing was put in"
    percent = _EXACT.multiply(_EXACT.divide(total, base), Decimal(100))
    words = f"of {number(format(base, 'f'), 2)} {currency} put in (equity less all profit)"
    return amount, signed(format(percent, "f"), telling_places(percent), f"{THIN}%"), words


def telling_places(value: Decimal) -> int:
    """Two places, more where two would show nothing but zeros."""
    return 2 if not value else min(max(2, -value.adjusted()), 8)
