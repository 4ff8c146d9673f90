"""Decimal helpers: steps, percentages, text.

Precision. A decimal context belongs to a thread, and the stock one has 28 digits, too few for prices, quantities and
costs of 18 places each. Importing this module gives 50 digits to the importing thread and to every thread started
afterwards; a thread that is older calls `setup_decimal()` itself. The functions here use `CONTEXT` and are exact in
any thread.
"""

from __future__ import annotations

import decimal
import re
from decimal import Decimal

PRECISION_DIGITS = 50
MAX_TEXT_CHARS = 64
"""Longest text taken for a number (SIG-2)."""
MAX_INTEGER_DIGITS = 18
"""Numbers are below 10^18: more than any coin's supply (SIG-2)."""
MAX_PLACES = 32
"""Most digits after the point; with the above, what `PRECISION_DIGITS` holds (SIG-2)."""
COST_PLACES = 18
"""Places a moved cost is rounded to (PNL-1)."""

ZERO = Decimal(0)
HUNDRED = Decimal(100)
_ONE = Decimal(1)
_COST_QUANTUM = Decimal(1).scaleb(-COST_PLACES)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,6})?")

CONTEXT = decimal.Context(
    prec=PRECISION_DIGITS,
    rounding=decimal.ROUND_HALF_EVEN,
    traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow],
)
"""What money is counted with. Operations on it are safe from several threads: only its flags change."""


def setup_decimal() -> None:
    """Gives this thread, and threads started later, the engine's precision. Harmless to repeat."""
    for context in (decimal.DefaultContext, decimal.getcontext()):
        context.prec = PRECISION_DIGITS
        context.rounding = decimal.ROUND_HALF_EVEN


setup_decimal()


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of `step` that is not above `value`. ValueError unless `step` > 0."""
    down = _toward_zero(value, step)
    return CONTEXT.subtract(down, step) if down > value else down


def ceil_to(value: Decimal, step: Decimal) -> Decimal:
    """The smallest multiple of `step` that is not below `value`. ValueError unless `step` > 0."""
    down = _toward_zero(value, step)
    return CONTEXT.add(down, step) if down < value else down


def _toward_zero(value: Decimal, step: Decimal) -> Decimal:
    if step <= 0:
        raise ValueError(f"a step must be positive, not {step}")
    return CONTEXT.multiply(CONTEXT.divide_int(value, step), step)


def percent(value: Decimal, percent: Decimal) -> Decimal:
    """`percent` per cent of `value`."""
    return CONTEXT.divide(CONTEXT.multiply(value, percent), HUNDRED)


def round_cost(cost: Decimal) -> Decimal:
    """A moved cost at its 18 places (PNL-1), half to even."""
    return CONTEXT.quantize(cost, _COST_QUANTUM)


def plain(value: Decimal) -> str:
    """Text without exponent and without needless zeros: `1E+2` is `100`, `1.50` is `1.5`, `-0.0` is `0`."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def parse_decimal(number: str | int | Decimal) -> Decimal | None:
    """The number, exactly, or None if it is none or absurd: not finite, 10^18 or more, over 32 places (SIG-2).

    Text is plain ASCII digits, sign, one point and exponent, spaces around it dropped; no digit grouping.
    The result never has a positive exponent. A bool is not a number.
    """
    if isinstance(number, bool):
        return None
    if isinstance(number, str):
        text = number.strip()
        if len(text) > MAX_TEXT_CHARS or not _NUMBER.fullmatch(text):
            return None
        number = Decimal(text)
    elif isinstance(number, int):
        if abs(number) >= 10**MAX_INTEGER_DIGITS:
            return None
        number = Decimal(number)
    return _bounded(number)


def _bounded(number: Decimal) -> Decimal | None:
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int):  # NaN and the infinities.
        return None
    if exponent < -MAX_PLACES or exponent > MAX_INTEGER_DIGITS or number.adjusted() >= MAX_INTEGER_DIGITS:
        return None
    return CONTEXT.quantize(number, _ONE) if exponent > 0 else number
