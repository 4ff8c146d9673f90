"""The bar: drawn on a terminal only, not more often than needed, never wider than the line."""

from __future__ import annotations

import io

from daemon.replay.model import Progress
from daemon.replay.progress import EVERY_S, Bar


class Screen(io.StringIO):
    def __init__(self, is_terminal: bool = True) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal

    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.getvalue().split("\r") if line.strip()]


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def at(candles: int, total: int = 1000, now_ms: int = 1_748_736_000_000) -> Progress:
    return Progress(candles, total, now_ms, 7, 2, "replaying")


def test_it_shows_share_day_speed_and_what_is_left() -> None:
    screen, clock = Screen(), Clock()
    bar = Bar(screen, clock, lambda: 200)
    bar(at(0))
    clock.now_s += 2
    bar(at(250))
    line = screen.lines()[-1]
    assert line == "[######..................]  25 %  2025-06-01  125 candles/s  ETA 0:06  7 alerts  2 groups"


def test_reading_files_is_said_before_there_is_a_speed() -> None:
    screen = Screen()
    Bar(screen, Clock(), lambda: 80)(Progress(0, 0, 0, 0, 0, "reading BTCUSDT-1m.csv"))
    assert screen.lines() == ["reading BTCUSDT-1m.csv  0 candles"]


def test_it_is_drawn_a_few_times_a_second_and_at_the_end() -> None:
    screen, clock = Screen(), Clock()
    bar = Bar(screen, clock, lambda: 200)
    for candles in range(1000):
        bar(at(candles))
        clock.now_s += EVERY_S / 100
    bar(at(1000))
    assert 10 <= len(screen.lines()) <= 13
    assert "100 %" in screen.lines()[-1]


def test_anywhere_but_on_a_terminal_it_is_silent() -> None:
    screen = Screen(is_terminal=False)
    bar = Bar(screen, Clock(), lambda: 80)
    bar(at(1))
    bar.close()
    assert screen.getvalue() == ""


def test_it_never_wraps_and_leaves_an_empty_line() -> None:
    screen = Screen()
    bar = Bar(screen, Clock(), lambda: 30)
    bar(at(1))
    assert max(len(part) for part in screen.getvalue().split("\r")) <= 29
    bar.close()
    assert screen.getvalue().endswith(" " * 29 + "\r")
