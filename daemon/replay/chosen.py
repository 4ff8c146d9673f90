"""Which candle files are replayed: those of symbols that an account can trade.

Others would widen the time that is replayed, and with it every figure that is reckoned by the day.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from daemon.exchanges.candles import CandleFile, candle_files
from daemon.replay.model import ReplayFault

MAX_NAMED = 10
"""Files, or symbols, that are named one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    files: tuple[CandleFile, ...]
    left_out: tuple[str, ...] = ()
    """What of the folder is not used, in words."""


def choose(path: Path, symbols: Collection[str]) -> Chosen:
    """`symbols`: as file names have them. ReplayFault where nothing is there for any of them, CandleFault where there
    is no candle file at all.
    """
    if not path.exists():
        raise ReplayFault(f"{path}: there is no such file or folder")
    found = candle_files(path)
    used = tuple(file for file in found if file.symbol in symbols)
    if not used:
        named = listed(sorted({file.symbol for file in found}))
        raise ReplayFault(f"no account of the config has a symbol of these candles: {named}")
    unused = sorted({file.path.name for file in found} - {file.path.name for file in used})
    words = []
    if unused:
        words.append(f"{_files(unused)} left out: no account of the config has the symbol ({listed(unused)})")
    strange = _strange(path, found)
    if strange:
        words.append(f"{_files(strange)} left out: not named like BTCUSDT-1m.csv ({listed(strange)})")
    return Chosen(files=used, left_out=tuple(words))


def _strange(path: Path, found: Sequence[CandleFile]) -> list[str]:
    """What is in the folder and no candle file. Hidden files are nobody's candles."""
    if not path.is_dir():
        return []
    known = {file.path.name for file in found}
    return sorted(each.name for each in path.iterdir() if each.name not in known and not each.name.startswith("."))


def _files(names: Sequence[str]) -> str:
    return f"{len(names)} file{'' if len(names) == 1 else 's'} of the candles"


def listed(names: Sequence[str]) -> str:
    more = len(names) - MAX_NAMED
    shown = ", ".join(names[:MAX_NAMED])
    return f"{shown} and {more} more" if more > 0 else shown
