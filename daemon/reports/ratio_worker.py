"""Sharpe and Sortino ratio, by jquantstats, in a process of its own: `python -m daemon.reports.ratio_worker`.

Reads lines, each a JSON list of daily returns as fractions; answers each with one line, a JSON object of `sharpe` and
`sortino`, null where the ratio cannot be computed. Ends when its input does, so also when the daemon dies.
"""

from __future__ import annotations

import json
import math
import os
import sys
from datetime import date, timedelta

PERIODS_PER_YEAR = 365
"""Coins trade every day."""
NICENESS = 5
"""Orders come first."""
_FIRST_DAY = date(2000, 1, 1)
"""The library wants dates; only their distance of one day matters."""


def ratios(returns: list[float]) -> dict[str, float | None]:
    """Annualised, risk-free rate 0: mean by standard deviation (n - 1), and by the root mean square of what is below 0.

    Fewer than two returns, or a divisor of zero, give None.
    """
    if len(returns) < 2:
        return {"sharpe": None, "sortino": None}
    import polars
    from jquantstats import Data

    days = [_FIRST_DAY + timedelta(days=number) for number in range(len(returns))]
    frame = polars.DataFrame({"date": days, "returns": returns})
    stats = Data.from_returns(returns=frame, date_col="date").stats
    found = {
        "sharpe": stats.sharpe(periods=PERIODS_PER_YEAR)["returns"],
        "sortino": stats.sortino(periods=PERIODS_PER_YEAR)["returns"],
    }
    return {name: value if value is not None and math.isfinite(value) else None for name, value in found.items()}


def main() -> int:
    os.nice(NICENESS)
    for line in sys.stdin:
        print(json.dumps(ratios(json.loads(line))), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
